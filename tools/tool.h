/* SPDX-License-Identifier: MIT */
/* tool - what every command of govrelay is given, and how it speaks.
 *
 * Standard output carries the answer, standard error what went wrong: what,
 * where, why, and what would do. Nothing that a stranger wrote reaches a
 * terminal unescaped.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "base.h"
#include "messages/bitcoin/network.h"
#include "tools/options.h"
#include "tools/target.h"

/* The exit codes of the tool (architecture.md). */
enum tool_exit {
    TOOL_YES = 0,
    TOOL_NO = 1,          /* refused, or the answer is no */
    TOOL_UNREACHABLE = 2, /* nobody there who could answer */
    TOOL_USAGE = 3,
};

struct tool {
    int input;        /* standard input; borrowed */
    FILE *output;     /* borrowed */
    FILE *errors;     /* borrowed */
    const char *home; /* the user's directory; NULL: unknown; borrowed */
    bool colour;      /* OUTPUT is a terminal that wants it */

    /* Set before a command runs. */
    const char *command;              /* "sign veto"; borrowed */
    const struct option_row *options; /* of it; borrowed */
};

/* Each says what is wrong on tool->errors and returns the exit code; the first
 * adds where the help is. */
int tool_usage (struct tool *tool, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
int tool_fail (struct tool *tool, enum tool_exit code, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/* Writes OBJECT (taken) to tool->output as one line of JSON, in ASCII. Returns
 * TOOL_YES, or TOOL_NO after saying that there is no memory (also when OBJECT
 * is NULL). */
int tool_print_json (struct tool *tool, json_t *object);

/* Writes one line of a table for people: NAME, then VALUE, escaped. */
void tool_print_row (struct tool *tool, const char *name, const char *value);

/* Writes TEXT (UTF-8) with whatever could steer a terminal or turn the line
 * around as \uXXXX. */
void text_print (FILE *file, const char *text);

/* Each reads option ROW of the running command; FALLBACK, or *ret as it is,
 * when it was not given. Returns TOOL_YES, or TOOL_USAGE after saying why. */
int tool_integer (struct tool *tool, const struct arguments *arguments,
                  size_t row, int64_t min, int64_t max, int64_t fallback,
                  int64_t *ret);
int tool_network (struct tool *tool, const struct arguments *arguments,
                  size_t row, enum network *ret);

/* Reads TEXT as the HOST:PORT of a relay of NETWORK. Returns TOOL_YES, or
 * TOOL_USAGE after saying why. */
int tool_target (struct tool *tool, const char *text, enum network network,
                 struct target *ret);

/* Returns TOOL_YES if every one of the COUNT ROWS was given, else TOOL_USAGE
 * after naming the first that was not. */
int tool_require (struct tool *tool, const struct arguments *arguments,
                  const size_t *rows, size_t count);

/* The time of day in Unix seconds, and both clocks. */
int64_t clock_unix_s (void);
struct moment clock_moment (void);
