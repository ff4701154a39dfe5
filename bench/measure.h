/* measure.h - the two measurements: a flow with a credit window, and a ping-pong with one message outstanding. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H
#include "end.h"
#include <sys/types.h>

typedef struct flow {
    uint64_t messages, lost;
    double seconds, cpu_seconds; /* of the relay */
} flow;

/* From `a` to `b`: a warm-up, then a window in which messages are counted as they arrive. `relay`: whose CPU is read. */
bool measure_flow(end *a, end *b, pid_t relay, uint64_t warm_up_ns, uint64_t window_ns, flow *);
/* There and back, through the relay both ways. Fills times of `count` round trips, in nanoseconds, sorted. */
bool measure_round_trips(end *a, end *b, uint64_t *times_ns, size_t count);
#endif
