/* route.c - see route.h.
 *
 * The feasibility distance (FD) of a destination is the least word that this junction ever told anybody. Whoever routes
 * through us chose us because our word was nearer than its own FD. So along any chain of next hops FD falls strictly,
 * and a chain whose numbers fall cannot close. That is the invariant, and it has two edges that are easy to cut:
 *
 *  - It must hold for *every* candidate that the core was offered, not for the selected route alone, because the core
 *    falls to the next one by itself. A candidate that was feasible when it was offered need not be after FD has sunk,
 *    and so each sinking offers the candidates anew (rule 3). Without this germany50 shows thousands of loops.
 *  - FD sinks before the word leaves, never after: the neighbour may act upon it before we do.
 *
 * The metric of a route is as of its selection; it changes only here. So does what the core was offered: every change of
 * an offer, a cost or the feasibility distance comes by here, and where none of the candidates is another than before,
 * which is so for half of all words, the core is not asked to find that out. */
#include "route.h"

#define CANDIDATES 8 /* as many as the core looks at */

struct choice {
    uint32_t metric; /* through it */
    uint16_t slot;   /* DV_NO_SLOT = none */
    struct dv_stamp stamp;
};

struct candidates {
    slow_route routes[CANDIDATES];
    size_t n;
};

/* What all neighbours offer of a destination, in one walk. */
struct survey {
    struct choice best;
    struct candidates all;
    uint32_t useless_offer, useless_metric; /* the least of infeasible words in our epoch, as told and through whom */
};

/* Infinite when it offers nothing, or so much that the sum would not fit. */
static uint32_t metric_through(uint32_t cost, struct dv_word offer) {
    uint64_t total = (uint64_t)offer.metric + cost;
    return !dv_finite(offer) || total >= SLOW_METRIC_INFINITY ? SLOW_METRIC_INFINITY : (uint32_t)total;
}

struct dv_word dv_selected(const struct dv *dv, uint32_t number) {
    const struct dv_dest *dest = &dv->dests[number];
    const struct dv_neighbour *neighbour = dv_neighbour_at(dv, dest->next_hop);
    if (neighbour == NULL)
        return DV_RETRACTION;
    return (struct dv_word){dv_offer_of(dv, neighbour, number).stamp, dest->metric};
}

/* Keeps the best CANDIDATES in order; of equals the first stays first. */
static void candidate_add(struct candidates *all, slow_route route) {
    size_t at = all->n;
    while (at > 0 && all->routes[at - 1].metric > route.metric)
        at--;
    if (at == CANDIDATES)
        return;
    if (all->n < CANDIDATES)
        all->n++;
    for (size_t i = all->n - 1; i > at; i--)
        all->routes[i] = all->routes[i - 1];
    all->routes[at] = route;
}

/* To the front, from its place or, where newer epochs lie behind many older ones, in place of the last. */
static void candidate_first(struct candidates *all, slow_route route) {
    size_t at = 0;
    while (at + 1 < all->n && all->routes[at].via != route.via)
        at++;
    for (; at > 0; at--)
        all->routes[at] = all->routes[at - 1];
    all->routes[0] = route;
}

/* Rule 2: the best one; the present next hop wins an exact tie. Rule 11: all whose word is feasible now, the best first. */
static struct survey survey(const struct dv *dv, uint32_t number) {
    const struct dv_dest *dest = &dv->dests[number];
    struct survey s = {.best = {.metric = SLOW_METRIC_INFINITY, .slot = DV_NO_SLOT},
                       .useless_offer = SLOW_METRIC_INFINITY,
                       .useless_metric = SLOW_METRIC_INFINITY};
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        const struct dv_neighbour *neighbour = dv->neighbours[slot];
        if (neighbour == NULL)
            continue;
        struct dv_word offer = dv_offer_of(dv, neighbour, number);
        uint32_t metric = metric_through(neighbour->cost, offer);
        if (metric == SLOW_METRIC_INFINITY)
            continue;
        if (!dv_feasible(dv, dest, offer)) {
            bool ours = offer.stamp.epoch == dest->fd_epoch;
            s.useless_offer = ours && offer.metric < s.useless_offer ? offer.metric : s.useless_offer;
            s.useless_metric = ours && metric < s.useless_metric ? metric : s.useless_metric;
            continue;
        }
        bool newer = offer.stamp.epoch > s.best.stamp.epoch, same = offer.stamp.epoch == s.best.stamp.epoch;
        bool nearer = metric < s.best.metric || (metric == s.best.metric && slot == dest->next_hop);
        if (s.best.slot == DV_NO_SLOT || newer || (same && nearer))
            s.best = (struct choice){.metric = metric, .slot = (uint16_t)slot, .stamp = offer.stamp};
        candidate_add(&s.all, (slow_route){.via = neighbour->link, .metric = metric});
    }
    if (s.best.slot != DV_NO_SLOT)
        candidate_first(&s.all, (slow_route){.via = dv->neighbours[s.best.slot]->link, .metric = s.best.metric});
    return s;
}

