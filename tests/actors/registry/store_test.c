/* SPDX-License-Identifier: MIT */
/* store_test - what the registry remembers, in a real file. */
#include "actors/registry/store.h"

#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/check.h"

#define NOW INT64_C (1700000000)

struct shelf {
    char dir[32];
    char path[64];
    struct store *store;
    struct addrbook *book;
    struct standing *standing;
};

static void
shelf_open (struct shelf *shelf, int64_t now_s, bool expect_replaced)
{
    bool replaced = !expect_replaced;
    CHECK_OK (store_open (shelf->path, now_s, &shelf->store, &replaced));
    assert_int_equal (replaced, expect_replaced);
    shelf->book = addrbook_create (store_key (shelf->store));
    shelf->standing = standing_create (NULL, 0, store_key (shelf->store));
    assert_non_null (shelf->book);
    assert_non_null (shelf->standing);
    CHECK_OK (store_load (shelf->store, shelf->book, shelf->standing, now_s));
}

static void
shelf_close (struct shelf *shelf)
{
    store_close (&shelf->store);
    addrbook_destroy (&shelf->book);
    standing_destroy (&shelf->standing);
}

static void
shelf_save (struct shelf *shelf)
{
    CHECK_OK (store_save (shelf->store, shelf->book, shelf->standing));
    assert_false (store_is_behind (shelf->store, shelf->book, shelf->standing));
}

static void
shelf_reopen (struct shelf *shelf, int64_t now_s)
{
    shelf_close (shelf);
    shelf_open (shelf, now_s, false);
}

static int
open_shelf (void **state)
{
    struct shelf *shelf = calloc (1, sizeof *shelf);
    assert_non_null (shelf);
    snprintf (shelf->dir, sizeof shelf->dir, "/tmp/store_test.XXXXXX");
    assert_non_null (mkdtemp (shelf->dir));
    snprintf (shelf->path, sizeof shelf->path, "%s/registry.db", shelf->dir);
    *state = shelf;
    return 0;
}

static int
remove_one (const char *path, const struct stat *about, int kind,
            struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove (path);
}

