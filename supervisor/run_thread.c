/* SPDX-License-Identifier: MIT */
/* run_thread - a child as a zactor in this process.
 *
 *   in   a stage of topology.def
 *   out  its thread
 *   owns nothing: the supervisor owns the zactor
 */
#include "supervisor/run_thread.h"

static zactor_fn *const run_thread_entries[] = {
#define STAGE(NAME, name, start_s, stop_s, stuck_s) name##_actor,
#define LINK(NAME, name, binder, connectors, to_connector, to_binder)
#include "supervisor/topology.def"
#undef STAGE
#undef LINK
};

zactor_t *
run_thread_start (enum stage_id stage, struct actor_args *args)
{
    assert ((unsigned)stage < STAGES_);
    return zactor_new (run_thread_entries[stage], args);
}

void
run_thread_join (zactor_t **thread)
{
    zactor_destroy (thread);
}
