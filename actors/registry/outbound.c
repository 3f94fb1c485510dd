/* SPDX-License-Identifier: MIT */
/* outbound - the automatic connections: which there are, or may come to be.
 *
 *   in   wishes; how each stands
 *   out  how many there are; how one ended
 *   owns a row per connection
 *
 * Next on the tour: actors/registry/standing.c
 */
#include "actors/registry/outbound.h"

static struct outbound_row *
outbound_find (struct outbound *self, struct bytes address)
{
    for (size_t i = 0; i < self->count; i++)
        if (bytes_equal (bytes_of_text (self->row[i].address), address))
            return &self->row[i];
    return NULL;
}

static void
outbound_remove (struct outbound *self, struct outbound_row *row)
{
    struct outbound_row *last = &self->row[--self->count];
    if (row != last)
        *row = *last;
}

bool
outbound_add (struct outbound *self, struct bytes address, const void *ingress,
              struct instant now)
{
    if (self->count == OUTBOUND_MAX || address.size > LINK_ADDRESS_MAX
        || outbound_find (self, address))
        return false;
    struct outbound_row *row = &self->row[self->count++];
    *row =
        (struct outbound_row){.ingress = ingress,
                              .state = PEER_DIALLING,
                              .until = instant_after (now, OUTBOUND_ANSWER_US)};
    if (address.size > 0)
        memcpy (row->address, address.data, address.size);
    return true;
}

enum outbound_end
outbound_on_state (struct outbound *self, struct bytes address,
                   const void *ingress, enum peer_state state,
                   struct instant now)
{
    struct outbound_row *row = outbound_find (self, address);

    if (state == PEER_LEFT) {
        if (!row)
            return OUTBOUND_GOES_ON;
        bool shaken = row->state == PEER_SHAKEN;
        outbound_remove (self, row);
        return shaken ? OUTBOUND_LEFT : OUTBOUND_FAILED;
    }
    if (!row && outbound_add (self, address, ingress, now))
        row = outbound_find (self, address);
    if (!row)
        return OUTBOUND_GOES_ON;
    row->ingress = ingress;
    row->state = state;
    row->until = instant_after (
        now, state == PEER_SHAKEN ? OUTBOUND_SILENCE_US : OUTBOUND_CONNECT_US);
    return OUTBOUND_GOES_ON;
}

void
outbound_forget (struct outbound *self, const void *ingress)
{
    for (size_t i = self->count; i-- > 0;)
        if (self->row[i].ingress == ingress)
            outbound_remove (self, &self->row[i]);
}

void
outbound_expire (struct outbound *self, struct instant now)
{
    for (size_t i = self->count; i-- > 0;)
        if (instant_reached (now, self->row[i].until))
            outbound_remove (self, &self->row[i]);
}
