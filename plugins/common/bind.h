/* bind.h - the sockets behind one listening address: one each for IPv4 and IPv6. */
#ifndef PLUGIN_BIND_H
#define PLUGIN_BIND_H
#include "address.h"

#define BIND_SOCKETS 2u

typedef struct bound {
    size_t count;
    int fd[BIND_SOCKETS];        /* non-blocking, closed on exec; the caller's */
    address local[BIND_SOCKETS]; /* with the real port */
    char text[128];              /* the address as it was given, with the real port */
} bound;

/* `type` is SOCK_DGRAM or SOCK_STREAM (which get SO_REUSEADDR). On failure nothing is left open. */
slow_status bind_open(const char *scheme, const char *text, int type, bound *, slow_error *);
#endif
