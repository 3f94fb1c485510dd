/* SPDX-License-Identifier: MIT */
/* ingress - the edge: Bitcoin peers on one side, unjudged payloads on the
 * other.
 *
 *   in   bytes of strangers over TCP
 *        frames    FRAME_REPLY from verifiers: the verdict of a payload
 *        delivery  DELIVER from gossip: what to send to whom
 *        peering   DIAL from the registry: whom to be connected to; BAN: whom
 *                  not; GOOD: what to tell whoever asks for addresses
 *   out  frames    FRAME: an untrusted payload
 *        delivery  PEER_READY, PEER_GONE, DRAINED, HEARD
 *        peering   PEER: how each peer stands; POINTS: who misbehaved; OFFER:
 *                  where others may be
 *   owns TCP connections, and each frame until its verdict came back
 *
 * Who may be connected is decided in ingress_admission.c, with the numbers of
 * limits.h.
 *
 * Next on the tour: actors/ingress/ingress_frames.c
 */
#include "actors/ingress/ingress.h"

#include <sodium.h>

#include "actors/ingress/address.h"
#include "actors/ingress/socks.h"
#include "supervisor/log.h"

void
ingress_fingerprint (const struct ingress *self, struct bytes payload,
                     uint8_t ret_fingerprint[16])
{
    crypto_shorthash_siphashx24 (ret_fingerprint, payload.data, payload.size,
                                 self->hash_key);
}

void
ingress_mark (struct ingress *self, struct guest *guest)
{
    if (guest->dirty)
        return;
    guest->dirty = true;
    guest->next_dirty = self->dirty;
    self->dirty = guest;
}

static void
ingress_unmark (struct ingress *self, struct guest *guest)
{
    struct guest **place = &self->dirty;
    while (*place && *place != guest)
        place = &(*place)->next_dirty;
    if (*place)
        *place = guest->next_dirty;
    guest->dirty = false;
}

void
ingress_note_known (struct ingress *self, struct guest *guest,
                    const uint8_t key[16])
{
    (void)self;
    if (!guest->known)
        guest->known = ringset_create (GUEST_KNOWN_MAX, random_u64 ());
    if (guest->known)
        ringset_add (guest->known, key);
}

/* PROTOCOL 1.8: an inbound version with the nonce of one of our own outbound
 * connections is ourselves. */
static bool
ingress_is_self (const struct ingress *self, const struct guest *guest)
{
    uint64_t nonce = connection_version (guest->connection)->nonce;
    if (nonce == 0 || edge_peer_outbound (guest->edge))
        return false;
    for (struct guest *other = guests_next (self->guests, NULL); other;
         other = guests_next (self->guests, other))
        if (edge_peer_outbound (other->edge) && other->nonce == nonce)
            return true;
    return false;
}

/* Returns false when the guest has to go. */
static bool
ingress_on_ready (struct ingress *self, struct guest *guest)
{
    const struct version_payload *version =
        connection_version (guest->connection);
    guest->clock_offset_s = version->time - moment_unix_s (self->actor.now);
    if (connection_announced (guest->connection)
        || (edge_peer_outbound (guest->edge) && !guest->automatic))
        guest->confirmed = true;
    if (!ingress_bears (self, guest))
        return false;
    guest->announced = true;
    ingress_announce (self, guest);
    ingress_report_peer (self, guest, PEER_SHAKEN, "");
    ingress_begin_addresses (self, guest);
    return true;
}

static void
ingress_on_oversize (struct ingress *self, struct guest *guest,
                     enum command command)
{
    struct tap_event event = {.topic = TOPIC_INGRESS_REJECTED,
                              .command = command,
                              .has_verdict = true,
                              .verdict = VERDICT_OVERSIZE,
                              .reason = verdict_sentence (VERDICT_OVERSIZE)};
    self->verdicts[VERDICT_OVERSIZE]++;
    tap_show (self->actor.tap, &event, self->actor.now);
    ingress_charge (self, guest, VERDICT_OVERSIZE);
}

/* One event of a connection. Returns false when it is not to be asked for more
 * now. */
