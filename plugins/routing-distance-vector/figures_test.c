/* What the distance vector costs on five real networks, beside the first model of its rules on the same cuts
 * (docs/routing.md).
 *
 * Each network starts, then links are cut and mended, with everything settled and checked in between: once those that
 * the first model drew with seed 1 for its table, in its order, and once all, or on the large networks evenly spread
 * ones. A bridge is cut where the model drew one, and not counted. Time counts from neighbour_down, and a cold start's
 * from when all adjacencies are up; entries and requests are those of the whole network. No figure may be worse than the
 * model's: neither a median nor a maximum.
 *
 * The two small networks run by default; SLOW_LONG=1 runs all. SLOW_CUTS=N spreads N cuts instead of 60, and then the
 * model's figures are those of other cuts: SLOW_LOOK=1 only prints. */
#include "tests/support/dv_network.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { CUTS = 60, AFTER_COUNT = 4, DRAWN = 16 };

/* At which times after an event it is counted who has no alternate though there could be one. */
static const slow_time after_ms[AFTER_COUNT] = {100, 400, 1000, 2000};

struct reference {
    uint32_t full_ms[2], entries[2], requests[2]; /* median, max */
    double alternates;                            /* after the cuts, mean */
};

/* What the first model did on one network. */
struct model {
    const char *name;
    uint32_t cold_ms;
    double alternates;
    struct reference drawn, spread;
    uint32_t ends[2 * DRAWN], link_count; /* of the links that it drew, two each */
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
        starved[i] += dv_alternates(net).starved;
    }
}

static void cut_bridge(struct network *net, uint32_t edge) {
    routing_bench_cut(net->bench, edge, 0);
    network_expect(net);
    rest(net, "a cut of a bridge");
    routing_bench_join(net->bench, edge);
    network_expect(net);
    rest(net, "a repair of a bridge");
}

