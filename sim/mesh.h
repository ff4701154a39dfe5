/* mesh.h - a mesh of whole junctions in one world: topology, faults, messages.
 *
 * Each place of the network holds at most one junction, "n0", "n1", ..., made from the very plugins that run in production
 * and joined by its cables: the end with the lower place dials. What must hold in it is looked at by check.h. */
#ifndef SIM_MESH_H
#define SIM_MESH_H
#include "core/junction.h"
#include "keys.h"
#include "memory.h"
#include "reader.h"

typedef struct sim_mesh sim_mesh;
typedef struct sim_check sim_check;

typedef struct sim_node {
    sim_mesh *mesh;
    uint32_t place;
    sl_loop *loop;
    sl_junction *junction; /* NULL = not there */
    sim_reader *reader;    /* its application, as far as reliable messages go */
    uint64_t received, received_bytes;
    sl_message last; /* its payload is in last_payload */
    uint8_t last_payload[2048];
    int64_t wall_shift_ms;
    /* Instead of "nPLACE", "slow", and the mesh's; before it starts; NULL = not. */
    const char *id, *network, *codecs, *routing;
    /* From then until then it drops what it should pass on, and its strategies go on as if it did not. */
    slow_time drops_from, drops_until;
    bool rogue;        /* what it says of itself and others is not believed by the checker either */
    uint64_t warnings; /* lines of its log at warn or worse */
    char last_warning[256];
    sl_stats past; /* what its earlier processes counted */
    /* What the junction's own layers say to each other, when a watcher stands between them. */
    void (*up)(void *arg, sl_neighbour *);
    void (*down)(void *arg, sl_neighbour *, slow_link adjacency);
    void (*local)(void *arg, const slow_package *, const sl_link *);
    size_t (*choose)(void *arg, slow_bytes package, const slow_route_view *, slow_link in, const sl_route *,
                     slow_link *out, size_t n);
} sim_node;

/* Who looks on. All are called in the middle of what happens, and change nothing; any may be NULL. */
typedef struct sim_watch {
    void *arg;
    void (*came)(void *arg, sim_node *); /* made, not started; or thawed */
    void (*gone)(void *arg, sim_node *); /* about to die without a word, or frozen */
    void (*routed)(void *arg, sim_node *, const sl_route *);
    void (*up)(void *arg, sim_node *, const sl_neighbour *);                 /* before the strategies know */
    void (*downing)(void *arg, sim_node *, const sl_neighbour *, slow_link); /* before the table and they know */
    void (*down)(void *arg, sim_node *, const sl_neighbour *, slow_link);    /* when all has fallen to something else */
    void (*arrived)(void *arg, sim_node *, const slow_package *);            /* a package for it */
    void (*sent)(void *arg, sim_node *, const slow_package *); /* a package left in a pair; before its seal */
    void (*handed)(void *arg, sim_node *, const sl_message *); /* reliable: its application gets it now */
    void (*taken)(void *arg, sim_node *, const sl_message *);  /* and is done with it */
    void (*outcome)(void *arg, sim_node *, const sl_result *);
    void (*freed)(void *arg, sim_node *); /* after gone: nothing is left of it */
} sim_watch;

struct sim_mesh {
    sl_world *world;
    sim_network *network;
    sim_node *nodes;
    uint32_t count;
    uint64_t seed;
    char routing[4096], codecs[256]; /* JSON arrays for the configs */
    const char *plugin_dirs;  /* a JSON array, borrowed: where plugins are looked for first. NULL = built_plugins */
    char built_plugins[4096]; /* those of $SLOW_BUILD, as the tests are run */
    uint8_t hop_limit;
    uint32_t cost_bias; /* 0.1 ms: so much dearer is a cable for the end that dials */
    bool verbose;       /* print the junctions' logs */
    bool secure;        /* links are sealed, and each junction is a member by its key (keys.h); before it starts */
    bool own_keys;      /* two with one id have a key each, and not one as where an identity was copied */
    bool end_to_end;    /* where they are secure: pairs are sealed, too; by itself they are */
    sim_watch watch;    /* set before the first junction starts */
    sim_check *check;   /* the one that watches, or NULL */
    void (*on_message)(void *arg, sim_node *, const sl_message *);
    void *arg;
    /* How long a reliable message waits to be read, and from then on to be accepted. NULL = not at all. */
    void (*pace)(void *arg, const sl_message *, slow_time *read_ns, slow_time *accept_ns);
    void *pace_arg;
    /* Takes a package that came to its destination, in front of delivery; false: it does not. NULL = nobody does. */
    bool (*divert)(void *arg, sim_node *, const slow_package *);
    void *divert_arg;
    sl_broken broken; /* rules that its junctions are to break */
    /* Of each junction, to press on what else nobody reaches; 0 = the core's. */
    uint32_t pairs_most;
    uint64_t receive_most; /* bytes */
};

/* Nobody looks on any more. */
void sim_mesh_unwatch(sim_mesh *);
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
/* The same for who can do something about it: SLOW_OK, or what the config or a plugin says. */
slow_status sim_mesh_try_start(sim_mesh *, uint32_t place, slow_error *);
/* Without a word; aborts when an instance leaked. */
void sim_mesh_kill(sim_mesh *, uint32_t place);
/* The same, and its neighbours' ends of its cables lose carrier at once. */
void sim_mesh_unplug(sim_mesh *, uint32_t place);
void sim_mesh_goodbye(sim_mesh *, uint32_t place); /* orderly; then gone */
/* Its process stands still, with all that it knows, and then goes on; with `carrier` its neighbours are told at once. */
void sim_mesh_freeze(sim_mesh *, uint32_t place, bool carrier);
void sim_mesh_thaw(sim_mesh *, uint32_t place);
bool sim_mesh_is_frozen(const sim_mesh *, uint32_t place);
/* Its wall clock jumps; its next process starts with the jump, too. */
void sim_mesh_shift_wall(sim_mesh *, uint32_t place, int64_t shift_ms);
/* Cuts every cable between the places that are marked and the others, those that are cut already left out, and calls
 * `each` (may be NULL) with the number of each. Returns how many. */
uint32_t sim_mesh_partition(sim_mesh *, const bool *marked, bool carrier, void (*each)(void *arg, uint32_t cable),
                            void *arg);
void sim_mesh_run(sim_mesh *, slow_time for_ns);
/* Runs until `done` holds, looked at after every turn. False: `limit` passed before. */
bool sim_mesh_until(sim_mesh *, slow_time limit_ns, bool (*done)(sim_mesh *, void *), void *arg);
slow_status sim_mesh_send(sim_mesh *, uint32_t from, uint32_t to, const char *json);
/* Bytes, at least 8 of them: the first 8 are the time of sending, in ns, as sim_mesh_sent_at() reads it. */
slow_status sim_mesh_send_bytes(sim_mesh *, uint32_t from, uint32_t to, size_t size, uint8_t priority);
/* A message as it is; SLOW_E_AGAIN: its sender has too many waiting. */
slow_status sim_mesh_send_message(sim_mesh *, uint32_t from, uint32_t to, const sl_message *);
slow_time sim_mesh_sent_at(const sl_message *); /* 0 = not one of these */
slow_id sim_mesh_id(const sim_mesh *, uint32_t place);
sim_node *sim_mesh_node_of(sim_mesh *, const slow_id *); /* of "nPLACE"; NULL = none of ours */
/* The application at a node gets a message, which is counted, kept, and shown to on_message. */
void sim_node_take(sim_node *, const sl_message *);
/* Over all junctions that are and were. */
uint64_t sim_mesh_counted(const sim_mesh *, enum sl_counter);
#endif
