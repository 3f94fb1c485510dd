/* SPDX-License-Identifier: MIT */
/* tap_actor_test - the real tap between the test's own tap ports and its own
 * listeners.
 */
#include "tests/support/actor_bench.h"

#include <stdlib.h>

struct desk {
    struct bench bench;
    struct bench_stage *tap;
    struct tap_port *port; /* a stage's; owned */
    zsock_t *listener;     /* owned */
    char topic[64];        /* of the last message heard */
    json_t *body;          /* of the last message heard; owned */
    uint32_t sequence;     /* of the last message heard */
};

static void
desk_begin (struct desk *desk, enum bench_transport transport)
{
    bench_open (&desk->bench, transport, NULL);
    bench_endpoint (&desk->bench, "tap", desk->bench.endpoints.tap_public,
                    sizeof desk->bench.endpoints.tap_public);
    CHECK_OK (tap_port_open (&desk->port, desk->bench.endpoints.tap, "dedup"));
    desk->tap = bench_start (&desk->bench, tap_actor, "tap", "tap");
}

static int
desk_create (void **state)
{
    struct desk *desk = calloc (1, sizeof *desk);
    assert_non_null (desk);
    *state = desk;
    return 0;
}

static int
desk_open (void **state)
{
    desk_create (state);
    desk_begin (*state, BENCH_INPROC);
    return 0;
}

static int
desk_close (void **state)
{
    struct desk *desk = *state;
    zsock_destroy (&desk->listener);
    tap_port_close (&desk->port);
    json_decref (desk->body);
    bench_close (&desk->bench);
    free (desk);
    return 0;
}

static zsock_t *
listener_open (struct desk *desk, const char *prefix)
{
    zsock_t *listener = zsock_new (ZMQ_SUB);
    assert_non_null (listener);
    zsock_set_linger (listener, 0);
    zsock_set_subscribe (listener, prefix);
    assert_int_equal (zmq_connect (zsock_resolve (listener),
                                   desk->bench.endpoints.tap_public),
                      0);
    return listener;
}

/* Waits for whatever wakes the test; a port learns what is subscribed to.
 * Returns true, so that it can stand in a condition. */
static bool
desk_serve (struct desk *desk)
{
    zmq_pollitem_t items[] = {
        {.socket = tap_port_socket (desk->port), .events = ZMQ_POLLIN},
        {.socket = desk->listener ? zsock_resolve (desk->listener) : NULL,
         .fd = desk->tap->fd,
         .events = ZMQ_POLLIN}};
    zmq_poll (items, ARRAY_SIZE (items), 20);
    tap_port_receive (desk->port);
    bench_pump (&desk->bench, moment_now ().mono);
    return true;
}

