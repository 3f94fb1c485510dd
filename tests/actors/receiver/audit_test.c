/* SPDX-License-Identifier: MIT */
/* audit_test - what the chain is made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "actors/receiver/audit.h"

static const uint8_t genesis[DIGEST_SIZE];

static void
test_hash_is_of_the_documented_lines (void **state)
{
    static const char lines[] =
        "govrelay audit 1\n"
        "0000000000000000000000000000000000000000000000000000000000000000\n"
        "1\n1764361549\nnode.registered\nnode 1\n-\n{}";
    struct audit_row row = {.at_s = 1764361549,
                            .action = "node.registered",
                            .subject = "node 1",
                            .detail = "{}"};
    uint8_t expected[DIGEST_SIZE], found[DIGEST_SIZE];

    (void)state;
    digest_sha256 (bytes_of_text (lines), expected);
    audit_hash (&row, 1, genesis, found);
    assert_memory_equal (found, expected, DIGEST_SIZE);
}

static void
test_every_part_changes_the_hash (void **state)
{
    const struct gov_id id = {{1}};
    const uint8_t other[DIGEST_SIZE] = {1};
    const struct audit_row row = {
        .at_s = 1, .action = "a", .subject = "s", .detail = "{}"};
    struct audit_row changed[] = {row, row, row, row, row};
    uint8_t before[DIGEST_SIZE], after[DIGEST_SIZE];

    (void)state;
    changed[0].at_s = 2;
    changed[1].action = "b";
    changed[2].subject = "t";
    changed[3].detail = "{ }";
    changed[4].id = &id;
    audit_hash (&row, 1, genesis, before);
    for (size_t i = 0; i < ARRAY_SIZE (changed); i++) {
        audit_hash (&changed[i], 1, genesis, after);
        assert_memory_not_equal (before, after, DIGEST_SIZE);
    }
    audit_hash (&row, 2, genesis, after);
    assert_memory_not_equal (before, after, DIGEST_SIZE);
    audit_hash (&row, 1, other, after);
    assert_memory_not_equal (before, after, DIGEST_SIZE);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_hash_is_of_the_documented_lines),
        cmocka_unit_test (test_every_part_changes_the_hash),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
