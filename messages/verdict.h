/* SPDX-License-Identifier: MIT */
/* verdict - what was decided about a message, and why (verdicts.def). */
#pragma once

#include "base.h"

enum verdict {
#define VERDICT(NAME, name, class, points, clause, sentence) VERDICT_##NAME,
#include "messages/verdicts.def"
#undef VERDICT
    VERDICTS_
};

enum verdict_class { VERDICT_ACCEPT, VERDICT_IGNORE, VERDICT_REJECT };

/* Why a stranger's bytes were refused. All text is ours and static: nothing
 * that a peer wrote is ever repeated through it. */
struct refusal {
    enum verdict verdict;
    const char *clause; /* of PROTOCOL, "3.2" */
    const char *what;   /* the key or rule at fault, "signal_type" */
};

/* Returns the name used in taps, logs, HTTP and metrics, "bad_signature". */
const char *verdict_name (enum verdict verdict);

/* Returns the class: what happens to the sender. */
enum verdict_class verdict_class (enum verdict verdict);

/* Returns the points that it costs the sender (PROTOCOL 5.4), 0 for most. */
unsigned verdict_points (enum verdict verdict);

/* Returns the clause of PROTOCOL that defines it. */
const char *verdict_clause (enum verdict verdict);

/* Returns one sentence for people. */
const char *verdict_sentence (enum verdict verdict);
