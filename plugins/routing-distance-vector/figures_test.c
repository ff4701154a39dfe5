/* What the distance vector costs on five real networks, beside the figures of the rules' first model (docs/routing.md).
 *
 * Each network starts, then each link that is no bridge is cut and mended, with everything settled and checked in
 * between. Time counts from neighbour_down, and a cold start's from when all adjacencies are up; entries and requests
 * are those of the whole network. The limits are the model's own figures: of entries and requests for the medians, and
 * for the maxima of entries; the share of alternates must not fall below. The model drew ten cuts and here are more, so
 * a longer recovery, or more requests, at the worst of them is no failure.
 *
 * The two small networks run by default; SLOW_LONG=1 runs all. SLOW_CUTS=N takes N cuts, evenly spread, instead of 60. */
#include "tests/support/dv_network.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { CUTS = 60, AFTER_COUNT = 4 };

/* At which times after an event it is counted who has no alternate though there could be one. */
static const slow_time after_ms[AFTER_COUNT] = {100, 400, 1000, 2000};

struct reference {
    uint32_t cold_ms, full_ms[2], entries[2], requests[2]; /* median, max */
    double alternates[2];                                  /* cold, after the cuts */
};

struct series {
    uint32_t *values, count;
};

struct measured {
    struct series full_ms, entries, requests;
    uint32_t cold_ms, cold_entries;
    uint64_t mend_entries, mend_requests;
    double alternates[2], possible[2];
    double starved[2][AFTER_COUNT]; /* of a cut, of a repair: pairs, mean */
};

