/* traces.h - what is heard of messages that are traced, where they were sent.
 *
 * A traced message has some of its transmissions marked (SLOW_TRACED): those of its first fragment, and every fragment that
 * is sent again, up to SL_TRACE_ATTEMPTS. Each is an attempt, counted from 1. The junctions on the way report about each
 * (path.h), naming the package by its session and number; so a report finds its attempt, and who has not seen the package
 * cannot make one up, for a session is 64 random bits. That is all the trust there is: a relay may say what it likes of what
 * it was given to carry, or nothing. What is told is shown, and decides nothing.
 *
 * A trace begins on the thread that sends, under the ticket of its message, so that whoever asks finds it; and it is kept
 * over the outcome, since reports still come. What a remote can make grow is bounded: SL_TRACE_HOPS reports a message, one
 * for each attempt, place and author; of the messages the last SL_TRACES_MAX. */
#ifndef SL_TRACES_H
#define SL_TRACES_H
#include "delivery_wire.h"
#include "outgoing.h"
#include <pthread.h>

enum { SL_TRACES_MAX = 256, SL_TRACE_HOPS = 64, SL_TRACE_BUCKETS = 256 };

typedef struct sl_hop {
    uint64_t ticket;
    uint32_t attempt;     /* from 1 */
    uint32_t offset;      /* of the fragment, in its message */
    slow_id by;           /* who says so */
    sl_hop_report report; /* place 0: we ourselves */
} sl_hop;

enum sl_heard { SL_HEARD, SL_HEARD_UNKNOWN, SL_HEARD_DOUBLE, SL_HEARD_FULL };

typedef struct sl_trace sl_trace;
typedef struct sl_transmission sl_transmission;

typedef struct sl_traces {
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t heard;
    sl_trace *first, **end; /* the oldest first */
    uint32_t count;
    sl_transmission *buckets[SL_TRACE_BUCKETS]; /* by the last bits of their numbers, the newest first */
    bool telling;                               /* there is a callback */
    bool closed;                                /* nothing more will come */
} sl_traces;

void sl_traces_init(sl_traces *);
void sl_traces_free(sl_traces *);
/* [any] A message with that ticket is about to be sent; one that is there already stays. False = no memory. */
bool sl_traces_begin(sl_traces *, uint64_t ticket, const slow_id *dst);
/* [any] It was not accepted. */
void sl_traces_forget(sl_traces *, uint64_t ticket);
/* [loop] A package of it went out, marked. */
void sl_traces_sent(sl_traces *, uint64_t ticket, uint64_t session, uint64_t packet, uint32_t offset);
/* [loop] A report came. SL_HEARD: it is kept. */
enum sl_heard sl_traces_heard(sl_traces *, const slow_id *by, const sl_hop_report *);
/* [any] From now on hops are to be told, or not. */
void sl_traces_tell(sl_traces *, bool telling);
/* [loop] The next hop that is to be told. False: there is none. */
bool sl_traces_next_told(sl_traces *, sl_hop *);
/* [any] Is there an attempt of which every place from here to the destination was heard? */
bool sl_traces_is_complete(sl_traces *, uint64_t ticket);
/* [any] Fills in at most `capacity`, by attempt and place; *count: how many there are. SLOW_E_INVAL: nothing is known of
 * that ticket. SLOW_E_TIMEOUT: it is not complete. */
slow_status sl_traces_look(sl_traces *, uint64_t ticket, sl_hop *, size_t capacity, size_t *count);
/* [any] The same, when it is complete or the time is over, or SLOW_E_CLOSED. */
slow_status sl_traces_wait(sl_traces *, uint64_t ticket, slow_time timeout, sl_hop *, size_t capacity, size_t *count);
/* [any] Whoever waits is let go. */
void sl_traces_close(sl_traces *);
#endif
