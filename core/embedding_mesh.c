/* The mesh, as an application asks about it: joining, looking, and waiting for what the mesh does.
 *
 * Each call is an errand whose struct holds the question and the place for the answer. Those that look end at once.
 * Those that wait (for a route, an echo, a trace) end when it comes, or by a timer on the loop: so it is always the
 * loop that ends them, on one thread, and no call that gave up has to be taken back from the middle of things. */
#include "embedding_mesh.h"
#include <stdlib.h>
#include <string.h>

static sl_junction *core_of(const sl_errand *errand) {
    return errand->junction->core;
}

/* ---- listening and joining ---- */

typedef struct address_call {
    sl_errand errand;
    const char *address;
    char *bound;
    slow_error *error;
} address_call;

static void listen_start(sl_errand *errand) {
    address_call *call = (address_call *)errand;
    sl_errand_end(errand, sl_junction_listen(core_of(errand), call->address, call->bound, call->error));
}

static void join_start(sl_errand *errand) {
    address_call *call = (address_call *)errand;
    sl_errand_end(errand, sl_junction_join(core_of(errand), call->address, 1000000, 0, call->error));
}

static void leave_start(sl_errand *errand) {
    address_call *call = (address_call *)errand;
    sl_errand_end(errand, sl_junction_leave(core_of(errand), call->address, call->error));
}

static slow_status address_run(slow_junction *j, void (*start)(sl_errand *), const char *address, char *bound,
                               slow_error *error) {
    slow_error ignored;
    address_call call = {
        .errand = {.start = start}, .address = address, .bound = bound, .error = error != NULL ? error : &ignored};
    return sl_errand_run(j, &call.errand, call.error);
}

slow_status slow_junction_listen(slow_junction *j, const char *address, char *bound, slow_error *error) {
    return address_run(j, listen_start, address, bound, error);
}

slow_status slow_junction_join(slow_junction *j, const char *address, slow_error *error) {
    return address_run(j, join_start, address, NULL, error);
}

slow_status slow_junction_leave(slow_junction *j, const char *address, slow_error *error) {
    return address_run(j, leave_start, address, NULL, error);
}

/* ---- strategies ---- */

typedef struct strategy_call {
    sl_errand errand;
    slow_status (*change)(sl_junction *, const struct strategy_call *);
    const char *text; /* an entry, or a plugin's id */
    int preference;
    slow_error *error;
} strategy_call;

static slow_status add(sl_junction *core, const strategy_call *call) {
    slow_bytes entry = {(const uint8_t *)call->text, strlen(call->text)};
    return sl_junction_routing_add(core, entry, call->error);
}

static slow_status prefer(sl_junction *core, const strategy_call *call) {
    return sl_junction_routing_prefer(core, call->text, call->preference, call->error);
}

static slow_status take_away(sl_junction *core, const strategy_call *call) {
    return sl_junction_routing_remove(core, call->text, call->error);
}

/* A strategy may be what logs: it would be called within its own call, or freed. */
static void strategy_start(sl_errand *errand) {
    strategy_call *call = (strategy_call *)errand;
    if (errand->junction->logging)
        sl_errand_end(errand,
                      sl_error(call->error, SLOW_E_INVAL, NULL,
                               "strategies cannot be changed by the log's callback; do it when it has returned"));
    else
        sl_errand_end(errand, call->change(core_of(errand), call));
}

static slow_status strategy_run(slow_junction *j, strategy_call call, slow_error *error) {
    slow_error ignored;
    call.errand.start = strategy_start;
    call.error = error != NULL ? error : &ignored;
    return sl_errand_run(j, &call.errand, call.error);
}

slow_status slow_junction_routing_add(slow_junction *j, const char *entry, slow_error *error) {
    return strategy_run(j, (strategy_call){.change = add, .text = entry}, error);
}

slow_status slow_junction_routing_prefer(slow_junction *j, const char *plugin, int preference, slow_error *error) {
    return strategy_run(j, (strategy_call){.change = prefer, .text = plugin, .preference = preference}, error);
}

slow_status slow_junction_routing_remove(slow_junction *j, const char *plugin, slow_error *error) {
    return strategy_run(j, (strategy_call){.change = take_away, .text = plugin}, error);
}

/* ---- waiting for a route ---- */

struct sl_route_wait {
    sl_errand errand;
    slow_id id;
    slow_time timeout;
    sl_timer *timer;
    sl_route_wait *next;
};

