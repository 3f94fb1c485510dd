/* SPDX-License-Identifier: MIT */
/* edge_dial - how the edge reaches others: by name, by address, or through a
 * SOCKS5 proxy and then in no other way.
 *
 *   in   wishes to dial
 *   out  a connected peer, or `failed` with the reason in words
 *   owns nothing: dials are the edge's
 *
 * Next on the tour: actors/ingress/connection.c
 */
#include <stdio.h>
#include <stdlib.h>

#include "actors/ingress/edge_private.h"

static bool
edge_has_proxy (const struct edge *edge)
{
    return edge->proxy.ss_family != AF_UNSPEC;
}

void
edge_dial_end (struct edge_dial *dial, const char *why)
{
    struct edge *edge = dial->edge;
    struct edge_dial **place = &edge->dials;
    while (*place != dial)
        place = &(*place)->next;
    *place = dial->next;
    if (why && !edge->ending)
        edge->handlers->failed (edge->self, dial->host_port, why);
    free (dial);
}

/*~ Behind a proxy: what libuv connects is the proxy, and until that has done
 * its part the connection is the dial's, not a peer of ingress. */

static void
edge_on_proxy_time (uv_timer_t *timer)
{
    edge_close (timer->data, "proxy: no answer in time");
}

static void
edge_proxy_say (struct edge_peer *peer)
{
    struct socks *socks = &peer->dial->socks;
    struct bytes output = socks_output (socks);

    if (output.size > 0 && edge_send_bytes (peer, output) != 0) {
        edge_close (peer, "out of memory");
        return;
    }
    socks_output_taken (socks);
    edge_flush (peer);
}

/* REST is what the peer has said already. */
static void
edge_proxy_done (struct edge_peer *peer, struct bytes rest)
{
    struct edge_dial *dial = peer->dial;

    peer->dial = NULL;
    uv_read_stop ((uv_stream_t *)&peer->tcp);
    uv_timer_stop (&peer->timer);
    snprintf (peer->dialled, sizeof peer->dialled, "%s", dial->host_port);
    peer->automatic = dial->automatic;
    if (edge_read_address (peer->dialled, &peer->remote) == 0)
        edge_unmap (&peer->remote);
    peer->bytes_sent = 0; /* those were for the proxy */
    edge_peer_begin (peer);
    edge_dial_end (dial, peer->opened ? NULL : peer->why);
    if (peer->closing || rest.size == 0)
        return;
    peer->bytes_received += rest.size;
    peer->edge->handlers->received (peer->edge->self, peer, rest);
}

static void
edge_on_proxy_read (uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct edge_peer *peer = stream->data;
    if (size == 0 || peer->closing)
        return;
    if (size < 0) {
        edge_close (peer, "proxy: it closed the connection");
        return;
    }
    struct bytes input = bytes_of (buffer->base, (size_t)size);
    enum socks_state state = socks_feed (&peer->dial->socks, &input);
    if (state == SOCKS_FAILED) {
        edge_close (peer, socks_why (&peer->dial->socks));
        return;
    }
    edge_proxy_say (peer);
    if (state == SOCKS_DONE && !peer->closing)
        edge_proxy_done (peer, input);
}

/* The proxy is there. From here on the end of its connection is the end of the
 * dial. */
static void
edge_proxy_ask (struct edge_dial *dial)
{
    struct edge_peer *peer = dial->peer;

    peer->dial = dial;
    if (uv_read_start ((uv_stream_t *)&peer->tcp, edge_on_alloc,
                       edge_on_proxy_read)
        < 0)
        edge_close (peer, "cannot read");
    else
        edge_proxy_say (peer);
}

/*~ Dialling: a name becomes addresses, one of which becomes a connection. */

static void edge_dial_next (struct edge_dial *dial, const char *why);

static const char *
edge_connect_text (const struct edge_dial *dial, int status)
{
    bool proxy = edge_has_proxy (dial->edge);

    if (dial->peer->closing)
        return dial->peer->why; /* its time is over */
    if (status == UV_ECONNREFUSED)
        return proxy ? "proxy: nobody is there" : "refused";
    if (status == UV_ETIMEDOUT)
        return proxy ? "proxy: no answer" : "no answer";
    return proxy ? "proxy: unreachable" : "unreachable";
}

static void
edge_on_connected (uv_connect_t *connect, int status)
{
    struct edge_dial *dial = connect->data;
    struct edge_peer *peer = dial->peer;

    dial->edge->touched = true;
    if (status < 0 || peer->closing) {
        const char *why = edge_connect_text (dial, status);
        edge_close (peer, "connect failed");
        edge_dial_next (dial, why);
        return;
    }
    if (edge_has_proxy (dial->edge)) {
        edge_proxy_ask (dial);
        return;
    }
    snprintf (peer->dialled, sizeof peer->dialled, "%s", dial->host_port);
    peer->automatic = dial->automatic;
    edge_peer_open (peer);
    edge_dial_end (dial, peer->opened ? NULL : "the peer closed");
}

