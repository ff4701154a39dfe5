/* The template, built by its own CMakeLists.txt and loaded as any plugin: what a newcomer copies has to work. */
#include "core/module.h"
#include "tests/support/routing_bench.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const slow_plugin *template(void) {
    char directory[512];
    const slow_plugin *plugin = NULL;
    slow_error error;
    const char *build = getenv("SLOW_BUILD");
    snprintf(directory, sizeof directory, "%s/tests/modules", build != NULL ? build : ".");
    const char *const directories[] = {directory, NULL};
    if (sl_module_find(directories, "routing-template", SLOW_ROUTING, &plugin, &error) != SLOW_OK)
        fail_msg("%s: %s", error.where, error.text);
    return plugin;
}

static routing_bench *started(const topology *graph, const char *options) {
    routing_bench *bench = routing_bench_new(1, graph, template(), options);
    for (uint32_t place = 0; place < graph->node_count; place++)
        routing_bench_start(bench, place, place, 1);
    routing_bench_join_all(bench);
    return bench;
}

/* Hops from everyone to `target`, over the edges that are up; UINT32_MAX = not connected. */
static void distances(const routing_bench *bench, uint32_t target, uint32_t *hops) {
    for (uint32_t place = 0; place < bench->node_count; place++)
        hops[place] = place == target ? 0 : UINT32_MAX;
    for (uint32_t round = 0; round < bench->node_count; round++)
        for (uint32_t i = 0; i < bench->edge_count; i++)
            for (int end = 0; end < 2; end++) {
                uint32_t near = hops[bench->edges[i].place[end]], *far = &hops[bench->edges[i].place[!end]];
                if (bench->edges[i].up != 0 && near != UINT32_MAX && near + 1 < *far)
                    *far = near + 1;
            }
}

static void assert_fewest_hops(const routing_bench *bench, uint32_t max_hops, const char *after) {
    uint32_t *hops = calloc(bench->node_count, sizeof *hops);
    assert_non_null(hops);
    for (uint32_t target = 0; target < bench->node_count; target++) {
        distances(bench, target, hops);
        for (uint32_t place = 0; place < bench->node_count; place++) {
            const bench_offer *offer = &bench->nodes[place].offers[target];
            uint32_t found = offer->count == 0 ? UINT32_MAX : offer->metric[0];
            uint32_t expected = hops[place] > max_hops ? UINT32_MAX : hops[place];
            if (place != target && bench->nodes[place].instance != NULL && found != expected)
                fail_msg("after %s: n%u is %u hops from n%u, and not %u", after, place, found, target, expected);
        }
    }
    free(hops);
}

static void it_finds_the_fewest_hops_through_cuts_and_deaths(void **state) {
    topology graph;
    (void)state;
    topology_grid(&graph, 4, 4);
    routing_bench *bench = started(&graph, NULL);
    routing_bench_run(bench, 5 * SL_SECOND);
    assert_fewest_hops(bench, 16, "a cold start");
    for (uint32_t edge = 0; edge < graph.edge_count; edge++) {
        routing_bench_cut(bench, edge, 20 * SL_MS);
        routing_bench_run(bench, 5 * SL_SECOND);
        assert_fewest_hops(bench, 16, "a cut");
        routing_bench_join(bench, edge);
        routing_bench_run(bench, 5 * SL_SECOND);
        assert_fewest_hops(bench, 16, "a repair");
    }
    for (uint32_t place = 0; place < graph.node_count; place++) {
        routing_bench_kill(bench, place, 20 * SL_MS);
        routing_bench_run(bench, 5 * SL_SECOND);
        assert_fewest_hops(bench, 16, "a death");
        routing_bench_start(bench, place, place, 2);
        routing_bench_join_all(bench);
        routing_bench_run(bench, 5 * SL_SECOND);
        assert_fewest_hops(bench, 16, "a return");
    }
    routing_bench_free(bench);
    topology_free(&graph);
}

static void max_hops_is_the_horizon(void **state) {
    topology graph;
    (void)state;
    topology_grid(&graph, 12, 1);
    routing_bench *bench = started(&graph, "{\"max_hops\": 5}");
    routing_bench_run(bench, 5 * SL_SECOND);
    assert_fewest_hops(bench, 5, "a cold start");
    routing_bench_free(bench);
    topology_free(&graph);
}

static void all_neighbours_that_are_as_near_are_offered(void **state) {
    topology graph;
    (void)state;
    topology_ring(&graph, 4);
    routing_bench *bench = started(&graph, NULL);
    routing_bench_run(bench, 5 * SL_SECOND);
    assert_int_equal(bench->nodes[0].offers[2].count, 2);
    assert_int_equal(bench->nodes[0].offers[1].count, 1);
    routing_bench_free(bench);
    topology_free(&graph);
}

