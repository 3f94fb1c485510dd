/* SPDX-License-Identifier: MIT */
/* http_client_test - real HTTP against a server in this process. */
#include "actors/forwarder/http_client.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <microhttpd.h>

#include "buffer.h"

#define PATIENCE_US (10 * SECOND_US) /* for a loaded machine; not a pause */
#define PAYLOAD "{\"pr_id\":1}"

/* What the server says, and what it has heard. */
struct fixture {
    struct MHD_Daemon *daemon;
    struct http_client *client;
    unsigned status;
    const char *content_type;
    const char *extra_name, *extra_value; /* a header more; NULL: none */
    struct bytes body;
    unsigned connections; /* that were made */
    unsigned requests;
    char method[8], url[128], key[64], idempotency[80], type[64], length[16];
    char expect[32];
    struct buffer received; /* body of the last request */
    struct http_answer answers[8];
    char answer_type[64], answer_retry[64];
    struct buffer answer_body; /* of the last one, copied */
    size_t answers_count;
};

static struct instant
now (void)
{
    struct timespec time;

    clock_gettime (CLOCK_MONOTONIC, &time);
    return (struct instant){.us =
                                time.tv_sec * SECOND_US + time.tv_nsec / 1000};
}

static void
note_header (struct MHD_Connection *connection, const char *name, char *text,
             size_t room)
{
    const char *value =
        MHD_lookup_connection_value (connection, MHD_HEADER_KIND, name);

    snprintf (text, room, "%s", value != NULL ? value : "");
}

static enum MHD_Result
on_request (void *arg, struct MHD_Connection *connection, const char *url,
            const char *method, const char *version, const char *upload,
            size_t *upload_size, void **context)
{
    struct fixture *fixture = arg;
    struct bytes body = fixture->body;

    (void)version;
    if (*context == NULL) { /* the head */
        *context = fixture;
        buffer_clear (&fixture->received);
        snprintf (fixture->method, sizeof (fixture->method), "%s", method);
        snprintf (fixture->url, sizeof (fixture->url), "%s", url);
        note_header (connection, "X-API-Key", fixture->key,
                     sizeof (fixture->key));
        note_header (connection, "Idempotency-Key", fixture->idempotency,
                     sizeof (fixture->idempotency));
        note_header (connection, "Content-Type", fixture->type,
                     sizeof (fixture->type));
        note_header (connection, "Content-Length", fixture->length,
                     sizeof (fixture->length));
        note_header (connection, "Expect", fixture->expect,
                     sizeof (fixture->expect));
        return MHD_YES;
    }
    if (*upload_size > 0) {
        buffer_append (&fixture->received, bytes_of (upload, *upload_size));
        *upload_size = 0;
        return MHD_YES;
    }
    fixture->requests++;
    struct MHD_Response *response = MHD_create_response_from_buffer (
        body.size, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
    if (fixture->content_type != NULL)
        MHD_add_response_header (response, "Content-Type",
                                 fixture->content_type);
    if (fixture->extra_name != NULL)
        MHD_add_response_header (response, fixture->extra_name,
                                 fixture->extra_value);
    enum MHD_Result rc =
        MHD_queue_response (connection, fixture->status, response);
    MHD_destroy_response (response);
    return rc;
}

static void
on_connection (void *arg, struct MHD_Connection *connection, void **context,
               enum MHD_ConnectionNotificationCode code)
{
    struct fixture *fixture = arg;

    (void)connection;
    (void)context;
    fixture->connections += code == MHD_CONNECTION_NOTIFY_STARTED;
}

/* The server runs in this thread too (MHD_run), so nothing needs a lock. */
static void
open_server (struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET};

    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    fixture->daemon = MHD_start_daemon (
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, fixture, MHD_OPTION_SOCK_ADDR,
        (struct sockaddr *)&address, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, fixture, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)(4 * HTTP_ANSWER_MAX), MHD_OPTION_END);
    assert_non_null (fixture->daemon);
}

static unsigned
server_port (const struct fixture *fixture)
{
    return MHD_get_daemon_info (fixture->daemon, MHD_DAEMON_INFO_BIND_PORT)
        ->port;
}

