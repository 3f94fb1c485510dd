/* SPDX-License-Identifier: MIT */
/* netaddr - where peers can be reached: addr, addrv2 (BIP155), and as text
 * (PROTOCOL 1.10). Pure codecs: bounds first, nothing kept. */
#pragma once

#include "base.h"

#define NETADDR_MAX 1000       /* entries of one message, PROTOCOL 1.10 */
#define NETADDR_BYTES_MAX 32   /* the longest address of a network we know */
#define NETADDR_LENGTH_MAX 512 /* the longest that BIP155 lets any have */
#define NETADDR_TEXT_MAX 72    /* "[v6]:port", 56 characters ".onion:port" */

/* Room that COUNT entries always fit in: a count of 3 bytes at most, then 30
 * bytes each, or 4 + 9 + 1 + 1 + 32 + 2. */
#define NETADDR_ADDR_ROOM(count) (3 + (size_t)(count)*30)
#define NETADDR_ADDRV2_ROOM(count) (3 + (size_t)(count)*49)

/* As BIP155 numbers them. */
enum netaddr_network {
    NETADDR_IPV4 = 1,
    NETADDR_IPV6 = 2,
    NETADDR_TORV3 = 4,
    NETADDR_I2P = 5,
    NETADDR_CJDNS = 6
};

struct netaddr {
    enum netaddr_network network;
    uint8_t bytes[NETADDR_BYTES_MAX]; /* zero behind those of the network */
    uint16_t port;
    uint64_t services;
    uint32_t seen_s; /* Unix seconds, as told */
};

/* Is given one entry; SELF is what netaddr_decode was given. */
typedef void netaddr_visit (void *self, const struct netaddr *netaddr);

/* Shows each entry of a whole addr or addrv2 payload to VISIT, in order; or
 * none of them and returns -EPROTO: cut off, more than 1,000 entries, an
 * address over 512 bytes, one of a known network with another length than the
 * network's. Passed over: unknown networks, and IPv6 that stands for another
 * network (mapped IPv4 in addrv2, Tor v2). Mapped IPv4 in addr is IPv4. What
 * follows the last entry is a later version's, and ignored. */
int netaddr_decode (struct bytes payload, bool addrv2, netaddr_visit *visit,
                    void *self);

/* Writes COUNT entries, at most NETADDR_MAX, as a payload; addr leaves out what
 * is neither IPv4 nor IPv6. Returns its size. ROOM: see above. */
size_t netaddr_encode (const struct netaddr *netaddrs, size_t count,
                       bool addrv2, uint8_t *ret, size_t room);

/* Writes "1.2.3.4:8643", "[2001:db8::1]:8643" or "….onion:8643". Returns 0, or
 * -EAFNOSUPPORT for I2P and CJDNS, which nobody here can dial. */
int netaddr_to_text (const struct netaddr *netaddr,
                     char ret_text[NETADDR_TEXT_MAX]);

/* Reads what netaddr_to_text writes, upper-case letters too; services and time
 * become 0. Returns 0 or -EINVAL: a DNS name, a port that is not 1..65535, an
 * onion whose checksum or version is wrong, anything else. */
int netaddr_from_text (struct bytes text, struct netaddr *ret);

/* Returns true when both name the same place: network, address, port. */
bool netaddr_is_same (const struct netaddr *a, const struct netaddr *b);

/* Returns true when everybody on the network means the same host by it: no
 * private, loopback, link-local, multicast or documentation address. */
bool netaddr_is_public (const struct netaddr *netaddr);
