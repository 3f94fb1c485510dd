/* SPDX-License-Identifier: MIT */
/* connection - one Bitcoin peer as a state machine: bytes in, bytes and events
 * out; no socket, no clock, no randomness of its own (PROTOCOL 1, 2, 5.7).
 *
 * The shell reads bytes, calls connection_feed, then connection_next until it
 * says NONE, BLOCKED or CLOSE, and writes what connection_output holds. When
 * it is BLOCKED the shell stops reading the socket until connection_judged or
 * the time in connection_deadline.
 */
#pragma once

#include "actors/ingress/limits.h"
#include "base.h"
#include "messages/bitcoin/frame.h"
#include "messages/bitcoin/payload.h"
#include "messages/governance/command.h"

/* The times of PROTOCOL 1.9, in microseconds; tests shorten them. */
struct connection_times {
    int64_t handshake_us; /* 60 s */
    int64_t ping_us;      /* 120 s */
    int64_t silence_us;   /* 20 min */
    int64_t barrier_us;   /* 10 s */
};
#define CONNECTION_TIMES_DEFAULT                                               \
    {                                                                          \
        .handshake_us = 60 * SECOND_US, .ping_us = 120 * SECOND_US,            \
        .silence_us = 20 * 60 * SECOND_US, .barrier_us = 10 * SECOND_US        \
    }
extern const struct connection_times connection_times_default;

struct connection_options {
    enum network network;
    bool outbound;            /* we dialled */
    uint64_t nonce;           /* of our version; random, from the shell */
    uint64_t secret;          /* random, from the shell, never sent: the
                                  nonces of our pings come from it */
    uint64_t rate_per_s;      /* 5.7 limits.peer_rate; 0: off */
    uint64_t rate_burst;      /* limits.peer_burst */
    uint16_t peer_port;       /* for addr_recv */
    uint8_t peer_address[16]; /* IPv6 or mapped IPv4, for addr_recv */
    struct connection_times times;
};

enum connection_close {
    CONNECTION_CLOSE_NONE,
    CONNECTION_CLOSE_MAGIC,     /* wrong magic, or a v2 hello */
    CONNECTION_CLOSE_LENGTH,    /* above 4,000,000 */
    CONNECTION_CLOSE_VERSION,   /* version malformed or too old */
    CONNECTION_CLOSE_SELF,      /* ourselves */
    CONNECTION_CLOSE_FEATURE,   /* malformed feature */
    CONNECTION_CLOSE_HANDSHAKE, /* none in 60 s */
    CONNECTION_CLOSE_SILENCE,   /* nothing, or no pong, for 20 minutes */
    CONNECTION_CLOSE_OUTPUT,    /* does not take our answers, or there is no
                                    memory for them */
    CONNECTION_CLOSES_
};

enum connection_event_kind {
    CONNECTION_NONE,       /* nothing more from these bytes */
    CONNECTION_BLOCKED,    /* input is kept; do not read (see above) */
    CONNECTION_VERSION,    /* its version was taken: check nonce for self. It
                              is answered by the next connection_next: close
                              instead, and ourselves have heard nothing */
    CONNECTION_READY,      /* handshake complete; connection_governance holds */
    CONNECTION_GOVERNANCE, /* a governance message, with its number */
    CONNECTION_OVERSIZE,   /* a governance header announced too much */
    CONNECTION_PONG,       /* the answer to our ping; ping_us holds */
    CONNECTION_DROPPED,    /* a message with a bad checksum or command */
    CONNECTION_ADDRESSES,  /* addr or addrv2: payload in event */
    CONNECTION_GETADDR,
    CONNECTION_CLOSE, /* close it; connection_close_reason says why */
};

struct connection_event {
    enum connection_event_kind kind;
    enum command command; /* GOVERNANCE, OVERSIZE */
    uint64_t number;      /* GOVERNANCE: to be given to connection_judged */
    struct bytes payload; /* GOVERNANCE, ADDRESSES: borrowed until the next
                                connection_feed, _next or _destroy */
    bool addrv2;          /* ADDRESSES */
};

struct connection; /* about 1 KiB when idle: 1,000 of them are nothing */

/* Returns a connection, or NULL when there is no memory. An outbound one has
 * our version in its output at once; an inbound one has nothing to say until
 * the peer's whole `version` was taken (PROTOCOL 1.2). */
struct connection *connection_create (const struct connection_options *options,
                                      struct moment now);
void connection_destroy (struct connection **connection);

/* Takes bytes that arrived. What connection_next does not consume at once is
 * copied and kept. Returns 0 or -ENOMEM (then close). */
int connection_feed (struct connection *connection, struct bytes bytes,
                     struct moment now);

/* Sets *ret_event to the next thing that happened. A governance message is
 * only handed out while fewer than CONNECTION_UNJUDGED_MAX are unjudged and the
 * rate allows; else BLOCKED. */
void connection_next (struct connection *connection, struct moment now,
                      struct connection_event *ret_event);

/* The message NUMBER has its verdict, or was an exact duplicate: a pong that
 * waited for it can go. EXACT_DUPLICATE gives its token back to the bucket. A
 * second verdict, of a frame that went to two verifiers, changes nothing. */
void connection_judged (struct connection *connection, uint64_t number,
                        bool exact_duplicate, struct moment now);

/* Pings, times out, sends pongs whose 10 s have passed. Returns false when it
 * is to be closed (connection_close_reason). Call it at connection_deadline. */
bool connection_tick (struct connection *connection, struct moment now);

/* Returns when connection_tick or connection_next has something to do even if
 * nothing arrives. Never further away than the ping interval. */
struct instant connection_deadline (const struct connection *connection);

/* Returns the bytes to write; connection_output_taken drops the first SIZE. */
struct bytes connection_output (const struct connection *connection);
void connection_output_taken (struct connection *connection, size_t size);

/* Appends a message to the output, behind what is there; the connection fails
 * when it is full. Only after CONNECTION_READY. */
void connection_say (struct connection *connection, const char *command,
                     struct bytes payload);

/* What is known of the peer. Valid from CONNECTION_VERSION on. */
const struct version_payload *
connection_version (const struct connection *connection);

/* Returns true after verack in both directions. */
bool connection_is_ready (const struct connection *connection);
/* Returns true when the peer is governance-enabled (PROTOCOL 2.4). */
bool connection_governance (const struct connection *connection);
/* Returns true when it announced econ-relay (PROTOCOL 2.5). */
bool connection_announced (const struct connection *connection);
/* Returns true when it asked for addrv2, by sendaddrv2 before its verack. */
bool connection_wants_addrv2 (const struct connection *connection);
/* Returns the last measured round trip in microseconds, -1 before the first. */
int64_t connection_ping_us (const struct connection *connection);
/* Returns how many governance messages wait for a verdict. */
size_t connection_unjudged (const struct connection *connection);

enum connection_close
connection_close_reason (const struct connection *connection);
/* Returns a sentence for logs, static. */
const char *connection_close_text (enum connection_close reason);
