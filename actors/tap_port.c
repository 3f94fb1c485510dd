/* SPDX-License-Identifier: MIT */
/* tap_port - a stage's own end of the tap: what it would show, if anybody
 * listens.
 *
 *   in   subscriptions, which travel from any ØMQ client to here by themselves
 *   out  two frames an event, topic and JSON body; the tap stage adds the third
 *   owns an XPUB and the list of what is subscribed to
 *
 * Next on the tour: actors/tap/tap_actor.c
 */
#include "actors/tap_port.h"

#include <czmq.h>
#include <jansson.h>
#include <sodium.h>

#define TAP_PREFIXES_MAX 256 /* distinct subscriptions; beyond: show all */
#define TAP_PREFIX_MAX 64    /* longer than any topic: matches nothing */
#define TAP_HWM                                                                \
    1000 /* events that wait for a slow tap stage, then lost
                                and seen as lost by their sequence */

struct tap_prefix {
    char text[TAP_PREFIX_MAX];
    size_t size;
};

struct tap_port {
    zsock_t *socket; /* XPUB; owned */
    char endpoint[128];
    char stage[64];
    struct tap_prefix *prefixes; /* owned */
    size_t prefixes_count;
    bool all;            /* more prefixes than we remember */
    bool wants[TOPICS_]; /* somebody listens to it */
};

static bool
tap_prefix_meets (const struct tap_prefix *prefix, const char *name)
{
    size_t size = strlen (name);
    if (size > prefix->size)
        size = prefix->size;
    return memcmp (prefix->text, name, size) == 0;
}

static void
tap_port_reckon (struct tap_port *self)
{
    for (size_t topic = 0; topic < TOPICS_; topic++) {
        bool wanted = self->all;
        const char *name = topic_name ((enum topic)topic);
        for (size_t i = 0; !wanted && i < self->prefixes_count; i++)
            wanted = tap_prefix_meets (&self->prefixes[i], name);
        self->wants[topic] = wanted;
    }
}

static void
tap_port_subscribe (struct tap_port *self, struct bytes prefix)
{
    if (prefix.size > TAP_PREFIX_MAX)
        return;
    if (self->prefixes_count == TAP_PREFIXES_MAX) {
        self->all = true;
        return;
    }
    struct tap_prefix *place = &self->prefixes[self->prefixes_count++];
    memcpy (place->text, prefix.data, prefix.size);
    place->size = prefix.size;
}

static void
tap_port_unsubscribe (struct tap_port *self, struct bytes prefix)
{
    for (size_t i = 0; i < self->prefixes_count; i++) {
        struct tap_prefix *place = &self->prefixes[i];
        if (!bytes_equal (bytes_of (place->text, place->size), prefix))
            continue;
        *place = self->prefixes[--self->prefixes_count];
        return;
    }
}

