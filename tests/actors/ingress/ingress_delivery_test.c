/* SPDX-License-Identifier: MIT */
/* ingress_delivery_test - what the real edge sends to peers, and whom it
 * dials.
 */
#include "ingress_fixture.h"

/*~ Deliveries. */

static void
test_delivery_reaches_the_peers_that_are_named_once (void **state)
{
    struct desk *desk = *state;
    struct client *client[3];
    for (size_t i = 0; i < 3; i++)
        client[i] = desk_client (desk, i);
    uint64_t peers[] = {desk->ready[0].peer, desk->ready[1].peer};
    for (uint64_t i = 1; i <= 3; i++) {
        deliver (desk, COMMAND_ECONVETO, "news", peers, 2);
        UNTIL (desk->drained[0] == 4 * i && desk->drained[1] == 4 * i);
    }
    for (size_t i = 0; i < 3; i++) {
        client_barrier (client[i]);
        assert_int_equal (client[i]->governance, i < 2 ? 1 : 0);
    }
    assert_string_equal (client[0]->last, "news");
    assert_int_equal (client[0]->heard[FRAME_ECONVETO], 1);
    assert_int_equal (
        bench_counter (&desk->bench, desk->ingress, "messages_sent"), 2);
}

/* PROTOCOL 5.5: "except those that it has sent us or we have sent it". */
static void
test_delivery_never_goes_back_to_whoever_sent_it (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_verifier (desk, 0);
    struct client *sender = desk_client (desk, 0);
    struct client *other = desk_client (desk, 1);
    uint64_t peers[] = {desk->ready[0].peer, desk->ready[1].peer};
    say_veto (sender, "mine");
    UNTIL (verifier->count == 1);
    /* Gossip may be faster than the verdict. */
    deliver (desk, COMMAND_ECONVETO, "mine", peers, 2);
    UNTIL (desk->drained[0] == 4 && desk->drained[1] == 4);
    verifier_answer (verifier, 0, VERDICT_ACCEPTED);
    client_barrier (sender);
    client_barrier (other);
    assert_int_equal (sender->governance, 0);
    assert_int_equal (other->governance, 1);
}

/* Another copy of a message that it has: the name counts, not the bytes. */
static void
test_peer_that_sent_another_copy_is_not_sent_ours (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_verifier (desk, 0);
    struct client *sender = desk_client (desk, 0);
    verifier->answers = true;
    verifier->verdict = VERDICT_DUPLICATE;
    say_veto (sender, "a name of 32 bytes of a message - this copy");
    client_barrier (sender);
    deliver (desk, COMMAND_ECONVETO, "a name of 32 bytes of a message - that",
             &desk->ready[0].peer, 1);
    UNTIL (desk->drained[0] == 38);
    client_barrier (sender);
    assert_int_equal (sender->governance, 0);
}

static void
test_status_messages_may_be_delivered_again (void **state)
{
    struct desk *desk = *state;
    struct client *client = desk_client (desk, 0);
    for (size_t i = 1; i <= 3; i++) {
        deliver (desk, COMMAND_ECONSTATUS, "answer", &desk->ready[0].peer, 1);
        UNTIL (client_hear (client) && client->governance == i);
    }
}

static void
test_delivery_to_a_peer_that_left_does_no_harm (void **state)
{
    struct desk *desk = *state;
    struct client *client = desk_client (desk, 0);
    uint64_t peers[] = {1, desk->ready[0].peer ^ 1, desk->ready[0].peer, 0};
    deliver (desk, COMMAND_ECONVETO, "news", peers, 4);
    UNTIL (client_hear (client) && client->governance == 1);
}

static void
test_large_deliveries_arrive_whole_at_a_slow_reader (void **state)
{
    struct desk *desk = *state;
    static char text[65537];
    struct client *client = desk_client (desk, 0);
    memset (text, 'x', 65536);
    for (int i = 0; i < 100; i++) { /* 6.25 MiB into a socket nobody reads */
        snprintf (text, 16, "%015d", i);
        text[15] = 'x';
        UNTIL (link_credit (desk->gossip_ingress) > 66000);
        deliver (desk, COMMAND_ECONREG, text, &desk->ready[0].peer, 1);
    }
    UNTIL (client_hear (client) && client->governance == 100);
    UNTIL (desk->drained[0] == 100 * 65536);
    assert_memory_equal (client->last, "000000000000099x", 16);
}

