#include "neighbour.h"
#include "address.h"
#include <stdlib.h>
#include <string.h>

static const slow_time STEADY = 30 * SL_SECOND, HOLD_FIRST = SL_SECOND, HOLD_MOST = 60 * SL_SECOND;
static const slow_time TURNS_WITHIN = 60 * SL_SECOND;
enum { TURNS_TOLD = 4 }; /* twice back and forth */

static void neighbour_tick(void *arg);

/* ---- the table ---- */

void sl_neighbours_init(sl_neighbours *all, sl_loop *loop, const sl_log *log, sl_stats *stats, const sl_claim *claim,
                        const sl_neighbour_events *events) {
    *all = (sl_neighbours){.loop = loop,
                           .log = log,
                           .stats = stats,
                           .self = &claim->id,
                           .protocols = &claim->protocols,
                           .events = *events};
}

static void neighbour_free(sl_neighbour *n) {
    sl_talk_down(n);
    sl_timer_free(n->timer);
    sl_timer_free(n->doubt_timer);
    free(n);
}

void sl_neighbours_free(sl_neighbours *all) {
    for (uint32_t i = 0; i < all->count; i++)
        neighbour_free(all->sorted[i]);
    free(all->sorted);
    sl_slots_free(&all->adjacencies);
}

static uint32_t place_of(const sl_neighbours *all, const slow_id *id) {
    uint32_t low = 0, high = all->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (sl_id_compare(&all->sorted[middle]->id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

sl_neighbour *sl_neighbour_find(const sl_neighbours *all, const slow_id *id) {
    uint32_t place = place_of(all, id);
    return place < all->count && sl_id_equal(&all->sorted[place]->id, id) ? all->sorted[place] : NULL;
}

/* The memory of neighbours is bounded: the one that has been down longest goes. */
static void forget_one(sl_neighbours *all) {
    uint32_t oldest = all->count;
    for (uint32_t i = 0; i < all->count; i++)
        if (all->sorted[i]->link_count == 0 &&
            (oldest == all->count || all->sorted[i]->down_at < all->sorted[oldest]->down_at))
            oldest = i;
    if (oldest == all->count)
        return;
    neighbour_free(all->sorted[oldest]);
    all->count--;
    memmove(&all->sorted[oldest], &all->sorted[oldest + 1], (all->count - oldest) * sizeof *all->sorted);
}

static sl_neighbour *neighbour_add(sl_neighbours *all, const slow_id *id) {
    if (all->count >= SL_NEIGHBOURS_MAX)
        forget_one(all);
    if (all->count >= SL_NEIGHBOURS_MAX)
        return NULL;
    if (all->count == all->capacity) {
        uint32_t capacity = all->capacity == 0 ? 16 : all->capacity * 2;
        sl_neighbour **sorted = realloc(all->sorted, capacity * sizeof *sorted);
        if (sorted == NULL)
            return NULL;
        all->sorted = sorted;
        all->capacity = capacity;
    }
    sl_neighbour *n = calloc(1, sizeof *n);
    if (n == NULL)
        return NULL;
    n->all = all;
    n->id = *id;
    n->timer = sl_timer_new(all->loop, neighbour_tick, n);
    if (n->timer == NULL) {
        free(n);
        return NULL;
    }
    uint32_t place = place_of(all, id);
    memmove(&all->sorted[place + 1], &all->sorted[place], (all->count - place) * sizeof *all->sorted);
    all->sorted[place] = n;
    all->count++;
    return n;
}

/* ---- up and down ---- */

/* A hold is for links that break. Who says goodbye each time, or starts anew, is not held, but what it costs us to take it up
 * and to let it go is the same: so that has a budget. */
static void adjacency_up(sl_neighbour *n) {
    sl_neighbours *all = n->all;
    slow_time now = sl_now(all->loop);
    if (sl_budget_is_spent(&n->ups, now)) {
        n->held_until = sl_budget_ready_at(&n->ups);
        return;
    }
    n->adjacency = sl_slots_add(&all->adjacencies, n);
    if (n->adjacency == 0)
        return;
    sl_budget_spend(&n->ups, SL_BUDGET_ANEW, now);
    n->up_at = now;
    n->doubt = (sl_doubt){.shunned = false};
    n->cost = n->best->live.told_cost;
    sl_talk_up(n);
    sl_log_write(all->log, SLOW_LOG_INFO, "link", "%.*s is up at %s: codec %s, rtt %.1f ms, cost %u", SL_ID_ARG(&n->id),
                 n->best->remote, sl_link_codec(n->best)->ops->name, (double)n->best->live.srtt_ns / 1e6,
                 (unsigned)n->cost);
    all->events.up(all->events.arg, n);
    sl_link_touch(n->best);
}

static void count_flap(sl_neighbour *n, bool orderly) {
    slow_time now = sl_now(n->all->loop);
    if (orderly || now - n->up_at >= STEADY)
        n->flaps = 0;
    if (orderly) {
        n->held_until = 0;
        return;
    }
    slow_time hold = 0;
    if (n->flaps > 0)
        hold = HOLD_FIRST << (n->flaps - 1 < 6 ? n->flaps - 1 : 6);
    n->held_until = now + (hold < HOLD_MOST ? hold : HOLD_MOST);
    n->flaps++;
}

static void adjacency_down(sl_neighbour *n, bool orderly, const char *why) {
    sl_neighbours *all = n->all;
    slow_link adjacency = n->adjacency;
    if (adjacency == 0)
        return;
    sl_log_write(all->log, SLOW_LOG_INFO, "link", "%.*s is down: %s", SL_ID_ARG(&n->id), why);
    count_flap(n, orderly);
    n->adjacency = 0; /* the number finds it, and its talks tell who saw it, until the events are through */
    n->down_at = sl_now(all->loop);
    all->events.down(all->events.arg, n, adjacency);
    sl_talk_down(n);
    sl_slots_remove(&all->adjacencies, adjacency);
    n->uses = 0;
}

/* One that retires serves only where there is no other. */
static bool is_better(const sl_link *a, const sl_link *b) {
    bool a_retires = a->retire_at != 0, b_retires = b->retire_at != 0;
    return a_retires != b_retires ? b_retires : a->live.told_cost < b->live.told_cost;
}

static void choose_best(sl_neighbour *n) {
    sl_link *best = NULL, *old = n->best;
    for (uint32_t i = 0; i < n->link_count; i++)
        if (best == NULL || is_better(n->links[i], best))
            best = n->links[i];
    n->best = best;
    if (best == old || best == NULL)
        return;
    if (old != NULL && old->state == SL_LINK_UP)
        sl_link_set_in_use(old, false);
    sl_link_set_in_use(best, n->uses > 0);
    sl_talk_moved(n);
    sl_link_touch(best);
}

static void tell_cost(sl_neighbour *n) {
    uint32_t cost = n->doubt.shunned ? SL_COST_SHUNNED : n->best->live.told_cost;
    if (n->adjacency == 0 || cost == n->cost)
        return;
    n->cost = cost;
    n->all->events.changed(n->all->events.arg, n);
}

static void neighbour_tick(void *arg) {
    sl_neighbour *n = arg;
    slow_time now = sl_now(n->all->loop);
    if (n->adjacency == 0 && n->link_count > 0 && now >= n->held_until)
        adjacency_up(n);
    sl_talk_tick(n, now);
    if (n->best != NULL)
        sl_link_touch(n->best);
    sl_talk_timer(n);
}

/* ---- links come and go ---- */

static bool same_host(const char *a, const char *b) {
    size_t size = sl_address_host(a);
    return size == sl_address_host(b) && memcmp(a, b, size) == 0;
}

static bool is_wildcard(const char *address) {
    return strstr(address, "://0.0.0.0:") != NULL || strstr(address, "://[::]:") != NULL;
}

static bool same_machines(const sl_link *a, const sl_link *b) {
    return a->port == b->port && same_host(a->remote, b->remote) &&
           (same_host(a->local, b->local) || is_wildcard(a->local) || is_wildcard(b->local));
}

static void close_all(sl_neighbour *n, enum sl_close_reason reason) {
    while (n->link_count > 0)
        sl_link_close(n->links[n->link_count - 1], reason, false);
}

/* Another link between the same two machines: which of the two has to go? NULL = both may stay. */
static sl_link *loser_of(const sl_neighbour *n, sl_link *old, sl_link *new) {
    if (!same_machines(old, new))
        return NULL;
    bool old_is_ours = old->dial != 0, new_is_ours = new->dial != 0;
    if (new->renews != 0 && new->renews == old->dial)
        return old;
    if (old_is_ours == new_is_ours) /* dialled again by the same end: it has given up the old one, or renews it */
        return !old_is_ours && strcmp(old->local, new->local) == 0 ? old : NULL;
    bool ours_stays = sl_id_compare(n->all->self, &n->id) < 0;
    return old_is_ours == ours_stays ? new : old;
}

/* With keys the same end also dials again to have fresh ones, while the old link lives: that one is closed when what is on
 * its way in it has come. */
static bool retires(const sl_link *loser, const sl_link *link) {
    return link->env->opening.security->tag_size > 0 && (loser->dial != 0) == (link->dial != 0);
}

/* The losers that retire hand over before the best is chosen. */
static void retire(sl_link *const *losers, uint32_t count, sl_link *link) {
    for (uint32_t i = 0; i < count; i++) {
        if (losers[i]->retire_at != 0 || !retires(losers[i], link))
            continue;
        sl_liveness_inherit(&link->live, &losers[i]->live);
        if (losers[i]->codec == link->codec)
            SL_COUNT_BY(link->env->stats, drop_package_link_down, sl_outbox_move(&losers[i]->out, &link->out));
        sl_link_retire(losers[i]);
    }
}

static uint32_t living(const sl_neighbour *n) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->link_count; i++)
        count += n->links[i]->retire_at == 0;
    return count;
}

/* A place for one more: the others keep the adjacency up. */
static void make_room(sl_neighbour *n) {
    for (uint32_t i = 0; n->link_count == SL_NEIGHBOUR_PLACES && i < n->link_count; i++)
        if (n->links[i]->retire_at != 0)
            sl_link_close(n->links[i], SL_CLOSE_REPLACED, true);
}

static uint32_t find_losers(const sl_neighbour *n, sl_link *link, sl_link *losers[SL_NEIGHBOUR_PLACES]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->link_count; i++) {
        sl_link *loser = n->links[i]->retire_at == 0 ? loser_of(n, n->links[i], link) : NULL;
        if (loser != NULL)
            losers[count++] = loser;
    }
    return count;
}

