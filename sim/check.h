/* check.h - what must hold in a mesh, looked at while it runs, at little cost.
 *
 * At every change of an installed route, in the middle of the call:
 *   loop         per destination the graph of next hops has no cycle. Of a strategy that promises loop freedom (distance
 *                vector) the graph of *all* candidates; of others that of the ones in use, where cycles are counted and
 *                fail nothing. An edge counts while both ends hold the same adjacency.
 *   feasibility  the feasibility distance falls strictly along next hops
 *   monotone     a junction's feasibility distances, and its own sequence number, never go back
 *   dead-hop     nothing in use leads over an adjacency that is known to be down
 *   bounds       nothing has grown beyond its cap
 *   packages     each package was delivered or dropped for one reason, within its hop limit
 * At rest:
 *   missing, suboptimal, stale   all connected pairs have a route, at Dijkstra's metric over the costs last told; nobody
 *                has a route to what is not there. The metrics of a strategy that does not promise the least cost are only
 *                counted
 *   beliefs      what a neighbour believes we said is what we remember to have said
 *   restless     requests have ceased, and nothing but probes goes over the cables
 * Where there are rogues (sim_node.rogue), at rest:
 *   misled       a junction that reaches another without the rogues has a route to it that leads there. What a rogue passes
 *                on goes by the honest strategy that it runs
 *   detour       and it costs no more than the best one without them
 *   Nothing is asked of a rogue's own routes, and edges to it are none of the graph in which there must be no cycle: it may
 *   say of itself what it likes, and who believes it is at its mercy. Everything else holds among the others, as if they
 *   were honest all; missing, suboptimal and stale too, unless the scenario says that they are only counted.
 * Of reliable messages: outcome, taken, twice, order, handed, window, number, undelivered, balance, left; check_delivery.h.
 *
 * How it stays cheap: the checker keeps, for each destination, everybody's next hop in use and a level that falls along
 * every edge. A change is compared with the levels of its own next hops; only where one is not lower does a search go
 * down that path. Whether all pairs reach each other is counted in the same way, by the changes alone.
 *
 * What a strategy promises it says itself (slow/inspect.h). The checks of one strategy's inside (feasibility, monotone,
 * beliefs) come from what that strategy shows; of one that shows nothing, they are left out.
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H
#include "mesh.h"

typedef struct sim_check sim_check;

enum sim_rule {
    SIM_LOOP,
    SIM_FEASIBILITY,
    SIM_MONOTONE,
    SIM_DEAD_HOP,
    SIM_BOUNDS,
    SIM_PACKAGES,
    SIM_MISSING,
    SIM_SUBOPTIMAL,
    SIM_STALE,
    SIM_BELIEFS,
    SIM_RESTLESS,
    SIM_MISLED,
    SIM_DETOUR,
    /* of reliable delivery */
    SIM_OUTCOME,
    SIM_TAKEN,
    SIM_TWICE,
    SIM_ORDER,
    SIM_HANDED,
    SIM_WINDOW,
    SIM_NUMBER,
    SIM_UNDELIVERED,
    SIM_BALANCE,
    SIM_LEFT,
    SIM_RULE_COUNT
};
const char *sim_rule_name(enum sim_rule);

/* What was found first. */
typedef struct sim_failure {
    bool found;
    enum sim_rule rule;
    slow_time at;
    char text[512]; /* one line: the junctions and routes involved, by their names */
} sim_failure;

/* Watches a mesh, from before its first junction starts. `names` of the places for texts, borrowed; NULL = their ids.
 * NULL = no memory. */
sim_check *sim_check_new(sim_mesh *, char *const *names);
void sim_check_free(sim_check *); /* before the mesh */
/* Is a breach of the rule a failure, or only counted? By default what the strategies in the mesh promise. */
void sim_check_set(sim_check *, enum sim_rule, bool fails);
uint64_t sim_check_count(const sim_check *, enum sim_rule); /* breaches so far, whether they fail or not */
const sim_failure *sim_check_failure(const sim_check *);

/* Ordered pairs that adjacencies connect; those of them that reach each other by the next hops in use. Of strategies that
 * choose for each package, the second is the first. A junction that is frozen is not there; a destination that two
 * junctions claim to be is in neither count. */
uint64_t sim_check_connected(sim_check *);
uint64_t sim_check_reaching(sim_check *);
static inline bool sim_check_is_whole(sim_check *check) {
    return sim_check_reaching(check) == sim_check_connected(check);
}
/* When the mesh last became whole (or ceased to be). */
slow_time sim_check_whole_since(sim_check *);
/* When an adjacency last came up, and went down, anywhere; 0 = never. */
slow_time sim_check_last_up(const sim_check *);
slow_time sim_check_last_down(const sim_check *);
/* When a strategy last said anything, anywhere. */
slow_time sim_check_last_said(const sim_check *);
/* What strategies have begun and not ended. `place`: the first that has; may be NULL. */
size_t sim_check_pending(const sim_check *, uint32_t *place);

/* Of connected pairs, the sum of the costs along the next hops in use over that of the shortest paths: mean and largest.
 * Of strategies that choose, 1. */
typedef struct sim_stretch {
    double mean, most;
} sim_stretch;

/* Ordered pairs, and routes that are wrong. */
typedef struct sim_verdict {
    uint64_t connected, routed, missing, stale, suboptimal;
} sim_verdict;

/* How long nothing is said in a mesh that has settled: longer than any pause between two messages of which one follows
 * from the other. */
#define SIM_QUIET SL_SECOND
/* Runs the mesh until nothing was said and no pair changed for SIM_QUIET, and nothing is pending; for SIM_QUIET at least.
 * False: not within the limit. What is silent is noticed later than that on an idle link (3.1 s): run that long before. */
bool sim_check_settle(sim_check *, slow_time limit_ns);
/* The routes as they are now; counts no breach, for whoever waits for them to be right. `stretch` may be NULL. */
sim_verdict sim_check_routes(sim_check *, sim_stretch *);
/* Looks at everything that must hold at rest, and counts its breaches; call it when the mesh has settled. */
sim_verdict sim_check_rest(sim_check *, sim_stretch *);
#endif
