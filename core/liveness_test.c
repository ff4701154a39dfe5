/* Liveness: how long a silence is death, how often we speak, how far the other end is and what the way costs. */
#include "liveness.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const slow_time START = 100 * SL_SECOND;

static sl_liveness begun(uint64_t rtt_ns, bool guess) {
    sl_liveness l;
    sl_liveness_init(&l, START, rtt_ns, guess, 1000000, 0);
    return l;
}

/* A probe of the other end's that echoes nothing. */
static sl_probe probe(uint16_t keep_ms, uint16_t want_ms) {
    return (sl_probe){.keep_ms = keep_ms, .want_ms = want_ms, .stamp = 1};
}

static sl_probe made(sl_liveness *l, slow_time now) {
    sl_probe p;
    sl_liveness_make(l, &p, now);
    return p;
}

/* ---- when a silence is death ---- */

static void assert_dies_after(uint16_t peer_keep_ms, slow_time silence) {
    sl_liveness l = begun(SL_MS, false);
    sl_probe p = probe(peer_keep_ms, 1000);
    sl_liveness_take(&l, &p, START);
    sl_liveness_heard(&l, START + SL_SECOND, 1);
    slow_time end = START + SL_SECOND + silence;
    assert_false(sl_liveness_dead(&l, end - 1, end - 1));
    assert_true(sl_liveness_dead(&l, end, end));
}

static void a_link_is_dead_after_three_of_the_senders_intervals_and_50_ms(void **state) {
    (void)state;
    assert_dies_after(100, 350 * SL_MS);   /* hot */
    assert_dies_after(200, 650 * SL_MS);   /* warm */
    assert_dies_after(1000, 3050 * SL_MS); /* idle */
    assert_dies_after(0, 53 * SL_MS);      /* nobody keeps less than a millisecond */
    assert_dies_after(65535, 180050 * SL_MS);
}

static void a_new_link_is_taken_for_warm(void **state) {
    (void)state;
    sl_liveness l = begun(SL_MS, false);
    assert_false(sl_liveness_dead(&l, START + 650 * SL_MS - 1, START + 650 * SL_MS - 1));
    assert_true(sl_liveness_dead(&l, START + 650 * SL_MS, START + 650 * SL_MS));
}

static void a_late_loop_grants_one_interval(void **state) {
    (void)state;
    sl_liveness l = begun(SL_MS, false);
    slow_time end = START + 650 * SL_MS;
    sl_liveness on_time = l;
    assert_true(sl_liveness_dead(&on_time, end, end - 100 * SL_MS)); /* late by half an interval, and no more */
    assert_false(sl_liveness_dead(&l, end, end - 100 * SL_MS - 1));
    assert_true(sl_liveness_next(&l) <= end + 200 * SL_MS);
    assert_false(sl_liveness_dead(&l, end + 200 * SL_MS - 1, end + 200 * SL_MS - 1));
    assert_true(sl_liveness_dead(&l, end + 200 * SL_MS, end)); /* and only one, however late */
    sl_liveness_heard(&l, end + 200 * SL_MS, 1);
    assert_false(sl_liveness_dead(&l, end + 300 * SL_MS, end + 300 * SL_MS));
}

static void a_loop_that_slept_for_long_grants_nothing(void **state) {
    (void)state;
    sl_liveness l = begun(SL_MS, false);
    assert_true(sl_liveness_dead(&l, START + 60 * SL_SECOND, START + 650 * SL_MS));
}

/* ---- how often we speak ---- */

static uint16_t wish(enum sl_link_mode mode, uint64_t rtt_ns) {
    sl_liveness l = begun(rtt_ns, false);
    sl_liveness_set_mode(&l, mode, START);
    return made(&l, START).want_ms;
}

static void each_mode_has_its_interval(void **state) {
    (void)state;
    assert_int_equal(wish(SL_LINK_WARM, SL_MS), 200);
    assert_int_equal(wish(SL_LINK_IDLE, SL_MS), 1000);
    assert_int_equal(wish(SL_LINK_HOT, SL_MS), 100);
    assert_int_equal(wish(SL_LINK_HOT, 200 * SL_MS), 100);
    assert_int_equal(wish(SL_LINK_HOT, 600 * SL_MS), 300); /* half a round trip */
    assert_int_equal(wish(SL_LINK_HOT, 5 * SL_SECOND), 1000);
}

