#include "peer.h"
#include "forward.h"
#include <stdlib.h>
#include <string.h>

struct sl_peer {
    sl_peers *all;
    sl_peer *next, **here; /* of all */
    sl_peer *chained;      /* in its bucket */
    sl_peer *next_stuck, **stuck;
    sl_peer_stuck *stuck_in; /* NULL = it is not */
    bool served;             /* something was sent to it since its last turn */
    slow_id id;
    uint32_t hash;
    sl_pairing pairing;
    sl_sender *sender;
    sl_receiver *receiver; /* of the pair; NULL = there is none */
    uint64_t last_packet;
    slow_time describe_from; /* not again before */
    sl_timer *timer;
    sl_deferred turn;
    sl_hint hint;
};

static const slow_time ANSWERS_APART = 250 * SL_MS;

static void turn(void *arg);

/* ---- the table ---- */

static uint32_t hash_of(const sl_peers *peers, const uint8_t *id, size_t size) {
    return (uint32_t)sl_id_hash(peers->hash_key, id, size);
}

static sl_peer *peer_find(sl_peers *peers, slow_bytes id) {
    if (peers->recent != NULL && sl_id_is(&peers->recent->id, id.data, id.size))
        return peers->recent;
    if (peers->bucket_count == 0)
        return NULL;
    uint32_t hash = hash_of(peers, id.data, id.size);
    sl_peer *peer = peers->buckets[hash & (peers->bucket_count - 1)];
    while (peer != NULL && !(peer->hash == hash && sl_id_is(&peer->id, id.data, id.size)))
        peer = peer->chained;
    if (peer != NULL)
        peers->recent = peer;
    return peer;
}

static bool buckets_grow(sl_peers *peers) {
    if (peers->count < peers->bucket_count)
        return true;
    uint32_t count = peers->bucket_count == 0 ? 16 : peers->bucket_count * 2;
    sl_peer **buckets = calloc(count, sizeof(sl_peer *));
    if (buckets == NULL)
        return false;
    free(peers->buckets);
    peers->buckets = buckets;
    peers->bucket_count = count;
    for (sl_peer *peer = peers->first; peer != NULL; peer = peer->next) {
        peer->chained = buckets[peer->hash & (count - 1)];
        buckets[peer->hash & (count - 1)] = peer;
    }
    return true;
}

/* ---- peers whose packages could not be sent: they are served again when that may have changed ---- */

static void stuck_init(sl_peer_stuck *list) {
    *list = (sl_peer_stuck){.end = &list->first};
}

static void unstick(sl_peer *peer) {
    sl_peer_stuck *list = peer->stuck_in;
    if (list == NULL)
        return;
    *peer->stuck = peer->next_stuck;
    *(peer->next_stuck != NULL ? &peer->next_stuck->stuck : &list->end) = peer->stuck;
    list->count--;
    peer->stuck_in = NULL;
}

static void stick(sl_peer *peer, sl_peer_stuck *list) {
    unstick(peer);
    peer->next_stuck = NULL;
    peer->stuck = list->end;
    peer->stuck_in = list;
    *list->end = peer;
    list->end = &peer->next_stuck;
    list->count++;
}

/* Those that are in it now: some come back at once. */
static void all_again(sl_peers *peers, sl_peer_stuck *list) {
    slow_time now = sl_now(peers->loop);
    for (uint32_t left = list->count; left > 0; left--) {
        sl_peer *peer = list->first;
        unstick(peer);
        sl_pairing_kick(&peer->pairing, now);
        sl_defer(peers->loop, &peer->turn);
    }
}

void sl_peers_room(sl_peers *peers) {
    all_again(peers, &peers->no_room);
    all_again(peers, &peers->served);
}

void sl_peers_routes(sl_peers *peers) {
    all_again(peers, &peers->no_route);
}

