/* SPDX-License-Identifier: MIT */
/* connection - one Bitcoin peer as a state machine: bytes in, bytes and events
 * out (PROTOCOL 1, 2, 5.7).
 *
 *   in   bytes of the peer, verdicts, the time
 *   out  events for the shell, bytes for the peer
 *   owns what arrived and was not parsed; our answers that were not taken
 *
 * A frame is taken in hand as soon as it is whole, and dealt with as soon as
 * that is allowed. In between it is *held*: nothing behind it is looked at.
 *
 * Next on the tour: actors/ingress/connection_handshake.c
 */
#include "actors/ingress/connection_private.h"

#include <stdlib.h>

void
connection_fail (struct connection *connection, enum connection_close reason)
{
    if (connection->close == CONNECTION_CLOSE_NONE)
        connection->close = reason;
}

void
connection_say (struct connection *connection, const char *command,
                struct bytes payload)
{
    uint8_t header[FRAME_HEADER_SIZE];
    size_t size = sizeof header + payload.size;

    /* PROTOCOL 1.2: until then "an inbound connection MUST have been sent no
     * byte". */
    assert (connection->options.outbound || connection->version_received);

    if (connection->output.size + size > CONNECTION_OUTPUT_MAX
        || buffer_reserve (&connection->output, size) != 0) {
        connection_fail (connection, CONNECTION_CLOSE_OUTPUT);
        return;
    }
    frame_header_write (header, connection->options.network, command, payload);
    (void)buffer_append (&connection->output, bytes_of (header, sizeof header));
    (void)buffer_append (&connection->output, payload);
}

static struct bytes
connection_input (const struct connection *connection)
{
    return connection->input.size > 0 ? buffer_bytes (&connection->input)
                                      : (struct bytes){0};
}

/* The payload in hand. While a frame is held more input may come and move it;
 * what the parser did not gather by itself is the last of the bytes used. */
static struct bytes
connection_payload (const struct connection *connection)
{
    struct bytes payload = connection->frame.payload;

    if (connection->parser.payload == NULL && payload.size > 0)
        payload.data = connection_input (connection).data + connection->used
                       - payload.size;
    return payload;
}

static void
connection_drop_used (struct connection *connection)
{
    buffer_take (&connection->input, connection->used, 0);
    connection->used = 0;
}

/* A message whose size alone says that it is not what it says it is. Only those
 * that would be a reason to close are of interest. */
static void
connection_on_skipped (struct connection *connection,
                       enum frame_command command)
{
    if (command == FRAME_VERSION && !connection->version_received)
        connection_fail (connection, CONNECTION_CLOSE_VERSION);
    else if (command == FRAME_FEATURE)
        connection_on_feature (connection, NULL);
}

/* Takes the next step through the input. Returns true when a frame is in hand
 * now; else *RET_EVENT says what happened. *RET_MORE: nothing is left. */
static bool
connection_step (struct connection *connection,
                 struct connection_event *ret_event, bool *ret_more)
{
    connection_drop_used (connection);

    struct bytes input = connection_input (connection);
    struct bytes rest = input;
    enum frame_event event =
        frame_parser_next (&connection->parser, &rest, &connection->frame);
    connection->used = input.size - rest.size;

    switch (event) {
    case FRAME_MESSAGE:
        return true;
    case FRAME_MORE:
        connection_drop_used (connection);
        *ret_more = true;
        break;
    case FRAME_SKIPPED:
        connection_on_skipped (connection, connection->frame.command);
        break;
    case FRAME_BAD_CHECKSUM:
    case FRAME_BAD_COMMAND:
        ret_event->kind = CONNECTION_DROPPED;
        break;
    case FRAME_OVERSIZE:
        if (connection->ready
            && frame_governance_command (connection->frame.command,
                                         &ret_event->command)
                   == 0)
            ret_event->kind = CONNECTION_OVERSIZE;
        break;
    case FRAME_BAD_MAGIC:
        connection_fail (connection, CONNECTION_CLOSE_MAGIC);
        break;
    case FRAME_TOO_LONG:
        connection_fail (connection, CONNECTION_CLOSE_LENGTH);
        break;
    }
    return false;
}

/* PROTOCOL 1.8: "Before `verack` only version, verack and the negotiation
 * messages count; others are ignored." */
