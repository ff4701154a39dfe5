/* The mailbag with a delivery that takes what the test says. */
#include "loop_virtual.h"
#include "mailbag.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TAKEN_MAX = 8192 };

typedef struct world {
    sl_world *time;
    sl_loop *loop;
    sl_mailbag bag;
    slow_status answer; /* of submit */
    unsigned places;    /* how many are taken before that answer */
    unsigned refusals;  /* and how many are refused before anything is taken */
    sl_outgoing *taken[TAKEN_MAX];
    size_t taken_count;
    unsigned expired, closed, writable, best_effort_writable;
    size_t best_effort;
} world;

static slow_status submit(void *arg, sl_outgoing *out) {
    world *w = arg;
    if (w->refusals > 0) {
        w->refusals--;
        return SLOW_E_AGAIN;
    }
    if (w->answer != SLOW_OK && w->places == 0)
        return w->answer;
    w->places -= w->answer != SLOW_OK;
    assert_true(w->taken_count < TAKEN_MAX);
    w->taken[w->taken_count++] = out;
    return SLOW_OK;
}

static void outcome(void *arg, const sl_result *result) {
    world *w = arg;
    assert_int_equal(result->outcome, SL_NOT_DELIVERED);
    w->expired += result->reason == SL_REASON_EXPIRED;
    w->closed += result->reason == SL_REASON_CLOSED;
}

static void best_effort(void *arg, size_t *count, size_t *bytes) {
    *count = ((world *)arg)->best_effort;
    *bytes = 0;
}

static void writable(void *arg, const slow_id *id) {
    world *w = arg;
    w->writable += id != NULL;
    w->best_effort_writable += id == NULL;
}

static void room(void *arg) {
    (void)arg;
}

static int set_up(void **state) {
    world *w = calloc(1, sizeof *w);
    sl_mailbag_events events = {
        .arg = w, .submit = submit, .outcome = outcome, .best_effort = best_effort, .writable = writable, .room = room};
    w->time = sl_world_new(1);
    w->loop = sl_loop_virtual_new(w->time);
    assert_true(sl_mailbag_init(&w->bag, w->loop, &events));
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    sl_mailbag_close(&w->bag);
    sl_mailbag_flush(&w->bag);
    sl_mailbag_abandon(&w->bag);
    sl_mailbag_stop(&w->bag);
    sl_mailbag_free(&w->bag);
    for (size_t i = 0; i < w->taken_count; i++)
        free(w->taken[i]);
    sl_loop_free(w->loop);
    sl_world_free(w->time);
    free(w);
    return 0;
}

static slow_id id_of(const char *text) {
    slow_id id;
    assert_true(sl_id_set(&id, (slow_bytes){(const uint8_t *)text, strlen(text)}));
    return id;
}

static slow_status put(world *w, const char *to, uint64_t mark, uint16_t flags, slow_time ttl_ns) {
    sl_message message = {
        .peer = id_of(to), .type = SLOW_BINARY, .flags = flags, .ttl_ns = ttl_ns, .payload = {NULL, 0}};
    sl_outgoing *out = sl_outgoing_new(&message);
    assert_non_null(out);
    out->ticket = mark;
    slow_status status = sl_mailbag_put(&w->bag, out, NULL);
    if (status != SLOW_OK)
        free(out);
    return status;
}

static void pass(world *w, slow_time ns) {
    sl_world_run(w->time, sl_world_now(w->time) + ns);
}

