/* What must hold when a mesh has come to rest: every connected pair is routed at the least cost, nobody has a route to
 * what is not there, nobody asks any more, and everything is accounted for.
 *
 * The least costs are Dijkstra's, from every destination over the adjacencies that both ends hold, each at the cost that
 * its own end last told its strategies. */
#include "check_state.h"
#include <inttypes.h>
#include <stdlib.h>

#define FAR UINT64_MAX

typedef struct edge {
    uint32_t from, cost; /* of `from`, towards the place whose list this stands in */
} edge;

typedef struct candidate {
    uint64_t distance;
    uint32_t place;
} candidate;

typedef struct rest {
    sim_check *check;
    uint32_t *first; /* by place: where its edges begin; one more at the end */
    edge *edges;
    candidate *heap;
    uint32_t heap_count;
    uint64_t *distance, *in_use; /* in_use: the costs along the next hops in use */
    uint32_t *metrics;           /* by place, then row: of the route in use; 0 = none */
    uint64_t stretch_count;
    double stretch_sum, stretch_most;
    bool counts; /* breaches */
    bool rogues; /* there are some */
    sim_verdict verdict;
} rest;

/* ---- the least costs ---- */

static uint32_t cost_at(const sim_check *check, uint32_t place, const check_adjacency *a) {
    const sl_neighbours *neighbours = &check->mesh->nodes[place].junction->links.neighbours;
    const sl_neighbour *n = sl_neighbour_get(neighbours, a->number);
    return n == NULL ? 0 : n->cost;
}

/* Every held adjacency, in the list of the place that it leads to. */
static void edges_gather(rest *r) {
    const sim_check *check = r->check;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < check->count; i++)
            for (uint32_t slot = 1; slot < check->places[i].slots; slot++) {
                const check_adjacency *a = &check->places[i].adjacencies[slot];
                if (a->number == 0 || !a->held)
                    continue;
                if (pass == 0)
                    r->first[a->peer + 1]++;
                else
                    r->edges[r->first[a->peer]++] = (edge){.from = i, .cost = cost_at(check, i, a)};
            }
        if (pass == 1)
            break;
        for (uint32_t i = 0; i < check->count; i++)
            r->first[i + 1] += r->first[i];
        r->edges = calloc(r->first[check->count] + 1, sizeof *r->edges);
        r->heap = calloc(r->first[check->count] + 1, sizeof *r->heap);
        if (r->edges == NULL || r->heap == NULL)
            abort();
    }
    for (uint32_t i = check->count; i > 0; i--) /* each stands where the next one began */
        r->first[i] = r->first[i - 1];
    r->first[0] = 0;
}

static void heap_push(rest *r, candidate c) {
    uint32_t at = r->heap_count++;
    for (; at > 0 && c.distance < r->heap[(at - 1) / 2].distance; at = (at - 1) / 2)
        r->heap[at] = r->heap[(at - 1) / 2];
    r->heap[at] = c;
}

static candidate heap_pop(rest *r) {
    candidate top = r->heap[0], last = r->heap[--r->heap_count];
    uint32_t at = 0;
    for (uint32_t child; (child = at * 2 + 1) < r->heap_count; at = child) {
        if (child + 1 < r->heap_count && r->heap[child + 1].distance < r->heap[child].distance)
            child++;
        if (last.distance <= r->heap[child].distance)
            break;
        r->heap[at] = r->heap[child];
    }
    r->heap[at] = last;
    return top;
}

/* `spared`: without the rogues. */
static void distances_to(rest *r, uint32_t target, bool spared) {
    for (uint32_t i = 0; i < r->check->count; i++)
        r->distance[i] = FAR;
    r->distance[target] = 0;
    r->heap_count = 0;
    heap_push(r, (candidate){.place = target});
    while (r->heap_count > 0) {
        candidate next = heap_pop(r);
        if (next.distance != r->distance[next.place] || (spared && check_is_rogue(r->check, next.place)))
            continue;
        for (uint32_t i = r->first[next.place]; i < r->first[next.place + 1]; i++) {
            uint64_t distance = next.distance + r->edges[i].cost;
            if (distance >= r->distance[r->edges[i].from])
                continue;
            r->distance[r->edges[i].from] = distance;
            heap_push(r, (candidate){.distance = distance, .place = r->edges[i].from});
        }
    }
}

/* ---- stretch ---- */

static uint64_t edge_cost(const rest *r, uint32_t from, uint32_t to) {
    for (uint32_t i = r->first[to]; i < r->first[to + 1]; i++)
        if (r->edges[i].from == from)
            return r->edges[i].cost;
    return FAR;
}

