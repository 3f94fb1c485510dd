/* SPDX-License-Identifier: MIT */
/* dedup - let each verified message through once, and remember it for good.
 *
 *   in   verified  from verifier: a message whose signature holds
 *   out  verified  back: its verdict, after the journal has it; the floor
 *        feed      to gossip, forwarder and any reader, under their credit
 *   owns the journal; no other stage opens it
 *
 * What has arrived is one batch: one commit, then the verdicts. A batch never
 * waits for more input, so an idle relay adds no latency. When the disk fails
 * the batch stays as it was judged and nothing is said: ingress still owns
 * every frame of it. It is tried again each second.
 *
 * Next on the tour: actors/gossip/gossip_actor.c
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "actors/actor.h"
#include "actors/dedup/dedup.h"
#include "actors/dedup/feed.h"
#include "actors/dedup/journal.h"
#include "supervisor/log.h"

#define DEDUP_RETRY_US SECOND_US
#define DEDUP_ACKS_US SECOND_US
#define DEDUP_RECENT_BYTES 8388608 /* some 15,000 vetoes: a minute of a flood */
#define DEDUP_INBOX_MIN 256
#define DEDUP_PATH_MAX 4096

/* A message in hand: it came, its sender was not told yet. */
struct dedup_item {
    struct link_peer *peer; /* NULL: gone; borrowed */
    uint64_t ticket;        /* the verifier's */
    size_t size;            /* of its credit */
    struct entry *entry;    /* owned */
    enum verdict verdict;   /* once judged */
    uint64_t first_seq;     /* of the copy that came before, for a duplicate */
};

struct dedup_actor {
    struct actor actor;
    struct link *verified;   /* borrowed from the actor */
    struct link *feed_link;  /* borrowed from the actor */
    struct dedup *dedup;     /* what is known; owned */
    struct journal *journal; /* what we have let through; owned */
    struct feed *feed;       /* readers and the newest entries; owned */
    /* In hand, in the order they came; a ring, bounded by the credit given. */
    struct dedup_item *inbox; /* owned; room is a power of 2 */
    size_t room;
    size_t first;
    size_t count;
    size_t judged; /* of them, from the first on: the batch */
    /* The disk. */
    int disk_error; /* 0: well */
    struct instant retry_at;
    bool has_acks; /* to be written at acks_at at the latest */
    struct instant acks_at;
    bool feed_has_more;
    int feed_error;
    int64_t floor_said_s;
    uint64_t verdicts[VERDICTS_]; /* one counter each */
    uint64_t batches;
};

static struct dedup_item *
dedup_item_at (const struct dedup_actor *self, size_t index)
{
    return &self->inbox[(self->first + index) & (self->room - 1)];
}

static int
dedup_grow_inbox (struct dedup_actor *self)
{
    struct dedup_actor old = *self;
    size_t room = old.room > 0 ? 2 * old.room : DEDUP_INBOX_MIN;
    struct dedup_item *inbox = malloc (room * sizeof *inbox);
    if (inbox == NULL)
        return -ENOMEM;

    for (size_t i = 0; i < old.count; i++)
        inbox[i] = *dedup_item_at (&old, i);
    free (old.inbox);
    self->inbox = inbox;
    self->room = room;
    self->first = 0;
    return 0;
}

static void
dedup_tell_floor (struct dedup_actor *self, struct link_peer *peer)
{
    struct link_message message = {
        .id = MESSAGE_FLOOR,
        .floor = {.floor_s = dedup_floor (self->dedup)},
    };
    link_send (self->verified, peer, &message);
}

/* Shows the verdict on ITEM, a moment after the commit. */
static void
dedup_show (struct dedup_actor *self, const struct dedup_item *item,
            struct moment now)
{
    const struct entry *entry = item->entry;
    bool is_accepted = item->verdict == VERDICT_ACCEPTED;
    uint64_t seq = is_accepted ? entry->seq : item->first_seq;
    struct tap_event event = {
        .topic = is_accepted ? TOPIC_DEDUP_ACCEPTED : TOPIC_DEDUP_IGNORED,
        .command = entry->command,
        .id = &entry->id,
        .has_verdict = true,
        .verdict = item->verdict,
        .reason = is_accepted ? NULL : verdict_sentence (item->verdict),
        .message = entry->payload,
        .numbers = {{"us_since_ingress", now.unix_us - entry->received_us},
                    {seq > 0 ? "seq" : NULL, (int64_t)seq}},
    };
    tap_show (self->actor.tap, &event, now);
}

static void
dedup_say (struct dedup_actor *self, struct link_peer *peer, uint64_t ticket,
           enum verdict verdict)
{
    struct link_message reply = {
        .id = MESSAGE_VERIFIED_REPLY,
        .verified_reply = {.ticket = ticket, .verdict = verdict},
    };

