/* SPDX-License-Identifier: MIT */
/* keys - the two signature schemes of PROTOCOL 4.
 *
 * A public key is its lower-case hex text: 66 characters (secp256k1) or 64
 * (Ed25519). Text is what crosses the wire, so text is what names a key.
 */
#pragma once

#include "base.h"
#include "messages/verdict.h"

#define PUBLIC_KEY_TEXT_MAX 66
#define SIGNATURE_TEXT_SIZE 128

enum key_scheme { KEY_SECP256K1, KEY_ED25519, KEY_SCHEMES_ };

/* What verification needs and keeps between messages; one per thread. */
struct key_context;

/* A secret key in memory; wipe with secret_key_done. */
struct secret_key {
    enum key_scheme scheme;
    uint8_t bytes[32]; /* scalar (big endian) or Ed25519 seed */
};

/* Returns a context, or NULL when there is no memory. RANDOM32 blinds it where
 * it signs; NULL for a context that only verifies. */
struct key_context *key_context_create (const uint8_t *random32);
void key_context_destroy (struct key_context **context);

/* Returns the scheme's name, "secp256k1" or "ed25519". */
const char *key_scheme_name (enum key_scheme scheme);

/* Returns 0 and sets *ret_scheme if TEXT has the form of a public key
 * (PROTOCOL 4, first column), else -EINVAL. Says nothing about the curve. */
int public_key_form (struct bytes text, enum key_scheme *ret_scheme);

/* Returns 0 if TEXT has the form of a signature, else -EINVAL. */
int signature_form (struct bytes text);

/* Checks that SIGNATURE (128 hex characters) by PUBLIC_KEY holds over STRING.
 *
 * Returns: VERDICT_ACCEPTED, VERDICT_BAD_KEY (not a point on the curve; for
 *          Ed25519 also the points of small order) or VERDICT_BAD_SIGNATURE.
 * In:      PUBLIC_KEY and SIGNATURE have passed the two form checks above.
 */
enum verdict signature_verify (struct key_context *context,
                               struct bytes public_key, struct bytes signature,
                               struct bytes string);

/* Makes a signature over STRING (RFC 6979 for secp256k1) and sets the 128 hex
 * characters and a NUL.
 *
 * Returns: 0, or -EINVAL when KEY is not a valid secret.
 * Out:     ret_signature is left alone on failure.
 */
int signature_make (struct key_context *context, const struct secret_key *key,
                    struct bytes string,
                    char ret_signature[SIGNATURE_TEXT_SIZE + 1]);

/* Sets *ret_key from 32 random bytes of the caller. Returns 0, or -EINVAL when
 * those 32 bytes are no valid secret (draw again). */
int secret_key_init (struct key_context *context, struct secret_key *ret_key,
                     enum key_scheme scheme, const uint8_t random32[32]);

/* Writes KEY's public key as text with a NUL. Returns 0 or -EINVAL. */
int secret_key_public (struct key_context *context,
                       const struct secret_key *key,
                       char ret_text[PUBLIC_KEY_TEXT_MAX + 1]);

/* Wipes KEY. */
void secret_key_done (struct secret_key *key);
