/* SPDX-License-Identifier: MIT */
/* http_server - HTTP connections, bounded, without a thread of their own.
 *
 * A request whose head is good is gathered, then waits in a queue until its
 * owner answers it; refused ones are answered at once. Everything happens
 * inside http_server_run, called from the owner's loop.
 */
#pragma once

#include "actors/receiver/http_rules.h"
#include "base.h"

#define HTTP_CONNECTIONS_MAX 512

/* One turn's batch: 256 requests of 64 KiB are 16 MiB, and their signatures
 * take about 15 ms. */
#define HTTP_PENDING_MAX 256

/* Without a byte for so long a connection is closed. */
#define HTTP_TIMEOUT_S 10

/* Request line, headers and what of the body is not yet read. */
#define HTTP_HEADER_MEMORY 32768

/* Of the body of a refused request we take so much, so that a client that still
 * writes gets to read its answer; beyond, the connection is closed. */
#define HTTP_DISCARD_MAX 131072

#define HTTP_ADDRESS_MAX 64

struct http_server;

/* A request that waits for its answer. */
struct http_request {
    enum http_target target;
    struct bytes body;            /* valid until answered */
    struct bytes idempotency_key; /* the same; no data: absent */
};

struct http_server_handlers {
    /* A request was refused before it was queued. BODY may be empty. */
    void (*refused) (void *self, enum http_target target, struct bytes body,
                     const struct http_problem *problem);
    /* The library has something to say; it may quote a client. */
    void (*said) (void *self, const char *words);
};

/* Listens on ADDRESS, "host:port" or "[v6]:port", port 0 for any.
 *
 * Returns: 0 or -errno.
 * Out:     *ret_fd, and where it is bound: numbers, and the port apart.
 */
int http_listen (const char *address, int *ret_fd,
                 char ret_address[HTTP_ADDRESS_MAX], unsigned *ret_port);

/* Serves LISTEN_FD, which is taken even on failure. RULES and HANDLERS are
 * borrowed. Returns 0 and sets *ret_server, or -errno. */
int http_server_open (int listen_fd, const struct http_rules *rules,
                      const struct http_server_handlers *handlers, void *self,
                      struct http_server **ret_server);

/* Drops what was not answered, and closes. */
void http_server_close (struct http_server **server);

/* Returns the descriptor that is readable when there is something to do. */
int http_server_fd (const struct http_server *server);

/* Returns in how many µs http_server_run must be called even if nothing
 * arrives; -1: no need. */
int64_t http_server_wait_us (const struct http_server *server);

/* Reads, judges heads, queues, writes. */
void http_server_run (struct http_server *server);

/* Takes the request that waits longest out of the queue, or returns NULL. It
 * must then be answered. */
struct http_request *http_server_next (struct http_server *server);

/* Returns true while a request waits in the queue. */
bool http_server_waiting (const struct http_server *server);

/* Answers REQUEST, which is gone then. Takes the body of ANSWER; without one
 * (there was no memory) the connection is closed. */
void http_server_answer (struct http_server *server,
                         struct http_request *request,
                         struct http_answer *answer);

/* Stops accepting; requests that come on old connections are refused. */
void http_server_drain (struct http_server *server);

/* Returns true while a request waits, or an answer is on its way. */
bool http_server_busy (const struct http_server *server);

/* Returns how many connections are open. */
unsigned http_server_connections (const struct http_server *server);
