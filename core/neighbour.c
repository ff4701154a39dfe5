#include "neighbour.h"
#include <stdlib.h>
#include <string.h>

static const slow_time STEADY = 30 * SL_SECOND, HOLD_FIRST = SL_SECOND, HOLD_MOST = 60 * SL_SECOND;
static const slow_time RENEW_LEAST = SL_SECOND; /* between two new beginnings of a channel that holds too much */
static const slow_time NEVER = UINT64_MAX;

static void neighbour_tick(void *arg);
static void channel_renew(sl_neighbour *n, unsigned i, slow_time now);

/* ---- the table ---- */

void sl_neighbours_init(sl_neighbours *all, sl_loop *loop, const sl_log *log, sl_stats *stats, const slow_id *self,
                        const sl_neighbour_events *events) {
    *all = (sl_neighbours){.loop = loop, .log = log, .stats = stats, .self = self, .events = *events};
}

static void channels_free(sl_neighbour *n) {
    for (unsigned i = 0; i < n->protocols.count; i++)
        sl_channel_free(&n->channels[i]);
    n->protocols.count = 0;
}

static void neighbour_free(sl_neighbour *n) {
    channels_free(n);
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

static void timer_update(sl_neighbour *n) {
    slow_time next = NEVER;
    if (n->adjacency == 0 && n->link_count > 0)
        next = n->held_until;
    for (unsigned i = 0; i < n->protocols.count; i++)
        if (n->channels[i].resend_at != 0 && n->channels[i].resend_at < next)
            next = n->channels[i].resend_at;
    slow_time renew = n->renewed_at == 0 ? 0 : n->renewed_at + RENEW_LEAST;
    for (unsigned i = 0; i < n->protocols.count; i++)
        if (n->channels[i].overflowed && renew < next)
            next = renew;
    if (next == NEVER)
        sl_timer_stop(n->timer);
    else
        sl_timer_at(n->timer, next);
}

static void adjacency_up(sl_neighbour *n) {
    sl_neighbours *all = n->all;
    slow_time now = sl_now(all->loop);
    n->adjacency = sl_slots_add(&all->adjacencies, n);
    if (n->adjacency == 0)
        return;
    n->up_at = now;
    n->cost = n->best->live.told_cost;
    n->protocols = n->best->protocols;
    for (unsigned i = 0; i < n->protocols.count; i++) {
        sl_channel_init(&n->channels[i], ++n->epochs[i]);
        n->channels[i].ack_due = n->missed >> i & 1; /* shows the epoch, and so that the other end has to begin anew */
    }
    n->missed = 0;
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
    channels_free(n);
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
    for (unsigned i = 0; i < n->protocols.count; i++) {
        sl_channel_rewind(&n->channels[i]);
        n->channels[i].ack_due = n->channels[i].wanted > 1; /* the last one may have died with the old link */
    }
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
    for (unsigned i = 0; i < n->protocols.count; i++) {
        sl_channel_tick(&n->channels[i], now);
        channel_renew(n, i, now);
    }
    if (n->best != NULL)
        sl_link_touch(n->best);
    timer_update(n);
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
    if (n == NULL)
        n = neighbour_add(all, &link->peer->id);
    if (n == NULL)
        return SL_CLOSE_TOO_MANY;
    if (n->start != link->peer->start) {
        close_all(n, SL_CLOSE_REPLACED);
        n->start = link->peer->start;
        n->flaps = 0;
        n->held_until = 0;
        memset(n->epochs, 0, sizeof n->epochs);
        n->missed = 0;
    }
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
    if (n->adjacency == 0 && sl_now(all->loop) >= n->held_until)
        adjacency_up(n);
    else
        tell_cost(n);
    timer_update(n);
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
    timer_update(n);
}

void sl_neighbours_cost(sl_neighbours *all, sl_link *link) {
    sl_neighbour *n = link->neighbour;
    (void)all;
    if (n == NULL)
        return;
    choose_best(n);
    tell_cost(n);
}

/* ---- the strategy channel ---- */

static int protocol_index(const sl_neighbour *n, const char *protocol) {
    for (unsigned i = 0; i < n->protocols.count; i++)
        if (strcmp(n->protocols.name[i], protocol) == 0)
            return (int)i;
    return -1;
}

bool sl_neighbour_speaks(const sl_neighbour *n, const char *protocol) {
    return protocol_index(n, protocol) >= 0;
}

static void channel_restart(sl_neighbour *n, unsigned i, uint8_t epoch) {
    sl_channel_free(&n->channels[i]);
    sl_channel_init(&n->channels[i], epoch);
    n->epochs[i] = epoch;
}

/* The other end lost its state, or never had ours: begin anew, here and in the strategy. */
static void channel_adopt(sl_neighbour *n, unsigned i, uint8_t epoch) {
    channel_restart(n, i, epoch);
    n->all->events.restart(n->all->events.arg, n, i);
}

slow_status sl_neighbour_send(sl_neighbour *n, const char *protocol, slow_bytes message) {
    int i = protocol_index(n, protocol);
    if (i < 0)
        return SLOW_E_UNSUPPORTED;
    sl_channel *channel = &n->channels[i];
    if (channel->overflowed || sl_channel_push(channel, message) != SLOW_OK) {
        /* It cannot keep up. The strategy is in the middle of something: it is told in another turn. */
        channel->overflowed = true;
        timer_update(n);
    }
    sl_link_touch(n->best);
    return SLOW_OK;
}

/* Once a second at most: a table that is more than a channel holds would otherwise be begun without end. */
static void channel_renew(sl_neighbour *n, unsigned i, slow_time now) {
    if (!n->channels[i].overflowed || (n->renewed_at != 0 && now < n->renewed_at + RENEW_LEAST))
        return;
    n->renewed_at = now;
    sl_log_write(n->all->log, SLOW_LOG_WARN, "link", "%.*s cannot keep up with %s: starting anew", SL_ID_ARG(&n->id),
                 n->protocols.name[i]);
    channel_adopt(n, i, (uint8_t)(n->channels[i].epoch + 1));
}

/* It is held down here, and up over there: what it says is lost, and on a stream never repeated. When the hold ends its
 * channel begins with a newer epoch than this one, and so the other end begins anew, too. */
static void held_frame(sl_neighbour *n, const sl_link *link, const sl_route_frame *frame) {
    if (frame->protocol >= link->protocols.count)
        return;
    n->missed |= (uint8_t)(1u << frame->protocol);
    if (sl_epoch_newer(frame->epoch, n->epochs[frame->protocol]))
        n->epochs[frame->protocol] = frame->epoch;
}

static sl_channel *channel_of(sl_neighbours *all, sl_link *link, const sl_route_frame *frame) {
    sl_neighbour *n = link->neighbour;
    if (n != NULL && n->adjacency != 0 && frame->protocol < n->protocols.count)
        return &n->channels[frame->protocol];
    if (n != NULL && n->adjacency == 0)
        held_frame(n, link, frame);
    else
        SL_COUNT(all->stats, drop_route_protocol);
    return NULL;
}

void sl_neighbours_route(sl_neighbours *all, sl_link *link, const sl_route_frame *route) {
    sl_neighbour *n = link->neighbour;
    sl_channel *channel = channel_of(all, link, route);
    if (channel == NULL)
        return;
    enum sl_channel_verdict verdict = sl_channel_receive(channel, route->epoch, route->seq);
    if (verdict == SL_CHANNEL_NEWER) {
        channel_adopt(n, route->protocol, route->epoch);
        verdict = sl_channel_receive(channel, route->epoch, route->seq);
    }
    if (verdict == SL_CHANNEL_TAKE)
        all->events.message(all->events.arg, n, route->protocol, route->message);
    if (n->best != NULL)
        sl_link_touch(n->best);
}

void sl_neighbours_route_ack(sl_neighbours *all, sl_link *link, const sl_route_frame *ack) {
    sl_neighbour *n = link->neighbour;
    sl_channel *channel = channel_of(all, link, ack);
    if (channel == NULL)
        return;
    uint64_t srtt_ns = n->best->live.srtt_ns;
    if (sl_channel_acked(channel, ack->epoch, ack->seq, sl_now(all->loop), srtt_ns) == SL_CHANNEL_NEWER)
        channel_adopt(n, ack->protocol, ack->epoch);
    sl_link_touch(n->best);
    timer_update(n);
}

static void say_route(sl_link *link, enum sl_frame_kind kind, unsigned protocol, uint8_t epoch, uint32_t seq,
                      const uint8_t *bytes, size_t size) {
    uint8_t head[SL_ROUTE_HEADER];
    sl_route_frame frame = {.protocol = (uint8_t)protocol, .epoch = epoch, .seq = seq};
    sl_route_write(&frame, head);
    sl_link_control(link, kind, head, sizeof head, bytes, size);
}

void sl_neighbours_fill(sl_neighbours *all, sl_link *link) {
    sl_neighbour *n = link->neighbour;
    slow_time now = sl_now(all->loop);
    const sl_channel_message *message;
    if (n == NULL || n->best != link || n->adjacency == 0)
        return;
    bool said = false;
    for (unsigned i = 0; i < n->protocols.count; i++) {
        sl_channel *channel = &n->channels[i];
        while ((message = sl_channel_next(channel, now, link->live.srtt_ns, sl_link_is_stream(link))) != NULL) {
            say_route(link, SL_FRAME_ROUTE, i, channel->epoch, message->seq, message->bytes, message->size);
            said = true;
        }
        if (channel->ack_due)
            say_route(link, SL_FRAME_ROUTE_ACK, i, channel->epoch, channel->wanted, NULL, 0);
        channel->ack_due = false;
    }
    if (said)
        timer_update(n);
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
