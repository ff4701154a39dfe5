/* routing_bench.h - a host for routing strategies alone: many instances of one plugin in virtual time, with edges
 * between them, and nothing else of a junction.
 *
 * An edge is what the core makes of links: an adjacency with a number, the same at both ends, over which messages come
 * whole and in order after the edge's latency, or not at all once either end has lost it. Each end notices a cut by
 * itself. What a strategy offers is written down, and a checker may look at it in the middle of the call: that is the
 * moment at which the core would begin to use it.
 *
 * With identities, announcements carry proofs that only the bench can make: a hash over who says what. A test may have it
 * made for a puppet that has the right to it, and nobody can make another. SLOW_IDENTITIES=1 in the environment gives them to
 * every bench, so that whole suites run with them.
 *
 * Junctions are called "n0", "n1", ...; a place is where one stands, so that two may have one name. A place without an
 * instance can be a puppet: a test speaks for it, and reads what it is told. */
#ifndef ROUTING_BENCH_H
#define ROUTING_BENCH_H
#include "core/instance.h"
#include "core/loop_virtual.h"
#include "topology.h"
#include <slow/routing.h>

#define BENCH_CANDIDATES 8u /* as many as the core looks at */

enum { BENCH_PROOF_SIZE = 97, BENCH_KEY = 1 };

typedef struct routing_bench routing_bench;

typedef struct bench_offer {
    slow_link via[BENCH_CANDIDATES];
    uint32_t metric[BENCH_CANDIDATES];
    uint32_t count;
} bench_offer;

typedef struct bench_node {
    routing_bench *bench;
    uint32_t place;
    slow_id id;
    uint64_t epoch;
    sl_loop *loop;
    sl_log log;
    sl_instance *instance; /* NULL = nobody is there, or a puppet */
    const slow_routing_ops *ops;
    void *self;
    bool puppet, leaf;
    uint32_t *edges, edge_count; /* indices of those that end here */
    bench_offer *offers;         /* by the number in the name of the destination */
    uint32_t log_count;          /* lines at WARN and above */
    char last_log[512];
    uint8_t proof[BENCH_PROOF_SIZE]; /* the last one made for it */
    uint8_t *heard;                  /* a puppet's: messages one behind the other, each with its size (u16, in front) */
    size_t heard_size;
} bench_node;

typedef struct bench_edge {
    uint32_t place[2];
    slow_time latency_ns;
    uint32_t cost[2];  /* as told to the strategy at either end; 0.1 ms */
    slow_link up;      /* the adjacency's number; 0 = cut */
    slow_link held[2]; /* as either end sees it */
} bench_edge;

struct routing_bench {
    sl_world *world;
    sl_pool *pool;
    const slow_plugin *plugin;
    const char *options; /* JSON */
    uint64_t seed;
    bench_node *nodes;
    bench_edge *edges;
    uint32_t node_count, edge_count;
    slow_link last_link;
    uint64_t messages, bytes; /* sent so far, by instances */
    slow_time last_sent_at;
    bool identities;            /* proofs are made and checked */
    uint64_t verified, refused; /* proofs that were checked so far; of these, untrue */
    uint8_t revoked;            /* what this key has proved is untrue; 0 = none. See routing_bench_revoke(). */
    uint64_t said_again;        /* how often somebody was to say all again, and the place of the last of them */
    uint32_t said_again_last;
    /* For checkers; may be NULL. `before` is what the offer replaces. */
    void (*on_offer)(void *arg, bench_node *, uint32_t dst, const bench_offer *before);
    void (*on_send)(void *arg, bench_node *, slow_bytes message);
    void *arg;
};

/* What `origin` signs a statement with. */
void routing_bench_prove(const slow_id *origin, slow_bytes statement, uint8_t proof[BENCH_PROOF_SIZE]);
/* The same by another key than BENCH_KEY: any number but 0 speaks for any id, until it is revoked. */
void routing_bench_prove_by(uint8_t key, const slow_id *origin, slow_bytes statement, uint8_t proof[BENCH_PROOF_SIZE]);
/* Only that one is revoked from now on; all instances hear of it. */
void routing_bench_revoke(routing_bench *, uint8_t key);

/* Nobody is there and all edges are cut. `options` is a JSON object, or NULL; both are borrowed. */
routing_bench *routing_bench_new(uint64_t seed, const topology *, const slow_plugin *, const char *options);
/* Fails the test when an instance has not given everything back. */
void routing_bench_free(routing_bench *);

/* Starts an instance at a place, under the name of place `name` (mostly its own). */
void routing_bench_start(routing_bench *, uint32_t place, uint32_t name, uint64_t epoch);
/* A puppet, under its place's name. */
void routing_bench_puppet(routing_bench *, uint32_t place);
/* Without a word: its neighbours notice within `skew_ns`, each at a random time. */
void routing_bench_kill(routing_bench *, uint32_t place, slow_time skew_ns);
/* Brings an edge up where somebody is at both ends; an end that still holds its predecessor loses that first. */
void routing_bench_join(routing_bench *, uint32_t edge);
void routing_bench_join_all(routing_bench *);
void routing_bench_cut(routing_bench *, uint32_t edge, slow_time skew_ns);
/* Another cost at one end (0 or 1) of an edge; kept for later adjacencies as well. */
void routing_bench_cost(routing_bench *, uint32_t edge, int end, uint32_t cost);
void routing_bench_run(routing_bench *, slow_time for_ns);

/* The edge whose adjacency `link` the node holds; NULL = it holds none of that number. */
bench_edge *routing_bench_edge_of(const bench_node *, slow_link);
/* Who is at the other end of an adjacency that both ends hold; NULL = nobody. */
bench_node *routing_bench_peer(const bench_node *, slow_link);
slow_id routing_bench_id(uint32_t number);
/* UINT32_MAX for an id that is not one of ours. */
uint32_t routing_bench_number(const routing_bench *, const slow_id *);

/* A puppet says something over an edge, now. Returns what the strategy at the other end answered. */
slow_status routing_bench_say(routing_bench *, uint32_t puppet, uint32_t edge, slow_bytes message);
/* The first message that a puppet heard, removed from its queue into `out`; its size, 0 = none. */
size_t routing_bench_hear(bench_node *puppet, uint8_t out[SLOW_ROUTE_MESSAGE_MAX]);
void routing_bench_ignore(bench_node *puppet); /* forgets what it heard */
#endif
