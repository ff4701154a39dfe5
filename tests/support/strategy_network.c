/* strategy_network.c - see strategy_network.h. */
#include "strategy_network.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RESTLESS_NS (200 * SL_SECOND)
#define WATCH_NS (30 * SL_SECOND)
#define STORM 20000u /* messages after one event that are too many, where a rule is broken on purpose */
#define EPOCH_FIRST UINT64_C(1600000000000)

static const char *const names[NETWORK_FAILURES] = {
    [DEAD_HOP] = "next hops over dead links",
    [CYCLE] = "cycles",
    [FD_NOT_FALLING] = "FD not falling",
    [FD_RISING] = "FD rising",
    [MISSING] = "missing",
    [STALE] = "stale",
    [SUBOPTIMAL] = "suboptimal",
    [STARVED] = "alternates missing",
    [LEADING_BACK] = "alternates that lead back",
    [BELIEF] = "beliefs that differ",
    [DATABASE] = "databases that differ",
    [PENDING] = "still pending",
    [RESTLESS] = "restless",
};

bool network_is_named(const bench_node *node, uint32_t dst) {
    slow_id id = routing_bench_id(dst);
    return memcmp(&node->id, &id, sizeof id) == 0;
}

uint32_t network_place_of(const struct network *net, uint32_t dst) {
    for (uint32_t place = 0; place < net->bench->node_count; place++)
        if (net->bench->nodes[place].instance != NULL && network_is_named(&net->bench->nodes[place], dst))
            return place;
    return UINT32_MAX;
}

/* ---- coming and going ---- */

void network_init(struct network *net, uint64_t seed, const topology *graph, const char *options) {
    uint32_t count = graph->node_count;
    *net = (struct network){
        .bench = routing_bench_new(seed, graph, network_strategy.module()->plugins[0], options),
        .clock_ms = EPOCH_FIRST,
        .epochs = calloc(count, sizeof *net->epochs),
        .island = calloc(count, sizeof *net->island),
        .mute = UINT32_MAX,
        .own = network_strategy.own_new(count),
    };
    assert_true(net->epochs != NULL && net->island != NULL);
    net->bench->on_offer = network_strategy.on_offer;
    net->bench->on_send = network_strategy.on_send;
    net->bench->arg = net;
    for (uint32_t place = 0; place < count; place++)
        network_start(net, place, place, false);
}

void network_free(struct network *net) {
    assert_int_equal(net->bench->refused, 0); /* all of them are honest */
    routing_bench_free(net->bench);
    network_strategy.own_free(net->own);
    free(net->epochs);
    free(net->island);
}

void network_start(struct network *net, uint32_t place, uint32_t name, bool clock_back) {
    net->clock_ms += 1000;
    net->epochs[place] = clock_back ? net->epochs[place] - 500 : net->clock_ms;
    if (network_strategy.start != NULL)
        network_strategy.start(net, place);
    routing_bench_start(net->bench, place, name, net->epochs[place]);
}

/* Which island each place is in. */
static void islands(const routing_bench *bench, uint32_t *island) {
    for (uint32_t place = 0; place < bench->node_count; place++)
        island[place] = place;
    for (uint32_t i = 0; i < bench->edge_count; i++) {
        const bench_edge *edge = &bench->edges[i];
        uint32_t from = island[edge->place[0]], to = island[edge->place[1]];
        for (uint32_t place = 0; edge->up != 0 && from != to && place < bench->node_count; place++)
            if (island[place] == from)
                island[place] = to;
    }
}

void network_expect(struct network *net) {
    const routing_bench *bench = net->bench;
    islands(bench, net->island);
    net->wanted = 0;
    for (uint32_t a = 0; a < bench->node_count; a++)
        for (uint32_t b = 0; b < bench->node_count; b++)
            net->wanted += a != b && bench->nodes[a].instance != NULL && bench->nodes[b].instance != NULL &&
                           net->island[a] == net->island[b];
    network_strategy.expect(net);
    if (network_strategy.is_full(net))
        net->full_at = sl_world_now(bench->world);
}

static uint64_t pending(const struct network *net) {
    uint64_t all = 0;
    for (uint32_t place = 0; place < net->bench->node_count; place++) {
        const bench_node *node = &net->bench->nodes[place];
        if (node->instance == NULL)
            continue;
        const slow_routing_inspect *inspect = net->bench->plugin->extension(node->self, SLOW_ROUTING_INSPECT_ID);
        all += inspect->pending(node->self);
    }
    return all;
}