static bool is_reachable(const sl_junction *core, const slow_id *id) {
    return sl_id_equal(id, sl_junction_id(core)) || sl_routing_reaches(&core->routing, id);
}

/* Takes it off the list; `at` is its place. */
static void wait_end(sl_route_wait **at, slow_status status) {
    sl_route_wait *wait = *at;
    *at = wait->next;
    sl_timer_free(wait->timer);
    sl_errand_end(&wait->errand, status);
}

static void wait_expired(void *arg) {
    sl_route_wait *wait = arg, **at = &wait->errand.junction->waits;
    while (*at != wait)
        at = &(*at)->next;
    wait_end(at, SLOW_E_TIMEOUT);
}

static void wait_start(sl_errand *errand) {
    sl_route_wait *wait = (sl_route_wait *)errand;
    slow_junction *j = errand->junction;
    bool reachable = is_reachable(j->core, &wait->id);
    if (reachable || wait->timeout == 0) {
        sl_errand_end(errand, reachable ? SLOW_OK : SLOW_E_TIMEOUT);
        return;
    }
    wait->timer = sl_timer_new(j->loop, wait_expired, wait);
    if (wait->timer == NULL) {
        sl_errand_end(errand, SLOW_E_NOMEM);
        return;
    }
    sl_timer_at(wait->timer, sl_now(j->loop) + sl_errand_bounded(wait->timeout));
    wait->next = j->waits;
    j->waits = wait;
}

void sl_embedding_route(void *junction) {
    slow_junction *j = junction;
    for (sl_route_wait **at = &j->waits; *at != NULL;)
        if (is_reachable(j->core, &(*at)->id))
            wait_end(at, SLOW_OK);
        else
            at = &(*at)->next;
}

void sl_embedding_let_go(slow_junction *j) {
    while (j->waits != NULL)
        wait_end(&j->waits, SLOW_E_CLOSED);
    sl_path_free(&j->core->path);
}

slow_status slow_junction_wait(slow_junction *j, const char *id, slow_time timeout) {
    sl_route_wait wait = {.errand = {.start = wait_start}, .timeout = timeout};
    slow_status status = sl_id_parse(id, strlen(id), &wait.id, NULL);
    if (status != SLOW_OK)
        return status;
    return timeout == 0 ? sl_errand_run(j, &wait.errand, NULL)
                        : sl_errand_wait(j, &wait.errand, "slow_junction_wait()", NULL);
}

/* ---- neighbours and routes ---- */

typedef struct list_call {
    sl_errand errand;
    slow_neighbour_info *neighbours;
    slow_route_info *routes;
    size_t capacity, count;
} list_call;

/* `out` has one byte more than an id. */
static void copy_id(char out[SLOW_ID_MAX + 1], const slow_id *id) {
    memcpy(out, id->text, SLOW_ID_MAX);
    out[id->size] = '\0';
}

static void copy_text(char *out, size_t room, const char *text) {
    size_t size = strnlen(text, room - 1);
    memcpy(out, text, size);
    out[size] = '\0';
}

static void describe_neighbour(const sl_neighbour *n, slow_neighbour_info *info) {
    const sl_link *link = n->best;
    *info = (slow_neighbour_info){.cost = n->cost, .links = n->link_count};
    copy_id(info->id, &n->id);
    if (link == NULL)
        return;
    copy_text(info->address, sizeof info->address, link->remote);
    copy_text(info->codec, sizeof info->codec, sl_link_codec(link)->ops->name);
    info->rtt = link->live.srtt_ns;
    info->loss = link->live.loss_ppm;
}

static void neighbours_start(sl_errand *errand) {
    list_call *call = (list_call *)errand;
    const sl_neighbours *all = &core_of(errand)->links.neighbours;
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->sorted[i]->adjacency == 0)
            continue;
        if (call->count < call->capacity)
            describe_neighbour(all->sorted[i], &call->neighbours[call->count]);
        call->count++;
    }
    sl_errand_end(errand, SLOW_OK);
}

size_t slow_junction_neighbours(slow_junction *j, slow_neighbour_info *out, size_t capacity) {
    list_call call = {.errand = {.start = neighbours_start}, .neighbours = out, .capacity = capacity};
    return sl_errand_run(j, &call.errand, NULL) == SLOW_OK ? call.count : 0;
}

