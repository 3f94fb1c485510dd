/* SPDX-License-Identifier: MIT */
/* http_client - requests to Commons, many at once, on the caller's own loop.
 *
 *   in   requests; readiness of one descriptor; time
 *   out  how each ended, for delivery.c to judge
 *   owns libcurl's handles and an epoll descriptor with all its sockets (the
 *        frame polls few descriptors; libcurl opens and closes many)
 *
 * Next on the tour: actors/forwarder/forwarder_actor.c
 */
#include "actors/forwarder/http_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "buffer.h"

#define EVENTS_MAX 64
#define IDLE_CONNECTIONS_MAX 32L /* kept open for the next requests */
#define BODY_KEEP 4096           /* of memory, between requests */

/* One request, and what it keeps for the next. */
struct exchange {
    struct http_client *client; /* borrowed */
    CURL *easy;                 /* owned; NULL until first used */
    struct curl_slist *headers; /* owned; of this request */
    struct buffer body;         /* owned */
    size_t head_size;           /* bytes of header that came */
    bool cut;                   /* the answer was too long */
    bool busy;                  /* under way */
    uint32_t tag;
};

struct http_client {
    CURLM *multi;               /* owned */
    int epoll_fd;               /* owned */
    bool global;                /* curl_global_init was done */
    char *url;                  /* owned; no slash at its end */
    char *ca_file;              /* owned; empty: the system's */
    char *key_header;           /* owned; "X-API-Key: …"; NULL: none */
    struct curl_slist *resolve; /* owned; NULL: by name */
    struct instant now;         /* of the call that libcurl is in */
    struct instant deadline;    /* of libcurl's next time-out */
    struct exchange *answered;  /* its answer is with the caller; or NULL */
    struct exchange exchanges[HTTP_REQUESTS_MAX];
};

static const struct {
    CURLcode code;
    enum delivery_failure failure;
} failures[] = {
    {CURLE_OPERATION_TIMEDOUT, FAILURE_TIMEOUT},
    {CURLE_SSL_CONNECT_ERROR, FAILURE_TLS},
    {CURLE_SSL_ENGINE_NOTFOUND, FAILURE_TLS},
    {CURLE_SSL_ENGINE_SETFAILED, FAILURE_TLS},
    {CURLE_SSL_ENGINE_INITFAILED, FAILURE_TLS},
    {CURLE_SSL_CERTPROBLEM, FAILURE_TLS},
    {CURLE_SSL_CIPHER, FAILURE_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, FAILURE_TLS},
    {CURLE_USE_SSL_FAILED, FAILURE_TLS},
    {CURLE_SSL_CACERT_BADFILE, FAILURE_TLS},
    {CURLE_SSL_CRL_BADFILE, FAILURE_TLS},
    {CURLE_SSL_ISSUER_ERROR, FAILURE_TLS},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, FAILURE_TLS},
    {CURLE_SSL_INVALIDCERTSTATUS, FAILURE_TLS},
    {CURLE_SSL_CLIENTCERT, FAILURE_TLS},
    {CURLE_UNSUPPORTED_PROTOCOL, FAILURE_NOT_HTTP},
    {CURLE_URL_MALFORMAT, FAILURE_NOT_HTTP},
    {CURLE_WEIRD_SERVER_REPLY, FAILURE_NOT_HTTP},
    {CURLE_BAD_CONTENT_ENCODING, FAILURE_NOT_HTTP},
};

static enum delivery_failure
failure_of (CURLcode code)
{
    if (code == CURLE_OK)
        return FAILURE_NONE;
    for (size_t i = 0; i < ARRAY_SIZE (failures); i++)
        if (failures[i].code == code)
            return failures[i].failure;
    return FAILURE_NETWORK;
}

