/* SPDX-License-Identifier: MIT */
/* schema - which keys each command has and what they may hold.
 *
 *   in   a parsed object
 *   out  a message with its fields, or the key at fault
 *   owns nothing
 *
 * One table per command. A row takes its value into the message, or refuses
 * it. The rows stand as in PROTOCOL 3.1, except that query_type, which says how
 * to read node_identifier, comes before it.
 *
 * Next on the tour: messages/governance/reading.c
 */
#include "messages/governance/schema.h"

#include "messages/governance/names.h"

#define SCHEMA_REASON_MAX 2048 /* PROTOCOL 3.2: "0..2,048 bytes" */
#define SCHEMA_DECIMAL_MAX 11  /* characters: -2147483648 */

struct field {
    const char *key;
    const char *clause; /* that its value must follow */
    bool optional;
    bool (*take) (struct untrusted_message *message, const json_t *value);
};

static bool
is_int32 (const json_t *value)
{
    return json_is_integer (value) && json_integer_value (value) >= INT32_MIN
           && json_integer_value (value) <= INT32_MAX;
}

/* Control characters are those below 0x20 and 0x7f. */
static bool
is_control (uint8_t c)
{
    return c < 0x20 || c == 0x7f;
}

static bool
is_alphanumeric (uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9');
}

/* PROTOCOL 3.2: "1..128 of `[A-Za-z0-9" and the characters EXTRA. */
static bool
is_label (const json_t *value, const char *extra)
{
    size_t size = json_string_length (value);
    const char *text = json_string_value (value);

    if (!json_is_string (value) || size < 1 || size > MESSAGE_LABEL_MAX)
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_alphanumeric ((uint8_t)text[i])
            && strchr (extra, text[i]) == NULL)
            return false;
    return true;
}

/* One spelling per number: the name of a query is the hash of its text. */
static bool
is_decimal_int32 (const char *text)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    int64_t value = 0;

    if (strlen (text) > SCHEMA_DECIMAL_MAX || digits[0] == '\0'
        || (digits[0] == '0' && text[1] != '\0'))
        return false;
    for (const char *c = digits; *c != '\0'; c++) {
        if (*c < '0' || *c > '9')
            return false;
        value = value * 10 + (*c - '0');
    }
    return value <= (text[0] == '-' ? -(int64_t)INT32_MIN : INT32_MAX);
}

static bool
take_node_id (struct untrusted_message *message, const json_t *value)
{
    if (json_is_null (value))
        return true;
    if (!is_int32 (value))
        return false;
    message->has_node_id = true;
    message->node_id = (int32_t)json_integer_value (value);
    return true;
}

static bool
take_public_key (struct untrusted_message *message, const json_t *value)
{
    message->public_key = json_string_value (value);
    return json_is_string (value);
}

static bool
take_signature (struct untrusted_message *message, const json_t *value)
{
    message->signature = json_string_value (value);
    return json_is_string (value);
}

static bool
take_timestamp (struct untrusted_message *message, const json_t *value)
{
    message->timestamp = json_integer_value (value);
    return json_is_integer (value);
}

static bool
take_message_id (struct untrusted_message *message, const json_t *value)
{
    message->message_id = json_string_value (value);
    return is_label (value, "_-");
}

static bool
take_node_type (struct untrusted_message *message, const json_t *value)
{
    return json_is_string (value)
           && node_type_from_name (json_string_value (value),
                                   &message->registration.node_type)
                  == 0;
}

static bool
check_node_type (struct untrusted_message *message, const json_t *value)
{
    enum node_type type;

    (void)message;
    return json_is_string (value)
           && node_type_from_name (json_string_value (value), &type) == 0;
}

static bool
check_entity_name (struct untrusted_message *message, const json_t *value)
{
    size_t size = json_string_length (value);
    const char *text = json_string_value (value);

    (void)message;
    if (!json_is_string (value) || size < 1 || size > MESSAGE_LABEL_MAX
        || text[0] == ' ' || text[size - 1] == ' ')
        return false;
    for (size_t i = 0; i < size; i++)
        if (is_control ((uint8_t)text[i]))
            return false;
    return true;
}

