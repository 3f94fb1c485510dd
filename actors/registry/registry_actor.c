/* SPDX-License-Identifier: MIT */
/* registry - the policy: whom to be connected to, who is there, who may not be.
 *
 *   in   peering  PEER from ingress: how each peer stands
 *                 POINTS: who misbehaved; OFFER: where somebody may be
 *   out  peering  DIAL: be connected to this
 *                 BAN: who is not welcome; GOOD: whom to give out
 *        taps     registry.peer.*
 *   owns the address book, bans and points, the peer table, when to dial whom
 *
 * When ingress comes back after a restart it tells all its peers first; what is
 * missing among them is dialled again. It is told all bans and all good
 * addresses, then whatever changes, as its credit allows.
 *
 * Next on the tour: actors/registry/addrbook.c
 */
#include <stdlib.h>

#include "actors/actor.h"
#include "actors/registry/addrbook.h"
#include "actors/registry/dialling.h"
#include "actors/registry/outbound.h"
#include "actors/registry/peer_table.h"
#include "actors/registry/standing.h"
#include "actors/registry/store.h"
#include "actors/registry/telling.h"
#include "messages/bitcoin/network.h"
#include "messages/bitcoin/payload.h"
#include "supervisor/log.h"

#define REGISTRY_CLOCK_WARN_S 70           /* PROTOCOL 5.9 */
#define REGISTRY_SETTLE_US (SECOND_US / 2) /* ingress tells its peers first */
#define REGISTRY_LOOK_US (SECOND_US / 2)   /* one automatic dial in this time */
#define REGISTRY_SAVE_US (5 * SECOND_US) /* a batch; a crash loses that much */
#define REGISTRY_RETRY_US (30 * SECOND_US) /* of a disk that fails */
#define REGISTRY_SEEDS_MAX 32              /* as in options.def */
#define REGISTRY_TAKEN_MAX 256             /* outbound, configured, connected */
/* PROTOCOL 2.5: what ingress says when it drops such a peer. */
#define REGISTRY_UNCONFIRMED "unconfirmed"

struct registry {
    struct actor actor;        /* must be first */
    struct link *peering;      /* to ingress; the actor owns it */
    struct dialling *dialling; /* the configured peers; owned */
    struct dialling *seeds;    /* while the book is empty; owned */
    struct outbound outbound;  /* automatic connections */
    struct peer_table *peers;  /* of all ingresses; owned */
    struct addrbook *book;     /* owned */
    struct standing *standing; /* owned */
    struct store *store;       /* keeps both; owned */
    bool private_too;          /* regtest: private addresses are dialled */
    bool clock_warned;         /* one line when it goes wrong */
    struct instant settled;    /* do not dial before this */
    struct instant look_at;    /* for somebody to dial automatically */
    struct instant save_at;    /* INT64_MAX: nothing changed */
    int disk_error;            /* of the last save; 0: well */
    uint64_t connected;
    uint64_t left;
    uint64_t dials;
    uint64_t offers;
    uint64_t discouraged;
};

static int64_t
registry_now_s (const struct registry *self)
{
    return moment_unix_s (self->actor.now);
}

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

/* Returns false for whom we neither dial nor give out. */
static bool
registry_welcomes (const struct registry *self, const struct place *place)
{
    struct place_net net;

    if (!self->private_too && !place_is_public (place))
        return false;
    return !place_net (place, &net)
           || standing_until (self->standing, &net, registry_now_s (self)) == 0;
}

static bool
registry_is_configured (const struct registry *self, struct bytes address)
{
    const struct string_list *peers = &self->actor.config->node_peers;
    for (size_t i = 0; i < peers->count; i++)
        if (bytes_equal (bytes_of_text (peers->item[i]), address))
            return true;
    return false;
}

