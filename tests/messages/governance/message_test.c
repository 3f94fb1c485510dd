/* SPDX-License-Identifier: MIT */
/* message_test - the order of questions, time, readings, names and trust. */
#include <stdio.h>
#include <stdlib.h>

#include "digest.h"
#include "fixture.h"

static int
setup_keys (void **state)
{
    *state = key_context_create (NULL);
    return *state == NULL ? -1 : 0;
}

static int
teardown_keys (void **state)
{
    struct key_context *keys = *state;

    key_context_destroy (&keys);
    return 0;
}

static enum verdict
parse_text (enum command command, const char *text)
{
    return fixture_parse (command, bytes_of_text (text), NULL);
}

/* Returns BEFORE, SIZE times C and AFTER in one text; yours to free (). */
static char *
text_around (const char *before, char c, size_t size, const char *after)
{
    size_t head = strlen (before), tail = strlen (after);
    char *text = malloc (head + size + tail + 1);

    assert_non_null (text);
    memcpy (text, before, head);
    memset (text + head, c, size);
    memcpy (text + head + size, after, tail + 1);
    return text;
}

static void
test_size_is_asked_before_anything_else (void **state)
{
    (void)state;
    for (unsigned i = 0; i < COMMANDS_; i++) {
        enum command command = (enum command)i;
        size_t limit = command_max_size (command);
        char *text = text_around ("", 'x', limit + 1, "");
        CHECK_VERDICT (fixture_parse (command, bytes_of (text, limit), NULL),
                       VERDICT_MALFORMED);
        CHECK_VERDICT (
            fixture_parse (command, bytes_of (text, limit + 1), NULL),
            VERDICT_OVERSIZE);
        free (text);
        CHECK_VERDICT (fixture_parse (command, bytes_of (NULL, 0), NULL),
                       VERDICT_MALFORMED);
    }
}

static void
check_white_space (size_t before, size_t after, enum verdict expected)
{
    char *payload = fixture_payload ("good econveto key 0");
    char *half = text_around ("", '\n', before, payload);
    char *text = text_around (half, ' ', after, "");

    CHECK_VERDICT (parse_text (COMMAND_ECONVETO, text), expected);
    free (text);
    free (half);
    free (payload);
}

static void
test_white_space_is_free_up_to_1024_bytes (void **state)
{
    (void)state;
    check_white_space (1023, 0, VERDICT_ACCEPTED);
    check_white_space (1000, 24, VERDICT_ACCEPTED);
    check_white_space (1024, 1, VERDICT_SCHEMA);
    check_white_space (0, 1025, VERDICT_SCHEMA);
}

static void
test_white_space_inside_a_string_is_not_counted (void **state)
{
    char *reason = text_around ("a", ' ', 2000, "b");

    (void)state;
    CHECK_VERDICT (fixture_parse_with (COMMAND_ECONFORK, "decision_reason",
                                       json_string (reason)),
                   VERDICT_ACCEPTED);
    free (reason);
}

/* Parses a registration whose qualification nests LEVELS arrays, the deepest
 * one holding INSIDE, and which ends with END. */
static enum verdict
parse_nested (size_t levels, const char *inside, const char *end)
{
    json_t *object = fixture_object (COMMAND_ECONREG);
    char *opening = text_around ("{\"q\":", '[', levels, inside);
    char *closing = text_around (opening, ']', levels, "}");

    json_object_set_new (object, "qualification_data", json_string ("HERE"));
    char *around = json_dumps (object, JSON_COMPACT);
    char *here = strstr (around, "\"HERE\"");
    size_t size = strlen (around) + strlen (closing) + strlen (end) + 1;
    char *text = malloc (size);
    assert_non_null (text);
    (void)snprintf (text, size, "%.*s%s%s%s", (int)(here - around), around,
                    closing, here + strlen ("\"HERE\""), end);
    enum verdict verdict = parse_text (COMMAND_ECONREG, text);
    free (text);
    free (around);
    free (closing);
    free (opening);
    json_decref (object);
    return verdict;
}

static void
test_nesting_ends_at_16 (void **state)
{
    (void)state;
    /* The message is 1, the qualification 2. */
    CHECK_VERDICT (parse_nested (13, "", ""), VERDICT_ACCEPTED);
    CHECK_VERDICT (parse_nested (14, "", ""), VERDICT_ACCEPTED);
    CHECK_VERDICT (parse_nested (15, "", ""), VERDICT_SCHEMA);
    CHECK_VERDICT (parse_nested (13, "{}", ""), VERDICT_ACCEPTED);
    CHECK_VERDICT (parse_nested (14, "{}", ""), VERDICT_SCHEMA);
    /* on both sides of where jansson gives up */
    CHECK_VERDICT (parse_nested (2040, "", ""), VERDICT_SCHEMA);
    CHECK_VERDICT (parse_nested (2100, "", ""), VERDICT_SCHEMA);
    CHECK_VERDICT (parse_nested (32000, "", ""), VERDICT_SCHEMA);
}

