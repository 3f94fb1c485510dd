/* SPDX-License-Identifier: MIT */
/* delivery - what an answer of Commons means for the message that was sent.
 *
 *   in   how a request ended, and the payload that was sent
 *   out  done, dead, retry or hold
 *   owns nothing
 *
 * The rule behind the table: a message is settled only by an answer that
 * nobody but Commons would have given. A hotel's login page says 200, a proxy
 * says 413; neither has read the message.
 *
 * Next on the tour: actors/forwarder/line.c
 */
#include "actors/forwarder/delivery.h"

#include <jansson.h>
#include <strings.h>
#include <time.h>

#include "messages/verdict.h"

#define PROBLEM_PREFIX "about:govrelay:"
#define HTTP_DATE_MAX 40 /* the longest form has 33 characters */

const char *
delivery_path_name (enum command command)
{
    static const char *const names[COMMANDS_] = {
        [COMMAND_ECONREG] = "registration",
        [COMMAND_ECONVETO] = "veto",
        [COMMAND_ECONFORK] = "fork-decision",
        [COMMAND_ECONSTATUS] = "status",
    };

    assert (command < COMMANDS_);
    return names[command];
}

/* Returns true when HEADER names the media type TYPE, parameters apart. */
static bool
media_type_is (struct bytes header, const char *type)
{
    size_t size = strlen (type);

    if (header.size < size
        || strncasecmp ((const char *)header.data, type, size) != 0)
        return false;
    return header.size == size || header.data[size] == ';'
           || header.data[size] == ' ' || header.data[size] == '\t';
}

static json_t *
object_load (struct bytes text)
{
    json_error_t error;
    json_t *root = json_loadb ((const char *)text.data, text.size,
                               JSON_REJECT_DUPLICATES, &error);

    if (!json_is_object (root)) {
        json_decref (root);
        return NULL;
    }
    return root;
}

/* Returns the JSON object in ANSWER's body, or NULL. A server that does not say
 * what it sends gets the benefit of the doubt; one that says HTML does not. */
static json_t *
answer_object (const struct delivery_answer *answer)
{
    if (answer->cut
        || (answer->content_type.size != 0
            && !media_type_is (answer->content_type, "application/json")))
        return NULL;
    return object_load (answer->body);
}

static bool
is_int32 (const json_t *value)
{
    return json_is_integer (value) && json_integer_value (value) >= INT32_MIN
           && json_integer_value (value) <= INT32_MAX;
}

static bool
is_same (const json_t *said, const json_t *asked)
{
    return said != NULL && asked != NULL && json_equal (said, asked);
}

/* PROTOCOL 6.2: "200 with a JSON body that has `node_id`, `pr_id` or `ruleset`
 * as asked". A registration's node_id is Commons' to choose. */
static bool
answer_confirms (enum command command, struct bytes payload,
                 const struct delivery_answer *answer)
{
    json_auto_t *said = answer_object (answer);
    json_auto_t *asked = object_load (payload);

    if (said == NULL || asked == NULL)
        return false;
    switch (command) {
    case COMMAND_ECONREG:
        return is_int32 (json_object_get (said, "node_id"));
    case COMMAND_ECONVETO:
        return is_same (json_object_get (said, "pr_id"),
                        json_object_get (asked, "pr_id"));
    case COMMAND_ECONFORK:
        return is_same (json_object_get (said, "ruleset"),
                        json_object_get (asked, "chosen_ruleset"));
    case COMMAND_ECONSTATUS: {
        const json_t *status = json_object_get (said, "status");
        return is_same (json_object_get (said, "request_id"),
                        json_object_get (asked, "request_id"))
               && (json_is_object (status) || json_is_null (status));
    }
    case COMMANDS_:
        break;
    }
    return false;
}

/* Returns our own word for the problem that Commons named: what it wrote is
 * never repeated. */
static const char *
problem_word (const char *name)
{
    static const char *const others[] = {
        "not_found",
        "method_not_allowed",
        "unauthorized",
        "too_large",
        "unsupported_media_type",
        "idempotency_key",
        "too_many_requests",
        "unavailable",
    };

    for (int i = 0; i < VERDICTS_; i++)
        if (strcmp (name, verdict_name ((enum verdict)i)) == 0)
            return verdict_name ((enum verdict)i);
    for (size_t i = 0; i < ARRAY_SIZE (others); i++)
        if (strcmp (name, others[i]) == 0)
            return others[i];
    return "refused";
}

/* Returns the problem when ANSWER proves that Commons itself wrote it, or
 * NULL. */
static const char *
answer_problem (const struct delivery_answer *answer)
{
    if (answer->cut
        || !media_type_is (answer->content_type, "application/problem+json"))
        return NULL;

    json_auto_t *root = object_load (answer->body);
    const char *type = json_string_value (json_object_get (root, "type"));
    size_t prefix = strlen (PROBLEM_PREFIX);

    if (type == NULL || strncmp (type, PROBLEM_PREFIX, prefix) != 0)
        return NULL;
    return problem_word (type + prefix);
}

static int64_t
retry_after_seconds (struct bytes header)
{
    int64_t seconds = 0;

    for (size_t i = 0; i < header.size; i++) {
        if (header.data[i] < '0' || header.data[i] > '9')
            return -EINVAL;
        if (seconds <= DELIVERY_RETRY_AFTER_MAX_S) /* far below overflow */
            seconds = seconds * 10 + (header.data[i] - '0');
    }
    return seconds;
}

/* The three forms of date that RFC 9110 (5.6.7) makes recipients read. The
 * program never leaves the C locale, so the names are English. */
