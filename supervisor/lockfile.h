/* SPDX-License-Identifier: MIT */
/* lockfile - one daemon per directory. */
#pragma once

#include "base.h"

/* Makes DIRECTORY (mode 0700) with its parents and locks <DIRECTORY>/lock.
 *
 * Returns: 0; -EWOULDBLOCK when another process holds it; else -errno.
 * Out:     *ret_fd, which holds the lock until it is closed.
 */
int lockfile_take (const char *directory, int *ret_fd);
