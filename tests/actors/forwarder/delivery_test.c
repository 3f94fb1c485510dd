/* SPDX-License-Identifier: MIT */
/* delivery_test - every row of PROTOCOL 6.2. */
#include "actors/forwarder/delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_S INT64_C (784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */
#define JSON "application/json"
#define PROBLEM "application/problem+json"
#define HTML "text/html; charset=utf-8"

#define REGISTRATION "{\"node_type\":\"exchange\"}"
#define VETO "{\"node_id\":5,\"pr_id\":42,\"signal_type\":\"veto\"}"
#define FORK "{\"chosen_ruleset\":\"rules-1\"}"
#define QUERY "{\"request_id\":7,\"node_identifier\":\"1\"}"
#define VETO_STORED "{\"pr_id\":42,\"status\":\"processed\",\"message\":\"\"}"
#define PAGE "<html><body>Welcome to the hotel</body></html>"

struct row {
    enum command command;
    const char *payload;
    unsigned status;
    const char *content_type; /* NULL: absent */
    const char *body;
    enum delivery_action action;
    const char *reason;
};

static struct delivery
judge (const struct row *row)
{
    struct delivery_answer answer = {.status = row->status,
                                     .body = bytes_of_text (row->body)};

    if (row->content_type != NULL)
        answer.content_type = bytes_of_text (row->content_type);
    return delivery_judge (row->command, bytes_of_text (row->payload), &answer,
                           NOW_S);
}

static void
check_rows (const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct delivery delivery = judge (&rows[i]);
        if (delivery.action != rows[i].action
            || strcmp (delivery.reason, rows[i].reason) != 0)
            fail_msg ("row %zu: status %u: action %d reason %s", i,
                      rows[i].status, (int)delivery.action, delivery.reason);
        assert_int_equal (delivery.status, rows[i].status);
    }
}

static void
test_only_the_answer_that_was_asked_for_is_done (void **state)
{
    static const struct row rows[] = {
        {COMMAND_ECONREG, REGISTRATION, 200, JSON,
         "{\"node_id\":1,\"status\":\"pending\",\"message\":\"\"}",
         DELIVERY_DONE, "delivered"},
        {COMMAND_ECONVETO, VETO, 200, JSON, VETO_STORED, DELIVERY_DONE,
         "delivered"},
        {COMMAND_ECONFORK, FORK, 200, "Application/JSON; charset=utf-8",
         "{\"ruleset\":\"rules-1\",\"status\":\"pending\"}", DELIVERY_DONE,
         "delivered"},
        {COMMAND_ECONSTATUS, QUERY, 200, JSON,
         "{\"request_id\":7,\"status\":null}", DELIVERY_DONE, "delivered"},
        {COMMAND_ECONSTATUS, QUERY, 200, JSON,
         "{\"request_id\":7,\"status\":{}}", DELIVERY_DONE, "delivered"},
        /* It does not say what it is, but it is. */
        {COMMAND_ECONVETO, VETO, 200, NULL, VETO_STORED, DELIVERY_DONE,
         "delivered"},
        /* The answer to another question. */
        {COMMAND_ECONVETO, VETO, 200, JSON, "{\"pr_id\":43}", DELIVERY_HOLD,
         "not_commons"},
        {COMMAND_ECONVETO, VETO, 200, JSON, "{\"pr_id\":\"42\"}", DELIVERY_HOLD,
         "not_commons"},
        {COMMAND_ECONVETO, VETO, 200, JSON, "{\"node_id\":5}", DELIVERY_HOLD,
         "not_commons"},
        {COMMAND_ECONFORK, FORK, 200, JSON, "{\"ruleset\":\"rules-2\"}",
         DELIVERY_HOLD, "not_commons"},
        {COMMAND_ECONREG, REGISTRATION, 200, JSON, "{\"node_id\":null}",
         DELIVERY_HOLD, "not_commons"},
        {COMMAND_ECONREG, REGISTRATION, 200, JSON, "{\"node_id\":4294967296}",
         DELIVERY_HOLD, "not_commons"},
        {COMMAND_ECONSTATUS, QUERY, 200, JSON,
         "{\"request_id\":8,\"status\":null}", DELIVERY_HOLD, "not_commons"},
        {COMMAND_ECONSTATUS, QUERY, 200, JSON, "{\"request_id\":7}",
         DELIVERY_HOLD, "not_commons"},
        {COMMAND_ECONVETO, VETO, 200, JSON, "{}", DELIVERY_HOLD, "not_commons"},
        {COMMAND_ECONVETO, VETO, 200, JSON, "[42]", DELIVERY_HOLD,
         "not_commons"},
        {COMMAND_ECONVETO, VETO, 200, JSON, "", DELIVERY_HOLD, "not_commons"},
        {COMMAND_ECONVETO, VETO, 200, JSON, "{\"pr_id\":42,\"pr_id\":42}",
         DELIVERY_HOLD, "not_commons"},
        {COMMAND_ECONVETO, VETO, 200, HTML, VETO_STORED, DELIVERY_HOLD,
         "not_commons"},
        {COMMAND_ECONVETO, VETO, 201, JSON, VETO_STORED, DELIVERY_HOLD,
         "unexpected"},
        {COMMAND_ECONVETO, VETO, 204, NULL, "", DELIVERY_HOLD, "unexpected"},
    };

    (void)state;
    check_rows (rows, ARRAY_SIZE (rows));
}

