/* SPDX-License-Identifier: MIT */
/* receiver - the governance application's HTTP endpoint.
 *
 *   in   HTTP requests of forwarders (PROTOCOL 6)
 *   out  answers, said only after what they say is durable
 *        tap: receiver.stored, .replayed, .rejected, .ignored, .answered
 *   owns the HTTP server and the governance database; no link at all
 *
 * All requests that are there in a turn are one batch: judged, written in one
 * transaction, committed, and only then answered.
 *
 * Next on the tour: actors/receiver/http_server.c
 */
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "actors/actor.h"
#include "actors/receiver/commons.h"
#include "actors/receiver/governance.h"
#include "actors/receiver/http_rules.h"
#include "actors/receiver/http_server.h"
#include "actors/receiver/store.h"
#include "supervisor/log.h"
#include "supervisor/secret.h"

#define RECEIVER_BATCH_MAX HTTP_PENDING_MAX

/* The health page asks for a commit, which costs a write to the disk, at most
 * so often: it needs no key. */
#define RECEIVER_PROBE_US (1 * SECOND_US)

#define RECEIVER_DATABASE_PREFIX "sqlite:"

/* One request of a batch. */
struct receiver_item {
    struct http_request *request; /* borrowed from the server */
    bool good;                    /* else PROBLEM says why not */
    struct http_asked asked;      /* owned, while good */
    struct http_answer answer;    /* owned, once it is there */
    struct http_problem problem;
};

struct receiver {
    struct actor actor; /* must be first */
    struct http_rules rules;
    struct http_server *server; /* owned */
    struct store *store;        /* owned */
    struct commons commons;
    struct key_context *keys;    /* owned */
    struct receiver_item *batch; /* RECEIVER_BATCH_MAX; owned */
    size_t batch_size;
    bool database_well;        /* the last commit was */
    struct instant tried_at;   /* when that was */
    uint64_t count[VERDICTS_]; /* of messages */
    uint64_t answered;         /* status queries */
    uint64_t problems[HTTP_PROBLEMS_];
};

static bool
receiver_is_message (const struct receiver_item *item)
{
    return item->request->target < HTTP_STATUS;
}

/* A commit went well or not: RC. Said when it changes, not for each batch. */
static void
receiver_note_commit (struct receiver *self, int rc)
{
    if (rc != 0 && self->database_well)
        log_warn ("RECEIVER-DATABASE-AWAY", "error=\"%s\"", strerror (-rc));
    if (rc == 0 && !self->database_well)
        log_info ("RECEIVER-DATABASE-BACK", "database=%s",
                  self->actor.config->receiver_database);
    self->database_well = rc == 0;
    self->tried_at = self->actor.now.mono;
}

/* Not now: for the database, for memory, because too much came, by the clock.
 */
static bool
receiver_is_ignored (const struct http_problem *problem)
{
    enum verdict verdict;

    return http_problem_verdict (problem->kind, &verdict) == 0
           && verdict_class (verdict) == VERDICT_IGNORE;
}

static void
receiver_note_problem (struct receiver *self, enum http_target target,
                       struct bytes body, const struct http_problem *problem)
{
    enum topic topic = receiver_is_ignored (problem) ? TOPIC_RECEIVER_IGNORED
                                                     : TOPIC_RECEIVER_REJECTED;
    struct tap_event event = {.topic = topic,
                              .command = target < HTTP_HEALTH
                                             ? http_target_command (target)
                                             : TAP_NO_COMMAND,
                              .id = problem->has_id ? &problem->id : NULL,
                              .reason = problem->what,
                              .message = body};

    self->problems[problem->kind]++;
    event.has_verdict =
        http_problem_verdict (problem->kind, &event.verdict) == 0;
    if (event.has_verdict)
        self->count[event.verdict]++;
    if (tap_wants (self->actor.tap, topic))
        tap_show (self->actor.tap, &event, self->actor.now);
}

static void
receiver_on_refused (void *data, enum http_target target, struct bytes body,
                     const struct http_problem *problem)
{
    receiver_note_problem (data, target, body, problem);
}

static void
receiver_on_words (void *data, const char *words)
{
    char quoted[512];

    (void)data;
    log_debug ("RECEIVER-HTTP", "words=%s",
               log_quote (quoted, sizeof quoted, bytes_of_text (words)));
}

static const struct http_server_handlers receiver_http = {
    .refused = receiver_on_refused,
    .said = receiver_on_words,
};

static void
receiver_refuse (struct receiver_item *item, const char *what)
{
    struct gov_id id = item->asked.id;

    http_asked_done (&item->asked);
    http_answer_done (&item->answer);
    item->good = false;
    item->problem = http_unavailable (what);
    item->problem.has_id = true;
    item->problem.id = id;
}

