/* ticket.h - the outcomes that an application may ask for: pending, kept, or to be told.
 *
 * A ticket is drawn on the thread that sends, before the message can be seen by anybody else, so an outcome always finds
 * its ticket. From then on it is in one of three states. Pending: its outcome has not come. Kept: it has, and the next one
 * who asks takes it away; of those kept the oldest goes when there are more than SL_TICKETS_KEPT. To be told: there is a
 * callback, which gets it at the end of the turn, and nothing is kept. For those who would rather poll, a descriptor is
 * readable while one is kept: made when it is first asked for, since most junctions need none.
 *
 * Tickets rise by one, so their last bits are a hash that spreads perfectly. */
#ifndef SL_TICKET_H
#define SL_TICKET_H
#include "peer.h"
#include <pthread.h>
#include <slow/junction.h>

enum { SL_TICKETS_KEPT = 65536 };
#define SL_TICKET_ADMIN (UINT64_C(1) << 63) /* of the admin API: the rest is its own, and nothing is kept here */

enum sl_ticket_place { SL_TICKET_LOOSE, SL_TICKET_IS_KEPT, SL_TICKET_TO_TELL }; /* loose: pending, or waited for */

typedef struct sl_ticket {
    struct sl_ticket *chained;
    struct sl_ticket *next, **here; /* in the list of its place */
    uint64_t number;
    enum sl_ticket_place place;
    unsigned waiters; /* whoever waits takes it away; the last one does */
    enum sl_outcome outcome;
    enum sl_reason reason;
    bool was_sent; /* at least in part */
    slow_time ttl_ns, rtt_ns;
    sl_hint hint;
    bool arrived;
    enum sl_opening_end opening;
} sl_ticket;

typedef struct sl_tickets {
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t ended;
    sl_ticket **buckets; /* a power of two of them */
    uint32_t bucket_count, count;
    uint64_t last;
    sl_ticket *kept, **kept_end; /* the oldest first */
    uint32_t kept_count;
    int fd; /* readable while one is kept; -1 = nobody asked for it */
    sl_ticket *told, **told_end;
    bool telling; /* there is a callback: outcomes are not kept, but put into `told` */
} sl_tickets;

/* False = no memory. */
bool sl_tickets_init(sl_tickets *);
void sl_tickets_free(sl_tickets *);
/* [any] A new one, pending. 0 = no memory. */
slow_ticket sl_tickets_draw(sl_tickets *);
/* [any] A number alone, for a message without an outcome. */
slow_ticket sl_tickets_number(sl_tickets *);
/* [any] Its message was not accepted. */
void sl_tickets_forget(sl_tickets *, slow_ticket);
/* [any] From now on outcomes are to be told, or kept. */
void sl_tickets_tell(sl_tickets *, bool telling);
/* [loop] Of a message with a ticket of ours. True: there is something to be told. */
bool sl_tickets_ended(sl_tickets *, const sl_result *);
/* [loop] The next outcome that is to be told. False: there is none. */
bool sl_tickets_next_told(sl_tickets *, slow_outcome *);
/* [any] Takes the outcome. SLOW_E_TIMEOUT: it is pending; SLOW_E_INVAL: nothing is known of it. */
slow_status sl_tickets_take(sl_tickets *, slow_ticket, slow_outcome *);
/* [any] The same of that which is kept longest. SLOW_E_TIMEOUT: none is. */
slow_status sl_tickets_take_kept(sl_tickets *, slow_outcome *);
int sl_tickets_fd(sl_tickets *); /* [any] -1 = no file descriptor */
/* [any] Sleeps until it is there, or the time is over. */
slow_status sl_tickets_wait(sl_tickets *, slow_ticket, slow_time timeout, slow_outcome *);
/* [any] The same for one who looks again and again: between the two sl_tickets_take() leaves it there. SLOW_E_INVAL. */
slow_status sl_tickets_join(sl_tickets *, slow_ticket);
void sl_tickets_part(sl_tickets *, slow_ticket);

/* An outcome as a sentence. */
void sl_result_explain(const sl_result *, char *text, size_t size);
#endif
