/* deadline.h - many deadlines behind the host's one timer.
 *
 * A destination that is being asked for, a batch, our own next number: all wait for something, and ten thousand
 * destinations may begin to at once. They are a binary heap of structs that live in their owners, so a deadline is
 * moved or taken out in O(log n) and nothing is allocated when one is armed: the place was reserved when its owner came
 * to be. Equal times fire in the order in which they were armed, so a run repeats exactly. */
#ifndef DV_DEADLINE_H
#define DV_DEADLINE_H
#include <slow/plugin.h>

struct dv_deadline;
typedef void (*dv_fire)(void *owner, struct dv_deadline *);

struct dv_deadline {
    slow_time when;
    uint64_t order;
    dv_fire fire;
    size_t place; /* in the heap, counted from 1; 0 = not armed */
};

struct dv_deadlines {
    const slow_host *host;
    void *owner;                /* handed to every fire() */
    void (*after)(void *owner); /* called when those that were due have fired */
    slow_timer *timer;
    struct dv_deadline **heap;
    size_t count, reserved, capacity;
    uint64_t order;
};

/* False = no memory. */
bool dv_deadlines_init(struct dv_deadlines *, const slow_host *, void *owner, void (*after)(void *owner));
void dv_deadlines_free(struct dv_deadlines *);
/* Keeps room for `n` more deadlines; false = no memory. */
bool dv_deadlines_reserve(struct dv_deadlines *, size_t n);
void dv_deadlines_release(struct dv_deadlines *, size_t n);
/* Arms, or moves. One that is due fires in a coming turn, never inside the call. */
void dv_deadline_at(struct dv_deadlines *, struct dv_deadline *, slow_time when, dv_fire);
void dv_deadline_stop(struct dv_deadlines *, struct dv_deadline *);
static inline bool dv_deadline_armed(const struct dv_deadline *deadline) {
    return deadline->place != 0;
}
#define DV_OWNER(deadline, type, member) ((type *)(void *)((char *)(deadline)-offsetof(type, member)))
#endif
