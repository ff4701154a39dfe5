/* Every rule of the sending half, by what is sent and what is told; then all of them at once against a receiver that takes,
 * holds, bars, forgets and loses. */
#include "sender.h"
#include "loop.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LOG = 8192, RELIABLE = SLOW_RELIABLE };
static const slow_time TTL = 30 * SL_SECOND;

typedef struct seen {
    slow_package package;
    uint64_t packet;
    sl_ask ask; /* if it is one */
} seen;

typedef struct told {
    enum sl_outcome what;
    enum sl_reason reason;
    uint32_t times;
    slow_time at;
} told;

typedef struct rig {
    sl_sender *s;
    slow_time now;
    uint64_t packet, state_packet;
    uint32_t count; /* in log */
    uint32_t released;
    uint64_t released_bytes;
    slow_status refuse; /* what send() says */
    struct {
        uint64_t ticket, packet;
        uint32_t offset;
    } traced[64];
    uint32_t traced_count;
    told told[LOG]; /* by ticket */
    seen log[LOG];
    uint64_t credit; /* that the STATEs give */
} rig;

static uint64_t on_number(void *arg) {
    return ((rig *)arg)->packet + 1;
}

static slow_status on_send(void *arg, slow_package *package) {
    rig *g = arg;
    if (g->refuse != SLOW_OK)
        return g->refuse;
    assert_true(g->count < LOG);
    seen *at = &g->log[g->count++];
    *at = (seen){.package = *package, .packet = ++g->packet};
    if (package->type == SLOW_CONTROL && package->kind == SL_KIND_ASK)
        assert_true(sl_ask_read(package->payload, &at->ask));
    return SLOW_OK;
}

static void on_outcome(void *arg, const sl_outgoing *out, enum sl_outcome what, enum sl_reason reason, slow_time now) {
    told *t = &((rig *)arg)->told[out->ticket];
    *t = (told){what, reason, t->times + 1, now};
}

static void on_traced(void *arg, const sl_outgoing *out, uint64_t packet, uint32_t offset) {
    rig *g = arg;
    assert_true(g->traced_count < 64);
    g->traced[g->traced_count].ticket = out->ticket;
    g->traced[g->traced_count].packet = packet;
    g->traced[g->traced_count++].offset = offset;
}

static void on_released(void *arg, size_t bytes) {
    rig *g = arg;
    g->released++;
    g->released_bytes += bytes;
}

static int set_up(void **state) {
    rig *g = calloc(1, sizeof *g);
    sl_sender_events events = {.arg = g,
                               .number = on_number,
                               .send = on_send,
                               .traced = on_traced,
                               .outcome = on_outcome,
                               .released = on_released};
    g->now = SL_SECOND;
    g->credit = SL_CREDIT_FIRST;
    g->s = sl_sender_new(&events);
    *state = g;
    return g->s == NULL;
}

static int tear_down(void **state) {
    rig *g = *state;
    sl_sender_free(g->s);
    free(g);
    return 0;
}

static void open_pair(rig *g) {
    g->packet = g->state_packet = 0;
    assert_true(sl_sender_open(g->s, 10 * SL_MS, g->now));
}

/* The ticket is what tests know it by. */
static void add(rig *g, uint64_t ticket, uint8_t channel, uint16_t flags, uint32_t size, slow_time ttl) {
    sl_outgoing *out = calloc(1, sizeof *out + size);
    out->message = (sl_message){.type = SLOW_BINARY,
                                .channel = channel,
                                .priority = 2,
                                .flags = (uint16_t)(SLOW_RELIABLE | flags),
                                .payload = {out->bytes, size}};
    out->until = g->now + ttl;
    out->ticket = ticket;
    sl_sender_add(g->s, out, g->now);
}

static void pump(rig *g) {
    sl_sender_pump(g->s, g->now);
}

static void send_one(rig *g, uint64_t ticket, uint8_t channel, uint16_t flags, uint32_t size) {
    add(g, ticket, channel, flags, size, TTL);
    pump(g);
}

/* All sent so far is acknowledged; and a run of `channel`, unless count is 0. */
static void state_of(rig *g, uint8_t channel, uint64_t from, uint16_t count, enum sl_number_state what) {
    sl_state state = {.ack_count = g->packet != 0,
                      .ack = {{1, g->packet}},
                      .credit = g->credit,
                      .has_channel = count != 0,
                      .channel = channel,
                      .from = from,
                      .run_count = count != 0,
                      .runs = {{count, (uint8_t)what}}};
    sl_sender_state(g->s, &state, ++g->state_packet, g->now);
}

static void acked(rig *g) {
    state_of(g, 0, 0, 0, SL_OPEN);
}

/* Runs timers up to a time, nothing answers. */
static void silence_until(rig *g, slow_time when) {
    while (sl_sender_due(g->s) <= when) {
        g->now = sl_sender_due(g->s) > g->now ? sl_sender_due(g->s) : g->now;
        sl_sender_timer(g->s, g->now);
    }
    g->now = when;
}

static bool is_ask(const seen *at) {
    return at->package.type == SLOW_CONTROL;
}

static uint32_t data_from(const rig *g, uint32_t from) {
    uint32_t count = 0;
    for (uint32_t i = from; i < g->count; i++)
        count += !is_ask(&g->log[i]);
    return count;
}

static const sl_ask *last_ask(const rig *g, uint8_t channel) {
    for (uint32_t i = g->count; i-- > 0;) {
        if (is_ask(&g->log[i]) && g->log[i].ask.channel == channel)
            return &g->log[i].ask;
    }
    return NULL;
}

static void assert_told(const rig *g, uint64_t ticket, enum sl_outcome what, enum sl_reason reason) {
    assert_int_equal(g->told[ticket].times, what != SL_PENDING);
    assert_int_equal(g->told[ticket].what, what);
    assert_int_equal(g->told[ticket].reason, reason);
}

