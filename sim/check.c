/* The checker as its users and the mesh see it: rules, breaches, junctions and adjacencies that come and go. */
#include "check_state.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const rule_names[SIM_RULE_COUNT] = {
    [SIM_LOOP] = "loop",
    [SIM_FEASIBILITY] = "feasibility",
    [SIM_MONOTONE] = "monotone",
    [SIM_DEAD_HOP] = "dead-hop",
    [SIM_BOUNDS] = "bounds",
    [SIM_PACKAGES] = "packages",
    [SIM_MISSING] = "missing",
    [SIM_SUBOPTIMAL] = "suboptimal",
    [SIM_STALE] = "stale",
    [SIM_BELIEFS] = "beliefs",
    [SIM_RESTLESS] = "restless",
    [SIM_MISLED] = "misled",
    [SIM_DETOUR] = "detour",
    [SIM_OUTCOME] = "outcome",
    [SIM_TAKEN] = "taken",
    [SIM_TWICE] = "twice",
    [SIM_ORDER] = "order",
    [SIM_HANDED] = "handed",
    [SIM_WINDOW] = "window",
    [SIM_NUMBER] = "number",
    [SIM_UNDELIVERED] = "undelivered",
    [SIM_BALANCE] = "balance",
    [SIM_LEFT] = "left",
};

/* What is promised of these protocols. Members that lie in them (tests/sim) have nothing to show; all others say it
 * themselves, or it is nothing. */
static const struct {
    const char *protocol;
    uint64_t promises;
} known[] = {
    {"distance-vector/1", SLOW_PROMISE_LOOP_FREE | SLOW_PROMISE_LEAST_COST},
    {"link-state/1", SLOW_PROMISE_LEAST_COST},
};

const char *sim_rule_name(enum sim_rule rule) {
    return rule < SIM_RULE_COUNT ? rule_names[rule] : NULL;
}

/* ---- names ---- */

const char *check_name(const sim_check *check, uint32_t place) {
    if (check->names != NULL)
        return check->names[place];
    return check->mesh->nodes[place].junction != NULL ? check->mesh->nodes[place].junction->claim.id.text : "(gone)";
}

static uint32_t number_of(const slow_id *id) {
    uint32_t number = 0;
    if (id->size < 2 || id->size > 8 || id->text[0] != 'n' || (id->text[1] == '0' && id->size > 2))
        return NO_ROW;
    for (size_t i = 1; i < id->size; i++) {
        if (id->text[i] < '0' || id->text[i] > '9')
            return NO_ROW;
        number = number * 10 + (uint32_t)(id->text[i] - '0');
    }
    return number;
}

uint32_t check_row_of(const sim_check *check, const slow_id *id) {
    uint32_t number = number_of(id);
    if (number < check->count)
        return number;
    for (uint32_t row = check->count; row < check->row_count; row++)
        if (sl_id_equal(&check->others[row - check->count], id))
            return row;
    return NO_ROW;
}

slow_id check_row_id(const sim_check *check, uint32_t row) {
    slow_id id = {.size = 0};
    if (row >= check->count)
        return check->others[row - check->count];
    char digits[10]; /* by hand: a look at rest asks for a million of them */
    size_t count = 0;
    do
        digits[count++] = (char)('0' + row % 10);
    while ((row /= 10) > 0);
    id.text[id.size++] = 'n';
    while (count > 0)
        id.text[id.size++] = digits[--count];
    return id;
}

const char *check_row_name(sim_check *check, uint32_t row) {
    if (row >= check->count)
        return check->others[row - check->count].text;
    if (check->names != NULL)
        return check->names[row];
    snprintf(check->row_name, sizeof check->row_name, "n%u", row);
    return check->row_name;
}

const sl_route *check_route(const sim_check *check, uint32_t place, uint32_t row) {
    const sl_junction *junction = check->mesh->nodes[place].junction;
    slow_id id = check_row_id(check, row);
    if (junction == NULL)
        return NULL;
    const sl_route_table *table = &junction->forward->table;
    uint32_t hash = sl_route_table_hash(table, (const uint8_t *)id.text, id.size);
    return sl_route_table_find(table, hash, (const uint8_t *)id.text, id.size);
}

/* ---- breaches ---- */

static bool fails(const sim_check *check, enum sim_rule rule) {
    if (check->fails[rule] >= 0)
        return check->fails[rule] != 0;
    return rule != SIM_LOOP || check_is_loop_free(check);
}

