/* What becomes of a message, from its first fragment to its outcome.
 *
 * A message has a number from the moment its first fragment is sent, and is unfinished from then until the receiver is
 * known to need nothing more of it: STATE said taken or barred, or said held after its outcome was told. Window and credit
 * are measured on the unfinished ones, so their limits hold at the receiver whatever is lost.
 *
 *   queue --first fragment--> unfinished --deadline, or a newer `latest`--> barred --STATE--> finished
 *
 * Outcomes are told once, and not later than what proves them:
 *   - In the queue, or with a fragment that was never sent, nobody can have the message: at the deadline, and when the
 *     pair ends, it is certainly not delivered. Fragments are sent first in their order, so `sent` is all there is to
 *     know, and one message at a time is in the middle of that: `current`.
 *   - Else the receiver alone knows. From the deadline on it is asked not to take it (the bar), and it answers taken or
 *     barred. After 10 s without a word the outcome is unknown. The bar stays in each ASK even then, since an open number
 *     would hold up the channel.
 *   - When the pair ends because the peer has forgotten it at `since`: what was first sent from then on never met that
 *     pair at the peer, no copy of it can, and the next pair may have it. It is the *first* fragment's first sending
 *     that counts. A later one would be enough as a proof, for a message is not whole without its last; the first is the
 *     cautious reading, and differs only where a message was being sent while the peer restarted.
 *
 * Deadlines are kept as a lower bound of the next: all messages are looked at when it passes, then not again for 64 ns for
 * each of them, so this never takes more than a part of the time, and is exact to the millisecond with 15,000. What is
 * about to be sent is looked at by itself. */
#include "outcome.h"
#include <stdlib.h>

enum { LOOK_COST_NS = 64 };

void sl_sender_settle(sl_sender *s, sl_outgoing *out, enum sl_outcome what, enum sl_reason reason, slow_time now) {
    if (out->settled)
        return;
    out->settled = true;
    s->pending--;
    if (out->number != 0)
        sl_sender_channel_of(s, out->message.channel)->settled++;
    s->events.outcome(s->events.arg, out, what, reason, now);
    s->events.released(s->events.arg, sl_outgoing_size(out));
}

void sl_sender_outgoing_free(sl_outgoing *out) {
    sl_fragments_reset(out);
    free(out);
}

enum sl_reason sl_sender_reason(const sl_outgoing *out, slow_time now) {
    if (now >= out->until)
        return SL_REASON_EXPIRED;
    return (out->message.flags & SLOW_LATEST) != 0 ? SL_REASON_SUPERSEDED : SL_REASON_REFUSED;
}

void sl_sender_unqueue(sl_sender *s, sl_sender_channel *c, sl_outgoing *out) {
    sl_outgoing_list_remove(&c->queue, out);
    s->queued--;
    s->queued_bytes -= sl_outgoing_size(out);
}

void sl_sender_queue_end(sl_sender *s, sl_sender_channel *c, sl_outgoing *out, enum sl_reason reason, slow_time now) {
    sl_sender_unqueue(s, c, out);
    sl_sender_settle(s, out, SL_NOT_DELIVERED, reason, now);
    sl_sender_outgoing_free(out);
}

/* Nothing more of it is to be sent in this pair. */
static void silence(sl_sender *s, sl_outgoing *out) {
    if (out->here != NULL)
        sl_outgoing_list_remove(&s->lost, out);
    if (s->current == out)
        s->current = NULL;
}

void sl_sender_detach(sl_sender *s, sl_sender_channel *c, sl_outgoing *out) {
    silence(s, out);
    sl_sender_channel_remove(c, out);
    s->unfinished--;
    s->unfinished_bytes -= sl_outgoing_size(out);
}

void sl_sender_finish(sl_sender *s, sl_sender_channel *c, sl_outgoing *out) {
    sl_sender_detach(s, c, out);
    sl_sender_outgoing_free(out);
}

void sl_sender_want_ask(sl_sender *s, sl_sender_channel *c) {
    c->ask = s->ask = true;
}

void sl_sender_bar(sl_sender *s, sl_sender_channel *c, sl_outgoing *out) {
    if (out->barred)
        return;
    silence(s, out);
    out->barred = true;
    c->barred++;
    sl_sender_want_ask(s, c);
}

/* ---- deadlines ---- */

/* When something is to be decided about an unfinished message of which no outcome was told. */
static slow_time decision_at(const sl_outgoing *out) {
    bool in_grace = out->barred && sl_outgoing_is_sent_whole(out) && out->until < UINT64_MAX - SL_GRACE_NS;
    return in_grace ? out->until + SL_GRACE_NS : out->until;
}

void sl_sender_decide(sl_sender *s, sl_sender_channel *c, sl_outgoing *out, slow_time now) {
    if (out->until <= now) {
        sl_sender_bar(s, c, out);
        if (!sl_outgoing_is_sent_whole(out))
            sl_sender_settle(s, out, SL_NOT_DELIVERED, SL_REASON_EXPIRED, now);
    }
    if (decision_at(out) <= now && !out->settled) {
        sl_sender_settle(s, out, SL_UNKNOWN, SL_REASON_NO_ANSWER, now);
        sl_sender_want_ask(s, c);
    }
}

void sl_sender_deadlines(sl_sender *s, slow_time now) {
    if (s->deadline_at > now)
        return;
    slow_time next = UINT64_MAX;
    for (uint8_t i = 0; i < s->channel_count; i++) {
        sl_sender_channel *c = s->channels[i];
        for (sl_outgoing *out = c->queue.first, *after; out != NULL; out = after) {
            after = out->next;
            if (out->until <= now)
                sl_sender_queue_end(s, c, out, SL_REASON_EXPIRED, now);
            else
                next = sl_earlier(next, out->until);
        }
        for (uint64_t n = c->lowest; n < c->following; n++) {
            sl_outgoing *out = sl_sender_channel_get(c, n);
            if (out == NULL || out->settled)
                continue;
            sl_sender_decide(s, c, out, now);
            if (!out->settled)
                next = sl_earlier(next, decision_at(out));
        }
    }
    slow_time rest = (s->queued + s->unfinished) * (slow_time)LOOK_COST_NS;
    s->deadline_at = sl_later(next, now + rest);
}
