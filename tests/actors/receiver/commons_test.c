/* SPDX-License-Identifier: MIT */
/* commons_test - what messages make of the books. */
#include <stdio.h>
#include <stdlib.h>

#include "books.h"

#define T BOOKS_NOW

static void
test_registration_waits_for_an_operator (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    struct http_answer answer = books_take (
        &books, HTTP_REGISTRATION, books_registration (&books, 0, 35, T));
    assert_string_equal (answer.body,
                         "{\"node_id\":1,\"status\":\"pending\",\"message\":"
                         "\"registered; an operator has to activate it\"}");
    assert_false (answer.replayed);
    http_answer_done (&answer);
    BOOKS_CHECK (&books, "SELECT status || weight_ppm FROM nodes",
                 "pending350000");
    BOOKS_CHECK (&books, "SELECT state FROM revisions", "in_force");
    books_close (&books);
}

static void
test_auto_activate_makes_qualified_nodes_active (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    books.commons.auto_activate = true;
    assert_string_equal (books_status (&books, HTTP_REGISTRATION,
                                       books_registration (&books, 0, 35, T)),
                         "active");
    assert_string_equal (books_status (&books, HTTP_REGISTRATION,
                                       books_registration (&books, 1, 0.5, T)),
                         "unqualified");
    BOOKS_CHECK (&books,
                 "SELECT status || weight_ppm FROM nodes WHERE node_id"
                 " = 2",
                 "unqualified0");
    books_close (&books);
}

static void
test_same_message_gets_the_stored_answer (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    char *payload = books_registration (&books, 0, 35, T);
    struct http_answer first =
        books_take (&books, HTTP_REGISTRATION, strdup (payload));
    /* What the answer would be by now does not matter. */
    books.commons.auto_activate = true;
    books_restart (&books);
    struct http_answer second = books_take (&books, HTTP_REGISTRATION, payload);
    assert_true (second.replayed);
    assert_int_equal (second.status, 200);
    assert_string_equal (second.body, first.body);
    http_answer_done (&first);
    http_answer_done (&second);
    BOOKS_CHECK (&books, "SELECT count (*) FROM messages", "1");
    BOOKS_CHECK (&books, "SELECT count (*) FROM audit", "1");
    books_close (&books);
}

