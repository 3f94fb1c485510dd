/* SPDX-License-Identifier: MIT */
/* client - the tool as a Bitcoin peer.
 *
 *   in   HOST:PORT, messages to send
 *   out  frames; what the relay sends, to a listener; pongs
 *   owns a socket, a connection core, the bytes on their way out
 *
 * Next on the tour: actors/ingress/connection.c
 */
#include "tools/client.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buffer.h"
#include "messages/bitcoin/little_endian.h"
#include "tools/tool.h"

#define CLIENT_READ_SIZE 65536
#define CLIENT_ADDRESSES_MAX 8 /* of a name, that are tried */
#define PING_SIZE 8

struct client {
    int fd;
    enum network network;
    struct connection *connection; /* owned */
    struct client_listener listener;
    struct buffer output;        /* frames, in order; owned */
    struct frame_parser watcher; /* sees the pongs, which the core does not show
                                    unless it sent the ping; owned */
    uint64_t ping;               /* nonce of our ping; 0: none is under way */
    bool judged;                 /* its pong has come */
    char problem[CLIENT_PROBLEM_MAX]; /* "" while all is well */
};

static void
client_fail (struct client *client, const char *what)
{
    if (client->problem[0] == '\0')
        (void)snprintf (client->problem, sizeof client->problem, "%s", what);
}

/* Moves what the core has to say behind what is on its way already: frames of
 * two sources never mix. */
static void
client_collect (struct client *client)
{
    struct bytes said = connection_output (client->connection);

    if (buffer_append (&client->output, said) != 0)
        client_fail (client, "out of memory");
    else
        connection_output_taken (client->connection, said.size);
}

static int
client_frame (struct client *client, const char *command, struct bytes payload)
{
    uint8_t header[FRAME_HEADER_SIZE];

    client_collect (client);
    if (buffer_reserve (&client->output, sizeof header + payload.size) != 0)
        return -ENOMEM;
    frame_header_write (header, client->network, command, payload);
    (void)buffer_append (&client->output, bytes_of (header, sizeof header));
    (void)buffer_append (&client->output, payload);
    return 0;
}

/* Looks for our pong among BYTES. A stream that cannot be followed ends the
 * connection core too; that is where it is reported. */
static void
client_watch (struct client *client, struct bytes bytes)
{
    enum frame_event event = FRAME_MESSAGE;
    struct frame frame;

    while (event != FRAME_MORE && event != FRAME_BAD_MAGIC
           && event != FRAME_TOO_LONG) {
        event = frame_parser_next (&client->watcher, &bytes, &frame);
        if (event == FRAME_MESSAGE && frame.command == FRAME_PONG
            && frame.payload.size == PING_SIZE && client->ping != 0
            && little_endian_read (frame.payload.data, PING_SIZE)
                   == client->ping)
            client->judged = true;
    }
}

/* Deals with everything that the core makes of what has arrived. */
static void
client_events (struct client *client, struct moment now)
{
    struct connection_event event = {.kind = CONNECTION_VERSION};

    while (event.kind != CONNECTION_NONE && event.kind != CONNECTION_BLOCKED
           && event.kind != CONNECTION_CLOSE) {
        connection_next (client->connection, now, &event);
        if (event.kind != CONNECTION_GOVERNANCE)
            continue;
        if (client->listener.message != NULL)
            client->listener.message (client->listener.self, event.command,
                                      event.payload);
        connection_judged (client->connection, event.number, false, now);
    }
    if (event.kind == CONNECTION_CLOSE)
        client_fail (client, connection_close_text (
                                 connection_close_reason (client->connection)));
}

static void
client_read (struct client *client)
{
    uint8_t bytes[CLIENT_READ_SIZE];
    struct moment now = clock_moment ();

    ssize_t size = recv (client->fd, bytes, sizeof bytes, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size < 0)
        client_fail (client, strerror (errno));
    else if (size == 0)
        client_fail (client, "it closed the connection");
    if (size <= 0)
        return;

    client_watch (client, bytes_of (bytes, (size_t)size));
    if (connection_feed (client->connection, bytes_of (bytes, (size_t)size),
                         now)
        != 0)
        client_fail (client, "out of memory");
    client_events (client, now);
}

