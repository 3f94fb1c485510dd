/* SPDX-License-Identifier: MIT */
/* place - where a relay may be found, as text and as bytes that compare.
 *
 *   in   texts of strangers, by way of ingress; texts of the operator
 *   out  places, nets and ranges; texts in one spelling
 *   owns nothing
 */
#include "actors/registry/place.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>

static const uint8_t place_mapped[12] = {0, 0, 0, 0, 0,   0,
                                         0, 0, 0, 0, 255, 255};
static const char place_onion[] = ".onion";

/* What no stranger on the internet has, as 16 bytes and how many bits count. */
static const struct place_range place_private[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127}, 96 + 8},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10}, 96 + 8},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 172, 16}, 96 + 12},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 168}, 96 + 16},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 169, 254}, 96 + 16},
    {{[15] = 1}, 128},
    {{0xfc}, 7},
    {{0xfe, 0x80}, 10},
};

/* Nobody can be dialled there either: unspecified, multicast, reserved. */
static const struct place_range place_nowhere[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0}, 96 + 8},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 224}, 96 + 3},
    {{0xff}, 8},
};

static bool
place_is_mapped (const uint8_t bytes[16])
{
    return memcmp (bytes, place_mapped, sizeof place_mapped) == 0;
}

static bool
place_shares (const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp (a, b, whole) != 0)
        return false;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

/* Reads a decimal number of at most MAX without sign, space or leading 0. */
static bool
place_read_number (struct bytes text, unsigned max, unsigned *ret_number)
{
    unsigned number = 0;

    if (text.size == 0 || text.size > 5
        || (text.size > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (unsigned)(text.data[i] - '0');
    }
    if (number > max)
        return false;
    *ret_number = number;
    return true;
}

/* Reads an address without brackets as 16 bytes. */
static bool
place_read_ip (struct bytes text, int family, uint8_t ret_bytes[16])
{
    char host[INET6_ADDRSTRLEN];
    uint8_t bytes[16];

    if (text.size == 0 || text.size >= sizeof host
        || memchr (text.data, '\0', text.size))
        return false;
    memcpy (host, text.data, text.size);
    host[text.size] = '\0';
    memcpy (bytes, place_mapped, sizeof place_mapped);
    if (inet_pton (family, host, family == AF_INET ? bytes + 12 : bytes) != 1)
        return false;
    memcpy (ret_bytes, bytes, 16);
    return true;
}

static bool
place_read_onion (struct bytes text, uint8_t ret_host[PLACE_ONION_SIZE])
{
    if (text.size != PLACE_ONION_SIZE + strlen (place_onion)
        || memcmp (text.data + PLACE_ONION_SIZE, place_onion,
                   strlen (place_onion))
               != 0)
        return false;
    for (size_t i = 0; i < PLACE_ONION_SIZE; i++) {
        uint8_t c = text.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '2' && c <= '7')))
            return false;
    }
    memcpy (ret_host, text.data, PLACE_ONION_SIZE);
    return true;
}

bool
place_read (struct bytes text, struct place *ret_place)
{
    struct place place = {.kind = PLACE_IP};
    const uint8_t *colon =
        text.size > 0 ? memrchr (text.data, ':', text.size) : NULL;
    unsigned port;

    if (!colon)
        return false;
    struct bytes host = bytes_of (text.data, (size_t)(colon - text.data));
    if (!place_read_number (bytes_of (colon + 1, text.size - host.size - 1),
                            UINT16_MAX, &port)
        || port == 0)
        return false;
    place.port = (uint16_t)port;
    if (host.size > 2 && host.data[0] == '['
        && host.data[host.size - 1] == ']') {
        if (!place_read_ip (bytes_of (host.data + 1, host.size - 2), AF_INET6,
                            place.host))
            return false;
    } else if (!place_read_ip (host, AF_INET, place.host)) {
        if (!place_read_onion (host, place.host))
            return false;
        place.kind = PLACE_ONION;
    }
    *ret_place = place;
    return true;
}

static void
place_write_ip (const uint8_t bytes[16], char ret_text[INET6_ADDRSTRLEN])
{
    if (place_is_mapped (bytes))
        inet_ntop (AF_INET, bytes + 12, ret_text, INET6_ADDRSTRLEN);
    else
        inet_ntop (AF_INET6, bytes, ret_text, INET6_ADDRSTRLEN);
}

