/* SPDX-License-Identifier: MIT */
/* ingress_proxy_test - the real edge behind a SOCKS5 proxy, which is the test:
 * what it asks for, whom it takes its peers for, what it makes of refusals.
 */
#include "ingress_fixture.h"

#include <netinet/tcp.h>
#include <poll.h>

#include "actors/ingress/edge.h"

#define ONION "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
#define LOGIN_SIZE 67 /* of RFC 1929, with two words of 32 */

/* What the relay said to the proxy on one connection, and that connection. */
struct asking {
    int fd; /* owned by whoever takes it */
    uint8_t login[LOGIN_SIZE];
    uint8_t request[262];
    size_t request_size;
};

static int
desk_await_proxied (struct desk *desk, char *ret_option, size_t room)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl (INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    desk->listener =
        socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK_OK (bind (desk->listener, (struct sockaddr *)&address, size));
    CHECK_OK (listen (desk->listener, 8));
    CHECK_OK (getsockname (desk->listener, (struct sockaddr *)&address, &size));
    return snprintf (ret_option, room, "socks5://127.0.0.1:%u",
                     ntohs (address.sin_port));
}

static int
desk_open_proxied (void **state)
{
    char option[64];
    desk_create (state);
    struct desk *desk = *state;
    desk_await_proxied (desk, option, sizeof option);
    desk_begin (desk, BENCH_INPROC, "node.proxy", option);
    bench_watch (&desk->bench, desk->listener);
    return 0;
}

static int
desk_close_proxied (void **state)
{
    struct desk *desk = *state;
    if (desk->listener >= 0)
        bench_unwatch (&desk->bench, desk->listener);
    return desk_close (state);
}

/*~ The proxy's part. */

static int
proxy_accept (struct desk *desk)
{
    int fd = -1;
    UNTIL ((fd = accept4 (desk->listener, NULL, NULL,
                          SOCK_CLOEXEC | SOCK_NONBLOCK))
           >= 0);
    return fd;
}

static void
proxy_read (struct desk *desk, int fd, uint8_t *bytes, size_t size)
{
    size_t at = 0;
    bench_watch (&desk->bench, fd);
    while (at < size) {
        ssize_t got = -1;
        UNTIL ((got = recv (fd, bytes + at, size - at, 0)) >= 0);
        assert_true (got > 0);
        at += (size_t)got;
    }
    bench_unwatch (&desk->bench, fd);
}

static void
proxy_say (int fd, const void *bytes, size_t size)
{
    assert_int_equal (send (fd, bytes, size, MSG_NOSIGNAL), size);
}

/* Serves it up to its request, which stays without an answer. */
static struct asking
proxy_hear (struct desk *desk)
{
    struct asking asking = {.fd = proxy_accept (desk)};
    uint8_t greeting[3];
    uint8_t *request = asking.request;

    proxy_read (desk, asking.fd, greeting, sizeof greeting);
    assert_memory_equal (greeting, "\5\1\2", 3);
    proxy_say (asking.fd, "\5\2", 2);
    proxy_read (desk, asking.fd, asking.login, LOGIN_SIZE);
    assert_memory_equal (asking.login, "\1\x20", 2);
    assert_int_equal (asking.login[34], 0x20);
    proxy_say (asking.fd, "\1\0", 2);
    proxy_read (desk, asking.fd, request, 5);
    assert_memory_equal (request, "\5\1\0", 3);
    size_t rest = request[3] == 1 ? 3 + 2 : request[4] + 2u;
    proxy_read (desk, asking.fd, request + 5, rest);
    asking.request_size = 5 + rest;
    return asking;
}

static void
proxy_connect (const struct asking *asking)
{
    proxy_say (asking->fd, "\5\0\0\1\0\0\0\0\0\0", 10);
}

/* The connection is now one to a peer. */
static struct client *
proxy_client (struct desk *desk, const struct asking *asking, size_t place)
{
    struct client *client = &desk->clients[place];
    proxy_connect (asking);
    client_take (client, asking->fd, &desk->bench);
    UNTIL (client_hear (client) && client->heard[FRAME_VERSION] == 1);
    client_shake (client);
    return client;
}

static void
check_request (const struct asking *asking, const char *name, unsigned port)
{
    size_t size = strlen (name);
    assert_int_equal (asking->request[3], 3); /* a name, not resolved */
    assert_int_equal (asking->request[4], size);
    assert_int_equal (asking->request_size, 5 + size + 2);
    assert_memory_equal (asking->request + 5, name, size);
    assert_int_equal (
        asking->request[5 + size] << 8 | asking->request[6 + size], port);
}

