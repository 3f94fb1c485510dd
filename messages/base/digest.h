/* SPDX-License-Identifier: MIT */
/* digest - SHA-256, and SHA-256 of SHA-256 as Bitcoin frames use it. */
#pragma once

#include "base.h"

#define DIGEST_SIZE 32

/* Sets ret_digest to SHA-256 (DATA). Cannot fail. */
void digest_sha256 (struct bytes data, uint8_t ret_digest[DIGEST_SIZE]);

/* Sets ret_digest to SHA-256 (SHA-256 (DATA)). Cannot fail. */
void digest_sha256d (struct bytes data, uint8_t ret_digest[DIGEST_SIZE]);