static int
http_date_read (struct bytes header, int64_t *ret_unix_s)
{
    static const char *const forms[] = {
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
    };
    char text[HTTP_DATE_MAX + 1];

    if (header.size > HTTP_DATE_MAX)
        return -EINVAL;
    memcpy (text, header.data, header.size);
    text[header.size] = 0;
    for (size_t i = 0; i < ARRAY_SIZE (forms); i++) {
        struct tm tm = {0};
        const char *end = strptime (text, forms[i], &tm);
        if (end != NULL && *end == 0) {
            *ret_unix_s = timegm (&tm);
            return 0;
        }
    }
    return -EINVAL;
}

int64_t
delivery_retry_after_us (struct bytes header, int64_t now_s)
{
    if (header.size == 0)
        return 0;

    int64_t seconds = retry_after_seconds (header);
    int64_t date_s;

    if (seconds < 0 && http_date_read (header, &date_s) == 0)
        seconds = date_s - now_s;
    if (seconds < 0)
        return 0;
    if (seconds > DELIVERY_RETRY_AFTER_MAX_S)
        seconds = DELIVERY_RETRY_AFTER_MAX_S;
    return seconds * SECOND_US;
}

static struct delivery
verdict_of (enum delivery_action action, unsigned status, const char *reason)
{
    return (struct delivery){
        .action = action, .status = status, .reason = reason};
}

static struct delivery
judge_failure (const struct delivery_answer *answer)
{
    switch (answer->failure) {
    case FAILURE_NETWORK:
        return verdict_of (DELIVERY_RETRY, 0, "network");
    case FAILURE_TIMEOUT:
        return verdict_of (DELIVERY_RETRY, 0, "timeout");
    case FAILURE_TLS:
        return verdict_of (DELIVERY_HOLD, 0, "tls");
    case FAILURE_NOT_HTTP:
        return verdict_of (DELIVERY_HOLD, 0, "not_http");
    case FAILURE_NONE:
    case FAILURES_:
        break;
    }
    assert (false); /* the caller has seen to it that something failed */
    return verdict_of (DELIVERY_HOLD, 0, "not_http");
}

/* Returns why STATUS means "not now", or NULL when it means something else. */
static const char *
retry_word (unsigned status)
{
    switch (status) {
    case 408:
        return "timeout";
    case 425:
        return "future";
    case 429:
        return "too_many_requests";
    case 503:
        return "unavailable";
    default:
        return status >= 500 && status <= 599 ? "server_error" : NULL;
    }
}

/* Returns why a path is held for STATUS. */
static const char *
hold_word (unsigned status)
{
    switch (status) {
    case 200:
        return "not_commons";
    case 401:
        return "unauthorized";
    case 403:
        return "forbidden";
    case 404:
        return "not_found";
    case 400:
    case 413:
    case 415:
    case 422:
        return "unproven";
    default:
        return status >= 300 && status <= 399 ? "redirect" : "unexpected";
    }
}

/* What all paths have in common once neither done nor dead was proven. */
static struct delivery
judge_unsettled (const struct delivery_answer *answer, int64_t now_s)
{
    const char *word = retry_word (answer->status);

    if (word == NULL)
        return verdict_of (DELIVERY_HOLD, answer->status,
                           hold_word (answer->status));

    struct delivery delivery =
        verdict_of (DELIVERY_RETRY, answer->status, word);
    delivery.retry_after_us =
        delivery_retry_after_us (answer->retry_after, now_s);
    return delivery;
}

struct delivery
delivery_judge (enum command command, struct bytes payload,
                const struct delivery_answer *answer, int64_t now_s)
{
    const char *problem;

    if (answer->failure != FAILURE_NONE)
        return judge_failure (answer);
    switch (answer->status) {
    case 200:
        if (answer_confirms (command, payload, answer))
            return verdict_of (DELIVERY_DONE, 200, "delivered");
        break;
    case 400:
    case 413:
    case 415:
    case 422:
        problem = answer_problem (answer);
        if (problem != NULL)
            return verdict_of (DELIVERY_DEAD, answer->status, problem);
        break;
    default:
        break;
    }
    return judge_unsettled (answer, now_s);
}

struct delivery
delivery_judge_health (const struct delivery_answer *answer, int64_t now_s)
{
    if (answer->failure != FAILURE_NONE)
        return judge_failure (answer);
    if (answer->status == 200) {
        json_auto_t *root = answer_object (answer);
        const char *status =
            json_string_value (json_object_get (root, "status"));
        if (status != NULL && strcmp (status, "ok") == 0)
            return verdict_of (DELIVERY_DONE, 200, "healthy");
    }
    return judge_unsettled (answer, now_s);
}

int64_t
delivery_backoff_us (unsigned failures, uint64_t random)
{
    int64_t ceiling_us = DELIVERY_BACKOFF_BASE_US;

    assert (failures >= 1);
    while (--failures > 0 && ceiling_us < DELIVERY_BACKOFF_CAP_US)
        ceiling_us *= 2;
    if (ceiling_us > DELIVERY_BACKOFF_CAP_US)
        ceiling_us = DELIVERY_BACKOFF_CAP_US;
    return (int64_t)(random % ((uint64_t)ceiling_us + 1));
}

void
delivery_excerpt (struct bytes body,
                  char ret_text[4 * DELIVERY_EXCERPT_MAX + 1])
{
    static const char digits[] = "0123456789abcdef";
    char *out = ret_text;

    for (size_t i = 0; i < body.size && i < DELIVERY_EXCERPT_MAX; i++) {
        uint8_t byte = body.data[i];
        if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
            *out++ = (char)byte;
            continue;
        }
        *out++ = '\\';
        *out++ = 'x';
        *out++ = digits[byte >> 4];
        *out++ = digits[byte & 15];
    }
    *out = 0;
}
