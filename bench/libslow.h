/* libslow.h - a row whose ends are junctions: what it costs to know.
 *
 * The raw ends of the other rows only lay bytes and count them. These are libslow's, both in this process, with all of their
 * threads on the ends' core, so the ends and not the relay are the bottleneck. What counts is what the receiving application
 * took; of best effort, what was accepted and never came is told as lost. */
#ifndef BENCH_LIBSLOW_H
#define BENCH_LIBSLOW_H
#include "measure.h"

/* Through the relay that listens for TCP at `port`. False: an error was printed. */
bool libslow_flow(const shape *, const keys *, uint16_t port, pid_t relay, uint64_t warm_up_ns, uint64_t window_ns,
                  flow *);
#endif
