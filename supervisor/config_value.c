/* SPDX-License-Identifier: MIT */
/* config_value - from the text of a flag or a node of TOML to a checked field
 * of struct config, and back to text.
 *
 *   in   what the operator wrote
 *   out  values that have their form, or a reason
 *   owns values on their way
 *
 * Next on the tour: supervisor/config_check.c
 */
#include "supervisor/config_value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "supervisor/config_form.h"
#include "supervisor/log.h"

/* The longest text of an option: PATH_MAX of Linux. */
#define TEXT_MAX 4096
/* As much of a refused text as a message repeats. */
#define SHOWN_MAX 96

static int reason_set (struct config_reason *reason, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

/* Returns -EINVAL, so that a refusal is one statement. */
static int
reason_set (struct config_reason *reason, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    vsnprintf (reason->text, sizeof (reason->text), format, arguments);
    va_end (arguments);
    return -EINVAL;
}

static int
reason_refuse (struct config_reason *reason, struct bytes text,
               const char *would_do)
{
    char shown[SHOWN_MAX];
    return reason_set (reason, "%s will not do; %s",
                       log_quote (shown, sizeof (shown), text), would_do);
}

void
config_value_done (struct config_value *value)
{
    free (value->text);
    for (size_t i = 0; i < value->strings.count; i++)
        free (value->strings.item[i]);
    free (value->strings.item);
    for (size_t i = 0; i < value->links.count; i++) {
        free (value->links.item[i].endpoint);
        free (value->links.item[i].key);
    }
    free (value->links.item);
    *value = (struct config_value){0};
}

static bool
is_choice (const char *choices, struct bytes text)
{
    for (const char *at = choices; *at != '\0';) {
        size_t size = strcspn (at, " ");
        if (bytes_equal (bytes_of (at, size), text))
            return true;
        at += size;
        at += strspn (at, " ");
    }
    return false;
}

/* Checks one text and copies it. */
static int
text_take (const char *(*form) (const char *), struct bytes text,
           char **ret_copy, struct config_reason *reason)
{
    if (text.size >= TEXT_MAX)
        return reason_refuse (reason, text, "it is too long");
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x20 || text.data[i] == 0x7f)
            return reason_refuse (reason, text, "leave control characters out");

    char *copy = strndup ((const char *)text.data, text.size);
    if (copy == NULL)
        return -ENOMEM;
    const char *would_do = form != NULL ? form (copy) : NULL;
    if (would_do != NULL) {
        free (copy);
        return reason_refuse (reason, text, would_do);
    }
    *ret_copy = copy;
    return 0;
}

static int
string_take (const struct config_option *option, struct bytes text,
             struct config_value *value, struct config_reason *reason)
{
    char expected[CONFIG_EXPECTED_MAX + 8];

    if (option->type == OPTION_CHOICE
        && !is_choice (option->check.choices, text)) {
        snprintf (expected, sizeof (expected), "write one of: %s",
                  option->check.choices);
        return reason_refuse (reason, text, expected);
    }
    return text_take (option->check.form, text, &value->text, reason);
}

static int
integer_take (const struct config_option *option, int64_t integer,
              struct config_value *value, struct config_reason *reason)
{
    char expected[CONFIG_EXPECTED_MAX];

    if (integer < option->check.min || integer > option->check.max)
        return reason_set (reason, "%" PRId64 " will not do; write %s", integer,
                           config_option_expected (option, expected));
    value->integer = integer;
    return 0;
}

/* Makes room for one more item of SIZE in a list of COUNT; doubles at powers
 * of two, so that no capacity is kept. */
static int
list_grow (void **items, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return 0;
    void *grown = realloc (*items, (count == 0 ? 1 : 2 * count) * size);
    if (grown == NULL)
        return -ENOMEM;
    *items = grown;
    return 0;
}

static int
list_has_room (const struct config_option *option, size_t count,
               struct config_reason *reason)
{
    if ((int64_t)count < option->check.max)
        return 0;
    return reason_set (reason, "too many; write at most %" PRId64,
                       option->check.max);
}

static int
strings_add (const struct config_option *option, struct bytes text,
             struct config_value *value, struct config_reason *reason)
{
    struct string_list *list = &value->strings;
    void *items = list->item;

