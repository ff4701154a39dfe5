/* Who reaches whom: for each destination the tree of next hops in use, and who is in it.
 *
 * A place reaches a destination when its next hop does, and the destination reaches itself. So a change of one next hop
 * changes the answer for the places behind it, and for nobody else; where the new next hop reaches as the old one did,
 * and not by way of the place itself, it changes nobody's, which is the common case and a walk along one path.
 *
 * Connected pairs come from a forest of components (union by size). It grows with each adjacency; when one goes it is
 * built anew, at the next question. A destination that two junctions claim to be is left out of both counts. */
#include "check_state.h"
#include <stdlib.h>

/* ---- reaching ---- */

static uint32_t *next_at(const sim_check *check, uint32_t number, uint32_t place) {
    return &check->places[place].next[number];
}

static bool reaches(const sim_check *check, uint32_t number, uint32_t place) {
    return *next_at(check, number, place) & REACHES;
}

static uint32_t next_of(const sim_check *check, uint32_t number, uint32_t place) {
    return *next_at(check, number, place) & ~REACHES;
}

static void mark_one(sim_check *check, uint32_t number, uint32_t place, bool is, bool home) {
    check_row *row = &check->rows[number];
    *next_at(check, number, place) = next_of(check, number, place) | (is ? REACHES : 0);
    if (home)
        return;
    row->reaching = is ? row->reaching + 1 : row->reaching - 1;
    if (row->homes == 1)
        check->reaching = is ? check->reaching + 1 : check->reaching - 1;
}

/* It, and all whose next hops lead to it. */
static void spread(sim_check *check, uint32_t number, uint32_t place, bool is, bool home) {
    uint32_t depth = 0;
    mark_one(check, number, place, is, home);
    check->stack[depth++] = place;
    while (depth > 0) {
        uint32_t to = check->stack[--depth];
        const check_place *p = &check->places[to];
        for (uint32_t slot = 1; slot < p->slots; slot++) {
            uint32_t from = p->adjacencies[slot].peer;
            if (p->adjacencies[slot].number == 0 || next_of(check, number, from) != to ||
                reaches(check, number, from) == is || check_is_home(check, from, number))
                continue;
            mark_one(check, number, from, is, false);
            check->stack[depth++] = from;
        }
    }
}

/* Does the path from `from` lead over `place`? It ends at a home, or nowhere, or in a loop that was there before. */
static bool leads_over(const sim_check *check, uint32_t number, uint32_t from, uint32_t place) {
    for (uint32_t steps = 0; from != NO_PLACE && steps < check->count; steps++) {
        if (from == place)
            return true;
        if (check_is_home(check, from, number))
            return false;
        from = next_of(check, number, from);
    }
    return false;
}

void check_next_set(sim_check *check, uint32_t number, uint32_t place, uint32_t next) {
    if (next_of(check, number, place) == next || check_is_home(check, place, number))
        return;
    bool was = reaches(check, number, place), is = next != NO_PLACE && reaches(check, number, next);
    /* All on one path reach alike: over a place that does not as `next` does, the way of `next` cannot lead. */
    bool loops = next != NO_PLACE && is == was && leads_over(check, number, next, place);
    is &= !loops;
    *next_at(check, number, place) = next | (was ? REACHES : 0);
    if (is != was) {
        spread(check, number, place, is, false);
        check_pairs_changed(check);
    }
    if (loops && !check_is_loop_free(check))
        check_loop_in_use(check, number, place);
}

void check_home_set(sim_check *check, uint32_t number, uint32_t place, bool is) {
    check_row *row = &check->rows[number];
    if (row->homes == 1)
        check->reaching -= row->reaching;
    uint32_t homes = is ? row->homes + 1 : row->homes - 1;
    row->homes = 2; /* so that the row counts for itself alone meanwhile */
    if (is) {
        *next_at(check, number, place) = NO_PLACE;
        row->home = place;
    }
    spread(check, number, place, is, true);
    row->homes = homes;
    for (uint32_t i = 0; !is && homes == 1 && i < check->count; i++)
        if (check->places[i].present && check->places[i].row == number)
            row->home = i;
    if (homes == 1)
        check->reaching += row->reaching;
    check_pairs_changed(check);
}

void check_edge_gone(sim_check *check, uint32_t from, uint32_t to) {
    for (uint32_t number = 0; number < check->row_count; number++)
        if (next_of(check, number, from) == to)
            check_next_set(check, number, from, NO_PLACE);
}

/* ---- connected ---- */

static uint32_t root_of(sim_check *check, uint32_t place) {
    check_place *places = check->places;
    while (places[place].parent != place) {
        places[place].parent = places[places[place].parent].parent;
        place = places[place].parent;
    }
    return place;
}

/* Ordered pairs: each home, and each other place in its component. */
static uint64_t pairs_at(const check_place *root) {
    return (uint64_t)root->homes * (root->size - 1);
}

void check_joined(sim_check *check, uint32_t a, uint32_t b) {
    if (check->forest_stale)
        return;
    a = root_of(check, a);
    b = root_of(check, b);
    if (a == b)
        return;
    check_place *large = &check->places[a], *small = &check->places[b];
    if (large->size < small->size) {
        check_place *other = large;
        large = small;
        small = other;
    }
    check->connected -= pairs_at(large) + pairs_at(small);
    small->parent = (uint32_t)(large - check->places);
    large->size += small->size;
    large->homes += small->homes;
    check->connected += pairs_at(large);
}

static void forest_build(sim_check *check) {
    check->forest_stale = false;
    check->connected = 0;
    for (uint32_t i = 0; i < check->count; i++) {
        check_place *p = &check->places[i];
        p->parent = i;
        p->size = p->present;
        p->homes = p->present && check->rows[p->row].homes == 1;
    }
    for (uint32_t i = 0; i < check->count; i++)
        for (uint32_t slot = 1; slot < check->places[i].slots; slot++) {
            const check_adjacency *a = &check->places[i].adjacencies[slot];
            if (a->number != 0 && a->held && i < a->peer)
                check_joined(check, i, a->peer);
        }
}

void check_pairs_look(sim_check *check) {
    if (check->looked)
        return;
    check->looked = true;
    if (check->forest_stale)
        forest_build(check);
    bool whole = check->classes[CLASS_CHOOSING] > 0 || check->reaching == check->connected;
    if (whole == check->whole)
        return;
    check->whole = whole;
    check->whole_since = check->changed_at;
}

/* Several changes of one instant are one: what is between them, nobody saw. */
void check_pairs_changed(sim_check *check) {
    slow_time now = sl_world_now(check->mesh->world);
    if (!check->looked && check->changed_at != now)
        check_pairs_look(check);
    check->looked = false;
    check->changed_at = now;
}
