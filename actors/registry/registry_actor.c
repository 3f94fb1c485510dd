/* SPDX-License-Identifier: MIT */
/* registry - the policy: whom to be connected to, and who is there.
 *
 *   in   peering  PEER from ingress: how each peer stands
 *   out  peering  DIAL: be connected to this
 *        taps     registry.peer.*
 *   owns the list of configured peers and when to dial each, the peer table
 *
 * When ingress comes back after a restart it tells all its peers first; what is
 * missing among them is dialled again.
 *
 * Next on the tour: actors/ingress/ingress_actor.c
 */
#include "actors/actor.h"
#include "actors/registry/dialling.h"
#include "actors/registry/peer_table.h"
#include "supervisor/log.h"

#define REGISTRY_CLOCK_WARN_S 70           /* PROTOCOL 5.9 */
#define REGISTRY_SETTLE_US (SECOND_US / 2) /* ingress tells its peers first */

struct registry {
    struct actor actor;        /* must be first */
    struct link *peering;      /* to ingress; the actor owns it */
    struct dialling *dialling; /* owned */
    struct peer_table *peers;  /* of all ingresses; owned */
    bool clock_warned;         /* one line when it goes wrong */
    struct instant settled;    /* do not dial before this */
    uint64_t connected;
    uint64_t left;
    uint64_t dials;
};

static void
registry_show (struct registry *self, enum topic topic, struct bytes subject,
               const struct link_peer_state *peer)
{
    char text[LINK_ADDRESS_MAX + 1];
    char words[LINK_WORDS_MAX + 1] = "";

    if (!tap_wants (self->actor.tap, topic))
        return;
    memcpy (text, subject.data, subject.size);
    text[subject.size] = '\0';
    if (peer) {
        memcpy (words, peer->words.data, peer->words.size);
        words[peer->words.size] = '\0';
    }
    struct tap_event event = {.topic = topic,
                              .command = TAP_NO_COMMAND,
                              .subject = text,
                              .reason = words[0] ? words : NULL};
    if (peer) {
        event.numbers[0].name = "outbound";
        event.numbers[0].value = peer->outbound;
        event.numbers[1].name = "governance";
        event.numbers[1].value = peer->governance;
        event.numbers[2].name = "points";
        event.numbers[2].value = peer->points;
    }
    tap_show (self->actor.tap, &event, self->actor.now);
}

static struct bytes
registry_subject (const struct link_peer_state *peer)
{
    return peer->address.size > 0 ? peer->address : peer->dialled;
}

static void
registry_check_clock (struct registry *self)
{
    int64_t offset_s;
    if (peer_table_clock_offset (self->peers, &offset_s) != 0)
        return;
    bool wrong =
        offset_s > REGISTRY_CLOCK_WARN_S || offset_s < -REGISTRY_CLOCK_WARN_S;
    if (wrong && !self->clock_warned)
        log_warn ("REGISTRY-CLOCK",
                  "offset_s=%lld words=\"our clock differs from our peers' "
                  "clocks: set it\"",
                  (long long)offset_s);
    self->clock_warned = wrong;
}

/* Ingress repeats itself (points, pings): only changes are news. */
static void
registry_on_peer (struct registry *self, const struct link_peer *ingress,
                  const struct link_peer_state *peer)
{
    bool news = peer_table_update (self->peers, ingress, peer);

    if (peer->dialled.size > 0)
        dialling_on_state (self->dialling, peer->dialled, peer->state,
                           random_u64 (), self->actor.now.mono);
    if (peer->state == PEER_SHAKEN && news) {
        self->connected++;
        registry_show (self, TOPIC_REGISTRY_PEER_CONNECTED,
                       registry_subject (peer), peer);
        registry_check_clock (self);
    }
    if (peer->state == PEER_LEFT) {
        self->left++;
        registry_show (self,
                       peer->points >= 100 ? TOPIC_REGISTRY_PEER_BANNED
                                           : TOPIC_REGISTRY_PEER_LEFT,
                       registry_subject (peer), peer);
    }
}

static void
registry_on_down (void *data, struct link *link, struct link_peer *peer)
{
    struct registry *self = data;
    (void)link;
    peer_table_forget (self->peers, peer);
}

static enum link_use
registry_on_message (void *data, struct link *link, struct link_peer *from,
                     const struct link_message *message, size_t size)
{
    struct registry *self = data;
    (void)size;
    if (message->id == MESSAGE_PEER)
        registry_on_peer (self, from, &message->peer);
    else
        log_broken ("REGISTRY-MESSAGE", "link=%s message=%s",
                    link_id_name (link_id (link)),
                    message_id_name (message->id));
    return LINK_DONE;
}

static void
registry_on_up (void *data, struct link *link, struct link_peer *peer)
{
    struct registry *self = data;
    (void)link;
    (void)peer;
    dialling_reset (self->dialling, self->actor.now.mono);
    self->settled = instant_after (self->actor.now.mono, REGISTRY_SETTLE_US);
}

static int
registry_turn (void *data)
{
    struct registry *self = data;
    struct link_peer *ingress = link_first_peer (self->peering);
    const char *address;

    if (!ingress || self->actor.draining
        || !instant_reached (self->actor.now.mono, self->settled))
        return 0;
    while ((address = dialling_next (self->dialling, self->actor.now.mono))) {
        struct link_message dial = {
            .id = MESSAGE_DIAL, .dial = {.address = bytes_of_text (address)}};
        if (link_send (self->peering, ingress, &dial) != 0)
            return 0; /* it is due again in a while */
        self->dials++;
        registry_show (self, TOPIC_REGISTRY_PEER_DIALLED,
                       bytes_of_text (address), NULL);
    }
    return 0;
}

static struct instant
registry_deadline (void *data)
{
    struct registry *self = data;
    struct instant deadline = dialling_deadline (self->dialling);
    if (!link_first_peer (self->peering))
        return (struct instant){.us = INT64_MAX};
    return deadline.us < self->settled.us ? self->settled : deadline;
}

static json_t *
registry_stats (void *data)
{
    struct registry *self = data;
    struct peer_table_counts counts = peer_table_count (self->peers);
    return json_pack ("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "inbound",
                      (json_int_t)counts.inbound, "outbound",
                      (json_int_t)counts.outbound, "governance",
                      (json_int_t)counts.governance, "configured_connected",
                      (json_int_t)dialling_connected (self->dialling),
                      "connected", (json_int_t)self->connected, "left",
                      (json_int_t)self->left, "dials", (json_int_t)self->dials);
}

static const struct actor_stage registry_stage = {
    .link = {.up = registry_on_up,
             .down = registry_on_down,
             .message = registry_on_message},
    .turn = registry_turn,
    .deadline = registry_deadline,
    .stats = registry_stats,
};

static int
registry_open (struct registry *self)
{
    const struct string_list *peers = &self->actor.config->node_peers;
    self->dialling =
        dialling_create (peers->item, peers->count, self->actor.now.mono);
    self->peers = peer_table_create ();
    if (!self->dialling || !self->peers)
        return -ENOMEM;
    return actor_open_link (&self->actor, LINK_PEERING, &registry_stage, self,
                            &self->peering);
}

void
registry_actor (zsock_t *pipe, void *args)
{
    struct registry self = {0};

    int rc = actor_begin (&self.actor, pipe, args);
    if (rc == 0)
        rc = registry_open (&self);
    if (rc == 0)
        rc = actor_run (&self.actor, &registry_stage, &self);
    dialling_destroy (&self.dialling);
    peer_table_destroy (&self.peers);
    actor_end (&self.actor, rc);
}
