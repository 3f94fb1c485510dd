/* SPDX-License-Identifier: MIT */
/* config_value - from the text of a flag or a node of TOML to a checked field
 * of struct config, and back to text.
 *
 * Within supervisor/config*.c only.
 */
#pragma once

#include <stdio.h>

#include "base.h"
#include "supervisor/config.h"
#include "supervisor/config_option.h"
#include "supervisor/toml.h"

/* A value on its way; which field holds is said by the option's type. */
struct config_value {
    bool boolean;
    int64_t integer;
    char *text; /* CHOICE, STRING, PATH */
    struct string_list strings;
    struct config_links links;
};

/* What a value is refused for: "what; what would do". */
struct config_reason {
    char text[512];
    struct toml_place place; /* of the culprit; only from TOML */
};

/* Reads and checks a value as a flag gives it: lists with commas, a link as
 * "ENDPOINT" or "ENDPOINT KEY". Returns 0, -EINVAL (*reason is set) or
 * -ENOMEM. *ret_value is for config_value_done or config_value_store. */
int config_value_from_text (const struct config_option *option,
                            const char *text, struct config_value *ret_value,
                            struct config_reason *reason);

/* The same for a value of the file. */
int config_value_from_toml (const struct config_option *option,
                            const struct toml_node *node,
                            struct config_value *ret_value,
                            struct config_reason *reason);

/* Returns 0, or -EINVAL with a reason when the part of the program that needs
 * VALUE is not built yet (WHEN is LATER). A plain "off" asks for nothing. */
int config_value_supported (const struct config_option *option,
                            const struct config_value *value,
                            struct config_reason *reason);

/* Puts VALUE into its field and frees what was there; takes what it owns. */
void config_value_store (const struct config_option *option,
                         struct config *config, struct config_value *value);

/* Returns what is in OPTION's field; the pointers in it are borrowed. */
struct config_value config_value_view (const struct config_option *option,
                                       const struct config *config);

/* Frees what VALUE owns and empties it. */
void config_value_done (struct config_value *value);

/* Prints VALUE as TOML. */
void config_value_print (FILE *out, const struct config_option *option,
                         const struct config_value *value);
