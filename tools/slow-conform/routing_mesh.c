/* A mesh for strategies alone: many instances of one plugin, and between them what the core makes of links.
 *
 * An edge is an adjacency with a number, the same at both ends. Messages over it come whole and in order after its latency,
 * or not at all once either end has lost it; each end notices a cut by itself. What a strategy offers is written down, and a
 * package is sent as the core would send it (routing_walk.c). Time is virtual and shared, and everything that happens has its
 * place in one order, so a seed gives one history.
 *
 * Whole junctions of sim/ would do as well, and do in the simulator: there a strategy is measured. Here less is better: a
 * failure is to be told in words of slow/routing.h, and the host of this tool sees each call.
 *
 * An instance finds out who it is already in create(), before it has a place here. So its name follows from the seed with
 * which it is created: that modulo MESH_NODES is the place, and the last MESH_LEAVES places are leaves. */
#include "routing_mesh.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_FIRST UINT64_C(1600000000000) /* milliseconds */
#define SKEW_NS (50 * MESH_MS)              /* within which the ends of an edge notice that it is cut */
#define COST_UNIT_NS UINT64_C(100000)

enum parcel_kind { PARCEL_MESSAGE, PARCEL_UP, PARCEL_DOWN, PARCEL_COST };

/* A message on its way, or news of an edge for one end. */
typedef struct mesh_parcel {
    slow_time when;
    uint64_t order;
    enum parcel_kind kind;
    mesh_edge *edge;
    int end;
    slow_link link;
    size_t size;
    uint8_t bytes[];
} mesh_parcel;

#define NODE(digits) \
    { .size = 6, .text = "node" digits }
#define LEAF(digits) \
    { .size = 6, .text = "leaf" digits }
static const slow_id names[MESH_NODES] = {
    NODE("00"), NODE("01"), NODE("02"), NODE("03"), NODE("04"), NODE("05"), NODE("06"), NODE("07"),
    NODE("08"), NODE("09"), NODE("10"), NODE("11"), NODE("12"), NODE("13"), NODE("14"), NODE("15"),
    NODE("16"), NODE("17"), NODE("18"), NODE("19"), NODE("20"), NODE("21"), NODE("22"), NODE("23"),
    LEAF("24"), LEAF("25"), LEAF("26"), LEAF("27"), LEAF("28"), LEAF("29"), LEAF("30"), LEAF("31"),
};

const slow_id *mesh_id(int place) {
    return &names[place];
}

static int place_named(const slow_id *id) {
    for (int place = 0; place < MESH_NODES; place++)
        if (id->size == names[place].size && memcmp(id->text, names[place].text, id->size) == 0)
            return place;
    return MESH_NOBODY;
}

static int place_of_seed(uint64_t seed) {
    return (int)(seed % MESH_NODES);
}

static bool is_leaf(int place) {
    return place >= MESH_PLACES;
}

/* ---- edges ---- */

static int end_of(const mesh_edge *edge, const mesh_node *node) {
    return edge->place[1] == node->place;
}

mesh_edge *mesh_edge_of(const mesh_node *node, slow_link link) {
    for (int i = 0; i < node->mesh->edge_count; i++) {
        mesh_edge *edge = &node->mesh->edges[i];
        bool ends_here = edge->place[0] == node->place || edge->place[1] == node->place;
        if (ends_here && link != 0 && edge->held[end_of(edge, node)] == link)
            return edge;
    }
    return NULL;
}

mesh_node *mesh_peer(const mesh_node *node, slow_link link) {
    const mesh_edge *edge = mesh_edge_of(node, link);
    if (edge == NULL || edge->held[0] != edge->held[1])
        return NULL;
    mesh_node *peer = &node->mesh->nodes[edge->place[!end_of(edge, node)]];
    return peer->there ? peer : NULL;
}

bool mesh_connected(const routing_mesh *m, int from, int to) {
    bool reached[MESH_NODES] = {false};
    reached[from] = true;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < m->edge_count; i++) {
            const mesh_edge *edge = &m->edges[i];
            for (int end = 0; edge->held[0] != 0 && edge->held[0] == edge->held[1] && end < 2; end++) {
                int here = edge->place[end], there = edge->place[!end];
                bool passes = reached[here] && (here == from || !is_leaf(here));
                more = more || (passes && !reached[there]);
                reached[there] = reached[there] || passes;
            }
        }
    }
    return reached[to];
}

/* ---- what is on its way ---- */

