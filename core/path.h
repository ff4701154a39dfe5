/* path.h - looking along a path: ping, trace, and what relays tell of packages.
 *
 * ECHO is answered by the destination. TRACE is a traced package with nothing else in it; a message can be traced as well
 * (traces.h). Every relay reports a traced package as it leaves, with its place, its next hop, the time, and for how long it
 * waited in the queue of its link; or, when it is dropped, why. The destination reports the end. A place of which no report
 * came is a hop that is silent. ERROR is a relay's hint about a package that it had to drop, traced or not.
 *
 * Reports are limited to a few a second for each source, and in all, and are only ever hints. What forwarding or a link
 * tells comes in the middle of their work; so a report that follows is said when the turn ends. */
#ifndef SL_PATH_H
#define SL_PATH_H
#include "delivery.h"
#include "traces.h"

enum sl_control_kind { SL_KIND_ECHO = 16, SL_KIND_ECHO_REPLY, SL_KIND_TRACE, SL_KIND_TRACE_HOP, SL_KIND_ERROR };

enum { SL_TRACE_HOPS_MAX = 255, SL_QUERIES_MAX = 256, SL_REPORTS_MAX = 1024 };

typedef struct sl_trace_hop {
    slow_id id;   /* size 0 = silent */
    slow_id next; /* where it sent the package on; size 0 = nowhere, it is the end */
    uint64_t rtt_ns;
    uint32_t delay_us; /* in its queue */
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
typedef struct sl_report sl_report;
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
    sl_report *reports, **reports_end; /* that are to be said */
    uint32_t report_count;             /* with those that wait for their package to leave */
    sl_deferred say;
    bool over;                /* it was freed: packages that leave now are reported to nobody */
    sl_traces *traces;        /* of our messages; NULL = none is traced */
    void (*heard)(void *arg); /* something came for one of them; NULL = nobody asks */
    void *heard_arg;
} sl_path;

void sl_path_init(sl_path *, sl_loop *, const sl_log *, sl_stats *, sl_delivery *);
/* Pending queries end with SLOW_E_CLOSED. The memory MUST stay until the links are gone: packages in them may be waited
 * for. */
void sl_path_free(sl_path *);
/* `done` comes once, not inside the call. NULL = no memory, or too many at once. */
sl_query *sl_path_ping(sl_path *, const slow_id *dst, slow_time timeout, sl_query_done done, void *arg);
sl_query *sl_path_trace(sl_path *, const slow_id *dst, slow_time timeout, sl_query_done done, void *arg);
void sl_query_cancel(sl_query *); /* `done` does not come */
/* There may be a route that was not there before. */
void sl_path_kick(sl_path *);
/* A CONTROL package of the core's for us. */
void sl_path_control(sl_path *, const slow_package *);
/* What forwarding says: sl_forward_events' dropped and traced. */
void sl_path_dropped(sl_path *, const sl_transit *, enum sl_drop_reason, const sl_neighbour *next_hop);
sl_departure *sl_path_traced(sl_path *, const sl_transit *, const sl_neighbour *next_hop);
/* A traced package for us has arrived. */
void sl_path_arrived(sl_path *, const slow_package *);
/* A traced message of ours is sent to ourselves: there is nothing on the way. */
void sl_path_own(sl_path *, const sl_outgoing *);
const char *sl_drop_text(enum sl_drop_reason);
#endif
