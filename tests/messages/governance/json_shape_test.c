/* SPDX-License-Identifier: MIT */
/* json_shape_test - what is JSON, and what is counted in it. */
#include <stdlib.h>

#include "fixture.h"
#include "messages/governance/json_shape.h"

/* Reads SIZE bytes of TEXT out of a buffer that ends with them. */
static int
shape_of (const char *text, size_t size, struct json_shape *ret_shape)
{
    uint8_t *exact = malloc (size == 0 ? 1 : size);

    assert_non_null (exact);
    memcpy (exact, text, size);
    int rc = json_shape_of (bytes_of (exact, size), ret_shape);
    free (exact);
    return rc;
}

static void
check_shape (const char *text, bool is_object, size_t nesting,
             size_t white_space)
{
    struct json_shape shape;

    if (shape_of (text, strlen (text), &shape) != 0)
        fail_msg ("refused: %s", text);
    assert_int_equal (shape.is_object, is_object);
    assert_int_equal (shape.nesting, nesting);
    assert_int_equal (shape.white_space, white_space);
}

static void
test_nesting_and_white_space_are_counted (void **state)
{
    (void)state;
    check_shape ("{}", true, 1, 0);
    check_shape (" { } \n", true, 1, 4);
    check_shape ("{\"a\":[]}", true, 2, 0);
    check_shape ("{ \"a b\" : [ 1 , { } ] }", true, 3, 9);
    check_shape ("{\"a\":{},\"b\":{}}", true, 2, 0);
    check_shape ("[[],[[]],[]]", false, 3, 0);
    check_shape ("\t\r\n 5", false, 0, 4);
    check_shape ("\" \\t \"", false, 0, 0);
    check_shape ("{\"\":\"{[ \\\" ]}\"}", true, 1, 0);
}

static void
test_json_is_taken (void **state)
{
    static const char *const good[] = {
        "0",
        "-0",
        "-1",
        "10",
        "1.0",
        "0.50",
        "1e5",
        "1E+5",
        "1.5e-05",
        "-0.0e0",
        "true",
        "false",
        "null",
        "\"\"",
        "[]",
        "[1,2]",
        "[ ]",
        "{ }",
        "[{}]",
        "\"\\u0000\"",
        "\"\\uABcd\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud800\\udc00\"",
        "\"\\udbff\\udfff\"",
        "\"\\ud7ff\\ue000\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\x7f\"",
        "\"\xc2\x80\"",
        "\"\xdf\xbf\"",
        "\"\xe0\xa0\x80\"",
        "\"\xed\x9f\xbf\"",
        "\"\xee\x80\x80\"",
        "\"\xef\xbf\xbf\"",
        "\"\xf0\x90\x80\x80\"",
        "\"\xf4\x8f\xbf\xbf\"",
        "{\"a\":1,\"a\":2}",
        "1e999",
        "99999999999999999999999999",
    };
    struct json_shape shape;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (good); i++)
        if (shape_of (good[i], strlen (good[i]), &shape) != 0)
            fail_msg ("refused: %s", good[i]);
}

static void
test_what_is_not_json_is_refused (void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{]",
        "[}",
        "[1}",
        "{\"a\":1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{1:2}",
        "{a:1}",
        "{\"a\" 1}",
        "{\"a\"::1}",
        "{\"a\":1 \"b\":2}",
        "{}{}",
        "{} x",
        "[] []",
        "1 1",
        "01",
        "-",
        "-01",
        "+1",
        ".5",
        "1.",
        "1.e1",
        "1e",
        "1e+",
        "1e+-1",
        "0x10",
        "NaN",
        "Infinity",
        "-Infinity",
        "tru",
        "truee",
        "True",
        "nul",
        "'a'",
        "\"",
        "\"a",
        "\"\\",
        "\"\\\"",
        "\"\\x\"",
        "\"\\'\"",
        "\"\\u\"",
        "\"\\u123\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800x\"",
        "\"\\ud800\\n\"",
        "\"\\ud800\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\\ud800\"",
        "\"\n\"",
        "\"\t\"",
        "\"\x1f\"",
        "\"\x80\"",
        "\"\xbf\"",
        "\"\xc0\x80\"",
        "\"\xc1\xbf\"",
        "\"\xc2\"",
        "\"\xc2\x41\"",
        "\"\xe0\x9f\xbf\"",
        "\"\xed\xa0\x80\"",
        "\"\xe2\x82\"",
        "\"\xe2\x28\xa1\"",
        "\"\xf0\x8f\xbf\xbf\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "\"\xff\"",
        "\"\xf0\x90\x80\"",
        "\xef\xbb\xbf{}",
        "/**/{}",
        "{}//",
        "{}\v",
        "\xc2\xa0{}",
        "\f1",
    };
    struct json_shape shape;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++)
        if (shape_of (bad[i], strlen (bad[i]), &shape) != -EBADMSG)
            fail_msg ("taken: %s", bad[i]);
}

