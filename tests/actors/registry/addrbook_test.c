/* SPDX-License-Identifier: MIT */
/* addrbook_test - what the book keeps of what it is told, and whom it names. */
#include "actors/registry/addrbook.h"

#include <stdio.h>

#include "tests/support/check.h"

#define NOW INT64_C (1700000000)
#define DAY 86400

static const uint8_t key[16] = {7, 8, 9};

static struct place
place (const char *text)
{
    struct place read;
    assert_true (place_read (bytes_of_text (text), &read));
    return read;
}

/* GROUP chooses the /16, NUMBER the rest. */
static struct place
place_of_number (unsigned group, unsigned number)
{
    char text[32];
    snprintf (text, sizeof text, "%u.%u.%u.%u:8643", 20 + group / 256,
              group % 256, number / 256 % 256, number % 256);
    return place (text);
}

static int
open_book (void **state)
{
    *state = addrbook_create (key);
    return *state ? 0 : -1;
}

static int
close_book (void **state)
{
    struct addrbook *book = *state;
    addrbook_destroy (&book);
    return 0;
}

static bool
offer (struct addrbook *book, const char *text, int64_t seen_s)
{
    struct place at = place (text);
    return addrbook_offer (book, &at, 1, seen_s, 5, NOW);
}

static const struct place *
pick (struct addrbook *book, uint64_t random, int64_t now_s)
{
    return addrbook_pick (book, NULL, 0, random, now_s);
}

static void
test_what_was_offered_is_picked (void **state)
{
    struct place at = place ("203.0.113.1:8643");
    assert_null (pick (*state, 1, NOW));
    assert_true (offer (*state, "203.0.113.1:8643", NOW));
    assert_false (offer (*state, "203.0.113.1:8643", NOW));
    assert_int_equal (addrbook_count_new (*state), 1);
    const struct place *picked = pick (*state, UINT64_MAX, NOW);
    assert_non_null (picked);
    assert_true (place_equal (picked, &at));
}

static void
test_taken_place_is_not_picked (void **state)
{
    struct place at = place ("203.0.113.1:8643");
    offer (*state, "203.0.113.1:8643", NOW);
    assert_null (addrbook_pick (*state, &at, 1, 1, NOW));
}

static void
test_another_group_is_preferred (void **state)
{
    struct place taken = place ("203.0.0.9:1"), other = place ("9.9.9.9:1");
    for (unsigned i = 0; i < 200; i++) {
        char text[32];
        snprintf (text, sizeof text, "203.0.113.%u:1", i);
        offer (*state, text, NOW);
    }
    offer (*state, "9.9.9.9:1", NOW);
    for (uint64_t random = 0; random < 50; random++)
        assert_true (place_equal (
            addrbook_pick (*state, &taken, 1, random << 32 | random, NOW),
            &other));
    struct place both[] = {taken, other};
    const struct place *picked = addrbook_pick (*state, both, 2, 3, NOW);
    assert_non_null (picked); /* better than nobody */
    assert_false (place_equal (picked, &other));
}

static void
test_one_source_cannot_fill_the_book (void **state)
{
    for (unsigned i = 0; i < 100000; i++) {
        struct place at = place_of_number (i % 1000, i / 1000);
        addrbook_offer (*state, &at, 1, NOW, 5, NOW);
    }
    assert_true (addrbook_count_new (*state) <= ADDRBOOK_NEW / 16);
    assert_true (addrbook_count_new (*state) > 100);
    size_t before = addrbook_count_new (*state);
    for (unsigned i = 0; i < 50; i++) { /* others still get in */
        struct place at = place_of_number (2000 + i, i);
        addrbook_offer (*state, &at, 1, NOW, 1000 + i, NOW);
    }
    assert_true (addrbook_count_new (*state) > before + 30);
}

static void
test_many_sources_cannot_grow_the_book (void **state)
{
    for (unsigned i = 0; i < 50000; i++) {
        struct place at = place_of_number (i, i);
        addrbook_offer (*state, &at, 1, NOW, i, NOW);
    }
    assert_true (addrbook_count_new (*state) <= ADDRBOOK_NEW);
    assert_true (addrbook_count_new (*state) > ADDRBOOK_NEW * 9 / 10);
}

static void
test_one_group_cannot_fill_the_tried (void **state)
{
    for (unsigned i = 0; i < 5000; i++) {
        struct place at = place_of_number (3, i);
        addrbook_confirm (*state, &at, 1, NOW);
    }
    assert_true (addrbook_count_tried (*state) <= ADDRBOOK_TRIED / 16);
    assert_int_equal (addrbook_count_new (*state), 0);
}

