/* SPDX-License-Identifier: MIT */
/* ingress_addresses_test - what the real edge makes of addresses: it offers
 * what peers tell, and tells what the registry calls good.
 */
#include "ingress_fixture.h"

#include "messages/bitcoin/netaddr.h"

#define SEEN_S 1764361549
#define ONION "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"

static struct netaddr
netaddr_of (const char *text, uint64_t services)
{
    struct netaddr netaddr;
    CHECK_OK (netaddr_from_text (bytes_of_text (text), &netaddr));
    netaddr.services = services;
    netaddr.seen_s = SEEN_S;
    return netaddr;
}

static void
client_say_addresses (struct client *client, const struct netaddr *netaddrs,
                      size_t count, bool addrv2)
{
    static uint8_t payload[NETADDR_ADDRV2_ROOM (NETADDR_MAX)];
    size_t size =
        netaddr_encode (netaddrs, count, addrv2, payload, sizeof payload);
    client_say (client, addrv2 ? "addrv2" : "addr", bytes_of (payload, size));
}

static void
say_good (struct desk *desk, const char *address, bool is_good)
{
    struct link_message message = {.id = MESSAGE_GOOD,
                                   .good = {.address = bytes_of_text (address),
                                            .services = NODE_GOVERNANCE,
                                            .seen_s = SEEN_S,
                                            .good = is_good}};
    CHECK_OK (link_send (desk->registry, desk->registry_ingress, &message));
    link_flush (desk->registry);
}

static uint64_t
counter (struct desk *desk, const char *name)
{
    return (uint64_t)bench_counter (&desk->bench, desk->ingress, name);
}

static void
count_entry (void *self, const struct netaddr *netaddr)
{
    size_t *count = self;
    (void)netaddr;
    (*count)++;
}

/* Returns how many entries the last addr or addrv2 had that CLIENT heard. */
static size_t
client_entries (const struct client *client, bool addrv2)
{
    size_t count = 0;
    CHECK_OK (
        netaddr_decode (bytes_of (client->addresses, client->addresses_size),
                        addrv2, count_entry, &count));
    return count;
}

/* A peer of which the registry has heard: so the link is up at both ends. */
static struct client *
desk_teller (struct desk *desk, size_t place)
{
    struct client *client = desk_client (desk, place);
    UNTIL (desk->states[PEER_SHAKEN] > place);
    return client;
}

/* A peer that says before its verack that it wants addrv2. */
static struct client *
desk_client_v2 (struct desk *desk, size_t place)
{
    struct client *client = &desk->clients[place];
    size_t before = desk->ready_count;
    client_connect (client, &desk->bench, desk->port);
    client_say_version (client);
    client_say (client, "sendaddrv2", (struct bytes){0});
    client_say (client, "verack", (struct bytes){0});
    client_barrier (client);
    UNTIL (desk->ready_count == before + 1);
    return client;
}

/* A host of the test's own that the edge has dialled and shaken hands with;
 * FEATURE: it is governance-enabled. */
