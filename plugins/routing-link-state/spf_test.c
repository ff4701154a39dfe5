/* Trees that are mended change by change, against shortest paths computed from nothing, after every change. SLOW_SEED
 * begins the seeds elsewhere. */
#include "core/loop_virtual.h"
#include "tree.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { NODES_MAX = 40, PER_FRAGMENT = 5, FRAGMENTS = NODES_MAX / PER_FRAGMENT, CHANGES = 400, BATCH = 4 };

/* Node i is called "i"; it says cost[i][j] of its link to j, 0 = none. Who is in j's fragment k: k * 5 .. k * 5 + 4. */
struct world {
    struct ls_graph graph;
    struct ls_tree own, other;
    uint64_t random;
    uint32_t count;
    uint32_t seq[NODES_MAX][FRAGMENTS];
    uint16_t cost[NODES_MAX][NODES_MAX];
    uint16_t adjacent[NODES_MAX]; /* what our own adjacencies cost now; our LSA may say otherwise */
    uint32_t number[NODES_MAX];   /* in the graph */
};

static uint64_t first_seed(void) {
    const char *text = getenv("SLOW_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

static uint32_t pick(struct world *w, uint32_t below) {
    return (uint32_t)(sl_splitmix(&w->random) % below);
}

static slow_bytes name_of(uint32_t node, char text[8]) {
    return (slow_bytes){(const uint8_t *)text, (size_t)snprintf(text, 8, "%u", node)};
}

static uint32_t adjacency(const void *arg, uint32_t node) {
    const struct world *w = arg;
    for (uint32_t i = 0; i < w->count; i++)
        if (w->number[i] == node)
            return w->adjacent[i];
    return 0;
}

static void say(struct world *w, uint32_t node, uint32_t fragment) {
    uint8_t links[LS_LINKS_MAX];
    char text[8], mine[8];
    slow_writer out = slow_writer_of(links, sizeof links);
    for (uint32_t to = fragment * PER_FRAGMENT; to < w->count && to < (fragment + 1) * PER_FRAGMENT; to++)
        if (w->cost[node][to] != 0)
            assert_true(ls_link_write(&out, name_of(to, text), w->cost[node][to], false));
    struct ls_record record = {.kind = LS_LSA,
                               .fragment = (uint8_t)fragment,
                               .stamp = {1, ++w->seq[node][fragment]},
                               .id = name_of(node, mine),
                               .links = {links, slow_writer_size(&out)}};
    uint32_t lsa;
    assert_int_equal(ls_lsa_install(&w->graph, &record, &lsa), LS_NEWS);
    assert_int_equal(ls_lsa_install(&w->graph, &record, &lsa), LS_OLD);
}

static void adjacency_set(struct world *w, uint32_t node, uint16_t cost) {
    w->adjacent[node] = cost;
    w->graph.nodes[w->number[node]].slot = cost != 0 ? (uint16_t)node : LS_NO_SLOT;
    ls_touch(&w->graph, w->number[node]);
}

static void world_init(struct world *w, uint64_t seed) {
    char text[8];
    *w = (struct world){.random = seed};
    w->count = 5 + pick(w, NODES_MAX - 5);
    assert_true(ls_graph_init(&w->graph, name_of(0, text), 1000, 10000));
    for (uint32_t i = 0; i < w->count; i++) {
        w->number[i] = ls_node_need(&w->graph, name_of(i, text));
        w->graph.nodes[w->number[i]].names++; /* they stay, so that numbers do not change under the test */
    }
    assert_true(ls_tree_init(&w->own, &w->graph, LS_SELF, true));
    assert_true(ls_tree_init(&w->other, &w->graph, w->number[1], false));
    w->own.adjacency = adjacency;
    w->own.arg = w;
}

static void world_free(struct world *w) {
    ls_tree_free(&w->own);
    ls_tree_free(&w->other);
    ls_graph_free(&w->graph);
}

static void change(struct world *w) {
    uint32_t a = pick(w, w->count), b = pick(w, w->count), kind = pick(w, 10);
    uint16_t cost = kind < 4 ? 0 : (uint16_t)(1 + pick(w, kind < 7 ? 4 : 60));
    if (a == b)
        return;
    if (a == 0 && pick(w, 2) == 0) {
        adjacency_set(w, b, cost);
        return;
    }
    w->cost[a][b] = cost;
    say(w, a, b / PER_FRAGMENT);
    if (kind % 2 == 0 && cost != 0) {
        w->cost[b][a] = (uint16_t)(cost + pick(w, 3));
        say(w, b, a / PER_FRAGMENT);
    }
}

/* Of the link from a to b, as the tree from `root` has to count it; 0 = it does not. */
static uint32_t counted(const struct world *w, uint32_t root, uint32_t a, uint32_t b) {
    if (root == 0 && a == 0)
        return w->cost[b][0] != 0 ? w->adjacent[b] : 0;
    return w->cost[b][a] != 0 ? w->cost[a][b] : 0;
}

static void from_nothing(const struct world *w, uint32_t root, uint32_t distance[NODES_MAX]) {
    for (uint32_t i = 0; i < w->count; i++)
        distance[i] = i == root ? 0 : SLOW_METRIC_INFINITY;
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t a = 0; a < w->count; a++)
            for (uint32_t b = 0; b < w->count; b++) {
                uint32_t cost = counted(w, root, a, b);
                if (distance[a] == SLOW_METRIC_INFINITY || cost == 0 || distance[a] + cost >= distance[b])
                    continue;
                distance[b] = distance[a] + cost;
                changed = true;
            }
    }
}

