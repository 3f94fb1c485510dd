/* SPDX-License-Identifier: MIT */
/* fuzz_connection - a peer, a shell and a clock that do anything in any order.
 *
 * Byte 0: options. Then operations, one byte each with its arguments: raw
 * bytes, a whole message with a right header (so that mutations get inside),
 * time, verdicts, output taken. After each, what the header promises is
 * checked. */
#include <stdlib.h>

#include "actors/ingress/connection.h"

#define MESSAGE_MAX 6144 /* 255 + 255 * 23, rounded up */

struct run {
    struct connection *connection;
    struct bytes script; /* what is left of the input; borrowed */
    struct moment now;
    uint64_t last_number; /* of the governance messages handed out */
    bool outbound;
    bool version_seen;
    bool ready_seen;
    bool getaddr_seen;
    bool closed;
};

static const char *const commands[] = {
#define X(NAME, name, size) name,
    FRAME_COMMANDS (X)
#undef X
        "inv",
    "headers",
    "\x01",
    "sendcmpct",
};

static uint8_t
script_byte (struct run *run)
{
    if (run->script.size == 0)
        return 0;
    uint8_t byte = run->script.data[0];
    run->script = bytes_of (run->script.data + 1, run->script.size - 1);
    return byte;
}

static struct bytes
script_take (struct run *run, size_t size)
{
    if (size > run->script.size)
        size = run->script.size;
    struct bytes taken = bytes_of (run->script.data, size);
    run->script = bytes_of (run->script.data + size, run->script.size - size);
    return taken;
}

static void
check_event (struct run *run, const struct connection_event *event)
{
    switch (event->kind) {
    case CONNECTION_NONE:
    case CONNECTION_BLOCKED:
    case CONNECTION_DROPPED:
        break;
    case CONNECTION_VERSION:
        assert (!run->version_seen);
        if (!run->outbound)
            assert (connection_output (run->connection).size == 0);
        run->version_seen = true;
        break;
    case CONNECTION_READY:
        assert (run->version_seen && !run->ready_seen);
        run->ready_seen = true;
        break;
    case CONNECTION_GOVERNANCE:
        assert (run->ready_seen);
        assert (event->number == run->last_number + 1);
        assert (event->payload.size <= command_max_size (event->command));
        run->last_number = event->number;
        break;
    case CONNECTION_OVERSIZE:
        assert (run->ready_seen && event->command < COMMANDS_);
        break;
    case CONNECTION_PONG:
        assert (connection_ping_us (run->connection) >= 0);
        break;
    case CONNECTION_ADDRESSES:
        assert (run->ready_seen && event->payload.size <= 531003);
        break;
    case CONNECTION_GETADDR:
        assert (run->ready_seen && !run->getaddr_seen);
        run->getaddr_seen = true;
        break;
    case CONNECTION_CLOSE:
        assert (connection_close_reason (run->connection)
                != CONNECTION_CLOSE_NONE);
        run->closed = true;
        break;
    }
}

static void
check_promises (const struct run *run)
{
    const struct connection *connection = run->connection;

    assert (connection_output (connection).size <= CONNECTION_OUTPUT_MAX);
    assert (connection_unjudged (connection) <= CONNECTION_UNJUDGED_MAX);
    assert (connection_is_ready (connection) == run->ready_seen);
    assert (run->version_seen || !connection_wants_addrv2 (connection));
    if (!run->outbound && !run->version_seen)
        assert (connection_output (connection).size == 0);
    if (run->ready_seen)
        assert (connection_deadline (connection).us
                <= run->now.mono.us + 120 * SECOND_US);
}

/* Reads every payload to its end, as the shell would. */
static void
drain (struct run *run)
{
    struct connection_event event;
    volatile uint8_t sum = 0;

    do {
        connection_next (run->connection, run->now, &event);
        check_event (run, &event);
        for (size_t i = 0; i < event.payload.size; i++)
            sum = (uint8_t)(sum + event.payload.data[i]);
        check_promises (run);
    } while (event.kind != CONNECTION_NONE && event.kind != CONNECTION_BLOCKED
             && event.kind != CONNECTION_CLOSE);
}

