/* Networks of distance vectors through everything that happens to networks: the checks of dv_network.h on made graphs
 * and on real ones, and the same checks with one rule broken, when they have to fail. SLOW_SEED begins the seeds
 * elsewhere. */
#include "tests/support/dv_network.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOBODY UINT32_MAX
#define SKEW_NS (50 * SL_MS)

static uint64_t first_seed(void) {
    const char *text = getenv("SLOW_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

/* ---- figures: what an event cost ---- */

enum { FIGURES_MAX = 256 };

struct figures {
    const char *kind;
    unsigned count;
    uint32_t full_ms[FIGURES_MAX], entries[FIGURES_MAX], requests[FIGURES_MAX];
};

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t median(uint32_t *values, unsigned count) {
    qsort(values, count, sizeof *values, by_size);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void figures_print(struct figures *f, const struct network *net, const char *name) {
    if (f->count == 0)
        return;
    uint32_t full = median(f->full_ms, f->count), entries = median(f->entries, f->count),
             requests = median(f->requests, f->count);
    print_message("%s, seed %" PRIu64
                  ": %s %u times, median/max: all pairs again %u/%u ms, entries %u/%u, requests %u/%u\n",
                  name, net->bench->seed, f->kind, f->count, full, f->full_ms[f->count - 1], entries,
                  f->entries[f->count - 1], requests, f->requests[f->count - 1]);
}

/* ---- one event: it has just happened; let everything follow, and check ---- */

struct before {
    slow_time at;
    uint64_t entries, requests;
};

static struct before before(const struct network *net) {
    return (struct before){sl_world_now(net->bench->world), net->entries, net->requests};
}

static void event(struct network *net, struct before begin, struct figures *figures, const char *what) {
    network_expect(net);
    network_settle(net);
    if (net->stop_early && network_failed(net) > 0)
        return;
    network_verify(net, NOBODY, NOBODY);
    if (!net->stop_early)
        network_assert_held(net, what);
    if (figures == NULL || figures->count == FIGURES_MAX || net->routes != net->wanted)
        return;
    uint64_t full_ns = net->full_at > begin.at ? net->full_at - begin.at : 0;
    figures->full_ms[figures->count] = (uint32_t)((full_ns + SL_MS / 2) / SL_MS);
    figures->entries[figures->count] = (uint32_t)(net->entries - begin.entries);
    figures->requests[figures->count] = (uint32_t)(net->requests - begin.requests);
    figures->count++;
}

static uint32_t pick(struct network *net, uint32_t below) {
    return (uint32_t)(sl_world_random(net->bench->world) % below);
}

/* ---- what happens to networks ---- */

static void cold_start(struct network *net, struct figures *figures) {
    struct before begin = before(net);
    routing_bench_join_all(net->bench);
    event(net, begin, figures, "cold start");
}

static void cut_and_mend(struct network *net, uint32_t edge, struct figures *figures) {
    struct before begin = before(net);
    routing_bench_cut(net->bench, edge, 0);
    network_expect(net);
    bool bridge = net->wanted < net->bench->node_count * (net->bench->node_count - 1);
    event(net, begin, bridge ? NULL : figures, "a cut");
    begin = before(net);
    routing_bench_join(net->bench, edge);
    event(net, begin, NULL, "a repair");
}

static void kill_and_return(struct network *net, uint32_t victim, bool clock_back) {
    struct before begin = before(net);
    network_kill(net, victim, SKEW_NS);
    event(net, begin, NULL, "a death");
    network_start(net, victim, victim, clock_back);
    begin = before(net);
    routing_bench_join_all(net->bench);
    event(net, begin, NULL, clock_back ? "a return with a clock gone back" : "a return without memory");
}

/* Cuts off what lies near a random place, for long or for too short a time to settle. */
static void part_and_heal(struct network *net) {
    routing_bench *bench = net->bench;
    bool *side = calloc(bench->node_count, sizeof *side);
    assert_non_null(side);
    side[pick(net, bench->node_count)] = true;
    for (uint32_t size = 1; size < bench->node_count / 2;) {
        const bench_edge *edge = &bench->edges[pick(net, bench->edge_count)];
        if (side[edge->place[0]] == side[edge->place[1]])
            continue;
        side[edge->place[0]] = side[edge->place[1]] = true;
        size++;
    }
    struct before begin = before(net);
    for (uint32_t i = 0; i < bench->edge_count; i++)
        if (side[bench->edges[i].place[0]] != side[bench->edges[i].place[1]])
            routing_bench_cut(bench, i, SKEW_NS);
    if (pick(net, 2) == 0)
        event(net, begin, NULL, "a partition");
    else
        routing_bench_run(bench, pick(net, 8000) * SL_MS);
    begin = before(net);
    routing_bench_join_all(bench);
    event(net, begin, NULL, "a heal");
    free(side);
}

static void swing(struct network *net, uint32_t edge) {
    static const uint32_t percent[] = {100, 100, 50, 150, 300, 600};
    uint64_t unit = net->bench->edges[edge].latency_ns / (SL_MS / 10);
    uint64_t cost = unit * percent[pick(net, 6)] / 100;
    routing_bench_cost(net->bench, edge, (int)pick(net, 2), cost < 10 ? 10 : (uint32_t)cost);
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
    uint32_t edge = pick(net, bench->edge_count), place = pick(net, bench->node_count), action = pick(net, 8);
    bool there = bench->nodes[place].instance != NULL;
    if (action < 2)
        routing_bench_cut(bench, edge, SKEW_NS);
    else if (action < 4)
        routing_bench_join(bench, edge);
    else if (action < 6)
        swing(net, edge);
    else if (action == 6 && there && alive(net) > bench->node_count * 2 / 3)
        network_kill(net, place, SKEW_NS);
    else if (action == 7 && !there)
        network_start(net, place, place, pick(net, 5) == 0);
    routing_bench_run(bench, pauses_ms[pick(net, 5)] * pick(net, 1000) * (SL_MS / 1000));
}

/* All of it at short distance, which is where a wrong rule shows. */
static void chaos(struct network *net) {
    for (uint32_t steps = 5 + pick(net, 25); steps > 0; steps--)
        chaos_step(net);
    for (uint32_t place = 0; place < net->bench->node_count; place++)
        if (net->bench->nodes[place].instance == NULL)
            network_start(net, place, place, false);
    struct before begin = before(net);
    routing_bench_join_all(net->bench);
    event(net, begin, NULL, "chaos");
}

/* The same events in the same proportion as the design's model has them. */
static void scenario(struct network *net, const char *name, uint32_t cuts, uint32_t kills, uint32_t chaoses) {
    struct figures cold = {.kind = "cold start"}, cut = {.kind = "a cut (no bridge)"};
    cold_start(net, &cold);
    for (uint32_t i = 0; i < cuts; i++)
        cut_and_mend(net, pick(net, net->bench->edge_count), &cut);
    for (uint32_t i = 0; i < kills; i++)
        kill_and_return(net, pick(net, net->bench->node_count), i % 4 == 3);
    for (uint32_t i = 0; i < kills / 2; i++)
        part_and_heal(net);
    for (uint32_t i = 0; i < chaoses; i++)
        chaos(net);
    figures_print(&cold, net, name);
    figures_print(&cut, net, name);
}

static void scenario_on(topology *graph, uint64_t seed) {
    struct network net;
    network_init(&net, seed, graph, NULL);
    scenario(&net, graph->name, 10, 4, 3);
    network_free(&net);
    topology_free(graph);
}

/* ---- made graphs ---- */

static void rings_hold(void **state) {
    (void)state;
    for (uint64_t seed = first_seed(); seed < first_seed() + 5; seed++) {
        topology graph;
        topology_ring(&graph, 3 + (uint32_t)(seed % 5) * 3);
        scenario_on(&graph, seed);
    }
}

static void grids_hold(void **state) {
    (void)state;
    for (uint64_t seed = first_seed(); seed < first_seed() + 3; seed++) {
        topology graph;
        topology_grid(&graph, 5, 5);
        scenario_on(&graph, seed);
    }
}

static void random_graphs_hold(void **state) {
    (void)state;
    for (uint64_t seed = first_seed(); seed < first_seed() + 12; seed++) {
        topology graph;
        topology_random(&graph, 10 + (uint32_t)(seed % 4) * 10, 3 + (uint32_t)(seed % 3), seed);
        scenario_on(&graph, seed);
    }
}

static void every_cut_of_a_grid_holds(void **state) {
    topology graph;
    struct network net;
    (void)state;
    topology_grid(&graph, 4, 4);
    network_init(&net, first_seed(), &graph, NULL);
    cold_start(&net, NULL);
    for (uint32_t edge = 0; edge < graph.edge_count; edge++)
        cut_and_mend(&net, edge, NULL);
    network_free(&net);
    topology_free(&graph);
}

/* ---- real ones ---- */

static void real_network_holds(const char *name, unsigned seeds) {
    for (uint64_t seed = first_seed(); seed < first_seed() + seeds; seed++) {
        topology graph;
        topology_load(&graph, name);
        scenario_on(&graph, seed);
    }
}

static void abilene_holds(void **state) {
    (void)state;
    real_network_holds("zoo-abilene", 10);
}

static void arpanet1972_holds(void **state) {
    (void)state;
    real_network_holds("zoo-arpanet1972", 4);
}

static void geant2012_holds(void **state) {
    (void)state;
    real_network_holds("zoo-geant2012", 3);
}

static void germany50_holds(void **state) {
    (void)state;
    real_network_holds("sndlib-germany50", 2);
}

/* ---- names, time, silence ---- */

/* Rule 10: each outbids the other three times, says so in the log, and stops; all others are not harmed. */
static void two_with_one_id_stop_and_say_so(void **state) {
    topology graph;
    struct network net;
    (void)state;
    topology_random(&graph, 20, 4, first_seed());
    network_init(&net, first_seed(), &graph, NULL);
    cold_start(&net, NULL);
    network_kill(&net, 5, SKEW_NS);
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
    topology_random(&graph, 20, 4, first_seed());
    network_init(&net, first_seed(), &graph, NULL);
    cold_start(&net, NULL);
    network_kill(&net, 5, SKEW_NS);
    network_settle(&net);
    network_start(&net, 5, 9, false);
    routing_bench_join_all(net.bench);
    routing_bench_run(net.bench, 60 * SL_SECOND);
    assert_true(net.bench->nodes[9].log_count > 0);
    network_kill(&net, 5, SKEW_NS);
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
    topology_random(&graph, 20, 4, first_seed());
    network_init(&net, first_seed(), &graph, NULL);
    cold_start(&net, NULL);
    network_kill(&net, 7, SKEW_NS);
    routing_bench_run(net.bench, 590 * SL_SECOND);
    for (uint32_t place = 0; place < 20; place++)
        if (place != 7)
            assert_int_equal(network_inspect(&net.bench->nodes[0])->destinations(net.bench->nodes[place].self), 20);
    routing_bench_run(net.bench, 3600 * SL_SECOND);
    for (uint32_t place = 0; place < 20; place++)
        if (place != 7)
            assert_int_equal(network_inspect(&net.bench->nodes[0])->destinations(net.bench->nodes[place].self), 19);
    network_start(&net, 7, 7, false);
    struct before begin = before(&net);
    routing_bench_join_all(net.bench);
    event(&net, begin, NULL, "a return after an hour");
    network_free(&net);
    topology_free(&graph);
}

static void an_idle_network_is_silent(void **state) {
    topology graph;
    struct network net;
    (void)state;
    topology_grid(&graph, 6, 6);
    network_init(&net, first_seed(), &graph, NULL);
    cold_start(&net, NULL);
    uint64_t messages = net.bench->messages;
    routing_bench_run(net.bench, 28 * 3600 * SL_SECOND);
    assert_int_equal(net.bench->messages, messages);
    network_free(&net);
    topology_free(&graph);
}

static void who_leaves_is_routed_round_before_it_goes(void **state) {
    topology graph;
    struct network net;
    (void)state;
    topology_ring(&graph, 8);
    network_init(&net, first_seed(), &graph, NULL);
    cold_start(&net, NULL);
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

static void the_same_seed_gives_the_same_trace(void **state) {
    (void)state;
    assert_int_equal(trace_of(first_seed()), trace_of(first_seed()));
    assert_int_not_equal(trace_of(first_seed()), trace_of(first_seed() + 1));
}

/* ---- controls: each rule that is broken must be noticed ---- */

enum { CONTROL_SEEDS = 6 };

static bool control_fails(const char *rule, uint64_t seed) {
    topology graph;
    struct network net;
    char options[64];
    snprintf(options, sizeof options, "{\"break_rule\": \"%s\"}", rule);
    topology_random(&graph, 20, 4, seed);
    network_init(&net, seed, &graph, options);
    net.stop_early = true;
    cold_start(&net, NULL);
    for (int i = 0; i < 40 && network_failed(&net) == 0; i++)
        if (i % 2 == 0)
            chaos(&net);
        else
            cut_and_mend(&net, pick(&net, graph.edge_count), NULL);
    bool failed = network_failed(&net) > 0;
    const struct network_failures *f = &net.failures;
    print_message("%s, seed %" PRIu64 ": cycles %" PRIu64 ", FD not falling %" PRIu64 ", missing %" PRIu64
                  ", suboptimal %" PRIu64 ", beliefs %" PRIu64 ", asking %" PRIu64 ", no alternate %" PRIu64 "\n",
                  rule, seed, f->cycles, f->rises, f->missing, f->suboptimal, f->beliefs, f->pending, f->starved);
    network_free(&net);
    topology_free(&graph);
    return failed;
}

static void control(const char *rule) {
    for (uint64_t seed = first_seed(); seed < first_seed() + CONTROL_SEEDS; seed++)
        if (!control_fails(rule, seed))
            fail_msg("seed %" PRIu64 ": with %s nothing was found: the checks do not see it", seed, rule);
}

static void with_no_rule_broken_the_controls_hold(void **state) {
    (void)state;
    for (uint64_t seed = first_seed(); seed < first_seed() + CONTROL_SEEDS; seed++)
        if (control_fails("none", seed))
            fail_msg("seed %" PRIu64 ": the controls would fail without a broken rule", seed);
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
        cmocka_unit_test(rings_hold),
        cmocka_unit_test(grids_hold),
        cmocka_unit_test(random_graphs_hold),
        cmocka_unit_test(every_cut_of_a_grid_holds),
        cmocka_unit_test(abilene_holds),
        cmocka_unit_test(arpanet1972_holds),
        cmocka_unit_test(geant2012_holds),
        cmocka_unit_test(germany50_holds),
        cmocka_unit_test(two_with_one_id_stop_and_say_so),
        cmocka_unit_test(one_of_two_with_one_id_dies_and_the_other_is_reached),
        cmocka_unit_test(the_dead_are_forgotten),
        cmocka_unit_test(an_idle_network_is_silent),
        cmocka_unit_test(who_leaves_is_routed_round_before_it_goes),
        cmocka_unit_test(the_same_seed_gives_the_same_trace),
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