/* Distances, and a first hop over which there is a way that short. */
static void check(const struct world *w, const struct ls_tree *tree, uint32_t root, uint64_t seed) {
    uint32_t distance[NODES_MAX];
    from_nothing(w, root, distance);
    for (uint32_t i = 0; i < w->count; i++) {
        uint32_t got = ls_tree_distance(tree, w->number[i]);
        if (got != distance[i])
            fail_msg("seed %llu: from %u to %u it is %u, computed %u", (unsigned long long)seed, root, i, distance[i],
                     got);
        if (tree->hops == NULL || i == root)
            continue;
        uint16_t hop = tree->hops[w->number[i]];
        assert_int_equal(hop == LS_NO_SLOT, distance[i] == SLOW_METRIC_INFINITY);
        if (hop == LS_NO_SLOT || hop == i)
            continue;
        uint32_t on = w->number[i];
        while (tree->at[on].parent != LS_SELF)
            on = tree->at[on].parent;
        assert_int_equal(on, w->number[hop]);
    }
}

static void update(struct world *w, struct ls_tree *tree, const struct ls_touched *touched, bool *all_listed,
                   const uint32_t *before) {
    struct ls_change *changes;
    uint32_t count;
    assert_true(ls_tree_update(tree, &w->graph, touched, &changes, &count));
    for (uint32_t i = 0; i < w->count; i++) {
        bool listed = false;
        for (uint32_t c = 0; c < count; c++)
            listed = listed || (changes[c].node == w->number[i] && changes[c].distance == before[i]);
        *all_listed = *all_listed && (listed || before[i] == ls_tree_distance(tree, w->number[i]));
    }
    free(changes);
}

static void play(uint64_t seed) {
    struct world w;
    struct ls_touched everything = {.all = true};
    uint32_t before[NODES_MAX];
    bool all_listed = true;
    world_init(&w, seed);
    for (unsigned step = 0; step < CHANGES; step++) {
        for (uint32_t changes = 1 + pick(&w, BATCH); changes > 0; changes--)
            change(&w);
        for (uint32_t i = 0; i < w.count; i++)
            before[i] = ls_tree_distance(&w.own, w.number[i]);
        update(&w, &w.own, &w.graph.touched, &all_listed, before);
        ls_touched_clear(&w.graph, &w.graph.touched, LS_TOUCHED);
        check(&w, &w.own, 0, seed);
        if (pick(&w, 3) != 0)
            continue;
        for (uint32_t i = 0; i < w.count; i++)
            before[i] = ls_tree_distance(&w.other, w.number[i]);
        update(&w, &w.other, step % 20 == 0 ? &everything : &w.graph.touched_later, &all_listed, before);
        ls_touched_clear(&w.graph, &w.graph.touched_later, LS_TOUCHED_LATER);
        check(&w, &w.other, 1, seed);
    }
    assert_true(all_listed);
    world_free(&w);
}

static void a_mended_tree_is_as_one_from_nothing(void **state) {
    (void)state;
    for (uint64_t seed = first_seed(); seed < first_seed() + 60; seed++)
        play(seed);
}

