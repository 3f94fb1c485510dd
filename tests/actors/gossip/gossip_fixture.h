/* SPDX-License-Identifier: MIT */
/* gossip_fixture - a journal, ingresses and listeners around the core of
 * gossip. Functions are inline so that a test uses what it needs.
 */
#pragma once

#include "actors/gossip/gossip.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/check.h"

#define NOW_S INT64_C (1764361549)
#define ENTRIES_MAX 2048
#define PEERS_MAX 600
#define INGRESSES 3

/* What a peer was given, and has not drained. */
struct listener {
    uint64_t id;
    size_t ingress;
    uint8_t got[ENTRIES_MAX + 1]; /* how often, by seq */
    uint64_t got_count;
    uint64_t last; /* seq of the last one */
    uint64_t bytes;
};

struct desk {
    struct gossip *gossip;
    struct moment now;
    bool has_room[INGRESSES];
    char ingress[INGRESSES]; /* their addresses are their names */
    struct listener *listeners;
    size_t listeners_count;
    size_t payload_size;
    size_t deliveries;
    uint64_t seq;                       /* the newest of the journal */
    int64_t timestamp[ENTRIES_MAX + 1]; /* of its rows */
    bool local[ENTRIES_MAX + 1];        /* handed in here */
    int64_t received_us[ENTRIES_MAX + 1];
    bool accepts_local; /* new entries are handed in here */
    bool own_delay;     /* of the next desk_create */
    uint64_t random;
    bool rough; /* room comes and goes */
};

static uint8_t desk_payload[65536];

static inline uint64_t
desk_random (struct desk *desk, uint64_t below)
{
    desk->random ^= desk->random << 13;
    desk->random ^= desk->random >> 7;
    desk->random ^= desk->random << 17;
    return desk->random % below;
}

static inline struct listener *
desk_listener (struct desk *desk, uint64_t id)
{
    for (size_t i = 0; i < desk->listeners_count; i++)
        if (desk->listeners[i].id == id)
            return &desk->listeners[i];
    fail_msg ("an offer to nobody: %llu", (unsigned long long)id);
    return NULL;
}

static inline bool
desk_deliver (void *context, void *ingress, const struct gossip_entry *entry,
              const uint64_t *peers, size_t count)
{
    struct desk *desk = context;
    size_t place = (size_t)((char *)ingress - desk->ingress);

    assert_in_range (count, 1, DELIVER_PEERS_MAX);
    assert_in_range (place, 0, INGRESSES - 1);
    if (!desk->has_room[place] || (desk->rough && desk_random (desk, 8) == 0))
        return false;
    desk->deliveries++;
    for (size_t i = 0; i < count; i++) {
        struct listener *listener = desk_listener (desk, peers[i]);
        assert_int_equal (listener->ingress, place);
        listener->got[entry->seq]++;
        listener->got_count++;
        listener->last = entry->seq;
        listener->bytes += entry->size;
    }
    return true;
}

static inline void
desk_create (struct desk *desk, int64_t trickle_us, uint64_t rate)
{
    struct gossip_options options = {.trickle_us = trickle_us,
                                     .peer_rate = rate,
                                     .peer_burst = 200,
                                     .own_delay = desk->own_delay,
                                     .seed = desk->random};
    gossip_destroy (&desk->gossip);
    desk->gossip = gossip_create (&options);
    assert_non_null (desk->gossip);
}

static inline int
desk_open (void **state)
{
    struct desk *desk = calloc (1, sizeof *desk);
    assert_non_null (desk);
    desk->now.mono.us = 500 * SECOND_US;
    desk->now.unix_us = NOW_S * SECOND_US;
    desk->listeners = calloc (PEERS_MAX, sizeof *desk->listeners);
    assert_non_null (desk->listeners);
    memset (desk->has_room, true, sizeof desk->has_room);
    desk->payload_size = 100;
    desk->random = 88172645463325252u;
    desk_create (desk, 0, 0);
    *state = desk;
    return 0;
}

static inline int
desk_close (void **state)
{
    struct desk *desk = *state;
    gossip_destroy (&desk->gossip);
    assert_null (desk->gossip);
    free (desk->listeners);
    free (desk);
    return 0;
}