static sl_sender_info info(const rig *g) {
    return sl_sender_info_of(g->s);
}

/* ---- pieces ---- */

static uint32_t pump_all(rig *g) {
    uint32_t calls = 0;
    do {
        pump(g);
        calls++;
    } while (sl_sender_has_more(g->s));
    return calls;
}

/* With a window of three pieces, by acknowledging what slow start sends. */
static void open_wide(rig *g) {
    g->credit = SL_MESSAGE_MAX;
    open_pair(g);
    while (info(g).recovery.window < 3 * SL_SENDER_PIECE || info(g).queued > 0) {
        while (info(g).recovery.window < 3 * SL_SENDER_PIECE && info(g).queued_bytes < info(g).recovery.window)
            add(g, 0, 1, 0, SLOW_PAYLOAD_MAX, TTL);
        pump_all(g);
        g->now += 10 * SL_MS;
        state_of(g, 1, 1, SL_WINDOW, SL_TAKEN);
    }
    state_of(g, 1, 1, SL_WINDOW, SL_TAKEN);
    assert_int_equal(info(g).unfinished, 0);
}

static void a_call_sends_a_piece_and_tells_that_there_is_more(void **state) {
    enum { MESSAGES = 500, WEIGHT = SLOW_PAYLOAD_MAX + SL_PACKET_OVERHEAD, PIECE = SL_SENDER_PIECE / WEIGHT + 1 };
    rig *g = *state;
    open_wide(g);
    uint32_t before = g->count;
    for (uint32_t i = 0; i < MESSAGES; i++)
        add(g, 0, 1, 0, SLOW_PAYLOAD_MAX, TTL);
    pump(g);
    assert_int_equal(g->count - before, PIECE);
    assert_true(sl_sender_has_more(g->s));
    assert_int_equal(pump_all(g), MESSAGES / PIECE);
    assert_int_equal(g->count - before, MESSAGES);
    state_of(g, 1, 1, SL_WINDOW, SL_TAKEN);
    for (uint32_t i = 0; i < PIECE; i++)
        add(g, 0, 1, 0, SLOW_PAYLOAD_MAX, TTL);
    pump(g);
    assert_true(sl_sender_has_more(g->s));
    sl_sender_close(g->s, UINT64_MAX, g->now);
    assert_false(sl_sender_has_more(g->s)); /* or its owner would come again for ever */
}

/* ---- numbers and packages ---- */

static void a_message_gets_its_number_when_it_is_first_sent(void **state) {
    rig *g = *state;
    send_one(g, 1, 7, SLOW_ORDERED, 100);
    assert_int_equal(g->count, 0);
    assert_true(sl_sender_wants_pair(g->s));
    open_pair(g);
    g->refuse = SLOW_E_NOROUTE;
    pump(g);
    assert_int_equal(info(g).queued, 1);
    assert_int_equal(info(g).recovery.flying, 0);
    g->refuse = SLOW_OK;
    pump(g);
    assert_int_equal(g->count, 1);
    const slow_package *p = &g->log[0].package;
    assert_int_equal(p->message, 1);
    assert_int_equal(p->channel, 7);
    assert_int_equal(p->flags, RELIABLE | SLOW_ORDERED);
    assert_int_equal(p->priority, 4 + 2);
    assert_int_equal(p->total, 100);
    assert_int_equal(p->payload.size, 100);
    state_of(g, 7, 1, 1, SL_TAKEN);
    assert_told(g, 1, SL_DELIVERED, SL_REASON_NONE);
    assert_int_equal(g->released_bytes, 100);
    assert_false(sl_sender_wants_pair(g->s));
    assert_int_equal(sl_sender_pending(g->s), 0);
    send_one(g, 2, 7, 0, 1);
    send_one(g, 3, 8, 0, 1);
    assert_int_equal(g->log[1].package.message, 2);
    assert_int_equal(g->log[2].package.message, 1);
}

static void fragments_go_in_order_within_the_congestion_window(void **state) {
    rig *g = *state;
    open_pair(g);
    send_one(g, 1, 0, 0, 200 * SLOW_PAYLOAD_MAX + 1);
    assert_int_equal(g->count, 10);
    while (g->count < 201) {
        g->now += 10 * SL_MS;
        uint32_t before = g->count;
        acked(g);
        assert_true(g->count > before);
    }
    assert_int_equal(g->count, 201);
    for (uint32_t i = 0; i < 201; i++)
        assert_int_equal(g->log[i].package.offset, i * SLOW_PAYLOAD_MAX);
    assert_int_equal(g->log[200].package.payload.size, 1);
    state_of(g, 0, 1, 1, SL_TAKEN);
    assert_told(g, 1, SL_DELIVERED, SL_REASON_NONE);
}

static void an_empty_message_is_one_package(void **state) {
    rig *g = *state;
    open_pair(g);
    send_one(g, 1, 0, 0, 0);
    assert_int_equal(data_from(g, 0), 1);
    silence_until(g, g->now + SL_SECOND);
    assert_true(data_from(g, 0) > 1); /* and again */
    state_of(g, 0, 1, 1, SL_TAKEN);
    assert_told(g, 1, SL_DELIVERED, SL_REASON_NONE);
}

static void what_is_lost_goes_again_as_a_new_packet(void **state) {
    rig *g = *state;
    open_pair(g);
    send_one(g, 1, 0, 0, 6 * SLOW_PAYLOAD_MAX);
    g->now += 10 * SL_MS;
    sl_state first_is_lost = {.ack_count = 1, .ack = {{2, 6}}, .credit = SL_CREDIT_FIRST};
    sl_sender_state(g->s, &first_is_lost, 1, g->now);
    assert_int_equal(g->count, 7);
    assert_int_equal(g->log[6].package.offset, 0);
    assert_int_equal(g->log[6].package.message, 1);
    assert_int_equal(g->log[6].packet, 7);
    assert_int_equal(info(g).retransmitted, 1);
    sl_sender_state(g->s, &first_is_lost, 2, g->now);
    assert_int_equal(g->count, 7);
}

