/* exchange.h - two neighbours that have found each other compare their databases. */
#ifndef LS_EXCHANGE_H
#define LS_EXCHANGE_H
#include "state.h"

/* A record of the neighbour's, any but an LSA. */
void ls_exchange_heard(struct ls *, struct ls_neighbour *, const struct ls_record *);
/* The neighbour has this LSA as we have it. */
void ls_exchange_has(struct ls *, struct ls_neighbour *, uint32_t lsa);
/* At the end of a turn: goes on with all of them, as far as they may. */
void ls_exchange(struct ls *);
#endif
