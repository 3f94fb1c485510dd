/* SPDX-License-Identifier: MIT */
/* topology - the table of stages and links (topology.def), readable from C. */
#pragma once

#include "base.h"
#include "messages/link/link_message.h"

enum stage_id {
#define STAGE(NAME, name, start_s, stop_s, stuck_s) STAGE_##NAME,
#define LINK(NAME, name, binder, connectors, to_connector, to_binder)
#include "supervisor/topology.def"
#undef STAGE
#undef LINK
    STAGES_
};

struct topology_stage {
    const char *name;
    int64_t start_us; /* READY must come within */
    int64_t stop_us;  /* EXITED must come within, after STOP */
    int64_t stuck_us; /* unanswered pings for so long: stuck */
};

/* Returns the row of a stage. */
const struct topology_stage *topology_stage (enum stage_id id);

/* Returns true when STAGE ("dedup") is the binding end of the link. */
bool topology_binds (enum link_id id, const char *stage);

/* Returns the credit in bytes that flows towards the binder (or away from it);
 * 0: that direction has none. */
int64_t topology_credit (enum link_id id, bool to_binder);

/* Returns 0 and sets *ret_id, or -ENOENT. */
int topology_stage_from_name (struct bytes name, enum stage_id *ret_id);