static slow_status sent(sl_peer *peer, slow_status status) {
    sl_peers *peers = peer->all;
    if (status == SLOW_OK)
        peer->served = true;
    else if (status == SLOW_E_AGAIN)
        stick(peer, peer->served ? &peers->served : &peers->no_room);
    else if (status == SLOW_E_NOROUTE) {
        stick(peer, &peers->no_route);
        peer->hint = (sl_hint){.by = *peers->self, .reason = SL_DROP_NO_ROUTE, .at = sl_now(peers->loop)};
    }
    return status;
}

static void peer_free(sl_peer *peer) {
    unstick(peer);
    sl_pairing_end(&peer->pairing);
    sl_defer_cancel(peer->all->loop, &peer->turn);
    sl_timer_free(peer->timer);
    sl_receiver_free(peer->receiver);
    sl_sender_free(peer->sender);
    free(peer);
}

static void peer_remove(sl_peer *peer) {
    sl_peers *peers = peer->all;
    sl_peer **at = &peers->buckets[peer->hash & (peers->bucket_count - 1)];
    while (*at != peer)
        at = &(*at)->chained;
    *at = peer->chained;
    *peer->here = peer->next;
    if (peer->next != NULL)
        peer->next->here = peer->here;
    peers->count--;
    if (peers->recent == peer)
        peers->recent = NULL;
    if (peer->pairing.alone_since > peers->forgotten_at)
        peers->forgotten_at = peer->pairing.alone_since;
    peer_free(peer);
}

/* ---- what the parts of a peer ask for ---- */

static uint64_t draw(void *arg) {
    sl_peers *peers = ((sl_peer *)arg)->all;
    uint64_t number = peers->broken.start;
    while (number == 0)
        sl_entropy(peers->loop, &number, sizeof number);
    if (peers->broken.pairing == SL_BREAK_NUMBERS_BY_START)
        peers->broken.start = number;
    return number;
}

static slow_status control(sl_peers *peers, const slow_id *dst, enum sl_pair_kind kind, slow_bytes payload) {
    slow_package package = {.type = SLOW_CONTROL,
                            .kind = (uint16_t)kind,
                            .priority = 8,
                            .total = (uint32_t)payload.size,
                            .payload = payload};
    return peers->events.send(peers->events.arg, dst, &package, 0, 0);
}

static bool say(void *arg, enum sl_pair_kind kind, const sl_open *open) {
    sl_peer *peer = arg;
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    size_t size = kind != SL_KIND_KNOCK ? sl_open_write(bytes, kind, open) : 0;
    return sent(peer, control(peer->all, &peer->id, kind, (slow_bytes){bytes, size})) == SLOW_OK;
}

static void offer(void *arg, sl_arrival *arrival) {
    sl_peer *peer = arg;
    sl_message message = {
        .peer = peer->id,
        .type = arrival->type,
        .channel = arrival->channel,
        .kind = arrival->kind,
        .flags = arrival->flags,
        .number = arrival->number,
        .session = peer->pairing.theirs,
        .arrival = arrival,
        .payload = {arrival->bytes, arrival->size},
    };
    peer->all->events.offer(peer->all->events.arg, &message);
}

static bool withdraw(void *arg, sl_arrival *arrival) {
    sl_peers *peers = ((sl_peer *)arg)->all;
    return peers->events.withdraw(peers->events.arg, arrival);
}

static bool began(void *arg, slow_time rtt_ns, slow_time now) {
    sl_peer *peer = arg;
    sl_receiver_events events = {.arg = peer, .offer = offer, .withdraw = withdraw};
    peer->receiver = sl_receiver_new(&peer->all->budget, peer->all->stats, &events);
    peer->last_packet = 0;
    peer->describe_from = 0;
    if (peer->receiver != NULL)
        sl_receiver_break(peer->receiver, peer->all->broken.receiver);
    sl_sender_break(peer->sender, peer->all->broken.sender);
    if (peer->receiver != NULL && sl_sender_open(peer->sender, rtt_ns, now)) {
        peer->all->pairs++;
        return true;
    }
    sl_receiver_free(peer->receiver);
    peer->receiver = NULL;
    return false;
}

