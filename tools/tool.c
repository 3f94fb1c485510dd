/* SPDX-License-Identifier: MIT */
/* tool - how every command of govrelay speaks, and reads its options.
 *
 *   in   text, JSON, options
 *   out  lines on standard output and standard error
 *   owns nothing
 *
 * Next on the tour: tools/options.c
 */
#include "tools/tool.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#define CHARACTER_NONE 0xfffd

/* Characters that reorder or hide what stands beside them; with the controls,
 * all that text can do to the line it is printed on. */
static bool
character_is_unsafe (uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0)
           || (character >= 0x200b && character <= 0x200f)
           || (character >= 0x2028 && character <= 0x202e)
           || (character >= 0x2060 && character <= 0x206f)
           || character == 0xfeff || character == CHARACTER_NONE;
}

/* Takes one character off the front of *AT; a byte that is no UTF-8 counts as
 * CHARACTER_NONE. */
static uint32_t
character_next (const char **at)
{
    const uint8_t *byte = (const uint8_t *)*at;
    size_t more = byte[0] >= 0xf0   ? 3
                  : byte[0] >= 0xe0 ? 2
                  : byte[0] >= 0xc2 ? 1
                                    : 0;
    uint32_t character = more == 0 ? byte[0] : byte[0] & (0x3fU >> more);
    bool valid = byte[0] < 0x80 || (more > 0 && byte[0] < 0xf5);

    for (size_t i = 1; i <= more && valid; i++) {
        valid = (byte[i] & 0xc0) == 0x80;
        character = character << 6 | (byte[i] & 0x3fU);
    }
    *at += valid ? more + 1 : 1;
    return valid ? character : CHARACTER_NONE;
}

void
text_print (FILE *file, const char *text)
{
    while (*text != '\0') {
        const char *start = text;
        uint32_t character = character_next (&text);

        if (character_is_unsafe (character))
            (void)fprintf (file, "\\u%04x", (unsigned)character);
        else
            (void)fwrite (start, 1, (size_t)(text - start), file);
    }
}

/* One line, whatever FORMAT's arguments hold: they may quote a file. */
static void
tool_complain (struct tool *tool, const char *format, va_list list)
{
    char *text = NULL;

    if (vasprintf (&text, format, list) < 0)
        return;
    (void)fprintf (tool->errors,
                   "govrelay%s%s: ", tool->command != NULL ? " " : "",
                   tool->command != NULL ? tool->command : "");
    text_print (tool->errors, text);
    (void)fputc ('\n', tool->errors);
    free (text);
}

int
tool_usage (struct tool *tool, const char *format, ...)
{
    va_list list;

    va_start (list, format);
    tool_complain (tool, format, list);
    va_end (list);
    (void)fprintf (tool->errors, "See: govrelay help%s%s\n",
                   tool->command != NULL ? " " : "",
                   tool->command != NULL ? tool->command : "");
    return TOOL_USAGE;
}

int
tool_fail (struct tool *tool, enum tool_exit code, const char *format, ...)
{
    va_list list;

    va_start (list, format);
    tool_complain (tool, format, list);
    va_end (list);
    return (int)code;
}

int
tool_print_json (struct tool *tool, json_t *object)
{
    char *text = object != NULL
                     ? json_dumps (object, JSON_COMPACT | JSON_ENSURE_ASCII)
                     : NULL;

    json_decref (object);
    if (text == NULL)
        return tool_fail (tool, TOOL_NO, "out of memory");
    (void)fprintf (tool->output, "%s\n", text);
    (void)fflush (tool->output);
    free (text);
    return TOOL_YES;
}

void
tool_print_row (struct tool *tool, const char *name, const char *value)
{
    (void)fprintf (tool->output, "%-17s ", name);
    text_print (tool->output, value);
    (void)fputc ('\n', tool->output);
}

int
tool_integer (struct tool *tool, const struct arguments *arguments, size_t row,
              int64_t min, int64_t max, int64_t fallback, int64_t *ret)
{
    const char *text = arguments->option[row];

    if (text == NULL)
        *ret = fallback;
    else if (integer_read (text, min, max, ret) != 0)
        return tool_usage (
            tool, "--%s: '%s' is no whole number from %lld to %lld",
            tool->options[row].name, text, (long long)min, (long long)max);
    return TOOL_YES;
}

int
tool_network (struct tool *tool, const struct arguments *arguments, size_t row,
              enum network *ret)
{
    const char *text = arguments->option[row];

    if (text == NULL || network_from_name (text, ret) == 0)
        return TOOL_YES;
    return tool_usage (tool,
                       "--%s: '%s' is no network; "
                       "it is one of main test testnet4 signet regtest",
                       tool->options[row].name, text);
}

int
tool_target (struct tool *tool, const char *text, enum network network,
             struct target *ret)
{
    if (target_read (text, network, ret) == 0)
        return TOOL_YES;
    return tool_usage (tool,
                       "'%s' is no HOST:PORT; an IPv6 address goes into "
                       "brackets: [::1]:%u",
                       text, network_port (network));
}

int
tool_require (struct tool *tool, const struct arguments *arguments,
              const size_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (arguments->option[rows[i]] == NULL)
            return tool_usage (tool, "--%s %s is missing",
                               tool->options[rows[i]].name,
                               tool->options[rows[i]].value);
    return TOOL_YES;
}

struct moment
clock_moment (void)
{
    struct timespec mono, real;

    (void)clock_gettime (CLOCK_MONOTONIC, &mono);
    (void)clock_gettime (CLOCK_REALTIME, &real);
    return (struct moment){
        .mono = {.us = mono.tv_sec * SECOND_US + mono.tv_nsec / 1000},
        .unix_us = real.tv_sec * SECOND_US + real.tv_nsec / 1000,
    };
}

int64_t
clock_unix_s (void)
{
    return moment_unix_s (clock_moment ());
}
