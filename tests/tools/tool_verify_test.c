/* SPDX-License-Identifier: MIT */
/* tool_verify_test - `govrelay verify` says of every message vector what an
 * independent implementation of the protocol says. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "hex.h"
#include "tool_support.h"

static const char *
text_of (const json_t *vector, const char *key)
{
    return json_string_value (json_object_get (vector, key));
}

/* Returns the payload of VECTOR as a line of a file, yours to free (). */
static char *
payload_line (const json_t *vector, size_t *ret_size)
{
    const char *hex = text_of (vector, "payload_hex");
    const json_t *text = json_object_get (vector, "payload");
    size_t size = hex != NULL ? strlen (hex) / 2 : json_string_length (text);
    char *line = malloc (size + 1);

    assert_non_null (line);
    if (hex != NULL)
        assert_int_equal (
            hex_decode (bytes_of_text (hex), (uint8_t *)line, size), 0);
    else
        memcpy (line, json_string_value (text), size);
    line[size] = '\n';
    *ret_size = size + 1;
    return line;
}

static void
check_vector (const json_t *vector, bool tell_command)
{
    const char *expected = text_of (vector, "verdict");
    bool accepted = strcmp (expected, "accepted") == 0;
    char at[32];
    size_t size;
    char *line = payload_line (vector, &size);
    const char *words[] = {"verify", "--json",    "--at",
                           at,       "--command", text_of (vector, "command"),
                           NULL};

    (void)snprintf (
        at, sizeof at, "%lld",
        (long long)json_integer_value (json_object_get (vector, "now")));
    if (!tell_command)
        words[4] = NULL;
    struct run run = run_words (line, size, words);
    char *verdict = json_text_of (run.output, "verdict");
    if (strcmp (verdict, expected) != 0)
        fail_msg ("%s: %s, not %s", text_of (vector, "name"), verdict,
                  expected);
    assert_int_equal (run.code, accepted ? 0 : 1);
    if (text_of (vector, "gov_id") != NULL) {
        char *id = json_text_of (run.output, "gov_id");
        assert_string_equal (id, text_of (vector, "gov_id"));
        free (id);
    }
    if (!accepted)
        assert_null (strstr (run.output, "\"clause\":null"));
    free (verdict);
    run_done (&run);
    free (line);
}

static void
test_every_vector_gets_its_verdict_and_its_name (void **state)
{
    json_t *vectors = json_load_file ("tests/vectors/messages.json", 0, NULL);
    size_t i;
    json_t *vector;

    (void)state;
    assert_true (json_array_size (vectors) > 100);
    json_array_foreach (vectors, i, vector)
    {
        check_vector (vector, true);
    }
    json_decref (vectors);
}

static void
test_command_is_told_by_the_keys_of_a_good_message (void **state)
{
    json_t *vectors = json_load_file ("tests/vectors/messages.json", 0, NULL);
    size_t i;
    json_t *vector;

    (void)state;
    json_array_foreach (vectors, i, vector)
    {
        if (strcmp (text_of (vector, "verdict"), "accepted") == 0
            || strcmp (text_of (vector, "verdict"), "malformed") == 0)
            check_vector (vector, false);
    }
    json_decref (vectors);
}

static void
test_refusal_names_clause_and_key (void **state)
{
    (void)state;
    CHECK_RUN_WITH ("hello", 1, "", "verify");
    struct run run = RUN_WITH ("{\"signal_type\":\"no\"}\n", "verify");
    assert_int_equal (run.code, 1);
    assert_non_null (strstr (run.output, "verdict           schema\n"));
    assert_non_null (strstr (run.output, "command           econveto\n"));
    assert_non_null (strstr (run.output, "reason            PROTOCOL 3."));
    run_done (&run);
}

static void
test_object_of_no_command_is_refused (void **state)
{
    struct run run = RUN_WITH ("{\"a\":1}", "verify");

    (void)state;
    assert_int_equal (run.code, 1);
    assert_non_null (strstr (run.output, "schema"));
    assert_non_null (strstr (run.output, "those of no command"));
    run_done (&run);
}

static void
test_file_of_lines_is_accepted_only_if_every_line_is (void **state)
{
    char *key = key_make (state, "key", "ed25519");
    char *a = veto_make (key, "1"), *b = veto_make (key, "2");
    char *good, *bad;

    assert_true (asprintf (&good, "\n%s\r\n\n%s", a, b) > 0);
    assert_true (asprintf (&bad, "%s\n%s\nhello\n", a, b) > 0);
    char *path = file_make (state, "good", good);
    struct run run = RUN ("verify", "--json", path);
    assert_int_equal (run.code, 0);
    const char *second = strchr (run.output, '\n') + 1;
    assert_int_equal (strncmp (run.output, "{\"verdict\":\"accepted\"", 21), 0);
    assert_int_equal (strncmp (second, "{\"verdict\":\"accepted\"", 21), 0);
    run_done (&run);

    run = RUN_WITH (bad, "verify", "--json");
    assert_int_equal (run.code, 1);
    assert_non_null (strstr (run.output, "\"malformed\""));
    run_done (&run);
    free (good);
    free (bad);
    free (path);
    free (a);
    free (b);
    free (key);
}

static void
test_message_laid_out_over_lines_is_one_message (void **state)
{
    char *key = key_make (state, "key", "ed25519");
    char *veto = veto_make (key, "1");
    json_t *object = json_loads (veto, 0, NULL);
    char *text = json_dumps (object, JSON_INDENT (2));

    CHECK_RUN_WITH (text, 0, "accepted", "verify");
    json_decref (object);
    free (text);
    free (veto);
    free (key);
}

static void
test_status_is_called_unauthenticated (void **state)
{
    static const char query[] = "{\"request_id\":1,\"node_identifier\":\"5\","
                                "\"query_type\":\"by_id\"}";

    (void)state;
    CHECK_RUN_WITH (query, 0, "unauthenticated", "verify");
    CHECK_RUN_WITH (query, 0, "\"unauthenticated\":true", "verify", "--json");
}

static void
test_file_that_is_not_there_is_named (void **state)
{
    char *path = path_in (state, "missing");

    CHECK_RUN (1, "missing: No such file", "verify", path);
    free (path);
}

#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown (function, directory_make, directory_remove)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_every_vector_gets_its_verdict_and_its_name),
        cmocka_unit_test (test_command_is_told_by_the_keys_of_a_good_message),
        cmocka_unit_test (test_refusal_names_clause_and_key),
        cmocka_unit_test (test_object_of_no_command_is_refused),
        TEST (test_file_of_lines_is_accepted_only_if_every_line_is),
        TEST (test_message_laid_out_over_lines_is_one_message),
        cmocka_unit_test (test_status_is_called_unauthenticated),
        TEST (test_file_that_is_not_there_is_named),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
