/* route.h - from the database to what the core is offered. */
#ifndef LS_ROUTE_H
#define LS_ROUTE_H
#include "state.h"

/* Links that count have changed, perhaps: plans a computation. `urgent`: an adjacency of ours has gone. */
void ls_route_plan(struct ls *, bool urgent);
/* At the end of a turn: computes what is due. */
void ls_route(struct ls *);
/* The neighbour's tree is of no use any more. */
void ls_view_end(struct ls *, uint16_t slot);
/* The candidates for a node, best first; how many. */
size_t ls_candidates(const struct ls *, uint32_t node, slow_route out[1 + LS_ALTERNATES]);
#endif
