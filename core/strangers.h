/* strangers.h - links of which nobody knows yet whose they are: how many there may be, and who gives way.
 *
 * There are two such tables: the openings that this end has answered, and the streams that came and have not opened. Each
 * holds 256, and of one host that is not this machine a few. An IPv6 host is its /64, since whoever has one address there
 * has them all.
 *
 * Each has half a second of its own, which is more than a round trip takes nearly everywhere. After that the oldest gives
 * way to who comes: of the same host if there is one, or it would be for one host to push out all others. So nobody can hold
 * places for as long as an opening lives, and keep the rest out. Before that who comes is refused, and does best to try
 * again: an initiator says its INIT again after 100 ms, and dials again. Rejected: that the oldest gives way at once. Where
 * 300 neighbours come back in the same instant, each would push out one that was nearly done. */
#ifndef SL_STRANGERS_H
#define SL_STRANGERS_H
#include "loop.h"

enum { SL_STRANGERS_MAX = 256 };
#define SL_STRANGERS_GRACE (500 * SL_MS)

struct sl_link;
typedef struct sl_stranger {
    struct sl_link *link;
    const char *remote; /* borrowed: the link's */
    slow_time since;
} sl_stranger;

typedef struct sl_strangers {
    sl_stranger *list; /* in the order in which they came; NULL before the first */
    uint32_t count;
} sl_strangers;

void sl_strangers_free(sl_strangers *);

/* Takes it in; *gives_way is who is no longer in it for that, or NULL. False: there is no room now. `per_host` 0: of this host
 * there may be any number. */
bool sl_strangers_add(sl_strangers *, const sl_stranger *, uint32_t per_host, struct sl_link **gives_way);
void sl_strangers_remove(sl_strangers *, const struct sl_link *); /* one that is not there is none */
#endif
