/* SPDX-License-Identifier: MIT */
/* connection_flow_test - verdicts, barriers, rates, pings and silence under a
 * clock that the test holds (PROTOCOL 1.9, 5.7). */
#include "connection_fixture.h"

/* As many vetoes handed out as may be unjudged. */
static void
hand_out_all (struct peer *peer)
{
    for (int i = 0; i < CONNECTION_UNJUDGED_MAX; i++) {
        peer_say_veto (peer);
        assert_next (peer, CONNECTION_GOVERNANCE);
    }
    assert_int_equal (connection_unjudged (peer->connection),
                      CONNECTION_UNJUDGED_MAX);
}

static void
test_ping_without_messages_is_answered_at_once (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    peer_say_nonce (&peer, "ping", UINT64_C (12345678901234567890));
    peer_say_nonce (&peer, "ping", 0);
    assert_next (&peer, CONNECTION_NONE);
    assert_string_equal (peer_hears (&peer),
                         "pong:12345678901234567890 pong:0 ");
    peer_close (&peer);
}

static void
test_ping_without_nonce_has_no_pong (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    peer_say_nothing (&peer, "ping");
    peer_say (&peer, "ping", bytes_of ("1234567", 7));
    assert_next (&peer, CONNECTION_NONE);
    assert_string_equal (peer_hears (&peer), "");
    peer_close (&peer);
}

