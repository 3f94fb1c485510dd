/* SPDX-License-Identifier: MIT */
/* keys_test - the two signature schemes (PROTOCOL 4). */
#include <sodium.h>
#include <stdlib.h>

#include "fixture.h"
#include "hex.h"

static const char hello[] = "economic_node_veto:1:veto:hello:1:a";

static int
setup_keys (void **state)
{
    *state = key_context_create (NULL);
    return *state == NULL ? -1 : 0;
}

static int
teardown_keys (void **state)
{
    struct key_context *keys = *state;

    key_context_destroy (&keys);
    assert_null (keys);
    key_context_destroy (&keys);
    return 0;
}

static enum verdict
verify_text (struct key_context *keys, const char *public_key,
             const char *signature, const char *string)
{
    return signature_verify (keys, bytes_of_text (public_key),
                             bytes_of_text (signature), bytes_of_text (string));
}

static void
test_each_secret_has_its_public_key (void **state)
{
    for (size_t i = 0; i < FIXTURE_KEYS; i++) {
        struct secret_key key = fixture_secret (*state, i);
        char text[PUBLIC_KEY_TEXT_MAX + 1];
        char *expected = fixture_public (i);
        enum key_scheme scheme = KEY_SCHEMES_;
        assert_int_equal (secret_key_public (*state, &key, text), 0);
        assert_string_equal (text, expected);
        assert_int_equal (public_key_form (bytes_of_text (text), &scheme), 0);
        assert_int_equal (scheme, key.scheme);
        free (expected);
    }
}

static void
test_what_is_signed_holds_and_nothing_else (void **state)
{
    for (size_t i = 0; i < FIXTURE_KEYS; i++) {
        struct secret_key key = fixture_secret (*state, i);
        char signature[SIGNATURE_TEXT_SIZE + 1];
        char *public_key = fixture_public (i);
        char *other = fixture_public (i ^ 1); /* of the same scheme */
        assert_int_equal (
            signature_make (*state, &key, bytes_of_text (hello), signature), 0);
        assert_int_equal (signature_form (bytes_of_text (signature)), 0);
        CHECK_VERDICT (verify_text (*state, public_key, signature, hello),
                       VERDICT_ACCEPTED);
        CHECK_VERDICT (verify_text (*state, public_key, signature, hello + 1),
                       VERDICT_BAD_SIGNATURE);
        CHECK_VERDICT (verify_text (*state, other, signature, hello),
                       VERDICT_BAD_SIGNATURE);
        for (size_t at = 0; at < SIGNATURE_TEXT_SIZE; at += 9) {
            char kept = signature[at];
            signature[at] = kept == '0' ? '1' : '0';
            CHECK_VERDICT (verify_text (*state, public_key, signature, hello),
                           VERDICT_BAD_SIGNATURE);
            signature[at] = kept;
        }
        free (public_key);
        free (other);
    }
}

/* The vectors were signed by another implementation, by RFC 6979 and 8032. */
static void
test_signatures_are_those_of_the_vectors (void **state)
{
    json_t *vectors = fixture_load ("messages");
    size_t i;
    json_t *vector;

    for (size_t index = 0; index < FIXTURE_KEYS; index++) {
        struct secret_key key = fixture_secret (*state, index);
        char *public_key = fixture_public (index);
        size_t compared = 0;
        json_array_foreach (vectors, i, vector)
        {
            const char *string =
                json_string_value (json_object_get (vector, "signing_string"));
            const char *payload =
                json_string_value (json_object_get (vector, "payload"));
            char signature[SIGNATURE_TEXT_SIZE + 1];
            if (string == NULL || strstr (string, public_key) == NULL)
                continue;
            assert_int_equal (signature_make (*state, &key,
                                              bytes_of_text (string),
                                              signature),
                              0);
            assert_non_null (strstr (payload, signature));
            compared++;
        }
        assert_true (compared >= 3);
        free (public_key);
    }
    json_decref (vectors);
}

static void
test_blinding_changes_no_signature (void **state)
{
    uint8_t random32[32];

    memset (random32, 0x42, sizeof random32);
    struct key_context *blinded = key_context_create (random32);
    assert_non_null (blinded);
    for (size_t i = 0; i < FIXTURE_KEYS; i++) {
        struct secret_key key = fixture_secret (*state, i);
        char plain[SIGNATURE_TEXT_SIZE + 1], other[SIGNATURE_TEXT_SIZE + 1];
        assert_int_equal (
            signature_make (*state, &key, bytes_of_text (hello), plain), 0);
        assert_int_equal (
            signature_make (blinded, &key, bytes_of_text (hello), other), 0);
        assert_string_equal (plain, other);
    }
    key_context_destroy (&blinded);
}

