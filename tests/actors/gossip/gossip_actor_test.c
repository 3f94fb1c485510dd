/* SPDX-License-Identifier: MIT */
/* gossip_actor_test - the real gossip; the test is dedup, ingress, verifier and
 * forwarder.
 */
#include "tests/support/actor_bench.h"

#include <stdlib.h>

#define OPENS_MAX 64
#define DELIVERIES_MAX 2048
#define ROWS_MAX 700

struct delivery {
    enum command command;
    struct gov_id id;
    uint64_t peers[4];
    size_t peers_count;
    char text[32]; /* how the payload begins */
};

struct desk {
    struct bench bench;
    struct bench_stage *gossip;
    struct link *dedup, *ingress, *verifier, *forwarder;
    struct link_peer *to_dedup, *to_ingress, *to_verifier, *to_forwarder;
    struct link_feed_open opens[OPENS_MAX];
    size_t opens_count;
    struct delivery deliveries[DELIVERIES_MAX];
    size_t deliveries_count;
    enum verdict verdicts[16]; /* by ticket */
    size_t verdicts_count;
    char asked[32]; /* the last STATUS_ASK */
    size_t asked_count;
};

static struct link_peer **
desk_place (struct desk *desk, const struct link *link)
{
    if (link == desk->dedup)
        return &desk->to_dedup;
    if (link == desk->ingress)
        return &desk->to_ingress;
    return link == desk->verifier ? &desk->to_verifier : &desk->to_forwarder;
}

static void
desk_up (void *self, struct link *link, struct link_peer *peer)
{
    *desk_place (self, link) = peer;
}

static void
desk_down (void *self, struct link *link, struct link_peer *peer)
{
    (void)peer;
    *desk_place (self, link) = NULL;
}

static void
desk_on_deliver (struct desk *desk, const struct link_deliver *deliver)
{
    assert_true (desk->deliveries_count < DELIVERIES_MAX);
    struct delivery *kept = &desk->deliveries[desk->deliveries_count++];
    *kept = (struct delivery){.command = deliver->command,
                              .id = deliver->id,
                              .peers_count = deliver->peers_count};
    assert_in_range (deliver->peers_count, 1, ARRAY_SIZE (kept->peers));
    memcpy (kept->peers, deliver->peers,
            deliver->peers_count * sizeof kept->peers[0]);
    snprintf (kept->text, sizeof kept->text, "%.*s",
              deliver->payload.size < 31 ? (int)deliver->payload.size : 31,
              (const char *)deliver->payload.data);
}

static enum link_use
desk_message (void *self, struct link *link, struct link_peer *peer,
              const struct link_message *message, size_t size)
{
    struct desk *desk = self;
    (void)link;
    (void)peer;
    (void)size;
    if (message->id == MESSAGE_FEED_OPEN) {
        assert_true (desk->opens_count < OPENS_MAX);
        desk->opens[desk->opens_count++] = message->feed_open;
    } else if (message->id == MESSAGE_DELIVER)
        desk_on_deliver (desk, &message->deliver);
    else if (message->id == MESSAGE_STATUS_REPLY) {
        assert_in_range (message->status_reply.ticket, 0, 15);
        desk->verdicts[message->status_reply.ticket] =
            message->status_reply.verdict;
        desk->verdicts_count++;
    } else if (message->id == MESSAGE_STATUS_ASK) {
        snprintf (desk->asked, sizeof desk->asked, "%.*s",
                  (int)message->status_ask.payload.size,
                  (const char *)message->status_ask.payload.data);
        desk->asked_count++;
    } else
        fail_msg ("unexpected %s", message_id_name (message->id));
    return LINK_DONE;
}

static const struct link_handlers desk_handlers = {
    .up = desk_up, .down = desk_down, .message = desk_message};

#define UNTIL(condition) BENCH_WAIT (&desk->bench, condition)

static void
desk_connect (struct desk *desk, struct link **place, enum link_id id,
              const char *stage)
{
    *place = bench_link (&desk->bench, id, stage, stage, &desk_handlers, desk);
    UNTIL (*desk_place (desk, *place) != NULL);
}

