/* SPDX-License-Identifier: MIT */
/* arguments - the command line of govrelayd.
 *
 *   in   argv
 *   out  what to do, and overrides for config_load; problems of usage
 *   owns nothing
 *
 * Values are not looked at here: config_load checks those of all sources.
 *
 * Next on the tour: supervisor/config.c
 */
#include "supervisor/arguments.h"

#include <stdlib.h>

#include "supervisor/config_option.h"
#include "supervisor/log.h"

#define FLAG_NAME_MAX 64

enum flag_action {
    FLAG_CONFIG,
    FLAG_STAGES,
    FLAG_OPTION, /* sets the option of the row */
    FLAG_ISOLATE,
    FLAG_CHECK_CONFIG,
    FLAG_VERSION,
    FLAG_HELP,
};

struct flag {
    const char *name;
    enum flag_action action;
    const char *option; /* OPTION */
    const char *value;  /* what its value is called; NULL: it takes none */
    const char *help;
};

/* Those beside --<table>.<key>. */
static const struct flag flags[] = {
    {"--config", FLAG_CONFIG, NULL, "FILE",
     "configuration [govrelay.toml in the datadir]"},
    {"--datadir", FLAG_OPTION, "node.datadir", "DIR",
     "the same as --node.datadir"},
    {"--network", FLAG_OPTION, "node.network", "NAME",
     "the same as --node.network"},
    {"--stages", FLAG_STAGES, NULL, "LIST",
     "only these, with commas: ingress registry verifier dedup gossip "
     "forwarder receiver tap"},
    {"--isolate", FLAG_ISOLATE, NULL, NULL,
     "each stage is a process; not in this version"},
    {"--check-config", FLAG_CHECK_CONFIG, NULL, NULL,
     "say all that is wrong with the configuration, and stop"},
    {"--version", FLAG_VERSION, NULL, NULL, "say the version, and stop"},
    {"--help", FLAG_HELP, NULL, NULL, "this text"},
};

static const struct flag *
flag_find (const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE (flags); i++)
        if (strcmp (flags[i].name, name) == 0)
            return &flags[i];
    return NULL;
}

/* Returns in BUFFER the flag that NAME was probably meant to be, or NULL. */
static const char *
flag_suggest (const char *name, char buffer[FLAG_NAME_MAX])
{
    for (size_t i = 0; i < ARRAY_SIZE (flags); i++)
        if (config_edit_distance (flags[i].name, name) <= 2)
            return flags[i].name;
    const char *meant = config_option_suggest (name + strspn (name, "-"));
    if (meant == NULL)
        return NULL;
    snprintf (buffer, FLAG_NAME_MAX, "--%s", meant);
    return buffer;
}

/* Only the name is repeated: what follows = may be a key that somebody hoped
 * to pass here. */
static void
flag_unknown (const char *name, struct config_problems *problems)
{
    char shown[FLAG_NAME_MAX * 4], buffer[FLAG_NAME_MAX];
    const char *what = name[0] == '-' ? "flag" : "argument";
    const char *meant = flag_suggest (name, buffer);

    log_quote (shown, sizeof (shown), bytes_of_text (name));
    if (meant != NULL)
        config_problems_add (problems, "command line",
                             "unknown %s %s; did you mean %s?", what, shown,
                             meant);
    else
        config_problems_add (problems, "command line",
                             "unknown %s %s; see --help", what, shown);
}

static void
flag_apply (struct arguments *arguments, const struct flag *flag,
            const char *value, struct config_problems *problems)
{
    switch (flag->action) {
    case FLAG_CONFIG:
        arguments->config_file = value;
        break;
    case FLAG_STAGES:
        arguments->stages = value;
        break;
    case FLAG_OPTION:
        arguments->override[arguments->override_count++] =
            (struct config_override){
                .name = flag->option, .flag = flag->name, .value = value};
        break;
    case FLAG_ISOLATE:
        arguments->isolate = true;
        config_problems_add (problems, flag->name,
                             "not supported by this version; leave it out");
        break;
    case FLAG_CHECK_CONFIG:
        arguments->check_config = true;
        break;
    case FLAG_VERSION:
        arguments->version = true;
        break;
    case FLAG_HELP:
        arguments->help = true;
        break;
    }
}

/* Sets *ret_flag to what NAME is; for --<table>.<key> it is made up. */
static bool
flag_resolve (const char *name, struct flag *ret_flag)
{
    const struct flag *flag = flag_find (name);
    const struct config_option *option =
        strncmp (name, "--", 2) == 0 ? config_option_find (name + 2) : NULL;

    if (flag != NULL)
        *ret_flag = *flag;
    else if (option != NULL)
        *ret_flag = (struct flag){.name = option->flag,
                                  .action = FLAG_OPTION,
                                  .option = option->name,
                                  .value = "VALUE"};
    return flag != NULL || option != NULL;
}

/* Reads one flag and its value. Returns how many words that took. */
static int
flag_read (struct arguments *arguments, char *const *argv,
           struct config_problems *problems)
{
    char name[FLAG_NAME_MAX];
    size_t size = strcspn (argv[0], "=");
    const char *value = argv[0][size] == '=' ? argv[0] + size + 1 : NULL;
    struct flag flag;

    snprintf (name, sizeof (name), "%.*s", (int)size, argv[0]);
    if (size >= sizeof (name) || !flag_resolve (name, &flag)) {
        flag_unknown (name, problems);
        return 1;
    }
    if (flag.value == NULL) {
        if (value != NULL)
            config_problems_add (problems, name,
                                 "takes no value; leave out "
                                 "the = and what follows");
        else
            flag_apply (arguments, &flag, NULL, problems);
        return 1;
    }
    if (value != NULL) {
        flag_apply (arguments, &flag, value, problems);
        return 1;
    }
    if (argv[1] == NULL || strncmp (argv[1], "--", 2) == 0) {
        config_problems_add (problems, name, "without a value; write %s=%s",
                             name, flag.value);
        return 1;
    }
    flag_apply (arguments, &flag, argv[1], problems);
    return 2;
}

int
arguments_parse (int argc, char *const *argv, struct arguments *ret,
                 struct config_problems *problems)
{
    size_t before = config_problems_total (problems);
    struct arguments arguments = {0};

    /* Each word sets at most one option. */
    arguments.override =
        calloc ((size_t)argc + 1, sizeof (*arguments.override));
    if (arguments.override == NULL)
        return -ENOMEM;
    for (int i = 1; i < argc;)
        i += flag_read (&arguments, argv + i, problems);
    if (config_problems_total (problems) > before) {
        arguments_done (&arguments);
        return -EINVAL;
    }
    *ret = arguments;
    return 0;
}

void
arguments_done (struct arguments *arguments)
{
    free (arguments->override);
    *arguments = (struct arguments){0};
}

void
arguments_print_help (FILE *out)
{
    fputs ("usage: govrelayd [FLAG...]\n\n", out);
    for (size_t i = 0; i < ARRAY_SIZE (flags); i++) {
        char flag[FLAG_NAME_MAX];
        snprintf (flag, sizeof (flag), "%s%s%s", flags[i].name,
                  flags[i].value != NULL ? " " : "",
                  flags[i].value != NULL ? flags[i].value : "");
        fprintf (out, "  %-20s %s\n", flag, flags[i].help);
    }
    fputs ("\nOptions, also as keys of the file, and in the environment as "
           "GOVRELAY_TABLE_KEY.\nLists have commas here; a list flag that is "
           "repeated adds to its list.\n",
           out);
    config_print_help (out);
}
