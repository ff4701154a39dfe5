#include "peer_table.h"
#include "id.h"
#include "peer_way.h"
#include <stdlib.h>

uint32_t sl_peers_hash(const sl_peers *peers, const uint8_t *id, size_t size) {
    return (uint32_t)sl_id_hash(peers->hash_key, id, size);
}

sl_peer *sl_peer_find(sl_peers *peers, slow_bytes id) {
    if (peers->recent != NULL && sl_id_is(&peers->recent->id, id.data, id.size))
        return peers->recent;
    if (peers->bucket_count == 0)
        return NULL;
    uint32_t hash = sl_peers_hash(peers, id.data, id.size);
    sl_peer *peer = peers->buckets[hash & (peers->bucket_count - 1)];
    while (peer != NULL && !(peer->hash == hash && sl_id_is(&peer->id, id.data, id.size)))
        peer = peer->chained;
    if (peer != NULL)
        peers->recent = peer;
    return peer;
}

bool sl_peers_reserve(sl_peers *peers) {
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

void sl_peer_add(sl_peer *peer) {
    sl_peers *peers = peer->all;
    sl_peer **bucket = &peers->buckets[peer->hash & (peers->bucket_count - 1)];
    peer->chained = *bucket;
    *bucket = peer;
    peer->here = &peers->first;
    peer->next = peers->first;
    if (peer->next != NULL)
        peer->next->here = &peer->next;
    peers->first = peer;
    peers->count++;
}

/* ---- who is stuck ---- */

void sl_peer_stuck_init(sl_peer_stuck *list) {
    *list = (sl_peer_stuck){.end = &list->first};
}

void sl_peer_unstick(sl_peer *peer) {
    sl_peer_stuck *list = peer->stuck_in;
    if (list == NULL)
        return;
    *peer->stuck = peer->next_stuck;
    *(peer->next_stuck != NULL ? &peer->next_stuck->stuck : &list->end) = peer->stuck;
    list->count--;
    peer->stuck_in = NULL;
}

void sl_peer_stick(sl_peer *peer, sl_peer_stuck *list) {
    sl_peer_unstick(peer);
    peer->next_stuck = NULL;
    peer->stuck = list->end;
    peer->stuck_in = list;
    *list->end = peer;
    list->end = &peer->next_stuck;
    list->count++;
}

/* ---- the end ---- */

void sl_peer_free(sl_peer *peer) {
    sl_peer_way_end(peer);
    sl_peer_unstick(peer);
    sl_pairing_end(&peer->pairing);
    sl_defer_cancel(peer->all->loop, &peer->turn);
    sl_timer_free(peer->timer);
    sl_receiver_free(peer->receiver);
    sl_sender_free(peer->sender);
    free(peer);
}

void sl_peer_remove(sl_peer *peer) {
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
    sl_peer_free(peer);
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
                                    .sealed = peer->pairing.seal != NULL,
                                    .heard_ns = paired ? now - peer->pairing.heard_at : 0,
                                    .sender = sl_sender_info_of(peer->sender),
                                    .receiving = paired ? sl_receiver_bytes(peer->receiver) : 0,
                                    .unread = paired ? sl_receiver_waiting(peer->receiver) : 0,
                                    .hint = peer->hint};
        if (out[count].sealed)
            out[count].member = *sl_pair_seal_member(peer->pairing.seal);
    }
    qsort(out, count < capacity ? count : capacity, sizeof *out, by_id);
    return count;
}
