/* The network that is measured: which junctions there are, and the cables between them. */
#ifndef BENCH_FAILOVER_TOPOLOGY_H
#define BENCH_FAILOVER_TOPOLOGY_H

#include <stdatomic.h>
#include <stdbool.h>

enum { NODES_MOST = 32, CABLES_MOST = 64 };

typedef struct topology {
    int nodes, cables;
    int ends[CABLES_MOST][2];
    atomic_int cut, dead; /* the cable and the junction that the event took away; -1 = none. Set as it begins */
} topology;

/* From a file of one line a cable, "A B". Says on stderr what is wrong with it. */
bool topology_read(topology *, const char *path);
/* Is there a cable between the two, other than the cut one? */
bool topology_joins(const topology *, int a, int b);
/* Must the two reach each other now? */
bool topology_counts(const topology *, int from, int to);

#endif
