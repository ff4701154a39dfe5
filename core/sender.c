#include "sender.h"
#include "sender_out.h"
#include <stdlib.h>

sl_sender *sl_sender_new(const sl_sender_events *events) {
    sl_sender *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->events = *events;
    s->deadline_at = s->poll_at = UINT64_MAX;
    sl_outgoing_list_init(&s->lost);
    return s;
}

static void channel_empty(sl_sender *s, sl_sender_channel *c) {
    while (c->queue.first != NULL) {
        sl_outgoing *out = c->queue.first;
        sl_sender_unqueue(s, c, out);
        sl_sender_outgoing_free(out);
    }
    for (uint64_t n = c->lowest; n < c->following; n++) {
        sl_outgoing *out = sl_sender_channel_get(c, n);
        if (out != NULL)
            sl_sender_finish(s, c, out);
    }
}

void sl_sender_free(sl_sender *s) {
    if (s == NULL)
        return;
    for (uint8_t i = 0; i < s->channel_count; i++) {
        channel_empty(s, s->channels[i]);
        sl_sender_channel_free(s->channels[i]);
    }
    sl_recovery_free(s->recovery);
    free(s->channels);
    free(s);
}

static sl_sender_channel *channel_need(sl_sender *s, uint8_t number) {
    sl_sender_channel *c = sl_sender_channel_of(s, number);
    if (c != NULL)
        return c;
    sl_sender_channel **channels = realloc(s->channels, (s->channel_count + 1u) * sizeof(sl_sender_channel *));
    if (channels == NULL)
        return NULL;
    s->channels = channels;
    c = sl_sender_channel_new(number);
    if (c == NULL)
        return NULL;
    s->channels[s->channel_count++] = c;
    s->place[number] = s->channel_count;
    return c;
}

bool sl_sender_has_room(const sl_sender *s, size_t size) {
    return s->queued == 0 || (s->queued < SL_PEER_QUEUE_COUNT && s->queued_bytes + size <= SL_PEER_QUEUE_MAX);
}

void sl_sender_add(sl_sender *s, sl_outgoing *out, slow_time now) {
    sl_sender_channel *c = channel_need(s, out->message.channel);
    s->pending++;
    out->submitted_at = now;
    if (c == NULL) {
        sl_sender_settle(s, out, SL_NOT_DELIVERED, SL_REASON_NO_MEMORY, now);
        sl_sender_outgoing_free(out);
        return;
    }
    while (out->message.flags & SLOW_LATEST && c->queue.first != NULL)
        sl_sender_queue_end(s, c, c->queue.first, SL_REASON_SUPERSEDED, now);
    sl_outgoing_list_add(&c->queue, out);
    s->queued++;
    s->queued_bytes += sl_outgoing_size(out);
    s->deadline_at = s->pending == 1 ? out->until : sl_earlier(s->deadline_at, out->until);
    sl_sender_turn_take(s, c);
}

bool sl_sender_open(sl_sender *s, slow_time rtt_ns, slow_time now) {
    (void)now;
    sl_recovery_events events = sl_sender_recovery_events;
    events.arg = s;
    s->recovery = sl_recovery_new(rtt_ns, &events);
    s->credit = SL_CREDIT_FIRST;
    s->state_packet = 0;
    return s->recovery != NULL;
}

/* An unfinished message whose pair has ended: back to the head of the queue, or to its outcome. */
static void part(sl_sender *s, sl_sender_channel *c, sl_outgoing *out, slow_time since, slow_time now) {
    bool never = !sl_outgoing_is_sent_whole(out) || out->first_sent_at >= since;
    bool again = !out->settled && never && out->until > now && !out->barred;
    if (s->broken == SL_SENDER_RESENDS_INTO_A_NEW_PAIR)
        again = !out->settled;
    if (again && !s->stopping) {
        sl_sender_detach(s, c, out);
        sl_fragments_reset(out);
        sl_outgoing_list_insert(&c->queue, &c->queue.first, out);
        s->queued++;
        s->queued_bytes += sl_outgoing_size(out);
        s->deadline_at = sl_earlier(s->deadline_at, out->until);
        return;
    }
    if (again)
        sl_sender_settle(s, out, SL_NOT_DELIVERED, SL_REASON_CLOSED, now);
    else if (never)
        sl_sender_settle(s, out, SL_NOT_DELIVERED, sl_sender_reason(out, now), now);
    else
        sl_sender_settle(s, out, SL_UNKNOWN, SL_REASON_PEER_RESTARTED, now);
    sl_sender_finish(s, c, out);
}

void sl_sender_close(sl_sender *s, slow_time since, slow_time now) {
    if (s->recovery == NULL)
        return;
    for (uint8_t i = 0; i < s->channel_count; i++) {
        sl_sender_channel *c = s->channels[i];
        for (uint64_t n = c->following; n-- > 1 && c->unfinished != 0;) { /* the last goes back first */
            sl_outgoing *out = sl_sender_channel_get(c, n);
            if (out != NULL)
                part(s, c, out, since, now);
        }
        sl_sender_channel_reset(c);
        sl_sender_turn_take(s, c);
    }
    sl_recovery_free(s->recovery);
    s->recovery = NULL;
    s->poll_at = UINT64_MAX;
    s->ask = false;
}

