/* route.h - which routes may be used, and which one is: rules 1, 2, 3 and 11. */
#ifndef DV_ROUTE_H
#define DV_ROUTE_H
#include "request.h"

/* What `slot` offers of a destination, or its cost, has changed; it was `before` and `cost_before`. Selects anew and
 * lets everything follow: candidates, marks of what is to be told, requests, answers. */
void dv_reselect(struct dv *, uint32_t number, uint16_t slot, struct dv_word before, uint32_t cost_before);
/* Rule 3: we are about to tell somebody `word`. Lowers the feasibility distance, and filters the candidates anew. */
void dv_lower_fd(struct dv *, uint32_t number, struct dv_word word);
/* The selected route's stamp and metric; a retraction when there is none. */
struct dv_word dv_selected(const struct dv *, uint32_t number);
#endif
