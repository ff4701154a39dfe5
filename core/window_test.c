/* The sliding window against a plain list of all that was seen. */
#include "window.h"
#include "loop.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS = 4, REMEMBERED = (WORDS - 1) * 64, MODEL = 20000 };

typedef struct window {
    uint64_t bits[WORDS], highest;
} window;

static bool seen(const window *w, uint64_t number) {
    return sl_window_seen(w->bits, WORDS, w->highest, number);
}

static void mark(window *w, uint64_t number) {
    sl_window_mark(w->bits, WORDS, &w->highest, number);
}

static void a_number_is_new_once(void **state) {
    (void)state;
    window w = {.highest = 0};
    assert_false(seen(&w, 1));
    mark(&w, 1);
    assert_true(seen(&w, 1));
    assert_false(seen(&w, 2));
    mark(&w, 5);
    assert_true(seen(&w, 5));
    assert_false(seen(&w, 3));
    mark(&w, 3);
    assert_true(seen(&w, 3));
    assert_false(seen(&w, 4));
    assert_int_equal(w.highest, 5);
}

static void zero_is_never_new(void **state) {
    (void)state;
    window w = {.highest = 0};
    mark(&w, 7);
    assert_true(seen(&w, 0));
}

static void what_has_left_the_window_counts_as_seen(void **state) {
    (void)state;
    window w = {.highest = 0};
    mark(&w, 1000);
    assert_true(seen(&w, 1000 - REMEMBERED));
    assert_false(seen(&w, 1001 - REMEMBERED));
}

static void a_leap_forgets_what_lay_before(void **state) {
    (void)state;
    window w = {.highest = 0};
    for (uint64_t number = 1; number <= 300; number++)
        mark(&w, number);
    mark(&w, UINT64_C(1) << 40);
    for (uint64_t back = 1; back < REMEMBERED; back++)
        assert_false(seen(&w, (UINT64_C(1) << 40) - back));
    assert_true(seen(&w, 300));
}

static void any_order_is_remembered_as_by_a_list(void **state) {
    (void)state;
    static bool list[MODEL];
    window w = {.highest = 0};
    uint64_t random = 1, base = 1;
    memset(list, 0, sizeof list);
    for (int i = 0; i < 100000 && base < MODEL - 600; i++) {
        uint64_t number = base + sl_splitmix(&random) % 500;
        bool expected = number <= w.highest && (w.highest - number >= REMEMBERED || list[number]);
        if (seen(&w, number) != expected)
            fail_msg("number %llu at highest %llu, step %d of seed 1", (unsigned long long)number,
                     (unsigned long long)w.highest, i);
        if (!expected) {
            mark(&w, number);
            list[number] = true;
        }
        base += sl_splitmix(&random) % 4 == 0;
    }
    assert_true(base > 10000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_new_once),
        cmocka_unit_test(zero_is_never_new),
        cmocka_unit_test(what_has_left_the_window_counts_as_seen),
        cmocka_unit_test(a_leap_forgets_what_lay_before),
        cmocka_unit_test(any_order_is_remembered_as_by_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
