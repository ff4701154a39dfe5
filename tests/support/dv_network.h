/* dv_network.h - a network of distance vectors alone, and what must hold in it: for tests.
 *
 * The checks are those of docs/routing.md. At every offer, in the middle of the call: nothing is offered over an
 * adjacency that is known to be down; the feasibility distance falls strictly towards every next hop that is offered;
 * the graph of all installed next hops to that destination has no cycle; and the feasibility distance has not risen. At
 * rest: all connected pairs have a route, at Dijkstra's metric, and an alternate wherever a neighbour is nearer; nobody
 * has a route to what is not there; what a neighbour believes we said is what we remember; and nobody asks any more. */
#ifndef TEST_DV_NETWORK_H
#define TEST_DV_NETWORK_H
#include "plugins/routing-distance-vector/inspect.h"
#include "routing_bench.h"

struct network_failures {
    uint64_t cycles, rises, dead_hops, backwards;                   /* at offers */
    uint64_t missing, stale, suboptimal, beliefs, pending, starved; /* at rest */
    uint64_t restless;                                              /* it did not come to rest, or spoke again */
};

struct network {
    routing_bench *bench;
    struct network_failures failures;
    uint64_t entries, requests;     /* sent so far */
    uint64_t clock_ms;              /* the next epoch comes from it */
    uint64_t *epochs;               /* by place: the last one */
    uint32_t routes, wanted;        /* first next hops installed; pairs that are connected */
    slow_time changed_at, full_at;  /* when the last of them changed; when all pairs were routed again */
    dv_inspect_word *fds;           /* by place and destination, as last seen; epoch 0 = none */
    uint32_t *stack, *mark, marker; /* of the search for cycles */
    bool stop_early;                /* at the first failure: for rules that are broken on purpose */
};

/* All places started, all edges cut. `options` as for routing_bench_new(). */
void network_init(struct network *, uint64_t seed, const topology *, const char *options);
void network_free(struct network *);
/* Under the name of place `name`; `clock_back`: with an epoch older than its last one. */
void network_start(struct network *, uint32_t place, uint32_t name, bool clock_back);
void network_kill(struct network *, uint32_t place, slow_time skew_ns);
/* The extension of a running node. */
const dv_inspect *network_inspect(const bench_node *);
/* Counts the pairs that the present edges connect. */
void network_expect(struct network *);
/* Runs until nobody has anything to say, at most 200 s, and then a while longer to see that it stays so. */
void network_settle(struct network *);
/* The checks at rest; pairs with one of these two places are left out (UINT32_MAX: none). */
void network_verify(struct network *, uint32_t skip_one, uint32_t skip_other);
/* Ordered pairs that are connected; those of them with two candidates or more, those with two neighbours or more that
 * are nearer to the destination, and those that have the latter without the former. */
struct network_alternates {
    uint32_t pairs, several, possible, starved;
};
struct network_alternates network_alternates(const struct network *);
uint64_t network_failed(const struct network *); /* all failures together */
/* Fails the test if anything failed so far; `where` says what happened last. */
void network_assert_held(const struct network *, const char *where);
#endif
