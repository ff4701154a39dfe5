/* What the receiving half of a pair makes of packages, bars and an application that takes its time. */
#include "receiver.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FRAGMENT = SLOW_PAYLOAD_MAX, KIB = 1024, MIB = 1024 * 1024, QUEUE_MAX = 16384, CHANNEL = 7 };
static const slow_time MS = 1000 * 1000;

/* The floor above is a queue, and what the application holds. */
typedef struct rig {
    sl_receive_budget budget;
    sl_stats stats;
    sl_receiver *r;
    uint64_t packet;
    slow_time now;
    sl_arrival *queue[QUEUE_MAX];
    size_t queued;
    uint64_t offered[QUEUE_MAX]; /* numbers, as they came */
    size_t offered_count;
    bool takes_at_once;
    sl_state state; /* the last one that was fetched */
} rig;

static void on_offer(void *arg, sl_arrival *a) {
    rig *g = arg;
    assert_true(g->offered_count < QUEUE_MAX && g->queued < QUEUE_MAX);
    assert_int_equal(a->bytes[a->size], 0);
    g->offered[g->offered_count++] = a->number;
    if (!g->takes_at_once) {
        g->queue[g->queued++] = a;
        return;
    }
    sl_arrival_held(a);
    sl_arrival_taken(a);
}

static sl_arrival *unqueue(rig *g, size_t at) {
    sl_arrival *a = g->queue[at];
    memmove(g->queue + at, g->queue + at + 1, (--g->queued - at) * sizeof *g->queue);
    return a;
}

static bool on_withdraw(void *arg, sl_arrival *a) {
    rig *g = arg;
    for (size_t i = 0; i < g->queued; i++)
        if (g->queue[i] == a) {
            unqueue(g, i);
            return true;
        }
    return false;
}

static int set_up(void **state) {
    rig *g = calloc(1, sizeof *g);
    g->budget.most = SL_RECEIVE_BUDGET;
    g->now = 1000 * MS;
    g->r = sl_receiver_new(&g->budget, &g->stats, &(sl_receiver_events){g, on_offer, on_withdraw});
    *state = g;
    return g->r == NULL;
}

static int tear_down(void **state) {
    rig *g = *state;
    sl_receiver_free(g->r);
    while (g->queued > 0)
        sl_arrival_drop(unqueue(g, 0));
    assert_int_equal(g->budget.used, 0);
    assert_int_equal(g->budget.channels, 0);
    free(g);
    return 0;
}

static slow_package data(const uint8_t *text, uint64_t number, uint32_t place, uint32_t total, uint16_t order) {
    uint32_t offset = place * FRAGMENT, left = total - offset;
    return (slow_package){.type = SLOW_BINARY,
                          .flags = (uint16_t)(SLOW_RELIABLE | order),
                          .channel = CHANNEL,
                          .message = number,
                          .offset = offset,
                          .total = total,
                          .payload = {text + offset, left < FRAGMENT ? left : FRAGMENT}};
}

static uint64_t give(rig *g, slow_package p) {
    p.packet = ++g->packet;
    sl_receiver_data(g->r, &p, g->now);
    return p.packet;
}

static const uint8_t zeros[16 * KIB];

static uint64_t fragment(rig *g, uint64_t number, uint32_t place, uint32_t total, uint16_t order) {
    return give(g, data(zeros, number, place, total, order));
}

/* A message of one byte. */
static uint64_t message(rig *g, uint64_t number, uint16_t order) {
    return fragment(g, number, 0, 1, order);
}

static void ask(rig *g, uint64_t from, uint64_t first, uint64_t last) {
    sl_ask a = {.channel = CHANNEL, .from = from, .bar_count = first > 0, .bars = {{first, last}}};
    sl_receiver_ask(g->r, &a, ++g->packet, g->now);
}

static bool fetch(rig *g) {
    return sl_receiver_state(g->r, &g->state, g->now);
}

static void drain(rig *g) {
    for (int i = 0; fetch(g); i++)
        assert_true(i < 100);
}

static bool acked(const rig *g, uint64_t packet) {
    for (uint32_t i = 0; i < g->state.ack_count; i++)
        if (packet >= g->state.ack[i].first && packet <= g->state.ack[i].last)
            return true;
    return false;
}

/* As the sender learns it: an ASK for this number alone. */
static enum sl_number_state state_of(rig *g, uint64_t number) {
    drain(g);
    ask(g, number, 0, 0);
    assert_true(fetch(g));
    assert_true(g->state.has_channel && g->state.channel == CHANNEL && g->state.from >= number);
    if (g->state.from > number || g->state.run_count == 0)
        return SL_OPEN;
    return (enum sl_number_state)g->state.runs[0].state;
}

static void hold(rig *g) {
    sl_arrival_held(g->queue[0]);
}

static void take(rig *g) {
    sl_arrival *a = unqueue(g, 0);
    if (!a->held)
        sl_arrival_held(a);
    sl_arrival_taken(a);
}

