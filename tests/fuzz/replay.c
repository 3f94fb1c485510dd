/* SPDX-License-Identifier: MIT */
/* replay - runs a fuzz target over every file of the directories given, so
 * that its corpus is an ordinary test too.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base.h"

#define REPLAY_FILE_MAX (8 * 1024 * 1024) /* bytes; twice the longest frame */

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Runs the target over the file at PATH; in a buffer of its exact size, so
 * that a sanitizer sees a byte read too many. */
static int
replay_file (const char *path)
{
    FILE *file = fopen (path, "rb");
    uint8_t *room = malloc (REPLAY_FILE_MAX);

    if (file == NULL || room == NULL) {
        (void)fprintf (stderr, "%s: %s\n", path, strerror (errno));
        free (room);
        if (file != NULL)
            (void)fclose (file);
        return -1;
    }
    size_t size = fread (room, 1, REPLAY_FILE_MAX, file);
    (void)fclose (file);
    uint8_t *exact = malloc (size == 0 ? 1 : size);
    if (exact != NULL) {
        memcpy (exact, room, size);
        (void)LLVMFuzzerTestOneInput (exact, size);
    }
    free (room);
    free (exact);
    return exact == NULL ? -1 : 0;
}

/* Returns how many files of the directory at PATH were run, or -1. */
static int
replay_directory (const char *path)
{
    DIR *directory = opendir (path);
    int count = 0;

    if (directory == NULL) {
        (void)fprintf (stderr, "%s: %s\n", path, strerror (errno));
        return -1;
    }
    for (struct dirent *entry = readdir (directory);
         entry != NULL && count >= 0; entry = readdir (directory)) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        int size = snprintf (name, sizeof name, "%s/%s", path, entry->d_name);
        if (size < 0 || (size_t)size >= sizeof name || replay_file (name) != 0)
            count = -1;
        else
            count++;
    }
    (void)closedir (directory);
    return count;
}

int
main (int argc, char **argv)
{
    int total = 0;

    for (int i = 1; i < argc; i++) {
        int count = replay_directory (argv[i]);
        if (count < 0)
            return EXIT_FAILURE;
        total += count;
    }
    (void)printf ("%d files\n", total);
    return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
