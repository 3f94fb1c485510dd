/* SPDX-License-Identifier: MIT */
/* hex_test - hexadecimal text, lower case only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hex.h"

static void
test_bytes_become_lower_case_text (void **state)
{
    static const uint8_t data[] = {0x00, 0x09, 0x0a, 0x7f, 0x80, 0xff};
    char text[2 * sizeof data + 1];

    (void)state;
    hex_encode (bytes_of (data, sizeof data), text);
    assert_string_equal (text, "00090a7f80ff");
    hex_encode (bytes_of (data, 0), text);
    assert_string_equal (text, "");
}

static void
test_every_byte_comes_back (void **state)
{
    uint8_t data[256], back[256];
    char text[2 * sizeof data + 1];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    hex_encode (bytes_of (data, sizeof data), text);
    assert_int_equal (hex_decode (bytes_of_text (text), back, sizeof back), 0);
    assert_memory_equal (data, back, sizeof data);
}

static void
test_only_the_sixteen_digits_are_read (void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t text[2] = {'0', (uint8_t)c};
        uint8_t byte = 0x55;
        bool digit = c != 0 && strchr ("0123456789abcdef", (int)c) != NULL;
        int rc = hex_decode (bytes_of (text, 2), &byte, 1);
        assert_int_equal (rc, digit ? 0 : -EINVAL);
        assert_int_equal (hex_is_text (bytes_of (text, 2)), digit);
        if (!digit)
            assert_int_equal (byte, 0x55);
    }
}

static void
test_text_of_another_length_is_refused (void **state)
{
    uint8_t data[2] = {1, 2};

    (void)state;
    assert_int_equal (hex_decode (bytes_of_text ("abc"), data, 1), -EINVAL);
    assert_int_equal (hex_decode (bytes_of_text ("abc"), data, 2), -EINVAL);
    assert_int_equal (hex_decode (bytes_of_text ("ab"), data, 2), -EINVAL);
    assert_int_equal (hex_decode (bytes_of_text ("abcdef"), data, 2), -EINVAL);
    assert_int_equal (data[0], 1);
    assert_int_equal (data[1], 2);
    assert_int_equal (hex_decode (bytes_of_text (""), data, 0), 0);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_bytes_become_lower_case_text),
        cmocka_unit_test (test_every_byte_comes_back),
        cmocka_unit_test (test_only_the_sixteen_digits_are_read),
        cmocka_unit_test (test_text_of_another_length_is_refused),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
