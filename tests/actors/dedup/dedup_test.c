/* SPDX-License-Identifier: MIT */
/* dedup_test - what is known, for how long, and what follows from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "actors/dedup/dedup.h"

#define NOW 1764361549

static const uint8_t seed[DEDUP_SEED_SIZE] = {1, 2, 3};

/* Ids that are as random as SHA-256, and the same in every run. */
static struct gov_id
id_of (uint64_t number)
{
    struct gov_id id;
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        number = number * 6364136223846793005u + 1442695040888963407u;
        id.bytes[i] = (uint8_t)(number >> 56);
    }
    return id;
}

static enum verdict
judge (struct dedup *dedup, uint64_t number, int64_t timestamp, int64_t now_s)
{
    struct gov_id id = id_of (number);
    uint64_t seq;
    return dedup_judge (dedup, &id, timestamp, now_s, &seq);
}

static void
test_new_message_is_accepted_once (void **state)
{
    struct dedup *dedup = dedup_create (seed, 10);
    (void)state;

    assert_int_equal (judge (dedup, 1, NOW, NOW), VERDICT_ACCEPTED);
    assert_int_equal (judge (dedup, 2, NOW, NOW), VERDICT_ACCEPTED);
    assert_int_equal (judge (dedup, 1, NOW, NOW), VERDICT_DUPLICATE);
    assert_int_equal (dedup_count (dedup), 2);
    dedup_destroy (&dedup);
    assert_null (dedup);
}

static void
test_duplicate_names_the_first_copy (void **state)
{
    struct dedup *dedup = dedup_create (seed, 10);
    struct gov_id id = id_of (7);
    uint64_t seq = 99;
    (void)state;

    dedup_judge (dedup, &id, NOW, NOW, &seq);
    assert_int_equal (seq, 99);
    assert_int_equal (dedup_judge (dedup, &id, NOW, NOW, &seq),
                      VERDICT_DUPLICATE);
    assert_int_equal (seq, 0); /* the same batch: no number yet */
    dedup_settle (dedup, &id, 42);
    dedup_judge (dedup, &id, NOW, NOW, &seq);
    assert_int_equal (seq, 42);
    dedup_destroy (&dedup);
}

static void
test_time_is_checked_a_second_time (void **state)
{
    struct dedup *dedup = dedup_create (seed, 10);
    (void)state;

    assert_int_equal (judge (dedup, 1, NOW - 3601, NOW), VERDICT_STALE);
    assert_int_equal (judge (dedup, 2, NOW + 301, NOW), VERDICT_FUTURE);
    assert_int_equal (judge (dedup, 3, NOW - 3600, NOW), VERDICT_ACCEPTED);
    assert_int_equal (judge (dedup, 4, NOW + 300, NOW), VERDICT_ACCEPTED);
    dedup_raise_floor (dedup, NOW);
    dedup_raise_floor (dedup, NOW - 10); /* it never goes down */
    assert_int_equal (dedup_floor (dedup), NOW);
    assert_int_equal (judge (dedup, 5, NOW, NOW), VERDICT_STALE);
    assert_int_equal (judge (dedup, 6, NOW + 1, NOW), VERDICT_ACCEPTED);
    dedup_destroy (&dedup);
}

static void
test_full_index_forgets_the_oldest_and_raises_the_floor (void **state)
{
    struct dedup *dedup = dedup_create (seed, 3);
    int64_t later = NOW + DEDUP_KEEP_S + 2;
    (void)state;

    assert_int_equal (judge (dedup, 1, NOW, NOW), VERDICT_ACCEPTED);
    assert_int_equal (judge (dedup, 2, NOW + 1, NOW), VERDICT_ACCEPTED);
    assert_int_equal (judge (dedup, 3, NOW + 2, NOW), VERDICT_ACCEPTED);
    assert_int_equal (dedup_floor (dedup), INT64_MIN);
    assert_int_equal (judge (dedup, 4, later, later), VERDICT_ACCEPTED);
    assert_int_equal (dedup_floor (dedup), NOW);
    assert_int_equal (judge (dedup, 5, later, later), VERDICT_ACCEPTED);
    assert_int_equal (dedup_floor (dedup), NOW + 1);
    assert_int_equal (dedup_count (dedup), 3);
    dedup_destroy (&dedup);
}

static void
test_forgotten_message_stays_out_when_the_clock_jumps_back (void **state)
{
    struct dedup *dedup = dedup_create (seed, 1);
    int64_t later = NOW + DEDUP_KEEP_S + 1;
    (void)state;

    assert_int_equal (judge (dedup, 1, NOW, NOW), VERDICT_ACCEPTED);
    assert_int_equal (judge (dedup, 2, later, later), VERDICT_ACCEPTED);
    assert_int_equal (judge (dedup, 1, NOW, NOW), VERDICT_STALE);
    dedup_destroy (&dedup);
}

