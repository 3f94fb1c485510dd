/* SPDX-License-Identifier: MIT */
/* digest - SHA-256, and SHA-256 of SHA-256 as Bitcoin frames use it.
 *
 *   in   bytes
 *   out  32 bytes
 *   owns libcrypto's description of SHA-256, looked up once a process
 *
 * libcrypto uses the processor's SHA instructions. Its one-call SHA256 () looks
 * the algorithm up by name, under a lock, each time: 0.32 us for 32 bytes
 * against 0.13 us this way, and threads wait for each other.
 */
#include "digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>

/* A constant that only libcrypto can compute: written once, before it is first
 * read, and never again. NULL if libcrypto has no SHA-256. */
static EVP_MD *digest_algorithm;
static pthread_once_t digest_once = PTHREAD_ONCE_INIT;

static void
digest_look_up (void)
{
    digest_algorithm = EVP_MD_fetch (NULL, "SHA256", NULL);
}

void
digest_sha256 (struct bytes data, uint8_t ret_digest[DIGEST_SIZE])
{
    const void *start = data.size != 0 ? (const void *)data.data : "";

    (void)pthread_once (&digest_once, digest_look_up);
    if (digest_algorithm == NULL
        || EVP_Digest (start, data.size, ret_digest, NULL, digest_algorithm,
                       NULL)
               != 1)
        /* Out of memory, most likely; libsodium's, slower, needs none. */
        crypto_hash_sha256 (ret_digest, start, data.size);
}

void
digest_sha256d (struct bytes data, uint8_t ret_digest[DIGEST_SIZE])
{
    uint8_t inner[DIGEST_SIZE];

    digest_sha256 (data, inner);
    digest_sha256 (bytes_of (inner, sizeof inner), ret_digest);
}
