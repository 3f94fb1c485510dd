/* SPDX-License-Identifier: MIT */
/* names - the words of PROTOCOL 3.2 and their values.
 *
 *   in   a value, or its text
 *   out  text, or a value
 *   owns nothing
 */
#include "messages/governance/names.h"

static const char *const node_type_names[NODE_TYPES_] = {
    [NODE_MINING_POOL] = "mining_pool",
    [NODE_EXCHANGE] = "exchange",
    [NODE_CUSTODIAN] = "custodian",
    [NODE_PAYMENT_PROCESSOR] = "payment_processor",
    [NODE_MAJOR_HOLDER] = "major_holder",
    [NODE_COMMONS_CONTRIBUTOR] = "commons_contributor",
};

static const char *const signal_type_names[SIGNALS_] = {
    [SIGNAL_VETO] = "veto",
    [SIGNAL_SUPPORT] = "support",
    [SIGNAL_ABSTAIN] = "abstain",
};

static const char *const query_type_names[QUERIES_] = {
    [QUERY_BY_ID] = "by_id",
    [QUERY_BY_PUBLIC_KEY] = "by_public_key",
};

static const char *const node_status_names[NODE_STATUSES_] = {
    [NODE_PENDING] = "pending",
    [NODE_ACTIVE] = "active",
    [NODE_SUSPENDED] = "suspended",
    [NODE_REMOVED] = "removed",
};

/* Returns the place of NAME among COUNT NAMES, or -ENOENT. */
static int
names_find (const char *const *names, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp (names[i], name) == 0)
            return (int)i;
    return -ENOENT;
}

const char *
node_type_name (enum node_type type)
{
    assert ((unsigned)type < NODE_TYPES_);
    return node_type_names[type];
}

const char *
signal_type_name (enum signal_type type)
{
    assert ((unsigned)type < SIGNALS_);
    return signal_type_names[type];
}

const char *
query_type_name (enum query_type type)
{
    assert ((unsigned)type < QUERIES_);
    return query_type_names[type];
}

const char *
node_status_name (enum node_status status)
{
    assert ((unsigned)status < NODE_STATUSES_);
    return node_status_names[status];
}

int
node_type_from_name (const char *name, enum node_type *ret)
{
    int place = names_find (node_type_names, NODE_TYPES_, name);

    if (place < 0)
        return place;
    *ret = (enum node_type)place;
    return 0;
}

int
signal_type_from_name (const char *name, enum signal_type *ret)
{
    int place = names_find (signal_type_names, SIGNALS_, name);

    if (place < 0)
        return place;
    *ret = (enum signal_type)place;
    return 0;
}

int
query_type_from_name (const char *name, enum query_type *ret)
{
    int place = names_find (query_type_names, QUERIES_, name);

    if (place < 0)
        return place;
    *ret = (enum query_type)place;
    return 0;
}

int
node_status_from_name (const char *name, enum node_status *ret)
{
    int place = names_find (node_status_names, NODE_STATUSES_, name);

    if (place < 0)
        return place;
    *ret = (enum node_status)place;
    return 0;
}
