/* SPDX-License-Identifier: MIT */
/* forwarder_http_actor - from the disk to Commons, and its answers.
 *
 *   in   rows that the schedule lets go; status queries; HTTP answers
 *   out  HTTP requests; the fate of each message, to be recorded
 *   owns what is under way
 *
 * Next on the tour: actors/receiver/receiver_actor.c
 */
#include <stdlib.h>

#include "actors/forwarder/forwarder_actor.h"

#define FORWARDER_SCAN 64     /* rows read from the outbox at a time */
#define FORWARDER_SCANS_MAX 4 /* of each path, in one turn */

/* What an HTTP request was for: a kind and a number. */
#define TAG_SENDING 0u
#define TAG_ASK 0x10000u
#define TAG_PROBE 0x20000u
#define TAG_KIND 0xffff0000u

static_assert (FORWARDER_SENDINGS_MAX + ASKS_MAX + 1 <= HTTP_REQUESTS_MAX,
               "every request has an exchange");

/* Nobody knows, because we cannot ask more. Without credit gossip's own
 * time-out says the same. */
static void
forwarder_decline (struct forwarder_actor *self, const struct gov_id *name)
{
    struct link_message message = {
        .id = MESSAGE_STATUS_ASK_REPLY,
        .status_ask = {.name = *name},
    };

    link_send (self->status, link_first_peer (self->status), &message);
}

void
forwarder_on_ask (struct forwarder_actor *self,
                  const struct link_status_ask *question)
{
    struct ask *ask =
        asks_add (&self->asks, &question->name, question->payload);

    if (ask == NULL) {
        forwarder_decline (self, &question->name);
        return;
    }
    ask->number = (int64_t)++self->asked;
    if (self->draining
        || !schedule_may_ask (self->schedule, ask->number,
                              self->actor.now.mono)) {
        ask_answer (ask, bytes_of (NULL, 0));
        return;
    }
    uint32_t tag = TAG_ASK | (uint32_t)(ask - self->asks.asks);
    if (http_client_post (self->http, COMMAND_ECONSTATUS, &ask->name,
                          buffer_bytes (&ask->query), tag, self->actor.now.mono)
        != 0) {
        schedule_not_asked (self->schedule, ask->number);
        ask_answer (ask, bytes_of (NULL, 0));
    }
}

static void
forwarder_on_sending_answer (struct forwarder_actor *self,
                             struct sending *sending,
                             const struct delivery_answer *answer)
{
    sending->delivery = delivery_judge (
        sending->command, buffer_bytes (&sending->letter.payload), answer,
        moment_unix_s (self->actor.now));
    sending->fate = schedule_answered (self->schedule, sending->command,
                                       sending->place, &sending->delivery,
                                       self->actor.now.mono, random_u64 ());
    if (sending->fate.action == DELIVERY_DEAD) {
        sending->excerpt = malloc (4 * DELIVERY_EXCERPT_MAX + 1);
        if (sending->excerpt != NULL)
            delivery_excerpt (answer->body, sending->excerpt);
    }
    sending->judged = true;
    self->judged_count++;
}

static void
forwarder_on_ask_answer (struct forwarder_actor *self, struct ask *ask,
                         const struct delivery_answer *answer)
{
    struct delivery delivery =
        delivery_judge (COMMAND_ECONSTATUS, buffer_bytes (&ask->query), answer,
                        moment_unix_s (self->actor.now));

    schedule_asked (self->schedule, ask->number, &delivery,
                    self->actor.now.mono, random_u64 ());
    ask_answer (ask, delivery.action == DELIVERY_DONE ? answer->body
                                                      : bytes_of (NULL, 0));
}

static void
forwarder_on_probe_answer (struct forwarder_actor *self,
                           const struct delivery_answer *answer)
{
    struct delivery delivery =
        delivery_judge_health (answer, moment_unix_s (self->actor.now));

    schedule_probed (self->schedule, &delivery, self->actor.now.mono,
                     random_u64 ());
}

void
forwarder_collect (struct forwarder_actor *self)
{
    struct http_answer answer;

    while (http_client_next (self->http, &answer)) {
        uint32_t number = answer.tag & ~TAG_KIND;
        self->last_status = answer.answer.status;
        switch (answer.tag & TAG_KIND) {
        case TAG_SENDING:
            forwarder_on_sending_answer (self, &self->sendings[number],
                                         &answer.answer);
            break;
        case TAG_ASK:
            forwarder_on_ask_answer (self, &self->asks.asks[number],
                                     &answer.answer);
            break;
        case TAG_PROBE:
            forwarder_on_probe_answer (self, &answer.answer);
            break;
        default:
            assert (false);
        }
    }
}

