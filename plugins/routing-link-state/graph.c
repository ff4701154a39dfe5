/* graph.c - see graph.h. */
#include "graph.h"
#include "../common/siphash.h"
#include <stdlib.h>
#include <string.h>

/* Arrays grow by a quarter: doubling would waste more than the packing saves. */
static uint32_t grown(uint32_t capacity) {
    return capacity + capacity / 4 + 16;
}

/* ---- finding a node: open addressing, keyed so that a member cannot choose ids that collide
 *
 * A bucket holds part of the hash, so that what is passed over on the way costs no look at a junction and its id. */

static uint64_t hash_of(const struct ls_graph *graph, slow_bytes id) {
    return siphash(id, graph->hash_key);
}

slow_bytes ls_node_id(const struct ls_graph *graph, uint32_t node) {
    return store_get(&graph->store, graph->nodes[node].id);
}

uint32_t ls_node_find(const struct ls_graph *graph, slow_bytes id) {
    uint32_t mask = graph->bucket_count - 1, tag;
    uint64_t hash = hash_of(graph, id);
    tag = (uint32_t)(hash >> 32);
    for (uint32_t at = (uint32_t)hash & mask; graph->buckets[at].node != 0; at = (at + 1) & mask) {
        if (graph->buckets[at].tag != tag)
            continue;
        slow_bytes own = ls_node_id(graph, graph->buckets[at].node - 1);
        if (own.size == id.size && memcmp(own.data, id.data, id.size) == 0)
            return graph->buckets[at].node - 1;
    }
    return LS_NONE;
}

uint32_t ls_node_find_near(const struct ls_graph *graph, slow_bytes id, uint32_t guess) {
    if (guess < graph->node_count && graph->nodes[guess].id != 0) {
        slow_bytes own = ls_node_id(graph, guess);
        if (own.size == id.size && memcmp(own.data, id.data, id.size) == 0)
            return guess;
    }
    return ls_node_find(graph, id);
}

/* In a storm of news the database is not in the cache, and what is known of an id is some steps into memory, each of which
 * waits for the one before. So the steps of several ids are taken side by side. The last two are for what the node says of
 * its links. */
static void ids_expect(const struct ls_graph *graph, const slow_bytes *ids, uint32_t count, uint32_t *guesses) {
    uint32_t mask = graph->bucket_count - 1;
    for (uint32_t i = 0; i < count; i++) {
        guesses[i] = ids[i].size > 0 ? (uint32_t)hash_of(graph, ids[i]) & mask : 0;
        __builtin_prefetch(&graph->buckets[guesses[i]]);
    }
    for (uint32_t i = 0; i < count; i++) {
        guesses[i] = graph->buckets[guesses[i]].node - 1; /* of an empty one: LS_NONE */
        if (guesses[i] != LS_NONE)
            __builtin_prefetch(&graph->nodes[guesses[i]]);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (guesses[i] == LS_NONE)
            continue;
        __builtin_prefetch(ls_node_id(graph, guesses[i]).data);
        if (graph->nodes[guesses[i]].lsas != LS_NONE)
            __builtin_prefetch(&graph->lsas[graph->nodes[guesses[i]].lsas]);
    }
    for (uint32_t i = 0; i < count; i++)
        if (guesses[i] != LS_NONE && graph->nodes[guesses[i]].lsas != LS_NONE)
            __builtin_prefetch(ls_edges_of(graph, &graph->lsas[graph->nodes[guesses[i]].lsas]));
}

uint32_t ls_nodes_expect(const struct ls_graph *graph, const struct ls_record *records, uint32_t count,
                         uint32_t guesses[LS_EXPECTED]) {
    slow_bytes ids[LS_EXPECTED];
    count = count < LS_EXPECTED ? count : LS_EXPECTED;
    for (uint32_t i = 0; i < count; i++)
        ids[i] = records[i].id;
    ids_expect(graph, ids, count, guesses);
    return count;
}

static void bucket_insert(struct ls_graph *graph, uint32_t node) {
    uint32_t mask = graph->bucket_count - 1;
    uint64_t hash = hash_of(graph, ls_node_id(graph, node));
    uint32_t at = (uint32_t)hash & mask;
    while (graph->buckets[at].node != 0)
        at = (at + 1) & mask;
    graph->buckets[at] = (struct ls_bucket){.tag = (uint32_t)(hash >> 32), .node = node + 1};
}

