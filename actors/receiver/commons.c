/* SPDX-License-Identifier: MIT */
/* commons - what a message changes in the books.
 *
 *   in   verified messages and status queries
 *   out  rows, one audit row per change, answers
 *   owns nothing; the store is the caller's
 *
 * A node is found by its key alone. PROTOCOL 3.6: "No verdict, HTTP answer,
 * tally or dedup decision may depend on" node_id and decision_reason.
 *
 * Next on the tour: actors/receiver/store_sqlite.c
 */
#include "actors/receiver/commons.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A message on its way through. */
struct deed {
    struct store *store;
    const struct untrusted_message *message; /* its fields; borrowed */
    const struct verified_message *verified; /* borrowed */
    struct voice_order order;
    int64_t now_s;
    char subject[AUDIT_TEXT_MAX + 1]; /* "pr 123" */
    char *answer;                     /* JSON; owned */
};

static int deed_note (const struct deed *deed, const char *action,
                      const char *subject, const struct gov_id *id,
                      const char *format, ...)
    __attribute__ ((format (printf, 5, 6)));

static int
deed_note (const struct deed *deed, const char *action, const char *subject,
           const struct gov_id *id, const char *format, ...)
{
    char detail[AUDIT_TEXT_MAX + 1];
    va_list arguments;

    va_start (arguments, format);
    int size = vsnprintf (detail, sizeof detail, format, arguments);
    va_end (arguments);
    assert (size >= 0 && (size_t)size < sizeof detail); /* ours, all of it */
    struct audit_row row = {.at_s = deed->now_s,
                            .action = action,
                            .subject = subject,
                            .id = id,
                            .detail = detail};
    return deed->store->call->add_audit (deed->store, &row);
}

/* Returns 0 and sets *ret_found, or -errno: nothing found is no error here. */
static int
found_or (int rc, bool *ret_found)
{
    *ret_found = rc == 0;
    return rc == -ENOENT ? 0 : rc;
}

/* PROTOCOL 3.5: "the receiver notes the equivocation in its audit". */
static int
deed_note_equivocation (const struct deed *deed)
{
    bool found;
    int rc = found_or (
        deed->store->call->find_label (deed->store, deed->verified->public_key,
                                       deed->message->message_id),
        &found);
    if (rc != 0 || !found)
        return rc;
    char subject[AUDIT_TEXT_MAX + 1];
    snprintf (subject, sizeof subject, "key %s", deed->verified->public_key);
    return deed_note (deed, "message.equivocation", subject,
                      &deed->verified->id, "{}");
}

/* PROTOCOL 3.6: "a node_id that names another node is ignored and noted". NODE
 * is the one of the key, NULL when there is none. */
static int
deed_note_node_id (const struct deed *deed, const struct store_node *node)
{
    struct store_node other;
    bool found = false;

    if (!deed->message->has_node_id
        || (node != NULL && node->id == deed->message->node_id))
        return 0;
    int rc = found_or (deed->store->call->find_node (
                           deed->store, deed->message->node_id, &other),
                       &found);
    if (rc != 0 || !found)
        return rc;
    return deed_note (deed, "message.node_id_ignored", deed->subject,
                      &deed->verified->id, "{\"node_id\":%" PRId32 "}",
                      deed->message->node_id);
}

/* Brings into force one voice that waits. */
static int
deed_apply_voice (const struct deed *deed, const struct store_voice *voice)
{
    char subject[AUDIT_TEXT_MAX + 1];
    bool signal = voice->kind == VOICE_SIGNAL;

    if (signal)
        snprintf (subject, sizeof subject, "pr %" PRId32, voice->pr_id);
    else
        snprintf (subject, sizeof subject, "ruleset %s", voice->ruleset);
    int rc = deed->store->call->set_voice (deed->store, voice->kind,
                                           &voice->order.id, VOICE_PROCESSED);
    if (rc != 0)
        return rc;
    return deed_note (deed, signal ? "signal.applied" : "decision.applied",
                      subject, &voice->order.id, "{\"node_id\":%" PRId32 "}",
                      voice->node_id);
}

