/* SPDX-License-Identifier: MIT */
/* heard - which messages were handed in here.
 *
 *   in   what was handed in; what came from the network
 *   out  the name of one that came back, until it was told
 *   owns a ring of names, and an index of them
 *
 * Nearly all that comes from the network is not ours, and whoever knows what is
 * may send it again and again: the index says either at once, and the ring is
 * searched only for what is ours and was not told.
 *
 * Next on the tour: actors/gossip/own.c
 */
#include "actors/ingress/heard.h"

#include <stdlib.h>

#include "messages/base/ringset.h"

struct heard_name {
    struct gov_id id;
    uint8_t fingerprint[16]; /* of the bytes it was handed in with */
};

struct heard {
    struct heard_name names[HEARD_MAX];
    size_t count;         /* how many are there */
    size_t next;          /* place of the next; of the oldest, when full */
    struct ringset *keys; /* two for each name; owned */
    struct ringset *told; /* those of names that came back; owned */
};

struct heard *
heard_create (uint64_t seed)
{
    struct heard *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->keys = ringset_create (2 * HEARD_MAX, seed);
    self->told = ringset_create (2 * HEARD_MAX, seed);
    if (!self->keys || !self->told)
        heard_destroy (&self);
    return self;
}

void
heard_destroy (struct heard **heard)
{
    struct heard *self = *heard;
    if (!self)
        return;
    *heard = NULL;
    ringset_destroy (&self->keys);
    ringset_destroy (&self->told);
    free (self);
}

int
heard_add (struct heard *self, const struct gov_id *id,
           const uint8_t fingerprint[16])
{
    int rc = ringset_add (self->keys, id->bytes);
    if (rc != 0)
        return rc;
    rc = ringset_add (self->keys, fingerprint);
    if (rc != 0 && rc != -EEXIST)
        return rc;
    struct heard_name *name = &self->names[self->next];
    *name = (struct heard_name){.id = *id};
    memcpy (name->fingerprint, fingerprint, sizeof name->fingerprint);
    self->next = (self->next + 1) % HEARD_MAX;
    if (self->count < HEARD_MAX)
        self->count++;
    return 0;
}

const struct gov_id *
heard_find (const struct heard *self, const uint8_t key[16])
{
    if (!ringset_has (self->keys, key) || ringset_has (self->told, key))
        return NULL;
    for (size_t i = 0; i < self->count; i++) {
        const struct heard_name *name = &self->names[i];
        if (memcmp (name->fingerprint, key, 16) == 0
            || memcmp (name->id.bytes, key, 16) == 0)
            return &name->id;
    }
    return NULL;
}

void
heard_told (struct heard *self, const struct gov_id *id)
{
    for (size_t i = 0; i < self->count; i++) {
        const struct heard_name *name = &self->names[i];
        if (memcmp (&name->id, id, sizeof *id) != 0)
            continue;
        ringset_add (self->told, name->id.bytes);
        ringset_add (self->told, name->fingerprint);
        return;
    }
}
