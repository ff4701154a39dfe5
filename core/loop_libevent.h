/* loop_libevent.h - the loop of the real world, on a libevent base of its own or on the caller's. */
#ifndef SL_LOOP_LIBEVENT_H
#define SL_LOOP_LIBEVENT_H
#include "loop.h"
#include <pthread.h>
#include <time.h>
struct event_base;

/* base == NULL: a base of its own. NULL on failure (no memory, no file descriptors). */
sl_loop *sl_loop_libevent_new(struct event_base *base);
/* Runs until sl_loop_libevent_break(). The calling thread is the loop thread from then on. */
void sl_loop_libevent_run(sl_loop *);
/* Runs one turn, waiting at most `timeout` for something to do. False when nothing was there to wait for. */
bool sl_loop_libevent_step(sl_loop *, slow_time timeout);
/* [any] Ends the run, or the step, that is under way; or the next one. */
void sl_loop_libevent_break(sl_loop *);
/* Runs what was deferred and what was posted, without a look at the base: for last words on a base that is not ours to
 * dispatch. Never from within a turn of the same loop. */
void sl_loop_libevent_settle(sl_loop *);
/* [any] Is this the thread that last ran the loop (or made it, before it first ran)? */
bool sl_loop_libevent_is_current(const sl_loop *);
struct event_base *sl_loop_libevent_base(sl_loop *); /* for the admin's HTTP server alone */
/* [any] The wall clock, in milliseconds since 1970, where there is no loop: for dates of certificates. */
uint64_t sl_loop_libevent_wall_ms(void);
/* [any] Holds up whoever calls, for programs that have no loop; about so long. */
void sl_loop_libevent_pause(unsigned ms);
/* [any] For threads that wait beside a loop: a condition on the loop's clock, and the time on it after `timeout`. */
void sl_loop_libevent_condition(pthread_cond_t *);
struct timespec sl_loop_libevent_deadline(slow_time timeout);
#endif
