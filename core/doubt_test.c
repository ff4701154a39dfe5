/* What has to come together before a neighbour is shunned, and when that ends. */
#include "doubt.h"
#include "loop.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

enum { METRIC = 50 }; /* a margin of 1 s */

static bool silent(sl_doubt *d, unsigned dst, slow_time since, slow_time now) {
    slow_id id = {.size = 0};
    id.size = (uint8_t)snprintf(id.text, sizeof id.text, "d%u", dst);
    return sl_doubt_silent(d, &id, since, METRIC, now);
}

static void two_destinations_are_enough_after_four_seconds_and_their_margin(void **state) {
    sl_doubt d = {.shunned = false};
    (void)state;
    assert_false(silent(&d, 1, SL_SECOND, 6 * SL_SECOND));
    assert_false(silent(&d, 2, SL_SECOND, 6 * SL_SECOND - 1));
    assert_true(silent(&d, 2, SL_SECOND, 6 * SL_SECOND));
    assert_true(sl_doubt_look(&d, 6 * SL_SECOND));
    assert_true(d.shunned);
    assert_false(sl_doubt_look(&d, 36 * SL_SECOND - 1));
    assert_true(sl_doubt_look(&d, 36 * SL_SECOND));
    assert_false(d.shunned);
}

static void one_destination_has_to_be_silent_for_longer(void **state) {
    sl_doubt d = {.shunned = false};
    (void)state;
    assert_false(silent(&d, 1, SL_SECOND, 10 * SL_SECOND - 1));
    assert_true(silent(&d, 1, SL_SECOND, 10 * SL_SECOND));
}

static void whoever_is_farther_away_waits_for_longer(void **state) {
    sl_doubt near = {.shunned = false}, far = near;
    slow_id id = {.size = 1, .text = "d"};
    (void)state;
    assert_true(sl_doubt_silent(&near, &id, 1, 100, 10 * SL_SECOND + 1));
    assert_false(sl_doubt_silent(&far, &id, 1, 150, 11 * SL_SECOND));
    assert_true(sl_doubt_silent(&far, &id, 1, UINT32_MAX, 16 * SL_SECOND + 1)); /* and has an end */
}

static void any_arrival_refutes_what_was_before_it(void **state) {
    sl_doubt d = {.shunned = false};
    (void)state;
    for (slow_time now = 2; now < 600; now += 2) {
        assert_false(silent(&d, 1, SL_SECOND, now * SL_SECOND));
        assert_false(silent(&d, 2, SL_SECOND, now * SL_SECOND));
        sl_doubt_passed(&d, true, now * SL_SECOND + 1);
        sl_doubt_passed(&d, false, now * SL_SECOND + 2);
    }
    assert_int_equal(d.passed_on, 299);
    assert_int_equal(d.not_passed_on, 299);
    assert_false(sl_doubt_look(&d, 600 * SL_SECOND));
}

static void an_old_silence_does_not_count(void **state) {
    sl_doubt d = {.shunned = false};
    (void)state;
    assert_false(silent(&d, 1, SL_SECOND, 5 * SL_SECOND));
    assert_false(silent(&d, 2, 18 * SL_SECOND, 23 * SL_SECOND));
}

static void a_trial_is_short_and_what_follows_twice_as_long(void **state) {
    sl_doubt d = {.shunned = false};
    slow_time now = 10 * SL_SECOND, waits[] = {30, 60, 120, 240, 480, 600, 600};
    (void)state;
    assert_true(silent(&d, 1, SL_SECOND, now));
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        assert_true(sl_doubt_look(&d, now));
        assert_int_equal(d.wait_ns, waits[i] * SL_SECOND);
        assert_false(silent(&d, 1, 0, now + SL_SECOND)); /* it is shunned already */
        now += waits[i] * SL_SECOND;
        assert_true(sl_doubt_look(&d, now));
        assert_false(silent(&d, 1, now, now + 2 * SL_SECOND - 1));
        assert_true(silent(&d, 1, now, now + 2 * SL_SECOND));
        now += 2 * SL_SECOND;
    }
    sl_doubt_passed(&d, true, now);
    assert_false(silent(&d, 1, now + 1, now + 9 * SL_SECOND));
    assert_true(silent(&d, 1, now + 1, now + 9 * SL_SECOND + 1));
    assert_true(sl_doubt_look(&d, now + 9 * SL_SECOND + 1));
    assert_int_equal(d.wait_ns, 30 * SL_SECOND);
}

static void convictions_are_counted_from_the_first(void **state) {
    sl_doubt d = {.shunned = false};
    (void)state;
    sl_doubt_convict(&d, -1, 1);
    assert_int_equal(d.convictions, 0);
    sl_doubt_convict(&d, 1, 2);
    sl_doubt_convict(&d, 1, 3);
    assert_int_equal(d.convictions, 2);
    assert_int_equal(d.convicted_at, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_destinations_are_enough_after_four_seconds_and_their_margin),
        cmocka_unit_test(one_destination_has_to_be_silent_for_longer),
        cmocka_unit_test(whoever_is_farther_away_waits_for_longer),
        cmocka_unit_test(any_arrival_refutes_what_was_before_it),
        cmocka_unit_test(an_old_silence_does_not_count),
        cmocka_unit_test(a_trial_is_short_and_what_follows_twice_as_long),
        cmocka_unit_test(convictions_are_counted_from_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
