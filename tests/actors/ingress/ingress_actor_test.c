/* SPDX-License-Identifier: MIT */
/* ingress_actor_test - peers of the real edge, their frames and verdicts, and
 * its end.
 */
#include "ingress_fixture.h"

/*~ Peers come and go. */

static void
test_peer_that_shook_hands_is_told_to_gossip_and_registry (void **state)
{
    struct desk *desk = *state;
    desk_client (desk, 0);
    assert_true (desk->ready[0].governance);
    assert_true (desk->ready[0].confirmed);
    assert_false (desk->ready[0].outbound);
    UNTIL (desk->states[PEER_SHAKEN] == 1);
    assert_int_equal (desk->states[PEER_CONNECTED], 1);
    assert_int_equal (desk->peer.peer, desk->ready[0].peer);
    assert_int_equal (desk->peer.version, P2P_VERSION);
    assert_int_equal (desk->peer.services, NODE_GOVERNANCE);
    assert_in_range (desk->peer.clock_offset_s + 5, 0, 10);
    assert_memory_equal (desk->address, "127.0.0.1:", 10);
    assert_string_equal (desk->dialled, "");
}

static void
test_peer_that_left_is_told (void **state)
{
    struct desk *desk = *state;
    desk_client (desk, 0);
    client_close (&desk->clients[0]);
    UNTIL (desk->gone_count == 1 && desk->states[PEER_LEFT] == 1);
    assert_string_equal (desk->words, "the peer closed");
    assert_int_equal (bench_counter (&desk->bench, desk->ingress, "peers"), 0);
}

static void
test_stranger_hears_no_byte_before_his_version (void **state)
{
    struct desk *desk = *state;
    struct client *client = &desk->clients[0];
    client_connect (client, &desk->bench, desk->port);
    UNTIL (desk->states[PEER_CONNECTED] == 1);
    client_say_bytes (client, bytes_of_text ("GET / HTTP/1.1\r\n\r\n12345678"));
    UNTIL (client_hear (client) && client->closed);
    for (size_t i = 0; i <= FRAME_COMMANDS_; i++)
        assert_int_equal (client->heard[i], 0);
    UNTIL (desk->states[PEER_LEFT] == 1);
    assert_int_equal (desk->gone_count, 0);
}

static void
test_inbound_slots_are_bounded (void **state)
{
    struct desk *desk = *state;
    desk_begin (desk, BENCH_INPROC, "node.max_inbound", "1");
    desk_client (desk, 0);
    client_connect (&desk->clients[1], &desk->bench, desk->port);
    UNTIL (client_hear (&desk->clients[1]) && desk->clients[1].closed);
    client_close (&desk->clients[0]);
    UNTIL (desk->gone_count == 1);
    desk_client (desk, 2); /* the slot is free again */
    assert_int_equal (
        bench_counter (&desk->bench, desk->ingress, "connections_refused"), 1);
}

static void
test_taken_address_is_loud (void **state)
{
    struct desk *desk = *state;
    char address[64];
    struct sockaddr_in any = {.sin_family = AF_INET,
                              .sin_addr = {htonl (INADDR_LOOPBACK)}};
    socklen_t size = sizeof any;
    desk->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_OK (bind (desk->listener, (struct sockaddr *)&any, size));
    CHECK_OK (listen (desk->listener, 1));
    CHECK_OK (getsockname (desk->listener, (struct sockaddr *)&any, &size));
    snprintf (address, sizeof address, "127.0.0.1:%u", ntohs (any.sin_port));
    const char *const options[] = {"node.network", "regtest", "node.listen",
                                   address, NULL};
    bench_open (&desk->bench, BENCH_INPROC, options);
    struct bench_stage *stage =
        bench_launch (&desk->bench, ingress_actor, "ingress", "ingress");
    assert_int_equal (bench_join (&desk->bench, stage), EADDRINUSE);
    assert_false (stage->ready);
    assert_non_null (strstr (stage->words, "node.listen"));
    assert_non_null (strstr (stage->words, address));
}

/*~ Frames and verdicts. */

static void
test_payload_goes_to_a_verifier_as_it_came (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_verifier (desk, 0);
    struct client *client = desk_client (desk, 0);
    int64_t before_us = moment_now ().unix_us;
    say_veto (client, "{\"no\": json");
    UNTIL (verifier->count == 1);
    assert_string_equal (verifier->texts[0], "{\"no\": json");
    assert_int_equal (verifier->frames[0].command, COMMAND_ECONVETO);
    assert_int_equal (verifier->frames[0].peer, desk->ready[0].peer);
    assert_int_equal (verifier->frames[0].group, desk->ready[0].group);
    assert_true (verifier->frames[0].local); /* from loopback */
    assert_in_range (verifier->frames[0].received_us, before_us,
                     moment_now ().unix_us);
}