/* Twice the time in which it should have been heard has passed without a word. */
static void note_silence(sl_sender *s, slow_time now) {
    slow_time since = sl_recovery_silent_since(s->recovery);
    if (s->events.silent == NULL || since >= now ||
        now - sl_later(since, s->sign_at) < 2 * sl_recovery_patience(s->recovery))
        return;
    s->sign_at = now;
    if (s->events.silent(s->events.arg, now))
        sl_sender_probe(s, now);
}

void sl_sender_pump(sl_sender *s, slow_time now) {
    sl_sender_deadlines(s, now);
    if (s->recovery == NULL)
        return;
    note_silence(s, now);
    sl_sender_send(s, now);
}

static void number_is(sl_sender *s, sl_sender_channel *c, uint64_t number, enum sl_number_state state, slow_time now) {
    sl_outgoing *out = sl_sender_channel_get(c, number);
    if (out == NULL)
        return;
    if (state == SL_TAKEN)
        sl_sender_settle(s, out, SL_DELIVERED, SL_REASON_NONE, now);
    else if (state == SL_BARRED)
        sl_sender_settle(s, out, SL_NOT_DELIVERED, sl_sender_reason(out, now), now);
    if (state != SL_HELD || out->settled)
        sl_sender_finish(s, c, out);
}

static void runs_read(sl_sender *s, sl_sender_channel *c, const sl_state *state, slow_time now) {
    uint64_t from = state->from;
    for (uint32_t i = 0; i < state->run_count && from < c->following; i++) {
        const sl_run *run = &state->runs[i];
        uint64_t end = sl_earlier(from + run->count, c->following);
        bool news = run->state == SL_TAKEN || run->state == SL_BARRED || (run->state == SL_HELD && c->settled != 0);
        for (uint64_t n = sl_later(from, c->lowest); news && n < end; n++)
            number_is(s, c, n, (enum sl_number_state)run->state, now);
        from += run->count;
    }
}

void sl_sender_state(sl_sender *s, const sl_state *state, uint64_t packet, slow_time now) {
    if (s->recovery == NULL)
        return;
    if (packet > s->state_packet) {
        s->state_packet = packet;
        s->credit = state->credit < SL_MESSAGE_MAX ? state->credit
                                                   : SL_MESSAGE_MAX; /* a receiver that offers more is not believed */
    }
    s->told_at = now;
    sl_recovery_acks(s->recovery, state, now);
    sl_sender_channel *c = state->has_channel ? sl_sender_channel_of(s, state->channel) : NULL;
    if (c != NULL)
        runs_read(s, c, state, now);
    sl_sender_pump(s, now);
}

slow_time sl_sender_due(const sl_sender *s) {
    slow_time due = s->pending != 0 ? sl_earlier(s->deadline_at, s->poll_at) : s->poll_at;
    return s->recovery != NULL ? sl_earlier(due, sl_recovery_due(s->recovery)) : due;
}

void sl_sender_timer(sl_sender *s, slow_time now) {
    sl_sender_deadlines(s, now);
    s->blocked = false;
    if (s->poll_at <= now)
        sl_sender_poll(s, now);
    s->told_at = now;
    if (s->recovery != NULL && sl_recovery_due(s->recovery) <= now && sl_recovery_timer(s->recovery, now))
        sl_sender_probe(s, now);
    sl_sender_pump(s, now);
}

void sl_sender_stop(sl_sender *s, slow_time now) {
    s->stopping = true;
    for (uint8_t i = 0; i < s->channel_count; i++) {
        while (s->channels[i]->queue.first != NULL)
            sl_sender_queue_end(s, s->channels[i], s->channels[i]->queue.first, SL_REASON_CLOSED, now);
    }
}

void sl_sender_abandon(sl_sender *s, slow_time now) {
    sl_sender_stop(s, now);
    for (uint8_t i = 0; i < s->channel_count; i++) {
        sl_sender_channel *c = s->channels[i];
        for (uint64_t n = c->lowest; n < c->following; n++) {
            sl_outgoing *out = sl_sender_channel_get(c, n);
            if (out == NULL)
                continue;
            sl_sender_settle(s, out, SL_UNKNOWN, SL_REASON_CLOSED, now);
            sl_sender_finish(s, c, out);
        }
    }
    s->deadline_at = s->poll_at = UINT64_MAX;
    if (s->recovery != NULL)
        sl_recovery_expect(s->recovery, false, now);
}

void sl_sender_break(sl_sender *s, enum sl_sender_break how) {
    s->broken = how;
}

/* ---- what others ask ---- */

bool sl_sender_wants_pair(const sl_sender *s) {
    return s->queued != 0 || s->unfinished != 0;
}

bool sl_sender_has_more(const sl_sender *s) {
    return s->recovery != NULL && s->piece >= SL_SENDER_PIECE;
}

uint32_t sl_sender_pending(const sl_sender *s) {
    return s->pending;
}

sl_sender_info sl_sender_info_of(const sl_sender *s) {
    return (sl_sender_info){.open = s->recovery != NULL,
                            .recovery = s->recovery != NULL ? sl_recovery_info_of(s->recovery) : (sl_recovery_info){0},
                            .queued = s->queued,
                            .unfinished = s->unfinished,
                            .queued_bytes = s->queued_bytes,
                            .unfinished_bytes = s->unfinished_bytes,
                            .credit = s->credit,
                            .retransmitted = s->retransmitted};
}
