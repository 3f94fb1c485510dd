/* SPDX-License-Identifier: MIT */
/* flight_test - the frames that ingress owns until their verdict came back. */
#include "actors/ingress/flight.h"

#include <stdlib.h>

#include "tests/support/check.h"

#define HUGE_COUNT 2000

static const char alice[] = "alice", bob[] = "bob"; /* two verifiers */

struct desk {
    struct flight *flight;
    struct instant now;
};

static int
desk_open (void **state)
{
    struct desk *desk = calloc (1, sizeof *desk);
    assert_non_null (desk);
    desk->flight = flight_create ();
    assert_non_null (desk->flight);
    *state = desk;
    return 0;
}

static int
desk_close (void **state)
{
    struct desk *desk = *state;
    flight_destroy (&desk->flight);
    assert_null (desk->flight);
    flight_destroy (&desk->flight);
    free (desk);
    return 0;
}

static struct frame_in_flight *
add (struct desk *desk, uint64_t peer, uint64_t number)
{
    struct frame_in_flight *frame =
        flight_add (desk->flight, bytes_of_text ("payload"));
    assert_non_null (frame);
    frame->peer = peer;
    frame->number = number;
    return frame;
}

/* Gives the first waiting frame to VERIFIER. Returns it, NULL: none may go. */
static struct frame_in_flight *
place (struct desk *desk, const void *verifier)
{
    struct frame_in_flight *frame = flight_first_waiting (desk->flight);
    if (!frame)
        return NULL;
    flight_next_ticket (desk->flight, frame);
    flight_sent (desk->flight, verifier, desk->now);
    return frame;
}

static bool
judged (struct desk *desk, uint64_t ticket)
{
    struct frame_in_flight *frame = flight_take (desk->flight, ticket);
    bool found = frame != NULL;
    free (frame);
    return found;
}

static void
test_frames_are_placed_in_the_order_they_came (void **state)
{
    struct desk *desk = *state;
    for (uint64_t number = 1; number <= 5; number++)
        add (desk, 9, number);
    for (uint64_t number = 1; number <= 5; number++) {
        assert_int_equal (flight_waiting (desk->flight), 6 - number);
        struct frame_in_flight *frame = place (desk, alice);
        assert_int_equal (frame->number, number);
        CHECK_BYTES (bytes_of (frame->payload, frame->size), "payload");
    }
    assert_null (place (desk, alice));
    add (desk, 9, 6); /* the end of an emptied list is its beginning */
    add (desk, 9, 7);
    assert_int_equal (place (desk, alice)->number, 6);
    assert_int_equal (place (desk, alice)->number, 7);
    assert_int_equal (flight_count (desk->flight), 7);
}

static void
test_verdict_takes_its_frame_and_no_other (void **state)
{
    struct desk *desk = *state;
    uint64_t ticket[3];
    for (uint64_t i = 0; i < 3; i++) {
        add (desk, 9, i);
        ticket[i] = place (desk, alice)->ticket;
    }
    struct frame_in_flight *frame = flight_take (desk->flight, ticket[1]);
    assert_int_equal (frame->number, 1);
    free (frame);
    assert_false (judged (desk, ticket[1]));
    assert_false (judged (desk, ticket[2] + 1));
    assert_false (judged (desk, 0));
    assert_true (judged (desk, ticket[0]));
    assert_true (judged (desk, ticket[2]));
    assert_int_equal (flight_count (desk->flight), 0);
}

static void
test_waiting_frame_has_no_verdict (void **state)
{
    struct desk *desk = *state;
    struct frame_in_flight *frame = add (desk, 9, 1);
    flight_next_ticket (desk->flight, frame);
    assert_false (judged (desk, frame->ticket));
}

static void
test_at_most_so_many_fly (void **state)
{
    struct desk *desk = *state;
    for (uint64_t i = 0; i < FLIGHT_MAX + 10; i++)
        add (desk, 9, i);
    uint64_t ticket = 0;
    for (uint64_t i = 0; i < FLIGHT_MAX; i++)
        ticket = place (desk, alice)->ticket;
    assert_null (place (desk, alice));
    assert_int_equal (flight_waiting (desk->flight), 10);
    assert_true (judged (desk, ticket));
    assert_int_equal (place (desk, alice)->number, FLIGHT_MAX);
    assert_null (place (desk, alice));
}

static void
test_frames_of_a_lost_verifier_wait_again_ahead_of_all (void **state)
{
    struct desk *desk = *state;
    uint64_t seen = 0;
    for (uint64_t i = 0; i < 6; i++) {
        add (desk, 9, i);
        place (desk, i % 2 ? alice : bob);
    }
    add (desk, 9, 6);
    flight_verifier_gone (desk->flight, alice);
    assert_int_equal (flight_waiting (desk->flight), 4);
    for (int i = 0; i < 3; i++) {
        struct frame_in_flight *frame = place (desk, bob);
        seen |= UINT64_C (1) << frame->number;
    }
    assert_int_equal (seen, 0x2a); /* 1, 3, 5 */
    assert_int_equal (place (desk, bob)->number, 6);
    assert_int_equal (flight_count (desk->flight), 7);
    flight_verifier_gone (desk->flight, alice); /* nothing is left of it */
    assert_int_equal (flight_waiting (desk->flight), 0);
    flight_verifier_gone (desk->flight, bob);
    assert_int_equal (flight_waiting (desk->flight), 7);
    add (desk, 9, 7);
    for (int i = 0; i < 8; i++)
        assert_non_null (place (desk, alice));
    assert_int_equal (flight_waiting (desk->flight), 0);
}

