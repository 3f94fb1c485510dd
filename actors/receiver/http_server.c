/* SPDX-License-Identifier: MIT */
/* http_server - libmicrohttpd, run by its owner's loop.
 *
 *   in   connections
 *   out  a queue of gathered requests; answers
 *   owns the daemon, the listening socket, each request until its end
 *
 * A queued request's connection is suspended: nothing of it is read, and it
 * does not time out, until it has its answer.
 *
 * Next on the tour: actors/receiver/http_rules.c
 */
#include "actors/receiver/http_server.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buffer.h"

#define HTTP_BACKLOG HTTP_CONNECTIONS_MAX

enum exchange_state {
    EXCHANGE_READING,  /* its body comes, to be kept */
    EXCHANGE_REFUSED,  /* its body comes, to be thrown away */
    EXCHANGE_WAITING,  /* in the queue, or taken; suspended */
    EXCHANGE_ANSWERED, /* its answer leaves */
};

/* A request, from its head to the end of its answer. */
struct exchange {
    struct http_request request;       /* must be first */
    struct exchange *next;             /* in the queue; borrowed */
    struct MHD_Connection *connection; /* borrowed */
    enum exchange_state state;
    struct buffer body;          /* at most what its command allows; owned */
    size_t discarded;            /* bytes thrown away */
    struct http_problem problem; /* when REFUSED */
};

struct http_server {
    struct MHD_Daemon *daemon;                   /* owned */
    const struct http_rules *rules;              /* borrowed */
    const struct http_server_handlers *handlers; /* borrowed */
    void *self;                                  /* of the handlers; borrowed */
    struct exchange *first, *last;               /* queue; borrowed */
    size_t queued;
    size_t taken;     /* out of the queue, without an answer yet */
    size_t answering; /* answers under way */
    bool draining;
    bool closing; /* nothing is suspended any more */
};

static struct bytes
exchange_header (struct MHD_Connection *connection, const char *name)
{
    const char *value = NULL;
    size_t size = 0;

    if (MHD_lookup_connection_value_n (connection, MHD_HEADER_KIND, name,
                                       strlen (name), &value, &size)
            != MHD_YES
        || value == NULL)
        return (struct bytes){0};
    return bytes_of (value, size);
}

/* The library has refused whatever is no number; a length that overflows ours
 * is above every limit. */
static int64_t
exchange_content_length (struct MHD_Connection *connection)
{
    struct bytes header = exchange_header (connection, "Content-Length");
    int64_t length = 0;

    if (header.data == NULL)
        return -1;
    for (size_t i = 0; i < header.size; i++) {
        unsigned digit = header.data[i] - (unsigned)'0';
        if (digit > 9 || length > INT64_MAX / 10 - 1)
            return INT64_MAX;
        length = length * 10 + digit;
    }
    return length;
}

static struct MHD_Response *
http_response (const struct http_server *server, struct http_answer *answer)
{
    struct MHD_Response *response = MHD_create_response_from_buffer (
        strlen (answer->body), answer->body, MHD_RESPMEM_MUST_FREE);
    char seconds[24];

    if (response == NULL)
        return NULL;
    answer->body = NULL;
    MHD_add_response_header (response, "Content-Type", answer->content_type);
    if (answer->allow != NULL)
        MHD_add_response_header (response, "Allow", answer->allow);
    if (answer->retry_after_s > 0) {
        snprintf (seconds, sizeof seconds, "%" PRId64, answer->retry_after_s);
        MHD_add_response_header (response, "Retry-After", seconds);
    }
    if (answer->replayed)
        MHD_add_response_header (response, "Idempotent-Replayed", "true");
    if (server->draining)
        MHD_add_response_header (response, "Connection", "close");
    return response;
}

/* Hands ANSWER to the connection. On failure the connection closes. */
static enum MHD_Result
exchange_answer (struct http_server *server, struct exchange *exchange,
                 struct http_answer *answer)
{
    struct MHD_Response *response =
        answer->body != NULL ? http_response (server, answer) : NULL;
    enum MHD_Result result = MHD_NO;

