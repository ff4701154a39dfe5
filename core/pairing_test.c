/* Two ends, and a net between them that loses, repeats and delays what they say. */
#include "loop.h"
#include "pairing.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 4096 };

typedef struct letter {
    slow_time at;
    int to;
    bool data; /* a package in a pair, of the number `open.mine` */
    enum sl_pair_kind kind;
    sl_open open;
} letter;

typedef struct world world;
typedef struct end {
    world *world;
    int place;
    sl_pairing pairing;
    sl_pairing_limits limits;
    unsigned began, ended, said, described;
    slow_time since;   /* of the last end */
    slow_time rtt;     /* of the last beginning */
    bool deaf, forget; /* nothing can be said; no memory for a pair */
} end;

struct world {
    slow_time now, latency;
    uint64_t random;
    unsigned loss, copies; /* percent */
    slow_time late;        /* the most by which a copy is late */
    end ends[2];           /* 0: the lower */
    letter letters[MOST];
    size_t count;
};

static void post(world *w, const letter *l) {
    if (sl_splitmix(&w->random) % 100 < w->loss)
        return;
    for (unsigned copies = 1 + (sl_splitmix(&w->random) % 100 < w->copies); copies > 0; copies--) {
        assert_true(w->count < MOST);
        w->letters[w->count] = *l;
        w->letters[w->count].at = w->now + w->latency + (w->late > 0 ? sl_splitmix(&w->random) % w->late : 0);
        w->count++;
    }
}

static uint64_t draw(void *arg) {
    end *e = arg;
    return sl_splitmix(&e->world->random) | 1;
}
static bool say(void *arg, enum sl_pair_kind kind, const sl_open *open) {
    end *e = arg;
    if (e->deaf)
        return false;
    e->said++;
    post(e->world, &(letter){.to = 1 - e->place, .kind = kind, .open = *open});
    return true;
}
static void ended(void *arg, slow_time since, slow_time now) {
    end *e = arg;
    (void)now;
    e->ended++;
    e->since = since;
}
static bool began(void *arg, slow_time rtt_ns, slow_time now) {
    end *e = arg;
    (void)now;
    if (e->forget)
        return false;
    e->began++;
    e->rtt = rtt_ns;
    return true;
}
/* A package in the pair. */
static void describe(void *arg) {
    end *e = arg;
    e->described++;
    post(e->world, &(letter){.to = 1 - e->place, .data = true, .open = {.mine = e->pairing.mine}});
}
static const sl_pairing_events events = {
    .draw = draw, .say = say, .ended = ended, .began = began, .describe = describe};

/* It knows nothing. */
static void end_start(end *e) {
    e->limits = (sl_pairing_limits){.halves = 0};
    sl_pairing_init(&e->pairing, &events, e, &e->limits, e->place == 0, e->world->now);
}

static void world_init(world *w, uint64_t seed) {
    *w = (world){.now = 1000 * SL_SECOND, .latency = 10 * SL_MS, .random = seed};
    for (int i = 0; i < 2; i++) {
        w->ends[i] = (end){.world = w, .place = i};
        end_start(&w->ends[i]);
    }
}

static void hear(world *w, const letter *l) {
    end *e = &w->ends[l->to];
    if (l->data)
        (void)sl_pairing_session(&e->pairing, l->open.mine, 0, w->now);
    else
        sl_pairing_heard(&e->pairing, l->kind, &l->open, 0, w->now);
}

/* Everything that happens until then. */
static void run(world *w, slow_time for_ns) {
    slow_time until = w->now + for_ns;
    for (;;) {
        size_t next = SIZE_MAX;
        slow_time when = until;
        int timer = -1;
        for (size_t i = 0; i < w->count; i++)
            if (w->letters[i].at < when) {
                when = w->letters[i].at;
                next = i;
            }
        for (int i = 0; i < 2; i++)
            if (sl_pairing_due(&w->ends[i].pairing) < when) {
                when = sl_pairing_due(&w->ends[i].pairing);
                timer = i;
            }
        if (when >= until)
            break;
        w->now = when > w->now ? when : w->now;
        if (timer >= 0) {
            sl_pairing_timer(&w->ends[timer].pairing, w->now);
            assert_true(sl_pairing_due(&w->ends[timer].pairing) > w->now);
        } else {
            letter l = w->letters[next];
            w->letters[next] = w->letters[--w->count];
            hear(w, &l);
        }
    }
    w->now = until;
}