static void
test_a_high_s_is_refused (void **state)
{
    /* The order of the group, big endian. */
    static const char order[] =
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    struct secret_key key = fixture_secret (*state, 0);
    char *public_key = fixture_public (0);
    char signature[SIGNATURE_TEXT_SIZE + 1];
    uint8_t n[32], s[32];
    unsigned borrow = 0;

    assert_int_equal (
        signature_make (*state, &key, bytes_of_text (hello), signature), 0);
    assert_int_equal (hex_decode (bytes_of_text (order), n, 32), 0);
    assert_int_equal (hex_decode (bytes_of_text (signature + 64), s, 32), 0);
    for (size_t i = 32; i-- > 0;) {
        unsigned difference = 256u + n[i] - s[i] - borrow;
        s[i] = (uint8_t)difference;
        borrow = difference < 256 ? 1 : 0;
    }
    hex_encode (bytes_of (s, 32), signature + 64);
    CHECK_VERDICT (verify_text (*state, public_key, signature, hello),
                   VERDICT_BAD_SIGNATURE);
    free (public_key);
}

static void
test_numbers_outside_the_group_are_no_signature (void **state)
{
    static const char *const halves[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    struct secret_key key = fixture_secret (*state, 0);
    char *public_key = fixture_public (0);
    char signature[SIGNATURE_TEXT_SIZE + 1];

    for (size_t i = 0; i < ARRAY_SIZE (halves); i++)
        for (size_t half = 0; half < 2; half++) {
            assert_int_equal (
                signature_make (*state, &key, bytes_of_text (hello), signature),
                0);
            memcpy (signature + 64 * half, halves[i], 64);
            CHECK_VERDICT (verify_text (*state, public_key, signature, hello),
                           VERDICT_BAD_SIGNATURE);
        }
    free (public_key);
}

static void
test_what_is_not_on_secp256k1_is_a_bad_key (void **state)
{
    static const char *const keys[] = {
        /* x = 5: x^3 + 7 has no root */
        "020000000000000000000000000000000000000000000000000000000000000005",
        "030000000000000000000000000000000000000000000000000000000000000005",
        /* x = 0, and x = p */
        "020000000000000000000000000000000000000000000000000000000000000000",
        "02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
    };
    struct secret_key key = fixture_secret (*state, 0);
    char signature[SIGNATURE_TEXT_SIZE + 1];

    assert_int_equal (
        signature_make (*state, &key, bytes_of_text (hello), signature), 0);
    for (size_t i = 0; i < ARRAY_SIZE (keys); i++)
        CHECK_VERDICT (verify_text (*state, keys[i], signature, hello),
                       VERDICT_BAD_KEY);
}

/* Every encoding that libraries have been seen to take for a point whose
 * order divides 8: the eight points, then those with y >= p or a sign for
 * x = 0. */
static const char *const small_order[] = {
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

static void
test_points_of_small_order_are_bad_keys (void **state)
{
    static const char neutral_and_zero[] =
        "0100000000000000000000000000000000000000000000000000000000000000"
        "0000000000000000000000000000000000000000000000000000000000000000";
    struct secret_key key = fixture_secret (*state, 4);
    char signature[SIGNATURE_TEXT_SIZE + 1];

    assert_int_equal (
        signature_make (*state, &key, bytes_of_text (hello), signature), 0);
    for (size_t i = 0; i < ARRAY_SIZE (small_order); i++) {
        CHECK_VERDICT (verify_text (*state, small_order[i], signature, hello),
                       VERDICT_BAD_KEY);
        CHECK_VERDICT (
            verify_text (*state, small_order[i], neutral_and_zero, hello),
            VERDICT_BAD_KEY);
    }
}

/* The table itself: eight times each is the neutral point. */
static void
test_the_small_order_points_are_what_they_are_called (void **state)
{
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        uint8_t point[32];
        assert_int_equal (
            hex_decode (bytes_of_text (small_order[i]), point, 32), 0);
        for (int doubled = 0; doubled < 3; doubled++)
            assert_int_equal (crypto_core_ed25519_add (point, point, point), 0);
        assert_int_equal (point[0], 1);
        assert_true (sodium_is_zero (point + 1, 31));
    }
}

static void
test_what_is_not_on_ed25519_is_a_bad_key (void **state)
{
    struct secret_key key = fixture_secret (*state, 4);
    char *public_key = fixture_public (4);
    char signature[SIGNATURE_TEXT_SIZE + 1];
    size_t points = 0;

    assert_int_equal (
        signature_make (*state, &key, bytes_of_text (hello), signature), 0);
    /* Of the ys near that of a key about half belong to no point. */
    for (unsigned i = 0; i < 64; i++) {
        uint8_t bytes[32], sum[32];
        assert_int_equal (hex_decode (bytes_of_text (public_key), bytes, 32),
                          0);
        bytes[7] = (uint8_t)(bytes[7] ^ (i + 1));
        char text[65];
        hex_encode (bytes_of (bytes, 32), text);
        bool point = crypto_core_ed25519_add (sum, bytes, bytes) == 0;
        points += point;
        CHECK_VERDICT (verify_text (*state, text, signature, hello),
                       point ? VERDICT_BAD_SIGNATURE : VERDICT_BAD_KEY);
    }
    assert_in_range (points, 16, 48);
    free (public_key);
}

static void
test_rfc_8032_agrees (void **state)
{
    static const char secret[] =
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    static const char expected[] =
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8"
        "821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    struct secret_key key;
    uint8_t seed[32];
    char signature[SIGNATURE_TEXT_SIZE + 1];
    char public_key[PUBLIC_KEY_TEXT_MAX + 1];

    assert_int_equal (hex_decode (bytes_of_text (secret), seed, 32), 0);
    assert_int_equal (secret_key_init (*state, &key, KEY_ED25519, seed), 0);
    assert_int_equal (secret_key_public (*state, &key, public_key), 0);
    assert_string_equal (
        public_key,
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_int_equal (
        signature_make (*state, &key, bytes_of_text (""), signature), 0);
    assert_string_equal (signature, expected);
    CHECK_VERDICT (verify_text (*state, public_key, signature, ""),
                   VERDICT_ACCEPTED);
}

static void
test_a_scalar_outside_the_group_is_no_secret (void **state)
{
    static const char *const bad[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    char text[SIGNATURE_TEXT_SIZE + 1] = "untouched";
    struct secret_key key;

    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        uint8_t bytes[32];
        assert_int_equal (hex_decode (bytes_of_text (bad[i]), bytes, 32), 0);
        assert_int_equal (secret_key_init (*state, &key, KEY_SECP256K1, bytes),
                          -EINVAL);
        assert_int_equal (secret_key_init (*state, &key, KEY_ED25519, bytes),
                          0);
        key.scheme = KEY_SECP256K1;
        assert_int_equal (
            signature_make (*state, &key, bytes_of_text (hello), text),
            -EINVAL);
        assert_int_equal (secret_key_public (*state, &key, text), -EINVAL);
        assert_string_equal (text, "untouched");
    }
}

static void
test_schemes_have_names (void **state)
{
    (void)state;
    assert_string_equal (key_scheme_name (KEY_SECP256K1), "secp256k1");
    assert_string_equal (key_scheme_name (KEY_ED25519), "ed25519");
}

static void
test_a_wiped_key_is_gone (void **state)
{
    struct secret_key key = fixture_secret (*state, 0);

    secret_key_done (&key);
    assert_true (sodium_is_zero (key.bytes, sizeof key.bytes));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_each_secret_has_its_public_key),
        cmocka_unit_test (test_what_is_signed_holds_and_nothing_else),
        cmocka_unit_test (test_signatures_are_those_of_the_vectors),
        cmocka_unit_test (test_blinding_changes_no_signature),
        cmocka_unit_test (test_a_high_s_is_refused),
        cmocka_unit_test (test_numbers_outside_the_group_are_no_signature),
        cmocka_unit_test (test_what_is_not_on_secp256k1_is_a_bad_key),
        cmocka_unit_test (test_points_of_small_order_are_bad_keys),
        cmocka_unit_test (test_the_small_order_points_are_what_they_are_called),
        cmocka_unit_test (test_what_is_not_on_ed25519_is_a_bad_key),
        cmocka_unit_test (test_rfc_8032_agrees),
        cmocka_unit_test (test_a_scalar_outside_the_group_is_no_secret),
        cmocka_unit_test (test_schemes_have_names),
        cmocka_unit_test (test_a_wiped_key_is_gone),
    };

    return cmocka_run_group_tests (tests, setup_keys, teardown_keys);
}