static void
test_pong_waits_for_every_earlier_verdict (void **state)
{
    static const uint64_t orders[][3] = {
        {1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (orders); i++) {
        struct peer peer;
        peer_open_ready (&peer);
        for (uint64_t number = 1; number <= 3; number++) {
            peer_say_veto (&peer);
            assert_next (&peer, CONNECTION_GOVERNANCE);
            assert_int_equal (peer.event.number, number);
        }
        peer_say_nonce (&peer, "ping", 7);
        assert_next (&peer, CONNECTION_NONE);
        peer_judge (&peer, orders[i][0], false);
        peer_judge (&peer, orders[i][1], i % 2 != 0);
        assert_string_equal (peer_hears (&peer), "");
        peer_judge (&peer, orders[i][2], false);
        assert_string_equal (peer_hears (&peer), "pong:7 ");
        peer_close (&peer);
    }
}

static void
test_pong_does_not_wait_for_later_messages (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    peer_say_veto (&peer);
    peer_say_nonce (&peer, "ping", 1);
    peer_say_veto (&peer);
    peer_say_nonce (&peer, "ping", 2);
    assert_next (&peer, CONNECTION_GOVERNANCE);
    assert_next (&peer, CONNECTION_GOVERNANCE);
    assert_next (&peer, CONNECTION_NONE);
    peer_judge (&peer, 1, false);
    assert_string_equal (peer_hears (&peer), "pong:1 ");
    peer_judge (&peer, 2, false);
    assert_string_equal (peer_hears (&peer), "pong:2 ");
    peer_close (&peer);
}

static void
test_later_verdict_alone_frees_no_pong (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    peer_say_veto (&peer);
    peer_say_nonce (&peer, "ping", 1);
    peer_say_veto (&peer);
    peer_say_nonce (&peer, "ping", 2);
    while (peer_next (&peer) != CONNECTION_NONE)
        ;
    peer_judge (&peer, 2, false);
    assert_string_equal (peer_hears (&peer), "");
    peer_judge (&peer, 1, false);
    assert_string_equal (peer_hears (&peer), "pong:1 pong:2 ");
    peer_close (&peer);
}

static void
test_second_or_unknown_verdict_changes_nothing (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    peer_say_veto (&peer);
    peer_say_veto (&peer);
    peer_say_nonce (&peer, "ping", 1);
    while (peer_next (&peer) != CONNECTION_NONE)
        ;
    peer_judge (&peer, 2, false);
    peer_judge (&peer, 2, true);
    peer_judge (&peer, 0, true);
    peer_judge (&peer, UINT64_MAX, true);
    assert_int_equal (connection_unjudged (peer.connection), 1);
    assert_string_equal (peer_hears (&peer), "");
    peer_close (&peer);
}

static void
test_pong_goes_after_ten_seconds_without_verdict (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    peer_say_veto (&peer);
    peer_say_nonce (&peer, "ping", 1);
    assert_next (&peer, CONNECTION_GOVERNANCE);
    assert_next (&peer, CONNECTION_NONE);
    peer_wait (&peer, SECOND_US);
    peer_say_nonce (&peer, "ping", 2);
    assert_next (&peer, CONNECTION_NONE);

    assert_int_equal (peer_deadline_us (&peer), 9 * SECOND_US);
    peer_wait (&peer, 9 * SECOND_US - 1);
    assert_true (peer_tick (&peer));
    assert_string_equal (peer_hears (&peer), "");
    peer_wait (&peer, 1);
    assert_true (peer_tick (&peer));
    assert_string_equal (peer_hears (&peer), "pong:1 ");
    assert_int_equal (peer_deadline_us (&peer), SECOND_US);
    peer_wait (&peer, SECOND_US);
    assert_true (peer_tick (&peer));
    assert_string_equal (peer_hears (&peer), "pong:2 ");
    peer_judge (&peer, 1, false); /* late, and nothing is said twice */
    assert_string_equal (peer_hears (&peer), "");
    peer_close (&peer);
}

static void
test_one_message_too_many_blocks_until_a_verdict (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    hand_out_all (&peer);
    peer_say_nonce (&peer, "ping", 9); /* before it: taken */
    assert_next (&peer, CONNECTION_NONE);
    peer_say (&peer, "econfork", bytes_of_text ("one more"));
    peer_say (&peer, "econreg", bytes_of_text ("another"));
    peer_say_nonce (&peer, "ping", 10); /* behind it: waits */
    assert_next (&peer, CONNECTION_BLOCKED);
    assert_next (&peer, CONNECTION_BLOCKED);
    /* Bytes that were on their way may move what is kept. */
    peer_say (&peer, "econstatus", bytes_of_text ("a third"));
    assert_next (&peer, CONNECTION_BLOCKED);

    peer_judge (&peer, 3, false);
    assert_true (peer_deadline_us (&peer) <= 0); /* it can go on */
    assert_next (&peer, CONNECTION_GOVERNANCE);
    assert_int_equal (peer.event.command, COMMAND_ECONFORK);
    assert_int_equal (peer.event.number, CONNECTION_UNJUDGED_MAX + 1);
    assert_true (bytes_equal (peer.event.payload, bytes_of_text ("one more")));
    assert_next (&peer, CONNECTION_BLOCKED);

    for (uint64_t number = 1; number <= CONNECTION_UNJUDGED_MAX + 1; number++)
        peer_judge (&peer, number, false);
    assert_next (&peer, CONNECTION_GOVERNANCE);
    assert_true (bytes_equal (peer.event.payload, bytes_of_text ("another")));
    assert_next (&peer, CONNECTION_GOVERNANCE);
    assert_int_equal (peer.event.command, COMMAND_ECONSTATUS);
    assert_true (bytes_equal (peer.event.payload, bytes_of_text ("a third")));
    assert_next (&peer, CONNECTION_NONE);
    assert_string_equal (peer_hears (&peer), "pong:9 ");
    peer_judge (&peer, CONNECTION_UNJUDGED_MAX + 2, false);
    assert_string_equal (peer_hears (&peer), "pong:10 ");
    peer_close (&peer);
}

static void
test_held_message_that_came_in_pieces_is_kept_whole (void **state)
{
    static uint8_t body[60000];
    uint8_t header[FRAME_HEADER_SIZE];
    struct peer peer;
    (void)state;

    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 7);
    peer_open_ready (&peer);
    hand_out_all (&peer);
    struct bytes payload = bytes_of (body, sizeof body);
    frame_header_write (header, NETWORK_REGTEST, "econreg", payload);
    peer_send (&peer, bytes_of (header, sizeof header));
    for (size_t at = 0; at < sizeof body; at += 1000) {
        assert_next (&peer, CONNECTION_NONE);
        peer_send (&peer, bytes_of (body + at, 1000));
    }
    peer_say_veto (&peer);
    assert_next (&peer, CONNECTION_BLOCKED);
    peer_say_veto (&peer);
    peer_judge (&peer, 1, false);
    assert_next (&peer, CONNECTION_GOVERNANCE);
    assert_true (bytes_equal (peer.event.payload, payload));
    assert_next (&peer, CONNECTION_BLOCKED);
    peer_close (&peer);
}