/* Takes one out and closes the gap behind it, so that no search ends too early. */
static void bucket_remove(struct ls_graph *graph, uint32_t node) {
    uint32_t mask = graph->bucket_count - 1, hole = (uint32_t)hash_of(graph, ls_node_id(graph, node)) & mask;
    while (graph->buckets[hole].node != node + 1)
        hole = (hole + 1) & mask;
    for (uint32_t at = (hole + 1) & mask; graph->buckets[at].node != 0; at = (at + 1) & mask) {
        uint32_t home = (uint32_t)hash_of(graph, ls_node_id(graph, graph->buckets[at].node - 1)) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            graph->buckets[hole] = graph->buckets[at];
            hole = at;
        }
    }
    graph->buckets[hole].node = 0;
}

/* At most three quarters full. */
static bool buckets_grow(struct ls_graph *graph) {
    if ((uint64_t)(graph->live + 1) * 4 <= (uint64_t)graph->bucket_count * 3)
        return true;
    uint32_t count = graph->bucket_count == 0 ? 16 : graph->bucket_count * 2;
    struct ls_bucket *buckets = calloc(count, sizeof *buckets);
    if (buckets == NULL)
        return false;
    free(graph->buckets);
    graph->buckets = buckets;
    graph->bucket_count = count;
    for (uint32_t node = 0; node < graph->node_count; node++)
        if (graph->nodes[node].id != 0)
            bucket_insert(graph, node);
    return true;
}

/* ---- nodes */

static bool nodes_grow(struct ls_graph *graph) {
    if (graph->vacant != LS_NONE || graph->node_count < graph->node_capacity)
        return true;
    uint32_t capacity = grown(graph->node_capacity);
    struct ls_node *nodes = realloc(graph->nodes, capacity * sizeof *nodes);
    if (nodes == NULL)
        return false;
    graph->nodes = nodes;
    graph->node_capacity = capacity;
    return true;
}

static uint32_t node_need_near(struct ls_graph *graph, slow_bytes id, uint32_t guess) {
    uint32_t node = graph->bucket_count == 0 ? LS_NONE : ls_node_find_near(graph, id, guess);
    if (node != LS_NONE)
        return node;
    if (!buckets_grow(graph) || !nodes_grow(graph))
        return LS_NONE;
    uint32_t reference = store_add(&graph->store, id);
    if (reference == 0)
        return LS_NONE;
    node = graph->vacant;
    uint8_t flags = 0; /* a number may still be noted as touched when it is given again */
    if (node != LS_NONE) {
        flags = graph->nodes[node].flags & (LS_TOUCHED | LS_TOUCHED_LATER);
        graph->vacant = graph->nodes[node].names;
    } else {
        node = graph->node_count++;
    }
    graph->nodes[node] = (struct ls_node){.id = reference, .lsas = LS_NONE, .slot = LS_NO_SLOT, .flags = flags};
    bucket_insert(graph, node);
    graph->live++;
    return node;
}

uint32_t ls_node_need(struct ls_graph *graph, slow_bytes id) {
    return node_need_near(graph, id, LS_NONE);
}

void ls_node_release(struct ls_graph *graph, uint32_t number) {
    struct ls_node *node = &graph->nodes[number];
    if (number == LS_SELF || node->id == 0 || node->lsas != LS_NONE || node->names > 0 || node->slot != LS_NO_SLOT)
        return;
    bucket_remove(graph, number);
    store_drop(&graph->store, node->id);
    uint8_t flags = node->flags & (LS_TOUCHED | LS_TOUCHED_LATER);
    *node = (struct ls_node){.lsas = LS_NONE, .names = graph->vacant, .slot = LS_NO_SLOT, .flags = flags};
    graph->vacant = number;
    graph->live--;
}

/* ---- what has changed */

static void touched_add(struct ls_graph *graph, struct ls_touched *touched, enum ls_node_flag flag, uint32_t node) {
    if ((graph->nodes[node].flags & flag) != 0 || touched->all)
        return;
    if (touched->count == touched->capacity) {
        uint32_t capacity = grown(touched->capacity);
        uint32_t *nodes = realloc(touched->nodes, capacity * sizeof *nodes);
        if (nodes == NULL) {
            touched->all = true;
            return;
        }
        touched->nodes = nodes;
        touched->capacity = capacity;
    }
    graph->nodes[node].flags |= (uint8_t)flag;
    touched->nodes[touched->count++] = node;
}