/* ---- window and credit ---- */

/* How many of 1,100 messages go that nobody takes. */
static uint32_t sent_unfinished(rig *g) {
    open_pair(g);
    for (uint32_t i = 1; i <= SL_WINDOW + 100; i++) {
        send_one(g, i, 3, 0, 1);
        g->now += SL_MS;
        acked(g);
    }
    return data_from(g, 0);
}

static void no_number_is_4096_above_the_lowest_unfinished(void **state) {
    rig *g = *state;
    assert_int_equal(sent_unfinished(g), SL_WINDOW);
    send_one(g, 6000, 4, 0, 1); /* that channel alone is stuck */
    assert_int_equal(g->log[g->count - 1].package.channel, 4);
    uint32_t before = g->count;
    state_of(g, 3, 2, 1, SL_TAKEN); /* not the lowest */
    assert_int_equal(g->count, before);
    state_of(g, 3, 1, 1, SL_TAKEN);
    assert_int_equal(data_from(g, before), 2);
}

static void the_control_moves_the_window_by_three(void **state) {
    rig *g = *state;
    sl_sender_break(g->s, SL_SENDER_WINDOW_OFF_BY_3);
    assert_int_equal(sent_unfinished(g), SL_WINDOW + 3);
}

static void credit_bounds_what_is_unfinished_but_one_may_always_go(void **state) {
    rig *g = *state;
    open_pair(g);
    sl_state state_ = {.credit = 1500};
    sl_sender_state(g->s, &state_, 5, g->now);
    state_.credit = 1000000;
    sl_sender_state(g->s, &state_, 4, g->now); /* an older one does not count */
    assert_int_equal(info(g).credit, 1500);
    send_one(g, 1, 0, 0, 4000);
    send_one(g, 2, 0, 0, 1);
    assert_int_equal(data_from(g, 0), 4);
    g->state_packet = 4;
    sl_state taken = {.ack_count = 1, .ack = {{1, 4}}, .credit = 1500, .has_channel = true, .from = 1, .run_count = 1};
    taken.runs[0] = (sl_run){1, SL_TAKEN};
    sl_sender_state(g->s, &taken, 6, g->now);
    assert_int_equal(data_from(g, 0), 5);
    send_one(g, 3, 0, 0, 1500); /* does not fit beside the one */
    send_one(g, 4, 1, 0, 1400); /* of another channel: does */
    assert_int_equal(g->log[g->count - 1].package.channel, 1);
    assert_int_equal(info(g).queued, 1);
    assert_int_equal(info(g).unfinished_bytes, 1401);
}

/* What a receiver takes and never answers for stays in our memory, outcome or not. */
static void no_more_credit_is_believed_than_a_message_needs(void **state) {
    rig *g = *state;
    open_pair(g);
    sl_state boast = {.credit = UINT64_MAX};
    sl_sender_state(g->s, &boast, 1, g->now);
    assert_int_equal(info(g).credit, SL_MESSAGE_MAX);
}

static void channels_take_turns(void **state) {
    rig *g = *state;
    for (uint32_t i = 0; i < 6; i++)
        add(g, i, 0, 0, 1, TTL);
    add(g, 10, 1, 0, 1, TTL);
    add(g, 11, 1, 0, 1, TTL);
    open_pair(g);
    pump(g);
    const uint8_t expected[] = {0, 1, 0, 1, 0, 0, 0, 0};
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(g->log[i].package.channel, expected[i]);
}

static void the_queue_has_room_for_1024_or_4_mib_or_one(void **state) {
    rig *g = *state;
    assert_true(sl_sender_has_room(g->s, SL_MESSAGE_MAX));
    add(g, 0, 0, 0, SL_PEER_QUEUE_MAX - 10, TTL);
    assert_true(sl_sender_has_room(g->s, 10));
    assert_false(sl_sender_has_room(g->s, 11));
    sl_sender_stop(g->s, g->now);
    for (uint32_t i = 1; i <= SL_PEER_QUEUE_COUNT; i++) {
        assert_true(sl_sender_has_room(g->s, 0));
        add(g, i, 0, 0, 0, TTL);
    }
    assert_false(sl_sender_has_room(g->s, 0));
}

/* ---- outcomes ---- */

static void the_deadline_of_one_that_waits_is_its_end(void **state) {
    rig *g = *state;
    slow_time began = g->now;
    add(g, 1, 0, 0, 1, SL_SECOND);
    add(g, 2, 0, 0, 1, 2 * SL_SECOND);
    assert_int_equal(sl_sender_due(g->s), began + SL_SECOND);
    silence_until(g, began + 3 * SL_SECOND);
    assert_told(g, 1, SL_NOT_DELIVERED, SL_REASON_EXPIRED);
    assert_told(g, 2, SL_NOT_DELIVERED, SL_REASON_EXPIRED);
    assert_int_equal(g->told[1].at, began + SL_SECOND);
    assert_int_equal(g->told[2].at, began + 2 * SL_SECOND);
    assert_int_equal(sl_sender_due(g->s), UINT64_MAX);
}

static void one_that_was_not_sent_whole_is_not_delivered_at_its_deadline_and_barred(void **state) {
    rig *g = *state;
    open_pair(g);
    slow_time until = g->now + SL_SECOND;
    add(g, 1, 0, 0, 20 * SLOW_PAYLOAD_MAX, SL_SECOND);
    pump(g);
    silence_until(g, until);
    assert_told(g, 1, SL_NOT_DELIVERED, SL_REASON_EXPIRED);
    assert_int_equal(info(g).unfinished, 1);
    uint32_t before = g->count;
    acked(g);
    silence_until(g, until + 60 * SL_SECOND);
    assert_int_equal(data_from(g, before), 0);
    assert_true(g->count > before);
    for (uint32_t i = before; i < g->count; i++)
        assert_int_equal(g->log[i].ask.bar_count, 1);
    state_of(g, 0, 1, 1, SL_BARRED);
    assert_int_equal(info(g).unfinished, 0);
    assert_int_equal(g->told[1].times, 1);
}

