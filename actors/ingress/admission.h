/* SPDX-License-Identifier: MIT */
/* admission - who may be connected.
 *
 * Pure. The registry states the policy (bans), ingress decides at once with
 * what it knows of a new connection; when all slots are taken, who has to go.
 */
#pragma once

#include "actors/ingress/bans.h"
#include "base.h"

struct admission_limits {
    size_t inbound;        /* node.max_inbound */
    size_t descriptors;    /* connections of both directions */
    size_t per_network;    /* inbound ones of one /24 or /64 */
    uint64_t network_rate; /* new ones a minute of one /24 or /64; 0: off */
    uint64_t total_rate;   /* new ones a minute of all; 0: off */
    size_t unconfirmed_inbound;  /* with bit 29, PROTOCOL 2.5 */
    size_t unconfirmed_outbound; /* the same, automatic ones */
};

/* What is known of a connection when it comes in. */
struct admission_arrival {
    enum ban ban;
    uint64_t network;    /* keyed hash of its /24 or /64, so that nobody can
                            choose what collides */
    bool spared;         /* loopback, private, noban: not limited by network
                            and rate */
    size_t inbound;      /* slots that are taken */
    size_t same_network; /* of those, by this network */
    size_t connections;  /* open ones, both directions */
};

/* NAME, its counter, a sentence for logs and the registry. Of FULL: somebody has
 * to go for it, see admission_choose_victim. */
#define ADMISSION_TABLE(X)                                                     \
    X (WELCOME, "admitted", "welcome")                                         \
    X (FULL, "refused_full", "no inbound slot is free")                        \
    X (BANNED, "refused_banned", "banned")                                     \
    X (DISCOURAGED, "refused_discouraged", "discouraged, slots are scarce")    \
    X (NETWORK_FULL, "refused_network_full", "too many of its network")        \
    X (NETWORK_RATE, "refused_network_rate", "too many new of its network")    \
    X (TOTAL_RATE, "refused_total_rate", "too many new ones")                  \
    X (DESCRIPTORS, "refused_descriptors", "no descriptor is free")

enum admission_answer {
#define X(NAME, name, text) ADMISSION_##NAME,
    ADMISSION_TABLE (X)
#undef X
        ADMISSIONS_
};

/* What is known of an inbound peer when one has to go. */
struct admission_candidate {
    uint64_t id;
    uint64_t group;      /* keyed hash of its network group */
    bool noban;          /* never goes */
    bool confirmed;      /* PROTOCOL 2.5 */
    bool suspect;        /* has service bit 29 and is not confirmed */
    int64_t ping_us;     /* -1: not measured */
    struct instant came; /* when it connected */
    struct instant
        useful; /* when its last message was accepted; 0: never was */
};

struct admission;

/* Returns the state of a door with these limits, or NULL. */
struct admission *admission_create (const struct admission_limits *limits,
                                    struct instant now);
void admission_destroy (struct admission **admission);

/* Returns what becomes of ARRIVAL, and counts it towards the rates. */
enum admission_answer admission_decide (struct admission *admission,
                                        const struct admission_arrival *arrival,
                                        struct instant now);

/* Chooses who goes, of COUNT candidates (they are put in another order).
 * Returns true and sets *ret_id, or false when nobody may. */
bool admission_choose_victim (struct admission_candidate *candidates,
                              size_t count, uint64_t *ret_id);

/* Returns true when a suspect may stay beside SUSPECTS others of its
 * direction. */
bool admission_bears_suspect (const struct admission *admission, bool outbound,
                              size_t suspects);

/* Returns how many connections fit below SOFT_LIMIT open descriptors of the
 * process. */
size_t admission_descriptors (uint64_t soft_limit);

/* Return the counter's name and the sentence of the table, static. */
const char *admission_name (enum admission_answer answer);
const char *admission_text (enum admission_answer answer);
