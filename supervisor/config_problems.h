/* SPDX-License-Identifier: MIT */
/* config_problems - what is wrong with a configuration, all of it at once.
 *
 * Each text is ready to print: `PLACE: NAME: what; what would do`, without a
 * newline.
 */
#pragma once

#include "base.h"

/* A screen and a half; what is beyond is counted. */
#define CONFIG_PROBLEMS_MAX 64

struct config_problems {
    char *text[CONFIG_PROBLEMS_MAX]; /* owned */
    size_t count;                    /* of text */
    size_t omitted;                  /* problems for which there was no room */
};

/* Appends `PLACE: ` and the formatted text. Never fails: what cannot be kept
 * is counted as omitted. */
void config_problems_add (struct config_problems *problems, const char *place,
                          const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/* Returns how many there were, omitted ones included. */
size_t config_problems_total (const struct config_problems *problems);

/* Frees the texts and empties the list; a zeroed one is empty as well. */
void config_problems_done (struct config_problems *problems);