static void expect_offered(const rig *g, size_t count, const uint64_t *numbers) {
    assert_int_equal(g->offered_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(g->offered[i], numbers[i]);
}
#define EXPECT_OFFERED(g, ...) \
    expect_offered(g, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (const uint64_t[]){__VA_ARGS__})

/* ---- fragments ---- */

static void a_message_of_16_mib_is_made_of_shuffled_fragments(void **state) {
    rig *g = *state;
    enum { COUNT = 16 * MIB / FRAGMENT };
    uint8_t *text = malloc(16 * MIB);
    uint32_t *order = malloc(COUNT * sizeof *order), seed = 7;
    for (uint32_t i = 0; i < 16 * MIB; i++)
        text[i] = (uint8_t)(i * 7 + i / FRAGMENT);
    for (uint32_t i = 0; i < COUNT; i++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t k = (seed >> 8) % (i + 1);
        order[i] = order[k];
        order[k] = i;
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(g->offered_count, 0);
        give(g, data(text, 1, order[i], 16 * MIB, 0));
        assert_int_equal(sl_receiver_bytes(g->r), 16 * MIB);
    }
    EXPECT_OFFERED(g, 1);
    assert_int_equal(g->queue[0]->size, 16 * MIB);
    assert_memory_equal(g->queue[0]->bytes, text, 16 * MIB);
    take(g);
    assert_int_equal(sl_receiver_bytes(g->r), 0);
    assert_int_equal(g->budget.used, 0);
    free(text);
    free(order);
}

static void a_message_beyond_16_mib_and_numbers_out_of_range_are_refused(void **state) {
    rig *g = *state;
    slow_package good = data(zeros, 1, 0, 2000, 0), bad[7];
    for (size_t i = 0; i < 7; i++)
        bad[i] = good;
    bad[0].total = 16 * MIB + 1;
    bad[1].offset = 2000;
    bad[2].message = 0;
    bad[3].message = SLOW_NUMBER_MAX + 1;
    bad[4].channel = SLOW_CHANNELS;
    bad[5].offset = 1024 * 1024;
    bad[6].payload.size = FRAGMENT + 1;
    for (size_t i = 0; i < 7; i++)
        give(g, bad[i]);
    good.packet = 0;
    sl_receiver_data(g->r, &good, g->now);
    assert_int_equal(g->stats.count[SL_drop_message_malformed], 8);
    assert_true(sl_receiver_due(g->r) == UINT64_MAX);
    assert_int_equal(g->budget.used, 0);
}

static void an_empty_message_is_a_message(void **state) {
    rig *g = *state;
    fragment(g, 1, 0, 0, 0);
    EXPECT_OFFERED(g, 1);
    assert_int_equal(g->queue[0]->size, 0);
    take(g);
    assert_int_equal(state_of(g, 1), SL_TAKEN);
}

static void what_does_not_fit_drops_the_fragments_and_is_not_acknowledged(void **state) {
    rig *g = *state;
    for (int mistake = 0; mistake < 7; mistake++) {
        uint64_t number = (uint64_t)mistake + 1;
        fragment(g, number, 0, 3000, 0);
        slow_package p = data(zeros, number, 1, 3000, 0);
        if (mistake == 0)
            p.total++;
        else if (mistake == 1)
            p.offset--;
        else if (mistake == 2)
            p.payload.size--;
        else if (mistake == 3)
            p.type = SLOW_JSON;
        else if (mistake == 4)
            p.kind = SLOW_KIND_APPLICATION;
        else if (mistake == 5)
            p.flags |= SLOW_ORDERED;
        else
            p.flags |= SLOW_LATEST;
        uint64_t packet = give(g, p);
        drain(g);
        assert_false(acked(g, packet));
        assert_int_equal(sl_receiver_bytes(g->r), 0);
        assert_int_equal(g->stats.count[SL_drop_data_mismatch], mistake + 1);
        for (uint32_t place = 0; place < 3; place++)
            fragment(g, number, place, 3000, 0); /* it may begin again */
        assert_int_equal(g->offered_count, mistake + 1);
        take(g);
    }
}

static void a_fragment_that_comes_again_in_another_packet_is_acknowledged_and_spoils_nothing(void **state) {
    rig *g = *state;
    fragment(g, 1, 0, 2000, 0);
    uint64_t again = fragment(g, 1, 0, 2000, 0);
    assert_true(sl_receiver_due(g->r) == 0);
    drain(g);
    assert_true(acked(g, again));
    assert_int_equal(g->stats.count[SL_drop_data_duplicate], 1);
    fragment(g, 1, 1, 2000, 0);
    EXPECT_OFFERED(g, 1);
}

/* ---- acknowledging ---- */

static void a_packet_that_comes_twice_is_acknowledged_again_and_not_looked_at(void **state) {
    rig *g = *state;
    message(g, 1, 0);
    drain(g);
    g->now += 100 * MS;
    drain(g);
    assert_true(sl_receiver_due(g->r) == UINT64_MAX);
    slow_package p = data(zeros, 2, 0, 1, 0); /* a lie: the packet number is that of another */
    p.packet = 1;
    sl_receiver_data(g->r, &p, g->now);
    assert_int_equal(g->offered_count, 1);
    assert_int_equal(g->stats.count[SL_drop_data_duplicate], 1);
    assert_true(sl_receiver_due(g->r) == 0 && fetch(g));
    assert_true(acked(g, 1));
    assert_false(fetch(g));
}

static void one_packet_waits_5_ms_for_its_acknowledgement_and_two_do_not(void **state) {
    rig *g = *state;
    assert_true(sl_receiver_due(g->r) == UINT64_MAX);
    fragment(g, 1, 0, 4000, 0);
    assert_true(sl_receiver_due(g->r) == g->now + 5 * MS);
    assert_false(fetch(g));
    g->now += 5 * MS;
    assert_true(fetch(g));
    assert_int_equal(g->state.delay_us, 5000);
    assert_false(g->state.has_channel);
    assert_true(sl_receiver_due(g->r) == UINT64_MAX);
    fragment(g, 1, 1, 4000, 0);
    fragment(g, 1, 2, 4000, 0);
    assert_true(sl_receiver_due(g->r) == 0);
}

static void acknowledgements_are_ranges_with_the_highest_first(void **state) {
    rig *g = *state;
    static const uint64_t packets[] = {1, 2, 9, 5, 3, 8, 20};
    for (size_t i = 0; i < 7; i++) {
        slow_package p = data(zeros, 1 + i, 0, 1, 0);
        p.packet = packets[i];
        sl_receiver_data(g->r, &p, g->now);
        g->now += MS;
    }
    assert_true(fetch(g));
    static const sl_range expected[] = {{20, 20}, {8, 9}, {5, 5}, {1, 3}};
    assert_int_equal(g->state.ack_count, 4);
    assert_memory_equal(g->state.ack, expected, sizeof expected);
    assert_int_equal(g->state.delay_us, 1000);
}

static void the_highest_32_ranges_are_remembered(void **state) {
    rig *g = *state;
    for (uint64_t i = 1; i <= 40; i++) {
        g->packet = 2 * i - 1;
        assert_int_equal(message(g, i, 0), 2 * i);
    }
    slow_package p = data(zeros, 41, 0, 1, 0);
    p.packet = 1; /* below all that is remembered: taken, and not said */
    sl_receiver_data(g->r, &p, g->now);
    drain(g);
    assert_int_equal(g->offered_count, 41);
    assert_int_equal(g->state.ack_count, SL_ACK_RANGES);
    assert_true(g->state.ack[0].last == 80 && g->state.ack[31].first == 18);
}

/* ---- the window ---- */

static void a_number_4096_below_the_highest_is_acknowledged_and_dropped(void **state) {
    rig *g = *state;
    message(g, 6000, 0);
    uint64_t old = message(g, 6000 - SL_WINDOW, 0);
    drain(g);
    assert_true(acked(g, old));
    assert_int_equal(g->stats.count[SL_drop_data_old], 1);
    assert_int_equal(g->offered_count, 1);
    message(g, 6000 - SL_WINDOW + 1, 0);
    EXPECT_OFFERED(g, 6000, 1905);
    assert_int_equal(g->stats.count[SL_drop_data_old], 1);
}

static void channels_are_bounded_over_all_pairs_and_each_has_its_first(void **state) {
    rig *g = *state;
    g->budget.channels = SL_RECEIVE_CHANNELS; /* other pairs' */
    message(g, 1, 0);
    slow_package other = data(zeros, 1, 0, 1, 0);
    other.channel = CHANNEL + 1;
    uint64_t dropped = give(g, other);
    assert_int_equal(g->offered_count, 1);
    assert_int_equal(g->stats.count[SL_drop_data_budget], 1);
    drain(g);
    assert_false(acked(g, dropped));
    g->budget.channels = SL_RECEIVE_CHANNELS - 1; /* two of them have gone */
    give(g, other);
    assert_int_equal(g->offered_count, 2);
    assert_int_equal(g->budget.channels, SL_RECEIVE_CHANNELS);
    g->budget.channels = 2;
}

static void what_leaves_the_window_unfinished_is_forgotten(void **state) {
    rig *g = *state;
    fragment(g, 1, 0, 2000, 0);
    message(g, 2, 0);
    message(g, 4, SLOW_ORDERED);
    message(g, 3 + SL_WINDOW, 0); /* 3 is gone, 4 is the lowest now */
    EXPECT_OFFERED(g, 2, 3 + SL_WINDOW, 4);
    assert_int_equal(g->stats.count[SL_drop_message_unfinished], 1);
    assert_int_equal(sl_receiver_bytes(g->r), 3);
    message(g, SLOW_NUMBER_MAX, 0);
    assert_int_equal(g->offered_count, 4);
    while (g->queued > 0)
        take(g); /* what was offered is handed over, whatever left */
    assert_int_equal(g->budget.used, 0);
    assert_int_equal(state_of(g, SLOW_NUMBER_MAX), SL_TAKEN);
}

static void numbers_that_come_round_in_the_window_begin_open(void **state) {
    rig *g = *state;
    g->takes_at_once = true;
    for (uint64_t n = 1; n <= 3 * SL_WINDOW; n++) {
        if (n > 1)
            assert_int_equal(state_of(g, n), SL_OPEN);
        message(g, n, SLOW_ORDERED);
        assert_int_equal(state_of(g, n), SL_TAKEN);
        g->offered_count = 0;
    }
}

/* ---- order ---- */

static void ordered_messages_wait_for_all_before_them(void **state) {
    rig *g = *state;
    message(g, 3, SLOW_ORDERED);
    message(g, 2, SLOW_ORDERED);
    assert_int_equal(g->offered_count, 0);
    message(g, 1, SLOW_ORDERED);
    EXPECT_OFFERED(g, 1, 2, 3);
}

static void unordered_messages_do_not_wait_and_ordered_ones_wait_for_them(void **state) {
    rig *g = *state;
    message(g, 3, SLOW_ORDERED);
    message(g, 2, 0);
    EXPECT_OFFERED(g, 2);
    fragment(g, 1, 1, 2000, 0);
    assert_int_equal(g->offered_count, 1);
    fragment(g, 1, 0, 2000, 0);
    EXPECT_OFFERED(g, 2, 1, 3);
}

static void a_barred_gap_releases_what_waited_behind_it(void **state) {
    rig *g = *state;
    message(g, 1, SLOW_ORDERED);
    message(g, 3, SLOW_ORDERED);
    fragment(g, 4, 0, 2000, SLOW_ORDERED);
    message(g, 5, SLOW_ORDERED);
    message(g, 7, SLOW_ORDERED);
    ask(g, 2, 2, 2); /* of 2 nothing ever came */
    EXPECT_OFFERED(g, 1, 3);
    ask(g, 4, 4, 4); /* of 4 something did */
    EXPECT_OFFERED(g, 1, 3, 5);
    assert_int_equal(state_of(g, 2), SL_BARRED);
    assert_int_equal(state_of(g, 4), SL_BARRED);
    assert_int_equal(g->stats.count[SL_drop_message_barred], 1);
}

static void an_older_one_of_latest_is_barred_once_a_newer_was_offered(void **state) {
    rig *g = *state;
    message(g, 2, SLOW_LATEST);
    message(g, 1, SLOW_LATEST);
    message(g, 4, SLOW_LATEST);
    EXPECT_OFFERED(g, 2, 4);
    assert_int_equal(state_of(g, 1), SL_BARRED);
    assert_int_equal(g->stats.count[SL_drop_message_superseded], 1);
    while (g->queued > 0)
        take(g);
    message(g, 3, SLOW_LATEST);
    assert_int_equal(state_of(g, 3), SL_BARRED);
    assert_int_equal(sl_receiver_bytes(g->r), 0);
}

static void without_a_rule_its_promise_is_broken(void **state) {
    rig *g = *state;
    sl_receiver_break(g->r, SL_BREAK_NO_ORDER);
    message(g, 2, SLOW_ORDERED);
    EXPECT_OFFERED(g, 2);
    sl_receiver_break(g->r, SL_BREAK_NO_LATEST);
    message(g, 1, SLOW_LATEST);
    EXPECT_OFFERED(g, 2, 1);
    sl_receiver_break(g->r, SL_BREAK_HELD_IS_BARRED);
    hold(g);
    ask(g, 1, 2, 2);
    assert_int_equal(state_of(g, 2), SL_BARRED);
}

/* ---- bars ---- */

static void a_bar_withdraws_what_is_queued_and_leaves_what_is_held_or_taken(void **state) {
    rig *g = *state;
    for (uint64_t n = 1; n <= 3; n++)
        message(g, n, 0);
    take(g);
    hold(g);
    ask(g, 1, 1, 4);
    assert_int_equal(g->queued, 1);
    assert_int_equal(state_of(g, 1), SL_TAKEN);
    assert_int_equal(state_of(g, 2), SL_HELD);
    assert_int_equal(state_of(g, 3), SL_BARRED);
    assert_int_equal(state_of(g, 4), SL_BARRED);
    assert_int_equal(sl_receiver_bytes(g->r), 1);
    assert_int_equal(sl_receiver_waiting(g->r), 1);
    take(g);
    assert_int_equal(state_of(g, 2), SL_TAKEN);
}

static void a_bar_that_comes_as_it_is_handed_over_hears_that_it_is_held(void **state) {
    rig *g = *state;
    message(g, 1, 0);
    sl_arrival *a = unqueue(g, 0); /* another thread has it, and has not said so yet */
    ask(g, 1, 1, 1);
    assert_int_equal(state_of(g, 1), SL_HELD);
    sl_arrival_held(a); /* it says so now */
    assert_int_equal(state_of(g, 1), SL_HELD);
    sl_arrival_taken(a);
    assert_int_equal(state_of(g, 1), SL_TAKEN);
}

static void a_barred_message_that_comes_is_acknowledged_and_dropped(void **state) {
    rig *g = *state;
    ask(g, 1, 1, 5);
    drain(g);
    uint64_t packet = message(g, 4, 0);
    assert_true(fetch(g));
    assert_true(acked(g, packet));
    assert_true(g->state.has_channel && g->state.from == 4);
    assert_true(g->state.run_count == 1 && g->state.runs[0].count == 2 && g->state.runs[0].state == SL_BARRED);
    assert_int_equal(g->offered_count, 0);
    assert_int_equal(g->stats.count[SL_drop_data_duplicate], 1);
}

/* ---- STATE ---- */

static void a_state_tells_from_the_lowest_change_on(void **state) {
    rig *g = *state;
    for (uint64_t n = 1; n <= 8; n++)
        message(g, n, 0);
    drain(g);
    sl_arrival *third = unqueue(g, 2), *fifth = unqueue(g, 3);
    sl_arrival_held(third);
    assert_true(sl_receiver_due(g->r) == 0);
    sl_arrival_held(fifth);
    sl_arrival_taken(fifth);
    assert_true(fetch(g));
    static const sl_run expected[] = {{1, SL_HELD}, {1, SL_OPEN}, {1, SL_TAKEN}}; /* 6 to 8 are open, and left out */
    assert_true(g->state.has_channel && g->state.from == 3 && g->state.run_count == 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(g->state.runs[i].count == expected[i].count && g->state.runs[i].state == expected[i].state);
    assert_false(fetch(g));
    sl_arrival_taken(third);
    assert_true(fetch(g));
    assert_true(g->state.from == 3 && g->state.runs[0].state == SL_TAKEN);
}

static void an_ask_is_answered_from_where_it_says(void **state) {
    rig *g = *state;
    ask(g, 1, 0, 0);
    assert_true(fetch(g) && g->state.from == 1 && g->state.run_count == 0);
    g->takes_at_once = true;
    for (uint64_t n = 1; n <= 400; n += 2)
        message(g, n, 0);
    drain(g);
    ask(g, 1, 0, 0);
    assert_true(fetch(g));
    assert_true(g->state.from == 1 &&
                g->state.run_count == SL_STATE_RUNS - 1); /* taken, open, ..., and an open left out */
    assert_false(fetch(g));
    ask(g, 65, 0, 0); /* the sender goes on behind what it has learnt */
    assert_true(fetch(g) && g->state.from == 65 && g->state.runs[0].state == SL_TAKEN);
    ask(g, 9000, 0, 0);
    assert_true(fetch(g) && g->state.from == 9000 && g->state.run_count == 0);
    message(g, 6000, 0);
    drain(g);
    ask(g, 1, 0, 0);
    assert_true(fetch(g) && g->state.from == 6000 - SL_WINDOW + 1); /* below is behind the window */
}

static void changes_for_which_one_state_has_no_room_are_told_in_the_next(void **state) {
    rig *g = *state;
    bool told[401] = {false};
    g->takes_at_once = true;
    for (uint64_t n = 1; n <= 400; n += 2)
        message(g, n, 0);
    int states = 0;
    for (; fetch(g); states++) {
        uint64_t n = g->state.from;
        for (uint32_t i = 0; i < g->state.run_count; n += g->state.runs[i++].count)
            for (uint64_t k = 0; k < g->state.runs[i].count; k++)
                told[n + k] |= g->state.runs[i].state == SL_TAKEN;
    }
    assert_int_equal(states, 7); /* 399 runs */
    for (uint64_t n = 1; n <= 400; n += 2)
        assert_true(told[n]);
}

static void each_channel_has_a_state_of_its_own(void **state) {
    rig *g = *state;
    slow_package p = data(zeros, 1, 0, 1, 0);
    g->takes_at_once = true;
    for (uint8_t c = 63; c >= 60; c--) {
        p.channel = c;
        give(g, p);
    }
    for (uint8_t c = 60; c <= 63; c++)
        assert_true(fetch(g) && g->state.has_channel && g->state.channel == c);
    assert_false(fetch(g));
    sl_receiver_describe(g->r);
    for (uint8_t c = 60; c <= 63; c++)
        assert_true(fetch(g) && g->state.channel == c && g->state.from == 1 && g->state.runs[0].state == SL_TAKEN);
    assert_false(fetch(g));
}

static void describing_nothing_is_a_state_all_the_same(void **state) {
    rig *g = *state;
    sl_receiver_describe(g->r);
    assert_true(fetch(g));
    assert_true(!g->state.has_channel && g->state.ack_count == 0 && g->state.credit == SL_RECEIVE_FIRST);
    assert_false(fetch(g));
}

/* ---- room ---- */

static void without_room_nothing_happened_and_it_may_come_later(void **state) {
    rig *g = *state;
    for (uint64_t n = 1; n <= 16; n++)
        for (uint32_t place = 0; place < 16; place++)
            fragment(g, n, place, 16 * KIB, 0);
    assert_int_equal(sl_receiver_bytes(g->r), SL_RECEIVE_FIRST);
    assert_int_equal(g->queued, 16);
    uint64_t packet = message(g, 17, 0);
    assert_int_equal(g->stats.count[SL_drop_data_budget], 1);
    drain(g);
    assert_false(acked(g, packet));
    take(g);
    packet = message(g, 17, 0);
    drain(g);
    assert_true(acked(g, packet));
    assert_int_equal(g->offered_count, 17);
}

static void a_message_above_the_credit_goes_alone(void **state) {
    rig *g = *state;
    message(g, 1, 0);
    fragment(g, 2, 0, MIB, 0);
    assert_int_equal(g->stats.count[SL_drop_data_budget], 1);
    take(g);
    fragment(g, 2, 0, MIB, 0);
    assert_int_equal(sl_receiver_bytes(g->r), MIB);
    message(g, 3, 0);
    assert_int_equal(g->stats.count[SL_drop_data_budget], 2);
    assert_int_equal(sl_receiver_bytes(g->r), MIB);
}

/* `size` bytes in 16 KiB, and the application takes them as they come. */
static void stream(rig *g, uint64_t *number, uint32_t size) {
    g->takes_at_once = true;
    for (uint32_t done = 0; done < size; done += 16 * KIB, ++*number)
        for (uint32_t place = 0; place < 16; place++)
            fragment(g, *number, place, 16 * KIB, 0);
    g->takes_at_once = false;
}

static void credit_grows_with_what_comes_in_a_second(void **state) {
    rig *g = *state;
    uint64_t number = 1;
    for (int slow = 0; slow < 20; slow++) {
        stream(g, &number, 112 * KIB);
        g->now += 1001 * MS;
    }
    drain(g);
    assert_int_equal(g->state.credit, SL_RECEIVE_FIRST);
    for (uint64_t expected = 512 * KIB; expected <= 16 * MIB; expected *= 2) {
        stream(g, &number, (uint32_t)(expected / 4 + 16 * KIB));
        drain(g);
        assert_true(g->state.credit == expected);
        g->now += 1001 * MS;
    }
    stream(g, &number, 16 * MIB);
    drain(g);
    assert_true(g->state.credit == 16 * MIB);
}

static void credit_shrinks_as_the_budget_fills_and_what_was_promised_holds(void **state) {
    rig *g = *state;
    uint64_t number = 1;
    stream(g, &number, MIB);
    drain(g);
    assert_int_equal(g->state.credit, 2 * MIB);
    g->budget.used = 62 * MIB; /* others */
    ask(g, number, 0, 0);
    assert_true(fetch(g));
    assert_int_equal(g->state.credit, MIB / 2);
    g->budget.used = 40 * MIB;
    for (uint32_t i = 0; i < 2 * MIB / (16 * KIB); i++)
        fragment(g, number + i, 0, 16 * KIB, 0);
    assert_int_equal(sl_receiver_bytes(g->r), 2 * MIB);
    assert_int_equal(g->stats.count[SL_drop_data_budget], 0);
    message(g, number + 500, 0);
    assert_int_equal(g->stats.count[SL_drop_data_budget], 1);
    g->budget.used += 24 * MIB;
    ask(g, number, 0, 0);
    assert_true(fetch(g));
    assert_int_equal(g->state.credit, SL_RECEIVE_FIRST); /* never less */
    g->budget.used -= 64 * MIB;
}

static void the_last_quarter_of_the_budget_is_for_those_who_hold_little(void **state) {
    rig *g = *state;
    g->budget.used = 47 * MIB;
    fragment(g, 1, 0, 2 * MIB, 0);
    assert_int_equal(g->stats.count[SL_drop_data_budget], 1);
    fragment(g, 1, 0, MIB / 2, 0);
    assert_int_equal(g->stats.count[SL_drop_data_budget], 1);
    ask(g, 1, 1, 1);
    g->budget.used = 63 * MIB;
    fragment(g, 2, 0, 128 * KIB, 0);
    assert_int_equal(g->stats.count[SL_drop_data_budget], 1);
    g->budget.used += MIB;
    fragment(g, 3, 0, 1, 0);
    assert_int_equal(g->stats.count[SL_drop_data_budget], 2);
    g->budget.used -= 64 * MIB;
}

static void many_small_messages_count_with_what_is_kept_of_them(void **state) {
    rig *g = *state;
    for (uint64_t n = 1; n <= 100; n++)
        fragment(g, n, 0, 0, 0);
    assert_int_equal(sl_receiver_bytes(g->r), 0);
    assert_true(g->budget.used >= 100 * (sizeof(sl_arrival) + SL_ARRIVAL_AROUND));
}

/* ---- the end ---- */

static void what_was_offered_outlives_the_pair(void **state) {
    rig *g = *state;
    message(g, 1, SLOW_ORDERED);
    message(g, 2, SLOW_ORDERED);
    message(g, 4, SLOW_ORDERED);
    fragment(g, 5, 0, 2000, 0);
    hold(g);
    sl_receiver_free(g->r);
    g->r = NULL;
    assert_int_equal(g->stats.count[SL_drop_message_unfinished], 2);
    assert_int_equal(g->queued, 2);
    assert_true(g->budget.used > 0);
    take(g);
    take(g);
    assert_int_equal(g->budget.used, 0);
}

/* ---- against a model ---- */

enum { NUMBERS = 40000, STEPS = 6000, OPEN_PARTS = 3 };
enum { M_NONE, M_PART, M_WHOLE, M_QUEUED, M_HELD, M_TAKEN, M_BARRED };

/* delivery.md's words, each looked up anew: one channel. */
typedef struct model {
    uint8_t state[NUMBERS], parts[NUMBERS];
    uint64_t high;
    uint64_t offered[QUEUE_MAX];
    size_t offered_count;
    bool was_offered[NUMBERS];
} model;

static uint64_t model_low(const model *m) {
    return m->high >= SL_WINDOW ? m->high - SL_WINDOW + 1 : 1;
}

static uint16_t order_of(uint64_t number) {
    static const uint16_t orders[] = {0, SLOW_ORDERED, SLOW_LATEST, SLOW_ORDERED};
    return orders[number * 7 / 5 % 4];
}

static uint32_t parts_of(uint64_t number) {
    return 1 + (uint32_t)(number * 5 / 3 % OPEN_PARTS);
}

static bool model_may_be_offered(const model *m, uint64_t n) {
    if (order_of(n) == SLOW_ORDERED)
        for (uint64_t k = model_low(m); k < n; k++)
            if (m->state[k] < M_QUEUED)
                return false;
    return true;
}

static void model_release(model *m) {
    for (uint64_t n = model_low(m); n <= m->high; n++) {
        if (m->state[n] != M_WHOLE || !model_may_be_offered(m, n))
            continue;
        bool is_older = false;
        for (uint64_t k = n + 1; k <= m->high; k++)
            is_older |= m->was_offered[k];
        m->state[n] = M_BARRED;
        if (order_of(n) == SLOW_LATEST && is_older)
            continue;
        m->state[n] = M_QUEUED;
        m->was_offered[n] = true;
        m->offered[m->offered_count++] = n;
    }
}

static void model_advance(model *m, uint64_t n) {
    uint64_t low = model_low(m);
    m->high = n > m->high ? n : m->high;
    for (; low < model_low(m); low++)
        if (m->state[low] <= M_WHOLE)
            m->state[low] = M_NONE;
}

static void model_data(model *m, uint64_t n, uint32_t place) {
    if (n < model_low(m) || m->state[n] >= M_WHOLE)
        return;
    model_advance(m, n);
    m->parts[n] = (uint8_t)(m->state[n] == M_NONE ? 0 : m->parts[n]) | (uint8_t)(1u << place);
    m->state[n] = m->parts[n] == (1u << parts_of(n)) - 1 ? M_WHOLE : M_PART;
    model_release(m);
}

static void model_bar(model *m, uint64_t first, uint64_t last) {
    model_advance(m, last);
    for (uint64_t n = first > model_low(m) ? first : model_low(m); n <= last; n++)
        if (m->state[n] <= M_QUEUED)
            m->state[n] = M_BARRED;
    model_release(m);
}

static void compare(rig *g, const model *m) {
    uint64_t bytes = 0;
    sl_receiver_describe(g->r);
    uint64_t at = model_low(m);
    while (fetch(g)) {
        assert_true(!g->state.has_channel || g->state.from <= at);
        at = g->state.from;
        for (uint32_t i = 0; i < g->state.run_count; i++)
            for (uint32_t k = 0; k < g->state.runs[i].count; k++, at++) {
                int s = m->state[at], said = g->state.runs[i].state;
                assert_int_equal(said, s == M_HELD     ? SL_HELD
                                       : s == M_TAKEN  ? SL_TAKEN
                                       : s == M_BARRED ? SL_BARRED
                                                       : SL_OPEN);
            }
        while (at <= m->high && m->state[at] <= M_QUEUED) /* opens that were left out */
            at++;
    }
    assert_true(at == m->high + 1 || m->high == 0);
    for (uint64_t n = 1; n <= m->high; n++)
        if (m->state[n] >= M_PART && m->state[n] <= M_HELD)
            bytes += parts_of(n) * FRAGMENT;
    assert_true(sl_receiver_bytes(g->r) == bytes);
    assert_int_equal(g->offered_count, m->offered_count);
    assert_memory_equal(g->offered, m->offered, m->offered_count * sizeof *m->offered);
}

static uint32_t draw(uint64_t *seed) {
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static uint64_t lowest_unfinished(const model *m) {
    uint64_t n = model_low(m);
    while (n <= m->high && m->state[n] >= M_HELD)
        n++;
    return n;
}

static void one_step(rig *g, model *m, uint64_t *seed) {
    uint64_t from = lowest_unfinished(m), n = from + draw(seed) % 12;
    uint32_t what = draw(seed) % 100, place = draw(seed) % parts_of(n);
    if (what < 60) {
        if (what == 0 && draw(seed) % 8 == 0)
            n += draw(seed) % (SL_WINDOW + 300); /* no honest sender does that */
        place %= parts_of(n);
        model_data(m, n, place);
        fragment(g, n, place, parts_of(n) * FRAGMENT, order_of(n));
    } else if (what < 66) {
        uint64_t last = n + draw(seed) % 4;
        model_bar(m, n, last);
        ask(g, from, n, last);
    } else if (what < 80 && g->queued > 0) {
        size_t at = draw(seed) % g->queued;
        sl_arrival *a = g->queue[at];
        if (a->held)
            unqueue(g, at);
        m->state[a->number] = a->held ? M_TAKEN : M_HELD;
        (a->held ? sl_arrival_taken : sl_arrival_held)(a);
    } else if (what < 90 && g->packet > 0) {
        slow_package p = data(zeros, n, 0, parts_of(n) * FRAGMENT, order_of(n));
        p.packet = g->packet; /* as a network doubles */
        sl_receiver_data(g->r, &p, g->now);
    }
    g->now += MS;
}

/* Held is nothing that a bar takes back, so here the queue must say which is which. */
static bool on_withdraw_unless_held(void *arg, sl_arrival *a) {
    assert_false(a->held);
    return on_withdraw(arg, a);
}

static void whatever_comes_it_stands_as_the_rules_say(void **state) {
    rig *g = *state;
    const char *given = getenv("SLOW_SEED");
    uint64_t first = given != NULL ? strtoull(given, NULL, 10) : 1, last = given != NULL ? first : 6;
    model *m = malloc(sizeof *m);
    for (uint64_t seed = first; seed <= last; seed++) {
        print_message("SLOW_SEED=%llu\n", (unsigned long long)seed);
        uint64_t random = seed;
        memset(m, 0, sizeof *m);
        sl_receiver_free(g->r);
        g->r = sl_receiver_new(&g->budget, &g->stats, &(sl_receiver_events){g, on_offer, on_withdraw_unless_held});
        assert_non_null(g->r);
        g->packet = g->offered_count = 0;
        for (int i = 0;
             i < STEPS && m->high < NUMBERS - SL_WINDOW - 300 && m->offered_count < QUEUE_MAX - SL_WINDOW - 100; i++) {
            one_step(g, m, &random);
            compare(g, m);
        }
        assert_true(m->offered_count > 100);
        while (g->queued > 0)
            take(g);
    }
    free(m);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_message_of_16_mib_is_made_of_shuffled_fragments),
        CASE(a_message_beyond_16_mib_and_numbers_out_of_range_are_refused),
        CASE(an_empty_message_is_a_message),
        CASE(what_does_not_fit_drops_the_fragments_and_is_not_acknowledged),
        CASE(a_fragment_that_comes_again_in_another_packet_is_acknowledged_and_spoils_nothing),
        CASE(a_packet_that_comes_twice_is_acknowledged_again_and_not_looked_at),
        CASE(one_packet_waits_5_ms_for_its_acknowledgement_and_two_do_not),
        CASE(acknowledgements_are_ranges_with_the_highest_first),
        CASE(the_highest_32_ranges_are_remembered),
        CASE(a_number_4096_below_the_highest_is_acknowledged_and_dropped),
        CASE(channels_are_bounded_over_all_pairs_and_each_has_its_first),
        CASE(what_leaves_the_window_unfinished_is_forgotten),
        CASE(numbers_that_come_round_in_the_window_begin_open),
        CASE(ordered_messages_wait_for_all_before_them),
        CASE(unordered_messages_do_not_wait_and_ordered_ones_wait_for_them),
        CASE(a_barred_gap_releases_what_waited_behind_it),
        CASE(an_older_one_of_latest_is_barred_once_a_newer_was_offered),
        CASE(without_a_rule_its_promise_is_broken),
        CASE(a_bar_withdraws_what_is_queued_and_leaves_what_is_held_or_taken),
        CASE(a_bar_that_comes_as_it_is_handed_over_hears_that_it_is_held),
        CASE(a_barred_message_that_comes_is_acknowledged_and_dropped),
        CASE(a_state_tells_from_the_lowest_change_on),
        CASE(an_ask_is_answered_from_where_it_says),
        CASE(changes_for_which_one_state_has_no_room_are_told_in_the_next),
        CASE(each_channel_has_a_state_of_its_own),
        CASE(describing_nothing_is_a_state_all_the_same),
        CASE(without_room_nothing_happened_and_it_may_come_later),
        CASE(a_message_above_the_credit_goes_alone),
        CASE(credit_grows_with_what_comes_in_a_second),
        CASE(credit_shrinks_as_the_budget_fills_and_what_was_promised_holds),
        CASE(the_last_quarter_of_the_budget_is_for_those_who_hold_little),
        CASE(many_small_messages_count_with_what_is_kept_of_them),
        CASE(what_was_offered_outlives_the_pair),
        CASE(whatever_comes_it_stands_as_the_rules_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
