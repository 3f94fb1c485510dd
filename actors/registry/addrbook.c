/* SPDX-License-Identifier: MIT */
/* addrbook - where relays may be found: told by strangers, or seen by ourselves.
 *
 *   in   offers, how dials went, what was kept
 *   out  whom to dial, whom to give out
 *   owns a fixed number of slots: first the new ones, then the tried; an index
 *
 * Next on the tour: actors/registry/outbound.c
 */
#include "actors/registry/addrbook.h"

#include <sodium.h>
#include <stdlib.h>

#define ADDRBOOK_HEADS 8192 /* of the index; a power of 2 above ADDRBOOK_MAX */
#define ADDRBOOK_NONE UINT16_MAX
#define ADDRBOOK_SOURCE_REACH 16       /* buckets of new */
#define ADDRBOOK_GROUP_REACH 4         /* buckets of tried */
#define ADDRBOOK_FUTURE_S 600          /* a clock may be that wrong */
#define ADDRBOOK_UNKNOWN_S (5 * 86400) /* an age for who tells none */
#define ADDRBOOK_SEEN_STEP_S 3600      /* smaller steps are not worth a write */
#define ADDRBOOK_TAKEN_MAX 256

struct addrbook_slot {
    struct addrbook_row row;
    uint64_t version; /* of its last change */
    uint16_t next;    /* in the index */
    bool used;
};

struct addrbook {
    struct addrbook_slot slot[ADDRBOOK_MAX];
    uint16_t head[ADDRBOOK_HEADS];
    size_t count_new;
    size_t count_tried;
    uint64_t version;
    uint8_t key[16];
};

struct addrbook *
addrbook_create (const uint8_t key[16])
{
    struct addrbook *book = calloc (1, sizeof *book);
    if (!book)
        return NULL;
    memcpy (book->key, key, sizeof book->key);
    for (size_t i = 0; i < ADDRBOOK_HEADS; i++)
        book->head[i] = ADDRBOOK_NONE;
    return book;
}

void
addrbook_destroy (struct addrbook **book)
{
    free (*book);
    *book = NULL;
}

static uint64_t
addrbook_hash (const struct addrbook *book, const void *data, size_t size)
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t number;
    crypto_shorthash (hash, data, size, book->key);
    memcpy (&number, hash, sizeof number);
    return number;
}

/* A place as bytes without holes, and what it is hashed for. */
static uint64_t
addrbook_hash_place (const struct addrbook *book, const struct place *place,
                     uint8_t purpose)
{
    uint8_t bytes[PLACE_ONION_SIZE + 4];
    memcpy (bytes, place->host, PLACE_ONION_SIZE);
    bytes[PLACE_ONION_SIZE] = (uint8_t)place->kind;
    bytes[PLACE_ONION_SIZE + 1] = (uint8_t)(place->port >> 8);
    bytes[PLACE_ONION_SIZE + 2] = (uint8_t)place->port;
    bytes[PLACE_ONION_SIZE + 3] = purpose;
    return addrbook_hash (book, bytes, sizeof bytes);
}

static uint16_t *
addrbook_head (struct addrbook *book, const struct place *place)
{
    return &book->head[addrbook_hash_place (book, place, 'i') % ADDRBOOK_HEADS];
}

static struct addrbook_slot *
addrbook_find (struct addrbook *book, const struct place *place)
{
    uint16_t at = *addrbook_head (book, place);
    while (at != ADDRBOOK_NONE
           && !place_equal (&book->slot[at].row.place, place))
        at = book->slot[at].next;
    return at == ADDRBOOK_NONE ? NULL : &book->slot[at];
}

/* Who tells reaches 16 buckets; which of them is decided by the group of what
 * is told, which slot of it by the address. */
static size_t
addrbook_new_slot (const struct addrbook *book, const struct place *place,
                   uint32_t source)
{
    uint64_t group[2] = {place_group (place, book->key), source};
    uint64_t reach[2] = {addrbook_hash (book, group, sizeof group)
                             % ADDRBOOK_SOURCE_REACH,
                         source};
    uint64_t bucket =
        addrbook_hash (book, reach, sizeof reach) % ADDRBOOK_NEW_BUCKETS;
    return bucket * ADDRBOOK_BUCKET
           + addrbook_hash_place (book, place, 'n') % ADDRBOOK_BUCKET;
}

