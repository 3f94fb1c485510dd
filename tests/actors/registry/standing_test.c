/* SPDX-License-Identifier: MIT */
/* standing_test - points, and what comes of them (PROTOCOL 5.4). */
#include "actors/registry/standing.h"

#include <stdio.h>

#include "tests/support/check.h"

#define NOW INT64_C (1700000000)

static const uint8_t key[16] = {4, 5, 6};

static struct place_net
net (const char *text)
{
    struct place_net read;
    assert_true (place_net_read (bytes_of_text (text), &read));
    return read;
}

/* A public address of its own for each NUMBER below 2^22. */
static struct place_net
net_of_number (unsigned number)
{
    char text[32];
    snprintf (text, sizeof text, "%u.%u.%u.1", 20 + (number >> 16 & 63),
              number >> 8 & 255, number & 255);
    return net (text);
}

static int
open_standing (void **state)
{
    struct place_range exempt[2];
    assert_true (place_range_read ("198.51.100.0/24", &exempt[0]));
    assert_true (place_range_read ("2001:db8:5::/48", &exempt[1]));
    *state = standing_create (exempt, 2, key);
    return *state ? 0 : -1;
}

static int
close_standing (void **state)
{
    struct standing *standing = *state;
    standing_destroy (&standing);
    return 0;
}

static enum standing_answer
add (struct standing *standing, const char *text, uint32_t points, int64_t at_s)
{
    struct place_net of = net (text);
    return standing_add (standing, &of, points, at_s);
}

static int64_t
until (const struct standing *standing, const char *text, int64_t now_s)
{
    struct place_net of = net (text);
    return standing_until (standing, &of, now_s);
}

static void
test_hundred_points_discourage_for_a_day (void **state)
{
    assert_int_equal (add (*state, "203.0.113.1", 99, NOW), STANDING_NOTED);
    assert_int_equal (until (*state, "203.0.113.1", NOW), 0);
    assert_int_equal (add (*state, "203.0.113.1", 1, NOW),
                      STANDING_DISCOURAGED);
    assert_int_equal (until (*state, "203.0.113.1", NOW), NOW + 86400);
    assert_int_equal (until (*state, "203.0.113.1", NOW + 86400), 0);
    assert_int_equal (until (*state, "203.0.113.2", NOW), 0);
    assert_int_equal (add (*state, "203.0.113.9", UINT32_MAX, NOW),
                      STANDING_DISCOURAGED);
}

static void
test_points_halve_every_ten_minutes (void **state)
{
    add (*state, "203.0.113.1", 80, NOW);
    assert_int_equal (add (*state, "203.0.113.1", 59, NOW + 600),
                      STANDING_NOTED); /* 40 + 59 */
    assert_int_equal (add (*state, "203.0.113.1", 1, NOW + 601),
                      STANDING_DISCOURAGED);
    add (*state, "203.0.113.2", 99, NOW);
    assert_int_equal (add (*state, "203.0.113.2", 99, NOW + 7 * 600),
                      STANDING_NOTED); /* nothing is left */
}

static void
test_points_in_small_portions_fade_as_fast (void **state)
{
    for (int64_t at = 0; at < 1200; at += 60)
        assert_int_equal (add (*state, "203.0.113.1", 6, NOW + at),
                          STANDING_NOTED); /* 60 / 2 + 60 */
}

static void
test_ipv6_stands_for_its_64 (void **state)
{
    add (*state, "2001:db8:1:2::1", 60, NOW);
    assert_int_equal (add (*state, "2001:db8:1:2::/64", 60, NOW),
                      STANDING_DISCOURAGED);
    assert_true (until (*state, "2001:db8:1:2:ffff::", NOW) > NOW);
    assert_int_equal (until (*state, "2001:db8:1:3::1", NOW), 0);
}

static void
test_private_and_listed_are_never_discouraged (void **state)
{
    static const char *const texts[] = {
        "127.0.0.1", "10.0.0.1", "172.16.9.9",     "192.168.0.1",  "::1",
        "fd12::1",   "fe80::1",  "198.51.100.200", "2001:db8:5::1"};
    for (size_t i = 0; i < ARRAY_SIZE (texts); i++) {
        struct place_net of = net (texts[i]);
        assert_int_equal (add (*state, texts[i], 1000, NOW), STANDING_EXEMPT);
        CHECK_ERR (standing_ban (*state, &of, NOW + 10, NOW), -EPERM);
        assert_int_equal (until (*state, texts[i], NOW), 0);
    }
    assert_int_equal (standing_count (*state), 0);
}

static void
test_discouraged_again_is_no_news_but_lasts_longer (void **state)
{
    add (*state, "203.0.113.1", 100, NOW);
    assert_int_equal (add (*state, "203.0.113.1", 100, NOW + 60),
                      STANDING_NOTED);
    assert_int_equal (until (*state, "203.0.113.1", NOW), NOW + 60 + 86400);
}

