/* SPDX-License-Identifier: MIT */
/* tool_keyfile_test - a key on disk: private, whole, never overwritten. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool_support.h"
#include "tools/keyfile.h"

/* A good file (key 0 of tests/vectors/keys.json). */
#define KEY_SECRET                                                             \
    "0101010101010101010101010101010101010101010101010101010101010101"
#define KEY_PUBLIC                                                             \
    "031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f"
#define KEY_TEXT                                                               \
    "{\"type\":\"secp256k1\",\"network\":\"regtest\",\"secret\":\"" KEY_SECRET \
    "\",\"public_key\":\"" KEY_PUBLIC "\"}\n"

static int
read_key (const char *path, struct keyfile *ret)
{
    struct key_context *keys = key_context_create (NULL);

    assert_non_null (keys);
    int rc = keyfile_read (keys, path, ret);
    key_context_destroy (&keys);
    return rc;
}

/* What reading a private file that holds TEXT says. */
static int
read_text (void **state, const char *text)
{
    struct keyfile file;
    char *path = file_make (state, "key", text);

    assert_int_equal (chmod (path, 0600), 0);
    int rc = read_key (path, &file);
    if (rc == 0)
        keyfile_done (&file);
    assert_int_equal (unlink (path), 0);
    free (path);
    return rc;
}

static void
test_new_key_is_private_and_reads_back (void **state)
{
    static const char *const types[] = {"secp256k1", "ed25519"};

    for (size_t i = 0; i < ARRAY_SIZE (types); i++) {
        char *path = key_make (state, types[i], types[i]);
        struct stat status;
        struct keyfile file;

        assert_int_equal (stat (path, &status), 0);
        assert_int_equal (status.st_mode & 07777, 0600);
        assert_int_equal (read_key (path, &file), 0);
        assert_int_equal (file.network, NETWORK_REGTEST);
        assert_string_equal (key_scheme_name (file.key.scheme), types[i]);
        CHECK_RUN (0, file.public_key, "key", "show", path);
        CHECK_RUN (0, file.public_key, "key", "show", "--json", path);
        keyfile_done (&file);
        free (path);
    }
}

static void
test_mask_of_the_process_does_not_open_or_lock_the_file (void **state)
{
    mode_t before = umask (0);
    char *open_path = key_make (state, "open", "ed25519");
    struct stat status;

    (void)umask (0777);
    char *shut_path = key_make (state, "shut", "ed25519");
    (void)umask (before);
    assert_int_equal (stat (open_path, &status), 0);
    assert_int_equal (status.st_mode & 07777, 0600);
    assert_int_equal (stat (shut_path, &status), 0);
    assert_int_equal (status.st_mode & 07777, 0600);
    free (open_path);
    free (shut_path);
}

static void
test_default_is_secp256k1_on_main (void **state)
{
    char *path = path_in (state, "key");

    CHECK_RUN (0, "{\"type\":\"secp256k1\",\"network\":\"main\"", "key", "new",
               "--json", path);
    free (path);
}

static void
test_two_keys_differ (void **state)
{
    char *a = key_make (state, "a", "ed25519");
    char *b = key_make (state, "b", "ed25519");
    struct run run_a = RUN ("key", "show", a), run_b = RUN ("key", "show", b);

    assert_string_not_equal (run_a.output, run_b.output);
    run_done (&run_a);
    run_done (&run_b);
    free (a);
    free (b);
}

static void
test_file_is_never_overwritten_not_even_through_a_link (void **state)
{
    char *path = file_make (state, "there", "precious\n");
    char *link_path = path_in (state, "link");
    char *dangling = path_in (state, "dangling");
    char *target = path_in (state, "target");
    char text[32] = "";

    assert_int_equal (symlink (path, link_path), 0);
    assert_int_equal (symlink (target, dangling), 0);
    CHECK_RUN (1, "never overwritten", "key", "new", path);
    CHECK_RUN (1, "never overwritten", "key", "new", link_path);
    CHECK_RUN (1, "never overwritten", "key", "new", dangling);
    assert_int_equal (access (target, F_OK), -1);

    FILE *file = fopen (path, "r");
    assert_non_null (fgets (text, sizeof text, file));
    (void)fclose (file);
    assert_string_equal (text, "precious\n");
    free (path);
    free (link_path);
    free (dangling);
    free (target);
}

static void
test_file_that_others_can_read_is_refused (void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0601, 0610, 0644};
    char *path = file_make (state, "key", KEY_TEXT);
    struct keyfile file;

    for (size_t i = 0; i < ARRAY_SIZE (modes); i++) {
        assert_int_equal (chmod (path, modes[i]), 0);
        assert_int_equal (read_key (path, &file), -EPERM);
        CHECK_RUN (1, "chmod 600", "key", "show", path);
    }
    assert_int_equal (chmod (path, 0400), 0);
    assert_int_equal (read_key (path, &file), 0);
    keyfile_done (&file);
    free (path);
}

