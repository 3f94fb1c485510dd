/* SPDX-License-Identifier: MIT */
/* schedule_test - order, holds, circuit, poison; time and randomness pinned. */
#include "actors/forwarder/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "actors/forwarder/line.h"

#define VETO COMMAND_ECONVETO
#define FORK COMMAND_ECONFORK
#define REG COMMAND_ECONREG

static const struct delivery done = {DELIVERY_DONE, 200, 0, "delivered"};
static const struct delivery refused = {DELIVERY_DEAD, 422, 0, "schema"};
static const struct delivery error_500 = {DELIVERY_RETRY, 500, 0,
                                          "server_error"};
static const struct delivery error_503 = {DELIVERY_RETRY, 503, 0,
                                          "unavailable"};
static const struct delivery error_403 = {DELIVERY_HOLD, 403, 0, "forbidden"};

static struct schedule *
open_schedule (void)
{
    struct schedule *schedule = schedule_create ();

    assert_non_null (schedule);
    return schedule;
}

static struct instant
at (int64_t us)
{
    return (struct instant){.us = us};
}

static int
offer (struct schedule *schedule, enum command command, int64_t place,
       const char *key)
{
    struct schedule_row row = {.place = place, .public_key = key};

    return schedule_offer (schedule, command, &row, at (0));
}

/* Offers COUNT rows, each of a key of its own, from PLACE on. */
static void
offer_many (struct schedule *schedule, enum command command, int64_t place,
            int count)
{
    char key[PUBLIC_KEY_TEXT_MAX + 1];

    for (int i = 0; i < count; i++) {
        snprintf (key, sizeof (key), "key-%d-%lld", (int)command,
                  (long long)place + i);
        assert_int_equal (offer (schedule, command, place + i, key),
                          SCHEDULE_TAKEN);
    }
}

/* Returns the place that goes at US, or 0. */
static int64_t
next_place (struct schedule *schedule, int64_t us)
{
    enum command command;
    int64_t place = 0;

    return schedule_next (schedule, at (us), &command, &place) ? place : 0;
}

/* Answers PLACE at US and settles it. Returns its fate. */
static struct schedule_fate
answer (struct schedule *schedule, enum command command, int64_t place,
        const struct delivery *delivery, int64_t us, uint64_t random)
{
    char key[PUBLIC_KEY_TEXT_MAX + 1];
    struct schedule_fate fate =
        schedule_answered (schedule, command, place, delivery, at (us), random);

    schedule_settle (schedule, command, place, &fate, key);
    return fate;
}

static void
test_first_come_first_served (void **state)
{
    struct schedule *schedule = open_schedule ();

    (void)state;
    offer_many (schedule, VETO, 1, 3);
    assert_int_equal (next_place (schedule, 0), 1);
    assert_int_equal (next_place (schedule, 0), 2);
    assert_int_equal (next_place (schedule, 0), 3);
    assert_int_equal (next_place (schedule, 0), 0);
    assert_int_equal (schedule_in_flight (schedule), 3);
    schedule_destroy (&schedule);
    assert_null (schedule);
}

static void
test_message_waits_for_the_earlier_one_of_its_key (void **state)
{
    struct schedule *schedule = open_schedule ();
    char key[PUBLIC_KEY_TEXT_MAX + 1];

    (void)state;
    assert_int_equal (offer (schedule, VETO, 1, "a"), SCHEDULE_TAKEN);
    assert_int_equal (offer (schedule, VETO, 2, "a"), SCHEDULE_BEHIND);
    assert_int_equal (offer (schedule, VETO, 3, "b"), SCHEDULE_TAKEN);
    assert_int_equal (next_place (schedule, 0), 1);
    assert_int_equal (next_place (schedule, 0), 3);
    assert_int_equal (next_place (schedule, 0), 0);

    struct schedule_fate fate =
        schedule_answered (schedule, VETO, 1, &done, at (0), 0);
    assert_int_equal (next_place (schedule, 0), 0);
    assert_true (schedule_settle (schedule, VETO, 1, &fate, key));
    assert_string_equal (key, "a");
    struct schedule_row row = {.place = 2, .public_key = "a"};
    assert_int_equal (schedule_offer_next (schedule, VETO, &row, at (0)), 0);
    assert_int_equal (next_place (schedule, 0), 2);
    schedule_destroy (&schedule);
}

