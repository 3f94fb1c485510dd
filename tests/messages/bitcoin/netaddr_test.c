/* SPDX-License-Identifier: MIT */
/* netaddr_test - addr, addrv2 and addresses as text, whole, cut off, lying. */
#include <stdlib.h>

#include "tests/support/check.h"

#include "hex.h"
#include "messages/bitcoin/netaddr.h"

#define SEEN_S 1764361549
#define GOVERNANCE (UINT64_C (1) << 29)

/* The key of this service, and its name: of Bitcoin Core's own tests. */
#define ONION "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
#define ONION_KEY                                                              \
    "79bcc625184b05194975c28b66b66b0469f7f6556fb1ac3189a79b40dda32f1f"

struct shown {
    struct netaddr netaddr[NETADDR_MAX];
    size_t count;
};

static void
show (void *self, const struct netaddr *netaddr)
{
    struct shown *shown = self;
    assert_true (shown->count < NETADDR_MAX);
    shown->netaddr[shown->count++] = *netaddr;
}

/* Decodes a copy of exactly its size, so that the sanitizer sees every byte
 * that is read too far. */
static int
decode (struct bytes payload, bool addrv2, struct shown *ret)
{
    uint8_t *copy = malloc (payload.size != 0 ? payload.size : 1);
    assert_non_null (copy);
    memcpy (copy, payload.data, payload.size);
    ret->count = 0;
    int rc = netaddr_decode (bytes_of (copy, payload.size), addrv2, show, ret);
    free (copy);
    assert_true (rc == 0 || ret->count == 0); /* all or nothing */
    return rc;
}

static struct netaddr
netaddr_of (const char *text)
{
    struct netaddr netaddr;
    CHECK_OK (netaddr_from_text (bytes_of_text (text), &netaddr));
    netaddr.services = GOVERNANCE;
    netaddr.seen_s = SEEN_S;
    return netaddr;
}

static void
assert_entry (const struct netaddr *netaddr, const struct netaddr *expected)
{
    assert_true (netaddr_is_same (netaddr, expected));
    assert_int_equal (netaddr->services, expected->services);
    assert_int_equal (netaddr->seen_s, expected->seen_s);
}

static void
assert_text (const struct netaddr *netaddr, const char *expected)
{
    char text[NETADDR_TEXT_MAX];
    CHECK_OK (netaddr_to_text (netaddr, text));
    assert_string_equal (text, expected);
}

/* An addrv2 payload of one entry with that network, and SIZE bytes, the first
 * of which is FIRST. */
static struct bytes
entry_of (uint8_t network, size_t size, uint8_t first)
{
    static uint8_t wire[600];
    size_t fill = 0;

    memset (wire, 0, sizeof wire);
    wire[fill++] = 1; /* entry */
    fill += 4;        /* time */
    wire[fill++] = 1; /* services */
    wire[fill++] = network;
    if (size < 0xfd) {
        wire[fill++] = (uint8_t)size;
    } else {
        wire[fill++] = 0xfd;
        wire[fill++] = (uint8_t)size;
        wire[fill++] = (uint8_t)(size >> 8);
    }
    wire[fill] = first;
    return bytes_of (wire, fill + size + 2);
}

/*~ On the wire. */

static void
test_addr_lies_on_the_wire_as_bitcoin_has_it (void **state)
{
    static const uint8_t
        expected
            [] =
                {
                    2, /* entries */
                    0x4d, 5,    0x2a, 0x69, 0, 0,    0,    0x20, 0, 0, 0,
                    0, /* time, bit 29 */
                    0,    0,    0,    0,    0, 0,    0,    0,    0, 0, 0xff,
                    0xff, 1,    2,    3,    4, 0x21, 0xc3, /* 1.2.3.4:8643 */
                    0x4d, 5,    0x2a, 0x69, 0, 0,    0,    0x20, 0, 0, 0,
                    0,    0x26, 7,    0,    0, 0,    0,    0,    0, 0, 0,
                    0,    0,    0,    0,    0, 9,    0,    1, /* [2607::9]:1 */
                };
    struct netaddr said[] = {netaddr_of ("1.2.3.4:8643"),
                             netaddr_of (ONION ":8643"), /* addr cannot */
                             netaddr_of ("[2607::9]:1")};
    uint8_t wire[NETADDR_ADDR_ROOM (2)];
    struct shown shown;
    (void)state;

    size_t size = netaddr_encode (said, 3, false, wire, sizeof wire);
    assert_int_equal (size, sizeof expected);
    assert_memory_equal (wire, expected, size);
    CHECK_OK (decode (bytes_of (wire, size), false, &shown));
    assert_int_equal (shown.count, 2);
    assert_entry (&shown.netaddr[0], &said[0]);
    assert_entry (&shown.netaddr[1], &said[2]);
}

