/* SPDX-License-Identifier: MIT */
/* tool_tap_test - `govrelay tap`: lines for people and for programs, gaps,
 * and a tap that is not there. */
#include <czmq.h>

#include "messages/bitcoin/little_endian.h"
#include "tool_support.h"
#include "tools/tap_view.h"

#define TIME_US "1764361549123456"
#define GOV_ID                                                                 \
    "74771e3686ee271bd1a5abc91098dbd85afb5ee7eb56be84e2f24f3c45d36357"
#define BODY                                                                   \
    "{\"time\":" TIME_US ",\"stage\":\"dedup\",\"event\":\"accepted\","        \
    "\"command\":\"econveto\",\"gov_id\":\"" GOV_ID "\","                      \
    "\"verdict\":\"accepted\",\"message\":\"{}\",\"us\":17}"

/* A view whose two streams are in memory. */
struct screen {
    struct tap_view *view;
    FILE *output, *errors;
    char *output_text, *errors_text;
    size_t output_size, errors_size;
};

static struct screen *
screen_open (bool json, bool colour, const char *const *topics, size_t count)
{
    struct screen *screen = calloc (1, sizeof *screen);

    assert_non_null (screen);
    screen->output =
        open_memstream (&screen->output_text, &screen->output_size);
    screen->errors =
        open_memstream (&screen->errors_text, &screen->errors_size);
    screen->view =
        tap_view_create (&(struct tap_view_options){.output = screen->output,
                                                    .errors = screen->errors,
                                                    .json = json,
                                                    .colour = colour,
                                                    .topics = topics,
                                                    .topics_count = count});
    assert_non_null (screen->view);
    return screen;
}

static void
screen_close (struct screen *screen)
{
    tap_view_destroy (&screen->view);
    (void)fclose (screen->output);
    (void)fclose (screen->errors);
    free (screen->output_text);
    free (screen->errors_text);
    free (screen);
}

static enum tap_sight
screen_show (struct screen *screen, const char *topic, const char *body,
             uint32_t number)
{
    uint8_t sequence[4];

    little_endian_write (sequence, 4, number);
    enum tap_sight sight =
        tap_view_show (screen->view, bytes_of_text (topic),
                       bytes_of_text (body), bytes_of (sequence, 4));
    (void)fflush (screen->output);
    (void)fflush (screen->errors);
    return sight;
}

static void
test_event_is_a_line_of_columns (void **state)
{
    struct screen *screen = screen_open (false, false, NULL, 0);

    (void)state;
    screen_show (screen, "dedup.accepted.econveto", BODY, 1);
    assert_string_equal (screen->output_text,
                         "20:25:49.123  dedup.accepted.econveto       "
                         "74771e3686ee  accepted       us=17  2B\n");
    assert_string_equal (screen->errors_text, "");
    screen_close (screen);
}

static void
test_columns_stand_below_each_other (void **state)
{
    struct screen *screen = screen_open (false, false, NULL, 0);

    (void)state;
    screen_show (screen, "dedup.accepted.econveto", BODY, 1);
    size_t size = screen->output_size;
    screen_show (screen, "registry.peer.banned",
                 "{\"subject\":\"1.2.3.4\",\"reason\":\"points\"}", 1);
    assert_string_equal (screen->output_text + size,
                         "-             registry.peer.banned          "
                         "-             -              points  "
                         "subject=1.2.3.4\n");
    screen_close (screen);
}

static void
test_colour_is_only_used_where_it_is_wanted (void **state)
{
    struct screen *screen = screen_open (false, true, NULL, 0);

    (void)state;
    screen_show (screen, "verifier.rejected.econfork", "{}", 1);
    assert_non_null (strstr (screen->output_text, "\033[31mverifier"));
    screen_close (screen);
}

static void
test_text_of_a_peer_stays_text (void **state)
{
    static const char body[] =
        "{\"reason\":\"a\\u001b[2J\\nb\",\"gov_id\":\"\\u001b\","
        "\"k\\u001b\":\"v\\u202e\",\"time\":-5}";
    struct screen *screen = screen_open (false, true, NULL, 0);
    struct screen *json = screen_open (true, false, NULL, 0);

    (void)state;
    screen_show (screen, "registry.peer.left", body, 1);
    screen_show (json, "registry.peer.left", body, 1);
    assert_null (strchr (screen->output_text, '\033'));
    assert_null (strchr (json->output_text, '\033'));
    assert_ptr_equal (strchr (screen->output_text, '\n'),
                      screen->output_text + screen->output_size - 1);
    screen_close (screen);
    screen_close (json);
}

static void
test_json_line_holds_topic_number_and_body (void **state)
{
    struct screen *screen = screen_open (true, false, NULL, 0);

    (void)state;
    screen_show (screen, "dedup.accepted.econveto", "{\"a\":1,\"topic\":\"x\"}",
                 UINT32_MAX);
    assert_string_equal (screen->output_text,
                         "{\"topic\":\"dedup.accepted.econveto\","
                         "\"sequence\":4294967295,\"a\":1}\n");
    screen_close (screen);
}

