/* slow/inspect.h - what a routing strategy may show of itself to whoever checks or compares it: a simulator, a test, an
 * operator. Never for routing.
 *
 * Optional: extension(self, SLOW_ROUTING_INSPECT_ID) gives a static table. Its functions are [loop] and change nothing; a
 * NULL member means that the strategy has nothing to say on that. */
#ifndef SLOW_INSPECT_H
#define SLOW_INSPECT_H
#include "routing.h"

/* The id of this table, for slow_plugin.extension(). */
#define SLOW_ROUTING_INSPECT_ID "slow.routing-inspect/1"

/* Bits of slow_routing_inspect.promises. */
enum slow_routing_promise {
    SLOW_PROMISE_LOOP_FREE = 1,  /* at no moment do the candidates of all junctions lead in a circle */
    SLOW_PROMISE_LEAST_COST = 2, /* at rest, the metric of a route is the least sum of slow_neighbour.cost */
};

/* What a strategy tells of itself. */
typedef struct slow_routing_inspect {
    uint32_t struct_size;                     /* sizeof, as the plugin was compiled */
    size_t (*memory)(const void *self);       /* bytes that the instance holds */
    size_t (*destinations)(const void *self); /* it knows, itself included, with or without a route */
    /* Things begun and not ended: requests that wait for an answer, exchanges under way, computations put off. 0 at rest. */
    size_t (*pending)(const void *self);
    /* Sent so far, each copy to each neighbour counted: words about one destination or one origin, however many a message
     * holds. */
    uint64_t (*entries)(const void *self);
    uint64_t (*requests)(const void *self); /* the same of words that ask for one */
    /* Bits of slow_routing_promise: what it wants to be held to. Of one that promises nothing, what is broken of these is
     * counted and no failure. */
    uint64_t promises;
} slow_routing_inspect;
#endif