static void
test_a_raw_nul_is_refused_anywhere (void **state)
{
    static const char text[] = "{ \"a\" : [ 1 , \"\\u0041b\" , true ] }";
    char with[sizeof text];
    struct json_shape shape;

    (void)state;
    assert_int_equal (shape_of (text, sizeof text - 1, &shape), 0);
    for (size_t at = 0; at < sizeof text; at++) {
        memcpy (with, text, at);
        with[at] = '\0';
        memcpy (with + at + 1, text + at, sizeof text - 1 - at);
        assert_int_equal (shape_of (with, sizeof with, &shape), -EBADMSG);
    }
}

static void
test_every_cut_of_an_object_is_refused (void **state)
{
    char *payload = fixture_payload ("escapes in a name");
    size_t size = strlen (payload);
    struct json_shape shape;

    (void)state;
    assert_int_equal (shape_of (payload, size, &shape), 0);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal (shape_of (payload, cut, &shape), -EBADMSG);
    free (payload);
}

static void
test_the_deepest_text_is_followed_to_its_end (void **state)
{
    enum { LEVELS = JSON_SHAPE_TEXT_MAX / 2 };
    char *text = malloc (JSON_SHAPE_TEXT_MAX + 1);
    struct json_shape shape;

    (void)state;
    assert_non_null (text);
    memset (text, '[', LEVELS);
    memset (text + LEVELS, ']', LEVELS);
    assert_int_equal (shape_of (text, 2 * LEVELS, &shape), 0);
    assert_int_equal (shape.nesting, LEVELS);
    text[2 * LEVELS - 1] = '}';
    assert_int_equal (shape_of (text, 2 * LEVELS, &shape), -EBADMSG);
    memset (text, '[', JSON_SHAPE_TEXT_MAX + 1);
    assert_int_equal (shape_of (text, JSON_SHAPE_TEXT_MAX, &shape), -EBADMSG);
    assert_int_equal (shape_of (text, JSON_SHAPE_TEXT_MAX + 1, &shape),
                      -EMSGSIZE);
    free (text);
}

/* Faults that jansson reports of what may well be JSON. */
static bool
is_fault_of_schema (const json_error_t *error)
{
    enum json_error_code code = json_error_code (error);

    return code == json_error_duplicate_key
           || code == json_error_numeric_overflow
           || code == json_error_null_character
           || code == json_error_null_byte_in_key;
}

/* What jansson takes, we take; what we take, it takes but for those faults,
 * where it stops reading. */
static void
check_agreement (const char *text, size_t size)
{
    json_error_t error = {0};
    struct json_shape shape;
    bool ours = shape_of (text, size, &shape) == 0;
    json_t *theirs = json_loadb (
        text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

    if (ours && theirs == NULL && !is_fault_of_schema (&error))
        fail_msg ("only we take: %.*s (%s)", (int)size, text, error.text);
    if (!ours && theirs != NULL)
        fail_msg ("only jansson takes: %.*s", (int)size, text);
    json_decref (theirs);
}

static void
test_jansson_agrees_on_broken_messages (void **state)
{
    static const char bytes[] = "{}[]\",:\\u0dDe1.-+ \n\x80\xe2\xff\x01t";
    json_t *vectors = fixture_load ("messages");
    uint32_t seed = 20251128;
    size_t i;
    json_t *vector;

    (void)state;
    json_array_foreach (vectors, i, vector)
    {
        const json_t *payload = json_object_get (vector, "payload");
        size_t size = json_string_length (payload);
        if (size == 0 || size > 2000)
            continue;
        char *text = malloc (size);
        assert_non_null (text);
        for (int round = 0; round < 400; round++) {
            memcpy (text, json_string_value (payload), size);
            for (int change = 0; change <= round % 3; change++) {
                seed = seed * 1664525 + 1013904223;
                text[(seed >> 8) % size] =
                    bytes[(seed >> 4) % (sizeof bytes - 1)];
            }
            check_agreement (text, size);
        }
        free (text);
    }
    json_decref (vectors);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_nesting_and_white_space_are_counted),
        cmocka_unit_test (test_json_is_taken),
        cmocka_unit_test (test_what_is_not_json_is_refused),
        cmocka_unit_test (test_a_raw_nul_is_refused_anywhere),
        cmocka_unit_test (test_every_cut_of_an_object_is_refused),
        cmocka_unit_test (test_the_deepest_text_is_followed_to_its_end),
        cmocka_unit_test (test_jansson_agrees_on_broken_messages),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