/*~ With a proxy. */

static void
test_peer_behind_the_proxy_is_known_by_what_was_dialled (void **state)
{
    struct desk *desk = *state;
    struct verifier *verifier = &desk->verifiers[0];
    desk_verifier (desk, 0);
    dial (desk, "relay.test:1234");
    struct asking asking = proxy_hear (desk);
    check_request (&asking, "relay.test", 1234);
    assert_int_equal (desk->states[PEER_CONNECTED], 0);
    struct client *client = proxy_client (desk, &asking, 0);
    UNTIL (desk->states[PEER_SHAKEN] == 1 && desk->ready_count == 1);
    assert_string_equal (desk->dialled, "relay.test:1234");
    assert_string_equal (desk->address, "relay.test:1234");
    assert_true (desk->peer.outbound);
    assert_true (desk->ready[0].outbound);
    say_veto (client, "one");
    UNTIL (verifier->count == 1);
    assert_false (verifier->frames[0].local); /* though the proxy is */
    client_close (client);
    UNTIL (desk->states[PEER_LEFT] == 1);
    assert_string_equal (desk->dialled, "relay.test:1234");
    assert_string_equal (desk->words, "the peer closed");
}

static void
test_onion_names_go_to_the_proxy_whole (void **state)
{
    struct desk *desk = *state;
    dial (desk, ONION ":8333");
    struct asking asking = proxy_hear (desk);
    check_request (&asking, ONION, 8333);
    proxy_client (desk, &asking, 0);
    UNTIL (desk->states[PEER_SHAKEN] == 1);
    assert_string_equal (desk->address, ONION ":8333");
    assert_string_equal (desk->dialled, ONION ":8333");
}

static void
test_addresses_go_through_the_proxy_too (void **state)
{
    struct desk *desk = *state;
    static const uint8_t request[] = {5, 1, 0, 1, 192, 0, 2, 1, 0x20, 0x8d};
    dial (desk, "192.0.2.1:8333");
    struct asking asking = proxy_hear (desk);
    assert_int_equal (asking.request_size, sizeof request);
    assert_memory_equal (asking.request, request, sizeof request);
    proxy_client (desk, &asking, 0);
    UNTIL (desk->states[PEER_SHAKEN] == 1);
    assert_string_equal (desk->address, "192.0.2.1:8333");
}

static void
test_each_connection_logs_in_as_someone_else (void **state)
{
    struct desk *desk = *state;
    struct asking askings[3];
    dial (desk, "one.test:1");
    askings[0] = proxy_hear (desk);
    dial (desk, "two.test:1");
    askings[1] = proxy_hear (desk);
    close (askings[0].fd); /* and again to the first */
    UNTIL (desk->states[PEER_LEFT] == 1);
    dial (desk, "one.test:1");
    askings[2] = proxy_hear (desk);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal (askings[i].login + 2, askings[k].login + 2,
                                     32);
            assert_memory_not_equal (askings[i].login + 35,
                                     askings[k].login + 35, 32);
        }
    close (askings[1].fd);
    close (askings[2].fd);
}

static void
test_peers_by_name_are_of_different_groups (void **state)
{
    struct desk *desk = *state;
    dial (desk, "one.test:1");
    struct asking first = proxy_hear (desk);
    proxy_client (desk, &first, 0);
    dial (desk, "two.test:1");
    struct asking second = proxy_hear (desk);
    proxy_client (desk, &second, 1);
    UNTIL (desk->ready_count == 2);
    assert_int_not_equal (desk->ready[0].group, desk->ready[1].group);
}

/* What is behind the proxy's answer in one segment is the peer's. */
static void
test_bytes_behind_the_answer_are_the_peers (void **state)
{
    struct desk *desk = *state;
    owned (buffer_done) struct buffer out = {0};
    dial (desk, "relay.test:1");
    struct asking asking = proxy_hear (desk);
    struct client *client = &desk->clients[0];
    client_take (client, asking.fd, &desk->bench);
    CHECK_OK (buffer_append (&out, bytes_of ("\5\0\0\3\4host\0\1", 11)));
    client_append (&out, "whatever", bytes_of_text ("unasked"));
    client_append_ping (client, &out);
    client_say_bytes (client, buffer_bytes (&out));
    client_say_version (client);
    UNTIL (desk->states[PEER_CONNECTED] == 1);
    UNTIL (client_hear (client) && client->heard[FRAME_VERACK] == 1);
    assert_int_equal (desk->states[PEER_LEFT], 0);
}

