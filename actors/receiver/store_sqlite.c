/* SPDX-License-Identifier: MIT */
/* store_sqlite - the receiver's rows in one SQLite file.
 *
 *   in   rows to write, questions
 *   out  rows, checked: a value that we cannot have written is -EUCLEAN
 *   owns the connection
 *
 * Next on the tour: actors/receiver/sqlite_db.c
 */
#include "actors/receiver/store.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/receiver/sqlite_db.h"

#define NAME_MAX_BYTES 32 /* of the words for types and states, with NUL */

struct store_sqlite {
    struct store store; /* must be first */
    struct sqlite_db db;
};

static const char *const revision_state_names[REVISION_STATES_] = {
    "in_force", "waiting", "superseded"};

/* The statements that each kind of voice has of its own. */
static const struct {
    enum sqlite_db_statement find, pending, add, set, bind;
} voice_statements[VOICE_KINDS_] = {
    [VOICE_SIGNAL] = {SQL_FIND_SIGNAL, SQL_PENDING_SIGNAL, SQL_ADD_SIGNAL,
                      SQL_SET_SIGNAL, SQL_BIND_SIGNALS},
    [VOICE_DECISION] = {SQL_FIND_DECISION, SQL_PENDING_DECISION,
                        SQL_ADD_DECISION, SQL_SET_DECISION, SQL_BIND_DECISIONS},
};

static struct sqlite_db *
store_db (struct store *store)
{
    return &((struct store_sqlite *)store)->db;
}

static int
store_sqlite_begin (struct store *store)
{
    return sqlite_db_run (store_db (store), SQL_BEGIN);
}

static int
store_sqlite_commit (struct store *store)
{
    return sqlite_db_run (store_db (store), SQL_COMMIT);
}

/* Some errors of SQLite have rolled back already. */
static void
store_sqlite_rollback (struct store *store)
{
    struct sqlite_db *db = store_db (store);

    if (!sqlite3_get_autocommit (db->sqlite))
        sqlite_db_run (db, SQL_ROLLBACK);
}

static int
store_sqlite_probe (struct store *store, int64_t now_s)
{
    struct sqlite_db *db = store_db (store);

    sqlite_db_set_number (db, SQL_PROBE, 1, now_s);
    return sqlite_db_run (db, SQL_PROBE);
}

static int
store_sqlite_find_answer (struct store *store, const struct gov_id *id,
                          struct store_answer *ret_answer)
{
    struct sqlite_db *db = store_db (store);
    int64_t status;

    sqlite_db_set_id (db, SQL_FIND_ANSWER, 1, id);
    int rc = sqlite_db_first (db, SQL_FIND_ANSWER);
    if (rc != 0)
        return rc;
    const unsigned char *text =
        sqlite3_column_text (db->statement[SQL_FIND_ANSWER], 1);
    if (text == NULL
        || !sqlite_db_take_number (db, SQL_FIND_ANSWER, 0, 200, 599, &status))
        rc = -EUCLEAN;
    char *body = rc == 0 ? strdup ((const char *)text) : NULL;
    if (rc == 0 && body == NULL)
        rc = -ENOMEM;
    if (rc == 0)
        *ret_answer =
            (struct store_answer){.status = (unsigned)status, .body = body};
    sqlite_db_end (db, SQL_FIND_ANSWER);
    return rc;
}

static int
store_sqlite_find_label (struct store *store, const char *public_key,
                         const char *message_id)
{
    struct sqlite_db *db = store_db (store);

    sqlite_db_set_text (db, SQL_FIND_LABEL, 1, public_key);
    sqlite_db_set_text (db, SQL_FIND_LABEL, 2, message_id);
    int rc = sqlite_db_first (db, SQL_FIND_LABEL);
    if (rc == 0)
        sqlite_db_end (db, SQL_FIND_LABEL);
    return rc;
}

