/* SPDX-License-Identifier: MIT */
/* fake_relay - the other side of the wire, in a thread, on the connection core
 * that real relays use. */
#include "fake_relay.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "actors/ingress/connection.h"
#include "buffer.h"

#define FAKE_PORTS 2
#define FAKE_GUESTS_MAX 8

struct fake_guest {
    int fd;
    struct connection *connection;
    struct buffer output;
};

struct fake_relay {
    struct fake_options options;
    pthread_t thread;
    int stop[2]; /* a pipe: closed to stop */
    int listener[FAKE_PORTS];
    char target[FAKE_PORTS][32];
    struct fake_guest guests[FAKE_GUESTS_MAX];
    size_t guests_count;
    size_t messages;
};

static struct moment
fake_now (void)
{
    struct timespec mono;

    (void)clock_gettime (CLOCK_MONOTONIC, &mono);
    return (struct moment){
        .mono = {.us = mono.tv_sec * SECOND_US + mono.tv_nsec / 1000},
        .unix_us = (int64_t)time (NULL) * SECOND_US,
    };
}

static void
guest_close (struct fake_guest *guest)
{
    close (guest->fd);
    guest->fd = -1;
    connection_destroy (&guest->connection);
    buffer_done (&guest->output);
}

static void
guest_frame (struct fake_relay *relay, struct fake_guest *guest,
             const char *command, struct bytes payload)
{
    uint8_t header[FRAME_HEADER_SIZE];

    frame_header_write (header, relay->options.network, command, payload);
    (void)buffer_append (&guest->output, bytes_of (header, sizeof header));
    (void)buffer_append (&guest->output, payload);
}

/* Returns PAYLOAD with another node_id, which no signature covers. */
static char *
altered (struct bytes payload)
{
    json_t *object =
        json_loadb ((const char *)payload.data, payload.size, 0, NULL);

    (void)json_object_set_new (object, "node_id", json_integer (666));
    char *text = json_dumps (object, JSON_COMPACT);
    json_decref (object);
    return text;
}

static void
relay_pass_on (struct fake_relay *relay, const struct fake_guest *from,
               enum command command, struct bytes payload)
{
    char *text =
        relay->options.kind == FAKE_ALTERING ? altered (payload) : NULL;

    for (size_t i = 0; i < relay->guests_count; i++)
        if (&relay->guests[i] != from && relay->guests[i].fd >= 0)
            guest_frame (relay, &relay->guests[i], command_name (command),
                         text != NULL ? bytes_of_text (text) : payload);
    free (text);
}

static void
relay_answer (struct fake_relay *relay, struct fake_guest *guest,
              struct bytes payload)
{
    json_t *object =
        json_loadb ((const char *)payload.data, payload.size, 0, NULL);

    if (relay->options.lie != NULL)
        guest_frame (relay, guest, "econstatus",
                     bytes_of_text (relay->options.lie));
    (void)json_object_set_new (object, "status",
                               json_loads (relay->options.answer, 0, NULL));
    char *text = json_dumps (object, JSON_COMPACT);
    guest_frame (relay, guest, "econstatus", bytes_of_text (text));
    free (text);
    json_decref (object);
}

/* Returns false when the guest is to be thrown out. */
static bool
relay_on_message (struct fake_relay *relay, struct fake_guest *guest,
                  const struct connection_event *event)
{
    relay->messages++;
    switch (relay->options.kind) {
    case FAKE_DROPS:
        return false;
    case FAKE_NO_PONG:
        return true;
    case FAKE_RELAY:
    case FAKE_ALTERING:
    case FAKE_SILENT:
    case FAKE_HANGS_UP:
    case FAKE_BITCOIND:
        break;
    }
    if (event->command == COMMAND_ECONSTATUS) {
        if (relay->options.answer != NULL)
            relay_answer (relay, guest, event->payload);
    } else
        relay_pass_on (relay, guest, event->command, event->payload);
    connection_judged (guest->connection, event->number, false, fake_now ());
    return true;
}

static bool
relay_events (struct fake_relay *relay, struct fake_guest *guest)
{
    struct connection_event event = {.kind = CONNECTION_VERSION};

    while (event.kind != CONNECTION_NONE && event.kind != CONNECTION_BLOCKED) {
        connection_next (guest->connection, fake_now (), &event);
        if (event.kind == CONNECTION_CLOSE
            || (event.kind == CONNECTION_GOVERNANCE
                && !relay_on_message (relay, guest, &event)))
            return false;
    }
    return true;
}

/* As Bitcoin Core of today would: version, verack, nothing about features. */
static void
bitcoind_greet (struct fake_relay *relay, struct fake_guest *guest)
{
    struct version_payload version = {.version = P2P_VERSION,
                                      .services = 1 | NODE_GOVERNANCE,
                                      .nonce = 5,
                                      .user_agent = "/Satoshi:31.0.0/"};
    uint8_t payload[512];
    size_t size = version_encode (&version, payload, sizeof payload);

    guest_frame (relay, guest, "version", bytes_of (payload, size));
    guest_frame (relay, guest, "verack", (struct bytes){0});
}

