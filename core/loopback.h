/* loopback.h - reliable messages to ourselves: they travel nowhere, and keep the same promises. */
#ifndef SL_LOOPBACK_H
#define SL_LOOPBACK_H
#include "peer.h"

typedef struct sl_loopback_letter sl_loopback_letter;
typedef struct sl_loopback {
    sl_loop *loop;
    sl_peers_events events; /* outcome, released, offer, withdraw */
    sl_loopback_letter *first, **end;
    uint32_t count;
    uint64_t session, bytes, number[SLOW_CHANNELS];
    slow_time timer_at; /* not later than what is due next */
    sl_timer *timer;
} sl_loopback;

/* `session`: of the names that messages have; another one in each life of the junction. False = no memory. */
bool sl_loopback_init(sl_loopback *, sl_loop *, uint64_t session, const sl_peers_events *);
/* After this an arrival that is held is its holder's, to be freed by free(). */
void sl_loopback_free(sl_loopback *);
/* SLOW_E_AGAIN, SLOW_E_NOMEM: it is the caller's still. */
slow_status sl_loopback_send(sl_loopback *, sl_outgoing *);
/* Its arrivals have no budget. */
void sl_loopback_held(sl_loopback *, sl_arrival *);
void sl_loopback_taken(sl_loopback *, sl_arrival *);
/* Nobody will have it: not delivered, and it is freed. */
void sl_loopback_refused(sl_loopback *, sl_arrival *);
/* Whoever waits gets an outcome: closed. */
void sl_loopback_abandon(sl_loopback *);
#endif