static void
test_exact_duplicate_is_filtered_once_it_was_accepted (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_verifier (desk, 0);
    struct client *client = desk_client (desk, 0);
    struct client *other = desk_client (desk, 1);
    verifier->answers = true;
    verifier->verdict = VERDICT_ACCEPTED;
    say_veto (client, "one");
    client_barrier (client);
    say_veto (client, "one");
    client_barrier (client);
    say_veto (other, "one");
    client_barrier (other);
    assert_int_equal (verifier->count, 1);
    assert_int_equal (bench_counter (&desk->bench, desk->ingress, "duplicate"),
                      2);
}

/* PROTOCOL 5.3: "Only `accepted` and `duplicate` bytes are remembered". Whoever
 * is early or stale must not silence himself. */
static void
test_bytes_that_were_not_accepted_are_judged_again (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    static const enum verdict verdicts[] = {VERDICT_STALE, VERDICT_FUTURE,
                                            VERDICT_BUSY, VERDICT_DENIED,
                                            VERDICT_SCHEMA};
    desk_verifier (desk, 0);
    struct client *client = desk_client (desk, 0);
    verifier->answers = true;
    for (size_t i = 0; i < ARRAY_SIZE (verdicts); i++) {
        verifier->verdict = verdicts[i];
        say_veto (client, "one");
        client_barrier (client);
        assert_int_equal (verifier->count, i + 1);
    }
    verifier->verdict = VERDICT_DUPLICATE; /* durable, whoever was first */
    for (int i = 0; i < 3; i++) {
        say_veto (client, "one");
        client_barrier (client);
    }
    assert_int_equal (verifier->count, ARRAY_SIZE (verdicts) + 1);
}

static void
test_status_messages_are_never_filtered (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_verifier (desk, 0);
    struct client *client = desk_client (desk, 0);
    verifier->answers = true;
    verifier->verdict = VERDICT_ACCEPTED;
    for (size_t i = 1; i <= 3; i++) {
        client_say (client, "econstatus", bytes_of_text ("query"));
        client_barrier (client);
        assert_int_equal (verifier->count, i);
    }
}

/* PROTOCOL 1.9: "a pong is a barrier". */
static void
test_pong_waits_for_the_verdict (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    owned (buffer_done) struct buffer out = {0};
    desk_verifier (desk, 0);
    struct client *client = desk_client (desk, 0);
    struct client *other = desk_client (desk, 1);
    uint64_t before = client->pong;
    client_append (&out, "econveto", bytes_of_text ("one"));
    client_append_ping (client, &out);
    client_say_bytes (client, buffer_bytes (&out));
    UNTIL (verifier->count == 1);
    client_barrier (other); /* others are answered */
    client_hear (client);
    assert_int_equal (client->pong, before);
    verifier_answer (verifier, 0, VERDICT_STALE);
    UNTIL (client_hear (client) && client->pong == client->ping);
}

static void
test_unjudged_frames_hold_their_connection_and_no_other (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    const size_t most = CONNECTION_UNJUDGED_MAX;
    desk_verifier (desk, 0);
    struct client *client = desk_client (desk, 0);
    struct client *other = desk_client (desk, 1);
    for (size_t i = 0; i < most + 2; i++) {
        char text[32];
        snprintf (text, sizeof text, "%zu", i);
        say_veto (client, text);
    }
    UNTIL (verifier->count == most);
    say_veto (other, "other");
    UNTIL (verifier->count == most + 1);
    assert_string_equal (verifier->texts[most], "other");
    verifier_answer (verifier, 0, VERDICT_STALE);
    UNTIL (verifier->count == most + 2);
    for (size_t i = 0; i <= most + 1; i++)
        if (i != most)
            assert_int_equal (atol (verifier->texts[i]), i < most ? i : most);
    verifier->answers = true;
    for (size_t i = 1; i < most + 2; i++)
        verifier_answer (verifier, i, VERDICT_STALE);
    client_barrier (client);
    client_barrier (other);
    assert_int_equal (verifier->count, most + 3);
    assert_int_equal (atol (verifier->texts[most + 2]), most + 1);
}

