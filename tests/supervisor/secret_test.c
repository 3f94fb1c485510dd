/* SPDX-License-Identifier: MIT */
/* secret_test - who may read a key, and what is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base.h"
#include "supervisor/secret.h"

struct desk {
    char directory[64];
    char file[96];
};

static int
desk_open (void **state)
{
    struct desk *desk = calloc (1, sizeof (*desk));

    assert_non_null (desk);
    snprintf (desk->directory, sizeof (desk->directory),
              "/tmp/secret_test.XXXXXX");
    assert_non_null (mkdtemp (desk->directory));
    snprintf (desk->file, sizeof (desk->file), "%s/key", desk->directory);
    *state = desk;
    return 0;
}

static int
desk_close (void **state)
{
    struct desk *desk = *state;

    unlink (desk->file);
    assert_int_equal (rmdir (desk->directory), 0);
    free (desk);
    return 0;
}

static int
read_back (const struct desk *desk, const char *text, size_t size, mode_t mode,
           char **ret_secret)
{
    FILE *file = fopen (desk->file, "w");

    assert_non_null (file);
    assert_int_equal (fwrite (text, 1, size, file), size);
    fclose (file);
    assert_int_equal (chmod (desk->file, mode), 0);
    return secret_file_read (desk->file, 16, ret_secret);
}

static void
test_secret_comes_without_the_white_space_around_it (void **state)
{
    char *secret = NULL;

    assert_int_equal (read_back (*state, " \tk e y\r\n\n", 10, 0600, &secret),
                      0);
    assert_string_equal (secret, "k e y");
    secret_destroy (&secret);
    assert_null (secret);
    secret_destroy (&secret);
}

static void
test_any_right_of_group_or_others_refuses_the_file (void **state)
{
    static const mode_t refused[] = {0640, 0620, 0610, 0604, 0602, 0601, 0444};
    static const mode_t good[] = {0600, 0400};
    char *secret = NULL;

    for (size_t i = 0; i < ARRAY_SIZE (refused); i++)
        assert_int_equal (read_back (*state, "k", 1, refused[i], &secret),
                          -EPERM);
    assert_null (secret);
    for (size_t i = 0; i < ARRAY_SIZE (good); i++) {
        unlink (((struct desk *)*state)->file);
        assert_int_equal (read_back (*state, "k", 1, good[i], &secret), 0);
        secret_destroy (&secret);
    }
}

static void
test_size_is_bounded_and_nothing_is_no_secret (void **state)
{
    char *secret = NULL;

    assert_int_equal (read_back (*state, "0123456789abcdef", 16, 0600, &secret),
                      0);
    secret_destroy (&secret);
    assert_int_equal (
        read_back (*state, "0123456789abcdefg", 17, 0600, &secret), -EFBIG);
    assert_int_equal (read_back (*state, "", 0, 0600, &secret), -ENODATA);
    assert_int_equal (read_back (*state, " \n", 2, 0600, &secret), -ENODATA);
    assert_int_equal (read_back (*state, "a\0b", 3, 0600, &secret), -EINVAL);
    assert_null (secret);
}

static void
test_only_a_regular_file_is_read (void **state)
{
    const struct desk *desk = *state;
    char *secret = NULL;

    assert_int_equal (secret_file_read (desk->file, 16, &secret), -ENOENT);
    assert_int_equal (secret_file_read (desk->directory, 16, &secret), -EINVAL);
    assert_int_equal (mkfifo (desk->file, 0600), 0);
    assert_int_equal (secret_file_read (desk->file, 16, &secret), -EINVAL);
    assert_null (secret);
}

static void
test_file_goes_before_the_environment (void **state)
{
    const struct desk *desk = *state;
    char *const environment[] = {"COMMONS_API_KEYS=no",
                                 "COMMONS_API_KEY=of-env", NULL};
    char *secret = NULL;

    assert_int_equal (read_back (desk, "of-file\n", 8, 0600, &secret), 0);
    secret_destroy (&secret);
    assert_int_equal (
        secret_find (desk->file, "COMMONS_API_KEY", environment, &secret), 0);
    assert_string_equal (secret, "of-file");
    secret_destroy (&secret);
    assert_int_equal (secret_find ("", "COMMONS_API_KEY", environment, &secret),
                      0);
    assert_string_equal (secret, "of-env");
    secret_destroy (&secret);
    assert_int_equal (
        secret_find ("", "INTERNAL_API_KEY", environment, &secret), -ENOENT);
    assert_int_equal (secret_find ("", "INTERNAL_API_KEY", NULL, &secret),
                      -ENOENT);
    /* A file that fails is not replaced by the environment in silence. */
    assert_int_equal (chmod (desk->file, 0644), 0);
    assert_int_equal (
        secret_find (desk->file, "COMMONS_API_KEY", environment, &secret),
        -EPERM);
}

static void
test_key_cannot_add_a_header (void **state)
{
    (void)state;
    char *secret = NULL;

    assert_int_equal (
        secret_find ("", "K", (char *[]){"K=a\r\nX-Evil: 1", NULL}, &secret),
        -EINVAL);
    assert_int_equal (secret_find ("", "K", (char *[]){"K=a b", NULL}, &secret),
                      -EINVAL);
    assert_int_equal (
        secret_find ("", "K", (char *[]){"K=\xc3\xa4", NULL}, &secret),
        -EINVAL);
    assert_int_equal (secret_find ("", "K", (char *[]){"K=", NULL}, &secret),
                      -ENODATA);
    assert_null (secret);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_secret_comes_without_the_white_space_around_it),
        TEST (test_any_right_of_group_or_others_refuses_the_file),
        TEST (test_size_is_bounded_and_nothing_is_no_secret),
        TEST (test_only_a_regular_file_is_read),
        TEST (test_file_goes_before_the_environment),
        TEST (test_key_cannot_add_a_header),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
