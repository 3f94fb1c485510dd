/* SPDX-License-Identifier: MIT */
/* ingress_addresses - where other peers are: told, asked for, passed on
 * (PROTOCOL 1.10, 2.5).
 *
 *   in   addr, addrv2 and getaddr of peers; GOOD from the registry
 *   out  OFFER to the registry; addr, addrv2 and getaddr to peers
 *   owns the confirmed addresses that may be given out
 *
 * What peers tell is hearsay: the registry is offered it and judges. What we
 * tell comes from the registry alone, never from another peer directly.
 *
 * Next on the tour: actors/registry/registry_actor.c
 */
#include "actors/ingress/ingress.h"

#include "messages/bitcoin/netaddr.h"

/* Offers of one peer: so many at once, and so many in 10 minutes. 117 peers
 * that do their worst offer 20 a second. */
#define INGRESS_OFFERS_MAX 100
#define INGRESS_OFFERS_PERIOD_US (600 * SECOND_US)

/* Credit of the peering link, half of it, that offers leave to the PEERs: a
 * flood of addresses never hides who came and went. */
#define INGRESS_OFFERS_CREDIT 131072

/* Addresses in one answer to getaddr: 12 KiB of the 64 of a connection's
 * output (CONNECTION_OUTPUT_MAX). */
#define INGRESS_ANSWER_MAX 250

void
ingress_begin_addresses (struct ingress *self, struct guest *guest)
{
    bucket_init (&guest->offers, INGRESS_OFFERS_MAX, INGRESS_OFFERS_PERIOD_US,
                 INGRESS_OFFERS_MAX, self->actor.now.mono);
    if (edge_peer_outbound (guest->edge)
        && connection_governance (guest->connection))
        connection_say (guest->connection, "getaddr", (struct bytes){0});
}

/* A message of addresses while its entries are visited. */
struct ingress_offering {
    struct ingress *ingress;    /* borrowed */
    struct guest *guest;        /* borrowed */
    struct link_peer *registry; /* borrowed */
};

static void
ingress_offer (void *data, const struct netaddr *netaddr)
{
    struct ingress_offering *offering = data;
    struct ingress *self = offering->ingress;
    char address[NETADDR_TEXT_MAX];

    self->addresses_told++;
    /* PROTOCOL 1.10: "those entries whose services have the governance bit" */
    if ((netaddr->services & NODE_GOVERNANCE) == 0
        || !good_address_is_usable (self->network, netaddr)
        || netaddr_to_text (netaddr, address) != 0
        || link_credit (offering->registry) < INGRESS_OFFERS_CREDIT
        || !bucket_take (&offering->guest->offers, 1, self->actor.now.mono))
        return;

    struct link_message offer = {.id = MESSAGE_OFFER,
                                 .offer = {.address = bytes_of_text (address),
                                           .group = offering->guest->group,
                                           .services = netaddr->services,
                                           .seen_s = netaddr->seen_s}};
    if (link_send (self->peering, offering->registry, &offer) == 0)
        self->addresses_offered++;
}

void
ingress_on_addresses (struct ingress *self, struct guest *guest,
                      const struct connection_event *event)
{
    struct ingress_offering offering = {
        .ingress = self,
        .guest = guest,
        .registry = link_first_peer (self->peering),
    };

    if (offering.registry) /* else there is nobody to keep them */
        (void)netaddr_decode (event->payload, event->addrv2, ingress_offer,
                              &offering);
}

/* Only whoever dialled us is answered, as with Bitcoin Core: a host that we
 * dial could ask us there and at our own address, and by the same answers tell
 * that both are one relay. */
void
ingress_on_getaddr (struct ingress *self, struct guest *guest)
{
    struct netaddr picked[INGRESS_ANSWER_MAX];
    uint8_t payload[NETADDR_ADDRV2_ROOM (INGRESS_ANSWER_MAX)];
    bool addrv2 = connection_wants_addrv2 (guest->connection);

    if (edge_peer_outbound (guest->edge))
        return;
    size_t count = good_addresses_pick (self->good, addrv2, random_u64 (),
                                        picked, ARRAY_SIZE (picked));
    if (count == 0)
        return;
    size_t size =
        netaddr_encode (picked, count, addrv2, payload, sizeof payload);
    connection_say (guest->connection, addrv2 ? "addrv2" : "addr",
                    bytes_of (payload, size));
    self->addresses_given += count;
}

/* Addresses that only a resolver or we ourselves could make sense of (names,
 * private ones) are not for others. */
void
ingress_on_good (struct ingress *self, const struct link_good *good)
{
    struct netaddr netaddr;

    if (netaddr_from_text (good->address, &netaddr) != 0
        || !good_address_is_usable (self->network, &netaddr))
        return;
    netaddr.services = good->services;
    netaddr.seen_s = good->seen_s < 0            ? 0
                     : good->seen_s > UINT32_MAX ? UINT32_MAX
                                                 : (uint32_t)good->seen_s;
    if (good->good)
        good_addresses_put (self->good, &netaddr);
    else
        good_addresses_drop (self->good, &netaddr);
}

void
ingress_addresses_stats (const struct ingress *self, json_t *stats)
{
    json_object_set_new (stats, "addresses_told",
                         json_integer ((json_int_t)self->addresses_told));
    json_object_set_new (stats, "addresses_offered",
                         json_integer ((json_int_t)self->addresses_offered));
    json_object_set_new (stats, "addresses_given",
                         json_integer ((json_int_t)self->addresses_given));
    json_object_set_new (
        stats, "addresses_good",
        json_integer ((json_int_t)good_addresses_count (self->good)));
}
