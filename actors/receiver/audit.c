/* SPDX-License-Identifier: MIT */
/* audit - the hash that chains the rows.
 *
 *   in   a row and the hash of the one before
 *   out  its hash
 *   owns nothing
 *
 * Next on the tour: actors/receiver/receiver_actor.c
 */
#include "actors/receiver/audit.h"

#include <inttypes.h>
#include <stdio.h>

#include "hex.h"

/* Three texts, two hashes in hex, two numbers, the title, the line feeds. */
#define AUDIT_LINES_MAX (3 * AUDIT_TEXT_MAX + 2 * 64 + 2 * 20 + 32)

void
audit_hash (const struct audit_row *row, int64_t seq,
            const uint8_t previous[DIGEST_SIZE], uint8_t ret_hash[DIGEST_SIZE])
{
    char lines[AUDIT_LINES_MAX], before[2 * DIGEST_SIZE + 1], id[65] = "-";

    hex_encode (bytes_of (previous, DIGEST_SIZE), before);
    if (row->id != NULL)
        gov_id_text (row->id, id);
    int size = snprintf (
        lines, sizeof lines,
        "govrelay audit 1\n%s\n%" PRId64 "\n%" PRId64 "\n%s\n%s\n%s\n%s",
        before, seq, row->at_s, row->action, row->subject, id, row->detail);
    assert (size > 0 && (size_t)size < sizeof lines);
    digest_sha256 (bytes_of (lines, (size_t)size), ret_hash);
}
