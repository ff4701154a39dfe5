#include "graph.h"
#include <stdlib.h>

struct sim_graph_entry {
    uint64_t distance_ns;
    uint32_t node;
};

static void *room(size_t count, size_t size) {
    void *place = calloc(count + 1, size);
    if (place == NULL)
        abort();
    return place;
}

sim_graph *sim_graph_new(const sim_topology *topology) {
    sim_graph *graph = room(1, sizeof *graph);
    uint32_t nodes = topology->node_count;
    *graph = (sim_graph){.topology = topology,
                         .node_gone = room(nodes, sizeof *graph->node_gone),
                         .link_gone = room(topology->link_count, sizeof *graph->link_gone),
                         .latency_ns = room(topology->link_count, sizeof *graph->latency_ns),
                         .distance_ns = room(nodes, sizeof *graph->distance_ns),
                         .parent = room(nodes, sizeof *graph->parent),
                         .first = room(nodes + 1, sizeof *graph->first),
                         .links = room(2 * (size_t)topology->link_count, sizeof *graph->links),
                         .heap = room(2 * (size_t)topology->link_count, sizeof *graph->heap)};
    for (uint32_t i = 0; i < topology->link_count; i++) {
        graph->latency_ns[i] = topology->links[i].latency_ns;
        graph->first[topology->links[i].a + 1]++;
        graph->first[topology->links[i].b + 1]++;
    }
    for (uint32_t n = 0; n < nodes; n++)
        graph->first[n + 1] += graph->first[n];
    uint32_t *end = room(nodes, sizeof *end);
    for (uint32_t n = 0; n < nodes; n++)
        end[n] = graph->first[n];
    for (uint32_t i = 0; i < topology->link_count; i++) {
        graph->links[end[topology->links[i].a]++] = i;
        graph->links[end[topology->links[i].b]++] = i;
    }
    free(end);
    return graph;
}

void sim_graph_free(sim_graph *graph) {
    if (graph == NULL)
        return;
    free(graph->node_gone);
    free(graph->link_gone);
    free(graph->latency_ns);
    free(graph->distance_ns);
    free(graph->parent);
    free(graph->first);
    free(graph->links);
    free(graph->heap);
    free(graph);
}

/* The node at the other end of a link; UINT32_MAX = it cannot be gone that way. */
static uint32_t across(const sim_graph *graph, uint32_t link, uint32_t from) {
    const sim_topology_link *l = &graph->topology->links[link];
    uint32_t to = l->a == from ? l->b : l->a;
    return graph->link_gone[link] || graph->node_gone[to] ? UINT32_MAX : to;
}

uint32_t sim_graph_parts(sim_graph *graph) {
    uint32_t nodes = graph->topology->node_count, parts = 0, depth = 0;
    uint32_t *stack = room(nodes, sizeof *stack);
    bool *seen = room(nodes, sizeof *seen);
    for (uint32_t start = 0; start < nodes; start++) {
        if (seen[start] || graph->node_gone[start])
            continue;
        parts++;
        seen[start] = true;
        stack[depth++] = start;
        while (depth > 0) {
            uint32_t node = stack[--depth];
            for (uint32_t i = graph->first[node]; i < graph->first[node + 1]; i++) {
                uint32_t to = across(graph, graph->links[i], node);
                if (to == UINT32_MAX || seen[to])
                    continue;
                seen[to] = true;
                stack[depth++] = to;
            }
        }
    }
    free(stack);
    free(seen);
    return parts;
}

/* ---- Dijkstra, with a heap from which outdated entries are not removed but passed over ---- */

static bool nearer(const struct sim_graph_entry *a, const struct sim_graph_entry *b) {
    return a->distance_ns != b->distance_ns ? a->distance_ns < b->distance_ns : a->node < b->node;
}

static void push(sim_graph *graph, uint32_t *count, struct sim_graph_entry entry) {
    uint32_t at = (*count)++;
    for (; at > 0 && nearer(&entry, &graph->heap[(at - 1) / 2]); at = (at - 1) / 2)
        graph->heap[at] = graph->heap[(at - 1) / 2];
    graph->heap[at] = entry;
}

