/* SPDX-License-Identifier: MIT */
/* store_sqlite_test - the file: migrations, durability, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "books.h"
#include "hex.h"

#define T BOOKS_NOW

/* Opens the file of BOOKS, whose store is closed, and expects ERROR, with WORD
 * in what the operator is told. */
static void
check_refused (const struct books *books, int error, const char *word)
{
    char words[STORE_WORDS_MAX + 1] = "";
    struct store *store = NULL;

    int rc = store_sqlite_open (books->path, &store, words);
    assert_int_equal (rc, error);
    assert_null (store);
    assert_non_null (strstr (words, books->path));
    if (strstr (words, word) == NULL)
        fail_msg ("%s: no word of %s", words, word);
}

static void
test_new_database_has_the_latest_version (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    BOOKS_CHECK (&books, "PRAGMA user_version", "1");
    BOOKS_CHECK (&books, "PRAGMA journal_mode", "wal");
    BOOKS_CHECK (&books, "SELECT count (*) FROM messages", "0");
    books_close (&books);
}

static void
test_opening_again_keeps_everything (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    books_status (&books, HTTP_VETO, books_veto (&books, 0, 1, SIGNAL_VETO, T));
    books_restart (&books);
    BOOKS_CHECK (&books, "PRAGMA user_version", "1");
    BOOKS_CHECK (&books, "SELECT count (*) FROM messages", "1");
    books_close (&books);
}

static void
test_later_version_is_refused_and_left_alone (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    store_close (&books.store);
    books_run (&books, "PRAGMA user_version = 7");
    check_refused (&books, -ENOTSUP, "version 7");
    BOOKS_CHECK (&books, "PRAGMA user_version", "7");
    books_close (&books);
}

static void
test_foreign_tables_are_refused_and_left_alone (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    store_close (&books.store);
    assert_int_equal (unlink (books.path), 0);
    books_run (&books, "CREATE TABLE messages (text)");
    check_refused (&books, -EUCLEAN, "not a governance database");
    BOOKS_CHECK (&books, "SELECT count (*) FROM sqlite_schema", "1");
    BOOKS_CHECK (&books, "PRAGMA user_version", "0");
    books_close (&books);
}

static void
test_other_file_is_refused (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    store_close (&books.store);
    FILE *file = fopen (books.path, "w");
    assert_non_null (file);
    for (int i = 0; i < 1000; i++)
        fputs ("this is no database\n", file);
    fclose (file);
    check_refused (&books, -EUCLEAN, "not a governance database");
    books_close (&books);
}

static void
test_missing_directory_is_refused (void **state)
{
    char words[STORE_WORDS_MAX + 1] = "";
    struct store *store = NULL;

    (void)state;
    assert_int_equal (
        store_sqlite_open ("/nowhere/at/all/commons.db", &store, words),
        -ENOENT);
    assert_non_null (strstr (words, "/nowhere/at/all/commons.db"));
}

/* Root may write everywhere, so root steps down for this. */
static void
test_read_only_file_is_refused (void **state)
{
    const uid_t nobody = 65534;
    bool root = geteuid () == 0;
    struct books books;

    (void)state;
    books_open (&books);
    store_close (&books.store);
    assert_int_equal (chmod (books.path, 0444), 0);
    assert_int_equal (chmod (books.dir, 0555), 0);
    if (root)
        assert_int_equal (seteuid (nobody), 0);
    check_refused (&books, -EROFS, "Read-only");
    if (root)
        assert_int_equal (seteuid (0), 0);
    assert_int_equal (chmod (books.dir, 0700), 0);
    books_close (&books);
}