static bool
take_entity_name (struct untrusted_message *message, const json_t *value)
{
    message->registration.entity_name = json_string_value (value);
    return check_entity_name (message, value);
}

static bool
take_qualification (struct untrusted_message *message, const json_t *value)
{
    message->registration.qualification = value;
    return json_is_object (value);
}

static bool
take_pr_id (struct untrusted_message *message, const json_t *value)
{
    if (!is_int32 (value) || json_integer_value (value) < 1)
        return false;
    message->veto.pr_id = (int32_t)json_integer_value (value);
    return true;
}

static bool
take_signal_type (struct untrusted_message *message, const json_t *value)
{
    return json_is_string (value)
           && signal_type_from_name (json_string_value (value),
                                     &message->veto.signal_type)
                  == 0;
}

static bool
take_chosen_ruleset (struct untrusted_message *message, const json_t *value)
{
    message->fork.chosen_ruleset = json_string_value (value);
    return is_label (value, "._+-");
}

static bool
take_decision_reason (struct untrusted_message *message, const json_t *value)
{
    size_t size = json_string_length (value);
    const char *text = json_string_value (value);

    if (!json_is_string (value) || size > SCHEMA_REASON_MAX)
        return false;
    for (size_t i = 0; i < size; i++)
        if (is_control ((uint8_t)text[i]) && text[i] != '\n' && text[i] != '\t')
            return false;
    message->fork.decision_reason = text;
    return true;
}

static bool
take_request_id (struct untrusted_message *message, const json_t *value)
{
    message->status.request_id = json_integer_value (value);
    return json_is_integer (value) && message->status.request_id >= 0;
}

static bool
take_query_type (struct untrusted_message *message, const json_t *value)
{
    return json_is_string (value)
           && query_type_from_name (json_string_value (value),
                                    &message->status.query_type)
                  == 0;
}

static bool
take_node_identifier (struct untrusted_message *message, const json_t *value)
{
    const char *text = json_string_value (value);
    enum key_scheme scheme;

    if (!json_is_string (value))
        return false;
    message->status.node_identifier = text;
    if (message->status.query_type == QUERY_BY_ID)
        return is_decimal_int32 (text);
    return public_key_form (bytes_of (text, json_string_length (value)),
                            &scheme)
           == 0;
}

static bool
check_int32 (struct untrusted_message *message, const json_t *value)
{
    (void)message;
    return is_int32 (value);
}

static bool
check_node_status (struct untrusted_message *message, const json_t *value)
{
    enum node_status status;

    (void)message;
    return json_is_string (value)
           && node_status_from_name (json_string_value (value), &status) == 0;
}

static bool
check_weight (struct untrusted_message *message, const json_t *value)
{
    double weight = json_number_value (value);

    (void)message;
    return json_is_number (value) && weight >= 0.0 && weight <= 1.0;
}

static bool
check_int64 (struct untrusted_message *message, const json_t *value)
{
    (void)message;
    return json_is_integer (value);
}

static bool
check_int64_or_null (struct untrusted_message *message, const json_t *value)
{
    (void)message;
    return json_is_integer (value) || json_is_null (value);
}

static bool
take_status (struct untrusted_message *message, const json_t *value)
{
    message->status.response = json_is_object (value) ? value : NULL;
    return json_is_object (value) || json_is_null (value);
}

static const struct field registration_fields[] = {
    {"node_type", "3.2", false, take_node_type},
    {"entity_name", "3.2", false, take_entity_name},
    {"public_key", "4", false, take_public_key},
    {"qualification_data", "3.1", false, take_qualification},
    {"timestamp", "3.2", false, take_timestamp},
    {"signature", "4", false, take_signature},
    {"message_id", "3.2", false, take_message_id},
};

static const struct field veto_fields[] = {
    {"node_id", "3.1", true, take_node_id},
    {"public_key", "4", false, take_public_key},
    {"pr_id", "3.1", false, take_pr_id},
    {"signal_type", "3.2", false, take_signal_type},
    {"timestamp", "3.2", false, take_timestamp},
    {"signature", "4", false, take_signature},
    {"message_id", "3.2", false, take_message_id},
};