static bool
ingress_on_event (struct ingress *self, struct guest *guest,
                  const struct connection_event *event)
{
    switch (event->kind) {
    case CONNECTION_NONE:
        if (!self->actor.draining)
            edge_resume (guest->edge);
        return false;
    case CONNECTION_BLOCKED:
        edge_pause (guest->edge);
        return false;
    case CONNECTION_VERSION:
        if (!ingress_is_self (self, guest))
            return true;
        edge_close (guest->edge, connection_close_text (CONNECTION_CLOSE_SELF));
        return false;
    case CONNECTION_READY:
        return ingress_on_ready (self, guest);
    case CONNECTION_GOVERNANCE:
        if (ingress_take_frame (self, guest, event))
            return true;
        edge_pause (guest->edge);
        return false;
    case CONNECTION_OVERSIZE:
        ingress_on_oversize (self, guest, event->command);
        return guest->points < INGRESS_POINTS_MAX;
    case CONNECTION_PONG:
        ingress_report_peer (self, guest, PEER_SHAKEN, "");
        return true;
    case CONNECTION_ADDRESSES:
        ingress_on_addresses (self, guest, event);
        return true;
    case CONNECTION_GETADDR:
        ingress_on_getaddr (self, guest);
        return true;
    case CONNECTION_DROPPED:
        return true;
    case CONNECTION_CLOSE:
        edge_close (guest->edge,
                    connection_close_text (
                        connection_close_reason (guest->connection)));
        return false;
    }
    return false;
}

/* Reads on what GUEST has sent, writes what it is to get. */
static void
ingress_serve (struct ingress *self, struct guest *guest)
{
    struct connection_event event;

    if (!guest->waits)
        do
            connection_next (guest->connection, self->actor.now, &event);
        while (ingress_on_event (self, guest, &event));

    /* A peer that asks and does not read lets the connection's own output fill
     * up, and is closed for that. */
    struct bytes output = connection_output (guest->connection);
    if (output.size > 0 && edge_peer_queued (guest->edge) < INGRESS_QUEUE_MAX
        && edge_send_bytes (guest->edge, output) == 0)
        connection_output_taken (guest->connection, output.size);
    edge_flush (guest->edge);
    ingress_report_drained (self, guest);

    struct instant wanted = connection_deadline (guest->connection);
    if (ingress_confirm_by (guest).us < wanted.us)
        wanted = ingress_confirm_by (guest);
    if (wanted.us < guest->timer.us
        || instant_reached (self->actor.now.mono, guest->timer)) {
        guest->timer = wanted;
        edge_set_timer (guest->edge, self->actor.now.mono, wanted);
    }
}

/* Behind a proxy a name is all that there is of an address. */
static uint32_t
ingress_group (const struct ingress *self, const struct edge_peer *peer)
{
    const struct sockaddr *address = edge_peer_sockaddr (peer);
    if (address_is_known (address))
        return address_group (address, self->actor.args->daemon);
    return address_group_of_name (edge_peer_dialled (peer),
                                  self->actor.args->daemon);
}

static struct guest *
ingress_admit (struct ingress *self, struct edge_peer *peer)
{
    const struct config *config = self->actor.config;
    const struct sockaddr *address = edge_peer_sockaddr (peer);
    struct guest *guest = guests_add (self->guests);
    if (!guest)
        return NULL;
    guest->edge = peer;
    guest->nonce = random_u64 () | 1;
    ingress_place_guest (self, guest);
    guest->local = !edge_peer_outbound (peer)
                   && (guest->noban || address_is_loopback (address));
    guest->group = ingress_group (self, peer);
    guest->connected_s = moment_unix_s (self->actor.now);

    struct connection_options options = {
        .network = self->network,
        .outbound = edge_peer_outbound (peer),
        .nonce = guest->nonce,
        .secret = random_u64 (),
        .rate_per_s = (uint64_t)config->limits_peer_rate,
        .rate_burst = (uint64_t)config->limits_peer_burst,
        .times = self->tuning->times};
    address_bytes (address, options.peer_address, &options.peer_port);
    guest->connection = connection_create (&options, self->actor.now);
    if (!guest->connection) {
        guests_remove (self->guests, guest);
        return NULL;
    }
    return guest;
}

