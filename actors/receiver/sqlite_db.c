/* SPDX-License-Identifier: MIT */
/* sqlite_db - SQLite as the governance database wants it.
 *
 *   in   a path
 *   out  tables of this version, prepared statements, errors as -errno
 *   owns the connection
 *
 * Next on the tour: actors/receiver/audit.c
 */
#include "actors/receiver/sqlite_db.h"

#include <stdio.h>

#include "actors/sqlite_error.h"

/* How long another program that writes (a backup, a shell) is waited for: well
 * below the total of 15 s that a forwarder waits for an answer. */
#define SQLITE_DB_BUSY_MS 1000

/* WAL and FULL: a commit is on the disk when it returns. One connection, but
 * not EXCLUSIVE: an operator may read the file while we run. */
static const char sqlite_db_settings[] = "PRAGMA journal_mode = WAL;"
                                         "PRAGMA synchronous = FULL;"
                                         "PRAGMA foreign_keys = ON;"
                                         "PRAGMA temp_store = MEMORY;"
                                         "PRAGMA trusted_schema = OFF;";

/* Migration N makes version N + 1 out of version N. Never change one that was
 * released: add the next.
 *
 * The unique indexes say what the rules promise: one message per gov_id, one
 * node per key, one voice in force or waiting per place, one successor per row
 * of the audit. */
static const char *const sqlite_db_migrations[SQLITE_DB_VERSION] = {
    "CREATE TABLE meta ("
    " name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE messages ("
    " seq INTEGER PRIMARY KEY,"
    " gov_id BLOB NOT NULL UNIQUE CHECK (length (gov_id) = 32),"
    " command TEXT NOT NULL,"
    " public_key TEXT NOT NULL,"
    " message_id TEXT NOT NULL,"
    " timestamp INTEGER NOT NULL,"
    " received_at INTEGER NOT NULL,"
    " payload BLOB NOT NULL,"
    " status INTEGER NOT NULL,"
    " answer TEXT NOT NULL) STRICT;"
    "CREATE INDEX messages_label ON messages (public_key, message_id);"

    "CREATE TABLE nodes ("
    " node_id INTEGER PRIMARY KEY CHECK (node_id BETWEEN 1 AND 2147483647),"
    " node_type TEXT NOT NULL,"
    " entity_name TEXT NOT NULL,"
    " public_key TEXT NOT NULL UNIQUE,"
    " status TEXT NOT NULL,"
    " weight_ppm INTEGER NOT NULL CHECK (weight_ppm BETWEEN 0 AND 1000000),"
    " registered_at INTEGER NOT NULL,"
    " last_verified_at INTEGER) STRICT;"

    "CREATE TABLE revisions ("
    " revision_id INTEGER PRIMARY KEY,"
    " node_id INTEGER NOT NULL REFERENCES nodes,"
    " gov_id BLOB NOT NULL UNIQUE REFERENCES messages (gov_id)"
    "  DEFERRABLE INITIALLY DEFERRED,"
    " timestamp INTEGER NOT NULL,"
    " state TEXT NOT NULL,"
    " node_type TEXT NOT NULL,"
    " entity_name TEXT NOT NULL,"
    " qualified INTEGER NOT NULL,"
    " weight_ppm INTEGER NOT NULL CHECK (weight_ppm BETWEEN 0 AND 1000000))"
    " STRICT;"
    "CREATE UNIQUE INDEX revisions_force ON revisions (node_id)"
    " WHERE state = 'in_force';"
    "CREATE UNIQUE INDEX revisions_waiting ON revisions (node_id)"
    " WHERE state = 'waiting';"
    "CREATE INDEX revisions_order"
    " ON revisions (node_id, timestamp DESC, gov_id);"

    "CREATE TABLE signals ("
    " gov_id BLOB PRIMARY KEY REFERENCES messages (gov_id)"
    "  DEFERRABLE INITIALLY DEFERRED,"
    " public_key TEXT NOT NULL,"
    " node_id INTEGER REFERENCES nodes,"
    " timestamp INTEGER NOT NULL,"
    " outcome TEXT NOT NULL,"
    " pr_id INTEGER NOT NULL CHECK (pr_id >= 1),"
    " signal_type TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX signals_place ON signals (public_key, pr_id)"
    " WHERE outcome <> 'superseded';"
    "CREATE UNIQUE INDEX signals_node ON signals (pr_id, node_id)"
    " WHERE outcome <> 'superseded' AND node_id IS NOT NULL;"
    "CREATE INDEX signals_pending ON signals (node_id)"
    " WHERE outcome = 'pending';"
    "CREATE INDEX signals_unbound ON signals (public_key)"
    " WHERE node_id IS NULL;"

    "CREATE TABLE decisions ("
    " gov_id BLOB PRIMARY KEY REFERENCES messages (gov_id)"
    "  DEFERRABLE INITIALLY DEFERRED,"
    " public_key TEXT NOT NULL,"
    " node_id INTEGER REFERENCES nodes,"
    " timestamp INTEGER NOT NULL,"
    " outcome TEXT NOT NULL,"
    " ruleset TEXT NOT NULL REFERENCES rulesets)"
    " STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX decisions_place ON decisions (public_key)"
    " WHERE outcome <> 'superseded';"
    "CREATE UNIQUE INDEX decisions_node ON decisions (node_id)"
    " WHERE outcome <> 'superseded' AND node_id IS NOT NULL;"
    "CREATE INDEX decisions_pending ON decisions (node_id)"
    " WHERE outcome = 'pending';"
    "CREATE INDEX decisions_unbound ON decisions (public_key)"
    " WHERE node_id IS NULL;"

    "CREATE TABLE rulesets ("
    " ruleset TEXT PRIMARY KEY,"
    " status TEXT NOT NULL,"
    " observed_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE audit ("
    " seq INTEGER PRIMARY KEY,"
    " previous BLOB NOT NULL UNIQUE CHECK (length (previous) = 32),"
    " hash BLOB NOT NULL UNIQUE CHECK (length (hash) = 32),"
    " at INTEGER NOT NULL,"
    " action TEXT NOT NULL,"
    " subject TEXT NOT NULL,"
    " gov_id BLOB,"
    " detail TEXT NOT NULL) STRICT;"};

