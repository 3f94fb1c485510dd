/* SPDX-License-Identifier: MIT */
/* asks - status queries on their way to Commons.
 *
 *   in   queries; what Commons answered
 *   out  responses that every relay would accept, or nothing
 *   owns the queries and responses in hand
 *
 * Next on the tour: actors/forwarder/forwarder_actor.c
 */
#include "actors/forwarder/asks.h"

#include <jansson.h>
#include <stdlib.h>

#define WEIGHT_DIGITS 15 /* ppm need 7; 17 would show 0.1 as 0.1000…001 */

/* The status object of PROTOCOL 3.2. */
static const char *const status_keys[] = {
    "node_id", "node_type",     "entity_name",      "status",
    "weight",  "registered_at", "last_verified_at",
};

/* Returns a status object with what STATUS has of the keys above: a later
 * Commons may say more than our peers would accept. */
static json_t *
status_copy (const json_t *status)
{
    json_t *copy = json_object ();

    for (size_t i = 0; i < ARRAY_SIZE (status_keys); i++) {
        json_t *value = json_object_get (status, status_keys[i]);
        if (value != NULL)
            json_object_set (copy, status_keys[i], value);
    }
    if (json_object_get (copy, "last_verified_at") == NULL)
        json_object_set_new (copy, "last_verified_at", json_null ());
    return copy;
}

static bool
is_response (struct bytes payload)
{
    struct untrusted_message message;
    struct refusal why;

    if (message_parse (COMMAND_ECONSTATUS, payload, &message, &why)
        != VERDICT_ACCEPTED)
        return false;
    bool has_status = message.status.response != NULL;
    message_done (&message);
    return has_status;
}

static int
response_append (const json_t *response, struct buffer *ret_response)
{
    char *text = json_dumps (
        response, JSON_COMPACT | JSON_REAL_PRECISION (WEIGHT_DIGITS));
    if (text == NULL)
        return -ENOMEM;

    int rc = -EBADMSG;
    if (is_response (bytes_of_text (text)))
        rc = buffer_append (ret_response, bytes_of_text (text));
    free (text);
    return rc;
}

int
status_response_make (struct bytes query, struct bytes body,
                      struct buffer *ret_response)
{
    json_auto_t *response = json_loadb ((const char *)query.data, query.size,
                                        JSON_REJECT_DUPLICATES, NULL);
    json_auto_t *answer = json_loadb ((const char *)body.data, body.size,
                                      JSON_REJECT_DUPLICATES, NULL);
    const json_t *status = json_object_get (answer, "status");

    if (json_is_null (status))
        return -ENOENT;
    if (!json_is_object (response) || !json_is_object (status))
        return -EBADMSG;
    if (json_object_set_new (response, "status", status_copy (status)) != 0)
        return -ENOMEM;
    return response_append (response, ret_response);
}

void
ask_free (struct ask *ask)
{
    buffer_done (&ask->query);
    buffer_done (&ask->response);
    ask->state = ASK_FREE;
}

void
asks_done (struct asks *asks)
{
    for (size_t i = 0; i < ASKS_MAX; i++)
        ask_free (&asks->asks[i]);
}

struct ask *
asks_add (struct asks *asks, const struct gov_id *name, struct bytes query)
{
    for (size_t i = 0; i < ASKS_MAX; i++) {
        struct ask *ask = &asks->asks[i];
        if (ask->state != ASK_FREE)
            continue;
        if (buffer_append (&ask->query, query) != 0)
            return NULL;
        ask->name = *name;
        ask->state = ASK_SENT;
        return ask;
    }
    return NULL;
}

void
ask_answer (struct ask *ask, struct bytes body)
{
    if (ask->state == ASK_ORPHANED) {
        ask_free (ask);
        return;
    }
    /* Whatever fails here is "nobody knows" to whoever asked. */
    if (body.size != 0)
        status_response_make (buffer_bytes (&ask->query), body, &ask->response);
    ask->state = ASK_ANSWERED;
}

void
asks_orphan (struct asks *asks)
{
    for (size_t i = 0; i < ASKS_MAX; i++) {
        struct ask *ask = &asks->asks[i];
        if (ask->state == ASK_ANSWERED)
            ask_free (ask);
        else if (ask->state == ASK_SENT)
            ask->state = ASK_ORPHANED;
    }
}

size_t
asks_count (const struct asks *asks)
{
    size_t count = 0;

    for (size_t i = 0; i < ASKS_MAX; i++)
        count += asks->asks[i].state == ASK_SENT
                 || asks->asks[i].state == ASK_ANSWERED;
    return count;
}
