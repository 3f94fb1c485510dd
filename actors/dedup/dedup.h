/* SPDX-License-Identifier: MIT */
/* dedup - which messages are known: every gov_id that was let through, until
 * it is old enough to be forgotten (PROTOCOL 5.2).
 *
 * 32 bytes an id and 4 to 16 for finding it. Ids come off the network, so the
 * index is keyed: nobody can choose ids that collide in it.
 */
#pragma once

#include "base.h"
#include "messages/governance/message.h"
#include "messages/verdict.h"

#define DEDUP_SEED_SIZE 16

/* How many ids the index can ever hold: its places are 32 bits. */
#define DEDUP_IDS_MAX 1000000000

/* PROTOCOL 5.2: "Ids younger than now − 3600 − 300 − 600 are never
 * forgotten": the window of valid timestamps, and 600 s for clocks that are
 * put right. */
#define DEDUP_KEEP_S (MESSAGE_AGE_MAX_S + MESSAGE_AHEAD_MAX_S + 600)

struct dedup;

/* Returns an empty index of at most MAX_IDS (0: DEDUP_IDS_MAX), keyed by
 * SEED, or NULL when there is no memory. */
struct dedup *dedup_create (const uint8_t seed[DEDUP_SEED_SIZE],
                            size_t max_ids);
void dedup_destroy (struct dedup **dedup);

/* Judges a verified message: time, then known or not, then whether there is
 * place. An accepted one is known from now on, with no number yet: a second
 * copy in the same batch is a duplicate.
 *
 * Returns: VERDICT_ACCEPTED, STALE, FUTURE, DUPLICATE or BUSY.
 * Out:     *ret_seq, for a duplicate only: the number of the first copy, 0
 *          when that has none yet.
 */
enum verdict dedup_judge (struct dedup *dedup, const struct gov_id *id,
                          int64_t timestamp, int64_t now_s, uint64_t *ret_seq);

/* The accepted ID is in the journal as SEQ. */
void dedup_settle (struct dedup *dedup, const struct gov_id *id, uint64_t seq);

/* Takes an id of the journal at start, where the oldest come first. Returns 0
 * or -ENOMEM. */
int dedup_remember (struct dedup *dedup, const struct gov_id *id,
                    int64_t timestamp, uint64_t seq, int64_t now_s);

/* Returns the largest timestamp among forgotten ids, INT64_MIN when there are
 * none; and raises it, for ids that were forgotten otherwise. */
int64_t dedup_floor (const struct dedup *dedup);
void dedup_raise_floor (struct dedup *dedup, int64_t floor_s);

/* Returns how many ids are known. */
size_t dedup_count (const struct dedup *dedup);
