/* SPDX-License-Identifier: MIT */
/* connection_private - what the three files of a connection share:
 * connection.c (bytes and events), connection_handshake.c (version to verack),
 * connection_pings.c (pings, pongs, time-outs).
 */
#pragma once

#include "actors/ingress/connection.h"
#include "bucket.h"
#include "buffer.h"

/* A ping of the peer whose pong waits for verdicts (PROTOCOL 1.9). */
struct connection_ping {
    uint64_t nonce;
    uint64_t before;         /* governance messages up to this number */
    struct instant deadline; /* then it goes anyway */
};

/* Kept small, there are many: two buffers that are freed when empty, and about
 * 1.2 KiB, most of it the peer's version (340) and its pings (16 x 24). */
struct connection {
    struct connection_options options;
    enum connection_close close; /* the first reason to close, if any */
    struct instant opened_at;

    /* connection.c: what comes in */
    struct frame_parser parser; /* owned */
    struct buffer input;        /* not parsed yet; owned */
    struct frame frame;         /* in hand; its payload lies in the parser or at
                                   the end of the USED bytes */
    size_t used;                /* of input, by the frame in hand */
    bool held;                  /* the frame in hand may not be taken yet */
    struct instant held_since;
    struct instant received_at; /* when bytes last came */
    bool getaddr_seen;

    /* connection.c: what waits for a verdict */
    struct bucket bucket;
    uint64_t next_number;
    uint64_t unjudged[CONNECTION_UNJUDGED_MAX]; /* numbers, in no order */
    size_t unjudged_count;

    /* connection.c: what goes out */
    struct buffer output; /* owned */

    /* connection_handshake.c */
    struct version_payload peer; /* all 0 before version_received */
    bool version_received;
    bool answer_due; /* our answer to it is the next thing to do */
    bool verack_sent;
    bool ready;
    bool announced; /* econ-relay */
    bool wants_addrv2;

    /* connection_pings.c */
    struct connection_ping
        pings[CONNECTION_PINGS_MAX]; /* in order of arrival */
    size_t pings_count;
    struct instant ping_at;    /* when our next ping is due, once ready */
    bool ping_unanswered;      /* ping_nonce was sent, no pong came */
    uint64_t ping_nonce;       /* of our ping under way */
    uint64_t ping_counter;     /* makes the nonces differ */
    struct instant ping_since; /* when ping_nonce was first sent */
    int64_t ping_us;           /* last round trip; -1 before the first */
};

/* connection.c */

/* Notes why it is to be closed; the first reason stays. */
void connection_fail (struct connection *connection,
                      enum connection_close reason);

/* connection_handshake.c */

/* Sends our version. */
void connection_say_version (struct connection *connection, struct moment now);
/* Answers the peer's version: whatever is left to say, up to verack. */
void connection_answer_version (struct connection *connection,
                                struct moment now);
/* Takes the peer's version. Returns true when it is the one that counts. */
bool connection_on_version (struct connection *connection,
                            struct bytes payload);
/* Takes a feature; one that is malformed, or NULL, fails the connection. */
void connection_on_feature (struct connection *connection,
                            const struct bytes *payload);
/* Takes verack. Returns true when it completes the handshake. */
bool connection_on_verack (struct connection *connection, struct moment now);
/* Returns the lower of both protocol versions. */
int32_t connection_common_version (const struct connection *connection);

/* connection_pings.c */

/* Takes a ping, for which there must be room. */
void connection_on_ping (struct connection *connection, struct bytes payload,
                         struct moment now);
/* Takes a pong. Returns true when it answers our ping. */
bool connection_on_pong (struct connection *connection, struct bytes payload,
                         struct moment now);
/* Sends the pongs that wait for nothing any more. */
void connection_send_pongs (struct connection *connection, struct moment now);
