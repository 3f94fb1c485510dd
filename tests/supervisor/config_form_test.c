/* SPDX-License-Identifier: MIT */
/* config_form_test - what has a form and what has not, one table a form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base.h"
#include "supervisor/config_form.h"

#define HEX_32 "0123456789abcdef0123456789abcdef"
#define LABEL_63                                                               \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LIST(...) ((const char *[]){__VA_ARGS__, NULL})

static void
check_form (const char *(*form) (const char *), const char *const *good,
            const char *const *bad)
{
    for (; *good != NULL; good++)
        if (form (*good) != NULL)
            fail_msg ("\"%s\" is refused: %s", *good, form (*good));
    for (; *bad != NULL; bad++)
        if (form (*bad) == NULL)
            fail_msg ("\"%s\" is taken", *bad);
}

static void
test_peer_is_a_host_and_a_port (void **state)
{
    (void)state;
    check_form (form_peer,
                LIST ("a:1", "relay-1.example.com:8643", "10.0.0.1:65535",
                      "[::1]:1", "[2001:db8::5]:8643", LABEL_63 ".org:1"),
                LIST ("", "a", ":1", "a:", "a:0", "a:65536", "a:1x", "a: 1",
                      "::1:1", "[::1]", "[::1:1", "[10.0.0.1]:1", "a b:1",
                      "10.0.0.256:1", "-a:1", "a-:1", "a..b:1", "a.:1", ".a:1",
                      LABEL_63 "a.org:1", "tcp://a:1", "a:000001"));
}

static void
test_listen_may_leave_the_port_to_the_system (void **state)
{
    (void)state;
    check_form (form_listen, LIST ("127.0.0.1:0", "[::]:8643", "localhost:1"),
                LIST ("", "8643", ":8643", "*:8643", "off"));
    check_form (form_listen_or_off, LIST ("127.0.0.1:0", "off"),
                LIST ("", "OFF", "no"));
}

static void
test_noban_is_an_address_or_a_network (void **state)
{
    (void)state;
    check_form (form_addresses,
                LIST ("10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "::1", "fd00::/8",
                      "::/128", "1.2.3.4/32"),
                LIST ("", "host", "10.0.0.0/33", "::/129", "10.0.0.0/",
                      "10.0.0/8", "10.0.0.0/-1", "10.0.0.0/8/8", "[::1]",
                      "10.0.0.1:1"));
}

static void
test_commons_url_has_neither_user_nor_query (void **state)
{
    (void)state;
    check_form (form_commons_url,
                LIST ("", "https://commons.example.com/api", "http://localhost",
                      "https://[::1]:8443/", "https://192.0.2.1:1/a/b"),
                LIST ("https://", "commons.example.com", "HTTPS://a",
                      "ftp://a/", "https://u:p@a/", "https://a?x=1",
                      "https://a/?x", "https://a/#f", "https://a:0/",
                      "https://a:b/", "https:///x", "https://a /",
                      "https://::1/", "https://a\\b/", "https://a/\xc3\xa4"));
}

static void
test_url_is_split_into_its_parts (void **state)
{
    (void)state;
    struct url url;

    assert_int_equal (url_split ("https://[fd00::1]/api", &url), 0);
    assert_true (url.https);
    assert_string_equal (url.host, "fd00::1");
    assert_int_equal (url.port, 443);
    assert_int_equal (url_split ("http://a.example:81", &url), 0);
    assert_false (url.https);
    assert_string_equal (url.host, "a.example");
    assert_int_equal (url.port, 81);
}

static void
test_loopback_is_told_from_what_looks_like_it (void **state)
{
    (void)state;
    assert_true (host_is_loopback ("127.0.0.1"));
    assert_true (host_is_loopback ("127.255.0.9"));
    assert_true (host_is_loopback ("::1"));
    assert_true (host_is_loopback ("localhost"));
    assert_false (host_is_loopback ("128.0.0.1"));
    assert_false (host_is_loopback ("0.0.0.0"));
    assert_false (host_is_loopback ("127.0.0.1.example.com"));
    assert_false (host_is_loopback ("localhost.example.com"));
}

static void
test_public_key_is_lower_case_hex_of_a_scheme (void **state)
{
    (void)state;
    check_form (form_public_key,
                LIST (HEX_32 HEX_32, "02" HEX_32 HEX_32, "03" HEX_32 HEX_32),
                LIST ("", HEX_32, "04" HEX_32 HEX_32, HEX_32 HEX_32 "0",
                      "02" HEX_32 HEX_32 "00",
                      "0123456789ABCDEF0123456789abcdef" HEX_32,
                      "g123456789abcdef0123456789abcdef" HEX_32));
}

static void
test_tap_endpoint_is_local_tcp_or_off (void **state)
{
    (void)state;
    check_form (form_tap,
                LIST ("", "off", "tcp://127.0.0.1:28640", "tcp://*:0",
                      "ipc:///run/govrelay/tap"),
                LIST ("ipc://", "on", "tcp://", "tcp://*", "inproc://x",
                      "ipc:///" LABEL_63 "/" LABEL_63));
}

/* A name would have to be looked up beside it. */
static void
test_proxy_is_socks5_at_an_address (void **state)
{
    (void)state;
    check_form (form_proxy,
                LIST ("", "socks5://127.0.0.1:9050", "socks5://[::1]:9050",
                      "socks5://192.0.2.1:65535"),
                LIST ("127.0.0.1:9050", "http://127.0.0.1:9050", "socks5://",
                      "socks5h://127.0.0.1:9050", "SOCKS5://127.0.0.1:9050",
                      "socks5://127.0.0.1", "socks5://127.0.0.1:0",
                      "socks5://127.0.0.1:65536", "socks5://127.0.0.1:9050/",
                      "socks5://user:word@127.0.0.1:9050",
                      "socks5://127.0.0.1:9050 ", "socks5://::1:9050",
                      "socks5://localhost:9050", "socks5://tor.example.com:1",
                      "socks5://127.1:9050"));
    assert_non_null (strstr (form_proxy ("socks5://localhost:9050"),
                             "write its IP address"));
    assert_non_null (
        strstr (form_proxy ("127.0.0.1:9050"), "socks5://127.0.0.1:9050"));
}

