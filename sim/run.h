/* run.h - a scenario being played: a mesh made from a topology, its checks, its traffic, and a record of what was done.
 *
 * Whatever plays a mesh (a scenario's timeline, an experiment that cuts every link) does it through actions, and each is
 * written down with its time. So a failure always leaves a scenario behind that shows it again: the topology, the seed and
 * the actions so far. */
#ifndef SIM_RUN_H
#define SIM_RUN_H
#include "action.h"
#include "check.h"

typedef struct sim_scenario sim_scenario; /* scenario.h */

typedef struct sim_run {
    sim_scenario *scenario; /* grows by what is done */
    sim_mesh *mesh;
    sim_check *check;
} sim_run;
#endif
