/* SPDX-License-Identifier: MIT */
/* ringset - a bounded set of 16-byte keys that forgets the oldest.
 *
 *   in   keys: fingerprints and prefixes of ids
 *   out  whether a key is among the newest that were added
 *   owns the ring of keys, in the order they came, and an index into it
 *
 * The index is open addressing with linear probing, two slots a key: 16 bytes
 * of key and 8 of index. A key that is forgotten leaves no tombstone: those
 * behind it move up (backward shift), so a set that is full for months is as
 * fast as on its first day.
 *
 * Prefixes of SHA-256 can be ground until they meet in one slot; slots are
 * therefore taken from SipHash under a secret of the set (0.02 us a key).
 */
#include "ringset.h"

#include <sodium.h>
#include <stdlib.h>

#define RINGSET_ROOM_MIN 16
#define RINGSET_SLOTS_PER_KEY 2

struct ringset {
    uint8_t (*keys)[RINGSET_KEY_SIZE]; /* ROOM of them; owned */
    uint32_t *index;   /* place of a key plus 1, 0: free slot; owned */
    uint32_t room;     /* keys allocated, at most capacity */
    uint32_t capacity; /* keys, at most */
    uint32_t size;     /* keys held */
    uint32_t next;     /* place of the next key; of the oldest, when full */
    uint8_t secret[crypto_shorthash_KEYBYTES]; /* the seed, then zeros */
};

static size_t
ringset_slots (const struct ringset *set)
{
    return (size_t)set->room * RINGSET_SLOTS_PER_KEY;
}

static size_t
ringset_slot_after (const struct ringset *set, size_t slot)
{
    return slot + 1 < ringset_slots (set) ? slot + 1 : 0;
}

/* Returns how many steps lead from one slot to another. */
static size_t
ringset_steps (const struct ringset *set, size_t from, size_t to)
{
    return to >= from ? to - from : to + ringset_slots (set) - from;
}

/* Returns the slot where KEY would like to be. */
static size_t
ringset_home (const struct ringset *set, const uint8_t *key)
{
    uint64_t hash;

    _Static_assert(sizeof hash == crypto_shorthash_BYTES, "one hash");
    (void)crypto_shorthash ((unsigned char *)&hash, key, RINGSET_KEY_SIZE,
                            set->secret);
    /* Scaled, not divided: any number of slots, and no division. */
    return (size_t)((hash >> 32) * ringset_slots (set) >> 32);
}

/* Returns the slot of KEY, or the free slot where it would go. There is always
 * one: half of the slots are free. */
static size_t
ringset_find (const struct ringset *set, const uint8_t *key)
{
    size_t slot = ringset_home (set, key);

    while (set->index[slot] != 0
           && memcmp (set->keys[set->index[slot] - 1], key, RINGSET_KEY_SIZE)
                  != 0)
        slot = ringset_slot_after (set, slot);
    return slot;
}

/* Takes KEY, which is there, out of the index. */
static void
ringset_forget (struct ringset *set, const uint8_t *key)
{
    size_t hole = ringset_find (set, key);
    size_t slot = ringset_slot_after (set, hole);

    while (set->index[slot] != 0) {
        size_t home = ringset_home (set, set->keys[set->index[slot] - 1]);
        /* A key may move up to the hole, but not before its home. */
        if (ringset_steps (set, home, slot)
            >= ringset_steps (set, hole, slot)) {
            set->index[hole] = set->index[slot];
            hole = slot;
        }
        slot = ringset_slot_after (set, slot);
    }
    set->index[hole] = 0;
}

/* Doubles the room, up to the capacity, and indexes anew. Only before the ring
 * has turned, so that places keep their order. */
static int
ringset_grow (struct ringset *set)
{
    uint32_t room = set->room == 0 ? RINGSET_ROOM_MIN : set->room * 2;
    if (room > set->capacity)
        room = set->capacity;

    uint32_t *index =
        calloc ((size_t)room * RINGSET_SLOTS_PER_KEY, sizeof *index);
    void *keys = realloc (set->keys, (size_t)room * sizeof *set->keys);
    if (keys)
        set->keys = keys; /* room to spare, should the index have failed */
    if (!index || !keys) {
        free (index);
        return -ENOMEM;
    }

    free (set->index);
    set->index = index;
    set->room = room;
    for (uint32_t place = 0; place < set->size; place++)
        set->index[ringset_find (set, set->keys[place])] = place + 1;
    return 0;
}

struct ringset *
ringset_create (size_t capacity, uint64_t seed)
{
    assert (capacity >= 1 && capacity <= RINGSET_CAPACITY_MAX);
    struct ringset *set = calloc (1, sizeof *set);
    if (!set)
        return NULL;
    set->capacity = (uint32_t)capacity;
    memcpy (set->secret, &seed, sizeof seed);
    return set;
}

void
ringset_destroy (struct ringset **set)
{
    if (!*set)
        return;
    free ((*set)->keys);
    free ((*set)->index);
    free (*set);
    *set = NULL;
}

bool
ringset_has (const struct ringset *set, const uint8_t key[RINGSET_KEY_SIZE])
{
    return set->size > 0 && set->index[ringset_find (set, key)] != 0;
}

int
ringset_add (struct ringset *set, const uint8_t key[RINGSET_KEY_SIZE])
{
    if (ringset_has (set, key))
        return -EEXIST;

    if (set->size < set->room)
        set->size++;
    else if (set->room < set->capacity) {
        int rc = ringset_grow (set);
        if (rc != 0)
            return rc;
        set->size++;
    } else
        ringset_forget (set, set->keys[set->next]);

    uint32_t place = set->next;
    memcpy (set->keys[place], key, RINGSET_KEY_SIZE);
    set->index[ringset_find (set, key)] = place + 1;
    set->next = place + 1 < set->capacity ? place + 1 : 0;
    return 0;
}