static bool
connection_counts (const struct connection *connection)
{
    enum frame_command command = connection->frame.command;

    return connection->ready || command == FRAME_VERSION
           || command == FRAME_VERACK || command == FRAME_FEATURE
           || command == FRAME_SENDADDRV2;
}

/* Whether the frame in hand may be dealt with now. Takes the token that a
 * governance message costs. */
static bool
connection_admit (struct connection *connection, struct moment now)
{
    enum frame_command command = connection->frame.command;
    enum command governance;

    if (command == FRAME_PING)
        return connection->pings_count < CONNECTION_PINGS_MAX;
    if (frame_governance_command (command, &governance) != 0)
        return true;
    return connection->unjudged_count < CONNECTION_UNJUDGED_MAX
           && bucket_take (&connection->bucket, 1, now.mono);
}

static void
connection_hold (struct connection *connection, struct moment now)
{
    if (connection->held)
        return;
    connection->held = true;
    connection->held_since = now.mono;
}

static struct instant
connection_later (struct instant then, int64_t us, struct instant limit)
{
    struct instant later = instant_after (then, us);
    return later.us < limit.us ? later : limit;
}

/* The time in which we did not read is not held against the peer. */
static void
connection_let_go (struct connection *connection, struct moment now)
{
    if (!connection->held)
        return;
    int64_t us = instant_since (now.mono, connection->held_since);
    connection->held = false;
    connection->received_at =
        connection_later (connection->received_at, us, now.mono);
    connection->ping_since =
        connection_later (connection->ping_since, us, now.mono);
}

static void
connection_on_governance (struct connection *connection, enum command command,
                          struct connection_event *ret_event)
{
    uint64_t number = connection->next_number++;

    assert (connection->unjudged_count < CONNECTION_UNJUDGED_MAX);
    connection->unjudged[connection->unjudged_count++] = number;
    *ret_event = (struct connection_event){
        .kind = CONNECTION_GOVERNANCE,
        .command = command,
        .number = number,
        .payload = connection_payload (connection),
    };
}

static void
connection_on_addresses (struct connection *connection, bool addrv2,
                         struct connection_event *ret_event)
{
    *ret_event = (struct connection_event){
        .kind = CONNECTION_ADDRESSES,
        .payload = connection_payload (connection),
        .addrv2 = addrv2,
    };
}

/* Deals with the frame in hand. */
static void
connection_dispatch (struct connection *connection, struct moment now,
                     struct connection_event *ret_event)
{
    struct bytes payload = connection_payload (connection);
    enum command governance;

    switch (connection->frame.command) {
    case FRAME_VERSION:
        if (connection_on_version (connection, payload))
            ret_event->kind = CONNECTION_VERSION;
        break;
    case FRAME_VERACK:
        if (connection_on_verack (connection, now))
            ret_event->kind = CONNECTION_READY;
        break;
    case FRAME_FEATURE:
        connection_on_feature (connection, &payload);
        break;
    case FRAME_PING:
        connection_on_ping (connection, payload, now);
        break;
    case FRAME_PONG:
        if (connection_on_pong (connection, payload, now))
            ret_event->kind = CONNECTION_PONG;
        break;
    case FRAME_ADDR:
        connection_on_addresses (connection, false, ret_event);
        break;
    case FRAME_ADDRV2:
        connection_on_addresses (connection, true, ret_event);
        break;
    case FRAME_GETADDR:
        /* PROTOCOL 1.10: "`getaddr` is answered once per connection". */
        if (!connection->getaddr_seen)
            ret_event->kind = CONNECTION_GETADDR;
        connection->getaddr_seen = true;
        break;
    case FRAME_ECONREG:
    case FRAME_ECONVETO:
    case FRAME_ECONFORK:
    case FRAME_ECONSTATUS:
        if (frame_governance_command (connection->frame.command, &governance)
            == 0)
            connection_on_governance (connection, governance, ret_event);
        break;
    case FRAME_SENDADDRV2:
        /* BIP155 lets it stand between version and verack only. */
        if (connection->version_received && !connection->ready)
            connection->wants_addrv2 = true;
        break;
    case FRAME_OTHER: /* never in hand */
        break;
    }
}

