#include "loopback.h"
#include <stdlib.h>
#include <string.h>

struct sl_loopback_letter {
    sl_loopback_letter *next;
    sl_outgoing *out;
    sl_arrival *arrival;
    bool settled; /* its outcome was told, and the application has it still */
};

static slow_time due(const sl_loopback_letter *letter) {
    return letter->out->until + (letter->arrival->held ? SL_GRACE_NS : 0);
}

static void settle(sl_loopback *own, sl_loopback_letter *letter, enum sl_outcome outcome, enum sl_reason reason) {
    sl_result result = {.message = letter->out,
                        .outcome = outcome,
                        .reason = reason,
                        .rtt_ns = sl_now(own->loop) - letter->out->submitted_at};
    size_t size = letter->out->message.payload.size;
    if (letter->settled)
        return;
    letter->settled = true;
    own->bytes -= size;
    own->count--;
    own->events.outcome(own->events.arg, &result);
    own->events.released(own->events.arg, &letter->out->message.peer, size);
}

static void letter_remove(sl_loopback *own, sl_loopback_letter **at) {
    sl_loopback_letter *letter = *at;
    *at = letter->next;
    if (own->end == &letter->next)
        own->end = at;
    free(letter->out);
    free(letter);
}

static void sooner(sl_loopback *own, slow_time when) {
    if (when >= own->timer_at)
        return;
    own->timer_at = when;
    sl_timer_at(own->timer, when);
}

/* They are in the order in which they were sent, but their deadlines are not; so all are looked at, and not again before
 * the next one is due. */
static void expire(void *arg) {
    sl_loopback *own = arg;
    slow_time now = sl_now(own->loop);
    own->timer_at = UINT64_MAX;
    for (sl_loopback_letter **at = &own->first; *at != NULL;) {
        sl_loopback_letter *letter = *at;
        if (!letter->settled && due(letter) <= now && !letter->arrival->held &&
            own->events.withdraw(own->events.arg, letter->arrival)) {
            settle(own, letter, SL_NOT_DELIVERED, SL_REASON_EXPIRED);
            free(letter->arrival);
            letter_remove(own, at);
            continue;
        }
        if (!letter->settled && due(letter) <= now) {
            if (letter->arrival->held)
                settle(own, letter, SL_UNKNOWN, SL_REASON_NO_ANSWER);
            else
                letter->arrival->held = true; /* it could not be taken back */
        }
        if (!letter->settled)
            sooner(own, due(letter));
        at = &letter->next;
    }
}

bool sl_loopback_init(sl_loopback *own, sl_loop *loop, uint64_t session, const sl_peers_events *events) {
    *own = (sl_loopback){.loop = loop, .session = session, .timer_at = UINT64_MAX, .events = *events};
    own->end = &own->first;
    own->timer = sl_timer_new(loop, expire, own);
    return own->timer != NULL;
}

void sl_loopback_abandon(sl_loopback *own) {
    for (sl_loopback_letter *letter = own->first; letter != NULL; letter = letter->next)
        settle(own, letter, letter->arrival->held ? SL_UNKNOWN : SL_NOT_DELIVERED, SL_REASON_CLOSED);
}

void sl_loopback_free(sl_loopback *own) {
    sl_loopback_abandon(own);
    while (own->first != NULL) {
        if (!own->first->arrival->held)
            free(own->first->arrival);
        letter_remove(own, &own->first);
    }
    sl_timer_free(own->timer);
}

static sl_arrival *arrival_of(const sl_outgoing *out, uint64_t number) {
    size_t size = out->message.payload.size;
    sl_arrival *arrival = malloc(sizeof *arrival + size + 1);
    if (arrival == NULL)
        return NULL;
    *arrival = (sl_arrival){.number = number,
                            .kind = out->message.kind,
                            .flags = out->message.flags,
                            .type = out->message.type,
                            .channel = out->message.channel,
                            .size = (uint32_t)size};
    if (size > 0)
        memcpy(arrival->bytes, out->bytes, size);
    arrival->bytes[size] = 0;
    return arrival;
}

slow_status sl_loopback_send(sl_loopback *own, sl_outgoing *out) {
    size_t size = out->message.payload.size;
    if (own->count >= SL_PEER_QUEUE_COUNT || (own->count > 0 && own->bytes + size > SL_PEER_QUEUE_MAX))
        return SLOW_E_AGAIN;
    sl_loopback_letter *letter = malloc(sizeof *letter);
    sl_arrival *arrival = letter != NULL ? arrival_of(out, own->number[out->message.channel] + 1) : NULL;
    if (arrival == NULL) {
        free(letter);
        return SLOW_E_NOMEM;
    }
    *letter = (sl_loopback_letter){.out = out, .arrival = arrival};
    own->number[out->message.channel]++;
    out->submitted_at = sl_now(own->loop);
    out->until = out->submitted_at + out->message.ttl_ns;
    *own->end = letter;
    own->end = &letter->next;
    own->count++;
    own->bytes += size;
    sooner(own, out->until);
    sl_message message = out->message;
    message.session = own->session;
    message.number = arrival->number;
    message.arrival = arrival;
    message.payload = (slow_bytes){arrival->bytes, arrival->size};
    own->events.offer(own->events.arg, &message);
    return SLOW_OK;
}

void sl_loopback_held(sl_loopback *own, sl_arrival *arrival) {
    (void)own;
    arrival->held = true;
}

static void end(sl_loopback *own, sl_arrival *arrival, enum sl_outcome outcome, enum sl_reason reason) {
    sl_loopback_letter **at = &own->first;
    while ((*at)->arrival != arrival)
        at = &(*at)->next;
    settle(own, *at, outcome, reason);
    letter_remove(own, at);
    free(arrival);
}

void sl_loopback_taken(sl_loopback *own, sl_arrival *arrival) {
    end(own, arrival, SL_DELIVERED, SL_REASON_NONE);
}

void sl_loopback_refused(sl_loopback *own, sl_arrival *arrival) {
    end(own, arrival, SL_NOT_DELIVERED, SL_REASON_REFUSED);
}
