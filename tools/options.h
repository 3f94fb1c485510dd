/* SPDX-License-Identifier: MIT */
/* options - the command line of one command, by one small table. */
#pragma once

#include "base.h"

#define OPTIONS_MAX 16   /* rows of a table */
#define OPERANDS_MAX 256 /* FILEs and TOPICs on one line */
#define OPTIONS_PROBLEM_MAX 256

/* One option. A table of them ends in a row of zeros. */
struct option_row {
    const char *name;     /* "key" for --key */
    const char *value;    /* what its value is called, "FILE"; NULL: a flag */
    const char *sentence; /* for the help */
};

/* What stood on the line. All text is borrowed from it. */
struct arguments {
    const char *option[OPTIONS_MAX]; /* by row: its value, "" for a flag; NULL
                                        when it was not given */
    const char *operand[OPERANDS_MAX];
    size_t operands;
};

/* Reads WORDS: `--name VALUE`, `--name=VALUE`, `--flag`, operands; `-` is an
 * operand, and after `--` everything is.
 *
 * Returns: 0 or -EINVAL.
 * Out:     ret on success; ret_problem, a sentence, on failure.
 */
int arguments_read (const struct option_row *options, char *const *words,
                    size_t count, struct arguments *ret,
                    char ret_problem[OPTIONS_PROBLEM_MAX]);

/* Returns 0 and sets *ret if TEXT is a decimal integer from MIN to MAX and
 * nothing else, else -EINVAL. */
int integer_read (const char *text, int64_t min, int64_t max, int64_t *ret);

/* Returns that one of the COUNT NAMES which was probably meant by WORD, or
 * NULL. */
const char *name_meant (const char *word, const char *const *names,
                        size_t count);
