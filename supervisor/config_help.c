/* SPDX-License-Identifier: MIT */
/* config_help - the table of options for people: --help, the sample file, and
 * where each value came from.
 *
 *   in   options.def, a configuration
 *   out  text
 *   owns nothing
 */
#include <string.h>

#include "supervisor/config.h"
#include "supervisor/config_layers.h"
#include "supervisor/config_value.h"

#define NOT_YET "not in this version"
/* Where the description of a flag begins; longer flags have a line alone. */
#define HELP_COLUMN 34

static const char *
type_word (const struct config_option *option)
{
    switch (option->type) {
    case OPTION_BOOL:
        return "BOOL";
    case OPTION_INTEGER:
        return "NUMBER";
    case OPTION_CHOICE:
        return "NAME";
    case OPTION_STRING:
        return "TEXT";
    case OPTION_PATH:
        return "PATH";
    case OPTION_STRINGS:
    case OPTION_LINKS:
        return "LIST";
    case OPTION_TYPES_:
        break;
    }
    return "VALUE"; /* not reached: all types are above */
}

/* The words after the help text: "; main test; [main]; not in this version". */
static void
notes_print (FILE *out, const struct config_option *option)
{
    char expected[CONFIG_EXPECTED_MAX];

    fputs (option->help, out);
    if (option->type == OPTION_INTEGER || option->type == OPTION_CHOICE)
        fprintf (out, "; %s", config_option_expected (option, expected));
    if (option->when == OPTION_LATER)
        fputs ("; " NOT_YET, out);
}

static void
option_print_help (FILE *out, const struct config_option *option)
{
    int size = fprintf (out, "  --%s=%s", option->name, type_word (option));
    if (size >= HELP_COLUMN) {
        fputc ('\n', out);
        size = 0;
    }
    fprintf (out, "%*s", HELP_COLUMN - size, "");
    notes_print (out, option);
    if (*option->preset != '\0')
        fprintf (out, " [%s]", option->preset);
    fputc ('\n', out);
}

void
config_print_help (FILE *out)
{
    for (size_t t = 0; t < config_tables_count; t++) {
        const struct config_table *table = &config_tables[t];
        fprintf (out, "\n%s: %s\n", table->name, table->help);
        for (size_t i = 0; i < config_options_count; i++)
            if (strcmp (config_options[i].table, table->name) == 0)
                option_print_help (out, &config_options[i]);
    }
}

/* A key that is commented out: the file pins no default, and what a later
 * version does better reaches those who changed nothing. */
static void
option_print_sample (FILE *out, const struct config_option *option)
{
    struct config_value value;
    struct config_reason reason;

    if (config_value_from_text (option, option->preset, &value, &reason) != 0)
        return; /* no memory; defaults are sound, or nothing starts */
    fputs ("\n# ", out);
    notes_print (out, option);
    fprintf (out, "\n#%s = ", option->key);
    config_value_print (out, option, &value);
    fputc ('\n', out);
    config_value_done (&value);
}

void
config_print_sample (FILE *out)
{
    fputs (
        "# govrelay.toml - configuration of govrelayd.\n"
        "# Every key is at its default. To change one, take the # away.\n"
        "# The environment (GOVRELAY_NODE_LISTEN) and flags (--node.listen)\n"
        "# go before this file. `govrelayd --check-config` checks it.\n",
        out);
    for (size_t t = 0; t < config_tables_count; t++) {
        const struct config_table *table = &config_tables[t];
        fprintf (out, "\n[%s] # %s\n", table->name, table->help);
        for (size_t i = 0; i < config_options_count; i++)
            if (strcmp (config_options[i].table, table->name) == 0)
                option_print_sample (out, &config_options[i]);
    }
}

void
config_print_origins (FILE *out, const struct config *config)
{
    for (size_t i = 0; i < config_options_count; i++) {
        const struct config_option *option = &config_options[i];
        struct config_value value = config_value_view (option, config);
        fprintf (out, "%s = ", option->name);
        config_value_print (out, option, &value);
        fprintf (out, " # %s\n", config_origin (config, option->name));
    }
}
