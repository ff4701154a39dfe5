/* state.h - the state of one strategy instance, and its neighbours.
 *
 * A neighbour is an adjacency, and has a slot, a small number; it is a node as well, which knows its slot. A slot whose
 * adjacency has gone stays taken until the routes over it are computed again, so that a route's slot never means two
 * adjacencies.
 *
 * Nothing is ordered by an address or by a hash: every walk goes by number, so the same events give the same trace.
 *
 * The files form floors, each calling only lower ones:
 *     message < graph < tree < state (neighbour) < flood < exchange, origin < route < link_state */
#ifndef LS_STATE_H
#define LS_STATE_H
#include "tree.h"

#define LS_MS UINT64_C(1000000)
#define LS_SECOND (1000 * LS_MS)
#define LS_FRAGMENTS 256u /* of one origin */
#define LS_NO_FRAGMENT UINT16_MAX
#define LS_ALTERNATES 8u /* neighbours whose trees are kept */
#define LS_LOST_KEEP_S \
    720u /* how long an origin without a way to it is remembered; 10 minutes and what relays round up */
#define LS_LOST_TELL_S 660u /* and told: who hears that we have it counts on it for a while */

/* Rules that a test may break, to prove that its checks would notice. */
enum ls_break {
    LS_BREAK_NONE,
    LS_BREAK_ONE_SIDED,
    LS_BREAK_TAKE_STALE,
    LS_BREAK_SKIP_DECREASE,
    LS_BREAK_NO_INEQUALITY,
    LS_BREAK_NO_EXCHANGE,
    LS_BREAK_NO_TAKE_OVER,
};

struct ls_options {
    int64_t max_origins, max_links, break_rule;
};

enum ls_phase { LS_TELLING_STAMPS, LS_WAITING, LS_TELLING_LSAS, LS_DONE };

struct ls_neighbour {
    slow_link link;
    uint32_t cost;     /* 0.1 ms; what we have said, and route by */
    uint32_t measured; /* what is to be said next */
    uint32_t node;     /* LS_SELF: somebody with our own id, over whom we only flood */
    uint16_t slot;
    uint16_t fragment; /* of our own LSAs, in which it stands; LS_NO_FRAGMENT: in none */
    bool gone, leaf;
    slow_time held_until; /* by then it has heard why we would send it more; see route.c */
    /* The exchange; see exchange.c. */
    enum ls_phase phase;
    bool asked, answer, end_heard; /* we wait for a GO; we owe one; all its stamps are known */
    uint32_t cursor;               /* the next LSA to look at */
    uint32_t up_order;             /* what was installed later has been flooded to it */
    uint32_t sent;                 /* messages since the last ASK */
    uint8_t *has;                  /* by LSA, a bit: it has what we have; NULL = nothing known */
    uint32_t has_count;            /* bits */
    uint32_t skip;                 /* while flooding: the first LSA it needs not hear; see flood.c */
};

/* One of our own LSAs. */
struct ls_fragment {
    uint32_t seq;
    uint16_t size; /* bytes of its links */
    bool changed;  /* and not told yet */
};

/* An allowance of things to do at once: so many are left, and in time there are more; see ls_allowed(). */
struct ls_allowance {
    int64_t left;
    slow_time counted_at;
};

struct ls_queued {
    uint32_t lsa, order;
};

/* A neighbour that needs not be told a queued LSA, because it told us. */
struct ls_skip {
    uint32_t queued, next; /* the next one of that neighbour, + 1; 0 = none */
};

/* A neighbour's tree. */
struct ls_view {
    struct ls_tree tree; /* its root LS_NONE: there is none here */
    uint16_t slot;
    bool listed; /* the neighbour lists us too */
    bool fresh;  /* not computed yet */
};

struct ls {
    const slow_host *host;
    const slow_routing_host *routing;
    struct ls_options options;
    struct ls_graph graph;
    struct ls_tree own;
    struct ls_view views[LS_ALTERNATES];
    struct ls_neighbour **neighbours; /* by slot; NULL = free */
    slow_link *links;                 /* by slot: of the adjacency, 0 = there is none */
    uint32_t slot_count;
    /* Our own LSAs. */
    uint64_t epoch;
    struct ls_fragment *fragments;
    uint32_t fragment_count, fragment_capacity;
    slow_time originated_at, takes[3]; /* when we last spoke; when we took a newer epoch */
    unsigned hold_level, take_count;
    bool spoken, usurped, leaving; /* usurped: somebody else with our id has the last word */
    bool loss_unsaid;              /* we route by it; the others hear of it at originate_at */
    /* What is to be flooded. */
    struct ls_queued *queue;
    uint32_t queue_count, queue_capacity;
    struct ls_skip *skips;
    uint32_t skip_count, skip_capacity;
    struct ls_allowance floods, runs;
    /* What is planned; 0 = nothing. */
    slow_timer *timer;
    slow_time originate_at, flood_at, late_at, run_at, views_at, release_at, sweep_at;
    slow_time ran_at, viewed_at;
    bool turn_pending, review_all;
    uint64_t entries, run_count;
    slow_time full_logged_at, twin_logged_at, lost_logged_at; /* 0 = never */
};

static inline slow_time ls_now(const struct ls *ls) {
    return ls->host->now(ls->host);
}
/* Seconds, never 0 and always above the largest age. */
static inline uint32_t ls_seconds(const struct ls *ls) {
    return (uint32_t)(ls_now(ls) / LS_SECOND) + 100000;
}
/* Whether there is a way to it; always to ourselves. */
static inline bool ls_reachable(const struct ls *ls, uint32_t node) {
    return ls_tree_distance(&ls->own, node) != SLOW_METRIC_INFINITY;
}
/* For logs that a remote can cause: true at most once a minute. */
bool ls_may_log(const struct ls *, slow_time *last);
/* Plans something for `when`, unless it is planned for earlier. */
void ls_plan(slow_time *plan, slow_time when);
/* Brings an allowance up to date; true while something of it is left. */
bool ls_allowed(const struct ls *, struct ls_allowance *, int64_t most, slow_time refill_ns);

/* NULL = no memory, or there are as many as slots have numbers. */
struct ls_neighbour *ls_neighbour_add(struct ls *, const slow_neighbour *);
struct ls_neighbour *ls_neighbour_find(const struct ls *, slow_link);
/* NULL: it has gone. */
struct ls_neighbour *ls_neighbour_at(const struct ls *, uint16_t slot);
/* Its adjacency is over; the slot stays taken. */
void ls_neighbour_end(struct ls *, struct ls_neighbour *);
/* Frees the slots of those that have gone. */
void ls_neighbours_tidy(struct ls *);
void ls_neighbour_free(struct ls *, struct ls_neighbour *);
/* Sends one message; what the host refuses is logged. */
void ls_send(struct ls *, const struct ls_neighbour *, slow_bytes message);
static inline slow_bytes ls_id_bytes(const slow_id *id) {
    return (slow_bytes){(const uint8_t *)id->text, id->size};
}
#endif
