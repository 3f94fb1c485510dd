/* SPDX-License-Identifier: MIT */
/* gossip_test - whom to offer what, when (PROTOCOL 5.5). */
#include "gossip_fixture.h"

static void
test_new_entry_goes_to_every_governance_peer_once (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    struct listener *a = desk_peer_of (desk, 0, 1, true, false);
    struct listener *b = desk_peer_of (desk, 1, 2, true, true);
    struct listener *c = desk_peer_of (desk, 2, 3, false, true);
    desk_accept (desk, 3);
    desk_settle (desk);
    check_has_all (a, 1, 3);
    check_has_all (b, 1, 3);
    assert_int_equal (c->got_count, 0);
    assert_int_equal (gossip_counters (desk->gossip)->offered, 6);
}

static void
test_one_delivery_serves_many_peers (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    for (size_t i = 0; i < PEERS_MAX; i++)
        desk_peer (desk);
    desk_accept (desk, 1);
    desk_settle (desk);
    for (size_t i = 0; i < PEERS_MAX; i++)
        check_has_all (&desk->listeners[i], 1, 1);
    assert_int_equal (desk->deliveries,
                      (PEERS_MAX + DELIVER_PEERS_MAX - 1) / DELIVER_PEERS_MAX);
}

static void
test_entry_that_comes_twice_is_offered_once (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    struct listener *a = desk_peer (desk);
    desk_accept (desk, 5);
    desk_settle (desk);
    desk->seq = 2;
    desk_accept (desk, 3); /* the feed begins again */
    desk_settle (desk);
    check_has_all (a, 1, 5);
    assert_int_equal (gossip_last_seq (desk->gossip), 5);
}

static void
test_nobody_is_placed_before_the_head (void **state)
{
    struct desk *desk = *state;
    struct listener *a = desk_peer (desk);
    desk_accept (desk, 10);
    desk_settle (desk);
    assert_int_equal (a->got_count, 0);
    desk_synced (desk);
    desk_settle (desk);
    check_has_all (a, 1, 10);
}

static void
test_newcomer_gets_the_last_hour_only (void **state)
{
    struct desk *desk = *state;
    for (int i = 0; i < 10; i++)
        desk_accept_at (desk, NOW_S - 3601);
    desk_accept_at (desk, NOW_S - 3600);
    desk_accept (desk, 4);
    desk_synced (desk);
    struct listener *a = desk_peer (desk);
    desk_settle (desk);
    check_has_all (a, 11, 15);
}

static void
test_newcomer_gets_a_thousand_entries_at_most (void **state)
{
    struct desk *desk = *state;
    desk_accept (desk, 1500);
    desk_synced (desk);
    struct listener *a = desk_peer (desk);
    desk_settle (desk);
    check_has_all (a, 501, 1500);
}

static void
test_empty_hour_leaves_nothing_to_offer (void **state)
{
    struct desk *desk = *state;
    gossip_on_head (desk->gossip, 700, desk->now);
    desk->seq = 700;
    struct listener *a = desk_peer (desk);
    desk_settle (desk);
    assert_int_equal (a->got_count, 0);
    desk_accept (desk, 1);
    desk_settle (desk);
    check_has_all (a, 701, 701);
}

/* PROTOCOL 5.5: "this backlog alone is paced, at half of `peer_rate`" */
static void
test_backlog_is_paced_and_live_entries_are_not (void **state)
{
    struct desk *desk = *state;
    desk_create (desk, 0, 10);
    desk_accept (desk, 1000);
    desk_synced (desk);
    struct listener *a = desk_peer (desk);
    desk_settle (desk);
    assert_int_equal (a->got_count, 100); /* half of the burst */
    desk_pass (desk, 10 * SECOND_US);
    desk_settle (desk);
    assert_int_equal (a->got_count, 150);
    assert_int_equal (a->last, 150);
    desk_accept (desk, 50);
    desk_settle (desk);
    assert_int_equal (a->got_count, 200);
    for (uint64_t seq = 1001; seq <= 1050; seq++)
        assert_int_equal (a->got[seq], 1);
}

static void
test_paced_backlog_waits_without_spinning (void **state)
{
    struct desk *desk = *state;
    desk_create (desk, 0, 10);
    desk_accept (desk, 1000);
    desk_synced (desk);
    struct listener *a = desk_peer (desk);
    desk_settle (desk);
    assert_int_equal (a->got_count, 100);
    assert_false (desk_work (desk));
    int64_t wait_us =
        instant_since (gossip_deadline (desk->gossip), desk->now.mono);
    assert_in_range (wait_us, 1, SECOND_US / 5);
    desk_pass (desk, wait_us);
    desk_work (desk);
    assert_int_equal (a->got_count, 101);
}

