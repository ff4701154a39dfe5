/* tree.c - see tree.h. */
#include "tree.h"
#include <stdlib.h>
#include <string.h>

#define STEP 4u /* nodes ahead: see touched_expect() */

/* ---- one update's own memory */

struct run {
    struct ls_tree *tree;
    const struct ls_graph *graph;
    struct ls_change *changes;
    uint32_t *noted; /* by node: its change + 1, or 0 */
    uint32_t *place; /* by node: in the heap, from 1; 0 = not there */
    uint64_t *heap;  /* keys: the distance, then the node */
    uint32_t change_count, heap_count;
};

static bool run_init(struct run *run, struct ls_tree *tree, const struct ls_graph *graph) {
    uint32_t count = graph->node_count;
    *run = (struct run){.tree = tree, .graph = graph};
    run->changes = malloc(count * sizeof *run->changes);
    run->noted = calloc(count, sizeof *run->noted);
    run->place = calloc(count, sizeof *run->place);
    run->heap = malloc(count * sizeof *run->heap);
    return run->changes != NULL && run->noted != NULL && run->place != NULL && run->heap != NULL;
}

static void run_end(struct run *run) {
    free(run->noted);
    free(run->place);
    free(run->heap);
}

/* ---- the heap: nearest first, and of equals the lowest number */

static uint32_t node_of(uint64_t key) {
    return (uint32_t)key;
}

static void put(struct run *run, uint32_t place, uint64_t key) {
    run->heap[place - 1] = key;
    run->place[node_of(key)] = place;
}

static void rise(struct run *run, uint32_t place, uint64_t key) {
    for (; place > 1 && key < run->heap[place / 2 - 1]; place /= 2)
        put(run, place, run->heap[place / 2 - 1]);
    put(run, place, key);
}

static void sink(struct run *run, uint32_t place, uint64_t key) {
    for (uint32_t child; (child = place * 2) <= run->heap_count; place = child) {
        if (child < run->heap_count && run->heap[child] < run->heap[child - 1])
            child++;
        if (run->heap[child - 1] >= key)
            break;
        put(run, place, run->heap[child - 1]);
    }
    put(run, place, key);
}

/* One that is there already has come nearer. */
static void push(struct run *run, uint32_t node) {
    uint32_t place = run->place[node] != 0 ? run->place[node] : ++run->heap_count;
    rise(run, place, (uint64_t)run->tree->at[node].distance << 32 | node);
}

static uint32_t pop(struct run *run) {
    uint64_t first = run->heap[0], last = run->heap[--run->heap_count];
    run->place[node_of(first)] = 0;
    if (run->heap_count > 0)
        sink(run, 1, last);
    return node_of(first);
}

/* ---- ways */

static bool is_first(const struct ls_tree *tree, uint32_t node) {
    return tree->hops != NULL && node == tree->root;
}

/* What the way into a node over `edge`, which is one of that node's own, costs; 0 = it does not count. */
static uint32_t cost_in(const struct run *run, uint32_t node, const struct ls_edge *edge) {
    if (is_first(run->tree, edge->to))
        return run->tree->adjacency(run->tree->arg, node);
    return edge->back != 0 && edge->back_leaf ? edge->back + LS_LAST : edge->back;
}

static bool leads_on(const struct run *run, uint32_t node) {
    return run->tree->at[node].distance < LS_LAST;
}

static uint16_t hop_over(const struct run *run, uint32_t parent, uint32_t node) {
    if (run->tree->hops == NULL || parent == LS_NONE)
        return LS_NO_SLOT;
    return parent == run->tree->root ? run->graph->nodes[node].slot : run->tree->hops[parent];
}

/* Before a node changes for the first time. */
static void note(struct run *run, uint32_t node) {
    if (run->noted[node] != 0)
        return;
    struct ls_tree *tree = run->tree;
    run->changes[run->change_count++] =
        (struct ls_change){node, tree->at[node].distance, tree->hops != NULL ? tree->hops[node] : LS_NO_SLOT};
    run->noted[node] = run->change_count;
}

/* Of two ways of the same length: does the one over `parent` begin better than the one the node has now? */
static bool is_better_tie(const struct run *run, uint32_t node, uint32_t parent) {
    if (run->tree->hops == NULL || run->place[node] == 0)
        return false;
    uint16_t present = run->changes[run->noted[node] - 1].hop;
    uint16_t has = hop_over(run, run->tree->at[node].parent, node), gets = hop_over(run, parent, node);
    return has != present && (gets == present || gets < has);
}