static void
client_write (struct client *client)
{
    client_collect (client);
    while (client->output.size > 0) {
        struct bytes bytes = buffer_bytes (&client->output);
        ssize_t size = send (client->fd, bytes.data, bytes.size, MSG_NOSIGNAL);

        if (size < 0 && errno == EINTR)
            continue;
        /* Why it hung up is in what it said before: read that first. */
        if (size < 0 && (errno == EAGAIN || errno == EPIPE))
            return;
        if (size < 0) {
            client_fail (client, strerror (errno));
            return;
        }
        buffer_take (&client->output, (size_t)size, CLIENT_READ_SIZE);
    }
}

/* Returns milliseconds for poll (2), rounded up. */
static int
clients_timeout_ms (struct client *const *clients, size_t count,
                    struct instant now, struct instant deadline)
{
    for (size_t i = 0; i < count; i++) {
        struct instant due = connection_deadline (clients[i]->connection);
        if (clients[i]->problem[0] == '\0' && due.us < deadline.us)
            deadline = due;
    }
    int64_t us = instant_since (deadline, now);
    if (us <= 0)
        return 0;
    return us / 1000 >= 60000 ? 60000 : (int)(us / 1000) + 1;
}

static struct pollfd
client_interest (const struct client *client)
{
    struct pollfd interest = {.fd = client->fd, .events = POLLIN};

    if (client->problem[0] != '\0')
        interest.fd = -1;
    if (client->output.size > 0)
        interest.events |= POLLOUT;
    return interest;
}

int
clients_turn (struct client *const *clients, size_t count,
              struct instant deadline)
{
    struct pollfd interests[CLIENTS_MAX];
    struct moment now = clock_moment ();

    assert (count <= CLIENTS_MAX);
    if (instant_reached (now.mono, deadline))
        return -ETIMEDOUT;
    for (size_t i = 0; i < count; i++) {
        client_collect (clients[i]);
        interests[i] = client_interest (clients[i]);
    }
    (void)poll (interests, count,
                clients_timeout_ms (clients, count, now.mono, deadline));

    now = clock_moment ();
    for (size_t i = 0; i < count; i++) {
        struct client *client = clients[i];
        if (client->problem[0] != '\0')
            continue;
        if ((interests[i].revents & ~POLLOUT) != 0)
            client_read (client);
        if (client->problem[0] == '\0'
            && !connection_tick (client->connection, now))
            client_events (client, now);
        if (client->problem[0] == '\0')
            client_write (client);
    }
    return 0;
}

void
client_listen (struct client *client, struct client_listener listener)
{
    client->listener = listener;
}

int
client_send (struct client *client, enum command command, struct bytes payload)
{
    assert (client_is_ready (client));
    return client_frame (client, command_name (command), payload);
}

int
client_ping (struct client *client)
{
    uint8_t payload[PING_SIZE];

    assert (client_is_ready (client));
    client->judged = false;
    do
        randombytes_buf (&client->ping, sizeof client->ping);
    while (client->ping == 0);
    little_endian_write (payload, PING_SIZE, client->ping);
    return client_frame (client, "ping", bytes_of (payload, PING_SIZE));
}

bool
client_is_ready (const struct client *client)
{
    return connection_is_ready (client->connection);
}

bool
client_is_relay (const struct client *client)
{
    return connection_governance (client->connection);
}

bool
client_is_judged (const struct client *client)
{
    return client->judged;
}

const char *
client_problem (const struct client *client)
{
    return client->problem[0] != '\0' ? client->problem : NULL;
}

void
client_close (struct client **client)
{
    struct client *self = *client;

    if (self == NULL)
        return;
    connection_destroy (&self->connection);
    frame_parser_done (&self->watcher);
    buffer_done (&self->output);
    close (self->fd);
    free (self);
    *client = NULL;
}

