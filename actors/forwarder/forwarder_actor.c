/* SPDX-License-Identifier: MIT */
/* forwarder - see to it that Commons gets every accepted message.
 *
 *   in   feed    from dedup: the journal, from our cursor on
 *        status  from gossip: queries that Commons may answer
 *   out  feed    back: ack, once an entry is in the outbox for good
 *        status  relay mode is on; what Commons answered
 *        HTTP    POST of each message to the governance application
 *   owns the outbox (cursor, rows, dead letters); the HTTP connections
 *
 * The order that makes kill -9 harmless: a row is committed, then acked; an
 * answer is committed, then the next message of that key goes. Whatever is cut
 * between two steps is only done again, and the receiver knows it by gov_id.
 *
 * Next on the tour: actors/forwarder/forwarder_feed_actor.c
 */
#include "actors/forwarder/forwarder_actor.h"

#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/config_form.h"
#include "supervisor/log.h"
#include "supervisor/secret.h"

#define FORWARDER_DRAIN_US (8 * SECOND_US) /* aborting HTTP is harmless */
#define FORWARDER_PATH_MAX 4096

static void
forwarder_steer_status (struct forwarder_actor *self)
{
    struct link_peer *peer = link_first_peer (self->status);
    int mode = !self->draining;
    struct link_message message = {
        .id = MESSAGE_RELAY_MODE,
        .relay_mode = {.on = !self->draining},
    };

    if (peer == NULL)
        return;
    if (self->mode_said != mode
        && link_send (self->status, peer, &message) == 0)
        self->mode_said = mode;
    message.id = MESSAGE_STATUS_ASK_REPLY;
    for (size_t i = 0; i < ASKS_MAX; i++) {
        struct ask *ask = &self->asks.asks[i];
        if (ask->state != ASK_ANSWERED)
            continue;
        message.status_ask = (struct link_status_ask){
            .name = ask->name, .payload = buffer_bytes (&ask->response)};
        if (link_send (self->status, peer, &message) != 0)
            return; /* no credit: next turn */
        self->answered += ask->response.size != 0;
        ask_free (ask);
    }
}

/* One line when a path stops, one when it goes on. */
static void
forwarder_log_paths (struct forwarder_actor *self)
{
    for (int i = 0; i < COMMANDS_; i++) {
        enum command command = (enum command)i;
        enum path_state state = schedule_path_state (self->schedule, command);
        const char *path = delivery_path_name (command);
        unsigned status;
        const char *reason =
            schedule_path_reason (self->schedule, command, &status);
        if (state == self->shown[i])
            continue;
        if (state == PATH_HELD)
            log_warn ("FORWARDER-HOLD", "path=%s reason=%s status=%u", path,
                      reason, status);
        else if (state == PATH_BROKEN)
            log_warn ("FORWARDER-CIRCUIT", "path=%s reason=%s status=%u", path,
                      reason, status);
        else
            log_info ("FORWARDER-RESUME", "path=%s", path);
        self->shown[i] = state;
    }
}

static int
forwarder_turn (void *data)
{
    struct forwarder_actor *self = data;

    http_client_tick (self->http, self->actor.now.mono);
    forwarder_collect (self);
    forwarder_write (self);
    if (self->disk_error == 0 && !self->draining)
        forwarder_send (self);
    if (self->draining
        && instant_reached (self->actor.now.mono, self->drain_until))
        forwarder_abort (self);
    forwarder_steer_feed (self);
    forwarder_steer_status (self);
    forwarder_log_paths (self);
    return self->fatal;
}

static struct instant
instant_first (struct instant a, struct instant b)
{
    return a.us < b.us ? a : b;
}

static struct instant
forwarder_deadline (void *data)
{
    const struct forwarder_actor *self = data;
    struct instant deadline = http_client_deadline (self->http);

    if (self->disk_error != 0)
        deadline = instant_first (deadline, self->disk_retry_at);
    else if (self->judged_count > 0 || (self->scan_left && !self->draining))
        return self->actor.now.mono;
    else if (!self->draining)
        deadline = instant_first (
            deadline, schedule_deadline (self->schedule, self->actor.now.mono));
    if (self->draining && self->sendings_count + asks_count (&self->asks) > 0)
        deadline = instant_first (deadline, self->drain_until);
    return deadline;
}