/* There is a way to `node` over `parent`. */
static void way(struct run *run, uint32_t node, uint32_t parent, uint32_t cost) {
    struct ls_tree_node *at = &run->tree->at[node];
    uint32_t distance = ls_metric_sum(run->tree->at[parent].distance, cost);
    if (node == run->tree->root || distance > at->distance ||
        (distance == at->distance && !is_better_tie(run, node, parent)))
        return;
    note(run, node);
    *at = (struct ls_tree_node){distance, parent};
    push(run, node);
}

/* ---- the steps */

/* Does the way over its parent still give this node its distance, or a shorter one? */
static bool is_held(const struct run *run, uint32_t node) {
    const struct ls_tree *tree = run->tree;
    uint32_t parent = tree->at[node].parent, least = SLOW_METRIC_INFINITY;
    if (parent == tree->root && tree->hops != NULL && tree->hops[node] != run->graph->nodes[node].slot)
        return false;
    for (uint32_t i = run->graph->nodes[node].lsas; i != LS_NONE; i = run->graph->lsas[i].next) {
        const struct ls_lsa *lsa = &run->graph->lsas[i];
        const struct ls_edge *edge = ls_edges_of(run->graph, lsa), *end = edge + lsa->count;
        for (; edge < end; edge++) {
            uint32_t cost = edge->to == parent ? cost_in(run, node, edge) : 0;
            if (cost != 0 && cost < least)
                least = cost;
        }
    }
    return leads_on(run, parent) && least != SLOW_METRIC_INFINITY &&
           ls_metric_sum(tree->at[parent].distance, least) <= tree->at[node].distance;
}

/* Takes the distance from a node and from all that hangs below it. The changes noted here are the queue. */
static void lose(struct run *run, uint32_t node) {
    struct ls_tree *tree = run->tree;
    uint32_t next = run->change_count;
    note(run, node);
    tree->at[node] = (struct ls_tree_node){SLOW_METRIC_INFINITY, LS_NONE};
    for (; next < run->change_count; next++) {
        uint32_t above = run->changes[next].node;
        for (uint32_t i = run->graph->nodes[above].lsas; i != LS_NONE; i = run->graph->lsas[i].next) {
            const struct ls_lsa *lsa = &run->graph->lsas[i];
            const struct ls_edge *edge = ls_edges_of(run->graph, lsa), *end = edge + lsa->count;
            for (; edge < end; edge++) {
                if (edge->to >= tree->capacity || tree->at[edge->to].parent != above || edge->to == tree->root)
                    continue;
                note(run, edge->to);
                tree->at[edge->to] = (struct ls_tree_node){SLOW_METRIC_INFINITY, LS_NONE};
            }
        }
    }
}

/* Offers a node the ways in from those that have a distance. */
static void ways_in(struct run *run, uint32_t node) {
    for (uint32_t i = run->graph->nodes[node].lsas; i != LS_NONE; i = run->graph->lsas[i].next) {
        const struct ls_lsa *lsa = &run->graph->lsas[i];
        const struct ls_edge *edge = ls_edges_of(run->graph, lsa), *end = edge + lsa->count;
        for (; edge < end; edge++) {
            uint32_t cost = cost_in(run, node, edge);
            if (cost != 0 && leads_on(run, edge->to))
                way(run, node, edge->to, cost);
        }
    }
}

static void ways_out(struct run *run, uint32_t node) {
    if (!leads_on(run, node))
        return;
    for (uint32_t i = run->graph->nodes[node].lsas; i != LS_NONE; i = run->graph->lsas[i].next) {
        const struct ls_lsa *lsa = &run->graph->lsas[i];
        const struct ls_edge *edge = ls_edges_of(run->graph, lsa), *end = edge + lsa->count;
        for (; edge < end; edge++)
            if (edge->back != 0)
                way(run, edge->to, node, edge->leaf ? edge->cost + LS_LAST : edge->cost);
    }
}

static uint32_t touched_at(const struct ls_touched *touched, uint32_t i) {
    return touched->all ? i : touched->nodes[i];
}

