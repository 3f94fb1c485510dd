/* SPDX-License-Identifier: MIT */
/* cmd - the commands of govrelay, each with its options. The table that names
 * them is in tools/commands.c. Each returns an enum tool_exit. */
#pragma once

#include "tools/tool.h"

extern const struct option_row key_new_options[];
int cmd_key_new (struct tool *tool, const struct arguments *arguments);
extern const struct option_row key_show_options[];
int cmd_key_show (struct tool *tool, const struct arguments *arguments);

extern const struct option_row sign_registration_options[];
int cmd_sign_registration (struct tool *tool,
                           const struct arguments *arguments);
extern const struct option_row sign_veto_options[];
int cmd_sign_veto (struct tool *tool, const struct arguments *arguments);
extern const struct option_row sign_fork_options[];
int cmd_sign_fork (struct tool *tool, const struct arguments *arguments);
extern const struct option_row attach_options[];
int cmd_attach (struct tool *tool, const struct arguments *arguments);

extern const struct option_row verify_options[];
int cmd_verify (struct tool *tool, const struct arguments *arguments);

extern const struct option_row send_options[];
int cmd_send (struct tool *tool, const struct arguments *arguments);
extern const struct option_row status_options[];
int cmd_status (struct tool *tool, const struct arguments *arguments);

extern const struct option_row tap_options[];
int cmd_tap (struct tool *tool, const struct arguments *arguments);