/* Along the next hops in use, for all that reach; each path ends at one that is known. */
static void stretches(rest *r, uint32_t row, uint32_t target) {
    sim_check *check = r->check;
    for (uint32_t i = 0; i < check->count; i++)
        r->in_use[i] = FAR;
    r->in_use[target] = 0;
    for (uint32_t i = 0; i < check->count; i++) {
        uint32_t depth = 0;
        if (i == target || !(check->places[i].next[row] & REACHES))
            continue;
        for (uint32_t at = i; r->in_use[at] == FAR; at = check->places[at].next[row] & ~REACHES)
            check->stack[depth++] = at;
        while (depth > 0) {
            uint32_t at = check->stack[--depth], to = check->places[at].next[row] & ~REACHES;
            r->in_use[at] = r->in_use[to] + edge_cost(r, at, to);
        }
        if (r->distance[i] == FAR || r->distance[i] == 0)
            continue;
        double stretch = (double)r->in_use[i] / (double)r->distance[i];
        r->stretch_sum += stretch;
        r->stretch_count++;
        r->stretch_most = stretch > r->stretch_most ? stretch : r->stretch_most;
    }
}

/* ---- rogues ---- */

static bool breach(const rest *r, enum sim_rule rule) {
    return r->counts && check_breach(r->check, rule);
}

/* Where the next hops in use lead from a place, and at what cost. */
static void walk(rest *r, uint32_t from, uint32_t row, uint32_t target) {
    sim_check *check = r->check;
    uint64_t cost = 0;
    uint32_t at = from, hops = 0;
    for (uint32_t next; at != target && hops <= check->count; at = next, hops++) {
        next = check->places[at].next[row] & ~REACHES;
        if (next == NO_PLACE)
            break;
        cost += edge_cost(r, at, next);
    }
    if (at != target) {
        if (breach(r, SIM_MISLED))
            check_tell(check, "the way of %s to %s %s %s", check_name(check, from), check_row_name(check, row),
                       hops > check->count ? "goes round in a circle with" : "ends at", check_name(check, at));
    } else if (cost > r->distance[from] && breach(r, SIM_DETOUR))
        check_tell(check, "the way of %s to %s costs %" PRIu64 ", and without the rogues %" PRIu64,
                   check_name(check, from), check_row_name(check, row), cost, r->distance[from]);
}

static void rogues_look(rest *r, uint32_t row, uint32_t target) {
    sim_check *check = r->check;
    if (!r->rogues || check_is_rogue(check, target) || check->classes[CLASS_CHOOSING] > 0)
        return;
    distances_to(r, target, true);
    for (uint32_t i = 0; i < check->count; i++)
        if (i != target && check->places[i].present && !check_is_rogue(check, i) && r->distance[i] != FAR)
            walk(r, i, row, target);
}

/* ---- routes ---- */

static void pair_look(rest *r, uint32_t from, uint32_t row) {
    sim_check *check = r->check;
    if (check_is_rogue(check, from) || (row < check->count && check_is_rogue(check, row)))
        return;
    uint32_t metric = r->metrics[(size_t)from * check->row_count + row];
    bool routed = metric != 0;
    r->verdict.routed += routed;
    if (r->distance[from] == FAR) {
        r->verdict.stale += routed;
        if (routed && breach(r, SIM_STALE))
            check_tell(check, "%s has a route to %s, to which nothing leads", check_name(check, from),
                       check_row_name(check, row));
        return;
    }
    r->verdict.connected++;
    if (check->places[from].class == CLASS_CHOOSING)
        return;
    if (!routed) {
        r->verdict.missing++;
        if (breach(r, SIM_MISSING))
            check_tell(check, "%s has no route to %s, which is at cost %" PRIu64, check_name(check, from),
                       check_row_name(check, row), r->distance[from]);
        return;
    }
    if (metric == r->distance[from])
        return;
    r->verdict.suboptimal++;
    if (!check->places[from].least_cost && check->fails[SIM_SUBOPTIMAL] < 0) {
        check->counts[SIM_SUBOPTIMAL] += r->counts;
        return;
    }
    if (breach(r, SIM_SUBOPTIMAL))
        check_tell(check, "%s reaches %s at metric %u, and the least cost is %" PRIu64, check_name(check, from),
                   check_row_name(check, row), metric, r->distance[from]);
}

/* The routes of one junction; those to nobody (one that died, or an id that never was) are stale. */
static void table_look(rest *r, uint32_t from) {
    sim_check *check = r->check;
    const sl_route_table *table = &check->mesh->nodes[from].junction->forward->table;
    for (uint32_t i = 0; i < table->count; i++) {
        const sl_route *route = &table->entries[i];
        slow_id id = sl_route_id(route);
        uint32_t row = check_row_of(check, &id);
        if (route->next_hop == NULL)
            continue;
        if (row != NO_ROW && check->rows[row].homes > 0) {
            r->metrics[(size_t)from * check->row_count + row] = route->candidates[route->chosen].metric;
            continue;
        }
        if (check_is_rogue(check, from))
            continue;
        r->verdict.stale++;
        if (breach(r, SIM_STALE))
            check_tell(check, "%s has a route to %.*s, which is not there", check_name(check, from), SL_ID_ARG(&id));
    }
}