static void
test_trickle_holds_entries_back_for_a_group_together (void **state)
{
    struct desk *desk = *state;
    desk_create (desk, 250 * MILLISECOND_US, 0);
    desk_synced (desk);
    struct listener *a = desk_peer_of (desk, 0, 1, true, false);
    struct listener *b = desk_peer_of (desk, 0, 1, true, false);
    int64_t sum_us = 0;
    for (int i = 0; i < 400; i++) {
        desk_accept (desk, 1);
        desk_settle (desk);
        while (a->got[desk->seq] == 0) {
            int64_t wait_us =
                instant_since (gossip_deadline (desk->gossip), desk->now.mono);
            assert_in_range (wait_us, 1, 60 * SECOND_US);
            assert_int_equal (b->got[desk->seq], 0);
            sum_us += wait_us;
            desk_pass (desk, wait_us);
            desk_settle (desk);
        }
        assert_int_equal (b->got[desk->seq], 1);
    }
    /* The mean of 400 waits: within a quarter, for this seed for ever. */
    assert_in_range (sum_us / 400, 187 * MILLISECOND_US, 312 * MILLISECOND_US);
}

static void
test_groups_are_released_apart (void **state)
{
    struct desk *desk = *state;
    desk_create (desk, 250 * MILLISECOND_US, 0);
    desk_synced (desk);
    for (uint32_t group = 0; group < 50; group++)
        desk_peer_of (desk, 0, group, true, false);
    desk_accept (desk, 1);
    size_t steps = 0;
    for (; gossip_counters (desk->gossip)->offered < 50; steps++) {
        desk_settle (desk);
        desk_pass (desk, MILLISECOND_US);
    }
    assert_true (desk->deliveries > 20);
    assert_true (steps < 5000);
}

static void
test_peer_that_does_not_drain_keeps_its_place (void **state)
{
    struct desk *desk = *state;
    desk->payload_size = 65536;
    desk_synced (desk);
    struct listener *slow = desk_peer (desk);
    struct listener *fast = desk_peer (desk);
    for (int i = 0; i < 100; i++) {
        desk_accept (desk, 1);
        desk_work (desk);
        desk_drain (desk, fast);
    }
    assert_int_equal (slow->got_count, GOSSIP_PEER_WINDOW / 65536);
    check_has_all (fast, 1, 100);
    for (int i = 0; i < 100; i++) {
        desk_drain (desk, slow);
        desk_work (desk);
    }
    check_has_all (slow, 1, 100);
}

static void
test_ingress_without_room_is_served_later (void **state)
{
    struct desk *desk = *state;
    desk_create (desk, 0, 10);
    desk_accept (desk, 100);
    desk_synced (desk);
    struct listener *a = desk_peer_of (desk, 0, 1, true, false);
    struct listener *b = desk_peer_of (desk, 1, 1, true, false);
    desk->has_room[0] = false;
    for (int i = 0; i < 500; i++) /* its tokens are not used up by that */
        desk_work (desk);
    assert_int_equal (a->got_count, 0);
    check_has_all (b, 1, 100);
    desk->has_room[0] = true;
    desk_settle (desk);
    check_has_all (a, 1, 100);
}

static void
test_entries_that_turned_stale_are_passed_over_and_counted (void **state)
{
    struct desk *desk = *state;
    desk->payload_size = 65536;
    desk_synced (desk);
    struct listener *slow = desk_peer (desk);
    desk_accept (desk, 10);
    desk_work (desk);
    assert_int_equal (slow->got_count, 4);
    desk_pass (desk, 3601 * SECOND_US);
    desk_accept (desk, 1);
    desk_settle (desk);
    assert_int_equal (slow->got_count, 5);
    assert_int_equal (slow->got[11], 1);
    assert_int_equal (gossip_counters (desk->gossip)->stale, 6);
}

