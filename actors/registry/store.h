/* SPDX-License-Identifier: MIT */
/* store - what the registry remembers across restarts: the only file of the
 * stage that speaks to its database.
 *
 * Rows are written some seconds after they changed, in one batch. What a crash
 * loses of those seconds are addresses that are told again and points that are
 * earned again: nothing that anybody was promised.
 */
#pragma once

#include "actors/registry/addrbook.h"
#include "actors/registry/standing.h"
#include "base.h"

#define STORE_VERSION 1
#define STORE_PATH_MAX 4096

struct store;

/* Opens PATH, or makes it. A file that is damaged, or no database of ours, is
 * renamed PATH.damaged-NOW_S and a new one made: *ret_replaced says so.
 *
 * Returns: 0 and sets *ret_store; -ENOTSUP, it is of a later version; -EBUSY,
 *          somebody has it; -errno.
 */
int store_open (const char *path, int64_t now_s, struct store **ret_store,
                bool *ret_replaced);
void store_close (struct store **store);

/* Returns the secret of the tables, made with RANDOM when the file was made. */
const uint8_t *store_key (const struct store *store);

/* Fills BOOK and STANDING, which are empty, with what was kept and still holds.
 * Returns 0 or -errno; what was read until then is in them. */
int store_load (struct store *store, struct addrbook *book,
                struct standing *standing, int64_t now_s);

/* Writes what changed since the last time. Returns 0, or -errno: nothing was
 * written, and it all is tried again next time. */
int store_save (struct store *store, const struct addrbook *book,
                const struct standing *standing);

/* Returns true when store_save has something to write. */
bool store_is_behind (const struct store *store, const struct addrbook *book,
                      const struct standing *standing);
