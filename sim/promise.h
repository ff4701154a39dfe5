/* promise.h - a reliable message of the traffic: what was asked for, and its bytes, which say which one it is.
 *
 * The payload is {"r":NUMBER,"p":"..."}, with letters that follow from the number and the place, so a message whose fragments
 * were mixed up with another's is not intact. */
#ifndef SIM_PROMISE_H
#define SIM_PROMISE_H
#include "core/outgoing.h"

enum { SIM_PROMISE_LEAST = 32 }; /* bytes */

typedef struct sim_promise {
    uint32_t from, to; /* places */
    uint32_t size;
    uint8_t channel;
    uint16_t order; /* 0, SLOW_ORDERED, SLOW_LATEST */
    bool arrives;   /* its outcome has to be delivered; of `latest`, superseded will do */
    slow_time ttl_ns;
    slow_time read_ns, accept_ns; /* at most so long it waits to be read, and then to be accepted */
} sim_promise;

/* `size` bytes; the caller frees them. Aborts where there is no memory. */
char *sim_promise_write(uint32_t number, uint32_t size);
/* The number in a payload, or in its first fragment. False: it is none of these. */
bool sim_promise_number(slow_bytes, uint32_t *number);
/* Is it byte for byte what was written? */
bool sim_promise_is_intact(slow_bytes, uint32_t number, uint32_t size);
#endif
