/* Each rule of RFC 9002 that recovery.c claims, one by one. */
#include "recovery.h"
#include "loop.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FULL = SLOW_PAYLOAD_MAX + SL_PACKET_OVERHEAD, FIRST = 10 * FULL, MOST = 16 * 1024 * 1024 };
static const slow_time RTT = 100 * SL_MS;

typedef struct rig {
    sl_recovery *r;
    slow_time now;
    uint64_t number; /* of the last packet */
    uint32_t acked, lost, acked_asks;
    sl_cargo last_lost;
} rig;

static void on_acked(void *arg, const sl_cargo *cargo) {
    rig *g = arg;
    g->acked++;
    g->acked_asks += cargo->message == 0;
}

static void on_lost(void *arg, const sl_cargo *cargo) {
    rig *g = arg;
    g->lost++;
    g->last_lost = *cargo;
}

static int set_up(void **state) {
    rig *g = calloc(1, sizeof *g);
    g->now = SL_SECOND;
    sl_recovery_events events = {.arg = g, .acked = on_acked, .lost = on_lost};
    g->r = sl_recovery_new(RTT, &events);
    *state = g;
    return g->r == NULL;
}

static int tear_down(void **state) {
    rig *g = *state;
    sl_recovery_free(g->r);
    free(g);
    return 0;
}

static uint64_t window(const rig *g) {
    return sl_recovery_info_of(g->r).window;
}

static uint64_t flying(const rig *g) {
    return sl_recovery_info_of(g->r).flying;
}

/* A packet whose message bears the packet's number. */
static uint64_t sent(rig *g) {
    sl_cargo cargo = {.message = ++g->number};
    assert_true(sl_recovery_sent(g->r, g->number, FULL, &cargo, g->now));
    return g->number;
}

static void sent_ask(rig *g) {
    assert_true(sl_recovery_sent(g->r, ++g->number, 80, &(sl_cargo){.message = 0}, g->now));
}

static void acks_late(rig *g, uint64_t first, uint64_t last, uint32_t delay_us) {
    sl_state state = {.ack_count = 1, .ack = {{first, last}}, .delay_us = delay_us};
    sl_recovery_acks(g->r, &state, g->now);
}

static void acks(rig *g, uint64_t first, uint64_t last) {
    acks_late(g, first, last, 0);
}

/* One packet there and back. */
static void round_trip(rig *g) {
    uint64_t number = sent(g);
    g->now += RTT;
    acks(g, number, number);
}

/* All that the window lets go, there and back. */
static void flight(rig *g) {
    uint64_t from = g->number + 1;
    while (sl_recovery_may_send(g->r, FULL))
        sent(g);
    g->now += RTT;
    acks(g, from, g->number);
}

static void a_packet_is_lost_when_the_third_after_it_has_come(void **state) {
    rig *g = *state;
    for (int i = 0; i < 4; i++)
        sent(g);
    g->now += RTT;
    acks(g, 3, 3);
    assert_int_equal(g->lost, 0);
    acks(g, 4, 4);
    assert_int_equal(g->lost, 1);
    assert_int_equal(g->last_lost.message, 1);
    assert_int_equal(flying(g), FULL);
    acks(g, 1, 1);
    assert_int_equal(g->acked, 2);
}

static void numbers_that_nobody_acknowledges_are_no_distance(void **state) {
    rig *g = *state;
    sent(g);
    g->number += 5; /* STATEs */
    sent(g);
    g->now += RTT;
    acks(g, 7, 7);
    assert_int_equal(g->lost, 0);
}

static void a_packet_is_lost_an_eighth_of_a_round_trip_after_its_time(void **state) {
    rig *g = *state;
    round_trip(g);
    uint64_t late = sent(g);
    sent(g);
    slow_time sent_at = g->now;
    g->now += RTT;
    acks(g, late + 1, late + 1);
    assert_int_equal(g->lost, 0);
    assert_int_equal(sl_recovery_due(g->r), sent_at + RTT * 9 / 8);
    g->now = sl_recovery_due(g->r) - 1;
    assert_false(sl_recovery_timer(g->r, g->now));
    assert_int_equal(g->lost, 0);
    g->now++;
    assert_false(sl_recovery_timer(g->r, g->now));
    assert_int_equal(g->lost, 1);
    assert_int_equal(g->last_lost.message, late);
    assert_int_equal(sl_recovery_due(g->r), UINT64_MAX);
}

