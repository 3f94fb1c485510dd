/* SPDX-License-Identifier: MIT */
/* standing - who has misbehaved how much, and who is not welcome (PROTOCOL 5.4).
 *
 *   in   points, bans, what was kept
 *   out  who is discouraged from now on; until when
 *   owns a slot per net, an index, a queue for each kind of net
 *
 * Each kind has a queue in the order of age. When all slots are taken, whoever
 * has earned points the longest ago is forgotten; if nobody has points only,
 * whoever was discouraged the longest ago. An operator's bans never are.
 */
#include "actors/registry/standing.h"

#include <sodium.h>
#include <stdlib.h>

#define STANDING_HEADS 65536 /* of the index; a power of 2 above STANDING_MAX */
#define STANDING_NONE UINT32_MAX
/* 99 points are gone after 7 halvings. */
#define STANDING_MEMORY_S (INT64_C (7) * STANDING_HALVING_S)

enum standing_kind {
    STANDING_POINTED, /* points only, or welcome again */
    STANDING_AUTOMATIC,
    STANDING_MANUAL,
    STANDING_KINDS_,
    STANDING_FREE = STANDING_KINDS_
};

struct standing_slot {
    struct standing_row row;
    uint64_t version;        /* of the last change that others must know */
    int64_t at_s;            /* when POINTS were counted, by whole halvings */
    uint32_t points;         /* at AT_S */
    uint32_t next_in_head;   /* in the index; or the next free slot */
    uint32_t older, younger; /* in the queue of its kind */
    enum standing_kind kind;
};

struct standing_queue {
    uint32_t oldest, youngest;
    size_t count;
};

struct standing {
    struct standing_slot *slot; /* owned; STANDING_MAX of them */
    uint32_t *head;             /* owned; STANDING_HEADS of them */
    uint32_t fresh;             /* slots from here on were never used */
    uint32_t free;              /* the first of those that are free again */
    struct standing_queue queue[STANDING_KINDS_];
    struct place_range exempt[STANDING_RANGES_MAX];
    size_t exempt_count;
    uint64_t version;
    uint8_t key[16];
};

struct standing *
standing_create (const struct place_range *exempt, size_t count,
                 const uint8_t key[16])
{
    assert (count <= STANDING_RANGES_MAX);
    struct standing *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->slot = calloc (STANDING_MAX, sizeof *self->slot);
    self->head = malloc (STANDING_HEADS * sizeof *self->head);
    if (!self->slot || !self->head) {
        standing_destroy (&self);
        return NULL;
    }
    memset (self->head, 0xff, STANDING_HEADS * sizeof *self->head);
    self->free = STANDING_NONE;
    for (int i = 0; i < STANDING_KINDS_; i++)
        self->queue[i] = (struct standing_queue){.oldest = STANDING_NONE,
                                                 .youngest = STANDING_NONE};
    if (count > 0)
        memcpy (self->exempt, exempt, count * sizeof *exempt);
    self->exempt_count = count;
    memcpy (self->key, key, sizeof self->key);
    return self;
}

void
standing_destroy (struct standing **standing)
{
    struct standing *self = *standing;
    if (!self)
        return;
    *standing = NULL;
    free (self->slot);
    free (self->head);
    free (self);
}

static uint32_t *
standing_head (const struct standing *self, const struct place_net *net)
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint32_t place;
    crypto_shorthash (hash, net->bytes, sizeof net->bytes, self->key);
    memcpy (&place, hash, sizeof place);
    return &self->head[place % STANDING_HEADS];
}

static struct standing_slot *
standing_find (const struct standing *self, const struct place_net *net)
{
    uint32_t at = *standing_head (self, net);
    while (at != STANDING_NONE
           && memcmp (&self->slot[at].row.net, net, sizeof *net) != 0)
        at = self->slot[at].next_in_head;
    return at == STANDING_NONE ? NULL : &self->slot[at];
}

static bool
standing_is_exempt (const struct standing *self, const struct place_net *net)
{
    if (place_net_is_private (net))
        return true;
    for (size_t i = 0; i < self->exempt_count; i++)
        if (place_range_meets (&self->exempt[i], net))
            return true;
    return false;
}

static uint32_t
standing_index (const struct standing *self, const struct standing_slot *slot)
{
    return (uint32_t)(slot - self->slot);
}

