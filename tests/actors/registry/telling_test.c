/* SPDX-License-Identifier: MIT */
/* telling_test - an ingress knows in the end what the tables hold. */
#include "actors/registry/telling.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/check.h"

#define NOW INT64_C (1700000000)

static const uint8_t key[16] = {1};

struct desk {
    struct standing *standing;
    struct addrbook *book;
    struct telling telling;
    char last[PLACE_TEXT_MAX + 1];
    struct link_message message;
};

static int
open_desk (void **state)
{
    struct desk *desk = calloc (1, sizeof *desk);
    assert_non_null (desk);
    desk->standing = standing_create (NULL, 0, key);
    desk->book = addrbook_create (key);
    *state = desk;
    return 0;
}

static int
close_desk (void **state)
{
    struct desk *desk = *state;
    standing_destroy (&desk->standing);
    addrbook_destroy (&desk->book);
    free (desk);
    return 0;
}

static bool
next (struct desk *desk)
{
    return telling_next (&desk->telling, desk->standing, desk->book, NOW,
                         desk->last, &desk->message);
}

/* Says at most MOST; returns how many there were. */
static size_t
say (struct desk *desk, size_t most)
{
    size_t said = 0;
    for (; said < most && next (desk); said++)
        telling_said (&desk->telling, &desk->message);
    return said;
}

static struct place_net
ban (struct desk *desk, unsigned number)
{
    struct place_net net;
    char text[32];
    snprintf (text, sizeof text, "203.0.%u.%u", number / 256, number % 256);
    assert_true (place_net_read (bytes_of_text (text), &net));
    standing_add (desk->standing, &net, 100, NOW);
    return net;
}

static void
test_nothing_is_said_of_nothing (void **state)
{
    assert_false (next (*state));
}

static void
test_each_change_is_said_once (void **state)
{
    struct desk *desk = *state;
    struct place at;
    assert_true (place_read (bytes_of_text ("9.9.9.9:1"), &at));
    ban (desk, 1);
    ban (desk, 2);
    addrbook_confirm (desk->book, &at, 1, NOW);
    assert_int_equal (say (desk, 100), 3);
    assert_int_equal (desk->message.id, MESSAGE_GOOD);
    assert_string_equal (desk->last, "9.9.9.9:1");
    assert_int_equal (say (desk, 100), 0);
    ban (desk, 3);
    assert_int_equal (say (desk, 100), 1);
    assert_string_equal (desk->last, "203.0.0.3");
}

static void
test_what_was_not_sent_is_next_again (void **state)
{
    struct desk *desk = *state;
    ban (desk, 1);
    assert_true (next (desk));
    assert_true (next (desk));
    assert_string_equal (desk->last, "203.0.0.1");
    assert_int_equal (say (desk, 100), 1);
}

/* Credit runs out in the middle; what changes behind it is said as well. */
static void
test_change_behind_a_pass_is_not_lost (void **state)
{
    struct desk *desk = *state;
    struct place_net first = ban (desk, 0);
    for (unsigned i = 1; i < 100; i++)
        ban (desk, i);
    assert_int_equal (say (desk, 50), 50);
    CHECK_OK (standing_unban (desk->standing, &first, NOW));
    ban (desk, 100);
    bool lifted = false;
    size_t said = 0;
    for (; next (desk); said++) {
        lifted = lifted || desk->message.ban.until_s == 0;
        telling_said (&desk->telling, &desk->message);
    }
    assert_true (lifted);
    assert_in_range (said, 52, 53); /* 51 more, the first; the last, twice */
}

static void
test_offered_address_is_nobodys_business (void **state)
{
    struct desk *desk = *state;
    struct place at;
    assert_true (place_read (bytes_of_text ("9.9.9.9:1"), &at));
    addrbook_offer (desk->book, &at, 1, NOW, 5, NOW);
    assert_int_equal (say (desk, 100), 0);
    addrbook_confirm (desk->book, &at, 1, NOW);
    assert_int_equal (say (desk, 100), 1);
    assert_true (desk->message.good.good);
    addrbook_put_off (desk->book, &at, NOW + 5);
    assert_int_equal (say (desk, 100), 1);
    assert_false (desk->message.good.good);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, open_desk, close_desk)
    const struct CMUnitTest tests[] = {
        TEST (test_nothing_is_said_of_nothing),
        TEST (test_each_change_is_said_once),
        TEST (test_what_was_not_sent_is_next_again),
        TEST (test_change_behind_a_pass_is_not_lost),
        TEST (test_offered_address_is_nobodys_business),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