static struct sim_graph_entry pop(sim_graph *graph, uint32_t *count) {
    struct sim_graph_entry least = graph->heap[0], last = graph->heap[--*count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= *count)
            break;
        if (child + 1 < *count && nearer(&graph->heap[child + 1], &graph->heap[child]))
            child++;
        if (!nearer(&graph->heap[child], &last))
            break;
        graph->heap[at] = graph->heap[child];
        at = child;
    }
    graph->heap[at] = last;
    return least;
}

void sim_graph_search(sim_graph *graph, uint32_t from) {
    uint32_t count = 0;
    for (uint32_t n = 0; n < graph->topology->node_count; n++)
        graph->distance_ns[n] = UINT64_MAX;
    if (graph->node_gone[from])
        return;
    graph->distance_ns[from] = 0;
    graph->parent[from] = from;
    push(graph, &count, (struct sim_graph_entry){.node = from});
    while (count > 0) {
        struct sim_graph_entry entry = pop(graph, &count);
        if (entry.distance_ns > graph->distance_ns[entry.node])
            continue;
        for (uint32_t i = graph->first[entry.node]; i < graph->first[entry.node + 1]; i++) {
            uint32_t to = across(graph, graph->links[i], entry.node);
            uint64_t distance_ns = entry.distance_ns + graph->latency_ns[graph->links[i]];
            if (to == UINT32_MAX || distance_ns >= graph->distance_ns[to])
                continue;
            graph->distance_ns[to] = distance_ns;
            graph->parent[to] = entry.node;
            push(graph, &count, (struct sim_graph_entry){.distance_ns = distance_ns, .node = to});
        }
    }
}

/* ---- whom a failure concerns ---- */

/* The farthest node whose shortest path, in the last search, goes from `a` to `b`, or with b == UINT32_MAX through `a`;
 * UINT32_MAX = none. */
static uint32_t farthest_beyond(const sim_graph *graph, uint32_t a, uint32_t b) {
    uint32_t nodes = graph->topology->node_count, best = UINT32_MAX;
    uint8_t *state = room(nodes, sizeof *state); /* 0 = not known, 1 = beyond, 2 = not */
    uint32_t *way = room(nodes, sizeof *way);
    for (uint32_t n = 0; n < nodes; n++) {
        uint32_t at = n, depth = 0;
        if (graph->distance_ns[n] == UINT64_MAX)
            continue;
        while (state[at] == 0) {
            uint32_t parent = graph->parent[at];
            if (parent == at)
                state[at] = 2;
            else if (parent == a && (b == UINT32_MAX || at == b))
                state[at] = 1;
            else {
                way[depth++] = at;
                at = parent;
            }
        }
        while (depth > 0)
            state[way[--depth]] = state[at];
        if (state[n] == 1 && (best == UINT32_MAX || graph->distance_ns[n] > graph->distance_ns[best]))
            best = n;
    }
    free(state);
    free(way);
    return best;
}

static bool leads_through(sim_graph *graph, uint32_t start, uint32_t through, uint32_t pair[2]) {
    sim_graph_search(graph, start);
    pair[0] = start;
    pair[1] = farthest_beyond(graph, through, UINT32_MAX);
    return pair[1] != UINT32_MAX;
}

/* Any shortest path through a node has a piece from one of its neighbours to another, so one of them is a start if there is
 * any; from the end that it finds the way back is as long as can be. */
static bool concerned_by_node(sim_graph *graph, uint32_t through, uint32_t pair[2]) {
    for (uint32_t i = graph->first[through]; i < graph->first[through + 1]; i++) {
        uint32_t start = across(graph, graph->links[i], through);
        if (start != UINT32_MAX && leads_through(graph, start, through, pair))
            return leads_through(graph, pair[1], through, pair) || leads_through(graph, start, through, pair);
    }
    return false;
}

bool sim_graph_concerned(sim_graph *graph, uint32_t link, uint32_t through, uint32_t pair[2]) {
    if (through != UINT32_MAX)
        return concerned_by_node(graph, through, pair);
    uint32_t a = graph->topology->links[link].a, b = graph->topology->links[link].b;
    sim_graph_search(graph, b);
    pair[0] = farthest_beyond(graph, b, a);
    if (pair[0] == UINT32_MAX)
        return false;
    sim_graph_search(graph, pair[0]);
    pair[1] = farthest_beyond(graph, a, b);
    if (pair[1] == UINT32_MAX) {
        pair[0] = a; /* another path is as short: the link's own ends are at least near it */
        pair[1] = b;
    }
    return true;
}