static void
standing_unqueue (struct standing *self, struct standing_slot *slot)
{
    struct standing_queue *queue = &self->queue[slot->kind];

    if (slot->older == STANDING_NONE)
        queue->oldest = slot->younger;
    else
        self->slot[slot->older].younger = slot->younger;
    if (slot->younger == STANDING_NONE)
        queue->youngest = slot->older;
    else
        self->slot[slot->younger].older = slot->older;
    queue->count--;
}

static void
standing_queue_last (struct standing *self, struct standing_slot *slot,
                     enum standing_kind kind)
{
    struct standing_queue *queue = &self->queue[kind];
    uint32_t index = standing_index (self, slot);

    slot->kind = kind;
    slot->older = queue->youngest;
    slot->younger = STANDING_NONE;
    if (queue->youngest == STANDING_NONE)
        queue->oldest = index;
    else
        self->slot[queue->youngest].younger = index;
    queue->youngest = index;
    queue->count++;
}

static void
standing_requeue (struct standing *self, struct standing_slot *slot,
                  enum standing_kind kind)
{
    standing_unqueue (self, slot);
    standing_queue_last (self, slot, kind);
}

/* The slot keeps its version: whoever keeps it on a disk deletes it there. */
static void
standing_forget (struct standing *self, struct standing_slot *slot)
{
    uint32_t index = standing_index (self, slot);
    uint32_t *place = standing_head (self, &slot->row.net);

    while (*place != index)
        place = &self->slot[*place].next_in_head;
    *place = slot->next_in_head;
    standing_unqueue (self, slot);
    uint64_t version = slot->row.until_s != 0 ? ++self->version : slot->version;
    *slot = (struct standing_slot){
        .kind = STANDING_FREE, .version = version, .next_in_head = self->free};
    self->free = index;
}

static void
standing_make_room (struct standing *self)
{
    for (int kind = STANDING_POINTED; kind <= STANDING_AUTOMATIC; kind++) {
        uint32_t oldest = self->queue[kind].oldest;
        if (oldest != STANDING_NONE) {
            standing_forget (self, &self->slot[oldest]);
            return;
        }
    }
    assert (false); /* STANDING_MANUAL_MAX leaves room for others */
}

static struct standing_slot *
standing_fill (struct standing *self, uint32_t index,
               const struct place_net *net, enum standing_kind kind)
{
    struct standing_slot *slot = &self->slot[index];
    uint32_t *head = standing_head (self, net);
    *slot = (struct standing_slot){
        .row = {.net = *net}, .version = slot->version, .next_in_head = *head};
    *head = index;
    standing_queue_last (self, slot, kind);
    return slot;
}

static struct standing_slot *
standing_take (struct standing *self, const struct place_net *net)
{
    struct standing_slot *slot = standing_find (self, net);
    if (slot)
        return slot;
    if (self->free == STANDING_NONE && self->fresh == STANDING_MAX)
        standing_make_room (self);
    uint32_t index = self->free;
    if (index == STANDING_NONE)
        index = self->fresh++;
    else
        self->free = self->slot[index].next_in_head;
    return standing_fill (self, index, net, STANDING_POINTED);
}

/* Whole halvings only, counted from the first points: what is added often must
 * not fade more slowly than what is added once. */
static void
standing_fade (struct standing_slot *slot, int64_t now_s)
{
    int64_t halvings = (now_s - slot->at_s) / STANDING_HALVING_S;

    if (slot->points == 0 || halvings < 0 || halvings >= 32) {
        slot->points = now_s < slot->at_s ? slot->points : 0;
        slot->at_s = now_s; /* a clock that was set back begins anew */
        return;
    }
    slot->points >>= halvings;
    slot->at_s += halvings * STANDING_HALVING_S;
}

static void
standing_set (struct standing *self, struct standing_slot *slot,
              enum standing_kind kind, int64_t until_s)
{
    standing_requeue (self, slot, kind);
    slot->row.until_s = until_s;
    slot->row.manual = kind == STANDING_MANUAL;
    slot->version = ++self->version;
}

enum standing_answer
standing_add (struct standing *self, const struct place_net *net,
              uint32_t points, int64_t now_s)
{
    if (standing_is_exempt (self, net))
        return STANDING_EXEMPT;
    if (points == 0)
        return STANDING_NOTED;
    struct standing_slot *slot = standing_take (self, net);
    standing_fade (slot, now_s);
    slot->points = points > STANDING_POINTS - slot->points
                       ? STANDING_POINTS
                       : slot->points + points;
    if (slot->points < STANDING_POINTS) {
        if (slot->kind == STANDING_POINTED)
            standing_requeue (self, slot, STANDING_POINTED);
        return STANDING_NOTED;
    }
    slot->points = 0;
    if (slot->kind == STANDING_MANUAL && slot->row.until_s > now_s)
        return STANDING_NOTED; /* worse off already */
    bool news = slot->row.until_s <= now_s;
    standing_set (self, slot, STANDING_AUTOMATIC,
                  now_s + STANDING_DISCOURAGED_S);
    return news ? STANDING_DISCOURAGED : STANDING_NOTED;
}

