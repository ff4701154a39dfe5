/* ls_network.c - see ls_network.h. */
#include "ls_network.h"
#include "plugins/routing-link-state/message.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define REST_NS (3 * SL_SECOND) /* longer than any pause between two messages that follow from each other */
#define RESTLESS_NS (200 * SL_SECOND)
#define WATCH_NS (30 * SL_SECOND)
#define STORM 20000u /* messages after one event that are too many, where a rule is broken on purpose */
#define HOP_LIMIT 64u
#define EPOCH_FIRST UINT64_C(1600000000000)
#define FULL_VIEW 8u /* with so many neighbours a junction looks at all of them for alternates */

const slow_module *slow_module_v1_routing_link_state(void);

const ls_inspect *network_inspect(const bench_node *node) {
    return node->bench->plugin->extension(node->self, LS_INSPECT_ID);
}

const slow_routing_inspect *network_routing_inspect(const bench_node *node) {
    return node->bench->plugin->extension(node->self, SLOW_ROUTING_INSPECT_ID);
}

static bool is_named(const bench_node *node, uint32_t dst) {
    slow_id id = routing_bench_id(dst);
    return memcmp(&node->id, &id, sizeof id) == 0;
}

/* ---- the way along first next hops ---- */

enum { UNKNOWN, UNDER_WAY, THERE, LOST };

/* As the core has it: the first candidate whose adjacency is not known to be down. NULL: the way ends here. */
static const bench_node *next_of(const bench_node *node, uint32_t dst) {
    const bench_offer *offer = &node->offers[dst];
    for (uint32_t i = 0; i < offer->count; i++) {
        const bench_edge *edge = routing_bench_edge_of(node, offer->via[i]);
        if (edge != NULL)
            return edge->up == offer->via[i] ? routing_bench_peer(node, offer->via[i]) : NULL;
    }
    return NULL;
}

/* Follows the way from `start`, and remembers for all places on it how it ends. True when it leads back to `start`. */
static bool follow(struct network *net, const bench_node *start, uint32_t dst) {
    uint32_t length = 0;
    const bench_node *node = start;
    while (node != NULL && net->reach[node->place] == UNKNOWN && !is_named(node, dst)) {
        net->reach[node->place] = UNDER_WAY;
        net->path[length++] = node->place;
        node = next_of(node, dst);
    }
    bool there = node != NULL && (is_named(node, dst) || net->reach[node->place] == THERE);
    bool back = node == start && length > 0;
    while (length > 0)
        net->reach[net->path[--length]] = there ? THERE : LOST;
    return back;
}

static uint32_t place_of(const struct network *net, uint32_t dst) {
    for (uint32_t place = 0; place < net->bench->node_count; place++)
        if (net->bench->nodes[place].instance != NULL && is_named(&net->bench->nodes[place], dst))
            return place;
    return UINT32_MAX;
}

/* Follows all ways to `dst` anew; true when the one from `node` leads back to it. */
static bool recount(struct network *net, const bench_node *node, uint32_t dst) {
    uint32_t target = place_of(net, dst), broken = 0;
    memset(net->reach, UNKNOWN, net->bench->node_count);
    bool back = node != NULL && follow(net, node, dst);
    for (uint32_t place = 0; target != UINT32_MAX && place < net->bench->node_count; place++) {
        const bench_node *from = &net->bench->nodes[place];
        if (from->instance == NULL || is_named(from, dst) || net->island[place] != net->island[target])
            continue;
        (void)follow(net, from, dst);
        broken += net->reach[place] != THERE;
    }
    uint32_t sum = net->broken_sum - net->broken[dst] + broken;
    if (net->broken_sum != 0 && sum == 0)
        net->full_at = sl_world_now(net->bench->world);
    net->broken_sum = sum;
    net->broken[dst] = broken;
    return back;
}

static void on_offer(void *arg, bench_node *node, uint32_t dst, const bench_offer *before) {
    struct network *net = arg;
    const bench_offer *now = &node->offers[dst];
    for (uint32_t i = 0; i < now->count; i++)
        net->failures.dead_hops += routing_bench_edge_of(node, now->via[i]) == NULL;
    bool is = now->count > 0, was = before->count > 0;
    if (is == was && (!is || now->via[0] == before->via[0]))
        return;
    net->loops += recount(net, node, dst);
}

