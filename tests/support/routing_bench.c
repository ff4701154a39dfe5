/* routing_bench.c - see routing_bench.h. */
#include "routing_bench.h"
#include "core/option.h"
#include <setjmp.h>
#include <sodium/crypto_generichash.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COST_LEAST 10u
#define COST_UNIT_US 100u

/* ---- names and edges ---- */

slow_id routing_bench_id(uint32_t number) {
    slow_id id = {.size = 0};
    id.size = (uint8_t)snprintf(id.text, sizeof id.text, "n%u", number);
    return id;
}

uint32_t routing_bench_number(const routing_bench *bench, const slow_id *id) {
    char text[SLOW_ID_MAX + 1] = "";
    unsigned number;
    memcpy(text, id->text, id->size);
    return sscanf(text, "n%u", &number) == 1 && number < bench->node_count ? number : UINT32_MAX;
}

static int end_of(const bench_edge *edge, const bench_node *node) {
    return edge->place[1] == node->place;
}

bench_edge *routing_bench_edge_of(const bench_node *node, slow_link link) {
    for (uint32_t i = 0; i < node->edge_count; i++) {
        bench_edge *edge = &node->bench->edges[node->edges[i]];
        if (edge->held[end_of(edge, node)] == link && link != 0)
            return edge;
    }
    return NULL;
}

static bool is_there(const bench_node *node) {
    return node->instance != NULL || node->puppet;
}

bench_node *routing_bench_peer(const bench_node *node, slow_link link) {
    const bench_edge *edge = routing_bench_edge_of(node, link);
    if (edge == NULL || edge->held[0] != edge->held[1])
        return NULL;
    bench_node *peer = &node->bench->nodes[edge->place[!end_of(edge, node)]];
    return is_there(peer) ? peer : NULL;
}

/* ---- what a strategy asks for ---- */

static bench_node *node_of(const slow_host *host) {
    return sl_instance_layer(host);
}

static const slow_id *host_self(const slow_host *host) {
    return &node_of(host)->id;
}

static uint64_t host_epoch(const slow_host *host) {
    return node_of(host)->epoch;
}

/* A message on its way, or news of an edge for one end. */
typedef struct parcel {
    routing_bench *bench;
    bench_edge *edge;
    int to;
    slow_link link;
    size_t size;
    uint8_t bytes[];
} parcel;

static void puppet_keep(bench_node *node, slow_bytes message) {
    uint8_t *heard = realloc(node->heard, node->heard_size + 2 + message.size);
    assert_non_null(heard);
    node->heard = heard;
    heard[node->heard_size] = (uint8_t)(message.size >> 8);
    heard[node->heard_size + 1] = (uint8_t)message.size;
    memcpy(heard + node->heard_size + 2, message.data, message.size);
    node->heard_size += 2 + message.size;
}

static void parcel_arrives(void *arg) {
    parcel *p = arg;
    bench_node *node = &p->bench->nodes[p->edge->place[p->to]];
    if (p->edge->up == p->link && p->edge->held[p->to] == p->link) {
        slow_bytes message = {p->bytes, p->size};
        if (node->puppet)
            puppet_keep(node, message);
        else if (node->ops->message(node->self, p->link, message) != SLOW_OK)
            fail_msg("seed %llu: n%u refuses what its neighbour sent", (unsigned long long)p->bench->seed, node->place);
    }
    free(p);
}

static slow_status host_send(const slow_host *host, slow_link to, slow_bytes message) {
    bench_node *node = node_of(host);
    routing_bench *bench = node->bench;
    bench_edge *edge = routing_bench_edge_of(node, to);
    if (message.size > SLOW_ROUTE_MESSAGE_MAX)
        return SLOW_E_TOOBIG;
    if (edge == NULL)
        return SLOW_E_CLOSED;
    bench->messages++;
    bench->bytes += message.size;
    bench->last_sent_at = sl_world_now(bench->world);
    sl_world_mix(bench->world, message.data, message.size);
    if (bench->on_send != NULL)
        bench->on_send(bench->arg, node, message);
    int far = !end_of(edge, node);
    const bench_node *peer = &bench->nodes[edge->place[far]];
    if (!is_there(peer) || edge->up != to)
        return SLOW_OK; /* lost, as on a wire that was cut and has not been missed yet */
    parcel *p = malloc(sizeof *p + message.size);
    assert_non_null(p);
    *p = (parcel){.bench = bench, .edge = edge, .to = far, .link = to, .size = message.size};
    memcpy(p->bytes, message.data, message.size);
    slow_time when = sl_world_now(bench->world) + edge->latency_ns;
    assert_true(sl_world_at(bench->world, peer->loop, when, parcel_arrives, free, p));
    return SLOW_OK;
}

