/* SPDX-License-Identifier: MIT */
/* ingress_admission_test - the real edge: who is let in, who has to go, who is
 * reported. Loopback is treated like any network here, and its addresses make
 * many of them: 127.0.1.1 and 127.0.2.1 are in different /24.
 */
#include "ingress_fixture.h"

#include "actors/ingress/ingress.h"

static const struct ingress_tuning tuning = {
    .times = CONNECTION_TIMES_DEFAULT,
    .limits = {.per_network = 2,
               .network_rate = 4,
               .total_rate = 600,
               .unconfirmed_inbound = 2,
               .unconfirmed_outbound = 1},
    .confirm_us = SECOND_US / 5,
    .strict = true};

static void
tuned_actor (zsock_t *pipe, void *args)
{
    ingress_run (pipe, args, &tuning);
}

static void
desk_begin_tuned (struct desk *desk, const char *option, const char *value)
{
    desk->entry = tuned_actor;
    desk_begin (desk, BENCH_INPROC, option, value);
}

static int
desk_open_tuned (void **state)
{
    desk_create (state);
    desk_begin_tuned (*state, NULL, NULL);
    return 0;
}

static int64_t
counter (struct desk *desk, const char *name)
{
    return bench_counter (&desk->bench, desk->ingress, name);
}

/* A stranger knocks from SOURCE and says nothing. */
static struct client *
knock (struct desk *desk, size_t place, const char *source)
{
    struct client *client = &desk->clients[place];
    client_close (client);
    client_connect_from (client, &desk->bench, desk->port, source);
    return client;
}

/* A peer with bit 29 that does not announce econ-relay. */
static void
shake_silently (struct client *client)
{
    client_say_version (client);
    client_say (client, "verack", (struct bytes){0});
    BENCH_WAIT (client->bench,
                client_hear (client) && client->heard[FRAME_VERACK] == 1);
}

static bool
is_closed (struct client *client)
{
    return client_hear (client) && client->closed;
}

static void
ban (struct desk *desk, const char *address, int64_t for_s, bool manual)
{
    int64_t until_s = for_s ? moment_unix_s (moment_now ()) + for_s : 0;
    int64_t before = counter (desk, "bans");
    struct link_message message = {.id = MESSAGE_BAN,
                                   .ban = {.address = bytes_of_text (address),
                                           .until_s = until_s,
                                           .manual = manual}};
    CHECK_OK (link_send (desk->registry, desk->registry_ingress, &message));
    link_flush (desk->registry);
    UNTIL (counter (desk, "bans") == before + (for_s ? 1 : -1));
}

/*~ Networks. */

static void
test_one_network_gets_so_many_slots (void **state)
{
    struct desk *desk = *state;
    client_shake (knock (desk, 0, "127.0.1.1"));
    client_shake (knock (desk, 1, "127.0.1.2"));
    struct client *third = knock (desk, 2, "127.0.1.3");
    UNTIL (is_closed (third));
    client_shake (knock (desk, 3, "127.0.2.1"));
    assert_int_equal (counter (desk, "refused_network_full"), 1);
    assert_int_equal (counter (desk, "inbound"), 3);
    client_close (&desk->clients[0]); /* its slot is free again */
    UNTIL (counter (desk, "inbound") == 2);
    client_shake (knock (desk, 2, "127.0.1.4"));
}

static void
test_one_network_comes_so_often (void **state)
{
    struct desk *desk = *state;
    for (size_t i = 1; i <= 4; i++) {
        client_shake (knock (desk, 0, "127.0.1.1"));
        client_close (&desk->clients[0]);
        UNTIL (desk->gone_count == i);
    }
    struct client *fifth = knock (desk, 0, "127.0.1.2");
    UNTIL (is_closed (fifth));
    assert_int_equal (counter (desk, "refused_network_rate"), 1);
    client_shake (knock (desk, 1, "127.0.2.1"));
}

static void
test_loopback_is_spared (void **state)
{
    struct desk *desk = *state;
    desk_begin (desk, BENCH_INPROC, NULL, NULL);
    for (size_t i = 1; i <= ADMISSION_PER_NETWORK_RATE + 5; i++) {
        client_shake (knock (desk, 0, "127.0.0.1"));
        client_close (&desk->clients[0]);
        UNTIL (desk->gone_count == i);
    }
    assert_int_equal (counter (desk, "connections_refused"), 0);
}

