/* SPDX-License-Identifier: MIT */
/* gossip_own - what was handed in here goes to one peer first (PROTOCOL 5.8).
 *
 *   in   own entries; that one was heard from the network; time
 *   out  deliveries: to the one who has it first, later to the others
 *   owns nothing of its own: struct gossip's `own`
 *
 * While an entry is held, cursors pass over it as if it were not there: nobody
 * waits for it. When it is released, whoever was passed by has it in `waiting`,
 * from where the timer of its group takes it to `late`: seen from outside it
 * trickles as every other entry does.
 *
 * Next on the tour: actors/ingress/ingress_delivery.c
 */
#include "actors/gossip/gossip_private.h"

/* PROTOCOL 5.8: "one random confirmed outbound peer". 0 stands for nobody. */
static bool
gossip_may_be_first (const struct gossip_peer *peer)
{
    return peer->id != 0 && peer->governance && peer->outbound
           && peer->confirmed;
}

static size_t
gossip_count_firsts (const struct gossip *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->peers_count; i++)
        count += gossip_may_be_first (&self->peers[i]);
    return count;
}

/* Before the head of the first feed the peers are only just being told, and
 * nothing can be said of who is there: it is held in any case. */
bool
gossip_is_own (const struct gossip *self, const struct link_feed_entry *fed,
               struct moment now)
{
    return self->options.own_delay && fed->local
           && now.unix_us - fed->received_us < GOSSIP_OWN_AGE_US
           && (!self->synced || gossip_count_firsts (self) > 0);
}

/* Returns true when a cursor of PEER has not come to the entry SEQ yet. */
static bool
gossip_comes_to (const struct gossip_peer *peer, uint64_t seq)
{
    return peer->cursor <= seq
           || (peer->backlog <= seq && seq < peer->backlog_end);
}

static bool
gossip_is_owed (const struct gossip *self, size_t place)
{
    for (size_t i = 0; i < self->peers_count; i++)
        if (own_set_has (&self->peers[i].waiting, place)
            || own_set_has (&self->peers[i].late, place))
            return true;
    return false;
}

static void
gossip_release (struct gossip *self, size_t place)
{
    const struct own_entry *own = &self->own.entries[place];

    own_release (&self->own, place);
    for (size_t i = 0; i < self->peers_count; i++) {
        struct gossip_peer *peer = &self->peers[i];
        bool has_it = own->sent && own->peer == peer->id;
        if (peer->placed && peer->governance && !has_it
            && !gossip_comes_to (peer, own->entry->seq))
            own_set_add (&peer->waiting, place);
    }
    if (!gossip_is_owed (self, place))
        own_free (&self->own, place);
}

/* There is no room to remember that slow peers are owed the entry at PLACE:
 * their cursors go back to it instead. What they have had since is offered to
 * them again, and ingress drops it. */
static void
gossip_rewind (struct gossip *self, size_t place)
{
    uint64_t seq = self->own.entries[place].entry->seq;

    for (size_t i = 0; i < self->peers_count; i++) {
        struct gossip_peer *peer = &self->peers[i];
        if (!own_set_has (&peer->waiting, place)
            && !own_set_has (&peer->late, place))
            continue;
        own_set_remove (&peer->waiting, place);
        own_set_remove (&peer->late, place);
        if (peer->cursor > seq)
            peer->cursor = seq;
        peer->rereads = false; /* the range in hand does not begin there */
    }
    own_free (&self->own, place);
}

int
gossip_hold (struct gossip *self, const struct link_feed_entry *fed,
             struct moment now, size_t *ret_place)
{
    if (self->own.held == OWN_HELD_MAX)
        gossip_release (self, own_oldest (&self->own, OWN_HELD));
    if (self->own.held + self->own.released == OWN_MAX)
        gossip_rewind (self, own_oldest (&self->own, OWN_RELEASED));
    return own_hold (&self->own, fed, !self->synced, now.mono,
                     gossip_random (self), ret_place);
}

void
gossip_heard (struct gossip *self, const struct gov_id *id)
{
    size_t place = own_find (&self->own, id);
    if (place < OWN_MAX)
        gossip_release (self, place);
}

void
gossip_unchoose (struct gossip *self, uint64_t peer)
{
    own_peer_gone (&self->own, peer);
}

/* Chooses who has OWN first, if nobody is chosen. Returns false when there is
 * nobody to choose. */