static void
guest_read (struct fake_relay *relay, struct fake_guest *guest)
{
    uint8_t bytes[65536];
    ssize_t size = recv (guest->fd, bytes, sizeof bytes, 0);

    if (size <= 0 || relay->options.kind == FAKE_HANGS_UP) {
        guest_close (guest);
        return;
    }
    if (relay->options.kind == FAKE_SILENT)
        return;
    if (relay->options.kind == FAKE_BITCOIND) {
        if (relay->messages++ == 0)
            bitcoind_greet (relay, guest);
        return;
    }
    if (connection_feed (guest->connection, bytes_of (bytes, (size_t)size),
                         fake_now ())
            != 0
        || !relay_events (relay, guest))
        guest_close (guest);
}

/* Answers of the core first, then what we add ourselves. */
static void
guest_write (struct fake_guest *guest)
{
    struct bytes said = connection_output (guest->connection);

    (void)send (guest->fd, said.data, said.size, MSG_NOSIGNAL);
    connection_output_taken (guest->connection, said.size);
    said = buffer_bytes (&guest->output);
    if (said.size > 0)
        (void)send (guest->fd, said.data, said.size, MSG_NOSIGNAL);
    buffer_clear (&guest->output);
}

static void
relay_accept (struct fake_relay *relay, int listener)
{
    struct connection_options options = {
        .network = relay->options.network,
        .nonce = 1,
        .times = connection_times_default,
    };
    int fd = accept (listener, NULL, NULL);

    if (fd < 0)
        return;
    if (relay->guests_count == FAKE_GUESTS_MAX) {
        close (fd);
        return;
    }
    options.times.barrier_us = 3600 * SECOND_US;
    relay->guests[relay->guests_count++] = (struct fake_guest){
        .fd = fd, .connection = connection_create (&options, fake_now ())};
}

static void *
relay_thread (void *argument)
{
    struct fake_relay *relay = argument;

    for (;;) {
        struct pollfd interests[1 + FAKE_PORTS + FAKE_GUESTS_MAX] = {
            {.fd = relay->stop[0], .events = POLLIN},
            {.fd = relay->listener[0], .events = POLLIN},
            {.fd = relay->listener[1], .events = POLLIN},
        };
        size_t guests = relay->guests_count;
        for (size_t i = 0; i < guests; i++)
            interests[3 + i] =
                (struct pollfd){.fd = relay->guests[i].fd, .events = POLLIN};
        (void)poll (interests, 3 + guests, -1);
        if (interests[0].revents != 0)
            return NULL;
        for (size_t i = 0; i < FAKE_PORTS; i++)
            if (interests[1 + i].revents != 0)
                relay_accept (relay, relay->listener[i]);
        for (size_t i = 0; i < guests; i++)
            if (interests[3 + i].revents != 0)
                guest_read (relay, &relay->guests[i]);
        for (size_t i = 0; i < relay->guests_count; i++)
            if (relay->guests[i].fd >= 0)
                guest_write (&relay->guests[i]);
    }
}

static int
relay_listen (char target[32])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert (fd >= 0
            && bind (fd, (struct sockaddr *)&address, sizeof address) == 0
            && listen (fd, FAKE_GUESTS_MAX) == 0
            && getsockname (fd, (struct sockaddr *)&address, &size) == 0);
    (void)snprintf (target, 32, "127.0.0.1:%u", ntohs (address.sin_port));
    return fd;
}

struct fake_relay *
fake_relay_start (const struct fake_options *options)
{
    struct fake_relay *relay = calloc (1, sizeof *relay);

    assert (relay != NULL && pipe (relay->stop) == 0);
    relay->options = *options;
    for (size_t i = 0; i < FAKE_PORTS; i++)
        relay->listener[i] = relay_listen (relay->target[i]);
    int rc = pthread_create (&relay->thread, NULL, relay_thread, relay);
    assert (rc == 0);
    return relay;
}

const char *
fake_relay_target (const struct fake_relay *relay, size_t index)
{
    return relay->target[index];
}

size_t
fake_relay_stop (struct fake_relay **relay)
{
    struct fake_relay *self = *relay;
    size_t messages;

    close (self->stop[1]);
    (void)pthread_join (self->thread, NULL);
    for (size_t i = 0; i < self->guests_count; i++)
        if (self->guests[i].fd >= 0)
            guest_close (&self->guests[i]);
    for (size_t i = 0; i < FAKE_PORTS; i++)
        close (self->listener[i]);
    close (self->stop[0]);
    messages = self->messages;
    free (self);
    *relay = NULL;
    return messages;
}