static void
test_captive_portal_holds (void **state)
{
    static const struct row rows[] = {
        {COMMAND_ECONVETO, VETO, 200, HTML, PAGE, DELIVERY_HOLD, "not_commons"},
        {COMMAND_ECONVETO, VETO, 200, NULL, PAGE, DELIVERY_HOLD, "not_commons"},
        {COMMAND_ECONVETO, VETO, 301, HTML, PAGE, DELIVERY_HOLD, "redirect"},
        {COMMAND_ECONVETO, VETO, 302, HTML, PAGE, DELIVERY_HOLD, "redirect"},
        {COMMAND_ECONVETO, VETO, 307, NULL, "", DELIVERY_HOLD, "redirect"},
        {COMMAND_ECONVETO, VETO, 511, HTML, PAGE, DELIVERY_RETRY,
         "server_error"},
    };

    (void)state;
    check_rows (rows, ARRAY_SIZE (rows));
}

static void
test_refusal_by_commons_itself_is_a_dead_letter (void **state)
{
    static const struct row rows[] = {
        {COMMAND_ECONVETO, VETO, 400, PROBLEM,
         "{\"type\":\"about:govrelay:schema\"}", DELIVERY_DEAD, "schema"},
        {COMMAND_ECONVETO, VETO, 413, PROBLEM,
         "{\"type\":\"about:govrelay:too_large\"}", DELIVERY_DEAD, "too_large"},
        {COMMAND_ECONVETO, VETO, 415, PROBLEM,
         "{\"type\":\"about:govrelay:unsupported_media_type\"}", DELIVERY_DEAD,
         "unsupported_media_type"},
        {COMMAND_ECONVETO, VETO, 422, "application/problem+json; charset=utf-8",
         "{\"type\":\"about:govrelay:bad_signature\",\"status\":422}",
         DELIVERY_DEAD, "bad_signature"},
        /* What Commons calls it is not repeated unless we know the word. */
        {COMMAND_ECONVETO, VETO, 422, PROBLEM,
         "{\"type\":\"about:govrelay:\\n<script>\"}", DELIVERY_DEAD, "refused"},
    };

    (void)state;
    check_rows (rows, ARRAY_SIZE (rows));
}

static void
test_refusal_without_proof_holds (void **state)
{
    static const struct row rows[] = {
        {COMMAND_ECONVETO, VETO, 413, HTML,
         "<html><h1>413 Request Entity Too Large</h1></html>", DELIVERY_HOLD,
         "unproven"},
        {COMMAND_ECONVETO, VETO, 400, JSON,
         "{\"type\":\"about:govrelay:schema\"}", DELIVERY_HOLD, "unproven"},
        {COMMAND_ECONVETO, VETO, 400, NULL,
         "{\"type\":\"about:govrelay:schema\"}", DELIVERY_HOLD, "unproven"},
        {COMMAND_ECONVETO, VETO, 400, "application/problem+jsonx",
         "{\"type\":\"about:govrelay:schema\"}", DELIVERY_HOLD, "unproven"},
        {COMMAND_ECONVETO, VETO, 422, PROBLEM, "{\"type\":\"about:blank\"}",
         DELIVERY_HOLD, "unproven"},
        {COMMAND_ECONVETO, VETO, 422, PROBLEM, "{\"type\":5}", DELIVERY_HOLD,
         "unproven"},
        {COMMAND_ECONVETO, VETO, 415, PROBLEM, "not JSON", DELIVERY_HOLD,
         "unproven"},
    };

    (void)state;
    check_rows (rows, ARRAY_SIZE (rows));
}

