/* SPDX-License-Identifier: MIT */
/* feed - the journal, read by others: from a number or a time on, and live.
 *
 * Each reader has up to FEED_STREAMS_MAX streams, each a place in the journal.
 * The newest entries come from memory, older ones from disk. A reader without
 * credit is passed over and costs nothing; its streams stay where they are.
 */
#pragma once

#include "actors/dedup/entry.h"
#include "actors/dedup/journal.h"
#include "base.h"
#include "messages/link/link_message.h"

#define FEED_STREAMS_MAX 8
#define FEED_SLICE 32     /* entries for one stream before the next is served */
#define FEED_TURN_MAX 256 /* entries of one feed_run */

struct feed;
struct feed_reader;

/* How the feed reaches its readers; PEER is what feed_join was given. */
struct feed_ways {
    /* Returns 0, -EAGAIN (PEER has given too little credit) or -errno. */
    int (*send) (void *self, void *peer, const struct link_message *message);
    /* Returns the bytes PEER would still take. */
    int64_t (*credit) (void *self, void *peer);
};

/* Returns a feed of JOURNAL that keeps the newest entries, RECENT_BYTES of
 * them, in memory; NULL when there is none. All but SELF's use is borrowed. */
struct feed *feed_create (struct journal *journal, size_t recent_bytes,
                          const struct feed_ways *ways, void *self);
void feed_destroy (struct feed **feed);

/* Takes ENTRY, which the journal just has got; the next in order. */
void feed_add (struct feed *feed, struct entry **entry);

/* PEER, whose stage is NAME, begins to read. Returns its reader, owned by the
 * feed until feed_leave, or NULL when there is no memory. */
struct feed_reader *feed_join (struct feed *feed, void *peer, const char *name);
void feed_leave (struct feed *feed, struct feed_reader **reader);

/* Sets READER's stream of that number to a place, whatever it was before.
 * Returns 0, -EINVAL (no such stream) or -ENOSPC (too many durable readers:
 * the stream is not opened). */
int feed_open (struct feed *feed, struct feed_reader *reader,
               const struct link_feed_open *open);
void feed_close (struct feed_reader *reader, uint8_t stream);

/* READER has everything up to SEQ safe. Ignored from readers without a durable
 * stream. */
void feed_ack (struct feed *feed, const struct feed_reader *reader,
               uint64_t seq);

/* Sends what readers have credit for, FEED_TURN_MAX entries at most, a slice
 * for each stream in turn.
 *
 * Returns: 0, or -errno of the disk: some stream could not go on.
 * Out:     *ret_more, on success: there is more to be sent at once.
 */
int feed_run (struct feed *feed, bool *ret_more);

/* Returns how many readers there are. */
size_t feed_readers (const struct feed *feed);