static bool
gossip_choose (struct gossip *self, struct own_entry *own)
{
    size_t count = own->peer == 0 ? gossip_count_firsts (self) : 0;
    if (count == 0)
        return own->peer != 0;
    size_t choice = gossip_random (self) % count;
    for (size_t i = 0; own->peer == 0; i++)
        if (gossip_may_be_first (&self->peers[i]) && choice-- == 0)
            own->peer = self->peers[i].id;
    own->patient = false;
    return true;
}

/* Gives the held entry at PLACE to the one who is to have it first. One that
 * cannot take it now is waited for until the entry is due. */
static void
gossip_give_first (struct gossip *self, size_t place, struct moment now,
                   gossip_deliver_fn *deliver, void *context)
{
    struct own_entry *own = &self->own.entries[place];

    if (!gossip_choose (self, own)) {
        if (!own->patient)
            gossip_release (self, place); /* 5.8: "to all at once" */
        return;
    }
    struct gossip_peer *peer = gossip_find_peer (self, own->peer);
    if (own->entry->timestamp < gossip_oldest (now) || !gossip_is_open (peer)
        || !deliver (context, peer->ingress, own->entry, &own->peer, 1))
        return;
    own->sent = true;
    peer->in_flight += own->entry->size;
    self->counters.offered++;
}

void
gossip_work_held (struct gossip *self, struct moment now,
                  gossip_deliver_fn *deliver, void *context)
{
    size_t place;

    while ((place = own_due (&self->own, now.mono)) < OWN_MAX)
        gossip_release (self, place);
    for (place = 0; self->own.held > 0 && self->synced && place < OWN_MAX;
         place++)
        if (self->own.entries[place].state == OWN_HELD
            && !self->own.entries[place].sent)
            gossip_give_first (self, place, now, deliver, context);
}

/* Offers the released entry at PLACE to all of INGRESS that it is late for.
 * Returns false when INGRESS has no room. */
static bool
gossip_offer_late (struct gossip *self, void *ingress, size_t place,
                   struct moment now, gossip_deliver_fn *deliver, void *context)
{
    const struct gossip_entry *entry = self->own.entries[place].entry;
    bool stale = entry->timestamp < gossip_oldest (now);
    uint64_t ids[DELIVER_PEERS_MAX];
    struct gossip_peer *peers[DELIVER_PEERS_MAX];
    size_t i = 0;

    while (i < self->peers_count) {
        size_t count = 0;
        for (; i < self->peers_count && count < DELIVER_PEERS_MAX; i++) {
            struct gossip_peer *peer = &self->peers[i];
            if (peer->ingress != ingress || !gossip_is_open (peer)
                || !own_set_has (&peer->late, place))
                continue;
            ids[count] = peer->id;
            peers[count++] = peer;
        }
        if (count == 0)
            return true;
        if (!stale && !deliver (context, ingress, entry, ids, count))
            return false;
        for (size_t k = 0; k < count; k++) {
            own_set_remove (&peers[k]->late, place);
            peers[k]->in_flight += stale ? 0 : entry->size;
        }
        *(stale ? &self->counters.stale : &self->counters.offered) += count;
    }
    return true;
}

void
gossip_work_late (struct gossip *self, void *ingress, struct moment now,
                  gossip_deliver_fn *deliver, void *context)
{
    struct own_set wanted = {0};

    for (size_t i = 0; self->own.released > 0 && i < self->peers_count; i++)
        if (self->peers[i].ingress == ingress
            && gossip_is_open (&self->peers[i]))
            own_set_merge (&wanted, &self->peers[i].late);
    for (size_t place = 0; place < OWN_MAX && !own_set_is_empty (&wanted);
         place++) {
        if (!own_set_has (&wanted, place))
            continue;
        own_set_remove (&wanted, place);
        if (!gossip_offer_late (self, ingress, place, now, deliver, context))
            return; /* its credit comes back and wakes us */
    }
}

void
gossip_forget_offered (struct gossip *self)
{
    struct own_set owed = {0};

    if (self->own.released == 0)
        return;
    for (size_t i = 0; i < self->peers_count; i++) {
        own_set_merge (&owed, &self->peers[i].waiting);
        own_set_merge (&owed, &self->peers[i].late);
    }
    for (size_t place = 0; place < OWN_MAX; place++)
        if (self->own.entries[place].state == OWN_RELEASED
            && !own_set_has (&owed, place))
            own_free (&self->own, place);
}
