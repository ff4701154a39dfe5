/* origin.h - being an origin, and passing on what others want of one: rules 8 and 10. */
#ifndef DV_ORIGIN_H
#define DV_ORIGIN_H
#include "advertise.h"

/* A request came. */
void dv_request_heard(struct dv *, struct dv_neighbour *asker, slow_bytes id, struct dv_stamp, uint8_t ttl);
/* Our own id was shown to us with this epoch. */
void dv_own_id_shown(struct dv *, uint64_t epoch);
/* Signs our id and stamp, at the start and whenever it changes. */
void dv_origin_sign(struct dv *);
#endif