static void
ingress_on_opened (void *data, struct edge_peer *peer)
{
    struct ingress *self = data;
    const char *refusal = ingress_refusal (self, peer);
    if (refusal) {
        self->refused_connections++;
        edge_close (peer, refusal);
        return;
    }
    struct guest *guest = ingress_admit (self, peer);
    if (!guest) {
        edge_close (peer, "out of memory");
        return;
    }
    edge_peer_set_data (peer, guest);
    self->accepted_connections++;
    guest->slot = !edge_peer_outbound (peer);
    self->inbound += guest->slot;
    ingress_report_peer (self, guest, PEER_CONNECTED, "");
    ingress_mark (self, guest);
}

static void
ingress_on_received (void *data, struct edge_peer *peer, struct bytes bytes)
{
    struct ingress *self = data;
    struct guest *guest = edge_peer_data (peer);
    if (!guest)
        return;
    if (connection_feed (guest->connection, bytes, self->actor.now) != 0) {
        edge_close (peer, "out of memory");
        return;
    }
    ingress_serve (self, guest); /* BYTES are valid only now */
}

static void
ingress_on_sent (void *data, struct edge_peer *peer, const struct blob *blob)
{
    struct ingress *self = data;
    struct guest *guest = edge_peer_data (peer);
    if (!guest)
        return;
    if (connection_output (guest->connection).size > 0)
        ingress_mark (self, guest); /* there is room for it now */
    if (blob->command == COMMANDS_)
        return;
    self->sent_messages++;
    guest->drained += blob->payload_size;
    ingress_mark (self, guest);
    struct tap_event event = {
        .topic = TOPIC_INGRESS_SENT, .command = blob->command, .id = &blob->id};
    tap_show (self->actor.tap, &event, self->actor.now);
}

static void
ingress_on_timer (void *data, struct edge_peer *peer)
{
    struct ingress *self = data;
    struct guest *guest = edge_peer_data (peer);
    if (!guest)
        return;
    guest->timer = self->actor.now.mono; /* so that it is set anew */
    if (instant_reached (self->actor.now.mono, ingress_confirm_by (guest)))
        edge_close (peer, "unconfirmed");
    else if (!connection_tick (guest->connection, self->actor.now))
        edge_close (peer, connection_close_text (
                              connection_close_reason (guest->connection)));
    else
        ingress_serve (self, guest);
}

static void
ingress_on_closed (void *data, struct edge_peer *peer, const char *why)
{
    struct ingress *self = data;
    struct guest *guest = edge_peer_data (peer);
    if (!guest) { /* it never was one; who wished for the dial is told */
        if (edge_peer_dialled (peer)[0] != '\0')
            ingress_report_dial (self, edge_peer_dialled (peer), PEER_LEFT,
                                 why);
        return;
    }
    log_debug ("INGRESS-LEFT", "peer=%s why=\"%s\"", edge_peer_address (peer),
               why);
    ingress_report_left (self, guest, why);
    ingress_unmark (self, guest);
    flight_peer_gone (self->flight, guest->id);
    ingress_free_slot (self, guest);
    guests_remove (self->guests, guest);
}

static void
ingress_on_failed (void *data, const char *dialled, const char *why)
{
    struct ingress *self = data;
    ingress_report_dial (self, dialled, PEER_LEFT, why);
}

static const struct edge_handlers ingress_edge_handlers = {
    .opened = ingress_on_opened,
    .received = ingress_on_received,
    .sent = ingress_on_sent,
    .timer = ingress_on_timer,
    .closed = ingress_on_closed,
    .failed = ingress_on_failed,
};

static void
ingress_on_up (void *data, struct link *link, struct link_peer *peer)
{
    struct ingress *self = data;
    (void)peer;
    if (link == self->frames)
        return;
    if (link == self->peering) { /* it says all of them again */
        bans_clear (self->bans);
        good_addresses_clear (self->good);
    }
    for (struct guest *guest = guests_next (self->guests, NULL); guest;
         guest = guests_next (self->guests, guest)) {
        bool shaken = connection_is_ready (guest->connection);
        if (link == self->delivery && shaken)
            ingress_announce (self, guest);
        if (link == self->peering)
            ingress_report_peer (self, guest,
                                 shaken ? PEER_SHAKEN : PEER_CONNECTED, "");
    }
}

