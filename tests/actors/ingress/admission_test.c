/* SPDX-License-Identifier: MIT */
/* admission_test - who is let in, and who goes for it. */
#include "tests/support/check.h"

#include "actors/ingress/admission.h"
#include "actors/ingress/limits.h"

#define CANDIDATES_MAX 200

static const struct instant start = {.us = 1000 * SECOND_US};

static const struct admission_limits limits = {.inbound = 100,
                                               .descriptors = 200,
                                               .per_network = 8,
                                               .network_rate = 30,
                                               .total_rate = 600,
                                               .unconfirmed_inbound = 16,
                                               .unconfirmed_outbound = 2};

/*~ Coming in. */

static int
open_door (void **state)
{
    *state = admission_create (&limits, start);
    return *state ? 0 : -1;
}

static int
close_door (void **state)
{
    struct admission *admission = *state;
    admission_destroy (&admission);
    return 0;
}

static enum admission_answer
arrive (void **state, struct admission_arrival arrival, int64_t after_us)
{
    return admission_decide (*state, &arrival, instant_after (start, after_us));
}

#define ARRIVE(...) arrive (state, (struct admission_arrival){__VA_ARGS__}, 0)

static void
test_stranger_is_welcome_while_there_is_room (void **state)
{
    assert_int_equal (ARRIVE (.network = 1, .inbound = 99), ADMISSION_WELCOME);
    assert_int_equal (ARRIVE (.network = 1, .inbound = 100), ADMISSION_FULL);
}

static void
test_banned_is_refused_though_there_is_room (void **state)
{
    assert_int_equal (ARRIVE (.network = 1, .ban = BAN_MANUAL),
                      ADMISSION_BANNED);
    assert_int_equal (ARRIVE (.spared = true, .ban = BAN_MANUAL),
                      ADMISSION_BANNED);
}

static void
test_discouraged_is_refused_when_slots_are_scarce (void **state)
{
    assert_int_equal (
        ARRIVE (.network = 1, .ban = BAN_DISCOURAGED, .inbound = 79),
        ADMISSION_WELCOME);
    assert_int_equal (
        ARRIVE (.network = 1, .ban = BAN_DISCOURAGED, .inbound = 80),
        ADMISSION_DISCOURAGED);
}

static void
test_one_network_has_so_many_slots (void **state)
{
    assert_int_equal (ARRIVE (.network = 1, .same_network = 7),
                      ADMISSION_WELCOME);
    assert_int_equal (ARRIVE (.network = 1, .same_network = 8),
                      ADMISSION_NETWORK_FULL);
}

static void
test_one_network_sends_so_many_in_a_minute (void **state)
{
    for (int i = 0; i < 30; i++)
        assert_int_equal (ARRIVE (.network = 1), ADMISSION_WELCOME);
    assert_int_equal (ARRIVE (.network = 1), ADMISSION_NETWORK_RATE);
    assert_int_equal (ARRIVE (.network = 2), ADMISSION_WELCOME);
    struct admission_arrival again = {.network = 1};
    assert_int_equal (arrive (state, again, 2 * SECOND_US), ADMISSION_WELCOME);
    assert_int_equal (arrive (state, again, 2 * SECOND_US),
                      ADMISSION_NETWORK_RATE);
}

static void
test_flood_from_one_network_leaves_room_for_others (void **state)
{
    for (int i = 0; i < 10000; i++)
        ARRIVE (.network = 1);
    for (uint64_t i = 2; i < 500; i++)
        assert_int_equal (ARRIVE (.network = i), ADMISSION_WELCOME);
}

static void
test_all_together_send_so_many_in_a_minute (void **state)
{
    for (uint64_t i = 0; i < 600; i++)
        assert_int_equal (ARRIVE (.network = i), ADMISSION_WELCOME);
    assert_int_equal (ARRIVE (.network = 600), ADMISSION_TOTAL_RATE);
    assert_int_equal (ARRIVE (.spared = true), ADMISSION_WELCOME);
}

/* Whoever has many networks may make one be forgotten, not two of them be
 * taken for each other for ever. */
static void
test_networks_that_share_a_row_push_out_the_one_long_silent (void **state)
{
    struct admission_arrival old = {.network = 7};
    for (int i = 0; i < 30; i++)
        assert_int_equal (arrive (state, old, 0), ADMISSION_WELCOME);
    for (uint64_t i = 1; i <= 4; i++) {
        struct admission_arrival other = {.network =
                                              7 + i * ADMISSION_NETWORKS_MAX};
        assert_int_equal (arrive (state, other, (int64_t)i), ADMISSION_WELCOME);
    }
    assert_int_equal (arrive (state, old, 5), ADMISSION_WELCOME);
}