/* What an update looks at of each node is some steps into memory, each of which waits for the one before: so it is fetched
 * while earlier ones are looked at. */
static void touched_expect(const struct run *run, const struct ls_touched *touched, uint32_t i, uint32_t count) {
    const struct ls_graph *graph = run->graph;
    if (i + 3 * STEP < count) {
        __builtin_prefetch(&graph->nodes[touched_at(touched, i + 3 * STEP)]);
        __builtin_prefetch(&run->tree->at[touched_at(touched, i + 3 * STEP)]);
    }
    if (i + 2 * STEP < count) {
        uint32_t lsa = graph->nodes[touched_at(touched, i + 2 * STEP)].lsas;
        if (lsa != LS_NONE)
            __builtin_prefetch(&graph->lsas[lsa]);
    }
    if (i + STEP < count) {
        uint32_t lsa = graph->nodes[touched_at(touched, i + STEP)].lsas;
        if (lsa != LS_NONE)
            __builtin_prefetch(ls_edges_of(graph, &graph->lsas[lsa]));
    }
}

static bool grow(struct ls_tree *tree, uint32_t capacity) {
    if (capacity <= tree->capacity)
        return true;
    struct ls_tree_node *at = realloc(tree->at, capacity * sizeof *at);
    if (at == NULL)
        return false;
    tree->at = at;
    if (tree->hops != NULL) {
        uint16_t *hops = realloc(tree->hops, capacity * sizeof *hops);
        if (hops == NULL)
            return false;
        tree->hops = hops;
    }
    for (uint32_t node = tree->capacity; node < capacity; node++) {
        at[node] = (struct ls_tree_node){SLOW_METRIC_INFINITY, LS_NONE};
        if (tree->hops != NULL)
            tree->hops[node] = LS_NO_SLOT;
    }
    tree->capacity = capacity;
    return true;
}

bool ls_tree_update(struct ls_tree *tree, const struct ls_graph *graph, const struct ls_touched *touched,
                    struct ls_change **changes, uint32_t *count) {
    struct run run;
    if (!run_init(&run, tree, graph) || !grow(tree, graph->node_capacity)) {
        run_end(&run);
        free(run.changes);
        return false;
    }
    uint32_t touched_count = touched->all ? graph->node_count : touched->count;
    for (uint32_t i = 0; i < touched_count; i++) {
        uint32_t node = touched_at(touched, i);
        touched_expect(&run, touched, i, touched_count);
        if (node != tree->root && tree->at[node].parent != LS_NONE && !is_held(&run, node))
            lose(&run, node);
    }
    uint32_t lost = run.change_count;
    for (uint32_t i = 0; i < lost; i++)
        ways_in(&run, run.changes[i].node);
    for (uint32_t i = 0; i < touched_count; i++)
        if (!tree->skip_decrease || tree->at[touched_at(touched, i)].distance == SLOW_METRIC_INFINITY)
            ways_in(&run, touched_at(touched, i));
    while (run.heap_count > 0) {
        uint32_t node = pop(&run);
        if (tree->hops != NULL)
            tree->hops[node] = hop_over(&run, tree->at[node].parent, node);
        ways_out(&run, node);
    }
    for (uint32_t i = 0; tree->hops != NULL && i < lost; i++)
        if (tree->at[run.changes[i].node].parent == LS_NONE)
            tree->hops[run.changes[i].node] = LS_NO_SLOT;
    run_end(&run);
    *changes = run.changes;
    *count = run.change_count;
    return true;
}

bool ls_tree_init(struct ls_tree *tree, const struct ls_graph *graph, uint32_t root, bool own) {
    *tree = (struct ls_tree){.root = root};
    if (own && (tree->hops = malloc(sizeof *tree->hops)) == NULL)
        return false;
    if (!grow(tree, graph->node_capacity)) {
        ls_tree_free(tree);
        return false;
    }
    tree->at[root].distance = 0;
    return true;
}

void ls_tree_free(struct ls_tree *tree) {
    free(tree->at);
    free(tree->hops);
    *tree = (struct ls_tree){.root = LS_NONE};
}

size_t ls_tree_memory(const struct ls_tree *tree) {
    return tree->capacity * (sizeof *tree->at + (tree->hops != NULL ? sizeof *tree->hops : 0));
}