static void
test_retry_keeps_the_later_ones_of_its_key_waiting (void **state)
{
    struct schedule *schedule = open_schedule ();
    char key[PUBLIC_KEY_TEXT_MAX + 1];

    (void)state;
    offer (schedule, VETO, 1, "a");
    offer (schedule, VETO, 2, "a");
    assert_int_equal (next_place (schedule, 0), 1);
    struct schedule_fate fate =
        schedule_answered (schedule, VETO, 1, &error_503, at (0), 1000);
    assert_false (schedule_settle (schedule, VETO, 1, &fate, key));
    assert_int_equal (next_place (schedule, 999), 0);
    assert_int_equal (next_place (schedule, 1000), 1);
    schedule_destroy (&schedule);
}

static void
test_vote_goes_after_its_registration_was_tried (void **state)
{
    struct schedule *schedule = open_schedule ();

    (void)state;
    offer (schedule, REG, 1, "a");
    offer (schedule, VETO, 2, "a");
    offer (schedule, VETO, 3, "b");
    assert_int_equal (next_place (schedule, 0), 1);
    assert_int_equal (next_place (schedule, 0), 3);
    assert_int_equal (next_place (schedule, 0), 0);
    answer (schedule, REG, 1, &error_503, 0, 500);
    assert_int_equal (next_place (schedule, 0), 2);
    schedule_destroy (&schedule);
}

static void
test_held_path_leaves_the_others (void **state)
{
    struct schedule *schedule = open_schedule ();
    unsigned status;

    (void)state;
    offer (schedule, REG, 1, "a");
    offer (schedule, REG, 2, "b");
    assert_int_equal (next_place (schedule, 0), 1);
    answer (schedule, REG, 1, &error_403, 0, 0);
    assert_int_equal (schedule_path_state (schedule, REG), PATH_HELD);
    assert_string_equal (schedule_path_reason (schedule, REG, &status),
                         "forbidden");
    assert_int_equal (status, 403);
    /* The vote of key b does not wait for b's registration either. */
    offer (schedule, VETO, 3, "b");
    offer (schedule, FORK, 4, "c");
    assert_int_equal (schedule_path_state (schedule, VETO), PATH_OPEN);
    int64_t first = next_place (schedule, 0);
    assert_int_equal (first + next_place (schedule, 0), 3 + 4);
    assert_int_equal (next_place (schedule, 0), 0);
    schedule_destroy (&schedule);
}

static void
test_held_path_is_tried_by_one_message_every_30_s (void **state)
{
    struct schedule *schedule = open_schedule ();

    (void)state;
    offer_many (schedule, VETO, 1, 3);
    assert_int_equal (next_place (schedule, 0), 1);
    answer (schedule, VETO, 1, &error_403, 0, 0);
    assert_int_equal (schedule_deadline (schedule, at (0)).us,
                      SCHEDULE_HOLD_US);
    assert_int_equal (next_place (schedule, SCHEDULE_HOLD_US - 1), 0);
    /* Another one, so that one that a proxy dislikes holds nobody for good. */
    assert_int_equal (next_place (schedule, SCHEDULE_HOLD_US), 2);
    assert_int_equal (next_place (schedule, SCHEDULE_HOLD_US), 0);
    answer (schedule, VETO, 2, &error_403, SCHEDULE_HOLD_US, 0);
    assert_int_equal (next_place (schedule, 2 * SCHEDULE_HOLD_US - 1), 0);
    assert_int_equal (next_place (schedule, 2 * SCHEDULE_HOLD_US), 3);
    answer (schedule, VETO, 3, &done, 2 * SCHEDULE_HOLD_US, 0);
    assert_int_equal (schedule_path_state (schedule, VETO), PATH_OPEN);
    assert_int_equal (next_place (schedule, 2 * SCHEDULE_HOLD_US), 1);
    assert_int_equal (next_place (schedule, 2 * SCHEDULE_HOLD_US), 2);
    schedule_destroy (&schedule);
}

