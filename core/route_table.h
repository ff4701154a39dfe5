/* route_table.h - where packages go: for each destination the candidates of all strategies, and the one in use.
 *
 * Candidates stand in the order of preference: the strategy's, then its own ranking. The first whose adjacency is up is
 * in use. When an adjacency dies every entry that used it falls to its next candidate at once, with no word from a
 * strategy. Open addressing with linear probing over SipHash, so that a remote that chooses ids cannot choose slots; the
 * look-up is in two steps that a caller can put prefetches between.
 *
 * A destination whose key is revoked is barred: its entry stays, with whatever strategies offer, and has no next hop until
 * the bar is taken away. So what a strategy still believes of it makes us relay nothing, and is there when it counts again.
 *
 * An entry is 80 bytes, so that a large network's table is small and two lines of cache are all of it: short ids, which
 * nearly all are, and two candidates stand in it. */
#ifndef SL_ROUTE_TABLE_H
#define SL_ROUTE_TABLE_H
#include "neighbour.h"
#include "way.h"

enum { SL_CANDIDATES_PER_STRATEGY = 8, SL_ROUTES_MAX = 1 << 20 };

typedef struct sl_candidate {
    slow_link via;
    uint32_t metric;
    int32_t preference;
    uint32_t strategy; /* its number; never used twice */
} sl_candidate;

enum { SL_ROUTE_ID_INSIDE = 24, SL_CANDIDATES_INSIDE = 2 };

typedef struct sl_route {
    sl_neighbour *next_hop;   /* NULL = no candidate is usable */
    sl_candidate *candidates; /* those inside, or more */
    uint32_t hash;
    uint8_t count, chosen, capacity; /* chosen: index, where next_hop != NULL */
    uint8_t id_size : 7;
    bool barred : 1;
    union {
        char inside[SL_ROUTE_ID_INSIDE];
        char *outside; /* where id_size is more than that */
    } id;
    sl_candidate inside[SL_CANDIDATES_INSIDE];
} sl_route;

static inline const char *sl_route_id_text(const sl_route *route) {
    return route->id_size <= SL_ROUTE_ID_INSIDE ? route->id.inside : route->id.outside;
}
static inline slow_id sl_route_id(const sl_route *route) {
    slow_id id = {.size = route->id_size};
    memcpy(id.text, sl_route_id_text(route), id.size);
    return id;
}
static inline bool sl_route_is_to(const sl_route *route, const uint8_t *text, size_t size) {
    return route->id_size == size && memcmp(sl_route_id_text(route), text, size) == 0;
}

/* By id. */
static inline int sl_route_compare(const sl_route *a, const sl_route *b) {
    slow_id first = sl_route_id(a), second = sl_route_id(b);
    return sl_id_compare(&first, &second);
}

typedef struct sl_route_slot {
    uint32_t hash, entry; /* entry + 1; 0 = free */
} sl_route_slot;

typedef struct sl_route_table {
    const sl_neighbours *neighbours;
    uint8_t key[SL_HASH_KEY];
    sl_route *entries; /* dense */
    sl_route_slot *slots;
    uint32_t count, capacity, mask;                /* mask: slots - 1 */
    uint32_t barred;                               /* entries */
    void (*reachable)(void *arg, const slow_id *); /* a destination got a next hop that had none */
    void *arg;
    /* Candidates or the next hop are others than before; no candidates: it is about to be forgotten. For checkers; may be
     * NULL. */
    void (*changed)(void *arg, const sl_route *);
    void *changed_arg;
} sl_route_table;

bool sl_route_table_init(sl_route_table *, sl_loop *, const sl_neighbours *);
void sl_route_table_free(sl_route_table *);

/* Replaces one strategy's candidates; n == 0 withdraws. SLOW_E_NOSPACE: the table is full. */
slow_status sl_route_table_offer(sl_route_table *, uint32_t strategy, int32_t preference, const slow_id *dst,
                                 const slow_route *, size_t n);
/* Another preference for one strategy: no entry is without a next hop meanwhile. */
void sl_route_table_prefer(sl_route_table *, uint32_t strategy, int32_t preference);
/* Its candidates are gone: this cannot fail. */
void sl_route_table_drop_strategy(sl_route_table *, uint32_t strategy);
/* Bars a destination, whether anybody offers it or not, or takes the bar away. SLOW_E_NOSPACE: the table is full. */
slow_status sl_route_table_bar(sl_route_table *, const slow_id *dst, bool barred);
/* An adjacency ended: who used it falls to the next candidate. */
void sl_route_table_down(sl_route_table *, sl_neighbour *, slow_link adjacency);

static inline uint32_t sl_route_table_hash(const sl_route_table *table, const uint8_t *text, size_t size) {
    return (uint32_t)sl_id_hash(table->key, text, size);
}
static inline void sl_route_table_prefetch(const sl_route_table *table, uint32_t hash) {
    __builtin_prefetch(&table->slots[hash & table->mask]);
}
static inline void sl_route_table_prefetch_entry(const sl_route_table *table, uint32_t hash) {
    uint32_t at = hash & table->mask;
    while (table->slots[at].entry != 0 && table->slots[at].hash != hash)
        at = (at + 1) & table->mask;
    if (table->slots[at].entry == 0)
        return;
    const char *entry = (const char *)&table->entries[table->slots[at].entry - 1];
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + sizeof(sl_route) - 1); /* it may lie across two lines */
}
/* The next hop of a package of our own, where there is a route: the first candidate of the strategy in use that the way does
 * not avoid, or else the first one. */
sl_neighbour *sl_route_table_next_hop(const sl_route_table *, const sl_route *, const sl_way *, slow_time now);
/* NULL = unknown. Valid until the next offer. */
sl_route *sl_route_table_find(const sl_route_table *, uint32_t hash, const uint8_t *text, size_t size);
#endif
