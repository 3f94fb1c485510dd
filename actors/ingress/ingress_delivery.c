/* SPDX-License-Identifier: MIT */
/* ingress_delivery - what goes out to peers, and who they are.
 *
 *   in   DELIVER from gossip, DIAL from the registry
 *   out  P2P messages; PEER_READY, PEER_GONE, DRAINED to gossip; PEER to the
 *        registry
 *   owns nothing of its own: struct ingress's guests
 *
 * A message is framed once and shared by all connections. Nobody is sent what
 * he has sent us or has got from us on this connection (PROTOCOL 5.5).
 */
#include "actors/ingress/ingress.h"

#include "messages/bitcoin/frame.h"

void
ingress_tell (struct link *link, const struct link_message *message)
{
    struct link_peer *other = link ? link_first_peer (link) : NULL;
    if (other)
        link_send (link, other, message);
}

static struct blob *
ingress_frame_blob (const struct ingress *self,
                    const struct link_deliver *deliver)
{
    struct blob *blob = blob_create (FRAME_HEADER_SIZE + deliver->payload.size);
    if (!blob)
        return NULL;
    frame_header_write (blob->bytes, self->network,
                        command_name (deliver->command), deliver->payload);
    memcpy (blob->bytes + FRAME_HEADER_SIZE, deliver->payload.data,
            deliver->payload.size);
    blob->command = deliver->command;
    blob->id = deliver->id;
    blob->payload_size = deliver->payload.size;
    return blob;
}

static bool
ingress_guest_knows (const struct guest *guest, const uint8_t fingerprint[16],
                     const struct gov_id *id)
{
    return guest->known
           && (ringset_has (guest->known, id->bytes)
               || ringset_has (guest->known, fingerprint));
}

void
ingress_on_deliver (struct ingress *self, const struct link_deliver *deliver)
{
    bool status = deliver->command == COMMAND_ECONSTATUS;
    struct blob *blob = NULL;
    uint8_t fingerprint[16];

    ingress_fingerprint (self, deliver->payload, fingerprint);
    for (size_t i = 0; i < deliver->peers_count; i++) {
        struct guest *guest = guests_find (self->guests, deliver->peers[i]);
        if (!guest)
            continue; /* its PEER_GONE is on the way */
        ingress_mark (self, guest);
        if (!status && ingress_guest_knows (guest, fingerprint, &deliver->id)) {
            guest->drained += deliver->payload.size;
            continue;
        }
        if (status && edge_peer_queued (guest->edge) >= INGRESS_QUEUE_MAX)
            continue; /* it asks and does not read */
        if (!blob)
            blob = ingress_frame_blob (self, deliver);
        if (!blob || edge_send (guest->edge, blob) != 0) {
            edge_close (guest->edge, "out of memory");
            continue;
        }
        if (!status)
            ingress_note_known (self, guest, deliver->id.bytes);
    }
    if (blob)
        blob_release (blob);
}

void
ingress_announce (struct ingress *self, struct guest *guest)
{
    struct link_message ready = {
        .id = MESSAGE_PEER_READY,
        .peer_ready = {.peer = guest->id,
                       .group = guest->group,
                       .governance = connection_governance (guest->connection),
                       .outbound = edge_peer_outbound (guest->edge),
                       .confirmed = guest->confirmed}};
    ingress_tell (self->delivery, &ready);
}

void
ingress_report_drained (struct ingress *self, struct guest *guest)
{
    struct link_message drained = {
        .id = MESSAGE_DRAINED,
        .drained = {.peer = guest->id, .bytes = guest->drained}};
    if (guest->drained == 0)
        return;
    guest->drained = 0;
    ingress_tell (self->delivery, &drained);
}

void
ingress_report_peer (struct ingress *self, const struct guest *guest,
                     enum peer_state state, const char *words)
{
    const struct connection *connection = guest->connection;
    bool shaken = connection && connection_is_ready (connection);
    const struct version_payload *version =
        shaken ? connection_version (connection) : NULL;
    struct link_message peer = {
        .id = MESSAGE_PEER,
        .peer = {.peer = guest->id,
                 .state = state,
                 .address = bytes_of_text (edge_peer_address (guest->edge)),
                 .dialled = bytes_of_text (edge_peer_dialled (guest->edge)),
                 .outbound = edge_peer_outbound (guest->edge),
                 .confirmed = guest->confirmed,
                 .ping_us = -1,
                 .connected_s = guest->connected_s,
                 .clock_offset_s = guest->clock_offset_s,
                 .points = guest->points,
                 .received = edge_peer_received (guest->edge),
                 .sent = edge_peer_sent (guest->edge),
                 .words = bytes_of_text (words)}};
    if (version) {
        peer.peer.version = version->version;
        peer.peer.services = version->services;
        peer.peer.user_agent = bytes_of_text (version->user_agent);
        peer.peer.governance = connection_governance (connection);
        peer.peer.ping_us = connection_ping_us (connection);
    }
    ingress_tell (self->peering, &peer);
}

void
ingress_report_dial (struct ingress *self, const char *dialled,
                     enum peer_state state, const char *words)
{
    struct link_message peer = {.id = MESSAGE_PEER,
                                .peer = {.state = state,
                                         .dialled = bytes_of_text (dialled),
                                         .outbound = true,
                                         .ping_us = -1,
                                         .words = bytes_of_text (words)}};
    ingress_tell (self->peering, &peer);
}

void
ingress_report_left (struct ingress *self, struct guest *guest, const char *why)
{
    struct link_message gone = {.id = MESSAGE_PEER_GONE,
                                .peer_gone = {.peer = guest->id}};
    if (guest->announced)
        ingress_tell (self->delivery, &gone);
    ingress_report_peer (self, guest, PEER_LEFT, why);
}

/* State, not an event: a wish that is fulfilled already is answered with how
 * things stand. */
void
ingress_on_dial (struct ingress *self, const struct link_dial *dial)
{
    char address[LINK_ADDRESS_MAX + 1];
    memcpy (address, dial->address.data, dial->address.size);
    address[dial->address.size] = '\0';

    int rc = self->actor.draining
                 ? -ESHUTDOWN
                 : edge_dial (self->edge, address, dial->automatic);
    if (rc == -EALREADY) {
        for (struct guest *guest = guests_next (self->guests, NULL); guest;
             guest = guests_next (self->guests, guest))
            if (strcmp (edge_peer_dialled (guest->edge), address) == 0) {
                ingress_report_peer (self, guest,
                                     connection_is_ready (guest->connection)
                                         ? PEER_SHAKEN
                                         : PEER_CONNECTED,
                                     "");
                return;
            }
        rc = 0;
    }
    if (rc == 0)
        ingress_report_dial (self, address, PEER_DIALLING, "");
    else
        ingress_report_dial (self, address, PEER_LEFT, edge_dial_text (rc));
}
