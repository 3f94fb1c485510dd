/* SPDX-License-Identifier: MIT */
/* status_test - who asked what, and who may answer (PROTOCOL 5.6). */
#include "actors/gossip/status.h"

#include <stdlib.h>

#include "tests/support/check.h"

struct desk {
    struct status_table *table;
    struct instant now;
    struct status_query *query; /* of the last ask */
    enum verdict verdict;       /* of the last ask */
};

static int
desk_open (void **state)
{
    struct desk *desk = calloc (1, sizeof *desk);
    assert_non_null (desk);
    desk->now.us = 1000 * SECOND_US;
    desk->table = status_table_create (desk->now);
    assert_non_null (desk->table);
    *state = desk;
    return 0;
}

static int
desk_close (void **state)
{
    struct desk *desk = *state;
    status_table_destroy (&desk->table);
    assert_null (desk->table);
    status_table_destroy (&desk->table);
    free (desk);
    return 0;
}

static struct gov_id
name_of (uint32_t number)
{
    struct gov_id name = {0};
    memcpy (name.bytes, &number, sizeof number);
    return name;
}

static enum status_step
ask (struct desk *desk, uint64_t peer, uint32_t number)
{
    struct gov_id name = name_of (number);
    desk->query = NULL;
    desk->verdict = VERDICTS_;
    return status_on_query (desk->table, peer, &name, desk->now, &desk->query,
                            &desk->verdict);
}

static struct status_query *
respond (struct desk *desk, uint64_t peer, uint32_t number)
{
    struct gov_id name = name_of (number);
    return status_on_response (desk->table, peer, &name,
                               bytes_of_text ("answer"), desk->now);
}

static void
sent_to (struct desk *desk, uint64_t peer)
{
    desk->query->sent[desk->query->sent_count++] = peer;
}

static void
test_first_query_passes_and_later_ones_are_duplicates (void **state)
{
    struct desk *desk = *state;
    assert_int_equal (ask (desk, 1, 7), STATUS_PASS);
    CHECK_VERDICT (desk->verdict, VERDICT_ACCEPTED);
    assert_int_equal (ask (desk, 1, 7), STATUS_IGNORE);
    CHECK_VERDICT (desk->verdict, VERDICT_DUPLICATE);
    assert_int_equal (ask (desk, 2, 7), STATUS_IGNORE);
    CHECK_VERDICT (desk->verdict, VERDICT_DUPLICATE);
    assert_int_equal (ask (desk, 2, 8), STATUS_PASS);
}

static void
test_answer_goes_to_each_asker_once (void **state)
{
    struct desk *desk = *state;
    ask (desk, 1, 7);
    sent_to (desk, 50);
    ask (desk, 2, 7);
    ask (desk, 1, 7);
    struct status_query *query = respond (desk, 50, 7);
    assert_non_null (query);
    assert_int_equal (query->askers_count, 2);
    assert_int_equal (query->askers[0], 1);
    assert_int_equal (query->askers[1], 2);
    CHECK_BYTES (bytes_of (query->answer, query->answer_size), "answer");
}

static void
test_at_most_eight_askers_are_remembered (void **state)
{
    struct desk *desk = *state;
    for (uint64_t peer = 1; peer <= 20; peer++)
        ask (desk, peer, 7);
    assert_int_equal (desk->query->askers_count, STATUS_ASKERS_MAX);
}

static void
test_response_of_a_peer_who_was_not_asked_is_unsolicited (void **state)
{
    struct desk *desk = *state;
    assert_null (respond (desk, 50, 7)); /* nobody asked at all */
    ask (desk, 1, 7);
    sent_to (desk, 50);
    assert_null (respond (desk, 1, 7));
    assert_null (respond (desk, 51, 7));
    assert_null (respond (desk, 50, 8));
    assert_non_null (respond (desk, 50, 7));
}

static void
test_second_response_is_unsolicited (void **state)
{
    struct desk *desk = *state;
    ask (desk, 1, 7);
    sent_to (desk, 50);
    sent_to (desk, 51);
    assert_non_null (respond (desk, 51, 7));
    assert_null (respond (desk, 50, 7));
    assert_null (respond (desk, 51, 7));
}

