/* SPDX-License-Identifier: MIT */
/* feed_test - each reader gets each entry once, in order, as it has credit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "actors/dedup/feed.h"
#include "store.h"

#define HEARD_MAX 4096
#define ENTRY_COST 400 /* of credit, in these tests */

/* A reader's end. */
struct end {
    int64_t credit;
    struct {
        uint8_t stream;
        bool is_head;
        uint64_t seq;
    } heard[HEARD_MAX];
    size_t count;
    struct feed_reader *reader;
};

struct fixture {
    struct store store;
    struct feed *feed;
    uint64_t written;
};

static int
end_send (void *self, void *peer, const struct link_message *message)
{
    struct end *end = peer;
    bool is_head = message->id == MESSAGE_FEED_HEAD;
    (void)self;

    if (end->credit < ENTRY_COST)
        return -EAGAIN;
    end->credit -= ENTRY_COST;
    assert_true (end->count < HEARD_MAX);
    end->heard[end->count].is_head = is_head;
    end->heard[end->count].stream =
        is_head ? message->feed_head.stream : message->feed_entry.stream;
    end->heard[end->count++].seq =
        is_head ? message->feed_head.seq : message->feed_entry.seq;
    if (!is_head) {
        struct entry *same = store_entry (message->feed_entry.seq,
                                          message->feed_entry.payload.size);
        assert_true (bytes_equal (message->feed_entry.payload, same->payload));
        assert_true (
            bytes_equal (message->feed_entry.public_key, same->public_key));
        assert_memory_equal (&message->feed_entry.id, &same->id,
                             sizeof same->id);
        free (same);
    }
    return 0;
}

static int64_t
end_credit (void *self, void *peer)
{
    (void)self;
    return ((struct end *)peer)->credit;
}

static const struct feed_ways ways = {.send = end_send, .credit = end_credit};

/* Asserts that what END has heard, from index FROM on, are the entries
 * FIRST .. LAST of STREAM and nothing else. */
static void
check_entries (const struct end *end, size_t from, uint8_t stream,
               uint64_t first, uint64_t last)
{
    assert_int_equal (end->count - from, last + 1 - first);
    for (size_t i = from; i < end->count; i++) {
        assert_false (end->heard[i].is_head);
        assert_int_equal (end->heard[i].stream, stream);
        assert_int_equal (end->heard[i].seq, first + i - from);
    }
}

/* Takes the last thing heard off, which is the head SEQ of STREAM. */
static void
check_head (struct end *end, uint8_t stream, uint64_t seq)
{
    assert_true (end->count > 0);
    end->count--;
    assert_true (end->heard[end->count].is_head);
    assert_int_equal (end->heard[end->count].stream, stream);
    assert_int_equal (end->heard[end->count].seq, seq);
}

/* Runs until there is nothing more to do at once. */
static void
run (struct fixture *fixture)
{
    bool more = true;
    for (int turns = 0; more; turns++) {
        assert_true (turns < 1000);
        assert_int_equal (feed_run (fixture->feed, &more), 0);
    }
}

/* Writes COUNT entries and gives them to the feed, as the shell does. */
static void
write_entries (struct fixture *fixture, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = store_entry (++fixture->written, 200);
        assert_int_equal (
            journal_append (fixture->store.journal, &entry, 1, INT64_MIN), 0);
        feed_add (fixture->feed, &entry);
        assert_null (entry);
    }
}

static void
open_feed (struct fixture *fixture, size_t recent_bytes)
{
    feed_destroy (&fixture->feed);
    fixture->feed =
        feed_create (fixture->store.journal, recent_bytes, &ways, NULL);
}

static void
join (struct fixture *fixture, struct end *end, const char *name)
{
    *end = (struct end){.credit = INT32_MAX};
    end->reader = feed_join (fixture->feed, end, name);
    assert_non_null (end->reader);
}

