/* peers.c - finds the link of a datagram by the address that it came from.
 *
 * A source address is what a stranger chooses freely, so the hash has a key from the host's entropy: SipHash-1-3
 * (J.-P. Aumasson and D. J. Bernstein, 2012; one compression and three finalisation rounds, as hash tables commonly
 * use it). Without a key one could choose addresses that all fall into one chain. Chains, not open addressing: links
 * come and go, and a removal leaves no tombstone. */
#include "peers.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 16u

static uint64_t rotate(uint64_t value, unsigned bits) {
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4]) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

/* Of whole words in the machine's byte order, as nobody else ever sees the result. */
static uint64_t sip_hash(const uint8_t key[PEER_KEY_SIZE], const uint64_t *words, size_t count) {
    uint64_t k[2];
    memcpy(k, key, sizeof k);
    uint64_t v[4] = {k[0] ^ UINT64_C(0x736f6d6570736575), k[1] ^ UINT64_C(0x646f72616e646f6d),
                     k[0] ^ UINT64_C(0x6c7967656e657261), k[1] ^ UINT64_C(0x7465646279746573)};
    for (size_t i = 0; i < count; i++) {
        v[3] ^= words[i];
        sip_round(v);
        v[0] ^= words[i];
    }
    uint64_t last = (uint64_t)(count * 8) << 56;
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static size_t bucket_of(const peers *table, const address *remote) {
    uint64_t words[3] = {address_port(remote), 0, 0};
    if (remote->at.any.sa_family == AF_INET) {
        words[1] = remote->at.v4.sin_addr.s_addr;
    } else {
        words[0] |= (uint64_t)remote->at.v6.sin6_scope_id << 32;
        memcpy(&words[1], &remote->at.v6.sin6_addr, sizeof remote->at.v6.sin6_addr);
    }
    return (size_t)sip_hash(table->key, words, 3) & (table->bucket_count - 1);
}

peer *peers_find(const peers *table, const address *remote) {
    if (table->count == 0)
        return NULL;
    for (peer *p = table->buckets[bucket_of(table, remote)]; p != NULL; p = p->chain)
        if (address_equal(&p->remote, remote))
            return p;
    return NULL;
}

static bool grow(peers *table) {
    peers larger = *table;
    larger.bucket_count = table->bucket_count > 0 ? table->bucket_count * 2 : FIRST_BUCKETS;
    larger.buckets = calloc(larger.bucket_count, sizeof(peer *));
    if (larger.buckets == NULL)
        return false;
    for (size_t i = 0; i < table->bucket_count; i++)
        for (peer *p = table->buckets[i], *next; p != NULL; p = next) {
            size_t at = bucket_of(&larger, &p->remote);
            next = p->chain;
            p->chain = larger.buckets[at];
            larger.buckets[at] = p;
        }
    free(table->buckets);
    *table = larger;
    return true;
}

bool peers_add(peers *table, peer *p) {
    if (table->count >= table->bucket_count && !grow(table))
        return false;
    size_t at = bucket_of(table, &p->remote);
    p->chain = table->buckets[at];
    table->buckets[at] = p;
    table->count++;
    return true;
}

void peers_remove(peers *table, peer *p) {
    if (table->count == 0)
        return;
    for (peer **at = &table->buckets[bucket_of(table, &p->remote)]; *at != NULL; at = &(*at)->chain)
        if (*at == p) {
            *at = p->chain;
            table->count--;
            return;
        }
}

void peers_free(peers *table) {
    free(table->buckets);
    table->buckets = NULL;
    table->bucket_count = table->count = 0;
}