static void
test_seventeenth_waiting_ping_blocks (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    peer_say_veto (&peer);
    assert_next (&peer, CONNECTION_GOVERNANCE);
    for (uint64_t i = 1; i <= CONNECTION_PINGS_MAX; i++)
        peer_say_nonce (&peer, "ping", i);
    assert_next (&peer, CONNECTION_NONE);
    peer_say_nonce (&peer, "ping", 17);
    peer_say_veto (&peer);
    assert_next (&peer, CONNECTION_BLOCKED);
    assert_int_equal (peer_deadline_us (&peer), 10 * SECOND_US);

    peer_judge (&peer, 1, false);
    assert_string_equal (peer_hears (&peer),
                         "pong:1 pong:2 pong:3 pong:4 pong:5 pong:6 pong:7 "
                         "pong:8 pong:9 pong:10 pong:11 pong:12 pong:13 "
                         "pong:14 pong:15 pong:16 ");
    assert_true (peer_deadline_us (&peer) <= 0);
    assert_next (&peer, CONNECTION_GOVERNANCE);
    assert_string_equal (peer_hears (&peer), "pong:17 ");
    peer_close (&peer);
}

static void
test_waiting_pings_go_on_after_the_barrier_time (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    peer_say_veto (&peer);
    for (uint64_t i = 1; i <= CONNECTION_PINGS_MAX + 1; i++)
        peer_say_nonce (&peer, "ping", i);
    assert_next (&peer, CONNECTION_GOVERNANCE);
    assert_next (&peer, CONNECTION_BLOCKED);
    peer_wait (&peer, peer_deadline_us (&peer));
    assert_true (peer_tick (&peer));
    assert_next (&peer, CONNECTION_NONE);
    peer_hears (&peer);
    assert_int_equal (peer_deadline_us (&peer), 10 * SECOND_US); /* the 17th */
    peer_close (&peer);
}

static void
test_rate_slows_and_resumes_when_a_token_is_there (void **state)
{
    struct peer peer;
    uint64_t number = 0;
    (void)state;

    peer_open_ready (&peer);
    for (int i = 0; i < 200; i++) {
        peer_say_veto (&peer);
        assert_next (&peer, CONNECTION_GOVERNANCE);
        peer_judge (&peer, ++number, false);
    }
    peer_say_veto (&peer);
    peer_say_veto (&peer);
    assert_next (&peer, CONNECTION_BLOCKED);
    for (int i = 0; i < 2; i++) { /* 10 a second: one each 100 ms */
        assert_int_equal (peer_deadline_us (&peer), 100 * MILLISECOND_US);
        peer_wait (&peer, 100 * MILLISECOND_US - 1);
        assert_true (peer_tick (&peer));
        assert_next (&peer, CONNECTION_BLOCKED);
        assert_int_equal (peer_deadline_us (&peer), 1);
        peer_wait (&peer, 1);
        assert_next (&peer, CONNECTION_GOVERNANCE);
        peer_judge (&peer, ++number, false);
        if (i == 0)
            assert_next (&peer, CONNECTION_BLOCKED);
    }
    assert_next (&peer, CONNECTION_NONE);
    peer_close (&peer);
}

static void
test_exact_duplicates_cost_no_token (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    for (uint64_t number = 1; number <= 1000; number++) {
        peer_say_veto (&peer);
        assert_next (&peer, CONNECTION_GOVERNANCE);
        peer_judge (&peer, number, true);
    }
    for (uint64_t number = 1001; number <= 1200; number++) {
        peer_say_veto (&peer);
        assert_next (&peer, CONNECTION_GOVERNANCE);
        peer_judge (&peer, number, false);
    }
    peer_say_veto (&peer);
    assert_next (&peer, CONNECTION_BLOCKED);
    peer_close (&peer);
}

static void
test_rate_zero_is_no_limit (void **state)
{
    struct connection_options options = peer_options (false);
    struct peer peer;
    (void)state;

    options.rate_per_s = 0;
    options.rate_burst = 0;
    peer_open_with (&peer, &options);
    peer_shake (&peer, 70017, 0);
    for (uint64_t number = 1; number <= 5000; number++) {
        peer_say_veto (&peer);
        assert_next (&peer, CONNECTION_GOVERNANCE);
        peer_judge (&peer, number, false);
    }
    peer_close (&peer);
}