static bool sooner(const mesh_parcel *a, const mesh_parcel *b) {
    return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static void parcel_add(routing_mesh *m, mesh_parcel *p) {
    if (m->waiting_count == m->waiting_room) {
        m->waiting_room = m->waiting_room * 2 + 64;
        m->waiting = realloc(m->waiting, m->waiting_room * sizeof(mesh_parcel *));
        if (m->waiting == NULL)
            abort();
    }
    p->order = ++m->order;
    size_t at = m->waiting_count++;
    for (; at > 0 && sooner(p, m->waiting[(at - 1) / 2]); at = (at - 1) / 2)
        m->waiting[at] = m->waiting[(at - 1) / 2];
    m->waiting[at] = p;
}

static mesh_parcel *parcel_take(routing_mesh *m) {
    mesh_parcel *first = m->waiting[0], *last = m->waiting[--m->waiting_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < m->waiting_count && sooner(m->waiting[child + 1], m->waiting[child]))
            child++;
        if (child >= m->waiting_count || !sooner(m->waiting[child], last))
            break;
        m->waiting[at] = m->waiting[child];
        at = child;
    }
    m->waiting[at] = last;
    return first;
}

static mesh_parcel *parcel_new(const routing_mesh *m, enum parcel_kind kind, mesh_edge *edge, int end, slow_link link,
                               slow_time delay_ns, slow_bytes bytes) {
    mesh_parcel *p = malloc(sizeof *p + bytes.size);
    if (p == NULL)
        abort();
    *p = (mesh_parcel){
        .when = m->c->now + delay_ns, .kind = kind, .edge = edge, .end = end, .link = link, .size = bytes.size};
    if (bytes.size > 0)
        memcpy(p->bytes, bytes.data, bytes.size);
    return p;
}

/* ---- what a strategy asks for ---- */

static mesh_node *node_of(const slow_host *host) {
    return conform_instance_of(host)->layer;
}

static const slow_id *on_self(const slow_host *host) {
    bool was = conform_host_enter(conform_instance_of(host), "self");
    conform_host_leave(was);
    return &names[place_of_seed(conform_instance_of(host)->seed)];
}

static uint64_t on_epoch(const slow_host *host) {
    bool was = conform_host_enter(conform_instance_of(host), "epoch");
    conform_host_leave(was);
    return EPOCH_FIRST + conform_instance_of(host)->begun / MESH_MS;
}

static void hear(routing_mesh *m, slow_bytes message) {
    mesh_message *heard = &m->heard[m->heard_count++ % MESH_HEARD];
    memcpy(heard->bytes, message.data, message.size);
    heard->size = message.size;
}

static slow_status send_from(mesh_node *node, slow_link to, slow_bytes message) {
    mesh_edge *edge = node == NULL ? NULL : mesh_edge_of(node, to);
    if (message.size > SLOW_ROUTE_MESSAGE_MAX)
        return SLOW_E_TOOBIG;
    if (edge == NULL)
        return SLOW_E_CLOSED;
    if (conform_host_refuses())
        return SLOW_E_NOMEM;
    routing_mesh *m = node->mesh;
    int far = !end_of(edge, node);
    if (m->heard != NULL)
        hear(m, message);
    if (edge->up == to && m->nodes[edge->place[far]].there && m->deaf != edge->place[far])
        parcel_add(m, parcel_new(m, PARCEL_MESSAGE, edge, far, to, edge->latency_ns, message));
    return SLOW_OK; /* or lost, as on a wire that was cut and has not been missed yet */
}

static slow_status on_send(const slow_host *host, slow_link to, slow_bytes message) {
    bool was = conform_host_enter(conform_instance_of(host), "send");
    conform_trace(conform_instance_of(host), &to, sizeof to);
    conform_trace(conform_instance_of(host), message.data, message.size);
    slow_status status = send_from(node_of(host), to, message);
    conform_host_leave(was);
    return status;
}

static slow_status offer_at(mesh_node *node, const slow_id *dst, const slow_route *routes, size_t n) {
    int to = place_named(dst);
    if (conform_host_refuses())
        return SLOW_E_NOMEM;
    if (node == NULL || to == MESH_NOBODY)
        return SLOW_OK;
    mesh_offer *offer = &node->offers[to];
    offer->count = n < MESH_CANDIDATES ? n : MESH_CANDIDATES;
    for (size_t i = 0; i < offer->count; i++)
        offer->routes[i] = routes[i];
    if (node->mesh->watches_loops)
        mesh_no_cycle(node, to);
    return SLOW_OK;
}

