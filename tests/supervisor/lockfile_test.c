/* SPDX-License-Identifier: MIT */
/* lockfile_test - one daemon per directory. */
#include "supervisor/lockfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char root[32];
    char directory[64]; /* in it, two levels down, not there yet */
    char parent[48];
    char lock[80];
};

static int
setup (void **state)
{
    struct place *place = calloc (1, sizeof *place);
    assert_non_null (place);
    snprintf (place->root, sizeof place->root, "/tmp/lockfile-XXXXXX");
    assert_non_null (mkdtemp (place->root));
    snprintf (place->parent, sizeof place->parent, "%s/data", place->root);
    snprintf (place->directory, sizeof place->directory, "%s/regtest",
              place->parent);
    snprintf (place->lock, sizeof place->lock, "%s/lock", place->directory);
    *state = place;
    return 0;
}

static int
teardown (void **state)
{
    struct place *place = *state;
    unlink (place->lock);
    rmdir (place->directory);
    rmdir (place->parent);
    unlink (place->parent);
    assert_int_equal (rmdir (place->root), 0);
    free (place);
    return 0;
}

static void
test_directories_are_made_for_their_owner_only (void **state)
{
    const struct place *place = *state;
    struct stat made;
    int fd = -1;
    assert_int_equal (lockfile_take (place->directory, &fd), 0);
    assert_int_equal (stat (place->directory, &made), 0);
    assert_int_equal (made.st_mode & 0777, 0700);
    assert_int_equal (stat (place->parent, &made), 0);
    assert_int_equal (made.st_mode & 0777, 0700);
    close (fd);
}

static void
test_a_second_daemon_is_kept_out_until_the_first_has_gone (void **state)
{
    const struct place *place = *state;
    int first = -1, second = -1;
    assert_int_equal (lockfile_take (place->directory, &first), 0);
    assert_int_equal (lockfile_take (place->directory, &second), -EWOULDBLOCK);
    assert_int_equal (second, -1);
    close (first);
    assert_int_equal (lockfile_take (place->directory, &second), 0);
    close (second);
}

static void
test_a_link_in_place_of_the_lock_is_not_followed (void **state)
{
    const struct place *place = *state;
    int fd = -1;
    assert_int_equal (mkdir (place->parent, 0700), 0);
    assert_int_equal (mkdir (place->directory, 0700), 0);
    assert_int_equal (symlink ("/dev/null", place->lock), 0);
    assert_int_equal (lockfile_take (place->directory, &fd), -ELOOP);
}

static void
test_a_file_in_the_way_is_an_error_of_the_disk (void **state)
{
    const struct place *place = *state;
    int fd = -1;
    FILE *file = fopen (place->parent, "w");
    assert_non_null (file);
    fclose (file);
    assert_int_equal (lockfile_take (place->directory, &fd), -ENOTDIR);
}

#define T(test) cmocka_unit_test_setup_teardown (test, setup, teardown)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        T (test_directories_are_made_for_their_owner_only),
        T (test_a_second_daemon_is_kept_out_until_the_first_has_gone),
        T (test_a_link_in_place_of_the_lock_is_not_followed),
        T (test_a_file_in_the_way_is_an_error_of_the_disk),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
