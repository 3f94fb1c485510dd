/* SPDX-License-Identifier: MIT */
/* journal_row - an entry as a row of the journal. Only journal.c uses it. */
#pragma once

#include "actors/dedup/entry.h"
#include "actors/dedup/journal_db.h"
#include "base.h"

/* Returns COLUMN's value, valid until the next step. */
struct bytes journal_row_bytes (sqlite3_stmt *row, int column);

/* Takes the columns up to head_sum. Returns true if they are what was
 * written. */
bool journal_row_head (sqlite3_stmt *row, struct entry *ret_entry);

/* Adds public_key and payload to an ENTRY that has its head; they are valid
 * until the next step. Returns true if the whole row is what was written. */
bool journal_row_body (sqlite3_stmt *row, struct entry *entry);

/* Writes ENTRY as number SEQ. Returns 0 or -errno. */
int journal_row_insert (struct journal_db *db, const struct entry *entry,
                        uint64_t seq);