static int
store_sqlite_add_message (struct store *store,
                          const struct store_message *message)
{
    struct sqlite_db *db = store_db (store);
    const struct verified_message *verified = message->verified;

    sqlite_db_set_id (db, SQL_ADD_MESSAGE, 1, &verified->id);
    sqlite_db_set_text (db, SQL_ADD_MESSAGE, 2,
                        command_name (verified->command));
    sqlite_db_set_text (db, SQL_ADD_MESSAGE, 3, verified->public_key);
    sqlite_db_set_text (db, SQL_ADD_MESSAGE, 4, message->message_id);
    sqlite_db_set_number (db, SQL_ADD_MESSAGE, 5, verified->timestamp);
    sqlite_db_set_number (db, SQL_ADD_MESSAGE, 6, message->received_at);
    sqlite_db_set_bytes (db, SQL_ADD_MESSAGE, 7, verified->payload);
    sqlite_db_set_number (db, SQL_ADD_MESSAGE, 8, message->status);
    sqlite_db_set_text (db, SQL_ADD_MESSAGE, 9, message->answer);
    return sqlite_db_run (db, SQL_ADD_MESSAGE);
}

static bool
store_take_node (struct sqlite_db *db, enum sqlite_db_statement which,
                 struct store_node *ret)
{
    char type[NAME_MAX_BYTES], status[NAME_MAX_BYTES];
    int64_t id, weight_ppm;

    if (!sqlite_db_take_number (db, which, 0, 1, INT32_MAX, &id)
        || !sqlite_db_take_text (db, which, 1, type, sizeof type)
        || !sqlite_db_take_text (db, which, 2, ret->entity_name,
                                 sizeof ret->entity_name)
        || !sqlite_db_take_text (db, which, 3, ret->public_key,
                                 sizeof ret->public_key)
        || !sqlite_db_take_text (db, which, 4, status, sizeof status)
        || !sqlite_db_take_number (db, which, 5, 0, WEIGHT_PPM_MAX, &weight_ppm)
        || !sqlite_db_take_number (db, which, 6, INT64_MIN, INT64_MAX,
                                   &ret->registered_at))
        return false;
    ret->id = (int32_t)id;
    ret->weight_ppm = (int32_t)weight_ppm;
    ret->has_last_verified = !sqlite_db_is_null (db, which, 7);
    if (ret->has_last_verified
        && !sqlite_db_take_number (db, which, 7, INT64_MIN, INT64_MAX,
                                   &ret->last_verified_at))
        return false;
    return node_type_from_name (type, &ret->type) == 0
           && standing_from_name (status, &ret->standing) == 0;
}

static int
store_first_node (struct sqlite_db *db, enum sqlite_db_statement which,
                  struct store_node *ret_node)
{
    struct store_node node = {0};
    int rc = sqlite_db_first (db, which);

    if (rc != 0)
        return rc;
    if (store_take_node (db, which, &node))
        *ret_node = node;
    else
        rc = -EUCLEAN;
    sqlite_db_end (db, which);
    return rc;
}

static int
store_sqlite_find_node (struct store *store, int32_t id,
                        struct store_node *ret_node)
{
    struct sqlite_db *db = store_db (store);

    sqlite_db_set_number (db, SQL_FIND_NODE, 1, id);
    return store_first_node (db, SQL_FIND_NODE, ret_node);
}

static int
store_sqlite_find_node_of (struct store *store, const char *public_key,
                           struct store_node *ret_node)
{
    struct sqlite_db *db = store_db (store);

    sqlite_db_set_text (db, SQL_FIND_NODE_OF, 1, public_key);
    return store_first_node (db, SQL_FIND_NODE_OF, ret_node);
}

static int
store_sqlite_add_node (struct store *store, const struct store_node *node,
                       int32_t *ret_id)
{
    struct sqlite_db *db = store_db (store);

    sqlite_db_set_text (db, SQL_ADD_NODE, 1, node_type_name (node->type));
    sqlite_db_set_text (db, SQL_ADD_NODE, 2, node->entity_name);
    sqlite_db_set_text (db, SQL_ADD_NODE, 3, node->public_key);
    sqlite_db_set_text (db, SQL_ADD_NODE, 4, standing_name (node->standing));
    sqlite_db_set_number (db, SQL_ADD_NODE, 5, node->weight_ppm);
    sqlite_db_set_number (db, SQL_ADD_NODE, 6, node->registered_at);
    if (node->has_last_verified)
        sqlite_db_set_number (db, SQL_ADD_NODE, 7, node->last_verified_at);
    else
        sqlite_db_set_text (db, SQL_ADD_NODE, 7, NULL);
    int rc = sqlite_db_run (db, SQL_ADD_NODE);
    if (rc == 0) /* the table's CHECK keeps it in range */
        *ret_id = (int32_t)sqlite3_last_insert_rowid (db->sqlite);
    return rc;
}

