/* SPDX-License-Identifier: MIT */
/* buffer_test - bytes in at the end, out at the front, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buffer.h"

#define SEED 20240607
#define ROUNDS 20000

static void
check_holds (const struct buffer *buffer, const char *text)
{
    struct bytes held = buffer_bytes (buffer);

    assert_int_equal (held.size, strlen (text));
    assert_memory_equal (held.data, text, held.size);
}

static void
test_an_empty_buffer_owns_nothing (void **state)
{
    (void)state;
    struct buffer buffer = {0};

    assert_int_equal (buffer_bytes (&buffer).size, 0);
    assert_int_equal (buffer_append (&buffer, bytes_of (NULL, 0)), 0);
    assert_null (buffer.data);
    buffer_clear (&buffer);
    buffer_take (&buffer, 0, 0);
    buffer_done (&buffer);
    buffer_done (&buffer);
}

static void
test_what_was_appended_is_held_in_order (void **state)
{
    (void)state;
    owned (buffer_done) struct buffer buffer = {0};

    assert_int_equal (buffer_append (&buffer, bytes_of_text ("veto")), 0);
    assert_int_equal (buffer_append (&buffer, bytes_of_text ("")), 0);
    assert_int_equal (buffer_append (&buffer, bytes_of_text ("support")), 0);
    check_holds (&buffer, "vetosupport");
}

static void
test_what_was_taken_is_gone_and_the_rest_stays (void **state)
{
    (void)state;
    owned (buffer_done) struct buffer buffer = {0};

    assert_int_equal (buffer_append (&buffer, bytes_of_text ("abcdef")), 0);
    buffer_take (&buffer, 4, SIZE_MAX);
    check_holds (&buffer, "ef");
    assert_int_equal (buffer_append (&buffer, bytes_of_text ("gh")), 0);
    check_holds (&buffer, "efgh");
}

static void
test_reserved_room_is_there_without_another_growth (void **state)
{
    (void)state;
    owned (buffer_done) struct buffer buffer = {0};

    assert_int_equal (buffer_reserve (&buffer, 5000), 0);
    const uint8_t *data = buffer.data;
    for (int i = 0; i < 1000; i++)
        assert_int_equal (buffer_append (&buffer, bytes_of_text ("12345")), 0);
    assert_ptr_equal (buffer.data, data);
    assert_int_equal (buffer.size, 5000);
}

static void
test_an_empty_buffer_gives_back_more_room_than_it_may_keep (void **state)
{
    (void)state;
    owned (buffer_done) struct buffer buffer = {0};

    assert_int_equal (buffer_reserve (&buffer, 4096), 0);
    assert_int_equal (buffer_append (&buffer, bytes_of_text ("ab")), 0);
    buffer_take (&buffer, 1, 100);
    assert_true (buffer.room >= 4096); /* not empty yet */
    buffer_take (&buffer, 1, buffer.room);
    assert_true (buffer.room >= 4096); /* so much may be kept */
    buffer_take (&buffer, 0, 100);
    assert_int_equal (buffer.room, 0);
    assert_null (buffer.data);
}

static void
test_cleared_buffers_keep_their_room (void **state)
{
    (void)state;
    owned (buffer_done) struct buffer buffer = {0};

    assert_int_equal (buffer_append (&buffer, bytes_of_text ("abc")), 0);
    buffer_take (&buffer, 1, SIZE_MAX);
    size_t room = buffer.room;
    buffer_clear (&buffer);
    assert_int_equal (buffer_bytes (&buffer).size, 0);
    assert_int_equal (buffer.room, room);
}

static void
test_room_that_cannot_be_is_refused (void **state)
{
    (void)state;
    owned (buffer_done) struct buffer buffer = {0};

    assert_int_equal (buffer_append (&buffer, bytes_of_text ("abc")), 0);
    assert_int_equal (buffer_reserve (&buffer, SIZE_MAX), -ENOMEM);
    assert_int_equal (buffer_reserve (&buffer, SIZE_MAX - 3), -ENOMEM);
    assert_int_equal (buffer_reserve (&buffer, SIZE_MAX / 2), -ENOMEM);
    check_holds (&buffer, "abc");
}

/* The stream is 0, 1, 2 … 250, 0, 1 …: any place of it can be told. */
static void
test_a_long_stream_passes_through_unchanged (void **state)
{
    (void)state;
    owned (buffer_done) struct buffer buffer = {0};
    uint8_t stream[2 * 251];
    uint32_t random = SEED;
    size_t in = 0;
    size_t out = 0;

    print_message ("seed %d\n", SEED);
    for (size_t i = 0; i < sizeof stream; i++)
        stream[i] = (uint8_t)(i % 251);
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 1664525 + 1013904223;
        size_t more = (random >> 8) % 251;
        size_t less = (random >> 16) % (buffer.size + 1);
        size_t keep = random % 4096;
        assert_int_equal (
            buffer_append (&buffer, bytes_of (stream + in % 251, more)), 0);
        in += more;

        struct bytes held = buffer_bytes (&buffer);
        assert_int_equal (held.size, in - out);
        for (size_t i = 0; i < held.size; i++)
            if (held.data[i] != (out + i) % 251)
                fail_msg ("byte %zu of round %d", i, round);
        buffer_take (&buffer, less, keep);
        out += less;
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_an_empty_buffer_owns_nothing),
        cmocka_unit_test (test_what_was_appended_is_held_in_order),
        cmocka_unit_test (test_what_was_taken_is_gone_and_the_rest_stays),
        cmocka_unit_test (test_reserved_room_is_there_without_another_growth),
        cmocka_unit_test (
            test_an_empty_buffer_gives_back_more_room_than_it_may_keep),
        cmocka_unit_test (test_cleared_buffers_keep_their_room),
        cmocka_unit_test (test_room_that_cannot_be_is_refused),
        cmocka_unit_test (test_a_long_stream_passes_through_unchanged),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
