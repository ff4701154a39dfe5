/* tree.h - the shortest paths from one node to all others, kept up to date change by change.
 *
 * After a change of some links only what hangs on them is computed again (Ramalingam and Reps, "An incremental algorithm
 * for a generalization of the shortest-path problem", 1996, in the form for several changes at once): the nodes whose
 * way to their parent got longer, and all that hangs below them, lose their distance; each of these, and each node that
 * may have got a better way, is offered the best way in from those that kept theirs; and Dijkstra's algorithm goes on
 * from there. A cut in a network of thousands then costs what hangs on that link, not the network. The result is the
 * same as Dijkstra's from nothing, and spf_test.c holds that after each of many thousand changes.
 *
 * Of several shortest ways, one that begins with the present next hop stays, else the lowest slot's is taken: nothing
 * flips to and fro between equals, and nothing is ordered by an address.
 *
 * A link to a leaf is the last of any way: what is reached over it lies beyond LS_LAST, and nothing is reached over that.
 * So a way over other links goes before one over such a link, however long it is, and one liar does not make a leaf of a
 * junction for those who can reach it otherwise.
 *
 * Our own tree begins with our adjacencies as they are at this moment, not with what our last LSA says of them, which
 * may have to wait; that they are listed at the other end is asked of them as of any link. The other trees, a
 * neighbour's, show the network as that neighbour sees it, and begin with its LSAs. */
#ifndef LS_TREE_H
#define LS_TREE_H
#include "graph.h"

#define LS_LAST (UINT32_C(1) << 31) /* more than any way costs */

struct ls_tree_node {
    uint32_t distance; /* SLOW_METRIC_INFINITY: there is no way; LS_LAST and more: a way that ends here */
    uint32_t parent;   /* the last node on the way; LS_NONE */
};

struct ls_tree {
    uint32_t root;
    uint32_t capacity;
    struct ls_tree_node *at; /* by node */
    uint16_t *hops;          /* by node: slot of the first adjacency; in our own tree only, else NULL */
    /* What our adjacency to a node costs, and LS_LAST if that is a leaf; 0 = there is none; in our own tree only, else
     * NULL. */
    uint32_t (*adjacency)(const void *arg, uint32_t node);
    const void *arg;
    bool skip_decrease; /* for tests of the checks */
};

/* What a node had before. */
struct ls_change {
    uint32_t node, distance;
    uint16_t hop;
};

/* Only the root has a distance, until the first update with all nodes. False = no memory. `own`: with first hops. */
bool ls_tree_init(struct ls_tree *, const struct ls_graph *, uint32_t root, bool own);
void ls_tree_free(struct ls_tree *);
/* Brings it up to date after the links of these nodes have changed. `changes` gets those that may have another distance
 * or first hop now, each once; the caller frees it. False = no memory; then nothing has changed. */
bool ls_tree_update(struct ls_tree *, const struct ls_graph *, const struct ls_touched *, struct ls_change **changes,
                    uint32_t *count);
size_t ls_tree_memory(const struct ls_tree *); /* bytes */

/* What a way costs, whether it ends there or not. */
static inline uint32_t ls_metric(uint32_t distance) {
    return distance >= LS_LAST && distance != SLOW_METRIC_INFINITY ? distance - LS_LAST : distance;
}

static inline uint32_t ls_tree_distance(const struct ls_tree *tree, uint32_t node) {
    return node < tree->capacity ? ls_metric(tree->at[node].distance) : SLOW_METRIC_INFINITY;
}

/* The sum of two metrics; never infinite, unless one of them is. */
static inline uint32_t ls_metric_sum(uint32_t a, uint32_t b) {
    if (a == SLOW_METRIC_INFINITY || b == SLOW_METRIC_INFINITY)
        return SLOW_METRIC_INFINITY;
    return b < SLOW_METRIC_INFINITY - 1 - a ? a + b : SLOW_METRIC_INFINITY - 1;
}
#endif
