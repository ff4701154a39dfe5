#include "delivery.h"
#include "json.h"
#include <stdlib.h>
#include <string.h>

enum { CLASS_CONTROL = 2, CLASS_BEST_EFFORT = 0, BLOCKED_SLOTS = 2 * SL_QUEUED_COUNT };
static const slow_time ROUTE_PATIENCE = 5 * SL_SECOND;

static void retry(void *arg);

static size_t hint_for(const sl_delivery *d, const slow_id *dst, uint8_t out[SLOW_HINT_MAX]) {
    for (uint32_t i = 0; i < d->routing->count; i++)
        if (SLOW_HAS(d->routing->strategies[i].ops, hint))
            return d->routing->strategies[i].ops->hint(d->routing->strategies[i].self, dst, out, SLOW_HINT_MAX);
    return 0;
}

static slow_status send_to(sl_delivery *d, slow_package *package, const slow_id *dst, const sl_way *way) {
    uint8_t hint[SLOW_HINT_MAX];
    package->dst = sl_id_bytes(dst);
    package->hint = (slow_bytes){hint, hint_for(d, dst, hint)};
    if (package->hop_limit == 0)
        package->hop_limit = d->hop_limit;
    return sl_forward_send(d->forward, package, way);
}

/* Outside of a pair: numbered by one counter in the session that is our start number. */
static slow_status send_package(sl_delivery *d, slow_package *package, const slow_id *dst, const sl_way *way) {
    package->session = d->session;
    package->packet = d->last_packet + 1;
    if (package->message == 0)
        package->message = package->packet;
    slow_status status = send_to(d, package, dst, way);
    if (status == SLOW_OK)
        d->last_packet++;
    return status;
}

/* A codec that does not know JSON carries anything under that name; an application, and who embeds the text in JSON of its
 * own (the admin API), must not be handed it. */
static bool is_what_it_says(const sl_message *message) {
    if (message->type != SLOW_JSON)
        return true;
    size_t size = message->payload.size;
    char *stripped = malloc(size + 1);
    bool good = stripped != NULL &&
                sl_json_compact((const char *)message->payload.data, size, stripped, &size, NULL) == SLOW_OK;
    free(stripped);
    return good;
}

/* ---- what pairs ask for ---- */

static slow_status send_for_peers(void *arg, const slow_id *dst, slow_package *package, uint64_t session,
                                  uint64_t packet, const sl_way *way) {
    sl_delivery *d = arg;
    if (session == 0)
        return send_package(d, package, dst, way);
    package->session = session;
    package->packet = packet;
    return send_to(d, package, dst, way);
}

static sl_neighbour *gone_by(const sl_delivery *d, slow_link via) {
    return via != 0 ? sl_neighbour_get(d->forward->neighbours, via) : NULL;
}

static slow_link via_of_last(void *arg, const slow_id *dst) {
    sl_delivery *d = arg;
    const sl_neighbour *n = gone_by(d, d->forward->went);
    return n != NULL && !sl_id_equal(&n->id, dst) ? d->forward->went : 0;
}

static void on_fate(void *arg, slow_link via, bool arrived) {
    sl_neighbour *n = gone_by(arg, via);
    if (n != NULL)
        sl_neighbour_passed(n, arrived);
}

static void on_convicted(void *arg, slow_link via, const slow_id *dst, int change) {
    sl_neighbour *n = gone_by(arg, via);
    if (n != NULL)
        sl_neighbour_convict(n, dst, change);
}

static void on_silent(void *arg, slow_link via, const slow_id *dst, slow_time since) {
    sl_delivery *d = arg;
    sl_neighbour *n = gone_by(d, via);
    const sl_route_table *table = &d->forward->table;
    const uint8_t *text = (const uint8_t *)dst->text;
    const sl_route *route = sl_route_table_find(table, sl_route_table_hash(table, text, dst->size), text, dst->size);
    if (n != NULL && route != NULL && route->next_hop == n) /* else it is in nobody's way any more */
        sl_neighbour_silent(n, dst, since, route->candidates[route->chosen].metric);
}

static void on_outcome(void *arg, const sl_result *result) {
    sl_delivery *d = arg;
    static const enum sl_counter counters[] = {
        [SL_DELIVERED] = SL_messages_delivered,
        [SL_NOT_DELIVERED] = SL_messages_not_delivered,
        [SL_UNKNOWN] = SL_messages_unknown,
    };
    d->stats->count[counters[result->outcome]]++;
    if (d->events.outcome != NULL)
        d->events.outcome(d->events.arg, result);
}

static void on_traced(void *arg, const sl_outgoing *out, uint64_t session, uint64_t packet, uint32_t offset) {
    sl_delivery *d = arg;
    if (d->events.traced != NULL)
        d->events.traced(d->events.arg, out, session, packet, offset);
}

