/* SPDX-License-Identifier: MIT */
/* run_thread - a child as a zactor in this process. */
#pragma once

#include <czmq.h>

#include "actors/actor.h"
#include "supervisor/topology.h"

/* Starts STAGE with ARGS, which must stay valid until run_thread_join. Returns
 * the zactor, or NULL. That it runs says nothing: wait for READY. */
zactor_t *run_thread_start (enum stage_id stage, struct actor_args *args);

/* Waits for the thread's end, which follows EXITED at once. */
void run_thread_join (zactor_t **thread);
