/* SPDX-License-Identifier: MIT */
/* standing - who has misbehaved how much, and who is not welcome (PROTOCOL 5.4).
 *
 * Pure. Each change of what others must know (or keep) raises the version; a
 * row that changed can be found by it, so that everybody is told and nothing is
 * written twice.
 */
#pragma once

#include "actors/registry/place.h"
#include "base.h"

#define STANDING_MAX                                                           \
    50000 /* nets remembered, PROTOCOL 5.4: 72 bytes     \
                                 each and 256 KiB of index, 3.7 MiB when full */
#define STANDING_MANUAL_MAX 1000 /* of them bans of the operator */
#define STANDING_RANGES_MAX 257  /* node.noban, and the proxy */
#define STANDING_POINTS 100      /* discouraged */
#define STANDING_HALVING_S 600
#define STANDING_DISCOURAGED_S 86400

struct standing;

/* A net that is not welcome, or was. */
struct standing_row {
    struct place_net net;
    int64_t until_s; /* Unix seconds; 0: welcome again */
    bool manual;     /* an operator's */
};

/* What became of points. */
enum standing_answer {
    STANDING_NOTED,
    STANDING_DISCOURAGED, /* it is from now on */
    STANDING_EXEMPT,      /* private, or on the list */
    STANDING_ANSWERS_
};

/* Returns an empty table, or NULL. EXEMPT, of COUNT (at most
 * STANDING_RANGES_MAX), is copied: who is never discouraged. KEY is secret. */
struct standing *standing_create (const struct place_range *exempt,
                                  size_t count, const uint8_t key[16]);
void standing_destroy (struct standing **standing);

/* NET earns POINTS at NOW_S. */
enum standing_answer standing_add (struct standing *standing,
                                   const struct place_net *net, uint32_t points,
                                   int64_t now_s);

/* Bans NET until UNTIL_S, for an operator. Returns 0, -EPERM (exempt, or
 * private), -EINVAL (UNTIL_S has passed) or -ENOSPC. */
int standing_ban (struct standing *standing, const struct place_net *net,
                  int64_t until_s, int64_t now_s);

/* NET is welcome again, whoever banned it. Returns 0 or -ENOENT. */
int standing_unban (struct standing *standing, const struct place_net *net,
                    int64_t now_s);

/* Puts back what was kept at SLOT; in order of slots, before anything else.
 * Returns false when it is not what we can have kept, or is over at NOW_S. */
bool standing_restore (struct standing *standing, size_t slot,
                       const struct standing_row *row, int64_t now_s);

/* Returns until when NET is not welcome; 0: it is. */
int64_t standing_until (const struct standing *standing,
                        const struct place_net *net, int64_t now_s);

/* Forgets what is over: call it now and then. */
void standing_expire (struct standing *standing, int64_t now_s);

/* Returns how many nets are discouraged or banned. */
size_t standing_count (const struct standing *standing);

/* Returns a number that grows with every change. */
uint64_t standing_version (const struct standing *standing);

/* Sets *ret_slot to the first slot from *ret_slot on that changed after version
 * SINCE. Returns false when there is none. */
bool standing_changed (const struct standing *standing, uint64_t since,
                       size_t *ret_slot);

/* Returns what is at SLOT, or NULL: nothing, or points only. */
const struct standing_row *standing_at (const struct standing *standing,
                                        size_t slot);
