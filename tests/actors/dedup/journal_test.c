/* SPDX-License-Identifier: MIT */
/* journal_test - what was appended is there: after a restart, a kill, a full
 * disk, damage. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store.h"

#define SEEN_MAX 4096

struct seen {
    uint64_t seq[SEEN_MAX];
    size_t count;
    size_t stop_after; /* 0: never */
    bool has_body;
};

static int
see (void *self, const struct entry *entry)
{
    struct seen *seen = self;
    struct entry *same;

    if (seen->stop_after != 0 && seen->count == seen->stop_after)
        return -EAGAIN;
    assert_true (seen->count < SEEN_MAX);
    seen->seq[seen->count++] = entry->seq;
    same = store_entry (entry->seq, entry->payload.size);
    assert_int_equal (entry->command, same->command);
    assert_int_equal (entry->local, same->local);
    assert_int_equal (entry->timestamp, same->timestamp);
    assert_int_equal (entry->received_us, same->received_us);
    assert_memory_equal (&entry->id, &same->id, sizeof entry->id);
    assert_true (bytes_equal (entry->public_key, same->public_key));
    assert_true (bytes_equal (entry->payload, same->payload));
    free (same);
    return 0;
}

/* Reads all from SEQ on, PIECE at a time. */
static void
read_all (struct store *store, uint64_t seq, size_t piece, struct seen *seen)
{
    uint64_t end = journal_stats (store->journal)->last_seq + 1;

    *seen = (struct seen){0};
    while (seq < end) {
        uint64_t before = seq;
        assert_int_equal (journal_read (store->journal, &seq, piece, see, seen),
                          0);
        assert_true (seq > before);
    }
}

