/* Fragments become messages, or are forgotten in time and within bounds. */
#include "reassembly.h"
#include "loop_virtual.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FRAGMENT = SLOW_PAYLOAD_MAX };

typedef struct rig {
    sl_world *world;
    sl_loop *loop;
    sl_stats stats;
    sl_reassembly *r;
    uint8_t text[SL_BEST_EFFORT_MAX]; /* what messages say */
} rig;

static int set_up(void **state) {
    rig *g = calloc(1, sizeof *g);
    g->world = sl_world_new(1);
    g->loop = sl_loop_virtual_new(g->world);
    g->r = sl_reassembly_new(g->loop, &g->stats);
    for (size_t i = 0; i < sizeof g->text; i++)
        g->text[i] = (uint8_t)(i * 7 + i / 1024);
    *state = g;
    return g->r == NULL;
}

static int tear_down(void **state) {
    rig *g = *state;
    sl_reassembly_free(g->r);
    sl_loop_free(g->loop);
    sl_world_free(g->world);
    free(g);
    return 0;
}

static void wait_for(rig *g, slow_time duration) {
    sl_world_run(g->world, sl_world_now(g->world) + duration);
}

static slow_package fragment(const rig *g, const char *src, uint64_t message, uint32_t number, uint32_t total) {
    uint32_t offset = number * FRAGMENT, left = total - offset;
    return (slow_package){.type = SLOW_BINARY,
                          .src = {(const uint8_t *)src, strlen(src)},
                          .session = 1,
                          .message = message,
                          .offset = offset,
                          .total = total,
                          .payload = {g->text + offset, left < FRAGMENT ? left : FRAGMENT}};
}

static bool add(rig *g, const char *src, uint64_t message, uint32_t number, uint32_t total) {
    slow_bytes whole = {NULL, 0};
    slow_package p = fragment(g, src, message, number, total);
    bool is_whole = sl_reassembly_add(g->r, &p, &whole);
    if (is_whole) {
        assert_int_equal(whole.size, total);
        assert_memory_equal(whole.data, g->text, total);
    }
    return is_whole;
}

static void fragments_in_any_order_make_the_message(void **state) {
    rig *g = *state;
    assert_false(add(g, "a", 1, 2, 2500));
    assert_false(add(g, "a", 1, 0, 2500));
    assert_int_equal(sl_reassembly_bytes(g->r), 2500);
    assert_true(add(g, "a", 1, 1, 2500));
    assert_int_equal(sl_reassembly_bytes(g->r), 0);
}

static void the_largest_message_is_64_fragments(void **state) {
    rig *g = *state;
    for (uint32_t i = 64; i-- > 1;)
        assert_false(add(g, "a", 1, i, SL_BEST_EFFORT_MAX));
    assert_true(add(g, "a", 1, 0, SL_BEST_EFFORT_MAX));
    slow_bytes whole;
    slow_package p = fragment(g, "a", 2, 0, SL_BEST_EFFORT_MAX);
    p.total++;
    assert_false(sl_reassembly_add(g->r, &p, &whole));
    assert_int_equal(sl_reassembly_bytes(g->r), 0);
    assert_int_equal(g->stats.count[SL_drop_fragment_mismatch], 1);
}

static void messages_of_many_are_kept_apart(void **state) {
    rig *g = *state;
    slow_bytes whole;
    assert_false(add(g, "a", 1, 0, 2000));
    assert_false(add(g, "b", 1, 0, 2000));
    assert_false(add(g, "a", 2, 0, 2000));
    slow_package other_session = fragment(g, "a", 1, 1, 2000);
    other_session.session = 2;
    assert_false(sl_reassembly_add(g->r, &other_session, &whole));
    assert_true(add(g, "a", 2, 1, 2000));
    assert_true(add(g, "b", 1, 1, 2000));
    assert_true(add(g, "a", 1, 1, 2000));
    assert_int_equal(sl_reassembly_bytes(g->r), 2000);
}

static void what_does_not_fit_spoils_the_message(void **state) {
    rig *g = *state;
    slow_bytes whole;
    for (int mistake = 0; mistake < 5; mistake++) {
        assert_false(add(g, "a", 1, 0, 3000));
        slow_package p = fragment(g, "a", 1, 1, 3000);
        if (mistake == 0)
            p.total++;
        else if (mistake == 1)
            p.offset--;
        else if (mistake == 2)
            p.payload.size--;
        else if (mistake == 3)
            p.payload.size = 1;
        else
            p = fragment(g, "a", 1, 0, 3000); /* once more */
        assert_false(sl_reassembly_add(g->r, &p, &whole));
        assert_int_equal(sl_reassembly_bytes(g->r), 0);
        assert_int_equal(g->stats.count[SL_drop_fragment_mismatch], mistake + 1);
    }
}