static slow_status on_offer(const slow_host *host, const slow_id *dst, const slow_route *routes, size_t n) {
    conform_instance *instance = conform_instance_of(host);
    bool was = conform_host_enter(instance, "offer");
    if (dst->size == 0 || dst->size > SLOW_ID_MAX)
        conform_fail(instance->conform, "slow/base.h, slow_id", "1..63 bytes", "offered routes to an id of %u bytes",
                     dst->size);
    conform_trace(instance, dst->text, dst->size);
    for (size_t i = 0; i < n; i++) {
        conform_trace(instance, &routes[i].via, sizeof routes[i].via);
        conform_trace(instance, &routes[i].metric, sizeof routes[i].metric);
    }
    slow_status status = offer_at(node_of(host), dst, routes, n);
    conform_host_leave(was);
    return status;
}

static slow_status on_sign(const slow_host *host, slow_bytes statement, slow_bytes *proof) {
    bool was = conform_host_enter(conform_instance_of(host), "sign");
    (void)statement;
    *proof = (slow_bytes){NULL, 0};
    conform_host_leave(was);
    return SLOW_OK;
}

/* A network without identities. */
static bool on_verify(const slow_host *host, const slow_id *origin, uint64_t epoch, slow_bytes statement,
                      slow_bytes proof) {
    bool was = conform_host_enter(conform_instance_of(host), "verify");
    (void)origin;
    (void)epoch;
    (void)statement;
    conform_host_leave(was);
    return proof.size == 0;
}

static bool on_is_leaf(const slow_host *host) {
    bool was = conform_host_enter(conform_instance_of(host), "is_leaf");
    conform_host_leave(was);
    return is_leaf(place_of_seed(conform_instance_of(host)->seed));
}

static void on_say_again(const slow_host *host, slow_link link) {
    bool was = conform_host_enter(conform_instance_of(host), "say_again");
    (void)link;
    conform_host_leave(was);
}

const slow_routing_host mesh_host = {
    .struct_size = sizeof mesh_host,
    .self = on_self,
    .epoch = on_epoch,
    .send = on_send,
    .offer = on_offer,
    .sign = on_sign,
    .verify = on_verify,
    .is_leaf = on_is_leaf,
    .say_again = on_say_again,
};

/* ---- what a strategy is told ---- */

static const slow_routing_ops *ops_of(const mesh_node *node) {
    return node->instance->ops;
}

/* The core falls to the next candidate in the same turn, before the strategy has said anything. */
static void end_down(routing_mesh *m, mesh_edge *edge, int end) {
    mesh_node *node = &m->nodes[edge->place[end]];
    slow_link link = edge->held[end];
    edge->held[end] = 0;
    if (link == 0 || !node->there)
        return;
    for (int dst = 0; m->watches_loops && dst < MESH_NODES; dst++)
        mesh_no_cycle(node, dst);
    CONFORM_CALL(m->c, "neighbour_down()", ops_of(node)->neighbour_down(node->instance->self, link));
}

static slow_neighbour neighbour_at(const mesh_edge *edge, int end) {
    int peer = edge->place[!end];
    return (slow_neighbour){.link = edge->held[end],
                            .cost = edge->cost[end],
                            .rtt = 2 * edge->latency_ns,
                            .mtu = 1400,
                            .id = names[peer],
                            .flags = is_leaf(peer) ? SLOW_NEIGHBOUR_LEAF : 0};
}

static slow_status message_to(routing_mesh *m, mesh_node *node, slow_link from, slow_bytes message) {
    slow_status status;
    CONFORM_CALL(m->c, "message()", status = ops_of(node)->message(node->instance->self, from, message));
    return status;
}

static void news_up(routing_mesh *m, mesh_edge *edge, int end, slow_link link) {
    mesh_node *node = &m->nodes[edge->place[end]];
    if (edge->up != link || !node->there)
        return;
    end_down(m, edge, end);
    edge->held[end] = link;
    slow_neighbour neighbour = neighbour_at(edge, end);
    CONFORM_CALL(m->c, "neighbour_up()", ops_of(node)->neighbour_up(node->instance->self, &neighbour));
}

static void news_cost(routing_mesh *m, const mesh_edge *edge, int end) {
    const mesh_node *node = &m->nodes[edge->place[end]];
    slow_neighbour neighbour = neighbour_at(edge, end);
    if (neighbour.link != 0 && node->there)
        CONFORM_CALL(m->c, "neighbour_changed()", ops_of(node)->neighbour_changed(node->instance->self, &neighbour));
}