static void
test_noban_is_spared (void **state)
{
    struct desk *desk = *state;
    desk_begin_tuned (desk, "node.noban", "127.0.1.0/24");
    for (size_t i = 0; i < 5; i++)
        client_shake (knock (desk, i, "127.0.1.1"));
    assert_int_equal (counter (desk, "connections_refused"), 0);
}

/*~ Slots. */

static void
test_unconfirmed_peer_with_the_bit_goes_for_a_newcomer (void **state)
{
    struct desk *desk = *state;
    desk_begin_tuned (desk, "node.max_inbound", "2");
    shake_silently (knock (desk, 0, "127.0.1.1"));
    client_shake (knock (desk, 1, "127.0.2.1"));
    client_shake (knock (desk, 2, "127.0.3.1"));
    UNTIL (is_closed (&desk->clients[0]));
    client_barrier (&desk->clients[1]);
    assert_int_equal (counter (desk, "connections_evicted"), 1);
    assert_int_equal (counter (desk, "inbound"), 2);
    struct client *fourth = knock (desk, 3, "127.0.4.1"); /* both are safe */
    UNTIL (is_closed (fourth));
    assert_int_equal (counter (desk, "refused_full"), 1);
    client_barrier (&desk->clients[1]);
    client_barrier (&desk->clients[2]);
}

static void
test_unconfirmed_peers_with_the_bit_hold_few_slots (void **state)
{
    struct desk *desk = *state;
    shake_silently (knock (desk, 0, "127.0.1.1"));
    shake_silently (knock (desk, 1, "127.0.2.1"));
    UNTIL (desk->states[PEER_SHAKEN] == 2);
    struct client *third = knock (desk, 2, "127.0.3.1");
    client_say_version (third);
    client_say (third, "verack", (struct bytes){0});
    UNTIL (is_closed (third));
    UNTIL (desk->states[PEER_LEFT] == 1);
    assert_string_equal (desk->words,
                         "no slot for one more that is unconfirmed");
    client_shake (knock (desk, 3, "127.0.4.1")); /* it announces */

    /* One of them proves itself, and another one has room. */
    struct verifier *verifier = &desk->verifiers[0];
    desk_verifier (desk, 0);
    verifier->answers = true;
    verifier->verdict = VERDICT_ACCEPTED;
    say_veto (&desk->clients[0], "one");
    client_barrier (&desk->clients[0]);
    shake_silently (knock (desk, 2, "127.0.3.1"));
    client_barrier (&desk->clients[2]);
}

static void
poor_actor (zsock_t *pipe, void *args)
{
    struct ingress_tuning poor = tuning;
    poor.limits.descriptors = 2;
    ingress_run (pipe, args, &poor);
}

static void
test_few_descriptors_mean_few_slots_and_are_loud (void **state)
{
    struct desk *desk = *state;
    desk->entry = poor_actor;
    desk_begin (desk, BENCH_INPROC, "node.max_inbound", "50");
    assert_true (bench_logged (&desk->bench,
                               "INGRESS-DESCRIPTORS max_inbound=50 usable=2"));
    client_shake (knock (desk, 0, "127.0.1.1"));
    client_shake (knock (desk, 1, "127.0.2.1"));
    struct client *third = knock (desk, 2, "127.0.3.1");
    UNTIL (is_closed (third));
    assert_int_equal (counter (desk, "refused_descriptors"), 1);
    client_barrier (&desk->clients[0]);
}

/*~ Bans. */

static void
test_manual_ban_closes_and_refuses_until_it_is_lifted (void **state)
{
    struct desk *desk = *state;
    client_shake (knock (desk, 0, "127.0.1.1"));
    client_shake (knock (desk, 1, "127.0.2.1"));
    ban (desk, "127.0.1.0/24", 3600, true);
    UNTIL (is_closed (&desk->clients[0]));
    UNTIL (desk->states[PEER_LEFT] == 1);
    assert_string_equal (desk->words, "banned");
    struct client *again = knock (desk, 0, "127.0.1.2");
    UNTIL (is_closed (again));
    assert_int_equal (counter (desk, "refused_banned"), 1);
    client_barrier (&desk->clients[1]);
    ban (desk, "127.0.1.0/24", 0, true);
    client_shake (knock (desk, 0, "127.0.1.2"));
}

