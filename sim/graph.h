/* graph.h - a topology as a graph with parts missing: what still hangs together, how far it is, and whom a failure
 * concerns. Nothing here costs more than links times the logarithm of nodes. */
#ifndef SIM_GRAPH_H
#define SIM_GRAPH_H
#include "topology.h"

typedef struct sim_graph {
    const sim_topology *topology; /* borrowed */
    bool *node_gone, *link_gone;  /* the caller's to set, as the next */
    slow_time *latency_ns;        /* of each link */
    uint64_t *distance_ns;        /* of the last search; UINT64_MAX = not connected */
    uint32_t *parent;             /* on the shortest path from its start; of the start itself */
    uint32_t *first, *links;      /* of node n: links[first[n]] up to links[first[n + 1]] */
    struct sim_graph_entry *heap;
} sim_graph;

sim_graph *sim_graph_new(const sim_topology *); /* aborts without memory */
void sim_graph_free(sim_graph *);
/* Parts that do not hang together, of the nodes that are there. */
uint32_t sim_graph_parts(sim_graph *);
/* Shortest paths by latency from a node (Dijkstra). */
void sim_graph_search(sim_graph *, uint32_t from);
/* Two nodes, far apart, whose shortest path leads over the link, or through the node where it is not UINT32_MAX; neither
 * is gone. False: nothing leads there. */
bool sim_graph_concerned(sim_graph *, uint32_t link, uint32_t through, uint32_t pair[2]);
#endif
