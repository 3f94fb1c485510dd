/* SPDX-License-Identifier: MIT */
/* inhand - the frames that a verifier has passed on and owes an answer for.
 *
 * Each has a ticket of ours, which names it to dedup or gossip; a ticket is
 * never used twice, so a late answer finds nothing. How many there are is
 * bounded by the credit given on `frames`.
 */
#pragma once

#include "base.h"
#include "messages/governance/message.h"

struct inhand_frame {
    void *peer;      /* the ingress that owns it; borrowed */
    uint64_t ticket; /* its name there */
    size_t size;     /* of the credit it holds */
    bool has_id;     /* else a status message */
    struct gov_id id;
};

struct inhand;

/* Returns an empty table, or NULL when there is no memory. */
struct inhand *inhand_create (void);
void inhand_destroy (struct inhand **inhand);

/* Adds a copy of FRAME. Returns 0 and sets *ret_ticket, or -ENOMEM. */
int inhand_add (struct inhand *inhand, const struct inhand_frame *frame,
                uint64_t *ret_ticket);

/* Returns the frame of TICKET, or NULL; valid until the next call of inhand_add
 * or inhand_remove. */
const struct inhand_frame *inhand_find (const struct inhand *inhand,
                                        uint64_t ticket);
/* Forgets TICKET, which must be there. */
void inhand_remove (struct inhand *inhand, uint64_t ticket);

/* Walks the table: sets *ret_ticket to the first ticket at or after *PLACE, 0
 * at first, and moves *PLACE past it. Returns false when there are no more. */
bool inhand_next (const struct inhand *inhand, size_t *place,
                  uint64_t *ret_ticket);

size_t inhand_count (const struct inhand *inhand);
