/* route.c - see route.h.
 *
 * When. A change is computed in the turn in which it came, and so are those that follow it: a death is told by each of its
 * neighbours, one a moment after the other. In a storm runs are 5 ms apart, then 80 ms, and 2 s (RFC 8405); which, is told
 * by an allowance of 64 runs that grows by ten a second (at once while more than half of it is left), and not by the time
 * since the first change as there: a network in which something is always changing somewhere, ten times a second, never
 * gets slower to heal. The loss of an adjacency of ours is always computed at once; the core holds flapping links down.
 *
 * Candidates. The first is the next hop of the shortest path. Behind it stand loop-free alternates (RFC 5286): a
 * neighbour N whose own way to D does not lead back through us, distance(N, D) < distance(N, us) + distance(us, D); those
 * first that avoid the first candidate's junction too (ibid., inequality 3). They need the network as N sees it, which is
 * a tree more for each N: kept for the 8 cheapest neighbours alone, so a hub's work is bounded, and computed some ms
 * after the routes are in place, so they never wait for it. Until then a destination whose route has changed has no
 * alternate.
 *
 * Loops while databases differ. News is flooded before the routes that follow from it are offered (the order of host
 * calls is the order of effects), and computed in the turn in which it comes. So on links that keep the order, a package
 * that goes by new routes finds the news at every junction before itself: it travels by the old routes as far as those
 * who have not heard, and by the new ones from there on. Either of the two is free of loops, so it passes a junction at
 * most twice: it may turn back, it cannot loop; nor with several pieces of news, once more for each. network_test.c and
 * burst_test.c send packages through cuts, deaths and repairs, alone and within some milliseconds, and find none that
 * does. It needs that nobody who has told news on waits before going by it: 5 ms between two runs were enough for a package
 * to use up 64 hops of 20 us. And that nobody goes by what is not told: another cost of a link of ours counts from when we
 * say it, 50 ms later (origin.c). What can be left out of the argument is what only improves: a new link may be used before
 * it is told, since who is nearer without us does not come to us. Of what is *installed* at one moment that cannot be said:
 * two neighbours point at one another until the news has crossed the link between them, and a checker that looks at tables
 * alone counts that.
 *
 * Tables that point at one another are still a trap where a link reorders or loses the news, or a run is put off. So a
 * new next hop that would have sent to the destination through us, by the network as it was (its tree is there: it is
 * computed after the routes), is offered only when the news has had the time to cross the link to it, and until then
 * nothing is: who has not heard could only send back. A loss that origin.c has to keep back for a while counts from when
 * it will be said: we cannot but route by it, the link is dead. That takes 84 to 99.9 of 100 such loops away (cutting every link
 * of uscarrier: 34,478, and now 4), for a package in 60,000 of those under way at the time, and 1 to 4 ms until all tables
 * are whole. A neighbour without a tree here, at a hub, is not waited for. Rejected: to wait until all behind us have
 * changed (RFC 6976), or to hold on to the old next hop until the new one is nearer than anything told since the change
 * (RFC 5715, 6.2): the old one sends back already, or is dead.
 */
#include "route.h"
#include <stdlib.h>
#include <string.h>

#define RUNS_MOST 64
#define RUNS_DEBT (-256)
#define RUN_NS (100 * LS_MS)
#define HOLD_MORE_NS (LS_MS / 2)
#define HOLD_MOST_NS (50 * LS_MS) /* a cost need not be a latency */
#define VIEWS_AFTER_NS (5 * LS_MS)
#define VIEWS_APART_NS (50 * LS_MS)

/* ---- when */

void ls_route_plan(struct ls *ls, bool urgent) {
    slow_time now = ls_now(ls), apart_ns = 0;
    (void)ls_allowed(ls, &ls->runs, RUNS_MOST, RUN_NS);
    if (ls->runs.left <= RUNS_MOST / 2)
        apart_ns = ls->runs.left > 0 ? 5 * LS_MS : ls->runs.left > RUNS_DEBT ? 80 * LS_MS : 2000 * LS_MS;
    bool at_once = urgent || ls->ran_at == 0 || ls->ran_at + apart_ns <= now;
    ls_plan(&ls->run_at, at_once ? now : ls->ran_at + apart_ns);
}

/* ---- candidates */

static struct ls_view *view_of(struct ls *ls, uint16_t slot) {
    for (uint32_t i = 0; i < LS_ALTERNATES; i++)
        if (ls->views[i].tree.root != LS_NONE && ls->views[i].slot == slot)
            return &ls->views[i];
    return NULL;
}

