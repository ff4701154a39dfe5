/* Silence and arrivals of one peer, and what its way makes of them. */
#include "way.h"
#include "loop.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { ONE = 65537, OTHER = 65538 };

static void silence(sl_way *way, slow_link via, slow_time from, slow_time until) {
    for (slow_time now = from; now <= until; now += 250 * SL_MS)
        sl_way_silent(way, via, now);
}

static void a_second_of_silence_is_enough(void **state) {
    sl_way way = {.via = 0};
    (void)state;
    silence(&way, ONE, SL_SECOND, SL_SECOND + 750 * SL_MS);
    assert_false(sl_way_avoids(&way, ONE, 2 * SL_SECOND));
    sl_way_silent(&way, ONE, 2 * SL_SECOND);
    assert_true(sl_way_avoids(&way, ONE, 2 * SL_SECOND));
    assert_false(sl_way_avoids(&way, OTHER, 2 * SL_SECOND));
    assert_false(sl_way_avoids(&way, ONE, 12 * SL_SECOND));
}

static void two_signs_are_not_enough_however_far_apart(void **state) {
    sl_way way = {.via = 0};
    (void)state;
    sl_way_silent(&way, ONE, SL_SECOND);
    sl_way_silent(&way, ONE, 9 * SL_SECOND);
    assert_false(sl_way_avoids(&way, ONE, 9 * SL_SECOND));
    for (slow_time now = 60; now < 600; now += 16)
        sl_way_silent(&way, ONE, now * SL_SECOND);
    assert_int_equal(way.count, 0);
}

static void loss_of_nearly_everything_is_not_silence(void **state) {
    sl_way way = {.via = 0};
    (void)state;
    for (slow_time now = SL_SECOND; now < 600 * SL_SECOND; now += SL_SECOND) {
        silence(&way, ONE, now, now + 900 * SL_MS);
        assert_false(sl_way_heard(&way, ONE, now + 950 * SL_MS));
    }
    assert_int_equal(way.count, 0);
}

static void it_is_tried_again_for_ever_longer(void **state) {
    sl_way way = {.via = 0};
    slow_time now = SL_SECOND, waits[] = {10, 20, 40, 80, 160, 320, 600, 600};
    (void)state;
    silence(&way, ONE, now, 2 * SL_SECOND);
    now = 2 * SL_SECOND;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        assert_true(sl_way_avoids(&way, ONE, now + waits[i] * SL_SECOND - 1));
        now += waits[i] * SL_SECOND;
        assert_false(sl_way_avoids(&way, ONE, now));
        sl_way_silent(&way, ONE, now);
        assert_false(sl_way_avoids(&way, ONE, now));
        sl_way_silent(&way, ONE, now);
    }
    assert_false(sl_way_heard(&way, ONE, now));
    assert_int_equal(way.count, 0);
    sl_way_silent(&way, ONE, now);
    sl_way_silent(&way, ONE, now + SL_MS);
    assert_false(sl_way_avoids(&way, ONE, now + SL_MS)); /* as if it had never been */
}

static void who_is_heard_by_another_way_convicts_and_by_the_same_acquits(void **state) {
    sl_way way = {.via = 0};
    uint32_t place = 0;
    (void)state;
    silence(&way, ONE, SL_SECOND, 2 * SL_SECOND);
    assert_false(sl_way_heard(&way, OTHER, 3 * SL_SECOND)); /* it may have been bad luck */
    assert_int_equal(sl_way_convicts(&way, &place), 0);
    silence(&way, ONE, 12 * SL_SECOND, 13 * SL_SECOND);
    assert_true(sl_way_heard(&way, OTHER, 14 * SL_SECOND));
    assert_false(sl_way_heard(&way, OTHER, 14 * SL_SECOND));
    place = 0;
    assert_int_equal(sl_way_convicts(&way, &place), ONE);
    assert_int_equal(sl_way_convicts(&way, &place), 0);
    assert_true(sl_way_heard(&way, ONE, 40 * SL_SECOND));
    place = 0;
    assert_int_equal(sl_way_convicts(&way, &place), 0);
}

static void of_a_dead_peer_nobody_is_convicted(void **state) {
    sl_way way = {.via = 0};
    uint32_t place = 0;
    (void)state;
    for (slow_time now = SL_SECOND; now < 3600 * SL_SECOND; now += 250 * SL_MS)
        sl_way_silent(&way, sl_way_avoids(&way, ONE, now) ? OTHER : ONE, now);
    assert_true(way.futile);
    assert_int_equal(sl_way_convicts(&way, &place), 0);
    sl_way_heard(&way, OTHER, 3600 * SL_SECOND);
    assert_false(way.futile);
}

static void adjacencies_that_ended_give_their_place_away(void **state) {
    sl_way way = {.via = 0};
    (void)state;
    for (slow_link via = 1; via < 100; via++) {
        silence(&way, via, via * 2 * SL_SECOND, via * 2 * SL_SECOND + SL_SECOND);
        assert_true(sl_way_avoids(&way, via, via * 2 * SL_SECOND + SL_SECOND));
        assert_in_range(way.count, 1, SL_WAY_AVOIDED);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_of_silence_is_enough),
        cmocka_unit_test(two_signs_are_not_enough_however_far_apart),
        cmocka_unit_test(loss_of_nearly_everything_is_not_silence),
        cmocka_unit_test(it_is_tried_again_for_ever_longer),
        cmocka_unit_test(who_is_heard_by_another_way_convicts_and_by_the_same_acquits),
        cmocka_unit_test(of_a_dead_peer_nobody_is_convicted),
        cmocka_unit_test(adjacencies_that_ended_give_their_place_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
