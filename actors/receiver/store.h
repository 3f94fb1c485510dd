/* SPDX-License-Identifier: MIT */
/* store - what the receiver keeps, whatever keeps it.
 *
 * A table of functions, so that the same rules run over SQLite and PostgreSQL.
 * A store decides nothing: it reads and writes rows. All writing happens
 * between begin and commit, by one writer at a time (PROTOCOL 7.8).
 *
 * Every function returns 0 or -errno. A find that finds nothing returns -ENOENT
 * and leaves its result alone. After any other error the caller rolls back.
 */
#pragma once

#include "actors/receiver/audit.h"
#include "actors/receiver/governance.h"
#include "base.h"
#include "messages/governance/message.h"

#define STORE_WORDS_MAX 255 /* bytes of a sentence for the operator */

/* A message as it came, and what it was answered. */
struct store_message {
    const struct verified_message *verified; /* borrowed */
    const char *message_id;                  /* borrowed */
    int64_t received_at;                     /* Unix seconds */
    unsigned status;                         /* of HTTP */
    const char *answer;                      /* JSON; borrowed */
};

/* What a known message was answered. */
struct store_answer {
    unsigned status;
    char *body; /* yours to free () */
};

struct store_node {
    int32_t id; /* >= 1 */
    enum node_type type;
    char entity_name[MESSAGE_LABEL_MAX + 1];
    char public_key[PUBLIC_KEY_TEXT_MAX + 1];
    enum standing standing;
    int32_t weight_ppm;
    int64_t registered_at; /* Unix seconds */
    bool has_last_verified;
    int64_t last_verified_at; /* Unix seconds */
};

enum revision_state {
    REVISION_IN_FORCE,
    REVISION_WAITING,    /* for an operator */
    REVISION_SUPERSEDED, /* by a later one that waits */
    REVISION_STATES_
};

/* A registration of a node; its first is in force from the start. */
struct store_revision {
    int32_t node_id;
    struct voice_order order;
    enum revision_state state;
    enum node_type type;
    const char *entity_name; /* borrowed */
    struct qualification qualification;
};

enum voice_kind { VOICE_SIGNAL, VOICE_DECISION, VOICE_KINDS_ };

/* What a node says: a signal on a PR, or for a ruleset. All but one for each
 * place, (pr, key) or (key), are superseded. */
struct store_voice {
    enum voice_kind kind;
    char public_key[PUBLIC_KEY_TEXT_MAX + 1];
    int32_t node_id; /* 0: the key is of no node yet */
    struct voice_order order;
    enum voice_outcome outcome;
    int32_t pr_id;                       /* of a signal, else 0 */
    enum signal_type signal_type;        /* of a signal */
    char ruleset[MESSAGE_LABEL_MAX + 1]; /* of a decision, else "" */
};

struct store;

struct store_functions {
    int (*begin) (struct store *store);
    int (*commit) (struct store *store); /* durable when it returns 0 */
    void (*rollback) (struct store *store);
    /* Writes and commits something: can the database commit? */
    int (*probe) (struct store *store, int64_t now_s);

    int (*find_answer) (struct store *store, const struct gov_id *id,
                        struct store_answer *ret_answer);
    /* Is there a message of KEY with this label? 0 or -ENOENT. */
    int (*find_label) (struct store *store, const char *public_key,
                       const char *message_id);
    int (*add_message) (struct store *store,
                        const struct store_message *message);

    int (*find_node) (struct store *store, int32_t id,
                      struct store_node *ret_node);
    int (*find_node_of) (struct store *store, const char *public_key,
                         struct store_node *ret_node);
    /* Ignores the id of NODE and returns the one it was given. */
    int (*add_node) (struct store *store, const struct store_node *node,
                     int32_t *ret_id);

    /* The latest registration of a node. */
    int (*find_revision) (struct store *store, int32_t node_id,
                          struct voice_order *ret_order);
    int (*add_revision) (struct store *store,
                         const struct store_revision *revision);
    /* All that wait are superseded. */
    int (*drop_revisions) (struct store *store, int32_t node_id);

    /* The voice in the place of WANTED: its kind, public_key, pr_id. */
    int (*find_voice) (struct store *store, const struct store_voice *wanted,
                       struct store_voice *ret_voice);
    /* Any voice of the node that is pending. */
    int (*find_pending) (struct store *store, enum voice_kind kind,
                         int32_t node_id, struct store_voice *ret_voice);
    int (*add_voice) (struct store *store, const struct store_voice *voice);
    int (*set_voice) (struct store *store, enum voice_kind kind,
                      const struct gov_id *id, enum voice_outcome outcome);
    /* Everything that PUBLIC_KEY has said so far was said by NODE_ID. */
    int (*bind_voices) (struct store *store, const char *public_key,
                        int32_t node_id);

    /* Records a ruleset as observed; *ret_new: nobody had named it before. */
    int (*note_ruleset) (struct store *store, const char *ruleset,
                         int64_t now_s, bool *ret_new);
    int (*add_audit) (struct store *store, const struct audit_row *row);

    void (*close) (struct store *store);
};

struct store {
    const struct store_functions *call;
};

/* Opens the SQLite database at PATH and brings its tables up to date.
 *
 * Returns: 0, or -errno with nothing left open: -ENOTSUP, the database is of a
 *          later version; -EROFS; -EUCLEAN, it is none of ours; …
 * Out:     *ret_store, to be closed with store_close; on failure ret_words says
 *          what is wrong.
 */
int store_sqlite_open (const char *path, struct store **ret_store,
                       char ret_words[STORE_WORDS_MAX + 1]);

/* Closes *STORE, if any, and sets it to NULL. */
static inline void
store_close (struct store **store)
{
    if (*store != NULL)
        (*store)->call->close (*store);
    *store = NULL;
}
