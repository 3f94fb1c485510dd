/* SPDX-License-Identifier: MIT */
/* options - the command line of one command, by one small table.
 *
 *   in   words, a table
 *   out  values by row, operands; or a sentence that says what is wrong
 *   owns nothing
 *
 * Next on the tour: tools/cmd_sign.c
 */
#include "tools/options.h"

#include <inttypes.h>
#include <stdio.h>

#define MEANT_DISTANCE 2  /* slips of the pen that we see through */
#define MEANT_WORD_MAX 32 /* longer than any word of ours */

/* What is left of the line, and what has been read of it. */
struct reader {
    const struct option_row *options; /* borrowed */
    char *const *words;               /* borrowed */
    size_t left;
    struct arguments *arguments; /* borrowed */
    char *problem;               /* borrowed; OPTIONS_PROBLEM_MAX bytes */
};

static size_t
options_count (const struct option_row *options)
{
    size_t count = 0;

    while (options[count].name != NULL)
        count++;
    assert (count <= OPTIONS_MAX);
    return count;
}

static unsigned
least (unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Returns how many insertions, deletions, changes and swaps of neighbours make
 * A into B, row by row of the usual table; a large number for long words. */
static unsigned
edit_distance (const char *a, const char *b)
{
    unsigned table[3][MEANT_WORD_MAX + 1] = {{0}};
    size_t a_size = strlen (a), b_size = strlen (b);

    if (a_size > MEANT_WORD_MAX || b_size > MEANT_WORD_MAX)
        return MEANT_WORD_MAX;
    for (unsigned k = 0; k <= b_size; k++)
        table[0][k] = k;
    for (unsigned i = 1; i <= a_size; i++) {
        unsigned *row = table[i % 3], *above = table[(i - 1) % 3];
        row[0] = i;
        for (unsigned k = 1; k <= b_size; k++) {
            row[k] = above[k - 1] + (a[i - 1] != b[k - 1]);
            row[k] = least (row[k], least (above[k], row[k - 1]) + 1);
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                row[k] = least (row[k], table[(i - 2) % 3][k - 2] + 1);
        }
    }
    return table[a_size % 3][b_size];
}

const char *
name_meant (const char *word, const char *const *names, size_t count)
{
    const char *meant = NULL;
    unsigned best = MEANT_DISTANCE + 1;

    for (size_t i = 0; i < count; i++) {
        unsigned distance = edit_distance (word, names[i]);
        /* Two slips in a word of two letters are another word. */
        if (distance < best && distance < strlen (names[i])) {
            best = distance;
            meant = names[i];
        }
    }
    return meant;
}

static int
reader_unknown (struct reader *reader, const char *word, size_t size)
{
    const char *names[OPTIONS_MAX];
    char name[64];
    size_t count = options_count (reader->options);

    (void)snprintf (name, sizeof name, "%.*s", (int)(size < 63 ? size : 63),
                    word);
    for (size_t i = 0; i < count; i++)
        names[i] = reader->options[i].name;
    const char *meant = name_meant (name, names, count);
    (void)snprintf (reader->problem, OPTIONS_PROBLEM_MAX,
                    "unknown option --%s%s%s%s", name,
                    meant != NULL ? "; did you mean --" : "",
                    meant != NULL ? meant : "", meant != NULL ? "?" : "");
    return -EINVAL;
}

static int
reader_complain (struct reader *reader, const struct option_row *option,
                 const char *what)
{
    (void)snprintf (reader->problem, OPTIONS_PROBLEM_MAX, "--%s %s%s%s",
                    option->name, what, option->value != NULL ? " " : "",
                    option->value != NULL ? option->value : "");
    return -EINVAL;
}

/* Takes WORD, an option without its dashes, and its value, which may be the
 * next word. */
static int
reader_option (struct reader *reader, const char *word)
{
    size_t size = strcspn (word, "=");
    const char *value = word[size] == '=' ? word + size + 1 : NULL;
    const struct option_row *option = reader->options;

    while (option->name != NULL
           && (strlen (option->name) != size
               || memcmp (option->name, word, size) != 0))
        option++;
    if (option->name == NULL)
        return reader_unknown (reader, word, size);

    const char **place = &reader->arguments->option[option - reader->options];
    if (*place != NULL)
        return reader_complain (reader, option, "is there twice; give one");
    if (option->value == NULL && value != NULL)
        return reader_complain (reader, option, "takes no value");
    if (option->value != NULL && value == NULL) {
        if (reader->left == 0)
            return reader_complain (reader, option, "needs a value:");
        value = *reader->words++;
        reader->left--;
    }
    *place = value != NULL ? value : "";
    return 0;
}

static int
reader_operand (struct reader *reader, const char *word)
{
    if (reader->arguments->operands == OPERANDS_MAX) {
        (void)snprintf (reader->problem, OPTIONS_PROBLEM_MAX,
                        "more than %d operands; use several calls",
                        OPERANDS_MAX);
        return -EINVAL;
    }
    reader->arguments->operand[reader->arguments->operands++] = word;
    return 0;
}

int
integer_read (const char *text, int64_t min, int64_t max, int64_t *ret)
{
    const char *digits = text + (*text == '-');
    char *end;

    /* strtoimax would take white space and a plus as well. */
    if (*digits < '0' || *digits > '9')
        return -EINVAL;
    errno = 0;
    intmax_t value = strtoimax (text, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max)
        return -EINVAL;
    *ret = value;
    return 0;
}

int
arguments_read (const struct option_row *options, char *const *words,
                size_t count, struct arguments *ret,
                char ret_problem[OPTIONS_PROBLEM_MAX])
{
    struct arguments arguments = {0};
    struct reader reader = {.options = options,
                            .words = words,
                            .left = count,
                            .arguments = &arguments,
                            .problem = ret_problem};
    bool only_operands = false;

    while (reader.left > 0) {
        const char *word = *reader.words++;
        int rc = 0;
        reader.left--;

        if (only_operands || word[0] != '-' || word[1] == '\0')
            rc = reader_operand (&reader, word);
        else if (strcmp (word, "--") == 0)
            only_operands = true;
        else if (word[1] == '-')
            rc = reader_option (&reader, word + 2);
        else
            rc = reader_unknown (&reader, word + 1, strlen (word + 1));
        if (rc != 0)
            return rc;
    }
    *ret = arguments;
    return 0;
}
