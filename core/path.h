/* path.h - looking along a path: ping, trace, and what relays tell of packages that went no further.
 *
 * ECHO is answered by the destination. TRACE is a traced package: every relay reports its place, its id and its next hop as
 * it passes the package on, and the destination reports the end; a place of which no report came is a hop that is silent.
 * ERROR is a relay's hint about a package that it had to drop; it is rate-limited, and only ever a hint. */
#ifndef SL_PATH_H
#define SL_PATH_H
#include "delivery.h"

enum sl_control_kind { SL_KIND_ECHO = 16, SL_KIND_ECHO_REPLY, SL_KIND_TRACE, SL_KIND_TRACE_HOP, SL_KIND_ERROR };

enum { SL_TRACE_HOPS_MAX = 255, SL_QUERIES_MAX = 256 };

typedef struct sl_trace_hop {
    slow_id id;   /* size 0 = silent */
    slow_id next; /* where it sent the package on; size 0 = nowhere, it is the end */
    uint64_t rtt_ns;
} sl_trace_hop;

typedef struct sl_query_result {
    slow_status status; /* SLOW_OK, SLOW_E_NOROUTE, SLOW_E_TIMEOUT, SLOW_E_CLOSED */
    uint64_t rtt_ns;
    unsigned hops;             /* links to the destination */
    const sl_trace_hop *trace; /* of a trace: from the first relay to the destination, or as far as was heard */
    size_t trace_count;
    slow_id dropped_by; /* a relay that said it dropped it; size 0 = none */
    enum sl_drop_reason drop_reason;
} sl_query_result;
typedef void (*sl_query_done)(void *arg, const sl_query_result *);

typedef struct sl_query sl_query;
typedef struct sl_path {
    sl_loop *loop;
    const sl_log *log;
    sl_stats *stats;
    sl_delivery *delivery;
    sl_query *first;
    uint32_t count;
    slow_time said_at; /* the second in which `said` counts */
    uint8_t said[256]; /* reports a source, by a hash of its id */
    sl_log_rate rate_error;
} sl_path;

void sl_path_init(sl_path *, sl_loop *, const sl_log *, sl_stats *, sl_delivery *);
void sl_path_free(sl_path *); /* pending queries end with SLOW_E_CLOSED */
/* `done` comes once, not inside the call. NULL = no memory, or too many at once. */
sl_query *sl_path_ping(sl_path *, const slow_id *dst, slow_time timeout, sl_query_done done, void *arg);
sl_query *sl_path_trace(sl_path *, const slow_id *dst, slow_time timeout, sl_query_done done, void *arg);
void sl_query_cancel(sl_query *); /* `done` does not come */
/* There may be a route that was not there before. */
void sl_path_kick(sl_path *);
/* A CONTROL package of the core's for us. */
void sl_path_control(sl_path *, const slow_package *);
/* What forwarding says: sl_forward_events' dropped and traced. */
void sl_path_dropped(sl_path *, const sl_transit *, enum sl_drop_reason);
void sl_path_traced(sl_path *, const sl_transit *, const sl_neighbour *next_hop);
const char *sl_drop_text(enum sl_drop_reason);
#endif
