/* SPDX-License-Identifier: MIT */
/* tap - show every stage's events to whoever listens, in any language.
 *
 *   in   two-frame events from each stage's tap port (XSUB, bound inside)
 *   out  three frames: topic, body, sequence number (u32 LE, per topic)
 *        tap.tick every 5 s: the last sequence of each topic
 *   owns the sequence numbers; nothing else, and nothing that lasts
 *
 * Subscriptions go the other way: from the outer XPUB through the XSUB to the
 * stages, which format nothing that nobody wants. A listener cannot slow the
 * relay: what it does not take is dropped at its own high-water mark, and its
 * sequence shows the gap.
 *
 * Next on the tour: tools/cmd_tap.c
 */
#include <endian.h>
#include <jansson.h>

#include "actors/actor.h"
#include "supervisor/log.h"

#define TAP_TICK_US (5 * SECOND_US)
#define TAP_TOPICS_MAX (TOPICS_ * (COMMANDS_ + 1))
#define TAP_BATCH_MAX 256     /* events a round */
#define TAP_LISTENER_HWM 4096 /* events kept for a listener that is slow */
#define TAP_FRAME_MAX 262144  /* a 64 KiB message, escaped, fits */

struct tap_sequence {
    char topic[64];
    uint32_t last;
};

struct tap_actor {
    struct actor actor;             /* must be first */
    zsock_t *inside;                /* XSUB; owned */
    zsock_t *outside;               /* XPUB; owned; NULL: tap.endpoint = off */
    struct tap_sequence *sequences; /* owned; filled from the front */
    size_t sequences_count;
    struct instant next_tick;
    uint64_t shown;
};

/* Returns the sequence of TOPIC, a new one if need be; NULL when the topic is
 * none of ours. */
static struct tap_sequence *
tap_find_sequence (struct tap_actor *self, struct bytes topic)
{
    for (size_t i = 0; i < self->sequences_count; i++)
        if (bytes_equal (bytes_of_text (self->sequences[i].topic), topic))
            return &self->sequences[i];
    if (self->sequences_count == TAP_TOPICS_MAX
        || topic.size >= sizeof self->sequences[0].topic)
        return NULL;
    struct tap_sequence *sequence = &self->sequences[self->sequences_count++];
    memcpy (sequence->topic, topic.data, topic.size);
    sequence->topic[topic.size] = '\0';
    sequence->last = 0;
    return sequence;
}

