/* SPDX-License-Identifier: MIT */
/* arguments - the command line of govrelayd.
 *
 *   govrelayd [--config FILE] [--datadir DIR] [--network NAME] [--stages LIST]
 *             [--isolate] [--check-config] [--version] [--help]
 *             [--<table>.<key>=VALUE ...]
 */
#pragma once

#include "supervisor/config.h"

struct arguments {
    const char *config_file; /* --config, or NULL; borrowed from argv */
    const char *stages;      /* --stages as written, or NULL; borrowed */
    bool isolate;            /* each stage is a process */
    bool check_config;
    bool version;
    bool help;
    /* Flags that set options, in order; the array is owned, its texts are
     * borrowed from argv. */
    struct config_override *override;
    size_t override_count;
};

/* Reads the command line; argv[0] is skipped. Both --x=VALUE and --x VALUE. Of
 * a flag given twice the last counts; lists add up. ARGV must outlive *RET.
 *
 * Returns: 0, -EINVAL (wrong usage, see PROBLEMS) or -ENOMEM.
 * Out:     *ret, for arguments_done; left alone on failure.
 */
int arguments_parse (int argc, char *const *argv, struct arguments *ret,
                     struct config_problems *problems);

/* Frees the array. */
void arguments_done (struct arguments *arguments);

/* Prints the usage and every option. */
void arguments_print_help (FILE *out);
