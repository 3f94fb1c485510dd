/* SPDX-License-Identifier: MIT */
/* dedup - the index of known ids, and the verdicts that follow from it.
 *
 *   in   ids of verified messages, with their timestamps
 *   out  verdicts; the floor
 *   owns the index
 *
 * The ids stand in a ring in the order they came in; a table of slots (open
 * addressing, linear, at most half full) says where each is. Order of arrival
 * is order of age within an hour or so, and forgetting takes from the front.
 *
 * Next on the tour: actors/dedup/journal.c
 */
#include "actors/dedup/dedup.h"

#include <sodium.h>
#include <stdlib.h>

#define DEDUP_ROOM_MIN 1024

/* How many ids at the front are looked at to find one that may be forgotten.
 * Those that may not go to the back: a few of the far future (the clock was
 * wrong for a while) cannot block the way for the rest. */
#define DEDUP_TRIES_MAX 32

#define KNOWN_ID_SIZE 16 /* 128 bits of SHA-256 do not collide by chance */

struct known {
    uint8_t id[KNOWN_ID_SIZE];
    int64_t timestamp;
    uint64_t seq; /* 0: judged, not yet in the journal */
};

struct dedup {
    uint8_t seed[DEDUP_SEED_SIZE];
    size_t max_ids;
    int64_t floor_s;
    struct known *ring; /* owned; room is a power of 2 */
    size_t room;
    size_t first; /* place of the oldest */
    size_t count;
    uint32_t *slots; /* owned; 2 * room; place + 1, or 0: free */
};

static size_t
dedup_home (const struct dedup *dedup, const uint8_t id[KNOWN_ID_SIZE])
{
    uint64_t hash;

    static_assert (sizeof hash == crypto_shorthash_BYTES
                       && DEDUP_SEED_SIZE == crypto_shorthash_KEYBYTES,
                   "SipHash");
    crypto_shorthash ((uint8_t *)&hash, id, KNOWN_ID_SIZE, dedup->seed);
    return (size_t)hash & (2 * dedup->room - 1);
}

/* Returns the slot that names ID, or the free one where it belongs. */
static size_t
dedup_find (const struct dedup *dedup, const uint8_t id[KNOWN_ID_SIZE])
{
    size_t mask = 2 * dedup->room - 1;
    size_t slot = dedup_home (dedup, id);

    for (; dedup->slots[slot] != 0; slot = (slot + 1) & mask) {
        const struct known *known = &dedup->ring[dedup->slots[slot] - 1];
        if (memcmp (known->id, id, KNOWN_ID_SIZE) == 0)
            break;
    }
    return slot;
}

static struct known *
dedup_look_up (const struct dedup *dedup, const struct gov_id *id)
{
    if (dedup->room == 0)
        return NULL;
    uint32_t place = dedup->slots[dedup_find (dedup, id->bytes)];
    return place != 0 ? &dedup->ring[place - 1] : NULL;
}

static void
dedup_push (struct dedup *dedup, const struct known *known)
{
    size_t place = (dedup->first + dedup->count++) & (dedup->room - 1);

    assert (dedup->count <= dedup->room);
    dedup->ring[place] = *known;
    dedup->slots[dedup_find (dedup, known->id)] = (uint32_t)place + 1;
}

/* Frees SLOT and moves up what had to give way to it, so that no search ends
 * early. */
static void
dedup_free_slot (struct dedup *dedup, size_t slot)
{
    size_t mask = 2 * dedup->room - 1;
    size_t at = slot;

    for (;;) {
        at = (at + 1) & mask;
        if (dedup->slots[at] == 0)
            break;
        size_t home = dedup_home (dedup, dedup->ring[dedup->slots[at] - 1].id);
        if (((at - home) & mask) >= ((at - slot) & mask)) {
            dedup->slots[slot] = dedup->slots[at];
            slot = at;
        }
    }
    dedup->slots[slot] = 0;
}

static struct known
dedup_pop (struct dedup *dedup)
{
    struct known known = dedup->ring[dedup->first];

    dedup_free_slot (dedup, dedup_find (dedup, known.id));
    dedup->first = (dedup->first + 1) & (dedup->room - 1);
    dedup->count--;
    return known;
}

/* Doubles the ring, in place where the system can: two copies of a full index
 * would be the largest thing in the daemon. */
