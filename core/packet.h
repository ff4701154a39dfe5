/* packet.h - the pool behind slow_packet: a few size classes with free lists, reference counts, and an owner for each
 * packet, so that an instance that leaks can be named. One pool a junction, used on its loop thread. */
#ifndef SL_PACKET_H
#define SL_PACKET_H
#include <slow/packet.h>

typedef struct sl_pool sl_pool;

/* How many packets an owner holds. */
typedef struct sl_packet_owner {
    uint32_t packets;
} sl_packet_owner;

sl_pool *sl_pool_new(void); /* NULL = no memory */
/* Packets that are still held by somebody stay valid, and are freed with their last reference. */
void sl_pool_free(sl_pool *);
/* One reference; at least `size` bytes behind the headroom. NULL = no memory. */
slow_packet *sl_packet_new(sl_pool *, uint32_t size, sl_packet_owner *owner);
slow_packet *sl_packet_ref(slow_packet *);
void sl_packet_drop(slow_packet *);
/* Consumes a reference; a packet that nobody else holds, or NULL (no memory: the reference is gone). */
slow_packet *sl_packet_own(slow_packet *);
/* Counts the packet to another owner (NULL = nobody). */
void sl_packet_give(slow_packet *, sl_packet_owner *owner);
/* A larger packet with the same content and owner; consumes the old one, which MUST NOT be shared. On failure returns
 * NULL, and the old one stays. */
slow_packet *sl_packet_grow(slow_packet *, uint32_t size);
/* How many packages are in it: for counting what is lost with it. 0 when new; kept by sl_packet_grow(). */
uint32_t *sl_packet_records(slow_packet *);

/* A queue of packets; a packet is in one queue at most. Zero-initialised. */
typedef struct sl_packet_queue {
    slow_packet *first, *last;
    uint32_t count;
} sl_packet_queue;
void sl_packet_queue_push(sl_packet_queue *, slow_packet *);
slow_packet *sl_packet_queue_pop(sl_packet_queue *); /* NULL when empty */
void sl_packet_queue_clear(sl_packet_queue *);       /* drops them */

uint32_t sl_packet_queue_records(const sl_packet_queue *);

uint64_t sl_pool_bytes(const sl_pool *); /* held by packets in use */
#endif
