/* SPDX-License-Identifier: MIT */
/* http_rules - what an HTTP request asks of us, or why not (PROTOCOL 6.3).
 *
 * Pure: no sockets, no clock. Judged in two steps, because the head is there
 * before the body: http_judge_head, then http_judge_body. Both keep the order
 * of the rows of 6.3.
 */
#pragma once

#include "base.h"
#include "digest.h"
#include "messages/governance/message.h"
#include "messages/verdict.h"

#define HTTP_RETENTION_S (INT64_C (30) * 86400)
#define HTTP_AHEAD_MAX_S 300

/* How long others are told to wait: for a database, about as long as an
 * operator's restart of it takes; for a clock, as long as is honoured (6.2). */
#define HTTP_RETRY_S 5
#define HTTP_RETRY_MAX_S 3600

enum http_target {
    HTTP_REGISTRATION,
    HTTP_VETO,
    HTTP_FORK_DECISION,
    HTTP_STATUS,
    HTTP_HEALTH,
    HTTP_TARGETS_
};

/*  NAME  HTTP status  `about:govrelay:` name  title. The names that are also
 *  verdicts are those of verdicts.def. */
#define HTTP_PROBLEMS(X)                                                       \
    X (NOT_FOUND, 404, "not_found", "there is no such path")                   \
    X (METHOD_NOT_ALLOWED, 405, "method_not_allowed", "not with this method")  \
    X (UNAUTHORIZED, 401, "unauthorized", "missing or wrong key")              \
    X (UNSUPPORTED_MEDIA_TYPE, 415, "unsupported_media_type", "not JSON")      \
    X (TOO_LARGE, 413, "too_large", "longer than such a message may be")       \
    X (MALFORMED, 400, "malformed", "not one JSON object")                     \
    X (SCHEMA, 400, "schema", "JSON, but not this message")                    \
    X (IDEMPOTENCY_KEY, 400, "idempotency_key", "not the name of the message") \
    X (STALE, 422, "stale", "older than the retention")                        \
    X (FUTURE, 425, "future", "ahead of our clock")                            \
    X (BAD_KEY, 422, "bad_key", "public key of no scheme")                     \
    X (BAD_SIGNATURE, 422, "bad_signature", "the signature does not hold")     \
    X (UNAVAILABLE, 503, "unavailable", "not now")

enum http_problem_kind {
#define X(NAME, status, name, title) HTTP_##NAME,
    HTTP_PROBLEMS (X)
#undef X
        HTTP_PROBLEMS_
};

/* Why a request is not done. All text is ours and static. */
struct http_problem {
    enum http_problem_kind kind;
    const char *clause;    /* of PROTOCOL, "3.2" */
    const char *what;      /* the key or rule at fault, "signal_type" */
    const char *allow;     /* the methods there are; NULL unless 405 */
    int64_t retry_after_s; /* 0: no use to come again */
    bool has_id;
    struct gov_id id; /* of the message, once it could be named */
};

/* Who may ask. */
struct http_rules {
    bool has_key; /* else nobody may */
    uint8_t key_digest[DIGEST_SIZE];
};

/* What is known of a request before its body. An absent header has no data. */
struct http_head {
    const char *method;
    const char *path;
    struct bytes api_key;
    struct bytes content_type;
    int64_t content_length; /* -1: not announced */
};

/* A request that may be done: a verified message or a status query. */
struct http_asked {
    enum http_target target;
    struct gov_id id;                 /* gov_id; of a status query: D */
    struct untrusted_message message; /* owned; release with http_asked_done */
    struct verified_message verified; /* not of a status query */
};

/* An HTTP answer. */
struct http_answer {
    unsigned status;
    char *body; /* JSON, NUL-terminated; owned */
    const char *content_type;
    const char *allow;     /* header; NULL: none */
    int64_t retry_after_s; /* header; 0: none */
    bool replayed;         /* `Idempotent-Replayed: true` */
};

/* Sets who may ask: whoever has KEY; NULL or "": nobody. */
void http_rules_init (struct http_rules *rules, const char *key);

/* Returns the command that a target other than health takes. */
enum command http_target_command (enum http_target target);

/* Judges path, method, key, content type and announced length, in this order.
 *
 * Returns: true if the request may go on.
 * Out:     ret_target always; HTTP_TARGETS_ when the path is none of ours.
 *          ret_problem, on refusal only.
 */
bool http_judge_head (const struct http_rules *rules,
                      const struct http_head *head,
                      enum http_target *ret_target,
                      struct http_problem *ret_problem);

/* Judges BODY, whose head was let through to TARGET (not health): JSON, schema,
 * IDEMPOTENCY_KEY (absent: no data), time, key, signature, in this order.
 *
 * Returns: true if the request may be done.
 * Out:     ret_asked on acceptance (it borrows BODY), ret_problem on refusal.
 */
bool http_judge_body (struct key_context *keys, enum http_target target,
                      struct bytes body, struct bytes idempotency_key,
                      int64_t now_s, struct http_asked *ret_asked,
                      struct http_problem *ret_problem);
void http_asked_done (struct http_asked *asked);

/* Returns the name of a problem, "bad_signature", and its status. */
const char *http_problem_name (enum http_problem_kind kind);
unsigned http_problem_status (enum http_problem_kind kind);

/* Returns 0 and sets *ret_verdict if the problem is a verdict on a message,
 * else -ENOENT. */
int http_problem_verdict (enum http_problem_kind kind,
                          enum verdict *ret_verdict);

/* Returns the problem that says: the database, or memory, is away. */
struct http_problem http_unavailable (const char *what);

/* Fills an answer of application/problem+json (RFC 9457). TARGET may be
 * HTTP_TARGETS_. Returns 0 or -ENOMEM. */
int http_problem_answer (const struct http_problem *problem,
                         enum http_target target,
                         struct http_answer *ret_answer);

/* Fills a 200 with BODY (taken). */
void http_ok_answer (char *body, struct http_answer *ret_answer);

void http_answer_done (struct http_answer *answer);
