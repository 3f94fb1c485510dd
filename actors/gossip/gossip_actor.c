/* SPDX-License-Identifier: MIT */
/* gossip - offer every accepted message to every governance-enabled peer.
 *
 *   in   feed      FEED_ENTRY from dedup: the journal, live
 *        delivery  PEER_READY, PEER_GONE, DRAINED, HEARD from ingress
 *        status    STATUS from verifiers: queries and responses;
 *                  RELAY_MODE, STATUS_ASK_REPLY from the forwarder
 *   out  delivery  DELIVER: send this to these connections
 *        status    STATUS_REPLY: a verdict; STATUS_ASK to the forwarder
 *   owns a cursor per peer, and the table of who asked for a status
 *
 * Nothing here lasts: after a restart the feed is read from an hour ago, and
 * ingress, which knows what each connection has, drops what is offered twice;
 * what was handed in locally in the last 30 s is held back anew.
 *
 * Next on the tour: actors/gossip/gossip.c
 */
#include "actors/actor.h"
#include "actors/gossip/gossip.h"
#include "actors/gossip/status.h"
#include "supervisor/log.h"

enum { GOSSIP_STREAM_LIVE, GOSSIP_STREAM_REREAD };

struct gossip_actor {
    struct actor actor;           /* must be first */
    struct link *feed;            /* to dedup; the actor owns it */
    struct link *delivery;        /* to each ingress */
    struct link *status;          /* to verifiers and the forwarder */
    struct gossip *gossip;        /* cursors; owned */
    struct status_table *queries; /* owned */
    struct link_peer *forwarder;  /* in relay mode; borrowed, NULL: none */
    bool live;                    /* the live feed was opened */
    bool more;                    /* work was left for the next turn */
    uint64_t status_verdicts[VERDICTS_];
};

static void
gossip_open_live_feed (struct gossip_actor *self, struct link_peer *dedup)
{
    uint64_t last = gossip_last_seq (self->gossip);
    struct link_message open = {
        .id = MESSAGE_FEED_OPEN,
        .feed_open = {.stream = GOSSIP_STREAM_LIVE,
                      .from_seq = last ? last + 1 : 0,
                      .since_s =
                          moment_unix_s (self->actor.now) - MESSAGE_AGE_MAX_S}};
    self->live = link_send (self->feed, dedup, &open) == 0;
}

static void
gossip_up (void *data, struct link *link, struct link_peer *peer)
{
    struct gossip_actor *self = data;
    if (link == self->feed)
        gossip_open_live_feed (self, peer);
}

static void
gossip_down (void *data, struct link *link, struct link_peer *peer)
{
    struct gossip_actor *self = data;
    if (link == self->feed) {
        self->live = false;
        gossip_reread_done (self->gossip, false);
    }
    if (link == self->delivery)
        gossip_ingress_gone (self->gossip, peer);
    if (peer == self->forwarder)
        self->forwarder = NULL;
}

static bool
gossip_deliver (void *context, void *ingress, const struct gossip_entry *entry,
                const uint64_t *peers, size_t count)
{
    struct gossip_actor *self = context;
    struct link_message message = {
        .id = MESSAGE_DELIVER,
        .deliver = {.command = entry->command,
                    .id = entry->id,
                    .received_us = entry->received_us,
                    .payload = bytes_of (entry->payload, entry->size),
                    .peers_count = count}};
    memcpy (message.deliver.peers, peers, count * sizeof *peers);
    if (link_send (self->delivery, ingress, &message) != 0)
        return false;
    struct tap_event event = {
        .topic = TOPIC_GOSSIP_OFFERED,
        .command = entry->command,
        .id = &entry->id,
        .numbers = {{"peers", (int64_t)count},
                    {"seq", (int64_t)entry->seq},
                    {"us_since_ingress",
                     self->actor.now.unix_us - entry->received_us}}};
    tap_show (self->actor.tap, &event, self->actor.now);
    return true;
}

static void
gossip_on_feed_entry (struct gossip_actor *self, struct link_peer *dedup,
                      const struct link_feed_entry *entry)
{
    if (entry->stream == GOSSIP_STREAM_REREAD) {
        gossip_on_reread (self->gossip, entry, self->actor.now, gossip_deliver,
                          self);
        return;
    }
    /* Out of memory: the live feed begins again where we are. */
    if (gossip_on_entry (self->gossip, entry, self->actor.now) != 0)
        gossip_open_live_feed (self, dedup);
}

static void
gossip_on_feed_head (struct gossip_actor *self,
                     const struct link_feed_head *head)
{
    if (head->stream == GOSSIP_STREAM_REREAD)
        gossip_reread_done (self->gossip, true);
    else
        gossip_on_head (self->gossip, head->seq, self->actor.now);
}

