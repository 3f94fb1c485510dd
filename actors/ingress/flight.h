/* SPDX-License-Identifier: MIT */
/* flight - the frames that ingress owns until their verdict came back.
 *
 * Pure: which frame waits for a place, which is with which verifier, whose time
 * is up. Fair between connections: a connection waits with one frame at most,
 * and waiting frames are placed in the order in which they began to wait.
 */
#pragma once

#include "actors/ingress/limits.h"
#include "base.h"
#include "messages/governance/command.h"

#define FLIGHT_VERDICT_US (2 * SECOND_US) /* then another verifier is asked */
#define FLIGHT_VERDICT_MAX_US (60 * SECOND_US) /* the wait doubles up to this */

struct frame_in_flight {
    struct frame_in_flight *next; /* in waiting or flying order */
    uint64_t ticket; /* its name on `frames`; new at each sending */
    uint64_t peer;   /* the connection that sent it */
    uint64_t number; /* for connection_judged */
    enum command command;
    bool local;
    uint32_t group;
    int64_t received_us;     /* Unix µs */
    uint8_t fingerprint[16]; /* keyed hash of the payload */
    const void *verifier;    /* who has it; NULL: nobody */
    struct instant asked;    /* when it was given to that verifier */
    int64_t patience_us;     /* how long that verifier may take */
    size_t size;
    uint8_t payload[];
};

struct flight;

struct flight *flight_create (void);
void flight_destroy (struct flight **flight);

/* Takes FRAME in, with a copy of PAYLOAD; it waits for a verifier. Returns it,
 * or NULL when there is no memory. The fields above `verifier` are the
 * caller's to fill in. */
struct frame_in_flight *flight_add (struct flight *flight,
                                    struct bytes payload);

/* Returns the frame that has waited longest, or NULL when none waits or
 * FLIGHT_MAX are flying. */
struct frame_in_flight *flight_first_waiting (const struct flight *flight);

/* The first waiting frame was given to VERIFIER (never NULL). Its ticket is
 * set by flight_next_ticket before. */
void flight_sent (struct flight *flight, const void *verifier,
                  struct instant now);

/* Gives FRAME a new name; answers to the old one are void. */
void flight_next_ticket (struct flight *flight, struct frame_in_flight *frame);

/* Takes the flying frame TICKET out: its verdict is here. The caller frees it
 * with free (). NULL: no such frame any more. */
struct frame_in_flight *flight_take (struct flight *flight, uint64_t ticket);

/* VERIFIER is gone: what it had waits again, ahead of all others. */
void flight_verifier_gone (struct flight *flight, const void *verifier);

/* Returns a flying frame whose verifier was too slow, or NULL; it is to be sent
 * to another with flight_resent, or to be left with flight_patience. */
struct frame_in_flight *flight_overdue (const struct flight *flight,
                                        struct instant now);
void flight_resent (struct frame_in_flight *frame, const void *verifier,
                    struct instant now);
/* Doubles the patience with FRAME's verifier. */
void flight_patience (struct frame_in_flight *frame, struct instant now);

/* PEER is gone: its frames stay (they may be valid), but name nobody; waiting
 * ones beyond FLIGHT_ORPHANS_MAX are dropped, their sender had no pong. */
void flight_peer_gone (struct flight *flight, uint64_t peer);

/* Returns frames waiting and flying. */
size_t flight_count (const struct flight *flight);
size_t flight_waiting (const struct flight *flight);
