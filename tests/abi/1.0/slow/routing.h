/* slow/routing.h - a routing strategy is a pure state machine: events in, routes and messages out.
 *
 * It uses nothing but its host tables: no sockets, files, threads, clock, rand() or getenv(). So the same shared object
 * runs in the router and in the simulator, and gives the same trace for the same seed.
 *
 * A strategy sees one neighbour per id. `slow_link` names that adjacency here: the core maps it to the cheapest live link.
 * An adjacency that comes back has another number, unless only this strategy's channel to it was started anew, or the
 * neighbour stopped running this strategy for a while: then neighbour_down() and neighbour_up() come with the same one.
 * Each neighbour_down() ends one neighbour_up().
 *
 * A strategy may be added to a running junction, and removed from it: it is shown the neighbours that are there, and its
 * routes count by its preference, beside those of others. */
#ifndef SLOW_ROUTING_H
#define SLOW_ROUTING_H
#include "package.h"
#include "plugin.h"

#define SLOW_METRIC_INFINITY 0xffffffffu /* of a route that is none */
#define SLOW_ROUTE_MESSAGE_MAX 1000u     /* bytes of one message between neighbouring strategies */

/* Bits of slow_neighbour.flags. A leaf relays nothing, and announces nobody but itself: no route leads through it, and what
 * it says of others does not count. */
#define SLOW_NEIGHBOUR_LEAF 1u

/* How far epochs may be ahead of the wall clock, where there are identities: clocks differ. */
#define SLOW_EPOCH_AHEAD_MS UINT64_C(86400000)

/* Another junction, one link away. Frozen: goes in arrays. */
typedef struct slow_neighbour {
    slow_link link;       /* the name of this adjacency, until neighbour_down() */
    uint32_t cost;        /* 1..65534, unit 0.1 ms: measured by the core from RTT and loss, times factor, plus bias */
    uint64_t rtt;         /* nanoseconds, smoothed; 0 = unknown */
    uint32_t loss;        /* parts per million, smoothed */
    uint32_t mtu;         /* bytes */
    slow_id id;           /* proved, where the network has identities */
    uint64_t flags;       /* SLOW_NEIGHBOUR_... */
    uint64_t reserved[1]; /* zero for now */
} slow_neighbour;

/* A candidate next hop. Frozen. */
typedef struct slow_route {
    slow_link via;        /* the neighbour's */
    uint32_t metric;      /* SLOW_METRIC_INFINITY = unreachable */
    uint64_t reserved[2]; /* zero for now */
} slow_route;

/* For host->service(): the slow_routing_host. */
#define SLOW_ROUTING_HOST_ID "slow.routing-host/1"
/* What the core does for a strategy. All [loop]. Effects are carried out in the order of the calls, before the next event
 * comes. */
typedef struct slow_routing_host {
    uint32_t struct_size;                      /* set by the host */
    const slow_id *(*self)(const slow_host *); /* our own id; lives as long as the instance */
    /* Wall-clock milliseconds at the instance's start; grows with every start of the junction, and of the strategy in it;
     * virtual in the simulator. */
    uint64_t (*epoch)(const slow_host *);
    /* The strategy's own bytes to one neighbour: copied, <= SLOW_ROUTE_MESSAGE_MAX, reliable and in order while the
     * adjacency lasts. Never SLOW_E_AGAIN: a neighbour that cannot keep up goes down and comes up again.
     * SLOW_E_CLOSED: no such neighbour (any more). SLOW_E_TOOBIG: too long, nothing is sent. */
    slow_status (*send)(const slow_host *, slow_link to, slow_bytes message);
    /* Replace this strategy's candidates for dst, best first; n == 0 withdraws. Copied; at most the first 8 count. The
     * core owns the forwarding table: it takes the first candidate whose link is up, and falls to the next in the same
     * turn in which a link dies. */
    slow_status (*offer)(const slow_host *, const slow_id *dst, const slow_route *, size_t n);
    /* Origin proof: signs what this junction announces. The proof is borrowed until the next call, and empty where the network
     * has no identities. */
    slow_status (*sign)(const slow_host *, slow_bytes statement, slow_bytes *proof);
    /* Is this the proof of what `origin` announced? Always where the network has no identities, and never of an empty proof
     * where it has. Answers are cached by the core. A signature takes some 60 microseconds to check, which are charged to the
     * neighbour whose message is being read: one who makes us check too many is not read for a while. So nothing is to be
     * verified that changes nothing.
     *
     * `epoch`: which one the statement is of; 0 = it bears none. One that is more than SLOW_EPOCH_AHEAD_MS ahead of the wall
     * clock is never true: who holds a key for a while could else use up all epochs that its id will ever have. Where the
     * clock is evidently not set it is not asked. */
    bool (*verify)(const slow_host *, const slow_id *origin, uint64_t epoch, slow_bytes statement, slow_bytes proof);
    /* Are we a leaf ourselves? Then others' destinations are not to be announced, and nothing is to be relayed. */
    bool (*is_leaf)(const slow_host *);
    /* Has a neighbour say all again: it goes down and comes up, soon, and at most once a minute. For a strategy that has thrown
     * away something which stood in the way of what it was told before; see trust_changed(). */
    void (*say_again)(const slow_host *, slow_link);
} slow_routing_host;

/* What a strategy does: slow_plugin.ops of a SLOW_ROUTING. All [loop], never re-entrant, in the order of events. The first
 * three calls are there in every strategy. */
typedef struct slow_routing_ops {
    uint32_t struct_size; /* sizeof, as the plugin was compiled */
    const char *protocol; /* "distance-vector/1": what both ends of a link must share; <= 31 bytes */
    void (*neighbour_up)(void *self, const slow_neighbour *);      /* one more that speaks this protocol */
    void (*neighbour_changed)(void *self, const slow_neighbour *); /* another cost */
    void (*neighbour_down)(void *self, slow_link); /* it is gone; its link's number means nothing more */
    /* Optional, for one that sends. What the strategy at the other end sent. Its bytes may be hostile: whatever it says, what it
     * can make a strategy keep has a limit. SLOW_E_MALFORMED: counted, no more. */
    slow_status (*message)(void *self, slow_link from, slow_bytes message);
    /* Optional, for a strategy whose choice is not a table (flooding, greedy, multipath). Called once a package, after the
     * core has dropped and counted doubles of (src, session, packet); in == 0: our own. For a package to us the answer is
     * ignored: the call is there to learn from. Fill at most n links, return how many; 0 = no route. Effects as anywhere.
     * NULL = the core's table decides. */
    size_t (*choose)(void *self, slow_bytes package, const slow_route_view *, slow_link in, slow_link *out, size_t n);
    /* Optional, at the source: what to carry as `hint` to dst; returns the bytes written. */
    size_t (*hint)(void *self, const slow_id *dst, uint8_t *out, size_t capacity);
    /* Optional. What verify() answers may be another from now on: a key was revoked, or is so no more. Routes to who stands on
     * a revoked key are barred by the core. What is left for the strategy: what it keeps of such a one must not be in the way
     * of what another key says for the same id. */
    void (*trust_changed)(void *self);
} slow_routing_ops;
#endif
