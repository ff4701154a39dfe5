/* table.h - the state of one strategy instance: destinations, neighbours, and what each said of each.
 *
 * Per destination there is one struct of 48 bytes and its id; per destination and neighbour there are 9 bytes (what the
 * neighbour offers, and flags) and 4 for the handle under which it speaks. Neighbours have slots, small numbers that
 * are given again, and the per-neighbour arrays are indexed by the destination's number; so walking the neighbours of a
 * destination is one load each, and there are no lists to keep whole.
 *
 * Three things are kept small by what the rules make true:
 *  - Epochs. Nearly always all neighbours speak of one epoch of a destination, so it is stored once; while they differ,
 *    the destination has a `trouble`, which holds one for each slot.
 *  - What was told (rule 4). The only finite word that is ever told is our own route's. So three flags remember it:
 *    TOLD, a finite word stands there; STALE, its metric or epoch is no longer ours; OLDER, its sequence number is not.
 *  - Our handle for a destination is its number, the same towards every neighbour.
 *
 * Nothing is ordered by an address or by a hash: every walk goes by number, so the same events give the same trace.
 *
 * The files form floors, each calling only lower ones:
 *     word < message, store, deadline < table < neighbour < proof < request < route < trust, advertise < origin < distance_vector */
#ifndef DV_TABLE_H
#define DV_TABLE_H
#include "deadline.h"
#include "message.h"
#include "../common/store.h"

#define DV_MS UINT64_C(1000000)
#define DV_SECOND (1000 * DV_MS)

#define DV_SELF 0u /* the number of the destination that is ourselves */
#define DV_NONE UINT32_MAX
#define DV_NO_SLOT UINT16_MAX
#define DV_HANDLE_IGNORED (UINT32_MAX - 1) /* bound to a destination for which there was no room */

/* Rules that a test may break, to prove that its checks would notice. */
enum dv_break {
    DV_BREAK_NONE,
    DV_BREAK_NO_FEASIBILITY,
    DV_BREAK_LATE_FD,
    DV_BREAK_NO_REFILTER,
    DV_BREAK_LOST_MEMORY,
    DV_BREAK_FOREIGN_BUMP,
    DV_BREAK_SWALLOW_REQUESTS,
};

struct dv_options {
    int64_t max_origins, break_rule;
};

struct dv_offer {
    uint32_t seq, metric;
};

/* Of one neighbour and one destination. */
enum dv_flag {
    DV_BOUND = 1,   /* it has given us a handle */
    DV_HANDED = 2,  /* we have given it a handle... */
    DV_CURRENT = 4, /* ... for the epoch of our feasibility distance */
    DV_TOLD = 8,    /* the last word that we told it was finite... */
    DV_STALE = 16,  /* ... with a metric or an epoch that is no longer ours... */
    DV_OLDER = 32,  /* ... or with a sequence number that may be older */
    DV_ASKED = 32,  /* not TOLD: the retraction asked for the destination */
    DV_NOW = 64,    /* to be told at the end of the turn */
    DV_SOON = 128,  /* with the batch */
};

/* Which destinations wait to be told: those that bear the queue's flag, all within low..high. low > high: none. */
struct dv_queue {
    uint32_t low, high;
};

struct dv_neighbour {
    slow_link link;
    uint32_t cost; /* 0.1 ms */
    uint16_t slot;
    struct dv_offer *offers; /* by destination; meaningful where BOUND */
    uint8_t *flags;          /* by destination: enum dv_flag */
    uint32_t capacity;       /* of both; at least the table's */
    uint32_t *handles;       /* its handle -> destination, DV_NONE or DV_HANDLE_IGNORED */
    uint32_t handle_count;
    uint8_t *shown;          /* by destination, a bit: it has our newest proof */
    uint32_t shown_capacity; /* bits */
    bool leaf;               /* it relays nothing: what it says of others than itself is not heard... */
    slow_id id;              /* ... for which its id is kept */
    struct dv_queue now, soon;
    struct dv_deadline batch; /* armed: the last batch was sent less than `hold_ns` ago */
    slow_time hold_ns;
    uint32_t sent;  /* messages */
    size_t waiting; /* bytes in `outbox` */
    uint8_t outbox[SLOW_ROUTE_MESSAGE_MAX];
};

struct dv_asker {
    struct dv_stamp stamp;
    slow_time until;
    uint16_t slot;
};

/* What only a destination has that is being asked for, or of which neighbours speak in several epochs. */
struct dv_trouble {
    uint32_t number;  /* of the destination */
    uint64_t *epochs; /* by slot, for all that have it BOUND; NULL = the destination's */
    uint32_t epoch_count;
    struct dv_deadline ask; /* rule 7a */
    slow_time asked_at;
    struct dv_stamp along; /* what the retractions asked for that went before the first round; epoch 0 = nothing */
    unsigned ask_round;
    bool asked;
    struct dv_deadline repair; /* rule 7b */
    slow_time repair_wait_ns;
    struct dv_stamp passed; /* rule 8: the last request that was sent or passed on, and when */
    slow_time passed_at;
    struct dv_asker *askers;
    uint32_t asker_count, asker_capacity;
    struct dv_deadline tidy; /* forget the askers */
};

