/* SPDX-License-Identifier: MIT */
/* schema_test - every rule of PROTOCOL 3.1, 3.2 and the forms of 4, on its
 * boundary: at it, one below, one above. */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

/* Returns SIZE times C, in a buffer that the next call reuses. */
static const char *
repeat (char c, size_t size)
{
    static char text[8192];

    assert_true (size < sizeof text);
    memset (text, c, size);
    text[size] = '\0';
    return text;
}

static void
check_text (enum command command, const char *key, const char *text,
            enum verdict expected)
{
    json_t *value = json_string (text);

    assert_non_null (value);
    enum verdict verdict = fixture_parse_with (command, key, value);
    if (verdict != expected)
        fail_msg ("%s \"%s\": %s", key, text, verdict_name (verdict));
}

static void
check_json (enum command command, const char *key, const char *json,
            enum verdict expected)
{
    json_t *value = json_loads (json, JSON_DECODE_ANY, NULL);

    assert_non_null (value);
    enum verdict verdict = fixture_parse_with (command, key, value);
    if (verdict != expected)
        fail_msg ("%s %s: %s", key, json, verdict_name (verdict));
}

/* Checks "1..128 of" a set of characters. */
static void
check_label (enum command command, const char *key, const char *extra)
{
    check_text (command, key, "", VERDICT_SCHEMA);
    check_text (command, key, "a", VERDICT_ACCEPTED);
    check_text (command, key, repeat ('z', 127), VERDICT_ACCEPTED);
    check_text (command, key, repeat ('z', 128), VERDICT_ACCEPTED);
    check_text (command, key, repeat ('z', 129), VERDICT_SCHEMA);
    check_text (command, key, "\xc3\xa9", VERDICT_SCHEMA);
    for (char c = 1; c < 127; c++) {
        bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
                    || (c >= 'A' && c <= 'Z') || strchr (extra, c) != NULL;
        char text[] = {'a', c, 'b', '\0'};
        check_text (command, key, text,
                    good ? VERDICT_ACCEPTED : VERDICT_SCHEMA);
    }
}

static void
test_message_id_is_1_to_128_of_its_characters (void **state)
{
    (void)state;
    check_label (COMMAND_ECONVETO, "message_id", "_-");
    check_label (COMMAND_ECONREG, "message_id", "_-");
    check_label (COMMAND_ECONFORK, "message_id", "_-");
}

static void
test_chosen_ruleset_is_1_to_128_of_its_characters (void **state)
{
    (void)state;
    check_label (COMMAND_ECONFORK, "chosen_ruleset", "._+-");
}

static void
test_entity_name_is_1_to_128_bytes (void **state)
{
    (void)state;
    check_text (COMMAND_ECONREG, "entity_name", "", VERDICT_SCHEMA);
    check_text (COMMAND_ECONREG, "entity_name", "n", VERDICT_ACCEPTED);
    check_text (COMMAND_ECONREG, "entity_name", repeat ('n', 127),
                VERDICT_ACCEPTED);
    check_text (COMMAND_ECONREG, "entity_name", repeat ('n', 128),
                VERDICT_ACCEPTED);
    check_text (COMMAND_ECONREG, "entity_name", repeat ('n', 129),
                VERDICT_SCHEMA);
}

static void
test_entity_name_has_no_control_character (void **state)
{
    (void)state;
    for (char c = 1; c < 127; c++) {
        char text[] = {'a', c, 'b', '\0'};
        check_text (COMMAND_ECONREG, "entity_name", text,
                    c >= 0x20 ? VERDICT_ACCEPTED : VERDICT_SCHEMA);
    }
    check_text (COMMAND_ECONREG, "entity_name", "a\x7f", VERDICT_SCHEMA);
}

static void
test_entity_name_has_no_space_at_its_ends (void **state)
{
    (void)state;
    check_text (COMMAND_ECONREG, "entity_name", " ", VERDICT_SCHEMA);
    check_text (COMMAND_ECONREG, "entity_name", " a", VERDICT_SCHEMA);
    check_text (COMMAND_ECONREG, "entity_name", "a ", VERDICT_SCHEMA);
    check_text (COMMAND_ECONREG, "entity_name", "a  b", VERDICT_ACCEPTED);
}

