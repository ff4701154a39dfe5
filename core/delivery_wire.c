#include "delivery_wire.h"
#include "forward.h"

enum { NO_CHANNEL = 0xff, RUN_STATE_SHIFT = 14, RUN_COUNT_MASK = (1 << RUN_STATE_SHIFT) - 1 };

static size_t written(const slow_writer *w) {
    return slow_writer_ok(w) ? slow_writer_size(w) : 0;
}

static bool read_all(const slow_reader *r) {
    return slow_reader_ok(r) && slow_reader_left(r) == 0;
}

static bool is_number(uint64_t number) {
    return number >= 1 && number <= SLOW_NUMBER_MAX;
}

/* ---- OPEN ---- */

size_t sl_open_write(uint8_t out[SLOW_PAYLOAD_MAX], enum sl_pair_kind kind, const sl_open *open) {
    slow_writer w = slow_writer_of(out, SLOW_PAYLOAD_MAX);
    slow_write_u64(&w, open->mine);
    slow_write_u64(&w, open->yours);
    if (kind != SL_KIND_OPEN1)
        slow_write_u32(&w, open->alone_ms);
    slow_write_bytes(&w, open->handshake.data, open->handshake.size);
    return written(&w);
}

bool sl_open_read(slow_bytes payload, enum sl_pair_kind kind, sl_open *open) {
    slow_reader r = slow_reader_of(payload);
    open->mine = slow_read_u64(&r);
    open->yours = slow_read_u64(&r);
    open->alone_ms = kind == SL_KIND_OPEN1 ? 0 : slow_read_u32(&r);
    open->handshake.size = slow_reader_left(&r);
    open->handshake.data = slow_read_bytes(&r, open->handshake.size);
    return slow_reader_ok(&r) && payload.size <= SLOW_PAYLOAD_MAX && open->mine != 0 &&
           (open->yours != 0 || kind == SL_KIND_OPEN1) && open->alone_ms <= SL_ALONE_MAX_MS;
}

/* ---- ASK ---- */

size_t sl_ask_write(uint8_t out[SLOW_PAYLOAD_MAX], const sl_ask *ask) {
    slow_writer w = slow_writer_of(out, SLOW_PAYLOAD_MAX);
    slow_write_u8(&w, ask->channel);
    slow_write_u64(&w, ask->from);
    slow_write_u8(&w, (uint8_t)ask->bar_count);
    for (uint32_t i = 0; i < ask->bar_count; i++) {
        slow_write_u16(&w, (uint16_t)(ask->bars[i].first - ask->from));
        slow_write_u16(&w, (uint16_t)(ask->bars[i].last - ask->bars[i].first + 1));
    }
    return written(&w);
}

bool sl_ask_read(slow_bytes payload, sl_ask *ask) {
    slow_reader r = slow_reader_of(payload);
    uint32_t free_at = 0; /* the first place behind the bars so far, from `from` on */
    ask->channel = slow_read_u8(&r);
    ask->from = slow_read_u64(&r);
    ask->bar_count = slow_read_u8(&r);
    if (ask->channel >= SLOW_CHANNELS || !is_number(ask->from) || ask->bar_count > SL_ASK_BARS)
        return false;
    for (uint32_t i = 0; i < ask->bar_count; i++) {
        uint32_t at = slow_read_u16(&r), count = slow_read_u16(&r);
        if (at < free_at || count == 0 || at + count > SL_WINDOW)
            return false;
        ask->bars[i] = (sl_range){ask->from + at, ask->from + at + count - 1};
        if (ask->bars[i].last > SLOW_NUMBER_MAX)
            return false;
        free_at = at + count;
    }
    return read_all(&r);
}

/* ---- STATE ---- */

static void write_acks(slow_writer *w, const sl_state *state) {
    slow_write_u8(w, (uint8_t)state->ack_count);
    if (state->ack_count == 0)
        return;
    slow_write_u64(w, state->ack[0].last);
    slow_write_u32(w, state->delay_us);
    for (uint32_t i = 0; i < state->ack_count; i++) {
        if (i > 0)
            slow_write_varint(w, state->ack[i - 1].first - state->ack[i].last - 2);
        slow_write_varint(w, state->ack[i].last - state->ack[i].first);
    }
}

/* Each range as the distance to the one above, less what is always there, and its length less one. */
static bool read_acks(slow_reader *r, sl_state *state) {
    state->ack_count = slow_read_u8(r);
    state->delay_us = 0;
    if (state->ack_count == 0)
        return true;
    uint64_t last = slow_read_u64(r);
    state->delay_us = slow_read_u32(r);
    if (state->ack_count > SL_ACK_RANGES || !is_number(last))
        return false;
    for (uint32_t i = 0; i < state->ack_count; i++) {
        if (i > 0) {
            uint64_t above = state->ack[i - 1].first, gap = slow_read_varint(r);
            if (above < 3 || gap > above - 3)
                return false;
            last = above - gap - 2;
        }
        uint64_t more = slow_read_varint(r);
        if (more >= last)
            return false;
        state->ack[i] = (sl_range){last - more, last};
    }
    return true;
}

