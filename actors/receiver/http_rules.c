/* SPDX-License-Identifier: MIT */
/* http_rules - the order of PROTOCOL 6.3.
 *
 *   in   a request's head, then its body
 *   out  a verified message, a status query, or a problem
 *   owns nothing
 *
 * Next on the tour: actors/receiver/governance.c
 */
#include "actors/receiver/http_rules.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "hex.h"

#define HTTP_DETAIL_MAX 256

/* By target. A commons_url has a path of its own, ".../api"; a proxy before us
 * takes it off, or does not. */
static const char *const http_paths[HTTP_TARGETS_] = {
    "/internal/governance/registration", "/internal/governance/veto",
    "/internal/governance/fork-decision", "/internal/governance/status",
    "/internal/health"};

static const struct {
    unsigned status;
    const char *name;
    const char *title;
} http_problems[HTTP_PROBLEMS_] = {
#define X(NAME, status, name, title) {status, name, title},
    HTTP_PROBLEMS (X)
#undef X
};

static bool
http_refuse (enum http_problem_kind kind, const char *clause, const char *what,
             struct http_problem *ret)
{
    *ret = (struct http_problem){.kind = kind, .clause = clause, .what = what};
    return false;
}

static enum http_target
http_find_target (const char *path)
{
    if (strncmp (path, "/api/", 5) == 0)
        path += 4;
    for (size_t i = 0; i < HTTP_TARGETS_; i++)
        if (strcmp (path, http_paths[i]) == 0)
            return (enum http_target)i;
    return HTTP_TARGETS_;
}

static bool
http_judge_method (const struct http_head *head, enum http_target target,
                   struct http_problem *ret)
{
    bool is_get =
        strcmp (head->method, "GET") == 0 || strcmp (head->method, "HEAD") == 0;

    if (target == HTTP_HEALTH ? is_get : strcmp (head->method, "POST") == 0)
        return true;
    http_refuse (HTTP_METHOD_NOT_ALLOWED, "6.3", "method", ret);
    ret->allow = target == HTTP_HEALTH ? "GET, HEAD" : "POST";
    return false;
}

/* Digests are compared, so that neither time nor length tells anything about
 * the key. */
static bool
http_is_key (const struct http_rules *rules, struct bytes key)
{
    uint8_t digest[DIGEST_SIZE];

    digest_sha256 (key, digest);
    bool same = sodium_memcmp (digest, rules->key_digest, DIGEST_SIZE) == 0;
    return rules->has_key && key.data != NULL && same;
}

/* `application/json`, whatever its case, with or without parameters. */
static bool
http_is_json (struct bytes type)
{
    static const char json[] = "application/json";
    const size_t size = sizeof json - 1;

    if (type.size < size
        || strncasecmp ((const char *)type.data, json, size) != 0)
        return false;
    return type.size == size || type.data[size] == ';' || type.data[size] == ' '
           || type.data[size] == '\t';
}

void
http_rules_init (struct http_rules *rules, const char *key)
{
    *rules = (struct http_rules){.has_key = key != NULL && *key != '\0'};
    if (rules->has_key)
        digest_sha256 (bytes_of_text (key), rules->key_digest);
}

enum command
http_target_command (enum http_target target)
{
    static const enum command commands[] = {COMMAND_ECONREG, COMMAND_ECONVETO,
                                            COMMAND_ECONFORK,
                                            COMMAND_ECONSTATUS};

    assert (target < HTTP_HEALTH);
    return commands[target];
}

bool
http_judge_head (const struct http_rules *rules, const struct http_head *head,
                 enum http_target *ret_target, struct http_problem *ret_problem)
{
    enum http_target target = http_find_target (head->path);

    *ret_target = target;
    if (target == HTTP_TARGETS_)
        return http_refuse (HTTP_NOT_FOUND, "6.3", "path", ret_problem);
    if (!http_judge_method (head, target, ret_problem))
        return false;
    if (target == HTTP_HEALTH)
        return true;
    if (!http_is_key (rules, head->api_key))
        return http_refuse (HTTP_UNAUTHORIZED, "6.1", "X-API-Key", ret_problem);
    if (!http_is_json (head->content_type))
        return http_refuse (HTTP_UNSUPPORTED_MEDIA_TYPE, "6.1", "Content-Type",
                            ret_problem);
    size_t max = command_max_size (http_target_command (target));
    if (head->content_length > (int64_t)max)
        return http_refuse (HTTP_TOO_LARGE, "3.1", "size", ret_problem);
    return true;
}

/* PROTOCOL 6.1: `Idempotency-Key: "<gov_id hex>"`, with the quotes. */
static bool
http_key_names (struct bytes key, const struct gov_id *id)
{
    char text[65];

    gov_id_text (id, text);
    return key.size == 66 && key.data[0] == '"' && key.data[65] == '"'
           && memcmp (key.data + 1, text, 64) == 0;
}

static bool
http_key_has_form (struct bytes key)
{
    return key.size == 66 && key.data[0] == '"' && key.data[65] == '"'
           && hex_is_text (bytes_of (key.data + 1, 64));
}

