/* SPDX-License-Identifier: MIT */
/* names - text back to the values of PROTOCOL 3.2 that only the schema and the
 * composer read back; the rest of them is in message.h. */
#pragma once

#include "messages/governance/message.h"

/* Each returns 0 and sets *ret, or -ENOENT for any other text. */
int query_type_from_name (const char *name, enum query_type *ret);
int node_status_from_name (const char *name, enum node_status *ret);
