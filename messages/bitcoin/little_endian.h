/* SPDX-License-Identifier: MIT */
/* little_endian - integers as Bitcoin writes them, on any machine. */
#pragma once

#include "base.h"

static inline uint64_t
little_endian_read (const uint8_t *from, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

static inline void
little_endian_write (uint8_t *ret, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++)
        ret[i] = (uint8_t)(value >> (8 * i));
}