static void
test_addrv2_lies_on_the_wire_as_bip155_has_it (void **state)
{
    static const uint8_t expected[] =
        {
            3,    0x4d, 5,    0x2a, 0x69, 0xfe, 0,    0,    0, 0x20,
            1,    4,    1,    2,    3,    4,    0x21, 0xc3, /* IPv4 */
            0x4d, 5,    0x2a, 0x69, 0xfd, 0xfd, 0,          /* services 253 */
            2,    16,   0x26, 7,    0,    0,    0,    0,    0, 0,
            0,    0,    0,    0,    0,    0,    0,    9,    0, 1, /* IPv6 */
            0x4d, 5,    0x2a, 0x69, 0xff, 0,    0,    0,    0, 1,
            0,    0,    0,    4,    32, /* services 2^32, Tor v3 */
        };
    struct netaddr said[] = {netaddr_of ("1.2.3.4:8643"),
                             netaddr_of ("[2607::9]:1"),
                             netaddr_of (ONION ":8643")};
    uint8_t wire[NETADDR_ADDRV2_ROOM (3)];
    uint8_t key[32];
    struct shown shown;
    (void)state;

    said[1].services = 253;
    said[2].services = UINT64_C (1) << 32;
    size_t size = netaddr_encode (said, 3, true, wire, sizeof wire);
    assert_int_equal (size, sizeof expected + 32 + 2);
    assert_memory_equal (wire, expected, sizeof expected);
    CHECK_OK (hex_decode (bytes_of_text (ONION_KEY), key, sizeof key));
    assert_memory_equal (wire + sizeof expected, key, sizeof key);
    CHECK_OK (decode (bytes_of (wire, size), true, &shown));
    assert_int_equal (shown.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_entry (&shown.netaddr[i], &said[i]);
}

static void
test_every_kind_of_number_of_services_comes_back (void **state)
{
    static const uint64_t services[] = {0,
                                        252,
                                        253,
                                        UINT16_MAX,
                                        UINT16_MAX + 1,
                                        UINT32_MAX,
                                        UINT64_C (1) << 32,
                                        UINT64_MAX};
    uint8_t wire[NETADDR_ADDRV2_ROOM (1)];
    struct shown shown;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (services); i++)
        for (int addrv2 = 0; addrv2 < 2; addrv2++) {
            struct netaddr said = netaddr_of ("1.2.3.4:65535");
            said.services = services[i];
            size_t size = netaddr_encode (&said, 1, addrv2, wire, sizeof wire);
            CHECK_OK (decode (bytes_of (wire, size), addrv2, &shown));
            assert_int_equal (shown.count, 1);
            assert_entry (&shown.netaddr[0], &said);
        }
}

