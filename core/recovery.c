/* Loss, patience and congestion as RFC 9002 has them; the pseudo code of its appendices A and B, in C.
 *
 *   loss        a packet is lost when one that was sent 3 later, or 9/8 of a round trip later, is acknowledged (6.1)
 *   round trip  smoothed as in 5.3; what the receiver says of its own delay is believed up to 5 ms, and never so far that
 *               the result falls below the least round trip ever seen
 *   probe       after smoothed + 4 deviations + 5 ms without a word, doubling each time up to 10 s (6.2.1)
 *   congestion  NewReno (7.3): slow start, one halving for all that was lost of one flight, 10 packets at first, 2 at
 *               least, and those 2 after persistent congestion (7.6)
 *
 * What differs, and why:
 *   - One packet number space and no handshake in it.
 *   - Distance is counted in packets that are to be acknowledged, not in packet numbers: a STATE takes a number too and is
 *     never acknowledged, so between two pieces of data there may be any number of them, and each would make a swap of
 *     two neighbours look like a loss.
 *   - The probe timer runs while the caller expects something, not only while packets are under way: a STATE is not
 *     acknowledged and may be lost, and then nothing is under way and nothing is known.
 *   - Its doubling ends when a piece of a message is acknowledged, or is sent with none under way; not when an ASK is.
 *     While an application sits on a message every ASK is answered, and would be asked again a round trip later.
 *   - The window does not grow while it is not used (7.8), and not beyond 16 MiB, which bounds the ring of packets.
 *
 * Bursts are not paced (7.7 only recommends it): the queue of the first hop takes them, and its back-pressure ends a burst.
 * It costs throughput where a queue on the way is shorter than a window; a pacer would need a timer for each peer.
 *
 * Packets under way lie in a ring, in the order in which they were sent. What is acknowledged or lost at its front is gone
 * at once, and by the packet threshold nothing stays behind the highest acknowledged one but the last three: so a STATE
 * costs what it newly says, whatever its ranges repeat. The ring grows by doubling and shrinks when it is empty. */
#include "recovery.h"
#include "loop.h"
#include <stdlib.h>

enum {
    PACKET_THRESHOLD = 3,
    RING_LEAST = 8,
    PACKET_MOST = SLOW_PAYLOAD_MAX + SL_PACKET_OVERHEAD,
    WINDOW_FIRST = 10 * PACKET_MOST,
    WINDOW_LEAST = 2 * PACKET_MOST,
    WINDOW_MOST = 16 * 1024 * 1024,
    PERSISTENT = 3, /* probe timeouts */
    DOUBLINGS_MOST = 14,
};
static const slow_time RTT_FIRST = 333 * SL_MS;
static const slow_time GRANULARITY = SL_MS;
static const slow_time PROBE_MOST = 10 * SL_SECOND;

enum fate { FLYING, ACKED, LOST };

typedef struct packet {
    uint64_t number;
    slow_time sent_at;
    sl_cargo cargo;
    uint32_t size;
    enum fate fate;
} packet;

/* What the sending of a packet changes beside the ring. */
typedef struct patience {
    slow_time since;
    uint32_t doublings;
} patience;

struct sl_recovery {
    sl_recovery_events events;
    packet *ring;
    uint32_t capacity;
    uint64_t first, end; /* places in the ring, ever rising */
    uint64_t acked_end;  /* behind the highest that was acknowledged */
    uint32_t messages;   /* packets under way that carry one */
    slow_time latest_ns, smoothed_ns, deviation_ns, least_ns;
    slow_time sampled_at; /* the first time; 0 = never */
    slow_time loss_at;
    slow_time heard_at;    /* an acknowledgement */
    slow_time recovery_at; /* 0 = no recovery period */
    uint64_t window, threshold, flying;
    uint64_t sent, lost;
    uint32_t probes;
    bool expecting;
    patience patience, before; /* before the last packet */
};

static slow_time longer(slow_time a, slow_time b) {
    return a > b ? a : b;
}

static slow_time shorter(slow_time a, slow_time b) {
    return a < b ? a : b;
}

sl_recovery *sl_recovery_new(slow_time rtt_ns, const sl_recovery_events *events) {
    sl_recovery *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->events = *events;
    r->smoothed_ns = rtt_ns != 0 ? rtt_ns : RTT_FIRST;
    r->deviation_ns = r->smoothed_ns / 2;
    r->window = WINDOW_FIRST;
    r->threshold = UINT64_MAX;
    r->loss_at = UINT64_MAX;
    return r;
}

void sl_recovery_free(sl_recovery *r) {
    if (r != NULL)
        free(r->ring);
    free(r);
}

/* ---- the ring ---- */