static void message_arrives(routing_mesh *m, const mesh_parcel *p) {
    const mesh_edge *edge = p->edge;
    mesh_node *node = &m->nodes[edge->place[p->end]];
    if (!node->there || edge->up != p->link || edge->held[p->end] != p->link)
        return;
    slow_status status = message_to(m, node, p->link, (slow_bytes){p->bytes, p->size});
    if (status != SLOW_OK && !m->lenient)
        conform_fail(m->c, "slow/routing.h, slow_routing_ops.message()",
                     "SLOW_E_MALFORMED is for bytes that a strategy of this kind does not send",
                     "gave %d at %.*s for %zu bytes that another instance of it had sent", (int)status,
                     names[node->place].size, names[node->place].text, p->size);
}

static void parcel_arrives(routing_mesh *m, const mesh_parcel *p) {
    switch (p->kind) {
    case PARCEL_MESSAGE:
        message_arrives(m, p);
        break;
    case PARCEL_UP:
        news_up(m, p->edge, p->end, p->link);
        break;
    case PARCEL_DOWN:
        if (p->edge->held[p->end] == p->link)
            end_down(m, p->edge, p->end);
        break;
    case PARCEL_COST:
        news_cost(m, p->edge, p->end);
        break;
    }
}

static bool comes_sooner(void *arg) {
    const routing_mesh *m = arg;
    return m->waiting_count > 0 && m->waiting[0]->when < m->until;
}

void mesh_run(routing_mesh *m, slow_time for_ns) {
    conform *c = m->c;
    slow_time end = c->now + for_ns;
    for (;;) {
        bool comes = m->waiting_count > 0 && m->waiting[0]->when <= end;
        if (comes && m->waiting[0]->when <= c->now) {
            mesh_parcel *p = parcel_take(m);
            parcel_arrives(m, p);
            free(p);
            conform_turn(m->running, m->running_count);
            continue;
        }
        if (!comes && c->now >= end)
            return;
        m->until = comes ? m->waiting[0]->when : end;
        conform_until(m->running, m->running_count, comes_sooner, m, m->until - c->now);
    }
}

slow_status mesh_say(routing_mesh *m, int index, int to, slow_bytes message) {
    const mesh_edge *edge = &m->edges[index];
    mesh_node *node = &m->nodes[to];
    slow_status status = message_to(m, node, edge->held[end_of(edge, node)], message);
    if (status > 0)
        conform_fail(m->c, "slow/routing.h, slow_routing_ops.message()", "a slow_status is 0 or negative",
                     "gave %d for %zu bytes", (int)status, message.size);
    return status;
}

/* ---- coming and going ---- */

/* News for one end. */
static void tell(routing_mesh *m, mesh_edge *edge, int end, enum parcel_kind kind, slow_link link, slow_time delay_ns) {
    if (m->nodes[edge->place[end]].there)
        parcel_add(m, parcel_new(m, kind, edge, end, link, delay_ns, (slow_bytes){NULL, 0}));
}

void mesh_join(routing_mesh *m, int index) {
    mesh_edge *edge = &m->edges[index];
    if (edge->up != 0 || !m->nodes[edge->place[0]].there || !m->nodes[edge->place[1]].there)
        return;
    edge->up = ++m->last_link;
    for (int end = 0; end < 2; end++)
        tell(m, edge, end, PARCEL_UP, edge->up, 0);
}

void mesh_join_all(routing_mesh *m) {
    for (int i = 0; i < m->edge_count; i++)
        mesh_join(m, i);
}

void mesh_cut(routing_mesh *m, int index) {
    mesh_edge *edge = &m->edges[index];
    slow_link link = edge->up;
    edge->up = 0;
    for (int end = 0; link != 0 && end < 2; end++)
        tell(m, edge, end, PARCEL_DOWN, link, conform_random_below(m->c, SKEW_NS));
}

void mesh_cost(routing_mesh *m, int index, uint32_t cost) {
    for (int end = 0; end < 2; end++) {
        m->edges[index].cost[end] = cost;
        tell(m, &m->edges[index], end, PARCEL_COST, 0, 0);
    }
}

static void place_take(routing_mesh *m, int place, conform_instance *instance) {
    m->nodes[place].instance = instance;
    m->nodes[place].there = true;
    instance->layer = &m->nodes[place];
}

void mesh_pair(routing_mesh *m, conform_instance pair[2]) {
    for (int i = 0; i < 2; i++)
        place_take(m, place_of_seed(pair[i].seed), &pair[i]);
    mesh_edge_add(m, place_of_seed(pair[0].seed), place_of_seed(pair[1].seed), 5 * MESH_MS);
    m->running = pair;
    m->running_count = 2;
}

