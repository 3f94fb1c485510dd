/* SPDX-License-Identifier: MIT */
/* limits - every number of ingress that a stranger can grow, and their sums.
 *
 * Worst case: what it costs when every peer is hostile. MiB are 2^20 bytes.
 *
 *                                          each     117 peers  1,000 peers
 *   peer, guest, connection, buffers of 0  4 KiB          0.5          3.9
 *   payload being received                64 KiB          7.3         62.5
 *   input behind a frame that is held    128 KiB         14.6        125.0
 *   our answers, not taken by the edge    64 KiB          7.3         62.5
 *   queued in the edge                   896 KiB        102.4        875.0
 *   messages that it is known to have     96 KiB         11.0         93.8
 *   a frame that waits for a verifier     64 KiB          7.3         62.5
 *                                                     -------      -------
 *   all peers                                           150.4      1,285.2
 *   frames with verifiers                                16.0         16.0
 *   frames of peers who left                             16.0         16.0
 *   bytes that are known to be durable                    1.5          1.5
 *   bans: 66,560 of 36 bytes                              2.3          2.3
 *   arrivals by network: 2,048 of 48 bytes                0.1          0.1
 *                                                     -------      -------
 *   ingress                                             186.3      1,321.1
 *
 * Queued in the edge: INGRESS_QUEUE_MAX, one output of a connection on top, and
 * what gossip hands out (256 KiB and a message). Messages are shared by all who
 * get them, so that the real sum is far below, unless each peer is slow at
 * another place of the journal. An idle peer costs the first row and no more.
 */
#pragma once

/*~ Who may be connected (admission.h). */

#define ADMISSION_PER_NETWORK_MAX 8   /* inbound ones of one /24 or /64 */
#define ADMISSION_PER_NETWORK_RATE 30 /* new ones a minute of one /24 or /64 */
#define ADMISSION_RATE_MAX 600        /* new ones a minute of all together */
#define ADMISSION_NETWORKS_MAX                                                 \
    2048 /* networks whose rate is remembered: three times what the total rate  \
            lets in in a minute; 48 bytes each, 96 KiB, never more */
#define ADMISSION_UNCONFIRMED_INBOUND 16 /* PROTOCOL 2.5 */
#define ADMISSION_UNCONFIRMED_OUTBOUND 2 /* PROTOCOL 2.5 */
#define ADMISSION_CONFIRM_S 120          /* PROTOCOL 2.5 */
#define ADMISSION_RESERVE                                                      \
    256 /* of the process, not for inbound peers: 128 to dial (64 configured   \
           and 64 automatic), 128 for databases, links, taps, files */

#define BANS_DISCOURAGED_MAX 50000 /* PROTOCOL 5.4; the oldest is forgotten */
#define BANS_MANUAL_MAX 1000       /* an operator's: more are refused */

/*~ A connection (connection.h). */

#define CONNECTION_UNJUDGED_MAX                                                \
    64 /* messages of one connection: a quarter of FLIGHT_MAX. With 4, every   \
          message paid for a hand-over between threads and a commit of its     \
          own: 139 us of processor time each, and 70 with 64 */
#define CONNECTION_PINGS_MAX                                                   \
    16 /* pings that wait for a barrier; the 17th blocks reading */
#define CONNECTION_OUTPUT_MAX                                                  \
    65536 /* bytes of our own small answers that the peer has not taken;       \
             beyond: close */

/*~ A guest (guest.h, ingress.h). */

#define GUEST_KNOWN_MAX                                                        \
    4096 /* messages that we remember a peer to have, the newest: 24 bytes     \
            each, 96 KiB at most; a forgotten one may be offered again,        \
            nothing else */
#define INGRESS_QUEUE_MAX                                                      \
    524288 /* bytes queued for a peer beyond which it gets no answers of ours; \
              more than gossip hands out at once, window and a message */
#define INGRESS_POINTS_MAX 100  /* PROTOCOL 5.4 */
#define INGRESS_EXACT_MAX 65536 /* PROTOCOL 5.3: 24 bytes each, 1.5 MiB */

/*~ Frames without a verdict (flight.h). */

#define FLIGHT_MAX                                                             \
    256 /* with verifiers, in all (architecture, `frames`): at most            \
           256 x 64 KiB = 16 MiB of payload */
#define FLIGHT_ORPHANS_MAX                                                     \
    256 /* waiting frames of peers who left: 16 MiB. Unbounded, whoever comes, \
           sends one and goes, again and again, fills the memory while no      \
           verifier is there */
