/* SPDX-License-Identifier: MIT */
/* ingress - what the files of the ingress shell share. */
#pragma once

#include "actors/actor.h"
#include "actors/ingress/edge.h"
#include "actors/ingress/flight.h"
#include "actors/ingress/guest.h"
#include "actors/ingress/heard.h"
#include "messages/base/ringset.h"
#include "messages/bitcoin/network.h"

#define INGRESS_EXACT_MAX 65536 /* PROTOCOL 5.3: 24 bytes each, 1.5 MiB */
#define INGRESS_POINTS_MAX 100  /* PROTOCOL 5.4 */
#define INGRESS_QUEUE_MAX                                                      \
    524288 /* bytes queued for a peer beyond which it gets no answers of ours;
              more than gossip hands out at once, window and a message */

struct ingress {
    struct actor actor;    /* must be first */
    struct edge *edge;     /* TCP; owned */
    struct guests *guests; /* who is connected; owned */
    struct flight *flight; /* frames without a verdict; owned */
    struct ringset *exact; /* bytes that are proven and durable; owned */
    struct heard *heard;   /* what was handed in here; owned */
    uint8_t hash_key[16];  /* of fingerprints; random */
    enum network network;
    struct link *frames;   /* to the verifiers; the actor owns it */
    struct link *delivery; /* to gossip */
    struct link *peering;  /* to the registry */
    struct guest *dirty;   /* guests to serve this turn */
    size_t inbound;        /* how many came to us */
    uint64_t verdicts[VERDICTS_];
    uint64_t accepted_connections;
    uint64_t refused_connections;
    uint64_t sent_messages;
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

/* Charges GUEST for VERDICT; at 100 points it is closed (PROTOCOL 5.4). */
void ingress_charge (struct ingress *self, struct guest *guest,
                     enum verdict verdict);

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
