/* SPDX-License-Identifier: MIT */
/* supervisor - keeps the children of a plan running, and ends them in order. */
#pragma once

#include "supervisor/plan.h"

/* Exit codes of the daemon (architecture, command line). */
enum exit_code {
    EXIT_CODE_STOPPED = 0,
    EXIT_CODE_USAGE = 64,
    EXIT_CODE_STAGE = 70, /* a stage kept failing, or is stuck */
    EXIT_CODE_DISK = 74,
    EXIT_CODE_TEMPORARY = 75, /* port taken, datadir locked */
    EXIT_CODE_CONFIG = 78,
};

/* Runs PLAN until a signal or a failure. All signals must be blocked in this
 * thread. Returns the exit code. */
enum exit_code supervisor_run (const struct config *config,
                               const struct plan *plan, uint64_t daemon);