static const char *const sqlite_db_sql[] = {
#define X(NAME, sql) sql,
    SQLITE_DB_STATEMENTS (X)
#undef X
};

int
sqlite_db_error (const struct sqlite_db *db, int rc)
{
    return sqlite_error (db->sqlite, rc);
}

int
sqlite_db_run (struct sqlite_db *db, enum sqlite_db_statement which)
{
    int rc = sqlite_db_error (db, sqlite3_step (db->statement[which]));
    sqlite3_reset (db->statement[which]);
    return rc;
}

int
sqlite_db_first (struct sqlite_db *db, enum sqlite_db_statement which)
{
    int step = sqlite3_step (db->statement[which]);
    int rc = step == SQLITE_DONE ? -ENOENT : sqlite_db_error (db, step);

    if (rc != 0)
        sqlite_db_end (db, which);
    return rc;
}

void
sqlite_db_end (struct sqlite_db *db, enum sqlite_db_statement which)
{
    sqlite3_reset (db->statement[which]);
}

/* A bind fails only by a bug of ours, or for want of memory; then the step that
 * follows fails on a NOT NULL column or finds nothing. */
void
sqlite_db_set_text (struct sqlite_db *db, enum sqlite_db_statement which,
                    int at, const char *text)
{
    sqlite3_bind_text (db->statement[which], at, text, -1, SQLITE_STATIC);
}

void
sqlite_db_set_number (struct sqlite_db *db, enum sqlite_db_statement which,
                      int at, int64_t number)
{
    sqlite3_bind_int64 (db->statement[which], at, number);
}

void
sqlite_db_set_bytes (struct sqlite_db *db, enum sqlite_db_statement which,
                     int at, struct bytes bytes)
{
    sqlite3_bind_blob64 (db->statement[which], at, bytes.data, bytes.size,
                         SQLITE_STATIC);
}

void
sqlite_db_set_id (struct sqlite_db *db, enum sqlite_db_statement which, int at,
                  const struct gov_id *id)
{
    sqlite_db_set_bytes (db, which, at,
                         bytes_of (id != NULL ? id->bytes : NULL,
                                   id != NULL ? sizeof id->bytes : 0));
}

bool
sqlite_db_take_text (struct sqlite_db *db, enum sqlite_db_statement which,
                     int at, char *ret_text, size_t size)
{
    sqlite3_stmt *row = db->statement[which];
    const unsigned char *text = sqlite3_column_text (row, at);
    size_t length = (size_t)sqlite3_column_bytes (row, at);

    if (text == NULL || length >= size || memchr (text, 0, length) != NULL)
        return false;
    memcpy (ret_text, text, length);
    ret_text[length] = '\0';
    return true;
}

bool
sqlite_db_take_number (struct sqlite_db *db, enum sqlite_db_statement which,
                       int at, int64_t min, int64_t max, int64_t *ret_number)
{
    sqlite3_stmt *row = db->statement[which];
    int64_t number = sqlite3_column_int64 (row, at);

    if (sqlite3_column_type (row, at) != SQLITE_INTEGER || number < min
        || number > max)
        return false;
    *ret_number = number;
    return true;
}

bool
sqlite_db_take_id (struct sqlite_db *db, enum sqlite_db_statement which, int at,
                   struct gov_id *ret_id)
{
    sqlite3_stmt *row = db->statement[which];
    const void *blob = sqlite3_column_blob (row, at);

