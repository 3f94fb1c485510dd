/* SPDX-License-Identifier: MIT */
/* cmd_tap - `govrelay tap`: show what a daemon sees and decides.
 *
 *   in   the events of a daemon's tap, over ZeroMQ
 *   out  a line each
 *   owns a SUB socket
 *
 * Next on the tour: tools/tap_view.c
 */
#include <czmq.h>

#include "tools/cmd.h"
#include "tools/tap_view.h"

#define TAP_BODY_MAX (1 << 20) /* a payload of 64 KiB, all of it escaped */
#define TAP_ENDPOINT_MAX 256

enum {
    TAP_JSON,
    TAP_ENDPOINT,
    TAP_DATADIR,
    TAP_NETWORK,
    TAP_COUNT,
    TAP_TIMEOUT,
};

const struct option_row tap_options[] = {
    [TAP_JSON] = {"json", NULL, "print one JSON object an event"},
    [TAP_ENDPOINT] = {"endpoint", "ENDPOINT",
                      "default: ipc://DATADIR/NETWORK/tap"},
    [TAP_DATADIR] = {"datadir", "DIR", "of the daemon; default: ~/.govrelay"},
    [TAP_NETWORK] = {"network", "NAME",
                     "main (default) test testnet4 signet regtest"},
    [TAP_COUNT] = {"count", "N", "stop after N events; default: never"},
    [TAP_TIMEOUT] = {"timeout", "S",
                     "without a tick it counts as gone; default: 10"},
    {0},
};

static int
tap_endpoint (struct tool *tool, const struct arguments *arguments,
              char ret_endpoint[TAP_ENDPOINT_MAX])
{
    const char *given = arguments->option[TAP_ENDPOINT];
    const char *datadir = arguments->option[TAP_DATADIR];
    enum network network = NETWORK_MAIN;
    int size;

    int code = tool_network (tool, arguments, TAP_NETWORK, &network);
    if (code != TOOL_YES)
        return code;
    if (given != NULL
        && (datadir != NULL || arguments->option[TAP_NETWORK] != NULL))
        return tool_usage (tool, "--endpoint says it all; leave --datadir and "
                                 "--network away");
    if (given != NULL)
        size = snprintf (ret_endpoint, TAP_ENDPOINT_MAX, "%s", given);
    else if (datadir != NULL)
        size = snprintf (ret_endpoint, TAP_ENDPOINT_MAX, "ipc://%s/%s/tap",
                         datadir, network_name (network));
    else if (tool->home != NULL)
        size = snprintf (ret_endpoint, TAP_ENDPOINT_MAX,
                         "ipc://%s/.govrelay/%s/tap", tool->home,
                         network_name (network));
    else
        return tool_usage (tool, "HOME is not set; give --datadir DIR");
    if (size >= TAP_ENDPOINT_MAX)
        return tool_usage (tool, "the endpoint is longer than %d bytes",
                           TAP_ENDPOINT_MAX - 1);
    return TOOL_YES;
}

/* ZeroMQ would wait for a socket file that is not there, without a word. */
static int
tap_check_path (struct tool *tool, const char *endpoint)
{
    const char *path = endpoint + strlen ("ipc://");

    if (strncmp (endpoint, "ipc://", strlen ("ipc://")) != 0 || *path == '@'
        || access (path, R_OK | W_OK) == 0)
        return TOOL_YES;
    return tool_fail (tool, TOOL_UNREACHABLE,
                      "%s: %s; is govrelayd running with this datadir and "
                      "network, and is its tap on?",
                      endpoint, strerror (errno));
}