static void one_that_was_sent_whole_is_barred_at_its_deadline_and_unknown_after_the_grace(void **state) {
    rig *g = *state;
    open_pair(g);
    slow_time until = g->now + SL_SECOND;
    add(g, 1, 0, 0, 10, SL_SECOND);
    pump(g);
    silence_until(g, until - 1);
    assert_int_equal(last_ask(g, 0)->bar_count, 0);
    uint32_t before = g->count;
    acked(g); /* no ASK is under way: the bar goes at once */
    silence_until(g, until);
    assert_int_equal(data_from(g, before), 0);
    assert_int_equal(last_ask(g, 0)->bar_count, 1);
    assert_int_equal(last_ask(g, 0)->bars[0].first, 1);
    before = g->count;
    silence_until(g, until + SL_GRACE_NS - 1);
    assert_told(g, 1, SL_PENDING, SL_REASON_NONE);
    silence_until(g, until + SL_GRACE_NS);
    assert_told(g, 1, SL_UNKNOWN, SL_REASON_NO_ANSWER);
    assert_int_equal(data_from(g, before), 0);
    before = g->count;
    silence_until(g, until + 60 * SL_SECOND);
    assert_true(g->count > before); /* the bar stands */
    assert_int_equal(last_ask(g, 0)->bar_count, 1);
    state_of(g, 0, 1, 1, SL_HELD);
    assert_int_equal(info(g).unfinished, 0);
    assert_int_equal(g->told[1].times, 1);
    assert_int_equal(sl_sender_due(g->s), UINT64_MAX);
}

static void what_the_receiver_says_after_the_deadline_is_the_outcome(void **state) {
    rig *g = *state;
    open_pair(g);
    for (uint64_t i = 1; i <= 3; i++)
        add(g, i, 0, 0, 10, SL_SECOND);
    pump(g);
    silence_until(g, g->now + 2 * SL_SECOND);
    state_of(g, 0, 1, 1, SL_TAKEN);
    state_of(g, 0, 2, 1, SL_BARRED);
    state_of(g, 0, 3, 1, SL_HELD);
    assert_told(g, 1, SL_DELIVERED, SL_REASON_NONE);
    assert_told(g, 2, SL_NOT_DELIVERED, SL_REASON_EXPIRED);
    assert_told(g, 3, SL_PENDING, SL_REASON_NONE);
    assert_int_equal(info(g).unfinished, 1);
}

static void a_newer_latest_supersedes_those_that_wait_and_bars_those_that_do_not(void **state) {
    rig *g = *state;
    add(g, 1, 5, SLOW_LATEST, 1, TTL);
    add(g, 2, 6, SLOW_LATEST, 1, TTL);
    add(g, 3, 5, SLOW_LATEST, 1, TTL);
    assert_told(g, 1, SL_NOT_DELIVERED, SL_REASON_SUPERSEDED);
    assert_told(g, 2, SL_PENDING, SL_REASON_NONE);
    open_pair(g);
    pump(g);
    assert_null(last_ask(g, 5));
    send_one(g, 4, 5, SLOW_LATEST, 1);
    assert_int_equal(last_ask(g, 5)->bar_count, 1);
    assert_int_equal(last_ask(g, 5)->bars[0].first, 1);
    send_one(g, 5, 5, SLOW_LATEST, 1); /* an ASK is under way: the next bar goes with its answer */
    assert_int_equal(last_ask(g, 5)->bars[0].last, 1);
    acked(g);
    assert_int_equal(last_ask(g, 5)->bars[0].first, 1);
    assert_int_equal(last_ask(g, 5)->bars[0].last, 2);
    state_of(g, 5, 1, 1, SL_BARRED);
    assert_told(g, 3, SL_NOT_DELIVERED, SL_REASON_SUPERSEDED);
    state_of(g, 5, 2, 1, SL_TAKEN); /* it had been taken before the bar came */
    assert_told(g, 4, SL_DELIVERED, SL_REASON_NONE);
    state_of(g, 5, 3, 1, SL_TAKEN);
    assert_told(g, 5, SL_DELIVERED, SL_REASON_NONE);
}

static void a_lost_ask_is_asked_again(void **state) {
    rig *g = *state;
    open_pair(g);
    send_one(g, 1, 5, SLOW_LATEST, 1);
    send_one(g, 2, 5, SLOW_LATEST, 1); /* packets 2, and 3: the ASK */
    for (uint64_t i = 3; i <= 5; i++)
        send_one(g, i, 6, 0, 1);
    uint32_t before = g->count;
    assert_int_equal(g->log[2].ask.channel, 5);
    g->now += 10 * SL_MS;
    sl_state all_but_it = {.ack_count = 2, .ack = {{4, 6}, {1, 2}}, .credit = SL_CREDIT_FIRST};
    sl_sender_state(g->s, &all_but_it, 1, g->now);
    assert_int_equal(g->count, before + 1);
    assert_int_equal(g->log[before].ask.channel, 5);
}

static void a_busy_channel_does_not_keep_the_sender_from_asking_about_another(void **state) {
    rig *g = *state;
    open_pair(g);
    send_one(g, 1, 1, 0, 1); /* acknowledged, and nothing else is ever heard of it */
    uint32_t asks = 0;
    for (uint64_t i = 1; i <= 200; i++) {
        send_one(g, 100 + i, 2, 0, 1);
        g->now += 5 * SL_MS;
        state_of(g, 2, i, 1, SL_TAKEN);
        uint32_t before = g->count;
        if (sl_sender_due(g->s) <= g->now)
            sl_sender_timer(g->s, g->now);
        for (; before < g->count; before++)
            asks += is_ask(&g->log[before]) && g->log[before].ask.channel == 1;
    }
    assert_in_range(asks, 3, 8); /* a second, doubling */
}

