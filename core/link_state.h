/* link_state.h - what a link is: the state that the files of the link share, from the ground up link_out (what is sent),
 * link_life (how it ends), link_opening (how it begins) and link (what arrives, and time). */
#ifndef SL_LINK_STATE_H
#define SL_LINK_STATE_H
#include "fresh.h"
#include "instance.h"
#include "liveness.h"
#include "membership.h"
#include "opening.h"
#include "outbox.h"
#include "stats.h"
#include "strangers.h"
#include <slow/codec.h>
#include <slow/transport.h>

enum {
    SL_ADDRESS_SIZE = SLOW_ADDRESS_SIZE,
    SL_WINDOW_WORDS = 256, /* power of two: a replay window of at least 8,192 */
    SL_HALF_OPEN_PER_HOST = 4,
    SL_STREAMS_PER_HOST = 16, /* that have not opened */
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
    void (*protocols)(void *arg, sl_link *, const sl_protocols *);
    void (*protocols_ack)(void *arg, sl_link *, uint32_t generation);
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
    sl_fresh fresh;         /* first messages, where they are dated */
    sl_strangers half_open; /* answering, not finished */
    sl_strangers streams;   /* that came, and are not open */
    uint32_t inits;         /* in the second that began at inits_at */
    slow_time inits_at;
    sl_log_rate rate_refused, rate_stranger, rate_alarm;
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
    uint64_t renews;     /* the dial of the link whose place it takes; 0 = none */
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
    sl_member member;    /* who was let in; without a gate all zero */
    bool opened;         /* the layers above were told of it */
    slow_time retire_at; /* another link has its place: it closes then, when nothing waits in it; 0 = never */
    uint32_t told;       /* the generation of our protocols in the claim that opened it */
    uint8_t codec;       /* index into env->codecs */
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

static inline bool sl_link_is_stream(const sl_link *link) {
    return link->flags & SLOW_LINK_STREAM;
}

static inline uint32_t sl_link_tag_size(const sl_link *link) {
    uint32_t size = link->env->opening.security->tag_size;
    return size > 0 ? size : SL_PLAIN_TAG;
}

static inline uint32_t sl_link_header_size(const sl_link *link) {
    return sl_link_is_stream(link) ? SL_STREAM_HEADER : SL_DATAGRAM_HEADER;
}

/* The other end may send what is its own, and no more. */
static inline bool sl_link_is_of_leaf(const sl_link *link) {
    return link->member.roles & SL_ROLE_LEAF;
}

/* To which size its frames are filled. */
static inline uint32_t sl_link_frame_size(const sl_link *link) {
    uint32_t most = link->peer->frame_max < SLOW_FRAME_FLOOR ? SLOW_FRAME_FLOOR : link->peer->frame_max;
    return link->mtu < most ? link->mtu : most;
}

static inline const sl_codec *sl_link_codec(const sl_link *link) {
    return &link->env->codecs[link->codec];
}
#endif
