#include "peer.h"
#include "forward.h"
#include "peer_seal.h"
#include "peer_table.h"
#include "peer_way.h"
#include <stdlib.h>
#include <string.h>

enum { ONCE_NUMBERS = 256, ONCE_BEHIND = 1024 };
static const slow_time ANSWERS_APART = 250 * SL_MS;

static void turn(void *arg);

/* ---- those whose packages could not be sent: they are served again when that may have changed ---- */

/* Those that are in it now: some come back at once. */
static void all_again(sl_peers *peers, sl_peer_stuck *list) {
    slow_time now = sl_now(peers->loop);
    for (uint32_t left = list->count; left > 0; left--) {
        sl_peer *peer = list->first;
        sl_peer_unstick(peer);
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
        sl_peer_stick(peer, peer->served ? &peers->served : &peers->no_room);
    else if (status == SLOW_E_NOROUTE) {
        sl_peer_stick(peer, &peers->no_route);
        peer->hint = (sl_hint){.by = *peers->self, .reason = SL_DROP_NO_ROUTE, .at = sl_now(peers->loop)};
    }
    return status;
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

static slow_status control(sl_peers *peers, const slow_id *dst, enum sl_pair_kind kind, slow_bytes payload,
                           const sl_way *way) {
    slow_package package = {.type = SLOW_CONTROL,
                            .kind = (uint16_t)kind,
                            .priority = 8,
                            .total = (uint32_t)payload.size,
                            .payload = payload};
    return peers->events.send(peers->events.arg, dst, &package, 0, 0, way);
}

static bool say(void *arg, enum sl_pair_kind kind, const sl_open *open) {
    sl_peer *peer = arg;
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    size_t size = kind != SL_KIND_KNOCK ? sl_open_write(bytes, kind, open) : 0;
    sl_peer_way_says(peer, kind, sl_now(peer->all->loop));
    slow_status status = control(peer->all, &peer->id, kind, (slow_bytes){bytes, size}, &peer->way);
    if (status == SLOW_OK)
        sl_peer_way_went(peer);
    else
        peer->via = 0; /* it went nowhere, so silence says nothing */
    return sent(peer, status) == SLOW_OK;
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
    peer->last_packet = peer->once_next = peer->once_end = 0;
    peer->describe_from = 0;
    sl_peer_way_met(peer, now);
    if (peer->receiver != NULL)
        sl_receiver_break(peer->receiver, peer->all->broken.receiver);
    sl_sender_break(peer->sender, peer->all->broken.sender);
    if (peer->receiver != NULL && sl_sender_open(peer->sender, rtt_ns, now)) {
        peer->all->pairs++;
        peer->checked_at = now;
        if (peer->all->sealed)
            peer->all->events.opened(peer->all->events.arg);
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

static const sl_pairing_events sealed_events = {
    .seals = &sl_peer_seals, .draw = draw, .say = say, .ended = ended, .began = began, .describe = describe};

/* ---- packages in a pair ---- */

static uint64_t number(void *arg) {
    return ((sl_peer *)arg)->last_packet + 1;
}

static slow_status transmit(sl_peer *peer, slow_package *package, uint64_t packet) {
    sl_peers *peers = peer->all;
    uint8_t room[SL_SEALED_MAX];
    slow_package sealed, *outside = package;
    package->src = sl_id_bytes(peers->self);
    package->dst = sl_id_bytes(&peer->id);
    package->session = peer->pairing.mine;
    package->packet = packet;
    if (peer->pairing.seal != NULL) {
        sl_pair_seal_close(peer->pairing.seal, package, room, &sealed);
        outside = &sealed;
    }
    slow_status status =
        peers->events.send(peers->events.arg, &peer->id, outside, package->session, package->packet, &peer->way);
    if (status == SLOW_OK)
        sl_peer_way_went(peer);
    return status;
}

static slow_status send_in_pair(void *arg, slow_package *package) {
    sl_peer *peer = arg;
    sl_peers *peers = peer->all;
    slow_status status = transmit(peer, package, number(peer));
    if (status == SLOW_OK) {
        peer->last_packet++;
        if (peers->events.sent != NULL)
            peers->events.sent(peers->events.arg, package);
    }
    return sent(peer, status);
}

static void traced(void *arg, const sl_outgoing *out, uint64_t packet, uint32_t offset) {
    sl_peer *peer = arg;
    peer->all->events.traced(peer->all->events.arg, out, peer->pairing.mine, packet, offset);
}

/* Best effort has numbers of the pair too, but many at a time (peer.h), and those that are left are given up before they are too
 * old for the window at the other end. */
static uint64_t once_number(sl_peer *peer) {
    if (peer->once_next == peer->once_end || peer->last_packet - peer->once_next > ONCE_BEHIND) {
        peer->once_next = peer->last_packet + 1;
        peer->once_end = peer->once_next + ONCE_NUMBERS;
        peer->last_packet = peer->once_end - 1;
    }
    return peer->once_next;
}

/* What a relay said before its last transmission was of an earlier one, and of what arrived it is no matter. */
static void tell_hint(const sl_peer *peer, const sl_outgoing *out, sl_result *result) {
    if (!result->arrived && peer->hint.at >= out->last_sent_at)
        result->hint = peer->hint;
}

static enum sl_opening_end opening_of(const sl_peer *peer, const sl_outgoing *out, const sl_result *result) {
    bool unsent = result->reason == SL_REASON_EXPIRED && out->number == 0 && peer->pairing.mine == 0;
    bool lost = result->reason == SL_REASON_NO_ANSWER || result->reason == SL_REASON_PEER_RESTARTED;
    bool of_opening = unsent || (lost && !peer->pairing.proven);
    return peer->all->sealed && of_opening && result->hint.by.size == 0 ? sl_pairing_opening(&peer->pairing)
                                                                        : SL_OPENING_WELL;
}

static void outcome(void *arg, const sl_outgoing *out, enum sl_outcome what, enum sl_reason reason, slow_time now) {
    sl_peer *peer = arg;
    sl_result result = {.message = out,
                        .outcome = what,
                        .reason = reason,
                        .rtt_ns = now - out->submitted_at,
                        .arrived = sl_outgoing_has_arrived(out)};
    slow_time plain_at = peer->pairing.plain_at;
    if (reason == SL_REASON_EXPIRED && out->number == 0 && plain_at != 0 && plain_at >= out->submitted_at)
        result.reason = SL_REASON_UNSEALED;
    if (what != SL_DELIVERED && peer->hint.at >= out->submitted_at)
        tell_hint(peer, out, &result);
    result.opening = opening_of(peer, out, &result);
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
    bool once = peer->once_until > now && peer->pairing.mine == 0;
    bool wanted = sl_sender_wants_pair(peer->sender) || once;
    sl_pairing_want(&peer->pairing, wanted, now);
    if (!wanted && sl_pairing_is_idle(&peer->pairing)) {
        sl_peer_remove(peer);
        return false;
    }
    slow_time due = least(sl_pairing_due(&peer->pairing), sl_sender_due(peer->sender));
    if (peer->receiver != NULL)
        due = least(due, sl_receiver_due(peer->receiver));
    if (once)
        due = least(due, peer->once_until);
    due = least(due, sl_peer_check_due(peer));
    if (due != UINT64_MAX)
        sl_timer_at(peer->timer, due);
    else
        sl_timer_stop(peer->timer);
    return true;
}

static void turn(void *arg) {
    sl_peer *peer = arg;
    slow_time now = sl_now(peer->all->loop);
    (void)sl_peer_is_member(peer, now);
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
    sl_peer *peer = sl_peer_find(peers, sl_id_bytes(id));
    if (peer != NULL)
        return peer;
    if (peers->count >= SL_PEERS_MAX || !sl_peers_reserve(peers) || (peer = calloc(1, sizeof *peer)) == NULL)
        return NULL;
    *peer = (sl_peer){.all = peers, .id = *id, .hash = sl_peers_hash(peers, (const uint8_t *)id->text, id->size)};
    sl_sender_events events = {.arg = peer,
                               .number = number,
                               .send = send_in_pair,
                               .traced = traced,
                               .outcome = outcome,
                               .released = released};
    if (peers->events.via != NULL) {
        events.via = sl_peer_way_via;
        events.fate = sl_peer_way_fate;
        events.silent = sl_peer_way_silent;
    }
    peer->turn = (sl_deferred){.fn = turn, .arg = peer};
    sl_pairing_init(&peer->pairing, peers->sealed ? &sealed_events : &pairing_events, peer, &peers->limits,
                    sl_id_compare(peers->self, id) < 0, peers->forgotten_at);
    peer->pairing.broken = peers->broken.pairing;
    peer->timer = sl_timer_new(peers->loop, turn, peer);
    peer->sender = sl_sender_new(&events);
    if (peer->timer == NULL || peer->sender == NULL) {
        sl_peer_free(peer);
        return NULL;
    }
    sl_peer_add(peer);
    return peer;
}

/* One who speaks first costs nothing but a look once there are too many of that kind. */
static sl_peer *peer_for(sl_peers *peers, const slow_id *id, bool lower, uint8_t way) {
    bool full = sl_pairing_is_full(&peers->limits, lower, peers->sealed, way);
    return full ? sl_peer_find(peers, sl_id_bytes(id)) : peer_need(peers, id);
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
    sl_peer_stuck_init(&peers->no_room);
    sl_peer_stuck_init(&peers->no_route);
    sl_peer_stuck_init(&peers->served);
    return sl_peers_reserve(peers) ? SLOW_OK : SLOW_E_NOMEM;
}

void sl_peers_seal(sl_peers *peers, const sl_pair_seal_env *env, const sl_log *log) {
    peers->guard = (sl_pair_guard){.env = *env, .stats = peers->stats, .log = log};
    peers->sealed = true;
}

void sl_peers_free(sl_peers *peers) {
    slow_time now = sl_now(peers->loop);
    while (peers->first != NULL) {
        sl_sender_stop(peers->first->sender, now);
        sl_sender_abandon(peers->first->sender, now);
        sl_peer_remove(peers->first);
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

slow_status sl_peers_send_once(sl_peers *peers, const slow_id *dst, slow_package *package, slow_time until) {
    sl_peer *peer = peer_need(peers, dst);
    if (peer != NULL)
        (void)sl_peer_is_member(peer, sl_now(peers->loop));
    if (package->session != 0 && (peer == NULL || peer->pairing.mine != package->session))
        return SLOW_E_CLOSED;
    if (peer == NULL || peer->pairing.mine == 0) {
        if (peer != NULL && until > peer->once_until)
            peer->once_until = until;
        if (peer != NULL)
            sl_defer(peers->loop, &peer->turn);
        return SLOW_E_NOROUTE;
    }
    uint64_t packet = once_number(peer);
    if (package->message == 0)
        package->message = packet;
    slow_status status = transmit(peer, package, packet);
    peer->once_next += status == SLOW_OK;
    return status;
}

void sl_peers_hint(sl_peers *peers, const slow_id *dst, const sl_hint *hint) {
    sl_peer *peer = sl_peer_find(peers, sl_id_bytes(dst));
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
    slow_time *knocked_at = &peers->knocked_at[sl_peers_hash(peers, (const uint8_t *)id->text, id->size) & 255];
    if (*knocked_at != 0 && now - *knocked_at < ANSWERS_APART)
        return;
    *knocked_at = now;
    (void)control(peers, id, SL_KIND_KNOCK, (slow_bytes){NULL, 0}, NULL);
}

static void in_pair(sl_peer *peer, const slow_package *package, slow_time now) {
    sl_ask ask;
    sl_state state;
    bool data = package->type != SLOW_CONTROL || package->kind >= SLOW_KIND_APPLICATION;
    if (data && peer->pairing.seal != NULL && !(package->flags & SLOW_RELIABLE)) {
        peer->all->events.once(peer->all->events.arg, package);
    } else if (data)
        sl_receiver_data(peer->receiver, package, now);
    else if (package->kind == SL_KIND_ASK && sl_ask_read(package->payload, &ask)) {
        sl_peer_way_asked(peer, &ask, now);
        sl_receiver_ask(peer->receiver, &ask, package->packet, now);
    } else if (package->kind == SL_KIND_STATE && sl_state_read(package->payload, &state))
        sl_sender_state(peer->sender, &state, package->packet, now);
    else
        SL_COUNT(peer->all->stats, drop_control_malformed);
}

static uint32_t hash_from(const sl_peers *peers, const slow_id *id) {
    return id != NULL ? sl_peers_hash(peers, (const uint8_t *)id->text, id->size) : 0;
}

static uint8_t way_of(const sl_peers *peers, const slow_id *from) {
    return peers->sealed ? (uint8_t)hash_from(peers, from) : 0;
}

static void opening(sl_peers *peers, const slow_id *src, const slow_package *package, const slow_id *from,
                    slow_time now) {
    sl_open open = {.mine = 0};
    enum sl_pair_kind kind = (enum sl_pair_kind)package->kind;
    bool lower = sl_id_compare(peers->self, src) < 0;
    if (kind != SL_KIND_KNOCK && !sl_open_read(package->payload, kind, &open)) {
        SL_COUNT(peers->stats, drop_control_malformed);
        return;
    }
    if (peers->sealed && kind == (lower ? SL_KIND_KNOCK : SL_KIND_OPEN1) &&
        !sl_pair_guard_may_open(&peers->guard, hash_from(peers, from), now))
        return;
    if (peers->sealed && kind != SL_KIND_KNOCK && open.handshake.size == 0)
        SL_COUNT(peers->stats, drop_open_plain);
    /* OPEN2 answers what we said, so we know its author. */
    sl_peer *peer = kind == SL_KIND_OPEN2 ? sl_peer_find(peers, sl_id_bytes(src)) : NULL;
    if (kind == (lower ? SL_KIND_KNOCK : SL_KIND_OPEN1))
        peer = peer_for(peers, src, lower, way_of(peers, from));
    else if (kind == SL_KIND_OPEN3 && !lower && (peer = sl_peer_find(peers, sl_id_bytes(src))) == NULL)
        stranger(peers, src);
    if (peer == NULL)
        return;
    sl_pairing_heard(&peer->pairing, kind, &open, way_of(peers, from), now);
    pairs_bound(peers, peer, now);
    sl_defer(peers->loop, &peer->turn);
}

/* Somebody who is no peer, or whose package is about becoming one. The peer if a pair is to be opened; else NULL. */
static sl_peer *from_outside(sl_peers *peers, const slow_package *package, const slow_id *from, bool is_opening,
                             slow_time now) {
    slow_id src;
    if (!sl_id_set(&src, package->src) || sl_id_equal(&src, peers->self)) {
        SL_COUNT(peers->stats, drop_message_malformed);
        return NULL;
    }
    if (is_opening) {
        opening(peers, &src, package, from, now);
        return NULL;
    }
    bool lower = sl_id_compare(peers->self, &src) < 0;
    if (lower && peers->sealed && !sl_pair_guard_may_open(&peers->guard, hash_from(peers, from), now))
        return NULL;
    sl_peer *peer = lower ? peer_for(peers, &src, lower, way_of(peers, from)) : NULL;
    if (peer != NULL)
        return peer;
    SL_COUNT(peers->stats, drop_package_pair_unknown);
    if (!lower)
        stranger(peers, &src);
    return NULL;
}

/* Whether a package of a peer without a pair would begin an opening that its budget has no room for. */
static bool begins_too_much(sl_peer *peer, const slow_id *from, slow_time now) {
    const sl_pairing *pairing = &peer->pairing;
    return peer->all->sealed && pairing->lower && pairing->mine == 0 && pairing->opening == 0 &&
           !sl_pair_guard_may_open(&peer->all->guard, hash_from(peer->all, from), now);
}

void sl_peers_receive(sl_peers *peers, const slow_package *package, const slow_id *from) {
    slow_time now = sl_now(peers->loop);
    uint8_t room[SL_SEALED_MAX];
    slow_package inside;
    bool is_opening = package->type == SLOW_CONTROL && package->kind >= SL_KIND_KNOCK && package->kind <= SL_KIND_OPEN3;
    if (!is_opening && !sl_pair_guard_is_right(peers->stats, peers->sealed, package))
        return;
    sl_peer *peer = is_opening ? NULL : sl_peer_find(peers, package->src);
    if (peer == NULL)
        peer = from_outside(peers, package, from, is_opening, now);
    else if (begins_too_much(peer, from, now))
        return;
    if (peer == NULL)
        return;
    /* Of a pair that is not ours nothing can be opened: it is a hint that somebody has another one. */
    if (peer->pairing.seal != NULL && peer->pairing.theirs == package->session && sl_peer_is_member(peer, now)) {
        if (!sl_pair_guard_open(&peers->guard, peer->pairing.seal, package, room, &inside))
            return;
        package = &inside;
    }
    uint8_t way = peer->pairing.mine == 0 ? way_of(peers, from) : 0; /* it costs a hash */
    switch (sl_pairing_session(&peer->pairing, package->session, way, now)) {
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