static void
test_not_now_is_tried_again (void **state)
{
    static const struct row rows[] = {
        {COMMAND_ECONVETO, VETO, 408, NULL, "", DELIVERY_RETRY, "timeout"},
        {COMMAND_ECONVETO, VETO, 425, PROBLEM,
         "{\"type\":\"about:govrelay:future\"}", DELIVERY_RETRY, "future"},
        {COMMAND_ECONVETO, VETO, 429, NULL, "", DELIVERY_RETRY,
         "too_many_requests"},
        {COMMAND_ECONVETO, VETO, 500, JSON, "{}", DELIVERY_RETRY,
         "server_error"},
        {COMMAND_ECONVETO, VETO, 502, HTML, PAGE, DELIVERY_RETRY,
         "server_error"},
        {COMMAND_ECONVETO, VETO, 503, PROBLEM,
         "{\"type\":\"about:govrelay:unavailable\"}", DELIVERY_RETRY,
         "unavailable"},
        {COMMAND_ECONVETO, VETO, 504, NULL, "", DELIVERY_RETRY, "server_error"},
        {COMMAND_ECONVETO, VETO, 599, NULL, "", DELIVERY_RETRY, "server_error"},
    };

    (void)state;
    check_rows (rows, ARRAY_SIZE (rows));
}

static void
test_everything_else_holds (void **state)
{
    static const struct row rows[] = {
        {COMMAND_ECONVETO, VETO, 401, PROBLEM,
         "{\"type\":\"about:govrelay:unauthorized\"}", DELIVERY_HOLD,
         "unauthorized"},
        {COMMAND_ECONVETO, VETO, 403, HTML, PAGE, DELIVERY_HOLD, "forbidden"},
        {COMMAND_ECONVETO, VETO, 404, PROBLEM,
         "{\"type\":\"about:govrelay:not_found\"}", DELIVERY_HOLD, "not_found"},
        {COMMAND_ECONVETO, VETO, 405, PROBLEM,
         "{\"type\":\"about:govrelay:method_not_allowed\"}", DELIVERY_HOLD,
         "unexpected"},
        {COMMAND_ECONVETO, VETO, 407, HTML, PAGE, DELIVERY_HOLD, "unexpected"},
        {COMMAND_ECONVETO, VETO, 418, NULL, "", DELIVERY_HOLD, "unexpected"},
        {COMMAND_ECONVETO, VETO, 600, NULL, "", DELIVERY_HOLD, "unexpected"},
        {COMMAND_ECONVETO, VETO, 0, NULL, "", DELIVERY_HOLD, "unexpected"},
    };

    (void)state;
    check_rows (rows, ARRAY_SIZE (rows));
}

