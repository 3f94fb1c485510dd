/* SPDX-License-Identifier: MIT */
/* registry_actor_test - the real registry; the test is ingress, and listens. */
#include "tests/support/actor_bench.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "actors/registry/store.h"

#define DIALS_MAX 32
#define GOVERNANCE (UINT64_C (1) << 29)

struct desk {
    struct bench bench;
    struct bench_stage *registry;
    struct link *ingress[2];
    struct link_peer *peer[2]; /* the registry, as each ingress sees it */
    char dials[DIALS_MAX][64];
    size_t dials_count;
    size_t automatic; /* of the dials */
    size_t bans;      /* heard */
    size_t goods;
    char ban[64]; /* the last one */
    int64_t ban_until_s;
    char good[64]; /* the last one */
    bool is_good;
};

static size_t
desk_place (const struct desk *desk, const struct link *link)
{
    return link == desk->ingress[1] ? 1 : 0;
}

static void
desk_up (void *self, struct link *link, struct link_peer *peer)
{
    struct desk *desk = self;
    desk->peer[desk_place (desk, link)] = peer;
}

static void
desk_down (void *self, struct link *link, struct link_peer *peer)
{
    struct desk *desk = self;
    (void)peer;
    desk->peer[desk_place (desk, link)] = NULL;
}

static void
desk_copy (char text[64], struct bytes bytes)
{
    snprintf (text, 64, "%.*s", (int)bytes.size, (const char *)bytes.data);
}

static enum link_use
desk_message (void *self, struct link *link, struct link_peer *peer,
              const struct link_message *message, size_t size)
{
    struct desk *desk = self;
    (void)link;
    (void)peer;
    (void)size;
    if (message->id == MESSAGE_BAN) {
        desk->bans++;
        desk->ban_until_s = message->ban.until_s;
        desk_copy (desk->ban, message->ban.address);
    } else if (message->id == MESSAGE_GOOD) {
        desk->goods++;
        desk->is_good = message->good.good;
        desk_copy (desk->good, message->good.address);
    } else {
        assert_int_equal (message->id, MESSAGE_DIAL);
        assert_true (desk->dials_count < DIALS_MAX);
        desk->automatic += message->dial.automatic;
        desk_copy (desk->dials[desk->dials_count++], message->dial.address);
    }
    return LINK_DONE;
}

static const struct link_handlers desk_handlers = {
    .up = desk_up, .down = desk_down, .message = desk_message};

static void
desk_ingress (struct desk *desk, size_t place, const char *name)
{
    desk->ingress[place] = bench_link (&desk->bench, LINK_PEERING, "ingress",
                                       name, &desk_handlers, desk);
    BENCH_WAIT (&desk->bench, desk->peer[place] != NULL);
}

static void
desk_start (struct desk *desk)
{
    desk->registry =
        bench_start (&desk->bench, registry_actor, "registry", "registry");
}

static int
desk_open_with (void **state, const char *const *options)
{
    struct desk *desk = calloc (1, sizeof *desk);
    assert_non_null (desk);
    *state = desk;
    bench_open (&desk->bench, BENCH_INPROC, options);
    CHECK_OK (mkdir (config_network_dir (desk->bench.config), 0700));
    desk_start (desk);
    return 0;
}

static int
desk_open (void **state)
{
    static const char *const options[] = {"node.network", "regtest",
                                          "node.peers",
                                          "192.0.2.1:1,192.0.2.2:2", NULL};
    return desk_open_with (state, options);
}

/* Nobody is configured, one automatic connection at a time, on mainnet. */
static int
desk_open_alone (void **state)
{
    static const char *const options[] = {
        "node.max_outbound", "1", "node.noban", "198.51.100.0/24", NULL};
    return desk_open_with (state, options);
}

static int
desk_open_with_seed (void **state)
{
    static const char *const options[] = {
        "node.max_outbound", "2", "node.seeds", "seed.example.com", NULL};
    return desk_open_with (state, options);
}

static int
desk_close (void **state)
{
    struct desk *desk = *state;
    bench_close (&desk->bench);
    free (desk);
    return 0;
}

