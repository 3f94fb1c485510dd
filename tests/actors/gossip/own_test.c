/* SPDX-License-Identifier: MIT */
/* own_test - what is held back, and for how long (PROTOCOL 5.8). */
#include "actors/gossip/own.h"

#include <stdlib.h>

#include "tests/support/check.h"

static const struct instant now = {.us = 1000 * SECOND_US};

static struct link_feed_entry
row (uint64_t seq)
{
    struct link_feed_entry row = {.seq = seq,
                                  .command = COMMAND_ECONVETO,
                                  .local = true,
                                  .payload = bytes_of_text ("payload")};
    memcpy (row.id.bytes, &seq, sizeof seq);
    return row;
}

static size_t
hold (struct own *own, uint64_t seq, uint64_t random)
{
    struct link_feed_entry fed = row (seq);
    size_t place = OWN_MAX;
    CHECK_OK (own_hold (own, &fed, false, now, random, &place));
    assert_in_range (place, 0, OWN_MAX - 1);
    assert_int_equal (own->entries[place].state, OWN_HELD);
    return place;
}

static int
desk_open (void **state)
{
    *state = calloc (1, sizeof (struct own));
    assert_non_null (*state);
    return 0;
}

static int
desk_close (void **state)
{
    own_done (*state);
    free (*state);
    return 0;
}

static void
test_entry_is_held_with_a_copy_of_its_payload (void **state)
{
    struct own *own = *state;
    char payload[] = "first";
    struct link_feed_entry fed = row (7);
    size_t place;
    fed.payload = bytes_of_text (payload);
    CHECK_OK (own_hold (own, &fed, true, now, 1, &place));
    memset (payload, 'x', sizeof payload);
    assert_true (own_holds (own, 7));
    assert_false (own_holds (own, 6));
    assert_int_equal (own_find (own, &fed.id), place);
    assert_memory_equal (own->entries[place].entry->payload, "first", 5);
    assert_true (own->entries[place].patient);
    fed = row (8);
    assert_int_equal (own_find (own, &fed.id), OWN_MAX);
}

/* PROTOCOL 5.8: "10 s + Exp(20 s)" */
static void
test_entry_is_due_after_ten_seconds_and_a_random_time (void **state)
{
    struct own *own = *state;
    uint64_t random = 1;
    double sum_s = 0;
    int64_t shortest_us = INT64_MAX, longest_us = 0;

    assert_int_equal (own_deadline (own).us, INT64_MAX);
    for (int i = 0; i < 4000; i++) {
        random = random * UINT64_C (6364136223846793005) + 1442695040888963407;
        size_t place = hold (own, 1, random);
        int64_t us = instant_since (own_deadline (own), now);
        assert_int_equal (own_due (own, instant_after (now, us - 1)), OWN_MAX);
        assert_int_equal (own_due (own, instant_after (now, us)), place);
        own_free (own, place);
        shortest_us = us < shortest_us ? us : shortest_us;
        longest_us = us > longest_us ? us : longest_us;
        sum_s += (double)us / (double)SECOND_US;
    }
    assert_in_range (shortest_us, OWN_DELAY_US, OWN_DELAY_US + SECOND_US);
    assert_in_range (longest_us, 100 * SECOND_US, 1000 * SECOND_US);
    /* The mean of 4,000: within 5 %, for this seed for ever. */
    assert_true (sum_s / 4000 > 28.5 && sum_s / 4000 < 31.5);
}

static void
test_extreme_randomness_gives_a_bounded_time (void **state)
{
    struct own *own = *state;
    own_free (own, hold (own, 1, 0));
    size_t place = hold (own, 1, UINT64_MAX);
    assert_int_equal (own->entries[place].due.us, now.us + OWN_DELAY_US);
    own_free (own, place);
    place = hold (own, 1, 0);
    assert_in_range (instant_since (own->entries[place].due, now), OWN_DELAY_US,
                     1000 * SECOND_US);
}

static void
test_released_entry_is_neither_held_nor_found_nor_due (void **state)
{
    struct own *own = *state;
    struct link_feed_entry fed = row (3);
    size_t place = hold (own, 3, 5);
    own_release (own, place);
    assert_false (own_holds (own, 3));
    assert_int_equal (own_find (own, &fed.id), OWN_MAX);
    assert_int_equal (own_due (own, (struct instant){INT64_MAX}), OWN_MAX);
    assert_int_equal (own_deadline (own).us, INT64_MAX);
    assert_int_equal (own_oldest (own, OWN_RELEASED), place);
    assert_int_equal (own->held, 0);
    assert_int_equal (own->released, 1);
    own_free (own, place);
    assert_int_equal (own->released, 0);
    assert_int_equal (own_oldest (own, OWN_RELEASED), OWN_MAX);
}

static void
test_table_is_bounded_and_knows_its_oldest (void **state)
{
    struct own *own = *state;
    struct link_feed_entry fed = row (9999);
    size_t place;
    for (uint64_t seq = 0; seq < OWN_HELD_MAX; seq++)
        hold (own, 500 - seq, seq);
    CHECK_ERR (own_hold (own, &fed, false, now, 1, &place), -ENOSPC);
    place = own_oldest (own, OWN_HELD);
    assert_int_equal (own->entries[place].entry->seq, 501 - OWN_HELD_MAX);
    for (uint64_t seq = 0; seq < OWN_MAX - OWN_HELD_MAX; seq++) {
        own_release (own, own_oldest (own, OWN_HELD));
        hold (own, 1000 + seq, seq);
    }
    own_release (own, own_oldest (own, OWN_HELD));
    CHECK_ERR (own_hold (own, &fed, false, now, 1, &place), -ENOSPC);
    own_free (own, own_oldest (own, OWN_RELEASED));
    hold (own, 9999, 1);
    own_done (own);
    assert_int_equal (own->held + own->released, 0);
    hold (own, 1, 1);
}

static void
test_only_what_was_not_sent_is_chosen_for_anew (void **state)
{
    struct own *own = *state;
    size_t sent = hold (own, 1, 1);
    size_t unsent = hold (own, 2, 2);
    size_t other = hold (own, 3, 3);
    own->entries[sent].peer = 7;
    own->entries[sent].sent = true;
    own->entries[unsent].peer = 7;
    own->entries[other].peer = 8;
    own_peer_gone (own, 7);
    assert_int_equal (own->entries[sent].peer, 7);
    assert_int_equal (own->entries[unsent].peer, 0);
    assert_int_equal (own->entries[other].peer, 8);
}

static void
test_sets_of_places (void **state)
{
    struct own_set a = {0}, b = {0};
    (void)state;
    assert_true (own_set_is_empty (&a));
    for (size_t place = 0; place < OWN_MAX; place++) {
        own_set_add (&a, place);
        for (size_t i = 0; i < OWN_MAX; i++)
            assert_int_equal (own_set_has (&a, i), i == place);
        own_set_merge (&b, &a);
        own_set_remove (&a, place);
        assert_true (own_set_is_empty (&a));
    }
    for (size_t place = 0; place < OWN_MAX; place++)
        assert_true (own_set_has (&b, place));
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_entry_is_held_with_a_copy_of_its_payload),
        TEST (test_entry_is_due_after_ten_seconds_and_a_random_time),
        TEST (test_extreme_randomness_gives_a_bounded_time),
        TEST (test_released_entry_is_neither_held_nor_found_nor_due),
        TEST (test_table_is_bounded_and_knows_its_oldest),
        TEST (test_only_what_was_not_sent_is_chosen_for_anew),
        TEST (test_sets_of_places),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
