/* SPDX-License-Identifier: MIT */
/* connection_fixture - a peer for the tests of a connection: says messages,
 * hears the answers as words, and carries the clock. Functions are inline so
 * that a test uses what it needs.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "actors/ingress/connection.h"
#include "messages/bitcoin/little_endian.h"

#define PEER_NONCE UINT64_C (0x0badcafe)

struct peer {
    struct connection *connection; /* owned: ours, facing this peer */
    struct connection_event event; /* the last one */
    struct moment now;             /* moved by peer_wait only */
    char heard[4096];              /* by the last peer_hears */
    uint64_t ping_nonce;           /* of the last ping heard */
};

/* What a relay uses, rate included. */
static inline struct connection_options
peer_options (bool outbound)
{
    return (struct connection_options){
        .network = NETWORK_REGTEST,
        .outbound = outbound,
        .nonce = UINT64_C (0x1234),
        .secret = UINT64_C (0x5678),
        .rate_per_s = 10,
        .rate_burst = 200,
        .peer_port = 18444,
        .peer_address = {[10] = 0xff, 0xff, 127, 0, 0, 1},
        .times = connection_times_default,
    };
}

static inline void
peer_open_with (struct peer *peer, const struct connection_options *options)
{
    *peer = (struct peer){
        .now = {.mono = {.us = 1000 * SECOND_US},
                .unix_us = 1764361549 * SECOND_US},
    };
    peer->connection = connection_create (options, peer->now);
    assert_non_null (peer->connection);
}

static inline void
peer_open (struct peer *peer, bool outbound)
{
    struct connection_options options = peer_options (outbound);
    peer_open_with (peer, &options);
}

static inline void
peer_close (struct peer *peer)
{
    connection_destroy (&peer->connection);
    assert_null (peer->connection);
}

static inline void
peer_wait (struct peer *peer, int64_t us)
{
    peer->now.mono = instant_after (peer->now.mono, us);
    peer->now.unix_us += us;
}

static inline void
peer_send (struct peer *peer, struct bytes bytes)
{
    assert_int_equal (connection_feed (peer->connection, bytes, peer->now), 0);
}

static inline void
peer_say (struct peer *peer, const char *command, struct bytes payload)
{
    uint8_t header[FRAME_HEADER_SIZE];

    frame_header_write (header, NETWORK_REGTEST, command, payload);
    peer_send (peer, bytes_of (header, sizeof header));
    peer_send (peer, payload);
}

static inline void
peer_say_nothing (struct peer *peer, const char *command)
{
    peer_say (peer, command, bytes_of (NULL, 0));
}

static inline void
peer_say_nonce (struct peer *peer, const char *command, uint64_t nonce)
{
    uint8_t payload[8];

    little_endian_write (payload, sizeof payload, nonce);
    peer_say (peer, command, bytes_of (payload, sizeof payload));
}

static inline void
peer_say_version (struct peer *peer, int32_t version, uint64_t services)
{
    struct version_payload payload = {
        .version = version,
        .services = services,
        .time = moment_unix_s (peer->now),
        .nonce = PEER_NONCE,
        .user_agent = "/Peer:1/",
    };
    uint8_t bytes[512];

    size_t size = version_encode (&payload, bytes, sizeof bytes);
    peer_say (peer, "version", bytes_of (bytes, size));
}

static inline void
peer_say_feature (struct peer *peer)
{
    uint8_t payload[640];
    size_t size = feature_encode_econ_relay (payload, sizeof payload);
    peer_say (peer, "feature", bytes_of (payload, size));
}

static inline void
peer_say_veto (struct peer *peer)
{
    peer_say (peer, "econveto", bytes_of_text ("{\"some\":\"veto\"}"));
}

static inline enum connection_event_kind
peer_next (struct peer *peer)
{
    connection_next (peer->connection, peer->now, &peer->event);
    return peer->event.kind;
}

#define assert_next(peer, expected)                                            \
    assert_int_equal (peer_next (peer), (expected))

static inline bool
peer_tick (struct peer *peer)
{
    return connection_tick (peer->connection, peer->now);
}

static inline void
peer_judge (struct peer *peer, uint64_t number, bool exact_duplicate)
{
    connection_judged (peer->connection, number, exact_duplicate, peer->now);
}

/* Microseconds until the connection wants to be called. */
static inline int64_t
peer_deadline_us (const struct peer *peer)
{
    return instant_since (connection_deadline (peer->connection),
                          peer->now.mono);
}

/* Takes all of the output and returns it as words: "version verack ",
 * "pong:7 ". */
static inline const char *
peer_hears (struct peer *peer)
{
    struct frame_parser parser;
    struct frame frame;
    struct bytes output = connection_output (peer->connection);
    size_t size = output.size;
    size_t fill = 0;

    static const char *const names[] = {
#define X(NAME, name, size) name,
        FRAME_COMMANDS (X)
#undef X
    };
    frame_parser_init (&parser, NETWORK_REGTEST);
    peer->heard[0] = '\0';
    while (frame_parser_next (&parser, &output, &frame) == FRAME_MESSAGE) {
        const char *name = names[frame.command];
        char *at = peer->heard + fill;
        size_t room = sizeof peer->heard - fill;
        int written;
        if (frame.command == FRAME_PING && frame.payload.size == 8)
            peer->ping_nonce = little_endian_read (frame.payload.data, 8);
        if (frame.command == FRAME_PONG)
            written = snprintf (
                at, room, "%s:%llu ", name,
                (unsigned long long)little_endian_read (frame.payload.data, 8));
        else
            written = snprintf (at, room, "%s ", name);
        assert_in_range (written, 1, room - 1);
        fill += (size_t)written;
    }
    assert_int_equal (output.size, 0); /* nothing that is not a message */
    frame_parser_done (&parser);
    connection_output_taken (peer->connection, size);
    return peer->heard;
}

/* Goes through a whole handshake; what we say is dropped. */
static inline void
peer_shake (struct peer *peer, int32_t version, uint64_t services)
{
    peer_say_version (peer, version, services);
    assert_next (peer, CONNECTION_VERSION);
    peer_say_nothing (peer, "verack");
    assert_next (peer, CONNECTION_READY);
    assert_next (peer, CONNECTION_NONE);
    peer_hears (peer);
}

/* A peer that is ready to talk, 70017, of the usual rate. */
static inline void
peer_open_ready (struct peer *peer)
{
    peer_open (peer, false);
    peer_shake (peer, 70017, 0);
}

static inline void
assert_closed (struct peer *peer, enum connection_close reason)
{
    assert_next (peer, CONNECTION_CLOSE);
    assert_int_equal (connection_close_reason (peer->connection), reason);
    assert_false (peer_tick (peer));
    assert_next (peer, CONNECTION_CLOSE); /* for good */
}
