/* dial.h - from connect() of an address to attempts at its numeric addresses, one after the other. */
#ifndef PLUGIN_DIAL_H
#define PLUGIN_DIAL_H
#include "address.h"
#include <slow/transport.h>

#define DIAL_ADDRESSES 8u

typedef struct dial {
    struct dial *next;
    struct dials *owner;
    uint64_t id;
    void *lookup;  /* the request under way */
    void *attempt; /* the transport's: what it has under way, or NULL */
    char text[96]; /* the address dialled, for errors */
    address to[DIAL_ADDRESSES];
    size_t count, first, tried;
    bool due; /* an attempt is to be made when the timer fires */
} dial;

/* All dials of a transport's instance. The members above the line are filled in by the transport. */
typedef struct dials {
    const slow_host *host;
    const slow_resolve *resolve; /* NULL: numeric addresses only */
    const slow_transport_host *up;
    const char *scheme;
    /* Tries one address. SLOW_OK: under way; it ends in dial_done(), inside the call or later, or later in
     * dial_failed(). Else the error says why, and the next address is tried. */
    slow_status (*attempt)(void *arg, dial *, const address *, slow_error *);
    void (*abandon)(void *arg, dial *); /* gives up what is in `attempt` */
    void *arg;
    /* ---- */
    slow_timer *soon;
    dial *list;
    bool unlucky;
} dials;

slow_status dials_open(dials *, slow_error *);
void dials_close(dials *); /* forgets all of them, and tells nobody */
slow_status dial_start(dials *, uint64_t id, const char *text, slow_error *);
void dial_cancel(dials *, uint64_t id);
void dial_done(dial *);                       /* it became a link; frees the dial */
void dial_failed(dial *, const slow_error *); /* the attempt failed: on to the next address, or tells the host */
void dial_unlucky(dials *);                   /* a link that was dialled has never had an answer */
#endif