static void
test_answers_may_come_byte_by_byte (void **state)
{
    struct desk *desk = *state;
    static const char answer[] = "\5\0\0\1\0\0\0\0\0";
    dial (desk, "relay.test:1");
    struct asking asking = proxy_hear (desk);
    int one = 1;
    CHECK_OK (
        setsockopt (asking.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    for (size_t i = 0; i < sizeof answer - 1; i++) {
        proxy_say (asking.fd, answer + i, 1);
        bench_counter (&desk->bench, desk->ingress, "peers");
    }
    assert_int_equal (desk->states[PEER_CONNECTED], 0);
    proxy_say (asking.fd, "\0", 1);
    UNTIL (desk->states[PEER_CONNECTED] == 1);
    close (asking.fd);
    UNTIL (desk->states[PEER_LEFT] == 1);
}

static void
check_left (struct desk *desk, size_t count, const char *words)
{
    UNTIL (desk->states[PEER_LEFT] == count);
    assert_string_equal (desk->dialled, "relay.test:1");
    assert_string_equal (desk->words, words);
    assert_int_equal (desk->states[PEER_CONNECTED], 0);
}

static void
test_refusals_of_the_proxy_are_told_in_words (void **state)
{
    struct desk *desk = *state;
    static const struct {
        const char *answer;
        size_t size;
        const char *words;
    } rows[] = {
        {"\5\4\0\1\0\0\0\0\0\0", 10, "proxy: host unreachable"},
        {"\5\xf0", 2, "proxy: onion service not found"},
        {"\5\0\0\2\0", 5, "proxy: its answer is malformed"},
        {"", 0, "proxy: it closed the connection"},
    };
    size_t left = 0;
    for (size_t i = 0; i < ARRAY_SIZE (rows); i++) {
        dial (desk, "relay.test:1");
        struct asking asking = proxy_hear (desk);
        proxy_say (asking.fd, rows[i].answer, rows[i].size);
        if (rows[i].size == 0)
            CHECK_OK (shutdown (asking.fd, SHUT_WR));
        check_left (desk, ++left, rows[i].words);
        close (asking.fd);
    }
    dial (desk, "relay.test:1");
    int fd = proxy_accept (desk);
    proxy_say (fd, "HTTP/1.1 400 Bad Request\r\n", 26);
    check_left (desk, ++left, "proxy: it does not speak SOCKS5");
    close (fd);
    dial (desk, "relay.test:1");
    fd = proxy_accept (desk);
    proxy_say (fd, "\5\xff", 2);
    check_left (desk, ++left,
                "proxy: it takes no user names, which keep connections apart");
    close (fd);
}

static void
test_proxy_that_is_not_there_is_told (void **state)
{
    struct desk *desk = *state;
    bench_unwatch (&desk->bench, desk->listener);
    close (desk->listener);
    desk->listener = -1;
    dial (desk, "localhost:1"); /* would be refused in other words */
    UNTIL (desk->states[PEER_LEFT] == 1);
    assert_string_equal (desk->words, "proxy: nobody is there");
}

static void
test_asking_that_is_under_way_does_not_hold_up_the_end (void **state)
{
    struct desk *desk = *state;
    dial (desk, "one.test:1");
    struct asking asking = proxy_hear (desk);
    dial (desk, "two.test:1");
    dial (desk, "three.test:1");
    assert_int_equal (bench_stop (&desk->bench, desk->ingress), 0);
    close (asking.fd);
    assert_int_equal (desk->states[PEER_CONNECTED], 0);
}

/* A wish said again while the proxy is asked is not a second connection. */
static void
test_dial_under_way_is_not_begun_again (void **state)
{
    struct desk *desk = *state;
    dial (desk, "relay.test:1");
    struct asking asking = proxy_hear (desk);
    dial (desk, "relay.test:1");
    UNTIL (desk->states[PEER_DIALLING] == 2);
    errno = 0;
    assert_int_equal (accept (desk->listener, NULL, NULL), -1);
    assert_int_equal (errno, EAGAIN);
    close (asking.fd);
    UNTIL (desk->states[PEER_LEFT] == 1);
}

static void
test_ports_that_are_none_are_refused (void **state)
{
    struct desk *desk = *state;
    static const char *const wishes[] = {"a.test:0", "a.test:65536",
                                         "a.test:http", "a.test:-1", ":1"};
    for (size_t i = 0; i < ARRAY_SIZE (wishes); i++) {
        dial (desk, wishes[i]);
        UNTIL (desk->states[PEER_LEFT] == i + 1);
        assert_string_equal (desk->dialled, wishes[i]);
    }
    assert_int_equal (desk->states[PEER_DIALLING], 0);
}

/*~ Without. */

static void
test_onion_names_need_a_proxy (void **state)
{
    struct desk *desk = *state;
    static const char *const wishes[] = {ONION ":8333", "short.onion:1",
                                         "A.ONION:1", "a.onion.:1"};
    for (size_t i = 0; i < ARRAY_SIZE (wishes); i++) {
        dial (desk, wishes[i]);
        UNTIL (desk->states[PEER_LEFT] == i + 1);
        assert_string_equal (desk->dialled, wishes[i]);
        assert_string_equal (desk->words, "needs node.proxy");
    }
    assert_int_equal (desk->states[PEER_DIALLING], 0);
}

/*~ The edge alone: its time is shorter here. */

struct waiting {
    char failed[64];
    char why[64];
};

static void
waiting_failed (void *self, const char *dialled, const char *why)
{
    struct waiting *waiting = self;
    snprintf (waiting->failed, sizeof waiting->failed, "%s", dialled);
    snprintf (waiting->why, sizeof waiting->why, "%s", why);
}

static void
test_silent_proxy_is_given_up (void **state)
{
    struct desk *desk = *state;
    struct waiting waiting = {0};
    static const struct edge_handlers handlers = {.failed = waiting_failed};
    struct edge_options options = {.proxy_us = 20 * MILLISECOND_US};
    struct edge *edge;
    char option[64];

    desk_await_proxied (desk, option, sizeof option);
    options.proxy = option + strlen ("socks5://");
    CHECK_OK (edge_create (&edge, &options, &handlers, &waiting));
    CHECK_OK (edge_dial (edge, "relay.test:1", false));
    struct instant until = instant_after (moment_now ().mono, BENCH_WAIT_US);
    while (waiting.why[0] == '\0') {
        struct pollfd fd = {.fd = edge_fd (edge), .events = POLLIN};
        int64_t wait_ms = edge_wait_us (edge) / MILLISECOND_US;
        poll (&fd, 1, wait_ms > 100 ? 100 : (int)wait_ms);
        edge_run (edge);
        assert_false (instant_reached (moment_now ().mono, until));
    }
    assert_string_equal (waiting.failed, "relay.test:1");
    assert_string_equal (waiting.why, "proxy: no answer in time");
    edge_destroy (&edge);
    close (desk->listener);
    free (desk);
}

static void
test_proxy_that_is_a_name_is_refused (void **state)
{
    static const struct edge_handlers handlers = {0};
    struct edge_options options = {.proxy = "localhost:9050"};
    struct edge *edge = NULL;
    (void)state;
    CHECK_ERR (edge_create (&edge, &options, &handlers, NULL), -EINVAL);
    assert_null (edge);
}

int
main (void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown (name, desk_open_proxied,                  \
                                     desk_close_proxied)
    const struct CMUnitTest tests[] = {
        TEST (test_peer_behind_the_proxy_is_known_by_what_was_dialled),
        TEST (test_onion_names_go_to_the_proxy_whole),
        TEST (test_addresses_go_through_the_proxy_too),
        TEST (test_each_connection_logs_in_as_someone_else),
        TEST (test_peers_by_name_are_of_different_groups),
        TEST (test_bytes_behind_the_answer_are_the_peers),
        TEST (test_answers_may_come_byte_by_byte),
        TEST (test_refusals_of_the_proxy_are_told_in_words),
        TEST (test_proxy_that_is_not_there_is_told),
        TEST (test_asking_that_is_under_way_does_not_hold_up_the_end),
        TEST (test_dial_under_way_is_not_begun_again),
        TEST (test_ports_that_are_none_are_refused),
        cmocka_unit_test_setup_teardown (test_onion_names_need_a_proxy,
                                         desk_open, desk_close),
        cmocka_unit_test_setup (test_silent_proxy_is_given_up, desk_create),
        cmocka_unit_test (test_proxy_that_is_a_name_is_refused),
    };
    zsys_handler_set (NULL);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
