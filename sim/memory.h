/* memory.h - transport-memory: cables between junctions of one virtual world, with latency, loss, duplication, reordering
 * and a rate.
 *
 * A cable joins two places of a network and has a number; "memory://PLACE:CABLE" dials PLACE over it, and a junction
 * listens at "memory://PLACE:0". Towards the core it is a datagram transport (or a stream, where the cable says so), written
 * against the SDK like any other. Faults are per frame of a train, and a duplicate is a copy. A cable that is cut silently
 * swallows what is sent; cut with its carrier, it takes its links down at both ends at once.
 *
 * A cable with a rate sends one frame after the other, each way by itself, and what waits longer than its queue holds is
 * lost at the tail, as in a router's port; a stream's frames wait as long as they have to, and who sends them is not told
 * to wait: there is no back-pressure, as from a socket whose buffer has no end. A reordered frame is one that
 * stays behind for a while, so that later ones overtake it: a stream has none.
 *
 * What goes over the cables is counted by what it is. Without an AEAD the kind of a frame is its first byte, and that is
 * how simulations run: with one, the first byte is still the kind (link_wire.h), since only the body is sealed. */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H
#include "core/loop_virtual.h"
#include <slow/transport.h>

typedef struct sim_network sim_network;

enum sim_traffic_kind {
    SIM_TRAFFIC_ROUTING,  /* what strategies say, and its acknowledgements */
    SIM_TRAFFIC_PROBES,   /* of liveness */
    SIM_TRAFFIC_PACKAGES, /* bundles of them */
    SIM_TRAFFIC_OPENING,  /* the handshake of links, and their end */
    SIM_TRAFFIC_COUNT
};

typedef struct sim_traffic {
    uint64_t frames, bytes;
} sim_traffic;

typedef struct sim_cable {
    uint32_t ends[2]; /* places */
    slow_time latency_ns, jitter_ns;
    uint32_t loss_ppm, duplicate_ppm;
    uint32_t reorder_ppm; /* frames that stay behind... */
    slow_time reorder_ns; /* ... for so long; 0 = the cable's latency */
    uint64_t rate;        /* bytes a second, each way; 0 = without bound */
    uint32_t queue_bytes; /* that may wait for the rate; 0 = SIM_QUEUE_BYTES */
    bool stream;
    bool cut;
    bool cut_way[2]; /* swallows only what end 0, or end 1, sends */
    slow_time busy_until[2];
    uint64_t frames, bytes;                /* sent, whether they arrived or not */
    uint64_t lost, duplicated, queue_full; /* frames: by chance or by a cut; by chance; for want of room */
    uint64_t packages_duplicated;          /* in the frames that were */
    sim_traffic traffic[SIM_TRAFFIC_COUNT];
    slow_time routing_at; /* when a strategy last said something over it; 0 = never */
} sim_cable;

enum { SIM_QUEUE_BYTES = 64 * 1024 };

/* NULL = no memory. */
sim_network *sim_network_new(sl_world *, uint32_t places);
void sim_network_free(sim_network *); /* after all junctions */
/* Number of the new cable, from 1; 0 = no memory. */
uint32_t sim_network_cable(sim_network *, uint32_t a, uint32_t b, slow_time latency_ns);
sim_cable *sim_network_cable_at(sim_network *, uint32_t number); /* valid until the next sim_network_cable() */
uint32_t sim_network_cables(const sim_network *);
/* The numbers of the cables at a place, in ascending order; valid until the next sim_network_cable(). */
const uint32_t *sim_network_cables_of(const sim_network *, uint32_t place, uint32_t *count);
/* The first cable between two places; 0 = none. */
uint32_t sim_network_cable_between(const sim_network *, uint32_t a, uint32_t b);
/* Cuts; with `carrier` both ends are told at once. */
void sim_network_cut(sim_network *, uint32_t cable, bool carrier);
/* The end at a place loses its link over the cable, as when the other end's machine was switched off. */
void sim_network_carrier_lost(sim_network *, uint32_t cable, uint32_t place);
void sim_network_mend(sim_network *, uint32_t cable); /* both ways */
uint64_t sim_network_bytes(const sim_network *);
uint64_t sim_network_frames(const sim_network *);
const sim_traffic *sim_network_traffic(const sim_network *); /* by enum sim_traffic_kind */
slow_time sim_network_routing_at(const sim_network *);       /* the last time on any cable; 0 = never */

/* The service that a junction at a place is made with: {SIM_PLACE_ID, sim_network_place(network, place, loop)}. */
#define SIM_PLACE_ID "slow.sim-place/1"
typedef struct sim_place sim_place;
const sim_place *sim_network_place(sim_network *, uint32_t place, sl_loop *);
/* The place at the other end of a transport's cookie, which must be alive. */
uint32_t sim_cookie_peer(const void *cookie);
#endif