static void
test_restarted_gossip_hears_of_all_peers_again (void **state)
{
    struct desk *desk = *state;
    desk_client (desk, 0);
    desk_client (desk, 1);
    bench_link_close (&desk->bench, &desk->gossip);
    desk->gossip_ingress = NULL;
    desk->ready_count = 0;
    desk_gossip (desk);
    UNTIL (desk->ready_count == 2);
    deliver (desk, COMMAND_ECONVETO, "news", &desk->ready[0].peer, 1);
    UNTIL (desk->drained[0] == 4);
}

static void
test_restarted_registry_hears_of_all_peers_again (void **state)
{
    struct desk *desk = *state;
    desk_client (desk, 0);
    bench_link_close (&desk->bench, &desk->registry);
    desk->registry_ingress = NULL;
    desk->states[PEER_SHAKEN] = 0;
    desk_registry (desk);
    UNTIL (desk->states[PEER_SHAKEN] == 1);
}

/*~ Dialling. */

static void
test_dialled_peer_is_shaken_hands_with_and_kept (void **state)
{
    struct desk *desk = *state;
    char address[64];
    int fd = -1;
    snprintf (address, sizeof address, "localhost:%u", desk_listen (desk));
    dial (desk, address);
    UNTIL ((fd = accept4 (desk->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    struct client *client = &desk->clients[0];
    client_take (client, fd, &desk->bench);
    /* PROTOCOL 1.6: "The dialler sends `version` first." */
    UNTIL (client_hear (client) && client->heard[FRAME_VERSION] == 1);
    client_shake (client);
    UNTIL (desk->states[PEER_SHAKEN] == 1);
    assert_string_equal (desk->dialled, address);
    assert_true (desk->peer.outbound);
    assert_true (desk->states[PEER_DIALLING] >= 1);
    assert_true (desk->ready[0].outbound);

    dial (desk, address); /* a wish that is fulfilled: how things stand */
    UNTIL (desk->states[PEER_SHAKEN] == 2);
    errno = 0;
    assert_int_equal (accept (desk->listener, NULL, NULL), -1);
    assert_int_equal (errno, EAGAIN);
    client_close (client);
    UNTIL (desk->states[PEER_LEFT] == 1);
    assert_string_equal (desk->dialled, address);
    dial (desk, address);
    UNTIL ((fd = accept4 (desk->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    close (fd);
    bench_unwatch (&desk->bench, desk->listener);
}

static void
test_failed_dial_is_told (void **state)
{
    struct desk *desk = *state;
    char address[64];
    snprintf (address, sizeof address, "127.0.0.1:%u", desk_listen (desk));
    bench_unwatch (&desk->bench, desk->listener);
    close (desk->listener);
    desk->listener = -1;
    dial (desk, address);
    UNTIL (desk->states[PEER_LEFT] == 1);
    assert_string_equal (desk->dialled, address);
    assert_string_equal (desk->words, "refused");
    dial (desk, "no port here");
    UNTIL (desk->states[PEER_LEFT] == 2);
    assert_string_equal (desk->dialled, "no port here");
}

static void
test_ourselves_are_recognised (void **state)
{
    struct desk *desk = *state;
    char address[64];
    snprintf (address, sizeof address, "127.0.0.1:%u", desk->port);
    dial (desk, address);
    UNTIL (desk->states[PEER_LEFT] == 2); /* both ends */
    assert_int_equal (desk->states[PEER_SHAKEN], 0);
    assert_int_equal (desk->ready_count, 0);
}

static void
test_dial_that_is_under_way_does_not_hold_up_the_end (void **state)
{
    struct desk *desk = *state;
    char address[64];
    snprintf (address, sizeof address, "127.0.0.1:%u", desk_listen (desk));
    bench_unwatch (&desk->bench, desk->listener);
    for (int i = 0; i < 4; i++) {
        dial (desk, address);
        dial (desk, "localhost:1");
        dial (desk, "name.invalid:1");
    }
    assert_int_equal (bench_stop (&desk->bench, desk->ingress), 0);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_delivery_reaches_the_peers_that_are_named_once),
        TEST (test_delivery_never_goes_back_to_whoever_sent_it),
        TEST (test_peer_that_sent_another_copy_is_not_sent_ours),
        TEST (test_status_messages_may_be_delivered_again),
        TEST (test_delivery_to_a_peer_that_left_does_no_harm),
        TEST (test_large_deliveries_arrive_whole_at_a_slow_reader),
        TEST (test_restarted_gossip_hears_of_all_peers_again),
        TEST (test_restarted_registry_hears_of_all_peers_again),
        TEST (test_dialled_peer_is_shaken_hands_with_and_kept),
        TEST (test_failed_dial_is_told),
        TEST (test_ourselves_are_recognised),
        TEST (test_dial_that_is_under_way_does_not_hold_up_the_end),
    };
    zsys_handler_set (NULL);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
