/* What goes out on a link: packages into its frames, frames sealed and handed to the transport.
 *
 * Everything waits for the flush at the end of the turn. There, what must be said (the strategies' messages, a probe where
 * nothing else goes) and what waits in the outbox is sealed and sent, in batches, for as long as the transport takes it. A
 * frame is sealed only when it is about to be sent, so that a higher priority can still overtake; sealed packets that the
 * transport refused go first next time, since their numbers are spent. */
#include "link_out.h"
#include <slow/wire.h>
#include <string.h>

/* Packets, and bytes, that are sealed before they are offered to the transport: what is sealed cannot be overtaken. */
enum { BATCH = 64, SEALED_AHEAD = 256 * 1024 };
static const slow_time HOT_FOR = 10 * SL_SECOND;

void sl_link_touch(sl_link *link) {
    if (link->dirty)
        return;
    link->dirty = true;
    link->env->events.dirty(link->env->events.arg, link);
}

void sl_link_timer_set(sl_link *link, slow_time when) {
    link->timer_at = when;
    sl_timer_at(link->timer, when);
}

void sl_link_set_mode(sl_link *link) {
    slow_time now = sl_now(link->env->loop);
    bool hot = link->data_at != 0 && now - link->data_at < HOT_FOR;
    enum sl_link_mode mode = hot ? SL_LINK_HOT : link->in_use ? SL_LINK_WARM : SL_LINK_IDLE;
    if (mode == link->live.mode)
        return;
    sl_liveness_set_mode(&link->live, mode, now);
    sl_link_timer_set(link, now);
}

void sl_link_data_passed(sl_link *link) {
    link->data_at = sl_now(link->env->loop);
    if (link->live.mode != SL_LINK_HOT)
        sl_link_set_mode(link);
}

void sl_link_set_in_use(sl_link *link, bool in_use) {
    link->in_use = in_use;
    if (link->state == SL_LINK_UP)
        sl_link_set_mode(link);
}

/* The last quarter is for reliable packages, and of that the last half for the core's own: or a flood of a lower class,
 * which is always first where room appears, would leave a higher one nothing to overtake with. */
static uint64_t quota_of(unsigned priority) {
    unsigned class = priority / 4;
    return SL_OUTBOX_QUOTA / 8 * (6 + (class < 2 ? class : 2));
}

bool sl_link_put(sl_link *link, unsigned priority, const uint8_t *records, size_t size, uint32_t count) {
    uint32_t taken, too_big;
    sl_outbox_put(&link->out, priority, records, size, count, quota_of(priority), &taken, &too_big);
    SL_COUNT_BY(link->env->stats, packages_out, taken);
    SL_COUNT_BY(link->env->stats, drop_package_too_big, too_big);
    SL_COUNT_BY(link->env->stats, drop_package_queue_full, count - taken - too_big);
    sl_link_data_passed(link);
    sl_link_touch(link);
    return taken == count;
}

bool sl_link_has_room(const sl_link *link) {
    return link->out.bytes < SL_OUTBOX_QUOTA / 2;
}

bool sl_link_is_drained(const sl_link *link) {
    bool quiet = link->data_at == 0 || sl_now(link->env->loop) - link->data_at >= SL_SECOND;
    return quiet && sl_outbox_empty(&link->out) && link->ready.count == 0;
}

static void frame_seal(sl_link *link, uint8_t *frame, uint32_t size) {
    const slow_security_ops *security = link->env->opening.security;
    uint32_t header = sl_link_header_size(link), tag = sl_link_tag_size(link);
    uint64_t number = ++link->sent_number;
    if (!sl_link_is_stream(link)) {
        slow_writer w = slow_writer_of(frame + 4, SL_DATAGRAM_HEADER - 4);
        slow_write_u32(&w, link->peer_index);
        slow_write_u64(&w, number);
    }
    uint8_t *body = frame + header, *tag_at = frame + size - tag;
    if (security->tag_size > 0)
        security->seal(link->session, number, (slow_bytes){frame, header}, body, size - header - tag, tag_at);
    else {
        slow_writer w = slow_writer_of(tag_at, tag);
        slow_write_u64(&w, link->peer_tag);
    }
}

static void packet_seal(sl_link *link, slow_packet *packet) {
    uint8_t *data = slow_packet_data(packet);
    uint32_t step = packet->segment != 0 ? packet->segment : packet->size;
    for (uint32_t at = 0; at < packet->size; at += step) {
        frame_seal(link, data + at, packet->size - at < step ? packet->size - at : step);
        SL_COUNT(link->env->stats, frames_out);
    }
    link->bytes_out += packet->size;
    SL_COUNT_BY(link->env->stats, bytes_out, packet->size);
    sl_packet_queue_push(&link->ready, packet);
}