static int
desk_open (void **state)
{
    static const char *const options[] = {"node.network",
                                          "regtest",
                                          "gossip.trickle_ms",
                                          "0",
                                          "limits.peer_rate",
                                          "0",
                                          NULL};
    struct desk *desk = calloc (1, sizeof *desk);
    assert_non_null (desk);
    *state = desk;
    bench_open (&desk->bench, BENCH_INPROC, options);
    desk->gossip = bench_start (&desk->bench, gossip_actor, "gossip", "gossip");
    desk_connect (desk, &desk->dedup, LINK_FEED, "dedup");
    desk_connect (desk, &desk->ingress, LINK_DELIVERY, "ingress");
    desk_connect (desk, &desk->verifier, LINK_STATUS, "verifier");
    UNTIL (desk->opens_count == 1);
    return 0;
}

static int
desk_close (void **state)
{
    struct desk *desk = *state;
    bench_close (&desk->bench);
    free (desk);
    return 0;
}

static void
say (struct link *link, struct link_peer *to,
     const struct link_message *message)
{
    CHECK_OK (link_send (link, to, message));
    link_flush (link);
}

static void
peer_ready (struct desk *desk, uint64_t peer, bool outbound)
{
    struct link_message ready = {.id = MESSAGE_PEER_READY,
                                 .peer_ready = {.peer = peer,
                                                .group = (uint32_t)peer,
                                                .governance = true,
                                                .outbound = outbound}};
    say (desk->ingress, desk->to_ingress, &ready);
    UNTIL (bench_counter (&desk->bench, desk->gossip, "peers") > 0);
}

static struct link_message
entry_of (uint8_t stream, uint64_t seq, struct bytes payload)
{
    return (struct link_message){
        .id = MESSAGE_FEED_ENTRY,
        .feed_entry = {.stream = stream,
                       .seq = seq,
                       .command = COMMAND_ECONREG,
                       .received_us = 1,
                       .timestamp = moment_unix_s (moment_now ()),
                       .id = {.bytes = {(uint8_t)seq, (uint8_t)(seq >> 8)}},
                       .public_key = bytes_of_text (
                           "0000000000000000000000000000000000000000000000000"
                           "000000000000000"),
                       .payload = payload}};
}

static void
feed (struct desk *desk, uint64_t seq, const char *text)
{
    struct link_message entry = entry_of (0, seq, bytes_of_text (text));
    say (desk->dedup, desk->to_dedup, &entry);
}

static void
feed_head (struct desk *desk, uint8_t stream, uint64_t seq)
{
    struct link_message head = {.id = MESSAGE_FEED_HEAD,
                                .feed_head = {.stream = stream, .seq = seq}};
    say (desk->dedup, desk->to_dedup, &head);
}

static struct gov_id
name_of (uint8_t number)
{
    return (struct gov_id){.bytes = {number}};
}

/* Says a status message of PEER; its verdict comes under TICKET. */
static void
status (struct desk *desk, uint64_t ticket, uint64_t peer, bool response,
        uint8_t name)
{
    size_t before = desk->verdicts_count;
    struct link_message message = {
        .id = MESSAGE_STATUS,
        .status = {.ticket = ticket,
                   .peer = peer,
                   .response = response,
                   .name = name_of (name),
                   .payload = bytes_of_text (response ? "answer" : "query")}};
    say (desk->verifier, desk->to_verifier, &message);
    UNTIL (desk->verdicts_count == before + 1);
}

static void
relay_mode (struct desk *desk, bool on)
{
    struct link_message mode = {.id = MESSAGE_RELAY_MODE,
                                .relay_mode = {.on = on}};
    say (desk->forwarder, desk->to_forwarder, &mode);
}

/* The one delivery since the last time, to one peer. */
static void
check_delivered (struct desk *desk, size_t place, uint64_t peer,
                 const char *text)
{
    UNTIL (desk->deliveries_count > place);
    assert_int_equal (desk->deliveries[place].peers_count, 1);
    assert_int_equal (desk->deliveries[place].peers[0], peer);
    assert_string_equal (desk->deliveries[place].text, text);
}

static void
test_feed_is_opened_an_hour_ago (void **state)
{
    struct desk *desk = *state;
    int64_t age_s = moment_unix_s (moment_now ()) - desk->opens[0].since_s;
    assert_int_equal (desk->opens[0].stream, 0);
    assert_int_equal (desk->opens[0].from_seq, 0);
    assert_int_equal (desk->opens[0].until_seq, 0);
    assert_false (desk->opens[0].durable);
    assert_in_range (age_s, 3600, 3660);
}

