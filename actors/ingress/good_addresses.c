/* SPDX-License-Identifier: MIT */
/* good_addresses - the confirmed addresses that getaddr is answered from
 * (PROTOCOL 1.10, 2.5), and which addresses are of use at all.
 *
 *   in   what the registry says is confirmed, or is so no more
 *   out  some of them, by chance
 *   owns a copy of each
 *
 * The registry has the book; this is what ingress needs of it to answer by
 * itself. A thousand are searched one by one: some 10 us, a few times an hour.
 */
#include "actors/ingress/good_addresses.h"

#include <stdlib.h>

struct good_addresses {
    size_t count;
    struct netaddr netaddr[GOOD_ADDRESSES_MAX]; /* in no order */
};

struct good_addresses *
good_addresses_create (void)
{
    return calloc (1, sizeof (struct good_addresses));
}

void
good_addresses_destroy (struct good_addresses **good)
{
    free (*good);
    *good = NULL;
}

/* Returns the place of NETADDR, or count. */
static size_t
good_addresses_find (const struct good_addresses *good,
                     const struct netaddr *netaddr)
{
    size_t place = 0;

    while (place < good->count
           && !netaddr_is_same (&good->netaddr[place], netaddr))
        place++;
    return place;
}

static size_t
good_addresses_oldest (const struct good_addresses *good)
{
    size_t oldest = 0;

    for (size_t i = 1; i < good->count; i++)
        if (good->netaddr[i].seen_s < good->netaddr[oldest].seen_s)
            oldest = i;
    return oldest;
}

void
good_addresses_put (struct good_addresses *good, const struct netaddr *netaddr)
{
    size_t place = good_addresses_find (good, netaddr);

    if (place == GOOD_ADDRESSES_MAX) {
        place = good_addresses_oldest (good);
        if (good->netaddr[place].seen_s > netaddr->seen_s)
            return;
    } else if (place == good->count) {
        good->count++;
    }
    good->netaddr[place] = *netaddr;
}

void
good_addresses_drop (struct good_addresses *good, const struct netaddr *netaddr)
{
    size_t place = good_addresses_find (good, netaddr);

    if (place < good->count)
        good->netaddr[place] = good->netaddr[--good->count];
}

void
good_addresses_clear (struct good_addresses *good)
{
    good->count = 0;
}

size_t
good_addresses_count (const struct good_addresses *good)
{
    return good->count;
}

/* The next of a series of numbers from one: chance enough for a choice that
 * nobody gains from guessing (a Weyl sequence, mixed). */
static uint64_t
good_addresses_roll (uint64_t *random)
{
    *random += UINT64_C (0x9e3779b97f4a7c15);
    uint64_t mixed = *random;
    mixed = (mixed ^ mixed >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C (0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

size_t
good_addresses_pick (const struct good_addresses *good, bool addrv2,
                     uint64_t random, struct netaddr *ret, size_t max)
{
    uint16_t places[GOOD_ADDRESSES_MAX]; /* of those that may be picked */
    size_t left = 0;
    size_t picked = 0;

    for (size_t i = 0; i < good->count; i++) {
        enum netaddr_network network = good->netaddr[i].network;
        if (addrv2 || network == NETADDR_IPV4 || network == NETADDR_IPV6)
            places[left++] = (uint16_t)i;
    }
    while (left > 0 && picked < max) {
        size_t at = (size_t)(good_addresses_roll (&random) % left);
        ret[picked++] = good->netaddr[places[at]];
        places[at] = places[--left];
    }
    return picked;
}

bool
good_address_is_usable (enum network network, const struct netaddr *netaddr)
{
    return netaddr->port != 0
           && (network == NETWORK_REGTEST || netaddr_is_public (netaddr));
}