static int
deed_apply_voices (const struct deed *deed, int32_t node_id)
{
    int rc = 0;

    for (int kind = 0; rc == 0 && kind < VOICE_KINDS_; kind++) {
        struct store_voice voice;
        bool found = true;
        while (rc == 0 && found) {
            rc = found_or (
                deed->store->call->find_pending (
                    deed->store, (enum voice_kind)kind, node_id, &voice),
                &found);
            if (rc == 0 && found)
                rc = deed_apply_voice (deed, &voice);
        }
    }
    return rc;
}

static int
deed_answer_registration (struct deed *deed, int32_t node_id,
                          enum registration_outcome outcome)
{
    if (asprintf (&deed->answer,
                  "{\"node_id\":%" PRId32
                  ",\"status\":\"%s\",\"message\":\"%s\"}",
                  node_id, registration_outcome_name (outcome),
                  registration_outcome_sentence (outcome))
        < 0) {
        deed->answer = NULL;
        return -ENOMEM;
    }
    return 0;
}

/* The first registration of a key: a node. */
static int
deed_add_node (struct deed *deed, const struct qualification *qualification,
               enum registration_outcome outcome, int32_t *ret_id)
{
    const struct untrusted_message *message = deed->message;
    struct store_node node = {.type = message->registration.node_type,
                              .standing = standing_after (outcome),
                              .weight_ppm = qualification->weight_ppm,
                              .registered_at = deed->now_s};

    snprintf (node.entity_name, sizeof node.entity_name, "%s",
              message->registration.entity_name);
    snprintf (node.public_key, sizeof node.public_key, "%s",
              deed->verified->public_key);
    int rc = deed->store->call->add_node (deed->store, &node, ret_id);
    if (rc == 0)
        rc = deed->store->call->bind_voices (deed->store, node.public_key,
                                             *ret_id);
    return rc;
}

static int
deed_add_revision (struct deed *deed, int32_t node_id,
                   const struct qualification *qualification,
                   enum registration_outcome outcome)
{
    const struct untrusted_message *message = deed->message;
    struct store_revision revision = {.node_id = node_id,
                                      .order = deed->order,
                                      .state = REVISION_IN_FORCE,
                                      .type = message->registration.node_type,
                                      .entity_name =
                                          message->registration.entity_name,
                                      .qualification = *qualification};
    bool later = outcome == REGISTRATION_REVISION;
    int rc = 0;

    if (later)
        revision.state = REVISION_WAITING;
    else if (outcome == REGISTRATION_SUPERSEDED)
        revision.state = REVISION_SUPERSEDED;
    if (later)
        rc = deed->store->call->drop_revisions (deed->store, node_id);
    if (rc == 0)
        rc = deed->store->call->add_revision (deed->store, &revision);
    if (rc != 0)
        return rc;
    bool first = outcome < REGISTRATION_REVISION;
    return deed_note (deed, first ? "node.registered" : "node.revision",
                      deed->subject, &deed->verified->id,
                      "{\"node_type\":\"%s\",\"status\":\"%s\","
                      "\"qualified\":%s,\"weight_ppm\":%" PRId32 "}",
                      node_type_name (revision.type),
                      outcome == REGISTRATION_SUPERSEDED
                          ? "superseded"
                          : registration_outcome_name (outcome),
                      qualification->qualified ? "true" : "false",
                      qualification->weight_ppm);
}

static int
deed_register (struct deed *deed, const struct commons *commons)
{
    struct store *store = deed->store;
    struct qualification qualification = qualification_of (
        deed->message->registration.node_type,
        deed->message->registration.qualification, &commons->thresholds);
    struct voice_order newest;
    struct store_node node;
    bool known;

    int rc = found_or (
        store->call->find_node_of (store, deed->verified->public_key, &node),
        &known);
    if (rc == 0 && known)
        rc = store->call->find_revision (store, node.id, &newest);
    if (rc == -ENOENT) /* a node without its registration: not our doing */
        rc = -EUCLEAN;
    if (rc != 0)
        return rc;
    enum registration_outcome outcome = registration_outcome_of (
        deed->order, known ? &newest : NULL, qualification.qualified,
        commons->auto_activate);
    if (!known)
        rc = deed_add_node (deed, &qualification, outcome, &node.id);
    if (rc != 0)
        return rc;
    snprintf (deed->subject, sizeof deed->subject, "node %" PRId32, node.id);
    rc = deed_add_revision (deed, node.id, &qualification, outcome);
    if (rc == 0 && outcome == REGISTRATION_ACTIVE)
        rc = deed_apply_voices (deed, node.id);
    return rc != 0 ? rc : deed_answer_registration (deed, node.id, outcome);
}