static void
test_gap_in_the_numbers_is_said (void **state)
{
    struct screen *screen = screen_open (true, false, NULL, 0);

    (void)state;
    screen_show (screen, "dedup.accepted.econveto", "{}", 5);
    screen_show (screen, "dedup.accepted.econfork", "{}", 9);
    screen_show (screen, "dedup.accepted.econveto", "{}", 6);
    assert_string_equal (screen->errors_text, "");
    screen_show (screen, "dedup.accepted.econveto", "{}", 9);
    assert_string_equal (screen->errors_text,
                         "govrelay tap: 2 of dedup.accepted.econveto lost "
                         "before number 9\n");
    screen_close (screen);
}

static void
test_numbers_that_wrap_around_are_no_gap (void **state)
{
    struct screen *screen = screen_open (true, false, NULL, 0);

    (void)state;
    screen_show (screen, "dedup.accepted.econveto", "{}", UINT32_MAX);
    screen_show (screen, "dedup.accepted.econveto", "{}", 0);
    assert_string_equal (screen->errors_text, "");
    screen_close (screen);
}

static void
test_numbers_that_begin_anew_are_a_restart (void **state)
{
    struct screen *screen = screen_open (true, false, NULL, 0);

    (void)state;
    screen_show (screen, "dedup.accepted.econveto", "{}", 500);
    screen_show (screen, "dedup.accepted.econveto", "{}", 1);
    assert_non_null (strstr (screen->errors_text, "restarted"));
    screen_close (screen);
}

static void
test_tick_shows_what_was_lost_last (void **state)
{
    static const char *const topics[] = {"dedup"};
    struct screen *screen = screen_open (true, false, topics, 1);

    (void)state;
    screen_show (screen, "dedup.accepted.econveto", "{}", 1);
    assert_int_equal (
        screen_show (screen, "tap.tick",
                     "{\"sequences\":{\"dedup.accepted.econveto\":1,"
                     "\"ingress.frame.econveto\":3}}",
                     1),
        TAP_TICK);
    assert_string_equal (screen->errors_text, "");
    screen_show (screen, "tap.tick",
                 "{\"sequences\":{\"dedup.accepted.econveto\":4,"
                 "\"dedup.accepted.econreg\":2,"
                 "\"ingress.frame.econveto\":9}}",
                 2);
    assert_string_equal (screen->errors_text,
                         "govrelay tap: 3 of dedup.accepted.econveto lost up "
                         "to number 4\n");
    /* The tick was the beginning for a topic that was not seen before. */
    screen_show (screen, "dedup.accepted.econreg", "{}", 4);
    assert_non_null (strstr (screen->errors_text,
                             "1 of dedup.accepted.econreg lost before"));
    screen_close (screen);
}

static void
test_tick_is_shown_only_to_whom_asks (void **state)
{
    static const char *const topics[] = {"tap"};
    struct screen *all = screen_open (true, false, NULL, 0);
    struct screen *ticks = screen_open (true, false, topics, 1);

    (void)state;
    assert_int_equal (screen_show (all, "tap.tick", "{}", 1), TAP_TICK);
    assert_string_equal (all->output_text, "");
    assert_int_equal (screen_show (ticks, "tap.tick", "{}", 1), TAP_TICK_SHOWN);
    assert_string_equal (ticks->output_text,
                         "{\"topic\":\"tap.tick\",\"sequence\":1}\n");
    screen_close (all);
    screen_close (ticks);
}

static void
test_what_is_no_event_is_passed_over (void **state)
{
    struct screen *screen = screen_open (true, false, NULL, 0);
    static const uint8_t sequence[4] = {0};
    struct bytes good = bytes_of (sequence, 4);

    (void)state;
    assert_int_equal (screen_show (screen, "", "{}", 1), TAP_STRANGE);
    assert_int_equal (screen_show (screen, "a\033b", "{}", 1), TAP_STRANGE);
    assert_int_equal (
        screen_show (screen,
                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                     "aaaaaaaaaaaaaaaa",
                     "{}", 1),
        TAP_STRANGE);
    assert_int_equal (screen_show (screen, "a", "[]", 1), TAP_STRANGE);
    assert_int_equal (screen_show (screen, "a", "\xff", 1), TAP_STRANGE);
    assert_int_equal (tap_view_show (screen->view, bytes_of_text ("a"),
                                     bytes_of_text ("{}"), bytes_of ("", 0)),
                      TAP_STRANGE);
    assert_int_equal (tap_view_show (screen->view, (struct bytes){0},
                                     (struct bytes){0}, good),
                      TAP_STRANGE);
    assert_string_equal (screen->output_text, "");
    screen_close (screen);
}

static void
test_strange_topics_do_not_fill_the_memory (void **state)
{
    struct screen *screen = screen_open (true, false, NULL, 0);

    (void)state;
    for (unsigned i = 0; i < 2 * TAP_TOPICS_MAX; i++) {
        char topic[32];
        (void)snprintf (topic, sizeof topic, "a.%u", i);
        assert_int_equal (screen_show (screen, topic, "{}", 1), TAP_SHOWN);
    }
    screen_close (screen);
}

