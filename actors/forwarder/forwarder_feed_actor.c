/* SPDX-License-Identifier: MIT */
/* forwarder_feed_actor - from the feed to the disk, and what may be said then.
 *
 *   in   feed entries; the fates of messages that were sent
 *   out  rows in the outbox; acks; taps; the next rows for the schedule
 *   owns the transaction of the outbox
 *
 * Next on the tour: actors/forwarder/forwarder_http_actor.c
 */
#include <inttypes.h>
#include <stdlib.h>

#include "actors/forwarder/forwarder_actor.h"
#include "supervisor/log.h"

#define FORWARDER_STREAMS 8 /* numbers that a stream of the feed may have */
#define FORWARDER_DEAD_LOG_US (10 * SECOND_US)
/* Payload on disk, dead letters included: some 2 million votes. Above, the
 * journal keeps what we do not read. */
#define FORWARDER_BYTES_MAX (INT64_C (1) << 30)
#define FORWARDER_BYTES_LOW (FORWARDER_BYTES_MAX / 16 * 15)

void
forwarder_disk_failed (struct forwarder_actor *self, int rc)
{
    outbox_rollback (self->outbox);
    self->queued_count = 0;
    self->stale = true;
    if (rc == -EBADMSG) {
        actor_say (&self->actor, "the outbox is damaged");
        self->fatal = rc;
        return;
    }
    if (self->disk_error == 0)
        log_warn ("FORWARDER-DISK", "error=\"%s\" retry_s=1", strerror (-rc));
    self->disk_error = rc;
    self->disk_retry_at =
        instant_after (self->actor.now.mono, FORWARDER_DISK_RETRY_US);
}

static bool
forwarder_disk_waits (const struct forwarder_actor *self)
{
    return self->disk_error != 0
           && !instant_reached (self->actor.now.mono, self->disk_retry_at);
}

static int
forwarder_record (struct forwarder_actor *self, const struct sending *sending)
{
    const struct schedule_fate *fate = &sending->fate;

    switch (fate->action) {
    case DELIVERY_DONE:
        return outbox_done (self->outbox, sending->place);
    case DELIVERY_DEAD: {
        struct outbox_death death = {
            .at_us = self->actor.now.unix_us,
            .reason = fate->reason,
            .attempts = fate->attempts,
            .status = sending->delivery.status,
            .excerpt = sending->excerpt != NULL ? sending->excerpt : "",
        };
        return outbox_bury (self->outbox, sending->place, &death);
    }
    case DELIVERY_RETRY:
    case DELIVERY_HOLD:
        return outbox_retry (self->outbox, sending->place, fate->attempts,
                             sending->delivery.status,
                             self->actor.now.unix_us + fate->wait_us);
    case DELIVERY_ACTIONS_:
        break;
    }
    assert (false);
    return -EINVAL;
}

/* A dead letter wants an operator, but a thousand want no thousand lines. */
static void
forwarder_log_dead (struct forwarder_actor *self, const struct sending *sending)
{
    char id[65];

    if (!instant_reached (self->actor.now.mono, self->dead_logged_at))
        return;
    self->dead_logged_at =
        instant_after (self->actor.now.mono, FORWARDER_DEAD_LOG_US);
    gov_id_text (&sending->letter.id, id);
    log_warn ("FORWARDER-DEAD",
              "gov_id=%s path=%s reason=%s status=%u letters=%" PRId64, id,
              delivery_path_name (sending->command), sending->fate.reason,
              sending->delivery.status, outbox_counts (self->outbox).dead);
}

static void
forwarder_show_fate (struct forwarder_actor *self,
                     const struct sending *sending)
{
    static const enum topic topics[DELIVERY_ACTIONS_] = {
        [DELIVERY_DONE] = TOPIC_FORWARDER_DELIVERED,
        [DELIVERY_DEAD] = TOPIC_FORWARDER_DEAD,
        [DELIVERY_RETRY] = TOPIC_FORWARDER_RETRY,
        [DELIVERY_HOLD] = TOPIC_FORWARDER_HELD,
    };
    const struct schedule_fate *fate = &sending->fate;
    struct moment now = self->actor.now;
    struct tap_event event = {
        .topic = topics[fate->action],
        .command = sending->command,
        .id = &sending->letter.id,
        .reason = fate->reason,
        .message = buffer_bytes (&sending->letter.payload),
        .numbers = {{"status", sending->delivery.status},
                    {"attempts", fate->attempts},
                    {"us_since_ingress",
                     now.unix_us - sending->letter.received_us},
                    {fate->wait_us > 0 ? "wait_us" : NULL, fate->wait_us}},
    };

    tap_show (self->actor.tap, &event, now);
}