static void
test_ping_goes_every_two_minutes_with_a_new_nonce (void **state)
{
    struct peer peer;
    uint64_t before = 0;
    (void)state;

    peer_open_ready (&peer);
    for (int i = 0; i < 5; i++) {
        assert_int_equal (peer_deadline_us (&peer), 120 * SECOND_US);
        peer_wait (&peer, 120 * SECOND_US - 1);
        assert_true (peer_tick (&peer));
        assert_string_equal (peer_hears (&peer), "");
        peer_wait (&peer, 1);
        assert_true (peer_tick (&peer));
        assert_string_equal (peer_hears (&peer), "ping ");
        assert_int_not_equal (peer.ping_nonce, 0);
        assert_int_not_equal (peer.ping_nonce, before);
        before = peer.ping_nonce;
        peer_say_nonce (&peer, "pong", peer.ping_nonce);
        assert_next (&peer, CONNECTION_PONG);
    }
    peer_close (&peer);
}

static void
test_ping_nonces_of_two_connections_differ (void **state)
{
    struct connection_options options = peer_options (false);
    uint64_t nonces[2];
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct peer peer;
        options.secret = i; /* the nonce, which the peer knows, is the same */
        peer_open_with (&peer, &options);
        peer_shake (&peer, 70017, 0);
        peer_wait (&peer, 120 * SECOND_US);
        assert_true (peer_tick (&peer));
        assert_string_equal (peer_hears (&peer), "ping ");
        nonces[i] = peer.ping_nonce;
        peer_close (&peer);
    }
    assert_int_not_equal (nonces[0], nonces[1]);
}

static void
test_pong_measures_the_round_trip_once (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    assert_int_equal (connection_ping_us (peer.connection), -1);
    peer_say_nonce (&peer, "pong", 0); /* nobody asked */
    assert_next (&peer, CONNECTION_NONE);
    peer_wait (&peer, 120 * SECOND_US);
    assert_true (peer_tick (&peer));
    assert_string_equal (peer_hears (&peer), "ping ");
    peer_wait (&peer, 35 * MILLISECOND_US);
    peer_say_nonce (&peer, "pong", peer.ping_nonce + 1);
    peer_say (&peer, "pong", bytes_of ("short", 5));
    assert_next (&peer, CONNECTION_NONE);
    peer_say_nonce (&peer, "pong", peer.ping_nonce);
    assert_next (&peer, CONNECTION_PONG);
    assert_int_equal (connection_ping_us (peer.connection),
                      35 * MILLISECOND_US);
    peer_wait (&peer, SECOND_US);
    peer_say_nonce (&peer, "pong", peer.ping_nonce);
    assert_next (&peer, CONNECTION_NONE);
    peer_close (&peer);
}

static void
test_silence_of_twenty_minutes_is_closed (void **state)
{
    struct peer peer;
    int64_t waited = 0;
    int pings = 0;
    (void)state;

    peer_open_ready (&peer);
    for (;;) {
        int64_t us = peer_deadline_us (&peer);
        assert_in_range (us, 1, 120 * SECOND_US);
        peer_wait (&peer, us);
        waited += us;
        if (!peer_tick (&peer))
            break;
        pings += strcmp (peer_hears (&peer), "ping ") == 0;
    }
    assert_int_equal (waited, 1200 * SECOND_US);
    assert_int_equal (pings, 9); /* the tenth would have been at the end */
    assert_closed (&peer, CONNECTION_CLOSE_SILENCE);
    peer_close (&peer);
}

/* It talks, but never answers: 20 minutes from the first ping unanswered. */
static void
test_ping_unanswered_for_twenty_minutes_is_closed (void **state)
{
    struct peer peer;
    uint64_t nonce = 0;
    (void)state;

    peer_open_ready (&peer);
    peer_wait (&peer, 120 * SECOND_US);
    for (int i = 0; i < 120; i++) {
        peer_say_nothing (&peer, "sendheaders");
        assert_next (&peer, CONNECTION_NONE);
        assert_true (peer_tick (&peer));
        peer_hears (&peer);
        assert_true (nonce == 0 || nonce == peer.ping_nonce);
        nonce = peer.ping_nonce;
        peer_wait (&peer, 10 * SECOND_US);
    }
    assert_false (peer_tick (&peer));
    assert_closed (&peer, CONNECTION_CLOSE_SILENCE);
    peer_close (&peer);
}

