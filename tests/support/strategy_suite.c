/* strategy_suite.c - see strategy_suite.h. */
#include "strategy_suite.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

uint64_t suite_first_seed(void) {
    const char *text = getenv("SLOW_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

/* ---- figures: what an event cost ---- */

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t median(uint32_t *values, unsigned count) {
    qsort(values, count, sizeof *values, by_size);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void figures_print(struct suite_figures *f, const struct network *net, const char *name) {
    if (f->count == 0)
        return;
    uint32_t full = median(f->full_ms, f->count), entries = median(f->entries, f->count),
             requests = median(f->requests, f->count), loops = median(f->loops, f->count);
    uint32_t share = network_share_of_alternates(net);
    print_message("%s, seed %" PRIu64 ": %s %u times, median/max: all pairs again %u/%u ms, entries %u/%u, requests "
                  "%u/%u, loops closed %u/%u; with an alternate now %u.%03u\n",
                  name, net->bench->seed, f->kind, f->count, full, f->full_ms[f->count - 1], entries,
                  f->entries[f->count - 1], requests, f->requests[f->count - 1], loops, f->loops[f->count - 1],
                  share / 1000, share % 1000);
}

/* ---- one event: it has just happened; let everything follow, and check ---- */

struct suite_moment suite_before(const struct network *net) {
    return (struct suite_moment){sl_world_now(net->bench->world), net->entries, net->requests, net->loops};
}

void suite_event(struct network *net, struct suite_moment begin, struct suite_figures *figures, const char *what) {
    network_expect(net);
    network_settle(net);
    if (net->stop_early && network_failed(net) > 0)
        return;
    network_verify(net, SUITE_NOBODY, SUITE_NOBODY);
    if (!net->stop_early)
        network_assert_held(net, what);
    if (figures == NULL || figures->count == FIGURES_MAX || !network_strategy.is_full(net))
        return;
    uint64_t full_ns = net->full_at > begin.at ? net->full_at - begin.at : 0;
    figures->full_ms[figures->count] = (uint32_t)((full_ns + SL_MS / 2) / SL_MS);
    figures->entries[figures->count] = (uint32_t)(net->entries - begin.entries);
    figures->requests[figures->count] = (uint32_t)(net->requests - begin.requests);
    figures->loops[figures->count] = (uint32_t)(net->loops - begin.loops);
    figures->count++;
}

uint32_t suite_pick(struct network *net, uint32_t below) {
    return (uint32_t)(sl_world_random(net->bench->world) % below);
}

/* ---- what happens to networks ---- */

void suite_cold_start(struct network *net, struct suite_figures *figures) {
    struct suite_moment begin = suite_before(net);
    routing_bench_join_all(net->bench);
    suite_event(net, begin, figures, "cold start");
}

void suite_cut_and_mend(struct network *net, uint32_t edge, struct suite_figures *figures) {
    struct suite_moment begin = suite_before(net);
    routing_bench_cut(net->bench, edge, 0);
    network_expect(net);
    bool bridge = net->wanted < net->bench->node_count * (net->bench->node_count - 1);
    suite_event(net, begin, bridge ? NULL : figures, "a cut");
    begin = suite_before(net);
    routing_bench_join(net->bench, edge);
    suite_event(net, begin, NULL, "a repair");
}

void suite_kill_and_return(struct network *net, uint32_t victim, bool clock_back) {
    struct suite_moment begin = suite_before(net);
    routing_bench_kill(net->bench, victim, SUITE_SKEW_NS);
    suite_event(net, begin, NULL, "a death");
    network_start(net, victim, victim, clock_back);
    begin = suite_before(net);
    routing_bench_join_all(net->bench);
    suite_event(net, begin, NULL, clock_back ? "a return with a clock gone back" : "a return without memory");
}

void suite_cut_any(struct network *net) {
    suite_cut_and_mend(net, suite_pick(net, net->bench->edge_count), NULL);
}

/* Cuts off what lies near a random place, for long or for too short a time to settle. */
static void part_and_heal(struct network *net) {
    routing_bench *bench = net->bench;
    bool *side = calloc(bench->node_count, sizeof *side);
    assert_non_null(side);
    side[suite_pick(net, bench->node_count)] = true;
    for (uint32_t size = 1; size < bench->node_count / 2;) {
        const bench_edge *edge = &bench->edges[suite_pick(net, bench->edge_count)];
        if (side[edge->place[0]] == side[edge->place[1]])
            continue;
        side[edge->place[0]] = side[edge->place[1]] = true;
        size++;
    }
    struct suite_moment begin = suite_before(net);
    for (uint32_t i = 0; i < bench->edge_count; i++)
        if (side[bench->edges[i].place[0]] != side[bench->edges[i].place[1]])
            routing_bench_cut(bench, i, SUITE_SKEW_NS);
    if (suite_pick(net, 2) == 0)
        suite_event(net, begin, NULL, "a partition");
    else
        routing_bench_run(bench, suite_pick(net, 8000) * SL_MS);
    begin = suite_before(net);
    routing_bench_join_all(bench);
    suite_event(net, begin, NULL, "a heal");
    free(side);
}

static void swing(struct network *net, uint32_t edge) {
    static const uint32_t percent[] = {100, 100, 50, 150, 300, 600};
    uint64_t unit = net->bench->edges[edge].latency_ns / (SL_MS / 10);
    uint64_t cost = unit * percent[suite_pick(net, 6)] / 100;
    routing_bench_cost(net->bench, edge, (int)suite_pick(net, 2), cost < 10 ? 10 : (uint32_t)cost);
}

static uint32_t alive(const struct network *net) {
    uint32_t count = 0;
    for (uint32_t place = 0; place < net->bench->node_count; place++)
        count += net->bench->nodes[place].instance != NULL;
    return count;
}

static void chaos_step(struct network *net) {
    static const slow_time pauses_ms[] = {0, 1, 10, 100, 1000};
    routing_bench *bench = net->bench;
    uint32_t edge = suite_pick(net, bench->edge_count), place = suite_pick(net, bench->node_count),
             action = suite_pick(net, 8);
    bool there = bench->nodes[place].instance != NULL;
    if (action < 2)
        routing_bench_cut(bench, edge, SUITE_SKEW_NS);
    else if (action < 4)
        routing_bench_join(bench, edge);
    else if (action < 6)
        swing(net, edge);
    else if (action == 6 && there && alive(net) > bench->node_count * 2 / 3)
        routing_bench_kill(net->bench, place, SUITE_SKEW_NS);
    else if (action == 7 && !there)
        network_start(net, place, place, suite_pick(net, 5) == 0);
    routing_bench_run(bench, pauses_ms[suite_pick(net, 5)] * suite_pick(net, 1000) * (SL_MS / 1000));
}

/* All of it at short distance, which is where a wrong rule shows. */
void suite_chaos(struct network *net) {
    for (uint32_t steps = 5 + suite_pick(net, 25); steps > 0; steps--)
        chaos_step(net);
    for (uint32_t place = 0; place < net->bench->node_count; place++)
        if (net->bench->nodes[place].instance == NULL)
            network_start(net, place, place, false);
    struct suite_moment begin = suite_before(net);
    routing_bench_join_all(net->bench);
    suite_event(net, begin, NULL, "chaos");
}

/* The same events in the same proportion as the design's model has them. */
static void scenario(struct network *net, const char *name, uint32_t cuts, uint32_t kills, uint32_t chaoses) {
    struct suite_figures cold = {.kind = "cold start"}, cut = {.kind = "a cut (no bridge)"};
    suite_cold_start(net, &cold);
    figures_print(&cold, net, name);
    for (uint32_t i = 0; i < cuts; i++)
        suite_cut_and_mend(net, suite_pick(net, net->bench->edge_count), &cut);
    figures_print(&cut, net, name);
    for (uint32_t i = 0; i < kills; i++)
        suite_kill_and_return(net, suite_pick(net, net->bench->node_count), i % 4 == 3);
    for (uint32_t i = 0; i < kills / 2; i++)
        part_and_heal(net);
    for (uint32_t i = 0; i < chaoses; i++)
        suite_chaos(net);
}

static void scenario_on(topology *graph, uint64_t seed) {
    struct network net;
    network_init(&net, seed, graph, NULL);
    scenario(&net, graph->name, 10, 4, 3);
    network_free(&net);
    topology_free(graph);
}

/* ---- made graphs ---- */

void rings_hold(void **state) {
    (void)state;
    for (uint64_t seed = suite_first_seed(); seed < suite_first_seed() + 5; seed++) {
        topology graph;
        topology_ring(&graph, 3 + (uint32_t)(seed % 5) * 3);
        scenario_on(&graph, seed);
    }
}

void grids_hold(void **state) {
    (void)state;
    for (uint64_t seed = suite_first_seed(); seed < suite_first_seed() + 3; seed++) {
        topology graph;
        topology_grid(&graph, 5, 5);
        scenario_on(&graph, seed);
    }
}

void random_graphs_hold(void **state) {
    (void)state;
    for (uint64_t seed = suite_first_seed(); seed < suite_first_seed() + 12; seed++) {
        topology graph;
        topology_random(&graph, 10 + (uint32_t)(seed % 4) * 10, 3 + (uint32_t)(seed % 3), seed);
        scenario_on(&graph, seed);
    }
}

void every_cut_of_a_grid_holds(void **state) {
    topology graph;
    struct network net;
    (void)state;
    topology_grid(&graph, 4, 4);
    network_init(&net, suite_first_seed(), &graph, NULL);
    suite_cold_start(&net, NULL);
    for (uint32_t edge = 0; edge < graph.edge_count; edge++)
        suite_cut_and_mend(&net, edge, NULL);
    assert_int_equal(net.loops, 0); /* nobody sends to who has not heard, and would send it back */
    network_free(&net);
    topology_free(&graph);
}

/* ---- real ones ---- */

void real_network_holds(const char *name, unsigned seeds) {
    for (uint64_t seed = suite_first_seed(); seed < suite_first_seed() + seeds; seed++) {
        topology graph;
        topology_load(&graph, name);
        scenario_on(&graph, seed);
    }
}

void abilene_holds(void **state) {
    (void)state;
    real_network_holds("zoo-abilene", 10);
}

void arpanet1972_holds(void **state) {
    (void)state;
    real_network_holds("zoo-arpanet1972", 4);
}

void geant2012_holds(void **state) {
    (void)state;
    real_network_holds("zoo-geant2012", 3);
}

void germany50_holds(void **state) {
    (void)state;
    real_network_holds("sndlib-germany50", 2);
}

/* ---- time, silence ---- */

void an_idle_network_is_silent(void **state) {
    topology graph;
    struct network net;
    (void)state;
    topology_grid(&graph, 6, 6);
    network_init(&net, suite_first_seed(), &graph, NULL);
    suite_cold_start(&net, NULL);
    uint64_t messages = net.bench->messages;
    routing_bench_run(net.bench, 28 * 3600 * SL_SECOND);
    assert_int_equal(net.bench->messages, messages);
    network_free(&net);
    topology_free(&graph);
}

/* A grid of relays, and leaves that are short cuts across it; what is cut are the links of leaves. */
void nothing_goes_through_a_leaf(void **state) {
    enum { SIDE = 4, LEAVES = 4, RELAYS = SIDE * SIDE };
    static const uint32_t ends[LEAVES][3] = {{0, 15, 5}, {3, 12, 6}, {0, 3, 15}, {1, 14, 7}};
    topology graph;
    struct network net;
    (void)state;
    topology_grid(&graph, SIDE, SIDE);
    uint32_t edge_count = graph.edge_count;
    topology_edge *edges = realloc(graph.edges, (edge_count + LEAVES * 3) * sizeof *edges);
    assert_non_null(edges);
    for (uint32_t i = 0; i < LEAVES * 3; i++)
        edges[edge_count + i] = (topology_edge){.a = RELAYS + i / 3, .b = ends[i / 3][i % 3], .latency_us = 1000};
    graph.edges = edges;
    graph.node_count += LEAVES;
    graph.edge_count += LEAVES * 3;
    network_init(&net, suite_first_seed(), &graph, NULL);
    for (uint32_t leaf = RELAYS; leaf < graph.node_count; leaf++) {
        routing_bench_kill(net.bench, leaf, 0);
        net.bench->nodes[leaf].leaf = true;
        network_start(&net, leaf, leaf, false);
    }
    suite_cold_start(&net, NULL);
    for (uint32_t edge = edge_count; edge < graph.edge_count; edge++)
        suite_cut_and_mend(&net, edge, NULL);
    for (uint32_t place = 0; place < graph.node_count; place++)
        for (uint32_t dst = 0; dst < graph.node_count; dst++)
            for (uint32_t i = 0; i < net.bench->nodes[place].offers[dst].count; i++) {
                const bench_node *hop =
                    routing_bench_peer(&net.bench->nodes[place], net.bench->nodes[place].offers[dst].via[i]);
                assert_non_null(hop);
                assert_true(!hop->leaf || hop->place == dst);
            }
    network_free(&net);
    topology_free(&graph);
}

void who_leaves_is_routed_round_before_it_goes(void **state) {
    topology graph;
    struct network net;
    (void)state;
    topology_ring(&graph, 8);
    network_init(&net, suite_first_seed(), &graph, NULL);
    suite_cold_start(&net, NULL);
    sl_instance_leave(net.bench->nodes[3].instance);
    routing_bench_run(net.bench, SL_SECOND);
    for (uint32_t place = 0; place < 8; place++)
        for (uint32_t dst = 0; dst < 8; dst++) {
            const bench_node *node = &net.bench->nodes[place];
            if (place == 3 || dst == 3 || dst == place)
                continue;
            assert_true(node->offers[dst].count > 0);
            assert_int_not_equal(routing_bench_peer(node, node->offers[dst].via[0])->place, 3);
        }
    network_free(&net);
    topology_free(&graph);
}

static uint64_t trace_of(uint64_t seed) {
    topology graph;
    struct network net;
    topology_random(&graph, 20, 4, 1);
    network_init(&net, seed, &graph, NULL);
    scenario(&net, graph.name, 3, 2, 1);
    uint64_t trace = sl_world_trace(net.bench->world);
    network_free(&net);
    topology_free(&graph);
    return trace;
}

void the_same_seed_gives_the_same_trace(void **state) {
    (void)state;
    assert_int_equal(trace_of(suite_first_seed()), trace_of(suite_first_seed()));
    assert_int_not_equal(trace_of(suite_first_seed()), trace_of(suite_first_seed() + 1));
}

/* ---- controls: each rule that is broken must be noticed ---- */

enum { CONTROL_SEEDS = 6 };

static bool control_fails(const char *rule, uint64_t seed, const suite_deed *deeds, uint32_t count) {
    topology graph;
    struct network net;
    char options[64];
    snprintf(options, sizeof options, "{\"break_rule\": \"%s\"}", rule);
    topology_random(&graph, 20, 4, seed);
    network_init(&net, seed, &graph, options);
    net.stop_early = true;
    suite_cold_start(&net, NULL);
    for (uint32_t i = 0; i < 40 && network_failed(&net) == 0; i++)
        if (i % 2 == 0)
            suite_chaos(&net);
        else
            deeds[i / 2 % count](&net);
    bool failed = network_failed(&net) > 0;
    network_print_failures(&net, rule);
    network_free(&net);
    topology_free(&graph);
    return failed;
}

void strategy_control(const char *rule, const suite_deed *deeds, uint32_t count) {
    bool is_none = strcmp(rule, "none") == 0;
    for (uint64_t seed = suite_first_seed(); seed < suite_first_seed() + CONTROL_SEEDS; seed++)
        if (control_fails(rule, seed, deeds, count) == is_none)
            fail_msg("seed %" PRIu64 ": with %s %s", seed, rule,
                     is_none ? "broken the controls fail" : "nothing was found: the checks do not see it");
}