/* Reads rows of COMMAND into the schedule. Returns true when there may be more
 * that it wants. */
static bool
forwarder_scan (struct forwarder_actor *self, enum command command)
{
    struct outbox_row rows[FORWARDER_SCAN];
    int64_t after = schedule_wants_after (self->schedule, command);

    if (after < 0)
        return false;
    int count =
        outbox_scan (self->outbox, command, after, rows, FORWARDER_SCAN);
    int rc = count;
    for (int i = 0; rc >= 0 && i < count; i++) {
        struct schedule_row row = forwarder_schedule_row (self, &rows[i]);
        rc = schedule_offer (self->schedule, command, &row,
                             self->actor.now.mono);
        if (rc == SCHEDULE_FULL)
            return false;
    }
    if (rc < 0) {
        forwarder_disk_failed (self, rc);
        return false;
    }
    if (count < FORWARDER_SCAN)
        schedule_no_more (self->schedule, command);
    return count == FORWARDER_SCAN;
}

static void
forwarder_fill (struct forwarder_actor *self)
{
    self->scan_left = false;
    for (int i = 0; i < FORWARDER_PATHS; i++) {
        bool more = true;
        for (int j = 0; more && j < FORWARDER_SCANS_MAX; j++)
            more = forwarder_scan (self, (enum command)i);
        self->scan_left = self->scan_left || more;
    }
}

static struct sending *
forwarder_new_sending (struct forwarder_actor *self)
{
    struct sending *sending = self->sendings;

    while (sending->used)
        sending++; /* the schedule lets go no more than there are */
    assert (sending < self->sendings + FORWARDER_SENDINGS_MAX);
    sending->used = true;
    self->sendings_count++;
    return sending;
}

static void
forwarder_put_off (struct forwarder_actor *self, enum command command,
                   int64_t place)
{
    schedule_put_back (
        self->schedule, command, place,
        instant_after (self->actor.now.mono, FORWARDER_DISK_RETRY_US));
}

/* The row cannot be read: it goes to the dead letters as it is. */
static void
forwarder_bury_unreadable (struct forwarder_actor *self, enum command command,
                           int64_t place)
{
    struct sending *sending = forwarder_new_sending (self);

    sending->command = command;
    sending->place = place;
    sending->fate =
        (struct schedule_fate){.action = DELIVERY_DEAD, .reason = "unreadable"};
    sending->judged = true;
    self->judged_count++;
}

static void
forwarder_post (struct forwarder_actor *self, enum command command,
                int64_t place, const struct outbox_letter *letter)
{
    struct sending *sending = forwarder_new_sending (self);
    uint32_t tag = TAG_SENDING | (uint32_t)(sending - self->sendings);

    sending->command = command;
    sending->place = place;
    sending->letter = *letter;
    if (http_client_post (self->http, command, &letter->id,
                          buffer_bytes (&sending->letter.payload), tag,
                          self->actor.now.mono)
        == 0)
        return;
    forwarder_free_sending (self, sending);
    forwarder_put_off (self, command, place);
}

static void
forwarder_send_row (struct forwarder_actor *self, enum command command,
                    int64_t place)
{
    static const struct schedule_fate taken_out = {.action = DELIVERY_DONE};
    struct outbox_letter letter;
    int rc = outbox_load (self->outbox, place, &letter);

    switch (rc) {
    case 0:
        forwarder_post (self, command, place, &letter);
        return;
    case -ENOENT: /* an operator took it out */
        forwarder_settle (self, command, place, &taken_out);
        return;
    case -EBADMSG:
        forwarder_bury_unreadable (self, command, place);
        return;
    default:
        forwarder_put_off (self, command, place);
        forwarder_disk_failed (self, rc);
        return;
    }
}

void
forwarder_send (struct forwarder_actor *self)
{
    struct instant now = self->actor.now.mono;
    enum command command;
    int64_t place;

    forwarder_fill (self);
    while (self->disk_error == 0 && self->fatal == 0
           && schedule_next (self->schedule, now, &command, &place))
        forwarder_send_row (self, command, place);
    if (!schedule_probe_due (self->schedule, now))
        return;
    self->probes++;
    if (http_client_get_health (self->http, TAG_PROBE, now) != 0) {
        struct delivery failed = {.action = DELIVERY_RETRY, .reason = "memory"};
        schedule_probed (self->schedule, &failed, now, random_u64 ());
    }
}

void
forwarder_abort (struct forwarder_actor *self)
{
    http_client_abort (self->http);
    for (size_t i = 0; i < FORWARDER_SENDINGS_MAX; i++)
        if (self->sendings[i].used)
            forwarder_free_sending (self, &self->sendings[i]);
    asks_done (&self->asks);
}