static void
test_order_of_keys_and_white_space_are_free (void **state)
{
    assert_int_equal (read_text (state, KEY_TEXT), 0);
    assert_int_equal (read_text (state, "\n { \"public_key\" : \"" KEY_PUBLIC
                                        "\",\n\t\"secret\":\"" KEY_SECRET
                                        "\", \"network\":\"main\" ,"
                                        "\"type\":\"secp256k1\"}\r\n"),
                      0);
}

static void
test_file_that_is_cut_off_anywhere_is_refused (void **state)
{
    size_t size = strlen (KEY_TEXT);

    for (size_t i = 0; i < size - 1; i++) {
        char text[] = KEY_TEXT;
        text[i] = '\0';
        int rc = read_text (state, text);
        assert_true (rc == -EBADMSG || (i == 0 && rc == -ENODATA));
    }
}

static void
test_junk_is_refused (void **state)
{
    static const char *const junk[] = {
        "hello",
        "{}",
        "[]",
        "{\"type\":1}",
        KEY_TEXT "x",
        KEY_TEXT KEY_TEXT,
        /* one key twice, another not at all */
        "{\"type\":\"secp256k1\",\"type\":\"secp256k1\",\"secret\":"
        "\"" KEY_SECRET "\",\"public_key\":\"" KEY_PUBLIC "\"}",
        /* unknown key, network, type */
        "{\"kind\":\"secp256k1\",\"network\":\"main\",\"secret\":"
        "\"" KEY_SECRET "\",\"public_key\":\"" KEY_PUBLIC "\"}",
        "{\"type\":\"secp256k1\",\"network\":\"mian\",\"secret\":"
        "\"" KEY_SECRET "\",\"public_key\":\"" KEY_PUBLIC "\"}",
        "{\"type\":\"rsa\",\"network\":\"main\",\"secret\":"
        "\"" KEY_SECRET "\",\"public_key\":\"" KEY_PUBLIC "\"}",
        /* a secret that is 0, too short, not hex */
        "{\"type\":\"secp256k1\",\"network\":\"main\",\"secret\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\","
        "\"public_key\":\"" KEY_PUBLIC "\"}",
        "{\"type\":\"secp256k1\",\"network\":\"main\",\"secret\":\"01\","
        "\"public_key\":\"" KEY_PUBLIC "\"}",
        "{\"type\":\"secp256k1\",\"network\":\"main\",\"secret\":\"x" KEY_SECRET
        "\",\"public_key\":\"" KEY_PUBLIC "\"}",
    };

    for (size_t i = 0; i < ARRAY_SIZE (junk); i++)
        assert_int_equal (read_text (state, junk[i]), -EBADMSG);
}

static void
test_public_key_of_another_secret_is_refused (void **state)
{
    assert_int_equal (
        read_text (state, "{\"type\":\"secp256k1\",\"network\":\"main\","
                          "\"secret\":\"" KEY_SECRET "\",\"public_key\":"
                          "\"023f11202442bbe158e925f03462c486511c88261878c724"
                          "ea84f719d7dcf8927f\"}"),
        -EKEYREJECTED);
}

static void
test_huge_file_is_refused (void **state)
{
    char text[KEYFILE_MAX + 2];

    memset (text, ' ', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal (read_text (state, text), -EFBIG);
}

static void
test_what_is_no_file_is_refused (void **state)
{
    char *missing = path_in (state, "missing");

    CHECK_RUN (1, "No such file", "key", "show", missing);
    CHECK_RUN (1, NULL, "key", "show", *state);
    CHECK_RUN (1, NULL, "key", "show", "/dev/null");
    free (missing);
}

#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown (function, directory_make, directory_remove)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_new_key_is_private_and_reads_back),
        TEST (test_mask_of_the_process_does_not_open_or_lock_the_file),
        TEST (test_default_is_secp256k1_on_main),
        TEST (test_two_keys_differ),
        TEST (test_file_is_never_overwritten_not_even_through_a_link),
        TEST (test_file_that_others_can_read_is_refused),
        TEST (test_order_of_keys_and_white_space_are_free),
        TEST (test_file_that_is_cut_off_anywhere_is_refused),
        TEST (test_junk_is_refused),
        TEST (test_public_key_of_another_secret_is_refused),
        TEST (test_huge_file_is_refused),
        TEST (test_what_is_no_file_is_refused),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
