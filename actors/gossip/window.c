/* SPDX-License-Identifier: MIT */
/* window - the newest journal entries, in memory, by sequence number.
 *
 *   in   entries of the live feed, in order
 *   out  the same, from any sequence number that is still held
 *   owns copies of the payloads
 */
#include "actors/gossip/window.h"

#include <stdlib.h>

struct window {
    struct gossip_entry **ring; /* owned, each as well; room is a power of 2 */
    size_t room;
    size_t first;
    size_t count;
    size_t bytes; /* of payload held */
    size_t bytes_max;
};

struct window *
window_create (size_t bytes)
{
    struct window *self = calloc (1, sizeof *self);
    if (self)
        self->bytes_max = bytes;
    return self;
}

static struct gossip_entry *
window_at (const struct window *self, size_t index)
{
    return self->ring[(self->first + index) & (self->room - 1)];
}

static void
window_drop_first (struct window *self)
{
    struct gossip_entry *entry = window_at (self, 0);
    self->bytes -= entry->size;
    self->first = (self->first + 1) & (self->room - 1);
    self->count--;
    free (entry);
}

void
window_destroy (struct window **window)
{
    struct window *self = *window;
    if (!self)
        return;
    *window = NULL;
    while (self->count > 0)
        window_drop_first (self);
    free (self->ring);
    free (self);
}

struct gossip_entry *
window_entry_create (const struct link_feed_entry *fed)
{
    struct gossip_entry *entry = malloc (sizeof *entry + fed->payload.size);
    if (!entry)
        return NULL;
    *entry = (struct gossip_entry){.seq = fed->seq,
                                   .command = fed->command,
                                   .received_us = fed->received_us,
                                   .timestamp = fed->timestamp,
                                   .id = fed->id,
                                   .size = fed->payload.size};
    memcpy (entry->payload, fed->payload.data, fed->payload.size);
    return entry;
}

static int
window_grow (struct window *self)
{
    if (self->count < self->room)
        return 0;
    size_t room = self->room ? self->room * 2 : 64;
    struct gossip_entry **ring = calloc (room, sizeof *ring);
    if (!ring)
        return -ENOMEM;
    for (size_t i = 0; i < self->count; i++)
        ring[i] = window_at (self, i);
    free (self->ring);
    self->ring = ring;
    self->room = room;
    self->first = 0;
    return 0;
}

int
window_add (struct window *self, const struct link_feed_entry *fed)
{
    int rc = window_grow (self);
    if (rc != 0)
        return rc;
    struct gossip_entry *entry = window_entry_create (fed);
    if (!entry)
        return -ENOMEM;
    while (self->count > 0 && self->bytes + entry->size > self->bytes_max)
        window_drop_first (self);
    self->ring[(self->first + self->count) & (self->room - 1)] = entry;
    self->count++;
    self->bytes += entry->size;
    return 0;
}

uint64_t
window_drop_stale (struct window *self, int64_t oldest_s)
{
    uint64_t dropped = 0;
    /* The newest stays: an idle relay's window is never empty for nothing. */
    while (self->count > 1 && window_at (self, 0)->timestamp < oldest_s) {
        dropped = window_at (self, 0)->seq;
        window_drop_first (self);
    }
    return dropped;
}

const struct gossip_entry *
window_from (const struct window *self, uint64_t seq)
{
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (window_at (self, middle)->seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < self->count ? window_at (self, low) : NULL;
}

const struct gossip_entry *
window_first (const struct window *self)
{
    return self->count > 0 ? window_at (self, 0) : NULL;
}