static void
test_frames_wait_for_a_verifier_and_pings_do_not (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    struct client *client = desk_client (desk, 0);
    struct client *other = desk_client (desk, 1);
    say_veto (client, "early");
    UNTIL (bench_counter (&desk->bench, desk->ingress, "frames_in_flight")
           == 1);
    client_barrier (other);
    verifier->answers = true;
    verifier->verdict = VERDICT_ACCEPTED;
    desk_verifier (desk, 0);
    UNTIL (verifier->count == 1);
    client_barrier (client);
    assert_string_equal (verifier->texts[0], "early");
}

/* Architecture: "Ingress owns a frame until its verdict came back." */
static void
test_frame_of_a_verifier_that_went_away_goes_to_another (void **state)
{
    struct desk *desk = *state;
    struct verifier *first = &desk->verifiers[0];
    struct verifier *second = &desk->verifiers[1];
    owned (buffer_done) struct buffer out = {0};
    desk_verifier (desk, 0);
    struct client *client = desk_client (desk, 0);
    client_append (&out, "econveto", bytes_of_text ("one"));
    client_append (&out, "econveto", bytes_of_text ("two"));
    client_append_ping (client, &out);
    client_say_bytes (client, buffer_bytes (&out));
    UNTIL (first->count == 2);
    second->answers = true;
    second->verdict = VERDICT_ACCEPTED;
    desk_verifier (desk, 1);
    bench_link_close (&desk->bench, &first->link);
    UNTIL (second->count == 2);
    UNTIL (client_hear (client) && client->pong == client->ping);
    assert_int_equal (bench_counter (&desk->bench, desk->ingress, "accepted"),
                      2);
    assert_int_equal (
        bench_counter (&desk->bench, desk->ingress, "frames_in_flight"), 0);
}

static void
test_slow_verifier_is_passed_over_and_its_late_verdict_is_void (void **state)
{
    struct desk *desk = *state;
    struct verifier *first = &desk->verifiers[0];
    struct verifier *second = &desk->verifiers[1];
    desk_verifier (desk, 0);
    struct client *client = desk_client (desk, 0);
    say_veto (client, "one");
    UNTIL (first->count == 1);
    desk_verifier (desk, 1);
    UNTIL (second->count == 1);
    assert_string_equal (second->texts[0], "one");
    assert_int_not_equal (second->frames[0].ticket, first->frames[0].ticket);
    verifier_answer (first, 0, VERDICT_BAD_SIGNATURE);
    verifier_answer (second, 0, VERDICT_ACCEPTED);
    client_barrier (client);
    assert_int_equal (bench_counter (&desk->bench, desk->ingress, "accepted"),
                      1);
    assert_int_equal (
        bench_counter (&desk->bench, desk->ingress, "bad_signature"), 0);
}

/* A verifier drops what dedup had in hand when dedup ended; alone, it must be
 * asked again. Its answer to either asking counts. */
static void
test_only_verifier_is_asked_again (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_verifier (desk, 0);
    struct client *client = desk_client (desk, 0);
    say_veto (client, "one");
    UNTIL (verifier->count == 2);
    assert_string_equal (verifier->texts[1], "one");
    verifier_answer (verifier, 0, VERDICT_ACCEPTED);
    verifier_answer (verifier, 1, VERDICT_DUPLICATE);
    client_barrier (client);
    assert_int_equal (bench_counter (&desk->bench, desk->ingress, "accepted"),
                      1);
    assert_int_equal (
        bench_counter (&desk->bench, desk->ingress, "frames_in_flight"), 0);
}

static void
test_verdict_out_of_nowhere_does_no_harm (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_verifier (desk, 0);
    struct client *client = desk_client (desk, 0);
    verifier->frames[0].ticket = 4711;
    verifier_answer (verifier, 0, VERDICT_BAD_SIGNATURE);
    verifier->answers = true;
    verifier->verdict = VERDICT_ACCEPTED;
    say_veto (client, "one");
    client_barrier (client);
    assert_int_equal (
        bench_counter (&desk->bench, desk->ingress, "bad_signature"), 0);
}