int
standing_ban (struct standing *self, const struct place_net *net,
              int64_t until_s, int64_t now_s)
{
    struct standing_slot *slot = standing_find (self, net);

    if (standing_is_exempt (self, net))
        return -EPERM;
    if (until_s <= now_s || until_s <= 0)
        return -EINVAL;
    if (!(slot && slot->kind == STANDING_MANUAL)
        && self->queue[STANDING_MANUAL].count == STANDING_MANUAL_MAX)
        return -ENOSPC;
    standing_set (self, standing_take (self, net), STANDING_MANUAL, until_s);
    return 0;
}

int
standing_unban (struct standing *self, const struct place_net *net,
                int64_t now_s)
{
    struct standing_slot *slot = standing_find (self, net);

    if (!slot || slot->row.until_s == 0)
        return -ENOENT;
    slot->points = 0;
    slot->at_s = now_s;
    standing_set (self, slot, STANDING_POINTED, 0);
    return 0;
}

bool
standing_restore (struct standing *self, size_t slot,
                  const struct standing_row *row, int64_t now_s)
{
    enum standing_kind kind =
        row->manual ? STANDING_MANUAL : STANDING_AUTOMATIC;
    int64_t latest_s = now_s + STANDING_DISCOURAGED_S;

    if (slot < self->fresh || slot >= STANDING_MAX || row->until_s <= now_s
        || (!row->manual && row->until_s > latest_s)
        || (row->manual
            && self->queue[STANDING_MANUAL].count == STANDING_MANUAL_MAX)
        || standing_is_exempt (self, &row->net)
        || standing_find (self, &row->net))
        return false;
    for (; self->fresh < slot; self->fresh++) {
        self->slot[self->fresh].kind = STANDING_FREE;
        self->slot[self->fresh].next_in_head = self->free;
        self->free = self->fresh;
    }
    self->fresh++;
    struct standing_slot *filled =
        standing_fill (self, (uint32_t)slot, &row->net, kind);
    filled->row = *row;
    filled->at_s = now_s;
    filled->version = ++self->version;
    return true;
}

int64_t
standing_until (const struct standing *self, const struct place_net *net,
                int64_t now_s)
{
    const struct standing_slot *slot = standing_find (self, net);
    return slot && slot->row.until_s > now_s ? slot->row.until_s : 0;
}

static bool
standing_is_over (const struct standing_slot *slot, int64_t now_s)
{
    if (slot->kind == STANDING_POINTED)
        return now_s - slot->at_s >= STANDING_MEMORY_S;
    return slot->row.until_s <= now_s;
}

void
standing_expire (struct standing *self, int64_t now_s)
{
    uint32_t at;

    for (int kind = STANDING_POINTED; kind <= STANDING_AUTOMATIC; kind++)
        while ((at = self->queue[kind].oldest) != STANDING_NONE
               && standing_is_over (&self->slot[at], now_s))
            standing_forget (self, &self->slot[at]);
    /* An operator's end in any order. */
    for (at = self->queue[STANDING_MANUAL].oldest; at != STANDING_NONE;) {
        struct standing_slot *slot = &self->slot[at];
        at = slot->younger;
        if (standing_is_over (slot, now_s))
            standing_forget (self, slot);
    }
}

size_t
standing_count (const struct standing *self)
{
    return self->queue[STANDING_AUTOMATIC].count
           + self->queue[STANDING_MANUAL].count;
}

uint64_t
standing_version (const struct standing *self)
{
    return self->version;
}

bool
standing_changed (const struct standing *self, uint64_t since, size_t *ret_slot)
{
    for (size_t slot = *ret_slot; slot < self->fresh; slot++)
        if (self->slot[slot].version > since) {
            *ret_slot = slot;
            return true;
        }
    return false;
}

const struct standing_row *
standing_at (const struct standing *self, size_t slot)
{
    assert (slot < self->fresh);
    const struct standing_slot *at = &self->slot[slot];
    return at->kind == STANDING_FREE || at->version == 0 ? NULL : &at->row;
}
