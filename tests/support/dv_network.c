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

#define REST_NS (1 * SL_SECOND) /* longer than any pause between two messages that follow from each other */
#define RESTLESS_NS (200 * SL_SECOND)
#define WATCH_NS (30 * SL_SECOND)
#define EPOCH_FIRST UINT64_C(1600000000000)

const slow_module *slow_module_v1_routing_distance_vector(void);

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
    if (memcmp(&node->id, &id, sizeof id) == 0) {
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

static bool is_named(const bench_node *node, uint32_t dst) {
    slow_id id = routing_bench_id(dst);
    return memcmp(&node->id, &id, sizeof id) == 0;
}

/* Depth first over all installed next hops, across adjacencies that both ends hold. */
static bool reaches(struct network *net, const bench_node *start, const bench_node *goal, uint32_t dst) {
    uint32_t top = 0;
    net->marker++;
    net->stack[top++] = start->place;
    net->mark[start->place] = net->marker;
    while (top > 0) {
        const bench_node *node = &net->bench->nodes[net->stack[--top]];
        if (node == goal)
            return true;
        for (uint32_t i = 0; !is_named(node, dst) && i < node->offers[dst].count; i++) {
            const bench_node *peer = routing_bench_peer(node, node->offers[dst].via[i]);
            if (peer == NULL || net->mark[peer->place] == net->marker)
                continue;
            net->mark[peer->place] = net->marker;
            net->stack[top++] = peer->place;
        }
    }
    return false;
}

static void fd_check(struct network *net, const bench_node *node, uint32_t dst, bool known, dv_inspect_word fd) {
    dv_inspect_word *last = &net->fds[node->place * net->bench->node_count + dst];
    if (known && last->epoch != 0 && is_nearer(*last, fd))
        net->failures.backwards++;
    *last = known ? fd : (dv_inspect_word){.epoch = 0};
}

static void on_offer(void *arg, bench_node *node, uint32_t dst, const bench_offer *before) {
    struct network *net = arg;
    const bench_offer *now = &node->offers[dst];
    dv_inspect_word mine, theirs;
    bool known = feasibility(node, dst, &mine);
    fd_check(net, node, dst, known, mine);
    for (uint32_t i = 0; i < now->count; i++) {
        if (routing_bench_edge_of(node, now->via[i]) == NULL)
            net->failures.dead_hops++;
        const bench_node *peer = routing_bench_peer(node, now->via[i]);
        if (peer == NULL)
            continue;
        if (!feasibility(peer, dst, &theirs) || (known && !is_nearer(theirs, mine)))
            net->failures.rises++;
        if (!has_via(before, now->via[i]) && reaches(net, peer, node, dst))
            net->failures.cycles++;
    }
    bool is = now->count > 0, was = before->count > 0;
    if (is == was && (!is || (now->via[0] == before->via[0] && now->metric[0] == before->metric[0])))
        return;
    net->changed_at = sl_world_now(net->bench->world);
    net->routes += (uint32_t)is - (uint32_t)was;
    if (is != was && net->routes == net->wanted)
        net->full_at = net->changed_at;
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

/* ---- coming and going ---- */

void network_init(struct network *net, uint64_t seed, const topology *graph, const char *options) {
    uint32_t count = graph->node_count;
    *net = (struct network){
        .bench = routing_bench_new(seed, graph, slow_module_v1_routing_distance_vector()->plugins[0], options),
        .clock_ms = EPOCH_FIRST,
        .epochs = calloc(count, sizeof *net->epochs),
        .fds = calloc((size_t)count * count, sizeof *net->fds),
        .stack = calloc(count, sizeof *net->stack),
        .mark = calloc(count, sizeof *net->mark),
    };
    assert_true(net->epochs != NULL && net->fds != NULL && net->stack != NULL && net->mark != NULL);
    net->bench->on_offer = on_offer;
    net->bench->on_send = on_send;
    net->bench->arg = net;
    for (uint32_t place = 0; place < count; place++)
        network_start(net, place, place, false);
}

void network_free(struct network *net) {
    routing_bench_free(net->bench);
    free(net->epochs);
    free(net->fds);
    free(net->stack);
    free(net->mark);
}

void network_start(struct network *net, uint32_t place, uint32_t name, bool clock_back) {
    net->clock_ms += 1000;
    net->epochs[place] = clock_back ? net->epochs[place] - 500 : net->clock_ms;
    memset(&net->fds[place * net->bench->node_count], 0, net->bench->node_count * sizeof *net->fds);
    routing_bench_start(net->bench, place, name, net->epochs[place]);
}

void network_kill(struct network *net, uint32_t place, slow_time skew_ns) {
    for (uint32_t dst = 0; dst < net->bench->node_count; dst++)
        net->routes -= net->bench->nodes[place].offers[dst].count > 0;
    routing_bench_kill(net->bench, place, skew_ns);
}

/* ---- rest ---- */

static uint64_t pending(const struct network *net) {
    uint64_t count = 0;
    for (uint32_t place = 0; place < net->bench->node_count; place++) {
        const bench_node *node = &net->bench->nodes[place];
        count += node->instance == NULL ? 0 : network_inspect(node)->pending(node->self);
    }
    return count;
}

void network_settle(struct network *net) {
    slow_time begin = sl_world_now(net->bench->world);
    uint64_t said;
    do {
        said = net->entries + net->requests;
        routing_bench_run(net->bench, REST_NS);
        if (net->stop_early && network_failed(net) > 0)
            return;
    } while ((said != net->entries + net->requests || pending(net) > 0) &&
             sl_world_now(net->bench->world) < begin + RESTLESS_NS);
    routing_bench_run(net->bench, WATCH_NS);
    if (said != net->entries + net->requests)
        net->failures.restless++;
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
    uint32_t *island = net->stack;
    islands(bench, island);
    net->wanted = 0;
    for (uint32_t a = 0; a < bench->node_count; a++)
        for (uint32_t b = 0; b < bench->node_count; b++)
            net->wanted += a != b && bench->nodes[a].instance != NULL && bench->nodes[b].instance != NULL &&
                           island[a] == island[b];
    if (net->routes == net->wanted)
        net->full_at = sl_world_now(bench->world);
}

/* ---- the checks at rest ---- */

#define FAR UINT64_MAX

/* From everyone to `target`, over what the strategies were told that each edge costs. */
static void distances(const routing_bench *bench, uint32_t target, uint64_t *found, bool *done) {
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
            if (edge->held[0] != 0 && edge->held[0] == edge->held[1] && total < found[edge->place[far]])
                found[edge->place[far]] = total;
        }
    }
}