static void
test_a_thousand_entries_are_taken_and_one_more_is_not (void **state)
{
    static struct netaddr said[NETADDR_MAX];
    static uint8_t wire[NETADDR_ADDRV2_ROOM (NETADDR_MAX) + 49];
    static struct shown shown;
    (void)state;

    for (size_t i = 0; i < NETADDR_MAX; i++) {
        said[i] = netaddr_of (i % 2 ? ONION ":1" : "[2607::9]:1");
        said[i].services = UINT64_MAX; /* of the largest size */
        said[i].port = (uint16_t)i;
    }
    size_t size = netaddr_encode (said, NETADDR_MAX, true, wire, sizeof wire);
    CHECK_OK (decode (bytes_of (wire, size), true, &shown));
    assert_int_equal (shown.count, NETADDR_MAX);
    for (size_t i = 0; i < NETADDR_MAX; i++)
        assert_entry (&shown.netaddr[i], &said[i]);
    memcpy (wire + size, wire + 3, 49);
    wire[1]++;
    CHECK_ERR (decode (bytes_of (wire, sizeof wire), true, &shown), -EPROTO);

    for (size_t i = 0; i < NETADDR_MAX; i++)
        said[i] = netaddr_of ("1.2.3.4:8643");
    size = netaddr_encode (said, NETADDR_MAX, false, wire,
                           NETADDR_ADDR_ROOM (NETADDR_MAX));
    assert_int_equal (size, 30003);
    CHECK_OK (decode (bytes_of (wire, size), false, &shown));
    assert_int_equal (shown.count, NETADDR_MAX);
    wire[1]++;
    CHECK_ERR (decode (bytes_of (wire, size + 30), false, &shown), -EPROTO);
}

static void
test_payload_that_is_cut_off_anywhere_is_dropped (void **state)
{
    struct netaddr said[] = {netaddr_of ("1.2.3.4:8643"),
                             netaddr_of ("[2607::9]:1")};
    uint8_t wire[NETADDR_ADDRV2_ROOM (2)];
    struct shown shown;
    (void)state;

    for (int addrv2 = 0; addrv2 < 2; addrv2++) {
        size_t size = netaddr_encode (said, 2, addrv2, wire, sizeof wire);
        for (size_t cut = 0; cut < size; cut++)
            CHECK_ERR (decode (bytes_of (wire, cut), addrv2, &shown), -EPROTO);
        wire[size] = 7; /* of a later version */
        CHECK_OK (decode (bytes_of (wire, size + 1), addrv2, &shown));
        assert_int_equal (shown.count, 2);
    }
}

static void
test_empty_payload_of_no_entries_is_well_formed (void **state)
{
    static const uint8_t none[] = {0};
    struct shown shown;
    (void)state;

    for (int addrv2 = 0; addrv2 < 2; addrv2++) {
        CHECK_OK (decode (bytes_of (none, 1), addrv2, &shown));
        assert_int_equal (shown.count, 0);
        CHECK_ERR (decode (bytes_of (none, 0), addrv2, &shown), -EPROTO);
    }
}

static void
test_known_networks_have_one_length_each (void **state)
{
    static const struct {
        uint8_t network;
        uint8_t size;
        uint8_t first;
    } known[] = {
        {1, 4, 1}, {2, 16, 0x20}, {4, 32, 0}, {5, 32, 0}, {6, 16, 0xfc}};
    struct shown shown;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (known); i++)
        for (size_t size = 0; size <= NETADDR_LENGTH_MAX; size++) {
            int rc = decode (entry_of (known[i].network, size, known[i].first),
                             true, &shown);
            assert_int_equal (rc, size == known[i].size ? 0 : -EPROTO);
            assert_int_equal (shown.count, size == known[i].size ? 1 : 0);
        }
}

static void
test_unknown_networks_are_passed_over_up_to_512_bytes (void **state)
{
    static const uint8_t unknown[] = {0, 3, 7, 0xff};
    struct shown shown;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (unknown); i++) {
        for (size_t size = 0; size <= NETADDR_LENGTH_MAX; size += 32) {
            CHECK_OK (decode (entry_of (unknown[i], size, 1), true, &shown));
            assert_int_equal (shown.count, 0);
        }
        CHECK_ERR (decode (entry_of (unknown[i], 513, 1), true, &shown),
                   -EPROTO);
    }
}

/* What stands before a malformed entry is not believed either. */
static void
test_one_malformed_entry_drops_the_whole_message (void **state)
{
    struct netaddr said = netaddr_of ("1.2.3.4:8643");
    uint8_t wire[128];
    struct shown shown;
    (void)state;

    size_t size = netaddr_encode (&said, 1, true, wire, sizeof wire);
    struct bytes wrong = entry_of (1, 5, 1);
    wire[0]++;
    memcpy (wire + size, wrong.data + 1, wrong.size - 1);
    CHECK_ERR (decode (bytes_of (wire, size + wrong.size - 1), true, &shown),
               -EPROTO);
}