/* ---- probes ---- */

static void a_probe_asks_for_each_channel_and_sends_two_fragments_again(void **state) {
    rig *g = *state;
    open_pair(g);
    send_one(g, 1, 0, 0, 5 * SLOW_PAYLOAD_MAX);
    send_one(g, 2, 9, 0, 1);
    uint32_t before = g->count;
    while (g->count == before) {
        g->now = sl_sender_due(g->s);
        sl_sender_timer(g->s, g->now);
    }
    assert_int_equal(g->count, before + 4);
    assert_int_equal(g->log[before].ask.channel, 0);
    assert_int_equal(g->log[before].ask.from, 1);
    assert_int_equal(g->log[before].package.priority, 8);
    assert_int_equal(g->log[before + 1].ask.channel, 9);
    assert_int_equal(g->log[before + 2].package.offset, 0);
    assert_int_equal(g->log[before + 3].package.offset, SLOW_PAYLOAD_MAX);
    assert_int_equal(info(g).retransmitted, 2);
}

static void what_was_refused_is_tried_again_by_the_probe_timer(void **state) {
    rig *g = *state;
    open_pair(g);
    g->refuse = SLOW_E_AGAIN;
    send_one(g, 1, 0, 0, 1);
    silence_until(g, g->now + SL_SECOND);
    assert_int_equal(g->count, 0);
    g->refuse = SLOW_OK;
    silence_until(g, g->now + 5 * SL_SECOND);
    assert_true(data_from(g, 0) > 0);
}

static void an_application_that_sits_on_a_message_is_not_asked_all_the_time(void **state) {
    rig *g = *state;
    open_pair(g);
    send_one(g, 1, 0, 0, 1);
    slow_time until = g->now + 25 * SL_SECOND;
    state_of(g, 0, 1, 1, SL_HELD);
    while (sl_sender_due(g->s) < until) {
        g->now = sl_sender_due(g->s);
        uint32_t before = g->count;
        sl_sender_timer(g->s, g->now);
        g->now += g->count > before ? SL_MS : 0;
        if (g->count > before)
            state_of(g, 0, 1, 1, SL_HELD);
    }
    assert_int_equal(data_from(g, 1), 0);
    assert_in_range(g->count, 8, 40);
}

/* ---- the end of a pair ---- */

static void what_the_peer_cannot_have_goes_to_the_head_of_the_queue(void **state) {
    rig *g = *state;
    open_pair(g);
    send_one(g, 1, 0, 0, 1);
    g->now += SL_SECOND;
    slow_time restarted = g->now;
    send_one(g, 2, 0, 0, 1);
    send_one(g, 3, 0, 0, 1);
    add(g, 4, 0, 0, 1, TTL);
    sl_sender_close(g->s, restarted, g->now);
    assert_told(g, 1, SL_UNKNOWN, SL_REASON_PEER_RESTARTED);
    assert_int_equal(info(g).queued, 3);
    assert_int_equal(sl_sender_pending(g->s), 3);
    open_pair(g);
    uint32_t before = g->count;
    pump(g);
    state_of(g, 0, 1, 1, SL_TAKEN);
    assert_told(g, 2, SL_DELIVERED, SL_REASON_NONE);
    state_of(g, 0, 2, 2, SL_TAKEN);
    assert_told(g, 3, SL_DELIVERED, SL_REASON_NONE);
    assert_told(g, 4, SL_DELIVERED, SL_REASON_NONE);
    assert_int_equal(g->log[before].package.message, 1);
    assert_int_equal(g->log[before].packet, 1);
}

static void one_that_was_not_sent_whole_goes_over_to_the_next_pair(void **state) {
    rig *g = *state;
    open_pair(g);
    send_one(g, 1, 0, 0, 100 * SLOW_PAYLOAD_MAX);
    add(g, 2, 0, 0, 20 * SLOW_PAYLOAD_MAX, SL_SECOND);
    sl_sender_close(g->s, UINT64_MAX, g->now);
    assert_told(g, 1, SL_PENDING, SL_REASON_NONE);
    assert_int_equal(info(g).queued, 2);
    assert_int_equal(info(g).unfinished_bytes, 0);
    open_pair(g);
    uint32_t before = g->count;
    pump(g);
    assert_int_equal(g->log[before].package.offset, 0);
    assert_int_equal(g->log[before].package.total, 100 * SLOW_PAYLOAD_MAX);
}

static void what_has_an_end_already_has_it_when_the_pair_ends(void **state) {
    rig *g = *state;
    open_pair(g);
    send_one(g, 1, 0, SLOW_LATEST, 1);
    send_one(g, 2, 0, SLOW_LATEST, 1); /* bars the first */
    add(g, 3, 1, 0, 20 * SLOW_PAYLOAD_MAX, SL_SECOND);
    pump(g);
    silence_until(g, g->now + 2 * SL_SECOND);
    assert_told(g, 3, SL_NOT_DELIVERED, SL_REASON_EXPIRED);
    sl_sender_close(g->s, 0, g->now);
    assert_told(g, 1, SL_NOT_DELIVERED, SL_REASON_SUPERSEDED);
    assert_told(g, 2, SL_PENDING, SL_REASON_NONE);
    assert_int_equal(g->told[3].times, 1);
    assert_int_equal(info(g).queued, 1);
    assert_int_equal(info(g).unfinished, 0);
}

static void the_control_resends_what_the_peer_may_have(void **state) {
    rig *g = *state;
    sl_sender_break(g->s, SL_SENDER_RESENDS_INTO_A_NEW_PAIR);
    open_pair(g);
    send_one(g, 1, 0, 0, 1);
    sl_sender_close(g->s, UINT64_MAX, g->now);
    assert_told(g, 1, SL_PENDING, SL_REASON_NONE);
    assert_int_equal(info(g).queued, 1);
}