static void
test_only_commons_answers_what_commons_was_asked (void **state)
{
    struct desk *desk = *state;
    struct gov_id name = name_of (7);
    ask (desk, 1, 7);
    sent_to (desk, 50);
    assert_null (
        status_on_commons (desk->table, &name, bytes_of_text ("a"), desk->now));
    ask (desk, 1, 8);
    desk->query->commons = true;
    name = name_of (8);
    assert_null (respond (desk, 50, 8));
    assert_non_null (
        status_on_commons (desk->table, &name, bytes_of_text ("a"), desk->now));
    assert_null (
        status_on_commons (desk->table, &name, bytes_of_text ("a"), desk->now));
}

static void
test_answer_is_served_again_for_thirty_seconds (void **state)
{
    struct desk *desk = *state;
    ask (desk, 1, 7);
    sent_to (desk, 50);
    respond (desk, 50, 7);
    desk->now = instant_after (desk->now, STATUS_ANSWER_LIFE_US - 1);
    assert_int_equal (ask (desk, 3, 7), STATUS_ANSWER);
    CHECK_VERDICT (desk->verdict, VERDICT_DUPLICATE);
    CHECK_BYTES (bytes_of (desk->query->answer, desk->query->answer_size),
                 "answer");
    desk->now = instant_after (desk->now, 1);
    assert_int_equal (ask (desk, 3, 7), STATUS_IGNORE);
}

static void
test_query_is_new_again_after_its_time (void **state)
{
    struct desk *desk = *state;
    ask (desk, 1, 7);
    sent_to (desk, 50);
    desk->now = instant_after (desk->now, STATUS_LIFE_US - 1);
    assert_int_equal (ask (desk, 1, 7), STATUS_IGNORE);
    desk->now = instant_after (desk->now, 1);
    assert_null (respond (desk, 50, 7)); /* too late */
    assert_int_equal (ask (desk, 1, 7), STATUS_PASS);
    assert_int_equal (desk->query->sent_count, 0);
    assert_int_equal (desk->query->askers_count, 1);
}

/* PROTOCOL 5.6: "at most 1 query a second, burst 10, else `busy`" */
static void
test_queries_are_passed_on_at_one_a_second (void **state)
{
    struct desk *desk = *state;
    uint32_t number = 0;
    for (; number < STATUS_PASS_BURST; number++)
        assert_int_equal (ask (desk, 1, number), STATUS_PASS);
    assert_int_equal (ask (desk, 1, number), STATUS_IGNORE);
    CHECK_VERDICT (desk->verdict, VERDICT_BUSY);
    desk->now = instant_after (desk->now, SECOND_US);
    assert_int_equal (ask (desk, 1, number), STATUS_PASS);
    assert_int_equal (ask (desk, 1, number + 1), STATUS_IGNORE);
}

static void
test_forgotten_query_may_be_asked_again (void **state)
{
    struct desk *desk = *state;
    ask (desk, 1, 6);
    ask (desk, 1, 7);
    status_forget (desk->table, desk->query);
    assert_int_equal (ask (desk, 1, 7), STATUS_PASS);
    assert_int_equal (ask (desk, 1, 6), STATUS_IGNORE);
}

/* Ten times round the ring, answered and not: sanitizers count the bytes. */
static void
test_table_stays_bounded_for_days (void **state)
{
    struct desk *desk = *state;
    for (uint32_t number = 0; number < 10 * STATUS_QUERIES_MAX; number++) {
        desk->now = instant_after (desk->now, SECOND_US);
        assert_int_equal (ask (desk, 1, number), STATUS_PASS);
        sent_to (desk, 50);
        if (number % 2)
            assert_non_null (respond (desk, 50, number));
    }
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_first_query_passes_and_later_ones_are_duplicates),
        TEST (test_answer_goes_to_each_asker_once),
        TEST (test_at_most_eight_askers_are_remembered),
        TEST (test_response_of_a_peer_who_was_not_asked_is_unsolicited),
        TEST (test_second_response_is_unsolicited),
        TEST (test_only_commons_answers_what_commons_was_asked),
        TEST (test_answer_is_served_again_for_thirty_seconds),
        TEST (test_query_is_new_again_after_its_time),
        TEST (test_queries_are_passed_on_at_one_a_second),
        TEST (test_forgotten_query_may_be_asked_again),
        TEST (test_table_stays_bounded_for_days),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