    if (response != NULL) {
        result =
            MHD_queue_response (exchange->connection, answer->status, response);
        MHD_destroy_response (response);
    }
    http_answer_done (answer);
    exchange->state = EXCHANGE_ANSWERED;
    server->answering++;
    return result;
}

static enum MHD_Result
exchange_answer_problem (struct http_server *server, struct exchange *exchange)
{
    struct http_answer answer;

    if (http_problem_answer (&exchange->problem, exchange->request.target,
                             &answer)
        != 0)
        return MHD_NO;
    return exchange_answer (server, exchange, &answer);
}

/* Says why, once, and keeps no byte of the body. */
static void
exchange_refuse (struct http_server *server, struct exchange *exchange)
{
    exchange->state = EXCHANGE_REFUSED;
    server->handlers->refused (server->self, exchange->request.target,
                               buffer_bytes (&exchange->body),
                               &exchange->problem);
    buffer_done (&exchange->body);
}

/* The head is there. A refusal waits for the rest of a small body; the client
 * would lose an answer that closes the connection while it still writes. */
static enum MHD_Result
exchange_begin (struct http_server *server, struct MHD_Connection *connection,
                const char *path, const char *method, void **ret_exchange)
{
    struct exchange *exchange = calloc (1, sizeof *exchange);
    if (exchange == NULL)
        return MHD_NO;
    *ret_exchange = exchange; /* freed by http_on_completed */
    exchange->connection = connection;

    struct http_head head = {
        .method = method,
        .path = path,
        .api_key = exchange_header (connection, "X-API-Key"),
        .content_type = exchange_header (connection, "Content-Type"),
        .content_length = exchange_content_length (connection)};
    bool good = http_judge_head (server->rules, &head,
                                 &exchange->request.target, &exchange->problem);
    if (good && server->draining) {
        exchange->problem = http_unavailable ("the receiver stops");
        good = false;
    }
    if (good) {
        exchange->request.idempotency_key =
            exchange_header (connection, "Idempotency-Key");
        return MHD_YES;
    }
    exchange_refuse (server, exchange);
    if (head.content_length > HTTP_DISCARD_MAX
        || exchange_header (connection, "Expect").data != NULL)
        return exchange_answer_problem (server, exchange);
    return MHD_YES;
}

static size_t
exchange_body_max (const struct exchange *exchange)
{
    if (exchange->request.target == HTTP_HEALTH)
        return 0;
    return command_max_size (http_target_command (exchange->request.target));
}

/* Takes a piece of the body. Returns MHD_NO to close the connection. */
static enum MHD_Result
exchange_take (struct http_server *server, struct exchange *exchange,
               struct bytes piece)
{
    if (exchange->state == EXCHANGE_READING
        && piece.size > exchange_body_max (exchange) - exchange->body.size) {
        exchange->problem = (struct http_problem){
            .kind = HTTP_TOO_LARGE, .clause = "3.1", .what = "size"};
        exchange->discarded = exchange->body.size;
        exchange_refuse (server, exchange);
    }
    if (exchange->state == EXCHANGE_READING)
        return buffer_append (&exchange->body, piece) == 0 ? MHD_YES : MHD_NO;
    exchange->discarded += piece.size;
    return exchange->discarded <= HTTP_DISCARD_MAX ? MHD_YES : MHD_NO;
}

/* The request is complete. */
static enum MHD_Result
exchange_queue (struct http_server *server, struct exchange *exchange)
{
    if (server->queued == HTTP_PENDING_MAX || server->closing) {
        exchange->problem =
            http_unavailable (server->closing ? "the receiver stops"
                                              : "too many requests at once");
        exchange_refuse (server, exchange);
        return exchange_answer_problem (server, exchange);
    }
    exchange->state = EXCHANGE_WAITING;
    exchange->request.body = buffer_bytes (&exchange->body);
    if (server->last != NULL)
        server->last->next = exchange;
    else
        server->first = exchange;
    server->last = exchange;
    server->queued++;
    MHD_suspend_connection (exchange->connection);
    return MHD_YES;
}

