/* The bytes of KNOCK's kin, written down once here; what was written is read; and what a reader refuses. */
#include "delivery_wire.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST SLOW_NUMBER_MAX
enum { ROUNDS = 2000 };

static void assert_bytes(const uint8_t *bytes, size_t size, const char *expected, size_t expected_size) {
    assert_int_equal(size, expected_size);
    assert_memory_equal(bytes, expected, size);
}
#define ASSERT_BYTES(bytes, size, literal) assert_bytes(bytes, size, literal, sizeof(literal) - 1)

static uint64_t draw(uint64_t *seed) { /* xorshift64 */
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

static uint64_t first_seed(void) {
    const char *given = getenv("SLOW_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 42;
    print_message("SLOW_SEED=%llu\n", (unsigned long long)seed);
    return seed * 2 + 1;
}

/* ---- the bytes ---- */

static void an_open_has_both_numbers_and_the_handshake_last(void **state) {
    (void)state;
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_open open = {.mine = 0x0102030405060708, .yours = 9, .alone_ms = 1000, .handshake = {(const uint8_t *)"hi", 2}};
    ASSERT_BYTES(out, sl_open_write(out, SL_KIND_OPEN1, &open),
                 "\x01\x02\x03\x04\x05\x06\x07\x08"
                 "\0\0\0\0\0\0\0\x09"
                 "hi");
    ASSERT_BYTES(out, sl_open_write(out, SL_KIND_OPEN3, &open),
                 "\x01\x02\x03\x04\x05\x06\x07\x08"
                 "\0\0\0\0\0\0\0\x09"
                 "\0\0\x03\xe8"
                 "hi");
}

static void an_ask_has_its_bars_as_places_and_counts(void **state) {
    (void)state;
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_ask ask = {.channel = 3, .from = 1000, .bar_count = 2, .bars = {{1000, 1000}, {1300, 1400}}};
    ASSERT_BYTES(out, sl_ask_write(out, &ask),
                 "\x03"
                 "\0\0\0\0\0\0\x03\xe8"
                 "\x02"
                 "\0\0\0\x01"
                 "\x01\x2c\0\x65");
}

static void a_state_has_acks_downwards_and_runs_upwards(void **state) {
    (void)state;
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_state s = {.ack_count = 3,
                  .ack = {{501, 800}, {499, 499}, {1, 10}},
                  .delay_us = 258,
                  .credit = 262144,
                  .has_channel = true,
                  .channel = 5,
                  .from = 7,
                  .run_count = 2,
                  .runs = {{1, SL_OPEN}, {1023, SL_BARRED}}};
    ASSERT_BYTES(out, sl_state_write(out, &s),
                 "\x03"
                 "\0\0\0\0\0\0\x03\x20"
                 "\0\0\x01\x02"
                 "\xab\x02"
                 "\0\0"
                 "\xe7\x03\x09"
                 "\0\0\0\0\0\x04\0\0"
                 "\x05"
                 "\0\0\0\0\0\0\0\x07"
                 "\x02"
                 "\0\x01\xc3\xff");
    s = (sl_state){.credit = 1};
    ASSERT_BYTES(out, sl_state_write(out, &s), "\0\0\0\0\0\0\0\0\x01\xff");
}

/* ---- there and back ---- */

/* Every prefix of it is refused, and so is a byte more. */
static void each_cut_is_refused(const uint8_t *bytes, size_t size, bool (*read)(slow_bytes)) {
    uint8_t *longer = malloc(size + 1);
    assert_non_null(longer);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut + 1);
        assert_non_null(exact);
        memcpy(exact, bytes, cut);
        assert_false(read((slow_bytes){exact, cut}));
        free(exact);
    }
    memcpy(longer, bytes, size);
    longer[size] = 0;
    assert_true(read((slow_bytes){longer, size}));
    assert_false(read((slow_bytes){longer, size + 1}));
    free(longer);
}

static bool reads_ask(slow_bytes in) {
    sl_ask ask;
    return sl_ask_read(in, &ask);
}

static bool reads_state(slow_bytes in) {
    sl_state s;
    return sl_state_read(in, &s);
}

