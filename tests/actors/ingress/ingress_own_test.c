/* SPDX-License-Identifier: MIT */
/* ingress_own_test - the real edge notices what was handed in here and comes
 * back (PROTOCOL 5.8), and whom gossip may trust with it (2.5).
 */
#include "ingress_fixture.h"

#define NAME "a name of 32 bytes of a message " /* the verifier's gov_id */

/* A peer that the relay has dialled: of the network, even from loopback. */
static struct client *
desk_dialled (struct desk *desk, size_t place)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl (INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    struct client *client = &desk->clients[place];
    size_t before = desk->ready_count;
    char text[64];
    int fd = -1;

    desk->listener =
        socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK_OK (bind (desk->listener, (struct sockaddr *)&address, size));
    CHECK_OK (listen (desk->listener, 4));
    CHECK_OK (getsockname (desk->listener, (struct sockaddr *)&address, &size));
    bench_watch (&desk->bench, desk->listener);
    snprintf (text, sizeof text, "127.0.0.1:%u", ntohs (address.sin_port));
    dial (desk, text);
    UNTIL ((fd = accept4 (desk->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    bench_unwatch (&desk->bench, desk->listener);
    client_take (client, fd, &desk->bench);
    client_shake (client);
    UNTIL (desk->ready_count == before + 1);
    return client;
}

/* CLIENT sends TEXT, which gets VERDICT unless its bytes are known. */
static void
send_judged (struct desk *desk, struct client *client, const char *text,
             enum verdict verdict)
{
    desk->verifiers[0].answers = true;
    desk->verifiers[0].verdict = verdict;
    say_veto (client, text);
    client_barrier (client);
    /* What it told gossip before its answer here is there as well. */
    bench_counter (&desk->bench, desk->ingress, "peers");
}

static void
test_message_that_comes_back_is_told_to_gossip_once (void **state)
{
    struct desk *desk = *state;
    desk_verifier (desk, 0);
    struct client *sender = desk_client (desk, 0);
    struct client *network = desk_dialled (desk, 1);
    send_judged (desk, sender, NAME "- mine", VERDICT_ACCEPTED);
    assert_true (desk->verifiers[0].frames[0].local);
    send_judged (desk, network, NAME "- mine", VERDICT_DUPLICATE);
    UNTIL (desk->heard_count == 1);
    assert_int_equal (desk->verifiers[0].count, 1); /* by its bytes */
    assert_memory_equal (desk->heard.bytes, NAME, 32);
    send_judged (desk, network, NAME "- mine", VERDICT_DUPLICATE);
    send_judged (desk, network, NAME "- a copy", VERDICT_DUPLICATE);
    assert_int_equal (desk->heard_count, 1);
}

static void
test_other_bytes_of_the_message_count_as_well (void **state)
{
    struct desk *desk = *state;
    desk_verifier (desk, 0);
    struct client *sender = desk_client (desk, 0);
    struct client *network = desk_dialled (desk, 1);
    send_judged (desk, sender, NAME "- mine", VERDICT_ACCEPTED);
    send_judged (desk, network, NAME "- a copy", VERDICT_DUPLICATE);
    UNTIL (desk->heard_count == 1);
    assert_false (desk->verifiers[0].frames[1].local);
    assert_memory_equal (desk->heard.bytes, NAME, 32);
}

static void
test_what_is_handed_in_again_did_not_come_back (void **state)
{
    struct desk *desk = *state;
    desk_verifier (desk, 0);
    struct client *sender = desk_client (desk, 0);
    struct client *other = desk_client (desk, 1);
    struct client *network = desk_dialled (desk, 2);
    send_judged (desk, sender, NAME "- mine", VERDICT_ACCEPTED);
    send_judged (desk, other, NAME "- mine", VERDICT_DUPLICATE);
    send_judged (desk, other, NAME "- a copy", VERDICT_DUPLICATE);
    assert_int_equal (desk->heard_count, 0);
    send_judged (desk, network, NAME "- mine", VERDICT_DUPLICATE);
    UNTIL (desk->heard_count == 1);
}

static void
test_messages_of_others_and_junk_are_not_told (void **state)
{
    struct desk *desk = *state;
    desk_verifier (desk, 0);
    struct client *sender = desk_client (desk, 0);
    struct client *network = desk_dialled (desk, 1);
    send_judged (desk, network, NAME "- theirs", VERDICT_ACCEPTED);
    send_judged (desk, network, NAME "- theirs", VERDICT_DUPLICATE);
    send_judged (desk, sender, "junk", VERDICT_STALE);
    send_judged (desk, network, "junk", VERDICT_STALE);
    assert_int_equal (desk->heard_count, 0);
}

/* It is told when gossip is there to hear it. */
static void
test_message_that_comes_back_without_gossip_is_told_the_next_time (void **state)
{
    struct desk *desk = *state;
    desk_verifier (desk, 0);
    struct client *sender = desk_client (desk, 0);
    struct client *network = desk_dialled (desk, 1);
    send_judged (desk, sender, NAME "- mine", VERDICT_ACCEPTED);
    bench_link_close (&desk->bench, &desk->gossip);
    desk->gossip_ingress = NULL;
    UNTIL (bench_logged (&desk->bench, "LINK-DOWN link=delivery"));
    send_judged (desk, network, NAME "- mine", VERDICT_DUPLICATE);
    desk_gossip (desk);
    assert_int_equal (desk->heard_count, 0);
    send_judged (desk, network, NAME "- mine", VERDICT_DUPLICATE);
    UNTIL (desk->heard_count == 1);
}

/*~ PROTOCOL 2.5. */

static void
test_gossip_is_told_when_a_peer_is_confirmed_later (void **state)
{
    struct desk *desk = *state;
    struct client *client = &desk->clients[0];
    desk_verifier (desk, 0);
    client_connect (client, &desk->bench, desk->port);
    client_shake_as (client, false);
    UNTIL (desk->ready_count == 1);
    assert_false (desk->ready[0].confirmed);
    send_judged (desk, client, "junk", VERDICT_STALE);
    assert_int_equal (desk->ready_count, 1);
    send_judged (desk, client, NAME, VERDICT_ACCEPTED);
    UNTIL (desk->ready_count == 2);
    assert_true (desk->ready[1].confirmed);
    assert_int_equal (desk->ready[1].peer, desk->ready[0].peer);
    send_judged (desk, client, NAME, VERDICT_DUPLICATE);
    assert_int_equal (desk->ready_count, 2);
    assert_int_equal (desk->gone_count, 0);
}

static void
test_peers_that_announced_or_are_configured_are_confirmed (void **state)
{
    struct desk *desk = *state;
    desk_client (desk, 0);
    desk_dialled (desk, 1);
    assert_true (desk->ready[0].confirmed);
    assert_false (desk->ready[0].outbound);
    assert_true (desk->ready[1].confirmed);
    assert_true (desk->ready[1].outbound);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_message_that_comes_back_is_told_to_gossip_once),
        TEST (test_other_bytes_of_the_message_count_as_well),
        TEST (test_what_is_handed_in_again_did_not_come_back),
        TEST (test_messages_of_others_and_junk_are_not_told),
        TEST (
            test_message_that_comes_back_without_gossip_is_told_the_next_time),
        TEST (test_gossip_is_told_when_a_peer_is_confirmed_later),
        TEST (test_peers_that_announced_or_are_configured_are_confirmed),
    };
    zsys_handler_set (NULL);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
