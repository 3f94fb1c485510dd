/* SPDX-License-Identifier: MIT */
/* wire_test - msgpack values: what is written, what is read, what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "messages/link/wire.h"

#define BYTES(...)                                                             \
    bytes_of ((const uint8_t[]){__VA_ARGS__},                                  \
              sizeof ((const uint8_t[]){__VA_ARGS__}))

static void
check_bytes (struct bytes got, struct bytes wanted)
{
    assert_int_equal (got.size, wanted.size);
    assert_memory_equal (got.data, wanted.data, wanted.size);
}

/* Checks that OUT holds WANTED, and empties it. */
static void
check_written (struct buffer *out, struct bytes wanted)
{
    check_bytes (buffer_bytes (out), wanted);
    buffer_clear (out);
}

static void
test_values_are_written_in_their_shortest_form (void **state)
{
    (void)state;
    owned (buffer_done) struct buffer out = {0};

    assert_true (wire_write_u64 (&out, 127));
    check_written (&out, BYTES (0x7f));
    assert_true (wire_write_u64 (&out, 128));
    check_written (&out, BYTES (0xcc, 0x80));
    assert_true (wire_write_u64 (&out, 65535));
    check_written (&out, BYTES (0xcd, 0xff, 0xff));
    assert_true (wire_write_u64 (&out, 65536));
    check_written (&out, BYTES (0xce, 0, 1, 0, 0));
    assert_true (wire_write_u64 (&out, UINT64_MAX));
    check_written (&out, BYTES (0xcf, 255, 255, 255, 255, 255, 255, 255, 255));
    assert_true (wire_write_i64 (&out, -32));
    check_written (&out, BYTES (0xe0));
    assert_true (wire_write_i64 (&out, -33));
    check_written (&out, BYTES (0xd0, 0xdf));
    assert_true (wire_write_i64 (&out, INT64_MIN));
    check_written (&out, BYTES (0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0));
    assert_true (wire_write_bool (&out, true));
    check_written (&out, BYTES (0xc3));
    assert_true (wire_write_bool (&out, false));
    check_written (&out, BYTES (0xc2));
    assert_true (wire_write_array (&out, 15));
    check_written (&out, BYTES (0x9f));
    assert_true (wire_write_array (&out, 16));
    check_written (&out, BYTES (0xdc, 0, 16));
    assert_true (wire_write_bin (&out, bytes_of (NULL, 0)));
    check_written (&out, BYTES (0xc4, 0));
    assert_true (wire_write_bin (&out, BYTES (1, 2)));
    check_written (&out, BYTES (0xc4, 2, 1, 2));
    assert_true (wire_write_text (&out, bytes_of_text ("ab")));
    check_written (&out, BYTES (0xa2, 'a', 'b'));
}

static void
test_control_characters_are_written_as_question_marks (void **state)
{
    (void)state;
    owned (buffer_done) struct buffer out = {0};

    assert_true (wire_write_text (&out, bytes_of ("a\nb\0c\x7f\x1f", 7)));
    check_written (&out, BYTES (0xa7, 'a', '?', 'b', '?', 'c', '?', '?'));
    assert_true (wire_write_text (&out, bytes_of_text (" \x80\xff~")));
    check_written (&out, BYTES (0xa4, ' ', 0x80, 0xff, '~'));
}

static void
test_integers_read_as_they_were_written (void **state)
{
    (void)state;
    owned (buffer_done) struct buffer out = {0};

    for (unsigned bit = 0; bit < 64; bit++)
        for (int step = -1; step <= 1; step++) {
            uint64_t value = (UINT64_C (1) << bit) + (uint64_t)step;
            buffer_clear (&out);
            assert_true (wire_write_u64 (&out, value));
            assert_true (wire_write_i64 (&out, (int64_t)value));
            assert_true (wire_write_i64 (&out, (int64_t)-value));

            struct bytes in = buffer_bytes (&out);
            uint64_t read;
            int64_t read_signed;
            assert_true (wire_read_u64 (&in, &read));
            assert_true (read == value);
            assert_true (wire_read_i64 (&in, &read_signed));
            assert_true (read_signed == (int64_t)value);
            assert_true (wire_read_i64 (&in, &read_signed));
            assert_true (read_signed == (int64_t)-value);
            assert_int_equal (in.size, 0);
        }
}