static int
open_from (struct fixture *fixture, struct end *end, uint8_t stream,
           uint64_t from, uint64_t until)
{
    struct link_feed_open open = {
        .stream = stream, .from_seq = from, .until_seq = until};
    return feed_open (fixture->feed, end->reader, &open);
}

static int
setup (void **state)
{
    struct fixture *fixture = calloc (1, sizeof *fixture);
    *state = fixture;
    store_init (&fixture->store);
    int rc = store_open (&fixture->store);
    open_feed (fixture, 1 << 20);
    return rc;
}

static int
teardown (void **state)
{
    struct fixture *fixture = *state;
    feed_destroy (&fixture->feed);
    store_done (&fixture->store);
    free (fixture);
    return 0;
}

static void
test_reader_gets_what_is_there_then_the_head_then_what_comes (void **state)
{
    struct fixture *fixture = *state;
    struct end end;

    write_entries (fixture, 10);
    join (fixture, &end, "gossip");
    assert_int_equal (open_from (fixture, &end, 3, 4, 0), 0);
    run (fixture);
    check_head (&end, 3, 10);
    check_entries (&end, 0, 3, 4, 10);
    write_entries (fixture, 2);
    run (fixture);
    check_entries (&end, 0, 3, 4, 12); /* and no second head */
}

static void
test_reader_of_an_empty_journal_hears_so (void **state)
{
    struct fixture *fixture = *state;
    struct end end;

    join (fixture, &end, "gossip");
    assert_int_equal (open_from (fixture, &end, 0, 1, 0), 0);
    run (fixture);
    check_head (&end, 0, 0);
    write_entries (fixture, 1);
    run (fixture);
    check_entries (&end, 0, 0, 1, 1);
}

static void
test_reader_begins_at_a_time (void **state)
{
    struct fixture *fixture = *state;
    struct end end;
    struct link_feed_open open = {.stream = 1, .since_s = STORE_NOW + 7};

    write_entries (fixture, 10);
    join (fixture, &end, "gossip");
    assert_int_equal (feed_open (fixture->feed, end.reader, &open), 0);
    run (fixture);
    check_head (&end, 1, 10);
    check_entries (&end, 0, 1, 7, 10);
}

static void
test_reader_of_a_time_to_come_gets_what_comes (void **state)
{
    struct fixture *fixture = *state;
    struct end end;
    struct link_feed_open open = {.since_s = STORE_NOW + 3600};

    write_entries (fixture, 10);
    join (fixture, &end, "gossip");
    assert_int_equal (feed_open (fixture->feed, end.reader, &open), 0);
    run (fixture);
    check_head (&end, 0, 10);
    write_entries (fixture, 1);
    run (fixture);
    check_entries (&end, 0, 0, 11, 11);
}

static void
test_reader_without_credit_waits_and_loses_nothing (void **state)
{
    struct fixture *fixture = *state;
    struct end end;

    write_entries (fixture, 100);
    join (fixture, &end, "slow");
    end.credit = 0;
    assert_int_equal (open_from (fixture, &end, 0, 1, 0), 0);
    for (size_t got = 0; got < 100; got += 7) {
        run (fixture);
        check_entries (&end, 0, 0, 1, got);
        end.credit += 7 * ENTRY_COST + ENTRY_COST / 2;
        end.credit -= end.credit % ENTRY_COST;
    }
    end.credit = INT32_MAX;
    run (fixture);
    check_head (&end, 0, 100);
    check_entries (&end, 0, 0, 1, 100);
}

static void
test_slow_reader_does_not_hold_up_another (void **state)
{
    struct fixture *fixture = *state;
    struct end slow, fast;

    join (fixture, &slow, "slow");
    join (fixture, &fast, "fast");
    slow.credit = 0;
    assert_int_equal (open_from (fixture, &slow, 0, 1, 0), 0);
    assert_int_equal (open_from (fixture, &fast, 0, 1, 0), 0);
    write_entries (fixture, 50);
    run (fixture);
    check_head (&fast, 0, 50);
    check_entries (&fast, 0, 0, 1, 50);
    assert_int_equal (slow.count, 0);
}

