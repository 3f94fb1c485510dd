/* SPDX-License-Identifier: MIT */
/* socks_test - what is said to a SOCKS5 proxy, and what is made of its answers,
 * however they are split.
 */
#include <stdio.h>

#include "tests/support/check.h"

#include "actors/ingress/socks.h"
#include "messages/base/hex.h"

#define TEXT_MAX (2 * SOCKS_OUTPUT_MAX + 1)
#define SECRET                                                                 \
    "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"

/* The log-in of SECRET: each half of it as 32 characters. */
#define LOGIN                                                                  \
    "01"                                                                       \
    "20"                                                                       \
    "3030313132323333343435353636373738383939616162626363646465656666"         \
    "20"                                                                       \
    "3031323334353637383961626364656630313233343536373839616263646566"
#define LET_IN                                                                 \
    "0502"                                                                     \
    "0100"
#define CONNECTED                                                              \
    "05000001"                                                                 \
    "7f000001"                                                                 \
    "2352"

static void
begin (struct socks *socks, const char *host, uint16_t port)
{
    uint8_t secret[SOCKS_SECRET_SIZE];
    CHECK_OK (hex_decode (bytes_of_text (SECRET), secret, sizeof secret));
    CHECK_OK (socks_init (socks, host, port, secret));
}

static size_t
bytes_of_hex (const char *text, uint8_t *ret_bytes, size_t room)
{
    size_t size = strlen (text) / 2;
    assert_true (size <= room);
    CHECK_OK (hex_decode (bytes_of_text (text), ret_bytes, size));
    return size;
}

/* Gives it what TEXT spells, in pieces of PIECE bytes. Returns how many bytes
 * it left. */
static size_t
feed (struct socks *socks, const char *text, size_t piece)
{
    uint8_t bytes[1024];
    size_t size = bytes_of_hex (text, bytes, sizeof bytes);
    size_t at = 0;
    while (at < size) {
        size_t more = size - at < piece ? size - at : piece;
        struct bytes input = bytes_of (bytes + at, more);
        enum socks_state state = socks_feed (socks, &input);
        assert_int_equal (state, socks->state);
        at += more - input.size;
        if (state >= SOCKS_DONE)
            break;
        assert_int_equal (input.size, 0);
    }
    return size - at;
}

static void
check_output (struct socks *socks, const char *expected)
{
    char text[TEXT_MAX];
    hex_encode (socks_output (socks), text);
    assert_string_equal (text, expected);
    socks_output_taken (socks);
    assert_int_equal (socks_output (socks).size, 0);
}

static void
test_name_is_asked_for_as_it_is (void **state)
{
    (void)state;
    struct socks socks;
    begin (&socks, "relay.test", 1234);
    check_output (&socks, "050102");
    feed (&socks, "0502", 2);
    check_output (&socks, LOGIN);
    feed (&socks, "0100", 2);
    check_output (&socks, "05010003"
                          "0a"
                          "72656c61792e74657374"
                          "04d2");
    assert_int_equal (feed (&socks, CONNECTED, 10), 0);
    assert_int_equal (socks.state, SOCKS_DONE);
    assert_string_equal (socks_why (&socks), "");
    check_output (&socks, "");
}

static void
test_addresses_are_asked_for_as_addresses (void **state)
{
    (void)state;
    static const struct {
        const char *host, *request;
    } rows[] = {
        {"192.0.2.1", "05010001"
                      "c0000201"
                      "208d"},
        {"2001:db8::5", "05010004"
                        "20010db8000000000000000000000005"
                        "208d"},
        {"192.0.2.256", "05010003"
                        "0b"
                        "3139322e302e322e323536"
                        "208d"},
    };
    for (size_t i = 0; i < ARRAY_SIZE (rows); i++) {
        struct socks socks;
        begin (&socks, rows[i].host, 8333);
        socks_output_taken (&socks);
        feed (&socks, LET_IN, 2);
        assert_int_equal (socks_output (&socks).size,
                          67 + strlen (rows[i].request) / 2);
        char text[TEXT_MAX];
        hex_encode (socks_output (&socks), text);
        assert_string_equal (text + 134, rows[i].request);
    }
}