/* Says MESSAGE to the registry, waiting for credit if need be. */
static void
tell (struct desk *desk, const struct link_message *message)
{
    int rc = link_send (desk->ingress[0], desk->peer[0], message);
    if (rc == -EAGAIN) {
        link_flush (desk->ingress[0]);
        BENCH_WAIT (&desk->bench,
                    (rc = link_send (desk->ingress[0], desk->peer[0], message))
                        != -EAGAIN);
    }
    CHECK_OK (rc);
}

static void
say (struct desk *desk, const struct link_peer_state *state)
{
    struct link_message message = {.id = MESSAGE_PEER, .peer = *state};
    tell (desk, &message);
    link_flush (desk->ingress[0]);
}

static void
say_offer (struct desk *desk, const char *address)
{
    struct link_message message = {
        .id = MESSAGE_OFFER,
        .offer = {.address = bytes_of_text (address),
                  .services = GOVERNANCE,
                  .seen_s = moment_unix_s (moment_now ()),
                  .group = 5}};
    tell (desk, &message);
    link_flush (desk->ingress[0]);
}

static void
say_points (struct desk *desk, const char *address, uint32_t points)
{
    struct link_message message = {
        .id = MESSAGE_POINTS,
        .points = {.address = bytes_of_text (address), .points = points}};
    tell (desk, &message);
    link_flush (desk->ingress[0]);
}

/* An automatic peer that has announced itself. */
static void
say_confirmed (struct desk *desk, const char *address)
{
    struct link_peer_state told = {.peer = 77,
                                   .state = PEER_SHAKEN,
                                   .address = bytes_of_text (address),
                                   .dialled = bytes_of_text (address),
                                   .outbound = true,
                                   .governance = true,
                                   .confirmed = true,
                                   .services = GOVERNANCE,
                                   .ping_us = -1};
    say (desk, &told);
}

static void
restart_ingress (struct desk *desk)
{
    bench_link_close (&desk->bench, &desk->ingress[0]);
    desk->peer[0] = NULL;
    desk_ingress (desk, 0, "ingress");
}

static void
say_dialled (struct desk *desk, uint64_t peer, const char *dialled,
             enum peer_state state)
{
    struct link_peer_state told = {.peer = peer,
                                   .state = state,
                                   .address = bytes_of_text (dialled),
                                   .dialled = bytes_of_text (dialled),
                                   .outbound = true,
                                   .ping_us = -1};
    say (desk, &told);
}

static int64_t
counter (struct desk *desk, const char *name)
{
    return bench_counter (&desk->bench, desk->registry, name);
}

#define UNTIL(condition) BENCH_WAIT (&desk->bench, condition)

static void
test_configured_peers_are_dialled (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    UNTIL (desk->dials_count == 2);
    assert_string_equal (desk->dials[0], "192.0.2.1:1");
    assert_string_equal (desk->dials[1], "192.0.2.2:2");
    assert_int_equal (counter (desk, "dials"), 2);
}

/* Ingress tells its peers first: what is there is not dialled. */
static void
test_peer_that_is_there_already_is_not_dialled (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    say_dialled (desk, 7, "192.0.2.1:1", PEER_SHAKEN);
    UNTIL (desk->dials_count == 1);
    assert_string_equal (desk->dials[0], "192.0.2.2:2");
    assert_int_equal (counter (desk, "configured_connected"), 1);
}

static void
test_peer_that_left_is_dialled_again (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    UNTIL (desk->dials_count == 2);
    say_dialled (desk, 0, "192.0.2.1:1", PEER_DIALLING);
    say_dialled (desk, 7, "192.0.2.1:1", PEER_CONNECTED);
    say_dialled (desk, 7, "192.0.2.1:1", PEER_SHAKEN);
    UNTIL (counter (desk, "configured_connected") == 1);
    say_dialled (desk, 7, "192.0.2.1:1", PEER_LEFT);
    UNTIL (desk->dials_count == 3);
    assert_string_equal (desk->dials[2], "192.0.2.1:1");
    assert_int_equal (counter (desk, "configured_connected"), 0);
    assert_int_equal (counter (desk, "left"), 1);
}

