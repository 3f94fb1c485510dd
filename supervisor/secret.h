/* SPDX-License-Identifier: MIT */
/* secret - keys from files that nobody else can read, or from the environment;
 * never from the command line, never in struct config. */
#pragma once

#include "base.h"

/* Longest secret file: a key is under 100 bytes. */
#define SECRET_MAX 4096

/* Reads a secret from the file PATH, without the white space around it.
 *
 * Returns: 0; -EPERM when group or others have any right on it; -EFBIG above
 *          MAX bytes; -ENODATA when there is nothing in it; -EINVAL when it is
 *          no regular file or has a NUL; else the -errno of open or read.
 * Out:     *ret_secret, for secret_destroy; left alone on failure.
 */
int secret_file_read (const char *path, size_t max, char **ret_secret);

/* Finds a one-line secret: in the file PATH unless that is empty, else in the
 * VARIABLE of ENVIRONMENT. Returns as secret_file_read; -ENOENT also when there
 * is neither; -EINVAL also when it has a byte that is not visible ASCII, which
 * an HTTP header must not have. */
int secret_find (const char *path, const char *variable,
                 char *const *environment, char **ret_secret);

/* Wipes and frees *SECRET, if any, and sets it to NULL. */
void secret_destroy (char **secret);

/* Returns a sentence for the operator: what is wrong, what would do. */
const char *secret_error_text (int error);

/* Returns the value of NAME in ENVIRONMENT (may be NULL), or NULL. */
const char *environment_find (char *const *environment, const char *name);