static packet *packet_at(const sl_recovery *r, uint64_t place) {
    return &r->ring[place & (r->capacity - 1)];
}

static bool ring_grow(sl_recovery *r) {
    uint32_t capacity = r->capacity == 0 ? RING_LEAST : r->capacity * 2;
    packet *ring = malloc(capacity * sizeof *ring);
    if (ring == NULL)
        return false;
    for (uint64_t place = r->first; place < r->end; place++)
        ring[place & (capacity - 1)] = *packet_at(r, place);
    free(r->ring);
    r->ring = ring;
    r->capacity = capacity;
    return true;
}

static void ring_trim(sl_recovery *r) {
    while (r->first < r->end && packet_at(r, r->first)->fate != FLYING)
        r->first++;
}

/* The place of the first packet whose number is not lower. */
static uint64_t ring_find(const sl_recovery *r, uint64_t number) {
    uint64_t low = r->first, high = r->end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (packet_at(r, middle)->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void packet_ends(sl_recovery *r, packet *p, enum fate fate) {
    p->fate = fate;
    r->flying -= p->size;
    if (p->cargo.message != 0)
        r->messages--;
}

/* ---- sending ---- */

bool sl_recovery_may_send(const sl_recovery *r, uint32_t size) {
    return r->flying + size <= r->window;
}

bool sl_recovery_sent(sl_recovery *r, uint64_t number, uint32_t size, const sl_cargo *cargo, slow_time now) {
    if (r->end - r->first == r->capacity && !ring_grow(r))
        return false;
    *packet_at(r, r->end++) = (packet){.number = number, .sent_at = now, .cargo = *cargo, .size = size, .fate = FLYING};
    r->flying += size;
    r->sent++;
    r->before = r->patience;
    r->patience.since = now;
    if (cargo->message != 0 && r->messages++ == 0)
        r->patience.doublings = 0;
    return true;
}

void sl_recovery_went(sl_recovery *r, slow_link via) {
    if (r->end != r->first)
        packet_at(r, r->end - 1)->cargo.via = via;
}

void sl_recovery_unsent(sl_recovery *r, uint64_t number) {
    if (r->end == r->first || packet_at(r, r->end - 1)->number != number)
        return;
    packet_ends(r, packet_at(r, --r->end), LOST);
    r->sent--;
    r->patience = r->before;
}

/* ---- acknowledgements ---- */

static void measure(sl_recovery *r, slow_time sample_ns, slow_time delay_ns, slow_time now) {
    r->latest_ns = sample_ns;
    if (r->sampled_at == 0) {
        r->sampled_at = longer(now, 1);
        r->least_ns = r->smoothed_ns = sample_ns;
        r->deviation_ns = sample_ns / 2;
        return;
    }
    r->least_ns = shorter(r->least_ns, sample_ns);
    delay_ns = shorter(delay_ns, SL_ACK_DELAY_NS);
    slow_time adjusted = sample_ns >= r->least_ns + delay_ns ? sample_ns - delay_ns : sample_ns;
    slow_time off = adjusted > r->smoothed_ns ? adjusted - r->smoothed_ns : r->smoothed_ns - adjusted;
    r->deviation_ns = (3 * r->deviation_ns + off) / 4;
    r->smoothed_ns = (7 * r->smoothed_ns + adjusted) / 8;
}

static bool in_recovery(const sl_recovery *r, slow_time sent_at) {
    return r->recovery_at != 0 && sent_at <= r->recovery_at;
}

static void window_grow(sl_recovery *r, uint64_t bytes, uint64_t flown) {
    bool slow_start = r->window < r->threshold;
    bool used = slow_start ? 2 * flown >= r->window : flown + PACKET_THRESHOLD * PACKET_MOST >= r->window;
    if (!used)
        return;
    r->window += slow_start ? bytes : PACKET_MOST * bytes / r->window;
    if (r->window > WINDOW_MOST)
        r->window = WINDOW_MOST;
}

/* True: for what is acknowledged with it, the window must not grow. */
static bool window_shrink(sl_recovery *r, slow_time lost_sent_at, bool persistent, slow_time now) {
    bool begins = !in_recovery(r, lost_sent_at);
    if (begins) {
        r->recovery_at = longer(now, 1);
        r->threshold = r->window / 2;
        r->window = r->threshold > WINDOW_LEAST ? r->threshold : WINDOW_LEAST;
    }
    if (persistent) {
        r->window = WINDOW_LEAST;
        r->recovery_at = 0;
    }
    return begins || persistent;
}

slow_time sl_recovery_patience(const sl_recovery *r) {
    return r->smoothed_ns + longer(4 * r->deviation_ns, GRANULARITY) + SL_ACK_DELAY_NS;
}

/* Declares lost what is; true = the window shrank for it. Persistent congestion is a run of lost packets, none between them
 * acknowledged, that spans three probe timeouts; packets from before the first measurement do not count. */
static bool losses_find(sl_recovery *r, slow_time now) {
    slow_time delay = longer(longer(r->latest_ns, r->smoothed_ns) * 9 / 8, GRANULARITY);
    slow_time run_began = UINT64_MAX, last_sent_at = 0;
    bool any = false, persistent = false;
    r->loss_at = UINT64_MAX;
    for (uint64_t place = r->first; place < r->acked_end; place++) {
        packet *p = packet_at(r, place);
        if (p->fate == ACKED)
            run_began = UINT64_MAX;
        if (p->fate != FLYING)
            continue;
        if (r->acked_end - 1 - place < PACKET_THRESHOLD && p->sent_at + delay > now) {
            r->loss_at = shorter(r->loss_at, p->sent_at + delay);
            continue;
        }
        packet_ends(r, p, LOST);
        r->lost++;
        any = true;
        last_sent_at = p->sent_at;
        if (r->sampled_at != 0 && p->sent_at > r->sampled_at) {
            run_began = shorter(run_began, p->sent_at);
            persistent = persistent || p->sent_at - run_began > PERSISTENT * sl_recovery_patience(r);
        }
        r->events.lost(r->events.arg, &p->cargo);
    }
    ring_trim(r);
    return any && window_shrink(r, last_sent_at, persistent, now);
}

void sl_recovery_acks(sl_recovery *r, const sl_state *state, slow_time now) {
    uint64_t flown = r->flying, grown = 0;
    bool any = false, message = false;
    for (uint32_t i = 0; i < state->ack_count; i++) {
        const sl_range *range = &state->ack[i];
        for (uint64_t place = ring_find(r, range->first); place < r->end; place++) {
            packet *p = packet_at(r, place);
            if (p->number > range->last)
                break;
            if (p->fate != FLYING)
                continue;
            if (p->number == state->ack[0].last)
                measure(r, now - p->sent_at, state->delay_us * UINT64_C(1000), now);
            if (place >= r->acked_end)
                r->acked_end = place + 1;
            if (!in_recovery(r, p->sent_at))
                grown += p->size;
            packet_ends(r, p, ACKED);
            any = true;
            message = message || p->cargo.message != 0;
            r->events.acked(r->events.arg, &p->cargo);
        }
    }
    if (!any)
        return;
    r->probes = 0;
    r->heard_at = now;
    r->patience.since = now;
    if (message)
        r->patience.doublings = 0;
    if (!losses_find(r, now))
        window_grow(r, grown, flown);
}

/* ---- the timer ---- */

void sl_recovery_expect(sl_recovery *r, bool something, slow_time now) {
    if (something && !r->expecting)
        r->patience = (patience){.since = now};
    r->expecting = something;
    if (!something && r->first == r->end && r->capacity > RING_LEAST) {
        free(r->ring);
        r->ring = NULL;
        r->capacity = 0;
    }
}

static slow_time probe_at(const sl_recovery *r) {
    return r->expecting ? r->patience.since + shorter(sl_recovery_patience(r) << r->patience.doublings, PROBE_MOST)
                        : UINT64_MAX;
}

slow_time sl_recovery_due(const sl_recovery *r) {
    return shorter(r->loss_at, probe_at(r));
}

bool sl_recovery_timer(sl_recovery *r, slow_time now) {
    if (r->loss_at <= now) {
        losses_find(r, now);
        return false;
    }
    if (probe_at(r) > now)
        return false;
    r->probes++;
    r->patience.since = now;
    if (r->patience.doublings < DOUBLINGS_MOST)
        r->patience.doublings++;
    return true;
}

/* ---- what others ask ---- */

slow_time sl_recovery_silent_since(const sl_recovery *r) {
    return r->first == r->end ? UINT64_MAX : longer(packet_at(r, r->first)->sent_at, r->heard_at);
}

bool sl_recovery_next(const sl_recovery *r, uint64_t *place, sl_cargo *cargo) {
    for (uint64_t at = longer(*place, r->first); at < r->end; at++) {
        const packet *p = packet_at(r, at);
        if (p->fate != FLYING || p->cargo.message == 0)
            continue;
        *place = at + 1;
        *cargo = p->cargo;
        return true;
    }
    return false;
}

sl_recovery_info sl_recovery_info_of(const sl_recovery *r) {
    return (sl_recovery_info){.rtt_ns = r->smoothed_ns,
                              .rtt_least_ns = r->least_ns,
                              .rtt_deviation_ns = r->deviation_ns,
                              .window = r->window,
                              .flying = r->flying,
                              .sent = r->sent,
                              .lost = r->lost,
                              .probes = r->probes};
}
