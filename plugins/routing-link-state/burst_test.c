/* Packages through networks in which several things happen within some milliseconds, over links so short that a package
 * that circles uses its hops up in one: a junction that dies, whose neighbours notice one after another, and links that fall
 * or return together. SLOW_SEED begins the seeds elsewhere. */
#include "tests/support/ls_network.h"
#include "tests/support/strategy_suite.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

enum { SIDE = 4, BURSTS = 60 };
#define LATENCY_US 20u
#define SPAN_NS (6 * SL_MS) /* within which the things of one burst happen */

static uint32_t pick(struct network *net, uint32_t below) {
    return (uint32_t)(sl_world_random(net->bench->world) % below);
}

static void begin(struct network *net, topology *graph, uint64_t seed) {
    if (seed % 2 == 1)
        topology_grid(graph, SIDE, SIDE);
    else
        topology_random(graph, SIDE * SIDE, 3, seed);
    for (uint32_t edge = 0; edge < graph->edge_count; edge++)
        graph->edges[edge].latency_us = LATENCY_US;
    network_init(net, seed, graph, NULL);
    routing_bench_join_all(net->bench);
    routing_bench_run(net->bench, 5 * SL_SECOND);
}

static void finish(struct network *net, topology *graph, const char *what) {
    struct ls_packages packages = ls_network_packages(net);
    print_message("%s, seed %" PRIu64 ": loops closed %" PRIu64 "; of %" PRIu64 " packages %" PRIu64
                  " arrived, %" PRIu64 " turned back, %" PRIu64 " passed a place a third time, %" PRIu64
                  " ran out of hops\n",
                  what, net->bench->seed, net->loops, packages.sent, packages.arrived, packages.turned, packages.looped,
                  packages.spent);
    assert_true(packages.arrived > packages.sent / 2);
    assert_int_equal(packages.spent, 0);
    network_free(net);
    topology_free(graph);
}

static void mend(struct network *net, slow_time pause_ns) {
    ls_network_send(net, 30 * SL_MS);
    routing_bench_run(net->bench, pause_ns);
    routing_bench_join_all(net->bench);
    ls_network_send(net, 100 * SL_MS);
    routing_bench_run(net->bench, pause_ns);
}

/* All its neighbours say so, each when it has noticed. */
static void no_package_circles_when_a_junction_dies(void **state) {
    struct network net;
    topology graph;
    (void)state;
    begin(&net, &graph, suite_first_seed());
    for (uint32_t i = 0; i < BURSTS; i++) {
        uint32_t victim = pick(&net, SIDE * SIDE);
        routing_bench_kill(net.bench, victim, SPAN_NS);
        ls_network_send(&net, 30 * SL_MS);
        routing_bench_run(net.bench, 2 * SL_SECOND);
        network_start(&net, victim, victim, false);
        mend(&net, 2 * SL_SECOND);
    }
    finish(&net, &graph, "deaths");
}

static void links_fall(struct network *net, uint32_t count) {
    for (uint32_t k = 0; k < count; k++) {
        routing_bench_cut(net->bench, pick(net, net->bench->edge_count), SL_MS);
        ls_network_send(net, SL_MS);
        routing_bench_run(net->bench, pick(net, SPAN_NS / 2));
    }
}

static void no_package_circles_when_links_fall_together(void **state) {
    struct network net;
    topology graph;
    (void)state;
    begin(&net, &graph, suite_first_seed());
    for (uint32_t i = 0; i < BURSTS; i++) {
        links_fall(&net, 2 + i % 3);
        mend(&net, 2 * SL_SECOND);
    }
    finish(&net, &graph, "cuts");
}

/* One that has just spoken has news again. */
static void no_package_circles_when_a_junction_loses_its_links_one_by_one(void **state) {
    struct network net;
    topology graph;
    (void)state;
    begin(&net, &graph, suite_first_seed());
    for (uint32_t i = 0; i < BURSTS; i++) {
        const bench_node *node = &net.bench->nodes[pick(&net, SIDE * SIDE)];
        for (uint32_t k = 0; k + 1 < node->edge_count; k++) {
            routing_bench_cut(net.bench, node->edges[k], 50 * SL_MS);
            ls_network_send(&net, SL_MS * (1 + pick(&net, 10)));
        }
        mend(&net, 2 * SL_SECOND);
    }
    finish(&net, &graph, "one by one");
}

/* Who notices that a link has become dearer must not act on it before it says so. */
static void no_package_circles_when_links_become_dearer(void **state) {
    struct network net;
    topology graph;
    (void)state;
    begin(&net, &graph, suite_first_seed());
    for (uint32_t i = 0; i < BURSTS; i++) {
        uint32_t edge = pick(&net, net.bench->edge_count);
        int end = (int)pick(&net, 2);
        routing_bench_cost(net.bench, edge, end, 300);
        ls_network_send(&net, SL_MS * (1 + pick(&net, 10)));
        routing_bench_cost(net.bench, edge, !end, 300);
        ls_network_send(&net, 100 * SL_MS);
        for (end = 0; end < 2; end++)
            routing_bench_cost(net.bench, edge, end, 10);
        mend(&net, 2 * SL_SECOND);
    }
    finish(&net, &graph, "dearer");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_package_circles_when_a_junction_dies),
        cmocka_unit_test(no_package_circles_when_links_fall_together),
        cmocka_unit_test(no_package_circles_when_a_junction_loses_its_links_one_by_one),
        cmocka_unit_test(no_package_circles_when_links_become_dearer),
    };
    if (getenv("SLOW_TEST") != NULL) /* one test alone, by name or pattern */
        cmocka_set_test_filter(getenv("SLOW_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
