/* SPDX-License-Identifier: MIT */
/* books - what the tests of the receiver's database share. */
#include "books.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "messages/governance/compose.h"

void
books_open (struct books *books)
{
    char words[STORE_WORDS_MAX + 1] = "";

    *books = (struct books){.dir = "/tmp/books-XXXXXX"};
    assert_non_null (mkdtemp (books->dir));
    snprintf (books->path, sizeof books->path, "%s/commons.db", books->dir);
    books->keys = key_context_create (NULL);
    assert_non_null (books->keys);
    if (store_sqlite_open (books->path, &books->store, words) != 0)
        fail_msg ("%s", words);
    books->commons = (struct commons){.store = books->store,
                                      .thresholds = thresholds_default ()};
}

void
books_close (struct books *books)
{
    static const char *const tails[] = {"", "-wal", "-shm"};

    store_close (&books->store);
    key_context_destroy (&books->keys);
    for (size_t i = 0; i < ARRAY_SIZE (tails); i++) {
        char path[80];
        snprintf (path, sizeof path, "%s%s", books->path, tails[i]);
        (void)unlink (path);
    }
    assert_int_equal (rmdir (books->dir), 0);
}

void
books_restart (struct books *books)
{
    char words[STORE_WORDS_MAX + 1] = "";

    store_close (&books->store);
    if (store_sqlite_open (books->path, &books->store, words) != 0)
        fail_msg ("%s", words);
    books->commons.store = books->store;
}

char *
books_ask (const struct books *books, const char *sql)
{
    sqlite3 *sqlite = NULL;
    sqlite3_stmt *ask = NULL;

    assert_int_equal (sqlite3_open (books->path, &sqlite), SQLITE_OK);
    if (sqlite3_prepare_v2 (sqlite, sql, -1, &ask, NULL) != SQLITE_OK)
        fail_msg ("%s: %s", sql, sqlite3_errmsg (sqlite));
    char *text = NULL;
    if (sqlite3_step (ask) == SQLITE_ROW
        && sqlite3_column_type (ask, 0) != SQLITE_NULL)
        text = strdup ((const char *)sqlite3_column_text (ask, 0));
    else
        text = strdup ("nothing");
    sqlite3_finalize (ask);
    sqlite3_close (sqlite);
    return text;
}

void
books_check (const struct books *books, const char *sql, const char *expected,
             const char *file, int line)
{
    char *found = books_ask (books, sql);

    if (strcmp (found, expected) != 0) {
        print_error ("%s:%d: %s gives %s, not %s\n", file, line, sql, found,
                     expected);
        _fail (file, line);
    }
    free (found);
}

void
books_run (const struct books *books, const char *sql)
{
    sqlite3 *sqlite = NULL;

    assert_int_equal (sqlite3_open (books->path, &sqlite), SQLITE_OK);
    assert_int_equal (sqlite3_exec (sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close (sqlite);
}

/* Signs TEXT (taken). */
static char *
books_sign (struct books *books, size_t key, enum command command, char *text)
{
    struct secret_key secret = fixture_secret (books->keys, key);
    struct refusal why = {0};
    char *message = NULL;

    assert_non_null (text);
    if (compose_signed (books->keys, &secret, command, bytes_of_text (text),
                        &message, &why)
        != 0)
        fail_msg ("%s: %s", text, why.what);
    secret_key_done (&secret);
    free (text);
    return message;
}

static const char *
books_label (struct books *books, char label[32])
{
    snprintf (label, 32, "label-%u", books->labels++);
    return label;
}

char *
books_registration (struct books *books, size_t key, double percentage,
                    int64_t timestamp)
{
    char label[32], *public_key = fixture_public (key);
    json_t *qualification =
        json_pack ("{s:{s:f}}", "hashpower_proof", "percentage", percentage);
    struct registration_fields fields = {.node_type = NODE_MINING_POOL,
                                         .entity_name = "Test Pool",
                                         .public_key = public_key,
                                         .qualification = qualification,
                                         .timestamp = timestamp,
                                         .message_id =
                                             books_label (books, label)};
    char *message = books_sign (books, key, COMMAND_ECONREG,
                                compose_registration (&fields, NULL));

    json_decref (qualification);
    free (public_key);
    return message;
}

char *
books_veto (struct books *books, size_t key, int32_t pr_id,
            enum signal_type signal, int64_t timestamp)
{
    char label[32], *public_key = fixture_public (key);
    struct veto_fields fields = {.public_key = public_key,
                                 .pr_id = pr_id,
                                 .signal_type = signal,
                                 .timestamp = timestamp,
                                 .message_id = books_label (books, label)};
    char *message =
        books_sign (books, key, COMMAND_ECONVETO, compose_veto (&fields, NULL));

    free (public_key);
    return message;
}

char *
books_fork (struct books *books, size_t key, const char *ruleset,
            int64_t timestamp)
{
    char label[32], *public_key = fixture_public (key);
    struct fork_fields fields = {.public_key = public_key,
                                 .chosen_ruleset = ruleset,
                                 .decision_reason = "because",
                                 .timestamp = timestamp,
                                 .message_id = books_label (books, label)};
    char *message =
        books_sign (books, key, COMMAND_ECONFORK, compose_fork (&fields, NULL));

    free (public_key);
    return message;
}

struct http_asked
books_judge (struct books *books, enum http_target target, const char *payload)
{
    struct http_problem problem = {0};
    struct http_asked asked = {0};

    if (!http_judge_body (books->keys, target, bytes_of_text (payload),
                          (struct bytes){0}, BOOKS_NOW, &asked, &problem))
        fail_msg ("%s: %s", payload, problem.what);
    return asked;
}

struct http_answer
books_take (struct books *books, enum http_target target, char *payload)
{
    struct http_asked asked = books_judge (books, target, payload);
    struct store *store = books->store;
    struct http_answer answer = {0};

    assert_int_equal (store->call->begin (store), 0);
    assert_int_equal (
        commons_take (&books->commons, &asked, BOOKS_NOW, &answer), 0);
    assert_int_equal (store->call->commit (store), 0);
    http_asked_done (&asked);
    free (payload);
    return answer;
}

const char *
books_status (struct books *books, enum http_target target, char *payload)
{
    static const char *const words[] = {"pending",  "active",    "unqualified",
                                        "revision", "processed", "superseded"};
    struct http_answer answer = books_take (books, target, payload);
    json_t *root = json_loads (answer.body, 0, NULL);
    const char *found = json_string_value (json_object_get (root, "status"));
    const char *word = "another word";

    assert_int_equal (answer.status, 200);
    assert_non_null (found);
    for (size_t i = 0; i < ARRAY_SIZE (words); i++)
        if (strcmp (found, words[i]) == 0)
            word = words[i];
    json_decref (root);
    http_answer_done (&answer);
    return word;
}
