/* SPDX-License-Identifier: MIT */
/* heard_test - which messages were handed in here (PROTOCOL 5.8). */
#include "actors/ingress/heard.h"

#include "tests/support/check.h"

static struct gov_id
id_of (uint32_t number)
{
    struct gov_id id = {.bytes = {1}};
    memcpy (id.bytes + 4, &number, sizeof number);
    memcpy (id.bytes + 24, &number, sizeof number);
    return id;
}

static void
add (struct heard *heard, uint32_t number)
{
    struct gov_id id = id_of (number);
    uint8_t fingerprint[16] = {2};
    memcpy (fingerprint + 4, &number, sizeof number);
    CHECK_OK (heard_add (heard, &id, fingerprint));
}

static const struct gov_id *
find (struct heard *heard, uint8_t kind, uint32_t number)
{
    uint8_t key[16] = {kind};
    memcpy (key + 4, &number, sizeof number);
    return heard_find (heard, key);
}

static int
desk_open (void **state)
{
    *state = heard_create (7);
    assert_non_null (*state);
    return 0;
}

static int
desk_close (void **state)
{
    struct heard *heard = *state;
    heard_destroy (&heard);
    assert_null (heard);
    heard_destroy (&heard);
    return 0;
}

static void
test_message_is_found_by_its_name_and_by_its_bytes (void **state)
{
    struct heard *heard = *state;
    struct gov_id id = id_of (5);
    assert_null (find (heard, 1, 5));
    add (heard, 5);
    assert_memory_equal (find (heard, 1, 5), &id, sizeof id);
    assert_memory_equal (find (heard, 2, 5), &id, sizeof id);
    assert_null (find (heard, 1, 6));
    assert_null (find (heard, 2, 6));
}

static void
test_message_that_was_told_is_not_found_again (void **state)
{
    struct heard *heard = *state;
    struct gov_id id = id_of (5);
    add (heard, 5);
    add (heard, 6);
    heard_told (heard, &id);
    heard_told (heard, &id);
    assert_null (find (heard, 1, 5));
    assert_null (find (heard, 2, 5));
    assert_non_null (find (heard, 2, 6));
    uint8_t other_bytes[16] = {9}; /* handed in again */
    CHECK_ERR (heard_add (heard, &id, other_bytes), -EEXIST);
    assert_null (find (heard, 1, 5));
    id = id_of (77);
    heard_told (heard, &id); /* nobody's */
}

static void
test_full_table_forgets_the_oldest (void **state)
{
    struct heard *heard = *state;
    for (uint32_t i = 0; i < HEARD_MAX + 10; i++)
        add (heard, i);
    for (uint32_t i = 0; i < 10; i++) {
        assert_null (find (heard, 1, i));
        assert_null (find (heard, 2, i));
    }
    for (uint32_t i = 10; i < HEARD_MAX + 10; i++) {
        struct gov_id id = id_of (i);
        assert_memory_equal (find (heard, 1, i), &id, sizeof id);
        assert_memory_equal (find (heard, 2, i), &id, sizeof id);
    }
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)
    const struct CMUnitTest tests[] = {
        TEST (test_message_is_found_by_its_name_and_by_its_bytes),
        TEST (test_message_that_was_told_is_not_found_again),
        TEST (test_full_table_forgets_the_oldest),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