static void
test_restarted_ingress_is_told_all_dials_anew (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    UNTIL (desk->dials_count == 2);
    say_dialled (desk, 7, "192.0.2.1:1", PEER_SHAKEN);
    say_dialled (desk, 8, "192.0.2.2:2", PEER_SHAKEN);
    UNTIL (counter (desk, "configured_connected") == 2);
    bench_link_close (&desk->bench, &desk->ingress[0]);
    desk->peer[0] = NULL;
    desk_ingress (desk, 0, "ingress");
    UNTIL (desk->dials_count == 4);
}

static void
test_restarted_registry_dials_only_what_is_missing (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    UNTIL (desk->dials_count == 2);
    assert_int_equal (bench_stop (&desk->bench, desk->registry), 0);
    UNTIL (desk->peer[0] == NULL);
    desk->registry =
        bench_start (&desk->bench, registry_actor, "registry", "registry");
    UNTIL (desk->peer[0] != NULL);
    say_dialled (desk, 7, "192.0.2.1:1", PEER_SHAKEN);
    UNTIL (desk->dials_count == 3);
    assert_string_equal (desk->dials[2], "192.0.2.2:2");
}

static void
test_strangers_and_odd_reports_change_nothing (void **state)
{
    struct desk *desk = *state;
    char longest[LINK_ADDRESS_MAX + 1] = {0}, words[LINK_WORDS_MAX + 1] = {0};
    memset (longest, 'a', LINK_ADDRESS_MAX);
    memset (words, 'w', LINK_WORDS_MAX);
    desk_ingress (desk, 0, "ingress");
    UNTIL (desk->dials_count == 2);
    for (int i = 0; i < PEER_STATES_; i++) {
        struct link_peer_state told = {.peer = UINT64_MAX,
                                       .state = (enum peer_state)i,
                                       .address = bytes_of_text (longest),
                                       .user_agent = bytes_of_text ("/odd:1/"),
                                       .version = INT32_MIN,
                                       .services = UINT64_MAX,
                                       .ping_us = INT64_MAX,
                                       .connected_s = INT64_MIN,
                                       .clock_offset_s = INT64_MIN,
                                       .points = UINT32_MAX,
                                       .words = bytes_of_text (words)};
        say (desk, &told);
        told = (struct link_peer_state){.state = (enum peer_state)i};
        say (desk, &told);
        told.dialled = bytes_of_text ("192.0.2.1:10");
        say (desk, &told);
    }
    say_dialled (desk, 9, "192.0.2.2:2", PEER_SHAKEN);
    UNTIL (counter (desk, "configured_connected") == 1);
    assert_int_equal (desk->dials_count, 2);
}

static void
test_drained_registry_dials_nobody (void **state)
{
    struct desk *desk = *state;
    bench_tell (desk->registry, MESSAGE_DRAIN);
    UNTIL (desk->registry->drained);
    desk_ingress (desk, 0, "ingress");
    /* Past the time in which it would have dialled: a heartbeat or two. */
    struct instant until = instant_after (moment_now ().mono, SECOND_US);
    UNTIL (instant_reached (moment_now ().mono, until));
    assert_int_equal (desk->dials_count, 0);
}

static void
test_taken_link_is_loud (void **state)
{
    struct desk *desk = *state;
    struct bench_stage *second =
        bench_launch (&desk->bench, registry_actor, "registry", "registry");
    assert_int_equal (bench_join (&desk->bench, second), EADDRINUSE);
    assert_false (second->ready);
    assert_non_null (strstr (second->words, "link peering: cannot bind"));
}

static void
wait_a_second (struct desk *desk)
{
    struct instant until = instant_after (moment_now ().mono, SECOND_US);
    UNTIL (instant_reached (moment_now ().mono, until));
}

static void
restart_registry (struct desk *desk)
{
    assert_int_equal (bench_stop (&desk->bench, desk->registry), 0);
    UNTIL (desk->peer[0] == NULL);
    desk_start (desk);
    UNTIL (desk->peer[0] != NULL);
}

static void
test_hundred_points_are_a_ban_for_every_ingress (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress.0");
    desk_ingress (desk, 1, "ingress.1");
    say_points (desk, "203.0.113.1", 60);
    say_points (desk, "203.0.113.1", 60);
    UNTIL (desk->bans == 2);
    assert_string_equal (desk->ban, "203.0.113.1");
    assert_true (desk->ban_until_s
                 >= moment_unix_s (moment_now ()) + 86400 - 60);
    assert_int_equal (counter (desk, "discouraged"), 1);
    assert_int_equal (counter (desk, "unwelcome"), 1);
}

