/* sender.h - the sending half of what goes to one peer: the messages that wait, those under way, and the outcome of each;
 * pure but for what its events do.
 *
 * A message waits in a queue until a pair is there and window, credit and congestion let it be sent; only then it gets its
 * number. Until then it can expire, be superseded, or go over to the next pair, and nobody else knows of it. From then on
 * its outcome is what the receiver's STATE says, or what can be proved without it; see docs/delivery.md for the rules.
 *
 * A sender outlives its pairs: sl_sender_open() begins with one, sl_sender_close() ends it. */
#ifndef SL_SENDER_H
#define SL_SENDER_H
#include "sender_state.h"

enum { SL_PEER_QUEUE_COUNT = 4096, SL_PEER_QUEUE_MAX = 4 * 1024 * 1024, SL_MESSAGE_MAX = 16 * 1024 * 1024 };
#define SL_CREDIT_FIRST (256u * 1024u) /* bytes, before the first STATE */

typedef struct sl_sender_info {
    bool open;
    sl_recovery_info recovery;
    uint32_t queued, unfinished; /* messages without and with a number */
    uint64_t queued_bytes, unfinished_bytes, credit;
    uint64_t retransmitted; /* packets */
} sl_sender_info;

/* NULL = no memory. Events are told from within a call, and must not call back. */
sl_sender *sl_sender_new(const sl_sender_events *);
/* What is left in it ends without an outcome: see sl_sender_stop(). */
void sl_sender_free(sl_sender *);

/* May a message of `size` bytes be added? A queue that is empty takes one of any size. */
bool sl_sender_has_room(const sl_sender *, size_t size);
/* Takes the message, whose `until` is its deadline. It is sent by the next sl_sender_pump(). `latest`: supersedes those of
 * its channel that wait. */
void sl_sender_add(sl_sender *, sl_outgoing *, slow_time now);
/* A pair is open. `rtt_ns` is the opening's, 0 = unknown. False = no memory: there is no pair then. */
bool sl_sender_open(sl_sender *, slow_time rtt_ns, slow_time now);
/* The pair has ended. What has some fragment that was never sent, or was first sent at or after `since`, cannot have been
 * taken by the peer in that pair: it goes back to the head of the queue in its order, or is not delivered if its deadline
 * has passed. The rest is unknown. `since` UINT64_MAX: nothing is known about the peer. */
void sl_sender_close(sl_sender *, slow_time since, slow_time now);
/* Sends what may be sent, a piece of it. Does nothing while there is no pair. */
void sl_sender_pump(sl_sender *, slow_time now);
/* The piece was full: what is left is for another sl_sender_pump(), once the links were flushed. */
bool sl_sender_has_more(const sl_sender *);
/* A STATE came, in packet number `packet`. Pumps. */
void sl_sender_state(sl_sender *, const sl_state *, uint64_t packet, slow_time now);
/* When sl_sender_timer() is due: a deadline, a grace, a loss, a probe. UINT64_MAX = not at all. */
slow_time sl_sender_due(const sl_sender *);
void sl_sender_timer(sl_sender *, slow_time now);
/* The junction closes: what was never sent is not delivered, closed. */
void sl_sender_stop(sl_sender *, slow_time now);
/* What is still pending becomes unknown, closed: the end of closing. */
void sl_sender_abandon(sl_sender *, slow_time now);

/* Is there something for which a pair is needed? */
bool sl_sender_wants_pair(const sl_sender *);
/* Messages of which no outcome was told. */
uint32_t sl_sender_pending(const sl_sender *);
sl_sender_info sl_sender_info_of(const sl_sender *);

/* For tests that show what a rule is for: takes it out. */
void sl_sender_break(sl_sender *, enum sl_sender_break);
#endif