static bool is_paired(const world *w) {
    const sl_pairing *low = &w->ends[0].pairing, *high = &w->ends[1].pairing;
    return low->mine != 0 && low->mine == high->theirs && low->theirs == high->mine;
}

static void data(world *w, int from) {
    describe(&w->ends[from]);
}

/* ---- a good net ---- */

static void the_lower_end_is_open_after_one_round_trip(void **state) {
    world w;
    (void)state;
    world_init(&w, 1);
    sl_pairing_want(&w.ends[0].pairing, true, w.now);
    run(&w, 25 * SL_MS);
    assert_int_equal(w.ends[0].began, 1);
    assert_int_equal(w.ends[0].rtt, 20 * SL_MS);
    run(&w, 10 * SL_MS);
    assert_true(is_paired(&w));
    run(&w, SL_SECOND);
    assert_true(w.ends[0].pairing.proven);
    assert_int_equal(w.ends[0].said + w.ends[1].said, 3); /* nothing was said twice */
}

static void the_higher_end_knocks_and_is_open_after_two(void **state) {
    world w;
    (void)state;
    world_init(&w, 1);
    sl_pairing_want(&w.ends[1].pairing, true, w.now);
    run(&w, 45 * SL_MS);
    assert_true(is_paired(&w));
    assert_int_equal(w.ends[1].rtt, 20 * SL_MS);
    sl_pairing_want(&w.ends[1].pairing, false, w.now);
    run(&w, SL_SECOND);
    assert_int_equal(w.ends[0].said + w.ends[1].said, 4);
}

static void who_was_alone_for_longer_than_our_clock_runs_never_had_the_pair(void **state) {
    world w;
    (void)state;
    world_init(&w, 1);
    w.now = 5 * SL_SECOND;
    end_start(&w.ends[0]);
    sl_pairing *low = &w.ends[0].pairing;
    sl_pairing_want(low, true, w.now);
    sl_pairing_heard(low, SL_KIND_OPEN2, &(sl_open){.mine = 7, .yours = low->opening}, 0, w.now);
    assert_true(low->mine != 0);
    for (int i = 0; i < 5; i++)
        sl_pairing_heard(low, SL_KIND_KNOCK, NULL, 0, w.now); /* OPEN3, each time */
    w.now = low->open3_at;
    sl_pairing_timer(low, w.now);
    assert_true(low->opening != 0);
    sl_open open2 = {.mine = 8, .yours = low->opening, .alone_ms = SL_ALONE_MAX_MS};
    sl_pairing_heard(low, SL_KIND_OPEN2, &open2, 0, w.now);
    assert_int_equal(w.ends[0].ended, 1);
    assert_int_equal(w.ends[0].since, 0); /* whatever was sent goes again */
}

static void openings_that_others_made_up_keep_nobody_out(void **state) {
    world w;
    (void)state;
    world_init(&w, 1);
    for (uint64_t i = 1; i <= 2 * SL_HALVES_A_PEER; i++)
        sl_pairing_heard(&w.ends[1].pairing, SL_KIND_OPEN1, &(sl_open){.mine = i}, 0, w.now);
    assert_int_equal(w.ends[1].limits.halves, SL_HALVES_A_PEER);
    sl_pairing_want(&w.ends[0].pairing, true, w.now);
    run(&w, 100 * SL_MS);
    assert_true(is_paired(&w));
}

static void who_wants_at_both_ends_gets_one_pair(void **state) {
    world w;
    (void)state;
    world_init(&w, 1);
    sl_pairing_want(&w.ends[0].pairing, true, w.now);
    sl_pairing_want(&w.ends[1].pairing, true, w.now);
    run(&w, SL_SECOND);
    assert_true(is_paired(&w));
    assert_int_equal(w.ends[0].began, 1);
    assert_int_equal(w.ends[1].began, 1);
}

