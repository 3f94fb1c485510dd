/* SPDX-License-Identifier: MIT */
/* guest_test - connected peers, found by their number. */
#include "actors/ingress/guest.h"

#include <stdlib.h>

#include "tests/support/check.h"

#define GUESTS 100

static void
test_guest_is_found_by_its_number (void **state)
{
    (void)state;
    struct guests *guests = guests_create (UINT64_MAX);
    struct guest *guest[GUESTS];
    for (size_t i = 0; i < GUESTS; i++) {
        guest[i] = guests_add (guests);
        assert_non_null (guest[i]);
        assert_int_not_equal (guest[i]->id, 0); /* 0 names nobody */
        assert_null (guest[i]->connection);
    }
    for (size_t i = 0; i < GUESTS; i++)
        assert_ptr_equal (guests_find (guests, guest[i]->id), guest[i]);
    assert_int_equal (guests_count (guests), GUESTS);
    assert_null (guests_find (guests, 0));
    assert_null (guests_find (guests, UINT64_MAX));
    guests_destroy (&guests);
    assert_null (guests);
    guests_destroy (&guests);
}

/* A late message for a guest who left must find nobody, whoever has his place
 * now. */
static void
test_number_is_never_used_twice (void **state)
{
    (void)state;
    struct guests *guests = guests_create (0);
    struct guest *stays = guests_add (guests);
    uint64_t before = 0;
    for (int i = 0; i < 10000; i++) {
        struct guest *guest = guests_add (guests);
        assert_int_not_equal (guest->id, before);
        assert_int_not_equal (guest->id, stays->id);
        if (before)
            assert_null (guests_find (guests, before));
        before = guest->id;
        guests_remove (guests, guest);
        assert_null (guests_find (guests, before));
    }
    assert_int_equal (guests_count (guests), 1);
    guests_destroy (&guests);
}

static void
test_every_guest_is_visited_once (void **state)
{
    (void)state;
    struct guests *guests = guests_create (12345);
    struct guest *guest[GUESTS];
    size_t visits = 0;
    assert_null (guests_next (guests, NULL));
    for (size_t i = 0; i < GUESTS; i++)
        guest[i] = guests_add (guests);
    for (size_t i = 0; i < GUESTS; i += 3)
        guests_remove (guests, guest[i]);
    for (struct guest *next = guests_next (guests, NULL); next;
         next = guests_next (guests, next)) {
        assert_false (next->dirty);
        next->dirty = true;
        visits++;
    }
    assert_int_equal (visits, guests_count (guests));
    assert_int_equal (visits, GUESTS - (GUESTS + 2) / 3);
    guests_destroy (&guests);
}

static void
test_guest_takes_what_it_owns_along (void **state)
{
    (void)state;
    struct guests *guests = guests_create (1);
    struct connection_options options = {.network = NETWORK_REGTEST,
                                         .times = connection_times_default};
    struct moment now = {.unix_us = SECOND_US};
    for (int i = 0; i < 2; i++) {
        struct guest *guest = guests_add (guests);
        guest->connection = connection_create (&options, now);
        guest->known = ringset_create (GUEST_KNOWN_MAX, 1);
        if (i == 0)
            guests_remove (guests, guest);
    }
    guests_destroy (&guests); /* the leak checker is the judge */
}

/* PROTOCOL 5.4: "Points halve every 10 minutes." */
static void
test_points_fade (void **state)
{
    (void)state;
    const struct instant start = {.us = 1000 * SECOND_US};
    struct guest guest = {0};
    guest_charge (&guest, 20, start);
    guest_charge (&guest, 20, instant_after (start, 599 * SECOND_US));
    assert_int_equal (guest.points, 40);
    guest_charge (&guest, 10, instant_after (start, 600 * SECOND_US));
    assert_int_equal (guest.points, 30);
    guest_charge (&guest, 10, instant_after (start, 1800 * SECOND_US));
    assert_int_equal (guest.points, 17);
    guest_charge (&guest, 10, instant_after (start, 1000000 * SECOND_US));
    assert_int_equal (guest.points, 10);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_guest_is_found_by_its_number),
        cmocka_unit_test (test_number_is_never_used_twice),
        cmocka_unit_test (test_every_guest_is_visited_once),
        cmocka_unit_test (test_guest_takes_what_it_owns_along),
        cmocka_unit_test (test_points_fade),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
