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

#define HOP_LIMIT 64u
#define FULL_VIEW 8u /* with so many neighbours a junction looks at all of them for alternates */

const slow_module *slow_module_v1_routing_link_state(void);

/* What is kept beside the network. */
struct ls_checks {
    uint32_t *broken;    /* by destination: places that should reach it and do not */
    uint32_t broken_sum; /* of these */
    uint8_t *reach;      /* by place: in a walk */
    uint32_t *path;
    struct ls_packages packages;
};

static void *checks_new(uint32_t count) {
    struct ls_checks *own = calloc(1, sizeof *own);
    assert_non_null(own);
    own->broken = calloc(count, sizeof *own->broken);
    own->reach = calloc(count, sizeof *own->reach);
    own->path = calloc(count, sizeof *own->path);
    assert_true(own->broken != NULL && own->reach != NULL && own->path != NULL);
    return own;
}

static void checks_free(void *arg) {
    struct ls_checks *own = arg;
    free(own->broken);
    free(own->reach);
    free(own->path);
    free(own);
}

const ls_inspect *network_inspect(const bench_node *node) {
    return node->bench->plugin->extension(node->self, LS_INSPECT_ID);
}

const slow_routing_inspect *network_routing_inspect(const bench_node *node) {
    return node->bench->plugin->extension(node->self, SLOW_ROUTING_INSPECT_ID);
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
    struct ls_checks *own = net->own;
    uint32_t length = 0;
    const bench_node *node = start;
    while (node != NULL && own->reach[node->place] == UNKNOWN && !network_is_named(node, dst)) {
        own->reach[node->place] = UNDER_WAY;
        own->path[length++] = node->place;
        node = next_of(node, dst);
    }
    bool there = node != NULL && (network_is_named(node, dst) || own->reach[node->place] == THERE);
    bool back = node == start && length > 0;
    while (length > 0)
        own->reach[own->path[--length]] = there ? THERE : LOST;
    return back;
}

/* Follows all ways to `dst` anew; true when the one from `node` leads back to it. */
static bool recount(struct network *net, const bench_node *node, uint32_t dst) {
    struct ls_checks *own = net->own;
    uint32_t target = network_place_of(net, dst), broken = 0;
    memset(own->reach, UNKNOWN, net->bench->node_count);
    bool back = node != NULL && follow(net, node, dst);
    for (uint32_t place = 0; target != UINT32_MAX && place < net->bench->node_count; place++) {
        const bench_node *from = &net->bench->nodes[place];
        if (from->instance == NULL || network_is_named(from, dst) || net->island[place] != net->island[target])
            continue;
        (void)follow(net, from, dst);
        broken += own->reach[place] != THERE;
    }
    uint32_t sum = own->broken_sum - own->broken[dst] + broken;
    if (own->broken_sum != 0 && sum == 0)
        net->full_at = sl_world_now(net->bench->world);
    own->broken_sum = sum;
    own->broken[dst] = broken;
    return back;
}

static void on_offer(void *arg, bench_node *node, uint32_t dst, const bench_offer *before) {
    struct network *net = arg;
    const bench_offer *now = &node->offers[dst];
    for (uint32_t i = 0; i < now->count; i++)
        net->failures[DEAD_HOP] += routing_bench_edge_of(node, now->via[i]) == NULL;
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
        net->entries += record.kind == LS_LSA;
        net->requests += record.kind == LS_ASK;
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
    struct ls_packages *packages = &((struct ls_checks *)net->own)->packages;
    const bench_node *node = &net->bench->nodes[package->place], *next = NULL;
    uint8_t passed = ++package->passed[package->place];
    packages->turned += passed == 2;
    packages->looped += passed == 3;
    if (network_is_named(node, package->dst))
        packages->arrived++;
    else if (package->hops++ < HOP_LIMIT)
        next = next_of(node, package->dst);
    else
        packages->spent++;
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

void ls_network_send(struct network *net, slow_time for_ns) {
    enum { A_PLACE = 4 };
    struct ls_packages *packages = &((struct ls_checks *)net->own)->packages;
    uint32_t count = net->bench->node_count;
    for (slow_time gone = 0; gone < for_ns; gone += SL_MS) {
        for (uint32_t i = 0; i < count * A_PLACE; i++) {
            uint32_t dst = (uint32_t)(sl_world_random(net->bench->world) % count);
            if (net->bench->nodes[i % count].instance == NULL || dst == i % count)
                continue;
            struct package *package = calloc(1, sizeof *package + count);
            assert_non_null(package);
            *package = (struct package){.net = net, .place = i % count, .dst = dst};
            packages->sent++;
            package_go(package);
        }
        routing_bench_run(net->bench, SL_MS);
    }
}

struct ls_packages ls_network_packages(const struct network *net) {
    return ((const struct ls_checks *)net->own)->packages;
}

static void on_expect(struct network *net) {
    for (uint32_t dst = 0; dst < net->bench->node_count; dst++)
        (void)recount(net, NULL, dst);
}

static bool is_full(const struct network *net) {
    const struct ls_checks *own = net->own;
    return own->broken_sum == 0;
}

/* ---- the checks at rest ---- */

/* Of an adjacency that both ends hold: what it costs here, and where it leads. */
static uint32_t edge_from(const struct network *net, const bench_node *node, uint32_t i, uint32_t *far,
                          slow_link *link) {
    const bench_edge *edge = &net->bench->edges[node->edges[i]];
    int end = edge->place[1] == node->place;
    if (!network_counts(net, edge))
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
        bool leads_on = !net->bench->nodes[far].leaf || far == target;
        bool is_free = leads_on && to_target[far] < to_us[far] + to_target[node->place];
        adjacent++;
        possible += is_free && link != offer->via[0];
        for (uint32_t c = 1; c < offer->count; c++) {
            net->failures[LEADING_BACK] += offer->via[c] == link && !is_free;
            net->failures[SUBOPTIMAL] += offer->via[c] == link && offer->metric[c] != cost + to_target[far];
        }
    }
    if (adjacent <= FULL_VIEW)
        net->failures[STARVED] += offer->count - 1 != (possible < BENCH_CANDIDATES ? possible : BENCH_CANDIDATES - 1);
}

static void verify_route(struct network *net, const bench_node *node, uint32_t target, const uint64_t *all) {
    slow_id id = routing_bench_id(target);
    uint32_t metric = 0;
    slow_link via;
    const uint64_t *to_target = all + (size_t)target * net->bench->node_count;
    bool has = network_inspect(node)->selected(node->self, &id, &via, &metric);
    if (to_target[node->place] == NETWORK_FAR) {
        net->failures[STALE] += has || node->offers[target].count > 0;
        return;
    }
    net->failures[MISSING] += !has || node->offers[target].count == 0;
    if (!has || node->offers[target].count == 0)
        return;
    net->failures[SUBOPTIMAL] += metric != to_target[node->place] || node->offers[target].metric[0] != metric ||
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
        net->failures[DATABASE] += inspect->digest(bench->nodes[a].self) != inspect->digest(bench->nodes[b].self);
    }
}

const struct network_strategy network_strategy = {
    .module = slow_module_v1_routing_link_state,
    .rest_ns = 3 * SL_SECOND,
    .own_new = checks_new,
    .own_free = checks_free,
    .on_offer = on_offer,
    .on_send = on_send,
    .expect = on_expect,
    .is_full = is_full,
    .verify_route = verify_route,
    .verify_rest = verify_databases,
};