static void
test_answer_from_before_the_hold_does_not_open_the_path (void **state)
{
    struct schedule *schedule = open_schedule ();

    (void)state;
    offer_many (schedule, VETO, 1, 3);
    assert_int_equal (next_place (schedule, 0), 1);
    assert_int_equal (next_place (schedule, 0), 2);
    answer (schedule, VETO, 1, &error_403, 0, 0);
    answer (schedule, VETO, 2, &done, 1, 0);
    assert_int_equal (schedule_path_state (schedule, VETO), PATH_HELD);
    assert_int_equal (next_place (schedule, 1), 0);
    schedule_destroy (&schedule);
}

static void
test_message_that_is_held_while_others_pass_waits_alone (void **state)
{
    struct schedule *schedule = open_schedule ();
    int64_t now = 0;

    (void)state;
    offer_many (schedule, VETO, 1, 3);
    assert_int_equal (next_place (schedule, now), 1);
    answer (schedule, VETO, 1, &error_403, now, 0);
    now += SCHEDULE_HOLD_US;
    assert_int_equal (next_place (schedule, now), 2);
    answer (schedule, VETO, 2, &done, now, 0);
    assert_int_equal (next_place (schedule, now), 1);
    struct schedule_fate fate = answer (schedule, VETO, 1, &error_403, now, 0);
    assert_int_equal (fate.action, DELIVERY_HOLD);
    assert_int_equal (fate.wait_us, 2 * SCHEDULE_HOLD_US);
    assert_int_equal (schedule_path_state (schedule, VETO), PATH_OPEN);
    assert_int_equal (next_place (schedule, now), 3);
    answer (schedule, VETO, 3, &done, now, 0);
    assert_int_equal (next_place (schedule, now + fate.wait_us - 1), 0);
    now += fate.wait_us;
    assert_int_equal (next_place (schedule, now), 1);
    fate = answer (schedule, VETO, 1, &error_403, now, 0);
    assert_int_equal (fate.wait_us, 4 * SCHEDULE_HOLD_US);
    schedule_destroy (&schedule);
}

static void
test_backoff_doubles_and_is_bounded (void **state)
{
    struct schedule *schedule = open_schedule ();
    int64_t ceiling_us = DELIVERY_BACKOFF_BASE_US;
    int64_t now = 0;

    (void)state;
    offer (schedule, VETO, 1, "a");
    for (unsigned i = 1; i <= 12; i++) {
        assert_int_equal (next_place (schedule, now), 1);
        struct schedule_fate fate =
            answer (schedule, VETO, 1, &error_503, now, (uint64_t)ceiling_us);
        assert_int_equal (fate.action, DELIVERY_RETRY);
        assert_int_equal (fate.attempts, i);
        assert_int_equal (fate.wait_us, ceiling_us);
        assert_int_equal (next_place (schedule, now + fate.wait_us - 1), 0);
        assert_int_equal (schedule_deadline (schedule, at (now)).us,
                          now + fate.wait_us);
        now += fate.wait_us;
        ceiling_us = 2 * ceiling_us < DELIVERY_BACKOFF_CAP_US
                         ? 2 * ceiling_us
                         : DELIVERY_BACKOFF_CAP_US;
    }
    schedule_destroy (&schedule);
}

static void
test_retry_after_pauses_the_whole_path (void **state)
{
    struct schedule *schedule = open_schedule ();
    struct delivery busy = {DELIVERY_RETRY, 429, 100 * SECOND_US, "busy"};

    (void)state;
    offer_many (schedule, VETO, 1, 2);
    offer_many (schedule, FORK, 10, 1);
    assert_int_equal (next_place (schedule, 0), 1);
    struct schedule_fate fate = answer (schedule, VETO, 1, &busy, 0, 0);
    assert_int_equal (fate.wait_us, 100 * SECOND_US);
    assert_int_equal (next_place (schedule, 0), 10);
    assert_int_equal (next_place (schedule, 100 * SECOND_US - 1), 0);
    assert_int_equal (schedule_deadline (schedule, at (0)).us, 100 * SECOND_US);
    assert_int_equal (next_place (schedule, 100 * SECOND_US), 1);
    assert_int_equal (next_place (schedule, 100 * SECOND_US), 2);
    schedule_destroy (&schedule);
}

