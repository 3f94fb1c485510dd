/* SPDX-License-Identifier: MIT */
/* tool_client_test - `govrelay send` and `govrelay status` against relays, and
 * against what is none. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_relay.h"
#include "tool_support.h"
#include "tools/client.h"

#define STATUS_ANSWER                                                          \
    "{\"node_id\":7,\"node_type\":\"exchange\",\"entity_name\":"               \
    "\"B\\u00fcck\","                                                          \
    "\"status\":\"active\",\"weight\":0.25,\"registered_at\":1764361549,"      \
    "\"last_verified_at\":null}"

/* An answer to a question that nobody asked. */
#define STATUS_LIE                                                             \
    "{\"request_id\":1,\"node_identifier\":\"7\",\"query_type\":\"by_id\","    \
    "\"status\":{\"node_id\":7,\"node_type\":\"exchange\",\"entity_name\":"    \
    "\"Mallory\",\"status\":\"removed\",\"weight\":0,\"registered_at\":1,"     \
    "\"last_verified_at\":null}}"

static struct fake_relay *
relay_start (enum fake_kind kind)
{
    return fake_relay_start (
        &(struct fake_options){.network = NETWORK_REGTEST, .kind = kind});
}

/* Returns a signed veto in a file; its path is yours to free (). */
static char *
veto_file (void **state)
{
    char *key = key_make (state, "key", "ed25519");
    char *veto = veto_make (key, "5");
    char *path = file_make (state, "veto", veto);

    free (veto);
    free (key);
    return path;
}

static void
test_message_is_handed_over (void **state)
{
    struct fake_relay *relay = relay_start (FAKE_RELAY);
    char *veto = veto_file (state);

    CHECK_RUN (0, "handed over to 127.0.0.1:", "send", "--network", "regtest",
               fake_relay_target (relay, 0), veto);
    assert_int_equal (fake_relay_stop (&relay), 1);
    free (veto);
}

static void
test_message_from_standard_input_is_handed_over (void **state)
{
    struct fake_relay *relay = relay_start (FAKE_RELAY);
    char *key = key_make (state, "key", "secp256k1");
    char *veto = veto_make (key, "5");

    CHECK_RUN_WITH (veto, 0, "\"handed_over\":true,\"confirmed\":null}", "send",
                    "--json", "--network", "regtest",
                    fake_relay_target (relay, 1));
    assert_int_equal (fake_relay_stop (&relay), 1);
    free (veto);
    free (key);
}

static void
test_many_messages_of_many_files_arrive (void **state)
{
    struct fake_relay *relay = relay_start (FAKE_RELAY);
    char *veto = veto_file (state);
    char *lines = path_in (state, "lines");
    char *key = path_in (state, "key");
    FILE *file = fopen (lines, "w");

    assert_non_null (file);
    for (int i = 0; i < 300; i++) {
        char *message = veto_make (key, "9");
        (void)fprintf (file, "%s\n", message);
        free (message);
    }
    (void)fclose (file);
    CHECK_RUN (0, "handed over", "send", "--network", "regtest", "--confirm",
               fake_relay_target (relay, 1), fake_relay_target (relay, 0), veto,
               lines);
    assert_int_equal (fake_relay_stop (&relay), 301);
    free (veto);
    free (lines);
    free (key);
}

static void
test_message_that_comes_back_is_confirmed (void **state)
{
    struct fake_relay *relay = relay_start (FAKE_RELAY);
    char *veto = veto_file (state);

    CHECK_RUN (0, ", confirmed by 127.0.0.1:", "send", "--network", "regtest",
               "--confirm", fake_relay_target (relay, 1),
               fake_relay_target (relay, 0), veto);
    CHECK_RUN (0, "\"confirmed\":true}", "send", "--json", "--network",
               "regtest", "--confirm", fake_relay_target (relay, 1),
               fake_relay_target (relay, 0), veto);
    (void)fake_relay_stop (&relay);
    free (veto);
}

static void
test_message_with_another_node_id_is_confirmed_by_its_gov_id (void **state)
{
    struct fake_relay *relay = relay_start (FAKE_ALTERING);
    char *veto = veto_file (state);

    CHECK_RUN (0, ", confirmed by", "send", "--network", "regtest", "--confirm",
               fake_relay_target (relay, 1), fake_relay_target (relay, 0),
               veto);
    (void)fake_relay_stop (&relay);
    free (veto);
}