static void a_pair_is_forgotten_after_ten_silent_minutes(void **state) {
    world w;
    (void)state;
    world_init(&w, 1);
    sl_pairing_want(&w.ends[0].pairing, true, w.now);
    run(&w, SL_SECOND);
    sl_pairing_want(&w.ends[0].pairing, false, w.now);
    run(&w, 590 * SL_SECOND);
    assert_true(is_paired(&w));
    run(&w, 11 * SL_SECOND);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(w.ends[i].ended, 1);
        assert_true(w.ends[i].since == UINT64_MAX);
        assert_true(sl_pairing_is_idle(&w.ends[i].pairing));
        assert_true(sl_pairing_due(&w.ends[i].pairing) == UINT64_MAX);
    }
}

/* ---- who forgets ---- */

static void a_lower_end_that_forgot_gets_a_new_pair(void **state) {
    world w;
    (void)state;
    world_init(&w, 1);
    sl_pairing_want(&w.ends[0].pairing, true, w.now);
    run(&w, SL_SECOND);
    end_start(&w.ends[0]);
    slow_time restarted = w.now;
    run(&w, 5 * SL_SECOND);
    data(&w, 1); /* of a number that it does not know */
    run(&w, SL_SECOND);
    assert_true(is_paired(&w));
    assert_int_equal(w.ends[1].ended, 1);
    /* It was alone since its restart, less one percent and the way of the news. */
    assert_in_range(w.ends[1].since, restarted, restarted + 100 * SL_MS);
}

static void a_higher_end_that_forgot_knocks(void **state) {
    world w;
    (void)state;
    world_init(&w, 1);
    sl_pairing_want(&w.ends[0].pairing, true, w.now);
    run(&w, SL_SECOND);
    end_start(&w.ends[1]);
    slow_time restarted = w.now;
    run(&w, 5 * SL_SECOND);
    data(&w, 0);
    run(&w, SL_SECOND);
    assert_true(is_paired(&w));
    assert_int_equal(w.ends[0].ended, 1);
    assert_in_range(w.ends[0].since, restarted, restarted + 100 * SL_MS);
}

static void a_knock_alone_ends_nothing(void **state) {
    world w;
    (void)state;
    world_init(&w, 1);
    sl_pairing_want(&w.ends[0].pairing, true, w.now);
    run(&w, SL_SECOND);
    sl_open nothing = {.mine = 0};
    for (int i = 0; i < 100; i++) {
        sl_pairing_heard(&w.ends[0].pairing, SL_KIND_KNOCK, &nothing, 0, w.now);
        run(&w, 100 * SL_MS);
    }
    assert_true(is_paired(&w));
    assert_int_equal(w.ends[0].ended + w.ends[1].ended, 0);
}

static void a_forged_open1_ends_nothing(void **state) {
    world w;
    (void)state;
    world_init(&w, 1);
    sl_pairing_want(&w.ends[0].pairing, true, w.now);
    run(&w, SL_SECOND);
    for (uint64_t i = 0; i < 1000; i++)
        sl_pairing_heard(&w.ends[1].pairing, SL_KIND_OPEN1, &(sl_open){.mine = 2 * i + 2}, 0, w.now);
    assert_int_equal(w.ends[1].limits.halves, SL_HALVES_A_PEER);
    run(&w, SL_SECOND);
    assert_true(is_paired(&w));
    assert_int_equal(w.ends[0].ended + w.ends[1].ended, 0);
    run(&w, 10 * SL_SECOND);
    assert_int_equal(w.ends[1].limits.halves, 0);
}

static void a_copy_of_an_old_opening_opens_nothing(void **state) {
    world w;
    letter old[8];
    size_t count = 0;
    (void)state;
    world_init(&w, 1);
    sl_pairing_want(&w.ends[0].pairing, true, w.now);
    for (int i = 0; i < 40; i++) { /* everything that was said, noted down */
        run(&w, SL_MS);
        for (size_t k = 0; k < w.count && count < 8; k++)
            if (w.letters[k].at - w.now >= 9 * SL_MS)
                old[count++] = w.letters[k];
    }
    assert_true(count >= 3);
    end_start(&w.ends[0]);
    end_start(&w.ends[1]);
    sl_pairing_want(&w.ends[0].pairing, true, w.now);
    run(&w, SL_SECOND);
    assert_true(is_paired(&w));
    unsigned had[2] = {w.ends[0].began, w.ends[1].began};
    for (size_t i = 0; i < count; i++) {
        hear(&w, &old[i]);
        run(&w, SL_SECOND);
    }
    assert_true(is_paired(&w));
    assert_int_equal(w.ends[0].began, had[0]);
    assert_int_equal(w.ends[1].began, had[1]);
}

