#include "outbox.h"
#include <slow/wire.h>
#include <string.h>

enum { FIRST_SIZE = 2048 - SLOW_PACKET_HEADROOM, WIDE_TRAINS = 64 };

/* ---- records ---- */

/* The size of the first record, its length included; 0 = not a whole record. */
static size_t record_size(const uint8_t *records, size_t size) {
    slow_reader r = slow_reader_of((slow_bytes){records, size});
    uint64_t length = slow_read_varint(&r);
    if (!slow_reader_ok(&r) || length == 0 || length > slow_reader_left(&r))
        return 0;
    return (size_t)(r.at - records) + (size_t)length;
}

static size_t whole_records(const uint8_t *records, size_t size, size_t room, uint32_t *count) {
    size_t fits = 0, next;
    *count = 0;
    while (fits < size && (next = record_size(records + fits, size - fits)) != 0 && fits + next <= room) {
        fits += next;
        ++*count;
    }
    return fits;
}

/* ---- frames and trains ---- */

static uint8_t *frame_start(const sl_lane *lane) {
    return slow_packet_data(lane->open) + lane->open->size;
}

static uint32_t packet_room(const slow_packet *packet) {
    return packet->capacity - packet->offset - packet->size;
}

static void lane_busy(sl_outbox *outbox, sl_lane *lane) {
    unsigned bit = 1u << (lane - outbox->lanes);
    if (lane->open != NULL || lane->closed.count > 0)
        outbox->busy = (uint16_t)(outbox->busy | bit);
    else
        outbox->busy = (uint16_t)(outbox->busy & ~bit);
}

static bool lane_reserve(sl_outbox *outbox, sl_lane *lane, uint32_t frame_size) {
    if (packet_room(lane->open) >= frame_size)
        return true;
    uint32_t wanted = lane->open->size + frame_size, size = lane->open->capacity * 4;
    uint32_t most = outbox->segments > 1 ? SL_TRAIN_MAX : outbox->frame;
    size = size > most ? most : size;
    size = size < wanted ? wanted : size;
    outbox->bytes -= lane->open->capacity;
    /* What is being filled lies behind `size`: it has to be copied as well. */
    uint32_t closed = lane->open->size;
    lane->open->size += lane->used;
    slow_packet *grown = sl_packet_grow(lane->open, size);
    if (grown != NULL)
        lane->open = grown;
    lane->open->size = closed;
    outbox->bytes += lane->open->capacity;
    return grown != NULL;
}

static void frame_begin(sl_outbox *outbox, sl_lane *lane) {
    memset(frame_start(lane), 0, outbox->header);
    frame_start(lane)[0] = outbox->kind;
    lane->used = outbox->header;
}

static bool train_begin(sl_outbox *outbox, sl_lane *lane, uint64_t quota) {
    if (outbox->bytes + FIRST_SIZE > quota)
        return false;
    lane->open = sl_packet_new(outbox->pool, FIRST_SIZE, NULL);
    if (lane->open == NULL)
        return false;
    outbox->bytes += lane->open->capacity;
    lane->stride = 0;
    frame_begin(outbox, lane);
    lane_busy(outbox, lane);
    return true;
}

/* Closes the frame being filled as the train's last, and the train. */
static void train_end(sl_outbox *outbox, sl_lane *lane) {
    slow_packet *packet = lane->open;
    if (lane->used > outbox->header) {
        memset(frame_start(lane) + lane->used, 0, outbox->tag);
        packet->size += lane->used + outbox->tag;
    }
    packet->segment = packet->size > lane->stride ? lane->stride : 0;
    lane->open = NULL;
    lane->used = 0;
    lane->wide -= lane->wide > 0;
    sl_packet_queue_push(&lane->closed, packet);
}

/* Closes the frame being filled and begins the train's next one, in which `next` bytes of record shall fit; or ends the
 * train. */
static void frame_end(sl_outbox *outbox, sl_lane *lane, size_t next) {
    uint32_t own = lane->used + outbox->tag, needed = outbox->header + (uint32_t)next + outbox->tag;
    if (lane->stride == 0)
        lane->stride = lane->wide > 0 || needed > own ? outbox->frame : own;
    else if (needed > lane->stride)
        lane->wide = WIDE_TRAINS;
    uint32_t after = lane->open->size + lane->stride;
    if (own > lane->stride || needed > lane->stride || after + lane->stride > SL_TRAIN_MAX ||
        after / lane->stride >= outbox->segments || !lane_reserve(outbox, lane, lane->stride * 2)) {
        train_end(outbox, lane);
        return;
    }
    memset(frame_start(lane) + lane->used, 0, lane->stride - lane->used);
    lane->open->size = after;
    frame_begin(outbox, lane);
}

/* ---- in ---- */

