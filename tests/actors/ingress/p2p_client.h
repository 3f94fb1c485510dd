/* SPDX-License-Identifier: MIT */
/* p2p_client - a Bitcoin peer on a real TCP connection, for the tests of
 * ingress. Says what a test wants, keeps what it hears. Functions are inline so
 * that a test uses what it needs.
 */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "messages/bitcoin/frame.h"
#include "messages/bitcoin/little_endian.h"
#include "messages/bitcoin/payload.h"
#include "tests/support/actor_bench.h"

struct client {
    struct bench *bench; /* borrowed */
    int fd;              /* owned; -1: closed */
    bool closed;         /* the other side has closed */
    struct frame_parser parser;
    size_t heard[FRAME_COMMANDS_ + 1]; /* how often, by command */
    uint64_t pong;                     /* nonce of the last pong */
    uint64_t ping;                     /* nonce of the last ping that we sent */
    uint64_t nonce;                    /* of the other side's version */
    char last[4097];                   /* the last governance payload */
    uint8_t addresses[16384];          /* the last addr or addrv2 */
    size_t addresses_size;
    size_t governance; /* how many governance messages */
};

static inline void
client_take (struct client *client, int fd, struct bench *bench)
{
    *client = (struct client){.bench = bench, .fd = fd};
    frame_parser_init (&client->parser, NETWORK_REGTEST);
    bench_watch (bench, fd);
}

/* Connects from SOURCE, an address of loopback, "127.0.1.1". */
static inline void
client_connect_from (struct client *client, struct bench *bench, unsigned port,
                     const char *source)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons ((uint16_t)port),
                                  .sin_addr = {htonl (INADDR_LOOPBACK)}};
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true (fd >= 0);
    assert_int_equal (inet_pton (AF_INET, source, &from.sin_addr), 1);
    CHECK_OK (bind (fd, (struct sockaddr *)&from, sizeof from));
    CHECK_OK (connect (fd, (struct sockaddr *)&address, sizeof address));
    client_take (client, fd, bench);
}

static inline void
client_connect (struct client *client, struct bench *bench, unsigned port)
{
    client_connect_from (client, bench, port, "127.0.0.1");
}

static inline void
client_close (struct client *client)
{
    if (client->fd < 0)
        return;
    bench_unwatch (client->bench, client->fd);
    close (client->fd);
    client->fd = -1;
    frame_parser_done (&client->parser);
}

static inline void
client_say_bytes (struct client *client, struct bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t sent = send (client->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent < 0)
            return; /* it has closed; a test that minds will notice */
        bytes = bytes_of (bytes.data + sent, bytes.size - (size_t)sent);
    }
}

static inline void
client_append (struct buffer *out, const char *command, struct bytes payload)
{
    uint8_t header[FRAME_HEADER_SIZE];
    frame_header_write (header, NETWORK_REGTEST, command, payload);
    CHECK_OK (buffer_append (out, bytes_of (header, sizeof header)));
    CHECK_OK (buffer_append (out, payload));
}

static inline void
client_say (struct client *client, const char *command, struct bytes payload)
{
    owned (buffer_done) struct buffer out = {0};
    client_append (&out, command, payload);
    client_say_bytes (client, buffer_bytes (&out));
}

static inline void
client_append_ping (struct client *client, struct buffer *out)
{
    uint8_t payload[8];
    little_endian_write (payload, sizeof payload, ++client->ping);
    client_append (out, "ping", bytes_of (payload, sizeof payload));
}

static inline void
client_say_ping (struct client *client)
{
    owned (buffer_done) struct buffer out = {0};
    client_append_ping (client, &out);
    client_say_bytes (client, buffer_bytes (&out));
}

static inline void
client_on_frame (struct client *client, const struct frame *frame)
{
    struct version_payload version;
    enum command command;

    client->heard[frame->command]++;
    if (frame->command == FRAME_PONG)
        client->pong = little_endian_read (frame->payload.data, 8);
    if (frame->command == FRAME_VERSION
        && version_decode (frame->payload, &version) == 0)
        client->nonce = version.nonce;
    if (frame->command == FRAME_ADDR || frame->command == FRAME_ADDRV2) {
        assert_true (frame->payload.size <= sizeof client->addresses);
        memcpy (client->addresses, frame->payload.data, frame->payload.size);
        client->addresses_size = frame->payload.size;
    }
    if (frame_governance_command (frame->command, &command) != 0)
        return;
    client->governance++;
    size_t size = frame->payload.size < sizeof client->last - 1
                      ? frame->payload.size
                      : sizeof client->last - 1;
    memcpy (client->last, frame->payload.data, size);
    client->last[size] = '\0';
}

/* Takes what has arrived. Returns true, so that it can stand in a condition. */
static inline bool
client_hear (struct client *client)
{
    uint8_t bytes[65536];
    ssize_t size = 0;

    while (client->fd >= 0 && !client->closed
           && (size = recv (client->fd, bytes, sizeof bytes, MSG_DONTWAIT))
                  > 0) {
        struct bytes input = bytes_of (bytes, (size_t)size);
        struct frame frame;
        enum frame_event event;
        while ((event = frame_parser_next (&client->parser, &input, &frame))
               != FRAME_MORE) {
            assert_true (event == FRAME_MESSAGE || event == FRAME_SKIPPED);
            if (event == FRAME_MESSAGE)
                client_on_frame (client, &frame);
        }
    }
    if (size == 0 || (size < 0 && errno != EAGAIN))
        client->closed = true;
    return true;
}

/* Waits for the pong of a new ping: all before it was read and answered. */
static inline void
client_barrier (struct client *client)
{
    client_say_ping (client);
    BENCH_WAIT (client->bench,
                client_hear (client)
                    && (client->pong == client->ping || client->closed));
    assert_false (client->closed);
}

static inline void
client_say_version (struct client *client)
{
    struct version_payload version = {.version = P2P_VERSION,
                                      .services = NODE_GOVERNANCE,
                                      .time = moment_unix_s (moment_now ()),
                                      .nonce = random_u64 () | 1,
                                      .user_agent = "/Client:1/"};
    uint8_t payload[512];
    size_t size = version_encode (&version, payload, sizeof payload);
    client_say (client, "version", bytes_of (payload, size));
}

/* Shakes hands, announcing econ-relay if ANNOUNCES. */
static inline void
client_shake_as (struct client *client, bool announces)
{
    uint8_t payload[640];
    client_say_version (client);
    size_t size = feature_encode_econ_relay (payload, sizeof payload);
    if (announces)
        client_say (client, "feature", bytes_of (payload, size));
    client_say (client, "verack", (struct bytes){0});
    BENCH_WAIT (client->bench,
                client_hear (client) && client->heard[FRAME_VERACK] == 1);
    client_barrier (client);
}

static inline void
client_shake (struct client *client)
{
    client_shake_as (client, true);
}