/* Candidates that lead to other neighbours than the one in use, and could be used. */
static uint32_t count_alternatives(const sl_junction *core, const sl_route *route) {
    uint32_t count = 0;
    for (uint8_t i = 0; i < route->count; i++) {
        const sl_candidate *candidate = &route->candidates[i];
        bool counted = candidate->via == route->next_hop->adjacency || candidate->metric == SLOW_METRIC_INFINITY ||
                       sl_neighbour_get(&core->links.neighbours, candidate->via) == NULL;
        for (uint16_t k = 0; !counted && k < i; k++)
            counted = route->candidates[k].via == candidate->via;
        count += !counted;
    }
    return count;
}

/* Of a route with a next hop. */
static void describe_route(const sl_junction *core, const sl_route *route, slow_route_info *info) {
    const sl_candidate *chosen = &route->candidates[route->chosen];
    *info = (slow_route_info){.metric = chosen->metric, .alternatives = count_alternatives(core, route)};
    slow_id id = sl_route_id(route);
    copy_id(info->id, &id);
    copy_id(info->next_hop, &route->next_hop->id);
    copy_text(info->strategy, sizeof info->strategy, sl_junction_strategy_name(core, chosen->strategy));
}

static int compare_routes(const void *a, const void *b) {
    return sl_route_compare(*(const sl_route *const *)a, *(const sl_route *const *)b);
}

static void routes_start(sl_errand *errand) {
    list_call *call = (list_call *)errand;
    const sl_junction *core = core_of(errand);
    const sl_route_table *table = &core->forward->table;
    const sl_route **sorted = malloc((table->count + 1) * sizeof *sorted);
    slow_status status = SLOW_E_NOMEM;
    if (sorted == NULL)
        goto out;
    for (uint32_t i = 0; i < table->count; i++)
        if (table->entries[i].next_hop != NULL)
            sorted[call->count++] = &table->entries[i];
    qsort(sorted, call->count, sizeof *sorted, compare_routes);
    for (size_t i = 0; i < call->count && i < call->capacity; i++)
        describe_route(core, sorted[i], &call->routes[i]);
    status = SLOW_OK;
out:
    free(sorted);
    sl_errand_end(errand, status);
}

size_t slow_junction_routes(slow_junction *j, slow_route_info *out, size_t capacity) {
    list_call call = {.errand = {.start = routes_start}, .routes = out, .capacity = capacity};
    return sl_errand_run(j, &call.errand, NULL) == SLOW_OK ? call.count : 0;
}

typedef struct best_call {
    sl_errand errand;
    slow_id id;
    slow_route_info *out;
} best_call;

static void best_start(sl_errand *errand) {
    best_call *call = (best_call *)errand;
    const sl_junction *core = core_of(errand);
    const sl_route_table *table = &core->forward->table;
    slow_bytes id = sl_id_bytes(&call->id);
    const sl_route *route = sl_route_table_find(table, sl_route_table_hash(table, id.data, id.size), id.data, id.size);
    bool found = route != NULL && route->next_hop != NULL;
    if (found)
        describe_route(core, route, call->out);
    sl_errand_end(errand, found ? SLOW_OK : SLOW_E_NOROUTE);
}

slow_status slow_junction_best_route(slow_junction *j, const char *id, slow_route_info *out) {
    best_call call = {.errand = {.start = best_start}, .out = out};
    slow_status status = sl_id_parse(id, strlen(id), &call.id, NULL);
    return status == SLOW_OK ? sl_errand_run(j, &call.errand, NULL) : status;
}

/* ---- along a path ---- */

typedef struct path_call {
    sl_errand errand;
    slow_id id;
    slow_time timeout;
    sl_query *(*ask)(sl_path *, const slow_id *, slow_time, sl_query_done, void *);
    sl_query_done done;
    slow_error *error;
    uint64_t rtt; /* the answers: of a ping */
    unsigned hops;
    slow_hop *out; /* of a trace */
    size_t capacity, count;
} path_call;

static slow_status explain(const path_call *call, const sl_query_result *result) {
    int size = (int)call->id.size;
    const char *id = call->id.text;
    double seconds = (double)call->timeout / (double)SL_SECOND;
    if (result->status == SLOW_E_NOROUTE)
        return sl_error(call->error, SLOW_E_NOROUTE, NULL,
                        "no route to \"%.*s\"; is it running, and does a chain of joins lead there?", size, id);
    if (result->status != SLOW_E_TIMEOUT)
        return result->status;
    if (result->dropped_by.size > 0)
        return sl_error(call->error, SLOW_E_TIMEOUT, NULL,
                        "no answer from \"%.*s\" within %.3g s: \"%.*s\" dropped the package (%s)", size, id, seconds,
                        SL_ID_ARG(&result->dropped_by), sl_drop_text(result->drop_reason));
    return sl_error(call->error, SLOW_E_TIMEOUT, NULL,
                    "no answer from \"%.*s\" within %.3g s; slow_trace() shows how far packages come", size, id,
                    seconds);
}

