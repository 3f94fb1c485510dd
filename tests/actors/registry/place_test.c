/* SPDX-License-Identifier: MIT */
/* place_test - addresses as texts and as bytes; what is one net, one group. */
#include "actors/registry/place.h"
#include "tests/support/check.h"

#define ONION "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx"

static const uint8_t key[16] = {1, 2, 3};

static struct place
place (const char *text)
{
    struct place read;
    if (!place_read (bytes_of_text (text), &read))
        fail_msg ("not a place: %s", text);
    return read;
}

static struct place_net
net (const char *text)
{
    struct place_net read;
    if (!place_net_read (bytes_of_text (text), &read))
        fail_msg ("not a net: %s", text);
    return read;
}

static void
test_place_is_written_as_it_is_read (void **state)
{
    static const char *const texts[] = {"1.2.3.4:8643", "255.255.255.255:65535",
                                        "[2001:db8::1]:1", "[::1]:8643",
                                        ONION ".onion:65535"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (texts); i++) {
        struct place read = place (texts[i]);
        char text[PLACE_TEXT_MAX + 1];
        place_write (&read, text);
        assert_string_equal (text, texts[i]);
    }
}

static void
test_anything_else_is_no_place (void **state)
{
    static const char *const texts[] = {"",
                                        ":",
                                        ":1",
                                        "1.2.3.4",
                                        "1.2.3.4:",
                                        "1.2.3.4:0",
                                        "1.2.3.4:65536",
                                        "1.2.3.4:+1",
                                        "1.2.3.4:01",
                                        "1.2.3.4:1 ",
                                        " 1.2.3.4:1",
                                        "1.2.3:1",
                                        "2001:db8::1:1",
                                        "[2001:db8::1]",
                                        "[1.2.3.4]:1",
                                        "[]:1",
                                        "[::1:1",
                                        "seed.example.com:1",
                                        "a.onion:1",
                                        ONION ".onion",
                                        ONION "x.onion:1",
                                        "A" ONION ".onion:1",
                                        "1.2.3.4:123456"};
    struct place read = {.port = 7};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (texts); i++)
        if (place_read (bytes_of_text (texts[i]), &read))
            fail_msg ("a place: %s", texts[i]);
    assert_false (place_read (bytes_of ("1.2.3.4\0:1", 10), &read));
    assert_int_equal (read.port, 7);
}

/* An IPv4 address inside IPv6 is the IPv4 address. */
static void
test_mapped_address_is_ipv4 (void **state)
{
    struct place four = place ("1.2.3.4:5"),
                 mapped = place ("[::ffff:1.2.3.4]:5");
    (void)state;
    assert_true (place_equal (&four, &mapped));
}

static void
test_net_is_an_ipv4_address_or_a_64 (void **state)
{
    char text[PLACE_NET_TEXT_MAX + 1];
    struct place_net a = net ("2001:db8:1:2:3:4:5:6"), b = net ("1.2.3.4");
    struct place_net of;
    struct place six = place ("[2001:db8:1:2::9]:1");
    struct place onion = place (ONION ".onion:1");
    (void)state;
    place_net_write (&a, text);
    assert_string_equal (text, "2001:db8:1:2::/64");
    place_net_write (&b, text);
    assert_string_equal (text, "1.2.3.4");
    assert_true (place_net (&six, &of));
    assert_memory_equal (&of, &a, sizeof of);
    assert_false (place_net (&onion, &of));
    assert_false (place_net_read (bytes_of_text ("1.2.3.4/32"), &of));
    assert_false (place_net_read (bytes_of_text ("2001:db8::/48"), &of));
    assert_false (place_net_read (bytes_of_text ("/64"), &of));
}

static void
test_group_is_a_16_or_a_32_or_an_onion (void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } pairs[] = {
        {"1.2.3.4:1", "1.2.200.200:9", true},
        {"1.2.3.4:1", "1.3.3.4:1", false},
        {"[2001:db8::1]:1", "[2001:db8:ffff::]:1", true},
        {"[2001:db8::1]:1", "[2001:db9::1]:1", false},
        {ONION ".onion:1", ONION ".onion:2", true},
        {ONION ".onion:1", "1.2.3.4:1", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (pairs); i++) {
        struct place a = place (pairs[i].a), b = place (pairs[i].b);
        assert_int_equal (place_group (&a, key) == place_group (&b, key),
                          pairs[i].same);
    }
}

static void
test_private_addresses_are_not_public (void **state)
{
    static const char *const inside[] = {
        "127.0.0.1:1",   "10.255.0.1:1",  "172.16.0.1:1", "172.31.255.1:1",
        "192.168.1.1:1", "169.254.0.1:1", "[::1]:1",      "[fd00::1]:1",
        "[fe80::1]:1",   "0.0.0.0:1",     "224.0.0.1:1",  "255.1.1.1:1",
        "[ff02::1]:1",   "[::]:1"};
    static const char *const outside[] = {
        "126.0.0.1:1",   "11.0.0.1:1",  "172.15.0.1:1",    "172.32.0.1:1",
        "192.169.0.1:1", "223.1.1.1:1", "[2001:db8::1]:1", ONION ".onion:1"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (inside); i++) {
        struct place at = place (inside[i]);
        if (place_is_public (&at))
            fail_msg ("public: %s", inside[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE (outside); i++) {
        struct place at = place (outside[i]);
        if (!place_is_public (&at))
            fail_msg ("not public: %s", outside[i]);
    }
}

static void
test_range_meets_what_is_in_it (void **state)
{
    static const struct {
        const char *range, *net;
        bool meets;
    } cases[] = {
        {"10.0.0.0/8", "10.1.2.3", true},
        {"10.0.0.0/8", "11.1.2.3", false},
        {"1.2.3.4", "1.2.3.4", true},
        {"1.2.3.4", "1.2.3.5", false},
        {"0.0.0.0/0", "9.9.9.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"2001:db8::/32", "2001:db8:9::", true},
        {"2001:db8::/32", "2001:db9::", false},
        {"2001:db8::5", "2001:db8::9", true}, /* one /64 */
        {"::/0", "9.9.9.9", true},
    };
    struct place_range range;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        struct place_net of = net (cases[i].net);
        assert_true (place_range_read (cases[i].range, &range));
        if (place_range_meets (&range, &of) != cases[i].meets)
            fail_msg ("%s and %s", cases[i].range, cases[i].net);
    }
    assert_false (place_range_read ("1.2.3.4/33", &range));
    assert_false (place_range_read ("1.2.3.4/", &range));
    assert_false (place_range_read ("a/8", &range));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_place_is_written_as_it_is_read),
        cmocka_unit_test (test_anything_else_is_no_place),
        cmocka_unit_test (test_mapped_address_is_ipv4),
        cmocka_unit_test (test_net_is_an_ipv4_address_or_a_64),
        cmocka_unit_test (test_group_is_a_16_or_a_32_or_an_onion),
        cmocka_unit_test (test_private_addresses_are_not_public),
        cmocka_unit_test (test_range_meets_what_is_in_it),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
