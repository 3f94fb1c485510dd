/* SPDX-License-Identifier: MIT */
/* admission - who may be connected.
 *
 *   in   what is known of a new connection, or of all inbound peers
 *   out  welcome or why not; who has to go
 *   owns how many came lately: in all, and from each network
 *
 * Next on the tour: actors/ingress/bans.c
 */
#include "actors/ingress/admission.h"

#include <stdlib.h>

#include "actors/ingress/limits.h"
#include "bucket.h"

#define MINUTE_US (60 * SECOND_US)
#define ADMISSION_WAYS 4 /* rows in which a network may stand */

/* PROTOCOL 5.4: "refused when inbound slots are scarce": 80 % of them taken. */
#define ADMISSION_SCARCE_TENTHS 8

/* Who is safe when one has to go. Each is a merit that costs an attacker
 * something else: addresses in networks that he cannot choose (their order is
 * by keyed hash), machines that are near, messages of known signers, time. */
#define ADMISSION_SAFE_GROUPS 4
#define ADMISSION_SAFE_PINGS 8
#define ADMISSION_SAFE_USEFUL 8

struct admission_network {
    uint64_t network; /* keyed hash; 0: never used */
    struct bucket bucket;
};

struct admission {
    struct admission_limits limits;
    struct bucket total;
    struct admission_network network[ADMISSION_NETWORKS_MAX];
};

struct admission *
admission_create (const struct admission_limits *limits, struct instant now)
{
    struct admission *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->limits = *limits;
    bucket_init (&self->total, limits->total_rate, MINUTE_US,
                 limits->total_rate, now);
    return self;
}

void
admission_destroy (struct admission **admission)
{
    free (*admission);
    *admission = NULL;
}

/* Returns the bucket of NETWORK. Where all rows are taken, the one that has
 * been silent longest is forgotten: its bucket is the fullest. */
static struct bucket *
admission_bucket (struct admission *self, uint64_t network, struct instant now)
{
    struct admission_network *set =
        &self->network[network % (ADMISSION_NETWORKS_MAX / ADMISSION_WAYS)
                       * ADMISSION_WAYS];
    struct admission_network *oldest = set;

    for (size_t i = 0; i < ADMISSION_WAYS; i++) {
        if (set[i].network == network && set[i].bucket.period_us > 0)
            return &set[i].bucket;
        if (set[i].bucket.at.us < oldest->bucket.at.us
            || set[i].bucket.period_us == 0)
            oldest = &set[i];
    }
    oldest->network = network;
    bucket_init (&oldest->bucket, self->limits.network_rate, MINUTE_US,
                 self->limits.network_rate, now);
    return &oldest->bucket;
}

static bool
admission_scarce (const struct admission *self, size_t inbound)
{
    return inbound * 10 >= self->limits.inbound * ADMISSION_SCARCE_TENTHS;
}

enum admission_answer
admission_decide (struct admission *self,
                  const struct admission_arrival *arrival, struct instant now)
{
    const struct admission_limits *limits = &self->limits;

    if (arrival->ban == BAN_MANUAL)
        return ADMISSION_BANNED;
    if (arrival->ban == BAN_DISCOURAGED
        && admission_scarce (self, arrival->inbound))
        return ADMISSION_DISCOURAGED;
    if (!arrival->spared) {
        /* Its own network first: whoever floods from one must not use up what
         * is there for all. */
        if (!bucket_take (admission_bucket (self, arrival->network, now), 1,
                          now))
            return ADMISSION_NETWORK_RATE;
        if (!bucket_take (&self->total, 1, now))
            return ADMISSION_TOTAL_RATE;
        if (arrival->same_network >= limits->per_network)
            return ADMISSION_NETWORK_FULL;
    }
    if (arrival->connections >= limits->descriptors)
        return ADMISSION_DESCRIPTORS;
    return arrival->inbound >= limits->inbound ? ADMISSION_FULL
                                               : ADMISSION_WELCOME;
}

/*~ Eviction. Candidates are sorted by one merit after the other, and the best of
 * each are set aside: they stand behind the end. */

typedef int admission_compare (const void *a, const void *b);

