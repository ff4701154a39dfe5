/* Which key spoke for an id: the last one counts, and there is an end to what is remembered. */
#include "proven.h"
#include "id.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Many ids share a hash. */
static uint32_t hash_of(uint32_t number) {
    return number / 3 * 2654435761u;
}

static sl_member member_of(uint32_t number, uint8_t key, uint64_t until) {
    sl_member member = {.key = {.bytes = {key}}, .until = until};
    member.id.size = (uint8_t)snprintf(member.id.text, sizeof member.id.text, "n%u", (unsigned)number);
    return member;
}

static int key_of(const sl_proven *proven, uint32_t number) {
    slow_id id = member_of(number, 0, 0).id;
    const sl_key *key = sl_proven_key(proven, hash_of(number), &id);
    return key != NULL ? key->bytes[0] : -1;
}

static bool note(sl_proven *proven, uint32_t number, uint8_t key, uint64_t until, uint64_t now_s) {
    sl_member member = member_of(number, key, until);
    return sl_proven_note(proven, hash_of(number), &member, now_s);
}

static void the_last_key_counts(void **state) {
    sl_proven proven = {.entries = NULL};
    (void)state;
    assert_int_equal(key_of(&proven, 1), -1);
    for (uint32_t i = 0; i < 1000; i++)
        assert_true(note(&proven, i, (uint8_t)i, 9, 1));
    assert_true(note(&proven, 500, 77, 9, 1));
    assert_int_equal(proven.count, 1000);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(key_of(&proven, i), i == 500 ? 77 : (uint8_t)i);
    assert_int_equal(key_of(&proven, 1000), -1);
    sl_proven_free(&proven);
}

static void when_it_is_full_those_whose_time_is_over_give_way(void **state) {
    sl_proven proven = {.entries = NULL};
    (void)state;
    for (uint32_t i = 0; i < SL_PROVEN_MAX; i++)
        assert_true(note(&proven, i, 1, i % 4 == 0 ? 10 : 20, 1));
    assert_false(note(&proven, SL_PROVEN_MAX, 1, 20, 10));
    assert_true(note(&proven, 1, 2, 20, 10)); /* who has a place keeps it */
    assert_true(note(&proven, SL_PROVEN_MAX, 1, 20, 11));
    assert_int_equal(proven.count, SL_PROVEN_MAX / 4 * 3 + 1);
    for (uint32_t i = 0; i <= SL_PROVEN_MAX; i++)
        assert_int_equal(key_of(&proven, i), i == SL_PROVEN_MAX ? 1 : i % 4 == 0 ? -1 : i == 1 ? 2 : 1);
    sl_proven_free(&proven);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_key_counts),
        cmocka_unit_test(when_it_is_full_those_whose_time_is_over_give_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
