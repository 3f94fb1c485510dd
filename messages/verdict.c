/* SPDX-License-Identifier: MIT */
/* verdict - the table of verdicts, readable from C.
 *
 *   in   verdicts.def
 *   out  names, classes, points, sentences
 *   owns nothing
 */
#include "messages/verdict.h"

struct verdict_row {
    const char *name;
    enum verdict_class class;
    unsigned points;
    const char *clause;
    const char *sentence;
};

static const struct verdict_row verdict_rows[] = {
#define VERDICT(NAME, name, class, points, clause, sentence)                   \
    {name, VERDICT_##class, points, clause, sentence},
#include "messages/verdicts.def"
#undef VERDICT
};

static const struct verdict_row *
verdict_row (enum verdict verdict)
{
    assert ((unsigned)verdict < VERDICTS_);
    return &verdict_rows[verdict];
}

const char *
verdict_name (enum verdict verdict)
{
    return verdict_row (verdict)->name;
}

enum verdict_class
verdict_class (enum verdict verdict)
{
    return verdict_row (verdict)->class;
}

unsigned
verdict_points (enum verdict verdict)
{
    return verdict_row (verdict)->points;
}

const char *
verdict_clause (enum verdict verdict)
{
    return verdict_row (verdict)->clause;
}

const char *
verdict_sentence (enum verdict verdict)
{
    return verdict_row (verdict)->sentence;
}
