/* SPDX-License-Identifier: MIT */
/* governance - what a message means for governance (PROTOCOL 7).
 *
 * Pure: decisions on plain data, no database, no clock. Whoever calls brings
 * what is known and stores what comes out.
 */
#pragma once

#include <jansson.h>

#include "base.h"
#include "messages/governance/message.h"

#define WEIGHT_PPM_MAX 1000000 /* a weight of 1 */

/* The least that each type of node must prove (PROTOCOL 7.1). */
struct thresholds {
    double hashpower_percent;     /* mining_pool */
    double exchange_btc;          /* exchange: holdings, and */
    double exchange_daily_usd;    /* volume of a day */
    double custodian_btc;         /* custodian */
    double processor_monthly_usd; /* payment_processor: volume of a month */
    double holder_btc;            /* major_holder */
    double contributor_days;      /* commons_contributor: so long, any of */
    double merge_mining_btc;
    double fee_forwarding_btc;
    double zaps_btc;
    double marketplace_btc;
};

/* What a registration's proofs are worth. */
struct qualification {
    bool qualified;
    int32_t weight_ppm; /* 0..WEIGHT_PPM_MAX; 0 when not qualified */
};

/* The state of a node in our books. Wider than enum node_status, which is what
 * status answers may say. */
enum standing {
    STANDING_PENDING,
    STANDING_ACTIVE,
    STANDING_SUSPENDED,
    STANDING_REMOVED,
    STANDING_UNQUALIFIED,
    STANDINGS_
};

/* What became of a registration. */
enum registration_outcome {
    REGISTRATION_PENDING,
    REGISTRATION_ACTIVE,
    REGISTRATION_UNQUALIFIED,
    REGISTRATION_REVISION,   /* later than all of this key: waits */
    REGISTRATION_SUPERSEDED, /* a revision, and not the latest */
    REGISTRATION_OUTCOMES_
};

/* What became of a signal or a fork decision. */
enum voice_outcome {
    VOICE_PROCESSED,  /* in force */
    VOICE_PENDING,    /* its node is not active: in force when it becomes so */
    VOICE_SUPERSEDED, /* the same node said something later: history */
    VOICE_OUTCOMES_
};

/* Where a message stands in time among those of its key. */
struct voice_order {
    int64_t timestamp;
    struct gov_id id;
};

/* Returns PROTOCOL 7.1 as it stands. */
struct thresholds thresholds_default (void);

/* Returns what DATA (an object) proves for a node of TYPE. */
struct qualification qualification_of (enum node_type type, const json_t *data,
                                       const struct thresholds *thresholds);

/* Returns WEIGHT (any double) in parts per million, 0..WEIGHT_PPM_MAX. */
int32_t weight_ppm_of (double weight);

/* Returns true if A wins over B: it is newer, or of the same second with the
 * smaller gov_id. No message wins over itself. */
bool voice_wins (struct voice_order a, struct voice_order b);

/* Returns what becomes of a registration of THIS order. NEWEST is the latest
 * one of the same key so far, NULL when the key is new. */
enum registration_outcome
registration_outcome_of (struct voice_order this,
                         const struct voice_order *newest, bool qualified,
                         bool auto_activate);

/* Returns the standing of a new node after OUTCOME, one of the first three. */
enum standing standing_after (enum registration_outcome outcome);

/* Returns what becomes of a signal or decision of THIS order. CURRENT is the
 * one in its place so far (NULL: none), NODE its node's standing (NULL: the key
 * is of no node yet). */
enum voice_outcome voice_outcome_of (struct voice_order this,
                                     const struct voice_order *current,
                                     const enum standing *node);

/* Returns the standing as a status answer may say it: an unqualified node is
 * pending, with no weight. */
enum node_status standing_status (enum standing standing);

/* Names, as they stand in the database and in answers. */
const char *standing_name (enum standing standing);
int standing_from_name (const char *name, enum standing *ret_standing);
const char *registration_outcome_name (enum registration_outcome outcome);
const char *registration_outcome_sentence (enum registration_outcome outcome);
const char *voice_outcome_name (enum voice_outcome outcome);
const char *voice_outcome_sentence (enum voice_outcome outcome);
int voice_outcome_from_name (const char *name, enum voice_outcome *ret_outcome);
