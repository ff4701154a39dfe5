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
 * The metric of a route is as of its selection; it changes only here. */
#include "route.h"

#define CANDIDATES 8 /* as many as the core looks at */

struct choice {
    uint32_t metric; /* through it */
    uint16_t slot;   /* DV_NO_SLOT = none */
    struct dv_stamp stamp;
};

/* Infinite when it offers nothing, or so much that the sum would not fit. */
static uint32_t metric_through(const struct dv_neighbour *neighbour, struct dv_word offer) {
    uint64_t total = (uint64_t)offer.metric + neighbour->cost;
    return !dv_finite(offer) || total >= SLOW_METRIC_INFINITY ? SLOW_METRIC_INFINITY : (uint32_t)total;
}

struct dv_word dv_selected(const struct dv *dv, uint32_t number) {
    const struct dv_dest *dest = &dv->dests[number];
    const struct dv_neighbour *neighbour = dv_neighbour_at(dv, dest->next_hop);
    if (neighbour == NULL)
        return DV_RETRACTION;
    return (struct dv_word){dv_offer_of(dv, neighbour, number).stamp, dest->metric};
}

/* Rule 2. `current` wins an exact tie. */
static struct choice choose(const struct dv *dv, uint32_t number, uint16_t current) {
    const struct dv_dest *dest = &dv->dests[number];
    struct choice best = {.metric = SLOW_METRIC_INFINITY, .slot = DV_NO_SLOT};
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        const struct dv_neighbour *neighbour = dv->neighbours[slot];
        if (neighbour == NULL)
            continue;
        struct dv_word offer = dv_offer_of(dv, neighbour, number);
        uint32_t metric = metric_through(neighbour, offer);
        if (metric == SLOW_METRIC_INFINITY || !dv_feasible(dv, dest, offer))
            continue;
        bool newer = offer.stamp.epoch > best.stamp.epoch, same = offer.stamp.epoch == best.stamp.epoch;
        bool nearer = metric < best.metric || (metric == best.metric && slot == current);
        if (best.slot == DV_NO_SLOT || newer || (same && nearer))
            best = (struct choice){.metric = metric, .slot = (uint16_t)slot, .stamp = offer.stamp};
    }
    return best;
}

struct candidates {
    slow_route routes[CANDIDATES];
    uint32_t ranks[CANDIDATES];
    size_t n;
};

/* Keeps the best CANDIDATES in order; of equals the first stays first. */
static void candidate_add(struct candidates *all, uint32_t rank, slow_route route) {
    size_t at = all->n;
    while (at > 0 && all->ranks[at - 1] > rank)
        at--;
    if (at == CANDIDATES)
        return;
    if (all->n < CANDIDATES)
        all->n++;
    for (size_t i = all->n - 1; i > at; i--) {
        all->routes[i] = all->routes[i - 1];
        all->ranks[i] = all->ranks[i - 1];
    }
    all->routes[at] = route;
    all->ranks[at] = rank;
}

/* Rule 11: all neighbours whose word is feasible now, the selected one first (no metric is 0, so no rank is less). And
 * rule 7b: is there an infeasible one that would be of use? */
static void offer_candidates(struct dv *dv, uint32_t number) {
    const struct dv_dest *dest = &dv->dests[number];
    struct candidates all = {.n = 0};
    bool useful = false;
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        const struct dv_neighbour *neighbour = dv->neighbours[slot];
        if (neighbour == NULL)
            continue;
        struct dv_word offer = dv_offer_of(dv, neighbour, number);
        uint32_t metric = metric_through(neighbour, offer);
        bool selected = slot == dest->next_hop;
        if (metric == SLOW_METRIC_INFINITY)
            continue;
        if (dv_feasible(dv, dest, offer))
            candidate_add(&all, selected ? 0 : metric, (slow_route){.via = neighbour->link, .metric = metric});
        else if (dest->next_hop != DV_NO_SLOT && offer.metric < dest->metric && offer.stamp.epoch == dest->fd_epoch)
            useful = true;
    }
    slow_id id = dv_dest_id(dv, number);
    dv->offering = number;
    dv->routing->offer(dv->host, &id, all.routes, all.n);
    dv_repair(dv, number, useful);
}

void dv_lower_fd(struct dv *dv, uint32_t number, struct dv_word word) {
    struct dv_dest *dest = &dv->dests[number];
    if (!dv_nearer(word, dv_dest_fd(dest)))
        return;
    if (word.stamp.epoch != dest->fd_epoch)
        for (uint32_t slot = 0; slot < dv->slot_count; slot++)
            if (dv->neighbours[slot] != NULL)
                dv->neighbours[slot]->flags[number] &= (uint8_t)~DV_CURRENT;
    dest->fd_epoch = word.stamp.epoch;
    dest->fd_seq = word.stamp.seq;
    dest->fd_metric = word.metric;
    if (dv->options.break_rule != DV_BREAK_NO_REFILTER)
        offer_candidates(dv, number);
}

void dv_reselect(struct dv *dv, uint32_t number, uint16_t slot, struct dv_stamp before) {
    struct dv_dest *dest = &dv->dests[number];
    uint16_t old_hop = dest->next_hop;
    uint32_t old_metric = dest->metric;
    struct dv_stamp old_stamp = old_hop == slot ? before : dv_selected(dv, number).stamp;
    struct choice best = choose(dv, number, old_hop);
    bool changed = best.slot != old_hop || best.metric != old_metric;
    bool renewed = best.slot != DV_NO_SLOT && dv_stamp_compare(best.stamp, old_stamp) != 0;
    dest->next_hop = best.slot;
    dest->metric = best.metric;
    if (best.metric != old_metric || renewed)
        dv_stale_all(dv, number);
    offer_candidates(dv, number);
    if (changed && best.slot == DV_NO_SLOT) {
        dest->age = 0;
        dv_tell_now_all(dv, number);
        dv_ask(dv, number);
    } else if (changed) {
        dv_tell_soon_all(dv, number);
    } else if (renewed) {
        dv_tell_later_all(dv, number);
    }
    if (best.slot != DV_NO_SLOT)
        dv_answer(dv, number, best.stamp);
}