static void the_first_sample_sets_the_round_trip_and_later_ones_smooth_it(void **state) {
    rig *g = *state;
    uint64_t number = sent(g);
    g->now += 40 * SL_MS;
    acks(g, number, number);
    sl_recovery_info info = sl_recovery_info_of(g->r);
    assert_int_equal(info.rtt_ns, 40 * SL_MS);
    assert_int_equal(info.rtt_deviation_ns, 20 * SL_MS);
    number = sent(g);
    g->now += 80 * SL_MS;
    acks(g, number, number);
    info = sl_recovery_info_of(g->r);
    assert_int_equal(info.rtt_ns, 45 * SL_MS);
    assert_int_equal(info.rtt_deviation_ns, 25 * SL_MS);
    assert_int_equal(info.rtt_least_ns, 40 * SL_MS);
}

static void the_receivers_delay_is_believed_to_a_point(void **state) {
    rig *g = *state;
    uint64_t number = sent(g);
    g->now += 40 * SL_MS;
    acks(g, number, number);
    number = sent(g);
    g->now += 48 * SL_MS;
    acks_late(g, number, number, 60 * 1000); /* 5 ms of it */
    assert_int_equal(sl_recovery_info_of(g->r).rtt_ns, (7 * 40 + 43) * SL_MS / 8);
    slow_time before = sl_recovery_info_of(g->r).rtt_ns;
    number = sent(g);
    g->now += 42 * SL_MS;
    acks_late(g, number, number, 4000); /* would be less than the least */
    assert_int_equal(sl_recovery_info_of(g->r).rtt_ns, (7 * before + 42 * SL_MS) / 8);
}

static void an_acknowledgement_that_repeats_is_no_sample(void **state) {
    rig *g = *state;
    uint64_t number = sent(g);
    sent(g);
    g->now += RTT;
    acks(g, number + 1, number + 1);
    slow_time rtt = sl_recovery_info_of(g->r).rtt_ns;
    g->now += 10 * SL_MS;
    acks(g, number, number + 1); /* what is new is not the highest */
    assert_int_equal(sl_recovery_info_of(g->r).rtt_ns, rtt);
    assert_int_equal(g->acked, 2);
}

static void what_was_never_sent_cannot_be_acknowledged(void **state) {
    rig *g = *state;
    sent(g);
    sent(g);
    acks(g, 100, SLOW_NUMBER_MAX);
    assert_int_equal(g->acked + g->lost, 0);
    assert_int_equal(flying(g), 2 * FULL);
    sl_state hostile = {.ack_count = 2, .ack = {{2, SLOW_NUMBER_MAX}, {1, 1}}};
    sl_recovery_acks(g->r, &hostile, g->now);
    assert_int_equal(g->acked, 2);
}

static void probes_double_up_to_ten_seconds_while_something_is_expected(void **state) {
    rig *g = *state;
    assert_int_equal(sl_recovery_due(g->r), UINT64_MAX);
    sl_recovery_expect(g->r, true, g->now);
    slow_time patience = RTT + 4 * (RTT / 2) + 5 * SL_MS;
    assert_int_equal(sl_recovery_patience(g->r), patience);
    sent(g);
    for (int i = 0; i < 12; i++) {
        slow_time expected = patience << i < 10 * SL_SECOND ? patience << i : 10 * SL_SECOND;
        assert_int_equal(sl_recovery_due(g->r) - g->now, expected);
        g->now = sl_recovery_due(g->r);
        assert_false(sl_recovery_timer(g->r, g->now - 1));
        assert_true(sl_recovery_timer(g->r, g->now));
        assert_int_equal(sl_recovery_info_of(g->r).probes, i + 1);
    }
    assert_int_equal(g->lost, 0); /* a timeout alone loses nothing (6.2) */
    uint64_t number = sent(g);
    g->now += RTT;
    acks(g, number, number);
    assert_int_equal(sl_recovery_info_of(g->r).probes, 0);
    assert_int_equal(sl_recovery_due(g->r) - g->now, sl_recovery_patience(g->r));
    sl_recovery_expect(g->r, false, g->now);
    assert_int_equal(sl_recovery_due(g->r), UINT64_MAX);
}

