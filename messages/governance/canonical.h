/* SPDX-License-Identifier: MIT */
/* canonical - one text for one JSON value (PROTOCOL 3.4), for qual_hash. */
#pragma once

#include <jansson.h>

#include "base.h"

enum canonical_order {
    CANONICAL_DOCUMENT, /* keys as they stand in the document */
    CANONICAL_SORTED,   /* keys sorted by bytes at every level */
};

/* Returns the canonical text of VALUE, NUL-terminated, yours to free (), its
 * length in *ret_size; NULL when there is no memory. */
char *canonical_text (const json_t *value, enum canonical_order order,
                      size_t *ret_size);

/* Sets ret_hash to the lower-case hex SHA-256 of that text, and a NUL.
 * Returns 0 or -ENOMEM. */
int canonical_hash (const json_t *value, enum canonical_order order,
                    char ret_hash[65]);

/* Writes VALUE (finite) as PROTOCOL 3.4 lays out doubles, with a NUL; returns
 * the length. 32 bytes are enough for every double. (number.cc) */
#define CANONICAL_NUMBER_MAX 32
size_t canonical_number (double value, char ret_text[CANONICAL_NUMBER_MAX]);
