/* SPDX-License-Identifier: MIT */
/* address - what an IP address means to policy: local, listed, of a group.
 *
 *   in   socket addresses, the operator's lists
 *   out  yes, no, a number
 *   owns nothing
 */
#include "actors/ingress/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>

static const uint8_t address_mapped[12] = {0, 0, 0, 0, 0,    0,
                                           0, 0, 0, 0, 0xff, 0xff};

bool
address_is_known (const struct sockaddr *address)
{
    return address->sa_family != AF_UNSPEC;
}

void
address_bytes (const struct sockaddr *address, uint8_t ret_bytes[16],
               uint16_t *ret_port)
{
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const void *)address;
        memcpy (ret_bytes, six->sin6_addr.s6_addr, 16);
        *ret_port = ntohs (six->sin6_port);
        return;
    }
    if (!address_is_known (address)) {
        memset (ret_bytes, 0, 16);
        *ret_port = 0;
        return;
    }
    const struct sockaddr_in *four = (const void *)address;
    memcpy (ret_bytes, address_mapped, 12);
    memcpy (ret_bytes + 12, &four->sin_addr, 4);
    *ret_port = ntohs (four->sin_port);
}

static bool
address_is_ipv4 (const uint8_t bytes[16])
{
    return memcmp (bytes, address_mapped, 12) == 0;
}

bool
address_is_loopback (const struct sockaddr *address)
{
    static const uint8_t six[16] = {[15] = 1};
    uint8_t bytes[16];
    uint16_t port;

    address_bytes (address, bytes, &port);
    if (address_is_ipv4 (bytes))
        return bytes[12] == 127;
    return memcmp (bytes, six, 16) == 0;
}

/* Reads "ADDRESS" or "ADDRESS/BITS" as 16 bytes and a count of bits. */
static bool
address_read_network (const char *text, uint8_t ret_bytes[16],
                      unsigned *ret_bits)
{
    char host[INET6_ADDRSTRLEN];
    const char *slash = strchr (text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen (text);

    if (size >= sizeof host)
        return false;
    memcpy (host, text, size);
    host[size] = '\0';
    long bits = slash ? strtol (slash + 1, NULL, 10) : -1;
    if (inet_pton (AF_INET, host, ret_bytes + 12) == 1) {
        memcpy (ret_bytes, address_mapped, 12);
        *ret_bits = 96 + (bits < 0 || bits > 32 ? 32 : (unsigned)bits);
        return true;
    }
    *ret_bits = bits < 0 || bits > 128 ? 128 : (unsigned)bits;
    return inet_pton (AF_INET6, host, ret_bytes) == 1;
}

static bool
address_shares (const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
    unsigned whole = bits / 8;
    if (memcmp (a, b, whole) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

bool
address_is_listed (const struct sockaddr *address,
                   const struct string_list *networks)
{
    uint8_t bytes[16];
    uint16_t port;

    if (!address_is_known (address))
        return false; /* ::/0 would have it */
    address_bytes (address, bytes, &port);
    for (size_t i = 0; i < networks->count; i++) {
        uint8_t network[16];
        unsigned bits;
        if (address_read_network (networks->item[i], network, &bits)
            && address_shares (bytes, network, bits))
            return true;
    }
    return false;
}

static uint32_t
address_hash (struct bytes bytes, uint64_t key)
{
    uint8_t hash_key[crypto_shorthash_KEYBYTES] = {0};
    uint8_t hash[crypto_shorthash_BYTES];
    uint32_t group;

    memcpy (hash_key, &key, sizeof key);
    crypto_shorthash (hash, bytes.data, bytes.size, hash_key);
    memcpy (&group, hash, sizeof group);
    return group;
}

uint32_t
address_group (const struct sockaddr *address, uint64_t key)
{
    uint8_t bytes[16];
    uint16_t port;

    address_bytes (address, bytes, &port);
    size_t size = address_is_ipv4 (bytes) ? 14 : 4; /* mapped /16, or /32 */
    return address_hash (bytes_of (bytes, size), key);
}

uint32_t
address_group_of_name (const char *host_port, uint64_t key)
{
    const char *colon = strrchr (host_port, ':');
    size_t size = colon ? (size_t)(colon - host_port) : strlen (host_port);
    return address_hash (bytes_of (host_port, size), key);
}
