/* SPDX-License-Identifier: MIT */
/* network - the Bitcoin networks (table of PROTOCOL 1.1).
 *
 *   in   a network, or its name
 *   out  name, magic, port
 *   owns nothing
 */
#include "messages/bitcoin/network.h"

struct network_row {
    const char *name;
    uint8_t magic[4];
    uint16_t port;
};

static const struct network_row network_rows[] = {
#define X(NAME, name, a, b, c, d, core, port) {name, {a, b, c, d}, port},
    BITCOIN_NETWORKS (X)
#undef X
};

static const struct network_row *
network_row (enum network network)
{
    assert ((unsigned)network < NETWORKS_);
    return &network_rows[network];
}

const char *
network_name (enum network network)
{
    return network_row (network)->name;
}

const uint8_t *
network_magic (enum network network)
{
    return network_row (network)->magic;
}

uint16_t
network_port (enum network network)
{
    return network_row (network)->port;
}

int
network_from_name (const char *name, enum network *ret_network)
{
    for (size_t i = 0; i < ARRAY_SIZE (network_rows); i++)
        if (strcmp (name, network_rows[i].name) == 0) {
            *ret_network = (enum network)i;
            return 0;
        }
    return -ENOENT;
}
