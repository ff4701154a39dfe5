/* advertise.h - what is told to whom, and when: rules 3, 4, 5 and 6. */
#ifndef DV_ADVERTISE_H
#define DV_ADVERTISE_H
#include "route.h"

/* Sends everything that is due. Called at the end of each turn in which anything happened. */
void dv_advertise(struct dv *);
/* Rule 4: what `neighbour` is to be told of a destination now. */
struct dv_word dv_word_for(const struct dv *, const struct dv_neighbour *, uint32_t number);
/* Rule 9: a new neighbour is to be told everything. */
void dv_advertise_all_to(struct dv *, struct dv_neighbour *);
/* The destination is dropped: unbinds the handles that neighbours have of it. */
void dv_advertise_forget(struct dv *, uint32_t number);
#endif
