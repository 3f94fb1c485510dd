/* SPDX-License-Identifier: MIT */
/* line - who waits on one path of Commons: the first row of each public key, in
 * order of place. Pure; what the numbers mean is schedule.c's affair.
 */
#pragma once

#include "base.h"
#include "messages/governance/keys.h"

#define LINE_MAX_ROWS 1024
#define LINE_BUCKETS 512 /* of keys; a power of 2 */
#define LINE_NEVER INT64_MAX

/* A row that waits or is in flight. */
struct line_item {
    int64_t place;
    char public_key[PUBLIC_KEY_TEXT_MAX + 1];
    struct line_item *next; /* of its bucket; borrowed */
    bool more;              /* a later row of its key was passed over */
    struct instant ready;   /* not before */
    unsigned attempts;      /* as in the store */
    unsigned retries;       /* RETRY, in this life of the stage */
    unsigned server_errors; /* 500 */
    unsigned holds;         /* HOLD: the first, and those while others passed */
    uint64_t passed_error;  /* what its path had passed at its first 500 */
    uint64_t passed_hold;   /* the same, at its last HOLD */
};

/* READY_US is apart from the item so that looking for the next one reads memory
 * in order. */
struct line_slot {
    int64_t ready_us;       /* LINE_NEVER: in flight */
    struct line_item *item; /* owned */
};

struct line {
    struct line_slot slots[LINE_MAX_ROWS]; /* in order of place */
    size_t count;
    struct line_item *buckets[LINE_BUCKETS]; /* by key; borrowed from SLOTS */
};

/* Frees all items. A line of zeroes is an empty one. */
void line_done (struct line *line);

/* Returns the item of PUBLIC_KEY, or NULL. */
struct line_item *line_find_key (const struct line *line,
                                 const char *public_key);

/* Returns the slot of PLACE, which is in LINE. */
struct line_slot *line_slot (struct line *line, int64_t place);

/* Returns a new item, all else 0, or NULL when there is no memory. LINE is not
 * full and has no item of PUBLIC_KEY. */
struct line_item *line_insert (struct line *line, int64_t place,
                               const char *public_key, struct instant ready);

/* Frees the item in slot INDEX. */
void line_remove (struct line *line, size_t index);