static void
test_young_ids_are_kept_and_a_full_index_is_busy (void **state)
{
    struct dedup *dedup = dedup_create (seed, 2);
    int64_t later = NOW + DEDUP_KEEP_S; /* not one second older */
    (void)state;

    assert_int_equal (judge (dedup, 1, NOW, NOW), VERDICT_ACCEPTED);
    assert_int_equal (judge (dedup, 2, NOW, NOW), VERDICT_ACCEPTED);
    assert_int_equal (judge (dedup, 3, NOW, NOW), VERDICT_BUSY);
    assert_int_equal (judge (dedup, 3, later, later), VERDICT_BUSY);
    assert_int_equal (judge (dedup, 1, NOW, NOW), VERDICT_DUPLICATE);
    assert_int_equal (judge (dedup, 2, NOW, NOW), VERDICT_DUPLICATE);
    assert_int_equal (dedup_floor (dedup), INT64_MIN);
    later++;
    assert_int_equal (judge (dedup, 3, later, later), VERDICT_ACCEPTED);
    dedup_destroy (&dedup);
}

/* The clock was a year ahead for a while; it is right again. */
static void
test_ids_of_the_far_future_do_not_block_forgetting (void **state)
{
    struct dedup *dedup = dedup_create (seed, 100);
    int64_t ahead = NOW + 365 * 86400, later = NOW + 2 * DEDUP_KEEP_S;
    (void)state;

    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal (judge (dedup, i, ahead, ahead), VERDICT_ACCEPTED);
    for (uint64_t i = 20; i < 100; i++)
        assert_int_equal (judge (dedup, i, NOW, NOW), VERDICT_ACCEPTED);
    for (uint64_t i = 100; i < 180; i++)
        assert_int_equal (judge (dedup, i, later, later), VERDICT_ACCEPTED);
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal (judge (dedup, i, ahead, ahead), VERDICT_DUPLICATE);
    dedup_destroy (&dedup);
}

static void
test_ids_of_the_journal_are_known_after_a_restart (void **state)
{
    struct dedup *dedup = dedup_create (seed, 5);
    uint64_t seq;
    (void)state;

    /* More young ones than there is place for: none is forgotten. */
    for (uint64_t i = 1; i <= 9; i++) {
        struct gov_id id = id_of (i);
        assert_int_equal (dedup_remember (dedup, &id, NOW, i, NOW), 0);
    }
    for (uint64_t i = 1; i <= 9; i++) {
        struct gov_id id = id_of (i);
        assert_int_equal (dedup_judge (dedup, &id, NOW, NOW, &seq),
                          VERDICT_DUPLICATE);
        assert_int_equal (seq, i);
    }
    assert_int_equal (judge (dedup, 10, NOW, NOW), VERDICT_BUSY);
    dedup_destroy (&dedup);
}

static void
test_old_ids_of_the_journal_are_not_kept_beyond_the_bound (void **state)
{
    struct dedup *dedup = dedup_create (seed, 5);
    (void)state;

    for (uint64_t i = 1; i <= 1000; i++) {
        struct gov_id id = id_of (i);
        int64_t timestamp = NOW - 100000 + (int64_t)i;
        assert_int_equal (dedup_remember (dedup, &id, timestamp, i, NOW), 0);
    }
    assert_int_equal (dedup_count (dedup), 5);
    assert_int_equal (dedup_floor (dedup), NOW - 100000 + 995);
    dedup_destroy (&dedup);
}

/* Every id is looked up after every change, through growth and forgetting, so
 * that no search can end at a slot that was freed. */
static void
test_index_agrees_with_a_plain_window (void **state)
{
    enum { MAX = 1500, IDS = 20000 };
    struct dedup *dedup = dedup_create (seed, MAX);
    (void)state;

    for (uint64_t i = 0; i < IDS; i++) {
        int64_t now_s = NOW + (int64_t)i * DEDUP_KEEP_S / MAX * 2;
        assert_int_equal (judge (dedup, i, now_s, now_s), VERDICT_ACCEPTED);
        uint64_t oldest = i < MAX ? 0 : i + 1 - MAX;
        for (uint64_t k = oldest; k <= i; k += 1 + i / 97 % 89) {
            if (judge (dedup, k, now_s, now_s) != VERDICT_DUPLICATE)
                fail_msg ("id %d of %d is not known", (int)k, (int)i);
        }
    }
    assert_int_equal (dedup_count (dedup), MAX);
    dedup_destroy (&dedup);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_new_message_is_accepted_once),
        cmocka_unit_test (test_duplicate_names_the_first_copy),
        cmocka_unit_test (test_time_is_checked_a_second_time),
        cmocka_unit_test (
            test_full_index_forgets_the_oldest_and_raises_the_floor),
        cmocka_unit_test (
            test_forgotten_message_stays_out_when_the_clock_jumps_back),
        cmocka_unit_test (test_young_ids_are_kept_and_a_full_index_is_busy),
        cmocka_unit_test (test_ids_of_the_far_future_do_not_block_forgetting),
        cmocka_unit_test (test_ids_of_the_journal_are_known_after_a_restart),
        cmocka_unit_test (
            test_old_ids_of_the_journal_are_not_kept_beyond_the_bound),
        cmocka_unit_test (test_index_agrees_with_a_plain_window),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