/* How a dial of ours goes, or went. */
static void
registry_on_dialled (struct registry *self, const struct link_peer *ingress,
                     const struct link_peer_state *peer)
{
    struct instant now = self->actor.now.mono;
    int64_t now_s = registry_now_s (self);
    struct place place;

    dialling_on_state (self->dialling, peer->dialled, peer->state,
                       random_u64 (), now);
    if (registry_is_configured (self, peer->dialled))
        return;
    dialling_on_state (self->seeds, peer->dialled, peer->state, random_u64 (),
                       now);
    enum outbound_end end = outbound_on_state (&self->outbound, peer->dialled,
                                               ingress, peer->state, now);
    if (peer->state != PEER_LEFT
        || (!place_read (peer->dialled, &place)
            && !place_read (peer->address, &place)))
        return;
    if (bytes_equal (peer->words, bytes_of_text (REGISTRY_UNCONFIRMED)))
        addrbook_put_off (self->book, &place, now_s + ADDRBOOK_PUT_OFF_S);
    else if (end == OUTBOUND_FAILED)
        addrbook_fail (self->book, &place);
}

/* Of whom came to us we know no port to dial: only outbound peers are entered,
 * under the address that we reached them at. */
static void
registry_note_confirmed (struct registry *self,
                         const struct link_peer_state *peer)
{
    struct place place;

    if (peer->state == PEER_SHAKEN && peer->outbound && peer->confirmed
        && peer->governance && place_read (peer->address, &place)
        && registry_welcomes (self, &place))
        addrbook_confirm (self->book, &place, peer->services,
                          registry_now_s (self));
}