static void
test_same_message_twice_in_one_batch_is_one (void **state)
{
    struct books books;
    struct http_answer answers[2];

    (void)state;
    books_open (&books);
    char *payload = books_veto (&books, 0, 7, SIGNAL_VETO, T);
    struct http_asked asked = books_judge (&books, HTTP_VETO, payload);
    assert_int_equal (books.store->call->begin (books.store), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal (commons_take (&books.commons, &asked, T, &answers[i]),
                          0);
    assert_int_equal (books.store->call->commit (books.store), 0);
    assert_false (answers[0].replayed);
    assert_true (answers[1].replayed);
    assert_string_equal (answers[0].body, answers[1].body);
    BOOKS_CHECK (&books, "SELECT count (*) FROM signals", "1");
    http_answer_done (&answers[0]);
    http_answer_done (&answers[1]);
    http_asked_done (&asked);
    free (payload);
    books_close (&books);
}

static void
test_second_registration_is_a_revision_not_in_force (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    books.commons.auto_activate = true;
    books_status (&books, HTTP_REGISTRATION,
                  books_registration (&books, 0, 10, T));
    assert_string_equal (
        books_status (&books, HTTP_REGISTRATION,
                      books_registration (&books, 0, 100, T + 1)),
        "revision");
    assert_string_equal (
        books_status (&books, HTTP_REGISTRATION,
                      books_registration (&books, 0, 90, T + 2)),
        "revision");
    assert_string_equal (
        books_status (&books, HTTP_REGISTRATION,
                      books_registration (&books, 0, 80, T - 1)),
        "revision");
    BOOKS_CHECK (&books, "SELECT count (*) || sum (weight_ppm) FROM nodes",
                 "1100000");
    BOOKS_CHECK (&books,
                 "SELECT weight_ppm FROM revisions WHERE state = 'waiting'",
                 "900000");
    BOOKS_CHECK (&books,
                 "SELECT count (*) FROM revisions WHERE state = 'superseded'",
                 "2");
    books_close (&books);
}

static void
test_veto_of_an_active_node_is_processed (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    books.commons.auto_activate = true;
    books_status (&books, HTTP_REGISTRATION,
                  books_registration (&books, 0, 10, T));
    struct http_answer answer = books_take (
        &books, HTTP_VETO, books_veto (&books, 0, 123, SIGNAL_VETO, T));
    assert_string_equal (
        answer.body,
        "{\"pr_id\":123,\"status\":\"processed\",\"message\":\"in force\"}");
    http_answer_done (&answer);
    BOOKS_CHECK (&books, "SELECT node_id FROM signals", "1");
    books_close (&books);
}

static void
test_veto_before_its_registration_is_applied_later (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    books.commons.auto_activate = true;
    assert_string_equal (
        books_status (&books, HTTP_VETO,
                      books_veto (&books, 0, 1, SIGNAL_VETO, T)),
        "pending");
    assert_string_equal (
        books_status (&books, HTTP_VETO,
                      books_veto (&books, 0, 2, SIGNAL_SUPPORT, T)),
        "pending");
    assert_string_equal (books_status (&books, HTTP_FORK_DECISION,
                                       books_fork (&books, 0, "r-1", T)),
                         "pending");
    assert_string_equal (
        books_status (&books, HTTP_VETO,
                      books_veto (&books, 1, 1, SIGNAL_VETO, T)),
        "pending");
    books_status (&books, HTTP_REGISTRATION,
                  books_registration (&books, 0, 10, T));
    BOOKS_CHECK (&books,
                 "SELECT count (*) FROM signals WHERE node_id = 1"
                 " AND outcome = 'processed'",
                 "2");
    BOOKS_CHECK (&books, "SELECT outcome FROM decisions", "processed");
    BOOKS_CHECK (&books,
                 "SELECT count (*) FROM signals WHERE node_id IS NULL"
                 " AND outcome = 'pending'",
                 "1");
    BOOKS_CHECK (&books,
                 "SELECT count (*) FROM audit WHERE action LIKE '%.applied'",
                 "3");
    books_close (&books);
}

static void
test_veto_of_a_pending_node_waits_with_it (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    books_status (&books, HTTP_REGISTRATION,
                  books_registration (&books, 0, 10, T));
    assert_string_equal (
        books_status (&books, HTTP_VETO,
                      books_veto (&books, 0, 1, SIGNAL_VETO, T)),
        "pending");
    BOOKS_CHECK (&books, "SELECT node_id || outcome FROM signals", "1pending");
    books_close (&books);
}

static void
test_signal_can_be_changed_and_history_stays (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    books.commons.auto_activate = true;
    books_status (&books, HTTP_REGISTRATION,
                  books_registration (&books, 0, 10, T));
    books_status (&books, HTTP_VETO, books_veto (&books, 0, 1, SIGNAL_VETO, T));
    assert_string_equal (
        books_status (&books, HTTP_VETO,
                      books_veto (&books, 0, 1, SIGNAL_SUPPORT, T + 1)),
        "processed");
    /* Late, not new: it came after, but was signed before. */
    assert_string_equal (
        books_status (&books, HTTP_VETO,
                      books_veto (&books, 0, 1, SIGNAL_ABSTAIN, T - 1)),
        "superseded");
    BOOKS_CHECK (&books, "SELECT count (*) FROM signals", "3");
    BOOKS_CHECK (&books,
                 "SELECT signal_type FROM signals"
                 " WHERE outcome <> 'superseded'",
                 "support");
    BOOKS_CHECK (&books,
                 "SELECT count (*) FROM audit"
                 " WHERE action = 'signal.superseded'",
                 "1");
    books_close (&books);
}

static void
test_tie_has_one_winner_whatever_came_first (void **state)
{
    char *winner[2];

    (void)state;
    for (int first = 0; first < 2; first++) {
        struct books books;
        books_open (&books);
        char *payload[] = {books_veto (&books, 0, 1, SIGNAL_VETO, T),
                           books_veto (&books, 0, 1, SIGNAL_SUPPORT, T)};
        books_status (&books, HTTP_VETO, payload[first]);
        books_status (&books, HTTP_VETO, payload[1 - first]);
        winner[first] = books_ask (&books, "SELECT hex (gov_id) FROM signals"
                                           " WHERE outcome = 'pending'");
        BOOKS_CHECK (&books,
                     "SELECT count (*) FROM signals"
                     " WHERE outcome = 'pending'",
                     "1");
        books_close (&books);
    }
    assert_string_equal (winner[0], winner[1]);
    free (winner[0]);
    free (winner[1]);
}

static void
test_newest_fork_decision_wins (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    books.commons.auto_activate = true;
    books_status (&books, HTTP_REGISTRATION,
                  books_registration (&books, 0, 10, T));
    struct http_answer answer = books_take (&books, HTTP_FORK_DECISION,
                                            books_fork (&books, 0, "r-1", T));
    assert_string_equal (answer.body,
                         "{\"ruleset\":\"r-1\",\"status\":"
                         "\"processed\",\"message\":\"in force\"}");
    http_answer_done (&answer);
    assert_string_equal (books_status (&books, HTTP_FORK_DECISION,
                                       books_fork (&books, 0, "r-2", T + 1)),
                         "processed");
    assert_string_equal (books_status (&books, HTTP_FORK_DECISION,
                                       books_fork (&books, 0, "r-1", T - 1)),
                         "superseded");
    BOOKS_CHECK (&books,
                 "SELECT ruleset FROM decisions WHERE outcome = 'processed'",
                 "r-2");
    BOOKS_CHECK (&books,
                 "SELECT group_concat (ruleset || status) FROM rulesets",
                 "r-1observed,r-2observed");
    books_close (&books);
}

/* PROTOCOL 3.6; and the answer is that of an honest node_id. */
static void
test_node_id_of_another_is_ignored_and_noted (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    books.commons.auto_activate = true;
    books_status (&books, HTTP_REGISTRATION,
                  books_registration (&books, 0, 10, T));
    books_status (&books, HTTP_REGISTRATION,
                  books_registration (&books, 1, 20, T));
    char *payload = books_veto (&books, 0, 1, SIGNAL_VETO, T);
    json_t *root = json_loads (payload, 0, NULL);
    free (payload);
    json_object_set_new (root, "node_id", json_integer (2));
    payload = json_dumps (root, JSON_COMPACT);
    json_decref (root);
    assert_string_equal (books_status (&books, HTTP_VETO, payload),
                         "processed");
    BOOKS_CHECK (&books, "SELECT node_id FROM signals", "1");
    BOOKS_CHECK (&books,
                 "SELECT detail FROM audit"
                 " WHERE action = 'message.node_id_ignored'",
                 "{\"node_id\":2}");
    books_close (&books);
}

static void
test_one_label_twice_is_noted_and_both_count (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    books_status (&books, HTTP_VETO, books_veto (&books, 0, 1, SIGNAL_VETO, T));
    books.labels = 0;
    books_status (&books, HTTP_VETO, books_veto (&books, 0, 2, SIGNAL_VETO, T));
    BOOKS_CHECK (&books, "SELECT count (*) FROM signals", "2");
    BOOKS_CHECK (&books,
                 "SELECT count (*) FROM audit"
                 " WHERE action = 'message.equivocation'",
                 "1");
    books_close (&books);
}

static void
test_payload_is_kept_verbatim (void **state)
{
    struct books books;
    char *payload = fixture_payload ("white space and key order are free");

    (void)state;
    books_open (&books);
    books_status (&books, HTTP_VETO, strdup (payload));
    BOOKS_CHECK (&books, "SELECT CAST (payload AS TEXT) FROM messages",
                 payload);
    free (payload);
    books_close (&books);
}

/* Answers QUERY. */
static void
check_query (struct books *books, const char *query, const char *expected)
{
    struct http_asked asked = books_judge (books, HTTP_STATUS, query);
    struct http_answer answer = {0};

    assert_int_equal (commons_status (&books->commons, &asked, &answer), 0);
    assert_int_equal (answer.status, 200);
    assert_string_equal (answer.body, expected);
    http_answer_done (&answer);
    http_asked_done (&asked);
}

static void
test_status_of_a_node_by_id_and_by_key (void **state)
{
    static const char found[] =
        "{\"request_id\":7,\"status\":{\"node_id\":1,\"node_type\":"
        "\"mining_pool\",\"entity_name\":\"Test Pool\",\"status\":\"pending\","
        "\"weight\":0.35,\"registered_at\":1764361549,"
        "\"last_verified_at\":null}}";
    struct books books;
    char *query = fixture_payload ("status query by key");

    (void)state;
    books_open (&books);
    check_query (&books, query, "{\"request_id\":7,\"status\":null}");
    books_status (&books, HTTP_REGISTRATION,
                  books_registration (&books, 0, 35, T));
    check_query (&books, query, found);
    check_query (&books,
                 "{\"request_id\":7,\"node_identifier\":\"1\","
                 "\"query_type\":\"by_id\"}",
                 found);
    check_query (&books,
                 "{\"request_id\":7,\"node_identifier\":\"-2147483648\","
                 "\"query_type\":\"by_id\"}",
                 "{\"request_id\":7,\"status\":null}");
    free (query);
    books_close (&books);
}

/* A response is judged by the same schema as any peer's. */
static void
test_weights_are_numbers_that_peers_take (void **state)
{
    static const double percentages[] = {1, 33.3333, 99.9999, 100};
    struct books books;

    (void)state;
    books_open (&books);
    for (size_t i = 0; i < ARRAY_SIZE (percentages); i++) {
        char query[128];
        books_status (&books, HTTP_REGISTRATION,
                      books_registration (&books, i, percentages[i], T));
        snprintf (query, sizeof query,
                  "{\"request_id\":1,\"node_identifier\":\"%zu\","
                  "\"query_type\":\"by_id\"}",
                  i + 1);
        struct http_asked asked = books_judge (&books, HTTP_STATUS, query);
        struct http_answer answer = {0};
        assert_int_equal (commons_status (&books.commons, &asked, &answer), 0);
        json_t *root = json_loads (answer.body, 0, NULL);
        double weight = json_real_value (
            json_object_get (json_object_get (root, "status"), "weight"));
        assert_true (weight * 100 - percentages[i] < 1e-9
                     && percentages[i] - weight * 100 < 1e-9);
        json_decref (root);
        http_answer_done (&answer);
        http_asked_done (&asked);
    }
    books_close (&books);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_registration_waits_for_an_operator),
        cmocka_unit_test (test_auto_activate_makes_qualified_nodes_active),
        cmocka_unit_test (test_same_message_gets_the_stored_answer),
        cmocka_unit_test (test_same_message_twice_in_one_batch_is_one),
        cmocka_unit_test (test_second_registration_is_a_revision_not_in_force),
        cmocka_unit_test (test_veto_of_an_active_node_is_processed),
        cmocka_unit_test (test_veto_before_its_registration_is_applied_later),
        cmocka_unit_test (test_veto_of_a_pending_node_waits_with_it),
        cmocka_unit_test (test_signal_can_be_changed_and_history_stays),
        cmocka_unit_test (test_tie_has_one_winner_whatever_came_first),
        cmocka_unit_test (test_newest_fork_decision_wins),
        cmocka_unit_test (test_node_id_of_another_is_ignored_and_noted),
        cmocka_unit_test (test_one_label_twice_is_noted_and_both_count),
        cmocka_unit_test (test_payload_is_kept_verbatim),
        cmocka_unit_test (test_status_of_a_node_by_id_and_by_key),
        cmocka_unit_test (test_weights_are_numbers_that_peers_take),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
