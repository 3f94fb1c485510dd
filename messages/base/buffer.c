/* SPDX-License-Identifier: MIT */
/* buffer - bytes that grow at the end and are taken from the front.
 *
 *   in   bytes
 *   out  the same bytes, in order
 *   owns one block of memory, at most twice what it held at its fullest
 */
#include "buffer.h"

#include <stdlib.h>

#define BUFFER_ROOM_MIN 256

void
buffer_done (struct buffer *buffer)
{
    free (buffer->data);
    *buffer = (struct buffer){0};
}

int
buffer_reserve (struct buffer *buffer, size_t more)
{
    if (more <= buffer->room - buffer->size - buffer->start)
        return 0;
    if (more > SIZE_MAX / 4 || buffer->size > SIZE_MAX / 4)
        return -ENOMEM;
    /* Moving is cheap only when more was taken than is left: so each byte is
     * moved once at most, whatever the portions. */
    if (buffer->start >= buffer->size && more <= buffer->room - buffer->size) {
        memmove (buffer->data, buffer->data + buffer->start, buffer->size);
        buffer->start = 0;
        return 0;
    }

    size_t room =
        buffer->room < BUFFER_ROOM_MIN ? BUFFER_ROOM_MIN : buffer->room * 2;
    if (room < buffer->size + more)
        room = buffer->size + more;
    uint8_t *data = realloc (buffer->data, room);
    if (!data)
        return -ENOMEM;
    if (buffer->start > 0)
        memmove (data, data + buffer->start, buffer->size);
    buffer->data = data;
    buffer->start = 0;
    buffer->room = room;
    return 0;
}

int
buffer_append (struct buffer *buffer, struct bytes bytes)
{
    if (bytes.size == 0)
        return 0;
    int rc = buffer_reserve (buffer, bytes.size);
    if (rc != 0)
        return rc;
    memcpy (buffer->data + buffer->start + buffer->size, bytes.data,
            bytes.size);
    buffer->size += bytes.size;
    return 0;
}

void
buffer_take (struct buffer *buffer, size_t size, size_t keep)
{
    assert (size <= buffer->size);
    buffer->start += size;
    buffer->size -= size;
    if (buffer->size > 0)
        return;
    buffer->start = 0;
    if (buffer->room > keep)
        buffer_done (buffer);
}
