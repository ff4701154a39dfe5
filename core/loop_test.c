/* Both loops: timers, the end of a turn, what other threads post; and virtual time, which repeats itself exactly. */
#include "loop_libevent.h"
#include "loop_virtual.h"
#include <pthread.h>
#include <setjmp.h>
#include <slow/transport.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* One of the two loops, and what happened on it: a letter an event. */
typedef struct rig {
    sl_world *world; /* NULL = the real one */
    sl_loop *loop;
    char log[64];
    size_t size;
    unsigned count;
} rig;

/* Something that happens: writes its letter, and may do more. */
typedef struct event {
    rig *on;
    char letter;
    sl_deferred deferred;
    sl_deferred *defers;
    sl_timer *stops, *frees;
} event;

static void happen(void *arg) {
    event *e = arg;
    rig *g = e->on;
    assert_true(g->size + 1 < sizeof g->log);
    g->log[g->size++] = e->letter;
    g->log[g->size] = '\0';
    g->count++;
    if (e->defers != NULL)
        sl_defer(g->loop, e->defers);
    if (e->stops != NULL)
        sl_timer_stop(e->stops);
    sl_timer_free(e->frees);
}

static event an_event(rig *g, char letter) {
    return (event){.on = g, .letter = letter};
}

static int set_up_real(void **state) {
    rig *g = calloc(1, sizeof *g);
    g->loop = sl_loop_libevent_new(NULL);
    *state = g;
    return g->loop == NULL;
}

static int set_up_virtual(void **state) {
    rig *g = calloc(1, sizeof *g);
    g->world = sl_world_new(1);
    g->loop = sl_loop_virtual_new(g->world);
    *state = g;
    return g->loop == NULL;
}

static int tear_down(void **state) {
    rig *g = *state;
    sl_loop_free(g->loop);
    sl_world_free(g->world);
    free(g);
    return 0;
}

/* Turns the loop until `count` events have happened, or more where the machine had no time for us; at most ten seconds. */
static void run_until(rig *g, unsigned count) {
    slow_time limit = sl_now(g->loop) + 10 * SL_SECOND;
    while (g->count < count && sl_now(g->loop) < limit)
        if (g->world == NULL)
            sl_loop_libevent_step(g->loop, 100 * SL_MS);
        else if (!sl_world_turn(g->world, limit))
            break;
    assert_true(g->count >= count);
}

/* ---- timers ---- */

static void timers_fire_in_the_order_of_their_times_and_never_early(void **state) {
    rig *g = *state;
    event a = an_event(g, 'a'), b = an_event(g, 'b'), c = an_event(g, 'c');
    sl_timer *ta = sl_timer_new(g->loop, happen, &a), *tb = sl_timer_new(g->loop, happen, &b),
             *tc = sl_timer_new(g->loop, happen, &c);
    slow_time now = sl_now(g->loop);
    sl_timer_at(ta, now + 30 * SL_MS);
    sl_timer_at(tb, now + 10 * SL_MS);
    sl_timer_at(tc, now + 20 * SL_MS);
    run_until(g, 1);
    assert_true(sl_now(g->loop) >= now + 10 * SL_MS);
    run_until(g, 3);
    assert_true(sl_now(g->loop) >= now + 30 * SL_MS);
    assert_string_equal(g->log, "bca");
    sl_timer_free(ta);
    sl_timer_free(tb);
    sl_timer_free(tc);
}