static void on_released(void *arg, const slow_id *peer, size_t bytes) {
    sl_delivery *d = arg;
    if (d->events.released != NULL)
        d->events.released(d->events.arg, peer, bytes, true);
}

static void on_offer(void *arg, const sl_message *message) {
    sl_delivery *d = arg;
    if (!is_what_it_says(message)) {
        SL_COUNT(d->stats, drop_message_malformed);
        sl_delivery_refused(d, message->arrival);
        return;
    }
    SL_COUNT(d->stats, messages_received);
    d->events.message(d->events.arg, message);
}

static void on_opened(void *arg) {
    sl_delivery *d = arg;
    if (d->count > 0)
        sl_defer(d->loop, &d->retry);
}

static void take_once(void *arg, const slow_package *package);

static bool on_withdraw(void *arg, sl_arrival *arrival) {
    sl_delivery *d = arg;
    return d->events.withdraw != NULL && d->events.withdraw(d->events.arg, arrival);
}

void sl_delivery_held(sl_delivery *d, sl_arrival *arrival) {
    if (arrival->budget == NULL)
        sl_loopback_held(&d->own, arrival);
    else
        sl_peers_held(&d->peers, arrival);
}

void sl_delivery_taken(sl_delivery *d, sl_arrival *arrival) {
    if (arrival->budget == NULL)
        sl_loopback_taken(&d->own, arrival);
    else
        sl_peers_taken(&d->peers, arrival);
}

void sl_delivery_refused(sl_delivery *d, sl_arrival *arrival) {
    if (arrival->budget == NULL)
        sl_loopback_refused(&d->own, arrival);
    else
        sl_peers_refused(&d->peers, arrival);
}

void sl_delivery_stop(sl_delivery *d) {
    sl_peers_stop(&d->peers);
}

uint32_t sl_delivery_pending(const sl_delivery *d) {
    return sl_peers_pending(&d->peers);
}

void sl_delivery_abandon(sl_delivery *d) {
    sl_peers_abandon(&d->peers);
    sl_loopback_abandon(&d->own);
}

slow_status sl_delivery_init(sl_delivery *d, sl_loop *loop, sl_stats *stats, sl_forward *forward, sl_routing *routing,
                             uint64_t session, uint8_t hop_limit, const sl_delivery_events *events) {
    *d = (sl_delivery){.loop = loop,
                       .stats = stats,
                       .forward = forward,
                       .routing = routing,
                       .self = forward->self,
                       .session = session,
                       .hop_limit = hop_limit,
                       .events = *events};
    sl_peers_events pairs = {.arg = d,
                             .send = send_for_peers,
                             .via = via_of_last,
                             .fate = on_fate,
                             .convicted = on_convicted,
                             .silent = on_silent,
                             .traced = on_traced,
                             .outcome = on_outcome,
                             .released = on_released,
                             .offer = on_offer,
                             .withdraw = on_withdraw,
                             .opened = on_opened,
                             .once = take_once};
    d->end = &d->first;
    d->retry = (sl_deferred){.fn = retry, .arg = d};
    d->seen = sl_seen_new(loop);
    d->reassembly = sl_reassembly_new(loop, stats);
    d->timer = sl_timer_new(loop, retry, d);
    if (sl_peers_init(&d->peers, loop, stats, d->self, forward->table.key, &pairs) == SLOW_OK &&
        sl_loopback_init(&d->own, loop, session, &pairs) && d->seen != NULL && d->reassembly != NULL &&
        d->timer != NULL)
        return SLOW_OK;
    sl_delivery_free(d);
    return SLOW_E_NOMEM;
}

void sl_delivery_seal(sl_delivery *d, const sl_pair_seal_env *env, const sl_log *log) {
    sl_peers_seal(&d->peers, env, log);
}

/* ---- out ---- */

sl_outgoing *sl_outgoing_new(const sl_message *message) {
    sl_outgoing *out = malloc(sizeof *out + message->payload.size);
    if (out == NULL)
        return NULL;
    *out = (sl_outgoing){.message = *message};
    if (message->ttl_ns == 0)
        out->message.ttl_ns = SL_TTL_NS;
    if (message->payload.size > 0)
        memcpy(out->bytes, message->payload.data, message->payload.size);
    out->message.payload.data = out->bytes;
    return out;
}

static void outgoing_end(sl_delivery *d, sl_outgoing *out) {
    if (d->events.released != NULL)
        d->events.released(d->events.arg, &out->message.peer, out->message.payload.size, false);
    free(out);
}

void sl_delivery_free(sl_delivery *d) {
    sl_peers_free(&d->peers);
    sl_loopback_free(&d->own);
    sl_defer_cancel(d->loop, &d->retry);
    while (d->first != NULL) {
        sl_outgoing *out = d->first;
        d->first = out->next;
        outgoing_end(d, out);
    }
    sl_timer_free(d->timer);
    sl_reassembly_free(d->reassembly);
    sl_seen_free(d->seen);
}