static void
ingress_on_down (void *data, struct link *link, struct link_peer *peer)
{
    struct ingress *self = data;
    if (link == self->frames)
        flight_verifier_gone (self->flight, peer);
}

static enum link_use
ingress_on_message (void *data, struct link *link, struct link_peer *from,
                    const struct link_message *message, size_t size)
{
    struct ingress *self = data;
    (void)from;
    (void)size;
    if (message->id == MESSAGE_FRAME_REPLY)
        ingress_on_frame_reply (self, &message->frame_reply);
    else if (message->id == MESSAGE_DELIVER)
        ingress_on_deliver (self, &message->deliver);
    else if (message->id == MESSAGE_DIAL)
        ingress_on_dial (self, &message->dial);
    else if (message->id == MESSAGE_BAN)
        ingress_on_ban (self, &message->ban);
    else if (message->id == MESSAGE_GOOD)
        ingress_on_good (self, &message->good);
    else
        log_broken ("INGRESS-MESSAGE", "link=%s message=%s",
                    link_id_name (link_id (link)),
                    message_id_name (message->id));
    return LINK_DONE;
}

static int
ingress_turn (void *data)
{
    struct ingress *self = data;

    ingress_place_frames (self);
    edge_run (self->edge); /* bytes come in, verdicts' room is used */
    ingress_place_frames (self);
    while (self->dirty) {
        struct guest *guest = self->dirty;
        self->dirty = guest->next_dirty;
        guest->dirty = false;
        ingress_serve (self, guest);
    }
    return 0;
}

static struct instant
ingress_deadline (void *data)
{
    struct ingress *self = data;
    struct instant now = self->actor.now.mono;
    int64_t wait_us = edge_wait_us (self->edge);
    if (wait_us > SECOND_US / 2)
        wait_us = SECOND_US / 2; /* overdue frames are looked at this often */
    return instant_after (now, wait_us);
}

static void
ingress_on_edge (void *data, short revents)
{
    (void)data; /* ingress_turn runs the edge in every round */
    (void)revents;
}

/* The daemon stops: nobody new comes in, nothing more is read, what is in hand
 * gets its verdict. */
static void
ingress_drain (void *data)
{
    struct ingress *self = data;
    edge_listen_stop (self->edge);
    for (struct guest *guest = guests_next (self->guests, NULL); guest;
         guest = guests_next (self->guests, guest))
        edge_pause (guest->edge);
}

static bool
ingress_busy (void *data)
{
    struct ingress *self = data;
    return flight_count (self->flight) > 0;
}

static json_t *
ingress_stats (void *data)
{
    struct ingress *self = data;
    json_t *stats = json_pack (
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "peers",
        (json_int_t)guests_count (self->guests), "connections_accepted",
        (json_int_t)self->accepted_connections, "connections_refused",
        (json_int_t)self->refused_connections, "messages_sent",
        (json_int_t)self->sent_messages, "frames_in_flight",
        (json_int_t)flight_count (self->flight), "inbound",
        (json_int_t)self->inbound, "connections_evicted",
        (json_int_t)self->evicted_connections, "bans",
        (json_int_t)bans_count (self->bans));
    for (size_t i = 0; i < ADMISSIONS_; i++)
        json_object_set_new (stats, admission_name ((enum admission_answer)i),
                             json_integer ((json_int_t)self->admissions[i]));
    for (size_t i = 0; i < VERDICTS_; i++)
        json_object_set_new (stats, verdict_name ((enum verdict)i),
                             json_integer ((json_int_t)self->verdicts[i]));
    ingress_addresses_stats (self, stats);
    return stats;
}

static const struct actor_stage ingress_stage = {
    .link = {.up = ingress_on_up,
             .down = ingress_on_down,
             .message = ingress_on_message},
    .turn = ingress_turn,
    .deadline = ingress_deadline,
    .drain = ingress_drain,
    .busy = ingress_busy,
    .stats = ingress_stats,
};

static int
ingress_listen_at (struct ingress *self, const char *wanted)
{
    char address[EDGE_ADDRESS_MAX];
    int rc = edge_listen (self->edge, wanted, address);
    if (rc != 0) {
        actor_say (&self->actor, "node.listen: cannot listen on %s: %s", wanted,
                   strerror (-rc));
        return rc;
    }
    log_info ("INGRESS-LISTEN", "address=%s network=%s", address,
              network_name (self->network));
    return 0;
}