static void cut_and_mend(struct network *net, uint32_t edge, struct measured *m) {
    slow_time begin = sl_world_now(net->bench->world);
    uint64_t entries = net->entries, requests = net->requests;
    routing_bench_cut(net->bench, edge, 0);
    network_expect(net);
    watch(net, m->starved[0]);
    rest(net, "a cut");
    struct dv_alternates now = dv_alternates(net);
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
    struct dv_alternates now = dv_alternates(net);
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

static void print_all(const struct measured *m, const struct model *model, const struct reference *was,
                      const struct network *net) {
    uint32_t cuts = m->full_ms.count;
    print_message("%s: %u junctions, %u links, %u cuts %s, seed %" PRIu64 "\n", model->name, net->bench->node_count,
                  net->bench->edge_count, cuts, was == &model->drawn ? "as the model drew them" : "evenly spread",
                  net->bench->seed);
    print_message("  %-28s %7u             model %7u             x %.2f  (%u entries)\n", "cold start, ms", m->cold_ms,
                  model->cold_ms, (double)m->cold_ms / model->cold_ms, m->cold_entries);
    print_line("a cut: all pairs again, ms", median(&m->full_ms), most(&m->full_ms), was->full_ms);
    print_line("a cut: entries", median(&m->entries), most(&m->entries), was->entries);
    print_line("a cut: requests", median(&m->requests), most(&m->requests), was->requests);
    print_message("  %-28s %7.3f , %7.3f   model %7.3f , %7.3f   (nearer neighbours alone: %.3f, %.3f)\n",
                  "with an alternate", m->alternates[0], m->alternates[1], model->alternates, was->alternates,
                  m->possible[0], m->possible[1]);
    print_message("  a repair, mean: %.0f entries, %.0f requests\n", (double)m->mend_entries / cuts,
                  (double)m->mend_requests / cuts);
    print_starved("cut", m->starved[0], cuts);
    print_starved("repair", m->starved[1], cuts);
}

/* Two figures printed with three digits are the same figure. */
#define PRINTED 0.0005

static void assert_no_worse(const struct measured *m, const struct model *model, const struct reference *was) {
    assert_in_range(m->cold_ms, 1, model->cold_ms);
    assert_in_range(median(&m->full_ms), 0, was->full_ms[0]);
    assert_in_range(most(&m->full_ms), 0, was->full_ms[1]);
    assert_in_range(median(&m->entries), 1, was->entries[0]);
    assert_in_range(most(&m->entries), 1, was->entries[1]);
    assert_in_range(median(&m->requests), 0, was->requests[0]);
    assert_in_range(most(&m->requests), 0, was->requests[1]);
    assert_true(m->alternates[0] >= model->alternates - PRINTED);
    assert_true(m->alternates[1] >= was->alternates - PRINTED);
}

static uint32_t edge_between(const routing_bench *bench, const uint32_t *place) {
    for (uint32_t edge = 0; edge < bench->edge_count; edge++) {
        const uint32_t *is = bench->edges[edge].place;
        if ((is[0] == place[0] && is[1] == place[1]) || (is[0] == place[1] && is[1] == place[0]))
            return edge;
    }
    fail_msg("no link between %u and %u", place[0], place[1]);
    return UINT32_MAX;
}

static void cut_drawn(struct network *net, const struct model *model, struct measured *m) {
    for (uint32_t i = 0; i < model->link_count; i++) {
        uint32_t edge = edge_between(net->bench, &model->ends[2 * (size_t)i]);
        if (is_bridge(net, edge))
            cut_bridge(net, edge);
        else
            cut_and_mend(net, edge, m);
    }
}

static void cut_spread(struct network *net, const struct model *model, struct measured *m) {
    uint32_t cuts = (uint32_t)number_from("SLOW_CUTS", CUTS), count = net->bench->edge_count;
    uint32_t step = cuts > 0 && cuts < count ? count / cuts : 1;
    (void)model;
    for (uint32_t edge = 0; edge < count; edge += step)
        if (!is_bridge(net, edge))
            cut_and_mend(net, edge, m);
}

static void series_begin(struct series *s, uint32_t room) {
    *s = (struct series){.values = calloc(room, sizeof *s->values)};
    assert_non_null(s->values);
}

static void measure(const struct model *model, const struct reference *was,
                    void (*cut)(struct network *, const struct model *, struct measured *)) {
    struct network net;
    topology graph;
    struct measured m = {.cold_ms = 0};
    topology_load(&graph, model->name);
    network_init(&net, number_from("SLOW_SEED", 1), &graph, NULL);
    series_begin(&m.full_ms, graph.edge_count + DRAWN);
    series_begin(&m.entries, graph.edge_count + DRAWN);
    series_begin(&m.requests, graph.edge_count + DRAWN);
    cold_start(&net, &m);
    cut(&net, model, &m);
    qsort(m.full_ms.values, m.full_ms.count, sizeof(uint32_t), by_size);
    qsort(m.entries.values, m.entries.count, sizeof(uint32_t), by_size);
    qsort(m.requests.values, m.requests.count, sizeof(uint32_t), by_size);
    m.alternates[1] /= m.full_ms.count;
    m.possible[1] /= m.full_ms.count;
    print_all(&m, model, was, &net);
    if (getenv("SLOW_LOOK") == NULL)
        assert_no_worse(&m, model, was);
    free(m.full_ms.values);
    free(m.entries.values);
    free(m.requests.values);
    network_free(&net);
    topology_free(&graph);
}

static void compare(const struct model *model) {
    measure(model, &model->drawn, cut_drawn);
    measure(model, &model->spread, cut_spread);
}

static void skip_unless_long(void) {
    if (getenv("SLOW_LONG") == NULL) {
        print_message("skipped: SLOW_LONG=1 runs it\n");
        skip();
    }
}

static void abilene(void **state) {
    (void)state;
    compare(&(struct model){
        .name = "zoo-abilene",
        .cold_ms = 81,
        .alternates = 0.400,
        .drawn = {.full_ms = {52, 64}, .entries = {113, 227}, .requests = {44, 101}, .alternates = 0.300},
        .spread = {.full_ms = {52, 65}, .entries = {105, 275}, .requests = {43, 134}, .alternates = 0.300},
        .ends = {1, 10, 0, 2, 4, 6, 2, 9, 9, 10, 8, 9, 7, 10, 0, 2, 0, 1, 4, 5, 7, 10, 4, 6, 3, 6, 4, 6, 4, 5, 7, 8},
        .link_count = 16,
    });
}

static void germany50(void **state) {
    (void)state;
    compare(&(struct model){
        .name = "sndlib-germany50",
        .cold_ms = 136,
        .alternates = 0.370,
        .drawn = {.full_ms = {9, 12}, .entries = {3192, 5666}, .requests = {476, 1705}, .alternates = 0.362},
        .spread = {.full_ms = {9, 12}, .entries = {2374, 5672}, .requests = {359, 1758}, .alternates = 0.362},
        .ends = {4,  44, 2,  37, 21, 43, 8,  11, 18, 19, 0,  29, 9,  23, 13, 31,
                 28, 44, 45, 49, 1,  34, 24, 42, 45, 47, 12, 14, 30, 45, 37, 41},
        .link_count = 16,
    });
}

static void rocketfuel_1221(void **state) {
    (void)state;
    skip_unless_long();
    compare(&(struct model){
        .name = "rocketfuel-1221",
        .cold_ms = 163,
        .alternates = 0.183,
        .drawn = {.full_ms = {42, 82}, .entries = {1497, 15115}, .requests = {165, 3114}, .alternates = 0.176},
        .spread = {.full_ms = {55, 144}, .entries = {6770, 24431}, .requests = {427, 6548}, .alternates = 0.179},
        .ends = {7,  8,  2,  81, 40, 44, 16, 62, 32, 73,  0, 1,  20, 21, 28, 29,
                 59, 60, 16, 86, 55, 56, 48, 50, 16, 101, 1, 78, 5,  46, 23, 24},
        .link_count = 16,
    });
}

static void uscarrier(void **state) {
    (void)state;
    skip_unless_long();
    compare(&(struct model){
        .name = "zoo-uscarrier",
        .cold_ms = 656,
        .alternates = 0.105,
        .drawn = {.full_ms = {57, 99}, .entries = {22038, 49999}, .requests = {2915, 30546}, .alternates = 0.103},
        .spread = {.full_ms = {70, 103}, .entries = {33910, 51131}, .requests = {4331, 30053}, .alternates = 0.102},
        .ends = {22, 23, 9,   21,  78, 127, 34, 84, 68,  76,  0,  85,  38,  83,  56,  57,
                 97, 98, 139, 140, 4,  48,  88, 94, 135, 136, 50, 125, 101, 108, 123, 129},
        .link_count = 16,
    });
}

static void rocketfuel_1239(void **state) {
    (void)state;
    skip_unless_long();
    compare(&(struct model){
        .name = "rocketfuel-1239",
        .cold_ms = 259,
        .alternates = 0.569,
        .drawn = {.full_ms = {56, 81}, .entries = {26118, 99776}, .requests = {844, 2951}, .alternates = 0.568},
        .spread = {.full_ms = {54, 268}, .entries = {37244, 487300}, .requests = {1071, 16152}, .alternates = 0.568},
        .ends = {11, 172, 4, 121, 34, 177, 20, 104},
        .link_count = 4,
    });
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