#define UNTIL(condition)                                                       \
    do {                                                                       \
        struct instant until =                                                 \
            instant_after (moment_now ().mono, BENCH_WAIT_US);                 \
        while (desk_serve (desk) && !(condition))                              \
            if (instant_reached (moment_now ().mono, until))                   \
                bench_fail (&desk->bench, #condition, __FILE__, __LINE__);     \
    } while (0)

/* Takes one message of three frames off LISTENER. Returns false when there is
 * none. */
static bool
hear (struct desk *desk, zsock_t *listener)
{
    void *socket = zsock_resolve (listener);
    uint8_t stamp[4];
    zmq_msg_t body;

    int size =
        zmq_recv (socket, desk->topic, sizeof desk->topic - 1, ZMQ_DONTWAIT);
    if (size < 0)
        return false;
    assert_in_range (size, 1, sizeof desk->topic - 1);
    desk->topic[size] = '\0';
    assert_true (zsock_rcvmore (listener));
    zmq_msg_init (&body);
    assert_true (zmq_msg_recv (&body, socket, ZMQ_DONTWAIT) > 0);
    json_decref (desk->body);
    desk->body =
        json_loadb (zmq_msg_data (&body), zmq_msg_size (&body), 0, NULL);
    assert_non_null (desk->body);
    zmq_msg_close (&body);
    assert_int_equal (zmq_recv (socket, stamp, sizeof stamp, ZMQ_DONTWAIT), 4);
    desk->sequence = (uint32_t)stamp[0] | (uint32_t)stamp[1] << 8
                     | (uint32_t)stamp[2] << 16 | (uint32_t)stamp[3] << 24;
    assert_false (zsock_rcvmore (listener));
    return true;
}

static const char *
text_of (const struct desk *desk, const char *key)
{
    const char *text = json_string_value (json_object_get (desk->body, key));
    return text ? text : "(none)";
}

static void
show (struct desk *desk, enum topic topic, enum command command)
{
    struct tap_event event = {.topic = topic, .command = command};
    tap_show (desk->port, &event, moment_now ());
}

static void
test_nobody_listens_and_nothing_is_wanted (void **state)
{
    struct desk *desk = *state;
    for (size_t topic = 0; topic < TOPICS_; topic++)
        assert_false (tap_wants (desk->port, (enum topic)topic));
    show (desk, TOPIC_DEDUP_ACCEPTED, COMMAND_ECONVETO); /* costs nothing */
}

static void
message_has_three_frames (struct desk *desk)
{
    static const char payload[] = "{\"a\":\"\xc3\xa9\\n\"}";
    struct gov_id id = {.bytes = {0xab, 0xcd}};
    struct tap_event event = {.topic = TOPIC_DEDUP_IGNORED,
                              .command = COMMAND_ECONFORK,
                              .id = &id,
                              .has_verdict = true,
                              .verdict = VERDICT_BUSY,
                              .reason = "PROTOCOL 5.7: key",
                              .message = bytes_of_text (payload),
                              .numbers = {{"us_since_ingress", 17}}};
    desk->listener = listener_open (desk, "dedup.");
    UNTIL (tap_wants (desk->port, TOPIC_DEDUP_IGNORED));
    tap_show (desk->port, &event, (struct moment){.unix_us = 123456789});
    UNTIL (hear (desk, desk->listener));
    assert_string_equal (desk->topic, "dedup.ignored.econfork");
    assert_int_equal (desk->sequence, 1);
    assert_string_equal (text_of (desk, "stage"), "dedup");
    assert_string_equal (text_of (desk, "event"), "ignored");
    assert_string_equal (text_of (desk, "command"), "econfork");
    assert_string_equal (text_of (desk, "verdict"), "busy");
    assert_string_equal (text_of (desk, "reason"), "PROTOCOL 5.7: key");
    assert_string_equal (text_of (desk, "message"), payload);
    assert_memory_equal (text_of (desk, "gov_id"), "abcd0000", 8);
    assert_int_equal (json_integer_value (json_object_get (desk->body, "time")),
                      123456789);
    assert_int_equal (
        json_integer_value (json_object_get (desk->body, "us_since_ingress")),
        17);
}

static void
test_message_has_three_frames_over_inproc (void **state)
{
    desk_begin (*state, BENCH_INPROC);
    message_has_three_frames (*state);
}

static void
test_message_has_three_frames_over_ipc (void **state)
{
    desk_begin (*state, BENCH_IPC);
    message_has_three_frames (*state);
}

static void
test_message_has_three_frames_over_tcp (void **state)
{
    desk_begin (*state, BENCH_TCP);
    message_has_three_frames (*state);
}

static void
test_bytes_that_are_no_text_are_shown_in_base64 (void **state)
{
    struct desk *desk = *state;
    static const uint8_t junk[] = {0xff, 0x00, 0xfe, '"'};
    struct tap_event event = {.topic = TOPIC_VERIFIER_REJECTED,
                              .command = COMMAND_ECONVETO,
                              .message = bytes_of (junk, sizeof junk)};
    desk->listener = listener_open (desk, "");
    UNTIL (tap_wants (desk->port, TOPIC_VERIFIER_REJECTED));
    tap_show (desk->port, &event, moment_now ());
    do
        UNTIL (hear (desk, desk->listener));
    while (strcmp (desk->topic, "tap.tick") == 0);
    assert_string_equal (text_of (desk, "message"), "(none)");
    assert_string_equal (text_of (desk, "message_base64"), "/wD+Ig==");
}

static void
test_each_topic_has_its_own_sequence (void **state)
{
    struct desk *desk = *state;
    uint32_t veto = 0, fork = 0;
    desk->listener = listener_open (desk, "dedup.accepted");
    UNTIL (tap_wants (desk->port, TOPIC_DEDUP_ACCEPTED));
    for (int i = 0; i < 300; i++)
        show (desk, TOPIC_DEDUP_ACCEPTED,
              i % 3 ? COMMAND_ECONVETO : COMMAND_ECONFORK);
    for (int i = 0; i < 300; i++) {
        UNTIL (hear (desk, desk->listener));
        bool is_veto = strcmp (desk->topic, "dedup.accepted.econveto") == 0;
        assert_int_equal (desk->sequence, is_veto ? ++veto : ++fork);
    }
    assert_int_equal (veto, 200);
    assert_int_equal (fork, 100);
}

/* Silence is never mistaken for peace. */
static void
test_tick_carries_the_last_sequences (void **state)
{
    struct desk *desk = *state;
    desk->listener = listener_open (desk, "");
    UNTIL (tap_wants (desk->port, TOPIC_DEDUP_ACCEPTED));
    for (int i = 0; i < 3; i++)
        show (desk, TOPIC_DEDUP_ACCEPTED, COMMAND_ECONVETO);
    do
        UNTIL (hear (desk, desk->listener));
    while (strcmp (desk->topic, "tap.tick") != 0
           || !json_object_get (json_object_get (desk->body, "sequences"),
                                "dedup.accepted.econveto"));
    assert_int_equal (json_integer_value (json_object_get (
                          json_object_get (desk->body, "sequences"),
                          "dedup.accepted.econveto")),
                      3);
    assert_string_equal (text_of (desk, "stage"), "tap");
}

static void
test_prefix_picks_stage_event_or_type (void **state)
{
    struct desk *desk = *state;
    zsock_t *type = listener_open (desk, "dedup.accepted.econveto");
    UNTIL (tap_wants (desk->port, TOPIC_DEDUP_ACCEPTED));
    assert_false (tap_wants (desk->port, TOPIC_DEDUP_IGNORED));
    desk->listener = listener_open (desk, "dedup.i");
    UNTIL (tap_wants (desk->port, TOPIC_DEDUP_IGNORED));
    assert_false (tap_wants (desk->port, TOPIC_GOSSIP_OFFERED));
    show (desk, TOPIC_DEDUP_ACCEPTED, COMMAND_ECONFORK);
    show (desk, TOPIC_DEDUP_ACCEPTED, COMMAND_ECONVETO);
    show (desk, TOPIC_DEDUP_IGNORED, COMMAND_ECONREG);
    UNTIL (hear (desk, type));
    assert_string_equal (desk->topic, "dedup.accepted.econveto");
    UNTIL (hear (desk, desk->listener));
    assert_string_equal (desk->topic, "dedup.ignored.econreg");
    assert_false (hear (desk, type));
    zsock_destroy (&type);
}

static void
test_last_listener_that_leaves_ends_the_work (void **state)
{
    struct desk *desk = *state;
    zsock_t *first = listener_open (desk, "dedup");
    desk->listener = listener_open (desk, "dedup");
    UNTIL (tap_wants (desk->port, TOPIC_DEDUP_ACCEPTED));
    zsock_destroy (&first);
    show (desk, TOPIC_DEDUP_ACCEPTED, COMMAND_ECONVETO);
    UNTIL (hear (desk, desk->listener));
    zsock_destroy (&desk->listener);
    UNTIL (!tap_wants (desk->port, TOPIC_DEDUP_ACCEPTED));
}

static void
test_any_number_of_prefixes_is_served (void **state)
{
    struct desk *desk = *state;
    desk->listener = listener_open (desk, "registry.peer");
    for (int i = 0; i < 400; i++) {
        char prefix[128];
        snprintf (prefix, sizeof prefix, "%0*d", 1 + i % 100, i);
        zsock_set_subscribe (desk->listener, prefix);
    }
    zsock_set_subscribe (desk->listener, "dedup.accepted.econveto");
    /* Beyond what it remembers a port wants all; ØMQ filters what it shows. */
    UNTIL ((show (desk, TOPIC_DEDUP_ACCEPTED, COMMAND_ECONVETO),
            hear (desk, desk->listener)));
    assert_string_equal (desk->topic, "dedup.accepted.econveto");
}

/* Far more than every high-water mark; the port never waits, and the listener
 * sees by the numbers that it missed some. */
static void
test_slow_listener_blocks_nobody_and_sees_the_gap (void **state)
{
    struct desk *desk = *state;
    zsock_t *slow = listener_open (desk, "dedup");
    static uint8_t payload[20000];
    struct tap_event event = {.topic = TOPIC_DEDUP_ACCEPTED,
                              .command = COMMAND_ECONVETO,
                              .message = bytes_of (payload, sizeof payload)};
    memset (payload, 'x', sizeof payload);
    UNTIL (tap_wants (desk->port, TOPIC_DEDUP_ACCEPTED));
    for (int i = 0; i < 20000; i++) {
        tap_show (desk->port, &event, moment_now ());
        if (i % 500 == 0) /* let the tap take them: it must not stall */
            bench_counter (&desk->bench, desk->tap, "shown");
    }
    bench_tell (desk->tap, MESSAGE_DRAIN);
    UNTIL (desk->tap->drained);
    uint32_t heard = 0;
    while (hear (desk, slow))
        heard++;
    assert_in_range (heard, 1, 19999);
    while (desk->sequence < 20001) {
        tap_show (desk->port, &event, moment_now ());
        UNTIL (hear (desk, slow));
        heard++;
        if (desk->sequence > heard)
            break;
    }
    assert_true (desk->sequence > heard);
    zsock_destroy (&slow);
}

/* Architecture: "A listener can never slow the relay or speak to it." */
static void
test_what_a_listener_says_is_dropped (void **state)
{
    struct desk *desk = *state;
    zsock_t *rude = zsock_new (ZMQ_XSUB);
    void *socket = zsock_resolve (rude);
    zsock_set_linger (rude, 0);
    CHECK_OK (zmq_connect (socket, desk->bench.endpoints.tap_public));
    for (int i = 0; i < 200; i++) {
        zmq_send (socket, "\x07shout", 6, 0);
        zmq_send (socket, "", 0, 0);
        zmq_send (socket, "\x05part", 5, ZMQ_SNDMORE);
        zmq_send (socket, "\x09part", 5, 0);
    }
    zmq_send (socket,
              "\x01"
              "dedup",
              6, 0);
    UNTIL (tap_wants (desk->port, TOPIC_DEDUP_ACCEPTED));
    assert_false (tap_wants (desk->port, TOPIC_GOSSIP_OFFERED));
    zsock_destroy (&rude);
}

static void
test_restarted_tap_is_fed_again (void **state)
{
    struct desk *desk = *state;
    desk->listener = listener_open (desk, "dedup");
    UNTIL (tap_wants (desk->port, TOPIC_DEDUP_ACCEPTED));
    assert_int_equal (bench_stop (&desk->bench, desk->tap), 0);
    zsock_destroy (&desk->listener);
    desk->tap = bench_start (&desk->bench, tap_actor, "tap", "tap");
    CHECK_OK (tap_port_reopen (desk->port));
    assert_false (tap_wants (desk->port, TOPIC_DEDUP_ACCEPTED));
    desk->listener = listener_open (desk, "dedup");
    UNTIL (tap_wants (desk->port, TOPIC_DEDUP_ACCEPTED));
    show (desk, TOPIC_DEDUP_ACCEPTED, COMMAND_ECONVETO);
    UNTIL (hear (desk, desk->listener));
    assert_int_equal (desk->sequence, 1);
}

static void
test_endpoint_that_cannot_be_bound_is_loud (void **state)
{
    struct desk *desk = *state;
    bench_open (&desk->bench, BENCH_INPROC, NULL);
    snprintf (desk->bench.endpoints.tap_public,
              sizeof desk->bench.endpoints.tap_public,
              "ipc:///nowhere/at/all/tap");
    desk->tap = bench_launch (&desk->bench, tap_actor, "tap", "tap");
    assert_int_not_equal (bench_join (&desk->bench, desk->tap), 0);
    assert_false (desk->tap->ready);
    assert_non_null (strstr (desk->tap->words, "tap.endpoint"));
    assert_non_null (strstr (desk->tap->words, "/nowhere/at/all/tap"));
}

static void
test_tap_may_be_off (void **state)
{
    struct desk *desk = *state;
    bench_open (&desk->bench, BENCH_INPROC, NULL);
    CHECK_OK (tap_port_open (&desk->port, desk->bench.endpoints.tap, "dedup"));
    desk->tap = bench_start (&desk->bench, tap_actor, "tap", "tap");
    show (desk, TOPIC_DEDUP_ACCEPTED, COMMAND_ECONVETO);
    assert_false (tap_wants (desk->port, TOPIC_DEDUP_ACCEPTED));
    assert_int_equal (bench_stop (&desk->bench, desk->tap), 0);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
#define BARE(name)                                                             \
    cmocka_unit_test_setup_teardown (name, desk_create, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_nobody_listens_and_nothing_is_wanted),
        BARE (test_message_has_three_frames_over_inproc),
        BARE (test_message_has_three_frames_over_ipc),
        BARE (test_message_has_three_frames_over_tcp),
        TEST (test_bytes_that_are_no_text_are_shown_in_base64),
        TEST (test_each_topic_has_its_own_sequence),
        TEST (test_tick_carries_the_last_sequences),
        TEST (test_prefix_picks_stage_event_or_type),
        TEST (test_last_listener_that_leaves_ends_the_work),
        TEST (test_any_number_of_prefixes_is_served),
        TEST (test_slow_listener_blocks_nobody_and_sees_the_gap),
        TEST (test_what_a_listener_says_is_dropped),
        TEST (test_restarted_tap_is_fed_again),
        BARE (test_endpoint_that_cannot_be_bound_is_loud),
        BARE (test_tap_may_be_off),
    };
    zsys_handler_set (NULL);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