static void
test_loopback_and_noban_earn_nothing (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    say_points (desk, "127.0.0.1", 1000);
    say_points (desk, "198.51.100.7", 1000);
    say_points (desk, "fd00:1:2:3::/64", 1000);
    say_points (desk, "no address", 1000);
    say_points (desk, "203.0.113.1", 1000);
    UNTIL (desk->bans == 1);
    assert_string_equal (desk->ban, "203.0.113.1");
    assert_int_equal (counter (desk, "discouraged"), 1);
}

static void
test_restarted_ingress_is_told_all_bans_and_goods_anew (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    say_points (desk, "203.0.113.1", 100);
    say_points (desk, "2001:db8:0:1::/64", 100);
    say_confirmed (desk, "203.0.114.1:8643");
    UNTIL (desk->bans == 2 && desk->goods == 1);
    restart_ingress (desk);
    UNTIL (desk->bans == 4 && desk->goods == 2);
    assert_string_equal (desk->ban, "2001:db8:0:1::/64");
    assert_string_equal (desk->good, "203.0.114.1:8643");
    assert_true (desk->is_good);
}

/* 10,000 bans are more than the credit of the link. */
static void
test_bans_beyond_the_credit_follow (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    for (unsigned i = 0; i < 10000; i++) {
        char text[32];
        snprintf (text, sizeof text, "203.%u.%u.200", i / 256, i % 256);
        say_points (desk, text, 100);
    }
    UNTIL (desk->bans == 10000);
    restart_ingress (desk);
    UNTIL (desk->bans == 20000);
}

static void
test_offer_is_dialled_automatically (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    say_offer (desk, "203.0.113.1:8643");
    UNTIL (desk->dials_count == 1);
    assert_string_equal (desk->dials[0], "203.0.113.1:8643");
    assert_int_equal (desk->automatic, 1);
    assert_int_equal (counter (desk, "automatic"), 1);
}

static void
test_configured_peer_is_not_dialled_automatically (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    say_offer (desk, "192.0.2.1:1");
    say_offer (desk, "203.0.113.1:8643");
    UNTIL (desk->dials_count == 3);
    assert_string_equal (desk->dials[2], "203.0.113.1:8643");
    wait_a_second (desk);
    assert_int_equal (desk->automatic, 1);
}

static void
test_odd_offers_are_not_kept (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    struct link_message other = {
        .id = MESSAGE_OFFER,
        .offer = {.address = bytes_of_text ("203.0.113.9:8643"),
                  .services = 1,
                  .seen_s = INT64_MAX}};
    tell (desk, &other);
    say_offer (desk, "10.0.0.1:8643");
    say_offer (desk, "127.0.0.1:8643");
    say_offer (desk, "[fe80::1]:8643");
    say_offer (desk, "seed.example.com:8643");
    say_offer (desk, "");
    UNTIL (counter (desk, "offers") == 6);
    assert_int_equal (counter (desk, "addresses_new"), 0);
}

static void
test_no_more_than_max_outbound_are_dialled (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    for (int i = 0; i < 20; i++) {
        char text[32];
        snprintf (text, sizeof text, "203.%d.113.1:8643", i);
        say_offer (desk, text);
    }
    UNTIL (desk->dials_count == 1);
    say_dialled (desk, 7, desk->dials[0], PEER_SHAKEN);
    wait_a_second (desk);
    assert_int_equal (desk->dials_count, 1);

    restart_registry (desk); /* it is told who is there */
    say_dialled (desk, 7, desk->dials[0], PEER_SHAKEN);
    wait_a_second (desk);
    assert_int_equal (desk->dials_count, 1);

    say_dialled (desk, 7, desk->dials[0], PEER_LEFT);
    UNTIL (desk->dials_count == 2);
    assert_string_not_equal (desk->dials[0], desk->dials[1]);
}