bool check_breach(sim_check *check, enum sim_rule rule) {
    check->counts[rule]++;
    if (check->failure.found || !fails(check, rule))
        return false;
    check->failure = (sim_failure){.found = true, .rule = rule, .at = sl_world_now(check->mesh->world)};
    return true;
}

void check_tell(sim_check *check, const char *format, ...) {
    va_list arguments;
    sim_failure *failure = &check->failure;
    int used = snprintf(failure->text, sizeof failure->text, "seed %" PRIu64 ", at %.6f s: ", check->mesh->seed,
                        (double)failure->at / 1e9);
    va_start(arguments, format);
    vsnprintf(failure->text + used, sizeof failure->text - (size_t)used, format, arguments);
    va_end(arguments);
    if (check->mesh->verbose)
        fprintf(stderr, "check: %s: %s\n", sim_rule_name(failure->rule), failure->text);
}

/* ---- what strategies a junction runs ---- */

static const void *extension_of(const sl_strategy *strategy, const char *id) {
    const slow_plugin *plugin = sl_instance_plugin(strategy->instance);
    return SLOW_HAS(plugin, extension) ? plugin->extension(strategy->self, id) : NULL;
}

const slow_routing_inspect *check_inspect(const sl_strategy *strategy) {
    return extension_of(strategy, SLOW_ROUTING_INSPECT_ID);
}

static uint64_t promises_of(const sl_strategy *strategy) {
    const slow_routing_inspect *inspect = check_inspect(strategy);
    if (inspect != NULL && SLOW_HAS_FIELD(inspect, promises))
        return inspect->promises;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (strcmp(strategy->ops->protocol, known[k].protocol) == 0)
            return known[k].promises;
    return 0;
}

static enum check_class class_of(const sl_routing *routing, uint64_t promises) {
    for (uint32_t i = 0; i < routing->count; i++)
        if (SLOW_HAS(routing->strategies[i].ops, choose))
            return CLASS_CHOOSING;
    return routing->count == 1 && (promises & SLOW_PROMISE_LOOP_FREE) != 0 ? CLASS_LOOP_FREE : CLASS_TABLE;
}

/* Strategies may be added and removed while it runs: looked at whenever something happens there. */
static void strategies_look(sim_check *check, uint32_t place) {
    check_place *p = &check->places[place];
    const sl_routing *routing = &check->mesh->nodes[place].junction->routing;
    if (p->strategy_count == routing->count && p->last_strategy == routing->last_number)
        return;
    p->strategy_count = routing->count;
    p->last_strategy = routing->last_number;
    p->dv = NULL;
    for (uint32_t i = 0; i < routing->count && p->dv == NULL; i++) {
        p->dv = extension_of(&routing->strategies[i], DV_INSPECT_ID);
        p->dv_self = routing->strategies[i].self;
    }
    check->classes[p->class]--;
    uint64_t promises = ~UINT64_C(0);
    for (uint32_t i = 0; i < routing->count; i++)
        promises &= promises_of(&routing->strategies[i]);
    p->least_cost = (promises & SLOW_PROMISE_LEAST_COST) != 0;
    p->class = class_of(routing, promises);
    check->classes[p->class]++;
    p->ever_chose |= p->class == CLASS_CHOOSING;
    check_pairs_changed(check);
}

/* ---- adjacencies ---- */

check_adjacency *check_back(const sim_check *check, uint32_t place, uint32_t peer) {
    const check_place *p = &check->places[peer];
    for (uint32_t slot = 1; slot < p->slots; slot++)
        if (p->adjacencies[slot].number != 0 && p->adjacencies[slot].peer == place)
            return &p->adjacencies[slot];
    return NULL;
}

static void on_routed(void *arg, sim_node *node, const sl_route *route);

/* It counts again: whatever `place` has kept of the time before. */
static void routes_over(sim_check *check, uint32_t place, slow_link via) {
    sim_node *node = &check->mesh->nodes[place];
    const sl_route_table *table = &node->junction->forward->table;
    for (uint32_t i = 0; i < table->count; i++)
        for (uint8_t k = 0; k < table->entries[i].count; k++)
            if (table->entries[i].candidates[k].via == via) {
                on_routed(check, node, &table->entries[i]);
                break;
            }
}

