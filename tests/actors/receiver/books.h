/* SPDX-License-Identifier: MIT */
/* books - a governance database in a private directory, messages signed for
 * it, and a look into it past the code under test. */
#pragma once

#include "actors/receiver/commons.h"
#include "actors/receiver/store.h"
#include "tests/messages/governance/fixture.h"

#define BOOKS_NOW FIXTURE_NOW

struct books {
    char dir[32];
    char path[64];
    struct store *store; /* NULL while closed; owned */
    struct commons commons;
    struct key_context *keys; /* owned */
    unsigned labels;          /* given out so far */
};

/* Opens an empty database; fails the test if that fails. */
void books_open (struct books *books);
/* Closes and removes it. */
void books_close (struct books *books);

/* Closes and opens the store, as a restart does. */
void books_restart (struct books *books);

/* Runs SQL that gives one text or number, on a connection of its own. Returns
 * it as text; yours to free (). */
char *books_ask (const struct books *books, const char *sql);
void books_check (const struct books *books, const char *sql,
                  const char *expected, const char *file, int line);
/* Fails unless SQL gives TEXT. */
#define BOOKS_CHECK(books, sql, text)                                          \
    books_check ((books), (sql), (text), __FILE__, __LINE__)

/* Runs SQL that gives nothing, on a connection of its own. */
void books_run (const struct books *books, const char *sql);

/* Each returns a message signed by KEY of the vectors at TIMESTAMP; yours to
 * free (). */
char *books_registration (struct books *books, size_t key, double percentage,
                          int64_t timestamp);
char *books_veto (struct books *books, size_t key, int32_t pr_id,
                  enum signal_type signal, int64_t timestamp);
char *books_fork (struct books *books, size_t key, const char *ruleset,
                  int64_t timestamp);

/* Judges PAYLOAD, which must be good. */
struct http_asked books_judge (struct books *books, enum http_target target,
                               const char *payload);

/* Judges PAYLOAD (taken) and puts it through in a transaction of its own.
 * Returns the answer; done with http_answer_done. */
struct http_answer books_take (struct books *books, enum http_target target,
                               char *payload);

/* The same, for the answer's status: a static text. */
const char *books_status (struct books *books, enum http_target target,
                          char *payload);