static void
test_integers_are_read_in_any_width (void **state)
{
    (void)state;
    static const uint8_t five[][9] = {
        {5},
        {0xcc, 5},
        {0xcd, 0, 5},
        {0xce, 0, 0, 0, 5},
        {0xcf, 0, 0, 0, 0, 0, 0, 0, 5},
        {0xd0, 5},
        {0xd1, 0, 5},
        {0xd2, 0, 0, 0, 5},
        {0xd3, 0, 0, 0, 0, 0, 0, 0, 5},
    };
    static const size_t sizes[] = {1, 2, 3, 5, 9, 2, 3, 5, 9};

    for (size_t i = 0; i < ARRAY_SIZE (five); i++) {
        struct bytes in = bytes_of (five[i], sizes[i]);
        uint8_t value = 0;
        assert_true (wire_read_u8 (&in, &value));
        assert_int_equal (value, 5);
        assert_int_equal (in.size, 0);

        in = bytes_of (five[i], sizes[i]);
        int32_t value_signed = 0;
        assert_true (wire_read_i32 (&in, &value_signed));
        assert_int_equal (value_signed, 5);
    }
}

static void
test_negative_integers_keep_their_sign_in_any_width (void **state)
{
    (void)state;
    const struct bytes minus_two[] = {
        BYTES (0xfe),
        BYTES (0xd0, 0xfe),
        BYTES (0xd1, 0xff, 0xfe),
        BYTES (0xd2, 0xff, 0xff, 0xff, 0xfe),
        BYTES (0xd3, 255, 255, 255, 255, 255, 255, 255, 0xfe),
    };

    for (size_t i = 0; i < ARRAY_SIZE (minus_two); i++) {
        struct bytes in = minus_two[i];
        int64_t value = 0;
        uint64_t unsigned_value;
        assert_false (wire_read_u64 (&in, &unsigned_value));
        assert_true (wire_read_i64 (&in, &value));
        assert_int_equal (value, -2);
    }
}

static void
test_integers_out_of_range_are_refused (void **state)
{
    (void)state;
    struct bytes in;
    uint8_t u8;
    uint32_t u32;
    int32_t i32;
    int64_t i64;

    in = BYTES (0xcd, 1, 0);
    assert_false (wire_read_u8 (&in, &u8));
    in = BYTES (0xcf, 0, 0, 0, 1, 0, 0, 0, 0);
    assert_false (wire_read_u32 (&in, &u32));
    in = BYTES (0xce, 0x80, 0, 0, 0);
    assert_false (wire_read_i32 (&in, &i32));
    in = BYTES (0xd3, 255, 255, 255, 255, 0x7f, 255, 255, 255);
    assert_false (wire_read_i32 (&in, &i32));
    in = BYTES (0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0);
    assert_false (wire_read_i64 (&in, &i64));
    assert_int_equal (in.size, 9);
}

/* What a first byte may begin. */
enum type {
    TYPE_OTHER,
    TYPE_INTEGER,
    TYPE_BOOL,
    TYPE_BIN,
    TYPE_STR,
    TYPE_ARRAY
};

static enum type
type_of (unsigned tag)
{
    if (tag <= 0x7f || tag >= 0xe0 || (tag >= 0xcc && tag <= 0xd3))
        return TYPE_INTEGER;
    if (tag == 0xc2 || tag == 0xc3)
        return TYPE_BOOL;
    if (tag >= 0xc4 && tag <= 0xc6)
        return TYPE_BIN;
    if ((tag >= 0xa0 && tag <= 0xbf) || (tag >= 0xd9 && tag <= 0xdb))
        return TYPE_STR;
    if ((tag >= 0x90 && tag <= 0x9f) || tag == 0xdc || tag == 0xdd)
        return TYPE_ARRAY;
    return TYPE_OTHER;
}

