/* SPDX-License-Identifier: MIT */
/* store - what the registry remembers across restarts.
 *
 *   in   the address book, who is not welcome
 *   out  both, as they were some seconds before the stop
 *   owns the SQLite connection, what was written of each table
 *
 * A row's key is its slot: writing a slot anew needs no word about who was
 * there. Nothing that is read is believed: the tables look at each row as at
 * what a stranger says.
 */
#include "actors/registry/store.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/sqlite_error.h"

#define STORE_KEY_SIZE 16
#define STORE_TIME_MAX                                                         \
    (INT64_C (1) << 40) /* Unix seconds; sums never overflow */

/* NORMAL: a crash may lose the last batches, never the file. EXCLUSIVE: one
 * connection, no shared memory. */
static const char store_settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
                                     "PRAGMA journal_mode = WAL;"
                                     "PRAGMA synchronous = NORMAL;"
                                     "PRAGMA cache_size = -1024;"
                                     "PRAGMA journal_size_limit = 4194304;"
                                     "PRAGMA temp_store = MEMORY;"
                                     "PRAGMA trusted_schema = OFF;";

static const char store_tables[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS secret (key BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS addresses ("
    " slot INTEGER PRIMARY KEY, address TEXT NOT NULL,"
    " services INTEGER NOT NULL, seen_s INTEGER NOT NULL,"
    " attempted_s INTEGER NOT NULL, good_s INTEGER NOT NULL,"
    " put_off_s INTEGER NOT NULL, failures INTEGER NOT NULL,"
    " source INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS bans ("
    " slot INTEGER PRIMARY KEY, net TEXT NOT NULL, until_s INTEGER NOT NULL,"
    " manual INTEGER NOT NULL);"
    "INSERT INTO secret SELECT randomblob (16)"
    " WHERE NOT EXISTS (SELECT * FROM secret);"
    "PRAGMA user_version = 1;"
    "COMMIT;";

#define STORE_STATEMENTS(X)                                                    \
    X (BEGIN, "BEGIN IMMEDIATE")                                               \
    X (COMMIT, "COMMIT")                                                       \
    X (ROLLBACK, "ROLLBACK")                                                   \
    X (GET_KEY, "SELECT key FROM secret")                                      \
    X (GET_ADDRESSES, "SELECT * FROM addresses ORDER BY slot")                 \
    X (SET_ADDRESS,                                                            \
       "INSERT OR REPLACE INTO addresses VALUES (?,?,?,?,?,?,?,?,?)")          \
    X (DROP_ADDRESS, "DELETE FROM addresses WHERE slot = ?")                   \
    X (GET_BANS, "SELECT * FROM bans ORDER BY slot")                           \
    X (SET_BAN, "INSERT OR REPLACE INTO bans VALUES (?,?,?,?)")                \
    X (DROP_BAN, "DELETE FROM bans WHERE slot = ?")

enum store_statement {
#define X(NAME, sql) STORE_##NAME,
    STORE_STATEMENTS (X)
#undef X
        STORE_STATEMENTS_
};

static const char *const store_sql[] = {
#define X(NAME, sql) sql,
    STORE_STATEMENTS (X)
#undef X
};

struct store {
    sqlite3 *sqlite;                            /* owned */
    sqlite3_stmt *statement[STORE_STATEMENTS_]; /* owned */
    uint64_t book_version;                      /* as it is in the file */
    uint64_t standing_version;
    uint8_t key[STORE_KEY_SIZE];
};

static int
store_error (const struct store *self, int rc)
{
    return sqlite_error (self->sqlite, rc);
}

static int
store_execute (struct store *self, const char *sql)
{
    return store_error (self,
                        sqlite3_exec (self->sqlite, sql, NULL, NULL, NULL));
}

/* Runs a statement that gives no rows. */
static int
store_run (struct store *self, enum store_statement which)
{
    int rc = store_error (self, sqlite3_step (self->statement[which]));
    sqlite3_reset (self->statement[which]);
    return rc;
}

/* Asks SQL for one value. Returns 0 when it is a row, with *ret_number the
 * number in it and *ret_well whether it is the text "ok". */
static int
store_ask (struct store *self, const char *sql, int64_t *ret_number,
           bool *ret_well)
{
    sqlite3_stmt *ask = NULL;
    int rc = store_error (
        self, sqlite3_prepare_v2 (self->sqlite, sql, -1, &ask, NULL));
    if (rc == 0) {
        int step = sqlite3_step (ask);
        rc = step == SQLITE_ROW ? 0 : store_error (self, step);
        if (rc == 0 && step != SQLITE_ROW)
            rc = -EUCLEAN;
    }
    if (rc == 0) {
        const unsigned char *text = sqlite3_column_text (ask, 0);
        *ret_well = text && strcmp ((const char *)text, "ok") == 0;
        *ret_number = sqlite3_column_int64 (ask, 0);
    }
    sqlite3_finalize (ask);
    return rc;
}

/* The file is ours, or empty, and whole. Nothing is written before that. */
static int
store_check (struct store *self)
{
    int64_t version;
    bool well;

    int rc = store_ask (self, "PRAGMA user_version", &version, &well);
    if (rc == 0 && version > STORE_VERSION)
        return -ENOTSUP;
    if (rc == 0)
        rc = store_ask (self, "PRAGMA quick_check (1)", &version, &well);
    return rc == 0 && !well ? -EUCLEAN : rc;
}

static int
store_prepare (struct store *self)
{
    for (int i = 0; i < STORE_STATEMENTS_; i++) {
        int rc = sqlite3_prepare_v3 (self->sqlite, store_sql[i], -1,
                                     SQLITE_PREPARE_PERSISTENT,
                                     &self->statement[i], NULL);
        if (rc != SQLITE_OK)
            return store_error (self, rc);
    }
    return 0;
}

static int
store_read_key (struct store *self)
{
    sqlite3_stmt *get = self->statement[STORE_GET_KEY];
    int step = sqlite3_step (get);
    int rc = step == SQLITE_ROW ? 0 : store_error (self, step);

    if (rc == 0
        && (step != SQLITE_ROW
            || sqlite3_column_bytes (get, 0) != STORE_KEY_SIZE))
        rc = -EUCLEAN;
    if (rc == 0)
        memcpy (self->key, sqlite3_column_blob (get, 0), STORE_KEY_SIZE);
    sqlite3_reset (get);
    return rc;
}

void
store_close (struct store **store)
{
    struct store *self = *store;
    if (!self)
        return;
    *store = NULL;
    for (int i = 0; i < STORE_STATEMENTS_; i++)
        sqlite3_finalize (self->statement[i]);
    sqlite3_close (self->sqlite);
    free (self);
}

static int
store_open_file (const char *path, struct store **ret_store)
{
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    struct store *self = calloc (1, sizeof *self);
    if (!self)
        return -ENOMEM;

    int rc =
        store_error (self, sqlite3_open_v2 (path, &self->sqlite, flags, NULL));
    if (rc == 0)
        rc = store_check (self);
    if (rc == 0)
        rc = store_execute (self, store_settings);
    if (rc == 0)
        rc = store_execute (self, store_tables);
    if (rc == 0)
        rc = store_prepare (self);
    if (rc == 0)
        rc = store_read_key (self);
    if (rc != 0) {
        store_close (&self);
        return rc;
    }
    *ret_store = self;
    return 0;
}

static int
store_set_aside (const char *path, int64_t now_s)
{
    static const char *const parts[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < ARRAY_SIZE (parts); i++) {
        char from[STORE_PATH_MAX + 8], to[STORE_PATH_MAX + 64];
        snprintf (from, sizeof from, "%s%s", path, parts[i]);
        snprintf (to, sizeof to, "%s.damaged-%" PRId64 "%s", path, now_s,
                  parts[i]);
        if (rename (from, to) != 0 && errno != ENOENT)
            return -errno;
    }
    return 0;
}

int
store_open (const char *path, int64_t now_s, struct store **ret_store,
            bool *ret_replaced)
{
    if (strlen (path) > STORE_PATH_MAX)
        return -ENAMETOOLONG;
    bool replaced = false;
    int rc = store_open_file (path, ret_store);
    if (rc == -EUCLEAN) {
        replaced = true;
        rc = store_set_aside (path, now_s);
        if (rc == 0)
            rc = store_open_file (path, ret_store);
    }
    if (rc == 0)
        *ret_replaced = replaced;
    return rc;
}

const uint8_t *
store_key (const struct store *self)
{
    return self->key;
}

static struct bytes
store_text (sqlite3_stmt *row, int column)
{
    const void *text = sqlite3_column_text (row, column);
    return bytes_of (text,
                     text ? (size_t)sqlite3_column_bytes (row, column) : 0);
}

/* Takes a number of a column when it is one and in range. */
static bool
store_number (sqlite3_stmt *row, int column, int64_t max, int64_t *ret_number)
{
    int64_t number = sqlite3_column_int64 (row, column);
    if (sqlite3_column_type (row, column) != SQLITE_INTEGER || number < 0
        || number > max)
        return false;
    *ret_number = number;
    return true;
}

static void
store_load_address (sqlite3_stmt *stmt, struct addrbook *book, int64_t now_s)
{
    struct addrbook_row row;
    int64_t slot, failures, source;

    if (!store_number (stmt, 0, ADDRBOOK_MAX - 1, &slot)
        || !place_read (store_text (stmt, 1), &row.place)
        || !store_number (stmt, 3, STORE_TIME_MAX, &row.seen_s)
        || !store_number (stmt, 4, STORE_TIME_MAX, &row.attempted_s)
        || !store_number (stmt, 5, STORE_TIME_MAX, &row.good_s)
        || !store_number (stmt, 6, STORE_TIME_MAX, &row.put_off_s)
        || !store_number (stmt, 7, UINT32_MAX, &failures)
        || !store_number (stmt, 8, UINT32_MAX, &source))
        return;
    row.services = (uint64_t)sqlite3_column_int64 (stmt, 2);
    row.failures = (uint32_t)failures;
    row.source = (uint32_t)source;
    addrbook_restore (book, (size_t)slot, &row, now_s);
}

static void
store_load_ban (sqlite3_stmt *stmt, struct standing *standing, int64_t now_s)
{
    struct standing_row row;
    int64_t slot, manual;

    if (!store_number (stmt, 0, STANDING_MAX - 1, &slot)
        || !place_net_read (store_text (stmt, 1), &row.net)
        || !store_number (stmt, 2, STORE_TIME_MAX, &row.until_s)
        || !store_number (stmt, 3, 1, &manual))
        return;
    row.manual = manual == 1;
    standing_restore (standing, (size_t)slot, &row, now_s);
}

int
store_load (struct store *self, struct addrbook *book,
            struct standing *standing, int64_t now_s)
{
    sqlite3_stmt *get = self->statement[STORE_GET_ADDRESSES];
    int step;

    while ((step = sqlite3_step (get)) == SQLITE_ROW)
        store_load_address (get, book, now_s);
    int rc = store_error (self, step);
    sqlite3_reset (get);

    get = self->statement[STORE_GET_BANS];
    while (rc == 0 && (step = sqlite3_step (get)) == SQLITE_ROW)
        store_load_ban (get, standing, now_s);
    if (rc == 0)
        rc = store_error (self, step);
    sqlite3_reset (get);
    self->book_version = addrbook_version (book);
    self->standing_version = standing_version (standing);
    return rc;
}

static int
store_save_address (struct store *self, size_t slot,
                    const struct addrbook_row *row)
{
    enum store_statement which = row ? STORE_SET_ADDRESS : STORE_DROP_ADDRESS;
    sqlite3_stmt *set = self->statement[which];
    char text[PLACE_TEXT_MAX + 1];

    sqlite3_bind_int64 (set, 1, (int64_t)slot);
    if (row) {
        place_write (&row->place, text);
        sqlite3_bind_text (set, 2, text, -1, SQLITE_STATIC);
        sqlite3_bind_int64 (set, 3, (int64_t)row->services);
        sqlite3_bind_int64 (set, 4, row->seen_s);
        sqlite3_bind_int64 (set, 5, row->attempted_s);
        sqlite3_bind_int64 (set, 6, row->good_s);
        sqlite3_bind_int64 (set, 7, row->put_off_s);
        sqlite3_bind_int64 (set, 8, row->failures);
        sqlite3_bind_int64 (set, 9, row->source);
    }
    int rc = store_run (self, which);
    sqlite3_clear_bindings (set);
    return rc;
}

static int
store_save_ban (struct store *self, size_t slot, const struct standing_row *row)
{
    bool kept = row && row->until_s > 0;
    enum store_statement which = kept ? STORE_SET_BAN : STORE_DROP_BAN;
    sqlite3_stmt *set = self->statement[which];
    char text[PLACE_NET_TEXT_MAX + 1];

    sqlite3_bind_int64 (set, 1, (int64_t)slot);
    if (kept) {
        place_net_write (&row->net, text);
        sqlite3_bind_text (set, 2, text, -1, SQLITE_STATIC);
        sqlite3_bind_int64 (set, 3, row->until_s);
        sqlite3_bind_int64 (set, 4, row->manual);
    }
    int rc = store_run (self, which);
    sqlite3_clear_bindings (set);
    return rc;
}

static int
store_save_changes (struct store *self, const struct addrbook *book,
                    const struct standing *standing)
{
    int rc = 0;

    for (size_t slot = 0;
         rc == 0 && addrbook_changed (book, self->book_version, &slot); slot++)
        rc = store_save_address (self, slot, addrbook_at (book, slot));
    for (size_t slot = 0;
         rc == 0 && standing_changed (standing, self->standing_version, &slot);
         slot++)
        rc = store_save_ban (self, slot, standing_at (standing, slot));
    return rc;
}

int
store_save (struct store *self, const struct addrbook *book,
            const struct standing *standing)
{
    int rc = store_run (self, STORE_BEGIN);
    if (rc != 0)
        return rc;
    rc = store_save_changes (self, book, standing);
    if (rc == 0)
        rc = store_run (self, STORE_COMMIT);
    if (rc != 0) {
        store_run (self, STORE_ROLLBACK); /* SQLite may have done so itself */
        return rc;
    }
    self->book_version = addrbook_version (book);
    self->standing_version = standing_version (standing);
    return 0;
}

bool
store_is_behind (const struct store *self, const struct addrbook *book,
                 const struct standing *standing)
{
    return self->book_version != addrbook_version (book)
           || self->standing_version != standing_version (standing);
}
