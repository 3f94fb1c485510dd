/* SPDX-License-Identifier: MIT */
/* peer_table - every peer of every ingress, as last told. */
#pragma once

#include "base.h"
#include "messages/link/link_message.h"

#define PEER_TABLE_MAX 16384 /* rows; 0.6 KiB each: 10 MiB when full */

/* A peer, with texts of its own. */
struct peer_row {
    uint64_t id;         /* ingress's number for it */
    const void *ingress; /* who told us; only compared */
    enum peer_state state;
    char address[LINK_ADDRESS_MAX + 1];
    char user_agent[257]; /* bytes of a peer: quote before showing */
    bool outbound;
    bool governance;
    bool confirmed;
    int32_t version;
    uint64_t services;
    int64_t ping_us;
    int64_t connected_s;
    int64_t clock_offset_s;
    uint32_t points;
    uint64_t received;
    uint64_t sent;
};

struct peer_table_counts {
    size_t inbound; /* these three: handshake complete */
    size_t outbound;
    size_t governance;
};

struct peer_table;

struct peer_table *peer_table_create (void);
void peer_table_destroy (struct peer_table **table);

/* INGRESS tells how a peer stands. Returns true when this is news: the first
 * word of its handshake, or of its leaving. A peer beyond PEER_TABLE_MAX is not
 * kept (false). */
bool peer_table_update (struct peer_table *table, const void *ingress,
                        const struct link_peer_state *peer);

/* INGRESS is gone, and its connections with it. */
void peer_table_forget (struct peer_table *table, const void *ingress);

/* Returns row INDEX, in no order; NULL beyond the last. */
const struct peer_row *peer_table_at (const struct peer_table *table,
                                      size_t index);

struct peer_table_counts peer_table_count (const struct peer_table *table);

/* PROTOCOL 5.9: sets the median of the clock offsets of the peers that have
 * shaken hands, in seconds. Returns 0, or -EAGAIN with fewer than 3. */
int peer_table_clock_offset (const struct peer_table *table,
                             int64_t *ret_offset_s);
