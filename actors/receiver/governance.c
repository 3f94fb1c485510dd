/* SPDX-License-Identifier: MIT */
/* governance - what a message means for governance.
 *
 *   in   a registration's proofs; what the books say about a key
 *   out  qualification and weight; what becomes of the message
 *   owns nothing
 *
 * Compiled without fused multiply-add (CMakeLists.txt): a weight is the same
 * number on every machine.
 *
 * Next on the tour: actors/receiver/commons.c
 */
#include "actors/receiver/governance.h"

#include <math.h>

/* PROTOCOL 7.2: what is a full share of a weight. */
#define FULL_BTC 10000.0
#define FULL_HOLDER_BTC 5000.0
#define FULL_DAILY_USD 100e6
#define FULL_MONTHLY_USD 50e6
#define EXCHANGE_BTC_SHARE 0.7
#define EXCHANGE_USD_SHARE 0.3
#define CONTRIBUTOR_WEIGHT_MIN 0.01

enum contribution {
    CONTRIBUTION_MERGE_MINING,
    CONTRIBUTION_FEE_FORWARDING,
    CONTRIBUTION_ZAPS,
    CONTRIBUTION_MARKETPLACE,
    CONTRIBUTIONS_
};

static const struct {
    const char *proof;
    const char *total;
} contribution_keys[CONTRIBUTIONS_] = {
    {"merge_mining_proof", "total_revenue_btc"},
    {"fee_forwarding_proof", "total_fees_forwarded_btc"},
    {"zap_proof", "total_zaps_btc"},
    {"marketplace_sales_proof", "total_sales_btc"},
};

/* The numbers of qualification_data that count; what is absent, or no number,
 * proves nothing and is 0. */
struct proofs {
    double hashpower_percent;
    double btc;
    double daily_usd;
    double monthly_usd;
    struct {
        double btc;
        double days;
    } contribution[CONTRIBUTIONS_];
    bool absurd; /* a number that no honest proof has */
};

static double
proofs_number (struct proofs *proofs, const json_t *object, const char *key)
{
    double number = json_number_value (json_object_get (object, key));

    if (number < 0)
        proofs->absurd = true;
    return number;
}

static struct proofs
proofs_of (const json_t *data)
{
    struct proofs proofs = {0};
    const json_t *volume = json_object_get (data, "volume_proof");
    const json_t *commons = json_object_get (data, "commons_contributor_proof");

    proofs.hashpower_percent = proofs_number (
        &proofs, json_object_get (data, "hashpower_proof"), "percentage");
    proofs.btc = proofs_number (
        &proofs, json_object_get (data, "holdings_proof"), "total_btc");
    proofs.daily_usd = proofs_number (&proofs, volume, "daily_volume_usd");
    proofs.monthly_usd = proofs_number (&proofs, volume, "monthly_volume_usd");
    for (size_t i = 0; i < CONTRIBUTIONS_; i++) {
        const json_t *proof =
            json_object_get (commons, contribution_keys[i].proof);
        proofs.contribution[i].btc =
            proofs_number (&proofs, proof, contribution_keys[i].total);
        proofs.contribution[i].days =
            proofs_number (&proofs, proof, "period_days");
    }
    /* PROTOCOL 7.1: "Negative numbers, percentages above 100: unqualified
     * too." */
    if (proofs.hashpower_percent > 100)
        proofs.absurd = true;
    return proofs;
}

static bool
contributor_qualifies (const struct proofs *proofs,
                       const struct thresholds *thresholds)
{
    const double least[CONTRIBUTIONS_] = {
        [CONTRIBUTION_MERGE_MINING] = thresholds->merge_mining_btc,
        [CONTRIBUTION_FEE_FORWARDING] = thresholds->fee_forwarding_btc,
        [CONTRIBUTION_ZAPS] = thresholds->zaps_btc,
        [CONTRIBUTION_MARKETPLACE] = thresholds->marketplace_btc,
    };

    for (size_t i = 0; i < CONTRIBUTIONS_; i++)
        if (proofs->contribution[i].days >= thresholds->contributor_days
            && proofs->contribution[i].btc >= least[i])
            return true;
    return false;
}