    self->verdicts[verdict]++;
    /* Lost for want of memory, it is asked for again by ingress. */
    if (peer != NULL)
        link_send (self->verified, peer, &reply);
}

/* Answers a message that was not taken in hand. */
static enum link_use
dedup_refuse (struct dedup_actor *self, struct link_peer *peer, uint64_t ticket,
              enum verdict verdict)
{
    dedup_say (self, peer, ticket, verdict);
    return LINK_DONE;
}

/* Says what became of ITEM, and lets go of it. */
static void
dedup_answer (struct dedup_actor *self, struct dedup_item *item)
{
    dedup_say (self, item->peer, item->ticket, item->verdict);
    if (item->peer != NULL)
        link_release (self->verified, item->peer, item->size);
    if (item->verdict == VERDICT_ACCEPTED) {
        dedup_settle (self->dedup, &item->entry->id, item->entry->seq);
        feed_add (self->feed, &item->entry);
    }
    free (item->entry);
}

static void
dedup_answer_batch (struct dedup_actor *self)
{
    bool is_watched = tap_wants (self->actor.tap, TOPIC_DEDUP_ACCEPTED)
                      || tap_wants (self->actor.tap, TOPIC_DEDUP_IGNORED);
    struct moment now = is_watched ? moment_now () : self->actor.now;

    for (; self->judged > 0; self->judged--) {
        struct dedup_item *item = dedup_item_at (self, 0);
        if (is_watched)
            dedup_show (self, item, now);
        dedup_answer (self, item);
        self->first = (self->first + 1) & (self->room - 1);
        self->count--;
    }
    self->batches++;
}

/* Judges one batch, unless one is waiting for the disk, and commits it.
 * Returns 0, or -errno: nothing was said. */
static int
dedup_commit (struct dedup_actor *self)
{
    struct entry *accepted[JOURNAL_BATCH_MAX];
    size_t count = 0;
    int64_t now_s = moment_unix_s (self->actor.now);

    if (self->judged == 0) {
        for (; self->judged < self->count && self->judged < JOURNAL_BATCH_MAX;
             self->judged++) {
            struct dedup_item *item = dedup_item_at (self, self->judged);
            item->verdict =
                dedup_judge (self->dedup, &item->entry->id,
                             item->entry->timestamp, now_s, &item->first_seq);
        }
    }
    for (size_t i = 0; i < self->judged; i++) {
        const struct dedup_item *item = dedup_item_at (self, i);
        if (item->verdict == VERDICT_ACCEPTED)
            accepted[count++] = item->entry;
    }
    int rc = 0;
    if (count > 0)
        rc = journal_append (self->journal, accepted, count,
                             dedup_floor (self->dedup));
    if (rc == 0)
        dedup_answer_batch (self);
    return rc;
}

/* Writes acks that no batch has taken along for a second. */
static int
dedup_commit_acks (struct dedup_actor *self)
{
    if (!journal_has_acks (self->journal)) {
        self->has_acks = false;
        return 0;
    }
    if (!self->has_acks) {
        self->has_acks = true;
        self->acks_at = instant_after (self->actor.now.mono, DEDUP_ACKS_US);
    }
    if (!instant_reached (self->actor.now.mono, self->acks_at))
        return 0;
    self->has_acks = false;
    return journal_append (self->journal, NULL, 0, dedup_floor (self->dedup));
}

/* One line when the disk fails and one when it is back, none between. */
static void
dedup_note_disk (struct dedup_actor *self, int rc)
{
    if (rc != 0 && self->disk_error == 0)
        log_warn ("DEDUP-HOLD", "error=\"%s\" waiting=%zu retry_s=1",
                  strerror (-rc), self->count);
    if (rc == 0 && self->disk_error != 0)
        log_info ("DEDUP-RESUME", "waiting=%zu", self->count);
    self->disk_error = rc;
    if (rc != 0)
        self->retry_at = instant_after (self->actor.now.mono, DEDUP_RETRY_US);
}

static void
dedup_write (struct dedup_actor *self)
{
    int rc = 0;

    if (self->disk_error != 0
        && !instant_reached (self->actor.now.mono, self->retry_at))
        return;
    while (rc == 0 && self->count > 0)
        rc = dedup_commit (self);
    if (rc == 0)
        rc = dedup_commit_acks (self);
    dedup_note_disk (self, rc);
}

static void
dedup_feed (struct dedup_actor *self)
{
    self->feed_has_more = false;
    int rc = feed_run (self->feed, &self->feed_has_more);
    if (rc != 0 && self->feed_error == 0)
        log_warn ("DEDUP-FEED", "error=\"%s\"", strerror (-rc));
    self->feed_error = rc;
}

