/* SPDX-License-Identifier: MIT */
/* hex - bytes as lower-case hexadecimal text, and nothing but lower case.
 *
 *   in   bytes, or text from anywhere
 *   out  text, or bytes
 *   owns nothing
 *
 * One spelling per value: keys and signatures are compared and signed as text
 * (PROTOCOL 4: "Upper-case hex, uncompressed keys, DER, high s: refused").
 */
#include "hex.h"

/* The value of each character plus one; 0 for what is no lower-case digit. */
static const uint8_t hex_value_plus_1[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
    ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
    ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

void
hex_encode (struct bytes data, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < data.size; i++) {
        ret_text[2 * i] = digits[data.data[i] >> 4];
        ret_text[2 * i + 1] = digits[data.data[i] & 15];
    }
    ret_text[2 * data.size] = '\0';
}

bool
hex_is_text (struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (hex_value_plus_1[text.data[i]] == 0)
            return false;
    return true;
}

int
hex_decode (struct bytes text, uint8_t *ret_data, size_t size)
{
    if (text.size % 2 != 0 || text.size / 2 != size || !hex_is_text (text))
        return -EINVAL;

    for (size_t i = 0; i < size; i++) {
        unsigned high = hex_value_plus_1[text.data[2 * i]] - 1u;
        unsigned low = hex_value_plus_1[text.data[2 * i + 1]] - 1u;
        ret_data[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}
