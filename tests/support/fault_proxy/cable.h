/* cable.h - one direction of a cable: what becomes of a datagram, and when what goes in comes out. Pure: time is an argument.
 *
 * The fate of a datagram is five draws of its direction's own random stream, whatever the settings are and whether they
 * need them: so the k-th datagram of a direction meets the same fate for a seed, and with a higher loss all those are lost
 * that a lower one loses. What cannot be the same in two runs is which datagram is the k-th, and on which others a copy or
 * one held back falls: that is up to the processes at the ends.
 *
 * A cable takes one thing at a time: each departs when the one before has, and its own bits have gone at the rate. The delay
 * is added to that, then the jitter. Jitter alone may let datagrams overtake each other, as in Linux's netem; one that is
 * held back takes longer by a fixed time, and whatever comes in meanwhile overtakes it. What is lost takes no time. */
#ifndef FAULT_PROXY_CABLE_H
#define FAULT_PROXY_CABLE_H
#include "schedule.h"
#include "settings.h"

typedef struct cable_counts {
    uint64_t passed; /* datagrams that came out, without copies; of a stream, what was written in one piece */
    uint64_t bytes;  /* that came out, with copies */
    uint64_t lost, duplicated, reordered;
    uint64_t silenced;
    uint64_t overflowed; /* there was no room, or nobody to give it to any more */
} cable_counts;

typedef struct cable {
    const settings *settings;
    enum way way;
    uint64_t random;
    uint64_t departed_ns; /* when it is free again */
    schedule waiting;     /* datagrams; a stream has its own */
    cable_counts counts;
} cable;

void cable_init(cable *, const settings *, enum way);
bool cable_silent(const cable *);
/* When the last bit of `size` bytes comes out that go in now. It takes the cable for as long. */
uint64_t cable_arrival(cable *, uint64_t now_ns, size_t size);
/* A datagram goes in. */
void cable_put(cable *, uint64_t now_ns, uint64_t owner, const void *data, size_t size);
/* A datagram that has come out by now, or NULL; free() is the caller's, who counts what becomes of it. */
parcel *cable_take(cable *, uint64_t now_ns);
void cable_free(cable *);
#endif
