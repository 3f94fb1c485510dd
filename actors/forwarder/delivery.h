/* SPDX-License-Identifier: MIT */
/* delivery - what an answer of Commons means for the message that was sent
 * (PROTOCOL 6.2).
 *
 * Pure: no sockets, no clock. A path is named by its command: econveto goes to
 * /internal/governance/veto.
 */
#pragma once

#include "base.h"
#include "messages/governance/command.h"

#define DELIVERY_BACKOFF_BASE_US (1 * SECOND_US)
#define DELIVERY_BACKOFF_CAP_US (300 * SECOND_US)
#define DELIVERY_RETRY_AFTER_MAX_S 3600
#define DELIVERY_EXCERPT_MAX 256 /* bytes of an answer kept for people */

enum delivery_failure {
    FAILURE_NONE,    /* an HTTP answer came */
    FAILURE_NETWORK, /* no connection, or it broke */
    FAILURE_TIMEOUT,
    FAILURE_TLS,      /* the other side did not prove who it is */
    FAILURE_NOT_HTTP, /* whatever came was no HTTP */
    FAILURES_
};

/* How one request ended. */
struct delivery_answer {
    enum delivery_failure failure;
    unsigned status;           /* of HTTP; 0: none came */
    bool cut;                  /* longer than we read: BODY is not all of it */
    struct bytes content_type; /* header; empty: absent */
    struct bytes retry_after;  /* header; empty: absent */
    struct bytes body;
};

enum delivery_action {
    DELIVERY_DONE,  /* Commons has it */
    DELIVERY_DEAD,  /* Commons itself says: never */
    DELIVERY_RETRY, /* again, after a while */
    DELIVERY_HOLD,  /* nobody could tell: hold the path, alarm */
    DELIVERY_ACTIONS_
};

struct delivery {
    enum delivery_action action;
    unsigned status;        /* of HTTP; 0: none came */
    int64_t retry_after_us; /* that Commons asked for; 0: not */
    const char *reason;     /* static, for people: "unauthorized" */
};

/* Returns the last part of COMMAND's path, "fork-decision". */
const char *delivery_path_name (enum command command);

/* Judges how the request with PAYLOAD on the path of COMMAND ended, at Unix
 * time NOW_S. */
struct delivery delivery_judge (enum command command, struct bytes payload,
                                const struct delivery_answer *answer,
                                int64_t now_s);

/* Judges how a request for the health page ended: DONE, RETRY or HOLD. */
struct delivery delivery_judge_health (const struct delivery_answer *answer,
                                       int64_t now_s);

/* Returns how long a Retry-After HEADER (seconds, or a date) asks to wait from
 * NOW_S on, at most DELIVERY_RETRY_AFTER_MAX_S; 0 when it is absent, past or
 * unreadable. */
int64_t delivery_retry_after_us (struct bytes header, int64_t now_s);

/* Returns how long to wait after FAILURES (>= 1) of one message: full jitter
 * under a ceiling that doubles, RANDOM being any 64 bits. */
int64_t delivery_backoff_us (unsigned failures, uint64_t random);

/* Writes the first DELIVERY_EXCERPT_MAX bytes of BODY in visible ASCII, all
 * other bytes and the backslash as \xNN, and a NUL. */
void delivery_excerpt (struct bytes body,
                       char ret_text[4 * DELIVERY_EXCERPT_MAX + 1]);