static bool both_hold(const sim_check *check, uint32_t place, const check_adjacency *a, const check_adjacency *back) {
    const check_place *p = &check->places[place], *peer = &check->places[a->peer];
    return back != NULL && p->present && peer->present && a->start == peer->start && back->start == p->start;
}

/* Looks at both ends of an adjacency anew, and at what leads over it. */
static void edge_look(sim_check *check, uint32_t place, check_adjacency *a) {
    check_adjacency *back = check_back(check, place, a->peer);
    bool held = both_hold(check, place, a, back);
    if (a->held == held)
        return;
    uint32_t peer = a->peer;
    a->held = back->held = held;
    a->back = back->number;
    back->back = a->number;
    check_pairs_changed(check);
    if (!held) {
        check->forest_stale = true;
        check_edge_gone(check, place, peer);
        check_edge_gone(check, peer, place);
        return;
    }
    check_joined(check, place, peer);
    slow_link to = a->number, from = back->number;
    routes_over(check, place, to);
    routes_over(check, peer, from);
}

static check_adjacency *slot_of(check_place *p, slow_link number) {
    uint32_t slot = number & 0xffff;
    if (slot >= p->slots) {
        uint32_t slots = slot + 4;
        check_adjacency *grown = realloc(p->adjacencies, slots * sizeof *grown);
        if (grown == NULL)
            abort();
        memset(grown + p->slots, 0, (slots - p->slots) * sizeof *grown);
        p->adjacencies = grown;
        p->slots = slots;
    }
    return &p->adjacencies[slot];
}

static void on_up(void *arg, sim_node *node, const sl_neighbour *n) {
    sim_check *check = arg;
    strategies_look(check, node->place);
    check_adjacency *a = slot_of(&check->places[node->place], n->adjacency);
    *a = (check_adjacency){.number = n->adjacency, .peer = sim_cookie_peer(n->best->cookie), .start = n->start};
    check->last_up = sl_world_now(check->mesh->world);
    edge_look(check, node->place, a);
}

/* From here on it carries nothing; where its routes go instead is heard before on_down(). */
static void on_downing(void *arg, sim_node *node, const sl_neighbour *n, slow_link number) {
    sim_check *check = arg;
    check_adjacency *a = slot_of(&check->places[node->place], number);
    (void)n;
    check->last_down = sl_world_now(check->mesh->world);
    if (!a->held)
        return;
    a->held = false;
    check_back(check, node->place, a->peer)->held = false;
    check->forest_stale = true;
    check_pairs_changed(check);
}

/* In use, of any strategy. A candidate behind the one in use counts where every candidate is promised to be good at any
 * moment; a strategy that computes its routes anew a few milliseconds later leaves it to the core to pass over it. */
static void dead_hops(sim_check *check, const sim_node *node, const sl_neighbour *n, slow_link number) {
    bool all = check->places[node->place].class == CLASS_LOOP_FREE;
    const sl_route_table *table = &node->junction->forward->table;
    for (uint32_t i = 0; i < table->count; i++) {
        const sl_route *route = &table->entries[i];
        bool dead = route->next_hop == n;
        for (uint8_t k = 0; all && k < route->count && !dead; k++)
            dead = route->candidates[k].via == number;
        if (dead && check_breach(check, SIM_DEAD_HOP))
            check_tell(check, "%s still has a route to %.*s by %.*s, which it knows to be down",
                       check_name(check, node->place), route->id_size, sl_route_id_text(route), SL_ID_ARG(&n->id));
    }
}

static void on_down(void *arg, sim_node *node, const sl_neighbour *n, slow_link number) {
    sim_check *check = arg;
    check_adjacency *a = slot_of(&check->places[node->place], number);
    uint32_t peer = a->peer;
    a->number = 0;
    check_edge_gone(check, node->place, peer);
    check_edge_gone(check, peer, node->place);
    dead_hops(check, node, n, number);
}

/* ---- routes ---- */

/* The mirror of a large mesh is in no cache, and where it will be looked at is known: the waits are for all at once. */
static void prefetch(const sim_check *check, uint32_t row, uint32_t place, const sl_route *route) {
    __builtin_prefetch(&check->places[place].next[row]);
    if (check->places[place].levels != NULL)
        __builtin_prefetch(&check->places[place].levels[row]);
    if (check->distances[place] != NULL)
        __builtin_prefetch(&check->distances[place][row]);
    for (uint8_t i = 0; i < route->count; i++) {
        const check_adjacency *a = check_held(check, place, route->candidates[i].via);
        if (a == NULL)
            continue;
        if (check->places[a->peer].levels != NULL)
            __builtin_prefetch(&check->places[a->peer].levels[row]);
        if (check->distances[a->peer] != NULL)
            __builtin_prefetch(&check->distances[a->peer][row]);
    }
}

