/* SPDX-License-Identifier: MIT */
/* link_test - the link protocol between two of our own ends. */
#include "link_fixture.h"

static void
test_both_sides_say_hello (void **state)
{
    struct desk *desk = *state;

    desk_connect (desk);
    assert_string_equal (desk->binder.name, "verifier.0");
    assert_string_equal (desk->connector.name, "ingress");
    assert_int_equal (desk->binder.ups, 1);
    assert_int_equal (desk->connector.ups, 1);
    assert_ptr_equal (link_first_peer (desk->binder.link), desk->binder.peer);
    assert_null (link_next_peer (desk->binder.peer));
    assert_int_equal (link_id (desk->binder.link), LINK_FRAMES);
}

/* Stages tell how things stand as soon as they hear of each other. */
static void
test_what_is_said_at_once_arrives (void **state)
{
    struct desk *desk = *state;

    desk->binder.greets = true;
    desk_connect (desk);
    DESK_WAIT (desk, desk->connector.tickets_count == 1);
    check_tickets (&desk->connector, 99, 1);
}

static void
test_connector_may_come_before_the_binder (void **state)
{
    struct desk *desk = *state;

    CHECK_OK (
        desk_open_end (desk, &desk->connector, LINK_CONNECTS, "verifier.0"));
    desk_pass (desk, &desk->connector, 5 * SECOND_US);
    CHECK_OK (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"));
    DESK_WAIT (desk, desk->binder.peer && desk->connector.peer);
    assert_int_equal (desk->connector.ups, 1);
}

/* ØMQ keeps sockets that wait for an inproc endpoint, even closed ones, and has
 * 1,024 in all. */
static void
test_hours_of_waiting_do_not_use_up_the_sockets (void **state)
{
    struct desk *desk = *state;

    CHECK_OK (
        desk_open_end (desk, &desk->connector, LINK_CONNECTS, "verifier.0"));
    for (int second = 0; second < 4 * 3600; second++)
        desk_pass (desk, &desk->connector, SECOND_US);
    CHECK_OK (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"));
    DESK_WAIT (desk, desk->binder.peer && desk->connector.peer);
}

static void
test_messages_keep_their_order (void **state)
{
    struct desk *desk = *state;
    uint64_t sent = 0;

    desk_connect (desk);
    while (sent < 2000) {
        int rc = send_frame (&desk->binder, sent, (size_t)(sent * 37 % 5000));
        if (rc == 0)
            sent++;
        else
            CHECK_ERR (rc, -EAGAIN);
        if (rc != 0)
            desk_pump (desk, (struct instant){.us = INT64_MAX});
    }
    DESK_WAIT (desk, desk->connector.tickets_count == sent);
    check_tickets (&desk->connector, 0, sent);

    for (uint64_t i = 0; i < sent; i++)
        CHECK_OK (send_reply (&desk->connector, i));
    DESK_WAIT (desk, desk->binder.tickets_count == sent);
    check_tickets (&desk->binder, 0, sent);
}

static void
test_sender_without_credit_is_told_and_sends_nothing (void **state)
{
    struct desk *desk = *state;
    size_t sent = 0;

    desk_connect (desk);
    desk->connector.hold = true;
    DESK_WAIT (desk, link_credit (desk->binder.peer) == CREDIT);
    while (send_frame (&desk->binder, sent, 900) == 0)
        sent++;
    assert_in_range (sent, CREDIT / 960, CREDIT / 900);
    CHECK_ERR (send_frame (&desk->binder, 77, 900), -EAGAIN);
    int64_t left = link_credit (desk->binder.peer);
    assert_in_range (left, 0, 960);

    DESK_WAIT (desk, desk->connector.tickets_count == sent);
    check_tickets (&desk->connector, 0, sent);
    assert_int_equal (desk->connector.held, CREDIT - left);
    assert_int_equal (link_credit (desk->connector.peer), INT64_MAX);
}

static void
test_released_credit_comes_back (void **state)
{
    struct desk *desk = *state;
    size_t sent = 0;

    desk_connect (desk);
    desk->connector.hold = true;
    DESK_WAIT (desk, link_credit (desk->binder.peer) == CREDIT);
    while (send_frame (&desk->binder, sent, 900) == 0)
        sent++;
    DESK_WAIT (desk, desk->connector.tickets_count == sent);
    link_release (desk->connector.link, desk->connector.peer,
                  desk->connector.held);
    DESK_WAIT (desk, link_credit (desk->binder.peer) == CREDIT);
    CHECK_OK (send_frame (&desk->binder, sent, 900));
}

/* Less than an eighth waits for a quiet moment, but not for ever. */
static void
test_a_little_credit_comes_back_when_it_is_quiet (void **state)
{
    struct desk *desk = *state;

    desk_connect (desk);
    DESK_WAIT (desk, link_credit (desk->binder.peer) == CREDIT);
    CHECK_OK (send_frame (&desk->binder, 1, 100));
    DESK_WAIT (desk, desk->connector.tickets_count == 1);
    assert_true (link_credit (desk->binder.peer) < CREDIT);
    desk_pass (desk, &desk->connector, SECOND_US);
    DESK_WAIT (desk, link_credit (desk->binder.peer) == CREDIT);
}

static void
test_the_largest_messages_pass (void **state)
{
    struct desk *desk = *state;

    desk_connect (desk);
    DESK_WAIT (desk, link_credit (desk->binder.peer) == CREDIT);
    for (uint64_t i = 0; i < 20; i++) {
        DESK_WAIT (desk, link_credit (desk->binder.peer) > 66048);
        CHECK_OK (send_frame (&desk->binder, i, 65536));
    }
    DESK_WAIT (desk, desk->connector.tickets_count == 20);
    check_tickets (&desk->connector, 0, 20);
}

static void
test_idle_peers_stay (void **state)
{
    struct desk *desk = *state;

    desk_connect (desk);
    DESK_WAIT (desk, link_credit (desk->binder.peer) == CREDIT);
    for (int i = 0; i < 30; i++) {
        desk->now = instant_after (desk->now, SECOND_US / 2);
        desk_tick (desk, &desk->binder);
        desk_tick (desk, &desk->connector);
        /* A ticket each way stands behind the heartbeat: both were read. */
        CHECK_OK (send_frame (&desk->binder, 1, 0));
        CHECK_OK (send_reply (&desk->connector, 1));
        size_t turn = (size_t)i + 1;
        DESK_WAIT (desk, desk->binder.tickets_count == turn
                             && desk->connector.tickets_count == turn);
    }
    assert_int_equal (desk->binder.downs + desk->connector.downs, 0);
}

static void
test_silent_peer_is_dropped_and_comes_back (void **state)
{
    struct desk *desk = *state;

    desk_connect (desk);
    desk_pass (desk, &desk->binder, 3 * SECOND_US / 2);
    assert_int_equal (desk->binder.downs, 0);
    desk_pass (desk, &desk->binder, SECOND_US / 2);
    assert_int_equal (desk->binder.downs, 1);
    assert_null (link_first_peer (desk->binder.link));

    /* The connector wakes, is told that it is unknown, and begins anew. */
    CHECK_OK (send_reply (&desk->connector, 1));
    DESK_WAIT (desk, desk->connector.downs == 1);
    desk_tick (desk, &desk->connector);
    DESK_WAIT (desk, desk->binder.peer && desk->connector.peer);
    assert_int_equal (desk->binder.tickets_count, 0);
    assert_int_equal (desk->binder.ups, 2);
}

static void
test_silent_binder_makes_the_connector_begin_anew (void **state)
{
    struct desk *desk = *state;

    desk_connect (desk);
    void *before = link_socket (desk->connector.link);
    desk_pass (desk, &desk->connector, 2 * SECOND_US);
    assert_int_equal (desk->connector.downs, 1);
    assert_ptr_not_equal (link_socket (desk->connector.link), before);
    /* The binder was not asleep for long enough to miss it: the new life
     * takes the place of the old. */
    DESK_WAIT (desk, desk->binder.ups == 2 && desk->connector.ups == 2);
    assert_int_equal (desk->binder.downs, 1);
    assert_null (link_next_peer (desk->binder.peer));
}

/* A stage that was held up itself must not take the silence for its peers'. */
static void
test_own_silence_blames_nobody (void **state)
{
    struct desk *desk = *state;

    desk_connect (desk);
    desk_pass (desk, &desk->binder, SECOND_US / 2);
    desk->now = instant_after (desk->now, 60 * SECOND_US);
    desk_tick (desk, &desk->binder);
    assert_int_equal (desk->binder.downs, 0);
    desk_pass (desk, &desk->binder, 2 * SECOND_US);
    assert_int_equal (desk->binder.downs, 1);
}

static void
test_bye_is_heard_at_once (void **state)
{
    struct desk *desk = *state;

    desk_connect (desk);
    CHECK_OK (send_reply (&desk->connector, 5));
    link_close (&desk->connector.link);
    DESK_WAIT (desk, desk->binder.downs == 1);
    check_tickets (&desk->binder, 5, 1); /* what was queued has left */
}

static void
test_restarted_binder_is_found_again (void **state)
{
    struct desk *desk = *state;

    desk_connect (desk);
    for (int life = 2; life < 5; life++) {
        link_close (&desk->binder.link);
        DESK_WAIT (desk, desk->connector.downs == life - 1);
        /* ØMQ lets go of a tcp address in its own time. */
        DESK_WAIT (desk,
                   desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress")
                       == 0);
        for (int i = 0; i < 5; i++)
            desk_pass (desk, &desk->connector, SECOND_US / 2);
        DESK_WAIT (desk,
                   desk->binder.ups == life && desk->connector.ups == life);
    }
}

/* A stage is started again as soon as it has ended. */
static void
test_closed_inproc_endpoint_is_free_at_once (void **state)
{
    struct desk *desk = *state;

    for (int i = 0; i < 200; i++) {
        CHECK_OK (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"));
        link_close (&desk->binder.link);
    }
}

static void
test_taken_endpoint_is_an_error (void **state)
{
    struct desk *desk = *state;

    if (desk->bench.transport == BENCH_IPC)
        return; /* ØMQ steals it: directory and lock file keep it apart */
    CHECK_OK (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"));
    CHECK_ERR (desk_open_end (desk, &desk->other, LINK_BINDS, "ingress"),
               -EADDRINUSE);
    assert_null (desk->other.link);
}

static void
test_nonsense_endpoint_is_an_error (void **state)
{
    struct desk *desk = *state;

    snprintf (desk->endpoint, sizeof desk->endpoint, "tcp://");
    CHECK_ERR (desk_open_end (desk, &desk->binder, LINK_BINDS, "ingress"),
               -EINVAL);
    CHECK_ERR (
        desk_open_end (desk, &desk->connector, LINK_CONNECTS, "verifier.0"),
        -EINVAL);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        OVER_ALL (test_both_sides_say_hello),
        OVER_ALL (test_what_is_said_at_once_arrives),
        OVER_ALL (test_connector_may_come_before_the_binder),
        OVER (test_hours_of_waiting_do_not_use_up_the_sockets, inproc),
        OVER_ALL (test_messages_keep_their_order),
        OVER_ALL (test_sender_without_credit_is_told_and_sends_nothing),
        OVER_ALL (test_released_credit_comes_back),
        OVER_ALL (test_a_little_credit_comes_back_when_it_is_quiet),
        OVER_ALL (test_the_largest_messages_pass),
        OVER_ALL (test_idle_peers_stay),
        OVER_ALL (test_silent_peer_is_dropped_and_comes_back),
        OVER_ALL (test_silent_binder_makes_the_connector_begin_anew),
        OVER_ALL (test_own_silence_blames_nobody),
        OVER_ALL (test_bye_is_heard_at_once),
        OVER_ALL (test_restarted_binder_is_found_again),
        OVER (test_closed_inproc_endpoint_is_free_at_once, inproc),
        OVER_ALL (test_taken_endpoint_is_an_error),
        OVER (test_nonsense_endpoint_is_an_error, inproc),
    };
    zsys_handler_set (NULL);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
