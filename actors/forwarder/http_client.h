/* SPDX-License-Identifier: MIT */
/* http_client - requests to Commons, many at once, on the caller's own loop
 * (libcurl).
 *
 * One descriptor stands for all sockets: poll it, call http_client_receive when
 * it is readable and http_client_tick at http_client_deadline, then take the
 * answers. No redirects, no proxy, no retries, no more than 64 KiB of answer.
 */
#pragma once

#include "actors/forwarder/delivery.h"
#include "base.h"
#include "messages/governance/message.h"

#define HTTP_CONNECT_MS 5000
#define HTTP_TOTAL_MS 15000
#define HTTP_ANSWER_MAX 65536 /* head and body each */
#define HTTP_REQUESTS_MAX 192 /* forwarder_actor.c says what needs how many */

struct http_client;

struct http_client_options {
    const char *url;     /* "https://commons.example.com/api" */
    const char *host;    /* of URL, without brackets */
    unsigned port;       /* of URL */
    const char *address; /* IP address to use for HOST; empty: look it up */
    const char *ca_file; /* to trust instead of the system's; empty: none */
    const char *api_key; /* NULL: none */
};

struct http_answer {
    uint32_t tag;                  /* as in the request */
    struct delivery_answer answer; /* valid until the next call of this module
                                      for the same client */
};

/* Returns 0 and sets *ret_client, for http_client_close; or -ENOMEM, -EMFILE,
 * -ENOTSUP when libcurl cannot do what we need. OPTIONS are copied. */
int http_client_open (const struct http_client_options *options,
                      struct http_client **ret_client);

/* Ends all requests without an answer; closes. */
void http_client_close (struct http_client **client);

/* Returns the descriptor to poll for input; borrowed. */
int http_client_fd (const struct http_client *client);

/* Starts POST {url}/internal/governance/<path of COMMAND> with PAYLOAD, which
 * must stay valid until its answer, and the Idempotency-Key ID. Returns 0 or
 * -ENOMEM; -EAGAIN when HTTP_REQUESTS_MAX are under way. */
int http_client_post (struct http_client *client, enum command command,
                      const struct gov_id *id, struct bytes payload,
                      uint32_t tag, struct instant now);

/* Starts GET {url}/internal/health, without the key. Returns as above. */
int http_client_get_health (struct http_client *client, uint32_t tag,
                            struct instant now);

/* Moves what the sockets have. */
void http_client_receive (struct http_client *client, struct instant now);

/* Serves time-outs that are due. */
void http_client_tick (struct http_client *client, struct instant now);

/* Returns when http_client_tick wants to be called. */
struct instant http_client_deadline (const struct http_client *client);

/* Returns true and the next answer, in the order in which they ended. */
bool http_client_next (struct http_client *client,
                       struct http_answer *ret_answer);

/* Ends all requests; none of them gets an answer. */
void http_client_abort (struct http_client *client);