static void
test_future_delays_one_message_only (void **state)
{
    struct schedule *schedule = open_schedule ();
    struct delivery future = {DELIVERY_RETRY, 425, 10 * SECOND_US, "future"};

    (void)state;
    offer_many (schedule, VETO, 1, 7);
    for (int64_t place = 1; place <= 6; place++) {
        assert_int_equal (next_place (schedule, 0), place);
        struct schedule_fate fate =
            answer (schedule, VETO, place, &future, 0, 0);
        assert_int_equal (fate.wait_us, 10 * SECOND_US);
    }
    assert_int_equal (schedule_path_state (schedule, VETO), PATH_OPEN);
    assert_int_equal (next_place (schedule, 0), 7);
    schedule_destroy (&schedule);
}

static void
test_five_different_failures_in_a_row_open_the_circuit (void **state)
{
    struct schedule *schedule = open_schedule ();
    char key[PUBLIC_KEY_TEXT_MAX + 1];

    (void)state;
    offer_many (schedule, VETO, 1, 6);
    offer_many (schedule, FORK, 10, 1);
    /* All under way at once: the fifth answer counts, not the fifth sending. */
    for (int i = 0; i < 7; i++)
        assert_int_not_equal (next_place (schedule, 0), 0);
    for (int64_t place = 1; place <= 5; place++) {
        assert_int_equal (schedule_path_state (schedule, VETO), PATH_OPEN);
        struct schedule_fate fate = schedule_answered (
            schedule, VETO, place, &error_503, at (0), 500000);
        schedule_settle (schedule, VETO, place, &fate, key);
    }
    assert_int_equal (schedule_path_state (schedule, VETO), PATH_BROKEN);
    assert_int_equal (schedule_path_state (schedule, FORK), PATH_OPEN);
    assert_int_equal (next_place (schedule, 400 * SECOND_US), 0);

    assert_int_equal (schedule_deadline (schedule, at (0)).us, 500000);
    assert_false (schedule_probe_due (schedule, at (499999)));
    assert_true (schedule_probe_due (schedule, at (500000)));
    assert_false (schedule_probe_due (schedule, at (500000)));
    schedule_probed (schedule, &error_503, at (500000), 2 * SECOND_US);
    assert_false (schedule_probe_due (schedule, at (500000)));
    schedule_destroy (&schedule);
}

static void
test_one_message_failing_often_does_not_open_the_circuit (void **state)
{
    struct schedule *schedule = open_schedule ();

    (void)state;
    offer_many (schedule, VETO, 1, 1);
    for (int i = 0; i < 20; i++) {
        assert_int_equal (next_place (schedule, 0), 1);
        answer (schedule, VETO, 1, &error_503, 0, 0);
    }
    assert_int_equal (schedule_path_state (schedule, VETO), PATH_OPEN);
    schedule_destroy (&schedule);
}

static void
test_success_between_failures_keeps_the_circuit_closed (void **state)
{
    struct schedule *schedule = open_schedule ();

    (void)state;
    offer_many (schedule, VETO, 1, 9);
    for (int i = 0; i < 9; i++)
        assert_int_equal (next_place (schedule, 0), i + 1);
    for (int64_t place = 1; place <= 4; place++)
        answer (schedule, VETO, place, &error_503, 0, SECOND_US / 2);
    answer (schedule, VETO, 5, &refused, 0, 0);
    for (int64_t place = 6; place <= 9; place++)
        answer (schedule, VETO, place, &error_503, 0, SECOND_US / 2);
    assert_int_equal (schedule_path_state (schedule, VETO), PATH_OPEN);
    schedule_destroy (&schedule);
}

