/* SPDX-License-Identifier: MIT */
/* json_shape - is it JSON at all, how deep, and how much of it is white space?
 *
 *   in   the bytes of a payload
 *   out  its shape, or that it is not JSON
 *   owns nothing
 *
 * A JSON library stops at the first thing that it dislikes, and some of those
 * (a duplicate key, a number too large, nesting too deep) are faults of the
 * schema only if the rest is JSON (PROTOCOL 5.1: JSON comes before schema). So
 * the grammar is settled here, for the whole text, and the library never sees
 * anything deep.
 *
 * Next on the tour: messages/governance/schema.c
 */
#include "messages/governance/json_shape.h"

struct scan {
    const uint8_t *at;
    const uint8_t *end;
    size_t white_space;
    size_t depth;
    size_t deepest;
    /* One bit a level, 1 for an object; levels below depth are set. */
    uint8_t objects[JSON_SHAPE_TEXT_MAX / 8];
};

/* The byte ahead, or 0, which begins nothing, at the end. */
static inline uint8_t
scan_peek (const struct scan *scan)
{
    return scan->at < scan->end ? *scan->at : 0;
}

static inline bool
scan_take (struct scan *scan, uint8_t byte)
{
    if (scan_peek (scan) != byte)
        return false;
    scan->at++;
    return true;
}

static void
scan_white_space (struct scan *scan)
{
    const uint8_t *from = scan->at;

    for (;;) {
        uint8_t c = scan_peek (scan);
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            break;
        scan->at++;
    }
    scan->white_space += (size_t)(scan->at - from);
}