static void
test_each_first_byte_is_read_as_its_own_type_only (void **state)
{
    (void)state;

    for (unsigned tag = 0; tag <= 0xff; tag++) {
        uint8_t bytes[48];
        memset (bytes, ' ', sizeof bytes);
        memset (bytes + 1, 0, 8); /* an empty value, if the size is apart */
        bytes[0] = (uint8_t)tag;
        if (tag >= 0xa0 && tag <= 0xbf)
            memset (bytes + 1, ' ', 8);

        struct bytes in = bytes_of (bytes, sizeof bytes);
        int64_t number;
        assert_int_equal (wire_read_i64 (&in, &number),
                          type_of (tag) == TYPE_INTEGER);
        in = bytes_of (bytes, sizeof bytes);
        bool truth;
        assert_int_equal (wire_read_bool (&in, &truth),
                          type_of (tag) == TYPE_BOOL);
        in = bytes_of (bytes, sizeof bytes);
        struct bytes view;
        assert_int_equal (wire_read_bin (&in, 99, &view),
                          type_of (tag) == TYPE_BIN);
        in = bytes_of (bytes, sizeof bytes);
        assert_int_equal (wire_read_text (&in, 99, &view),
                          type_of (tag) == TYPE_STR);
        in = bytes_of (bytes, sizeof bytes);
        size_t count;
        assert_int_equal (wire_read_list (&in, 0, 99, &count),
                          type_of (tag) == TYPE_ARRAY);
    }
}

static void
test_views_are_bounded_and_point_into_the_input (void **state)
{
    (void)state;
    struct bytes in = BYTES (0xc4, 3, 7, 8, 9, 0xa2, 'h', 'i');
    const uint8_t *start = in.data;
    struct bytes view = {0};

    assert_false (wire_read_bin (&in, 2, &view));
    assert_ptr_equal (in.data, start);
    assert_null (view.data);
    assert_true (wire_read_bin (&in, 3, &view));
    assert_ptr_equal (view.data, start + 2);
    assert_int_equal (view.size, 3);
    assert_false (wire_read_text (&in, 1, &view));
    assert_true (wire_read_text (&in, 2, &view));
    assert_ptr_equal (view.data, start + 6);
    assert_int_equal (in.size, 0);
}

static void
test_sizes_are_read_in_any_width (void **state)
{
    (void)state;
    const struct bytes bins[] = {
        BYTES (0xc4, 1, 'x'),
        BYTES (0xc5, 0, 1, 'x'),
        BYTES (0xc6, 0, 0, 0, 1, 'x'),
    };
    const struct bytes texts[] = {
        BYTES (0xa1, 'x'),
        BYTES (0xd9, 1, 'x'),
        BYTES (0xda, 0, 1, 'x'),
        BYTES (0xdb, 0, 0, 0, 1, 'x'),
    };
    const struct bytes arrays[] = {
        BYTES (0x91, 'x'),
        BYTES (0xdc, 0, 1, 'x'),
        BYTES (0xdd, 0, 0, 0, 1, 'x'),
    };

    for (size_t i = 0; i < ARRAY_SIZE (bins); i++) {
        struct bytes in = bins[i];
        struct bytes view;
        assert_true (wire_read_bin (&in, 1, &view));
        check_bytes (view, BYTES ('x'));
    }
    for (size_t i = 0; i < ARRAY_SIZE (texts); i++) {
        struct bytes in = texts[i];
        struct bytes view;
        assert_true (wire_read_text (&in, 1, &view));
        check_bytes (view, BYTES ('x'));
    }
    for (size_t i = 0; i < ARRAY_SIZE (arrays); i++) {
        struct bytes in = arrays[i];
        assert_true (wire_read_array (&in, 1));
        check_bytes (in, BYTES ('x'));
    }
}

static void
test_sizes_beyond_the_input_are_refused (void **state)
{
    (void)state;
    struct bytes in;
    struct bytes view;
    size_t count;

    in = BYTES (0xc6, 0xff, 0xff, 0xff, 0xff, 0);
    assert_false (wire_read_bin (&in, SIZE_MAX, &view));
    in = BYTES (0xdb, 0xff, 0xff, 0xff, 0xff, 'x');
    assert_false (wire_read_text (&in, SIZE_MAX, &view));
    in = BYTES (0xdd, 0xff, 0xff, 0xff, 0xff, 0);
    assert_false (wire_read_list (&in, 0, SIZE_MAX, &count));
    in = BYTES (0x92, 0);
    assert_false (wire_read_array (&in, 2));
    assert_int_equal (in.size, 2);
}

static void
test_arrays_have_the_count_that_was_asked_for (void **state)
{
    (void)state;
    struct bytes in = BYTES (0x92, 1, 2);
    size_t count = 0;

    assert_false (wire_read_array (&in, 1));
    assert_false (wire_read_array (&in, 3));
    assert_false (wire_read_list (&in, 3, 9, &count));
    assert_false (wire_read_list (&in, 0, 1, &count));
    assert_int_equal (in.size, 3);
    assert_true (wire_read_list (&in, 1, 2, &count));
    assert_int_equal (count, 2);
}

