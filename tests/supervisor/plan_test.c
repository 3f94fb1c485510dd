/* SPDX-License-Identifier: MIT */
/* plan_test - which stages run, and where their links are. */
#include "supervisor/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct desk {
    struct config *config;
    struct plan plan;
    struct config_problems problems;
};

static void
desk_configure (struct desk *desk, const struct config_override *override,
                size_t count)
{
    static char *no_environment[] = {NULL};
    struct config_request request = {.override = override,
                                     .override_count = count,
                                     .environment = no_environment,
                                     .home = "/nowhere"};
    config_destroy (&desk->config);
    assert_int_equal (config_load (&request, &desk->config, &desk->problems),
                      0);
}

static int
setup (void **state)
{
    struct desk *desk = calloc (1, sizeof *desk);
    assert_non_null (desk);
    desk_configure (desk, NULL, 0);
    *state = desk;
    return 0;
}

static int
teardown (void **state)
{
    struct desk *desk = *state;
    config_destroy (&desk->config);
    config_problems_done (&desk->problems);
    free (desk);
    return 0;
}

/* Returns the names of the plan's children, separated by spaces. */
static const char *
names (const struct desk *desk)
{
    static char text[1024];
    text[0] = '\0';
    for (size_t i = 0; i < desk->plan.count; i++) {
        size_t size = strlen (text);
        snprintf (text + size, sizeof text - size, "%s%s", i ? " " : "",
                  desk->plan.child[i].name);
    }
    return text;
}

static int
make (struct desk *desk, const char *stages)
{
    return plan_make (desk->config, stages, 2, 7, &desk->plan, &desk->problems);
}

static void
test_a_relay_has_all_stages_in_pipeline_order (void **state)
{
    struct desk *desk = *state;
    assert_int_equal (make (desk, NULL), 0);
    assert_string_equal (
        names (desk),
        "ingress registry verifier.0 verifier.1 dedup gossip tap");
}

static void
test_relay_mode_adds_the_forwarder (void **state)
{
    struct desk *desk = *state;
    struct config_override override[] = {
        {"governance.enabled", "--governance.enabled", "true"},
        {"governance.commons_url", "--governance.commons_url",
         "http://127.0.0.1:1/api"},
        {"verifier.workers", "--verifier.workers", "1"}};
    desk_configure (desk, override, 3);
    assert_int_equal (make (desk, NULL), 0);
    assert_string_equal (
        names (desk), "ingress registry verifier.0 dedup gossip forwarder tap");
}

static void
test_stages_are_picked_and_the_tap_is_always_there (void **state)
{
    struct desk *desk = *state;
    assert_int_equal (make (desk, "receiver"), 0);
    assert_string_equal (names (desk), "receiver tap");
    assert_int_equal (make (desk, "tap,receiver"), 0);
    assert_string_equal (names (desk), "receiver tap");
}

static void
test_an_unknown_stage_is_named (void **state)
{
    struct desk *desk = *state;
    assert_int_equal (make (desk, "receiver,gossiip"), -EINVAL);
    assert_int_equal (desk->problems.count, 1);
    assert_non_null (strstr (desk->problems.text[0], "gossiip"));
}

static void
test_half_a_relay_is_refused (void **state)
{
    static const char *halves[] = {"ingress,registry", "verifier",
                                   "dedup,gossip", "forwarder",
                                   "ingress,registry,verifier,dedup"};
    struct desk *desk = *state;
    for (size_t i = 0; i < ARRAY_SIZE (halves); i++)
        assert_int_equal (make (desk, halves[i]), -EINVAL);
    assert_int_equal (desk->problems.count, ARRAY_SIZE (halves));
}

static void
test_two_daemons_of_one_process_share_no_endpoint (void **state)
{
    struct desk *desk = *state;
    struct plan other;
    assert_int_equal (make (desk, NULL), 0);
    assert_int_equal (
        plan_make (desk->config, NULL, 2, 8, &other, &desk->problems), 0);
    for (size_t i = 0; i < LINKS_; i++)
        assert_string_not_equal (desk->plan.endpoints.link[i],
                                 other.endpoints.link[i]);
    assert_string_not_equal (desk->plan.endpoints.tap, other.endpoints.tap);
}

static void
test_the_tap_can_be_off (void **state)
{
    struct desk *desk = *state;
    struct config_override override = {"tap.endpoint", "--tap.endpoint", "off"};
    desk_configure (desk, &override, 1);
    assert_int_equal (make (desk, NULL), 0);
    assert_string_equal (desk->plan.endpoints.tap_public, "");
}

#define T(test) cmocka_unit_test_setup_teardown (test, setup, teardown)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        T (test_a_relay_has_all_stages_in_pipeline_order),
        T (test_relay_mode_adds_the_forwarder),
        T (test_stages_are_picked_and_the_tap_is_always_there),
        T (test_an_unknown_stage_is_named),
        T (test_half_a_relay_is_refused),
        T (test_two_daemons_of_one_process_share_no_endpoint),
        T (test_the_tap_can_be_off),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
