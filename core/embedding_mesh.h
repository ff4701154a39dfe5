/* embedding_mesh.h - what an embedded junction does with routes and queries, for embedding.c to wire up. All [loop]. */
#ifndef SL_EMBEDDING_MESH_H
#define SL_EMBEDDING_MESH_H
#include "errand.h"

void sl_embedding_route(void *junction);   /* sl_junction's on_route */
void sl_embedding_let_go(slow_junction *); /* ends every slow_junction_wait(), slow_ping() and slow_trace() */
#endif
