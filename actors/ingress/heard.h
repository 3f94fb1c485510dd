/* SPDX-License-Identifier: MIT */
/* heard - which messages were handed in here, so that we notice when one comes
 * back from the network (PROTOCOL 5.8).
 *
 * Pure: names and fingerprints in. A message that is forgotten, or came back to
 * another ingress, is only released later, when its time is up.
 */
#pragma once

#include "base.h"
#include "messages/governance/message.h"

#define HEARD_MAX                                                              \
    4096 /* the newest: 48 bytes each, and two keys of 24 in each of two sets:
            576 KiB when full */

struct heard;

/* Returns an empty table, or NULL. SEED is random and secret. */
struct heard *heard_create (uint64_t seed);
void heard_destroy (struct heard **heard);

/* The message ID was handed in here, in bytes with that FINGERPRINT; a full
 * table forgets its oldest. Returns 0, -EEXIST (nothing changes) or -ENOMEM. */
int heard_add (struct heard *heard, const struct gov_id *id,
               const uint8_t fingerprint[16]);

/* Returns the name of the message with that KEY, a fingerprint or the first 16
 * bytes of a name, unless it was told already; else NULL. */
const struct gov_id *heard_find (const struct heard *heard,
                                 const uint8_t key[16]);

/* The message ID came back, and gossip knows. */
void heard_told (struct heard *heard, const struct gov_id *id);
