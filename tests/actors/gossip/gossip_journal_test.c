/* SPDX-License-Identifier: MIT */
/* gossip_journal_test - whoever fell behind the window is served from the
 * journal, and whoever stays gets everything once.
 */
#include "gossip_fixture.h"

/* Lessons: "a slow peer that never hears of a vote". */
static void
test_peer_behind_the_window_is_served_from_the_journal (void **state)
{
    struct desk *desk = *state;
    uint64_t from, until;
    desk->payload_size = 65536;
    desk_synced (desk);
    struct listener *slow = desk_peer (desk);
    desk_accept (desk, 1200); /* 75 MiB */
    desk_work (desk);
    assert_int_equal (slow->got_count, 0);
    assert_true (
        gossip_wants_reread (desk->gossip, desk->now.mono, &from, &until));
    assert_int_equal (from, 1);
    assert_int_equal (until, GOSSIP_REREAD_MAX);
    gossip_reread_done (desk->gossip, false);
    desk_settle (desk);
    check_has_all (slow, 1, 1200);
    assert_int_equal (slow->last, 1200);
}

static void
test_range_is_read_once_at_a_time_and_again_when_lost (void **state)
{
    struct desk *desk = *state;
    uint64_t from, until, again;
    desk->payload_size = 65536;
    desk_synced (desk);
    struct listener *slow = desk_peer (desk);
    desk_accept (desk, 700);
    desk_work (desk);
    assert_true (
        gossip_wants_reread (desk->gossip, desk->now.mono, &from, &until));
    assert_false (
        gossip_wants_reread (desk->gossip, desk->now.mono, &again, &until));
    gossip_reread_done (desk->gossip, false); /* the feed went away */
    assert_true (
        gossip_wants_reread (desk->gossip, desk->now.mono, &again, &until));
    assert_int_equal (again, from);
    gossip_reread_done (desk->gossip, false);
    desk_settle (desk);
    check_has_all (slow, 1, 700);
}

/* The journal passes over damaged rows; waiting for them would be for ever. */
static void
test_rows_that_the_journal_lost_are_passed_over (void **state)
{
    struct desk *desk = *state;
    uint64_t from, until;
    desk->payload_size = 65536;
    desk_synced (desk);
    struct listener *slow = desk_peer (desk);
    desk_accept (desk, 600);
    desk_work (desk);
    assert_true (
        gossip_wants_reread (desk->gossip, desk->now.mono, &from, &until));
    gossip_reread_done (desk->gossip, true); /* nothing was there */
    desk_settle (desk);
    assert_true (slow->got_count > 0);
    assert_int_equal (slow->last, 600);
    check_has_all (slow, until + 1, 600);
}

/* A paced backlog behind the window must not make the disk spin. */
static void
test_paced_backlog_behind_the_window_is_not_read_in_vain (void **state)
{
    struct desk *desk = *state;
    uint64_t from, until;
    desk->payload_size = 65536;
    desk_create (desk, 0, 10);
    desk_accept (desk, 900);
    desk_synced (desk);
    struct listener *a = desk_peer (desk);
    desk_settle (desk);
    assert_int_equal (a->got_count, 100);
    assert_false (desk_work (desk));
    assert_false (
        gossip_wants_reread (desk->gossip, desk->now.mono, &from, &until));
    assert_true (instant_since (gossip_deadline (desk->gossip), desk->now.mono)
                 <= SECOND_US / 5);
    desk_pass (desk, SECOND_US);
    desk_settle (desk);
    assert_int_equal (a->got_count, 105);
}

/* What its timer has not released to a peer is not given, and not passed over
 * when the journal is read for another. */
static void
test_reread_for_one_peer_takes_nothing_from_another (void **state)
{
    struct desk *desk = *state;
    desk->payload_size = 65536;
    desk_create (desk, 10 * SECOND_US, 0);
    desk_synced (desk);
    for (uint32_t group = 0; group < 20; group++)
        desk_peer_of (desk, 0, group, true, false);
    desk_accept (desk, 800);
    for (int i = 0; i < 3000; i++) {
        desk_settle (desk);
        desk_pass (desk, SECOND_US / 10);
    }
    for (size_t i = 0; i < 20; i++)
        check_has_all (&desk->listeners[i], 1, 800);
}

static void
rough_peer (struct desk *desk, bool first)
{
    size_t ingress = desk_random (desk, INGRESSES);
    uint32_t group = (uint32_t)desk_random (desk, 5);
    struct listener *listener =
        desk_peer_of (desk, ingress, group, true, first);
    struct link_peer_ready again = {.peer = listener->id,
                                    .group = group,
                                    .governance = true,
                                    .outbound = first,
                                    .confirmed = first};
    CHECK_OK (gossip_peer_up (desk->gossip, &desk->ingress[ingress], &again,
                              desk->now));
}

