/* SPDX-License-Identifier: MIT */
/* target - the HOST:PORT of a relay, as people write it. */
#pragma once

#include "base.h"
#include "messages/bitcoin/network.h"

#define TARGET_HOST_MAX 253 /* the longest name of the DNS */

struct target {
    const char *text; /* as it was given; borrowed */
    enum network network;
    char host[TARGET_HOST_MAX + 1];
    uint16_t port;
};

/* Reads TEXT: "host:port", "1.2.3.4:port", "[v6]:port"; without a port it is
 * the one of NETWORK. Returns 0 or -EINVAL. */
int target_read (const char *text, enum network network, struct target *ret);
