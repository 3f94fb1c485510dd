/* SPDX-License-Identifier: MIT */
/* http_rules_test - every row of PROTOCOL 6.3, and that an earlier row wins
 * over all later ones. */
#include "actors/receiver/http_rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/messages/governance/fixture.h"

#define KEY "correct horse"
#define DAY INT64_C (86400)

static struct http_rules
rules (void)
{
    struct http_rules rules;

    http_rules_init (&rules, KEY);
    return rules;
}

static struct http_head
good_head (void)
{
    return (struct http_head){.method = "POST",
                              .path = "/internal/governance/veto",
                              .api_key = bytes_of_text (KEY),
                              .content_type =
                                  bytes_of_text ("application/json"),
                              .content_length = 322};
}

/* Returns the problem of HEAD; HTTP_PROBLEMS_ when it has none. */
static enum http_problem_kind
judge_head (const struct http_head *head, struct http_problem *ret_problem)
{
    struct http_rules all = rules ();
    struct http_problem problem;
    enum http_target target;

    if (http_judge_head (&all, head, &target, &problem))
        return HTTP_PROBLEMS_;
    assert_non_null (problem.clause);
    assert_non_null (problem.what);
    if (ret_problem != NULL)
        *ret_problem = problem;
    return problem.kind;
}

static void
check_head (const struct http_head *head, enum http_problem_kind expected)
{
    enum http_problem_kind found = judge_head (head, NULL);

    if (found != expected)
        fail_msg ("%s %s: problem %d, not %d", head->method, head->path, found,
                  expected);
}

static void
test_paths_are_known_with_and_without_api (void **state)
{
    static const struct {
        const char *path;
        enum http_target target;
    } paths[] = {
        {"/internal/governance/registration", HTTP_REGISTRATION},
        {"/internal/governance/veto", HTTP_VETO},
        {"/internal/governance/fork-decision", HTTP_FORK_DECISION},
        {"/internal/governance/status", HTTP_STATUS},
        {"/api/internal/governance/registration", HTTP_REGISTRATION},
        {"/api/internal/governance/veto", HTTP_VETO},
        {"/api/internal/governance/fork-decision", HTTP_FORK_DECISION},
        {"/api/internal/governance/status", HTTP_STATUS},
    };
    struct http_rules all = rules ();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (paths); i++) {
        struct http_head head = good_head ();
        struct http_problem problem;
        enum http_target target;
        head.path = paths[i].path;
        assert_true (http_judge_head (&all, &head, &target, &problem));
        assert_int_equal (target, paths[i].target);
    }
}

static void
test_other_paths_are_not_found (void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "/internal",
        "/internal/governance",
        "/internal/governance/veto/",
        "/internal/governance/Veto",
        "/internal/governance/vetoes",
        "/api/api/internal/governance/veto",
        "/apiinternal/governance/veto",
        "/api",
        "/internal/health/",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (paths); i++) {
        struct http_head head = good_head ();
        head.path = paths[i];
        check_head (&head, HTTP_NOT_FOUND);
    }
}

static void
test_wrong_method_is_told_the_right_one (void **state)
{
    static const char *const methods[] = {"GET",    "HEAD",    "PUT",
                                          "DELETE", "OPTIONS", "post"};
    struct http_problem problem;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (methods); i++) {
        struct http_head head = good_head ();
        head.method = methods[i];
        assert_int_equal (judge_head (&head, &problem),
                          HTTP_METHOD_NOT_ALLOWED);
        assert_string_equal (problem.allow, "POST");
    }
    struct http_head health = good_head ();
    health.path = "/internal/health";
    assert_int_equal (judge_head (&health, &problem), HTTP_METHOD_NOT_ALLOWED);
    assert_string_equal (problem.allow, "GET, HEAD");
}

static void
test_health_needs_no_key_and_head_is_get (void **state)
{
    static const char *const methods[] = {"GET", "HEAD"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (methods); i++) {
        struct http_head head = {.method = methods[i],
                                 .path = "/api/internal/health",
                                 .content_length = -1};
        check_head (&head, HTTP_PROBLEMS_);
    }
}

