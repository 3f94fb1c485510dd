/* SPDX-License-Identifier: MIT */
/* gossip_own_test - what was handed in here goes to one peer first, and in the
 * end to all (PROTOCOL 5.8).
 */
#include "gossip_fixture.h"

#include "actors/gossip/own.h"

#define ALL_RELEASED_US (1000 * SECOND_US) /* Exp(20 s) is shorter, in effect */

static void
tell_again (struct desk *desk, const struct listener *listener, bool governance,
            bool outbound, bool confirmed)
{
    struct link_peer_ready ready = {.peer = listener->id,
                                    .governance = governance,
                                    .outbound = outbound,
                                    .confirmed = confirmed};
    CHECK_OK (gossip_peer_up (desk->gossip, &desk->ingress[listener->ingress],
                              &ready, desk->now));
}

/* A confirmed outbound peer. */
static struct listener *
desk_first (struct desk *desk)
{
    struct listener *first = desk_peer_of (desk, 1, 2, true, true);
    tell_again (desk, first, true, true, true);
    return first;
}

static void
heard (struct desk *desk, uint64_t seq)
{
    struct link_feed_entry row = desk_row (desk, seq);
    gossip_heard (desk->gossip, &row.id);
}

static void
own_entries (struct desk *desk, size_t count)
{
    desk->accepts_local = true;
    desk_accept (desk, count);
    desk->accepts_local = false;
}

static int
own_open (void **state)
{
    desk_open (state);
    struct desk *desk = *state;
    desk->own_delay = true;
    desk_create (desk, 0, 0);
    return 0;
}

static void
test_own_entry_goes_to_one_outbound_peer_and_later_to_all (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    struct listener *inbound = desk_peer (desk);
    struct listener *other = desk_peer_of (desk, 2, 3, true, true);
    struct listener *plain = desk_peer_of (desk, 0, 4, false, true);
    struct listener *first = desk_first (desk);
    own_entries (desk, 1);
    desk_settle (desk);
    check_has_all (first, 1, 1);
    assert_int_equal (gossip_held (desk->gossip), 1);
    desk_pass (desk, OWN_DELAY_US - 1);
    desk_settle (desk);
    assert_int_equal (inbound->got_count + other->got_count, 0);

    /* The shell sleeps until then, and no longer. */
    int64_t wait_us =
        instant_since (gossip_deadline (desk->gossip), desk->now.mono);
    assert_in_range (wait_us, 1, ALL_RELEASED_US);
    assert_false (desk_work (desk));
    desk_pass (desk, wait_us - 1);
    desk_settle (desk);
    assert_int_equal (inbound->got_count + other->got_count, 0);
    desk_pass (desk, 1);
    desk_settle (desk);
    check_has_all (inbound, 1, 1);
    check_has_all (other, 1, 1);
    check_has_all (first, 1, 1);
    assert_int_equal (plain->got_count, 0);
    assert_int_equal (gossip_held (desk->gossip), 0);
    assert_int_equal (gossip_deadline (desk->gossip).us, INT64_MAX);
}

static void
test_own_entry_that_came_back_goes_to_all (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    struct listener *inbound = desk_peer (desk);
    struct listener *first = desk_first (desk);
    own_entries (desk, 2);
    desk_settle (desk);
    heard (desk, 2);
    heard (desk, 2);
    heard (desk, 77);
    desk_settle (desk);
    check_has_all (first, 1, 2);
    assert_int_equal (inbound->got[1], 0);
    assert_int_equal (inbound->got[2], 1);
    assert_int_equal (gossip_held (desk->gossip), 1);
    heard (desk, 1);
    desk_settle (desk);
    check_has_all (inbound, 1, 2);
    check_has_all (first, 1, 2);
}

/* PROTOCOL 5.8: "With no confirmed outbound peer ... to all at once." */
static void
test_without_a_confirmed_outbound_peer_all_have_it_at_once (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    struct listener *unconfirmed = desk_peer_of (desk, 0, 1, true, true);
    struct listener *inbound = desk_peer_of (desk, 0, 2, true, false);
    struct listener *plain = desk_peer_of (desk, 0, 3, false, true);
    tell_again (desk, inbound, true, false, true);
    tell_again (desk, plain, false, true, true);
    own_entries (desk, 1);
    desk_settle (desk);
    check_has_all (unconfirmed, 1, 1);
    check_has_all (inbound, 1, 1);
    assert_int_equal (plain->got_count, 0);

    tell_again (desk, unconfirmed, true, true, true); /* now it is */
    own_entries (desk, 1);
    desk_settle (desk);
    check_has_all (unconfirmed, 1, 2);
    check_has_all (inbound, 1, 1);
}

