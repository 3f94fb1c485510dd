/* SPDX-License-Identifier: MIT */
/* link_fixture - two ends of a link, and strangers, over inproc, ipc or tcp.
 *
 * The sockets are real, the clock is not: the test carries it, so that two
 * seconds of silence cost none. Functions are inline so that a test uses what
 * it needs.
 */
#pragma once

#include "tests/support/actor_bench.h"

#include <stdlib.h>

#define CREDIT 100000
#define FRAMES_MAX 4096

/* One end, and what its handlers saw. */
struct end {
    struct link *link;      /* owned */
    struct link_peer *peer; /* the last that came up; NULL after its down */
    int ups;
    int downs;
    bool greets; /* sends a FRAME as soon as a peer is up */
    bool hold;   /* LINK_HELD for all */
    size_t held;
    uint64_t tickets[FRAMES_MAX]; /* of FRAMEs and FRAME_REPLYs */
    size_t tickets_count;
    char name[LINK_NAME_MAX + 1]; /* of the last that came up */
};

struct desk {
    struct bench bench;
    char endpoint[128];
    struct end binder;
    struct end connector;
    struct end other; /* a second connector, where a test needs one */
    struct instant now;
};

static inline void
end_up (void *self, struct link *link, struct link_peer *peer)
{
    struct end *end = self;
    end->ups++;
    end->peer = peer;
    assert_null (link_peer_data (peer));
    link_peer_set_data (peer, link);
    snprintf (end->name, sizeof end->name, "%s", link_peer_name (peer));
    struct link_message frame = {.id = MESSAGE_FRAME, .frame = {.ticket = 99}};
    if (end->greets)
        CHECK_OK (link_send (link, peer, &frame));
}

static inline void
end_down (void *self, struct link *link, struct link_peer *peer)
{
    struct end *end = self;
    end->downs++;
    assert_ptr_equal (link_peer_data (peer), link);
    if (end->peer == peer)
        end->peer = NULL;
}

static inline enum link_use
end_message (void *self, struct link *link, struct link_peer *peer,
             const struct link_message *message, size_t size)
{
    struct end *end = self;
    assert_ptr_equal (link_peer_data (peer), link);
    assert_true (end->tickets_count < FRAMES_MAX);
    end->tickets[end->tickets_count++] = message->id == MESSAGE_FRAME
                                             ? message->frame.ticket
                                             : message->frame_reply.ticket;
    if (!end->hold)
        return LINK_DONE;
    end->held += size;
    return LINK_HELD;
}

static const struct link_handlers end_handlers = {
    .up = end_up, .down = end_down, .message = end_message};

static inline struct link_options
desk_options (const struct desk *desk, enum link_side side, const char *stage)
{
    bool binds = side == LINK_BINDS;
    return (struct link_options){.id = LINK_FRAMES,
                                 .side = side,
                                 .endpoint = desk->endpoint,
                                 .stage = stage,
                                 .daemon = desk->bench.daemon,
                                 .incarnation = 1,
                                 .receive_credit = binds ? 0 : CREDIT,
                                 .send_limited = binds};
}

static inline int
desk_open_end (struct desk *desk, struct end *end, enum link_side side,
               const char *stage)
{
    struct link_options options = desk_options (desk, side, stage);
    return link_open (&options, &end_handlers, end, desk->now, &end->link);
}

/* Serves all ends once, at the desk's own time. */
static inline bool
desk_pump (struct desk *desk, struct instant until)
{
    struct end *ends[] = {&desk->binder, &desk->connector, &desk->other};
    zmq_pollitem_t items[3];
    int count = 0;

    for (size_t i = 0; i < ARRAY_SIZE (ends); i++)
        if (ends[i]->link) {
            link_flush (ends[i]->link);
            items[count++] = (zmq_pollitem_t){
                .socket = link_socket (ends[i]->link), .events = ZMQ_POLLIN};
        }
    zmq_poll (items, count, 20);
    for (size_t i = 0; i < ARRAY_SIZE (ends); i++)
        if (ends[i]->link) {
            link_receive (ends[i]->link, desk->now);
            link_flush (ends[i]->link);
        }
    return !instant_reached (moment_now ().mono, until);
}

