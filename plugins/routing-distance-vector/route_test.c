/* One distance vector among puppets: which routes it has, and what it tells of them (rules 1 to 6, 9 and 11). */
#include "tests/support/dv_puppets.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- rules 1 to 4: routes */

static void an_offer_becomes_a_route_and_is_told_to_all_but_its_source(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    CANDIDATES(&t, FAR_ONE, {1, 100 + COST});
    assert_int_equal(t.ears[1].count[FAR_ONE], 0);
    for (uint32_t puppet = 2; puppet <= PUPPETS; puppet++)
        assert_told(&t, puppet, FAR_ONE, 1, 100 + COST);
    table_free(&t);
}

static void a_new_next_hop_is_told_infinity(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    say(&t, 2, FAR_ONE, EPOCH, 1, 20);
    run(&t, SL_SECOND);
    assert_told(&t, 2, FAR_ONE, 1, INF);
    assert_told(&t, 1, FAR_ONE, 1, 20 + COST);
    table_free(&t);
}

static void only_what_is_nearer_than_we_ever_said_is_a_candidate(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    say(&t, 2, FAR_ONE, EPOCH, 1, 150); /* just what we said: it may go through us */
    CANDIDATES(&t, FAR_ONE, {1, 150});
    say(&t, 2, FAR_ONE, EPOCH, 1, 149);
    CANDIDATES(&t, FAR_ONE, {1, 150}, {2, 199});
    say(&t, 2, FAR_ONE, EPOCH, 2, 5000); /* a newer sequence number is nearer, whatever its metric */
    CANDIDATES(&t, FAR_ONE, {1, 150}, {2, 5050});
    say(&t, 2, FAR_ONE, EPOCH, 0, 1); /* an older one never */
    CANDIDATES(&t, FAR_ONE, {1, 150});
    table_free(&t);
}

static void candidates_are_filtered_again_when_the_feasibility_distance_falls(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    say(&t, 2, FAR_ONE, EPOCH, 1, 140);
    CANDIDATES(&t, FAR_ONE, {1, 150}, {2, 190});
    say(&t, 1, FAR_ONE, EPOCH, 1, 20);
    run(&t, SL_SECOND);
    CANDIDATES(&t, FAR_ONE, {1, 70});
    table_free(&t);
}

static void the_newest_epoch_is_selected_at_any_metric(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 900, 10);
    run(&t, SL_SECOND);
    say(&t, 2, FAR_ONE, EPOCH + 1, 1, 40000);
    run(&t, SL_SECOND);
    CANDIDATES(&t, FAR_ONE, {2, 40000 + COST});
    assert_told(&t, 3, FAR_ONE, 1, 40000 + COST);
    assert_true(t.ears[3].word[FAR_ONE].stamp.epoch == EPOCH + 1);
    table_free(&t);
}

static void the_present_next_hop_wins_a_tie(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 2, FAR_ONE, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    CANDIDATES(&t, FAR_ONE, {2, 150}, {1, 150});
    table_free(&t);
}

static void a_metric_that_would_overflow_is_no_route(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, INF - COST);
    assert_int_equal(self(&t)->offers[FAR_ONE].count, 0);
    say(&t, 1, FAR_ONE, EPOCH, 1, INF - COST - 1);
    CANDIDATES(&t, FAR_ONE, {1, INF - 1});
    table_free(&t);
}

static void another_cost_changes_the_metric(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    say(&t, 2, FAR_ONE, EPOCH, 1, 110);
    routing_bench_cost(t.bench, 0, 0, 500);
    run(&t, SL_SECOND);
    CANDIDATES(&t, FAR_ONE, {2, 160}, {1, 600});
    table_free(&t);
}

/* ---- rules 5, 6 and 9: when it is told */

static void a_lost_route_is_told_at_once(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    routing_bench_cut(t.bench, 0, 0);
    run(&t, 5 * SL_MS); /* the latency of an edge */
    assert_told(&t, 2, FAR_ONE, 1, INF);
    table_free(&t);
}

static void a_storm_of_changes_is_told_in_batches(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    for (uint32_t i = 0; i < 100; i++) {
        say(&t, 1, FAR_ONE, EPOCH, 1, 1000 - i);
        run(&t, SL_MS);
    }
    run(&t, SL_SECOND);
    assert_told(&t, 2, FAR_ONE, 1, 901 + COST);
    assert_in_range(t.ears[2].messages, 5, 10); /* at 0, 5, 15, 35, 55, 75, 95 ms */
    table_free(&t);
}

static void a_newer_sequence_number_alone_is_told_to_nobody(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    say(&t, 3, FAR_ONE, EPOCH, 1, 120);
    say(&t, 1, FAR_ONE, EPOCH, 2, 100);
    run(&t, 60 * SL_SECOND);
    CANDIDATES(&t, FAR_ONE, {1, 150}, {3, 170}); /* and so the alternate stays feasible */
    assert_told(&t, 2, FAR_ONE, 1, 150);
    say(&t, 1, FAR_ONE, EPOCH, 2, 110);
    run(&t, SL_SECOND);
    assert_told(&t, 2, FAR_ONE, 2, 160); /* with a metric it goes along */
    table_free(&t);
}