/* Sends fragment after fragment, as far as the links take them. */
static slow_status outgoing_send(sl_delivery *d, sl_outgoing *out) {
    const sl_message *m = &out->message;
    do {
        size_t left = m->payload.size - out->sent;
        size_t size = left < SLOW_PAYLOAD_MAX ? left : SLOW_PAYLOAD_MAX;
        slow_package package = {
            .type = m->type,
            .kind = m->kind,
            .flags = out->sent == 0 ? m->flags & SLOW_TRACED : 0,
            .channel = m->channel,
            .priority = (uint8_t)(CLASS_BEST_EFFORT * 4 + m->priority),
            .hop_limit = m->hop_limit,
            .message = out->number,
            .offset = out->sent,
            .total = (uint32_t)m->payload.size,
            .payload = {out->bytes + out->sent, size},
        };
        if (out->sent > 0)
            package.session = m->session;
        slow_status status = d->peers.sealed ? sl_peers_send_once(&d->peers, &m->peer, &package, out->until)
                                             : send_package(d, &package, &m->peer, NULL);
        if (status != SLOW_OK)
            return status;
        if (package.flags & SLOW_TRACED)
            on_traced(d, out, package.session, package.packet, out->sent);
        out->number = package.message;
        out->message.session = package.session;
        out->sent += (uint32_t)size;
    } while (out->sent < m->payload.size);
    SL_COUNT(d->stats, messages_sent);
    return SLOW_OK;
}

static void deliver_to_self(sl_delivery *d, const sl_outgoing *out) {
    SL_COUNT(d->stats, messages_sent);
    SL_COUNT(d->stats, messages_received);
    d->events.message(d->events.arg, &out->message);
}

/* True when it is done with, one way or the other. */
static bool outgoing_try(sl_delivery *d, sl_outgoing *out, slow_time now) {
    if (sl_id_equal(&out->message.peer, d->self)) {
        deliver_to_self(d, out);
        return true;
    }
    slow_status status = outgoing_send(d, out);
    if (status ==
        SLOW_E_AGAIN) { /* it has a route: a link that takes nothing for good is soon dead, and then it has none */
        out->until = now + ROUTE_PATIENCE;
        return false;
    }
    if (status == SLOW_E_NOROUTE) {
        if (now < out->until)
            return false;
        SL_COUNT(d->stats, drop_message_expired);
    } else if (status == SLOW_E_CLOSED)
        SL_COUNT(d->stats, drop_message_unfinished);
    else if (status != SLOW_OK)
        SL_COUNT(d->stats, drop_package_too_big);
    return true;
}

static bool same_peer(const sl_outgoing *a, const sl_outgoing *b) {
    return a->hash == b->hash && sl_id_equal(&a->message.peer, &b->message.peer);
}

/* Was a message to the same destination left waiting in front of it? */
static bool overtakes(const sl_delivery *d, const sl_outgoing *out) {
    for (const sl_outgoing *o = d->first; o != NULL && o != out; o = o->next)
        if (same_peer(o, out))
            return true;
    return false;
}

/* The destinations that could not be served in this round, each by its first message: what is behind waits, what is for
 * others does not. Open addressing, so a round is linear however many they are. */
typedef struct blocked {
    uint32_t mask; /* of the slots in use, at least twice as many as there are messages */
    const sl_outgoing *slots[BLOCKED_SLOTS];
} blocked;

static void blocked_init(blocked *b, uint32_t count) {
    b->mask = 63;
    while (b->mask + 1 < 2 * count)
        b->mask = b->mask * 2 + 1;
    memset(b->slots, 0, (b->mask + 1) * sizeof b->slots[0]);
}

/* Where its destination stands, or would stand. */
static const sl_outgoing **blocked_at(blocked *b, const sl_outgoing *out) {
    uint32_t at = out->hash & b->mask;
    while (b->slots[at] != NULL && !same_peer(b->slots[at], out))
        at = (at + 1) & b->mask;
    return &b->slots[at];
}

static void outgoing_remove(sl_delivery *d, sl_outgoing **at) {
    sl_outgoing *out = *at;
    *at = out->next;
    if (d->end == &out->next)
        d->end = at;
    d->queued -= out->message.payload.size;
    d->count--;
    outgoing_end(d, out);
}

static void retry(void *arg) {
    sl_delivery *d = arg;
    slow_time now = sl_now(d->loop), next = UINT64_MAX;
    blocked stuck;
    blocked_init(&stuck, d->count);
    for (sl_outgoing **at = &d->first; *at != NULL;) {
        sl_outgoing *out = *at;
        const sl_outgoing **place = blocked_at(&stuck, out);
        bool skip = now < out->until && *place != NULL;
        if (!skip && outgoing_try(d, out, now)) {
            outgoing_remove(d, at);
            continue;
        }
        if (*place == NULL)
            *place = out;
        next = out->until < next ? out->until : next;
        at = &out->next;
    }
    if (next != UINT64_MAX)
        sl_timer_at(d->timer, next);
}

