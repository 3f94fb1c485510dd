/* SPDX-License-Identifier: MIT */
/* bucket_test - rates, bursts, and numbers at the edge of their types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bucket.h"

static struct instant
at_us (int64_t us)
{
    return (struct instant){.us = us};
}

static void
test_new_bucket_gives_its_burst_and_no_more (void **state)
{
    struct bucket bucket;
    (void)state;

    bucket_init (&bucket, 10, SECOND_US, 200, at_us (5));
    for (int i = 0; i < 200; i++)
        assert_true (bucket_take (&bucket, 1, at_us (5)));
    assert_false (bucket_take (&bucket, 1, at_us (5)));
}

static void
test_token_drips_in_exactly_when_announced (void **state)
{
    struct bucket bucket;
    (void)state;

    bucket_init (&bucket, 3, SECOND_US, 1, at_us (0));
    assert_true (bucket_take (&bucket, 1, at_us (0)));
    /* A third of a second, rounded up to the next microsecond. */
    assert_int_equal (bucket_ready (&bucket, 1).us, 333334);
    assert_false (bucket_take (&bucket, 1, at_us (333333)));
    assert_int_equal (bucket_ready (&bucket, 1).us, 333334);
    assert_true (bucket_take (&bucket, 1, at_us (333334)));
}

static void
test_many_small_steps_lose_nothing (void **state)
{
    struct bucket bucket;
    int taken = 0;
    (void)state;

    bucket_init (&bucket, 7, SECOND_US, 1, at_us (0));
    for (int64_t us = 0; us <= 10 * SECOND_US; us += 13)
        taken += bucket_take (&bucket, 1, at_us (us));
    assert_in_range (taken, 69, 71); /* 1 of burst, 70 in ten seconds */
}

static void
test_refusal_takes_nothing (void **state)
{
    struct bucket bucket;
    (void)state;

    bucket_init (&bucket, 1, SECOND_US, 10, at_us (0));
    assert_false (bucket_take (&bucket, 11, at_us (0)));
    assert_int_equal (bucket_ready (&bucket, 11).us, INT64_MAX);
    assert_true (bucket_take (&bucket, 10, at_us (0)));
}

static void
test_bucket_never_holds_more_than_its_burst (void **state)
{
    struct bucket bucket;
    (void)state;

    bucket_init (&bucket, 10, SECOND_US, 5, at_us (0));
    bucket_give (&bucket, 100, at_us (0));
    assert_false (bucket_take (&bucket, 6, at_us (3600 * SECOND_US)));
    assert_true (bucket_take (&bucket, 5, at_us (3600 * SECOND_US)));
}

static void
test_token_given_back_can_be_taken_again (void **state)
{
    struct bucket bucket;
    (void)state;

    bucket_init (&bucket, 10, SECOND_US, 2, at_us (0));
    assert_true (bucket_take (&bucket, 2, at_us (0)));
    bucket_give (&bucket, 1, at_us (0));
    assert_true (bucket_take (&bucket, 1, at_us (0)));
    assert_false (bucket_take (&bucket, 1, at_us (0)));
}

static void
test_slow_rate_counts_in_minutes (void **state)
{
    struct bucket bucket;
    (void)state;

    bucket_init (&bucket, 10, 60 * SECOND_US, 20, at_us (0));
    assert_true (bucket_take (&bucket, 20, at_us (0)));
    assert_int_equal (bucket_ready (&bucket, 1).us, 6 * SECOND_US);
    assert_false (bucket_take (&bucket, 1, at_us (6 * SECOND_US - 1)));
    assert_true (bucket_take (&bucket, 1, at_us (6 * SECOND_US)));
}

static void
test_rate_zero_refuses_nothing (void **state)
{
    struct bucket bucket;
    (void)state;

    bucket_init (&bucket, 0, SECOND_US, 0, at_us (0));
    assert_true (bucket_take (&bucket, UINT64_MAX, at_us (0)));
    bucket_give (&bucket, UINT64_MAX, at_us (0));
    assert_int_equal (bucket_ready (&bucket, UINT64_MAX).us, 0);
}

static void
test_burst_zero_still_lets_one_through (void **state)
{
    struct bucket bucket;
    (void)state;

    bucket_init (&bucket, 1, SECOND_US, 0, at_us (0));
    assert_true (bucket_take (&bucket, 1, at_us (0)));
    assert_false (bucket_take (&bucket, 1, at_us (0)));
    assert_true (bucket_take (&bucket, 1, at_us (SECOND_US)));
}

static void
test_clock_that_steps_back_gives_and_takes_nothing (void **state)
{
    struct bucket bucket;
    (void)state;

    bucket_init (&bucket, 1, SECOND_US, 1, at_us (10 * SECOND_US));
    assert_true (bucket_take (&bucket, 1, at_us (10 * SECOND_US)));
    assert_false (bucket_take (&bucket, 1, at_us (0)));
    assert_false (bucket_take (&bucket, 1, at_us (10 * SECOND_US)));
    assert_true (bucket_take (&bucket, 1, at_us (11 * SECOND_US)));
}

static void
test_huge_numbers_saturate (void **state)
{
    struct bucket bucket;
    (void)state;

    bucket_init (&bucket, UINT64_MAX, INT64_MAX, UINT64_MAX, at_us (INT64_MIN));
    assert_true (bucket_take (&bucket, 1, at_us (INT64_MIN)));
    assert_false (bucket_take (&bucket, 3, at_us (INT64_MIN)));
    assert_int_equal (bucket_ready (&bucket, UINT64_MAX).us, INT64_MAX);
    assert_true (bucket_take (&bucket, 1, at_us (INT64_MAX)));
    bucket_give (&bucket, UINT64_MAX, at_us (INT64_MAX));
    assert_true (bucket_take (&bucket, 2, at_us (INT64_MAX)));

    /* One token in 292,000 years, asked for at the end of time. */
    bucket_init (&bucket, 1, INT64_MAX, 2, at_us (INT64_MAX - 1));
    assert_true (bucket_take (&bucket, 2, at_us (INT64_MAX - 1)));
    assert_int_equal (bucket_ready (&bucket, 1).us, INT64_MAX);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_new_bucket_gives_its_burst_and_no_more),
        cmocka_unit_test (test_token_drips_in_exactly_when_announced),
        cmocka_unit_test (test_many_small_steps_lose_nothing),
        cmocka_unit_test (test_refusal_takes_nothing),
        cmocka_unit_test (test_bucket_never_holds_more_than_its_burst),
        cmocka_unit_test (test_token_given_back_can_be_taken_again),
        cmocka_unit_test (test_slow_rate_counts_in_minutes),
        cmocka_unit_test (test_rate_zero_refuses_nothing),
        cmocka_unit_test (test_burst_zero_still_lets_one_through),
        cmocka_unit_test (test_clock_that_steps_back_gives_and_takes_nothing),
        cmocka_unit_test (test_huge_numbers_saturate),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