static void on_routed(void *arg, sim_node *node, const sl_route *route) {
    sim_check *check = arg;
    slow_id id = sl_route_id(route);
    uint32_t place = node->place, row = check_row_of(check, &id), next = NO_PLACE;
    if (row == NO_ROW || !check->places[place].present)
        return;
    prefetch(check, row, place, route);
    strategies_look(check, place);
    check_bounds(check, place);
    if (check->places[place].class == CLASS_CHOOSING)
        return;
    check->rows[row].touched = true;
    if (route->next_hop != NULL) {
        const check_adjacency *a = check_held(check, place, route->candidates[route->chosen].via);
        next = a != NULL ? a->peer : NO_PLACE;
        if (route->next_hop->best == NULL && check_breach(check, SIM_DEAD_HOP))
            check_tell(check, "%s sends to %s by %.*s, to which no link is up", check_name(check, place),
                       check_row_name(check, row), SL_ID_ARG(&route->next_hop->id));
    }
    check_next_set(check, row, place, next);
    check_loops(check, row, place, route);
    check_vector_changed(check, row, place, &id, route);
}

/* ---- junctions ---- */

static void cells_add(check_place *p, uint32_t row) {
    uint32_t *next = realloc(p->next, (row + 1) * sizeof *next);
    int32_t *levels = p->levels == NULL ? NULL : realloc(p->levels, (row + 1) * sizeof *levels);
    if (next == NULL || (p->levels != NULL && levels == NULL))
        abort();
    next[row] = NO_PLACE;
    if (levels != NULL)
        levels[row] = NO_LEVEL;
    p->next = next;
    p->levels = levels;
}

static uint32_t row_need(sim_check *check, const slow_id *id) {
    uint32_t row = check_row_of(check, id);
    if (row != NO_ROW)
        return row;
    row = check->row_count;
    check_row *rows = realloc(check->rows, (row + 1) * sizeof *rows);
    slow_id *others = realloc(check->others, (row + 1 - check->count) * sizeof *others);
    if (rows == NULL || others == NULL)
        abort();
    check->rows = rows;
    check->others = others;
    rows[row] = (check_row){.homes = 0};
    others[row - check->count] = *id;
    for (uint32_t i = 0; i < check->count; i++) {
        free(check->distances[i]); /* they have a cell a row, and grow with the next look */
        check->distances[i] = NULL;
        cells_add(&check->places[i], row);
    }
    return check->row_count++;
}

static void edges_look(sim_check *check, uint32_t place) {
    check_place *p = &check->places[place];
    for (uint32_t slot = 1; slot < p->slots; slot++)
        if (p->adjacencies[slot].number != 0)
            edge_look(check, place, &p->adjacencies[slot]);
}

static void on_came(void *arg, sim_node *node) {
    sim_check *check = arg;
    check_place *p = &check->places[node->place];
    if (p->start != node->junction->claim.start) { /* a new process */
        free(p->adjacencies);
        p->adjacencies = NULL;
        p->slots = 0;
        p->arrived = 0;
        p->ever_chose = false;
        check_vector_forget(check, node->place);
    }
    p->present = true;
    p->start = node->junction->claim.start;
    p->row = row_need(check, &node->junction->claim.id);
    p->strategy_count = UINT32_MAX;
    p->class = CLASS_LOOP_FREE;
    check->classes[p->class]++;
    strategies_look(check, node->place);
    check->forest_stale = true;
    check_home_set(check, p->row, node->place, true);
    edges_look(check, node->place);
}

/* Its adjacencies stay as the others see them; one that thaws finds its own again. */
static void on_gone(void *arg, sim_node *node) {
    sim_check *check = arg;
    check_place *p = &check->places[node->place];
    if (sim_mesh_is_frozen(node->mesh, node->place))
        check_stood_still(check, node->place);
    if (!p->present)
        return;
    p->present = false;
    check->lost_any = true;
    edges_look(check, node->place);
    check_home_set(check, p->row, node->place, false);
    check->classes[p->class]--;
    check->forest_stale = true;
    free(p->levels);
    p->levels = NULL;
}

