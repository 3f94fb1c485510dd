/* SPDX-License-Identifier: MIT */
/* good_addresses_test - the table that getaddr is answered from. */
#include "tests/support/check.h"

#include "actors/ingress/good_addresses.h"

#define ONION "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"

static int
good_create (void **state)
{
    *state = good_addresses_create ();
    return *state ? 0 : -1;
}

static int
good_destroy (void **state)
{
    struct good_addresses *good = *state;
    good_addresses_destroy (&good);
    assert_null (good);
    good_addresses_destroy (&good);
    return 0;
}

static struct netaddr
netaddr_of (const char *text)
{
    struct netaddr netaddr;
    CHECK_OK (netaddr_from_text (bytes_of_text (text), &netaddr));
    return netaddr;
}

/* 1.0.x.y, another for each NUMBER. */
static struct netaddr
numbered (unsigned number)
{
    struct netaddr netaddr = netaddr_of ("1.0.0.0:8643");
    netaddr.bytes[2] = (uint8_t)(number >> 8);
    netaddr.bytes[3] = (uint8_t)number;
    return netaddr;
}

static bool
has (const struct good_addresses *good, const struct netaddr *netaddr)
{
    static struct netaddr all[GOOD_ADDRESSES_MAX];
    size_t count = good_addresses_pick (good, true, 1, all, GOOD_ADDRESSES_MAX);
    for (size_t i = 0; i < count; i++)
        if (netaddr_is_same (&all[i], netaddr))
            return true;
    return false;
}

static void
test_address_that_is_put_twice_is_there_once_and_renewed (void **state)
{
    struct good_addresses *good = *state;
    struct netaddr said = netaddr_of ("1.2.3.4:8643");
    struct netaddr picked[2];

    good_addresses_put (good, &said);
    said.services = 5;
    said.seen_s = 7;
    good_addresses_put (good, &said);
    assert_int_equal (good_addresses_count (good), 1);
    assert_int_equal (good_addresses_pick (good, false, 1, picked, 2), 1);
    assert_int_equal (picked[0].services, 5);
    assert_int_equal (picked[0].seen_s, 7);
    said.port++; /* another place */
    good_addresses_put (good, &said);
    assert_int_equal (good_addresses_count (good), 2);
}

static void
test_address_that_is_dropped_is_not_given_out (void **state)
{
    struct good_addresses *good = *state;

    for (unsigned i = 0; i < 10; i++) {
        struct netaddr netaddr = numbered (i);
        good_addresses_put (good, &netaddr);
    }
    struct netaddr gone = numbered (3);
    good_addresses_drop (good, &gone);
    good_addresses_drop (good, &gone); /* does no harm */
    assert_int_equal (good_addresses_count (good), 9);
    assert_false (has (good, &gone));
    for (unsigned i = 0; i < 10; i++) {
        struct netaddr netaddr = numbered (i);
        assert_int_equal (has (good, &netaddr), i != 3);
    }
    good_addresses_clear (good);
    assert_int_equal (good_addresses_count (good), 0);
    assert_int_equal (good_addresses_pick (good, true, 1, &gone, 1), 0);
}

static void
test_full_table_forgets_what_was_seen_longest_ago (void **state)
{
    struct good_addresses *good = *state;

    for (unsigned i = 0; i < GOOD_ADDRESSES_MAX; i++) {
        struct netaddr netaddr = numbered (i);
        netaddr.seen_s = i == 500 ? 100 : 1000 + i;
        good_addresses_put (good, &netaddr);
    }
    struct netaddr older = numbered (2000);
    older.seen_s = 99;
    good_addresses_put (good, &older);
    assert_false (has (good, &older));
    struct netaddr newer = numbered (2001);
    newer.seen_s = 101;
    good_addresses_put (good, &newer);
    assert_true (has (good, &newer));
    struct netaddr forgotten = numbered (500);
    assert_false (has (good, &forgotten));
    assert_int_equal (good_addresses_count (good), GOOD_ADDRESSES_MAX);
}

static void
test_pick_is_of_different_ones_and_of_all_by_chance (void **state)
{
    struct good_addresses *good = *state;
    unsigned times[100] = {0};
    struct netaddr picked[25];

    for (unsigned i = 0; i < 100; i++) {
        struct netaddr netaddr = numbered (i);
        good_addresses_put (good, &netaddr);
    }
    for (uint64_t random = 0; random < 1000; random++) {
        bool seen[100] = {false};
        assert_int_equal (good_addresses_pick (good, false, random, picked, 25),
                          25);
        for (size_t i = 0; i < 25; i++) {
            assert_false (seen[picked[i].bytes[3]]);
            seen[picked[i].bytes[3]] = true;
            times[picked[i].bytes[3]]++;
        }
    }
    for (size_t i = 0; i < 100; i++) /* 250 is expected, 14 the deviation */
        assert_in_range (times[i], 170, 330);
}

static void
test_pick_of_addr_is_of_ip_addresses_only (void **state)
{
    struct good_addresses *good = *state;
    struct netaddr said[] = {netaddr_of (ONION ":1"), netaddr_of ("1.2.3.4:1"),
                             netaddr_of ("[2607::1]:1")};
    struct netaddr picked[3];

    for (size_t i = 0; i < 3; i++)
        good_addresses_put (good, &said[i]);
    assert_int_equal (good_addresses_pick (good, true, 1, picked, 3), 3);
    for (uint64_t random = 0; random < 20; random++) {
        assert_int_equal (good_addresses_pick (good, false, random, picked, 3),
                          2);
        for (size_t i = 0; i < 2; i++)
            assert_int_not_equal (picked[i].network, NETADDR_TORV3);
    }
}

static void
test_private_addresses_are_of_use_on_regtest_only (void **state)
{
    struct netaddr public = netaddr_of ("1.2.3.4:8643");
    struct netaddr private = netaddr_of ("127.0.0.1:8643");
    (void)state;

    assert_true (good_address_is_usable (NETWORK_MAIN, &public));
    assert_false (good_address_is_usable (NETWORK_MAIN, &private));
    assert_false (good_address_is_usable (NETWORK_SIGNET, &private));
    assert_true (good_address_is_usable (NETWORK_REGTEST, &private));
    public.port = 0;
    private.port = 0;
    assert_false (good_address_is_usable (NETWORK_MAIN, &public));
    assert_false (good_address_is_usable (NETWORK_REGTEST, &private));
}

int
main (void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown (name, good_create, good_destroy)
    const struct CMUnitTest tests[] = {
        TEST (test_address_that_is_put_twice_is_there_once_and_renewed),
        TEST (test_address_that_is_dropped_is_not_given_out),
        TEST (test_full_table_forgets_what_was_seen_longest_ago),
        TEST (test_pick_is_of_different_ones_and_of_all_by_chance),
        TEST (test_pick_of_addr_is_of_ip_addresses_only),
        TEST (test_private_addresses_are_of_use_on_regtest_only),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
