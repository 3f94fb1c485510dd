/* SPDX-License-Identifier: MIT */
/* fake_relay - the other side of the wire, in a thread: two listening ports of
 * one relay, or of something that only looks like one. */
#pragma once

#include "base.h"
#include "messages/bitcoin/network.h"

enum fake_kind {
    FAKE_RELAY,    /* judges at once, passes on to all other connections */
    FAKE_ALTERING, /* the same, but changes node_id on the way (3.6) */
    FAKE_SILENT,   /* takes connections, says nothing */
    FAKE_HANGS_UP, /* closes each connection at the first byte */
    FAKE_DROPS,    /* closes it at the first governance message */
    FAKE_NO_PONG,  /* never judges, so never says pong */
    FAKE_BITCOIND, /* a peer that knows nothing of governance */
};

struct fake_options {
    enum network network;
    enum fake_kind kind;
    const char *answer; /* a status object for every query; NULL: none */
    const char *lie;    /* a message sent before each answer; NULL: none */
};

struct fake_relay;

/* Starts it on two ports of the loopback that were free. */
struct fake_relay *fake_relay_start (const struct fake_options *options);

/* Returns "127.0.0.1:PORT" of port 0 or 1. */
const char *fake_relay_target (const struct fake_relay *relay, size_t index);

/* Stops it. Returns how many governance messages came. */
size_t fake_relay_stop (struct fake_relay **relay);
