/* SPDX-License-Identifier: MIT */
/* flight - the frames that ingress owns until their verdict came back.
 *
 *   in   payloads, verdicts' tickets, verifiers that come and go
 *   out  what to send to whom next
 *   owns a copy of every unjudged payload
 *
 * Next on the tour: actors/verifier/verifier_actor.c
 */
#include "actors/ingress/flight.h"

#include <stdlib.h>

struct flight {
    struct frame_in_flight *waiting; /* oldest first; owned */
    struct frame_in_flight **waiting_end;
    struct frame_in_flight *flying; /* no order; owned */
    size_t waiting_count;
    size_t flying_count;
    uint64_t last_ticket;
};

struct flight *
flight_create (void)
{
    struct flight *self = calloc (1, sizeof *self);
    if (self)
        self->waiting_end = &self->waiting;
    return self;
}

static void
flight_free_list (struct frame_in_flight *frame)
{
    while (frame) {
        struct frame_in_flight *next = frame->next;
        free (frame);
        frame = next;
    }
}

void
flight_destroy (struct flight **flight)
{
    struct flight *self = *flight;
    if (!self)
        return;
    *flight = NULL;
    flight_free_list (self->waiting);
    flight_free_list (self->flying);
    free (self);
}

struct frame_in_flight *
flight_add (struct flight *self, struct bytes payload)
{
    struct frame_in_flight *frame = calloc (1, sizeof *frame + payload.size);
    if (!frame)
        return NULL;
    frame->size = payload.size;
    if (payload.size > 0)
        memcpy (frame->payload, payload.data, payload.size);
    *self->waiting_end = frame;
    self->waiting_end = &frame->next;
    self->waiting_count++;
    return frame;
}

struct frame_in_flight *
flight_first_waiting (const struct flight *self)
{
    return self->flying_count < FLIGHT_MAX ? self->waiting : NULL;
}

void
flight_next_ticket (struct flight *self, struct frame_in_flight *frame)
{
    frame->ticket = ++self->last_ticket;
}

void
flight_sent (struct flight *self, const void *verifier, struct instant now)
{
    struct frame_in_flight *frame = self->waiting;
    self->waiting = frame->next;
    if (!self->waiting)
        self->waiting_end = &self->waiting;
    self->waiting_count--;

    frame->verifier = verifier;
    frame->asked = now;
    frame->patience_us = FLIGHT_VERDICT_US;
    frame->next = self->flying;
    self->flying = frame;
    self->flying_count++;
}

struct frame_in_flight *
flight_take (struct flight *self, uint64_t ticket)
{
    struct frame_in_flight **place = &self->flying;
    while (*place && (*place)->ticket != ticket)
        place = &(*place)->next;
    struct frame_in_flight *frame = *place;
    if (!frame)
        return NULL;
    *place = frame->next;
    self->flying_count--;
    return frame;
}

void
flight_verifier_gone (struct flight *self, const void *verifier)
{
    struct frame_in_flight **place = &self->flying;
    while (*place) {
        struct frame_in_flight *frame = *place;
        if (frame->verifier != verifier) {
            place = &frame->next;
            continue;
        }
        *place = frame->next;
        self->flying_count--;
        frame->verifier = NULL;
        frame->next = self->waiting;
        if (!self->waiting)
            self->waiting_end = &frame->next;
        self->waiting = frame;
        self->waiting_count++;
    }
}

struct frame_in_flight *
flight_overdue (const struct flight *self, struct instant now)
{
    for (struct frame_in_flight *frame = self->flying; frame;
         frame = frame->next)
        if (instant_since (now, frame->asked) >= frame->patience_us)
            return frame;
    return NULL;
}

void
flight_resent (struct frame_in_flight *frame, const void *verifier,
               struct instant now)
{
    frame->verifier = verifier;
    flight_patience (frame, now);
}

void
flight_patience (struct frame_in_flight *frame, struct instant now)
{
    frame->asked = now;
    frame->patience_us *= 2;
    if (frame->patience_us > FLIGHT_VERDICT_MAX_US)
        frame->patience_us = FLIGHT_VERDICT_MAX_US;
}

void
flight_peer_gone (struct flight *self, uint64_t peer)
{
    struct frame_in_flight **place = &self->waiting;
    size_t orphans = 0;

    for (struct frame_in_flight *frame = self->flying; frame;
         frame = frame->next)
        if (frame->peer == peer)
            frame->peer = 0;
    while (*place) {
        struct frame_in_flight *frame = *place;
        if (frame->peer == peer)
            frame->peer = 0;
        if (frame->peer != 0 || ++orphans <= FLIGHT_ORPHANS_MAX) {
            place = &frame->next;
            continue;
        }
        *place = frame->next;
        self->waiting_count--;
        free (frame);
    }
    self->waiting_end = place;
}

size_t
flight_count (const struct flight *self)
{
    return self->waiting_count + self->flying_count;
}

size_t
flight_waiting (const struct flight *self)
{
    return self->waiting_count;
}
