/* SPDX-License-Identifier: MIT */
/* tool_commands_test - the command line: what is asked for, and what is wrong
 * with it. */
#include <stdio.h>
#include <stdlib.h>

#include "tool_support.h"

static void
test_version_is_printed (void **state)
{
    (void)state;
    CHECK_RUN (0, "govrelay " GOVRELAY_VERSION "\n", "--version");
}

static void
test_help_names_every_command_and_the_exit_codes (void **state)
{
    static const char *const names[] = {
        "key new",   "key show",  "sign registration",
        "sign veto", "sign fork", "attach",
        "verify",    "send",      "status",
        "tap"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (names); i++)
        CHECK_RUN (0, names[i], "help");
    CHECK_RUN (0, "0 yes, 1 refused or no, 2 unreachable, 3 usage", "--help");
}

static void
test_help_of_a_command_shows_its_options (void **state)
{
    (void)state;
    CHECK_RUN (0, "--at UNIX", "help", "verify");
    CHECK_RUN (0, "--at UNIX", "verify", "--help");
    CHECK_RUN (0, "--at UNIX", "--help", "verify");
    CHECK_RUN (0, "--signal S", "sign", "veto", "--help");
    CHECK_RUN (0, "--signal S", "help", "sign", "veto");
    CHECK_RUN (0, "--ruleset R", "help", "sign");
    CHECK_RUN (0, "--ruleset R", "sign", "--help");
    CHECK_RUN (3, "no command 'nothing'", "help", "nothing");
}

static void
test_no_command_is_a_usage_error (void **state)
{
    struct run run =
        run_words (NULL, 0, (const char *const[]){(const char *)NULL});

    (void)state;
    run_check (run, 3, "govrelay help COMMAND", __FILE__, __LINE__);
}

static void
test_misspelt_command_is_answered_with_the_right_one (void **state)
{
    (void)state;
    CHECK_RUN (3, "did you mean 'verify'?", "verfy");
    CHECK_RUN (3, "did you mean 'new'?", "key", "nwe");
    CHECK_RUN (3, "did you mean 'veto'?", "sign", "vote");
    CHECK_RUN (3, "there is no command 'frobnicate'\n", "frobnicate");
    CHECK_RUN (3, "a second word is missing", "sign");
}

static void
test_misspelt_option_is_answered_with_the_right_one (void **state)
{
    (void)state;
    CHECK_RUN (3, "did you mean --json?", "verify", "--jsno");
    CHECK_RUN (3, "did you mean --confirm?", "send", "--cofirm=x", "a:1");
    CHECK_RUN (3, "unknown option --frobnicate\n", "verify", "--frobnicate");
    CHECK_RUN (3, "unknown option --v", "verify", "-v");
}

static void
test_option_without_value_with_one_too_many_or_twice_is_refused (void **state)
{
    (void)state;
    CHECK_RUN (3, "--at needs a value: UNIX", "verify", "--at");
    CHECK_RUN (3, "--json takes no value", "verify", "--json=yes");
    CHECK_RUN (3, "--at is there twice", "verify", "--at", "1", "--at=2");
}