static bool
http_judge_time (int64_t timestamp, int64_t now_s, struct http_problem *ret)
{
    if (timestamp < now_s - HTTP_RETENTION_S)
        return http_refuse (HTTP_STALE, "6.3", "timestamp", ret);
    if (timestamp <= now_s + HTTP_AHEAD_MAX_S)
        return true;
    http_refuse (HTTP_FUTURE, "6.3", "timestamp", ret);
    int64_t wait_s = timestamp - (now_s + HTTP_AHEAD_MAX_S);
    ret->retry_after_s = wait_s < HTTP_RETRY_MAX_S ? wait_s : HTTP_RETRY_MAX_S;
    return false;
}

/* The parser finds a key or signature of the wrong form before anybody can look
 * at the time, but 6.3 asks for the time first: look now. Such a message has no
 * name, so of its Idempotency-Key only the form can be judged. */
static bool
http_refuse_form (struct bytes body, struct bytes idempotency_key,
                  int64_t now_s, const struct refusal *why,
                  struct http_problem *ret)
{
    if (idempotency_key.data != NULL && !http_key_has_form (idempotency_key))
        return http_refuse (HTTP_IDEMPOTENCY_KEY, "6.1", "Idempotency-Key",
                            ret);
    json_t *root = json_loadb ((const char *)body.data, body.size, 0, NULL);
    if (root == NULL) {
        *ret = http_unavailable ("memory");
        return false;
    }
    int64_t timestamp =
        json_integer_value (json_object_get (root, "timestamp"));
    json_decref (root);
    if (!http_judge_time (timestamp, now_s, ret))
        return false;
    return http_refuse (why->verdict == VERDICT_BAD_KEY ? HTTP_BAD_KEY
                                                        : HTTP_BAD_SIGNATURE,
                        why->clause, why->what, ret);
}

static bool
http_refuse_parse (struct bytes body, struct bytes idempotency_key,
                   int64_t now_s, const struct refusal *why,
                   struct http_problem *ret)
{
    switch (why->verdict) {
    case VERDICT_OVERSIZE:
        return http_refuse (HTTP_TOO_LARGE, why->clause, why->what, ret);
    case VERDICT_MALFORMED:
        return http_refuse (HTTP_MALFORMED, why->clause, why->what, ret);
    case VERDICT_SCHEMA:
        return http_refuse (HTTP_SCHEMA, why->clause, why->what, ret);
    case VERDICT_BAD_KEY:
    case VERDICT_BAD_SIGNATURE:
        return http_refuse_form (body, idempotency_key, now_s, why, ret);
    case VERDICT_BUSY:
    /* No parser says these. */
    case VERDICT_ACCEPTED:
    case VERDICT_DUPLICATE:
    case VERDICT_STALE:
    case VERDICT_FUTURE:
    case VERDICT_DENIED:
    case VERDICT_UNSOLICITED:
    case VERDICTS_:
        break;
    }
    assert (why->verdict == VERDICT_BUSY);
    *ret = http_unavailable ("memory");
    return false;
}

static bool
http_judge_query (struct bytes idempotency_key, struct http_asked *asked,
                  struct http_problem *ret)
{
    if (asked->message.status.response != NULL)
        return http_refuse (HTTP_SCHEMA, "6.1", "status is a response", ret);
    asked->id = status_name (&asked->message);
    if (idempotency_key.data != NULL
        && !http_key_names (idempotency_key, &asked->id))
        return http_refuse (HTTP_IDEMPOTENCY_KEY, "6.1", "Idempotency-Key",
                            ret);
    return true;
}

/* Until the signature says which reading holds, either name will do. */
static bool
http_judge_readings (struct key_context *keys, struct bytes idempotency_key,
                     int64_t now_s, const struct reading *readings,
                     size_t count, struct http_asked *asked,
                     struct http_problem *ret)
{
    struct refusal why;
    bool named = idempotency_key.data == NULL;

    for (size_t i = 0; i < count; i++)
        named = named || http_key_names (idempotency_key, &readings[i].id);
    if (!named)
        return http_refuse (HTTP_IDEMPOTENCY_KEY, "6.1", "Idempotency-Key",
                            ret);
    if (!http_judge_time (asked->message.timestamp, now_s, ret))
        return false;
    if (message_verify (keys, &asked->message, readings, count,
                        &asked->verified, &why)
        != VERDICT_ACCEPTED)
        return http_refuse (why.verdict == VERDICT_BAD_KEY ? HTTP_BAD_KEY
                                                           : HTTP_BAD_SIGNATURE,
                            why.clause, why.what, ret);
    asked->id = asked->verified.id;
    if (idempotency_key.data != NULL
        && !http_key_names (idempotency_key, &asked->id))
        return http_refuse (HTTP_IDEMPOTENCY_KEY, "6.1", "Idempotency-Key",
                            ret);
    return true;
}

