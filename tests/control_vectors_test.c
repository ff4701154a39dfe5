/* docs/vectors/control.json against the code that writes and reads the core's control packages: vectors.py is the other reader
 * of the same file. */
#include "core/delivery_wire.h"
#include "core/forward.h"
#include "support/vectors.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool is_record(const json_t *v, const char *record) {
    return strcmp(text_of(v, "record"), record) == 0;
}

static enum sl_pair_kind open_kind(const json_t *v) {
    return is_record(v, "OPEN1") ? SL_KIND_OPEN1 : is_record(v, "OPEN2") ? SL_KIND_OPEN2 : SL_KIND_OPEN3;
}

static uint64_t number_in(const json_t *list, size_t place) {
    const json_t *value = json_array_get(list, place);
    assert_true(json_is_integer(value));
    return (uint64_t)json_integer_value(value);
}

/* A list of pairs: first and last. */
static uint32_t ranges_of(const json_t *fields, const char *key, sl_range *out, size_t most) {
    size_t i;
    const json_t *list = json_object_get(fields, key);
    json_t *pair;
    assert_true(json_is_array(list) && json_array_size(list) <= most);
    json_array_foreach(list, i, pair) out[i] = (sl_range){number_in(pair, 0), number_in(pair, 1)};
    return (uint32_t)json_array_size(list);
}

static void are_ranges(const sl_range *got, const sl_range *expected, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++) {
        is_number(got[i].first, expected[i].first, "first", name);
        is_number(got[i].last, expected[i].last, "last", name);
    }
}

static void open_is(const json_t *v, const json_t *f, const octets *bytes, const char *name) {
    uint8_t out[SLOW_PAYLOAD_MAX];
    enum sl_pair_kind kind = open_kind(v);
    octets handshake = octets_of(f, "handshake");
    sl_open got, open = {.mine = hex64_of(f, "mine"),
                         .yours = hex64_of(f, "yours"),
                         .alone_ms = kind == SL_KIND_OPEN1 ? 0 : (uint32_t)number_of(f, "alone_ms"),
                         .handshake = bytes_of(&handshake)};
    is_octets((slow_bytes){out, sl_open_write(out, kind, &open)}, bytes, name);
    assert_true(sl_open_read(bytes_of(bytes), kind, &got));
    is_hex64(got.mine, f, "mine", name);
    is_hex64(got.yours, f, "yours", name);
    is_number(got.alone_ms, open.alone_ms, "alone_ms", name);
    is_hex(got.handshake, f, "handshake", name);
}

static void ask_is(const json_t *f, const octets *bytes, const char *name) {
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_ask got, ask = {.channel = (uint8_t)number_of(f, "channel"), .from = number_of(f, "from")};
    ask.bar_count = ranges_of(f, "bars", ask.bars, SL_ASK_BARS);
    is_octets((slow_bytes){out, sl_ask_write(out, &ask)}, bytes, name);
    assert_true(sl_ask_read(bytes_of(bytes), &got));
    is_field(got.channel, f, "channel", name);
    is_field(got.from, f, "from", name);
    is_number(got.bar_count, ask.bar_count, "count of bars", name);
    are_ranges(got.bars, ask.bars, ask.bar_count, name);
}

static void runs_of(const json_t *f, sl_state *state) {
    static const char *const words[] = {
        [SL_OPEN] = "open", [SL_HELD] = "held", [SL_TAKEN] = "taken", [SL_BARRED] = "barred"};
    const json_t *runs = json_object_get(f, "runs");
    state->run_count = (uint32_t)json_array_size(runs);
    assert_true(state->run_count <= SL_STATE_RUNS);
    for (uint32_t i = 0; i < state->run_count; i++) {
        const json_t *run = json_array_get(runs, i);
        const char *word = json_string_value(json_array_get(run, 0));
        assert_non_null(word);
        while (strcmp(words[state->runs[i].state], word) != 0)
            assert_true(++state->runs[i].state <= SL_BARRED);
        state->runs[i].count = (uint16_t)number_in(run, 1);
    }
}

static void state_is(const json_t *f, const octets *bytes, const char *name) {
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_state got, state = {.delay_us = (uint32_t)number_of(f, "delay_us"),
                           .credit = number_of(f, "credit"),
                           .has_channel = json_object_get(f, "channel") != NULL};
    state.ack_count = ranges_of(f, "acks", state.ack, SL_ACK_RANGES);
    if (state.has_channel) {
        state.channel = (uint8_t)number_of(f, "channel");
        state.from = number_of(f, "from");
        runs_of(f, &state);
    }
    is_octets((slow_bytes){out, sl_state_write(out, &state)}, bytes, name);
    assert_true(sl_state_read(bytes_of(bytes), &got));
    is_number(got.ack_count, state.ack_count, "count of ranges", name);
    are_ranges(got.ack, state.ack, state.ack_count, name);
    is_field(got.delay_us, f, "delay_us", name);
    is_field(got.credit, f, "credit", name);
    is_number(got.has_channel, state.has_channel, "whether there is a channel", name);
    is_number(got.channel, state.channel, "channel", name);
    is_number(got.from, state.from, "from", name);
    is_number(got.run_count, state.run_count, "count of runs", name);
    for (uint32_t i = 0; i < state.run_count; i++) {
        is_number(got.runs[i].state, state.runs[i].state, "state of a run", name);
        is_number(got.runs[i].count, state.runs[i].count, "count of a run", name);
    }
}

