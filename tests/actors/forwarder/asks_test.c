/* SPDX-License-Identifier: MIT */
/* asks_test - status queries in hand, and the responses made of answers. */
#include "actors/forwarder/asks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#define QUERY                                                                  \
    "{\"request_id\":7,\"node_identifier\":\"5\",\"query_type\":\"by_id\","    \
    "\"status\":null}"
#define STATUS                                                                 \
    "{\"node_id\":5,\"node_type\":\"exchange\",\"entity_name\":\"Ex\","        \
    "\"status\":\"active\",\"weight\":0.1,\"registered_at\":1700000000,"       \
    "\"last_verified_at\":null}"

static int
make (const char *query, const char *body, struct buffer *ret_response)
{
    return status_response_make (bytes_of_text (query), bytes_of_text (body),
                                 ret_response);
}

static void
check_response (const struct buffer *response, const char *expected)
{
    if (!bytes_equal (buffer_bytes (response), bytes_of_text (expected)))
        fail_msg ("%.*s", (int)response->size, (const char *)response->data);
}

static void
test_response_is_the_query_with_the_status (void **state)
{
    owned (buffer_done) struct buffer response = {0};

    (void)state;
    assert_int_equal (
        make (QUERY, "{\"request_id\":7,\"status\":" STATUS "}", &response), 0);
    check_response (&response,
                    "{\"request_id\":7,\"node_identifier\":\"5\","
                    "\"query_type\":\"by_id\",\"status\":" STATUS "}");
}

static void
test_what_commons_says_beyond_the_protocol_is_left_out (void **state)
{
    owned (buffer_done) struct buffer response = {0};

    (void)state;
    assert_int_equal (make (QUERY,
                            "{\"request_id\":7,\"status\":{\"node_id\":5,"
                            "\"node_type\":\"exchange\",\"entity_name\":\"Ex\","
                            "\"status\":\"active\",\"weight\":0.1,"
                            "\"registered_at\":1700000000,\"secret\":1}}",
                            &response),
                      0);
    check_response (&response,
                    "{\"request_id\":7,\"node_identifier\":\"5\","
                    "\"query_type\":\"by_id\",\"status\":" STATUS "}");
}

static void
test_unknown_node_has_no_response (void **state)
{
    owned (buffer_done) struct buffer response = {0};

    (void)state;
    assert_int_equal (
        make (QUERY, "{\"request_id\":7,\"status\":null}", &response), -ENOENT);
    assert_int_equal (response.size, 0);
}

static void
test_response_that_peers_would_refuse_is_not_made (void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "not JSON",
        "{\"request_id\":7}",
        "{\"request_id\":7,\"status\":5}",
        "{\"request_id\":7,\"status\":{}}",
        "{\"request_id\":7,\"status\":{\"node_id\":5,\"node_type\":\"bank\","
        "\"entity_name\":\"Ex\",\"status\":\"active\",\"weight\":0.1,"
        "\"registered_at\":1700000000,\"last_verified_at\":null}}",
        "{\"request_id\":7,\"status\":{\"node_id\":5,\"node_type\":"
        "\"exchange\",\"entity_name\":\"Ex\",\"status\":\"active\","
        "\"weight\":1.5,\"registered_at\":1700000000,"
        "\"last_verified_at\":null}}",
    };
    owned (buffer_done) struct buffer response = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (bodies); i++)
        assert_int_equal (make (QUERY, bodies[i], &response), -EBADMSG);
    assert_int_equal (response.size, 0);
}

static void
test_asks_are_bounded_and_answered (void **state)
{
    struct asks *asks = calloc (1, sizeof (*asks));
    struct gov_id name = {{1}};
    struct ask *ask = NULL;

    (void)state;
    assert_non_null (asks);
    for (int i = 0; i < ASKS_MAX; i++) {
        ask = asks_add (asks, &name, bytes_of_text (QUERY));
        assert_non_null (ask);
    }
    assert_null (asks_add (asks, &name, bytes_of_text (QUERY)));
    assert_int_equal (asks_count (asks), ASKS_MAX);

    ask_answer (ask, bytes_of_text ("{\"status\":" STATUS "}"));
    assert_int_equal (ask->state, ASK_ANSWERED);
    assert_true (ask->response.size > 0);
    ask_free (ask);
    assert_int_equal (asks_count (asks), ASKS_MAX - 1);
    assert_ptr_equal (asks_add (asks, &name, bytes_of_text (QUERY)), ask);
    ask_answer (ask, bytes_of (NULL, 0));
    assert_int_equal (ask->state, ASK_ANSWERED);
    assert_int_equal (ask->response.size, 0);
    asks_done (asks);
    assert_int_equal (asks_count (asks), 0);
    free (asks);
}

static void
test_answer_for_an_asker_that_is_gone_is_dropped (void **state)
{
    struct asks *asks = calloc (1, sizeof (*asks));
    struct gov_id name = {{1}};

    (void)state;
    assert_non_null (asks);
    struct ask *sent = asks_add (asks, &name, bytes_of_text (QUERY));
    struct ask *answered = asks_add (asks, &name, bytes_of_text (QUERY));
    ask_answer (answered, bytes_of (NULL, 0));
    asks_orphan (asks);
    assert_int_equal (answered->state, ASK_FREE);
    assert_int_equal (sent->state, ASK_ORPHANED);
    assert_int_equal (asks_count (asks), 0);
    ask_answer (sent, bytes_of_text ("{\"status\":" STATUS "}"));
    assert_int_equal (sent->state, ASK_FREE);
    free (asks);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_response_is_the_query_with_the_status),
        cmocka_unit_test (
            test_what_commons_says_beyond_the_protocol_is_left_out),
        cmocka_unit_test (test_unknown_node_has_no_response),
        cmocka_unit_test (test_response_that_peers_would_refuse_is_not_made),
        cmocka_unit_test (test_asks_are_bounded_and_answered),
        cmocka_unit_test (test_answer_for_an_asker_that_is_gone_is_dropped),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
