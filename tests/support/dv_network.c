/* dv_network.c - see dv_network.h. */
#include "dv_network.h"
#include "plugins/routing-distance-vector/message.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const slow_module *slow_module_v1_routing_distance_vector(void);

/* What is kept beside the network. */
struct dv_checks {
    uint32_t routes;                /* first next hops installed */
    dv_inspect_word *fds;           /* by place and destination, as last seen; epoch 0 = none */
    uint32_t *stack, *mark, marker; /* of the search for cycles */
};

static void *checks_new(uint32_t count) {
    struct dv_checks *own = calloc(1, sizeof *own);
    assert_non_null(own);
    own->fds = calloc((size_t)count * count, sizeof *own->fds);
    own->stack = calloc(count, sizeof *own->stack);
    own->mark = calloc(count, sizeof *own->mark);
    assert_true(own->fds != NULL && own->stack != NULL && own->mark != NULL);
    return own;
}

static void checks_free(void *arg) {
    struct dv_checks *own = arg;
    free(own->fds);
    free(own->stack);
    free(own->mark);
    free(own);
}

static void on_start(struct network *net, uint32_t place) {
    struct dv_checks *own = net->own;
    memset(&own->fds[place * net->bench->node_count], 0, net->bench->node_count * sizeof *own->fds);
}

static void on_expect(struct network *net) {
    struct dv_checks *own = net->own;
    own->routes = 0;
    for (uint32_t place = 0; place < net->bench->node_count; place++)
        for (uint32_t dst = 0; net->bench->nodes[place].instance != NULL && dst < net->bench->node_count; dst++)
            own->routes += net->bench->nodes[place].offers[dst].count > 0;
}

static bool is_full(const struct network *net) {
    const struct dv_checks *own = net->own;
    return own->routes == net->wanted;
}

const dv_inspect *network_inspect(const bench_node *node) {
    return node->bench->plugin->extension(node->self, DV_INSPECT_ID);
}

/* ---- at every offer ---- */

/* The order of rule 1, written again: a check that asked the plugin would only repeat its mistake. */
static bool is_nearer(dv_inspect_word word, dv_inspect_word fd) {
    if (word.epoch != fd.epoch)
        return word.epoch > fd.epoch;
    return word.seq != fd.seq ? word.seq > fd.seq : word.metric < fd.metric;
}

static bool feasibility(const bench_node *node, uint32_t dst, dv_inspect_word *word) {
    slow_id id = routing_bench_id(dst);
    if (network_is_named(node, dst)) {
        *word = network_inspect(node)->own(node->self);
        return true;
    }
    return network_inspect(node)->feasibility(node->self, &id, word);
}

static bool has_via(const bench_offer *offer, slow_link via) {
    for (uint32_t i = 0; i < offer->count; i++)
        if (offer->via[i] == via)
            return true;
    return false;
}

/* Depth first over all installed next hops, across adjacencies that both ends hold. */
static bool reaches(struct network *net, const bench_node *start, const bench_node *goal, uint32_t dst) {
    struct dv_checks *own = net->own;
    uint32_t top = 0;
    own->marker++;
    own->stack[top++] = start->place;
    own->mark[start->place] = own->marker;
    while (top > 0) {
        const bench_node *node = &net->bench->nodes[own->stack[--top]];
        if (node == goal)
            return true;
        for (uint32_t i = 0; !network_is_named(node, dst) && i < node->offers[dst].count; i++) {
            const bench_node *peer = routing_bench_peer(node, node->offers[dst].via[i]);
            if (peer == NULL || own->mark[peer->place] == own->marker)
                continue;
            own->mark[peer->place] = own->marker;
            own->stack[top++] = peer->place;
        }
    }
    return false;
}

static void fd_check(struct network *net, const bench_node *node, uint32_t dst, bool known, dv_inspect_word fd) {
    struct dv_checks *own = net->own;
    dv_inspect_word *last = &own->fds[node->place * net->bench->node_count + dst];
    if (known && last->epoch != 0 && is_nearer(*last, fd))
        net->failures[FD_RISING]++;
    *last = known ? fd : (dv_inspect_word){.epoch = 0};
}

static void on_offer(void *arg, bench_node *node, uint32_t dst, const bench_offer *before) {
    struct network *net = arg;
    struct dv_checks *own = net->own;
    const bench_offer *now = &node->offers[dst];
    dv_inspect_word mine, theirs;
    bool known = feasibility(node, dst, &mine);
    fd_check(net, node, dst, known, mine);
    for (uint32_t i = 0; i < now->count; i++) {
        if (routing_bench_edge_of(node, now->via[i]) == NULL)
            net->failures[DEAD_HOP]++;
        const bench_node *peer = routing_bench_peer(node, now->via[i]);
        if (peer == NULL)
            continue;
        if (!feasibility(peer, dst, &theirs) || (known && !is_nearer(theirs, mine)))
            net->failures[FD_NOT_FALLING]++;
        if (!has_via(before, now->via[i]) && reaches(net, peer, node, dst))
            net->failures[CYCLE]++;
    }
    bool is = now->count > 0, was = before->count > 0;
    if (is == was && (!is || (now->via[0] == before->via[0] && now->metric[0] == before->metric[0])))
        return;
    own->routes += (uint32_t)is - (uint32_t)was;
    if (is != was && own->routes == net->wanted)
        net->full_at = sl_world_now(net->bench->world);
}