static void ended(void *arg, slow_time since, slow_time now) {
    sl_peer *peer = arg;
    sl_receiver_free(peer->receiver);
    peer->receiver = NULL;
    peer->all->pairs--;
    sl_sender_close(peer->sender, since, now);
    sl_defer(peer->all->loop, &peer->turn);
}

/* Whoever opens again waits twice as long, so nobody honest notices. */
static void describe(void *arg) {
    sl_peer *peer = arg;
    slow_time now = sl_now(peer->all->loop);
    if (now < peer->describe_from)
        return;
    peer->describe_from = now + ANSWERS_APART / 2;
    sl_receiver_describe(peer->receiver);
    sl_defer(peer->all->loop, &peer->turn);
}

static const sl_pairing_events pairing_events = {
    .draw = draw, .say = say, .ended = ended, .began = began, .describe = describe};

static uint64_t number(void *arg) {
    return ((sl_peer *)arg)->last_packet + 1;
}

static slow_status send_in_pair(void *arg, slow_package *package) {
    sl_peer *peer = arg;
    sl_peers *peers = peer->all;
    slow_status status = peers->events.send(peers->events.arg, &peer->id, package, peer->pairing.mine, number(peer));
    if (status == SLOW_OK)
        peer->last_packet++;
    return sent(peer, status);
}

static void traced(void *arg, const sl_outgoing *out, uint64_t packet, uint32_t offset) {
    sl_peer *peer = arg;
    peer->all->events.traced(peer->all->events.arg, out, peer->pairing.mine, packet, offset);
}

static void outcome(void *arg, const sl_outgoing *out, enum sl_outcome what, enum sl_reason reason, slow_time now) {
    sl_peer *peer = arg;
    sl_result result = {.message = out, .outcome = what, .reason = reason, .rtt_ns = now - out->submitted_at};
    if (what != SL_DELIVERED && peer->hint.at >= out->submitted_at)
        result.hint = peer->hint;
    peer->all->pending--;
    peer->all->events.outcome(peer->all->events.arg, &result);
}

static void released(void *arg, size_t bytes) {
    sl_peer *peer = arg;
    peer->all->waiting -= bytes;
    peer->all->events.released(peer->all->events.arg, &peer->id, bytes);
}

/* ---- the turn ---- */

static void say_state(sl_peer *peer, slow_time now) {
    sl_state state;
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    while (peer->receiver != NULL && sl_receiver_due(peer->receiver) <= now &&
           sl_receiver_state(peer->receiver, &state, now)) {
        slow_package package = {.type = SLOW_CONTROL, .kind = SL_KIND_STATE, .priority = 8};
        package.payload = (slow_bytes){bytes, sl_state_write(bytes, &state)};
        package.total = (uint32_t)package.payload.size;
        (void)send_in_pair(peer, &package);
    }
}

static slow_time least(slow_time a, slow_time b) {
    return a < b ? a : b;
}

/* False: the peer has gone. */
static bool settle(sl_peer *peer, slow_time now) {
    bool wanted = sl_sender_wants_pair(peer->sender);
    sl_pairing_want(&peer->pairing, wanted, now);
    if (!wanted && sl_pairing_is_idle(&peer->pairing)) {
        peer_remove(peer);
        return false;
    }
    slow_time due = least(sl_pairing_due(&peer->pairing), sl_sender_due(peer->sender));
    if (peer->receiver != NULL)
        due = least(due, sl_receiver_due(peer->receiver));
    if (due != UINT64_MAX)
        sl_timer_at(peer->timer, due);
    else
        sl_timer_stop(peer->timer);
    return true;
}

static void turn(void *arg) {
    sl_peer *peer = arg;
    slow_time now = sl_now(peer->all->loop);
    if (sl_pairing_due(&peer->pairing) <= now)
        sl_pairing_timer(&peer->pairing, now);
    if (sl_sender_due(peer->sender) <= now)
        sl_sender_timer(peer->sender, now);
    say_state(peer, now);
    sl_sender_pump(peer->sender, now);
    peer->served = false;
    if (sl_sender_has_more(peer->sender))
        sl_defer(peer->all->loop, &peer->turn);
    settle(peer, now);
}

