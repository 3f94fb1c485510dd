/* SPDX-License-Identifier: MIT */
/* governance_test - qualification, weight and order, at every edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "actors/receiver/governance.h"

struct qualification_case {
    enum node_type type;
    const char *data;
    bool qualified;
    int32_t weight_ppm;
};

static void
check_cases (const struct qualification_case *cases, size_t count)
{
    struct thresholds thresholds = thresholds_default ();

    for (size_t i = 0; i < count; i++) {
        json_t *data = json_loads (cases[i].data, 0, NULL);
        assert_non_null (data);
        struct qualification found =
            qualification_of (cases[i].type, data, &thresholds);
        json_decref (data);
        if (found.qualified != cases[i].qualified
            || found.weight_ppm != cases[i].weight_ppm)
            fail_msg ("%s %s: %d %d, not %d %d", node_type_name (cases[i].type),
                      cases[i].data, found.qualified, found.weight_ppm,
                      cases[i].qualified, cases[i].weight_ppm);
    }
}

static void
test_mining_pool_needs_one_percent (void **state)
{
#define POOL(text) "{\"hashpower_proof\":{\"percentage\":" text "}}"
    static const struct qualification_case cases[] = {
        {NODE_MINING_POOL, POOL ("1"), true, 10000},
        {NODE_MINING_POOL, POOL ("1.0"), true, 10000},
        {NODE_MINING_POOL, POOL ("0.9999999"), false, 0},
        {NODE_MINING_POOL, POOL ("1.0000001"), true, 10000},
        {NODE_MINING_POOL, POOL ("35.0"), true, 350000},
        {NODE_MINING_POOL, POOL ("33.33333"), true, 333333},
        {NODE_MINING_POOL, POOL ("33.33335"), true, 333334},
        {NODE_MINING_POOL, POOL ("100"), true, 1000000},
        {NODE_MINING_POOL, POOL ("100.0000001"), false, 0},
        {NODE_MINING_POOL, POOL ("-35"), false, 0},
        {NODE_MINING_POOL, POOL ("\"35\""), false, 0},
        {NODE_MINING_POOL, POOL ("null"), false, 0},
        {NODE_MINING_POOL, "{\"hashpower_proof\":[35]}", false, 0},
        {NODE_MINING_POOL, "{}", false, 0},
    };
    (void)state;
    check_cases (cases, ARRAY_SIZE (cases));
}

static void
test_exchange_needs_holdings_and_volume (void **state)
{
#define EXCHANGE(btc, usd)                                                     \
    "{\"holdings_proof\":{\"total_btc\":" btc                                  \
    "},\"volume_proof\":{\"daily_volume_usd\":" usd "}}"
    static const struct qualification_case cases[] = {
        {NODE_EXCHANGE, EXCHANGE ("10000", "100000000"), true, 1000000},
        {NODE_EXCHANGE, EXCHANGE ("9999.99999999", "100000000"), false, 0},
        {NODE_EXCHANGE, EXCHANGE ("10000.00000001", "1e8"), true, 1000000},
        {NODE_EXCHANGE, EXCHANGE ("10000", "99999999.99"), false, 0},
        {NODE_EXCHANGE, EXCHANGE ("10000", "100000000.01"), true, 1000000},
        {NODE_EXCHANGE, EXCHANGE ("1e300", "1e300"), true, 1000000},
        {NODE_EXCHANGE, EXCHANGE ("10000", "-1"), false, 0},
        {NODE_EXCHANGE, "{\"holdings_proof\":{\"total_btc\":20000}}", false, 0},
    };
    (void)state;
    check_cases (cases, ARRAY_SIZE (cases));
}

static void
test_exchange_weighs_holdings_seven_to_three (void **state)
{
    struct thresholds thresholds = thresholds_default ();
    json_t *data = json_loads (EXCHANGE ("5000", "20000000"), 0, NULL);

    (void)state;
    thresholds.exchange_btc = 1;
    thresholds.exchange_daily_usd = 1;
    struct qualification found =
        qualification_of (NODE_EXCHANGE, data, &thresholds);
    json_decref (data);
    assert_true (found.qualified);
    assert_int_equal (found.weight_ppm, 410000); /* 0.7 / 2 + 0.3 / 5 */
}

