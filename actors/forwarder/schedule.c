/* SPDX-License-Identifier: MIT */
/* schedule - which message goes to Commons next, and when.
 *
 *   in   rows of the store; answers; the health probe's answers
 *   out  the next row to send; what becomes of an answered one
 *   owns the window: the first row of each key, per path
 *
 * A message waits for the earlier one of its key on its own path, always; for
 * one on another path only until that was tried once, and not at all while
 * that path does not work: one broken path holds no other.
 *
 * Next on the tour: actors/forwarder/outbox.c
 */
#include "actors/forwarder/schedule.h"

#include <stdlib.h>

#include "actors/forwarder/line.h"

#define NOBODY INT64_MIN
#define NEVER LINE_NEVER

struct path {
    struct line line; /* the window */
    int64_t scanned;  /* every row up to here: in the window, or
                                      behind one of its key, or settled */
    bool exhausted;   /* the store has none after SCANNED */
    size_t in_flight;
    enum path_state state;
    const char *reason;                /* of the state; static */
    unsigned status;                   /* last HTTP status, 0: none */
    struct instant held_until;         /* HELD */
    int64_t trial;                     /* HELD: in flight to try; or NOBODY */
    struct instant pause_until;        /* Retry-After of the whole service */
    int64_t failing[SCHEDULE_CIRCUIT]; /* in a row, all different */
    size_t failing_count;
    uint64_t passed; /* answers that were DONE */
};

struct schedule {
    struct path paths[COMMANDS_];
    size_t turn; /* the path that is looked at first */
    bool probing;
    unsigned probe_failures;
    struct instant probe_at;
};

struct schedule *
schedule_create (void)
{
    struct schedule *schedule = calloc (1, sizeof (*schedule));

    if (schedule == NULL)
        return NULL;
    for (size_t i = 0; i < COMMANDS_; i++) {
        schedule->paths[i].trial = NOBODY;
        schedule->paths[i].reason = "";
        schedule->paths[i].held_until.us = INT64_MIN;
        schedule->paths[i].pause_until.us = INT64_MIN;
    }
    return schedule;
}

void
schedule_destroy (struct schedule **schedule)
{
    if (*schedule == NULL)
        return;
    for (size_t i = 0; i < COMMANDS_; i++)
        line_done (&(*schedule)->paths[i].line);
    free (*schedule);
    *schedule = NULL;
}

void
schedule_more (struct schedule *schedule, enum command command)
{
    schedule->paths[command].exhausted = false;
}

void
schedule_no_more (struct schedule *schedule, enum command command)
{
    schedule->paths[command].exhausted = true;
}

int64_t
schedule_wants_after (const struct schedule *schedule, enum command command)
{
    const struct path *path = &schedule->paths[command];

    return path->exhausted || path->line.count == LINE_MAX_ROWS ? -1
                                                                : path->scanned;
}

static int
path_take (struct path *path, const struct schedule_row *row,
           struct instant now, bool more)
{
    struct line_item *item =
        line_insert (&path->line, row->place, row->public_key,
                     instant_after (now, row->wait_us));

    if (item == NULL)
        return -ENOMEM;
    item->attempts = row->attempts;
    item->more = more;
    return 0;
}

int
schedule_offer (struct schedule *schedule, enum command command,
                const struct schedule_row *row, struct instant now)
{
    struct path *path = &schedule->paths[command];
    struct line_item *earlier = line_find_key (&path->line, row->public_key);

    if (earlier != NULL) {
        earlier->more = true;
        path->scanned = row->place;
        return SCHEDULE_BEHIND;
    }
    if (path->line.count == LINE_MAX_ROWS)
        return SCHEDULE_FULL;

    int rc = path_take (path, row, now, false);
    if (rc != 0)
        return rc;
    path->scanned = row->place;
    return SCHEDULE_TAKEN;
}

/* Whether more of the key was passed over is not known any more: then the
 * store is asked once more than needed. */
int
schedule_offer_next (struct schedule *schedule, enum command command,
                     const struct schedule_row *row, struct instant now)
{
    return path_take (&schedule->paths[command], row, now, true);
}

void
schedule_restart (struct schedule *schedule)
{
    for (size_t i = 0; i < COMMANDS_; i++) {
        struct path *path = &schedule->paths[i];
        for (size_t j = path->line.count; j-- > 0;) {
            if (path->line.slots[j].ready_us == NEVER)
                path->line.slots[j].item->more = true;
            else
                line_remove (&path->line, j);
        }
        path->scanned = 0;
        path->exhausted = false;
    }
}

static bool
path_works (const struct path *path, struct instant now)
{
    return path->state == PATH_OPEN && instant_reached (now, path->pause_until);
}

