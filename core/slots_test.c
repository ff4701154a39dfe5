/* Numbers for things that live and die. */
#include "slots.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_number_finds_its_thing_until_it_is_removed(void **state) {
    (void)state;
    int a, b;
    sl_slots slots = {.slots = NULL};
    uint32_t first = sl_slots_add(&slots, &a), second = sl_slots_add(&slots, &b);
    assert_true(first != 0 && second != 0 && first != second);
    assert_ptr_equal(sl_slots_get(&slots, first), &a);
    assert_ptr_equal(sl_slots_get(&slots, second), &b);
    sl_slots_remove(&slots, first);
    assert_null(sl_slots_get(&slots, first));
    assert_ptr_equal(sl_slots_get(&slots, second), &b);
    assert_int_equal(slots.used, 1);
    sl_slots_free(&slots);
}

static void numbers_that_were_never_given_find_nothing(void **state) {
    (void)state;
    int a;
    sl_slots slots = {.slots = NULL};
    assert_null(sl_slots_get(&slots, 0));
    assert_null(sl_slots_get(&slots, 0x00010001));
    uint32_t number = sl_slots_add(&slots, &a);
    assert_null(sl_slots_get(&slots, 0));
    assert_null(sl_slots_get(&slots, number + 1));
    assert_null(sl_slots_get(&slots, number + 0x10000));
    assert_null(sl_slots_get(&slots, 0xffffffff));
    sl_slots_remove(&slots, 0xffffffff);
    sl_slots_remove(&slots, number + 0x10000);
    assert_ptr_equal(sl_slots_get(&slots, number), &a);
    assert_int_equal(slots.used, 1);
    sl_slots_free(&slots);
}

static void a_number_comes_again_only_after_65535_lives(void **state) {
    (void)state;
    int a;
    sl_slots slots = {.slots = NULL};
    uint32_t first = sl_slots_add(&slots, &a);
    sl_slots_remove(&slots, first);
    for (int life = 2; life <= 65535; life++) {
        uint32_t number = sl_slots_add(&slots, &a);
        assert_int_not_equal(number, first);
        assert_int_equal(number & 0xffff, first & 0xffff); /* the place is used again */
        assert_null(sl_slots_get(&slots, first));
        sl_slots_remove(&slots, number);
    }
    assert_int_equal(sl_slots_add(&slots, &a), first);
    sl_slots_free(&slots);
}

static void the_place_that_is_free_longest_is_taken_first(void **state) {
    (void)state;
    int a;
    sl_slots slots = {.slots = NULL};
    uint32_t numbers[3];
    for (int i = 0; i < 3; i++)
        numbers[i] = sl_slots_add(&slots, &a);
    sl_slots_remove(&slots, numbers[1]);
    sl_slots_remove(&slots, numbers[0]);
    assert_int_equal(sl_slots_add(&slots, &a) & 0xffff, numbers[1] & 0xffff);
    assert_int_equal(sl_slots_add(&slots, &a) & 0xffff, numbers[0] & 0xffff);
    assert_int_equal(sl_slots_add(&slots, &a) & 0xffff, (numbers[2] & 0xffff) + 1);
    sl_slots_free(&slots);
}

static void all_are_found_in_the_order_of_their_places(void **state) {
    (void)state;
    int things[5];
    uint32_t numbers[5], at = 0;
    sl_slots slots = {.slots = NULL};
    assert_int_equal(sl_slots_next(&slots, 0), 0);
    for (int i = 0; i < 5; i++)
        numbers[i] = sl_slots_add(&slots, &things[i]);
    sl_slots_remove(&slots, numbers[0]);
    sl_slots_remove(&slots, numbers[3]);
    assert_int_equal(at = sl_slots_next(&slots, at), numbers[1]);
    assert_int_equal(at = sl_slots_next(&slots, at), numbers[2]);
    assert_int_equal(at = sl_slots_next(&slots, at), numbers[4]);
    assert_int_equal(sl_slots_next(&slots, at), 0);
    sl_slots_free(&slots);
}

static void there_is_room_for_65535_and_no_more(void **state) {
    (void)state;
    int a;
    sl_slots slots = {.slots = NULL};
    uint32_t number = 0;
    for (int i = 0; i < 65535; i++)
        assert_int_not_equal(number = sl_slots_add(&slots, &a), 0);
    assert_int_equal(sl_slots_add(&slots, &a), 0);
    sl_slots_remove(&slots, number);
    assert_int_not_equal(sl_slots_add(&slots, &a), 0);
    assert_int_equal(sl_slots_add(&slots, &a), 0);
    sl_slots_free(&slots);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_finds_its_thing_until_it_is_removed),
        cmocka_unit_test(numbers_that_were_never_given_find_nothing),
        cmocka_unit_test(a_number_comes_again_only_after_65535_lives),
        cmocka_unit_test(the_place_that_is_free_longest_is_taken_first),
        cmocka_unit_test(all_are_found_in_the_order_of_their_places),
        cmocka_unit_test(there_is_room_for_65535_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
