/* SPDX-License-Identifier: MIT */
/* store - a journal in a private directory, and entries to put into it. */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "actors/dedup/entry.h"
#include "actors/dedup/journal.h"

#define STORE_NOW 1764361549

struct store {
    char dir[64];
    char path[96];
    struct journal *journal;
    size_t loaded; /* entries shown at the last opening */
};

static inline int
store_on_load (void *self, const struct entry *entry)
{
    struct store *store = self;
    (void)entry;
    store->loaded++;
    return 0;
}

static inline int
store_open (struct store *store)
{
    store->loaded = 0;
    return journal_open (store->path, STORE_NOW, store_on_load, store,
                         &store->journal);
}

static inline int
store_reopen (struct store *store)
{
    journal_close (&store->journal);
    return store_open (store);
}

static inline void
store_init (struct store *store)
{
    *store = (struct store){0};
    snprintf (store->dir, sizeof store->dir, "/tmp/govrelay-test-XXXXXX");
    assert (mkdtemp (store->dir) != NULL);
    snprintf (store->path, sizeof store->path, "%s/journal.db", store->dir);
}

static inline void
store_done (struct store *store)
{
    journal_close (&store->journal);
    DIR *dir = opendir (store->dir);
    for (struct dirent *file; (file = readdir (dir)) != NULL;) {
        if (file->d_name[0] != '.')
            unlinkat (dirfd (dir), file->d_name, 0);
    }
    closedir (dir);
    rmdir (store->dir);
}

/* Returns entry NUMBER, on the heap: its payload begins with its number, its
 * timestamp is NOW + number. */
static inline struct entry *
store_entry (uint64_t number, size_t payload_size)
{
    static const char key[] =
        "02" /* 66 characters */
        "1111111111111111111111111111111111111111111111111111111111111111";
    uint8_t *payload = malloc (payload_size);
    assert (payload != NULL && payload_size >= sizeof number);
    memset (payload, (int)('a' + number % 26), payload_size);
    memcpy (payload, &number, sizeof number);
    struct entry entry = {
        .command = (enum command) (number % 3),
        .local = number % 2 == 1,
        .received_us = (STORE_NOW + (int64_t)number) * SECOND_US + 5,
        .timestamp = STORE_NOW + (int64_t)number,
        .public_key = bytes_of_text (key),
        .payload = bytes_of (payload, payload_size),
    };
    memset (entry.id.bytes, 0xee, sizeof entry.id.bytes);
    memcpy (entry.id.bytes, &number, sizeof number);
    struct entry *copy = entry_copy (&entry);
    assert (copy != NULL);
    free (payload);
    return copy;
}

/* Appends entries FIRST .. LAST in one batch. */
static inline int
store_append (struct store *store, uint64_t first, uint64_t last,
              size_t payload_size)
{
    struct entry *entries[JOURNAL_BATCH_MAX] = {NULL};
    size_t count = 0;

    for (uint64_t number = first; number <= last; number++)
        entries[count++] = store_entry (number, payload_size);
    int rc = journal_append (store->journal, entries, count, INT64_MIN);
    for (size_t i = 0; i < count; i++)
        free (entries[i]);
    return rc;
}