/* RFC 3629: the one encoding of each scalar value, at most U+10FFFF. */
static bool
scan_utf8 (struct scan *scan)
{
    const uint8_t *s = scan->at;
    size_t left = (size_t)(scan->end - s);
    size_t size = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint8_t low = 0x80, high = 0xbf; /* of the second byte */

    if (s[0] < 0xc2 || s[0] > 0xf4 || left < size)
        return false;
    if (s[0] == 0xe0)
        low = 0xa0; /* else it would fit two bytes */
    else if (s[0] == 0xed)
        high = 0x9f; /* else it would be a surrogate */
    else if (s[0] == 0xf0)
        low = 0x90; /* else it would fit three bytes */
    else if (s[0] == 0xf4)
        high = 0x8f; /* else it would be above U+10FFFF */
    if (s[1] < low || s[1] > high)
        return false;
    for (size_t i = 2; i < size; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return false;
    scan->at += size;
    return true;
}

/* Takes four hex digits of either case; returns their value, or -1. */
static int
scan_hex4 (struct scan *scan)
{
    int value = 0;

    for (int i = 0; i < 4; i++) {
        uint8_t c = scan_peek (scan);
        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            value = value * 16 + ((c | 0x20) - 'a' + 10);
        else
            return -1;
        scan->at++;
    }
    return value;
}

/* Takes what follows a backslash. A surrogate must be half of a pair. */
static bool
scan_escape (struct scan *scan)
{
    uint8_t c = scan_peek (scan);

    if (c == 0)
        return false;
    scan->at++;
    if (c != 'u')
        return strchr ("\"\\/bfnrt", c) != NULL;

    int unit = scan_hex4 (scan);
    if (unit < 0xd800 || unit > 0xdfff)
        return unit >= 0;
    if (unit > 0xdbff || !scan_take (scan, '\\') || !scan_take (scan, 'u'))
        return false;
    unit = scan_hex4 (scan);
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* Takes a string from its opening to its closing quote. */
static bool
scan_string (struct scan *scan)
{
    if (!scan_take (scan, '"'))
        return false;
    while (scan->at < scan->end) {
        uint8_t c = *scan->at;
        if (c >= 0x80) {
            if (!scan_utf8 (scan))
                return false;
            continue;
        }
        if (c < 0x20)
            return false;
        scan->at++;
        if (c == '"')
            return true;
        if (c == '\\' && !scan_escape (scan))
            return false;
    }
    return false;
}

static bool
scan_digits (struct scan *scan)
{
    const uint8_t *from = scan->at;

    while (scan_peek (scan) >= '0' && scan_peek (scan) <= '9')
        scan->at++;
    return scan->at != from;
}

static bool
scan_number (struct scan *scan)
{
    (void)scan_take (scan, '-');
    if (!scan_take (scan, '0') && !scan_digits (scan))
        return false;
    if (scan_take (scan, '.') && !scan_digits (scan))
        return false;
    if (scan_take (scan, 'e') || scan_take (scan, 'E')) {
        if (!scan_take (scan, '+'))
            (void)scan_take (scan, '-');
        return scan_digits (scan);
    }
    return true;
}

static bool
scan_word (struct scan *scan, const char *word)
{
    size_t size = strlen (word);

    if ((size_t)(scan->end - scan->at) < size
        || memcmp (scan->at, word, size) != 0)
        return false;
    scan->at += size;
    return true;
}

static bool
scan_scalar (struct scan *scan)
{
    switch (scan_peek (scan)) {
    case '"':
        return scan_string (scan);
    case 't':
        return scan_word (scan, "true");
    case 'f':
        return scan_word (scan, "false");
    case 'n':
        return scan_word (scan, "null");
    default:
        return scan_number (scan);
    }
}

/* Takes `"key" :` and the white space after it. */
static bool
scan_key (struct scan *scan)
{
    if (!scan_string (scan))
        return false;
    scan_white_space (scan);
    if (!scan_take (scan, ':'))
        return false;
    scan_white_space (scan);
    return true;
}

static bool
scan_in_object (const struct scan *scan)
{
    size_t level = scan->depth - 1;

    return (scan->objects[level / 8] >> level % 8 & 1) != 0;
}

/* Goes one level down. Cannot overflow: each level took a byte of the text. */
static void
scan_open (struct scan *scan, bool is_object)
{
    size_t level = scan->depth++;
    uint8_t bit = (uint8_t)(1u << level % 8);

    if (is_object)
        scan->objects[level / 8] |= bit;
    else
        scan->objects[level / 8] &= (uint8_t)~bit;
    if (scan->depth > scan->deepest)
        scan->deepest = scan->depth;
}

/* Takes what may stand behind a value: closings, then a comma up to where the
 * next value begins, or the end of the text. */
static bool
scan_after_value (struct scan *scan)
{
    scan_white_space (scan);
    while (scan->depth > 0) {
        bool in_object = scan_in_object (scan);
        if (scan_take (scan, ',')) {
            scan_white_space (scan);
            return !in_object || scan_key (scan);
        }
        if (!scan_take (scan, in_object ? '}' : ']'))
            return false;
        scan->depth--;
        scan_white_space (scan);
    }
    return scan->at == scan->end;
}

/* Takes one value's beginning: all of it, or `{ "key":` or `[`. Sets
 * *ret_ended if the value has ended with that. */
static bool
scan_value (struct scan *scan, bool *ret_ended)
{
    bool is_object = scan_peek (scan) == '{';

    *ret_ended = true;
    if (!is_object && scan_peek (scan) != '[')
        return scan_scalar (scan);

    scan->at++;
    scan_open (scan, is_object);
    scan_white_space (scan);
    if (scan_take (scan, is_object ? '}' : ']')) {
        scan->depth--;
        return true;
    }
    *ret_ended = false;
    return !is_object || scan_key (scan);
}

int
json_shape_of (struct bytes text, struct json_shape *ret_shape)
{
    struct scan scan; /* 8 KiB of it need no value yet */
    bool ended;

    if (text.size == 0)
        return -EBADMSG;
    if (text.size > JSON_SHAPE_TEXT_MAX)
        return -EMSGSIZE;

    scan.at = text.data;
    scan.end = text.data + text.size;
    scan.white_space = scan.depth = scan.deepest = 0;
    scan_white_space (&scan);
    bool is_object = scan_peek (&scan) == '{';
    do {
        if (!scan_value (&scan, &ended))
            return -EBADMSG;
        if (ended && !scan_after_value (&scan))
            return -EBADMSG;
    } while (scan.depth > 0);

    *ret_shape = (struct json_shape){.is_object = is_object,
                                     .nesting = scan.deepest,
                                     .white_space = scan.white_space};
    return 0;
}