static void
test_noban_is_never_banned (void **state)
{
    struct desk *desk = *state;
    desk_begin_tuned (desk, "node.noban", "127.0.1.1");
    client_shake (knock (desk, 0, "127.0.1.1"));
    ban (desk, "127.0.1.0/24", 3600, true);
    client_barrier (&desk->clients[0]);
    client_shake (knock (desk, 1, "127.0.1.1"));
}

static void
test_discouraged_stays_and_is_refused_when_slots_are_scarce (void **state)
{
    struct desk *desk = *state;
    static const char *const sources[] = {"127.0.1.1", "127.0.2.1", "127.0.3.1",
                                          "127.0.4.1"};
    desk_begin_tuned (desk, "node.max_inbound", "5");
    ban (desk, "127.0.1.1", 3600, false);
    for (size_t i = 0; i < ARRAY_SIZE (sources); i++)
        client_shake (knock (desk, i, sources[i]));
    struct client *fifth = knock (desk, 4, "127.0.1.1");
    UNTIL (is_closed (fifth));
    assert_int_equal (counter (desk, "refused_discouraged"), 1);
    client_shake (knock (desk, 4, "127.0.5.1"));
    client_barrier (&desk->clients[0]);
}

static void
test_new_registry_begins_with_no_bans (void **state)
{
    struct desk *desk = *state;
    ban (desk, "127.0.1.1", 3600, true);
    bench_link_close (&desk->bench, &desk->registry);
    desk->registry_ingress = NULL;
    desk_registry (desk);
    UNTIL (counter (desk, "bans") == 0);
    client_shake (knock (desk, 0, "127.0.1.1"));
}

static void
test_ban_of_nonsense_does_no_harm (void **state)
{
    struct desk *desk = *state;
    struct link_message message = {
        .id = MESSAGE_BAN,
        .ban = {.address = bytes_of_text ("example.com"),
                .until_s = INT64_MAX,
                .manual = true}};
    CHECK_OK (link_send (desk->registry, desk->registry_ingress, &message));
    link_flush (desk->registry);
    UNTIL (bench_logged (&desk->bench, "INGRESS-BAN"));
    client_shake (knock (desk, 0, "127.0.1.1"));
}

/*~ Points. */

static void
test_points_are_reported_for_the_address (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_verifier (desk, 0);
    verifier->answers = true;
    verifier->verdict = VERDICT_BAD_SIGNATURE;
    client_shake (knock (desk, 0, "127.0.1.7"));
    say_veto (&desk->clients[0], "one");
    UNTIL (desk->points_count == 1);
    assert_string_equal (desk->culprit, "127.0.1.7");
    assert_int_equal (desk->points, 20);
    for (int i = 0; i < 4; i++)
        say_veto (&desk->clients[0], "one");
    UNTIL (is_closed (&desk->clients[0]));
    UNTIL (desk->points_count == 5);
}

static void
test_points_of_loopback_are_not_reported (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_begin (desk, BENCH_INPROC, NULL, NULL);
    desk_verifier (desk, 0);
    verifier->answers = true;
    verifier->verdict = VERDICT_BAD_SIGNATURE;
    struct client *client = desk_client (desk, 0);
    for (int i = 0; i < 5; i++)
        say_veto (client, "one");
    UNTIL (is_closed (client));
    UNTIL (desk->states[PEER_LEFT] == 1);
    assert_int_equal (desk->peer.points, 100);
    assert_int_equal (desk->points_count, 0);
}

/*~ Whom we dialled. */

