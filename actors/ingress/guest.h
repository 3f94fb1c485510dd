/* SPDX-License-Identifier: MIT */
/* guest - what ingress keeps of each connected peer, found by its number. */
#pragma once

#include "actors/ingress/connection.h"
#include "actors/ingress/edge.h"
#include "actors/ingress/limits.h"
#include "base.h"
#include "messages/base/bucket.h"
#include "messages/base/ringset.h"

struct guest {
    uint64_t id;                   /* never used twice by one ingress */
    struct edge_peer *edge;        /* borrowed; its data is this guest */
    struct connection *connection; /* owned */
    struct ringset *known;         /* messages it has sent or got; owned */
    uint32_t group;                /* keyed hash of its network group */
    uint32_t points;               /* PROTOCOL 5.4 */
    bool local;                    /* loopback or noban, and came to us */
    bool trusted;                  /* configured or noban: earns no points */
    bool noban;                    /* never banned, never evicted */
    bool automatic;                /* dialled by the address book */
    bool slot;                     /* it takes an inbound slot */
    uint64_t network;              /* keyed hash of its /24 or /64 */
    struct instant came;           /* when it connected */
    struct instant confirm_by;     /* automatic, after verack; 0: no such */
    struct instant useful;         /* its last accepted message; 0: none */
    struct instant points_at;      /* when its points were last halved */
    bool confirmed;                /* PROTOCOL 2.5 */
    bool announced;                /* gossip knows it */
    int64_t connected_s;           /* Unix seconds */
    int64_t clock_offset_s;        /* its clock less ours */
    uint64_t drained;              /* payload bytes to report to gossip */
    struct instant timer;          /* what its edge timer is set to */
    uint64_t nonce;                /* of our version to it: PROTOCOL 1.8 */
    struct bucket offers;          /* PROTOCOL 1.10: addresses it may tell */
    bool waits;                    /* a frame of it waits for a verifier */
    bool dirty;                    /* on ingress's list of guests to serve */
    struct guest *next_dirty;      /* that list; borrowed */
};

struct guests;

/* Returns an empty table whose numbers begin at a random place. */
struct guests *guests_create (uint64_t random);
void guests_destroy (struct guests **guests);

/* Returns a new guest, all zero but its id, or NULL when there is no memory. */
struct guest *guests_add (struct guests *guests);

/* Takes GUEST off the table and frees it with what it owns. */
void guests_remove (struct guests *guests, struct guest *guest);

/* Returns the guest with that id, or NULL. */
struct guest *guests_find (const struct guests *guests, uint64_t id);

/* PROTOCOL 5.4: adds POINTS to what is left of GUEST's, which "halve every 10
 * minutes". */
void guest_charge (struct guest *guest, uint32_t points, struct instant now);

/* Iterates: begin with NULL; returns NULL after the last. */
struct guest *guests_next (const struct guests *guests,
                           const struct guest *after);

size_t guests_count (const struct guests *guests);