static enum MHD_Result
http_on_request (void *cls, struct MHD_Connection *connection, const char *path,
                 const char *method, const char *version, const char *data,
                 size_t *size, void **exchange_of)
{
    struct http_server *server = cls;
    struct exchange *exchange = *exchange_of;

    (void)version;
    if (exchange == NULL)
        return exchange_begin (server, connection, path, method, exchange_of);
    if (*size > 0) {
        struct bytes piece = bytes_of (data, *size);
        *size = 0;
        return exchange_take (server, exchange, piece);
    }
    switch (exchange->state) {
    case EXCHANGE_READING:
        return exchange_queue (server, exchange);
    case EXCHANGE_REFUSED:
        return exchange_answer_problem (server, exchange);
    case EXCHANGE_WAITING:
    case EXCHANGE_ANSWERED:
        break;
    }
    return MHD_NO; /* no memory for its answer: close */
}

static void
http_on_completed (void *cls, struct MHD_Connection *connection,
                   void **exchange_of, enum MHD_RequestTerminationCode why)
{
    struct http_server *server = cls;
    struct exchange *exchange = *exchange_of;

    (void)connection;
    (void)why;
    if (exchange == NULL)
        return;
    if (exchange->state == EXCHANGE_ANSWERED)
        server->answering--;
    buffer_done (&exchange->body);
    free (exchange);
    *exchange_of = NULL;
}

static void
http_on_words (void *cls, const char *format, va_list arguments)
{
    struct http_server *server = cls;
    char words[256];

    vsnprintf (words, sizeof words, format, arguments);
    words[strcspn (words, "\n")] = '\0';
    server->handlers->said (server->self, words);
}

/* Splits "host:port" or "[v6]:port" and finds the address. */
static int
http_resolve (const char *address, struct addrinfo **ret_found)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    char host[256];
    const char *colon = strrchr (address, ':');

    if (colon == NULL || (size_t)(colon - address) >= sizeof host)
        return -EINVAL;
    size_t size = (size_t)(colon - address);
    bool bracketed = size >= 2 && address[0] == '[' && address[size - 1] == ']';
    snprintf (host, sizeof host, "%.*s", (int)(bracketed ? size - 2 : size),
              bracketed ? address + 1 : address);
    int rc = getaddrinfo (host, colon + 1, &hints, ret_found);
    if (rc == EAI_MEMORY)
        return -ENOMEM;
    return rc == 0 ? 0 : -EADDRNOTAVAIL;
}

static int
http_bind (const struct addrinfo *at)
{
    const int yes = 1;
    int fd =
        socket (at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0
        || bind (fd, at->ai_addr, at->ai_addrlen) != 0
        || listen (fd, HTTP_BACKLOG) != 0) {
        int rc = -errno;
        close (fd);
        return rc;
    }
    return fd;
}

static int
http_bound_to (int fd, char ret_address[HTTP_ADDRESS_MAX], unsigned *ret_port)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char host[HTTP_ADDRESS_MAX - 2], port[8];

    if (getsockname (fd, (struct sockaddr *)&bound, &size) != 0)
        return -errno;
    if (getnameinfo ((struct sockaddr *)&bound, size, host, sizeof host, port,
                     sizeof port, NI_NUMERICHOST | NI_NUMERICSERV)
        != 0)
        return -EADDRNOTAVAIL;
    bool v6 = bound.ss_family == AF_INET6;
    snprintf (ret_address, HTTP_ADDRESS_MAX, "%s%s%s", v6 ? "[" : "", host,
              v6 ? "]" : "");
    *ret_port = (unsigned)strtoul (port, NULL, 10);
    return 0;
}

