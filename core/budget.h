/* budget.h - how many signatures a neighbour may make us check; pure.
 *
 * What a neighbour passes on may come from anybody in the network, and each announcement that is news bears a signature, which
 * takes some 60 microseconds. A liar could keep us at that for ever. But an honest neighbour brings many at once, too: a
 * junction that has just started has all of its table to check, mostly from the first neighbour that it meets. So a
 * neighbour has a bucket, and is not read further while that is empty: its messages wait unacknowledged at its end, in
 * order, and nothing is lost (talk.h).
 *
 * 16,384 at once: a table of 8,192 destinations by certificate, two signatures each, without a pause; one of 1,000 takes
 * an eighth of it. One a millisecond from then on: 10,000 destinations, 20,000 signatures and 1.2 s of work in any case, wait
 * for 2.4 to 3.6 s, and a liar takes 1 s of the processor once and 6 % of it for as long as it goes on. A tenth of that rate
 * would cost the honest table 36 s, ten times of it a liar half of the processor.
 *
 * A channel that is begun anew costs 256: a strategy then forgets what the neighbour said, chooses again for each destination, and
 * says its whole table, some milliseconds with 10,000. So that is 64 times at once, and four times a second.
 * Coming up costs the same, of a bucket of its own: who has a table to be checked is not to wait with it for that.
 *
 * The bucket is one point in time, to which what was spent is paid off; so it needs no timer, and zero is a full one. */
#ifndef SL_BUDGET_H
#define SL_BUDGET_H
#include "loop.h"

enum { SL_BUDGET_AT_ONCE = 16384, SL_BUDGET_ANEW = 256 };
static const slow_time SL_BUDGET_EACH_NS = SL_MS;

typedef struct sl_budget {
    slow_time paid_at;
} sl_budget;

static inline void sl_budget_spend(sl_budget *budget, uint32_t signatures, slow_time now) {
    slow_time begin = budget->paid_at > now ? budget->paid_at : now;
    budget->paid_at = signatures > 0 ? begin + signatures * SL_BUDGET_EACH_NS : budget->paid_at;
}

/* From when on there is something left; in the past or now: there is. */
static inline slow_time sl_budget_ready_at(const sl_budget *budget) {
    slow_time most = SL_BUDGET_AT_ONCE * SL_BUDGET_EACH_NS;
    return budget->paid_at > most ? budget->paid_at - most : 0;
}

static inline bool sl_budget_is_spent(const sl_budget *budget, slow_time now) {
    return sl_budget_ready_at(budget) > now;
}
#endif
