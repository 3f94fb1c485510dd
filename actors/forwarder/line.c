/* SPDX-License-Identifier: MIT */
/* line - who waits on one path of Commons.
 *
 *   in   rows, by place and public key
 *   out  the slots in order, found by either
 *   owns the items
 *
 * Next on the tour: actors/forwarder/schedule.c
 */
#include "actors/forwarder/line.h"

#include <stdlib.h>

/* FNV-1a. Somebody who picks keys that fall together makes us walk a chain of
 * at most LINE_MAX_ROWS: some microseconds. */
static size_t
bucket_of (const char *public_key)
{
    uint64_t hash = UINT64_C (14695981039346656037);

    for (; *public_key != 0; public_key++)
        hash = (hash ^ (uint8_t)*public_key) * UINT64_C (1099511628211);
    return (size_t)(hash >> 32) & (LINE_BUCKETS - 1);
}

struct line_item *
line_find_key (const struct line *line, const char *public_key)
{
    struct line_item *item = line->buckets[bucket_of (public_key)];

    while (item != NULL && strcmp (item->public_key, public_key) != 0)
        item = item->next;
    return item;
}

/* Returns where PLACE stands in the line, or would. */
static size_t
index_of (const struct line *line, int64_t place)
{
    size_t low = 0, high = line->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (line->slots[middle].item->place < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct line_slot *
line_slot (struct line *line, int64_t place)
{
    size_t index = index_of (line, place);

    assert (index < line->count && line->slots[index].item->place == place);
    return &line->slots[index];
}

struct line_item *
line_insert (struct line *line, int64_t place, const char *public_key,
             struct instant ready)
{
    struct line_item *item = calloc (1, sizeof (*item));
    struct line_item **bucket = &line->buckets[bucket_of (public_key)];
    size_t size = strlen (public_key);
    size_t index = index_of (line, place);

    if (item == NULL)
        return NULL;
    assert (line->count < LINE_MAX_ROWS && size <= PUBLIC_KEY_TEXT_MAX);
    item->place = place;
    memcpy (item->public_key, public_key, size);
    item->ready = ready;
    item->next = *bucket;
    *bucket = item;
    memmove (&line->slots[index + 1], &line->slots[index],
             (line->count - index) * sizeof (line->slots[0]));
    line->slots[index] = (struct line_slot){.ready_us = ready.us, .item = item};
    line->count++;
    return item;
}

void
line_remove (struct line *line, size_t index)
{
    struct line_item *item = line->slots[index].item;
    struct line_item **link = &line->buckets[bucket_of (item->public_key)];

    while (*link != item)
        link = &(*link)->next;
    *link = item->next;
    line->count--;
    memmove (&line->slots[index], &line->slots[index + 1],
             (line->count - index) * sizeof (line->slots[0]));
    free (item);
}

void
line_done (struct line *line)
{
    for (size_t i = 0; i < line->count; i++)
        free (line->slots[i].item);
    line->count = 0;
}