static void a_timer_can_be_moved_stopped_and_armed_again(void **state) {
    rig *g = *state;
    event a = an_event(g, 'a'), b = an_event(g, 'b'), c = an_event(g, 'c');
    sl_timer *ta = sl_timer_new(g->loop, happen, &a), *tb = sl_timer_new(g->loop, happen, &b),
             *tc = sl_timer_new(g->loop, happen, &c);
    slow_time now = sl_now(g->loop);
    sl_timer_stop(ta); /* not armed yet */
    sl_timer_at(ta, now + 5 * SL_MS);
    sl_timer_at(ta, now + 40 * SL_MS);
    sl_timer_at(tb, now + 30 * SL_MS);
    sl_timer_at(tb, now + 10 * SL_MS);
    sl_timer_at(tc, now + 20 * SL_MS);
    sl_timer_stop(tc);
    run_until(g, 2);
    assert_string_equal(g->log, "ba");
    sl_timer_at(tc, 0); /* in the past: in a coming turn, not inside the call */
    assert_int_equal(g->count, 2);
    run_until(g, 3);
    assert_string_equal(g->log, "bac");
    sl_timer_free(ta);
    sl_timer_free(tb);
    sl_timer_free(tc);
    sl_timer_free(NULL);
}

static void a_timer_that_is_due_can_still_be_stopped(void **state) {
    rig *g = *state;
    event a = an_event(g, 'a'), b = an_event(g, 'b'), c = an_event(g, 'c');
    sl_timer *ta = sl_timer_new(g->loop, happen, &a), *tb = sl_timer_new(g->loop, happen, &b),
             *tc = sl_timer_new(g->loop, happen, &c);
    slow_time now = sl_now(g->loop);
    a.stops = tb;
    a.frees = tc;
    sl_timer_at(ta, now);
    sl_timer_at(tb, now + 1);
    sl_timer_at(tc, now + 2);
    event last = an_event(g, 'z');
    sl_timer *tz = sl_timer_new(g->loop, happen, &last);
    sl_timer_at(tz, now + 20 * SL_MS);
    run_until(g, 2);
    assert_string_equal(g->log, "az");
    sl_timer_free(ta);
    sl_timer_free(tb);
    sl_timer_free(tz);
}

static void a_timer_may_free_itself(void **state) {
    rig *g = *state;
    event a = an_event(g, 'a');
    a.frees = sl_timer_new(g->loop, happen, &a);
    sl_timer_at(a.frees, sl_now(g->loop));
    run_until(g, 1);
}

/* ---- the end of a turn ---- */

static void what_is_deferred_runs_once_in_order_when_the_turn_ends(void **state) {
    rig *g = *state;
    event a = an_event(g, 'a'), b = an_event(g, 'b'), c = an_event(g, 'c'), d = an_event(g, 'd');
    b.deferred = (sl_deferred){.fn = happen, .arg = &b};
    c.deferred = (sl_deferred){.fn = happen, .arg = &c};
    d.deferred = (sl_deferred){.fn = happen, .arg = &d};
    a.defers = &b.deferred;
    b.defers = &d.deferred; /* meanwhile: behind c, in the same turn */
    sl_defer(g->loop, &b.deferred);
    sl_defer(g->loop, &c.deferred);
    sl_defer(g->loop, &b.deferred); /* once, however often it was asked for */
    assert_int_equal(g->count, 0);
    run_until(g, 3);
    assert_string_equal(g->log, "bcd");
    b.defers = NULL;
    assert_int_equal(sl_post(g->loop, happen, &a), SLOW_OK);
    run_until(g, 5);
    assert_string_equal(g->log, "bcdab");
}

static void what_was_deferred_can_be_taken_back(void **state) {
    rig *g = *state;
    event events[4];
    for (unsigned i = 0; i < 4; i++) {
        events[i] = an_event(g, (char)('a' + i));
        events[i].deferred = (sl_deferred){.fn = happen, .arg = &events[i]};
        sl_defer(g->loop, &events[i].deferred);
    }
    sl_defer_cancel(g->loop, &events[1].deferred);
    sl_defer_cancel(g->loop, &events[3].deferred); /* the last one */
    sl_defer_cancel(g->loop, &events[3].deferred); /* twice is nothing */
    sl_defer(g->loop, &events[1].deferred);        /* now it is the last one */
    run_until(g, 3);
    assert_string_equal(g->log, "acb");
    sl_defer(g->loop, &events[0].deferred);
    sl_defer_cancel(g->loop, &events[0].deferred);
    sl_defer(g->loop, &events[2].deferred);
    run_until(g, 4);
    assert_string_equal(g->log, "acbc");
}

