/* SPDX-License-Identifier: MIT */
/* plan - which stages this daemon runs, and where their links are. */
#pragma once

#include "actors/actor.h"
#include "supervisor/config.h"
#include "supervisor/config_problems.h"
#include "supervisor/topology.h"

#define PLAN_CHILDREN_MAX 80 /* 64 verifiers at most, and one of each other */

struct plan_child {
    enum stage_id stage;
    char name[LINK_NAME_MAX + 1]; /* "verifier.0", else the stage's name */
};

struct plan {
    struct plan_child child[PLAN_CHILDREN_MAX]; /* in pipeline order */
    size_t count;
    struct endpoints endpoints;
};

/* Makes the plan for CONFIG and the text of --stages (NULL: all of a relay).
 * CORES is how many verifiers 0 means, DAEMON a random number that keeps the
 * inproc names of two daemons in one process apart. Returns 0, or -EINVAL with
 * PROBLEMS. */
int plan_make (const struct config *config, const char *stages, long cores,
               uint64_t daemon, struct plan *ret_plan,
               struct config_problems *problems);