static void
test_entry_is_delivered_to_the_peers_that_are_there (void **state)
{
    struct desk *desk = *state;
    feed (desk, 5, "old");
    feed_head (desk, 0, 5);
    peer_ready (desk, 11, false);
    check_delivered (desk, 0, 11, "old"); /* the backlog */
    feed (desk, 6, "new");
    check_delivered (desk, 1, 11, "new");
    assert_int_equal (desk->deliveries[1].command, COMMAND_ECONREG);
    assert_int_equal (desk->deliveries[1].id.bytes[0], 6);
    assert_int_equal (bench_counter (&desk->bench, desk->gossip, "offered"), 2);
}

static void
test_restarted_dedup_is_read_on_from_where_we_are (void **state)
{
    struct desk *desk = *state;
    feed_head (desk, 0, 40);
    peer_ready (desk, 11, false);
    feed (desk, 41, "one");
    check_delivered (desk, 0, 11, "one");
    bench_link_close (&desk->bench, &desk->dedup);
    desk->to_dedup = NULL;
    desk_connect (desk, &desk->dedup, LINK_FEED, "dedup");
    UNTIL (desk->opens_count == 2);
    assert_int_equal (desk->opens[1].from_seq, 42);
    feed (desk, 41, "one"); /* a feed that repeats itself does no harm */
    feed (desk, 42, "two");
    check_delivered (desk, 1, 11, "two");
}

static void
test_restarted_ingress_loses_its_peers_and_tells_them_again (void **state)
{
    struct desk *desk = *state;
    feed_head (desk, 0, 0);
    peer_ready (desk, 11, false);
    bench_link_close (&desk->bench, &desk->ingress);
    desk->to_ingress = NULL;
    UNTIL (bench_counter (&desk->bench, desk->gossip, "peers") == 0);
    feed (desk, 1, "one");
    desk_connect (desk, &desk->ingress, LINK_DELIVERY, "ingress");
    peer_ready (desk, 12, false);
    check_delivered (desk, 0, 12, "one");
}

static void
test_peer_that_left_is_not_offered_anything (void **state)
{
    struct desk *desk = *state;
    struct link_message gone = {.id = MESSAGE_PEER_GONE,
                                .peer_gone = {.peer = 11}};
    feed_head (desk, 0, 0);
    peer_ready (desk, 11, false);
    peer_ready (desk, 12, false);
    say (desk->ingress, desk->to_ingress, &gone);
    UNTIL (bench_counter (&desk->bench, desk->gossip, "peers") == 1);
    feed (desk, 1, "one");
    check_delivered (desk, 0, 12, "one");
}

/* The window holds 32 MiB; whoever was slow is served from the journal. */
static void
test_slow_peer_misses_nothing (void **state)
{
    struct desk *desk = *state;
    static char payload[65536];
    size_t heard = 0;
    struct bytes bytes = bytes_of (payload, sizeof payload);
    memset (payload, ' ', sizeof payload);
    feed_head (desk, 0, 0);
    peer_ready (desk, 11, false);
    for (uint64_t seq = 1; seq <= ROWS_MAX; seq++) {
        struct link_message entry = entry_of (0, seq, bytes);
        UNTIL (link_credit (desk->to_dedup) > 66048);
        say (desk->dedup, desk->to_dedup, &entry);
    }
    UNTIL (desk->deliveries_count == 4); /* what it may have in hand */
    size_t served = 1;
    while (heard < ROWS_MAX) {
        UNTIL (desk->deliveries_count > heard || desk->opens_count > served);
        for (; served < desk->opens_count; served++) {
            assert_int_equal (desk->opens[served].stream, 1);
            uint64_t until = desk->opens[served].until_seq;
            assert_in_range (until, 1, ROWS_MAX);
            for (uint64_t seq = desk->opens[served].from_seq; seq <= until;
                 seq++) {
                struct link_message entry = entry_of (1, seq, bytes);
                UNTIL (link_credit (desk->to_dedup) > 66048);
                say (desk->dedup, desk->to_dedup, &entry);
            }
            feed_head (desk, 1, ROWS_MAX);
            if (served == OPENS_MAX - 8) { /* room in our own table */
                desk->opens_count -= served;
                memmove (desk->opens, desk->opens + served,
                         desk->opens_count * sizeof desk->opens[0]);
                served = 0;
            }
        }
        for (; heard < desk->deliveries_count; heard++) {
            const struct gov_id *id = &desk->deliveries[heard].id;
            assert_int_equal (id->bytes[0] + (id->bytes[1] << 8), heard + 1);
            struct link_message drained = {
                .id = MESSAGE_DRAINED,
                .drained = {.peer = 11, .bytes = sizeof payload}};
            say (desk->ingress, desk->to_ingress, &drained);
        }
    }
    assert_int_equal (desk->deliveries_count, ROWS_MAX);
}

