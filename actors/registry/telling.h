/* SPDX-License-Identifier: MIT */
/* telling - what an ingress has been told of bans and good addresses, and what
 * it is to be told next.
 *
 * Pure. State, not events: a pass over each table says what changed since the
 * last one, as it is by now; it may stop anywhere and go on later. One that
 * begins with nothing says all.
 */
#pragma once

#include "actors/registry/addrbook.h"
#include "actors/registry/standing.h"
#include "messages/link/link_message.h"

/* All that changed up to version DONE was told. A pass over what changed since
 * then stands at slot AT; when it is through, all up to UPTO is told. */
struct telling_pass {
    uint64_t done;
    uint64_t upto;
    size_t at;
};

struct telling { /* all 0: knows nothing */
    struct telling_pass bans;
    struct telling_pass goods;
};

/* Fills *ret_message (BAN or GOOD), which points into TEXT, with what is to be
 * told next. Returns false when there is nothing. */
bool telling_next (struct telling *telling, const struct standing *standing,
                   const struct addrbook *book, int64_t now_s,
                   char text[PLACE_TEXT_MAX + 1],
                   struct link_message *ret_message);

/* MESSAGE, the last of telling_next, was sent. */
void telling_said (struct telling *telling, const struct link_message *message);
