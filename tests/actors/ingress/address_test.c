/* SPDX-License-Identifier: MIT */
/* address_test - what an IP address means to policy. */
#include "actors/ingress/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/support/check.h"

#define KEY UINT64_C (0x1122334455667788)

struct address {
    struct sockaddr_storage storage;
};

static struct address
address_of (const char *text)
{
    struct address address = {0};
    struct sockaddr_in *four = (void *)&address.storage;
    struct sockaddr_in6 *six = (void *)&address.storage;

    if (inet_pton (AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons (8333);
        return address;
    }
    assert_int_equal (inet_pton (AF_INET6, text, &six->sin6_addr), 1);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons (8334);
    return address;
}

static bool
is_listed (const char *text, char *network)
{
    struct address address = address_of (text);
    char *item[] = {"192.0.2.1", network};
    struct string_list list = {.item = item, .count = 2};
    return address_is_listed ((void *)&address, &list);
}

static uint32_t
group (const char *text, uint64_t key)
{
    struct address address = address_of (text);
    return address_group ((void *)&address, key);
}

static bool
is_loopback (const char *text)
{
    struct address address = address_of (text);
    return address_is_loopback ((void *)&address);
}

static void
test_ipv4_is_written_as_mapped_ipv6 (void **state)
{
    (void)state;
    static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 1, 2, 3, 4};
    struct address four = address_of ("1.2.3.4");
    struct address six = address_of ("::ffff:1.2.3.4");
    uint8_t bytes[16];
    uint16_t port;
    address_bytes ((void *)&four, bytes, &port);
    assert_memory_equal (bytes, mapped, 16);
    assert_int_equal (port, 8333);
    address_bytes ((void *)&six, bytes, &port);
    assert_memory_equal (bytes, mapped, 16);
    assert_int_equal (port, 8334);
}

static void
test_loopback_is_known_in_every_form (void **state)
{
    (void)state;
    assert_true (is_loopback ("127.0.0.1"));
    assert_true (is_loopback ("127.255.0.9"));
    assert_true (is_loopback ("::1"));
    assert_true (is_loopback ("::ffff:127.0.0.1"));
    assert_false (is_loopback ("128.0.0.1"));
    assert_false (is_loopback ("10.0.0.1"));
    assert_false (is_loopback ("::"));
    assert_false (is_loopback ("::2"));
    assert_false (is_loopback ("7f00::1"));
}

static void
test_networks_hold_their_addresses_and_no_others (void **state)
{
    (void)state;
    assert_true (is_listed ("10.1.2.3", "10.1.2.3"));
    assert_false (is_listed ("10.1.2.4", "10.1.2.3"));
    assert_true (is_listed ("10.255.2.3", "10.0.0.0/8"));
    assert_false (is_listed ("11.0.0.0", "10.0.0.0/8"));
    assert_true (is_listed ("10.0.0.7", "10.0.0.4/30"));
    assert_false (is_listed ("10.0.0.8", "10.0.0.4/30"));
    assert_true (is_listed ("203.0.113.9", "0.0.0.0/0"));
    assert_false (is_listed ("2001:db8::1", "0.0.0.0/0"));
    assert_true (is_listed ("2001:db8::1", "::/0"));
    assert_true (is_listed ("fd12::1", "fd00::/8"));
    assert_false (is_listed ("fe80::1", "fd00::/8"));
    assert_true (is_listed ("2001:db8:1:2::9", "2001:db8:1:2::/63"));
    assert_true (is_listed ("2001:db8:1:3::9", "2001:db8:1:2::/63"));
    assert_false (is_listed ("2001:db8:1:4::9", "2001:db8:1:2::/63"));
    assert_true (is_listed ("2001:db8::1", "2001:db8::1/128"));
    assert_false (is_listed ("2001:db8::2", "2001:db8::1/128"));
}

static void
test_mapped_address_is_listed_as_ipv4 (void **state)
{
    (void)state;
    assert_true (is_listed ("::ffff:10.1.2.3", "10.0.0.0/8"));
    assert_true (is_listed ("192.0.2.1", "fd00::/8"));
}

/* PROTOCOL 5.7: "network group (/16, /32)" */
static void
test_group_is_16_bits_of_ipv4_and_32_of_ipv6 (void **state)
{
    (void)state;
    assert_int_equal (group ("1.2.3.4", KEY), group ("1.2.255.255", KEY));
    assert_int_equal (group ("1.2.3.4", KEY), group ("::ffff:1.2.9.9", KEY));
    assert_int_not_equal (group ("1.2.3.4", KEY), group ("1.3.3.4", KEY));
    assert_int_equal (group ("2001:db8::1", KEY),
                      group ("2001:db8:ffff::2", KEY));
    assert_int_not_equal (group ("2001:db8::1", KEY),
                          group ("2001:db9::1", KEY));
}

