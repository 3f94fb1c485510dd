/* SPDX-License-Identifier: MIT */
/* topology - the table of stages and links (topology.def), readable from C.
 *
 *   in   topology.def
 *   out  rows
 *   owns nothing
 */
#include "supervisor/topology.h"

static const struct topology_stage topology_stages[] = {
#define STAGE(NAME, name, start_s, stop_s, stuck_s)                            \
    {#name, start_s * SECOND_US, stop_s * SECOND_US, stuck_s * SECOND_US},
#define LINK(NAME, name, binder, connectors, to_connector, to_binder)
#include "supervisor/topology.def"
#undef STAGE
#undef LINK
};

static const struct topology_link_row {
    enum stage_id binder;
    int64_t credit_to_connector;
    int64_t credit_to_binder;
} topology_links[] = {
#define STAGE(NAME, name, start_s, stop_s, stuck_s)
#define LINK(NAME, name, binder, connectors, to_connector, to_binder)          \
    [LINK_##NAME] = {STAGE_##binder, to_connector, to_binder},
#include "supervisor/topology.def"
#undef STAGE
#undef LINK
};

const struct topology_stage *
topology_stage (enum stage_id id)
{
    assert ((unsigned)id < STAGES_);
    return &topology_stages[id];
}

bool
topology_binds (enum link_id id, const char *stage)
{
    assert ((unsigned)id < LINKS_);
    const char *binder = topology_stage (topology_links[id].binder)->name;
    return strcmp (binder, stage) == 0;
}

int64_t
topology_credit (enum link_id id, bool to_binder)
{
    assert ((unsigned)id < LINKS_);
    return to_binder ? topology_links[id].credit_to_binder
                     : topology_links[id].credit_to_connector;
}

int
topology_stage_from_name (struct bytes name, enum stage_id *ret_id)
{
    for (size_t i = 0; i < STAGES_; i++)
        if (bytes_equal (name, bytes_of_text (topology_stages[i].name))) {
            *ret_id = (enum stage_id)i;
            return 0;
        }
    return -ENOENT;
}
