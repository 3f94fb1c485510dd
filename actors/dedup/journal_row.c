/* SPDX-License-Identifier: MIT */
/* journal_row - an entry as a row of the journal, under two sums.
 *
 *   in   entries, rows
 *   out  rows, entries that are what was once written
 *   owns nothing
 *
 * head_sum covers what the start reads, so that the start need not read the
 * rest; body_sum covers the whole row.
 */
#include "actors/dedup/journal_row.h"

#include <endian.h>
#include <sodium.h>

/* Sums find damage, not malice: whoever can write the file owns us anyhow. */
static const uint8_t journal_sum_key[crypto_shorthash_KEYBYTES] = {'j'};

static int64_t
journal_sum (const uint8_t *data, size_t size)
{
    uint64_t sum;

    static_assert (sizeof sum == crypto_shorthash_BYTES, "one integer");
    crypto_shorthash ((uint8_t *)&sum, data, size, journal_sum_key);
    return (int64_t)le64toh (sum);
}

static uint8_t *
journal_put (uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        *at++ = (uint8_t)(value >> 8 * i);
    return at;
}

static int64_t
journal_head_sum (const struct entry *entry)
{
    uint8_t bytes[5 * 8 + sizeof entry->id.bytes], *at = bytes;

    at = journal_put (at, entry->seq);
    at = journal_put (at, (uint64_t)entry->timestamp);
    at = journal_put (at, (uint64_t)entry->received_us);
    at = journal_put (at, (uint64_t)entry->command);
    at = journal_put (at, entry->local);
    memcpy (at, entry->id.bytes, sizeof entry->id.bytes);
    return journal_sum (bytes, sizeof bytes);
}

/* Covers the head too, so that two rows cannot change bodies. */
static int64_t
journal_body_sum (const struct entry *entry, int64_t head_sum)
{
    uint8_t bytes[2 * 8 + PUBLIC_KEY_TEXT_MAX], *at = bytes;
    int64_t payload_sum =
        journal_sum (entry->payload.data, entry->payload.size);

    assert (entry->public_key.size <= PUBLIC_KEY_TEXT_MAX);
    at = journal_put (at, (uint64_t)head_sum);
    at = journal_put (at, (uint64_t)payload_sum);
    if (entry->public_key.size > 0)
        memcpy (at, entry->public_key.data, entry->public_key.size);
    return journal_sum (bytes, 2 * 8 + entry->public_key.size);
}

bool
journal_row_head (sqlite3_stmt *row, struct entry *ret_entry)
{
    struct entry entry = {
        .seq = (uint64_t)sqlite3_column_int64 (row, 0),
        .timestamp = sqlite3_column_int64 (row, 1),
        .received_us = sqlite3_column_int64 (row, 2),
    };
    int64_t command = sqlite3_column_int64 (row, 3);
    int64_t local = sqlite3_column_int64 (row, 4);
    const void *id = sqlite3_column_blob (row, 5);

    if (command < 0 || command >= COMMANDS_ || local < 0 || local > 1
        || id == NULL || sqlite3_column_bytes (row, 5) != sizeof entry.id)
        return false;
    entry.command = (enum command)command;
    entry.local = local == 1;
    memcpy (entry.id.bytes, id, sizeof entry.id.bytes);
    if (journal_head_sum (&entry) != sqlite3_column_int64 (row, 6))
        return false;
    *ret_entry = entry;
    return true;
}

struct bytes
journal_row_bytes (sqlite3_stmt *row, int column)
{
    const void *data = sqlite3_column_blob (row, column);
    return bytes_of (data, (size_t)sqlite3_column_bytes (row, column));
}

bool
journal_row_body (sqlite3_stmt *row, struct entry *entry)
{
    struct bytes public_key = journal_row_bytes (row, 7);
    struct bytes payload = journal_row_bytes (row, 9);

    if (public_key.size > PUBLIC_KEY_TEXT_MAX
        || payload.size > GOVERNANCE_PAYLOAD_MAX)
        return false;
    entry->public_key = public_key;
    entry->payload = payload;
    return journal_body_sum (entry, sqlite3_column_int64 (row, 6))
           == sqlite3_column_int64 (row, 8);
}

/* SQLite takes a NULL pointer for NULL, which no column may be. */
static void
journal_row_bind (sqlite3_stmt *row, int parameter, struct bytes bytes)
{
    const void *data = bytes.size > 0 ? (const void *)bytes.data : "";
    sqlite3_bind_blob (row, parameter, data, (int)bytes.size, SQLITE_STATIC);
}

int
journal_row_insert (struct journal_db *db, const struct entry *entry,
                    uint64_t seq)
{
    sqlite3_stmt *row = db->statement[JOURNAL_INSERT];
    struct entry numbered = *entry;

    numbered.seq = seq;
    int64_t head_sum = journal_head_sum (&numbered);
    sqlite3_bind_int64 (row, 1, (int64_t)seq);
    sqlite3_bind_int64 (row, 2, entry->timestamp);
    sqlite3_bind_int64 (row, 3, entry->received_us);
    sqlite3_bind_int (row, 4, (int)entry->command);
    sqlite3_bind_int (row, 5, entry->local);
    sqlite3_bind_blob (row, 6, entry->id.bytes, sizeof entry->id.bytes,
                       SQLITE_STATIC);
    sqlite3_bind_int64 (row, 7, head_sum);
    journal_row_bind (row, 8, entry->public_key);
    sqlite3_bind_int64 (row, 9, journal_body_sum (&numbered, head_sum));
    journal_row_bind (row, 10, entry->payload);
    return journal_db_run (db, JOURNAL_INSERT);
}
