/* A hostile member of a pair: packages of data and ASKs with any values, while the application holds, takes and is slow.
 *
 * The input is a row of events. What must hold, besides the sanitizers' rules: no message is offered twice, each is made
 * of fragments that were sent, ordered ones rise, the budget is kept, each STATE can be written and read, and in the end the
 * account comes out even. Fragments' bytes tell the place at which they belong. */
#include "core/receiver.h"
#include <slow/wire.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { QUEUE_MAX = 512, EVENTS_MAX = 500, MIB = 1024 * 1024 };

typedef struct harness {
    sl_receive_budget budget;
    sl_stats stats;
    sl_receiver *r;
    sl_arrival *queue[QUEUE_MAX];
    size_t queued;
    uint64_t base[4]; /* so that numbers lie near each other */
    uint64_t last_ordered[SLOW_CHANNELS], packet;
    slow_time now;
    uint8_t payload[SLOW_PAYLOAD_MAX];
} harness;

static void must(bool holds) {
    if (!holds)
        abort();
}

static uint8_t byte_at(uint32_t at) {
    return (uint8_t)(at / SLOW_PAYLOAD_MAX * 31 + at % 251);
}

static void on_offer(void *arg, sl_arrival *a) {
    harness *h = arg;
    for (uint32_t at = 0; at < a->size; at += at % 1000 == 999 ? 25 : 37)
        must(a->bytes[at] == byte_at(at));
    must(a->bytes[a->size] == 0);
    for (size_t i = 0; i < h->queued; i++)
        must(h->queue[i]->number != a->number || h->queue[i]->channel != a->channel);
    if (a->flags & SLOW_ORDERED) {
        must(a->number > h->last_ordered[a->channel]);
        h->last_ordered[a->channel] = a->number;
    }
    if (h->queued < QUEUE_MAX)
        h->queue[h->queued++] = a;
    else
        sl_arrival_taken(a);
}

static sl_arrival *unqueue(harness *h, size_t at) {
    sl_arrival *a = h->queue[at];
    h->queue[at] = h->queue[--h->queued];
    return a;
}

static bool on_withdraw(void *arg, sl_arrival *a) {
    harness *h = arg;
    must(!a->held);
    for (size_t i = 0; i < h->queued; i++)
        if (h->queue[i] == a) {
            if (a->number % 5 == 0)
                return false; /* as good as handed over */
            unqueue(h, i);
            return true;
        }
    abort();
}

static uint64_t number(harness *h, slow_reader *in) {
    uint8_t base = slow_read_u8(in);
    if (base % 16 == 15)
        h->base[base / 16 % 4] = slow_read_u64(in) >> (base / 16);
    return h->base[base % 4] + base / 4 % 16 + 1;
}

static void say_data(harness *h, slow_reader *in) {
    uint8_t style = slow_read_u8(in);
    slow_package p = {.type = SLOW_BINARY,
                      .flags = (uint16_t)(SLOW_RELIABLE | (style & (SLOW_ORDERED | SLOW_LATEST))),
                      .channel = style & 1,
                      .packet = style & 8 ? number(h, in) : ++h->packet,
                      .message = number(h, in),
                      .offset = slow_read_u8(in) % 4u * SLOW_PAYLOAD_MAX,
                      .total = slow_read_u8(in) * 16u};
    if (style & 16) {
        p.channel = slow_read_u8(in) % 80;
        p.total = slow_read_u32(in);
        p.offset = slow_read_u32(in);
        p.type = slow_read_u8(in);
        p.kind = slow_read_u16(in);
    }
    uint32_t left = p.offset < p.total ? p.total - p.offset : 0;
    p.payload = (slow_bytes){h->payload, left < SLOW_PAYLOAD_MAX ? left : SLOW_PAYLOAD_MAX};
    if (style & 32)
        p.payload.size = slow_read_u16(in) % (SLOW_PAYLOAD_MAX + 1);
    for (uint32_t i = 0; i < p.payload.size; i++)
        h->payload[i] = byte_at(p.offset + i);
    uint64_t used = h->budget.used;
    sl_receiver_data(h->r, &p, h->now);
    must(h->budget.used <= used || h->budget.used <= h->budget.most || used == 0);
}

static void say_ask(harness *h, slow_reader *in) {
    sl_ask ask;
    size_t size = slow_read_u8(in);
    slow_bytes raw = {slow_read_bytes(in, size), size};
    if (slow_reader_ok(in) && sl_ask_read(raw, &ask))
        sl_receiver_ask(h->r, &ask, ++h->packet, h->now);
}

static void say_bar(harness *h, slow_reader *in) {
    sl_ask ask = {.channel = slow_read_u8(in) % 2, .from = number(h, in), .bar_count = 1};
    ask.bars[0] = (sl_range){ask.from, ask.from + slow_read_u8(in) * 4u};
    if (ask.from <= ask.bars[0].last && ask.bars[0].last <= SLOW_NUMBER_MAX) /* what sl_ask_read() lets through */
        sl_receiver_ask(h->r, &ask, ++h->packet, h->now);
}

static void application(harness *h, uint8_t choice) {
    if (h->queued == 0)
        return;
    size_t at = choice / 2 % h->queued;
    if (choice & 1)
        sl_arrival_taken(unqueue(h, at));
    else if (!h->queue[at]->held)
        sl_arrival_held(h->queue[at]);
}

static void fetch(harness *h) {
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_state said, back;
    unsigned states = 0;
    for (; sl_receiver_state(h->r, &said, h->now); states++) {
        size_t size = sl_state_write(out, &said);
        must(size > 0 && sl_state_read((slow_bytes){out, size}, &back));
        must(said.credit >= SL_RECEIVE_FIRST && said.credit <= SL_RECEIVE_MESSAGE);
    }
    must(states <= SLOW_CHANNELS * (SL_WINDOW / SL_STATE_RUNS + 1));
    must(sl_receiver_due(h->r) > h->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    harness *h = calloc(1, sizeof *h);
    must(h != NULL);
    slow_reader in = slow_reader_of((slow_bytes){data, size});
    const sl_receiver_events events = {h, on_offer, on_withdraw};
    h->budget.most = slow_read_u8(&in) % 2 ? 2 * MIB : SL_RECEIVE_BUDGET;
    h->r = sl_receiver_new(&h->budget, &h->stats, &events);
    must(h->r != NULL);
    for (unsigned i = 0; i < EVENTS_MAX && slow_reader_left(&in) > 0; i++) {
        uint8_t what = slow_read_u8(&in);
        if (what % 8 < 4)
            say_data(h, &in);
        else if (what % 8 == 4)
            what & 8 ? say_ask(h, &in) : say_bar(h, &in);
        else if (what % 8 == 5)
            application(h, slow_read_u8(&in));
        else if (what == 255)
            sl_receiver_describe(h->r);
        else
            fetch(h);
        h->now += what * UINT64_C(100000);
    }
    sl_receiver_free(h->r);
    while (h->queued > 0)
        sl_arrival_taken(unqueue(h, 0));
    must(h->budget.used == 0);
    free(h);
    return 0;
}