static void closing_ends_what_waits_at_once_and_the_rest_in_the_end(void **state) {
    rig *g = *state;
    open_pair(g);
    send_one(g, 1, 0, 0, 1);
    send_one(g, 2, 0, 0, 1);
    add(g, 3, 0, 0, 1, TTL);
    sl_sender_stop(g->s, g->now);
    assert_told(g, 3, SL_NOT_DELIVERED, SL_REASON_CLOSED);
    state_of(g, 0, 1, 1, SL_TAKEN);
    assert_told(g, 1, SL_DELIVERED, SL_REASON_NONE);
    sl_sender_abandon(g->s, g->now);
    assert_told(g, 2, SL_UNKNOWN, SL_REASON_CLOSED);
    assert_int_equal(sl_sender_pending(g->s), 0);
    assert_int_equal(g->released, 3);
    pump(g);
    assert_int_equal(sl_sender_due(g->s), UINT64_MAX);
}

/* ---- all at once ---- */

/* A receiver that does what delivery.md asks, and as little else: it takes or holds what is whole, bars what it is asked to,
 * and forgets all when it restarts. Between the two packets are lost, late and doubled. */
enum { CHANNELS = 3, NUMBERS = 512, MAIL = 2048, MESSAGES = 400 };

typedef struct far_message {
    uint32_t have;
    uint8_t state; /* enum sl_number_state */
    slow_time take_at;
    uint64_t ticket;
} far_message;

typedef struct mail {
    slow_time at; /* 0 = free */
    uint32_t life;
    bool is_state, is_ask;
    uint64_t packet, ticket;
    uint8_t channel;
    uint64_t number;
    uint32_t offset, total;
    sl_ask ask;
    sl_state state;
} mail;

typedef struct world {
    sl_sender *s;
    uint64_t seed, random;
    slow_time now, restarted_at;
    uint32_t life, near_life; /* the pair's number, as the receiver and the sender have it */
    unsigned loss;
    uint64_t packet, state_packet;
    far_message far[CHANNELS][NUMBERS];
    uint64_t given[CHANNELS];
    bool got[8 * NUMBERS]; /* packets */
    uint64_t highest;
    uint32_t taken[MESSAGES], outcomes[MESSAGES];
    enum sl_outcome what[MESSAGES];
    uint32_t counts[4], released;
    uint32_t mail_end; /* no mail lies behind */
    mail mail[MAIL];
} world;

static uint64_t draw(world *w, uint64_t below) {
    return sl_splitmix(&w->random) % below;
}