static void
test_late_pong_still_counts (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    for (int i = 0; i < 9; i++) {
        peer_wait (&peer, 120 * SECOND_US);
        assert_true (peer_tick (&peer));
        peer_hears (&peer);
    }
    peer_say_nonce (&peer, "pong", peer.ping_nonce);
    assert_next (&peer, CONNECTION_PONG);
    for (int i = 0; i < 9; i++) {
        peer_wait (&peer, 120 * SECOND_US);
        assert_true (peer_tick (&peer));
    }
    peer_close (&peer);
}

/* While it is held we do not read: silence is ours. */
static void
test_peer_that_is_not_read_is_not_silent (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    hand_out_all (&peer);
    peer_say_veto (&peer);
    assert_next (&peer, CONNECTION_BLOCKED);
    for (int i = 0; i < 30; i++) {
        peer_wait (&peer, 120 * SECOND_US);
        assert_true (peer_tick (&peer));
        assert_string_equal (peer_hears (&peer), "ping ");
    }
    peer_judge (&peer, 1, false);
    assert_next (&peer, CONNECTION_GOVERNANCE);
    assert_next (&peer, CONNECTION_NONE);
    peer_wait (&peer, 1200 * SECOND_US - 1);
    assert_true (peer_tick (&peer));
    peer_wait (&peer, 1);
    assert_false (peer_tick (&peer));
    assert_closed (&peer, CONNECTION_CLOSE_SILENCE);
    peer_close (&peer);
}

static void
test_peer_without_pongs_is_pinged_and_not_closed_for_it (void **state)
{
    static const struct {
        int32_t version;
        bool stays;
    } cases[] = {{31800, true}, {60000, true}, {60001, false}};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        struct peer peer;
        bool alive = true;
        peer_open (&peer, false);
        peer_shake (&peer, cases[i].version, 0);
        for (int turn = 0; turn < 30 && alive; turn++) {
            peer_wait (&peer, 120 * SECOND_US);
            peer_say_nothing (&peer, "sendheaders");
            assert_next (&peer, CONNECTION_NONE);
            alive = peer_tick (&peer);
            if (alive)
                assert_string_equal (peer_hears (&peer), "ping ");
        }
        assert_int_equal (peer.ping_nonce == 0, cases[i].stays);
        assert_int_equal (alive, cases[i].stays);
        peer_close (&peer);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_ping_without_messages_is_answered_at_once),
        cmocka_unit_test (test_ping_without_nonce_has_no_pong),
        cmocka_unit_test (test_pong_waits_for_every_earlier_verdict),
        cmocka_unit_test (test_pong_does_not_wait_for_later_messages),
        cmocka_unit_test (test_later_verdict_alone_frees_no_pong),
        cmocka_unit_test (test_second_or_unknown_verdict_changes_nothing),
        cmocka_unit_test (test_pong_goes_after_ten_seconds_without_verdict),
        cmocka_unit_test (test_one_message_too_many_blocks_until_a_verdict),
        cmocka_unit_test (test_held_message_that_came_in_pieces_is_kept_whole),
        cmocka_unit_test (test_seventeenth_waiting_ping_blocks),
        cmocka_unit_test (test_waiting_pings_go_on_after_the_barrier_time),
        cmocka_unit_test (test_rate_slows_and_resumes_when_a_token_is_there),
        cmocka_unit_test (test_exact_duplicates_cost_no_token),
        cmocka_unit_test (test_rate_zero_is_no_limit),
        cmocka_unit_test (test_ping_goes_every_two_minutes_with_a_new_nonce),
        cmocka_unit_test (test_ping_nonces_of_two_connections_differ),
        cmocka_unit_test (test_pong_measures_the_round_trip_once),
        cmocka_unit_test (test_silence_of_twenty_minutes_is_closed),
        cmocka_unit_test (test_ping_unanswered_for_twenty_minutes_is_closed),
        cmocka_unit_test (test_late_pong_still_counts),
        cmocka_unit_test (test_peer_that_is_not_read_is_not_silent),
        cmocka_unit_test (
            test_peer_without_pongs_is_pinged_and_not_closed_for_it),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