static void
test_old_answer_of_a_lost_verifier_is_void (void **state)
{
    struct desk *desk = *state;
    add (desk, 9, 1);
    uint64_t old = place (desk, alice)->ticket;
    flight_verifier_gone (desk->flight, alice);
    uint64_t new = place (desk, bob)->ticket;
    assert_false (judged (desk, old));
    assert_true (judged (desk, new));
}

static void
test_slow_verifier_is_overdue_after_two_seconds (void **state)
{
    struct desk *desk = *state;
    struct frame_in_flight *frame = add (desk, 9, 1);
    place (desk, alice);
    desk->now = instant_after (desk->now, FLIGHT_VERDICT_US - 1);
    assert_null (flight_overdue (desk->flight, desk->now));
    desk->now = instant_after (desk->now, 1);
    assert_ptr_equal (flight_overdue (desk->flight, desk->now), frame);
    flight_resent (frame, bob, desk->now);
    assert_ptr_equal (frame->verifier, bob);
    assert_null (flight_overdue (desk->flight, desk->now));
    flight_verifier_gone (desk->flight, alice); /* it is bob's now */
    assert_int_equal (flight_waiting (desk->flight), 0);
}

static void
test_patience_doubles_up_to_a_minute (void **state)
{
    struct desk *desk = *state;
    struct frame_in_flight *frame = add (desk, 9, 1);
    place (desk, alice);
    int64_t expected = FLIGHT_VERDICT_US;
    for (int i = 0; i < 10; i++) {
        desk->now = instant_after (desk->now, expected - 1);
        assert_null (flight_overdue (desk->flight, desk->now));
        desk->now = instant_after (desk->now, 1);
        assert_ptr_equal (flight_overdue (desk->flight, desk->now), frame);
        flight_patience (frame, desk->now);
        expected = 2 * expected < FLIGHT_VERDICT_MAX_US ? 2 * expected
                                                        : FLIGHT_VERDICT_MAX_US;
    }
    /* A new place begins with new patience. */
    flight_verifier_gone (desk->flight, alice);
    place (desk, bob);
    desk->now = instant_after (desk->now, FLIGHT_VERDICT_US);
    assert_ptr_equal (flight_overdue (desk->flight, desk->now), frame);
}

static void
test_frames_of_a_peer_that_left_stay_and_name_nobody (void **state)
{
    struct desk *desk = *state;
    add (desk, 8, 1);
    add (desk, 9, 2);
    uint64_t flying = place (desk, alice)->ticket;
    uint64_t other = place (desk, alice)->ticket;
    add (desk, 8, 3);
    flight_peer_gone (desk->flight, 8);
    assert_int_equal (flight_count (desk->flight), 3);
    assert_int_equal (place (desk, alice)->peer, 0);
    struct frame_in_flight *frame = flight_take (desk->flight, flying);
    assert_int_equal (frame->peer, 0);
    free (frame);
    frame = flight_take (desk->flight, other);
    assert_int_equal (frame->peer, 9);
    free (frame);
}

/* Come, send one, go: whoever does that while no verifier is there must not
 * fill the memory. */
static void
test_frames_of_peers_that_left_are_bounded (void **state)
{
    struct desk *desk = *state;
    add (desk, 1, 1);
    for (uint64_t peer = 2; peer < HUGE_COUNT; peer++) {
        add (desk, peer, peer);
        flight_peer_gone (desk->flight, peer);
        assert_true (flight_waiting (desk->flight) <= FLIGHT_ORPHANS_MAX + 1);
    }
    add (desk, HUGE_COUNT, HUGE_COUNT);
    uint64_t named = 0;
    for (struct frame_in_flight *frame; (frame = place (desk, alice));) {
        named += frame->peer != 0;
        assert_true (judged (desk, frame->ticket));
    }
    assert_int_equal (named, 2);
    assert_int_equal (flight_count (desk->flight), 0);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_frames_are_placed_in_the_order_they_came),
        TEST (test_verdict_takes_its_frame_and_no_other),
        TEST (test_waiting_frame_has_no_verdict),
        TEST (test_at_most_so_many_fly),
        TEST (test_frames_of_a_lost_verifier_wait_again_ahead_of_all),
        TEST (test_old_answer_of_a_lost_verifier_is_void),
        TEST (test_slow_verifier_is_overdue_after_two_seconds),
        TEST (test_patience_doubles_up_to_a_minute),
        TEST (test_frames_of_a_peer_that_left_stay_and_name_nobody),
        TEST (test_frames_of_peers_that_left_are_bounded),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