static void echo_is(const json_t *f, const octets *bytes, const char *name) {
    uint8_t out[SLOW_PAYLOAD_MAX];
    uint64_t nonce;
    is_octets((slow_bytes){out, sl_echo_write(out, hex64_of(f, "nonce"))}, bytes, name);
    assert_true(sl_echo_read(bytes_of(bytes), &nonce));
    is_hex64(nonce, f, "nonce", name);
}

static void echo_reply_is(const json_t *f, const octets *bytes, const octets *all, const char *name) {
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_echo_reply got, reply = {hex64_of(f, "nonce"), (uint8_t)number_of(f, "hops")};
    is_octets((slow_bytes){out, sl_echo_reply_write(out, &reply)}, bytes, name);
    assert_true(sl_echo_reply_read(bytes_of(all), &got));
    is_hex64(got.nonce, f, "nonce", name);
    is_field(got.hops, f, "hops", name);
}

static void error_is(const json_t *f, const octets *bytes, const octets *all, const char *name) {
    static const char *const reasons[] = {
        [SL_DROP_NO_ROUTE] = "no_route", [SL_DROP_HOP_LIMIT] = "hop_limit", [SL_DROP_QUEUE_FULL] = "queue_full"};
    uint8_t out[SLOW_PAYLOAD_MAX];
    const char *dst = text_of(f, "dst");
    sl_drop_report got, report = {.packet = number_of(f, "packet"), .reason = SL_DROP_NO_ROUTE};
    assert_true(sl_id_set(&report.dst, (slow_bytes){(const uint8_t *)dst, strlen(dst)}));
    while (strcmp(reasons[report.reason], text_of(f, "reason")) != 0)
        assert_true(++report.reason <= SL_DROP_QUEUE_FULL);
    is_octets((slow_bytes){out, sl_drop_report_write(out, &report)}, bytes, name);
    assert_true(sl_drop_report_read(bytes_of(all), &got));
    is_field(got.packet, f, "packet", name);
    is_number(got.reason, report.reason, "reason", name);
    assert_true(sl_id_equal(&got.dst, &report.dst));
}

static void control_is(const json_t *v, const char *name) {
    const json_t *f = json_object_get(v, "fields");
    octets bytes = octets_of(v, "bytes"), all = bytes;
    if (json_object_get(v, "trailing") != NULL) {
        octets trailing = octets_of(v, "trailing");
        memcpy(all.data + all.size, trailing.data, trailing.size);
        all.size += trailing.size;
    }
    if (is_record(v, "KNOCK"))
        is_number(bytes.size, 0, "size", name);
    else if (is_record(v, "ASK"))
        ask_is(f, &bytes, name);
    else if (is_record(v, "STATE"))
        state_is(f, &bytes, name);
    else if (is_record(v, "ECHO") || is_record(v, "TRACE"))
        echo_is(f, &bytes, name);
    else if (is_record(v, "ECHO_REPLY"))
        echo_reply_is(f, &bytes, &all, name);
    else if (is_record(v, "ERROR"))
        error_is(f, &bytes, &all, name);
    else
        open_is(v, f, &bytes, name);
}

static void control_is_refused(const json_t *v, const char *name) {
    octets o = octets_of(v, "bytes");
    slow_bytes bytes = bytes_of(&o);
    bool taken = is_record(v, "ASK")          ? sl_ask_read(bytes, &(sl_ask){0})
                 : is_record(v, "STATE")      ? sl_state_read(bytes, &(sl_state){0})
                 : is_record(v, "ECHO")       ? sl_echo_read(bytes, &(uint64_t){0})
                 : is_record(v, "ECHO_REPLY") ? sl_echo_reply_read(bytes, &(sl_echo_reply){0})
                 : is_record(v, "ERROR")      ? sl_drop_report_read(bytes, &(sl_drop_report){0})
                                              : sl_open_read(bytes, open_kind(v), &(sl_open){0});
    if (taken)
        fail_msg("%s: %s was taken", text_of(v, "record"), name);
}

static void control_packages_are_as_specified(void **state) {
    (void)state;
    vectors_each("control", "accepted", control_is);
    vectors_each("control", "refused", control_is_refused);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(control_packages_are_as_specified)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