static size_t
addrbook_tried_slot (const struct addrbook *book, const struct place *place)
{
    uint64_t reach[2] = {place_group (place, book->key),
                         addrbook_hash_place (book, place, 'g')
                             % ADDRBOOK_GROUP_REACH};
    uint64_t bucket =
        addrbook_hash (book, reach, sizeof reach) % ADDRBOOK_TRIED_BUCKETS;
    return ADDRBOOK_NEW + bucket * ADDRBOOK_BUCKET
           + addrbook_hash_place (book, place, 't') % ADDRBOOK_BUCKET;
}

static void
addrbook_touch (struct addrbook *book, struct addrbook_slot *slot)
{
    slot->version = ++book->version;
}

static size_t *
addrbook_counter (struct addrbook *book, size_t at)
{
    return at < ADDRBOOK_NEW ? &book->count_new : &book->count_tried;
}

static void
addrbook_clear (struct addrbook *book, size_t at)
{
    struct addrbook_slot *slot = &book->slot[at];
    if (!slot->used)
        return;
    uint16_t *place = addrbook_head (book, &slot->row.place);
    while (*place != at)
        place = &book->slot[*place].next;
    *place = slot->next;
    *slot = (struct addrbook_slot){.version = slot->version};
    (*addrbook_counter (book, at))--;
    addrbook_touch (book, slot);
}

/* Puts ROW at AT, whoever was there. */
static void
addrbook_put (struct addrbook *book, size_t at, const struct addrbook_row *row)
{
    addrbook_clear (book, at);
    struct addrbook_slot *slot = &book->slot[at];
    uint16_t *head = addrbook_head (book, &row->place);
    slot->row = *row;
    slot->used = true;
    slot->next = *head;
    *head = (uint16_t)at;
    (*addrbook_counter (book, at))++;
    addrbook_touch (book, slot);
}

/* Returns true when another may have the slot of ROW among the new. */
static bool
addrbook_is_stale (const struct addrbook_row *row, int64_t now_s)
{
    return row->failures >= ADDRBOOK_FAILURES_MAX
           || now_s - row->seen_s > ADDRBOOK_AGE_S || row->put_off_s > now_s;
}

static int64_t
addrbook_believe (int64_t seen_s, int64_t now_s)
{
    if (seen_s > now_s)
        return seen_s - now_s > ADDRBOOK_FUTURE_S ? now_s - ADDRBOOK_UNKNOWN_S
                                                  : now_s;
    return seen_s <= 0 ? now_s - ADDRBOOK_UNKNOWN_S : seen_s;
}

bool
addrbook_offer (struct addrbook *book, const struct place *place,
                uint64_t services, int64_t told_s, uint32_t source,
                int64_t now_s)
{
    int64_t seen_s = addrbook_believe (told_s, now_s);
    struct addrbook_slot *known = addrbook_find (book, place);

    if (known) { /* of the tried we know better than who tells */
        if (known < &book->slot[ADDRBOOK_NEW]
            && seen_s - known->row.seen_s >= ADDRBOOK_SEEN_STEP_S) {
            known->row.seen_s = seen_s;
            known->row.services = services;
            addrbook_touch (book, known);
        }
        return false;
    }
    if (now_s - seen_s > ADDRBOOK_AGE_S)
        return false;
    size_t at = addrbook_new_slot (book, place, source);
    const struct addrbook_slot *there = &book->slot[at];
    if (there->used && !addrbook_is_stale (&there->row, now_s))
        return false;
    struct addrbook_row row = {.place = *place,
                               .services = services,
                               .seen_s = seen_s,
                               .source = source};
    addrbook_put (book, at, &row);
    return true;
}

/* Returns true when a newcomer may have the slot of ROW among the tried: it
 * fails, or has not been confirmed for a week. */
static bool
addrbook_may_displace (const struct addrbook_row *row, int64_t now_s)
{
    return row->failures > 0 || now_s - row->good_s > ADDRBOOK_PUT_OFF_S
           || row->put_off_s > now_s;
}

