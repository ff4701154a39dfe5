/* trust.h - a destination whose newest proof was taken back: rule 14. */
#ifndef DV_TRUST_H
#define DV_TRUST_H
#include "proof.h"

/* A neighbour shows that the origin, under another key, signed an epoch which is older than the newest proven one. True: that
 * one does not count any more. Then all that was said of the destination is forgotten, and the older epoch is the newest. */
bool dv_trust_older(struct dv *, struct dv_neighbour *from, uint32_t number, struct dv_stamp);
/* The same of all destinations, when keys were revoked. */
void dv_trust_changed(struct dv *);
#endif
