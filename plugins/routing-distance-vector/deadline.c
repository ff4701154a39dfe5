/* deadline.c - see deadline.h. */
#include "deadline.h"
#include <stdlib.h>

static bool earlier(const struct dv_deadline *a, const struct dv_deadline *b) {
    return a->when != b->when ? a->when < b->when : a->order < b->order;
}

static void put(struct dv_deadlines *all, size_t place, struct dv_deadline *deadline) {
    all->heap[place - 1] = deadline;
    deadline->place = place;
}

static void rise(struct dv_deadlines *all, struct dv_deadline *deadline) {
    size_t place = deadline->place;
    for (; place > 1 && earlier(deadline, all->heap[place / 2 - 1]); place /= 2)
        put(all, place, all->heap[place / 2 - 1]);
    put(all, place, deadline);
}

static void sink(struct dv_deadlines *all, struct dv_deadline *deadline) {
    size_t place = deadline->place;
    for (size_t child; (child = place * 2) <= all->count; place = child) {
        if (child < all->count && earlier(all->heap[child], all->heap[child - 1]))
            child++;
        if (!earlier(all->heap[child - 1], deadline))
            break;
        put(all, place, all->heap[child - 1]);
    }
    put(all, place, deadline);
}

static void set_timer(struct dv_deadlines *all) {
    if (all->count > 0)
        all->host->timer_at(all->timer, all->heap[0]->when);
    else
        all->host->timer_stop(all->timer);
}

static void take_out(struct dv_deadlines *all, struct dv_deadline *deadline) {
    struct dv_deadline *last = all->heap[--all->count];
    if (last != deadline) {
        put(all, deadline->place, last);
        rise(all, last);
        sink(all, last);
    }
    deadline->place = 0;
}

/* Whatever fire() arms for now waits for the next turn, so a turn ends. */
static void run(void *arg) {
    struct dv_deadlines *all = arg;
    slow_time now = all->host->now(all->host);
    uint64_t armed_before = all->order;
    while (all->count > 0 && all->heap[0]->when <= now && all->heap[0]->order < armed_before) {
        struct dv_deadline *first = all->heap[0];
        take_out(all, first);
        first->fire(all->owner, first);
    }
    set_timer(all);
    all->after(all->owner);
}

bool dv_deadlines_init(struct dv_deadlines *all, const slow_host *host, void *owner, void (*after)(void *owner)) {
    *all = (struct dv_deadlines){.host = host, .owner = owner, .after = after};
    all->timer = host->timer_new(host, run, all);
    return all->timer != NULL;
}

void dv_deadlines_free(struct dv_deadlines *all) {
    if (all->host != NULL)
        all->host->timer_free(all->timer);
    free(all->heap);
    *all = (struct dv_deadlines){0};
}

bool dv_deadlines_reserve(struct dv_deadlines *all, size_t n) {
    if (all->reserved + n > all->capacity) {
        size_t capacity = all->reserved + n + all->capacity / 2;
        struct dv_deadline **heap = realloc(all->heap, capacity * sizeof *heap);
        if (heap == NULL)
            return false;
        all->heap = heap;
        all->capacity = capacity;
    }
    all->reserved += n;
    return true;
}

void dv_deadlines_release(struct dv_deadlines *all, size_t n) {
    all->reserved -= n;
}

void dv_deadline_at(struct dv_deadlines *all, struct dv_deadline *deadline, slow_time when, dv_fire fire) {
    dv_deadline_stop(all, deadline);
    *deadline = (struct dv_deadline){.when = when, .order = all->order++, .fire = fire};
    all->count++;
    deadline->place = all->count;
    rise(all, deadline);
    if (all->heap[0] == deadline)
        set_timer(all);
}

void dv_deadline_stop(struct dv_deadlines *all, struct dv_deadline *deadline) {
    if (!dv_deadline_armed(deadline))
        return;
    bool first = all->heap[0] == deadline;
    take_out(all, deadline);
    if (first)
        set_timer(all);
}