static void posts_run_in_order_and_before_the_loop_is_freed(void **state) {
    rig *g = *state;
    event a = an_event(g, 'a'), b = an_event(g, 'b'), c = an_event(g, 'c');
    assert_int_equal(sl_post(g->loop, happen, &a), SLOW_OK);
    assert_int_equal(sl_post(g->loop, happen, &b), SLOW_OK);
    assert_int_equal(g->count, 0);
    run_until(g, 2);
    assert_int_equal(sl_post(g->loop, happen, &c), SLOW_OK);
    sl_loop_free(g->loop);
    g->loop = NULL;
    assert_string_equal(g->log, "abc");
}

/* ---- the real loop ---- */

enum { THREADS = 4, POSTS = 2000 };

typedef struct poster {
    sl_loop *loop;
    unsigned next; /* the number that has to come next: touched on the loop alone */
    unsigned *total;
} poster;

typedef struct letter {
    poster *from;
    unsigned number;
} letter;

static void take_letter(void *arg) {
    letter *l = arg;
    assert_int_equal(l->number, l->from->next);
    l->from->next++;
    ++*l->from->total;
    free(l);
}

static void *post_letters(void *arg) {
    poster *p = arg;
    for (unsigned i = 0; i < POSTS; i++) {
        letter *l = malloc(sizeof *l);
        if (l == NULL)
            return NULL;
        *l = (letter){.from = p, .number = i};
        if (sl_post(p->loop, take_letter, l) != SLOW_OK)
            free(l);
    }
    return NULL;
}

static void posts_of_many_threads_all_come_and_in_their_order(void **state) {
    rig *g = *state;
    pthread_t threads[THREADS];
    poster posters[THREADS];
    unsigned total = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        posters[i] = (poster){.loop = g->loop, .total = &total};
        assert_int_equal(pthread_create(&threads[i], NULL, post_letters, &posters[i]), 0);
    }
    slow_time limit = sl_now(g->loop) + 10 * SL_SECOND;
    while (total < THREADS * POSTS && sl_now(g->loop) < limit)
        sl_loop_libevent_step(g->loop, 100 * SL_MS);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(total, THREADS * POSTS);
}

static void *break_loop(void *arg) {
    sl_loop_libevent_break(arg);
    return NULL;
}

static void a_run_ends_when_another_thread_breaks_it(void **state) {
    rig *g = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, break_loop, g->loop), 0);
    sl_loop_libevent_run(g->loop);
    pthread_join(thread, NULL);
    assert_true(sl_loop_libevent_is_current(g->loop));
}

static void *ask_current(void *arg) {
    return sl_loop_libevent_is_current(arg) ? arg : NULL;
}

static void only_one_thread_is_the_loops(void **state) {
    rig *g = *state;
    pthread_t thread;
    void *answer;
    assert_true(sl_loop_libevent_is_current(g->loop));
    assert_int_equal(pthread_create(&thread, NULL, ask_current, g->loop), 0);
    pthread_join(thread, &answer);
    assert_null(answer);
}

typedef struct pipe_end {
    rig *on;
    sl_watch *watch;
    char got[8];
    size_t size;
} pipe_end;

static void read_one(void *arg, int fd, unsigned events) {
    pipe_end *p = arg;
    assert_int_equal(events, SLOW_IO_READ);
    assert_int_equal(read(fd, &p->got[p->size++], 1), 1);
    p->on->count++;
}

