/* SPDX-License-Identifier: MIT */
/* bans_test - whom the registry has banned is found, and nobody else. */
#include "tests/support/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "actors/ingress/bans.h"
#include "actors/ingress/limits.h"

#define NOW_S 1000000

static int
say (struct bans *bans, const char *address, int64_t until_s, bool manual)
{
    struct link_ban ban = {.address = bytes_of_text (address),
                           .until_s = until_s,
                           .manual = manual};
    return bans_apply (bans, &ban, NOW_S);
}

static enum ban
look (const struct bans *bans, const char *address, int64_t now_s)
{
    struct sockaddr_storage storage = {.ss_family = AF_INET};
    struct sockaddr_in *four = (void *)&storage;
    struct sockaddr_in6 *six = (void *)&storage;

    if (inet_pton (AF_INET, address, &four->sin_addr) != 1) {
        storage.ss_family = AF_INET6;
        assert_int_equal (inet_pton (AF_INET6, address, &six->sin6_addr), 1);
    }
    return bans_find (bans, (const struct sockaddr *)&storage, now_s);
}

static int
open_bans (void **state)
{
    *state = bans_create (4711);
    return *state ? 0 : -1;
}

static int
close_bans (void **state)
{
    struct bans *bans = *state;
    bans_destroy (&bans);
    return 0;
}

static void
test_nobody_is_banned_at_first (void **state)
{
    assert_int_equal (look (*state, "1.2.3.4", NOW_S), BAN_NONE);
    assert_int_equal (look (*state, "2001:db8::1", NOW_S), BAN_NONE);
}

static void
test_address_is_banned_and_its_neighbour_is_not (void **state)
{
    CHECK_OK (say (*state, "1.2.3.4", NOW_S + 10, false));
    assert_int_equal (look (*state, "1.2.3.4", NOW_S), BAN_DISCOURAGED);
    assert_int_equal (look (*state, "1.2.3.5", NOW_S), BAN_NONE);
    assert_int_equal (look (*state, "::ffff:1.2.3.4", NOW_S), BAN_DISCOURAGED);
}

static void
test_network_is_banned_up_to_its_last_bit (void **state)
{
    CHECK_OK (say (*state, "2001:db8:1:2::/64", NOW_S + 10, false));
    CHECK_OK (say (*state, "10.4.0.0/15", NOW_S + 10, true));
    assert_int_equal (look (*state, "2001:db8:1:2:ffff::1", NOW_S),
                      BAN_DISCOURAGED);
    assert_int_equal (look (*state, "2001:db8:1:3::1", NOW_S), BAN_NONE);
    assert_int_equal (look (*state, "10.5.255.255", NOW_S), BAN_MANUAL);
    assert_int_equal (look (*state, "10.6.0.0", NOW_S), BAN_NONE);
    assert_int_equal (look (*state, "10.3.255.255", NOW_S), BAN_NONE);
}

static void
test_ban_ends_by_itself (void **state)
{
    CHECK_OK (say (*state, "1.2.3.4", NOW_S + 10, true));
    assert_int_equal (look (*state, "1.2.3.4", NOW_S + 9), BAN_MANUAL);
    assert_int_equal (look (*state, "1.2.3.4", NOW_S + 10), BAN_NONE);
}

static void
test_ban_is_lifted_and_comes_again (void **state)
{
    for (int i = 0; i < 3; i++) {
        CHECK_OK (say (*state, "1.2.3.4", NOW_S + 10, true));
        assert_int_equal (look (*state, "1.2.3.4", NOW_S), BAN_MANUAL);
        CHECK_OK (say (*state, "1.2.3.4", 0, true));
        assert_int_equal (look (*state, "1.2.3.4", NOW_S), BAN_NONE);
    }
    CHECK_OK (say (*state, "1.2.3.4", 0, true)); /* nothing to lift */
    assert_int_equal (bans_count (*state), 0);
}

static void
test_same_ban_again_moves_its_end (void **state)
{
    CHECK_OK (say (*state, "1.2.3.4", NOW_S + 10, false));
    CHECK_OK (say (*state, "1.2.3.4", NOW_S + 20, false));
    assert_int_equal (bans_count (*state), 1);
    assert_int_equal (look (*state, "1.2.3.4", NOW_S + 15), BAN_DISCOURAGED);
}

