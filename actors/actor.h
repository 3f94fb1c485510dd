/* SPDX-License-Identifier: MIT */
/* actor - the contract that every stage meets.
 *
 * A stage is a zactor: `void name_actor (zsock_t *pipe, void *args)`. Its life
 * is INIT → READY → DRAINING → EXITED(errno). It speaks with the supervisor
 * over one end of a socketpair, the same whether it is a thread or a process:
 * when that end hangs up the stage stops. It knows link names, never endpoints;
 * it ignores signals; it owns all it opens and can run twice in one process.
 *
 * The frame below owns what all stages have in common: the control line, the
 * tap port, the links, the poll loop. The stage brings a table of what it does.
 */
#pragma once

#include <czmq.h>

#include "actors/link.h"
#include "actors/tap_port.h"
#include "base.h"
#include "supervisor/config.h"

#define ACTOR_LINKS_MAX 8
#define ACTOR_WATCHES_MAX 4

/* Where the links of this daemon are: filled in by the supervisor. */
struct endpoints {
    char link[LINKS_][128]; /* by enum link_id */
    char tap[128];          /* inside of the tap */
    char tap_public[200];   /* outside of the tap; empty: off */
};

/* What the supervisor hands to a stage. Valid until the stage has exited. */
struct actor_args {
    const char *stage;                 /* "verifier" */
    const char *name;                  /* "verifier.0" */
    int control_fd;                    /* our end of the socketpair; owned */
    uint64_t daemon;                   /* random, one per daemon */
    const struct config *config;       /* borrowed */
    const struct endpoints *endpoints; /* borrowed */
};

struct actor;

/* What a stage does. SELF is the stage's own struct; every entry but turn may
 * be NULL. */
struct actor_stage {
    struct link_handlers link; /* the same for all its links */
    /* Called once a round, after all input and at deadline (): commit, answer,
     * expire. Returns 0, or -errno: the stage ends, the supervisor decides. */
    int (*turn) (void *self);
    /* Returns when turn must be called even if nothing arrives. */
    struct instant (*deadline) (void *self);
    /* The daemon stops: take nothing new. Called once. */
    void (*drain) (void *self);
    /* Returns true while draining work is in hand. */
    bool (*busy) (void *self);
    /* Returns the stage's counters as a JSON object; the caller owns it. */
    json_t *(*stats) (void *self);
};

/* The part that all stages share; embed it as the first field. */
struct actor {
    char name[LINK_NAME_MAX + 1];
    const struct actor_args *args;       /* borrowed */
    const struct config *config;         /* borrowed */
    struct moment now;                   /* of this round of the loop */
    struct tap_port *tap;                /* owned */
    uint64_t incarnation;                /* random */
    int control_fd;                      /* owned; the lifeline */
    struct link *links[ACTOR_LINKS_MAX]; /* owned, in the order polled */
    size_t links_count;
    struct {
        int fd; /* borrowed */
        short events;
        void (*ready) (void *self, short revents);
    } watches[ACTOR_WATCHES_MAX];
    size_t watches_count;
    bool draining;
    bool drained_said;
    bool stopping;
    char words[LINK_WORDS_MAX + 1]; /* last words, when something fails */
};

/* Signals the zactor's pipe, names the thread, opens the tap port. Returns 0 or
 * -errno; actor_end is called in either case. */
int actor_begin (struct actor *actor, zsock_t *pipe, void *args);

/* Opens our end of link ID, on the side that the topology gives this stage, for
 * STAGE's handlers with SELF. Returns 0 and sets *ret_link (owned by the actor)
 * or -errno with last words. */
int actor_open_link (struct actor *actor, enum link_id id,
                     const struct actor_stage *stage, void *self,
                     struct link **ret_link);

/* Polls FD as well. */
void actor_watch (struct actor *actor, int fd, short events,
                  void (*ready) (void *self, short revents));

/* Says READY, then serves until told to stop. Returns 0 or -errno. */
int actor_run (struct actor *actor, const struct actor_stage *stage,
               void *self);

/* Closes links and tap, says EXITED(RC), closes the control line. */
void actor_end (struct actor *actor, int rc);

/* Keeps a sentence for the supervisor, shown when the stage ends with an
 * error. */
void actor_say (struct actor *actor, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

/* Reads both clocks. Shells only. */
struct moment moment_now (void);

/* Returns a random number. Shells only. */
uint64_t random_u64 (void);

/* The stages. */
void ingress_actor (zsock_t *pipe, void *args);
void registry_actor (zsock_t *pipe, void *args);
void verifier_actor (zsock_t *pipe, void *args);
void dedup_actor (zsock_t *pipe, void *args);
void gossip_actor (zsock_t *pipe, void *args);
void forwarder_actor (zsock_t *pipe, void *args);
void receiver_actor (zsock_t *pipe, void *args);
void tap_actor (zsock_t *pipe, void *args);