struct candidate {
    slow_route route;
    bool avoids_node;
    uint16_t slot;
};

static bool is_better(const struct candidate *a, const struct candidate *b) {
    if (a->avoids_node != b->avoids_node)
        return a->avoids_node;
    return a->route.metric != b->route.metric ? a->route.metric < b->route.metric : a->slot < b->slot;
}

/* Is this neighbour a loop-free alternate to `first` for `node`? */
static bool alternate(const struct ls *ls, const struct ls_view *view, uint32_t node, const struct ls_neighbour *first,
                      struct candidate *out) {
    const struct ls_neighbour *neighbour = ls_neighbour_at(ls, view->slot);
    if (view->tree.root == LS_NONE || neighbour == NULL || neighbour == first || !view->listed)
        return false;
    if (neighbour->leaf && node != neighbour->node)
        return false;
    uint32_t theirs = ls_tree_distance(&view->tree, node), ours = ls_tree_distance(&ls->own, node);
    uint32_t through_us = ls_metric_sum(ls_tree_distance(&view->tree, LS_SELF), ours);
    uint32_t through_first = ls_metric_sum(ls_tree_distance(&view->tree, first->node), ours - first->cost);
    if (theirs == SLOW_METRIC_INFINITY || (theirs >= through_us && ls->options.break_rule != LS_BREAK_NO_INEQUALITY))
        return false;
    *out = (struct candidate){
        .route = {.via = neighbour->link, .metric = ls_metric_sum(neighbour->cost, theirs)},
        .avoids_node = node != first->node && theirs < through_first,
        .slot = view->slot,
    };
    return true;
}