static void
test_stream_with_an_end_closes_there (void **state)
{
    struct fixture *fixture = *state;
    struct end end;

    write_entries (fixture, 10);
    join (fixture, &end, "gossip");
    assert_int_equal (open_from (fixture, &end, 2, 3, 6), 0);
    run (fixture);
    check_head (&end, 2, 10);
    check_entries (&end, 0, 2, 3, 6);
    write_entries (fixture, 2);
    run (fixture);
    check_entries (&end, 0, 2, 3, 6);
}

static void
test_stream_with_an_end_to_come_closes_at_the_end_of_the_journal (void **state)
{
    struct fixture *fixture = *state;
    struct end end;

    write_entries (fixture, 10);
    join (fixture, &end, "gossip");
    assert_int_equal (open_from (fixture, &end, 2, 9, 100), 0);
    run (fixture);
    check_head (&end, 2, 10);
    check_entries (&end, 0, 2, 9, 10);
    write_entries (fixture, 2);
    run (fixture);
    assert_int_equal (end.count, 2);
}

static void
test_old_entries_come_from_disk_and_new_ones_from_memory (void **state)
{
    struct fixture *fixture = *state;
    struct end end;

    open_feed (fixture, 5000); /* a dozen entries */
    write_entries (fixture, 300);
    join (fixture, &end, "gossip");
    assert_int_equal (open_from (fixture, &end, 0, 1, 0), 0);
    run (fixture);
    check_head (&end, 0, 300);
    check_entries (&end, 0, 0, 1, 300);
}

static void
test_journal_of_an_earlier_life_is_served (void **state)
{
    struct fixture *fixture = *state;
    struct end end;

    write_entries (fixture, 100);
    feed_destroy (&fixture->feed);
    assert_int_equal (store_reopen (&fixture->store), 0);
    open_feed (fixture, 1 << 20);
    join (fixture, &end, "gossip");
    assert_int_equal (open_from (fixture, &end, 0, 1, 0), 0);
    write_entries (fixture, 5);
    run (fixture);
    check_head (&end, 0, 105);
    check_entries (&end, 0, 0, 1, 105);
}

static void
test_streams_of_a_reader_take_turns (void **state)
{
    struct fixture *fixture = *state;
    struct end end;
    uint64_t first = 0, second = 0;

    write_entries (fixture, 500);
    join (fixture, &end, "gossip");
    assert_int_equal (open_from (fixture, &end, 0, 1, 0), 0);
    assert_int_equal (open_from (fixture, &end, 7, 401, 0), 0);
    bool more;
    assert_int_equal (feed_run (fixture->feed, &more), 0);
    assert_true (more);
    assert_true (end.count <= FEED_TURN_MAX + FEED_SLICE);
    for (size_t i = 0; i < end.count; i++) {
        if (end.heard[i].is_head)
            continue;
        uint64_t *next[] = {&first, &second};
        uint64_t expected = end.heard[i].stream == 0 ? 1 + first : 401 + second;
        assert_int_equal (end.heard[i].seq, expected);
        ++*next[end.heard[i].stream == 7];
    }
    assert_true (first >= 2 * FEED_SLICE && second >= 2 * FEED_SLICE);
    run (fixture);
    assert_int_equal (end.count, 600 + 2);
}

static void
test_damaged_entries_are_passed_over (void **state)
{
    struct fixture *fixture = *state;
    struct end end;
    sqlite3 *db;

    write_entries (fixture, 200);
    feed_destroy (&fixture->feed);
    journal_close (&fixture->store.journal);
    assert_int_equal (sqlite3_open (fixture->store.path, &db), SQLITE_OK);
    sqlite3_exec (db,
                  "UPDATE entries SET gov_id = x'00'"
                  " WHERE seq BETWEEN 50 AND 149",
                  NULL, NULL, NULL);
    sqlite3_close (db);
    assert_int_equal (store_open (&fixture->store), 0);
    open_feed (fixture, 1 << 20);
    join (fixture, &end, "gossip");
    assert_int_equal (open_from (fixture, &end, 0, 1, 0), 0);
    run (fixture);
    check_head (&end, 0, 200);
    assert_int_equal (end.count, 100);
    assert_int_equal (end.heard[48].seq, 49);
    assert_int_equal (end.heard[49].seq, 150);
}