static void
run_sql (const struct store *store, const char *sql)
{
    sqlite3 *db;
    assert_int_equal (sqlite3_open (store->path, &db), SQLITE_OK);
    assert_int_equal (sqlite3_exec (db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close (db);
}

/* Overwrites SIZE bytes of the file at OFFSET. */
static void
scribble (const struct store *store, long offset, size_t size)
{
    FILE *file = fopen (store->path, "r+b");
    assert_non_null (file);
    fseek (file, offset, SEEK_SET);
    for (size_t i = 0; i < size; i++)
        fputc (0x5a, file);
    fclose (file);
}

static int
setup (void **state)
{
    struct store *store = malloc (sizeof *store);
    store_init (store);
    *state = store;
    return store_open (store);
}

static int
teardown (void **state)
{
    store_done (*state);
    free (*state);
    return 0;
}

static void
test_new_journal_is_empty (void **state)
{
    struct store *store = *state;
    const struct journal_stats *stats = journal_stats (store->journal);
    uint64_t seq = 1;
    struct seen seen = {0};

    assert_int_equal (stats->entries, 0);
    assert_int_equal (stats->last_seq, 0);
    assert_int_equal (stats->damaged, 0);
    assert_int_equal (journal_floor (store->journal), INT64_MIN);
    assert_int_equal (journal_read (store->journal, &seq, 10, see, &seen), 0);
    assert_int_equal (seen.count, 0);
    assert_int_equal (journal_find_since (store->journal, 0, &seq), 0);
    assert_int_equal (seq, 1);
}

static void
test_entries_are_kept_verbatim_over_a_restart (void **state)
{
    struct store *store = *state;
    struct seen seen;

    assert_int_equal (store_append (store, 1, 1, 300), 0);
    assert_int_equal (store_append (store, 2, 5, GOVERNANCE_PAYLOAD_MAX), 0);
    assert_int_equal (store_append (store, 6, 200, 8), 0);
    read_all (store, 1, 7, &seen);
    assert_int_equal (seen.count, 200);

    assert_int_equal (store_reopen (store), 0);
    assert_int_equal (store->loaded, 200);
    read_all (store, 1, 1000, &seen);
    assert_int_equal (seen.count, 200);
    for (uint64_t i = 0; i < 200; i++)
        assert_int_equal (seen.seq[i], i + 1);
}

static void
test_numbers_go_on_after_a_restart (void **state)
{
    struct store *store = *state;
    struct entry *entry = store_entry (3, 300);

    assert_int_equal (store_append (store, 1, 2, 300), 0);
    assert_int_equal (store_reopen (store), 0);
    assert_int_equal (journal_append (store->journal, &entry, 1, INT64_MIN), 0);
    assert_int_equal (entry->seq, 3);
    free (entry);
}

static void
test_reading_stops_where_the_reader_says (void **state)
{
    struct store *store = *state;
    struct seen seen = {.stop_after = 3};
    uint64_t seq = 2;

    assert_int_equal (store_append (store, 1, 10, 300), 0);
    assert_int_equal (journal_read (store->journal, &seq, 10, see, &seen),
                      -EAGAIN);
    assert_int_equal (seq, 5);
}

/* A child writes and is killed; it never closes anything. */
static void
test_what_was_appended_survives_a_kill (void **state)
{
    struct store *store = *state;
    int written[2], status;
    char word = 0;

    journal_close (&store->journal);
    assert_int_equal (pipe (written), 0);
    pid_t child = fork ();
    if (child == 0) {
        bool is_written =
            store_open (store) == 0 && store_append (store, 1, 64, 300) == 0;
        word = is_written ? 'y' : 'n';
        if (write (written[1], &word, 1) == 1)
            pause ();
        _exit (1);
    }
    assert_int_equal (read (written[0], &word, 1), 1);
    assert_int_equal (word, 'y');
    /* Nobody else may write meanwhile. */
    assert_int_equal (store_open (store), -EBUSY);
    kill (child, SIGKILL);
    waitpid (child, &status, 0);
    close (written[0]);
    close (written[1]);

    assert_int_equal (store_open (store), 0);
    assert_int_equal (store->loaded, 64);
    assert_int_equal (journal_stats (store->journal)->damaged, 0);
}

static void
test_full_disk_changes_nothing_and_passes (void **state)
{
    struct store *store = *state;
    struct rlimit old, none = {.rlim_cur = 4096};
    struct seen seen;

    assert_int_equal (store_append (store, 1, 2, 300), 0);
    signal (SIGXFSZ, SIG_IGN);
    getrlimit (RLIMIT_FSIZE, &old);
    none.rlim_max = old.rlim_max;
    setrlimit (RLIMIT_FSIZE, &none);
    int first = store_append (store, 3, 40, 300);
    int second = store_append (store, 3, 40, 300);
    setrlimit (RLIMIT_FSIZE, &old);

    assert_true (first < 0 && second < 0);
    assert_int_equal (journal_stats (store->journal)->last_seq, 2);
    assert_int_equal (store_append (store, 3, 40, 300), 0);
    assert_int_equal (store_reopen (store), 0);
    read_all (store, 1, 100, &seen);
    assert_int_equal (seen.count, 40);
}

static void
test_floor_is_kept_over_a_restart (void **state)
{
    struct store *store = *state;

    assert_int_equal (journal_append (store->journal, NULL, 0, 1234), 0);
    assert_int_equal (store_reopen (store), 0);
    assert_int_equal (journal_floor (store->journal), 1234);
    assert_int_equal (journal_append (store->journal, NULL, 0, 1000), 0);
    assert_int_equal (journal_floor (store->journal), 1234);
}

static void
test_acks_are_kept_and_only_grow (void **state)
{
    struct store *store = *state;
    struct journal *journal = store->journal;

    assert_int_equal (store_append (store, 1, 10, 300), 0);
    assert_false (journal_has_acks (journal));
    assert_int_equal (journal_note_ack (journal, "forwarder", 7), 0);
    assert_int_equal (journal_note_ack (journal, "forwarder", 5), 0);
    assert_int_equal (journal_note_ack (journal, "forwarder", 11), 0);
    assert_true (journal_has_acks (journal));
    assert_int_equal (journal_append (journal, NULL, 0, INT64_MIN), 0);
    assert_false (journal_has_acks (journal));
    assert_int_equal (store_reopen (store), 0);
    assert_int_equal (journal_ack (store->journal, "forwarder"), 7);
    assert_int_equal (journal_ack (store->journal, "gossip"), 0);
}

static void
test_durable_readers_are_bounded (void **state)
{
    struct store *store = *state;
    char name[32];

    for (int i = 0; i < JOURNAL_READERS_MAX; i++) {
        snprintf (name, sizeof name, "reader.%d", i);
        assert_int_equal (journal_note_ack (store->journal, name, 0), 0);
    }
    assert_int_equal (journal_note_ack (store->journal, "one more", 0),
                      -ENOSPC);
    assert_int_equal (journal_append (store->journal, NULL, 0, INT64_MIN), 0);
    assert_int_equal (store_reopen (store), 0);
    assert_int_equal (journal_note_ack (store->journal, "one more", 0),
                      -ENOSPC);
}

static void
test_time_leads_to_the_first_entry (void **state)
{
    struct store *store = *state;
    uint64_t seq;

    for (uint64_t first = 1; first <= 2000; first += 200)
        assert_int_equal (store_append (store, first, first + 199, 64), 0);
    for (int round = 0; round < 2; round++) {
        for (int64_t number = -5; number <= 2001; number++) {
            assert_int_equal (
                journal_find_since (store->journal, STORE_NOW + number, &seq),
                0);
            assert_int_equal (seq, number < 1 ? 1 : number);
        }
        assert_int_equal (store_reopen (store), 0);
    }
}

static void
test_time_finds_an_early_entry_of_a_late_message (void **state)
{
    struct store *store = *state;
    struct entry *entries[3];
    uint64_t seq;

    /* Timestamps 10, 300, 11 in the order of arrival. */
    for (uint64_t i = 0; i < 3; i++)
        entries[i] = store_entry (10 + i, 64);
    entries[1]->timestamp = STORE_NOW + 300;
    assert_int_equal (journal_append (store->journal, entries, 3, INT64_MIN),
                      0);
    assert_int_equal (journal_find_since (store->journal, STORE_NOW + 11, &seq),
                      0);
    assert_int_equal (seq, 2);
    assert_int_equal (
        journal_find_since (store->journal, STORE_NOW + 301, &seq), 0);
    assert_int_equal (seq, 4);
    for (size_t i = 0; i < 3; i++)
        free (entries[i]);
}

static void
test_damaged_body_is_passed_over_and_counted_once (void **state)
{
    struct store *store = *state;
    struct seen seen;

    assert_int_equal (store_append (store, 1, 10, 300), 0);
    journal_close (&store->journal);
    run_sql (store, "UPDATE entries SET payload = zeroblob (300)"
                    " WHERE seq IN (4, 10)");
    assert_int_equal (store_open (store), 0);
    for (int round = 0; round < 2; round++) {
        read_all (store, 1, 3, &seen);
        assert_int_equal (seen.count, 8);
        assert_int_equal (seen.seq[3], 5);
        assert_int_equal (journal_stats (store->journal)->damaged, 2);
    }
}

static void
test_bodies_that_change_places_are_damage (void **state)
{
    struct store *store = *state;
    struct seen seen;

    assert_int_equal (store_append (store, 1, 3, 300), 0);
    journal_close (&store->journal);
    run_sql (store,
             "UPDATE entries SET (public_key, body_sum, payload) = (SELECT"
             " public_key, body_sum, payload FROM entries WHERE seq = 1)"
             " WHERE seq = 2");
    assert_int_equal (store_open (store), 0);
    read_all (store, 1, 10, &seen);
    assert_int_equal (seen.count, 2);
}

static void
test_damaged_id_raises_the_floor (void **state)
{
    struct store *store = *state;
    struct seen seen;

    assert_int_equal (store_append (store, 1, 10, 300), 0);
    journal_close (&store->journal);
    run_sql (store, "UPDATE entries SET gov_id = zeroblob (32)"
                    " WHERE seq BETWEEN 4 AND 5");
    assert_int_equal (store_open (store), 0);
    assert_int_equal (store->loaded, 8);
    assert_int_equal (journal_stats (store->journal)->damaged, 2);
    assert_int_equal (journal_stats (store->journal)->entries, 8);
    /* The newest timestamp known when entry 6, behind the hole, was read. */
    assert_int_equal (journal_floor (store->journal), STORE_NOW + 6);
    read_all (store, 1, 1, &seen);
    assert_int_equal (seen.count, 8);
}

static void
test_damaged_last_entry_does_not_give_its_number_away (void **state)
{
    struct store *store = *state;

    assert_int_equal (store_append (store, 1, 10, 300), 0);
    journal_close (&store->journal);
    run_sql (store, "UPDATE entries SET timestamp = 0 WHERE seq = 10");
    assert_int_equal (store_open (store), 0);
    assert_int_equal (journal_stats (store->journal)->last_seq, 10);
    assert_int_equal (journal_floor (store->journal), STORE_NOW + 9);
    assert_int_equal (store_append (store, 11, 11, 300), 0);
    assert_int_equal (journal_stats (store->journal)->last_seq, 11);
}

static void
test_entries_that_vanished_are_counted (void **state)
{
    struct store *store = *state;
    struct seen seen;

    assert_int_equal (store_append (store, 1, 100, 300), 0);
    journal_close (&store->journal);
    run_sql (store, "DELETE FROM entries WHERE seq BETWEEN 20 AND 79");
    assert_int_equal (store_open (store), 0);
    assert_int_equal (journal_stats (store->journal)->damaged, 60);
    read_all (store, 1, 16, &seen);
    assert_int_equal (seen.count, 40);
}

/* Whatever page of the file is damaged, the journal opens, keeps what is
 * elsewhere, and takes new entries. */
static void
test_any_damaged_page_is_survived (void **state)
{
    struct store *store = *state;
    enum { PAGE = 8192, ENTRIES = 1000 };

    for (long page = 0;; page++) {
        teardown (state);
        assert_int_equal (setup (state), 0);
        store = *state;
        for (uint64_t i = 0; i < ENTRIES; i += 250)
            assert_int_equal (store_append (store, i + 1, i + 250, 300), 0);
        journal_close (&store->journal);
        struct stat file;
        assert_int_equal (stat (store->path, &file), 0);
        if (page * PAGE >= file.st_size)
            break;
        scribble (store, page * PAGE, PAGE);

        assert_int_equal (store_open (store), 0);
        const struct journal_stats *stats = journal_stats (store->journal);
        uint64_t last = stats->last_seq;
        if (!stats->was_replaced) {
            struct seen seen;
            assert_true (last == ENTRIES && store->loaded > ENTRIES - 100);
            assert_int_equal (stats->damaged + stats->entries, ENTRIES);
            read_all (store, 1, 50, &seen);
            assert_int_equal (seen.count, store->loaded);
        }
        assert_int_equal (store_append (store, 1, 1, 300), 0);
        assert_true (stats->last_seq > last);
    }
}

static void
test_file_of_junk_is_moved_aside_and_numbers_go_on_above (void **state)
{
    struct store *store = *state;
    char aside[160];

    assert_int_equal (store_append (store, 1, 10, 300), 0);
    journal_close (&store->journal);
    scribble (store, 0, 20000);
    assert_int_equal (store_open (store), 0);
    const struct journal_stats *stats = journal_stats (store->journal);
    assert_true (stats->was_replaced);
    /* A relay that had to begin anew takes messages at once. */
    assert_true (journal_floor (store->journal) < STORE_NOW - 3600);
    snprintf (aside, sizeof aside, "%s.damaged-%d", store->path, STORE_NOW);
    assert_int_equal (access (aside, F_OK), 0);

    assert_int_equal (store_append (store, 1, 1, 300), 0);
    assert_true (stats->last_seq > 10);
    uint64_t last = stats->last_seq;
    assert_int_equal (store_reopen (store), 0);
    assert_int_equal (journal_stats (store->journal)->last_seq, last);
    assert_int_equal (journal_stats (store->journal)->damaged, 0);
}

static void
test_journal_of_a_later_version_is_refused (void **state)
{
    struct store *store = *state;

    journal_close (&store->journal);
    run_sql (store, "UPDATE meta SET value = 2 WHERE name = 'version'");
    assert_int_equal (store_open (store), -ENOTSUP);
    assert_null (store->journal);
}

static void
test_missing_directory_is_an_error_of_the_disk (void **state)
{
    struct store *store = *state;
    struct journal *journal = NULL;

    assert_int_equal (journal_open ("/tmp/govrelay-none/no/journal.db",
                                    STORE_NOW, store_on_load, store, &journal),
                      -ENOENT);
    assert_null (journal);
}

int
main (void)
{
#define T(test) cmocka_unit_test_setup_teardown (test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T (test_new_journal_is_empty),
        T (test_entries_are_kept_verbatim_over_a_restart),
        T (test_numbers_go_on_after_a_restart),
        T (test_reading_stops_where_the_reader_says),
        T (test_what_was_appended_survives_a_kill),
        T (test_full_disk_changes_nothing_and_passes),
        T (test_floor_is_kept_over_a_restart),
        T (test_acks_are_kept_and_only_grow),
        T (test_durable_readers_are_bounded),
        T (test_time_leads_to_the_first_entry),
        T (test_time_finds_an_early_entry_of_a_late_message),
        T (test_damaged_body_is_passed_over_and_counted_once),
        T (test_bodies_that_change_places_are_damage),
        T (test_damaged_id_raises_the_floor),
        T (test_damaged_last_entry_does_not_give_its_number_away),
        T (test_entries_that_vanished_are_counted),
        T (test_any_damaged_page_is_survived),
        T (test_file_of_junk_is_moved_aside_and_numbers_go_on_above),
        T (test_journal_of_a_later_version_is_refused),
        T (test_missing_directory_is_an_error_of_the_disk),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
