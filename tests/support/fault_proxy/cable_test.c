/* One direction of a cable, in times that the test makes up: what sockets cannot show exactly. */
#include "cable.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

enum { MANY = 2000 };

static settings set(const char *const *pairs) {
    settings all = settings_default(true);
    char error[256];
    for (; *pairs != NULL; pairs += 2)
        if (!settings_set(&all, pairs[0], pairs[1], error, sizeof error))
            fail_msg("%s", error);
    return all;
}
#define SET(...) set((const char *const[]){__VA_ARGS__, NULL})

/* Puts `count` datagrams in, `every_ns` apart, and takes all out: their numbers in order. */
static size_t numbers_of(cable *c, size_t count, uint64_t every_ns, uint32_t *numbers, size_t most) {
    size_t came = 0;
    for (uint32_t i = 0; i < count; i++)
        cable_put(c, i * every_ns, 0, &i, sizeof i);
    parcel *p;
    while ((p = cable_take(c, UINT64_MAX)) != NULL) {
        assert_true(came < most);
        memcpy(&numbers[came++], p->data, sizeof *numbers);
        free(p);
    }
    return came;
}

static void parcels_arrive_by_time_and_then_as_they_came(void **state) {
    (void)state;
    schedule s = {.heap = NULL};
    for (uint32_t i = 0; i < MANY; i++)
        assert_true(schedule_add(&s, &(parcel){.due_ns = i * UINT64_C(7919) % 50, .size = sizeof i}, &i));
    uint64_t due_ns = 0, sequence = 0;
    for (int i = 0; i < MANY; i++) {
        parcel *p = schedule_take(&s);
        assert_true(p->due_ns > due_ns || (p->due_ns == due_ns && (i == 0 || p->sequence > sequence)));
        due_ns = p->due_ns;
        sequence = p->sequence;
        free(p);
    }
    assert_null(schedule_first(&s));
    assert_int_equal(s.bytes, 0);
    schedule_clear(&s);
}

/* Of one seed, those that a lower loss loses are lost with a higher one too; the directions lose others. */
static void a_higher_loss_loses_the_same_and_more(void **state) {
    (void)state;
    static uint32_t few[MANY], many[MANY], back[MANY];
    settings high = SET("seed", "7", "loss", "0.3"), low = SET("seed", "7", "loss", "0.1", "jitter-ms", "0");
    cable a, b, c;
    cable_init(&a, &high, UP);
    cable_init(&b, &low, UP);
    cable_init(&c, &high, DOWN);
    size_t fewer = numbers_of(&a, MANY, 1, few, MANY), more = numbers_of(&b, MANY, 1, many, MANY), at = 0;
    size_t backwards = numbers_of(&c, MANY, 1, back, MANY);
    assert_true(fewer < more);
    for (size_t i = 0; i < fewer; i++, at++) {
        while (at < more && many[at] != few[i])
            at++;
        assert_true(at < more);
    }
    assert_true(backwards != fewer || memcmp(few, back, fewer * sizeof *few) != 0);
    cable_free(&a);
    cable_free(&b);
    cable_free(&c);
}

static void one_held_back_is_overtaken_by_those_of_that_time(void **state) {
    (void)state;
    static uint32_t came[MANY];
    settings all = SET("reorder", "0.05", "reorder-ms", "10", "delay-ms", "3");
    cable c;
    cable_init(&c, &all, UP);
    assert_int_equal(numbers_of(&c, MANY, MS, came, MANY), MANY);
    uint64_t late = 0;
    for (size_t i = 0; i < MANY; i++) { /* who comes at the i-th place and has a lower number than one before */
        assert_true(came[i] <= i + 10 && i <= came[i] + 10);
        for (size_t k = i > 20 ? i - 20 : 0; k < i; k++)
            if (came[k] > came[i]) {
                late++;
                break;
            }
    }
    assert_in_range(late, c.counts.reordered - 3, c.counts.reordered); /* the last ones nobody overtakes */
    assert_in_range(c.counts.reordered, MANY / 40, MANY / 10);
    cable_free(&c);
}

static void each_departs_when_the_one_before_has_gone(void **state) {
    (void)state;
    settings all = SET("rate", "8k", "delay-ms", "5"); /* a byte takes a millisecond */
    cable c;
    cable_init(&c, &all, UP);
    assert_int_equal(cable_arrival(&c, 0, 100), 105 * MS);
    assert_int_equal(cable_arrival(&c, 20 * MS, 10), 115 * MS);
    assert_int_equal(cable_arrival(&c, 500 * MS, 10), 515 * MS);
    cable_free(&c);
}

static void what_finds_no_room_is_counted(void **state) {
    (void)state;
    static uint32_t came[MANY];
    settings all = SET("queue", "2k");
    cable c;
    cable_init(&c, &all, UP);
    size_t count = numbers_of(&c, MANY, 1, came, MANY);
    assert_int_equal(count, 2000 / (sizeof(parcel) + sizeof(uint32_t)));
    assert_int_equal(c.counts.overflowed, MANY - count);
    cable_free(&c);
}

static void silence_takes_what_is_on_its_way_too(void **state) {
    (void)state;
    settings all = SET("delay-ms", "5");
    cable c;
    cable_init(&c, &all, UP);
    cable_put(&c, 0, 0, "x", 1);
    all.silence = 1u << UP;
    assert_null(cable_take(&c, 5 * MS));
    cable_put(&c, 5 * MS, 0, "x", 1);
    assert_int_equal(c.counts.silenced, 2);
    all.silence = 1u << DOWN;
    cable_put(&c, 6 * MS, 0, "x", 1);
    assert_null(cable_take(&c, 11 * MS - 1));
    parcel *p = cable_take(&c, 11 * MS);
    assert_non_null(p);
    free(p);
    cable_free(&c);
}

static void what_is_no_value_changes_nothing(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"loss", "1.01"}, {"loss", "-0.1"}, {"loss", "nan"},    {"loss", " 0.1"},   {"loss", "0.1x"}, {"loss", ""},
        {"rate", "10m"},  {"rate", "1MM"},  {"rate", "k"},      {"rate", "5T"},     {"queue", "1k"},  {"queue", "2G"},
        {"seed", "-1"},   {"seed", "1.5"},  {"silence", "yes"}, {"delay-ms", "1h"}, {"delay", "1"},   {"", "1"},
    };
    settings before = settings_default(true), after = before;
    char error[256];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(settings_set(&after, wrong[i][0], wrong[i][1], error, sizeof error));
        assert_memory_equal(error, wrong[i][0], strlen(wrong[i][0]));
        assert_null(strchr(error, '\n'));
    }
    assert_false(settings_set(&after, "loss", NULL, error, sizeof error));
    assert_memory_equal(&before, &after, sizeof before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parcels_arrive_by_time_and_then_as_they_came),
        cmocka_unit_test(a_higher_loss_loses_the_same_and_more),
        cmocka_unit_test(one_held_back_is_overtaken_by_those_of_that_time),
        cmocka_unit_test(each_departs_when_the_one_before_has_gone),
        cmocka_unit_test(what_finds_no_room_is_counted),
        cmocka_unit_test(silence_takes_what_is_on_its_way_too),
        cmocka_unit_test(what_is_no_value_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
