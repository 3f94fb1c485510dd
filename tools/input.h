/* SPDX-License-Identifier: MIT */
/* input - governance messages from a file or from standard input. */
#pragma once

#include "base.h"
#include "tools/tool.h"

#define INPUT_MAX ((size_t)16 << 20) /* bytes: 256 of the largest messages */

/* The messages of one file, verbatim. */
struct input {
    char *text;             /* owned */
    struct bytes *messages; /* in TEXT; owned */
    size_t count;           /* at least 1; an empty file is an empty message */
};

/* Reads PATH, standard input if it is NULL or "-": one JSON message, or one a
 * line. The line end after a message is no part of it.
 *
 * Returns: TOOL_YES, or TOOL_NO after saying why.
 * Out:     ret, for input_done, on success only.
 */
int input_read (struct tool *tool, const char *path, struct input *ret);
void input_done (struct input *input);

/* Reads all of PATH (as above), at most MAX bytes and a NUL; *ret_text is yours
 * to free (). Returns TOOL_YES, or TOOL_NO after saying why. */
int input_read_text (struct tool *tool, const char *path, size_t max,
                     char **ret_text, size_t *ret_size);

/* Returns how to call PATH in a message: itself, or "standard input". */
const char *input_name (const char *path);
