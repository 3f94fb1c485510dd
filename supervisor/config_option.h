/* SPDX-License-Identifier: MIT */
/* config_option - options.def as rows that code can walk.
 *
 * Within supervisor/config*.c and arguments.c only; everybody else reads the
 * fields of struct config.
 */
#pragma once

#include "base.h"

enum option_type {
    OPTION_BOOL,
    OPTION_INTEGER,
    OPTION_CHOICE,
    OPTION_STRING,
    OPTION_PATH,
    OPTION_STRINGS,
    OPTION_LINKS,
    OPTION_TYPES_
};

enum option_when {
    OPTION_NOW,
    OPTION_LATER, /* not built yet: only the default is accepted */
};

struct config_option {
    const char *table; /* "node" */
    const char *key;   /* "max_inbound" */
    const char *name;  /* "node.max_inbound" */
    const char *flag;  /* "--node.max_inbound" */
    enum option_type type;
    enum option_when when;
    const char *preset; /* the default, as a flag would give it */
    const char *help;   /* a few words */
    struct option_check {
        int64_t min, max;    /* INTEGER: inclusive; lists: max items */
        const char *choices; /* CHOICE: words with one space between */
        /* Texts: returns NULL, or what would do. NULL: anything. */
        const char *(*form) (const char *text);
    } check;
    size_t offset; /* of the field in struct config */
};

struct config_table {
    const char *name; /* "node" */
    const char *help;
};

/* The rows, in the order of options.def. */
extern const struct config_option config_options[];
extern const size_t config_options_count;
extern const struct config_table config_tables[];
extern const size_t config_tables_count;

/* Returns the option "table.key", or NULL. */
const struct config_option *config_option_find (const char *name);

/* Returns the table NAME, or NULL. */
const struct config_table *config_table_find (const char *name);

/* Returns the environment variable of OPTION in BUFFER. */
#define CONFIG_VARIABLE_MAX 64
const char *config_option_variable (const struct config_option *option,
                                    char buffer[CONFIG_VARIABLE_MAX]);

/* Returns how many insertions, deletions, changes and swaps of neighbours make
 * A into B, with `.`, `-` and `_` alike and upper case as lower case; a large
 * number when one is longer than any name of ours. */
unsigned config_edit_distance (const char *a, const char *b);

/* Returns the name of the option that was probably meant, or NULL. NAME is
 * "table.key", "key" or "TABLE_KEY". */
const char *config_option_suggest (const char *name);

/* Returns the table that was probably meant, or NULL. */
const char *config_table_suggest (const char *name);

/* Returns in BUFFER what OPTION takes: "a whole number, 0 to 64". */
#define CONFIG_EXPECTED_MAX 160
const char *config_option_expected (const struct config_option *option,
                                    char buffer[CONFIG_EXPECTED_MAX]);