static void
test_rollback_leaves_nothing (void **state)
{
    struct books books;
    struct http_answer answer = {0};

    (void)state;
    books_open (&books);
    books.commons.auto_activate = true;
    char *payload = books_registration (&books, 0, 35, T);
    struct http_asked asked = books_judge (&books, HTTP_REGISTRATION, payload);
    assert_int_equal (books.store->call->begin (books.store), 0);
    assert_int_equal (commons_take (&books.commons, &asked, T, &answer), 0);
    http_answer_done (&answer);
    books.store->call->rollback (books.store);
    BOOKS_CHECK (&books,
                 "SELECT (SELECT count (*) FROM messages)"
                 " + (SELECT count (*) FROM nodes)"
                 " + (SELECT count (*) FROM revisions)"
                 " + (SELECT count (*) FROM audit)",
                 "0");
    /* It is not known now, so the next try is the first. */
    assert_int_equal (books.store->call->begin (books.store), 0);
    assert_int_equal (commons_take (&books.commons, &asked, T, &answer), 0);
    assert_int_equal (books.store->call->commit (books.store), 0);
    assert_false (answer.replayed);
    http_answer_done (&answer);
    http_asked_done (&asked);
    free (payload);
    books_close (&books);
}

static void
test_rollback_without_transaction_is_harmless (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    books.store->call->rollback (books.store);
    assert_int_equal (books.store->call->begin (books.store), 0);
    assert_int_equal (books.store->call->commit (books.store), 0);
    books_close (&books);
}

static void
test_nothing_is_visible_before_the_commit (void **state)
{
    struct books books;
    struct http_answer answer = {0};

    (void)state;
    books_open (&books);
    char *payload = books_veto (&books, 0, 1, SIGNAL_VETO, T);
    struct http_asked asked = books_judge (&books, HTTP_VETO, payload);
    assert_int_equal (books.store->call->begin (books.store), 0);
    assert_int_equal (commons_take (&books.commons, &asked, T, &answer), 0);
    BOOKS_CHECK (&books, "SELECT count (*) FROM messages", "0");
    assert_int_equal (books.store->call->commit (books.store), 0);
    BOOKS_CHECK (&books, "SELECT count (*) FROM messages", "1");
    http_answer_done (&answer);
    http_asked_done (&asked);
    free (payload);
    books_close (&books);
}

static void
test_second_writer_is_turned_away (void **state)
{
    struct books books;
    struct store *other = NULL;
    char words[STORE_WORDS_MAX + 1];

    (void)state;
    books_open (&books);
    assert_int_equal (store_sqlite_open (books.path, &other, words), 0);
    assert_int_equal (books.store->call->begin (books.store), 0);
    assert_int_equal (other->call->begin (other), -EBUSY);
    assert_int_equal (other->call->probe (other, T), -EBUSY);
    assert_int_equal (books.store->call->commit (books.store), 0);
    assert_int_equal (other->call->begin (other), 0);
    other->call->rollback (other);
    store_close (&other);
    books_close (&books);
}

static void
test_probe_commits_something (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    assert_int_equal (books.store->call->probe (books.store, T), 0);
    assert_int_equal (books.store->call->probe (books.store, T + 1), 0);
    BOOKS_CHECK (&books, "SELECT value FROM meta WHERE name = 'probed_at'",
                 "1764361550");
    books_close (&books);
}

static void
test_message_is_stored_once_only (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    char *payload = books_veto (&books, 0, 1, SIGNAL_VETO, T);
    struct http_asked asked = books_judge (&books, HTTP_VETO, payload);
    struct store_message message = {.verified = &asked.verified,
                                    .message_id = "label",
                                    .received_at = T,
                                    .status = 200,
                                    .answer = "{}"};
    struct store *store = books.store;
    assert_int_equal (store->call->begin (store), 0);
    assert_int_equal (store->call->add_message (store, &message), 0);
    assert_int_equal (store->call->add_message (store, &message), -EUCLEAN);
    store->call->rollback (store);
    http_asked_done (&asked);
    free (payload);
    books_close (&books);
}

static void
test_finds_that_find_nothing_say_so (void **state)
{
    struct books books;
    const struct gov_id id = {{1}};
    struct store_answer answer;
    struct store_node node;
    struct voice_order order;
    struct store_voice voice = {.kind = VOICE_SIGNAL, .pr_id = 1};

    (void)state;
    books_open (&books);
    struct store *store = books.store;
    assert_int_equal (store->call->find_answer (store, &id, &answer), -ENOENT);
    assert_int_equal (store->call->find_label (store, "a", "b"), -ENOENT);
    assert_int_equal (store->call->find_node (store, 1, &node), -ENOENT);
    assert_int_equal (store->call->find_node_of (store, "a", &node), -ENOENT);
    assert_int_equal (store->call->find_revision (store, 1, &order), -ENOENT);
    assert_int_equal (store->call->find_voice (store, &voice, &voice), -ENOENT);
    assert_int_equal (
        store->call->find_pending (store, VOICE_DECISION, 1, &voice), -ENOENT);
    books_close (&books);
}