void ls_touch(struct ls_graph *graph, uint32_t node) {
    touched_add(graph, &graph->touched, LS_TOUCHED, node);
    touched_add(graph, &graph->touched_later, LS_TOUCHED_LATER, node);
}

void ls_touched_clear(struct ls_graph *graph, struct ls_touched *touched, enum ls_node_flag flag) {
    for (uint32_t i = 0; i < touched->count; i++)
        graph->nodes[touched->nodes[i]].flags &= (uint8_t)~flag;
    free(touched->nodes);
    *touched = (struct ls_touched){.nodes = NULL};
}

/* ---- edges: runs in one array; a run that was given back goes on a list of its length */

/* Strangers choose the lengths, and a run is of no use to a longer one: when most of the array is vacant the others are
 * moved together. Without memory for that it stays as it is. */
static void runs_gather(struct ls_graph *graph) {
    struct ls_edge *edges = malloc(graph->edges_capacity * sizeof *edges);
    uint32_t used = 0;
    if (edges == NULL)
        return;
    for (uint32_t number = 0; number < graph->lsa_count; number++) {
        struct ls_lsa *lsa = &graph->lsas[number];
        if (lsa->node == LS_NONE || lsa->count == 0)
            continue;
        memcpy(edges + used, graph->edges + lsa->edges, lsa->count * sizeof *edges);
        lsa->edges = used;
        used += lsa->count;
    }
    free(graph->edges);
    graph->edges = edges;
    graph->edges_used = used;
    memset(graph->edges_vacant, 0, sizeof graph->edges_vacant);
}

/* The run's number; LS_NONE = no memory. A run of none is number 0. */
static uint32_t run_take(struct ls_graph *graph, uint32_t count) {
    uint32_t run = graph->edges_vacant[count];
    if (count == 0)
        return 0;
    graph->edges_live += count;
    if (run != 0) {
        graph->edges_vacant[count] = graph->edges[run - 1].to;
        return run - 1;
    }
    if (graph->edges_capacity - graph->edges_used < count && graph->edges_used / 2 > graph->edges_live)
        runs_gather(graph);
    if (graph->edges_capacity - graph->edges_used < count) {
        uint32_t capacity = grown(graph->edges_capacity) + count;
        struct ls_edge *edges = realloc(graph->edges, capacity * sizeof *edges);
        if (edges == NULL) {
            graph->edges_live -= count;
            return LS_NONE;
        }
        graph->edges = edges;
        graph->edges_capacity = capacity;
    }
    graph->edges_used += count;
    return graph->edges_used - count;
}

static void run_give(struct ls_graph *graph, uint32_t run, uint32_t count) {
    if (count == 0)
        return;
    graph->edges[run].to = graph->edges_vacant[count] & LS_TO_MOST;
    graph->edges_vacant[count] = run + 1;
    graph->edges_live -= count;
}

/* The cheapest link that `from` tells of to `to`; NULL = it lists none. */
static const struct ls_edge *edge_told(const struct ls_graph *graph, uint32_t from, uint32_t to) {
    const struct ls_edge *least = NULL;
    for (uint32_t i = graph->nodes[from].lsas; i != LS_NONE; i = graph->lsas[i].next) {
        const struct ls_edge *edge = ls_edges_of(graph, &graph->lsas[i]), *end = edge + graph->lsas[i].count;
        for (; edge < end; edge++)
            if (edge->to == to && (least == NULL || edge->cost < least->cost))
                least = edge;
    }
    return least;
}

uint16_t ls_cost_told(const struct ls_graph *graph, uint32_t from, uint32_t to) {
    const struct ls_edge *edge = edge_told(graph, from, to);
    return edge != NULL ? edge->cost : 0;
}

/* What one end says of a link. */
struct word {
    uint16_t cost; /* 0 = it lists none */
    bool leaf;
};

static struct word word_of(const struct ls_edge *edge) {
    return edge != NULL ? (struct word){edge->cost, edge->leaf} : (struct word){0, false};
}

/* Writes down at `from` what `to` tells of the link between them. True when that is something else than before. */
static bool back_set(struct ls_graph *graph, uint32_t from, uint32_t to, struct word back) {
    bool changed = false;
    for (uint32_t i = graph->nodes[from].lsas; i != LS_NONE; i = graph->lsas[i].next) {
        struct ls_edge *edge = graph->edges + graph->lsas[i].edges, *end = edge + graph->lsas[i].count;
        for (; edge < end; edge++)
            if (edge->to == to && (edge->back != back.cost || edge->back_leaf != back.leaf)) {
                edge->back = back.cost;
                edge->back_leaf = back.leaf;
                changed = true;
            }
    }
    return changed;
}

