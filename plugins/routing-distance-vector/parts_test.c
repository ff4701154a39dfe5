/* The two containers: deadlines behind one timer, and short strings in one block. Each against a naive model of it. */
#include "deadline.h"
#include "../common/store.h"
#include "tests/support/routing_bench.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- a host with a clock and one timer */

struct clock {
    slow_host face;
    slow_time now, due;
    bool armed;
    void (*fire)(void *arg);
    void *arg;
};

static struct clock *clock_of(const slow_host *host) {
    return host->host_data;
}

static slow_time clock_now(const slow_host *host) {
    return clock_of(host)->now;
}

static slow_timer *timer_new(const slow_host *host, void (*fire)(void *arg), void *arg) {
    struct clock *clock = clock_of(host);
    clock->fire = fire;
    clock->arg = arg;
    return (slow_timer *)clock;
}

static void timer_at(slow_timer *timer, slow_time when) {
    struct clock *clock = (struct clock *)timer;
    clock->due = when;
    clock->armed = true;
}

static void timer_stop(slow_timer *timer) {
    ((struct clock *)timer)->armed = false;
}

static void clock_init(struct clock *clock) {
    *clock = (struct clock){.face = {.struct_size = sizeof clock->face,
                                     .host_data = clock,
                                     .now = clock_now,
                                     .timer_new = timer_new,
                                     .timer_at = timer_at,
                                     .timer_stop = timer_stop,
                                     .timer_free = timer_stop}};
}

/* Turns until nothing is due at `until`. */
static void clock_run(struct clock *clock, slow_time until) {
    while (clock->armed && clock->due <= until) {
        clock->now = clock->due > clock->now ? clock->due : clock->now;
        clock->armed = false;
        clock->fire(clock->arg);
    }
    clock->now = until;
}

/* ---- deadlines */

enum { DEADLINES = 200 };

struct bell {
    struct dv_deadline deadline;
    slow_time wanted; /* 0 = not armed */
    unsigned order;
};

struct tower {
    struct clock clock;
    struct dv_deadlines deadlines;
    struct bell bells[DEADLINES];
    slow_time last_when;
    unsigned last_order, rung, orders;
};

static void ring(void *owner, struct dv_deadline *deadline) {
    struct tower *tower = owner;
    struct bell *bell = DV_OWNER(deadline, struct bell, deadline);
    assert_true(bell->wanted != 0 && bell->wanted <= tower->clock.now);
    assert_true(bell->wanted > tower->last_when ||
                (bell->wanted == tower->last_when && bell->order > tower->last_order));
    assert_false(dv_deadline_armed(deadline));
    tower->last_when = bell->wanted;
    tower->last_order = bell->order;
    tower->rung++;
    bell->wanted = 0;
}

static void after(void *owner) {
    (void)owner;
}

static void tower_init(struct tower *tower) {
    memset(tower, 0, sizeof *tower);
    clock_init(&tower->clock);
    assert_true(dv_deadlines_init(&tower->deadlines, &tower->clock.face, tower, after));
    assert_true(dv_deadlines_reserve(&tower->deadlines, DEADLINES));
}

static void bell_set(struct tower *tower, struct bell *bell, slow_time when) {
    bell->wanted = when;
    bell->order = ++tower->orders;
    dv_deadline_at(&tower->deadlines, &bell->deadline, when, ring);
}

static void deadlines_fire_in_order_through_moves_and_stops(void **state) {
    struct tower *tower = malloc(sizeof *tower);
    uint64_t random = 5;
    (void)state;
    assert_non_null(tower);
    tower_init(tower);
    print_message("seed 5\n");
    for (int round = 0; round < 20000; round++) {
        struct bell *bell = &tower->bells[sl_splitmix(&random) % DEADLINES];
        uint64_t action = sl_splitmix(&random) % 8;
        if (action < 5) {
            bell_set(tower, bell, tower->clock.now + 1 + sl_splitmix(&random) % 50);
        } else if (action == 5) {
            bell->wanted = 0;
            dv_deadline_stop(&tower->deadlines, &bell->deadline);
        } else {
            clock_run(&tower->clock, tower->clock.now + sl_splitmix(&random) % 4);
        }
        for (int i = 0; i < DEADLINES; i++)
            assert_int_equal(dv_deadline_armed(&tower->bells[i].deadline), tower->bells[i].wanted != 0);
    }
    clock_run(&tower->clock, tower->clock.now + 100);
    for (int i = 0; i < DEADLINES; i++)
        assert_int_equal(tower->bells[i].wanted, 0);
    assert_true(tower->rung > 1000);
    dv_deadlines_free(&tower->deadlines);
    free(tower);
}

static void snooze(void *owner, struct dv_deadline *deadline) {
    struct tower *tower = owner;
    tower->rung++;
    dv_deadline_at(&tower->deadlines, deadline, tower->clock.now, snooze);
}

/* Or a deadline that arms itself for now would never give the loop back. */
static void what_is_armed_for_now_waits_for_the_next_turn(void **state) {
    struct tower *tower = malloc(sizeof *tower);
    (void)state;
    assert_non_null(tower);
    tower_init(tower);
    dv_deadline_at(&tower->deadlines, &tower->bells[0].deadline, 10, snooze);
    tower->clock.now = 10;
    tower->clock.fire(tower->clock.arg);
    assert_int_equal(tower->rung, 1);
    assert_true(tower->clock.armed);
    tower->clock.fire(tower->clock.arg);
    assert_int_equal(tower->rung, 2);
    dv_deadlines_free(&tower->deadlines);
    free(tower);
}

/* ---- the store */

static void strings_are_kept_and_their_room_is_used_again(void **state) {
    enum { STRINGS = 300 };
    struct store store = {.used = 0};
    uint32_t references[STRINGS] = {0};
    uint8_t sizes[STRINGS] = {0};
    uint8_t bytes[STORE_STRING_MAX];
    uint64_t random = 7;
    (void)state;
    print_message("seed 7\n");
    for (int round = 0; round < 50000; round++) {
        size_t i = sl_splitmix(&random) % STRINGS;
        if (references[i] != 0) {
            slow_bytes kept = store_get(&store, references[i]);
            assert_int_equal(kept.size, sizes[i]);
            for (size_t at = 0; at < kept.size; at++)
                assert_int_equal(kept.data[at], (uint8_t)(i + at));
            store_drop(&store, references[i]);
            references[i] = 0;
            continue;
        }
        sizes[i] = (uint8_t)(sl_splitmix(&random) % (STORE_STRING_MAX + 1));
        for (size_t at = 0; at < sizes[i]; at++)
            bytes[at] = (uint8_t)(i + at);
        references[i] = store_add(&store, (slow_bytes){bytes, sizes[i]});
        assert_int_not_equal(references[i], 0);
    }
    assert_in_range(store_memory(&store), 1, 2 * 65 * STRINGS * sizeof(uint32_t) * 2);
    store_free(&store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines_fire_in_order_through_moves_and_stops),
        cmocka_unit_test(what_is_armed_for_now_waits_for_the_next_turn),
        cmocka_unit_test(strings_are_kept_and_their_room_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
