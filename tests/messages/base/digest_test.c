/* SPDX-License-Identifier: MIT */
/* digest_test - SHA-256 once and twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <sodium.h>

#include "digest.h"
#include "hex.h"

static void
check_digest (const uint8_t digest[DIGEST_SIZE], const char *expected)
{
    char text[2 * DIGEST_SIZE + 1];

    hex_encode (bytes_of (digest, DIGEST_SIZE), text);
    assert_string_equal (text, expected);
}

static void
test_known_texts_have_their_digests (void **state)
{
    uint8_t digest[DIGEST_SIZE];

    (void)state;
    digest_sha256 (bytes_of_text ("abc"), digest);
    check_digest (digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410"
                          "ff61f20015ad");
    digest_sha256d (bytes_of_text ("hello"), digest);
    check_digest (digest, "9595c9df90075148eb06860365df33584b75bff782a510c6cd48"
                          "83a419833d50");
}

static void
test_nothing_has_a_digest (void **state)
{
    uint8_t digest[DIGEST_SIZE];

    (void)state;
    digest_sha256 (bytes_of (NULL, 0), digest);
    check_digest (digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495"
                          "991b7852b855");
    /* Its first four bytes are the checksum of `verack`. */
    digest_sha256d (bytes_of (NULL, 0), digest);
    check_digest (digest, "5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41"
                          "983f5d4c9456");
}

static void
test_libsodium_agrees_at_every_length (void **state)
{
    uint8_t data[300], digest[DIGEST_SIZE], expected[DIGEST_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t size = 0; size <= sizeof data; size++) {
        digest_sha256 (bytes_of (data, size), digest);
        crypto_hash_sha256 (expected, data, size);
        assert_memory_equal (digest, expected, DIGEST_SIZE);
    }
}

static void *
digest_in_a_thread (void *ret_digest)
{
    for (int i = 0; i < 1000; i++)
        digest_sha256 (bytes_of_text ("abc"), ret_digest);
    return NULL;
}

static void
test_threads_may_begin_at_once (void **state)
{
    pthread_t threads[4];
    uint8_t digests[ARRAY_SIZE (threads)][DIGEST_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (threads); i++)
        assert_int_equal (
            pthread_create (&threads[i], NULL, digest_in_a_thread, digests[i]),
            0);
    for (size_t i = 0; i < ARRAY_SIZE (threads); i++) {
        assert_int_equal (pthread_join (threads[i], NULL), 0);
        assert_memory_equal (digests[i], digests[0], DIGEST_SIZE);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        /* first, so that the look-up itself is raced for */
        cmocka_unit_test (test_threads_may_begin_at_once),
        cmocka_unit_test (test_known_texts_have_their_digests),
        cmocka_unit_test (test_nothing_has_a_digest),
        cmocka_unit_test (test_libsodium_agrees_at_every_length),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
