/* SPDX-License-Identifier: MIT */
/* wire - msgpack, one value at a time: what link messages are made of.
 *
 *   in   values to be written; bytes of which every one may be a lie
 *   out  bytes; values
 *   owns nothing
 *
 * Written with msgpack-c's packer. Read by a cursor of our own, because
 * msgpack-c's unpacker believes what a message says of its own size: five
 * bytes can make it ask for gigabytes.
 *
 * Next on the tour: messages/link/link_message_encode.c
 */
#include "messages/link/wire.h"

#include <msgpack.h>

/* First bytes of the forms that we read (the msgpack specification). */
enum wire_tag {
    TAG_FIXINT_LAST = 0x7f, /* 0x00 .. 0x7f: the value itself */
    TAG_FIXARRAY = 0x90,    /* low 4 bits: count */
    TAG_FIXSTR = 0xa0,      /* low 5 bits: size */
    TAG_FALSE = 0xc2,
    TAG_TRUE = 0xc3,
    TAG_BIN8 = 0xc4, /* then bin 16, bin 32 */
    TAG_BIN32 = 0xc6,
    TAG_UINT8 = 0xcc, /* then uint 16, 32, 64 */
    TAG_UINT64 = 0xcf,
    TAG_INT8 = 0xd0, /* then int 16, 32, 64 */
    TAG_INT64 = 0xd3,
    TAG_STR8 = 0xd9, /* then str 16, str 32 */
    TAG_STR32 = 0xdb,
    TAG_ARRAY16 = 0xdc,
    TAG_ARRAY32 = 0xdd,
    TAG_NEGATIVE_FIXINT = 0xe0, /* .. 0xff: the value itself */
};

/* An integer of any width: two's complement, and what it means. */
struct wire_integer {
    uint64_t bits;
    bool negative;
};

static bool
wire_is_control (uint8_t byte)
{
    return byte < 0x20 || byte == 0x7f;
}

/* Eight bytes at a time, for each vote has its public key looked at twice: a
 * byte below n borrows into its top bit from WORD - n * EACH; a byte that had
 * its top bit set before is none. */
static bool
wire_is_text (struct bytes bytes)
{
    const uint64_t each = UINT64_MAX / 0xff; /* 0x0101010101010101 */
    uint64_t controls = 0;
    size_t i = 0;

    for (; bytes.size - i >= sizeof controls; i += sizeof controls) {
        uint64_t word;
        memcpy (&word, bytes.data + i, sizeof word);
        uint64_t not_delete = word ^ each * 0x7f;
        controls |= (word - each * 0x20) & ~word;
        controls |= (not_delete - each) & ~not_delete;
    }
    if ((controls & each * 0x80) != 0)
        return false;
    for (; i < bytes.size; i++)
        if (wire_is_control (bytes.data[i]))
            return false;
    return true;
}

/* What msgpack-c calls with each piece; its own rule is 0 for success. */
static int
wire_append (void *out, const char *data, size_t size)
{
    return buffer_append (out, bytes_of (data, size));
}

static msgpack_packer
wire_packer (struct buffer *out)
{
    msgpack_packer packer;

    msgpack_packer_init (&packer, out, wire_append);
    return packer;
}

static struct bytes
wire_after (struct bytes bytes, size_t size)
{
    return bytes_of (bytes.data + size, bytes.size - size);
}

/* Sets the big-endian number of SIZE bytes that follows the first byte of IN.
 * Returns false when it is not all there. */
static bool
wire_peek_number (struct bytes in, size_t size, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (in.size - 1 < size)
        return false;
    for (size_t i = 1; i <= size; i++)
        number = number << 8 | in.data[i];
    *ret_number = number;
    return true;
}

static bool
wire_read_integer (struct bytes *in, struct wire_integer *ret_integer)
{
    if (in->size == 0)
        return false;

    uint8_t tag = in->data[0];
    size_t size = 0;
    uint64_t bits = tag;
    bool negative = false;
    if (tag >= TAG_NEGATIVE_FIXINT) {
        negative = true;
        bits = UINT64_MAX << 8 | tag;
    } else if (tag >= TAG_UINT8 && tag <= TAG_UINT64) {
        size = (size_t)1 << (tag - TAG_UINT8);
        if (!wire_peek_number (*in, size, &bits))
            return false;
    } else if (tag >= TAG_INT8 && tag <= TAG_INT64) {
        size = (size_t)1 << (tag - TAG_INT8);
        if (!wire_peek_number (*in, size, &bits))
            return false;
        negative = bits >> (size * 8 - 1) != 0;
        if (negative && size < sizeof bits)
            bits |= UINT64_MAX << (size * 8);
    } else if (tag > TAG_FIXINT_LAST)
        return false;

    *ret_integer = (struct wire_integer){.bits = bits, .negative = negative};
    *in = wire_after (*in, 1 + size);
    return true;
}

/* Takes SIZE bytes, said by a head of HEAD_SIZE bytes, if they are no more
 * than MAX_SIZE and all there. */
static bool
wire_take (struct bytes *in, size_t head_size, uint64_t size, size_t max_size,
           struct bytes *ret_value)
{
    if (size > max_size || size > in->size - head_size)
        return false;
    *ret_value = bytes_of (in->data + head_size, (size_t)size);
    *in = wire_after (*in, head_size + (size_t)size);
    return true;
}

bool
wire_write_array (struct buffer *out, size_t count)
{
    msgpack_packer packer = wire_packer (out);
    return msgpack_pack_array (&packer, count) == 0;
}