static inline void
desk_pass (struct desk *desk, int64_t us)
{
    desk->now.mono = instant_after (desk->now.mono, us);
    desk->now.unix_us += us;
}

static inline struct link_feed_entry
desk_row (const struct desk *desk, uint64_t seq)
{
    struct link_feed_entry row = {
        .seq = seq,
        .command = COMMAND_ECONVETO,
        .local = desk->local[seq],
        .received_us = desk->received_us[seq],
        .timestamp = desk->timestamp[seq],
        .payload = bytes_of (desk_payload, desk->payload_size)};
    memcpy (row.id.bytes, &seq, sizeof seq);
    return row;
}

static inline void
desk_accept_at (struct desk *desk, int64_t timestamp)
{
    assert_true (++desk->seq <= ENTRIES_MAX);
    desk->timestamp[desk->seq] = timestamp;
    desk->local[desk->seq] = desk->accepts_local;
    desk->received_us[desk->seq] = desk->now.unix_us;
    struct link_feed_entry row = desk_row (desk, desk->seq);
    CHECK_OK (gossip_on_entry (desk->gossip, &row, desk->now));
}

/* COUNT new entries of now. */
static inline void
desk_accept (struct desk *desk, size_t count)
{
    for (size_t i = 0; i < count; i++)
        desk_accept_at (desk, moment_unix_s (desk->now));
}

static inline void
desk_synced (struct desk *desk)
{
    gossip_on_head (desk->gossip, desk->seq, desk->now);
}

static inline struct listener *
desk_peer_of (struct desk *desk, size_t ingress, uint32_t group,
              bool governance, bool outbound)
{
    struct listener *listener = &desk->listeners[desk->listeners_count++];
    assert_true (desk->listeners_count <= PEERS_MAX);
    listener->id = 1000 + desk->listeners_count;
    listener->ingress = ingress;
    struct link_peer_ready ready = {.peer = listener->id,
                                    .group = group,
                                    .governance = governance,
                                    .outbound = outbound};
    CHECK_OK (gossip_peer_up (desk->gossip, &desk->ingress[ingress], &ready,
                              desk->now));
    return listener;
}

static inline struct listener *
desk_peer (struct desk *desk)
{
    return desk_peer_of (desk, 0, 1, true, false);
}

static inline bool
desk_work (struct desk *desk)
{
    return gossip_work (desk->gossip, desk->now, desk_deliver, desk);
}

static inline void
desk_drain (struct desk *desk, struct listener *listener)
{
    gossip_drained (desk->gossip, listener->id, listener->bytes);
    listener->bytes = 0;
}

/* Works, drains and answers rereads until nothing moves at this time. */
static inline void
desk_settle (struct desk *desk)
{
    uint64_t from, until;
    bool moved = true;

    for (size_t rounds = 0; moved; rounds++) {
        assert_true (rounds < 100000); /* it spins */
        moved = desk_work (desk);
        for (size_t i = 0; i < desk->listeners_count; i++)
            if (desk->listeners[i].bytes > 0) {
                desk_drain (desk, &desk->listeners[i]);
                moved = true;
            }
        if (!gossip_wants_reread (desk->gossip, desk->now.mono, &from, &until))
            continue;
        assert_true (from <= until && until <= desk->seq);
        for (uint64_t seq = from; seq <= until; seq++) {
            struct link_feed_entry row = desk_row (desk, seq);
            gossip_on_reread (desk->gossip, &row, desk->now, desk_deliver,
                              desk);
        }
        gossip_reread_done (desk->gossip, true);
        moved = true;
    }
}

static inline void
check_has_all (const struct listener *listener, uint64_t first, uint64_t last)
{
    for (uint64_t seq = first; seq <= last; seq++)
        if (listener->got[seq] != 1)
            fail_msg ("peer %llu got entry %llu %u times",
                      (unsigned long long)listener->id, (unsigned long long)seq,
                      listener->got[seq]);
    assert_int_equal (listener->got_count, last - first + 1);
}
