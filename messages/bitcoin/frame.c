/* SPDX-License-Identifier: MIT */
/* frame - the Bitcoin v1 transport, one message at a time (PROTOCOL 1.1-1.5).
 *
 *   in   bytes of a peer, split anywhere
 *   out  whole messages whose checksum holds; notes of what was dropped
 *   owns the payload under way, when it comes in pieces
 *
 * Next on the tour: actors/ingress/connection.c
 */
#include "messages/bitcoin/frame.h"

#include <stdlib.h>

#include "digest.h"
#include "messages/bitcoin/little_endian.h"

#define FRAME_COMMAND_AT 4
#define FRAME_COMMAND_SIZE 12
#define FRAME_LENGTH_AT 16
#define FRAME_CHECKSUM_AT 20

/* A payload's first buffer has at least this much room, so that one that
 * dribbles in is not moved for every byte. */
#define FRAME_AHEAD_MIN 512

struct frame_row {
    char name[FRAME_COMMAND_SIZE]; /* NUL-padded, as it stands in a header */
    uint32_t max_size;             /* bytes of payload */
};

static const struct frame_row frame_rows[FRAME_COMMANDS_] = {
#define X(NAME, name, size) {name, size},
    FRAME_COMMANDS (X)
#undef X
};

/* PROTOCOL 1.3: "a command with a non-printable byte or bytes after its first
 * NUL" is bad. */
static bool
frame_name_is_good (const uint8_t *name)
{
    size_t size = strnlen ((const char *)name, FRAME_COMMAND_SIZE);

    for (size_t i = 0; i < size; i++)
        if (name[i] < 0x20 || name[i] > 0x7e)
            return false;
    for (size_t i = size; i < FRAME_COMMAND_SIZE; i++)
        if (name[i] != 0)
            return false;
    return true;
}

static enum frame_command
frame_command_from_name (const uint8_t *name)
{
    for (size_t i = 0; i < ARRAY_SIZE (frame_rows); i++)
        if (memcmp (name, frame_rows[i].name, FRAME_COMMAND_SIZE) == 0)
            return (enum frame_command)i;
    return FRAME_OTHER;
}

int
frame_governance_command (enum frame_command command, enum command *ret_command)
{
    switch (command) {
    case FRAME_ECONREG:
        *ret_command = COMMAND_ECONREG;
        return 0;
    case FRAME_ECONVETO:
        *ret_command = COMMAND_ECONVETO;
        return 0;
    case FRAME_ECONFORK:
        *ret_command = COMMAND_ECONFORK;
        return 0;
    case FRAME_ECONSTATUS:
        *ret_command = COMMAND_ECONSTATUS;
        return 0;
    case FRAME_VERSION:
    case FRAME_VERACK:
    case FRAME_PING:
    case FRAME_PONG:
    case FRAME_SENDADDRV2:
    case FRAME_FEATURE:
    case FRAME_ADDR:
    case FRAME_ADDRV2:
    case FRAME_GETADDR:
    case FRAME_OTHER:
        break;
    }
    return -ENOENT;
}

uint32_t
frame_checksum (struct bytes payload)
{
    uint8_t digest[DIGEST_SIZE];

    digest_sha256d (payload, digest);
    return (uint32_t)little_endian_read (digest, 4);
}

void
frame_header_write (uint8_t ret_header[FRAME_HEADER_SIZE], enum network network,
                    const char *command, struct bytes payload)
{
    size_t name_size = strlen (command);
    assert (name_size <= FRAME_COMMAND_SIZE);
    assert (payload.size <= FRAME_LENGTH_MAX);

    memset (ret_header, 0, FRAME_HEADER_SIZE);
    memcpy (ret_header, network_magic (network), 4);
    memcpy (ret_header + FRAME_COMMAND_AT, command, name_size);
    little_endian_write (ret_header + FRAME_LENGTH_AT, 4, payload.size);
    little_endian_write (ret_header + FRAME_CHECKSUM_AT, 4,
                         frame_checksum (payload));
}

/* Moves up to SIZE bytes off the front of *INPUT into TO, which may be NULL.
 * Returns how many there were. */
static size_t
frame_input_take (struct bytes *input, uint8_t *to, size_t size)
{
    if (size > input->size)
        size = input->size;
    if (size == 0)
        return 0;
    if (to != NULL)
        memcpy (to, input->data, size);
    input->data += size;
    input->size -= size;
    return size;
}

static void
frame_payload_free (struct frame_parser *parser)
{
    free (parser->payload);
    parser->payload = NULL;
    parser->payload_fill = 0;
    parser->payload_room = 0;
}

/* Makes room for PART more bytes. PROTOCOL 1.5: "A payload buffer grows with
 * the bytes that arrived, at most 256 KiB ahead, never by the announced
 * length": doubling, until that is too far. */