static void
test_without_own_delay_all_have_it_at_once (void **state)
{
    struct desk *desk = *state;
    desk->own_delay = false;
    desk_create (desk, 0, 0);
    desk_synced (desk);
    struct listener *inbound = desk_peer (desk);
    struct listener *first = desk_first (desk);
    own_entries (desk, 3);
    desk_settle (desk);
    check_has_all (inbound, 1, 3);
    check_has_all (first, 1, 3);
}

static void
test_held_entries_hold_up_nothing (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    struct listener *inbound = desk_peer (desk);
    desk_first (desk);
    own_entries (desk, OWN_HELD_MAX); /* as many as a turn serves */
    desk_accept (desk, 1);
    while (desk_work (desk)) { /* nothing else would wake it */
    }
    assert_int_equal (inbound->got_count, 1);
    assert_int_equal (inbound->last, OWN_HELD_MAX + 1);
    assert_int_equal (gossip_held (desk->gossip), OWN_HELD_MAX);
    desk_pass (desk, ALL_RELEASED_US);
    desk_settle (desk);
    check_has_all (inbound, 1, OWN_HELD_MAX + 1);
}

static void
test_first_peer_is_chosen_at_random_for_each_entry (void **state)
{
    struct desk *desk = *state;
    struct listener *first[4];
    desk_synced (desk);
    desk_peer (desk);
    for (size_t i = 0; i < 4; i++)
        first[i] = desk_first (desk);
    own_entries (desk, 200);
    desk_settle (desk);
    for (uint64_t seq = 1; seq <= 200; seq++)
        assert_int_equal (first[0]->got[seq] + first[1]->got[seq]
                              + first[2]->got[seq] + first[3]->got[seq],
                          1);
    for (size_t i = 0; i < 4; i++)
        assert_in_range (first[i]->got_count, 30, 70);
}

static void
test_another_is_chosen_when_the_first_left_unserved (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    struct listener *inbound = desk_peer (desk);
    struct listener *first = desk_first (desk);
    desk->has_room[1] = false;
    own_entries (desk, 1);
    desk_settle (desk);
    struct listener *second = desk_first (desk);
    gossip_peer_gone (desk->gossip, first->id);
    desk_settle (desk);
    desk->has_room[1] = true;
    desk_settle (desk);
    assert_int_equal (first->got_count, 0);
    check_has_all (second, 1, 1);
    assert_int_equal (inbound->got_count, 0);

    desk->has_room[1] = false; /* and the last one left */
    own_entries (desk, 1);
    desk_settle (desk);
    assert_int_equal (inbound->got_count, 0);
    gossip_ingress_gone (desk->gossip, &desk->ingress[1]);
    desk_settle (desk);
    assert_int_equal (inbound->got[1], 0); /* it was sent: still held */
    assert_int_equal (inbound->got[2], 1);
    desk_pass (desk, ALL_RELEASED_US);
    desk_settle (desk);
    check_has_all (inbound, 1, 2);
}

static void
test_peer_that_is_confirmed_no_more_is_not_first (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    struct listener *inbound = desk_peer (desk);
    struct listener *first = desk_first (desk);
    desk->has_room[1] = false;
    own_entries (desk, 1);
    desk_settle (desk);
    tell_again (desk, first, true, true, false);
    desk_settle (desk);
    check_has_all (inbound, 1, 1);
}

static void
test_newcomer_has_it_only_after_it_was_released (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    desk_first (desk);
    desk_accept (desk, 3);
    own_entries (desk, 1);
    desk_accept (desk, 3);
    desk_settle (desk);
    struct listener *early = desk_peer (desk);
    desk_settle (desk);
    assert_int_equal (early->got_count, 6);
    assert_int_equal (early->got[4], 0);
    heard (desk, 4);
    struct listener *late = desk_peer (desk);
    desk_settle (desk);
    check_has_all (early, 1, 7);
    check_has_all (late, 1, 7);
}

static void
test_slow_peer_has_what_was_released_once_it_drains (void **state)
{
    struct desk *desk = *state;
    desk->payload_size = 65536;
    desk_synced (desk);
    struct listener *slow = desk_peer (desk);
    desk_first (desk);
    own_entries (desk, 1);
    desk_accept (desk, 4);
    desk_work (desk);
    assert_int_equal (slow->got_count, 4); /* its window is full */
    heard (desk, 1);
    desk_work (desk);
    assert_int_equal (slow->got_count, 4);
    desk_drain (desk, slow);
    desk_work (desk);
    check_has_all (slow, 1, 5);
    assert_int_equal (slow->last, 1);
}

