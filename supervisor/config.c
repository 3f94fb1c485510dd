/* SPDX-License-Identifier: MIT */
/* config - what the operator wants, checked: defaults < file < environment <
 * flags.
 *
 *   in   a request of main: flags, environment, HOME; a TOML file
 *   out  a whole struct config, or everything that is wrong
 *   owns nothing
 *
 * Next on the tour: supervisor/options.def, then supervisor/config_layers.c
 */
#include "supervisor/config.h"

#include <stdlib.h>

#include "supervisor/config_check.h"
#include "supervisor/config_layers.h"
#include "supervisor/config_value.h"
#include "supervisor/secret.h"

#define FILE_NAME "govrelay.toml"

static void
text_free (char **text)
{
    free (*text);
}

static int
config_create (struct config **ret_config)
{
    struct config *config = calloc (1, sizeof (*config));
    if (config == NULL)
        return -ENOMEM;
    config->origin = calloc (config_options_count, sizeof (*config->origin));
    int rc = config->origin != NULL ? config_layer_defaults (config) : -ENOMEM;
    if (rc != 0) {
        config_destroy (&config);
        return rc;
    }
    *ret_config = config;
    return 0;
}

void
config_destroy (struct config **config)
{
    if (*config == NULL)
        return;
    for (size_t i = 0; i < config_options_count; i++) {
        struct config_value value =
            config_value_view (&config_options[i], *config);
        config_value_done (&value);
        if ((*config)->origin != NULL)
            free ((*config)->origin[i].place);
    }
    free ((*config)->origin);
    free ((*config)->network_dir);
    free (*config);
    *config = NULL;
}

/* Makes PATH with HOME for a leading ~ and without slashes at its end. Returns
 * 0, -ENOENT when HOME is needed and unknown, or -ENOMEM. */
static int
path_expand (const char *path, const char *home, char **ret_path)
{
    bool tilde = path[0] == '~' && (path[1] == '/' || path[1] == '\0');
    char *expanded;

    if (tilde && (home == NULL || *home == '\0'))
        return -ENOENT;
    if (asprintf (&expanded, "%s%s", tilde ? home : "", path + (tilde ? 1 : 0))
        < 0)
        return -ENOMEM;
    size_t size = strlen (expanded);
    while (size > 1 && expanded[size - 1] == '/')
        expanded[--size] = '\0';
    *ret_path = expanded;
    return 0;
}

static int
config_expand_paths (struct config *config, const char *home,
                     struct config_problems *problems)
{
    for (size_t i = 0; i < config_options_count; i++) {
        const struct config_option *option = &config_options[i];
        struct config_value value = config_value_view (option, config);
        struct config_value expanded = {0};

        if (option->type != OPTION_PATH || *value.text == '\0')
            continue;
        int rc = path_expand (value.text, home, &expanded.text);
        if (rc == -ENOMEM)
            return rc;
        if (rc != 0) {
            config_origin_of (config, option)->refused = true;
            config_problems_add (problems, config_origin (config, option->name),
                                 "%s: HOME is not known; write the whole path",
                                 option->name);
            continue;
        }
        config_value_store (option, config, &expanded);
    }
    return 0;
}

/* The datadir before the file in it is read: of the flags, else of the
 * environment, else the default. */
static const char *
datadir_before_file (const struct config_request *request)
{
    const char *datadir =
        environment_find (request->environment, "GOVRELAY_NODE_DATADIR");

    for (size_t i = 0; i < request->override_count; i++)
        if (strcmp (request->override[i].name, "node.datadir") == 0)
            datadir = request->override[i].value;
    if (datadir == NULL)
        datadir = config_option_find ("node.datadir")->preset;
    return datadir;
}

static int
config_read_file (struct config *config, const struct config_request *request,
                  bool *ret_read, struct config_problems *problems)
{
    owned (text_free) char *datadir = NULL;
    owned (text_free) char *file = NULL;

    if (request->file != NULL)
        return config_layer_file (config, request->file, true, ret_read,
                                  problems);
    *ret_read = true;
    int rc =
        path_expand (datadir_before_file (request), request->home, &datadir);
    if (rc == -ENOMEM)
        return rc;
    if (rc != 0 || *datadir == '\0')
        return 0; /* reported with the value itself */
    if (asprintf (&file, "%s/" FILE_NAME, datadir) < 0) {
        file = NULL;
        return -ENOMEM;
    }
    return config_layer_file (config, file, false, ret_read, problems);
}

static int
config_finish (struct config *config, const char *home, bool all_read,
               struct config_problems *problems)
{
    int rc = config_expand_paths (config, home, problems);
    if (rc != 0)
        return rc;
    /* A file of which half is missing breaks rules that it may well keep. */
    if (all_read)
        config_check_together (config, problems);
    if (asprintf (&config->network_dir, "%s/%s", config->node_datadir,
                  config->node_network)
        < 0) {
        config->network_dir = NULL;
        return -ENOMEM;
    }
    return config_problems_total (problems) > 0 ? -EINVAL : 0;
}

const char *
config_network_dir (const struct config *config)
{
    return config->network_dir;
}

const char *
config_origin (const struct config *config, const char *name)
{
    const struct config_option *option = config_option_find (name);
    if (option == NULL)
        return NULL;
    const char *place = config_origin_of (config, option)->place;
    return place != NULL ? place : "default";
}

int
config_load (const struct config_request *request, struct config **ret_config,
             struct config_problems *problems)
{
    owned (config_destroy) struct config *config = NULL;
    bool all_read = true;

    int rc = config_create (&config);
    if (rc == 0)
        rc = config_read_file (config, request, &all_read, problems);
    if (rc == 0)
        rc = config_layer_environment (config, request->environment, problems);
    if (rc == 0)
        rc = config_layer_flags (config, request->override,
                                 request->override_count, problems);
    if (rc == 0)
        rc = config_finish (config, request->home, all_read, problems);
    if (rc != 0)
        return rc;
    *ret_config = config;
    config = NULL;
    return 0;
}