/* All addresses: IPv6 takes IPv4 as well; where there is no IPv6, IPv4. */
static int
ingress_listen_everywhere (struct ingress *self)
{
    char wanted[EDGE_ADDRESS_MAX];
    unsigned port = network_port (self->network);

    snprintf (wanted, sizeof wanted, "[::]:%u", port);
    int rc = ingress_listen_at (self, wanted);
    if (rc != -EAFNOSUPPORT && rc != -EADDRNOTAVAIL)
        return rc;
    snprintf (wanted, sizeof wanted, "0.0.0.0:%u", port);
    return ingress_listen_at (self, wanted);
}

static int
ingress_listen (struct ingress *self)
{
    const struct string_list *listen = &self->actor.config->node_listen;
    if (listen->count == 0)
        return ingress_listen_everywhere (self);
    for (size_t i = 0; i < listen->count; i++) {
        int rc = ingress_listen_at (self, listen->item[i]);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int
ingress_open_links (struct ingress *self)
{
    int rc = actor_open_link (&self->actor, LINK_FRAMES, &ingress_stage, self,
                              &self->frames);
    if (rc == 0)
        rc = actor_open_link (&self->actor, LINK_DELIVERY, &ingress_stage, self,
                              &self->delivery);
    if (rc == 0)
        rc = actor_open_link (&self->actor, LINK_PEERING, &ingress_stage, self,
                              &self->peering);
    return rc;
}

/* With a proxy every dial goes through it, none around it. */
static int
ingress_open_edge (struct ingress *self)
{
    const char *proxy = self->actor.config->node_proxy;
    struct edge_options options = {.proxy_us = EDGE_PROXY_US};

    if (*proxy != '\0') {
        options.proxy = proxy + strlen (SOCKS_SCHEME); /* its form is checked */
        log_info ("INGRESS-PROXY", "address=%s", options.proxy);
    }
    randombytes_buf (options.secret, sizeof options.secret);
    int rc = edge_create (&self->edge, &options, &ingress_edge_handlers, self);
    sodium_memzero (options.secret, sizeof options.secret);
    return rc;
}

static int
ingress_open (struct ingress *self)
{
    network_from_name (self->actor.config->node_network, &self->network);
    randombytes_buf (self->hash_key, sizeof self->hash_key);
    self->guests = guests_create (random_u64 ());
    self->flight = flight_create ();
    self->exact = ringset_create (INGRESS_EXACT_MAX, random_u64 ());
    self->good = good_addresses_create ();
    self->heard = heard_create (random_u64 ());
    if (!self->guests || !self->flight || !self->exact || !self->good
        || !self->heard)
        return -ENOMEM;
    int rc = ingress_open_admission (self);
    if (rc == 0)
        rc = ingress_open_edge (self);
    if (rc == 0)
        rc = ingress_open_links (self);
    if (rc == 0)
        rc = ingress_listen (self);
    if (rc == 0)
        actor_watch (&self->actor, edge_fd (self->edge), ZMQ_POLLIN,
                     ingress_on_edge);
    return rc;
}

static void
ingress_close (struct ingress *self)
{
    edge_destroy (&self->edge); /* reports each peer as gone */
    guests_destroy (&self->guests);
    flight_destroy (&self->flight);
    ringset_destroy (&self->exact);
    admission_destroy (&self->admission);
    bans_destroy (&self->bans);
    good_addresses_destroy (&self->good);
    heard_destroy (&self->heard);
}

void
ingress_run (zsock_t *pipe, void *args, const struct ingress_tuning *tuning)
{
    struct ingress self = {.tuning = tuning};

    int rc = actor_begin (&self.actor, pipe, args);
    if (rc == 0)
        rc = ingress_open (&self);
    if (rc == 0)
        rc = actor_run (&self.actor, &ingress_stage, &self);
    ingress_close (&self);
    actor_end (&self.actor, rc);
}

void
ingress_actor (zsock_t *pipe, void *args)
{
    ingress_run (pipe, args, &ingress_tuning_default);
}
