/* SPDX-License-Identifier: MIT */
/* tool_sign_test - what the tool signs, a relay accepts. */
#include <stdio.h>
#include <stdlib.h>

#include "hex.h"
#include "tool_support.h"
#include "tools/judge.h"
#include "tools/keyfile.h"

#define QUALIFICATION                                                          \
    "{\"z\":1.50,\"hashpower_proof\":{\"percentage\":1e22,\"a\":[null,true]}}"

static const char *const types[] = {"secp256k1", "ed25519"};

/* The output of RUN is accepted by `govrelay verify` as COMMAND. */
static void
check_verifies (struct run run, const char *command)
{
    if (run.code != 0)
        fail_msg ("%s", run.errors);
    CHECK_RUN_WITH (run.output, 0, command, "verify");
    CHECK_RUN_WITH (run.output, 0, "\"verdict\":\"accepted\"", "verify",
                    "--json", "-");
    run_done (&run);
}

static void
test_every_message_signed_by_every_scheme_verifies (void **state)
{
    char *data = file_make (state, "data", QUALIFICATION);

    for (size_t i = 0; i < ARRAY_SIZE (types); i++) {
        char *key = key_make (state, types[i], types[i]);

        check_verifies (RUN ("sign", "registration", "--type", "mining_pool",
                             "--name",
                             "B\xc3\xbc"
                             "cher Pool",
                             "--qualification", data, "--key", key),
                        "econreg");
        check_verifies (RUN ("sign", "veto", "--pr", "2147483647", "--signal",
                             "abstain", "--key", key),
                        "econveto");
        check_verifies (RUN ("sign", "fork", "--ruleset", "r+1.2_x-3",
                             "--reason", "two\nlines \"quoted\"", "--key", key,
                             "--network", "regtest"),
                        "econfork");
        free (key);
    }
    free (data);
}

static void
test_qualification_may_come_from_standard_input (void **state)
{
    char *key = key_make (state, "key", "ed25519");

    CHECK_RUN_WITH (QUALIFICATION, 0, "\"z\":1.5}", "sign", "registration",
                    "--type", "exchange", "--name", "N", "--qualification", "-",
                    "--key", key);
    free (key);
}

static void
test_label_and_time_are_what_was_asked_for (void **state)
{
    char *key = key_make (state, "key", "ed25519");

    CHECK_RUN (0, "\"timestamp\":1764361549,", "sign", "veto", "--pr", "1",
               "--signal", "veto", "--key", key, "--timestamp", "1764361549");
    CHECK_RUN (0, "\"message_id\":\"my-label\"}", "sign", "veto", "--pr", "1",
               "--signal", "veto", "--key", key, "--message-id", "my-label");
    free (key);
}

static void
test_label_is_random_unless_given (void **state)
{
    char *key = key_make (state, "key", "ed25519");
    char *a = veto_make (key, "1"), *b = veto_make (key, "1");
    char *label_a = json_text_of (a, "message_id");
    char *label_b = json_text_of (b, "message_id");

    assert_string_not_equal (label_a, label_b);
    free (label_a);
    free (label_b);
    free (a);
    free (b);
    free (key);
}

static void
test_output_does_not_name_the_network (void **state)
{
    char *key = key_make (state, "key", "secp256k1");
    char *veto = veto_make (key, "1");

    assert_null (strstr (veto, "regtest"));
    assert_null (strstr (veto, "network"));
    free (veto);
    free (key);
}

static void
test_key_of_another_network_does_not_sign (void **state)
{
    char *key = key_make (state, "key", "secp256k1");

    CHECK_RUN (1, "is a key of the network regtest, not of main", "sign",
               "veto", "--pr", "1", "--signal", "veto", "--key", key,
               "--network", "main");
    free (key);
}

static void
test_key_that_others_can_read_does_not_sign (void **state)
{
    char *key = file_make (state, "key", "{}");

    CHECK_RUN (1, "chmod 600", "sign", "veto", "--pr", "1", "--signal", "veto",
               "--key", key);
    free (key);
}

static void
test_missing_options_are_named (void **state)
{
    char *key = key_make (state, "key", "secp256k1");

    CHECK_RUN (3, "--pr N is missing", "sign", "veto", "--signal", "veto",
               "--key", key);
    CHECK_RUN (3, "--signal S is missing", "sign", "veto", "--pr", "1");
    CHECK_RUN (3, "--key FILE is missing", "sign", "veto", "--pr", "1",
               "--signal", "veto");
    CHECK_RUN (3, "--reason TEXT is missing", "sign", "fork", "--ruleset", "r",
               "--key", key);
    CHECK_RUN (3, "--qualification FILE is missing", "sign", "registration",
               "--type", "exchange", "--name", "n", "--key", key);
    CHECK_RUN (3, "--signature HEX is missing", "attach");
    free (key);
}

