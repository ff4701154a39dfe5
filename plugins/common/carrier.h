/* carrier.h - which addresses this machine has, and on which of them an interface is up and running. */
#ifndef PLUGIN_CARRIER_H
#define PLUGIN_CARRIER_H
#include "address.h"
#include <slow/transport.h>

typedef struct carrier carrier;

/* `changed` comes whenever interfaces or addresses may have changed. NULL = no memory. */
carrier *carrier_new(const slow_host *, const slow_io *, void (*changed)(void *arg), void *arg);
void carrier_free(carrier *); /* NULL is allowed */
/* Is this an address of this machine, ports aside? */
bool carrier_is_ours(carrier *, const address *);
/* Is it on an interface, not a loopback, that is up and has a carrier? */
bool carrier_is_up(carrier *, const address *);
#endif
