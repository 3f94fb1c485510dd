/* SPDX-License-Identifier: MIT */
/* edge_private - what edge.c and edge_dial.c share, and nobody else. */
#pragma once

#include <netinet/in.h>
#include <sodium.h>
#include <uv.h>

#include "actors/ingress/edge.h"
#include "actors/ingress/socks.h"

#define EDGE_LISTENERS_MAX 16
#define EDGE_BACKLOG 128
#define EDGE_READ_SIZE 65536
#define EDGE_WRITE_BUFFERS 32 /* blobs in one writev */
#define EDGE_ADDRESSES_MAX 8  /* tried for one name */
#define EDGE_NAME_MAX 263     /* a DNS name, a colon and a port */

struct edge_peer {
    struct edge *edge;        /* borrowed */
    struct edge_peer *next;   /* in edge->peers */
    struct edge_peer **place; /* whoever points to us */
    uv_tcp_t tcp;             /* data: this */
    uv_timer_t timer;         /* data: this */
    uv_write_t write;         /* one under way at most */
    size_t writing;           /* bytes that WRITE carries; 0: none is */
    bool reading;
    bool opened;
    bool closing;
    unsigned handles; /* open libuv handles: tcp, timer */
    bool outbound;
    bool automatic;         /* as its dial */
    struct edge_dial *dial; /* for which it still asks the proxy; borrowed */
    struct sockaddr_storage remote;
    char address[EDGE_ADDRESS_MAX];  /* "" when only the proxy knows it */
    char dialled[EDGE_NAME_MAX + 1]; /* what we were asked to dial, or "" */
    struct blob **queue;             /* ring of references to write; owned */
    size_t queue_first;
    size_t queue_count;
    size_t queue_room;
    size_t offset; /* bytes of the first item already taken */
    size_t queued; /* bytes in the queue */
    uint64_t bytes_received;
    uint64_t bytes_sent;
    const char *why; /* static; why it closes */
    void *data;      /* ingress's own; borrowed */
};

/* A dial under way: name → addresses → one connection; or name → proxy. */
struct edge_dial {
    struct edge *edge;      /* borrowed */
    struct edge_dial *next; /* in edge->dials */
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    struct sockaddr_storage address[EDGE_ADDRESSES_MAX];
    size_t address_count;
    size_t address_next;
    struct edge_peer *peer; /* the one that connects; borrowed */
    bool automatic;         /* of the registry's own choice */
    struct socks socks;     /* what it says to the proxy, if there is one */
    char host_port[EDGE_NAME_MAX + 1];
};

struct edge {
    uv_loop_t loop;
    const struct edge_handlers *handlers; /* borrowed */
    void *self;                           /* borrowed */
    uv_tcp_t listener[EDGE_LISTENERS_MAX];
    size_t listener_count;
    bool listening;
    struct edge_peer *peers;       /* owned */
    struct edge_dial *dials;       /* owned */
    struct sockaddr_storage proxy; /* AF_UNSPEC: none */
    int64_t proxy_us;
    uint8_t secret[crypto_kdf_KEYBYTES];
    uint64_t logins; /* at the proxy, so far */
    bool ending;
    bool touched; /* a libuv call was made that the next uv_run must arm */
    char buffer[EDGE_READ_SIZE]; /* every read goes here */
};

/* Splits "host:port" or "[v6]:port". Returns 0 or -EINVAL. */
int edge_split (const char *host_port, char *host, size_t host_room, char *port,
                size_t port_room);
/* Reads "1.2.3.4:5" or "[::1]:5". Returns 0, or -EINVAL: a name, say. */
int edge_read_address (const char *host_port,
                       struct sockaddr_storage *ret_address);
/* An IPv4 address in IPv6 clothes becomes IPv4. */
void edge_unmap (struct sockaddr_storage *address);
/* Every read of every peer goes to one buffer (libuv's callback). */
void edge_on_alloc (uv_handle_t *handle, size_t suggested,
                    uv_buf_t *ret_buffer);

/* Returns a peer with nothing connected yet, or NULL. */
struct edge_peer *edge_peer_create (struct edge *edge, bool outbound);
/* PEER is connected to whom its socket says. */
void edge_peer_open (struct edge_peer *peer);
/* PEER is connected, and what is known of its address is set. */
void edge_peer_begin (struct edge_peer *peer);

/* Frees DIAL; WHY, if it is not NULL, is told as `failed`. */
void edge_dial_end (struct edge_dial *dial, const char *why);
