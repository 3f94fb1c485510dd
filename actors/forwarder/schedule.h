/* SPDX-License-Identifier: MIT */
/* schedule - which message goes to Commons next, and when (PROTOCOL 6.2).
 *
 * Pure: time and randomness are arguments. A path is named by its command.
 *
 * It holds a window: of each public key that has rows on a path the first one
 * only, at most LINE_MAX_ROWS of a path. The rows of a key go one after the
 * other; later ones stay in the store until it is their turn.
 *
 * Memory: 3 paths * 1,024 rows * about 200 bytes, 0.6 MiB at most.
 */
#pragma once

#include "actors/forwarder/delivery.h"
#include "base.h"
#include "messages/governance/command.h"
#include "messages/governance/keys.h"

#define SCHEDULE_IN_FLIGHT_MAX 32 /* per path: a slow one starves no other */
#define SCHEDULE_HOLD_US (30 * SECOND_US)
#define SCHEDULE_CIRCUIT 5 /* different messages failing in a row */
#define SCHEDULE_POISON 8  /* times 500 for one message */
#define SCHEDULE_PROBE_CAP_US (30 * SECOND_US)

enum path_state {
    PATH_OPEN,
    PATH_HELD,   /* one message every 30 s tries whether it is over */
    PATH_BROKEN, /* the circuit is open: only the health probe goes */
    PATH_STATES_
};

/* A row of the store, as the window wants it. */
struct schedule_row {
    int64_t place;
    const char *public_key; /* borrowed */
    unsigned attempts;
    int64_t wait_us; /* from now; 0: at once */
};

enum schedule_offer {
    SCHEDULE_TAKEN,
    SCHEDULE_BEHIND, /* an earlier row of its key is in the window */
    SCHEDULE_FULL,
};

/* What becomes of a message after an answer. */
struct schedule_fate {
    enum delivery_action action;
    const char *reason; /* static */
    unsigned attempts;  /* with this one */
    int64_t wait_us;    /* RETRY, HOLD: until it may go again */
};

struct schedule;

/* Returns a schedule, or NULL when there is no memory. */
struct schedule *schedule_create (void);
void schedule_destroy (struct schedule **schedule);

/* --- filling the window from the store --- */

/* The store has got rows of COMMAND. */
void schedule_more (struct schedule *schedule, enum command command);

/* Returns the place after which rows of COMMAND are wanted, or -1 when none
 * are. */
int64_t schedule_wants_after (const struct schedule *schedule,
                              enum command command);

/* The store has no rows after that place. */
void schedule_no_more (struct schedule *schedule, enum command command);

/* Offers ROW; those of one command come in line order. Returns what was done
 * with it, or -ENOMEM. */
int schedule_offer (struct schedule *schedule, enum command command,
                    const struct schedule_row *row, struct instant now);

/* Offers the next row of a key whose earlier one was settled. Returns 0 or
 * -ENOMEM. */
int schedule_offer_next (struct schedule *schedule, enum command command,
                         const struct schedule_row *row, struct instant now);

/* Forgets all that is not in flight and begins anew at the front: after the
 * store could not be read. */
void schedule_restart (struct schedule *schedule);

/* --- sending --- */

/* Returns true and what is to be sent now: it is in flight then. */
bool schedule_next (struct schedule *schedule, struct instant now,
                    enum command *ret_command, int64_t *ret_place);

/* Row PLACE was answered: counts it for its path and says what becomes of it.
 * It stays in flight until schedule_settle: the store comes first. */
struct schedule_fate schedule_answered (struct schedule *schedule,
                                        enum command command, int64_t place,
                                        const struct delivery *delivery,
                                        struct instant now, uint64_t random);

/* Row PLACE's fate is in the store. Returns true when the next row of its key
 * (ret_key) is to be read from the store and offered. */
bool schedule_settle (struct schedule *schedule, enum command command,
                      int64_t place, const struct schedule_fate *fate,
                      char ret_key[PUBLIC_KEY_TEXT_MAX + 1]);

/* Row PLACE was not sent after all: it may go at WHEN. */
void schedule_put_back (struct schedule *schedule, enum command command,
                        int64_t place, struct instant when);

/* Returns true when a status query may go now: they have no rows and no
 * second try. NAME is the caller's number for it. */
bool schedule_may_ask (struct schedule *schedule, int64_t name,
                       struct instant now);

/* Query NAME was answered: counts it for its path. */
void schedule_asked (struct schedule *schedule, int64_t name,
                     const struct delivery *delivery, struct instant now,
                     uint64_t random);

/* Query NAME was not sent after all. */
void schedule_not_asked (struct schedule *schedule, int64_t name);

/* --- the health probe --- */

/* Returns true when a probe is to be sent now: it is under way then. */
bool schedule_probe_due (struct schedule *schedule, struct instant now);

/* The probe ended so. */
void schedule_probed (struct schedule *schedule,
                      const struct delivery *delivery, struct instant now,
                      uint64_t random);

/* --- looking --- */

enum path_state schedule_path_state (const struct schedule *schedule,
                                     enum command command);

/* Returns why COMMAND's path is not open, and the last HTTP status there. */
const char *schedule_path_reason (const struct schedule *schedule,
                                  enum command command, unsigned *ret_status);

size_t schedule_in_flight (const struct schedule *schedule);

/* Returns when something may be due that is not now. */
struct instant schedule_deadline (const struct schedule *schedule,
                                  struct instant now);
