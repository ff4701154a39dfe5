/* Do all pairs reach each other? Asked over and over, of Slow's junctions or of IP routers, and answered in the same form. */
#ifndef BENCH_FAILOVER_REACH_H
#define BENCH_FAILOVER_REACH_H

#include "topology.h"

#include <stdint.h>

typedef enum verdict { VERDICT_NONE_YET, VERDICT_ALL, VERDICT_NOT_ALL } verdict;

typedef struct reach_options {
    const char *folder; /* what the files of the network under test are in */
    double interval_ms; /* between two rounds of packets */
    unsigned data_rate; /* messages/s meanwhile, over all pairs in turn; 0 = none. Slow only */
} reach_options;

typedef struct reach reach;
typedef struct reach_kind {
    bool sees_each_break;                                    /* what it looks at cannot be mended between two looks */
    reach *(*open)(const topology *, const reach_options *); /* NULL: it said why */
    /* Takes a few milliseconds. `at_ms`: when it was so, by now_ms(). */
    verdict (*look)(reach *, double *at_ms);
    /* What is under way does not count: something happens now. */
    void (*forget)(reach *);
    /* Packets that ran out of hops, in all live nodes, ever: the mark of a loop. */
    uint64_t (*looped)(reach *);
    bool (*confirm)(reach *); /* at the end, where looking did not use packets */
    void (*close)(reach *);
} reach_kind;

extern const reach_kind reach_slow, reach_ip;

double now_ms(void);

#endif
