/* SPDX-License-Identifier: MIT */
/* entry - copies of messages that outlive the bytes they came in.
 *
 *   in   an entry whose texts are borrowed
 *   out  one that owns them
 *   owns nothing
 */
#include "actors/dedup/entry.h"

#include <stdlib.h>

struct entry *
entry_copy (const struct entry *entry)
{
    size_t key = entry->public_key.size;
    size_t payload = entry->payload.size;
    struct entry *copy = malloc (sizeof *copy + key + payload);
    if (copy == NULL)
        return NULL;

    uint8_t *bytes = (uint8_t *)(copy + 1);
    if (key > 0)
        memcpy (bytes, entry->public_key.data, key);
    if (payload > 0)
        memcpy (bytes + key, entry->payload.data, payload);
    *copy = *entry;
    copy->public_key = bytes_of (bytes, key);
    copy->payload = bytes_of (bytes + key, payload);
    return copy;
}
