/* SPDX-License-Identifier: MIT */
/* entry - one verified message as dedup holds it: waiting for its verdict, in
 * the journal, on its way to readers. */
#pragma once

#include "base.h"
#include "messages/governance/command.h"
#include "messages/governance/message.h"

struct entry {
    uint64_t seq; /* 1, 2, 3 …; 0: not in the journal yet */
    enum command command;
    bool local;
    int64_t received_us; /* Unix µs of its last byte at ingress */
    int64_t timestamp;   /* of the message, Unix seconds */
    struct gov_id id;
    struct bytes public_key; /* hex text */
    struct bytes payload;    /* verbatim */
};

/* Returns a copy of ENTRY in one allocation, the bytes behind the struct, for
 * the caller to free (); NULL when there is no memory. */
struct entry *entry_copy (const struct entry *entry);