size_t ls_candidates(const struct ls *ls, uint32_t node, slow_route out[1 + LS_ALTERNATES]) {
    struct candidate sorted[LS_ALTERNATES], next;
    const struct ls_neighbour *first = ls_reachable(ls, node) ? ls_neighbour_at(ls, ls->own.hops[node]) : NULL;
    size_t count = 0;
    if (first == NULL)
        return 0;
    if ((ls->graph.nodes[node].flags & LS_HELD) != 0 && ls_now(ls) < first->held_until)
        return 0;
    out[0] = (slow_route){.via = first->link, .metric = ls_tree_distance(&ls->own, node)};
    if ((ls->graph.nodes[node].flags & LS_BARE) != 0)
        return 1;
    for (uint32_t i = 0; i < LS_ALTERNATES; i++) {
        if (!alternate(ls, &ls->views[i], node, first, &next))
            continue;
        size_t at = count++;
        for (; at > 0 && is_better(&next, &sorted[at - 1]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = next;
    }
    for (size_t i = 0; i < count; i++)
        out[1 + i] = sorted[i].route;
    return 1 + count;
}

/* ---- offers */

static uint64_t mixed(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 32) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 29;
}

/* Offers what the core does not have yet. What it has is remembered as 64 bits: a million changes of a route a second
 * would take a hundred thousand years to meet two that look the same. */
static void offer(struct ls *ls, uint32_t number) {
    struct ls_node *node = &ls->graph.nodes[number];
    slow_route routes[1 + LS_ALTERNATES];
    if (node->id == 0 || number == LS_SELF)
        return;
    size_t count = ls_candidates(ls, number, routes);
    uint64_t hash = count;
    for (size_t i = 0; i < count; i++)
        hash = mixed(mixed(hash, routes[i].via), routes[i].metric);
    if (count > 0 && hash == 0)
        hash = 1;
    if (hash == node->offered)
        return;
    node->offered = hash;
    slow_bytes bytes = ls_node_id(&ls->graph, number);
    slow_id id = {.size = (uint8_t)bytes.size};
    memcpy(id.text, bytes.data, bytes.size);
    (void)ls->routing->offer(ls->host, &id, routes, count);
}

static void offer_all(struct ls *ls) {
    for (uint32_t node = LS_SELF + 1; node < ls->graph.node_count; node++)
        offer(ls, node);
}

/* ---- our own tree */

static void reach_changed(struct ls *ls, uint32_t number, bool was) {
    struct ls_node *node = &ls->graph.nodes[number];
    bool is = ls_reachable(ls, number);
    if (is)
        node->lost_at = 0;
    else if (was)
        node->lost_at = ls_seconds(ls);
}

static void views_plan(struct ls *ls) {
    slow_time soon = ls_now(ls) + VIEWS_AFTER_NS, next = ls->viewed_at + VIEWS_APART_NS;
    ls_plan(&ls->views_at, next > soon ? next : soon);
}

/* ---- next hops that have not heard yet */

/* Does the way from the tree's root to a node lead through us? It ends where the distance does not fall. */
static bool leads_through_us(const struct ls_tree *tree, uint32_t node) {
    for (uint32_t above; node != LS_SELF; node = above) {
        above = node < tree->capacity ? tree->at[node].parent : LS_NONE;
        if (above == LS_NONE || tree->at[above].distance >= tree->at[node].distance)
            return false;
    }
    return true;
}

/* Did the neighbour behind this slot send to the node through us, before the change? By its tree, or by another way of the
 * same length. */
static bool came_through_us(struct ls *ls, uint16_t slot, const struct ls_change *change) {
    const struct ls_view *view = view_of(ls, slot);
    if (view == NULL || view->fresh)
        return false;
    if (leads_through_us(&view->tree, change->node))
        return true;
    uint32_t theirs = ls_tree_distance(&view->tree, change->node);
    return change->distance != SLOW_METRIC_INFINITY && theirs != SLOW_METRIC_INFINITY &&
           theirs >= ls_metric_sum(ls_tree_distance(&view->tree, LS_SELF), ls_metric(change->distance));
}

static void hold(struct ls *ls, const struct ls_change *change) {
    uint16_t slot = ls->own.hops[change->node];
    struct ls_neighbour *next = ls_neighbour_at(ls, slot);
    slow_time now = ls_now(ls);
    if (next != NULL && slot == change->hop)
        return; /* as it was, held or not */
    ls->graph.nodes[change->node].flags &= (uint8_t)~LS_HELD;
    if (next == NULL || !came_through_us(ls, slot, change))
        return;
    slow_time cross_ns = next->cost * (LS_MS / 10); /* a cost is a latency, in tenths of a millisecond */
    cross_ns += cross_ns / 10 + HOLD_MORE_NS;
    slow_time said_at = ls->loss_unsaid && ls->originate_at > now ? ls->originate_at : now;
    slow_time until = said_at + (cross_ns < HOLD_MOST_NS ? cross_ns : HOLD_MOST_NS);
    /* It may wait already, and then for longer; but what always changes must not wait for ever. */
    if (until > next->held_until && (next->held_until <= now || ls->runs.left > RUNS_MOST / 2))
        next->held_until = until;
    ls->graph.nodes[change->node].flags |= LS_HELD;
    ls_plan(&ls->release_at, next->held_until);
}

static void release(struct ls *ls) {
    slow_time now = ls_now(ls);
    ls->release_at = 0;
    for (uint32_t node = LS_SELF + 1; node < ls->graph.node_count; node++) {
        if ((ls->graph.nodes[node].flags & LS_HELD) == 0)
            continue;
        const struct ls_neighbour *next = ls_neighbour_at(ls, ls->own.hops[node]);
        if (next != NULL && next->held_until > now) {
            ls_plan(&ls->release_at, next->held_until);
            continue;
        }
        ls->graph.nodes[node].flags &= (uint8_t)~LS_HELD;
        offer(ls, node);
    }
}

static void run(struct ls *ls) {
    struct ls_change *changes;
    uint32_t count;
    slow_time now = ls_now(ls);
    bool changed = false;
    ls->run_at = 0;
    ls->run_count++;
    if (!ls_tree_update(&ls->own, &ls->graph, &ls->graph.touched, &changes, &count)) {
        ls->host->log(ls->host, SLOW_LOG_ERROR, "no memory to compute routes: trying again in a second");
        ls_plan(&ls->run_at, now + LS_SECOND);
        return;
    }
    ls_touched_clear(&ls->graph, &ls->graph.touched, LS_TOUCHED);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = changes[i].node;
        bool same = changes[i].distance == ls->own.at[node].distance && changes[i].hop == ls->own.hops[node];
        if (same || ls->graph.nodes[node].id == 0)
            continue;
        changed = true;
        reach_changed(ls, node, changes[i].distance != SLOW_METRIC_INFINITY);
        ls->graph.nodes[node].flags |= LS_BARE;
        hold(ls, &changes[i]);
        offer(ls, node);
    }
    free(changes);
    if (changed) { /* a look that found nothing new costs little, and must not put the next one off */
        ls->ran_at = now;
        ls->runs.left -= ls->runs.left > 2 * RUNS_DEBT;
    }
    if (ls->review_all)
        offer_all(ls);
    ls->review_all = false;
    ls_neighbours_tidy(ls);
    views_plan(ls);
}

/* ---- the neighbours' trees */