static slow_status host_offer(const slow_host *host, const slow_id *dst, const slow_route *routes, size_t n) {
    bench_node *node = node_of(host);
    uint32_t number = routing_bench_number(node->bench, dst);
    assert_memory_not_equal(dst, &node->id, sizeof *dst);
    if (number == UINT32_MAX)
        return SLOW_OK;
    bench_offer before = node->offers[number], *now = &node->offers[number];
    now->count = (uint32_t)(n < BENCH_CANDIDATES ? n : BENCH_CANDIDATES);
    for (uint32_t i = 0; i < now->count; i++) {
        now->via[i] = routes[i].via;
        now->metric[i] = routes[i].metric;
    }
    if (node->bench->on_offer != NULL)
        node->bench->on_offer(node->bench->arg, node, number, &before);
    return SLOW_OK;
}

void routing_bench_revoke(routing_bench *bench, uint8_t key) {
    bench->revoked = key;
    for (uint32_t i = 0; i < bench->node_count; i++)
        if (bench->nodes[i].instance != NULL && SLOW_HAS(bench->nodes[i].ops, trust_changed))
            bench->nodes[i].ops->trust_changed(bench->nodes[i].self);
}

void routing_bench_prove(const slow_id *origin, slow_bytes statement, uint8_t proof[BENCH_PROOF_SIZE]) {
    routing_bench_prove_by(BENCH_KEY, origin, statement, proof);
}

void routing_bench_prove_by(uint8_t key, const slow_id *origin, slow_bytes statement, uint8_t proof[BENCH_PROOF_SIZE]) {
    crypto_generichash_state state;
    memset(proof, key, BENCH_PROOF_SIZE);
    crypto_generichash_init(&state, NULL, 0, crypto_generichash_BYTES_MAX);
    crypto_generichash_update(&state, (const uint8_t *)origin->text, origin->size);
    crypto_generichash_update(&state, (const uint8_t *)"\0", 1);
    crypto_generichash_update(&state, statement.data, statement.size);
    crypto_generichash_final(&state, proof + 1, crypto_generichash_BYTES_MAX);
}

static slow_status host_sign(const slow_host *host, slow_bytes statement, slow_bytes *proof) {
    bench_node *node = node_of(host);
    *proof = (slow_bytes){NULL, 0};
    if (!node->bench->identities)
        return SLOW_OK;
    routing_bench_prove(&node->id, statement, node->proof);
    *proof = (slow_bytes){node->proof, sizeof node->proof};
    return SLOW_OK;
}

static bool host_verify(const slow_host *host, const slow_id *origin, uint64_t epoch, slow_bytes statement,
                        slow_bytes proof) {
    bench_node *node = node_of(host);
    uint8_t right[BENCH_PROOF_SIZE], key = proof.size > 0 ? proof.data[0] : 0;
    if (!node->bench->identities)
        return true;
    node->bench->verified += proof.size > 0;
    routing_bench_prove_by(key, origin, statement, right);
    bool is_right = proof.size == sizeof right && memcmp(proof.data, right, sizeof right) == 0;
    is_right &= key != 0 && key != node->bench->revoked && epoch <= sl_wall_ms(node->loop) + SLOW_EPOCH_AHEAD_MS;
    bool asks = proof.size == 0 && memcmp(origin, &node->id, sizeof *origin) == 0; /* are there identities? */
    node->bench->refused += !is_right && !asks;
    return is_right;
}

static bool host_is_leaf(const slow_host *host) {
    return node_of(host)->leaf;
}

/* Puppets have to be told by the test; see said_again. */
static void host_say_again(const slow_host *host, slow_link link) {
    bench_node *node = node_of(host);
    bench_edge *edge = routing_bench_edge_of(node, link);
    assert_non_null(edge);
    node->bench->said_again++;
    node->bench->said_again_last = edge->place[edge->place[0] == node->place];
}

static const slow_routing_host routing_host = {
    .struct_size = sizeof routing_host,
    .self = host_self,
    .epoch = host_epoch,
    .send = host_send,
    .offer = host_offer,
    .sign = host_sign,
    .verify = host_verify,
    .is_leaf = host_is_leaf,
    .say_again = host_say_again,
};

static void on_log(void *arg, int level, const char *who, const char *text) {
    bench_node *node = arg;
    (void)who;
    if (level > SLOW_LOG_WARN)
        return;
    node->log_count++;
    snprintf(node->last_log, sizeof node->last_log, "%s", text);
}

/* ---- the whole ---- */

static void node_edges_find(routing_bench *bench, bench_node *node) {
    node->edges = calloc(bench->edge_count, sizeof *node->edges);
    assert_non_null(node->edges);
    for (uint32_t i = 0; i < bench->edge_count; i++)
        if (bench->edges[i].place[0] == node->place || bench->edges[i].place[1] == node->place)
            node->edges[node->edge_count++] = i;
}