/* What `one` says of its link to `other` is new. Our own tree uses our links by the other end's word alone. */
static void pair_refresh(struct ls_graph *graph, uint32_t one, uint32_t other) {
    struct word told = word_of(edge_told(graph, one, other)), told_back = word_of(edge_told(graph, other, one));
    bool there = back_set(graph, other, one, told.cost == 0 && graph->one_sided ? told_back : told);
    bool back = back_set(graph, one, other, told_back.cost == 0 && graph->one_sided ? told : told_back);
    if (!there && !back && other != LS_SELF)
        return;
    if (one != LS_SELF) {
        touched_add(graph, &graph->touched, LS_TOUCHED, one);
        touched_add(graph, &graph->touched, LS_TOUCHED, other);
    }
    touched_add(graph, &graph->touched_later, LS_TOUCHED_LATER, one);
    touched_add(graph, &graph->touched_later, LS_TOUCHED_LATER, other);
}

static const struct ls_edge *edge_to(const struct ls_edge *edges, uint32_t count, uint32_t to, uint32_t guess) {
    if (guess < count && edges[guess].to == to)
        return &edges[guess];
    for (uint32_t i = 0; i < count; i++)
        if (edges[i].to == to)
            return &edges[i];
    return NULL;
}

static void edges_unname(struct ls_graph *graph, const struct ls_edge *edges, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        graph->nodes[edges[i].to].names--;
        ls_node_release(graph, edges[i].to);
    }
}

/* Gives an LSA other edges; `run` is theirs, and their ends have been named already. */
static void edges_replace(struct ls_graph *graph, uint32_t number, uint32_t run, const struct ls_edge *now,
                          uint32_t count) {
    struct ls_lsa *lsa = &graph->lsas[number];
    struct ls_edge before[LS_LINKS_MOST];
    uint32_t before_count = lsa->count, node = lsa->node;
    for (uint32_t i = 0; i < before_count; i++)
        before[i] = graph->edges[lsa->edges + i];
    run_give(graph, lsa->edges, before_count);
    lsa->edges = run;
    lsa->count = (uint16_t)count;
    for (uint32_t i = 0; i < count; i++) {
        const struct ls_edge *old = edge_to(before, before_count, now[i].to, i);
        graph->edges[run + i] = now[i];
        graph->edges[run + i].back = old != NULL ? old->back : 0;
        graph->edges[run + i].back_leaf = old != NULL ? old->back_leaf : 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct ls_edge *old = edge_to(before, before_count, now[i].to, i);
        if (old == NULL || old->cost != now[i].cost || old->leaf != now[i].leaf)
            pair_refresh(graph, node, now[i].to);
    }
    for (uint32_t i = 0; i < before_count; i++) {
        if (edge_to(now, count, before[i].to, i) == NULL)
            pair_refresh(graph, node, before[i].to);
    }
    edges_unname(graph, before, before_count);
}

/* ---- LSAs */

uint32_t ls_lsa_find(const struct ls_graph *graph, uint32_t node, uint8_t fragment) {
    uint32_t lsa = graph->nodes[node].lsas;
    while (lsa != LS_NONE && graph->lsas[lsa].fragment != fragment)
        lsa = graph->lsas[lsa].next;
    return lsa;
}

bool ls_is_news(const struct ls_graph *graph, uint32_t node, uint8_t fragment, struct ls_stamp stamp) {
    if (node == LS_NONE || graph->nodes[node].lsas == LS_NONE || stamp.epoch > graph->nodes[node].epoch)
        return true;
    uint32_t lsa = ls_lsa_find(graph, node, fragment);
    if (stamp.epoch < graph->nodes[node].epoch)
        return false;
    return lsa == LS_NONE || stamp.seq > graph->lsas[lsa].seq ||
           (graph->lsas[lsa].hollow && stamp.seq == graph->lsas[lsa].seq) ||
           (graph->take_stale && stamp.seq != graph->lsas[lsa].seq);
}

void ls_lsas_drop(struct ls_graph *graph, uint32_t node) {
    uint32_t number;
    graph->origins -= graph->nodes[node].lsas != LS_NONE;
    while ((number = graph->nodes[node].lsas) != LS_NONE) {
        edges_replace(graph, number, 0, NULL, 0);
        struct ls_lsa *lsa = &graph->lsas[number];
        graph->nodes[node].lsas = lsa->next;
        store_drop(&graph->store, lsa->proof);
        *lsa = (struct ls_lsa){.node = LS_NONE, .next = graph->lsa_vacant};
        graph->lsa_vacant = number;
        graph->lsas_live--;
    }
}

