/* doubt.h - what is held against a neighbour as a way to others; pure.
 *
 * Peers tell what became of our own packages that went through it (way.h). Each gets round a silent first hop by itself where
 * the strategies offer another; but most routes of a sparse mesh have no second candidate that is free of loops, and what we
 * relay for others falls into the same hole. So a neighbour through which nothing arrives is shunned: it is told to the
 * strategies at the highest cost that there is. That is an event like any other to them, with the same promises, and the
 * whole mesh then knows to go another way; where there is no other, all goes as before.
 *
 * Such a thing must not be set off by a failure that the strategies are about to mend: a link that died is noticed after
 * 3.1 s, so silence has to last 4 s where it is of two destinations, and 8 s where only one is there to tell; and nothing
 * else may have arrived through this neighbour since it began. A destination that answers nobody could set it off, too: once,
 * for then the other way is silent as well, and its word counts no more until it is heard.
 *
 * Whoever is behind others sees the same silence, and would shun an honest neighbour. So the nearer one decides first: to the
 * time comes 20 ms for each 0.1 ms of the route's metric, up to 8 s, and when the routes have turned away meanwhile there is
 * nothing to decide any more.
 *
 * It ends after 30 s, and is a trial then: one second is enough to shun it for a minute, and so on to 10 min. The first
 * arrival ends the trial. The first time is that long because both ends of a hole are mute to each other: only when one has
 * turned away can the other one hear that it is not heard, and that takes it up to 16 s more. With 10 s, the first was back in
 * the hole when the second left it.
 *
 * What this cannot do: tell a hole at the neighbour from one right behind it, for whoever has no other traffic through it.
 * Then the neighbour is shunned in the other's place, by us alone. */
#ifndef SL_DOUBT_H
#define SL_DOUBT_H
#include "id.h"
#include <stdbool.h>

enum { SL_DOUBTS = 2, SL_COST_SHUNNED = 65534 };

typedef struct sl_doubt {
    /* Packages that went through it, of which it is known: they arrived, or did not. */
    uint64_t passed_on, not_passed_on;
    /* Destinations to which packages arrive, and not through it; since the first of them. */
    uint32_t convictions;
    slow_time convicted_at;
    struct {
        slow_id dst; /* size 0 = none */
        slow_time since, margin_ns, last_at;
    } silent[SL_DOUBTS];
    slow_time passed_at; /* the last arrival; 0 = none */
    bool shunned;
    slow_time until, wait_ns;
} sl_doubt;

void sl_doubt_passed(sl_doubt *, bool arrived, slow_time now);
void sl_doubt_convict(sl_doubt *, int change, slow_time now);
/* Of that destination there has been silence since then, and there is now. True: that is enough, and sl_doubt_look() has to
 * be called. */
bool sl_doubt_silent(sl_doubt *, const slow_id *dst, slow_time since, uint32_t metric, slow_time now);
/* Then, and at `until`. True: `shunned` is another than before. */
bool sl_doubt_look(sl_doubt *, slow_time now);
#endif