static void a_watch_is_level_triggered_and_can_pause(void **state) {
    rig *g = *state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pipe_end p = {.on = g};
    p.watch = sl_watch_new(g->loop, fds[0], SLOW_IO_READ, read_one, &p);
    assert_non_null(p.watch);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    run_until(g, 2); /* one byte a call: the rest is told again */
    assert_int_equal(sl_watch_modify(p.watch, 0), SLOW_OK);
    sl_loop_libevent_step(g->loop, 0);
    sl_loop_libevent_step(g->loop, 0);
    assert_int_equal(g->count, 2);
    assert_int_equal(sl_watch_modify(p.watch, SLOW_IO_READ), SLOW_OK);
    run_until(g, 3);
    assert_memory_equal(p.got, "abc", 3);
    sl_watch_free(p.watch);
    sl_watch_free(NULL);
    close(fds[0]);
    close(fds[1]);
}

static void found(void *arg, const slow_bytes *addresses, size_t n, const slow_error *error) {
    rig *g = arg;
    (void)addresses;
    assert_true(n > 0 || error->text[0] != '\0');
    g->count++;
}

static void a_look_up_is_answered_in_a_later_turn(void **state) {
    rig *g = *state;
    assert_non_null(sl_lookup_start(g->loop, "127.0.0.1", 80, found, g));
    assert_int_equal(g->count, 0);
    run_until(g, 1);
    sl_lookup *cancelled = sl_lookup_start(g->loop, "127.0.0.1", 80, found, g);
    sl_lookup_cancel(cancelled);
    assert_non_null(sl_lookup_start(g->loop, "127.0.0.1", 80, found, g));
    run_until(g, 2);
}

/* ---- virtual time ---- */

static void time_stands_still_until_it_is_run(void **state) {
    rig *g = *state;
    assert_int_equal(sl_now(g->loop), 0);
    sl_world_run(g->world, 5 * SL_SECOND);
    assert_true(sl_now(g->loop) == 5 * SL_SECOND);
    uint64_t wall_ms = sl_wall_ms(g->loop);
    sl_world_run(g->world, 7 * SL_SECOND);
    assert_int_equal(sl_wall_ms(g->loop), wall_ms + 2000);
    sl_loop_virtual_shift_wall(g->loop, -60000);
    assert_int_equal(sl_wall_ms(g->loop), wall_ms - 58000);
    assert_true(sl_now(g->loop) == 7 * SL_SECOND);
    assert_false(sl_loop_has_io(g->loop));
    assert_null(sl_watch_new(g->loop, 0, SLOW_IO_READ, NULL, NULL));
}

/* Events of one loop at one instant are one turn, and what they deferred runs behind them all. */
static void an_instant_of_one_loop_is_one_turn(void **state) {
    rig *g = *state;
    rig other = {.world = g->world, .loop = sl_loop_virtual_new(g->world)};
    event a = an_event(g, 'a'), b = an_event(g, 'b'), d = an_event(g, 'd'), elsewhere = an_event(g, 'x');
    d.deferred = (sl_deferred){.fn = happen, .arg = &d};
    a.defers = &d.deferred;
    assert_true(sl_world_at(g->world, other.loop, SL_SECOND, happen, NULL, &elsewhere)); /* a later loop */
    assert_true(sl_world_at(g->world, g->loop, SL_SECOND, happen, NULL, &a));
    assert_true(sl_world_at(g->world, g->loop, SL_SECOND, happen, NULL, &b));
    assert_true(sl_world_turn(g->world, SL_SECOND));
    assert_string_equal(g->log, "abd");
    assert_true(sl_world_turn(g->world, SL_SECOND));
    assert_string_equal(g->log, "abdx");
    assert_false(sl_world_turn(g->world, 100 * SL_SECOND));
    sl_loop_free(other.loop);
}

static void what_a_freed_loop_was_to_do_is_dropped_and_told(void **state) {
    rig *g = *state;
    sl_loop *dying = sl_loop_virtual_new(g->world);
    event run = an_event(g, 'r'), dropped = an_event(g, 'd'), living = an_event(g, 'l');
    run.on = dropped.on = g;
    assert_true(sl_world_at(g->world, dying, SL_SECOND, happen, NULL, &run));
    assert_true(sl_world_at(g->world, dying, SL_SECOND, happen, happen, &dropped));
    assert_true(sl_world_at(g->world, g->loop, 2 * SL_SECOND, happen, NULL, &living));
    sl_loop_free(dying);
    assert_string_equal(g->log, "d");
    sl_world_run(g->world, 3 * SL_SECOND);
    assert_string_equal(g->log, "dl");
}

