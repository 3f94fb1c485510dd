/* SPDX-License-Identifier: MIT */
/* outbox_test - the store of the forwarder: what survives, what does not. */
#include "actors/forwarder/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#define KEY_A "aa"
#define KEY_B "bb"

struct fixture {
    char directory[64];
    char path[96];
    struct outbox *outbox;
};

static int
setup (void **state)
{
    struct fixture *fixture = calloc (1, sizeof (*fixture));

    assert_non_null (fixture);
    snprintf (fixture->directory, sizeof (fixture->directory),
              "/tmp/outbox_test.XXXXXX");
    assert_non_null (mkdtemp (fixture->directory));
    snprintf (fixture->path, sizeof (fixture->path), "%s/forwarder.db",
              fixture->directory);
    assert_int_equal (outbox_open (fixture->path, &fixture->outbox), 0);
    *state = fixture;
    return 0;
}

static int
teardown (void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct fixture *fixture = *state;
    char path[128];

    outbox_close (&fixture->outbox);
    for (size_t i = 0; i < ARRAY_SIZE (suffixes); i++) {
        snprintf (path, sizeof (path), "%s%s", fixture->path, suffixes[i]);
        unlink (path);
    }
    assert_int_equal (rmdir (fixture->directory), 0);
    free (fixture);
    return 0;
}

static void
reopen (struct fixture *fixture)
{
    outbox_close (&fixture->outbox);
    assert_int_equal (outbox_open (fixture->path, &fixture->outbox), 0);
}