static void
test_decision_reason_is_at_most_2048_bytes (void **state)
{
    (void)state;
    check_text (COMMAND_ECONFORK, "decision_reason", "", VERDICT_ACCEPTED);
    check_text (COMMAND_ECONFORK, "decision_reason", repeat ('r', 2047),
                VERDICT_ACCEPTED);
    check_text (COMMAND_ECONFORK, "decision_reason", repeat ('r', 2048),
                VERDICT_ACCEPTED);
    check_text (COMMAND_ECONFORK, "decision_reason", repeat ('r', 2049),
                VERDICT_SCHEMA);
}

static void
test_decision_reason_may_hold_newline_and_tab_only (void **state)
{
    (void)state;
    for (int c = 1; c < 128; c++) {
        char text[] = {(char)c, '\0'};
        bool good = (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t';
        check_text (COMMAND_ECONFORK, "decision_reason", text,
                    good ? VERDICT_ACCEPTED : VERDICT_SCHEMA);
    }
}

struct json_case {
    const char *json;
    enum verdict verdict;
};

static void
check_cases (enum command command, const char *key,
             const struct json_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_json (command, key, cases[i].json, cases[i].verdict);
}

static void
test_pr_id_is_an_int32_from_1 (void **state)
{
    static const struct json_case cases[] = {
        {"-1", VERDICT_SCHEMA},           {"0", VERDICT_SCHEMA},
        {"1", VERDICT_ACCEPTED},          {"2147483646", VERDICT_ACCEPTED},
        {"2147483647", VERDICT_ACCEPTED}, {"2147483648", VERDICT_SCHEMA},
        {"4294967297", VERDICT_SCHEMA},   {"1.0", VERDICT_SCHEMA},
        {"1e0", VERDICT_SCHEMA},          {"\"1\"", VERDICT_SCHEMA},
        {"true", VERDICT_SCHEMA},         {"null", VERDICT_SCHEMA},
        {"[1]", VERDICT_SCHEMA},          {"{}", VERDICT_SCHEMA},
    };

    (void)state;
    check_cases (COMMAND_ECONVETO, "pr_id", cases, ARRAY_SIZE (cases));
}

static void
test_node_id_is_an_int32_or_null_or_absent (void **state)
{
    static const struct json_case cases[] = {
        {"null", VERDICT_ACCEPTED},        {"0", VERDICT_ACCEPTED},
        {"-2147483648", VERDICT_ACCEPTED}, {"-2147483649", VERDICT_SCHEMA},
        {"2147483647", VERDICT_ACCEPTED},  {"2147483648", VERDICT_SCHEMA},
        {"1.0", VERDICT_SCHEMA},           {"\"1\"", VERDICT_SCHEMA},
        {"false", VERDICT_SCHEMA},         {"[]", VERDICT_SCHEMA},
    };
    static const enum command commands[] = {COMMAND_ECONVETO, COMMAND_ECONFORK};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (commands); i++) {
        check_cases (commands[i], "node_id", cases, ARRAY_SIZE (cases));
        CHECK_VERDICT (fixture_parse_with (commands[i], "node_id", NULL),
                       VERDICT_ACCEPTED);
    }
    check_json (COMMAND_ECONREG, "node_id", "1", VERDICT_SCHEMA);
}

static void
test_timestamp_is_any_int64 (void **state)
{
    static const struct json_case cases[] = {
        {"0", VERDICT_ACCEPTED},
        {"-1", VERDICT_ACCEPTED},
        {"9223372036854775807", VERDICT_ACCEPTED},
        {"-9223372036854775808", VERDICT_ACCEPTED},
        {"1.0", VERDICT_SCHEMA},
        {"1e9", VERDICT_SCHEMA},
        {"\"1\"", VERDICT_SCHEMA},
        {"null", VERDICT_SCHEMA},
    };

    (void)state;
    for (unsigned i = 0; i < COMMAND_ECONSTATUS; i++)
        check_cases ((enum command)i, "timestamp", cases, ARRAY_SIZE (cases));
}

