/* SPDX-License-Identifier: MIT */
/* topic - the table of tap topics, readable from C.
 *
 *   in   topics.def
 *   out  names and sentences
 *   owns nothing
 */
#include "messages/link/topic.h"

enum topic_kind { TOPIC_PLAIN, TOPIC_COMMAND };

static const struct topic_row {
    const char *name;
    enum topic_kind kind;
    const char *sentence;
} topic_rows[] = {
#define TOPIC(NAME, name, kind, sentence) {name, TOPIC_##kind, sentence},
#include "messages/topics.def"
#undef TOPIC
};

static const struct topic_row *
topic_row (enum topic topic)
{
    assert ((unsigned)topic < TOPICS_);
    return &topic_rows[topic];
}

const char *
topic_name (enum topic topic)
{
    return topic_row (topic)->name;
}

bool
topic_has_command (enum topic topic)
{
    return topic_row (topic)->kind == TOPIC_COMMAND;
}

const char *
topic_sentence (enum topic topic)
{
    return topic_row (topic)->sentence;
}
