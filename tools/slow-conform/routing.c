/* Routing strategies, in meshes (routing_mesh.c): do they find the ways that are there, after all that can happen to links and
 * junctions; do they withdraw those that are gone; is the same seed the same history.
 *
 * How good a way is is not judged: a strategy may prefer what it likes. Nor how soon it is found, within a minute. A strategy
 * that promises freedom of loops (slow/inspect.h) is watched at every offer and at every loss of a link, in the middle of
 * the turn, as packages are on their way then. */
#include "routing.h"
#include "routing_mesh.h"
#include <slow/inspect.h>
#include <stdlib.h>
#include <string.h>

static const conform_service services[] = {{SLOW_ROUTING_HOST_ID, &mesh_host}, {NULL, NULL}};

/* ---- a working day: two neighbours ---- */

static void ask(routing_mesh *m, int place) {
    static const uint8_t bytes[] = "node22node23";
    const mesh_node *node = &m->nodes[place];
    const slow_routing_ops *ops = node->instance->ops;
    slow_route_view view = {.src = {.at = 0, .size = 6}, .dst = {.at = 6, .size = 6}, .hop_limit = 64, .session = 1};
    slow_link out[4];
    uint8_t hint[SLOW_HINT_MAX];
    view.packet = ++m->packages;
    if (SLOW_HAS(ops, hint))
        CONFORM_CALL(m->c, "hint()", ops->hint(node->instance->self, mesh_id(23), hint, sizeof hint));
    if (SLOW_HAS(ops, choose))
        CONFORM_CALL(m->c, "choose()",
                     ops->choose(node->instance->self, (slow_bytes){bytes, sizeof bytes - 1}, &view,
                                 m->edges[0].held[0], out, 4));
    if (SLOW_HAS(ops, trust_changed))
        CONFORM_CALL(m->c, "trust_changed()", ops->trust_changed(node->instance->self));
}

static void exercise(conform *c, conform_instance pair[2]) {
    routing_mesh *m = mesh_new(c, c->seed);
    m->lenient = true;
    mesh_pair(m, pair);
    for (int day = 0; day < 2; day++) {
        mesh_join_all(m);
        mesh_run(m, MESH_SECOND);
        mesh_cost(m, 0, 700);
        mesh_run(m, MESH_SECOND);
        ask(m, m->edges[0].place[0]);
        mesh_cut(m, 0);
        mesh_run(m, 10 * MESH_SECOND);
    }
    mesh_join_all(m);
    mesh_run(m, MESH_SECOND);
    mesh_free(m);
}

/* ---- meshes ---- */

enum { SHAPES = 5 };

static routing_mesh *mesh_of_shape(conform *c, int shape) {
    routing_mesh *m = mesh_new(c, conform_random(c) >> 16);
    if (shape == 0)
        mesh_ring(m, 8);
    else if (shape == 1)
        mesh_grid(m, 4);
    else
        mesh_random(m, 8 * (shape - 1), conform_random(c));
    return m;
}

static void begin(routing_mesh *m) {
    mesh_start_all(m);
    mesh_join_all(m);
    mesh_run(m, MESH_REST);
}

static void ways_are_found(conform *c) {
    for (int shape = 0; shape < SHAPES; shape++) {
        routing_mesh *m = mesh_of_shape(c, shape);
        begin(m);
        mesh_arrives(m, "the start");
        mesh_free(m);
    }
}

static int any_place(const routing_mesh *m) {
    return m->edges[conform_random_below(m->c, (uint64_t)m->edge_count)].place[0];
}

static int any_edge(const routing_mesh *m) {
    return (int)conform_random_below(m->c, (uint64_t)m->edge_count);
}

/* What may happen, one after the other, each with time to follow. */
static void events(routing_mesh *m, void (*judge)(routing_mesh *, const char *)) {
    for (int round = 0; round < 4; round++) {
        int place = any_place(m);
        mesh_cut(m, any_edge(m));
        mesh_run(m, MESH_REST);
        judge(m, "a cut");
        for (int i = 0; i < m->edge_count; i += 3)
            mesh_cost(m, i, 10 + (uint32_t)conform_random_below(m->c, 1000));
        mesh_run(m, MESH_REST);
        judge(m, "other costs");
        mesh_kill(m, place);
        mesh_run(m, MESH_REST);
        judge(m, "the death of a junction");
        mesh_start(m, place);
        mesh_join_all(m);
        mesh_run(m, MESH_REST);
        judge(m, "its return, with all links");
    }
}

