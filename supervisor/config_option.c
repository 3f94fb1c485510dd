/* SPDX-License-Identifier: MIT */
/* config_option - options.def as rows that code can walk.
 *
 *   in   options.def, names that people typed
 *   out  rows, and the row that was probably meant
 *   owns nothing
 *
 * Next on the tour: supervisor/config_value.c
 */
#include "supervisor/config_option.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "supervisor/config.h"
#include "supervisor/config_form.h"

/* The checks of options.def as fields of struct option_check. */
#define RANGE(least, most) .min = (least), .max = (most)
#define ONE_OF(words) .choices = words
#define FORM(name) .form = form_##name
#define AT_MOST(items, name) .max = (items), .form = form_##name
/* Lists without a bound of their own are LINKS: no stage has 64 partners. */
#define ANY .max = 64

const struct config_option config_options[] = {
#define TABLE(table, help)
#define OPTION(t, k, TYPE, WHEN, text, bounds, words)                          \
    {.table = #t,                                                              \
     .key = #k,                                                                \
     .name = #t "." #k,                                                        \
     .flag = "--" #t "." #k,                                                   \
     .type = OPTION_##TYPE,                                                    \
     .when = OPTION_##WHEN,                                                    \
     .preset = text,                                                           \
     .help = words,                                                            \
     .check = {bounds},                                                        \
     .offset = offsetof (struct config, t##_##k)},
#include "supervisor/options.def"
#undef OPTION
#undef TABLE
};
const size_t config_options_count = ARRAY_SIZE (config_options);

const struct config_table config_tables[] = {
#define TABLE(table, help) {#table, help},
#define OPTION(table, key, TYPE, WHEN, preset, check, help)
#include "supervisor/options.def"
#undef OPTION
#undef TABLE
};
const size_t config_tables_count = ARRAY_SIZE (config_tables);

/* The longest name that is compared; ours are shorter. */
#define NAME_MAX_COMPARED 48
#define DISTANCE_FAR 1000u
/* Beyond three wrong letters a suggestion is a guess. */
#define TOLERANCE_MAX 3u

const struct config_option *
config_option_find (const char *name)
{
    for (size_t i = 0; i < config_options_count; i++)
        if (strcmp (config_options[i].name, name) == 0)
            return &config_options[i];
    return NULL;
}

const struct config_table *
config_table_find (const char *name)
{
    for (size_t i = 0; i < config_tables_count; i++)
        if (strcmp (config_tables[i].name, name) == 0)
            return &config_tables[i];
    return NULL;
}

const char *
config_option_variable (const struct config_option *option,
                        char buffer[CONFIG_VARIABLE_MAX])
{
    int size = snprintf (buffer, CONFIG_VARIABLE_MAX, "GOVRELAY_%s_%s",
                         option->table, option->key);
    assert (size > 0 && size < CONFIG_VARIABLE_MAX);
    for (char *at = buffer; *at != '\0'; at++)
        *at = (char)toupper ((unsigned char)*at);
    return buffer;
}

static int
letter (char c)
{
    return c == '.' || c == '-' ? '_' : tolower ((unsigned char)c);
}

static unsigned
least (unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned
config_edit_distance (const char *a, const char *b)
{
    size_t size_a = strlen (a), size_b = strlen (b);
    if (size_a > NAME_MAX_COMPARED || size_b > NAME_MAX_COMPARED)
        return DISTANCE_FAR;

    unsigned cost[NAME_MAX_COMPARED + 1][NAME_MAX_COMPARED + 1];
    for (unsigned i = 0; i <= size_a; i++)
        cost[i][0] = i;
    for (unsigned j = 0; j <= size_b; j++)
        cost[0][j] = j;
    for (size_t i = 1; i <= size_a; i++)
        for (size_t j = 1; j <= size_b; j++) {
            bool same = letter (a[i - 1]) == letter (b[j - 1]);
            unsigned best = least (cost[i - 1][j], cost[i][j - 1]) + 1;
            best = least (best, cost[i - 1][j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && letter (a[i - 1]) == letter (b[j - 2])
                && letter (a[i - 2]) == letter (b[j - 1]))
                best = least (best, cost[i - 2][j - 2] + 1);
            cost[i][j] = best;
        }
    return cost[size_a][size_b];
}

/* Returns how many letters of WORD may be wrong: a quarter. */
static unsigned
tolerance (const char *word)
{
    return least (TOLERANCE_MAX, 1 + (unsigned)strlen (word) / 4);
}

/* Returns true when WORD is the beginning of NAME and long enough to mean it. */
static bool
is_beginning (const char *word, const char *name)
{
    size_t i = 0;

    while (word[i] != '\0' && letter (word[i]) == letter (name[i]))
        i++;
    return i >= 4 && word[i] == '\0';
}

const char *
config_option_suggest (const char *name)
{
    const char *dot = strchr (name, '.');
    const char *key = dot != NULL ? dot + 1 : name;
    const char *best = NULL;
    unsigned best_score = DISTANCE_FAR;

    for (size_t i = 0; i < config_options_count; i++) {
        const struct config_option *option = &config_options[i];
        unsigned score = config_edit_distance (name, option->name);
        if (score > tolerance (option->name))
            score = DISTANCE_FAR;
        /* The right key in the wrong table, or with none. */
        unsigned by_key = config_edit_distance (key, option->key) + 1;
        if (by_key <= tolerance (option->key))
            score = least (score, by_key);
        else if (is_beginning (name, option->name))
            score = least (score, TOLERANCE_MAX);
        if (score < best_score) {
            best = option->name;
            best_score = score;
        }
    }
    return best;
}

const char *
config_table_suggest (const char *name)
{
    const char *best = NULL;
    unsigned best_score = DISTANCE_FAR;

    for (size_t i = 0; i < config_tables_count; i++) {
        const char *table = config_tables[i].name;
        unsigned score = config_edit_distance (name, table);
        if (score <= tolerance (table) && score < best_score) {
            best = table;
            best_score = score;
        }
    }
    return best;
}

const char *
config_option_expected (const struct config_option *option,
                        char buffer[CONFIG_EXPECTED_MAX])
{
    switch (option->type) {
    case OPTION_BOOL:
        return "true or false";
    case OPTION_INTEGER:
        snprintf (buffer, CONFIG_EXPECTED_MAX,
                  "a whole number, %" PRId64 " to %" PRId64, option->check.min,
                  option->check.max);
        return buffer;
    case OPTION_CHOICE:
        snprintf (buffer, CONFIG_EXPECTED_MAX, "one of: %s",
                  option->check.choices);
        return buffer;
    case OPTION_STRING:
        return "a text in quotes";
    case OPTION_PATH:
        return "the path of a file in quotes";
    case OPTION_STRINGS:
        return "a list of texts: [\"one\", \"two\"]";
    case OPTION_LINKS:
        return "[\"tcp://HOST:PORT\"] to bind, or [{ endpoint = "
               "\"tcp://HOST:PORT\", key = \"Z85\" }] to connect";
    case OPTION_TYPES_:
        break;
    }
    return "a value"; /* not reached: all types are above */
}
