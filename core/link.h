/* link.h - one link: from the transport's link_up() through the opening to its end.
 *
 * A link opens (opening.h), lives (liveness.h), carries frames in (receive) and packages out (outbox.h), and ends. It calls
 * no transport while the transport calls it: what is to be sent or closed waits for the end of the turn, when links.c
 * flushes every link that has something, in the order of their numbers. Upwards it speaks through sl_link_events.
 *
 * A datagram link keeps serving its old life while a new opening from the same address is under way: only a finished
 * opening ends the old life. */
#ifndef SL_LINK_H
#define SL_LINK_H
#include "instance.h"
#include "liveness.h"
#include "opening.h"
#include "outbox.h"
#include "stats.h"
#include <slow/codec.h>
#include <slow/transport.h>

enum {
    SL_ADDRESS_SIZE = 128,
    SL_WINDOW_WORDS = 256, /* power of two: a replay window of at least 8,192 */
    SL_HALF_OPEN_MAX = 256,
    SL_HALF_OPEN_PER_HOST = 4,
};

typedef struct sl_link sl_link;

typedef struct sl_codec {
    const slow_codec_ops *ops;
    void *self;
} sl_codec;

/* A transport's instance, as links see it. */
typedef struct sl_port {
    sl_instance *instance;
    const slow_transport_ops *ops;
    void *self;
} sl_port;

/* All [loop]. None may free the link; closed() is the last for a life of it. */
typedef struct sl_link_events {
    void *arg;
    enum sl_close_reason (*opened)(void *arg, sl_link *); /* 0 = welcome */
    void (*closed)(void *arg, sl_link *, enum sl_close_reason, bool was_up);
    void (*bundle)(void *arg, sl_link *, uint8_t *records, size_t size); /* records are borrowed, writable */
    void (*route)(void *arg, sl_link *, const sl_route_frame *);
    void (*route_ack)(void *arg, sl_link *, const sl_route_frame *);
    void (*fill)(void *arg, sl_link *);  /* about to be flushed: sl_link_control() what is due */
    void (*cost)(void *arg, sl_link *);  /* live.told_cost is another */
    void (*dirty)(void *arg, sl_link *); /* has something to flush; until it is flushed, once */
} sl_link_events;

/* What all links of a junction share. */
typedef struct sl_link_env {
    sl_opening_env opening;
    sl_loop *loop;
    sl_pool *pool;
    const sl_log *log;
    sl_stats *stats;
    sl_link_events events;
    const sl_codec *codecs; /* as claim.codecs counts them */
    size_t codec_count;
    sl_cookie_jar jar;
    sl_link *half_open[SL_HALF_OPEN_MAX]; /* answering, not finished */
    uint32_t half_open_count, inits;      /* inits: in the second that began at inits_at */
    slow_time inits_at;
    sl_log_rate rate_refused, rate_stranger;
    uint64_t changes; /* grows with every link that opens or closes */
} sl_link_env;

enum sl_link_state { SL_LINK_OPENING, SL_LINK_UP, SL_LINK_CLOSED };

struct sl_link {
    sl_link_env *env;
    uint32_t number; /* the transport's slow_link */
    sl_port *port;
    void *cookie;     /* the transport's; NULL once it is gone there */
    bool cookie_dead; /* the transport forgot it: close() must not be called */
    uint64_t dial;
    uint32_t flags, mtu; /* SLOW_LINK_..., bytes */
    char local[SL_ADDRESS_SIZE], remote[SL_ADDRESS_SIZE];
    uint32_t factor_ppm, bias;
    enum sl_link_state state;
    enum sl_close_reason close_reason;
    sl_opening *opening; /* under way; of an initiator that is up: its FIN is repeated until something is heard */
    sl_timer *timer;
    slow_time timer_at;
    /* this life */
    slow_session *session;
    uint32_t index, peer_index;
    uint64_t tag, peer_tag;
    uint64_t sent_number, highest_number;
    uint64_t *window; /* of datagrams' numbers */
    sl_claim *peer;
    sl_names protocols; /* in common */
    uint8_t codec;      /* index into env->codecs */
    sl_liveness live;
    sl_outbox out;
    sl_packet_queue openings, ready; /* opening frames; sealed packets that the transport did not take yet */
    bool blocked, dirty, in_use;
    slow_time data_at, opened_at; /* data_at: last bundle in or out; 0 = none */
    void *neighbour;              /* the neighbour layer's */
    uint64_t bytes_in, bytes_out;
    uint64_t turn_bytes; /* read in `turn`, for the budget */
    uint32_t turn;
};

/* `info` is the transport's. NULL = no memory. Begins the opening where dial != 0. */
sl_link *sl_link_new(sl_link_env *, sl_port *, uint32_t number, void *cookie, const slow_link_info *info,
                     uint32_t factor_ppm, uint32_t bias);
void sl_link_free(sl_link *);
/* One frame of the transport's. */
void sl_link_receive(sl_link *, slow_slice *);
/* Packages for it. True when all were taken; what was not is counted, as full or too big. */
bool sl_link_put(sl_link *, unsigned priority, const uint8_t *records, size_t size, uint32_t count);
/* Room for a package of our own? (Half of the quota is kept for what others send through us.) */
bool sl_link_has_room(const sl_link *);
/* A control frame, from within fill(). */
void sl_link_control(sl_link *, enum sl_frame_kind, const uint8_t *head, size_t head_size, const uint8_t *body,
                     size_t body_size);
void sl_link_touch(sl_link *); /* it has something to flush */
/* Sends what waits. A closed link says its last word here; it may be freed after that. */
void sl_link_flush(sl_link *);
/* Ends it: up to the layers above at once, to the transport at the flush. `say` = send CLOSE. */
void sl_link_close(sl_link *, enum sl_close_reason, bool say);
/* The transport says that it is gone. */
void sl_link_gone(sl_link *);
void sl_link_writable(sl_link *);
void sl_link_set_in_use(sl_link *, bool); /* a route uses it */
const sl_codec *sl_link_codec(const sl_link *);
void sl_link_resize(sl_link *, uint32_t mtu); /* another MTU */
/* The host part of an address: up to the last ':' outside of brackets, with the scheme. */
size_t sl_address_host(const char *address);
static inline bool sl_link_is_stream(const sl_link *link) {
    return link->flags & SLOW_LINK_STREAM;
}
#endif