static void
test_spared_is_not_limited_by_network_nor_rate (void **state)
{
    for (int i = 0; i < 1000; i++)
        assert_int_equal (
            ARRIVE (.network = 1, .spared = true, .same_network = 50),
            ADMISSION_WELCOME);
}

static void
test_no_descriptor_refuses_new_ones (void **state)
{
    assert_int_equal (ARRIVE (.network = 1, .connections = 199),
                      ADMISSION_WELCOME);
    assert_int_equal (ARRIVE (.network = 1, .connections = 200),
                      ADMISSION_DESCRIPTORS);
    assert_int_equal (ARRIVE (.spared = true, .connections = 200),
                      ADMISSION_DESCRIPTORS);
}

static void
test_descriptors_leave_a_reserve (void **state)
{
    (void)state;
    assert_int_equal (admission_descriptors (1024), 768);
    assert_int_equal (admission_descriptors (100), 25);
    assert_int_equal (admission_descriptors (0), 0);
    assert_int_equal (admission_descriptors (UINT64_MAX),
                      UINT64_MAX - ADMISSION_RESERVE);
}

static void
test_suspects_have_few_slots (void **state)
{
    assert_true (admission_bears_suspect (*state, false, 15));
    assert_false (admission_bears_suspect (*state, false, 16));
    assert_true (admission_bears_suspect (*state, true, 1));
    assert_false (admission_bears_suspect (*state, true, 2));
}

static void
test_every_answer_has_words (void **state)
{
    (void)state;
    for (int i = 0; i < ADMISSIONS_; i++) {
        assert_true (admission_text ((enum admission_answer)i)[0] != '\0');
        assert_true (admission_name ((enum admission_answer)i)[0] != '\0');
    }
}

/*~ Going. A crowd: all the same, but for what a test says. */

static void
fill_crowd (struct admission_candidate *crowd, size_t count)
{
    for (size_t i = 0; i < count; i++)
        crowd[i] = (struct admission_candidate){
            .id = i + 1,
            .group = 100 + i,
            .confirmed = true,
            .ping_us = -1,
            .came = instant_after (start, (int64_t)i * SECOND_US)};
}

/* Lets go one after the other. Returns how many may; LEFT are the ids of those
 * that stay. */
static size_t
evict_all (struct admission_candidate *crowd, size_t count,
           bool left[CANDIDATES_MAX + 1])
{
    size_t gone = 0;
    uint64_t id;

    for (size_t i = 0; i <= CANDIDATES_MAX; i++)
        left[i] = false;
    for (size_t i = 0; i < count; i++)
        left[crowd[i].id] = true;
    while (admission_choose_victim (crowd, count, &id)) {
        assert_true (left[id]);
        left[id] = false;
        gone++;
        for (size_t i = 0; i < count; i++)
            if (crowd[i].id == id) {
                crowd[i] = crowd[--count];
                break;
            }
    }
    return gone;
}

static void
test_nobody_goes_where_nobody_is (void **state)
{
    (void)state;
    uint64_t id = 5;
    assert_false (admission_choose_victim (NULL, 0, &id));
    assert_int_equal (id, 5);
}

static void
test_noban_never_goes (void **state)
{
    (void)state;
    struct admission_candidate crowd[50];
    bool left[CANDIDATES_MAX + 1];
    fill_crowd (crowd, ARRAY_SIZE (crowd));
    for (size_t i = 0; i < ARRAY_SIZE (crowd); i++) {
        crowd[i].noban = true;
        crowd[i].suspect = true;
        crowd[i].confirmed = false;
    }
    assert_int_equal (evict_all (crowd, ARRAY_SIZE (crowd), left), 0);
}

static void
test_suspects_go_first_and_have_no_merits (void **state)
{
    (void)state;
    struct admission_candidate crowd[50];
    uint64_t id;
    fill_crowd (crowd, ARRAY_SIZE (crowd));
    crowd[0].suspect = true; /* the oldest, nearest, most useful */
    crowd[0].confirmed = false;
    crowd[0].ping_us = 1;
    crowd[0].useful = instant_after (start, SECOND_US);
    assert_true (admission_choose_victim (crowd, ARRAY_SIZE (crowd), &id));
    assert_int_equal (id, 1);
}

static void
test_few_peers_are_all_safe (void **state)
{
    (void)state;
    struct admission_candidate crowd[4];
    bool left[CANDIDATES_MAX + 1];
    fill_crowd (crowd, ARRAY_SIZE (crowd));
    assert_int_equal (evict_all (crowd, ARRAY_SIZE (crowd), left), 0);
}