static void
test_discouraged_address_is_never_dialled (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    say_offer (desk, "203.0.113.1:8643"); /* before */
    say_points (desk, "203.0.113.1", 100);
    say_points (desk, "203.0.113.2", 100);
    say_offer (desk, "203.0.113.2:8643"); /* after */
    UNTIL (desk->bans == 2);
    wait_a_second (desk);
    assert_int_equal (desk->dials_count, 0);
    say_offer (desk, "203.0.113.3:8643");
    UNTIL (desk->dials_count == 1);
    assert_string_equal (desk->dials[0], "203.0.113.3:8643");
}

static void
test_confirmed_peer_is_good_until_it_misbehaves (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    say_confirmed (desk, "203.0.113.1:8643");
    UNTIL (desk->goods == 1);
    assert_true (desk->is_good);
    assert_int_equal (counter (desk, "addresses_tried"), 1);
    say_points (desk, "203.0.113.1", 100);
    UNTIL (desk->goods == 2);
    assert_string_equal (desk->good, "203.0.113.1:8643");
    assert_false (desk->is_good);
}

static void
test_book_and_bans_survive_a_restart (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    say_points (desk, "203.0.113.1", 100);
    say_offer (desk, "203.1.113.1:8643");
    say_offer (desk, "203.2.113.1:8643");
    UNTIL (desk->dials_count == 1 && desk->bans == 1);
    restart_registry (desk);
    UNTIL (desk->dials_count == 2 && desk->bans == 2);
    assert_string_equal (desk->ban, "203.0.113.1");
    assert_string_not_equal (desk->dials[0], desk->dials[1]);
}

/* Stops the registry and returns the one row that it has kept. */
static struct addrbook_row
kept_row (struct desk *desk)
{
    char path[STORE_PATH_MAX];
    struct store *store = NULL;
    size_t slot = 0;
    bool replaced;
    int64_t now_s = moment_unix_s (moment_now ());

    assert_int_equal (bench_stop (&desk->bench, desk->registry), 0);
    snprintf (path, sizeof path, "%s/registry.db",
              config_network_dir (desk->bench.config));
    CHECK_OK (store_open (path, now_s, &store, &replaced));
    struct addrbook *book = addrbook_create (store_key (store));
    struct standing *standing = standing_create (NULL, 0, store_key (store));
    CHECK_OK (store_load (store, book, standing, now_s));
    assert_true (addrbook_changed (book, 0, &slot));
    struct addrbook_row row = *addrbook_at (book, slot);
    addrbook_destroy (&book);
    standing_destroy (&standing);
    store_close (&store);
    return row;
}

static void
test_unconfirmed_peer_is_put_off_for_a_week (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    say_offer (desk, "203.0.113.1:8643");
    UNTIL (desk->dials_count == 1);
    say_dialled (desk, 7, "203.0.113.1:8643", PEER_SHAKEN);
    struct link_peer_state told = {.peer = 7,
                                   .state = PEER_LEFT,
                                   .dialled = bytes_of_text (desk->dials[0]),
                                   .outbound = true,
                                   .words = bytes_of_text ("unconfirmed")};
    say (desk, &told);
    UNTIL (counter (desk, "left") == 1);
    assert_int_equal (counter (desk, "automatic"), 0);
    struct addrbook_row row = kept_row (desk);
    int64_t off_s = row.put_off_s - moment_unix_s (moment_now ());
    assert_true (off_s > 7 * 86400 - 60 && off_s <= 7 * 86400);
    assert_int_equal (row.failures, 0);
}

static void
test_failed_dial_is_noted (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    say_offer (desk, "203.0.113.1:8643");
    UNTIL (desk->dials_count == 1);
    say_dialled (desk, 0, "203.0.113.1:8643", PEER_DIALLING);
    say_dialled (desk, 0, "203.0.113.1:8643", PEER_LEFT);
    UNTIL (counter (desk, "left") == 1);
    assert_int_equal (kept_row (desk).failures, 1);
}

static void
test_seed_is_dialled_while_the_book_is_empty (void **state)
{
    struct desk *desk = *state;
    desk_ingress (desk, 0, "ingress");
    UNTIL (desk->dials_count == 1);
    assert_string_equal (desk->dials[0], "seed.example.com:8643");
    assert_int_equal (desk->automatic, 1);
    say_dialled (desk, 0, desk->dials[0], PEER_LEFT);
    say_offer (desk, "203.0.113.1:8643");
    UNTIL (desk->dials_count == 2);
    assert_string_equal (desk->dials[1], "203.0.113.1:8643");
    wait_a_second (desk);
    wait_a_second (desk); /* past its back-off: there is somebody to ask */
    assert_int_equal (desk->dials_count, 2);
}