static sim_verdict routes_look(sim_check *check, bool counts, sim_stretch *stretch) {
    rest r = {.check = check, .counts = counts};
    r.first = calloc(check->count + 2, sizeof *r.first);
    r.distance = calloc(check->count, sizeof *r.distance);
    r.in_use = calloc(check->count, sizeof *r.in_use);
    r.metrics = calloc((size_t)check->row_count * check->count, sizeof *r.metrics);
    if (r.first == NULL || r.distance == NULL || r.in_use == NULL || r.metrics == NULL)
        abort();
    edges_gather(&r);
    for (uint32_t i = 0; i < check->count; i++) {
        r.rogues |= check_is_rogue(check, i);
        if (check->places[i].present)
            table_look(&r, i);
    }
    for (uint32_t target = 0; target < check->count; target++) {
        const check_place *p = &check->places[target];
        if (!p->present || check->rows[p->row].homes != 1)
            continue;
        distances_to(&r, target, false);
        for (uint32_t i = 0; i < check->count; i++)
            if (i != target && check->places[i].present)
                pair_look(&r, i, p->row);
        if (stretch != NULL && check->classes[CLASS_CHOOSING] == 0)
            stretches(&r, p->row, target);
        rogues_look(&r, p->row, target);
    }
    if (stretch != NULL)
        *stretch = r.stretch_count == 0 ? (sim_stretch){.mean = 1, .most = 1}
                                        : (sim_stretch){r.stretch_sum / (double)r.stretch_count, r.stretch_most};
    free(r.first);
    free(r.edges);
    free(r.heap);
    free(r.distance);
    free(r.in_use);
    free(r.metrics);
    return r.verdict;
}

sim_verdict sim_check_routes(sim_check *check, sim_stretch *stretch) {
    return routes_look(check, false, stretch);
}

/* ---- rest ---- */

size_t sim_check_pending(const sim_check *check, uint32_t *place) {
    size_t pending = 0;
    for (uint32_t i = 0; i < check->count; i++) {
        const sl_junction *junction = check->mesh->nodes[i].junction;
        for (uint32_t k = 0; check->places[i].present && k < junction->routing.count; k++) {
            const sl_strategy *strategy = &junction->routing.strategies[k];
            const slow_routing_inspect *inspect = check_inspect(strategy);
            size_t own = inspect != NULL && SLOW_HAS(inspect, pending) ? inspect->pending(strategy->self) : 0;
            if (own > 0 && pending == 0 && place != NULL)
                *place = i;
            pending += own;
        }
    }
    return pending;
}

bool sim_check_settle(sim_check *check, slow_time limit_ns) {
    sim_mesh *mesh = check->mesh;
    slow_time begin = sl_world_now(mesh->world), limit = begin + limit_ns;
    for (;;) {
        slow_time now = sl_world_now(mesh->world), last = sim_check_last_said(check);
        last = check->changed_at > last ? check->changed_at : last;
        last = begin > last ? begin : last;
        if (now >= last + SIM_QUIET && sim_check_pending(check, NULL) == 0)
            return true;
        if (now >= limit)
            return false;
        slow_time until = now >= last + SIM_QUIET ? now + SIM_QUIET : last + SIM_QUIET;
        sl_world_run(mesh->world, until < limit ? until : limit);
    }
}

static void restless_look(sim_check *check) {
    uint32_t place = 0;
    slow_time now = sl_world_now(check->mesh->world);
    size_t pending = sim_check_pending(check, &place);
    if (pending > 0) {
        if (check_breach(check, SIM_RESTLESS))
            check_tell(check, "%zu things are still begun and not ended, the first at %s", pending,
                       check_name(check, place));
    } else if (sim_check_last_said(check) != 0 && now < sim_check_last_said(check) + SIM_QUIET &&
               check_breach(check, SIM_RESTLESS))
        check_tell(check, "a strategy spoke %.3f s ago", (double)(now - sim_check_last_said(check)) / 1e9);
}

sim_verdict sim_check_rest(sim_check *check, sim_stretch *stretch) {
    sim_verdict verdict = routes_look(check, true, stretch);
    check_vector_rest(check);
    check_account(check);
    check_delivery_rest(check);
    restless_look(check);
    for (uint32_t row = 0; row < check->row_count; row++)
        check->rows[row].touched = false;
    return verdict;
}
