/* schedule.h - parcels on their way, in the order in which they arrive: by time, and those of one time as they came in.
 *
 * A binary heap. A list for each time to come was not needed: with 4 MB of small datagrams on the way it has some 10,000. */
#ifndef FAULT_PROXY_SCHEDULE_H
#define FAULT_PROXY_SCHEDULE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct parcel {
    uint64_t due_ns;
    uint64_t sequence; /* given by schedule_add() */
    uint64_t owner;    /* whom it belongs to; the schedule does not look at it */
    bool copy;         /* of one that goes on its own */
    size_t size;
    size_t gone; /* bytes from the beginning that are delivered already */
    uint8_t data[];
} parcel;

typedef struct schedule {
    parcel **heap;
    size_t count, capacity;
    size_t bytes; /* in all, with what a parcel itself takes: empty ones are not for nothing */
    uint64_t sequence;
} schedule;

/* A copy of `data` that arrives at `due_ns`. False when there is no memory. */
bool schedule_add(schedule *, const parcel *like, const void *data);
parcel *schedule_first(const schedule *); /* NULL = nothing is on its way */
parcel *schedule_take(schedule *);        /* the first, which there must be; free() is the caller's */
void schedule_clear(schedule *);
#endif