/* Half of it is cut off for longer or shorter. */
static void part(routing_mesh *m, void (*judge)(routing_mesh *, const char *)) {
    bool side[MESH_NODES] = {false};
    for (int place = 0; place < MESH_NODES; place++)
        side[place] = conform_random_below(m->c, 2) == 0;
    for (int i = 0; i < m->edge_count; i++)
        if (side[m->edges[i].place[0]] != side[m->edges[i].place[1]])
            mesh_cut(m, i);
    mesh_run(m, MESH_REST);
    judge(m, "a partition");
    mesh_join_all(m);
    mesh_run(m, MESH_REST);
    judge(m, "its end");
}

static void every_event(conform *c, void (*judge)(routing_mesh *, const char *)) {
    for (int shape = 0; shape < SHAPES - 1; shape++) {
        routing_mesh *m = mesh_of_shape(c, shape);
        begin(m);
        events(m, judge);
        part(m, judge);
        mesh_free(m);
    }
}

static void ways_are_found_again(conform *c) {
    every_event(c, mesh_arrives);
}

static void ways_that_are_gone_are_withdrawn(conform *c) {
    every_event(c, mesh_withdrawn);
}

/* A grid, and leaves that would be short cuts across it. */
static void nothing_leads_through_a_leaf(conform *c) {
    static const int ends[][3] = {{0, 15, 5}, {3, 12, 6}, {0, 3, 15}};
    routing_mesh *m = mesh_new(c, c->seed);
    mesh_grid(m, 4);
    for (int leaf = 0; leaf < 3; leaf++)
        for (int i = 0; i < 3; i++)
            mesh_edge_add(m, MESH_PLACES + leaf, ends[leaf][i], MESH_MS);
    begin(m);
    mesh_arrives(m, "the start");
    mesh_cut(m, m->edge_count - 1);
    mesh_run(m, MESH_REST);
    mesh_arrives(m, "a cut");
    mesh_free(m);
}

/* After leave() its neighbours use other ways, while it still relays. */
static void who_leaves_is_left_out(conform *c) {
    routing_mesh *m = mesh_new(c, c->seed);
    if (!SLOW_HAS(c->plugin, leave))
        conform_skip(c, "the strategy has no leave()");
    mesh_ring(m, 8);
    begin(m);
    CONFORM_CALL(c, "leave()", c->plugin->leave(m->instances[3].self));
    mesh_run(m, MESH_SECOND);
    for (int place = 0; place < 8; place++)
        for (int dst = 0; dst < 8; dst++) {
            const mesh_node *next = place == 3 || dst == 3 || dst == place ? NULL : mesh_next(&m->nodes[place], dst);
            if (next != NULL && next->place == 3)
                conform_fail(
                    c, "slow/plugin.h, slow_plugin.leave()", "say goodbye (poison routes)",
                    "still had %.*s send packages for %.*s over a neighbour 1 s after its leave(), where there is "
                    "another way",
                    mesh_id(place)->size, mesh_id(place)->text, mesh_id(dst)->size, mesh_id(dst)->text);
        }
    mesh_free(m);
}

/* ---- at short distance: no time to follow ---- */

static void disturb(routing_mesh *m) {
    static const slow_time pauses_ms[] = {0, 1, 10, 100, 1000, 4000};
    conform *c = m->c;
    int edge = any_edge(m), place = any_place(m);
    switch (conform_random_below(c, 8)) {
    case 0:
    case 1:
        mesh_cut(m, edge);
        break;
    case 2:
    case 3:
        mesh_join(m, edge);
        break;
    case 4:
    case 5:
        mesh_cost(m, edge, 10 + (uint32_t)conform_random_below(c, 1000));
        break;
    case 6:
        if (m->nodes[place].there)
            mesh_kill(m, place);
        break;
    default:
        if (!m->nodes[place].there)
            mesh_start(m, place);
        mesh_join_all(m);
    }
    mesh_run(m, pauses_ms[conform_random_below(c, 6)] * conform_random_below(c, 1000) * (MESH_MS / 1000));
}

