/* SPDX-License-Identifier: MIT */
/* ingress_fixture - the real edge: peers on TCP at one side, the test as
 * verifier, gossip and registry at the other. Functions are inline so that a
 * test uses what it needs.
 */
#pragma once

#include "p2p_client.h"

#include "actors/ingress/connection.h"

#define FRAMES_MAX 512
#define CLIENTS_MAX 6
#define OFFERS_MAX 256
#define FLOOD_BYTES (64 * 1048576) /* nobody may have us hold so many */

/* A verifier's end: what came, and what it says to it. */
struct verifier {
    struct link *link;
    struct link_peer *ingress;
    struct link_frame frames[FRAMES_MAX]; /* payloads stand in texts */
    char texts[FRAMES_MAX][64];
    size_t count;
    bool answers; /* at once, with VERDICT */
    enum verdict verdict;
};

struct desk {
    struct bench bench;
    struct bench_stage *ingress;
    zactor_fn *entry; /* NULL: ingress_actor */
    unsigned port;
    struct verifier verifiers[2];
    struct link *gossip;
    struct link_peer *gossip_ingress;
    struct link_peer_ready ready[CLIENTS_MAX]; /* in the order they came */
    size_t ready_count;
    size_t gone_count;
    uint64_t drained[CLIENTS_MAX]; /* bytes, by place in ready */
    struct gov_id heard;           /* of the last HEARD */
    size_t heard_count;
    struct link *registry;
    struct link_peer *registry_ingress;
    struct link_peer_state peer; /* the last PEER; texts below */
    char address[LINK_ADDRESS_MAX + 1];
    char dialled[LINK_ADDRESS_MAX + 1];
    char words[LINK_WORDS_MAX + 1];
    size_t points_count; /* POINTS that came, and the last one */
    uint32_t points;
    char culprit[LINK_ADDRESS_MAX + 1];
    size_t states[PEER_STATES_];          /* how many PEERs of each */
    struct link_offer offers[OFFERS_MAX]; /* the newest; addresses in told */
    char told[OFFERS_MAX][LINK_ADDRESS_MAX + 1];
    size_t offers_count;
    bool holds_offers; /* the registry is slow: gives no credit back */
    struct client clients[CLIENTS_MAX];
    int listener; /* of the test's own; -1: none */
};

/*~ The test's ends. */

static inline void
verifier_answer (struct verifier *verifier, size_t place, enum verdict verdict)
{
    bool known = verdict == VERDICT_ACCEPTED || verdict == VERDICT_DUPLICATE;
    struct link_message reply = {
        .id = MESSAGE_FRAME_REPLY,
        .frame_reply = {.ticket = verifier->frames[place].ticket,
                        .verdict = verdict,
                        .has_id = known}};
    if (known) /* the text names the message */
        memcpy (reply.frame_reply.id.bytes, verifier->texts[place],
                sizeof reply.frame_reply.id.bytes);
    CHECK_OK (link_send (verifier->link, verifier->ingress, &reply));
    link_flush (verifier->link);
}

static inline void
verifier_up (void *self, struct link *link, struct link_peer *peer)
{
    (void)link;
    ((struct verifier *)self)->ingress = peer;
}

static inline void
verifier_down (void *self, struct link *link, struct link_peer *peer)
{
    (void)link;
    (void)peer;
    ((struct verifier *)self)->ingress = NULL;
}

static inline enum link_use
verifier_message (void *self, struct link *link, struct link_peer *peer,
                  const struct link_message *message, size_t size)
{
    struct verifier *verifier = self;
    (void)link;
    (void)peer;
    (void)size;
    assert_int_equal (message->id, MESSAGE_FRAME);
    assert_true (verifier->count < FRAMES_MAX);
    size_t place = verifier->count++;
    struct bytes payload = message->frame.payload;
    verifier->frames[place] = message->frame;
    snprintf (verifier->texts[place], sizeof verifier->texts[place], "%.*s",
              payload.size < 63 ? (int)payload.size : 63,
              (const char *)payload.data);
    if (verifier->answers)
        verifier_answer (verifier, place, verifier->verdict);
    return LINK_DONE;
}