/* Ingress repeats itself (points, pings): only changes are news. */
static void
registry_on_peer (struct registry *self, const struct link_peer *ingress,
                  const struct link_peer_state *peer)
{
    bool news = peer_table_update (self->peers, ingress, peer);

    if (peer->dialled.size > 0)
        registry_on_dialled (self, ingress, peer);
    registry_note_confirmed (self, peer);
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
registry_on_points (struct registry *self, const struct link_points *points)
{
    int64_t now_s = registry_now_s (self);
    char text[PLACE_NET_TEXT_MAX + 1];
    struct place_net net;

    if (!place_net_read (points->address, &net)
        || standing_add (self->standing, &net, points->points, now_s)
               != STANDING_DISCOURAGED)
        return;
    addrbook_put_off_net (self->book, &net,
                          standing_until (self->standing, &net, now_s));
    self->discouraged++;
    place_net_write (&net, text);
    registry_show (self, TOPIC_REGISTRY_PEER_BANNED, bytes_of_text (text),
                   NULL);
}

static void
registry_on_offer (struct registry *self, const struct link_offer *offer)
{
    struct place place;

    self->offers++;
    if ((offer->services & NODE_GOVERNANCE) != 0
        && place_read (offer->address, &place)
        && registry_welcomes (self, &place))
        addrbook_offer (self->book, &place, offer->services, offer->seen_s,
                        offer->group, registry_now_s (self));
}

static enum link_use
registry_on_message (void *data, struct link *link, struct link_peer *from,
                     const struct link_message *message, size_t size)
{
    struct registry *self = data;
    (void)size;
    if (message->id == MESSAGE_PEER)
        registry_on_peer (self, from, &message->peer);
    else if (message->id == MESSAGE_POINTS)
        registry_on_points (self, &message->points);
    else if (message->id == MESSAGE_OFFER)
        registry_on_offer (self, &message->offer);
    else
        log_broken ("REGISTRY-MESSAGE", "link=%s message=%s",
                    link_id_name (link_id (link)),
                    message_id_name (message->id));
    return LINK_DONE;
}

static void
registry_on_down (void *data, struct link *link, struct link_peer *peer)
{
    struct registry *self = data;
    (void)link;
    peer_table_forget (self->peers, peer);
    outbound_forget (&self->outbound, peer);
    free (link_peer_data (peer));
}

static void
registry_on_up (void *data, struct link *link, struct link_peer *peer)
{
    struct registry *self = data;
    (void)link;
    /* Without memory it is told nothing until it comes back. */
    link_peer_set_data (peer, calloc (1, sizeof (struct telling)));
    dialling_reset (self->dialling, self->actor.now.mono);
    dialling_reset (self->seeds, self->actor.now.mono);
    self->settled = instant_after (self->actor.now.mono, REGISTRY_SETTLE_US);
    self->look_at = self->settled;
}

/* Each ingress is told what it does not know yet, as its credit allows. */
static void
registry_tell (struct registry *self)
{
    char text[PLACE_TEXT_MAX + 1];
    struct link_message message;

    for (struct link_peer *ingress = link_first_peer (self->peering); ingress;
         ingress = link_next_peer (ingress)) {
        struct telling *telling = link_peer_data (ingress);
        while (telling
               && telling_next (telling, self->standing, self->book,
                                registry_now_s (self), text, &message)
               && link_send (self->peering, ingress, &message) == 0)
            telling_said (telling, &message);
    }
}

/* Returns false when it could not be said. */
static bool
registry_dial (struct registry *self, struct link_peer *ingress,
               const char *address, bool automatic)
{
    struct link_message dial = {
        .id = MESSAGE_DIAL,
        .dial = {.address = bytes_of_text (address), .automatic = automatic}};
    if (link_send (self->peering, ingress, &dial) != 0)
        return false;
    self->dials++;
    registry_show (self, TOPIC_REGISTRY_PEER_DIALLED, bytes_of_text (address),
                   NULL);
    return true;
}

static void
registry_take (struct place *taken, size_t *count, const char *address)
{
    if (*count < REGISTRY_TAKEN_MAX
        && place_read (bytes_of_text (address), &taken[*count]))
        (*count)++;
}

/* Collects whom not to dial: there already, on the way, or configured. */
static size_t
registry_taken (const struct registry *self,
                struct place taken[REGISTRY_TAKEN_MAX])
{
    const struct string_list *peers = &self->actor.config->node_peers;
    const struct peer_row *row = NULL;
    size_t count = 0;

    for (size_t i = 0; i < self->outbound.count; i++)
        registry_take (taken, &count, self->outbound.row[i].address);
    for (size_t i = 0; i < peers->count; i++)
        registry_take (taken, &count, peers->item[i]);
    for (size_t i = 0; (row = peer_table_at (self->peers, i)); i++)
        if (row->outbound)
            registry_take (taken, &count, row->address);
    return count;
}

/* Returns false when there is nobody in the book to be dialled now. */
static bool
registry_choose (struct registry *self, char ret_text[PLACE_TEXT_MAX + 1])
{
    struct place taken[REGISTRY_TAKEN_MAX];
    size_t count = registry_taken (self, taken);
    int64_t now_s = registry_now_s (self);
    const struct place *place =
        addrbook_pick (self->book, taken, count, random_u64 (), now_s);

    if (!place)
        return false;
    if (!registry_welcomes (self, place)) { /* discouraged since it was kept */
        addrbook_put_off (self->book, place, now_s + STANDING_DISCOURAGED_S);
        return false;
    }
    place_write (place, ret_text);
    addrbook_attempt (self->book, place, now_s);
    return true;
}

static bool
registry_has_slot (const struct registry *self)
{
    return (int64_t)self->outbound.count
           < self->actor.config->node_max_outbound;
}

static bool
registry_book_is_empty (const struct registry *self)
{
    return addrbook_count_new (self->book) + addrbook_count_tried (self->book)
           == 0;
}

/* Somebody of the book; while it is empty, whoever answers at a seed. */
static void
registry_dial_automatic (struct registry *self, struct link_peer *ingress)
{
    struct instant now = self->actor.now.mono;
    char text[PLACE_TEXT_MAX + 1];
    const char *address = NULL;

    outbound_expire (&self->outbound, now);
    if (!registry_has_slot (self) || !instant_reached (now, self->look_at))
        return;
    self->look_at = instant_after (now, REGISTRY_LOOK_US);
    if (registry_book_is_empty (self))
        address = dialling_next (self->seeds, now);
    else if (registry_choose (self, text))
        address = text;
    if (address && registry_dial (self, ingress, address, true))
        outbound_add (&self->outbound, bytes_of_text (address), ingress, now);
}

static void
registry_dial_all (struct registry *self)
{
    struct link_peer *ingress = link_first_peer (self->peering);
    struct instant now = self->actor.now.mono;
    const char *address;

    if (!ingress || self->actor.draining
        || !instant_reached (now, self->settled))
        return;
    while ((address = dialling_next (self->dialling, now)))
        if (!registry_dial (self, ingress, address, false))
            return; /* it is due again in a while */
    registry_dial_automatic (self, ingress);
}

static void
registry_save (struct registry *self)
{
    int rc = store_save (self->store, self->book, self->standing);

    if (rc != 0 && rc != self->disk_error)
        log_warn ("REGISTRY-SAVE",
                  "error=\"%s\" words=\"the address book is not kept\"",
                  strerror (-rc));
    self->disk_error = rc;
    self->save_at = (struct instant){.us = INT64_MAX};
    if (rc != 0)
        self->save_at = instant_after (self->actor.now.mono, REGISTRY_RETRY_US);
}

static int
registry_turn (void *data)
{
    struct registry *self = data;
    struct instant now = self->actor.now.mono;

    standing_expire (self->standing, registry_now_s (self));
    registry_tell (self);
    registry_dial_all (self);
    if (self->save_at.us == INT64_MAX
        && store_is_behind (self->store, self->book, self->standing))
        self->save_at = instant_after (now, REGISTRY_SAVE_US);
    if (instant_reached (now, self->save_at))
        registry_save (self);
    return 0;
}

static struct instant
registry_deadline (void *data)
{
    struct registry *self = data;
    struct instant deadline = dialling_deadline (self->dialling);

    if (!link_first_peer (self->peering) || self->actor.draining)
        return self->save_at;
    if (registry_has_slot (self) && self->look_at.us < deadline.us)
        deadline = self->look_at;
    if (deadline.us < self->settled.us)
        deadline = self->settled;
    return deadline.us < self->save_at.us ? deadline : self->save_at;
}

static json_t *
registry_stats (void *data)
{
    struct registry *self = data;
    struct peer_table_counts counts = peer_table_count (self->peers);
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        {"inbound", counts.inbound},
        {"outbound", counts.outbound},
        {"governance", counts.governance},
        {"configured_connected", dialling_connected (self->dialling)},
        {"automatic", self->outbound.count},
        {"connected", self->connected},
        {"left", self->left},
        {"dials", self->dials},
        {"offers", self->offers},
        {"addresses_new", addrbook_count_new (self->book)},
        {"addresses_tried", addrbook_count_tried (self->book)},
        {"discouraged", self->discouraged},
        {"unwelcome", standing_count (self->standing)},
    };
    json_t *stats = json_object ();

    for (size_t i = 0; i < ARRAY_SIZE (counters); i++)
        json_object_set_new (stats, counters[i].name,
                             json_integer ((json_int_t)counters[i].value));
    return stats;
}