static void
test_peer_that_left_is_offered_nothing (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    struct listener *a = desk_peer_of (desk, 0, 1, true, false);
    struct listener *b = desk_peer_of (desk, 0, 2, true, false);
    struct listener *c = desk_peer_of (desk, 1, 3, true, false);
    gossip_peer_gone (desk->gossip, a->id);
    gossip_peer_gone (desk->gossip, a->id);
    gossip_peer_gone (desk->gossip, 77);
    gossip_drained (desk->gossip, a->id, 5);
    desk_accept (desk, 1);
    desk_settle (desk);
    assert_int_equal (a->got_count, 0);
    check_has_all (b, 1, 1);
    gossip_ingress_gone (desk->gossip, &desk->ingress[0]);
    assert_int_equal (gossip_peers (desk->gossip), 1);
    assert_null (gossip_find_ingress (desk->gossip, b->id));
    assert_ptr_equal (gossip_find_ingress (desk->gossip, c->id),
                      &desk->ingress[1]);
    desk_accept (desk, 1);
    desk_settle (desk);
    check_has_all (b, 1, 1);
    check_has_all (c, 1, 2);
}

static void
test_more_is_drained_than_was_given_does_no_harm (void **state)
{
    struct desk *desk = *state;
    desk_synced (desk);
    struct listener *a = desk_peer (desk);
    gossip_drained (desk->gossip, a->id, UINT64_MAX);
    desk_accept (desk, 1);
    desk_settle (desk);
    check_has_all (a, 1, 1);
}

static void
test_picked_peers_are_random_outbound_first_and_not_the_asker (void **state)
{
    struct desk *desk = *state;
    uint64_t peers[3], seen = 0;
    void *ingresses[3];

    struct listener *out = desk_peer_of (desk, 1, 1, true, true);
    desk_peer_of (desk, 0, 1, false, true);
    for (int i = 0; i < 5; i++)
        desk_peer_of (desk, 0, 1, true, false);
    struct listener *asker = desk_peer_of (desk, 0, 1, true, true);
    for (int i = 0; i < 200; i++) {
        assert_int_equal (
            gossip_pick_peers (desk->gossip, asker->id, peers, ingresses, 3),
            3);
        assert_int_equal (peers[0], out->id);
        assert_ptr_equal (ingresses[0], &desk->ingress[1]);
        assert_int_not_equal (peers[1], peers[2]);
        for (int k = 1; k < 3; k++) {
            assert_in_range (peers[k], 1003, 1007);
            seen |= UINT64_C (1) << (peers[k] - 1003);
        }
    }
    assert_int_equal (seen, 0x1f);
    gossip_ingress_gone (desk->gossip, &desk->ingress[0]);
    gossip_ingress_gone (desk->gossip, &desk->ingress[1]);
    assert_int_equal (gossip_pick_peers (desk->gossip, 1, peers, ingresses, 3),
                      0);
}

static void
test_peers_are_bounded (void **state)
{
    struct desk *desk = *state;
    struct link_peer_ready ready = {.governance = true};
    for (uint64_t peer = 1; peer <= GOSSIP_PEERS_MAX; peer++) {
        ready.peer = peer;
        CHECK_OK (gossip_peer_up (desk->gossip, &desk->ingress[0], &ready,
                                  desk->now));
    }
    ready.peer = 1; /* told again */
    CHECK_OK (
        gossip_peer_up (desk->gossip, &desk->ingress[0], &ready, desk->now));
    ready.peer = GOSSIP_PEERS_MAX + 1;
    CHECK_ERR (
        gossip_peer_up (desk->gossip, &desk->ingress[0], &ready, desk->now),
        -E2BIG);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_new_entry_goes_to_every_governance_peer_once),
        TEST (test_one_delivery_serves_many_peers),
        TEST (test_entry_that_comes_twice_is_offered_once),
        TEST (test_nobody_is_placed_before_the_head),
        TEST (test_newcomer_gets_the_last_hour_only),
        TEST (test_newcomer_gets_a_thousand_entries_at_most),
        TEST (test_empty_hour_leaves_nothing_to_offer),
        TEST (test_backlog_is_paced_and_live_entries_are_not),
        TEST (test_paced_backlog_waits_without_spinning),
        TEST (test_trickle_holds_entries_back_for_a_group_together),
        TEST (test_groups_are_released_apart),
        TEST (test_peer_that_does_not_drain_keeps_its_place),
        TEST (test_ingress_without_room_is_served_later),
        TEST (test_entries_that_turned_stale_are_passed_over_and_counted),
        TEST (test_peer_that_left_is_offered_nothing),
        TEST (test_more_is_drained_than_was_given_does_no_harm),
        TEST (test_picked_peers_are_random_outbound_first_and_not_the_asker),
        TEST (test_peers_are_bounded),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
