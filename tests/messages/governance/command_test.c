/* SPDX-License-Identifier: MIT */
/* command_test - names and sizes of commands, and the words of PROTOCOL 3.2. */
#include "fixture.h"
#include "messages/governance/names.h"

static void
test_every_command_is_found_by_its_name (void **state)
{
    (void)state;
    for (unsigned i = 0; i < COMMANDS_; i++) {
        enum command command = COMMANDS_;
        const char *name = command_name ((enum command)i);
        assert_int_equal (command_from_name (bytes_of_text (name), &command),
                          0);
        assert_int_equal (command, i);
    }
}

static void
test_other_text_is_no_command (void **state)
{
    static const char *const others[] = {"",          "econ",     "econvet",
                                         "econvetos", "ECONVETO", "version"};
    enum command command = COMMANDS_;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (others); i++)
        assert_int_equal (
            command_from_name (bytes_of_text (others[i]), &command), -ENOENT);
    assert_int_equal (command_from_name (bytes_of ("econreg\0", 8), &command),
                      -ENOENT);
    assert_int_equal (command, COMMANDS_);
}

static void
test_sizes_are_those_of_the_protocol (void **state)
{
    (void)state;
    assert_int_equal (command_max_size (COMMAND_ECONREG), 65536);
    assert_int_equal (command_max_size (COMMAND_ECONVETO), 4096);
    assert_int_equal (command_max_size (COMMAND_ECONFORK), 4096);
    assert_int_equal (command_max_size (COMMAND_ECONSTATUS), 4096);
}

static void
test_every_word_is_found_again (void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODE_TYPES_; i++) {
        enum node_type type;
        assert_int_equal (
            node_type_from_name (node_type_name ((enum node_type)i), &type), 0);
        assert_int_equal (type, i);
    }
    for (unsigned i = 0; i < SIGNALS_; i++) {
        enum signal_type type;
        assert_int_equal (signal_type_from_name (
                              signal_type_name ((enum signal_type)i), &type),
                          0);
        assert_int_equal (type, i);
    }
    for (unsigned i = 0; i < QUERIES_; i++) {
        enum query_type type;
        assert_int_equal (
            query_type_from_name (query_type_name ((enum query_type)i), &type),
            0);
        assert_int_equal (type, i);
    }
    for (unsigned i = 0; i < NODE_STATUSES_; i++) {
        enum node_status status;
        assert_int_equal (node_status_from_name (
                              node_status_name ((enum node_status)i), &status),
                          0);
        assert_int_equal (status, i);
    }
}

static void
test_other_words_are_not_found (void **state)
{
    enum node_type type = NODE_TYPES_;
    enum signal_type signal = SIGNALS_;
    enum query_type query = QUERIES_;
    enum node_status status = NODE_STATUSES_;

    (void)state;
    assert_int_equal (node_type_from_name ("bank", &type), -ENOENT);
    assert_int_equal (signal_type_from_name ("Veto", &signal), -ENOENT);
    assert_int_equal (query_type_from_name ("", &query), -ENOENT);
    assert_int_equal (node_status_from_name ("activ", &status), -ENOENT);
    assert_int_equal (type, NODE_TYPES_);
    assert_int_equal (signal, SIGNALS_);
    assert_int_equal (query, QUERIES_);
    assert_int_equal (status, NODE_STATUSES_);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_every_command_is_found_by_its_name),
        cmocka_unit_test (test_other_text_is_no_command),
        cmocka_unit_test (test_sizes_are_those_of_the_protocol),
        cmocka_unit_test (test_every_word_is_found_again),
        cmocka_unit_test (test_other_words_are_not_found),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