bool
addrbook_confirm (struct addrbook *book, const struct place *place,
                  uint64_t services, int64_t now_s)
{
    struct addrbook_slot *known = addrbook_find (book, place);
    struct addrbook_row row =
        known ? known->row : (struct addrbook_row){.place = *place};
    size_t at = addrbook_tried_slot (book, place);
    struct addrbook_slot *there = &book->slot[at];
    /* A peer says again and again that it is there. */
    bool same = known == there && row.services == services && row.failures == 0
                && row.put_off_s == 0
                && now_s - row.good_s < ADDRBOOK_SEEN_STEP_S
                && now_s >= row.good_s;

    if (same)
        return true;
    row.services = services;
    row.seen_s = row.good_s = now_s;
    row.failures = 0;
    row.put_off_s = 0;
    if (there->used && there != known) {
        struct addrbook_row displaced = there->row;
        if (!addrbook_may_displace (&displaced, now_s))
            return false;
        addrbook_clear (book, at);
        addrbook_put (
            book, addrbook_new_slot (book, &displaced.place, displaced.source),
            &displaced);
        known = addrbook_find (book, place); /* it may have been there */
    }
    if (known)
        addrbook_clear (book, (size_t)(known - book->slot));
    addrbook_put (book, at, &row);
    return true;
}

void
addrbook_attempt (struct addrbook *book, const struct place *place,
                  int64_t now_s)
{
    struct addrbook_slot *slot = addrbook_find (book, place);
    if (!slot)
        return;
    slot->row.attempted_s = now_s;
    addrbook_touch (book, slot);
}

void
addrbook_fail (struct addrbook *book, const struct place *place)
{
    struct addrbook_slot *slot = addrbook_find (book, place);
    if (!slot || slot->row.failures == UINT32_MAX)
        return;
    slot->row.failures++;
    addrbook_touch (book, slot);
}

static void
addrbook_slot_put_off (struct addrbook *book, struct addrbook_slot *slot,
                       int64_t until_s)
{
    if (slot->row.put_off_s >= until_s)
        return;
    slot->row.put_off_s = until_s;
    addrbook_touch (book, slot);
}

void
addrbook_put_off (struct addrbook *book, const struct place *place,
                  int64_t until_s)
{
    struct addrbook_slot *slot = addrbook_find (book, place);
    if (slot)
        addrbook_slot_put_off (book, slot, until_s);
}

void
addrbook_put_off_net (struct addrbook *book, const struct place_net *net,
                      int64_t until_s)
{
    for (size_t at = 0; at < ADDRBOOK_MAX; at++) {
        struct addrbook_slot *slot = &book->slot[at];
        struct place_net of;
        if (slot->used && place_net (&slot->row.place, &of)
            && memcmp (&of, net, sizeof of) == 0)
            addrbook_slot_put_off (book, slot, until_s);
    }
}

static bool
addrbook_is_due (const struct addrbook_row *row, int64_t now_s)
{
    uint32_t doublings = row->failures < 16 ? row->failures : 16;
    int64_t wait_s = (int64_t)ADDRBOOK_RETRY_S << doublings;

    if (wait_s > ADDRBOOK_RETRY_MAX_S)
        wait_s = ADDRBOOK_RETRY_MAX_S;
    if (row->failures == 0 && row->attempted_s != 0
        && row->good_s >= row->attempted_s)
        wait_s = ADDRBOOK_AGAIN_S; /* we may have been restarted */
    if (row->put_off_s > now_s)
        return false;
    /* A clock that was set back does not hold anybody off. */
    return row->attempted_s == 0 || row->attempted_s > now_s
           || now_s - row->attempted_s >= wait_s;
}

/* What a pick looks for. */
struct addrbook_wish {
    const struct place *taken;
    size_t count;
    uint64_t group[ADDRBOOK_TAKEN_MAX]; /* of each taken one */
    int64_t now_s;
};

enum addrbook_fit { ADDRBOOK_UNFIT, ADDRBOOK_SAME_GROUP, ADDRBOOK_FIT };