static void
test_missing_or_wrong_key_is_unauthorized (void **state)
{
    static const char *const keys[] = {"", "correct hors", "correct horse ",
                                       "Correct horse"};
    struct http_head head = good_head ();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (keys); i++) {
        head.api_key = bytes_of_text (keys[i]);
        check_head (&head, HTTP_UNAUTHORIZED);
    }
    head.api_key = (struct bytes){0};
    check_head (&head, HTTP_UNAUTHORIZED);
}

static void
test_nobody_is_let_in_when_there_is_no_key (void **state)
{
    static const char *const none[] = {NULL, ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (none); i++) {
        struct http_head head = good_head ();
        struct http_problem problem;
        struct http_rules closed;
        enum http_target target;
        http_rules_init (&closed, none[i]);
        assert_false (http_judge_head (&closed, &head, &target, &problem));
        assert_int_equal (problem.kind, HTTP_UNAUTHORIZED);
        head.api_key = bytes_of_text ("");
        assert_false (http_judge_head (&closed, &head, &target, &problem));
        assert_int_equal (problem.kind, HTTP_UNAUTHORIZED);
    }
}

static void
test_only_json_is_taken (void **state)
{
    static const struct {
        const char *type;
        enum http_problem_kind problem;
    } types[] = {
        {"application/json", HTTP_PROBLEMS_},
        {"Application/JSON", HTTP_PROBLEMS_},
        {"application/json; charset=utf-8", HTTP_PROBLEMS_},
        {"application/json ;charset=utf-8", HTTP_PROBLEMS_},
        {"application/jsonp", HTTP_UNSUPPORTED_MEDIA_TYPE},
        {"application/problem+json", HTTP_UNSUPPORTED_MEDIA_TYPE},
        {"text/plain", HTTP_UNSUPPORTED_MEDIA_TYPE},
        {"json", HTTP_UNSUPPORTED_MEDIA_TYPE},
        {"", HTTP_UNSUPPORTED_MEDIA_TYPE},
    };
    struct http_head head = good_head ();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (types); i++) {
        head.content_type = bytes_of_text (types[i].type);
        check_head (&head, types[i].problem);
    }
    head.content_type = (struct bytes){0};
    check_head (&head, HTTP_UNSUPPORTED_MEDIA_TYPE);
}

static void
test_announced_length_is_bounded_by_path (void **state)
{
    static const struct {
        const char *path;
        int64_t max;
    } paths[] = {
        {"/internal/governance/registration", 65536},
        {"/internal/governance/veto", 4096},
        {"/internal/governance/fork-decision", 4096},
        {"/internal/governance/status", 4096},
    };
    struct http_head head = good_head ();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (paths); i++) {
        head.path = paths[i].path;
        head.content_length = paths[i].max;
        check_head (&head, HTTP_PROBLEMS_);
        head.content_length = paths[i].max + 1;
        check_head (&head, HTTP_TOO_LARGE);
        head.content_length = INT64_MAX;
        check_head (&head, HTTP_TOO_LARGE);
        head.content_length = -1;
        check_head (&head, HTTP_PROBLEMS_);
    }
}

static void
test_head_is_judged_in_the_order_of_6_3 (void **state)
{
    /* All is wrong; then one thing after the other is put right. */
    struct http_head head = {
        .method = "PUT", .path = "/nowhere", .content_length = 5000};

    (void)state;
    check_head (&head, HTTP_NOT_FOUND);
    head.path = "/internal/governance/veto";
    check_head (&head, HTTP_METHOD_NOT_ALLOWED);
    head.method = "POST";
    check_head (&head, HTTP_UNAUTHORIZED);
    head.api_key = bytes_of_text (KEY);
    check_head (&head, HTTP_UNSUPPORTED_MEDIA_TYPE);
    head.content_type = bytes_of_text ("application/json");
    check_head (&head, HTTP_TOO_LARGE);
    head.content_length = 4096;
    check_head (&head, HTTP_PROBLEMS_);
}