static uint32_t lsa_add(struct ls_graph *graph, uint32_t node, uint8_t fragment) {
    uint32_t number = graph->lsa_vacant;
    if (number != LS_NONE) {
        graph->lsa_vacant = graph->lsas[number].next;
    } else {
        if (graph->lsa_count == graph->lsa_capacity) {
            uint32_t capacity = grown(graph->lsa_capacity);
            struct ls_lsa *lsas = realloc(graph->lsas, capacity * sizeof *lsas);
            if (lsas == NULL)
                return LS_NONE;
            graph->lsas = lsas;
            graph->lsa_capacity = capacity;
        }
        number = graph->lsa_count++;
    }
    graph->origins += graph->nodes[node].lsas == LS_NONE;
    graph->lsas[number] = (struct ls_lsa){.node = node, .next = graph->nodes[node].lsas, .fragment = fragment};
    graph->nodes[node].lsas = number;
    graph->lsas_live++;
    return number;
}

/* Is there a place among the origins? Ourselves and our neighbours have one in any case: strangers must not keep them out. */
static bool may_speak(const struct ls_graph *graph, uint32_t node) {
    if (graph->origins < graph->origin_limit)
        return true;
    return node != LS_NONE &&
           (node == LS_SELF || graph->nodes[node].lsas != LS_NONE || graph->nodes[node].slot != LS_NO_SLOT);
}

/* What there is room for when what this LSA replaces has gone: false, not for another LSA; else for so many links. */
static bool room_for(const struct ls_graph *graph, uint32_t node, const struct ls_record *record, uint32_t *links) {
    uint32_t edges = graph->edges_live, lsas = graph->lsas_live;
    bool all = record->stamp.epoch != graph->nodes[node].epoch;
    for (uint32_t i = graph->nodes[node].lsas; i != LS_NONE; i = graph->lsas[i].next)
        if (all || graph->lsas[i].fragment == record->fragment) {
            edges -= graph->lsas[i].count;
            lsas--;
        }
    *links = edges < graph->edge_limit ? graph->edge_limit - edges : 0;
    return lsas < graph->lsa_limit;
}

/* The links of an LSA as edges, with their ends named; how many. `whole`: there was room for each. */
static uint32_t edges_read(struct ls_graph *graph, slow_bytes bytes, uint32_t most, struct ls_edge edges[LS_LINKS_MOST],
                           bool *whole) {
    slow_reader in = slow_reader_of(bytes);
    struct ls_link links[LS_EXPECTED];
    slow_bytes ids[LS_EXPECTED];
    uint32_t guesses[LS_EXPECTED], count = 0, read;
    *whole = true;
    do {
        for (read = 0; read < LS_EXPECTED && ls_link_read(&in, &links[read]); read++)
            ids[read] = links[read].id;
        ids_expect(graph, ids, read, guesses);
        for (uint32_t i = 0; i < read; i++) {
            bool fits = count < most && count < LS_LINKS_MOST;
            uint32_t to = fits ? node_need_near(graph, ids[i], guesses[i]) : LS_NONE;
            if (to == LS_NONE) {
                *whole = false;
                continue;
            }
            graph->nodes[to].names++;
            edges[count++] = (struct ls_edge){.to = to & LS_TO_MOST, .leaf = links[i].leaf, .cost = links[i].cost};
        }
    } while (read == LS_EXPECTED);
    return count;
}

/* An LSA to fill. LS_NONE = no memory. */
static uint32_t lsa_need(struct ls_graph *graph, uint32_t node, const struct ls_record *record) {
    if (record->stamp.epoch != graph->nodes[node].epoch)
        ls_lsas_drop(graph, node);
    uint32_t number = ls_lsa_find(graph, node, record->fragment);
    return number != LS_NONE ? number : lsa_add(graph, node, record->fragment);
}

static void lsa_fill(struct ls_graph *graph, uint32_t number, const struct ls_record *record, uint32_t proof,
                     bool hollow) {
    struct ls_lsa *lsa = &graph->lsas[number];
    graph->nodes[lsa->node].epoch = record->stamp.epoch;
    store_drop(&graph->store, lsa->proof);
    lsa->proof = proof;
    lsa->seq = record->stamp.seq;
    lsa->order = ++graph->order;
    lsa->hollow = hollow;
}

