/* SPDX-License-Identifier: MIT */
/* window - the newest journal entries, in memory, by sequence number. */
#pragma once

#include "actors/gossip/gossip.h"

struct window;

/* Returns an empty window that holds at most BYTES of payload, or NULL. */
struct window *window_create (size_t bytes);
void window_destroy (struct window **window);

/* Adds an entry newer than all; the oldest go when it is full. Returns 0 or
 * -ENOMEM. */
int window_add (struct window *window, const struct link_feed_entry *entry);

/* Drops entries off the front while they are older than OLDEST_S. Returns the
 * newest seq dropped, 0: none. */
uint64_t window_drop_stale (struct window *window, int64_t oldest_s);

/* Returns the first entry with at least SEQ, or NULL. */
const struct gossip_entry *window_from (const struct window *window,
                                        uint64_t seq);
/* Returns the oldest entry, or NULL. */
const struct gossip_entry *window_first (const struct window *window);

/* Returns a copy of ENTRY, to be freed with free (), or NULL. */
struct gossip_entry *window_entry_create (const struct link_feed_entry *entry);
