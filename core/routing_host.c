#include "routing_host.h"
#include <string.h>

void sl_routing_init(sl_routing *routing, sl_loop *loop, const sl_log *log, sl_stats *stats, const slow_id *self) {
    *routing = (sl_routing){.loop = loop, .log = log, .stats = stats, .self = self, .epoch = sl_wall_ms(loop)};
}

void sl_routing_wire(sl_routing *routing, sl_neighbours *neighbours, sl_forward *forward) {
    routing->neighbours = neighbours;
    routing->forward = forward;
}

static sl_routing *layer_of(const slow_host *host) {
    return sl_instance_layer(host);
}

static sl_strategy *strategy_of(const slow_host *host) {
    sl_routing *routing = layer_of(host);
    for (uint32_t i = 0; i < routing->count; i++)
        if (sl_instance_host(routing->strategies[i].instance) == host)
            return &routing->strategies[i];
    return NULL;
}

/* ---- what strategies ask for ---- */

static const slow_id *host_self(const slow_host *host) {
    return layer_of(host)->self;
}

static uint64_t host_epoch(const slow_host *host) {
    return layer_of(host)->epoch;
}

static slow_status host_send(const slow_host *host, slow_link to, slow_bytes message) {
    sl_neighbour *n = sl_neighbour_get(layer_of(host)->neighbours, to);
    const sl_strategy *strategy = strategy_of(host);
    if (message.size > SLOW_ROUTE_MESSAGE_MAX)
        return SLOW_E_TOOBIG;
    if (n == NULL || n->adjacency == 0 || strategy == NULL)
        return SLOW_E_CLOSED;
    return sl_neighbour_send(n, strategy->ops->protocol, message);
}

static slow_status host_offer(const slow_host *host, const slow_id *dst, const slow_route *routes, size_t n) {
    sl_routing *routing = layer_of(host);
    const sl_strategy *strategy = strategy_of(host);
    if (strategy == NULL)
        return SLOW_E_CLOSED;
    if (sl_id_equal(dst, routing->self))
        return SLOW_E_INVAL;
    return sl_route_table_offer(&routing->forward->table, strategy->number, strategy->preference, dst, routes, n);
}

/* Without identities there is nothing to prove, and nothing to doubt. */
static slow_status host_sign(const slow_host *host, slow_bytes statement, slow_bytes *proof) {
    (void)host;
    (void)statement;
    *proof = (slow_bytes){NULL, 0};
    return SLOW_OK;
}

static bool host_verify(const slow_host *host, const slow_id *origin, slow_bytes statement, slow_bytes proof) {
    (void)host;
    (void)origin;
    (void)statement;
    (void)proof;
    return true;
}

static const slow_routing_host routing_host = {
    .struct_size = sizeof routing_host,
    .self = host_self,
    .epoch = host_epoch,
    .send = host_send,
    .offer = host_offer,
    .sign = host_sign,
    .verify = host_verify,
};

const sl_service *sl_routing_services(void) {
    static const sl_service services[] = {{SLOW_ROUTING_HOST_ID, &routing_host}, {NULL, NULL}};
    return services;
}

/* ---- what strategies are told ---- */

static bool sees(const sl_strategy *strategy, const sl_neighbour *n) {
    return !SLOW_HAS(strategy->ops, message) || sl_neighbour_speaks(n, strategy->ops->protocol);
}

static void on_up(void *arg, sl_neighbour *n) {
    sl_routing *routing = arg;
    slow_neighbour shown = sl_neighbour_describe(n);
    for (uint32_t i = 0; i < routing->count; i++)
        if (sees(&routing->strategies[i], n))
            routing->strategies[i].ops->neighbour_up(routing->strategies[i].self, &shown);
    if (routing->choosing)
        sl_neighbour_use(n, 1); /* flooding uses every link: keep a good watch on all */
    if (routing->reachable != NULL)
        routing->reachable(routing->reachable_arg);
}

static void on_changed(void *arg, sl_neighbour *n) {
    sl_routing *routing = arg;
    slow_neighbour shown = sl_neighbour_describe(n);
    for (uint32_t i = 0; i < routing->count; i++)
        if (sees(&routing->strategies[i], n))
            routing->strategies[i].ops->neighbour_changed(routing->strategies[i].self, &shown);
}

/* The table first: not one package more to a dead link, whatever a strategy does. */
static void on_down(void *arg, sl_neighbour *n, slow_link adjacency) {
    sl_routing *routing = arg;
    sl_route_table_down(&routing->forward->table, n, adjacency);
    for (uint32_t i = 0; i < routing->count; i++)
        routing->strategies[i].ops->neighbour_down(routing->strategies[i].self, adjacency);
}

static sl_strategy *speaker(sl_routing *routing, const char *protocol) {
    for (uint32_t i = 0; i < routing->count; i++)
        if (strcmp(routing->strategies[i].ops->protocol, protocol) == 0)
            return &routing->strategies[i];
    return NULL;
}

