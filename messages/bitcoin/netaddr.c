/* SPDX-License-Identifier: MIT */
/* netaddr - where peers can be reached: addr, addrv2 (BIP155), and as text
 * (PROTOCOL 1.10).
 *
 *   in   payloads of a peer, or the text of an address
 *   out  plain structs one by one, bytes, or text
 *   owns nothing
 *
 * A payload is read twice: once to see that all of it holds, then to show it.
 * So no entry of a message that is malformed further on is ever believed.
 *
 * Next on the tour: actors/ingress/ingress_addresses.c
 */
#include "messages/bitcoin/netaddr.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "messages/bitcoin/little_endian.h"
#include "messages/bitcoin/payload.h"

#define ADDR_ENTRY_SIZE 30 /* time 4, services 8, address 16, port 2 */

/* "<32 bytes of key><2 of checksum><1 of version>", in base32 (Tor's
 * rend-spec-v3, section 6). */
#define ONION_KEY_SIZE 32
#define ONION_CHECKSUM_SIZE 2
#define ONION_SIZE (ONION_KEY_SIZE + ONION_CHECKSUM_SIZE + 1)
#define ONION_TEXT_SIZE 56 /* 35 bytes of 8 bits in characters of 5 */
#define ONION_VERSION 3
#define ONION_SUFFIX ".onion"

struct prefix {
    uint8_t bytes[12];
    unsigned bits;
};

/* IPv6 that stands for something else. */
static const struct prefix prefix_mapped = {{[10] = 0xff, 0xff}, 96};
static const struct prefix prefix_torv2 = {{0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43},
                                           48};

/* CJDNS is fc00::/8, and nothing else says that it is. */
static const struct prefix prefix_cjdns = {{0xfc}, 8};

static bool
prefix_covers (const struct prefix *prefix, const uint8_t *address)
{
    unsigned whole = prefix->bits / 8;
    unsigned rest = prefix->bits % 8;

    return memcmp (prefix->bytes, address, whole) == 0
           && (rest == 0
               || (prefix->bytes[whole] ^ address[whole]) >> (8 - rest) == 0);
}

static bool
prefixes_cover (const struct prefix *prefixes, size_t count,
                const uint8_t *address)
{
    for (size_t i = 0; i < count; i++)
        if (prefix_covers (&prefixes[i], address))
            return true;
    return false;
}

/* Returns how long an address of NETWORK is, 0 if we do not know it. */
static size_t
netaddr_size (uint64_t network)
{
    static const uint8_t sizes[] = {[NETADDR_IPV4] = 4,
                                    [NETADDR_IPV6] = 16,
                                    [NETADDR_TORV3] = 32,
                                    [NETADDR_I2P] = 32,
                                    [NETADDR_CJDNS] = 16};

    return network < ARRAY_SIZE (sizes) ? sizes[network] : 0;
}

static const uint8_t *
netaddr_take (struct bytes *input, size_t size)
{
    const uint8_t *taken = input->data;

    if (input->size < size)
        return NULL;
    *input = bytes_of (taken + size, input->size - size);
    return taken;
}

static uint16_t
netaddr_read_port (const uint8_t *from)
{
    return (uint16_t)(from[0] << 8 | from[1]); /* the one big-endian number */
}

/* Takes one entry of addr. Returns 1, 0 for one to be passed over, or
 * -EPROTO. */
static int
addr_take (struct bytes *input, struct netaddr *ret)
{
    const uint8_t *entry = netaddr_take (input, ADDR_ENTRY_SIZE);
    if (entry == NULL)
        return -EPROTO;

    const uint8_t *address = entry + 12;
    bool ipv4 = prefix_covers (&prefix_mapped, address);
    *ret = (struct netaddr){
        .network = ipv4 ? NETADDR_IPV4 : NETADDR_IPV6,
        .port = netaddr_read_port (entry + 28),
        .services = little_endian_read (entry + 4, 8),
        .seen_s = (uint32_t)little_endian_read (entry, 4),
    };
    memcpy (ret->bytes, ipv4 ? address + 12 : address, ipv4 ? 4 : 16);
    return !prefix_covers (&prefix_torv2, address);
}

/* BIP155: IPv6 that wraps another network's address is to be ignored, and so
 * is CJDNS outside its own range. */
static bool
addrv2_is_what_it_says (const struct netaddr *netaddr)
{
    if (netaddr->network == NETADDR_IPV6)
        return !prefix_covers (&prefix_mapped, netaddr->bytes)
               && !prefix_covers (&prefix_torv2, netaddr->bytes);
    return netaddr->network != NETADDR_CJDNS
           || prefix_covers (&prefix_cjdns, netaddr->bytes);
}