/* Judges BODY at NOW; NAME is its Idempotency-Key, NULL for none. */
static enum http_problem_kind
judge_body (enum http_target target, struct bytes body, const char *name,
            int64_t now_s, struct http_problem *ret_problem,
            struct gov_id *ret_id)
{
    struct key_context *keys = key_context_create (NULL);
    struct http_problem problem = {0};
    struct http_asked asked;
    struct bytes key = {0};

    if (name != NULL)
        key = bytes_of_text (name);
    bool good =
        http_judge_body (keys, target, body, key, now_s, &asked, &problem);
    key_context_destroy (&keys);
    if (ret_problem != NULL)
        *ret_problem = problem;
    if (!good) {
        assert_non_null (problem.clause);
        assert_non_null (problem.what);
        return problem.kind;
    }
    if (ret_id != NULL)
        *ret_id = asked.id;
    http_asked_done (&asked);
    return HTTP_PROBLEMS_;
}

static enum http_problem_kind
judge_vector (enum http_target target, const char *vector, const char *name,
              int64_t now_s)
{
    char *payload = fixture_payload (vector);
    enum http_problem_kind kind =
        judge_body (target, bytes_of_text (payload), name, now_s, NULL, NULL);
    free (payload);
    return kind;
}

#define CHECK_VECTOR(target, vector, now, expected)                            \
    assert_int_equal (judge_vector ((target), (vector), NULL, (now)),          \
                      (expected))

static void
test_good_messages_are_taken (void **state)
{
    (void)state;
    CHECK_VECTOR (HTTP_REGISTRATION, "good econreg key 0", FIXTURE_NOW,
                  HTTP_PROBLEMS_);
    CHECK_VECTOR (HTTP_VETO, "good econveto key 4", FIXTURE_NOW,
                  HTTP_PROBLEMS_);
    CHECK_VECTOR (HTTP_FORK_DECISION, "good econfork key 0", FIXTURE_NOW,
                  HTTP_PROBLEMS_);
    CHECK_VECTOR (HTTP_STATUS, "status query by key", FIXTURE_NOW,
                  HTTP_PROBLEMS_);
    CHECK_VECTOR (HTTP_STATUS, "status query without status key", FIXTURE_NOW,
                  HTTP_PROBLEMS_);
}

static void
test_every_vector_gets_the_answer_of_its_verdict (void **state)
{
    static const enum http_problem_kind kinds[VERDICTS_] = {
        [VERDICT_ACCEPTED] = HTTP_PROBLEMS_,
        [VERDICT_STALE] = HTTP_PROBLEMS_, /* for a relay, not for us */
        [VERDICT_FUTURE] = HTTP_FUTURE,
        [VERDICT_OVERSIZE] = HTTP_TOO_LARGE,
        [VERDICT_MALFORMED] = HTTP_MALFORMED,
        [VERDICT_SCHEMA] = HTTP_SCHEMA,
        [VERDICT_BAD_KEY] = HTTP_BAD_KEY,
        [VERDICT_BAD_SIGNATURE] = HTTP_BAD_SIGNATURE,
    };
    json_t *vectors = fixture_load ("messages");
    json_t *vector;
    size_t i, checked = 0;

    (void)state;
    json_array_foreach (vectors, i, vector)
    {
        const char *name = json_string_value (json_object_get (vector, "name"));
        const char *verdict =
            json_string_value (json_object_get (vector, "verdict"));
        const char *payload =
            json_string_value (json_object_get (vector, "payload"));
        const char *command =
            json_string_value (json_object_get (vector, "command"));
        int64_t now = json_integer_value (json_object_get (vector, "now"));
        enum http_problem_kind expected = HTTP_PROBLEMS_, found;
        enum command is;
        /* Time means something else here, and a response is no question. */
        if (payload == NULL || strstr (name, "stale") != NULL
            || strcmp (verdict, "stale") == 0
            || strcmp (name, "status response") == 0)
            continue;
        assert_int_equal (command_from_name (bytes_of_text (command), &is), 0);
        for (int v = 0; v < VERDICTS_; v++)
            if (strcmp (verdict, verdict_name ((enum verdict)v)) == 0)
                expected = kinds[v];
        found = judge_body ((enum http_target)is, bytes_of_text (payload), NULL,
                            now, NULL, NULL);
        if (found != expected)
            fail_msg ("%s: problem %d, not %d", name, found, expected);
        checked++;
    }
    json_decref (vectors);
    assert_in_range (checked, 100, 1000);
}