static void an_end_speaks_faster_at_once(void **state) {
    (void)state;
    sl_liveness l = begun(SL_MS, false);
    sl_probe said = made(&l, START);
    assert_int_equal(said.keep_ms, 200);
    assert_false(l.probe_now);
    sl_liveness_set_mode(&l, SL_LINK_HOT, START);
    assert_int_equal(l.keep_ms, 100);
    assert_true(l.probe_now); /* and says so */
    assert_int_equal(made(&l, START).keep_ms, 100);
    sl_probe hurry = probe(200, 50);
    sl_liveness_take(&l, &hurry, START);
    assert_int_equal(l.keep_ms, 50);
    assert_true(l.probe_now);
}

static void a_peer_cannot_make_us_speak_more_than_100_times_a_second(void **state) {
    (void)state;
    sl_liveness l = begun(SL_MS, false);
    sl_probe hurry = probe(200, 0);
    sl_liveness_take(&l, &hurry, START);
    assert_int_equal(l.keep_ms, 10);
}

/* BFD, RFC 5880 6.8.3: or a lost probe would look like death. */
static void an_end_slows_down_only_when_the_other_has_heard_of_it(void **state) {
    (void)state;
    sl_liveness l = begun(SL_MS, false);
    made(&l, START);
    sl_probe slow = probe(1000, 1000);
    sl_liveness_take(&l, &slow, START);
    sl_liveness_set_mode(&l, SL_LINK_IDLE, START);
    assert_int_equal(l.keep_ms, 200);
    sl_probe told = made(&l, START + SL_SECOND);
    assert_int_equal(told.keep_ms, 1000);
    assert_int_equal(l.keep_ms, 200);
    sl_probe echo = {.keep_ms = 1000, .want_ms = 1000, .stamp = 2, .echo = told.stamp - 1, .held = 0};
    sl_liveness_take(&l, &echo, START + SL_SECOND + SL_MS); /* of an older one */
    assert_int_equal(l.keep_ms, 200);
    made(&l, START + SL_SECOND + 2 * SL_MS); /* a repetition does not begin anew */
    echo.echo = told.stamp;
    sl_liveness_take(&l, &echo, START + SL_SECOND + 3 * SL_MS);
    assert_int_equal(l.keep_ms, 1000);
}

static void an_end_does_not_slow_down_below_what_the_other_wants(void **state) {
    (void)state;
    sl_liveness l = begun(SL_MS, false);
    sl_liveness_set_mode(&l, SL_LINK_IDLE, START);
    assert_int_equal(made(&l, START).keep_ms, 200); /* the other end is taken for warm, and wants 200 */
    sl_probe p = probe(200, 500);
    sl_liveness_take(&l, &p, START);
    assert_int_equal(made(&l, START).keep_ms, 500);
}

static void a_probe_goes_out_only_where_nothing_else_did(void **state) {
    (void)state;
    sl_liveness l = begun(SL_MS, false);
    assert_true(sl_liveness_probe_due(&l, START));
    made(&l, START);
    sl_liveness_sent(&l, START);
    assert_false(sl_liveness_probe_due(&l, START + 200 * SL_MS - 1));
    assert_true(sl_liveness_probe_due(&l, START + 200 * SL_MS));
    sl_liveness_sent(&l, START + 150 * SL_MS);
    assert_false(sl_liveness_probe_due(&l, START + 350 * SL_MS - 1));
    assert_true(sl_liveness_next(&l) == START + 350 * SL_MS);
    for (slow_time at = START; at < START + SL_SECOND; at += 50 * SL_MS) {
        sl_liveness_sent(&l, at);
        assert_false(sl_liveness_probe_due(&l, at));
    }
    assert_true(sl_liveness_probe_due(&l, START + SL_SECOND)); /* only probes carry stamps: one a second */
}

/* ---- how far ---- */

/* The other end echoes our probe of `sent` after holding it for `held_ms`; it comes at `at`. */
static void echoed(sl_liveness *l, slow_time sent, uint32_t held_ms, slow_time at) {
    sl_probe back = {
        .keep_ms = 200, .want_ms = 200, .stamp = 1, .echo = (uint32_t)(sent / 1000), .held = held_ms * 1000};
    sl_liveness_take(l, &back, at);
}

static void a_round_trip_is_what_passed_less_what_was_held(void **state) {
    (void)state;
    sl_liveness l = begun(0, false);
    sl_probe said = made(&l, START);
    assert_int_equal(said.stamp, (uint32_t)(START / 1000));
    echoed(&l, START, 5, START + 25 * SL_MS);
    assert_true(l.srtt_ns == 20 * SL_MS);
    echoed(&l, START, 5, START + 33 * SL_MS);
    assert_true(l.srtt_ns == 21 * SL_MS); /* an eighth of the way to 28 */
    assert_true(l.least_ns[0] == 20 * SL_MS);
}