static void
test_json_is_asked_before_schema (void **state)
{
    static const char *const malformed[] = {
        "{\"a\":1,\"a\":2",         "{\"a\":1,\"a\":2}x",
        "{\"a\":\"\\u0000\",}",     "{\"\\u0000\":1]",
        "{\"a\":1e999,\"b\":01}",   "{\"a\":99999999999999999999",
        "{\"a\":1,\"a\":\"\xff\"}",
    };
    static const char *const schema[] = {
        "{\"a\":1,\"a\":2}",
        "{\"a\":\"\\u0000\"}",
        "{\"\\u0000\":1}",
        "{\"a\":1e999}",
        "{\"a\":-1e999}",
        "{}",
        "{\"a\":99999999999999999999}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (malformed); i++)
        CHECK_VERDICT (parse_text (COMMAND_ECONVETO, malformed[i]),
                       VERDICT_MALFORMED);
    for (size_t i = 0; i < ARRAY_SIZE (schema); i++)
        CHECK_VERDICT (parse_text (COMMAND_ECONVETO, schema[i]),
                       VERDICT_SCHEMA);
    CHECK_VERDICT (parse_nested (100, "", "x"), VERDICT_MALFORMED);
    CHECK_VERDICT (parse_nested (32000, "", "}"), VERDICT_MALFORMED);

    char *open = text_around ("", '[', 60000, "");
    CHECK_VERDICT (parse_text (COMMAND_ECONREG, open), VERDICT_MALFORMED);
    free (open);
    char *airy = text_around ("{", ' ', 2000, "");
    CHECK_VERDICT (parse_text (COMMAND_ECONREG, airy), VERDICT_MALFORMED);
    free (airy);
}

static void
test_what_is_no_object_is_malformed (void **state)
{
    char *airy = text_around ("[", ' ', 2000, "]");

    (void)state;
    CHECK_VERDICT (parse_text (COMMAND_ECONVETO, "[]"), VERDICT_MALFORMED);
    CHECK_VERDICT (parse_text (COMMAND_ECONVETO, "\"{}\""), VERDICT_MALFORMED);
    CHECK_VERDICT (parse_text (COMMAND_ECONVETO, "true"), VERDICT_MALFORMED);
    CHECK_VERDICT (parse_text (COMMAND_ECONVETO, airy), VERDICT_MALFORMED);
    free (airy);
}

/* jansson 2.14 reads over a NUL that follows a real number. */
static void
test_a_raw_nul_behind_a_number_is_malformed (void **state)
{
    static const char response[] =
        "{\"request_id\":1,\"node_identifier\":\"1\",\"query_type\":\"by_id\","
        "\"status\":{\"node_id\":1,\"node_type\":\"exchange\","
        "\"entity_name\":\"E\",\"status\":\"active\",\"registered_at\":1,"
        "\"last_verified_at\":1,\"weight\":0.5}}";
    char text[sizeof response];
    size_t at = sizeof response - 3; /* behind 0.5 */

    (void)state;
    memcpy (text, response, sizeof response);
    CHECK_VERDICT (parse_text (COMMAND_ECONSTATUS, text), VERDICT_ACCEPTED);
    memmove (text + at + 1, text + at, 2);
    text[at] = '\0';
    CHECK_VERDICT (
        fixture_parse (COMMAND_ECONSTATUS, bytes_of (text, sizeof text), NULL),
        VERDICT_MALFORMED);
}

static void
test_a_refusal_names_key_and_clause (void **state)
{
    static const struct {
        const char *key;
        const char *value; /* JSON; NULL: absent */
        enum verdict verdict;
        const char *clause;
        const char *what;
    } cases[] = {
        {"pr_id", "0", VERDICT_SCHEMA, "3.1", "pr_id"},
        {"signal_type", "\"no\"", VERDICT_SCHEMA, "3.2", "signal_type"},
        {"message_id", NULL, VERDICT_SCHEMA, "3.1", "message_id"},
        {"more", "1", VERDICT_SCHEMA, "3.1", "unknown key"},
        {"public_key", "\"\"", VERDICT_BAD_KEY, "4", "public_key form"},
        {"signature", "\"\"", VERDICT_BAD_SIGNATURE, "4", "signature form"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        json_t *object = fixture_object (COMMAND_ECONVETO);
        struct refusal why;
        if (cases[i].value == NULL)
            json_object_del (object, cases[i].key);
        else
            json_object_set_new (
                object, cases[i].key,
                json_loads (cases[i].value, JSON_DECODE_ANY, NULL));
        char *text = json_dumps (object, JSON_COMPACT);
        CHECK_VERDICT (
            fixture_parse (COMMAND_ECONVETO, bytes_of_text (text), &why),
            cases[i].verdict);
        assert_string_equal (why.clause, cases[i].clause);
        assert_string_equal (why.what, cases[i].what);
        free (text);
        json_decref (object);
    }
}

static void
test_a_parsed_message_has_its_fields (void **state)
{
    char *payload = fixture_payload ("node_id given");
    char *public_key = fixture_public (0);
    struct bytes bytes = bytes_of_text (payload);
    struct untrusted_message message;
    struct refusal why;

    (void)state;
    CHECK_VERDICT (message_parse (COMMAND_ECONFORK, bytes, &message, &why),
                   VERDICT_ACCEPTED);
    assert_int_equal (message.command, COMMAND_ECONFORK);
    assert_ptr_equal (message.payload.data, payload);
    assert_int_equal (message.payload.size, bytes.size);
    assert_true (message.has_node_id);
    assert_int_equal (message.node_id, 12);
    assert_string_equal (message.public_key, public_key);
    assert_string_equal (message.fork.chosen_ruleset, "ruleset-1.2.0");
    assert_string_equal (message.fork.decision_reason, "because");
    assert_int_equal (message.timestamp, FIXTURE_NOW);
    message_done (&message);
    assert_null (message.root);
    free (public_key);
    free (payload);
}

static void
test_a_status_is_a_query_or_a_response (void **state)
{
    static const char *const names[] = {"status query by id",
                                        "status query without status key",
                                        "status response"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (names); i++) {
        char *payload = fixture_payload (names[i]);
        struct untrusted_message message;
        struct refusal why;
        CHECK_VERDICT (message_parse (COMMAND_ECONSTATUS,
                                      bytes_of_text (payload), &message, &why),
                       VERDICT_ACCEPTED);
        assert_int_equal (message.status.response != NULL, i == 2);
        message_done (&message);
        free (payload);
    }
}

static void
test_time_has_sharp_ends (void **state)
{
    const int64_t now = FIXTURE_NOW, none = INT64_MIN;

    (void)state;
    CHECK_VERDICT (message_judge_time (now - 3601, now, none), VERDICT_STALE);
    CHECK_VERDICT (message_judge_time (now - 3600, now, none),
                   VERDICT_ACCEPTED);
    CHECK_VERDICT (message_judge_time (now, now, none), VERDICT_ACCEPTED);
    CHECK_VERDICT (message_judge_time (now + 300, now, none), VERDICT_ACCEPTED);
    CHECK_VERDICT (message_judge_time (now + 301, now, none), VERDICT_FUTURE);
}

static void
test_what_was_forgotten_is_stale (void **state)
{
    const int64_t now = FIXTURE_NOW;

    (void)state;
    CHECK_VERDICT (message_judge_time (now - 10, now, now - 11),
                   VERDICT_ACCEPTED);
    CHECK_VERDICT (message_judge_time (now - 10, now, now - 10), VERDICT_STALE);
    /* a clock that was set back opens nothing */
    CHECK_VERDICT (message_judge_time (now + 200, now, now + 200),
                   VERDICT_STALE);
    CHECK_VERDICT (message_judge_time (now + 400, now, now + 400),
                   VERDICT_STALE);
    CHECK_VERDICT (message_judge_time (INT64_MAX, now, INT64_MAX),
                   VERDICT_STALE);
}

static void
test_no_time_is_too_far_to_be_judged (void **state)
{
    (void)state;
    CHECK_VERDICT (message_judge_time (INT64_MIN, FIXTURE_NOW, INT64_MIN),
                   VERDICT_STALE);
    CHECK_VERDICT (message_judge_time (INT64_MAX, FIXTURE_NOW, INT64_MIN),
                   VERDICT_FUTURE);
    CHECK_VERDICT (message_judge_time (INT64_MIN, INT64_MIN, INT64_MIN),
                   VERDICT_ACCEPTED);
    CHECK_VERDICT (message_judge_time (INT64_MAX, INT64_MAX, INT64_MIN),
                   VERDICT_ACCEPTED);
    CHECK_VERDICT (message_judge_time (0, INT64_MIN, INT64_MIN),
                   VERDICT_FUTURE);
    CHECK_VERDICT (message_judge_time (0, INT64_MAX, INT64_MIN), VERDICT_STALE);
}

/* Returns how many readings the vector NAME has; sets ret to them. */
static int
readings_of (const char *name, enum command command, struct reading ret[2])
{
    char *payload = fixture_payload (name);
    struct untrusted_message message;
    struct refusal why;

    CHECK_VERDICT (
        message_parse (command, bytes_of_text (payload), &message, &why),
        VERDICT_ACCEPTED);
    int count = message_readings (&message, ret);
    message_done (&message);
    free (payload);
    return count;
}

static void
test_a_sorted_qualification_has_one_reading (void **state)
{
    static const struct {
        const char *name;
        enum command command;
        int count;
    } cases[] = {
        {"good econreg key 0", COMMAND_ECONREG, 1},
        {"qualification signed in document order, keys not sorted",
         COMMAND_ECONREG, 2},
        {"qualification signed sorted, sent unsorted", COMMAND_ECONREG, 2},
        {"good econveto key 0", COMMAND_ECONVETO, 1},
        {"good econfork key 0", COMMAND_ECONFORK, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        struct reading readings[2];
        int count = readings_of (cases[i].name, cases[i].command, readings);
        assert_int_equal (count, cases[i].count);
        if (count == 2)
            assert_string_not_equal (readings[0].string, readings[1].string);
        for (int j = 0; j < count; j++) {
            uint8_t digest[DIGEST_SIZE];
            assert_int_equal (readings[j].size, strlen (readings[j].string));
            digest_sha256 (bytes_of_text (readings[j].string), digest);
            assert_memory_equal (digest, readings[j].id.bytes, DIGEST_SIZE);
            reading_done (&readings[j]);
        }
    }
}

static void
test_the_reading_that_was_signed_names_the_message (void **state)
{
    static const char *const names[] = {
        "qualification signed in document order, keys not sorted",
        "qualification signed sorted, sent unsorted"};

    for (size_t i = 0; i < ARRAY_SIZE (names); i++) {
        char *payload = fixture_payload (names[i]);
        struct reading readings[2];
        struct gov_id id;
        CHECK_VERDICT (fixture_judge (*state, COMMAND_ECONREG,
                                      bytes_of_text (payload), FIXTURE_NOW, &id,
                                      NULL),
                       VERDICT_ACCEPTED);
        assert_int_equal (readings_of (names[i], COMMAND_ECONREG, readings), 2);
        assert_memory_equal (&id, &readings[i].id, sizeof id);
        reading_done (&readings[0]);
        reading_done (&readings[1]);
        free (payload);
    }
}

static void
test_unsigned_fields_change_neither_verdict_nor_name (void **state)
{
    static const struct {
        const char *key;
        const char *value;
    } changes[] = {
        {"node_id", "77"}, {"node_id", NULL}, {"decision_reason", "\"other\""}};
    json_t *object = fixture_object (COMMAND_ECONFORK);
    char *text = json_dumps (object, JSON_COMPACT);
    struct gov_id id, changed_id;

    CHECK_VERDICT (fixture_judge (*state, COMMAND_ECONFORK,
                                  bytes_of_text (text), FIXTURE_NOW, &id, NULL),
                   VERDICT_ACCEPTED);
    free (text);
    for (size_t i = 0; i < ARRAY_SIZE (changes); i++) {
        if (changes[i].value == NULL)
            json_object_del (object, changes[i].key);
        else
            json_object_set_new (
                object, changes[i].key,
                json_loads (changes[i].value, JSON_DECODE_ANY, NULL));
        text = json_dumps (object, JSON_COMPACT);
        CHECK_VERDICT (fixture_judge (*state, COMMAND_ECONFORK,
                                      bytes_of_text (text), FIXTURE_NOW,
                                      &changed_id, NULL),
                       VERDICT_ACCEPTED);
        assert_memory_equal (&changed_id, &id, sizeof id);
        free (text);
    }
    json_decref (object);
}

static void
test_a_verified_message_is_what_was_signed (void **state)
{
    char *payload = fixture_payload ("good econveto key 4");
    char *public_key = fixture_public (4);
    struct untrusted_message message;
    struct verified_message verified;
    struct reading readings[2];
    struct refusal why;

    CHECK_VERDICT (message_parse (COMMAND_ECONVETO, bytes_of_text (payload),
                                  &message, &why),
                   VERDICT_ACCEPTED);
    assert_int_equal (message_readings (&message, readings), 1);
    CHECK_VERDICT (
        message_verify (*state, &message, readings, 1, &verified, &why),
        VERDICT_ACCEPTED);
    assert_int_equal (verified.command, COMMAND_ECONVETO);
    assert_int_equal (verified.timestamp, FIXTURE_NOW);
    assert_string_equal (verified.public_key, public_key);
    assert_ptr_equal (verified.payload.data, payload);
    assert_int_equal (verified.payload.size, strlen (payload));
    assert_memory_equal (&verified.id, &readings[0].id, sizeof verified.id);
    reading_done (&readings[0]);
    message_done (&message);
    free (public_key);
    free (payload);
}

static void
test_what_does_not_hold_is_not_trusted (void **state)
{
    static const struct {
        const char *name;
        enum verdict verdict;
        const char *what;
    } cases[] = {
        {"pr changed", VERDICT_BAD_SIGNATURE, "signature"},
        {"x not on the curve", VERDICT_BAD_KEY, "public_key is no point"},
        {"ed25519 neutral point", VERDICT_BAD_KEY, "public_key is no point"},
    };

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        char *payload = fixture_payload (cases[i].name);
        struct untrusted_message message;
        struct verified_message verified = {.command = COMMANDS_};
        struct reading readings[2];
        struct refusal why;
        CHECK_VERDICT (message_parse (COMMAND_ECONVETO, bytes_of_text (payload),
                                      &message, &why),
                       VERDICT_ACCEPTED);
        assert_int_equal (message_readings (&message, readings), 1);
        CHECK_VERDICT (
            message_verify (*state, &message, readings, 1, &verified, &why),
            cases[i].verdict);
        assert_int_equal (why.verdict, cases[i].verdict);
        assert_string_equal (why.clause, "4");
        assert_string_equal (why.what, cases[i].what);
        assert_int_equal (verified.command, COMMANDS_);
        reading_done (&readings[0]);
        message_done (&message);
        free (payload);
    }
}

static void
test_a_status_is_named_by_what_it_asks (void **state)
{
    static const char *const names[] = {"status query by id",
                                        "status query by key",
                                        "status query without status key"};
    struct gov_id ids[ARRAY_SIZE (names)];
    uint8_t expected[DIGEST_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (names); i++) {
        char *payload = fixture_payload (names[i]);
        struct untrusted_message message;
        struct refusal why;
        CHECK_VERDICT (message_parse (COMMAND_ECONSTATUS,
                                      bytes_of_text (payload), &message, &why),
                       VERDICT_ACCEPTED);
        ids[i] = status_name (&message);
        message_done (&message);
        free (payload);
    }
    digest_sha256 (bytes_of_text ("9223372036854775807by_id12"), expected);
    assert_memory_equal (ids[0].bytes, expected, sizeof expected);
    assert_memory_equal (&ids[1], &ids[2], sizeof ids[1]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_size_is_asked_before_anything_else),
        cmocka_unit_test (test_white_space_is_free_up_to_1024_bytes),
        cmocka_unit_test (test_white_space_inside_a_string_is_not_counted),
        cmocka_unit_test (test_nesting_ends_at_16),
        cmocka_unit_test (test_json_is_asked_before_schema),
        cmocka_unit_test (test_what_is_no_object_is_malformed),
        cmocka_unit_test (test_a_raw_nul_behind_a_number_is_malformed),
        cmocka_unit_test (test_a_refusal_names_key_and_clause),
        cmocka_unit_test (test_a_parsed_message_has_its_fields),
        cmocka_unit_test (test_a_status_is_a_query_or_a_response),
        cmocka_unit_test (test_time_has_sharp_ends),
        cmocka_unit_test (test_what_was_forgotten_is_stale),
        cmocka_unit_test (test_no_time_is_too_far_to_be_judged),
        cmocka_unit_test (test_a_sorted_qualification_has_one_reading),
        cmocka_unit_test (test_the_reading_that_was_signed_names_the_message),
        cmocka_unit_test (test_unsigned_fields_change_neither_verdict_nor_name),
        cmocka_unit_test (test_a_verified_message_is_what_was_signed),
        cmocka_unit_test (test_what_does_not_hold_is_not_trusted),
        cmocka_unit_test (test_a_status_is_named_by_what_it_asks),
    };

    return cmocka_run_group_tests (tests, setup_keys, teardown_keys);
}
