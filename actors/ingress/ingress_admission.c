/* SPDX-License-Identifier: MIT */
/* ingress_admission - who may be connected, and who may stay.
 *
 *   in   new connections; BAN from the registry; verdicts that cost points
 *   out  refusals, evictions; POINTS and PEER to the registry
 *   owns nothing of its own: struct ingress's admission and bans
 *
 * The registry states the policy, ingress decides at once: the rules are in
 * admission.c, here is gathered what they ask for.
 *
 * Next on the tour: actors/ingress/admission.c
 */
#include "actors/ingress/ingress.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "actors/ingress/address.h"
#include "supervisor/log.h"

const struct ingress_tuning ingress_tuning_default = {
    .times = CONNECTION_TIMES_DEFAULT,
    .limits = {.per_network = ADMISSION_PER_NETWORK_MAX,
               .network_rate = ADMISSION_PER_NETWORK_RATE,
               .total_rate = ADMISSION_RATE_MAX,
               .unconfirmed_inbound = ADMISSION_UNCONFIRMED_INBOUND,
               .unconfirmed_outbound = ADMISSION_UNCONFIRMED_OUTBOUND},
    .confirm_us = ADMISSION_CONFIRM_S * SECOND_US,
};

int
ingress_open_admission (struct ingress *self)
{
    struct admission_limits limits = self->tuning->limits;
    struct rlimit descriptors = {.rlim_cur = 1024};

    limits.inbound = (size_t)self->actor.config->node_max_inbound;
    if (limits.descriptors == 0) {
        getrlimit (RLIMIT_NOFILE, &descriptors);
        limits.descriptors = admission_descriptors (descriptors.rlim_cur);
    }
    if (limits.inbound > limits.descriptors) {
        log_warn ("INGRESS-DESCRIPTORS",
                  "max_inbound=%zu usable=%zu words=\"the limit of open files "
                  "is too low for node.max_inbound: raise it\"",
                  limits.inbound, limits.descriptors);
        limits.inbound = limits.descriptors;
    }
    self->network_key = random_u64 ();
    self->admission = admission_create (&limits, self->actor.now.mono);
    self->bans = bans_create (random_u64 ());
    return self->admission && self->bans ? 0 : -ENOMEM;
}

static bool
ingress_is_noban (const struct ingress *self, const struct edge_peer *peer)
{
    return address_is_listed (edge_peer_sockaddr (peer),
                              &self->actor.config->node_noban);
}

/* Whether policy looks at where PEER is. Behind a proxy its address is not
 * known. */
static bool
ingress_is_placed (const struct ingress *self, const struct edge_peer *peer)
{
    if (edge_peer_outbound (peer) && self->actor.config->node_proxy[0] != '\0')
        return false;
    return self->tuning->strict
           || !address_is_private (edge_peer_sockaddr (peer));
}

static enum ban
ingress_find_ban (const struct ingress *self, const struct edge_peer *peer)
{
    if (ingress_is_noban (self, peer))
        return BAN_NONE;
    return bans_find (self->bans, edge_peer_sockaddr (peer),
                      moment_unix_s (self->actor.now));
}

/* PROTOCOL 2.5: of the "unconfirmed peers with the bit". */
static bool
ingress_is_suspect (const struct guest *guest)
{
    return !guest->confirmed && connection_is_ready (guest->connection)
           && connection_version (guest->connection)->services
                  & NODE_GOVERNANCE;
}

static size_t
ingress_count_network (const struct ingress *self, uint64_t network)
{
    size_t count = 0;
    for (const struct guest *guest = guests_next (self->guests, NULL); guest;
         guest = guests_next (self->guests, guest))
        count += guest->slot && guest->network == network;
    return count;
}

/* Makes room for one more. Returns false when nobody may go. */
static bool
ingress_evict (struct ingress *self)
{
    size_t room = guests_count (self->guests);
    struct admission_candidate *candidates =
        calloc (room ? room : 1, sizeof *candidates);
    size_t count = 0;
    uint64_t id;

    if (!candidates)
        return false;
    for (const struct guest *guest = guests_next (self->guests, NULL); guest;
         guest = guests_next (self->guests, guest))
        if (guest->slot)
            candidates[count++] = (struct admission_candidate){
                .id = guest->id,
                .group = guest->group,
                .noban = guest->noban,
                .confirmed = guest->confirmed,
                .suspect = ingress_is_suspect (guest),
                .ping_us = connection_ping_us (guest->connection),
                .came = guest->came,
                .useful = guest->useful};
    bool found = admission_choose_victim (candidates, count, &id);
    free (candidates);
    if (!found)
        return false;
    struct guest *victim = guests_find (self->guests, id);
    self->evicted_connections++;
    ingress_free_slot (self, victim);
    edge_close (victim->edge, "another one was let in for it");
    return true;
}

