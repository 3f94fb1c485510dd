/* SPDX-License-Identifier: MIT */
/* vectors_test - every message vector is judged as an independent
 * implementation of the protocol judged it. */
#include <stdlib.h>

#include "fixture.h"
#include "hex.h"

static const char *
text_of (const json_t *vector, const char *key)
{
    return json_string_value (json_object_get (vector, key));
}

/* Returns the payload of VECTOR in a buffer of exactly its size, so that a
 * sanitizer sees a byte read too many; yours to free (). */
static uint8_t *
payload_of (const json_t *vector, size_t *ret_size)
{
    const char *hex = text_of (vector, "payload_hex");
    const json_t *text = json_object_get (vector, "payload");
    size_t size = hex != NULL ? strlen (hex) / 2 : json_string_length (text);
    uint8_t *payload = malloc (size);

    assert_true (payload != NULL || size == 0);
    if (hex != NULL)
        assert_int_equal (hex_decode (bytes_of_text (hex), payload, size), 0);
    else if (size > 0)
        memcpy (payload, json_string_value (text), size);
    *ret_size = size;
    return payload;
}

static void
check_names (const json_t *vector, const struct gov_id *id, const char *string)
{
    char text[65];

    if (text_of (vector, "signing_string") != NULL)
        assert_string_equal (string, text_of (vector, "signing_string"));
    if (text_of (vector, "gov_id") != NULL) {
        gov_id_text (id, text);
        assert_string_equal (text, text_of (vector, "gov_id"));
    }
}

static void
check_vector (struct key_context *keys, const json_t *vector)
{
    enum command command = COMMANDS_;
    struct gov_id id = {{0}};
    char *string = NULL;
    size_t size;
    uint8_t *payload = payload_of (vector, &size);
    int64_t now_s = json_integer_value (json_object_get (vector, "now"));

    assert_int_equal (
        command_from_name (bytes_of_text (text_of (vector, "command")),
                           &command),
        0);
    enum verdict verdict = fixture_judge (
        keys, command, bytes_of (payload, size), now_s, &id, &string);
    if (strcmp (verdict_name (verdict), text_of (vector, "verdict")) != 0)
        fail_msg ("%s: %s, not %s", text_of (vector, "name"),
                  verdict_name (verdict), text_of (vector, "verdict"));
    if (verdict == VERDICT_ACCEPTED && command != COMMAND_ECONSTATUS)
        check_names (vector, &id, string);
    free (string);
    free (payload);
}

static void
test_every_vector_gets_its_verdict_and_its_name (void **state)
{
    struct key_context *keys = key_context_create (NULL);
    json_t *vectors = fixture_load ("messages");
    size_t i;
    json_t *vector;

    (void)state;
    assert_true (json_array_size (vectors) > 100);
    json_array_foreach (vectors, i, vector)
    {
        check_vector (keys, vector);
    }
    json_decref (vectors);
    key_context_destroy (&keys);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_every_vector_gets_its_verdict_and_its_name),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