static void
test_custodian_and_holder_need_holdings (void **state)
{
#define HOLDINGS(btc) "{\"holdings_proof\":{\"total_btc\":" btc "}}"
    static const struct qualification_case cases[] = {
        {NODE_CUSTODIAN, HOLDINGS ("10000"), true, 1000000},
        {NODE_CUSTODIAN, HOLDINGS ("9999.9"), false, 0},
        {NODE_CUSTODIAN, HOLDINGS ("10000.1"), true, 1000000},
        {NODE_CUSTODIAN, HOLDINGS ("-10000"), false, 0},
        {NODE_MAJOR_HOLDER, HOLDINGS ("5000"), true, 1000000},
        {NODE_MAJOR_HOLDER, HOLDINGS ("4999.99999999"), false, 0},
        {NODE_MAJOR_HOLDER, HOLDINGS ("5000.00000001"), true, 1000000},
        {NODE_MAJOR_HOLDER, "{\"volume_proof\":{\"total_btc\":5000}}", false,
         0},
    };
    (void)state;
    check_cases (cases, ARRAY_SIZE (cases));
}

static void
test_payment_processor_needs_monthly_volume (void **state)
{
#define VOLUME(usd) "{\"volume_proof\":{\"monthly_volume_usd\":" usd "}}"
    static const struct qualification_case cases[] = {
        {NODE_PAYMENT_PROCESSOR, VOLUME ("50000000"), true, 1000000},
        {NODE_PAYMENT_PROCESSOR, VOLUME ("49999999.99"), false, 0},
        {NODE_PAYMENT_PROCESSOR, VOLUME ("50000000.01"), true, 1000000},
        {NODE_PAYMENT_PROCESSOR,
         "{\"volume_proof\":{\"daily_volume_usd\":50000000}}", false, 0},
    };
    (void)state;
    check_cases (cases, ARRAY_SIZE (cases));
}

static void
test_contributor_needs_one_proof_of_ninety_days (void **state)
{
#define COMMONS(proof, total, btc, days)                                       \
    "{\"commons_contributor_proof\":{\"" proof "\":{\"" total "\":" btc        \
    ",\"period_days\":" days "}}}"
#define MERGE(btc, days)                                                       \
    COMMONS ("merge_mining_proof", "total_revenue_btc", btc, days)
#define FEES(btc, days)                                                        \
    COMMONS ("fee_forwarding_proof", "total_fees_forwarded_btc", btc, days)
#define ZAPS(btc, days) COMMONS ("zap_proof", "total_zaps_btc", btc, days)
#define SALES(btc, days)                                                       \
    COMMONS ("marketplace_sales_proof", "total_sales_btc", btc, days)
    static const struct qualification_case cases[] = {
        {NODE_COMMONS_CONTRIBUTOR, MERGE ("0.01", "90"), true, 100000},
        {NODE_COMMONS_CONTRIBUTOR, MERGE ("0.00999999", "90"), false, 0},
        {NODE_COMMONS_CONTRIBUTOR, MERGE ("0.01000001", "90"), true, 100000},
        {NODE_COMMONS_CONTRIBUTOR, MERGE ("0.01", "89"), false, 0},
        {NODE_COMMONS_CONTRIBUTOR, MERGE ("0.01", "91"), true, 100000},
        {NODE_COMMONS_CONTRIBUTOR, MERGE ("0.01", "-90"), false, 0},
        {NODE_COMMONS_CONTRIBUTOR, FEES ("0.1", "90"), true, 316228},
        {NODE_COMMONS_CONTRIBUTOR, FEES ("0.09999999", "90"), false, 0},
        {NODE_COMMONS_CONTRIBUTOR, ZAPS ("0.01", "90"), true, 100000},
        {NODE_COMMONS_CONTRIBUTOR, ZAPS ("0.00999999", "90"), false, 0},
        {NODE_COMMONS_CONTRIBUTOR, SALES ("0.01", "90"), true, 100000},
        {NODE_COMMONS_CONTRIBUTOR, SALES ("0.00999999", "90"), false, 0},
        {NODE_COMMONS_CONTRIBUTOR, SALES ("0.25", "365"), true, 500000},
        {NODE_COMMONS_CONTRIBUTOR, SALES ("4", "365"), true, 1000000},
        {NODE_COMMONS_CONTRIBUTOR, "{\"commons_contributor_proof\":{}}", false,
         0},
    };
    (void)state;
    check_cases (cases, ARRAY_SIZE (cases));
}