static void
test_host_and_port_have_bounds (void **state)
{
    (void)state;
    struct socks socks;
    char host[SOCKS_HOST_MAX + 2];
    static const uint8_t secret[SOCKS_SECRET_SIZE];
    CHECK_ERR (socks_init (&socks, "", 1, secret), -EINVAL);
    CHECK_ERR (socks_init (&socks, "a", 0, secret), -EINVAL);
    memset (host, 'a', sizeof host);
    host[sizeof host - 1] = '\0';
    CHECK_ERR (socks_init (&socks, host, 1, secret), -EINVAL);
    host[sizeof host - 2] = '\0';
    CHECK_OK (socks_init (&socks, host, 1, secret));
    feed (&socks, LET_IN, 4);
    assert_int_equal (socks_output (&socks).size, SOCKS_OUTPUT_MAX);
}

static void
test_log_ins_of_two_secrets_differ (void **state)
{
    (void)state;
    struct socks one, two;
    uint8_t secret[SOCKS_SECRET_SIZE] = {0};
    CHECK_OK (socks_init (&one, "a", 1, secret));
    secret[0] = 1;
    CHECK_OK (socks_init (&two, "a", 1, secret));
    assert_memory_not_equal (one.login, two.login, sizeof one.login);
}

/* Every way to cut it in pieces of one size, and every way to cut it in two. */
static void
test_answers_may_be_split_at_every_byte (void **state)
{
    (void)state;
    static const char *const ends[] = {
        "05000001"
        "00000000"
        "0000",
        "05000004"
        "00000000000000000000000000000000"
        "0000",
        "05000003"
        "00"
        "0000",
        "05000003"
        "03"
        "616263"
        "0001",
    };
    for (size_t i = 0; i < ARRAY_SIZE (ends); i++) {
        char text[256];
        /* "f9" begins what the peer says */
        snprintf (text, sizeof text, LET_IN "%sf9beb4d9", ends[i]);
        size_t size = strlen (text) / 2;
        for (size_t piece = 1; piece <= size; piece++) {
            struct socks socks;
            begin (&socks, "relay.test", 1);
            assert_int_equal (feed (&socks, text, piece), 4);
            assert_int_equal (socks.state, SOCKS_DONE);
            assert_int_equal (socks_output (&socks).size,
                              3 + 67 + 4 + 1 + 10 + 2);
        }
        for (size_t cut = 1; cut < size - 4; cut++) {
            struct socks socks;
            char first[256];
            snprintf (first, sizeof first, "%.*s", (int)(2 * cut), text);
            begin (&socks, "relay.test", 1);
            assert_int_equal (feed (&socks, first, size), 0);
            assert_true (socks.state < SOCKS_DONE);
            assert_int_equal (feed (&socks, text + 2 * cut, size), 4);
            assert_int_equal (socks.state, SOCKS_DONE);
        }
    }
}

static void
test_longest_answer_is_taken_whole (void **state)
{
    (void)state;
    struct socks socks;
    char text[2048] = LET_IN "05000003ff";
    size_t size = strlen (text);
    memset (text + size, '6', 2 * 255 + 2 * 2 + 2);
    text[size + 2 * 255 + 2 * 2 + 2] = '\0'; /* one byte is the peer's */
    begin (&socks, "a", 1);
    assert_int_equal (feed (&socks, text, 7), 1);
    assert_int_equal (socks.state, SOCKS_DONE);
}