static void
test_message_that_does_not_come_back_is_not_confirmed (void **state)
{
    struct fake_relay *relay = relay_start (FAKE_RELAY);
    struct fake_relay *other = relay_start (FAKE_RELAY);
    char *veto = veto_file (state);

    struct run run =
        RUN ("send", "--timeout", "1", "--network", "regtest", "--confirm",
             fake_relay_target (other, 0), fake_relay_target (relay, 0), veto);
    assert_int_equal (run.code, 1);
    assert_non_null (strstr (run.output, "handed over"));
    assert_null (strstr (run.output, "confirmed"));
    assert_non_null (strstr (run.errors, "1 of 1 not confirmed"));
    run_done (&run);
    assert_int_equal (fake_relay_stop (&relay), 1);
    assert_int_equal (fake_relay_stop (&other), 0);
    free (veto);
}

static void
test_nothing_is_sent_if_one_message_is_refused (void **state)
{
    struct fake_relay *relay = relay_start (FAKE_RELAY);
    char *veto = veto_file (state);
    char *junk = file_make (state, "junk", "{\"pr_id\":1}");

    CHECK_RUN (1, "junk, message 1: refused, schema", "send", "--network",
               "regtest", fake_relay_target (relay, 0), veto, junk);
    CHECK_RUN_WITH ("", 1, "standard input, message 1: refused, malformed",
                    "send", "--network", "regtest",
                    fake_relay_target (relay, 0));
    assert_int_equal (fake_relay_stop (&relay), 0);
    free (veto);
    free (junk);
}

static void
test_nothing_is_sent_if_the_witness_is_away (void **state)
{
    struct fake_relay *relay = relay_start (FAKE_RELAY);
    struct fake_relay *away = relay_start (FAKE_HANGS_UP);
    char *veto = veto_file (state);

    CHECK_RUN (2, "it closed the connection", "send", "--network", "regtest",
               "--confirm", fake_relay_target (away, 0),
               fake_relay_target (relay, 0), veto);
    assert_int_equal (fake_relay_stop (&relay), 0);
    (void)fake_relay_stop (&away);
    free (veto);
}

static void
test_status_message_cannot_be_confirmed (void **state)
{
    (void)state;
    CHECK_RUN_WITH ("{\"request_id\":1,\"node_identifier\":\"5\","
                    "\"query_type\":\"by_id\"}",
                    3, "cannot be confirmed", "send", "--confirm", "a:1",
                    "b:1");
}

/* What the tool says of a peer of KIND. */
static void
check_unreachable (void **state, enum fake_kind kind, const char *network,
                   const char *text)
{
    struct fake_relay *relay = relay_start (kind);
    char *veto = veto_file (state);

    CHECK_RUN (2, text, "send", "--timeout", "1", "--network", network,
               fake_relay_target (relay, 0), veto);
    (void)fake_relay_stop (&relay);
    free (veto);
}

static void
test_silent_peer_is_unreachable (void **state)
{
    check_unreachable (state, FAKE_SILENT, "regtest", "no handshake in time");
}

static void
test_peer_that_hangs_up_is_unreachable (void **state)
{
    check_unreachable (state, FAKE_HANGS_UP, "regtest",
                       "it closed the connection");
}

static void
test_peer_of_another_network_is_unreachable (void **state)
{
    check_unreachable (state, FAKE_RELAY, "main",
                       "is it a relay of the network main?");
}

static void
test_peer_without_governance_gets_no_message (void **state)
{
    check_unreachable (state, FAKE_BITCOIND, "regtest", "no governance relay");
}

static void
test_without_pong_nothing_is_handed_over (void **state)
{
    check_unreachable (state, FAKE_NO_PONG, "regtest", "no pong in time");
}

static void
test_relay_that_drops_us_has_taken_nothing (void **state)
{
    check_unreachable (state, FAKE_DROPS, "regtest", "not acknowledged");
}

static void
test_port_where_nobody_listens_is_unreachable (void **state)
{
    struct fake_relay *relay = relay_start (FAKE_RELAY);
    char *target = strdup (fake_relay_target (relay, 0));
    char *veto = veto_file (state);

    (void)fake_relay_stop (&relay);
    CHECK_RUN (2, "cannot connect", "send", "--network", "regtest", target,
               veto);
    CHECK_RUN (2, "cannot connect", "status", "--network", "regtest", target,
               "--id", "1");
    free (target);
    free (veto);
}

static void
test_status_is_asked_and_called_unauthenticated (void **state)
{
    struct fake_options options = {.network = NETWORK_REGTEST,
                                   .answer = STATUS_ANSWER};
    struct fake_relay *relay = fake_relay_start (&options);

    (void)state;
    struct run run = RUN ("status", "--network", "regtest",
                          fake_relay_target (relay, 0), "--id", "7");
    assert_int_equal (run.code, 0);
    assert_non_null (strstr (run.output, "unauthenticated"));
    assert_non_null (strstr (run.output, "entity_name       B\xc3\xbc"
                                         "ck\n"));
    assert_non_null (strstr (run.output, "weight            0.25\n"));
    assert_non_null (strstr (run.output, "last_verified_at  null\n"));
    run_done (&run);
    CHECK_RUN (0, "\"unauthenticated\":true}", "status", "--json", "--network",
               "regtest", fake_relay_target (relay, 0), "--public-key",
               "031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd0"
               "78f");
    assert_int_equal (fake_relay_stop (&relay), 2);
}

