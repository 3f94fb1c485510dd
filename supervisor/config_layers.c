/* SPDX-License-Identifier: MIT */
/* config_layers - the four sources of a configuration, one over the other:
 * defaults < file < environment < flags.
 *
 *   in   options.def, a TOML file, an environment, flags
 *   out  fields of struct config with their origins; problems
 *   owns nothing
 *
 * Next on the tour: supervisor/config_value.c
 */
#include "supervisor/config_layers.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/config_value.h"
#include "supervisor/log.h"
#include "supervisor/read_file.h"
#include "supervisor/secret.h"
#include "supervisor/toml.h"

#define PREFIX "GOVRELAY_"

struct config_origin *
config_origin_of (const struct config *config,
                  const struct config_option *option)
{
    return &config->origin[option - config_options];
}

int
config_layer_defaults (struct config *config)
{
    for (size_t i = 0; i < config_options_count; i++) {
        struct config_value value;
        struct config_reason reason;
        int rc = config_value_from_text (
            &config_options[i], config_options[i].preset, &value, &reason);
        assert (rc != -EINVAL); /* a default of options.def fails its check */
        if (rc != 0)
            return rc;
        config_value_store (&config_options[i], config, &value);
    }
    return 0;
}

/* Puts a value into its field, with its place, unless it asks for a part that
 * is not there yet. RC and REASON are those of reading it. */
static int
option_set (struct config *config, const struct config_option *option, int rc,
            struct config_value *value, struct config_reason *reason,
            const char *place, struct config_problems *problems)
{
    struct config_origin *origin = config_origin_of (config, option);
    char *kept = NULL;

    if (rc == 0) {
        rc = config_value_supported (option, value, reason);
        if (rc == 0 && (kept = strdup (place)) == NULL)
            rc = -ENOMEM;
        if (rc != 0)
            config_value_done (value);
    }
    if (rc == -EINVAL) {
        origin->refused = true;
        config_problems_add (problems, place, "%s: %s", option->name,
                             reason->text);
        return 0;
    }
    if (rc != 0)
        return rc;
    free (origin->place);
    origin->place = kept;
    config_value_store (option, config, value);
    return 0;
}

static int
option_set_text (struct config *config, const struct config_option *option,
                 const char *text, const char *place,
                 struct config_problems *problems)
{
    struct config_value value = {0};
    struct config_reason reason = {0};

    int rc = config_value_from_text (option, text, &value, &reason);
    return option_set (config, option, rc, &value, &reason, place, problems);
}

static void
text_free (char **text)
{
    free (*text);
}

/* FILE:LINE:COLUMN, for free (); NULL when there is no memory. */
static char *
place_create (const char *file, struct toml_place at)
{
    char *place;
    return asprintf (&place, "%s:%u:%u", file, at.line, at.column) < 0 ? NULL
                                                                       : place;
}

static void
unknown_add (struct config_problems *problems, const char *place,
             const char *what, const char *name, const char *meant)
{
    char shown[96];

    log_quote (shown, sizeof (shown), bytes_of_text (name));
    if (meant != NULL)
        config_problems_add (problems, place, "unknown %s %s; did you mean %s?",
                             what, shown, meant);
    else
        config_problems_add (problems, place, "unknown %s %s; leave it out",
                             what, shown);
}

static int
file_key (struct config *config, const char *file, const char *table,
          const struct toml_node *node, struct config_problems *problems)
{
    char name[128];
    struct config_value value = {0};
    struct config_reason reason = {0};
    char *place;

    /* A name that was cut is none of ours. */
    snprintf (name, sizeof (name), "%s%s%s", table, *table == '\0' ? "" : ".",
              node->key);
    const struct config_option *option = config_option_find (name);
    if (option == NULL) {
        place = place_create (file, node->key_place);
        if (place == NULL)
            return -ENOMEM;
        unknown_add (problems, place, "key", name,
                     config_option_suggest (name));
        free (place);
        return 0;
    }
    int rc = config_value_from_toml (option, node, &value, &reason);
    place = place_create (file, rc == -EINVAL ? reason.place : node->place);
    if (place == NULL) {
        config_value_done (&value);
        return -ENOMEM;
    }
    rc = option_set (config, option, rc, &value, &reason, place, problems);
    free (place);
    return rc;
}

/* One entry of the file's root: a table of ours, or a mistake. */
static int
file_table (struct config *config, const char *file,
            const struct toml_node *node, struct config_problems *problems)
{
    const struct config_table *table = config_table_find (node->key);
    int rc = 0;

    if (table == NULL && node->kind != TOML_TABLE)
        return file_key (config, file, "", node, problems);
    if (table != NULL && node->kind == TOML_TABLE) {
        for (size_t i = 0; i < node->count && rc == 0; i++)
            rc = file_key (config, file, node->key, &node->child[i], problems);
        return rc;
    }
    char *place = place_create (file, node->key_place);
    if (place == NULL)
        return -ENOMEM;
    if (table == NULL)
        unknown_add (problems, place, "table", node->key,
                     config_table_suggest (node->key));
    else
        config_problems_add (problems, place,
                             "%s: %s will not do; write [%s] once", node->key,
                             toml_kind_name (node->kind), node->key);
    free (place);
    return 0;
}