static const struct actor_stage registry_stage = {
    .link = {.up = registry_on_up,
             .down = registry_on_down,
             .message = registry_on_message},
    .turn = registry_turn,
    .deadline = registry_deadline,
    .stats = registry_stats,
};

/* PROTOCOL 5.4: who is never discouraged. */
static int
registry_open_standing (struct registry *self)
{
    const struct config *config = self->actor.config;
    const char *proxy = strstr (config->node_proxy, "://");
    struct place_range exempt[STANDING_RANGES_MAX];
    struct place place;
    size_t count = 0;

    for (size_t i = 0;
         i < config->node_noban.count && count < STANDING_RANGES_MAX - 1; i++)
        if (place_range_read (config->node_noban.item[i], &exempt[count]))
            count++;
    if (proxy && place_read (bytes_of_text (proxy + 3), &place)
        && place.kind == PLACE_IP) {
        exempt[count].bits = 128;
        memcpy (exempt[count++].bytes, place.host, 16);
    }
    self->standing = standing_create (exempt, count, store_key (self->store));
    return self->standing ? 0 : -ENOMEM;
}

static int
registry_open_store (struct registry *self)
{
    int64_t now_s = registry_now_s (self);
    char path[STORE_PATH_MAX];
    bool replaced;

    snprintf (path, sizeof path, "%s/registry.db",
              config_network_dir (self->actor.config));
    int rc = store_open (path, now_s, &self->store, &replaced);
    if (rc != 0) {
        actor_say (&self->actor, "%s: %s", path,
                   rc == -ENOTSUP ? "of a later version; run a later govrelay"
                                  : strerror (-rc));
        return rc;
    }
    if (replaced)
        log_warn ("REGISTRY-DAMAGED",
                  "path=%s words=\"renamed; we begin with an empty one\"",
                  path);
    self->book = addrbook_create (store_key (self->store));
    if (!self->book || registry_open_standing (self) != 0)
        return -ENOMEM;
    rc = store_load (self->store, self->book, self->standing, now_s);
    if (rc != 0)
        log_warn ("REGISTRY-LOAD", "path=%s error=\"%s\"", path,
                  strerror (-rc));
    log_info ("REGISTRY-OPEN", "path=%s new=%zu tried=%zu unwelcome=%zu", path,
              addrbook_count_new (self->book),
              addrbook_count_tried (self->book),
              standing_count (self->standing));
    return 0;
}