static int
dedup_turn (void *data)
{
    struct dedup_actor *self = data;

    dedup_write (self);
    if (dedup_floor (self->dedup) > self->floor_said_s) {
        self->floor_said_s = dedup_floor (self->dedup);
        for (struct link_peer *peer = link_first_peer (self->verified);
             peer != NULL; peer = link_next_peer (peer))
            dedup_tell_floor (self, peer);
    }
    dedup_feed (self);
    return 0;
}

static struct instant
dedup_deadline (void *data)
{
    const struct dedup_actor *self = data;
    struct instant deadline = {INT64_MAX};

    if (self->feed_has_more)
        return self->actor.now.mono;
    if (self->has_acks)
        deadline = self->acks_at;
    if (self->disk_error != 0 && self->retry_at.us < deadline.us)
        deadline = self->retry_at;
    return deadline;
}

static enum link_use
dedup_on_verified (struct dedup_actor *self, struct link_peer *peer,
                   const struct link_verified *verified, size_t size)
{
    struct entry entry = {
        .command = verified->command,
        .local = verified->local,
        .received_us = verified->received_us,
        .timestamp = verified->timestamp,
        .id = verified->id,
        .public_key = verified->public_key,
        .payload = verified->payload,
    };

    if (verified->command == COMMAND_ECONSTATUS) {
        /* PROTOCOL 5.6: "Never journalled." */
        log_broken ("DEDUP-STATUS", "peer=%s", link_peer_name (peer));
        return dedup_refuse (self, peer, verified->ticket, VERDICT_SCHEMA);
    }
    if (self->count == self->room && dedup_grow_inbox (self) != 0)
        return dedup_refuse (self, peer, verified->ticket, VERDICT_BUSY);
    struct dedup_item item = {.peer = peer,
                              .ticket = verified->ticket,
                              .size = size,
                              .entry = entry_copy (&entry)};
    if (item.entry == NULL)
        return dedup_refuse (self, peer, verified->ticket, VERDICT_BUSY);
    *dedup_item_at (self, self->count++) = item;
    return LINK_HELD;
}

static void
dedup_on_feed_open (struct dedup_actor *self, struct link_peer *peer,
                    const struct link_feed_open *open)
{
    int rc = feed_open (self->feed, link_peer_data (peer), open);
    if (rc != 0)
        log_warn ("DEDUP-READER", "peer=%s stream=%u error=\"%s\"",
                  link_peer_name (peer), open->stream, strerror (-rc));
}

static enum link_use
dedup_on_message (void *data, struct link *link, struct link_peer *peer,
                  const struct link_message *message, size_t size)
{
    struct dedup_actor *self = data;

    if (link == self->verified && message->id == MESSAGE_VERIFIED)
        return dedup_on_verified (self, peer, &message->verified, size);

    struct feed_reader *reader =
        link == self->feed_link ? link_peer_data (peer) : NULL;
    if (reader != NULL && message->id == MESSAGE_FEED_OPEN)
        dedup_on_feed_open (self, peer, &message->feed_open);
    else if (reader != NULL && message->id == MESSAGE_FEED_CLOSE)
        feed_close (reader, message->feed_close.stream);
    else if (reader != NULL && message->id == MESSAGE_FEED_ACK)
        feed_ack (self->feed, reader, message->feed_ack.seq);
    else
        log_broken ("DEDUP-MESSAGE", "link=%s message=%s peer=%s",
                    link_id_name (link_id (link)),
                    message_id_name (message->id), link_peer_name (peer));
    return LINK_DONE;
}

static void
dedup_on_up (void *data, struct link *link, struct link_peer *peer)
{
    struct dedup_actor *self = data;

    if (link == self->verified)
        dedup_tell_floor (self, peer);
    else
        link_peer_set_data (
            peer, feed_join (self->feed, peer, link_peer_name (peer)));
}

/* What a verifier that is gone has sent is judged all the same: it holds, and
 * whoever sends it again hears that it is a duplicate. */
static void
dedup_on_down (void *data, struct link *link, struct link_peer *peer)
{
    struct dedup_actor *self = data;

    if (link == self->verified) {
        for (size_t i = 0; i < self->count; i++) {
            struct dedup_item *item = dedup_item_at (self, i);
            if (item->peer == peer)
                item->peer = NULL;
        }
        return;
    }
    struct feed_reader *reader = link_peer_data (peer);
    if (reader != NULL)
        feed_leave (self->feed, &reader);
}

static bool
dedup_is_busy (void *data)
{
    const struct dedup_actor *self = data;
    return self->count > 0 || self->has_acks;
}

