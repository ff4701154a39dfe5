/* embedding_messages.h - what an embedded junction does with messages, for embedding.c to wire up. All [loop]. */
#ifndef SL_EMBEDDING_MESSAGES_H
#define SL_EMBEDDING_MESSAGES_H
#include "errand.h"

/* sl_junction's callbacks; those of the mailbag and of the inbox come to the same. */
void sl_embedding_message(void *junction, const sl_message *);
bool sl_embedding_withdraw(void *junction, sl_arrival *);
void sl_embedding_released(void *junction, const slow_id *peer, size_t bytes, bool reliable);
void sl_embedding_outcome(void *junction, const sl_result *);

void sl_embedding_heard(void *junction); /* sl_path's: a hop of a traced message */

/* False = no memory, and nothing is left behind. */
bool sl_embedding_messages_init(slow_junction *);
void sl_embedding_messages_free(slow_junction *);
void sl_embedding_tell(void *junction);      /* outcomes, to the callback */
void sl_embedding_tell_hops(void *junction); /* and hops */
#endif
