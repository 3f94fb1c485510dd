/* SPDX-License-Identifier: MIT */
/* verifier - does this say what its key signed?
 *
 *   in   frames    from ingress: an untrusted payload
 *        verified  back from dedup: the verdict on what we proved; the floor
 *        status    back from gossip: what becomes of a status message
 *   out  frames    back: the verdict
 *        verified  to dedup: a message whose signature holds
 *        status    to gossip: a status query or response in good form
 *   owns nothing that lasts
 *
 * A frame that waits for dedup or gossip keeps its credit on `frames`, so that
 * what is in hand is bounded by what we gave. What dedup has no credit for, or
 * what comes while it is away, waits here as a copy. What dedup had in hand
 * when it went away is dropped without an answer: ingress owns each frame until
 * its verdict and sends it again after 2 s, no later than we could know.
 *
 * Next on the tour: actors/dedup/dedup.c
 */
#include <jansson.h>
#include <stdlib.h>

#include "actors/actor.h"
#include "actors/verifier/inhand.h"
#include "actors/verifier/verifier.h"
#include "supervisor/log.h"

#define VERIFIER_REASON_MAX 128 /* our own words */

/* A message that dedup did not take yet, the bytes behind the struct. */
struct verifier_waiting {
    struct verifier_waiting *next; /* owned */
    struct inhand_frame frame;
    struct link_verified message; /* views point behind; no ticket yet */
};

struct verifier_actor {
    struct actor actor;
    struct link *frames;              /* borrowed from the actor */
    struct link *verified;            /* borrowed from the actor */
    struct link *status;              /* borrowed from the actor */
    struct verifier *verifier;        /* owned */
    struct inhand *sent;              /* with dedup; owned */
    struct inhand *asked;             /* with gossip; owned */
    struct verifier_waiting *waiting; /* oldest first; owned */
    struct verifier_waiting **waiting_end;
    size_t waiting_count;
    uint64_t proven;              /* messages whose signature held */
    uint64_t unanswered;          /* left to ingress to send again */
    uint64_t verdicts[VERDICTS_]; /* one counter each */
};

/* Tells the ingress that owns FRAME its verdict, and takes new frames for
 * it. */
static void
verifier_answer (struct verifier_actor *self, const struct inhand_frame *frame,
                 enum verdict verdict)
{
    bool is_known = verdict == VERDICT_ACCEPTED || verdict == VERDICT_DUPLICATE;
    struct link_message reply = {
        .id = MESSAGE_FRAME_REPLY,
        .frame_reply = {.ticket = frame->ticket,
                        .verdict = verdict,
                        .has_id = frame->has_id && is_known},
    };

    if (reply.frame_reply.has_id)
        reply.frame_reply.id = frame->id;
    self->verdicts[verdict]++;
    /* Lost for want of memory, it is asked for again. */
    link_send (self->frames, frame->peer, &reply);
}

/* As verifier_answer, for a frame that was LINK_HELD. */
static void
verifier_finish (struct verifier_actor *self, const struct inhand_frame *frame,
                 enum verdict verdict)
{
    verifier_answer (self, frame, verdict);
    link_release (self->frames, frame->peer, frame->size);
}

/* As verifier_finish, without a word. */
static void
verifier_drop (struct verifier_actor *self, const struct inhand_frame *frame)
{
    self->unanswered++;
    link_release (self->frames, frame->peer, frame->size);
}

/* PROTOCOL 5.8: neither the peer nor its address is in what is shown. */
static void
verifier_show (struct verifier_actor *self, enum topic topic,
               const struct link_frame *frame, enum verdict verdict,
               const struct verifier_finding *finding)
{
    char reason[VERIFIER_REASON_MAX];

    if (!tap_wants (self->actor.tap, topic))
        return;
    struct moment now = moment_now ();
    struct tap_event event = {
        .topic = topic,
        .command = frame->command,
        .id = finding->has_id ? &finding->id : NULL,
        .has_verdict = verdict != VERDICT_ACCEPTED,
        .verdict = verdict,
        .message = frame->payload,
        .numbers = {{"us_since_ingress", now.unix_us - frame->received_us}},
    };
    if (verdict != VERDICT_ACCEPTED) {
        snprintf (reason, sizeof reason, "PROTOCOL %s: %s", finding->why.clause,
                  finding->why.what);
        event.reason = reason;
    }
    tap_show (self->actor.tap, &event, now);
}

