/* SPDX-License-Identifier: MIT */
/* actor - the contract that every stage meets.
 *
 *   in   control  from the supervisor: ping, drain, stop, log level, stats
 *        links    whatever the stage has opened
 *   out  control  ready, answers, exited with last words
 *   owns the poll loop, the links, the tap port, the lifeline
 *
 * A round of the loop: wait; control first; each link in turn, a bounded batch;
 * watched descriptors; then the stage's turn; then all that was queued leaves.
 */
#include "actors/actor.h"

#include <sodium.h>
#include <stdarg.h>
#include <sys/socket.h>

#include "supervisor/log.h"
#include "supervisor/topology.h"

#define ACTOR_WAIT_MAX_US SECOND_US
#define ACTOR_CONTROL_MAX 65536 /* largest control datagram */

struct moment
moment_now (void)
{
    struct timespec mono, real;
    clock_gettime (CLOCK_MONOTONIC, &mono);
    clock_gettime (CLOCK_REALTIME, &real);
    return (struct moment){
        .mono = {.us = mono.tv_sec * SECOND_US + mono.tv_nsec / 1000},
        .unix_us = real.tv_sec * SECOND_US + real.tv_nsec / 1000};
}

uint64_t
random_u64 (void)
{
    uint64_t number;
    randombytes_buf (&number, sizeof number);
    return number;
}

void
actor_say (struct actor *self, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (self->words, sizeof self->words, format, arguments);
    va_end (arguments);
}

/* A control message is one datagram. A supervisor that is gone is noticed by
 * the hang-up, not here. */
static void
actor_tell (struct actor *self, const struct link_message *message)
{
    owned (buffer_done) struct buffer out = {0};
    if (link_message_encode (&out, message) < 0)
        return;
    send (self->control_fd, out.data, out.size, MSG_NOSIGNAL);
}

static void
actor_tell_stats (struct actor *self, const struct actor_stage *stage,
                  void *data)
{
    json_t *object = stage->stats ? stage->stats (data) : json_object ();
    char *text = json_dumps (object, JSON_COMPACT);
    json_decref (object);
    struct link_message reply = {
        .id = MESSAGE_STATS_REPLY,
        .stats_reply = {.json = bytes_of_text (text ? text : "{}")}};
    actor_tell (self, &reply);
    free (text);
}

static void
actor_on_control (struct actor *self, const struct actor_stage *stage,
                  void *data, const struct link_message *message)
{
    switch (message->id) {
    case MESSAGE_PING: {
        struct link_message reply = *message;
        reply.id = MESSAGE_PING_REPLY;
        actor_tell (self, &reply);
        return;
    }
    case MESSAGE_DRAIN:
        if (!self->draining && stage->drain)
            stage->drain (data);
        self->draining = true;
        return;
    case MESSAGE_STOP:
        self->stopping = true;
        return;
    case MESSAGE_TAP_OPEN:
        if (tap_port_reopen (self->tap) != 0)
            log_warn ("ACTOR-TAP", "stage=%s error=%s", self->name,
                      strerror (errno));
        return;
    case MESSAGE_LOG_LEVEL:
        log_set_level ((enum log_level)message->log_level.level);
        return;
    case MESSAGE_STATS:
        actor_tell_stats (self, stage, data);
        return;
    /* We only send these. */
    case MESSAGE_READY:
    case MESSAGE_EXITED:
    case MESSAGE_PING_REPLY:
    case MESSAGE_DRAIN_REPLY:
    case MESSAGE_STATS_REPLY:
    /* These are spoken on links. */
    case MESSAGE_HELLO:
    case MESSAGE_HELLO_REPLY:
    case MESSAGE_REFUSED:
    case MESSAGE_CREDIT:
    case MESSAGE_HEARTBEAT:
    case MESSAGE_BYE:
    case MESSAGE_FRAME:
    case MESSAGE_FRAME_REPLY:
    case MESSAGE_VERIFIED:
    case MESSAGE_VERIFIED_REPLY:
    case MESSAGE_FLOOR:
    case MESSAGE_FEED_OPEN:
    case MESSAGE_FEED_CLOSE:
    case MESSAGE_FEED_ACK:
    case MESSAGE_FEED_ENTRY:
    case MESSAGE_FEED_HEAD:
    case MESSAGE_DELIVER:
    case MESSAGE_PEER_READY:
    case MESSAGE_PEER_GONE:
    case MESSAGE_DRAINED:
    case MESSAGE_STATUS:
    case MESSAGE_STATUS_REPLY:
    case MESSAGE_RELAY_MODE:
    case MESSAGE_STATUS_ASK:
    case MESSAGE_STATUS_ASK_REPLY:
    case MESSAGE_HEARD:
    case MESSAGE_DIAL:
    case MESSAGE_BAN:
    case MESSAGE_POINTS:
    case MESSAGE_OFFER:
    case MESSAGE_GOOD:
    case MESSAGE_PEER:
        break;
    }
    log_broken ("ACTOR-CONTROL", "message=%s", message_id_name (message->id));
}

