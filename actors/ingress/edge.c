/* SPDX-License-Identifier: MIT */
/* edge - the TCP connections to the internet, through libuv.
 *
 *   in   bytes of strangers
 *   out  the same bytes to ingress, with opened and closed around them
 *   owns listeners, connections, dials and what is queued to be written
 *
 * Next on the tour: actors/ingress/edge_dial.c
 */
#include "actors/ingress/edge.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/ingress/edge_private.h"

struct blob *
blob_create (size_t size)
{
    struct blob *blob = malloc (sizeof *blob + size);
    if (!blob)
        return NULL;
    *blob = (struct blob){.references = 1, .command = COMMANDS_, .size = size};
    return blob;
}

struct blob *
blob_hold (struct blob *blob)
{
    blob->references++;
    return blob;
}

void
blob_release (struct blob *blob)
{
    if (--blob->references == 0)
        free (blob);
}

/* Writes "1.2.3.4:5" or "[::1]:5"; an IPv4 address in IPv6 clothes is IPv4. */
static void
edge_address_text (const struct sockaddr_storage *address,
                   char text[EDGE_ADDRESS_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in *four = (const void *)address;
    const struct sockaddr_in6 *six = (const void *)address;

    if (address->ss_family == AF_INET) {
        uv_ip4_name (four, host, sizeof host);
        snprintf (text, EDGE_ADDRESS_MAX, "%s:%u", host,
                  ntohs (four->sin_port));
        return;
    }
    uv_ip6_name (six, host, sizeof host);
    snprintf (text, EDGE_ADDRESS_MAX, "[%s]:%u", host, ntohs (six->sin6_port));
}

void
edge_unmap (struct sockaddr_storage *address)
{
    const struct sockaddr_in6 six = *(const struct sockaddr_in6 *)address;
    if (address->ss_family != AF_INET6
        || !IN6_IS_ADDR_V4MAPPED (&six.sin6_addr))
        return;
    struct sockaddr_in four = {.sin_family = AF_INET,
                               .sin_port = six.sin6_port};
    memcpy (&four.sin_addr, six.sin6_addr.s6_addr + 12, 4);
    memset (address, 0, sizeof *address);
    memcpy (address, &four, sizeof four);
}

int
edge_split (const char *host_port, char *host, size_t host_room, char *port,
            size_t port_room)
{
    const char *colon = strrchr (host_port, ':');
    if (!colon || colon == host_port || colon[1] == '\0')
        return -EINVAL;
    const char *begin = host_port;
    const char *end = colon;
    if (*begin == '[') {
        if (end[-1] != ']')
            return -EINVAL;
        begin++;
        end--;
    }
    if ((size_t)(end - begin) >= host_room || strlen (colon + 1) >= port_room)
        return -EINVAL;
    memcpy (host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    strcpy (port, colon + 1); /* allowed: the length was checked above */
    return 0;
}

int
edge_read_address (const char *host_port, struct sockaddr_storage *ret_address)
{
    struct sockaddr_storage address = {0};
    char host[EDGE_ADDRESS_MAX];
    char port[8];

    int rc = edge_split (host_port, host, sizeof host, port, sizeof port);
    if (rc != 0)
        return rc;
    int number = (int)strtol (port, NULL, 10);
    if (uv_ip4_addr (host, number, (struct sockaddr_in *)&address) != 0
        && uv_ip6_addr (host, number, (struct sockaddr_in6 *)&address) != 0)
        return -EINVAL;
    *ret_address = address;
    return 0;
}

/*~ Writing: a ring of blobs per peer. What the kernel takes at once costs one
 * call; only a peer that is slow gets a libuv write of its own. */

static int
edge_queue_grow (struct edge_peer *peer)
{
    if (peer->queue_count < peer->queue_room)
        return 0;
    size_t room = peer->queue_room ? peer->queue_room * 2 : 8;
    struct blob **queue = calloc (room, sizeof *queue);
    if (!queue)
        return -ENOMEM;
    for (size_t i = 0; i < peer->queue_count; i++)
        queue[i] = peer->queue[(peer->queue_first + i) % peer->queue_room];
    free (peer->queue);
    peer->queue = queue;
    peer->queue_first = 0;
    peer->queue_room = room;
    return 0;
}

int
edge_send (struct edge_peer *peer, struct blob *blob)
{
    if (peer->closing)
        return 0; /* it will hear `closed` */
    int rc = edge_queue_grow (peer);
    if (rc != 0)
        return rc;
    size_t place = (peer->queue_first + peer->queue_count) % peer->queue_room;
    peer->queue[place] = blob_hold (blob);
    peer->queue_count++;
    peer->queued += blob->size;
    return 0;
}

int
edge_send_bytes (struct edge_peer *peer, struct bytes bytes)
{
    struct blob *blob = blob_create (bytes.size);
    if (!blob)
        return -ENOMEM;
    memcpy (blob->bytes, bytes.data, bytes.size);
    int rc = edge_send (peer, blob);
    blob_release (blob);
    return rc;
}

/* The kernel took SIZE bytes off the front of the queue. */
static void
edge_queue_take (struct edge_peer *peer, size_t size)
{
    peer->queued -= size;
    peer->bytes_sent += size;
    peer->offset += size;
    while (peer->queue_count > 0) {
        struct blob *blob = peer->queue[peer->queue_first];
        if (peer->offset < blob->size)
            break;
        peer->offset -= blob->size;
        peer->queue_first = (peer->queue_first + 1) % peer->queue_room;
        peer->queue_count--;
        if (!peer->closing && peer->opened)
            peer->edge->handlers->sent (peer->edge->self, peer, blob);
        blob_release (blob);
    }
    if (peer->queue_count == 0 && peer->queue_room > 8) {
        free (peer->queue);
        peer->queue = NULL;
        peer->queue_room = 0;
        peer->queue_first = 0;
    }
}

static unsigned
edge_queue_buffers (const struct edge_peer *peer,
                    uv_buf_t buffers[EDGE_WRITE_BUFFERS], size_t *ret_size)
{
    unsigned count = 0;
    size_t size = 0;
    size_t offset = peer->offset;

    while (count < EDGE_WRITE_BUFFERS && count < peer->queue_count) {
        struct blob *blob =
            peer->queue[(peer->queue_first + count) % peer->queue_room];
        buffers[count++] = uv_buf_init ((char *)blob->bytes + offset,
                                        (unsigned)(blob->size - offset));
        size += blob->size - offset;
        offset = 0;
    }
    *ret_size = size;
    return count;
}

static void
edge_on_written (uv_write_t *write, int status)
{
    struct edge_peer *peer = write->data;
    size_t size = peer->writing;

    peer->writing = 0;
    if (status < 0) {
        edge_close (peer, "write failed");
        return;
    }
    edge_queue_take (peer, size);
    edge_flush (peer);
}

void
edge_flush (struct edge_peer *peer)
{
    uv_stream_t *stream = (uv_stream_t *)&peer->tcp;
    uv_buf_t buffers[EDGE_WRITE_BUFFERS];
    size_t size;

    while (peer->queue_count > 0 && peer->writing == 0 && !peer->closing) {
        unsigned count = edge_queue_buffers (peer, buffers, &size);
        int taken = uv_try_write (stream, buffers, count);
        if (taken == UV_EAGAIN) {
            /* The kernel is full: libuv keeps these until it is not. The blobs
             * stay in our queue, which owns them, until then. */
            peer->write.data = peer;
            peer->edge->touched = true;
            if (uv_write (&peer->write, stream, buffers, count, edge_on_written)
                == 0) {
                peer->writing = size;
                return;
            }
        }
        if (taken < 0) {
            edge_close (peer, "write failed");
            return;
        }
        edge_queue_take (peer, (size_t)taken);
    }
}

/*~ Reading. One buffer serves all: ingress takes what it needs during the call. */

void
edge_on_alloc (uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    struct edge_peer *peer = handle->data;
    (void)suggested;
    *ret_buffer = uv_buf_init (peer->edge->buffer, EDGE_READ_SIZE);
}

static void
edge_on_read (uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct edge_peer *peer = stream->data;
    if (size == 0 || peer->closing)
        return;
    if (size < 0) {
        edge_close (peer, size == UV_EOF ? "the peer closed"
                                         : "the connection broke");
        return;
    }
    peer->bytes_received += (uint64_t)size;
    peer->edge->handlers->received (peer->edge->self, peer,
                                    bytes_of (buffer->base, (size_t)size));
}

void
edge_pause (struct edge_peer *peer)
{
    if (!peer->reading)
        return;
    peer->reading = false;
    uv_read_stop ((uv_stream_t *)&peer->tcp);
}

void
edge_resume (struct edge_peer *peer)
{
    if (peer->reading || peer->closing)
        return;
    peer->reading = true;
    peer->edge->touched = true;
    if (uv_read_start ((uv_stream_t *)&peer->tcp, edge_on_alloc, edge_on_read)
        < 0)
        edge_close (peer, "cannot read");
}

static void
edge_on_timer (uv_timer_t *timer)
{
    struct edge_peer *peer = timer->data;
    if (!peer->closing)
        peer->edge->handlers->timer (peer->edge->self, peer);
}

void
edge_set_timer (struct edge_peer *peer, struct instant now, struct instant when)
{
    int64_t left_us = instant_since (when, now);
    if (peer->closing)
        return;
    uv_update_time (&peer->edge->loop);
    uv_timer_start (&peer->timer, edge_on_timer,
                    left_us <= 0 ? 0 : (uint64_t)(left_us + 999) / 1000, 0);
}

/*~ The life of a connection. libuv closes handles in the background; the peer
 * is freed when the last of its two has closed. */

static void
edge_peer_free (struct edge_peer *peer)
{
    *peer->place = peer->next;
    if (peer->next)
        peer->next->place = peer->place;
    if (peer->opened)
        peer->edge->handlers->closed (peer->edge->self, peer, peer->why);
    if (peer->dial)
        edge_dial_end (peer->dial, peer->why);
    for (size_t i = 0; i < peer->queue_count; i++)
        blob_release (peer->queue[(peer->queue_first + i) % peer->queue_room]);
    free (peer->queue);
    free (peer);
}

static void
edge_on_closed (uv_handle_t *handle)
{
    struct edge_peer *peer = handle->data;
    if (--peer->handles == 0)
        edge_peer_free (peer);
}

void
edge_close (struct edge_peer *peer, const char *why)
{
    if (peer->closing)
        return;
    peer->closing = true;
    peer->why = why;
    peer->edge->touched = true;
    uv_close ((uv_handle_t *)&peer->tcp, edge_on_closed);
    uv_close ((uv_handle_t *)&peer->timer, edge_on_closed);
}

struct edge_peer *
edge_peer_create (struct edge *edge, bool outbound)
{
    struct edge_peer *peer = calloc (1, sizeof *peer);
    if (!peer)
        return NULL;
    peer->edge = edge;
    peer->outbound = outbound;
    if (uv_tcp_init (&edge->loop, &peer->tcp) < 0) {
        free (peer);
        return NULL;
    }
    uv_timer_init (&edge->loop, &peer->timer);
    peer->tcp.data = peer;
    peer->timer.data = peer;
    peer->handles = 2;
    peer->next = edge->peers;
    peer->place = &edge->peers;
    if (edge->peers)
        edge->peers->place = &peer->next;
    edge->peers = peer;
    return peer;
}

void
edge_peer_begin (struct edge_peer *peer)
{
    uv_tcp_nodelay (&peer->tcp, 1);
    edge_resume (peer);
    if (peer->closing)
        return;
    peer->opened = true;
    peer->edge->handlers->opened (peer->edge->self, peer);
}

void
edge_peer_open (struct edge_peer *peer)
{
    int size = sizeof peer->remote;
    if (uv_tcp_getpeername (&peer->tcp, (struct sockaddr *)&peer->remote, &size)
        < 0) {
        edge_close (peer, "the peer closed");
        return;
    }
    edge_unmap (&peer->remote);
    edge_address_text (&peer->remote, peer->address);
    edge_peer_begin (peer);
}

/* libuv keeps a descriptor in reserve, with which it turns newcomers away when
 * there is none. Somebody else took it in the meantime: now libuv would ask and
 * fail for ever, without returning. The newest gives its descriptor. */
static void
edge_shed (struct edge *edge)
{
    struct edge_peer *peer = edge->peers;
    while (peer && (peer->closing || peer->outbound))
        peer = peer->next;
    if (peer)
        edge_close (peer, "no descriptor is free");
}

static void
edge_on_connection (uv_stream_t *listener, int status)
{
    struct edge *edge = listener->data;
    if (status == UV_EMFILE || status == UV_ENFILE)
        edge_shed (edge);
    if (status < 0)
        return;
    struct edge_peer *peer = edge_peer_create (edge, false);
    if (!peer)
        return;
    if (uv_accept (listener, (uv_stream_t *)&peer->tcp) < 0) {
        edge_close (peer, "accept failed");
        return;
    }
    edge_peer_open (peer);
}

static int
edge_bind (struct edge *edge, const struct sockaddr *address,
           char ret_address[EDGE_ADDRESS_MAX])
{
    uv_tcp_t *listener = &edge->listener[edge->listener_count];
    struct sockaddr_storage bound = {0};
    int size = sizeof bound;

    int rc = uv_tcp_init (&edge->loop, listener);
    if (rc < 0)
        return rc;
    listener->data = edge;
    edge->listener_count++; /* from here on edge_destroy closes it */
    rc = uv_tcp_bind (listener, address, 0);
    if (rc == 0)
        rc = uv_listen ((uv_stream_t *)listener, EDGE_BACKLOG,
                        edge_on_connection);
    if (rc == 0)
        rc = uv_tcp_getsockname (listener, (struct sockaddr *)&bound, &size);
    if (rc < 0)
        return rc;
    edge->listening = true;
    edge->touched = true;
    edge_address_text (&bound, ret_address);
    return 0;
}

int
edge_listen (struct edge *edge, const char *host_port,
             char ret_address[EDGE_ADDRESS_MAX])
{
    struct sockaddr_storage address;

    if (edge->listener_count == EDGE_LISTENERS_MAX)
        return -E2BIG;
    int rc = edge_read_address (host_port, &address);
    if (rc != 0)
        return rc;
    return edge_bind (edge, (struct sockaddr *)&address, ret_address);
}

void
edge_listen_stop (struct edge *edge)
{
    if (!edge->listening)
        return;
    edge->listening = false;
    edge->touched = true;
    for (size_t i = 0; i < edge->listener_count; i++)
        uv_close ((uv_handle_t *)&edge->listener[i], NULL);
}

int
edge_fd (const struct edge *edge)
{
    return uv_backend_fd (&edge->loop);
}

int64_t
edge_wait_us (const struct edge *edge)
{
    if (edge->touched)
        return 0;
    int wait_ms = uv_backend_timeout (&edge->loop);
    return wait_ms < 0 ? INT64_MAX : wait_ms * MILLISECOND_US;
}

void
edge_run (struct edge *edge)
{
    /* What a callback starts is armed by the next run only. Two are enough for
     * most rounds; if not, edge_wait_us says 0. */
    for (int i = 0; i < 2; i++) {
        edge->touched = false;
        uv_run (&edge->loop, UV_RUN_NOWAIT);
        if (!edge->touched)
            return;
    }
}

int
edge_create (struct edge **ret_edge, const struct edge_options *options,
             const struct edge_handlers *handlers, void *self)
{
    struct edge *edge = calloc (1, sizeof *edge);
    if (!edge)
        return -ENOMEM;
    edge->proxy_us = options->proxy_us;
    memcpy (edge->secret, options->secret, sizeof edge->secret);
    int rc =
        options->proxy ? edge_read_address (options->proxy, &edge->proxy) : 0;
    if (rc == 0)
        rc = uv_loop_init (&edge->loop);
    if (rc < 0) {
        free (edge);
        return rc;
    }
    edge->handlers = handlers;
    edge->self = self;
    *ret_edge = edge;
    return 0;
}

void
edge_destroy (struct edge **ret_edge)
{
    struct edge *edge = *ret_edge;
    if (!edge)
        return;
    *ret_edge = NULL;
    edge->ending = true;
    edge_listen_stop (edge);
    for (size_t i = 0; i < edge->listener_count; i++)
        if (!uv_is_closing ((uv_handle_t *)&edge->listener[i]))
            uv_close ((uv_handle_t *)&edge->listener[i], NULL);
    for (struct edge_dial *dial = edge->dials; dial; dial = dial->next)
        uv_cancel ((uv_req_t *)&dial->resolve);
    for (struct edge_peer *peer = edge->peers; peer; peer = peer->next)
        edge_close (peer, "the relay stops");
    uv_run (&edge->loop, UV_RUN_DEFAULT);
    uv_loop_close (&edge->loop);
    free (edge);
}

bool
edge_peer_outbound (const struct edge_peer *peer)
{
    return peer->outbound;
}

const char *
edge_peer_address (const struct edge_peer *peer)
{
    return peer->address[0] != '\0' ? peer->address : peer->dialled;
}

const char *
edge_peer_dialled (const struct edge_peer *peer)
{
    return peer->dialled;
}

bool
edge_peer_automatic (const struct edge_peer *peer)
{
    return peer->automatic;
}

const struct sockaddr *
edge_peer_sockaddr (const struct edge_peer *peer)
{
    return (const struct sockaddr *)&peer->remote;
}

size_t
edge_peer_queued (const struct edge_peer *peer)
{
    return peer->queued;
}

uint64_t
edge_peer_received (const struct edge_peer *peer)
{
    return peer->bytes_received;
}

uint64_t
edge_peer_sent (const struct edge_peer *peer)
{
    return peer->bytes_sent;
}

void
edge_peer_set_data (struct edge_peer *peer, void *data)
{
    peer->data = data;
}

void *
edge_peer_data (const struct edge_peer *peer)
{
    return peer->data;
}
