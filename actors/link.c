/* SPDX-License-Identifier: MIT */
/* link - one end of a link between stages: a socket and who is on it.
 *
 *   in   zmq frames, each holding link messages back to back
 *   out  up, down and message calls to the stage; frames to the other side
 *   owns the socket, the peers, their credit, what is queued for them
 *
 * Next on the tour: actors/verifier/verifier_actor.c
 */
#include "actors/link.h"

#include <czmq.h>
#include <stdlib.h>

#include "supervisor/log.h"

#define LINK_PEERS_MAX                                                         \
    64                        /* stages on one link; a stranger on tcp cannot
                                  make a table grow */
#define LINK_FLUSH_SIZE 65536 /* queued bytes that leave at once */
#define LINK_INPROC_PATIENCE_US                                                \
    (64 * SECOND_US) /* ØMQ keeps a socket that was closed before its inproc
                        endpoint was bound until it is: a stage that takes
                        10 minutes to start costs each link 20 of the 1,024 */
#define LINK_LINGER_MS 1000 /* what was said before a close still leaves */
#define LINK_ROUTING_MAX 16 /* a ROUTER makes routing ids of 5 bytes */

struct link_peer {
    struct link_peer *next;            /* in link->peers; owned */
    struct link *link;                 /* borrowed */
    uint8_t routing[LINK_ROUTING_MAX]; /* of a ROUTER's peer */
    size_t routing_size;               /* 0 on a DEALER */
    char name[LINK_NAME_MAX + 1];      /* "verifier.0" */
    uint64_t daemon;                   /* with name: who it is */
    struct instant heard;              /* last frame from it */
    struct instant beaten;             /* our last frame to it */
    int64_t credit;                    /* bytes that it still takes */
    int64_t freed;                     /* credit to give back to it */
    struct buffer out;                 /* queued messages */
    void *data;                        /* the stage's own; borrowed */
    bool up;                           /* the stage knows it */
    bool gone;                         /* to be taken off the list */
};

struct link {
    struct link_options options; /* endpoint and stage are copies below */
    char endpoint[256];
    char stage[LINK_NAME_MAX + 1];
    const struct link_handlers *handlers; /* borrowed */
    void *self;                           /* the stage; borrowed */
    zsock_t *socket;                      /* owned */
    struct link_peer *peers;              /* that said hello; owned */
    bool lost;             /* DEALER: its peer went; begin anew at once */
    struct instant opened; /* DEALER: when it said hello */
    int64_t patience_us;   /* DEALER: how long it waits for the answer */
    struct instant ticked; /* our own loop was on time */
    bool refused_said;     /* one line for each refusal is enough */
};

/*~ Everything that touches the socket is in the next three functions. */

static int
link_send_frame (struct link *self, const uint8_t *routing, size_t routing_size,
                 struct bytes frame)
{
    void *socket = zsock_resolve (self->socket);
    if (routing_size > 0
        && zmq_send (socket, routing, routing_size, ZMQ_SNDMORE | ZMQ_DONTWAIT)
               < 0)
        return -errno;
    if (zmq_send (socket, frame.data, frame.size, ZMQ_DONTWAIT) < 0)
        return -errno;
    return 0;
}

static int
link_send_alone (struct link *self, const uint8_t *routing, size_t routing_size,
                 const struct link_message *message)
{
    owned (buffer_done) struct buffer out = {0};
    int size = link_message_encode (&out, message);
    if (size < 0)
        return size;
    return link_send_frame (self, routing, routing_size, buffer_bytes (&out));
}

static int
link_open_socket (struct link *self)
{
    bool binds = self->options.side == LINK_BINDS;
    zsock_t *socket = zsock_new (binds ? ZMQ_ROUTER : ZMQ_DEALER);
    if (!socket)
        return -errno;
    /* Credit bounds what is under way; a high-water mark would only lose. */
    zsock_set_sndhwm (socket, 0);
    zsock_set_rcvhwm (socket, 0);
    zsock_set_linger (socket, LINK_LINGER_MS);
    zsock_set_maxmsgsize (socket, LINK_FRAME_MAX);
    if (binds)
        zsock_set_router_mandatory (socket, 1);
    int rc = binds ? zmq_bind (zsock_resolve (socket), self->endpoint)
                   : zmq_connect (zsock_resolve (socket), self->endpoint);
    if (rc < 0) {
        rc = -errno;
        zsock_destroy (&socket);
        return rc;
    }
    self->socket = socket;
    return 0;
}

