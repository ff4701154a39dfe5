#include "routing_host.h"
#include "id.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Before 2020 a wall clock is one that nobody has set. */
static const uint64_t CLOCK_SET_MS = UINT64_C(1577836800000);

static void end_leaving(void *arg);

void sl_routing_init(sl_routing *routing, sl_loop *loop, const sl_log *log, sl_stats *stats, sl_claim *claim) {
    *routing = (sl_routing){.loop = loop,
                            .log = log,
                            .stats = stats,
                            .self = &claim->id,
                            .protocols = &claim->protocols,
                            .last_protocol = UINT8_MAX,
                            .epoch = sl_wall_ms(loop),
                            .ending = {.fn = end_leaving, .arg = routing}};
}

void sl_routing_wire(sl_routing *routing, sl_neighbours *neighbours, sl_forward *forward) {
    routing->neighbours = neighbours;
    routing->forward = forward;
}

void sl_routing_trust(sl_routing *routing, sl_membership *membership) {
    routing->membership = membership;
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
    const sl_strategy *strategy = strategy_of(host);
    return strategy != NULL ? strategy->epoch : layer_of(host)->epoch;
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
static bool has_identities(const sl_routing *routing) {
    return routing->membership != NULL && sl_membership_is_closed(routing->membership);
}

static slow_status host_sign(const slow_host *host, slow_bytes statement, slow_bytes *proof) {
    sl_routing *routing = layer_of(host);
    *proof = (slow_bytes){NULL, 0};
    if (!has_identities(routing))
        return SLOW_OK;
    *proof = sl_membership_sign(routing->membership, statement);
    return proof->size > 0 ? SLOW_OK : SLOW_E_TOOBIG;
}

/* Did the origin not say it, or may it not be here at all? */
static bool forged(enum sl_refusal refusal) {
    return refusal == SL_REFUSED_MALFORMED || refusal == SL_REFUSED_SIGNATURE;
}

/* ---- whose words count ---- */

static uint32_t hash_of(const sl_routing *routing, const slow_id *id) {
    return sl_route_table_hash(&routing->forward->table, (const uint8_t *)id->text, id->size);
}

static void bar(sl_routing *routing, const slow_id *id, bool barred) {
    if (sl_route_table_bar(&routing->forward->table, id, barred) != SLOW_OK)
        sl_log_write(routing->log, SLOW_LOG_ERROR, "routing",
                     "%.*s is revoked, and there is no room to note it: packages to it may still be relayed",
                     SL_ID_ARG(id));
}

static int order_ids(const void *a, const void *b) {
    return sl_id_compare(a, b);
}

/* The ids that revoked keys spoke for, in order; NULL: no memory. */
static slow_id *revoked_ids(const sl_routing *routing, size_t *count) {
    size_t keys = sl_membership_revoked_count(routing->membership);
    slow_id *ids = calloc(keys + routing->proven.count + 1, sizeof *ids);
    *count = 0;
    if (ids == NULL)
        return NULL;
    for (size_t i = 0; i < keys; i++)
        *count += sl_membership_revoked_id(routing->membership, i, &ids[*count]);
    for (uint32_t i = 0; i < routing->proven.count; i++)
        if (sl_membership_is_revoked(routing->membership, &routing->proven.entries[i].key))
            ids[(*count)++] = routing->proven.entries[i].id;
    qsort(ids, *count, sizeof *ids, order_ids);
    return ids;
}

void sl_routing_recheck(sl_routing *routing) {
    const sl_route_table *table = &routing->forward->table;
    size_t count;
    if (!has_identities(routing))
        return;
    slow_id *ids = revoked_ids(routing, &count);
    if (ids == NULL) {
        sl_log_write(routing->log, SLOW_LOG_ERROR, "routing", "no memory to end the routes to revoked members");
        return;
    }
    for (uint32_t i = table->count; table->barred > 0 && i-- > 0;) {
        slow_id id = sl_route_id(&table->entries[i]);
        if (table->entries[i].barred && bsearch(&id, ids, count, sizeof *ids, order_ids) == NULL)
            bar(routing, &id, false);
    }
    for (size_t i = 0; i < count; i++)
        if (!sl_id_equal(&ids[i], routing->self))
            bar(routing, &ids[i], true);
    free(ids);
    for (uint32_t i = 0; i < routing->count; i++)
        if (SLOW_HAS(routing->strategies[i].ops, trust_changed))
            routing->strategies[i].ops->trust_changed(routing->strategies[i].self);
}

/* Its announcement is true. What it stands on is remembered, or it could not be taken back. */
static bool believe(sl_routing *routing, const sl_member *member) {
    const sl_route_table *table = &routing->forward->table;
    bool by_certificate = member->until != 0 && !sl_id_equal(&member->id, routing->self);
    if (by_certificate &&
        !sl_proven_note(&routing->proven, hash_of(routing, &member->id), member, sl_wall_ms(routing->loop) / 1000)) {
        SL_COUNT(routing->stats, drop_proof_cap);
        return false;
    }
    if (table->barred > 0)
        bar(routing, &member->id, false);
    return true;
}

/* It is true, and still cannot be: its origin says to have started in the future. It is asked for again when that has come. */
static bool is_early(sl_routing *routing, const sl_strategy *strategy, const slow_id *origin, uint64_t epoch) {
    uint64_t now = sl_wall_ms(routing->loop);
    sl_neighbour *n = routing->reading;
    if (now < CLOCK_SET_MS || epoch <= now || epoch - now <= SLOW_EPOCH_AHEAD_MS)
        return false;
    SL_COUNT(routing->stats, drop_proof_early);
    if (n == NULL || strategy == NULL)
        return true;
    sl_log_limited(routing->log, &routing->rate_unproven, sl_now(routing->loop), SLOW_LOG_WARN, "routing",
                   "%.*s passes on that %.*s has started %" PRIu64
                   " h from now: one of the two clocks is wrong, or its key "
                   "is in other hands",
                   SL_ID_ARG(&n->id), SL_ID_ARG(origin), (epoch - now) / 3600000);
    sl_talk_refused(n, strategy->ops->protocol, (epoch - SLOW_EPOCH_AHEAD_MS) / 1000 + 1);
    return true;
}

static bool host_verify(const slow_host *host, const slow_id *origin, uint64_t epoch, slow_bytes statement,
                        slow_bytes proof) {
    sl_routing *routing = layer_of(host);
    sl_neighbour *n = routing->reading;
    uint32_t cost = 0;
    if (!has_identities(routing))
        return true;
    if (proof.size == 0 && n == NULL) /* a strategy asks whether there are identities: nobody is refused */
        return false;
    sl_member member;
    enum sl_refusal refusal = sl_membership_verify(routing->membership, origin, statement, proof, &member, &cost);
    if (n != NULL)
        sl_neighbour_spend(n, cost);
    if (refusal != SL_WELCOME && n != NULL)
        sl_log_limited(routing->log, &routing->rate_unproven, sl_now(routing->loop), SLOW_LOG_WARN, "routing",
                       "%.*s %s %.*s%s: %s", SL_ID_ARG(&n->id), forged(refusal) ? "passes on what" : "announces",
                       SL_ID_ARG(origin), forged(refusal) ? " has not said" : ", to whom we take no route",
                       sl_refusal_text(refusal));
    if (n != NULL && (refusal == SL_REFUSED_NOT_YET || refusal == SL_REFUSED_REVOKED))
        sl_talk_refused(n, strategy_of(host)->ops->protocol, refusal == SL_REFUSED_NOT_YET ? member.since : 0);
    return refusal == SL_WELCOME && !is_early(routing, strategy_of(host), origin, epoch) && believe(routing, &member);
}

static bool host_is_leaf(const slow_host *host) {
    const sl_routing *routing = layer_of(host);
    sl_member self = {.roles = 0};
    if (has_identities(routing))
        sl_membership_self(routing->membership, &self);
    return (self.roles & SL_ROLE_LEAF) != 0;
}

static void host_say_again(const slow_host *host, slow_link link) {
    sl_neighbour *n = sl_neighbour_get(layer_of(host)->neighbours, link);
    const sl_strategy *strategy = strategy_of(host);
    if (n != NULL && strategy != NULL)
        sl_talk_say_again(n, strategy->ops->protocol);
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

const sl_service *sl_routing_services(void) {
    static const sl_service services[] = {{SLOW_ROUTING_HOST_ID, &routing_host}, {NULL, NULL}};
    return services;
}

/* ---- what strategies are told ---- */

/* Of an adjacency that is up, or is just ending. */
static bool is_shown(const sl_strategy *strategy, const sl_neighbour *n) {
    return !SLOW_HAS(strategy->ops, message) || sl_neighbour_speaks(n, strategy->ops->protocol);
}

bool sl_routing_sees(const sl_strategy *strategy, const sl_neighbour *n) {
    return n->adjacency != 0 && is_shown(strategy, n);
}

static void on_up(void *arg, sl_neighbour *n) {
    sl_routing *routing = arg;
    slow_neighbour shown = sl_neighbour_describe(n);
    for (uint32_t i = 0; i < routing->count; i++)
        if (sl_routing_sees(&routing->strategies[i], n))
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
        if (sl_routing_sees(&routing->strategies[i], n))
            routing->strategies[i].ops->neighbour_changed(routing->strategies[i].self, &shown);
}

/* The table first: not one package more to a dead link, whatever a strategy does. */
static void on_down(void *arg, sl_neighbour *n, slow_link adjacency) {
    sl_routing *routing = arg;
    sl_route_table_down(&routing->forward->table, n, adjacency);
    for (uint32_t i = 0; i < routing->count; i++)
        if (is_shown(&routing->strategies[i], n))
            routing->strategies[i].ops->neighbour_down(routing->strategies[i].self, adjacency);
}

static sl_strategy *speaker(sl_routing *routing, const char *protocol) {
    for (uint32_t i = 0; i < routing->count; i++)
        if (strcmp(routing->strategies[i].ops->protocol, protocol) == 0)
            return &routing->strategies[i];
    return NULL;
}

static void on_message(void *arg, sl_neighbour *n, const char *protocol, slow_bytes message) {
    sl_routing *routing = arg;
    const sl_strategy *strategy = speaker(routing, protocol);
    if (strategy == NULL || !SLOW_HAS(strategy->ops, message))
        return;
    routing->reading = n;
    if (strategy->ops->message(strategy->self, n->adjacency, message) != SLOW_OK)
        SL_COUNT(routing->stats, drop_route_malformed);
    routing->reading = NULL;
}

static void on_met(void *arg, sl_neighbour *n, const char *protocol) {
    const sl_strategy *strategy = speaker(arg, protocol);
    slow_neighbour shown = sl_neighbour_describe(n);
    if (strategy != NULL)
        strategy->ops->neighbour_up(strategy->self, &shown);
}

static void on_parted(void *arg, sl_neighbour *n, const char *protocol) {
    const sl_strategy *strategy = speaker(arg, protocol);
    if (strategy != NULL)
        strategy->ops->neighbour_down(strategy->self, n->adjacency);
}

sl_neighbour_events sl_routing_neighbour_events(sl_routing *routing) {
    return (sl_neighbour_events){.arg = routing,
                                 .up = on_up,
                                 .changed = on_changed,
                                 .down = on_down,
                                 .message = on_message,
                                 .met = on_met,
                                 .parted = on_parted};
}

/* ---- who decides ---- */

static bool goes_before(const sl_strategy *strategy, const sl_candidate *best) {
    return strategy->preference > best->preference ||
           (strategy->preference == best->preference && strategy->number <= best->strategy);
}

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
        bool heard = answer == SIZE_MAX && (!has_best || goes_before(strategy, &best));
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
    if (routing->choosing && !before && routing->neighbours->adjacencies.used > 0 && routing->reachable != NULL)
        routing->reachable(routing->reachable_arg);
}

/* Its place among the others: by preference, and of equal ones by age. */
static sl_strategy *strategy_put(sl_routing *routing, sl_strategy strategy) {
    uint32_t place = routing->count++;
    for (; place > 0; place--) {
        const sl_strategy *before = &routing->strategies[place - 1];
        if (before->preference > strategy.preference ||
            (before->preference == strategy.preference && before->number < strategy.number))
            break;
        routing->strategies[place] = *before;
    }
    routing->strategies[place] = strategy;
    return &routing->strategies[place];
}

static sl_strategy strategy_take(sl_routing *routing, const sl_strategy *strategy) {
    sl_strategy taken = *strategy;
    uint32_t place = (uint32_t)(strategy - routing->strategies);
    routing->count--;
    memmove(&routing->strategies[place], &routing->strategies[place + 1],
            (routing->count - place) * sizeof *routing->strategies);
    return taken;
}

/* A number that none of ours has, and that none had for as long as there are others: a neighbour that missed some lists
 * must not take this one for what it knew. */
static void protocol_add(sl_routing *routing, const char *protocol) {
    sl_protocols *ours = routing->protocols;
    do
        routing->last_protocol = (routing->last_protocol + 1) % (UINT8_MAX + 1);
    while (sl_protocols_place_of_number(ours, (uint8_t)routing->last_protocol) >= 0);
    memcpy(ours->names.name[ours->names.count], protocol, strlen(protocol) + 1);
    ours->number[ours->names.count++] = (uint8_t)routing->last_protocol;
    ours->generation++;
}

static void protocol_remove(sl_routing *routing, const char *protocol) {
    sl_protocols *ours = routing->protocols;
    int place = sl_protocols_place(ours, protocol);
    if (place < 0)
        return;
    ours->names.count--;
    for (int i = place; i < ours->names.count; i++) {
        memcpy(ours->names.name[i], ours->names.name[i + 1], SL_NAME_SIZE);
        ours->number[i] = ours->number[i + 1];
    }
    ours->generation++;
}

/* What it speaks is told, and who speaks it too is met; one that takes no messages sees everybody. */
static void strategy_meet(sl_routing *routing, const sl_strategy *strategy) {
    if (SLOW_HAS(strategy->ops, message)) {
        protocol_add(routing, strategy->ops->protocol);
        sl_talk_changed(routing->neighbours);
        return;
    }
    for (uint32_t i = 0; i < routing->neighbours->count; i++) {
        const sl_neighbour *n = routing->neighbours->sorted[i];
        slow_neighbour shown = sl_neighbour_describe(n);
        if (n->adjacency != 0)
            strategy->ops->neighbour_up(strategy->self, &shown);
    }
}

static unsigned strategy_end(sl_routing *routing, const sl_strategy *strategy) {
    sl_strategy gone = strategy_take(routing, strategy);
    protocol_remove(routing, gone.ops->protocol);
    sl_talk_changed(routing->neighbours);
    sl_route_table_drop_strategy(&routing->forward->table, gone.number);
    choosing_update(routing);
    routing->epoch++;
    return sl_instance_free(gone.instance);
}

static void end_leaving(void *arg) {
    sl_routing *routing = arg;
    for (uint32_t i = routing->count; i-- > 0;)
        if (routing->strategies[i].leaving)
            routing->leaks += strategy_end(routing, &routing->strategies[i]);
}

static slow_status add_check(sl_routing *routing, const slow_routing_ops *ops, slow_error *error) {
    if (routing->count == SL_STRATEGIES_MAX)
        return sl_error(error, SLOW_E_NOSPACE, "routing", "at most %d strategies run at once", SL_STRATEGIES_MAX);
    if (strlen(ops->protocol) >= SL_NAME_SIZE)
        return sl_error(error, SLOW_E_INVAL, "routing", "the protocol name %s is longer than %d bytes", ops->protocol,
                        SL_NAME_SIZE - 1);
    if (speaker(routing, ops->protocol) != NULL)
        return sl_error(error, SLOW_E_INVAL, "routing", "a strategy for %s runs already", ops->protocol);
    return SLOW_OK;
}

slow_status sl_routing_add(sl_routing *routing, sl_instance *instance, int32_t preference, slow_error *error) {
    const slow_routing_ops *ops = sl_instance_ops(instance);
    end_leaving(routing); /* it may be the same that comes back */
    slow_status status = add_check(routing, ops, error);
    if (status != SLOW_OK) {
        sl_instance_free(instance);
        return status;
    }
    uint64_t wall = sl_wall_ms(routing->loop);
    routing->epoch = wall > routing->epoch ? wall : routing->epoch;
    sl_strategy *strategy = strategy_put(routing, (sl_strategy){.instance = instance,
                                                                .ops = ops,
                                                                .self = sl_instance_self(instance),
                                                                .preference = preference,
                                                                .number = ++routing->last_number,
                                                                .epoch = routing->epoch});
    status = sl_instance_start(instance, error);
    if (status != SLOW_OK) {
        strategy_end(routing, strategy);
        return status;
    }
    strategy_meet(routing, strategy);
    choosing_update(routing);
    return SLOW_OK;
}

sl_strategy *sl_routing_find(sl_routing *routing, const char *plugin) {
    for (uint32_t i = 0; i < routing->count; i++)
        if (!routing->strategies[i].leaving &&
            strcmp(sl_instance_plugin(routing->strategies[i].instance)->id, plugin) == 0)
            return &routing->strategies[i];
    return NULL;
}

void sl_routing_prefer(sl_routing *routing, sl_strategy *strategy, int32_t preference) {
    sl_strategy moved = strategy_take(routing, strategy);
    moved.preference = preference;
    strategy_put(routing, moved);
    sl_route_table_prefer(&routing->forward->table, moved.number, preference);
}

slow_status sl_routing_remove(sl_routing *routing, sl_strategy *strategy, slow_error *error) {
    uint32_t staying = 0;
    for (uint32_t i = 0; i < routing->count; i++)
        staying += !routing->strategies[i].leaving;
    if (staying == 1)
        return sl_error(error, SLOW_E_INVAL, "routing",
                        "%s is the only strategy that runs; add another one before it is removed",
                        sl_instance_plugin(strategy->instance)->id);
    strategy->leaving = true;
    sl_instance_leave(strategy->instance);
    sl_defer(routing->loop, &routing->ending);
    return SLOW_OK;
}

void sl_routing_leave(sl_routing *routing) {
    for (uint32_t i = 0; i < routing->count; i++)
        sl_instance_leave(routing->strategies[i].instance);
}

unsigned sl_routing_free(sl_routing *routing) {
    unsigned leaks = routing->leaks;
    sl_defer_cancel(routing->loop, &routing->ending);
    sl_proven_free(&routing->proven);
    for (uint32_t i = 0; i < routing->count; i++)
        leaks += sl_instance_free(routing->strategies[i].instance);
    routing->count = 0;
    return leaks;
}

bool sl_routing_reaches(const sl_routing *routing, const slow_id *dst) {
    const sl_route_table *table = &routing->forward->table;
    uint32_t hash = sl_route_table_hash(table, (const uint8_t *)dst->text, dst->size);
    const sl_route *route = sl_route_table_find(table, hash, (const uint8_t *)dst->text, dst->size);
    if (route != NULL && (route->next_hop != NULL || route->barred))
        return !route->barred;
    return routing->choosing && routing->neighbours->adjacencies.used > 0;
}