static void
test_text_with_a_control_character_anywhere_is_refused (void **state)
{
    (void)state;

    for (unsigned size = 1; size <= 31; size++)
        for (unsigned at = 0; at < size; at++)
            for (unsigned byte = 0; byte <= 0xff; byte++) {
                uint8_t bytes[32];
                memset (bytes, (at + byte) % 2 ? 'x' : 0xff, sizeof bytes);
                bytes[0] = (uint8_t)(0xa0 | size);
                bytes[1 + at] = (uint8_t)byte;

                struct bytes in = bytes_of (bytes, 1 + size);
                struct bytes view;
                assert_int_equal (wire_read_text (&in, 31, &view),
                                  byte >= 0x20 && byte != 0x7f);
            }
}

/* Reads VALUE, cut to SIZE bytes of a block of just that size, with every
 * reader; each must leave it alone. */
static void
check_refused (struct bytes value, size_t size)
{
    uint8_t *copy = malloc (size + 1);
    assert_non_null (copy);
    memcpy (copy + 1, value.data, size); /* an end that asan watches */
    struct bytes in = bytes_of (copy + 1, size);
    uint64_t u64;
    uint32_t u32;
    uint8_t u8;
    int64_t i64;
    int32_t i32;
    bool truth;
    struct bytes view;

    assert_false (wire_read_u64 (&in, &u64));
    assert_false (wire_read_u32 (&in, &u32));
    assert_false (wire_read_u8 (&in, &u8));
    assert_false (wire_read_i64 (&in, &i64));
    assert_false (wire_read_i32 (&in, &i32));
    assert_false (wire_read_bool (&in, &truth));
    assert_false (wire_read_bin (&in, 99, &view));
    assert_false (wire_read_text (&in, 99, &view));
    assert_false (wire_read_array (&in, 1));
    assert_ptr_equal (in.data, copy + 1);
    assert_int_equal (in.size, size);
    free (copy);
}

static void
test_values_cut_off_at_any_byte_are_refused (void **state)
{
    (void)state;
    const struct bytes values[] = {
        BYTES (0xcc, 1),
        BYTES (0xcd, 1, 2),
        BYTES (0xce, 1, 2, 3, 4),
        BYTES (0xcf, 1, 2, 3, 4, 5, 6, 7, 8),
        BYTES (0xd0, 1),
        BYTES (0xd1, 1, 2),
        BYTES (0xd2, 1, 2, 3, 4),
        BYTES (0xd3, 1, 2, 3, 4, 5, 6, 7, 8),
        BYTES (0xc4, 1, 'x'),
        BYTES (0xc5, 0, 1, 'x'),
        BYTES (0xc6, 0, 0, 0, 1, 'x'),
        BYTES (0xa1, 'x'),
        BYTES (0xd9, 1, 'x'),
        BYTES (0xda, 0, 1, 'x'),
        BYTES (0xdb, 0, 0, 0, 1, 'x'),
        BYTES (0x91, 1),
        BYTES (0xdc, 0, 1, 1),
        BYTES (0xdd, 0, 0, 0, 1, 1),
    };

    for (size_t i = 0; i < ARRAY_SIZE (values); i++)
        for (size_t size = 0; size < values[i].size; size++)
            check_refused (values[i], size);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_values_are_written_in_their_shortest_form),
        cmocka_unit_test (
            test_control_characters_are_written_as_question_marks),
        cmocka_unit_test (test_integers_read_as_they_were_written),
        cmocka_unit_test (test_integers_are_read_in_any_width),
        cmocka_unit_test (test_negative_integers_keep_their_sign_in_any_width),
        cmocka_unit_test (test_integers_out_of_range_are_refused),
        cmocka_unit_test (test_each_first_byte_is_read_as_its_own_type_only),
        cmocka_unit_test (test_views_are_bounded_and_point_into_the_input),
        cmocka_unit_test (test_sizes_are_read_in_any_width),
        cmocka_unit_test (test_sizes_beyond_the_input_are_refused),
        cmocka_unit_test (test_arrays_have_the_count_that_was_asked_for),
        cmocka_unit_test (
            test_text_with_a_control_character_anywhere_is_refused),
        cmocka_unit_test (test_values_cut_off_at_any_byte_are_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