/* Could it have an alternate: are two of its neighbours nearer to the target than it is? */
static bool has_two_nearer(const bench_node *node, const uint64_t *found) {
    uint32_t nearer = 0;
    for (uint32_t i = 0; i < node->edge_count; i++) {
        const bench_edge *edge = &node->bench->edges[node->edges[i]];
        nearer += edge->held[0] != 0 && edge->held[0] == edge->held[1] &&
                  found[edge->place[edge->place[0] == node->place]] < found[node->place];
    }
    return nearer > 1;
}

static void verify_route(struct network *net, const bench_node *node, uint32_t target, const uint64_t *found) {
    slow_id id = routing_bench_id(target);
    dv_inspect_word word;
    slow_link via;
    bool has = network_inspect(node)->selected(node->self, &id, &via, &word);
    if (found[node->place] == FAR) {
        net->failures.stale += has;
        return;
    }
    net->failures.missing += !has;
    net->failures.suboptimal += has && word.metric != found[node->place];
    net->failures.starved += has_two_nearer(node, found) && node->offers[target].count <= 1;
}

static bool is_same(bool a_is, dv_inspect_word a, bool b_is, dv_inspect_word b) {
    return a_is == b_is && (!a_is || (a.epoch == b.epoch && a.seq == b.seq && a.metric == b.metric));
}