/* ---- limits ---- */

static void what_could_not_be_said_is_said_when_there_is_a_way(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        world w;
        world_init(&w, 1);
        w.ends[i].deaf = true;
        sl_pairing_want(&w.ends[i].pairing, true, w.now);
        run(&w, 20 * SL_SECOND);
        w.ends[i].deaf = false;
        sl_pairing_kick(&w.ends[i].pairing, w.now);
        run(&w, 50 * SL_MS);
        assert_true(is_paired(&w));
    }
}

static void who_is_knocked_at_in_vain_gives_up(void **state) {
    world w;
    (void)state;
    world_init(&w, 1);
    w.loss = 100;
    sl_pairing_heard(&w.ends[0].pairing, SL_KIND_KNOCK, &(sl_open){.mine = 0}, 0, w.now);
    assert_int_equal(w.ends[0].limits.unasked, 1);
    run(&w, 60 * SL_SECOND);
    assert_int_equal(w.ends[0].limits.unasked, 0);
    assert_true(w.ends[0].said <= 8);
    assert_true(sl_pairing_is_idle(&w.ends[0].pairing));
}

static void without_memory_there_is_no_pair(void **state) {
    world w;
    (void)state;
    world_init(&w, 1);
    w.ends[0].forget = true;
    sl_pairing_want(&w.ends[0].pairing, true, w.now);
    run(&w, 100 * SL_MS);
    assert_true(w.ends[0].pairing.mine == 0);
}

/* ---- a bad net ---- */

static void a_pair_comes_about_on_any_net_that_lets_something_through(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        world w;
        world_init(&w, seed);
        w.loss = 30;
        w.copies = 20;
        w.late = 2 * SL_SECOND;
        for (int round = 0; round < 20; round++) {
            int one = (int)(sl_splitmix(&w.random) % 2);
            if (sl_splitmix(&w.random) % 4 == 0)
                end_start(&w.ends[one]);
            sl_pairing_want(&w.ends[one].pairing, true, w.now);
            data(&w, one);
            run(&w, sl_splitmix(&w.random) % (5 * SL_SECOND));
        }
        for (int i = 0; i < 60; i++) { /* who speaks in vain is told so */
            sl_pairing_want(&w.ends[0].pairing, true, w.now);
            data(&w, 0);
            data(&w, 1);
            run(&w, SL_SECOND);
        }
        if (!is_paired(&w))
            print_message("seed %" PRIu64 "\n", seed);
        assert_true(is_paired(&w));
        assert_int_equal(w.ends[0].limits.unasked, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lower_end_is_open_after_one_round_trip),
        cmocka_unit_test(the_higher_end_knocks_and_is_open_after_two),
        cmocka_unit_test(who_was_alone_for_longer_than_our_clock_runs_never_had_the_pair),
        cmocka_unit_test(openings_that_others_made_up_keep_nobody_out),
        cmocka_unit_test(who_wants_at_both_ends_gets_one_pair),
        cmocka_unit_test(a_pair_is_forgotten_after_ten_silent_minutes),
        cmocka_unit_test(a_lower_end_that_forgot_gets_a_new_pair),
        cmocka_unit_test(a_higher_end_that_forgot_knocks),
        cmocka_unit_test(a_knock_alone_ends_nothing),
        cmocka_unit_test(a_forged_open1_ends_nothing),
        cmocka_unit_test(a_copy_of_an_old_opening_opens_nothing),
        cmocka_unit_test(what_could_not_be_said_is_said_when_there_is_a_way),
        cmocka_unit_test(who_is_knocked_at_in_vain_gives_up),
        cmocka_unit_test(without_memory_there_is_no_pair),
        cmocka_unit_test(a_pair_comes_about_on_any_net_that_lets_something_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
