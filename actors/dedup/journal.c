/* SPDX-License-Identifier: MIT */
/* journal - the store of dedup, the only file that speaks to its database.
 *
 *   in   batches of accepted messages, acks of readers, the floor
 *   out  entries from a sequence number or a time on
 *   owns the connection (journal_db.c), its rows (journal_row.c), the marks
 *
 * Sequence numbers have no holes, so a hole is damage. What was in it cannot be
 * known; the floor of PROTOCOL 5.2 goes to the newest timestamp that is known,
 * so that hardly anything of it is accepted a second time. It does not go
 * further: a replay is absorbed by our peers and by Commons, who know it, but a
 * relay that takes nothing for minutes because of a flipped bit loses votes.
 *
 * Next on the tour: actors/dedup/feed.c
 */
#include "actors/dedup/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "actors/dedup/journal_db.h"
#include "actors/dedup/journal_row.h"
#include "messages/link/link_message.h"

/* Finds entries by time without an index on disk: 16 bytes for each 256 of
 * them, and at most 256 rows to look through. */
#define JOURNAL_MARK_EVERY 256

/* No journal gets here; a damaged number might. */
#define JOURNAL_SEQ_MAX (UINT64_C (1) << 62)

struct journal_mark {
    uint64_t first_seq; /* of its entries */
    int64_t newest_s;   /* largest timestamp of these and all before them */
};

struct journal_reader {
    char name[LINK_NAME_MAX + 1];
    uint64_t acked; /* has everything up to here */
    bool is_dirty;  /* not on disk yet */
};

struct journal {
    struct journal_db db;
    uint64_t first_seq; /* that this file may hold */
    int64_t floor_s;
    int64_t saved_floor_s; /* as it is on disk */
    struct journal_stats stats;
    uint64_t body_damaged;      /* highest seq counted for its body_sum */
    struct journal_mark *marks; /* owned */
    size_t marks_count;
    size_t marks_room;
    struct journal_reader readers[JOURNAL_READERS_MAX];
    size_t readers_count;
};

/* What a pass over all entries at start keeps. */
struct journal_load {
    struct journal *journal;
    journal_visit *visit;
    void *self;
};

/* Makes place for the marks of COUNT more entries, so that noting them cannot
 * fail. */
static int
journal_reserve_marks (struct journal *journal, size_t count)
{
    size_t need = journal->marks_count + count / JOURNAL_MARK_EVERY + 1;

    if (need <= journal->marks_room)
        return 0;
    size_t room = 2 * need;
    struct journal_mark *marks = realloc (journal->marks, room * sizeof *marks);
    if (marks == NULL)
        return -ENOMEM;
    journal->marks = marks;
    journal->marks_room = room;
    return 0;
}

/* Counts an entry that is in the file and can be read. */
static void
journal_note_entry (struct journal *journal, const struct entry *entry)
{
    if (journal->stats.entries++ % JOURNAL_MARK_EVERY == 0) {
        size_t last = journal->marks_count++;
        journal->marks[last] = (struct journal_mark){
            .first_seq = entry->seq,
            .newest_s =
                last > 0 ? journal->marks[last - 1].newest_s : INT64_MIN,
        };
    }
    struct journal_mark *mark = &journal->marks[journal->marks_count - 1];
    if (entry->timestamp > mark->newest_s)
        mark->newest_s = entry->timestamp;
    journal->stats.last_seq = entry->seq;
}

/* Ids were lost: the floor goes to the newest timestamp noted so far. */
static void
journal_raise_floor (struct journal *journal)
{
    if (journal->marks_count == 0)
        return;
    int64_t newest_s = journal->marks[journal->marks_count - 1].newest_s;
    if (newest_s > journal->floor_s)
        journal->floor_s = newest_s;
}

static uint64_t
journal_next_seq (const struct journal *journal)
{
    uint64_t last = journal->stats.last_seq;
    return last >= journal->first_seq ? last + 1 : journal->first_seq;
}

