#include "route_table.h"
#include <stdlib.h>
#include <string.h>

bool sl_route_table_init(sl_route_table *table, sl_loop *loop, const sl_neighbours *neighbours) {
    *table = (sl_route_table){.neighbours = neighbours, .mask = 63};
    sl_entropy(loop, table->key, sizeof table->key);
    table->slots = calloc(table->mask + 1, sizeof *table->slots);
    return table->slots != NULL;
}

static void route_free(sl_route *route) {
    if (route->candidates != route->inside)
        free(route->candidates);
    if (route->id_size > SL_ROUTE_ID_INSIDE)
        free(route->id.outside);
}

void sl_route_table_free(sl_route_table *table) {
    for (uint32_t i = 0; i < table->count; i++)
        route_free(&table->entries[i]);
    free(table->entries);
    free(table->slots);
}

sl_route *sl_route_table_find(const sl_route_table *table, uint32_t hash, const uint8_t *text, size_t size) {
    for (uint32_t at = hash & table->mask; table->slots[at].entry != 0; at = (at + 1) & table->mask)
        if (table->slots[at].hash == hash && sl_route_is_to(&table->entries[table->slots[at].entry - 1], text, size))
            return &table->entries[table->slots[at].entry - 1];
    return NULL;
}

/* ---- growing and shrinking ---- */

static void route_moved(sl_route *route) {
    if (route->capacity <= SL_CANDIDATES_INSIDE)
        route->candidates = route->inside;
}

static void slot_fill(sl_route_table *table, uint32_t hash, uint32_t entry) {
    uint32_t at = hash & table->mask;
    while (table->slots[at].entry != 0)
        at = (at + 1) & table->mask;
    table->slots[at] = (sl_route_slot){.hash = hash, .entry = entry + 1};
}

