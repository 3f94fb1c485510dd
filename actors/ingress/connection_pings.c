/* SPDX-License-Identifier: MIT */
/* connection_pings - pings, pongs and time-outs (PROTOCOL 1.9).
 *
 *   in   pings and pongs of the peer, verdicts, the time
 *   out  pongs that mean "judged", our pings, the end of a dead connection
 *   owns the pings' part of struct connection
 *
 * Next on the tour: actors/ingress/ingress_actor.c
 */
#include "actors/ingress/connection_private.h"

#include "digest.h"
#include "messages/bitcoin/little_endian.h"

#define PING_SIZE 8

/* Peers up to this version know neither nonces nor pongs (BIP31). */
#define P2P_VERSION_NO_PONG 60000

const struct connection_times connection_times_default =
    CONNECTION_TIMES_DEFAULT;

static void
connection_say_nonce (struct connection *connection, const char *command,
                      uint64_t nonce)
{
    uint8_t payload[PING_SIZE];

    little_endian_write (payload, PING_SIZE, nonce);
    connection_say (connection, command, bytes_of (payload, PING_SIZE));
}

/* Whether all governance messages before the ping have their verdict. */
static bool
connection_ping_is_judged (const struct connection *connection,
                           const struct connection_ping *ping)
{
    for (size_t i = 0; i < connection->unjudged_count; i++)
        if (connection->unjudged[i] < ping->before)
            return false;
    return true;
}

void
connection_send_pongs (struct connection *connection, struct moment now)
{
    size_t sent = 0;

    /* Those that came later wait for no less, and no shorter. */
    while (sent < connection->pings_count) {
        const struct connection_ping *ping = &connection->pings[sent];
        if (!connection_ping_is_judged (connection, ping)
            && !instant_reached (now.mono, ping->deadline))
            break;
        connection_say_nonce (connection, "pong", ping->nonce);
        sent++;
    }
    connection->pings_count -= sent;
    memmove (connection->pings, connection->pings + sent,
             connection->pings_count * sizeof connection->pings[0]);
}

void
connection_on_ping (struct connection *connection, struct bytes payload,
                    struct moment now)
{
    if (payload.size < PING_SIZE)
        return; /* without a nonce there is nothing to answer */
    assert (connection->pings_count < CONNECTION_PINGS_MAX);

    connection->pings[connection->pings_count++] = (struct connection_ping){
        .nonce = little_endian_read (payload.data, PING_SIZE),
        .before = connection->next_number,
        .deadline =
            instant_after (now.mono, connection->options.times.barrier_us),
    };
    connection_send_pongs (connection, now);
}

bool
connection_on_pong (struct connection *connection, struct bytes payload,
                    struct moment now)
{
    if (payload.size < PING_SIZE || !connection->ping_unanswered
        || little_endian_read (payload.data, PING_SIZE)
               != connection->ping_nonce)
        return false;
    connection->ping_unanswered = false;
    connection->ping_us = instant_since (now.mono, connection->ping_since);
    return true;
}

/* Returns a nonce that is never 0 and that nobody without the secret can tell
 * beforehand: a pong proves that the ping arrived. */
static uint64_t
connection_next_nonce (struct connection *connection)
{
    uint8_t seed[24];
    uint8_t digest[DIGEST_SIZE];
    uint64_t nonce;

    little_endian_write (seed, 8, connection->options.secret);
    little_endian_write (seed + 8, 8, connection->options.nonce);
    do {
        little_endian_write (seed + 16, 8, connection->ping_counter++);
        digest_sha256 (bytes_of (seed, sizeof seed), digest);
        nonce = little_endian_read (digest, 8);
    } while (nonce == 0);
    return nonce;
}

/* A ping that is still unanswered is sent again with the same nonce: one number
 * is all that has to be remembered, and a late pong counts. */
static void
connection_send_ping (struct connection *connection, struct moment now)
{
    connection->ping_at =
        instant_after (now.mono, connection->options.times.ping_us);
    if (connection_common_version (connection) <= P2P_VERSION_NO_PONG) {
        connection_say (connection, "ping", (struct bytes){0});
        return;
    }
    if (!connection->ping_unanswered) {
        connection->ping_unanswered = true;
        connection->ping_nonce = connection_next_nonce (connection);
        connection->ping_since = now.mono;
    }
    connection_say_nonce (connection, "ping", connection->ping_nonce);
}

/* When the peer has been silent for too long. The time in which we did not read
 * is our silence, not the peer's: then there is no such time. */
static struct instant
connection_silent_at (const struct connection *connection)
{
    struct instant since = connection->received_at;

    if (connection->held)
        return (struct instant){.us = INT64_MAX};
    if (connection->ping_unanswered && connection->ping_since.us < since.us)
        since = connection->ping_since;
    return instant_after (since, connection->options.times.silence_us);
}

static struct instant
connection_handshake_until (const struct connection *connection)
{
    return instant_after (connection->opened_at,
                          connection->options.times.handshake_us);
}

bool
connection_tick (struct connection *connection, struct moment now)
{
    if (!connection->ready
        && instant_reached (now.mono, connection_handshake_until (connection)))
        connection_fail (connection, CONNECTION_CLOSE_HANDSHAKE);
    if (instant_reached (now.mono, connection_silent_at (connection)))
        connection_fail (connection, CONNECTION_CLOSE_SILENCE);
    if (connection->close != CONNECTION_CLOSE_NONE)
        return false;

    connection_send_pongs (connection, now);
    if (connection->ready && instant_reached (now.mono, connection->ping_at))
        connection_send_ping (connection, now);
    return connection->close == CONNECTION_CLOSE_NONE;
}

static struct instant
connection_sooner (struct instant a, struct instant b)
{
    return a.us < b.us ? a : b;
}

/* When the frame that is held may go on: never, as long as that takes verdicts.
 * A barrier that ends by time is in the deadline already. */
static struct instant
connection_resume_at (const struct connection *connection)
{
    static const struct instant never = {.us = INT64_MAX};

    if (!connection->held)
        return never;
    if (connection->frame.command == FRAME_PING)
        return connection->pings_count < CONNECTION_PINGS_MAX
                   ? connection->held_since
                   : never;
    return connection->unjudged_count < CONNECTION_UNJUDGED_MAX
               ? bucket_ready (&connection->bucket, 1)
               : never;
}

struct instant
connection_deadline (const struct connection *connection)
{
    struct instant deadline = connection->ready
                                  ? connection->ping_at
                                  : connection_handshake_until (connection);

    deadline = connection_sooner (deadline, connection_silent_at (connection));
    if (connection->pings_count > 0)
        deadline = connection_sooner (deadline, connection->pings[0].deadline);
    return connection_sooner (deadline, connection_resume_at (connection));
}

int64_t
connection_ping_us (const struct connection *connection)
{
    return connection->ping_us;
}
