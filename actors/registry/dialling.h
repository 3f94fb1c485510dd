/* SPDX-License-Identifier: MIT */
/* dialling - when to dial the configured peers, again and again.
 *
 * Pure: state per configured peer, back-off with jitter from the caller's
 * randomness. A wish that was not heard of is repeated: state, not events.
 */
#pragma once

#include "base.h"
#include "messages/link/link_message.h"

#define DIALLING_BACKOFF_US (1 * SECOND_US) /* doubled at each failure */
#define DIALLING_BACKOFF_MAX_US (300 * SECOND_US)
#define DIALLING_ANSWER_US (10 * SECOND_US) /* a wish unheard: said again */
/* A wish that is fulfilled is said again: a word that it is not any more may
 * have been lost. */
#define DIALLING_CONFIRM_US (60 * SECOND_US)
#define DIALLING_CONNECT_US (180 * SECOND_US) /* TCP gives up before this */

struct dialling;

/* Returns the state of COUNT configured peers (texts are copied), all to be
 * dialled at once, or NULL. */
struct dialling *dialling_create (char *const *peers, size_t count,
                                  struct instant now);
void dialling_destroy (struct dialling **dialling);

/* Returns a peer to dial now, or NULL; it is then not returned again until it
 * failed, or nothing was heard of it, or a minute has passed. */
const char *dialling_next (struct dialling *dialling, struct instant now);

/* Ingress says how the dial to ADDRESS stands. RANDOM spreads the next try. */
void dialling_on_state (struct dialling *dialling, struct bytes address,
                        enum peer_state state, uint64_t random,
                        struct instant now);

/* Ingress is gone, and its connections with it: dial all anew. */
void dialling_reset (struct dialling *dialling, struct instant now);

/* Returns when dialling_next may have something. */
struct instant dialling_deadline (const struct dialling *dialling);

/* Returns how many of the configured peers have shaken hands. */
size_t dialling_connected (const struct dialling *dialling);