/* ---- peers come and go ---- */

static sl_peer *peer_need(sl_peers *peers, const slow_id *id) {
    sl_peer *peer = peer_find(peers, sl_id_bytes(id));
    if (peer != NULL)
        return peer;
    if (peers->count >= SL_PEERS_MAX || !buckets_grow(peers) || (peer = calloc(1, sizeof *peer)) == NULL)
        return NULL;
    *peer = (sl_peer){.all = peers, .id = *id, .hash = hash_of(peers, (const uint8_t *)id->text, id->size)};
    sl_sender_events events = {.arg = peer,
                               .number = number,
                               .send = send_in_pair,
                               .traced = traced,
                               .outcome = outcome,
                               .released = released};
    peer->turn = (sl_deferred){.fn = turn, .arg = peer};
    sl_pairing_init(&peer->pairing, &pairing_events, peer, &peers->limits, sl_id_compare(peers->self, id) < 0,
                    peers->forgotten_at);
    peer->pairing.broken = peers->broken.pairing;
    peer->timer = sl_timer_new(peers->loop, turn, peer);
    peer->sender = sl_sender_new(&events);
    if (peer->timer == NULL || peer->sender == NULL) {
        peer_free(peer);
        return NULL;
    }
    sl_peer **bucket = &peers->buckets[peer->hash & (peers->bucket_count - 1)];
    peer->chained = *bucket;
    *bucket = peer;
    peer->here = &peers->first;
    peer->next = peers->first;
    if (peer->next != NULL)
        peer->next->here = &peer->next;
    peers->first = peer;
    peers->count++;
    return peer;
}

/* One who speaks first costs nothing but a look once there are too many of that kind. */
static sl_peer *peer_for(sl_peers *peers, const slow_id *id, bool lower) {
    bool full = lower ? peers->limits.unasked >= SL_OPENINGS_UNASKED : peers->limits.halves >= SL_HALVES;
    return full ? peer_find(peers, sl_id_bytes(id)) : peer_need(peers, id);
}

/* Of the pairs that owe nothing, the one that was silent longest goes; if all owe something, the newest. */
static void pairs_bound(sl_peers *peers, sl_peer *newest, slow_time now) {
    sl_peer *idle = NULL;
    if (peers->pairs <= peers->pairs_most)
        return;
    for (sl_peer *peer = peers->first; peer != NULL; peer = peer->next)
        if (peer != newest && peer->pairing.mine != 0 && sl_sender_pending(peer->sender) == 0 &&
            sl_receiver_waiting(peer->receiver) == 0 &&
            (idle == NULL || peer->pairing.heard_at < idle->pairing.heard_at))
            idle = peer;
    sl_pairing_forget(idle != NULL ? &idle->pairing : &newest->pairing, now);
}

slow_status sl_peers_init(sl_peers *peers, sl_loop *loop, sl_stats *stats, const slow_id *self,
                          const uint8_t hash_key[SL_HASH_KEY], const sl_peers_events *events) {
    *peers = (sl_peers){.loop = loop,
                        .stats = stats,
                        .self = self,
                        .hash_key = hash_key,
                        .events = *events,
                        .budget = {.most = SL_RECEIVE_BUDGET},
                        .pairs_most = SL_PAIRS_MAX,
                        .forgotten_at = sl_now(loop)};
    stuck_init(&peers->no_room);
    stuck_init(&peers->no_route);
    stuck_init(&peers->served);
    return buckets_grow(peers) ? SLOW_OK : SLOW_E_NOMEM;
}

void sl_peers_free(sl_peers *peers) {
    slow_time now = sl_now(peers->loop);
    while (peers->first != NULL) {
        sl_sender_stop(peers->first->sender, now);
        sl_sender_abandon(peers->first->sender, now);
        peer_remove(peers->first);
    }
    free(peers->buckets);
}

/* ---- out ---- */