void
connection_judged (struct connection *connection, uint64_t number,
                   bool exact_duplicate, struct moment now)
{
    for (size_t i = 0; i < connection->unjudged_count; i++) {
        if (connection->unjudged[i] != number)
            continue;
        connection->unjudged[i] =
            connection->unjudged[--connection->unjudged_count];
        if (exact_duplicate)
            bucket_give (&connection->bucket, 1, now.mono);
        connection_send_pongs (connection, now);
        return;
    }
}

size_t
connection_unjudged (const struct connection *connection)
{
    return connection->unjudged_count;
}

struct bytes
connection_output (const struct connection *connection)
{
    return connection->output.size > 0 ? buffer_bytes (&connection->output)
                                       : (struct bytes){0};
}

void
connection_output_taken (struct connection *connection, size_t size)
{
    buffer_take (&connection->output, size, 0);
}

enum connection_close
connection_close_reason (const struct connection *connection)
{
    return connection->close;
}

const char *
connection_close_text (enum connection_close reason)
{
    static const char *const texts[] = {
        [CONNECTION_CLOSE_NONE] = "it is not closed",
        [CONNECTION_CLOSE_MAGIC] = "wrong magic, or a v2 hello",
        [CONNECTION_CLOSE_LENGTH] = "a message above 4,000,000 bytes",
        [CONNECTION_CLOSE_VERSION] = "version malformed or too old",
        [CONNECTION_CLOSE_SELF] = "it is ourselves",
        [CONNECTION_CLOSE_FEATURE] = "a malformed feature",
        [CONNECTION_CLOSE_HANDSHAKE] = "no complete handshake in time",
        [CONNECTION_CLOSE_SILENCE] = "silent for too long",
        [CONNECTION_CLOSE_OUTPUT] = "it does not take our answers",
    };
    static_assert (ARRAY_SIZE (texts) == CONNECTION_CLOSES_,
                   "one text for each reason");

    assert ((unsigned)reason < CONNECTION_CLOSES_);
    return texts[reason];
}

struct connection *
connection_create (const struct connection_options *options, struct moment now)
{
    assert (options->times.ping_us > 0);

    struct connection *connection = calloc (1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->options = *options;
    connection->opened_at = now.mono;
    connection->received_at = now.mono;
    connection->next_number = 1;
    connection->ping_us = -1;
    frame_parser_init (&connection->parser, options->network);
    bucket_init (&connection->bucket, options->rate_per_s, SECOND_US,
                 options->rate_burst, now.mono);

    if (options->outbound)
        connection_say_version (connection, now);
    if (connection->close != CONNECTION_CLOSE_NONE)
        connection_destroy (&connection); /* no memory for our version */
    return connection;
}

void
connection_destroy (struct connection **connection)
{
    struct connection *self = *connection;

    if (self == NULL)
        return;
    frame_parser_done (&self->parser);
    buffer_done (&self->input);
    buffer_done (&self->output);
    free (self);
    *connection = NULL;
}

int
connection_feed (struct connection *connection, struct bytes bytes,
                 struct moment now)
{
    if (connection->close != CONNECTION_CLOSE_NONE)
        return 0; /* nobody will read it */
    if (bytes.size > 0)
        connection->received_at = now.mono;
    return buffer_append (&connection->input, bytes);
}

void
connection_next (struct connection *connection, struct moment now,
                 struct connection_event *ret_event)
{
    bool more = false;

    *ret_event = (struct connection_event){.kind = CONNECTION_NONE};
    if (connection->answer_due)
        connection_answer_version (connection, now);

    while (connection->close == CONNECTION_CLOSE_NONE && !more
           && ret_event->kind == CONNECTION_NONE) {
        if (!connection->held
            && (!connection_step (connection, ret_event, &more)
                || !connection_counts (connection)))
            continue;
        if (connection_admit (connection, now)) {
            connection_let_go (connection, now);
            connection_dispatch (connection, now, ret_event);
        } else {
            connection_hold (connection, now);
            ret_event->kind = CONNECTION_BLOCKED;
        }
    }
    if (connection->close != CONNECTION_CLOSE_NONE)
        *ret_event = (struct connection_event){.kind = CONNECTION_CLOSE};
}
