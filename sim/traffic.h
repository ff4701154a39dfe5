/* traffic.h - messages between junctions while things happen: sent by rule, and told apart when they arrive.
 *
 * Each message carries its number, so that what was lost and what came twice is known exactly. Of best effort, what is lost
 * in a cut is no mistake, unless the scenario says so. Reliable ones are held against what was promised (check_delivery.h). */
#ifndef SIM_TRAFFIC_H
#define SIM_TRAFFIC_H
#include "check_delivery.h"
#include "mesh.h"
#include "scenario.h"

/* What an action sent: bytes that tell their time (mesh.h), so that each is known by that and its two ends. */
typedef struct sim_parcel {
    slow_time at_ns;
    uint32_t from, to, size;
    uint32_t behind; /* so many other actions had been done */
    bool arrives;    /* it has to */
    bool arrived;
} sim_parcel;

typedef struct sim_traffic_play {
    sim_mesh *mesh;
    const sim_scenario *scenario;
    slow_time *next_ns;                           /* of each rule; UINT64_MAX = done */
    uint64_t random, pace;                        /* two streams of the seed */
    uint64_t sent, delivered, duplicates, strays; /* strays: that went to another than it was for */
    uint32_t *for_whom;                           /* of each message: its place + 1, or UINT32_MAX when it has come */
    uint64_t capacity;
    sim_parcel *parcels; /* by time */
    uint32_t parcel_count, parcel_capacity;
    void (*watch)(void *arg, sim_node *, const sl_message *); /* sees each message that comes first; may be NULL */
    void *arg;
} sim_traffic_play;

sim_traffic_play *sim_traffic_new(sim_mesh *, const sim_scenario *);
void sim_traffic_free(sim_traffic_play *);
slow_time sim_traffic_next(const sim_traffic_play *); /* UINT64_MAX = never */
/* Sends what is due now. */
void sim_traffic_send(sim_traffic_play *, slow_time now);
/* Sends one now. False: one of the two is not there. */
bool sim_traffic_parcel(sim_traffic_play *, const sim_parcel *);
/* The first that has to arrive and has not; NULL = none. */
const sim_parcel *sim_traffic_missed(const sim_traffic_play *);
static inline uint64_t sim_traffic_lost(const sim_traffic_play *traffic) {
    return traffic->sent - traffic->delivered;
}
#endif