/* Seeds are names without a port: ours is meant. */
static int
registry_open_seeds (struct registry *self, enum network network)
{
    const struct string_list *seeds = &self->actor.config->node_seeds;
    char text[REGISTRY_SEEDS_MAX][LINK_ADDRESS_MAX + 1];
    char *seed[REGISTRY_SEEDS_MAX];
    size_t count = 0;

    for (; count < seeds->count && count < REGISTRY_SEEDS_MAX; count++) {
        const char *host = seeds->item[count];
        seed[count] = text[count];
        snprintf (text[count], sizeof text[count],
                  strchr (host, ':') ? "[%s]:%u" : "%s:%u", host,
                  (unsigned)network_port (network));
    }
    self->seeds = dialling_create (seed, count, self->actor.now.mono);
    return self->seeds ? 0 : -ENOMEM;
}

static int
registry_open (struct registry *self)
{
    const struct string_list *peers = &self->actor.config->node_peers;
    enum network network = NETWORK_MAIN;

    network_from_name (self->actor.config->node_network, &network);
    self->private_too = network == NETWORK_REGTEST;
    self->save_at = (struct instant){.us = INT64_MAX};
    self->dialling =
        dialling_create (peers->item, peers->count, self->actor.now.mono);
    self->peers = peer_table_create ();
    if (!self->dialling || !self->peers)
        return -ENOMEM;
    int rc = registry_open_seeds (self, network);
    if (rc == 0)
        rc = actor_open_link (&self->actor, LINK_PEERING, &registry_stage, self,
                              &self->peering);
    /* The link first: who has it is the only one at the file. */
    return rc == 0 ? registry_open_store (self) : rc;
}

static void
registry_close (struct registry *self)
{
    struct link_peer *ingress =
        self->peering ? link_first_peer (self->peering) : NULL;

    for (; ingress; ingress = link_next_peer (ingress))
        free (link_peer_data (ingress));
    if (self->store && self->standing)
        registry_save (self);
    store_close (&self->store);
    standing_destroy (&self->standing);
    addrbook_destroy (&self->book);
    dialling_destroy (&self->dialling);
    dialling_destroy (&self->seeds);
    peer_table_destroy (&self->peers);
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
    registry_close (&self);
    actor_end (&self.actor, rc);
}