    if (blob == NULL || sqlite3_column_bytes (row, at) != sizeof ret_id->bytes)
        return false;
    memcpy (ret_id->bytes, blob, sizeof ret_id->bytes);
    return true;
}

bool
sqlite_db_is_null (struct sqlite_db *db, enum sqlite_db_statement which, int at)
{
    return sqlite3_column_type (db->statement[which], at) == SQLITE_NULL;
}

static int
sqlite_db_execute (struct sqlite_db *db, const char *sql)
{
    return sqlite_db_error (db,
                            sqlite3_exec (db->sqlite, sql, NULL, NULL, NULL));
}

static int
sqlite_db_get_version (struct sqlite_db *db, int *ret_version)
{
    sqlite3_stmt *ask = NULL;
    int rc = sqlite_db_error (
        db,
        sqlite3_prepare_v2 (db->sqlite, "PRAGMA user_version", -1, &ask, NULL));
    if (rc == 0)
        rc = sqlite_db_error (db, sqlite3_step (ask));
    if (rc == 0)
        *ret_version = sqlite3_column_int (ask, 0);
    sqlite3_finalize (ask);
    return rc;
}

/* Takes one step towards SQLITE_DB_VERSION, inside a transaction. */
static int
sqlite_db_migrate_in (struct sqlite_db *db, int *ret_version)
{
    char set_version[64];
    int rc = sqlite_db_get_version (db, ret_version);

    if (rc != 0 || *ret_version == SQLITE_DB_VERSION)
        return rc;
    if (*ret_version < 0 || *ret_version > SQLITE_DB_VERSION)
        return -ENOTSUP;
    rc = sqlite_db_execute (db, sqlite_db_migrations[*ret_version]);
    if (rc != 0)
        return rc;
    (*ret_version)++;
    snprintf (set_version, sizeof set_version, "PRAGMA user_version = %d",
              *ret_version);
    return sqlite_db_execute (db, set_version);
}

/* Each step is a transaction of its own, so that two programs that start at
 * once do not both take it. */
static int
sqlite_db_migrate (struct sqlite_db *db, int *ret_version)
{
    int rc;

    do {
        rc = sqlite_db_execute (db, "BEGIN IMMEDIATE");
        if (rc == 0)
            rc = sqlite_db_migrate_in (db, ret_version);
        if (rc == 0)
            rc = sqlite_db_execute (db, "COMMIT");
    } while (rc == 0 && *ret_version < SQLITE_DB_VERSION);
    return rc; /* closing rolls back */
}

static int
sqlite_db_prepare (struct sqlite_db *db)
{
    for (int i = 0; i < SQL_STATEMENTS_; i++) {
        int rc = sqlite3_prepare_v3 (db->sqlite, sqlite_db_sql[i], -1,
                                     SQLITE_PREPARE_PERSISTENT,
                                     &db->statement[i], NULL);
        if (rc != SQLITE_OK)
            return sqlite_db_error (db, rc);
    }
    return 0;
}

static int
sqlite_db_connect (struct sqlite_db *db, const char *path)
{
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc =
        sqlite_db_error (db, sqlite3_open_v2 (path, &db->sqlite, flags, NULL));

    if (rc != 0)
        return rc;
    if (sqlite3_db_readonly (db->sqlite, "main") == 1)
        return -EROFS; /* SQLite itself would notice at the first commit */
    sqlite3_busy_timeout (db->sqlite, SQLITE_DB_BUSY_MS);
    return 0;
}

/* A statement that was never prepared is NULL, which SQLite takes. */
void
sqlite_db_close (struct sqlite_db *db)
{
    for (int i = 0; i < SQL_STATEMENTS_; i++)
        sqlite3_finalize (db->statement[i]);
    sqlite3_close (db->sqlite);
    *db = (struct sqlite_db){0};
}

int
sqlite_db_open (struct sqlite_db *db, const char *path,
                char ret_words[STORE_WORDS_MAX + 1])
{
    int version = 0;

    *db = (struct sqlite_db){0};
    int rc = sqlite_db_connect (db, path);
    if (rc == 0)
        rc = sqlite_db_migrate (db, &version);
    if (rc == 0) /* not before we know that it is ours: WAL stays in the file */
        rc = sqlite_db_execute (db, sqlite_db_settings);
    if (rc == 0)
        rc = sqlite_db_prepare (db);
    if (rc == 0)
        return 0;

    if (rc == -ENOTSUP)
        snprintf (ret_words, STORE_WORDS_MAX + 1,
                  "%.150s has tables of version %d, we know up to %d: run a "
                  "later govrelay",
                  path, version, SQLITE_DB_VERSION);
    else
        snprintf (ret_words, STORE_WORDS_MAX + 1, "%.150s: %s", path,
                  rc == -EUCLEAN ? "not a governance database"
                                 : strerror (-rc));
    sqlite_db_close (db);
    return rc;
}
