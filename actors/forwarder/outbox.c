/* SPDX-License-Identifier: MIT */
/* outbox - what Commons has not got yet, on disk.
 *
 *   in   journal entries; what became of each row
 *   out  rows in line order, the payload of one
 *   owns forwarder.db, through one connection (SQLite 3.40 can damage a WAL
 *        that several connections write or checkpoint)
 *
 * Next on the tour: actors/forwarder/http_client.c
 */
#include "actors/forwarder/outbox.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#define BUSY_MS 1000 /* somebody looks at the file with another program */

/* PLACE is ours and never used twice (AUTOINCREMENT), so that a place names a
 * row even after the journal was begun anew and its numbers came again. The
 * indexes are the two ways in which rows are read. */
static const char schema_sql[] =
    "CREATE TABLE outbox ("
    " place INTEGER PRIMARY KEY AUTOINCREMENT,"
    " seq INTEGER NOT NULL,"
    " gov_id BLOB NOT NULL UNIQUE CHECK (length (gov_id) = 32),"
    " command TEXT NOT NULL,"
    " public_key TEXT NOT NULL,"
    " payload BLOB NOT NULL,"
    " received_us INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " next_try_us INTEGER NOT NULL DEFAULT 0,"
    " last_status INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX outbox_line ON outbox (command, place);"
    "CREATE INDEX outbox_key ON outbox (command, public_key, place);"
    "CREATE TABLE dead ("
    " gov_id BLOB PRIMARY KEY CHECK (length (gov_id) = 32),"
    " seq INTEGER NOT NULL,"
    " command TEXT NOT NULL,"
    " public_key TEXT NOT NULL,"
    " payload BLOB NOT NULL,"
    " received_us INTEGER NOT NULL,"
    " died_us INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " reason TEXT NOT NULL,"
    " status INTEGER NOT NULL,"
    " excerpt TEXT NOT NULL) STRICT;"
    "CREATE TABLE journal (cursor INTEGER NOT NULL) STRICT;"
    "INSERT INTO journal VALUES (0);"
    "PRAGMA user_version = 1;";

enum statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_PUT,
    SQL_CURSOR,
    SQL_SIZE,
    SQL_DELETE,
    SQL_RETRY,
    SQL_FORGET,
    SQL_BURY,
    SQL_SCAN,
    SQL_KEY,
    SQL_LOAD,
    SQL_OLDEST,
    STATEMENTS_
};

static const char *const statements[STATEMENTS_] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_PUT] = "INSERT INTO outbox (seq, gov_id, command, public_key, payload,"
                " received_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                " ON CONFLICT (gov_id) DO NOTHING",
    [SQL_CURSOR] = "UPDATE journal SET cursor = ?1",
    [SQL_SIZE] = "SELECT length (payload) FROM outbox WHERE place = ?1",
    [SQL_DELETE] = "DELETE FROM outbox WHERE place = ?1",
    [SQL_RETRY] = "UPDATE outbox SET attempts = ?2, last_status = ?3,"
                  " next_try_us = ?4 WHERE place = ?1",
    [SQL_FORGET] = "DELETE FROM dead WHERE gov_id ="
                   " (SELECT gov_id FROM outbox WHERE place = ?1)"
                   " RETURNING length (payload)",
    [SQL_BURY] = "INSERT INTO dead SELECT gov_id, seq, command, public_key,"
                 " payload, received_us, ?2, ?3, ?4, ?5, ?6 FROM outbox"
                 " WHERE place = ?1",
    [SQL_SCAN] = "SELECT place, public_key, attempts, next_try_us FROM outbox"
                 " WHERE command = ?1 AND place > ?2 ORDER BY place LIMIT ?3",
    [SQL_KEY] = "SELECT place, public_key, attempts, next_try_us FROM outbox"
                " WHERE command = ?1 AND public_key = ?2 AND place > ?3"
                " ORDER BY place LIMIT 1",
    [SQL_LOAD] = "SELECT gov_id, received_us, attempts, payload FROM outbox"
                 " WHERE place = ?1",
    [SQL_OLDEST] = "SELECT received_us FROM outbox ORDER BY place LIMIT 1",
};