static struct link_message
link_hello_message (const struct link *self, enum message_id id)
{
    return (struct link_message){
        .id = id,
        .hello = {.version = MESSAGES_TABLE_VERSION,
                  .build = bytes_of_text (GOVRELAY_VERSION),
                  .link = bytes_of_text (link_id_name (self->options.id)),
                  .stage = bytes_of_text (self->stage),
                  .daemon = self->options.daemon,
                  .incarnation = self->options.incarnation}};
}

/* A DEALER begins (again): a new socket, and hello. The old socket stays until
 * there is a new one: the stage polls it. */
static int
link_connect (struct link *self, struct instant now)
{
    zsock_t *old = self->socket;
    int rc = link_open_socket (self);
    if (rc != 0)
        return rc;
    if (old) {
        zsock_set_linger (old, 0);
        zsock_destroy (&old);
    }
    struct link_message hello = link_hello_message (self, MESSAGE_HELLO);
    self->opened = now;
    return link_send_alone (self, NULL, 0, &hello);
}

static struct link_peer *
link_peer_create (struct link *self, const struct link_hello *hello,
                  struct bytes routing, struct instant now)
{
    struct link_peer *peer = calloc (1, sizeof *peer);
    if (!peer)
        return NULL;
    peer->link = self;
    if (routing.size > 0)
        memcpy (peer->routing, routing.data, routing.size);
    peer->routing_size = routing.size;
    memcpy (peer->name, hello->stage.data, hello->stage.size);
    peer->daemon = hello->daemon;
    peer->heard = now;
    peer->beaten = now;
    peer->freed = self->options.receive_credit; /* its first grant */
    peer->next = self->peers;
    self->peers = peer;
    return peer;
}

/* Takes PEER off the list; the stage hears of it if TELL. */
static void
link_peer_remove (struct link *self, struct link_peer *peer, bool tell)
{
    struct link_peer **place = &self->peers;
    while (*place != peer)
        place = &(*place)->next;
    *place = peer->next;
    if (tell && peer->up && self->handlers->down)
        self->handlers->down (self->self, self, peer);
    buffer_done (&peer->out);
    free (peer);
}

static struct link_peer *
link_find_routing (const struct link *self, struct bytes routing)
{
    for (struct link_peer *peer = self->peers; peer; peer = peer->next)
        if (bytes_equal (bytes_of (peer->routing, peer->routing_size), routing))
            return peer;
    return NULL;
}

/* Returns why HELLO is not welcome, or NULL. */
static const char *
link_refusal (const struct link *self, const struct link_hello *hello)
{
    if (hello->version != MESSAGES_TABLE_VERSION)
        return "another version of the message table";
    if (!bytes_equal (hello->link,
                      bytes_of_text (link_id_name (self->options.id))))
        return "this socket serves another link";
    size_t count = 0;
    for (struct link_peer *peer = self->peers; peer; peer = peer->next)
        count++;
    if (count >= LINK_PEERS_MAX)
        return "too many stages on this link";
    return NULL;
}

static void
link_peer_up (struct link *self, struct link_peer *peer)
{
    log_debug ("LINK-UP", "link=%s peer=%s", link_id_name (self->options.id),
               peer->name);
    peer->up = true;
    if (self->handlers->up)
        self->handlers->up (self->self, self, peer);
}

/* Gives credit in portions of an eighth, or whatever there is when IDLE: a
 * sender always has more than the largest message until it is really full. */
static void
link_peer_give_credit (struct link *self, struct link_peer *peer, bool idle)
{
    if (peer->freed <= 0
        || (!idle && peer->freed < self->options.receive_credit / 8))
        return;
    struct link_message credit = {.id = MESSAGE_CREDIT,
                                  .credit = {.bytes = (uint64_t)peer->freed}};
    if (link_message_encode (&peer->out, &credit) >= 0)
        peer->freed = 0;
}

