/* SPDX-License-Identifier: MIT */
/* reading - what a key signed: signing strings and the names made of them.
 *
 *   in   a message that follows the schema
 *   out  its signing string in one or two readings, each with its gov_id
 *   owns nothing; each reading owns its string
 *
 * Next on the tour: messages/governance/verify.c
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "digest.h"
#include "hex.h"
#include "messages/governance/canonical.h"
#include "messages/governance/message.h"

/* Makes the reading of STRING, SIZE long (or -1: no memory); takes STRING. */
static int
reading_init (struct reading *ret, char *string, int size)
{
    if (size < 0)
        return -ENOMEM;
    *ret = (struct reading){.string = string, .size = (size_t)size};
    digest_sha256 (bytes_of (string, ret->size), ret->id.bytes);
    return 0;
}

/* PROTOCOL 3.3, first line. */
static int
reading_of_registration (const struct untrusted_message *m,
                         const char *qual_hash, struct reading *ret)
{
    char *string = NULL;
    int size = asprintf (
        &string, "economic_node_registration:%s:%s:%s:%s:%" PRId64 ":%s",
        node_type_name (m->registration.node_type), m->registration.entity_name,
        m->public_key, qual_hash, m->timestamp, m->message_id);

    return reading_init (ret, string, size);
}

static int
reading_of_veto (const struct untrusted_message *m, struct reading *ret)
{
    char *string = NULL;
    int size = asprintf (&string,
                         "economic_node_veto:%" PRId32 ":%s:%s:%" PRId64 ":%s",
                         m->veto.pr_id, signal_type_name (m->veto.signal_type),
                         m->public_key, m->timestamp, m->message_id);

    return reading_init (ret, string, size);
}

static int
reading_of_fork (const struct untrusted_message *m, struct reading *ret)
{
    char *string = NULL;
    int size = asprintf (
        &string, "economic_node_fork_decision:%s:%s:%" PRId64 ":%s",
        m->fork.chosen_ruleset, m->public_key, m->timestamp, m->message_id);

    return reading_init (ret, string, size);
}

/* PROTOCOL 3.4: "A verifier tries document order first, then keys sorted by
 * bytes at every level". Returns how many differ, or -ENOMEM. */
static int
readings_of_registration (const struct untrusted_message *m,
                          struct reading ret[2])
{
    const json_t *qualification = m->registration.qualification;
    char document[65], sorted[65];

    int rc = canonical_hash (qualification, CANONICAL_DOCUMENT, document);
    if (rc == 0)
        rc = canonical_hash (qualification, CANONICAL_SORTED, sorted);
    if (rc == 0)
        rc = reading_of_registration (m, document, &ret[0]);
    if (rc != 0)
        return rc;
    if (strcmp (document, sorted) == 0)
        return 1;
    rc = reading_of_registration (m, sorted, &ret[1]);
    if (rc != 0) {
        reading_done (&ret[0]);
        return rc;
    }
    return 2;
}

void
gov_id_text (const struct gov_id *id, char ret_text[65])
{
    hex_encode (bytes_of (id->bytes, sizeof id->bytes), ret_text);
}

struct gov_id
status_name (const struct untrusted_message *status)
{
    /* 19 digits, a word of at most 13, a key of at most 66. */
    char text[128];
    struct gov_id name;

    assert (status->command == COMMAND_ECONSTATUS);
    int size = snprintf (text, sizeof text, "%" PRId64 "%s%s",
                         status->status.request_id,
                         query_type_name (status->status.query_type),
                         status->status.node_identifier);
    digest_sha256 (bytes_of (text, (size_t)size), name.bytes);
    return name;
}

void
reading_done (struct reading *reading)
{
    free (reading->string);
    *reading = (struct reading){0};
}

int
message_readings (const struct untrusted_message *message,
                  struct reading ret[2])
{
    int rc = 0;

    bool signed_kind = message->command < COMMAND_ECONSTATUS;
    assert (signed_kind); /* nobody signs a status: ask of our own callers */
    if (message->command == COMMAND_ECONREG)
        return readings_of_registration (message, ret);
    if (message->command == COMMAND_ECONVETO)
        rc = reading_of_veto (message, &ret[0]);
    else
        rc = reading_of_fork (message, &ret[0]);
    return rc != 0 ? rc : 1;
}