struct outbox {
    sqlite3 *db;                          /* owned */
    sqlite3_stmt *statement[STATEMENTS_]; /* owned */
    bool in_transaction;
    bool cursor_moved;                      /* in the transaction */
    uint64_t cursor, committed_cursor;      /* with, without transaction */
    struct outbox_counts counts, committed; /* the same */
};

static int
error_of (int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return -EACCES;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: /* a value that we never write */
    case SQLITE_MISMATCH:
        return -EBADMSG;
    default:
        return -EIO;
    }
}

/* Returns the statement, free of its last use. */
static sqlite3_stmt *
statement_of (struct outbox *outbox, enum statement statement)
{
    sqlite3_stmt *stmt = outbox->statement[statement];

    sqlite3_reset (stmt);
    return stmt;
}

/* Runs a bound statement that gives no rows. */
static int
run (sqlite3_stmt *stmt)
{
    int rc = sqlite3_step (stmt);

    sqlite3_reset (stmt);
    return error_of (rc);
}

static int
bind_text (sqlite3_stmt *stmt, int column, struct bytes text)
{
    return sqlite3_bind_text (stmt, column, (const char *)text.data,
                              (int)text.size, SQLITE_STATIC);
}

static int
transaction_begin (struct outbox *outbox)
{
    if (outbox->in_transaction)
        return 0;

    int rc = run (statement_of (outbox, SQL_BEGIN));
    outbox->in_transaction = rc == 0;
    return rc;
}

uint64_t
outbox_cursor (const struct outbox *outbox)
{
    return outbox->cursor;
}

struct outbox_counts
outbox_counts (const struct outbox *outbox)
{
    return outbox->committed;
}

bool
outbox_is_dirty (const struct outbox *outbox)
{
    return outbox->in_transaction;
}

int
outbox_put (struct outbox *outbox, const struct outbox_entry *entry)
{
    int rc = transaction_begin (outbox);
    if (rc != 0)
        return rc;

    sqlite3_stmt *stmt = statement_of (outbox, SQL_PUT);
    sqlite3_bind_int64 (stmt, 1, (int64_t)entry->seq);
    sqlite3_bind_blob (stmt, 2, entry->id.bytes, sizeof (entry->id.bytes),
                       SQLITE_STATIC);
    bind_text (stmt, 3, bytes_of_text (command_name (entry->command)));
    bind_text (stmt, 4, entry->public_key);
    sqlite3_bind_blob (stmt, 5, entry->payload.data, (int)entry->payload.size,
                       SQLITE_STATIC);
    sqlite3_bind_int64 (stmt, 6, entry->received_us);
    rc = run (stmt);
    sqlite3_clear_bindings (stmt); /* they are the caller's bytes */
    if (rc != 0)
        return rc;

    bool is_new = sqlite3_changes (outbox->db) == 1;
    outbox->cursor = entry->seq;
    outbox->cursor_moved = true;
    outbox->counts.rows += is_new;
    outbox->counts.bytes += is_new ? (int64_t)entry->payload.size : 0;
    return is_new;
}

int
outbox_set_cursor (struct outbox *outbox, uint64_t seq)
{
    int rc = transaction_begin (outbox);

    if (rc != 0)
        return rc;
    outbox->cursor = seq; /* written by the commit */
    outbox->cursor_moved = true;
    return 0;
}

