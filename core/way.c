#include "way.h"
#include "loop.h"

enum { SIGNS = 3, SIGNS_AGAIN = 2 };
static const slow_time SILENCE = SL_SECOND, SIGNS_APART = 15 * SL_SECOND;
static const slow_time WAIT_FIRST = 10 * SL_SECOND, WAIT_MOST = 600 * SL_SECOND;

static sl_avoided *avoided_of(sl_way *way, slow_link via) {
    for (uint32_t i = 0; via != 0 && way->count > 0 && i < SL_WAY_AVOIDED; i++)
        if (way->avoided[i].via == via)
            return &way->avoided[i];
    return NULL;
}

/* A free place, or that of the one who is tried again first: adjacencies end, and nobody says so here. */
static sl_avoided *place_for(sl_way *way) {
    sl_avoided *place = &way->avoided[0];
    for (uint32_t i = 0; i < SL_WAY_AVOIDED; i++) {
        if (way->avoided[i].via == 0)
            return &way->avoided[i];
        if (way->avoided[i].until < place->until)
            place = &way->avoided[i];
    }
    return place;
}

static void avoid(sl_way *way, slow_link via, slow_time now) {
    sl_avoided *a = avoided_of(way, via);
    if (a == NULL) {
        a = place_for(way);
        way->count += a->via == 0;
        *a = (sl_avoided){.via = via, .wait_ns = WAIT_FIRST / 2};
    }
    a->wait_ns = a->wait_ns > WAIT_MOST / 2 ? WAIT_MOST : 2 * a->wait_ns;
    a->until = now + a->wait_ns;
    for (uint32_t i = 0; i < SL_WAY_AVOIDED; i++)
        way->futile |= way->avoided[i].via != via && way->avoided[i].until > now && !way->avoided[i].convicted;
}

void sl_way_silent(sl_way *way, slow_link via, slow_time now) {
    const sl_avoided *known = avoided_of(way, via);
    if (via == 0)
        return;
    bool again = known != NULL && known->until <= now; /* it is on trial */
    if (way->via != via || way->signs == 0 || now - way->last_sign_at > SIGNS_APART ||
        (again && way->last_sign_at < known->until)) {
        way->via = via;
        way->signs = 0;
        way->first_sign_at = now;
    }
    way->signs++;
    way->last_sign_at = now;
    if (known != NULL && !again) /* it is in use for want of another */
        return;
    if (again ? way->signs >= SIGNS_AGAIN : way->signs >= SIGNS && now - way->first_sign_at >= SILENCE)
        avoid(way, via, now);
}

bool sl_way_heard(sl_way *way, slow_link via, slow_time now) {
    bool changed = false;
    if (via == 0)
        return false;
    way->futile = false;
    if (way->via == via)
        way->signs = 0;
    if (way->count == 0)
        return false;
    sl_avoided *acquitted = avoided_of(way, via);
    if (acquitted != NULL) {
        changed = acquitted->convicted;
        *acquitted = (sl_avoided){.via = 0};
        way->count--;
    }
    for (uint32_t i = 0; i < SL_WAY_AVOIDED; i++)
        if (way->avoided[i].via != 0 && way->avoided[i].until > now && way->avoided[i].wait_ns > WAIT_FIRST &&
            !way->avoided[i].convicted)
            changed = way->avoided[i].convicted = true;
    return changed;
}

bool sl_way_avoids(const sl_way *way, slow_link via, slow_time now) {
    for (uint32_t i = 0; way->count > 0 && i < SL_WAY_AVOIDED; i++)
        if (way->avoided[i].via == via)
            return way->avoided[i].until > now;
    return false;
}

slow_link sl_way_convicts(const sl_way *way, uint32_t *place) {
    while (*place < SL_WAY_AVOIDED) {
        const sl_avoided *a = &way->avoided[(*place)++];
        if (a->via != 0 && a->convicted)
            return a->via;
    }
    return 0;
}
