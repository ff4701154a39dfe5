/* slow/packet.h - the one send buffer: contiguous, reference-counted, with headroom for a transport's prefix.
 *
 *   base ......... base+offset ................. base+offset+size ... base+capacity
 *        headroom               frame | frame | ...
 *
 * A packet holds one frame, or a train: frames of one size that lie one behind the other, as UDP_SEGMENT wants them.
 */
#ifndef SLOW_PACKET_H
#define SLOW_PACKET_H
#include "base.h"

#define SLOW_PACKET_HEADROOM 64u /* bytes in front of the frame, guaranteed on packets that the host made; frozen */

/* Frozen; what lies behind these members is the host's. The frame bytes are read-only to a transport. The headroom is
 * the transport's from the moment that send() took the packet. */
typedef struct slow_packet {
    uint8_t *base;                   /* of the whole buffer */
    uint32_t capacity, offset, size; /* bytes; offset + size <= capacity */
    uint32_t segment;                /* 0 = one frame; else frames of this many bytes each, the last may be shorter */
} slow_packet;

/* The first byte of the first frame. */
static inline uint8_t *slow_packet_data(const slow_packet *packet) {
    return packet->base + packet->offset;
}
#endif
