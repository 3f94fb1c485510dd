/* SPDX-License-Identifier: MIT */
/* fixture - what the tests of governance messages share: the vectors, their
 * keys, and a judge that asks everything a relay asks of the bytes alone. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "messages/governance/message.h"

#define FIXTURE_NOW INT64_C (1764361549) /* of every vector */
#define FIXTURE_KEYS 6                   /* 0..3 secp256k1, 4 and 5 Ed25519 */

/* Returns the array in tests/vectors/NAME.json; yours to json_decref. */
json_t *fixture_load (const char *name);

/* Returns the payload of the message vector NAME; yours to free (). */
char *fixture_payload (const char *name);

/* Returns the good message of COMMAND (or a status query) as an object; yours
 * to json_decref. */
json_t *fixture_object (enum command command);

/* Returns secret key INDEX of the vectors. */
struct secret_key fixture_secret (struct key_context *keys, size_t index);

/* Returns the public key of it; yours to free (). */
char *fixture_public (size_t index);

/* Parses PAYLOAD and forgets what it held. RET_WHY may be NULL. */
enum verdict fixture_parse (enum command command, struct bytes payload,
                            struct refusal *ret_why);

/* Parses OBJECT, written compactly, with KEY set to VALUE (taken; NULL removes
 * the key) in the good message of COMMAND. */
enum verdict fixture_parse_with (enum command command, const char *key,
                                 json_t *value);

/* What a fresh relay says at NOW: parse, time, verify. Sets ret_id and, unless
 * NULL, ret_string (yours to free ()) when it is accepted and not a status. */
enum verdict fixture_judge (struct key_context *keys, enum command command,
                            struct bytes payload, int64_t now_s,
                            struct gov_id *ret_id, char **ret_string);

/* Fails, in words, unless the two verdicts are one. */
#define CHECK_VERDICT(expr, expected)                                          \
    fixture_check_verdict ((expr), (expected), #expr, __FILE__, __LINE__)
void fixture_check_verdict (enum verdict verdict, enum verdict expected,
                            const char *text, const char *file, int line);
