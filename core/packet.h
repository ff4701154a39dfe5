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
/* Somebody who wants to know when a package leaves: a member of whoever wants it, so that waiting cannot fail. `gone` comes
 * once, and not from within the call that began it: the packet in which the package lies was taken by a transport, or
 * (`left` is false) it was dropped before. It MUST NOT do more than take note. */
typedef struct sl_departure {
    struct sl_departure *next;
    void (*gone)(struct sl_departure *, bool left);
    uint32_t record; /* which of the packet's packages it is, from 1 */
} sl_departure;
/* Those who wait for what is in the packet; kept by sl_packet_grow(). The packet's last package. */
void sl_packet_await(slow_packet *, sl_departure *);
/* Takes out those of its packages after `first`, up to and with `last`; NULL = nobody waits. */
sl_departure *sl_packet_departures(slow_packet *, uint32_t first, uint32_t last);
void sl_packet_await_again(slow_packet *, sl_departure *); /* the whole of a list that was taken out */
void sl_departures_end(sl_departure *, bool left);         /* tells all of a list; NULL is allowed */

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