/* Of a word whose number may be older than its own a node remembers everything but that number. */
static bool is_no_newer(const bench_node *node, uint32_t dst, dv_inspect_word heard) {
    slow_id id = routing_bench_id(dst);
    dv_inspect_word own = network_inspect(node)->own(node->self);
    slow_link via;
    return (is_named(node, dst) || network_inspect(node)->selected(node->self, &id, &via, &own)) &&
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
        if (peer == NULL || is_named(peer, dst))
            continue;
        bool is_told = network_inspect(node)->told(node->self, link, &id, &told);
        bool is_heard = network_inspect(peer)->heard(peer->self, link, &id, &heard);
        if (is_told && is_heard && told.seq == 0 && is_no_newer(node, dst, heard))
            heard.seq = 0;
        net->failures.beliefs += !is_same(is_told, told, is_heard, heard);
    }
}

static bool is_alive(const routing_bench *bench, uint32_t name) {
    for (uint32_t place = 0; place < bench->node_count; place++)
        if (bench->nodes[place].instance != NULL && is_named(&bench->nodes[place], name))
            return true;
    return false;
}

void network_verify(struct network *net, uint32_t skip_one, uint32_t skip_other) {
    const routing_bench *bench = net->bench;
    uint64_t *found = calloc(bench->node_count, sizeof *found);
    bool *done = calloc(bench->node_count, sizeof *done);
    assert_true(found != NULL && done != NULL);
    for (uint32_t target = 0; target < bench->node_count; target++) {
        bool skip = target == skip_one || target == skip_other, alive = is_alive(bench, target);
        distances(bench, target, found, done);
        for (uint32_t place = 0; place < bench->node_count; place++) {
            const bench_node *node = &bench->nodes[place];
            if (node->instance == NULL)
                continue;
            verify_beliefs(net, node, target);
            if (!alive)
                net->failures.stale += node->offers[target].count > 0;
            else if (!skip && place != target && place != skip_one && place != skip_other)
                verify_route(net, node, target, found);
        }
    }
    net->failures.pending += pending(net);
    free(found);
    free(done);
}

struct network_alternates network_alternates(const struct network *net) {
    const routing_bench *bench = net->bench;
    struct network_alternates all = {.pairs = 0};
    uint64_t *found = calloc(bench->node_count, sizeof *found);
    bool *done = calloc(bench->node_count, sizeof *done);
    assert_true(found != NULL && done != NULL);
    for (uint32_t target = 0; target < bench->node_count; target++) {
        distances(bench, target, found, done);
        for (uint32_t place = 0; place < bench->node_count; place++) {
            const bench_node *node = &bench->nodes[place];
            if (place == target || node->instance == NULL || found[place] == FAR)
                continue;
            bool several = node->offers[target].count > 1, possible = has_two_nearer(node, found);
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

/* ---- the verdict ---- */

uint64_t network_failed(const struct network *net) {
    const struct network_failures *f = &net->failures;
    return f->cycles + f->rises + f->dead_hops + f->backwards + f->missing + f->stale + f->suboptimal + f->beliefs +
           f->pending + f->starved + f->restless;
}

void network_assert_held(const struct network *net, const char *where) {
    const struct network_failures *f = &net->failures;
    if (network_failed(net) > 0)
        fail_msg(
            "seed %" PRIu64 ", at %.3f s, after %s: %" PRIu64 " cycles, FD not falling %" PRIu64 ", FD rising %" PRIu64
            ", next hops over dead links %" PRIu64 ", missing %" PRIu64 ", stale %" PRIu64 ", suboptimal %" PRIu64
            ", beliefs that differ %" PRIu64 ", still asking %" PRIu64 ", no alternate %" PRIu64 ", restless %" PRIu64,
            net->bench->seed, (double)sl_world_now(net->bench->world) / 1e9, where, f->cycles, f->rises, f->backwards,
            f->dead_hops, f->missing, f->stale, f->suboptimal, f->beliefs, f->pending, f->starved, f->restless);
}