static void a_newer_epoch_alone_is_told_to_all(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 7, 100);
    run(&t, SL_SECOND);
    say(&t, 1, FAR_ONE, EPOCH + 1, 1, 100);
    run(&t, 30 * SL_MS);
    for (uint32_t puppet = 2; puppet <= PUPPETS; puppet++) {
        assert_told(&t, puppet, FAR_ONE, 1, 150);
        assert_true(t.ears[puppet].word[FAR_ONE].stamp.epoch == EPOCH + 1);
    }
    table_free(&t);
}

static void a_route_found_again_is_told_at_once_to_those_without(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    say(&t, 4, FAR_ONE, EPOCH, 1, 5000);
    run(&t, SL_SECOND);
    say(&t, 1, FAR_ONE, EPOCH, 1, INF);
    say(&t, 4, 10, EPOCH, 1, 20); /* something else, that begins a batch and holds the next one back */
    say(&t, 1, FAR_ONE, EPOCH, 2, 200);
    run(&t, 5 * SL_MS); /* the latency of an edge */
    assert_told(&t, 2, FAR_ONE, 2, 250);
    table_free(&t);
}

static void a_destination_is_introduced_once_an_epoch(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    for (uint32_t i = 0; i < 10; i++) {
        say(&t, 1, FAR_ONE, EPOCH, 1, 100 + i);
        run(&t, SL_SECOND);
    }
    assert_int_equal(t.ears[2].count[FAR_ONE], 10);
    assert_int_equal(t.ears[2].origins[FAR_ONE], 1);
    say(&t, 1, FAR_ONE, EPOCH + 5, 1, 100);
    run(&t, SL_SECOND);
    assert_int_equal(t.ears[2].origins[FAR_ONE], 2);
    table_free(&t);
}

static void a_new_neighbour_is_told_everything(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    routing_bench_cut(t.bench, 3, 0);
    run(&t, SL_SECOND);
    for (uint32_t name = 5; name < NAMES; name++)
        say(&t, 1, name, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    assert_int_equal(t.ears[4].count[FAR_ONE], 0);
    routing_bench_join(t.bench, 3);
    run(&t, SL_SECOND);
    for (uint32_t name = 5; name < NAMES; name++)
        assert_told(&t, 4, name, 1, 150);
    assert_told(&t, 4, 0, 1, 0);
    table_free(&t);
}

/* ---- what it costs */

static void a_destination_costs_little_memory(void **state) {
    enum { MANY = 10000 };
    struct table t;
    struct sentence s;
    (void)state;
    table_init(&t, NULL);
    size_t empty = inspect(&t)->memory(self(&t)->self);
    for (uint32_t puppet = 1; puppet <= PUPPETS; puppet++)
        for (uint32_t name = 100; name < 100 + MANY;) {
            sentence_begin(&s);
            for (uint32_t i = 0; i < 25; i++, name++) {
                slow_id id = routing_bench_id(name);
                sentence_add(&s, origin_of(&id, name, EPOCH, 1, 100 * puppet));
            }
            assert_int_equal(sentence_say(&t, puppet, &s), SLOW_OK);
        }
    size_t each = (inspect(&t)->memory(self(&t)->self) - empty) / MANY;
    print_message("%zu bytes a destination, at degree %d\n", each, PUPPETS);
    assert_int_equal(inspect(&t)->routes(self(&t)->self), MANY);
    assert_in_range(each, 1, 170);
    table_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_becomes_a_route_and_is_told_to_all_but_its_source),
        cmocka_unit_test(a_new_next_hop_is_told_infinity),
        cmocka_unit_test(only_what_is_nearer_than_we_ever_said_is_a_candidate),
        cmocka_unit_test(candidates_are_filtered_again_when_the_feasibility_distance_falls),
        cmocka_unit_test(the_newest_epoch_is_selected_at_any_metric),
        cmocka_unit_test(the_present_next_hop_wins_a_tie),
        cmocka_unit_test(a_metric_that_would_overflow_is_no_route),
        cmocka_unit_test(another_cost_changes_the_metric),
        cmocka_unit_test(a_lost_route_is_told_at_once),
        cmocka_unit_test(a_storm_of_changes_is_told_in_batches),
        cmocka_unit_test(a_newer_sequence_number_alone_is_told_to_nobody),
        cmocka_unit_test(a_newer_epoch_alone_is_told_to_all),
        cmocka_unit_test(a_route_found_again_is_told_at_once_to_those_without),
        cmocka_unit_test(a_destination_is_introduced_once_an_epoch),
        cmocka_unit_test(a_new_neighbour_is_told_everything),
        cmocka_unit_test(a_destination_costs_little_memory),
    };
    if (getenv("SLOW_TEST") != NULL)
        cmocka_set_test_filter(getenv("SLOW_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
