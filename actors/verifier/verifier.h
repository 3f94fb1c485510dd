/* SPDX-License-Identifier: MIT */
/* verifier - does this say what its key signed? The order of PROTOCOL 5.1, from
 * JSON to signature, cheapest first. */
#pragma once

#include "base.h"
#include "messages/governance/message.h"
#include "messages/verdict.h"
#include "supervisor/config.h"

/* Ids that dedup has judged accepted or duplicate, newest first: they save a
 * signature, nothing depends on them. 24 bytes each. */
#define VERIFIER_KNOWN_MAX 65536

struct verifier;

struct verifier_options {
    const struct string_list *allow_keys; /* empty: all; borrowed */
    const struct string_list *deny_keys;  /* borrowed */
    uint64_t seed;                        /* random */
};

/* What verifier_judge found out. Payloads in it are borrowed from what was
 * judged. */
struct verifier_finding {
    struct refusal why; /* unless accepted */
    bool has_id;        /* a duplicate's, or a verified message's */
    struct gov_id id;
    bool is_status;       /* accepted, and to be asked about, not journalled */
    bool is_response;     /* of the status */
    struct gov_id status; /* D of PROTOCOL 5.6 */
    struct verified_message message; /* accepted, and not a status */
};

/* Returns a verifier, or NULL when there is no memory. */
struct verifier *verifier_create (const struct verifier_options *options);
void verifier_destroy (struct verifier **verifier);

/* Judges PAYLOAD as a COMMAND at NOW_S.
 *
 * Returns: VERDICT_ACCEPTED: its signature holds, or it is a status message in
 *          good form; OVERSIZE, MALFORMED, SCHEMA, BAD_KEY, BAD_SIGNATURE,
 *          STALE, FUTURE, DUPLICATE, DENIED; BUSY when there is no memory.
 * Out:     ret_finding, always.
 */
enum verdict verifier_judge (struct verifier *verifier, enum command command,
                             struct bytes payload, int64_t now_s,
                             struct verifier_finding *ret_finding);

/* Dedup has ID in its journal. Nothing else may call this: an id that came with
 * a bad signature would silence the real message. */
void verifier_learn (struct verifier *verifier, const struct gov_id *id);

/* Dedup has forgotten ids up to FLOOR_S (PROTOCOL 5.2). */
void verifier_set_floor (struct verifier *verifier, int64_t floor_s);
