/* SPDX-License-Identifier: MIT */
/* bucket - a token bucket: so many in a period, so many at once.
 *
 * Integers only. One token is kept as PERIOD_US parts, and RATE parts drip in
 * every microsecond, so that nothing is ever rounded. All sums saturate.
 */
#pragma once

#include "base.h"

struct bucket {
    uint64_t rate;      /* tokens in a period; 0: off, nothing is refused */
    uint64_t period_us; /* parts that make one token */
    uint64_t full;      /* parts when full */
    uint64_t level;     /* parts at AT */
    struct instant at;  /* when LEVEL was counted */
};

/* Makes a full bucket of BURST tokens (0 counts as 1) that gets RATE tokens
 * each PERIOD_US (at least 1). RATE 0: no limit. */
void bucket_init (struct bucket *bucket, uint64_t rate, int64_t period_us,
                  uint64_t burst, struct instant now);

/* Takes COUNT tokens. Returns false, and takes none, when there are fewer. */
bool bucket_take (struct bucket *bucket, uint64_t count, struct instant now);

/* Puts COUNT tokens back; what does not fit is lost. */
void bucket_give (struct bucket *bucket, uint64_t count, struct instant now);

/* Returns when COUNT tokens will be there if nobody takes any: not after now
 * if they are there already, INT64_MAX if they never will be. */
struct instant bucket_ready (const struct bucket *bucket, uint64_t count);