static void
forwarder_drain (void *data)
{
    struct forwarder_actor *self = data;

    self->draining = true;
    self->drain_until =
        instant_after (self->actor.now.mono, FORWARDER_DRAIN_US);
}

static bool
forwarder_busy (void *data)
{
    const struct forwarder_actor *self = data;

    return self->sendings_count > 0 || asks_count (&self->asks) > 0
           || outbox_is_dirty (self->outbox);
}

static void
forwarder_on_http (void *data, short revents)
{
    struct forwarder_actor *self = data;

    (void)revents;
    http_client_receive (self->http, self->actor.now.mono);
}

static enum link_use
forwarder_on_message (void *data, struct link *link, struct link_peer *peer,
                      const struct link_message *message, size_t size)
{
    struct forwarder_actor *self = data;

    (void)size;
    if (link == self->feed && message->id == MESSAGE_FEED_ENTRY)
        forwarder_on_entry (self, &message->feed_entry);
    else if (link == self->feed && message->id == MESSAGE_FEED_HEAD)
        forwarder_on_head (self, &message->feed_head);
    else if (link == self->status && message->id == MESSAGE_STATUS_ASK)
        forwarder_on_ask (self, &message->status_ask);
    else
        log_broken ("FORWARDER-MESSAGE", "link=%s message=%s peer=%s",
                    link_id_name (link_id (link)),
                    message_id_name (message->id), link_peer_name (peer));
    return LINK_DONE;
}

static void
forwarder_on_down (void *data, struct link *link, struct link_peer *peer)
{
    struct forwarder_actor *self = data;

    (void)peer;
    if (link == self->feed) {
        self->reading = false;
        self->acked = 0;
    } else {
        self->mode_said = -1;
        asks_orphan (&self->asks);
    }
}

static json_t *
forwarder_stats (void *data)
{
    struct forwarder_actor *self = data;
    struct outbox_counts counts = outbox_counts (self->outbox);
    int64_t oldest_us = outbox_oldest_us (self->outbox);
    int64_t now_us = self->actor.now.unix_us;
    json_t *stats = json_object ();
    const struct {
        const char *name;
        json_int_t value;
    } numbers[] = {
        {"cursor", (json_int_t)outbox_cursor (self->outbox)},
        {"backlog", counts.rows},
        {"backlog_bytes", counts.bytes},
        {"oldest_s", oldest_us > 0 && oldest_us < now_us
                         ? (now_us - oldest_us) / SECOND_US
                         : 0},
        {"dead_letters", counts.dead},
        {"in_flight", (json_int_t)self->sendings_count},
        {"queued", (json_int_t)self->taken},
        {"delivered", (json_int_t)self->delivered},
        {"retried", (json_int_t)self->retried},
        {"held", (json_int_t)self->held},
        {"dead", (json_int_t)self->dead},
        {"asked", (json_int_t)self->asked},
        {"answered", (json_int_t)self->answered},
        {"probes", (json_int_t)self->probes},
        {"last_status", self->last_status},
        {"disk_error", -self->disk_error},
    };

    for (size_t i = 0; i < ARRAY_SIZE (numbers); i++)
        json_object_set_new (stats, numbers[i].name,
                             json_integer (numbers[i].value));
    for (int i = 0; i < COMMANDS_; i++) {
        static const char *const names[COMMANDS_] = {
            [COMMAND_ECONREG] = "registration_stopped",
            [COMMAND_ECONVETO] = "veto_stopped",
            [COMMAND_ECONFORK] = "fork_decision_stopped",
            [COMMAND_ECONSTATUS] = "status_stopped",
        };
        json_object_set_new (
            stats, names[i],
            json_integer (schedule_path_state (self->schedule, (enum command)i)
                          != PATH_OPEN));
    }
    return stats;
}

static const struct actor_stage forwarder_stage = {
    .link = {.down = forwarder_on_down, .message = forwarder_on_message},
    .turn = forwarder_turn,
    .deadline = forwarder_deadline,
    .drain = forwarder_drain,
    .busy = forwarder_busy,
    .stats = forwarder_stats,
};