static void
test_ages_are_believed_within_reason (void **state)
{
    static const struct {
        int64_t told, kept;
    } cases[] = {{NOW - DAY, NOW - DAY},     {NOW + 60, NOW},
                 {NOW + DAY, NOW - 5 * DAY}, {0, NOW - 5 * DAY},
                 {INT64_MIN, NOW - 5 * DAY}, {INT64_MAX, NOW - 5 * DAY}};
    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        struct place at = place_of_number (50 + (unsigned)i, 1);
        uint64_t version = addrbook_version (*state);
        size_t slot = 0;
        assert_true (addrbook_offer (*state, &at, 1, cases[i].told,
                                     5 + (uint32_t)i, NOW));
        assert_true (addrbook_changed (*state, version, &slot));
        assert_int_equal (addrbook_at (*state, slot)->seen_s, cases[i].kept);
    }
    assert_false (offer (*state, "9.8.7.6:5", NOW - 31 * DAY));
}

static void
test_failures_hold_a_place_off_ever_longer (void **state)
{
    struct place at = place ("203.0.113.1:8643");
    int64_t now = NOW;
    offer (*state, "203.0.113.1:8643", NOW);
    for (int64_t wait = 600; wait < 9600; wait *= 2) {
        assert_non_null (pick (*state, 1, now));
        addrbook_attempt (*state, &at, now);
        assert_null (pick (*state, 1, now + wait - 1));
        addrbook_fail (*state, &at);
        assert_null (pick (*state, 1, now + wait));
        now += 2 * wait;
    }
}

static void
test_confirmed_place_is_good_until_it_fails_or_is_put_off (void **state)
{
    struct place at = place ("203.0.113.1:8643");
    size_t slot = 0;
    offer (*state, "203.0.113.1:8643", NOW);
    uint64_t version = addrbook_version (*state);
    assert_true (addrbook_confirm (*state, &at, 8, NOW));
    assert_int_equal (addrbook_count_new (*state), 0);
    assert_int_equal (addrbook_count_tried (*state), 1);
    slot = ADDRBOOK_NEW;
    assert_true (addrbook_changed (*state, version, &slot));
    assert_true (addrbook_is_good (*state, slot, NOW));
    assert_int_equal (addrbook_at (*state, slot)->services, 8);

    for (int i = 0; i < ADDRBOOK_FAILURES_MAX; i++)
        addrbook_fail (*state, &at);
    assert_false (addrbook_is_good (*state, slot, NOW));
    assert_true (addrbook_confirm (*state, &at, 8, NOW + 9));
    assert_true (addrbook_is_good (*state, slot, NOW + 9));

    struct place_net net;
    assert_true (place_net (&at, &net));
    addrbook_put_off_net (*state, &net, NOW + DAY);
    assert_false (addrbook_is_good (*state, slot, NOW + 9));
    assert_true (addrbook_is_good (*state, slot, NOW + DAY));
}

static void
test_peer_that_says_so_again_changes_nothing (void **state)
{
    struct place at = place ("203.0.113.1:8643");
    addrbook_confirm (*state, &at, 8, NOW);
    uint64_t version = addrbook_version (*state);
    assert_true (addrbook_confirm (*state, &at, 8, NOW + 60));
    assert_int_equal (addrbook_version (*state), version);
    assert_true (addrbook_confirm (*state, &at, 8, NOW + 3600));
    assert_true (addrbook_version (*state) > version);
}

/* A restart of ours is no reason to look for others. */
static void
test_place_that_was_there_is_dialled_again_soon (void **state)
{
    struct place at = place ("203.0.113.1:8643");
    offer (*state, "203.0.113.1:8643", NOW);
    addrbook_attempt (*state, &at, NOW);
    addrbook_confirm (*state, &at, 1, NOW + 1);
    assert_null (pick (*state, 1, NOW + 59));
    assert_non_null (pick (*state, 1, NOW + 60));
    addrbook_attempt (*state, &at, NOW + 60);
    assert_null (pick (*state, 1, NOW + 60 + 599));
}

static void
test_put_off_place_comes_back (void **state)
{
    struct place at = place ("203.0.113.1:8643");
    offer (*state, "203.0.113.1:8643", NOW);
    addrbook_put_off (*state, &at, NOW + ADDRBOOK_PUT_OFF_S);
    assert_null (pick (*state, 1, NOW + ADDRBOOK_PUT_OFF_S - 1));
    assert_non_null (pick (*state, 1, NOW + ADDRBOOK_PUT_OFF_S));
}

