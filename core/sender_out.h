/* sender_out.h - what a sender sends: DATA, first and again, and ASKs. */
#ifndef SL_SENDER_OUT_H
#define SL_SENDER_OUT_H
#include "outcome.h"

/* What recovery tells of packets; for a sender. */
extern const sl_recovery_events sl_sender_recovery_events;
/* A channel whose queue is not empty waits for its turn. */
void sl_sender_turn_take(sl_sender *, sl_sender_channel *);
/* All that may be sent now. */
void sl_sender_send(sl_sender *, slow_time now);
/* Wants ASKs for the channels of which nothing was heard. */
void sl_sender_poll(sl_sender *, slow_time now);
/* What a probe timeout asks for, whatever the window says. */
void sl_sender_probe(sl_sender *, slow_time now);
#endif