static void what_delivery_cannot_take_stays_in_order_and_is_tried_again(void **state) {
    world *w = *state;
    w->answer = SLOW_E_NOMEM;
    w->places = 1;
    for (uint64_t i = 1; i <= 4; i++)
        assert_int_equal(put(w, i == 3 ? "b" : "a", i, SLOW_RELIABLE, SL_TTL_NS), SLOW_OK);
    pass(w, SL_MS);
    assert_int_equal(w->taken_count, 1);
    w->answer = SLOW_OK;
    assert_int_equal(put(w, "a", 5, SLOW_RELIABLE, SL_TTL_NS), SLOW_OK); /* must not overtake 2 and 4 */
    pass(w, SL_SECOND);
    static const uint64_t expected[] = {1, 2, 3, 4, 5};
    assert_int_equal(w->taken_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(w->taken[i]->ticket == expected[i]);
    assert_true(w->taken[1]->message.ttl_ns < SL_TTL_NS); /* its deadline counted meanwhile */
}

static void what_waits_behind_a_refused_message_does_not_overtake_it(void **state) {
    world *w = *state;
    w->answer = SLOW_E_AGAIN;
    for (uint64_t i = 1; i <= 4; i++)
        put(w, i == 4 ? "b" : "a", i, SLOW_RELIABLE, SL_TTL_NS);
    pass(w, SL_MS);
    assert_int_equal(w->taken_count, 0);
    w->answer = SLOW_OK;
    w->refusals = 1;
    pass(w, SL_SECOND / 4);
    assert_int_equal(w->taken_count, 1); /* 1 was refused again, so 2 and 3 were not tried; 4 was */
    assert_true(w->taken[0]->ticket == 4);
    pass(w, SL_SECOND / 4);
    for (uint64_t i = 1; i <= 3; i++)
        assert_true(w->taken[i]->ticket == i);
}

static void a_deadline_counts_here_too(void **state) {
    world *w = *state;
    w->answer = SLOW_E_NOMEM;
    put(w, "a", 1, SLOW_RELIABLE, SL_SECOND);
    put(w, "a", 2, SLOW_RELIABLE, 3 * SL_SECOND);
    pass(w, 2 * SL_SECOND);
    assert_int_equal(w->expired, 1);
    w->answer = SLOW_OK;
    pass(w, SL_SECOND / 2);
    assert_int_equal(w->expired, 1);
    assert_int_equal(w->taken_count, 1);
    assert_true(w->taken[0]->ticket == 2);
}

static void what_is_left_at_the_end_was_not_delivered(void **state) {
    world *w = *state;
    w->answer = SLOW_E_NOMEM;
    for (uint64_t i = 1; i <= 3; i++)
        put(w, "a", i, SLOW_RELIABLE, SL_TTL_NS);
    pass(w, SL_MS);
    put(w, "b", 4, SLOW_RELIABLE, SL_TTL_NS);
    sl_mailbag_close(&w->bag);
    assert_int_equal(put(w, "b", 5, SLOW_RELIABLE, SL_TTL_NS), SLOW_E_CLOSED);
    sl_mailbag_flush(&w->bag);
    sl_mailbag_abandon(&w->bag);
    assert_int_equal(w->closed, 4);
    assert_int_equal(w->taken_count, 0);
}

static void a_refused_writer_is_told_once_when_half_is_free(void **state) {
    world *w = *state;
    slow_id a = id_of("a"), b = id_of("b");
    for (int i = 0; i < SL_PEER_QUEUE_COUNT; i++)
        assert_int_equal(put(w, "a", 1, SLOW_RELIABLE, SL_TTL_NS), SLOW_OK);
    assert_int_equal(put(w, "a", 1, SLOW_RELIABLE, SL_TTL_NS), SLOW_E_AGAIN);
    assert_int_equal(sl_mailbag_look(&w->bag, &a, false), SLOW_E_TIMEOUT);
    assert_int_equal(sl_mailbag_look(&w->bag, &b, false), SLOW_OK);
    pass(w, SL_MS);
    for (int i = 0; i < SL_PEER_QUEUE_COUNT / 2 - 1; i++)
        sl_mailbag_released(&w->bag, &a, 0, true);
    pass(w, SL_MS);
    assert_int_equal(w->writable, 0);
    assert_int_equal(sl_mailbag_look(&w->bag, &a, true), SLOW_E_TIMEOUT);
    sl_mailbag_released(&w->bag, &a, 0, true);
    pass(w, SL_MS);
    assert_int_equal(w->writable, 1);
    assert_int_equal(sl_mailbag_look(&w->bag, &a, true), SLOW_OK);
    for (int i = 0; i < SL_PEER_QUEUE_COUNT / 2; i++)
        sl_mailbag_released(&w->bag, &a, 0, true);
    pass(w, SL_MS);
    assert_int_equal(w->writable, 1);
    assert_int_equal(w->bag.quota.count, 0); /* nothing is kept of it */
    assert_true(w->bag.quota.bytes == 0);
    assert_int_equal(put(w, "a", 1, SLOW_RELIABLE, SL_TTL_NS), SLOW_OK); /* and it begins anew */
    assert_int_equal(w->bag.quota.count, 1);
    assert_int_equal(sl_quota_find(&w->bag.quota, &a)->count, 1);
}

static void a_run_of_outcomes_is_credited_at_once_and_none_is_forgotten(void **state) {
    world *w = *state;
    sl_quota *quota = &w->bag.quota;
    slow_id a = id_of("a"), b = id_of("b");
    for (int i = 0; i < 100; i++)
        put(w, "a", 1, SLOW_RELIABLE, SL_TTL_NS);
    for (int i = 0; i < 3; i++)
        put(w, "b", 1, SLOW_RELIABLE, SL_TTL_NS);
    pass(w, SL_MS);
    for (int i = 0; i < 65; i++)
        sl_mailbag_released(&w->bag, &a, 0, true);
    assert_int_equal(sl_quota_find(quota, &a)->count, 100 - 64); /* in the middle of a turn */
    sl_mailbag_released(&w->bag, &b, 0, true);
    assert_int_equal(sl_quota_find(quota, &a)->count, 100 - 65);
    pass(w, SL_MS);
    assert_int_equal(sl_quota_find(quota, &b)->count, 2);
    for (int i = 0; i < 35; i++) {
        sl_mailbag_released(&w->bag, &a, 0, true);
        if (i < 2)
            sl_mailbag_released(&w->bag, &b, 0, true);
    }
    pass(w, SL_MS);
    assert_int_equal(quota->count, 0);
    assert_true(quota->bytes == 0);
}

static void who_waits_is_woken_at_half_and_not_before(void **state) {
    sl_quota *quota = &((world *)*state)->bag.quota;
    slow_id a = id_of("a"), b = id_of("b");
    size_t rest = SL_SEND_BUDGET - (SL_PEER_QUEUE_COUNT + 1) * sizeof(sl_outgoing);
    for (int i = 0; i < SL_PEER_QUEUE_COUNT; i++)
        assert_int_equal(sl_quota_charge(quota, &a, 0), SLOW_OK);
    assert_int_equal(sl_quota_charge(quota, &b, rest), SLOW_OK); /* the whole is full, for everybody */
    for (int i = SL_PEER_QUEUE_COUNT; i > SL_PEER_QUEUE_COUNT / 2 + 1; i--)
        assert_false(sl_quota_credit(quota, &a, 1, 0));
    assert_false(sl_quota_credit(quota, &a, 1, 0));
    assert_false(sl_quota_is_half_empty(quota, &a));
    assert_true(sl_quota_credit(quota, &b, 1, rest));
    assert_true(sl_quota_is_half_empty(quota, &a));
    assert_int_equal(sl_quota_charge(quota, &a, 0), SLOW_OK);
    assert_true(sl_quota_credit(quota, &a, 1, 0));
    for (int i = SL_PEER_QUEUE_COUNT / 2; i > 0; i--)
        assert_false(sl_quota_credit(quota, &a, 1, 0));
}

static void what_is_around_a_message_counts(void **state) {
    world *w = *state;
    char id[8];
    uint64_t accepted = 0;
    for (int i = 0; i < 1000; i++) { /* empty ones, to very many destinations */
        snprintf(id, sizeof id, "n%d", i);
        for (int k = 0; k < 1024 && w->taken_count < TAKEN_MAX; k++)
            if (put(w, id, 1, SLOW_RELIABLE, SL_TTL_NS) != SLOW_OK)
                goto full;
            else
                accepted++;
    }
full:
    assert_true(accepted * sizeof(sl_outgoing) <= SL_SEND_BUDGET);
    assert_true((accepted + 1) * sizeof(sl_outgoing) > SL_SEND_BUDGET);
    while (w->bag.first != NULL) { /* too many to be taken one by one */
        sl_outgoing *out = w->bag.first;
        w->bag.first = out->next;
        free(out);
    }
    w->bag.end = &w->bag.first;
}

static void best_effort_is_bounded_in_all(void **state) {
    world *w = *state;
    w->best_effort = SL_QUEUED_COUNT;
    assert_int_equal(put(w, "a", 0, 0, SL_TTL_NS), SLOW_OK);
    pass(w, SL_MS);
    assert_int_equal(put(w, "b", 0, 0, SL_TTL_NS), SLOW_E_AGAIN);
    assert_int_equal(sl_mailbag_look(&w->bag, NULL, false), SLOW_E_TIMEOUT);
    assert_int_equal(put(w, "b", 0, SLOW_RELIABLE, SL_TTL_NS), SLOW_OK);
    slow_id b = id_of("b");
    w->best_effort = SL_QUEUED_COUNT / 2;
    sl_mailbag_released(&w->bag, &b, 0, false);
    pass(w, SL_MS);
    assert_int_equal(w->best_effort_writable, 1);
    assert_int_equal(sl_mailbag_look(&w->bag, NULL, true), SLOW_OK);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_delivery_cannot_take_stays_in_order_and_is_tried_again),
        T(what_waits_behind_a_refused_message_does_not_overtake_it),
        T(a_deadline_counts_here_too),
        T(what_is_left_at_the_end_was_not_delivered),
        T(a_refused_writer_is_told_once_when_half_is_free),
        T(a_run_of_outcomes_is_credited_at_once_and_none_is_forgotten),
        T(who_waits_is_woken_at_half_and_not_before),
        T(what_is_around_a_message_counts),
        T(best_effort_is_bounded_in_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
