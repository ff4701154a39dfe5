#include "pairing.h"

static const slow_time MS = 1000 * 1000, SECOND = 1000 * 1000 * 1000;
#define OPEN1_FIRST (250 * MS)
#define OPEN1_MOST (4 * SECOND)
#define KNOCK_APART (250 * MS)
#define KNOCK_AGAIN (1 * SECOND)
#define HALF_KEPT (10 * SECOND)
#define PAIR_KEPT (600 * SECOND)
enum { OPEN1_TRIES = 8, OPEN3_TRIES = 5 };

void sl_pairing_init(sl_pairing *p, const sl_pairing_events *events, void *arg, sl_pairing_limits *limits, bool lower,
                     slow_time alone_since) {
    *p = (sl_pairing){.events = events, .arg = arg, .limits = limits, .lower = lower, .alone_since = alone_since};
}

static slow_time doubled(slow_time first, unsigned times, slow_time most) {
    return times < 16 && first << times < most ? first << times : most;
}

static uint32_t alone_ms(const sl_pairing *p, slow_time now) {
    uint64_t ms = p->mine != 0 ? 0 : (now - p->alone_since) / MS;
    ms -= ms / 100 + (ms > 0);
    return ms < SL_ALONE_MAX_MS ? (uint32_t)ms : SL_ALONE_MAX_MS;
}

static void say(sl_pairing *p, enum sl_pair_kind kind, uint64_t mine, uint64_t yours, uint32_t alone) {
    p->unsaid = !p->events->say(p->arg, kind, &(sl_open){.mine = mine, .yours = yours, .alone_ms = alone});
}

/* ---- the pair ---- */

static void opening_end(sl_pairing *p) {
    p->limits->unasked -= p->opening != 0 && p->unasked;
    p->opening = 0;
    p->open1_at = 0;
}

static void half_end(sl_pairing *p, sl_half *half) {
    p->limits->halves -= half->theirs != 0;
    *half = (sl_half){.theirs = 0};
}

void sl_pairing_end(sl_pairing *p) {
    opening_end(p);
    for (int i = 0; i < SL_HALVES_A_PEER; i++)
        half_end(p, &p->halves[i]);
}

static void pair_end(sl_pairing *p, slow_time since, slow_time now) {
    p->events->ended(p->arg, since, now);
    p->mine = p->theirs = 0;
    p->open3_at = 0;
    p->alone_since = now;
}

static bool pair_begin(sl_pairing *p, uint64_t mine, uint64_t theirs, uint32_t their_alone_ms, slow_time rtt_ns,
                       slow_time now) {
    p->alone_ms = alone_ms(p, now);
    slow_time alone = their_alone_ms * MS;
    if (p->mine != 0)
        pair_end(p, now > alone ? now - alone : 0, now);
    opening_end(p);
    p->mine = mine;
    p->theirs = theirs;
    p->proven = !p->lower;
    p->heard_at = now;
    p->open3_count = 0;
    p->knock_at = 0;
    if (p->events->began(p->arg, rtt_ns, now))
        return true;
    p->mine = p->theirs = 0;
    return false;
}

void sl_pairing_forget(sl_pairing *p, slow_time now) {
    if (p->mine != 0)
        pair_end(p, UINT64_MAX, now);
}

/* ---- the lower end ---- */

static void open1(sl_pairing *p, slow_time now) {
    if (p->open1_count >= OPEN1_TRIES && !p->wanted) {
        opening_end(p);
        return;
    }
    p->open1_said_at = now;
    p->open1_at = now + doubled(OPEN1_FIRST, p->open1_count, OPEN1_MOST);
    if (p->open1_count < UINT8_MAX)
        p->open1_count++;
    say(p, SL_KIND_OPEN1, p->opening, p->was, 0);
}

static void opening_start(sl_pairing *p, uint64_t was, slow_time now) {
    bool unasked = !p->wanted && p->mine == 0;
    if (p->opening != 0 || (unasked && p->limits->unasked >= SL_OPENINGS_UNASKED))
        return;
    p->limits->unasked += unasked;
    p->unasked = unasked;
    p->opening = p->events->draw(p->arg);
    p->was = was;
    p->open1_count = 0;
    open1(p, now);
}