/* A restart draws a number that nobody had. One that comes back was never away: two run under this id, and with one key where
 * keys are asked for. */
static void started_anew(sl_neighbour *n, const sl_link *link) {
    slow_time now = sl_now(n->all->loop);
    const char *other = n->link_count > 0 ? n->links[0]->remote : "an address that is gone";
    if (link->peer->start == n->start_before) {
        if (n->turns == 0 || now - n->turned_at > TURNS_WITHIN) {
            n->turns = 0;
            n->turned_at = now;
        }
        if (++n->turns >= TURNS_TOLD)
            sl_log_limited(n->all->log, &n->all->rate_twice, now, SLOW_LOG_WARN, "link",
                           "%.*s opens from two places in turn (%s, %s): is it running twice?", SL_ID_ARG(&n->id),
                           other, link->remote);
    }
    n->start_before = n->start;
}

enum sl_close_reason sl_neighbours_opened(sl_neighbours *all, sl_link *link) {
    sl_neighbour *n = sl_neighbour_find(all, &link->peer->id);
    bool known = n != NULL;
    if (n == NULL)
        n = neighbour_add(all, &link->peer->id);
    if (n == NULL)
        return SL_CLOSE_TOO_MANY;
    if (!known || n->start != link->peer->start) {
        if (known)
            started_anew(n, link);
        close_all(n, SL_CLOSE_REPLACED);
        n->start = link->peer->start;
        n->flaps = 0;
        n->held_until = 0;
        n->protocols = link->peer->protocols; /* the epochs stay: it may have been here before, if it has a namesake */
    }
    bool first = n->link_count == 0;
    sl_link *losers[SL_NEIGHBOUR_PLACES];
    uint32_t loser_count = find_losers(n, link, losers);
    for (uint32_t i = 0; i < loser_count; i++)
        if (losers[i] == link)
            return SL_CLOSE_DUPLICATE;
    if (living(n) - loser_count >= SL_NEIGHBOUR_LINKS)
        return SL_CLOSE_TOO_MANY;
    make_room(n);
    n->links[n->link_count++] = link;
    link->neighbour = n;
    if (n->adjacency == 0)
        n->leaf = sl_link_is_of_leaf(link);
    retire(losers, loser_count, link);
    choose_best(n);
    for (uint32_t i = 0; i < loser_count; i++)
        if (losers[i]->retire_at == 0)
            sl_link_close(losers[i], losers[i]->dial != 0 || link->dial != 0 ? SL_CLOSE_DUPLICATE : SL_CLOSE_REPLACED,
                          true);
    sl_talk_opened(n, link, first);
    if (n->adjacency == 0 && sl_now(all->loop) >= n->held_until)
        adjacency_up(n);
    else
        tell_cost(n);
    sl_talk_timer(n);
    return 0;
}

