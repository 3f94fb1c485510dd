/* SPDX-License-Identifier: MIT */
/* base - the few words that every file of the program speaks.
 *
 * Plain data only: byte views, the two kinds of time, ownership by scope.
 * Cores take time as an argument (struct moment); only shells read clocks.
 */
#pragma once

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A local that owns: `owned (json_unref) json_t *root` is released on every
 * path out of its scope. The function takes a pointer to the variable. */
#define owned(release) __attribute__ ((cleanup (release)))

#define ARRAY_SIZE(array) (sizeof (array) / sizeof ((array)[0]))

/* Bytes that belong to someone else and stay valid during the call. */
struct bytes {
    const uint8_t *data; /* borrowed; may be NULL when size is 0 */
    size_t size;
};

static inline struct bytes
bytes_of (const void *data, size_t size)
{
    return (struct bytes){.data = data, .size = size};
}

static inline struct bytes
bytes_of_text (const char *text)
{
    return (struct bytes){.data = (const uint8_t *)text, .size = strlen (text)};
}

static inline bool
bytes_equal (struct bytes a, struct bytes b)
{
    return a.size == b.size
           && (a.size == 0 || memcmp (a.data, b.data, a.size) == 0);
}

#define SECOND_US INT64_C (1000000)
#define MILLISECOND_US INT64_C (1000)

/* A point of the monotonic clock: a struct, so that it cannot be mixed up with
 * a time of day. */
struct instant {
    int64_t us;
};

/* Now, in both clocks, read once a turn of a shell's loop. */
struct moment {
    struct instant mono;
    int64_t unix_us; /* time of day; may jump */
};

static inline struct instant
instant_after (struct instant from, int64_t us)
{
    return (struct instant){.us = from.us + us};
}

static inline int64_t
instant_since (struct instant now, struct instant then)
{
    return now.us - then.us;
}

static inline bool
instant_reached (struct instant now, struct instant deadline)
{
    return now.us >= deadline.us;
}

static inline int64_t
moment_unix_s (struct moment now)
{
    return now.unix_us / SECOND_US;
}