static struct store_voice
deed_voice (const struct deed *deed)
{
    struct store_voice voice = {.kind = VOICE_SIGNAL, .order = deed->order};

    snprintf (voice.public_key, sizeof voice.public_key, "%s",
              deed->verified->public_key);
    if (deed->message->command == COMMAND_ECONVETO) {
        voice.pr_id = deed->message->veto.pr_id;
        voice.signal_type = deed->message->veto.signal_type;
        return voice;
    }
    voice.kind = VOICE_DECISION;
    snprintf (voice.ruleset, sizeof voice.ruleset, "%s",
              deed->message->fork.chosen_ruleset);
    return voice;
}

static int
deed_answer_voice (struct deed *deed, const struct store_voice *voice)
{
    char place[MESSAGE_LABEL_MAX + 32];

    /* PROTOCOL 3.2: a ruleset is "1..128 of `[A-Za-z0-9._+-]`": no escapes. */
    if (voice->kind == VOICE_SIGNAL)
        snprintf (place, sizeof place, "\"pr_id\":%" PRId32, voice->pr_id);
    else
        snprintf (place, sizeof place, "\"ruleset\":\"%s\"", voice->ruleset);
    if (asprintf (&deed->answer, "{%s,\"status\":\"%s\",\"message\":\"%s\"}",
                  place, voice_outcome_name (voice->outcome),
                  voice_outcome_sentence (voice->outcome))
        < 0) {
        deed->answer = NULL;
        return -ENOMEM;
    }
    return 0;
}

static int
deed_supersede (const struct deed *deed, const struct store_voice *old)
{
    int rc = deed->store->call->set_voice (deed->store, old->kind,
                                           &old->order.id, VOICE_SUPERSEDED);
    if (rc != 0)
        return rc;
    return deed_note (deed,
                      old->kind == VOICE_SIGNAL ? "signal.superseded"
                                                : "decision.superseded",
                      deed->subject, &old->order.id, "{}");
}

static int
deed_note_ruleset (const struct deed *deed, const struct store_voice *voice)
{
    bool new = false;

    if (voice->kind != VOICE_DECISION)
        return 0;
    int rc = deed->store->call->note_ruleset (deed->store, voice->ruleset,
                                              deed->now_s, &new);
    if (rc != 0 || !new)
        return rc;
    return deed_note (deed, "ruleset.observed", deed->subject,
                      &deed->verified->id, "{}");
}

static int
deed_add_voice (const struct deed *deed, const struct store_voice *voice)
{
    const char *outcome = voice_outcome_name (voice->outcome);
    char node_id[16] = "null";

    if (voice->node_id != 0)
        snprintf (node_id, sizeof node_id, "%" PRId32, voice->node_id);
    int rc = deed->store->call->add_voice (deed->store, voice);
    if (rc != 0)
        return rc;
    if (voice->kind == VOICE_DECISION)
        return deed_note (
            deed, "decision.stored", deed->subject, &deed->verified->id,
            "{\"status\":\"%s\",\"node_id\":%s}", outcome, node_id);
    return deed_note (
        deed, "signal.stored", deed->subject, &deed->verified->id,
        "{\"signal_type\":\"%s\",\"status\":\"%s\",\"node_id\":%s}",
        signal_type_name (voice->signal_type), outcome, node_id);
}

/* Puts VOICE in its place, and whatever stood there into the history. */
static int
deed_place_voice (struct deed *deed, struct store_voice *voice,
                  const struct store_node *node)
{
    struct store_voice current;
    bool occupied;

    int rc =
        found_or (deed->store->call->find_voice (deed->store, voice, &current),
                  &occupied);
    if (rc != 0)
        return rc;
    voice->node_id = node != NULL ? node->id : 0;
    voice->outcome =
        voice_outcome_of (voice->order, occupied ? &current.order : NULL,
                          node != NULL ? &node->standing : NULL);
    if (occupied && voice->outcome != VOICE_SUPERSEDED)
        rc = deed_supersede (deed, &current);
    if (rc == 0)
        rc = deed_note_ruleset (deed, voice);
    return rc != 0 ? rc : deed_add_voice (deed, voice);
}