static void offer_candidates(struct dv *dv, uint32_t number, const struct survey *s) {
    slow_id id = dv_dest_id(dv, number);
    dv->offering = number;
    dv->routing->offer(dv->host, &id, s->all.routes, s->all.n);
}

/* Rule 7b: is there an infeasible one that would be of use, as a better route or as the only alternate? */
static void repair(struct dv *dv, uint32_t number, const struct survey *s) {
    bool better = s->useless_metric < s->best.metric, alternate = s->useless_offer < s->best.metric;
    dv_repair(dv, number, s->best.slot != DV_NO_SLOT && (better || (alternate && s->all.n < 2)));
}

/* Does a candidate cease to be one when the feasibility distance sinks from `before` to `now`? */
static bool loses_candidate(const struct dv *dv, uint32_t number, struct dv_word before, struct dv_word now) {
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        struct dv_word offer =
            dv->neighbours[slot] == NULL ? DV_RETRACTION : dv_offer_of(dv, dv->neighbours[slot], number);
        if (dv_finite(offer) && dv_nearer(offer, before) && !dv_nearer(offer, now))
            return true;
    }
    return false;
}

void dv_lower_fd(struct dv *dv, uint32_t number, struct dv_word word) {
    struct dv_dest *dest = &dv->dests[number];
    struct dv_word before = dv_dest_fd(dest);
    bool reborn = word.stamp.epoch != before.stamp.epoch;
    if (!dv_nearer(word, before))
        return;
    if (reborn)
        for (uint32_t slot = 0; slot < dv->slot_count; slot++)
            if (dv->neighbours[slot] != NULL)
                dv->neighbours[slot]->flags[number] &= (uint8_t)~DV_CURRENT;
    dest->fd_epoch = word.stamp.epoch;
    dest->fd_seq = word.stamp.seq;
    dest->fd_metric = word.metric;
    bool lost = loses_candidate(dv, number, before, word);
    if ((!lost && !reborn) || dv->options.break_rule == DV_BREAK_NO_REFILTER)
        return;
    struct survey s = survey(dv, number);
    if (lost)
        offer_candidates(dv, number, &s);
    repair(dv, number, &s);
}

/* Rule 5: a route is found again. Neighbours that offer none have lost theirs as we had, and are told at once, as if they
 * had asked: rule 7a relies on it. At a first route nobody waits. */
static void tell_those_without(struct dv *dv, uint32_t number) {
    if (dv->dests[number].fd_metric == SLOW_METRIC_INFINITY)
        return;
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL && !dv_finite(dv_offer_of(dv, dv->neighbours[slot], number)))
            dv_tell_now(dv->neighbours[slot], number);
}

/* The metric with which it stands among the candidates; infinite: it does not. */
static uint32_t as_candidate(const struct dv *dv, uint32_t number, struct dv_word offer, uint32_t cost) {
    uint32_t metric = metric_through(cost, offer);
    return dv_finite(offer) && dv_feasible(dv, &dv->dests[number], offer) ? metric : SLOW_METRIC_INFINITY;
}

void dv_reselect(struct dv *dv, uint32_t number, uint16_t slot, struct dv_word before, uint32_t cost_before) {
    struct dv_dest *dest = &dv->dests[number];
    const struct dv_neighbour *neighbour = dv_neighbour_at(dv, slot);
    struct dv_word offer = neighbour == NULL ? DV_RETRACTION : dv_offer_of(dv, neighbour, number);
    bool other = as_candidate(dv, number, before, cost_before) !=
                 as_candidate(dv, number, offer, neighbour == NULL ? 0 : neighbour->cost);
    uint16_t old_hop = dest->next_hop;
    uint32_t old_metric = dest->metric;
    struct dv_stamp old_stamp = old_hop == slot ? before.stamp : dv_selected(dv, number).stamp;
    struct survey s = survey(dv, number);
    struct choice best = s.best;
    bool changed = best.slot != old_hop || best.metric != old_metric;
    bool renewed = best.slot != DV_NO_SLOT && dv_stamp_compare(best.stamp, old_stamp) != 0;
    bool reborn = renewed && old_hop != DV_NO_SLOT && best.stamp.epoch != old_stamp.epoch;
    dest->next_hop = best.slot;
    dest->metric = best.metric;
    if (best.metric != old_metric || reborn)
        dv_stale_all(dv, number);
    else if (renewed)
        dv_older_all(dv, number);
    if (other || changed)
        offer_candidates(dv, number, &s);
    repair(dv, number, &s);
    if (changed && best.slot == DV_NO_SLOT) {
        dest->age = 0;
        dv_tell_now_all(dv, number);
        dv_ask(dv, number);
    } else if (changed || reborn) {
        dv_tell_soon_all(dv, number);
    }
    if (changed && old_hop == DV_NO_SLOT)
        tell_those_without(dv, number);
    if (best.slot != DV_NO_SLOT)
        dv_answer(dv, number, best.stamp, renewed);
    if (best.slot != DV_NO_SLOT && best.slot != old_hop)
        dv_ask_on(dv, number, best.stamp);
}
