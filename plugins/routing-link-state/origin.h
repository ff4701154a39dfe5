/* origin.h - what we say of our own links. */
#ifndef LS_ORIGIN_H
#define LS_ORIGIN_H
#include "state.h"

/* An adjacency came, has gone (call before ls_neighbour_end()), or costs something else. */
void ls_origin_add(struct ls *, struct ls_neighbour *);
void ls_origin_remove(struct ls *, struct ls_neighbour *);
void ls_origin_cost(struct ls *, struct ls_neighbour *, uint32_t cost);
/* Says that there is no link any more. */
void ls_origin_leave(struct ls *);
/* At the end of a turn: says what has changed, now or later. */
void ls_origin(struct ls *);
/* Somebody shows news of us that is not ours. True: it stands, and is to be flooded like anybody's. */
bool ls_origin_shown(struct ls *, const struct ls_record *);
/* From time to time: takes our id back, where we have given it up. */
void ls_origin_reclaim(struct ls *);
#endif
