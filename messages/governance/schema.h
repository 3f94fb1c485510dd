/* SPDX-License-Identifier: MIT */
/* schema - which keys each command has and what they may hold (PROTOCOL 3.1,
 * 3.2), and the forms of key and signature (4). */
#pragma once

#include "messages/governance/message.h"

/* Fills MESSAGE, whose command and root (an object) are set, from its root.
 *
 * Returns: VERDICT_ACCEPTED, or SCHEMA, BAD_KEY, BAD_SIGNATURE.
 * Out:     ret_why on refusal only. What MESSAGE holds then is of no use.
 */
enum verdict schema_read (struct untrusted_message *message,
                          struct refusal *ret_why);