static bool
proofs_qualify (enum node_type type, const struct proofs *proofs,
                const struct thresholds *thresholds)
{
    assert ((unsigned)type < NODE_TYPES_);
    switch (type) {
    case NODE_MINING_POOL:
        return proofs->hashpower_percent >= thresholds->hashpower_percent;
    case NODE_EXCHANGE:
        return proofs->btc >= thresholds->exchange_btc
               && proofs->daily_usd >= thresholds->exchange_daily_usd;
    case NODE_CUSTODIAN:
        return proofs->btc >= thresholds->custodian_btc;
    case NODE_PAYMENT_PROCESSOR:
        return proofs->monthly_usd >= thresholds->processor_monthly_usd;
    case NODE_MAJOR_HOLDER:
        return proofs->btc >= thresholds->holder_btc;
    case NODE_COMMONS_CONTRIBUTOR:
        return contributor_qualifies (proofs, thresholds);
    case NODE_TYPES_:
        break;
    }
    return false;
}

static double
contributor_weight (const struct proofs *proofs)
{
    double btc = 0;

    for (size_t i = 0; i < CONTRIBUTIONS_; i++)
        btc += proofs->contribution[i].btc;
    return fmax (CONTRIBUTOR_WEIGHT_MIN, sqrt (btc));
}

/* PROTOCOL 7.2. */
static double
proofs_weight (enum node_type type, const struct proofs *proofs)
{
    assert ((unsigned)type < NODE_TYPES_);
    switch (type) {
    case NODE_MINING_POOL:
        return proofs->hashpower_percent / 100;
    case NODE_EXCHANGE:
        return EXCHANGE_BTC_SHARE * fmin (proofs->btc / FULL_BTC, 1)
               + EXCHANGE_USD_SHARE
                     * fmin (proofs->daily_usd / FULL_DAILY_USD, 1);
    case NODE_CUSTODIAN:
        return fmin (proofs->btc / FULL_BTC, 1);
    case NODE_PAYMENT_PROCESSOR:
        return fmin (proofs->monthly_usd / FULL_MONTHLY_USD, 1);
    case NODE_MAJOR_HOLDER:
        return fmin (proofs->btc / FULL_HOLDER_BTC, 1);
    case NODE_COMMONS_CONTRIBUTOR:
        return contributor_weight (proofs);
    case NODE_TYPES_:
        break;
    }
    return 0;
}

struct thresholds
thresholds_default (void)
{
    return (struct thresholds){
        .hashpower_percent = 1,
        .exchange_btc = 10000,
        .exchange_daily_usd = 100e6,
        .custodian_btc = 10000,
        .processor_monthly_usd = 50e6,
        .holder_btc = 5000,
        .contributor_days = 90,
        .merge_mining_btc = 0.01,
        .fee_forwarding_btc = 0.1,
        .zaps_btc = 0.01,
        .marketplace_btc = 0.01,
    };
}

int32_t
weight_ppm_of (double weight)
{
    if (!(weight > 0)) /* what is no number is no weight */
        return 0;
    if (weight >= 1)
        return WEIGHT_PPM_MAX;
    return (int32_t)floor (weight * WEIGHT_PPM_MAX + 0.5);
}

struct qualification
qualification_of (enum node_type type, const json_t *data,
                  const struct thresholds *thresholds)
{
    struct proofs proofs = proofs_of (data);

    if (proofs.absurd || !proofs_qualify (type, &proofs, thresholds))
        return (struct qualification){.qualified = false};
    return (struct qualification){
        .qualified = true,
        .weight_ppm = weight_ppm_of (proofs_weight (type, &proofs))};
}

bool
voice_wins (struct voice_order a, struct voice_order b)
{
    if (a.timestamp != b.timestamp)
        return a.timestamp > b.timestamp;
    return memcmp (a.id.bytes, b.id.bytes, sizeof a.id.bytes) < 0;
}