/* Takes what waits, and judges it. Returns true if anything is to be stored. */
static bool
receiver_gather (struct receiver *self)
{
    int64_t now_s = moment_unix_s (self->actor.now);
    struct http_request *request;
    bool writes = false;

    self->batch_size = 0;
    while (self->batch_size < RECEIVER_BATCH_MAX
           && (request = http_server_next (self->server)) != NULL) {
        struct receiver_item *item = &self->batch[self->batch_size++];
        *item = (struct receiver_item){.request = request};
        if (request->target != HTTP_HEALTH)
            item->good = http_judge_body (
                self->keys, request->target, request->body,
                request->idempotency_key, now_s, &item->asked, &item->problem);
        writes = writes || (item->good && receiver_is_message (item));
    }
    return writes;
}

static int
receiver_write_all (struct receiver *self)
{
    int64_t now_s = moment_unix_s (self->actor.now);
    int rc = self->store->call->begin (self->store);

    for (size_t i = 0; rc == 0 && i < self->batch_size; i++) {
        struct receiver_item *item = &self->batch[i];
        if (item->good && receiver_is_message (item))
            rc = commons_take (&self->commons, &item->asked, now_s,
                               &item->answer);
    }
    return rc != 0 ? rc : self->store->call->commit (self->store);
}

/* All messages of the batch are durable, or none is stored and all are told to
 * come again. */
static void
receiver_write (struct receiver *self)
{
    int rc = receiver_write_all (self);

    receiver_note_commit (self, rc);
    if (rc == 0)
        return;
    self->store->call->rollback (self->store);
    for (size_t i = 0; i < self->batch_size; i++)
        if (self->batch[i].good && receiver_is_message (&self->batch[i]))
            receiver_refuse (&self->batch[i], "the database does not commit");
}

/* After the commit, so that nothing is told that may yet be undone. */
static void
receiver_answer_query (struct receiver *self, struct receiver_item *item)
{
    int rc = commons_status (&self->commons, &item->asked, &item->answer);

    if (rc != 0)
        receiver_refuse (item, "the database does not answer");
}

static void
receiver_answer_health (struct receiver *self, struct receiver_item *item)
{
    int64_t now_s = moment_unix_s (self->actor.now);
    int64_t age_us = instant_since (self->actor.now.mono, self->tried_at);
    char *body = NULL;

    if (age_us >= RECEIVER_PROBE_US || age_us < 0)
        receiver_note_commit (self,
                              self->store->call->probe (self->store, now_s));
    if (!self->database_well) {
        item->problem = http_unavailable ("the database does not commit");
        return;
    }
    if (asprintf (&body,
                  "{\"status\":\"ok\",\"service\":\"govrelay\","
                  "\"governance_enabled\":true,\"timestamp\":%" PRId64 "}",
                  now_s)
        < 0) {
        item->problem = http_unavailable ("memory");
        return;
    }
    item->good = true;
    http_ok_answer (body, &item->answer);
}

/* A message or a query that has its answer. */
static void
receiver_note_done (struct receiver *self, const struct receiver_item *item)
{
    struct tap_event event = {
        .topic = TOPIC_RECEIVER_ANSWERED,
        .command = http_target_command (item->request->target),
        .id = &item->asked.id,
        .has_verdict = receiver_is_message (item),
        .verdict = item->answer.replayed ? VERDICT_DUPLICATE : VERDICT_ACCEPTED,
        .message = item->request->body};

    if (event.has_verdict) {
        self->count[event.verdict]++;
        event.topic = item->answer.replayed ? TOPIC_RECEIVER_REPLAYED
                                            : TOPIC_RECEIVER_STORED;
    } else {
        self->answered++;
    }
    if (tap_wants (self->actor.tap, event.topic))
        tap_show (self->actor.tap, &event, self->actor.now);
}

static void
receiver_finish (struct receiver *self, struct receiver_item *item)
{
    bool is_health = item->request->target == HTTP_HEALTH;

    if (item->good && !is_health) {
        receiver_note_done (self, item);
        http_asked_done (&item->asked);
    }
    if (!item->good) {
        receiver_note_problem (self, item->request->target, item->request->body,
                               &item->problem);
        http_problem_answer (&item->problem, item->request->target,
                             &item->answer);
    }
    http_server_answer (self->server, item->request, &item->answer);
}

static int
receiver_turn (void *data)
{
    struct receiver *self = data;

    http_server_run (self->server);
    if (receiver_gather (self))
        receiver_write (self);
    for (size_t i = 0; i < self->batch_size; i++) {
        struct receiver_item *item = &self->batch[i];
        if (item->good && item->request->target == HTTP_STATUS)
            receiver_answer_query (self, item);
        if (item->request->target == HTTP_HEALTH)
            receiver_answer_health (self, item);
        receiver_finish (self, item);
    }
    if (self->batch_size > 0)
        http_server_run (self->server); /* answers leave in this turn */
    return 0;
}

static struct instant
receiver_deadline (void *data)
{
    struct receiver *self = data;
    int64_t wait_us = http_server_wait_us (self->server);

    /* Requests that came while the last answers left are in the queue. */
    if (http_server_waiting (self->server))
        return self->actor.now.mono;
    return instant_after (self->actor.now.mono,
                          wait_us >= 0 ? wait_us : SECOND_US);
}