void sl_delivery_room(sl_delivery *d) {
    if (d->count > 0)
        sl_defer(d->loop, &d->retry);
    sl_peers_room(&d->peers);
}

void sl_delivery_routes(sl_delivery *d) {
    if (d->count > 0)
        sl_defer(d->loop, &d->retry);
    sl_peers_routes(&d->peers);
}

static void submit_best_effort(sl_delivery *d, sl_outgoing *out) {
    slow_time now = sl_now(d->loop);
    size_t size = out->message.payload.size;
    out->until = now + ROUTE_PATIENCE;
    out->hash =
        sl_route_table_hash(&d->forward->table, (const uint8_t *)out->message.peer.text, out->message.peer.size);
    out->next = NULL;
    if (!(d->count > 0 && overtakes(d, out)) && outgoing_try(d, out, now)) {
        outgoing_end(d, out);
        return;
    }
    bool routed = sl_routing_reaches(d->routing, &out->message.peer);
    if (d->count >= SL_QUEUED_COUNT || d->queued + size > (routed ? SL_QUEUED_MAX : SL_WAITING_MAX)) {
        SL_COUNT(d->stats, drop_message_waiting_full);
        outgoing_end(d, out);
        return;
    }
    *d->end = out;
    d->end = &out->next;
    d->queued += size;
    if (d->count++ == 0)
        sl_timer_at(d->timer, out->until);
}

static slow_status no_route(sl_delivery *d, sl_outgoing *out) {
    sl_result result = {.message = out, .outcome = SL_NOT_DELIVERED, .reason = SL_REASON_NO_ROUTE};
    on_outcome(d, &result);
    on_released(d, &out->message.peer, out->message.payload.size);
    free(out);
    return SLOW_OK;
}

slow_status sl_delivery_submit(sl_delivery *d, sl_outgoing *out) {
    if (!sl_outgoing_is_reliable(out)) {
        submit_best_effort(d, out);
        return SLOW_OK;
    }
    slow_status status = sl_id_equal(&out->message.peer, d->self) ? sl_loopback_send(&d->own, out)
                         : out->message.fail_fast && !sl_routing_reaches(d->routing, &out->message.peer)
                             ? no_route(d, out)
                             : sl_peers_send(&d->peers, out);
    if (status == SLOW_OK)
        SL_COUNT(d->stats, messages_sent);
    return status;
}

slow_status sl_delivery_control(sl_delivery *d, const slow_id *dst, uint16_t kind, uint16_t flags, slow_bytes payload,
                                uint64_t *packet) {
    slow_package package = {.type = SLOW_CONTROL,
                            .kind = kind,
                            .flags = flags,
                            .priority = CLASS_CONTROL * 4,
                            .total = (uint32_t)payload.size,
                            .payload = payload};
    slow_status status = send_package(d, &package, dst, NULL);
    if (packet != NULL)
        *packet = package.packet;
    return status;
}

/* ---- in ---- */

/* A package of a best-effort message that is no double. */
static void take_once(void *arg, const slow_package *package) {
    sl_delivery *d = arg;
    slow_bytes payload = package->payload;
    bool whole = package->offset == 0 && package->payload.size == package->total;
    if (!whole && !sl_reassembly_add(d->reassembly, package, &payload))
        return;
    sl_message message = {
        .type = package->type, .channel = package->channel, .kind = package->kind, .payload = payload};
    if (!sl_id_set(&message.peer, package->src) || !is_what_it_says(&message)) {
        SL_COUNT(d->stats, drop_message_malformed);
        return;
    }
    SL_COUNT(d->stats, messages_received);
    d->events.message(d->events.arg, &message);
}

void sl_delivery_receive(sl_delivery *d, const slow_package *package, const slow_id *from) {
    bool core = package->type == SLOW_CONTROL && package->kind < SLOW_KIND_APPLICATION;
    if (package->type == SLOW_SEALED || package->flags & SLOW_RELIABLE ||
        (core && package->kind >= SL_KIND_KNOCK && package->kind <= SL_KIND_STATE)) {
        sl_peers_receive(&d->peers, package, from);
        return;
    }
    if (!core && d->peers.sealed) {
        SL_COUNT(d->stats, drop_package_plain);
        return;
    }
    if (!sl_seen_first(d->seen, package->src.data, package->src.size, package->session, package->packet)) {
        SL_COUNT(d->stats, drop_message_duplicate);
        return;
    }
    if (core)
        d->events.control(d->events.arg, package);
    else
        take_once(d, package);
}