enum registration_outcome
registration_outcome_of (struct voice_order this,
                         const struct voice_order *newest, bool qualified,
                         bool auto_activate)
{
    if (newest != NULL)
        return voice_wins (this, *newest) ? REGISTRATION_REVISION
                                          : REGISTRATION_SUPERSEDED;
    if (!qualified)
        return REGISTRATION_UNQUALIFIED;
    return auto_activate ? REGISTRATION_ACTIVE : REGISTRATION_PENDING;
}

enum standing
standing_after (enum registration_outcome outcome)
{
    assert (outcome < REGISTRATION_REVISION);
    if (outcome == REGISTRATION_ACTIVE)
        return STANDING_ACTIVE;
    return outcome == REGISTRATION_PENDING ? STANDING_PENDING
                                           : STANDING_UNQUALIFIED;
}

enum voice_outcome
voice_outcome_of (struct voice_order this, const struct voice_order *current,
                  const enum standing *node)
{
    if (current != NULL && !voice_wins (this, *current))
        return VOICE_SUPERSEDED;
    return node != NULL && *node == STANDING_ACTIVE ? VOICE_PROCESSED
                                                    : VOICE_PENDING;
}

enum node_status
standing_status (enum standing standing)
{
    switch (standing) {
    case STANDING_ACTIVE:
        return NODE_ACTIVE;
    case STANDING_SUSPENDED:
        return NODE_SUSPENDED;
    case STANDING_REMOVED:
        return NODE_REMOVED;
    case STANDING_PENDING:
    case STANDING_UNQUALIFIED:
    case STANDINGS_:
        break;
    }
    return NODE_PENDING;
}

static const char *const standing_names[STANDINGS_] = {
    "pending", "active", "suspended", "removed", "unqualified"};

static const struct {
    const char *name;
    const char *sentence;
} registration_outcomes[REGISTRATION_OUTCOMES_] = {
    {"pending", "registered; an operator has to activate it"},
    {"active", "registered and active"},
    {"unqualified", "kept; its proofs are below what its type needs"},
    {"revision", "kept; not in force until an operator takes it over"},
    {"revision", "kept; this key has a later registration"},
};

static const struct {
    const char *name;
    const char *sentence;
} voice_outcomes[VOICE_OUTCOMES_] = {
    {"processed", "in force"},
    {"pending", "kept; in force when its node becomes active"},
    {"superseded", "kept; its node has said something later"},
};

const char *
standing_name (enum standing standing)
{
    assert ((unsigned)standing < STANDINGS_);
    return standing_names[standing];
}

int
standing_from_name (const char *name, enum standing *ret_standing)
{
    for (size_t i = 0; i < STANDINGS_; i++)
        if (strcmp (name, standing_names[i]) == 0) {
            *ret_standing = (enum standing)i;
            return 0;
        }
    return -ENOENT;
}

const char *
registration_outcome_name (enum registration_outcome outcome)
{
    assert ((unsigned)outcome < REGISTRATION_OUTCOMES_);
    return registration_outcomes[outcome].name;
}

const char *
registration_outcome_sentence (enum registration_outcome outcome)
{
    assert ((unsigned)outcome < REGISTRATION_OUTCOMES_);
    return registration_outcomes[outcome].sentence;
}

const char *
voice_outcome_name (enum voice_outcome outcome)
{
    assert ((unsigned)outcome < VOICE_OUTCOMES_);
    return voice_outcomes[outcome].name;
}

const char *
voice_outcome_sentence (enum voice_outcome outcome)
{
    assert ((unsigned)outcome < VOICE_OUTCOMES_);
    return voice_outcomes[outcome].sentence;
}

int
voice_outcome_from_name (const char *name, enum voice_outcome *ret_outcome)
{
    for (size_t i = 0; i < VOICE_OUTCOMES_; i++)
        if (strcmp (name, voice_outcomes[i].name) == 0) {
            *ret_outcome = (enum voice_outcome)i;
            return 0;
        }
    return -ENOENT;
}
