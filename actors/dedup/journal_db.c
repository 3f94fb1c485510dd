/* SPDX-License-Identifier: MIT */
/* journal_db - SQLite as the journal wants it.
 *
 *   in   a path
 *   out  prepared statements, errors as -errno
 *   owns the connection
 */
#include "actors/dedup/journal_db.h"

#include "actors/sqlite_error.h"

#define JOURNAL_VERSION 1

/* WAL and FULL: a commit is one write and one fsync, and is on the disk when it
 * returns. EXCLUSIVE: one connection, no shared memory, no locks to take for
 * each batch. 8 KiB pages: at start half as many to read as of 4 KiB, and yet
 * little to write for a batch of one. The cache is small: entries are read in
 * order, and the newest come from memory. */
static const char journal_settings[] = "PRAGMA page_size = 8192;"
                                       "PRAGMA locking_mode = EXCLUSIVE;"
                                       "PRAGMA journal_mode = WAL;"
                                       "PRAGMA synchronous = FULL;"
                                       "PRAGMA cache_size = -1024;"
                                       "PRAGMA wal_autocheckpoint = 1024;"
                                       "PRAGMA journal_size_limit = 16777216;"
                                       "PRAGMA temp_store = MEMORY;"
                                       "PRAGMA trusted_schema = OFF;";

/* No index on gov_id: it is random, and would cost eight times what a row
 * costs; the index is in memory. None on the time either (journal.c, marks). */
static const char journal_tables[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS meta ("
    " name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS readers ("
    " name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS entries ("
    " seq INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL,"
    " received_us INTEGER NOT NULL, command INTEGER NOT NULL,"
    " local INTEGER NOT NULL, gov_id BLOB NOT NULL, head_sum INTEGER NOT NULL,"
    " public_key BLOB NOT NULL, body_sum INTEGER NOT NULL,"
    " payload BLOB NOT NULL);"
    "INSERT OR IGNORE INTO meta VALUES ('version', 1);"
    "COMMIT;";

static const char *const journal_sql[] = {
#define X(NAME, sql) sql,
    JOURNAL_STATEMENTS (X)
#undef X
};

int
journal_db_error (const struct journal_db *db, int rc)
{
    return sqlite_error (db->sqlite, rc);
}

int
journal_db_run (struct journal_db *db, enum journal_statement which)
{
    int rc = journal_db_error (db, sqlite3_step (db->statement[which]));
    sqlite3_reset (db->statement[which]);
    return rc;
}

int
journal_db_get (struct journal_db *db, const char *name, int64_t *ret_value)
{
    sqlite3_stmt *get = db->statement[JOURNAL_GET_META];

    sqlite3_bind_text (get, 1, name, -1, SQLITE_STATIC);
    int step = sqlite3_step (get);
    int rc = step == SQLITE_DONE ? -ENOENT : journal_db_error (db, step);
    if (rc == 0)
        *ret_value = sqlite3_column_int64 (get, 0);
    sqlite3_reset (get);
    return rc;
}

int
journal_db_set (struct journal_db *db, const char *name, int64_t value)
{
    sqlite3_stmt *set = db->statement[JOURNAL_SET_META];

    sqlite3_bind_text (set, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64 (set, 2, value);
    return journal_db_run (db, JOURNAL_SET_META);
}

static int
journal_db_prepare (struct journal_db *db)
{
    for (int i = 0; i < JOURNAL_STATEMENTS_; i++) {
        int rc = sqlite3_prepare_v3 (db->sqlite, journal_sql[i], -1,
                                     SQLITE_PREPARE_PERSISTENT,
                                     &db->statement[i], NULL);
        if (rc != SQLITE_OK)
            return journal_db_error (db, rc);
    }
    return 0;
}

static int
journal_db_check_version (struct journal_db *db)
{
    int64_t version;
    int rc = journal_db_get (db, "version", &version);

    if (rc == -ENOENT)
        return -EUCLEAN;
    if (rc == 0 && version > JOURNAL_VERSION)
        return -ENOTSUP;
    return rc;
}

void
journal_db_close (struct journal_db *db)
{
    for (int i = 0; i < JOURNAL_STATEMENTS_; i++)
        sqlite3_finalize (db->statement[i]);
    sqlite3_close (db->sqlite);
    *db = (struct journal_db){0};
}

int
journal_db_open (struct journal_db *db, const char *path)
{
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

    *db = (struct journal_db){0};
    int rc =
        journal_db_error (db, sqlite3_open_v2 (path, &db->sqlite, flags, NULL));
    if (rc == 0)
        rc = journal_db_error (
            db, sqlite3_exec (db->sqlite, journal_settings, NULL, NULL, NULL));
    if (rc == 0)
        rc = journal_db_error (
            db, sqlite3_exec (db->sqlite, journal_tables, NULL, NULL, NULL));
    if (rc == 0)
        rc = journal_db_prepare (db);
    if (rc == 0)
        rc = journal_db_check_version (db);
    if (rc != 0)
        journal_db_close (db);
    return rc;
}