static void
test_failures_without_an_answer (void **state)
{
    static const struct {
        enum delivery_failure failure;
        enum delivery_action action;
        const char *reason;
    } rows[] = {
        {FAILURE_NETWORK, DELIVERY_RETRY, "network"},
        {FAILURE_TIMEOUT, DELIVERY_RETRY, "timeout"},
        {FAILURE_TLS, DELIVERY_HOLD, "tls"},
        {FAILURE_NOT_HTTP, DELIVERY_HOLD, "not_http"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (rows); i++) {
        struct delivery_answer answer = {.failure = rows[i].failure};
        struct delivery delivery = delivery_judge (
            COMMAND_ECONVETO, bytes_of_text (VETO), &answer, NOW_S);
        assert_int_equal (delivery.action, rows[i].action);
        assert_string_equal (delivery.reason, rows[i].reason);
        assert_int_equal (delivery.status, 0);
    }
}

static void
test_answer_that_was_cut_off_proves_nothing (void **state)
{
    struct delivery_answer answer = {
        .status = 200,
        .cut = true,
        .content_type = bytes_of_text (JSON),
        .body = bytes_of_text (VETO_STORED),
    };
    struct bytes payload = bytes_of_text (VETO);

    (void)state;
    assert_int_equal (
        delivery_judge (COMMAND_ECONVETO, payload, &answer, NOW_S).action,
        DELIVERY_HOLD);
    answer.status = 422;
    answer.content_type = bytes_of_text (PROBLEM);
    answer.body = bytes_of_text ("{\"type\":\"about:govrelay:schema\"}");
    assert_int_equal (
        delivery_judge (COMMAND_ECONVETO, payload, &answer, NOW_S).action,
        DELIVERY_HOLD);
    answer.status = 503;
    assert_int_equal (
        delivery_judge (COMMAND_ECONVETO, payload, &answer, NOW_S).action,
        DELIVERY_RETRY);
}

static void
test_retry_after_in_both_forms (void **state)
{
    static const struct {
        const char *header;
        int64_t seconds;
    } rows[] = {
        {"0", 0},
        {"1", 1},
        {"120", 120},
        {"3600", 3600},
        {"3601", 3600},
        {"99999999999999999999999999999999", 3600},
        {"", 0},
        {"-5", 0},
        {"1.5", 0},
        {"5 ", 0},
        {"soon", 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 Nov 1994 08:50:37 GMT", 60},
        {"Sun, 06 Nov 1994 08:49:00 GMT", 0},
        {"Mon, 07 Nov 1994 08:49:37 GMT", 3600},
        {"Sunday, 06-Nov-94 08:50:37 GMT", 60},
        {"Sun Nov  6 08:50:37 1994", 60},
        {"Sun, 06 Nov 1994 08:50:37 GMT and more", 0},
        {"Sun, 06 Nov 1994 08:50:37 GMT and much more than a date has", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (rows); i++)
        if (delivery_retry_after_us (bytes_of_text (rows[i].header), NOW_S)
            != rows[i].seconds * SECOND_US)
            fail_msg ("Retry-After: %s", rows[i].header);
}

static void
test_retry_after_is_told_with_a_retry_only (void **state)
{
    struct delivery_answer answer = {.status = 503,
                                     .retry_after = bytes_of_text ("7")};
    struct bytes payload = bytes_of_text (VETO);

    (void)state;
    assert_int_equal (delivery_judge (COMMAND_ECONVETO, payload, &answer, NOW_S)
                          .retry_after_us,
                      7 * SECOND_US);
    answer.status = 404;
    assert_int_equal (delivery_judge (COMMAND_ECONVETO, payload, &answer, NOW_S)
                          .retry_after_us,
                      0);
}

static void
test_backoff_is_full_jitter_under_a_doubling_ceiling (void **state)
{
    static const int64_t ceilings_s[] = {1,  2,   4,   8,   16,  32,
                                         64, 128, 256, 300, 300, 300};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE (ceilings_s); i++) {
        uint64_t ceiling_us = (uint64_t)(ceilings_s[i] * SECOND_US);
        assert_int_equal (delivery_backoff_us (i + 1, 0), 0);
        assert_int_equal (delivery_backoff_us (i + 1, ceiling_us), ceiling_us);
        assert_int_equal (delivery_backoff_us (i + 1, ceiling_us + 1), 0);
        assert_true (delivery_backoff_us (i + 1, UINT64_MAX)
                     <= (int64_t)ceiling_us);
    }
    assert_int_equal (delivery_backoff_us (UINT32_MAX, 300 * SECOND_US),
                      300 * SECOND_US);
}

static void
test_only_a_healthy_health_page_is_healthy (void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        enum delivery_action action;
    } rows[] = {
        {200, "{\"status\":\"ok\",\"governance_enabled\":true}", DELIVERY_DONE},
        {200, "{\"status\":\"sick\"}", DELIVERY_HOLD},
        {200, PAGE, DELIVERY_HOLD},
        {503, "{\"status\":\"ok\"}", DELIVERY_RETRY},
        {404, "", DELIVERY_HOLD},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (rows); i++) {
        struct delivery_answer answer = {.status = rows[i].status,
                                         .body = bytes_of_text (rows[i].body)};
        assert_int_equal (delivery_judge_health (&answer, NOW_S).action,
                          rows[i].action);
    }
    struct delivery_answer answer = {.failure = FAILURE_NETWORK};
    assert_int_equal (delivery_judge_health (&answer, NOW_S).action,
                      DELIVERY_RETRY);
}

static void
test_excerpt_is_visible_and_bounded (void **state)
{
    char text[4 * DELIVERY_EXCERPT_MAX + 1];
    uint8_t long_body[2 * DELIVERY_EXCERPT_MAX];

    (void)state;
    delivery_excerpt (bytes_of ("a\n\0\\\x1b[31m\xff", 11), text);
    assert_string_equal (text, "a\\x0a\\x00\\x5c\\x1b[31m\\xff\\x00");
    memset (long_body, 0xee, sizeof (long_body));
    delivery_excerpt (bytes_of (long_body, sizeof (long_body)), text);
    assert_int_equal (strlen (text), 4 * DELIVERY_EXCERPT_MAX);
    delivery_excerpt (bytes_of (NULL, 0), text);
    assert_string_equal (text, "");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_only_the_answer_that_was_asked_for_is_done),
        cmocka_unit_test (test_captive_portal_holds),
        cmocka_unit_test (test_refusal_by_commons_itself_is_a_dead_letter),
        cmocka_unit_test (test_refusal_without_proof_holds),
        cmocka_unit_test (test_not_now_is_tried_again),
        cmocka_unit_test (test_everything_else_holds),
        cmocka_unit_test (test_failures_without_an_answer),
        cmocka_unit_test (test_answer_that_was_cut_off_proves_nothing),
        cmocka_unit_test (test_retry_after_in_both_forms),
        cmocka_unit_test (test_retry_after_is_told_with_a_retry_only),
        cmocka_unit_test (test_backoff_is_full_jitter_under_a_doubling_ceiling),
        cmocka_unit_test (test_only_a_healthy_health_page_is_healthy),
        cmocka_unit_test (test_excerpt_is_visible_and_bounded),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
