/* SPDX-License-Identifier: MIT */
/* link - one end of a link between stages: a socket and who is on it.
 *
 * All links are the same: the binding side is a ROUTER, the connecting side a
 * DEALER; both say hello, give credit in bytes, beat a heart each second and
 * drop whoever was silent for 2 s. The connecting side then opens a new socket
 * and says hello again, so that a restarted stage, a healed cut and a rebound
 * inproc endpoint are one case.
 *
 * What a link does not do: keep messages for a peer that is gone. Whoever sent
 * something that matters owns it until it was answered.
 */
#pragma once

#include "base.h"
#include "messages/link/link_message.h"

#define LINK_HEARTBEAT_US (1 * SECOND_US)
#define LINK_SILENCE_US (2 * SECOND_US)

struct link;
struct link_peer; /* a stage at the other end, from its hello to its silence */

enum link_side { LINK_BINDS, LINK_CONNECTS };

/* What a handler says about a message that it was given. */
enum link_use {
    LINK_DONE, /* finished: its credit goes back to the sender */
    LINK_HELD, /* in hand: link_release will give the credit back */
};

struct link_options {
    enum link_id id;
    enum link_side side;
    const char *endpoint;   /* "inproc://…", "ipc://…", "tcp://…" */
    const char *stage;      /* our name, "verifier.0" */
    uint64_t daemon;        /* random, one per daemon */
    uint64_t incarnation;   /* random, one per start of a stage */
    int64_t receive_credit; /* bytes that each peer may have under way to us;
                                 0: it sends only answers */
    bool send_limited;      /* the other side gives us credit */
};

/* Called by link_receive and link_tick. SELF is what link_open was given. */
struct link_handlers {
    /* PEER is there, knows us, and has given its first credit. */
    void (*up) (void *self, struct link *link, struct link_peer *peer);
    /* PEER is gone: forget it; what it had in hand is ours again. */
    void (*down) (void *self, struct link *link, struct link_peer *peer);
    /* MESSAGE, of SIZE bytes of credit; views in it are valid during the
     * call. */
    enum link_use (*message) (void *self, struct link *link,
                              struct link_peer *peer,
                              const struct link_message *message, size_t size);
};

/* Opens one end. Returns 0 and sets *ret_link, or -errno (-EADDRINUSE, …):
 * nothing is left open. HANDLERS is borrowed. */
int link_open (const struct link_options *options,
               const struct link_handlers *handlers, void *self,
               struct instant now, struct link **ret_link);

/* Says bye to all peers, lets what was sent leave, closes. No handler is
 * called. */
void link_close (struct link **link);

/* Returns the ØMQ socket to poll for input; changes when a connecting side
 * reopens. */
void *link_socket (const struct link *link);
enum link_id link_id (const struct link *link);

/* Takes what has arrived, at most LINK_RECEIVE_MAX frames. Returns true when
 * there may be more. */
#define LINK_RECEIVE_MAX 64
bool link_receive (struct link *link, struct instant now);

/* Heartbeats, silence, reopening. Returns when it wants to be called again. */
struct instant link_tick (struct link *link, struct instant now);

/* Queues MESSAGE for PEER; it leaves with link_flush. Takes credit when the
 * link has credit in this direction.
 *
 * Returns: 0; -EAGAIN, the peer has given too little credit (nothing sent);
 *          -ENOMEM.
 */
int link_send (struct link *link, struct link_peer *peer,
               const struct link_message *message);

/* Sends what was queued for all peers, and credit that has come free. */
void link_flush (struct link *link);

/* Gives back SIZE bytes of credit for a message that was LINK_HELD. */
void link_release (struct link *link, struct link_peer *peer, size_t size);

/* Returns how many bytes PEER would still take; INT64_MAX without credit. */
int64_t link_credit (const struct link_peer *peer);

/* Returns the peer's stage name, "verifier.0"; valid while the peer is. */
const char *link_peer_name (const struct link_peer *peer);

/* A word of the stage's own on each peer; NULL at first. */
void link_peer_set_data (struct link_peer *peer, void *data);
void *link_peer_data (const struct link_peer *peer);

/* Iterates the peers that are up: link_first_peer, then link_next_peer until
 * NULL. A connecting side has at most one. */
struct link_peer *link_first_peer (const struct link *link);
struct link_peer *link_next_peer (const struct link_peer *peer);
