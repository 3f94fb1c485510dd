/* SPDX-License-Identifier: MIT */
/* forwarder_actor_test - the real stage between a journal, a gossip and a
 * Commons that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "buffer.h"
#include "tests/support/actor_bench.h"

#define KEY_A                                                                  \
    "031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f"
#define KEY_B                                                                  \
    "021b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f"
#define QUERY                                                                  \
    "{\"request_id\":7,\"node_identifier\":\"5\",\"query_type\":\"by_id\"}"
#define STATUS                                                                 \
    "{\"node_id\":5,\"node_type\":\"exchange\",\"entity_name\":\"Ex\","        \
    "\"status\":\"active\",\"weight\":0.5,\"registered_at\":1700000000,"       \
    "\"last_verified_at\":null}"
#define HEARD_MAX 64

/* A message of the stage. */
struct heard {
    struct link_message message;
    char payload[512]; /* of STATUS_ASK_REPLY */
};

/* What Commons says on a path; the last request there. */
struct path {
    unsigned status;
    const char *type;
    const char *body; /* NULL: say nothing, keep the request waiting */
    unsigned requests;
    struct MHD_Connection *waiting;
    struct buffer received;
};

struct fixture {
    struct bench bench;
    struct bench_stage *stage;
    struct link *feed, *status;
    struct link_peer *reader, *asker; /* the stage, while it is there */
    struct heard heard[HEARD_MAX];
    size_t heard_count;
    struct MHD_Daemon *daemon;
    char url[64];
    struct path paths[COMMANDS_];
};

/* --- Commons --- */

static const char *const urls[COMMANDS_] = {
    [COMMAND_ECONREG] = "/api/internal/governance/registration",
    [COMMAND_ECONVETO] = "/api/internal/governance/veto",
    [COMMAND_ECONFORK] = "/api/internal/governance/fork-decision",
    [COMMAND_ECONSTATUS] = "/api/internal/governance/status",
};

static enum MHD_Result
queue_answer (struct MHD_Connection *connection, const struct path *path)
{
    struct MHD_Response *response = MHD_create_response_from_buffer (
        strlen (path->body), (void *)(uintptr_t)path->body,
        MHD_RESPMEM_MUST_COPY);

    MHD_add_response_header (response, "Content-Type", path->type);
    enum MHD_Result rc =
        MHD_queue_response (connection, path->status, response);
    MHD_destroy_response (response);
    return rc;
}

static enum MHD_Result
on_request (void *arg, struct MHD_Connection *connection, const char *url,
            const char *method, const char *version, const char *upload,
            size_t *upload_size, void **context)
{
    struct fixture *fixture = arg;
    struct path *path = *context;

    (void)method;
    (void)version;
    if (path == NULL) { /* the head */
        for (int i = 0; i < COMMANDS_; i++)
            if (strcmp (url, urls[i]) == 0)
                *context = path = &fixture->paths[i];
        assert_non_null (path);
        buffer_clear (&path->received);
        return MHD_YES;
    }
    if (*upload_size > 0) {
        buffer_append (&path->received, bytes_of (upload, *upload_size));
        *upload_size = 0;
        return MHD_YES;
    }
    if (path->waiting != connection)
        path->requests++;
    if (path->body == NULL) {
        path->waiting = connection;
        MHD_suspend_connection (connection);
        return MHD_YES;
    }
    path->waiting = NULL;
    return queue_answer (connection, path);
}

