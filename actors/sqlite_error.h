/* SPDX-License-Identifier: MIT */
/* sqlite_error - what SQLite says, as the errno that the stores return. */
#pragma once

#include <sqlite3.h>

/* Returns 0 for success, a row or the end; else -errno: -ENOSPC, -EROFS,
 * -ENOMEM, -EBUSY, -EUCLEAN (the file is damaged, or not ours), or what the
 * system call of DB said, -EIO at least. */
int sqlite_error (sqlite3 *db, int rc);