static int
setup (void **state)
{
    struct fixture *fixture = calloc (1, sizeof (*fixture));
    char url[64];

    assert_non_null (fixture);
    open_server (fixture);
    snprintf (url, sizeof (url), "http://commons.example:%u/api/",
              server_port (fixture));
    /* The name has an address by commons_address only. */
    struct http_client_options options = {
        .url = url,
        .host = "commons.example",
        .port = server_port (fixture),
        .address = "127.0.0.1",
        .ca_file = "",
        .api_key = "the-key",
    };
    assert_int_equal (http_client_open (&options, &fixture->client), 0);
    fixture->status = 200;
    fixture->content_type = "application/json";
    fixture->body = bytes_of_text ("{\"pr_id\":1}");
    *state = fixture;
    return 0;
}

static int
teardown (void **state)
{
    struct fixture *fixture = *state;

    http_client_close (&fixture->client);
    MHD_stop_daemon (fixture->daemon);
    buffer_done (&fixture->received);
    buffer_done (&fixture->answer_body);
    free (fixture);
    return 0;
}

static void
copy_text (char *text, size_t room, struct bytes value)
{
    snprintf (text, room, "%.*s", (int)value.size,
              value.size > 0 ? (const char *)value.data : "");
}

static void
take_answers (struct fixture *fixture)
{
    struct http_answer answer;

    while (http_client_next (fixture->client, &answer)) {
        assert_true (fixture->answers_count < ARRAY_SIZE (fixture->answers));
        fixture->answers[fixture->answers_count++] = answer;
        copy_text (fixture->answer_type, sizeof (fixture->answer_type),
                   answer.answer.content_type);
        copy_text (fixture->answer_retry, sizeof (fixture->answer_retry),
                   answer.answer.retry_after);
        buffer_clear (&fixture->answer_body);
        assert_int_equal (
            buffer_append (&fixture->answer_body, answer.answer.body), 0);
    }
}

/* Serves both ends until COUNT answers are there. */
static void
serve_until (struct fixture *fixture, size_t count)
{
    struct instant end = instant_after (now (), PATIENCE_US);
    int server_fd =
        fixture->daemon == NULL
            ? -1
            : MHD_get_daemon_info (fixture->daemon, MHD_DAEMON_INFO_EPOLL_FD)
                  ->epoll_fd;

    while (fixture->answers_count < count) {
        struct pollfd fds[] = {
            {.fd = http_client_fd (fixture->client), .events = POLLIN},
            {.fd = server_fd, .events = POLLIN}};
        struct instant deadline = http_client_deadline (fixture->client);
        int64_t left_us = instant_since (deadline, now ());

        assert_false (instant_reached (now (), end));
        if (deadline.us == INT64_MAX || left_us > 100 * MILLISECOND_US)
            left_us = 100 * MILLISECOND_US;
        poll (fds, 2, left_us <= 0 ? 0 : (int)(left_us / 1000) + 1);
        if (fixture->daemon != NULL)
            MHD_run (fixture->daemon);
        http_client_receive (fixture->client, now ());
        http_client_tick (fixture->client, now ());
        take_answers (fixture);
    }
}

static void
post (struct fixture *fixture, enum command command, uint32_t tag)
{
    struct gov_id id;

    memset (id.bytes, 0xab, sizeof (id.bytes));
    assert_int_equal (http_client_post (fixture->client, command, &id,
                                        bytes_of_text (PAYLOAD), tag, now ()),
                      0);
}