/* As addr_take, of addrv2. */
static int
addrv2_take (struct bytes *input, struct netaddr *ret)
{
    const uint8_t *time = netaddr_take (input, 4);
    uint64_t services;
    uint64_t size;

    if (time == NULL || compact_size_read (input, &services) != 0)
        return -EPROTO;
    const uint8_t *network = netaddr_take (input, 1);
    if (network == NULL || compact_size_read (input, &size) != 0
        || size > NETADDR_LENGTH_MAX)
        return -EPROTO;
    const uint8_t *address = netaddr_take (input, (size_t)size);
    const uint8_t *port = address ? netaddr_take (input, 2) : NULL;
    if (port == NULL)
        return -EPROTO;

    size_t wanted = netaddr_size (*network);
    if (wanted == 0)
        return 0;
    if (size != wanted)
        return -EPROTO;
    *ret = (struct netaddr){
        .network = (enum netaddr_network) * network,
        .port = netaddr_read_port (port),
        .services = services,
        .seen_s = (uint32_t)little_endian_read (time, 4),
    };
    memcpy (ret->bytes, address, wanted);
    return addrv2_is_what_it_says (ret);
}

static int
netaddr_read_all (struct bytes payload, bool addrv2, netaddr_visit *visit,
                  void *self)
{
    struct netaddr netaddr;
    uint64_t count;

    if (compact_size_read (&payload, &count) != 0 || count > NETADDR_MAX)
        return -EPROTO;
    for (uint64_t i = 0; i < count; i++) {
        int rc = addrv2 ? addrv2_take (&payload, &netaddr)
                        : addr_take (&payload, &netaddr);
        if (rc < 0)
            return rc;
        if (rc > 0 && visit != NULL)
            visit (self, &netaddr);
    }
    return 0;
}

int
netaddr_decode (struct bytes payload, bool addrv2, netaddr_visit *visit,
                void *self)
{
    int rc = netaddr_read_all (payload, addrv2, NULL, NULL);

    return rc == 0 ? netaddr_read_all (payload, addrv2, visit, self) : rc;
}

/* Where the encoder writes; what does not fit is our own bug. */
struct netaddr_writer {
    uint8_t *at; /* borrowed */
    size_t room; /* bytes left */
};

static void
netaddr_put (struct netaddr_writer *writer, const uint8_t *bytes, size_t size)
{
    assert (size <= writer->room);
    memcpy (writer->at, bytes, size);
    writer->at += size;
    writer->room -= size;
}

static void
netaddr_put_integer (struct netaddr_writer *writer, size_t size, uint64_t value)
{
    uint8_t bytes[8];

    little_endian_write (bytes, size, value);
    netaddr_put (writer, bytes, size);
}

static void
netaddr_put_compact (struct netaddr_writer *writer, uint64_t value)
{
    unsigned power = value < 0xfd          ? 0
                     : value <= UINT16_MAX ? 1
                     : value <= UINT32_MAX ? 2
                                           : 3;

    if (power > 0)
        netaddr_put_integer (writer, 1, 0xfc + power);
    netaddr_put_integer (writer, (size_t)1 << power, value);
}

static void
netaddr_put_port (struct netaddr_writer *writer, uint16_t port)
{
    uint8_t bytes[2] = {(uint8_t)(port >> 8), (uint8_t)port};

    netaddr_put (writer, bytes, sizeof bytes);
}

static bool
addr_can_say (const struct netaddr *netaddr)
{
    return netaddr->network == NETADDR_IPV4 || netaddr->network == NETADDR_IPV6;
}

static void
addr_put (struct netaddr_writer *writer, const struct netaddr *netaddr)
{
    bool ipv4 = netaddr->network == NETADDR_IPV4;

    netaddr_put_integer (writer, 4, netaddr->seen_s);
    netaddr_put_integer (writer, 8, netaddr->services);
    if (ipv4)
        netaddr_put (writer, prefix_mapped.bytes, 12);
    netaddr_put (writer, netaddr->bytes, ipv4 ? 4 : 16);
    netaddr_put_port (writer, netaddr->port);
}

static void
addrv2_put (struct netaddr_writer *writer, const struct netaddr *netaddr)
{
    size_t size = netaddr_size (netaddr->network);

    netaddr_put_integer (writer, 4, netaddr->seen_s);
    netaddr_put_compact (writer, netaddr->services);
    netaddr_put_integer (writer, 1, netaddr->network);
    netaddr_put_compact (writer, size);
    netaddr_put (writer, netaddr->bytes, size);
    netaddr_put_port (writer, netaddr->port);
}

