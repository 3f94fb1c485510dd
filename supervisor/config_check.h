/* SPDX-License-Identifier: MIT */
/* config_check - what must hold between options.
 *
 * Within supervisor/config*.c only.
 */
#pragma once

#include "supervisor/config.h"

/* Adds a problem for each rule between options that CONFIG breaks. Rules with
 * an option whose own value was refused are left out: they would only repeat
 * that. */
void config_check_together (const struct config *config,
                            struct config_problems *problems);