static bool
frame_payload_reserve (struct frame_parser *parser, size_t part)
{
    size_t need = parser->payload_fill + part;
    if (need <= parser->payload_room)
        return true;

    size_t ahead = need;
    if (ahead < FRAME_AHEAD_MIN)
        ahead = FRAME_AHEAD_MIN;
    if (ahead > FRAME_AHEAD_MAX)
        ahead = FRAME_AHEAD_MAX;
    size_t room = need + ahead;
    if (room > parser->length)
        room = parser->length;

    uint8_t *payload = realloc (parser->payload, room);
    if (payload == NULL)
        return false;
    parser->payload = payload;
    parser->payload_room = room;
    return true;
}

/* The header is whole: what will become of its payload? MESSAGE: it is wanted;
 * SKIPPED: it will be. The skip itself is the caller's next step. */
static enum frame_event
frame_header_read (struct frame_parser *parser)
{
    const uint8_t *header = parser->header;
    const uint8_t *name = header + FRAME_COMMAND_AT;
    enum command governance;

    parser->length = (uint32_t)little_endian_read (header + FRAME_LENGTH_AT, 4);
    parser->checksum =
        (uint32_t)little_endian_read (header + FRAME_CHECKSUM_AT, 4);
    parser->command = frame_command_from_name (name);
    if (parser->length > FRAME_LENGTH_MAX)
        return FRAME_TOO_LONG;

    bool wanted = parser->command != FRAME_OTHER
                  && parser->length <= frame_rows[parser->command].max_size;
    if (wanted)
        return FRAME_MESSAGE;

    parser->header_fill = 0;
    parser->skip = parser->length;
    if (!frame_name_is_good (name))
        return FRAME_BAD_COMMAND;
    if (frame_governance_command (parser->command, &governance) == 0)
        return FRAME_OVERSIZE;
    parser->skip_silent = false;
    return FRAME_SKIPPED;
}

/* Goes on with the header. MORE: it is not whole yet. While a payload is under
 * way, or the parser is done for, the header stays and says the same again. */
static enum frame_event
frame_header_take (struct frame_parser *parser, struct bytes *input)
{
    parser->header_fill +=
        frame_input_take (input, parser->header + parser->header_fill,
                          FRAME_HEADER_SIZE - parser->header_fill);

    /* A stranger's first bytes need not add up to a header. */
    size_t known = parser->header_fill < 4 ? parser->header_fill : 4;
    if (memcmp (parser->header, parser->magic, known) != 0)
        return FRAME_BAD_MAGIC;
    if (parser->header_fill < FRAME_HEADER_SIZE)
        return FRAME_MORE;
    return frame_header_read (parser);
}

/* Goes on with a payload that is wanted. */
static enum frame_event
frame_payload_take (struct frame_parser *parser, struct bytes *input,
                    struct frame *ret_frame)
{
    struct bytes payload = {.data = input->data, .size = parser->length};

    if (parser->payload_fill == 0 && input->size >= parser->length) {
        frame_input_take (input, NULL, parser->length);
    } else {
        size_t part = parser->length - parser->payload_fill;
        if (part > input->size)
            part = input->size;
        if (part == 0)
            return FRAME_MORE;
        if (!frame_payload_reserve (parser, part)) {
            memset (parser->header + FRAME_LENGTH_AT, 0xff, 4);
            return FRAME_TOO_LONG;
        }
        parser->payload_fill += frame_input_take (
            input, parser->payload + parser->payload_fill, part);
        if (parser->payload_fill < parser->length)
            return FRAME_MORE;
        payload.data = parser->payload;
    }

    parser->header_fill = 0; /* the buffer is freed by the next call */
    if (frame_checksum (payload) != parser->checksum)
        return FRAME_BAD_CHECKSUM;
    *ret_frame = (struct frame){parser->command, payload};
    return FRAME_MESSAGE;
}

void
frame_parser_init (struct frame_parser *parser, enum network network)
{
    *parser = (struct frame_parser){.skip_silent = true};
    memcpy (parser->magic, network_magic (network), 4);
}

void
frame_parser_done (struct frame_parser *parser)
{
    frame_payload_free (parser);
}

enum frame_event
frame_parser_next (struct frame_parser *parser, struct bytes *input,
                   struct frame *ret_frame)
{
    if (parser->header_fill == 0)
        frame_payload_free (parser);

    for (;;) {
        parser->skip -= frame_input_take (input, NULL, parser->skip);
        if (parser->skip > 0)
            return FRAME_MORE;
        if (!parser->skip_silent) {
            parser->skip_silent = true;
            *ret_frame = (struct frame){.command = parser->command};
            return FRAME_SKIPPED;
        }

        enum frame_event event = frame_header_take (parser, input);
        if (event == FRAME_MESSAGE)
            return frame_payload_take (parser, input, ret_frame);
        if (event == FRAME_OVERSIZE)
            *ret_frame = (struct frame){.command = parser->command};
        if (event != FRAME_SKIPPED)
            return event;
    }
}