void sl_link_control(sl_link *link, enum sl_frame_kind kind, const uint8_t *head, size_t head_size, const uint8_t *body,
                     size_t body_size) {
    uint32_t header = sl_link_header_size(link), tag = sl_link_tag_size(link);
    size_t size = header + head_size + body_size + tag;
    slow_packet *packet = sl_packet_new(link->env->pool, (uint32_t)size, NULL);
    if (packet == NULL)
        return; /* as lost on the wire: probes and the channel repeat */
    slow_writer w = slow_writer_of(slow_packet_data(packet), size);
    memset(slow_write_room(&w, header), 0, header);
    slow_write_bytes(&w, head, head_size);
    slow_write_bytes(&w, body, body_size);
    slow_packet_data(packet)[0] = (uint8_t)kind;
    packet->size = (uint32_t)size;
    packet_seal(link, packet);
}

/* Hands packets to the transport; false when it would take no more. */
static bool transport_send(sl_link *link, sl_packet_queue *queue) {
    while (queue->count > 0) {
        slow_packet *batch[BATCH];
        sl_departure *departing[BATCH];
        size_t count = 0, taken = 0;
        for (sl_packet_queue look = *queue; count < BATCH && look.count > 0; count++)
            batch[count] = sl_packet_queue_pop(&look);
        for (size_t i = 0; i < count; i++) {
            sl_packet_give(batch[i], sl_instance_owner(link->port->instance));
            departing[i] = sl_packet_departures(batch[i], 0, UINT32_MAX);
        }
        /* The transport may free what it takes: the queue lets go of the whole batch before. */
        sl_packet_queue rest = {NULL, NULL, 0};
        for (size_t i = 0; i < count; i++)
            sl_packet_queue_pop(queue);
        slow_status status = link->port->ops->send(link->port->self, link->cookie, batch, count, &taken);
        for (size_t i = 0; i < taken; i++)
            sl_departures_end(departing[i], true);
        for (size_t i = taken; i < count; i++) {
            sl_packet_give(batch[i], NULL);
            sl_packet_await_again(batch[i], departing[i]);
            sl_packet_queue_push(&rest, batch[i]);
        }
        if (taken == count && status == SLOW_OK)
            continue;
        while (queue->count > 0)
            sl_packet_queue_push(&rest, sl_packet_queue_pop(queue));
        *queue = rest;
        return false;
    }
    return true;
}

static void say_probe(sl_link *link) {
    sl_probe probe;
    uint8_t bytes[SL_PROBE_SIZE];
    slow_time now = sl_now(link->env->loop);
    sl_liveness_make(&link->live, &probe, now);
    sl_probe_write(&probe, bytes);
    sl_link_control(link, SL_FRAME_PROBE, bytes, sizeof bytes, NULL, 0);
}

static bool flush_live(sl_link *link) {
    slow_time now = sl_now(link->env->loop);
    uint64_t before = link->sent_number;
    link->env->events.fill(link->env->events.arg, link);
    if (link->state != SL_LINK_UP)
        return true;
    bool open = true;
    do {
        uint64_t limit = link->bytes_out + SEALED_AHEAD;
        while (link->ready.count < BATCH && link->bytes_out < limit && !sl_outbox_empty(&link->out)) {
            slow_packet *packet = sl_outbox_take(&link->out);
            if (packet != NULL)
                packet_seal(link, packet);
        }
        if (sl_liveness_probe_due(&link->live, now) && (link->live.probe_now || link->sent_number == before))
            say_probe(link);
        open = transport_send(link, &link->ready);
    } while (open && !sl_outbox_empty(&link->out));
    if (link->sent_number != before)
        sl_liveness_sent(&link->live, now);
    return open;
}

void sl_link_flush(sl_link *link) {
    link->dirty = false;
    if (link->cookie_dead || link->blocked)
        return;
    bool open = transport_send(link, &link->openings);
    if (open && link->state == SL_LINK_UP)
        open = flush_live(link);
    else if (open && link->state == SL_LINK_CLOSED)
        transport_send(link, &link->ready); /* CLOSE, where there is room */
    link->blocked = !open && link->state != SL_LINK_CLOSED;
}

void sl_link_writable(sl_link *link) {
    if (!link->blocked)
        return;
    link->blocked = false;
    sl_link_touch(link);
}

/* What lies in the open frames was filled to the old size: it goes out first. */
void sl_link_resize(sl_link *link, uint32_t mtu) {
    link->mtu = mtu;
    if (link->state != SL_LINK_UP)
        return;
    sl_outbox_close_frames(&link->out);
    link->out.frame = sl_link_frame_size(link);
    if (link->out.frame_most < link->out.frame)
        link->out.frame_most = link->out.frame;
    sl_link_touch(link);
}