static int
file_parse (struct config *config, const char *file, const char *text,
            size_t size, bool *ret_read, struct config_problems *problems)
{
    struct toml_node *root = NULL;
    struct toml_error error;

    int rc = toml_parse (text, size, &root, &error);
    if (rc == -EBADMSG) {
        char *place = place_create (file, error.place);
        if (place == NULL)
            return -ENOMEM;
        config_problems_add (problems, place, "%s; the rest was not read",
                             error.text);
        free (place);
        *ret_read = false;
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < root->count; i++)
        rc = file_table (config, file, &root->child[i], problems);
    toml_destroy (&root);
    return rc;
}

int
config_layer_file (struct config *config, const char *file, bool required,
                   bool *ret_read, struct config_problems *problems)
{
    char *text = NULL;
    size_t size = 0;

    *ret_read = true;
    int fd = open (file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR) && !required)
        return 0;
    int rc = fd < 0 ? -errno : read_file (fd, CONFIG_FILE_MAX, &text, &size);
    if (fd >= 0)
        close (fd);
    if (rc == -ENOMEM)
        return rc;
    if (rc != 0) {
        *ret_read = false;
        if (rc == -EFBIG)
            config_problems_add (problems, file,
                                 "too long; a configuration has at most "
                                 "%d bytes",
                                 CONFIG_FILE_MAX);
        else
            config_problems_add (problems, file,
                                 "%s; name a file that can be read",
                                 strerror (-rc));
        return 0;
    }
    rc = file_parse (config, file, text, size, ret_read, problems);
    free (text);
    return rc;
}

/* Kubernetes gives every container GOVRELAY_RECEIVER_PORT_… and
 * GOVRELAY_RECEIVER_SERVICE_… when a service has the name govrelay-receiver.
 * No key of ours begins so. */
static bool
is_of_kubernetes (const char *rest)
{
    const char *key = strchr (rest, '_');
    return key != NULL
           && (strncmp (key, "_PORT", 5) == 0
               || strncmp (key, "_SERVICE_", 9) == 0);
}

/* Returns true when REST ("NODE_MAX_INBOND") begins with a table of ours. */
static bool
begins_with_table (const char *rest)
{
    for (size_t i = 0; i < config_tables_count; i++) {
        size_t size = strlen (config_tables[i].name);
        if (strncasecmp (rest, config_tables[i].name, size) == 0
            && rest[size] == '_')
            return true;
    }
    return false;
}

/* Complains about a variable that looks like an option and is none. Others
 * that begin with our prefix belong to whoever set them. */
static void
environment_unknown (const char *entry, struct config_problems *problems)
{
    char name[128], variable[CONFIG_VARIABLE_MAX];
    size_t size = strcspn (entry, "=");

    if (strncmp (entry, PREFIX, strlen (PREFIX)) != 0 || size >= sizeof (name))
        return;
    memcpy (name, entry, size);
    name[size] = '\0';
    const char *rest = name + strlen (PREFIX);
    for (size_t i = 0; i < config_options_count; i++)
        if (strcmp (config_option_variable (&config_options[i], variable), name)
            == 0)
            return;

    const char *meant = config_option_suggest (rest);
    if ((meant == NULL && !begins_with_table (rest)) || is_of_kubernetes (rest))
        return;
    if (meant != NULL)
        meant = config_option_variable (config_option_find (meant), variable);
    unknown_add (problems, "environment", "variable", name, meant);
}

int
config_layer_environment (struct config *config, char *const *environment,
                          struct config_problems *problems)
{
    char variable[CONFIG_VARIABLE_MAX], place[CONFIG_VARIABLE_MAX + 16];

    for (size_t i = 0; i < config_options_count; i++) {
        config_option_variable (&config_options[i], variable);
        const char *value = environment_find (environment, variable);
        if (value == NULL)
            continue;
        snprintf (place, sizeof (place), "environment %s", variable);
        int rc = option_set_text (config, &config_options[i], value, place,
                                  problems);
        if (rc != 0)
            return rc;
    }
    for (; environment != NULL && *environment != NULL; environment++)
        environment_unknown (*environment, problems);
    return 0;
}

static bool
is_list (const struct config_option *option)
{
    return option->type == OPTION_STRINGS || option->type == OPTION_LINKS;
}

static bool
is_given_again (const struct config_override *override, size_t count, size_t at)
{
    for (size_t i = at + 1; i < count; i++)
        if (strcmp (override[i].name, override[at].name) == 0)
            return true;
    return false;
}

/* Joins the values of a list that was given by several flags: none is lost in
 * silence. Returns a text for free (), or NULL. */
static char *
flags_join (const struct config_override *override, size_t count,
            const char *name)
{
    char *joined = strdup ("");

    for (size_t i = 0; i < count && joined != NULL; i++) {
        char *longer;
        if (strcmp (override[i].name, name) != 0)
            continue;
        if (asprintf (&longer, "%s%s%s", joined, *joined == '\0' ? "" : ",",
                      override[i].value)
            < 0)
            longer = NULL;
        free (joined);
        joined = longer;
    }
    return joined;
}

int
config_layer_flags (struct config *config,
                    const struct config_override *override, size_t count,
                    struct config_problems *problems)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = override[i].value;
        const struct config_option *option =
            config_option_find (override[i].name);
        owned (text_free) char *joined = NULL;

        assert (option != NULL); /* arguments_parse gave the name */
        if (is_list (option)) {
            if (is_given_again (override, count, i))
                continue;
            joined = flags_join (override, count, option->name);
            if (joined == NULL)
                return -ENOMEM;
            value = joined;
        }
        int rc =
            option_set_text (config, option, value, override[i].flag, problems);
        if (rc != 0)
            return rc;
    }
    return 0;
}
