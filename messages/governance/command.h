/* SPDX-License-Identifier: MIT */
/* command - the four governance commands and their sizes (PROTOCOL 3.1). */
#pragma once

#include "base.h"

/*      NAME        command       largest payload, bytes */
#define GOVERNANCE_COMMANDS(X)                                                 \
    X (ECONREG, "econreg", 65536)                                              \
    X (ECONVETO, "econveto", 4096)                                             \
    X (ECONFORK, "econfork", 4096)                                             \
    X (ECONSTATUS, "econstatus", 4096)

enum command {
#define X(NAME, name, size) COMMAND_##NAME,
    GOVERNANCE_COMMANDS (X)
#undef X
        COMMANDS_
};

/* The largest payload of any governance command, in bytes. */
#define GOVERNANCE_PAYLOAD_MAX 65536

/* Returns the command as it stands in a P2P header, "econveto". */
const char *command_name (enum command command);

/* Returns the largest payload of COMMAND in bytes. */
size_t command_max_size (enum command command);

/* Returns 0 and sets *ret_command, or -ENOENT for any other text. */
int command_from_name (struct bytes name, enum command *ret_command);
