/* SPDX-License-Identifier: MIT */
/* verifier_test - every vector has its verdict, and the checks come in the
 * order of PROTOCOL 5.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "actors/verifier/inhand.h"
#include "actors/verifier/verifier.h"
#include "hex.h"

static json_t *vectors; /* set once, before the first test */
static struct string_list no_keys;

static struct verifier *
create (const struct string_list *allow, const struct string_list *deny)
{
    struct verifier_options options = {
        .allow_keys = allow != NULL ? allow : &no_keys,
        .deny_keys = deny != NULL ? deny : &no_keys,
        .seed = 42,
    };
    struct verifier *verifier = verifier_create (&options);
    assert_non_null (verifier);
    return verifier;
}

static const json_t *
vector (const char *name)
{
    size_t index;
    json_t *item;

    json_array_foreach (vectors, index, item)
    {
        if (strcmp (json_string_value (json_object_get (item, "name")), name)
            == 0)
            return item;
    }
    fail_msg ("no vector %s", name);
    return NULL;
}

static const char *
text_of (const json_t *item, const char *key)
{
    const char *text = json_string_value (json_object_get (item, key));
    assert_non_null (text);
    return text;
}

static int64_t
now_of (const json_t *item)
{
    return json_integer_value (json_object_get (item, "now"));
}

/* Returns the payload's size; at most SIZE bytes of it in ret_payload. */
static size_t
payload_of (const json_t *item, uint8_t *ret_payload, size_t size)
{
    const json_t *hex = json_object_get (item, "payload_hex");
    if (hex != NULL) {
        struct bytes text = bytes_of_text (json_string_value (hex));
        assert_true (text.size / 2 <= size);
        assert_int_equal (hex_decode (text, ret_payload, text.size / 2), 0);
        return text.size / 2;
    }
    const json_t *text = json_object_get (item, "payload");
    size_t length = json_string_length (text);
    assert_true (length <= size);
    memcpy (ret_payload, json_string_value (text), length);
    return length;
}

static enum verdict
judge_text (struct verifier *verifier, const json_t *item, const char *payload,
            int64_t now_s, struct verifier_finding *ret_finding)
{
    enum command command;
    assert_int_equal (
        command_from_name (bytes_of_text (text_of (item, "command")), &command),
        0);
    return verifier_judge (verifier, command, bytes_of_text (payload), now_s,
                           ret_finding);
}

static enum verdict
judge (struct verifier *verifier, const char *name,
       struct verifier_finding *ret_finding)
{
    const json_t *item = vector (name);
    return judge_text (verifier, item, text_of (item, "payload"), now_of (item),
                       ret_finding);
}

static void
test_every_vector_has_its_verdict (void **state)
{
    static uint8_t payload[2 * GOVERNANCE_PAYLOAD_MAX];
    struct verifier *verifier = create (NULL, NULL);
    size_t index;
    json_t *item;
    (void)state;

    json_array_foreach (vectors, index, item)
    {
        struct verifier_finding finding;
        enum command command;
        size_t size = payload_of (item, payload, sizeof payload);
        command_from_name (bytes_of_text (text_of (item, "command")), &command);
        enum verdict verdict =
            verifier_judge (verifier, command, bytes_of (payload, size),
                            now_of (item), &finding);
        if (strcmp (verdict_name (verdict), text_of (item, "verdict")) != 0)
            fail_msg ("%s: %s", text_of (item, "name"), verdict_name (verdict));

        assert_int_equal (finding.is_status,
                          verdict == VERDICT_ACCEPTED
                              && command == COMMAND_ECONSTATUS);
        const json_t *id = json_object_get (item, "gov_id");
        if (verdict == VERDICT_ACCEPTED && !finding.is_status) {
            char text[65];
            gov_id_text (&finding.message.id, text);
            assert_true (finding.has_id);
            assert_memory_equal (&finding.id, &finding.message.id,
                                 sizeof finding.id);
            if (id != NULL)
                assert_string_equal (text, json_string_value (id));
            assert_ptr_equal (finding.message.payload.data, payload);
            assert_int_equal (finding.message.payload.size, size);
        } else if (verdict != VERDICT_ACCEPTED) {
            assert_int_equal (finding.why.verdict, verdict);
            assert_non_null (finding.why.clause);
            assert_non_null (finding.why.what);
        }
    }
    verifier_destroy (&verifier);
}

