/* SPDX-License-Identifier: MIT */
/* config_problems - what is wrong with a configuration, all of it at once.
 *
 *   in   places and sentences
 *   out  a bounded list of lines
 *   owns the lines
 *
 * Next on the tour: supervisor/config_option.h
 */
#include "supervisor/config_problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
config_problems_add (struct config_problems *problems, const char *place,
                     const char *format, ...)
{
    char what[1024]; /* one line; a longer one is cut */
    char *line;
    va_list arguments;

    va_start (arguments, format);
    vsnprintf (what, sizeof (what), format, arguments);
    va_end (arguments);

    if (problems->count == CONFIG_PROBLEMS_MAX
        || asprintf (&line, "%s: %s", place, what) < 0) {
        problems->omitted++;
        return;
    }
    problems->text[problems->count++] = line;
}

size_t
config_problems_total (const struct config_problems *problems)
{
    return problems->count + problems->omitted;
}

void
config_problems_done (struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        free (problems->text[i]);
    *problems = (struct config_problems){0};
}
