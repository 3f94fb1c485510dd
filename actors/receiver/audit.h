/* SPDX-License-Identifier: MIT */
/* audit - the chain of all changes (PROTOCOL 7.8).
 *
 * Each row carries the SHA-256 of the row before it, so nobody can change, add
 * or drop one in the middle without changing all that follow.
 */
#pragma once

#include "base.h"
#include "digest.h"
#include "messages/governance/message.h"

#define AUDIT_TEXT_MAX 255 /* bytes of action, subject and detail, each */

struct audit_row {
    int64_t at_s;            /* Unix seconds */
    const char *action;      /* "signal.stored"; no line break; borrowed */
    const char *subject;     /* "pr 123"; no line break; borrowed */
    const struct gov_id *id; /* NULL: no message; borrowed */
    const char *detail;      /* one JSON object; borrowed */
};

/* Sets ret_hash to the SHA-256 of row SEQ, that stands after PREVIOUS: of the
 * lines `govrelay audit 1`, PREVIOUS in hex, SEQ, at_s, action, subject, gov_id
 * in hex or `-`, and detail, each but the last with a line feed. The first row
 * stands after 32 zero bytes. Cannot fail. */
void audit_hash (const struct audit_row *row, int64_t seq,
                 const uint8_t previous[DIGEST_SIZE],
                 uint8_t ret_hash[DIGEST_SIZE]);