#define CHECK(w, condition)                                                        \
    do {                                                                           \
        if (!(condition))                                                          \
            fail_msg("%s (seed %llu)", #condition, (unsigned long long)(w)->seed); \
    } while (0)

static void post(world *w, mail m) {
    for (uint64_t copies = draw(w, 10) == 0 ? 2 : 1; copies > 0; copies--) {
        if (draw(w, 100) < w->loss)
            continue;
        m.at = w->now + (draw(w, 50) == 0 ? 2000 : 5 + draw(w, 20)) * SL_MS;
        uint32_t i = 0;
        while (i < MAIL && w->mail[i].at != 0)
            i++;
        CHECK(w, i < MAIL);
        w->mail[i] = m;
        w->mail_end = i >= w->mail_end ? i + 1 : w->mail_end;
    }
}

static uint64_t world_number(void *arg) {
    return ((world *)arg)->packet + 1;
}

static slow_status world_send(void *arg, slow_package *p) {
    world *w = arg;
    if (draw(w, 40) == 0)
        return SLOW_E_AGAIN;
    mail m = {.life = w->near_life, .packet = ++w->packet, .is_ask = p->type == SLOW_CONTROL};
    CHECK(w, w->packet < sizeof w->got);
    if (m.is_ask) {
        CHECK(w, sl_ask_read(p->payload, &m.ask));
    } else {
        m.channel = p->channel;
        m.number = p->message;
        m.offset = p->offset;
        m.total = p->total;
        memcpy(&m.ticket, p->payload.data, sizeof m.ticket);
        sl_sender_info i = sl_sender_info_of(w->s);
        if (m.number > w->given[m.channel]) {
            CHECK(w, m.number == w->given[m.channel] + 1);
            CHECK(w, i.unfinished_bytes == 0 || i.unfinished_bytes + p->total <= i.credit);
            w->given[m.channel] = m.number;
            CHECK(w, m.number < NUMBERS);
        }
        CHECK(w, w->what[m.ticket] == SL_PENDING); /* no data of what has an outcome */
    }
    post(w, m);
    return SLOW_OK;
}

static void world_outcome(void *arg, const sl_outgoing *out, enum sl_outcome what, enum sl_reason reason,
                          slow_time now) {
    world *w = arg;
    (void)now;
    CHECK(w, (what == SL_DELIVERED) == (reason == SL_REASON_NONE));
    CHECK(w, w->outcomes[out->ticket]++ == 0);
    w->what[out->ticket] = what;
    w->counts[what]++;
    CHECK(w, what != SL_DELIVERED || w->taken[out->ticket] == 1);
    CHECK(w, what != SL_NOT_DELIVERED || w->taken[out->ticket] == 0);
}

static void world_released(void *arg, size_t bytes) {
    (void)bytes;
    ((world *)arg)->released++;
}

/* Of a channel what is asked for; unasked (from = 0), the last. */
static void describe(world *w, uint8_t channel, uint64_t from) {
    mail m = {.life = w->life, .packet = ++w->state_packet, .is_state = true};
    sl_state *state = &m.state;
    *state = (sl_state){.credit = 2000 + draw(w, 3) * 20000, .has_channel = true, .channel = channel, .from = 1};
    for (uint64_t n = w->highest; n > 0 && state->ack_count < SL_ACK_RANGES; n--) {
        if (!w->got[n])
            continue;
        if (state->ack_count != 0 && state->ack[state->ack_count - 1].first == n + 1)
            state->ack[state->ack_count - 1].first = n;
        else
            state->ack[state->ack_count++] = (sl_range){n, n};
    }
    if (from == 0)
        from = w->given[channel] > 60 ? w->given[channel] - 60 : 1;
    for (uint64_t n = state->from = from; n < NUMBERS && state->run_count < SL_STATE_RUNS; n++)
        state->runs[state->run_count++] = (sl_run){1, w->far[channel][n].state};
    post(w, m);
}

static void world_take(world *w, far_message *far) {
    far->state = SL_TAKEN;
    w->taken[far->ticket]++;
    CHECK(w, w->taken[far->ticket] == 1);
    CHECK(w, w->what[far->ticket] != SL_NOT_DELIVERED);
}

static void receive(world *w, const mail *m) {
    w->got[m->packet] = true;
    w->highest = m->packet > w->highest ? m->packet : w->highest;
    if (m->is_ask) {
        for (uint32_t i = 0; i < m->ask.bar_count; i++) {
            for (uint64_t n = m->ask.bars[i].first; n <= m->ask.bars[i].last; n++) {
                far_message *far = &w->far[m->ask.channel][n];
                far->state = far->state == SL_OPEN ? SL_BARRED : far->state;
            }
        }
        describe(w, m->ask.channel, m->ask.from);
        return;
    }
    far_message *far = &w->far[m->channel][m->number];
    far->ticket = m->ticket;
    far->have |= UINT32_C(1) << (m->offset / SLOW_PAYLOAD_MAX);
    uint32_t fragments = (m->total + SLOW_PAYLOAD_MAX - 1) / SLOW_PAYLOAD_MAX;
    if (far->state == SL_OPEN && far->have == (UINT32_C(1) << fragments) - 1) {
        far->state = SL_HELD;
        far->take_at = w->now + (draw(w, 8) == 0 ? draw(w, 20) * SL_SECOND : 0);
    }
    describe(w, m->channel, 0);
}

static void world_turn(world *w) {
    for (uint8_t c = 0; c < CHANNELS; c++) {
        for (uint64_t n = 1; n <= w->given[c]; n++) {
            far_message *far = &w->far[c][n];
            if (far->state == SL_HELD && far->take_at <= w->now) {
                world_take(w, far);
                describe(w, c, 0);
            }
        }
    }
    for (uint32_t i = 0; i < w->mail_end; i++) {
        if (w->mail[i].at == 0 || w->mail[i].at > w->now)
            continue;
        mail m = w->mail[i];
        w->mail[i].at = 0;
        if (m.is_state && m.life == w->near_life)
            sl_sender_state(w->s, &m.state, m.packet, w->now);
        else if (!m.is_state && m.life == w->life)
            receive(w, &m);
    }
    while (w->mail_end > 0 && w->mail[w->mail_end - 1].at == 0)
        w->mail_end--;
    if (sl_sender_due(w->s) <= w->now)
        sl_sender_timer(w->s, w->now);
    sl_sender_pump(w->s, w->now);
}

/* The receiver starts anew. What it took, it took. */
static void world_restart(world *w) {
    memset(w->far, 0, sizeof w->far);
    memset(w->got, 0, sizeof w->got);
    w->highest = w->state_packet = 0;
    w->restarted_at = w->now;
    w->life++;
}

/* The sender hears of it, and the next pair is open. */
static void world_open(world *w) {
    sl_sender_close(w->s, draw(w, 4) == 0 ? UINT64_MAX : w->restarted_at, w->now);
    memset(w->given, 0, sizeof w->given);
    w->packet = 0;
    w->near_life = w->life;
    CHECK(w, sl_sender_open(w->s, 20 * SL_MS, w->now));
}

static void world_add(world *w, uint64_t ticket) {
    static const uint16_t flags[] = {0, SLOW_ORDERED, SLOW_LATEST};
    uint8_t channel = (uint8_t)draw(w, CHANNELS);
    uint32_t size =
        (uint32_t)(8 + 8 * draw(w, draw(w, 4) == 0 ? 20 * SLOW_PAYLOAD_MAX / 8 : 60)); /* each piece bears it */
    sl_outgoing *out = calloc(1, sizeof *out + size);
    memset(out->bytes, 0, size);
    for (uint32_t at = 0; at + sizeof ticket <= size; at += SLOW_PAYLOAD_MAX)
        memcpy(out->bytes + at, &ticket, sizeof ticket);
    out->message = (sl_message){.type = SLOW_BINARY,
                                .channel = channel,
                                .flags = (uint16_t)(SLOW_RELIABLE | flags[channel]),
                                .payload = {out->bytes, size}};
    out->until = w->now + (1 + draw(w, 15)) * SL_SECOND;
    out->ticket = ticket;
    sl_sender_add(w->s, out, w->now);
}

static void one_world(uint64_t seed, uint32_t counts[4]) {
    world *w = calloc(1, sizeof *w);
    sl_sender_events events = {
        .arg = w, .number = world_number, .send = world_send, .outcome = world_outcome, .released = world_released};
    w->seed = w->random = seed;
    w->now = SL_SECOND;
    w->life = w->near_life = 1;
    w->loss = (unsigned)draw(w, 40);
    w->s = sl_sender_new(&events);
    assert_non_null(w->s);
    CHECK(w, sl_sender_open(w->s, 0, w->now));
    uint64_t added = 0;
    while (added < MESSAGES) {
        for (uint64_t i = draw(w, 4); i > 0 && added < MESSAGES && sl_sender_has_room(w->s, 30000); i--)
            world_add(w, added++);
        if (w->life == w->near_life && draw(w, 100) == 0)
            world_restart(w);
        else if (w->life != w->near_life && draw(w, 10) == 0)
            world_open(w);
        w->now += draw(w, 200) * SL_MS;
        world_turn(w);
        CHECK(w, added == sl_sender_pending(w->s) + w->counts[1] + w->counts[2] + w->counts[3]);
    }
    if (w->life != w->near_life)
        world_open(w);
    for (slow_time end = w->now + 60 * SL_SECOND; w->now < end; w->now += 20 * SL_MS)
        world_turn(w);
    for (uint32_t i = 0; i < MESSAGES; i++)
        CHECK(w, w->outcomes[i] == 1);
    CHECK(w, w->released == MESSAGES);
    sl_sender_info left = sl_sender_info_of(w->s);
    CHECK(w, left.queued == 0 && left.queued_bytes == 0 && left.unfinished == 0 && left.unfinished_bytes == 0);
    for (int i = 0; i < 4; i++)
        counts[i] += w->counts[i];
    sl_sender_free(w->s);
    free(w);
}

static void every_message_has_one_outcome_and_it_is_true(void **state) {
    (void)state;
    uint32_t counts[4] = {0};
    for (uint64_t seed = 1; seed <= 40; seed++)
        one_world(seed, counts);
    print_message("delivered %u, not delivered %u, unknown %u\n", counts[SL_DELIVERED], counts[SL_NOT_DELIVERED],
                  counts[SL_UNKNOWN]);
    assert_true(counts[SL_DELIVERED] > 0 && counts[SL_NOT_DELIVERED] > 0 && counts[SL_UNKNOWN] > 0);
}

/* ---- tracing ---- */

static void of_a_traced_message_the_first_fragment_is_marked_and_what_is_sent_again(void **state) {
    rig *g = *state;
    open_pair(g);
    send_one(g, 1, 0, 0, 3000);
    assert_int_equal(g->traced_count, 0);
    state_of(g, 0, 1, 1, SL_TAKEN);
    send_one(g, 2, 0, SLOW_TRACED, 3000);
    assert_int_equal(g->traced_count, 1);
    assert_true(g->traced[0].ticket == 2 && g->traced[0].offset == 0);
    silence_until(g, g->now + 20 * SL_SECOND);
    assert_true(g->traced_count > 2);
    uint32_t marked = 0, times[3] = {0};
    for (uint32_t i = 0; i < g->count; i++) {
        bool is_marked = (g->log[i].package.flags & SLOW_TRACED) != 0;
        uint32_t fragment = g->log[i].package.offset / SLOW_PAYLOAD_MAX;
        if (!is_ask(&g->log[i]) && g->log[i].package.message == 2)
            assert_int_equal(is_marked, (fragment == 0 || times[fragment]++ > 0) && marked < SL_TRACE_ATTEMPTS);
        if (!is_marked)
            continue;
        assert_true(g->traced[marked].packet == g->log[i].packet);
        assert_true(g->traced[marked].offset == g->log[i].package.offset);
        assert_int_equal(g->log[i].package.message, 2);
        marked++;
    }
    assert_int_equal(marked, g->traced_count);
    assert_true(times[1] > 1);
}

static void no_more_is_marked_of_a_message_than_is_kept_of_its_attempts(void **state) {
    rig *g = *state;
    open_pair(g);
    add(g, 1, 0, SLOW_TRACED, 100, 1000 * SL_SECOND);
    pump(g);
    silence_until(g, g->now + 900 * SL_SECOND);
    assert_true(g->count > 2 * SL_TRACE_ATTEMPTS);
    assert_int_equal(g->traced_count, SL_TRACE_ATTEMPTS);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_call_sends_a_piece_and_tells_that_there_is_more),
        TEST(a_message_gets_its_number_when_it_is_first_sent),
        TEST(fragments_go_in_order_within_the_congestion_window),
        TEST(an_empty_message_is_one_package),
        TEST(what_is_lost_goes_again_as_a_new_packet),
        TEST(no_number_is_4096_above_the_lowest_unfinished),
        TEST(the_control_moves_the_window_by_three),
        TEST(credit_bounds_what_is_unfinished_but_one_may_always_go),
        TEST(no_more_credit_is_believed_than_a_message_needs),
        TEST(channels_take_turns),
        TEST(the_queue_has_room_for_1024_or_4_mib_or_one),
        TEST(the_deadline_of_one_that_waits_is_its_end),
        TEST(one_that_was_not_sent_whole_is_not_delivered_at_its_deadline_and_barred),
        TEST(one_that_was_sent_whole_is_barred_at_its_deadline_and_unknown_after_the_grace),
        TEST(what_the_receiver_says_after_the_deadline_is_the_outcome),
        TEST(a_newer_latest_supersedes_those_that_wait_and_bars_those_that_do_not),
        TEST(a_lost_ask_is_asked_again),
        TEST(a_busy_channel_does_not_keep_the_sender_from_asking_about_another),
        TEST(a_probe_asks_for_each_channel_and_sends_two_fragments_again),
        TEST(what_was_refused_is_tried_again_by_the_probe_timer),
        TEST(an_application_that_sits_on_a_message_is_not_asked_all_the_time),
        TEST(what_the_peer_cannot_have_goes_to_the_head_of_the_queue),
        TEST(one_that_was_not_sent_whole_goes_over_to_the_next_pair),
        TEST(what_has_an_end_already_has_it_when_the_pair_ends),
        TEST(the_control_resends_what_the_peer_may_have),
        TEST(closing_ends_what_waits_at_once_and_the_rest_in_the_end),
        TEST(of_a_traced_message_the_first_fragment_is_marked_and_what_is_sent_again),
        TEST(no_more_is_marked_of_a_message_than_is_kept_of_its_attempts),
        cmocka_unit_test(every_message_has_one_outcome_and_it_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