static void
test_manual_ban_outweighs_and_outlives_discouragement (void **state)
{
    CHECK_OK (say (*state, "1.2.3.4", NOW_S + 10, false));
    CHECK_OK (say (*state, "1.2.3.0/24", NOW_S + 10, true));
    assert_int_equal (look (*state, "1.2.3.4", NOW_S), BAN_MANUAL);
    CHECK_OK (say (*state, "1.2.3.4", 0, false));
    assert_int_equal (look (*state, "1.2.3.4", NOW_S), BAN_MANUAL);
}

static void
test_what_is_no_address_is_refused (void **state)
{
    static const char *const texts[] = {"",          "example.com", "1.2.3",
                                        "1.2.3.4:1", "1.2.3.4.5/8", "/24"};
    for (size_t i = 0; i < ARRAY_SIZE (texts); i++)
        CHECK_ERR (say (*state, texts[i], NOW_S + 10, true), -EINVAL);
    assert_int_equal (bans_count (*state), 0);
}

/* A stranger with many addresses pushes out the oldest, not the operator's. */
static void
test_full_table_forgets_its_oldest_discouraged (void **state)
{
    char text[32];
    CHECK_OK (say (*state, "9.9.9.9", NOW_S + 10, true));
    for (unsigned i = 0; i < BANS_DISCOURAGED_MAX + 100; i++) {
        snprintf (text, sizeof text, "1.%u.%u.%u", i >> 16, i >> 8 & 255,
                  i & 255);
        CHECK_OK (say (*state, text, NOW_S + 10, false));
    }
    assert_int_equal (bans_count (*state), BANS_DISCOURAGED_MAX + 1);
    assert_int_equal (look (*state, "1.0.0.99", NOW_S), BAN_NONE);
    assert_int_equal (look (*state, "1.0.0.100", NOW_S), BAN_DISCOURAGED);
    assert_int_equal (look (*state, text, NOW_S), BAN_DISCOURAGED);
    assert_int_equal (look (*state, "9.9.9.9", NOW_S), BAN_MANUAL);
}

static void
test_operators_table_is_never_forgotten_only_full (void **state)
{
    char text[32];
    for (unsigned i = 0; i < BANS_MANUAL_MAX; i++) {
        snprintf (text, sizeof text, "1.0.%u.%u", i >> 8 & 255, i & 255);
        CHECK_OK (say (*state, text, NOW_S + 10, true));
    }
    CHECK_ERR (say (*state, "2.2.2.2", NOW_S + 10, true), -ENOSPC);
    CHECK_OK (say (*state, "1.0.0.7", NOW_S + 20, true)); /* it is there */
    assert_int_equal (look (*state, "1.0.0.0", NOW_S), BAN_MANUAL);
    struct link_ban later = {.address = bytes_of_text ("2.2.2.2"),
                             .until_s = NOW_S + 30,
                             .manual = true};
    CHECK_OK (bans_apply (*state, &later, NOW_S + 10)); /* most have ended */
    assert_int_equal (bans_count (*state), 2);
    assert_int_equal (look (*state, "1.0.0.7", NOW_S + 10), BAN_MANUAL);
    assert_int_equal (look (*state, "2.2.2.2", NOW_S + 10), BAN_MANUAL);
}

static void
test_cleared_table_is_empty_and_usable (void **state)
{
    CHECK_OK (say (*state, "1.2.3.4", NOW_S + 10, true));
    CHECK_OK (say (*state, "1.2.3.5", NOW_S + 10, false));
    bans_clear (*state);
    assert_int_equal (bans_count (*state), 0);
    assert_int_equal (look (*state, "1.2.3.4", NOW_S), BAN_NONE);
    CHECK_OK (say (*state, "1.2.3.4", NOW_S + 10, false));
    assert_int_equal (look (*state, "1.2.3.4", NOW_S), BAN_DISCOURAGED);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, open_bans, close_bans)
    const struct CMUnitTest tests[] = {
        TEST (test_nobody_is_banned_at_first),
        TEST (test_address_is_banned_and_its_neighbour_is_not),
        TEST (test_network_is_banned_up_to_its_last_bit),
        TEST (test_ban_ends_by_itself),
        TEST (test_ban_is_lifted_and_comes_again),
        TEST (test_same_ban_again_moves_its_end),
        TEST (test_manual_ban_outweighs_and_outlives_discouragement),
        TEST (test_what_is_no_address_is_refused),
        TEST (test_full_table_forgets_its_oldest_discouraged),
        TEST (test_operators_table_is_never_forgotten_only_full),
        TEST (test_cleared_table_is_empty_and_usable),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
