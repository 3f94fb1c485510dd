/* SPDX-License-Identifier: MIT */
/* dialling - when to dial the configured peers, again and again.
 *
 *   in   the configuration; how each dial went
 *   out  whom to dial now
 *   owns a row per configured peer
 */
#include "actors/registry/dialling.h"

#include <stdlib.h>

struct dialling_row {
    char *address; /* owned */
    enum peer_state state;
    struct instant due; /* when to dial, or to ask again */
    int64_t backoff_us; /* 0 before the first failure */
};

struct dialling {
    struct dialling_row *row; /* owned */
    size_t count;
};

struct dialling *
dialling_create (char *const *peers, size_t count, struct instant now)
{
    struct dialling *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->row = calloc (count ? count : 1, sizeof *self->row);
    while (self->row && self->count < count) {
        struct dialling_row *row = &self->row[self->count];
        *row = (struct dialling_row){.address = strdup (peers[self->count]),
                                     .state = PEER_LEFT,
                                     .due = now};
        if (!row->address)
            break;
        self->count++;
    }
    if (self->count < count || !self->row)
        dialling_destroy (&self);
    return self;
}

void
dialling_destroy (struct dialling **dialling)
{
    struct dialling *self = *dialling;
    if (!self)
        return;
    *dialling = NULL;
    for (size_t i = 0; i < self->count; i++)
        free (self->row[i].address);
    free (self->row);
    free (self);
}

const char *
dialling_next (struct dialling *self, struct instant now)
{
    for (size_t i = 0; i < self->count; i++) {
        struct dialling_row *row = &self->row[i];
        if (!instant_reached (now, row->due))
            continue;
        row->due = instant_after (now, DIALLING_ANSWER_US);
        return row->address;
    }
    return NULL;
}

/* From half of the back-off to all of it, so that many relays that lost one
 * peer do not come back to it in step. */
static void
dialling_back_off (struct dialling_row *row, uint64_t random,
                   struct instant now)
{
    row->backoff_us =
        row->backoff_us == 0 ? DIALLING_BACKOFF_US : row->backoff_us * 2;
    if (row->backoff_us > DIALLING_BACKOFF_MAX_US)
        row->backoff_us = DIALLING_BACKOFF_MAX_US;
    int64_t half = row->backoff_us / 2;
    row->due =
        instant_after (now, half + (int64_t)(random % (uint64_t)(half + 1)));
}

static void
dialling_row_on_state (struct dialling_row *row, enum peer_state state,
                       uint64_t random, struct instant now)
{
    row->state = state;
    switch (state) {
    case PEER_DIALLING:
    case PEER_CONNECTED:
        row->due = instant_after (now, DIALLING_CONNECT_US);
        return;
    case PEER_SHAKEN:
        row->backoff_us = 0;
        row->due = instant_after (now, DIALLING_CONFIRM_US);
        return;
    case PEER_LEFT:
        dialling_back_off (row, random, now);
        return;
    case PEER_STATES_:
        return;
    }
}

void
dialling_on_state (struct dialling *self, struct bytes address,
                   enum peer_state state, uint64_t random, struct instant now)
{
    for (size_t i = 0; i < self->count; i++)
        if (bytes_equal (bytes_of_text (self->row[i].address), address))
            dialling_row_on_state (&self->row[i], state, random, now);
}

void
dialling_reset (struct dialling *self, struct instant now)
{
    for (size_t i = 0; i < self->count; i++) {
        self->row[i].state = PEER_LEFT;
        self->row[i].due = now;
    }
}

struct instant
dialling_deadline (const struct dialling *self)
{
    struct instant deadline = {.us = INT64_MAX};
    for (size_t i = 0; i < self->count; i++)
        if (self->row[i].due.us < deadline.us)
            deadline = self->row[i].due;
    return deadline;
}

size_t
dialling_connected (const struct dialling *self)
{
    size_t connected = 0;
    for (size_t i = 0; i < self->count; i++)
        connected += self->row[i].state == PEER_SHAKEN;
    return connected;
}