void
tap_port_receive (struct tap_port *self)
{
    void *socket = zsock_resolve (self->socket);
    bool changed = false;

    for (;;) {
        zmq_msg_t part;
        zmq_msg_init (&part);
        if (zmq_msg_recv (&part, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close (&part);
            break;
        }
        const uint8_t *data = zmq_msg_data (&part);
        size_t size = zmq_msg_size (&part);
        if (size > 0 && data[0] <= 1) {
            struct bytes prefix = bytes_of (data + 1, size - 1);
            if (data[0] == 1)
                tap_port_subscribe (self, prefix);
            else
                tap_port_unsubscribe (self, prefix);
            changed = true;
        }
        zmq_msg_close (&part);
    }
    if (changed)
        tap_port_reckon (self);
}

bool
tap_wants (const struct tap_port *self, enum topic topic)
{
    return self->wants[topic];
}

static void
tap_set_message (json_t *body, struct bytes message)
{
    json_t *text = json_stringn ((const char *)message.data, message.size);
    if (text) {
        json_object_set_new_nocheck (body, "message", text);
        return;
    }
    size_t room = sodium_base64_encoded_len (message.size,
                                             sodium_base64_VARIANT_ORIGINAL);
    char *base64 = malloc (room);
    if (!base64)
        return;
    sodium_bin2base64 (base64, room, message.data, message.size,
                       sodium_base64_VARIANT_ORIGINAL);
    json_object_set_new_nocheck (body, "message_base64", json_string (base64));
    free (base64);
}

static char *
tap_body (const struct tap_port *self, const struct tap_event *event,
          struct moment now)
{
    const char *name = topic_name (event->topic);
    json_t *body = json_object ();

    json_object_set_new_nocheck (body, "time", json_integer (now.unix_us));
    json_object_set_new_nocheck (body, "stage", json_string (self->stage));
    json_object_set_new_nocheck (body, "event",
                                 json_string (strchr (name, '.') + 1));
    if (event->command != TAP_NO_COMMAND)
        json_object_set_new_nocheck (
            body, "command", json_string (command_name (event->command)));
    if (event->id) {
        char text[65];
        gov_id_text (event->id, text);
        json_object_set_new_nocheck (body, "gov_id", json_string (text));
    }
    if (event->has_verdict)
        json_object_set_new_nocheck (
            body, "verdict", json_string (verdict_name (event->verdict)));
    if (event->reason)
        json_object_set_new (body, "reason", json_string (event->reason));
    if (event->subject)
        json_object_set_new (body, "subject", json_string (event->subject));
    if (event->message.size > 0)
        tap_set_message (body, event->message);
    for (size_t i = 0; i < TAP_NUMBERS_MAX && event->numbers[i].name; i++)
        json_object_set_new_nocheck (body, event->numbers[i].name,
                                     json_integer (event->numbers[i].value));

    char *text = json_dumps (body, JSON_COMPACT);
    json_decref (body);
    return text;
}

void
tap_show (struct tap_port *self, const struct tap_event *event,
          struct moment now)
{
    if (!self->wants[event->topic])
        return;
    char topic[TAP_PREFIX_MAX];
    bool with_command =
        topic_has_command (event->topic) && event->command != TAP_NO_COMMAND;
    snprintf (topic, sizeof topic, "%s%s%s", topic_name (event->topic),
              with_command ? "." : "",
              with_command ? command_name (event->command) : "");
    char *body = tap_body (self, event, now);
    if (!body)
        return;
    void *socket = zsock_resolve (self->socket);
    if (zmq_send (socket, topic, strlen (topic), ZMQ_SNDMORE | ZMQ_DONTWAIT)
        >= 0)
        zmq_send (socket, body, strlen (body), ZMQ_DONTWAIT);
    free (body);
}

void *
tap_port_socket (const struct tap_port *self)
{
    return zsock_resolve (self->socket);
}

int
tap_port_reopen (struct tap_port *self)
{
    zsock_destroy (&self->socket);
    self->prefixes_count = 0;
    self->all = false;
    tap_port_reckon (self);
    self->socket = zsock_new (ZMQ_XPUB);
    if (!self->socket)
        return -errno;
    zsock_set_sndhwm (self->socket, TAP_HWM);
    zsock_set_linger (self->socket, 0);
    if (zmq_connect (zsock_resolve (self->socket), self->endpoint) < 0)
        return -errno;
    return 0;
}

int
tap_port_open (struct tap_port **ret_port, const char *endpoint,
               const char *stage)
{
    struct tap_port *self = calloc (1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->prefixes = calloc (TAP_PREFIXES_MAX, sizeof *self->prefixes);
    if (!self->prefixes) {
        free (self);
        return -ENOMEM;
    }
    snprintf (self->endpoint, sizeof self->endpoint, "%s", endpoint);
    snprintf (self->stage, sizeof self->stage, "%s", stage);
    int rc = tap_port_reopen (self);
    if (rc != 0) {
        tap_port_close (&self);
        return rc;
    }
    *ret_port = self;
    return 0;
}

void
tap_port_close (struct tap_port **port)
{
    struct tap_port *self = *port;
    if (!self)
        return;
    *port = NULL;
    zsock_destroy (&self->socket);
    free (self->prefixes);
    free (self);
}