int
http_listen (const char *address, int *ret_fd,
             char ret_address[HTTP_ADDRESS_MAX], unsigned *ret_port)
{
    struct addrinfo *found = NULL;
    int rc = http_resolve (address, &found);

    if (rc != 0)
        return rc;
    int fd = http_bind (found);
    freeaddrinfo (found);
    if (fd < 0)
        return fd;
    rc = http_bound_to (fd, ret_address, ret_port);
    if (rc != 0) {
        close (fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

int
http_server_open (int listen_fd, const struct http_rules *rules,
                  const struct http_server_handlers *handlers, void *self,
                  struct http_server **ret_server)
{
    struct http_server *server = calloc (1, sizeof *server);
    if (server == NULL) {
        close (listen_fd);
        return -ENOMEM;
    }
    server->rules = rules;
    server->handlers = handlers;
    server->self = self;
    server->daemon = MHD_start_daemon (
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
        NULL, http_on_request, server,
        /* First, or the library speaks to stderr while it starts. */
        MHD_OPTION_EXTERNAL_LOGGER, http_on_words, server,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)HTTP_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HTTP_HEADER_MEMORY, MHD_OPTION_NOTIFY_COMPLETED,
        http_on_completed, server, MHD_OPTION_END);
    if (server->daemon == NULL) {
        /* It depends on where it failed whether the library has closed the
         * socket; to close somebody else's number would be worse. */
        free (server);
        return -EIO;
    }
    *ret_server = server;
    return 0;
}

int
http_server_fd (const struct http_server *server)
{
    return MHD_get_daemon_info (server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
        ->epoll_fd;
}

int64_t
http_server_wait_us (const struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    if (MHD_get_timeout (server->daemon, &wait_ms) != MHD_YES)
        return -1;
    return wait_ms > HTTP_TIMEOUT_S * 1000 ? HTTP_TIMEOUT_S * SECOND_US
                                           : (int64_t)wait_ms * MILLISECOND_US;
}

void
http_server_run (struct http_server *server)
{
    MHD_run (server->daemon);
}

struct http_request *
http_server_next (struct http_server *server)
{
    struct exchange *exchange = server->first;

    if (exchange == NULL)
        return NULL;
    server->first = exchange->next;
    if (server->first == NULL)
        server->last = NULL;
    exchange->next = NULL;
    server->queued--;
    server->taken++;
    return &exchange->request;
}

bool
http_server_waiting (const struct http_server *server)
{
    return server->first != NULL;
}

void
http_server_answer (struct http_server *server, struct http_request *request,
                    struct http_answer *answer)
{
    struct exchange *exchange = (struct exchange *)request;

    assert (exchange->state == EXCHANGE_WAITING && server->taken > 0);
    server->taken--;
    /* When this fails the connection asks again, and is closed. */
    exchange_answer (server, exchange, answer);
    MHD_resume_connection (exchange->connection);
}

void
http_server_drain (struct http_server *server)
{
    server->draining = true;
    int listen_fd = MHD_quiesce_daemon (server->daemon);
    if (listen_fd >= 0)
        close (listen_fd);
}

bool
http_server_busy (const struct http_server *server)
{
    return server->queued + server->taken + server->answering > 0;
}

unsigned
http_server_connections (const struct http_server *server)
{
    return MHD_get_daemon_info (server->daemon,
                                MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
        ->num_connections;
}

/* The library must not be stopped while a connection is suspended. */
void
http_server_close (struct http_server **server)
{
    struct http_request *request;

    if (*server == NULL)
        return;
    (*server)->closing = true; /* a body may end in the MHD_run below */
    while ((request = http_server_next (*server)) != NULL) {
        struct exchange *exchange = (struct exchange *)request;
        exchange->problem = http_unavailable ("the receiver stops");
        exchange_answer_problem (*server, exchange);
        MHD_resume_connection (exchange->connection);
    }
    MHD_run ((*server)->daemon); /* what can leave, leaves */
    MHD_stop_daemon ((*server)->daemon);
    free (*server);
    *server = NULL;
}
