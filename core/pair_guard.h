/* pair_guard.h - what all sealed pairs of a junction have in common: how much may be computed for strangers, and that
 * whatever is turned away is counted under its reason and told in the log, as often as is good for it. */
#ifndef SL_PAIR_GUARD_H
#define SL_PAIR_GUARD_H
#include "open_budget.h"
#include "pair_seal.h"
#include "pairing.h"

typedef struct sl_pair_guard {
    sl_pair_seal_env env;
    sl_stats *stats;
    const sl_log *log;
    sl_log_rate refused, ended;
    sl_open_budget opens, answers;
} sl_pair_guard;

/* May the OPEN1 or KNOCK be heard that a neighbour of this hash brought? */
bool sl_pair_guard_may_open(sl_pair_guard *, uint32_t neighbour_hash, slow_time now);
/* May one more OPEN2 be read that this one brought? They have a budget of their own. */
bool sl_pair_guard_may_read(sl_pair_guard *, uint32_t neighbour_hash, slow_time now);
/* sl_pair_seal_read(), as pairing wants to hear of it. */
enum sl_pairing_heard sl_pair_guard_read(sl_pair_guard *, const slow_id *peer, sl_pair_seal *, enum sl_pair_kind,
                                         const sl_open *, slow_time now);
/* sl_pair_seal_open(). False: it is dropped. */
bool sl_pair_guard_open(sl_pair_guard *, sl_pair_seal *, const slow_package *sealed, uint8_t room[SL_SEALED_MAX],
                        slow_package *);
/* Is this of the kind that there is with security (`sealed`), or without? False: it is dropped. */
bool sl_pair_guard_is_right(sl_stats *, bool sealed, const slow_package *);
/* False: whoever is at the other end may not be here any more. */
bool sl_pair_guard_still(sl_pair_guard *, const slow_id *peer, const sl_pair_seal *, slow_time now);
#endif
