/* SPDX-License-Identifier: MIT */
/* read_file - a whole file of bounded size into memory.
 *
 *   in   a descriptor: of a file, or of a pipe (`--config <(…)`)
 *   out  its bytes
 *   owns nothing
 */
#include "supervisor/read_file.h"

#include <stdlib.h>
#include <unistd.h>

/* Returns how many bytes came, up to ROOM, or -errno. */
static ssize_t
read_up_to (int fd, char *buffer, size_t room)
{
    size_t size = 0;

    while (size < room) {
        ssize_t got = read (fd, buffer + size, room - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    return (ssize_t)size;
}

int
read_file (int fd, size_t max, char **ret_text, size_t *ret_size)
{
    /* One byte more shows that there is too much; it becomes the NUL. */
    char *text = malloc (max + 1);
    if (text == NULL)
        return -ENOMEM;

    ssize_t size = read_up_to (fd, text, max + 1);
    if (size < 0 || (size_t)size > max) {
        /* It may be a secret. */
        explicit_bzero (text, max + 1);
        free (text);
        return size < 0 ? (int)size : -EFBIG;
    }
    text[size] = '\0';
    *ret_text = text;
    *ret_size = (size_t)size;
    return 0;
}