static void
forwarder_count_fate (struct forwarder_actor *self,
                      const struct sending *sending)
{
    switch (sending->fate.action) {
    case DELIVERY_DONE:
        self->delivered++;
        return;
    case DELIVERY_DEAD:
        self->dead++;
        forwarder_log_dead (self, sending);
        return;
    case DELIVERY_RETRY:
        self->retried++;
        return;
    case DELIVERY_HOLD:
        self->held++;
        return;
    case DELIVERY_ACTIONS_:
        break;
    }
}

void
forwarder_free_sending (struct forwarder_actor *self, struct sending *sending)
{
    self->sendings_count--;
    self->judged_count -= sending->judged;
    buffer_done (&sending->letter.payload);
    free (sending->excerpt);
    *sending = (struct sending){0};
}

static int64_t
forwarder_wait_us (const struct forwarder_actor *self, int64_t next_try_us)
{
    int64_t wait_us = next_try_us - self->actor.now.unix_us;
    int64_t max_us = DELIVERY_RETRY_AFTER_MAX_S * SECOND_US;

    /* A clock that was set back must not put it off for days. */
    return wait_us < 0 ? 0 : wait_us > max_us ? max_us : wait_us;
}

struct schedule_row
forwarder_schedule_row (const struct forwarder_actor *self,
                        const struct outbox_row *row)
{
    return (struct schedule_row){
        .place = row->place,
        .public_key = row->public_key,
        .attempts = row->attempts,
        .wait_us = forwarder_wait_us (self, row->next_try_us),
    };
}

void
forwarder_settle (struct forwarder_actor *self, enum command command,
                  int64_t place, const struct schedule_fate *fate)
{
    char key[PUBLIC_KEY_TEXT_MAX + 1];
    struct outbox_row row;

    if (!schedule_settle (self->schedule, command, place, fate, key))
        return;
    int rc = outbox_next_of_key (self->outbox, command, key, place, &row);
    if (rc == 1) {
        struct schedule_row next = forwarder_schedule_row (self, &row);
        rc = schedule_offer_next (self->schedule, command, &next,
                                  self->actor.now.mono);
    }
    if (rc < 0) {
        schedule_restart (self->schedule);
        forwarder_disk_failed (self, rc);
    }
}

static void
forwarder_show_queued (struct forwarder_actor *self,
                       const struct queued *queued, struct moment now)
{
    struct tap_event event = {
        .topic = TOPIC_FORWARDER_QUEUED,
        .command = queued->command,
        .id = &queued->id,
        .numbers = {{"us_since_ingress", now.unix_us - queued->received_us}},
    };

    tap_show (self->actor.tap, &event, now);
}

/* What may be said and done only now that it is on disk. */
static void
forwarder_committed (struct forwarder_actor *self)
{
    /* The commit took its time: whoever listens is told. */
    struct moment now = tap_wants (self->actor.tap, TOPIC_FORWARDER_QUEUED)
                            ? moment_now ()
                            : self->actor.now;

    for (size_t i = 0; i < self->queued_count; i++) {
        schedule_more (self->schedule, self->queued[i].command);
        forwarder_show_queued (self, &self->queued[i], now);
    }
    self->taken += self->queued_count;
    self->queued_count = 0;
    for (size_t i = 0; i < FORWARDER_SENDINGS_MAX && self->judged_count > 0;
         i++) {
        struct sending *sending = &self->sendings[i];
        if (!sending->judged)
            continue;
        forwarder_show_fate (self, sending);
        forwarder_count_fate (self, sending);
        forwarder_settle (self, sending->command, sending->place,
                          &sending->fate);
        forwarder_free_sending (self, sending);
    }
}

void
forwarder_write (struct forwarder_actor *self)
{
    int rc = 0;

    if (forwarder_disk_waits (self))
        return;
    for (size_t i = 0;
         rc == 0 && self->judged_count > 0 && i < FORWARDER_SENDINGS_MAX; i++)
        if (self->sendings[i].judged)
            rc = forwarder_record (self, &self->sendings[i]);
    if (rc == 0 && self->disk_error != 0)
        rc = outbox_set_cursor (self->outbox, outbox_cursor (self->outbox));
    if (rc == 0 && !outbox_is_dirty (self->outbox))
        return;
    if (rc == 0)
        rc = outbox_commit (self->outbox);
    if (rc != 0) {
        forwarder_disk_failed (self, rc);
        return;
    }
    if (self->disk_error != 0)
        log_info ("FORWARDER-DISK-BACK", "cursor=%" PRIu64,
                  outbox_cursor (self->outbox));
    self->disk_error = 0;
    forwarder_committed (self);
}

