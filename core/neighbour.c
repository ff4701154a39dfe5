#include "neighbour.h"
#include <stdlib.h>
#include <string.h>

static const slow_time STEADY = 30 * SL_SECOND, HOLD_FIRST = SL_SECOND, HOLD_MOST = 60 * SL_SECOND;

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

static void adjacency_up(sl_neighbour *n) {
    sl_neighbours *all = n->all;
    slow_time now = sl_now(all->loop);
    n->adjacency = sl_slots_add(&all->adjacencies, n);
    if (n->adjacency == 0)
        return;
    n->up_at = now;
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
    n->adjacency = 0; /* the number finds it until the events are through */
    n->down_at = sl_now(all->loop);
    sl_talk_down(n);
    all->events.down(all->events.arg, n, adjacency);
    sl_slots_remove(&all->adjacencies, adjacency);
    n->uses = 0;
}

static void choose_best(sl_neighbour *n) {
    sl_link *best = NULL, *old = n->best;
    for (uint32_t i = 0; i < n->link_count; i++)
        if (best == NULL || n->links[i]->live.told_cost < best->live.told_cost)
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
    if (n->adjacency == 0 || n->best->live.told_cost == n->cost)
        return;
    n->cost = n->best->live.told_cost;
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
    if (old_is_ours == new_is_ours) /* dialled again by the same end: it has given up the old one */
        return !old_is_ours && strcmp(old->local, new->local) == 0 ? old : NULL;
    bool ours_stays = sl_id_compare(n->all->self, &n->id) < 0;
    return old_is_ours == ours_stays ? new : old;
}

enum sl_close_reason sl_neighbours_opened(sl_neighbours *all, sl_link *link) {
    sl_neighbour *n = sl_neighbour_find(all, &link->peer->id);
    bool known = n != NULL;
    if (n == NULL)
        n = neighbour_add(all, &link->peer->id);
    if (n == NULL)
        return SL_CLOSE_TOO_MANY;
    if (!known || n->start != link->peer->start) {
        close_all(n, SL_CLOSE_REPLACED);
        n->start = link->peer->start;
        n->flaps = 0;
        n->held_until = 0;
        n->protocols = link->peer->protocols;
        /* The epochs go on. Where two junctions have one id, the other may still hold its channel with us. */
        for (unsigned i = 0; i < all->places; i++)
            n->talks[i] = (sl_talk){.epoch = n->talks[i].epoch};
    }
    bool first = n->link_count == 0;
    sl_link *losers[SL_NEIGHBOUR_LINKS];
    uint32_t loser_count = 0;
    for (uint32_t i = 0; i < n->link_count; i++) {
        sl_link *loser = loser_of(n, n->links[i], link);
        if (loser == link)
            return SL_CLOSE_DUPLICATE;
        if (loser != NULL)
            losers[loser_count++] = loser;
    }
    if (n->link_count - loser_count >= SL_NEIGHBOUR_LINKS)
        return SL_CLOSE_TOO_MANY;
    if (n->link_count == SL_NEIGHBOUR_LINKS) /* a place is needed first; the others keep the adjacency up */
        sl_link_close(losers[--loser_count], SL_CLOSE_DUPLICATE, true);
    n->links[n->link_count++] = link;
    link->neighbour = n;
    choose_best(n);
    for (uint32_t i = 0; i < loser_count; i++)
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
    slow_neighbour out = {.link = n->adjacency, .cost = n->cost, .id = n->id};
    if (n->best != NULL) {
        out.rtt = n->best->live.srtt_ns;
        out.loss = n->best->live.loss_ppm;
        out.mtu = n->best->out.frame;
    }
    return out;
}

void sl_neighbour_use(sl_neighbour *n, int change) {
    bool before = n->uses > 0;
    n->uses = (uint32_t)((int64_t)n->uses + change);
    if (before != (n->uses > 0) && n->best != NULL)
        sl_link_set_in_use(n->best, n->uses > 0);
}
