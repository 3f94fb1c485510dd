/* SPDX-License-Identifier: MIT */
/* forwarder_actor - what the three files of the forwarder's shell share:
 *
 *   forwarder_actor.c       life, links, the turn
 *   forwarder_feed_actor.c  from the feed to the disk; acks, taps
 *   forwarder_http_actor.c  from the disk to Commons, and its answers
 */
#pragma once

#include "actors/actor.h"
#include "actors/forwarder/asks.h"
#include "actors/forwarder/delivery.h"
#include "actors/forwarder/http_client.h"
#include "actors/forwarder/outbox.h"
#include "actors/forwarder/schedule.h"

#define FORWARDER_BATCH_MAX 256 /* rows of one commit */
#define FORWARDER_DISK_RETRY_US SECOND_US

/* Every path but status has rows. */
#define FORWARDER_PATHS COMMAND_ECONSTATUS
#define FORWARDER_SENDINGS_MAX (FORWARDER_PATHS * SCHEDULE_IN_FLIGHT_MAX)

/* A message that was sent; judged, until that is in the outbox. */
struct sending {
    bool used;
    bool judged;
    enum command command;
    int64_t place;
    struct outbox_letter letter; /* owned */
    struct delivery delivery;
    struct schedule_fate fate;
    char *excerpt; /* of a dead letter's answer; owned, or NULL */
};

/* A row of the open transaction, to be shown after the commit. */
struct queued {
    enum command command;
    struct gov_id id;
    int64_t received_us;
};

struct forwarder_actor {
    struct actor actor;
    struct link *feed;         /* borrowed from the actor */
    struct link *status;       /* borrowed from the actor */
    struct outbox *outbox;     /* owned */
    struct schedule *schedule; /* owned */
    struct http_client *http;  /* owned */
    char *api_key;             /* owned; NULL: none */
    /* The feed. */
    bool reading;   /* a stream is open */
    bool stale;     /* it is to be opened anew */
    uint8_t stream; /* its number: old entries are told apart */
    uint64_t acked; /* the last cursor that dedup heard of */
    bool full;      /* the outbox is at its bound */
    struct queued queued[FORWARDER_BATCH_MAX];
    size_t queued_count;
    /* The disk. */
    int disk_error; /* 0: well */
    struct instant disk_retry_at;
    bool scan_left; /* the outbox has more to look at */
    int fatal;      /* the outbox is damaged: the stage ends */
    /* Under way. */
    struct sending sendings[FORWARDER_SENDINGS_MAX];
    size_t sendings_count;
    size_t judged_count;
    struct asks asks; /* owned */
    int mode_said;    /* relay mode as gossip knows it; -1: not told yet */
    bool draining;
    struct instant drain_until;
    /* For people. */
    enum path_state shown[COMMANDS_]; /* the state that the log has told */
    struct instant dead_logged_at;
    unsigned last_status;
    uint64_t taken, delivered, retried, held, dead, asked, answered, probes;
};

/* --- forwarder_feed_actor.c --- */

/* The disk failed with RC: gives up what was not committed. It comes again:
 * entries, because the feed is opened anew from the cursor; answers, because
 * they are kept. */
void forwarder_disk_failed (struct forwarder_actor *self, int rc);

/* Commits entries and answers as one, then says and does what waited for it. */
void forwarder_write (struct forwarder_actor *self);

/* The fate of row PLACE is in the outbox: the next of its key may go. */
void forwarder_settle (struct forwarder_actor *self, enum command command,
                       int64_t place, const struct schedule_fate *fate);

/* Returns what the schedule wants to know of ROW; borrows from it. */
struct schedule_row forwarder_schedule_row (const struct forwarder_actor *self,
                                            const struct outbox_row *row);

void forwarder_free_sending (struct forwarder_actor *self,
                             struct sending *sending);

/* Opens, closes, acks: whatever the state of things wants and the link takes.
 * Called each turn, so nothing that could not be sent is forgotten. */
void forwarder_steer_feed (struct forwarder_actor *self);

void forwarder_on_entry (struct forwarder_actor *self,
                         const struct link_feed_entry *entry);
void forwarder_on_head (struct forwarder_actor *self,
                        const struct link_feed_head *head);

/* --- forwarder_http_actor.c --- */

/* Takes the answers that have come. */
void forwarder_collect (struct forwarder_actor *self);

/* Fills the schedule from the outbox and sends what is due. */
void forwarder_send (struct forwarder_actor *self);

/* A status query of gossip. */
void forwarder_on_ask (struct forwarder_actor *self,
                       const struct link_status_ask *question);

/* The time for draining is up: what is under way goes again after the next
 * start. */
void forwarder_abort (struct forwarder_actor *self);