static int
store_sqlite_find_revision (struct store *store, int32_t node_id,
                            struct voice_order *ret_order)
{
    struct sqlite_db *db = store_db (store);
    struct voice_order order;

    sqlite_db_set_number (db, SQL_FIND_REVISION, 1, node_id);
    int rc = sqlite_db_first (db, SQL_FIND_REVISION);
    if (rc != 0)
        return rc;
    if (sqlite_db_take_number (db, SQL_FIND_REVISION, 0, INT64_MIN, INT64_MAX,
                               &order.timestamp)
        && sqlite_db_take_id (db, SQL_FIND_REVISION, 1, &order.id))
        *ret_order = order;
    else
        rc = -EUCLEAN;
    sqlite_db_end (db, SQL_FIND_REVISION);
    return rc;
}

static int
store_sqlite_add_revision (struct store *store,
                           const struct store_revision *revision)
{
    struct sqlite_db *db = store_db (store);

    sqlite_db_set_number (db, SQL_ADD_REVISION, 1, revision->node_id);
    sqlite_db_set_id (db, SQL_ADD_REVISION, 2, &revision->order.id);
    sqlite_db_set_number (db, SQL_ADD_REVISION, 3, revision->order.timestamp);
    sqlite_db_set_text (db, SQL_ADD_REVISION, 4,
                        revision_state_names[revision->state]);
    sqlite_db_set_text (db, SQL_ADD_REVISION, 5,
                        node_type_name (revision->type));
    sqlite_db_set_text (db, SQL_ADD_REVISION, 6, revision->entity_name);
    sqlite_db_set_number (db, SQL_ADD_REVISION, 7,
                          revision->qualification.qualified);
    sqlite_db_set_number (db, SQL_ADD_REVISION, 8,
                          revision->qualification.weight_ppm);
    return sqlite_db_run (db, SQL_ADD_REVISION);
}

static int
store_sqlite_drop_revisions (struct store *store, int32_t node_id)
{
    struct sqlite_db *db = store_db (store);

    sqlite_db_set_number (db, SQL_DROP_REVISIONS, 1, node_id);
    return sqlite_db_run (db, SQL_DROP_REVISIONS);
}

/* Takes the columns that only one kind has. */
static bool
store_take_voice_of_kind (struct sqlite_db *db, enum sqlite_db_statement which,
                          struct store_voice *ret)
{
    char signal[NAME_MAX_BYTES];
    int64_t pr_id;

    if (ret->kind == VOICE_DECISION)
        return sqlite_db_take_text (db, which, 5, ret->ruleset,
                                    sizeof ret->ruleset);
    if (!sqlite_db_take_number (db, which, 5, 1, INT32_MAX, &pr_id)
        || !sqlite_db_take_text (db, which, 6, signal, sizeof signal))
        return false;
    ret->pr_id = (int32_t)pr_id;
    return signal_type_from_name (signal, &ret->signal_type) == 0;
}

static bool
store_take_voice (struct sqlite_db *db, enum sqlite_db_statement which,
                  struct store_voice *ret)
{
    char outcome[NAME_MAX_BYTES];
    int64_t node_id = 0;

