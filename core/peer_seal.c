#include "peer_seal.h"

static const slow_time CHECKS_APART = SL_SECOND, RESTING_CHECKS_APART = 60 * SL_SECOND;

/* ---- handshakes ---- */

static sl_pair_seal *begin(void *arg, uint64_t lower_number, uint64_t was) {
    sl_peer *peer = arg;
    return sl_pair_seal_new(&peer->all->guard.env, &peer->id, lower_number, was);
}

static bool write(void *arg, sl_pair_seal *seal, enum sl_pair_kind kind, const sl_open *open) {
    (void)arg;
    return sl_pair_seal_write(seal, kind, open);
}

static slow_bytes written(sl_pair_seal *seal) {
    return sl_pair_seal_written(seal);
}

static enum sl_pairing_heard read(void *arg, sl_pair_seal *seal, enum sl_pair_kind kind, const sl_open *open) {
    sl_peer *peer = arg;
    return sl_pair_guard_read(&peer->all->guard, &peer->id, seal, kind, open, sl_now(peer->all->loop));
}

static bool may_read(void *arg, uint8_t way) {
    sl_peer *peer = arg;
    return sl_pair_guard_may_read(&peer->all->guard, way, sl_now(peer->all->loop));
}

static bool is_of(sl_pair_seal *seal, slow_bytes open1) {
    return sl_pair_seal_is_of(seal, open1);
}

const sl_pairing_seals sl_peer_seals = {.begin = begin,
                                        .write = write,
                                        .written = written,
                                        .read = read,
                                        .may_read = may_read,
                                        .is_of = is_of,
                                        .end = sl_pair_seal_free};

/* ---- membership ---- */

static bool may_stay(sl_peer *peer, slow_time now) {
    peer->checked_at = now;
    if (sl_pair_guard_still(&peer->all->guard, &peer->id, peer->pairing.seal, now))
        return true;
    sl_pairing_forget(&peer->pairing, now);
    return false;
}

bool sl_peer_is_member(sl_peer *peer, slow_time now) {
    return peer->pairing.seal == NULL || now - peer->checked_at < CHECKS_APART || may_stay(peer, now);
}

void sl_peers_recheck(sl_peers *peers) {
    slow_time now = sl_now(peers->loop);
    for (sl_peer *peer = peers->first; peer != NULL; peer = peer->next)
        if (peer->pairing.seal != NULL)
            (void)may_stay(peer, now);
}

slow_time sl_peer_check_due(const sl_peer *peer) {
    return peer->pairing.seal != NULL ? peer->checked_at + RESTING_CHECKS_APART : UINT64_MAX;
}