/* Sends a status message to one peer. Returns false when its ingress has no
 * room, or it left. */
static bool
gossip_send_status (struct gossip_actor *self, uint64_t peer,
                    const struct gov_id *name, struct bytes payload)
{
    void *ingress = gossip_find_ingress (self->gossip, peer);
    struct link_message message = {.id = MESSAGE_DELIVER,
                                   .deliver = {.command = COMMAND_ECONSTATUS,
                                               .id = *name,
                                               .payload = payload,
                                               .peers = {peer},
                                               .peers_count = 1}};
    return ingress && link_send (self->delivery, ingress, &message) == 0;
}

static void
gossip_answer_askers (struct gossip_actor *self,
                      const struct status_query *query)
{
    for (size_t i = 0; query && i < query->askers_count; i++)
        gossip_send_status (self, query->askers[i], &query->name,
                            bytes_of (query->answer, query->answer_size));
}

/* Passes a query on: to Commons, or to at most three peers. Returns false when
 * there is nobody to ask. */
static bool
gossip_pass_query (struct gossip_actor *self, struct status_query *query,
                   const struct link_status *status)
{
    uint64_t peers[STATUS_SENT_MAX];
    void *ingresses[STATUS_SENT_MAX];

    if (self->forwarder) {
        struct link_message ask = {
            .id = MESSAGE_STATUS_ASK,
            .status_ask = {.name = status->name, .payload = status->payload}};
        query->commons = link_send (self->status, self->forwarder, &ask) == 0;
        return query->commons;
    }
    size_t count = gossip_pick_peers (self->gossip, status->peer, peers,
                                      ingresses, STATUS_SENT_MAX);
    for (size_t i = 0; i < count; i++)
        if (gossip_send_status (self, peers[i], &status->name, status->payload))
            query->sent[query->sent_count++] = peers[i];
    return query->sent_count > 0;
}

static enum verdict
gossip_judge_query (struct gossip_actor *self, const struct link_status *status)
{
    struct status_query *query;
    enum verdict verdict;
    enum status_step step =
        status_on_query (self->queries, status->peer, &status->name,
                         self->actor.now.mono, &query, &verdict);
    if (step == STATUS_ANSWER)
        gossip_send_status (self, status->peer, &status->name,
                            bytes_of (query->answer, query->answer_size));
    if (step == STATUS_PASS && !gossip_pass_query (self, query, status)) {
        status_forget (self->queries, query);
        verdict = VERDICT_BUSY;
    }
    return verdict;
}

static enum verdict
gossip_judge_response (struct gossip_actor *self,
                       const struct link_status *status)
{
    struct status_query *query =
        status_on_response (self->queries, status->peer, &status->name,
                            status->payload, self->actor.now.mono);
    gossip_answer_askers (self, query);
    return query ? VERDICT_ACCEPTED : VERDICT_UNSOLICITED;
}

static void
gossip_on_status (struct gossip_actor *self, struct link_peer *verifier,
                  const struct link_status *status)
{
    enum verdict verdict = status->response
                               ? gossip_judge_response (self, status)
                               : gossip_judge_query (self, status);
    struct link_message reply = {
        .id = MESSAGE_STATUS_REPLY,
        .status_reply = {.ticket = status->ticket, .verdict = verdict}};
    link_send (self->status, verifier, &reply);
    self->status_verdicts[verdict]++;

    bool accepted = verdict == VERDICT_ACCEPTED;
    struct tap_event event = {
        .topic = accepted ? TOPIC_GOSSIP_OFFERED : TOPIC_GOSSIP_IGNORED,
        .command = COMMAND_ECONSTATUS,
        .id = &status->name,
        .has_verdict = true,
        .verdict = verdict,
        .reason = accepted ? "unauthenticated" : verdict_sentence (verdict),
        .message = status->payload};
    tap_show (self->actor.tap, &event, self->actor.now);
}

