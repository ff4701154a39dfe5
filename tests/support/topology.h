/* topology.h - graphs for tests: made ones, and real ones from files. */
#ifndef TEST_TOPOLOGY_H
#define TEST_TOPOLOGY_H
#include <stdint.h>

typedef struct topology_edge {
    uint32_t a, b, latency_us; /* microseconds, at least 500 */
} topology_edge;

typedef struct topology {
    char name[64];
    uint32_t node_count, edge_count;
    topology_edge *edges;
} topology;

void topology_ring(topology *, uint32_t nodes);
void topology_grid(topology *, uint32_t width, uint32_t height);
/* A random tree and random edges on top, up to about `degree` edges a node; latencies of 1 to 20 ms. */
void topology_random(topology *, uint32_t nodes, uint32_t degree, uint64_t seed);
/* A node with `leaves` neighbours that know only it: node 0. */
void topology_star(topology *, uint32_t leaves);
/* Of the file topologies/NAME.json in the test data; a null latency is 5 ms. Skips the test, loudly, when it is not
 * there. */
void topology_load(topology *, const char *name);
void topology_free(topology *);
#endif
