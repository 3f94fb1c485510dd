/* SPDX-License-Identifier: MIT */
/* asks - status queries on their way to Commons, and the responses made of its
 * answers (PROTOCOL 5.6, 6.3). Pure.
 */
#pragma once

#include "base.h"
#include "buffer.h"
#include "messages/governance/message.h"

#define ASKS_MAX 64 /* each with a query of at most 4,096 bytes */

struct ask {
    enum {
        ASK_FREE,
        ASK_SENT,     /* Commons is thinking */
        ASK_ANSWERED, /* RESPONSE waits to be told */
        ASK_ORPHANED, /* sent, but whoever asked is gone */
    } state;
    struct gov_id name;     /* D */
    int64_t number;         /* the caller's: never the same twice */
    struct buffer query;    /* econstatus, verbatim; owned */
    struct buffer response; /* econstatus; empty: nobody knows; owned */
};

struct asks {
    struct ask asks[ASKS_MAX];
};

/* Frees everything. Asks of zeroes are empty ones. */
void asks_done (struct asks *asks);

/* Keeps a copy of QUERY, sent. Returns its ask, or NULL when there are too many
 * or no memory is left. */
struct ask *asks_add (struct asks *asks, const struct gov_id *name,
                      struct bytes query);

/* ASK is over. */
void ask_free (struct ask *ask);

/* Commons gave BODY as an answer (empty: none): makes the response of it. */
void ask_answer (struct ask *ask, struct bytes body);

/* Whoever asked is gone: what is answered goes, what is sent is orphaned. */
void asks_orphan (struct asks *asks);

/* Returns how many wait for Commons or for their asker. */
size_t asks_count (const struct asks *asks);

/* Makes the econstatus response to QUERY out of BODY, an answer on the status
 * path, and appends it to RET_RESPONSE.
 *
 * Returns: 0; -ENOENT when Commons knows no such node; -EBADMSG when what it
 *          says would be no response by PROTOCOL 3.1, 3.2 (our peers would
 *          refuse it); -ENOMEM. Nothing is appended then.
 */
int status_response_make (struct bytes query, struct bytes body,
                          struct buffer *ret_response);
