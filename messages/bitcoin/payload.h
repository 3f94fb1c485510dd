/* SPDX-License-Identifier: MIT */
/* payload - what is inside the P2P messages of the handshake (PROTOCOL 1.6,
 * 1.7, 2.3). Pure codecs: bounds first, nothing kept. */
#pragma once

#include "base.h"

#define P2P_VERSION 70017         /* what we advertise */
#define P2P_VERSION_MIN 31800     /* below: refused */
#define P2P_VERSION_ADDRV2 70016  /* sendaddrv2 from here on */
#define P2P_VERSION_FEATURE 70017 /* feature from here on */
#define NODE_GOVERNANCE (UINT64_C (1) << 29)
#define USER_AGENT_MAX 256
#define FEATURE_ID_MIN 4
#define FEATURE_ID_MAX 80
#define FEATURE_DATA_MAX 512
#define FEATURE_ECON_RELAY "econ-relay"

struct version_payload {
    int32_t version;
    uint64_t services;
    int64_t time; /* Unix seconds, the peer's clock */
    uint8_t addr_recv[26];
    uint64_t nonce;                      /* 0 when absent */
    char user_agent[USER_AGENT_MAX + 1]; /* NUL-terminated; bytes of a peer */
    int32_t start_height;
    bool relay;
};

struct feature_payload {
    char id[FEATURE_ID_MAX + 1]; /* NUL-terminated; bytes of a peer */
    size_t id_size;              /* compare by it: an id may contain NUL */
    struct bytes data;           /* borrowed from the payload */
};

/* Returns 0 or -EPROTO (shorter than its fixed part, a user agent over 256 or
 * that runs past the end). Fields from addr_from on may be absent. */
int version_decode (struct bytes payload, struct version_payload *ret);

/* Returns the size written; ROOM of 512 bytes is always enough. */
size_t version_encode (const struct version_payload *version, uint8_t *ret,
                       size_t room);

/* Returns 0 or -EPROTO: an id under 4 or over 80 bytes, data over 512, bytes
 * left over (PROTOCOL 2.3: "close"). */
int feature_decode (struct bytes payload, struct feature_payload *ret);

/* Returns the size written; ROOM of 640 bytes is always enough. */
size_t feature_encode (const char *id, struct bytes data, uint8_t *ret,
                       size_t room);

/* Returns the size of our own announcement: econ-relay, version 1, no
 * capabilities. */
size_t feature_encode_econ_relay (uint8_t *ret, size_t room);

/* Reads a CompactSize off the front of *INPUT. Returns 0 or -EPROTO (cut off,
 * or not the shortest form). */
int compact_size_read (struct bytes *input, uint64_t *ret);