static sl_ask random_ask(uint64_t *seed) {
    sl_ask ask = {.channel = (uint8_t)(draw(seed) % SLOW_CHANNELS), .from = 1 + draw(seed) % (MOST - SL_WINDOW)};
    uint64_t at = ask.from, end = ask.from + SL_WINDOW;
    for (uint32_t bars = (uint32_t)(draw(seed) % (SL_ASK_BARS + 1)); ask.bar_count < bars; ask.bar_count++) {
        uint64_t first = at + draw(seed) % 8, last = first + draw(seed) % 8;
        if (last >= end)
            break;
        ask.bars[ask.bar_count] = (sl_range){first, last};
        at = last + 2;
    }
    return ask;
}

static void any_ask_is_read_as_it_was_written_and_no_part_of_it(void **state) {
    (void)state;
    uint64_t seed = first_seed();
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t out[SLOW_PAYLOAD_MAX];
        sl_ask ask = random_ask(&seed), back;
        slow_bytes in = {out, sl_ask_write(out, &ask)};
        assert_true(in.size > 0 && sl_ask_read(in, &back));
        assert_true(back.channel == ask.channel && back.from == ask.from && back.bar_count == ask.bar_count);
        assert_memory_equal(back.bars, ask.bars, ask.bar_count * sizeof *ask.bars);
        if (round % 20 == 0)
            each_cut_is_refused(out, in.size, reads_ask);
    }
}

static sl_state random_state(uint64_t *seed) {
    sl_state s = {.credit = draw(seed), .has_channel = draw(seed) % 4 != 0};
    uint64_t below = 1 + draw(seed) % MOST, span = draw(seed) % 2 ? 5 : MOST / 40;
    for (uint32_t count = (uint32_t)(draw(seed) % (SL_ACK_RANGES + 1)); s.ack_count < count; s.ack_count++) {
        uint64_t length = draw(seed) % span, gap = 2 + draw(seed) % span;
        if (below <= length)
            break;
        s.ack[s.ack_count] = (sl_range){below - length, below};
        if (below <= length + gap) {
            s.ack_count++;
            break;
        }
        below -= length + gap;
    }
    if (s.ack_count > 0)
        s.delay_us = (uint32_t)draw(seed);
    if (!s.has_channel)
        return s;
    s.channel = (uint8_t)(draw(seed) % SLOW_CHANNELS);
    s.from = 1 + draw(seed) % (MOST - SL_WINDOW);
    s.run_count = (uint32_t)(draw(seed) % (SL_STATE_RUNS + 1));
    for (uint32_t i = 0; i < s.run_count; i++)
        s.runs[i] = (sl_run){(uint16_t)(1 + draw(seed) % (SL_WINDOW / SL_STATE_RUNS)), (uint8_t)(draw(seed) % 4)};
    return s;
}

static void any_state_is_read_as_it_was_written_and_no_part_of_it(void **state) {
    (void)state;
    uint64_t seed = first_seed();
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t out[SLOW_PAYLOAD_MAX];
        sl_state s = random_state(&seed), back;
        slow_bytes in = {out, sl_state_write(out, &s)};
        assert_true(in.size > 0 && sl_state_read(in, &back));
        assert_true(back.ack_count == s.ack_count && back.delay_us == s.delay_us && back.credit == s.credit);
        assert_memory_equal(back.ack, s.ack, s.ack_count * sizeof *s.ack);
        assert_true(back.has_channel == s.has_channel && back.channel == s.channel && back.from == s.from);
        assert_int_equal(back.run_count, s.run_count);
        for (uint32_t i = 0; i < s.run_count; i++)
            assert_true(back.runs[i].count == s.runs[i].count && back.runs[i].state == s.runs[i].state);
        if (round % 20 == 0)
            each_cut_is_refused(out, in.size, reads_state);
    }
}