void network_settle(struct network *net) {
    slow_time begin = sl_world_now(net->bench->world);
    uint64_t said, before = net->bench->messages;
    do {
        said = net->bench->messages;
        routing_bench_run(net->bench, network_strategy.rest_ns);
        if (net->stop_early && net->bench->messages - before >= STORM)
            net->failures[RESTLESS]++;
        if (net->stop_early && network_failed(net) > 0)
            return;
    } while ((net->bench->messages != said || pending(net) > 0) &&
             sl_world_now(net->bench->world) < begin + RESTLESS_NS);
    routing_bench_run(net->bench, WATCH_NS);
    if (said != net->bench->messages)
        net->failures[RESTLESS]++;
}

/* ---- the checks at rest ---- */

bool network_counts(const struct network *net, const bench_edge *edge) {
    return edge->held[0] != 0 && edge->held[0] == edge->held[1] && edge->place[0] != net->mute &&
           edge->place[1] != net->mute;
}

void network_distances(const struct network *net, uint32_t target, uint64_t *found, bool *done) {
    const routing_bench *bench = net->bench;
    for (uint32_t place = 0; place < bench->node_count; place++) {
        found[place] = NETWORK_FAR;
        done[place] = false;
    }
    found[target] = 0;
    for (;;) {
        uint32_t next = UINT32_MAX;
        for (uint32_t place = 0; place < bench->node_count; place++)
            if (!done[place] && found[place] != NETWORK_FAR && (next == UINT32_MAX || found[place] < found[next]))
                next = place;
        if (next == UINT32_MAX)
            return;
        done[next] = true;
        const bench_node *node = &bench->nodes[next];
        if (node->leaf && next != target)
            continue;
        for (uint32_t i = 0; i < node->edge_count; i++) {
            const bench_edge *edge = &bench->edges[node->edges[i]];
            int far = edge->place[0] == next;
            uint64_t total = found[next] + edge->cost[far];
            if (network_counts(net, edge) && total < found[edge->place[far]])
                found[edge->place[far]] = total;
        }
    }
}

void network_verify(struct network *net, uint32_t skip_one, uint32_t skip_other) {
    const routing_bench *bench = net->bench;
    uint32_t count = bench->node_count;
    uint64_t *all = calloc((size_t)count * count, sizeof *all);
    bool *done = calloc(count, sizeof *done);
    assert_true(all != NULL && done != NULL);
    for (uint32_t target = 0; target < count; target++)
        network_distances(net, target, all + (size_t)target * count, done);
    for (uint32_t target = 0; target < count; target++) {
        bool skip = target == skip_one || target == skip_other, alive = network_place_of(net, target) != UINT32_MAX;
        for (uint32_t place = 0; place < count; place++) {
            const bench_node *node = &bench->nodes[place];
            if (node->instance == NULL)
                continue;
            if (!alive)
                net->failures[STALE] += node->offers[target].count > 0;
            else if (!skip && place != target && place != skip_one && place != skip_other)
                network_strategy.verify_route(net, node, target, all);
        }
    }
    network_strategy.verify_rest(net);
    net->failures[PENDING] += pending(net);
    free(all);
    free(done);
}

uint32_t network_share_of_alternates(const struct network *net) {
    uint64_t with = 0;
    for (uint32_t place = 0; place < net->bench->node_count; place++)
        for (uint32_t dst = 0; dst < net->bench->node_count; dst++)
            with += net->bench->nodes[place].offers[dst].count > 1;
    return net->wanted > 0 ? (uint32_t)(with * 1000 / net->wanted) : 0;
}

/* ---- the verdict ---- */

uint64_t network_failed(const struct network *net) {
    uint64_t all = 0;
    for (int i = 0; i < NETWORK_FAILURES; i++)
        all += net->failures[i];
    return all;
}

void network_print_failures(const struct network *net, const char *what) {
    print_message("%s, seed %" PRIu64 ", at %.3f s:", what, net->bench->seed,
                  (double)sl_world_now(net->bench->world) / 1e9);
    for (int i = 0; i < NETWORK_FAILURES; i++)
        if (net->failures[i] > 0)
            print_message(" %s %" PRIu64 ";", names[i], net->failures[i]);
    print_message(network_failed(net) > 0 ? "\n" : " nothing\n");
}

void network_assert_held(const struct network *net, const char *where) {
    if (network_failed(net) == 0)
        return;
    network_print_failures(net, where);
    fail_msg("seed %" PRIu64 ": after %s not all holds, see above", net->bench->seed, where);
}
