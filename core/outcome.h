/* outcome.h - what becomes of a sender's messages: outcomes, bars, deadlines. */
#ifndef SL_OUTCOME_H
#define SL_OUTCOME_H
#include "sender_state.h"

/* Tells the outcome, if none was told. */
void sl_sender_settle(sl_sender *, sl_outgoing *, enum sl_outcome, enum sl_reason, slow_time now);
/* Why one that the receiver barred, or that it cannot have, is not delivered. */
enum sl_reason sl_sender_reason(const sl_outgoing *, slow_time now);
void sl_sender_outgoing_free(sl_outgoing *);
/* Out of the queue; it stays the sender's. */
void sl_sender_unqueue(sl_sender *, sl_sender_channel *, sl_outgoing *);
/* Out of the queue, not delivered, and freed. */
void sl_sender_queue_end(sl_sender *, sl_sender_channel *, sl_outgoing *, enum sl_reason, slow_time now);
/* No longer unfinished; it stays the sender's. */
void sl_sender_detach(sl_sender *, sl_sender_channel *, sl_outgoing *);
/* No longer unfinished, and freed. */
void sl_sender_finish(sl_sender *, sl_sender_channel *, sl_outgoing *);
/* The channel is to be asked. */
void sl_sender_want_ask(sl_sender *, sl_sender_channel *);
/* Nothing of it is sent any more, and the receiver is asked not to take it. */
void sl_sender_bar(sl_sender *, sl_sender_channel *, sl_outgoing *);
/* The deadline of an unfinished one has passed, or the grace behind it; or neither. */
void sl_sender_decide(sl_sender *, sl_sender_channel *, sl_outgoing *, slow_time now);
/* All deadlines that have passed. */
void sl_sender_deadlines(sl_sender *, slow_time now);
#endif