routing_bench *routing_bench_new(uint64_t seed, const topology *graph, const slow_plugin *plugin, const char *options) {
    routing_bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    *bench = (routing_bench){
        .world = sl_world_new(seed),
        .pool = sl_pool_new(),
        .plugin = plugin,
        .options = options != NULL ? options : "{}",
        .seed = seed,
        .node_count = graph->node_count,
        .edge_count = graph->edge_count,
        .identities = getenv("SLOW_IDENTITIES") != NULL,
        .nodes = calloc(graph->node_count, sizeof *bench->nodes),
        .edges = calloc(graph->edge_count, sizeof *bench->edges),
    };
    assert_non_null(bench->world);
    assert_non_null(bench->pool);
    assert_non_null(bench->nodes);
    assert_non_null(bench->edges);
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        const topology_edge *edge = &graph->edges[i];
        uint32_t cost = (edge->latency_us + COST_UNIT_US / 2) / COST_UNIT_US;
        cost = cost < COST_LEAST ? COST_LEAST : cost;
        bench->edges[i] = (bench_edge){
            .place = {edge->a, edge->b}, .latency_ns = (slow_time)edge->latency_us * 1000, .cost = {cost, cost}};
    }
    for (uint32_t i = 0; i < graph->node_count; i++) {
        bench->nodes[i] = (bench_node){.bench = bench, .place = i};
        node_edges_find(bench, &bench->nodes[i]);
        bench->nodes[i].offers = calloc(graph->node_count, sizeof *bench->nodes[i].offers);
        assert_non_null(bench->nodes[i].offers);
    }
    return bench;
}

static void node_end(bench_node *node) {
    if (node->instance != NULL)
        assert_int_equal(sl_instance_free(node->instance), 0);
    sl_loop_free(node->loop);
    node->instance = NULL;
    node->loop = NULL;
    node->puppet = false;
    routing_bench_ignore(node);
    memset(node->offers, 0, node->bench->node_count * sizeof *node->offers);
}

void routing_bench_free(routing_bench *bench) {
    for (uint32_t i = 0; i < bench->node_count; i++) {
        node_end(&bench->nodes[i]);
        free(bench->nodes[i].edges);
        free(bench->nodes[i].offers);
    }
    sl_world_free(bench->world);
    sl_pool_free(bench->pool);
    free(bench->nodes);
    free(bench->edges);
    free(bench);
}

/* ---- coming and going ---- */