static enum link_use
verifier_refuse (struct verifier_actor *self, const struct link_frame *frame,
                 const struct inhand_frame *held, enum verdict verdict,
                 const struct verifier_finding *finding)
{
    bool is_ignored = verdict_class (verdict) == VERDICT_IGNORE;

    verifier_answer (self, held, verdict);
    verifier_show (
        self, is_ignored ? TOPIC_VERIFIER_IGNORED : TOPIC_VERIFIER_REJECTED,
        frame, verdict, finding);
    return LINK_DONE;
}

/* Sends MESSAGE to whoever is at the other end of LINK, and notes in TABLE that
 * FRAME waits for the answer. TICKET is where MESSAGE has its ticket. Returns
 * 0; -EAGAIN, nobody is there or there is no credit; -ENOMEM. */
static int
verifier_pass_on (struct link *link, struct inhand *table,
                  const struct inhand_frame *frame,
                  struct link_message *message, uint64_t *ticket)
{
    struct link_peer *peer = link_first_peer (link);

    if (peer == NULL)
        return -EAGAIN;
    int rc = inhand_add (table, frame, ticket);
    if (rc != 0)
        return rc;
    rc = link_send (link, peer, message);
    if (rc != 0)
        inhand_remove (table, *ticket);
    return rc;
}

static int
verifier_send (struct verifier_actor *self, const struct inhand_frame *frame,
               const struct link_verified *verified)
{
    struct link_message message = {.id = MESSAGE_VERIFIED,
                                   .verified = *verified};

    return verifier_pass_on (self->verified, self->sent, frame, &message,
                             &message.verified.ticket);
}

/* Keeps a copy of VERIFIED until dedup takes it. */
static int
verifier_keep (struct verifier_actor *self, const struct inhand_frame *frame,
               const struct link_verified *verified)
{
    size_t key = verified->public_key.size;
    size_t payload = verified->payload.size;
    struct verifier_waiting *waiting = malloc (sizeof *waiting + key + payload);
    if (waiting == NULL)
        return -ENOMEM;

    uint8_t *bytes = (uint8_t *)(waiting + 1);
    memcpy (bytes, verified->public_key.data, key);
    memcpy (bytes + key, verified->payload.data, payload);
    *waiting = (struct verifier_waiting){.frame = *frame, .message = *verified};
    waiting->message.public_key = bytes_of (bytes, key);
    waiting->message.payload = bytes_of (bytes + key, payload);
    *self->waiting_end = waiting;
    self->waiting_end = &waiting->next;
    self->waiting_count++;
    return 0;
}

/* Takes the one that *PLACE leads to off the list. */
static void
verifier_forget_waiting (struct verifier_actor *self,
                         struct verifier_waiting **place)
{
    struct verifier_waiting *waiting = *place;

    *place = waiting->next;
    if (self->waiting_end == &waiting->next)
        self->waiting_end = place;
    self->waiting_count--;
    free (waiting);
}

static enum link_use
verifier_on_proven (struct verifier_actor *self, const struct link_frame *frame,
                    const struct inhand_frame *held,
                    const struct verified_message *message)
{
    struct link_verified verified = {
        .group = frame->group,
        .command = message->command,
        .local = frame->local,
        .received_us = frame->received_us,
        .timestamp = message->timestamp,
        .id = message->id,
        .public_key = bytes_of_text (message->public_key),
        .payload = message->payload,
    };
    /* First come, first served: nobody overtakes those who wait. */
    int rc =
        self->waiting != NULL ? -EAGAIN : verifier_send (self, held, &verified);

    self->proven++;
    if (rc != 0)
        rc = verifier_keep (self, held, &verified);
    if (rc == 0)
        return LINK_HELD;
    self->unanswered++;
    return LINK_DONE;
}