static void an_echo_that_cannot_be_is_ignored(void **state) {
    (void)state;
    sl_liveness l = begun(20 * SL_MS, false);
    echoed(&l, START + SL_SECOND, 0, START); /* of the future */
    echoed(&l, START, 30, START + 25 * SL_MS);
    echoed(&l, START - 61 * SL_SECOND, 0, START);
    assert_true(l.srtt_ns == 20 * SL_MS);
}

static void we_tell_how_long_we_held_an_echo(void **state) {
    (void)state;
    sl_liveness l = begun(SL_MS, false);
    assert_int_equal(made(&l, START).echo, 0);
    sl_probe p = {.keep_ms = 200, .want_ms = 200, .stamp = 4711};
    sl_liveness_take(&l, &p, START);
    sl_probe said = made(&l, START + 7 * SL_MS);
    assert_int_equal(said.echo, 4711);
    assert_int_equal(said.held, 7000);
}

static void a_guess_is_replaced_at_once(void **state) {
    (void)state;
    sl_liveness l = begun(500 * SL_MS, true);
    assert_int_equal(l.told_cost, 2500);
    assert_false(sl_liveness_retell(&l, START));
    echoed(&l, START, 0, START + 20 * SL_MS);
    assert_true(l.srtt_ns == 20 * SL_MS);
    assert_true(sl_liveness_retell(&l, START + 20 * SL_MS));
    assert_int_equal(l.told_cost, 100);
    assert_false(sl_liveness_retell(&l, START + 20 * SL_MS));
}

/* ---- what it costs ---- */

static uint32_t cost_of(uint64_t rtt_ns, uint32_t factor_ppm, uint32_t bias) {
    sl_liveness l;
    sl_liveness_init(&l, START, rtt_ns, false, factor_ppm, bias);
    assert_int_equal(l.told_cost, sl_liveness_cost(&l));
    return l.told_cost;
}

static void the_cost_is_half_the_round_trip_in_tenths_of_ms(void **state) {
    (void)state;
    assert_int_equal(cost_of(20 * SL_MS, 1000000, 0), 100);
    assert_int_equal(cost_of(10 * SL_MS + 100000, 1000000, 0), 51); /* 50.5, rounded */
    assert_int_equal(cost_of(SL_MS, 1000000, 0), 10);               /* no less */
    assert_int_equal(cost_of(0, 1000000, 0), 10);
    assert_int_equal(cost_of(20 * SL_MS, 2500000, 0), 250);
    assert_int_equal(cost_of(20 * SL_MS, 2500000, 7), 257);
    assert_int_equal(cost_of(20 * SL_MS, 10000, 0), 1);
    assert_int_equal(cost_of(SL_MS, 10000, 0), 1);
    assert_int_equal(cost_of(3600 * SL_SECOND, 100000000, 60000), 65534);
}

/* Of `expected` frames behind the first, every second comes. */
static void hear_half(sl_liveness *l, uint64_t first, uint64_t expected, slow_time now) {
    sl_liveness_heard(l, now, first);
    for (uint64_t number = first + 2; number <= first + expected; number += 2)
        sl_liveness_heard(l, now, number);
}

static void turn(sl_liveness *l, slow_time now) {
    sl_probe p = probe(200, 200);
    sl_liveness_take(l, &p, now);
}

static void loss_is_learnt_from_gaps_and_makes_a_way_dearer(void **state) {
    (void)state;
    sl_liveness l = begun(20 * SL_MS, false);
    hear_half(&l, 1, 100, START);
    turn(&l, START + 10 * SL_SECOND - 1);
    assert_int_equal(l.loss_ppm, 0);
    turn(&l, START + 10 * SL_SECOND);
    assert_int_equal(l.loss_ppm, 125000);        /* a quarter of the way to one half */
    assert_int_equal(sl_liveness_cost(&l), 130); /* 100 / 0.875^2 */
    hear_half(&l, 101, 100, START + 11 * SL_SECOND);
    turn(&l, START + 20 * SL_SECOND);
    assert_int_equal(l.loss_ppm, 218750); /* each window by itself */
}

static void a_few_frames_are_no_measure_of_loss(void **state) {
    (void)state;
    sl_liveness l = begun(20 * SL_MS, false);
    hear_half(&l, 1, 18, START);
    turn(&l, START + 10 * SL_SECOND);
    assert_int_equal(l.loss_ppm, 0);
    hear_half(&l, 19, 18, START + 11 * SL_SECOND); /* they are not forgotten */
    turn(&l, START + 20 * SL_SECOND);
    assert_true(l.loss_ppm > 100000);
}

