/* SPDX-License-Identifier: MIT */
/* feed - places in the journal that move on as readers give credit.
 *
 *   in   new entries, readers, their credit
 *   out  FEED_ENTRY in order, FEED_HEAD once when a stream has it all
 *   owns the newest entries; the readers and their streams
 *
 * A live stream has it all when it first reaches the end; a stream with an end
 * when it has passed that or the end of the journal: it is closed then.
 *
 * Next on the tour: actors/dedup/dedup_actor.c
 */
#include "actors/dedup/feed.h"

#include <stdlib.h>

#define FEED_RECENT_MIN 64
#define FEED_ENTRY_COST 64 /* bytes of a recent entry beside its own */

struct feed_stream {
    bool is_open;
    bool is_seeking;    /* next_seq is to be found from since_s */
    bool has_said_head; /* FEED_HEAD, once */
    int64_t since_s;
    uint64_t next_seq;
    uint64_t until_seq; /* 0: live */
};

struct feed_reader {
    struct feed_reader *next; /* owned by the feed */
    struct feed *feed;        /* borrowed */
    void *peer;               /* borrowed */
    char name[LINK_NAME_MAX + 1];
    bool is_durable; /* its acks count */
    bool is_blocked; /* has too little credit: until there is more of it */
    int64_t blocked_credit;
    size_t turn; /* stream to be served next */
    struct feed_stream streams[FEED_STREAMS_MAX];
};

struct feed {
    struct journal *journal;      /* borrowed */
    const struct feed_ways *ways; /* borrowed */
    void *self;                   /* for ways; borrowed */
    struct feed_reader *readers;  /* owned */
    size_t readers_count;
    /* The newest entries without a hole: [first, end) by number. */
    struct entry **recent; /* at seq modulo room, a power of 2; owned */
    size_t room;
    uint64_t first;
    uint64_t end;
    size_t bytes;
    size_t bytes_max;
};

/* What one slice of a stream needs to know while the journal shows rows. */
struct feed_slice {
    struct feed_reader *reader;
    struct feed_stream *stream;
    uint8_t number; /* of the stream */
    size_t sent;
};

static size_t
feed_cost (const struct entry *entry)
{
    return sizeof *entry + entry->public_key.size + entry->payload.size
           + FEED_ENTRY_COST;
}

static struct entry **
feed_place (const struct feed *feed, uint64_t seq)
{
    return &feed->recent[seq & (feed->room - 1)];
}

static void
feed_drop_oldest (struct feed *feed)
{
    struct entry **place = feed_place (feed, feed->first++);

    feed->bytes -= feed_cost (*place);
    free (*place);
    *place = NULL;
}

static int
feed_grow (struct feed *feed)
{
    struct feed old = *feed;
    size_t room = old.room > 0 ? 2 * old.room : FEED_RECENT_MIN;
    struct entry **recent = calloc (room, sizeof (struct entry *));
    if (recent == NULL)
        return -ENOMEM;

    feed->recent = recent;
    feed->room = room;
    for (uint64_t seq = old.first; seq < old.end; seq++)
        *feed_place (feed, seq) = *feed_place (&old, seq);
    free (old.recent);
    return 0;
}

static uint64_t
feed_last_seq (const struct feed *feed)
{
    return journal_stats (feed->journal)->last_seq;
}

static bool
feed_wants (const struct feed_stream *stream, uint64_t seq)
{
    return stream->until_seq == 0 || seq <= stream->until_seq;
}

/* Sends MESSAGE; without credit the reader is passed over until it has more. */
static int
feed_send (struct feed_reader *reader, const struct link_message *message)
{
    const struct feed *feed = reader->feed;
    int rc = feed->ways->send (feed->self, reader->peer, message);

    if (rc != 0) {
        reader->is_blocked = true;
        /* No memory, say: tried again in the next round. */
        reader->blocked_credit =
            rc == -EAGAIN ? feed->ways->credit (feed->self, reader->peer) : -1;
    }
    return rc;
}