static void
say_message (struct run *run)
{
    static const uint8_t padding[MESSAGE_MAX];
    uint8_t wire[FRAME_HEADER_SIZE + MESSAGE_MAX];
    const char *command = commands[script_byte (run) % ARRAY_SIZE (commands)];
    size_t own = script_byte (run);
    size_t padded = (size_t)script_byte (run) * 23;
    struct bytes start = script_take (run, own);

    memcpy (wire + FRAME_HEADER_SIZE, start.data, start.size);
    memcpy (wire + FRAME_HEADER_SIZE + start.size, padding, padded);
    struct bytes payload =
        bytes_of (wire + FRAME_HEADER_SIZE, start.size + padded);
    frame_header_write (wire, NETWORK_REGTEST, command, payload);
    int rc = connection_feed (run->connection,
                              bytes_of (wire, FRAME_HEADER_SIZE + payload.size),
                              run->now);
    assert (rc == 0);
}

/* Says a version that will do, and verack: most of what is worth finding lies
 * behind it. */
static void
say_handshake (struct run *run)
{
    static const int32_t versions[] = {31800, 60001, 70016, 70017};
    struct version_payload version = {
        .version = versions[script_byte (run) % ARRAY_SIZE (versions)],
        .services = NODE_GOVERNANCE,
    };
    uint8_t wire[FRAME_HEADER_SIZE + 512];

    size_t size = version_encode (&version, wire + FRAME_HEADER_SIZE, 512);
    frame_header_write (wire, NETWORK_REGTEST, "version",
                        bytes_of (wire + FRAME_HEADER_SIZE, size));
    int rc = connection_feed (
        run->connection, bytes_of (wire, FRAME_HEADER_SIZE + size), run->now);
    assert (rc == 0);
    frame_header_write (wire, NETWORK_REGTEST, "verack", bytes_of (NULL, 0));
    rc = connection_feed (run->connection, bytes_of (wire, FRAME_HEADER_SIZE),
                          run->now);
    assert (rc == 0);
}

static void
operate (struct run *run)
{
    uint8_t operation = script_byte (run);
    struct bytes taken;

    switch (operation % 8) {
    case 0:
        taken = script_take (run, script_byte (run));
        assert (connection_feed (run->connection, taken, run->now) == 0);
        break;
    case 1:
    case 2:
        say_message (run);
        break;
    case 3:
        run->now.mono.us += (int64_t)script_byte (run) * 40 * MILLISECOND_US;
        break;
    case 4:
        run->now.mono.us += (int64_t)script_byte (run) * 10 * SECOND_US;
        break;
    case 5:
        connection_judged (run->connection, run->last_number - (operation >> 5),
                           (operation & 16) != 0, run->now);
        break;
    case 6: {
        size_t size = (size_t)script_byte (run) * 16;
        size_t left = connection_output (run->connection).size;
        connection_output_taken (run->connection, size < left ? size : left);
        break;
    }
    case 7:
        say_handshake (run);
        break;
    }
    /* With bit 3 a shell that lets several reads gather. */
    if ((operation & 8) != 0 && operation % 8 < 3)
        return;
    if (!connection_tick (run->connection, run->now))
        run->closed = true;
    check_promises (run);
    drain (run);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct run run = {
        .script = bytes_of (data, size),
        .now = {.mono = {.us = SECOND_US}, .unix_us = SECOND_US},
    };
    if (size < 1)
        return 0;

    uint8_t bits = script_byte (&run);
    run.outbound = (bits & 1) != 0;
    struct connection_options options = {
        .network = NETWORK_REGTEST,
        .outbound = run.outbound,
        .nonce = 7,
        .secret = 8,
        .rate_per_s = (bits & 2) != 0 ? 10 : 0,
        .rate_burst = (bits >> 4) & 15,
        .times = connection_times_default,
    };
    run.connection = connection_create (&options, run.now);
    assert (run.connection != NULL);
    while (run.script.size > 0 && !run.closed)
        operate (&run);
    connection_destroy (&run.connection);
    return 0;
}