static void of_equal_ways_the_present_one_stays(void **state) {
    struct world w;
    struct ls_change *changes;
    uint32_t count;
    (void)state;
    world_init(&w, 1);
    /* 0 - 1 - 3 and 0 - 2 - 3 */
    static const uint32_t links[][2] = {{0, 1}, {0, 2}, {1, 3}, {2, 3}};
    for (size_t i = 0; i < 4; i++)
        w.cost[links[i][0]][links[i][1]] = w.cost[links[i][1]][links[i][0]] = 10;
    for (uint32_t node = 0; node < 4; node++)
        say(&w, node, 0);
    adjacency_set(&w, 1, 11);
    adjacency_set(&w, 2, 10);
    const uint16_t costs[] = {11, 10, 9, 10, 11};
    const uint16_t hops[] = {2, 2, 1, 1, 2};
    for (size_t i = 0; i < 5; i++) {
        adjacency_set(&w, 1, costs[i]);
        assert_true(ls_tree_update(&w.own, &w.graph, &w.graph.touched, &changes, &count));
        ls_touched_clear(&w.graph, &w.graph.touched, LS_TOUCHED);
        free(changes);
        assert_int_equal(w.own.hops[w.number[3]], hops[i]);
    }
    world_free(&w);
}

static void metrics_stop_below_infinity(void **state) {
    (void)state;
    assert_int_equal(ls_metric_sum(3, 4), 7);
    assert_int_equal(ls_metric_sum(SLOW_METRIC_INFINITY - 2, 1), SLOW_METRIC_INFINITY - 1);
    assert_int_equal(ls_metric_sum(SLOW_METRIC_INFINITY - 2, 65534), SLOW_METRIC_INFINITY - 1);
    assert_int_equal(ls_metric_sum(SLOW_METRIC_INFINITY, 1), SLOW_METRIC_INFINITY);
}

/* Everybody's epoch grows, what was said before goes, and what nobody speaks of any more goes with it. */
static void what_is_dropped_leaves_nothing(void **state) {
    struct world w;
    char text[8], other[8];
    uint32_t lsa;
    (void)state;
    world_init(&w, 7);
    uint32_t nodes = w.graph.live;
    uint8_t links[LS_LINKS_MAX];
    for (uint32_t round = 1; round < 200; round++) {
        slow_writer out = slow_writer_of(links, sizeof links);
        for (uint32_t i = 0; i < 20; i++)
            assert_true(ls_link_write(&out, name_of(1000 + (round * 7 + i) % 500, text), 9, false));
        struct ls_record record = {.kind = LS_LSA, .stamp = {round, 1}, .id = name_of(2, other)};
        record.fragment = (uint8_t)(round % 3);
        record.links = (slow_bytes){links, slow_writer_size(&out)};
        assert_int_equal(ls_lsa_install(&w.graph, &record, &lsa), LS_NEWS);
        assert_int_equal(w.graph.edges_live, 20);
        assert_int_equal(w.graph.live, nodes + 20);
        uint8_t again[LS_LINKS_MAX];
        struct ls_record kept = ls_lsa_record(&w.graph, lsa, again);
        assert_int_equal(kept.links.size, record.links.size);
        assert_memory_equal(again, links, kept.links.size);
    }
    ls_lsas_drop(&w.graph, w.number[2]);
    assert_int_equal(w.graph.live, nodes);
    assert_int_equal(w.graph.edges_live, 0);
    world_free(&w);
}

static void limits_hold_and_leave_no_trace(void **state) {
    struct ls_graph graph = {.order = 0};
    char text[8], other[8];
    uint8_t links[LS_LINKS_MAX];
    uint32_t lsa;
    (void)state;
    assert_true(ls_graph_init(&graph, name_of(0, text), 10, 12));
    for (uint32_t i = 1; i < 40; i++) {
        slow_writer out = slow_writer_of(links, sizeof links);
        for (uint32_t to = 0; to < i % 5; to++)
            assert_true(ls_link_write(&out, name_of(100 + i + to, text), 9, false));
        struct ls_record record = {.kind = LS_LSA, .stamp = {1, 1}, .id = name_of(i, other)};
        record.links = (slow_bytes){links, slow_writer_size(&out)};
        uint32_t live = graph.live, edges = graph.edges_live;
        if (ls_lsa_install(&graph, &record, &lsa) != LS_NEWS) {
            assert_int_equal(graph.live, live);
            assert_int_equal(graph.edges_live, edges);
        }
        assert_in_range(graph.origins, 0, 10);
        assert_in_range(graph.edges_live, 0, 12);
        assert_in_range(graph.live, 1, 1 + graph.origins + graph.edges_live);
    }
    assert_int_equal(graph.origins, 10);
    ls_graph_free(&graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mended_tree_is_as_one_from_nothing), cmocka_unit_test(of_equal_ways_the_present_one_stays),
        cmocka_unit_test(metrics_stop_below_infinity),          cmocka_unit_test(what_is_dropped_leaves_nothing),
        cmocka_unit_test(limits_hold_and_leave_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