/* Stamps and sends one event. TOPIC and BODY are only borrowed. */
static void
tap_send (struct tap_actor *self, struct bytes topic, struct bytes body)
{
    struct tap_sequence *sequence = tap_find_sequence (self, topic);
    if (!sequence || !self->outside)
        return;
    uint32_t stamp = htole32 (++sequence->last);
    void *socket = zsock_resolve (self->outside);
    if (zmq_send (socket, topic.data, topic.size, ZMQ_SNDMORE | ZMQ_DONTWAIT)
        < 0)
        return;
    zmq_send (socket, body.data, body.size, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send (socket, &stamp, sizeof stamp, ZMQ_DONTWAIT);
    self->shown++;
}

/* Moves one event from the stages to the listeners. Returns false when there
 * is none. */
static bool
tap_pass_event (struct tap_actor *self)
{
    void *socket = zsock_resolve (self->inside);
    zmq_msg_t topic, body;
    bool got = false;

    zmq_msg_init (&topic);
    zmq_msg_init (&body);
    if (zmq_msg_recv (&topic, socket, ZMQ_DONTWAIT) >= 0) {
        got = true;
        if (zmq_msg_more (&topic)
            && zmq_msg_recv (&body, socket, ZMQ_DONTWAIT) >= 0)
            tap_send (self,
                      bytes_of (zmq_msg_data (&topic), zmq_msg_size (&topic)),
                      bytes_of (zmq_msg_data (&body), zmq_msg_size (&body)));
    }
    zmq_msg_close (&topic);
    zmq_msg_close (&body);
    return got;
}

/* Moves one subscription from a listener to the stages. */
static bool
tap_pass_subscription (struct tap_actor *self)
{
    zmq_msg_t part;
    zmq_msg_init (&part);
    if (zmq_msg_recv (&part, zsock_resolve (self->outside), ZMQ_DONTWAIT) < 0) {
        zmq_msg_close (&part);
        return false;
    }
    const uint8_t *data = zmq_msg_data (&part);
    /* Only subscriptions pass: a listener cannot speak to the relay. */
    if (zmq_msg_size (&part) > 0 && data[0] <= 1)
        zmq_send (zsock_resolve (self->inside), data, zmq_msg_size (&part),
                  ZMQ_DONTWAIT);
    zmq_msg_close (&part);
    return true;
}

static void
tap_tick (struct tap_actor *self)
{
    json_t *sequences = json_object ();
    for (size_t i = 0; i < self->sequences_count; i++)
        json_object_set_new_nocheck (sequences, self->sequences[i].topic,
                                     json_integer (self->sequences[i].last));
    json_t *body = json_pack ("{s:I, s:s, s:s, s:o}", "time",
                              (json_int_t)self->actor.now.unix_us, "stage",
                              "tap", "event", "tick", "sequences", sequences);
    char *text = json_dumps (body, JSON_COMPACT);
    json_decref (body);
    if (text)
        tap_send (self, bytes_of_text ("tap.tick"), bytes_of_text (text));
    free (text);
}

static int
tap_turn (void *data)
{
    struct tap_actor *self = data;
    while (self->outside && tap_pass_subscription (self))
        ;
    for (size_t i = 0; i < TAP_BATCH_MAX && tap_pass_event (self); i++)
        ;
    if (instant_reached (self->actor.now.mono, self->next_tick)) {
        tap_tick (self);
        self->next_tick = instant_after (self->actor.now.mono, TAP_TICK_US);
    }
    return 0;
}

/* ØMQ's readiness is edge-triggered: after a full batch look again at once. */
static struct instant
tap_deadline (void *data)
{
    struct tap_actor *self = data;
    if (zsock_events (self->inside) & ZMQ_POLLIN)
        return self->actor.now.mono;
    if (self->outside && zsock_events (self->outside) & ZMQ_POLLIN)
        return self->actor.now.mono;
    return self->next_tick;
}

static void
tap_on_ready (void *data, short revents)
{
    (void)data; /* tap_turn reads both sockets every round */
    (void)revents;
}

static json_t *
tap_stats (void *data)
{
    struct tap_actor *self = data;
    return json_pack ("{s:I}", "shown", (json_int_t)self->shown);
}

/* Binds TYPE at ENDPOINT. Returns 0 or -errno with last words. */
static int
tap_bind (struct tap_actor *self, int type, const char *endpoint,
          zsock_t **ret_socket)
{
    zsock_t *socket = zsock_new (type);
    if (!socket)
        return -errno;
    zsock_set_linger (socket, 0);
    zsock_set_sndhwm (socket, TAP_LISTENER_HWM);
    zsock_set_rcvhwm (socket, TAP_LISTENER_HWM);
    zsock_set_maxmsgsize (socket, TAP_FRAME_MAX);
    if (zmq_bind (zsock_resolve (socket), endpoint) < 0) {
        int rc = -errno;
        actor_say (&self->actor, "tap.endpoint: cannot bind %s: %s", endpoint,
                   strerror (-rc));
        zsock_destroy (&socket);
        return rc;
    }
    *ret_socket = socket;
    return 0;
}

static int
tap_open (struct tap_actor *self)
{
    const struct endpoints *endpoints = self->actor.args->endpoints;
    self->sequences = calloc (TAP_TOPICS_MAX, sizeof *self->sequences);
    if (!self->sequences)
        return -ENOMEM;
    self->next_tick = self->actor.now.mono;

    int rc = tap_bind (self, ZMQ_XSUB, endpoints->tap, &self->inside);
    if (rc == 0 && endpoints->tap_public[0] != '\0')
        rc = tap_bind (self, ZMQ_XPUB, endpoints->tap_public, &self->outside);
    if (rc != 0)
        return rc;
    actor_watch (&self->actor, zsock_fd (self->inside), ZMQ_POLLIN,
                 tap_on_ready);
    if (self->outside) {
        actor_watch (&self->actor, zsock_fd (self->outside), ZMQ_POLLIN,
                     tap_on_ready);
        log_info ("TAP-OPEN", "endpoint=%s", endpoints->tap_public);
    }
    return 0;
}

/* ØMQ closes in the background: a name that is not given back here would still
 * be taken when the stage starts again. */
static void
tap_unbind (zsock_t **socket)
{
    char *endpoint = *socket ? zsock_last_endpoint (*socket) : NULL;
    if (endpoint)
        zmq_unbind (zsock_resolve (*socket), endpoint);
    zstr_free (&endpoint);
    zsock_destroy (socket);
}

static void
tap_close (struct tap_actor *self)
{
    tap_unbind (&self->inside);
    tap_unbind (&self->outside);
    free (self->sequences);
}

static const struct actor_stage tap_stage = {
    .turn = tap_turn,
    .deadline = tap_deadline,
    .stats = tap_stats,
};

void
tap_actor (zsock_t *pipe, void *args)
{
    struct tap_actor self = {0};

    int rc = actor_begin (&self.actor, pipe, args);
    if (rc == 0)
        rc = tap_open (&self);
    if (rc == 0)
        rc = actor_run (&self.actor, &tap_stage, &self);
    tap_close (&self);
    actor_end (&self.actor, rc);
}
