/* SPDX-License-Identifier: MIT */
/* config_layers - the four sources of a configuration, one over the other:
 * defaults < file < environment < flags.
 *
 * Within supervisor/config*.c only. Each returns 0 or -ENOMEM; what is wrong
 * with the operator's words goes to PROBLEMS, and reading goes on.
 */
#pragma once

#include "supervisor/config.h"
#include "supervisor/config_option.h"

/* Largest configuration file; 8,192 keys of 75 bytes fit well. */
#define CONFIG_FILE_MAX 1048576

/* Where the value of one option came from. */
struct config_origin {
    char *place;  /* as in a problem; NULL: the default; owned */
    bool refused; /* some source had a value for it that was wrong */
};

/* Returns the origin of OPTION, which is in CONFIG. */
struct config_origin *config_origin_of (const struct config *config,
                                        const struct config_option *option);

int config_layer_defaults (struct config *config);

/* FILE: as --config gave it, or the one in the datadir (REQUIRED says which:
 * only the first must exist). *ret_read: the file was there and is TOML, or
 * was not needed. */
int config_layer_file (struct config *config, const char *file, bool required,
                       bool *ret_read, struct config_problems *problems);

int config_layer_environment (struct config *config, char *const *environment,
                              struct config_problems *problems);

int config_layer_flags (struct config *config,
                        const struct config_override *override, size_t count,
                        struct config_problems *problems);
