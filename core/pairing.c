#include "pairing.h"

static const slow_time MS = 1000 * 1000, SECOND = 1000 * 1000 * 1000;
#define OPEN1_FIRST (250 * MS)
#define OPEN1_MOST (4 * SECOND)
#define KNOCK_APART (250 * MS)
#define KNOCK_AGAIN (1 * SECOND)
#define HALF_KEPT (10 * SECOND)
#define PAIR_KEPT (600 * SECOND)
enum {
    OPEN1_TRIES = 8,
    OPEN3_TRIES = 5,
    ASKED_LEAST = 2, /* before it counts that there was no answer */
    READS_FREE = 8   /* OPEN2s for one OPEN1: more are somebody's who wants us to compute */
};

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

static void say(sl_pairing *p, enum sl_pair_kind kind, const sl_open *open, sl_pair_seal *seal) {
    sl_open said = *open;
    if (seal != NULL)
        said.handshake = p->events->seals->written(seal);
    p->unsaid = !p->events->say(p->arg, kind, &said);
    if (!p->unsaid && p->asked < UINT8_MAX)
        p->asked++;
}

static void seal_end(sl_pairing *p, sl_pair_seal **seal) {
    if (*seal != NULL)
        p->events->seals->end(*seal);
    *seal = NULL;
}

static sl_pair_seal *seal_take(sl_pair_seal **seal) {
    sl_pair_seal *taken = *seal;
    *seal = NULL;
    return taken;
}

/* ---- the pair ---- */

bool sl_pairing_is_full(const sl_pairing_limits *limits, bool lower, bool sealed, uint8_t way) {
    if (lower)
        return limits->unasked >= SL_OPENINGS_UNASKED || (sealed && limits->unasked_of[way] >= SL_UNASKED_A_WAY);
    return limits->halves >= SL_HALVES || (sealed && limits->halves_of[way] >= SL_HALVES_A_WAY);
}

/* It counts against the limit no more. */
static void unasked_end(sl_pairing *p) {
    if (!p->unasked)
        return;
    p->limits->unasked--;
    p->limits->unasked_of[p->unasked_way]--;
    p->unasked = false;
}

static void opening_end(sl_pairing *p) {
    unasked_end(p);
    seal_end(p, &p->opening_seal);
    p->opening = 0;
    p->open1_at = 0;
}

static void half_end(sl_pairing *p, sl_half *half) {
    p->limits->halves -= half->theirs != 0;
    p->limits->halves_of[half->way] = (uint16_t)(p->limits->halves_of[half->way] - (half->theirs != 0));
    seal_end(p, &half->seal);
    *half = (sl_half){.theirs = 0};
}

void sl_pairing_end(sl_pairing *p) {
    opening_end(p);
    for (int i = 0; i < SL_HALVES_A_PEER; i++)
        half_end(p, &p->halves[i]);
    seal_end(p, &p->seal);
}

static void pair_end(sl_pairing *p, slow_time since, slow_time now) {
    p->events->ended(p->arg, since, now);
    seal_end(p, &p->seal);
    p->mine = p->theirs = 0;
    p->open3_at = 0;
    p->alone_since = now;
}

/* What the peer said is `open`. The seal is the pair's from now on. */
static bool pair_begin(sl_pairing *p, const sl_open *open, sl_pair_seal *seal, slow_time rtt_ns, slow_time now) {
    p->alone_ms = alone_ms(p, now);
    slow_time alone = open->alone_ms * MS;
    if (p->mine != 0)
        pair_end(p, now > alone ? now - alone : 0, now);
    opening_end(p);
    p->mine = open->yours;
    p->theirs = open->mine;
    p->seal = seal;
    p->plain_at = 0;
    p->refused = false;
    p->proven = !p->lower;
    p->asked = p->proven ? 0 : p->asked;
    p->heard_at = now;
    p->open3_count = 0;
    p->knock_at = 0;
    if (p->events->began(p->arg, rtt_ns, now))
        return true;
    seal_end(p, &p->seal);
    p->mine = p->theirs = 0;
    return false;
}

void sl_pairing_forget(sl_pairing *p, slow_time now) {
    if (p->mine != 0)
        pair_end(p, UINT64_MAX, now);
}

static void plain_heard(sl_pairing *p, slow_time now) {
    if (p->mine == 0)
        p->plain_at = now;
}

