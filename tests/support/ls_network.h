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
#include "strategy_network.h"

struct ls_packages {
    uint64_t sent, arrived, turned, looped; /* so far; that passed a place twice; or more often */
    uint64_t spent;                         /* that ran out of hops */
};

const ls_inspect *network_inspect(const bench_node *);
const slow_routing_inspect *network_routing_inspect(const bench_node *);
/* Time goes by, while every place sends packages to some others, one every millisecond. */
void ls_network_send(struct network *, slow_time for_ns);
struct ls_packages ls_network_packages(const struct network *);
#endif
