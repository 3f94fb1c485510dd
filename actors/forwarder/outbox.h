/* SPDX-License-Identifier: MIT */
/* outbox - what Commons has not got yet, on disk: rows, dead letters, and how
 * far the journal was read (SQLite).
 *
 * Changes gather in one transaction that outbox_commit makes durable; nothing
 * of it may be spoken of before. After a failure the caller rolls back and
 * tries again later: kill -9 at any time only repeats what was not committed.
 *
 * All errors: -ENOSPC, -EIO, -ENOMEM, -EBUSY, -EACCES: the disk, maybe better
 * later. -EBADMSG: the file is damaged.
 */
#pragma once

#include "base.h"
#include "buffer.h"
#include "messages/governance/command.h"
#include "messages/governance/keys.h"
#include "messages/governance/message.h"

#define OUTBOX_SCHEMA 1

struct outbox;

/* What the journal hands on. */
struct outbox_entry {
    uint64_t seq; /* in the journal */
    enum command command;
    struct gov_id id;
    struct bytes public_key; /* hex text */
    int64_t received_us;     /* Unix µs, at ingress */
    struct bytes payload;    /* verbatim */
};

/* What is needed to decide when a row is sent. */
struct outbox_row {
    int64_t place; /* in line; never used twice */
    char public_key[PUBLIC_KEY_TEXT_MAX + 1];
    unsigned attempts;
    int64_t next_try_us; /* Unix µs; 0: at once */
};

/* What is needed to send it. */
struct outbox_letter {
    struct gov_id id;
    int64_t received_us;
    unsigned attempts;
    struct buffer payload; /* owned; release with buffer_done */
};

/* Why a row is dead. */
struct outbox_death {
    int64_t at_us; /* Unix µs */
    const char *reason;
    unsigned attempts;
    unsigned status;     /* of HTTP; 0: none */
    const char *excerpt; /* of the answer, escaped */
};

/* What is stored: without the open transaction. */
struct outbox_counts {
    int64_t rows;
    int64_t bytes; /* of payload */
    int64_t dead;
    int64_t dead_bytes;
};

/* Opens or creates the store in the file PATH (mode 0600).
 *
 * Returns: 0, an error as above, or -ENOTSUP when a newer release wrote it.
 * Out:     *ret_outbox, for outbox_close; left alone on failure.
 */
int outbox_open (const char *path, struct outbox **ret_outbox);

/* Rolls back what was not committed and closes. */
void outbox_close (struct outbox **outbox);

/* Returns the last journal entry taken, with the open transaction; 0: none. */
uint64_t outbox_cursor (const struct outbox *outbox);

struct outbox_counts outbox_counts (const struct outbox *outbox);

/* Returns true while there is something to commit. */
bool outbox_is_dirty (const struct outbox *outbox);

/* Takes ENTRY and moves the cursor to it. Returns 1, or 0 when a row of that
 * gov_id waits already (the cursor moves all the same), or an error. */
int outbox_put (struct outbox *outbox, const struct outbox_entry *entry);

/* Moves the cursor to SEQ, backwards too, or nowhere: it is written in any
 * case, which shows whether the disk is back. Returns 0 or an error. */
int outbox_set_cursor (struct outbox *outbox, uint64_t seq);

/* Row PLACE: Commons has it; it goes. Returns 0 or an error, here and below
 * 0 as well when there is no such row. */
int outbox_done (struct outbox *outbox, int64_t place);

/* Row PLACE: tried ATTEMPTS times, last answer STATUS (0: none), not again
 * before NEXT_TRY_US. */
int outbox_retry (struct outbox *outbox, int64_t place, unsigned attempts,
                  unsigned status, int64_t next_try_us);

/* Row PLACE becomes a dead letter, kept until an operator acts. */
int outbox_bury (struct outbox *outbox, int64_t place,
                 const struct outbox_death *death);

/* Makes all of the above durable. Returns 0 or an error; then roll back. */
int outbox_commit (struct outbox *outbox);
void outbox_rollback (struct outbox *outbox);

/* Reads up to MAX rows of COMMAND after PLACE, in line order. Returns how many,
 * or an error. */
int outbox_scan (struct outbox *outbox, enum command command, int64_t place,
                 struct outbox_row *ret_rows, int max);

/* Reads the first row of COMMAND and PUBLIC_KEY after PLACE. Returns 1, 0 when
 * there is none, or an error. */
int outbox_next_of_key (struct outbox *outbox, enum command command,
                        const char *public_key, int64_t place,
                        struct outbox_row *ret_row);

/* Reads row PLACE. Returns 0; -ENOENT; -EBADMSG also when its values are none
 * of ours; or an error. */
int outbox_load (struct outbox *outbox, int64_t place,
                 struct outbox_letter *ret_letter);

/* Returns when the first row in line came to ingress, Unix µs; 0 when there is
 * none, or an error. */
int64_t outbox_oldest_us (struct outbox *outbox);