static enum link_use
verifier_on_status (struct verifier_actor *self, const struct link_frame *frame,
                    const struct inhand_frame *held,
                    struct verifier_finding *finding)
{
    struct link_message message = {
        .id = MESSAGE_STATUS,
        .status = {.peer = frame->peer,
                   .response = finding->is_response,
                   .name = finding->status,
                   .payload = frame->payload},
    };
    int rc = verifier_pass_on (self->status, self->asked, held, &message,
                               &message.status.ticket);
    if (rc == 0)
        return LINK_HELD;
    finding->why = (struct refusal){
        .verdict = VERDICT_BUSY, .clause = "5.6", .what = "status"};
    return verifier_refuse (self, frame, held, VERDICT_BUSY, finding);
}

static enum link_use
verifier_on_frame (struct verifier_actor *self, struct link_peer *peer,
                   const struct link_frame *frame, size_t size)
{
    struct verifier_finding finding;
    enum verdict verdict =
        verifier_judge (self->verifier, frame->command, frame->payload,
                        moment_unix_s (self->actor.now), &finding);
    struct inhand_frame held = {.peer = peer,
                                .ticket = frame->ticket,
                                .size = size,
                                .has_id = finding.has_id,
                                .id = finding.id};

    if (verdict != VERDICT_ACCEPTED)
        return verifier_refuse (self, frame, &held, verdict, &finding);
    if (finding.is_status)
        return verifier_on_status (self, frame, &held, &finding);
    verifier_show (self, TOPIC_VERIFIER_VERIFIED, frame, verdict, &finding);
    return verifier_on_proven (self, frame, &held, &finding.message);
}

/* An answer to a TICKET that is not there: its ingress is gone. */
static void
verifier_on_reply (struct verifier_actor *self, struct inhand *table,
                   uint64_t ticket, enum verdict verdict)
{
    const struct inhand_frame *found = inhand_find (table, ticket);
    if (found == NULL)
        return;
    struct inhand_frame frame = *found;
    inhand_remove (table, ticket);
    if (table == self->sent
        && (verdict == VERDICT_ACCEPTED || verdict == VERDICT_DUPLICATE))
        verifier_learn (self->verifier, &frame.id);
    verifier_finish (self, &frame, verdict);
}

static enum link_use
verifier_on_message (void *data, struct link *link, struct link_peer *peer,
                     const struct link_message *message, size_t size)
{
    struct verifier_actor *self = data;

    if (link == self->frames && message->id == MESSAGE_FRAME)
        return verifier_on_frame (self, peer, &message->frame, size);
    if (link == self->verified && message->id == MESSAGE_VERIFIED_REPLY)
        verifier_on_reply (self, self->sent, message->verified_reply.ticket,
                           message->verified_reply.verdict);
    else if (link == self->verified && message->id == MESSAGE_FLOOR)
        verifier_set_floor (self->verifier, message->floor.floor_s);
    else if (link == self->status && message->id == MESSAGE_STATUS_REPLY)
        verifier_on_reply (self, self->asked, message->status_reply.ticket,
                           message->status_reply.verdict);
    else
        log_broken ("VERIFIER-MESSAGE", "link=%s message=%s peer=%s",
                    link_id_name (link_id (link)),
                    message_id_name (message->id), link_peer_name (peer));
    return LINK_DONE;
}

/* Forgets all of TABLE that PEER, an ingress, waits for. */
static void
verifier_forget_peer (struct inhand *table, const struct link_peer *peer)
{
    uint64_t ticket;

    for (size_t place = 0; inhand_next (table, &place, &ticket);) {
        if (inhand_find (table, ticket)->peer == peer)
            inhand_remove (table, ticket);
    }
}

