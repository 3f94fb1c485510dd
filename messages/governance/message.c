/* SPDX-License-Identifier: MIT */
/* message - bytes of a stranger in, a message that follows the rules out.
 *
 *   in   a command and its payload
 *   out  struct untrusted_message, or why not
 *   owns the parsed object, until message_done
 *
 * PROTOCOL 5.1: size, JSON, schema, form of key, form of signature. Whoever
 * calls goes on with the time, and looks readings up before verifying one.
 *
 * Next on the tour: messages/governance/json_shape.c
 */
#include "messages/governance/message.h"

#include "messages/governance/json_shape.h"
#include "messages/governance/schema.h"

_Static_assert(JSON_SHAPE_TEXT_MAX >= GOVERNANCE_PAYLOAD_MAX,
               "every payload can be scanned");

static enum verdict
message_refuse (enum verdict verdict, const char *clause, const char *what,
                struct refusal *ret_why)
{
    *ret_why =
        (struct refusal){.verdict = verdict, .clause = clause, .what = what};
    return verdict;
}

/* Is it one JSON object, and within the bounds that need no parsing? */
static enum verdict
message_check_shape (struct bytes payload, struct refusal *ret_why)
{
    struct json_shape shape;

    if (json_shape_of (payload, &shape) != 0)
        return message_refuse (VERDICT_MALFORMED, "3.1", "not JSON", ret_why);
    if (!shape.is_object)
        return message_refuse (VERDICT_MALFORMED, "3.1", "not an object",
                               ret_why);
    if (shape.nesting > MESSAGE_NESTING_MAX)
        return message_refuse (VERDICT_SCHEMA, "5.3", "nesting", ret_why);
    if (shape.white_space > MESSAGE_WHITE_SPACE_MAX)
        return message_refuse (VERDICT_SCHEMA, "3.1", "white space", ret_why);
    return VERDICT_ACCEPTED;
}

/* Why jansson refused what json_shape took for JSON. */
static enum verdict
message_refuse_json (const json_error_t *error, struct refusal *ret_why)
{
    switch ((int)json_error_code (error)) {
    case json_error_duplicate_key:
        return message_refuse (VERDICT_SCHEMA, "5.3", "duplicate key", ret_why);
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return message_refuse (VERDICT_SCHEMA, "5.3", "\\u0000", ret_why);
    case json_error_numeric_overflow:
        return message_refuse (VERDICT_SCHEMA, "5.3", "number out of range",
                               ret_why);
    case json_error_unknown: /* what a failed insertion leaves behind */
    case json_error_out_of_memory:
        return message_refuse (VERDICT_BUSY, "5.7", "out of memory", ret_why);
    default:
        return message_refuse (VERDICT_MALFORMED, "3.1", "not JSON", ret_why);
    }
}

void
message_done (struct untrusted_message *message)
{
    json_decref (message->root);
    *message = (struct untrusted_message){0};
}

enum verdict
message_judge_time (int64_t timestamp, int64_t now_s, int64_t floor_s)
{
    int64_t oldest, newest;

    /* NOW_S may be any number that somebody gave a tool. */
    if (__builtin_sub_overflow (now_s, MESSAGE_AGE_MAX_S, &oldest))
        oldest = INT64_MIN;
    if (__builtin_add_overflow (now_s, MESSAGE_AHEAD_MAX_S, &newest))
        newest = INT64_MAX;

    /* PROTOCOL 5.2: "`stale` if timestamp < max(now − 3600, floor + 1)" */
    bool forgotten = floor_s != INT64_MIN && timestamp <= floor_s;
    if (timestamp < oldest || forgotten)
        return VERDICT_STALE;
    if (timestamp > newest)
        return VERDICT_FUTURE;
    return VERDICT_ACCEPTED;
}

enum verdict
message_parse (enum command command, struct bytes payload,
               struct untrusted_message *ret_message, struct refusal *ret_why)
{
    struct untrusted_message message = {.command = command, .payload = payload};
    json_error_t error = {0}; /* jansson does not always set its code */

    if (payload.size > command_max_size (command))
        return message_refuse (VERDICT_OVERSIZE, "3.1", "size", ret_why);
    enum verdict verdict = message_check_shape (payload, ret_why);
    if (verdict != VERDICT_ACCEPTED)
        return verdict;

    message.root = json_loadb ((const char *)payload.data, payload.size,
                               JSON_REJECT_DUPLICATES, &error);
    if (message.root == NULL)
        return message_refuse_json (&error, ret_why);
    verdict = schema_read (&message, ret_why);
    if (verdict != VERDICT_ACCEPTED) {
        message_done (&message);
        return verdict;
    }
    *ret_message = message;
    return VERDICT_ACCEPTED;
}
