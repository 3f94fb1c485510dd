/* SPDX-License-Identifier: MIT */
/* tool_support - what the tests of the tool share: a command that is run in
 * this process, and a directory of its own. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tools/commands.h"

/* What a command said. */
struct run {
    int code;
    char *output; /* owned */
    char *errors; /* owned */
};

/* Runs the command that WORDS, up to a NULL, say; INPUT (may be NULL) is its
 * standard input. HOME is the directory below. */
struct run run_words (const char *input, size_t input_size,
                      const char *const *words);
void run_done (struct run *run);

#define RUN(...) run_words (NULL, 0, (const char *const[]){__VA_ARGS__, NULL})
#define RUN_WITH(input, ...)                                                   \
    run_words (input, strlen (input), (const char *const[]){__VA_ARGS__, NULL})

/* Runs WORDS and fails unless it ends with CODE and, if TEXT is not NULL, says
 * TEXT on standard output (code 0) or standard error (else). */
#define CHECK_RUN(code, text, ...)                                             \
    run_check (RUN (__VA_ARGS__), code, text, __FILE__, __LINE__)
#define CHECK_RUN_WITH(input, code, text, ...)                                 \
    run_check (RUN_WITH (input, __VA_ARGS__), code, text, __FILE__, __LINE__)
void run_check (struct run run, int code, const char *text, const char *file,
                int line);

/* A private directory for each test (cmocka set-up and tear-down). */
int directory_make (void **state);
int directory_remove (void **state);

/* Returns DIRECTORY/NAME, yours to free (). */
char *path_in (void **state, const char *name);

/* Writes TEXT to a new file NAME; returns its path, yours to free (). */
char *file_make (void **state, const char *name, const char *text);

/* Makes a key of TYPE for regtest in NAME; returns its path, as above. */
char *key_make (void **state, const char *name, const char *type);

/* Returns a signed veto on pull request PR, without a line end; yours. */
char *veto_make (const char *key, const char *pr);

/* Returns the text of KEY in the JSON object LINE; yours to free (). */
char *json_text_of (const char *line, const char *key);