size_t sl_outbox_put(sl_outbox *outbox, unsigned priority, const uint8_t *records, size_t size, uint32_t record_count,
                     uint64_t quota, uint32_t *taken, uint32_t *too_big) {
    sl_lane *lane = &outbox->lanes[priority < SL_PRIORITIES ? priority : SL_PRIORITIES - 1];
    size_t done = 0;
    *taken = *too_big = 0;
    while (done < size) {
        if (lane->open == NULL && !train_begin(outbox, lane, quota))
            break;
        uint32_t count, limit = lane->stride != 0 ? lane->stride : outbox->frame;
        size_t room = limit - outbox->tag - lane->used;
        size_t fits = size - done;
        if (fits <= room)
            count = record_count - *taken - *too_big;
        else
            fits = whole_records(records + done, size - done, room, &count);
        bool alone = fits == 0 && lane->used == outbox->header && lane->stride == 0;
        if (fits == 0 && !alone) {
            frame_end(outbox, lane, record_size(records + done, size - done));
            continue;
        }
        if (alone) { /* larger than frames are filled to: a frame of its own */
            fits = record_size(records + done, size - done);
            count = 1;
            if (fits == 0 || fits + outbox->header + outbox->tag > outbox->frame_most) {
                ++*too_big;
                done += fits == 0 ? size - done : fits;
                continue;
            }
        }
        if (!lane_reserve(outbox, lane, lane->used + (uint32_t)fits + outbox->tag))
            break;
        memcpy(frame_start(lane) + lane->used, records + done, fits);
        lane->used += (uint32_t)fits;
        *sl_packet_records(lane->open) += count;
        *taken += count;
        done += fits;
        if (alone)
            train_end(outbox, lane);
    }
    return done;
}

void sl_outbox_await(sl_outbox *outbox, unsigned priority, sl_departure *departure) {
    sl_lane *lane = &outbox->lanes[priority < SL_PRIORITIES ? priority : SL_PRIORITIES - 1];
    bool open = lane->open != NULL && *sl_packet_records(lane->open) > 0;
    sl_packet_await(open ? lane->open : lane->closed.last, departure);
}

/* ---- out ---- */

slow_packet *sl_outbox_take(sl_outbox *outbox) {
    for (unsigned i = SL_PRIORITIES; i-- > 0;) {
        sl_lane *lane = &outbox->lanes[i];
        if (!(outbox->busy >> i & 1))
            continue;
        if (lane->closed.count == 0)
            train_end(outbox, lane);
        slow_packet *packet = sl_packet_queue_pop(&lane->closed);
        outbox->bytes -= packet->capacity;
        lane_busy(outbox, lane);
        if (packet->size > 0)
            return packet;
        sl_packet_drop(packet); /* it was begun for records that were then refused */
    }
    return NULL;
}

void sl_outbox_close_frames(sl_outbox *outbox) {
    for (unsigned i = 0; i < SL_PRIORITIES; i++)
        if (outbox->lanes[i].open != NULL)
            train_end(outbox, &outbox->lanes[i]);
}

uint32_t sl_outbox_records(const sl_outbox *outbox) {
    uint32_t records = 0;
    for (unsigned i = 0; i < SL_PRIORITIES; i++) {
        if (outbox->lanes[i].open != NULL)
            records += *sl_packet_records(outbox->lanes[i].open);
        records += sl_packet_queue_records(&outbox->lanes[i].closed);
    }
    return records;
}

static void departures_move(slow_packet *packet, uint32_t first, uint32_t last, sl_outbox *to, unsigned priority) {
    for (sl_departure *next, *at = sl_packet_departures(packet, first, last); at != NULL; at = next) {
        next = at->next;
        sl_outbox_await(to, priority, at);
    }
}

uint32_t sl_outbox_move(sl_outbox *from, sl_outbox *to) {
    uint32_t lost = 0, taken, too_big;
    for (unsigned priority = SL_PRIORITIES; priority-- > 0;)
        while (from->busy >> priority & 1) {
            slow_packet *packet = sl_outbox_take(from);
            if (packet == NULL)
                break;
            uint32_t step = packet->segment != 0 ? packet->segment : packet->size, moved = 0, before = 0;
            for (uint32_t at = 0; to != NULL && at < packet->size; at += step) {
                uint32_t frame = packet->size - at < step ? packet->size - at : step;
                const uint8_t *records = slow_packet_data(packet) + at + from->header;
                uint32_t room = frame - from->header - from->tag, count;
                size_t size = whole_records(records, room, room, &count); /* without the padding */
                sl_outbox_put(to, priority, records, size, count, SL_OUTBOX_QUOTA, &taken, &too_big);
                departures_move(packet, before, before + taken, to, priority);
                before += count;
                moved += taken;
            }
            lost += *sl_packet_records(packet) - moved;
            sl_packet_drop(packet);
        }
    return lost;
}
