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

bool
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

bool
address_is_private (const struct sockaddr *address)
{
    static char *const networks[] = {
        "10.0.0.0/8",    "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
        "100.64.0.0/10", "fc00::/7",      "fe80::/10"};
    const struct string_list list = {.item = (char **)networks,
                                     .count = ARRAY_SIZE (networks)};
    return address_is_loopback (address) || address_is_listed (address, &list);
}

static uint64_t
address_hash (const uint8_t *bytes, size_t size, uint64_t key)
{
    uint8_t hash_key[crypto_shorthash_KEYBYTES] = {0};
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t number;

    memcpy (hash_key, &key, sizeof key);
    crypto_shorthash (hash, bytes, size, hash_key);
    memcpy (&number, hash, sizeof number);
    return number;
}

uint32_t
address_group (const struct sockaddr *address, uint64_t key)
{
    uint8_t bytes[16];
    uint16_t port;

    address_bytes (address, bytes, &port);
    size_t size = address_is_ipv4 (bytes) ? 14 : 4; /* mapped /16, or /32 */
    return (uint32_t)address_hash (bytes, size, key);
}

uint64_t
address_network (const struct sockaddr *address, uint64_t key)
{
    uint8_t bytes[16];
    uint16_t port;

    address_bytes (address, bytes, &port);
    size_t size = address_is_ipv4 (bytes) ? 15 : 8; /* mapped /24, or /64 */
    return address_hash (bytes, size, key);
}

void
address_culprit (const struct sockaddr *address,
                 char ret_text[ADDRESS_CULPRIT_MAX])
{
    uint8_t bytes[16];
    uint16_t port;

    address_bytes (address, bytes, &port);
    if (address_is_ipv4 (bytes)) {
        inet_ntop (AF_INET, bytes + 12, ret_text, ADDRESS_CULPRIT_MAX);
        return;
    }
    memset (bytes + 8, 0, 8);
    inet_ntop (AF_INET6, bytes, ret_text, ADDRESS_CULPRIT_MAX);
    memcpy (ret_text + strlen (ret_text), "/64", sizeof "/64");
}

uint32_t
address_group_of_name (const char *host_port, uint64_t key)
{
    const char *colon = strrchr (host_port, ':');
    size_t size = colon ? (size_t)(colon - host_port) : strlen (host_port);
    return (uint32_t)address_hash ((const uint8_t *)host_port, size, key);
}
