#include "liveness.h"
#include <string.h>

enum {
    IDLE_MS = 1000,
    WARM_MS = 200,
    HOT_MS = 100,
    GRACE_MS = 50,
    LONGEST_MS = 60000, /* what a peer may ask for or announce */
    COST_LEAST = 10,
    COST_MOST = 65534,
    LOSS_FRAMES = 20, /* fewer are no measure of loss */
    LOSS_MOST_PPM = 900000,
};
static const slow_time WINDOW = 10 * SL_SECOND;

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static uint32_t wish_ms(const sl_liveness *l) {
    uint32_t half_rtt_ms = (uint32_t)(l->srtt_ns / 2 / SL_MS);
    switch (l->mode) {
    case SL_LINK_HOT:
        return smaller(IDLE_MS, half_rtt_ms > HOT_MS ? half_rtt_ms : HOT_MS);
    case SL_LINK_WARM:
        return WARM_MS;
    default:
        return IDLE_MS;
    }
}

/* Faster at once, and said at once; slower only in words until the other end has heard it. */
static void adjust(sl_liveness *l) {
    uint32_t target = smaller(wish_ms(l), l->peer_want_ms);
    if (target <= l->keep_ms) {
        if (target < l->keep_ms)
            l->probe_now = true;
        l->keep_ms = l->told_ms = target;
    } else if (target != l->told_ms) {
        l->told_ms = target;
        l->told_stamp = 0;
    }
}

void sl_liveness_init(sl_liveness *l, slow_time now, uint64_t rtt_ns, bool guess, uint32_t factor_ppm, uint32_t bias) {
    *l = (sl_liveness){.mode = SL_LINK_WARM,
                       .heard_at = now,
                       .sent_at = now,
                       .probed_at = now,
                       .keep_ms = WARM_MS,
                       .told_ms = WARM_MS,
                       .peer_keep_ms = WARM_MS,
                       .peer_want_ms = WARM_MS,
                       .probe_now = true,
                       .guess = guess,
                       .srtt_ns = rtt_ns,
                       .least_ns = {rtt_ns, 0},
                       .window_at = now,
                       .factor_ppm = factor_ppm,
                       .bias = bias};
    l->told_cost = sl_liveness_cost(l);
}

void sl_liveness_inherit(sl_liveness *l, const sl_liveness *old) {
    l->srtt_ns = old->srtt_ns;
    memcpy(l->least_ns, old->least_ns, sizeof l->least_ns);
    l->window_at = old->window_at;
    l->loss_ppm = old->loss_ppm;
    l->guess = old->guess;
    l->told_cost = old->told_cost;
    l->off_since = old->off_since;
}

void sl_liveness_set_mode(sl_liveness *l, enum sl_link_mode mode, slow_time now) {
    (void)now;
    if (l->mode == mode)
        return;
    l->mode = mode;
    adjust(l);
    l->probe_now = true; /* the other end has to hear what we want of it */
}

void sl_liveness_sent(sl_liveness *l, slow_time now) {
    l->sent_at = now;
}

static void measure_loss(sl_liveness *l) {
    uint64_t expected = l->highest_number - l->first_number;
    if (expected < LOSS_FRAMES)
        return;
    uint64_t lost = expected > l->arrived ? expected - l->arrived : 0;
    uint64_t sample_ppm = lost * 1000000 / expected;
    l->loss_ppm = (uint32_t)((l->loss_ppm * UINT64_C(3) + sample_ppm) / 4);
    l->first_number = l->highest_number;
    l->arrived = 0;
}

void sl_liveness_heard(sl_liveness *l, slow_time now, uint64_t number) {
    l->heard_at = now;
    l->granted = false;
    if (number == 0)
        return;
    if (l->highest_number == 0)
        l->first_number = l->highest_number = number;
    else if (number > l->highest_number) {
        l->highest_number = number;
        l->arrived++;
    } else if (number > l->first_number)
        l->arrived++;
}

static void turn_window(sl_liveness *l, slow_time now) {
    if (now - l->window_at < WINDOW)
        return;
    l->window_at = now;
    l->least_ns[1] = l->least_ns[0];
    l->least_ns[0] = 0;
    measure_loss(l);
}

static uint32_t stamp_of(slow_time now) {
    uint32_t stamp = (uint32_t)(now / 1000);
    return stamp == 0 ? 1 : stamp;
}

static void measure_rtt(sl_liveness *l, uint32_t echo, uint32_t held, slow_time now) {
    uint32_t passed_us = stamp_of(now) - echo;
    if (passed_us < held || passed_us > 60000000)
        return; /* an echo of another life */
    uint64_t rtt_ns = (uint64_t)(passed_us - held) * 1000;
    if (rtt_ns == 0)
        rtt_ns = 1000;
    if (l->guess) {
        l->srtt_ns = l->least_ns[0] = 0;
        l->guess = false;
        l->retell_now = true;
    }
    l->srtt_ns = l->srtt_ns == 0 ? rtt_ns : (l->srtt_ns * 7 + rtt_ns) / 8;
    if (l->least_ns[0] == 0 || rtt_ns < l->least_ns[0])
        l->least_ns[0] = rtt_ns;
}

