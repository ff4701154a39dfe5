/* Networks of link states through everything that happens to networks: the checks of ls_network.h on made graphs and on
 * real ones, and the same checks with one rule broken, when they have to fail. SLOW_SEED begins the seeds elsewhere,
 * SLOW_LONG adds larger networks. */
#include "tests/support/ls_network.h"
#include "tests/support/strategy_suite.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* News travels ahead of the packages that go by it: each passes a place at most twice, once by the old routes and once by
 * the new ones, whatever is installed at one moment. */
static void no_package_loops_when_a_link_falls_or_returns(void **state) {
    static const char *const names[] = {"zoo-abilene", "zoo-arpanet1972", "zoo-geant2012", "sndlib-germany50"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        topology graph;
        struct network net;
        topology_load(&graph, names[i]);
        network_init(&net, suite_first_seed(), &graph, NULL);
        suite_cold_start(&net, NULL);
        for (uint32_t edge = 0; edge < graph.edge_count; edge += 1 + graph.edge_count / 40) {
            ls_network_send(&net, 5 * SL_MS);
            routing_bench_cut(net.bench, edge, 0);
            ls_network_send(&net, 40 * SL_MS);
            routing_bench_run(net.bench, SL_SECOND);
            ls_network_send(&net, 5 * SL_MS);
            routing_bench_join(net.bench, edge);
            ls_network_send(&net, 40 * SL_MS);
            routing_bench_run(net.bench, SL_SECOND);
        }
        struct ls_packages packages = ls_network_packages(&net);
        print_message("%s, seed %" PRIu64 ": loops closed %" PRIu64 "; of %" PRIu64 " packages %" PRIu64
                      " arrived, %" PRIu64 " turned back, %" PRIu64 " looped\n",
                      graph.name, net.bench->seed, net.loops, packages.sent, packages.arrived, packages.turned,
                      packages.looped);
        assert_int_equal(packages.looped, 0);
        assert_int_equal(net.loops, 0);
        assert_true(packages.arrived > packages.sent / 2);
        network_free(&net);
        topology_free(&graph);
    }
}

/* Larger ones, where every pair of all is followed at every change: for long runs. */
static void large_networks_hold(void **state) {
    static const char *const names[] = {"rocketfuel-1221", "zoo-uscarrier", "rocketfuel-1239"};
    (void)state;
    if (getenv("SLOW_LONG") == NULL)
        skip();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        real_network_holds(names[i], 1);
}

/* ---- names, time, silence ---- */

/* Each outbids the other three times, says so in the log, and stops; what does not lie between the two and the rest is not
 * harmed. When one has gone, the other is there again. */
static void two_with_one_id_stop_and_say_so(void **state) {
    enum { ONE = 0, OTHER = 19 };
    topology graph;
    struct network net;
    (void)state;
    topology_grid(&graph, 5, 4);
    network_init(&net, suite_first_seed(), &graph, NULL);
    suite_cold_start(&net, NULL);
    routing_bench_kill(net.bench, ONE, SUITE_SKEW_NS);
    network_expect(&net);
    network_settle(&net);
    network_start(&net, ONE, OTHER, false);
    routing_bench_join_all(net.bench);
    uint64_t said = net.entries;
    routing_bench_run(net.bench, 590 * SL_SECOND);
    assert_in_range(net.entries - said, 1, 40u * graph.edge_count);
    const bench_node *twins[] = {&net.bench->nodes[ONE], &net.bench->nodes[OTHER]};
    const bench_node *loud = twins[twins[0]->log_count == 0];
    assert_true(loud->log_count > 0);
    assert_non_null(strstr(loud->last_log, "another junction calls itself n19"));
    net.mute = loud->place;
    network_expect(&net);
    network_verify(&net, ONE, OTHER);
    network_assert_held(&net, "two with one id");
    routing_bench_kill(net.bench, loud->place == ONE ? OTHER : ONE, SUITE_SKEW_NS);
    routing_bench_run(net.bench, 700 * SL_SECOND);
    net.mute = UINT32_MAX;
    for (uint32_t place = 1; place < OTHER; place++) /* where it stands it may be called as the place of another */
        assert_true(net.bench->nodes[place].offers[OTHER].count > 0);
    network_expect(&net);
    network_settle(&net);
    network_verify(&net, loud->place, SUITE_NOBODY);
    network_assert_held(&net, "one of two with one id has gone");
    network_free(&net);
    topology_free(&graph);
}

/* They are remembered for ten minutes, and two of them do not keep them alive between them. */
static void the_dead_are_forgotten(void **state) {
    topology graph;
    struct network net;
    (void)state;
    topology_random(&graph, 20, 4, suite_first_seed());
    network_init(&net, suite_first_seed(), &graph, NULL);
    suite_cold_start(&net, NULL);
    routing_bench_kill(net.bench, 7, SUITE_SKEW_NS);
    routing_bench_run(net.bench, 600 * SL_SECOND);
    for (uint32_t place = 0; place < 20; place++)
        if (place != 7)
            assert_int_equal(network_inspect(&net.bench->nodes[0])->origins(net.bench->nodes[place].self), 20);
    for (int i = 0; i < 200; i++) { /* databases meet again and again, while some have forgotten and some have not */
        uint32_t edge = suite_pick(&net, graph.edge_count);
        routing_bench_cut(net.bench, edge, SUITE_SKEW_NS);
        routing_bench_run(net.bench, 800 * SL_MS);
        routing_bench_join(net.bench, edge);
        routing_bench_run(net.bench, 800 * SL_MS);
    }
    for (uint32_t place = 0; place < 20; place++)
        if (place != 7) {
            assert_int_equal(network_inspect(&net.bench->nodes[0])->origins(net.bench->nodes[place].self), 19);
            assert_int_equal(network_routing_inspect(&net.bench->nodes[0])->destinations(net.bench->nodes[place].self),
                             19);
        }
    network_start(&net, 7, 7, false);
    struct suite_moment begin = suite_before(&net);
    routing_bench_join_all(net.bench);
    suite_event(&net, begin, NULL, "a return after an hour");
    network_free(&net);
    topology_free(&graph);
}