static void on_send(void *arg, bench_node *node, slow_bytes message) {
    struct network *net = arg;
    slow_reader in = slow_reader_of(message);
    struct ls_record record;
    (void)node;
    while (ls_record_read(&in, &record)) {
        net->lsas += record.kind == LS_LSA;
        net->stamps += record.kind == LS_STAMP;
    }
    if (!slow_reader_ok(&in))
        fail_msg("seed %" PRIu64 ": a message that its own reader refuses", net->bench->seed);
}

/* ---- packages ---- */

struct package {
    struct network *net;
    const bench_edge *edge; /* over which it comes */
    slow_link link;
    uint32_t place, dst, hops;
    uint8_t passed[]; /* by place: how often */
};

static void package_go(struct package *package);

static void package_arrives(void *arg) {
    struct package *package = arg;
    if (package->edge->up == package->link)
        package_go(package);
    else
        free(package);
}

/* It is at a place: on it goes, or ends. */
static void package_go(struct package *package) {
    struct network *net = package->net;
    const bench_node *node = &net->bench->nodes[package->place], *next = NULL;
    uint8_t passed = ++package->passed[package->place];
    net->turned += passed == 2;
    net->looped += passed == 3;
    if (is_named(node, package->dst))
        net->arrived++;
    else if (package->hops++ < HOP_LIMIT)
        next = next_of(node, package->dst);
    else
        net->spent++;
    if (next == NULL) {
        free(package);
        return;
    }
    for (uint32_t i = 0; i < node->offers[package->dst].count; i++)
        if ((package->edge = routing_bench_edge_of(node, node->offers[package->dst].via[i])) != NULL)
            break;
    package->link = package->edge->up;
    package->place = next->place;
    slow_time when = sl_world_now(net->bench->world) + package->edge->latency_ns;
    assert_true(sl_world_at(net->bench->world, next->loop, when, package_arrives, free, package));
}

void network_send(struct network *net, slow_time for_ns) {
    enum { A_PLACE = 4 };
    uint32_t count = net->bench->node_count;
    for (slow_time gone = 0; gone < for_ns; gone += SL_MS) {
        for (uint32_t i = 0; i < count * A_PLACE; i++) {
            uint32_t dst = (uint32_t)(sl_world_random(net->bench->world) % count);
            if (net->bench->nodes[i % count].instance == NULL || dst == i % count)
                continue;
            struct package *package = calloc(1, sizeof *package + count);
            assert_non_null(package);
            *package = (struct package){.net = net, .place = i % count, .dst = dst};
            net->sent++;
            package_go(package);
        }
        routing_bench_run(net->bench, SL_MS);
    }
}

/* ---- coming and going ---- */

void network_init(struct network *net, uint64_t seed, const topology *graph, const char *options) {
    uint32_t count = graph->node_count;
    *net = (struct network){
        .bench = routing_bench_new(seed, graph, slow_module_v1_routing_link_state()->plugins[0], options),
        .clock_ms = EPOCH_FIRST,
        .epochs = calloc(count, sizeof *net->epochs),
        .island = calloc(count, sizeof *net->island),
        .broken = calloc(count, sizeof *net->broken),
        .reach = calloc(count, sizeof *net->reach),
        .path = calloc(count, sizeof *net->path),
        .mute = UINT32_MAX,
    };
    assert_true(net->epochs != NULL && net->island != NULL && net->broken != NULL && net->reach != NULL &&
                net->path != NULL);
    net->bench->on_offer = on_offer;
    net->bench->on_send = on_send;
    net->bench->arg = net;
    for (uint32_t place = 0; place < count; place++)
        network_start(net, place, place, false);
}

void network_free(struct network *net) {
    routing_bench_free(net->bench);
    free(net->epochs);
    free(net->island);
    free(net->broken);
    free(net->reach);
    free(net->path);
}