static bool
http_judge_message (struct key_context *keys, struct bytes idempotency_key,
                    int64_t now_s, struct http_asked *asked,
                    struct http_problem *ret)
{
    struct reading readings[2];
    int count = message_readings (&asked->message, readings);

    if (count < 0) {
        *ret = http_unavailable ("memory");
        return false;
    }
    bool good = http_judge_readings (keys, idempotency_key, now_s, readings,
                                     (size_t)count, asked, ret);
    if (!good) {
        ret->has_id = true;
        ret->id = readings[0].id;
    }
    for (int i = 0; i < count; i++)
        reading_done (&readings[i]);
    return good;
}

bool
http_judge_body (struct key_context *keys, enum http_target target,
                 struct bytes body, struct bytes idempotency_key, int64_t now_s,
                 struct http_asked *ret_asked, struct http_problem *ret_problem)
{
    struct http_asked asked = {.target = target};
    struct refusal why;

    if (message_parse (http_target_command (target), body, &asked.message, &why)
        != VERDICT_ACCEPTED)
        return http_refuse_parse (body, idempotency_key, now_s, &why,
                                  ret_problem);
    bool good = target == HTTP_STATUS
                    ? http_judge_query (idempotency_key, &asked, ret_problem)
                    : http_judge_message (keys, idempotency_key, now_s, &asked,
                                          ret_problem);
    if (!good) {
        message_done (&asked.message);
        return false;
    }
    *ret_asked = asked;
    return true;
}

void
http_asked_done (struct http_asked *asked)
{
    message_done (&asked->message);
}

const char *
http_problem_name (enum http_problem_kind kind)
{
    assert ((unsigned)kind < HTTP_PROBLEMS_);
    return http_problems[kind].name;
}

unsigned
http_problem_status (enum http_problem_kind kind)
{
    assert ((unsigned)kind < HTTP_PROBLEMS_);
    return http_problems[kind].status;
}

int
http_problem_verdict (enum http_problem_kind kind, enum verdict *ret_verdict)
{
    static const struct {
        enum http_problem_kind kind;
        enum verdict verdict;
    } verdicts[] = {
        {HTTP_TOO_LARGE, VERDICT_OVERSIZE},
        {HTTP_MALFORMED, VERDICT_MALFORMED},
        {HTTP_SCHEMA, VERDICT_SCHEMA},
        {HTTP_STALE, VERDICT_STALE},
        {HTTP_FUTURE, VERDICT_FUTURE},
        {HTTP_BAD_KEY, VERDICT_BAD_KEY},
        {HTTP_BAD_SIGNATURE, VERDICT_BAD_SIGNATURE},
        {HTTP_UNAVAILABLE, VERDICT_BUSY},
    };

    for (size_t i = 0; i < ARRAY_SIZE (verdicts); i++)
        if (verdicts[i].kind == kind) {
            *ret_verdict = verdicts[i].verdict;
            return 0;
        }
    return -ENOENT;
}

struct http_problem
http_unavailable (const char *what)
{
    return (struct http_problem){.kind = HTTP_UNAVAILABLE,
                                 .clause = "6.3",
                                 .what = what,
                                 .retry_after_s = HTTP_RETRY_S};
}

/* A refusal names object and clause: "econveto ab12… refused: PROTOCOL 3.2:
 * signal_type". */
static void
http_problem_detail (const struct http_problem *problem,
                     enum http_target target, char ret_text[HTTP_DETAIL_MAX])
{
    const char *object = "request";
    char id[65] = "";

    if (target < HTTP_HEALTH)
        object = command_name (http_target_command (target));
    if (problem->has_id)
        gov_id_text (&problem->id, id);
    (void)snprintf (
        ret_text, HTTP_DETAIL_MAX, "%s%s%s refused: PROTOCOL %s: %s", object,
        problem->has_id ? " " : "", id, problem->clause, problem->what);
}

int
http_problem_answer (const struct http_problem *problem,
                     enum http_target target, struct http_answer *ret_answer)
{
    char detail[HTTP_DETAIL_MAX], type[64];

    http_problem_detail (problem, target, detail);
    (void)snprintf (type, sizeof type, "about:govrelay:%s",
                    http_problem_name (problem->kind));
    json_t *root =
        json_pack ("{s:s, s:s, s:i, s:s}", "type", type, "title",
                   http_problems[problem->kind].title, "status",
                   (int)http_problem_status (problem->kind), "detail", detail);
    char *body = json_dumps (root, JSON_COMPACT);
    json_decref (root);
    if (body == NULL)
        return -ENOMEM;
    *ret_answer =
        (struct http_answer){.status = http_problem_status (problem->kind),
                             .body = body,
                             .content_type = "application/problem+json",
                             .allow = problem->allow,
                             .retry_after_s = problem->retry_after_s};
    return 0;
}

void
http_ok_answer (char *body, struct http_answer *ret_answer)
{
    *ret_answer = (struct http_answer){
        .status = 200, .body = body, .content_type = "application/json"};
}

void
http_answer_done (struct http_answer *answer)
{
    free (answer->body);
    *answer = (struct http_answer){0};
}