/* Returns the size of row PLACE's payload, -ENOENT, or an error. */
static int64_t
row_size (struct outbox *outbox, int64_t place)
{
    sqlite3_stmt *stmt = statement_of (outbox, SQL_SIZE);

    sqlite3_bind_int64 (stmt, 1, place);
    int rc = sqlite3_step (stmt);
    int64_t size = rc == SQLITE_ROW ? sqlite3_column_int64 (stmt, 0) : -ENOENT;
    sqlite3_reset (stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? size : error_of (rc);
}

int
outbox_done (struct outbox *outbox, int64_t place)
{
    int rc = transaction_begin (outbox);
    if (rc != 0)
        return rc;

    int64_t size = row_size (outbox, place);
    if (size < 0)
        return size == -ENOENT ? 0 : (int)size;

    sqlite3_stmt *stmt = statement_of (outbox, SQL_DELETE);
    sqlite3_bind_int64 (stmt, 1, place);
    rc = run (stmt);
    if (rc != 0)
        return rc;
    outbox->counts.rows--;
    outbox->counts.bytes -= size;
    return 0;
}

int
outbox_retry (struct outbox *outbox, int64_t place, unsigned attempts,
              unsigned status, int64_t next_try_us)
{
    int rc = transaction_begin (outbox);
    if (rc != 0)
        return rc;

    sqlite3_stmt *stmt = statement_of (outbox, SQL_RETRY);
    sqlite3_bind_int64 (stmt, 1, place);
    sqlite3_bind_int64 (stmt, 2, attempts);
    sqlite3_bind_int64 (stmt, 3, status);
    sqlite3_bind_int64 (stmt, 4, next_try_us);
    return run (stmt);
}

/* Drops the dead letter of row PLACE's gov_id, if there is one: the journal was
 * read anew, and the new death counts. */
static int
dead_forget (struct outbox *outbox, int64_t place)
{
    sqlite3_stmt *stmt = statement_of (outbox, SQL_FORGET);
    int rc;

    sqlite3_bind_int64 (stmt, 1, place);
    while ((rc = sqlite3_step (stmt)) == SQLITE_ROW) {
        outbox->counts.dead--;
        outbox->counts.dead_bytes -= sqlite3_column_int64 (stmt, 0);
    }
    sqlite3_reset (stmt);
    return error_of (rc);
}

int
outbox_bury (struct outbox *outbox, int64_t place,
             const struct outbox_death *death)
{
    int rc = transaction_begin (outbox);
    if (rc != 0)
        return rc;

    int64_t size = row_size (outbox, place);
    if (size < 0)
        return size == -ENOENT ? 0 : (int)size;
    rc = dead_forget (outbox, place);
    if (rc != 0)
        return rc;

    sqlite3_stmt *stmt = statement_of (outbox, SQL_BURY);
    sqlite3_bind_int64 (stmt, 1, place);
    sqlite3_bind_int64 (stmt, 2, death->at_us);
    sqlite3_bind_int64 (stmt, 3, death->attempts);
    bind_text (stmt, 4, bytes_of_text (death->reason));
    sqlite3_bind_int64 (stmt, 5, death->status);
    bind_text (stmt, 6, bytes_of_text (death->excerpt));
    rc = run (stmt);
    sqlite3_clear_bindings (stmt);
    if (rc != 0)
        return rc;
    outbox->counts.dead++;
    outbox->counts.dead_bytes += size;
    return outbox_done (outbox, place);
}

int
outbox_commit (struct outbox *outbox)
{
    int rc = 0;

    if (!outbox->in_transaction)
        return 0;
    if (outbox->cursor_moved) {
        sqlite3_stmt *stmt = statement_of (outbox, SQL_CURSOR);
        sqlite3_bind_int64 (stmt, 1, (int64_t)outbox->cursor);
        rc = run (stmt);
    }
    if (rc == 0)
        rc = run (statement_of (outbox, SQL_COMMIT));
    if (rc != 0)
        return rc;
    outbox->in_transaction = false;
    outbox->cursor_moved = false;
    outbox->committed_cursor = outbox->cursor;
    outbox->committed = outbox->counts;
    return 0;
}

void
outbox_rollback (struct outbox *outbox)
{
    /* A full disk may have rolled back by itself: then this one fails. */
    if (outbox->in_transaction)
        run (statement_of (outbox, SQL_ROLLBACK));
    outbox->in_transaction = false;
    outbox->cursor_moved = false;
    outbox->cursor = outbox->committed_cursor;
    outbox->counts = outbox->committed;
}

/* Reads the row that STMT stands on. What was on the disk is checked: a longer
 * key or an odd number is nothing of ours. */
static int
row_read (sqlite3_stmt *stmt, struct outbox_row *ret_row)
{
    const unsigned char *key = sqlite3_column_text (stmt, 1);
    int size = sqlite3_column_bytes (stmt, 1);
    int64_t attempts = sqlite3_column_int64 (stmt, 2);

    if (key == NULL || size > PUBLIC_KEY_TEXT_MAX || attempts < 0)
        return -EBADMSG;
    *ret_row = (struct outbox_row){
        .place = sqlite3_column_int64 (stmt, 0),
        .attempts = (unsigned)(attempts & INT32_MAX),
        .next_try_us = sqlite3_column_int64 (stmt, 3),
    };
    memcpy (ret_row->public_key, key, (size_t)size);
    return 0;
}

static int
rows_read (sqlite3_stmt *stmt, struct outbox_row *ret_rows, int max)
{
    int count = 0;
    int rc = 0;

    while (rc == 0 && count < max) {
        int step = sqlite3_step (stmt);
        if (step != SQLITE_ROW) {
            rc = error_of (step);
            break;
        }
        rc = row_read (stmt, &ret_rows[count]);
        count++;
    }
    sqlite3_reset (stmt);
    return rc != 0 ? rc : count;
}

int
outbox_scan (struct outbox *outbox, enum command command, int64_t place,
             struct outbox_row *ret_rows, int max)
{
    sqlite3_stmt *stmt = statement_of (outbox, SQL_SCAN);

    bind_text (stmt, 1, bytes_of_text (command_name (command)));
    sqlite3_bind_int64 (stmt, 2, place);
    sqlite3_bind_int (stmt, 3, max);
    return rows_read (stmt, ret_rows, max);
}

int
outbox_next_of_key (struct outbox *outbox, enum command command,
                    const char *public_key, int64_t place,
                    struct outbox_row *ret_row)
{
    sqlite3_stmt *stmt = statement_of (outbox, SQL_KEY);

    bind_text (stmt, 1, bytes_of_text (command_name (command)));
    bind_text (stmt, 2, bytes_of_text (public_key));
    sqlite3_bind_int64 (stmt, 3, place);
    int rc = rows_read (stmt, ret_row, 1);
    sqlite3_clear_bindings (stmt);
    return rc;
}

static int
letter_read (sqlite3_stmt *stmt, struct outbox_letter *ret_letter)
{
    const void *id = sqlite3_column_blob (stmt, 0);
    int id_size = sqlite3_column_bytes (stmt, 0);
    int64_t attempts = sqlite3_column_int64 (stmt, 2);
    const void *payload = sqlite3_column_blob (stmt, 3);
    int size = sqlite3_column_bytes (stmt, 3);
    struct outbox_letter letter = {0};

    if (id == NULL || id_size != (int)sizeof (letter.id.bytes) || attempts < 0
        || payload == NULL || size > GOVERNANCE_PAYLOAD_MAX)
        return -EBADMSG;
    memcpy (letter.id.bytes, id, sizeof (letter.id.bytes));
    letter.received_us = sqlite3_column_int64 (stmt, 1);
    letter.attempts = (unsigned)(attempts & INT32_MAX);
    if (buffer_append (&letter.payload, bytes_of (payload, (size_t)size)) != 0)
        return -ENOMEM;
    *ret_letter = letter;
    return 0;
}

int
outbox_load (struct outbox *outbox, int64_t place,
             struct outbox_letter *ret_letter)
{
    sqlite3_stmt *stmt = statement_of (outbox, SQL_LOAD);

    sqlite3_bind_int64 (stmt, 1, place);
    int rc = sqlite3_step (stmt);
    if (rc == SQLITE_ROW)
        rc = letter_read (stmt, ret_letter);
    else
        rc = rc == SQLITE_DONE ? -ENOENT : error_of (rc);
    sqlite3_reset (stmt);
    return rc;
}

int64_t
outbox_oldest_us (struct outbox *outbox)
{
    sqlite3_stmt *stmt = statement_of (outbox, SQL_OLDEST);
    int rc = sqlite3_step (stmt);
    int64_t oldest_us = rc == SQLITE_ROW ? sqlite3_column_int64 (stmt, 0) : 0;

    sqlite3_reset (stmt);
    return error_of (rc) != 0 ? error_of (rc) : oldest_us;
}

/* Reads up to two integers of one row that SQL gives. */
static int
read_integers (struct outbox *outbox, const char *sql, int64_t *ret_first,
               int64_t *ret_second)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2 (outbox->db, sql, -1, &stmt, NULL);

    if (rc != SQLITE_OK)
        return error_of (rc);
    rc = sqlite3_step (stmt);
    if (rc == SQLITE_ROW) {
        *ret_first = sqlite3_column_int64 (stmt, 0);
        if (ret_second != NULL)
            *ret_second = sqlite3_column_int64 (stmt, 1);
    }
    sqlite3_finalize (stmt);
    return rc == SQLITE_DONE ? -EBADMSG : error_of (rc);
}