static const struct link_handlers verifier_handlers = {
    .up = verifier_up, .down = verifier_down, .message = verifier_message};

static inline void
desk_up (void *self, struct link *link, struct link_peer *peer)
{
    struct desk *desk = self;
    if (link_id (link) == LINK_DELIVERY)
        desk->gossip_ingress = peer;
    else
        desk->registry_ingress = peer;
}

static inline void
desk_down (void *self, struct link *link, struct link_peer *peer)
{
    struct desk *desk = self;
    (void)peer;
    if (link_id (link) == LINK_DELIVERY)
        desk->gossip_ingress = NULL;
    else
        desk->registry_ingress = NULL;
}

static inline void
desk_on_peer (struct desk *desk, const struct link_peer_state *peer)
{
    desk->peer = *peer;
    snprintf (desk->address, sizeof desk->address, "%.*s",
              (int)peer->address.size, (const char *)peer->address.data);
    snprintf (desk->dialled, sizeof desk->dialled, "%.*s",
              (int)peer->dialled.size, (const char *)peer->dialled.data);
    snprintf (desk->words, sizeof desk->words, "%.*s", (int)peer->words.size,
              (const char *)peer->words.data);
    desk->states[peer->state]++;
}

static inline void
desk_on_offer (struct desk *desk, const struct link_offer *offer)
{
    size_t place = desk->offers_count++ % OFFERS_MAX;
    desk->offers[place] = *offer;
    snprintf (desk->told[place], sizeof desk->told[place], "%.*s",
              (int)offer->address.size, (const char *)offer->address.data);
}

static inline void
desk_on_drained (struct desk *desk, const struct link_drained *drained)
{
    for (size_t i = 0; i < desk->ready_count; i++)
        if (desk->ready[i].peer == drained->peer)
            desk->drained[i] += drained->bytes;
}

static inline void
desk_on_points (struct desk *desk, const struct link_points *points)
{
    desk->points_count++;
    desk->points = points->points;
    snprintf (desk->culprit, sizeof desk->culprit, "%.*s",
              (int)points->address.size, (const char *)points->address.data);
}

static inline enum link_use
desk_message (void *self, struct link *link, struct link_peer *peer,
              const struct link_message *message, size_t size)
{
    struct desk *desk = self;
    (void)link;
    (void)peer;
    (void)size;
    if (message->id == MESSAGE_PEER)
        desk_on_peer (desk, &message->peer);
    else if (message->id == MESSAGE_OFFER)
        desk_on_offer (desk, &message->offer);
    else if (message->id == MESSAGE_PEER_READY)
        desk->ready[desk->ready_count++ % CLIENTS_MAX] = message->peer_ready;
    else if (message->id == MESSAGE_PEER_GONE)
        desk->gone_count++;
    else if (message->id == MESSAGE_DRAINED)
        desk_on_drained (desk, &message->drained);
    else if (message->id == MESSAGE_POINTS)
        desk_on_points (desk, &message->points);
    else if (message->id == MESSAGE_HEARD) {
        desk->heard = message->heard.id;
        desk->heard_count++;
    } else
        fail_msg ("unexpected %s", message_id_name (message->id));
    return message->id == MESSAGE_OFFER && desk->holds_offers ? LINK_HELD
                                                              : LINK_DONE;
}

static const struct link_handlers desk_handlers = {
    .up = desk_up, .down = desk_down, .message = desk_message};

static inline void
desk_verifier (struct desk *desk, size_t place)
{
    static const char *const names[] = {"verifier.0", "verifier.1"};
    struct verifier *verifier = &desk->verifiers[place];
    verifier->link = bench_link (&desk->bench, LINK_FRAMES, "verifier",
                                 names[place], &verifier_handlers, verifier);
    BENCH_WAIT (&desk->bench, verifier->ingress != NULL);
}

static inline void
desk_gossip (struct desk *desk)
{
    desk->gossip = bench_link (&desk->bench, LINK_DELIVERY, "gossip", "gossip",
                               &desk_handlers, desk);
    BENCH_WAIT (&desk->bench, desk->gossip_ingress != NULL);
}

