#include "reassembly.h"
#include <stdlib.h>
#include <string.h>

static const slow_time PATIENCE = 2 * SL_SECOND;

typedef struct partial {
    struct partial *next; /* by age, the oldest first */
    slow_id src;
    uint64_t session, message;
    slow_time until;
    uint32_t total, got; /* bytes */
    uint64_t have;       /* a bit a fragment: 64 KiB are 64 of them */
    uint8_t bytes[];
} partial;

struct sl_reassembly {
    sl_loop *loop;
    sl_stats *stats;
    sl_timer *timer;
    partial *first, *whole;
    uint64_t bytes;
    uint32_t count;
};

static partial *take_out(sl_reassembly *r, partial **at) {
    partial *p = *at;
    *at = p->next;
    r->bytes -= p->total;
    r->count--;
    return p;
}

static void expire(void *arg) {
    sl_reassembly *r = arg;
    slow_time now = sl_now(r->loop);
    while (r->first != NULL && r->first->until <= now) {
        SL_COUNT(r->stats, drop_fragment_timeout);
        free(take_out(r, &r->first));
    }
    if (r->first != NULL)
        sl_timer_at(r->timer, r->first->until);
}

sl_reassembly *sl_reassembly_new(sl_loop *loop, sl_stats *stats) {
    sl_reassembly *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->loop = loop;
    r->stats = stats;
    r->timer = sl_timer_new(loop, expire, r);
    if (r->timer != NULL)
        return r;
    free(r);
    return NULL;
}

void sl_reassembly_free(sl_reassembly *r) {
    if (r == NULL)
        return;
    while (r->first != NULL)
        free(take_out(r, &r->first));
    free(r->whole);
    sl_timer_free(r->timer);
    free(r);
}

static bool is_of(const partial *p, const slow_package *package) {
    return p->message == package->message && p->session == package->session &&
           sl_id_is(&p->src, package->src.data, package->src.size);
}

static partial **find(sl_reassembly *r, const slow_package *package, uint64_t *held) {
    partial **found = NULL;
    *held = 0;
    for (partial **at = &r->first; *at != NULL; at = &(*at)->next) {
        if (is_of(*at, package))
            found = at;
        if (sl_id_is(&(*at)->src, package->src.data, package->src.size))
            *held += (*at)->total;
    }
    return found;
}

static partial **begin(sl_reassembly *r, const slow_package *package, uint64_t held) {
    if (held + package->total > SL_REASSEMBLY_PER_SOURCE || r->bytes + package->total > SL_REASSEMBLY_ALL ||
        r->count >= SL_REASSEMBLY_COUNT) {
        SL_COUNT(r->stats, drop_fragment_budget);
        return NULL;
    }
    partial *p = malloc(sizeof *p + package->total);
    if (p == NULL)
        return NULL;
    *p = (partial){.session = package->session,
                   .message = package->message,
                   .until = sl_now(r->loop) + PATIENCE,
                   .total = package->total};
    sl_id_set(&p->src, package->src);
    partial **at = &r->first;
    while (*at != NULL)
        at = &(*at)->next;
    *at = p;
    r->bytes += p->total;
    r->count++;
    if (r->first == p)
        sl_timer_at(r->timer, p->until);
    return at;
}

static bool fits(const partial *p, const slow_package *package) {
    uint32_t left = p->total - package->offset;
    uint32_t expected = left < SLOW_PAYLOAD_MAX ? left : SLOW_PAYLOAD_MAX;
    return p->total == package->total && package->offset % SLOW_PAYLOAD_MAX == 0 && package->payload.size == expected;
}

bool sl_reassembly_add(sl_reassembly *r, const slow_package *package, slow_bytes *whole) {
    uint64_t held;
    if (package->total > SL_BEST_EFFORT_MAX || package->offset >= package->total) {
        SL_COUNT(r->stats, drop_fragment_mismatch);
        return false;
    }
    partial **at = find(r, package, &held);
    if (at == NULL && (at = begin(r, package, held)) == NULL)
        return false;
    partial *p = *at;
    uint64_t bit = UINT64_C(1) << (package->offset / SLOW_PAYLOAD_MAX);
    if (!fits(p, package) || p->have & bit) {
        SL_COUNT(r->stats, drop_fragment_mismatch);
        free(take_out(r, at));
        return false;
    }
    memcpy(p->bytes + package->offset, package->payload.data, package->payload.size);
    p->have |= bit;
    p->got += (uint32_t)package->payload.size;
    if (p->got < p->total)
        return false;
    free(r->whole);
    r->whole = take_out(r, at);
    *whole = (slow_bytes){r->whole->bytes, r->whole->total};
    return true;
}

uint64_t sl_reassembly_bytes(const sl_reassembly *r) {
    return r->bytes;
}