/* More neighbours than one LSA has room for: fragments, of which one change touches one. */
static void a_hub_speaks_in_fragments(void **state) {
    enum { LEAVES = 300 };
    topology graph;
    struct network net;
    (void)state;
    topology_star(&graph, LEAVES);
    network_init(&net, suite_first_seed(), &graph, NULL);
    suite_cold_start(&net, NULL);
    uint64_t said = net.entries;
    routing_bench_cut(net.bench, 150, 0);
    network_expect(&net);
    network_settle(&net);
    network_verify(&net, SUITE_NOBODY, SUITE_NOBODY);
    network_assert_held(&net, "a leaf fell");
    assert_int_equal(net.entries - said, LEAVES - 1);
    struct suite_moment begin = suite_before(&net);
    routing_bench_join(net.bench, 150);
    suite_event(&net, begin, NULL, "a leaf came back");
    routing_bench_kill(net.bench, 0, 0);
    network_expect(&net);
    network_settle(&net);
    network_verify(&net, SUITE_NOBODY, SUITE_NOBODY);
    network_start(&net, 0, 0, true);
    begin = suite_before(&net);
    routing_bench_join_all(net.bench);
    suite_event(&net, begin, NULL, "the hub came back with its clock gone back");
    network_free(&net);
    topology_free(&graph);
}

/* Who flaps is heard at most about once a second, and the others are not delayed by it. */
static void a_flapping_link_is_held_down(void **state) {
    topology graph;
    struct network net;
    (void)state;
    topology_grid(&graph, 5, 5);
    network_init(&net, suite_first_seed(), &graph, NULL);
    suite_cold_start(&net, NULL);
    uint64_t said = net.entries;
    for (int i = 0; i < 600; i++) { /* for a minute */
        routing_bench_cut(net.bench, 7, 0);
        routing_bench_run(net.bench, 50 * SL_MS);
        routing_bench_join(net.bench, 7);
        routing_bench_run(net.bench, 50 * SL_MS);
    }
    /* two ends, a hundred originations each, over 40 links either way, and the exchanges over the link itself */
    assert_in_range(net.entries - said, 1, 2 * 100 * 80);
    struct suite_moment begin = suite_before(&net);
    struct suite_figures cut = {.kind = "a cut beside a flapping link"};
    routing_bench_cut(net.bench, 30, 0);
    suite_event(&net, begin, &cut, "a flapping link");
    assert_in_range(cut.full_ms[0], 0, 60);
    network_free(&net);
    topology_free(&graph);
}

/* ---- controls: each rule that is broken must be noticed ---- */

/* Only who has taken its name back from its former self can say that something costs another amount. */
static void return_and_swing(struct network *net) {
    uint32_t victim = suite_pick(net, net->bench->node_count);
    suite_kill_and_return(net, victim, true);
    const bench_node *node = &net->bench->nodes[victim];
    struct suite_moment begin = suite_before(net);
    for (uint32_t i = 0; i < node->edge_count; i++) {
        const bench_edge *edge = &net->bench->edges[node->edges[i]];
        int end = edge->place[1] == victim;
        routing_bench_cost(net->bench, node->edges[i], end, edge->cost[end] % 500 + 10);
    }
    suite_event(net, begin, NULL, "other costs after a return");
}

static void control(const char *rule) {
    static const suite_deed deeds[] = {suite_cut_any, return_and_swing};
    strategy_control(rule, deeds, 2);
}

static void with_no_rule_broken_the_controls_hold(void **state) {
    (void)state;
    control("none");
}

static void with_one_sided_links_it_fails(void **state) {
    (void)state;
    control("one-sided-links");
}

static void with_stale_lsas_it_fails(void **state) {
    (void)state;
    control("stale-lsa");
}

static void with_decreases_skipped_it_fails(void **state) {
    (void)state;
    control("skip-decrease");
}

static void without_the_inequality_it_fails(void **state) {
    (void)state;
    control("no-inequality");
}

static void without_the_exchange_it_fails(void **state) {
    (void)state;
    control("no-exchange");
}

static void without_taking_over_it_fails(void **state) {
    (void)state;
    control("no-take-over");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STRATEGY_SUITE,
        cmocka_unit_test(no_package_loops_when_a_link_falls_or_returns),
        cmocka_unit_test(large_networks_hold),
        cmocka_unit_test(two_with_one_id_stop_and_say_so),
        cmocka_unit_test(the_dead_are_forgotten),
        cmocka_unit_test(a_hub_speaks_in_fragments),
        cmocka_unit_test(a_flapping_link_is_held_down),
        cmocka_unit_test(with_no_rule_broken_the_controls_hold),
        cmocka_unit_test(with_one_sided_links_it_fails),
        cmocka_unit_test(with_stale_lsas_it_fails),
        cmocka_unit_test(with_decreases_skipped_it_fails),
        cmocka_unit_test(without_the_inequality_it_fails),
        cmocka_unit_test(without_the_exchange_it_fails),
        cmocka_unit_test(without_taking_over_it_fails),
    };
    if (getenv("SLOW_TEST") != NULL) /* one test alone, by name or pattern */
        cmocka_set_test_filter(getenv("SLOW_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
