/* Any bytes as the payload of an OPEN, an ASK, a STATE or a TRACE_HOP, and always as that of an ECHO, its reply and an ERROR.
 * What a reader accepts keeps the bounds that its users rely on, and its writer writes so that the reader reads the same again.
 * The first byte says what the rest is. */
#include "core/delivery_wire.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds)
        abort();
}

static bool is_range(sl_range range) {
    return range.first >= 1 && range.first <= range.last && range.last <= SLOW_NUMBER_MAX;
}

static void try_open(slow_bytes in, enum sl_pair_kind kind) {
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_open open;
    if (!sl_open_read(in, kind, &open))
        return;
    must(open.mine != 0 && open.alone_ms <= SL_ALONE_MAX_MS && (kind == SL_KIND_OPEN1 || open.yours != 0));
    must(sl_open_write(out, kind, &open) == in.size && memcmp(out, in.data, in.size) == 0);
}

static void try_ask(slow_bytes in) {
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_ask ask;
    if (!sl_ask_read(in, &ask))
        return;
    must(ask.channel < SLOW_CHANNELS && ask.bar_count <= SL_ASK_BARS);
    for (uint32_t i = 0; i < ask.bar_count; i++) {
        must(is_range(ask.bars[i]) && ask.bars[i].first >= ask.from && ask.bars[i].last < ask.from + SL_WINDOW);
        must(i == 0 || ask.bars[i].first > ask.bars[i - 1].last);
    }
    must(sl_ask_write(out, &ask) == in.size && memcmp(out, in.data, in.size) == 0);
}

/* A varint can be written longer than need be, so it is the meaning that must come back. */
static void try_state(slow_bytes in) {
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_state s, back;
    uint32_t total = 0;
    if (!sl_state_read(in, &s))
        return;
    must(s.ack_count <= SL_ACK_RANGES && s.run_count <= SL_STATE_RUNS && s.channel < SLOW_CHANNELS);
    for (uint32_t i = 0; i < s.ack_count; i++)
        must(is_range(s.ack[i]) && (i == 0 || s.ack[i].last + 1 < s.ack[i - 1].first));
    for (uint32_t i = 0; i < s.run_count; i++) {
        must(s.runs[i].count > 0 && s.runs[i].state <= SL_BARRED);
        total += s.runs[i].count;
    }
    must(total <= SL_WINDOW && (!s.has_channel || (s.from >= 1 && s.from - 1 + total <= SLOW_NUMBER_MAX)));
    must(sl_state_read((slow_bytes){out, sl_state_write(out, &s)}, &back));
    must(back.ack_count == s.ack_count && back.delay_us == s.delay_us && back.credit == s.credit &&
         back.has_channel == s.has_channel && back.channel == s.channel && back.from == s.from &&
         back.run_count == s.run_count && memcmp(back.ack, s.ack, s.ack_count * sizeof *s.ack) == 0);
    for (uint32_t i = 0; i < s.run_count; i++)
        must(back.runs[i].count == s.runs[i].count && back.runs[i].state == s.runs[i].state);
}

static void try_hop(slow_bytes in) {
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_hop_report report;
    if (!sl_hop_report_read(in, &report))
        return;
    must(report.packet >= 1 && report.packet <= SLOW_NUMBER_MAX && report.place >= 1 && report.fate < SL_HOP_FATES);
    must(report.next.size <= SLOW_ID_MAX && (report.next.size > 0 || report.fate != SL_HOP_PASSED));
    must(sl_hop_report_write(out, &report) == in.size && memcmp(out, in.data, in.size) == 0);
}

/* What follows these two is ignored. */
static void try_hints(slow_bytes in) {
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_echo_reply reply;
    sl_drop_report report;
    uint64_t nonce;
    if (sl_echo_read(in, &nonce))
        must(sl_echo_write(out, nonce) == in.size && memcmp(out, in.data, in.size) == 0);
    if (sl_echo_reply_read(in, &reply)) {
        size_t size = sl_echo_reply_write(out, &reply);
        must(size > 0 && size <= in.size && memcmp(out, in.data, size) == 0);
    }
    if (sl_drop_report_read(in, &report)) {
        size_t size = sl_drop_report_write(out, &report);
        must(size > 0 && size <= in.size && memcmp(out, in.data, size) == 0);
        must(report.dst.size >= 1 && report.dst.size <= SLOW_ID_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    slow_bytes in = {data + 1, size - 1};
    unsigned which = data[0] % 6;
    enum sl_pair_kind kind = (enum sl_pair_kind)(SL_KIND_OPEN1 + which);
    try_hints(in);
    if (which == 5)
        try_hop(in);
    else if (kind == SL_KIND_ASK)
        try_ask(in);
    else if (kind == SL_KIND_STATE)
        try_state(in);
    else
        try_open(in, kind);
    return 0;
}
