/* address.h - what two addresses of links have in common. Pure. */
#ifndef SL_ADDRESS_H
#define SL_ADDRESS_H
#include <stdbool.h>
#include <stddef.h>

/* The host part of an address: up to the last ':' outside of brackets, with the scheme. */
size_t sl_address_host(const char *address);
/* The same host; of IPv6 the same /64, since whoever has one address there has them all. */
bool sl_address_same_net(const char *, const char *);
#endif