/* libcurl: SOCKET is to be polled for WHAT. */
static int
on_socket (CURL *easy, curl_socket_t socket, int what, void *arg,
           void *socket_data)
{
    struct http_client *client = arg;
    struct epoll_event event = {.data.fd = socket};

    (void)easy;
    (void)socket_data;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl (client->epoll_fd, EPOLL_CTL_DEL, socket, NULL);
        return 0;
    }
    if ((what & CURL_POLL_IN) != 0)
        event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0)
        event.events |= EPOLLOUT;
    if (epoll_ctl (client->epoll_fd, EPOLL_CTL_MOD, socket, &event) != 0
        && epoll_ctl (client->epoll_fd, EPOLL_CTL_ADD, socket, &event) != 0)
        return -1; /* libcurl ends the request */
    return 0;
}

/* libcurl: call me after TIMEOUT_MS, -1: not at all. */
static int
on_timer (CURLM *multi, long timeout_ms, void *arg)
{
    struct http_client *client = arg;

    (void)multi;
    client->deadline =
        timeout_ms < 0
            ? (struct instant){.us = INT64_MAX}
            : instant_after (client->now, timeout_ms * MILLISECOND_US);
    return 0;
}

static size_t
on_header (char *data, size_t size, size_t count, void *arg)
{
    struct exchange *exchange = arg;

    (void)data; /* libcurl keeps them; only their size is our affair */
    exchange->head_size += size * count;
    if (exchange->head_size > HTTP_ANSWER_MAX) {
        exchange->cut = true;
        return 0;
    }
    return size * count;
}

static size_t
on_body (char *data, size_t size, size_t count, void *arg)
{
    struct exchange *exchange = arg;

    if (exchange->body.size + size * count > HTTP_ANSWER_MAX) {
        exchange->cut = true;
        return 0;
    }
    if (buffer_append (&exchange->body, bytes_of (data, size * count)) != 0)
        return 0;
    return size * count;
}

/* Sets what is the same for all requests of an exchange. Returns 0 or
 * -ENOTSUP: nothing may be left out in silence. */
