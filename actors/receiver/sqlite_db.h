/* SPDX-License-Identifier: MIT */
/* sqlite_db - the SQLite connection of the governance database: settings,
 * migrations, statements, values in and out. Only store_sqlite.c uses it. */
#pragma once

#include <sqlite3.h>

#include "actors/receiver/store.h"
#include "base.h"

#define SQLITE_DB_VERSION 1 /* how many migrations there are */

/* Every statement once. */
#define SQLITE_DB_STATEMENTS(X)                                                \
    X (BEGIN, "BEGIN IMMEDIATE")                                               \
    X (COMMIT, "COMMIT")                                                       \
    X (ROLLBACK, "ROLLBACK")                                                   \
    X (PROBE, "INSERT OR REPLACE INTO meta VALUES ('probed_at', ?)")           \
    X (FIND_ANSWER, "SELECT status, answer FROM messages WHERE gov_id = ?")    \
    X (FIND_LABEL, "SELECT 1 FROM messages WHERE public_key = ?"               \
                   " AND message_id = ? LIMIT 1")                              \
    X (ADD_MESSAGE, "INSERT INTO messages (gov_id, command, public_key,"       \
                    " message_id, timestamp, received_at, payload, status,"    \
                    " answer) VALUES (?,?,?,?,?,?,?,?,?)")                     \
    X (FIND_NODE, "SELECT * FROM nodes WHERE node_id = ?")                     \
    X (FIND_NODE_OF, "SELECT * FROM nodes WHERE public_key = ?")               \
    X (ADD_NODE, "INSERT INTO nodes VALUES (NULL,?,?,?,?,?,?,?)")              \
    X (FIND_REVISION, "SELECT timestamp, gov_id FROM revisions"                \
                      " WHERE node_id = ?"                                     \
                      " ORDER BY timestamp DESC, gov_id LIMIT 1")              \
    X (ADD_REVISION, "INSERT INTO revisions (node_id, gov_id, timestamp,"      \
                     " state, node_type, entity_name, qualified, weight_ppm)"  \
                     " VALUES (?,?,?,?,?,?,?,?)")                              \
    X (DROP_REVISIONS, "UPDATE revisions SET state = 'superseded'"             \
                       " WHERE node_id = ? AND state = 'waiting'")             \
    X (FIND_SIGNAL, "SELECT * FROM signals WHERE public_key = ?"               \
                    " AND pr_id = ? AND outcome <> 'superseded'")              \
    X (FIND_DECISION, "SELECT * FROM decisions WHERE public_key = ?"           \
                      " AND outcome <> 'superseded'")                          \
    X (PENDING_SIGNAL, "SELECT * FROM signals WHERE node_id = ?"               \
                       " AND outcome = 'pending' LIMIT 1")                     \
    X (PENDING_DECISION, "SELECT * FROM decisions WHERE node_id = ?"           \
                         " AND outcome = 'pending' LIMIT 1")                   \
    X (ADD_SIGNAL, "INSERT INTO signals VALUES (?,?,?,?,?,?,?)")               \
    X (ADD_DECISION, "INSERT INTO decisions VALUES (?,?,?,?,?,?)")             \
    X (SET_SIGNAL, "UPDATE signals SET outcome = ? WHERE gov_id = ?")          \
    X (SET_DECISION, "UPDATE decisions SET outcome = ? WHERE gov_id = ?")      \
    X (BIND_SIGNALS, "UPDATE signals SET node_id = ? WHERE public_key = ?"     \
                     " AND node_id IS NULL")                                   \
    X (BIND_DECISIONS, "UPDATE decisions SET node_id = ?"                      \
                       " WHERE public_key = ? AND node_id IS NULL")            \
    X (NOTE_RULESET,                                                           \
       "INSERT OR IGNORE INTO rulesets VALUES (?, 'observed', ?)")             \
    X (LAST_AUDIT, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")    \
    X (ADD_AUDIT, "INSERT INTO audit VALUES (?,?,?,?,?,?,?,?)")

enum sqlite_db_statement {
#define X(NAME, sql) SQL_##NAME,
    SQLITE_DB_STATEMENTS (X)
#undef X
        SQL_STATEMENTS_
};

struct sqlite_db {
    sqlite3 *sqlite;                          /* owned */
    sqlite3_stmt *statement[SQL_STATEMENTS_]; /* owned */
};

/* Opens PATH and brings its tables up to date. Returns as store_sqlite_open. */
int sqlite_db_open (struct sqlite_db *db, const char *path,
                    char ret_words[STORE_WORDS_MAX + 1]);
void sqlite_db_close (struct sqlite_db *db);

/* Returns what SQLite's RC means as -errno; 0 for OK, ROW and DONE. */
int sqlite_db_error (const struct sqlite_db *db, int rc);

/* Runs a statement that gives no rows, then resets it. Returns 0 or -errno. */
int sqlite_db_run (struct sqlite_db *db, enum sqlite_db_statement which);

/* Steps to the first row. Returns 0, -ENOENT (no row) or -errno; reset the
 * statement with sqlite_db_end after reading it. */
int sqlite_db_first (struct sqlite_db *db, enum sqlite_db_statement which);
void sqlite_db_end (struct sqlite_db *db, enum sqlite_db_statement which);

/* Each sets parameter AT (from 1). What is pointed to must stay until the
 * statement is reset; NULL sets NULL. */
void sqlite_db_set_text (struct sqlite_db *db, enum sqlite_db_statement which,
                         int at, const char *text);
void sqlite_db_set_number (struct sqlite_db *db, enum sqlite_db_statement which,
                           int at, int64_t number);
void sqlite_db_set_bytes (struct sqlite_db *db, enum sqlite_db_statement which,
                          int at, struct bytes bytes);
void sqlite_db_set_id (struct sqlite_db *db, enum sqlite_db_statement which,
                       int at, const struct gov_id *id);

/* Each takes column AT (from 0) of the current row, checked; false: it is not
 * what we wrote. Text fits SIZE bytes with its NUL. */
bool sqlite_db_take_text (struct sqlite_db *db, enum sqlite_db_statement which,
                          int at, char *ret_text, size_t size);
bool sqlite_db_take_number (struct sqlite_db *db,
                            enum sqlite_db_statement which, int at, int64_t min,
                            int64_t max, int64_t *ret_number);
bool sqlite_db_take_id (struct sqlite_db *db, enum sqlite_db_statement which,
                        int at, struct gov_id *ret_id);
bool sqlite_db_is_null (struct sqlite_db *db, enum sqlite_db_statement which,
                        int at);