static void
check_lacks_nothing (const struct listener *listener, uint64_t last)
{
    for (uint64_t seq = 1; seq <= last; seq++)
        if (listener->got[seq] == 0)
            fail_msg ("peer %llu never got entry %llu",
                      (unsigned long long)listener->id,
                      (unsigned long long)seq);
}

/* A relay in rough weather: room comes and goes, peers drain when they like,
 * the window overflows, the feed is lost in the middle of ranges. Whoever
 * stays gets everything once. With own entries among them (PROTOCOL 5.8), which
 * come back or do not, and peers that may have them first: at least once, and
 * ingress drops the rest. */
static void
rough_weather (struct desk *desk, uint64_t seed, int64_t trickle_us, bool own)
{
    uint64_t from = 1, until = 0;
    bool rereading = false;

    desk->random = seed;
    desk->seq = 0;
    desk->listeners_count = 0;
    memset (desk->listeners, 0, PEERS_MAX * sizeof *desk->listeners);
    desk->own_delay = own;
    desk_create (desk, trickle_us, 0);
    desk->payload_size = 65536;
    desk->rough = true;
    desk_synced (desk);
    while (desk->seq < 950) {
        uint64_t dice = desk_random (desk, 100);
        desk_pass (desk, (int64_t)desk_random (desk, 20) * MILLISECOND_US);
        desk->accepts_local = own && desk_random (desk, 3) == 0;
        if (dice < 25)
            desk_accept (desk, 1 + desk_random (desk, 12));
        else if (dice < 30 && desk->listeners_count < 12)
            rough_peer (desk, own && desk_random (desk, 2) == 0);
        else if (dice < 35 && own && desk->seq > 0) {
            struct link_feed_entry row =
                desk_row (desk, 1 + desk_random (desk, desk->seq));
            gossip_heard (desk->gossip, &row.id);
        } else if (dice < 50 && desk->listeners_count > 0) {
            size_t i = desk_random (desk, desk->listeners_count);
            if (i % 3 != 0) /* every third is slow */
                desk_drain (desk, &desk->listeners[i]);
        } else if (dice < 52) {
            size_t i = desk_random (desk, INGRESSES);
            desk->has_room[i] = !desk->has_room[i];
        } else if (dice < 53 && rereading) {
            gossip_reread_done (desk->gossip, false);
            rereading = false;
        } else if (dice < 75) {
            desk_work (desk);
            if (!rereading)
                rereading = gossip_wants_reread (desk->gossip, desk->now.mono,
                                                 &from, &until);
        } else if (rereading && from <= until) {
            struct link_feed_entry row = desk_row (desk, from++);
            gossip_on_reread (desk->gossip, &row, desk->now, desk_deliver,
                              desk);
        } else if (rereading) {
            gossip_reread_done (desk->gossip, true);
            rereading = false;
        }
    }
    if (rereading)
        gossip_reread_done (desk->gossip, false);
    desk->rough = false;
    memset (desk->has_room, true, sizeof desk->has_room);
    for (int i = 0; i < 200; i++) {
        desk_settle (desk);
        desk_pass (desk, own ? 5 * SECOND_US : SECOND_US / 10);
    }
    for (size_t i = 0; i < desk->listeners_count; i++)
        if (!own)
            check_has_all (&desk->listeners[i], 1, desk->seq);
        else
            check_lacks_nothing (&desk->listeners[i], desk->seq);
    assert_int_equal (gossip_held (desk->gossip), 0);
}

static void
test_whoever_stays_gets_everything_once (void **state)
{
    struct desk *desk = *state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        print_message ("seed %llu\n", (unsigned long long)seed);
        rough_weather (desk, seed * 2654435761u,
                       seed % 2 ? 0 : 100 * MILLISECOND_US, false);
    }
}

static void
test_whoever_stays_gets_own_entries_as_well (void **state)
{
    struct desk *desk = *state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        print_message ("seed %llu\n", (unsigned long long)seed);
        rough_weather (desk, seed * 2654435761u,
                       seed % 2 ? 0 : 100 * MILLISECOND_US, true);
    }
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_peer_behind_the_window_is_served_from_the_journal),
        TEST (test_range_is_read_once_at_a_time_and_again_when_lost),
        TEST (test_rows_that_the_journal_lost_are_passed_over),
        TEST (test_paced_backlog_behind_the_window_is_not_read_in_vain),
        TEST (test_reread_for_one_peer_takes_nothing_from_another),
        TEST (test_whoever_stays_gets_everything_once),
        TEST (test_whoever_stays_gets_own_entries_as_well),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