/* Returns true while an earlier message of ITEM's key, on another path that
 * works, was not tried yet: a vote goes after its registration. */
static bool
waits_for_other_path (const struct schedule *schedule, const struct path *own,
                      const struct line_item *item, struct instant now)
{
    for (size_t i = 0; i < COMMANDS_; i++) {
        const struct path *path = &schedule->paths[i];
        if (path == own || path->line.count == 0 || !path_works (path, now))
            continue;
        const struct line_item *other =
            line_find_key (&path->line, item->public_key);
        if (other != NULL && other->place < item->place && other->attempts == 0)
            return true;
    }
    return false;
}

/* Returns true when the state of PATH lets one more go. */
static bool
path_admits (const struct path *path, struct instant now)
{
    if (path->in_flight >= SCHEDULE_IN_FLIGHT_MAX
        || !instant_reached (now, path->pause_until))
        return false;
    switch (path->state) {
    case PATH_OPEN:
        return true;
    case PATH_HELD:
        return path->trial == NOBODY && instant_reached (now, path->held_until);
    case PATH_BROKEN:
    case PATH_STATES_:
        break;
    }
    return false;
}

/* Returns the slot to send from, or NULL. First come, first served; but who
 * tries a held path is whoever was tried least, so that one message that a
 * proxy dislikes does not hold all others for ever. */
static struct line_slot *
path_pick (const struct schedule *schedule, struct path *path,
           struct instant now)
{
    struct line_slot *best = NULL;

    if (!path_admits (path, now))
        return NULL;
    for (size_t i = 0; i < path->line.count; i++) {
        struct line_slot *slot = &path->line.slots[i];
        if (slot->ready_us > now.us
            || waits_for_other_path (schedule, path, slot->item, now))
            continue;
        if (path->state == PATH_OPEN)
            return slot;
        if (best == NULL || slot->item->attempts < best->item->attempts)
            best = slot;
    }
    return best;
}

bool
schedule_next (struct schedule *schedule, struct instant now,
               enum command *ret_command, int64_t *ret_place)
{
    for (size_t i = 0; i < COMMANDS_; i++) {
        size_t command = (schedule->turn + i) % COMMANDS_;
        struct path *path = &schedule->paths[command];
        struct line_slot *slot = path_pick (schedule, path, now);
        if (slot == NULL)
            continue;
        slot->ready_us = NEVER;
        path->in_flight++;
        if (path->state == PATH_HELD)
            path->trial = slot->item->place;
        schedule->turn = command + 1;
        *ret_command = (enum command)command;
        *ret_place = slot->item->place;
        return true;
    }
    return false;
}

static void
path_set_state (struct path *path, enum path_state state, const char *reason)
{
    path->state = state;
    path->reason = reason;
    path->trial = NOBODY;
    path->failing_count = 0;
}

static void
path_hold (struct path *path, const char *reason, struct instant now)
{
    path_set_state (path, PATH_HELD, reason);
    path->held_until = instant_after (now, SCHEDULE_HOLD_US);
}

/* Opens the circuit. The first probe follows within a second; a storm of
 * relays that all lost Commons at once is spread by RANDOM. */
static void
path_break (struct schedule *schedule, struct path *path, const char *reason,
            struct instant now, uint64_t random)
{
    bool first = !schedule->probing;

    for (size_t i = 0; i < COMMANDS_; i++)
        first = first && schedule->paths[i].state != PATH_BROKEN;
    path_set_state (path, PATH_BROKEN, reason);
    if (!first)
        return;
    schedule->probe_failures = 0;
    schedule->probe_at = instant_after (now, delivery_backoff_us (1, random));
}

/* Counts NAME among the failures in a row of PATH, and opens the circuit at
 * the fifth different one. */
static void
path_count_failure (struct schedule *schedule, struct path *path, int64_t name,
                    const char *reason, struct instant now, uint64_t random)
{
    for (size_t i = 0; i < path->failing_count; i++)
        if (path->failing[i] == name)
            return;
    path->failing[path->failing_count++] = name;
    if (path->failing_count == SCHEDULE_CIRCUIT)
        path_break (schedule, path, reason, now, random);
}

/* What an answer says about the path that NAME went on. Only an open path is
 * closed by it, and only the trial of a held one opens it: what was sent
 * before the path was held says nothing about now. */
static void
path_answered (struct schedule *schedule, struct path *path, int64_t name,
               enum delivery_action action, const struct delivery *delivery,
               struct instant now, uint64_t random)
{
    bool settled = action == DELIVERY_DONE || action == DELIVERY_DEAD;

