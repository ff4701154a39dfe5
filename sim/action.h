/* action.h - one thing that happens to a mesh: an entry of a scenario's timeline, done at its time.
 *
 * As JSON an action is an object with "at" and one member that names it: {"at": "5s", "cut": ["a", "b"], "silent": true}.
 * The table in action.c has them all: what each reads, does, and prints. */
#ifndef SIM_ACTION_H
#define SIM_ACTION_H
#include "mesh.h"
#include "topology.h"

enum sim_action_kind {
    SIM_CUT,       /* a link; carrier lost at both ends, or `silent` */
    SIM_RESTORE,   /* a link, or all */
    SIM_ONE_WAY,   /* a link swallows what `from` sends */
    SIM_FLAP,      /* a link is cut and restored, `times`, `every` */
    SIM_COST,      /* a link's latency becomes another, so its cost does */
    SIM_FAULTS,    /* of a link, or of all: loss, duplication, reordering, rate */
    SIM_KILL,      /* a junction, without a word; its cables lose carrier, or `silent` */
    SIM_RESTART,   /* a new process; with `memory` the old one, which had stood still since it was killed */
    SIM_PARTITION, /* a set of junctions against the rest */
    SIM_HEAL,      /* all that was cut is restored */
    SIM_CLOCK,     /* a junction's wall clock jumps */
    SIM_ROUTING,   /* a strategy is added, preferred or removed, at one junction or at all */
    SIM_ACTION_COUNT
};
#endif
