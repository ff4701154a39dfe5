/* loop.h - the only door to time, timers, randomness and I/O.
 *
 * Two implementations stand behind one interface: loop_libevent.c for the real world, loop_virtual.c for virtual time, in
 * which a world of many junctions runs as discrete events and the same seed gives the same trace. Everything above the
 * loop takes the time from it, so whole networks run in a test.
 *
 * A turn is a batch of events that were ready together. What is deferred runs at the end of the turn, in the order of
 * the calls, including what is deferred meanwhile. A virtual turn is all of one junction's events at one instant.
 *
 * All calls are [loop] unless marked [any]. */
#ifndef SL_LOOP_H
#define SL_LOOP_H
#include <slow/base.h>

typedef struct sl_loop sl_loop;
typedef struct sl_timer sl_timer;
typedef struct sl_watch sl_watch;
typedef struct sl_lookup sl_lookup;

typedef void (*sl_call)(void *arg);

/* Something to be done at the end of the turn: a member of whoever wants it, so that deferring cannot fail. */
typedef struct sl_deferred {
    sl_call fn;
    void *arg;
    struct sl_deferred *next;
    bool queued;
} sl_deferred;
typedef void (*sl_ready)(void *arg, int fd, unsigned events); /* SLOW_IO_READ | SLOW_IO_WRITE */
/* `addresses` are sockaddr bytes in the order to try; n == 0 and an error text when the look-up failed. */
typedef void (*sl_found)(void *arg, const slow_bytes *addresses, size_t n, const slow_error *);

/* What an implementation fills in. `wall_us` is the wall clock (or its virtual twin), for epochs and for
 * what is shown to people. */
typedef struct sl_loop_ops {
    slow_time (*now)(sl_loop *);
    uint64_t (*wall_us)(sl_loop *);
    uint64_t (*random)(sl_loop *);
    void (*entropy)(sl_loop *, void *out, size_t size);
    sl_timer *(*timer_new)(sl_loop *, sl_call fire, void *arg);
    void (*timer_at)(sl_timer *, slow_time when);
    void (*timer_stop)(sl_timer *);
    void (*timer_free)(sl_timer *);
    void (*defer)(sl_loop *, sl_deferred *);
    void (*defer_cancel)(sl_loop *, sl_deferred *);
    slow_status (*post)(sl_loop *, sl_call fn, void *arg);
    sl_watch *(*watch)(sl_loop *, int fd, unsigned events, sl_ready ready, void *arg);
    slow_status (*modify)(sl_watch *, unsigned events);
    void (*unwatch)(sl_watch *);
    sl_lookup *(*lookup)(sl_loop *, const char *name, uint16_t port, sl_found done, void *arg);
    void (*lookup_cancel)(sl_lookup *);
    void (*free)(sl_loop *);
} sl_loop_ops;

struct sl_loop {
    const sl_loop_ops *ops;
};
struct sl_timer {
    const sl_loop_ops *ops;
};
struct sl_watch {
    const sl_loop_ops *ops;
};
struct sl_lookup {
    const sl_loop_ops *ops;
};

/* The time at which the current event began. Nanoseconds, monotonic. */
static inline slow_time sl_now(sl_loop *loop) {
    return loop->ops->now(loop);
}
/* Since 1970. */
static inline uint64_t sl_wall_us(sl_loop *loop) {
    return loop->ops->wall_us(loop);
}
static inline uint64_t sl_wall_ms(sl_loop *loop) {
    return sl_wall_us(loop) / 1000;
}
/* Uniform 64 bits, seeded in the virtual world. Not for keys. */
static inline uint64_t sl_random(sl_loop *loop) {
    return loop->ops->random(loop);
}
/* Uniform in 0..bound-1; bound > 0. */
static inline uint64_t sl_random_below(sl_loop *loop, uint64_t bound) {
    return sl_random(loop) % bound;
}
static inline void sl_entropy(sl_loop *loop, void *out, size_t size) {
    loop->ops->entropy(loop, out, size);
}