static const struct field fork_fields[] = {
    {"node_id", "3.1", true, take_node_id},
    {"public_key", "4", false, take_public_key},
    {"chosen_ruleset", "3.2", false, take_chosen_ruleset},
    {"decision_reason", "3.2", false, take_decision_reason},
    {"timestamp", "3.2", false, take_timestamp},
    {"signature", "4", false, take_signature},
    {"message_id", "3.2", false, take_message_id},
};

static const struct field status_fields[] = {
    {"request_id", "3.1", false, take_request_id},
    {"query_type", "3.2", false, take_query_type},
    {"node_identifier", "3.2", false, take_node_identifier},
    {"status", "3.1", true, take_status},
};

static const struct field response_fields[] = {
    {"node_id", "3.2", false, check_int32},
    {"node_type", "3.2", false, check_node_type},
    {"entity_name", "3.2", false, check_entity_name},
    {"status", "3.2", false, check_node_status},
    {"weight", "3.2", false, check_weight},
    {"registered_at", "3.2", false, check_int64},
    {"last_verified_at", "3.2", false, check_int64_or_null},
};

static enum verdict
schema_refuse (enum verdict verdict, const char *clause, const char *what,
               struct refusal *ret_why)
{
    *ret_why =
        (struct refusal){.verdict = verdict, .clause = clause, .what = what};
    return verdict;
}

/* Takes the COUNT FIELDS out of OBJECT, which may hold nothing else. */
static enum verdict
schema_read_fields (struct untrusted_message *message, const json_t *object,
                    const struct field *fields, size_t count,
                    struct refusal *ret_why)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get (object, fields[i].key);
        if (value == NULL && fields[i].optional)
            continue;
        if (value == NULL)
            return schema_refuse (VERDICT_SCHEMA, "3.1", fields[i].key,
                                  ret_why);
        if (!fields[i].take (message, value))
            return schema_refuse (VERDICT_SCHEMA, fields[i].clause,
                                  fields[i].key, ret_why);
        found++;
    }
    if (found != json_object_size (object))
        return schema_refuse (VERDICT_SCHEMA, "3.1", "unknown key", ret_why);
    return VERDICT_ACCEPTED;
}

/* PROTOCOL 4, after the rest of the schema; the key first (5.3). */
static enum verdict
schema_check_forms (const struct untrusted_message *message,
                    struct refusal *ret_why)
{
    enum key_scheme scheme;

    if (public_key_form (bytes_of_text (message->public_key), &scheme) != 0)
        return schema_refuse (VERDICT_BAD_KEY, "4", "public_key form", ret_why);
    if (signature_form (bytes_of_text (message->signature)) != 0)
        return schema_refuse (VERDICT_BAD_SIGNATURE, "4", "signature form",
                              ret_why);
    return VERDICT_ACCEPTED;
}

static enum verdict
schema_read_status (struct untrusted_message *message, struct refusal *ret_why)
{
    enum verdict verdict =
        schema_read_fields (message, message->root, status_fields,
                            ARRAY_SIZE (status_fields), ret_why);

    if (verdict != VERDICT_ACCEPTED || message->status.response == NULL)
        return verdict;
    return schema_read_fields (message, message->status.response,
                               response_fields, ARRAY_SIZE (response_fields),
                               ret_why);
}

enum verdict
schema_read (struct untrusted_message *message, struct refusal *ret_why)
{
    const struct field *fields = NULL;
    size_t count = 0;

    switch (message->command) {
    case COMMAND_ECONREG:
        fields = registration_fields;
        count = ARRAY_SIZE (registration_fields);
        break;
    case COMMAND_ECONVETO:
        fields = veto_fields;
        count = ARRAY_SIZE (veto_fields);
        break;
    case COMMAND_ECONFORK:
        fields = fork_fields;
        count = ARRAY_SIZE (fork_fields);
        break;
    case COMMAND_ECONSTATUS:
        return schema_read_status (message, ret_why);
    case COMMANDS_:
        break;
    }
    assert (fields != NULL);

    enum verdict verdict =
        schema_read_fields (message, message->root, fields, count, ret_why);
    if (verdict != VERDICT_ACCEPTED)
        return verdict;
    return schema_check_forms (message, ret_why);
}