static void without_a_known_round_trip_it_is_333_ms(void **state) {
    (void)state;
    rig g = {.now = 0};
    sl_recovery_events events = {.arg = &g, .acked = on_acked, .lost = on_lost};
    g.r = sl_recovery_new(0, &events);
    assert_int_equal(sl_recovery_patience(g.r), (333 + 4 * 333 / 2 + 5) * SL_MS);
    sl_recovery_free(g.r);
}

static void an_answered_ask_does_not_end_the_doubling(void **state) {
    rig *g = *state;
    sl_recovery_expect(g->r, true, g->now);
    round_trip(g);
    slow_time before = 0;
    for (int i = 0; i < 6; i++) {
        slow_time wait = sl_recovery_due(g->r) - g->now;
        assert_true(wait > before);
        before = wait;
        g->now += wait;
        assert_true(sl_recovery_timer(g->r, g->now));
        sent_ask(g);
        g->now += RTT;
        acks(g, g->number, g->number);
    }
    assert_int_equal(g->acked_asks, 6);
    sent(g);
    assert_int_equal(sl_recovery_due(g->r) - g->now, sl_recovery_patience(g->r));
}

static void a_packet_that_was_not_sent_after_all_leaves_no_trace(void **state) {
    rig *g = *state;
    sl_recovery_expect(g->r, true, g->now);
    sent_ask(g);
    g->now = sl_recovery_due(g->r);
    assert_true(sl_recovery_timer(g->r, g->now));
    slow_time due = sl_recovery_due(g->r);
    uint64_t bytes = flying(g);
    g->now += SL_MS;
    uint64_t number = sent(g);
    assert_int_not_equal(sl_recovery_due(g->r), due);
    sl_recovery_unsent(g->r, number);
    assert_int_equal(sl_recovery_due(g->r), due);
    assert_int_equal(flying(g), bytes);
    assert_int_equal(sl_recovery_info_of(g->r).sent, 1);
    acks(g, number, number);
    assert_int_equal(g->acked, 0);
}

static void the_first_window_is_ten_packets_and_slow_start_doubles_it(void **state) {
    rig *g = *state;
    assert_int_equal(window(g), FIRST);
    for (int i = 1; i <= 3; i++) {
        flight(g);
        assert_int_equal(window(g), FIRST << i);
    }
}

static void the_window_has_an_end(void **state) {
    rig *g = *state;
    for (int i = 0; i < 14; i++)
        flight(g);
    assert_int_equal(window(g), MOST);
    assert_int_equal(flying(g), 0);
}

static void a_window_that_is_not_used_does_not_grow(void **state) {
    rig *g = *state;
    for (int i = 0; i < 100; i++)
        round_trip(g);
    assert_int_equal(window(g), FIRST);
}

static void losses_of_one_flight_halve_the_window_once(void **state) {
    rig *g = *state;
    uint64_t from = g->number + 1;
    while (sl_recovery_may_send(g->r, FULL))
        sent(g);
    g->now += RTT;
    acks(g, from + 4, from + 4); /* the first two */
    assert_int_equal(g->lost, 2);
    assert_int_equal(window(g), FIRST / 2);
    acks(g, from + 9, from + 9); /* and more of the same flight */
    assert_int_equal(g->lost, 6);
    assert_int_equal(window(g), FIRST / 2);
    g->now += RTT / 2; /* a loss after recovery began is another */
    for (int i = 0; i < 4; i++)
        sent(g);
    g->now += RTT;
    acks(g, g->number, g->number);
    assert_int_equal(window(g), FIRST / 4);
}