static void
test_contributor_weighs_at_least_a_hundredth (void **state)
{
    struct thresholds thresholds = thresholds_default ();
    json_t *data = json_loads (ZAPS ("0.00000001", "90"), 0, NULL);

    (void)state;
    thresholds.zaps_btc = 0;
    struct qualification found =
        qualification_of (NODE_COMMONS_CONTRIBUTOR, data, &thresholds);
    json_decref (data);
    assert_int_equal (found.weight_ppm, 10000);
}

static void
test_absurd_number_elsewhere_disqualifies (void **state)
{
    static const struct qualification_case cases[] = {
        {NODE_CUSTODIAN,
         "{\"holdings_proof\":{\"total_btc\":10000},"
         "\"volume_proof\":{\"daily_volume_usd\":-1}}",
         false, 0},
        {NODE_CUSTODIAN,
         "{\"holdings_proof\":{\"total_btc\":10000},"
         "\"hashpower_proof\":{\"percentage\":101}}",
         false, 0},
    };
    (void)state;
    check_cases (cases, ARRAY_SIZE (cases));
}

static void
test_weight_is_rounded_half_up_and_clamped (void **state)
{
    (void)state;
    assert_int_equal (weight_ppm_of (0), 0);
    assert_int_equal (weight_ppm_of (-1), 0);
    assert_int_equal (weight_ppm_of (0.0 / 0.0), 0);
    assert_int_equal (weight_ppm_of (0.00000049), 0);
    assert_int_equal (weight_ppm_of (0.0000005), 1);
    assert_int_equal (weight_ppm_of (0.9999994), 999999);
    assert_int_equal (weight_ppm_of (0.9999996), 1000000);
    assert_int_equal (weight_ppm_of (1), 1000000);
    assert_int_equal (weight_ppm_of (1e308 * 10), 1000000);
}

static struct voice_order
order (int64_t timestamp, uint8_t id)
{
    return (struct voice_order){.timestamp = timestamp, .id = {{id}}};
}

static void
test_newer_wins_and_a_tie_goes_to_the_smaller_id (void **state)
{
    (void)state;
    assert_true (voice_wins (order (11, 9), order (10, 1)));
    assert_false (voice_wins (order (10, 1), order (11, 9)));
    assert_true (voice_wins (order (10, 1), order (10, 9)));
    assert_false (voice_wins (order (10, 9), order (10, 1)));
    assert_false (voice_wins (order (10, 1), order (10, 1)));
}

static void
test_first_registration_is_judged_by_its_proofs (void **state)
{
    (void)state;
    assert_int_equal (registration_outcome_of (order (1, 1), NULL, true, false),
                      REGISTRATION_PENDING);
    assert_int_equal (registration_outcome_of (order (1, 1), NULL, true, true),
                      REGISTRATION_ACTIVE);
    assert_int_equal (registration_outcome_of (order (1, 1), NULL, false, true),
                      REGISTRATION_UNQUALIFIED);
    assert_int_equal (standing_after (REGISTRATION_PENDING), STANDING_PENDING);
    assert_int_equal (standing_after (REGISTRATION_ACTIVE), STANDING_ACTIVE);
    assert_int_equal (standing_after (REGISTRATION_UNQUALIFIED),
                      STANDING_UNQUALIFIED);
}