bool
wire_write_u64 (struct buffer *out, uint64_t value)
{
    msgpack_packer packer = wire_packer (out);
    return msgpack_pack_uint64 (&packer, value) == 0;
}

bool
wire_write_i64 (struct buffer *out, int64_t value)
{
    msgpack_packer packer = wire_packer (out);
    return msgpack_pack_int64 (&packer, value) == 0;
}

bool
wire_write_bool (struct buffer *out, bool value)
{
    msgpack_packer packer = wire_packer (out);
    return (value ? msgpack_pack_true (&packer) : msgpack_pack_false (&packer))
           == 0;
}

bool
wire_write_bin (struct buffer *out, struct bytes value)
{
    msgpack_packer packer = wire_packer (out);
    return msgpack_pack_bin_with_body (&packer, value.data, value.size) == 0;
}

bool
wire_write_text (struct buffer *out, struct bytes value)
{
    msgpack_packer packer = wire_packer (out);
    if (wire_is_text (value))
        return msgpack_pack_str_with_body (&packer, value.data, value.size)
               == 0;

    bool written = msgpack_pack_str (&packer, value.size) == 0;
    for (size_t i = 0; written && i < value.size; i++) {
        uint8_t byte = wire_is_control (value.data[i]) ? '?' : value.data[i];
        written = msgpack_pack_str_body (&packer, &byte, 1) == 0;
    }
    return written;
}

bool
wire_read_list (struct bytes *in, size_t least, size_t most, size_t *ret_count)
{
    if (in->size == 0)
        return false;

    uint8_t tag = in->data[0];
    size_t size = 0;
    uint64_t count = tag & 0x0f;
    if (tag == TAG_ARRAY16 || tag == TAG_ARRAY32) {
        size = tag == TAG_ARRAY16 ? 2 : 4;
        if (!wire_peek_number (*in, size, &count))
            return false;
    } else if ((tag & 0xf0) != TAG_FIXARRAY)
        return false;

    struct bytes rest = wire_after (*in, 1 + size);
    /* Each value is a byte at least. */
    if (count < least || count > most || count > rest.size)
        return false;
    *ret_count = (size_t)count;
    *in = rest;
    return true;
}

bool
wire_read_array (struct bytes *in, size_t count)
{
    return wire_read_list (in, count, count, &count);
}

bool
wire_read_u64 (struct bytes *in, uint64_t *ret_value)
{
    struct bytes rest = *in;
    struct wire_integer integer;

    if (!wire_read_integer (&rest, &integer) || integer.negative)
        return false;
    *ret_value = integer.bits;
    *in = rest;
    return true;
}

/* An unsigned integer of at most MOST. */
static bool
wire_read_at_most (struct bytes *in, uint64_t most, uint64_t *ret_value)
{
    struct bytes rest = *in;
    uint64_t value;

    if (!wire_read_u64 (&rest, &value) || value > most)
        return false;
    *ret_value = value;
    *in = rest;
    return true;
}

bool
wire_read_u32 (struct bytes *in, uint32_t *ret_value)
{
    uint64_t value;

    if (!wire_read_at_most (in, UINT32_MAX, &value))
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

bool
wire_read_u8 (struct bytes *in, uint8_t *ret_value)
{
    uint64_t value;

    if (!wire_read_at_most (in, UINT8_MAX, &value))
        return false;
    *ret_value = (uint8_t)value;
    return true;
}

bool
wire_read_i64 (struct bytes *in, int64_t *ret_value)
{
    struct bytes rest = *in;
    struct wire_integer integer;

    if (!wire_read_integer (&rest, &integer)
        || (!integer.negative && integer.bits > INT64_MAX))
        return false;
    *ret_value = (int64_t)integer.bits;
    *in = rest;
    return true;
}

bool
wire_read_i32 (struct bytes *in, int32_t *ret_value)
{
    struct bytes rest = *in;
    int64_t value;

    if (!wire_read_i64 (&rest, &value) || value < INT32_MIN
        || value > INT32_MAX)
        return false;
    *ret_value = (int32_t)value;
    *in = rest;
    return true;
}

bool
wire_read_bool (struct bytes *in, bool *ret_value)
{
    if (in->size == 0 || (in->data[0] != TAG_FALSE && in->data[0] != TAG_TRUE))
        return false;
    *ret_value = in->data[0] == TAG_TRUE;
    *in = wire_after (*in, 1);
    return true;
}

bool
wire_read_bin (struct bytes *in, size_t max_size, struct bytes *ret_value)
{
    if (in->size == 0 || in->data[0] < TAG_BIN8 || in->data[0] > TAG_BIN32)
        return false;

    size_t width = (size_t)1 << (in->data[0] - TAG_BIN8);
    uint64_t size;
    return wire_peek_number (*in, width, &size)
           && wire_take (in, 1 + width, size, max_size, ret_value);
}

bool
wire_read_text (struct bytes *in, size_t max_size, struct bytes *ret_value)
{
    if (in->size == 0)
        return false;

    uint8_t tag = in->data[0];
    size_t width = 0;
    uint64_t size = tag & 0x1f;
    if (tag >= TAG_STR8 && tag <= TAG_STR32) {
        width = (size_t)1 << (tag - TAG_STR8);
        if (!wire_peek_number (*in, width, &size))
            return false;
    } else if ((tag & 0xe0) != TAG_FIXSTR)
        return false;

    struct bytes rest = *in;
    struct bytes text;
    if (!wire_take (&rest, 1 + width, size, max_size, &text)
        || !wire_is_text (text))
        return false;
    *ret_value = text;
    *in = rest;
    return true;
}