static void
test_known_id_is_a_duplicate_with_its_name (void **state)
{
    struct verifier *verifier = create (NULL, NULL);
    struct verifier_finding first, second;
    (void)state;

    assert_int_equal (judge (verifier, "good econveto key 0", &first),
                      VERDICT_ACCEPTED);
    /* Proven is not known: only dedup can tell. */
    assert_int_equal (judge (verifier, "good econveto key 0", &second),
                      VERDICT_ACCEPTED);
    verifier_learn (verifier, &first.id);
    assert_int_equal (judge (verifier, "good econveto key 0", &second),
                      VERDICT_DUPLICATE);
    assert_true (second.has_id);
    assert_memory_equal (&second.id, &first.id, sizeof first.id);
    verifier_destroy (&verifier);
}

/* Returns PAYLOAD with FROM replaced by TO, on the heap. */
static char *
changed (const char *payload, const char *from, const char *to)
{
    const char *at = strstr (payload, from);
    char *text;
    assert_non_null (at);
    assert_true (asprintf (&text, "%.*s%s%s", (int)(at - payload), payload, to,
                           at + strlen (from))
                 > 0);
    return text;
}

/* PROTOCOL 3.6: node_id is not signed; a copy with another one is the same
 * message, whichever comes first. */
static void
test_copy_with_another_node_id_has_the_same_name (void **state)
{
    struct verifier *verifier = create (NULL, NULL);
    const json_t *item = vector ("good econveto key 0");
    char *tampered = changed (text_of (item, "payload"), "\"node_id\":null",
                              "\"node_id\":666");
    struct verifier_finding honest, other;
    (void)state;

    assert_int_equal (judge (verifier, "good econveto key 0", &honest),
                      VERDICT_ACCEPTED);
    assert_int_equal (
        judge_text (verifier, item, tampered, now_of (item), &other),
        VERDICT_ACCEPTED);
    assert_memory_equal (&honest.id, &other.id, sizeof honest.id);
    verifier_learn (verifier, &other.id);
    assert_int_equal (judge (verifier, "good econveto key 0", &honest),
                      VERDICT_DUPLICATE);
    free (tampered);
    verifier_destroy (&verifier);
}

/* lessons 4: junk with somebody's id silenced the real message. */
static void
test_bad_signature_does_not_silence_the_real_message (void **state)
{
    struct verifier *verifier = create (NULL, NULL);
    const json_t *item = vector ("good econveto key 0");
    char *junk = changed (text_of (item, "payload"), "\"signature\":\"bd6b",
                          "\"signature\":\"bd6c");
    struct verifier_finding finding;
    (void)state;

    for (int i = 0; i < 3; i++) {
        assert_int_equal (
            judge_text (verifier, item, junk, now_of (item), &finding),
            VERDICT_BAD_SIGNATURE);
        assert_false (finding.has_id);
    }
    assert_int_equal (judge (verifier, "good econveto key 0", &finding),
                      VERDICT_ACCEPTED);
    free (junk);
    verifier_destroy (&verifier);
}

/* The second reading of a registration is looked up too. */
static void
test_registration_is_known_under_either_reading (void **state)
{
    static const char *const names[] = {
        "qualification signed in document order, keys not sorted",
        "qualification signed sorted, sent unsorted",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (names); i++) {
        struct verifier *verifier = create (NULL, NULL);
        struct verifier_finding first, second;
        assert_int_equal (judge (verifier, names[i], &first), VERDICT_ACCEPTED);
        verifier_learn (verifier, &first.id);
        assert_int_equal (judge (verifier, names[i], &second),
                          VERDICT_DUPLICATE);
        assert_memory_equal (&second.id, &first.id, sizeof first.id);
        verifier_destroy (&verifier);
    }
}

