/* SPDX-License-Identifier: MIT */
/* govrelay - the tool: keys, signing, sending, tapping.
 *
 *   in   a command line, standard input
 *   out  an answer on standard output, problems on standard error, an exit code
 *   owns the process: its signals and its standard streams
 *
 * Next on the tour: tools/commands.c
 */
#include <czmq.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/commands.h"

/* Colour is for people who want it (https://no-color.org). */
static bool
wants_colour (int fd)
{
    const char *no_colour = getenv ("NO_COLOR");
    const char *terminal = getenv ("TERM");

    return isatty (fd) == 1 && (no_colour == NULL || *no_colour == '\0')
           && terminal != NULL && strcmp (terminal, "dumb") != 0;
}

int
main (int argc, char **argv)
{
    struct tool tool = {
        .input = STDIN_FILENO,
        .output = stdout,
        .errors = stderr,
        .home = getenv ("HOME"),
        .colour = wants_colour (STDOUT_FILENO),
    };

    /* CZMQ would take Ctrl-C for itself. */
    zsys_handler_set (NULL);
    if (sodium_init () < 0) {
        (void)fprintf (stderr, "govrelay: no source of random bytes\n");
        return TOOL_NO;
    }
    return commands_run (&tool, argv + (argc > 0),
                         argc > 0 ? (size_t)argc - 1 : 0);
}