void
place_write (const struct place *place, char ret_text[PLACE_TEXT_MAX + 1])
{
    char host[INET6_ADDRSTRLEN];

    if (place->kind == PLACE_ONION) {
        snprintf (ret_text, PLACE_TEXT_MAX + 1, "%.*s%s:%u", PLACE_ONION_SIZE,
                  (const char *)place->host, place_onion, place->port);
        return;
    }
    place_write_ip (place->host, host);
    snprintf (ret_text, PLACE_TEXT_MAX + 1,
              place_is_mapped (place->host) ? "%s:%u" : "[%s]:%u", host,
              place->port);
}

bool
place_equal (const struct place *a, const struct place *b)
{
    return a->kind == b->kind && a->port == b->port
           && memcmp (a->host, b->host, sizeof a->host) == 0;
}

uint64_t
place_group (const struct place *place, const uint8_t key[16])
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t group;
    size_t size = PLACE_ONION_SIZE;

    if (place->kind == PLACE_IP)
        size = place_is_mapped (place->host) ? 14 : 4;
    crypto_shorthash (hash, place->host, size, key);
    memcpy (&group, hash, sizeof group);
    return group;
}

bool
place_is_public (const struct place *place)
{
    struct place_net net;

    if (!place_net (place, &net))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE (place_nowhere); i++)
        if (place_range_meets (&place_nowhere[i], &net))
            return false;
    return !place_net_is_private (&net);
}

static struct place_net
place_net_of (const uint8_t bytes[16])
{
    struct place_net net = {{0}};
    memcpy (net.bytes, bytes, place_is_mapped (bytes) ? 16 : 8);
    return net;
}

bool
place_net (const struct place *place, struct place_net *ret_net)
{
    if (place->kind != PLACE_IP)
        return false;
    *ret_net = place_net_of (place->host);
    return true;
}

bool
place_net_read (struct bytes text, struct place_net *ret_net)
{
    static const char suffix[] = "/64";
    uint8_t bytes[16];
    size_t size = strlen (suffix);

    if (place_read_ip (text, AF_INET, bytes)
        || place_read_ip (text, AF_INET6, bytes)) {
        *ret_net = place_net_of (bytes);
        return true;
    }
    if (text.size <= size
        || memcmp (text.data + text.size - size, suffix, size) != 0
        || !place_read_ip (bytes_of (text.data, text.size - size), AF_INET6,
                           bytes)
        || place_is_mapped (bytes))
        return false;
    *ret_net = place_net_of (bytes);
    return true;
}

void
place_net_write (const struct place_net *net,
                 char ret_text[PLACE_NET_TEXT_MAX + 1])
{
    char host[INET6_ADDRSTRLEN];
    place_write_ip (net->bytes, host);
    snprintf (ret_text, PLACE_NET_TEXT_MAX + 1, "%s%s", host,
              place_is_mapped (net->bytes) ? "" : "/64");
}

bool
place_net_is_private (const struct place_net *net)
{
    for (size_t i = 0; i < ARRAY_SIZE (place_private); i++)
        if (place_range_meets (&place_private[i], net))
            return true;
    return false;
}

bool
place_range_read (const char *text, struct place_range *ret_range)
{
    const char *slash = strchr (text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen (text);
    struct place_range range = {.bits = 128};
    unsigned bits;

    bool four = place_read_ip (bytes_of (text, size), AF_INET, range.bytes);
    if (!four && !place_read_ip (bytes_of (text, size), AF_INET6, range.bytes))
        return false;
    if (slash) {
        if (!place_read_number (bytes_of_text (slash + 1), four ? 32 : 128,
                                &bits))
            return false;
        range.bits = four ? 96 + bits : bits;
    }
    *ret_range = range;
    return true;
}

bool
place_range_meets (const struct place_range *range, const struct place_net *net)
{
    /* Of an IPv6 address a net has the first 64 bits only. */
    bool clipped = !place_is_mapped (net->bytes) && range->bits > 64;
    return place_shares (range->bytes, net->bytes, clipped ? 64 : range->bits);
}