static uint64_t number_from(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* ---- numbers ---- */

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t median(const struct series *s) {
    return (s->values[(s->count - 1) / 2] + s->values[s->count / 2]) / 2;
}

static uint32_t most(const struct series *s) {
    return s->values[s->count - 1];
}

static void series_add(struct series *s, uint64_t value) {
    s->values[s->count++] = (uint32_t)value;
}

static uint32_t milliseconds(slow_time from, slow_time to) {
    return to > from ? (uint32_t)((to - from + SL_MS / 2) / SL_MS) : 0;
}

/* ---- events ---- */

static bool is_bridge(struct network *net, uint32_t edge) {
    slow_link up = net->bench->edges[edge].up;
    uint32_t wanted = net->wanted;
    net->bench->edges[edge].up = 0;
    network_expect(net);
    bool bridge = net->wanted < net->bench->node_count * (net->bench->node_count - 1);
    net->bench->edges[edge].up = up;
    net->wanted = wanted;
    return bridge;
}

static void rest(struct network *net, const char *what) {
    network_settle(net);
    network_verify(net, UINT32_MAX, UINT32_MAX);
    network_assert_held(net, what);
}

/* Looks at the alternates while they come back. */
static void watch(struct network *net, double starved[AFTER_COUNT]) {
    slow_time begin = sl_world_now(net->bench->world);
    for (int i = 0; i < AFTER_COUNT; i++) {
        routing_bench_run(net->bench, begin + after_ms[i] * SL_MS - sl_world_now(net->bench->world));
        starved[i] += network_alternates(net).starved;
    }
}

static void cut_and_mend(struct network *net, uint32_t edge, struct measured *m) {
    slow_time begin = sl_world_now(net->bench->world);
    uint64_t entries = net->entries, requests = net->requests;
    routing_bench_cut(net->bench, edge, 0);
    network_expect(net);
    watch(net, m->starved[0]);
    rest(net, "a cut");
    struct network_alternates now = network_alternates(net);
    m->alternates[1] += (double)now.several / now.pairs;
    m->possible[1] += (double)now.possible / now.pairs;
    series_add(&m->full_ms, milliseconds(begin, net->full_at));
    series_add(&m->entries, net->entries - entries);
    series_add(&m->requests, net->requests - requests);
    entries = net->entries;
    requests = net->requests;
    routing_bench_join(net->bench, edge);
    network_expect(net);
    watch(net, m->starved[1]);
    rest(net, "a repair");
    m->mend_entries += net->entries - entries;
    m->mend_requests += net->requests - requests;
}

static void cold_start(struct network *net, struct measured *m) {
    slow_time begin = sl_world_now(net->bench->world);
    routing_bench_join_all(net->bench);
    network_expect(net);
    rest(net, "cold start");
    struct network_alternates now = network_alternates(net);
    m->cold_ms = milliseconds(begin, net->full_at);
    m->cold_entries = (uint32_t)net->entries;
    m->alternates[0] = (double)now.several / now.pairs;
    m->possible[0] = (double)now.possible / now.pairs;
}

/* ---- one network ---- */

static void print_line(const char *what, uint32_t is, uint32_t is_max, const uint32_t was[2]) {
    print_message("  %-28s %7u / %7u   model %7u / %7u   x %.2f / %.2f\n", what, is, is_max, was[0], was[1],
                  (double)is / was[0], (double)is_max / was[1]);
}

static void print_starved(const char *what, const double starved[AFTER_COUNT], uint32_t events) {
    print_message("  without an alternate for a while, after a %s: ", what);
    for (int i = 0; i < AFTER_COUNT; i++)
        print_message("%s%.1f at %u ms", i == 0 ? "" : ", ", starved[i] / events, (unsigned)after_ms[i]);
    print_message(" (pairs, mean)\n");
}

static void print_all(const struct measured *m, const struct reference *model, const struct network *net,
                      const char *name) {
    uint32_t cuts = m->full_ms.count;
    print_message("%s: %u junctions, %u links, %u cuts, seed %" PRIu64 "\n", name, net->bench->node_count,
                  net->bench->edge_count, cuts, net->bench->seed);
    print_message("  %-28s %7u             model %7u             x %.2f  (%u entries)\n", "cold start, ms", m->cold_ms,
                  model->cold_ms, (double)m->cold_ms / model->cold_ms, m->cold_entries);
    print_line("a cut: all pairs again, ms", median(&m->full_ms), most(&m->full_ms), model->full_ms);
    print_line("a cut: entries", median(&m->entries), most(&m->entries), model->entries);
    print_line("a cut: requests", median(&m->requests), most(&m->requests), model->requests);
    print_message("  %-28s %7.3f , %7.3f   model %7.2f , %7.2f   (nearer neighbours alone: %.3f, %.3f)\n",
                  "with an alternate", m->alternates[0], m->alternates[1], model->alternates[0], model->alternates[1],
                  m->possible[0], m->possible[1]);
    print_message("  a repair, mean: %.0f entries, %.0f requests\n", (double)m->mend_entries / cuts,
                  (double)m->mend_requests / cuts);
    print_starved("cut", m->starved[0], cuts);
    print_starved("repair", m->starved[1], cuts);
}

/* Two figures printed with two digits are the same figure. */
#define PRINTED 0.005

static void assert_no_worse(const struct measured *m, const struct reference *model) {
    assert_in_range(m->cold_ms, 1, model->cold_ms);
    assert_in_range(median(&m->full_ms), 0, model->full_ms[0] * 5 / 4 + 1);
    assert_in_range(median(&m->entries), 1, model->entries[0]);
    assert_in_range(most(&m->entries), 1, model->entries[1]);
    assert_in_range(median(&m->requests), 0, model->requests[0]);
    assert_true(m->alternates[0] >= model->alternates[0] - PRINTED);
    assert_true(m->alternates[1] >= model->alternates[1] - PRINTED);
}

static void series_begin(struct series *s, uint32_t room) {
    *s = (struct series){.values = calloc(room, sizeof *s->values)};
    assert_non_null(s->values);
}

static void measure(const char *name, const struct reference *model) {
    struct network net;
    topology graph;
    struct measured m = {.cold_ms = 0};
    topology_load(&graph, name);
    network_init(&net, number_from("SLOW_SEED", 1), &graph, NULL);
    series_begin(&m.full_ms, graph.edge_count);
    series_begin(&m.entries, graph.edge_count);
    series_begin(&m.requests, graph.edge_count);
    cold_start(&net, &m);
    uint32_t cuts = (uint32_t)number_from("SLOW_CUTS", CUTS);
    uint32_t step = cuts > 0 && cuts < graph.edge_count ? graph.edge_count / cuts : 1;
    for (uint32_t edge = 0; edge < graph.edge_count; edge += step)
        if (!is_bridge(&net, edge))
            cut_and_mend(&net, edge, &m);
    qsort(m.full_ms.values, m.full_ms.count, sizeof(uint32_t), by_size);
    qsort(m.entries.values, m.entries.count, sizeof(uint32_t), by_size);
    qsort(m.requests.values, m.requests.count, sizeof(uint32_t), by_size);
    m.alternates[1] /= m.full_ms.count;
    m.possible[1] /= m.full_ms.count;
    print_all(&m, model, &net, name);
    if (getenv("SLOW_LOOK") == NULL)
        assert_no_worse(&m, model);
    free(m.full_ms.values);
    free(m.entries.values);
    free(m.requests.values);
    network_free(&net);
    topology_free(&graph);
}

static void skip_unless_long(void) {
    if (getenv("SLOW_LONG") == NULL) {
        print_message("skipped: SLOW_LONG=1 runs it\n");
        skip();
    }
}

static void abilene(void **state) {
    (void)state;
    measure("zoo-abilene", &(struct reference){81, {52, 64}, {113, 227}, {44, 101}, {0.40, 0.30}});
}

static void germany50(void **state) {
    (void)state;
    measure("sndlib-germany50", &(struct reference){136, {9, 12}, {3192, 5666}, {476, 1705}, {0.37, 0.35}});
}

static void rocketfuel_1221(void **state) {
    (void)state;
    skip_unless_long();
    measure("rocketfuel-1221", &(struct reference){163, {42, 82}, {1497, 15115}, {165, 3114}, {0.18, 0.17}});
}

static void uscarrier(void **state) {
    (void)state;
    skip_unless_long();
    measure("zoo-uscarrier", &(struct reference){656, {57, 99}, {22038, 49999}, {2915, 30546}, {0.11, 0.10}});
}

static void rocketfuel_1239(void **state) {
    (void)state;
    skip_unless_long();
    measure("rocketfuel-1239", &(struct reference){259, {56, 81}, {26118, 99776}, {844, 2951}, {0.57, 0.57}});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(abilene),   cmocka_unit_test(germany50),       cmocka_unit_test(rocketfuel_1221),
        cmocka_unit_test(uscarrier), cmocka_unit_test(rocketfuel_1239),
    };
    if (getenv("SLOW_TEST") != NULL)
        cmocka_set_test_filter(getenv("SLOW_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
