/* SPDX-License-Identifier: MIT */
/* place - where a relay may be found, as text and as bytes that compare.
 *
 * Pure. A place has a port; a net is what is punished together: one IPv4
 * address, or the /64 of an IPv6 address (PROTOCOL 5.4).
 */
#pragma once

#include "base.h"

#define PLACE_ONION_SIZE 56 /* base32 of a version 3 onion, without ".onion" */
#define PLACE_TEXT_MAX 70   /* an onion, ".onion:65535"; "[v6]:65535" is less */
#define PLACE_NET_TEXT_MAX 49

enum place_kind { PLACE_IP, PLACE_ONION, PLACE_KINDS_ };

struct place {
    enum place_kind kind;
    uint16_t port;                  /* never 0 */
    uint8_t host[PLACE_ONION_SIZE]; /* IP: 16 bytes, IPv4 mapped, then 0 */
};

struct place_net {
    uint8_t bytes[16]; /* IPv4 mapped; of IPv6 the last 8 are 0 */
};

/* Some bits of an address, as the operator writes them: "10.0.0.0/8". */
struct place_range {
    uint8_t bytes[16];
    unsigned bits; /* 0 .. 128; of an IPv4 range at least 96 */
};

/* Reads "1.2.3.4:8643", "[2001:db8::1]:8643", "x.onion:8643". Returns false,
 * and leaves *RET_PLACE alone, for anything else: a name, a missing port. */
bool place_read (struct bytes text, struct place *ret_place);

/* Writes PLACE as place_read reads it; each place has one text only. */
void place_write (const struct place *place, char ret_text[PLACE_TEXT_MAX + 1]);

bool place_equal (const struct place *a, const struct place *b);

/* Returns a hash of the network group of PLACE: IPv4 /16, IPv6 /32, an onion by
 * itself. KEY is secret, so that nobody can choose groups that collide. */
uint64_t place_group (const struct place *place, const uint8_t key[16]);

/* Returns false for what is no address of the internet: loopback, private,
 * link-local, multicast, unspecified. Onions are. */
bool place_is_public (const struct place *place);

/* Sets *RET_NET to what is punished for PLACE. Returns false for an onion:
 * nothing of it is seen when it comes in. */
bool place_net (const struct place *place, struct place_net *ret_net);

/* Reads "1.2.3.4", "2001:db8::1" or "2001:db8::/64". Returns false for anything
 * else. */
bool place_net_read (struct bytes text, struct place_net *ret_net);

/* Writes "1.2.3.4" or "2001:db8::/64". */
void place_net_write (const struct place_net *net,
                      char ret_text[PLACE_NET_TEXT_MAX + 1]);

/* Returns true for 127/8, 10/8, 172.16/12, 192.168/16, 169.254/16, ::1, fc00::/7,
 * fe80::/10. */
bool place_net_is_private (const struct place_net *net);

/* Reads "ADDRESS" or "ADDRESS/BITS". Returns false for anything else. */
bool place_range_read (const char *text, struct place_range *ret_range);

/* Returns true when RANGE and NET have an address in common. */
bool place_range_meets (const struct place_range *range,
                        const struct place_net *net);