static void on_send(void *arg, bench_node *node, slow_bytes message) {
    struct network *net = arg;
    slow_reader in = slow_reader_of(message);
    struct dv_record record;
    (void)node;
    while (dv_record_read(&in, &record)) {
        net->entries += record.kind == DV_ORIGIN || record.kind == DV_UPDATE;
        net->requests += record.kind == DV_REQUEST;
    }
    if (!slow_reader_ok(&in))
        fail_msg("seed %" PRIu64 ": a message that its own reader refuses", net->bench->seed);
}

/* ---- the checks at rest ---- */

/* Could it have an alternate: are two of its neighbours nearer to the target than it is? */
static bool has_two_nearer(const struct network *net, const bench_node *node, const uint64_t *found) {
    uint32_t nearer = 0;
    for (uint32_t i = 0; i < node->edge_count; i++) {
        const bench_edge *edge = &net->bench->edges[node->edges[i]];
        uint32_t far = edge->place[edge->place[0] == node->place];
        bool leads_on = !net->bench->nodes[far].leaf || found[far] == 0;
        nearer += network_counts(net, edge) && leads_on && found[far] < found[node->place];
    }
    return nearer > 1;
}

static void verify_route(struct network *net, const bench_node *node, uint32_t target, const uint64_t *all) {
    const uint64_t *found = all + (size_t)target * net->bench->node_count;
    slow_id id = routing_bench_id(target);
    dv_inspect_word word;
    slow_link via;
    bool has = network_inspect(node)->selected(node->self, &id, &via, &word);
    if (found[node->place] == NETWORK_FAR) {
        net->failures[STALE] += has;
        return;
    }
    net->failures[MISSING] += !has;
    net->failures[SUBOPTIMAL] += has && word.metric != found[node->place];
    net->failures[STARVED] += has_two_nearer(net, node, found) && node->offers[target].count <= 1;
}

static bool is_same(bool a_is, dv_inspect_word a, bool b_is, dv_inspect_word b) {
    return a_is == b_is && (!a_is || (a.epoch == b.epoch && a.seq == b.seq && a.metric == b.metric));
}

/* Of a word whose number may be older than its own a node remembers everything but that number. */
static bool is_no_newer(const bench_node *node, uint32_t dst, dv_inspect_word heard) {
    slow_id id = routing_bench_id(dst);
    dv_inspect_word own = network_inspect(node)->own(node->self);
    slow_link via;
    return (network_is_named(node, dst) || network_inspect(node)->selected(node->self, &id, &via, &own)) &&
           heard.seq <= own.seq;
}

/* What we remember to have told over an edge is what is heard at its other end. */
static void verify_beliefs(struct network *net, const bench_node *node, uint32_t dst) {
    slow_id id = routing_bench_id(dst);
    for (uint32_t i = 0; i < node->edge_count; i++) {
        const bench_edge *edge = &net->bench->edges[node->edges[i]];
        slow_link link = edge->held[edge->place[1] == node->place];
        const bench_node *peer = routing_bench_peer(node, link);
        dv_inspect_word told, heard;
        if (peer == NULL || network_is_named(peer, dst))
            continue;
        bool is_told = network_inspect(node)->told(node->self, link, &id, &told);
        bool is_heard = network_inspect(peer)->heard(peer->self, link, &id, &heard);
        if (is_told && is_heard && told.seq == 0 && is_no_newer(node, dst, heard))
            heard.seq = 0;
        net->failures[BELIEF] += !is_same(is_told, told, is_heard, heard);
    }
}

static void verify_all_beliefs(struct network *net) {
    for (uint32_t place = 0; place < net->bench->node_count; place++)
        for (uint32_t dst = 0; net->bench->nodes[place].instance != NULL && dst < net->bench->node_count; dst++)
            verify_beliefs(net, &net->bench->nodes[place], dst);
}

struct dv_alternates dv_alternates(const struct network *net) {
    const routing_bench *bench = net->bench;
    struct dv_alternates all = {.pairs = 0};
    uint64_t *found = calloc(bench->node_count, sizeof *found);
    bool *done = calloc(bench->node_count, sizeof *done);
    assert_true(found != NULL && done != NULL);
    for (uint32_t target = 0; target < bench->node_count; target++) {
        network_distances(net, target, found, done);
        for (uint32_t place = 0; place < bench->node_count; place++) {
            const bench_node *node = &bench->nodes[place];
            if (place == target || node->instance == NULL || found[place] == NETWORK_FAR)
                continue;
            bool several = node->offers[target].count > 1, possible = has_two_nearer(net, node, found);
            all.pairs++;
            all.several += several;
            all.possible += possible;
            all.starved += possible && !several;
        }
    }
    free(found);
    free(done);
    return all;
}

const struct network_strategy network_strategy = {
    .module = slow_module_v1_routing_distance_vector,
    .rest_ns = 1 * SL_SECOND,
    .own_new = checks_new,
    .own_free = checks_free,
    .start = on_start,
    .on_offer = on_offer,
    .on_send = on_send,
    .expect = on_expect,
    .is_full = is_full,
    .verify_route = verify_route,
    .verify_rest = verify_all_beliefs,
};
