/* SPDX-License-Identifier: MIT */
/* keys - the two signature schemes of PROTOCOL 4.
 *
 *   in   hex text of keys and signatures, the string that was signed
 *   out  a verdict, or a signature
 *   owns libsecp256k1's context
 *
 * Verifying is what a relay spends its time on (30-60 us a message): whatever
 * a caller can find out without it comes first.
 */
#include "messages/governance/keys.h"

#include <secp256k1.h>
#include <secp256k1_preallocated.h>
#include <sodium.h>
#include <stdlib.h>

#include "digest.h"
#include "hex.h"

#define SECP256K1_KEY_SIZE 33
#define ED25519_KEY_SIZE 32
#define SIGNATURE_SIZE 64

struct key_context {
    secp256k1_context *secp256k1; /* lives in room */
    void *room;                   /* owned */
};

/* The points of Ed25519 whose order divides 8, by their y; the sign of x, the
 * last bit, is left out. */
static const uint8_t ed25519_small_order[][ED25519_KEY_SIZE] = {
    {0x00}, /* order 4 */
    {0x01}, /* the neutral point */
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* order 2 */
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}, /* order 8 */
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}, /* order 8 */
};

/* RFC 8032, 5.1.3: y is below p = 2^255 - 19. */
static bool
ed25519_is_canonical (const uint8_t key[ED25519_KEY_SIZE])
{
    if ((key[31] & 0x7f) != 0x7f || key[0] < 0xed)
        return true;
    for (size_t i = 1; i < 31; i++)
        if (key[i] != 0xff)
            return true;
    return false;
}

/* With such a key a signature can hold over every string. */
static bool
ed25519_has_small_order (const uint8_t key[ED25519_KEY_SIZE])
{
    for (size_t i = 0; i < ARRAY_SIZE (ed25519_small_order); i++)
        if (memcmp (key, ed25519_small_order[i], 31) == 0
            && (key[31] & 0x7f) == ed25519_small_order[i][31])
            return true;
    return false;
}

/* Costs a quarter of a verification; crypto_core_ed25519_is_valid_point, which
 * asks for more than PROTOCOL 4 does, costs nearly a whole one. */
static bool
ed25519_is_point (const uint8_t key[ED25519_KEY_SIZE])
{
    uint8_t sum[ED25519_KEY_SIZE];

    return crypto_core_ed25519_add (sum, key, key) == 0;
}

static enum verdict
ed25519_verify (struct bytes public_key, const uint8_t signature[64],
                struct bytes string)
{
    uint8_t key[ED25519_KEY_SIZE];
    int rc = hex_decode (public_key, key, sizeof key);

    assert (rc == 0); /* the caller has checked the form */
    if (!ed25519_is_canonical (key) || ed25519_has_small_order (key))
        return VERDICT_BAD_KEY;
    if (crypto_sign_verify_detached (signature, string.data, string.size, key)
        == 0)
        return VERDICT_ACCEPTED;
    /* No signature holds under what is not a point, so that this question may
     * wait for the few that fail. */
    return ed25519_is_point (key) ? VERDICT_BAD_SIGNATURE : VERDICT_BAD_KEY;
}

static enum verdict
ecdsa_verify (const secp256k1_context *context, struct bytes public_key,
              const uint8_t signature[64], struct bytes string)
{
    uint8_t key[SECP256K1_KEY_SIZE];
    uint8_t hash[DIGEST_SIZE];
    secp256k1_pubkey point;
    secp256k1_ecdsa_signature pair;
    int rc = hex_decode (public_key, key, sizeof key);

    assert (rc == 0); /* the caller has checked the form */
    if (secp256k1_ec_pubkey_parse (context, &point, key, sizeof key) != 1)
        return VERDICT_BAD_KEY;
    if (secp256k1_ecdsa_signature_parse_compact (context, &pair, signature)
        != 1)
        return VERDICT_BAD_SIGNATURE;
    digest_sha256 (string, hash);
    /* Refuses a high s by itself. */
    if (secp256k1_ecdsa_verify (context, &pair, hash, &point) != 1)
        return VERDICT_BAD_SIGNATURE;
    return VERDICT_ACCEPTED;
}

static int
ecdsa_sign (const secp256k1_context *context, const uint8_t secret[32],
            struct bytes string, uint8_t ret_signature[SIGNATURE_SIZE])
{
    uint8_t hash[DIGEST_SIZE];
    secp256k1_ecdsa_signature pair;

    digest_sha256 (string, hash);
    /* NULL: the nonce of RFC 6979. The s that comes out is low. */
    if (secp256k1_ecdsa_sign (context, &pair, hash, secret, NULL, NULL) != 1)
        return -EINVAL;
    secp256k1_ecdsa_signature_serialize_compact (context, ret_signature, &pair);
    return 0;
}

