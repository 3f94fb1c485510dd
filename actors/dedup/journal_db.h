/* SPDX-License-Identifier: MIT */
/* journal_db - the journal's SQLite connection: its settings, tables and
 * statements. Only journal.c uses it. */
#pragma once

#include <sqlite3.h>

#include "base.h"

/* Every statement once. Rows of entries begin with the columns that the start
 * needs (and the sum over them); the payload comes last, since what follows a
 * long value is slow to reach. */
#define JOURNAL_STATEMENTS(X)                                                  \
    X (BEGIN, "BEGIN IMMEDIATE")                                               \
    X (COMMIT, "COMMIT")                                                       \
    X (ROLLBACK, "ROLLBACK")                                                   \
    X (INSERT, "INSERT INTO entries VALUES (?,?,?,?,?,?,?,?,?,?)")             \
    X (READ, "SELECT * FROM entries WHERE seq >= ? ORDER BY seq LIMIT ?")      \
    X (SCAN, "SELECT seq, timestamp, received_us, command, local, gov_id,"     \
             " head_sum FROM entries WHERE seq >= ? ORDER BY seq")             \
    X (SEEK, "SELECT seq FROM entries WHERE seq >= ? ORDER BY seq LIMIT 1")    \
    X (SINCE, "SELECT seq FROM entries WHERE seq >= ? AND timestamp >= ?"      \
              " ORDER BY seq LIMIT 1")                                         \
    X (LAST, "SELECT max (seq) FROM entries")                                  \
    X (GET_META, "SELECT value FROM meta WHERE name = ?")                      \
    X (SET_META, "INSERT OR REPLACE INTO meta VALUES (?, ?)")                  \
    X (GET_ACKS, "SELECT name, seq FROM readers")                              \
    X (SET_ACK, "INSERT OR REPLACE INTO readers VALUES (?, ?)")

enum journal_statement {
#define X(NAME, sql) JOURNAL_##NAME,
    JOURNAL_STATEMENTS (X)
#undef X
        JOURNAL_STATEMENTS_
};

struct journal_db {
    sqlite3 *sqlite;                              /* owned */
    sqlite3_stmt *statement[JOURNAL_STATEMENTS_]; /* owned */
};

/* Opens PATH, makes the tables if there are none, prepares all statements.
 * Returns 0, or -errno with nothing left open: -EUCLEAN, this is no journal;
 * -ENOTSUP, of a later version; -EBUSY, somebody has it. */
int journal_db_open (struct journal_db *db, const char *path);
void journal_db_close (struct journal_db *db);

/* Returns what SQLite's RC means as -errno; 0 for OK, ROW and DONE. */
int journal_db_error (const struct journal_db *db, int rc);

/* Runs a statement that gives no rows, then resets it. Returns 0 or -errno. */
int journal_db_run (struct journal_db *db, enum journal_statement which);

/* Sets *ret_value to the number NAME of the meta table. Returns 0, -ENOENT or
 * -errno. */
int journal_db_get (struct journal_db *db, const char *name,
                    int64_t *ret_value);
int journal_db_set (struct journal_db *db, const char *name, int64_t value);