static void
test_words_are_exactly_those_of_the_protocol (void **state)
{
    static const char *const bad[] = {
        "", "VETO", "veto ", "mining pool", "veto\n", "Exchange", "by_name"};

    (void)state;
    for (unsigned i = 0; i < NODE_TYPES_; i++)
        check_text (COMMAND_ECONREG, "node_type",
                    node_type_name ((enum node_type)i), VERDICT_ACCEPTED);
    for (unsigned i = 0; i < SIGNALS_; i++)
        check_text (COMMAND_ECONVETO, "signal_type",
                    signal_type_name ((enum signal_type)i), VERDICT_ACCEPTED);
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        check_text (COMMAND_ECONREG, "node_type", bad[i], VERDICT_SCHEMA);
        check_text (COMMAND_ECONVETO, "signal_type", bad[i], VERDICT_SCHEMA);
        check_text (COMMAND_ECONSTATUS, "query_type", bad[i], VERDICT_SCHEMA);
    }
}

static void
test_qualification_is_any_object (void **state)
{
    static const struct json_case cases[] = {
        {"{}", VERDICT_ACCEPTED}, {"{\"\":[null,1.5]}", VERDICT_ACCEPTED},
        {"[]", VERDICT_SCHEMA},   {"\"{}\"", VERDICT_SCHEMA},
        {"null", VERDICT_SCHEMA}, {"1", VERDICT_SCHEMA},
    };

    (void)state;
    check_cases (COMMAND_ECONREG, "qualification_data", cases,
                 ARRAY_SIZE (cases));
}

static void
test_request_id_is_an_int64_from_0 (void **state)
{
    static const struct json_case cases[] = {
        {"-1", VERDICT_SCHEMA},    {"0", VERDICT_ACCEPTED},
        {"1", VERDICT_ACCEPTED},   {"9223372036854775807", VERDICT_ACCEPTED},
        {"1.0", VERDICT_SCHEMA},   {"null", VERDICT_SCHEMA},
        {"\"1\"", VERDICT_SCHEMA},
    };

    (void)state;
    check_cases (COMMAND_ECONSTATUS, "request_id", cases, ARRAY_SIZE (cases));
}

static enum verdict
parse_query (const char *type, const char *identifier)
{
    char text[256];
    int size = snprintf (text, sizeof text,
                         "{\"request_id\":1,\"node_identifier\":\"%s\","
                         "\"query_type\":\"%s\"}",
                         identifier, type);

    return fixture_parse (COMMAND_ECONSTATUS, bytes_of (text, (size_t)size),
                          NULL);
}

static void
test_by_id_takes_one_spelling_of_an_int32 (void **state)
{
    static const char *const good[] = {"0",  "1",          "12",
                                       "-1", "2147483647", "-2147483648"};
    static const char *const bad[] = {
        "",           "-",           "-0",          "00",
        "01",         "-01",         "+1",          " 1",
        "1 ",         "1.0",         "0x1",         "abc",
        "2147483648", "-2147483649", "99999999999", "999999999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (good); i++)
        CHECK_VERDICT (parse_query ("by_id", good[i]), VERDICT_ACCEPTED);
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++)
        CHECK_VERDICT (parse_query ("by_id", bad[i]), VERDICT_SCHEMA);
}

static void
test_by_public_key_takes_the_form_of_a_key (void **state)
{
    char *ecdsa = fixture_public (0);
    char *ed25519 = fixture_public (4);

    (void)state;
    CHECK_VERDICT (parse_query ("by_public_key", ecdsa), VERDICT_ACCEPTED);
    CHECK_VERDICT (parse_query ("by_public_key", ed25519), VERDICT_ACCEPTED);
    CHECK_VERDICT (parse_query ("by_id", ecdsa), VERDICT_SCHEMA);
    CHECK_VERDICT (parse_query ("by_public_key", "12"), VERDICT_SCHEMA);
    CHECK_VERDICT (parse_query ("by_public_key", ""), VERDICT_SCHEMA);
    ecdsa[5] = 'F';
    CHECK_VERDICT (parse_query ("by_public_key", ecdsa), VERDICT_SCHEMA);
    free (ecdsa);
    free (ed25519);
}

/* Parses a good status response with KEY of its status set to VALUE (JSON;
 * NULL removes it). */
