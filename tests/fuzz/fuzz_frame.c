/* SPDX-License-Identifier: MIT */
/* fuzz_frame - any bytes, in any pieces, say the same to the frame parser.
 *
 * Byte 0: the network (low 3 bits) and whether magics and checksums are put
 * right first (bit 3), so that mutations get past them. Byte 1: how the rest,
 * the wire, is cut. */
#include <stdlib.h>

#include "messages/bitcoin/frame.h"
#include "messages/bitcoin/little_endian.h"

/* All that a parser said, folded into one number. */
struct said {
    uint64_t fold;
    size_t events;
};

static void
said_fold (struct said *said, const void *data, size_t size)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < size; i++)
        said->fold = (said->fold ^ at[i]) * UINT64_C (1099511628211);
}

static void
said_event (struct said *said, enum frame_event event,
            const struct frame *frame)
{
    said->events++;
    said_fold (said, &event, sizeof event);
    if (event == FRAME_MESSAGE || event == FRAME_SKIPPED
        || event == FRAME_OVERSIZE)
        said_fold (said, &frame->command, sizeof frame->command);
    if (event == FRAME_MESSAGE) {
        assert (frame->command < FRAME_OTHER);
        said_fold (said, frame->payload.data, frame->payload.size);
    }
}

/* Feeds a heap copy, so that the sanitizer sees what is read too far. Returns
 * false when the parser is done for. */
static bool
feed (struct frame_parser *parser, struct bytes piece, struct said *said)
{
    uint8_t *copy = malloc (piece.size);
    bool alive = true;

    assert (copy != NULL || piece.size == 0);
    if (piece.size != 0)
        memcpy (copy, piece.data, piece.size);
    struct bytes input = bytes_of (copy, piece.size);
    for (;;) {
        struct frame frame = {0};
        enum frame_event event = frame_parser_next (parser, &input, &frame);
        assert (parser->payload_room <= parser->payload_fill + FRAME_AHEAD_MAX);
        if (event == FRAME_MORE)
            break;
        said_event (said, event, &frame);
        alive = event != FRAME_BAD_MAGIC && event != FRAME_TOO_LONG;
        if (!alive)
            break;
    }
    assert (!alive || input.size == 0);
    free (copy);
    return alive;
}

/* Puts right what a mutation breaks first. */
static void
repair (uint8_t *wire, size_t size, enum network network)
{
    size_t at = 0;

    while (size - at >= FRAME_HEADER_SIZE) {
        uint8_t *header = wire + at;
        size_t length = (size_t)little_endian_read (header + 16, 4);
        at += FRAME_HEADER_SIZE;
        memcpy (header, network_magic (network), 4);
        if (length > size - at)
            return;
        little_endian_write (header + 20, 4,
                             frame_checksum (bytes_of (wire + at, length)));
        at += length;
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    enum network network = (enum network) ((data[0] & 7) % NETWORKS_);
    uint32_t cut = data[1];
    size_t wire_size = size - 2;
    uint8_t *wire = malloc (size);
    assert (wire != NULL);
    memcpy (wire, data + 2, wire_size);
    if ((data[0] & 8) != 0)
        repair (wire, wire_size, network);

    struct said whole = {0};
    struct said pieces = {0};
    struct frame_parser parser;
    frame_parser_init (&parser, network);
    feed (&parser, bytes_of (wire, wire_size), &whole);
    frame_parser_done (&parser);

    frame_parser_init (&parser, network);
    for (size_t at = 0; at < wire_size;) {
        cut = cut * 1664525 + 1013904223;
        size_t piece = 1 + (cut >> 16) % ((data[1] & 15u) * 37 + 1);
        if (piece > wire_size - at)
            piece = wire_size - at;
        if (!feed (&parser, bytes_of (wire + at, piece), &pieces))
            break;
        at += piece;
    }
    frame_parser_done (&parser);
    free (wire);

    assert (whole.events == pieces.events && whole.fold == pieces.fold);
    return 0;
}
