/* SPDX-License-Identifier: MIT */
/* gossip - whom to offer what, when: a peer is a cursor into the journal.
 *
 *   in   journal entries; peers that come, drain and go
 *   out  deliveries: one entry, the peers whose turn it is
 *   owns the newest entries (window.c) and a cursor per peer
 *
 * Next on the tour: actors/gossip/gossip_own.c
 */
#include "actors/gossip/gossip.h"

#include <math.h>
#include <stdlib.h>

#include "actors/gossip/gossip_private.h"
#include "actors/gossip/window.h"

uint64_t
gossip_random (struct gossip *self)
{
    uint64_t z = self->random += UINT64_C (0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Returns an exponentially distributed time with the mean MEAN_US. */
static int64_t
gossip_exponential (struct gossip *self, int64_t mean_us)
{
    double uniform = (double)((gossip_random (self) >> 11) + 1) * 0x1p-53;
    return (int64_t)(-log (uniform) * (double)mean_us);
}

struct gossip *
gossip_create (const struct gossip_options *options)
{
    struct gossip *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->options = *options;
    self->random = options->seed;
    self->deadline.us = INT64_MAX;
    self->window = window_create (GOSSIP_WINDOW_BYTES);
    if (!self->window)
        gossip_destroy (&self);
    return self;
}

void
gossip_destroy (struct gossip **gossip)
{
    struct gossip *self = *gossip;
    if (!self)
        return;
    *gossip = NULL;
    window_destroy (&self->window);
    own_done (&self->own);
    free (self->peers);
    free (self->groups);
    free (self);
}

uint64_t
gossip_last_seq (const struct gossip *self)
{
    return self->last;
}

int64_t
gossip_oldest (struct moment now)
{
    return moment_unix_s (now) - MESSAGE_AGE_MAX_S;
}

/* PROTOCOL 5.5: "the cursor stands at the first entry with timestamp >= now -
 * 3600 ..., at most 1,000 entries; this backlog alone is paced". */
static void
gossip_place (struct gossip *self, struct gossip_peer *peer, struct instant now)
{
    peer->placed = true;
    peer->cursor = self->last + 1;
    peer->released = peer->cursor;
    peer->backlog_end = self->last + 1;
    peer->backlog = self->hour_first;
    if (peer->backlog_end - peer->backlog > GOSSIP_BACKLOG_MAX)
        peer->backlog = peer->backlog_end - GOSSIP_BACKLOG_MAX;
    uint64_t rate = self->options.peer_rate;
    bucket_init (&peer->pace, rate ? (rate + 1) / 2 : 0, SECOND_US,
                 self->options.peer_burst / 2, now);
}

int
gossip_on_entry (struct gossip *self, const struct link_feed_entry *entry,
                 struct moment now)
{
    size_t place = OWN_MAX;
    int rc = 0;

    if (entry->seq <= self->last)
        return 0;
    if (gossip_is_own (self, entry, now))
        rc = gossip_hold (self, entry, now, &place);
    if (rc != 0)
        return rc;
    rc = window_add (self->window, entry);
    if (rc != 0) {
        if (place < OWN_MAX)
            own_free (&self->own, place);
        return rc;
    }
    if (self->last == 0)
        self->hour_first = entry->seq;
    self->last = entry->seq;

    uint64_t stale = window_drop_stale (self->window, gossip_oldest (now));
    if (stale >= self->hour_first)
        self->hour_first = stale + 1;
    return 0;
}

void
gossip_on_head (struct gossip *self, uint64_t seq, struct moment now)
{
    if (seq > self->last) { /* nothing of the last hour, or damaged entries */
        self->last = seq;
        if (window_first (self->window) == NULL)
            self->hour_first = seq + 1;
    }
    if (self->hour_first == 0)
        self->hour_first = 1;
    self->synced = true;
    for (size_t i = 0; i < self->peers_count; i++)
        if (!self->peers[i].placed)
            gossip_place (self, &self->peers[i], now.mono);
}

/* Returns the index of the group ID, a new one if need be, or -ENOMEM. */
static int
gossip_join_group (struct gossip *self, uint32_t id, size_t *ret_group)
{
    size_t free_place = self->groups_count;
    for (size_t i = 0; i < self->groups_count; i++) {
        if (self->groups[i].peers == 0)
            free_place = i;
        else if (self->groups[i].id == id) {
            self->groups[i].peers++;
            *ret_group = i;
            return 0;
        }
    }
    if (free_place == self->groups_count) {
        struct gossip_group *groups =
            realloc (self->groups, (free_place + 1) * sizeof *groups);
        if (!groups)
            return -ENOMEM;
        self->groups = groups;
        self->groups_count++;
    }
    self->groups[free_place] = (struct gossip_group){.id = id, .peers = 1};
    *ret_group = free_place;
    return 0;
}

struct gossip_peer *
gossip_find_peer (const struct gossip *self, uint64_t id)
{
    for (size_t i = 0; i < self->peers_count; i++)
        if (self->peers[i].id == id)
            return &self->peers[i];
    return NULL;
}

int
gossip_peer_up (struct gossip *self, void *ingress,
                const struct link_peer_ready *ready, struct moment now)
{
    struct gossip_peer *known = gossip_find_peer (self, ready->peer);
    if (known) {
        known->governance = ready->governance;
        known->confirmed = ready->confirmed;
        if (!known->governance || !known->confirmed)
            gossip_unchoose (self, known->id);
        return 0;
    }
    if (self->peers_count == GOSSIP_PEERS_MAX)
        return -E2BIG;
    if (self->peers_count == self->peers_room) {
        size_t room = self->peers_room ? self->peers_room * 2 : 16;
        struct gossip_peer *peers = realloc (self->peers, room * sizeof *peers);
        if (!peers)
            return -ENOMEM;
        self->peers = peers;
        self->peers_room = room;
    }
    struct gossip_peer peer = {.id = ready->peer,
                               .ingress = ingress,
                               .governance = ready->governance,
                               .outbound = ready->outbound,
                               .confirmed = ready->confirmed};
    int rc = gossip_join_group (self, ready->group, &peer.group);
    if (rc != 0)
        return rc;
    if (self->synced)
        gossip_place (self, &peer, now.mono);
    self->peers[self->peers_count++] = peer;
    return 0;
}

static void
gossip_remove_peer (struct gossip *self, struct gossip_peer *peer)
{
    gossip_unchoose (self, peer->id);
    self->groups[peer->group].peers--;
    *peer = self->peers[--self->peers_count];
}

void
gossip_peer_gone (struct gossip *self, uint64_t id)
{
    struct gossip_peer *peer = gossip_find_peer (self, id);
    if (peer)
        gossip_remove_peer (self, peer);
}

void
gossip_ingress_gone (struct gossip *self, void *ingress)
{
    for (size_t i = self->peers_count; i-- > 0;)
        if (self->peers[i].ingress == ingress)
            gossip_remove_peer (self, &self->peers[i]);
}

void
gossip_drained (struct gossip *self, uint64_t id, uint64_t bytes)
{
    struct gossip_peer *peer = gossip_find_peer (self, id);
    if (peer)
        peer->in_flight -= bytes < peer->in_flight ? bytes : peer->in_flight;
}

/*~ Whose turn is it? A peer needs its backlog first, entry by entry, and beside
 * it the live entries that its group's timer has released. */

static void
gossip_release_peer (struct gossip *self, struct gossip_peer *peer)
{
    peer->released = self->last + 1;
    own_set_merge (&peer->late, &peer->waiting);
    peer->waiting = (struct own_set){0};
}

static void
gossip_release_groups (struct gossip *self, struct instant now)
{
    self->deadline.us = INT64_MAX;
    for (size_t i = 0; i < self->peers_count; i++) {
        struct gossip_peer *peer = &self->peers[i];
        if (!peer->placed || !peer->governance
            || (peer->released > self->last
                && own_set_is_empty (&peer->waiting)))
            continue;
        struct gossip_group *group = &self->groups[peer->group];
        if (self->options.trickle_us == 0) {
            gossip_release_peer (self, peer);
            continue;
        }
        if (!group->armed) {
            group->armed = true;
            group->due = instant_after (
                now, gossip_exponential (self, self->options.trickle_us));
        }
        if (instant_reached (now, group->due))
            gossip_release_peer (self, peer);
        else if (group->due.us < self->deadline.us)
            self->deadline = group->due;
    }
    for (size_t i = 0; i < self->groups_count; i++)
        if (instant_reached (now, self->groups[i].due))
            self->groups[i].armed = false;
}

bool
gossip_is_open (const struct gossip_peer *peer)
{
    return peer->placed && peer->governance
           && peer->in_flight < GOSSIP_PEER_WINDOW;
}

/* What PEER needs before this is not in the window but in the journal. */
static uint64_t
gossip_window_begin (const struct gossip *self)
{
    const struct gossip_entry *first = window_first (self->window);
    return first ? first->seq : self->last + 1;
}

/* Returns true when PEER may be given an entry of its backlog; if not, it is
 * looked at again when it may. */
static bool
gossip_may_pace (struct gossip *self, const struct gossip_peer *peer,
                 struct instant now)
{
    struct instant ready = bucket_ready (&peer->pace, 1);
    if (instant_reached (now, ready))
        return true;
    if (ready.us < self->deadline.us)
        self->deadline = ready;
    return false;
}

/* Returns the next entry that PEER needs, from the backlog or live, and may be
 * given; UINT64_MAX: none. */
static uint64_t
gossip_need (struct gossip *self, const struct gossip_peer *peer, bool backlog,
             struct instant now)
{
    if (!gossip_is_open (peer))
        return UINT64_MAX;
    if (!backlog)
        return peer->cursor < peer->released ? peer->cursor : UINT64_MAX;
    if (peer->backlog >= peer->backlog_end
        || !gossip_may_pace (self, peer, now))
        return UINT64_MAX;
    return peer->backlog;
}

/* PEER has ENTRY now, or does not want it any more. */
static void
gossip_pass (struct gossip_peer *peer, uint64_t seq, bool backlog)
{
    if (backlog)
        peer->backlog = seq + 1;
    else
        peer->cursor = seq + 1;
}

/* Returns true when it is PEER's turn for the entry SEQ. Nobody is given one
 * while he lacks an earlier one: he would never get that. */
static bool
gossip_is_turn (struct gossip *self, struct gossip_peer *peer, uint64_t seq,
                bool backlog, struct instant now)
{
    uint64_t need = gossip_need (self, peer, backlog, now);
    uint64_t end = backlog ? peer->backlog_end : peer->released;

    if (need > seq || seq >= end)
        return false;
    if (self->rereading_entry ? !peer->rereads
                              : need < gossip_window_begin (self))
        return false;
    return !backlog || bucket_take (&peer->pace, 1, now);
}

/* Offers ENTRY to the peers of INGRESS whose turn it is. What is stale or held
 * back is passed over: nobody's cursor waits for it. Returns false when INGRESS
 * has no room. */
static bool
gossip_offer (struct gossip *self, void *ingress,
              const struct gossip_entry *entry, bool backlog, struct moment now,
              gossip_deliver_fn *deliver, void *context)
{
    uint64_t peers[DELIVER_PEERS_MAX];
    size_t places[DELIVER_PEERS_MAX];
    bool stale = entry->timestamp < gossip_oldest (now);
    bool skipped = stale || own_holds (&self->own, entry->seq);
    size_t i = 0;

    while (i < self->peers_count) {
        size_t count = 0;
        for (; i < self->peers_count && count < DELIVER_PEERS_MAX; i++) {
            struct gossip_peer *peer = &self->peers[i];
            if (peer->ingress != ingress
                || !gossip_is_turn (self, peer, entry->seq, backlog, now.mono))
                continue;
            peers[count] = peer->id;
            places[count++] = i;
        }
        if (count == 0)
            return true;
        bool delivered =
            !skipped && deliver (context, ingress, entry, peers, count);
        for (size_t k = 0; backlog && !delivered && k < count; k++)
            bucket_give (&self->peers[places[k]].pace, 1, now.mono);
        if (!skipped && !delivered)
            return false;
        for (size_t k = 0; k < count; k++) {
            struct gossip_peer *peer = &self->peers[places[k]];
            gossip_pass (peer, entry->seq, backlog);
            peer->in_flight += skipped ? 0 : entry->size;
        }
        if (stale)
            self->counters.stale += count;
        else if (skipped)
            self->counters.passed += count;
        else
            self->counters.offered += count;
    }
    return true;
}

/* Returns the lowest entry, FROM or later, that a peer of INGRESS (NULL: of
 * any) needs, from the backlog or live; UINT64_MAX: none. */
static uint64_t
gossip_lowest (struct gossip *self, const void *ingress, bool backlog,
               uint64_t from, struct instant now)
{
    uint64_t lowest = UINT64_MAX;
    for (size_t i = 0; i < self->peers_count; i++) {
        const struct gossip_peer *peer = &self->peers[i];
        if (ingress && peer->ingress != ingress)
            continue;
        uint64_t need = gossip_need (self, peer, backlog, now);
        if (need >= from && need < lowest)
            lowest = need;
    }
    return lowest;
}

/* Returns how many steps cursors have made so far. */
static uint64_t
gossip_steps (const struct gossip *self)
{
    return self->counters.offered + self->counters.stale
           + self->counters.passed;
}

static bool
gossip_work_ingress (struct gossip *self, void *ingress, bool backlog,
                     struct moment now, gossip_deliver_fn *deliver,
                     void *context)
{
    uint64_t lowest = gossip_lowest (self, ingress, backlog,
                                     gossip_window_begin (self), now.mono);
    uint64_t before = gossip_steps (self);
    size_t work = 0;

    if (lowest == UINT64_MAX)
        return false;
    for (const struct gossip_entry *entry = window_from (self->window, lowest);
         entry; entry = window_from (self->window, entry->seq + 1)) {
        if (work++ == GOSSIP_WORK_MAX)
            return gossip_steps (self) > before;
        if (!gossip_offer (self, ingress, entry, backlog, now, deliver,
                           context))
            return false; /* its credit comes back and wakes us */
    }
    return false;
}

/* Returns the next ingress after AFTER in order of address, NULL: the first. */
static void *
gossip_next_ingress (const struct gossip *self, const void *after)
{
    void *next = NULL;
    for (size_t i = 0; i < self->peers_count; i++) {
        void *ingress = self->peers[i].ingress;
        if ((uintptr_t)ingress > (uintptr_t)after
            && (!next || (uintptr_t)ingress < (uintptr_t)next))
            next = ingress;
    }
    return next;
}

bool
gossip_work (struct gossip *self, struct moment now, gossip_deliver_fn *deliver,
             void *context)
{
    bool more = false;

    gossip_work_held (self, now, deliver, context);
    gossip_release_groups (self, now.mono);
    struct instant due = own_deadline (&self->own);
    if (due.us < self->deadline.us)
        self->deadline = due;
    for (void *ingress = gossip_next_ingress (self, NULL); ingress;
         ingress = gossip_next_ingress (self, ingress)) {
        more |=
            gossip_work_ingress (self, ingress, false, now, deliver, context);
        more |=
            gossip_work_ingress (self, ingress, true, now, deliver, context);
        gossip_work_late (self, ingress, now, deliver, context);
    }
    gossip_forget_offered (self);
    return more;
}

struct instant
gossip_deadline (const struct gossip *self)
{
    return self->deadline;
}

/*~ Behind the window: the journal is read again for whoever can take it. */

bool
gossip_wants_reread (struct gossip *self, struct instant now,
                     uint64_t *ret_from, uint64_t *ret_until)
{
    if (self->rereading || !self->synced)
        return false;
    uint64_t window_begin = gossip_window_begin (self);
    uint64_t live = gossip_lowest (self, NULL, false, 0, now);
    uint64_t backlog = gossip_lowest (self, NULL, true, 0, now);
    uint64_t lowest = live < backlog ? live : backlog;

    if (lowest >= window_begin)
        return false;
    self->rereading = true;
    self->reread_until = window_begin - 1;
    if (self->reread_until - lowest >= GOSSIP_REREAD_MAX)
        self->reread_until = lowest + GOSSIP_REREAD_MAX - 1;
    for (size_t i = 0; i < self->peers_count; i++)
        self->peers[i].rereads = gossip_is_open (&self->peers[i]);
    *ret_from = lowest;
    *ret_until = self->reread_until;
    return true;
}

/* A peer that could not take the entry SEQ when it was read must not be given
 * the ones after it: it would never get this one. */
static bool
gossip_lacks (const struct gossip_peer *peer, uint64_t seq)
{
    return (peer->cursor <= seq && seq < peer->released)
           || (peer->backlog <= seq && seq < peer->backlog_end);
}

void
gossip_on_reread (struct gossip *self, const struct link_feed_entry *fed,
                  struct moment now, gossip_deliver_fn *deliver, void *context)
{
    struct gossip_entry *entry = window_entry_create (fed);

    self->counters.reread++;
    if (fed->seq == self->hour_first && fed->timestamp < gossip_oldest (now))
        self->hour_first = fed->seq + 1;
    self->rereading_entry = true;
    /* Without memory nobody is given it, and whoever needs it still does. */
    for (void *ingress = entry ? gossip_next_ingress (self, NULL) : NULL;
         ingress; ingress = gossip_next_ingress (self, ingress)) {
        gossip_offer (self, ingress, entry, false, now, deliver, context);
        gossip_offer (self, ingress, entry, true, now, deliver, context);
    }
    self->rereading_entry = false;
    for (size_t i = 0; i < self->peers_count; i++)
        if (gossip_lacks (&self->peers[i], fed->seq))
            self->peers[i].rereads = false;
    free (entry);
}

void
gossip_reread_done (struct gossip *self, bool complete)
{
    uint64_t until = self->reread_until;
    self->rereading = false;
    if (!complete)
        return;
    /* Whoever was there for all of it has what the journal still holds; but of
     * the live entries only those that were released to it. */
    for (size_t i = 0; i < self->peers_count; i++) {
        struct gossip_peer *peer = &self->peers[i];
        if (!peer->rereads)
            continue;
        uint64_t live = until < peer->released ? until + 1 : peer->released;
        if (peer->cursor < live)
            peer->cursor = live;
        if (peer->backlog <= until)
            peer->backlog = until + 1;
    }
}

size_t
gossip_pick_peers (struct gossip *self, uint64_t except, uint64_t *ret_peers,
                   void **ret_ingresses, size_t count)
{
    size_t picked = 0;
    for (int outbound = 1; outbound >= 0; outbound--) {
        size_t start =
            self->peers_count ? gossip_random (self) % self->peers_count : 0;
        for (size_t i = 0; i < self->peers_count && picked < count; i++) {
            const struct gossip_peer *peer =
                &self->peers[(start + i) % self->peers_count];
            if (!peer->governance || peer->outbound != (outbound == 1)
                || peer->id == except)
                continue;
            ret_peers[picked] = peer->id;
            ret_ingresses[picked++] = peer->ingress;
        }
    }
    return picked;
}

void *
gossip_find_ingress (const struct gossip *self, uint64_t id)
{
    const struct gossip_peer *peer = gossip_find_peer (self, id);
    return peer ? peer->ingress : NULL;
}

size_t
gossip_peers (const struct gossip *self)
{
    return self->peers_count;
}

size_t
gossip_held (const struct gossip *self)
{
    return self->own.held;
}

const struct gossip_counters *
gossip_counters (const struct gossip *self)
{
    return &self->counters;
}