static void
check_response (const char *key, const char *json, enum verdict expected)
{
    char *payload = fixture_payload ("status response");
    json_t *object = json_loads (payload, 0, NULL);
    json_t *status = json_object_get (object, "status");

    if (json == NULL)
        assert_int_equal (json_object_del (status, key), 0);
    else
        assert_int_equal (
            json_object_set_new (status, key,
                                 json_loads (json, JSON_DECODE_ANY, NULL)),
            0);
    enum verdict verdict =
        fixture_parse_with (COMMAND_ECONSTATUS, "status", json_incref (status));
    if (verdict != expected)
        fail_msg ("status.%s %s: %s", key, json, verdict_name (verdict));
    json_decref (object);
    free (payload);
}

static void
test_a_response_holds_exactly_its_seven_keys (void **state)
{
    static const char *const keys[] = {
        "node_id", "node_type",     "entity_name",      "status",
        "weight",  "registered_at", "last_verified_at",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (keys); i++) {
        check_response (keys[i], NULL, VERDICT_SCHEMA);
        check_response (keys[i], "[]", VERDICT_SCHEMA);
        check_response (keys[i], "null",
                        strcmp (keys[i], "last_verified_at") == 0
                            ? VERDICT_ACCEPTED
                            : VERDICT_SCHEMA);
    }
    check_response ("more", "1", VERDICT_SCHEMA);
}

static void
test_weight_is_a_number_from_0_to_1 (void **state)
{
    (void)state;
    check_response ("weight", "0", VERDICT_ACCEPTED);
    check_response ("weight", "1", VERDICT_ACCEPTED);
    check_response ("weight", "0.0", VERDICT_ACCEPTED);
    check_response ("weight", "1.0", VERDICT_ACCEPTED);
    check_response ("weight", "2", VERDICT_SCHEMA);
    check_response ("weight", "-1", VERDICT_SCHEMA);
    check_response ("weight", "-1e-9", VERDICT_SCHEMA);
    check_response ("weight", "1.0000000000000002", VERDICT_SCHEMA);
    check_response ("weight", "\"1\"", VERDICT_SCHEMA);
}

static void
test_values_of_a_response_keep_their_bounds (void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODE_STATUSES_; i++) {
        char json[32];
        (void)snprintf (json, sizeof json, "\"%s\"",
                        node_status_name ((enum node_status)i));
        check_response ("status", json, VERDICT_ACCEPTED);
    }
    check_response ("status", "\"gone\"", VERDICT_SCHEMA);
    check_response ("node_id", "2147483647", VERDICT_ACCEPTED);
    check_response ("node_id", "2147483648", VERDICT_SCHEMA);
    check_response ("node_type", "\"bank\"", VERDICT_SCHEMA);
    check_response ("entity_name", "\" a\"", VERDICT_SCHEMA);
    check_response ("registered_at", "1.5", VERDICT_SCHEMA);
    check_response ("last_verified_at", "-5", VERDICT_ACCEPTED);
    check_response ("last_verified_at", "\"5\"", VERDICT_SCHEMA);
}

static void
test_a_status_is_an_object_or_null_or_absent (void **state)
{
    (void)state;
    check_json (COMMAND_ECONSTATUS, "status", "null", VERDICT_ACCEPTED);
    check_json (COMMAND_ECONSTATUS, "status", "{}", VERDICT_SCHEMA);
    check_json (COMMAND_ECONSTATUS, "status", "[]", VERDICT_SCHEMA);
    check_json (COMMAND_ECONSTATUS, "status", "false", VERDICT_SCHEMA);
    check_json (COMMAND_ECONSTATUS, "status", "\"active\"", VERDICT_SCHEMA);
    CHECK_VERDICT (fixture_parse_with (COMMAND_ECONSTATUS, "status", NULL),
                   VERDICT_ACCEPTED);
}

static void
test_each_key_must_be_there_and_none_may_be_null_or_more (void **state)
{
    (void)state;
    for (unsigned i = 0; i < COMMANDS_; i++) {
        enum command command = (enum command)i;
        json_t *object = fixture_object (command);
        const char *key;
        json_t *value;
        json_object_foreach (object, key, value)
        {
            if (strcmp (key, "node_id") == 0 || strcmp (key, "status") == 0)
                continue;
            CHECK_VERDICT (fixture_parse_with (command, key, NULL),
                           VERDICT_SCHEMA);
            CHECK_VERDICT (fixture_parse_with (command, key, json_null ()),
                           VERDICT_SCHEMA);
            CHECK_VERDICT (fixture_parse_with (command, key, json_true ()),
                           VERDICT_SCHEMA);
        }
        json_decref (object);
        CHECK_VERDICT (fixture_parse_with (command, "more", json_null ()),
                       VERDICT_SCHEMA);
        CHECK_VERDICT (fixture_parse_with (command, "", json_null ()),
                       VERDICT_SCHEMA);
    }
}