static void
test_beyond_the_bound_the_oldest_is_released (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    struct listener *inbound = desk_peer (desk);
    struct listener *first = desk_first (desk);
    for (size_t i = 0; i < OWN_HELD_MAX + 50; i++) {
        own_entries (desk, 1);
        desk_settle (desk);
    }
    check_has_all (first, 1, OWN_HELD_MAX + 50);
    check_has_all (inbound, 1, 50);
    assert_int_equal (gossip_held (desk->gossip), OWN_HELD_MAX);
    own_entries (desk, 1000); /* and all at a time */
    desk_settle (desk);
    check_has_all (inbound, 1, 1050);
    desk_pass (desk, ALL_RELEASED_US);
    desk_settle (desk);
    check_has_all (inbound, 1, OWN_HELD_MAX + 1050);
}

static void
check_lacks_nothing (const struct listener *listener, uint64_t from,
                     uint64_t until)
{
    for (uint64_t seq = from; seq <= until; seq++)
        if (listener->got[seq] == 0)
            fail_msg ("it never got entry %llu", (unsigned long long)seq);
}

/* An own entry that comes, goes to FIRST, and comes back. */
static void
own_entry_comes_back (struct desk *desk, struct listener *first)
{
    own_entries (desk, 1);
    desk_work (desk); /* cursors pass over it */
    assert_int_equal (first->last, desk->seq);
    heard (desk, desk->seq);
    desk_work (desk);
    desk_drain (desk, first);
}

/* A peer that takes nothing must neither miss an own entry in the end, nor use
 * up the places of those to come. */
static void
test_peer_that_takes_nothing_uses_up_no_places (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    struct listener *stuck = desk_peer_of (desk, 0, 1, true, false);
    struct listener *quick = desk_peer_of (desk, 2, 3, true, false);
    struct listener *first = desk_first (desk);
    desk->has_room[0] = false;
    for (size_t i = 0; i < OWN_MAX + 100; i++) {
        own_entry_comes_back (desk, first);
        desk_drain (desk, quick);
        check_has_all (quick, 1, desk->seq);
    }
    assert_int_equal (stuck->got_count, 0);
    desk->has_room[0] = true;
    desk_settle (desk);
    check_lacks_nothing (stuck, 1, desk->seq);
    check_has_all (quick, 1, desk->seq);
}

/* The journal is read for a peer's backlog while its cursor goes back: the end
 * of that range says nothing about the cursor. */
static void
test_cursor_that_goes_back_during_a_reread_stays_there (void **state)
{
    struct desk *desk = *state;
    uint64_t from, until;
    desk->payload_size = 65536;
    desk_synced (desk);
    struct listener *first = desk_first (desk);
    desk_accept (desk, 24);
    desk_settle (desk);
    struct listener *stuck = desk_peer_of (desk, 0, 1, true, false);
    desk->has_room[0] = false;
    for (size_t i = 0; i < OWN_MAX - 1; i++)
        own_entry_comes_back (desk, first);
    own_entries (desk, 1); /* takes the last place */
    for (size_t i = 0; i < 100; i++) {
        desk_work (desk);
        desk_drain (desk, first);
        desk_accept (desk, 1);
    }
    desk_work (desk);
    assert_true (
        gossip_wants_reread (desk->gossip, desk->now.mono, &from, &until));
    assert_int_equal (from, 1);
    assert_in_range (until, 26, 200);
    own_entries (desk, 1); /* 25 has to go: it is in the range */
    gossip_reread_done (desk->gossip, true);
    desk->has_room[0] = true;
    desk_pass (desk, ALL_RELEASED_US);
    desk_settle (desk);
    check_lacks_nothing (stuck, 25, desk->seq);
}

/*~ Gossip starts anew: what is young is held anew, what is older is as any
 * other. */

static void
restart (struct desk *desk)
{
    uint64_t last = desk->seq;
    desk_create (desk, 0, 0);
    for (uint64_t seq = 1; seq <= last; seq++) {
        struct link_feed_entry row = desk_row (desk, seq);
        CHECK_OK (gossip_on_entry (desk->gossip, &row, desk->now));
    }
}

