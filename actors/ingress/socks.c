/* SPDX-License-Identifier: MIT */
/* socks - asks a SOCKS5 proxy for one connection (RFC 1928, RFC 1929).
 *
 *   in   a host and a port; the answers of the proxy, split anywhere
 *   out  what to say to the proxy; done, or why not
 *   owns nothing
 *
 * Next on the tour: actors/ingress/connection.c
 */
#include "actors/ingress/socks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>

#include "messages/base/hex.h"

#define SOCKS_VERSION 5
#define SOCKS_LOGIN_VERSION 1
#define SOCKS_METHOD_LOGIN 2
#define SOCKS_METHOD_NONE 0xff
#define SOCKS_CONNECT 1

enum socks_address {
    SOCKS_IPV4 = 1,
    SOCKS_NAME = 3,
    SOCKS_IPV6 = 4,
};

bool
socks_is_onion (const char *host)
{
    static const char onion[] = "onion";
    size_t size = strlen (host);

    if (size > 0 && host[size - 1] == '.') /* the root of all names */
        size--;
    if (size < strlen (onion))
        return false;
    const char *last = host + size - strlen (onion);
    return strncasecmp (last, onion, strlen (onion)) == 0
           && (last == host || last[-1] == '.');
}

static void
socks_say (struct socks *socks, const uint8_t *bytes, size_t size)
{
    assert (size <= sizeof socks->output - socks->output_size);
    memcpy (socks->output + socks->output_size, bytes, size);
    socks->output_size += size;
}

/* RFC 1929 2: version, length, user, length, password. */
static void
socks_write_login (struct socks *socks, const uint8_t secret[SOCKS_SECRET_SIZE])
{
    const size_t half = SOCKS_SECRET_SIZE / 2;
    char text[SOCKS_SECRET_SIZE + 1];
    uint8_t *at = socks->login;

    *at++ = SOCKS_LOGIN_VERSION;
    for (size_t i = 0; i < 2; i++) {
        hex_encode (bytes_of (secret + i * half, half), text);
        *at++ = SOCKS_SECRET_SIZE;
        memcpy (at, text, SOCKS_SECRET_SIZE);
        at += SOCKS_SECRET_SIZE;
    }
}

/* RFC 1928 4: version, CONNECT, 0, address, port. */
static void
socks_write_request (struct socks *socks, const char *host, uint16_t port)
{
    uint8_t *at = socks->request;
    size_t size = strlen (host);

    *at++ = SOCKS_VERSION;
    *at++ = SOCKS_CONNECT;
    *at++ = 0;
    if (inet_pton (AF_INET, host, at + 1) == 1) {
        *at++ = SOCKS_IPV4;
        at += sizeof (struct in_addr);
    } else if (inet_pton (AF_INET6, host, at + 1) == 1) {
        *at++ = SOCKS_IPV6;
        at += sizeof (struct in6_addr);
    } else {
        *at++ = SOCKS_NAME;
        *at++ = (uint8_t)size;
        memcpy (at, host, size);
        at += size;
    }
    *at++ = (uint8_t)(port >> 8);
    *at++ = (uint8_t)port;
    socks->request_size = (size_t)(at - socks->request);
}

int
socks_init (struct socks *socks, const char *host, uint16_t port,
            const uint8_t secret[SOCKS_SECRET_SIZE])
{
    static const uint8_t greeting[] = {SOCKS_VERSION, 1, SOCKS_METHOD_LOGIN};
    size_t size = strlen (host);

    if (size == 0 || size > SOCKS_HOST_MAX || port == 0)
        return -EINVAL;
    memset (socks, 0, sizeof *socks);
    socks->state = SOCKS_GREETED;
    socks->why = "";
    socks_write_login (socks, secret);
    socks_write_request (socks, host, port);
    socks_say (socks, greeting, sizeof greeting);
    return 0;
}

struct bytes
socks_output (const struct socks *socks)
{
    return bytes_of (socks->output, socks->output_size);
}

void
socks_output_taken (struct socks *socks)
{
    socks->output_size = 0;
}

const char *
socks_why (const struct socks *socks)
{
    return socks->why;
}

static void
socks_fail (struct socks *socks, const char *why)
{
    socks->state = SOCKS_FAILED;
    socks->why = why;
    socks->output_size = 0;
}