/* ---- the lower end ---- */

/* False: there is no memory for it now. */
static bool opening_seal(sl_pairing *p) {
    const sl_pairing_seals *seals = p->events->seals;
    if (p->opening_seal != NULL)
        return true;
    p->opening_seal = seals->begin(p->arg, p->opening, p->was);
    if (p->opening_seal != NULL &&
        !seals->write(p->arg, p->opening_seal, SL_KIND_OPEN1, &(sl_open){.mine = p->opening, .yours = p->was}))
        seal_end(p, &p->opening_seal);
    return p->opening_seal != NULL;
}

static void open1(sl_pairing *p, slow_time now) {
    if (p->open1_count >= OPEN1_TRIES && !p->wanted) {
        opening_end(p);
        return;
    }
    p->open1_said_at = now;
    p->open1_at = now + doubled(OPEN1_FIRST, p->open1_count, OPEN1_MOST);
    if (p->open1_count < UINT8_MAX)
        p->open1_count++;
    p->heard = 0;
    if (p->events->seals == NULL || opening_seal(p))
        say(p, SL_KIND_OPEN1, &(sl_open){.mine = p->opening, .yours = p->was}, p->opening_seal);
}

/* `way`: of who asks for it, if it is not wanted here. */
static void opening_start(sl_pairing *p, uint64_t was, uint8_t way, slow_time now) {
    bool unasked = !p->wanted && p->mine == 0;
    if (p->opening != 0 || (unasked && sl_pairing_is_full(p->limits, true, p->events->seals != NULL, way)))
        return;
    p->limits->unasked += unasked;
    p->limits->unasked_of[way] = (uint16_t)(p->limits->unasked_of[way] + unasked);
    p->unasked = unasked;
    p->unasked_way = way;
    p->opening = p->events->draw(p->arg);
    p->was = was;
    p->open1_count = 0;
    open1(p, now);
}

static void say_open3(sl_pairing *p) {
    say(p, SL_KIND_OPEN3, &(sl_open){.mine = p->mine, .yours = p->theirs, .alone_ms = p->alone_ms}, p->seal);
}

static void open3(sl_pairing *p, slow_time now) {
    if (p->open3_count >= OPEN3_TRIES) {
        opening_end(p);
        p->open3_count = 0;
        p->open3_at = now + OPEN1_MOST;
        opening_start(p, p->theirs, 0, now);
        return;
    }
    p->open3_count++;
    p->open3_at = now + doubled(OPEN1_FIRST, p->open3_count, OPEN1_MOST);
    say_open3(p);
}

/* May a pair begin by this OPEN2? Then the seal's OPEN3 is ready. */
static bool open2_good(sl_pairing *p, const sl_open *open, uint8_t way, slow_time now) {
    const sl_pairing_seals *seals = p->events->seals;
    if (seals == NULL)
        return true;
    if (open->handshake.size == 0) {
        plain_heard(p, now);
        return false;
    }
    if (p->opening_seal == NULL || (p->heard >= READS_FREE && !seals->may_read(p->arg, way)))
        return false;
    p->heard = p->heard < READS_FREE ? (uint8_t)(p->heard + 1) : READS_FREE;
    enum sl_pairing_heard heard = seals->read(p->arg, p->opening_seal, SL_KIND_OPEN2, open);
    p->refused |= heard == SL_OPEN_REFUSED;
    if (heard != SL_OPEN_GOOD)
        return false;
    sl_open answer = {.mine = p->opening, .yours = open->mine, .alone_ms = alone_ms(p, now)};
    if (seals->write(p->arg, p->opening_seal, SL_KIND_OPEN3, &answer))
        return true;
    seal_end(p, &p->opening_seal);
    p->opening = p->events->draw(p->arg);
    return false;
}

static void open2_heard(sl_pairing *p, const sl_open *open, uint8_t way, slow_time now) {
    if (p->mine != 0 && p->mine == open->yours && p->theirs == open->mine) {
        if (!p->proven)
            say_open3(p);
    } else if (p->opening != 0 && p->opening == open->yours && open2_good(p, open, way, now)) {
        slow_time rtt_ns = p->open1_count == 1 ? now - p->open1_said_at : 0;
        if (pair_begin(p, open, seal_take(&p->opening_seal), rtt_ns, now))
            open3(p, now);
    }
}

