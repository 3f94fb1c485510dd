/* SPDX-License-Identifier: MIT */
/* ringset_test - the newest keys are known, older ones forgotten, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ringset.h"

#define SEED UINT64_C (0x5eed5eed)

/* Makes the next call of calloc or realloc but AFTER fail; below 0: none. The
 * linker puts the two functions below in their place. */
static int memory_after = -1;
void *__real_calloc (size_t count, size_t size);
void *__real_realloc (void *block, size_t size);
void *__wrap_calloc (size_t count, size_t size);
void *__wrap_realloc (void *block, size_t size);

static bool
memory_fails (void)
{
    return memory_after >= 0 && memory_after-- == 0;
}

void *
__wrap_calloc (size_t count, size_t size)
{
    return memory_fails () ? NULL : __real_calloc (count, size);
}

void *
__wrap_realloc (void *block, size_t size)
{
    return memory_fails () ? NULL : __real_realloc (block, size);
}

struct key {
    uint8_t bytes[RINGSET_KEY_SIZE];
};

static struct key
key_of (uint64_t number)
{
    struct key key = {{0}};

    memcpy (key.bytes, &number, sizeof number);
    return key;
}

static bool
has (const struct ringset *set, uint64_t number)
{
    return ringset_has (set, key_of (number).bytes);
}

static int
add (struct ringset *set, uint64_t number)
{
    return ringset_add (set, key_of (number).bytes);
}

static struct ringset *
create (size_t capacity)
{
    struct ringset *set = ringset_create (capacity, SEED);

    assert_non_null (set);
    return set;
}

static void
test_an_empty_set_has_nothing (void **state)
{
    (void)state;
    owned (ringset_destroy) struct ringset *set = create (5);

    assert_false (has (set, 0));
    assert_false (has (set, 1));
}

static void
test_destroying_nothing_is_fine (void **state)
{
    (void)state;
    struct ringset *set = create (5);

    ringset_destroy (&set);
    assert_null (set);
    ringset_destroy (&set);
}

static void
test_an_added_key_is_there_and_cannot_be_added_again (void **state)
{
    (void)state;
    owned (ringset_destroy) struct ringset *set = create (5);

    assert_int_equal (add (set, 7), 0);
    assert_true (has (set, 7));
    assert_int_equal (add (set, 7), -EEXIST);
    assert_false (has (set, 8));
}

static void
test_every_byte_of_a_key_counts (void **state)
{
    (void)state;
    owned (ringset_destroy) struct ringset *set = create (100);
    struct key key = {{0}};

    assert_int_equal (ringset_add (set, key.bytes), 0);
    for (size_t i = 0; i < sizeof key.bytes; i++) {
        key = (struct key){{0}};
        key.bytes[i] = 1;
        assert_false (ringset_has (set, key.bytes));
        assert_int_equal (ringset_add (set, key.bytes), 0);
    }
}

static void
test_a_full_set_forgets_the_oldest_first (void **state)
{
    (void)state;

    for (size_t capacity = 1; capacity <= 70; capacity++) {
        owned (ringset_destroy) struct ringset *set = create (capacity);
        for (uint64_t number = 0; number < 300; number++) {
            assert_int_equal (add (set, number), 0);
            for (uint64_t older = 0; older <= number; older++)
                assert_int_equal (has (set, older), number - older < capacity);
        }
    }
}

static void
test_a_key_does_not_become_younger_by_being_added_again (void **state)
{
    (void)state;
    owned (ringset_destroy) struct ringset *set = create (2);

    assert_int_equal (add (set, 1), 0);
    assert_int_equal (add (set, 2), 0);
    assert_int_equal (add (set, 1), -EEXIST);
    assert_int_equal (add (set, 3), 0);
    assert_false (has (set, 1));
    assert_true (has (set, 2));
    assert_int_equal (add (set, 1), 0);
    assert_false (has (set, 2));
}

static uint64_t
next_random (uint64_t *random)
{
    *random = *random * UINT64_C (6364136223846793005) + 1442695040888963407;
    return *random >> 33;
}

/* The same set, slow and plain: the newest SIZE of an array. */
struct model {
    uint64_t numbers[8192]; /* in the order they came */
    size_t added;
    size_t capacity;
};

static bool
model_has (const struct model *model, uint64_t number)
{
    size_t held =
        model->added < model->capacity ? model->added : model->capacity;

    for (size_t i = model->added - held; i < model->added; i++)
        if (model->numbers[i] == number)
            return true;
    return false;
}

static void
check_like_model (uint64_t seed)
{
    struct model *model = calloc (1, sizeof *model);
    assert_non_null (model);
    uint64_t random = seed;
    model->capacity = 1 + next_random (&random) % 200;
    uint64_t numbers = 1 + next_random (&random) % (3 * model->capacity);
    struct ringset *set =
        ringset_create (model->capacity, next_random (&random));
    assert_non_null (set);

    while (model->added < ARRAY_SIZE (model->numbers)) {
        uint64_t number = next_random (&random) % numbers;
        bool known = model_has (model, number);
        if (has (set, number) != known)
            fail_msg ("seed %llu: has", (unsigned long long)seed);
        if (add (set, number) != (known ? -EEXIST : 0))
            fail_msg ("seed %llu: add", (unsigned long long)seed);
        if (!known)
            model->numbers[model->added++] = number;
        else if (numbers <= model->capacity
                 && next_random (&random) % (4 * numbers) == 0)
            break; /* all numbers fit: nothing new will ever come */
    }
    ringset_destroy (&set);
    free (model);
}

static void
test_random_operations_agree_with_a_plain_model (void **state)
{
    (void)state;

    print_message ("seeds 1 to 60\n");
    for (uint64_t seed = 1; seed <= 60; seed++)
        check_like_model (seed);
}

static void
test_sets_of_different_seeds_hold_the_same (void **state)
{
    (void)state;

    for (uint64_t seed = 0; seed < 50; seed++) {
        owned (ringset_destroy) struct ringset *set =
            ringset_create (33, seed << 40);
        assert_non_null (set);
        for (uint64_t number = 0; number < 100; number++)
            assert_int_equal (add (set, number), 0);
        for (uint64_t number = 0; number < 100; number++)
            assert_int_equal (has (set, number), number >= 100 - 33);
    }
}

static void
test_without_memory_a_set_stays_as_it_was (void **state)
{
    (void)state;

    memory_after = 0;
    assert_null (ringset_create (5, SEED));
    for (int after = 0; after < 2; after++) {
        owned (ringset_destroy) struct ringset *set = create (1000);
        for (uint64_t number = 0; number < 64; number++) {
            memory_after = after;
            int rc = add (set, number);
            memory_after = -1;
            if (rc == 0)
                continue;
            assert_int_equal (rc, -ENOMEM);
            assert_false (has (set, number));
            assert_int_equal (add (set, number), 0);
        }
        for (uint64_t number = 0; number < 64; number++)
            assert_true (has (set, number));
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_an_empty_set_has_nothing),
        cmocka_unit_test (test_destroying_nothing_is_fine),
        cmocka_unit_test (test_an_added_key_is_there_and_cannot_be_added_again),
        cmocka_unit_test (test_every_byte_of_a_key_counts),
        cmocka_unit_test (test_a_full_set_forgets_the_oldest_first),
        cmocka_unit_test (
            test_a_key_does_not_become_younger_by_being_added_again),
        cmocka_unit_test (test_random_operations_agree_with_a_plain_model),
        cmocka_unit_test (test_sets_of_different_seeds_hold_the_same),
        cmocka_unit_test (test_without_memory_a_set_stays_as_it_was),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