static void an_offset_behind_the_end_is_refused(void **state) {
    rig *g = *state;
    slow_bytes whole;
    slow_package p = fragment(g, "a", 1, 0, 3000);
    p.offset = 3000;
    assert_false(sl_reassembly_add(g->r, &p, &whole));
    p.offset = UINT32_MAX - 1023;
    assert_false(sl_reassembly_add(g->r, &p, &whole));
    p.offset = p.total = 0;
    assert_false(sl_reassembly_add(g->r, &p, &whole));
    assert_int_equal(g->stats.count[SL_drop_fragment_mismatch], 3);
    assert_int_equal(sl_reassembly_bytes(g->r), 0);
}

static void an_unfinished_message_is_forgotten_after_two_seconds(void **state) {
    rig *g = *state;
    assert_false(add(g, "a", 1, 0, 2000));
    wait_for(g, SL_SECOND);
    assert_false(add(g, "a", 2, 0, 2000));
    wait_for(g, SL_SECOND - 1);
    assert_int_equal(sl_reassembly_bytes(g->r), 4000);
    wait_for(g, 1);
    assert_int_equal(sl_reassembly_bytes(g->r), 2000);
    assert_int_equal(g->stats.count[SL_drop_fragment_timeout], 1);
    wait_for(g, SL_SECOND - 1);
    assert_int_equal(sl_reassembly_bytes(g->r), 2000);
    wait_for(g, 1); /* each by its own age */
    assert_int_equal(sl_reassembly_bytes(g->r), 0);
    assert_int_equal(g->stats.count[SL_drop_fragment_timeout], 2);
    assert_false(add(g, "a", 2, 1, 2000)); /* the rest comes too late, and is a beginning */
    wait_for(g, 2 * SL_SECOND);
    assert_int_equal(g->stats.count[SL_drop_fragment_timeout], 3);
}

static void a_source_holds_256_kib_and_all_hold_4_mib(void **state) {
    rig *g = *state;
    char src[16];
    for (uint64_t i = 0; i < 4; i++)
        assert_false(add(g, "a", i, 0, SL_BEST_EFFORT_MAX));
    assert_false(add(g, "a", 4, 0, 1025));
    assert_int_equal(g->stats.count[SL_drop_fragment_budget], 1);
    assert_int_equal(sl_reassembly_bytes(g->r), SL_REASSEMBLY_PER_SOURCE);
    for (unsigned i = 1; i < 16; i++)
        for (uint64_t k = 0; k < 4; k++) {
            snprintf(src, sizeof src, "s%u", i);
            assert_false(add(g, src, k, 0, SL_BEST_EFFORT_MAX));
        }
    assert_int_equal(sl_reassembly_bytes(g->r), SL_REASSEMBLY_ALL);
    assert_int_equal(g->stats.count[SL_drop_fragment_budget], 1);
    assert_false(add(g, "b", 1, 0, 1025));
    assert_int_equal(g->stats.count[SL_drop_fragment_budget], 2);
    assert_int_equal(sl_reassembly_bytes(g->r), SL_REASSEMBLY_ALL);
    wait_for(g, 2 * SL_SECOND);
    assert_false(add(g, "b", 1, 0, 1025));
    assert_true(add(g, "b", 1, 1, 1025));
}

static void no_more_than_512_messages_are_looked_through(void **state) {
    rig *g = *state;
    char src[16];
    for (unsigned i = 0; i < SL_REASSEMBLY_COUNT + 3; i++) {
        snprintf(src, sizeof src, "s%u", i);
        assert_false(add(g, src, 1, 0, 1025));
    }
    assert_int_equal(g->stats.count[SL_drop_fragment_budget], 3);
    assert_true(add(g, "s0", 1, 1, 1025));
    assert_false(add(g, "again", 1, 0, 1025));
    assert_int_equal(g->stats.count[SL_drop_fragment_budget], 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fragments_in_any_order_make_the_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_largest_message_is_64_fragments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_of_many_are_kept_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_spoils_the_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_offset_behind_the_end_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unfinished_message_is_forgotten_after_two_seconds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_source_holds_256_kib_and_all_hold_4_mib, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_than_512_messages_are_looked_through, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