static inline void
desk_registry (struct desk *desk)
{
    desk->registry = bench_link (&desk->bench, LINK_PEERING, "registry",
                                 "registry", &desk_handlers, desk);
    BENCH_WAIT (&desk->bench, desk->registry_ingress != NULL);
}

static inline unsigned
desk_find_port (struct desk *desk)
{
    unsigned port = 0;
    char *log = bench_log (&desk->bench);
    char *line = strstr (log, "INGRESS-LISTEN address=127.0.0.1:");
    assert_non_null (line);
    assert_int_equal (
        sscanf (line, "INGRESS-LISTEN address=127.0.0.1:%u", &port), 1);
    free (log);
    return port;
}

static inline void
desk_begin (struct desk *desk, enum bench_transport transport,
            const char *option, const char *value)
{
    const char *const options[] = {"node.network",
                                   "regtest",
                                   "node.listen",
                                   "127.0.0.1:0",
                                   "limits.peer_rate",
                                   "0",
                                   option,
                                   value,
                                   NULL};
    bench_open (&desk->bench, transport, options);
    desk->ingress =
        bench_start (&desk->bench, desk->entry ? desk->entry : ingress_actor,
                     "ingress", "ingress");
    desk->port = desk_find_port (desk);
    desk_gossip (desk);
    desk_registry (desk);
}

static inline int
desk_create (void **state)
{
    struct desk *desk = calloc (1, sizeof *desk);
    assert_non_null (desk);
    desk->listener = -1;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        desk->clients[i].fd = -1;
    *state = desk;
    return 0;
}

static inline int
desk_open (void **state)
{
    desk_create (state);
    desk_begin (*state, BENCH_INPROC, NULL, NULL);
    return 0;
}

static inline int
desk_close (void **state)
{
    struct desk *desk = *state;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        client_close (&desk->clients[i]);
    if (desk->listener >= 0)
        close (desk->listener);
    bench_close (&desk->bench);
    free (desk);
    return 0;
}

/* A peer that has shaken hands, and is known to gossip. */
static inline struct client *
desk_client (struct desk *desk, size_t place)
{
    struct client *client = &desk->clients[place];
    size_t before = desk->ready_count;
    client_connect (client, &desk->bench, desk->port);
    client_shake (client);
    BENCH_WAIT (&desk->bench, desk->ready_count == before + 1);
    return client;
}

static inline unsigned
desk_listen (struct desk *desk)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl (INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    desk->listener =
        socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK_OK (bind (desk->listener, (struct sockaddr *)&address, size));
    CHECK_OK (listen (desk->listener, 4));
    CHECK_OK (getsockname (desk->listener, (struct sockaddr *)&address, &size));
    bench_watch (&desk->bench, desk->listener);
    return ntohs (address.sin_port);
}

static inline void
say_veto (struct client *client, const char *text)
{
    client_say (client, "econveto", bytes_of_text (text));
}

static inline void
deliver (struct desk *desk, enum command command, const char *text,
         const uint64_t *peers, size_t count)
{
    struct link_message message = {.id = MESSAGE_DELIVER,
                                   .deliver = {.command = command,
                                               .payload = bytes_of_text (text),
                                               .peers_count = count}};
    char id[64] = "";
    snprintf (id, sizeof id, "%s", text);
    memcpy (message.deliver.id.bytes, id, sizeof message.deliver.id.bytes);
    memcpy (message.deliver.peers, peers, count * sizeof *peers);
    CHECK_OK (link_send (desk->gossip, desk->gossip_ingress, &message));
    link_flush (desk->gossip);
}

static inline void
dial_as (struct desk *desk, const char *address, bool automatic)
{
    struct link_message message = {
        .id = MESSAGE_DIAL,
        .dial = {.address = bytes_of_text (address), .automatic = automatic}};
    CHECK_OK (link_send (desk->registry, desk->registry_ingress, &message));
    link_flush (desk->registry);
}

static inline void
dial (struct desk *desk, const char *address)
{
    dial_as (desk, address, false);
}

#define UNTIL(condition) BENCH_WAIT (&desk->bench, condition)
