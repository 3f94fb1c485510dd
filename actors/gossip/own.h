/* SPDX-License-Identifier: MIT */
/* own - messages that were handed in locally, and are not everybody's yet
 * (PROTOCOL 5.8).
 *
 * Pure: journal entries, time and randomness in; out, who has each first and
 * when the others may. An entry is HELD until it came back from the network or
 * its time is up; then it is RELEASED until all whose cursors passed over it
 * were offered it (gossip_own.c). Payloads are copied: the window may drop them
 * in the meantime.
 */
#pragma once

#include "actors/gossip/gossip.h"

#define OWN_HELD_MAX 256 /* beyond it the oldest is released */
#define OWN_MAX                                                                \
    512 /* held and released: at most 512 x 64 KiB = 32 MiB of payload; of
           vetoes 2 MiB */
#define OWN_DELAY_US (10 * SECOND_US) /* 5.8: "10 s + Exp(20 s)" */
#define OWN_MEAN_US (20 * SECOND_US)

/* A set of places: what one peer is to be offered yet. */
struct own_set {
    uint64_t bits[OWN_MAX / 64];
};

enum own_state { OWN_FREE, OWN_HELD, OWN_RELEASED, OWN_STATES_ };

struct own_entry {
    enum own_state state;
    struct gossip_entry *entry; /* a copy; owned */
    uint64_t peer;              /* who is to have it first; 0: not chosen */
    bool sent;                  /* that peer was given it */
    bool patient;               /* peers are only just being told: it waits for
                                   one to be chosen */
    struct instant due;         /* when it is released at the latest */
};

struct own {
    struct own_entry entries[OWN_MAX];
    size_t held;
    size_t released;
};

void own_done (struct own *own);

/* Holds FED back from NOW on, for a time that RANDOM decides. Returns 0 and its
 * place, -ENOSPC (release or free one first) or -ENOMEM. */
int own_hold (struct own *own, const struct link_feed_entry *fed, bool patient,
              struct instant now, uint64_t random, size_t *ret_place);

/* The entry at PLACE is held no more, but not forgotten. */
void own_release (struct own *own, size_t place);

/* Forgets the entry at PLACE. */
void own_free (struct own *own, size_t place);

/* Returns true while the entry SEQ is held. */
bool own_holds (const struct own *own, uint64_t seq);

/* The following return a place, or OWN_MAX: none. */

/* The held entry with that id. */
size_t own_find (const struct own *own, const struct gov_id *id);
/* The oldest entry in STATE. */
size_t own_oldest (const struct own *own, enum own_state state);
/* A held entry whose time is up. */
size_t own_due (const struct own *own, struct instant now);

/* Returns when own_due may have the next one. */
struct instant own_deadline (const struct own *own);

/* PEER is not to have anything first: another is to be chosen for what it was
 * not given. */
void own_peer_gone (struct own *own, uint64_t peer);

void own_set_add (struct own_set *set, size_t place);
void own_set_remove (struct own_set *set, size_t place);
bool own_set_has (const struct own_set *set, size_t place);
bool own_set_is_empty (const struct own_set *set);
/* Adds all of OTHER to SET. */
void own_set_merge (struct own_set *set, const struct own_set *other);