static void
test_post_has_the_headers_of_the_protocol (void **state)
{
    struct fixture *fixture = *state;

    post (fixture, COMMAND_ECONFORK, 5);
    serve_until (fixture, 1);
    assert_string_equal (fixture->method, "POST");
    assert_string_equal (fixture->url,
                         "/api/internal/governance/fork-decision");
    assert_string_equal (fixture->key, "the-key");
    assert_string_equal (fixture->type, "application/json");
    assert_string_equal (fixture->idempotency,
                         "\"abababababababababababababababab"
                         "abababababababababababababababab\"");
    assert_string_equal (fixture->length, "11");
    assert_string_equal (fixture->expect, "");
    assert_true (bytes_equal (buffer_bytes (&fixture->received),
                              bytes_of_text (PAYLOAD)));
    assert_int_equal (fixture->answers[0].tag, 5);
    assert_int_equal (fixture->answers[0].answer.failure, FAILURE_NONE);
    assert_int_equal (fixture->answers[0].answer.status, 200);
    assert_string_equal (fixture->answer_type, "application/json");
    assert_true (bytes_equal (buffer_bytes (&fixture->answer_body),
                              bytes_of_text ("{\"pr_id\":1}")));
}

static void
test_health_is_asked_without_the_key (void **state)
{
    struct fixture *fixture = *state;

    post (fixture, COMMAND_ECONVETO, 1);
    serve_until (fixture, 1);
    assert_int_equal (http_client_get_health (fixture->client, 2, now ()), 0);
    serve_until (fixture, 2);
    assert_string_equal (fixture->method, "GET");
    assert_string_equal (fixture->url, "/api/internal/health");
    assert_string_equal (fixture->key, "");
    assert_int_equal (fixture->received.size, 0);
    post (fixture, COMMAND_ECONVETO, 3);
    serve_until (fixture, 3);
    assert_string_equal (fixture->method, "POST");
    assert_string_equal (fixture->key, "the-key");
}

static void
test_connection_is_used_again (void **state)
{
    struct fixture *fixture = *state;

    for (uint32_t i = 1; i <= 5; i++) {
        post (fixture, COMMAND_ECONVETO, i);
        serve_until (fixture, i);
    }
    assert_int_equal (fixture->requests, 5);
    assert_int_equal (fixture->connections, 1);
}

static void
test_several_are_under_way_at_once (void **state)
{
    struct fixture *fixture = *state;
    uint32_t seen = 0;

    for (uint32_t i = 0; i < 8; i++)
        post (fixture, COMMAND_ECONVETO, i);
    serve_until (fixture, 8);
    for (size_t i = 0; i < 8; i++)
        seen |= UINT32_C (1) << fixture->answers[i].tag;
    assert_int_equal (seen, 0xff);
}

static void
test_redirect_is_not_followed (void **state)
{
    struct fixture *fixture = *state;

    fixture->status = 302;
    fixture->extra_name = "Location";
    fixture->extra_value = "/api/elsewhere";
    post (fixture, COMMAND_ECONVETO, 1);
    serve_until (fixture, 1);
    assert_int_equal (fixture->answers[0].answer.status, 302);
    assert_int_equal (fixture->requests, 1);
}

static void
test_retry_after_is_handed_on (void **state)
{
    struct fixture *fixture = *state;

    fixture->status = 503;
    fixture->extra_name = "Retry-After";
    fixture->extra_value = "17";
    post (fixture, COMMAND_ECONVETO, 1);
    serve_until (fixture, 1);
    assert_int_equal (fixture->answers[0].answer.status, 503);
    assert_string_equal (fixture->answer_retry, "17");
}

static void
test_long_body_is_cut_off (void **state)
{
    struct fixture *fixture = *state;
    size_t size = HTTP_ANSWER_MAX + 1;
    uint8_t *body = calloc (1, size);

    assert_non_null (body);
    memset (body, ' ', size);
    fixture->body = bytes_of (body, size);
    post (fixture, COMMAND_ECONVETO, 1);
    serve_until (fixture, 1);
    assert_true (fixture->answers[0].answer.cut);
    assert_int_equal (fixture->answers[0].answer.failure, FAILURE_NONE);
    assert_int_equal (fixture->answers[0].answer.status, 200);

    fixture->body = bytes_of (body, HTTP_ANSWER_MAX);
    post (fixture, COMMAND_ECONVETO, 2);
    serve_until (fixture, 2);
    assert_false (fixture->answers[1].answer.cut);
    assert_int_equal (fixture->answer_body.size, HTTP_ANSWER_MAX);
    free (body);
}

