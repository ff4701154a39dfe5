/* recovery.h - which packets were lost, how long to wait, and how much may be under way: RFC 9002, for one direction of a
 * pair; pure. recovery.c says where it differs from the text.
 *
 * Events are told from within a call, and must not call back. */
#ifndef SL_RECOVERY_H
#define SL_RECOVERY_H
#include "delivery_wire.h"

/* What a packet carried, as the caller wants to be told of it. */
typedef struct sl_cargo {
    uint64_t message; /* 0 = an ASK */
    uint32_t offset;
    uint8_t channel;
    slow_link via; /* the adjacency that it left by; 0 = not known */
} sl_cargo;

enum {
    SL_PACKET_OVERHEAD = 64,          /* bytes: what a package is reckoned to weigh beyond its payload */
    SL_ACK_DELAY_NS = 5 * 1000 * 1000 /* a STATE that acknowledges waits no longer */
};

typedef struct sl_recovery sl_recovery;
typedef struct sl_recovery_events {
    void *arg;
    void (*acked)(void *arg, const sl_cargo *);
    void (*lost)(void *arg, const sl_cargo *);
} sl_recovery_events;

typedef struct sl_recovery_info {
    slow_time rtt_ns, rtt_least_ns, rtt_deviation_ns; /* smoothed */
    uint64_t window, flying;                          /* bytes */
    uint64_t sent, lost;                              /* packets */
    uint32_t probes;                                  /* timeouts in a row, nothing heard since */
} sl_recovery_info;

/* NULL = no memory. `rtt_ns`: 0 = unknown. */
sl_recovery *sl_recovery_new(slow_time rtt_ns, const sl_recovery_events *);
void sl_recovery_free(sl_recovery *);
/* May a packet of `size` bytes be sent now? */
bool sl_recovery_may_send(const sl_recovery *, uint32_t size);
/* A packet that will be acknowledged is about to be sent. Numbers rise. False = no memory: it must not be sent. */
bool sl_recovery_sent(sl_recovery *, uint64_t packet, uint32_t size, const sl_cargo *, slow_time now);
/* The last packet was sent, by that adjacency. */
void sl_recovery_went(sl_recovery *, slow_link via);
/* It could not be sent: takes the last one back, and all that its sending changed. */
void sl_recovery_unsent(sl_recovery *, uint64_t packet);
/* What a STATE acknowledges; what is lost by it is told, too. */
void sl_recovery_acks(sl_recovery *, const sl_state *, slow_time now);
/* There is something of which the end is to be heard: the probe timer runs. */
void sl_recovery_expect(sl_recovery *, bool something, slow_time now);
/* Since when something is under way and nothing was heard; UINT64_MAX = nothing is. The probe timer does not show that: each
 * new packet puts it off. */
slow_time sl_recovery_silent_since(const sl_recovery *);
/* When sl_recovery_timer() is due; UINT64_MAX = not at all. */
slow_time sl_recovery_due(const sl_recovery *);
/* True: a probe is to be sent (an ASK, and a fragment again), whatever the window says. */
bool sl_recovery_timer(sl_recovery *, slow_time now);
/* The probe timeout, without its doubling. */
slow_time sl_recovery_patience(const sl_recovery *);
/* The messages' packets under way, the oldest first: begin with *place = 0; false = that was the last. */
bool sl_recovery_next(const sl_recovery *, uint64_t *place, sl_cargo *);
sl_recovery_info sl_recovery_info_of(const sl_recovery *);
#endif
