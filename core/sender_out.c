/* What is sent, and in which order: what was lost, the rest of the message that was begun, the queue, and ASKs.
 *
 * Channels take turns, a message each: the order between them is not promised, and so nobody waits behind another's
 * backlog. A channel that is stuck, by window or by credit, is passed over. A price is known: a message that needs nearly
 * all of the credit can be overtaken by small ones of other channels until its deadline.
 *
 * Asking. ASKs are sent at once for a new bar (one under way for a channel at a time: bars that come meanwhile go together
 * in the next), with each probe, and by a poll that acknowledgements do not put off: while one channel is busy the probe
 * timer never fires, and the STATE that told of another channel may have been lost. The poll looks at the lowest of each
 * channel; if that is all acknowledged, or barred, and has not moved, it asks, and then half as often each time.
 *
 * In pieces. A call sends SL_SENDER_PIECE bytes at most, and the owner comes again in the same turn, after its links were
 * flushed. So a relay on another core works on the first piece while the next is made; sent as one lump, all of the room to
 * a destination (4,096 messages) goes round like a single message, and each end waits for the other.
 *
 * Cost: a call touches what it sends, and at most 64 channels. */
#include "sender_out.h"
#include "loop.h"

enum {
    DATA_PRIORITY = 4 * 1,
    ASK_PRIORITY = 4 * 2,
    PROBE_FRAGMENTS = 2,
};
static const slow_time POLL_LEAST = 20 * SL_MS;
static const slow_time POLL_MOST = 10 * SL_SECOND;

/* ---- what recovery tells ---- */

static void tell_fate(sl_sender *s, const sl_cargo *cargo, bool arrived) {
    if (cargo->via != 0)
        s->events.fate(s->events.arg, cargo->via, arrived, s->told_at);
}

static void on_acked(void *arg, const sl_cargo *cargo) {
    tell_fate(arg, cargo, true);
    sl_sender_channel *c = sl_sender_channel_of(arg, cargo->channel);
    if (c != NULL && cargo->message == 0 && c->asking > 0)
        c->asking--;
    sl_outgoing *out = c != NULL ? sl_sender_channel_get(c, cargo->message) : NULL;
    uint32_t index = cargo->offset / SLOW_PAYLOAD_MAX;
    if (out == NULL || sl_bit_get(out->acked, index))
        return;
    sl_bit_set(out->acked, index);
    out->acked_count++;
    if (out->here != NULL && !sl_fragments_lost(out, &index))
        sl_outgoing_list_remove(&((sl_sender *)arg)->lost, out);
}

static void on_lost(void *arg, const sl_cargo *cargo) {
    sl_sender *s = arg;
    tell_fate(s, cargo, false);
    sl_sender_channel *c = sl_sender_channel_of(s, cargo->channel);
    if (c != NULL && cargo->message == 0) {
        c->asking -= c->asking > 0;
        sl_sender_want_ask(s, c);
        return;
    }
    sl_outgoing *out = c != NULL ? sl_sender_channel_get(c, cargo->message) : NULL;
    uint32_t index = cargo->offset / SLOW_PAYLOAD_MAX;
    if (out == NULL || sl_bit_get(out->acked, index))
        return;
    sl_bit_clear(out->flying, index);
    if (!out->barred && out->here == NULL)
        sl_outgoing_list_add(&s->lost, out);
}

const sl_recovery_events sl_sender_recovery_events = {.acked = on_acked, .lost = on_lost};

/* ---- sending ---- */

static bool transmit(sl_sender *s, slow_package *package, const sl_cargo *cargo, slow_time now) {
    uint64_t number = s->events.number(s->events.arg);
    uint32_t size = (uint32_t)package->payload.size + SL_PACKET_OVERHEAD;
    if (!sl_recovery_sent(s->recovery, number, size, cargo, now)) {
        s->blocked = true;
    } else if (s->events.send(s->events.arg, package) != SLOW_OK) {
        sl_recovery_unsent(s->recovery, number);
        s->blocked = true;
    } else if (s->events.via != NULL) {
        sl_recovery_went(s->recovery, s->events.via(s->events.arg));
    }
    s->piece += s->blocked ? 0 : size;
    return !s->blocked;
}

/* Marked are the first fragment and what is sent again: the ways of packages that were lost, and not those of all that a large
 * message is made of. */
static uint16_t flags_of(const sl_outgoing *out, uint32_t offset) {
    uint16_t flags = out->message.flags;
    bool marked = (offset == 0 || offset < out->sent) && out->traced < SL_TRACE_ATTEMPTS;
    return marked ? flags : (uint16_t)(flags & ~SLOW_TRACED);
}

