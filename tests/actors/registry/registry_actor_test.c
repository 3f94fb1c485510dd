/* SPDX-License-Identifier: MIT */
/* registry_actor_test - the real registry; the test is ingress, and listens. */
#include "tests/support/actor_bench.h"

#include <stdlib.h>

#define DIALS_MAX 32

struct desk {
    struct bench bench;
    struct bench_stage *registry;
    struct link *ingress[2];
    struct link_peer *peer[2]; /* the registry, as each ingress sees it */
    char dials[DIALS_MAX][64];
    size_t dials_count;
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

static enum link_use
desk_message (void *self, struct link *link, struct link_peer *peer,
              const struct link_message *message, size_t size)
{
    struct desk *desk = self;
    (void)link;
    (void)peer;
    (void)size;
    assert_int_equal (message->id, MESSAGE_DIAL);
    assert_true (desk->dials_count < DIALS_MAX);
    snprintf (desk->dials[desk->dials_count++], 64, "%.*s",
              (int)message->dial.address.size,
              (const char *)message->dial.address.data);
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

static int
desk_open_with (void **state, const char *peers)
{
    struct desk *desk = calloc (1, sizeof *desk);
    const char *const options[] = {"node.network", "regtest", "node.peers",
                                   peers, NULL};
    assert_non_null (desk);
    *state = desk;
    bench_open (&desk->bench, BENCH_INPROC, options);
    desk->registry =
        bench_start (&desk->bench, registry_actor, "registry", "registry");
    return 0;
}

static int
desk_open (void **state)
{
    return desk_open_with (state, "192.0.2.1:1,192.0.2.2:2");
}

static int
desk_close (void **state)
{
    struct desk *desk = *state;
    bench_close (&desk->bench);
    free (desk);
    return 0;
}

static void
say (struct desk *desk, const struct link_peer_state *state)
{
    struct link_message message = {.id = MESSAGE_PEER, .peer = *state};
    CHECK_OK (link_send (desk->ingress[0], desk->peer[0], &message));
    link_flush (desk->ingress[0]);
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

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_configured_peers_are_dialled),
        TEST (test_peer_that_is_there_already_is_not_dialled),
        TEST (test_peer_that_left_is_dialled_again),
        TEST (test_restarted_ingress_is_told_all_dials_anew),
        TEST (test_restarted_registry_dials_only_what_is_missing),
        TEST (test_strangers_and_odd_reports_change_nothing),
        TEST (test_drained_registry_dials_nobody),
        TEST (test_taken_link_is_loud),
    };
    zsys_handler_set (NULL);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