static int
forwarder_open_outbox (struct forwarder_actor *self)
{
    char path[FORWARDER_PATH_MAX];
    int size = snprintf (path, sizeof (path), "%s/forwarder.db",
                         config_network_dir (self->actor.config));

    if (size < 0 || (size_t)size >= sizeof (path))
        return -ENAMETOOLONG;
    int rc = outbox_open (path, &self->outbox);
    if (rc != 0) {
        actor_say (&self->actor, "outbox %s: %s", path,
                   rc == -ENOTSUP ? "written by a newer release"
                                  : strerror (-rc));
        return rc;
    }
    struct outbox_counts counts = outbox_counts (self->outbox);
    log_info ("FORWARDER-OPEN",
              "outbox=%s cursor=%" PRIu64 " rows=%" PRId64 " dead=%" PRId64,
              path, outbox_cursor (self->outbox), counts.rows, counts.dead);
    return 0;
}

/* The key comes from its file or from COMMONS_API_KEY; a Commons without keys
 * needs none. */
static int
forwarder_find_api_key (struct forwarder_actor *self)
{
    const char *path = self->actor.config->governance_api_key_file;
    int rc = secret_find (path, "COMMONS_API_KEY", environ, &self->api_key);

    if (rc == -ENOENT && path[0] == 0)
        return 0;
    if (rc != 0)
        actor_say (&self->actor, "governance.api_key_file: %s",
                   secret_error_text (rc));
    return rc;
}

static int
forwarder_open_http (struct forwarder_actor *self)
{
    const struct config *config = self->actor.config;
    struct url url;

    int rc = url_split (config->governance_commons_url, &url);
    if (rc != 0) {
        actor_say (&self->actor, "governance.commons_url is needed");
        return rc;
    }
    struct http_client_options options = {
        .url = config->governance_commons_url,
        .host = url.host,
        .port = url.port,
        .address = config->governance_commons_address,
        .ca_file = config->governance_ca_file,
        .api_key = self->api_key,
    };
    rc = http_client_open (&options, &self->http);
    if (rc != 0) {
        actor_say (&self->actor, "libcurl: %s", strerror (-rc));
        return rc;
    }
    actor_watch (&self->actor, http_client_fd (self->http), POLLIN,
                 forwarder_on_http);
    return 0;
}

static int
forwarder_open (struct forwarder_actor *self)
{
    self->mode_said = -1;
    self->schedule = schedule_create ();
    if (self->schedule == NULL)
        return -ENOMEM;
    int rc = forwarder_find_api_key (self);
    if (rc == 0)
        rc = forwarder_open_http (self);
    if (rc == 0)
        rc = forwarder_open_outbox (self);
    if (rc == 0)
        rc = actor_open_link (&self->actor, LINK_FEED, &forwarder_stage, self,
                              &self->feed);
    if (rc == 0)
        rc = actor_open_link (&self->actor, LINK_STATUS, &forwarder_stage, self,
                              &self->status);
    return rc;
}

static void
forwarder_close (struct forwarder_actor *self)
{
    http_client_close (&self->http); /* it may hold our payloads */
    for (size_t i = 0; i < FORWARDER_SENDINGS_MAX; i++)
        if (self->sendings[i].used)
            forwarder_free_sending (self, &self->sendings[i]);
    asks_done (&self->asks);
    outbox_close (&self->outbox);
    schedule_destroy (&self->schedule);
    secret_destroy (&self->api_key);
}

/* Without relay mode the stage is there and does nothing; the journal is read
 * from the old cursor on when it is switched on. */
static int
forwarder_idle_turn (void *data)
{
    (void)data;
    return 0;
}

static const struct actor_stage forwarder_idle_stage = {
    .turn = forwarder_idle_turn,
};

void
forwarder_actor (zsock_t *pipe, void *args)
{
    struct forwarder_actor self = {0};

    int rc = actor_begin (&self.actor, pipe, args);
    bool enabled = rc == 0 && self.actor.config->governance_enabled;
    if (enabled)
        rc = forwarder_open (&self);
    if (rc == 0)
        rc = actor_run (&self.actor,
                        enabled ? &forwarder_stage : &forwarder_idle_stage,
                        &self);
    forwarder_close (&self);
    actor_end (&self.actor, rc);
}