static void
test_answer_to_another_question_is_passed_over (void **state)
{
    struct fake_options options = {
        .network = NETWORK_REGTEST, .answer = STATUS_ANSWER, .lie = STATUS_LIE};
    struct fake_relay *relay = fake_relay_start (&options);

    (void)state;
    CHECK_RUN (0, "active", "status", "--network", "regtest",
               fake_relay_target (relay, 0), "--id", "7");
    (void)fake_relay_stop (&relay);
}

static void
test_unknown_node_gets_no_answer (void **state)
{
    struct fake_relay *relay = relay_start (FAKE_RELAY);

    (void)state;
    CHECK_RUN (1, "no answer within 1 s (unauthenticated)", "status",
               "--timeout", "1", "--network", "regtest",
               fake_relay_target (relay, 0), "--id", "7");
    (void)fake_relay_stop (&relay);
}

static void
test_question_names_one_node (void **state)
{
    (void)state;
    CHECK_RUN (3, "one of them", "status", "a:1");
    CHECK_RUN (3, "one of them", "status", "a:1", "--id", "1", "--public-key",
               "x");
    CHECK_RUN (3, "lower-case hex", "status", "a:1", "--public-key", "x");
    CHECK_RUN (3, "whole number", "status", "a:1", "--id", "2147483648");
    CHECK_RUN (3, "node_identifier", "status", "a:1", "--id", "007");
}

/* The client speaks first, and says what PROTOCOL 1.7 and 2.3 ask for. */
static void
test_client_announces_governance_and_nothing_else (void **state)
{
    struct target target = {.network = NETWORK_REGTEST, .port = 1};
    struct connection_options options = {.network = NETWORK_REGTEST,
                                         .nonce = 9,
                                         .times = connection_times_default};
    struct connection *other = connection_create (&options, clock_moment ());
    struct instant deadline = instant_after (clock_moment ().mono, SECOND_US);
    struct client *client;
    int pair[2];

    (void)state;
    assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal (client_adopt (pair[0], &target, &client), 0);
    while (!client_is_ready (client) || !connection_is_ready (other)) {
        struct connection_event event = {.kind = CONNECTION_VERSION};
        uint8_t bytes[4096];

        assert_int_equal (clients_turn (&client, 1, deadline), 0);
        ssize_t size = recv (pair[1], bytes, sizeof bytes, MSG_DONTWAIT);
        if (size > 0)
            assert_int_equal (connection_feed (other,
                                               bytes_of (bytes, (size_t)size),
                                               clock_moment ()),
                              0);
        while (event.kind != CONNECTION_NONE) {
            connection_next (other, clock_moment (), &event);
            assert_int_not_equal (event.kind, CONNECTION_CLOSE);
        }
        struct bytes said = connection_output (other);
        if (said.size > 0)
            assert_int_equal (send (pair[1], said.data, said.size, 0),
                              (ssize_t)said.size);
        connection_output_taken (other, said.size);
    }
    assert_true (client_is_relay (client));
    assert_true (connection_announced (other));
    assert_int_equal (connection_version (other)->services, NODE_GOVERNANCE);
    assert_false (connection_version (other)->relay);
    client_close (&client);
    connection_destroy (&other);
    close (pair[1]);
}

#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown (function, directory_make, directory_remove)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_message_is_handed_over),
        TEST (test_message_from_standard_input_is_handed_over),
        TEST (test_many_messages_of_many_files_arrive),
        TEST (test_message_that_comes_back_is_confirmed),
        TEST (test_message_with_another_node_id_is_confirmed_by_its_gov_id),
        TEST (test_message_that_does_not_come_back_is_not_confirmed),
        TEST (test_nothing_is_sent_if_one_message_is_refused),
        TEST (test_nothing_is_sent_if_the_witness_is_away),
        TEST (test_status_message_cannot_be_confirmed),
        TEST (test_silent_peer_is_unreachable),
        TEST (test_peer_that_hangs_up_is_unreachable),
        TEST (test_peer_of_another_network_is_unreachable),
        TEST (test_peer_without_governance_gets_no_message),
        TEST (test_without_pong_nothing_is_handed_over),
        TEST (test_relay_that_drops_us_has_taken_nothing),
        TEST (test_port_where_nobody_listens_is_unreachable),
        TEST (test_status_is_asked_and_called_unauthenticated),
        TEST (test_answer_to_another_question_is_passed_over),
        TEST (test_unknown_node_gets_no_answer),
        TEST (test_question_names_one_node),
        TEST (test_client_announces_governance_and_nothing_else),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