static void open3(sl_pairing *p, slow_time now) {
    if (p->open3_count >= OPEN3_TRIES) {
        opening_end(p);
        p->open3_count = 0;
        p->open3_at = now + OPEN1_MOST;
        opening_start(p, p->mine, now);
        return;
    }
    p->open3_count++;
    p->open3_at = now + doubled(OPEN1_FIRST, p->open3_count, OPEN1_MOST);
    say(p, SL_KIND_OPEN3, p->mine, p->theirs, p->alone_ms);
}

static void open2_heard(sl_pairing *p, const sl_open *open, slow_time now) {
    if (p->mine != 0 && p->mine == open->yours && p->theirs == open->mine) {
        if (!p->proven)
            say(p, SL_KIND_OPEN3, p->mine, p->theirs, p->alone_ms);
    } else if (p->opening != 0 && p->opening == open->yours) {
        slow_time rtt_ns = p->open1_count == 1 ? now - p->open1_said_at : 0;
        if (pair_begin(p, open->yours, open->mine, open->alone_ms, rtt_ns, now))
            open3(p, now);
    }
}

static void knock_heard(sl_pairing *p, slow_time now) {
    if (p->mine != 0 && !p->proven) {
        if (p->open3_count < OPEN3_TRIES)
            p->open3_count++;
        say(p, SL_KIND_OPEN3, p->mine, p->theirs, p->alone_ms);
    } else
        opening_start(p, p->mine, now);
}

/* ---- the higher end ---- */

static bool has_half(const sl_pairing *p) {
    for (int i = 0; i < SL_HALVES_A_PEER; i++)
        if (p->halves[i].theirs != 0)
            return true;
    return false;
}

static sl_half *half_of(sl_pairing *p, uint64_t theirs) {
    for (int i = 0; i < SL_HALVES_A_PEER; i++)
        if (theirs != 0 && p->halves[i].theirs == theirs)
            return &p->halves[i];
    return NULL;
}

/* One that is free, or else the oldest: whoever makes up openings in another's name must not keep it out. */
static sl_half *half_free(sl_pairing *p) {
    sl_half *oldest = &p->halves[0];
    for (int i = 0; i < SL_HALVES_A_PEER; i++)
        if (p->halves[i].until < oldest->until)
            oldest = &p->halves[i];
    return oldest;
}

static void knock(sl_pairing *p, slow_time now) {
    if (p->mine != 0 || has_half(p) || (p->knocked_at != 0 && now - p->knocked_at < KNOCK_APART))
        return;
    p->knocked_at = now;
    say(p, SL_KIND_KNOCK, 0, 0, 0);
}

static void open1_heard(sl_pairing *p, const sl_open *open, slow_time now) {
    if (p->mine != 0 && open->yours != 0 && p->theirs == open->yours) {
        p->events->describe(p->arg);
        return;
    }
    sl_half *half = half_of(p, open->yours);
    half = half != NULL ? half : half_of(p, open->mine);
    if (half != NULL) {
        half->again = true;
        say(p, SL_KIND_OPEN2, half->mine, half->theirs, alone_ms(p, now));
        return;
    }
    if (p->broken == SL_BREAK_TWO_WAY) {
        uint64_t mine = p->events->draw(p->arg);
        say(p, SL_KIND_OPEN2, mine, open->mine, alone_ms(p, now));
        pair_begin(p, mine, open->mine, 0, 0, now);
        return;
    }
    half = half_free(p);
    half_end(p, half);
    if (p->limits->halves >= SL_HALVES)
        return;
    p->limits->halves++;
    *half = (sl_half){.theirs = open->mine, .mine = p->events->draw(p->arg), .until = now + HALF_KEPT, .said_at = now};
    say(p, SL_KIND_OPEN2, half->mine, half->theirs, alone_ms(p, now));
}

