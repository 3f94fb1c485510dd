/* SPDX-License-Identifier: MIT */
/* compose - the JSON text of a message, made from its fields.
 *
 * For whoever signs and for whoever answers; a relay makes no message. Nothing
 * is checked here: message_parse judges the result as it judges a stranger's.
 *
 * Every text is compact, its keys stand as in the table of PROTOCOL 3.1, and
 * those of qualification_data are sorted, so that both readings of 3.4 agree.
 */
#pragma once

#include <jansson.h>

#include "base.h"
#include "messages/governance/keys.h"
#include "messages/governance/message.h"

struct registration_fields {
    enum node_type node_type;
    const char *entity_name;     /* borrowed, as all text here */
    const char *public_key;      /* hex */
    const json_t *qualification; /* an object; borrowed */
    int64_t timestamp;           /* Unix seconds */
    const char *message_id;
};

struct veto_fields {
    bool has_node_id; /* else it is null */
    int32_t node_id;
    const char *public_key; /* hex */
    int32_t pr_id;
    enum signal_type signal_type;
    int64_t timestamp; /* Unix seconds */
    const char *message_id;
};

struct fork_fields {
    bool has_node_id; /* else it is null */
    int32_t node_id;
    const char *public_key; /* hex */
    const char *chosen_ruleset;
    const char *decision_reason;
    int64_t timestamp; /* Unix seconds */
    const char *message_id;
};

struct status_query_fields {
    int64_t request_id;
    const char *node_identifier;
    enum query_type query_type;
};

struct status_response_fields {
    struct status_query_fields query; /* that is answered */
    int32_t node_id;
    enum node_type node_type;
    const char *entity_name;
    enum node_status status;
    double weight;          /* 0..1 */
    int64_t registered_at;  /* Unix seconds */
    bool has_last_verified; /* else last_verified_at is null */
    int64_t last_verified_at;
};

/* Each returns the JSON text, NUL-terminated, yours to free (); NULL when there
 * is no memory, or a text is NULL or not UTF-8. SIGNATURE (hex) may be NULL:
 * the key is left out then, for compose_attach to add. */
char *compose_registration (const struct registration_fields *fields,
                            const char *signature);
char *compose_veto (const struct veto_fields *fields, const char *signature);
char *compose_fork (const struct fork_fields *fields, const char *signature);
char *compose_status_query (const struct status_query_fields *fields);
char *compose_status_response (const struct status_response_fields *fields);

/* Returns MESSAGE with SIGNATURE (hex) before its message_id, any other
 * signature dropped; compact, yours to free (). NULL when MESSAGE is no JSON
 * object or there is no memory. */
char *compose_attach (struct bytes message, const char *signature);

/* Finds the text that the key of MESSAGE, whose signature may be missing, has
 * to sign.
 *
 * Returns: VERDICT_ACCEPTED, or why such a message would be refused: BUSY
 *          (no memory) or as message_parse. Not of econstatus.
 * Out:     ret_string, yours to free (), on acceptance; ret_why on refusal.
 */
enum verdict compose_signing_string (enum command command, struct bytes message,
                                     char **ret_string,
                                     struct refusal *ret_why);

/* Signs MESSAGE, whose signature may be missing.
 *
 * Returns: 0; -EINVAL when MESSAGE would be refused (then ret_why is set) or
 *          KEY is not the secret of its public_key (ret_why: BAD_KEY);
 *          -ENOMEM.
 * Out:     ret_text, yours to free (), on success.
 */
int compose_signed (struct key_context *keys, const struct secret_key *key,
                    enum command command, struct bytes message, char **ret_text,
                    struct refusal *ret_why);
