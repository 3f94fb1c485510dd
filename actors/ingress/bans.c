/* SPDX-License-Identifier: MIT */
/* bans - from where nobody may come, or only while there is room.
 *
 *   in   BAN of the registry; addresses
 *   out  how an address stands
 *   owns two tables: an operator's bans, discouraged addresses
 *
 * A table is hashed by network and length; a look-up asks once for each length
 * that is in use, which is two or three of them.
 *
 * Next on the tour: actors/ingress/ingress_admission.c
 */
#include "actors/ingress/bans.h"

#include <sodium.h>
#include <stdlib.h>

#include "actors/ingress/address.h"
#include "actors/ingress/limits.h"

#define BANS_NOBODY UINT32_MAX
#define BANS_LENGTHS 129 /* prefixes of 0 .. 128 bits */

struct ban_entry {
    uint8_t network[16]; /* bits beyond the length are 0 */
    int64_t until_s;     /* Unix seconds */
    uint32_t next;       /* in its chain, or of the free ones */
    uint8_t length;      /* bits */
    bool used;
};

struct ban_table {
    size_t max;              /* entries */
    bool forgets;            /* a full one forgets its oldest entry */
    struct ban_entry *entry; /* owned */
    uint32_t *head;          /* chains; as many as there is room; owned */
    size_t room;             /* a power of two, or 0 */
    size_t filled;           /* entries that were ever used */
    size_t count;            /* entries in use */
    size_t oldest;           /* the hand that goes round when it is full */
    uint32_t free;           /* the first free one below FILLED */
    uint32_t lengths[BANS_LENGTHS]; /* entries by length */
};

struct bans {
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct ban_table manual;
    struct ban_table discouraged;
};

static void
ban_mask (uint8_t network[16], unsigned length)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned kept = length > i * 8 ? length - i * 8 : 0;
        if (kept < 8)
            network[i] &= (uint8_t)(0xff00U >> kept);
    }
}

static uint32_t *
ban_table_chain (const struct ban_table *table, const struct bans *bans,
                 const uint8_t network[16], unsigned length)
{
    uint8_t hashed[17];
    uint64_t hash;

    memcpy (hashed, network, 16);
    hashed[16] = (uint8_t)length;
    crypto_shorthash ((uint8_t *)&hash, hashed, sizeof hashed, bans->key);
    return &table->head[hash & (table->room - 1)];
}

/* Returns the link that points to the entry, or to nobody. */
static uint32_t *
ban_table_find (const struct ban_table *table, const struct bans *bans,
                const uint8_t network[16], unsigned length)
{
    uint32_t *link = ban_table_chain (table, bans, network, length);
    while (*link != BANS_NOBODY
           && (table->entry[*link].length != length
               || memcmp (table->entry[*link].network, network, 16) != 0))
        link = &table->entry[*link].next;
    return link;
}

static void
ban_table_unlink (struct ban_table *table, uint32_t *link)
{
    struct ban_entry *entry = &table->entry[*link];
    uint32_t place = *link;

    *link = entry->next;
    table->lengths[entry->length]--;
    table->count--;
    entry->used = false;
    entry->next = table->free;
    table->free = place;
}

static void
ban_table_remove (struct ban_table *table, const struct bans *bans,
                  uint32_t place)
{
    struct ban_entry *entry = &table->entry[place];
    ban_table_unlink (
        table, ban_table_find (table, bans, entry->network, entry->length));
}

static int
ban_table_grow (struct ban_table *table, const struct bans *bans)
{
    size_t room = table->room ? table->room * 2 : 64;
    struct ban_entry *entry = calloc (room, sizeof *entry);
    uint32_t *head = malloc (room * sizeof *head);

    if (!entry || !head) {
        free (entry);
        free (head);
        return -ENOMEM;
    }
    if (table->filled > 0)
        memcpy (entry, table->entry, table->filled * sizeof *entry);
    free (table->entry);
    free (table->head);
    table->entry = entry;
    table->head = head;
    table->room = room;
    memset (head, 0xff, room * sizeof *head); /* BANS_NOBODY */
    for (uint32_t i = 0; i < table->filled;
         i++) { /* it grows when all are used */
        uint32_t *link =
            ban_table_chain (table, bans, entry[i].network, entry[i].length);
        entry[i].next = *link;
        *link = i;
    }
    return 0;
}

/* What has run out makes room first. */
static void
ban_table_expire (struct ban_table *table, const struct bans *bans,
                  int64_t now_s)
{
    for (uint32_t i = 0; i < table->filled; i++)
        if (table->entry[i].used && table->entry[i].until_s <= now_s)
            ban_table_remove (table, bans, i);
}

static void
ban_table_forget_oldest (struct ban_table *table, const struct bans *bans)
{
    uint32_t place = (uint32_t)table->oldest;
    table->oldest = (table->oldest + 1) % table->filled;
    if (table->entry[place].used)
        ban_table_remove (table, bans, place);
}