static void open3_heard(sl_pairing *p, const sl_open *open, slow_time now) {
    sl_half *half = half_of(p, open->mine);
    if (half != NULL && half->mine == open->yours) {
        slow_time rtt_ns = half->again ? 0 : now - half->said_at;
        half_end(p, half);
        if (pair_begin(p, open->yours, open->mine, open->alone_ms, rtt_ns, now))
            p->events->describe(p->arg);
    } else if (p->mine != 0 && p->theirs == open->mine && p->mine == open->yours)
        p->events->describe(p->arg);
    else
        knock(p, now);
}

/* ---- either ---- */

void sl_pairing_want(sl_pairing *p, bool wanted, slow_time now) {
    bool was = p->wanted;
    p->wanted = wanted;
    if (!wanted || p->mine != 0)
        return;
    if (p->lower) {
        if (p->opening != 0 && p->unasked) {
            p->limits->unasked--;
            p->unasked = false;
        }
        opening_start(p, 0, now);
    } else if (!was || p->knock_at == 0) {
        knock(p, now);
        p->knock_at = now + KNOCK_AGAIN;
    }
}

void sl_pairing_heard(sl_pairing *p, enum sl_pair_kind kind, const sl_open *open, slow_time now) {
    if (p->lower && kind == SL_KIND_KNOCK)
        knock_heard(p, now);
    else if (p->lower && kind == SL_KIND_OPEN2)
        open2_heard(p, open, now);
    else if (!p->lower && kind == SL_KIND_OPEN1)
        open1_heard(p, open, now);
    else if (!p->lower && kind == SL_KIND_OPEN3)
        open3_heard(p, open, now);
}

enum sl_session sl_pairing_session(sl_pairing *p, uint64_t session, slow_time now) {
    if (p->mine != 0 && p->theirs == session) {
        p->heard_at = now;
        p->proven = true;
        p->open3_at = 0;
        opening_end(p);
        return SL_SESSION_OURS;
    }
    if (p->broken == SL_BREAK_NUMBERS_BY_START && !p->lower)
        return pair_begin(p, p->events->draw(p->arg), session, 0, 0, now) ? SL_SESSION_OURS : SL_SESSION_UNKNOWN;
    if (p->mine != 0)
        return SL_SESSION_OLD;
    if (p->lower)
        opening_start(p, 0, now);
    else if (half_of(p, session) == NULL)
        knock(p, now);
    return SL_SESSION_UNKNOWN;
}

void sl_pairing_kick(sl_pairing *p, slow_time now) {
    if (!p->unsaid || p->mine != 0)
        return;
    p->unsaid = false;
    if (p->opening != 0) {
        p->open1_count = 0; /* what was not said was no try */
        open1(p, now);
    } else if (p->knock_at != 0) {
        p->knocked_at = 0;
        knock(p, now);
    }
}

static void sooner(slow_time *due, slow_time when) {
    if (when != 0 && when < *due)
        *due = when;
}

slow_time sl_pairing_due(const sl_pairing *p) {
    slow_time due = UINT64_MAX;
    sooner(&due, p->open1_at);
    sooner(&due, p->open3_at);
    sooner(&due, p->knock_at);
    if (p->mine != 0)
        sooner(&due, p->heard_at + PAIR_KEPT);
    for (int i = 0; i < SL_HALVES_A_PEER; i++)
        sooner(&due, p->halves[i].until);
    return due;
}

void sl_pairing_timer(sl_pairing *p, slow_time now) {
    for (int i = 0; i < SL_HALVES_A_PEER; i++)
        if (p->halves[i].theirs != 0 && p->halves[i].until <= now)
            half_end(p, &p->halves[i]);
    if (p->mine != 0 && p->heard_at + PAIR_KEPT <= now)
        pair_end(p, UINT64_MAX, now);
    if (p->open3_at != 0 && p->open3_at <= now)
        open3(p, now);
    if (p->open1_at != 0 && p->open1_at <= now)
        open1(p, now);
    if (p->knock_at != 0 && p->knock_at <= now) {
        p->knock_at = p->wanted && p->mine == 0 ? now + KNOCK_AGAIN : 0;
        if (p->knock_at != 0)
            knock(p, now);
    }
}

bool sl_pairing_is_idle(const sl_pairing *p) {
    return p->mine == 0 && p->opening == 0 && !p->wanted && !has_half(p);
}