static void after_a_loss_the_window_grows_by_a_packet_a_round_trip(void **state) {
    rig *g = *state;
    flight(g);
    flight(g);
    for (int i = 0; i < 4; i++)
        sent(g);
    g->now += RTT;
    acks(g, g->number, g->number);
    uint64_t halved = window(g);
    assert_int_equal(halved, FIRST * 2);
    acks(g, g->number - 2, g->number - 1); /* of the lost flight: no growth */
    assert_int_equal(window(g), halved);
    g->now += RTT;
    flight(g);
    assert_in_range(window(g), halved + FULL * 9 / 10, halved + FULL);
}

static void three_probe_timeouts_of_loss_collapse_the_window(void **state) {
    rig *g = *state;
    flight(g);
    flight(g);
    slow_time patience = sl_recovery_patience(g->r);
    g->now += SL_MS;
    sent(g);
    g->now += 3 * patience + SL_MS;
    for (int i = 0; i < 4; i++)
        sent(g);
    g->now += RTT;
    acks(g, g->number, g->number);
    assert_int_equal(g->lost, 2);
    assert_int_equal(window(g), 2 * FULL);
}

static void what_arrives_between_losses_is_no_persistent_congestion(void **state) {
    rig *g = *state;
    flight(g);
    flight(g);
    slow_time patience = sl_recovery_patience(g->r);
    uint64_t before = window(g);
    g->now += SL_MS;
    sent(g);
    uint64_t between = sent(g);
    g->now += 3 * patience + SL_MS;
    for (int i = 0; i < 4; i++)
        sent(g);
    g->now += RTT;
    sl_state state_ = {.ack_count = 2, .ack = {{g->number, g->number}, {between, between}}};
    sl_recovery_acks(g->r, &state_, g->now);
    assert_int_equal(g->lost, 2);
    assert_int_equal(window(g), before / 2);
}

static void the_window_never_falls_below_two_packets(void **state) {
    rig *g = *state;
    for (int i = 0; i < 6; i++) {
        g->now += RTT;
        for (int k = 0; k < 4; k++)
            sent(g);
        g->now += RTT;
        acks(g, g->number, g->number);
    }
    assert_int_equal(window(g), 2 * FULL);
}

static void the_oldest_under_way_are_told_in_turn(void **state) {
    rig *g = *state;
    sent(g);
    sent_ask(g);
    sent(g);
    sent(g);
    acks(g, 3, 3);
    uint64_t place = 0;
    sl_cargo cargo;
    assert_true(sl_recovery_next(g->r, &place, &cargo));
    assert_int_equal(cargo.message, 1);
    assert_true(sl_recovery_next(g->r, &place, &cargo));
    assert_int_equal(cargo.message, 4);
    assert_false(sl_recovery_next(g->r, &place, &cargo));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_packet_is_lost_when_the_third_after_it_has_come),
        TEST(numbers_that_nobody_acknowledges_are_no_distance),
        TEST(a_packet_is_lost_an_eighth_of_a_round_trip_after_its_time),
        TEST(the_first_sample_sets_the_round_trip_and_later_ones_smooth_it),
        TEST(the_receivers_delay_is_believed_to_a_point),
        TEST(an_acknowledgement_that_repeats_is_no_sample),
        TEST(what_was_never_sent_cannot_be_acknowledged),
        TEST(probes_double_up_to_ten_seconds_while_something_is_expected),
        TEST(without_a_known_round_trip_it_is_333_ms),
        TEST(an_answered_ask_does_not_end_the_doubling),
        TEST(a_packet_that_was_not_sent_after_all_leaves_no_trace),
        TEST(the_first_window_is_ten_packets_and_slow_start_doubles_it),
        TEST(the_window_has_an_end),
        TEST(a_window_that_is_not_used_does_not_grow),
        TEST(losses_of_one_flight_halve_the_window_once),
        TEST(after_a_loss_the_window_grows_by_a_packet_a_round_trip),
        TEST(three_probe_timeouts_of_loss_collapse_the_window),
        TEST(what_arrives_between_losses_is_no_persistent_congestion),
        TEST(the_window_never_falls_below_two_packets),
        TEST(the_oldest_under_way_are_told_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