static void no_way_leads_through_a_leaf(void **state) {
    topology graph;
    (void)state;
    topology_grid(&graph, 3, 1);
    routing_bench *bench = routing_bench_new(1, &graph, template(), NULL);
    bench->nodes[1].leaf = true;
    for (uint32_t place = 0; place < graph.node_count; place++)
        routing_bench_start(bench, place, place, 1);
    routing_bench_join_all(bench);
    routing_bench_run(bench, 5 * SL_SECOND);
    assert_int_equal(bench->nodes[0].offers[1].count, 1);
    assert_int_equal(bench->nodes[1].offers[2].count, 1);
    assert_int_equal(bench->nodes[0].offers[2].count, 0);
    routing_bench_free(bench);
    topology_free(&graph);
}

static void who_leaves_is_routed_round(void **state) {
    topology graph;
    (void)state;
    topology_ring(&graph, 6);
    routing_bench *bench = started(&graph, NULL);
    routing_bench_run(bench, 5 * SL_SECOND);
    sl_instance_leave(bench->nodes[1].instance);
    routing_bench_run(bench, 5 * SL_SECOND);
    assert_int_equal(bench->nodes[0].offers[1].count, 0);
    assert_int_equal(bench->nodes[0].offers[2].metric[0], 4);
    routing_bench_free(bench);
    topology_free(&graph);
}

static void a_malformed_message_changes_nothing(void **state) {
    static const uint8_t good[] = {2, 'n', '2', 1}, bad[][6] = {
                                                        {2, 'n', '2', 1, 3, 'n'}, /* cut */
                                                        {2, 'n', '2', 1, 0, 1},   /* an id without a letter */
                                                        {2, 'n', '2', 1, 1, 'x'}, /* no hops */
                                                    };
    topology graph;
    (void)state;
    topology_grid(&graph, 3, 1);
    routing_bench *bench = routing_bench_new(1, &graph, template(), NULL);
    routing_bench_start(bench, 0, 0, 1);
    routing_bench_puppet(bench, 1);
    routing_bench_join_all(bench);
    routing_bench_run(bench, SL_SECOND);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(routing_bench_say(bench, 1, 0, (slow_bytes){bad[i], sizeof bad[i]}), SLOW_E_MALFORMED);
        assert_int_equal(bench->nodes[0].offers[2].count, 0);
    }
    assert_int_equal(routing_bench_say(bench, 1, 0, (slow_bytes){good, sizeof good}), SLOW_OK);
    assert_int_equal(bench->nodes[0].offers[2].metric[0], 2);
    routing_bench_free(bench);
    topology_free(&graph);
}

static void a_full_table_is_logged_once_and_makes_room_again(void **state) {
    topology graph;
    (void)state;
    topology_grid(&graph, 9, 1);
    routing_bench *bench = routing_bench_new(1, &graph, template(), "{\"max_destinations\": 2}");
    routing_bench_start(bench, 0, 0, 1);
    routing_bench_puppet(bench, 1);
    routing_bench_join_all(bench);
    routing_bench_run(bench, SL_SECOND);
    for (uint8_t name = 2; name < 8; name++) {
        uint8_t offer[] = {2, 'n', (uint8_t)('0' + name), 1};
        assert_int_equal(routing_bench_say(bench, 1, 0, (slow_bytes){offer, sizeof offer}), SLOW_OK);
    }
    assert_int_equal(bench->nodes[0].offers[3].count, 1);
    assert_int_equal(bench->nodes[0].offers[4].count, 0);
    assert_int_equal(bench->nodes[0].log_count, 1);
    const uint8_t gone[] = {2, 'n', '2', 255}, other[] = {2, 'n', '5', 1};
    routing_bench_say(bench, 1, 0, (slow_bytes){gone, sizeof gone});
    routing_bench_run(bench, SL_SECOND);
    routing_bench_say(bench, 1, 0, (slow_bytes){other, sizeof other});
    assert_int_equal(bench->nodes[0].offers[2].count, 0);
    assert_int_equal(bench->nodes[0].offers[5].count, 1);
    routing_bench_free(bench);
    topology_free(&graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_the_fewest_hops_through_cuts_and_deaths),
        cmocka_unit_test(max_hops_is_the_horizon),
        cmocka_unit_test(all_neighbours_that_are_as_near_are_offered),
        cmocka_unit_test(no_way_leads_through_a_leaf),
        cmocka_unit_test(who_leaves_is_routed_round),
        cmocka_unit_test(a_malformed_message_changes_nothing),
        cmocka_unit_test(a_full_table_is_logged_once_and_makes_room_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