    if (!sqlite_db_take_id (db, which, 0, &ret->order.id)
        || !sqlite_db_take_text (db, which, 1, ret->public_key,
                                 sizeof ret->public_key)
        || !sqlite_db_take_number (db, which, 3, INT64_MIN, INT64_MAX,
                                   &ret->order.timestamp)
        || !sqlite_db_take_text (db, which, 4, outcome, sizeof outcome))
        return false;
    if (!sqlite_db_is_null (db, which, 2)
        && !sqlite_db_take_number (db, which, 2, 1, INT32_MAX, &node_id))
        return false;
    ret->node_id = (int32_t)node_id;
    return voice_outcome_from_name (outcome, &ret->outcome) == 0
           && store_take_voice_of_kind (db, which, ret);
}

static int
store_first_voice (struct sqlite_db *db, enum sqlite_db_statement which,
                   enum voice_kind kind, struct store_voice *ret_voice)
{
    struct store_voice voice = {.kind = kind};
    int rc = sqlite_db_first (db, which);

    if (rc != 0)
        return rc;
    if (store_take_voice (db, which, &voice))
        *ret_voice = voice;
    else
        rc = -EUCLEAN;
    sqlite_db_end (db, which);
    return rc;
}

static int
store_sqlite_find_voice (struct store *store, const struct store_voice *wanted,
                         struct store_voice *ret_voice)
{
    struct sqlite_db *db = store_db (store);
    enum sqlite_db_statement which = voice_statements[wanted->kind].find;

    sqlite_db_set_text (db, which, 1, wanted->public_key);
    if (wanted->kind == VOICE_SIGNAL)
        sqlite_db_set_number (db, which, 2, wanted->pr_id);
    return store_first_voice (db, which, wanted->kind, ret_voice);
}

static int
store_sqlite_find_pending (struct store *store, enum voice_kind kind,
                           int32_t node_id, struct store_voice *ret_voice)
{
    struct sqlite_db *db = store_db (store);
    enum sqlite_db_statement which = voice_statements[kind].pending;

    sqlite_db_set_number (db, which, 1, node_id);
    return store_first_voice (db, which, kind, ret_voice);
}

static int
store_sqlite_add_voice (struct store *store, const struct store_voice *voice)
{
    struct sqlite_db *db = store_db (store);
    enum sqlite_db_statement which = voice_statements[voice->kind].add;

    sqlite_db_set_id (db, which, 1, &voice->order.id);
    sqlite_db_set_text (db, which, 2, voice->public_key);
    if (voice->node_id != 0)
        sqlite_db_set_number (db, which, 3, voice->node_id);
    else
        sqlite_db_set_text (db, which, 3, NULL);
    sqlite_db_set_number (db, which, 4, voice->order.timestamp);
    sqlite_db_set_text (db, which, 5, voice_outcome_name (voice->outcome));
    if (voice->kind == VOICE_DECISION) {
        sqlite_db_set_text (db, which, 6, voice->ruleset);
    } else {
        sqlite_db_set_number (db, which, 6, voice->pr_id);
        sqlite_db_set_text (db, which, 7,
                            signal_type_name (voice->signal_type));
    }
    return sqlite_db_run (db, which);
}

static int
store_sqlite_set_voice (struct store *store, enum voice_kind kind,
                        const struct gov_id *id, enum voice_outcome outcome)
{
    struct sqlite_db *db = store_db (store);
    enum sqlite_db_statement which = voice_statements[kind].set;

    sqlite_db_set_text (db, which, 1, voice_outcome_name (outcome));
    sqlite_db_set_id (db, which, 2, id);
    return sqlite_db_run (db, which);
}

static int
store_sqlite_bind_voices (struct store *store, const char *public_key,
                          int32_t node_id)
{
    struct sqlite_db *db = store_db (store);
    int rc = 0;

    for (size_t kind = 0; rc == 0 && kind < VOICE_KINDS_; kind++) {
        enum sqlite_db_statement which = voice_statements[kind].bind;
        sqlite_db_set_number (db, which, 1, node_id);
        sqlite_db_set_text (db, which, 2, public_key);
        rc = sqlite_db_run (db, which);
    }
    return rc;
}