void sl_liveness_take(sl_liveness *l, const sl_probe *probe, slow_time now) {
    if (l->echo != 0 && (int32_t)(probe->stamp - l->echo) < 0)
        return; /* overtaken on the way: what it tells is no longer so, and a shorter interval would be a false death */
    turn_window(l, now);
    l->peer_keep_ms = smaller(probe->keep_ms < 1 ? 1 : probe->keep_ms, LONGEST_MS);
    l->peer_want_ms = probe->want_ms < 10 ? 10 : probe->want_ms; /* a peer cannot make us send more than 100 a second */
    if (probe->stamp != 0) {
        l->echo = probe->stamp;
        l->echo_at = now;
    }
    if (probe->echo != 0) {
        measure_rtt(l, probe->echo, probe->held, now);
        if (l->told_ms > l->keep_ms && l->told_stamp != 0 && (int32_t)(probe->echo - l->told_stamp) >= 0)
            l->keep_ms = l->told_ms;
    }
    adjust(l);
}

void sl_liveness_make(sl_liveness *l, sl_probe *probe, slow_time now) {
    uint64_t held_us = l->echo == 0 ? 0 : (now - l->echo_at) / 1000;
    *probe = (sl_probe){.keep_ms = (uint16_t)l->told_ms,
                        .want_ms = (uint16_t)wish_ms(l),
                        .stamp = stamp_of(now),
                        .echo = l->echo,
                        .held = held_us > UINT32_MAX ? UINT32_MAX : (uint32_t)held_us};
    if (l->told_stamp == 0)
        l->told_stamp = probe->stamp;
    l->probe_now = false;
    l->probed_at = now;
}

/* Other frames keep the link alive, but only a probe carries stamps: one a second goes out in any case. */
static slow_time probe_at(const sl_liveness *l) {
    slow_time quiet = l->sent_at + l->keep_ms * SL_MS, second = l->probed_at + SL_SECOND;
    return quiet < second ? quiet : second;
}

bool sl_liveness_probe_due(const sl_liveness *l, slow_time now) {
    return l->probe_now || now >= probe_at(l);
}

slow_time sl_liveness_deadline(const sl_liveness *l) {
    uint64_t silence_ms = 3 * (uint64_t)l->peer_keep_ms + GRACE_MS;
    return l->heard_at + (silence_ms + (l->granted ? l->peer_keep_ms : 0)) * SL_MS;
}

bool sl_liveness_dead(sl_liveness *l, slow_time now, slow_time scheduled) {
    if (now < sl_liveness_deadline(l))
        return false;
    if (!l->granted && now - scheduled > l->peer_keep_ms * SL_MS / 2) {
        l->granted = true; /* a starved loop has not read its sockets: that is not the other end's silence */
        return now >= sl_liveness_deadline(l) + l->peer_keep_ms * SL_MS * 16;
    }
    return true;
}

slow_time sl_liveness_next(const sl_liveness *l) {
    slow_time probe = l->probe_now ? l->sent_at : probe_at(l);
    return probe < sl_liveness_deadline(l) ? probe : sl_liveness_deadline(l);
}

uint32_t sl_liveness_cost(const sl_liveness *l) {
    uint64_t least = l->least_ns[0];
    if (least == 0 || (l->least_ns[1] != 0 && l->least_ns[1] < least))
        least = l->least_ns[1] != 0 ? l->least_ns[1] : least;
    uint64_t cost = (least / 2 + 50000) / 100000; /* 0.1 ms, rounded */
    uint64_t kept_ppm = 1000000 - smaller(l->loss_ppm, LOSS_MOST_PPM);
    cost = cost < COST_LEAST ? COST_LEAST : cost;
    cost = cost * 1000000 / kept_ppm * 1000000 / kept_ppm;
    cost = cost * l->factor_ppm / 1000000 + l->bias;
    return cost < 1 ? 1 : cost > COST_MOST ? COST_MOST : (uint32_t)cost;
}

bool sl_liveness_retell(sl_liveness *l, slow_time now) {
    uint32_t cost = sl_liveness_cost(l);
    uint32_t off = cost > l->told_cost ? cost - l->told_cost : l->told_cost - cost;
    if (off * UINT64_C(4) <= l->told_cost) {
        l->off_since = 0;
        l->retell_now = false;
        return false;
    }
    if (l->off_since == 0)
        l->off_since = now;
    if (now - l->off_since < WINDOW && !l->retell_now)
        return false;
    l->retell_now = false;
    l->off_since = 0;
    l->told_cost = cost;
    return true;
}