static int
edge_connect (struct edge_dial *dial, const struct sockaddr_storage *address)
{
    dial->peer = edge_peer_create (dial->edge, true);
    if (!dial->peer)
        return UV_ENOMEM;
    dial->connect.data = dial;
    dial->edge->touched = true;
    int rc =
        uv_tcp_connect (&dial->connect, &dial->peer->tcp,
                        (const struct sockaddr *)address, edge_on_connected);
    if (rc < 0)
        edge_close (dial->peer, "connect failed");
    return rc;
}

static void
edge_dial_next (struct edge_dial *dial, const char *why)
{
    if (dial->edge->ending || dial->address_next == dial->address_count) {
        edge_dial_end (dial, why);
        return;
    }
    int rc = edge_connect (dial, &dial->address[dial->address_next++]);
    if (rc < 0)
        edge_dial_next (dial, rc == UV_ENOMEM ? "out of memory or descriptors"
                                              : "unreachable");
}

static void
edge_on_resolved (uv_getaddrinfo_t *resolve, int status,
                  struct addrinfo *results)
{
    struct edge_dial *dial = resolve->data;
    for (struct addrinfo *result = results;
         result && dial->address_count < EDGE_ADDRESSES_MAX;
         result = result->ai_next)
        memcpy (&dial->address[dial->address_count++], result->ai_addr,
                result->ai_addrlen);
    uv_freeaddrinfo (results);
    edge_dial_next (dial, status < 0 ? "the name does not resolve"
                                     : "the name has no address");
}

static bool
edge_is_dialled (const struct edge *edge, const char *host_port)
{
    for (const struct edge_dial *dial = edge->dials; dial; dial = dial->next)
        if (strcmp (dial->host_port, host_port) == 0)
            return true;
    for (const struct edge_peer *peer = edge->peers; peer; peer = peer->next)
        if (!peer->closing && strcmp (peer->dialled, host_port) == 0)
            return true;
    return false;
}

static int
edge_dial_resolve (struct edge_dial *dial, const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

    dial->resolve.data = dial;
    return uv_getaddrinfo (&dial->edge->loop, &dial->resolve, edge_on_resolved,
                           host, port, &hints);
}

/* The log-in is derived, so that none is ever used twice and nobody can tell
 * one from another. */
static int
edge_dial_proxy (struct edge_dial *dial, const char *host, const char *port)
{
    struct edge *edge = dial->edge;
    uint8_t secret[SOCKS_SECRET_SIZE];
    char *end;

    unsigned long number = strtoul (port, &end, 10);
    if (*end != '\0' || number > UINT16_MAX)
        return -EINVAL;
    crypto_kdf_derive_from_key (secret, sizeof secret, edge->logins++,
                                "socks---", edge->secret);
    int rc = socks_init (&dial->socks, host, (uint16_t)number, secret);
    if (rc == 0)
        rc = edge_connect (dial, &edge->proxy);
    if (rc != 0)
        return rc;
    uv_update_time (&edge->loop);
    uv_timer_start (&dial->peer->timer, edge_on_proxy_time,
                    (uint64_t)(edge->proxy_us / MILLISECOND_US), 0);
    return 0;
}

const char *
edge_dial_text (int rc)
{
    return rc == -EPROTONOSUPPORT ? "needs node.proxy" : strerror (-rc);
}

int
edge_dial (struct edge *edge, const char *host_port, bool automatic)
{
    char host[EDGE_NAME_MAX + 1];
    char port[8];

    int rc = edge_split (host_port, host, sizeof host, port, sizeof port);
    if (rc != 0)
        return rc;
    if (!edge_has_proxy (edge) && socks_is_onion (host))
        return -EPROTONOSUPPORT; /* RFC 7686: and no resolver hears of it */
    if (edge_is_dialled (edge, host_port))
        return -EALREADY;
    struct edge_dial *dial = calloc (1, sizeof *dial);
    if (!dial)
        return -ENOMEM;
    dial->edge = edge;
    dial->automatic = automatic;
    snprintf (dial->host_port, sizeof dial->host_port, "%s", host_port);
    rc = edge_has_proxy (edge) ? edge_dial_proxy (dial, host, port)
                               : edge_dial_resolve (dial, host, port);
    if (rc < 0) {
        free (dial);
        return rc;
    }
    edge->touched = true;
    dial->next = edge->dials;
    edge->dials = dial;
    return 0;
}