static int
deed_speak (struct deed *deed)
{
    struct store_voice voice = deed_voice (deed);
    struct store_node node;
    bool known;

    if (voice.kind == VOICE_SIGNAL)
        snprintf (deed->subject, sizeof deed->subject, "pr %" PRId32,
                  voice.pr_id);
    else
        snprintf (deed->subject, sizeof deed->subject, "ruleset %s",
                  voice.ruleset);
    int rc = found_or (
        deed->store->call->find_node_of (deed->store, voice.public_key, &node),
        &known);
    if (rc == 0)
        rc = deed_place_voice (deed, &voice, known ? &node : NULL);
    if (rc == 0)
        rc = deed_note_node_id (deed, known ? &node : NULL);
    return rc != 0 ? rc : deed_answer_voice (deed, &voice);
}

static int
deed_do (struct deed *deed, const struct commons *commons)
{
    int rc = deed_note_equivocation (deed);

    if (rc == 0)
        rc = deed->message->command == COMMAND_ECONREG
                 ? deed_register (deed, commons)
                 : deed_speak (deed);
    if (rc != 0)
        return rc;
    struct store_message message = {.verified = deed->verified,
                                    .message_id = deed->message->message_id,
                                    .received_at = deed->now_s,
                                    .status = 200,
                                    .answer = deed->answer};
    return deed->store->call->add_message (deed->store, &message);
}

static int
commons_find_node (struct commons *commons,
                   const struct untrusted_message *query,
                   struct store_node *ret_node)
{
    struct store *store = commons->store;
    const char *identifier = query->status.node_identifier;

    /* The schema has seen to it that this is a decimal int32. */
    if (query->status.query_type == QUERY_BY_ID)
        return store->call->find_node (
            store, (int32_t)strtol (identifier, NULL, 10), ret_node);
    return store->call->find_node_of (store, identifier, ret_node);
}

/* PROTOCOL 3.2: "A status object". */
static json_t *
commons_status_object (const struct store_node *node)
{
    json_t *verified = node->has_last_verified
                           ? json_integer (node->last_verified_at)
                           : json_null ();

    return json_pack ("{s:i, s:s, s:s, s:s, s:f, s:I, s:o}", "node_id",
                      (int)node->id, "node_type", node_type_name (node->type),
                      "entity_name", node->entity_name, "status",
                      node_status_name (standing_status (node->standing)),
                      "weight", node->weight_ppm / (double)WEIGHT_PPM_MAX,
                      "registered_at", (json_int_t)node->registered_at,
                      "last_verified_at", verified);
}

int
commons_status (struct commons *commons, const struct http_asked *asked,
                struct http_answer *ret_answer)
{
    const struct untrusted_message *query = &asked->message;
    struct store_node node;
    bool found;

    int rc = found_or (commons_find_node (commons, query, &node), &found);
    if (rc != 0)
        return rc;
    json_t *root = json_pack (
        "{s:I, s:o}", "request_id", (json_int_t)query->status.request_id,
        "status", found ? commons_status_object (&node) : json_null ());
    /* Six digits are all that a weight has. */
    char *body = json_dumps (root, JSON_COMPACT | JSON_REAL_PRECISION (7));
    json_decref (root);
    if (body == NULL)
        return -ENOMEM;
    http_ok_answer (body, ret_answer);
    return 0;
}

int
commons_take (struct commons *commons, const struct http_asked *asked,
              int64_t now_s, struct http_answer *ret_answer)
{
    struct store_answer known;
    bool replayed;

    int rc = found_or (
        commons->store->call->find_answer (commons->store, &asked->id, &known),
        &replayed);
    if (rc != 0)
        return rc;
    if (replayed) {
        http_ok_answer (known.body, ret_answer);
        ret_answer->status = known.status;
        ret_answer->replayed = true;
        return 0;
    }
    struct deed deed = {.store = commons->store,
                        .message = &asked->message,
                        .verified = &asked->verified,
                        .order = {.timestamp = asked->verified.timestamp,
                                  .id = asked->verified.id},
                        .now_s = now_s};
    rc = deed_do (&deed, commons);
    if (rc != 0) {
        free (deed.answer);
        return rc;
    }
    http_ok_answer (deed.answer, ret_answer);
    return 0;
}