/* PEER and we have said hello: credit is the first thing that follows it. Whom
 * we need credit of is up when it has come, so that what a stage says as soon
 * as it hears of a peer is not refused. */
static void
link_peer_begin (struct link *self, struct link_peer *peer)
{
    link_peer_give_credit (self, peer, true);
    if (!self->options.send_limited)
        link_peer_up (self, peer);
}

/* A ROUTER hears hello: an earlier life of the same stage is over. */
static void
link_on_hello (struct link *self, struct bytes routing,
               const struct link_hello *hello, struct instant now)
{
    for (struct link_peer *peer = self->peers, *next; peer; peer = next) {
        next = peer->next;
        bool same_stage =
            peer->daemon == hello->daemon
            && bytes_equal (bytes_of_text (peer->name), hello->stage);
        if (same_stage
            || bytes_equal (bytes_of (peer->routing, peer->routing_size),
                            routing))
            link_peer_remove (self, peer, true);
    }

    const char *why = link_refusal (self, hello);
    if (why) {
        struct link_message refused = {
            .id = MESSAGE_REFUSED, .refused = {.text = bytes_of_text (why)}};
        link_send_alone (self, routing.data, routing.size, &refused);
        return;
    }
    struct link_peer *peer = link_peer_create (self, hello, routing, now);
    if (!peer)
        return; /* it asks again in 2 s */
    struct link_message reply = link_hello_message (self, MESSAGE_HELLO_REPLY);
    if (link_message_encode (&peer->out, &reply) < 0) {
        link_peer_remove (self, peer, false);
        return;
    }
    link_peer_begin (self, peer);
}

static void
link_on_refused (struct link *self, const struct link_words *refused)
{
    if (self->refused_said)
        return;
    self->refused_said = true;
    char words[2 * LINK_WORDS_MAX];
    log_warn ("LINK-REFUSED", "link=%s endpoint=%s words=%s",
              link_id_name (self->options.id), self->endpoint,
              log_quote (words, sizeof words, refused->text));
}

/* A message of a peer that is up. Returns false when the peer is to go. */
static bool
link_on_message (struct link *self, struct link_peer *peer,
                 const struct link_message *message, size_t size)
{
    if (message->id == MESSAGE_CREDIT) {
        if (message->credit.bytes > INT32_MAX
            || peer->credit > INT64_C (16) * INT32_MAX)
            return false;
        peer->credit += (int64_t)message->credit.bytes;
        if (!peer->up)
            link_peer_up (self, peer);
        return true;
    }
    if (message->id == MESSAGE_HEARTBEAT)
        return true;
    if (message->id == MESSAGE_BYE || message->id == MESSAGE_HELLO
        || message->id == MESSAGE_HELLO_REPLY || message->id == MESSAGE_REFUSED)
        return false;
    if (!self->handlers->message || !peer->up)
        return false;
    enum link_use use =
        self->handlers->message (self->self, self, peer, message, size);
    if (use == LINK_DONE && self->options.receive_credit > 0)
        peer->freed += (int64_t)size;
    return true;
}

/* Reads one frame: messages back to back. PEER is NULL for a stranger, who may
 * only say hello. */
static void
link_on_frame (struct link *self, struct link_peer *peer, struct bytes routing,
               struct bytes frame, struct instant now)
{
    if (peer)
        peer->heard = now;
    while (frame.size > 0) {
        struct link_message message;
        size_t before = frame.size;
        if (link_message_decode (self->options.id, &frame, &message) != 0) {
            if (peer) { /* a stranger could fill the log */
                log_warn ("LINK-JUNK", "link=%s peer=%s bytes=%zu",
                          link_id_name (self->options.id), peer->name, before);
                peer->gone = true;
            }
            return;
        }
        bool router = self->options.side == LINK_BINDS;
        if (router && message.id == MESSAGE_HELLO) {
            link_on_hello (self, routing, &message.hello, now);
            return; /* hello stands alone in its frame */
        }
        if (!peer && router) {
            /* Of an earlier life of ours: tell it to begin anew. */
            struct link_message bye = {.id = MESSAGE_BYE};
            if (message.id != MESSAGE_BYE)
                link_send_alone (self, routing.data, routing.size, &bye);
            return;
        }
        if (!peer && message.id == MESSAGE_HELLO_REPLY) {
            peer = link_peer_create (self, &message.hello, routing, now);
            if (!peer)
                return;
            self->refused_said = false;
            self->patience_us = LINK_SILENCE_US;
            link_peer_begin (self, peer);
            continue;
        }
        if (!peer) {
            if (message.id == MESSAGE_REFUSED)
                link_on_refused (self, &message.refused);
            return;
        }
        if (!link_on_message (self, peer, &message, before - frame.size)) {
            peer->gone = true;
            return;
        }
    }
}