/* What fails makes room among the tried, and is new again. */
static void
test_failing_place_is_displaced (void **state)
{
    struct place first[64];
    size_t count = 0;
    for (unsigned i = 0; count < 20; i++) {
        first[count] = place_of_number (3, i);
        count += addrbook_confirm (*state, &first[count], 1, NOW);
    }
    for (size_t i = 0; i < count; i++)
        addrbook_fail (*state, &first[i]);
    for (unsigned i = 1000; i < 3000; i++) {
        struct place at = place_of_number (3, i);
        addrbook_confirm (*state, &at, 1, NOW);
    }
    assert_int_equal (addrbook_count_tried (*state), 64);
    assert_true (addrbook_count_new (*state) > 0);
    for (size_t slot = ADDRBOOK_NEW; slot < ADDRBOOK_MAX; slot++) {
        const struct addrbook_row *row = addrbook_at (*state, slot);
        assert_true (!row || row->failures == 0);
    }
}

static void
test_kept_rows_go_back_to_their_slots_only (void **state)
{
    struct addrbook *other = addrbook_create (key);
    assert_non_null (other);
    for (unsigned i = 0; i < 3000; i++) {
        struct place at = place_of_number (i, i);
        addrbook_offer (*state, &at, 1, NOW, i, NOW);
        if (i % 3 == 0)
            addrbook_confirm (*state, &at, 1, NOW);
    }
    for (size_t slot = 0; slot < ADDRBOOK_MAX; slot++) {
        const struct addrbook_row *row = addrbook_at (*state, slot);
        if (!row)
            continue;
        assert_false (addrbook_restore (other, slot ^ 1, row, NOW));
        assert_false (addrbook_restore (other, slot, row, NOW + 31 * DAY));
        assert_true (addrbook_restore (other, slot, row, NOW));
        assert_false (addrbook_restore (other, slot, row, NOW));
    }
    assert_int_equal (addrbook_count_new (other), addrbook_count_new (*state));
    assert_int_equal (addrbook_count_tried (other),
                      addrbook_count_tried (*state));
    addrbook_destroy (&other);
}

/* Random work, then: each place once, counts right, tables bounded. */
static void
test_book_stays_whole (void **state)
{
    struct addrbook *book = *state;
    uint64_t random = 42;
    for (int i = 0; i < 40000; i++) {
        random = random * UINT64_C (6364136223846793005) + 1442695040888963407u;
        struct place at = place_of_number ((unsigned)(random >> 40) % 900,
                                           (unsigned)(random >> 50) % 9);
        switch (random >> 60) {
        case 0:
            addrbook_confirm (book, &at, 1, NOW + i);
            break;
        case 1:
            addrbook_fail (book, &at);
            break;
        case 2:
            addrbook_put_off (book, &at, NOW + i + 100);
            break;
        default:
            addrbook_offer (book, &at, 1, NOW, (uint32_t)(random >> 33) % 99,
                            NOW + i);
            break;
        }
    }
    size_t count[2] = {0};
    for (size_t slot = 0; slot < ADDRBOOK_MAX; slot++) {
        const struct addrbook_row *row = addrbook_at (book, slot);
        if (!row)
            continue;
        count[slot >= ADDRBOOK_NEW]++;
        uint64_t version = addrbook_version (book);
        size_t found = 0;
        struct place at = row->place;
        addrbook_attempt (book, &at, NOW);
        assert_true (addrbook_changed (book, version, &found));
        assert_int_equal (found, slot); /* the one that it is found at */
    }
    assert_int_equal (count[0], addrbook_count_new (book));
    assert_int_equal (count[1], addrbook_count_tried (book));
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, open_book, close_book)
    const struct CMUnitTest tests[] = {
        TEST (test_what_was_offered_is_picked),
        TEST (test_taken_place_is_not_picked),
        TEST (test_another_group_is_preferred),
        TEST (test_one_source_cannot_fill_the_book),
        TEST (test_many_sources_cannot_grow_the_book),
        TEST (test_one_group_cannot_fill_the_tried),
        TEST (test_ages_are_believed_within_reason),
        TEST (test_failures_hold_a_place_off_ever_longer),
        TEST (test_confirmed_place_is_good_until_it_fails_or_is_put_off),
        TEST (test_peer_that_says_so_again_changes_nothing),
        TEST (test_place_that_was_there_is_dialled_again_soon),
        TEST (test_put_off_place_comes_back),
        TEST (test_failing_place_is_displaced),
        TEST (test_kept_rows_go_back_to_their_slots_only),
        TEST (test_book_stays_whole),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