const char *
ingress_refusal (struct ingress *self, const struct edge_peer *peer)
{
    enum ban ban = ingress_find_ban (self, peer);
    if (edge_peer_outbound (peer)) /* a name may have led to such an address */
        return ban != BAN_NONE && edge_peer_automatic (peer)
                   ? admission_text (ADMISSION_BANNED)
                   : NULL;

    struct admission_arrival arrival = {
        .ban = ban,
        .network =
            address_network (edge_peer_sockaddr (peer), self->network_key),
        .spared =
            ingress_is_noban (self, peer) || !ingress_is_placed (self, peer),
        .inbound = self->inbound,
        .connections = guests_count (self->guests)};
    if (!arrival.spared)
        arrival.same_network = ingress_count_network (self, arrival.network);
    enum admission_answer answer =
        admission_decide (self->admission, &arrival, self->actor.now.mono);
    if (answer == ADMISSION_FULL && ingress_evict (self))
        answer = ADMISSION_WELCOME;
    self->admissions[answer]++;
    return answer == ADMISSION_WELCOME ? NULL : admission_text (answer);
}

void
ingress_place_guest (struct ingress *self, struct guest *guest)
{
    const struct sockaddr *address = edge_peer_sockaddr (guest->edge);
    guest->noban = ingress_is_noban (self, guest->edge);
    guest->automatic = edge_peer_automatic (guest->edge);
    guest->trusted =
        guest->noban || (edge_peer_outbound (guest->edge) && !guest->automatic);
    guest->network = address_network (address, self->network_key);
    guest->came = self->actor.now.mono;
}

void
ingress_free_slot (struct ingress *self, struct guest *guest)
{
    self->inbound -= guest->slot;
    guest->slot = false;
}

bool
ingress_bears (struct ingress *self, struct guest *guest)
{
    bool outbound = edge_peer_outbound (guest->edge);
    size_t suspects = 0;

    if (guest->automatic)
        guest->confirm_by =
            instant_after (self->actor.now.mono, self->tuning->confirm_us);
    if (!ingress_is_suspect (guest) || guest->noban)
        return true;
    for (struct guest *other = guests_next (self->guests, NULL); other;
         other = guests_next (self->guests, other))
        suspects += other != guest && ingress_is_suspect (other)
                    && edge_peer_outbound (other->edge) == outbound;
    if (admission_bears_suspect (self->admission, outbound, suspects))
        return true;
    edge_close (guest->edge, "no slot for one more that is unconfirmed");
    return false;
}

struct instant
ingress_confirm_by (const struct guest *guest)
{
    bool due = guest->confirm_by.us != 0 && !guest->confirmed;
    return due ? guest->confirm_by : (struct instant){.us = INT64_MAX};
}

void
ingress_confirm (struct ingress *self, struct guest *guest)
{
    if (guest->confirmed)
        return;
    guest->confirmed = true;
    ingress_report_peer (self, guest, PEER_SHAKEN, "");
    if (guest->announced)
        ingress_announce (self, guest); /* it may now be told our own first */
}

static void
ingress_report_points (struct ingress *self, const struct guest *guest,
                       uint32_t points)
{
    char culprit[ADDRESS_CULPRIT_MAX];
    if (!ingress_is_placed (self, guest->edge))
        return;
    address_culprit (edge_peer_sockaddr (guest->edge), culprit);
    struct link_message message = {
        .id = MESSAGE_POINTS,
        .points = {.address = bytes_of_text (culprit), .points = points}};
    ingress_tell (self->peering, &message);
}

void
ingress_charge (struct ingress *self, struct guest *guest, enum verdict verdict)
{
    unsigned points = verdict_points (verdict);
    if (points == 0 || guest->trusted)
        return;
    guest_charge (guest, points, self->actor.now.mono);
    if (guest->points >= INGRESS_POINTS_MAX)
        edge_close (guest->edge, "misbehaved: 100 points");
    ingress_report_points (self, guest, points);
    ingress_report_peer (self, guest, PEER_SHAKEN, verdict_name (verdict));
}

/* An operator's ban closes what is there; who is discouraged may stay while
 * there is room. */
void
ingress_on_ban (struct ingress *self, const struct link_ban *ban)
{
    int64_t now_s = moment_unix_s (self->actor.now);
    int rc = bans_apply (self->bans, ban, now_s);
    if (rc != 0) {
        log_warn ("INGRESS-BAN", "rc=%d words=\"a ban cannot be kept: %s\"", rc,
                  strerror (-rc));
        return;
    }
    if (!ban->manual || ban->until_s <= now_s)
        return;
    for (struct guest *guest = guests_next (self->guests, NULL); guest;
         guest = guests_next (self->guests, guest))
        if (!guest->trusted
            && bans_find (self->bans, edge_peer_sockaddr (guest->edge), now_s)
                   == BAN_MANUAL) {
            ingress_free_slot (self, guest);
            edge_close (guest->edge, admission_text (ADMISSION_BANNED));
        }
}