static void
test_ipv6_that_wraps_another_network_is_passed_over (void **state)
{
    static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 1, 2, 3, 4};
    static const uint8_t torv2[16] = {0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43, 1};
    struct shown shown;
    uint8_t addr[31] = {1};
    (void)state;

    struct bytes entry = entry_of (2, 16, 0);
    memcpy ((uint8_t *)entry.data + 8, mapped, 16);
    CHECK_OK (decode (entry, true, &shown));
    assert_int_equal (shown.count, 0);
    memcpy ((uint8_t *)entry.data + 8, torv2, 16);
    CHECK_OK (decode (entry, true, &shown));
    assert_int_equal (shown.count, 0);
    CHECK_OK (decode (entry_of (6, 16, 0xfd), true, &shown));
    assert_int_equal (shown.count, 0); /* CJDNS is fc00::/8 */

    memcpy (addr + 13, torv2, 16);
    CHECK_OK (decode (bytes_of (addr, sizeof addr), false, &shown));
    assert_int_equal (shown.count, 0);
    memcpy (addr + 13, mapped, 16);
    CHECK_OK (decode (bytes_of (addr, sizeof addr), false, &shown));
    assert_int_equal (shown.count, 1);
    assert_text (&shown.netaddr[0], "1.2.3.4:0");
}

/*~ As text. */

static void
test_text_comes_back_as_it_was (void **state)
{
    static const char *const texts[] = {
        "1.2.3.4:8643",
        "255.255.255.255:65535",
        "0.0.0.0:1",
        "[2001:db8::1]:8643",
        "[::]:10",
        "[2001:db8:1:2:3:4:5:6]:65535",
        ONION ":8643",
        "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion:80"};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (texts); i++) {
        struct netaddr netaddr = netaddr_of (texts[i]);
        assert_text (&netaddr, texts[i]);
    }
}

static void
test_spellings_of_one_address_are_one_address (void **state)
{
    static const char *const pairs[][2] = {
        {"[::ffff:1.2.3.4]:8643", "1.2.3.4:8643"},
        {"[2001:DB8:0::1]:1", "[2001:db8::1]:1"},
        {"PG6MMJIYJMCRSSLVYKFWNNTLARU7P5SVN6Y2YMMJU6NUBXNDF4PSCRYD.onion:1",
         ONION ":1"}};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (pairs); i++) {
        struct netaddr one = netaddr_of (pairs[i][0]);
        struct netaddr other = netaddr_of (pairs[i][1]);
        assert_true (netaddr_is_same (&one, &other));
        assert_text (&one, pairs[i][1]);
        other.port++;
        assert_false (netaddr_is_same (&one, &other));
    }
}

static void
test_text_that_is_no_address_is_refused (void **state)
{
    static const char *const texts[] = {
        "",
        ":",
        ":1",
        "1.2.3.4",
        "1.2.3.4:",
        "1.2.3.4:0",
        "1.2.3.4:01",
        "1.2.3.4:65536",
        "1.2.3.4:100000",
        "1.2.3.4:99999999999999999999999",
        "1.2.3.4:+1",
        "1.2.3.4: 1",
        "1.2.3:1",
        "1.2.3.256:1",
        "[1.2.3.4]:1",
        "2001:db8::1:1",
        "[2001:db8::1:1",
        "[]:1",
        "[:1",
        "[fe80::1%eth0]:1",
        "localhost:1",
        "relay.example.com:8643",
        "expyuzz4wqqyqhjn.onion:1", /* Tor v2 */
        /* checksum, version, a character that is none, one too few */
        "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4psdryd.onion:1",
        "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscrye.onion:1",
        "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscry1.onion:1",
        "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscry.onion:1",
        "ag6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:1",
        "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onioN:1",
        "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd:1",
    };
    struct netaddr netaddr = {.port = 7};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (texts); i++)
        CHECK_ERR (netaddr_from_text (bytes_of_text (texts[i]), &netaddr),
                   -EINVAL);
    CHECK_ERR (netaddr_from_text (bytes_of ("1.2.3.4\0:1", 10), &netaddr),
               -EINVAL);
    assert_int_equal (netaddr.port, 7); /* untouched */
}