static void the_largest_ask_and_state_fit_a_package(void **state) {
    enum { EACH = SL_WINDOW / SL_ASK_BARS };
    (void)state;
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_ask ask = {.channel = 63, .from = MOST - SL_WINDOW + 1, .bar_count = SL_ASK_BARS}, ask_back;
    for (uint32_t i = 0; i < SL_ASK_BARS; i++)
        ask.bars[i] = (sl_range){ask.from + i * EACH, ask.from + i * EACH + EACH - 1};
    assert_true(sl_ask_read((slow_bytes){out, sl_ask_write(out, &ask)}, &ask_back));
    assert_true(ask_back.bars[SL_ASK_BARS - 1].last == MOST);
    sl_state s = {.ack_count = SL_ACK_RANGES, .has_channel = true, .channel = 63, .run_count = SL_STATE_RUNS}, back;
    for (uint64_t i = 0, last = MOST, span = MOST / SL_ACK_RANGES / 2; i < SL_ACK_RANGES; i++, last -= 2 * span)
        s.ack[i] = (sl_range){last - span + 1, last};
    s.from = MOST - SL_WINDOW + 1;
    for (uint32_t i = 0; i < SL_STATE_RUNS; i++)
        s.runs[i] = (sl_run){SL_WINDOW / SL_STATE_RUNS, i % 4};
    assert_true(sl_state_read((slow_bytes){out, sl_state_write(out, &s)}, &back));
    assert_memory_equal(back.ack, s.ack, sizeof s.ack);
}

static void any_open_is_read_as_it_was_written(void **state) {
    (void)state;
    uint8_t out[SLOW_PAYLOAD_MAX], handshake[SLOW_PAYLOAD_MAX];
    uint64_t seed = first_seed();
    for (size_t i = 0; i < sizeof handshake; i++)
        handshake[i] = (uint8_t)draw(&seed);
    for (int round = 0; round < ROUNDS; round++) {
        enum sl_pair_kind kind = (enum sl_pair_kind)(SL_KIND_OPEN1 + draw(&seed) % 3);
        sl_open back, open = {.mine = 1 + draw(&seed) / 2,
                              .yours = 1 + draw(&seed) / 2,
                              .alone_ms = (uint32_t)(draw(&seed) % (SL_ALONE_MAX_MS + 1)),
                              .handshake = {handshake, draw(&seed) % 1005}};
        slow_bytes in = {out, sl_open_write(out, kind, &open)};
        assert_true(in.size > 0 && sl_open_read(in, kind, &back));
        assert_true(back.mine == open.mine && back.yours == open.yours);
        assert_int_equal(back.alone_ms, kind == SL_KIND_OPEN1 ? 0 : open.alone_ms);
        assert_int_equal(back.handshake.size, open.handshake.size);
        assert_memory_equal(back.handshake.data, handshake, open.handshake.size);
        size_t least = kind == SL_KIND_OPEN1 ? 16 : 20;
        for (size_t cut = 0; cut < least; cut++)
            assert_false(sl_open_read((slow_bytes){out, cut}, kind, &back));
    }
}

/* ---- what is refused ---- */

static void an_open_out_of_range_is_refused(void **state) {
    (void)state;
    uint8_t out[SLOW_PAYLOAD_MAX], handshake[SLOW_PAYLOAD_MAX] = {0};
    sl_open back, open = {.mine = 1, .yours = 0};
    assert_true(sl_open_read((slow_bytes){out, sl_open_write(out, SL_KIND_OPEN1, &open)}, SL_KIND_OPEN1, &back));
    assert_false(sl_open_read((slow_bytes){out, sl_open_write(out, SL_KIND_OPEN2, &open)}, SL_KIND_OPEN2, &back));
    open = (sl_open){.mine = 0, .yours = 1};
    assert_false(sl_open_read((slow_bytes){out, sl_open_write(out, SL_KIND_OPEN1, &open)}, SL_KIND_OPEN1, &back));
    open = (sl_open){.mine = 1, .yours = 1, .alone_ms = SL_ALONE_MAX_MS + 1};
    assert_false(sl_open_read((slow_bytes){out, sl_open_write(out, SL_KIND_OPEN3, &open)}, SL_KIND_OPEN3, &back));
    open = (sl_open){.mine = 1, .yours = 1, .handshake = {handshake, 1004}};
    assert_int_equal(sl_open_write(out, SL_KIND_OPEN2, &open), 1024);
    open.handshake.size++;
    assert_int_equal(sl_open_write(out, SL_KIND_OPEN2, &open), 0);
}

