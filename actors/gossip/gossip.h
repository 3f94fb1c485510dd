/* SPDX-License-Identifier: MIT */
/* gossip - whom to offer what, when: a peer is a cursor into the journal
 * (PROTOCOL 5.5).
 *
 * Pure: entries and peers go in, deliveries come out through a function of the
 * shell's. The newest entries are held in memory; a peer that fell behind them
 * is served by reading the journal again. Losing all of this state at any time
 * costs a few offers that ingress then filters out, nothing else.
 */
#pragma once

#include "base.h"
#include "messages/link/link_message.h"

#define GOSSIP_WINDOW_BYTES (32 * 1048576) /* of payload kept in memory */
#define GOSSIP_PEER_WINDOW                                                     \
    262144                      /* bytes handed out that a peer has not taken;
                                     500 slow peers: 125 MiB, once per message
                                     in ingress, where bytes are shared */
#define GOSSIP_BACKLOG_MAX 1000 /* entries for a newcomer (5.5) */
#define GOSSIP_PEERS_MAX 16384  /* of all ingresses together */
#define GOSSIP_REREAD_MAX 256   /* entries in one range that is read again */
#define GOSSIP_WORK_MAX 256     /* deliveries a turn, so that input is read */
#define GOSSIP_OWN_AGE_US                                                      \
    (30                                                                        \
     * SECOND_US) /* an own entry that is read later than this after it came
                        has been held long enough: 5.8's mean */

struct gossip_options {
    int64_t trickle_us; /* mean delay per network group; 0: at once */
    uint64_t peer_rate; /* limits.peer_rate: paces a backlog at half of it */
    uint64_t peer_burst;
    bool own_delay; /* PROTOCOL 5.8: hide what was handed in here */
    uint64_t seed;  /* of all randomness in here */
};

struct gossip_entry {
    uint64_t seq;
    enum command command;
    int64_t received_us;
    int64_t timestamp;
    struct gov_id id;
    size_t size;
    uint8_t payload[];
};

struct gossip_counters {
    uint64_t offered; /* entry and peer */
    uint64_t stale;   /* entry and peer: too old when its turn came */
    uint64_t passed;  /* entry and peer: passed over while it was held */
    uint64_t reread;  /* entries read from the journal again */
};

/* Hands ENTRY to COUNT peers of INGRESS. Returns false when INGRESS has no room
 * now: nothing was handed over. */
typedef bool gossip_deliver_fn (void *context, void *ingress,
                                const struct gossip_entry *entry,
                                const uint64_t *peers, size_t count);

struct gossip;

/* Returns an empty state, or NULL when there is no memory. */
struct gossip *gossip_create (const struct gossip_options *options);
void gossip_destroy (struct gossip **gossip);

/* The live feed begins anew after LAST_SEQ of what we have; 0: from the start
 * of the last hour. */
uint64_t gossip_last_seq (const struct gossip *gossip);

/* An entry of the live feed. Returns 0 or -ENOMEM (then read it again). */
int gossip_on_entry (struct gossip *gossip, const struct link_feed_entry *entry,
                     struct moment now);

/* The live feed has given all up to SEQ: newcomers can be placed. */
void gossip_on_head (struct gossip *gossip, uint64_t seq, struct moment now);

/* A peer of INGRESS is there, or is told again. Returns 0, -ENOMEM or -E2BIG:
 * then it is offered nothing. */
int gossip_peer_up (struct gossip *gossip, void *ingress,
                    const struct link_peer_ready *peer, struct moment now);
void gossip_peer_gone (struct gossip *gossip, uint64_t peer);
/* INGRESS is gone, and all its peers. */
void gossip_ingress_gone (struct gossip *gossip, void *ingress);
/* The entry with that id came from the network: nobody can tell any more whose
 * it is, all may have it. */
void gossip_heard (struct gossip *gossip, const struct gov_id *id);
/* PEER has taken BYTES of payload. */
void gossip_drained (struct gossip *gossip, uint64_t peer, uint64_t bytes);

/* Delivers what can be delivered now. Returns true when it stopped because of
 * GOSSIP_WORK_MAX and not for lack of work. */
bool gossip_work (struct gossip *gossip, struct moment now,
                  gossip_deliver_fn *deliver, void *context);

/* Returns when gossip_work may have something even if nothing arrives. */
struct instant gossip_deadline (const struct gossip *gossip);

/* Returns true and a range of the journal to be read again, for peers that are
 * behind the window. One at a time: not before gossip_reread_done. */
bool gossip_wants_reread (struct gossip *gossip, struct instant now,
                          uint64_t *ret_from, uint64_t *ret_until);
void gossip_on_reread (struct gossip *gossip,
                       const struct link_feed_entry *entry, struct moment now,
                       gossip_deliver_fn *deliver, void *context);
/* The range is read, or the feed was lost. COMPLETE: it was read. */
void gossip_reread_done (struct gossip *gossip, bool complete);

/* Picks up to COUNT random governance-enabled peers other than EXCEPT, outbound
 * ones first (PROTOCOL 5.6). Sets ids and their ingresses; returns how many. */
size_t gossip_pick_peers (struct gossip *gossip, uint64_t except,
                          uint64_t *ret_peers, void **ret_ingresses,
                          size_t count);

/* Returns PEER's ingress, or NULL when PEER is not there. */
void *gossip_find_ingress (const struct gossip *gossip, uint64_t peer);

size_t gossip_peers (const struct gossip *gossip);
/* Returns how many own entries are held back now. */
size_t gossip_held (const struct gossip *gossip);
const struct gossip_counters *gossip_counters (const struct gossip *gossip);
