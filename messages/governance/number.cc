// SPDX-License-Identifier: MIT
// number - a double as PROTOCOL 3.4 lays it out.
//
//   in   a finite double
//   out  "the shortest decimal that reads back as the same double"
//   owns nothing
//
// C has no shortest round trip; std::to_chars does, without locale, heap or
// exceptions. base.h is C, so canonical.h cannot be included: the declaration
// below repeats canonical_number, and the tests hold the two together.
#include <charconv>
#include <cstddef>
#include <cstring>

namespace
{
// What std::to_chars says in scientific form, taken apart.
struct decimal {
    bool negative;
    char digits[20]; // first one not 0, unless the value is zero
    int count;       // of digits
    int point;       // the decimal point stands after this many digits
};

decimal
decimal_of (double value)
{
    char text[32];
    const char *end = std::to_chars (text, text + sizeof text, value,
                                     std::chars_format::scientific)
                          .ptr;
    const char *at = text;
    decimal result = {};

    result.negative = *at == '-';
    if (result.negative)
        at++;
    for (; *at != 'e'; at++)
        if (*at != '.')
            result.digits[result.count++] = *at;
    at++; // the e; a + is nothing that from_chars reads
    if (*at == '+')
        at++;
    std::from_chars (at, end, result.point);
    result.point++;
    return result;
}

char *
put (char *to, const char *from, int count)
{
    std::memcpy (to, from, static_cast<size_t> (count));
    return to + count;
}

char *
put_zeros (char *to, int count)
{
    std::memset (to, '0', static_cast<size_t> (count));
    return to + count;
}

// 12.34, 5.0, 100.0: the point is inside the digits or behind them.
char *
put_plain (char *to, const decimal &d)
{
    int whole = d.point < d.count ? d.point : d.count;

    to = put (to, d.digits, whole);
    to = put_zeros (to, d.point - whole);
    *to++ = '.';
    if (whole == d.count)
        return put_zeros (to, 1);
    return put (to, d.digits + whole, d.count - whole);
}

// 0.00001234: the point is before the digits.
char *
put_small (char *to, const decimal &d)
{
    to = put (to, "0.", 2);
    to = put_zeros (to, -d.point);
    return put (to, d.digits, d.count);
}

// 1e16, 1.234e-7: no sign before a positive exponent, no leading zero.
char *
put_scientific (char *to, const decimal &d)
{
    *to++ = d.digits[0];
    if (d.count > 1) {
        *to++ = '.';
        to = put (to, d.digits + 1, d.count - 1);
    }
    *to++ = 'e';
    return std::to_chars (to, to + 8, d.point - 1).ptr;
}
} // namespace

extern "C" size_t canonical_number (double value, char ret_text[32]);

size_t
canonical_number (double value, char ret_text[32])
{
    decimal d = decimal_of (value);
    char *to = ret_text;

    // PROTOCOL 3.4: "0 < kk ≤ 16"; the longest result of the three has 24
    // characters, a sign included.
    if (d.negative)
        *to++ = '-';
    if (0 < d.point && d.point <= 16)
        to = put_plain (to, d);
    else if (-5 < d.point && d.point <= 0)
        to = put_small (to, d);
    else
        to = put_scientific (to, d);
    *to = '\0';
    return static_cast<size_t> (to - ret_text);
}
