/* Cycles among next hops, found at the change that closes them.
 *
 * Where a strategy promises that the graph of all candidates is free of loops, each place has a level for each destination
 * that falls along every edge: that is a topological order, kept up to date (as Pearce and Kelly, "A dynamic topological
 * sort algorithm for directed acyclic graphs", JEA 11, 2006). A change whose next hops all stand lower proves itself right
 * in a few comparisons. Otherwise a search goes down from there, over those that may have to sink. If it comes back to
 * where it began there is a cycle, else those that it met sink below it, which breaks no order: whoever leads to them
 * stands higher still. Levels leave gaps when a first route comes, so that most changes find room.
 *
 * The search goes over the junctions' own tables, so there is no second copy of the candidates. */
#include "check_state.h"
#include <stdio.h>
#include <stdlib.h>

enum { SCALE = 8, HIGHEST = INT32_MAX / 4, LOWEST = INT32_MIN / 2 }; /* SCALE: a level, a unit of metric */

/* The place behind a candidate, when the edge counts; else NO_PLACE. What leads to a rogue, or comes from it, does not. */
static uint32_t edge_to(const sim_check *check, uint32_t place, const sl_candidate *candidate) {
    const check_adjacency *a = check_held(check, place, candidate->via);
    if (a == NULL || candidate->metric == SLOW_METRIC_INFINITY || check_is_rogue(check, place) ||
        check_is_rogue(check, a->peer))
        return NO_PLACE;
    return a->peer;
}

static int32_t *level_at(sim_check *check, uint32_t number, uint32_t place) {
    check_place *p = &check->places[place];
    if (p->levels == NULL) {
        p->levels = malloc(check->row_count * sizeof *p->levels);
        if (p->levels == NULL)
            abort();
        for (uint32_t row = 0; row < check->row_count; row++)
            p->levels[row] = NO_LEVEL;
    }
    return &p->levels[number];
}

/* ---- telling ---- */

/* "n1 > n2 > n3 > n1": the places of `path`, which leads from the last one back to the first. */
static void tell_cycle(sim_check *check, uint32_t number, const uint32_t *path, uint32_t length, const char *which) {
    char text[400];
    size_t used = 0;
    for (uint32_t i = 0; i < length && used + 80 < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%.60s > ", check_name(check, path[i]));
    if (used + 80 >= sizeof text)
        used += (size_t)snprintf(text + used, sizeof text - used, "... > ");
    snprintf(text + used, sizeof text - used, "%.60s", check_name(check, path[0]));
    check_tell(check, "a loop of %u junctions on the way to %s, by %s: %s", length, check_row_name(check, number),
               which, text);
}

void check_loop_in_use(sim_check *check, uint32_t number, uint32_t place) {
    if (!check_breach(check, SIM_LOOP))
        return;
    uint32_t length = 0, at = place;
    do {
        check->order[length++] = at;
        at = check->places[at].next[number] & ~REACHES;
    } while (at != place && at != NO_PLACE && length < check->count);
    tell_cycle(check, number, check->order, length, "the next hops in use");
}

/* ---- searching ---- */

typedef struct search {
    sim_check *check;
    uint32_t row, start, depth, count; /* count: of those in check->order, each behind all that it leads to */
    int32_t floor;
} search;

static void visit(search *s, uint32_t place) {
    sim_check *check = s->check;
    check->mark[place] = check->marker;
    check->sunk[place] = *level_at(check, s->row, place);
    check->found[place] = check_route(check, place, s->row);
    check->stack[s->depth] = place;
    check->at[s->depth++] = 0;
}

/* Depth first from the start, to all that stand at the floor or above. False: it led back to the start, and the stack is
 * the cycle. */
static bool descend(search *s) {
    sim_check *check = s->check;
    check->marker++;
    s->count = s->depth = 0;
    visit(s, s->start);
    while (s->depth > 0) {
        uint32_t place = check->stack[s->depth - 1];
        const sl_route *route = check->found[place];
        uint32_t i = check->at[s->depth - 1]++;
        if (route == NULL || i >= route->count) {
            check->order[s->count++] = place;
            s->depth--;
            continue;
        }
        uint32_t to = edge_to(check, place, &route->candidates[i]);
        if (to == s->start)
            return false;
        if (to == NO_PLACE || check->mark[to] == check->marker || check_is_home(check, to, s->row))
            continue;
        int32_t level = *level_at(check, s->row, to);
        if (level != NO_LEVEL && level >= s->floor)
            visit(s, to);
    }
    return true;
}

/* In topological order: everybody below whoever leads to it. False, and nothing is done: somebody outside of what was
 * searched would have to sink, too. */
static bool sink(search *s) {
    sim_check *check = s->check;
    for (uint32_t at = s->count; at-- > 0;) {
        uint32_t place = check->order[at];
        const sl_route *route = check->found[place];
        for (uint8_t i = 0; route != NULL && i < route->count; i++) {
            uint32_t to = edge_to(check, place, &route->candidates[i]);
            if (to == NO_PLACE || check_is_home(check, to, s->row))
                continue;
            if (check->mark[to] != check->marker) {
                if (*level_at(check, s->row, to) >= check->sunk[place])
                    return false;
            } else if (check->sunk[to] >= check->sunk[place]) {
                check->sunk[to] = check->sunk[place] - 1;
            }
        }
    }
    for (uint32_t at = 0; at < s->count; at++)
        *level_at(check, s->row, check->order[at]) = check->sunk[check->order[at]];
    return true;
}

/* All sank so far that there is no room below: all rise, which keeps the order. */
static void lift(sim_check *check, uint32_t number) {
    for (uint32_t i = 0; i < check->count; i++) {
        int32_t *level = level_at(check, number, i);
        if (*level != NO_LEVEL)
            *level += -LOWEST / 2;
    }
}

static void search_from(sim_check *check, uint32_t number, uint32_t place) {
    search s = {.check = check, .row = number, .start = place};
    if (*level_at(check, number, place) < LOWEST)
        lift(check, number);
    for (int32_t below = 0;; below = below * 8 + 8) { /* nobody has to sink by more than there are places */
        s.floor = *level_at(check, number, place) - below;
        if (!descend(&s)) {
            if (check_breach(check, SIM_LOOP))
                tell_cycle(check, number, check->stack, s.depth, "candidates");
            return;
        }
        if (sink(&s))
            return;
    }
}

/* ---- at each change ---- */

void check_loops(sim_check *check, uint32_t number, uint32_t place, const sl_route *route) {
    if (!check_is_loop_free(check) || check_is_home(check, place, number))
        return;
    int32_t *level = level_at(check, number, place), least = 1;
    bool violated = false, any = false;
    for (uint8_t i = 0; i < route->count; i++) {
        uint32_t to = edge_to(check, place, &route->candidates[i]);
        if (to == NO_PLACE)
            continue;
        if (!any) { /* the best one's metric */
            uint32_t metric = route->candidates[i].metric;
            least = metric < HIGHEST / SCALE ? (int32_t)metric * SCALE : HIGHEST;
        }
        any = true;
        if (check_is_home(check, to, number))
            continue;
        int32_t *below = level_at(check, number, to);
        if (*below == NO_LEVEL)
            *below = *level == NO_LEVEL ? 0 : *level - 1;
        violated |= *level != NO_LEVEL && *below >= *level;
        least = *below >= least ? *below + 1 : least;
    }
    if (any && (*level == NO_LEVEL || least < *level))
        *level = least;
    if (violated)
        search_from(check, number, place);
}
