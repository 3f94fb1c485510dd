/* SPDX-License-Identifier: MIT */
/* status - who asked what, and who may answer (PROTOCOL 5.6).
 *
 *   in   names of queries, responses
 *   out  pass on, answer, ignore; the askers of an answer
 *   owns the table of the last 300 s and the answers of the last 30
 */
#include "actors/gossip/status.h"

#include <stdlib.h>

#include "messages/base/bucket.h"

struct status_table {
    struct status_query *query; /* ring, oldest first; owned */
    size_t first;
    size_t count;
    struct bucket pass; /* queries passed on */
};

struct status_table *
status_table_create (struct instant now)
{
    struct status_table *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->query = calloc (STATUS_QUERIES_MAX, sizeof *self->query);
    if (!self->query) {
        free (self);
        return NULL;
    }
    bucket_init (&self->pass, STATUS_PASS_RATE, SECOND_US, STATUS_PASS_BURST,
                 now);
    return self;
}

static struct status_query *
status_at (const struct status_table *self, size_t index)
{
    return &self->query[(self->first + index) % STATUS_QUERIES_MAX];
}

static void
status_query_clear (struct status_query *query)
{
    free (query->answer);
    *query = (struct status_query){0};
}

void
status_table_destroy (struct status_table **table)
{
    struct status_table *self = *table;
    if (!self)
        return;
    *table = NULL;
    for (size_t i = 0; i < self->count; i++)
        status_query_clear (status_at (self, i));
    free (self->query);
    free (self);
}

static void
status_expire (struct status_table *self, struct instant now)
{
    while (self->count > 0
           && instant_since (now, status_at (self, 0)->since)
                  >= STATUS_LIFE_US) {
        status_query_clear (status_at (self, 0));
        self->first = (self->first + 1) % STATUS_QUERIES_MAX;
        self->count--;
    }
}

static struct status_query *
status_find (struct status_table *self, const struct gov_id *name)
{
    for (size_t i = self->count; i-- > 0;) {
        struct status_query *query = status_at (self, i);
        if (memcmp (&query->name, name, sizeof *name) == 0)
            return query;
    }
    return NULL;
}

static void
status_add_asker (struct status_query *query, uint64_t peer)
{
    for (size_t i = 0; i < query->askers_count; i++)
        if (query->askers[i] == peer)
            return;
    if (query->askers_count < STATUS_ASKERS_MAX)
        query->askers[query->askers_count++] = peer;
}

enum status_step
status_on_query (struct status_table *self, uint64_t peer,
                 const struct gov_id *name, struct instant now,
                 struct status_query **ret_query, enum verdict *ret_verdict)
{
    status_expire (self, now);
    struct status_query *query = status_find (self, name);
    if (query) {
        *ret_verdict = VERDICT_DUPLICATE;
        *ret_query = query;
        bool fresh =
            query->answered
            && instant_since (now, query->answered_at) < STATUS_ANSWER_LIFE_US;
        if (!query->answered)
            status_add_asker (query, peer);
        return fresh ? STATUS_ANSWER : STATUS_IGNORE;
    }
    *ret_verdict = VERDICT_BUSY;
    if (self->count == STATUS_QUERIES_MAX || !bucket_take (&self->pass, 1, now))
        return STATUS_IGNORE;
    query = status_at (self, self->count++);
    *query = (struct status_query){.name = *name, .since = now};
    status_add_asker (query, peer);
    *ret_verdict = VERDICT_ACCEPTED;
    *ret_query = query;
    return STATUS_PASS;
}

void
status_forget (struct status_table *self, struct status_query *query)
{
    assert (query == status_at (self, self->count - 1));
    status_query_clear (query);
    self->count--;
}

static struct status_query *
status_answer (struct status_query *query, struct bytes payload,
               struct instant now)
{
    query->answered = true;
    query->answered_at = now;
    query->answer = malloc (payload.size ? payload.size : 1);
    if (!query->answer)
        return NULL;
    memcpy (query->answer, payload.data, payload.size);
    query->answer_size = payload.size;
    return query;
}

struct status_query *
status_on_response (struct status_table *self, uint64_t peer,
                    const struct gov_id *name, struct bytes payload,
                    struct instant now)
{
    status_expire (self, now);
    struct status_query *query = status_find (self, name);
    if (!query || query->answered)
        return NULL;
    for (size_t i = 0; i < query->sent_count; i++)
        if (query->sent[i] == peer)
            return status_answer (query, payload, now);
    return NULL;
}

struct status_query *
status_on_commons (struct status_table *self, const struct gov_id *name,
                   struct bytes payload, struct instant now)
{
    struct status_query *query = status_find (self, name);
    if (!query || query->answered || !query->commons)
        return NULL;
    return status_answer (query, payload, now);
}
