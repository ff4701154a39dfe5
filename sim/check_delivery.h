/* check_delivery.h - what reliable delivery promises, looked at from outside: the truth about each message is kept here, from
 * its sender's call to its outcome, and what junctions say of it is held against that.
 *
 *   outcome      each accepted message gets exactly one outcome, at most 10 s after its deadline
 *   taken        what is "delivered" was taken, whole, by the application
 *   twice        no message is handed over more than once, over all pairs and all processes of its receiver
 *   order        ordered messages are handed over in their order, and only over what its sender had given up; of `latest` none
 *                after a newer one
 *   handed       what is "not delivered" is never handed over, neither before nor after
 *   window       numbers stay within 4,096 of the lowest unfinished one, bytes within the credit, queues within their caps, and
 *                nothing is sent after its deadline
 *   number       of packets: each number once in a pair and direction, rising; of messages: each for one message
 *   undelivered  what has to arrive (a rule with "arrives") is delivered
 *   balance      accepted = delivered + not delivered + unknown + pending, at the end of every turn
 *   left         when a junction has gone, or is done, nothing is left of what it held
 *
 * Some of these a sender's own figures must show (credit, pending); all else is seen in packages that leave and messages that
 * come. A message's number is known from its first fragment, whose payload says which message it is. */
#ifndef SIM_CHECK_DELIVERY_H
#define SIM_CHECK_DELIVERY_H
#include "check.h"
#include "promise.h"

typedef struct sim_outcomes {
    uint64_t accepted, refused, delivered, not_delivered, unknown, handed;
} sim_outcomes;

/* A message is about to be sent: its number, to be written into it. */
uint32_t sim_check_promise(sim_check *, const sim_promise *);
/* The last one was not accepted. */
void sim_check_refused(sim_check *);
/* What was promised of a message that came; NULL = nothing. */
const sim_promise *sim_check_promised(const sim_check *, const sl_message *);
sim_outcomes sim_check_outcomes(const sim_check *);
#endif