void sl_neighbours_closed(sl_neighbours *all, sl_link *link, enum sl_close_reason reason) {
    sl_neighbour *n = link->neighbour;
    (void)all;
    link->neighbour = NULL;
    if (n == NULL)
        return;
    for (uint32_t i = 0; i < n->link_count; i++)
        if (n->links[i] == link) {
            memmove(&n->links[i], &n->links[i + 1], (n->link_count - i - 1) * sizeof *n->links);
            n->link_count--;
            break;
        }
    if (n->best == link) {
        n->best = NULL;
        choose_best(n);
        if (n->best != NULL && n->best->codec == link->codec) {
            uint32_t lost = sl_outbox_move(&link->out, &n->best->out);
            SL_COUNT_BY(n->all->stats, drop_package_link_down, lost);
        }
    }
    if (n->link_count == 0)
        adjacency_down(n, reason >= SL_CLOSE_GOODBYE && reason <= SL_CLOSE_REPLACED, sl_close_text(reason));
    else
        tell_cost(n);
    sl_talk_timer(n);
}

void sl_neighbours_cost(sl_neighbours *all, sl_link *link) {
    sl_neighbour *n = link->neighbour;
    (void)all;
    if (n == NULL)
        return;
    choose_best(n);
    tell_cost(n);
}

