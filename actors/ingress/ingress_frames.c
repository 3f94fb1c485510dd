/* SPDX-License-Identifier: MIT */
/* ingress_frames - unjudged payloads on their way to a verdict.
 *
 *   in   governance payloads of peers; FRAME_REPLY from verifiers
 *   out  FRAME to a verifier; the verdict's consequence for the peer; HEARD to
 *        gossip
 *   owns nothing of its own: struct ingress's flight and exact filter
 *
 * Only bytes that were accepted, or are known to be durable, are remembered,
 * and only after their verdict: junk never fills the filter (PROTOCOL 5.3).
 *
 * Next on the tour: actors/verifier/verifier_actor.c
 */
#include "actors/ingress/ingress.h"

#define FRAME_OVERHEAD 64 /* of a FRAME around its payload, bytes */

static struct link_peer *
ingress_choose_verifier (const struct ingress *self, size_t size,
                         const void *other_than)
{
    struct link_peer *best = NULL;
    for (struct link_peer *peer = link_first_peer (self->frames); peer;
         peer = link_next_peer (peer))
        if (peer != other_than
            && link_credit (peer) >= (int64_t)(size + FRAME_OVERHEAD)
            && (!best || link_credit (peer) > link_credit (best)))
            best = peer;
    return best;
}

static bool
ingress_send_frame (struct ingress *self, struct frame_in_flight *frame,
                    struct link_peer *verifier)
{
    uint64_t ticket = frame->ticket;
    if (verifier != frame->verifier)
        flight_next_ticket (self->flight, frame);
    struct link_message message = {
        .id = MESSAGE_FRAME,
        .frame = {.ticket = frame->ticket,
                  .peer = frame->peer,
                  .group = frame->group,
                  .command = frame->command,
                  .local = frame->local,
                  .received_us = frame->received_us,
                  .payload = bytes_of (frame->payload, frame->size)}};
    if (link_send (self->frames, verifier, &message) == 0)
        return true;
    frame->ticket = ticket; /* whoever has it may still answer */
    return false;
}

/* A verifier that is slow may be stuck, may wait for dedup, or may have let the
 * frame go with a dedup that ended. It is asked again, another one if there is
 * one; dedup makes a second verdict harmless. */
static void
ingress_hurry_frames (struct ingress *self)
{
    struct instant now = self->actor.now.mono;
    struct frame_in_flight *frame;

    while ((frame = flight_overdue (self->flight, now)) != NULL) {
        struct link_peer *verifier =
            ingress_choose_verifier (self, frame->size, frame->verifier);
        if (!verifier)
            verifier = ingress_choose_verifier (self, frame->size, NULL);
        if (verifier && ingress_send_frame (self, frame, verifier))
            flight_resent (frame, verifier, now);
        else
            flight_patience (frame, now);
    }
}

void
ingress_place_frames (struct ingress *self)
{
    struct frame_in_flight *frame;

    ingress_hurry_frames (self);
    while ((frame = flight_first_waiting (self->flight)) != NULL) {
        struct link_peer *verifier =
            ingress_choose_verifier (self, frame->size, NULL);
        if (!verifier || !ingress_send_frame (self, frame, verifier))
            return;
        flight_sent (self->flight, verifier, self->actor.now.mono);
        struct guest *guest = guests_find (self->guests, frame->peer);
        if (guest && guest->waits) {
            guest->waits = false;
            ingress_mark (self, guest);
        }
    }
}

static void
ingress_show_frame (struct ingress *self, enum topic topic,
                    enum command command, enum verdict verdict,
                    struct bytes payload)
{
    if (!tap_wants (self->actor.tap, topic))
        return;
    struct tap_event event = {.topic = topic,
                              .command = command,
                              .has_verdict = topic != TOPIC_INGRESS_FRAME,
                              .verdict = verdict,
                              .message = payload,
                              .numbers = {{"size", (int64_t)payload.size}}};
    if (event.has_verdict)
        event.reason = verdict_sentence (verdict);
    tap_show (self->actor.tap, &event, self->actor.now);
}

/* The message with that KEY came from the network. If it was handed in here,
 * gossip need not hide it any more (PROTOCOL 5.8). */
static void
ingress_hear (struct ingress *self, const uint8_t key[16])
{
    const struct gov_id *id = heard_find (self->heard, key);
    struct link_peer *gossip = link_first_peer (self->delivery);
    if (!id || !gossip)
        return;
    struct link_message heard = {.id = MESSAGE_HEARD, .heard = {.id = *id}};
    if (link_send (self->delivery, gossip, &heard) == 0)
        heard_told (self->heard, &heard.heard.id);
}

bool
ingress_take_frame (struct ingress *self, struct guest *guest,
                    const struct connection_event *event)
{
    uint8_t fingerprint[16];
    ingress_fingerprint (self, event->payload, fingerprint);
    if (event->command != COMMAND_ECONSTATUS) {
        ingress_note_known (self, guest, fingerprint);
        if (ringset_has (self->exact, fingerprint)) {
            self->verdicts[VERDICT_DUPLICATE]++;
            ingress_show_frame (self, TOPIC_INGRESS_IGNORED, event->command,
                                VERDICT_DUPLICATE, event->payload);
            connection_judged (guest->connection, event->number, true,
                               self->actor.now);
            ingress_confirm (self, guest);
            if (!guest->local)
                ingress_hear (self, fingerprint);
            return true;
        }
    }
    ingress_show_frame (self, TOPIC_INGRESS_FRAME, event->command,
                        VERDICT_ACCEPTED, event->payload);

    struct frame_in_flight *frame = flight_add (self->flight, event->payload);
    if (!frame) { /* no memory: as if the bytes had not come */
        edge_close (guest->edge, "out of memory");
        return false;
    }
    frame->peer = guest->id;
    frame->number = event->number;
    frame->command = event->command;
    frame->local = guest->local;
    frame->group = guest->group;
    frame->received_us = self->actor.now.unix_us;
    memcpy (frame->fingerprint, fingerprint, sizeof fingerprint);
    guest->waits = true;
    ingress_place_frames (self);
    return !guest->waits;
}

void
ingress_on_frame_reply (struct ingress *self,
                        const struct link_frame_reply *reply)
{
    struct frame_in_flight *frame = flight_take (self->flight, reply->ticket);
    if (!frame)
        return; /* it was asked twice, and answered */
    struct guest *guest = guests_find (self->guests, frame->peer);
    bool proven = reply->verdict == VERDICT_ACCEPTED
                  || reply->verdict == VERDICT_DUPLICATE;
    bool status = frame->command == COMMAND_ECONSTATUS;

    self->verdicts[reply->verdict]++;
    if (proven && !status)
        ringset_add (self->exact, frame->fingerprint);
    if (proven && !status && reply->has_id) {
        if (frame->local)
            heard_add (self->heard, &reply->id, frame->fingerprint);
        else
            ingress_hear (self, reply->id.bytes);
    }
    if (guest) {
        connection_judged (guest->connection, frame->number, false,
                           self->actor.now);
        if (proven && !status) {
            ingress_confirm (self, guest);
            if (reply->verdict == VERDICT_ACCEPTED)
                guest->useful = self->actor.now.mono;
            if (reply->has_id)
                ingress_note_known (self, guest, reply->id.bytes);
        }
        ingress_charge (self, guest, reply->verdict);
        ingress_mark (self, guest);
    }
    free (frame);
}
