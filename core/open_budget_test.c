/* How many OPEN1s are looked at in a second. */
#include "open_budget.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const slow_time SECOND = UINT64_C(1000) * 1000 * 1000;

static uint32_t taken(sl_open_budget *b, uint32_t neighbour, uint32_t tries, slow_time now) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < tries; i++)
        count += sl_open_budget_take(b, neighbour, now) == SL_OPEN_WITHIN;
    return count;
}

static void one_neighbour_uses_up_its_own_share(void **state) {
    sl_open_budget b = {0};
    (void)state;
    assert_int_equal(taken(&b, 7, 1000, 10 * SECOND), SL_OPENS_A_LINK);
    assert_int_equal(sl_open_budget_take(&b, 7, 10 * SECOND), SL_OPEN_OVER_LINK);
    assert_int_equal(taken(&b, 8, 10, 10 * SECOND), 10);
    assert_int_equal(taken(&b, 7, 1000, 11 * SECOND), SL_OPENS_A_LINK);
}

static void all_together_have_a_bound(void **state) {
    sl_open_budget b = {0};
    uint32_t count = 0;
    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        count += taken(&b, i, 50, 10 * SECOND + i);
    assert_int_equal(count, SL_OPENS);
    assert_int_equal(sl_open_budget_take(&b, 200, 10 * SECOND + 200), SL_OPEN_OVER_ALL);
    assert_int_equal(taken(&b, 200, 50, 11 * SECOND), SL_OPENS_A_LINK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_neighbour_uses_up_its_own_share),
        cmocka_unit_test(all_together_have_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