/* A publisher at ENDPOINT that waits for both subscriptions of a tap with one
 * topic, and then sends what a daemon would. */
static void
publisher (zsock_t *pipe, void *args)
{
    zsock_t *socket = zsock_new (ZMQ_XPUB);
    uint8_t sequence[4];

    (void)zsock_bind (socket, "%s", (const char *)args);
    (void)zsock_signal (pipe, 0);
    for (int i = 0; i < 2; i++) {
        zmsg_t *subscription = zmsg_recv (socket);
        zmsg_destroy (&subscription);
    }
    for (uint32_t i = 1; i <= 4; i++) {
        little_endian_write (sequence, 4, i == 4 ? 6 : i);
        (void)zsock_send (socket, "ssb", "dedup.accepted.econveto", BODY,
                          sequence, sizeof sequence);
        (void)zsock_send (socket, "ssb", "gossip.offered.econveto", BODY,
                          sequence, sizeof sequence);
        (void)zsock_send (socket, "ssb", "tap.tick", "{}", sequence,
                          sizeof sequence);
    }
    zmsg_t *stop = zmsg_recv (pipe);
    zmsg_destroy (&stop);
    zsock_destroy (&socket);
}

/* Starts a publisher where the daemon of this data directory would have its
 * tap. */
static zactor_t *
publisher_start (void **state, char **ret_endpoint)
{
    char *folder = path_in (state, "regtest");

    assert_int_equal (mkdir (folder, 0700), 0);
    assert_true (asprintf (ret_endpoint, "ipc://%s/tap", folder) > 0);
    zactor_t *actor = zactor_new (publisher, *ret_endpoint);
    assert_non_null (actor);
    free (folder);
    return actor;
}

static void
test_tap_of_the_data_directory_is_shown_and_its_gap_said (void **state)
{
    char *endpoint;
    zactor_t *actor = publisher_start (state, &endpoint);

    struct run run = RUN ("tap", "dedup", "--json", "--count", "4", "--datadir",
                          *state, "--network", "regtest");
    assert_int_equal (run.code, 0);
    assert_non_null (strstr (run.output, "{\"topic\":\"dedup.accepted.econveto"
                                         "\",\"sequence\":1,\"time\":"));
    assert_null (strstr (run.output, "gossip"));
    assert_null (strstr (run.output, "tick"));
    assert_non_null (strstr (run.errors, "2 of dedup.accepted.econveto lost"));
    run_done (&run);
    zactor_destroy (&actor);
    free (endpoint);
}

static void
test_tap_that_falls_silent_is_gone (void **state)
{
    char *endpoint;
    zactor_t *actor = publisher_start (state, &endpoint);

    CHECK_RUN (2, "no tick within 1 s", "tap", "dedup", "--timeout", "1",
               "--endpoint", endpoint);
    zactor_destroy (&actor);
    free (endpoint);
}

static void
test_tap_that_is_not_there_is_unreachable (void **state)
{
    CHECK_RUN (2, "is govrelayd running", "tap", "--datadir", *state);
    CHECK_RUN (2, "no tick within 1 s", "tap", "--timeout", "1", "--endpoint",
               "inproc://nobody");
}

static void
test_wrong_endpoint_is_a_usage_error (void **state)
{
    char *path = path_in (state, "x");

    CHECK_RUN (3, "it is like ipc://PATH", "tap", "--endpoint", "tcp://x");
    CHECK_RUN (3, "it is like ipc://PATH", "tap", "--endpoint", "%s%n");
    CHECK_RUN (3, "says it all", "tap", "--endpoint", "tcp://x", "--datadir",
               path);
    CHECK_RUN (3, "HOME is not set", "tap");
    CHECK_RUN (3, "whole number", "tap", "--count", "0", "--datadir", path);
    free (path);
}

#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown (function, directory_make, directory_remove)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_event_is_a_line_of_columns),
        cmocka_unit_test (test_columns_stand_below_each_other),
        cmocka_unit_test (test_colour_is_only_used_where_it_is_wanted),
        cmocka_unit_test (test_text_of_a_peer_stays_text),
        cmocka_unit_test (test_json_line_holds_topic_number_and_body),
        cmocka_unit_test (test_gap_in_the_numbers_is_said),
        cmocka_unit_test (test_numbers_that_wrap_around_are_no_gap),
        cmocka_unit_test (test_numbers_that_begin_anew_are_a_restart),
        cmocka_unit_test (test_tick_shows_what_was_lost_last),
        cmocka_unit_test (test_tick_is_shown_only_to_whom_asks),
        cmocka_unit_test (test_what_is_no_event_is_passed_over),
        cmocka_unit_test (test_strange_topics_do_not_fill_the_memory),
        TEST (test_tap_of_the_data_directory_is_shown_and_its_gap_said),
        TEST (test_tap_that_falls_silent_is_gone),
        TEST (test_tap_that_is_not_there_is_unreachable),
        TEST (test_wrong_endpoint_is_a_usage_error),
    };

    zsys_handler_set (NULL);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
