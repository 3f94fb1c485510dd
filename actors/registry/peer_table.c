/* SPDX-License-Identifier: MIT */
/* peer_table - every peer of every ingress, as last told.
 *
 *   in   PEER of each ingress, again and again
 *   out  what is news; counts; the median clock
 *   owns a row per peer
 */
#include "actors/registry/peer_table.h"

#include <stdlib.h>

#define PEER_TABLE_CLOCKS_MAX 256 /* enough of them for a median */

struct peer_table {
    struct peer_row **row; /* owned, each as well; no order */
    size_t count;
    size_t room;
};

struct peer_table *
peer_table_create (void)
{
    return calloc (1, sizeof (struct peer_table));
}

void
peer_table_destroy (struct peer_table **table)
{
    struct peer_table *self = *table;
    if (!self)
        return;
    *table = NULL;
    for (size_t i = 0; i < self->count; i++)
        free (self->row[i]);
    free (self->row);
    free (self);
}

static size_t
peer_table_find (const struct peer_table *self, const void *ingress,
                 uint64_t id)
{
    size_t place = 0;
    while (
        place < self->count
        && (self->row[place]->id != id || self->row[place]->ingress != ingress))
        place++;
    return place;
}

static void
peer_table_remove (struct peer_table *self, size_t place)
{
    free (self->row[place]);
    self->row[place] = self->row[--self->count];
}

static struct peer_row *
peer_table_add (struct peer_table *self)
{
    if (self->count == PEER_TABLE_MAX)
        return NULL;
    if (self->count == self->room) {
        size_t room = self->room ? self->room * 2 : 16;
        struct peer_row **row =
            realloc (self->row, room * sizeof (struct peer_row *));
        if (!row)
            return NULL;
        self->row = row;
        self->room = room;
    }
    struct peer_row *row = calloc (1, sizeof *row);
    if (row)
        self->row[self->count++] = row;
    return row;
}

static void
peer_row_copy_text (char *text, size_t room, struct bytes bytes)
{
    size_t size = bytes.size < room ? bytes.size : room - 1;
    if (size > 0)
        memcpy (text, bytes.data, size);
    text[size] = '\0';
}

static void
peer_row_fill (struct peer_row *row, const void *ingress,
               const struct link_peer_state *peer)
{
    *row = (struct peer_row){.id = peer->peer,
                             .ingress = ingress,
                             .state = peer->state,
                             .outbound = peer->outbound,
                             .governance = peer->governance,
                             .confirmed = peer->confirmed,
                             .version = peer->version,
                             .services = peer->services,
                             .ping_us = peer->ping_us,
                             .connected_s = peer->connected_s,
                             .clock_offset_s = peer->clock_offset_s,
                             .points = peer->points,
                             .received = peer->received,
                             .sent = peer->sent};
    peer_row_copy_text (row->address, sizeof row->address, peer->address);
    peer_row_copy_text (row->user_agent, sizeof row->user_agent,
                        peer->user_agent);
}

bool
peer_table_update (struct peer_table *self, const void *ingress,
                   const struct link_peer_state *peer)
{
    size_t place = peer_table_find (self, ingress, peer->peer);
    bool known = place < self->count;
    bool shaken = known && self->row[place]->state == PEER_SHAKEN;

    if (peer->state == PEER_LEFT) {
        if (known)
            peer_table_remove (self, place);
        return known;
    }
    struct peer_row *row = known ? self->row[place] : peer_table_add (self);
    if (!row)
        return false;
    peer_row_fill (row, ingress, peer);
    return peer->state == PEER_SHAKEN && !shaken;
}

void
peer_table_forget (struct peer_table *self, const void *ingress)
{
    for (size_t i = self->count; i-- > 0;)
        if (self->row[i]->ingress == ingress)
            peer_table_remove (self, i);
}

const struct peer_row *
peer_table_at (const struct peer_table *self, size_t index)
{
    return index < self->count ? self->row[index] : NULL;
}

struct peer_table_counts
peer_table_count (const struct peer_table *self)
{
    struct peer_table_counts counts = {0};
    for (size_t i = 0; i < self->count; i++) {
        const struct peer_row *row = self->row[i];
        if (row->state != PEER_SHAKEN)
            continue;
        counts.outbound += row->outbound;
        counts.inbound += !row->outbound;
        counts.governance += row->governance;
    }
    return counts;
}

static int
peer_table_compare (const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a;
    int64_t second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

int
peer_table_clock_offset (const struct peer_table *self, int64_t *ret_offset_s)
{
    int64_t offset[PEER_TABLE_CLOCKS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < self->count && count < ARRAY_SIZE (offset); i++)
        if (self->row[i]->state == PEER_SHAKEN)
            offset[count++] = self->row[i]->clock_offset_s;
    if (count < 3)
        return -EAGAIN;
    qsort (offset, count, sizeof offset[0], peer_table_compare);
    *ret_offset_s = offset[count / 2];
    return 0;
}