/* Sends one entry of a stream; a journal_visit. */
static int
feed_send_entry (void *self, const struct entry *entry)
{
    struct feed_slice *slice = self;
    struct link_message message = {
        .id = MESSAGE_FEED_ENTRY,
        .feed_entry = {.stream = slice->number,
                       .seq = entry->seq,
                       .command = entry->command,
                       .local = entry->local,
                       .received_us = entry->received_us,
                       .timestamp = entry->timestamp,
                       .id = entry->id,
                       .public_key = entry->public_key,
                       .payload = entry->payload},
    };

    if (!feed_wants (slice->stream, entry->seq))
        return -ECANCELED;
    int rc = feed_send (slice->reader, &message);
    if (rc == 0)
        slice->sent++;
    return rc;
}

static void
feed_send_head (struct feed_slice *slice)
{
    struct feed_stream *stream = slice->stream;
    struct link_message message = {
        .id = MESSAGE_FEED_HEAD,
        .feed_head = {.stream = slice->number,
                      .seq = feed_last_seq (slice->reader->feed)},
    };

    if (stream->has_said_head || feed_send (slice->reader, &message) != 0)
        return;
    stream->has_said_head = true;
    if (stream->until_seq != 0)
        stream->is_open = false;
}

/* From the disk: up to a slice, and not into what memory has. */
static int
feed_serve_old (struct feed_slice *slice)
{
    const struct feed *feed = slice->reader->feed;
    struct feed_stream *stream = slice->stream;
    uint64_t gap = feed->first - stream->next_seq;
    size_t max = gap < FEED_SLICE ? (size_t)gap : FEED_SLICE;
    uint64_t seq = stream->next_seq;

    int rc = journal_read (feed->journal, &seq, max, feed_send_entry, slice);
    stream->next_seq = seq < feed->first ? seq : feed->first;
    return slice->reader->is_blocked || rc == -ECANCELED ? 0 : rc;
}

static void
feed_serve_recent (struct feed_slice *slice)
{
    const struct feed *feed = slice->reader->feed;
    struct feed_stream *stream = slice->stream;

    while (stream->next_seq < feed->end && slice->sent < FEED_SLICE
           && feed_send_entry (slice, *feed_place (feed, stream->next_seq))
                  == 0)
        stream->next_seq++;
}

static bool
feed_is_at_end (const struct feed *feed, const struct feed_stream *stream)
{
    return stream->next_seq > feed_last_seq (feed)
           || !feed_wants (stream, stream->next_seq);
}

/* Serves one slice of one stream. Returns 0 or -errno of the disk. */
static int
feed_serve (struct feed_slice *slice)
{
    struct feed *feed = slice->reader->feed;
    struct feed_stream *stream = slice->stream;
    int rc = 0;

    if (stream->is_seeking) {
        rc = journal_find_since (feed->journal, stream->since_s,
                                 &stream->next_seq);
        if (rc != 0)
            return rc;
        stream->is_seeking = false;
    }
    if (!feed_is_at_end (feed, stream) && stream->next_seq < feed->first)
        rc = feed_serve_old (slice);
    else if (!feed_is_at_end (feed, stream))
        feed_serve_recent (slice);
    if (rc == 0 && !slice->reader->is_blocked && feed_is_at_end (feed, stream))
        feed_send_head (slice);
    return rc;
}

static bool
feed_is_ready (struct feed_reader *reader)
{
    const struct feed *feed = reader->feed;

    if (reader->is_blocked
        && feed->ways->credit (feed->self, reader->peer)
               > reader->blocked_credit)
        reader->is_blocked = false;
    return !reader->is_blocked;
}

/* Returns true if STREAM has something to send, or has yet to find out. */
static bool
feed_has_work (const struct feed *feed, const struct feed_stream *stream)
{
    return stream->is_open
           && (stream->is_seeking || !stream->has_said_head
               || !feed_is_at_end (feed, stream));
}

/* Serves the next stream of READER that has work. Returns 0, -errno of the
 * disk, or -ENODATA: none had. */
static int
feed_serve_reader (struct feed_reader *reader, size_t *work)
{
    for (size_t i = 0; i < FEED_STREAMS_MAX; i++) {
        size_t number = (reader->turn + i) % FEED_STREAMS_MAX;
        struct feed_slice slice = {.reader = reader,
                                   .stream = &reader->streams[number],
                                   .number = (uint8_t)number};
        if (!feed_has_work (reader->feed, slice.stream))
            continue;
        reader->turn = (number + 1) % FEED_STREAMS_MAX;
        int rc = feed_serve (&slice);
        *work += slice.sent + 1; /* passing over damage is work as well */
        return rc;
    }
    return -ENODATA;
}