static void
check_failure (const char *text, size_t left, const char *why)
{
    for (size_t piece = 1; piece <= strlen (text) / 2; piece++) {
        struct socks socks;
        begin (&socks, "relay.test", 1);
        assert_int_equal (feed (&socks, text, piece), left);
        assert_int_equal (socks.state, SOCKS_FAILED);
        assert_string_equal (socks_why (&socks), why);
        assert_int_equal (socks_output (&socks).size, 0);
        /* It stays so, whatever else comes. */
        assert_int_equal (feed (&socks, LET_IN CONNECTED, 1), 14);
        assert_int_equal (socks.state, SOCKS_FAILED);
    }
}

static void
test_hostile_answers_fail_in_words (void **state)
{
    (void)state;
    static const char method[] =
        "proxy: it takes no user names, which keep connections apart";
    static const char other[] =
        "proxy: it chose a method that we did not offer";
    static const char malformed[] = "proxy: its answer is malformed";

    check_failure ("485454502f31", 5, "proxy: it does not speak SOCKS5");
    check_failure ("045a", 1, "proxy: it does not speak SOCKS5");
    check_failure ("05ff", 0, method);
    check_failure ("0500", 0, other); /* we offered to log in, only */
    check_failure ("0501", 0, other);
    check_failure ("0502"
                   "0500",
                   1, "proxy: its answer to the log-in is malformed");
    check_failure ("0502"
                   "0101",
                   0, "proxy: it refused our user name");
    check_failure ("0502"
                   "01ff00",
                   1, "proxy: it refused our user name");
    check_failure (LET_IN "0400000100", 4, malformed);
    check_failure (LET_IN "0500010100", 2, malformed); /* reserved */
    check_failure (LET_IN "0500000000ff", 1, malformed);
    check_failure (LET_IN "0500000200ff", 1, malformed);
    check_failure (LET_IN "050000ff00ff", 1, malformed);
}

static void
test_reply_codes_are_said_in_words (void **state)
{
    (void)state;
    static const struct {
        const char *code, *words;
    } rows[] = {
        {"01", "proxy: it failed"},
        {"02", "proxy: not allowed by its rules"},
        {"03", "proxy: network unreachable"},
        {"04", "proxy: host unreachable"},
        {"05", "proxy: connection refused"},
        {"06", "proxy: time to live expired"},
        {"07", "proxy: it does not know CONNECT"},
        {"08", "proxy: it does not know this kind of address"},
        {"09", "proxy: it refused, with a code that we do not know"},
        {"f0", "proxy: onion service not found"},
        {"f7", "proxy: onion service introduction timed out"},
        {"ff", "proxy: it refused, with a code that we do not know"},
    };
    for (size_t i = 0; i < ARRAY_SIZE (rows); i++) {
        char text[64];
        snprintf (text, sizeof text, LET_IN "05%s", rows[i].code);
        check_failure (text, 0, rows[i].words);
    }
}

static void
test_onion_names_are_told_from_what_looks_like_them (void **state)
{
    (void)state;
    static const char *const yes[] = {"abc.onion",  "a.b.onion", "ABC.ONION",
                                      "abc.onion.", "onion",     ".onion"};
    static const char *const no[] = {
        "", ".", "a", "nion", "abconion", "abc.onion.example", "onion.example"};
    for (size_t i = 0; i < ARRAY_SIZE (yes); i++)
        assert_true (socks_is_onion (yes[i]));
    for (size_t i = 0; i < ARRAY_SIZE (no); i++)
        assert_false (socks_is_onion (no[i]));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_name_is_asked_for_as_it_is),
        cmocka_unit_test (test_addresses_are_asked_for_as_addresses),
        cmocka_unit_test (test_host_and_port_have_bounds),
        cmocka_unit_test (test_log_ins_of_two_secrets_differ),
        cmocka_unit_test (test_answers_may_be_split_at_every_byte),
        cmocka_unit_test (test_longest_answer_is_taken_whole),
        cmocka_unit_test (test_hostile_answers_fail_in_words),
        cmocka_unit_test (test_reply_codes_are_said_in_words),
        cmocka_unit_test (test_onion_names_are_told_from_what_looks_like_them),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