static void
forwarder_look_at_bound (struct forwarder_actor *self)
{
    struct outbox_counts counts = outbox_counts (self->outbox);
    int64_t bytes = counts.bytes + counts.dead_bytes;

    if (!self->full && bytes > FORWARDER_BYTES_MAX) {
        self->full = true;
        log_warn ("FORWARDER-FULL", "rows=%" PRId64 " dead=%" PRId64,
                  counts.rows, counts.dead);
    } else if (self->full && bytes < FORWARDER_BYTES_LOW) {
        self->full = false;
        log_info ("FORWARDER-NOT-FULL", "rows=%" PRId64, counts.rows);
    }
}

void
forwarder_steer_feed (struct forwarder_actor *self)
{
    struct link_peer *peer = link_first_peer (self->feed);
    uint64_t cursor = outbox_cursor (self->outbox); /* committed, this late */
    struct link_message message = {.id = MESSAGE_FEED_CLOSE};

    forwarder_look_at_bound (self);
    bool wanted = self->disk_error == 0 && !self->full && !self->draining;
    if (peer == NULL)
        return;
    if (self->reading && (!wanted || self->stale)) {
        message.id = MESSAGE_FEED_CLOSE;
        message.feed_close.stream = self->stream;
        self->reading = link_send (self->feed, peer, &message) != 0;
    }
    if (!self->reading && wanted) {
        self->stream = (uint8_t)((self->stream + 1) % FORWARDER_STREAMS);
        message.id = MESSAGE_FEED_OPEN;
        message.feed_open = (struct link_feed_open){
            .stream = self->stream,
            .from_seq = cursor + 1,
            .durable = true,
        };
        self->reading = link_send (self->feed, peer, &message) == 0;
        self->stale = !self->reading;
    }
    /* After the opening: dedup takes no ack from who is not a reader yet. */
    if (self->reading && self->acked != cursor) {
        message.id = MESSAGE_FEED_ACK;
        message.feed_ack.seq = cursor;
        if (link_send (self->feed, peer, &message) == 0)
            self->acked = cursor;
    }
}

/* Returns true when an entry of STREAM is what we have asked for, and can be
 * taken. */
static bool
forwarder_takes (const struct forwarder_actor *self, uint8_t stream)
{
    return self->reading && !self->stale && !self->draining && !self->full
           && self->disk_error == 0 && self->fatal == 0
           && stream == self->stream;
}

void
forwarder_on_entry (struct forwarder_actor *self,
                    const struct link_feed_entry *entry)
{
    uint64_t cursor = outbox_cursor (self->outbox);

    if (!forwarder_takes (self, entry->stream) || entry->seq <= cursor)
        return;
    if (entry->command == COMMAND_ECONSTATUS) {
        log_broken ("FORWARDER-ENTRY", "seq=%" PRIu64, entry->seq);
        return;
    }
    if (entry->seq != cursor + 1)
        log_warn ("FORWARDER-GAP", "after=%" PRIu64 " next=%" PRIu64, cursor,
                  entry->seq);

    struct outbox_entry row = {
        .seq = entry->seq,
        .command = entry->command,
        .id = entry->id,
        .public_key = entry->public_key,
        .received_us = entry->received_us,
        .payload = entry->payload,
    };
    int rc = outbox_put (self->outbox, &row);
    if (rc < 0) {
        forwarder_disk_failed (self, rc);
        return;
    }
    if (rc == 1)
        self->queued[self->queued_count++] =
            (struct queued){entry->command, entry->id, entry->received_us};
    if (self->queued_count == FORWARDER_BATCH_MAX)
        forwarder_write (self);
}

/* A journal that ends before our cursor is not the one we have read: it was
 * begun anew. All of it is read then; what Commons has it knows by gov_id. */
void
forwarder_on_head (struct forwarder_actor *self,
                   const struct link_feed_head *head)
{
    uint64_t cursor = outbox_cursor (self->outbox);

    if (!forwarder_takes (self, head->stream) || head->seq >= cursor)
        return;
    log_warn ("FORWARDER-REWIND", "cursor=%" PRIu64 " journal=%" PRIu64, cursor,
              head->seq);
    int rc = outbox_set_cursor (self->outbox, 0);
    if (rc != 0)
        forwarder_disk_failed (self, rc);
    self->stale = true;
}