/* Each verdict must find the peer that sent the frame. */
static void
test_points_go_to_whoever_sent_it (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_verifier (desk, 0);
    struct client *good = desk_client (desk, 0);
    struct client *bad = desk_client (desk, 1);
    static const char *const texts[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 5; i++) {
        say_veto (bad, texts[i]);
        say_veto (good, texts[i]);
        UNTIL (verifier->count == 2 * i + 2);
        for (size_t k = 2 * i; k < 2 * i + 2; k++)
            verifier_answer (verifier, k,
                             verifier->frames[k].peer == desk->ready[1].peer
                                 ? VERDICT_BAD_SIGNATURE
                                 : VERDICT_STALE);
    }
    UNTIL (client_hear (bad) && bad->closed);
    UNTIL (desk->states[PEER_LEFT] == 1);
    assert_int_equal (desk->peer.peer, desk->ready[1].peer);
    assert_int_equal (desk->peer.points, 100);
    client_barrier (good);
    client_hear (good);
    assert_false (good->closed);
}

static void
test_noban_peers_earn_no_points (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    uint8_t header[FRAME_HEADER_SIZE];
    static uint8_t payload[5000];
    desk_begin (desk, BENCH_INPROC, "node.noban", "127.0.0.0/8");
    desk_verifier (desk, 0);
    struct client *client = desk_client (desk, 0);
    verifier->answers = true;
    verifier->verdict = VERDICT_BAD_SIGNATURE;
    for (size_t i = 0; i < 20; i++) {
        say_veto (client, "again");
        client_barrier (client);
    }
    /* PROTOCOL 5.4: "their oversize payloads are skipped as they stream" */
    frame_header_write (header, NETWORK_REGTEST, "econveto",
                        bytes_of (payload, sizeof payload));
    client_say_bytes (client, bytes_of (header, sizeof header));
    client_say_bytes (client, bytes_of (payload, sizeof payload));
    client_barrier (client);
    assert_int_equal (bench_counter (&desk->bench, desk->ingress, "oversize"),
                      1);
}

static void
test_oversize_closes_at_the_header (void **state)
{
    struct desk *desk = *state;
    uint8_t header[FRAME_HEADER_SIZE];
    static uint8_t payload[5000];
    struct client *client = desk_client (desk, 0);
    frame_header_write (header, NETWORK_REGTEST, "econveto",
                        bytes_of (payload, sizeof payload));
    client_say_bytes (client, bytes_of (header, sizeof header));
    UNTIL (client_hear (client) && client->closed);
    UNTIL (desk->gone_count == 1);
    assert_int_equal (bench_counter (&desk->bench, desk->ingress, "oversize"),
                      1);
}

static void
test_unknown_messages_never_disconnect (void **state)
{
    struct desk *desk = *state;
    static uint8_t payload[200000];
    struct client *client = desk_client (desk, 0);
    client_say (client, "inv", bytes_of (payload, 37));
    client_say (client, "whatever", bytes_of (payload, sizeof payload));
    client_say (client, "sendcmpct", bytes_of (payload, 9));
    client_barrier (client);
}

/* Frames of a peer that left are judged all the same; the verdict finds no
 * one. */
static void
test_verdict_for_a_peer_that_left_does_no_harm (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_verifier (desk, 0);
    struct client *client = desk_client (desk, 0);
    say_veto (client, "last words");
    UNTIL (verifier->count == 1);
    client_close (client);
    UNTIL (desk->gone_count == 1);
    verifier_answer (verifier, 0, VERDICT_ACCEPTED);
    UNTIL (bench_counter (&desk->bench, desk->ingress, "frames_in_flight")
           == 0);
    client = desk_client (desk, 1); /* and its bytes are known */
    say_veto (client, "last words");
    client_barrier (client);
    assert_int_equal (verifier->count, 1);
}

/* A stranger who asks and does not read must not make us keep the answers. He
 * asks in small portions, each of which ingress reads by itself: what it holds
 * for him is bounded, not how fast he asks. */
static void
test_peer_that_does_not_read_its_answers_is_closed (void **state)
{
    struct desk *desk = *state;
    owned (buffer_done) struct buffer out = {0};
    struct client *client = desk_client (desk, 0);
    size_t sent = 0;
    while (out.size < 16384)
        client_append_ping (client, &out);
    while (desk->gone_count == 0 && sent < FLOOD_BYTES) {
        struct bytes rest = buffer_bytes (&out);
        while (rest.size > 0 && desk->gone_count == 0) {
            ssize_t rc = send (client->fd, rest.data, rest.size,
                               MSG_DONTWAIT | MSG_NOSIGNAL);
            if (rc > 0)
                rest = bytes_of (rest.data + rc, rest.size - (size_t)rc);
            bench_counter (&desk->bench, desk->ingress, "peers");
        }
        sent += out.size;
    }
    UNTIL (desk->gone_count == 1);
    assert_true (sent < FLOOD_BYTES);
}