static void
open_commons (struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    static const char *const bodies[COMMANDS_] = {
        [COMMAND_ECONREG] = "{\"node_id\":1}",
        [COMMAND_ECONVETO] = "{\"pr_id\":1}",
        [COMMAND_ECONFORK] = "{\"ruleset\":\"r\"}",
        [COMMAND_ECONSTATUS] = "{\"request_id\":7,\"status\":" STATUS "}",
    };

    for (int i = 0; i < COMMANDS_; i++) {
        fixture->paths[i].status = 200;
        fixture->paths[i].type = "application/json";
        fixture->paths[i].body = bodies[i];
    }
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    fixture->daemon =
        MHD_start_daemon (MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
                          NULL, on_request, fixture, MHD_OPTION_SOCK_ADDR,
                          (struct sockaddr *)&address, MHD_OPTION_END);
    assert_non_null (fixture->daemon);
    snprintf (
        fixture->url, sizeof fixture->url, "http://127.0.0.1:%u/api",
        MHD_get_daemon_info (fixture->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
}

/* Serves HTTP; true, for conditions. */
static bool
serve (struct fixture *fixture)
{
    MHD_run (fixture->daemon);
    return true;
}

#define WAIT(fixture, condition)                                               \
    BENCH_WAIT (&(fixture)->bench, serve (fixture) && (condition))

/* --- journal and gossip --- */

static void
on_up (void *self, struct link *link, struct link_peer *peer)
{
    struct fixture *fixture = self;

    if (link == fixture->feed)
        fixture->reader = peer;
    else
        fixture->asker = peer;
}

static void
on_down (void *self, struct link *link, struct link_peer *peer)
{
    struct fixture *fixture = self;

    (void)peer;
    if (link == fixture->feed)
        fixture->reader = NULL;
    else
        fixture->asker = NULL;
}

static enum link_use
on_message (void *self, struct link *link, struct link_peer *peer,
            const struct link_message *message, size_t size)
{
    struct fixture *fixture = self;

    (void)link;
    (void)peer;
    (void)size;
    assert_true (fixture->heard_count < HEARD_MAX);
    struct heard *heard = &fixture->heard[fixture->heard_count++];
    heard->message = *message;
    heard->payload[0] = 0;
    if (message->id == MESSAGE_STATUS_ASK_REPLY) {
        struct bytes payload = message->status_ask.payload;
        snprintf (heard->payload, sizeof heard->payload, "%.*s",
                  (int)payload.size,
                  payload.size > 0 ? (const char *)payload.data : "");
    }
    return LINK_DONE;
}

static const struct link_handlers handlers = {on_up, on_down, on_message};

/* Returns the newest message ID that was heard, or NULL. */
static const struct heard *
newest (const struct fixture *fixture, enum message_id id)
{
    for (size_t i = fixture->heard_count; i-- > 0;)
        if (fixture->heard[i].message.id == id)
            return &fixture->heard[i];
    return NULL;
}

static bool
has_opened (const struct fixture *fixture, uint64_t from_seq)
{
    const struct heard *heard = newest (fixture, MESSAGE_FEED_OPEN);

    return heard && heard->message.feed_open.from_seq == from_seq;
}

static bool
has_acked (const struct fixture *fixture, uint64_t seq)
{
    const struct heard *heard = newest (fixture, MESSAGE_FEED_ACK);

    return heard && heard->message.feed_ack.seq == seq;
}

static void
send_entry (struct fixture *fixture, uint64_t seq, enum command command,
            const char *key, const char *payload)
{
    struct link_message message = {
        .id = MESSAGE_FEED_ENTRY,
        .feed_entry = {.stream = newest (fixture, MESSAGE_FEED_OPEN)
                                     ->message.feed_open.stream,
                       .seq = seq,
                       .command = command,
                       .received_us = moment_now ().unix_us,
                       .timestamp = moment_unix_s (moment_now ()),
                       .public_key = bytes_of_text (key),
                       .payload = bytes_of_text (payload)},
    };

    memset (message.feed_entry.id.bytes, (int)seq, 32);
    WAIT (fixture, link_credit (fixture->reader) > 4096);
    CHECK_OK (link_send (fixture->feed, fixture->reader, &message));
    link_flush (fixture->feed);
}

static void
send_veto (struct fixture *fixture, uint64_t seq, const char *key)
{
    send_entry (fixture, seq, COMMAND_ECONVETO, key, "{\"pr_id\":1}");
}

static void
ask (struct fixture *fixture)
{
    struct link_message message = {
        .id = MESSAGE_STATUS_ASK,
        .status_ask = {.name = {{9}}, .payload = bytes_of_text (QUERY)},
    };

    /* Its credit comes a moment after it is up. */
    WAIT (fixture, fixture->asker
                       && link_credit (fixture->asker) > (int64_t)sizeof QUERY);
    CHECK_OK (link_send (fixture->status, fixture->asker, &message));
    link_flush (fixture->status);
}

static int64_t
counter (struct fixture *fixture, const char *name)
{
    return bench_counter (&fixture->bench, fixture->stage, name);
}

static void
start (struct fixture *fixture)
{
    fixture->heard_count = 0;
    fixture->stage = bench_start (&fixture->bench, forwarder_actor, "forwarder",
                                  "forwarder");
    WAIT (fixture, newest (fixture, MESSAGE_FEED_OPEN) != NULL);
}

static void
stop (struct fixture *fixture)
{
    CHECK_OK (bench_stop (&fixture->bench, fixture->stage));
    WAIT (fixture, fixture->reader == NULL && fixture->asker == NULL);
}

static int
setup (void **state)
{
    struct fixture *fixture = calloc (1, sizeof *fixture);

    assert_non_null (fixture);
    *state = fixture;
    open_commons (fixture);
    const char *const options[] = {"governance.enabled", "true",
                                   "governance.commons_url", fixture->url,
                                   NULL};
    bench_open (&fixture->bench, BENCH_INPROC, options);
    /* As the supervisor does, before any stage. */
    mkdir (config_network_dir (fixture->bench.config), 0700);
    bench_watch (&fixture->bench,
                 MHD_get_daemon_info (fixture->daemon, MHD_DAEMON_INFO_EPOLL_FD)
                     ->epoll_fd);
    fixture->feed = bench_link (&fixture->bench, LINK_FEED, "dedup", "dedup",
                                &handlers, fixture);
    fixture->status = bench_link (&fixture->bench, LINK_STATUS, "gossip",
                                  "gossip", &handlers, fixture);
    start (fixture);
    return 0;
}

static int
teardown (void **state)
{
    struct fixture *fixture = *state;

    bench_close (&fixture->bench);
    for (int i = 0; i < COMMANDS_; i++) {
        if (fixture->paths[i].waiting)
            MHD_resume_connection (fixture->paths[i].waiting);
        buffer_done (&fixture->paths[i].received);
    }
    MHD_stop_daemon (fixture->daemon);
    free (fixture);
    return 0;
}

static void
test_entry_is_acked_and_delivered (void **state)
{
    struct fixture *fixture = *state;
    const struct link_feed_open *open =
        &newest (fixture, MESSAGE_FEED_OPEN)->message.feed_open;

    assert_int_equal (open->from_seq, 1);
    assert_int_equal (open->until_seq, 0);
    assert_true (open->durable);
    send_veto (fixture, 1, KEY_A);
    WAIT (fixture, has_acked (fixture, 1));
    WAIT (fixture, counter (fixture, "delivered") == 1);
    assert_int_equal (counter (fixture, "backlog"), 0);
    assert_int_equal (fixture->paths[COMMAND_ECONVETO].requests, 1);
    CHECK_BYTES (buffer_bytes (&fixture->paths[COMMAND_ECONVETO].received),
                 "{\"pr_id\":1}");
}

static void
test_restart_reads_on_from_the_cursor (void **state)
{
    struct fixture *fixture = *state;

    send_veto (fixture, 1, KEY_A);
    send_veto (fixture, 2, KEY_B);
    WAIT (fixture, has_acked (fixture, 2));
    stop (fixture);
    start (fixture);
    assert_true (has_opened (fixture, 3));
}

static void
test_row_in_flight_goes_again_after_a_restart (void **state)
{
    struct fixture *fixture = *state;
    struct path *veto = &fixture->paths[COMMAND_ECONVETO];

    veto->body = NULL;
    send_veto (fixture, 1, KEY_A);
    WAIT (fixture, veto->requests == 1);
    stop (fixture);
    MHD_resume_connection (veto->waiting);
    veto->waiting = NULL;
    veto->body = "{\"pr_id\":1}";
    start (fixture);
    assert_true (has_opened (fixture, 2));
    WAIT (fixture, counter (fixture, "delivered") == 1);
}

static void
test_message_is_tried_again_until_commons_is_back (void **state)
{
    struct fixture *fixture = *state;
    struct path *veto = &fixture->paths[COMMAND_ECONVETO];

    veto->status = 503;
    send_veto (fixture, 1, KEY_A);
    WAIT (fixture, counter (fixture, "retried") >= 1);
    assert_true (has_acked (fixture, 1));
    assert_int_equal (counter (fixture, "backlog"), 1);
    veto->status = 200;
    WAIT (fixture, counter (fixture, "delivered") == 1);
    assert_int_equal (counter (fixture, "backlog"), 0);
}

static void
test_broken_path_holds_no_other (void **state)
{
    struct fixture *fixture = *state;

    fixture->paths[COMMAND_ECONREG].status = 401;
    send_entry (fixture, 1, COMMAND_ECONREG, KEY_A, "{}");
    WAIT (fixture, counter (fixture, "registration_stopped") == 1);
    assert_true (bench_logged (&fixture->bench, "FORWARDER-HOLD"));
    send_veto (fixture, 2, KEY_A);
    send_entry (fixture, 3, COMMAND_ECONFORK, KEY_B,
                "{\"chosen_ruleset\":\"r\"}");
    WAIT (fixture, counter (fixture, "delivered") == 2);
    assert_int_equal (counter (fixture, "backlog"), 1);
    assert_int_equal (fixture->paths[COMMAND_ECONREG].requests, 1);
}

static void
test_refused_message_is_kept_as_a_dead_letter (void **state)
{
    struct fixture *fixture = *state;
    struct path *veto = &fixture->paths[COMMAND_ECONVETO];

    veto->status = 422;
    veto->type = "application/problem+json";
    veto->body = "{\"type\":\"about:govrelay:bad_signature\"}";
    send_veto (fixture, 1, KEY_A);
    WAIT (fixture, counter (fixture, "dead_letters") == 1);
    assert_int_equal (counter (fixture, "backlog"), 0);
    assert_true (bench_logged (&fixture->bench, "reason=bad_signature"));
    stop (fixture);
    start (fixture);
    assert_int_equal (counter (fixture, "dead_letters"), 1);
}

static void
test_messages_of_a_key_go_one_after_the_other (void **state)
{
    struct fixture *fixture = *state;
    struct path *veto = &fixture->paths[COMMAND_ECONVETO];
    struct path *fork = &fixture->paths[COMMAND_ECONFORK];

    veto->body = NULL;
    send_veto (fixture, 1, KEY_A);
    send_veto (fixture, 2, KEY_A);
    send_entry (fixture, 3, COMMAND_ECONFORK, KEY_B,
                "{\"chosen_ruleset\":\"r\"}");
    WAIT (fixture,
          has_acked (fixture, 3) && veto->requests == 1 && fork->requests == 1);
    WAIT (fixture, counter (fixture, "delivered") == 1);
    assert_int_equal (veto->requests, 1);
    assert_int_equal (counter (fixture, "in_flight"), 1);
    veto->body = "{\"pr_id\":1}";
    MHD_resume_connection (veto->waiting);
    WAIT (fixture, counter (fixture, "delivered") == 3);
    assert_int_equal (veto->requests, 2);
}

static void
test_journal_that_was_begun_anew_is_read_from_the_front (void **state)
{
    struct fixture *fixture = *state;
    struct link_message head = {.id = MESSAGE_FEED_HEAD};

    send_veto (fixture, 1, KEY_A);
    send_veto (fixture, 2, KEY_B);
    WAIT (fixture, has_acked (fixture, 2));
    stop (fixture);
    start (fixture);
    assert_true (has_opened (fixture, 3));
    head.feed_head.stream =
        newest (fixture, MESSAGE_FEED_OPEN)->message.feed_open.stream;
    head.feed_head.seq = 1;
    WAIT (fixture, link_credit (fixture->reader) > 4096);
    CHECK_OK (link_send (fixture->feed, fixture->reader, &head));
    WAIT (fixture, has_opened (fixture, 1));
    assert_non_null (newest (fixture, MESSAGE_FEED_CLOSE));
    assert_true (bench_logged (&fixture->bench, "FORWARDER-REWIND"));
}

static void
test_status_query_is_answered_by_commons (void **state)
{
    struct fixture *fixture = *state;

    ask (fixture);
    WAIT (fixture, newest (fixture, MESSAGE_STATUS_ASK_REPLY) != NULL);
    const struct heard *reply = newest (fixture, MESSAGE_STATUS_ASK_REPLY);
    assert_int_equal (reply->message.status_ask.name.bytes[0], 9);
    assert_string_equal (reply->payload,
                         "{\"request_id\":7,\"node_identifier\":\"5\","
                         "\"query_type\":\"by_id\",\"status\":" STATUS "}");
    CHECK_BYTES (buffer_bytes (&fixture->paths[COMMAND_ECONSTATUS].received),
                 QUERY);
    assert_true (newest (fixture, MESSAGE_RELAY_MODE)->message.relay_mode.on);
}

static void
test_status_of_an_unknown_node_is_empty (void **state)
{
    struct fixture *fixture = *state;

    fixture->paths[COMMAND_ECONSTATUS].body =
        "{\"request_id\":7,\"status\":null}";
    ask (fixture);
    WAIT (fixture, newest (fixture, MESSAGE_STATUS_ASK_REPLY) != NULL);
    assert_string_equal (newest (fixture, MESSAGE_STATUS_ASK_REPLY)->payload,
                         "");
}

static void
test_drain_waits_for_what_is_in_flight (void **state)
{
    struct fixture *fixture = *state;
    struct path *veto = &fixture->paths[COMMAND_ECONVETO];

    veto->body = NULL;
    send_veto (fixture, 1, KEY_A);
    send_veto (fixture, 2, KEY_A);
    WAIT (fixture, has_acked (fixture, 2) && veto->requests == 1);
    bench_tell (fixture->stage, MESSAGE_DRAIN);
    WAIT (fixture,
          newest (fixture, MESSAGE_FEED_CLOSE) != NULL
              && newest (fixture, MESSAGE_RELAY_MODE) != NULL
              && !newest (fixture, MESSAGE_RELAY_MODE)->message.relay_mode.on);
    assert_false (fixture->stage->drained);
    veto->body = "{\"pr_id\":1}";
    MHD_resume_connection (veto->waiting);
    WAIT (fixture, fixture->stage->drained);
    assert_int_equal (counter (fixture, "delivered"), 1);
    assert_int_equal (counter (fixture, "backlog"), 1);
    assert_int_equal (veto->requests, 1);
}

static void
test_stage_without_relay_mode_does_nothing (void **state)
{
    struct bench bench;

    (void)state;
    bench_open (&bench, BENCH_INPROC, NULL);
    struct bench_stage *stage =
        bench_start (&bench, forwarder_actor, "forwarder", "forwarder");
    CHECK_OK (bench_stop (&bench, stage));
    bench_close (&bench);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
        TEST (test_entry_is_acked_and_delivered),
        TEST (test_restart_reads_on_from_the_cursor),
        TEST (test_row_in_flight_goes_again_after_a_restart),
        TEST (test_message_is_tried_again_until_commons_is_back),
        TEST (test_broken_path_holds_no_other),
        TEST (test_refused_message_is_kept_as_a_dead_letter),
        TEST (test_messages_of_a_key_go_one_after_the_other),
        TEST (test_journal_that_was_begun_anew_is_read_from_the_front),
        TEST (test_status_query_is_answered_by_commons),
        TEST (test_status_of_an_unknown_node_is_empty),
        TEST (test_drain_waits_for_what_is_in_flight),
        cmocka_unit_test (test_stage_without_relay_mode_does_nothing),
    };

    signal (SIGPIPE, SIG_IGN); /* as the daemon does */
    return cmocka_run_group_tests (tests, NULL, NULL);
}