int
client_adopt (int fd, const struct target *target, struct client **ret)
{
    struct connection_options options = {
        .network = target->network,
        .outbound = true,
        .peer_port = target->port,
        .times = connection_times_default,
    };
    int flags = fcntl (fd, F_GETFL);

    if (flags < 0 || fcntl (fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return -errno;
    randombytes_buf (&options.nonce, sizeof options.nonce);
    randombytes_buf (&options.secret, sizeof options.secret);

    struct client *client = calloc (1, sizeof *client);
    if (client == NULL)
        return -ENOMEM;
    client->connection = connection_create (&options, clock_moment ());
    if (client->connection == NULL) {
        free (client);
        return -ENOMEM;
    }
    client->fd = fd;
    client->network = target->network;
    frame_parser_init (&client->watcher, target->network);
    *ret = client;
    return 0;
}

/* Waits until FD is connected. Returns 0 or -errno. */
static int
dial_wait (int fd, struct instant deadline)
{
    int error = 0;
    socklen_t size = sizeof error;

    for (;;) {
        struct pollfd interest = {.fd = fd, .events = POLLOUT};
        int64_t us = instant_since (deadline, clock_moment ().mono);
        if (us <= 0)
            return -ETIMEDOUT;
        int rc =
            poll (&interest, 1, us < SECOND_US ? (int)(us / 1000) + 1 : 1000);
        if (rc < 0 && errno != EINTR)
            return -errno;
        if (rc > 0)
            break;
    }
    if (getsockopt (fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return -errno;
    return -error;
}

/* Returns a connected socket or -errno. */
static int
dial_address (const struct addrinfo *address, struct instant deadline)
{
    int fd = socket (address->ai_family,
                     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int rc =
        connect (fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : -errno;
    if (rc == -EINPROGRESS)
        rc = dial_wait (fd, deadline);
    if (rc == 0)
        return fd;
    close (fd);
    return rc;
}

/* Tries the addresses in turn, each for its share of the time that is left.
 * Returns a connected socket or the last -errno. */
static int
dial_addresses (const struct addrinfo *addresses, struct instant deadline)
{
    int64_t left = 0;
    int rc = -ETIMEDOUT;

    for (const struct addrinfo *at = addresses;
         at != NULL && left < CLIENT_ADDRESSES_MAX; at = at->ai_next)
        left++;
    for (; left > 0; left--, addresses = addresses->ai_next) {
        struct instant now = clock_moment ().mono;
        rc = dial_address (
            addresses,
            instant_after (now, instant_since (deadline, now) / left));
        if (rc >= 0)
            break;
    }
    return rc;
}

int
client_dial (const struct target *target, struct instant deadline,
             struct client **ret, char ret_problem[CLIENT_PROBLEM_MAX])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV};
    struct addrinfo *addresses;
    char port[8];

    (void)snprintf (port, sizeof port, "%u", target->port);
    int rc = getaddrinfo (target->host, port, &hints, &addresses);
    if (rc != 0) {
        (void)snprintf (ret_problem, CLIENT_PROBLEM_MAX,
                        "cannot find the host: %s", gai_strerror (rc));
        return -EHOSTUNREACH;
    }
    int fd = dial_addresses (addresses, deadline);
    freeaddrinfo (addresses);
    rc = fd < 0 ? fd : client_adopt (fd, target, ret);
    if (fd >= 0 && rc != 0)
        close (fd);
    if (rc != 0)
        (void)snprintf (ret_problem, CLIENT_PROBLEM_MAX,
                        "cannot connect: %s; is the relay running, and is this "
                        "its P2P port?",
                        strerror (-rc));
    return rc;
}

int
client_meet (const struct target *target, struct instant deadline,
             struct client **ret, char ret_problem[CLIENT_PROBLEM_MAX])
{
    struct client *client;

    int rc = client_dial (target, deadline, &client, ret_problem);
    if (rc != 0)
        return rc;
    while (rc == 0 && !client_is_ready (client)
           && client_problem (client) == NULL)
        rc = clients_turn (&client, 1, deadline);

    if (rc != 0)
        (void)snprintf (ret_problem, CLIENT_PROBLEM_MAX,
                        "connected, but no handshake in time; is it a relay?");
    else if (client_problem (client) != NULL)
        (void)snprintf (ret_problem, CLIENT_PROBLEM_MAX,
                        "no handshake: %.160s; is it a relay of the network "
                        "%s?",
                        client_problem (client),
                        network_name (target->network));
    else if (!client_is_relay (client))
        (void)snprintf (ret_problem, CLIENT_PROBLEM_MAX,
                        "a Bitcoin peer, but no governance relay: it did not "
                        "announce econ-relay");
    else {
        *ret = client;
        return 0;
    }
    client_close (&client);
    return rc != 0 ? rc : -EPROTO;
}
