/* forward.h - the hot path: what a link brought goes to the next link, or to us. No allocation and no decoding on the way.
 *
 * A bundle is worked through in groups, in three passes: read the routing fields and prefetch the route's slot; prefetch
 * its entry; act. Packages that lie one behind the other and go to the same link at the same priority are copied as one
 * run. A codec that cannot peek (JSON), and two links of different codecs, take the slow way: decode and encode.
 *
 * A strategy that chooses by itself (flooding) is asked once a package, after doubles were dropped. */
#ifndef SL_FORWARD_H
#define SL_FORWARD_H
#include "route_table.h"
#include "seen.h"
#include <slow/codec.h>

enum { SL_FANOUT_MAX = 1024 };

/* Why a package went no further. */
enum sl_drop_reason { SL_DROP_NO_ROUTE = 1, SL_DROP_HOP_LIMIT, SL_DROP_QUEUE_FULL };

/* A package in passing, for those who report on it: borrowed. Of our own, `hops` is 0: it has travelled no link. */
typedef struct sl_transit {
    slow_bytes src, dst;
    uint64_t session, packet;
    uint8_t type, priority, hops, hop_limit;
    uint16_t flags;
    slow_link in; /* the adjacency that it came from; 0 = our own */
} sl_transit;

typedef struct sl_forward_events {
    void *arg;
    /* For us; `from` is the link. Borrowed. */
    void (*local)(void *arg, const slow_package *, const sl_link *from);
    /* `next_hop`: of a full queue, whose; else NULL. */
    void (*dropped)(void *arg, const sl_transit *, enum sl_drop_reason, const sl_neighbour *next_hop);
    /* SLOW_TRACED, on its way. Returns who waits for it to leave; NULL = nobody. */
    sl_departure *(*traced)(void *arg, const sl_transit *, const sl_neighbour *next_hop);
    /* The strategies that choose by themselves: fills adjacencies, returns how many, or SIZE_MAX where the table decides.
     * NULL = there are none. `route` may be NULL. */
    size_t (*choose)(void *arg, slow_bytes package, const slow_route_view *, slow_link in, const sl_route *route,
                     slow_link *out, size_t n);
    void *choose_arg;
} sl_forward_events;

typedef struct sl_forward {
    sl_route_table table;
    sl_loop *loop;
    sl_neighbours *neighbours;
    sl_stats *stats;
    const slow_id *self;
    sl_seen *seen; /* used only where `choose` is set */
    sl_forward_events events;
    slow_arena arena;
    uint32_t arena_used;
    _Alignas(16) uint8_t arena_bytes[16 * 1024];
    uint8_t scratch[SLOW_FRAME_FLOOR + 16];
    slow_link fanout[SL_FANOUT_MAX];
    slow_link went; /* by which our own last package left; 0 = by several, or by none */
    /* the run being gathered */
    sl_link *run_link;
    const uint8_t *run_at;
    size_t run_size;
    uint32_t run_count;
    unsigned run_priority;
} sl_forward;

/* NULL = no memory. */
sl_forward *sl_forward_new(sl_loop *, sl_neighbours *, sl_stats *, const slow_id *self);
void sl_forward_free(sl_forward *);
/* The records of a BUNDLE frame, writable: sl_links_setup.bundle. */
void sl_forward_bundle(sl_forward *, sl_link *, uint8_t *records, size_t size);
/* Our own package: src, hops and struct_size are filled in. `way`: of its peer; NULL = as the table says. SLOW_E_NOROUTE;
 * SLOW_E_AGAIN: the next link's queue is full. */
slow_status sl_forward_send(sl_forward *, slow_package *, const sl_way *way);
#endif
