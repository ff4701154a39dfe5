/* topology.h - the map of a network: who there is, and which cables lead from whom to whom.
 *
 * From a file (JSON in the form {"name", "nodes": ["Name", ...], "links": [[a, b, ms or null], ...]}, or GraphML as the
 * Topology Zoo has it), from a value in a scenario, or made from a line such as "grid:4x4":
 *
 *     chain:N  ring:N  grid:WxH  tree:N[:FANOUT]  star:N  random:N[:DEGREE]  geometric:N[:DEGREE]  attachment:N[:LINKS]
 *
 * The made ones draw from the seed. Latencies are at least 0.5 ms; one that is not given is 5 ms. A link from a node to
 * itself, and a second one between the same two, are left out and counted. */
#ifndef SIM_TOPOLOGY_H
#define SIM_TOPOLOGY_H
#include "core/json.h"

#define SIM_LATENCY_DEFAULT (5 * UINT64_C(1000000)) /* nanoseconds */
#define SIM_LATENCY_LEAST (UINT64_C(500000))
enum { SIM_NODES_MAX = 20000, SIM_LINKS_MAX = 1000000 };

typedef struct sim_topology_link {
    uint32_t a, b;
    slow_time latency_ns;
} sim_topology_link;

typedef struct sim_topology {
    char *name;
    char **nodes; /* names, unique; UTF-8 without control characters */
    uint32_t node_count, link_count, left_out;
    sim_topology_link *links;
    float (*places)[2];    /* x to the east, y to the south, within 0..1, for drawing; NULL = not known */
    uint32_t *index;       /* of the links by their ends: topology.c's own */
    uint32_t index_places; /* a power of two, or 0 */
} sim_topology;

/* A file (what ends in .json, .graphml or .xml, or has a '/') or a generator's line. The error is one line for a
 * person. */
slow_status sim_topology_open(const char *what, uint64_t seed, sim_topology **, slow_error *);
/* The value at a place of a JSON text: a string is as above, its file relative to `folder` (NULL = the working one); an
 * object is a topology as a file has it. */
slow_status sim_topology_read(const sl_json *, const sl_json_at *, const char *folder, uint64_t seed, sim_topology **,
                              slow_error *);
void sim_topology_write(const sim_topology *, sl_json_writer *); /* as an object, whole */
void sim_topology_free(sim_topology *);
/* The node of that name, else of that number; UINT32_MAX = none. */
uint32_t sim_topology_node(const sim_topology *, const char *name);
/* The link between two nodes; UINT32_MAX = none. */
uint32_t sim_topology_link_between(const sim_topology *, uint32_t a, uint32_t b);
#endif