/* Returns a schedule whose veto path is broken, its probe under way. */
static struct schedule *
open_probing (void)
{
    struct schedule *schedule = open_schedule ();

    offer_many (schedule, VETO, 1, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal (next_place (schedule, 0), i + 1);
    for (int64_t place = 1; place <= 5; place++)
        answer (schedule, VETO, place, &error_503, 0, 0);
    assert_true (schedule_probe_due (schedule, at (0)));
    return schedule;
}

static void
test_health_probe_closes_the_circuit (void **state)
{
    struct schedule *schedule = open_probing ();

    (void)state;
    assert_int_equal (next_place (schedule, 0), 0);
    schedule_probed (schedule, &done, at (0), 0);
    assert_int_equal (schedule_path_state (schedule, VETO), PATH_OPEN);
    assert_int_equal (next_place (schedule, 0), 1);
    assert_false (schedule_probe_due (schedule, at (SECOND_US)));
    schedule_destroy (&schedule);
}

static void
test_failed_probe_is_repeated_at_most_30_s_later (void **state)
{
    struct schedule *schedule = open_probing ();
    int64_t now = 0;

    (void)state;
    for (int i = 0; i < 12; i++) {
        schedule_probed (schedule, &error_503, at (now), 300 * SECOND_US);
        struct instant next = schedule_deadline (schedule, at (now));
        assert_true (next.us >= now && next.us <= now + SCHEDULE_PROBE_CAP_US);
        now = next.us;
        assert_true (schedule_probe_due (schedule, at (now)));
    }
    assert_int_equal (schedule_path_state (schedule, VETO), PATH_BROKEN);
    schedule_destroy (&schedule);
}

static void
test_missing_health_page_does_not_keep_the_circuit_open (void **state)
{
    struct schedule *schedule = open_probing ();
    struct delivery not_found = {DELIVERY_HOLD, 404, 0, "not_found"};

    (void)state;
    schedule_probed (schedule, &not_found, at (0), 0);
    assert_int_equal (schedule_path_state (schedule, VETO), PATH_HELD);
    assert_int_equal (next_place (schedule, SCHEDULE_HOLD_US), 1);
    answer (schedule, VETO, 1, &done, SCHEDULE_HOLD_US, 0);
    assert_int_equal (schedule_path_state (schedule, VETO), PATH_OPEN);
    schedule_destroy (&schedule);
}

static void
test_eight_times_500_while_others_pass_is_poison (void **state)
{
    struct schedule *schedule = open_schedule ();

    (void)state;
    offer_many (schedule, VETO, 1, 2);
    for (unsigned i = 1; i <= SCHEDULE_POISON; i++) {
        assert_int_equal (next_place (schedule, 0), 1);
        if (i == 4) {
            assert_int_equal (next_place (schedule, 0), 2);
            answer (schedule, VETO, 2, &done, 0, 0);
        }
        struct schedule_fate fate =
            answer (schedule, VETO, 1, &error_500, 0, 0);
        assert_int_equal (fate.attempts, i);
        assert_int_equal (fate.action,
                          i < SCHEDULE_POISON ? DELIVERY_RETRY : DELIVERY_DEAD);
        if (i == SCHEDULE_POISON)
            assert_string_equal (fate.reason, "poison");
    }
    assert_int_equal (next_place (schedule, SECOND_US), 0);
    schedule_destroy (&schedule);
}

static void
test_500_without_others_passing_is_no_poison (void **state)
{
    struct schedule *schedule = open_schedule ();

    (void)state;
    offer_many (schedule, VETO, 1, 2);
    /* What passed before its first 500 proves nothing. */
    assert_int_equal (next_place (schedule, 0), 1);
    assert_int_equal (next_place (schedule, 0), 2);
    answer (schedule, VETO, 2, &done, 0, 0);
    answer (schedule, VETO, 1, &error_500, 0, 0);
    for (int i = 0; i < 30; i++) {
        assert_int_equal (next_place (schedule, 0), 1);
        assert_int_equal (answer (schedule, VETO, 1, &error_500, 0, 0).action,
                          DELIVERY_RETRY);
    }
    schedule_destroy (&schedule);
}

static void
test_503_is_never_poison (void **state)
{
    struct schedule *schedule = open_schedule ();

    (void)state;
    offer_many (schedule, VETO, 1, 30);
    for (int64_t i = 2; i <= 30; i++) {
        assert_int_equal (next_place (schedule, 0), 1);
        assert_int_equal (next_place (schedule, 0), i);
        answer (schedule, VETO, i, &done, 0, 0);
        assert_int_equal (answer (schedule, VETO, 1, &error_503, 0, 0).action,
                          DELIVERY_RETRY);
    }
    schedule_destroy (&schedule);
}

static void
test_slow_path_takes_only_its_share (void **state)
{
    struct schedule *schedule = open_schedule ();

    (void)state;
    offer_many (schedule, VETO, 1, SCHEDULE_IN_FLIGHT_MAX + 5);
    for (int i = 0; i < SCHEDULE_IN_FLIGHT_MAX; i++)
        assert_int_equal (next_place (schedule, 0), i + 1);
    assert_int_equal (next_place (schedule, 0), 0);
    assert_int_equal (schedule_deadline (schedule, at (0)).us, INT64_MAX);
    offer_many (schedule, FORK, 1000, 1);
    assert_int_equal (next_place (schedule, 0), 1000);
    answer (schedule, VETO, 7, &done, 0, 0);
    assert_int_equal (next_place (schedule, 0), SCHEDULE_IN_FLIGHT_MAX + 1);
    schedule_destroy (&schedule);
}

static void
test_window_is_bounded_and_goes_on_where_it_stopped (void **state)
{
    struct schedule *schedule = open_schedule ();

    (void)state;
    assert_int_equal (schedule_wants_after (schedule, VETO), 0);
    offer_many (schedule, VETO, 1, LINE_MAX_ROWS - 1);
    assert_int_equal (schedule_wants_after (schedule, VETO), LINE_MAX_ROWS - 1);
    offer_many (schedule, VETO, LINE_MAX_ROWS, 1);
    assert_int_equal (schedule_wants_after (schedule, VETO), -1);
    assert_int_equal (offer (schedule, VETO, LINE_MAX_ROWS + 1, "z"),
                      SCHEDULE_FULL);
    assert_int_equal (schedule_wants_after (schedule, FORK), 0);
    assert_int_equal (next_place (schedule, 0), 1);
    answer (schedule, VETO, 1, &done, 0, 0);
    assert_int_equal (schedule_wants_after (schedule, VETO), LINE_MAX_ROWS);
    schedule_no_more (schedule, VETO);
    assert_int_equal (schedule_wants_after (schedule, VETO), -1);
    schedule_more (schedule, VETO);
    assert_int_equal (schedule_wants_after (schedule, VETO), LINE_MAX_ROWS);
    schedule_destroy (&schedule);
}

static void
test_restart_forgets_nothing_that_is_in_flight (void **state)
{
    struct schedule *schedule = open_schedule ();
    char key[PUBLIC_KEY_TEXT_MAX + 1];

    (void)state;
    offer (schedule, VETO, 1, "a");
    offer (schedule, VETO, 2, "b");
    assert_int_equal (next_place (schedule, 0), 1);
    schedule_restart (schedule);
    assert_int_equal (schedule_wants_after (schedule, VETO), 0);
    assert_int_equal (offer (schedule, VETO, 1, "a"), SCHEDULE_BEHIND);
    assert_int_equal (offer (schedule, VETO, 2, "b"), SCHEDULE_TAKEN);
    struct schedule_fate fate =
        schedule_answered (schedule, VETO, 1, &done, at (0), 0);
    assert_true (schedule_settle (schedule, VETO, 1, &fate, key));
    assert_int_equal (next_place (schedule, 0), 2);
    schedule_destroy (&schedule);
}

static void
test_trial_that_vanished_leaves_room_for_another (void **state)
{
    static const struct schedule_fate gone = {.action = DELIVERY_DONE};
    struct schedule *schedule = open_schedule ();
    char key[PUBLIC_KEY_TEXT_MAX + 1];

    (void)state;
    offer_many (schedule, VETO, 1, 2);
    assert_int_equal (next_place (schedule, 0), 1);
    answer (schedule, VETO, 1, &error_403, 0, 0);
    assert_int_equal (next_place (schedule, SCHEDULE_HOLD_US), 2);
    schedule_settle (schedule, VETO, 2, &gone, key);
    assert_int_equal (next_place (schedule, SCHEDULE_HOLD_US), 1);
    schedule_put_back (schedule, VETO, 1, at (SCHEDULE_HOLD_US + 5));
    assert_int_equal (next_place (schedule, SCHEDULE_HOLD_US + 4), 0);
    assert_int_equal (next_place (schedule, SCHEDULE_HOLD_US + 5), 1);
    schedule_destroy (&schedule);
}

static void
test_row_that_waits_from_an_earlier_life_is_not_sent_at_once (void **state)
{
    struct schedule *schedule = open_schedule ();
    struct schedule_row row = {
        .place = 1, .public_key = "a", .attempts = 3, .wait_us = 700};

    (void)state;
    assert_int_equal (schedule_offer (schedule, VETO, &row, at (0)),
                      SCHEDULE_TAKEN);
    assert_int_equal (next_place (schedule, 699), 0);
    assert_int_equal (next_place (schedule, 700), 1);
    assert_int_equal (answer (schedule, VETO, 1, &error_503, 700, 0).attempts,
                      4);
    schedule_destroy (&schedule);
}

static void
test_status_path_is_held_for_itself (void **state)
{
    struct schedule *schedule = open_schedule ();

    (void)state;
    offer_many (schedule, VETO, 1, 1);
    assert_true (schedule_may_ask (schedule, 1, at (0)));
    schedule_asked (schedule, 1, &error_403, at (0), 0);
    assert_false (schedule_may_ask (schedule, 2, at (0)));
    assert_int_equal (next_place (schedule, 0), 1);
    assert_true (schedule_may_ask (schedule, 3, at (SCHEDULE_HOLD_US)));
    assert_false (schedule_may_ask (schedule, 4, at (SCHEDULE_HOLD_US)));
    schedule_not_asked (schedule, 3);
    assert_true (schedule_may_ask (schedule, 5, at (SCHEDULE_HOLD_US)));
    schedule_asked (schedule, 5, &done, at (SCHEDULE_HOLD_US), 0);
    assert_true (schedule_may_ask (schedule, 6, at (SCHEDULE_HOLD_US)));
    schedule_destroy (&schedule);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_first_come_first_served),
        cmocka_unit_test (test_message_waits_for_the_earlier_one_of_its_key),
        cmocka_unit_test (test_retry_keeps_the_later_ones_of_its_key_waiting),
        cmocka_unit_test (test_vote_goes_after_its_registration_was_tried),
        cmocka_unit_test (test_held_path_leaves_the_others),
        cmocka_unit_test (test_held_path_is_tried_by_one_message_every_30_s),
        cmocka_unit_test (
            test_answer_from_before_the_hold_does_not_open_the_path),
        cmocka_unit_test (
            test_message_that_is_held_while_others_pass_waits_alone),
        cmocka_unit_test (test_backoff_doubles_and_is_bounded),
        cmocka_unit_test (test_retry_after_pauses_the_whole_path),
        cmocka_unit_test (test_future_delays_one_message_only),
        cmocka_unit_test (
            test_five_different_failures_in_a_row_open_the_circuit),
        cmocka_unit_test (
            test_one_message_failing_often_does_not_open_the_circuit),
        cmocka_unit_test (
            test_success_between_failures_keeps_the_circuit_closed),
        cmocka_unit_test (test_health_probe_closes_the_circuit),
        cmocka_unit_test (test_failed_probe_is_repeated_at_most_30_s_later),
        cmocka_unit_test (
            test_missing_health_page_does_not_keep_the_circuit_open),
        cmocka_unit_test (test_eight_times_500_while_others_pass_is_poison),
        cmocka_unit_test (test_500_without_others_passing_is_no_poison),
        cmocka_unit_test (test_503_is_never_poison),
        cmocka_unit_test (test_slow_path_takes_only_its_share),
        cmocka_unit_test (test_window_is_bounded_and_goes_on_where_it_stopped),
        cmocka_unit_test (test_restart_forgets_nothing_that_is_in_flight),
        cmocka_unit_test (test_trial_that_vanished_leaves_room_for_another),
        cmocka_unit_test (
            test_row_that_waits_from_an_earlier_life_is_not_sent_at_once),
        cmocka_unit_test (test_status_path_is_held_for_itself),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