static bool read_runs(slow_reader *r, sl_state *state) {
    uint32_t total = 0;
    state->from = slow_read_u64(r);
    state->run_count = slow_read_u8(r);
    if (state->run_count > SL_STATE_RUNS || !is_number(state->from))
        return false;
    for (uint32_t i = 0; i < state->run_count; i++) {
        uint16_t run = slow_read_u16(r);
        state->runs[i] = (sl_run){run & RUN_COUNT_MASK, (uint8_t)(run >> RUN_STATE_SHIFT)};
        total += state->runs[i].count;
        if (state->runs[i].count == 0 || total > SL_WINDOW)
            return false;
    }
    return state->from + total <= SLOW_NUMBER_MAX + 1;
}

size_t sl_state_write(uint8_t out[SLOW_PAYLOAD_MAX], const sl_state *state) {
    slow_writer w = slow_writer_of(out, SLOW_PAYLOAD_MAX);
    write_acks(&w, state);
    slow_write_u64(&w, state->credit);
    slow_write_u8(&w, state->has_channel ? state->channel : NO_CHANNEL);
    if (!state->has_channel)
        return written(&w);
    slow_write_u64(&w, state->from);
    slow_write_u8(&w, (uint8_t)state->run_count);
    for (uint32_t i = 0; i < state->run_count; i++)
        slow_write_u16(&w, (uint16_t)(state->runs[i].count | state->runs[i].state << RUN_STATE_SHIFT));
    return written(&w);
}

bool sl_state_read(slow_bytes payload, sl_state *state) {
    slow_reader r = slow_reader_of(payload);
    if (!read_acks(&r, state))
        return false;
    state->credit = slow_read_u64(&r);
    state->channel = slow_read_u8(&r);
    state->has_channel = state->channel != NO_CHANNEL;
    state->from = 0;
    state->run_count = 0;
    if (!state->has_channel)
        state->channel = 0;
    else if (state->channel >= SLOW_CHANNELS || !read_runs(&r, state))
        return false;
    return read_all(&r);
}

/* ---- TRACE_HOP ---- */

size_t sl_hop_report_write(uint8_t out[SLOW_PAYLOAD_MAX], const sl_hop_report *report) {
    slow_writer w = slow_writer_of(out, SLOW_PAYLOAD_MAX);
    slow_write_u64(&w, report->packet);
    slow_write_u8(&w, report->place);
    slow_write_u8(&w, report->fate);
    slow_write_short(&w, report->next.text, report->next.size);
    slow_write_u64(&w, report->session);
    slow_write_u64(&w, report->wall_us);
    slow_write_u32(&w, report->delay_us);
    return written(&w);
}

static bool names_next(uint8_t fate) {
    return fate == SL_HOP_PASSED || fate == SL_HOP_QUEUE_FULL || fate == SL_HOP_LINK_DOWN;
}

bool sl_hop_report_read(slow_bytes payload, sl_hop_report *report) {
    slow_reader r = slow_reader_of(payload);
    *report = (sl_hop_report){.packet = slow_read_u64(&r)};
    report->place = slow_read_u8(&r);
    report->fate = slow_read_u8(&r);
    slow_bytes next = slow_read_short(&r);
    report->session = slow_read_u64(&r);
    report->wall_us = slow_read_u64(&r);
    report->delay_us = slow_read_u32(&r);
    return read_all(&r) && is_number(report->packet) && report->place > 0 && report->fate < SL_HOP_FATES &&
           (names_next(report->fate) ? sl_id_set(&report->next, next) : next.size == 0);
}

/* ---- ECHO, ECHO_REPLY, ERROR ---- */

size_t sl_echo_write(uint8_t out[SLOW_PAYLOAD_MAX], uint64_t nonce) {
    slow_writer w = slow_writer_of(out, SLOW_PAYLOAD_MAX);
    slow_write_u64(&w, nonce);
    return written(&w);
}

bool sl_echo_read(slow_bytes payload, uint64_t *nonce) {
    slow_reader r = slow_reader_of(payload);
    *nonce = slow_read_u64(&r);
    return read_all(&r);
}

size_t sl_echo_reply_write(uint8_t out[SLOW_PAYLOAD_MAX], const sl_echo_reply *reply) {
    slow_writer w = slow_writer_of(out, SLOW_PAYLOAD_MAX);
    slow_write_u64(&w, reply->nonce);
    slow_write_u8(&w, reply->hops);
    return written(&w);
}

bool sl_echo_reply_read(slow_bytes payload, sl_echo_reply *reply) {
    slow_reader r = slow_reader_of(payload);
    reply->nonce = slow_read_u64(&r);
    reply->hops = slow_read_u8(&r);
    return slow_reader_ok(&r);
}

size_t sl_drop_report_write(uint8_t out[SLOW_PAYLOAD_MAX], const sl_drop_report *report) {
    slow_writer w = slow_writer_of(out, SLOW_PAYLOAD_MAX);
    slow_write_u64(&w, report->packet);
    slow_write_u8(&w, report->reason);
    slow_write_short(&w, report->dst.text, report->dst.size);
    return written(&w);
}

bool sl_drop_report_read(slow_bytes payload, sl_drop_report *report) {
    slow_reader r = slow_reader_of(payload);
    report->packet = slow_read_u64(&r);
    report->reason = slow_read_u8(&r);
    slow_bytes dst = slow_read_short(&r);
    return slow_reader_ok(&r) && report->reason >= SL_DROP_NO_ROUTE && report->reason <= SL_DROP_QUEUE_FULL &&
           sl_id_set(&report->dst, dst);
}
