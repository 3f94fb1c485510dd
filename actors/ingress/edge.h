/* SPDX-License-Identifier: MIT */
/* edge - the TCP connections to the internet, through libuv.
 *
 * Knows sockets, not messages: accepts, dials, reads into one shared buffer,
 * writes queues of shared blobs, closes. It runs inside the ingress zactor:
 * poll edge_fd, wait at most edge_wait_us, call edge_run.
 */
#pragma once

#include <sys/socket.h>

#include "base.h"
#include "messages/governance/command.h"
#include "messages/governance/message.h"

#define EDGE_ADDRESS_MAX 64 /* "[v6%scope]:port" */
/* From the first byte to a proxy to the peer behind it; Tor itself gives up on
 * an onion service later, and is asked again then. */
#define EDGE_PROXY_US (60 * SECOND_US)

struct edge;
struct edge_peer;

/* Bytes to be sent to any number of peers, held once: a whole P2P message. */
struct blob {
    size_t references;    /* blob_hold, blob_release */
    enum command command; /* COMMANDS_: not a governance message */
    struct gov_id id;     /* of a governance message */
    size_t payload_size;  /* without the header */
    size_t size;
    uint8_t bytes[];
};

/* Returns a blob with one reference and room for SIZE bytes, or NULL. */
struct blob *blob_create (size_t size);
struct blob *blob_hold (struct blob *blob);
void blob_release (struct blob *blob);

struct edge_handlers {
    /* A connection stands. Its data is NULL. */
    void (*opened) (void *self, struct edge_peer *peer);
    /* BYTES arrived; valid during the call. */
    void (*received) (void *self, struct edge_peer *peer, struct bytes bytes);
    /* The kernel has taken all of BLOB. */
    void (*sent) (void *self, struct edge_peer *peer, const struct blob *blob);
    /* The time of edge_set_timer has come. */
    void (*timer) (void *self, struct edge_peer *peer);
    /* PEER is gone, for the reason WHY (static text); freed after the call. */
    void (*closed) (void *self, struct edge_peer *peer, const char *why);
    /* Nobody could be reached at DIALLED. */
    void (*failed) (void *self, const char *dialled, const char *why);
};

struct edge_options {
    const char *proxy;  /* "IP:port" of a SOCKS5 proxy for all that is
                             dialled, no way around it; NULL: none */
    int64_t proxy_us;   /* what it may take; EDGE_PROXY_US, tests less */
    uint8_t secret[32]; /* random; the log-ins at the proxy come from it */
};

/* Returns 0 and sets *ret_edge, or -errno. HANDLERS is borrowed. */
int edge_create (struct edge **ret_edge, const struct edge_options *options,
                 const struct edge_handlers *handlers, void *self);

/* Closes everything at once; `closed` is called for every peer. */
void edge_destroy (struct edge **edge);

/* Listens on an address, "1.2.3.4:8643", "[::]:0", and sets ret_address to what
 * it became. Returns 0 or -errno. */
int edge_listen (struct edge *edge, const char *host_port,
                 char ret_address[EDGE_ADDRESS_MAX]);

/* Accepts nobody any more. */
void edge_listen_stop (struct edge *edge);

/* Dials "host:port": resolves, tries each address; or asks the proxy, which
 * gets the name as it is. Ends in `opened` or `failed`. AUTOMATIC is kept for
 * edge_peer_automatic. Returns 0, -EALREADY when it is being dialled or
 * connected, -EPROTONOSUPPORT for an .onion name without a proxy, or -errno. */
int edge_dial (struct edge *edge, const char *host_port, bool automatic);
/* Returns words for what edge_dial returned, static. */
const char *edge_dial_text (int rc);

int edge_fd (const struct edge *edge);
/* Returns how long edge_run may wait at most, in microseconds. */
int64_t edge_wait_us (const struct edge *edge);
/* Serves what is ready; never waits. */
void edge_run (struct edge *edge);

/* Queues BLOB (a reference is taken). Bytes leave with edge_flush. */
int edge_send (struct edge_peer *peer, struct blob *blob);
/* Queues a copy of BYTES. Returns 0 or -ENOMEM. */
int edge_send_bytes (struct edge_peer *peer, struct bytes bytes);
/* Writes what is queued as far as the kernel takes it. */
void edge_flush (struct edge_peer *peer);

/* Stops and starts reading. */
void edge_pause (struct edge_peer *peer);
void edge_resume (struct edge_peer *peer);

/* Asks for `timer` at WHEN, replacing an earlier wish. */
void edge_set_timer (struct edge_peer *peer, struct instant now,
                     struct instant when);

/* Closes; `closed` follows before edge_run returns, or at once in it. */
void edge_close (struct edge_peer *peer, const char *why);

bool edge_peer_outbound (const struct edge_peer *peer);
/* Returns "1.2.3.4:8333"; behind a proxy what was dialled, never the proxy. */
const char *edge_peer_address (const struct edge_peer *peer);
/* Returns what was dialled, or "". */
const char *edge_peer_dialled (const struct edge_peer *peer);
/* Returns what edge_dial was told; false for inbound. */
bool edge_peer_automatic (const struct edge_peer *peer);
/* Returns where it is; behind a proxy the address that was dialled, AF_UNSPEC
 * when that was a name. */
const struct sockaddr *edge_peer_sockaddr (const struct edge_peer *peer);
/* Returns bytes queued that the kernel has not taken. */
size_t edge_peer_queued (const struct edge_peer *peer);
uint64_t edge_peer_received (const struct edge_peer *peer);
uint64_t edge_peer_sent (const struct edge_peer *peer);
void edge_peer_set_data (struct edge_peer *peer, void *data);
void *edge_peer_data (const struct edge_peer *peer);