static void
test_wrong_values_are_refused (void **state)
{
    char *key = key_make (state, "key", "secp256k1");
    char *data = file_make (state, "data", QUALIFICATION);
    char *array = file_make (state, "array", "[1]");
    char *broken = file_make (state, "broken", "{\"a\":1,\n\"a\":2}");

    CHECK_RUN (3, "'no' is not veto, support or abstain", "sign", "veto",
               "--pr", "1", "--signal", "no", "--key", key);
    CHECK_RUN (3, "'pool' is not one of", "sign", "registration", "--type",
               "pool", "--name", "n", "--qualification", data, "--key", key);
    CHECK_RUN (1, "entity_name", "sign", "registration", "--type", "exchange",
               "--name", " n", "--qualification", data, "--key", key);
    CHECK_RUN (1, "UTF-8", "sign", "registration", "--type", "exchange",
               "--name", "\xff", "--qualification", data, "--key", key);
    CHECK_RUN (1, "one JSON object", "sign", "registration", "--type",
               "exchange", "--name", "n", "--qualification", array, "--key",
               key);
    CHECK_RUN (1, "broken:2:", "sign", "registration", "--type", "exchange",
               "--name", "n", "--qualification", broken, "--key", key);
    CHECK_RUN (1, "chosen_ruleset", "sign", "fork", "--ruleset", "a b",
               "--reason", "", "--key", key);
    CHECK_RUN (1, "message_id", "sign", "fork", "--ruleset", "ab", "--reason",
               "", "--key", key, "--message-id", "a b");
    free (key);
    free (data);
    free (array);
    free (broken);
}

/* Signs the first line of what `sign --unsigned` printed, as a hardware signer
 * would. */
static void
sign_elsewhere (const char *path, const char *printed,
                char ret_signature[SIGNATURE_TEXT_SIZE + 1])
{
    struct key_context *keys = key_context_create (NULL);
    struct keyfile file;

    assert_int_equal (keyfile_read (keys, path, &file), 0);
    assert_int_equal (
        signature_make (keys, &file.key,
                        bytes_of (printed, strcspn (printed, "\n")),
                        ret_signature),
        0);
    keyfile_done (&file);
    key_context_destroy (&keys);
}

static void
test_signature_made_elsewhere_is_attached (void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE (types); i++) {
        char *key = key_make (state, types[i], types[i]);
        struct run shown = RUN ("key", "show", "--json", key);
        char *public_key = json_text_of (shown.output, "public_key");
        char signature[SIGNATURE_TEXT_SIZE + 1];

        struct run run = RUN ("sign", "fork", "--ruleset", "r", "--reason", "x",
                              "--unsigned", "--public-key", public_key);
        assert_int_equal (run.code, 0);
        assert_null (strstr (run.output, "\"signature\""));
        sign_elsewhere (key, run.output, signature);
        check_verifies (
            RUN_WITH (run.output, "attach", "--signature", signature),
            "econfork");
        const char *message = strchr (run.output, '\n') + 1;
        check_verifies (
            RUN_WITH (message, "attach", "--signature", signature, "-"),
            "econfork");

        signature[0] = signature[0] == '1' ? '2' : '1';
        CHECK_RUN_WITH (message, 1, "bad_signature", "attach", "--signature",
                        signature);
        run_done (&run);
        run_done (&shown);
        free (public_key);
        free (key);
    }
}

static void
test_attach_refuses_junk (void **state)
{
    char zeros[SIGNATURE_TEXT_SIZE + 1];

    (void)state;
    memset (zeros, '0', sizeof zeros - 1);
    zeros[sizeof zeros - 1] = '\0';
    CHECK_RUN_WITH ("{}", 3, "128 lower-case hex", "attach", "--signature",
                    "00");
    CHECK_RUN_WITH ("hello", 1, "no JSON message", "attach", "--signature",
                    zeros);
    CHECK_RUN_WITH ("", 1, "no JSON message", "attach", "--signature", zeros);
    CHECK_RUN_WITH ("{}", 1, "those of no command", "attach", "--signature",
                    zeros);
}

static void
test_either_a_key_signs_or_none (void **state)
{
    static const char public_key[] =
        "031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f";

    (void)state;
    CHECK_RUN (3, "give one of them", "sign", "veto", "--pr", "1", "--signal",
               "veto", "--key", "k", "--unsigned", "--public-key", public_key);
    CHECK_RUN (3, "needs --public-key", "sign", "veto", "--pr", "1", "--signal",
               "veto", "--unsigned");
    CHECK_RUN (3, "goes with --unsigned", "sign", "veto", "--pr", "1",
               "--signal", "veto", "--key", "k", "--public-key", public_key);
    CHECK_RUN (3, "lower-case hex", "sign", "veto", "--pr", "1", "--signal",
               "veto", "--unsigned", "--public-key", "03AB");
}

#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown (function, directory_make, directory_remove)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_every_message_signed_by_every_scheme_verifies),
        TEST (test_qualification_may_come_from_standard_input),
        TEST (test_label_and_time_are_what_was_asked_for),
        TEST (test_label_is_random_unless_given),
        TEST (test_output_does_not_name_the_network),
        TEST (test_key_of_another_network_does_not_sign),
        TEST (test_key_that_others_can_read_does_not_sign),
        TEST (test_missing_options_are_named),
        TEST (test_wrong_values_are_refused),
        TEST (test_signature_made_elsewhere_is_attached),
        TEST (test_attach_refuses_junk),
        TEST (test_either_a_key_signs_or_none),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
