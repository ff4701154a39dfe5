/* graph.h - the database: junctions, what each says of its links, and the graph that this makes.
 *
 * The same database stands in every junction of a network, and six thousand of them may stand in one process. So a
 * junction is 40 bytes and its id, an LSA is 28, and a link is 8 in each direction: the ids of an LSA are kept as
 * numbers, and its bytes are made again from them when it goes on, exactly as they were signed. Junctions, LSAs and
 * links are named by small numbers in three arrays; nothing is allocated for one link.
 *
 * A link counts where both ends list it. Each direction holds the cost that the other end tells, `back`, or 0 where it
 * tells none: so whether a link counts, and what it costs either way, is known at either end without a look at the
 * other, and the links into a junction are found among those out of it. It is what a backward search needs.
 *
 * A junction that is only spoken of is a node without LSAs; it goes with the last link that names it. It takes no origin's
 * place: whoever may speak for himself can name whom he likes, and would keep the others out. So origins are counted, and
 * those spoken of are bounded by the links that name them, of which one origin has LS_FRAGMENTS times LS_LINKS_MOST at
 * most. (To make a node of the other end only when it speaks itself would save some 100 bytes for each, and cost a search
 * through all links whenever somebody speaks for the first time.) An origin has one epoch: the first LSA of a newer one
 * drops all that it said in older ones.
 *
 * A full database is not to be a wrong one: news for which there is not room enough still ends what it replaces. What
 * fits of it stands in a hollow LSA, which is not told to others; should the same LSA come again, it is tried again.
 *
 * Whatever changes a link that counts notes its ends as touched, once for our own tree and once for the neighbours'
 * trees, which are computed later; see tree.h. */
#ifndef LS_GRAPH_H
#define LS_GRAPH_H
#include "../common/store.h"
#include "message.h"

#define LS_SELF 0u /* the number of the node that is ourselves */
#define LS_NONE UINT32_MAX
#define LS_NO_SLOT UINT16_MAX
#define LS_LSA_LINKS \
    8u /* there may be an LSA for each node, and one more for so many links: a full one has 9 at least */

#define LS_EXPECTED 32u                      /* ids that are looked for side by side */
#define LS_TO_MOST ((UINT32_C(1) << 30) - 1) /* more than there are nodes, or edges: see the options */

struct ls_edge {
    uint32_t to : 30;
    uint32_t leaf : 1; /* the other end is one, it is said here: no way leads on from it, if it came over this link */
    uint32_t back_leaf : 1; /* this end is one, the other says */
    uint16_t cost, back;
};

struct ls_lsa {
    uint32_t node;         /* its origin; LS_NONE = this number is free */
    uint32_t next;         /* LSA of that origin, or LS_NONE; a free number: the next free one */
    uint32_t edges, proof; /* in the pool; in the store, 0 = empty */
    uint32_t seq;
    uint32_t order; /* counts what was installed */
    uint16_t count; /* edges */
    uint8_t fragment;
    bool hollow : 1; /* there was no room for all of its links; it is not told to others */
    bool late : 1;   /* it is to be passed on, but its origin has said too much; see flood.c */
};

enum ls_node_flag {
    LS_TOUCHED = 1,       /* noted in `touched` */
    LS_TOUCHED_LATER = 2, /* and in `touched_later` */
    LS_HELD = 8,          /* its next hop would send it back until it has heard; see route.c */
    LS_CONTESTED = 16,    /* somebody has told an LSA of an older epoch: see trust_changed() */
    LS_BARE = 4,          /* its route has changed since the neighbours' trees were computed: no alternates */
};

struct ls_node {
    uint64_t epoch;
    uint64_t offered; /* a hash of what the core was offered last; 0 = nothing */
    uint32_t id;      /* in the store; 0 = this number is free */
    uint32_t lsas;    /* the first, or LS_NONE */
    uint32_t names;   /* edges that lead here; a free number: the next free one */
    uint32_t lost_at; /* seconds, since when there is no way to it; 0 = there is one */
    uint32_t paid_at; /* ticks: by then what it said is paid for; see flood.c */
    uint16_t slot;    /* of the adjacency to it, or LS_NO_SLOT */
    uint8_t flags;
};