static void an_ask_out_of_range_is_refused(void **state) {
    (void)state;
    static const sl_ask bad[] = {
        {.channel = 64, .from = 1},
        {.channel = 0, .from = 0},
        {.channel = 0, .from = MOST + 1},
        {.from = 10, .bar_count = 1, .bars = {{10, 10 + SL_WINDOW}}},
        {.from = 10, .bar_count = 1, .bars = {{10, 9}}},
        {.from = 10, .bar_count = 2, .bars = {{12, 14}, {14, 15}}},
        {.from = 10, .bar_count = 2, .bars = {{12, 14}, {10, 10}}},
        {.from = MOST, .bar_count = 1, .bars = {{MOST, MOST + 1}}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t out[SLOW_PAYLOAD_MAX];
        sl_ask back;
        assert_false(sl_ask_read((slow_bytes){out, sl_ask_write(out, &bad[i])}, &back));
    }
}

static void a_state_out_of_range_is_refused(void **state) {
    (void)state;
    static const sl_state bad[] = {
        {.ack_count = 1, .ack = {{0, 5}}},
        {.ack_count = 1, .ack = {{5, MOST + 1}}},
        {.ack_count = 1, .ack = {{6, 5}}},
        {.ack_count = 2, .ack = {{5, 9}, {4, 4}}}, /* not apart */
        {.ack_count = 2, .ack = {{5, 9}, {0, 3}}},
        {.ack_count = 2, .ack = {{2, 9}, {1, 1}}},
        {.has_channel = true, .channel = 64, .from = 1},
        {.has_channel = true, .from = 0},
        {.has_channel = true, .from = MOST + 1},
        {.has_channel = true, .from = 1, .run_count = 1, .runs = {{0, SL_HELD}}},
        {.has_channel = true, .from = 1, .run_count = 1, .runs = {{SL_WINDOW + 1, SL_HELD}}},
        {.has_channel = true, .from = 1, .run_count = 2, .runs = {{SL_WINDOW, SL_HELD}, {1, SL_TAKEN}}},
        {.has_channel = true, .from = MOST, .run_count = 1, .runs = {{2, SL_TAKEN}}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t out[SLOW_PAYLOAD_MAX];
        sl_state back;
        assert_false(sl_state_read((slow_bytes){out, sl_state_write(out, &bad[i])}, &back));
    }
}

static void counts_beyond_the_arrays_are_refused(void **state) {
    (void)state;
    uint8_t in[SLOW_PAYLOAD_MAX] = {SL_ACK_RANGES + 1, 0, 0, 0, 0, 0, 1};
    sl_state s;
    sl_ask ask;
    assert_false(sl_state_read((slow_bytes){in, sizeof in}, &s));
    static const uint8_t many_runs[18] = {[16] = 1, [17] = SL_STATE_RUNS + 1};
    memset(in, 1, sizeof in);
    in[0] = 0;
    memcpy(in + 9, many_runs + 8, 10);
    assert_false(sl_state_read((slow_bytes){in, sizeof in}, &s));
    memset(in, 0, sizeof in);
    in[8] = 1;
    in[9] = SL_ASK_BARS + 1;
    for (size_t i = 0; i <= SL_ASK_BARS; i++) {
        in[11 + 4 * i] = (uint8_t)i;
        in[13 + 4 * i] = 1;
    }
    assert_false(sl_ask_read((slow_bytes){in, 10 + 4 * (SL_ASK_BARS + 1)}, &ask));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_has_both_numbers_and_the_handshake_last),
        cmocka_unit_test(an_ask_has_its_bars_as_places_and_counts),
        cmocka_unit_test(a_state_has_acks_downwards_and_runs_upwards),
        cmocka_unit_test(any_ask_is_read_as_it_was_written_and_no_part_of_it),
        cmocka_unit_test(any_state_is_read_as_it_was_written_and_no_part_of_it),
        cmocka_unit_test(the_largest_ask_and_state_fit_a_package),
        cmocka_unit_test(any_open_is_read_as_it_was_written),
        cmocka_unit_test(an_open_out_of_range_is_refused),
        cmocka_unit_test(an_ask_out_of_range_is_refused),
        cmocka_unit_test(a_state_out_of_range_is_refused),
        cmocka_unit_test(counts_beyond_the_arrays_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