/*~ What was handed in here (PROTOCOL 5.8). */

static void
feed_own (struct desk *desk, uint64_t seq, const char *text, int64_t age_us)
{
    struct link_message entry = entry_of (0, seq, bytes_of_text (text));
    entry.feed_entry.local = true;
    entry.feed_entry.received_us = moment_now ().unix_us - age_us;
    say (desk->dedup, desk->to_dedup, &entry);
}

static void
confirmed_outbound (struct desk *desk, uint64_t peer)
{
    struct link_message ready = {.id = MESSAGE_PEER_READY,
                                 .peer_ready = {.peer = peer,
                                                .group = (uint32_t)peer,
                                                .governance = true,
                                                .outbound = true,
                                                .confirmed = true}};
    say (desk->ingress, desk->to_ingress, &ready);
}

static void
test_own_message_goes_to_one_and_to_all_when_it_was_heard (void **state)
{
    struct desk *desk = *state;
    struct link_message heard = {.id = MESSAGE_HEARD,
                                 .heard = {.id = name_of (2)}};
    feed_head (desk, 0, 1);
    peer_ready (desk, 11, false);
    confirmed_outbound (desk, 12);
    UNTIL (bench_counter (&desk->bench, desk->gossip, "peers") == 2);
    feed_own (desk, 2, "mine", 0);
    check_delivered (desk, 0, 12, "mine");
    assert_int_equal (bench_counter (&desk->bench, desk->gossip, "own_held"),
                      1);
    assert_int_equal (desk->deliveries_count, 1);
    say (desk->ingress, desk->to_ingress, &heard);
    check_delivered (desk, 1, 11, "mine");
    assert_int_equal (bench_counter (&desk->bench, desk->gossip, "own_held"),
                      0);
}

static void
test_restarted_gossip_holds_what_is_young_and_no_more (void **state)
{
    struct desk *desk = *state;
    feed_own (desk, 1, "old", 31 * SECOND_US);
    feed_own (desk, 2, "young", 5 * SECOND_US);
    peer_ready (desk, 11, false);
    feed_head (desk, 0, 2);
    check_delivered (desk, 0, 11, "old");
    assert_int_equal (bench_counter (&desk->bench, desk->gossip, "own_held"),
                      1);
    feed (desk, 3, "of others");
    check_delivered (desk, 1, 11, "of others");
    confirmed_outbound (desk, 12);
    UNTIL (desk->deliveries_count == 5);
    for (size_t i = 2; i < 5; i++) /* its backlog, and what is first its */
        assert_int_equal (desk->deliveries[i].peers[0], 12);
    assert_int_equal (bench_counter (&desk->bench, desk->gossip, "own_held"),
                      1);
}

/*~ Status queries (PROTOCOL 5.6). */

static void
test_query_goes_to_three_others_and_the_answer_to_the_asker (void **state)
{
    struct desk *desk = *state;
    uint64_t asked = 0;
    for (uint64_t peer = 1; peer <= 6; peer++)
        peer_ready (desk, peer, peer == 2);
    status (desk, 0, 1, false, 7);
    CHECK_VERDICT (desk->verdicts[0], VERDICT_ACCEPTED);
    UNTIL (desk->deliveries_count == 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal (desk->deliveries[i].command, COMMAND_ECONSTATUS);
        assert_string_equal (desk->deliveries[i].text, "query");
        assert_int_not_equal (desk->deliveries[i].peers[0], 1);
        asked |= UINT64_C (1) << desk->deliveries[i].peers[0];
    }
    assert_true (asked & 1 << 2); /* outbound first */
    uint64_t unasked = 3;
    while (asked & UINT64_C (1) << unasked)
        unasked++;
    status (desk, 1, unasked, true, 7);
    CHECK_VERDICT (desk->verdicts[1], VERDICT_UNSOLICITED);
    status (desk, 2, 2, true, 7);
    CHECK_VERDICT (desk->verdicts[2], VERDICT_ACCEPTED);
    check_delivered (desk, 3, 1, "answer");
    status (desk, 3, 2, true, 7);
    CHECK_VERDICT (desk->verdicts[3], VERDICT_UNSOLICITED);
    status (desk, 4, 5, false, 7); /* cached for 30 s */
    CHECK_VERDICT (desk->verdicts[4], VERDICT_DUPLICATE);
    check_delivered (desk, 4, 5, "answer");
}