/* Sets *ret_socket, subscribed to the topics of ARGUMENTS and to the ticks. */
static int
tap_open (struct tool *tool, const struct arguments *arguments,
          const char *endpoint, zsock_t **ret_socket)
{
    zsock_t *socket = zsock_new (ZMQ_SUB);

    if (socket == NULL)
        return tool_fail (tool, TOOL_NO, "cannot make a socket: %s",
                          zmq_strerror (zmq_errno ()));
    zsock_set_maxmsgsize (socket, TAP_BODY_MAX);
    for (size_t i = 0; i < arguments->operands; i++)
        zsock_set_subscribe (socket, arguments->operand[i]);
    zsock_set_subscribe (socket, arguments->operands > 0 ? "tap.tick" : "");
    if (zsock_connect (socket, "%s", endpoint) != 0) {
        int error = zmq_errno ();
        zsock_destroy (&socket);
        return tool_fail (tool, TOOL_USAGE,
                          "--endpoint: '%s': %s; it is like ipc://PATH or "
                          "tcp://127.0.0.1:28640",
                          endpoint, zmq_strerror (error));
    }
    *ret_socket = socket;
    return TOOL_YES;
}

static struct bytes
frame_bytes (zframe_t *frame)
{
    return frame != NULL ? bytes_of (zframe_data (frame), zframe_size (frame))
                         : (struct bytes){0};
}

/* Waits for the next event until UNTIL. Returns false when none came. */
static bool
tap_next (zsock_t *socket, struct tap_view *view, struct instant until,
          enum tap_sight *ret_sight)
{
    int64_t left_us = instant_since (until, clock_moment ().mono);

    if (left_us <= 0)
        return false;
    zsock_set_rcvtimeo (socket, (int)(left_us / MILLISECOND_US) + 1);
    owned (zmsg_destroy) zmsg_t *message = zmsg_recv (socket);
    if (message == NULL)
        return false;
    struct bytes topic = frame_bytes (zmsg_first (message));
    struct bytes body = frame_bytes (zmsg_next (message));
    struct bytes sequence = frame_bytes (zmsg_next (message));
    *ret_sight = tap_view_show (view, topic, body, sequence);
    return true;
}

/* Shows events until COUNT (0: for ever), or until the tap falls silent, or
 * nobody reads our output. */
static int
tap_run (struct tool *tool, zsock_t *socket, struct tap_view *view,
         const char *endpoint, int64_t count, int64_t timeout_s)
{
    struct instant until =
        instant_after (clock_moment ().mono, timeout_s * SECOND_US);
    int64_t shown = 0;

    while (ferror (tool->output) == 0) {
        enum tap_sight sight;
        if (!tap_next (socket, view, until, &sight))
            return tool_fail (tool, TOOL_UNREACHABLE,
                              "%s: no tick within %lld s; is govrelayd running "
                              "and its tap on?",
                              endpoint, (long long)timeout_s);
        if (sight == TAP_TICK || sight == TAP_TICK_SHOWN)
            until = instant_after (clock_moment ().mono, timeout_s * SECOND_US);
        shown += sight == TAP_SHOWN || sight == TAP_TICK_SHOWN;
        if (count > 0 && shown == count)
            return TOOL_YES;
    }
    return TOOL_NO;
}

int
cmd_tap (struct tool *tool, const struct arguments *arguments)
{
    struct tap_view_options options = {
        .output = tool->output,
        .errors = tool->errors,
        .json = arguments->option[TAP_JSON] != NULL,
        .colour = tool->colour,
        .topics = arguments->operand,
        .topics_count = arguments->operands,
    };
    char endpoint[TAP_ENDPOINT_MAX];
    int64_t count, timeout_s;
    zsock_t *socket;

    int code = tap_endpoint (tool, arguments, endpoint);
    if (code == TOOL_YES)
        code =
            tool_integer (tool, arguments, TAP_COUNT, 1, INT64_MAX, 0, &count);
    if (code == TOOL_YES)
        code = tool_integer (tool, arguments, TAP_TIMEOUT, 1, 3600, 10,
                             &timeout_s);
    if (code == TOOL_YES)
        code = tap_check_path (tool, endpoint);
    if (code == TOOL_YES)
        code = tap_open (tool, arguments, endpoint, &socket);
    if (code != TOOL_YES)
        return code;

    struct tap_view *view = tap_view_create (&options);
    code = view != NULL
               ? tap_run (tool, socket, view, endpoint, count, timeout_s)
               : tool_fail (tool, TOOL_NO, "out of memory");
    tap_view_destroy (&view);
    zsock_destroy (&socket);
    return code;
}