/* ---- for the layers above ---- */

slow_neighbour sl_neighbour_describe(const sl_neighbour *n) {
    slow_neighbour out = {
        .link = n->adjacency, .cost = n->cost, .id = n->id, .flags = n->leaf ? SLOW_NEIGHBOUR_LEAF : 0};
    if (n->best != NULL) {
        out.rtt = n->best->live.srtt_ns;
        out.loss = n->best->live.loss_ppm;
        out.mtu = n->best->out.frame;
    }
    return out;
}

void sl_neighbour_passed(sl_neighbour *n, bool arrived) {
    sl_doubt_passed(&n->doubt, arrived, sl_now(n->all->loop));
}

void sl_neighbour_convict(sl_neighbour *n, const slow_id *dst, int change) {
    slow_time now = sl_now(n->all->loop);
    sl_doubt_convict(&n->doubt, change, now);
    if (change > 0)
        sl_log_limited(n->all->log, &n->all->rate_doubt, now, SLOW_LOG_WARN, "link",
                       "%.*s passes nothing on to %.*s: what we send there goes another way for a while",
                       SL_ID_ARG(&n->id), SL_ID_ARG(dst));
}

static void doubt_tick(void *arg) {
    sl_neighbour *n = arg;
    if (n->adjacency == 0 || !sl_doubt_look(&n->doubt, sl_now(n->all->loop)))
        return;
    if (n->doubt.shunned) {
        sl_log_limited(n->all->log, &n->all->rate_doubt, sl_now(n->all->loop), SLOW_LOG_WARN, "link",
                       "nothing arrives through %.*s: it is shunned for %u s", SL_ID_ARG(&n->id),
                       (unsigned)(n->doubt.wait_ns / SL_SECOND));
        sl_timer_at(n->doubt_timer, n->doubt.until);
    }
    tell_cost(n);
}

/* Not at once: whoever tells may be in the middle of something that a strategy must not change. Without memory for a timer it
 * is as trusted as before. */
void sl_neighbour_silent(sl_neighbour *n, const slow_id *dst, slow_time since, uint32_t metric) {
    slow_time now = sl_now(n->all->loop);
    if (!sl_doubt_silent(&n->doubt, dst, since, metric, now))
        return;
    if (n->doubt_timer == NULL)
        n->doubt_timer = sl_timer_new(n->all->loop, doubt_tick, n);
    if (n->doubt_timer != NULL)
        sl_timer_at(n->doubt_timer, now);
}

void sl_neighbour_use(sl_neighbour *n, int change) {
    bool before = n->uses > 0;
    n->uses = (uint32_t)((int64_t)n->uses + change);
    if (before != (n->uses > 0) && n->best != NULL)
        sl_link_set_in_use(n->best, n->uses > 0);
}
