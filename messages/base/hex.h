/* SPDX-License-Identifier: MIT */
/* hex - bytes as lower-case hexadecimal text, and nothing but lower case. */
#pragma once

#include "base.h"

/* Writes DATA as 2 * DATA.size lower-case characters and a NUL. */
void hex_encode (struct bytes data, char *ret_text);

/* Sets the SIZE bytes that TEXT spells. Returns 0, or -EINVAL if TEXT is not
 * exactly 2 * SIZE lower-case hex characters. RET_DATA is left alone then. */
int hex_decode (struct bytes text, uint8_t *ret_data, size_t size);

/* Returns true if TEXT is lower-case hex characters only, or empty. */
bool hex_is_text (struct bytes text);
