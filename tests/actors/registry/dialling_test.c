/* SPDX-License-Identifier: MIT */
/* dialling_test - when to dial the configured peers, again and again. */
#include "actors/registry/dialling.h"

#include <stdlib.h>

#include "tests/support/check.h"

static char *const peers[] = {"a:1", "b:2"};

struct desk {
    struct dialling *dialling;
    struct instant now;
};

static int
desk_open (void **state)
{
    struct desk *desk = calloc (1, sizeof *desk);
    assert_non_null (desk);
    desk->now.us = 1000 * SECOND_US;
    desk->dialling = dialling_create (peers, ARRAY_SIZE (peers), desk->now);
    assert_non_null (desk->dialling);
    *state = desk;
    return 0;
}

static int
desk_close (void **state)
{
    struct desk *desk = *state;
    dialling_destroy (&desk->dialling);
    assert_null (desk->dialling);
    dialling_destroy (&desk->dialling);
    free (desk);
    return 0;
}

static void
say (struct desk *desk, const char *address, enum peer_state state,
     uint64_t random)
{
    dialling_on_state (desk->dialling, bytes_of_text (address), state, random,
                       desk->now);
}

static void
pass (struct desk *desk, int64_t us)
{
    desk->now = instant_after (desk->now, us);
}

static void
check_next (struct desk *desk, const char *address)
{
    const char *next = dialling_next (desk->dialling, desk->now);
    if (address)
        assert_non_null (next);
    else
        assert_null (next);
    if (next)
        assert_string_equal (next, address);
}

/* Both are asked for, and B is heard to be well. */
static void
settle (struct desk *desk)
{
    check_next (desk, "a:1");
    check_next (desk, "b:2");
    check_next (desk, NULL);
    say (desk, "b:2", PEER_SHAKEN, 0);
}

static void
test_all_are_dialled_at_once_and_once (void **state)
{
    struct desk *desk = *state;
    assert_int_equal (dialling_deadline (desk->dialling).us, desk->now.us);
    check_next (desk, "a:1");
    check_next (desk, "b:2");
    check_next (desk, NULL);
    assert_int_equal (dialling_connected (desk->dialling), 0);
}

static void
test_wish_that_was_not_heard_is_repeated (void **state)
{
    struct desk *desk = *state;
    settle (desk);
    pass (desk, DIALLING_ANSWER_US - 1);
    check_next (desk, NULL);
    assert_int_equal (dialling_deadline (desk->dialling).us, desk->now.us + 1);
    pass (desk, 1);
    check_next (desk, "a:1");
    check_next (desk, NULL);
}

static void
test_dial_under_way_is_given_its_time (void **state)
{
    struct desk *desk = *state;
    settle (desk);
    say (desk, "a:1", PEER_DIALLING, 0);
    pass (desk, DIALLING_ANSWER_US);
    check_next (desk, NULL);
    say (desk, "a:1", PEER_CONNECTED, 0);
    pass (desk, DIALLING_CONNECT_US - 1);
    say (desk, "b:2", PEER_SHAKEN, 0);
    check_next (desk, NULL);
    pass (desk, 1); /* whoever should have told is gone */
    check_next (desk, "a:1");
}

static void
test_connected_peer_is_asked_about_every_minute (void **state)
{
    struct desk *desk = *state;
    settle (desk);
    say (desk, "a:1", PEER_SHAKEN, 0);
    assert_int_equal (dialling_connected (desk->dialling), 2);
    pass (desk, DIALLING_CONFIRM_US - 1);
    check_next (desk, NULL);
    pass (desk, 1); /* that it left may not have been heard */
    check_next (desk, "a:1");
    check_next (desk, "b:2");
    check_next (desk, NULL);
    say (desk, "a:1", PEER_SHAKEN, 0);
    say (desk, "b:2", PEER_SHAKEN, 0);
    assert_int_equal (dialling_connected (desk->dialling), 2);
    assert_int_equal (dialling_deadline (desk->dialling).us,
                      desk->now.us + DIALLING_CONFIRM_US);
}

static void
test_back_off_doubles_to_five_minutes (void **state)
{
    struct desk *desk = *state;
    int64_t backoff_us = DIALLING_BACKOFF_US;
    settle (desk);
    for (int i = 0; i < 15; i++) {
        say (desk, "a:1", PEER_LEFT, (uint64_t)backoff_us / 2);
        pass (desk, backoff_us - 1);
        say (desk, "b:2", PEER_SHAKEN, 0);
        check_next (desk, NULL);
        pass (desk, 1);
        check_next (desk, "a:1");
        backoff_us = backoff_us * 2 < DIALLING_BACKOFF_MAX_US
                         ? backoff_us * 2
                         : DIALLING_BACKOFF_MAX_US;
    }
    say (desk, "a:1", PEER_SHAKEN, 0); /* all is forgiven */
    say (desk, "a:1", PEER_LEFT, 0);
    pass (desk, DIALLING_BACKOFF_US / 2);
    check_next (desk, "a:1");
}

static void
test_next_try_is_spread_over_half_of_the_back_off (void **state)
{
    struct desk *desk = *state;
    settle (desk);
    for (uint64_t random = 0; random < 5000; random++) {
        uint64_t number = random * UINT64_C (0x9e3779b97f4a7c15);
        say (desk, "a:1", PEER_SHAKEN, 0);
        say (desk, "a:1", PEER_LEFT, number);
        int64_t wait_us =
            instant_since (dialling_deadline (desk->dialling), desk->now);
        assert_in_range (wait_us, DIALLING_BACKOFF_US / 2, DIALLING_BACKOFF_US);
    }
}

static void
test_address_that_is_not_ours_changes_nothing (void **state)
{
    struct desk *desk = *state;
    settle (desk);
    say (desk, "a:10", PEER_SHAKEN, 0);
    say (desk, "", PEER_SHAKEN, 0);
    say (desk, "a", PEER_SHAKEN, 0);
    assert_int_equal (dialling_connected (desk->dialling), 1);
}

static void
test_lost_ingress_means_dial_all_anew (void **state)
{
    struct desk *desk = *state;
    settle (desk);
    say (desk, "a:1", PEER_SHAKEN, 0);
    dialling_reset (desk->dialling, desk->now);
    assert_int_equal (dialling_connected (desk->dialling), 0);
    check_next (desk, "a:1");
    check_next (desk, "b:2");
}

static void
test_no_peers_are_nothing_to_do (void **state)
{
    (void)state;
    struct instant now = {.us = 1};
    struct dialling *dialling = dialling_create (NULL, 0, now);
    assert_non_null (dialling);
    assert_null (dialling_next (dialling, now));
    assert_int_equal (dialling_deadline (dialling).us, INT64_MAX);
    dialling_reset (dialling, now);
    dialling_destroy (&dialling);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_all_are_dialled_at_once_and_once),
        TEST (test_wish_that_was_not_heard_is_repeated),
        TEST (test_dial_under_way_is_given_its_time),
        TEST (test_connected_peer_is_asked_about_every_minute),
        TEST (test_back_off_doubles_to_five_minutes),
        TEST (test_next_try_is_spread_over_half_of_the_back_off),
        TEST (test_address_that_is_not_ours_changes_nothing),
        TEST (test_lost_ingress_means_dial_all_anew),
        cmocka_unit_test (test_no_peers_are_nothing_to_do),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