static void on_message(void *arg, sl_neighbour *n, unsigned protocol, slow_bytes message) {
    sl_routing *routing = arg;
    const sl_strategy *strategy = speaker(routing, n->protocols.name[protocol]);
    if (strategy == NULL || !SLOW_HAS(strategy->ops, message))
        return;
    if (strategy->ops->message(strategy->self, n->adjacency, message) != SLOW_OK)
        SL_COUNT(routing->stats, drop_route_malformed);
}

static void on_restart(void *arg, sl_neighbour *n, unsigned protocol) {
    sl_routing *routing = arg;
    const sl_strategy *strategy = speaker(routing, n->protocols.name[protocol]);
    slow_neighbour shown = sl_neighbour_describe(n);
    if (strategy == NULL)
        return;
    strategy->ops->neighbour_down(strategy->self, n->adjacency);
    strategy->ops->neighbour_up(strategy->self, &shown);
}

sl_neighbour_events sl_routing_neighbour_events(sl_routing *routing) {
    return (sl_neighbour_events){.arg = routing,
                                 .up = on_up,
                                 .changed = on_changed,
                                 .down = on_down,
                                 .message = on_message,
                                 .restart = on_restart};
}

/* ---- who decides ---- */

static size_t on_choose(void *arg, slow_bytes package, const slow_route_view *view, slow_link in, const sl_route *route,
                        slow_link *out, size_t n) {
    sl_routing *routing = arg;
    /* A copy: a strategy may offer() while it chooses, and then the table is another. */
    bool has_best = route != NULL && route->next_hop != NULL;
    sl_candidate best = has_best ? route->candidates[route->chosen] : (sl_candidate){.via = 0};
    size_t answer = SIZE_MAX;
    for (uint32_t i = 0; i < routing->count; i++) {
        const sl_strategy *strategy = &routing->strategies[i];
        if (!SLOW_HAS(strategy->ops, choose))
            continue;
        bool heard = answer == SIZE_MAX &&
                     (!has_best || best.strategy == strategy->number || strategy->preference > best.preference);
        slow_link ignored[SL_NEIGHBOUR_LINKS];
        size_t count = strategy->ops->choose(strategy->self, package, view, in, heard ? out : ignored,
                                             heard ? n : SL_NEIGHBOUR_LINKS);
        if (heard && (count > 0 || !has_best || best.strategy == strategy->number))
            answer = count;
    }
    return answer;
}

/* ---- life ---- */

static void choosing_update(sl_routing *routing) {
    bool before = routing->choosing;
    routing->choosing = false;
    for (uint32_t i = 0; i < routing->count; i++)
        routing->choosing |= SLOW_HAS(routing->strategies[i].ops, choose);
    routing->forward->events.choose = routing->choosing ? on_choose : NULL;
    routing->forward->events.choose_arg = routing;
    for (uint32_t at = 0;
         before != routing->choosing && (at = sl_slots_next(&routing->neighbours->adjacencies, at)) != 0;)
        sl_neighbour_use(sl_neighbour_get(routing->neighbours, at), routing->choosing ? 1 : -1);
}

slow_status sl_routing_add(sl_routing *routing, sl_instance *instance, int32_t preference, slow_error *error) {
    const slow_routing_ops *ops = sl_instance_ops(instance);
    slow_status status = SLOW_OK;
    if (routing->count == SL_STRATEGIES_MAX)
        status = sl_error(error, SLOW_E_NOSPACE, "routing", "at most %d strategies run at once", SL_STRATEGIES_MAX);
    else if (speaker(routing, ops->protocol) != NULL)
        status = sl_error(error, SLOW_E_INVAL, "routing", "a strategy for %s runs already", ops->protocol);
    if (status != SLOW_OK) {
        sl_instance_free(instance);
        return status;
    }
    uint32_t place = routing->count++;
    for (; place > 0 && routing->strategies[place - 1].preference < preference; place--)
        routing->strategies[place] = routing->strategies[place - 1];
    routing->strategies[place] = (sl_strategy){.instance = instance,
                                               .ops = ops,
                                               .self = sl_instance_self(instance),
                                               .preference = preference,
                                               .number = ++routing->last_number};
    choosing_update(routing);
    return sl_instance_start(instance, error);
}

void sl_routing_leave(sl_routing *routing) {
    for (uint32_t i = 0; i < routing->count; i++)
        sl_instance_leave(routing->strategies[i].instance);
}

unsigned sl_routing_free(sl_routing *routing) {
    unsigned leaks = 0;
    for (uint32_t i = 0; i < routing->count; i++)
        leaks += sl_instance_free(routing->strategies[i].instance);
    routing->count = 0;
    return leaks;
}

bool sl_routing_reaches(const sl_routing *routing, const slow_id *dst) {
    const sl_route_table *table = &routing->forward->table;
    uint32_t hash = sl_route_table_hash(table, (const uint8_t *)dst->text, dst->size);
    const sl_route *route = sl_route_table_find(table, hash, (const uint8_t *)dst->text, dst->size);
    return (route != NULL && route->next_hop != NULL) ||
           (routing->choosing && routing->neighbours->adjacencies.used > 0);
}
