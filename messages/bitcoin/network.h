/* SPDX-License-Identifier: MIT */
/* network - the Bitcoin networks (table of PROTOCOL 1.1). */
#pragma once

#include "base.h"

/*      NAME      name        magic                     Core   ours */
#define BITCOIN_NETWORKS(X)                                                    \
    X (MAIN, "main", 0xf9, 0xbe, 0xb4, 0xd9, 8333, 8643)                       \
    X (TEST, "test", 0x0b, 0x11, 0x09, 0x07, 18333, 18643)                     \
    X (TESTNET4, "testnet4", 0x1c, 0x16, 0x3f, 0x28, 48333, 48643)             \
    X (SIGNET, "signet", 0x0a, 0x03, 0xcf, 0x40, 38333, 38643)                 \
    X (REGTEST, "regtest", 0xfa, 0xbf, 0xb5, 0xda, 18444, 18743)

enum network {
#define X(NAME, name, a, b, c, d, core, port) NETWORK_##NAME,
    BITCOIN_NETWORKS (X)
#undef X
        NETWORKS_
};

/* Returns the name used in options and key files, "regtest". */
const char *network_name (enum network network);

/* Returns the four bytes that begin every P2P message. */
const uint8_t *network_magic (enum network network);

/* Returns govrelay's default listen port. */
uint16_t network_port (enum network network);

/* Returns 0 and sets *ret_network, or -ENOENT. */
int network_from_name (const char *name, enum network *ret_network);
