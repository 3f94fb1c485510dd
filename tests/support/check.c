/* SPDX-License-Identifier: MIT */
/* check - checks that say what was expected, in words.
 *
 *   in   values, and what they should be
 *   out  nothing, or a failed test with a sentence
 *   owns nothing
 */
#include "check.h"

#include <stdio.h>

/* Returns "0", "-11 (EAGAIN)". */
static const char *
check_error_text (int value, char buffer[64])
{
    const char *name = value < 0 ? strerrorname_np (-value) : NULL;
    snprintf (buffer, 64, name ? "%d (-%s)" : "%d", value, name);
    return buffer;
}

void
check_error (int value, int expected, const char *text, const char *file,
             int line)
{
    char is[64], should[64];
    if (value == expected)
        return;
    print_error ("%s = %s, expected %s\n", text, check_error_text (value, is),
                 check_error_text (expected, should));
    _fail (file, line);
}

static const char *
check_verdict_text (enum verdict verdict)
{
    return (unsigned)verdict < VERDICTS_ ? verdict_name (verdict) : "none";
}

void
check_verdict (enum verdict value, enum verdict expected, const char *text,
               const char *file, int line)
{
    if (value == expected)
        return;
    print_error ("%s is %s, expected %s\n", text, check_verdict_text (value),
                 check_verdict_text (expected));
    _fail (file, line);
}

void
check_bytes (struct bytes value, struct bytes expected, const char *text,
             const char *file, int line)
{
    if (bytes_equal (value, expected))
        return;
    print_error ("%s is %zu bytes \"%.*s\", expected %zu bytes \"%.*s\"\n",
                 text, value.size, (int)value.size,
                 value.data ? (const char *)value.data : "", expected.size,
                 (int)expected.size, (const char *)expected.data);
    _fail (file, line);
}