void network_start(struct network *net, uint32_t place, uint32_t name, bool clock_back) {
    net->clock_ms += 1000;
    net->epochs[place] = clock_back ? net->epochs[place] - 500 : net->clock_ms;
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
    for (uint32_t dst = 0; dst < bench->node_count; dst++)
        (void)recount(net, NULL, dst);
    if (net->broken_sum == 0)
        net->full_at = sl_world_now(bench->world);
}

static uint64_t pending(const struct network *net) {
    uint64_t all = 0;
    for (uint32_t place = 0; place < net->bench->node_count; place++) {
        const bench_node *node = &net->bench->nodes[place];
        if (node->instance != NULL)
            all += network_routing_inspect(node)->pending(node->self);
    }
    return all;
}

void network_settle(struct network *net) {
    slow_time begin = sl_world_now(net->bench->world);
    uint64_t said, before = net->bench->messages;
    do {
        said = net->bench->messages;
        routing_bench_run(net->bench, REST_NS);
        if (net->stop_early && net->bench->messages - before >= STORM) {
            net->failures.restless++;
            return;
        }
    } while ((net->bench->messages != said || pending(net) > 0) &&
             sl_world_now(net->bench->world) < begin + RESTLESS_NS);
    routing_bench_run(net->bench, WATCH_NS);
    if (said != net->bench->messages)
        net->failures.restless++;
}

/* ---- the checks at rest ---- */

#define FAR UINT64_MAX

static bool counts(const struct network *net, const bench_edge *edge) {
    return edge->held[0] != 0 && edge->held[0] == edge->held[1] && edge->place[0] != net->mute &&
           edge->place[1] != net->mute;
}

/* From everyone to `target`, over what the strategies were told that each edge costs. */
static void distances(const struct network *net, uint32_t target, uint64_t *found, bool *done) {
    const routing_bench *bench = net->bench;
    for (uint32_t place = 0; place < bench->node_count; place++) {
        found[place] = FAR;
        done[place] = false;
    }
    found[target] = 0;
    for (;;) {
        uint32_t next = UINT32_MAX;
        for (uint32_t place = 0; place < bench->node_count; place++)
            if (!done[place] && found[place] != FAR && (next == UINT32_MAX || found[place] < found[next]))
                next = place;
        if (next == UINT32_MAX)
            return;
        done[next] = true;
        const bench_node *node = &bench->nodes[next];
        for (uint32_t i = 0; i < node->edge_count; i++) {
            const bench_edge *edge = &bench->edges[node->edges[i]];
            int far = edge->place[0] == next;
            uint64_t total = found[next] + edge->cost[far];
            if (counts(net, edge) && total < found[edge->place[far]])
                found[edge->place[far]] = total;
        }
    }
}

/* Of an adjacency that both ends hold: what it costs here, and where it leads. */
static uint32_t edge_from(const struct network *net, const bench_node *node, uint32_t i, uint32_t *far,
                          slow_link *link) {
    const bench_edge *edge = &net->bench->edges[node->edges[i]];
    int end = edge->place[1] == node->place;
    if (!counts(net, edge))
        return 0;
    *far = edge->place[!end];
    *link = edge->held[end];
    return edge->cost[end];
}

/* `to_target` and `to_us`: everybody's distances. */
static void verify_alternates(struct network *net, const bench_node *node, uint32_t target, const uint64_t *to_target,
                              const uint64_t *to_us) {
    const bench_offer *offer = &node->offers[target];
    uint32_t possible = 0, adjacent = 0;
    for (uint32_t i = 0; i < node->edge_count; i++) {
        uint32_t far, cost;
        slow_link link;
        if ((cost = edge_from(net, node, i, &far, &link)) == 0)
            continue;
        bool is_free = to_target[far] < to_us[far] + to_target[node->place];
        adjacent++;
        possible += is_free && link != offer->via[0];
        for (uint32_t c = 1; c < offer->count; c++) {
            net->failures.leading_back += offer->via[c] == link && !is_free;
            net->failures.suboptimal += offer->via[c] == link && offer->metric[c] != cost + to_target[far];
        }
    }
    if (adjacent <= FULL_VIEW)
        net->failures.starved += offer->count - 1 != (possible < BENCH_CANDIDATES ? possible : BENCH_CANDIDATES - 1);
}