static void
test_time_comes_before_the_known_id (void **state)
{
    struct verifier *verifier = create (NULL, NULL);
    const json_t *item = vector ("good econveto key 0");
    const char *payload = text_of (item, "payload");
    struct verifier_finding finding;
    (void)state;

    judge (verifier, "good econveto key 0", &finding);
    verifier_learn (verifier, &finding.id);
    int64_t now_s = now_of (item);
    assert_int_equal (
        judge_text (verifier, item, payload, now_s + 3601, &finding),
        VERDICT_STALE);
    assert_string_equal (finding.why.clause, "5.2");
    assert_int_equal (
        judge_text (verifier, item, payload, now_s - 301, &finding),
        VERDICT_FUTURE);
    assert_int_equal (
        judge_text (verifier, item, payload, now_s + 3600, &finding),
        VERDICT_DUPLICATE);
    verifier_destroy (&verifier);
}

static void
test_message_at_the_floor_is_stale (void **state)
{
    struct verifier *verifier = create (NULL, NULL);
    int64_t now_s = now_of (vector ("good econveto key 0"));
    struct verifier_finding finding;
    (void)state;

    verifier_set_floor (verifier, now_s - 1);
    assert_int_equal (judge (verifier, "good econveto key 0", &finding),
                      VERDICT_ACCEPTED);
    verifier_set_floor (verifier, now_s);
    assert_int_equal (judge (verifier, "good econveto key 0", &finding),
                      VERDICT_STALE);
    verifier_destroy (&verifier);
}

static void
test_time_comes_before_the_signature (void **state)
{
    struct verifier *verifier = create (NULL, NULL);
    struct verifier_finding finding;
    (void)state;

    assert_int_equal (judge (verifier, "bad signature and stale", &finding),
                      VERDICT_STALE);
    assert_int_equal (judge (verifier, "not a point and stale", &finding),
                      VERDICT_STALE);
    verifier_destroy (&verifier);
}

/* Key 0 of the vectors, which also signed "signal changed". */
static char key_0[] =
    "031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f";
static char key_1[] =
    "023f11202442bbe158e925f03462c486511c88261878c724ea84f719d7dcf8927f";

static void
test_denied_key_is_denied_and_others_are_not (void **state)
{
    char *keys[] = {key_0};
    struct string_list deny = {.item = keys, .count = 1};
    struct verifier *verifier = create (NULL, &deny);
    struct verifier_finding finding;
    (void)state;

    assert_int_equal (judge (verifier, "good econveto key 0", &finding),
                      VERDICT_DENIED);
    assert_string_equal (finding.why.what, "deny_keys");
    assert_int_equal (judge (verifier, "good econveto key 1", &finding),
                      VERDICT_ACCEPTED);
    verifier_destroy (&verifier);
}

static void
test_allow_list_denies_all_others_and_deny_wins (void **state)
{
    char *two[] = {key_0, key_1}, *one[] = {key_1};
    struct string_list allow = {.item = two, .count = 2};
    struct string_list deny = {.item = one, .count = 1};
    struct verifier *verifier = create (&allow, &deny);
    struct verifier_finding finding;
    (void)state;

    assert_int_equal (judge (verifier, "good econveto key 0", &finding),
                      VERDICT_ACCEPTED);
    assert_int_equal (judge (verifier, "good econveto key 1", &finding),
                      VERDICT_DENIED);
    assert_int_equal (judge (verifier, "good econveto key 2", &finding),
                      VERDICT_DENIED);
    assert_string_equal (finding.why.what, "allow_keys");
    verifier_destroy (&verifier);
}

static void
test_lists_come_after_the_known_id_and_before_the_signature (void **state)
{
    char *keys[] = {key_0};
    struct string_list deny = {.item = keys, .count = 1};
    struct verifier *open = create (NULL, NULL);
    struct verifier *verifier = create (NULL, &deny);
    const json_t *item = vector ("good econveto key 0");
    char *junk = changed (text_of (item, "payload"), "\"signature\":\"bd6b",
                          "\"signature\":\"bd6c");
    struct verifier_finding finding;
    (void)state;

    assert_int_equal (
        judge_text (verifier, item, junk, now_of (item), &finding),
        VERDICT_DENIED);
    judge (open, "good econveto key 0", &finding);
    verifier_learn (verifier, &finding.id);
    assert_int_equal (judge (verifier, "good econveto key 0", &finding),
                      VERDICT_DUPLICATE);
    free (junk);
    verifier_destroy (&open);
    verifier_destroy (&verifier);
}