static void
test_young_own_entry_is_held_anew_after_a_restart (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    own_entries (desk, 1);
    desk_pass (desk, GOSSIP_OWN_AGE_US);
    own_entries (desk, 1);
    desk_pass (desk, GOSSIP_OWN_AGE_US - 1);
    restart (desk);
    struct listener *before = desk_peer (desk);
    desk_synced (desk);
    struct listener *after = desk_peer (desk);
    desk_settle (desk);
    /* Nobody was told of an outbound peer yet: it may come. */
    check_has_all (before, 1, 1);
    check_has_all (after, 1, 1);
    assert_int_equal (gossip_held (desk->gossip), 1);
    struct listener *first = desk_first (desk);
    desk_settle (desk);
    check_has_all (first, 1, 2);
    check_has_all (before, 1, 1);
    desk_pass (desk, ALL_RELEASED_US);
    desk_settle (desk);
    check_has_all (before, 1, 2);
    check_has_all (after, 1, 2);
}

static void
test_own_entry_of_before_a_restart_waits_for_nobody_for_ever (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    own_entries (desk, 1);
    restart (desk);
    desk_synced (desk);
    struct listener *inbound = desk_peer (desk);
    desk_settle (desk);
    assert_int_equal (inbound->got_count, 0);
    desk_pass (desk, ALL_RELEASED_US);
    desk_settle (desk);
    check_has_all (inbound, 1, 1);
}

/*~ Seen from outside it is an entry as any other. */

static void
test_released_entry_trickles_as_others_do (void **state)
{
    struct desk *desk = *state;
    desk_create (desk, 250 * MILLISECOND_US, 0);
    desk_synced (desk);
    for (uint32_t group = 10; group < 40; group++)
        desk_peer_of (desk, 0, group, true, false);
    struct listener *first = desk_first (desk);
    own_entries (desk, 1);
    desk_settle (desk);
    check_has_all (first, 1, 1); /* at once */
    desk_pass (desk, 5 * SECOND_US);
    desk_settle (desk);
    heard (desk, 1);
    size_t steps = 0, before = desk->deliveries;
    for (; gossip_counters (desk->gossip)->offered < 31; steps++) {
        assert_true (steps < 5000);
        desk_settle (desk);
        int64_t wait_us =
            instant_since (gossip_deadline (desk->gossip), desk->now.mono);
        if (gossip_counters (desk->gossip)->offered < 31)
            assert_in_range (wait_us, 1, 5 * SECOND_US);
        desk_pass (desk, MILLISECOND_US);
    }
    assert_true (desk->deliveries - before > 20);
    for (size_t i = 0; i < desk->listeners_count; i++)
        check_has_all (&desk->listeners[i], 1, 1);
}

static void
test_own_entry_that_turned_stale_is_offered_to_nobody (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    struct listener *inbound = desk_peer (desk);
    struct listener *first = desk_first (desk);
    desk->accepts_local = true;
    desk_accept_at (desk, moment_unix_s (desk->now) - 3600);
    desk_settle (desk);
    check_has_all (first, 1, 1);
    desk_pass (desk, ALL_RELEASED_US);
    desk_settle (desk);
    assert_int_equal (inbound->got_count, 0);
    assert_int_equal (gossip_counters (desk->gossip)->stale, 1);
    assert_int_equal (gossip_held (desk->gossip), 0);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, own_open, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_own_entry_goes_to_one_outbound_peer_and_later_to_all),
        TEST (test_own_entry_that_came_back_goes_to_all),
        TEST (test_without_a_confirmed_outbound_peer_all_have_it_at_once),
        TEST (test_without_own_delay_all_have_it_at_once),
        TEST (test_held_entries_hold_up_nothing),
        TEST (test_first_peer_is_chosen_at_random_for_each_entry),
        TEST (test_another_is_chosen_when_the_first_left_unserved),
        TEST (test_peer_that_is_confirmed_no_more_is_not_first),
        TEST (test_newcomer_has_it_only_after_it_was_released),
        TEST (test_slow_peer_has_what_was_released_once_it_drains),
        TEST (test_beyond_the_bound_the_oldest_is_released),
        TEST (test_peer_that_takes_nothing_uses_up_no_places),
        TEST (test_cursor_that_goes_back_during_a_reread_stays_there),
        TEST (test_young_own_entry_is_held_anew_after_a_restart),
        TEST (test_own_entry_of_before_a_restart_waits_for_nobody_for_ever),
        TEST (test_released_entry_trickles_as_others_do),
        TEST (test_own_entry_that_turned_stale_is_offered_to_nobody),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
