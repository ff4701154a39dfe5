/* strategy_network.h - a network of one routing strategy alone, and what must hold in it: for tests.
 *
 * What is the same for all strategies is here: who is there, what is connected, Dijkstra's distances, when the network has
 * come to rest, and the verdict. What one strategy promises beyond that is checked by its own file, dv_network.c or
 * ls_network.c, of which a test program links one: it defines network_strategy. */
#ifndef TEST_STRATEGY_NETWORK_H
#define TEST_STRATEGY_NETWORK_H
#include "routing_bench.h"
#include <slow/inspect.h>

enum network_failure {
    DEAD_HOP, /* at offers: over an adjacency that is known to be down */
    CYCLE,
    FD_NOT_FALLING,
    FD_RISING,
    MISSING, /* at rest */
    STALE,
    SUBOPTIMAL,
    STARVED, /* no alternate where there could be one */
    LEADING_BACK,
    BELIEF,
    DATABASE,
    PENDING,
    RESTLESS, /* it did not come to rest, or spoke again */
    NETWORK_FAILURES
};

struct network {
    routing_bench *bench;
    uint64_t failures[NETWORK_FAILURES];
    uint64_t entries, requests; /* sent so far */
    uint64_t loops;             /* next hops that closed one, where a strategy may do so for a moment */
    uint64_t clock_ms, *epochs; /* the next epoch comes from it; by place: the last one */
    uint32_t *island, wanted;   /* by place; pairs that are connected */
    slow_time full_at;          /* when all pairs were routed again */
    uint32_t mute;   /* a place that another has silenced by its name: its edges do not count; UINT32_MAX: none */
    bool stop_early; /* at the first failure: for rules that are broken on purpose */
    void *own;       /* what the strategy's checks keep */
};

#define NETWORK_FAR UINT64_MAX /* a distance: no way */

struct network_strategy {
    const slow_module *(*module)(void);
    slow_time rest_ns; /* longer than any pause between two messages that follow from each other */
    void *(*own_new)(uint32_t count);
    void (*own_free)(void *own);
    void (*start)(struct network *, uint32_t place); /* before it starts there; may be NULL */
    void (*on_offer)(void *network, bench_node *, uint32_t dst, const bench_offer *before);
    void (*on_send)(void *network, bench_node *, slow_bytes message);
    void (*expect)(struct network *); /* edges or places have come or gone */
    bool (*is_full)(const struct network *);
    /* At rest: of one pair, `all` being the distances by target and place; and of everything else. */
    void (*verify_route)(struct network *, const bench_node *, uint32_t target, const uint64_t *all);
    void (*verify_rest)(struct network *);
};
extern const struct network_strategy network_strategy;

/* All places started, all edges cut. `options` as for routing_bench_new(). */
void network_init(struct network *, uint64_t seed, const topology *, const char *options);
void network_free(struct network *);
/* Under the name of place `name`; `clock_back`: with an epoch older than its last one. */
void network_start(struct network *, uint32_t place, uint32_t name, bool clock_back);
/* Counts the pairs that the present edges connect: after edges or places have come or gone. */
void network_expect(struct network *);
/* Runs until nobody has anything to say, at most 200 s, and then a while longer to see that it stays so. */
void network_settle(struct network *);
/* The checks at rest; pairs with one of these two places are left out (UINT32_MAX: none). */
void network_verify(struct network *, uint32_t skip_one, uint32_t skip_other);
/* The share of pairs with an alternate, in thousandths of those that are connected. */
uint32_t network_share_of_alternates(const struct network *);
uint64_t network_failed(const struct network *); /* all failures together */
void network_print_failures(const struct network *, const char *what);
/* Fails the test if anything failed so far; `where` says what happened last. */
void network_assert_held(const struct network *, const char *where);

/* For a strategy's own checks. */
bool network_is_named(const bench_node *, uint32_t dst);
uint32_t network_place_of(const struct network *, uint32_t dst); /* UINT32_MAX: nobody has this name */
bool network_counts(const struct network *, const bench_edge *); /* both ends hold it */
/* From everyone to `target`, over what the strategies were told that each edge costs. `done` is room. */
void network_distances(const struct network *, uint32_t target, uint64_t *found, bool *done);
#endif
