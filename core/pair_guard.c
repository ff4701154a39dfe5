#include "pair_guard.h"
#include "id.h"

static bool take(sl_stats *stats, sl_open_budget *budget, uint32_t neighbour_hash, slow_time now) {
    switch (sl_open_budget_take(budget, neighbour_hash, now)) {
    case SL_OPEN_WITHIN:
        return true;
    case SL_OPEN_OVER_LINK:
        SL_COUNT(stats, drop_open_link_budget);
        break;
    case SL_OPEN_OVER_ALL:
        SL_COUNT(stats, drop_open_budget);
        break;
    }
    return false;
}

bool sl_pair_guard_may_open(sl_pair_guard *g, uint32_t neighbour_hash, slow_time now) {
    return take(g->stats, &g->opens, neighbour_hash, now);
}

bool sl_pair_guard_may_read(sl_pair_guard *g, uint32_t neighbour_hash, slow_time now) {
    return take(g->stats, &g->answers, neighbour_hash, now);
}

enum sl_pairing_heard sl_pair_guard_read(sl_pair_guard *g, const slow_id *peer, sl_pair_seal *seal,
                                         enum sl_pair_kind kind, const sl_open *open, slow_time now) {
    enum sl_refusal why;
    switch (sl_pair_seal_read(seal, kind, open, &why)) {
    case SL_PAIR_GOOD:
        return SL_OPEN_GOOD;
    case SL_PAIR_FORGED:
        SL_COUNT(g->stats, drop_open_forged);
        return SL_OPEN_FORGED;
    case SL_PAIR_REFUSED:
        break;
    }
    SL_COUNT(g->stats, drop_open_refused);
    sl_log_limited(g->log, &g->refused, now, SLOW_LOG_WARN, "pair", "refused a pair with %.*s: %s", SL_ID_ARG(peer),
                   why != SL_WELCOME ? sl_refusal_text(why) : "its opening was changed on the way");
    return SL_OPEN_REFUSED;
}

bool sl_pair_guard_open(sl_pair_guard *g, sl_pair_seal *seal, const slow_package *sealed, uint8_t room[SL_SEALED_MAX],
                        slow_package *package) {
    switch (sl_pair_seal_open(seal, sealed, room, package)) {
    case SL_PAIR_OPENED:
        return true;
    case SL_PAIR_REPEATED:
        SL_COUNT(g->stats, drop_package_repeated);
        break;
    case SL_PAIR_BROKEN:
        SL_COUNT(g->stats, drop_package_forged);
        break;
    case SL_PAIR_MALFORMED:
        SL_COUNT(g->stats, drop_message_malformed);
        break;
    }
    return false;
}

bool sl_pair_guard_is_right(sl_stats *stats, bool sealed, const slow_package *package) {
    if ((package->type == SLOW_SEALED) == sealed)
        return true;
    if (sealed)
        SL_COUNT(stats, drop_package_plain);
    else
        SL_COUNT(stats, drop_package_unsupported);
    return false;
}

bool sl_pair_guard_still(sl_pair_guard *g, const slow_id *peer, const sl_pair_seal *seal, slow_time now) {
    enum sl_refusal why = sl_pair_seal_still(seal);
    if (why == SL_WELCOME)
        return true;
    SL_COUNT(g->stats, pairs_ended_by_membership);
    sl_log_limited(g->log, &g->ended, now, SLOW_LOG_WARN, "pair", "ended the pair with %.*s: %s", SL_ID_ARG(peer),
                   sl_refusal_text(why));
    return false;
}