static void
actor_receive_control (struct actor *self, const struct actor_stage *stage,
                       void *data)
{
    uint8_t datagram[ACTOR_CONTROL_MAX];
    for (;;) {
        ssize_t size =
            recv (self->control_fd, datagram, sizeof datagram, MSG_DONTWAIT);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return;
        if (size == 0) { /* the lifeline is cut: nobody is left to serve */
            self->stopping = true;
            return;
        }
        struct bytes input = bytes_of (datagram, (size_t)size);
        struct link_message message;
        if (link_message_decode (LINK_CONTROL, &input, &message) != 0) {
            log_broken ("ACTOR-CONTROL", "bytes=%zd words=\"no message\"",
                        size);
            return;
        }
        actor_on_control (self, stage, data, &message);
    }
}

int
actor_begin (struct actor *self, zsock_t *pipe, void *args)
{
    self->args = args;
    self->config = self->args->config;
    self->control_fd = self->args->control_fd;
    self->now = moment_now ();
    self->incarnation = random_u64 ();
    snprintf (self->name, sizeof self->name, "%s", self->args->name);
    log_name_thread (self->name);

    /* zactor_new waits for this and takes any answer for success; READY, on the
     * control line, is the one that counts. */
    zsock_signal (pipe, 0);
    int rc = tap_port_open (&self->tap, self->args->endpoints->tap, self->name);
    if (rc != 0)
        actor_say (self, "tap %s: %s", self->args->endpoints->tap,
                   strerror (-rc));
    return rc;
}

int
actor_open_link (struct actor *self, enum link_id id,
                 const struct actor_stage *stage, void *data,
                 struct link **ret_link)
{
    assert (self->links_count < ACTOR_LINKS_MAX);
    bool binds = topology_binds (id, self->args->stage);
    struct link_options options = {
        .id = id,
        .side = binds ? LINK_BINDS : LINK_CONNECTS,
        .endpoint = self->args->endpoints->link[id],
        .stage = self->name,
        .daemon = self->args->daemon,
        .incarnation = self->incarnation,
        .receive_credit = topology_credit (id, binds),
        .send_limited = topology_credit (id, !binds) > 0};
    int rc = link_open (&options, &stage->link, data, self->now.mono, ret_link);
    if (rc != 0) {
        actor_say (self, "link %s: cannot %s %s: %s", link_id_name (id),
                   binds ? "bind" : "connect to", options.endpoint,
                   strerror (-rc));
        return rc;
    }
    self->links[self->links_count++] = *ret_link;
    return 0;
}

void
actor_watch (struct actor *self, int fd, short events,
             void (*ready) (void *self, short revents))
{
    assert (self->watches_count < ACTOR_WATCHES_MAX);
    self->watches[self->watches_count].fd = fd;
    self->watches[self->watches_count].events = events;
    self->watches[self->watches_count].ready = ready;
    self->watches_count++;
}

