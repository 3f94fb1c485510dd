/* SPDX-License-Identifier: MIT */
/* link_stranger_test - what strangers, ghosts and other versions may do to a
 * link: nothing.
 */
#include "link_fixture.h"

static void
test_other_version_is_refused_in_words (void **state)
{
    struct desk *desk = *state;
    uint8_t frame[1024];

    CHECK_OK (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"));
    owned (zsock_destroy) zsock_t *stranger = stranger_open (desk);
    struct link_message hello = stranger_hello (desk, "verifier.9");
    hello.hello.version++;
    stranger_say (stranger, &hello);
    struct link_message heard = stranger_hear (desk, stranger, frame);
    assert_int_equal (heard.id, MESSAGE_REFUSED);
    CHECK_BYTES (heard.refused.text, "another version of the message table");
    assert_int_equal (desk->binder.ups, 0);
}

static void
test_wrong_plug_is_refused_and_logged_once (void **state)
{
    struct desk *desk = *state;
    struct link_options options =
        desk_options (desk, LINK_CONNECTS, "verifier.0");

    CHECK_OK (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"));
    options.id = LINK_STATUS;
    CHECK_OK (link_open (&options, &end_handlers, &desk->connector, desk->now,
                         &desk->connector.link));
    DESK_WAIT (desk, bench_logged (&desk->bench, "LINK-REFUSED"));
    assert_true (bench_logged (&desk->bench, "link=status"));
    assert_true (
        bench_logged (&desk->bench, "\"this socket serves another link\""));
    /* Again in 2 s, without a word. */
    desk_pass (desk, &desk->connector, 6 * SECOND_US);
    owned (zsock_destroy) zsock_t *stranger = stranger_open (desk);
    struct link_message hello = stranger_hello (desk, "verifier.9");
    stranger_say (stranger, &hello);
    DESK_WAIT (desk, desk->binder.ups == 1);
    assert_int_equal (desk->connector.ups, 0);
    char *log = bench_log (&desk->bench);
    char *first = strstr (log, "LINK-REFUSED");
    assert_non_null (first);
    assert_null (strstr (first + 1, "LINK-REFUSED"));
    free (log);
}

static void
test_stranger_who_says_no_hello_is_told_to_begin_anew (void **state)
{
    struct desk *desk = *state;
    uint8_t frame[1024];

    CHECK_OK (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"));
    owned (zsock_destroy) zsock_t *stranger = stranger_open (desk);
    struct link_message beat = {.id = MESSAGE_HEARTBEAT};
    stranger_say (stranger, &beat);
    assert_int_equal (stranger_hear (desk, stranger, frame).id, MESSAGE_BYE);
    assert_int_equal (desk->binder.ups, 0);
}

static void
test_junk_drops_the_peer_who_sent_it_and_nobody_else (void **state)
{
    struct desk *desk = *state;
    static const char *const junk[] = {"", "\xc1", "x", "\x92\x10\x10",
                                       "\xdd\xff\xff\xff\xff"};
    uint8_t frame[1024];

    desk_connect (desk);
    for (size_t i = 1; i < ARRAY_SIZE (junk); i++) {
        owned (zsock_destroy) zsock_t *stranger = stranger_open (desk);
        struct link_message hello = stranger_hello (desk, "verifier.9");
        stranger_say_bytes (stranger, bytes_of_text (junk[i])); /* too soon */
        stranger_say_bytes (stranger, bytes_of_text (""));
        stranger_say (stranger, &hello);
        assert_int_equal (stranger_hear (desk, stranger, frame).id,
                          MESSAGE_HELLO_REPLY);
        stranger_say_bytes (stranger, bytes_of_text (junk[i]));
        DESK_WAIT (desk, desk->binder.downs == (int)i);
    }
    assert_int_equal (desk->connector.downs, 0);
    assert_non_null (link_first_peer (desk->binder.link));
    assert_null (link_next_peer (link_first_peer (desk->binder.link)));
}

/* All of a message or nothing: the good half before junk may count, but the
 * peer goes, and its down comes after. */
static void
test_frame_that_ends_in_junk_drops_the_peer (void **state)
{
    struct desk *desk = *state;
    uint8_t frame[1024];
    owned (buffer_done) struct buffer out = {0};
    struct link_message reply = {.id = MESSAGE_FRAME_REPLY,
                                 .frame_reply = {.ticket = 9}};

    CHECK_OK (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"));
    owned (zsock_destroy) zsock_t *stranger = stranger_open (desk);
    struct link_message hello = stranger_hello (desk, "verifier.9");
    stranger_say (stranger, &hello);
    stranger_hear (desk, stranger, frame);
    assert_true (link_message_encode (&out, &reply) > 0);
    CHECK_OK (buffer_append (&out, bytes_of_text ("\xc1")));
    stranger_say_bytes (stranger, buffer_bytes (&out));
    DESK_WAIT (desk, desk->binder.downs == 1);
    check_tickets (&desk->binder, 9, 1);
}

/* PROTOCOL of links: FRAME is the binder's to say, but a decoder cannot know
 * who speaks. What must not happen is a crash. */
static void
test_messages_of_another_link_are_junk (void **state)
{
    struct desk *desk = *state;
    uint8_t frame[1024];
    struct link_message gone = {.id = MESSAGE_PEER_GONE};

    CHECK_OK (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"));
    owned (zsock_destroy) zsock_t *stranger = stranger_open (desk);
    struct link_message hello = stranger_hello (desk, "verifier.9");
    stranger_say (stranger, &hello);
    stranger_hear (desk, stranger, frame);
    stranger_say (stranger, &gone);
    DESK_WAIT (desk, desk->binder.downs == 1);
    assert_int_equal (desk->binder.tickets_count, 0);
}

static void
test_credit_beyond_reason_drops_the_peer (void **state)
{
    struct desk *desk = *state;
    uint8_t frame[1024];
    struct link_message credit = {.id = MESSAGE_CREDIT,
                                  .credit = {.bytes = UINT64_MAX}};

    CHECK_OK (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"));
    owned (zsock_destroy) zsock_t *stranger = stranger_open (desk);
    struct link_message hello = stranger_hello (desk, "verifier.9");
    stranger_say (stranger, &hello);
    stranger_hear (desk, stranger, frame);
    stranger_say (stranger, &credit);
    DESK_WAIT (desk, desk->binder.downs == 1);

    stranger_say (stranger, &hello);
    DESK_WAIT (desk, desk->binder.ups == 2);
    credit.credit.bytes = INT32_MAX;
    for (int i = 0; i < 40; i++)
        stranger_say (stranger, &credit);
    DESK_WAIT (desk, desk->binder.downs == 2);
}

/* A stranger may give himself any routing id and send any number of parts: the
 * frames of others must stay whole. */
static void
test_stranger_with_many_parts_disturbs_nobody (void **state)
{
    struct desk *desk = *state;
    static const char id[] = "a routing id much longer than those of a ROUTER";

    desk_connect (desk);
    owned (zsock_destroy) zsock_t *stranger = zsock_new (ZMQ_DEALER);
    zsock_set_linger (stranger, 0);
    void *socket = zsock_resolve (stranger);
    CHECK_OK (zmq_setsockopt (socket, ZMQ_ROUTING_ID, id, sizeof id - 1));
    CHECK_OK (zmq_connect (socket, desk->endpoint));
    owned (zsock_destroy) zsock_t *other = stranger_open (desk);
    for (uint64_t i = 0; i < 100; i++) {
        for (uint64_t part = 0; part < 1 + i % 4; part++)
            zmq_send (socket, "x", 1, ZMQ_SNDMORE);
        zmq_send (socket, "y", 1, 0);
        if (i % 8 == 0) {
            zmq_send (zsock_resolve (other), "z", 1, ZMQ_SNDMORE);
            zmq_send (zsock_resolve (other), "z", 1, 0);
        }
        CHECK_OK (send_reply (&desk->connector, i));
        link_flush (desk->connector.link);
    }
    DESK_WAIT (desk, desk->binder.tickets_count == 100);
    check_tickets (&desk->binder, 0, 100);
    assert_int_equal (desk->binder.downs + desk->connector.downs, 0);
}

static void
test_of_two_lives_of_a_stage_the_older_is_dropped (void **state)
{
    struct desk *desk = *state;

    desk_connect (desk);
    CHECK_OK (desk_open_end (desk, &desk->other, LINK_CONNECTS, "verifier.0"));
    DESK_WAIT (desk, desk->other.peer && desk->binder.ups == 2);
    assert_int_equal (desk->binder.downs, 1);
    assert_null (link_next_peer (link_first_peer (desk->binder.link)));

    CHECK_OK (send_reply (&desk->connector, 1)); /* a ghost speaks */
    CHECK_OK (send_reply (&desk->other, 2));
    DESK_WAIT (desk,
               desk->connector.downs == 1 && desk->binder.tickets_count == 1);
    check_tickets (&desk->binder, 2, 1);
}

static void
test_same_name_of_another_daemon_is_another_stage (void **state)
{
    struct desk *desk = *state;
    struct link_options options =
        desk_options (desk, LINK_CONNECTS, "verifier.0");

    desk_connect (desk);
    options.daemon++;
    CHECK_OK (link_open (&options, &end_handlers, &desk->other, desk->now,
                         &desk->other.link));
    DESK_WAIT (desk, desk->other.peer && desk->binder.ups == 2);
    assert_int_equal (desk->binder.downs, 0);
    assert_non_null (link_next_peer (link_first_peer (desk->binder.link)));
}

static void
test_vanished_peer_is_noticed_by_sending (void **state)
{
    struct desk *desk = *state;
    uint8_t frame[1024];

    CHECK_OK (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"));
    zsock_t *stranger = stranger_open (desk);
    struct link_message hello = stranger_hello (desk, "verifier.9");
    struct link_message credit = {.id = MESSAGE_CREDIT,
                                  .credit = {.bytes = 1000000}};
    stranger_say (stranger, &hello);
    stranger_say (stranger, &credit);
    stranger_hear (desk, stranger, frame);
    DESK_WAIT (desk, desk->binder.peer && link_credit (desk->binder.peer) > 0);
    zsock_destroy (&stranger);
    for (int i = 0; desk->binder.downs == 0 && i < 1000; i++) {
        if (desk->binder.peer)
            assert_int_not_equal (send_frame (&desk->binder, 1, 1), -ENOMEM);
        desk_pump (desk, (struct instant){.us = INT64_MAX});
        desk_tick (desk, &desk->binder);
    }
    assert_int_equal (desk->binder.downs, 1);
}

static void
test_strangers_cannot_fill_the_table (void **state)
{
    struct desk *desk = *state;
    zsock_t *stranger[65];
    uint8_t frame[1024];

    CHECK_OK (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"));
    for (size_t i = 0; i < ARRAY_SIZE (stranger); i++) {
        char name[32];
        snprintf (name, sizeof name, "verifier.%zu", i);
        stranger[i] = stranger_open (desk);
        struct link_message hello = stranger_hello (desk, name);
        stranger_say (stranger[i], &hello);
        struct link_message heard = stranger_hear (desk, stranger[i], frame);
        assert_int_equal (heard.id,
                          i < 64 ? MESSAGE_HELLO_REPLY : MESSAGE_REFUSED);
    }
    assert_int_equal (desk->binder.ups, 64);
    for (size_t i = 0; i < ARRAY_SIZE (stranger); i++)
        zsock_destroy (&stranger[i]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        OVER_ALL (test_other_version_is_refused_in_words),
        OVER_ALL (test_wrong_plug_is_refused_and_logged_once),
        OVER_ALL (test_stranger_who_says_no_hello_is_told_to_begin_anew),
        OVER_ALL (test_junk_drops_the_peer_who_sent_it_and_nobody_else),
        OVER_ALL (test_frame_that_ends_in_junk_drops_the_peer),
        OVER_ALL (test_messages_of_another_link_are_junk),
        OVER_ALL (test_credit_beyond_reason_drops_the_peer),
        OVER_ALL (test_stranger_with_many_parts_disturbs_nobody),
        OVER_ALL (test_of_two_lives_of_a_stage_the_older_is_dropped),
        OVER_ALL (test_same_name_of_another_daemon_is_another_stage),
        OVER_ALL (test_vanished_peer_is_noticed_by_sending),
        OVER_ALL (test_strangers_cannot_fill_the_table),
    };
    zsys_handler_set (NULL);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
