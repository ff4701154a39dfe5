/* Networks of distance vectors through everything that happens to networks: the checks of dv_network.h on made graphs
 * and on real ones, and the same checks with one rule broken, when they have to fail. SLOW_SEED begins the seeds
 * elsewhere. */
#include "tests/support/dv_network.h"
#include "tests/support/strategy_suite.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- names, time, silence ---- */

/* Rule 10: each outbids the other three times, says so in the log, and stops; all others are not harmed. */
static void two_with_one_id_stop_and_say_so(void **state) {
    topology graph;
    struct network net;
    (void)state;
    topology_random(&graph, 20, 4, suite_first_seed());
    network_init(&net, suite_first_seed(), &graph, NULL);
    suite_cold_start(&net, NULL);
    routing_bench_kill(net.bench, 5, SUITE_SKEW_NS);
    network_settle(&net);
    network_start(&net, 5, 9, false);
    routing_bench_join_all(net.bench);
    routing_bench_run(net.bench, 600 * SL_SECOND);
    network_settle(&net);
    network_verify(&net, 5, 9);
    network_assert_held(&net, "two with one id");
    const bench_node *twins[] = {&net.bench->nodes[5], &net.bench->nodes[9]};
    const bench_node *loud = twins[twins[0]->log_count == 0];
    assert_true(loud->log_count > 0);
    assert_non_null(strstr(loud->last_log, "another junction calls itself n9"));
    network_free(&net);
    topology_free(&graph);
}

/* The one that was there first has stopped by then, and nobody shows it the other's epoch again. */
static void one_of_two_with_one_id_dies_and_the_other_is_reached(void **state) {
    topology graph;
    struct network net;
    (void)state;
    topology_random(&graph, 20, 4, suite_first_seed());
    network_init(&net, suite_first_seed(), &graph, NULL);
    suite_cold_start(&net, NULL);
    routing_bench_kill(net.bench, 5, SUITE_SKEW_NS);
    network_settle(&net);
    network_start(&net, 5, 9, false);
    routing_bench_join_all(net.bench);
    routing_bench_run(net.bench, 60 * SL_SECOND);
    assert_true(net.bench->nodes[9].log_count > 0);
    routing_bench_kill(net.bench, 5, SUITE_SKEW_NS);
    routing_bench_run(net.bench, 600 * SL_SECOND);
    network_settle(&net);
    network_verify(&net, UINT32_MAX, UINT32_MAX);
    network_assert_held(&net, "one of two with one id died");
    network_free(&net);
    topology_free(&graph);
}

/* FD is kept at least ten minutes, and then the destination goes, with the handles that neighbours had of it. */
static void the_dead_are_forgotten(void **state) {
    topology graph;
    struct network net;
    (void)state;
    topology_random(&graph, 20, 4, suite_first_seed());
    network_init(&net, suite_first_seed(), &graph, NULL);
    suite_cold_start(&net, NULL);
    routing_bench_kill(net.bench, 7, SUITE_SKEW_NS);
    routing_bench_run(net.bench, 590 * SL_SECOND);
    for (uint32_t place = 0; place < 20; place++)
        if (place != 7)
            assert_int_equal(network_inspect(&net.bench->nodes[0])->destinations(net.bench->nodes[place].self), 20);
    routing_bench_run(net.bench, 3600 * SL_SECOND);
    for (uint32_t place = 0; place < 20; place++)
        if (place != 7)
            assert_int_equal(network_inspect(&net.bench->nodes[0])->destinations(net.bench->nodes[place].self), 19);
    network_start(&net, 7, 7, false);
    struct suite_moment begin = suite_before(&net);
    routing_bench_join_all(net.bench);
    suite_event(&net, begin, NULL, "a return after an hour");
    network_free(&net);
    topology_free(&graph);
}

/* ---- controls: each rule that is broken must be noticed ---- */

static void control(const char *rule) {
    static const suite_deed deeds[] = {suite_cut_any};
    strategy_control(rule, deeds, 1);
}

static void with_no_rule_broken_the_controls_hold(void **state) {
    (void)state;
    control("none");
}

static void without_feasibility_it_fails(void **state) {
    (void)state;
    control("no-feasibility");
}

static void with_fd_lowered_late_it_fails(void **state) {
    (void)state;
    control("late-fd");
}

static void without_refiltering_it_fails(void **state) {
    (void)state;
    control("no-refilter");
}

static void with_what_was_told_forgotten_it_fails(void **state) {
    (void)state;
    control("lost-memory");
}

static void with_foreign_sequence_numbers_it_fails(void **state) {
    (void)state;
    control("foreign-bump");
}

static void with_requests_swallowed_it_fails(void **state) {
    (void)state;
    control("swallow-requests");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STRATEGY_SUITE,
        cmocka_unit_test(two_with_one_id_stop_and_say_so),
        cmocka_unit_test(one_of_two_with_one_id_dies_and_the_other_is_reached),
        cmocka_unit_test(the_dead_are_forgotten),
        cmocka_unit_test(with_no_rule_broken_the_controls_hold),
        cmocka_unit_test(without_feasibility_it_fails),
        cmocka_unit_test(with_fd_lowered_late_it_fails),
        cmocka_unit_test(without_refiltering_it_fails),
        cmocka_unit_test(with_what_was_told_forgotten_it_fails),
        cmocka_unit_test(with_foreign_sequence_numbers_it_fails),
        cmocka_unit_test(with_requests_swallowed_it_fails),
    };
    if (getenv("SLOW_TEST") != NULL) /* one test alone, by name or pattern */
        cmocka_set_test_filter(getenv("SLOW_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