struct feed *
feed_create (struct journal *journal, size_t recent_bytes,
             const struct feed_ways *ways, void *self)
{
    struct feed *feed = calloc (1, sizeof *feed);
    if (feed == NULL)
        return NULL;
    feed->journal = journal;
    feed->ways = ways;
    feed->self = self;
    feed->bytes_max = recent_bytes;
    feed->first = feed_last_seq (feed) + 1;
    feed->end = feed->first;
    return feed;
}

void
feed_destroy (struct feed **feed)
{
    if (*feed == NULL)
        return;
    while ((*feed)->readers != NULL) {
        struct feed_reader *reader = (*feed)->readers;
        feed_leave (*feed, &reader);
    }
    while ((*feed)->first < (*feed)->end)
        feed_drop_oldest (*feed);
    free ((*feed)->recent);
    free (*feed);
    *feed = NULL;
}

void
feed_add (struct feed *feed, struct entry **entry)
{
    uint64_t seq = (*entry)->seq;

    /* A number out of order, or no memory: readers get it from the disk. */
    bool is_next = seq == feed->end;
    if (!is_next
        || (feed->end - feed->first == feed->room && feed_grow (feed) != 0)) {
        while (feed->first < feed->end)
            feed_drop_oldest (feed);
        feed->first = feed->end = seq + 1;
        free (*entry);
    } else {
        *feed_place (feed, feed->end++) = *entry;
        feed->bytes += feed_cost (*entry);
        while (feed->bytes > feed->bytes_max)
            feed_drop_oldest (feed);
    }
    *entry = NULL;
}

struct feed_reader *
feed_join (struct feed *feed, void *peer, const char *name)
{
    struct feed_reader *reader = calloc (1, sizeof *reader);
    if (reader == NULL)
        return NULL;
    reader->feed = feed;
    reader->peer = peer;
    strncpy (reader->name, name, LINK_NAME_MAX);
    reader->next = feed->readers;
    feed->readers = reader;
    feed->readers_count++;
    return reader;
}

void
feed_leave (struct feed *feed, struct feed_reader **reader)
{
    struct feed_reader **place = &feed->readers;

    while (*place != *reader)
        place = &(*place)->next;
    *place = (*reader)->next;
    feed->readers_count--;
    free (*reader);
    *reader = NULL;
}

int
feed_open (struct feed *feed, struct feed_reader *reader,
           const struct link_feed_open *open)
{
    if (open->stream >= FEED_STREAMS_MAX)
        return -EINVAL;
    if (open->durable) {
        int rc = journal_note_ack (feed->journal, reader->name, 0);
        if (rc != 0)
            return rc;
        reader->is_durable = true;
    }
    reader->streams[open->stream] = (struct feed_stream){
        .is_open = true,
        .is_seeking = open->from_seq == 0,
        .since_s = open->since_s,
        .next_seq = open->from_seq,
        .until_seq = open->until_seq,
    };
    return 0;
}

void
feed_close (struct feed_reader *reader, uint8_t stream)
{
    if (stream < FEED_STREAMS_MAX)
        reader->streams[stream].is_open = false;
}

void
feed_ack (struct feed *feed, const struct feed_reader *reader, uint64_t seq)
{
    if (reader->is_durable)
        journal_note_ack (feed->journal, reader->name, seq);
}

int
feed_run (struct feed *feed, bool *ret_more)
{
    size_t work = 0;
    bool has_work = true;
    int error = 0;

    while (has_work && work < FEED_TURN_MAX && error == 0) {
        has_work = false;
        for (struct feed_reader *reader = feed->readers; reader != NULL;
             reader = reader->next) {
            if (!feed_is_ready (reader))
                continue;
            int rc = feed_serve_reader (reader, &work);
            if (rc == 0)
                has_work = true;
            else if (rc != -ENODATA)
                error = rc;
        }
    }
    if (error == 0)
        *ret_more = has_work;
    return error;
}

size_t
feed_readers (const struct feed *feed)
{
    return feed->readers_count;
}
