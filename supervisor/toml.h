/* SPDX-License-Identifier: MIT */
/* toml - TOML 1.0 text as a plain tree, for C. Behind it is toml++; nothing of
 * C++ shows here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum toml_kind {
    TOML_TABLE,
    TOML_ARRAY,
    TOML_STRING,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_BOOL,
    TOML_TIME, /* a date, a time or both */
    TOML_KINDS_
};

/* Both count from 1; columns count characters. */
struct toml_place {
    unsigned line;
    unsigned column;
};

struct toml_node {
    enum toml_kind kind;
    struct toml_place place;     /* of the value */
    char *key;                   /* NULL in an array; no NUL in it; owned */
    struct toml_place key_place; /* of the key */
    char *text;                  /* STRING, with a NUL after it; owned */
    size_t size;                 /* of text, which may hold NULs */
    int64_t integer;             /* INTEGER */
    bool boolean;                /* BOOL */
    struct toml_node *child;     /* TABLE, ARRAY: in file order; owned */
    size_t count;                /* of child */
};

struct toml_error {
    struct toml_place place;
    char text[256]; /* without control characters */
};

/* Reads SIZE bytes of TEXT.
 *
 * Returns: 0, -EBADMSG (*ret_error says what and where) or -ENOMEM.
 * Out:     *ret_root, a table for toml_destroy; left alone on failure.
 */
int toml_parse (const char *text, size_t size, struct toml_node **ret_root,
                struct toml_error *ret_error);

/* Frees *ROOT, if any, and sets it to NULL. */
void toml_destroy (struct toml_node **root);

/* Returns the name of a kind with its article, "an integer". */
const char *toml_kind_name (enum toml_kind kind);

#ifdef __cplusplus
}
#endif
