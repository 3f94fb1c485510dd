/* SPDX-License-Identifier: MIT */
/* message - a governance message: parsed, named, proven.
 *
 * Trust is a type. message_parse makes a struct untrusted_message out of any
 * bytes; only message_verify (verify.c) makes a struct verified_message, and
 * whatever relays or stores takes that one.
 *
 * The payload is never re-encoded: what was verified is what travels on.
 */
#pragma once

#include <jansson.h>

#include "base.h"
#include "messages/governance/command.h"
#include "messages/governance/keys.h"
#include "messages/verdict.h"

#define MESSAGE_LABEL_MAX 128  /* message_id, entity_name, ruleset: bytes */
#define MESSAGE_NESTING_MAX 16 /* the object itself is 1 */
#define MESSAGE_WHITE_SPACE_MAX 1024
#define MESSAGE_AGE_MAX_S 3600 /* PROTOCOL 5.2 */
#define MESSAGE_AHEAD_MAX_S 300

enum node_type {
    NODE_MINING_POOL,
    NODE_EXCHANGE,
    NODE_CUSTODIAN,
    NODE_PAYMENT_PROCESSOR,
    NODE_MAJOR_HOLDER,
    NODE_COMMONS_CONTRIBUTOR,
    NODE_TYPES_
};

enum signal_type { SIGNAL_VETO, SIGNAL_SUPPORT, SIGNAL_ABSTAIN, SIGNALS_ };

enum query_type { QUERY_BY_ID, QUERY_BY_PUBLIC_KEY, QUERIES_ };

enum node_status {
    NODE_PENDING,
    NODE_ACTIVE,
    NODE_SUSPENDED,
    NODE_REMOVED,
    NODE_STATUSES_
};

const char *node_type_name (enum node_type type);
const char *signal_type_name (enum signal_type type);
const char *query_type_name (enum query_type type);
const char *node_status_name (enum node_status status);
/* Each returns 0 and sets *ret, or -ENOENT for any other text. */
int node_type_from_name (const char *name, enum node_type *ret);
int signal_type_from_name (const char *name, enum signal_type *ret);

/* SHA-256 of the signing string: the name of a message everywhere. */
struct gov_id {
    uint8_t bytes[32];
};

/* Writes ID as 64 lower-case hex characters and a NUL. */
void gov_id_text (const struct gov_id *id, char ret_text[65]);

/* One way to read a message as the text that its key signed. A registration
 * may have two (keys in document order, keys sorted; PROTOCOL 3.4). */
struct reading {
    char *string; /* signing string, NUL-terminated; owned */
    size_t size;
    struct gov_id id;
};

/* A message that follows PROTOCOL 3.1, 3.2 and the forms of 4. Text is
 * NUL-terminated, borrowed from ROOT. */
struct untrusted_message {
    enum command command;
    json_t *root;           /* the parsed object; owned */
    struct bytes payload;   /* verbatim; borrowed from the caller */
    int64_t timestamp;      /* Unix seconds; not of econstatus */
    const char *public_key; /* hex text; not of econstatus */
    const char *signature;  /* hex text; not of econstatus */
    const char *message_id; /* not of econstatus */
    bool has_node_id;       /* unsigned: nothing may depend on it (3.6) */
    int32_t node_id;
    union {
        struct {
            enum node_type node_type;
            const char *entity_name;
            const json_t *qualification; /* an object */
        } registration;
        struct {
            int32_t pr_id;
            enum signal_type signal_type;
        } veto;
        struct {
            const char *chosen_ruleset;
            const char *decision_reason; /* unsigned (3.6) */
        } fork;
        struct {
            int64_t request_id;
            const char *node_identifier;
            enum query_type query_type;
            const json_t *response; /* NULL: this is a query */
        } status;
    };
};

/* A message whose signature holds over READING's string. */
struct verified_message {
    enum command command;
    struct gov_id id;
    int64_t timestamp;
    char public_key[PUBLIC_KEY_TEXT_MAX + 1];
    struct bytes payload; /* verbatim; borrowed */
};

/* Reads PAYLOAD as a COMMAND: size, JSON, schema, form of key, form of
 * signature, in that order (PROTOCOL 5.1).
 *
 * Returns: VERDICT_ACCEPTED, or OVERSIZE, MALFORMED, SCHEMA, BAD_KEY,
 *          BAD_SIGNATURE; BUSY when there is no memory.
 * Out:     ret_message, to be released with message_done, on acceptance only.
 *          ret_why, on refusal only.
 * In:      PAYLOAD must outlive ret_message.
 */
enum verdict message_parse (enum command command, struct bytes payload,
                            struct untrusted_message *ret_message,
                            struct refusal *ret_why);
void message_done (struct untrusted_message *message);

/* Returns ACCEPTED, STALE or FUTURE by PROTOCOL 5.2. FLOOR_S is the largest
 * timestamp among forgotten ids, INT64_MIN when there are none. */
enum verdict message_judge_time (int64_t timestamp, int64_t now_s,
                                 int64_t floor_s);

/* Fills RET with the one or two readings of MESSAGE (not econstatus). Returns
 * how many, or -ENOMEM. Release each with reading_done. A second reading that
 * would equal the first is left out. */
int message_readings (const struct untrusted_message *message,
                      struct reading ret[2]);
void reading_done (struct reading *reading);

/* Proves MESSAGE by its signature over one of its COUNT READINGS.
 *
 * Returns: VERDICT_ACCEPTED, BAD_KEY or BAD_SIGNATURE.
 * Out:     ret_verified on acceptance (payload borrowed from MESSAGE), ret_why
 *          on refusal.
 */
enum verdict message_verify (struct key_context *keys,
                             const struct untrusted_message *message,
                             const struct reading *readings, size_t count,
                             struct verified_message *ret_verified,
                             struct refusal *ret_why);

/* Returns D of PROTOCOL 5.6, the name of a status query or response:
 * SHA-256 (request_id || query_type || node_identifier), the first in decimal,
 * the others as their text, with nothing between them. */
struct gov_id status_name (const struct untrusted_message *status);
