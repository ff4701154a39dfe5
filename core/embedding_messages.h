/* embedding_messages.h - what an embedded junction does with messages, for embedding.c to wire up. All [loop]. */
#ifndef SL_EMBEDDING_MESSAGES_H
#define SL_EMBEDDING_MESSAGES_H
#include "errand.h"

/* sl_junction's on_message and on_released, and the mailbag's deferred `room`. */
void sl_embedding_message(void *junction, const sl_message *);
void sl_embedding_released(void *junction, size_t bytes);
void sl_embedding_room(void *junction);
#endif
