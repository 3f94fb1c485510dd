/* SPDX-License-Identifier: MIT */
/* config_file_test - mistakes in the file and their places; files that nobody
 * would write by accident. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base.h"
#include "tests/supervisor/config_desk.h"

#define Z85_KEY "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static void
test_unknown_key_is_named_with_its_place_and_a_suggestion (void **state)
{
    struct desk *desk = *state;

    check_refused (desk, "[node]\n  max_inbond = 3\n", ":2:3",
                   "unknown key \"node.max_inbond\"; did you mean "
                   "node.max_inbound?");
    check_refused (desk, "[governance]\nallow_keys = []\n", ":2:1",
                   "unknown key \"governance.allow_keys\"; did you mean "
                   "verifier.allow_keys?");
    check_refused (desk, "datadir = \"x\"\n", ":1:1",
                   "unknown key \"datadir\"; did you mean node.datadir?");
    check_refused (desk, "[nodes]\nx = 1\n", ":1:2",
                   "unknown table \"nodes\"; did you mean node?");
    check_refused (desk, "[log]\n\"a\\nb\" = 1\n", ":2:1",
                   "unknown key \"log.a\\nb\"; leave it out");
    check_refused (desk, "[log]\n\"level\\u0000x\" = \"wire\"\n", ":2:1",
                   "unknown key \"log.\\\\u0000\"; leave it out");
}

static void
test_wrong_type_says_which_would_do (void **state)
{
    struct desk *desk = *state;

    check_refused (desk, "[node]\nmax_inbound = \"9\"\n", ":2:15",
                   "node.max_inbound: a text will not do; write a whole "
                   "number, 0 to 10000");
    check_refused (desk, "[node]\nmax_inbound = 9.0\n", ":2:15",
                   "node.max_inbound: a number with a fraction will not do; "
                   "write a whole number, 0 to 10000");
    check_refused (desk, "[gossip]\nown_delay = 1\n", ":2:13",
                   "gossip.own_delay: a whole number will not do; write true "
                   "or false");
    check_refused (desk, "[node]\npeers = \"a:1\"\n", ":2:9",
                   "node.peers: a text will not do; write a list of texts: "
                   "[\"one\", \"two\"]");
    check_refused (desk, "[node]\npeers = [\n \"a:1\",\n 7]\n", ":4:2",
                   "node.peers: a whole number will not do; write a list of "
                   "texts: [\"one\", \"two\"]");
    check_refused (desk, "node = 1979-05-27\n", ":1:1",
                   "node: a time will not do; write [node] once");
    check_refused (desk, "[[node]]\n", ":1:3",
                   "node: a list will not do; write [node] once");
}

static void
test_bad_value_says_what_would_do (void **state)
{
    struct desk *desk = *state;

    check_refused (desk, "[node]\nmax_inbound = 10001\n", ":2:15",
                   "node.max_inbound: 10001 will not do; write a whole number, "
                   "0 to 10000");
    check_refused (desk, "[node]\nnetwork = \"mian\"\n", ":2:11",
                   "node.network: \"mian\" will not do; write one of: main "
                   "test testnet4 signet regtest");
    check_refused (desk, "[node]\npeers = [\"a:1\", \"b\"]\n", ":2:17",
                   "node.peers: \"b\" will not do; write \"host:port\" or "
                   "\"[IPv6 address]:port\"");
    check_refused (desk, "[node]\ndatadir = \"\"\n", ":2:11",
                   "node.datadir: \"\" will not do; it must not be empty");
    check_refused (desk, "[governance]\nca_file = \"a\\u0000b\"\n", ":2:11",
                   "governance.ca_file: \"a\\x00b\" will not do; leave control "
                   "characters out");
}

static void
test_duplicate_key_and_bad_syntax_have_a_place (void **state)
{
    struct desk *desk = *state;

    check_refused (desk, "[log]\nlevel = \"info\"\nlevel = \"warn\"\n", ":3:9",
                   "Error while parsing key-value pair: cannot redefine "
                   "existing string 'level'; the rest was not read");
    check_refused (desk, "[node]\nmax_inbound = 3 4\n", ":2:17",
                   "Error while parsing key-value pair: expected a comment or "
                   "whitespace, saw '4'; the rest was not read");
    /* toml++ 3.3 asserts on this one. */
    check_refused (desk, "[log]\nlevel = \"wire\"\n[&node]\n[log]\n", ":3:1",
                   "Error while parsing: this line is not TOML; the rest was "
                   "not read");
    check_refused (desk, "[&", ":1:1",
                   "Error while parsing: this line is not TOML; the rest was "
                   "not read");
}

static void
test_more_mistakes_than_fit_are_counted (void **state)
{
    struct desk *desk = *state;
    char text[4096] = "[log]\n";

    for (int i = 0; i < 100; i++)
        sprintf (text + strlen (text), "x%d = 1\n", i); /* allowed: fits */
    assert_int_equal (load (desk, text, NOTHING, NO_FLAGS), -EINVAL);
    assert_int_equal (desk->problems.count, CONFIG_PROBLEMS_MAX);
    assert_int_equal (config_problems_total (&desk->problems), 100);
}