static void
test_status_takes_form_only (void **state)
{
    struct verifier *verifier = create (NULL, NULL);
    struct verifier_finding query, same, response;
    (void)state;

    verifier_set_floor (verifier, INT64_MAX);
    assert_int_equal (judge (verifier, "status query by key", &query),
                      VERDICT_ACCEPTED);
    assert_true (query.is_status && !query.is_response && !query.has_id);
    judge (verifier, "status query without status key", &same);
    assert_true (same.is_status && !same.is_response);
    judge (verifier, "status response", &response);
    assert_true (response.is_status && response.is_response);
    verifier_destroy (&verifier);
}

static void
test_ticket_is_never_used_twice (void **state)
{
    struct inhand *inhand = inhand_create ();
    uint64_t tickets[1000], again;
    (void)state;

    for (uint64_t i = 0; i < 1000; i++) {
        struct inhand_frame frame = {.ticket = i};
        assert_int_equal (inhand_add (inhand, &frame, &tickets[i]), 0);
    }
    assert_int_equal (inhand_count (inhand), 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal (inhand_find (inhand, tickets[i])->ticket, i);
    inhand_remove (inhand, tickets[7]);
    assert_null (inhand_find (inhand, tickets[7]));
    struct inhand_frame frame = {.ticket = 7777};
    assert_int_equal (inhand_add (inhand, &frame, &again), 0);
    assert_true (again != tickets[7]);
    assert_null (inhand_find (inhand, tickets[7]));
    assert_null (inhand_find (inhand, UINT64_MAX));
    assert_int_equal (inhand_find (inhand, again)->ticket, 7777);
    inhand_destroy (&inhand);
}

static void
test_frames_in_hand_can_be_removed_while_walking (void **state)
{
    struct inhand *inhand = inhand_create ();
    uint64_t ticket;
    size_t seen = 0;
    (void)state;

    for (uint64_t i = 0; i < 200; i++) {
        struct inhand_frame frame = {.ticket = i};
        inhand_add (inhand, &frame, &ticket);
    }
    for (size_t place = 0; inhand_next (inhand, &place, &ticket); seen++)
        inhand_remove (inhand, ticket);
    assert_int_equal (seen, 200);
    assert_int_equal (inhand_count (inhand), 0);
    inhand_destroy (&inhand);
}

static int
load_vectors (void **state)
{
    json_error_t error;
    (void)state;
    vectors = json_load_file ("tests/vectors/messages.json", 0, &error);
    return vectors != NULL ? 0 : -1;
}

static int
unload_vectors (void **state)
{
    (void)state;
    json_decref (vectors);
    return 0;
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_every_vector_has_its_verdict),
        cmocka_unit_test (test_known_id_is_a_duplicate_with_its_name),
        cmocka_unit_test (test_copy_with_another_node_id_has_the_same_name),
        cmocka_unit_test (test_bad_signature_does_not_silence_the_real_message),
        cmocka_unit_test (test_registration_is_known_under_either_reading),
        cmocka_unit_test (test_time_comes_before_the_known_id),
        cmocka_unit_test (test_message_at_the_floor_is_stale),
        cmocka_unit_test (test_time_comes_before_the_signature),
        cmocka_unit_test (test_denied_key_is_denied_and_others_are_not),
        cmocka_unit_test (test_allow_list_denies_all_others_and_deny_wins),
        cmocka_unit_test (
            test_lists_come_after_the_known_id_and_before_the_signature),
        cmocka_unit_test (test_status_takes_form_only),
        cmocka_unit_test (test_ticket_is_never_used_twice),
        cmocka_unit_test (test_frames_in_hand_can_be_removed_while_walking),
    };
    return cmocka_run_group_tests (tests, load_vectors, unload_vectors);
}