static bool fragment_send(sl_sender *s, sl_outgoing *out, uint64_t number, uint32_t index, slow_time now) {
    const sl_message *m = &out->message;
    uint32_t offset = index * SLOW_PAYLOAD_MAX, left = sl_outgoing_size(out) - offset;
    uint32_t size = left < SLOW_PAYLOAD_MAX ? left : SLOW_PAYLOAD_MAX;
    slow_package package = {.type = m->type,
                            .kind = m->kind,
                            .flags = flags_of(out, offset),
                            .priority = (uint8_t)(DATA_PRIORITY + m->priority),
                            .hop_limit = m->hop_limit,
                            .channel = m->channel,
                            .message = number,
                            .offset = offset,
                            .total = sl_outgoing_size(out),
                            .payload = {size != 0 ? m->payload.data + offset : NULL, size}};
    if (!transmit(s, &package, &(sl_cargo){.message = number, .offset = offset, .channel = m->channel}, now))
        return false;
    if (package.flags & SLOW_TRACED) {
        out->traced++;
        s->events.traced(s->events.arg, out, s->events.number(s->events.arg) - 1, offset);
    }
    sl_bit_set(out->flying, index);
    out->last_sent_at = now;
    if (offset + size > out->sent)
        out->sent = offset + size;
    return true;
}

static bool may_send(const sl_sender *s, const sl_outgoing *out, uint32_t offset) {
    uint32_t left = sl_outgoing_size(out) - offset;
    return !s->blocked && s->piece < SL_SENDER_PIECE &&
           sl_recovery_may_send(s->recovery, (left < SLOW_PAYLOAD_MAX ? left : SLOW_PAYLOAD_MAX) + SL_PACKET_OVERHEAD);
}

/* From the deadline on no data is sent, even if deadlines were not looked at yet. */
static bool is_late(sl_sender *s, sl_outgoing *out, slow_time now) {
    if (out->until > now)
        return false;
    sl_sender_decide(s, sl_sender_channel_of(s, out->message.channel), out, now);
    return true;
}

static bool lost_send_one(sl_sender *s, slow_time now) {
    sl_outgoing *out = s->lost.first;
    uint32_t index;
    if (is_late(s, out, now))
        return true;
    if (sl_fragments_lost(out, &index)) {
        if (!fragment_send(s, out, out->number, index, now))
            return false;
        s->retransmitted++;
    }
    if (!sl_fragments_lost(out, &index))
        sl_outgoing_list_remove(&s->lost, out);
    return true;
}

static void current_send(sl_sender *s, slow_time now) {
    sl_outgoing *out = s->current;
    if (out != NULL && is_late(s, out, now))
        return;
    while (out != NULL && !sl_outgoing_is_sent_whole(out) && may_send(s, out, out->sent) &&
           fragment_send(s, out, out->number, out->sent / SLOW_PAYLOAD_MAX, now))
        ;
    if (out != NULL && sl_outgoing_is_sent_whole(out))
        s->current = NULL;
}

static bool ask_send(sl_sender *s, sl_sender_channel *c, slow_time now) {
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    sl_ask ask;
    sl_sender_channel_ask(c, &ask);
    size_t size = sl_ask_write(bytes, &ask);
    slow_package package = {.type = SLOW_CONTROL,
                            .kind = SL_KIND_ASK,
                            .priority = ASK_PRIORITY,
                            .total = (uint32_t)size,
                            .payload = {bytes, size}};
    if (!transmit(s, &package, &(sl_cargo){.channel = c->number}, now))
        return false;
    c->asking++;
    c->ask = false;
    return true;
}

/* ASKs do not wait for the window: they are few, and small. */
static void asks_send(sl_sender *s, slow_time now) {
    if (!s->ask)
        return;
    s->ask = false;
    for (uint8_t i = 0; i < s->channel_count; i++) {
        sl_sender_channel *c = s->channels[i];
        c->ask = c->ask && c->unfinished != 0;
        if (c->ask && (s->blocked || c->asking != 0 || !ask_send(s, c, now)))
            s->ask = true;
    }
}

/* ---- the queue ---- */

void sl_sender_turn_take(sl_sender *s, sl_sender_channel *c) {
    sl_sender_channel **at = &s->turn;
    if (c->in_turn || c->queue.first == NULL)
        return;
    while (*at != NULL)
        at = &(*at)->next;
    *at = c;
    c->next = NULL;
    c->in_turn = true;
}

static bool is_stuck(const sl_sender *s, const sl_sender_channel *c) {
    uint32_t window = SL_WINDOW + (s->broken == SL_SENDER_WINDOW_OFF_BY_3 ? 3 : 0);
    return c->following >= c->lowest + window || c->following > SLOW_NUMBER_MAX ||
           (s->unfinished_bytes != 0 && s->unfinished_bytes + sl_outgoing_size(c->queue.first) > s->credit);
}

