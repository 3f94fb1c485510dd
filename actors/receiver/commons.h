/* SPDX-License-Identifier: MIT */
/* commons - one verified message through the rules and into the store, once.
 *
 * Between store begin and commit. What is answered is stored with the message,
 * so that the same message gets the same answer for good.
 */
#pragma once

#include "actors/receiver/governance.h"
#include "actors/receiver/http_rules.h"
#include "actors/receiver/store.h"

struct commons {
    struct store *store; /* borrowed */
    struct thresholds thresholds;
    bool auto_activate;
};

/* Takes ASKED, a registration, veto or fork decision, received at NOW_S.
 *
 * Returns: 0, or -errno: roll back, nothing of it may stay.
 * Out:     ret_answer, for http_answer_done; replayed if it was known.
 */
int commons_take (struct commons *commons, const struct http_asked *asked,
                  int64_t now_s, struct http_answer *ret_answer);

/* Answers ASKED, a status query. Returns 0 or -errno. */
int commons_status (struct commons *commons, const struct http_asked *asked,
                    struct http_answer *ret_answer);
