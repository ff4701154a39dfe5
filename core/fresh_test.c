/* First messages are of now, and come once: the time, the two lists, and what is forgotten. */
#include "fresh.h"
#include "loop_virtual.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

typedef struct rig {
    sl_world *world;
    sl_loop *loop;
    sl_fresh fresh;
} rig;

static int set_up(void **state) {
    rig *r = calloc(1, sizeof *r);
    r->world = sl_world_new(1);
    r->loop = sl_loop_virtual_new(r->world);
    *state = r;
    return 0;
}

static int tear_down(void **state) {
    rig *r = *state;
    sl_fresh_free(&r->fresh);
    sl_loop_free(r->loop);
    sl_world_free(r->world);
    free(r);
    return 0;
}

static slow_bytes bytes_of(const uint32_t *number) {
    return (slow_bytes){(const uint8_t *)number, sizeof *number};
}

static enum sl_freshness look(rig *r, uint32_t number, uint64_t time_ms) {
    return sl_fresh_look(&r->fresh, r->loop, time_ms, bytes_of(&number));
}

static void take(rig *r, uint32_t number) {
    assert_true(sl_fresh_take(&r->fresh, r->loop, bytes_of(&number)));
}

static void pass(rig *r, uint64_t ms) {
    sl_world_run(r->world, sl_world_now(r->world) + ms * SL_MS);
}

static void a_message_is_of_now_within_five_minutes(void **state) {
    rig *r = *state;
    uint64_t now = sl_wall_ms(r->loop);
    assert_int_equal(look(r, 1, now), SL_FRESH);
    assert_int_equal(look(r, 1, now - SL_FRESH_WINDOW_MS), SL_FRESH);
    assert_int_equal(look(r, 1, now + SL_FRESH_WINDOW_MS), SL_FRESH);
    assert_int_equal(look(r, 1, now - SL_FRESH_WINDOW_MS - 1), SL_FRESH_OTHER_TIME);
    assert_int_equal(look(r, 1, now + SL_FRESH_WINDOW_MS + 1), SL_FRESH_OTHER_TIME);
    assert_int_equal(look(r, 1, 0), SL_FRESH_OTHER_TIME);
    assert_int_equal(look(r, 1, UINT64_MAX), SL_FRESH_OTHER_TIME);
}

/* Of an author whose clock is five minutes ahead it is of now for ten, whenever the lists turn. */
static void what_was_taken_is_known_for_as_long_as_it_is_of_now(void **state) {
    rig *r = *state;
    for (uint32_t round = 1; round < 40; round++) {
        uint64_t time = sl_wall_ms(r->loop) + SL_FRESH_WINDOW_MS;
        assert_int_equal(look(r, round, time), SL_FRESH);
        take(r, round);
        for (uint32_t minute = 0; minute < 11; minute++) {
            pass(r, minute == 0 ? 0 : 59999); /* so that ten of them are within */
            assert_int_equal(look(r, round, time), SL_FRESH_REPLAYED);
            take(r, 1000 * round + minute); /* the lists turn as others come */
        }
        pass(r, 1000);
        assert_int_equal(look(r, round, time), SL_FRESH_OTHER_TIME);
        pass(r, SL_FRESH_WINDOW_MS * 2);
        take(r, 1000 * round + 999); /* they turn now, and then somewhere in the next round */
        pass(r, round * 14000);
    }
}

static void what_is_kept_is_bounded_and_the_newest(void **state) {
    rig *r = *state;
    uint64_t now = sl_wall_ms(r->loop);
    for (uint32_t i = 0; i < 10 * SL_FRESH_LIST; i++) {
        take(r, i);
        assert_true(r->fresh.newer.count <= SL_FRESH_LIST && r->fresh.older.count <= SL_FRESH_LIST);
        assert_true(r->fresh.newer.capacity <= SL_FRESH_LIST);
    }
    for (uint32_t i = 9 * SL_FRESH_LIST; i < 10 * SL_FRESH_LIST; i++)
        assert_int_equal(look(r, i, now), SL_FRESH_REPLAYED);
    assert_int_equal(look(r, 0, now), SL_FRESH);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_of_now_within_five_minutes),
        TEST(what_was_taken_is_known_for_as_long_as_it_is_of_now),
        TEST(what_is_kept_is_bounded_and_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
