/* SPDX-License-Identifier: MIT */
/* json_shape - is it JSON at all, how deep, and how much of it is white space?
 *
 * Answers before any value is built, in one pass and without the heap.
 */
#pragma once

#include "base.h"

#define JSON_SHAPE_TEXT_MAX 65536 /* bytes; bounds the nesting we can follow */

struct json_shape {
    bool is_object;     /* else an array or a single value */
    size_t nesting;     /* deepest; {} is 1, 5 is 0 */
    size_t white_space; /* bytes outside strings */
};

/* Returns 0 and sets *ret_shape if TEXT is one JSON text (RFC 8259, UTF-8),
 * else -EBADMSG; -EMSGSIZE if it is longer than JSON_SHAPE_TEXT_MAX. */
int json_shape_of (struct bytes text, struct json_shape *ret_shape);
