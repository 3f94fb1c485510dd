/* SPDX-License-Identifier: MIT */
/* verifier - the checks that need no memory of the relay's, in order of cost.
 *
 *   in   untrusted payloads; ids that dedup knows; the floor
 *   out  verified messages, or why not
 *   owns the context of the keys, the newest known ids, sorted lists of keys
 *
 * Next on the tour: actors/verifier/verifier_actor.c
 */
#include "actors/verifier/verifier.h"

#include <stdlib.h>

#include "ringset.h"

struct key_list {
    const char **key; /* sorted; owned, the texts borrowed */
    size_t count;
};

struct verifier {
    struct key_context *keys; /* owned */
    struct ringset *known;    /* first 16 bytes of ids; owned */
    struct key_list allow;
    struct key_list deny;
    int64_t floor_s;
};

static int
key_compare (const void *a, const void *b)
{
    return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static int
key_list_init (struct key_list *list, const struct string_list *texts)
{
    if (texts->count == 0)
        return 0;
    list->key = calloc (texts->count, sizeof *list->key);
    if (list->key == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < texts->count; i++)
        list->key[i] = texts->item[i];
    list->count = texts->count;
    qsort (list->key, list->count, sizeof *list->key, key_compare);
    return 0;
}

static bool
key_list_has (const struct key_list *list, const char *key)
{
    return list->count > 0
           && bsearch (&key, list->key, list->count, sizeof *list->key,
                       key_compare)
                  != NULL;
}

static enum verdict
verifier_refuse (struct verifier_finding *finding, enum verdict verdict,
                 const char *clause, const char *what)
{
    finding->why =
        (struct refusal){.verdict = verdict, .clause = clause, .what = what};
    return verdict;
}

static enum verdict
verifier_check_time (const struct verifier *verifier,
                     const struct untrusted_message *message, int64_t now_s,
                     struct verifier_finding *finding)
{
    enum verdict verdict =
        message_judge_time (message->timestamp, now_s, verifier->floor_s);

    return verdict == VERDICT_ACCEPTED
               ? verdict
               : verifier_refuse (finding, verdict, "5.2", "timestamp");
}

/* PROTOCOL 3.5: "a look-up before the signature tries both" readings. */
static enum verdict
verifier_check_known (const struct verifier *verifier,
                      const struct reading *readings, size_t count,
                      struct verifier_finding *finding)
{
    for (size_t i = 0; i < count; i++) {
        if (!ringset_has (verifier->known, readings[i].id.bytes))
            continue;
        finding->has_id = true;
        finding->id = readings[i].id;
        return verifier_refuse (finding, VERDICT_DUPLICATE, "3.5", "gov_id");
    }
    return VERDICT_ACCEPTED;
}

static enum verdict
verifier_check_lists (const struct verifier *verifier,
                      const struct untrusted_message *message,
                      struct verifier_finding *finding)
{
    if (key_list_has (&verifier->deny, message->public_key))
        return verifier_refuse (finding, VERDICT_DENIED, "5.1", "deny_keys");
    if (verifier->allow.count > 0
        && !key_list_has (&verifier->allow, message->public_key))
        return verifier_refuse (finding, VERDICT_DENIED, "5.1", "allow_keys");
    return VERDICT_ACCEPTED;
}

/* Known id, lists, point, signature: all that needs the signing string. */
static enum verdict
verifier_prove (const struct verifier *verifier,
                const struct untrusted_message *message,
                const struct reading *readings, size_t count,
                struct verifier_finding *finding)
{
    enum verdict verdict =
        verifier_check_known (verifier, readings, count, finding);

    if (verdict == VERDICT_ACCEPTED)
        verdict = verifier_check_lists (verifier, message, finding);
    if (verdict == VERDICT_ACCEPTED)
        verdict = message_verify (verifier->keys, message, readings, count,
                                  &finding->message, &finding->why);
    if (verdict == VERDICT_ACCEPTED) {
        finding->has_id = true;
        finding->id = finding->message.id;
    }
    return verdict;
}

static enum verdict
verifier_judge_signed (const struct verifier *verifier,
                       const struct untrusted_message *message, int64_t now_s,
                       struct verifier_finding *finding)
{
    struct reading readings[2];
    enum verdict verdict =
        verifier_check_time (verifier, message, now_s, finding);
    if (verdict != VERDICT_ACCEPTED)
        return verdict;

    int count = message_readings (message, readings);
    if (count < 0)
        return verifier_refuse (finding, VERDICT_BUSY, "5.7", "out of memory");
    verdict =
        verifier_prove (verifier, message, readings, (size_t)count, finding);
    for (int i = 0; i < count; i++)
        reading_done (&readings[i]);
    return verdict;
}

struct verifier *
verifier_create (const struct verifier_options *options)
{
    struct verifier *verifier = calloc (1, sizeof *verifier);
    if (verifier == NULL)
        return NULL;
    verifier->keys = key_context_create (NULL);
    verifier->known = ringset_create (VERIFIER_KNOWN_MAX, options->seed);
    verifier->floor_s = INT64_MIN;
    if (verifier->keys == NULL || verifier->known == NULL
        || key_list_init (&verifier->allow, options->allow_keys) != 0
        || key_list_init (&verifier->deny, options->deny_keys) != 0)
        verifier_destroy (&verifier);
    return verifier;
}

void
verifier_destroy (struct verifier **verifier)
{
    if (*verifier == NULL)
        return;
    key_context_destroy (&(*verifier)->keys);
    ringset_destroy (&(*verifier)->known);
    free ((*verifier)->allow.key);
    free ((*verifier)->deny.key);
    free (*verifier);
    *verifier = NULL;
}

enum verdict
verifier_judge (struct verifier *verifier, enum command command,
                struct bytes payload, int64_t now_s,
                struct verifier_finding *ret_finding)
{
    struct untrusted_message message;

    *ret_finding = (struct verifier_finding){0};
    enum verdict verdict =
        message_parse (command, payload, &message, &ret_finding->why);
    if (verdict != VERDICT_ACCEPTED)
        return verdict;

    if (command == COMMAND_ECONSTATUS) {
        ret_finding->is_status = true;
        ret_finding->is_response = message.status.response != NULL;
        ret_finding->status = status_name (&message);
    } else
        verdict =
            verifier_judge_signed (verifier, &message, now_s, ret_finding);
    message_done (&message);
    return verdict;
}

void
verifier_learn (struct verifier *verifier, const struct gov_id *id)
{
    /* Known already, or no memory for it: it costs a signature. */
    (void)ringset_add (verifier->known, id->bytes);
}

void
verifier_set_floor (struct verifier *verifier, int64_t floor_s)
{
    verifier->floor_s = floor_s;
}