static enum addrbook_fit
addrbook_fits (const struct addrbook *book, const struct addrbook_row *row,
               const struct addrbook_wish *wish)
{
    enum addrbook_fit fit = ADDRBOOK_FIT;

    if (!addrbook_is_due (row, wish->now_s))
        return ADDRBOOK_UNFIT;
    uint64_t group = place_group (&row->place, book->key);
    for (size_t i = 0; i < wish->count; i++) {
        if (place_equal (&row->place, &wish->taken[i]))
            return ADDRBOOK_UNFIT;
        if (group == wish->group[i])
            fit = ADDRBOOK_SAME_GROUP;
    }
    return fit;
}

/* Goes through COUNT slots (a power of 2) from FIRST in an order that RANDOM
 * chooses, so that nobody wins by standing behind a gap. Returns the first that
 * fits; *ret_second gets the first of a taken group. */
static const struct addrbook_row *
addrbook_search (const struct addrbook *book, size_t first, size_t count,
                 uint64_t random, const struct addrbook_wish *wish,
                 const struct addrbook_row **ret_second)
{
    uint64_t step = random >> 32 | 1; /* odd: it meets each slot once */

    for (size_t i = 0; i < count; i++) {
        size_t at = first + ((random + i * step) & (count - 1));
        const struct addrbook_slot *slot = &book->slot[at];
        if (!slot->used)
            continue;
        enum addrbook_fit fit = addrbook_fits (book, &slot->row, wish);
        if (fit == ADDRBOOK_FIT)
            return &slot->row;
        if (fit == ADDRBOOK_SAME_GROUP && !*ret_second)
            *ret_second = &slot->row;
    }
    return NULL;
}

const struct place *
addrbook_pick (const struct addrbook *book, const struct place *taken,
               size_t count, uint64_t random, int64_t now_s)
{
    struct addrbook_wish wish = {
        .taken = taken, .count = count, .now_s = now_s};
    const struct addrbook_row *second = NULL;
    bool tried_first = random >> 63;

    assert (count <= ADDRBOOK_TAKEN_MAX);
    for (size_t i = 0; i < count; i++)
        wish.group[i] = place_group (&taken[i], book->key);
    for (int turn = 0; turn < 2; turn++) {
        bool tried = tried_first == (turn == 0);
        const struct addrbook_row *row = addrbook_search (
            book, tried ? ADDRBOOK_NEW : 0,
            tried ? ADDRBOOK_TRIED : ADDRBOOK_NEW, random, &wish, &second);
        if (row)
            return &row->place;
    }
    return second ? &second->place : NULL;
}

bool
addrbook_restore (struct addrbook *book, size_t slot,
                  const struct addrbook_row *row, int64_t now_s)
{
    if (slot >= ADDRBOOK_MAX || book->slot[slot].used
        || addrbook_find (book, &row->place) || row->seen_s > now_s
        || now_s - row->seen_s > ADDRBOOK_AGE_S)
        return false;
    size_t right = slot < ADDRBOOK_NEW
                       ? addrbook_new_slot (book, &row->place, row->source)
                       : addrbook_tried_slot (book, &row->place);
    if (slot != right)
        return false;
    addrbook_put (book, slot, row);
    return true;
}

size_t
addrbook_count_new (const struct addrbook *book)
{
    return book->count_new;
}

size_t
addrbook_count_tried (const struct addrbook *book)
{
    return book->count_tried;
}

uint64_t
addrbook_version (const struct addrbook *book)
{
    return book->version;
}

bool
addrbook_changed (const struct addrbook *book, uint64_t since, size_t *ret_slot)
{
    for (size_t slot = *ret_slot; slot < ADDRBOOK_MAX; slot++)
        if (book->slot[slot].version > since) {
            *ret_slot = slot;
            return true;
        }
    return false;
}

const struct addrbook_row *
addrbook_at (const struct addrbook *book, size_t slot)
{
    assert (slot < ADDRBOOK_MAX);
    return book->slot[slot].used ? &book->slot[slot].row : NULL;
}

bool
addrbook_is_good (const struct addrbook *book, size_t slot, int64_t now_s)
{
    const struct addrbook_row *row = addrbook_at (book, slot);
    return row && slot >= ADDRBOOK_NEW && row->put_off_s <= now_s
           && row->failures < ADDRBOOK_FAILURES_MAX;
}
