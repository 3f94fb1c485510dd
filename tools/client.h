/* SPDX-License-Identifier: MIT */
/* client - the tool as a Bitcoin peer: it dials, shakes hands, sends governance
 * messages, and knows when the relay has judged them.
 *
 * A shell around the connection core that relays use (actors/ingress), over
 * poll (2); every wait has a deadline.
 */
#pragma once

#include "actors/ingress/connection.h"
#include "base.h"
#include "tools/target.h"

#define CLIENTS_MAX 2 /* that are waited for at once */
#define CLIENT_PROBLEM_MAX 256

struct client;

/* What to do with a governance message of the peer. */
struct client_listener {
    /* PAYLOAD is borrowed for the call. */
    void (*message) (void *self, enum command command, struct bytes payload);
    void *self; /* borrowed */
};

/* Connects to TARGET before DEADLINE, without shaking hands yet. (Only the
 * resolver has time-outs of its own.)
 *
 * Returns: 0, or -errno after writing a sentence into ret_problem.
 * Out:     *ret, for client_close, on success.
 */
int client_dial (const struct target *target, struct instant deadline,
                 struct client **ret, char ret_problem[CLIENT_PROBLEM_MAX]);

/* Makes a client of FD, a connected stream socket, which is taken. Returns 0;
 * -errno, and FD is still the caller's. */
int client_adopt (int fd, const struct target *target, struct client **ret);

/* Hangs up. */
void client_close (struct client **client);

/* Says who gets what the peer sends from now on. */
void client_listen (struct client *client, struct client_listener listener);

/* Queues a governance message, or a ping whose pong means that everything
 * queued before it has been judged (PROTOCOL 1.9). Each returns 0 or -ENOMEM.
 * In: the client is ready. */
int client_send (struct client *client, enum command command,
                 struct bytes payload);
int client_ping (struct client *client);

/* Returns true after the handshake. */
bool client_is_ready (const struct client *client);
/* Returns true when the peer is a relay (PROTOCOL 2.4). In: it is ready. */
bool client_is_relay (const struct client *client);
/* Returns true when the pong of the last client_ping has come. */
bool client_is_judged (const struct client *client);
/* Returns why the connection is over, a sentence; NULL while it is not. */
const char *client_problem (const struct client *client);

/* Lets COUNT clients read and write once, waiting until DEADLINE at most.
 * Returns 0, or -ETIMEDOUT once DEADLINE has passed. */
int clients_turn (struct client *const *clients, size_t count,
                  struct instant deadline);

/* Dials TARGET and shakes hands with a relay. Returns and sets as client_dial;
 * -EPROTO also when it is something else than a relay of that network. */
int client_meet (const struct target *target, struct instant deadline,
                 struct client **ret, char ret_problem[CLIENT_PROBLEM_MAX]);
