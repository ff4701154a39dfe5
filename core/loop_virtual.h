/* loop_virtual.h - virtual time: a world of discrete events, and one loop in it for each junction.
 *
 * Events are ordered by (time, loop, order of scheduling), so a run depends on nothing but the seed. All events of one
 * loop at one instant are one turn. The world mixes each turn and each random number that it gives into a trace hash, so
 * that two runs with one hash did the same, and another seed gives another hash. One thread. */
#ifndef SL_LOOP_VIRTUAL_H
#define SL_LOOP_VIRTUAL_H
#include "loop.h"

typedef struct sl_world sl_world;

sl_world *sl_world_new(uint64_t seed);
void sl_world_free(sl_world *); /* after all its loops */
slow_time sl_world_now(const sl_world *);
uint64_t sl_world_random(sl_world *); /* for faults and latencies: a stream of its own */
uint64_t sl_world_trace(const sl_world *);
/* Adds bytes to the trace hash: what an event did, e.g. the frame that it carried. */
void sl_world_mix(sl_world *, const void *bytes, size_t size);
/* Runs fn(arg) on `loop` at `when`, or dropped(arg) (may be NULL) when the loop or the world is freed before. loop ==
 * NULL: the world's own event, in front of all others of its instant. False: no memory. */
bool sl_world_at(sl_world *, sl_loop *loop, slow_time when, sl_call fn, sl_call dropped, void *arg);
/* Runs one turn. False when nothing is scheduled at or before `until`, but for loops that stand still. */
bool sl_world_turn(sl_world *, slow_time until);
/* Runs all turns up to `until`, and sets the clock there. */
void sl_world_run(sl_world *, slow_time until);
/* Called after each turn, e.g. by checkers. NULL = none. */
void sl_world_on_turn(sl_world *, sl_call fn, void *arg);

/* A junction's loop. Its number, and with it its place in the order and its random stream, is given by the order of the
 * calls. NULL = no memory. */
sl_loop *sl_loop_virtual_new(sl_world *);
/* Shifts this loop's wall clock, in ms: for clocks that go back. */
void sl_loop_virtual_shift_wall(sl_loop *, int64_t shift_ms);
/* Its process stands still, as a suspended machine does: from now on its events wait, whatever comes from outside
 * included. Resumed, they run in this instant, in the order in which they would have. Clocks go on meanwhile. */
void sl_loop_virtual_pause(sl_loop *);
void sl_loop_virtual_resume(sl_loop *);
bool sl_loop_virtual_paused(const sl_loop *);
sl_world *sl_loop_virtual_world(sl_loop *);
#endif