/* RFC 1928 6; from 0xf0 on Tor's own, its proposal 304. */
static const char *
socks_reply_text (uint8_t code)
{
    static const struct {
        uint8_t code;
        const char *text;
    } texts[] = {
        {0x01, "proxy: it failed"},
        {0x02, "proxy: not allowed by its rules"},
        {0x03, "proxy: network unreachable"},
        {0x04, "proxy: host unreachable"},
        {0x05, "proxy: connection refused"},
        {0x06, "proxy: time to live expired"},
        {0x07, "proxy: it does not know CONNECT"},
        {0x08, "proxy: it does not know this kind of address"},
        {0xf0, "proxy: onion service not found"},
        {0xf1, "proxy: onion service descriptor is invalid"},
        {0xf2, "proxy: onion service introduction failed"},
        {0xf3, "proxy: onion service rendezvous failed"},
        {0xf4, "proxy: onion service wants authorization"},
        {0xf5, "proxy: onion service refused our authorization"},
        {0xf6, "proxy: onion address is invalid"},
        {0xf7, "proxy: onion service introduction timed out"},
    };
    for (size_t i = 0; i < ARRAY_SIZE (texts); i++)
        if (texts[i].code == code)
            return texts[i].text;
    return "proxy: it refused, with a code that we do not know";
}

static void
socks_on_method (struct socks *socks)
{
    const uint8_t *answer = socks->answer;

    if (answer[0] != SOCKS_VERSION) {
        socks_fail (socks, "proxy: it does not speak SOCKS5");
    } else if (socks->answer_size == 2) {
        if (answer[1] == SOCKS_METHOD_LOGIN) {
            socks->state = SOCKS_LOGGED_IN;
            socks->answer_size = 0;
            socks_say (socks, socks->login, sizeof socks->login);
        } else if (answer[1] == SOCKS_METHOD_NONE) {
            socks_fail (socks, "proxy: it takes no user names, which keep "
                               "connections apart");
        } else {
            socks_fail (socks, "proxy: it chose a method that we did not "
                               "offer");
        }
    }
}

static void
socks_on_login (struct socks *socks)
{
    const uint8_t *answer = socks->answer;

    if (answer[0] != SOCKS_LOGIN_VERSION) {
        socks_fail (socks, "proxy: its answer to the log-in is malformed");
    } else if (socks->answer_size == 2) {
        if (answer[1] != 0) {
            socks_fail (socks, "proxy: it refused our user name");
            return;
        }
        socks->state = SOCKS_ASKED;
        socks->answer_size = 0;
        socks_say (socks, socks->request, socks->request_size);
    }
}

/* Returns how long the answer is whose first 5 bytes are at hand, or 0 when it
 * has an address of no kind. The address itself is of no use to us. */
static size_t
socks_answer_length (const uint8_t *answer)
{
    switch (answer[3]) {
    case SOCKS_IPV4:
        return 4 + sizeof (struct in_addr) + 2;
    case SOCKS_IPV6:
        return 4 + sizeof (struct in6_addr) + 2;
    case SOCKS_NAME:
        return 4 + 1 + (size_t)answer[4] + 2;
    default:
        return 0;
    }
}

/* A refusal is heard from its second byte: many proxies close behind it. */
static void
socks_on_answer (struct socks *socks)
{
    const uint8_t *answer = socks->answer;
    size_t size = socks->answer_size;

    if (answer[0] != SOCKS_VERSION || (size >= 3 && answer[2] != 0))
        socks_fail (socks, "proxy: its answer is malformed");
    else if (size >= 2 && answer[1] != 0)
        socks_fail (socks, socks_reply_text (answer[1]));
    else if (size == 5 && socks_answer_length (answer) == 0)
        socks_fail (socks, "proxy: its answer is malformed");
    else if (size >= 5 && size == socks_answer_length (answer))
        socks->state = SOCKS_DONE;
}

/* One byte at a time: an answer has 262 at most, comes once a connection, and
 * nothing behind it may be taken. */
enum socks_state
socks_feed (struct socks *socks, struct bytes *input)
{
    while (input->size > 0 && socks->state < SOCKS_DONE) {
        assert (socks->answer_size < sizeof socks->answer);
        socks->answer[socks->answer_size++] = *input->data;
        *input = bytes_of (input->data + 1, input->size - 1);
        if (socks->state == SOCKS_GREETED)
            socks_on_method (socks);
        else if (socks->state == SOCKS_LOGGED_IN)
            socks_on_login (socks);
        else
            socks_on_answer (socks);
    }
    return socks->state;
}