static void on_arrived(void *arg, sim_node *node, const slow_package *package) {
    sim_check *check = arg;
    check->places[node->place].arrived++;
    if (package->hops > package->hop_limit && check_breach(check, SIM_PACKAGES))
        check_tell(check, "a package from %.*s came to %s after %u links, and its limit is %u", (int)package->src.size,
                   (const char *)package->src.data, check_name(check, node->place), package->hops, package->hop_limit);
}

/* ---- life ---- */

static bool next_init(sim_check *check) {
    for (uint32_t i = 0; i < check->count; i++) {
        uint32_t *next = malloc(check->row_count * sizeof *next);
        if (next == NULL)
            return false;
        for (uint32_t row = 0; row < check->row_count; row++)
            next[row] = NO_PLACE;
        check->places[i].next = next;
    }
    return true;
}

sim_check *sim_check_new(sim_mesh *mesh, char *const *names) {
    sim_check *check = calloc(1, sizeof *check);
    if (check == NULL)
        return NULL;
    check->mesh = mesh;
    check->names = names;
    check->count = check->row_count = mesh->count;
    check->places = calloc(mesh->count, sizeof *check->places);
    check->rows = calloc(mesh->count, sizeof *check->rows);
    check->distances = calloc(mesh->count, sizeof *check->distances);
    check->own = calloc(mesh->count, sizeof *check->own);
    check->stack = calloc(mesh->count, sizeof *check->stack);
    check->at = calloc(mesh->count, sizeof *check->at);
    check->order = calloc(mesh->count + 1, sizeof *check->order);
    check->mark = calloc(mesh->count, sizeof *check->mark);
    check->sunk = calloc(mesh->count, sizeof *check->sunk);
    check->found = calloc(mesh->count, sizeof *check->found);
    if (check->places == NULL || check->rows == NULL || check->distances == NULL || check->own == NULL ||
        check->stack == NULL || check->at == NULL || check->order == NULL || check->mark == NULL ||
        check->sunk == NULL || check->found == NULL || !next_init(check)) {
        sim_check_free(check);
        return NULL;
    }
    memset(check->fails, -1, sizeof check->fails);
    check->whole = check->looked = check->forest_stale = true;
    mesh->check = check;
    mesh->watch = (sim_watch){.arg = check,
                              .came = on_came,
                              .gone = on_gone,
                              .routed = on_routed,
                              .up = on_up,
                              .downing = on_downing,
                              .down = on_down,
                              .arrived = on_arrived,
                              .sent = check_sent,
                              .handed = check_handed,
                              .taken = check_taken,
                              .outcome = check_outcome,
                              .freed = check_freed};
    return check;
}

void sim_check_free(sim_check *check) {
    if (check == NULL)
        return;
    if (check->mesh->check == check) {
        check->mesh->check = NULL;
        sim_mesh_unwatch(check->mesh);
    }
    check_delivery_free(check);
    for (uint32_t i = 0; i < check->count && check->places != NULL && check->distances != NULL; i++) {
        free(check->places[i].adjacencies);
        free(check->places[i].next);
        free(check->places[i].levels);
        free(check->distances[i]);
    }
    free(check->places);
    free(check->rows);
    free(check->others);
    free(check->distances);
    free(check->own);
    free(check->stack);
    free(check->at);
    free(check->order);
    free(check->mark);
    free(check->sunk);
    free(check->found);
    free(check);
}

/* ---- questions ---- */

void sim_check_set(sim_check *check, enum sim_rule rule, bool does_fail) {
    check->fails[rule] = does_fail;
}

uint64_t sim_check_count(const sim_check *check, enum sim_rule rule) {
    return check->counts[rule];
}

const sim_failure *sim_check_failure(const sim_check *check) {
    return &check->failure;
}

uint64_t sim_check_connected(sim_check *check) {
    check_pairs_look(check);
    return check->connected;
}

uint64_t sim_check_reaching(sim_check *check) {
    check_pairs_look(check);
    return check->classes[CLASS_CHOOSING] > 0 ? check->connected : check->reaching;
}

slow_time sim_check_whole_since(sim_check *check) {
    check_pairs_look(check);
    return check->whole_since;
}

slow_time sim_check_last_up(const sim_check *check) {
    return check->last_up;
}

slow_time sim_check_last_down(const sim_check *check) {
    return check->last_down;
}

slow_time sim_check_last_said(const sim_check *check) {
    return sim_network_routing_at(check->mesh->network);
}
