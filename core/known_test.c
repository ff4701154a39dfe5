/* What was true is remembered within bounds, and nobody pushes out what others said. */
#include "known.h"
#include "loop_virtual.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

typedef struct rig {
    sl_world *world;
    sl_loop *loop;
    sl_known known;
} rig;

static int set_up(void **state) {
    rig *r = malloc(sizeof *r);
    r->world = sl_world_new(1);
    r->loop = sl_loop_virtual_new(r->world);
    sl_known_init(&r->known, r->loop);
    *state = r;
    return 0;
}

static int tear_down(void **state) {
    rig *r = *state;
    sl_known_free(&r->known);
    sl_loop_free(r->loop);
    sl_world_free(r->world);
    free(r);
    return 0;
}

static sl_known_mark mark(const rig *r, uint32_t owner, uint32_t number) {
    const slow_bytes part = {(const uint8_t *)&number, sizeof number};
    return sl_known_mark_of(&r->known, SL_KNOWN_SIGNATURE, (slow_bytes){(const uint8_t *)&owner, sizeof owner}, &part,
                            1);
}

static void add(rig *r, uint32_t owner, uint32_t number) {
    sl_known_mark m = mark(r, owner, number);
    sl_known_add(&r->known, &m);
}

static bool has(const rig *r, uint32_t owner, uint32_t number) {
    sl_known_mark m = mark(r, owner, number);
    return sl_known_has(&r->known, &m);
}

static void only_what_was_added_is_known(void **state) {
    rig *r = *state;
    assert_false(has(r, 1, 1));
    add(r, 1, 1);
    add(r, 1, 1);
    assert_int_equal(r->known.count, 1);
    assert_true(has(r, 1, 1));
    assert_false(has(r, 1, 2));
}

static void one_that_talks_without_end_pushes_out_its_own(void **state) {
    rig *r = *state;
    size_t left = 0;
    for (uint32_t owner = 1; owner <= 40; owner++)
        add(r, owner, 0);
    for (uint32_t number = 1; number <= 100000; number++)
        add(r, 0, number);
    for (uint32_t owner = 1; owner <= 40; owner++)
        left += has(r, owner, 0);
    print_message("of 40 others, %zu are still known; %zu sets\n", left, r->known.set_count);
    assert_true(left >= 34); /* but those in its set */
    assert_true(r->known.set_count <= 32);
    assert_true(has(r, 0, 100000) && !has(r, 0, 1));
}

static void it_grows_with_the_number_of_members_up_to_its_bound(void **state) {
    rig *r = *state;
    size_t left = 0;
    for (uint32_t owner = 0; owner < 2000; owner++)
        add(r, owner, 0);
    for (uint32_t owner = 0; owner < 2000; owner++)
        left += has(r, owner, 0);
    print_message("of 2000, %zu are known\n", left);
    assert_true(left >= 1990);
    for (uint32_t owner = 2000; owner < 200000; owner++)
        add(r, owner, 0);
    assert_int_equal(r->known.set_count, SL_KNOWN_SETS_MOST);
    assert_true(r->known.count <= SL_KNOWN_SETS_MOST * SL_KNOWN_WAYS);
}

static void where_an_entry_goes_is_a_secret(void **state) {
    rig *r = *state;
    sl_known other;
    const slow_bytes part = {(const uint8_t *)"s", 1};
    sl_known_init(&other, r->loop);
    sl_known_mark a = sl_known_mark_of(&r->known, SL_KNOWN_SIGNATURE, part, &part, 1);
    sl_known_mark b = sl_known_mark_of(&other, SL_KNOWN_SIGNATURE, part, &part, 1);
    assert_true(a.owner != b.owner);
    assert_memory_not_equal(a.content, b.content, SL_KNOWN_SIZE);
}

/* The same bytes as another kind, or cut into other parts, are something else. */
static void what_is_known_of_one_kind_says_nothing_of_another(void **state) {
    rig *r = *state;
    const slow_bytes owner = {(const uint8_t *)"owner", 5}, longer = {(const uint8_t *)"ownera", 6};
    const slow_bytes parts[] = {{(const uint8_t *)"abc", 3}, {(const uint8_t *)"d", 1}};
    const slow_bytes others[] = {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"cd", 2}};
    const slow_bytes rest[] = {{(const uint8_t *)"bc", 2}, {(const uint8_t *)"d", 1}};
    sl_known_mark true_one = sl_known_mark_of(&r->known, SL_KNOWN_SIGNATURE, owner, parts, 2);
    const sl_known_mark not_said[] = {
        sl_known_mark_of(&r->known, SL_KNOWN_GRANT, owner, parts, 2),
        sl_known_mark_of(&r->known, SL_KNOWN_SIGNATURE, owner, others, 2),
        sl_known_mark_of(&r->known, SL_KNOWN_SIGNATURE, longer, rest, 2),
        sl_known_mark_of(&r->known, SL_KNOWN_SIGNATURE, owner, parts, 1),
    };
    for (size_t i = 0; i < sizeof not_said / sizeof not_said[0]; i++)
        assert_memory_not_equal(true_one.content, not_said[i].content, SL_KNOWN_SIZE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_was_added_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_talks_without_end_pushes_out_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_grows_with_the_number_of_members_up_to_its_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_an_entry_goes_is_a_secret, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_known_of_one_kind_says_nothing_of_another, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
