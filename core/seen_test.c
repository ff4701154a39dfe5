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
    assert_true(first(r, "a", 1 + 4096, 1));
    assert_true(first(r, "b", 1, 1));
    assert_true(first(r, "aa", 1, 1));
    assert_false(first(r, "a", 1, 1));
    assert_int_equal(sl_seen_count(r->seen), 5);
}

static void a_number_may_come_late(void **state) {
    const rig *r = *state;
    for (uint64_t number = 100000; number > 0; number--)
        assert_true(first(r, "a", 1, number));
    for (uint64_t number = 100000; number > 0; number--)
        assert_false(first(r, "a", 1, number));
    assert_int_equal(sl_seen_count(r->seen), 100000 / SL_SEEN_BLOCK + 1);
}

/* Nobody has vouched for a number: who uses another's name uses up those that he names, and no others. */
static void a_number_far_ahead_silences_nobody(void **state) {
    static const uint64_t ahead[] = {5000, UINT64_C(1) << 32, (UINT64_C(1) << 53) - 1, UINT64_MAX};
    const rig *r = *state;
    for (uint64_t number = 1; number <= 100; number++)
        assert_true(first(r, "alice", 77, number));
    for (size_t i = 0; i < sizeof ahead / sizeof ahead[0]; i++) {
        assert_true(first(r, "alice", 77, ahead[i]));
        assert_false(first(r, "alice", 77, ahead[i]));
    }
    for (uint64_t number = 101; number < 10000; number++)
        assert_int_equal(first(r, "alice", 77, number), number != 5000);
    assert_false(first(r, "alice", 77, 100));
}

static void what_was_idle_longest_is_forgotten(void **state) {
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
        cmocka_unit_test_setup_teardown(a_number_may_come_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_far_ahead_silences_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_idle_longest_is_forgotten, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
