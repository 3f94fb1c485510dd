/* SPDX-License-Identifier: MIT */
/* addrbook - where relays may be found: told by strangers, or seen by ourselves.
 *
 * Pure. An address has one place in the book, or none. What somebody told is
 * `new`, whom we were connected to and who was confirmed (PROTOCOL 2.5) is
 * `tried`. Where it may stand is a secret hash of its network group and of the
 * group of whoever told it, so that no network can take more than a sixteenth
 * of either table, however much it says.
 */
#pragma once

#include "actors/registry/place.h"
#include "base.h"

/* 128 bytes a slot: 0.6 MiB, all of it from the start. */
#define ADDRBOOK_BUCKET 16
#define ADDRBOOK_NEW_BUCKETS 256  /* of which one who tells reaches 16 */
#define ADDRBOOK_TRIED_BUCKETS 64 /* of which one network group reaches 4 */
#define ADDRBOOK_NEW (ADDRBOOK_NEW_BUCKETS * ADDRBOOK_BUCKET)     /* 4,096 */
#define ADDRBOOK_TRIED (ADDRBOOK_TRIED_BUCKETS * ADDRBOOK_BUCKET) /* 1,024 */
#define ADDRBOOK_MAX (ADDRBOOK_NEW + ADDRBOOK_TRIED)

#define ADDRBOOK_AGE_S (30 * 86400) /* not seen for so long: as good as gone */
#define ADDRBOOK_AGAIN_S 60        /* whoever was confirmed when dialled last */
#define ADDRBOOK_RETRY_S 600       /* doubled at each failure */
#define ADDRBOOK_RETRY_MAX_S 86400 /* at most */
#define ADDRBOOK_FAILURES_MAX 5    /* in a row: a new one may take its place */
#define ADDRBOOK_PUT_OFF_S (7 * 86400) /* PROTOCOL 2.5 */

struct addrbook;

struct addrbook_row {
    struct place place;
    uint64_t services;
    int64_t seen_s;      /* Unix seconds: as told, or when we saw it last */
    int64_t attempted_s; /* last dial; 0: never */
    int64_t good_s;      /* last confirmed; 0: never */
    int64_t put_off_s;   /* not to be dialled or given out before */
    uint32_t failures;   /* since it was there last */
    uint32_t source;     /* group of whoever told it first */
};

/* Returns an empty book, or NULL. KEY is secret; rows that are to be restored
 * need the one that they were kept with. */
struct addrbook *addrbook_create (const uint8_t key[16]);
void addrbook_destroy (struct addrbook **book);

/* SOURCE tells of PLACE. Returns true when it is in the book and was not
 * before. What SEEN_S says is believed within reason. */
bool addrbook_offer (struct addrbook *book, const struct place *place,
                     uint64_t services, int64_t seen_s, uint32_t source,
                     int64_t now_s);

/* We are connected to PLACE, and it is confirmed. Returns true when it is among
 * the tried then: there may be no room for it among better ones. */
bool addrbook_confirm (struct addrbook *book, const struct place *place,
                       uint64_t services, int64_t now_s);

/* Each does nothing for a PLACE that is not in the book. */
void addrbook_attempt (struct addrbook *book, const struct place *place,
                       int64_t now_s);
void addrbook_fail (struct addrbook *book, const struct place *place);
void addrbook_put_off (struct addrbook *book, const struct place *place,
                       int64_t until_s);
/* The same for all places of NET. */
void addrbook_put_off_net (struct addrbook *book, const struct place_net *net,
                           int64_t until_s);

/* Returns whom to dial next, or NULL. Nobody of the COUNT places TAKEN (with
 * whom we are connected, or about to be); if possible nobody of their groups.
 * RANDOM decides, tried and new evenly. */
const struct place *addrbook_pick (const struct addrbook *book,
                                   const struct place *taken, size_t count,
                                   uint64_t random, int64_t now_s);

/* Puts back what was kept at SLOT. Returns false when it cannot have been
 * there, or is too old. */
bool addrbook_restore (struct addrbook *book, size_t slot,
                       const struct addrbook_row *row, int64_t now_s);

size_t addrbook_count_new (const struct addrbook *book);
size_t addrbook_count_tried (const struct addrbook *book);

/* Returns a number that grows with every change. */
uint64_t addrbook_version (const struct addrbook *book);

/* Sets *ret_slot to the first slot from *ret_slot on that changed after version
 * SINCE. Returns false when there is none. */
bool addrbook_changed (const struct addrbook *book, uint64_t since,
                       size_t *ret_slot);

/* Returns what is at SLOT, or NULL. */
const struct addrbook_row *addrbook_at (const struct addrbook *book,
                                        size_t slot);

/* Returns true when what is at SLOT may be given out (PROTOCOL 1.10). */
bool addrbook_is_good (const struct addrbook *book, size_t slot, int64_t now_s);