    int rc = list_has_room (option, list->count, reason);
    if (rc == 0)
        rc = list_grow (&items, list->count, sizeof (*list->item));
    list->item = items;
    if (rc == 0)
        rc = text_take (option->check.form, text, &list->item[list->count],
                        reason);
    if (rc == 0)
        list->count++;
    return rc;
}

/* Adds an end: with a KEY it connects, with NULL data in KEY it binds. */
static int
links_add (const struct config_option *option, struct bytes endpoint,
           struct bytes key, struct config_value *value,
           struct config_reason *reason)
{
    struct config_links *list = &value->links;
    struct config_link link = {0};
    void *items = list->item;
    bool connects = key.data != NULL;

    int rc = list_has_room (option, list->count, reason);
    if (rc == 0 && list->count > 0 && (list->item[0].key != NULL) != connects)
        rc = reason_set (reason, "one side of a link only; write endpoints to "
                                 "bind, or endpoints with keys to connect");
    if (rc == 0)
        rc = list_grow (&items, list->count, sizeof (*list->item));
    list->item = items;
    if (rc == 0)
        rc = text_take (connects ? form_endpoint_connect : form_endpoint_bind,
                        endpoint, &link.endpoint, reason);
    if (rc == 0 && connects)
        rc = text_take (form_curve_key, key, &link.key, reason);
    if (rc != 0) {
        free (link.endpoint);
        return rc;
    }
    list->item[list->count++] = link;
    return 0;
}

static struct bytes
trimmed (const char *text, size_t size)
{
    while (size > 0 && *text == ' ') {
        text++;
        size--;
    }
    while (size > 0 && text[size - 1] == ' ')
        size--;
    return bytes_of (text, size);
}

static int
list_item_take (const struct config_option *option, struct bytes item,
                struct config_value *value, struct config_reason *reason)
{
    if (option->type == OPTION_STRINGS)
        return strings_add (option, item, value, reason);

    const char *text = (const char *)item.data;
    const char *space = memchr (text, ' ', item.size);
    if (space == NULL)
        return links_add (option, item, (struct bytes){0}, value, reason);
    size_t size = (size_t)(space - text);
    return links_add (option, bytes_of (text, size),
                      trimmed (space, item.size - size), value, reason);
}

static int
list_from_text (const struct config_option *option, const char *text,
                struct config_value *value, struct config_reason *reason)
{
    if (trimmed (text, strlen (text)).size == 0)
        return 0;
    for (const char *at = text;; at++) {
        size_t size = strcspn (at, ",");
        struct bytes item = trimmed (at, size);
        if (item.size == 0)
            return reason_set (reason,
                               "an item is empty; write one comma between two");
        int rc = list_item_take (option, item, value, reason);
        if (rc != 0)
            return rc;
        at += size;
        if (*at == '\0')
            return 0;
    }
}

static int
bool_from_text (const char *text, struct config_value *value,
                struct config_reason *reason)
{
    value->boolean = strcmp (text, "true") == 0;
    if (value->boolean || strcmp (text, "false") == 0)
        return 0;
    return reason_refuse (reason, bytes_of_text (text), "write true or false");
}

static int
integer_from_text (const struct config_option *option, const char *text,
                   struct config_value *value, struct config_reason *reason)
{
    char expected[CONFIG_EXPECTED_MAX], would_do[CONFIG_EXPECTED_MAX + 8];
    const char *digits = *text == '-' ? text + 1 : text;
    size_t size = strspn (digits, "0123456789");

    errno = 0;
    long long integer = strtoll (text, NULL, 10);
    if (size == 0 || digits[size] != '\0' || errno != 0) {
        snprintf (would_do, sizeof (would_do), "write %s",
                  config_option_expected (option, expected));
        return reason_refuse (reason, bytes_of_text (text), would_do);
    }
    return integer_take (option, integer, value, reason);
}

static int
value_read_text (const struct config_option *option, const char *text,
                 struct config_value *value, struct config_reason *reason)
{
    switch (option->type) {
    case OPTION_BOOL:
        return bool_from_text (text, value, reason);
    case OPTION_INTEGER:
        return integer_from_text (option, text, value, reason);
    case OPTION_CHOICE:
    case OPTION_STRING:
    case OPTION_PATH:
        return string_take (option, bytes_of_text (text), value, reason);
    case OPTION_STRINGS:
    case OPTION_LINKS:
        return list_from_text (option, text, value, reason);
    case OPTION_TYPES_:
        break;
    }
    return -EINVAL; /* not reached: all types are above */
}

