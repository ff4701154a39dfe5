/* detour.h - what a bad way does to packages between two ends, told to the destination: they are lost, doubled, late.
 *
 * Cables have faults too, but what is late on a cable is a frame, and a link's window of numbers drops it. A copy of a package
 * that turns up 45 s later comes from a relay that stood still, from a path that nobody knew any more, or from somebody who
 * recorded it; here it comes from a box in front of the destination's delivery. It holds deep copies, and they outlive the
 * process that they were for: they then come to the next one. */
#ifndef SIM_DETOUR_H
#define SIM_DETOUR_H
#include "mesh.h"
#include "scenario.h"

typedef struct sim_detour {
    sim_mesh *mesh;
    sim_package_faults faults;
    uint64_t random;
    uint64_t lost, duplicated, late;
} sim_detour;

/* Stands in the mesh's way from now on. Must outlive its junctions. */
void sim_detour_init(sim_detour *, sim_mesh *, const sim_package_faults *, uint64_t seed);
#endif