static void
test_second_registration_is_never_in_force (void **state)
{
    struct voice_order newest = order (10, 5);

    (void)state;
    assert_int_equal (
        registration_outcome_of (order (11, 9), &newest, true, true),
        REGISTRATION_REVISION);
    assert_int_equal (
        registration_outcome_of (order (10, 4), &newest, true, true),
        REGISTRATION_REVISION);
    assert_int_equal (
        registration_outcome_of (order (10, 6), &newest, true, true),
        REGISTRATION_SUPERSEDED);
    assert_int_equal (
        registration_outcome_of (order (9, 1), &newest, false, true),
        REGISTRATION_SUPERSEDED);
    assert_string_equal (registration_outcome_name (REGISTRATION_SUPERSEDED),
                         "revision");
}

static void
test_voice_counts_only_for_an_active_node (void **state)
{
    struct voice_order this = order (10, 5);

    (void)state;
    assert_int_equal (voice_outcome_of (this, NULL, NULL), VOICE_PENDING);
    for (int i = 0; i < STANDINGS_; i++) {
        enum standing standing = (enum standing)i;
        assert_int_equal (voice_outcome_of (this, NULL, &standing),
                          standing == STANDING_ACTIVE ? VOICE_PROCESSED
                                                      : VOICE_PENDING);
    }
}

static void
test_voice_yields_to_a_newer_one (void **state)
{
    enum standing active = STANDING_ACTIVE;
    struct voice_order newer = order (11, 1), older = order (9, 1);

    (void)state;
    assert_int_equal (voice_outcome_of (order (10, 5), &newer, &active),
                      VOICE_SUPERSEDED);
    assert_int_equal (voice_outcome_of (order (10, 5), &newer, NULL),
                      VOICE_SUPERSEDED);
    assert_int_equal (voice_outcome_of (order (10, 5), &older, &active),
                      VOICE_PROCESSED);
}

static void
test_status_answers_know_four_words (void **state)
{
    (void)state;
    assert_int_equal (standing_status (STANDING_PENDING), NODE_PENDING);
    assert_int_equal (standing_status (STANDING_ACTIVE), NODE_ACTIVE);
    assert_int_equal (standing_status (STANDING_SUSPENDED), NODE_SUSPENDED);
    assert_int_equal (standing_status (STANDING_REMOVED), NODE_REMOVED);
    assert_int_equal (standing_status (STANDING_UNQUALIFIED), NODE_PENDING);
}

static void
test_names_read_back (void **state)
{
    (void)state;
    for (int i = 0; i < STANDINGS_; i++) {
        enum standing found = STANDINGS_;
        assert_int_equal (
            standing_from_name (standing_name ((enum standing)i), &found), 0);
        assert_int_equal (found, i);
    }
    for (int i = 0; i < VOICE_OUTCOMES_; i++) {
        enum voice_outcome found = VOICE_OUTCOMES_;
        assert_int_equal (
            voice_outcome_from_name (voice_outcome_name ((enum voice_outcome)i),
                                     &found),
            0);
        assert_int_equal (found, i);
    }
    enum standing standing;
    assert_int_equal (standing_from_name ("Active", &standing), -ENOENT);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_mining_pool_needs_one_percent),
        cmocka_unit_test (test_exchange_needs_holdings_and_volume),
        cmocka_unit_test (test_exchange_weighs_holdings_seven_to_three),
        cmocka_unit_test (test_custodian_and_holder_need_holdings),
        cmocka_unit_test (test_payment_processor_needs_monthly_volume),
        cmocka_unit_test (test_contributor_needs_one_proof_of_ninety_days),
        cmocka_unit_test (test_contributor_weighs_at_least_a_hundredth),
        cmocka_unit_test (test_absurd_number_elsewhere_disqualifies),
        cmocka_unit_test (test_weight_is_rounded_half_up_and_clamped),
        cmocka_unit_test (test_newer_wins_and_a_tie_goes_to_the_smaller_id),
        cmocka_unit_test (test_first_registration_is_judged_by_its_proofs),
        cmocka_unit_test (test_second_registration_is_never_in_force),
        cmocka_unit_test (test_voice_counts_only_for_an_active_node),
        cmocka_unit_test (test_voice_yields_to_a_newer_one),
        cmocka_unit_test (test_status_answers_know_four_words),
        cmocka_unit_test (test_names_read_back),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
