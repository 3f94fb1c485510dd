/* SPDX-License-Identifier: MIT */
/* ringset - a bounded set of 16-byte keys that forgets the oldest. */
#pragma once

#include "base.h"

#define RINGSET_KEY_SIZE 16
#define RINGSET_CAPACITY_MAX (1U << 30)

struct ringset;

/* Returns an empty set of at most CAPACITY keys (1 .. RINGSET_CAPACITY_MAX), or
 * NULL when there is no memory. It grows as it fills, to 24 bytes a key. SEED
 * is random and secret, so that nobody can choose keys that collide. */
struct ringset *ringset_create (size_t capacity, uint64_t seed);
void ringset_destroy (struct ringset **set);

/* Returns true if KEY is in SET. */
bool ringset_has (const struct ringset *set,
                  const uint8_t key[RINGSET_KEY_SIZE]);

/* Adds KEY; a full SET forgets its oldest key for it. Returns 0, -EEXIST (a key
 * does not become younger by that) or -ENOMEM (SET as it was). */
int ringset_add (struct ringset *set, const uint8_t key[RINGSET_KEY_SIZE]);
