/* Messages to ourselves: what they promise, and what they leave behind. */
#include "loopback.h"
#include "loop_virtual.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = SL_PEER_QUEUE_COUNT };

typedef struct rig {
    sl_world *world;
    sl_loop *loop;
    sl_loopback own;
    sl_arrival *queue[MOST];
    uint32_t queued, told[4], turns;
    enum sl_reason reason;
    uint64_t session, number;
    uint64_t released;
    bool takes_at_once, in_hands; /* in hands: nothing can be withdrawn */
} rig;

static void on_outcome(void *arg, const sl_result *result) {
    rig *g = arg;
    g->told[result->outcome]++;
    g->reason = result->reason;
}

static void on_released(void *arg, const slow_id *peer, size_t bytes) {
    (void)peer;
    ((rig *)arg)->released += bytes;
}

static void on_offer(void *arg, const sl_message *message) {
    rig *g = arg;
    sl_arrival *arrival = message->arrival;
    g->session = message->session;
    g->number = message->number;
    if (g->takes_at_once) {
        sl_loopback_held(&g->own, arrival);
        sl_loopback_taken(&g->own, arrival);
    } else
        g->queue[g->queued++] = arrival;
}

static bool on_withdraw(void *arg, sl_arrival *arrival) {
    rig *g = arg;
    uint32_t at = 0;
    while (g->queue[at] != arrival)
        at++;
    if (g->in_hands)
        return false;
    memmove(g->queue + at, g->queue + at + 1, (--g->queued - at) * sizeof *g->queue);
    return true;
}

static void on_turn(void *arg) {
    ((rig *)arg)->turns++;
}

static void own_begin(rig *g, uint64_t start) {
    sl_peers_events events = {
        .arg = g, .outcome = on_outcome, .released = on_released, .offer = on_offer, .withdraw = on_withdraw};
    assert_true(sl_loopback_init(&g->own, g->loop, start, &events));
}

static int set_up(void **state) {
    rig *g = calloc(1, sizeof *g);
    g->world = sl_world_new(1);
    g->loop = sl_loop_virtual_new(g->world);
    sl_world_on_turn(g->world, on_turn, g);
    own_begin(g, 7);
    *state = g;
    return 0;
}

static int tear_down(void **state) {
    rig *g = *state;
    sl_loopback_free(&g->own);
    sl_loop_free(g->loop);
    sl_world_free(g->world);
    free(g);
    return 0;
}

static slow_status try_send(rig *g, size_t size, slow_time ttl_ns) {
    sl_outgoing *out = calloc(1, sizeof *out + size);
    out->message =
        (sl_message){.type = SLOW_BINARY, .flags = SLOW_RELIABLE, .ttl_ns = ttl_ns, .payload = {out->bytes, size}};
    slow_status status = sl_loopback_send(&g->own, out);
    if (status != SLOW_OK)
        free(out);
    return status;
}

static void give(rig *g, size_t size, slow_time ttl_ns) {
    assert_int_equal(try_send(g, size, ttl_ns), SLOW_OK);
}

static void run(rig *g, slow_time for_ns) {
    sl_world_run(g->world, sl_world_now(g->world) + for_ns);
}

static void a_message_is_delivered_when_it_was_taken(void **state) {
    rig *g = *state;
    give(g, 5, SL_SECOND);
    assert_int_equal(g->told[SL_DELIVERED], 0);
    sl_loopback_taken(&g->own, g->queue[--g->queued]);
    assert_int_equal(g->told[SL_DELIVERED], 1);
    assert_int_equal(g->released, 5);
    g->takes_at_once = true;
    give(g, 0, SL_SECOND);
    assert_int_equal(g->told[SL_DELIVERED], 2);
    assert_int_equal(g->own.count, 0);
}

/* (source, session, channel, number) names a message for good, so a number of the last life must not come again. */
static void no_two_lives_name_a_message_alike(void **state) {
    rig *g = *state;
    g->takes_at_once = true;
    give(g, 1, SL_SECOND);
    uint64_t first = g->session;
    assert_true(first != 0 && g->number == 1);
    sl_loopback_free(&g->own);
    own_begin(g, 8);
    give(g, 1, SL_SECOND);
    assert_true(g->session != 0 && g->session != first && g->number == 1);
}

static void deadlines_come_in_any_order_and_wake_once_each(void **state) {
    rig *g = *state;
    give(g, 1, 3 * SL_SECOND);
    give(g, 1, SL_SECOND);
    give(g, 1, 2 * SL_SECOND);
    give(g, 1, 3 * SL_SECOND);
    for (uint32_t expired = 1; expired <= 2; expired++) {
        run(g, SL_SECOND);
        assert_int_equal(g->told[SL_NOT_DELIVERED], expired);
        assert_int_equal(g->queued, 4 - expired);
        assert_int_equal(g->reason, SL_REASON_EXPIRED);
    }
    run(g, 100 * SL_SECOND);
    assert_int_equal(g->told[SL_NOT_DELIVERED], 4);
    assert_int_equal(g->turns, 3);
}

static void what_is_held_at_the_deadline_is_unknown_ten_seconds_later(void **state) {
    rig *g = *state;
    give(g, 1, SL_SECOND);
    g->in_hands = true; /* somebody took it, and has not said so */
    run(g, 5 * SL_SECOND);
    assert_int_equal(g->told[SL_NOT_DELIVERED] + g->told[SL_UNKNOWN], 0);
    run(g, 7 * SL_SECOND);
    assert_int_equal(g->told[SL_UNKNOWN], 1);
    sl_loopback_taken(&g->own, g->queue[--g->queued]); /* too late to be told */
    assert_int_equal(g->told[SL_DELIVERED], 0);
    assert_int_equal(g->released, 1);
    assert_null(g->own.first);
}

static void it_is_bounded_and_the_end_tells_of_all(void **state) {
    rig *g = *state;
    for (int i = 0; i < MOST; i++)
        give(g, 1, SL_SECOND);
    assert_int_equal(try_send(g, 1, SL_SECOND), SLOW_E_AGAIN);
    sl_loopback_held(&g->own, g->queue[0]);
    sl_loopback_abandon(&g->own);
    assert_int_equal(g->told[SL_UNKNOWN], 1);
    assert_int_equal(g->told[SL_NOT_DELIVERED], MOST - 1);
    sl_loopback_abandon(&g->own);
    assert_int_equal(g->released, MOST);
    sl_loopback_free(&g->own);
    free(g->queue[0]); /* its holder's */
    own_begin(g, 9);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_message_is_delivered_when_it_was_taken),
        CASE(no_two_lives_name_a_message_alike),
        CASE(deadlines_come_in_any_order_and_wake_once_each),
        CASE(what_is_held_at_the_deadline_is_unknown_ten_seconds_later),
        CASE(it_is_bounded_and_the_end_tells_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
