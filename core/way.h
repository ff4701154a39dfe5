/* way.h - whether what we send to one peer arrives, by the neighbour that it is sent through; pure.
 *
 * A member can announce routes and drop what it should pass on, and no proof of its announcements shows it. What shows it is
 * that nothing comes back. So each peer keeps a way: the adjacency at which there is silence, and those that were given up
 * for it. A way is looked at for our own packages alone, at their first hop, and it only ever takes another of the candidates
 * that the strategies offer. Each of those is free of loops by itself, so this makes none; and where there is no other one
 * nothing changes.
 *
 *   silent     a sign that what went by an adjacency did not arrive: a probe timeout, an opening or a knock said again, an
 *              ASK for what was told already. Three in a row, over a second, and the adjacency is avoided
 *   heard      something that went by it was acknowledged: the count ends, and if it was avoided it is acquitted. Loss and
 *              congestion take a part of what is sent; only who passes on nothing is silent for long
 *   avoided    for 10 s, then it is tried again, at which two signs are enough: 20 s, and so on to 10 min. When all
 *              candidates are avoided none is: then it is not the first hop's doing, and the first of them is in use
 *   convicted  avoided, tried again and avoided again, and meanwhile the same peer was heard by another adjacency. This is
 *              what a person is shown: bad luck on a way that loses half of all packets does not look like that. Of a peer that is dead nobody is heard, so nobody is convicted of it; the reverse way may be the one that is broken,
 *              in which case no first hop helps and nobody is convicted either
 *
 *   futile     two are avoided, and the peer was heard by none: it is the peer that is silent, or something that all ways
 *              have in common. Until it is heard no neighbour is held responsible for it
 *
 * A neighbour that is itself the peer is never silent here: there is no other way to it that would not be its link's matter.
 *
 * What this cannot do: a black hole behind the first hop is got round only if another first hop leads round it, and then the
 * first hop is what is blamed, for this peer alone. Relays see no outcomes, so what they pass on goes as their tables say.
 * One that drops a part of what passes is not caught, but its share is counted (sl_neighbour).
 *
 * What peers tell of a neighbour becomes a matter of all routes in doubt.h. */
#ifndef SL_WAY_H
#define SL_WAY_H
#include <slow/base.h>
#include <stdbool.h>

enum { SL_WAY_AVOIDED = 4 };

typedef struct sl_avoided {
    slow_link via; /* 0 = free */
    bool convicted;
    slow_time until, wait_ns;
} sl_avoided;

typedef struct sl_way {
    slow_link via; /* where signs are counted; 0 = nowhere */
    uint32_t signs;
    slow_time first_sign_at, last_sign_at;
    bool futile;
    uint32_t count; /* of those below that are not free */
    sl_avoided avoided[SL_WAY_AVOIDED];
} sl_way;

/* A sign of silence. */
void sl_way_silent(sl_way *, slow_link via, slow_time now);
/* True when somebody was convicted or acquitted: sl_way_convicts() has changed. */
bool sl_way_heard(sl_way *, slow_link via, slow_time now);
bool sl_way_avoids(const sl_way *, slow_link via, slow_time now);
/* Those convicted, from *place = 0 on; 0 = no more. */
slow_link sl_way_convicts(const sl_way *, uint32_t *place);
#endif
