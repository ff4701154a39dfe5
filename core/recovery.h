/* recovery.h - which packets were lost, how long to wait, and how much may be under way: RFC 9002, for one direction of a
 * pair; pure.
 *
 * Packet threshold 3, time threshold 9/8 (6.1); initial round trip 333 ms or the opening's (6.2.2); the probe timeout
 * doubles up to 10 s (6.2.1); NewReno with an initial window of 10 packets, persistent congestion included (7). Two things
 * differ from the text. There is one packet number space, and no handshake in it. And the probe timer runs for as long as
 * the caller has something unfinished, not only while packets are in flight: a receiver's STATE is not acknowledged and may
 * be lost, and then nothing is in flight and nothing is known. */
#ifndef SL_RECOVERY_H
#define SL_RECOVERY_H
#include "delivery_wire.h"

/* What a packet carried, as the caller wants to be told of it. */
typedef struct sl_cargo {
    uint64_t message; /* 0 = an ASK */
    uint32_t offset;
    uint8_t channel;
} sl_cargo;

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
/* It could not be sent: takes the last one back. */
void sl_recovery_unsent(sl_recovery *, uint64_t packet);
/* What a STATE acknowledges; what is lost by it is told, too. */
void sl_recovery_acks(sl_recovery *, const sl_state *, slow_time now);
/* There is something of which the end is to be heard: the probe timer runs. */
void sl_recovery_expect(sl_recovery *, bool something, slow_time now);
/* When sl_recovery_timer() is due; UINT64_MAX = not at all. */
slow_time sl_recovery_due(const sl_recovery *);
/* True: a probe is to be sent (an ASK, and a fragment again), whatever the window says. */
bool sl_recovery_timer(sl_recovery *, slow_time now);
sl_recovery_info sl_recovery_info_of(const sl_recovery *);
#endif
