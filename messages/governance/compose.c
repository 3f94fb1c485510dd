/* SPDX-License-Identifier: MIT */
/* compose - the JSON text of a message, made from its fields.
 *
 *   in   fields, and a signature or a secret key
 *   out  verbatim text, ready to be sent
 *   owns nothing
 *
 * Objects are built in the order of their keys and written as PROTOCOL 3.4
 * writes qualification_data: one way to write JSON is enough.
 */
#include "messages/governance/compose.h"

#include <stdlib.h>

#include "messages/governance/canonical.h"

static const char unsigned_signature[] =
    "00000000000000000000000000000000000000000000000000000000000000000000000000"
    "000000000000000000000000000000000000000000000000000000";
_Static_assert(sizeof unsigned_signature == SIGNATURE_TEXT_SIZE + 1,
               "a signature that has the form and holds for nobody");

/* An object under construction; after a failure it takes nothing more. */
struct draft {
    json_t *object; /* owned; NULL after a failure */
};

static struct draft
draft_new (void)
{
    return (struct draft){.object = json_object ()};
}

/* Adds VALUE, takes it; NULL (no memory, not UTF-8) is a failure. */
static void
draft_put (struct draft *draft, const char *key, json_t *value)
{
    if (draft->object == NULL) {
        json_decref (value);
        return;
    }
    if (json_object_set_new (draft->object, key, value) != 0) {
        json_decref (draft->object);
        draft->object = NULL;
    }
}

static void
draft_put_text (struct draft *draft, const char *key, const char *text)
{
    draft_put (draft, key, json_string (text));
}

static void
draft_put_integer (struct draft *draft, const char *key, int64_t value)
{
    draft_put (draft, key, json_integer (value));
}

static void
draft_put_integer_or_null (struct draft *draft, const char *key, bool present,
                           int64_t value)
{
    draft_put (draft, key, present ? json_integer (value) : json_null ());
}

/* The three keys that end every signed message. */
static void
draft_put_end (struct draft *draft, int64_t timestamp, const char *signature,
               const char *message_id)
{
    draft_put_integer (draft, "timestamp", timestamp);
    if (signature != NULL)
        draft_put_text (draft, "signature", signature);
    draft_put_text (draft, "message_id", message_id);
}

/* Ends the draft and returns its text, or NULL if anything failed. */
static char *
draft_text (struct draft *draft)
{
    char *text = NULL;
    size_t size;

    if (draft->object != NULL)
        text = canonical_text (draft->object, CANONICAL_DOCUMENT, &size);
    json_decref (draft->object);
    draft->object = NULL;
    return text;
}

/* Returns a copy of OBJECT with the keys of every level sorted. */
static json_t *
sorted_copy (const json_t *object)
{
    size_t size;
    char *text = canonical_text (object, CANONICAL_SORTED, &size);

    if (text == NULL)
        return NULL;
    json_t *copy = json_loadb (text, size, JSON_DECODE_ANY, NULL);
    free (text);
    return copy;
}

static void
draft_put_query (struct draft *draft, const struct status_query_fields *fields)
{
    draft_put_integer (draft, "request_id", fields->request_id);
    draft_put_text (draft, "node_identifier", fields->node_identifier);
    draft_put_text (draft, "query_type", query_type_name (fields->query_type));
}

char *
compose_registration (const struct registration_fields *fields,
                      const char *signature)
{
    struct draft draft = draft_new ();

    draft_put_text (&draft, "node_type", node_type_name (fields->node_type));
    draft_put_text (&draft, "entity_name", fields->entity_name);
    draft_put_text (&draft, "public_key", fields->public_key);
    draft_put (&draft, "qualification_data",
               sorted_copy (fields->qualification));
    draft_put_end (&draft, fields->timestamp, signature, fields->message_id);
    return draft_text (&draft);
}

char *
compose_veto (const struct veto_fields *fields, const char *signature)
{
    struct draft draft = draft_new ();

    draft_put_integer_or_null (&draft, "node_id", fields->has_node_id,
                               fields->node_id);
    draft_put_text (&draft, "public_key", fields->public_key);
    draft_put_integer (&draft, "pr_id", fields->pr_id);
    draft_put_text (&draft, "signal_type",
                    signal_type_name (fields->signal_type));
    draft_put_end (&draft, fields->timestamp, signature, fields->message_id);
    return draft_text (&draft);
}

char *
compose_fork (const struct fork_fields *fields, const char *signature)
{
    struct draft draft = draft_new ();

    draft_put_integer_or_null (&draft, "node_id", fields->has_node_id,
                               fields->node_id);
    draft_put_text (&draft, "public_key", fields->public_key);
    draft_put_text (&draft, "chosen_ruleset", fields->chosen_ruleset);
    draft_put_text (&draft, "decision_reason", fields->decision_reason);
    draft_put_end (&draft, fields->timestamp, signature, fields->message_id);
    return draft_text (&draft);
}