static void
test_node_that_we_cannot_have_written_is_not_read (void **state)
{
    static const char *const damage[] = {
        "UPDATE nodes SET status = 'president'",
        "UPDATE nodes SET node_type = 'bank'",
        "UPDATE nodes SET entity_name = hex (zeroblob (100))",
        "UPDATE nodes SET entity_name = CAST (x'41004100' AS TEXT)",
    };
    struct store_node node;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (damage); i++) {
        struct books books;
        books_open (&books);
        books_status (&books, HTTP_REGISTRATION,
                      books_registration (&books, 0, 35, T));
        assert_int_equal (books.store->call->find_node (books.store, 1, &node),
                          0);
        books_run (&books, damage[i]);
        assert_int_equal (books.store->call->find_node (books.store, 1, &node),
                          -EUCLEAN);
        books_close (&books);
    }
}

/* PROTOCOL 7.8: "one row per change, each with the SHA-256 of the row before;
 * unique predecessor". */
static void
test_audit_rows_are_linked (void **state)
{
    struct books books;

    (void)state;
    books_open (&books);
    books.commons.auto_activate = true;
    books_status (&books, HTTP_VETO, books_veto (&books, 0, 1, SIGNAL_VETO, T));
    books_restart (&books);
    books_status (&books, HTTP_REGISTRATION,
                  books_registration (&books, 0, 35, T));
    BOOKS_CHECK (&books, "SELECT group_concat (action) FROM audit",
                 "signal.stored,node.registered,signal.applied");
    BOOKS_CHECK (&books, "SELECT hex (previous) FROM audit WHERE seq = 1",
                 "00000000000000000000000000000000"
                 "00000000000000000000000000000000");
    BOOKS_CHECK (&books,
                 "SELECT count (*) FROM audit a JOIN audit b"
                 " ON b.previous = a.hash AND b.seq = a.seq + 1",
                 "2");
    books_close (&books);
}

static void
test_audit_hash_can_be_recomputed (void **state)
{
    static const uint8_t genesis[DIGEST_SIZE];
    struct audit_row row = {.at_s = T,
                            .action = "node.registered",
                            .subject = "node 1",
                            .detail = "{}"};
    uint8_t hash[DIGEST_SIZE];
    char text[2 * DIGEST_SIZE + 1];
    struct books books;

    (void)state;
    books_open (&books);
    assert_int_equal (books.store->call->add_audit (books.store, &row), 0);
    audit_hash (&row, 1, genesis, hash);
    hex_encode (bytes_of (hash, sizeof hash), text);
    BOOKS_CHECK (&books, "SELECT lower (hex (hash)) FROM audit", text);
    books_close (&books);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_new_database_has_the_latest_version),
        cmocka_unit_test (test_opening_again_keeps_everything),
        cmocka_unit_test (test_later_version_is_refused_and_left_alone),
        cmocka_unit_test (test_foreign_tables_are_refused_and_left_alone),
        cmocka_unit_test (test_other_file_is_refused),
        cmocka_unit_test (test_missing_directory_is_refused),
        cmocka_unit_test (test_read_only_file_is_refused),
        cmocka_unit_test (test_rollback_leaves_nothing),
        cmocka_unit_test (test_rollback_without_transaction_is_harmless),
        cmocka_unit_test (test_nothing_is_visible_before_the_commit),
        cmocka_unit_test (test_second_writer_is_turned_away),
        cmocka_unit_test (test_probe_commits_something),
        cmocka_unit_test (test_message_is_stored_once_only),
        cmocka_unit_test (test_finds_that_find_nothing_say_so),
        cmocka_unit_test (test_node_that_we_cannot_have_written_is_not_read),
        cmocka_unit_test (test_audit_rows_are_linked),
        cmocka_unit_test (test_audit_hash_can_be_recomputed),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