static void ping_done(void *arg, const sl_query_result *result) {
    path_call *call = arg;
    call->rtt = result->rtt_ns;
    call->hops = result->hops;
    sl_errand_end(&call->errand, explain(call, result));
}

static void trace_done(void *arg, const sl_query_result *result) {
    path_call *call = arg;
    slow_status status = explain(call, result);
    for (; call->count < result->trace_count && call->count < call->capacity; call->count++) {
        const sl_trace_hop *hop = &result->trace[call->count];
        call->out[call->count].rtt = hop->rtt_ns;
        copy_id(call->out[call->count].id, &hop->id);
    }
    if (status == SLOW_OK && result->trace_count > call->capacity)
        status = sl_error(call->error, SLOW_E_NOSPACE, NULL, "the path has %zu hops, and there is room for %zu",
                          result->trace_count, call->capacity);
    sl_errand_end(&call->errand, status);
}

static void path_start(sl_errand *errand) {
    path_call *call = (path_call *)errand;
    if (call->ask(&core_of(errand)->path, &call->id, call->timeout, call->done, call) == NULL)
        sl_errand_end(errand, sl_error(call->error, SLOW_E_NOMEM, NULL,
                                       "no memory, or over %d pings and traces are under way; try again later",
                                       SL_QUERIES_MAX));
}

static slow_status path_run(slow_junction *j, path_call *call, const char *id, const char *what) {
    slow_status status = sl_id_parse(id, strlen(id), &call->id, call->error);
    call->timeout = sl_errand_bounded(call->timeout);
    if (status == SLOW_OK && call->timeout == 0)
        status =
            sl_error(call->error, SLOW_E_TIMEOUT, NULL, "an answer takes time; %s with timeout 0 cannot get one", what);
    return status == SLOW_OK ? sl_errand_wait(j, &call->errand, what, call->error) : status;
}

slow_status slow_ping(slow_junction *j, const char *id, slow_time timeout, slow_time *rtt, unsigned *hops,
                      slow_error *error) {
    slow_error ignored;
    path_call call = {.errand = {.start = path_start},
                      .timeout = timeout,
                      .ask = sl_path_ping,
                      .done = ping_done,
                      .error = error != NULL ? error : &ignored};
    slow_status status = path_run(j, &call, id, "slow_ping()");
    if (status == SLOW_OK && rtt != NULL)
        *rtt = call.rtt;
    if (status == SLOW_OK && hops != NULL)
        *hops = call.hops;
    return status;
}

slow_status slow_trace(slow_junction *j, const char *id, slow_time timeout, slow_hop *out, size_t *count,
                       slow_error *error) {
    slow_error ignored;
    path_call call = {.errand = {.start = path_start},
                      .timeout = timeout,
                      .ask = sl_path_trace,
                      .done = trace_done,
                      .out = out,
                      .capacity = *count,
                      .error = error != NULL ? error : &ignored};
    slow_status status = path_run(j, &call, id, "slow_trace()");
    *count = call.count;
    return status;
}

/* ---- counters ---- */

typedef struct counter_call {
    sl_errand errand;
    const char *name; /* NULL = duplicates */
    uint64_t value;
} counter_call;

static void counter_start(sl_errand *errand) {
    counter_call *call = (counter_call *)errand;
    const sl_junction *core = core_of(errand);
    if (call->name == NULL)
        call->value = sl_junction_duplicates(core);
    for (int i = 0; call->name != NULL && i < SL_COUNTER_COUNT; i++)
        if (strcmp(sl_counter_name((enum sl_counter)i), call->name) == 0)
            call->value = core->stats.count[i];
    sl_errand_end(errand, SLOW_OK);
}

uint64_t slow_junction_duplicates(slow_junction *j) {
    counter_call call = {.errand = {.start = counter_start}};
    sl_errand_run(j, &call.errand, NULL);
    return call.value;
}

uint64_t slow_junction_counter(slow_junction *j, const char *name) {
    counter_call call = {.errand = {.start = counter_start}, .name = name};
    sl_errand_run(j, &call.errand, NULL);
    return call.value;
}
