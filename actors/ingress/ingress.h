/* SPDX-License-Identifier: MIT */
/* ingress - what the files of the ingress shell share. */
#pragma once

#include "actors/actor.h"
#include "actors/ingress/admission.h"
#include "actors/ingress/edge.h"
#include "actors/ingress/flight.h"
#include "actors/ingress/good_addresses.h"
#include "actors/ingress/guest.h"
#include "actors/ingress/heard.h"
#include "actors/ingress/limits.h"
#include "messages/base/ringset.h"
#include "messages/bitcoin/network.h"

/* What tests make smaller and shorter. */
struct ingress_tuning {
    struct connection_times times;
    struct admission_limits limits; /* .inbound is node.max_inbound;
                                       .descriptors 0: of the process */
    int64_t confirm_us;             /* PROTOCOL 2.5 */
    bool strict; /* loopback and private addresses are like all others */
};
extern const struct ingress_tuning ingress_tuning_default;

struct ingress {
    struct actor actor;                  /* must be first */
    const struct ingress_tuning *tuning; /* borrowed */
    struct edge *edge;                   /* TCP; owned */
    struct guests *guests;               /* who is connected; owned */
    struct flight *flight;               /* frames without a verdict; owned */
    struct admission *admission;         /* who may come in; owned */
    struct bans *bans;     /* what the registry said of that; owned */
    struct ringset *exact; /* bytes that are proven and durable; owned */
    struct heard *heard;   /* what was handed in here; owned */
    uint8_t hash_key[16];  /* of fingerprints; random */
    enum network network;
    struct link *frames;   /* to the verifiers; the actor owns it */
    struct link *delivery; /* to gossip */
    struct link *peering;  /* to the registry */
    struct guest *dirty;   /* guests to serve this turn */
    size_t inbound;        /* slots that are taken */
    uint64_t network_key;  /* of the networks in ADMISSION; random */
    uint64_t verdicts[VERDICTS_];
    uint64_t accepted_connections;
    uint64_t refused_connections;
    uint64_t admissions[ADMISSIONS_];
    uint64_t evicted_connections;
    uint64_t sent_messages;

    struct good_addresses *good; /* to be given out; owned */
    uint64_t addresses_told;     /* entries of addr and addrv2 */
    uint64_t addresses_offered;  /* of these, to the registry */
    uint64_t addresses_given;    /* entries of our answers */
};

/* Sets the keyed 128-bit fingerprint of PAYLOAD. */
void ingress_fingerprint (const struct ingress *self, struct bytes payload,
                          uint8_t ret_fingerprint[16]);

/* GUEST is to be served at the end of this turn: its input read on, its output
 * written, its drained bytes reported. */
void ingress_mark (struct ingress *self, struct guest *guest);

/* Notes that GUEST has the message with that key. */
void ingress_note_known (struct ingress *self, struct guest *guest,
                         const uint8_t key[16]);

/* Runs the stage; ingress_actor does it with the default. TUNING is
 * borrowed. */
void ingress_run (zsock_t *pipe, void *args,
                  const struct ingress_tuning *tuning);

/* ingress_admission.c: who may be connected, and who may stay. */

/* Returns 0 or -ENOMEM. */
int ingress_open_admission (struct ingress *self);
/* Returns NULL when PEER may come in (somebody else has gone for it, if need
 * be), or why not. */
const char *ingress_refusal (struct ingress *self,
                             const struct edge_peer *peer);
/* Fills in what admission has to know of a new GUEST, whose edge is set. */
void ingress_place_guest (struct ingress *self, struct guest *guest);
/* GUEST has left, or is about to: its slot is free. */
void ingress_free_slot (struct ingress *self, struct guest *guest);
/* GUEST has shaken hands. Closes it when there is no slot for its kind
 * (PROTOCOL 2.5). Returns false then. */
bool ingress_bears (struct ingress *self, struct guest *guest);
/* Returns when GUEST must have been confirmed. */
struct instant ingress_confirm_by (const struct guest *guest);
/* GUEST is confirmed from now on (PROTOCOL 2.5). */
void ingress_confirm (struct ingress *self, struct guest *guest);
/* Charges GUEST for VERDICT; at 100 points it is closed. The registry is told,
 * for its address (PROTOCOL 5.4). */
void ingress_charge (struct ingress *self, struct guest *guest,
                     enum verdict verdict);
void ingress_on_ban (struct ingress *self, const struct link_ban *ban);

/* ingress_frames.c: unjudged payloads, out and back. */

/* Takes a governance payload of GUEST. Returns false when it waits for a
 * verifier: GUEST is not to be read until it is marked again. */
bool ingress_take_frame (struct ingress *self, struct guest *guest,
                         const struct connection_event *event);
/* Gives waiting frames to verifiers, and overdue ones to others. */
void ingress_place_frames (struct ingress *self);
void ingress_on_frame_reply (struct ingress *self,
                             const struct link_frame_reply *reply);

/* ingress_delivery.c: what goes out to peers, and who they are. */

void ingress_on_deliver (struct ingress *self,
                         const struct link_deliver *deliver);
/* Says MESSAGE to whoever is at the other end of LINK. */
void ingress_tell (struct link *link, const struct link_message *message);
/* Tells gossip that GUEST is there. */
void ingress_announce (struct ingress *self, struct guest *guest);
/* Tells gossip how much GUEST has taken since the last time. */
void ingress_report_drained (struct ingress *self, struct guest *guest);
/* Tells gossip and the registry that GUEST left, for the reason WHY. */
void ingress_report_left (struct ingress *self, struct guest *guest,
                          const char *why);
/* Tells the registry how GUEST stands. */
void ingress_report_peer (struct ingress *self, const struct guest *guest,
                          enum peer_state state, const char *words);
/* Tells the registry how the dial to DIALLED stands. */
void ingress_report_dial (struct ingress *self, const char *dialled,
                          enum peer_state state, const char *words);
void ingress_on_dial (struct ingress *self, const struct link_dial *dial);

/* ingress_addresses.c: where other peers are. */

/* GUEST has shaken hands: it may tell addresses; one whom we dialled is
 * asked. */
void ingress_begin_addresses (struct ingress *self, struct guest *guest);
/* GUEST told addresses: offers to the registry those that may be of use. */
void ingress_on_addresses (struct ingress *self, struct guest *guest,
                           const struct connection_event *event);
/* GUEST asks for addresses, once per connection. */
void ingress_on_getaddr (struct ingress *self, struct guest *guest);
/* The registry says which may be given out. */
void ingress_on_good (struct ingress *self, const struct link_good *good);
/* Adds the counters of all that to STATS. */
void ingress_addresses_stats (const struct ingress *self, json_t *stats);
