/* SPDX-License-Identifier: MIT */
/* read_file - a whole file of bounded size into memory. */
#pragma once

#include "base.h"

/* Reads FD to its end. Returns 0, -EFBIG when there are more than MAX bytes,
 * -ENOMEM or the -errno of read. On success *ret_text, for free (), has a NUL
 * after its *ret_size bytes. */
int read_file (int fd, size_t max, char **ret_text, size_t *ret_size);
