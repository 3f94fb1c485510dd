/* SPDX-License-Identifier: MIT */
/* sqlite_error - what SQLite says, as the errno that the stores return.
 *
 *   in   a result code, extended or not
 *   out  0 or -errno
 *   owns nothing
 */
#include "actors/sqlite_error.h"

#include <errno.h>

int
sqlite_error (sqlite3 *db, int rc)
{
    switch (rc & 0xff) { /* the rest of it says where, not what */
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: /* our rules keep them, so the rows are not ours */
    case SQLITE_ERROR:      /* our SQL is right, so the tables are not ours */
        return -EUCLEAN;
    default:
        break;
    }
    int error = sqlite3_system_errno (db);
    return error > 0 ? -error : -EIO;
}
