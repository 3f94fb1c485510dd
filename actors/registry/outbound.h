/* SPDX-License-Identifier: MIT */
/* outbound - the automatic connections: which there are, or may come to be.
 *
 * Pure. A wish that nothing is heard of falls away, so that its slot is used
 * for somebody else; what ingress tells of connections of an earlier life of
 * ours is taken over.
 */
#pragma once

#include "base.h"
#include "messages/link/link_message.h"

#define OUTBOUND_MAX                                                           \
    128 /* twice what node.max_outbound may be: those of an  \
                            earlier life, of several ingresses */
#define OUTBOUND_ANSWER_US (10 * SECOND_US)   /* a wish unheard */
#define OUTBOUND_CONNECT_US (180 * SECOND_US) /* TCP gives up before this */
/* Ingress speaks of each peer at each pong, every 2 minutes: of whom it is
 * silent, the word that he left was lost. */
#define OUTBOUND_SILENCE_US (600 * SECOND_US)

struct outbound {
    struct outbound_row {
        char address[LINK_ADDRESS_MAX + 1]; /* as it was dialled */
        const void *ingress;                /* whose it is; only compared */
        enum peer_state state;              /* DIALLING, CONNECTED or SHAKEN */
        struct instant until;               /* falls away; never once SHAKEN */
    } row[OUTBOUND_MAX];
    size_t count;
};

/* How a connection ended. */
enum outbound_end {
    OUTBOUND_GOES_ON, /* it did not, or is none of ours */
    OUTBOUND_FAILED,  /* before its handshake */
    OUTBOUND_LEFT     /* after it */
};

/* INGRESS was asked for ADDRESS. Returns false when there is no room, or it is
 * there already. */
bool outbound_add (struct outbound *outbound, struct bytes address,
                   const void *ingress, struct instant now);

/* INGRESS says how ADDRESS stands. */
enum outbound_end outbound_on_state (struct outbound *outbound,
                                     struct bytes address, const void *ingress,
                                     enum peer_state state, struct instant now);

/* INGRESS is gone, and its connections with it. */
void outbound_forget (struct outbound *outbound, const void *ingress);

/* Lets fall what nothing was heard of. */
void outbound_expire (struct outbound *outbound, struct instant now);
