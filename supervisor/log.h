/* SPDX-License-Identifier: MIT */
/* log - lines for people and for machines, on standard error.
 *
 * `log_info ("DEDUP-OPEN", "journal=%s entries=%zu", path, n)`: a stable id,
 * then key=value. Only shells log. Text that a peer chose goes through
 * log_quote. The hot path has counters, not lines. The log is the one piece of
 * process-wide state; it is opened once, before the first thread.
 */
#pragma once

#include "base.h"

enum log_level {
    LEVEL_BROKEN, /* we have a bug; any test run that shows one fails */
    LEVEL_WARN,   /* an operator should look */
    LEVEL_INFO,
    LEVEL_DEBUG,
    LEVEL_WIRE,
    LOG_LEVELS_
};

enum log_format { LOG_TEXT, LOG_JSON };

/* Sets where lines go: FD (borrowed), least important LEVEL shown, FORMAT. */
void log_open (int fd, enum log_level level, enum log_format format);
void log_set_level (enum log_level level);
/* Returns 0 and sets *ret_level, or -ENOENT. */
int log_level_from_name (const char *name, enum log_level *ret_level);

/* Names the calling thread in its lines ("verifier.0"); copied, 31 bytes. */
void log_name_thread (const char *name);

/* Returns true when a line of LEVEL would be shown. */
bool log_shows (enum log_level level);

/* Writes TEXT quoted and escaped into BUFFER (always NUL-terminated, cut to
 * fit) and returns BUFFER: what a stranger wrote cannot forge a line. */
const char *log_quote (char *buffer, size_t room, struct bytes text);

void log_line (enum log_level level, const char *id, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

#define log_broken(id, ...) log_line (LEVEL_BROKEN, id, __VA_ARGS__)
#define log_warn(id, ...) log_line (LEVEL_WARN, id, __VA_ARGS__)
#define log_info(id, ...) log_line (LEVEL_INFO, id, __VA_ARGS__)
#define log_debug(id, ...)                                                     \
    (log_shows (LEVEL_DEBUG) ? log_line (LEVEL_DEBUG, id, __VA_ARGS__)         \
                             : (void)0)
