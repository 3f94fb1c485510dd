/* SPDX-License-Identifier: MIT */
/* buffer - bytes that grow at the end and are taken from the front. */
#pragma once

#include "base.h"

struct buffer {
    uint8_t *data; /* owned; NULL when room is 0 */
    size_t size;   /* bytes in use, from data[start] */
    size_t start;  /* bytes already taken from the front */
    size_t room;   /* bytes allocated */
};

/* Frees the memory; the buffer is empty and usable again. */
void buffer_done (struct buffer *buffer);

/* Makes place for MORE bytes at the end. Returns 0 or -ENOMEM. */
int buffer_reserve (struct buffer *buffer, size_t more);

/* Appends a copy of BYTES. Returns 0 or -ENOMEM (nothing appended). */
int buffer_append (struct buffer *buffer, struct bytes bytes);

/* Drops SIZE bytes off the front; an empty buffer over KEEP bytes of room gives
 * its memory back. */
void buffer_take (struct buffer *buffer, size_t size, size_t keep);

static inline struct bytes
buffer_bytes (const struct buffer *buffer)
{
    return buffer->data ? bytes_of (buffer->data + buffer->start, buffer->size)
                        : (struct bytes){0};
}

static inline void
buffer_clear (struct buffer *buffer)
{
    buffer->start = 0;
    buffer->size = 0;
}
