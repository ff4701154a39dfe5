/* slow/inspect.h - what a routing strategy may show of itself to whoever checks or compares it: a simulator, a test, an
 * operator. Never for routing.
 *
 * Optional: extension(self, SLOW_ROUTING_INSPECT_ID) gives a static table. Its functions are [loop] and change nothing; a
 * NULL member means that the strategy has nothing to say on that. */
#ifndef SLOW_INSPECT_H
#define SLOW_INSPECT_H
#include "routing.h"

#define SLOW_ROUTING_INSPECT_ID "slow.routing-inspect/1"

/* At no moment, whatever links do, the next hops that junctions use for one destination form a cycle. */
#define SLOW_ROUTING_LOOP_FREE 1u

typedef struct slow_routing_inspect {
    uint32_t struct_size;
    size_t (*memory)(const void *self);       /* bytes that the instance holds */
    size_t (*destinations)(const void *self); /* it knows, itself included, with or without a route */
    /* Things begun and not ended: requests that wait for an answer, exchanges under way, computations put off. 0 at rest. */
    size_t (*pending)(const void *self);
    /* Sent so far, each copy to each neighbour counted: words about one destination or one origin, however many a message
     * holds; and words that ask for one. */
    uint64_t (*entries)(const void *self);
    uint64_t (*requests)(const void *self);
    uint64_t promises; /* SLOW_ROUTING_...: what it holds beyond the contract, and wants to be held to */
} slow_routing_inspect;
#endif