static void
test_stream_opened_again_starts_again (void **state)
{
    struct fixture *fixture = *state;
    struct end end;

    write_entries (fixture, 5);
    join (fixture, &end, "gossip");
    assert_int_equal (open_from (fixture, &end, 0, 1, 0), 0);
    run (fixture);
    end.count = 0;
    assert_int_equal (open_from (fixture, &end, 0, 2, 0), 0);
    run (fixture);
    check_head (&end, 0, 5);
    check_entries (&end, 0, 0, 2, 5);
}

static void
test_closed_stream_is_silent (void **state)
{
    struct fixture *fixture = *state;
    struct end end;

    join (fixture, &end, "gossip");
    assert_int_equal (open_from (fixture, &end, 0, 1, 0), 0);
    feed_close (end.reader, 0);
    feed_close (end.reader, 200);
    write_entries (fixture, 5);
    run (fixture);
    assert_int_equal (end.count, 0);
}

static void
test_stream_number_out_of_range_is_refused (void **state)
{
    struct fixture *fixture = *state;
    struct end end;

    join (fixture, &end, "gossip");
    assert_int_equal (open_from (fixture, &end, FEED_STREAMS_MAX, 1, 0),
                      -EINVAL);
}

static void
test_reader_that_left_is_not_served (void **state)
{
    struct fixture *fixture = *state;
    struct end end, other;

    join (fixture, &end, "gossip");
    join (fixture, &other, "forwarder");
    assert_int_equal (open_from (fixture, &end, 0, 1, 0), 0);
    feed_leave (fixture->feed, &end.reader);
    assert_null (end.reader);
    assert_int_equal (feed_readers (fixture->feed), 1);
    write_entries (fixture, 5);
    run (fixture);
    assert_int_equal (end.count, 0);
}

static void
test_acks_count_from_durable_readers_only (void **state)
{
    struct fixture *fixture = *state;
    struct journal *journal = fixture->store.journal;
    struct end durable, other;
    struct link_feed_open open = {.from_seq = 1, .durable = true};

    write_entries (fixture, 5);
    join (fixture, &durable, "forwarder");
    join (fixture, &other, "gossip");
    assert_int_equal (feed_open (fixture->feed, durable.reader, &open), 0);
    assert_int_equal (open_from (fixture, &other, 0, 1, 0), 0);
    feed_ack (fixture->feed, durable.reader, 3);
    feed_ack (fixture->feed, other.reader, 4);
    assert_int_equal (journal_ack (journal, "forwarder"), 3);
    assert_int_equal (journal_ack (journal, "gossip"), 0);
}

int
main (void)
{
#define T(test) cmocka_unit_test_setup_teardown (test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T (test_reader_gets_what_is_there_then_the_head_then_what_comes),
        T (test_reader_of_an_empty_journal_hears_so),
        T (test_reader_begins_at_a_time),
        T (test_reader_of_a_time_to_come_gets_what_comes),
        T (test_reader_without_credit_waits_and_loses_nothing),
        T (test_slow_reader_does_not_hold_up_another),
        T (test_stream_with_an_end_closes_there),
        T (test_stream_with_an_end_to_come_closes_at_the_end_of_the_journal),
        T (test_old_entries_come_from_disk_and_new_ones_from_memory),
        T (test_journal_of_an_earlier_life_is_served),
        T (test_streams_of_a_reader_take_turns),
        T (test_damaged_entries_are_passed_over),
        T (test_stream_opened_again_starts_again),
        T (test_closed_stream_is_silent),
        T (test_stream_number_out_of_range_is_refused),
        T (test_reader_that_left_is_not_served),
        T (test_acks_count_from_durable_readers_only),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