static void
test_link_of_the_file_is_a_table_of_endpoint_and_key (void **state)
{
    struct desk *desk = *state;

    check_refused (desk,
                   "[links]\nframes = [{ endpoint = \"tcp://h:1\", key = "
                   "\"" Z85_KEY "\" }]\n",
                   ":2:10",
                   "links.frames: not supported by this version; leave it out");
    assert_int_equal (load (desk,
                            "[links]\nframes = [{ endpoint = \"tcp://h:1\" }]",
                            NOTHING, NO_FLAGS),
                      -EINVAL);
    check_problem (desk, 0, ":2:11",
                   "links.frames: a table will not do; write "
                   "[\"tcp://HOST:PORT\"] to bind, or [{ endpoint = "
                   "\"tcp://HOST:PORT\", key = \"Z85\" }] to connect");
}

static void
test_deep_nesting_is_refused (void **state)
{
    struct desk *desk = *state;
    static char text[900000];

    memset (text, '[', 100000);
    memcpy (text, "a = ", 4);
    text[100000] = '\0';
    assert_int_equal (load (desk, text, NOTHING, NO_FLAGS), -EINVAL);

    /* [a.a.a.a…]: no bracket too many, and a stack too deep */
    for (size_t i = 0; i < sizeof (text) - 2; i += 2)
        memcpy (text + i, "a.", 2);
    text[0] = '[';
    memcpy (text + sizeof (text) - 4, "a]\n", 4);
    check_refused (desk, text, ":1:2050",
                   "too many dots outside of quotes; the rest was not read");
}

static void
test_dots_in_texts_and_comments_do_not_count (void **state)
{
    struct desk *desk = *state;
    static char text[6000];
    char dots[2001];

    memset (dots, '.', 2000);
    dots[2000] = '\0';
    snprintf (text, sizeof (text),
              "# it's %s\n[governance]\nca_file = \"\\\"%s\"\n"
              "vpn_interface = '''w''' # \"\n",
              dots, dots);
    check_loaded (desk, load (desk, text, NOTHING, NO_FLAGS));
    assert_int_equal (strlen (desk->config->governance_ca_file), 2001);
    /* Quotes at the end of a long text belong to it. */
    snprintf (text, sizeof (text),
              "[governance]\nca_file = \"\"\"a\"\"\"\"\"\n# %s\n", dots);
    check_loaded (desk, load (desk, text, NOTHING, NO_FLAGS));
    assert_string_equal (desk->config->governance_ca_file, "a\"\"");
}

static void
test_file_of_ten_megabytes_is_refused (void **state)
{
    struct desk *desk = *state;
    size_t size = 10 * 1024 * 1024;
    char *text = malloc (size);

    assert_non_null (text);
    memset (text, '\n', size);
    write_file (desk->file, text, size);
    free (text);
    assert_int_equal (load_from (desk, desk->file, NOTHING, NO_FLAGS), -EINVAL);
    check_problem (desk, 0, "",
                   "too long; a configuration has at most 1048576 bytes");
}

/* toml++ 3.3 calls code unreachable that these reach. */
static void
test_letters_beyond_ascii_have_their_place (void **state)
{
    struct desk *desk = *state;

    check_loaded (desk, load (desk,
                              "\xef\xbb\xbf# \xc3\xa4\n[governance]\n"
                              "ca_file = \"\"\"\xc3\xa4 \\\n  \xc3\xa4\"\"\"\n",
                              NOTHING, NO_FLAGS));
    assert_string_equal (desk->config->governance_ca_file, "\xc3\xa4 \xc3\xa4");
    assert_int_equal (load (desk, "\xc3\xa4 = 1\n", NOTHING, NO_FLAGS),
                      -EINVAL);
    assert_int_equal (load (desk, "x = 1\xc3\xa4\n", NOTHING, NO_FLAGS),
                      -EINVAL);
    assert_int_equal (load (desk, "x = 1\xef\xb3\xbf\n", NOTHING, NO_FLAGS),
                      -EINVAL);
}

static void
test_bytes_that_are_no_text_are_refused (void **state)
{
    struct desk *desk = *state;
    static const char *const texts[] = {
        "a = \"\xff\"\n",
        "\xc0\x80 = 1\n",
        "x = \"\xed\xa0\x80\"\n",
        "\x01",
        "= 1",
        "\xff\xfe[\0",
        "x = \"\\q\"\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE (texts); i++) {
        assert_int_equal (load (desk, texts[i], NOTHING, NO_FLAGS), -EINVAL);
        assert_int_equal (config_problems_total (&desk->problems), 1);
        for (const char *at = desk->problems.text[0]; *at != '\0'; at++)
            assert_true ((unsigned char)*at >= ' ');
    }
    write_file (desk->file, "[log]\0\nlevel = 1", 16);
    assert_int_equal (load_from (desk, desk->file, NOTHING, NO_FLAGS), -EINVAL);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_unknown_key_is_named_with_its_place_and_a_suggestion),
        TEST (test_wrong_type_says_which_would_do),
        TEST (test_bad_value_says_what_would_do),
        TEST (test_duplicate_key_and_bad_syntax_have_a_place),
        TEST (test_more_mistakes_than_fit_are_counted),
        TEST (test_link_of_the_file_is_a_table_of_endpoint_and_key),
        TEST (test_deep_nesting_is_refused),
        TEST (test_dots_in_texts_and_comments_do_not_count),
        TEST (test_file_of_ten_megabytes_is_refused),
        TEST (test_letters_beyond_ascii_have_their_place),
        TEST (test_bytes_that_are_no_text_are_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