static int
easy_prepare (struct exchange *exchange)
{
    struct http_client *client = exchange->client;
    CURL *easy = exchange->easy;
    bool failed = false;

#define SET(option, value)                                                     \
    failed = curl_easy_setopt (easy, option, value) != CURLE_OK || failed
    SET (CURLOPT_PRIVATE, exchange);
    SET (CURLOPT_NOSIGNAL, 1L);
    SET (CURLOPT_PROTOCOLS_STR, "http,https");
    SET (CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET (CURLOPT_FOLLOWLOCATION, 0L);
    SET (CURLOPT_PROXY, "");
    SET (CURLOPT_NOPROXY, "*");
    SET (CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET (CURLOPT_USERAGENT, "govrelay/" GOVRELAY_VERSION);
    SET (CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS);
    SET (CURLOPT_TIMEOUT_MS, (long)HTTP_TOTAL_MS);
    SET (CURLOPT_SSL_VERIFYPEER, 1L);
    SET (CURLOPT_SSL_VERIFYHOST, 2L);
    SET (CURLOPT_HEADERFUNCTION, on_header);
    SET (CURLOPT_HEADERDATA, exchange);
    SET (CURLOPT_WRITEFUNCTION, on_body);
    SET (CURLOPT_WRITEDATA, exchange);
    if (client->resolve != NULL)
        SET (CURLOPT_RESOLVE, client->resolve);
    if (client->ca_file[0] != 0) {
        SET (CURLOPT_CAINFO, client->ca_file);
        SET (CURLOPT_CAPATH, NULL); /* instead of, not beside */
    }
#undef SET
    return failed ? -ENOTSUP : 0;
}

static void
slist_wipe (struct curl_slist **list)
{
    for (struct curl_slist *item = *list; item != NULL; item = item->next)
        explicit_bzero (item->data, strlen (item->data)); /* the API key */
    curl_slist_free_all (*list);
    *list = NULL;
}

static void
text_wipe (char **text)
{
    if (*text != NULL)
        explicit_bzero (*text, strlen (*text));
    free (*text);
    *text = NULL;
}

/* Ends EXCHANGE and makes it ready for the next request. */
static void
exchange_recycle (struct exchange *exchange)
{
    curl_multi_remove_handle (exchange->client->multi, exchange->easy);
    slist_wipe (&exchange->headers);
    buffer_take (&exchange->body, exchange->body.size, BODY_KEEP);
    exchange->head_size = 0;
    exchange->cut = false;
    exchange->busy = false;
}

static void
answered_recycle (struct http_client *client)
{
    if (client->answered != NULL)
        exchange_recycle (client->answered);
    client->answered = NULL;
}

static int
header_add (struct exchange *exchange, const char *header)
{
    struct curl_slist *list = curl_slist_append (exchange->headers, header);

    if (list == NULL)
        return -ENOMEM;
    exchange->headers = list;
    return 0;
}

/* Returns a free exchange in *ret_exchange, its easy handle ready. */
static int
exchange_find (struct http_client *client, struct exchange **ret_exchange)
{
    answered_recycle (client);
    for (size_t i = 0; i < HTTP_REQUESTS_MAX; i++) {
        struct exchange *exchange = &client->exchanges[i];
        if (exchange->busy)
            continue;
        if (exchange->easy == NULL) {
            exchange->client = client;
            exchange->easy = curl_easy_init ();
            if (exchange->easy == NULL)
                return -ENOMEM;
            if (easy_prepare (exchange) != 0) {
                curl_easy_cleanup (exchange->easy);
                exchange->easy = NULL;
                return -ENOMEM; /* http_client_open has seen it work */
            }
        }
        *ret_exchange = exchange;
        return 0;
    }
    return -EAGAIN;
}

static int
exchange_start (struct exchange *exchange, const char *path, uint32_t tag,
                struct instant now)
{
    struct http_client *client = exchange->client;
    char *url;

    if (asprintf (&url, "%s%s", client->url, path) < 0)
        return -ENOMEM;
    CURLcode rc = curl_easy_setopt (exchange->easy, CURLOPT_URL, url);
    free (url);
    if (rc != CURLE_OK
        || curl_easy_setopt (exchange->easy, CURLOPT_HTTPHEADER,
                             exchange->headers)
               != CURLE_OK)
        return -ENOMEM;

    client->now = now;
    exchange->tag = tag;
    if (curl_multi_add_handle (client->multi, exchange->easy) != CURLM_OK)
        return -ENOMEM;
    exchange->busy = true;
    return 0;
}

/* PROTOCOL 6.1: "Idempotency-Key: "<gov_id hex>"", quoted. An empty Expect
 * keeps libcurl from asking first whether a long body is welcome. */
static int
post_headers (struct exchange *exchange, const struct gov_id *id)
{
    const char *key_header = exchange->client->key_header;
    char text[65], idempotency[100];
    int rc = header_add (exchange, "Content-Type: application/json");

    gov_id_text (id, text);
    snprintf (idempotency, sizeof (idempotency), "Idempotency-Key: \"%s\"",
              text);
    if (rc == 0)
        rc = header_add (exchange, idempotency);
    if (rc == 0)
        rc = header_add (exchange, "Expect:");
    if (rc == 0 && key_header != NULL)
        rc = header_add (exchange, key_header);
    return rc;
}

int
http_client_post (struct http_client *client, enum command command,
                  const struct gov_id *id, struct bytes payload, uint32_t tag,
                  struct instant now)
{
    struct exchange *exchange;
    char path[64];

    int rc = exchange_find (client, &exchange);
    if (rc != 0)
        return rc;

    rc = post_headers (exchange, id);
    if (rc == 0
        && (curl_easy_setopt (exchange->easy, CURLOPT_POSTFIELDSIZE,
                              (long)payload.size)
                != CURLE_OK
            || curl_easy_setopt (exchange->easy, CURLOPT_POSTFIELDS,
                                 payload.data)
                   != CURLE_OK))
        rc = -ENOMEM;
    if (rc == 0) {
        snprintf (path, sizeof (path), "/internal/governance/%s",
                  delivery_path_name (command));
        rc = exchange_start (exchange, path, tag, now);
    }
    if (rc != 0)
        slist_wipe (&exchange->headers);
    return rc;
}

int
http_client_get_health (struct http_client *client, uint32_t tag,
                        struct instant now)
{
    struct exchange *exchange;
    int rc = exchange_find (client, &exchange);

    if (rc != 0)
        return rc;
    if (curl_easy_setopt (exchange->easy, CURLOPT_HTTPGET, 1L) != CURLE_OK)
        return -ENOMEM;
    return exchange_start (exchange, "/internal/health", tag, now);
}

int
http_client_fd (const struct http_client *client)
{
    return client->epoll_fd;
}

void
http_client_receive (struct http_client *client, struct instant now)
{
    struct epoll_event events[EVENTS_MAX];
    int running;

    answered_recycle (client);
    client->now = now;
    int count = epoll_wait (client->epoll_fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        int what = 0;
        if ((events[i].events & EPOLLIN) != 0)
            what |= CURL_CSELECT_IN;
        if ((events[i].events & EPOLLOUT) != 0)
            what |= CURL_CSELECT_OUT;
        if ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0)
            what |= CURL_CSELECT_ERR;
        curl_multi_socket_action (client->multi, events[i].data.fd, what,
                                  &running);
    }
}

void
http_client_tick (struct http_client *client, struct instant now)
{
    int running;

    if (!instant_reached (now, client->deadline))
        return;
    answered_recycle (client);
    client->now = now;
    client->deadline = (struct instant){.us = INT64_MAX};
    curl_multi_socket_action (client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

struct instant
http_client_deadline (const struct http_client *client)
{
    return client->deadline;
}

static struct bytes
header_value (struct exchange *exchange, const char *name)
{
    struct curl_header *header;

    if (curl_easy_header (exchange->easy, name, 0, CURLH_HEADER, -1, &header)
        != CURLHE_OK)
        return bytes_of (NULL, 0);
    return bytes_of_text (header->value);
}

/* What is known when EXCHANGE ended with CODE. An answer that we cut off has a
 * status all the same. */
static struct delivery_answer
answer_of (struct exchange *exchange, CURLcode code)
{
    long status = 0;
    struct delivery_answer answer = {
        .failure = exchange->cut ? FAILURE_NONE : failure_of (code),
        .cut = exchange->cut,
    };

    if (answer.failure != FAILURE_NONE)
        return answer;
    curl_easy_getinfo (exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    answer.status = (unsigned)status;
    answer.content_type = header_value (exchange, "Content-Type");
    answer.retry_after = header_value (exchange, "Retry-After");
    answer.body = buffer_bytes (&exchange->body);
    return answer;
}

bool
http_client_next (struct http_client *client, struct http_answer *ret_answer)
{
    CURLMsg *message;
    int left;

    answered_recycle (client);
    do {
        message = curl_multi_info_read (client->multi, &left);
        if (message == NULL)
            return false;
    } while (message->msg != CURLMSG_DONE);

    struct exchange *exchange;
    CURLcode code = message->data.result;
    curl_easy_getinfo (message->easy_handle, CURLINFO_PRIVATE, &exchange);
    ret_answer->tag = exchange->tag;
    ret_answer->answer = answer_of (exchange, code);
    client->answered = exchange;
    return true;
}

void
http_client_abort (struct http_client *client)
{
    client->answered = NULL;
    for (size_t i = 0; i < HTTP_REQUESTS_MAX; i++)
        if (client->exchanges[i].busy)
            exchange_recycle (&client->exchanges[i]);
}

void
http_client_close (struct http_client **client)
{
    struct http_client *self = *client;

    if (self == NULL)
        return;
    if (self->multi != NULL)
        http_client_abort (self);
    for (size_t i = 0; i < HTTP_REQUESTS_MAX; i++) {
        curl_easy_cleanup (self->exchanges[i].easy);
        buffer_done (&self->exchanges[i].body);
    }
    if (self->multi != NULL)
        curl_multi_cleanup (self->multi);
    curl_slist_free_all (self->resolve);
    if (self->epoll_fd >= 0)
        close (self->epoll_fd);
    if (self->global)
        curl_global_cleanup ();
    free (self->url);
    free (self->ca_file);
    text_wipe (&self->key_header);
    free (self);
    *client = NULL;
}

/* Copies OPTIONS in the form in which libcurl wants them. */
static int
options_copy (struct http_client *client,
              const struct http_client_options *options)
{
    bool is_v6 = strchr (options->address, ':') != NULL;
    char *entry;

    client->url = strdup (options->url);
    client->ca_file = strdup (options->ca_file);
    if (client->url == NULL || client->ca_file == NULL)
        return -ENOMEM;
    for (size_t size = strlen (client->url);
         size > 0 && client->url[size - 1] == '/'; size--)
        client->url[size - 1] = 0;
    if (options->api_key != NULL
        && asprintf (&client->key_header, "X-API-Key: %s", options->api_key)
               < 0) {
        client->key_header = NULL;
        return -ENOMEM;
    }
    if (options->address[0] == 0)
        return 0;
    if (asprintf (&entry, "%s:%u:%s%s%s", options->host, options->port,
                  is_v6 ? "[" : "", options->address, is_v6 ? "]" : "")
        < 0)
        return -ENOMEM;
    client->resolve = curl_slist_append (NULL, entry);
    free (entry);
    return client->resolve == NULL ? -ENOMEM : 0;
}

static int
multi_open (struct http_client *client)
{
    client->global = curl_global_init (CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (!client->global)
        return -ENOMEM;
    client->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
    if (client->epoll_fd < 0)
        return -errno;
    client->multi = curl_multi_init ();
    if (client->multi == NULL)
        return -ENOMEM;
    if (curl_multi_setopt (client->multi, CURLMOPT_SOCKETFUNCTION, on_socket)
            != CURLM_OK
        || curl_multi_setopt (client->multi, CURLMOPT_SOCKETDATA, client)
               != CURLM_OK
        || curl_multi_setopt (client->multi, CURLMOPT_TIMERFUNCTION, on_timer)
               != CURLM_OK
        || curl_multi_setopt (client->multi, CURLMOPT_TIMERDATA, client)
               != CURLM_OK
        || curl_multi_setopt (client->multi, CURLMOPT_MAXCONNECTS,
                              IDLE_CONNECTIONS_MAX)
               != CURLM_OK)
        return -ENOTSUP;
    return 0;
}

/* Sets all options once on a handle of its own, to learn at start, not at the
 * first message, that this libcurl can do them. */
static int
options_try (struct http_client *client)
{
    struct exchange exchange = {.client = client, .easy = curl_easy_init ()};

    if (exchange.easy == NULL)
        return -ENOMEM;
    int rc = easy_prepare (&exchange);
    curl_easy_cleanup (exchange.easy);
    return rc;
}

int
http_client_open (const struct http_client_options *options,
                  struct http_client **ret_client)
{
    owned (http_client_close) struct http_client *client =
        calloc (1, sizeof (*client));

    if (client == NULL)
        return -ENOMEM;
    client->epoll_fd = -1;
    client->deadline = (struct instant){.us = INT64_MAX};

    int rc = multi_open (client);
    if (rc == 0)
        rc = options_copy (client, options);
    if (rc == 0)
        rc = options_try (client);
    if (rc != 0)
        return rc;
    *ret_client = client;
    client = NULL;
    return 0;
}