int
config_value_from_text (const struct config_option *option, const char *text,
                        struct config_value *ret_value,
                        struct config_reason *reason)
{
    struct config_value value = {0};

    int rc = value_read_text (option, text, &value, reason);
    if (rc == 0)
        *ret_value = value;
    else
        config_value_done (&value);
    return rc;
}

static int
reason_kind (struct config_reason *reason, const struct config_option *option,
             const struct toml_node *node)
{
    char expected[CONFIG_EXPECTED_MAX];

    reason->place = node->place;
    return reason_set (reason, "%s will not do; write %s",
                       toml_kind_name (node->kind),
                       config_option_expected (option, expected));
}

/* { endpoint = "…", key = "…" } and nothing else. */
static int
link_from_table (const struct config_option *option,
                 const struct toml_node *node, struct config_value *value,
                 struct config_reason *reason)
{
    struct bytes endpoint = {0}, key = {0};

    for (size_t i = 0; i < node->count; i++) {
        const struct toml_node *child = &node->child[i];
        bool is_endpoint = strcmp (child->key, "endpoint") == 0;
        if (child->kind != TOML_STRING
            || (!is_endpoint && strcmp (child->key, "key") != 0))
            return reason_kind (reason, option, node);
        *(is_endpoint ? &endpoint : &key) = bytes_of (child->text, child->size);
    }
    if (endpoint.data == NULL || key.data == NULL)
        return reason_kind (reason, option, node);
    return links_add (option, endpoint, key, value, reason);
}

static int
list_from_toml (const struct config_option *option,
                const struct toml_node *node, struct config_value *value,
                struct config_reason *reason)
{
    bool links = option->type == OPTION_LINKS;
    int rc = 0;

    for (size_t i = 0; i < node->count && rc == 0; i++) {
        const struct toml_node *item = &node->child[i];
        struct bytes text = bytes_of (item->text, item->size);
        reason->place = item->place;
        if (links && item->kind == TOML_TABLE)
            rc = link_from_table (option, item, value, reason);
        else if (item->kind != TOML_STRING)
            rc = reason_kind (reason, option, item);
        else if (links)
            rc = links_add (option, text, (struct bytes){0}, value, reason);
        else
            rc = strings_add (option, text, value, reason);
    }
    return rc;
}

static int
value_read_toml (const struct config_option *option,
                 const struct toml_node *node, struct config_value *value,
                 struct config_reason *reason)
{
    static const enum toml_kind kinds[OPTION_TYPES_] = {
        [OPTION_BOOL] = TOML_BOOL,     [OPTION_INTEGER] = TOML_INTEGER,
        [OPTION_CHOICE] = TOML_STRING, [OPTION_STRING] = TOML_STRING,
        [OPTION_PATH] = TOML_STRING,   [OPTION_STRINGS] = TOML_ARRAY,
        [OPTION_LINKS] = TOML_ARRAY,
    };

    reason->place = node->place;
    if (node->kind != kinds[option->type])
        return reason_kind (reason, option, node);
    switch (option->type) {
    case OPTION_BOOL:
        value->boolean = node->boolean;
        return 0;
    case OPTION_INTEGER:
        return integer_take (option, node->integer, value, reason);
    case OPTION_CHOICE:
    case OPTION_STRING:
    case OPTION_PATH:
        return string_take (option, bytes_of (node->text, node->size), value,
                            reason);
    case OPTION_STRINGS:
    case OPTION_LINKS:
        return list_from_toml (option, node, value, reason);
    case OPTION_TYPES_:
        break;
    }
    return -EINVAL; /* not reached: all types are above */
}

int
config_value_from_toml (const struct config_option *option,
                        const struct toml_node *node,
                        struct config_value *ret_value,
                        struct config_reason *reason)
{
    struct config_value value = {0};

    int rc = value_read_toml (option, node, &value, reason);
    if (rc == 0)
        *ret_value = value;
    else
        config_value_done (&value);
    return rc;
}

