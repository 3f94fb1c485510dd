/* SPDX-License-Identifier: MIT */
/* canonical_test - one text for one value (PROTOCOL 3.4). */
#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "messages/governance/canonical.h"

static const char *
text_of (const json_t *vector, const char *key)
{
    return json_string_value (json_object_get (vector, key));
}

static void
check_order (const json_t *value, enum canonical_order order,
             const char *expected, const char *expected_hash)
{
    char hash[65];
    size_t size;
    char *text = canonical_text (value, order, &size);

    assert_non_null (text);
    assert_string_equal (text, expected);
    assert_int_equal (size, strlen (expected));
    assert_int_equal (canonical_hash (value, order, hash), 0);
    assert_string_equal (hash, expected_hash);
    free (text);
}

static void
test_every_vector_has_its_two_texts (void **state)
{
    json_t *vectors = fixture_load ("canonical_json");
    size_t i;
    json_t *vector;

    (void)state;
    assert_true (json_array_size (vectors) > 40);
    json_array_foreach (vectors, i, vector)
    {
        json_t *value = json_loads (text_of (vector, "text"), 0, NULL);
        assert_non_null (value);
        check_order (value, CANONICAL_DOCUMENT,
                     text_of (vector, "document_order"),
                     text_of (vector, "document_order_sha256"));
        check_order (value, CANONICAL_SORTED, text_of (vector, "sorted"),
                     text_of (vector, "sorted_sha256"));
        json_decref (value);
    }
    json_decref (vectors);
}

static void
test_canonical_text_reads_back_as_itself (void **state)
{
    json_t *vectors = fixture_load ("canonical_json");
    size_t i;
    json_t *vector;

    (void)state;
    json_array_foreach (vectors, i, vector)
    {
        size_t size, size_again;
        json_t *value = json_loads (text_of (vector, "text"), 0, NULL);
        char *text = canonical_text (value, CANONICAL_SORTED, &size);
        json_t *again = json_loadb (text, size, 0, NULL);
        assert_non_null (again);
        assert_true (json_equal (value, again));
        char *same = canonical_text (again, CANONICAL_DOCUMENT, &size_again);
        assert_string_equal (same, text);
        free (same);
        json_decref (again);
        free (text);
        json_decref (value);
    }
    json_decref (vectors);
}

static void
check_number (double value, const char *expected)
{
    char text[CANONICAL_NUMBER_MAX];
    size_t size = canonical_number (value, text);

    assert_string_equal (text, expected);
    assert_int_equal (size, strlen (expected));
}

static void
test_numbers_are_laid_out_by_where_their_point_is (void **state)
{
    (void)state;
    check_number (0.0, "0.0");
    check_number (-0.0, "-0.0");
    check_number (5.0, "5.0");
    check_number (-100.0, "-100.0");
    check_number (12.34, "12.34");
    /* kk = 16 and 17 */
    check_number (1e15, "1000000000000000.0");
    check_number (9999999999999998.0, "9999999999999998.0");
    check_number (1e16, "1e16");
    check_number (12345678901234568.0, "1.2345678901234568e16");
    /* kk = 1, 0, -4, -5 */
    check_number (1.5, "1.5");
    check_number (0.5, "0.5");
    check_number (0.05, "0.05");
    check_number (0.00001, "0.00001");
    check_number (0.000012345, "0.000012345");
    check_number (0.000001, "1e-6");
    check_number (-1.234e-7, "-1.234e-7");
    check_number (1e100, "1e100");
    check_number (5e-324, "5e-324");
    check_number (-1.7976931348623157e308, "-1.7976931348623157e308");
}

static void
test_any_double_reads_back_as_itself (void **state)
{
    uint64_t seed = UINT64_C (0x9e3779b97f4a7c15);
    char text[CANONICAL_NUMBER_MAX];

    (void)state;
    for (int i = 0; i < 200000; i++) {
        double value, again;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        memcpy (&value, &seed, sizeof value);
        if (!isfinite (value))
            continue;
        size_t size = canonical_number (value, text);
        assert_true (size == strlen (text) && size <= 24);
        again = strtod (text, NULL);
        assert_memory_equal (&again, &value, sizeof value);
        /* and not as an integer */
        assert_non_null (strpbrk (text, ".e"));
    }
}

static void
test_a_key_that_begins_another_comes_first (void **state)
{
    json_t *value = json_loads ("{\"ab\":1,\"a\":2,\"\":3,\"a b\":4}", 0, NULL);
    size_t size;
    char *text = canonical_text (value, CANONICAL_SORTED, &size);

    (void)state;
    assert_string_equal (text, "{\"\":3,\"a\":2,\"a b\":4,\"ab\":1}");
    free (text);
    json_decref (value);
}

static void
test_every_control_character_is_escaped_in_one_way (void **state)
{
    static const char expected[] =
        "[\"\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b"
        "\\f\\r\\u000e\\u000f\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016"
        "\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f \"]";
    char all[33];
    size_t size;

    (void)state;
    for (int i = 0; i < 32; i++)
        all[i] = (char)(i + 1);
    all[32] = '\0';
    json_t *value = json_array ();
    json_array_append_new (value, json_string (all));
    char *text = canonical_text (value, CANONICAL_DOCUMENT, &size);
    assert_string_equal (text, expected);
    free (text);
    json_decref (value);
}

static void
test_long_text_is_kept_whole (void **state)
{
    enum { LONG = 100000 };
    char *long_text = malloc (LONG + 1);
    size_t size;

    (void)state;
    assert_non_null (long_text);
    memset (long_text, 'x', LONG);
    long_text[LONG] = '\0';
    json_t *value = json_array ();
    for (int i = 0; i < 3; i++)
        json_array_append_new (value, json_string (long_text));
    char *text = canonical_text (value, CANONICAL_SORTED, &size);
    assert_int_equal (size, 3 * (LONG + 2) + 4);
    assert_int_equal (text[size - 1], ']');
    assert_int_equal (text[size], '\0');
    free (text);
    free (long_text);
    json_decref (value);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_every_vector_has_its_two_texts),
        cmocka_unit_test (test_canonical_text_reads_back_as_itself),
        cmocka_unit_test (test_numbers_are_laid_out_by_where_their_point_is),
        cmocka_unit_test (test_any_double_reads_back_as_itself),
        cmocka_unit_test (test_a_key_that_begins_another_comes_first),
        cmocka_unit_test (test_every_control_character_is_escaped_in_one_way),
        cmocka_unit_test (test_long_text_is_kept_whole),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