enum ls_verdict ls_lsa_install(struct ls_graph *graph, const struct ls_record *record, uint32_t *out) {
    struct ls_edge edges[LS_LINKS_MOST];
    uint32_t node = ls_node_find(graph, record->id), proof = 0, most, number = LS_NONE;
    if (!ls_is_news(graph, node, record->fragment, record->stamp))
        return LS_OLD;
    if (!may_speak(graph, node))
        return LS_FULL;
    if (node == LS_NONE && (node = ls_node_need(graph, record->id)) == LS_NONE)
        return LS_NO_MEMORY;
    if (!room_for(graph, node, record, &most)) {
        ls_node_release(graph, node);
        return LS_FULL;
    }
    bool known = graph->nodes[node].lsas != LS_NONE, whole;
    graph->nodes[node].names++; /* it must not go while its links are read */
    uint32_t count = edges_read(graph, record->links, most, edges, &whole);
    enum ls_verdict verdict = whole ? LS_NEWS : LS_FULL;
    uint32_t run = run_take(graph, count);
    if (whole && record->proof.size > 0)
        proof = store_add(&graph->store, record->proof);
    if (run == LS_NONE || (whole && record->proof.size > 0 && proof == 0)) {
        verdict = LS_NO_MEMORY;
        run_give(graph, run, run != LS_NONE ? count : 0);
        edges_unname(graph, edges, count);
        run = count = 0;
    }
    /* Of a stranger it is all or nothing; what somebody said before ends in any case. */
    if ((verdict == LS_NEWS || known) && (number = lsa_need(graph, node, record)) == LS_NONE)
        verdict = LS_NO_MEMORY;
    graph->nodes[node].names--;
    if (number == LS_NONE) {
        run_give(graph, run, count);
        store_drop(&graph->store, proof);
        edges_unname(graph, edges, count);
        ls_node_release(graph, node);
        return verdict;
    }
    edges_replace(graph, number, run, edges, count);
    lsa_fill(graph, number, record, proof, verdict != LS_NEWS);
    *out = number;
    return verdict;
}

struct ls_record ls_lsa_record(const struct ls_graph *graph, uint32_t number, uint8_t links[LS_LINKS_MAX]) {
    const struct ls_lsa *lsa = &graph->lsas[number];
    slow_writer out = slow_writer_of(links, LS_LINKS_MAX);
    const struct ls_edge *edge = ls_edges_of(graph, lsa), *end = edge + lsa->count;
    for (; edge < end; edge++)
        (void)ls_link_write(&out, ls_node_id(graph, edge->to), edge->cost, edge->leaf);
    return (struct ls_record){
        .kind = LS_LSA,
        .fragment = lsa->fragment,
        .stamp = {graph->nodes[lsa->node].epoch, lsa->seq},
        .id = ls_node_id(graph, lsa->node),
        .proof = lsa->proof != 0 ? store_get(&graph->store, lsa->proof) : (slow_bytes){NULL, 0},
        .links = {links, slow_writer_size(&out)},
    };
}

/* ---- the whole */

bool ls_graph_init(struct ls_graph *graph, slow_bytes self, uint32_t origin_limit, uint32_t edge_limit) {
    graph->vacant = graph->lsa_vacant = LS_NONE;
    graph->origin_limit = origin_limit;
    graph->edge_limit = edge_limit;
    graph->lsa_limit = origin_limit + edge_limit / LS_LSA_LINKS;
    graph->edges_capacity = grown(0);
    graph->edges = malloc(graph->edges_capacity * sizeof *graph->edges);
    return graph->edges != NULL && ls_node_need(graph, self) == LS_SELF;
}

void ls_graph_free(struct ls_graph *graph) {
    store_free(&graph->store);
    free(graph->nodes);
    free(graph->buckets);
    free(graph->lsas);
    free(graph->edges);
    free(graph->touched.nodes);
    free(graph->touched_later.nodes);
}

size_t ls_graph_memory(const struct ls_graph *graph) {
    return store_memory(&graph->store) + graph->node_capacity * sizeof *graph->nodes +
           graph->bucket_count * sizeof *graph->buckets + graph->lsa_capacity * sizeof *graph->lsas +
           graph->edges_capacity * sizeof *graph->edges +
           (graph->touched.capacity + graph->touched_later.capacity) * sizeof *graph->touched.nodes;
}
