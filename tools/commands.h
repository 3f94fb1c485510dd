/* SPDX-License-Identifier: MIT */
/* commands - the whole tool as one function. */
#pragma once

#include "tools/tool.h"

/* Runs the command that WORDS (without the program's name) say. Returns an
 * enum tool_exit; TOOL_NO also when standard output could not be written. */
int commands_run (struct tool *tool, char *const *words, size_t count);
