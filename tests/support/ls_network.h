/* ls_network.h - a network of link states alone, and what must hold in it: for tests.
 *
 * At every offer, in the middle of the call: nothing goes over an adjacency that is known to be down. At rest: all
 * connected pairs have a route, at Dijkstra's metric; nobody has a route to what is not there; every alternate is
 * loop-free by RFC 5286, with the right metric, and there is one wherever a neighbour is; all that are connected have the
 * same database; nothing is pending, and nothing more is said.
 *
 * Between, the way of every pair along first next hops is followed after every change, over the adjacencies that each end
 * still holds: so it is known when all pairs were there again, and how often a new next hop closed a loop of what is
 * installed at one moment. Whether a package can run into it is another question, so packages are sent as well: they
 * travel with the latency of the edges, in order with the messages, and count how often they pass a place. */
#ifndef TEST_LS_NETWORK_H
#define TEST_LS_NETWORK_H
#include "plugins/routing-link-state/inspect.h"
#include "routing_bench.h"
#include <slow/inspect.h>

struct network_failures {
    uint64_t dead_hops;                                                             /* at offers */
    uint64_t missing, stale, suboptimal, leading_back, starved, databases, pending; /* at rest */
    uint64_t restless; /* it did not come to rest, or spoke again */
};

struct network {
    routing_bench *bench;
    struct network_failures failures;
    uint64_t lsas, stamps, loops;           /* sent so far; next hops that closed a loop */
    uint64_t clock_ms;                      /* the next epoch comes from it */
    uint64_t *epochs;                       /* by place: the last one */
    uint32_t *island;                       /* by place */
    uint32_t *broken;                       /* by destination: places that should reach it and do not */
    uint32_t broken_sum, wanted;            /* of these; pairs that are connected */
    slow_time full_at;                      /* when all pairs were there again */
    uint64_t sent, arrived, turned, looped; /* packages; that passed a place twice; or more often */
    uint64_t spent;                         /* that ran out of hops */
    uint8_t *reach;                         /* by place: in a walk */
    uint32_t *path;
    uint32_t mute;   /* a place that another has silenced by its name: its edges do not count; UINT32_MAX: none */
    bool stop_early; /* at the first failure: for rules that are broken on purpose */
};

/* All places started, all edges cut. `options` as for routing_bench_new(). */
void network_init(struct network *, uint64_t seed, const topology *, const char *options);
void network_free(struct network *);
/* Under the name of place `name`; `clock_back`: with an epoch older than its last one. */
void network_start(struct network *, uint32_t place, uint32_t name, bool clock_back);
const ls_inspect *network_inspect(const bench_node *);
const slow_routing_inspect *network_routing_inspect(const bench_node *);
/* Counts the pairs that the present edges connect: after edges or places have come or gone. */
void network_expect(struct network *);
/* Time goes by, while every place sends packages to some others, one every millisecond. */
void network_send(struct network *, slow_time for_ns);
/* Runs until nobody has anything to say, at most 200 s, and then a while longer to see that it stays so. */
void network_settle(struct network *);
/* The checks at rest; pairs with one of these two places are left out (UINT32_MAX: none). */
void network_verify(struct network *, uint32_t skip_one, uint32_t skip_other);
/* The share of pairs with an alternate, in thousandths of those that are connected. */
uint32_t network_alternates(const struct network *);
uint64_t network_failed(const struct network *); /* all failures together */
/* Fails the test if anything failed so far; `where` says what happened last. */
void network_assert_held(const struct network *, const char *where);
#endif