slow_status sl_peers_send(sl_peers *peers, sl_outgoing *out) {
    slow_time now = sl_now(peers->loop);
    size_t size = out->message.payload.size;
    if (peers->waiting > 0 && peers->waiting + size > SL_SEND_BUDGET)
        return SLOW_E_AGAIN;
    sl_peer *peer = peer_need(peers, &out->message.peer);
    if (peer == NULL)
        return peers->count >= SL_PEERS_MAX ? SLOW_E_AGAIN : SLOW_E_NOMEM;
    if (!sl_sender_has_room(peer->sender, size))
        return SLOW_E_AGAIN;
    out->submitted_at = now;
    out->until = now + out->message.ttl_ns;
    peers->waiting += size;
    peers->pending++;
    sl_sender_add(peer->sender, out, now);
    sl_defer(peers->loop, &peer->turn);
    return SLOW_OK;
}

void sl_peers_hint(sl_peers *peers, const slow_id *dst, const sl_hint *hint) {
    sl_peer *peer = peer_find(peers, sl_id_bytes(dst));
    if (peer != NULL)
        peer->hint = *hint;
}

void sl_peers_stop(sl_peers *peers) {
    slow_time now = sl_now(peers->loop);
    for (sl_peer *peer = peers->first; peer != NULL; peer = peer->next)
        sl_sender_stop(peer->sender, now);
}

void sl_peers_abandon(sl_peers *peers) {
    slow_time now = sl_now(peers->loop);
    for (sl_peer *peer = peers->first; peer != NULL; peer = peer->next)
        sl_sender_abandon(peer->sender, now);
}

uint32_t sl_peers_pending(const sl_peers *peers) {
    return peers->pending;
}

/* ---- in ---- */

/* Somebody of whom we know nothing speaks in a pair: it is told so. The lower end does by opening one. */
static void stranger(sl_peers *peers, const slow_id *id) {
    slow_time now = sl_now(peers->loop);
    slow_time *knocked_at = &peers->knocked_at[hash_of(peers, (const uint8_t *)id->text, id->size) & 255];
    if (*knocked_at != 0 && now - *knocked_at < ANSWERS_APART)
        return;
    *knocked_at = now;
    (void)control(peers, id, SL_KIND_KNOCK, (slow_bytes){NULL, 0});
}

static void in_pair(sl_peer *peer, const slow_package *package, slow_time now) {
    sl_ask ask;
    sl_state state;
    if (package->type != SLOW_CONTROL || package->kind >= SLOW_KIND_APPLICATION)
        sl_receiver_data(peer->receiver, package, now);
    else if (package->kind == SL_KIND_ASK && sl_ask_read(package->payload, &ask))
        sl_receiver_ask(peer->receiver, &ask, package->packet, now);
    else if (package->kind == SL_KIND_STATE && sl_state_read(package->payload, &state))
        sl_sender_state(peer->sender, &state, package->packet, now);
    else
        SL_COUNT(peer->all->stats, drop_control_malformed);
}

static void opening(sl_peers *peers, const slow_id *src, const slow_package *package, slow_time now) {
    sl_open open = {.mine = 0};
    enum sl_pair_kind kind = (enum sl_pair_kind)package->kind;
    bool lower = sl_id_compare(peers->self, src) < 0;
    if (kind != SL_KIND_KNOCK && !sl_open_read(package->payload, kind, &open)) {
        SL_COUNT(peers->stats, drop_control_malformed);
        return;
    }
    /* OPEN2 answers what we said, so we know its author. */
    sl_peer *peer = kind == SL_KIND_OPEN2 ? peer_find(peers, sl_id_bytes(src)) : NULL;
    if (kind == (lower ? SL_KIND_KNOCK : SL_KIND_OPEN1))
        peer = peer_for(peers, src, lower);
    else if (kind == SL_KIND_OPEN3 && !lower && (peer = peer_find(peers, sl_id_bytes(src))) == NULL)
        stranger(peers, src);
    if (peer == NULL)
        return;
    sl_pairing_heard(&peer->pairing, kind, &open, now);
    pairs_bound(peers, peer, now);
    sl_defer(peers->loop, &peer->turn);
}