void mesh_start(routing_mesh *m, int place) {
    conform_instance *instance = &m->instances[place];
    slow_error error;
    uint64_t seed = (m->seed + m->lives++) * MESH_NODES + (uint64_t)place;
    if (conform_create(m->c, instance, m->c->config, seed, &error) != SLOW_OK)
        conform_fail(m->c, "slow/plugin.h, slow_plugin.create()", "instances come and go", "failed: %s", error.text);
    place_take(m, place, instance);
    if (conform_start(instance, &error) != SLOW_OK)
        conform_fail(m->c, "slow/plugin.h, slow_plugin.start()", "instances come and go", "failed: %s", error.text);
}

void mesh_start_all(routing_mesh *m) {
    for (int i = 0; i < m->edge_count; i++)
        for (int end = 0; end < 2; end++)
            if (!m->nodes[m->edges[i].place[end]].there)
                mesh_start(m, m->edges[i].place[end]);
}

void mesh_kill(routing_mesh *m, int place) {
    mesh_node *node = &m->nodes[place];
    node->there = false;
    for (int i = 0; i < m->edge_count; i++) {
        mesh_edge *edge = &m->edges[i];
        if (edge->place[0] != place && edge->place[1] != place)
            continue;
        mesh_cut(m, i);
        edge->held[end_of(edge, node)] = 0;
    }
    m->trace = m->trace * 31 + node->instance->host.trace;
    conform_kill(node->instance);
    memset(node->offers, 0, sizeof node->offers);
}

uint64_t mesh_trace(const routing_mesh *m) {
    uint64_t trace = m->trace;
    for (int place = 0; place < MESH_NODES; place++)
        if (m->nodes[place].there)
            trace = trace * 31 + m->nodes[place].instance->host.trace;
    return trace;
}

/* ---- the whole ---- */

routing_mesh *mesh_new(conform *c, uint64_t seed) {
    routing_mesh *m = calloc(1, sizeof *m);
    if (m == NULL)
        abort();
    m->c = c;
    m->seed = seed;
    m->deaf = MESH_NOBODY;
    m->running = m->instances;
    m->running_count = MESH_NODES;
    for (int place = 0; place < MESH_NODES; place++) {
        m->nodes[place] = (mesh_node){.mesh = m, .place = place};
        m->instances[place].conform = c;
    }
    return m;
}

void mesh_free(routing_mesh *m) {
    for (int place = 0; place < MESH_NODES; place++) {
        if (m->nodes[place].there && m->nodes[place].instance == &m->instances[place])
            conform_kill(&m->instances[place]);
        else if (m->nodes[place].there)
            m->nodes[place].instance->layer = NULL;
    }
    while (m->waiting_count > 0)
        free(parcel_take(m));
    free(m->waiting);
    free(m->heard);
    free(m);
}

void mesh_edge_add(routing_mesh *m, int a, int b, slow_time latency_ns) {
    uint32_t cost = (uint32_t)(latency_ns / COST_UNIT_NS);
    for (int i = 0; i < m->edge_count; i++)
        if ((m->edges[i].place[0] == a && m->edges[i].place[1] == b) ||
            (m->edges[i].place[0] == b && m->edges[i].place[1] == a))
            return;
    if (a != b && m->edge_count < MESH_EDGES)
        m->edges[m->edge_count++] = (mesh_edge){.place = {a, b}, .latency_ns = latency_ns, .cost = {cost, cost}};
}

void mesh_ring(routing_mesh *m, int nodes) {
    m->shape = "a ring";
    for (int i = 0; i < nodes; i++)
        mesh_edge_add(m, i, (i + 1) % nodes, 5 * MESH_MS);
}

void mesh_grid(routing_mesh *m, int side) {
    m->shape = "a grid";
    for (int i = 0; i < side * side; i++) {
        if (i % side + 1 < side)
            mesh_edge_add(m, i, i + 1, 5 * MESH_MS);
        if (i + side < side * side)
            mesh_edge_add(m, i, i + side, 5 * MESH_MS);
    }
}

/* A random tree, and about as many edges on top. */
void mesh_random(routing_mesh *m, int nodes, uint64_t seed) {
    conform *c = m->c;
    uint64_t random = c->random;
    c->random = seed;
    m->shape = "a random mesh";
    for (int i = 1; i < 2 * nodes; i++) {
        uint64_t a = conform_random_below(c, (uint64_t)(i < nodes ? i : nodes));
        uint64_t b = i < nodes ? (uint64_t)i : conform_random_below(c, (uint64_t)nodes);
        mesh_edge_add(m, (int)a, (int)b, (1 + conform_random_below(c, 20)) * MESH_MS);
    }
    c->random = random;
}
