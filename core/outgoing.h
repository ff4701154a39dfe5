/* outgoing.h - a message on its way out, from the application's call to its outcome. */
#ifndef SL_OUTGOING_H
#define SL_OUTGOING_H
#include "id.h"
#include <slow/package.h>

#define SL_TTL_NS (UINT64_C(30) * 1000 * 1000 * 1000)
#define SL_TTL_MAX_NS (UINT64_C(366) * 86400 * 1000 * 1000 * 1000)

enum { SL_TRACE_ATTEMPTS = 16 }; /* transmissions of a traced message that are marked */

/* What arrived, or is to be sent; borrowed. */
typedef struct sl_message {
    slow_id peer;
    uint8_t type, channel, priority; /* priority: the sender's option, 0..3 */
    uint8_t hop_limit;               /* 0 = the junction's */
    uint16_t kind;
    uint16_t flags;             /* enum slow_package_flags; RELIABLE: an outcome is wanted; TRACED: see traces.h */
    bool fail_fast;             /* no route now = not delivered, at once */
    slow_time ttl_ns;           /* of a reliable one; 0 = SL_TTL_NS */
    uint64_t number;            /* of one that arrived reliably: in its channel and pair; 0 = best effort */
    uint64_t session;           /* and its author's number of the pair: (peer, session, channel, number) is its id */
    struct sl_arrival *arrival; /* of one that arrived reliably; see delivery.h */
    slow_bytes payload;
} sl_message;

enum sl_outcome { SL_PENDING, SL_DELIVERED, SL_NOT_DELIVERED, SL_UNKNOWN };

/* Why an outcome is not `delivered`. */
enum sl_reason {
    SL_REASON_NONE,
    SL_REASON_EXPIRED,        /* its deadline came first */
    SL_REASON_SUPERSEDED,     /* `latest`: a newer one took its place */
    SL_REASON_NO_ROUTE,       /* fail fast */
    SL_REASON_CLOSED,         /* the junction was closed */
    SL_REASON_PEER_RESTARTED, /* the pair ended, and what became of it there is not known */
    SL_REASON_NO_ANSWER,      /* sent whole, and until 10 s after the deadline nobody said what became of it */
    SL_REASON_NO_MEMORY,
    SL_REASON_REFUSED,  /* the other end cannot hand it over: it is malformed, or the end is closing */
    SL_REASON_UNSEALED, /* it was never sent, until its deadline; the peer, or a relay in its name, offered no seal */
};

/* Made on any thread, submitted on the loop, where it belongs to delivery until its outcome. */
typedef struct sl_outgoing {
    struct sl_outgoing *next, **here; /* in the list that it is in */
    sl_message message;               /* its payload lies behind */
    uint32_t hash;                    /* of its destination */
    uint32_t sent;                    /* bytes: of best effort, given to links; of a reliable one, sent at least once */
    uint64_t number;                  /* 0 = was never sent */
    slow_time until;                  /* best effort: to which it waits for a route; reliable: its deadline */
    uint64_t ticket;                  /* the application's; 0 = nobody asks */
    /* Of a reliable one, once it has a number; the sender's. */
    slow_time submitted_at, first_sent_at, last_sent_at;
    uint64_t *acked, *flying; /* a bit for each fragment; of up to 64 fragments they are `bits` */
    uint64_t bits[2];
    uint32_t acked_count;
    bool barred, settled; /* settled: its outcome was told */
    uint8_t traced;       /* transmissions that were marked SLOW_TRACED */
    uint8_t bytes[];
} sl_outgoing;

typedef struct sl_outgoing_list {
    sl_outgoing *first, **end;
} sl_outgoing_list;

static inline void sl_outgoing_list_init(sl_outgoing_list *list) {
    list->first = NULL;
    list->end = &list->first;
}
static inline void sl_outgoing_list_insert(sl_outgoing_list *list, sl_outgoing **here, sl_outgoing *out) {
    out->next = *here;
    out->here = here;
    *(out->next != NULL ? &out->next->here : &list->end) = &out->next;
    *here = out;
}
static inline void sl_outgoing_list_add(sl_outgoing_list *list, sl_outgoing *out) {
    sl_outgoing_list_insert(list, list->end, out);
}
static inline void sl_outgoing_list_remove(sl_outgoing_list *list, sl_outgoing *out) {
    *out->here = out->next;
    *(out->next != NULL ? &out->next->here : &list->end) = out->here;
    out->next = NULL;
    out->here = NULL;
}

static inline bool sl_outgoing_is_reliable(const sl_outgoing *out) {
    return (out->message.flags & SLOW_RELIABLE) != 0;
}
static inline uint32_t sl_outgoing_fragments(const sl_outgoing *out) {
    uint32_t size = (uint32_t)out->message.payload.size;
    return size == 0 ? 1 : (size + SLOW_PAYLOAD_MAX - 1) / SLOW_PAYLOAD_MAX;
}
/* All of it was acknowledged; it may still be taken back, or not be taken. */
static inline bool sl_outgoing_has_arrived(const sl_outgoing *out) {
    return out->number != 0 && out->acked_count == sl_outgoing_fragments(out);
}
#endif
