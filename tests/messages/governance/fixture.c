/* SPDX-License-Identifier: MIT */
/* fixture - what the tests of governance messages share. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "hex.h"

json_t *
fixture_load (const char *name)
{
    char path[128];
    json_error_t error;

    (void)snprintf (path, sizeof path, "tests/vectors/%s.json", name);
    json_t *array = json_load_file (path, 0, &error);
    if (array == NULL)
        fail_msg ("%s:%d: %s", path, error.line, error.text);
    return array;
}

char *
fixture_payload (const char *name)
{
    json_t *vectors = fixture_load ("messages");
    char *payload = NULL;
    size_t i;
    json_t *vector;

    json_array_foreach (vectors, i, vector)
    {
        if (strcmp (json_string_value (json_object_get (vector, "name")), name)
            == 0)
            payload = strdup (
                json_string_value (json_object_get (vector, "payload")));
    }
    json_decref (vectors);
    if (payload == NULL)
        fail_msg ("no message vector is called %s", name);
    return payload;
}

json_t *
fixture_object (enum command command)
{
    static const char *const names[COMMANDS_] = {
        [COMMAND_ECONREG] = "good econreg key 0",
        [COMMAND_ECONVETO] = "good econveto key 0",
        [COMMAND_ECONFORK] = "good econfork key 0",
        [COMMAND_ECONSTATUS] = "status query by key",
    };
    /* Asked for thousands of times: read once, kept until the program ends. */
    static char *payloads[COMMANDS_];
    if (payloads[command] == NULL)
        payloads[command] = fixture_payload (names[command]);
    json_t *object = json_loads (payloads[command], 0, NULL);

    assert_non_null (object);
    return object;
}

struct secret_key
fixture_secret (struct key_context *keys, size_t index)
{
    json_t *vectors = fixture_load ("keys");
    const json_t *vector = json_array_get (vectors, index);
    const json_t *text = json_object_get (vector, "secret");
    enum key_scheme scheme = KEY_SECP256K1;
    struct secret_key key;
    uint8_t secret[32];

    if (text == NULL) {
        text = json_object_get (vector, "seed");
        scheme = KEY_ED25519;
    }
    assert_int_equal (hex_decode (bytes_of_text (json_string_value (text)),
                                  secret, sizeof secret),
                      0);
    json_decref (vectors);
    assert_int_equal (secret_key_init (keys, &key, scheme, secret), 0);
    return key;
}

char *
fixture_public (size_t index)
{
    json_t *vectors = fixture_load ("keys");
    const json_t *text =
        json_object_get (json_array_get (vectors, index), "public_key");
    char *copy = strdup (json_string_value (text));

    json_decref (vectors);
    return copy;
}

enum verdict
fixture_parse (enum command command, struct bytes payload,
               struct refusal *ret_why)
{
    struct untrusted_message message;
    struct refusal why = {.verdict = VERDICTS_};

    enum verdict verdict = message_parse (command, payload, &message, &why);
    if (verdict == VERDICT_ACCEPTED) {
        message_done (&message);
        return verdict;
    }
    /* A refusal always says why, and says the same. */
    assert_int_equal (why.verdict, verdict);
    assert_non_null (why.clause);
    assert_non_null (why.what);
    if (ret_why != NULL)
        *ret_why = why;
    return verdict;
}

enum verdict
fixture_parse_with (enum command command, const char *key, json_t *value)
{
    json_t *object = fixture_object (command);

    if (value == NULL)
        assert_int_equal (json_object_del (object, key), 0);
    else
        assert_int_equal (json_object_set_new (object, key, value), 0);
    char *text = json_dumps (object, JSON_COMPACT);
    json_decref (object);
    assert_non_null (text);
    enum verdict verdict = fixture_parse (command, bytes_of_text (text), NULL);
    free (text);
    return verdict;
}

enum verdict
fixture_judge (struct key_context *keys, enum command command,
               struct bytes payload, int64_t now_s, struct gov_id *ret_id,
               char **ret_string)
{
    struct untrusted_message message;
    struct verified_message verified;
    struct reading readings[2];
    struct refusal why;

    enum verdict verdict = message_parse (command, payload, &message, &why);
    if (verdict != VERDICT_ACCEPTED)
        return verdict;
    if (command == COMMAND_ECONSTATUS) {
        message_done (&message);
        return verdict;
    }
    verdict = message_judge_time (message.timestamp, now_s, INT64_MIN);
    if (verdict == VERDICT_ACCEPTED) {
        int count = message_readings (&message, readings);
        assert_in_range (count, 1, 2);
        verdict = message_verify (keys, &message, readings, (size_t)count,
                                  &verified, &why);
        if (verdict == VERDICT_ACCEPTED) {
            *ret_id = verified.id;
            assert_ptr_equal (verified.payload.data, payload.data);
        }
        for (int i = 0; i < count; i++) {
            if (verdict == VERDICT_ACCEPTED && ret_string != NULL
                && memcmp (&readings[i].id, ret_id, sizeof *ret_id) == 0)
                *ret_string = strdup (readings[i].string);
            reading_done (&readings[i]);
        }
    }
    message_done (&message);
    return verdict;
}

void
fixture_check_verdict (enum verdict verdict, enum verdict expected,
                       const char *text, const char *file, int line)
{
    if (verdict == expected)
        return;
    print_error ("%s:%d: %s is %s, not %s\n", file, line, text,
                 verdict_name (verdict), verdict_name (expected));
    _fail (file, line);
}
