/* SPDX-License-Identifier: MIT */
/* good_addresses - the confirmed addresses that getaddr is answered from
 * (PROTOCOL 1.10, 2.5), and which addresses are of use at all. */
#pragma once

#include "base.h"
#include "messages/bitcoin/netaddr.h"
#include "messages/bitcoin/network.h"

#define GOOD_ADDRESSES_MAX 1000 /* 56 bytes each, 56 KiB in all */

struct good_addresses;

/* Returns an empty table, or NULL when there is no memory. */
struct good_addresses *good_addresses_create (void);
void good_addresses_destroy (struct good_addresses **good);

/* Adds NETADDR, or renews its services and time. A full table forgets the one
 * that was seen longest ago, which may be NETADDR itself. */
void good_addresses_put (struct good_addresses *good,
                         const struct netaddr *netaddr);

/* Forgets NETADDR, if it is there. */
void good_addresses_drop (struct good_addresses *good,
                          const struct netaddr *netaddr);
void good_addresses_clear (struct good_addresses *good);
size_t good_addresses_count (const struct good_addresses *good);

/* Copies at most MAX different ones, picked by RANDOM, in a random order.
 * ADDRV2: of any network, else IPv4 and IPv6 only. Returns how many. */
size_t good_addresses_pick (const struct good_addresses *good, bool addrv2,
                            uint64_t random, struct netaddr *ret, size_t max);

/* Returns true when it makes sense to tell or to be told NETADDR: it has a
 * port, and is public. Not so on regtest, whose networks are private. */
bool good_address_is_usable (enum network network,
                             const struct netaddr *netaddr);
