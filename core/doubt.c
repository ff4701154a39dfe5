#include "doubt.h"
#include "loop.h"

static const slow_time SILENCE_OF_ONE = 8 * SL_SECOND, SILENCE_OF_TWO = 4 * SL_SECOND, SILENCE_ON_TRIAL = SL_SECOND;
static const slow_time SIGNS_KEPT = 15 * SL_SECOND;
static const slow_time MARGIN_UNIT = 20 * SL_MS, MARGIN_MOST = 8 * SL_SECOND;
static const slow_time WAIT_FIRST = 30 * SL_SECOND, WAIT_MOST = 600 * SL_SECOND;

void sl_doubt_passed(sl_doubt *d, bool arrived, slow_time now) {
    if (!arrived) {
        d->not_passed_on++;
        return;
    }
    d->passed_on++;
    d->passed_at = now;
    if (!d->shunned)
        d->wait_ns = 0;
}

void sl_doubt_convict(sl_doubt *d, int change, slow_time now) {
    if (change > 0 && d->convictions++ == 0)
        d->convicted_at = now;
    if (change < 0 && d->convictions > 0)
        d->convictions--;
}

/* Of how many destinations there has been silence for that long, and their margins; an arrival refutes those before it. */
static uint32_t silent_for(const sl_doubt *d, slow_time silence_ns, slow_time now) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < SL_DOUBTS; i++)
        count += d->silent[i].dst.size != 0 && d->silent[i].since > d->passed_at &&
                 d->silent[i].last_at + SIGNS_KEPT >= now &&
                 d->silent[i].since + d->silent[i].margin_ns + silence_ns <= now;
    return count;
}

static bool is_enough(const sl_doubt *d, slow_time now) {
    return silent_for(d, d->wait_ns != 0 ? SILENCE_ON_TRIAL : SILENCE_OF_ONE, now) > 0 ||
           silent_for(d, SILENCE_OF_TWO, now) > 1;
}

bool sl_doubt_silent(sl_doubt *d, const slow_id *dst, slow_time since, uint32_t metric, slow_time now) {
    uint32_t at = 0;
    for (uint32_t i = 1; i < SL_DOUBTS; i++)
        if (d->silent[i].last_at < d->silent[at].last_at)
            at = i;
    for (uint32_t i = 0; i < SL_DOUBTS; i++)
        if (sl_id_equal(&d->silent[i].dst, dst))
            at = i;
    slow_time margin_ns = metric * MARGIN_UNIT;
    d->silent[at].dst = *dst;
    d->silent[at].since = since;
    d->silent[at].margin_ns = margin_ns < MARGIN_MOST ? margin_ns : MARGIN_MOST;
    d->silent[at].last_at = now;
    return !d->shunned && is_enough(d, now);
}

bool sl_doubt_look(sl_doubt *d, slow_time now) {
    if (d->shunned ? d->until > now : !is_enough(d, now))
        return false;
    for (uint32_t i = 0; i < SL_DOUBTS; i++)
        d->silent[i].dst.size = 0;
    d->shunned = !d->shunned;
    if (!d->shunned)
        return true;
    d->wait_ns = d->wait_ns == 0 ? WAIT_FIRST : d->wait_ns > WAIT_MOST / 2 ? WAIT_MOST : 2 * d->wait_ns;
    d->until = now + d->wait_ns;
    return true;
}
