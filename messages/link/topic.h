/* SPDX-License-Identifier: MIT */
/* topic - the names under which taps show what happens (topics.def). */
#pragma once

#include "base.h"

enum topic {
#define TOPIC(NAME, name, kind, sentence) TOPIC_##NAME,
#include "messages/topics.def"
#undef TOPIC
    TOPICS_
};

/* Returns the name without a command, "dedup.accepted". */
const char *topic_name (enum topic topic);

/* Returns true when the name on the wire ends in ".<command>". */
bool topic_has_command (enum topic topic);

/* Returns one sentence for people. */
const char *topic_sentence (enum topic topic);