static int
admission_order (int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Each puts the worst first. */

static int
admission_by_group (const void *a, const void *b)
{
    const struct admission_candidate *one = a;
    const struct admission_candidate *other = b;
    if (one->group == other->group)
        return admission_order (other->came.us, one->came.us);
    return one->group > other->group ? 1 : -1;
}

static int
admission_by_ping (const void *a, const void *b)
{
    const struct admission_candidate *one = a;
    const struct admission_candidate *other = b;
    int64_t first = one->ping_us < 0 ? INT64_MAX : one->ping_us;
    int64_t second = other->ping_us < 0 ? INT64_MAX : other->ping_us;
    return admission_order (second, first);
}

static int
admission_by_use (const void *a, const void *b)
{
    const struct admission_candidate *one = a;
    const struct admission_candidate *other = b;
    return admission_order (one->useful.us, other->useful.us);
}

static int
admission_by_age (const void *a, const void *b)
{
    const struct admission_candidate *one = a;
    const struct admission_candidate *other = b;
    return admission_order (other->came.us, one->came.us);
}

static bool
admission_is_pinged (const struct admission_candidate *candidate)
{
    return candidate->ping_us >= 0;
}

static bool
admission_is_useful (const struct admission_candidate *candidate)
{
    return candidate->useful.us > 0;
}

/* Returns how many are left when the best SAFE of COUNT are set aside, those
 * only that have the MERIT (NULL: all have). */
static size_t
admission_spare (struct admission_candidate *candidates, size_t count,
                 size_t safe, admission_compare *order,
                 bool (*merit) (const struct admission_candidate *))
{
    if (count > 0)
        qsort (candidates, count, sizeof *candidates, order);
    while (safe > 0 && count > 0
           && (!merit || merit (&candidates[count - 1]))) {
        count--;
        safe--;
    }
    return count;
}

/* One of each group is safe for the groups whose keyed hashes are highest. The
 * group of a candidate that is set aside is not counted twice. */
static size_t
admission_spare_groups (struct admission_candidate *candidates, size_t count)
{
    if (count > 0)
        qsort (candidates, count, sizeof *candidates, admission_by_group);
    size_t end = count;
    size_t place = count;
    for (size_t safe = 0; safe < ADMISSION_SAFE_GROUPS && place > 0; safe++) {
        struct admission_candidate one = candidates[--place];
        candidates[place] = candidates[--end];
        candidates[end] = one;
        while (place > 0 && candidates[place - 1].group == one.group)
            place--;
    }
    return end;
}

/* Keeps those of COUNT candidates whom WANTED holds for, in front. Returns how
 * many. */
static size_t
admission_pick (struct admission_candidate *candidates, size_t count,
                bool (*wanted) (const struct admission_candidate *))
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (wanted (&candidates[i])) {
            struct admission_candidate one = candidates[kept];
            candidates[kept++] = candidates[i];
            candidates[i] = one;
        }
    return kept;
}

static bool
admission_may_go (const struct admission_candidate *candidate)
{
    return !candidate->noban;
}

static bool
admission_is_suspect (const struct admission_candidate *candidate)
{
    return candidate->suspect;
}

static bool
admission_is_unconfirmed (const struct admission_candidate *candidate)
{
    return !candidate->confirmed;
}

/* Returns the youngest of the group that has most. */
static uint64_t
admission_youngest_of_crowd (struct admission_candidate *candidates,
                             size_t count)
{
    size_t best = 0;
    const struct admission_candidate *victim = NULL;

    qsort (candidates, count, sizeof *candidates, admission_by_group);
    for (size_t first = 0, next; first < count; first = next) {
        const struct admission_candidate *youngest = &candidates[first];
        for (next = first;
             next < count && candidates[next].group == candidates[first].group;
             next++)
            if (candidates[next].came.us > youngest->came.us)
                youngest = &candidates[next];
        if (next - first > best
            || (next - first == best && youngest->came.us > victim->came.us)) {
            best = next - first;
            victim = youngest;
        }
    }
    return victim->id;
}

bool
admission_choose_victim (struct admission_candidate *candidates, size_t count,
                         uint64_t *ret_id)
{
    count = admission_pick (candidates, count, admission_may_go);

    size_t suspects = admission_pick (candidates, count, admission_is_suspect);
    if (suspects > 0) {
        *ret_id = admission_youngest_of_crowd (candidates, suspects);
        return true;
    }
    count = admission_spare_groups (candidates, count);
    count = admission_spare (candidates, count, ADMISSION_SAFE_PINGS,
                             admission_by_ping, admission_is_pinged);
    count = admission_spare (candidates, count, ADMISSION_SAFE_USEFUL,
                             admission_by_use, admission_is_useful);
    count = admission_spare (candidates, count, (count + 1) / 2,
                             admission_by_age, NULL);
    size_t unconfirmed =
        admission_pick (candidates, count, admission_is_unconfirmed);
    if (unconfirmed > 0)
        count = unconfirmed;
    if (count == 0)
        return false;
    *ret_id = admission_youngest_of_crowd (candidates, count);
    return true;
}

bool
admission_bears_suspect (const struct admission *self, bool outbound,
                         size_t suspects)
{
    return suspects < (outbound ? self->limits.unconfirmed_outbound
                                : self->limits.unconfirmed_inbound);
}

size_t
admission_descriptors (uint64_t soft_limit)
{
    uint64_t reserve = ADMISSION_RESERVE;
    if (reserve > soft_limit / 4 * 3)
        reserve = soft_limit / 4 * 3; /* a small limit is shared */
    uint64_t left = soft_limit - reserve;
    return left > SIZE_MAX ? SIZE_MAX : (size_t)left;
}

const char *
admission_name (enum admission_answer answer)
{
    static const char *const names[] = {
#define X(NAME, name, text) name,
        ADMISSION_TABLE (X)
#undef X
    };
    return names[answer];
}

const char *
admission_text (enum admission_answer answer)
{
    static const char *const texts[] = {
#define X(NAME, name, text) text,
        ADMISSION_TABLE (X)
#undef X
    };
    return texts[answer];
}