/* What would have run meanwhile runs when it goes on, in the same order and before all else of that instant. */
static void a_loop_that_stands_still_goes_on_where_it_was(void **state) {
    rig *g = *state;
    rig other = {.world = g->world, .loop = sl_loop_virtual_new(g->world)};
    event a = an_event(g, 'a'), b = an_event(g, 'b'), c = an_event(g, 'c'), t = an_event(g, 't'), x = an_event(g, 'x');
    event late = an_event(g, 'z'), dropped = an_event(g, 'd');
    sl_timer *timer = sl_timer_new(g->loop, happen, &t), *stopped = sl_timer_new(g->loop, happen, &x);
    assert_true(
        sl_world_at(g->world, g->loop, 4 * SL_SECOND, happen, NULL, &c)); /* of the instant in which it goes on */
    assert_true(sl_world_at(g->world, g->loop, 2 * SL_SECOND, happen, NULL, &b));
    assert_true(sl_world_at(g->world, g->loop, SL_SECOND, happen, NULL, &a));
    assert_true(sl_world_at(g->world, other.loop, 3 * SL_SECOND, happen, NULL, &late));
    sl_timer_at(timer, SL_SECOND);
    sl_timer_at(stopped, SL_SECOND);
    assert_false(sl_loop_virtual_paused(g->loop));
    sl_loop_virtual_pause(g->loop);
    assert_true(sl_loop_virtual_paused(g->loop));
    sl_world_run(g->world, 4 * SL_SECOND - 1);
    assert_string_equal(g->log, "z");
    sl_timer_stop(stopped);
    sl_world_run(g->world, 4 * SL_SECOND - 1);
    sl_loop_virtual_resume(g->loop);
    sl_world_run(g->world, 5 * SL_SECOND);
    assert_string_equal(g->log, "zatbc");
    sl_loop_virtual_pause(g->loop);
    dropped.on = g;
    assert_true(sl_world_at(g->world, g->loop, 6 * SL_SECOND, happen, happen, &dropped));
    sl_timer_at(timer, 6 * SL_SECOND);
    sl_world_run(g->world, 7 * SL_SECOND);
    sl_timer_at(timer, 8 * SL_SECOND); /* moved while it was put by */
    sl_world_run(g->world, 9 * SL_SECOND);
    assert_string_equal(g->log, "zatbc");
    sl_timer_free(timer);
    sl_timer_free(stopped);
    sl_loop_free(g->loop);
    assert_string_equal(g->log, "zatbcd");
    g->loop = sl_loop_virtual_new(g->world);
    sl_loop_free(other.loop);
}

/* Though nothing else happens, the time of what is put by has come: it never runs before. */
static void what_stands_still_is_never_early(void **state) {
    rig *g = *state;
    event a = an_event(g, 'a');
    assert_true(sl_world_at(g->world, g->loop, 2 * SL_SECOND, happen, NULL, &a));
    sl_loop_virtual_pause(g->loop);
    assert_false(sl_world_turn(g->world, SL_SECOND));
    assert_int_equal(sl_world_now(g->world), 0);
    assert_false(sl_world_turn(g->world, 3 * SL_SECOND));
    sl_loop_virtual_resume(g->loop);
    assert_true(sl_world_turn(g->world, 3 * SL_SECOND));
    assert_string_equal(g->log, "a");
    assert_int_equal(sl_world_now(g->world), 2 * SL_SECOND);
}

