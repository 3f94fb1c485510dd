/* SPDX-License-Identifier: MIT */
/* bans - from where nobody may come, or only while there is room.
 *
 * Pure and bounded. What it holds was said by the registry, which owns the
 * truth and says all of it again when the two meet anew.
 */
#pragma once

#include <sys/socket.h>

#include "base.h"
#include "messages/link/link_message.h"

enum ban {
    BAN_NONE,
    BAN_DISCOURAGED, /* PROTOCOL 5.4: "refused when inbound slots are scarce" */
    BAN_MANUAL,      /* an operator's word: refused and closed */
};

struct bans;

/* Returns an empty table, or NULL. KEY is random and secret. */
struct bans *bans_create (uint64_t key);
void bans_destroy (struct bans **bans);

/* Takes what the registry says: adds, changes or lifts. Returns 0, -EINVAL
 * (not an address or network), -ENOSPC (BANS_MANUAL_MAX are there) or
 * -ENOMEM. */
int bans_apply (struct bans *bans, const struct link_ban *ban, int64_t now_s);

/* Forgets all: the registry begins anew. */
void bans_clear (struct bans *bans);

/* Returns how ADDRESS stands. */
enum ban bans_find (const struct bans *bans, const struct sockaddr *address,
                    int64_t now_s);

/* Returns entries, those that have run out and were not replaced included. */
size_t bans_count (const struct bans *bans);
