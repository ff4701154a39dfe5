/* side.h - what carries: datagrams (udp.c) or streams (tcp.c) between those who come to our address and one other address.
 * It owns its sockets and cables, does what is due when it is called, and never waits. */
#ifndef FAULT_PROXY_SIDE_H
#define FAULT_PROXY_SIDE_H
#include "address.h"
#include "cable.h"
#include <poll.h>

enum { SIDE_CLIENTS = 64, SIDE_SOCKETS = 1 + 2 * SIDE_CLIENTS };

typedef struct side side;
typedef struct side_ops {
    /* The sockets it waits at, always at the same places; as many as it returns, SIDE_SOCKETS at most. */
    size_t (*watch)(const side *, struct pollfd *);
    /* After watch() and poll() with the same ones. */
    void (*turn)(side *, const struct pollfd *, uint64_t now_ns);
    uint64_t (*next_ns)(const side *); /* when something is due; UINT64_MAX = nothing is */
    size_t (*reset)(side *);           /* ends all connections by RST, and says how many; NULL = has none */
    void (*free)(side *);
} side_ops;

struct side {
    const side_ops *ops;
    const settings *settings;
    cable cables[WAYS];
    address to;
    int listener;
    uint64_t connections; /* clients that came, so far */
    uint64_t refused;     /* those for whom no socket could be had */
    uint64_t resets;
};

/* `listener` is bound, does not block, and is the side's from then on. NULL when there is no memory. */
side *udp_open(const settings *, int listener, const address *to);
side *tcp_open(const settings *, int listener, const address *to);
#endif