#define DESK_WAIT(desk, condition)                                             \
    do {                                                                       \
        struct instant desk_until =                                            \
            instant_after (moment_now ().mono, BENCH_WAIT_US);                 \
        while (!(condition))                                                   \
            if (!desk_pump ((desk), desk_until))                               \
                bench_fail (&(desk)->bench, #condition, __FILE__, __LINE__);   \
    } while (0)

static inline void
desk_tick (struct desk *desk, struct end *end)
{
    struct instant next = link_tick (end->link, desk->now);
    assert_true (next.us > desk->now.us);
    assert_true (next.us <= desk->now.us + LINK_HEARTBEAT_US);
}

/* Time passes in steps as a stage takes them; END alone is awake. */
static inline void
desk_pass (struct desk *desk, struct end *end, int64_t us)
{
    for (; us > 0; us -= SECOND_US / 2) {
        desk->now = instant_after (desk->now, SECOND_US / 2);
        desk_tick (desk, end);
    }
}

static inline int
desk_open (void **state, enum bench_transport transport)
{
    struct desk *desk = calloc (1, sizeof *desk);
    assert_non_null (desk);
    bench_open (&desk->bench, transport, NULL);
    bench_endpoint (&desk->bench, "link", desk->endpoint,
                    sizeof desk->endpoint);
    desk->now.us = 1000 * SECOND_US;
    *state = desk;
    return 0;
}

static inline int
desk_open_inproc (void **state)
{
    return desk_open (state, BENCH_INPROC);
}

static inline int
desk_open_ipc (void **state)
{
    return desk_open (state, BENCH_IPC);
}

static inline int
desk_open_tcp (void **state)
{
    return desk_open (state, BENCH_TCP);
}

static inline int
desk_close (void **state)
{
    struct desk *desk = *state;
    link_close (&desk->connector.link);
    link_close (&desk->other.link);
    link_close (&desk->binder.link);
    bench_close (&desk->bench);
    free (desk);
    return 0;
}

static inline void
desk_connect (struct desk *desk)
{
    CHECK_OK (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"));
    CHECK_OK (
        desk_open_end (desk, &desk->connector, LINK_CONNECTS, "verifier.0"));
    DESK_WAIT (desk, desk->binder.peer && desk->connector.peer);
}

static inline int
send_frame (struct end *end, uint64_t ticket, size_t size)
{
    static const uint8_t payload[65536];
    struct link_message message = {
        .id = MESSAGE_FRAME,
        .frame = {.ticket = ticket,
                  .command = COMMAND_ECONREG,
                  .payload = bytes_of (payload, size)}};
    return link_send (end->link, end->peer, &message);
}

static inline int
send_reply (struct end *end, uint64_t ticket)
{
    struct link_message message = {
        .id = MESSAGE_FRAME_REPLY,
        .frame_reply = {.ticket = ticket, .verdict = VERDICT_STALE}};
    return link_send (end->link, end->peer, &message);
}

static inline void
check_tickets (const struct end *end, uint64_t first, size_t count)
{
    assert_int_equal (end->tickets_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal (end->tickets[i], first + i);
}

/*~ A stranger: a bare socket that says whatever a test wants. */

static inline zsock_t *
stranger_open (const struct desk *desk)
{
    zsock_t *stranger = zsock_new (ZMQ_DEALER);
    assert_non_null (stranger);
    zsock_set_linger (stranger, 0);
    assert_int_equal (zmq_connect (zsock_resolve (stranger), desk->endpoint),
                      0);
    return stranger;
}

static inline void
stranger_say_bytes (zsock_t *stranger, struct bytes bytes)
{
    assert_true (zmq_send (zsock_resolve (stranger), bytes.data, bytes.size, 0)
                 >= 0);
}

/* Says MESSAGE; the credit that belongs to a hello as well. */
static inline void
stranger_say (zsock_t *stranger, const struct link_message *message)
{
    owned (buffer_done) struct buffer out = {0};
    assert_true (link_message_encode (&out, message) > 0);
    stranger_say_bytes (stranger, buffer_bytes (&out));
    if (message->id == MESSAGE_HELLO) {
        struct link_message credit = {.id = MESSAGE_CREDIT,
                                      .credit = {.bytes = CREDIT}};
        stranger_say (stranger, &credit);
    }
}

static inline struct link_message
stranger_hello (const struct desk *desk, const char *stage)
{
    return (struct link_message){.id = MESSAGE_HELLO,
                                 .hello = {.version = MESSAGES_TABLE_VERSION,
                                           .build = bytes_of_text ("0"),
                                           .link = bytes_of_text ("frames"),
                                           .stage = bytes_of_text (stage),
                                           .daemon = desk->bench.daemon + 1}};
}

/* Waits for the first message that STRANGER hears. Its texts stand in FRAME. */
static inline struct link_message
stranger_hear (struct desk *desk, zsock_t *stranger, uint8_t frame[1024])
{
    struct link_message message = {0};
    int size = -1;
    DESK_WAIT (desk, (size = zmq_recv (zsock_resolve (stranger), frame, 1024,
                                       ZMQ_DONTWAIT))
                         > 0);
    struct bytes input = bytes_of (frame, (size_t)size);
    CHECK_OK (link_message_decode (LINK_FRAMES, &input, &message));
    return message;
}

/* The same tests over each transport. */
#define OVER(test, transport)                                                  \
    {                                                                          \
#test " over " #transport, test, desk_open_##transport, desk_close,    \
            NULL                                                               \
    }
#define OVER_ALL(test) OVER (test, inproc), OVER (test, ipc), OVER (test, tcp)
