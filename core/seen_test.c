/* Doubles are dropped, and what is remembered of whom is bounded. */
#include "seen.h"
#include "loop_virtual.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct rig {
    sl_world *world;
    sl_loop *loop;
    sl_seen *seen;
} rig;

static int set_up(void **state) {
    rig *r = malloc(sizeof *r);
    r->world = sl_world_new(1);
    r->loop = sl_loop_virtual_new(r->world);
    r->seen = sl_seen_new(r->loop);
    *state = r;
    return r->seen == NULL;
}

static int tear_down(void **state) {
    rig *r = *state;
    sl_seen_free(r->seen);
    sl_loop_free(r->loop);
    sl_world_free(r->world);
    free(r);
    return 0;
}

static bool first(const rig *r, const char *src, uint64_t session, uint64_t number) {
    return sl_seen_first(r->seen, (const uint8_t *)src, strlen(src), session, number);
}

static void the_first_copy_passes_and_no_other(void **state) {
    const rig *r = *state;
    assert_true(first(r, "a", 1, 1));
    assert_false(first(r, "a", 1, 1));
    assert_true(first(r, "a", 1, 3));
    assert_true(first(r, "a", 1, 2));
    assert_false(first(r, "a", 1, 3));
}

static void a_reboot_is_not_a_duplicate(void **state) {
    const rig *r = *state;
    assert_true(first(r, "a", 1, 1));
    assert_true(first(r, "a", 2, 1));
    assert_true(first(r, "a", 1 + 4096, 1)); /* in the same bucket as the first */
    assert_true(first(r, "b", 1, 1));
    assert_true(first(r, "aa", 1, 1));
    assert_false(first(r, "a", 1, 1));
    assert_int_equal(sl_seen_count(r->seen), 5);
}

static void at_least_1024_numbers_may_come_late(void **state) {
    const rig *r = *state;
    assert_true(first(r, "a", 1, 10000));
    assert_true(first(r, "a", 1, 10000 - 1024));
    assert_false(first(r, "a", 1, 10000 - 1024));
    assert_false(first(r, "a", 1, 10000 - 31 * 64)); /* has left the window */
}

static void the_source_that_was_idle_longest_is_forgotten(void **state) {
    const rig *r = *state;
    char name[16];
    for (unsigned i = 0; i < SL_SEEN_MAX; i++) {
        snprintf(name, sizeof name, "s%u", i);
        assert_true(first(r, name, 1, 1));
    }
    assert_false(first(r, "s0", 1, 1)); /* is in use again */
    assert_true(first(r, "one more", 1, 1));
    assert_int_equal(sl_seen_count(r->seen), SL_SEEN_MAX);
    assert_false(first(r, "s0", 1, 1));
    assert_false(first(r, "s2", 1, 1));
    assert_true(first(r, "s1", 1, 1));
    assert_int_equal(sl_seen_count(r->seen), SL_SEEN_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_copy_passes_and_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reboot_is_not_a_duplicate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(at_least_1024_numbers_may_come_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_source_that_was_idle_longest_is_forgotten, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