/* Runs a statement that gives at most one number. Returns 0, -ENOENT (no row,
 * or null) or -errno. */
static int
journal_ask (struct journal *journal, enum journal_statement which,
             uint64_t *ret_seq)
{
    sqlite3_stmt *ask = journal->db.statement[which];
    int step = sqlite3_step (ask);
    int rc = journal_db_error (&journal->db, step);

    if (rc == 0
        && (step == SQLITE_DONE
            || sqlite3_column_type (ask, 0) != SQLITE_INTEGER))
        rc = -ENOENT;
    if (rc == 0)
        *ret_seq = (uint64_t)sqlite3_column_int64 (ask, 0);
    sqlite3_reset (ask);
    return rc;
}

static int
journal_seek (struct journal *journal, uint64_t from, uint64_t *ret_seq)
{
    sqlite3_bind_int64 (journal->db.statement[JOURNAL_SEEK], 1, (int64_t)from);
    return journal_ask (journal, JOURNAL_SEEK, ret_seq);
}

/* Finds the first entry beyond pages that cannot be read: asking from SEQ on
 * fails, asking from the last entry on must not. Returns 0, -EUCLEAN (no way
 * around) or -errno. */
static int
journal_skip (struct journal *journal, uint64_t seq, uint64_t *ret_seq)
{
    uint64_t low = seq, high, found;
    int rc = journal_ask (journal, JOURNAL_LAST, &high);

    if (rc == -ENOENT || (rc == 0 && high <= low))
        return -EUCLEAN;
    if (rc == 0)
        rc = journal_seek (journal, high, &found);
    while (rc == 0 && high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        rc = journal_seek (journal, middle, &found);
        if (rc == 0)
            high = middle;
        else
            low = middle;
        if (rc == -EUCLEAN)
            rc = 0;
    }
    if (rc == 0)
        *ret_seq = high;
    return rc;
}

/* A row whose head does not match its sum says nothing, not even its number: it
 * is a hole before the next good one. */
static int
journal_load_row (struct journal_load *load, sqlite3_stmt *row)
{
    struct journal *journal = load->journal;
    uint64_t next = journal_next_seq (journal);
    struct entry entry;

    if (!journal_row_head (row, &entry) || entry.seq < next)
        return 0;
    int rc = journal_reserve_marks (journal, 1);
    if (rc != 0)
        return rc;
    journal_note_entry (journal, &entry);
    if (entry.seq > next) {
        journal->stats.damaged += entry.seq - next;
        journal_raise_floor (journal);
    }
    return load->visit (load->self, &entry);
}

/* Loads rows until the end or the first page that cannot be read. */
static int
journal_load_from (struct journal_load *load, uint64_t from)
{
    struct journal *journal = load->journal;
    sqlite3_stmt *scan = journal->db.statement[JOURNAL_SCAN];
    int rc = 0, step = SQLITE_ROW;

    sqlite3_bind_int64 (scan, 1, (int64_t)from);
    while (rc == 0 && (step = sqlite3_step (scan)) == SQLITE_ROW)
        rc = journal_load_row (load, scan);
    sqlite3_reset (scan);
    return rc != 0 ? rc : journal_db_error (&journal->db, step);
}

/* Rows behind the last good one are a hole too. */
static int
journal_load_end (struct journal *journal)
{
    uint64_t last, next = journal_next_seq (journal);
    int rc = journal_ask (journal, JOURNAL_LAST, &last);

    if (rc == -ENOENT || (rc == 0 && last < next))
        return 0;
    if (rc == 0 && last > JOURNAL_SEQ_MAX)
        rc = -EUCLEAN;
    if (rc != 0)
        return rc;
    journal->stats.damaged += last + 1 - next;
    journal->stats.last_seq = last;
    journal_raise_floor (journal);
    return 0;
}