static sl_instance *instance_new(bench_node *node) {
    static const sl_service services[] = {{SLOW_ROUTING_HOST_ID, &routing_host}, {NULL, NULL}};
    routing_bench *bench = node->bench;
    node->log = (sl_log){.sink = on_log, .arg = node, .level = SLOW_LOG_WARN};
    sl_instance_env env = {
        .loop = node->loop, .pool = bench->pool, .log = &node->log, .services = services, .layer = node};
    sl_json_text text = {.text = bench->options, .size = strlen(bench->options)};
    sl_json_at at = sl_json_at_root(&text);
    slow_error error = {.code = SLOW_OK};
    sl_instance *instance = NULL;
    void *config;
    sl_json *object = sl_json_parse(&text, &error);
    if (object == NULL || sl_option_new(bench->plugin, NULL, object, &at, &config, &error) != SLOW_OK ||
        sl_instance_new(bench->plugin, config, sl_option_free, &env, &instance, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    sl_json_free(object);
    return instance;
}

void routing_bench_start(routing_bench *bench, uint32_t place, uint32_t name, uint64_t epoch) {
    bench_node *node = &bench->nodes[place];
    slow_error error = {.code = SLOW_OK};
    assert_false(is_there(node));
    node->id = routing_bench_id(name);
    node->epoch = epoch;
    node->loop = sl_loop_virtual_new(bench->world);
    assert_non_null(node->loop);
    node->instance = instance_new(node);
    node->ops = sl_instance_ops(node->instance);
    node->self = sl_instance_self(node->instance);
    if (sl_instance_start(node->instance, &error) != SLOW_OK)
        fail_msg("%s", error.text);
}

void routing_bench_puppet(routing_bench *bench, uint32_t place) {
    bench_node *node = &bench->nodes[place];
    assert_false(is_there(node));
    node->id = routing_bench_id(place);
    node->puppet = true;
    node->loop = sl_loop_virtual_new(bench->world);
    assert_non_null(node->loop);
}

static void end_down(bench_edge *edge, int end, routing_bench *bench) {
    bench_node *node = &bench->nodes[edge->place[end]];
    slow_link link = edge->held[end];
    edge->held[end] = 0;
    if (link != 0 && node->instance != NULL)
        node->ops->neighbour_down(node->self, link);
}

static void news_down(void *arg) {
    parcel *p = arg;
    if (p->edge->held[p->to] == p->link)
        end_down(p->edge, p->to, p->bench);
    free(p);
}

static slow_neighbour neighbour_at(const bench_edge *edge, int end, const routing_bench *bench) {
    return (slow_neighbour){.link = edge->held[end],
                            .cost = edge->cost[end],
                            .rtt = 2 * edge->latency_ns,
                            .mtu = 1400,
                            .flags = bench->nodes[edge->place[!end]].leaf ? SLOW_NEIGHBOUR_LEAF : 0,
                            .id = bench->nodes[edge->place[!end]].id};
}

static void news_up(void *arg) {
    parcel *p = arg;
    bench_node *node = &p->bench->nodes[p->edge->place[p->to]];
    if (p->edge->up == p->link) {
        p->edge->held[p->to] = p->link;
        slow_neighbour neighbour = neighbour_at(p->edge, p->to, p->bench);
        if (node->instance != NULL)
            node->ops->neighbour_up(node->self, &neighbour);
    }
    free(p);
}

static void news_cost(void *arg) {
    parcel *p = arg;
    bench_node *node = &p->bench->nodes[p->edge->place[p->to]];
    slow_neighbour neighbour = neighbour_at(p->edge, p->to, p->bench);
    if (neighbour.link != 0 && node->instance != NULL)
        node->ops->neighbour_changed(node->self, &neighbour);
    free(p);
}

/* News for one end, in a turn of its own loop. */
static void tell(routing_bench *bench, bench_edge *edge, int end, slow_link link, slow_time delay_ns, sl_call news) {
    const bench_node *node = &bench->nodes[edge->place[end]];
    if (!is_there(node))
        return;
    parcel *p = malloc(sizeof *p);
    assert_non_null(p);
    *p = (parcel){.bench = bench, .edge = edge, .to = end, .link = link};
    assert_true(sl_world_at(bench->world, node->loop, sl_world_now(bench->world) + delay_ns, news, free, p));
}

void routing_bench_join(routing_bench *bench, uint32_t index) {
    bench_edge *edge = &bench->edges[index];
    if (edge->up != 0 || !is_there(&bench->nodes[edge->place[0]]) || !is_there(&bench->nodes[edge->place[1]]))
        return;
    edge->up = ++bench->last_link;
    for (int end = 0; end < 2; end++) {
        end_down(edge, end, bench);
        tell(bench, edge, end, edge->up, 0, news_up);
    }
}

void routing_bench_join_all(routing_bench *bench) {
    for (uint32_t i = 0; i < bench->edge_count; i++)
        routing_bench_join(bench, i);
}

void routing_bench_cut(routing_bench *bench, uint32_t index, slow_time skew_ns) {
    bench_edge *edge = &bench->edges[index];
    slow_link link = edge->up;
    edge->up = 0;
    for (int end = 0; link != 0 && end < 2; end++)
        tell(bench, edge, end, link, skew_ns > 0 ? sl_world_random(bench->world) % skew_ns : 0, news_down);
}

void routing_bench_kill(routing_bench *bench, uint32_t place, slow_time skew_ns) {
    bench_node *node = &bench->nodes[place];
    for (uint32_t i = 0; i < node->edge_count; i++) {
        bench_edge *edge = &bench->edges[node->edges[i]];
        routing_bench_cut(bench, node->edges[i], skew_ns);
        edge->held[end_of(edge, node)] = 0;
    }
    node_end(node);
}

void routing_bench_cost(routing_bench *bench, uint32_t index, int end, uint32_t cost) {
    bench->edges[index].cost[end] = cost;
    tell(bench, &bench->edges[index], end, 0, 0, news_cost);
}

void routing_bench_run(routing_bench *bench, slow_time for_ns) {
    sl_world_run(bench->world, sl_world_now(bench->world) + for_ns);
}

/* ---- puppets ---- */

slow_status routing_bench_say(routing_bench *bench, uint32_t puppet, uint32_t index, slow_bytes message) {
    bench_edge *edge = &bench->edges[index];
    int far = !end_of(edge, &bench->nodes[puppet]);
    bench_node *node = &bench->nodes[edge->place[far]];
    assert_true(bench->nodes[puppet].puppet && edge->held[far] != 0);
    return node->ops->message(node->self, edge->held[far], message);
}

size_t routing_bench_hear(bench_node *puppet, uint8_t out[SLOW_ROUTE_MESSAGE_MAX]) {
    if (puppet->heard_size == 0)
        return 0;
    size_t size = (size_t)(puppet->heard[0] << 8 | puppet->heard[1]);
    memcpy(out, puppet->heard + 2, size);
    puppet->heard_size -= 2 + size;
    memmove(puppet->heard, puppet->heard + 2 + size, puppet->heard_size);
    return size;
}

void routing_bench_ignore(bench_node *puppet) {
    free(puppet->heard);
    puppet->heard = NULL;
    puppet->heard_size = 0;
}