static void knock_heard(sl_pairing *p, uint8_t way, slow_time now) {
    if (p->mine != 0 && !p->proven) {
        if (p->open3_count < OPEN3_TRIES)
            p->open3_count++;
        say_open3(p);
    } else
        opening_start(p, p->theirs, way, now);
}

/* ---- the higher end ---- */

static bool has_half(const sl_pairing *p) {
    for (int i = 0; i < SL_HALVES_A_PEER; i++)
        if (p->halves[i].theirs != 0)
            return true;
    return false;
}

/* The first of them with these numbers; 0 = any. */
static sl_half *half_of(sl_pairing *p, uint64_t theirs, uint64_t mine) {
    for (int i = 0; i < SL_HALVES_A_PEER; i++) {
        sl_half *half = &p->halves[i];
        if (half->theirs != 0 && (theirs == 0 || half->theirs == theirs) && (mine == 0 || half->mine == mine))
            return half;
    }
    return NULL;
}

/* The one that this OPEN1 is about: it began it, or its author has the pair that would come of it. */
static sl_half *half_about(sl_pairing *p, const sl_open *open, uint8_t way) {
    const sl_pairing_seals *seals = p->events->seals;
    sl_half *half = open->yours != 0 ? half_of(p, 0, open->yours) : NULL;
    if (half != NULL || seals == NULL)
        return half != NULL ? half : half_of(p, open->mine, 0);
    for (int i = 0; i < SL_HALVES_A_PEER; i++) {
        half = &p->halves[i];
        if (half->theirs == open->mine && half->way == way && seals->is_of(half->seal, open->handshake))
            return half;
    }
    return NULL;
}

static unsigned halves_by(const sl_pairing *p, uint8_t way) {
    unsigned count = 0;
    for (int i = 0; i < SL_HALVES_A_PEER; i++)
        count += p->halves[i].theirs != 0 && p->halves[i].way == way;
    return count;
}

/* Goes `a` sooner than `b`? Of those that are not free, one of the way that has most, and of these the oldest. */
static bool goes_sooner(const sl_pairing *p, const sl_half *a, const sl_half *b) {
    unsigned of_a = halves_by(p, a->way), of_b = halves_by(p, b->way);
    if (a->theirs == 0 || b->theirs == 0 || of_a == of_b)
        return a->until < b->until; /* 0 = free */
    return of_a > of_b;
}

/* Whoever makes up openings in another's name must not keep it out: with security the way that has most pays for a new one. */
static sl_half *half_free(sl_pairing *p) {
    sl_half *found = &p->halves[0];
    for (int i = 1; i < SL_HALVES_A_PEER; i++)
        if (goes_sooner(p, &p->halves[i], found))
            found = &p->halves[i];
    return found;
}

static void knock(sl_pairing *p, slow_time now) {
    bool opens = p->events->seals == NULL && has_half(p);
    if (p->mine != 0 || opens || (p->knocked_at != 0 && now - p->knocked_at < KNOCK_APART))
        return;
    p->knocked_at = now;
    say(p, SL_KIND_KNOCK, &(sl_open){.mine = 0}, NULL);
}

static void say_open2(sl_pairing *p, const sl_half *half, slow_time now) {
    sl_open open = {.mine = half->mine, .yours = half->theirs, .alone_ms = alone_ms(p, now)};
    if (half->seal != NULL)
        open.alone_ms = half->alone_ms;
    say(p, SL_KIND_OPEN2, &open, half->seal);
}

/* Reads OPEN1's handshake, and makes OPEN2's. */
static bool half_seal(sl_pairing *p, sl_half *half, const sl_open *open) {
    const sl_pairing_seals *seals = p->events->seals;
    sl_open answer = {.mine = half->mine, .yours = half->theirs, .alone_ms = half->alone_ms};
    if (seals == NULL)
        return true;
    half->seal = seals->begin(p->arg, open->mine, open->yours);
    if (half->seal != NULL && seals->read(p->arg, half->seal, SL_KIND_OPEN1, open) == SL_OPEN_GOOD &&
        seals->write(p->arg, half->seal, SL_KIND_OPEN2, &answer))
        return true;
    seal_end(p, &half->seal);
    return false;
}

