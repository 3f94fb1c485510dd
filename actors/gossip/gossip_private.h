/* SPDX-License-Identifier: MIT */
/* gossip_private - what the two files of gossip's core share: gossip.c (cursors,
 * rereads), gossip_own.c (entries that are held back).
 */
#pragma once

#include "actors/gossip/gossip.h"
#include "actors/gossip/own.h"
#include "messages/base/bucket.h"

/* One timer per network group: whoever listens at many places of one network
 * learns no more of the order in which we got things than one listener does. */
struct gossip_group {
    uint32_t id;
    size_t peers;
    bool armed;
    struct instant due;
};

struct gossip_peer {
    uint64_t id;
    void *ingress; /* whose connection it is; borrowed */
    bool governance;
    bool outbound;
    bool confirmed;         /* PROTOCOL 2.5 */
    bool placed;            /* its cursor stands */
    size_t group;           /* index into groups */
    uint64_t cursor;        /* next live entry */
    uint64_t released;      /* live entries before this may go (trickle) */
    uint64_t backlog;       /* next entry of the backlog */
    uint64_t backlog_end;   /* first entry after the backlog */
    struct bucket pace;     /* of the backlog */
    uint64_t in_flight;     /* payload bytes handed out and not drained */
    bool rereads;           /* has had all of the range that is read again */
    struct own_set waiting; /* released own entries that its cursor passed over
                               while they were held; they trickle as others */
    struct own_set late;    /* of those, the ones that may go now */
};

struct gossip {
    struct gossip_options options;
    uint64_t random;           /* state of splitmix64 */
    struct window *window;     /* the newest entries; owned */
    struct own own;            /* what is held back from most; owned */
    uint64_t last;             /* newest seq seen */
    uint64_t hour_first;       /* entries before this are known to be stale */
    bool synced;               /* the live feed has reached the head */
    struct gossip_peer *peers; /* owned; no order */
    size_t peers_count;
    size_t peers_room;
    struct gossip_group *groups; /* owned; freed places have no peers */
    size_t groups_count;
    bool rereading;       /* a range was asked for */
    bool rereading_entry; /* the entry at hand is of that range */
    uint64_t reread_until;
    struct instant deadline; /* of the next group or pace */
    struct gossip_counters counters;
};

uint64_t gossip_random (struct gossip *gossip);

/* Returns the oldest timestamp that is not stale. */
int64_t gossip_oldest (struct moment now);

/* Returns the peer ID, or NULL. */
struct gossip_peer *gossip_find_peer (const struct gossip *gossip, uint64_t id);

/* Returns true when PEER may be handed something now. */
bool gossip_is_open (const struct gossip_peer *peer);

/* gossip_own.c */

/* Returns true when FED was handed in locally and is not for all at once. */
bool gossip_is_own (const struct gossip *gossip,
                    const struct link_feed_entry *fed, struct moment now);
/* Holds FED back. Returns 0 and its place, or -ENOMEM. */
int gossip_hold (struct gossip *gossip, const struct link_feed_entry *fed,
                 struct moment now, size_t *ret_place);
/* Releases what is due, and gives held entries to the one who has them first. */
void gossip_work_held (struct gossip *gossip, struct moment now,
                       gossip_deliver_fn *deliver, void *context);
/* Offers released entries to the peers of INGRESS that were passed over. */
void gossip_work_late (struct gossip *gossip, void *ingress, struct moment now,
                       gossip_deliver_fn *deliver, void *context);
/* Forgets the released entries that nobody is to be offered any more. */
void gossip_forget_offered (struct gossip *gossip);
/* PEER cannot have a held entry first any more. */
void gossip_unchoose (struct gossip *gossip, uint64_t peer);