static void
test_message_on_another_path_is_a_schema_error (void **state)
{
    (void)state;
    CHECK_VECTOR (HTTP_REGISTRATION, "good econveto key 0", FIXTURE_NOW,
                  HTTP_SCHEMA);
    CHECK_VECTOR (HTTP_VETO, "good econfork key 0", FIXTURE_NOW, HTTP_SCHEMA);
    CHECK_VECTOR (HTTP_STATUS, "good econfork key 0", FIXTURE_NOW, HTTP_SCHEMA);
    CHECK_VECTOR (HTTP_STATUS, "status response", FIXTURE_NOW, HTTP_SCHEMA);
}

static void
test_retention_is_thirty_days (void **state)
{
    (void)state;
    CHECK_VECTOR (HTTP_VETO, "good econveto key 0", FIXTURE_NOW + 3601,
                  HTTP_PROBLEMS_);
    CHECK_VECTOR (HTTP_VETO, "good econveto key 0", FIXTURE_NOW + 30 * DAY,
                  HTTP_PROBLEMS_);
    CHECK_VECTOR (HTTP_VETO, "good econveto key 0", FIXTURE_NOW + 30 * DAY + 1,
                  HTTP_STALE);
}

static void
test_future_is_told_when_to_come_again (void **state)
{
    char *payload = fixture_payload ("good econveto key 0");
    struct bytes body = bytes_of_text (payload);
    struct http_problem problem;

    (void)state;
    assert_int_equal (
        judge_body (HTTP_VETO, body, NULL, FIXTURE_NOW - 300, &problem, NULL),
        HTTP_PROBLEMS_);
    assert_int_equal (
        judge_body (HTTP_VETO, body, NULL, FIXTURE_NOW - 301, &problem, NULL),
        HTTP_FUTURE);
    assert_int_equal (problem.retry_after_s, 1);
    assert_int_equal (judge_body (HTTP_VETO, body, NULL,
                                  FIXTURE_NOW - 365 * DAY, &problem, NULL),
                      HTTP_FUTURE);
    assert_int_equal (problem.retry_after_s, 3600);
    free (payload);
}

static void
test_idempotency_key_is_the_quoted_name_or_absent (void **state)
{
    static const char good[] =
        "\"74771e3686ee271bd1a5abc91098dbd85afb5ee7eb56be84e2f24f3c45d36357\"";
    static const char *const bad[] = {
        "",
        "\"\"",
        "74771e3686ee271bd1a5abc91098dbd85afb5ee7eb56be84e2f24f3c45d36357",
        "\"74771e3686ee271bd1a5abc91098dbd85afb5ee7eb56be84e2f24f3c45d36358\"",
        "\"74771E3686EE271BD1A5ABC91098DBD85AFB5EE7EB56BE84E2F24F3C45D36357\"",
        "\"veto-0001\"",
    };
    (void)state;
    assert_int_equal (
        judge_vector (HTTP_VETO, "good econveto key 0", good, FIXTURE_NOW),
        HTTP_PROBLEMS_);
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++)
        assert_int_equal (judge_vector (HTTP_VETO, "good econveto key 0",
                                        bad[i], FIXTURE_NOW),
                          HTTP_IDEMPOTENCY_KEY);
}

