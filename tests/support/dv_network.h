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
#include "strategy_network.h"

/* The extension of a running node. */
const dv_inspect *network_inspect(const bench_node *);
/* Ordered pairs that are connected; those of them with two candidates or more, those with two neighbours or more that
 * are nearer to the destination, and those that have the latter without the former. */
struct dv_alternates {
    uint32_t pairs, several, possible, starved;
};
struct dv_alternates dv_alternates(const struct network *);
#endif
