/* routing_host.h - the host of routing strategies: events in, offers and messages out, and who decides among several.
 *
 * Strategies run side by side ("ships in the night"). A table-driven one offers candidates, and the table ranks them by the
 * strategies' preference. One that chooses by itself is asked for every package, so that it can learn, and is heard where
 * it goes before the strategy of the table's candidate, or where the candidate is its own or there is none.
 *
 * Of two with the same preference the one that was added first goes before the other.
 *
 * A strategy that takes messages sees the neighbours that run the same protocol; one that takes none sees all.
 *
 * Announcements are signed and checked by the membership, as long as there is one; what a neighbour's message makes us
 * check is charged to that neighbour (budget.h).
 *
 * When a key is revoked, what it announced is not believed any more, at once: the destinations that stand on it are barred in
 * the table. The strategies keep what they hold of them, which nothing new is added to, since verify() refuses it; told that
 * such a destination is gone they would take back what others may still believe, or ask for it, for nothing. They are told that
 * keys were revoked (trust_changed()) for one thing alone: what they keep must not be in the way of what another key says
 * for that id. The bar is taken away when another key proves the id, or the list is another. Of two keys that spoke for one
 * id the last one counts: who shows us an old proof of a key that is then revoked bars the id until its new key says
 * something new.
 *
 * Strategies come and go while packages pass, so that a network moves from one to another: the second is added and
 * converges beside the first, the preferences are swapped, and the first is removed. Each of these is done within one turn,
 * and entry by entry the table goes from the old choice to the new, so no package ever finds less than there is. One that is
 * removed says its goodbye first, and its last words go out before the neighbours are told that it is gone. */
#ifndef SL_ROUTING_HOST_H
#define SL_ROUTING_HOST_H
#include "forward.h"
#include "links.h"
#include "membership.h"
#include "proven.h"
#include <slow/routing.h>

enum { SL_STRATEGIES_MAX = SL_NAMES_MAX };

typedef struct sl_strategy {
    sl_instance *instance;
    const slow_routing_ops *ops;
    void *self;
    int32_t preference;
    uint32_t number; /* in the table */
    uint64_t epoch;
    bool leaving; /* it is removed at the end of this turn */
} sl_strategy;

typedef struct sl_routing {
    sl_loop *loop;
    const sl_log *log;
    sl_stats *stats;
    sl_neighbours *neighbours;
    sl_forward *forward;
    const slow_id *self;
    sl_membership *membership; /* NULL = no identities */
    sl_proven proven;
    sl_neighbour *reading; /* whose message a strategy reads at this moment, or NULL */
    sl_log_rate rate_unproven;
    sl_protocols *protocols;                   /* ours, in the claim: what the strategies that take messages speak */
    uint32_t last_protocol;                    /* the number given last */
    uint64_t epoch;                            /* the last one given: that of a strategy which comes back is newer */
    sl_strategy strategies[SL_STRATEGIES_MAX]; /* by preference, the highest first */
    uint32_t count, last_number;
    sl_deferred ending;           /* of those that are leaving */
    unsigned leaks;               /* of those that were removed */
    bool choosing;                /* one of them chooses by itself */
    void (*reachable)(void *arg); /* a neighbour came up: for what waits for any way out; may be NULL */
    void *reachable_arg;
} sl_routing;

/* `claim`: its list of protocols is this layer's to write. */
void sl_routing_init(sl_routing *, sl_loop *, const sl_log *, sl_stats *, sl_claim *);
/* Once the layers it serves are there. */
void sl_routing_wire(sl_routing *, sl_neighbours *, sl_forward *);
/* Before the first strategy is added. Borrowed; NULL is allowed. */
void sl_routing_trust(sl_routing *, sl_membership *);
/* Other keys are revoked than before: bars the destinations that stand on them, and no others. */
void sl_routing_recheck(sl_routing *);
/* The services that a strategy's instance is made with; its layer is the sl_routing. */
const sl_service *sl_routing_services(void);
/* An instance that was made and not started: it is the host's from here on, is started, and sees the neighbours that
 * speak its protocol, in the order of their ids. On failure it is freed. */
slow_status sl_routing_add(sl_routing *, sl_instance *, int32_t preference, slow_error *);
/* NULL: no strategy of this plugin runs, or it is leaving. */
sl_strategy *sl_routing_find(sl_routing *, const char *plugin);
/* Is this neighbour one that the strategy was shown? */
bool sl_routing_sees(const sl_strategy *, const sl_neighbour *);
/* Every destination goes to the choice that follows from it, in this turn. */
void sl_routing_prefer(sl_routing *, sl_strategy *, int32_t preference);
/* It says its goodbye. When this turn ends, and with it what it deferred, it is stopped and freed, and its routes give way
 * to what the others offer. The last one stays: SLOW_E_INVAL. */
slow_status sl_routing_remove(sl_routing *, sl_strategy *, slow_error *);
/* leave() for all; then, after the loop has run a moment, free. */
void sl_routing_leave(sl_routing *);
unsigned sl_routing_free(sl_routing *); /* leaks */
/* The events of neighbours, with the sl_routing as their arg. */
sl_neighbour_events sl_routing_neighbour_events(sl_routing *);
/* Whether a package to dst would go anywhere now. */
bool sl_routing_reaches(const sl_routing *, const slow_id *dst);
#endif
