/* topology_parts.h - what those who make a topology make it of. Memory that is not there aborts, as everywhere in sim/. */
#ifndef SIM_TOPOLOGY_PARTS_H
#define SIM_TOPOLOGY_PARTS_H
#include "topology.h"

enum { SIM_NAME_MAX = 200 }; /* bytes of a node's name, as it stands in a source */

/* `nodes` of them, all without a name yet. */
sim_topology *sim_topology_new(const char *name, uint32_t nodes);
/* A copy of the name, control characters made '?'. `size` as it stands in the source. */
void sim_topology_name(sim_topology *, uint32_t node, const char *name, size_t size);
/* Names that stand twice get their number behind them; names that are missing are "n" and the number. */
void sim_topology_name_apart(sim_topology *);
/* The node whose name stands a second time; UINT32_MAX = none does. */
uint32_t sim_topology_twice(const sim_topology *);
/* False, and counted as left out: a link to itself, or a second one between the two. Ends must be nodes. */
bool sim_topology_add(sim_topology *, uint32_t a, uint32_t b, slow_time latency_ns);
/* `latency_ms` as somebody wrote it. False: no number that can be meant. */
bool sim_topology_latency(double latency_ms, slow_time *latency_ns);

/* topology_made.c: from a generator's line. */
slow_status sim_topology_make(const char *line, uint64_t seed, sim_topology **, slow_error *);
/* graphml.c: from GraphML's text; `name` is the file's, for the errors. */
slow_status sim_graphml_read(const char *name, const char *text, size_t size, sim_topology **, slow_error *);
#endif
