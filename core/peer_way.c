#include "peer_way.h"
#include "loop.h"

static const slow_time PROBES_APART = 500 * SL_MS;

/* Tells who is convicted now, and was not, or was, and is not. */
static void tell(sl_peer *peer) {
    const sl_peers *peers = peer->all;
    slow_link now[SL_WAY_AVOIDED] = {0};
    uint32_t place = 0;
    for (uint32_t i = 0; i < SL_WAY_AVOIDED; i++)
        now[i] = sl_way_convicts(&peer->way, &place);
    for (uint32_t i = 0; i < SL_WAY_AVOIDED; i++) {
        bool is_told = false, is_new = now[i] != 0;
        for (uint32_t k = 0; k < SL_WAY_AVOIDED; k++) {
            is_told |= now[k] == peer->told[i];
            is_new &= now[i] != peer->told[k];
        }
        if (peer->told[i] != 0 && !is_told)
            peers->events.convicted(peers->events.arg, peer->told[i], &peer->id, -1);
        if (is_new)
            peers->events.convicted(peers->events.arg, now[i], &peer->id, 1);
    }
    for (uint32_t i = 0; i < SL_WAY_AVOIDED; i++)
        peer->told[i] = now[i];
}

static void silent(sl_peer *peer, slow_time now) {
    const sl_peers *peers = peer->all;
    sl_way_silent(&peer->way, peer->via, now);
    if (peer->way.count == 0)
        return;
    tell(peer); /* one may have given its place to another */
    if (!peer->way.futile && sl_way_avoids(&peer->way, peer->via, now))
        peers->events.silent(peers->events.arg, peer->via, &peer->id, peer->way.first_sign_at);
}

static void heard(sl_peer *peer, slow_link via, slow_time now) {
    if (sl_way_heard(&peer->way, via, now))
        tell(peer);
}

void sl_peer_way_went(sl_peer *peer) {
    const sl_peers *peers = peer->all;
    peer->via = peers->events.via != NULL && !peers->broken.blind ? peers->events.via(peers->events.arg, &peer->id) : 0;
}

void sl_peer_way_says(sl_peer *peer, enum sl_pair_kind kind, slow_time now) {
    if (peer->said == kind)
        silent(peer, now);
    peer->said = kind;
}

void sl_peer_way_met(sl_peer *peer, slow_time now) {
    heard(peer, peer->via, now);
    peer->said = (enum sl_pair_kind)0;
}

void sl_peer_way_asked(sl_peer *peer, const sl_ask *ask, slow_time now) {
    if (sl_receiver_has_told(peer->receiver, ask->channel, ask->from))
        silent(peer, now);
}

slow_link sl_peer_way_via(void *arg) {
    return ((sl_peer *)arg)->via;
}

void sl_peer_way_fate(void *arg, slow_link via, bool arrived, slow_time now) {
    sl_peer *peer = arg;
    peer->all->events.fate(peer->all->events.arg, via, arrived);
    if (arrived)
        heard(peer, via, now);
}

/* An ASK that is not put off shows the other end that it is not heard, if the hole is in its way and not in ours. */
bool sl_peer_way_silent(void *arg, slow_time now) {
    sl_peer *peer = arg;
    silent(peer, now);
    if (peer->way.count == 0 || now - peer->probed_at < PROBES_APART)
        return false;
    peer->probed_at = now;
    return true;
}

void sl_peer_way_end(sl_peer *peer) {
    peer->way = (sl_way){.via = 0};
    tell(peer);
}
