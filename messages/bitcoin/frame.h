/* SPDX-License-Identifier: MIT */
/* frame - the Bitcoin v1 transport, one message at a time (PROTOCOL 1.1-1.5).
 *
 * A parser is fed whatever bytes arrived, split anywhere, and hands out one
 * event at a time. It never holds more than 256 KiB beyond what arrived, never
 * buffers a payload that nobody wants, and touches no socket.
 */
#pragma once

#include "base.h"
#include "messages/bitcoin/network.h"
#include "messages/governance/command.h"

#define FRAME_HEADER_SIZE 24
#define FRAME_LENGTH_MAX 4000000 /* PROTOCOL 1.2 */
#define FRAME_AHEAD_MAX 262144   /* PROTOCOL 1.5 */

/* The commands whose payload we want, and the most of it that we take: a
 * longer one is not what it says it is, and is skipped like an unknown one,
 * except governance commands, whose excess has a verdict (oversize). What may
 * follow the fields that we know (verack, ping, ...) is a later version's, and
 * is ignored as Bitcoin Core does. addr: a count of 3 bytes and 1,000 entries
 * of 30; addrv2: of 4 + 9 + 1 + 3 + 512 + 2 (BIP155).
 *
 *       NAME         command       largest payload */
#define FRAME_COMMANDS(X)                                                      \
    X (VERSION, "version", 4096)                                               \
    X (VERACK, "verack", 64)                                                   \
    X (PING, "ping", 64)                                                       \
    X (PONG, "pong", 64)                                                       \
    X (SENDADDRV2, "sendaddrv2", 64)                                           \
    X (FEATURE, "feature", 1024)                                               \
    X (ADDR, "addr", 30003)                                                    \
    X (ADDRV2, "addrv2", 531003)                                               \
    X (GETADDR, "getaddr", 64)                                                 \
    X (ECONREG, "econreg", 65536)                                              \
    X (ECONVETO, "econveto", 4096)                                             \
    X (ECONFORK, "econfork", 4096)                                             \
    X (ECONSTATUS, "econstatus", 4096)

enum frame_command {
#define X(NAME, name, size) FRAME_##NAME,
    FRAME_COMMANDS (X)
#undef X
        FRAME_COMMANDS_,
    FRAME_OTHER = FRAME_COMMANDS_ /* unknown, or known and ignored (1.10) */
};

enum frame_event {
    FRAME_MORE,         /* all input taken; feed more */
    FRAME_MESSAGE,      /* ret_frame: a whole message, checksum right */
    FRAME_SKIPPED,      /* ret_frame: a message we do not want has passed */
    FRAME_BAD_CHECKSUM, /* 1.3: dropped, the peer stays */
    FRAME_BAD_COMMAND,  /* 1.3: dropped, the peer stays */
    FRAME_OVERSIZE,     /* a governance header announces too much; its payload
                           will be skipped as it streams (not reported again) */
    FRAME_BAD_MAGIC,    /* 1.2: close; the parser is done for */
    FRAME_TOO_LONG,     /* 1.2: close; the parser is done for */
};

struct frame {
    enum frame_command command;
    struct bytes payload; /* borrowed until the next call on the parser */
};

struct frame_parser {
    uint8_t magic[4];
    uint8_t header[FRAME_HEADER_SIZE]; /* of the message under way */
    size_t header_fill;
    uint8_t *payload; /* of the message under way, when it comes in pieces;
                          owned; NULL between messages */
    size_t payload_fill;
    size_t payload_room;
    size_t skip;      /* bytes still to skip */
    bool skip_silent; /* no event when the skip ends */
    enum frame_command command;
    uint32_t length;
    uint32_t checksum;
};

void frame_parser_init (struct frame_parser *parser, enum network network);
void frame_parser_done (struct frame_parser *parser);

/* Takes bytes off the front of *INPUT up to the end of one event and returns
 * that event; call again until FRAME_MORE. A payload that lies whole in INPUT
 * is not copied. Sets *ret_frame for MESSAGE, SKIPPED and OVERSIZE. Out of
 * memory counts as FRAME_TOO_LONG: the peer is dropped, the relay lives. */
enum frame_event frame_parser_next (struct frame_parser *parser,
                                    struct bytes *input,
                                    struct frame *ret_frame);

/* Returns the command of a governance frame command, or -ENOENT. */
int frame_governance_command (enum frame_command command,
                              enum command *ret_command);

/* Returns the first 4 bytes of SHA-256 (SHA-256 (PAYLOAD)), as read u32 LE. */
uint32_t frame_checksum (struct bytes payload);

/* Writes the 24 bytes of a header for COMMAND (at most 12 characters). */
void frame_header_write (uint8_t ret_header[FRAME_HEADER_SIZE],
                         enum network network, const char *command,
                         struct bytes payload);