static int
journal_load_entries (struct journal_load *load)
{
    struct journal *journal = load->journal;
    uint64_t from = journal->first_seq;
    int rc = journal_load_from (load, from);

    while (rc == -EUCLEAN) {
        uint64_t next = journal_next_seq (journal);
        rc = journal_skip (journal, next > from ? next : from, &from);
        if (rc != 0)
            return rc;
        rc = journal_load_from (load, from);
    }
    return rc != 0 ? rc : journal_load_end (journal);
}

static int
journal_load_acks (struct journal *journal)
{
    sqlite3_stmt *get = journal->db.statement[JOURNAL_GET_ACKS];
    int step = SQLITE_ROW;

    while (journal->readers_count < JOURNAL_READERS_MAX
           && (step = sqlite3_step (get)) == SQLITE_ROW) {
        struct bytes name = journal_row_bytes (get, 0);
        struct journal_reader *reader =
            &journal->readers[journal->readers_count];
        if (name.size > LINK_NAME_MAX || memchr (name.data, 0, name.size))
            continue;
        memcpy (reader->name, name.data, name.size);
        reader->acked = (uint64_t)sqlite3_column_int64 (get, 1);
        journal->readers_count++;
    }
    sqlite3_reset (get);
    return journal_db_error (&journal->db, step);
}

/* Opens the file and takes what stands beside the entries. */
static int
journal_start (struct journal *journal, const char *path)
{
    int64_t first_seq = 1, floor_s = INT64_MIN;
    int rc = journal_db_open (&journal->db, path);
    if (rc != 0)
        return rc;

    rc = journal_db_get (&journal->db, "first_seq", &first_seq);
    if (rc == 0 || rc == -ENOENT)
        rc = journal_db_get (&journal->db, "floor", &floor_s);
    if (rc == 0 || rc == -ENOENT)
        rc = journal_load_acks (journal);
    if (rc == 0 && first_seq < 1)
        rc = -EUCLEAN;
    journal->first_seq = (uint64_t)first_seq;
    journal->floor_s = floor_s;
    journal->saved_floor_s = floor_s;
    return rc;
}

/* Moves the file and its log out of the way; the operator may want them. */
static int
journal_set_aside (const char *path, int64_t now_s)
{
    static const char *const tails[] = {"-wal", ""};

    for (size_t i = 0; i < ARRAY_SIZE (tails); i++) {
        char from[4096], to[4096];
        int size = snprintf (to, sizeof to, "%s.damaged-%" PRId64 "%s", path,
                             now_s, tails[i]);
        if (size < 0 || (size_t)size >= sizeof to)
            return -ENAMETOOLONG;
        snprintf (from, sizeof from, "%s%s", path, tails[i]);
        if (rename (from, to) != 0 && errno != ENOENT)
            return -errno;
    }
    return 0;
}

/* Begins anew after a file that is beyond reading; the floor stays where it was
 * last known to be. Numbers go on above all that can have been given out, for the readers: a
 * journal does not take 2^20 entries a second. */
static int
journal_replace (struct journal *journal, const char *path, int64_t now_s)
{
    int64_t first_seq = (now_s > 0 ? now_s : 0) << 20;

    if ((uint64_t)first_seq <= journal->stats.last_seq)
        first_seq = (int64_t)journal->stats.last_seq + 1;
    journal_db_close (&journal->db);
    int rc = journal_set_aside (path, now_s);
    journal->readers_count = 0;
    if (rc == 0)
        rc = journal_start (journal, path);
    if (rc != 0)
        return rc;
    journal->first_seq = (uint64_t)first_seq;
    journal->stats.was_replaced = true;
    rc = journal_db_set (&journal->db, "first_seq", first_seq);
    return rc != 0 ? rc
                   : journal_db_set (&journal->db, "floor", journal->floor_s);
}