static void
test_query_that_nobody_can_answer_is_busy_and_may_come_again (void **state)
{
    struct desk *desk = *state;
    peer_ready (desk, 1, false);
    status (desk, 0, 1, false, 7);
    CHECK_VERDICT (desk->verdicts[0], VERDICT_BUSY);
    peer_ready (desk, 2, false);
    UNTIL (bench_counter (&desk->bench, desk->gossip, "peers") == 2);
    status (desk, 1, 1, false, 7);
    CHECK_VERDICT (desk->verdicts[1], VERDICT_ACCEPTED);
    check_delivered (desk, 0, 2, "query");
}

static void
test_relay_mode_asks_commons_and_nobody_else (void **state)
{
    struct desk *desk = *state;
    struct link_message reply = {
        .id = MESSAGE_STATUS_ASK_REPLY,
        .status_ask = {.name = name_of (7), .payload = bytes_of_text ("c")}};
    desk_connect (desk, &desk->forwarder, LINK_STATUS, "forwarder");
    relay_mode (desk, true);
    peer_ready (desk, 1, false);
    peer_ready (desk, 2, false);
    status (desk, 0, 1, false, 7);
    CHECK_VERDICT (desk->verdicts[0], VERDICT_ACCEPTED);
    UNTIL (desk->asked_count == 1);
    assert_string_equal (desk->asked, "query");
    say (desk->forwarder, desk->to_forwarder, &reply);
    check_delivered (desk, 0, 1, "c");

    status (desk, 1, 1, false, 8); /* "Unknown node: no response." */
    reply.status_ask.name = name_of (8);
    reply.status_ask.payload = (struct bytes){0};
    say (desk->forwarder, desk->to_forwarder, &reply);
    reply.status_ask.name = name_of (99); /* asked by nobody */
    reply.status_ask.payload = bytes_of_text ("x");
    say (desk->forwarder, desk->to_forwarder, &reply);
    status (desk, 2, 2, false, 9);
    reply.status_ask.name = name_of (9);
    say (desk->forwarder, desk->to_forwarder, &reply);
    check_delivered (desk, 1, 2, "x");
}

static void
test_without_its_forwarder_the_relay_asks_peers_again (void **state)
{
    struct desk *desk = *state;
    desk_connect (desk, &desk->forwarder, LINK_STATUS, "forwarder");
    relay_mode (desk, true);
    peer_ready (desk, 1, false);
    peer_ready (desk, 2, false);
    status (desk, 0, 1, false, 7);
    UNTIL (desk->asked_count == 1);
    bench_link_close (&desk->bench, &desk->forwarder);
    for (uint8_t name = 8; desk->deliveries_count == 0; name++)
        status (desk, 2, 1, false, name); /* until the bye was heard */
    check_delivered (desk, 0, 2, "query");
}

static void
test_asker_that_left_is_not_answered (void **state)
{
    struct desk *desk = *state;
    struct link_message gone = {.id = MESSAGE_PEER_GONE,
                                .peer_gone = {.peer = 1}};
    peer_ready (desk, 1, false);
    peer_ready (desk, 2, false);
    status (desk, 0, 1, false, 7);
    check_delivered (desk, 0, 2, "query");
    say (desk->ingress, desk->to_ingress, &gone);
    UNTIL (bench_counter (&desk->bench, desk->gossip, "peers") == 1);
    status (desk, 1, 2, true, 7);
    CHECK_VERDICT (desk->verdicts[1], VERDICT_ACCEPTED);
    assert_int_equal (desk->deliveries_count, 1);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_feed_is_opened_an_hour_ago),
        TEST (test_entry_is_delivered_to_the_peers_that_are_there),
        TEST (test_restarted_dedup_is_read_on_from_where_we_are),
        TEST (test_restarted_ingress_loses_its_peers_and_tells_them_again),
        TEST (test_peer_that_left_is_not_offered_anything),
        TEST (test_slow_peer_misses_nothing),
        TEST (test_own_message_goes_to_one_and_to_all_when_it_was_heard),
        TEST (test_restarted_gossip_holds_what_is_young_and_no_more),
        TEST (test_query_goes_to_three_others_and_the_answer_to_the_asker),
        TEST (test_query_that_nobody_can_answer_is_busy_and_may_come_again),
        TEST (test_relay_mode_asks_commons_and_nobody_else),
        TEST (test_without_its_forwarder_the_relay_asks_peers_again),
        TEST (test_asker_that_left_is_not_answered),
    };
    zsys_handler_set (NULL);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
