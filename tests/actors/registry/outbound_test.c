/* SPDX-License-Identifier: MIT */
/* outbound_test - which automatic connections there are. */
#include "actors/registry/outbound.h"

#include <stdio.h>

#include "tests/support/check.h"

static const struct instant start = {.us = 1000};
static const int ingress[2];

static struct bytes
one (void)
{
    return bytes_of_text ("203.0.113.1:1");
}

static void
test_wish_unheard_falls_away (void **state)
{
    struct outbound outbound = {.count = 0};
    (void)state;
    assert_true (outbound_add (&outbound, one (), ingress, start));
    assert_false (outbound_add (&outbound, one (), ingress, start));
    outbound_expire (&outbound, instant_after (start, OUTBOUND_ANSWER_US - 1));
    assert_int_equal (outbound.count, 1);
    outbound_expire (&outbound, instant_after (start, OUTBOUND_ANSWER_US));
    assert_int_equal (outbound.count, 0);
}

static void
test_connection_stays_while_it_is_spoken_of (void **state)
{
    struct outbound outbound = {.count = 0};
    struct instant now = start;
    (void)state;
    outbound_add (&outbound, one (), ingress, now);
    for (int i = 0; i < 10; i++) {
        outbound_on_state (&outbound, one (), ingress, PEER_SHAKEN, now);
        now = instant_after (now, OUTBOUND_SILENCE_US - 1);
        outbound_expire (&outbound, now);
        assert_int_equal (outbound.count, 1);
    }
    assert_int_equal (
        outbound_on_state (&outbound, one (), ingress, PEER_LEFT, now),
        OUTBOUND_LEFT);
    assert_int_equal (outbound.count, 0);
}

/* The word that it left was lost: its slot is not. */
static void
test_connection_that_nobody_speaks_of_falls_away (void **state)
{
    struct outbound outbound = {.count = 0};
    (void)state;
    outbound_on_state (&outbound, one (), ingress, PEER_SHAKEN, start);
    outbound_expire (&outbound, instant_after (start, OUTBOUND_SILENCE_US));
    assert_int_equal (outbound.count, 0);
}

static void
test_end_before_the_handshake_is_a_failure (void **state)
{
    struct outbound outbound = {.count = 0};
    (void)state;
    outbound_add (&outbound, one (), ingress, start);
    outbound_on_state (&outbound, one (), ingress, PEER_CONNECTED, start);
    assert_int_equal (
        outbound_on_state (&outbound, one (), ingress, PEER_LEFT, start),
        OUTBOUND_FAILED);
    assert_int_equal (
        outbound_on_state (&outbound, one (), ingress, PEER_LEFT, start),
        OUTBOUND_GOES_ON);
}

static void
test_connection_of_an_earlier_life_is_taken_over (void **state)
{
    struct outbound outbound = {.count = 0};
    (void)state;
    outbound_on_state (&outbound, one (), &ingress[0], PEER_SHAKEN, start);
    outbound_on_state (&outbound, bytes_of_text ("203.0.113.2:1"), &ingress[1],
                       PEER_SHAKEN, start);
    assert_int_equal (outbound.count, 2);
    outbound_forget (&outbound, &ingress[0]);
    assert_int_equal (outbound.count, 1);
    assert_string_equal (outbound.row[0].address, "203.0.113.2:1");
}

static void
test_table_is_bounded (void **state)
{
    static struct outbound outbound;
    char text[32];
    (void)state;
    for (int i = 0; i < 2 * OUTBOUND_MAX; i++) {
        snprintf (text, sizeof text, "203.0.113.1:%d", i + 1);
        outbound_on_state (&outbound, bytes_of_text (text), ingress,
                           PEER_SHAKEN, start);
    }
    assert_int_equal (outbound.count, OUTBOUND_MAX);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_wish_unheard_falls_away),
        cmocka_unit_test (test_connection_stays_while_it_is_spoken_of),
        cmocka_unit_test (test_connection_that_nobody_speaks_of_falls_away),
        cmocka_unit_test (test_end_before_the_handshake_is_a_failure),
        cmocka_unit_test (test_connection_of_an_earlier_life_is_taken_over),
        cmocka_unit_test (test_table_is_bounded),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