static int
journal_write_acks (struct journal *journal)
{
    sqlite3_stmt *set = journal->db.statement[JOURNAL_SET_ACK];

    for (size_t i = 0; i < journal->readers_count; i++) {
        const struct journal_reader *reader = &journal->readers[i];
        if (!reader->is_dirty)
            continue;
        sqlite3_bind_text (set, 1, reader->name, -1, SQLITE_STATIC);
        sqlite3_bind_int64 (set, 2, (int64_t)reader->acked);
        int rc = journal_db_run (&journal->db, JOURNAL_SET_ACK);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int
journal_write (struct journal *journal, struct entry *const *entries,
               size_t count, int64_t floor_s)
{
    int rc = journal_db_run (&journal->db, JOURNAL_BEGIN);

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = journal_row_insert (&journal->db, entries[i],
                                 journal_next_seq (journal) + i);
    if (rc == 0 && floor_s > journal->saved_floor_s)
        rc = journal_db_set (&journal->db, "floor", floor_s);
    if (rc == 0)
        rc = journal_write_acks (journal);
    return rc != 0 ? rc : journal_db_run (&journal->db, JOURNAL_COMMIT);
}

/* Sees to it that what a row's body lost is counted, and once; heads were
 * looked at when the journal was opened. */
static void
journal_note_bad_body (struct journal *journal, uint64_t seq)
{
    if (seq <= journal->body_damaged)
        return;
    journal->body_damaged = seq;
    journal->stats.damaged++;
}

/* Shows rows from *SEQ on; *SEQ follows what was shown or passed over. */
static int
journal_read_rows (struct journal *journal, uint64_t *seq, size_t max,
                   journal_visit *visit, void *self)
{
    sqlite3_stmt *read = journal->db.statement[JOURNAL_READ];
    int rc = 0, step = SQLITE_ROW;

    sqlite3_bind_int64 (read, 1, (int64_t)*seq);
    sqlite3_bind_int64 (read, 2, (int64_t)max);
    size_t rows = 0;
    uint64_t end = journal_next_seq (journal);
    while (rc == 0 && (step = sqlite3_step (read)) == SQLITE_ROW) {
        struct entry entry;
        uint64_t at = (uint64_t)sqlite3_column_int64 (read, 0);
        rows++;
        if (!journal_row_head (read, &entry) || at < *seq) {
            *seq = at >= *seq && at < end ? at + 1 : end;
            continue;
        }
        *seq = entry.seq;
        if (journal_row_body (read, &entry))
            rc = visit (self, &entry);
        else
            journal_note_bad_body (journal, entry.seq);
        if (rc == 0)
            *seq = entry.seq + 1;
    }
    sqlite3_reset (read);
    if (step == SQLITE_DONE && rows < max)
        *seq = end;
    return rc != 0 ? rc : journal_db_error (&journal->db, step);
}

void
journal_close (struct journal **journal)
{
    if (*journal == NULL)
        return;
    journal_db_close (&(*journal)->db);
    free ((*journal)->marks);
    free (*journal);
    *journal = NULL;
}

int
journal_open (const char *path, int64_t now_s, journal_visit *visit, void *self,
              struct journal **ret_journal)
{
    struct journal *journal = calloc (1, sizeof *journal);
    if (journal == NULL)
        return -ENOMEM;

    struct journal_load load = {journal, visit, self};
    int rc = journal_start (journal, path);
    if (rc == 0)
        rc = journal_load_entries (&load);
    if (rc == -EUCLEAN)
        rc = journal_replace (journal, path, now_s);
    if (rc != 0) {
        journal_close (&journal);
        return rc;
    }
    *ret_journal = journal;
    return 0;
}

int
journal_append (struct journal *journal, struct entry *const *entries,
                size_t count, int64_t floor_s)
{
    assert (count <= JOURNAL_BATCH_MAX);
    int rc = journal_reserve_marks (journal, count);
    if (rc == 0)
        rc = journal_write (journal, entries, count, floor_s);
    if (rc != 0) {
        if (!sqlite3_get_autocommit (journal->db.sqlite))
            journal_db_run (&journal->db, JOURNAL_ROLLBACK);
        return rc;
    }
    for (size_t i = 0; i < count; i++) {
        entries[i]->seq = journal_next_seq (journal);
        journal_note_entry (journal, entries[i]);
    }
    if (floor_s > journal->floor_s)
        journal->floor_s = floor_s;
    if (floor_s > journal->saved_floor_s)
        journal->saved_floor_s = floor_s;
    for (size_t i = 0; i < journal->readers_count; i++)
        journal->readers[i].is_dirty = false;
    return 0;
}

int
journal_read (struct journal *journal, uint64_t *seq, size_t max,
              journal_visit *visit, void *self)
{
    int rc = journal_read_rows (journal, seq, max, visit, self);
    if (rc != -EUCLEAN)
        return rc;
    rc = journal_skip (journal, *seq, seq);
    if (rc == -EUCLEAN) {
        *seq = journal_next_seq (journal); /* all the rest is beyond reading */
        rc = 0;
    }
    return rc;
}

int
journal_find_since (struct journal *journal, int64_t since_s, uint64_t *ret_seq)
{
    sqlite3_stmt *since = journal->db.statement[JOURNAL_SINCE];
    size_t low = 0, high = journal->marks_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (journal->marks[middle].newest_s >= since_s)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == journal->marks_count) {
        *ret_seq = journal_next_seq (journal);
        return 0;
    }
    sqlite3_bind_int64 (since, 1, (int64_t)journal->marks[low].first_seq);
    sqlite3_bind_int64 (since, 2, since_s);
    int rc = journal_ask (journal, JOURNAL_SINCE, ret_seq);
    if (rc == -ENOENT || rc == -EUCLEAN) { /* damaged since: a bit too early */
        *ret_seq = journal->marks[low].first_seq;
        rc = 0;
    }
    return rc;
}

static struct journal_reader *
journal_find_reader (const struct journal *journal, const char *name)
{
    for (size_t i = 0; i < journal->readers_count; i++) {
        if (strcmp (journal->readers[i].name, name) == 0)
            return (struct journal_reader *)&journal->readers[i];
    }
    return NULL;
}

int
journal_note_ack (struct journal *journal, const char *name, uint64_t seq)
{
    struct journal_reader *reader = journal_find_reader (journal, name);

    assert (strlen (name) <= LINK_NAME_MAX);
    if (seq > journal->stats.last_seq)
        return 0;
    if (reader == NULL) {
        if (journal->readers_count == JOURNAL_READERS_MAX)
            return -ENOSPC;
        reader = &journal->readers[journal->readers_count++];
        *reader = (struct journal_reader){.is_dirty = true};
        memcpy (reader->name, name, strlen (name));
    }
    if (seq > reader->acked) {
        reader->acked = seq;
        reader->is_dirty = true;
    }
    return 0;
}

bool
journal_has_acks (const struct journal *journal)
{
    for (size_t i = 0; i < journal->readers_count; i++) {
        if (journal->readers[i].is_dirty)
            return true;
    }
    return false;
}

uint64_t
journal_ack (const struct journal *journal, const char *name)
{
    const struct journal_reader *reader = journal_find_reader (journal, name);
    return reader != NULL ? reader->acked : 0;
}

int64_t
journal_floor (const struct journal *journal)
{
    return journal->floor_s;
}

uint64_t
journal_bytes (const struct journal *journal)
{
    const char *name = sqlite3_db_filename (journal->db.sqlite, "main");
    const char *files[] = {name, sqlite3_filename_wal (name)};
    struct stat status;
    uint64_t bytes = 0;

    for (size_t i = 0; i < ARRAY_SIZE (files); i++) {
        if (stat (files[i], &status) == 0)
            bytes += (uint64_t)status.st_size;
    }
    return bytes;
}

const struct journal_stats *
journal_stats (const struct journal *journal)
{
    return &journal->stats;
}