static void
test_flood_of_offers_from_one_source_is_bounded (void **state)
{
    struct desk *desk = *state;
    struct link_message message = {
        .id = MESSAGE_OFFER,
        .offer = {.services = GOVERNANCE,
                  .seen_s = moment_unix_s (moment_now ()),
                  .group = 5}};
    desk_ingress (desk, 0, "ingress");
    for (unsigned i = 0; i < 100000; i++) {
        char text[32];
        snprintf (text, sizeof text, "203.%u.%u.%u:8643", i % 256,
                  i / 256 % 256, i / 65536 + 1);
        message.offer.address = bytes_of_text (text);
        tell (desk, &message);
    }
    link_flush (desk->ingress[0]);
    UNTIL (counter (desk, "offers") == 100000);
    assert_in_range (counter (desk, "addresses_new"), 1, ADDRBOOK_NEW / 16);
}

static void
execute (const char *path, const char *sql)
{
    sqlite3 *sqlite;
    assert_int_equal (sqlite3_open (path, &sqlite), SQLITE_OK);
    assert_int_equal (sqlite3_exec (sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close (sqlite);
}

static void
test_later_database_is_refused_and_a_damaged_one_set_aside (void **state)
{
    struct desk *desk = *state;
    char path[STORE_PATH_MAX];
    snprintf (path, sizeof path, "%s/registry.db",
              config_network_dir (desk->bench.config));
    assert_int_equal (bench_stop (&desk->bench, desk->registry), 0);
    execute (path, "PRAGMA user_version = 99");
    struct bench_stage *later =
        bench_launch (&desk->bench, registry_actor, "registry", "registry");
    assert_int_equal (bench_join (&desk->bench, later), ENOTSUP);
    assert_non_null (strstr (later->words, "later"));

    execute (path, "PRAGMA user_version = 1; DROP TABLE bans;"
                   "CREATE TABLE bans (x)");
    desk_start (desk);
    assert_true (bench_logged (&desk->bench, "REGISTRY-DAMAGED"));
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
#define ALONE(name)                                                            \
    cmocka_unit_test_setup_teardown (name, desk_open_alone, desk_close)
#define SEED(name)                                                             \
    cmocka_unit_test_setup_teardown (name, desk_open_with_seed, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_configured_peers_are_dialled),
        TEST (test_peer_that_is_there_already_is_not_dialled),
        TEST (test_peer_that_left_is_dialled_again),
        TEST (test_restarted_ingress_is_told_all_dials_anew),
        TEST (test_restarted_registry_dials_only_what_is_missing),
        TEST (test_strangers_and_odd_reports_change_nothing),
        TEST (test_drained_registry_dials_nobody),
        TEST (test_taken_link_is_loud),
        ALONE (test_hundred_points_are_a_ban_for_every_ingress),
        ALONE (test_loopback_and_noban_earn_nothing),
        ALONE (test_restarted_ingress_is_told_all_bans_and_goods_anew),
        ALONE (test_bans_beyond_the_credit_follow),
        ALONE (test_offer_is_dialled_automatically),
        TEST (test_configured_peer_is_not_dialled_automatically),
        ALONE (test_odd_offers_are_not_kept),
        ALONE (test_no_more_than_max_outbound_are_dialled),
        ALONE (test_discouraged_address_is_never_dialled),
        ALONE (test_confirmed_peer_is_good_until_it_misbehaves),
        ALONE (test_book_and_bans_survive_a_restart),
        ALONE (test_unconfirmed_peer_is_put_off_for_a_week),
        ALONE (test_failed_dial_is_noted),
        SEED (test_seed_is_dialled_while_the_book_is_empty),
        ALONE (test_flood_of_offers_from_one_source_is_bounded),
        ALONE (test_later_database_is_refused_and_a_damaged_one_set_aside),
    };
    zsys_handler_set (NULL);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