static void
test_number_must_be_whole_and_in_range (void **state)
{
    static const char *const bad[] = {
        "",  "x",   "1x", " 1", "+1", "1.0",        "0x1",
        "-", "1e3", "1 ", "0",  "-1", "2147483648", "99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++)
        CHECK_RUN (3, "is no whole number from 1 to 2147483647", "sign", "veto",
                   "--pr", bad[i], "--signal", "veto", "--unsigned",
                   "--public-key",
                   "031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9"
                   "d5dd078f");
}

static void
test_missing_and_superfluous_operands_are_refused (void **state)
{
    (void)state;
    CHECK_RUN (3, "something is missing", "key", "new");
    CHECK_RUN (3, "something is missing", "send");
    CHECK_RUN (3, "'b' is too much", "key", "show", "a", "b");
    CHECK_RUN (3, "'a' is too much", "sign", "veto", "a");
}

static void
test_words_after_two_dashes_are_operands (void **state)
{
    (void)state;
    CHECK_RUN (1, "--json: No such file", "key", "show", "--", "--json");
}

static void
test_wrong_names_are_answered_with_the_right_ones (void **state)
{
    (void)state;
    CHECK_RUN (3, "main test testnet4 signet regtest", "send", "--network",
               "mian", "a:1");
    CHECK_RUN (3, "econfork", "verify", "--command", "econ");
    CHECK_RUN (3, "neither secp256k1 nor ed25519", "key", "new", "--type", "x",
               "f");
}

static void
test_target_must_be_host_and_port (void **state)
{
    static const char *const bad[] = {"::1",  "a:0", "a:65536", "a:x", ":1",
                                      "[::1", "",    "a:",      "[]:1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        CHECK_RUN (3, "is no HOST:PORT", "send", bad[i]);
        CHECK_RUN (3, "is no HOST:PORT", "status", bad[i], "--id", "1");
    }
}

static void
test_target_is_split_into_host_and_port (void **state)
{
    struct target target;

    (void)state;
    assert_int_equal (target_read ("[::1]:99", NETWORK_MAIN, &target), 0);
    assert_string_equal (target.host, "::1");
    assert_int_equal (target.port, 99);
    assert_int_equal (target_read ("relay.example", NETWORK_REGTEST, &target),
                      0);
    assert_string_equal (target.host, "relay.example");
    assert_int_equal (target.port, network_port (NETWORK_REGTEST));
}

static void
test_proxy_is_refused_in_words (void **state)
{
    (void)state;
    CHECK_RUN (3, "not supported yet", "send", "--proxy", "socks5://x", "a:1");
    CHECK_RUN (3, "not supported yet", "status", "--proxy", "socks5://x", "a:1",
               "--id", "1");
}

static void
test_output_that_cannot_be_written_is_no_answer (void **state)
{
    char *errors = NULL;
    size_t size;
    struct tool tool = {
        .output = fopen ("/dev/full", "w"),
        .errors = open_memstream (&errors, &size),
    };
    char word[] = "--version";
    char *words[] = {word};

    (void)state;
    assert_int_equal (commands_run (&tool, words, 1), 1);
    (void)fclose (tool.output);
    (void)fclose (tool.errors);
    assert_non_null (strstr (errors, "standard output"));
    free (errors);
}

static void
test_text_of_a_stranger_cannot_steer_a_terminal (void **state)
{
    char *output = NULL;
    size_t size;
    FILE *file = open_memstream (&output, &size);

    (void)state;
    text_print (file, "a\033[2J\n\x7f\xc2\x9b\xe2\x80\xae\xff\xc3\xbc\xf0\x9f"
                      "\x98\x80\xe2\x82");
    (void)fclose (file);
    assert_string_equal (output,
                         "a\\u001b[2J\\u000a\\u007f\\u009b\\u202e\\ufffd"
                         "\xc3\xbc\xf0\x9f\x98\x80\\ufffd\\ufffd");
    free (output);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_version_is_printed),
        cmocka_unit_test (test_help_names_every_command_and_the_exit_codes),
        cmocka_unit_test (test_help_of_a_command_shows_its_options),
        cmocka_unit_test (test_no_command_is_a_usage_error),
        cmocka_unit_test (test_misspelt_command_is_answered_with_the_right_one),
        cmocka_unit_test (test_misspelt_option_is_answered_with_the_right_one),
        cmocka_unit_test (
            test_option_without_value_with_one_too_many_or_twice_is_refused),
        cmocka_unit_test (test_number_must_be_whole_and_in_range),
        cmocka_unit_test (test_missing_and_superfluous_operands_are_refused),
        cmocka_unit_test (test_words_after_two_dashes_are_operands),
        cmocka_unit_test (test_wrong_names_are_answered_with_the_right_ones),
        cmocka_unit_test (test_target_must_be_host_and_port),
        cmocka_unit_test (test_target_is_split_into_host_and_port),
        cmocka_unit_test (test_proxy_is_refused_in_words),
        cmocka_unit_test (test_output_that_cannot_be_written_is_no_answer),
        cmocka_unit_test (test_text_of_a_stranger_cannot_steer_a_terminal),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