/* The first of the queue gets its number, if its first fragment can be sent. */
static bool first_send(sl_sender *s, sl_sender_channel *c, slow_time now) {
    sl_outgoing *out = c->queue.first;
    if (!sl_sender_channel_reserve(c) || (out->acked == NULL && !sl_fragments_new(out))) {
        s->blocked = true;
        return false;
    }
    if (!fragment_send(s, out, c->following, 0, now))
        return false;
    sl_sender_unqueue(s, c, out);
    out->first_sent_at = now;
    sl_sender_channel_place(c, out);
    s->unfinished++;
    s->unfinished_bytes += sl_outgoing_size(out);
    if (out->message.flags & SLOW_LATEST) {
        for (uint64_t n = sl_later(c->lowest, c->barred_below); n < out->number; n++) {
            sl_outgoing *older = sl_sender_channel_get(c, n);
            if (older != NULL)
                sl_sender_bar(s, c, older);
        }
        c->barred_below = out->number;
    }
    s->current = out;
    current_send(s, now);
    return true;
}

static void queue_send(sl_sender *s, slow_time now) {
    sl_sender_channel *stuck = NULL, **end = &stuck;
    while (s->turn != NULL && s->current == NULL && !s->blocked) {
        sl_sender_channel *c = s->turn;
        while (c->queue.first != NULL && c->queue.first->until <= now)
            sl_sender_queue_end(s, c, c->queue.first, SL_REASON_EXPIRED, now);
        bool waits = c->queue.first != NULL;
        if (waits && !is_stuck(s, c) && (!may_send(s, c->queue.first, 0) || !first_send(s, c, now)))
            break;
        s->turn = c->next;
        c->in_turn = false;
        if (waits && c->queue.first != NULL && is_stuck(s, c)) {
            *end = c;
            end = &c->next;
            c->in_turn = true;
        } else {
            sl_sender_turn_take(s, c);
        }
    }
    *end = s->turn;
    s->turn = stuck;
}

/* ---- asking without being told to ---- */

static bool is_quiet(const sl_sender_channel *c) {
    const sl_outgoing *out = sl_sender_channel_get(c, c->lowest);
    return c->watched == c->lowest && (out->barred || out->acked_count == sl_outgoing_fragments(out));
}

void sl_sender_poll(sl_sender *s, slow_time now) {
    slow_time wait = sl_later(sl_recovery_patience(s->recovery), POLL_LEAST);
    s->poll_at = now + wait;
    for (uint8_t i = 0; i < s->channel_count; i++) {
        sl_sender_channel *c = s->channels[i];
        if (c->unfinished == 0)
            continue;
        if (!is_quiet(c)) {
            c->watched = c->lowest;
            c->poll_wait = wait;
            c->poll_at = now + wait;
        } else if (now >= c->poll_at && c->asking == 0) {
            sl_sender_want_ask(s, c);
            c->poll_wait = sl_earlier(2 * c->poll_wait, POLL_MOST);
            c->poll_at = now + c->poll_wait;
        }
    }
}

/* Something must be acknowledged, or nothing that is under way can be known to be lost; so an ASK goes even if there is
 * nothing to ask. */
void sl_sender_probe(sl_sender *s, slow_time now) {
    bool asked = false;
    uint32_t left = PROBE_FRAGMENTS;
    uint64_t place = 0;
    sl_cargo cargo, sent = {0};
    for (uint8_t i = 0; i < s->channel_count && !s->blocked; i++) {
        if (s->channels[i]->unfinished != 0)
            asked = ask_send(s, s->channels[i], now) || asked;
    }
    if (!asked && !s->blocked && s->channel_count != 0)
        ask_send(s, s->channels[0], now);
    for (; left > 0 && !s->blocked && s->lost.first != NULL; left--)
        lost_send_one(s, now);
    while (left > 0 && !s->blocked && sl_recovery_next(s->recovery, &place, &cargo)) {
        sl_outgoing *out = sl_sender_channel_get(sl_sender_channel_of(s, cargo.channel), cargo.message);
        uint32_t index = cargo.offset / SLOW_PAYLOAD_MAX;
        if (out == NULL || out->barred || sl_bit_get(out->acked, index) || is_late(s, out, now))
            continue;
        if (cargo.message == sent.message && cargo.offset == sent.offset && cargo.channel == sent.channel)
            break; /* the copy just made */
        left--;
        sent = cargo;
        if (fragment_send(s, out, out->number, index, now))
            s->retransmitted++;
    }
}

void sl_sender_send(sl_sender *s, slow_time now) {
    s->blocked = false;
    s->piece = 0;
    while (s->lost.first != NULL && may_send(s, s->lost.first, 0) && lost_send_one(s, now))
        ;
    current_send(s, now);
    queue_send(s, now);
    asks_send(s, now);
    sl_recovery_expect(s->recovery, s->unfinished != 0 || s->queued != 0, now);
    if (s->unfinished == 0)
        s->poll_at = UINT64_MAX;
    else if (s->poll_at == UINT64_MAX)
        s->poll_at = now + sl_later(sl_recovery_patience(s->recovery), POLL_LEAST);
}