static void
link_reap (struct link *self)
{
    for (struct link_peer *peer = self->peers, *next; peer; peer = next) {
        next = peer->next;
        if (peer->gone) {
            log_debug ("LINK-DOWN", "link=%s peer=%s",
                       link_id_name (self->options.id), peer->name);
            link_peer_remove (self, peer, true);
        }
    }
}

/* Ours have one part behind the routing id: more are a stranger's. */
static void
link_skip_parts (struct link *self, zmq_msg_t *part)
{
    while (zmq_msg_more (part))
        if (zmq_msg_recv (part, zsock_resolve (self->socket), ZMQ_DONTWAIT) < 0)
            break;
}

bool
link_receive (struct link *self, struct instant now)
{
    void *socket = zsock_resolve (self->socket);
    bool router = self->options.side == LINK_BINDS;
    size_t count = 0;

    for (; count < LINK_RECEIVE_MAX; count++) {
        zmq_msg_t part;
        uint8_t routing[LINK_ROUTING_MAX];
        size_t routing_size = 0;

        zmq_msg_init (&part);
        if (zmq_msg_recv (&part, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close (&part);
            break;
        }
        if (router) {
            routing_size = zmq_msg_size (&part);
            bool fits = routing_size <= sizeof routing;
            if (fits)
                memcpy (routing, zmq_msg_data (&part), routing_size);
            if (!fits || zmq_msg_recv (&part, socket, ZMQ_DONTWAIT) < 0) {
                link_skip_parts (self, &part);
                zmq_msg_close (&part);
                continue;
            }
        }
        struct bytes from = bytes_of (routing, routing_size);
        link_on_frame (self, link_find_routing (self, from), from,
                       bytes_of (zmq_msg_data (&part), zmq_msg_size (&part)),
                       now);
        link_skip_parts (self, &part);
        zmq_msg_close (&part);
    }
    link_reap (self);
    return count == LINK_RECEIVE_MAX;
}

static void
link_peer_flush (struct link *self, struct link_peer *peer)
{
    if (peer->out.size == 0)
        return;
    int rc = link_send_frame (self, peer->routing, peer->routing_size,
                              buffer_bytes (&peer->out));
    buffer_take (&peer->out, peer->out.size, LINK_FLUSH_SIZE * 2);
    peer->beaten = self->ticked;
    if (rc != 0)
        peer->gone = true; /* it is told down at the next tick */
}

int
link_send (struct link *self, struct link_peer *peer,
           const struct link_message *message)
{
    size_t before = peer->out.size;
    int size = link_message_encode (&peer->out, message);
    if (size < 0)
        return size;
    if (self->options.send_limited) {
        if (size > peer->credit) {
            peer->out.size = before;
            return -EAGAIN;
        }
        peer->credit -= size;
    }
    if (peer->out.size >= LINK_FLUSH_SIZE)
        link_peer_flush (self, peer);
    return 0;
}

void
link_release (struct link *self, struct link_peer *peer, size_t size)
{
    if (self->options.receive_credit > 0)
        peer->freed += (int64_t)size;
}

void
link_flush (struct link *self)
{
    for (struct link_peer *peer = self->peers; peer; peer = peer->next) {
        link_peer_give_credit (self, peer, false);
        link_peer_flush (self, peer);
    }
}

/* When our own thread was held up, the silence was ours: nobody is blamed. */
static void
link_forgive (struct link *self, struct instant now)
{
    int64_t late = instant_since (now, self->ticked) - LINK_HEARTBEAT_US;
    self->ticked = now;
    if (late <= 0)
        return;
    for (struct link_peer *peer = self->peers; peer; peer = peer->next) {
        peer->heard = instant_after (peer->heard, late);
        if (peer->heard.us > now.us)
            peer->heard = now;
    }
}

static bool
link_is_inproc (const struct link *self)
{
    return strncmp (self->endpoint, "inproc:", 7) == 0;
}

struct instant
link_tick (struct link *self, struct instant now)
{
    link_forgive (self, now);
    for (struct link_peer *peer = self->peers; peer; peer = peer->next) {
        if (instant_since (now, peer->heard) >= LINK_SILENCE_US) {
            peer->gone = true;
            continue;
        }
        if (instant_since (now, peer->beaten) < LINK_HEARTBEAT_US / 2)
            continue;
        link_peer_give_credit (self, peer, true);
        struct link_message beat = {.id = MESSAGE_HEARTBEAT};
        if (peer->out.size == 0)
            link_message_encode (&peer->out, &beat);
        link_peer_flush (self, peer);
    }

    link_reap (self);
    bool silent = self->options.side == LINK_CONNECTS && !self->peers
                  && instant_since (now, self->opened) >= self->patience_us;
    if (silent && link_is_inproc (self)
        && self->patience_us < LINK_INPROC_PATIENCE_US)
        self->patience_us *= 2;
    if ((self->lost || silent) && link_connect (self, now) != 0)
        self->opened = now; /* tried again in 2 s */
    self->lost = false;
    return instant_after (now, LINK_HEARTBEAT_US / 2);
}

int
link_open (const struct link_options *options,
           const struct link_handlers *handlers, void *self_data,
           struct instant now, struct link **ret_link)
{
    struct link *self = calloc (1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->options = *options;
    snprintf (self->endpoint, sizeof self->endpoint, "%s", options->endpoint);
    snprintf (self->stage, sizeof self->stage, "%s", options->stage);
    self->options.endpoint = self->endpoint;
    self->options.stage = self->stage;
    self->handlers = handlers;
    self->self = self_data;
    self->ticked = now;
    self->patience_us = LINK_SILENCE_US;

    int rc = options->side == LINK_BINDS ? link_open_socket (self)
                                         : link_connect (self, now);
    if (rc != 0) {
        zsock_destroy (&self->socket);
        free (self);
        return rc;
    }
    *ret_link = self;
    return 0;
}

void
link_close (struct link **link)
{
    struct link *self = *link;
    if (!self)
        return;
    *link = NULL;
    /* First the address: who hears bye connects again at once, and must find
     * the next binder there, or nobody, but not us. ØMQ closes in the
     * background, so an inproc name would still be taken when we start again. */
    if (link_is_inproc (self) && self->options.side == LINK_BINDS)
        zmq_unbind (zsock_resolve (self->socket), self->endpoint);
    while (self->peers) {
        struct link_message bye = {.id = MESSAGE_BYE};
        link_message_encode (&self->peers->out, &bye);
        link_peer_flush (self, self->peers);
        link_peer_remove (self, self->peers, false);
    }
    zsock_destroy (&self->socket);
    free (self);
}

void *
link_socket (const struct link *self)
{
    return zsock_resolve (self->socket);
}

enum link_id
link_id (const struct link *self)
{
    return self->options.id;
}

int64_t
link_credit (const struct link_peer *peer)
{
    return peer->link->options.send_limited ? peer->credit : INT64_MAX;
}

const char *
link_peer_name (const struct link_peer *peer)
{
    return peer->name;
}

void
link_peer_set_data (struct link_peer *peer, void *data)
{
    peer->data = data;
}

void *
link_peer_data (const struct link_peer *peer)
{
    return peer->data;
}

static struct link_peer *
link_skip_to_up (struct link_peer *peer)
{
    while (peer && !peer->up)
        peer = peer->next;
    return peer;
}

struct link_peer *
link_first_peer (const struct link *self)
{
    return link_skip_to_up (self->peers);
}

struct link_peer *
link_next_peer (const struct link_peer *peer)
{
    return link_skip_to_up (peer->next);
}
