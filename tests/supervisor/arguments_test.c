/* SPDX-License-Identifier: MIT */
/* arguments_test - the command line of govrelayd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base.h"
#include "supervisor/arguments.h"

#define PARSE(...)                                                             \
    parse (&arguments, &problems, (char *[]){"govrelayd", __VA_ARGS__, NULL})

static int
parse (struct arguments *arguments, struct config_problems *problems,
       char *const *argv)
{
    int argc = 0;

    config_problems_done (problems);
    arguments_done (arguments);
    while (argv[argc] != NULL)
        argc++;
    return arguments_parse (argc, argv, arguments, problems);
}

static void
test_no_flags_ask_for_nothing (void **state)
{
    (void)state;
    struct config_problems problems = {0};
    struct arguments arguments = {0};

    assert_int_equal (
        parse (&arguments, &problems, (char *[]){"govrelayd", NULL}), 0);
    assert_null (arguments.config_file);
    assert_null (arguments.stages);
    assert_int_equal (arguments.override_count, 0);
    assert_false (arguments.help || arguments.version || arguments.isolate
                  || arguments.check_config);
    arguments_done (&arguments);
}

static void
test_flags_take_their_value_after_a_blank_or_an_equals_sign (void **state)
{
    (void)state;
    struct config_problems problems = {0};
    struct arguments arguments = {0};

    assert_int_equal (PARSE ("--config", "/a=b", "--datadir=/d", "--network",
                             "regtest", "--stages=ingress,tap",
                             "--check-config", "--version", "--help",
                             "--node.peers", "-", "--log.level="),
                      0);
    assert_string_equal (arguments.config_file, "/a=b");
    assert_string_equal (arguments.stages, "ingress,tap");
    assert_true (arguments.check_config);
    assert_true (arguments.version);
    assert_true (arguments.help);
    assert_int_equal (arguments.override_count, 4);
    assert_string_equal (arguments.override[0].name, "node.datadir");
    assert_string_equal (arguments.override[0].flag, "--datadir");
    assert_string_equal (arguments.override[0].value, "/d");
    assert_string_equal (arguments.override[1].name, "node.network");
    assert_string_equal (arguments.override[1].value, "regtest");
    assert_string_equal (arguments.override[2].flag, "--node.peers");
    assert_string_equal (arguments.override[2].value, "-");
    assert_string_equal (arguments.override[3].value, "");
    arguments_done (&arguments);
}

static void
test_unknown_flag_gets_a_suggestion (void **state)
{
    (void)state;
    struct config_problems problems = {0};
    struct arguments arguments = {0};

    assert_int_equal (PARSE ("--node.max_inbond=3", "--datdir", "--chek-config",
                             "--max-inbound=3", "-h", "--zzzzzzzzzz", "start"),
                      -EINVAL);
    assert_int_equal (problems.count, 7);
    assert_string_equal (
        problems.text[0],
        "command line: unknown flag \"--node.max_inbond\"; did "
        "you mean --node.max_inbound?");
    assert_string_equal (problems.text[1],
                         "command line: unknown flag \"--datdir\"; did you "
                         "mean --datadir?");
    assert_string_equal (problems.text[2],
                         "command line: unknown flag \"--chek-config\"; did "
                         "you mean --check-config?");
    assert_string_equal (problems.text[3],
                         "command line: unknown flag \"--max-inbound\"; did "
                         "you mean --node.max_inbound?");
    assert_string_equal (problems.text[4],
                         "command line: unknown flag \"-h\"; see --help");
    assert_string_equal (problems.text[5], "command line: unknown flag "
                                           "\"--zzzzzzzzzz\"; see --help");
    assert_string_equal (problems.text[6], "command line: unknown argument "
                                           "\"start\"; see --help");
    config_problems_done (&problems);
}

static void
test_secret_on_the_command_line_is_refused_and_not_repeated (void **state)
{
    (void)state;
    struct config_problems problems = {0};
    struct arguments arguments = {0};

    assert_int_equal (PARSE ("--governance.api_key=hunter2"), -EINVAL);
    assert_non_null (strstr (problems.text[0], "governance.api_key_file?"));
    assert_null (strstr (problems.text[0], "hunter2"));
    config_problems_done (&problems);
}

static void
test_flag_without_its_value_or_with_one_too_many_is_refused (void **state)
{
    (void)state;
    struct config_problems problems = {0};
    struct arguments arguments = {0};

    assert_int_equal (
        PARSE ("--config", "--help", "--version=1", "--node.listen"), -EINVAL);
    assert_int_equal (problems.count, 3);
    assert_string_equal (problems.text[0],
                         "--config: without a value; write --config=FILE");
    assert_string_equal (problems.text[1],
                         "--version: takes no value; leave out the = and what "
                         "follows");
    assert_string_equal (problems.text[2],
                         "--node.listen: without a value; write "
                         "--node.listen=VALUE");
    config_problems_done (&problems);
}

static void
test_isolate_is_not_built_yet (void **state)
{
    (void)state;
    struct config_problems problems = {0};
    struct arguments arguments = {0};

    assert_int_equal (PARSE ("--isolate"), -EINVAL);
    assert_string_equal (problems.text[0],
                         "--isolate: not supported by this version; leave it "
                         "out");
    config_problems_done (&problems);
}

static void
test_endless_and_odd_flags_are_only_unknown (void **state)
{
    (void)state;
    struct config_problems problems = {0};
    struct arguments arguments = {0};
    char endless[5000] = "--node.max_inbound";

    memset (endless + strlen (endless), 'x',
            sizeof (endless) - 1 - strlen (endless));
    endless[sizeof (endless) - 1] = '\0';
    assert_int_equal (PARSE (endless, "", "-", "--", "=", "--=x", "-\n-"),
                      -EINVAL);
    assert_int_equal (problems.count, 7);
    assert_true (strlen (problems.text[0]) < 400);
    assert_string_equal (problems.text[6],
                         "command line: unknown flag \"-\\n-\"; see --help");
    config_problems_done (&problems);
}

static void
test_help_names_flags_and_options (void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;

    FILE *out = open_memstream (&text, &size);
    assert_non_null (out);
    arguments_print_help (out);
    fclose (out);
    assert_non_null (strstr (text, "  --check-config "));
    assert_non_null (strstr (text, "  --node.max_inbound=NUMBER "));
    assert_non_null (strstr (text, "0 to 10000 [117]\n"));
    assert_non_null (strstr (text, "not in this version"));
    free (text);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_no_flags_ask_for_nothing),
        cmocka_unit_test (
            test_flags_take_their_value_after_a_blank_or_an_equals_sign),
        cmocka_unit_test (test_unknown_flag_gets_a_suggestion),
        cmocka_unit_test (
            test_secret_on_the_command_line_is_refused_and_not_repeated),
        cmocka_unit_test (
            test_flag_without_its_value_or_with_one_too_many_is_refused),
        cmocka_unit_test (test_isolate_is_not_built_yet),
        cmocka_unit_test (test_endless_and_odd_flags_are_only_unknown),
        cmocka_unit_test (test_help_names_flags_and_options),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