static int
close_shelf (void **state)
{
    struct shelf *shelf = *state;
    shelf_close (shelf);
    nftw (shelf->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free (shelf);
    return 0;
}

static struct place
place_of_number (unsigned number)
{
    char text[32];
    struct place read;
    snprintf (text, sizeof text, "%u.%u.1.1:8643", 20 + number / 256,
              number % 256);
    assert_true (place_read (bytes_of_text (text), &read));
    return read;
}

static void
discourage (struct shelf *shelf, unsigned number, int64_t now_s)
{
    struct place at = place_of_number (number);
    struct place_net net;
    assert_true (place_net (&at, &net));
    assert_int_equal (standing_add (shelf->standing, &net, 100, now_s),
                      STANDING_DISCOURAGED);
}

static int64_t
until (const struct shelf *shelf, unsigned number)
{
    struct place at = place_of_number (number);
    struct place_net net;
    assert_true (place_net (&at, &net));
    return standing_until (shelf->standing, &net, NOW);
}

static void
execute (const struct shelf *shelf, const char *sql)
{
    sqlite3 *sqlite;
    assert_int_equal (sqlite3_open (shelf->path, &sqlite), SQLITE_OK);
    assert_int_equal (sqlite3_exec (sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close (sqlite);
}

static size_t
count_files (const struct shelf *shelf, const char *pattern)
{
    char path[128];
    glob_t found = {0};
    snprintf (path, sizeof path, "%s/%s", shelf->dir, pattern);
    int rc = glob (path, 0, NULL, &found);
    size_t count = rc == 0 ? found.gl_pathc : 0;
    globfree (&found);
    return count;
}

static void
test_book_and_bans_survive (void **state)
{
    struct shelf *shelf = *state;
    struct place tried = place_of_number (900);
    struct place_net banned;
    shelf_open (shelf, NOW, false);
    for (unsigned i = 0; i < 300; i++) {
        struct place at = place_of_number (i);
        addrbook_offer (shelf->book, &at, 77, NOW - 5, i, NOW);
    }
    addrbook_confirm (shelf->book, &tried, UINT64_MAX, NOW);
    discourage (shelf, 1000, NOW);
    assert_true (place_net_read (bytes_of_text ("2001:db8::/64"), &banned));
    CHECK_OK (standing_ban (shelf->standing, &banned, NOW + 9999999, NOW));
    assert_true (store_is_behind (shelf->store, shelf->book, shelf->standing));
    size_t count = addrbook_count_new (shelf->book);
    shelf_save (shelf);

    shelf_reopen (shelf, NOW);
    assert_int_equal (addrbook_count_new (shelf->book), count);
    assert_int_equal (addrbook_count_tried (shelf->book), 1);
    assert_int_equal (until (shelf, 1000), NOW + STANDING_DISCOURAGED_S);
    assert_int_equal (standing_until (shelf->standing, &banned, NOW),
                      NOW + 9999999);
    size_t slot = ADDRBOOK_NEW;
    assert_true (addrbook_changed (shelf->book, 0, &slot));
    const struct addrbook_row *row = addrbook_at (shelf->book, slot);
    assert_true (place_equal (&row->place, &tried));
    assert_true (row->services == UINT64_MAX);
    assert_int_equal (row->good_s, NOW);
    assert_false (store_is_behind (shelf->store, shelf->book, shelf->standing));
}

static void
test_what_was_not_saved_is_not_there (void **state)
{
    struct shelf *shelf = *state;
    shelf_open (shelf, NOW, false);
    discourage (shelf, 1, NOW);
    shelf_reopen (shelf, NOW);
    assert_int_equal (until (shelf, 1), 0);
}

static void
test_what_was_lifted_or_is_over_is_gone (void **state)
{
    struct shelf *shelf = *state;
    struct place at = place_of_number (1);
    struct place_net net;
    shelf_open (shelf, NOW, false);
    discourage (shelf, 1, NOW);
    discourage (shelf, 2, NOW - 100);
    shelf_save (shelf);
    assert_true (place_net (&at, &net));
    CHECK_OK (standing_unban (shelf->standing, &net, NOW));
    shelf_save (shelf);
    shelf_reopen (shelf, NOW);
    assert_int_equal (until (shelf, 1), 0);
    assert_true (until (shelf, 2) > 0);
    shelf_reopen (shelf, NOW + STANDING_DISCOURAGED_S - 100);
    assert_int_equal (standing_count (shelf->standing), 0);
}

static void
test_row_that_moved_is_kept_once (void **state)
{
    struct shelf *shelf = *state;
    struct place at = place_of_number (5);
    shelf_open (shelf, NOW, false);
    addrbook_offer (shelf->book, &at, 1, NOW, 5, NOW);
    shelf_save (shelf);
    addrbook_confirm (shelf->book, &at, 1, NOW);
    shelf_save (shelf);
    shelf_reopen (shelf, NOW);
    assert_int_equal (addrbook_count_new (shelf->book), 0);
    assert_int_equal (addrbook_count_tried (shelf->book), 1);
}

static void
test_later_version_is_refused_and_left_alone (void **state)
{
    struct shelf *shelf = *state;
    bool replaced;
    shelf_open (shelf, NOW, false);
    shelf_close (shelf);
    execute (shelf, "PRAGMA user_version = 2");
    CHECK_ERR (store_open (shelf->path, NOW, &shelf->store, &replaced),
               -ENOTSUP);
    assert_null (shelf->store);
    assert_int_equal (count_files (shelf, "*damaged*"), 0);
}

static void
test_damaged_file_is_set_aside (void **state)
{
    struct shelf *shelf = *state;
    char junk[8192];
    memset (junk, 'j', sizeof junk);
    int fd = open (shelf->path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal (write (fd, junk, sizeof junk), sizeof junk);
    close (fd);
    shelf_open (shelf, NOW, true);
    assert_int_equal (count_files (shelf, "registry.db.damaged-1700000000"), 1);
    discourage (shelf, 1, NOW);
    shelf_save (shelf);
    shelf_reopen (shelf, NOW);
    assert_true (until (shelf, 1) > 0);
}

static void
test_damaged_page_is_noticed_at_start (void **state)
{
    struct shelf *shelf = *state;
    char junk[4096];
    shelf_open (shelf, NOW, false);
    for (unsigned i = 0; i < 500; i++) {
        struct place at = place_of_number (i);
        addrbook_offer (shelf->book, &at, 1, NOW, i, NOW);
    }
    shelf_save (shelf);
    shelf_close (shelf);
    execute (shelf, "PRAGMA journal_mode = DELETE");
    memset (junk, 'j', sizeof junk);
    int fd = open (shelf->path, O_WRONLY);
    off_t size = lseek (fd, 0, SEEK_END);
    assert_true (size > 4 * 4096);
    assert_int_equal (pwrite (fd, junk, sizeof junk, size - 4096), 4096);
    close (fd);
    shelf_open (shelf, NOW, true);
    assert_int_equal (addrbook_count_new (shelf->book), 0);
}

/* Whoever can write the file can say no more than a stranger on the wire. */
static void
test_lies_in_the_file_are_passed_over (void **state)
{
    struct shelf *shelf = *state;
    shelf_open (shelf, NOW, false);
    discourage (shelf, 1, NOW);
    shelf_save (shelf);
    shelf_close (shelf);
    execute (shelf, "INSERT INTO bans VALUES (-1, '1.1.1.1', 1700000005, 0),"
                    " (1, 'x', 1700000005, 0), (2, '10.0.0.1', 1700000005, 1),"
                    " (3, '1.1.1.1', 9000000000000000000, 1),"
                    " (4, '1.1.1.1', 'soon', 1), (5, x'00', 1700000005, 7),"
                    " (99999999, '1.1.1.1', 1700000005, 0);"
                    "INSERT INTO addresses VALUES"
                    " (-5, '1.1.1.1:1', 1, 1700000000, 0, 0, 0, 0, 0),"
                    " (1, '1.1.1.1:1', 1, -9000000000000000000, 0, 0, 0, 0, 0),"
                    " (2, 'nowhere', 1, 1700000000, 0, 0, 0, 0, 0),"
                    " (3, '', 'a', 'b', 'c', 'd', 'e', 'f', 'g'),"
                    " (88888, '1.1.1.1:1', 1, 1700000000, 0, 0, 0, 0, 0)");
    shelf_open (shelf, NOW, false);
    assert_int_equal (standing_count (shelf->standing), 1);
    assert_int_equal (addrbook_count_new (shelf->book), 0);
    assert_int_equal (addrbook_count_tried (shelf->book), 0);
}

static void
test_file_in_use_is_refused (void **state)
{
    struct shelf *shelf = *state;
    struct store *second = NULL;
    bool replaced;
    shelf_open (shelf, NOW, false);
    discourage (shelf, 1, NOW);
    shelf_save (shelf);
    CHECK_ERR (store_open (shelf->path, NOW, &second, &replaced), -EBUSY);
    assert_null (second);
}

static void
test_missing_directory_is_an_error (void **state)
{
    struct shelf *shelf = *state;
    bool replaced;
    CHECK_ERR (store_open ("/nonexistent/dir/registry.db", NOW, &shelf->store,
                           &replaced),
               -ENOENT);
}

int
main (void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown (name, open_shelf, close_shelf)
    const struct CMUnitTest tests[] = {
        TEST (test_book_and_bans_survive),
        TEST (test_what_was_not_saved_is_not_there),
        TEST (test_what_was_lifted_or_is_over_is_gone),
        TEST (test_row_that_moved_is_kept_once),
        TEST (test_later_version_is_refused_and_left_alone),
        TEST (test_damaged_file_is_set_aside),
        TEST (test_damaged_page_is_noticed_at_start),
        TEST (test_lies_in_the_file_are_passed_over),
        TEST (test_file_in_use_is_refused),
        TEST (test_missing_directory_is_an_error),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