static void
test_idempotency_key_of_a_registration_is_of_the_reading_that_holds (
    void **state)
{
    static const char *const vectors[] = {
        "qualification signed in document order, keys not sorted",
        "qualification signed sorted, sent unsorted"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (vectors); i++) {
        char *payload = fixture_payload (vectors[i]);
        struct untrusted_message message;
        struct reading readings[2];
        struct refusal why;
        struct gov_id id;
        assert_int_equal (judge_body (HTTP_REGISTRATION,
                                      bytes_of_text (payload), NULL,
                                      FIXTURE_NOW, NULL, &id),
                          HTTP_PROBLEMS_);
        assert_int_equal (message_parse (COMMAND_ECONREG,
                                         bytes_of_text (payload), &message,
                                         &why),
                          VERDICT_ACCEPTED);
        assert_int_equal (message_readings (&message, readings), 2);
        for (int r = 0; r < 2; r++) {
            char text[65], quoted[67];
            bool holds = memcmp (&readings[r].id, &id, sizeof id) == 0;
            gov_id_text (&readings[r].id, text);
            snprintf (quoted, sizeof quoted, "\"%s\"", text);
            assert_int_equal (judge_body (HTTP_REGISTRATION,
                                          bytes_of_text (payload), quoted,
                                          FIXTURE_NOW, NULL, NULL),
                              holds ? HTTP_PROBLEMS_ : HTTP_IDEMPOTENCY_KEY);
            reading_done (&readings[r]);
        }
        message_done (&message);
        free (payload);
    }
}

static void
test_idempotency_key_of_a_query_is_its_name (void **state)
{
    char *payload = fixture_payload ("status query by id");
    struct bytes body = bytes_of_text (payload);
    char text[65], quoted[67];
    struct gov_id id;

    (void)state;
    assert_int_equal (
        judge_body (HTTP_STATUS, body, NULL, FIXTURE_NOW, NULL, &id),
        HTTP_PROBLEMS_);
    gov_id_text (&id, text);
    snprintf (quoted, sizeof quoted, "\"%s\"", text);
    assert_int_equal (
        judge_body (HTTP_STATUS, body, quoted, FIXTURE_NOW, NULL, NULL),
        HTTP_PROBLEMS_);
    assert_int_equal (
        judge_body (HTTP_STATUS, body, "\"7\"", FIXTURE_NOW, NULL, NULL),
        HTTP_IDEMPOTENCY_KEY);
    free (payload);
}

static void
test_body_is_judged_in_the_order_of_6_3 (void **state)
{
    const int64_t late = FIXTURE_NOW + 31 * DAY, early = FIXTURE_NOW - DAY;

    (void)state;
    /* Schema before the name, the name before the time. */
    assert_int_equal (judge_vector (HTTP_VETO, "pr_id zero", "x", late),
                      HTTP_SCHEMA);
    assert_int_equal (
        judge_vector (HTTP_VETO, "good econveto key 0", "x", late),
        HTTP_IDEMPOTENCY_KEY);
    /* Time before key and signature, whether their form or they are bad. */
    CHECK_VECTOR (HTTP_VETO, "high s", late, HTTP_STALE);
    CHECK_VECTOR (HTTP_VETO, "high s", early, HTTP_FUTURE);
    CHECK_VECTOR (HTTP_VETO, "x not on the curve", late, HTTP_STALE);
    CHECK_VECTOR (HTTP_VETO, "short key", late, HTTP_STALE);
    CHECK_VECTOR (HTTP_VETO, "short key", early, HTTP_FUTURE);
    CHECK_VECTOR (HTTP_VETO, "signature short", late, HTTP_STALE);
    /* The form of the name before the time as well. */
    assert_int_equal (judge_vector (HTTP_VETO, "short key", "x", late),
                      HTTP_IDEMPOTENCY_KEY);
    /* Key before signature. */
    CHECK_VECTOR (HTTP_VETO, "bad form of key and of signature", FIXTURE_NOW,
                  HTTP_BAD_KEY);
}

static void
test_problem_is_a_problem_document (void **state)
{
    (void)state;
    for (int i = 0; i < HTTP_PROBLEMS_; i++) {
        struct http_problem problem = {.kind = (enum http_problem_kind)i,
                                       .clause = "3.2",
                                       .what = "signal_type",
                                       .has_id = true};
        struct http_answer answer;
        char type[64];
        assert_int_equal (http_problem_answer (&problem, HTTP_VETO, &answer),
                          0);
        assert_string_equal (answer.content_type, "application/problem+json");
        json_t *root = json_loads (answer.body, 0, NULL);
        assert_non_null (root);
        snprintf (type, sizeof type, "about:govrelay:%s",
                  http_problem_name (problem.kind));
        assert_string_equal (json_string_value (json_object_get (root, "type")),
                             type);
        assert_int_equal (json_integer_value (json_object_get (root, "status")),
                          answer.status);
        assert_true (json_is_string (json_object_get (root, "title")));
        assert_string_equal (
            json_string_value (json_object_get (root, "detail")),
            "econveto 000000000000000000000000000000000000000000000000000000"
            "0000000000 refused: PROTOCOL 3.2: signal_type");
        json_decref (root);
        http_answer_done (&answer);
    }
}