size_t
netaddr_encode (const struct netaddr *netaddrs, size_t count, bool addrv2,
                uint8_t *ret, size_t room)
{
    struct netaddr_writer writer = {.at = ret, .room = room};
    size_t said = 0;

    for (size_t i = 0; i < count; i++)
        said += addrv2 || addr_can_say (&netaddrs[i]);
    assert (said <= NETADDR_MAX);

    netaddr_put_compact (&writer, said);
    for (size_t i = 0; i < count; i++) {
        if (addrv2)
            addrv2_put (&writer, &netaddrs[i]);
        else if (addr_can_say (&netaddrs[i]))
            addr_put (&writer, &netaddrs[i]);
    }
    return room - writer.room;
}

/* CHECKSUM = the first 2 bytes of SHA3-256(".onion checksum" | key | 3). */
static void
onion_checksum (const uint8_t key[ONION_KEY_SIZE],
                uint8_t ret_checksum[ONION_CHECKSUM_SIZE])
{
    static const char label[] = ".onion checksum";
    uint8_t input[sizeof label - 1 + ONION_KEY_SIZE + 1];
    uint8_t digest[32];

    memcpy (input, label, sizeof label - 1);
    memcpy (input + sizeof label - 1, key, ONION_KEY_SIZE);
    input[sizeof input - 1] = ONION_VERSION;
    /* No address can make this fail, only a libcrypto without SHA3. */
    int rc =
        EVP_Digest (input, sizeof input, digest, NULL, EVP_sha3_256 (), NULL);
    assert (rc == 1);
    memcpy (ret_checksum, digest, ONION_CHECKSUM_SIZE);
}

static void
onion_write (const uint8_t key[ONION_KEY_SIZE], char ret[ONION_TEXT_SIZE + 1])
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t onion[ONION_SIZE];

    memcpy (onion, key, ONION_KEY_SIZE);
    onion_checksum (key, onion + ONION_KEY_SIZE);
    onion[ONION_SIZE - 1] = ONION_VERSION;
    for (size_t i = 0; i < ONION_TEXT_SIZE; i++) {
        size_t bit = i * 5;
        unsigned two = (unsigned)onion[bit / 8] << 8;
        if (bit / 8 + 1 < ONION_SIZE)
            two |= onion[bit / 8 + 1];
        ret[i] = digits[two >> (11 - bit % 8) & 31];
    }
    ret[ONION_TEXT_SIZE] = '\0';
}

static int
onion_digit (uint8_t character)
{
    if (character >= 'a' && character <= 'z')
        return character - 'a';
    if (character >= 'A' && character <= 'Z')
        return character - 'A';
    if (character >= '2' && character <= '7')
        return character - '2' + 26;
    return -1;
}

/* Reads the characters before ".onion". */
static bool
onion_read (const uint8_t text[ONION_TEXT_SIZE],
            uint8_t ret_key[ONION_KEY_SIZE])
{
    uint8_t onion[ONION_SIZE] = {0};
    uint8_t checksum[ONION_CHECKSUM_SIZE];

    for (size_t i = 0; i < ONION_TEXT_SIZE; i++) {
        int digit = onion_digit (text[i]);
        if (digit < 0)
            return false;
        for (size_t j = 0; j < 5; j++)
            if (((unsigned)digit >> (4 - j) & 1) != 0)
                onion[(i * 5 + j) / 8] |= (uint8_t)(0x80 >> (i * 5 + j) % 8);
    }
    onion_checksum (onion, checksum);
    if (onion[ONION_SIZE - 1] != ONION_VERSION
        || memcmp (onion + ONION_KEY_SIZE, checksum, sizeof checksum) != 0)
        return false;
    memcpy (ret_key, onion, ONION_KEY_SIZE);
    return true;
}

int
netaddr_to_text (const struct netaddr *netaddr, char ret_text[NETADDR_TEXT_MAX])
{
    char host[ONION_TEXT_SIZE + 1];
    const char *form = "%s:%u";

    if (netaddr->network == NETADDR_IPV4) {
        (void)inet_ntop (AF_INET, netaddr->bytes, host, sizeof host);
    } else if (netaddr->network == NETADDR_IPV6) {
        (void)inet_ntop (AF_INET6, netaddr->bytes, host, sizeof host);
        form = "[%s]:%u";
    } else if (netaddr->network == NETADDR_TORV3) {
        onion_write (netaddr->bytes, host);
        form = "%s" ONION_SUFFIX ":%u";
    } else {
        return -EAFNOSUPPORT;
    }
    (void)snprintf (ret_text, NETADDR_TEXT_MAX, form, host, netaddr->port);
    return 0;
}