static void
receiver_drain (void *data)
{
    struct receiver *self = data;

    http_server_drain (self->server);
}

static bool
receiver_busy (void *data)
{
    struct receiver *self = data;

    return http_server_busy (self->server);
}

static json_t *
receiver_stats (void *data)
{
    struct receiver *self = data;
    json_t *stats = json_pack (
        "{s:I, s:I, s:b}", "connections",
        (json_int_t)http_server_connections (self->server), "answered",
        (json_int_t)self->answered, "database_well", (int)self->database_well);

    for (size_t i = 0; i < HTTP_PROBLEMS_; i++)
        json_object_set_new (stats,
                             http_problem_name ((enum http_problem_kind)i),
                             json_integer ((json_int_t)self->problems[i]));
    for (size_t i = 0; i < VERDICTS_; i++)
        json_object_set_new (stats, verdict_name ((enum verdict)i),
                             json_integer ((json_int_t)self->count[i]));
    return stats;
}

static const struct actor_stage receiver_stage = {
    .turn = receiver_turn,
    .deadline = receiver_deadline,
    .drain = receiver_drain,
    .busy = receiver_busy,
    .stats = receiver_stats,
};

static void
receiver_on_ready (void *data, short revents)
{
    (void)data; /* every turn runs the server */
    (void)revents;
}

/* The key is in memory only as a digest. */
static int
receiver_open_rules (struct receiver *self)
{
    char *key = NULL;
    int rc = secret_find ("", "INTERNAL_API_KEY", environ, &key);

    if (rc != 0 && rc != -ENOENT) {
        actor_say (&self->actor, "INTERNAL_API_KEY: %s",
                   secret_error_text (rc));
        return rc;
    }
    if (key == NULL)
        log_warn ("RECEIVER-NO-KEY",
                  "words=\"INTERNAL_API_KEY is not set: every governance "
                  "request will be refused\"");
    http_rules_init (&self->rules, key);
    secret_destroy (&key);
    return 0;
}

/* PATH is relative to the directory of the network. */
static int
receiver_open_store (struct receiver *self)
{
    const struct config *config = self->actor.config;
    const char *name = config->receiver_database;
    char words[STORE_WORDS_MAX + 1], path[4096];

    if (strncmp (name, RECEIVER_DATABASE_PREFIX,
                 strlen (RECEIVER_DATABASE_PREFIX))
        != 0) {
        actor_say (&self->actor, "receiver.database: no sqlite: in %s", name);
        return -EINVAL;
    }
    name += strlen (RECEIVER_DATABASE_PREFIX);
    bool absolute = name[0] == '/';
    int size = snprintf (path, sizeof path, "%s%s%s",
                         absolute ? "" : config_network_dir (config),
                         absolute ? "" : "/", name);
    if (size < 0 || (size_t)size >= sizeof path)
        return -ENAMETOOLONG;
    int rc = store_sqlite_open (path, &self->store, words);
    if (rc != 0)
        actor_say (&self->actor, "receiver.database: %s", words);
    return rc;
}

static int
receiver_open_server (struct receiver *self)
{
    const struct config *config = self->actor.config;
    char address[HTTP_ADDRESS_MAX];
    unsigned port = 0;
    int fd = -1;

    int rc = http_listen (config->receiver_listen, &fd, address, &port);
    if (rc == 0)
        rc = http_server_open (fd, &self->rules, &receiver_http, self,
                               &self->server);
    if (rc != 0) {
        actor_say (&self->actor, "receiver.listen: cannot listen on %s: %s",
                   config->receiver_listen, strerror (-rc));
        return rc;
    }
    actor_watch (&self->actor, http_server_fd (self->server), ZMQ_POLLIN,
                 receiver_on_ready);
    log_info ("RECEIVER-LISTEN", "address=%s:%u database=%s", address, port,
              config->receiver_database);
    return 0;
}

static int
receiver_open (struct receiver *self)
{
    self->keys = key_context_create (NULL);
    self->batch = calloc (RECEIVER_BATCH_MAX, sizeof *self->batch);
    if (self->keys == NULL || self->batch == NULL)
        return -ENOMEM;
    self->database_well = true;
    self->tried_at = self->actor.now.mono;

    int rc = receiver_open_rules (self);
    if (rc == 0)
        rc = receiver_open_store (self);
    if (rc != 0)
        return rc;
    self->commons = (struct commons){
        .store = self->store,
        .thresholds = thresholds_default (),
        .auto_activate = self->actor.config->receiver_auto_activate};
    return receiver_open_server (self);
}

static void
receiver_close (struct receiver *self)
{
    http_server_close (&self->server);
    store_close (&self->store);
    key_context_destroy (&self->keys);
    free (self->batch);
}

void
receiver_actor (zsock_t *pipe, void *args)
{
    struct receiver self = {0};

    int rc = actor_begin (&self.actor, pipe, args);
    if (rc == 0)
        rc = receiver_open (&self);
    if (rc == 0)
        rc = actor_run (&self.actor, &receiver_stage, &self);
    receiver_close (&self);
    actor_end (&self.actor, rc);
}