static struct client *
take_dialled (struct desk *desk, size_t place)
{
    int fd = -1;
    UNTIL ((fd = accept4 (desk->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    struct client *client = &desk->clients[place];
    client_take (client, fd, &desk->bench);
    return client;
}

/* PROTOCOL 2.5: "An automatic outbound peer that is not confirmed 120 s after
 * `verack` is dropped". The other two outlast it. */
static void
test_automatic_peer_that_stays_unconfirmed_is_dropped (void **state)
{
    struct desk *desk = *state;
    char address[64];
    unsigned port = desk_listen (desk);
    snprintf (address, sizeof address, "127.0.0.1:%u", port);
    dial (desk, address); /* configured */
    shake_silently (take_dialled (desk, 0));
    snprintf (address, sizeof address, "localhost:%u", port);
    dial_as (desk, address, true);
    shake_silently (take_dialled (desk, 1));
    UNTIL (is_closed (&desk->clients[1]));
    UNTIL (strcmp (desk->words, "unconfirmed") == 0);
    assert_string_equal (desk->dialled, address);
    dial_as (desk, address, true);
    client_shake (take_dialled (desk, 2)); /* it announces: it stays */
    client_barrier (&desk->clients[0]);
    client_barrier (&desk->clients[2]);
    bench_unwatch (&desk->bench, desk->listener);
}

static void
test_automatic_peer_that_proves_itself_stays (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    char address[64];
    desk_verifier (desk, 0);
    verifier->answers = true;
    verifier->verdict = VERDICT_ACCEPTED;
    unsigned port = desk_listen (desk);
    snprintf (address, sizeof address, "127.0.0.1:%u", port);
    dial_as (desk, address, true);
    shake_silently (take_dialled (desk, 0));
    say_veto (&desk->clients[0], "one");
    client_barrier (&desk->clients[0]);
    UNTIL (desk->peer.confirmed);
    snprintf (address, sizeof address, "localhost:%u", port);
    dial_as (desk, address, true); /* a clock: it is dropped in time */
    shake_silently (take_dialled (desk, 1));
    UNTIL (is_closed (&desk->clients[1]));
    client_barrier (&desk->clients[0]);
    bench_unwatch (&desk->bench, desk->listener);
}

static void
test_automatic_peer_earns_points (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    char address[64];
    desk_verifier (desk, 0);
    verifier->answers = true;
    verifier->verdict = VERDICT_MALFORMED;
    snprintf (address, sizeof address, "127.0.0.1:%u", desk_listen (desk));
    dial_as (desk, address, true);
    client_shake (take_dialled (desk, 0));
    say_veto (&desk->clients[0], "one");
    UNTIL (desk->points_count == 1);
    assert_string_equal (desk->culprit, "127.0.0.1");
    assert_int_equal (desk->points, 10);
    bench_unwatch (&desk->bench, desk->listener);
}

static void
test_banned_address_is_not_kept_when_it_was_dialled (void **state)
{
    struct desk *desk = *state;
    char address[64];
    ban (desk, "127.0.0.1", 3600, false);
    snprintf (address, sizeof address, "localhost:%u", desk_listen (desk));
    dial_as (desk, address, true);
    UNTIL (desk->states[PEER_LEFT] == 1);
    assert_string_equal (desk->words, "banned");
    assert_string_equal (desk->dialled, address);
    bench_unwatch (&desk->bench, desk->listener);
}

int
main (void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown (name, desk_open_tuned, desk_close)
#define BARE(name)                                                             \
    cmocka_unit_test_setup_teardown (name, desk_create, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_one_network_gets_so_many_slots),
        TEST (test_one_network_comes_so_often),
        BARE (test_loopback_is_spared),
        BARE (test_noban_is_spared),
        BARE (test_unconfirmed_peer_with_the_bit_goes_for_a_newcomer),
        TEST (test_unconfirmed_peers_with_the_bit_hold_few_slots),
        BARE (test_few_descriptors_mean_few_slots_and_are_loud),
        TEST (test_manual_ban_closes_and_refuses_until_it_is_lifted),
        BARE (test_noban_is_never_banned),
        BARE (test_discouraged_stays_and_is_refused_when_slots_are_scarce),
        TEST (test_new_registry_begins_with_no_bans),
        TEST (test_ban_of_nonsense_does_no_harm),
        TEST (test_points_are_reported_for_the_address),
        BARE (test_points_of_loopback_are_not_reported),
        TEST (test_automatic_peer_that_stays_unconfirmed_is_dropped),
        TEST (test_automatic_peer_that_proves_itself_stays),
        TEST (test_automatic_peer_earns_points),
        TEST (test_banned_address_is_not_kept_when_it_was_dialled),
    };
    zsys_handler_set (NULL);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