static void
verifier_on_ingress_down (struct verifier_actor *self,
                          const struct link_peer *peer)
{
    struct verifier_waiting **place = &self->waiting;

    verifier_forget_peer (self->sent, peer);
    verifier_forget_peer (self->asked, peer);
    while (*place != NULL) {
        if ((*place)->frame.peer == peer)
            verifier_forget_waiting (self, place);
        else
            place = &(*place)->next;
    }
}

static void
verifier_on_down (void *data, struct link *link, struct link_peer *peer)
{
    struct verifier_actor *self = data;
    uint64_t ticket;

    if (link == self->frames) {
        verifier_on_ingress_down (self, peer);
        return;
    }
    struct inhand *table = link == self->verified ? self->sent : self->asked;
    for (size_t place = 0; inhand_next (table, &place, &ticket);) {
        struct inhand_frame frame = *inhand_find (table, ticket);
        inhand_remove (table, ticket);
        if (table == self->sent)
            verifier_drop (self, &frame);
        else
            verifier_finish (self, &frame, VERDICT_BUSY);
    }
}

static int
verifier_turn (void *data)
{
    struct verifier_actor *self = data;

    while (
        self->waiting != NULL
        && verifier_send (self, &self->waiting->frame, &self->waiting->message)
               == 0)
        verifier_forget_waiting (self, &self->waiting);
    return 0;
}

static bool
verifier_is_busy (void *data)
{
    const struct verifier_actor *self = data;
    return self->waiting != NULL || inhand_count (self->sent) > 0
           || inhand_count (self->asked) > 0;
}

static json_t *
verifier_stats (void *data)
{
    const struct verifier_actor *self = data;
    json_t *object = json_object ();

    for (int i = 0; i < VERDICTS_; i++)
        json_object_set_new (object, verdict_name ((enum verdict)i),
                             json_integer ((json_int_t)self->verdicts[i]));
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"verified", self->proven},
        {"waiting", self->waiting_count},
        {"in_hand", inhand_count (self->sent) + inhand_count (self->asked)},
        {"unanswered", self->unanswered},
    };
    for (size_t i = 0; i < ARRAY_SIZE (numbers); i++)
        json_object_set_new (object, numbers[i].name,
                             json_integer ((json_int_t)numbers[i].value));
    return object;
}

static const struct actor_stage verifier_stage = {
    .link = {.down = verifier_on_down, .message = verifier_on_message},
    .turn = verifier_turn,
    .busy = verifier_is_busy,
    .stats = verifier_stats,
};

static int
verifier_open (struct verifier_actor *self)
{
    struct verifier_options options = {
        .allow_keys = &self->actor.config->verifier_allow_keys,
        .deny_keys = &self->actor.config->verifier_deny_keys,
        .seed = random_u64 (),
    };

    self->waiting_end = &self->waiting;
    self->verifier = verifier_create (&options);
    self->sent = inhand_create ();
    self->asked = inhand_create ();
    if (self->verifier == NULL || self->sent == NULL || self->asked == NULL)
        return -ENOMEM;
    /* Those who are asked first: a frame that comes finds them there. */
    int rc = actor_open_link (&self->actor, LINK_VERIFIED, &verifier_stage,
                              self, &self->verified);
    if (rc == 0)
        rc = actor_open_link (&self->actor, LINK_STATUS, &verifier_stage, self,
                              &self->status);
    if (rc == 0)
        rc = actor_open_link (&self->actor, LINK_FRAMES, &verifier_stage, self,
                              &self->frames);
    return rc;
}

static void
verifier_close (struct verifier_actor *self)
{
    while (self->waiting != NULL)
        verifier_forget_waiting (self, &self->waiting);
    inhand_destroy (&self->sent);
    inhand_destroy (&self->asked);
    verifier_destroy (&self->verifier);
}

void
verifier_actor (zsock_t *pipe, void *args)
{
    struct verifier_actor self = {0};

    int rc = actor_begin (&self.actor, pipe, args);
    if (rc == 0)
        rc = verifier_open (&self);
    if (rc == 0)
        rc = actor_run (&self.actor, &verifier_stage, &self);
    verifier_close (&self);
    actor_end (&self.actor, rc);
}