struct ls_bucket {
    uint32_t tag;  /* the upper half of the id's hash */
    uint32_t node; /* its number + 1; 0 = empty */
};

/* Which nodes have other links than before; their flag says the same. */
struct ls_touched {
    uint32_t *nodes;
    uint32_t count, capacity;
    bool all; /* there was no memory to note them */
};

struct ls_graph {
    struct store store;
    struct ls_node *nodes;
    uint32_t node_count, node_capacity, live, vacant;
    uint32_t origins, origin_limit; /* nodes with LSAs */
    struct ls_bucket *buckets;      /* a power of two of them */
    uint32_t bucket_count;
    uint8_t hash_key[16];
    struct ls_lsa *lsas;
    uint32_t lsa_count, lsa_capacity, lsa_vacant, lsas_live, lsa_limit;
    struct ls_edge *edges;
    uint32_t edges_used, edges_capacity, edges_live, edge_limit;
    uint32_t
        edges_vacant[LS_LINKS_MOST + 1]; /* by count: the first free run + 1, which holds the next in `to`; 0 = none */
    struct ls_touched touched, touched_later;
    uint32_t order;
    bool one_sided;  /* for tests of the checks: a link counts when one end lists it */
    bool take_stale; /* and sequence numbers are not compared */
};

enum ls_verdict {
    LS_NEWS,
    LS_OLD,  /* the same, or an older one */
    LS_FULL, /* the limits leave no room */
    LS_NO_MEMORY,
};

/* False = no memory. The first node is `self`, which is one of the origins. */
bool ls_graph_init(struct ls_graph *, slow_bytes self, uint32_t origin_limit, uint32_t edge_limit);
void ls_graph_free(struct ls_graph *);
size_t ls_graph_memory(const struct ls_graph *); /* bytes */

/* LS_NONE when it is not known. */
uint32_t ls_node_find(const struct ls_graph *, slow_bytes id);
/* The same; faster when it is `guess`, which may be any number. */
uint32_t ls_node_find_near(const struct ls_graph *, slow_bytes id, uint32_t guess);
/* These records' origins, and what they said, will be looked for: has the memory fetched that this takes, all at once.
 * Changes nothing. Gives guesses for the first LS_EXPECTED of them, and how many. */
uint32_t ls_nodes_expect(const struct ls_graph *, const struct ls_record *, uint32_t count,
                         uint32_t guesses[LS_EXPECTED]);
/* LS_NONE: no memory. It stays while it is named: see ls_node_release(). */
uint32_t ls_node_need(struct ls_graph *, slow_bytes id);
/* Gives a node back that nothing speaks of. */
void ls_node_release(struct ls_graph *, uint32_t node);
slow_bytes ls_node_id(const struct ls_graph *, uint32_t node);

/* LS_NONE when there is none of that fragment. */
uint32_t ls_lsa_find(const struct ls_graph *, uint32_t node, uint8_t fragment);
/* Is `stamp` newer than what we have of this fragment? `node` may be LS_NONE. */
bool ls_is_news(const struct ls_graph *, uint32_t node, uint8_t fragment, struct ls_stamp stamp);
/* Takes an LSA in, if it is news. Its number goes to `lsa`, when that is NEWS. */
enum ls_verdict ls_lsa_install(struct ls_graph *, const struct ls_record *, uint32_t *lsa);
/* All of an origin's. The node stays: see ls_node_release(). */
void ls_lsas_drop(struct ls_graph *, uint32_t node);
/* What was installed. `links` gets its links' bytes; id, proof and links are borrowed until the graph changes. */
struct ls_record ls_lsa_record(const struct ls_graph *, uint32_t lsa, uint8_t links[LS_LINKS_MAX]);

/* The least cost that `from` tells of a link to `to`, whether it counts or not; 0 = it lists none. */
uint16_t ls_cost_told(const struct ls_graph *, uint32_t from, uint32_t to);
void ls_touch(struct ls_graph *, uint32_t node);
/* Empties a list, and frees it. */
void ls_touched_clear(struct ls_graph *, struct ls_touched *, enum ls_node_flag);

static inline const struct ls_edge *ls_edges_of(const struct ls_graph *graph, const struct ls_lsa *lsa) {
    return graph->edges + lsa->edges;
}
#endif