static void
test_one_command_is_not_another (void **state)
{
    (void)state;
    for (unsigned i = 0; i < COMMANDS_; i++) {
        json_t *object = fixture_object ((enum command)i);
        char *text = json_dumps (object, JSON_COMPACT);
        for (unsigned j = 0; j < COMMANDS_; j++)
            CHECK_VERDICT (
                fixture_parse ((enum command)j, bytes_of_text (text), NULL),
                i == j ? VERDICT_ACCEPTED : VERDICT_SCHEMA);
        free (text);
        json_decref (object);
    }
}

static void
test_public_keys_have_one_form_per_scheme (void **state)
{
    (void)state;
    for (size_t size = 62; size <= 68; size++) {
        char text[80];
        memcpy (text, repeat ('a', size), size + 1);
        memcpy (text, "02", 2);
        check_text (COMMAND_ECONVETO, "public_key", text,
                    size == 64 || size == 66 ? VERDICT_ACCEPTED
                                             : VERDICT_BAD_KEY);
        text[1] = '4';
        check_text (COMMAND_ECONVETO, "public_key", text,
                    size == 64 ? VERDICT_ACCEPTED : VERDICT_BAD_KEY);
        text[10] = 'A';
        check_text (COMMAND_ECONVETO, "public_key", text, VERDICT_BAD_KEY);
    }
    check_text (COMMAND_ECONVETO, "public_key", "", VERDICT_BAD_KEY);
}

static void
test_signatures_have_one_form (void **state)
{
    char text[129];

    (void)state;
    check_text (COMMAND_ECONVETO, "signature", "", VERDICT_BAD_SIGNATURE);
    check_text (COMMAND_ECONVETO, "signature", repeat ('0', 127),
                VERDICT_BAD_SIGNATURE);
    check_text (COMMAND_ECONVETO, "signature", repeat ('0', 128),
                VERDICT_ACCEPTED);
    check_text (COMMAND_ECONVETO, "signature", repeat ('0', 129),
                VERDICT_BAD_SIGNATURE);
    memcpy (text, repeat ('a', 128), sizeof text);
    text[127] = 'A';
    check_text (COMMAND_ECONVETO, "signature", text, VERDICT_BAD_SIGNATURE);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_message_id_is_1_to_128_of_its_characters),
        cmocka_unit_test (test_chosen_ruleset_is_1_to_128_of_its_characters),
        cmocka_unit_test (test_entity_name_is_1_to_128_bytes),
        cmocka_unit_test (test_entity_name_has_no_control_character),
        cmocka_unit_test (test_entity_name_has_no_space_at_its_ends),
        cmocka_unit_test (test_decision_reason_is_at_most_2048_bytes),
        cmocka_unit_test (test_decision_reason_may_hold_newline_and_tab_only),
        cmocka_unit_test (test_pr_id_is_an_int32_from_1),
        cmocka_unit_test (test_node_id_is_an_int32_or_null_or_absent),
        cmocka_unit_test (test_timestamp_is_any_int64),
        cmocka_unit_test (test_words_are_exactly_those_of_the_protocol),
        cmocka_unit_test (test_qualification_is_any_object),
        cmocka_unit_test (test_request_id_is_an_int64_from_0),
        cmocka_unit_test (test_by_id_takes_one_spelling_of_an_int32),
        cmocka_unit_test (test_by_public_key_takes_the_form_of_a_key),
        cmocka_unit_test (test_a_response_holds_exactly_its_seven_keys),
        cmocka_unit_test (test_weight_is_a_number_from_0_to_1),
        cmocka_unit_test (test_values_of_a_response_keep_their_bounds),
        cmocka_unit_test (test_a_status_is_an_object_or_null_or_absent),
        cmocka_unit_test (
            test_each_key_must_be_there_and_none_may_be_null_or_more),
        cmocka_unit_test (test_one_command_is_not_another),
        cmocka_unit_test (test_public_keys_have_one_form_per_scheme),
        cmocka_unit_test (test_signatures_have_one_form),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