static json_t *
dedup_stats (void *data)
{
    const struct dedup_actor *self = data;
    const struct journal_stats *journal = journal_stats (self->journal);
    json_t *object = json_object ();

    for (int i = 0; i < VERDICTS_; i++)
        json_object_set_new (object, verdict_name ((enum verdict)i),
                             json_integer ((json_int_t)self->verdicts[i]));
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"entries", journal->entries},
        {"last_seq", journal->last_seq},
        {"bytes", journal_bytes (self->journal)},
        {"damaged", journal->damaged},
        {"ids", dedup_count (self->dedup)},
        {"readers", feed_readers (self->feed)},
        {"batches", self->batches},
        {"waiting", self->count},
        {"holding", self->disk_error != 0},
        {"unsaved_acks", journal_has_acks (self->journal)},
    };
    for (size_t i = 0; i < ARRAY_SIZE (numbers); i++)
        json_object_set_new (object, numbers[i].name,
                             json_integer ((json_int_t)numbers[i].value));
    return object;
}

/* Takes one entry of the journal at start; a journal_visit. */
static int
dedup_on_known (void *data, const struct entry *entry)
{
    struct dedup_actor *self = data;
    return dedup_remember (self->dedup, &entry->id, entry->timestamp,
                           entry->seq, moment_unix_s (self->actor.now));
}

static int
dedup_feed_send (void *data, void *peer, const struct link_message *message)
{
    const struct dedup_actor *self = data;
    return link_send (self->feed_link, peer, message);
}

static int64_t
dedup_feed_credit (void *data, void *peer)
{
    (void)data;
    return link_credit (peer);
}

static const struct feed_ways dedup_feed_ways = {
    .send = dedup_feed_send,
    .credit = dedup_feed_credit,
};

static const struct actor_stage dedup_stage = {
    .link = {.up = dedup_on_up,
             .down = dedup_on_down,
             .message = dedup_on_message},
    .turn = dedup_turn,
    .deadline = dedup_deadline,
    .busy = dedup_is_busy,
    .stats = dedup_stats,
};

static int
dedup_open_journal (struct dedup_actor *self)
{
    char path[DEDUP_PATH_MAX];
    int64_t now_s = moment_unix_s (self->actor.now);
    int size = snprintf (path, sizeof path, "%s/journal.db",
                         config_network_dir (self->actor.config));
    if (size < 0 || (size_t)size >= sizeof path)
        return -ENAMETOOLONG;

    int rc = journal_open (path, now_s, dedup_on_known, self, &self->journal);
    if (rc != 0) {
        actor_say (&self->actor, "journal %s: %s", path, strerror (-rc));
        return rc;
    }
    const struct journal_stats *stats = journal_stats (self->journal);
    dedup_raise_floor (self->dedup, journal_floor (self->journal));
    self->floor_said_s = dedup_floor (self->dedup); /* each hears it when up */
    log_info ("DEDUP-OPEN",
              "journal=%s entries=%" PRIu64 " last_seq=%" PRIu64 " ids=%zu",
              path, stats->entries, stats->last_seq, dedup_count (self->dedup));
    if (stats->damaged > 0 || stats->was_replaced)
        log_warn ("DEDUP-DAMAGE", "journal=%s lost=%" PRIu64 " replaced=%s",
                  path, stats->damaged, stats->was_replaced ? "yes" : "no");
    return 0;
}

static int
dedup_open (struct dedup_actor *self)
{
    uint64_t seed[] = {random_u64 (), random_u64 ()};
    size_t max_ids = (size_t)self->actor.config->limits_max_ids;

    static_assert (sizeof seed == DEDUP_SEED_SIZE, "a whole seed");
    self->dedup = dedup_create ((const uint8_t *)seed, max_ids);
    if (self->dedup == NULL)
        return -ENOMEM;
    int rc = dedup_open_journal (self);
    if (rc != 0)
        return rc;
    self->feed =
        feed_create (self->journal, DEDUP_RECENT_BYTES, &dedup_feed_ways, self);
    if (self->feed == NULL)
        return -ENOMEM;
    rc = actor_open_link (&self->actor, LINK_VERIFIED, &dedup_stage, self,
                          &self->verified);
    return rc != 0 ? rc
                   : actor_open_link (&self->actor, LINK_FEED, &dedup_stage,
                                      self, &self->feed_link);
}

static void
dedup_close (struct dedup_actor *self)
{
    for (size_t i = 0; i < self->count; i++)
        free (dedup_item_at (self, i)->entry);
    free (self->inbox);
    feed_destroy (&self->feed);
    journal_close (&self->journal);
    dedup_destroy (&self->dedup);
}

void
dedup_actor (zsock_t *pipe, void *args)
{
    struct dedup_actor self = {0};

    int rc = actor_begin (&self.actor, pipe, args);
    if (rc == 0)
        rc = dedup_open (&self);
    if (rc == 0)
        rc = actor_run (&self.actor, &dedup_stage, &self);
    dedup_close (&self);
    actor_end (&self.actor, rc);
}
