/* SPDX-License-Identifier: MIT */
/* journal - every accepted message, in order, for good: one SQLite file.
 *
 * One connection writes, reads and checkpoints; nobody else opens the file.
 * What journal_append took survives a power cut. A damaged entry is passed
 * over and counted; it never keeps the relay from starting.
 */
#pragma once

#include "actors/dedup/entry.h"
#include "base.h"

#define JOURNAL_BATCH_MAX 256  /* entries of one transaction */
#define JOURNAL_READERS_MAX 64 /* names that may hold a durable cursor */

struct journal;

struct journal_stats {
    uint64_t entries;  /* readable ones */
    uint64_t last_seq; /* 0: none was ever written */
    uint64_t damaged;  /* entries that are gone or do not match their sums */
    bool was_replaced; /* the file was beyond reading, moved aside */
};

/* Looks at ENTRY, borrowed for the call. Returns 0 to go on. */
typedef int journal_visit (void *self, const struct entry *entry);

/* Opens the journal at PATH, making it if need be, and shows every entry, in
 * order and without public_key and payload, to VISIT. NOW_S names a file that is
 * moved aside, and the numbers that follow it.
 *
 * Returns: 0; -errno: the disk's; -EBUSY, another process has it; -ENOTSUP,
 *          written by a later version; VISIT's own.
 * Out:     *ret_journal, for journal_close; left alone on failure.
 */
int journal_open (const char *path, int64_t now_s, journal_visit *visit,
                  void *self, struct journal **ret_journal);
void journal_close (struct journal **journal);

/* Makes COUNT entries (up to JOURNAL_BATCH_MAX), FLOOR_S and the acks noted
 * so far durable in one transaction.
 *
 * Returns: 0, or -errno: nothing is changed, call again.
 * Out:     each entry's seq, on success only.
 */
int journal_append (struct journal *journal, struct entry *const *entries,
                    size_t count, int64_t floor_s);

/* Shows up to MAX entries from *SEQ on to VISIT, in order, until it returns
 * other than 0.
 *
 * Returns: 0, what VISIT returned, or -errno of the disk.
 * Out:     *seq, the next one to ask for: the one that VISIT stopped at, or
 *          what follows the last one shown.
 */
int journal_read (struct journal *journal, uint64_t *seq, size_t max,
                  journal_visit *visit, void *self);

/* Sets *ret_seq to the first entry with timestamp >= SINCE_S, or to what the
 * next one will get. Returns 0 or -errno of the disk. */
int journal_find_since (struct journal *journal, int64_t since_s,
                        uint64_t *ret_seq);

/* Notes that reader NAME has everything up to SEQ safe; an earlier SEQ than
 * noted before, or one not written yet, changes nothing. journal_append
 * writes it. Returns 0 or -ENOSPC: too many names. */
int journal_note_ack (struct journal *journal, const char *name, uint64_t seq);
/* Returns true while a noted ack is not durable. */
bool journal_has_acks (const struct journal *journal);
/* Returns what NAME has acknowledged, 0 if nothing. */
uint64_t journal_ack (const struct journal *journal, const char *name);

/* Returns the floor of PROTOCOL 5.2 as it is on disk, or the newest timestamp
 * known if ids were lost by damage; INT64_MIN when nothing was forgotten. */
int64_t journal_floor (const struct journal *journal);

/* Returns the size on disk. */
uint64_t journal_bytes (const struct journal *journal);

/* Returns counters; borrowed, kept up to date. */
const struct journal_stats *journal_stats (const struct journal *journal);