static struct client *
desk_dialled (struct desk *desk, bool feature)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl (INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    struct client *client = &desk->clients[0];
    char text[64];
    int fd = -1;

    desk->listener =
        socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK_OK (bind (desk->listener, (struct sockaddr *)&address, size));
    CHECK_OK (listen (desk->listener, 4));
    CHECK_OK (getsockname (desk->listener, (struct sockaddr *)&address, &size));
    bench_watch (&desk->bench, desk->listener);
    snprintf (text, sizeof text, "127.0.0.1:%u", ntohs (address.sin_port));
    dial (desk, text);
    UNTIL ((fd = accept4 (desk->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    bench_unwatch (&desk->bench, desk->listener);
    client_take (client, fd, &desk->bench);
    if (feature) {
        client_shake (client);
    } else {
        client_say_version (client);
        client_say (client, "verack", (struct bytes){0});
        client_barrier (client);
    }
    UNTIL (desk->ready_count == 1);
    return client;
}

/*~ Told. */

/* PROTOCOL 1.10: "those entries whose services have the governance bit" */
static void
test_told_addresses_with_the_bit_are_offered_and_no_others (void **state)
{
    struct desk *desk = *state;
    struct client *client = desk_teller (desk, 0);
    struct netaddr told[] = {
        netaddr_of ("1.2.3.4:8643", NODE_GOVERNANCE | 1),
        netaddr_of ("1.2.3.5:8333", 1 | 8 | 1024),
        netaddr_of ("[2607::9]:1", NODE_GOVERNANCE),
        netaddr_of (ONION ":8643", NODE_GOVERNANCE),
        netaddr_of ("1.2.3.6:8333", 0),
    };
    struct netaddr odd[] = {
        {.network = NETADDR_I2P, .port = 1, .services = NODE_GOVERNANCE},
        {.network = NETADDR_IPV4,
         .bytes = {1, 2, 3, 7}, /* port 0 */
         .services = NODE_GOVERNANCE},
    };

    client_say_addresses (client, told, ARRAY_SIZE (told), false);
    UNTIL (desk->offers_count == 2);
    assert_string_equal (desk->told[0], "1.2.3.4:8643");
    assert_int_equal (desk->offers[0].services, NODE_GOVERNANCE | 1);
    assert_int_equal (desk->offers[0].seen_s, SEEN_S);
    assert_string_equal (desk->told[1], "[2607::9]:1");

    client_say_addresses (client, odd, ARRAY_SIZE (odd), true);
    client_say_addresses (client, told, ARRAY_SIZE (told), true);
    UNTIL (desk->offers_count == 5);
    assert_string_equal (desk->told[2], "1.2.3.4:8643");
    assert_string_equal (desk->told[3], "[2607::9]:1");
    assert_string_equal (desk->told[4], ONION ":8643");
    assert_int_equal (counter (desk, "addresses_told"), 4 + 2 + 5);
    assert_int_equal (counter (desk, "addresses_offered"), 5);
}

static void
test_flood_of_addresses_is_offered_a_hundred_of_per_peer (void **state)
{
    static struct netaddr told[NETADDR_MAX];
    struct desk *desk = *state;

    for (size_t i = 0; i < NETADDR_MAX; i++) {
        told[i] = netaddr_of ("1.2.3.4:8643", NODE_GOVERNANCE);
        told[i].bytes[3] = (uint8_t)i;
    }
    for (size_t place = 0; place < 2; place++) {
        struct client *client = desk_teller (desk, place);
        for (size_t i = 0; i < 10; i++)
            client_say_addresses (client, told, NETADDR_MAX, i % 2);
        client_barrier (client);
        assert_int_equal (counter (desk, "addresses_told"),
                          10 * NETADDR_MAX * (place + 1));
        UNTIL (desk->offers_count == 100 * (place + 1));
    }
    assert_int_equal (counter (desk, "addresses_offered"), 200);
}

/* However many peers tell addresses to a registry that is slow, it hears at
 * once of who is there. */
static void
test_offers_leave_credit_for_the_state_of_peers (void **state)
{
    struct desk *desk = *state;
    struct client *client = &desk->clients[0];
    struct netaddr told[100];

    for (size_t i = 0; i < 100; i++)
        told[i] = netaddr_of (ONION ":8643", NODE_GOVERNANCE);
    desk->holds_offers = true;
    for (size_t i = 0; i < 20; i++) {
        desk_teller (desk, 0);
        client_say_addresses (client, told, 100, true);
        client_barrier (client);
        client_close (client);
        UNTIL (desk->states[PEER_LEFT] == i + 1);
    }
    assert_int_equal (counter (desk, "addresses_told"), 2000);
    assert_in_range (counter (desk, "addresses_offered"), 1000, 1900);
    size_t before = desk->states[PEER_SHAKEN];
    desk_client (desk, 1);
    UNTIL (desk->states[PEER_SHAKEN] > before);
}

static void
test_malformed_addresses_are_dropped_and_the_peer_stays (void **state)
{
    struct desk *desk = *state;
    struct client *client = desk_teller (desk, 0);
    struct netaddr good = netaddr_of ("1.2.3.4:8643", NODE_GOVERNANCE);
    uint8_t payload[NETADDR_ADDRV2_ROOM (1)];

    size_t size = netaddr_encode (&good, 1, true, payload, sizeof payload);
    payload[0]++; /* a second entry, which is not there */
    client_say (client, "addrv2", bytes_of (payload, size));
    client_say (client, "addr", bytes_of (payload, 1));
    client_barrier (client);
    client_say_addresses (client, &good, 1, true);
    UNTIL (desk->offers_count == 1);
    assert_int_equal (counter (desk, "addresses_told"), 1);
}

static void
test_without_a_registry_addresses_are_let_go (void **state)
{
    struct desk *desk = *state;
    struct client *client = desk_teller (desk, 0);
    struct netaddr good = netaddr_of ("1.2.3.4:8643", NODE_GOVERNANCE);

    bench_link_close (&desk->bench, &desk->registry);
    desk->registry_ingress = NULL;
    client_say_addresses (client, &good, 1, true);
    client_barrier (client);
    desk->states[PEER_SHAKEN] = 0;
    desk_registry (desk);
    UNTIL (desk->states[PEER_SHAKEN] == 1);
    client_say_addresses (client, &good, 1, true);
    UNTIL (desk->offers_count == 1);
}

/*~ Asked. */

static void
test_getaddr_is_answered_once_with_good_addresses_in_both_forms (void **state)
{
    struct desk *desk = *state;
    struct client *old = desk_client (desk, 0);
    struct client *new = desk_client_v2 (desk, 1);

    say_good (desk, "1.2.3.4:8643", true);
    say_good (desk, "[2607::9]:1", true);
    say_good (desk, "1.2.3.9:1", true);
    say_good (desk, ONION ":8643", true);
    say_good (desk, "relay.example.com:8643", true); /* cannot be said */
    say_good (desk, "1.2.3.9:1", false);
    UNTIL (counter (desk, "addresses_good") == 3);
    for (size_t i = 0; i < 3; i++) {
        client_say (old, "getaddr", (struct bytes){0});
        client_say (new, "getaddr", (struct bytes){0});
        client_barrier (old);
        client_barrier (new);
    }
    assert_int_equal (old->heard[FRAME_ADDR], 1);
    assert_int_equal (old->heard[FRAME_ADDRV2], 0);
    assert_int_equal (client_entries (old, false), 2);
    assert_int_equal (new->heard[FRAME_ADDR], 0);
    assert_int_equal (new->heard[FRAME_ADDRV2], 1);
    assert_int_equal (client_entries (new, true), 3);
    assert_int_equal (counter (desk, "addresses_given"), 5);
}

static void
test_answer_has_at_most_250_addresses (void **state)
{
    struct desk *desk = *state;
    struct client *client = desk_client_v2 (desk, 0);
    char text[64];

    for (unsigned i = 0; i < 300; i++) {
        snprintf (text, sizeof text, "1.2.%u.%u:8643", i / 256, i % 256);
        say_good (desk, text, true);
    }
    UNTIL (counter (desk, "addresses_good") == 300);
    client_say (client, "getaddr", (struct bytes){0});
    client_barrier (client);
    assert_int_equal (client->heard[FRAME_ADDRV2], 1);
    assert_int_equal (client_entries (client, true), 250);
}

/* What one peer tells is not told to another before the registry says so. */
static void
test_hearsay_is_not_given_out (void **state)
{
    struct desk *desk = *state;
    struct client *client = desk_teller (desk, 0);
    struct client *other = desk_client (desk, 1);
    struct netaddr told = netaddr_of ("1.2.3.4:8643", NODE_GOVERNANCE);

    client_say_addresses (client, &told, 1, false);
    UNTIL (desk->offers_count == 1);
    client_say (other, "getaddr", (struct bytes){0});
    client_barrier (other);
    assert_int_equal (other->heard[FRAME_ADDR], 0);
}

static void
test_restarted_registry_says_anew_what_is_good (void **state)
{
    struct desk *desk = *state;

    say_good (desk, "1.2.3.4:8643", true);
    UNTIL (counter (desk, "addresses_good") == 1);
    bench_link_close (&desk->bench, &desk->registry);
    desk->registry_ingress = NULL;
    desk_registry (desk);
    say_good (desk, "1.2.3.5:8643", true);
    say_good (desk, "1.2.3.6:8643", true);
    UNTIL (counter (desk, "addresses_good") == 2);
    struct client *client = desk_client (desk, 0);
    client_say (client, "getaddr", (struct bytes){0});
    client_barrier (client);
    assert_int_equal (client_entries (client, false), 2);
}

/*~ Outbound. */

static void
test_governance_peer_that_we_dialled_is_asked_once (void **state)
{
    struct desk *desk = *state;
    struct client *client = desk_dialled (desk, true);
    struct netaddr told = netaddr_of ("1.2.3.4:8643", NODE_GOVERNANCE);

    UNTIL (client_hear (client) && client->heard[FRAME_GETADDR] == 1);
    client_say_addresses (client, &told, 1, true);
    UNTIL (desk->offers_count == 1);
    client_barrier (client);
    assert_int_equal (client->heard[FRAME_GETADDR], 1);
}

static void
test_other_peers_are_not_asked (void **state)
{
    struct desk *desk = *state;
    struct client *dialled = desk_dialled (desk, false);
    struct client *inbound = desk_client (desk, 1);

    client_barrier (dialled);
    client_barrier (inbound);
    assert_int_equal (dialled->heard[FRAME_VERACK], 1);
    assert_int_equal (dialled->heard[FRAME_GETADDR], 0);
    assert_int_equal (inbound->heard[FRAME_GETADDR], 0);
}

static void
test_getaddr_of_whoever_we_dialled_is_not_answered (void **state)
{
    struct desk *desk = *state;
    struct client *client = desk_dialled (desk, true);

    say_good (desk, "1.2.3.4:8643", true);
    UNTIL (counter (desk, "addresses_good") == 1);
    client_say (client, "getaddr", (struct bytes){0});
    client_barrier (client);
    assert_int_equal (client->heard[FRAME_ADDR], 0);
    assert_int_equal (client->heard[FRAME_ADDRV2], 0);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_told_addresses_with_the_bit_are_offered_and_no_others),
        TEST (test_flood_of_addresses_is_offered_a_hundred_of_per_peer),
        TEST (test_offers_leave_credit_for_the_state_of_peers),
        TEST (test_malformed_addresses_are_dropped_and_the_peer_stays),
        TEST (test_without_a_registry_addresses_are_let_go),
        TEST (test_getaddr_is_answered_once_with_good_addresses_in_both_forms),
        TEST (test_answer_has_at_most_250_addresses),
        TEST (test_hearsay_is_not_given_out),
        TEST (test_restarted_registry_says_anew_what_is_good),
        TEST (test_governance_peer_that_we_dialled_is_asked_once),
        TEST (test_other_peers_are_not_asked),
        TEST (test_getaddr_of_whoever_we_dialled_is_not_answered),
    };
    zsys_handler_set (NULL);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
