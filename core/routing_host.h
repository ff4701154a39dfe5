/* routing_host.h - the host of routing strategies: events in, offers and messages out, and who decides among several.
 *
 * Strategies run side by side ("ships in the night"). A table-driven one offers candidates, and the table ranks them by the
 * strategies' preference. One that chooses by itself is asked for every package, so that it can learn, and is heard where
 * its preference is above that of the table's candidate, or where the candidate is its own or there is none.
 *
 * A strategy that takes messages sees the neighbours that run the same protocol; one that takes none sees all. */
#ifndef SL_ROUTING_HOST_H
#define SL_ROUTING_HOST_H
#include "forward.h"
#include "links.h"
#include <slow/routing.h>

enum { SL_STRATEGIES_MAX = SL_NAMES_MAX };

typedef struct sl_strategy {
    sl_instance *instance;
    const slow_routing_ops *ops;
    void *self;
    int32_t preference;
    uint32_t number; /* in the table */
} sl_strategy;

typedef struct sl_routing {
    sl_loop *loop;
    const sl_log *log;
    sl_stats *stats;
    sl_neighbours *neighbours;
    sl_forward *forward;
    const slow_id *self;
    uint64_t epoch;
    sl_strategy strategies[SL_STRATEGIES_MAX]; /* by preference, the highest first */
    uint32_t count, last_number;
    bool choosing;                /* one of them chooses by itself */
    void (*reachable)(void *arg); /* a neighbour came up: for what waits for any way out; may be NULL */
    void *reachable_arg;
} sl_routing;

void sl_routing_init(sl_routing *, sl_loop *, const sl_log *, sl_stats *, const slow_id *self);
/* Once the layers it serves are there. */
void sl_routing_wire(sl_routing *, sl_neighbours *, sl_forward *);
/* The services that a strategy's instance is made with; its layer is the sl_routing. */
const sl_service *sl_routing_services(void);
/* An instance that was made and not started: it is the host's from here on, and is started. */
slow_status sl_routing_add(sl_routing *, sl_instance *, int32_t preference, slow_error *);
/* leave() for all; then, after the loop has run a moment, free. */
void sl_routing_leave(sl_routing *);
unsigned sl_routing_free(sl_routing *); /* leaks */
/* The events of neighbours, with the sl_routing as their arg. */
sl_neighbour_events sl_routing_neighbour_events(sl_routing *);
/* Whether a package to dst would go anywhere now. */
bool sl_routing_reaches(const sl_routing *, const slow_id *dst);
#endif