struct dv_dest {
    struct dv_trouble *trouble; /* or NULL */
    uint64_t epoch;             /* in which its neighbours speak, if they agree */
    uint64_t fd_epoch;
    uint32_t fd_seq, fd_metric; /* infinite: no feasibility distance */
    uint32_t metric;            /* of the selected route; a free number: the next free one */
    uint32_t id;                /* in the store; 0 = this number is free */
    uint32_t proof;             /* in the store: epoch u64, seq u32, and the origin's proof of them; 0 = none */
    uint16_t next_hop;          /* slot, or DV_NO_SLOT: no route */
    uint8_t age;                /* sweeps since the last route */
    uint8_t proved;             /* newer proofs of it lately: see proof.c */
};

/* A feasibility distance that sinks too late: DV_BREAK_LATE_FD only. */
struct dv_late {
    slow_time when;
    uint32_t number;
    struct dv_word word;
};

struct dv {
    const slow_host *host;
    const slow_routing_host *routing;
    struct dv_options options;
    bool open; /* there are no identities: nothing is proven, and nothing has to be */
    bool leaf; /* we relay nothing, and tell of nobody but ourselves */
    struct dv_deadlines deadlines;
    struct store store;
    struct dv_dest *dests;
    uint32_t dest_count, dest_capacity; /* numbers ever used, free ones included; room */
    uint32_t live, vacant;              /* destinations; the first free number or DV_NONE */
    uint32_t *buckets;                  /* number + 1, or 0; a power of two of them */
    uint32_t bucket_count;
    uint8_t hash_key[16];
    struct dv_neighbour **neighbours; /* by slot; NULL = free */
    uint32_t slot_count;
    uint32_t troubles;
    uint32_t offering; /* the destination that was offered to the core last: whoever looks on asks for it first */
    struct dv_stamp own;
    struct dv_deadline sweep, bump, proved;
    slow_time bumped_at;
    bool bumped;
    slow_time takes[3]; /* rule 10: when we last took a newer epoch */
    unsigned take_count;
    uint64_t shown_epoch;       /* the newest that we should have outbid, had we not been stopped */
    struct dv_deadline take;    /* armed: stopped until then */
    uint64_t entries, requests; /* records sent so far: words about a destination, and questions */
    slow_time full_logged_at, often_logged_at, twin_logged_at, lost_logged_at; /* 0 = never */
    bool turn_pending;                                                         /* the end of this turn is deferred */
    bool leaving;
    struct dv_deadline late;
    struct dv_late *late_words;
    size_t late_count, late_capacity;
};

bool dv_table_init(struct dv *);
void dv_table_free(struct dv *);

slow_bytes dv_id_bytes(const slow_id *);
/* DV_NONE when it is not known. */
uint32_t dv_dest_find(const struct dv *, slow_bytes id);
/* A destination without routes. DV_NONE: as many as the options allow, or no memory. */
uint32_t dv_dest_add(struct dv *, slow_bytes id);
/* It MUST have no trouble and MUST NOT be BOUND. */
void dv_dest_remove(struct dv *, uint32_t number);
slow_id dv_dest_id(const struct dv *, uint32_t number);
static inline struct dv_word dv_dest_fd(const struct dv_dest *dest) {
    return (struct dv_word){{dest->fd_epoch, dest->fd_seq}, dest->fd_metric};
}

/* The proof of a destination is another one, or gone. */
void dv_shown_to_nobody(struct dv *, uint32_t number);

/* Grows the arrays of a neighbour to the table's size. */
bool dv_cells_grow(struct dv_neighbour *, uint32_t capacity);
/* The epoch in which it speaks of a destination that it has BOUND. */
static inline uint64_t dv_bound_epoch(const struct dv *dv, const struct dv_neighbour *neighbour, uint32_t number) {
    const struct dv_dest *dest = &dv->dests[number];
    bool apart = dest->trouble != NULL && dest->trouble->epochs != NULL;
    return apart ? dest->trouble->epochs[neighbour->slot] : dest->epoch;
}
/* What a neighbour offers; a retraction when nothing. */
static inline struct dv_word dv_offer_of(const struct dv *dv, const struct dv_neighbour *neighbour, uint32_t number) {
    const struct dv_offer *offer = &neighbour->offers[number];
    if ((neighbour->flags[number] & DV_BOUND) == 0 || offer->metric == SLOW_METRIC_INFINITY)
        return DV_RETRACTION;
    return (struct dv_word){{dv_bound_epoch(dv, neighbour, number), offer->seq}, offer->metric};
}
/* Makes it speak of `number` in `epoch`, offering nothing as yet. False = no memory. */
bool dv_bind(struct dv *, struct dv_neighbour *, uint32_t number, uint64_t epoch);
void dv_unbind(struct dv *, struct dv_neighbour *, uint32_t number);
bool dv_bound_by_any(const struct dv *, uint32_t number);

/* The trouble of a destination, made if need be; NULL = no memory. */
struct dv_trouble *dv_trouble_need(struct dv *, uint32_t number);
/* Frees it when nothing in it is of use. */
void dv_trouble_settle(struct dv *, uint32_t number);
/* Frees it. */
void dv_trouble_end(struct dv *, uint32_t number);

size_t dv_table_memory(const struct dv *); /* bytes */

static inline slow_time dv_now(const struct dv *dv) {
    return dv->host->now(dv->host);
}
/* For logs that a remote can cause: true at most once a minute. */
bool dv_may_log(const struct dv *, slow_time *last);
#endif