/* Takes ":8643" off the end of *TEXT. */
static bool
netaddr_take_port (struct bytes *text, uint16_t *ret_port)
{
    unsigned port = 0;
    unsigned scale = 1;
    size_t size = text->size;

    for (; size > 0 && text->data[size - 1] != ':'; size--) {
        uint8_t digit = text->data[size - 1];
        if (digit < '0' || digit > '9' || scale > 10000)
            return false;
        port += (unsigned)(digit - '0') * scale;
        scale *= 10;
    }
    if (size == 0 || port == 0 || port > UINT16_MAX || text->data[size] == '0')
        return false;
    *ret_port = (uint16_t)port;
    text->size = size - 1; /* without the colon */
    return true;
}

static bool
netaddr_read_ip (struct bytes host, struct netaddr *ret)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t ipv6[16];

    bool bracketed = host.size >= 2 && host.data[0] == '['
                     && host.data[host.size - 1] == ']';
    if (bracketed)
        host = bytes_of (host.data + 1, host.size - 2);
    if (host.size == 0 || host.size >= sizeof text
        || memchr (host.data, '\0', host.size) != NULL)
        return false;
    memcpy (text, host.data, host.size);
    text[host.size] = '\0';

    ret->network = NETADDR_IPV4;
    if (!bracketed)
        return inet_pton (AF_INET, text, ret->bytes) == 1;
    if (inet_pton (AF_INET6, text, ipv6) != 1)
        return false;
    if (prefix_covers (&prefix_mapped, ipv6)) {
        memcpy (ret->bytes, ipv6 + 12, 4);
        return true;
    }
    ret->network = NETADDR_IPV6;
    memcpy (ret->bytes, ipv6, sizeof ipv6);
    return true;
}

static bool
netaddr_read_onion (struct bytes host, struct netaddr *ret)
{
    static const char suffix[] = ONION_SUFFIX;

    ret->network = NETADDR_TORV3;
    return host.size == ONION_TEXT_SIZE + sizeof suffix - 1
           && memcmp (host.data + ONION_TEXT_SIZE, suffix, sizeof suffix - 1)
                  == 0
           && onion_read (host.data, ret->bytes);
}

int
netaddr_from_text (struct bytes text, struct netaddr *ret)
{
    struct netaddr netaddr = {0};
    struct bytes host = text;

    if (!netaddr_take_port (&host, &netaddr.port)
        || (!netaddr_read_onion (host, &netaddr)
            && !netaddr_read_ip (host, &netaddr)))
        return -EINVAL;
    *ret = netaddr;
    return 0;
}

bool
netaddr_is_same (const struct netaddr *a, const struct netaddr *b)
{
    return a->network == b->network && a->port == b->port
           && memcmp (a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool
netaddr_is_public (const struct netaddr *netaddr)
{
    /* IANA's registries of special-purpose addresses. */
    static const struct prefix private4[] = {
        {{0}, 8},
        {{10}, 8},
        {{100, 64}, 10},
        {{127}, 8},
        {{169, 254}, 16},
        {{172, 16}, 12},
        {{192, 0, 0}, 24},
        {{192, 0, 2}, 24},
        {{192, 168}, 16},
        {{198, 18}, 15},
        {{198, 51, 100}, 24},
        {{203, 0, 113}, 24},
        {{224}, 3} /* multicast, reserved, broadcast */
    };
    static const struct prefix global6 = {{0x20}, 3};
    static const struct prefix private6[] = {
        {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
        {{0x20, 0x01, 0x00, 0x10}, 28}, /* identifiers, not routed */
        {{0x20, 0x01, 0x00, 0x20}, 28},
    };

    switch (netaddr->network) {
    case NETADDR_IPV4:
        return !prefixes_cover (private4, ARRAY_SIZE (private4),
                                netaddr->bytes);
    case NETADDR_IPV6:
        return prefix_covers (&global6, netaddr->bytes)
               && !prefixes_cover (private6, ARRAY_SIZE (private6),
                                   netaddr->bytes);
    case NETADDR_TORV3:
    case NETADDR_I2P:
    case NETADDR_CJDNS:
        break;
    }
    return true;
}
