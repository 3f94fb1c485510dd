/* SPDX-License-Identifier: MIT */
/* own - messages that were handed in locally, and are not everybody's yet.
 *
 *   in   their journal entries, time, randomness
 *   out  which are held, which are due, who is to have each first
 *   owns copies of the entries
 *
 * Next on the tour: actors/gossip/gossip_own.c
 */
#include "actors/gossip/own.h"

#include <math.h>
#include <stdlib.h>

#include "actors/gossip/window.h"

void
own_done (struct own *self)
{
    for (size_t i = 0; i < OWN_MAX; i++)
        free (self->entries[i].entry);
    *self = (struct own){0};
}

/* PROTOCOL 5.8: "10 s + Exp(20 s)". */
static int64_t
own_delay_us (uint64_t random)
{
    double uniform = (double)((random >> 11) + 1) * 0x1p-53;
    return OWN_DELAY_US + (int64_t)(-log (uniform) * (double)OWN_MEAN_US);
}

int
own_hold (struct own *self, const struct link_feed_entry *fed, bool patient,
          struct instant now, uint64_t random, size_t *ret_place)
{
    size_t place = 0;

    while (place < OWN_MAX && self->entries[place].state != OWN_FREE)
        place++;
    if (place == OWN_MAX || self->held == OWN_HELD_MAX)
        return -ENOSPC;
    struct gossip_entry *entry = window_entry_create (fed);
    if (!entry)
        return -ENOMEM;
    self->entries[place] =
        (struct own_entry){.state = OWN_HELD,
                           .entry = entry,
                           .patient = patient,
                           .due = instant_after (now, own_delay_us (random))};
    self->held++;
    *ret_place = place;
    return 0;
}

void
own_release (struct own *self, size_t place)
{
    assert (self->entries[place].state == OWN_HELD);
    self->entries[place].state = OWN_RELEASED;
    self->held--;
    self->released++;
}

void
own_free (struct own *self, size_t place)
{
    struct own_entry *own = &self->entries[place];
    assert (own->state != OWN_FREE);
    --*(own->state == OWN_HELD ? &self->held : &self->released);
    free (own->entry);
    *own = (struct own_entry){.state = OWN_FREE};
}

bool
own_holds (const struct own *self, uint64_t seq)
{
    for (size_t i = 0; self->held > 0 && i < OWN_MAX; i++)
        if (self->entries[i].state == OWN_HELD
            && self->entries[i].entry->seq == seq)
            return true;
    return false;
}

size_t
own_find (const struct own *self, const struct gov_id *id)
{
    for (size_t i = 0; self->held > 0 && i < OWN_MAX; i++)
        if (self->entries[i].state == OWN_HELD
            && memcmp (&self->entries[i].entry->id, id, sizeof *id) == 0)
            return i;
    return OWN_MAX;
}

size_t
own_oldest (const struct own *self, enum own_state state)
{
    size_t oldest = OWN_MAX;
    for (size_t i = 0; i < OWN_MAX; i++)
        if (self->entries[i].state == state
            && (oldest == OWN_MAX
                || self->entries[i].entry->seq
                       < self->entries[oldest].entry->seq))
            oldest = i;
    return oldest;
}

size_t
own_due (const struct own *self, struct instant now)
{
    for (size_t i = 0; self->held > 0 && i < OWN_MAX; i++)
        if (self->entries[i].state == OWN_HELD
            && instant_reached (now, self->entries[i].due))
            return i;
    return OWN_MAX;
}

struct instant
own_deadline (const struct own *self)
{
    struct instant deadline = {.us = INT64_MAX};
    for (size_t i = 0; self->held > 0 && i < OWN_MAX; i++)
        if (self->entries[i].state == OWN_HELD
            && self->entries[i].due.us < deadline.us)
            deadline = self->entries[i].due;
    return deadline;
}

void
own_peer_gone (struct own *self, uint64_t peer)
{
    for (size_t i = 0; self->held > 0 && i < OWN_MAX; i++)
        if (self->entries[i].peer == peer && !self->entries[i].sent)
            self->entries[i].peer = 0;
}

void
own_set_add (struct own_set *set, size_t place)
{
    set->bits[place / 64] |= UINT64_C (1) << place % 64;
}

void
own_set_remove (struct own_set *set, size_t place)
{
    set->bits[place / 64] &= ~(UINT64_C (1) << place % 64);
}

bool
own_set_has (const struct own_set *set, size_t place)
{
    return set->bits[place / 64] >> place % 64 & 1;
}

bool
own_set_is_empty (const struct own_set *set)
{
    for (size_t i = 0; i < ARRAY_SIZE (set->bits); i++)
        if (set->bits[i])
            return false;
    return true;
}

void
own_set_merge (struct own_set *set, const struct own_set *other)
{
    for (size_t i = 0; i < ARRAY_SIZE (set->bits); i++)
        set->bits[i] |= other->bits[i];
}
