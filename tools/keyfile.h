/* SPDX-License-Identifier: MIT */
/* keyfile - a signer's secret key on disk: one JSON object that names its
 * network, readable by its owner alone (PROTOCOL 4). */
#pragma once

#include "base.h"
#include "messages/bitcoin/network.h"
#include "messages/governance/keys.h"

#define KEYFILE_MAX 1024 /* bytes; ours have about 250 */

struct keyfile {
    enum network network;
    struct secret_key key;
    char public_key[PUBLIC_KEY_TEXT_MAX + 1];
};

/* Makes a new key. Returns 0, or -EIO if no secret came out of the random
 * source. */
int keyfile_make (struct key_context *keys, enum key_scheme scheme,
                  enum network network, struct keyfile *ret);

/* Writes FILE to PATH, which must not exist, with mode 0600, and to the disk.
 * Returns 0 or -errno; then nothing is left at PATH that was not there. */
int keyfile_write (const struct keyfile *file, const char *path);

/* Reads PATH.
 *
 * Returns: 0; -EPERM when group or others have any right on it; -EFBIG above
 *          KEYFILE_MAX; -EBADMSG when it is no key file; -EKEYREJECTED when its
 *          public_key is not that of its secret; else the -errno of open, read.
 * Out:     ret, for keyfile_done; left alone on failure.
 */
int keyfile_read (struct key_context *keys, const char *path,
                  struct keyfile *ret);

/* Wipes the secret. */
void keyfile_done (struct keyfile *file);

/* Returns a sentence: what is wrong, what would do. */
const char *keyfile_error_text (int error);
