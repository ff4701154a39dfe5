/* mesh.h - a mesh of whole junctions in one world: topology, faults, messages, and what must hold.
 *
 * Each place of the network holds at most one junction, "n0", "n1", ..., made from the very plugins that run in production
 * and joined by its cables: the end with the lower place dials. The checks are those of the routing design: at every change
 * of installed candidates the graph of all next hops to that destination is acyclic, and at rest every pair that cables
 * connect is routed at Dijkstra's metric. */
#ifndef SIM_MESH_H
#define SIM_MESH_H
#include "core/junction.h"
#include "memory.h"

typedef struct sim_mesh sim_mesh;

typedef struct sim_node {
    sim_mesh *mesh;
    uint32_t place;
    sl_loop *loop;
    sl_junction *junction; /* NULL = not there */
    uint64_t received, received_bytes;
    sl_message last; /* its payload is in last_payload */
    uint8_t last_payload[2048];
    int64_t wall_shift_ms;
    const char *id, *network, *codecs; /* instead of "nPLACE", "slow", and the mesh's; before it starts; NULL = not */
    uint64_t warnings;                 /* lines of its log at warn or worse */
    char last_warning[256];
} sim_node;

struct sim_mesh {
    sl_world *world;
    sim_network *network;
    sim_node *nodes;
    uint32_t count;
    uint64_t seed;
    char routing[512], codecs[256]; /* JSON arrays for the configs */
    uint8_t hop_limit;
    bool verbose;      /* print the junctions' logs */
    bool check_cycles; /* at every offer; on by default */
    uint64_t cycles;   /* found */
    slow_time first_cycle_at;
    uint32_t *stack, *mark, marker; /* of the search for cycles */
    void (*on_message)(void *arg, sim_node *, const sl_message *);
    void *arg;
};

/* `places` junctions that are not yet there. NULL = no memory. */
sim_mesh *sim_mesh_new(uint64_t seed, uint32_t places);
void sim_mesh_free(sim_mesh *); /* returns nothing: leaks fail loudly, see sim_mesh_kill() */
/* A ring, a grid of `width`, or a random connected graph of about `degree`, of all places. */
void sim_mesh_ring(sim_mesh *, slow_time latency_ns);
void sim_mesh_grid(sim_mesh *, uint32_t width, slow_time latency_ns);
void sim_mesh_random(sim_mesh *, uint32_t degree);
/* Starts the junction at a place, or all. A failure prints the error and aborts: a simulation cannot go on without. */
void sim_mesh_start(sim_mesh *, uint32_t place);
void sim_mesh_start_all(sim_mesh *);
/* Without a word; aborts when an instance leaked. */
void sim_mesh_kill(sim_mesh *, uint32_t place);
void sim_mesh_goodbye(sim_mesh *, uint32_t place); /* orderly; then gone */
void sim_mesh_run(sim_mesh *, slow_time for_ns);
/* Runs until `done` holds, looked at after every turn. False: `limit` passed before. */
bool sim_mesh_until(sim_mesh *, slow_time limit_ns, bool (*done)(sim_mesh *, void *), void *arg);
slow_status sim_mesh_send(sim_mesh *, uint32_t from, uint32_t to, const char *json);
sim_node *sim_mesh_node_of(sim_mesh *, const slow_id *); /* NULL = none of ours */

/* What was found at rest. */
typedef struct sim_verdict {
    uint32_t connected, routed; /* ordered pairs */
    uint32_t missing, stale, suboptimal, looping;
} sim_verdict;
sim_verdict sim_mesh_verify(sim_mesh *);
/* All connected pairs routed, and nothing stale. */
bool sim_mesh_converged(sim_mesh *, void *unused);
/* All installed next hops of all junctions, for all destinations: cycles. */
uint32_t sim_mesh_count_cycles(sim_mesh *);
#endif