    path->status = delivery->status;
    path->passed += action == DELIVERY_DONE;
    /* "Come again in a while" is about the whole service, except `future`,
     * which is about one message (and no failure of Commons). */
    if (delivery->retry_after_us > 0 && delivery->status != 425) {
        struct instant until = instant_after (now, delivery->retry_after_us);
        if (until.us > path->pause_until.us)
            path->pause_until = until;
    }
    if (path->state == PATH_HELD && path->trial == name) {
        if (settled)
            path_set_state (path, PATH_OPEN, "");
        else
            path_hold (path, delivery->reason, now);
        return;
    }
    if (path->state != PATH_OPEN)
        return;
    if (settled)
        path->failing_count = 0;
    else if (action == DELIVERY_HOLD)
        path_hold (path, delivery->reason, now);
    else if (delivery->status != 425)
        path_count_failure (schedule, path, name, delivery->reason, now,
                            random);
}

/* PROTOCOL 6.2: "a message that got 500 eight times while others of its path
 * passed". */
static bool
item_is_poison (struct line_item *item, const struct path *path,
                const struct delivery *delivery)
{
    if (delivery->status != 500)
        return false;
    if (item->server_errors++ == 0)
        item->passed_error = path->passed;
    return item->server_errors >= SCHEDULE_POISON
           && path->passed > item->passed_error;
}

/* Returns true when ITEM was held before and others have passed since: then it
 * is the message, not the path, and it alone waits, longer each time. Else one
 * text that a proxy dislikes would hold every vote. */
static bool
item_is_alone (struct line_item *item, const struct path *path)
{
    bool alone = item->holds > 0 && path->passed > item->passed_hold;

    item->holds = alone || item->holds == 0 ? item->holds + 1 : item->holds;
    item->passed_hold = path->passed;
    return alone;
}

static int64_t
hold_wait_us (unsigned holds)
{
    int64_t wait_us = SCHEDULE_HOLD_US;
    int64_t cap_us = DELIVERY_RETRY_AFTER_MAX_S * SECOND_US;

    while (holds-- > 1 && wait_us < cap_us)
        wait_us *= 2;
    return wait_us < cap_us ? wait_us : cap_us;
}

static int64_t
retry_wait_us (unsigned retries, const struct delivery *delivery,
               uint64_t random)
{
    int64_t wait_us = delivery_backoff_us (retries, random);

    return wait_us > delivery->retry_after_us ? wait_us
                                              : delivery->retry_after_us;
}

struct schedule_fate
schedule_answered (struct schedule *schedule, enum command command,
                   int64_t place, const struct delivery *delivery,
                   struct instant now, uint64_t random)
{
    struct path *path = &schedule->paths[command];
    struct line_item *item = line_slot (&path->line, place)->item;
    struct schedule_fate fate = {
        .action = delivery->action,
        .reason = delivery->reason,
        .attempts = ++item->attempts,
    };
    bool alone = false;

    if (delivery->action == DELIVERY_RETRY) {
        fate.wait_us = retry_wait_us (++item->retries, delivery, random);
        if (item_is_poison (item, path, delivery)) {
            fate.action = DELIVERY_DEAD;
            fate.reason = "poison";
            fate.wait_us = 0;
        }
    } else if (delivery->action == DELIVERY_HOLD) {
        alone = item_is_alone (item, path);
        fate.wait_us = hold_wait_us (item->holds);
    }
    item->ready = instant_after (now, fate.wait_us);
    /* A poisoned message proves nothing about its path, one that waits alone
     * neither; but a trial is over in any case. */
    if (!alone || path->trial == place)
        path_answered (schedule, path, place, delivery->action, delivery, now,
                       random);
    return fate;
}

bool
schedule_settle (struct schedule *schedule, enum command command, int64_t place,
                 const struct schedule_fate *fate,
                 char ret_key[PUBLIC_KEY_TEXT_MAX + 1])
{
    struct path *path = &schedule->paths[command];
    struct line_slot *slot = line_slot (&path->line, place);
    bool more = slot->item->more;

    assert (slot->ready_us == NEVER && path->in_flight > 0);
    path->in_flight--;
    if (path->trial == place)
        path->trial = NOBODY; /* it was settled without an answer */
    if (fate->action == DELIVERY_RETRY || fate->action == DELIVERY_HOLD) {
        slot->ready_us = slot->item->ready.us;
        return false;
    }
    memcpy (ret_key, slot->item->public_key, sizeof (slot->item->public_key));
    line_remove (&path->line, (size_t)(slot - path->line.slots));
    return more;
}

void
schedule_put_back (struct schedule *schedule, enum command command,
                   int64_t place, struct instant when)
{
    struct path *path = &schedule->paths[command];
    struct line_slot *slot = line_slot (&path->line, place);

    assert (slot->ready_us == NEVER && path->in_flight > 0);
    path->in_flight--;
    slot->item->ready = when;
    slot->ready_us = when.us;
    if (path->trial == place)
        path->trial = NOBODY;
}

