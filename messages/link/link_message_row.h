/* SPDX-License-Identifier: MIT */
/* link_message_row - the table of messages as its two codecs see it, and the
 * bounds on values that are in no other header. */
#pragma once

#include "messages/link/link_message.h"

#define LINK_STREAMS 8          /* of a reader of the journal: 0 .. 7 */
#define LINK_USER_AGENT_MAX 256 /* PROTOCOL 1.7 */
#define LINK_STATS_MAX 8186     /* STATS_REPLY's 8192 less 6: three heads */
#define LINK_KEY_ED25519 64     /* hex characters (PROTOCOL 4) */
#define LINK_KEY_SECP256K1 66

struct message_row {
    const char *name;
    enum link_id link;
    size_t max_size; /* of the whole array, bytes */
};

/* Returns the row of ID, or NULL for an id that is not in the table. */
const struct message_row *message_row (enum message_id id);