static void
test_near_peers_stay (void **state)
{
    (void)state;
    struct admission_candidate crowd[60];
    bool left[CANDIDATES_MAX + 1];
    fill_crowd (crowd, ARRAY_SIZE (crowd));
    for (size_t i = 52; i < 60; i++) /* the youngest ones */
        crowd[i].ping_us = 100 + (int64_t)i;
    for (size_t i = 0; i < 52; i++)
        crowd[i].ping_us = 100000;
    assert_true (evict_all (crowd, ARRAY_SIZE (crowd), left) > 30);
    for (size_t id = 53; id <= 60; id++)
        assert_true (left[id]);
}

static void
test_useful_peers_stay (void **state)
{
    (void)state;
    struct admission_candidate crowd[60];
    bool left[CANDIDATES_MAX + 1];
    fill_crowd (crowd, ARRAY_SIZE (crowd));
    for (size_t i = 52; i < 60; i++)
        crowd[i].useful = instant_after (start, (int64_t)i);
    assert_true (evict_all (crowd, ARRAY_SIZE (crowd), left) > 30);
    for (size_t id = 53; id <= 60; id++)
        assert_true (left[id]);
}

/* An attacker who comes again and again only ever displaces the young. */
static void
test_long_lived_peers_outlast_any_number_of_newcomers (void **state)
{
    (void)state;
    struct admission_candidate crowd[101];
    uint64_t id;
    fill_crowd (crowd, 100);
    for (uint64_t turn = 0; turn < 2000; turn++) {
        crowd[100] = (struct admission_candidate){
            .id = 1000 + turn,
            .group = 1000 + turn,
            .confirmed = true,
            .ping_us = -1,
            .came = instant_after (start, (1000 + (int64_t)turn) * SECOND_US)};
        assert_true (admission_choose_victim (crowd, 100, &id));
        for (size_t i = 0; i < 100; i++)
            if (crowd[i].id == id)
                crowd[i] = crowd[100];
    }
    size_t old = 0;
    for (size_t i = 0; i < 100; i++)
        old += crowd[i].id <= 40;
    assert_true (old >= 40);
}

static void
test_unconfirmed_goes_before_confirmed (void **state)
{
    (void)state;
    struct admission_candidate crowd[60];
    uint64_t id;
    fill_crowd (crowd, ARRAY_SIZE (crowd));
    for (size_t i = 40; i < 50; i++)
        crowd[i].confirmed = false;
    assert_true (admission_choose_victim (crowd, ARRAY_SIZE (crowd), &id));
    assert_in_range (id, 41, 50); /* though younger ones are there */
}

static void
test_crowded_group_loses_its_youngest (void **state)
{
    (void)state;
    struct admission_candidate crowd[60];
    uint64_t id;
    fill_crowd (crowd, ARRAY_SIZE (crowd));
    for (size_t i = 35; i < 50; i++)
        crowd[i].group = 7;
    assert_true (admission_choose_victim (crowd, ARRAY_SIZE (crowd), &id));
    assert_int_equal (id, 50);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, open_door, close_door)
    const struct CMUnitTest tests[] = {
        TEST (test_stranger_is_welcome_while_there_is_room),
        TEST (test_banned_is_refused_though_there_is_room),
        TEST (test_discouraged_is_refused_when_slots_are_scarce),
        TEST (test_one_network_has_so_many_slots),
        TEST (test_one_network_sends_so_many_in_a_minute),
        TEST (test_flood_from_one_network_leaves_room_for_others),
        TEST (test_all_together_send_so_many_in_a_minute),
        TEST (test_networks_that_share_a_row_push_out_the_one_long_silent),
        TEST (test_spared_is_not_limited_by_network_nor_rate),
        TEST (test_no_descriptor_refuses_new_ones),
        TEST (test_descriptors_leave_a_reserve),
        TEST (test_suspects_have_few_slots),
        TEST (test_every_answer_has_words),
        TEST (test_nobody_goes_where_nobody_is),
        TEST (test_noban_never_goes),
        TEST (test_suspects_go_first_and_have_no_merits),
        TEST (test_few_peers_are_all_safe),
        TEST (test_near_peers_stay),
        TEST (test_useful_peers_stay),
        TEST (test_long_lived_peers_outlast_any_number_of_newcomers),
        TEST (test_unconfirmed_goes_before_confirmed),
        TEST (test_crowded_group_loses_its_youngest),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