/* Fills ITEMS: control, tap, links, watches, in this order. */
static size_t
actor_poll_items (const struct actor *self, zmq_pollitem_t *items)
{
    size_t count = 0;
    items[count++] =
        (zmq_pollitem_t){.fd = self->control_fd, .events = ZMQ_POLLIN};
    items[count++] = (zmq_pollitem_t){.socket = tap_port_socket (self->tap),
                                      .events = ZMQ_POLLIN};
    for (size_t i = 0; i < self->links_count; i++)
        items[count++] = (zmq_pollitem_t){
            .socket = link_socket (self->links[i]), .events = ZMQ_POLLIN};
    for (size_t i = 0; i < self->watches_count; i++)
        items[count++] = (zmq_pollitem_t){.fd = self->watches[i].fd,
                                          .events = self->watches[i].events};
    return count;
}

static long
actor_wait_ms (const struct actor *self, const struct actor_stage *stage,
               void *data, struct instant links_deadline, bool more)
{
    if (more)
        return 0;
    struct instant now = moment_now ().mono;
    struct instant deadline = instant_after (now, ACTOR_WAIT_MAX_US);
    if (links_deadline.us < deadline.us)
        deadline = links_deadline;
    if (stage->deadline) {
        struct instant wanted = stage->deadline (data);
        if (wanted.us < deadline.us)
            deadline = wanted;
    }
    (void)self;
    int64_t left = instant_since (deadline, now);
    return left <= 0 ? 0 : (long)((left + 999) / 1000);
}

/* One round. Returns 0 or -errno; sets *MORE when input is left. */
static int
actor_round (struct actor *self, const struct actor_stage *stage, void *data,
             struct instant *links_deadline, bool *more)
{
    zmq_pollitem_t items[2 + ACTOR_LINKS_MAX + ACTOR_WATCHES_MAX];
    size_t count = actor_poll_items (self, items);
    int rc =
        zmq_poll (items, (int)count,
                  actor_wait_ms (self, stage, data, *links_deadline, *more));
    if (rc < 0 && errno != EINTR)
        return -errno;
    self->now = moment_now ();
    *more = false;

    if (items[0].revents)
        actor_receive_control (self, stage, data);
    if (items[1].revents)
        tap_port_receive (self->tap);
    for (size_t i = 0; i < self->links_count; i++)
        if (items[2 + i].revents
            && link_receive (self->links[i], self->now.mono))
            *more = true;
    for (size_t i = 0; i < self->watches_count; i++)
        if (items[2 + self->links_count + i].revents)
            self->watches[i].ready (data,
                                    items[2 + self->links_count + i].revents);

    *links_deadline = instant_after (self->now.mono, ACTOR_WAIT_MAX_US);
    for (size_t i = 0; i < self->links_count; i++) {
        struct instant wanted = link_tick (self->links[i], self->now.mono);
        if (wanted.us < links_deadline->us)
            *links_deadline = wanted;
    }
    rc = stage->turn (data);
    for (size_t i = 0; i < self->links_count; i++)
        link_flush (self->links[i]);
    return rc;
}

int
actor_run (struct actor *self, const struct actor_stage *stage, void *data)
{
    struct instant links_deadline = self->now.mono;
    bool more = false;
    int rc = 0;

    struct link_message ready = {
        .id = MESSAGE_READY,
        .ready = {.version = MESSAGES_TABLE_VERSION,
                  .build = bytes_of_text (GOVRELAY_VERSION)}};
    actor_tell (self, &ready);

    while (rc == 0 && !self->stopping) {
        rc = actor_round (self, stage, data, &links_deadline, &more);
        bool idle =
            self->draining && !more && !(stage->busy && stage->busy (data));
        if (idle && !self->drained_said) {
            struct link_message drained = {.id = MESSAGE_DRAIN_REPLY};
            actor_tell (self, &drained);
            self->drained_said = true;
        }
    }
    return rc;
}

void
actor_end (struct actor *self, int rc)
{
    for (size_t i = self->links_count; i-- > 0;)
        link_close (&self->links[i]);
    tap_port_close (&self->tap);
    struct link_message exited = {
        .id = MESSAGE_EXITED,
        .exited = {.error = -rc, .words = bytes_of_text (self->words)}};
    actor_tell (self, &exited);
    close (self->control_fd);
}