bool
schedule_may_ask (struct schedule *schedule, int64_t name, struct instant now)
{
    struct path *path = &schedule->paths[COMMAND_ECONSTATUS];

    /* How many go at once is the caller's affair: they are not in line. */
    if (!path_admits (path, now))
        return false;
    if (path->state == PATH_HELD)
        path->trial = name;
    return true;
}

void
schedule_asked (struct schedule *schedule, int64_t name,
                const struct delivery *delivery, struct instant now,
                uint64_t random)
{
    path_answered (schedule, &schedule->paths[COMMAND_ECONSTATUS], name,
                   delivery->action, delivery, now, random);
}

void
schedule_not_asked (struct schedule *schedule, int64_t name)
{
    struct path *path = &schedule->paths[COMMAND_ECONSTATUS];

    if (path->trial == name)
        path->trial = NOBODY;
}

bool
schedule_probe_due (struct schedule *schedule, struct instant now)
{
    bool broken = false;

    for (size_t i = 0; i < COMMANDS_; i++)
        broken = broken || schedule->paths[i].state == PATH_BROKEN;
    if (!broken || schedule->probing
        || !instant_reached (now, schedule->probe_at))
        return false;
    schedule->probing = true;
    return true;
}

/* A health page that is not there must not keep the circuit open for ever: the
 * paths are held then, and a message tries every 30 s. */
void
schedule_probed (struct schedule *schedule, const struct delivery *delivery,
                 struct instant now, uint64_t random)
{
    int64_t wait_us;

    schedule->probing = false;
    for (size_t i = 0; i < COMMANDS_; i++) {
        struct path *path = &schedule->paths[i];
        if (path->state != PATH_BROKEN)
            continue;
        if (delivery->action == DELIVERY_DONE)
            path_set_state (path, PATH_OPEN, "");
        else if (delivery->action == DELIVERY_HOLD)
            path_hold (path, delivery->reason, now);
    }
    if (delivery->action != DELIVERY_RETRY) {
        schedule->probe_failures = 0;
        return;
    }
    wait_us = retry_wait_us (++schedule->probe_failures, delivery, random);
    if (wait_us > SCHEDULE_PROBE_CAP_US && wait_us > delivery->retry_after_us)
        wait_us = SCHEDULE_PROBE_CAP_US;
    schedule->probe_at = instant_after (now, wait_us);
}

enum path_state
schedule_path_state (const struct schedule *schedule, enum command command)
{
    return schedule->paths[command].state;
}

const char *
schedule_path_reason (const struct schedule *schedule, enum command command,
                      unsigned *ret_status)
{
    *ret_status = schedule->paths[command].status;
    return schedule->paths[command].reason;
}

size_t
schedule_in_flight (const struct schedule *schedule)
{
    size_t count = 0;

    for (size_t i = 0; i < COMMANDS_; i++)
        count += schedule->paths[i].in_flight;
    return count;
}

/* Returns when PATH may have something to send that it has not now. What is
 * ready and was not sent waits for an answer, not for a time. */
static int64_t
path_deadline_us (const struct path *path, struct instant now)
{
    int64_t gate_us = path->pause_until.us;
    int64_t first_us = NEVER;
    bool waiting = false;

    if (path->state == PATH_BROKEN || path->trial != NOBODY
        || path->in_flight >= SCHEDULE_IN_FLIGHT_MAX)
        return NEVER;
    if (path->state == PATH_HELD && path->held_until.us > gate_us)
        gate_us = path->held_until.us;
    for (size_t i = 0; i < path->line.count; i++) {
        int64_t ready_us = path->line.slots[i].ready_us;
        if (ready_us <= now.us)
            waiting = true;
        else if (ready_us < first_us)
            first_us = ready_us;
    }
    if (gate_us <= now.us)
        return first_us;
    return waiting || first_us <= gate_us ? gate_us : first_us;
}

struct instant
schedule_deadline (const struct schedule *schedule, struct instant now)
{
    int64_t deadline_us = NEVER;
    bool broken = false;

    for (size_t i = 0; i < COMMANDS_; i++) {
        int64_t path_us = path_deadline_us (&schedule->paths[i], now);
        deadline_us = path_us < deadline_us ? path_us : deadline_us;
        broken = broken || schedule->paths[i].state == PATH_BROKEN;
    }
    if (broken && !schedule->probing && schedule->probe_at.us < deadline_us)
        deadline_us = schedule->probe_at.us;
    return (struct instant){.us = deadline_us};
}
