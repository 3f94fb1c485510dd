/* SPDX-License-Identifier: MIT */
/* actor_bench - a place where a test runs real stages and is the other end of
 * their links.
 *
 * A bench has private endpoints of one transport, a configuration, a log that
 * is kept in memory, and any number of stages, each with a control line. The
 * test opens its own ends of links. Nothing sleeps: BENCH_WAIT serves all
 * sockets until a condition holds, or fails the test at a deadline. At the end
 * a line of level `broken` in the log fails the test as well.
 */
#pragma once

#include <czmq.h>

#include "actors/actor.h"
#include "check.h"
#include "supervisor/config.h"

#define BENCH_STAGES_MAX 4
#define BENCH_LINKS_MAX 8
#define BENCH_WATCHES_MAX 8
#define BENCH_WAIT_US (20 * SECOND_US) /* a busy machine is not a bug */

enum bench_transport { BENCH_INPROC, BENCH_IPC, BENCH_TCP };

/* A stage that runs on the bench. */
struct bench_stage {
    struct actor_args args;
    zactor_t *thread; /* owned */
    int fd;           /* our end of its control line; owned */
    bool ready;
    bool drained;
    bool exited;
    int error;                      /* EXITED: an errno, 0: as asked */
    char words[LINK_WORDS_MAX + 1]; /* EXITED: its last words */
    uint64_t pong;                  /* number of the last PING_REPLY */
    json_t *stats;                  /* of the last STATS_REPLY; owned */
};

struct bench {
    enum bench_transport transport;
    char dir[32]; /* private, removed at the end */
    struct endpoints endpoints;
    struct config *config; /* owned */
    uint64_t daemon;
    struct bench_stage stages[BENCH_STAGES_MAX];
    size_t stages_count;
    struct link *links[BENCH_LINKS_MAX]; /* owned */
    size_t links_count;
    int watches[BENCH_WATCHES_MAX]; /* descriptors that wake us; borrowed */
    size_t watches_count;
    int log_fd; /* owned */
};

/* Opens a bench. OPTIONS are pairs "node.network", "regtest", …, NULL at the
 * end; or NULL. */
void bench_open (struct bench *bench, enum bench_transport transport,
                 const char *const *options);

/* Stops what runs, closes links, removes the directory. Fails the test if the
 * log has a line of level `broken`. */
void bench_close (struct bench *bench);

/* Writes a private endpoint for NAME into RET, of ROOM bytes. */
void bench_endpoint (const struct bench *bench, const char *name, char *ret,
                     size_t room);

/* Starts the stage whose entry is ENTRY; STAGE is "dedup", NAME "dedup.0". */
struct bench_stage *bench_launch (struct bench *bench, zactor_fn *entry,
                                  const char *stage, const char *name);
/* The same, and waits for READY. */
struct bench_stage *bench_start (struct bench *bench, zactor_fn *entry,
                                 const char *stage, const char *name);

/* Sends a control message that has no fields. */
void bench_tell (struct bench_stage *stage, enum message_id id);
/* Sends STOP, waits for EXITED, joins the thread. Returns its errno. */
int bench_stop (struct bench *bench, struct bench_stage *stage);
/* Joins a stage that has ended by itself. Returns its errno. */
int bench_join (struct bench *bench, struct bench_stage *stage);
/* Returns the counter NAME of the stage, as it is now. */
int64_t bench_counter (struct bench *bench, struct bench_stage *stage,
                       const char *name);

/* Opens the test's end of a link, as STAGE, named NAME, with the side and the
 * credit that the topology gives that stage. */
struct link *bench_link (struct bench *bench, enum link_id id,
                         const char *stage, const char *name,
                         const struct link_handlers *handlers, void *self);
/* Closes it. */
void bench_link_close (struct bench *bench, struct link **link);

/* FD wakes BENCH_WAIT when it is readable. */
void bench_watch (struct bench *bench, int fd);
void bench_unwatch (struct bench *bench, int fd);

/* Serves links and control lines once, waiting for them no longer than UNTIL.
 * Returns false when UNTIL has come. */
bool bench_pump (struct bench *bench, struct instant until);

/* Serves everything until CONDITION holds. */
#define BENCH_WAIT(bench, condition)                                           \
    do {                                                                       \
        struct instant bench_until =                                           \
            instant_after (moment_now ().mono, BENCH_WAIT_US);                 \
        while (!(condition))                                                   \
            if (!bench_pump ((bench), bench_until))                            \
                bench_fail ((bench), #condition, __FILE__, __LINE__);          \
    } while (0)
void bench_fail (struct bench *bench, const char *condition, const char *file,
                 int line);

/* Returns what was logged so far; yours to free (). */
char *bench_log (const struct bench *bench);
/* Returns true when TEXT is in the log. */
bool bench_logged (const struct bench *bench, const char *text);