static int
dedup_grow (struct dedup *dedup)
{
    size_t old = dedup->room;
    size_t room = old > 0 ? 2 * old : DEDUP_ROOM_MIN;
    struct known *ring = realloc (dedup->ring, room * sizeof *ring);
    if (ring == NULL)
        return -ENOMEM;
    dedup->ring = ring;
    uint32_t *slots = realloc (dedup->slots, 2 * room * sizeof *slots);
    if (slots == NULL)
        return -ENOMEM; /* a ring with more room than it knows of is fine */
    dedup->slots = slots;

    /* It is full: those before the first one follow the last one. */
    if (dedup->first > 0)
        memcpy (ring + old, ring, dedup->first * sizeof *ring);
    dedup->room = room;
    memset (slots, 0, 2 * room * sizeof *slots);
    for (size_t i = 0; i < dedup->count; i++) {
        size_t place = dedup->first + i;
        slots[dedup_find (dedup, ring[place].id)] = (uint32_t)place + 1;
    }
    return 0;
}

/* Forgets what may be forgotten until there is place for one more. Returns
 * false if that did not succeed. */
static bool
dedup_forget (struct dedup *dedup, int64_t now_s)
{
    for (int tries = 0; dedup->count >= dedup->max_ids; tries++) {
        if (tries == DEDUP_TRIES_MAX)
            return false;
        struct known oldest = dedup_pop (dedup);
        if (oldest.timestamp < now_s - DEDUP_KEEP_S)
            dedup_raise_floor (dedup, oldest.timestamp);
        else
            dedup_push (dedup, &oldest);
    }
    return true;
}

static int
dedup_add (struct dedup *dedup, const struct gov_id *id, int64_t timestamp,
           uint64_t seq)
{
    struct known known = {.timestamp = timestamp, .seq = seq};

    if (dedup->count == DEDUP_IDS_MAX)
        return -ENOMEM;
    if (dedup->count == dedup->room) {
        int rc = dedup_grow (dedup);
        if (rc != 0)
            return rc;
    }
    memcpy (known.id, id->bytes, KNOWN_ID_SIZE);
    dedup_push (dedup, &known);
    return 0;
}

struct dedup *
dedup_create (const uint8_t seed[DEDUP_SEED_SIZE], size_t max_ids)
{
    struct dedup *dedup = calloc (1, sizeof *dedup);
    if (dedup == NULL)
        return NULL;
    memcpy (dedup->seed, seed, DEDUP_SEED_SIZE);
    dedup->max_ids =
        max_ids == 0 || max_ids > DEDUP_IDS_MAX ? DEDUP_IDS_MAX : max_ids;
    dedup->floor_s = INT64_MIN;
    return dedup;
}

void
dedup_destroy (struct dedup **dedup)
{
    if (*dedup == NULL)
        return;
    free ((*dedup)->ring);
    free ((*dedup)->slots);
    free (*dedup);
    *dedup = NULL;
}

enum verdict
dedup_judge (struct dedup *dedup, const struct gov_id *id, int64_t timestamp,
             int64_t now_s, uint64_t *ret_seq)
{
    enum verdict verdict =
        message_judge_time (timestamp, now_s, dedup->floor_s);
    if (verdict != VERDICT_ACCEPTED)
        return verdict;

    const struct known *known = dedup_look_up (dedup, id);
    if (known != NULL) {
        *ret_seq = known->seq;
        return VERDICT_DUPLICATE;
    }
    if (!dedup_forget (dedup, now_s)
        || dedup_add (dedup, id, timestamp, 0) != 0)
        return VERDICT_BUSY;
    return VERDICT_ACCEPTED;
}

void
dedup_settle (struct dedup *dedup, const struct gov_id *id, uint64_t seq)
{
    struct known *known = dedup_look_up (dedup, id);

    if (known != NULL) /* else forgotten, while the disk was away */
        known->seq = seq;
}

int
dedup_remember (struct dedup *dedup, const struct gov_id *id, int64_t timestamp,
                uint64_t seq, int64_t now_s)
{
    if (dedup_look_up (dedup, id) != NULL)
        return 0;
    /* Whether or not there was place: none may be forgotten too early. */
    dedup_forget (dedup, now_s);
    return dedup_add (dedup, id, timestamp, seq);
}

int64_t
dedup_floor (const struct dedup *dedup)
{
    return dedup->floor_s;
}

void
dedup_raise_floor (struct dedup *dedup, int64_t floor_s)
{
    if (floor_s > dedup->floor_s)
        dedup->floor_s = floor_s;
}

size_t
dedup_count (const struct dedup *dedup)
{
    return dedup->count;
}
