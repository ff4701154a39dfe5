/* delivery.h - messages to packages and back, best effort and reliable.
 *
 * Best effort has no outcome, is never sent twice, and handed over at most once. A message is cut into packages of
 * SLOW_PAYLOAD_MAX bytes, numbered by one counter over all destinations in the session that is the junction's start number.
 * Without a route it waits up to 5 s for one; with a full queue it waits for room, and the next messages to that destination
 * behind it. Doubles are dropped by windows for each (source, session, priority), and what says it is JSON and is none is
 * dropped, too.
 *
 * With security nothing leaves in plain: best effort is sealed in the pair of its destination and waits for that as for a
 * route, and its doubles are known by the pair's numbers (peer.h). What arrives in plain is dropped, but for what opens pairs
 * and looks along paths.
 *
 * Reliable messages travel in pairs, and each has exactly one outcome: see peer.h. */
#ifndef SL_DELIVERY_H
#define SL_DELIVERY_H
#include "loopback.h"
#include "peer.h"
#include "reassembly.h"
#include "routing_host.h"

enum { SL_WAITING_MAX = 1024 * 1024, SL_QUEUED_MAX = 4 * 1024 * 1024, SL_QUEUED_COUNT = 4096 };

typedef struct sl_delivery_events {
    void *arg;
    /* One with an `arrival` stays until sl_delivery_taken(), which may come at once. */
    void (*message)(void *arg, const sl_message *);
    /* Of one that waits somewhere to be handed over: see sl_receiver_events. NULL = nothing waits. */
    bool (*withdraw)(void *arg, sl_arrival *);
    void (*control)(void *arg, const slow_package *); /* of the core's kinds, but those of pairs */
    /* An outgoing message of this payload does not wait any more: it was sent, or has its outcome. */
    void (*released)(void *arg, const slow_id *peer, size_t bytes, bool reliable);
    void (*outcome)(void *arg, const sl_result *); /* of a reliable one; borrowed */
    /* A package of a traced message went out, marked. NULL = nobody asks. */
    void (*traced)(void *arg, const sl_outgoing *, uint64_t session, uint64_t packet, uint32_t offset);
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
    sl_peers peers;
    sl_loopback own;
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
/* From the start on, end-to-end security: see sl_peers_seal(). */
void sl_delivery_seal(sl_delivery *, const sl_pair_seal_env *, const sl_log *);
void sl_delivery_free(sl_delivery *);
/* [any] A copy of the message. NULL = no memory. */
sl_outgoing *sl_outgoing_new(const sl_message *);
/* Takes it. Best effort is sent, or waits; what cannot wait is dropped and counted. SLOW_E_AGAIN, SLOW_E_NOMEM (reliable
 * alone): it is the caller's still. */
slow_status sl_delivery_submit(sl_delivery *, sl_outgoing *);
/* What became of a message that came with an arrival. Held: the application has it. Taken: it is done with it; the arrival is
 * freed. */
void sl_delivery_held(sl_delivery *, sl_arrival *);
void sl_delivery_taken(sl_delivery *, sl_arrival *);
/* Nobody will ever have it, and nobody had it: its sender hears that it was not delivered; freed as well. */
void sl_delivery_refused(sl_delivery *, sl_arrival *);
/* The junction closes: reliable messages that were never sent end. */
void sl_delivery_stop(sl_delivery *);
/* Those under way, of which something may still be heard; and their end, as unknown: closed. */
uint32_t sl_delivery_pending(const sl_delivery *);
void sl_delivery_abandon(sl_delivery *);
/* One CONTROL package of the core's own; class 2. SLOW_E_NOROUTE, SLOW_E_AGAIN. *packet gets its number; may be NULL. */
slow_status sl_delivery_control(sl_delivery *, const slow_id *dst, uint16_t kind, uint16_t flags, slow_bytes payload,
                                uint64_t *packet);
/* A package for us; `from`: the neighbour that brought it, NULL = nobody knows. */
void sl_delivery_receive(sl_delivery *, const slow_package *, const slow_id *from);
/* There may be room on a link, or a route, that was not there before. */
void sl_delivery_room(sl_delivery *);
void sl_delivery_routes(sl_delivery *);
#endif
