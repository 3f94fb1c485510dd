/* SPDX-License-Identifier: MIT */
/* bucket - a token bucket: so many in a period, so many at once.
 *
 *   in   takers and the monotonic time
 *   out  yes, or when
 *   owns nothing beyond its struct
 */
#include "bucket.h"

static uint64_t
bucket_times (uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow (a, b, &product) ? UINT64_MAX : product;
}

static uint64_t
bucket_plus (uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow (a, b, &sum) ? UINT64_MAX : sum;
}

/* Raises LEVEL by PARTS, never above full. */
static void
bucket_pour (struct bucket *bucket, uint64_t parts)
{
    uint64_t level = bucket_plus (bucket->level, parts);
    bucket->level = level < bucket->full ? level : bucket->full;
}

static void
bucket_refill (struct bucket *bucket, struct instant now)
{
    if (now.us <= bucket->at.us)
        return;
    /* As unsigned the difference is right even across the whole range. */
    uint64_t elapsed_us = (uint64_t)now.us - (uint64_t)bucket->at.us;
    bucket_pour (bucket, bucket_times (elapsed_us, bucket->rate));
    bucket->at = now;
}

void
bucket_init (struct bucket *bucket, uint64_t rate, int64_t period_us,
             uint64_t burst, struct instant now)
{
    assert (period_us >= 1);
    *bucket = (struct bucket){
        .rate = rate,
        .period_us = (uint64_t)period_us,
        .full = bucket_times (burst != 0 ? burst : 1, (uint64_t)period_us),
        .at = now,
    };
    bucket->level = bucket->full;
}

bool
bucket_take (struct bucket *bucket, uint64_t count, struct instant now)
{
    if (bucket->rate == 0)
        return true;
    bucket_refill (bucket, now);

    uint64_t parts;
    if (__builtin_mul_overflow (count, bucket->period_us, &parts)
        || parts > bucket->level)
        return false;
    bucket->level -= parts;
    return true;
}

void
bucket_give (struct bucket *bucket, uint64_t count, struct instant now)
{
    if (bucket->rate == 0)
        return;
    bucket_refill (bucket, now);
    bucket_pour (bucket, bucket_times (count, bucket->period_us));
}

struct instant
bucket_ready (const struct bucket *bucket, uint64_t count)
{
    static const struct instant never = {.us = INT64_MAX};
    uint64_t parts;

    if (bucket->rate == 0)
        return bucket->at;
    if (__builtin_mul_overflow (count, bucket->period_us, &parts)
        || parts > bucket->full)
        return never;
    if (parts <= bucket->level)
        return bucket->at;

    uint64_t missing = parts - bucket->level;
    uint64_t wait_us = missing / bucket->rate + (missing % bucket->rate != 0);
    struct instant ready;
    if (wait_us > INT64_MAX
        || __builtin_add_overflow (bucket->at.us, (int64_t)wait_us, &ready.us))
        return never;
    return ready;
}
