/* flood.h - what is new goes to every neighbour but those that told us. */
#ifndef LS_FLOOD_H
#define LS_FLOOD_H
#include "state.h"

/* An LSA was installed; `from` is the slot of who told us, LS_NO_SLOT = it is ours. */
void ls_flood_add(struct ls *, uint32_t lsa, uint16_t from);
/* Another neighbour has told us the same. */
void ls_flood_heard(struct ls *, uint32_t lsa, uint16_t from);
/* At the end of a turn: floods what is queued, now or when there is an allowance for it. */
void ls_flood(struct ls *);
/* An LSA as it goes out now. `links` as for ls_lsa_record(). False: it is too old to be told, or
 * it
 * is hollow. */
bool ls_flood_record(const struct ls *, uint32_t lsa, uint8_t links[LS_LINKS_MAX], struct ls_record *);
#endif
