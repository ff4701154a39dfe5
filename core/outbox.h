/* outbox.h - what waits to go out on one link: packages in open frames and closed ones, by priority, bounded in bytes.
 *
 * Packages are copied, once, into the open frame of their priority; a frame is closed when it is full or when the turn ends
 * and the link can send. So a lone package goes at once, and under load or on a blocked link frames fill by themselves:
 * there is no timer. On a stream a packet is one frame of up to 16 KiB. On a datagram link it is a train: frames of one
 * size, the stride, which the kernel can send in one call (UDP_SEGMENT). Frame 0 sets the stride as it is closed, and
 * later ones are padded to it with zeros, which end a bundle. When a package does not fit the stride of a train that was
 * cut to smaller ones, the next trains are given the full frame size for a while: mixed sizes would break every train.
 *
 * Whoever wants to know for how long a package waits here hangs a departure on the packet that it lies in (packet.h): it
 * goes with the packet, to another link too, and through the transport's refusals. So a trace costs the packages that are
 * not traced nothing, no clock and no look at any of them.
 *
 * Frames are sealed when they are taken out, not when they are closed, so a higher priority can overtake. The quota counts
 * the capacity of packets, not the bytes used: that is what memory knows. */
#ifndef SL_OUTBOX_H
#define SL_OUTBOX_H
#include "packet.h"

enum { SL_PRIORITIES = 12, SL_OUTBOX_QUOTA = 1024 * 1024, SL_TRAIN_MAX = 64000 };

typedef struct sl_lane {
    slow_packet *open; /* its closed frames are in `size`; the frame being filled lies behind them */
    uint32_t used;     /* bytes of the frame being filled, its header included; 0 = none was begun */
    uint32_t stride;   /* 0 while frame 0 is being filled */
    uint32_t wide;     /* trains that shall have the full size as their stride */
    sl_packet_queue closed;
} sl_lane;

typedef struct sl_outbox {
    sl_pool *pool;
    uint32_t header, tag; /* bytes left free in front of and behind the records of each frame */
    uint32_t frame;       /* to which size frames are filled */
    uint32_t frame_most;  /* one package alone may need this much */
    uint32_t segments;    /* frames in a train; 1 = no trains */
    uint8_t kind;         /* the first byte of each frame */
    uint64_t bytes;       /* capacity of all packets in it */
    uint16_t busy;        /* a bit for each priority that holds something */
    sl_lane lanes[SL_PRIORITIES];
} sl_outbox;

/* Copies whole records (varint length, package) that lie one behind the other. Returns the bytes taken: less than `size`
 * when the quota is full, always whole records. `quota`: how much may be held after it. *too_big counts the records that
 * no frame can hold: they are taken and forgotten. */
size_t sl_outbox_put(sl_outbox *, unsigned priority, const uint8_t *records, size_t size, uint32_t record_count,
                     uint64_t quota, uint32_t *taken, uint32_t *too_big);
/* The last package of that priority is waited for: sl_outbox_put() has just taken it. */
void sl_outbox_await(sl_outbox *, unsigned priority, sl_departure *);
/* The next packet to send, highest priority first, closed; the caller's. NULL when empty. */
slow_packet *sl_outbox_take(sl_outbox *);
static inline bool sl_outbox_empty(const sl_outbox *outbox) {
    return outbox->busy == 0;
}
/* Closes what is open; before `frame` is changed. */
void sl_outbox_close_frames(sl_outbox *);
/* Packages in it. */
uint32_t sl_outbox_records(const sl_outbox *);
/* Moves what fits to another outbox, drops the rest; returns how many packages were dropped. `to` NULL drops all. */
uint32_t sl_outbox_move(sl_outbox *from, sl_outbox *to);
#endif
