/* SPDX-License-Identifier: MIT */
/* canonical - one text for one JSON value (PROTOCOL 3.4), for qual_hash.
 *
 *   in   a JSON value
 *   out  its compact text, or the hex SHA-256 of that
 *   owns nothing
 *
 * Next on the tour: messages/governance/number.cc, then reading.c
 */
#include "messages/governance/canonical.h"

#include <stdio.h>
#include <stdlib.h>

#include "digest.h"
#include "hex.h"

#define CANONICAL_FIRST_ROOM 1024 /* bytes; most registrations fit */

/* Text that grows. After a failed allocation it takes nothing more. */
struct text {
    char *data; /* owned */
    size_t size;
    size_t room;
    bool failed;
};

/* Makes room for SIZE bytes more and a NUL. */
static bool
text_reserve (struct text *text, size_t size)
{
    if (text->failed)
        return false;
    if (text->size + size < text->room)
        return true;

    size_t room = text->room == 0 ? CANONICAL_FIRST_ROOM : 2 * text->room;
    while (room <= text->size + size)
        room *= 2;
    char *data = realloc (text->data, room);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->room = room;
    return true;
}

static void
text_put (struct text *text, const char *data, size_t size)
{
    if (!text_reserve (text, size))
        return;
    memcpy (text->data + text->size, data, size);
    text->size += size;
}

static void
text_put_char (struct text *text, char c)
{
    text_put (text, &c, 1);
}

static void
text_put_integer (struct text *text, json_int_t value)
{
    char digits[24];
    int size = snprintf (digits, sizeof digits, "%" JSON_INTEGER_FORMAT, value);

    text_put (text, digits, (size_t)size);
}

static void
text_put_number (struct text *text, double value)
{
    char digits[CANONICAL_NUMBER_MAX];
    size_t size = canonical_number (value, digits);

    text_put (text, digits, size);
}

static void
text_put_escaped (struct text *text, uint8_t c)
{
    static const char short_form[] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n',  ['\r'] = 'r',
        ['\t'] = 't', ['"'] = '"',  ['\\'] = '\\',
    };
    char long_form[8];

    if (short_form[c] != '\0') {
        text_put_char (text, '\\');
        text_put_char (text, short_form[c]);
        return;
    }
    int size = snprintf (long_form, sizeof long_form, "\\u%04x", c);
    text_put (text, long_form, (size_t)size);
}

static void
text_put_string (struct text *text, const char *string, size_t size)
{
    size_t plain = 0; /* where the run that needs no escape began */

    text_put_char (text, '"');
    for (size_t i = 0; i < size; i++) {
        uint8_t c = (uint8_t)string[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        text_put (text, string + plain, i - plain);
        text_put_escaped (text, c);
        plain = i + 1;
    }
    text_put (text, string + plain, size - plain);
    text_put_char (text, '"');
}

struct member {
    const char *key; /* borrowed from the object */
    size_t key_size;
    const json_t *value; /* borrowed from the object */
};

/* Orders by bytes; a key that begins another comes before it. */
static int
member_compare (const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    size_t shorter = a->key_size < b->key_size ? a->key_size : b->key_size;
    int order = memcmp (a->key, b->key, shorter);

    if (order != 0)
        return order;
    return (a->key_size > b->key_size) - (a->key_size < b->key_size);
}

/* Returns the members of OBJECT, yours to free (); NULL if none, or if there
 * is no memory. */
static struct member *
members_of (const json_t *object, size_t *ret_count)
{
    json_t *walk = (json_t *)object; /* jansson walks no const object */
    size_t count = json_object_size (object);
    struct member *members = calloc (count, sizeof *members);
    size_t i = 0;

    if (members == NULL)
        return NULL;
    for (void *iter = json_object_iter (walk); iter != NULL && i < count;
         iter = json_object_iter_next (walk, iter)) {
        members[i++] = (struct member){
            .key = json_object_iter_key (iter),
            .key_size = json_object_iter_key_len (iter),
            .value = json_object_iter_value (iter),
        };
    }
    *ret_count = i;
    return members;
}

static void
members_free (struct member **members)
{
    free (*members);
}

/* Values hold values, so one of the three must be named ahead. */
static void text_put_value (struct text *text, const json_t *value,
                            enum canonical_order order);

static void
text_put_object (struct text *text, const json_t *object,
                 enum canonical_order order)
{
    size_t count = 0;

    if (json_object_size (object) == 0) {
        text_put (text, "{}", 2);
        return;
    }
    owned (members_free) struct member *members = members_of (object, &count);
    if (members == NULL) {
        text->failed = true;
        return;
    }
    if (order == CANONICAL_SORTED)
        qsort (members, count, sizeof *members, member_compare);
    for (size_t i = 0; i < count; i++) {
        text_put_char (text, i == 0 ? '{' : ',');
        text_put_string (text, members[i].key, members[i].key_size);
        text_put_char (text, ':');
        text_put_value (text, members[i].value, order);
    }
    text_put_char (text, '}');
}

static void
text_put_array (struct text *text, const json_t *array,
                enum canonical_order order)
{
    text_put_char (text, '[');
    for (size_t i = 0; i < json_array_size (array); i++) {
        if (i > 0)
            text_put_char (text, ',');
        text_put_value (text, json_array_get (array, i), order);
    }
    text_put_char (text, ']');
}

static void
text_put_value (struct text *text, const json_t *value,
                enum canonical_order order)
{
    switch (json_typeof (value)) {
    case JSON_OBJECT:
        text_put_object (text, value, order);
        break;
    case JSON_ARRAY:
        text_put_array (text, value, order);
        break;
    case JSON_STRING:
        text_put_string (text, json_string_value (value),
                         json_string_length (value));
        break;
    case JSON_INTEGER:
        text_put_integer (text, json_integer_value (value));
        break;
    case JSON_REAL:
        text_put_number (text, json_real_value (value));
        break;
    case JSON_TRUE:
        text_put (text, "true", 4);
        break;
    case JSON_FALSE:
        text_put (text, "false", 5);
        break;
    case JSON_NULL:
        text_put (text, "null", 4);
        break;
    }
}

char *
canonical_text (const json_t *value, enum canonical_order order,
                size_t *ret_size)
{
    struct text text = {0};

    text_put_value (&text, value, order);
    if (!text_reserve (&text, 0)) {
        free (text.data);
        return NULL;
    }
    text.data[text.size] = '\0';
    *ret_size = text.size;
    return text.data;
}

int
canonical_hash (const json_t *value, enum canonical_order order,
                char ret_hash[65])
{
    uint8_t digest[DIGEST_SIZE];
    size_t size;
    char *text = canonical_text (value, order, &size);

    if (text == NULL)
        return -ENOMEM;
    digest_sha256 (bytes_of (text, size), digest);
    free (text);
    hex_encode (bytes_of (digest, sizeof digest), ret_hash);
    return 0;
}