static uint64_t promises(conform *c) {
    const slow_routing_inspect *inspect = NULL;
    conform_instance instance;
    slow_error error;
    if (!SLOW_HAS(c->plugin, extension) || conform_create(c, &instance, c->config, c->seed, &error) != SLOW_OK)
        return 0;
    CONFORM_CALL(c, "extension()", inspect = c->plugin->extension(instance.self, SLOW_ROUTING_INSPECT_ID));
    uint64_t found = inspect != NULL && SLOW_HAS_FIELD(inspect, promises) ? inspect->promises : 0;
    conform_kill(&instance);
    return found;
}

static void next_hops_form_no_cycle(conform *c) {
    enum { MESHES = 12, DISTURBANCES = 60 };
    if ((promises(c) & SLOW_PROMISE_LOOP_FREE) == 0)
        conform_skip(c, "the strategy does not promise SLOW_PROMISE_LOOP_FREE (slow/inspect.h)");
    for (int i = 0; i < MESHES; i++) {
        routing_mesh *m = mesh_of_shape(c, i % (SHAPES - 1));
        m->watches_loops = true;
        mesh_start_all(m);
        mesh_join_all(m);
        mesh_run(m, conform_random_below(c, 10) * MESH_SECOND);
        for (int j = 0; j < DISTURBANCES; j++)
            disturb(m);
        mesh_free(m);
    }
}

/* ---- the same again ---- */

static uint64_t history(conform *c) {
    c->random = c->seed;
    c->now = 0;
    routing_mesh *m = mesh_of_shape(c, SHAPES - 1);
    mesh_start_all(m);
    mesh_join_all(m);
    mesh_run(m, MESH_SECOND);
    for (int i = 0; i < 60; i++)
        disturb(m);
    uint64_t trace = mesh_trace(m);
    mesh_free(m);
    return trace;
}

/* Between the two the heap is shuffled: who orders by address, or by a hash of one, is seen. */
static void the_same_seed_is_the_same_history(conform *c) {
    enum { BLOCKS = 3000 };
    static const char says[] = "gives the same trace for the same seed";
    void *blocks[BLOCKS];
    uint64_t first = history(c), random;
    for (int again = 0; again < 3; again++) {
        c->random = c->seed + (uint64_t)again + 1;
        for (int i = 0; i < BLOCKS; i++)
            blocks[i] = malloc(16 + conform_random_below(c, 600));
        for (int i = 0; i < BLOCKS; i++)
            if (conform_random_below(c, 2) == 0) {
                free(blocks[i]);
                blocks[i] = NULL;
            }
        random = history(c);
        for (int i = 0; i < BLOCKS; i++)
            free(blocks[i]);
        if (random != first)
            conform_fail(c, "slow/routing.h", says,
                         "made other host calls in the same mesh with the same events, the %d. time in one process",
                         again + 2);
    }
}

static const conform_test tests[] = {
    {.name = "routing-converges", .run = ways_are_found},
    {.name = "routing-heals", .run = ways_are_found_again},
    {.name = "routing-withdraws", .run = ways_that_are_gone_are_withdrawn},
    {.name = "routing-leaves", .run = nothing_leads_through_a_leaf},
    {.name = "routing-leaving", .run = who_leaves_is_left_out},
    {.name = "routing-loop-free", .run = next_hops_form_no_cycle},
    {.name = "routing-deterministic", .run = the_same_seed_is_the_same_history},
    {.name = "routing-hostile-bytes", .run = hostile_messages_do_no_harm},
    {.name = "routing-memory-bounded", .run = what_is_told_has_a_limit, .limit_s = 60},
    {.name = NULL},
};

const conform_kind conform_routing = {.kind = SLOW_ROUTING, .tests = tests, .services = services, .exercise = exercise};