static uint64_t trace_of(uint64_t seed) {
    sl_world *world = sl_world_new(seed);
    rig g = {.world = world, .loop = sl_loop_virtual_new(world)};
    event a = an_event(&g, 'a');
    sl_timer *timer = sl_timer_new(g.loop, happen, &a);
    for (int i = 0; i < 20; i++) {
        sl_timer_at(timer, sl_now(g.loop) + sl_random_below(g.loop, SL_SECOND));
        run_until(&g, (unsigned)i + 1);
    }
    uint8_t key[16];
    sl_entropy(g.loop, key, sizeof key);
    sl_world_mix(world, key, sizeof key);
    uint64_t trace = sl_world_trace(world);
    sl_timer_free(timer);
    sl_loop_free(g.loop);
    sl_world_free(world);
    return trace;
}

static void one_seed_is_one_trace(void **state) {
    (void)state;
    assert_true(trace_of(1) == trace_of(1));
    assert_true(trace_of(1) != trace_of(2));
}

/* Many timers, moved at random, against the order that they must fire in. */
static slow_time last_fired;
static void fire_in_order(void *arg) {
    rig *g = arg;
    assert_true(sl_now(g->loop) >= last_fired);
    last_fired = sl_now(g->loop);
    g->count++;
}

static void many_timers_fire_in_order(void **state) {
    rig *g = *state;
    enum { TIMERS = 500 };
    static sl_timer *timers[TIMERS];
    uint64_t random = 1;
    bool armed[TIMERS] = {false};
    unsigned expected = 0;
    last_fired = 0;
    for (unsigned i = 0; i < TIMERS; i++)
        timers[i] = sl_timer_new(g->loop, fire_in_order, g);
    for (unsigned i = 0; i < 5000; i++) {
        unsigned which = (unsigned)(sl_splitmix(&random) % TIMERS);
        armed[which] = sl_splitmix(&random) % 4 != 0;
        if (armed[which])
            sl_timer_at(timers[which], sl_splitmix(&random) % SL_SECOND);
        else
            sl_timer_stop(timers[which]);
    }
    for (unsigned i = 0; i < TIMERS; i++)
        expected += armed[i];
    sl_world_run(g->world, SL_SECOND);
    assert_int_equal(g->count, expected);
    for (unsigned i = 0; i < TIMERS; i++)
        sl_timer_free(timers[i]);
}

#define BOTH(test)                                                \
    {#test " (real)", test, set_up_real, tear_down, NULL}, {      \
#test " (virtual)", test, set_up_virtual, tear_down, NULL \
    }
#define REAL(test) cmocka_unit_test_setup_teardown(test, set_up_real, tear_down)
#define VIRTUAL(test) cmocka_unit_test_setup_teardown(test, set_up_virtual, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(timers_fire_in_the_order_of_their_times_and_never_early),
        BOTH(a_timer_can_be_moved_stopped_and_armed_again),
        BOTH(a_timer_that_is_due_can_still_be_stopped),
        BOTH(a_timer_may_free_itself),
        BOTH(what_is_deferred_runs_once_in_order_when_the_turn_ends),
        BOTH(what_was_deferred_can_be_taken_back),
        BOTH(posts_run_in_order_and_before_the_loop_is_freed),
        REAL(posts_of_many_threads_all_come_and_in_their_order),
        REAL(a_run_ends_when_another_thread_breaks_it),
        REAL(only_one_thread_is_the_loops),
        REAL(a_watch_is_level_triggered_and_can_pause),
        REAL(a_look_up_is_answered_in_a_later_turn),
        VIRTUAL(time_stands_still_until_it_is_run),
        VIRTUAL(an_instant_of_one_loop_is_one_turn),
        VIRTUAL(what_a_freed_loop_was_to_do_is_dropped_and_told),
        VIRTUAL(a_loop_that_stands_still_goes_on_where_it_was),
        VIRTUAL(what_stands_still_is_never_early),
        VIRTUAL(one_seed_is_one_trace),
        VIRTUAL(many_timers_fire_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