static bool
value_is_default (const struct config_option *option,
                  const struct config_value *value)
{
    switch (option->type) {
    case OPTION_BOOL:
        return value->boolean == (strcmp (option->preset, "true") == 0);
    case OPTION_INTEGER:
        return value->integer == strtoll (option->preset, NULL, 10);
    case OPTION_CHOICE:
    case OPTION_STRING:
    case OPTION_PATH:
        return strcmp (value->text, option->preset) == 0;
    case OPTION_STRINGS:
    case OPTION_LINKS:
        return value->strings.count == 0 && value->links.count == 0;
    case OPTION_TYPES_:
        break;
    }
    return false;
}

int
config_value_supported (const struct config_option *option,
                        const struct config_value *value,
                        struct config_reason *reason)
{
    if (option->when == OPTION_NOW || value_is_default (option, value)
        || (value->text != NULL && strcmp (value->text, "off") == 0))
        return 0;
    return reason_set (reason, "not supported by this version; leave it out");
}

/* The field of OPTION in CONFIG; its C type is that of the option. */
static void *
field_of (const struct config_option *option, const struct config *config)
{
    return (char *)config + option->offset;
}

struct config_value
config_value_view (const struct config_option *option,
                   const struct config *config)
{
    struct config_value value = {0};
    const void *field = field_of (option, config);

    switch (option->type) {
    case OPTION_BOOL:
        value.boolean = *(const bool *)field;
        break;
    case OPTION_INTEGER:
        value.integer = *(const int64_t *)field;
        break;
    case OPTION_CHOICE:
    case OPTION_STRING:
    case OPTION_PATH:
        value.text = *(char *const *)field;
        break;
    case OPTION_STRINGS:
        value.strings = *(const struct string_list *)field;
        break;
    case OPTION_LINKS:
        value.links = *(const struct config_links *)field;
        break;
    case OPTION_TYPES_:
        break;
    }
    return value;
}

void
config_value_store (const struct config_option *option, struct config *config,
                    struct config_value *value)
{
    struct config_value old = config_value_view (option, config);
    void *field = field_of (option, config);

    config_value_done (&old);
    switch (option->type) {
    case OPTION_BOOL:
        *(bool *)field = value->boolean;
        break;
    case OPTION_INTEGER:
        *(int64_t *)field = value->integer;
        break;
    case OPTION_CHOICE:
    case OPTION_STRING:
    case OPTION_PATH:
        *(char **)field = value->text;
        break;
    case OPTION_STRINGS:
        *(struct string_list *)field = value->strings;
        break;
    case OPTION_LINKS:
        *(struct config_links *)field = value->links;
        break;
    case OPTION_TYPES_:
        break;
    }
    *value = (struct config_value){0};
}

static void
text_print (FILE *out, const char *text)
{
    fputc ('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc ('\\', out);
        fputc (*text, out);
    }
    fputc ('"', out);
}

static void
links_print (FILE *out, const struct config_links *links)
{
    for (size_t i = 0; i < links->count; i++) {
        const struct config_link *link = &links->item[i];
        fputs (i > 0 ? ", " : "", out);
        if (link->key != NULL)
            fputs ("{ endpoint = ", out);
        text_print (out, link->endpoint);
        if (link->key == NULL)
            continue;
        fputs (", key = ", out);
        text_print (out, link->key);
        fputs (" }", out);
    }
}

void
config_value_print (FILE *out, const struct config_option *option,
                    const struct config_value *value)
{
    switch (option->type) {
    case OPTION_BOOL:
        fputs (value->boolean ? "true" : "false", out);
        break;
    case OPTION_INTEGER:
        fprintf (out, "%" PRId64, value->integer);
        break;
    case OPTION_CHOICE:
    case OPTION_STRING:
    case OPTION_PATH:
        text_print (out, value->text);
        break;
    case OPTION_STRINGS:
    case OPTION_LINKS:
        fputc ('[', out);
        for (size_t i = 0; i < value->strings.count; i++) {
            fputs (i > 0 ? ", " : "", out);
            text_print (out, value->strings.item[i]);
        }
        links_print (out, &value->links);
        fputc (']', out);
        break;
    case OPTION_TYPES_:
        break;
    }
}
