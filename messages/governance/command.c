/* SPDX-License-Identifier: MIT */
/* command - the four governance commands and their sizes (PROTOCOL 3.1).
 *
 *   in   a command, or its text
 *   out  text and size, or a command
 *   owns nothing
 *
 * Next on the tour: messages/governance/message.c
 */
#include "messages/governance/command.h"

struct command_row {
    const char *name;
    size_t max_size; /* bytes of payload */
};

static const struct command_row command_rows[] = {
#define X(NAME, name, size) {name, size},
    GOVERNANCE_COMMANDS (X)
#undef X
};

const char *
command_name (enum command command)
{
    assert ((unsigned)command < COMMANDS_);
    return command_rows[command].name;
}

size_t
command_max_size (enum command command)
{
    assert ((unsigned)command < COMMANDS_);
    return command_rows[command].max_size;
}

int
command_from_name (struct bytes name, enum command *ret_command)
{
    for (size_t i = 0; i < ARRAY_SIZE (command_rows); i++)
        if (bytes_equal (name, bytes_of_text (command_rows[i].name))) {
            *ret_command = (enum command)i;
            return 0;
        }
    return -ENOENT;
}
