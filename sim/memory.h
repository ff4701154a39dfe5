/* memory.h - transport-memory: cables between junctions of one virtual world, with latency, loss, duplication and
 * reordering.
 *
 * A cable joins two places of a network and has a number; "memory://PLACE:CABLE" dials PLACE over it, and a junction
 * listens at "memory://PLACE:0". Towards the core it is a datagram transport (or a stream, where the cable says so), written
 * against the SDK like any other. Loss is per frame of a train, and a duplicate is a copy. A cable that is cut silently
 * swallows what is sent; cut with its carrier, it takes its links down at both ends at once. */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H
#include "core/loop_virtual.h"
#include <slow/transport.h>

typedef struct sim_network sim_network;

typedef struct sim_cable {
    uint32_t ends[2]; /* places */
    slow_time latency_ns, jitter_ns;
    uint32_t loss_ppm, duplicate_ppm;
    bool stream;
    bool cut;
    bool cut_way[2]; /* swallows only what end 0, or end 1, sends */
    uint64_t frames, bytes;
} sim_cable;

/* NULL = no memory. `on_frame` sees each frame as it is sent; may be NULL. */
sim_network *sim_network_new(sl_world *, uint32_t places);
void sim_network_free(sim_network *); /* after all junctions */
/* Number of the new cable, from 1; 0 = no memory. */
uint32_t sim_network_cable(sim_network *, uint32_t a, uint32_t b, slow_time latency_ns);
sim_cable *sim_network_cable_at(sim_network *, uint32_t number); /* valid until the next sim_network_cable() */
uint32_t sim_network_cables(const sim_network *);
/* Cuts; with `carrier` both ends are told at once. */
void sim_network_cut(sim_network *, uint32_t cable, bool carrier);
void sim_network_mend(sim_network *, uint32_t cable);
uint64_t sim_network_bytes(const sim_network *);
uint64_t sim_network_frames(const sim_network *);

/* The service that a junction at a place is made with: {SIM_PLACE_ID, sim_network_place(network, place, loop)}. */
#define SIM_PLACE_ID "slow.sim-place/1"
typedef struct sim_place sim_place;
const sim_place *sim_network_place(sim_network *, uint32_t place, sl_loop *);
/* Do these two transport cookies belong to the same connection? */
bool sim_same_connection(const void *cookie, const void *other);
#endif
