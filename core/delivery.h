/* delivery.h - messages to packages and back. For now best effort: no outcome, never sent twice, handed over at most once.
 *
 * A message is cut into packages of SLOW_PAYLOAD_MAX bytes, numbered by one counter over all destinations in the session
 * that is the junction's start number. Without a route it waits up to 5 s for one; with a full queue it waits for room, and
 * the next messages to that destination behind it. Doubles are dropped by windows for each (source, session,
 * priority), and what says it is JSON and is none is dropped, too.
 *
 * Reliable messages travel in pairs; until those are built a package that asks for an outcome is counted and dropped. */
#ifndef SL_DELIVERY_H
#define SL_DELIVERY_H
#include "reassembly.h"
#include "routing_host.h"

enum { SL_WAITING_MAX = 1024 * 1024, SL_QUEUED_MAX = 4 * 1024 * 1024, SL_QUEUED_COUNT = 4096 };

/* What arrived, or is to be sent; borrowed. */
typedef struct sl_message {
    slow_id peer;
    uint8_t type, channel, priority; /* priority: the sender's option, 0..3 */
    uint16_t kind;
    uint8_t hop_limit;
    slow_bytes payload;
} sl_message;

/* A message on its way out. Made on any thread, submitted on the loop. */
typedef struct sl_outgoing {
    struct sl_outgoing *next;
    sl_message message; /* its payload lies behind */
    uint32_t sent;      /* bytes given to links */
    uint64_t number;    /* of its first package; 0 = none was sent */
    slow_time until;    /* to which it waits for a route */
    uint32_t hash;      /* of its destination */
    uint8_t bytes[];
} sl_outgoing;

typedef struct sl_delivery_events {
    void *arg;
    void (*message)(void *arg, const sl_message *);
    void (*control)(void *arg, const slow_package *); /* of the core's kinds */
    void (*released)(void *arg, size_t bytes);        /* an outgoing message of this payload is gone from the queue */
} sl_delivery_events;

typedef struct sl_delivery {
    sl_loop *loop;
    sl_stats *stats;
    sl_forward *forward;
    sl_routing *routing;
    const slow_id *self;
    uint64_t session, last_packet;
    uint8_t hop_limit;
    sl_seen *seen;
    sl_reassembly *reassembly;
    sl_delivery_events events;
    sl_outgoing *first, **end;
    uint64_t queued; /* bytes */
    uint32_t count;
    sl_timer *timer;
    sl_deferred retry;
} sl_delivery;

/* SLOW_E_NOMEM leaves nothing behind. `session`: the junction's start number. */
slow_status sl_delivery_init(sl_delivery *, sl_loop *, sl_stats *, sl_forward *, sl_routing *, uint64_t session,
                             uint8_t hop_limit, const sl_delivery_events *);
void sl_delivery_free(sl_delivery *);
/* [any] A copy of the message. NULL = no memory. */
sl_outgoing *sl_outgoing_new(const sl_message *);
/* Takes it. It is sent, or waits; what cannot wait is dropped and counted. */
void sl_delivery_submit(sl_delivery *, sl_outgoing *);
/* One CONTROL package of the core's own; class 2. SLOW_E_NOROUTE, SLOW_E_AGAIN. *packet gets its number; may be NULL. */
slow_status sl_delivery_control(sl_delivery *, const slow_id *dst, uint16_t kind, uint16_t flags, slow_bytes payload,
                                uint64_t *packet);
/* A package for us. */
void sl_delivery_receive(sl_delivery *, const slow_package *);
/* There may be a route, or room, that was not there before. */
void sl_delivery_kick(sl_delivery *);
#endif
