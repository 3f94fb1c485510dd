/* SPDX-License-Identifier: MIT */
/* compose_test - messages made from fields are messages of the protocol. */
#include <stdlib.h>

#include "fixture.h"
#include "messages/governance/compose.h"

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

static const char *
member_text (const json_t *object, const char *key)
{
    return json_string_value (json_object_get (object, key));
}

static void
check_text (char *text, const char *expected)
{
    assert_non_null (text);
    assert_string_equal (text, expected);
    free (text);
}

/* The vectors come from another implementation; from their fields we make
 * their bytes. */
static void
test_a_registration_is_that_of_the_vectors (void **state)
{
    char *payload = fixture_payload ("good econreg key 0");
    json_t *object = fixture_object (COMMAND_ECONREG);
    struct registration_fields fields = {
        .node_type = NODE_MINING_POOL,
        .entity_name = member_text (object, "entity_name"),
        .public_key = member_text (object, "public_key"),
        .qualification = json_object_get (object, "qualification_data"),
        .timestamp = FIXTURE_NOW,
        .message_id = member_text (object, "message_id"),
    };

    (void)state;
    check_text (
        compose_registration (&fields, member_text (object, "signature")),
        payload);
    json_decref (object);
    free (payload);
}

static void
test_a_veto_is_that_of_the_vectors (void **state)
{
    char *payload = fixture_payload ("good econveto key 0");
    json_t *object = fixture_object (COMMAND_ECONVETO);
    struct veto_fields fields = {
        .public_key = member_text (object, "public_key"),
        .pr_id = 123,
        .signal_type = SIGNAL_VETO,
        .timestamp = FIXTURE_NOW,
        .message_id = member_text (object, "message_id"),
    };

    (void)state;
    check_text (compose_veto (&fields, member_text (object, "signature")),
                payload);
    json_decref (object);
    free (payload);
}

static void
test_a_fork_decision_is_that_of_the_vectors (void **state)
{
    char *payload = fixture_payload ("node_id given");
    json_t *object = json_loads (payload, 0, NULL);
    struct fork_fields fields = {
        .has_node_id = true,
        .node_id = 12,
        .public_key = member_text (object, "public_key"),
        .chosen_ruleset = member_text (object, "chosen_ruleset"),
        .decision_reason = member_text (object, "decision_reason"),
        .timestamp = FIXTURE_NOW,
        .message_id = member_text (object, "message_id"),
    };

    (void)state;
    check_text (compose_fork (&fields, member_text (object, "signature")),
                payload);
    json_decref (object);
    free (payload);
}

static void
test_status_messages_are_those_of_the_vectors (void **state)
{
    char *query = fixture_payload ("status query by id");
    char *response = fixture_payload ("status response");
    char *public_key = fixture_public (0);
    struct status_query_fields query_fields = {
        .request_id = INT64_MAX,
        .node_identifier = "12",
        .query_type = QUERY_BY_ID,
    };
    struct status_response_fields response_fields = {
        .query = {.request_id = 5,
                  .node_identifier = public_key,
                  .query_type = QUERY_BY_PUBLIC_KEY},
        .node_id = 12,
        .node_type = NODE_MINING_POOL,
        .entity_name = "Test Pool",
        .status = NODE_ACTIVE,
        .weight = 0.35,
        .registered_at = FIXTURE_NOW,
    };

    (void)state;
    check_text (compose_status_query (&query_fields), query);
    check_text (compose_status_response (&response_fields), response);

    response_fields.has_last_verified = true;
    response_fields.last_verified_at = 7;
    char *text = compose_status_response (&response_fields);
    assert_non_null (strstr (text, "\"last_verified_at\":7}}"));
    CHECK_VERDICT (
        fixture_parse (COMMAND_ECONSTATUS, bytes_of_text (text), NULL),
        VERDICT_ACCEPTED);
    free (text);
    free (public_key);
    free (response);
    free (query);
}

static void
test_qualification_keys_are_sorted_so_that_readings_agree (void **state)
{
    json_t *qualification = json_loads (
        "{\"z\":{\"b\":1.50,\"a\":-0.0},\"a\":[{\"y\":1,\"x\":1e-7}]}", 0,
        NULL);
    char *public_key = fixture_public (0);
    struct secret_key key = fixture_secret (*state, 0);
    struct registration_fields fields = {
        .node_type = NODE_EXCHANGE,
        .entity_name = "B\xc3\xb6rse \"A\" \\ /",
        .public_key = public_key,
        .qualification = qualification,
        .timestamp = FIXTURE_NOW,
        .message_id = "m",
    };
    struct untrusted_message message;
    struct reading readings[2];
    struct refusal why;
    struct gov_id id;
    char *text = NULL;

    char *bare = compose_registration (&fields, NULL);
    assert_non_null (strstr (bare, "\"qualification_data\":{\"a\":[{\"x\":1e-7,"
                                   "\"y\":1}],\"z\":{\"a\":-0.0,\"b\":1.5}}"));
    assert_int_equal (compose_signed (*state, &key, COMMAND_ECONREG,
                                      bytes_of_text (bare), &text, &why),
                      0);
    CHECK_VERDICT (
        message_parse (COMMAND_ECONREG, bytes_of_text (text), &message, &why),
        VERDICT_ACCEPTED);
    assert_int_equal (message_readings (&message, readings), 1);
    reading_done (&readings[0]);
    message_done (&message);
    CHECK_VERDICT (fixture_judge (*state, COMMAND_ECONREG, bytes_of_text (text),
                                  FIXTURE_NOW, &id, NULL),
                   VERDICT_ACCEPTED);
    free (text);
    free (bare);
    free (public_key);
    json_decref (qualification);
}