/* Runs SQL beside the outbox, as an operator might. */
static void
run_sql (const struct fixture *fixture, const char *sql)
{
    sqlite3 *db;

    assert_int_equal (sqlite3_open (fixture->path, &db), SQLITE_OK);
    assert_int_equal (sqlite3_exec (db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close (db);
}

static int
put (struct fixture *fixture, uint64_t seq, enum command command, uint8_t id,
     const char *key)
{
    struct outbox_entry entry = {
        .seq = seq,
        .command = command,
        .public_key = bytes_of_text (key),
        .received_us = (int64_t)seq * 1000,
        .payload = bytes_of_text ("{\"pr_id\":1}"),
    };

    memset (entry.id.bytes, id, sizeof (entry.id.bytes));
    return outbox_put (fixture->outbox, &entry);
}

/* Returns the place of the first row of COMMAND after PLACE, or 0. */
static int64_t
place_after (struct fixture *fixture, enum command command, int64_t place)
{
    struct outbox_row row;
    int count = outbox_scan (fixture->outbox, command, place, &row, 1);

    assert_true (count >= 0);
    return count == 1 ? row.place : 0;
}

static void
test_reopening_keeps_cursor_and_rows (void **state)
{
    struct fixture *fixture = *state;
    struct outbox_row rows[4];
    struct outbox_letter letter;

    assert_int_equal (outbox_cursor (fixture->outbox), 0);
    assert_int_equal (put (fixture, 1, COMMAND_ECONVETO, 1, KEY_A), 1);
    assert_int_equal (put (fixture, 2, COMMAND_ECONREG, 2, KEY_A), 1);
    assert_int_equal (put (fixture, 5, COMMAND_ECONVETO, 3, KEY_B), 1);
    assert_int_equal (outbox_commit (fixture->outbox), 0);
    reopen (fixture);

    assert_int_equal (outbox_cursor (fixture->outbox), 5);
    assert_int_equal (outbox_counts (fixture->outbox).rows, 3);
    assert_int_equal (outbox_counts (fixture->outbox).bytes, 33);
    assert_int_equal (
        outbox_scan (fixture->outbox, COMMAND_ECONVETO, 0, rows, 4), 2);
    assert_string_equal (rows[0].public_key, KEY_A);
    assert_string_equal (rows[1].public_key, KEY_B);
    assert_true (rows[0].place < rows[1].place);
    assert_int_equal (outbox_oldest_us (fixture->outbox), 1000);

    assert_int_equal (outbox_load (fixture->outbox, rows[1].place, &letter), 0);
    assert_int_equal (letter.id.bytes[31], 3);
    assert_int_equal (letter.received_us, 5000);
    assert_true (bytes_equal (buffer_bytes (&letter.payload),
                              bytes_of_text ("{\"pr_id\":1}")));
    buffer_done (&letter.payload);
}

static void
test_what_was_not_committed_is_gone (void **state)
{
    struct fixture *fixture = *state;

    put (fixture, 1, COMMAND_ECONVETO, 1, KEY_A);
    assert_int_equal (outbox_commit (fixture->outbox), 0);
    put (fixture, 2, COMMAND_ECONVETO, 2, KEY_A);
    assert_true (outbox_is_dirty (fixture->outbox));
    assert_int_equal (outbox_cursor (fixture->outbox), 2);
    assert_int_equal (outbox_counts (fixture->outbox).rows, 1);
    reopen (fixture); /* closes as a kill would */
    assert_int_equal (outbox_cursor (fixture->outbox), 1);

    put (fixture, 2, COMMAND_ECONVETO, 2, KEY_A);
    outbox_rollback (fixture->outbox);
    assert_false (outbox_is_dirty (fixture->outbox));
    assert_int_equal (outbox_cursor (fixture->outbox), 1);
    assert_int_equal (put (fixture, 2, COMMAND_ECONVETO, 2, KEY_A), 1);
    assert_int_equal (outbox_commit (fixture->outbox), 0);
    assert_int_equal (outbox_counts (fixture->outbox).rows, 2);
}

static void
test_duplicate_of_a_waiting_row_only_moves_the_cursor (void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal (put (fixture, 1, COMMAND_ECONVETO, 1, KEY_A), 1);
    assert_int_equal (put (fixture, 2, COMMAND_ECONVETO, 1, KEY_A), 0);
    assert_int_equal (outbox_commit (fixture->outbox), 0);
    assert_int_equal (outbox_cursor (fixture->outbox), 2);
    assert_int_equal (outbox_counts (fixture->outbox).rows, 1);
}

static void
test_done_rows_are_deleted_and_places_never_come_again (void **state)
{
    struct fixture *fixture = *state;

    put (fixture, 1, COMMAND_ECONVETO, 1, KEY_A);
    int64_t first = place_after (fixture, COMMAND_ECONVETO, 0);
    assert_int_equal (outbox_done (fixture->outbox, first), 0);
    assert_int_equal (outbox_commit (fixture->outbox), 0);
    assert_int_equal (outbox_counts (fixture->outbox).rows, 0);
    assert_int_equal (outbox_counts (fixture->outbox).bytes, 0);
    assert_int_equal (outbox_oldest_us (fixture->outbox), 0);
    reopen (fixture);

    /* The journal was begun anew: numbers and messages come again. */
    assert_int_equal (outbox_set_cursor (fixture->outbox, 0), 0);
    assert_int_equal (put (fixture, 1, COMMAND_ECONVETO, 1, KEY_A), 1);
    assert_int_equal (outbox_commit (fixture->outbox), 0);
    assert_true (place_after (fixture, COMMAND_ECONVETO, 0) > first);
    assert_int_equal (outbox_done (fixture->outbox, first), 0);
    assert_int_equal (outbox_commit (fixture->outbox), 0);
    assert_int_equal (outbox_counts (fixture->outbox).rows, 1);
}

static void
test_next_of_key_is_the_next_in_line (void **state)
{
    struct fixture *fixture = *state;
    struct outbox_row row;

    put (fixture, 1, COMMAND_ECONVETO, 1, KEY_A);
    put (fixture, 2, COMMAND_ECONVETO, 2, KEY_B);
    put (fixture, 3, COMMAND_ECONFORK, 3, KEY_A);
    put (fixture, 4, COMMAND_ECONVETO, 4, KEY_A);
    put (fixture, 5, COMMAND_ECONVETO, 5, KEY_A);
    outbox_commit (fixture->outbox);
    int64_t first = place_after (fixture, COMMAND_ECONVETO, 0);
    assert_int_equal (outbox_next_of_key (fixture->outbox, COMMAND_ECONVETO,
                                          KEY_A, first, &row),
                      1);
    assert_int_equal (row.place, first + 3);
    assert_int_equal (outbox_next_of_key (fixture->outbox, COMMAND_ECONVETO,
                                          KEY_A, first + 4, &row),
                      0);
    assert_int_equal (
        outbox_next_of_key (fixture->outbox, COMMAND_ECONREG, KEY_A, 0, &row),
        0);
}

static void
test_attempts_are_remembered_and_a_restart_tries_at_once (void **state)
{
    struct fixture *fixture = *state;
    struct outbox_row row;

    put (fixture, 1, COMMAND_ECONVETO, 1, KEY_A);
    int64_t place = place_after (fixture, COMMAND_ECONVETO, 0);
    assert_int_equal (outbox_retry (fixture->outbox, place, 4, 503, 123456789),
                      0);
    assert_int_equal (outbox_commit (fixture->outbox), 0);
    reopen (fixture);
    assert_int_equal (
        outbox_scan (fixture->outbox, COMMAND_ECONVETO, 0, &row, 1), 1);
    assert_int_equal (row.attempts, 4);
    assert_int_equal (row.next_try_us, 0);
}

static const struct outbox_death death = {
    .at_us = 77,
    .reason = "bad_signature",
    .attempts = 1,
    .status = 422,
    .excerpt = "\\x0a",
};

static void
check_dead_letter (const struct fixture *fixture, const char *reason)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;

    assert_int_equal (sqlite3_open (fixture->path, &db), SQLITE_OK);
    assert_int_equal (
        sqlite3_prepare_v2 (db,
                            "SELECT reason, status, excerpt, command,"
                            " public_key, payload, seq, attempts, died_us"
                            " FROM dead",
                            -1, &stmt, NULL),
        SQLITE_OK);
    assert_int_equal (sqlite3_step (stmt), SQLITE_ROW);
    assert_string_equal (sqlite3_column_text (stmt, 0), reason);
    assert_int_equal (sqlite3_column_int (stmt, 1), 422);
    assert_string_equal (sqlite3_column_text (stmt, 2), "\\x0a");
    assert_string_equal (sqlite3_column_text (stmt, 3), "econveto");
    assert_string_equal (sqlite3_column_text (stmt, 4), KEY_A);
    assert_memory_equal (sqlite3_column_blob (stmt, 5), "{\"pr_id\":1}", 11);
    assert_int_equal (sqlite3_column_int (stmt, 6), 1);
    assert_int_equal (sqlite3_column_int (stmt, 7), 1);
    assert_int_equal (sqlite3_column_int (stmt, 8), 77);
    assert_int_equal (sqlite3_step (stmt), SQLITE_DONE);
    sqlite3_finalize (stmt);
    sqlite3_close (db);
}

static void
test_dead_letters_are_kept (void **state)
{
    struct fixture *fixture = *state;

    put (fixture, 1, COMMAND_ECONVETO, 1, KEY_A);
    int64_t place = place_after (fixture, COMMAND_ECONVETO, 0);
    assert_int_equal (outbox_bury (fixture->outbox, place, &death), 0);
    assert_int_equal (outbox_commit (fixture->outbox), 0);
    reopen (fixture);
    assert_int_equal (place_after (fixture, COMMAND_ECONVETO, 0), 0);
    assert_int_equal (outbox_counts (fixture->outbox).rows, 0);
    assert_int_equal (outbox_counts (fixture->outbox).dead, 1);
    assert_int_equal (outbox_counts (fixture->outbox).dead_bytes, 11);
    check_dead_letter (fixture, "bad_signature");
}

static void
test_second_death_of_a_message_replaces_the_first (void **state)
{
    struct fixture *fixture = *state;
    struct outbox_death later = death;

    later.reason = "poison";
    put (fixture, 1, COMMAND_ECONVETO, 1, KEY_A);
    outbox_bury (fixture->outbox, place_after (fixture, COMMAND_ECONVETO, 0),
                 &death);
    outbox_set_cursor (fixture->outbox, 0);
    assert_int_equal (put (fixture, 1, COMMAND_ECONVETO, 1, KEY_A), 1);
    outbox_bury (fixture->outbox, place_after (fixture, COMMAND_ECONVETO, 0),
                 &later);
    assert_int_equal (outbox_commit (fixture->outbox), 0);
    assert_int_equal (outbox_counts (fixture->outbox).dead, 1);
    assert_int_equal (outbox_counts (fixture->outbox).dead_bytes, 11);
    check_dead_letter (fixture, "poison");
}

static void
test_newer_schema_is_refused_and_left_alone (void **state)
{
    struct fixture *fixture = *state;
    struct outbox *other = NULL;

    put (fixture, 1, COMMAND_ECONVETO, 1, KEY_A);
    outbox_commit (fixture->outbox);
    outbox_close (&fixture->outbox);
    run_sql (fixture, "PRAGMA user_version = 2");
    assert_int_equal (outbox_open (fixture->path, &other), -ENOTSUP);
    assert_null (other);
    run_sql (fixture, "PRAGMA user_version = 1");
    reopen (fixture);
    assert_int_equal (outbox_counts (fixture->outbox).rows, 1);
}

static void
test_file_that_is_no_database_is_refused (void **state)
{
    struct fixture *fixture = *state;
    struct outbox *other = NULL;

    outbox_close (&fixture->outbox);
    FILE *file = fopen (fixture->path, "w");
    assert_non_null (file);
    for (int i = 0; i < 1000; i++)
        fputs ("this is no database\n", file);
    fclose (file);
    assert_int_equal (outbox_open (fixture->path, &other), -EBADMSG);
    assert_null (other);
}

static void
test_missing_directory_is_an_error (void **state)
{
    struct fixture *fixture = *state;
    struct outbox *other = NULL;
    char path[128];

    snprintf (path, sizeof (path), "%s/none/forwarder.db", fixture->directory);
    assert_int_equal (outbox_open (path, &other), -ENOENT);
    assert_null (other);
}

static void
test_values_that_are_not_ours_are_refused (void **state)
{
    struct fixture *fixture = *state;
    struct outbox_row row;
    struct outbox_letter letter;

    put (fixture, 1, COMMAND_ECONVETO, 1, KEY_A);
    outbox_commit (fixture->outbox);
    int64_t place = place_after (fixture, COMMAND_ECONVETO, 0);
    run_sql (fixture, "UPDATE outbox SET payload = zeroblob (65537)");
    assert_int_equal (outbox_load (fixture->outbox, place, &letter), -EBADMSG);
    run_sql (fixture, "UPDATE outbox SET payload = x'7b7d', attempts = -1");
    assert_int_equal (outbox_load (fixture->outbox, place, &letter), -EBADMSG);
    run_sql (fixture, "UPDATE outbox SET attempts = 0, public_key ="
                      " printf ('%.*c', 67, 'a')");
    assert_int_equal (
        outbox_scan (fixture->outbox, COMMAND_ECONVETO, 0, &row, 1), -EBADMSG);
    assert_int_equal (outbox_load (fixture->outbox, place + 1, &letter),
                      -ENOENT);
}

static void
test_nobody_else_can_read_the_files (void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    char path[128];

    put (fixture, 1, COMMAND_ECONVETO, 1, KEY_A);
    outbox_commit (fixture->outbox);
    snprintf (path, sizeof (path), "%s-wal", fixture->path);
    assert_int_equal (stat (fixture->path, &status), 0);
    assert_int_equal (status.st_mode & 0777, 0600);
    assert_int_equal (stat (path, &status), 0);
    assert_int_equal (status.st_mode & 0777, 0600);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
        TEST (test_reopening_keeps_cursor_and_rows),
        TEST (test_what_was_not_committed_is_gone),
        TEST (test_duplicate_of_a_waiting_row_only_moves_the_cursor),
        TEST (test_done_rows_are_deleted_and_places_never_come_again),
        TEST (test_next_of_key_is_the_next_in_line),
        TEST (test_attempts_are_remembered_and_a_restart_tries_at_once),
        TEST (test_dead_letters_are_kept),
        TEST (test_second_death_of_a_message_replaces_the_first),
        TEST (test_newer_schema_is_refused_and_left_alone),
        TEST (test_file_that_is_no_database_is_refused),
        TEST (test_missing_directory_is_an_error),
        TEST (test_values_that_are_not_ours_are_refused),
        TEST (test_nobody_else_can_read_the_files),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
