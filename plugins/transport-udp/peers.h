/* peers.h - a table from a peer's address to whatever has a `peer` as its first member. */
#ifndef UDP_PEERS_H
#define UDP_PEERS_H
#include "../common/address.h"

#define PEER_KEY_SIZE 16u

typedef struct peer {
    struct peer *chain;
    address remote;
} peer;

/* Zero-initialised but for the key. */
typedef struct peers {
    uint8_t key[PEER_KEY_SIZE];
    peer **buckets;
    size_t bucket_count, count; /* a power of two */
} peers;

peer *peers_find(const peers *, const address *remote);
bool peers_add(peers *, peer *); /* one whose address is not in yet; false = no memory */
void peers_remove(peers *, peer *);
void peers_free(peers *); /* the table, not the peers */
#endif