static enum link_use
gossip_message (void *data, struct link *link, struct link_peer *from,
                const struct link_message *message, size_t size)
{
    struct gossip_actor *self = data;
    (void)size;
    if (message->id == MESSAGE_FEED_ENTRY)
        gossip_on_feed_entry (self, from, &message->feed_entry);
    else if (message->id == MESSAGE_FEED_HEAD)
        gossip_on_feed_head (self, &message->feed_head);
    else if (message->id == MESSAGE_DRAINED)
        gossip_drained (self->gossip, message->drained.peer,
                        message->drained.bytes);
    else if (message->id == MESSAGE_PEER_READY) {
        if (gossip_peer_up (self->gossip, from, &message->peer_ready,
                            self->actor.now)
            != 0)
            log_warn ("GOSSIP-PEERS", "peers=%zu words=\"no room for a peer\"",
                      gossip_peers (self->gossip));
    } else if (message->id == MESSAGE_HEARD)
        gossip_heard (self->gossip, &message->heard.id);
    else if (message->id == MESSAGE_PEER_GONE)
        gossip_peer_gone (self->gossip, message->peer_gone.peer);
    else if (message->id == MESSAGE_STATUS)
        gossip_on_status (self, from, &message->status);
    else if (message->id == MESSAGE_RELAY_MODE)
        self->forwarder = message->relay_mode.on ? from : NULL;
    else if (message->id == MESSAGE_STATUS_ASK_REPLY) {
        if (message->status_ask.payload.size > 0) /* unknown: no response */
            gossip_answer_askers (
                self, status_on_commons (
                          self->queries, &message->status_ask.name,
                          message->status_ask.payload, self->actor.now.mono));
    } else
        log_broken ("GOSSIP-MESSAGE", "link=%s message=%s",
                    link_id_name (link_id (link)),
                    message_id_name (message->id));
    return LINK_DONE;
}

static void
gossip_ask_reread (struct gossip_actor *self)
{
    struct link_peer *dedup = link_first_peer (self->feed);
    struct link_message open = {.id = MESSAGE_FEED_OPEN,
                                .feed_open = {.stream = GOSSIP_STREAM_REREAD}};

    if (!dedup || !self->live
        || !gossip_wants_reread (self->gossip, self->actor.now.mono,
                                 &open.feed_open.from_seq,
                                 &open.feed_open.until_seq))
        return;
    if (link_send (self->feed, dedup, &open) != 0)
        gossip_reread_done (self->gossip, false);
}

static int
gossip_turn (void *data)
{
    struct gossip_actor *self = data;
    self->more =
        gossip_work (self->gossip, self->actor.now, gossip_deliver, self);
    gossip_ask_reread (self);
    return 0;
}

static struct instant
gossip_wake (void *data)
{
    struct gossip_actor *self = data;
    return self->more ? self->actor.now.mono : gossip_deadline (self->gossip);
}

static json_t *
gossip_stats (void *data)
{
    struct gossip_actor *self = data;
    const struct gossip_counters *counters = gossip_counters (self->gossip);
    return json_pack ("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "peers",
                      (json_int_t)gossip_peers (self->gossip), "own_held",
                      (json_int_t)gossip_held (self->gossip), "offered",
                      (json_int_t)counters->offered, "stale",
                      (json_int_t)counters->stale, "reread",
                      (json_int_t)counters->reread, "status_accepted",
                      (json_int_t)self->status_verdicts[VERDICT_ACCEPTED],
                      "status_unsolicited",
                      (json_int_t)self->status_verdicts[VERDICT_UNSOLICITED]);
}

static const struct actor_stage gossip_stage = {
    .link = {.up = gossip_up, .down = gossip_down, .message = gossip_message},
    .turn = gossip_turn,
    .deadline = gossip_wake,
    .stats = gossip_stats,
};

static int
gossip_open (struct gossip_actor *self)
{
    const struct config *config = self->actor.config;
    struct gossip_options options = {
        .trickle_us = config->gossip_trickle_ms * MILLISECOND_US,
        .peer_rate = (uint64_t)config->limits_peer_rate,
        .peer_burst = (uint64_t)config->limits_peer_burst,
        .own_delay = config->gossip_own_delay,
        .seed = random_u64 ()};
    self->gossip = gossip_create (&options);
    self->queries = status_table_create (self->actor.now.mono);
    if (!self->gossip || !self->queries)
        return -ENOMEM;
    int rc = actor_open_link (&self->actor, LINK_DELIVERY, &gossip_stage, self,
                              &self->delivery);
    if (rc == 0)
        rc = actor_open_link (&self->actor, LINK_STATUS, &gossip_stage, self,
                              &self->status);
    if (rc == 0)
        rc = actor_open_link (&self->actor, LINK_FEED, &gossip_stage, self,
                              &self->feed);
    return rc;
}

void
gossip_actor (zsock_t *pipe, void *args)
{
    struct gossip_actor self = {0};

    int rc = actor_begin (&self.actor, pipe, args);
    if (rc == 0)
        rc = gossip_open (&self);
    if (rc == 0)
        rc = actor_run (&self.actor, &gossip_stage, &self);
    gossip_destroy (&self.gossip);
    status_table_destroy (&self.queries);
    actor_end (&self.actor, rc);
}