static void reordering_and_streams_are_no_loss(void **state) {
    (void)state;
    sl_liveness l = begun(20 * SL_MS, false), stream = begun(20 * SL_MS, false);
    sl_liveness_heard(&l, START, 1);
    for (uint64_t number = 2; number <= 100; number += 2) {
        sl_liveness_heard(&l, START, number + 1);
        sl_liveness_heard(&l, START, number);
        sl_liveness_heard(&stream, START, 0);
    }
    turn(&l, START + 10 * SL_SECOND);
    turn(&stream, START + 10 * SL_SECOND);
    assert_int_equal(l.loss_ppm, 0);
    assert_int_equal(stream.loss_ppm, 0);
}

static void the_least_round_trip_of_the_last_windows_counts(void **state) {
    (void)state;
    sl_liveness l = begun(20 * SL_MS, false);
    slow_time now = START;
    for (; now < START + 10 * SL_SECOND; now += SL_SECOND)
        echoed(&l, now, 0, now + 60 * SL_MS);
    assert_int_equal(sl_liveness_cost(&l), 100);
    for (; now < START + 19 * SL_SECOND; now += SL_SECOND)
        echoed(&l, now, 0, now + 60 * SL_MS);
    assert_int_equal(sl_liveness_cost(&l), 100); /* of the window before */
    for (; now < START + 22 * SL_SECOND; now += SL_SECOND)
        echoed(&l, now, 0, now + 60 * SL_MS);
    assert_int_equal(sl_liveness_cost(&l), 300);
}

static void a_cost_is_told_again_after_10_s_beyond_a_quarter(void **state) {
    (void)state;
    sl_liveness l = begun(20 * SL_MS, false);
    l.least_ns[0] = 25 * SL_MS; /* 125: a quarter, and no more */
    assert_false(sl_liveness_retell(&l, START));
    assert_false(sl_liveness_retell(&l, START + 20 * SL_SECOND));
    l.least_ns[0] = 26 * SL_MS;
    assert_false(sl_liveness_retell(&l, START + 20 * SL_SECOND));
    assert_false(sl_liveness_retell(&l, START + 30 * SL_SECOND - 1));
    l.least_ns[0] = 20 * SL_MS; /* back in time: the ten seconds begin anew */
    assert_false(sl_liveness_retell(&l, START + 30 * SL_SECOND - 1));
    l.least_ns[0] = 26 * SL_MS;
    assert_false(sl_liveness_retell(&l, START + 30 * SL_SECOND));
    assert_false(sl_liveness_retell(&l, START + 40 * SL_SECOND - 1));
    assert_int_equal(l.told_cost, 100);
    assert_true(sl_liveness_retell(&l, START + 40 * SL_SECOND));
    assert_int_equal(l.told_cost, 130);
    assert_false(sl_liveness_retell(&l, START + 40 * SL_SECOND));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_is_dead_after_three_of_the_senders_intervals_and_50_ms),
        cmocka_unit_test(a_new_link_is_taken_for_warm),
        cmocka_unit_test(a_late_loop_grants_one_interval),
        cmocka_unit_test(a_loop_that_slept_for_long_grants_nothing),
        cmocka_unit_test(each_mode_has_its_interval),
        cmocka_unit_test(an_end_speaks_faster_at_once),
        cmocka_unit_test(a_peer_cannot_make_us_speak_more_than_100_times_a_second),
        cmocka_unit_test(an_end_slows_down_only_when_the_other_has_heard_of_it),
        cmocka_unit_test(an_end_does_not_slow_down_below_what_the_other_wants),
        cmocka_unit_test(a_probe_goes_out_only_where_nothing_else_did),
        cmocka_unit_test(a_round_trip_is_what_passed_less_what_was_held),
        cmocka_unit_test(an_echo_that_cannot_be_is_ignored),
        cmocka_unit_test(we_tell_how_long_we_held_an_echo),
        cmocka_unit_test(a_guess_is_replaced_at_once),
        cmocka_unit_test(the_cost_is_half_the_round_trip_in_tenths_of_ms),
        cmocka_unit_test(loss_is_learnt_from_gaps_and_makes_a_way_dearer),
        cmocka_unit_test(a_few_frames_are_no_measure_of_loss),
        cmocka_unit_test(reordering_and_streams_are_no_loss),
        cmocka_unit_test(the_least_round_trip_of_the_last_windows_counts),
        cmocka_unit_test(a_cost_is_told_again_after_10_s_beyond_a_quarter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