static void
ed25519_sign (const uint8_t seed[32], struct bytes string,
              uint8_t ret_signature[SIGNATURE_SIZE])
{
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];

    crypto_sign_seed_keypair (public_key, secret, seed);
    crypto_sign_detached (ret_signature, NULL, string.data, string.size,
                          secret);
    sodium_memzero (secret, sizeof secret);
}

struct key_context *
key_context_create (const uint8_t *random32)
{
    struct key_context *self = calloc (1, sizeof *self);

    if (self == NULL)
        return NULL;
    /* In memory of ours: libsecp256k1 aborts when it finds none itself. */
    self->room =
        malloc (secp256k1_context_preallocated_size (SECP256K1_CONTEXT_NONE));
    if (sodium_init () < 0 || self->room == NULL) {
        key_context_destroy (&self);
        return NULL;
    }
    self->secp256k1 = secp256k1_context_preallocated_create (
        self->room, SECP256K1_CONTEXT_NONE);
    if (random32 != NULL
        && secp256k1_context_randomize (self->secp256k1, random32) != 1)
        key_context_destroy (&self);
    return self;
}

void
key_context_destroy (struct key_context **context)
{
    struct key_context *self = *context;

    if (self == NULL)
        return;
    if (self->secp256k1 != NULL)
        secp256k1_context_preallocated_destroy (self->secp256k1);
    free (self->room);
    free (self);
    *context = NULL;
}

const char *
key_scheme_name (enum key_scheme scheme)
{
    assert ((unsigned)scheme < KEY_SCHEMES_);
    return scheme == KEY_SECP256K1 ? "secp256k1" : "ed25519";
}

int
public_key_form (struct bytes text, enum key_scheme *ret_scheme)
{
    bool ecdsa = text.size == 2 * SECP256K1_KEY_SIZE;

    if (!ecdsa && text.size != 2 * ED25519_KEY_SIZE)
        return -EINVAL;
    if (ecdsa
        && (text.data[0] != '0'
            || (text.data[1] != '2' && text.data[1] != '3')))
        return -EINVAL;
    if (!hex_is_text (text))
        return -EINVAL;
    *ret_scheme = ecdsa ? KEY_SECP256K1 : KEY_ED25519;
    return 0;
}

int
signature_form (struct bytes text)
{
    if (text.size != SIGNATURE_TEXT_SIZE || !hex_is_text (text))
        return -EINVAL;
    return 0;
}

enum verdict
signature_verify (struct key_context *context, struct bytes public_key,
                  struct bytes signature, struct bytes string)
{
    uint8_t pair[SIGNATURE_SIZE];
    int rc = hex_decode (signature, pair, sizeof pair);

    assert (rc == 0); /* the caller has checked the form */
    if (public_key.size == 2 * ED25519_KEY_SIZE)
        return ed25519_verify (public_key, pair, string);
    return ecdsa_verify (context->secp256k1, public_key, pair, string);
}

int
signature_make (struct key_context *context, const struct secret_key *key,
                struct bytes string,
                char ret_signature[SIGNATURE_TEXT_SIZE + 1])
{
    uint8_t signature[SIGNATURE_SIZE];
    int rc = 0;

    if (key->scheme == KEY_ED25519)
        ed25519_sign (key->bytes, string, signature);
    else
        rc = ecdsa_sign (context->secp256k1, key->bytes, string, signature);
    if (rc != 0)
        return rc;
    hex_encode (bytes_of (signature, sizeof signature), ret_signature);
    return 0;
}

int
secret_key_init (struct key_context *context, struct secret_key *ret_key,
                 enum key_scheme scheme, const uint8_t random32[32])
{
    /* An Ed25519 seed may be anything, a scalar is below the group's order. */
    if (scheme == KEY_SECP256K1
        && secp256k1_ec_seckey_verify (context->secp256k1, random32) != 1)
        return -EINVAL;
    ret_key->scheme = scheme;
    memcpy (ret_key->bytes, random32, sizeof ret_key->bytes);
    return 0;
}

int
secret_key_public (struct key_context *context, const struct secret_key *key,
                   char ret_text[PUBLIC_KEY_TEXT_MAX + 1])
{
    uint8_t text[SECP256K1_KEY_SIZE];
    size_t size = ED25519_KEY_SIZE;

    if (key->scheme == KEY_ED25519) {
        uint8_t secret[crypto_sign_SECRETKEYBYTES];
        crypto_sign_seed_keypair (text, secret, key->bytes);
        sodium_memzero (secret, sizeof secret);
    } else {
        secp256k1_pubkey point;
        size = SECP256K1_KEY_SIZE;
        if (secp256k1_ec_pubkey_create (context->secp256k1, &point, key->bytes)
            != 1)
            return -EINVAL;
        secp256k1_ec_pubkey_serialize (context->secp256k1, text, &size, &point,
                                       SECP256K1_EC_COMPRESSED);
    }
    hex_encode (bytes_of (text, size), ret_text);
    return 0;
}

void
secret_key_done (struct secret_key *key)
{
    sodium_memzero (key, sizeof *key);
}