void ls_view_end(struct ls *ls, uint16_t slot) {
    struct ls_view *view = view_of(ls, slot);
    if (view != NULL)
        ls_tree_free(&view->tree);
}

/* How many neighbours are cheaper than this one; whoever has a tree counts as a tenth cheaper, so that two that swing
 * about one another do not take turns. */
static bool is_among_cheapest(struct ls *ls, const struct ls_neighbour *neighbour) {
    uint32_t cheaper = 0;
    uint64_t cost = (uint64_t)neighbour->cost * (view_of(ls, neighbour->slot) != NULL ? 9 : 10);
    for (uint32_t slot = 0; slot < ls->slot_count && cheaper < LS_ALTERNATES; slot++) {
        const struct ls_neighbour *other = ls_neighbour_at(ls, (uint16_t)slot);
        if (other == NULL || other == neighbour || ls->graph.nodes[other->node].slot != slot)
            continue;
        uint64_t theirs = (uint64_t)other->cost * (view_of(ls, (uint16_t)slot) != NULL ? 9 : 10);
        cheaper += theirs < cost || (theirs == cost && slot < neighbour->slot);
    }
    return cheaper < LS_ALTERNATES;
}

static void views_choose(struct ls *ls) {
    bool wanted[LS_ALTERNATES] = {false};
    uint16_t fresh[LS_ALTERNATES];
    uint32_t fresh_count = 0, neighbours = 0;
    for (uint32_t slot = 0; slot < ls->slot_count; slot++)
        neighbours += ls_neighbour_at(ls, (uint16_t)slot) != NULL;
    for (uint32_t slot = 0; neighbours > 1 && slot < ls->slot_count; slot++) {
        const struct ls_neighbour *neighbour = ls_neighbour_at(ls, (uint16_t)slot);
        if (neighbour == NULL || neighbour->node == LS_SELF || ls->graph.nodes[neighbour->node].slot != slot ||
            !is_among_cheapest(ls, neighbour))
            continue;
        struct ls_view *view = view_of(ls, (uint16_t)slot);
        if (view != NULL)
            wanted[view - ls->views] = true;
        else if (fresh_count < LS_ALTERNATES)
            fresh[fresh_count++] = (uint16_t)slot;
    }
    for (uint32_t i = 0; i < LS_ALTERNATES; i++) {
        struct ls_view *view = &ls->views[i];
        if (wanted[i])
            continue;
        ls_tree_free(&view->tree);
        if (fresh_count == 0)
            continue;
        view->slot = fresh[--fresh_count];
        if (!ls_tree_init(&view->tree, &ls->graph, ls->neighbours[view->slot]->node, false))
            ls_tree_free(&view->tree);
        view->fresh = true;
    }
}

static void views_run(struct ls *ls) {
    static const struct ls_touched everything = {.all = true};
    ls->views_at = 0;
    ls->viewed_at = ls_now(ls);
    views_choose(ls);
    for (uint32_t i = 0; i < LS_ALTERNATES; i++) {
        struct ls_view *view = &ls->views[i];
        struct ls_change *changes;
        uint32_t count;
        if (view->tree.root == LS_NONE)
            continue;
        if (!ls_tree_update(&view->tree, &ls->graph, view->fresh ? &everything : &ls->graph.touched_later, &changes,
                            &count)) {
            ls_tree_free(&view->tree);
            continue;
        }
        free(changes);
        view->fresh = false;
        view->listed = ls_cost_told(&ls->graph, view->tree.root, LS_SELF) != 0;
    }
    ls_touched_clear(&ls->graph, &ls->graph.touched_later, LS_TOUCHED_LATER);
    for (uint32_t node = 0; node < ls->graph.node_count; node++)
        ls->graph.nodes[node].flags &= (uint8_t)~LS_BARE;
    offer_all(ls);
}

void ls_route(struct ls *ls) {
    slow_time now = ls_now(ls);
    if (ls->release_at != 0 && ls->release_at <= now)
        release(ls);
    bool touched = ls->graph.touched.count > 0 || ls->graph.touched.all || ls->review_all;
    if (touched && ls->run_at == 0)
        ls_route_plan(ls, false);
    if (ls->graph.touched_later.count > 0 || ls->graph.touched_later.all)
        views_plan(ls);
    /* What is not flooded yet must not be routed by. */
    if (ls->run_at != 0 && ls->run_at <= now && ls->queue_count == 0)
        run(ls);
    if (ls->views_at != 0 && ls->views_at <= now && ls->run_at == 0)
        views_run(ls);
}