/* One-shot timers; NULL = no memory. After timer_stop() or timer_free() `fire` does not run. */
static inline sl_timer *sl_timer_new(sl_loop *loop, sl_call fire, void *arg) {
    return loop->ops->timer_new(loop, fire, arg);
}
static inline void sl_timer_at(sl_timer *timer, slow_time when) {
    timer->ops->timer_at(timer, when);
}
static inline void sl_timer_stop(sl_timer *timer) {
    timer->ops->timer_stop(timer);
}
static inline void sl_timer_free(sl_timer *timer) {
    if (timer != NULL)
        timer->ops->timer_free(timer);
}

/* Runs it at the end of this turn, once, however often it was asked for. */
static inline void sl_defer(sl_loop *loop, sl_deferred *deferred) {
    if (!deferred->queued)
        loop->ops->defer(loop, deferred);
}
static inline void sl_defer_cancel(sl_loop *loop, sl_deferred *deferred) {
    if (deferred->queued)
        loop->ops->defer_cancel(loop, deferred);
}
/* [any] Runs fn(arg) in a coming turn. SLOW_E_NOMEM: it will not run. */
static inline slow_status sl_post(sl_loop *loop, sl_call fn, void *arg) {
    return loop->ops->post(loop, fn, arg);
}

/* Level-triggered file descriptors. NULL = no memory, or a virtual loop, which has none. */
static inline sl_watch *sl_watch_new(sl_loop *loop, int fd, unsigned events, sl_ready ready, void *arg) {
    return loop->ops->watch == NULL ? NULL : loop->ops->watch(loop, fd, events, ready, arg);
}
static inline slow_status sl_watch_modify(sl_watch *watch, unsigned events) {
    return watch->ops->modify(watch, events);
}
static inline void sl_watch_free(sl_watch *watch) {
    if (watch != NULL)
        watch->ops->unwatch(watch);
}

/* A name look-up that blocks nothing; `done` comes in a later turn. NULL = no memory, or a virtual loop. */
static inline sl_lookup *sl_lookup_start(sl_loop *loop, const char *name, uint16_t port, sl_found done, void *arg) {
    return loop->ops->lookup == NULL ? NULL : loop->ops->lookup(loop, name, port, done, arg);
}
static inline void sl_lookup_cancel(sl_lookup *lookup) {
    lookup->ops->lookup_cancel(lookup);
}
static inline bool sl_loop_has_io(const sl_loop *loop) {
    return loop->ops->watch != NULL;
}

/* Runs what was posted or deferred and has not run yet, then frees the loop. Timers and watches MUST be gone. */
static inline void sl_loop_free(sl_loop *loop) {
    if (loop != NULL)
        loop->ops->free(loop);
}

/* A queue of what was deferred, for the implementations. */
typedef struct sl_deferred_queue {
    sl_deferred *first, **end;
} sl_deferred_queue;

static inline void sl_deferred_push(sl_deferred_queue *queue, sl_deferred *deferred) {
    deferred->next = NULL;
    deferred->queued = true;
    *(queue->first == NULL ? &queue->first : queue->end) = deferred;
    queue->end = &deferred->next;
}
static inline void sl_deferred_remove(sl_deferred_queue *queue, sl_deferred *deferred) {
    for (sl_deferred **at = &queue->first; *at != NULL; at = &(*at)->next)
        if (*at == deferred) {
            *at = deferred->next;
            deferred->queued = false;
            if (*at == NULL)
                queue->end = at;
            return;
        }
}
/* Runs all, also those that are deferred meanwhile. */
static inline void sl_deferred_run(sl_deferred_queue *queue) {
    while (queue->first != NULL) {
        sl_deferred *deferred = queue->first;
        queue->first = deferred->next;
        deferred->queued = false;
        deferred->fn(deferred->arg);
    }
}

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): small, fast, passes BigCrush; not for keys. */
static inline uint64_t sl_splitmix(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

#define SL_US UINT64_C(1000)
#define SL_MS UINT64_C(1000000)
#define SL_SECOND UINT64_C(1000000000)
#endif
