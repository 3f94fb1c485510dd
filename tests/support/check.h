/* SPDX-License-Identifier: MIT */
/* check - checks that say what was expected, in words: the expression, its
 * value, and the error or verdict behind it. For cmocka tests.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "messages/verdict.h"

/* Fails unless EXPR, an int, is 0. */
#define CHECK_OK(expr) check_error ((expr), 0, #expr, __FILE__, __LINE__)

/* Fails unless EXPR is ERROR, as -EPROTO. */
#define CHECK_ERR(expr, error)                                                 \
    check_error ((expr), (error), #expr, __FILE__, __LINE__)

/* Fails unless the verdict EXPR is VERDICT. */
#define CHECK_VERDICT(expr, verdict)                                           \
    check_verdict ((expr), (verdict), #expr, __FILE__, __LINE__)

/* Fails unless the bytes EXPR are those of the text. */
#define CHECK_BYTES(expr, text)                                                \
    check_bytes ((expr), bytes_of_text (text), #expr, __FILE__, __LINE__)

void check_error (int value, int expected, const char *text, const char *file,
                  int line);
void check_verdict (enum verdict value, enum verdict expected, const char *text,
                    const char *file, int line);
void check_bytes (struct bytes value, struct bytes expected, const char *text,
                  const char *file, int line);