/* A peer behind a proxy, dialled by name. */
static void
test_unknown_address_is_of_no_network (void **state)
{
    (void)state;
    static const uint8_t zeros[16];
    struct sockaddr_storage unknown = {.ss_family = AF_UNSPEC};
    const struct sockaddr *address = (void *)&unknown;
    char *everything[] = {"::/0", "0.0.0.0/0", "::"};
    struct string_list list = {.item = everything, .count = 3};
    uint8_t bytes[16] = {1};
    uint16_t port = 1;

    assert_false (address_is_known (address));
    assert_false (address_is_loopback (address));
    assert_false (address_is_listed (address, &list));
    address_bytes (address, bytes, &port);
    assert_memory_equal (bytes, zeros, 16);
    assert_int_equal (port, 0);
}

static void
test_group_of_a_name_is_its_host (void **state)
{
    (void)state;
    uint32_t one = address_group_of_name ("one.onion:1", KEY);
    assert_int_equal (one, address_group_of_name ("one.onion:2", KEY));
    assert_int_not_equal (one, address_group_of_name ("two.onion:1", KEY));
    assert_int_not_equal (one, address_group_of_name ("one.onion:1", KEY + 1));
}

static void
test_group_cannot_be_told_without_the_key (void **state)
{
    (void)state;
    assert_int_not_equal (group ("1.2.3.4", KEY), group ("1.2.3.4", KEY + 1));
}

static uint64_t
network (const char *text)
{
    struct address address = address_of (text);
    return address_network ((void *)&address, KEY);
}

static void
test_network_is_24_bits_of_ipv4_and_64_of_ipv6 (void **state)
{
    (void)state;
    assert_true (network ("1.2.3.4") == network ("1.2.3.250"));
    assert_true (network ("1.2.3.4") == network ("::ffff:1.2.3.9"));
    assert_true (network ("1.2.3.4") != network ("1.2.4.4"));
    assert_true (network ("2001:db8:1:2::1") == network ("2001:db8:1:2:f::"));
    assert_true (network ("2001:db8:1:2::1") != network ("2001:db8:1:3::1"));
}

static void
test_private_addresses_are_known (void **state)
{
    (void)state;
    static const char *const own[] = {"127.0.0.1",
                                      "10.1.2.3",
                                      "172.31.255.255",
                                      "192.168.0.1",
                                      "169.254.1.1",
                                      "100.127.0.1",
                                      "::1",
                                      "fd00::1",
                                      "fe80::1",
                                      "::ffff:10.0.0.1"};
    static const char *const others[] = {"1.2.3.4",    "172.32.0.1",
                                         "100.63.0.1", "192.169.0.1",
                                         "2001:db8::", "fec0::1"};
    for (size_t i = 0; i < ARRAY_SIZE (own); i++) {
        struct address address = address_of (own[i]);
        assert_true (address_is_private ((void *)&address));
    }
    for (size_t i = 0; i < ARRAY_SIZE (others); i++) {
        struct address address = address_of (others[i]);
        assert_false (address_is_private ((void *)&address));
    }
}

static void
expect_culprit (const char *text, const char *expected)
{
    struct address address = address_of (text);
    char culprit[ADDRESS_CULPRIT_MAX];
    address_culprit ((void *)&address, culprit);
    assert_string_equal (culprit, expected);
}

static void
test_culprit_is_an_ipv4_address_or_64_bits_of_ipv6 (void **state)
{
    (void)state;
    expect_culprit ("1.2.3.4", "1.2.3.4");
    expect_culprit ("::ffff:1.2.3.4", "1.2.3.4");
    expect_culprit ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
    expect_culprit ("2001:db8:1111:2222:3333::", "2001:db8:1111:2222::/64");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_ipv4_is_written_as_mapped_ipv6),
        cmocka_unit_test (test_loopback_is_known_in_every_form),
        cmocka_unit_test (test_networks_hold_their_addresses_and_no_others),
        cmocka_unit_test (test_mapped_address_is_listed_as_ipv4),
        cmocka_unit_test (test_group_is_16_bits_of_ipv4_and_32_of_ipv6),
        cmocka_unit_test (test_unknown_address_is_of_no_network),
        cmocka_unit_test (test_group_of_a_name_is_its_host),
        cmocka_unit_test (test_group_cannot_be_told_without_the_key),
        cmocka_unit_test (test_network_is_24_bits_of_ipv4_and_64_of_ipv6),
        cmocka_unit_test (test_private_addresses_are_known),
        cmocka_unit_test (test_culprit_is_an_ipv4_address_or_64_bits_of_ipv6),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