/*~ The end. */

static void
test_draining_waits_for_verdicts_and_takes_nobody_new (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_verifier (desk, 0);
    struct client *client = desk_client (desk, 0);
    say_veto (client, "last");
    UNTIL (verifier->count == 1);
    bench_tell (desk->ingress, MESSAGE_DRAIN);
    /* Counters come behind the drain on the same line. */
    assert_int_equal (
        bench_counter (&desk->bench, desk->ingress, "frames_in_flight"), 1);
    assert_false (desk->ingress->drained);
    client_say_ping (client); /* not read any more */
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons ((uint16_t)desk->port),
                                  .sin_addr = {htonl (INADDR_LOOPBACK)}};
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    errno = 0;
    assert_int_equal (connect (fd, (struct sockaddr *)&address, sizeof address),
                      -1);
    assert_int_equal (errno, ECONNREFUSED);
    close (fd);
    verifier_answer (verifier, 0, VERDICT_ACCEPTED);
    UNTIL (desk->ingress->drained);
    assert_int_equal (bench_stop (&desk->bench, desk->ingress), 0);
    UNTIL (desk->gone_count == 1);
    UNTIL (desk->states[PEER_LEFT] == 1);
    assert_string_equal (desk->words, "the relay stops");
}

static void
test_stage_stops_when_its_lifeline_is_cut (void **state)
{
    struct desk *desk = *state;
    desk_client (desk, 0);
    CHECK_OK (shutdown (desk->ingress->fd, SHUT_WR));
    assert_int_equal (bench_join (&desk->bench, desk->ingress), 0);
    UNTIL (desk->gone_count == 1);
}

static void
everything_once (void **state, enum bench_transport transport)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_begin (desk, transport, NULL, NULL);
    desk_verifier (desk, 0);
    struct client *sender = desk_client (desk, 0);
    struct client *other = desk_client (desk, 1);
    uint64_t peers[] = {desk->ready[0].peer, desk->ready[1].peer};
    verifier->answers = true;
    verifier->verdict = VERDICT_ACCEPTED;
    say_veto (sender, "one");
    client_barrier (sender);
    deliver (desk, COMMAND_ECONVETO, "one", peers, 2);
    UNTIL (desk->drained[0] == 3 && desk->drained[1] == 3);
    client_barrier (sender);
    client_barrier (other);
    assert_int_equal (sender->governance, 0);
    assert_int_equal (other->governance, 1);
}

static void
test_everything_once_over_ipc (void **state)
{
    everything_once (state, BENCH_IPC);
}

static void
test_everything_once_over_tcp (void **state)
{
    everything_once (state, BENCH_TCP);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
#define BARE(name)                                                             \
    cmocka_unit_test_setup_teardown (name, desk_create, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_peer_that_shook_hands_is_told_to_gossip_and_registry),
        TEST (test_peer_that_left_is_told),
        TEST (test_stranger_hears_no_byte_before_his_version),
        BARE (test_inbound_slots_are_bounded),
        BARE (test_taken_address_is_loud),
        TEST (test_payload_goes_to_a_verifier_as_it_came),
        TEST (test_exact_duplicate_is_filtered_once_it_was_accepted),
        TEST (test_bytes_that_were_not_accepted_are_judged_again),
        TEST (test_status_messages_are_never_filtered),
        TEST (test_pong_waits_for_the_verdict),
        TEST (test_unjudged_frames_hold_their_connection_and_no_other),
        TEST (test_frames_wait_for_a_verifier_and_pings_do_not),
        TEST (test_frame_of_a_verifier_that_went_away_goes_to_another),
        TEST (test_slow_verifier_is_passed_over_and_its_late_verdict_is_void),
        TEST (test_only_verifier_is_asked_again),
        TEST (test_verdict_out_of_nowhere_does_no_harm),
        TEST (test_points_go_to_whoever_sent_it),
        BARE (test_noban_peers_earn_no_points),
        TEST (test_oversize_closes_at_the_header),
        TEST (test_unknown_messages_never_disconnect),
        TEST (test_verdict_for_a_peer_that_left_does_no_harm),
        TEST (test_peer_that_does_not_read_its_answers_is_closed),
        TEST (test_draining_waits_for_verdicts_and_takes_nobody_new),
        TEST (test_stage_stops_when_its_lifeline_is_cut),
        BARE (test_everything_once_over_ipc),
        BARE (test_everything_once_over_tcp),
    };
    zsys_handler_set (NULL);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