static int
store_sqlite_note_ruleset (struct store *store, const char *ruleset,
                           int64_t now_s, bool *ret_new)
{
    struct sqlite_db *db = store_db (store);

    sqlite_db_set_text (db, SQL_NOTE_RULESET, 1, ruleset);
    sqlite_db_set_number (db, SQL_NOTE_RULESET, 2, now_s);
    int rc = sqlite_db_run (db, SQL_NOTE_RULESET);
    if (rc == 0)
        *ret_new = sqlite3_changes (db->sqlite) > 0;
    return rc;
}

/* Finds the end of the chain; an empty one ends in row 0, of hash 0. */
static int
store_last_audit (struct sqlite_db *db, int64_t *ret_seq, struct gov_id *ret)
{
    int rc = sqlite_db_first (db, SQL_LAST_AUDIT);

    if (rc == -ENOENT) {
        *ret_seq = 0;
        *ret = (struct gov_id){0};
        return 0;
    }
    if (rc != 0)
        return rc;
    if (!sqlite_db_take_number (db, SQL_LAST_AUDIT, 0, 1, INT64_MAX - 1,
                                ret_seq)
        || !sqlite_db_take_id (db, SQL_LAST_AUDIT, 1, ret))
        rc = -EUCLEAN;
    sqlite_db_end (db, SQL_LAST_AUDIT);
    return rc;
}

static int
store_sqlite_add_audit (struct store *store, const struct audit_row *row)
{
    struct sqlite_db *db = store_db (store);
    struct gov_id previous, hash; /* a SHA-256, as a gov_id is */
    int64_t seq;

    int rc = store_last_audit (db, &seq, &previous);
    if (rc != 0)
        return rc;
    audit_hash (row, seq + 1, previous.bytes, hash.bytes);
    sqlite_db_set_number (db, SQL_ADD_AUDIT, 1, seq + 1);
    sqlite_db_set_id (db, SQL_ADD_AUDIT, 2, &previous);
    sqlite_db_set_id (db, SQL_ADD_AUDIT, 3, &hash);
    sqlite_db_set_number (db, SQL_ADD_AUDIT, 4, row->at_s);
    sqlite_db_set_text (db, SQL_ADD_AUDIT, 5, row->action);
    sqlite_db_set_text (db, SQL_ADD_AUDIT, 6, row->subject);
    sqlite_db_set_id (db, SQL_ADD_AUDIT, 7, row->id);
    sqlite_db_set_text (db, SQL_ADD_AUDIT, 8, row->detail);
    return sqlite_db_run (db, SQL_ADD_AUDIT);
}

static void
store_sqlite_close (struct store *store)
{
    sqlite_db_close (store_db (store));
    free (store);
}

static const struct store_functions store_sqlite_functions = {
    .begin = store_sqlite_begin,
    .commit = store_sqlite_commit,
    .rollback = store_sqlite_rollback,
    .probe = store_sqlite_probe,
    .find_answer = store_sqlite_find_answer,
    .find_label = store_sqlite_find_label,
    .add_message = store_sqlite_add_message,
    .find_node = store_sqlite_find_node,
    .find_node_of = store_sqlite_find_node_of,
    .add_node = store_sqlite_add_node,
    .find_revision = store_sqlite_find_revision,
    .add_revision = store_sqlite_add_revision,
    .drop_revisions = store_sqlite_drop_revisions,
    .find_voice = store_sqlite_find_voice,
    .find_pending = store_sqlite_find_pending,
    .add_voice = store_sqlite_add_voice,
    .set_voice = store_sqlite_set_voice,
    .bind_voices = store_sqlite_bind_voices,
    .note_ruleset = store_sqlite_note_ruleset,
    .add_audit = store_sqlite_add_audit,
    .close = store_sqlite_close,
};

int
store_sqlite_open (const char *path, struct store **ret_store,
                   char ret_words[STORE_WORDS_MAX + 1])
{
    struct store_sqlite *store = calloc (1, sizeof *store);
    if (store == NULL) {
        snprintf (ret_words, STORE_WORDS_MAX + 1, "out of memory");
        return -ENOMEM;
    }
    store->store.call = &store_sqlite_functions;
    int rc = sqlite_db_open (&store->db, path, ret_words);
    if (rc != 0) {
        free (store);
        return rc;
    }
    *ret_store = &store->store;
    return 0;
}