static bool table_reserve(sl_route_table *table) {
    if (table->count == table->capacity) {
        uint32_t capacity = table->capacity + table->capacity / 8 + 32;
        sl_route *entries = realloc(table->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return false;
        table->entries = entries;
        for (uint32_t i = 0; i < table->count; i++)
            route_moved(&entries[i]);
        table->capacity = capacity;
    }
    if ((table->count + 1) * 2 <= table->mask + 1)
        return true;
    uint32_t mask = table->mask * 2 + 1;
    sl_route_slot *slots = calloc((size_t)mask + 1, sizeof *slots);
    if (slots == NULL)
        return false;
    free(table->slots);
    table->slots = slots;
    table->mask = mask;
    for (uint32_t i = 0; i < table->count; i++)
        slot_fill(table, table->entries[i].hash, i);
    return true;
}

static uint32_t slot_of(const sl_route_table *table, uint32_t hash, uint32_t entry) {
    uint32_t at = hash & table->mask;
    while (table->slots[at].entry != entry + 1)
        at = (at + 1) & table->mask;
    return at;
}

/* Backward-shift deletion (Knuth, TAOCP 6.4, Algorithm R): no tombstones. */
static void slot_empty(sl_route_table *table, uint32_t hole) {
    for (uint32_t at = hole;;) {
        at = (at + 1) & table->mask;
        if (table->slots[at].entry == 0)
            break;
        uint32_t home = table->slots[at].hash & table->mask;
        if (((at - home) & table->mask) >= ((at - hole) & table->mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole].entry = 0;
}

static sl_route *entry_add(sl_route_table *table, const slow_id *id, uint32_t hash) {
    if (table->count >= SL_ROUTES_MAX || !table_reserve(table))
        return NULL;
    sl_route *route = &table->entries[table->count];
    *route = (sl_route){.hash = hash, .id_size = id->size & 0x7fu, .capacity = SL_CANDIDATES_INSIDE};
    route_moved(route);
    if (id->size > SL_ROUTE_ID_INSIDE && (route->id.outside = malloc(id->size)) == NULL)
        return NULL;
    memcpy(id->size > SL_ROUTE_ID_INSIDE ? route->id.outside : route->id.inside, id->text, id->size);
    slot_fill(table, hash, table->count++);
    return route;
}

static void entry_remove(sl_route_table *table, uint32_t entry) {
    sl_route *route = &table->entries[entry];
    route_free(route);
    slot_empty(table, slot_of(table, route->hash, entry));
    uint32_t last = --table->count;
    if (entry == last)
        return;
    table->slots[slot_of(table, table->entries[last].hash, last)].entry = entry + 1;
    *route = table->entries[last];
    route_moved(route);
}

/* ---- choosing ---- */

static sl_neighbour *usable(const sl_route_table *table, const sl_candidate *candidate) {
    sl_neighbour *n = sl_neighbour_get(table->neighbours, candidate->via);
    return n != NULL && n->adjacency != 0 && candidate->metric != SLOW_METRIC_INFINITY ? n : NULL;
}

sl_neighbour *sl_route_table_next_hop(const sl_route_table *table, const sl_route *route, const sl_way *way,
                                      slow_time now) {
    for (uint8_t i = route->chosen; way != NULL && way->count > 0 && i < route->count; i++) {
        bool same = route->candidates[i].strategy == route->candidates[route->chosen].strategy;
        sl_neighbour *n = same ? usable(table, &route->candidates[i]) : NULL;
        if (n != NULL && !sl_way_avoids(way, n->adjacency, now))
            return n;
    }
    return route->next_hop;
}

/* True when the next hop is another. */
static bool route_choose(sl_route_table *table, sl_route *route) {
    sl_neighbour *old = route->next_hop, *new = NULL;
    for (uint8_t i = 0; i < route->count && new == NULL && !route->barred; i++)
        if ((new = usable(table, &route->candidates[i])) != NULL)
            route->chosen = i;
    route->next_hop = new;
    if (new == old)
        return false;
    if (new != NULL)
        sl_neighbour_use(new, 1);
    if (old != NULL)
        sl_neighbour_use(old, -1);
    if (old == NULL && table->reachable != NULL) {
        slow_id id = sl_route_id(route);
        table->reachable(table->arg, &id);
    }
    return true;
}

static bool goes_before(const sl_candidate *a, uint32_t strategy, int32_t preference) {
    return a->preference > preference || (a->preference == preference && a->strategy < strategy);
}

/* All candidates as they will be: the others' that go before, the strategy's, the others' that do not. */
static size_t list_make(const sl_route *route, uint32_t strategy, int32_t preference, const slow_route *routes,
                        size_t n, sl_candidate *list) {
    size_t count = 0;
    for (uint8_t i = 0; i < route->count; i++)
        if (route->candidates[i].strategy != strategy && goes_before(&route->candidates[i], strategy, preference))
            list[count++] = route->candidates[i];
    for (size_t i = 0; i < n; i++)
        list[count++] = (sl_candidate){
            .via = routes[i].via, .metric = routes[i].metric, .preference = preference, .strategy = strategy};
    for (uint8_t i = 0; i < route->count; i++)
        if (route->candidates[i].strategy != strategy && !goes_before(&route->candidates[i], strategy, preference))
            list[count++] = route->candidates[i];
    return count;
}

/* They stay where they are while they fit, and most offers say what was said before: neither costs an allocation. */
static slow_status list_store(sl_route *route, const sl_candidate *list, size_t count, bool *changed) {
    *changed = count != route->count || (count > 0 && memcmp(list, route->candidates, count * sizeof *list) != 0);
    if (!*changed)
        return SLOW_OK;
    if (count > route->capacity) {
        sl_candidate *more = route->candidates == route->inside ? NULL : route->candidates;
        sl_candidate *candidates = realloc(more, count * sizeof *candidates);
        if (candidates == NULL)
            return SLOW_E_NOMEM;
        route->candidates = candidates;
        route->capacity = (uint8_t)count;
    }
    if (count > 0)
        memcpy(route->candidates, list, count * sizeof *list);
    route->count = (uint8_t)count;
    return SLOW_OK;
}

slow_status sl_route_table_offer(sl_route_table *table, uint32_t strategy, int32_t preference, const slow_id *dst,
                                 const slow_route *routes, size_t n) {
    uint32_t hash = sl_route_table_hash(table, (const uint8_t *)dst->text, dst->size);
    sl_route *route = sl_route_table_find(table, hash, (const uint8_t *)dst->text, dst->size);
    sl_candidate list[UINT8_MAX];
    bool changed;
    n = n < SL_CANDIDATES_PER_STRATEGY ? n : SL_CANDIDATES_PER_STRATEGY;
    if (route == NULL && n == 0)
        return SLOW_OK;
    if (route == NULL && (route = entry_add(table, dst, hash)) == NULL)
        return SLOW_E_NOSPACE;
    uint32_t entry = (uint32_t)(route - table->entries);
    if (route->count + n > UINT8_MAX)
        return SLOW_E_NOSPACE;
    slow_status status = list_store(route, list, list_make(route, strategy, preference, routes, n, list), &changed);
    if (status == SLOW_OK && (route_choose(table, route) || changed) && table->changed != NULL)
        table->changed(table->changed_arg, route);
    if (route->count == 0 && !route->barred)
        entry_remove(table, entry);
    return status;
}

slow_status sl_route_table_bar(sl_route_table *table, const slow_id *dst, bool barred) {
    uint32_t hash = sl_route_table_hash(table, (const uint8_t *)dst->text, dst->size);
    sl_route *route = sl_route_table_find(table, hash, (const uint8_t *)dst->text, dst->size);
    if (route == NULL && barred && (route = entry_add(table, dst, hash)) == NULL)
        return SLOW_E_NOSPACE;
    if (route == NULL || route->barred == barred)
        return SLOW_OK;
    route->barred = barred;
    if (barred)
        table->barred++;
    else
        table->barred--;
    if (route_choose(table, route) && table->changed != NULL)
        table->changed(table->changed_arg, route);
    if (route->count == 0 && !barred)
        entry_remove(table, (uint32_t)(route - table->entries));
    return SLOW_OK;
}

/* Stable: a strategy's own ranking stays. */
static void candidates_sort(sl_route *route) {
    for (uint8_t i = 1; i < route->count; i++) {
        sl_candidate moved = route->candidates[i];
        uint8_t at = i;
        for (; at > 0 && goes_before(&moved, route->candidates[at - 1].strategy, route->candidates[at - 1].preference);
             at--)
            route->candidates[at] = route->candidates[at - 1];
        route->candidates[at] = moved;
    }
}

void sl_route_table_prefer(sl_route_table *table, uint32_t strategy, int32_t preference) {
    for (uint32_t i = 0; i < table->count; i++) {
        sl_route *route = &table->entries[i];
        bool has = false;
        for (uint8_t k = 0; k < route->count; k++)
            if (route->candidates[k].strategy == strategy) {
                route->candidates[k].preference = preference;
                has = true;
            }
        if (!has)
            continue;
        candidates_sort(route);
        route_choose(table, route);
        if (table->changed != NULL)
            table->changed(table->changed_arg, route);
    }
}

/* In place, so that nothing can fail: what a strategy offered never outlives it. */
static bool candidates_drop(sl_route *route, uint32_t strategy) {
    uint8_t kept = 0, before = route->count;
    for (uint8_t i = 0; i < before; i++)
        if (route->candidates[i].strategy != strategy)
            route->candidates[kept++] = route->candidates[i];
    route->count = kept;
    return kept != before;
}

void sl_route_table_drop_strategy(sl_route_table *table, uint32_t strategy) {
    for (uint32_t i = table->count; i-- > 0;) { /* downwards: a removed entry's place is taken by a later one */
        sl_route *route = &table->entries[i];
        if (!candidates_drop(route, strategy))
            continue;
        route_choose(table, route);
        if (table->changed != NULL)
            table->changed(table->changed_arg, route);
        if (route->count == 0 && !route->barred)
            entry_remove(table, i);
    }
}

void sl_route_table_down(sl_route_table *table, sl_neighbour *n, slow_link adjacency) {
    (void)adjacency;
    for (uint32_t i = 0; i < table->count; i++)
        if (table->entries[i].next_hop == n) {
            route_choose(table, &table->entries[i]);
            if (table->changed != NULL)
                table->changed(table->changed_arg, &table->entries[i]);
        }
}
