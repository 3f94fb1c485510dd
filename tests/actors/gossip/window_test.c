/* SPDX-License-Identifier: MIT */
/* window_test - the newest entries, by sequence number. */
#include "actors/gossip/window.h"

#include <stdlib.h>

#include "tests/support/check.h"

static struct link_feed_entry
entry_of (uint64_t seq, int64_t timestamp, const char *payload)
{
    return (struct link_feed_entry){.seq = seq,
                                    .command = COMMAND_ECONVETO,
                                    .timestamp = timestamp,
                                    .received_us = 7,
                                    .id = {.bytes = {(uint8_t)seq}},
                                    .payload = bytes_of_text (payload)};
}

static void
add (struct window *window, uint64_t seq, int64_t timestamp)
{
    struct link_feed_entry entry = entry_of (seq, timestamp, "0123456789");
    CHECK_OK (window_add (window, &entry));
}

static uint64_t
seq_from (const struct window *window, uint64_t seq)
{
    const struct gossip_entry *entry = window_from (window, seq);
    return entry ? entry->seq : 0;
}

static void
test_empty_window_has_nothing (void **state)
{
    (void)state;
    struct window *window = window_create (100);
    assert_null (window_first (window));
    assert_null (window_from (window, 0));
    assert_int_equal (window_drop_stale (window, INT64_MAX), 0);
    window_destroy (&window);
    assert_null (window);
    window_destroy (&window);
}

static void
test_entries_are_found_by_number_across_gaps (void **state)
{
    (void)state;
    struct window *window = window_create (1000000);
    for (uint64_t seq = 10; seq < 3000; seq += 3)
        add (window, seq, 1);
    assert_int_equal (seq_from (window, 0), 10);
    for (uint64_t seq = 10; seq <= 2998; seq++)
        assert_int_equal (seq_from (window, seq), (seq - 10 + 2) / 3 * 3 + 10);
    assert_int_equal (seq_from (window, 2999), 0);
    window_destroy (&window);
}

static void
test_entry_is_a_copy (void **state)
{
    (void)state;
    char payload[] = "payload";
    struct window *window = window_create (100);
    struct link_feed_entry fed = entry_of (4, 99, payload);
    CHECK_OK (window_add (window, &fed));
    memset (payload, 'x', sizeof payload - 1);
    const struct gossip_entry *entry = window_first (window);
    CHECK_BYTES (bytes_of (entry->payload, entry->size), "payload");
    assert_int_equal (entry->timestamp, 99);
    assert_int_equal (entry->received_us, 7);
    assert_int_equal (entry->command, COMMAND_ECONVETO);
    assert_int_equal (entry->id.bytes[0], 4);
    window_destroy (&window);
}

static void
test_full_window_lets_the_oldest_go (void **state)
{
    (void)state;
    struct window *window = window_create (100);
    for (uint64_t seq = 1; seq <= 1000; seq++) {
        add (window, seq, 1);
        assert_int_equal (window_first (window)->seq, seq > 10 ? seq - 9 : 1);
    }
    assert_int_equal (seq_from (window, 1), 991);
    window_destroy (&window);
}

/* It has to be offered all the same. */
static void
test_entry_larger_than_the_window_is_held_alone (void **state)
{
    (void)state;
    struct window *window = window_create (5);
    add (window, 1, 1);
    add (window, 2, 1);
    assert_int_equal (window_first (window)->seq, 2);
    window_destroy (&window);
}

static void
test_stale_entries_go_from_the_front_but_not_the_newest (void **state)
{
    (void)state;
    struct window *window = window_create (1000);
    add (window, 1, 100);
    add (window, 2, 300);
    add (window, 3, 200);
    add (window, 4, 100);
    assert_int_equal (window_drop_stale (window, 100), 0);
    assert_int_equal (window_drop_stale (window, 250), 1);
    assert_int_equal (window_first (window)->seq, 2);
    assert_int_equal (window_drop_stale (window, 1000), 3);
    assert_int_equal (window_first (window)->seq, 4);
    window_destroy (&window);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_empty_window_has_nothing),
        cmocka_unit_test (test_entries_are_found_by_number_across_gaps),
        cmocka_unit_test (test_entry_is_a_copy),
        cmocka_unit_test (test_full_window_lets_the_oldest_go),
        cmocka_unit_test (test_entry_larger_than_the_window_is_held_alone),
        cmocka_unit_test (
            test_stale_entries_go_from_the_front_but_not_the_newest),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
