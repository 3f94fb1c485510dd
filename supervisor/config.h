/* SPDX-License-Identifier: MIT */
/* config - what the operator wants, checked: defaults < file < environment <
 * flags, from the one table options.def.
 *
 * `config->node_max_inbound` is the option node.max_inbound. A configuration
 * is loaded whole or not at all and never changes afterwards: a reload loads a
 * second one and compares.
 */
#pragma once

#include <stdio.h>

#include "base.h"
#include "supervisor/config_problems.h"

struct string_list {
    char **item; /* owned, each as well */
    size_t count;
};

/* One end of a link that leaves the daemon. */
struct config_link {
    char *endpoint; /* "tcp://10.0.0.1:7101"; owned */
    char *key;      /* Z85 key of the binder; NULL: we are the binder; owned */
};

struct config_links {
    struct config_link *item; /* owned */
    size_t count;
};

#define CONFIG_FIELD_BOOL bool
#define CONFIG_FIELD_INTEGER int64_t
#define CONFIG_FIELD_CHOICE char *
#define CONFIG_FIELD_STRING char *
#define CONFIG_FIELD_PATH char *
#define CONFIG_FIELD_STRINGS struct string_list
#define CONFIG_FIELD_LINKS struct config_links

struct config_origin;

struct config {
    /* The options; texts and lists are owned and never NULL. */
#define TABLE(table, help)
#define OPTION(table, key, TYPE, WHEN, preset, check, help)                    \
    CONFIG_FIELD_##TYPE table##_##key;
#include "supervisor/options.def"
#undef OPTION
#undef TABLE
    char *network_dir;            /* see config_network_dir; owned */
    struct config_origin *origin; /* one per option; owned */
};

/* A flag of the command line that sets an option. */
struct config_override {
    const char *name;  /* of the option, "node.datadir"; borrowed */
    const char *flag;  /* as it was given, "--datadir"; borrowed */
    const char *value; /* borrowed */
};

struct config_request {
    const char *file; /* --config; NULL: govrelay.toml in the datadir, if any */
    const struct config_override *override; /* in the order given */
    size_t override_count;
    char *const *environment; /* NAME=VALUE, NULL at the end; may be NULL */
    const char *home;         /* for a leading ~/; may be NULL */
};

/* Loads a configuration. PROBLEMS gets everything that is wrong with it.
 *
 * Returns: 0, -EINVAL (see PROBLEMS) or -ENOMEM.
 * Out:     *ret_config, for config_destroy; left alone on failure.
 */
int config_load (const struct config_request *request,
                 struct config **ret_config, struct config_problems *problems);

/* Frees *CONFIG, if any, and sets it to NULL. */
void config_destroy (struct config **config);

/* Returns <datadir>/<network>, where everything of this daemon is; borrowed. */
const char *config_network_dir (const struct config *config);

/* Returns where the value of option NAME ("node.listen") came from: "default",
 * "FILE:LINE:COLUMN", "environment NAME" or "--flag"; NULL when there is no
 * such option. Borrowed. */
const char *config_origin (const struct config *config, const char *name);

/* Prints the options as flags, for --help. */
void config_print_help (FILE *out);

/* Prints a commented govrelay.toml in which every option is at its default. */
void config_print_sample (FILE *out);

/* Prints every value with its origin, as TOML with comments. */
void config_print_origins (FILE *out, const struct config *config);
