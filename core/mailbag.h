/* mailbag.h - messages on their way from any thread to delivery, how much may wait, and who wants to know when less does.
 *
 * A send never waits for the loop: it is charged to its destination (quota.h), put into the bag under a lock, and that is
 * all. The first message in an empty bag posts one call, which takes the whole bag at once; so a burst costs one wake-up,
 * not one each.
 *
 * Reliable messages are credited when they have their outcome: once for a run of them to one destination, so that the lock
 * is not taken for each, and at the end of the turn. Best effort is bounded in all and not by destination, 4,096
 * messages or 4 MiB in the bag and in delivery's queue together, and delivery's part of that is told once a turn and not
 * once a message: the number is only ever too high until then, which costs a send a second try, and loses nothing.
 *
 * A writer that waits is woken when half of its room is free, and not at each place: it would take the processor from the
 * loop a thousand times to look, and sleep again.
 *
 * An accepted reliable message must get its outcome, and delivery may still be unable to take one, for want of memory or
 * of a place for one more peer. Such a message is stalled: it stays here, in front of its destination's others, and is tried
 * again when something has ended, and four times a second. Its deadline counts here, too. */
#ifndef SL_MAILBAG_H
#define SL_MAILBAG_H
#include "delivery.h"
#include "quota.h"
#include <pthread.h>

/* All [loop]. */
typedef struct sl_mailbag_events {
    void *arg;
    /* Delivery's. Takes the message on SLOW_OK; best effort is always taken. */
    slow_status (*submit)(void *arg, sl_outgoing *);
    void (*outcome)(void *arg, const sl_result *);                /* of one that delivery never had */
    void (*best_effort)(void *arg, size_t *count, size_t *bytes); /* that delivery holds now */
    /* Half of the room to there is free, after SLOW_E_AGAIN; NULL = for best effort. */
    void (*writable)(void *arg, const slow_id *);
    void (*room)(void *arg); /* something does not wait any more; at the end of the turn */
} sl_mailbag_events;

typedef struct sl_mailbag {
    sl_loop *loop;
    sl_mailbag_events events;

    pthread_mutex_t lock; /* of the members up to the next empty line */
    pthread_cond_t room;  /* half of it is free */
    sl_outgoing *first, **end;
    size_t count, bytes;           /* best effort that is not yet taken over by delivery */
    size_t held_count, held_bytes; /* and by delivery, as it last said */
    bool refused;                  /* best effort was, since half of its room was free */
    unsigned writers;              /* wait for room for best effort */
    sl_quota quota;                /* of reliable messages */
    bool closed;

    /* [loop] */
    sl_outgoing *stalled, **stalled_end;
    uint64_t round; /* of trying them */
    slow_id ended;  /* destination of those that have their outcome, and were not credited yet */
    uint32_t ended_count;
    size_t ended_bytes;
    sl_timer *timer;
    sl_deferred look; /* at the end of the turn: what has ended, and who is to be told */
    bool over;        /* it was stopped: what was posted last comes when the loop is freed */
} sl_mailbag;

/* False = no memory, and nothing is left behind. */
bool sl_mailbag_init(sl_mailbag *, sl_loop *, const sl_mailbag_events *);
/* [loop] After close, flush and abandon, before the loop goes. */
void sl_mailbag_stop(sl_mailbag *);
/* When nobody waits any more. */
void sl_mailbag_free(sl_mailbag *);
/* [any] Takes the message on SLOW_OK. SLOW_E_AGAIN, SLOW_E_CLOSED, SLOW_E_NOMEM: it is the caller's still. */
slow_status sl_mailbag_put(sl_mailbag *, sl_outgoing *, slow_error *);
/* [any] Would one more message fit? `id` NULL = best effort. SLOW_OK, SLOW_E_TIMEOUT (it would not), SLOW_E_CLOSED.
 * `half`: is half of the room free? */
slow_status sl_mailbag_look(sl_mailbag *, const slow_id *, bool half);
/* [any] Sleeps until half of the room is free. */
slow_status sl_mailbag_wait(sl_mailbag *, const slow_id *, slow_time timeout);
/* [any] Nothing is taken any more, and who waits is woken. */
void sl_mailbag_close(sl_mailbag *);
/* [loop] A message of this payload does not wait any more: delivery's `released`. */
void sl_mailbag_released(sl_mailbag *, const slow_id *, size_t bytes, bool reliable);
/* [loop] Takes over what was put last, without waiting for its turn. */
void sl_mailbag_flush(sl_mailbag *);
/* [loop] Ends what delivery could not take yet as not delivered: closed. */
void sl_mailbag_abandon(sl_mailbag *);
#endif