/* Somebody who is no peer, or whose package is about becoming one. The peer if a pair is to be opened; else NULL. */
static sl_peer *from_outside(sl_peers *peers, const slow_package *package, bool is_opening, slow_time now) {
    slow_id src;
    if (!sl_id_set(&src, package->src) || sl_id_equal(&src, peers->self)) {
        SL_COUNT(peers->stats, drop_message_malformed);
        return NULL;
    }
    if (is_opening) {
        opening(peers, &src, package, now);
        return NULL;
    }
    bool lower = sl_id_compare(peers->self, &src) < 0;
    sl_peer *peer = lower ? peer_for(peers, &src, lower) : NULL;
    if (peer != NULL)
        return peer;
    SL_COUNT(peers->stats, drop_package_pair_unknown);
    if (!lower)
        stranger(peers, &src);
    return NULL;
}

void sl_peers_receive(sl_peers *peers, const slow_package *package) {
    slow_time now = sl_now(peers->loop);
    bool is_opening = package->type == SLOW_CONTROL && package->kind >= SL_KIND_KNOCK && package->kind <= SL_KIND_OPEN3;
    sl_peer *peer = is_opening ? NULL : peer_find(peers, package->src);
    if (peer == NULL)
        peer = from_outside(peers, package, is_opening, now);
    if (peer == NULL)
        return;
    switch (sl_pairing_session(&peer->pairing, package->session, now)) {
    case SL_SESSION_OURS:
        in_pair(peer, package, now);
        break;
    case SL_SESSION_OLD:
        SL_COUNT(peers->stats, drop_package_pair_old);
        break;
    case SL_SESSION_UNKNOWN:
        SL_COUNT(peers->stats, drop_package_pair_unknown);
        break;
    }
    sl_defer(peers->loop, &peer->turn);
}

static sl_peer *peer_of(const sl_arrival *arrival) {
    return arrival->receiver != NULL ? sl_receiver_arg(arrival->receiver) : NULL;
}

void sl_peers_held(sl_peers *peers, sl_arrival *arrival) {
    sl_peer *peer = peer_of(arrival);
    sl_arrival_held(arrival);
    if (peer != NULL)
        sl_defer(peers->loop, &peer->turn);
}

void sl_peers_taken(sl_peers *peers, sl_arrival *arrival) {
    sl_peer *peer = peer_of(arrival);
    sl_arrival_taken(arrival);
    if (peer != NULL)
        sl_defer(peers->loop, &peer->turn);
}

void sl_peers_refused(sl_peers *peers, sl_arrival *arrival) {
    sl_peer *peer = peer_of(arrival);
    sl_arrival_refused(arrival);
    if (peer != NULL)
        sl_defer(peers->loop, &peer->turn);
}

/* ---- figures ---- */

static int by_id(const void *a, const void *b) {
    return sl_id_compare(&((const sl_peer_info *)a)->id, &((const sl_peer_info *)b)->id);
}

size_t sl_peers_info(const sl_peers *peers, sl_peer_info *out, size_t capacity) {
    slow_time now = sl_now(peers->loop);
    size_t count = 0;
    for (const sl_peer *peer = peers->first; peer != NULL; peer = peer->next, count++) {
        if (count >= capacity)
            continue;
        bool paired = peer->pairing.mine != 0;
        out[count] = (sl_peer_info){.id = peer->id,
                                    .paired = paired,
                                    .heard_ns = paired ? now - peer->pairing.heard_at : 0,
                                    .sender = sl_sender_info_of(peer->sender),
                                    .receiving = paired ? sl_receiver_bytes(peer->receiver) : 0,
                                    .unread = paired ? sl_receiver_waiting(peer->receiver) : 0,
                                    .hint = peer->hint};
    }
    qsort(out, count < capacity ? count : capacity, sizeof *out, by_id);
    return count;
}