static void
test_other_texts_have_their_forms (void **state)
{
    (void)state;
    check_form (form_host, LIST ("seed.example.com", "a", "10.0.0.1"),
                LIST ("", "a:1", "a b", "1.2.3"));
    check_form (form_address, LIST ("", "10.0.0.1", "::1"),
                LIST ("a", "10.0.0.1:1", "[::1]"));
    check_form (form_interface, LIST ("", "wg0", "tun-1.5"),
                LIST ("a/b", "wg0:1", "sixteenletters16", "..", "a b"));
    check_form (form_pin,
                LIST ("", "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF"
                          "U="),
                LIST ("sha256//",
                      "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF"
                      "U=",
                      "sha256//47DEQpj8HBSa"));
    check_form (form_database, LIST ("sqlite:a.db", "sqlite:/var/a.db"),
                LIST ("", "sqlite:", "a.db", "postgresql://u@h/d"));
    check_form (form_some_text, LIST ("a"), LIST (""));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_peer_is_a_host_and_a_port),
        cmocka_unit_test (test_listen_may_leave_the_port_to_the_system),
        cmocka_unit_test (test_noban_is_an_address_or_a_network),
        cmocka_unit_test (test_commons_url_has_neither_user_nor_query),
        cmocka_unit_test (test_url_is_split_into_its_parts),
        cmocka_unit_test (test_loopback_is_told_from_what_looks_like_it),
        cmocka_unit_test (test_public_key_is_lower_case_hex_of_a_scheme),
        cmocka_unit_test (test_tap_endpoint_is_local_tcp_or_off),
        cmocka_unit_test (test_proxy_is_socks5_at_an_address),
        cmocka_unit_test (test_other_texts_have_their_forms),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