static void
test_operator_bans_and_unbans (void **state)
{
    struct place_net of = net ("203.0.113.1");
    size_t slot = 0;
    CHECK_ERR (standing_unban (*state, &of, NOW), -ENOENT);
    CHECK_ERR (standing_ban (*state, &of, NOW, NOW), -EINVAL);
    CHECK_OK (standing_ban (*state, &of, NOW + 1000000, NOW));
    add (*state, "203.0.113.1", 100, NOW);
    assert_int_equal (until (*state, "203.0.113.1", NOW), NOW + 1000000);

    uint64_t version = standing_version (*state);
    CHECK_OK (standing_unban (*state, &of, NOW));
    assert_int_equal (until (*state, "203.0.113.1", NOW), 0);
    assert_true (standing_changed (*state, version, &slot));
    assert_int_equal (standing_at (*state, slot)->until_s, 0);
}

static void
test_what_is_over_is_forgotten (void **state)
{
    struct place_net of = net ("203.0.113.3");
    add (*state, "203.0.113.1", 100, NOW);
    CHECK_OK (standing_ban (*state, &of, NOW + 5, NOW));
    assert_int_equal (standing_count (*state), 2);
    standing_expire (*state, NOW + 5);
    assert_int_equal (standing_count (*state), 1);
    uint64_t version = standing_version (*state);
    standing_expire (*state, NOW + 86400);
    assert_int_equal (standing_count (*state), 0);
    size_t slot = 0;
    assert_true (standing_changed (*state, version, &slot));
    assert_null (standing_at (*state, slot));
}

/* A flood of addresses: the oldest with points only go first. */
static void
test_no_more_than_50000_are_remembered (void **state)
{
    struct place_net banned = net ("203.0.113.1");
    CHECK_OK (standing_ban (*state, &banned, NOW + 1000000, NOW));
    add (*state, "203.0.113.2", 100, NOW);
    add (*state, "203.0.113.3", 60, NOW);
    for (unsigned i = 0; i < 2 * STANDING_MAX; i++) {
        struct place_net of = net_of_number (i);
        assert_int_equal (standing_add (*state, &of, 10, NOW), STANDING_NOTED);
    }
    assert_int_equal (add (*state, "203.0.113.3", 60, NOW), STANDING_NOTED);
    assert_true (until (*state, "203.0.113.1", NOW) > 0);
    assert_true (until (*state, "203.0.113.2", NOW) > 0);

    for (unsigned i = 0; i < 2 * STANDING_MAX; i++) {
        struct place_net of = net_of_number (i);
        standing_add (*state, &of, 100, NOW);
    }
    assert_int_equal (standing_count (*state), STANDING_MAX);
    assert_true (until (*state, "203.0.113.1", NOW) > 0);
    assert_int_equal (until (*state, "203.0.113.2", NOW), 0);
}

static void
test_operator_cannot_fill_the_table (void **state)
{
    struct place_net of;
    for (unsigned i = 0; i < STANDING_MANUAL_MAX; i++) {
        of = net_of_number (i);
        CHECK_OK (standing_ban (*state, &of, NOW + 10, NOW));
    }
    CHECK_OK (standing_ban (*state, &of, NOW + 20, NOW)); /* longer */
    of = net ("203.0.113.1");
    CHECK_ERR (standing_ban (*state, &of, NOW + 10, NOW), -ENOSPC);
}

static void
test_clock_set_back_keeps_points (void **state)
{
    add (*state, "203.0.113.1", 60, NOW);
    assert_int_equal (add (*state, "203.0.113.1", 60, NOW - 100000),
                      STANDING_DISCOURAGED);
}

static void
test_only_what_can_have_been_kept_is_restored (void **state)
{
    struct standing_row row = {.net = net ("203.0.113.1"),
                               .until_s = NOW + 86400};
    assert_true (standing_restore (*state, 7, &row, NOW));
    assert_int_equal (until (*state, "203.0.113.1", NOW), NOW + 86400);
    assert_false (standing_restore (*state, 8, &row, NOW)); /* twice */
    row.net = net ("203.0.113.2");
    assert_false (standing_restore (*state, 7, &row, NOW)); /* taken */
    assert_false (standing_restore (*state, STANDING_MAX, &row, NOW));
    assert_false (standing_restore (*state, 8, &row, NOW + 86400)); /* over */
    row.until_s = NOW + 86401;
    assert_false (standing_restore (*state, 8, &row, NOW)); /* too long */
    row.manual = true;
    assert_true (standing_restore (*state, 8, &row, NOW));
    row.net = net ("198.51.100.1");
    assert_false (standing_restore (*state, 9, &row, NOW)); /* noban by now */

    /* The slots that were left out are used. */
    for (unsigned i = 0; i < STANDING_MAX - 2; i++) {
        struct place_net of = net_of_number (i);
        standing_add (*state, &of, 100, NOW);
    }
    assert_int_equal (standing_count (*state), STANDING_MAX);
}

int
main (void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown (name, open_standing, close_standing)
    const struct CMUnitTest tests[] = {
        TEST (test_hundred_points_discourage_for_a_day),
        TEST (test_points_halve_every_ten_minutes),
        TEST (test_points_in_small_portions_fade_as_fast),
        TEST (test_ipv6_stands_for_its_64),
        TEST (test_private_and_listed_are_never_discouraged),
        TEST (test_discouraged_again_is_no_news_but_lasts_longer),
        TEST (test_operator_bans_and_unbans),
        TEST (test_what_is_over_is_forgotten),
        TEST (test_no_more_than_50000_are_remembered),
        TEST (test_operator_cannot_fill_the_table),
        TEST (test_clock_set_back_keeps_points),
        TEST (test_only_what_can_have_been_kept_is_restored),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