static void half_begin(sl_pairing *p, const sl_open *open, uint8_t way, slow_time now) {
    sl_half *half = half_free(p);
    sl_half begun = {
        .theirs = open->mine, .alone_ms = alone_ms(p, now), .until = now + HALF_KEPT, .said_at = now, .way = way};
    if (half->theirs == 0 && sl_pairing_is_full(p->limits, false, p->events->seals != NULL, way))
        return;
    begun.mine = p->events->draw(p->arg);
    if (!half_seal(p, &begun, open))
        return;
    half_end(p, half);
    p->limits->halves++;
    p->limits->halves_of[way]++;
    *half = begun;
    say_open2(p, half, now);
}

static void open1_heard(sl_pairing *p, const sl_open *open, uint8_t way, slow_time now) {
    if (p->events->seals != NULL && open->handshake.size == 0) {
        plain_heard(p, now);
        return;
    }
    if (p->mine != 0 && p->mine == open->yours) {
        p->events->describe(p->arg);
        return;
    }
    sl_half *half = half_about(p, open, way);
    if (half != NULL) {
        half->again = true;
        say_open2(p, half, now);
        return;
    }
    if (p->broken == SL_BREAK_TWO_WAY) {
        uint64_t mine = p->events->draw(p->arg);
        say_open2(p, &(sl_half){.mine = mine, .theirs = open->mine}, now);
        pair_begin(p, &(sl_open){.mine = open->mine, .yours = mine}, NULL, 0, now);
        return;
    }
    half_begin(p, open, way, now);
}

/* May the pair begin by this OPEN3? One that is forged costs no more than a forged package of a pair, so any number are read. */
static bool open3_good(sl_pairing *p, sl_half *half, const sl_open *open) {
    const sl_pairing_seals *seals = p->events->seals;
    if (seals == NULL)
        return true;
    if (open->handshake.size == 0)
        return false;
    enum sl_pairing_heard heard = seals->read(p->arg, half->seal, SL_KIND_OPEN3, open);
    p->refused |= heard == SL_OPEN_REFUSED;
    if (heard == SL_OPEN_REFUSED)
        half_end(p, half);
    return heard == SL_OPEN_GOOD;
}

static void open3_heard(sl_pairing *p, const sl_open *open, slow_time now) {
    sl_half *half = half_of(p, open->mine, open->yours);
    if (half != NULL) {
        if (!open3_good(p, half, open))
            return;
        slow_time rtt_ns = half->again ? 0 : now - half->said_at;
        sl_pair_seal *seal = seal_take(&half->seal);
        half_end(p, half);
        if (pair_begin(p, open, seal, rtt_ns, now))
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
        unasked_end(p);
        opening_start(p, 0, 0, now);
    } else if (!was || p->knock_at == 0) {
        knock(p, now);
        p->knock_at = now + KNOCK_AGAIN;
    }
}

void sl_pairing_heard(sl_pairing *p, enum sl_pair_kind kind, const sl_open *open, uint8_t way, slow_time now) {
    if (p->lower && kind == SL_KIND_KNOCK)
        knock_heard(p, way, now);
    else if (p->lower && kind == SL_KIND_OPEN2)
        open2_heard(p, open, way, now);
    else if (!p->lower && kind == SL_KIND_OPEN1)
        open1_heard(p, open, way, now);
    else if (!p->lower && kind == SL_KIND_OPEN3)
        open3_heard(p, open, now);
}

enum sl_session sl_pairing_session(sl_pairing *p, uint64_t session, uint8_t way, slow_time now) {
    if (p->mine != 0 && p->theirs == session) {
        p->heard_at = now;
        p->proven = true;
        p->asked = 0;
        p->open3_at = 0;
        opening_end(p);
        return SL_SESSION_OURS;
    }
    if (p->broken == SL_BREAK_NUMBERS_BY_START && !p->lower)
        return pair_begin(p, &(sl_open){.mine = session, .yours = p->events->draw(p->arg)}, NULL, 0, now)
                   ? SL_SESSION_OURS
                   : SL_SESSION_UNKNOWN;
    if (p->mine != 0)
        return SL_SESSION_OLD;
    if (p->lower)
        opening_start(p, 0, way, now);
    else if (half_of(p, session, 0) == NULL)
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

enum sl_opening_end sl_pairing_opening(const sl_pairing *p) {
    if (p->refused)
        return SL_OPENING_REFUSED;
    return p->asked >= ASKED_LEAST ? SL_OPENING_UNANSWERED : SL_OPENING_WELL;
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
