/* channel.h - the strategy channel: a small reliable ordered channel for one strategy's messages to one neighbour. Pure.
 *
 * Strategies keep hard state and datagram links lose and reorder, so the core gives each adjacency go-back-N: at most 64
 * messages in flight, only the next one in order is taken, and what is acknowledged is forgotten. There is no limit of
 * tries: liveness decides about the neighbour. On a stream no timer runs.
 *
 * Both ends share one epoch. Whoever loses its state (adjacency down and up, a restarted strategy, too much waiting) goes
 * on with epoch + 1, and the other end, seeing a newer epoch, drops its state of the adjacency too. An older epoch is
 * answered with an acknowledgement that shows the newer one, so two ends that remember differently find together. */
#ifndef SL_CHANNEL_H
#define SL_CHANNEL_H
#include "loop.h"

/* Serial number arithmetic, RFC 1982; of two that are 128 apart, which it leaves open, the larger. */
static inline bool sl_epoch_newer(uint8_t a, uint8_t b) {
    uint8_t ahead = (uint8_t)(a - b);
    return (ahead > 0 && ahead < 128) || (ahead == 128 && a > b);
}

enum { SL_CHANNEL_FLIGHT = 64, SL_CHANNEL_BYTES = 4 * 1024 * 1024 };

typedef struct sl_channel_message {
    struct sl_channel_message *next;
    uint32_t seq, size;
    uint8_t bytes[];
} sl_channel_message;

typedef struct sl_channel {
    uint8_t epoch;
    uint32_t last_seq; /* the last one pushed */
    uint32_t wanted;   /* the next one that we take */
    bool ack_due;
    sl_channel_message *first, **end, *cursor; /* unacknowledged; the next to transmit */
    uint32_t flight;                           /* transmitted and unacknowledged, up to the cursor */
    uint64_t bytes;                            /* waiting and in flight */
    slow_time resend_at;                       /* 0 = nothing in flight */
    slow_time rewound_at;
    unsigned backoff;
    bool overflowed; /* a push was refused: it takes no more, and waits to be begun anew */
} sl_channel;

enum sl_channel_verdict { SL_CHANNEL_TAKE, SL_CHANNEL_DROP, SL_CHANNEL_NEWER };

void sl_channel_init(sl_channel *, uint8_t epoch);
void sl_channel_free(sl_channel *); /* its messages */
/* SLOW_E_NOSPACE: more than SL_CHANNEL_BYTES wait, the adjacency has to be restarted. */
slow_status sl_channel_push(sl_channel *, slow_bytes message);
/* What to transmit now, or NULL; call until NULL. `srtt_ns`: of the link in use. */
const sl_channel_message *sl_channel_next(sl_channel *, slow_time now, uint64_t srtt_ns, bool stream);
/* A ROUTE came. TAKE: hand its message on. NEWER: restart with that epoch, then ask again. */
enum sl_channel_verdict sl_channel_receive(sl_channel *, uint8_t epoch, uint32_t seq);
/* A ROUTE_ACK came. NEWER: as above; else DROP. */
enum sl_channel_verdict sl_channel_acked(sl_channel *, uint8_t epoch, uint32_t next, slow_time now, uint64_t srtt_ns);
/* The adjacency moved to another link: transmit from the first unacknowledged again. */
void sl_channel_rewind(sl_channel *);
/* Rewinds when the resend timer is over. */
void sl_channel_tick(sl_channel *, slow_time now);
#endif