static void
test_long_head_is_cut_off (void **state)
{
    struct fixture *fixture = *state;
    char *value = calloc (1, HTTP_ANSWER_MAX);

    assert_non_null (value);
    memset (value, 'x', HTTP_ANSWER_MAX - 1);
    fixture->extra_name = "X-Long";
    fixture->extra_value = value;
    post (fixture, COMMAND_ECONVETO, 1);
    serve_until (fixture, 1);
    assert_true (fixture->answers[0].answer.cut);
    free (value);
}

static void
test_server_that_is_away_is_a_network_failure (void **state)
{
    struct fixture *fixture = *state;

    MHD_stop_daemon (fixture->daemon);
    fixture->daemon = NULL;
    post (fixture, COMMAND_ECONVETO, 1);
    serve_until (fixture, 1);
    assert_int_equal (fixture->answers[0].answer.failure, FAILURE_NETWORK);
    assert_int_equal (fixture->answers[0].answer.status, 0);
    open_server (fixture);
}

static void
test_proxy_of_the_environment_is_ignored (void **state)
{
    struct fixture *fixture = *state;

    setenv ("http_proxy", "http://127.0.0.1:1", 1);
    setenv ("all_proxy", "http://127.0.0.1:1", 1);
    post (fixture, COMMAND_ECONVETO, 1);
    serve_until (fixture, 1);
    unsetenv ("http_proxy");
    unsetenv ("all_proxy");
    assert_int_equal (fixture->answers[0].answer.status, 200);
}

static void
test_server_without_tls_is_a_tls_failure (void **state)
{
    struct fixture *fixture = *state;
    char url[64];

    snprintf (url, sizeof (url), "https://127.0.0.1:%u", server_port (fixture));
    struct http_client_options options = {
        .url = url,
        .host = "127.0.0.1",
        .port = server_port (fixture),
        .address = "",
        .ca_file = "",
    };
    http_client_close (&fixture->client);
    assert_int_equal (http_client_open (&options, &fixture->client), 0);
    post (fixture, COMMAND_ECONVETO, 1);
    serve_until (fixture, 1);
    assert_int_equal (fixture->answers[0].answer.failure, FAILURE_TLS);
}

static void
test_abort_ends_all_and_leaves_the_client_usable (void **state)
{
    struct fixture *fixture = *state;
    struct http_answer answer;

    for (uint32_t i = 0; i < 8; i++)
        post (fixture, COMMAND_ECONVETO, i);
    http_client_abort (fixture->client);
    assert_false (http_client_next (fixture->client, &answer));
    post (fixture, COMMAND_ECONVETO, 99);
    serve_until (fixture, 1);
    assert_int_equal (fixture->answers[0].tag, 99);
}

static void
test_requests_are_bounded (void **state)
{
    struct fixture *fixture = *state;
    struct gov_id id = {{0}};

    for (uint32_t i = 0; i < HTTP_REQUESTS_MAX; i++)
        post (fixture, COMMAND_ECONVETO, i);
    assert_int_equal (http_client_post (fixture->client, COMMAND_ECONVETO, &id,
                                        bytes_of_text (PAYLOAD), 0, now ()),
                      -EAGAIN);
    http_client_abort (fixture->client);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
        TEST (test_post_has_the_headers_of_the_protocol),
        TEST (test_health_is_asked_without_the_key),
        TEST (test_connection_is_used_again),
        TEST (test_several_are_under_way_at_once),
        TEST (test_redirect_is_not_followed),
        TEST (test_retry_after_is_handed_on),
        TEST (test_long_body_is_cut_off),
        TEST (test_long_head_is_cut_off),
        TEST (test_server_that_is_away_is_a_network_failure),
        TEST (test_proxy_of_the_environment_is_ignored),
        TEST (test_server_without_tls_is_a_tls_failure),
        TEST (test_abort_ends_all_and_leaves_the_client_usable),
        TEST (test_requests_are_bounded),
    };

    signal (SIGPIPE, SIG_IGN); /* as the daemon does */
    return cmocka_run_group_tests (tests, NULL, NULL);
}