static void verify_route(struct network *net, const bench_node *node, uint32_t target, const uint64_t *all) {
    slow_id id = routing_bench_id(target);
    uint32_t metric = 0;
    slow_link via;
    const uint64_t *to_target = all + (size_t)target * net->bench->node_count;
    bool has = network_inspect(node)->selected(node->self, &id, &via, &metric);
    if (to_target[node->place] == FAR) {
        net->failures.stale += has || node->offers[target].count > 0;
        return;
    }
    net->failures.missing += !has || node->offers[target].count == 0;
    if (!has || node->offers[target].count == 0)
        return;
    net->failures.suboptimal += metric != to_target[node->place] || node->offers[target].metric[0] != metric ||
                                node->offers[target].via[0] != via;
    verify_alternates(net, node, target, to_target, all + (size_t)node->place * net->bench->node_count);
}

static void verify_databases(struct network *net) {
    const routing_bench *bench = net->bench;
    for (uint32_t a = 0; a < bench->node_count; a++) {
        uint32_t b = net->island[a];
        if (bench->nodes[a].instance == NULL || bench->nodes[b].instance == NULL || a == net->mute || b == net->mute)
            continue;
        const ls_inspect *inspect = network_inspect(&bench->nodes[a]);
        net->failures.databases += inspect->digest(bench->nodes[a].self) != inspect->digest(bench->nodes[b].self);
    }
}

void network_verify(struct network *net, uint32_t skip_one, uint32_t skip_other) {
    const routing_bench *bench = net->bench;
    uint32_t count = bench->node_count;
    uint64_t *all = calloc((size_t)count * count, sizeof *all);
    bool *done = calloc(count, sizeof *done);
    assert_true(all != NULL && done != NULL);
    for (uint32_t target = 0; target < count; target++)
        distances(net, target, all + (size_t)target * count, done);
    for (uint32_t target = 0; target < count; target++) {
        bool skip = target == skip_one || target == skip_other, alive = place_of(net, target) != UINT32_MAX;
        for (uint32_t place = 0; place < count; place++) {
            const bench_node *node = &bench->nodes[place];
            if (node->instance == NULL)
                continue;
            if (!alive)
                net->failures.stale += node->offers[target].count > 0;
            else if (!skip && place != target && place != skip_one && place != skip_other)
                verify_route(net, node, target, all);
        }
    }
    verify_databases(net);
    net->failures.pending += pending(net);
    free(all);
    free(done);
}

uint32_t network_alternates(const struct network *net) {
    uint64_t with = 0;
    for (uint32_t place = 0; place < net->bench->node_count; place++)
        for (uint32_t dst = 0; dst < net->bench->node_count; dst++)
            with += net->bench->nodes[place].offers[dst].count > 1;
    return net->wanted > 0 ? (uint32_t)(with * 1000 / net->wanted) : 0;
}

/* ---- the verdict ---- */

uint64_t network_failed(const struct network *net) {
    const struct network_failures *f = &net->failures;
    return f->dead_hops + f->missing + f->stale + f->suboptimal + f->leading_back + f->starved + f->databases +
           f->pending + f->restless;
}

void network_assert_held(const struct network *net, const char *where) {
    const struct network_failures *f = &net->failures;
    if (network_failed(net) > 0)
        fail_msg("seed %" PRIu64 ", at %.3f s, after %s: next hops over dead links %" PRIu64 ", missing %" PRIu64
                 ", stale %" PRIu64 ", suboptimal %" PRIu64 ", alternates that lead back %" PRIu64
                 ", alternates missing %" PRIu64 ", databases that differ %" PRIu64 ", still pending %" PRIu64
                 ", restless %" PRIu64,
                 net->bench->seed, (double)sl_world_now(net->bench->world) / 1e9, where, f->dead_hops, f->missing,
                 f->stale, f->suboptimal, f->leading_back, f->starved, f->databases, f->pending, f->restless);
}