static void
test_every_key_signs_what_relays_accept (void **state)
{
    for (size_t i = 0; i < FIXTURE_KEYS; i++) {
        struct secret_key key = fixture_secret (*state, i);
        char *public_key = fixture_public (i);
        struct veto_fields fields = {
            .public_key = public_key,
            .pr_id = INT32_MAX,
            .signal_type = SIGNAL_ABSTAIN,
            .timestamp = FIXTURE_NOW,
            .message_id = "veto-1",
        };
        struct refusal why;
        struct gov_id id;
        char *text = NULL;
        char *bare = compose_veto (&fields, NULL);
        assert_null (strstr (bare, "signature"));
        assert_int_equal (compose_signed (*state, &key, COMMAND_ECONVETO,
                                          bytes_of_text (bare), &text, &why),
                          0);
        CHECK_VERDICT (fixture_judge (*state, COMMAND_ECONVETO,
                                      bytes_of_text (text), FIXTURE_NOW, &id,
                                      NULL),
                       VERDICT_ACCEPTED);
        free (text);
        free (bare);
        free (public_key);
    }
}

/* As a hardware signer does: the string out, the signature back in. */
static void
test_a_signature_made_elsewhere_is_attached (void **state)
{
    struct secret_key key = fixture_secret (*state, 0);
    char *payload = fixture_payload ("good econveto key 0");
    json_t *object = fixture_object (COMMAND_ECONVETO);
    char signature[SIGNATURE_TEXT_SIZE + 1];
    char *string = NULL;
    struct refusal why;

    json_object_del (object, "signature");
    char *bare = json_dumps (object, 0);
    CHECK_VERDICT (compose_signing_string (COMMAND_ECONVETO,
                                           bytes_of_text (bare), &string, &why),
                   VERDICT_ACCEPTED);
    assert_int_equal (
        signature_make (*state, &key, bytes_of_text (string), signature), 0);
    check_text (compose_attach (bytes_of_text (bare), signature), payload);
    /* and in place of another one */
    check_text (compose_attach (bytes_of_text (payload), signature), payload);
    free (string);
    free (bare);
    json_decref (object);
    free (payload);
}

static void
test_only_the_secret_of_the_key_in_it_signs_a_message (void **state)
{
    struct secret_key other = fixture_secret (*state, 1);
    json_t *object = fixture_object (COMMAND_ECONVETO);
    char *bare = json_dumps (object, 0);
    struct refusal why;
    char *text = NULL;

    assert_int_equal (compose_signed (*state, &other, COMMAND_ECONVETO,
                                      bytes_of_text (bare), &text, &why),
                      -EINVAL);
    assert_int_equal (why.verdict, VERDICT_BAD_KEY);
    assert_null (text);
    free (bare);
    json_decref (object);
}

static void
test_what_would_be_refused_is_not_signed (void **state)
{
    char *public_key = fixture_public (0);
    struct secret_key key = fixture_secret (*state, 0);
    struct veto_fields fields = {
        .public_key = public_key,
        .pr_id = 0,
        .signal_type = SIGNAL_VETO,
        .timestamp = FIXTURE_NOW,
        .message_id = "m",
    };
    char *bare = compose_veto (&fields, NULL);
    struct refusal why;
    char *text = NULL;

    assert_int_equal (compose_signed (*state, &key, COMMAND_ECONVETO,
                                      bytes_of_text (bare), &text, &why),
                      -EINVAL);
    assert_int_equal (why.verdict, VERDICT_SCHEMA);
    assert_string_equal (why.what, "pr_id");
    CHECK_VERDICT (compose_signing_string (COMMAND_ECONVETO,
                                           bytes_of_text ("[]"), &text, &why),
                   VERDICT_MALFORMED);
    assert_null (text);
    free (bare);
    free (public_key);
}

static void
test_text_that_is_not_utf8_makes_no_message (void **state)
{
    struct veto_fields fields = {
        .public_key = "02",
        .pr_id = 1,
        .signal_type = SIGNAL_VETO,
        .message_id = "\xff",
    };

    (void)state;
    assert_null (compose_veto (&fields, NULL));
    fields.message_id = NULL;
    assert_null (compose_veto (&fields, NULL));
    assert_null (compose_attach (bytes_of_text ("5"), "00"));
    assert_null (compose_attach (bytes_of_text (""), "00"));
    assert_null (compose_attach (bytes_of_text ("{}"), "\xff"));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_a_registration_is_that_of_the_vectors),
        cmocka_unit_test (test_a_veto_is_that_of_the_vectors),
        cmocka_unit_test (test_a_fork_decision_is_that_of_the_vectors),
        cmocka_unit_test (test_status_messages_are_those_of_the_vectors),
        cmocka_unit_test (
            test_qualification_keys_are_sorted_so_that_readings_agree),
        cmocka_unit_test (test_every_key_signs_what_relays_accept),
        cmocka_unit_test (test_a_signature_made_elsewhere_is_attached),
        cmocka_unit_test (
            test_only_the_secret_of_the_key_in_it_signs_a_message),
        cmocka_unit_test (test_what_would_be_refused_is_not_signed),
        cmocka_unit_test (test_text_that_is_not_utf8_makes_no_message),
    };

    return cmocka_run_group_tests (tests, setup_keys, teardown_keys);
}