/* Returns 0 when an entry can be taken. An operator's table looks for what has
 * run out; the other forgets its oldest without looking, since a stranger can
 * fill it as often as he likes. */
static int
ban_table_make_room (struct ban_table *table, const struct bans *bans,
                     int64_t now_s)
{
    if (table->count == table->max) {
        if (table->forgets)
            ban_table_forget_oldest (table, bans);
        else
            ban_table_expire (table, bans, now_s);
        if (table->count == table->max)
            return -ENOSPC;
    }
    if (table->free == BANS_NOBODY && table->filled == table->room)
        return ban_table_grow (table, bans);
    return 0;
}

static int
ban_table_set (struct ban_table *table, const struct bans *bans,
               const uint8_t network[16], unsigned length, int64_t until_s,
               int64_t now_s)
{
    uint32_t *link =
        table->room ? ban_table_find (table, bans, network, length) : NULL;
    if (link && *link != BANS_NOBODY) {
        table->entry[*link].until_s = until_s;
        return 0;
    }
    int rc = ban_table_make_room (table, bans, now_s);
    if (rc != 0)
        return rc;

    uint32_t place = table->free;
    if (place == BANS_NOBODY)
        place = (uint32_t)table->filled++;
    else
        table->free = table->entry[place].next;
    link = ban_table_chain (table, bans, network, length);
    struct ban_entry *entry = &table->entry[place];
    *entry = (struct ban_entry){.until_s = until_s,
                                .next = *link,
                                .length = (uint8_t)length,
                                .used = true};
    memcpy (entry->network, network, 16);
    *link = place;
    table->lengths[length]++;
    table->count++;
    return 0;
}

static void
ban_table_lift (struct ban_table *table, const struct bans *bans,
                const uint8_t network[16], unsigned length)
{
    if (table->room == 0)
        return;
    uint32_t *link = ban_table_find (table, bans, network, length);
    if (*link != BANS_NOBODY)
        ban_table_unlink (table, link);
}

static bool
ban_table_has (const struct ban_table *table, const struct bans *bans,
               const uint8_t address[16], int64_t now_s)
{
    for (unsigned length = 0; length < BANS_LENGTHS && table->count > 0;
         length++) {
        uint8_t network[16];
        if (table->lengths[length] == 0)
            continue;
        memcpy (network, address, sizeof network);
        ban_mask (network, length);
        uint32_t place = *ban_table_find (table, bans, network, length);
        if (place != BANS_NOBODY && table->entry[place].until_s > now_s)
            return true;
    }
    return false;
}

static void
ban_table_init (struct ban_table *table, size_t max, bool forgets)
{
    *table =
        (struct ban_table){.max = max, .forgets = forgets, .free = BANS_NOBODY};
}

static void
ban_table_done (struct ban_table *table)
{
    free (table->entry);
    free (table->head);
}

int
bans_apply (struct bans *self, const struct link_ban *ban, int64_t now_s)
{
    char text[LINK_ADDRESS_MAX + 1];
    uint8_t network[16];
    unsigned length;

    if (ban->address.size >= sizeof text)
        return -EINVAL;
    memcpy (text, ban->address.data, ban->address.size);
    text[ban->address.size] = '\0';
    if (!address_read_network (text, network, &length))
        return -EINVAL;
    ban_mask (network, length);

    struct ban_table *table = ban->manual ? &self->manual : &self->discouraged;
    if (ban->until_s > now_s)
        return ban_table_set (table, self, network, length, ban->until_s,
                              now_s);
    ban_table_lift (table, self, network, length);
    return 0;
}

enum ban
bans_find (const struct bans *self, const struct sockaddr *address,
           int64_t now_s)
{
    uint8_t bytes[16];
    uint16_t port;

    address_bytes (address, bytes, &port);
    if (ban_table_has (&self->manual, self, bytes, now_s))
        return BAN_MANUAL;
    return ban_table_has (&self->discouraged, self, bytes, now_s)
               ? BAN_DISCOURAGED
               : BAN_NONE;
}

size_t
bans_count (const struct bans *self)
{
    return self->manual.count + self->discouraged.count;
}

void
bans_clear (struct bans *self)
{
    ban_table_done (&self->manual);
    ban_table_done (&self->discouraged);
    ban_table_init (&self->manual, BANS_MANUAL_MAX, false);
    ban_table_init (&self->discouraged, BANS_DISCOURAGED_MAX, true);
}

struct bans *
bans_create (uint64_t key)
{
    struct bans *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    memcpy (self->key, &key, sizeof key);
    bans_clear (self);
    return self;
}

void
bans_destroy (struct bans **bans)
{
    struct bans *self = *bans;
    if (!self)
        return;
    *bans = NULL;
    ban_table_done (&self->manual);
    ban_table_done (&self->discouraged);
    free (self);
}
