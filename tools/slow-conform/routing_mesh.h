/* routing_mesh.h - instances of the strategy under test as neighbours of each other, in virtual time: see routing_mesh.c. */
#ifndef ROUTING_MESH_H
#define ROUTING_MESH_H
#include "conform.h"
#include <slow/routing.h>

enum {
    MESH_PLACES = 24, /* "node00" to "node23" */
    MESH_LEAVES = 8,  /* "leaf24" to "leaf31" */
    MESH_NODES = MESH_PLACES + MESH_LEAVES,
    MESH_EDGES = 64,
    MESH_CANDIDATES = 8, /* as many as the core looks at */
    MESH_NOBODY = -1,
    MESH_HEARD = 64,
};

#define MESH_SECOND UINT64_C(1000000000)
#define MESH_MS UINT64_C(1000000)
#define MESH_REST (60 * MESH_SECOND) /* after which everything has followed, however timers are set */

typedef struct routing_mesh routing_mesh;

typedef struct mesh_offer {
    slow_route routes[MESH_CANDIDATES];
    size_t count;
} mesh_offer;

typedef struct mesh_node {
    routing_mesh *mesh;
    int place;
    conform_instance *instance; /* one of mesh->instances, or another's */
    bool there;
    mesh_offer offers[MESH_NODES]; /* by destination */
} mesh_node;

typedef struct mesh_edge {
    int place[2];
    slow_time latency_ns;
    uint32_t cost[2];
    slow_link up;      /* the adjacency's number; 0 = cut */
    slow_link held[2]; /* as the strategy at either end was told */
} mesh_edge;

struct mesh_parcel;

typedef struct mesh_message {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    size_t size;
} mesh_message;

struct routing_mesh {
    conform *c;
    const char *shape; /* "a ring of 8": for what is said */
    conform_instance instances[MESH_NODES];
    conform_instance *running; /* these, or a pair of another's */
    size_t running_count;
    mesh_node nodes[MESH_NODES]; /* by place */
    mesh_edge edges[MESH_EDGES];
    int edge_count;
    slow_link last_link;
    uint64_t lives;               /* instances started so far */
    uint64_t seed, trace;         /* of the instances; what those that are gone have asked for */
    struct mesh_parcel **waiting; /* a heap by time, then order */
    size_t waiting_count, waiting_room;
    uint64_t order, packages;
    slow_time until;
    bool lenient;        /* nothing is judged: memory may be refused, or bytes are not honest */
    bool watches_loops;  /* fails the test when next hops form a cycle, at any time */
    int deaf;            /* a place to which no message is brought; MESH_NOBODY */
    mesh_message *heard; /* the last MESH_HEARD messages, by heard_count; NULL = they are not kept */
    uint64_t heard_count;
};

extern const slow_routing_host mesh_host; /* serves instances of a mesh, and one that has none yet */

/* On the heap; nobody is there. */
routing_mesh *mesh_new(conform *, uint64_t seed);
void mesh_free(routing_mesh *); /* without a word to the instances that it started */
void mesh_edge_add(routing_mesh *, int a, int b, slow_time latency_ns);
void mesh_ring(routing_mesh *, int nodes);
void mesh_grid(routing_mesh *, int side);
void mesh_random(routing_mesh *, int nodes, uint64_t seed);

/* Starts an instance there. */
void mesh_start(routing_mesh *, int place);
void mesh_start_all(routing_mesh *); /* where edges end */
/* Two that were started elsewhere are neighbours, and all that there is. */
void mesh_pair(routing_mesh *, conform_instance pair[2]);
/* It is gone without a word; its neighbours notice within 50 ms. */
void mesh_kill(routing_mesh *, int place);
void mesh_join(routing_mesh *, int edge);
void mesh_join_all(routing_mesh *);
void mesh_cut(routing_mesh *, int edge);
void mesh_cost(routing_mesh *, int edge, uint32_t cost); /* at both ends */
void mesh_run(routing_mesh *, slow_time for_ns);
/* Bytes to a place, now, as if its neighbour over this edge had sent them. Returns what the strategy says. */
slow_status mesh_say(routing_mesh *, int edge, int to, slow_bytes message);
uint64_t mesh_trace(const routing_mesh *); /* all that was asked for so far */

/* The edge whose adjacency the node holds, or NULL. */
mesh_edge *mesh_edge_of(const mesh_node *, slow_link);
/* Who is at the other end of an adjacency that both ends hold; NULL = nobody. */
mesh_node *mesh_peer(const mesh_node *, slow_link);
/* Is there a way over edges that are up, and through no leaf? */
bool mesh_connected(const routing_mesh *, int from, int to);
const slow_id *mesh_id(int place);

/* ---- routing_walk.c: where packages go ---- */

/* The next hop that the core would take: the first candidate whose link is up. NULL = none. */
mesh_node *mesh_next(const mesh_node *, int dst);
/* Fails the test when the next hops to dst form a cycle that this node is part of. */
void mesh_no_cycle(const mesh_node *, int dst);
/* Fails it when somebody is not routed as slow/routing.h wants it, after `what` and a rest: each pair with a way has a route
 * that arrives; nobody offers a way to who is gone, or over an adjacency that is. */
void mesh_arrives(routing_mesh *, const char *what);
void mesh_withdrawn(routing_mesh *, const char *what);
#endif
