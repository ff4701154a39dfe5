#include "cable.h"
#include "core/loop.h"
#include <stdlib.h>

typedef struct fate {
    bool lost, duplicated, reordered;
    uint64_t jitter_ns, copy_jitter_ns;
} fate;

void cable_init(cable *c, const settings *all, enum way way) {
    *c = (cable){.settings = all, .way = way};
    uint64_t state = all->seed;
    for (int i = UP; i <= (int)way; i++)
        c->random = sl_splitmix(&state);
}

bool cable_silent(const cable *c) {
    return (c->settings->silence >> c->way & 1) != 0;
}

/* From 0, to just below 1. */
static double draw(cable *c) {
    return (double)(sl_splitmix(&c->random) >> 11) * 0x1p-53;
}

static fate next_fate(cable *c) {
    const settings *s = c->settings;
    fate f;
    f.lost = draw(c) < s->loss;
    f.duplicated = draw(c) < s->duplicate;
    f.reordered = draw(c) < s->reorder;
    f.jitter_ns = (uint64_t)(draw(c) * (double)s->jitter_ns);
    f.copy_jitter_ns = (uint64_t)(draw(c) * (double)s->jitter_ns);
    return f;
}

static uint64_t departure(cable *c, uint64_t now_ns, size_t size) {
    uint64_t begin = c->departed_ns > now_ns ? c->departed_ns : now_ns;
    uint64_t takes_ns = 0;
    if (c->settings->rate_bits > 0)
        takes_ns = (uint64_t)((double)size * 8e9 / (double)c->settings->rate_bits);
    return c->departed_ns = begin + takes_ns;
}

uint64_t cable_arrival(cable *c, uint64_t now_ns, size_t size) {
    return departure(c, now_ns, size) + c->settings->delay_ns + next_fate(c).jitter_ns;
}

static bool add(cable *c, const parcel *like, const void *data) {
    if (c->waiting.bytes + sizeof *like + like->size <= c->settings->queue_size &&
        schedule_add(&c->waiting, like, data))
        return true;
    c->counts.overflowed++;
    return false;
}

void cable_put(cable *c, uint64_t now_ns, uint64_t owner, const void *data, size_t size) {
    const settings *s = c->settings;
    fate f = next_fate(c);
    if (cable_silent(c)) {
        c->counts.silenced++;
        return;
    }
    if (f.lost) {
        c->counts.lost++;
        return;
    }
    uint64_t out_ns = departure(c, now_ns, size) + s->delay_ns;
    uint64_t held_ns = f.reordered ? s->reorder_ns : 0;
    if (!add(c, &(parcel){.due_ns = out_ns + f.jitter_ns + held_ns, .owner = owner, .size = size}, data))
        return;
    c->counts.reordered += f.reordered;
    if (!f.duplicated)
        return;
    parcel copy = {.due_ns = out_ns + f.copy_jitter_ns + s->duplicate_ns, .owner = owner, .copy = true, .size = size};
    c->counts.duplicated += add(c, &copy, data);
}

parcel *cable_take(cable *c, uint64_t now_ns) {
    const parcel *first;
    while ((first = schedule_first(&c->waiting)) != NULL && first->due_ns <= now_ns) {
        if (!cable_silent(c))
            return schedule_take(&c->waiting);
        c->counts.silenced++;
        free(schedule_take(&c->waiting));
    }
    return NULL;
}

void cable_free(cable *c) {
    schedule_clear(&c->waiting);
}