/* Creates the tables of a new file, in one transaction. A later schema adds its
 * steps here. */
static int
schema_create (struct outbox *outbox)
{
    int rc = sqlite3_exec (outbox->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_exec (outbox->db, schema_sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec (outbox->db, "COMMIT", NULL, NULL, NULL);
    return error_of (rc);
}

/* Learns what is stored. */
static int
contents_read (struct outbox *outbox)
{
    struct outbox_counts *counts = &outbox->counts;
    int64_t cursor = 0;
    int rc = read_integers (
        outbox, "SELECT count (*), total (length (payload)) FROM outbox",
        &counts->rows, &counts->bytes);

    if (rc == 0)
        rc = read_integers (
            outbox, "SELECT count (*), total (length (payload)) FROM dead",
            &counts->dead, &counts->dead_bytes);
    if (rc == 0)
        rc =
            read_integers (outbox, "SELECT cursor FROM journal", &cursor, NULL);
    if (rc == 0 && cursor < 0)
        rc = -EBADMSG;
    if (rc != 0)
        return rc;
    outbox->committed = *counts;
    outbox->cursor = outbox->committed_cursor = (uint64_t)cursor;
    return 0;
}

static int
statements_prepare (struct outbox *outbox)
{
    for (int i = 0; i < STATEMENTS_; i++) {
        int rc = sqlite3_prepare_v3 (outbox->db, statements[i], -1,
                                     SQLITE_PREPARE_PERSISTENT,
                                     &outbox->statement[i], NULL);
        if (rc != SQLITE_OK)
            return error_of (rc);
    }
    return 0;
}

/* SQLite gives its files the mode of the first one: so that one is made here,
 * for nobody but us. */
static int
file_make (const char *path)
{
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    close (fd);
    return 0;
}

static int
outbox_prepare (struct outbox *outbox, const char *path)
{
    int64_t version = 0;
    int rc = file_make (path);

    if (rc != 0)
        return rc;

    rc = sqlite3_open_v2 (path, &outbox->db,
                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return error_of (rc);
    sqlite3_extended_result_codes (outbox->db, 1);
    sqlite3_busy_timeout (outbox->db, BUSY_MS);
    rc = read_integers (outbox, "PRAGMA user_version", &version, NULL);
    if (rc != 0)
        return rc;
    if (version < 0 || version > OUTBOX_SCHEMA)
        return version < 0 ? -EBADMSG : -ENOTSUP; /* left as it was */
    rc = sqlite3_exec (outbox->db,
                       "PRAGMA journal_mode = WAL;"
                       "PRAGMA synchronous = FULL;"
                       "PRAGMA journal_size_limit = 16777216;"
                       "PRAGMA trusted_schema = OFF;",
                       NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return error_of (rc);
    rc = version == 0 ? schema_create (outbox) : 0;
    if (rc == 0)
        rc = statements_prepare (outbox);
    if (rc == 0)
        rc = contents_read (outbox);
    return rc;
}

void
outbox_close (struct outbox **outbox)
{
    struct outbox *self = *outbox;

    if (self == NULL)
        return;
    if (self->in_transaction)
        outbox_rollback (self);
    for (int i = 0; i < STATEMENTS_; i++)
        sqlite3_finalize (self->statement[i]);
    sqlite3_close (self->db);
    free (self);
    *outbox = NULL;
}

int
outbox_open (const char *path, struct outbox **ret_outbox)
{
    owned (outbox_close) struct outbox *outbox = calloc (1, sizeof (*outbox));

    if (outbox == NULL)
        return -ENOMEM;

    int rc = outbox_prepare (outbox, path);
    /* Whoever starts us anew has mended something: nothing waits longer. */
    if (rc == 0)
        rc = error_of (sqlite3_exec (
            outbox->db, "UPDATE outbox SET next_try_us = 0", NULL, NULL, NULL));
    if (rc != 0)
        return rc;
    *ret_outbox = outbox;
    outbox = NULL;
    return 0;
}