static void
test_problems_have_the_status_of_6_3 (void **state)
{
    static const struct {
        enum http_problem_kind kind;
        unsigned status;
        const char *name;
    } rows[] = {
        {HTTP_NOT_FOUND, 404, "not_found"},
        {HTTP_METHOD_NOT_ALLOWED, 405, "method_not_allowed"},
        {HTTP_UNAUTHORIZED, 401, "unauthorized"},
        {HTTP_UNSUPPORTED_MEDIA_TYPE, 415, "unsupported_media_type"},
        {HTTP_TOO_LARGE, 413, "too_large"},
        {HTTP_MALFORMED, 400, "malformed"},
        {HTTP_SCHEMA, 400, "schema"},
        {HTTP_IDEMPOTENCY_KEY, 400, "idempotency_key"},
        {HTTP_STALE, 422, "stale"},
        {HTTP_FUTURE, 425, "future"},
        {HTTP_BAD_KEY, 422, "bad_key"},
        {HTTP_BAD_SIGNATURE, 422, "bad_signature"},
        {HTTP_UNAVAILABLE, 503, "unavailable"},
    };
    (void)state;
    assert_int_equal (ARRAY_SIZE (rows), HTTP_PROBLEMS_);
    for (size_t i = 0; i < ARRAY_SIZE (rows); i++) {
        assert_int_equal (http_problem_status (rows[i].kind), rows[i].status);
        assert_string_equal (http_problem_name (rows[i].kind), rows[i].name);
    }
}

static void
test_unavailable_says_when_to_come_again (void **state)
{
    struct http_problem problem = http_unavailable ("memory");
    struct http_answer answer;

    (void)state;
    assert_int_equal (http_problem_answer (&problem, HTTP_TARGETS_, &answer),
                      0);
    assert_int_equal (answer.status, 503);
    assert_true (answer.retry_after_s > 0);
    http_answer_done (&answer);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_paths_are_known_with_and_without_api),
        cmocka_unit_test (test_other_paths_are_not_found),
        cmocka_unit_test (test_wrong_method_is_told_the_right_one),
        cmocka_unit_test (test_health_needs_no_key_and_head_is_get),
        cmocka_unit_test (test_missing_or_wrong_key_is_unauthorized),
        cmocka_unit_test (test_nobody_is_let_in_when_there_is_no_key),
        cmocka_unit_test (test_only_json_is_taken),
        cmocka_unit_test (test_announced_length_is_bounded_by_path),
        cmocka_unit_test (test_head_is_judged_in_the_order_of_6_3),
        cmocka_unit_test (test_good_messages_are_taken),
        cmocka_unit_test (test_every_vector_gets_the_answer_of_its_verdict),
        cmocka_unit_test (test_message_on_another_path_is_a_schema_error),
        cmocka_unit_test (test_retention_is_thirty_days),
        cmocka_unit_test (test_future_is_told_when_to_come_again),
        cmocka_unit_test (test_idempotency_key_is_the_quoted_name_or_absent),
        cmocka_unit_test (
            test_idempotency_key_of_a_registration_is_of_the_reading_that_holds),
        cmocka_unit_test (test_idempotency_key_of_a_query_is_its_name),
        cmocka_unit_test (test_body_is_judged_in_the_order_of_6_3),
        cmocka_unit_test (test_problem_is_a_problem_document),
        cmocka_unit_test (test_problems_have_the_status_of_6_3),
        cmocka_unit_test (test_unavailable_says_when_to_come_again),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
