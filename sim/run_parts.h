/* run_parts.h - what run.c and run_actions.c have between them. */
#ifndef SIM_RUN_PARTS_H
#define SIM_RUN_PARTS_H
#include "run.h"

/* Draws what is "any" among those to whom it can happen. False: nobody. */
bool sim_run_resolve(sim_run *, sim_action *);
/* Does it, nothing written down. False: nothing to do. */
bool sim_run_act(sim_run *, const sim_action *);
/* One of the scenario's random kinds, its figures drawn too. False: nobody to do it to. */
bool sim_run_draw(sim_run *, sim_action *);
#endif
