/* SPDX-License-Identifier: MIT */
/* guest - what ingress keeps of each connected peer, found by its number.
 *
 *   in   guests that come and go
 *   out  the one with a given number
 *   owns the guests, their connections and what they are known to have
 *
 * A number is a place in the table and a count of how often any place was
 * filled, so that a late message for a guest who left finds nobody.
 */
#include "actors/ingress/guest.h"

#include <stdlib.h>

#define GUEST_PLACE_BITS 20
#define GUEST_POINTS_HALF_US (600 * SECOND_US)

struct guests {
    struct guest **place; /* owned; NULL where free */
    size_t room;
    size_t count;
    uint64_t filled; /* how many guests there have been, from a random start */
};

struct guests *
guests_create (uint64_t random)
{
    struct guests *self = calloc (1, sizeof *self);
    if (self)
        self->filled = random >> (GUEST_PLACE_BITS + 1);
    return self;
}

void
guests_destroy (struct guests **guests)
{
    struct guests *self = *guests;
    if (!self)
        return;
    *guests = NULL;
    for (size_t i = 0; i < self->room; i++)
        if (self->place[i])
            guests_remove (self, self->place[i]);
    free (self->place);
    free (self);
}

static int
guests_grow (struct guests *self)
{
    size_t room = self->room ? self->room * 2 : 16;
    if (room > UINT64_C (1) << GUEST_PLACE_BITS)
        return -ENOMEM;
    struct guest **place = calloc (room, sizeof *place);
    if (!place)
        return -ENOMEM;
    if (self->room > 0)
        memcpy (place, self->place, self->room * sizeof *place);
    free (self->place);
    self->place = place;
    self->room = room;
    return 0;
}

struct guest *
guests_add (struct guests *self)
{
    if (self->count == self->room && guests_grow (self) != 0)
        return NULL;
    struct guest *guest = calloc (1, sizeof *guest);
    if (!guest)
        return NULL;
    size_t place = 0;
    while (self->place[place])
        place++;
    self->filled++;
    guest->id = self->filled << GUEST_PLACE_BITS | place;
    self->place[place] = guest;
    self->count++;
    return guest;
}

static size_t
guest_place (uint64_t id)
{
    return (size_t)(id & ((UINT64_C (1) << GUEST_PLACE_BITS) - 1));
}

void
guests_remove (struct guests *self, struct guest *guest)
{
    self->place[guest_place (guest->id)] = NULL;
    self->count--;
    connection_destroy (&guest->connection);
    ringset_destroy (&guest->known);
    free (guest);
}

struct guest *
guests_find (const struct guests *self, uint64_t id)
{
    size_t place = guest_place (id);
    if (place >= self->room || !self->place[place]
        || self->place[place]->id != id)
        return NULL;
    return self->place[place];
}

void
guest_charge (struct guest *guest, uint32_t points, struct instant now)
{
    int64_t halvings =
        instant_since (now, guest->points_at) / GUEST_POINTS_HALF_US;
    guest->points = halvings < 32 ? guest->points >> halvings : 0;
    guest->points_at =
        instant_after (guest->points_at, halvings * GUEST_POINTS_HALF_US);
    if (guest->points == 0)
        guest->points_at = now;
    guest->points += points;
}

struct guest *
guests_next (const struct guests *self, const struct guest *after)
{
    size_t place = after ? guest_place (after->id) + 1 : 0;
    while (place < self->room && !self->place[place])
        place++;
    return place < self->room ? self->place[place] : NULL;
}

size_t
guests_count (const struct guests *self)
{
    return self->count;
}