char *
compose_status_query (const struct status_query_fields *fields)
{
    struct draft draft = draft_new ();

    draft_put_query (&draft, fields);
    draft_put (&draft, "status", json_null ());
    return draft_text (&draft);
}

char *
compose_status_response (const struct status_response_fields *fields)
{
    struct draft status = draft_new ();
    struct draft draft = draft_new ();

    draft_put_integer (&status, "node_id", fields->node_id);
    draft_put_text (&status, "node_type", node_type_name (fields->node_type));
    draft_put_text (&status, "entity_name", fields->entity_name);
    draft_put_text (&status, "status", node_status_name (fields->status));
    draft_put (&status, "weight", json_real (fields->weight));
    draft_put_integer (&status, "registered_at", fields->registered_at);
    draft_put_integer_or_null (&status, "last_verified_at",
                               fields->has_last_verified,
                               fields->last_verified_at);

    draft_put_query (&draft, &fields->query);
    draft_put (&draft, "status", status.object);
    return draft_text (&draft);
}

char *
compose_attach (struct bytes message, const char *signature)
{
    json_t *object = json_loadb ((const char *)message.data, message.size,
                                 JSON_REJECT_DUPLICATES, NULL);
    struct draft draft = draft_new ();
    bool attached = false;
    const char *key;
    json_t *value;

    if (!json_is_object (object)) {
        json_decref (object);
        json_decref (draft.object);
        return NULL;
    }
    json_object_foreach (object, key, value)
    {
        if (strcmp (key, "signature") == 0)
            continue;
        if (strcmp (key, "message_id") == 0) {
            draft_put_text (&draft, "signature", signature);
            attached = true;
        }
        draft_put (&draft, key, json_incref (value));
    }
    if (!attached)
        draft_put_text (&draft, "signature", signature);
    json_decref (object);
    return draft_text (&draft);
}

static enum verdict
compose_refuse (enum verdict verdict, const char *clause, const char *what,
                struct refusal *ret_why)
{
    *ret_why =
        (struct refusal){.verdict = verdict, .clause = clause, .what = what};
    return verdict;
}

/* Reads MESSAGE as if a signature were there: what its key has to sign. */
static enum verdict
compose_reading (enum command command, struct bytes message,
                 struct reading *ret_reading,
                 char ret_public_key[PUBLIC_KEY_TEXT_MAX + 1],
                 struct refusal *ret_why)
{
    struct untrusted_message parsed;
    struct reading readings[2];
    char *text = compose_attach (message, unsigned_signature);

    if (text == NULL)
        return compose_refuse (VERDICT_MALFORMED, "3.1", "not a JSON object",
                               ret_why);
    enum verdict verdict =
        message_parse (command, bytes_of_text (text), &parsed, ret_why);
    free (text); /* what was parsed has copies of its own */
    if (verdict != VERDICT_ACCEPTED)
        return verdict;

    int count = message_readings (&parsed, readings);
    memcpy (ret_public_key, parsed.public_key, strlen (parsed.public_key) + 1);
    message_done (&parsed);
    if (count < 0)
        return compose_refuse (VERDICT_BUSY, "5.7", "out of memory", ret_why);
    if (count == 2)
        reading_done (&readings[1]);
    *ret_reading = readings[0];
    return VERDICT_ACCEPTED;
}

enum verdict
compose_signing_string (enum command command, struct bytes message,
                        char **ret_string, struct refusal *ret_why)
{
    char public_key[PUBLIC_KEY_TEXT_MAX + 1];
    struct reading reading;

    enum verdict verdict =
        compose_reading (command, message, &reading, public_key, ret_why);
    if (verdict == VERDICT_ACCEPTED)
        *ret_string = reading.string;
    return verdict;
}

int
compose_signed (struct key_context *keys, const struct secret_key *key,
                enum command command, struct bytes message, char **ret_text,
                struct refusal *ret_why)
{
    char public_key[PUBLIC_KEY_TEXT_MAX + 1], own[PUBLIC_KEY_TEXT_MAX + 1];
    char signature[SIGNATURE_TEXT_SIZE + 1];
    struct reading reading;

    enum verdict verdict =
        compose_reading (command, message, &reading, public_key, ret_why);
    if (verdict != VERDICT_ACCEPTED)
        return verdict == VERDICT_BUSY ? -ENOMEM : -EINVAL;

    int rc = secret_key_public (keys, key, own);
    if (rc == 0 && strcmp (own, public_key) != 0)
        rc = -EINVAL;
    if (rc == 0)
        rc = signature_make (keys, key, bytes_of (reading.string, reading.size),
                             signature);
    reading_done (&reading);
    if (rc != 0) {
        (void)compose_refuse (VERDICT_BAD_KEY, "4", "not the secret of it",
                              ret_why);
        return rc;
    }
    char *text = compose_attach (message, signature);
    if (text == NULL)
        return -ENOMEM;
    *ret_text = text;
    return 0;
}
