/* SPDX-License-Identifier: MIT */
/* plan - which stages this daemon runs, and where their links are.
 *
 *   in   configuration, --stages, topology.def
 *   out  children in pipeline order, an endpoint for each link and the taps
 *   owns nothing
 */
#include "supervisor/plan.h"

#include <inttypes.h>

static void
plan_default_stages (const struct config *config, bool wanted[STAGES_])
{
    for (size_t i = 0; i < STAGES_; i++)
        wanted[i] = true;
    wanted[STAGE_RECEIVER] = false;
    wanted[STAGE_FORWARDER] = config->governance_enabled;
}

static void
plan_read_stages (const char *text, bool wanted[STAGES_],
                  struct config_problems *problems)
{
    while (*text != '\0') {
        size_t size = strcspn (text, ",");
        enum stage_id stage;
        if (topology_stage_from_name (bytes_of (text, size), &stage) == 0)
            wanted[stage] = true;
        else
            config_problems_add (problems, "--stages",
                                 "%.*s: no such stage; there are ingress, "
                                 "registry, verifier, dedup, gossip, "
                                 "forwarder, receiver, tap",
                                 (int)(size < 40 ? size : 40), text);
        text += size;
        text += *text == ',';
    }
}

/* Without links to other daemons a relay is whole or it is nothing: a stage
 * whose partner is elsewhere would wait for ever. */
static void
plan_check_whole (const bool wanted[STAGES_], struct config_problems *problems)
{
    static const enum stage_id relay[] = {STAGE_INGRESS, STAGE_REGISTRY,
                                          STAGE_VERIFIER, STAGE_DEDUP,
                                          STAGE_GOSSIP};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE (relay); i++)
        count += wanted[relay[i]];
    if (count == 0 && wanted[STAGE_FORWARDER])
        count = ARRAY_SIZE (relay) + 1;
    if (count != 0 && count != ARRAY_SIZE (relay))
        config_problems_add (
            problems, "--stages",
            "ingress, registry, verifier, dedup and gossip need each other, "
            "and forwarder needs them: this version does not split them over "
            "daemons; name all of them, or none");
}

static void
plan_add_children (const struct config *config, const bool wanted[STAGES_],
                   long cores, struct plan *plan)
{
    for (size_t i = 0; i < STAGES_; i++) {
        const char *name = topology_stage ((enum stage_id)i)->name;
        long copies = wanted[i] ? 1 : 0;
        if (wanted[i] && i == STAGE_VERIFIER)
            copies = config->verifier_workers ? (long)config->verifier_workers
                                              : cores;
        for (long copy = 0; copy < copies && copy < 64; copy++) {
            struct plan_child *child = &plan->child[plan->count++];
            child->stage = (enum stage_id)i;
            if (i == STAGE_VERIFIER)
                snprintf (child->name, sizeof child->name, "%s.%ld", name,
                          copy);
            else
                snprintf (child->name, sizeof child->name, "%s", name);
        }
    }
}

/* The configuration has checked that the path of an ipc socket fits. */
static void
plan_tap_endpoint (const struct config *config, struct endpoints *endpoints)
{
    const char *wanted = config->tap_endpoint;
    if (strcmp (wanted, "off") == 0)
        return;
    if (wanted[0] != '\0')
        snprintf (endpoints->tap_public, sizeof endpoints->tap_public, "%s",
                  wanted);
    else
        snprintf (endpoints->tap_public, sizeof endpoints->tap_public,
                  "ipc://%s/tap", config_network_dir (config));
}

int
plan_make (const struct config *config, const char *stages, long cores,
           uint64_t daemon, struct plan *ret_plan,
           struct config_problems *problems)
{
    size_t before = config_problems_total (problems);
    bool wanted[STAGES_] = {false};
    struct plan plan = {0};

    if (stages)
        plan_read_stages (stages, wanted, problems);
    else
        plan_default_stages (config, wanted);
    wanted[STAGE_TAP] = true; /* one each per daemon */
    plan_check_whole (wanted, problems);
    plan_add_children (config, wanted, cores > 0 ? cores : 1, &plan);
    for (size_t i = 0; i < LINKS_; i++)
        snprintf (plan.endpoints.link[i], sizeof plan.endpoints.link[i],
                  "inproc://%016" PRIx64 "-%s", daemon,
                  link_id_name ((enum link_id)i));
    snprintf (plan.endpoints.tap, sizeof plan.endpoints.tap,
              "inproc://%016" PRIx64 "-tap", daemon);
    plan_tap_endpoint (config, &plan.endpoints);
    if (config_problems_total (problems) > before)
        return -EINVAL;
    *ret_plan = plan;
    return 0;
}
