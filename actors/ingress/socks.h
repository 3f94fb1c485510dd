/* SPDX-License-Identifier: MIT */
/* socks - asks a SOCKS5 proxy for one connection (RFC 1928, RFC 1929). Pure:
 * bytes in, bytes out; no socket, no clock, no randomness of its own.
 *
 * The shell writes socks_output, gives socks_feed what comes back, and so on
 * until DONE or FAILED. After DONE all bytes are the peer's.
 *
 * A user name and a password are the only method that is offered: Tor keeps
 * connections apart that log in differently, and a proxy that takes no names
 * cannot. Names are never resolved here; the proxy gets them as they are.
 */
#pragma once

#include "base.h"

#define SOCKS_SCHEME "socks5://"
#define SOCKS_HOST_MAX 255   /* RFC 1928 5: its length is one byte */
#define SOCKS_SECRET_SIZE 32 /* half of it is the user, half the password */

/* What we say in all: 3 of greeting; 3 + 2 * 32 of log-in; 4, the host with
 * its length, and 2 of request. It is kept whole, so that a proxy that answers
 * early changes nothing. */
#define SOCKS_OUTPUT_MAX (3 + 67 + 4 + 1 + SOCKS_HOST_MAX + 2)
/* The longest answer: 4, a name with its length, and 2. */
#define SOCKS_ANSWER_MAX (4 + 1 + SOCKS_HOST_MAX + 2)

enum socks_state {
    SOCKS_GREETED,   /* waits for the choice of a method */
    SOCKS_LOGGED_IN, /* waits to be let in */
    SOCKS_ASKED,     /* waits for the connection */
    SOCKS_DONE,
    SOCKS_FAILED,
};

struct socks {
    enum socks_state state;
    const char *why;                             /* FAILED: static */
    uint8_t request[4 + 1 + SOCKS_HOST_MAX + 2]; /* for after the log-in */
    size_t request_size;
    uint8_t login[67];
    uint8_t answer[SOCKS_ANSWER_MAX]; /* the one that is being read */
    size_t answer_size;
    uint8_t output[SOCKS_OUTPUT_MAX];
    size_t output_size;
};

/* Returns true for a name that no resolver may be asked for: .onion. */
bool socks_is_onion (const char *host);

/* Begins to ask for HOST, a name or an address without brackets, and PORT. The
 * log-in is made of SECRET, random and new for each connection. Returns 0, or
 * -EINVAL when the host is empty or too long, or the port is 0. */
int socks_init (struct socks *socks, const char *host, uint16_t port,
                const uint8_t secret[SOCKS_SECRET_SIZE]);

/* Returns what is to be written, all of which socks_output_taken drops. */
struct bytes socks_output (const struct socks *socks);
void socks_output_taken (struct socks *socks);

/* Takes what belongs to the proxy's answers off the front of *input. Returns
 * how things stand. */
enum socks_state socks_feed (struct socks *socks, struct bytes *input);

/* Returns why it failed, in words, static; "" when it did not. */
const char *socks_why (const struct socks *socks);