static void
test_i2p_and_cjdns_have_no_text (void **state)
{
    char text[NETADDR_TEXT_MAX] = "as it was";
    struct netaddr netaddr = {.network = NETADDR_I2P, .port = 1};
    (void)state;

    CHECK_ERR (netaddr_to_text (&netaddr, text), -EAFNOSUPPORT);
    netaddr.network = NETADDR_CJDNS;
    CHECK_ERR (netaddr_to_text (&netaddr, text), -EAFNOSUPPORT);
    assert_string_equal (text, "as it was");
}

static void
test_public_addresses_are_told_from_others (void **state)
{
    static const char *const public[] = {
        "1.2.3.4:1",        "9.255.255.255:1", "11.0.0.0:1",
        "100.63.0.1:1",     "100.128.0.1:1",   "172.15.0.1:1",
        "172.32.0.1:1",     "192.167.1.1:1",   "223.255.255.255:1",
        "[2607:f8b0::1]:1", "[2002::1]:1",     "[3fff:ffff::1]:1",
        ONION ":1"};
    static const char *const others[] = {"0.1.2.3:1",
                                         "10.1.2.3:1",
                                         "100.64.0.1:1",
                                         "100.127.255.255:1",
                                         "127.0.0.1:1",
                                         "169.254.1.1:1",
                                         "172.16.0.1:1",
                                         "172.31.255.1:1",
                                         "192.0.0.1:1",
                                         "192.0.2.1:1",
                                         "192.168.1.1:1",
                                         "198.18.0.1:1",
                                         "198.19.0.1:1",
                                         "198.51.100.7:1",
                                         "203.0.113.7:1",
                                         "224.0.0.1:1",
                                         "255.255.255.255:1",
                                         "[::1]:1",
                                         "[::]:1",
                                         "[fe80::1]:1",
                                         "[fd00::1]:1",
                                         "[ff02::1]:1",
                                         "[2001:db8::1]:1",
                                         "[2001:10::1]:1",
                                         "[2001:2f::1]:1",
                                         "[64:ff9b::1]:1",
                                         "[::1.2.3.4]:1"};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (public); i++) {
        struct netaddr netaddr = netaddr_of (public[i]);
        if (!netaddr_is_public (&netaddr))
            fail_msg ("%s is public", public[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE (others); i++) {
        struct netaddr netaddr = netaddr_of (others[i]);
        if (netaddr_is_public (&netaddr))
            fail_msg ("%s is not public", others[i]);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_addr_lies_on_the_wire_as_bitcoin_has_it),
        cmocka_unit_test (test_addrv2_lies_on_the_wire_as_bip155_has_it),
        cmocka_unit_test (test_every_kind_of_number_of_services_comes_back),
        cmocka_unit_test (
            test_a_thousand_entries_are_taken_and_one_more_is_not),
        cmocka_unit_test (test_payload_that_is_cut_off_anywhere_is_dropped),
        cmocka_unit_test (test_empty_payload_of_no_entries_is_well_formed),
        cmocka_unit_test (test_known_networks_have_one_length_each),
        cmocka_unit_test (
            test_unknown_networks_are_passed_over_up_to_512_bytes),
        cmocka_unit_test (test_one_malformed_entry_drops_the_whole_message),
        cmocka_unit_test (test_ipv6_that_wraps_another_network_is_passed_over),
        cmocka_unit_test (test_text_comes_back_as_it_was),
        cmocka_unit_test (test_spellings_of_one_address_are_one_address),
        cmocka_unit_test (test_text_that_is_no_address_is_refused),
        cmocka_unit_test (test_i2p_and_cjdns_have_no_text),
        cmocka_unit_test (test_public_addresses_are_told_from_others),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
