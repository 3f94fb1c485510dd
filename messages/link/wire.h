/* SPDX-License-Identifier: MIT */
/* wire - msgpack, one value at a time: what link messages are made of.
 *
 * Both halves are meant to be chained with && : the first value that cannot be
 * written or is not as it should be ends the chain.
 */
#pragma once

#include "base.h"
#include "buffer.h"

/* Each appends one value to OUT, in msgpack's shortest form. Returns false when
 * there is no memory; OUT may then hold a part of the value. */
bool wire_write_array (struct buffer *out, size_t count);
bool wire_write_u64 (struct buffer *out, uint64_t value);
bool wire_write_i64 (struct buffer *out, int64_t value);
bool wire_write_bool (struct buffer *out, bool value);
bool wire_write_bin (struct buffer *out, struct bytes value);

/* The same for text. A control character, which no reader would take, is
 * written as '?': last words with a line break in them must arrive. */
bool wire_write_text (struct buffer *out, struct bytes value);

/* Each takes one value off the front of IN, in any form that msgpack has for
 * it. Returns false when the bytes are too few, of another type or out of
 * range; IN and what would have been set are then as they were. Nothing is
 * allocated or copied: sizes are checked against the bytes that are there. */

/* The head of an array of exactly COUNT values. */
bool wire_read_array (struct bytes *in, size_t count);

/* The head of an array of LEAST to MOST values. */
bool wire_read_list (struct bytes *in, size_t least, size_t most,
                     size_t *ret_count);

bool wire_read_u64 (struct bytes *in, uint64_t *ret_value);
bool wire_read_u32 (struct bytes *in, uint32_t *ret_value);
bool wire_read_u8 (struct bytes *in, uint8_t *ret_value);
bool wire_read_i64 (struct bytes *in, int64_t *ret_value);
bool wire_read_i32 (struct bytes *in, int32_t *ret_value);
bool wire_read_bool (struct bytes *in, bool *ret_value);

/* At most MAX_SIZE bytes, a view into IN. */
bool wire_read_bin (struct bytes *in, size_t max_size, struct bytes *ret_value);

/* At most MAX_SIZE bytes without control characters (below 0x20, or 0x7f), a
 * view into IN. */
bool wire_read_text (struct bytes *in, size_t max_size,
                     struct bytes *ret_value);
