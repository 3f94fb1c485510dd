/* SPDX-License-Identifier: MIT */
/* lockfile - one daemon per directory.
 *
 *   in   the path of the network's directory
 *   out  the directory, locked
 *   owns a descriptor, given to the caller
 *
 * A second bind on an ipc path steals it in silence and two writers break a
 * journal: both are kept out here.
 */
#include "supervisor/lockfile.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int
lockfile_make_directories (const char *directory)
{
    char path[PATH_MAX];
    if (snprintf (path, sizeof path, "%s", directory) >= (int)sizeof path)
        return -ENAMETOOLONG;
    for (char *slash = path + 1; *slash != '\0'; slash++) {
        if (*slash != '/')
            continue;
        *slash = '\0';
        if (mkdir (path, 0700) != 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    if (mkdir (path, 0700) != 0 && errno != EEXIST)
        return -errno;
    return 0;
}

int
lockfile_take (const char *directory, int *ret_fd)
{
    char path[PATH_MAX];
    int rc = lockfile_make_directories (directory);
    if (rc != 0)
        return rc;
    if (snprintf (path, sizeof path, "%s/lock", directory) >= (int)sizeof path)
        return -ENAMETOOLONG;
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    if (flock (fd, LOCK_EX | LOCK_NB) != 0) {
        rc = -errno;
        close (fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}
