/* peer_table.h - which peers there are: found by id, and in the lists of those to whom the last package could not be sent. */
#ifndef SL_PEER_TABLE_H
#define SL_PEER_TABLE_H
#include "peer_state.h"

uint32_t sl_peers_hash(const sl_peers *, const uint8_t *id, size_t size);
sl_peer *sl_peer_find(sl_peers *, slow_bytes id); /* NULL = it is not there */
bool sl_peers_reserve(sl_peers *);                /* room for one more; false = no memory */
/* Its `all`, `id` and `hash` are set, and there is room for it. */
void sl_peer_add(sl_peer *);
/* Out of the table, and freed. */
void sl_peer_remove(sl_peer *);
/* One that is not in the table yet, whatever of it there is. */
void sl_peer_free(sl_peer *);

void sl_peer_stuck_init(sl_peer_stuck *);
/* It leaves the list in which it was. */
void sl_peer_stick(sl_peer *, sl_peer_stuck *);
void sl_peer_unstick(sl_peer *);

typedef struct sl_peer_info {
    slow_id id;
    bool paired, sealed;
    sl_member member;   /* of a sealed pair: who is at the other end */
    slow_time heard_ns; /* how long ago; 0 without a pair */
    sl_sender_info sender;
    uint64_t receiving; /* bytes */
    uint32_t unread;    /* messages that wait for the application */
    sl_hint hint;
} sl_peer_info;

/* Fills in at most `capacity`, ordered by id; returns how many there are. */
size_t sl_peers_info(const sl_peers *, sl_peer_info *, size_t capacity);
#endif
