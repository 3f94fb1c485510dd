/* SPDX-License-Identifier: MIT */
/* stage - one real stage on a bench, and ends of its links that write down what
 * they hear, for tests that say who gets what.
 */
#pragma once

#include "tests/support/actor_bench.h"

#include "buffer.h"

/* A bench for one stage at a time, which may be stopped and started again. */
struct room {
    struct bench bench;
    struct bench_stage *stage; /* NULL: it does not run; borrowed */
};

/* A message that an end has heard. */
struct heard {
    struct heard *next;  /* owned by the end */
    size_t size;         /* of its credit */
    struct buffer bytes; /* owned; MESSAGE points into it */
    struct link_message message;
};

struct end {
    struct room *room; /* borrowed */
    enum link_id id;
    struct link *link;      /* owned by the bench */
    struct link_peer *peer; /* the stage, while it is there */
    bool holds;             /* keeps the credit of what it hears */
    struct heard *heard;    /* oldest first; owned */
    struct heard **last;
    size_t count;
};

/* OPTIONS as for bench_open. */
void room_open (struct room *room, enum bench_transport transport,
                const char *const *options);
void room_close (struct room *room);
/* Serves everything once, waiting for input a moment at most. */
void room_pump (struct room *room);

/* Starts RUN as STAGE and waits until it is ready. */
void stage_start (struct room *room, zactor_fn *run, const char *stage);
/* Stops it and returns its errno. */
int stage_stop (struct room *room);
/* Returns counter NAME of the stage, after a round of its loop. */
int64_t stage_count (struct room *room, const char *name);
void stage_wait_count (struct room *room, const char *name, int64_t value);

/* Opens the other end of link ID, as NAME; it gives CREDIT (-1: as the topology
 * says). The stage need not run yet. */
void end_open (struct room *room, struct end *end, enum link_id id,
               const char *name, int64_t credit);
void end_close (struct end *end);

/* Waits until the stage is there, and returns it. */
struct link_peer *end_wait_up (struct end *end);
/* Waits until COUNT messages have been heard and not taken. */
void end_wait_many (struct end *end, size_t count);
/* Takes the next message, which has to be an ID; heard_free it. */
struct heard *end_wait (struct end *end, enum message_id id);
void heard_free (struct heard **heard);
/* Sends MESSAGE, waiting for credit if need be. */
void end_send (struct end *end, const struct link_message *message);
