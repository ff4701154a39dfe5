/* Virtual time. One binary heap holds every event of the world; an event knows its place in it, so a timer moves in
 * O(log n). Rejected: one heap a loop under a heap of loops, which is faster to free a loop with, and slower all else. */
#include "loop_virtual.h"
#include <stdlib.h>
#include <string.h>

typedef struct virtual_loop virtual_loop;

enum { NOT_QUEUED = UINT32_MAX };
typedef struct event {
    slow_time when;
    uint64_t order;
    virtual_loop *loop;  /* NULL = the world's own */
    sl_call fn, dropped; /* dropped: instead of fn, when the loop is freed first; may be NULL */
    void *arg;
    uint32_t place; /* in the heap, or NOT_QUEUED */
    bool is_timer;  /* part of a timer: not freed when it has run */
} event;

struct sl_world {
    event **heap;
    uint32_t count, capacity;
    slow_time now;
    uint64_t order, random_state, seed, trace;
    uint32_t loop_count;
    sl_call turn_fn;
    void *turn_arg;
};

struct virtual_loop {
    sl_loop face;
    sl_world *world;
    uint32_t number;
    int64_t wall_shift_ms;
    uint64_t random_state, entropy_state;
    sl_deferred_queue deferred;
    bool in_turn;
};

typedef struct virtual_timer {
    sl_timer face;
    event event;
} virtual_timer;

static const uint64_t WALL_START_MS = UINT64_C(1600000000000);

static virtual_loop *virtual(sl_loop *loop) {
    return (virtual_loop *)loop;
}

/* ---- the heap ---- */

static uint32_t loop_number(const event *e) {
    return e->loop == NULL ? 0 : e->loop->number;
}

static bool before(const event *a, const event *b) {
    if (a->when != b->when)
        return a->when < b->when;
    if (loop_number(a) != loop_number(b))
        return loop_number(a) < loop_number(b);
    return a->order < b->order;
}

static void heap_set(sl_world *world, uint32_t place, event *e) {
    world->heap[place] = e;
    e->place = place;
}

static void heap_up(sl_world *world, uint32_t place) {
    event *e = world->heap[place];
    while (place > 0 && before(e, world->heap[(place - 1) / 2])) {
        heap_set(world, place, world->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    heap_set(world, place, e);
}

static void heap_down(sl_world *world, uint32_t place) {
    event *e = world->heap[place];
    for (uint32_t child; (child = place * 2 + 1) < world->count; place = child) {
        if (child + 1 < world->count && before(world->heap[child + 1], world->heap[child]))
            child++;
        if (!before(world->heap[child], e))
            break;
        heap_set(world, place, world->heap[child]);
    }
    heap_set(world, place, e);
}

static bool heap_add(sl_world *world, event *e) {
    if (world->count == world->capacity) {
        uint32_t capacity = world->capacity == 0 ? 1024 : world->capacity * 2;
        event **heap = realloc(world->heap, capacity * sizeof *heap);
        if (heap == NULL)
            return false;
        world->heap = heap;
        world->capacity = capacity;
    }
    e->order = world->order++;
    world->heap[world->count] = e;
    heap_up(world, world->count++);
    return true;
}

static void heap_remove(sl_world *world, event *e) {
    uint32_t place = e->place;
    if (place == NOT_QUEUED)
        return;
    event *last = world->heap[--world->count];
    e->place = NOT_QUEUED;
    if (last == e)
        return;
    heap_set(world, place, last);
    heap_up(world, place);
    heap_down(world, last->place);
}

/* ---- the world ---- */

sl_world *sl_world_new(uint64_t seed) {
    sl_world *world = calloc(1, sizeof *world);
    if (world == NULL)
        return NULL;
    world->seed = world->random_state = seed;
    world->trace = sl_splitmix(&seed);
    return world;
}

static void event_drop(event *e) {
    e->place = NOT_QUEUED;
    if (e->is_timer)
        return;
    if (e->dropped != NULL)
        e->dropped(e->arg);
    free(e);
}

void sl_world_free(sl_world *world) {
    if (world == NULL)
        return;
    for (uint32_t i = 0; i < world->count; i++)
        event_drop(world->heap[i]);
    free(world->heap);
    free(world);
}

slow_time sl_world_now(const sl_world *world) {
    return world->now;
}

uint64_t sl_world_random(sl_world *world) {
    return sl_splitmix(&world->random_state);
}

uint64_t sl_world_trace(const sl_world *world) {
    return world->trace;
}

static void mix_word(sl_world *world, uint64_t word) {
    world->trace = (world->trace ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    world->trace ^= world->trace >> 29;
}

void sl_world_mix(sl_world *world, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    uint64_t word;
    for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
        memcpy(&word, at, sizeof word);
        mix_word(world, word);
    }
    word = size;
    memcpy((uint8_t *)&word + 1, at, size < 7 ? size : 7);
    mix_word(world, word);
}

bool sl_world_at(sl_world *world, sl_loop *loop, slow_time when, sl_call fn, sl_call dropped, void *arg) {
    event *e = calloc(1, sizeof *e);
    if (e == NULL)
        return false;
    *e = (event){
        .when = when > world->now ? when : world->now, .loop = virtual(loop), .fn = fn, .dropped = dropped, .arg = arg};
    if (heap_add(world, e))
        return true;
    free(e);
    return false;
}

static void event_run(sl_world *world, event *e) {
    sl_call fn = e->fn;
    void *arg = e->arg;
    heap_remove(world, e);
    if (!e->is_timer)
        free(e);
    fn(arg);
}

bool sl_world_turn(sl_world *world, slow_time until) {
    if (world->count == 0 || world->heap[0]->when > until)
        return false;
    virtual_loop *loop = world->heap[0]->loop;
    world->now = world->heap[0]->when;
    mix_word(world, world->now);
    mix_word(world, loop_number(world->heap[0]));
    if (loop == NULL)
        event_run(world, world->heap[0]);
    else {
        loop->in_turn = true;
        do
            event_run(world, world->heap[0]);
        while (world->count > 0 && world->heap[0]->loop == loop && world->heap[0]->when == world->now);
        sl_deferred_run(&loop->deferred);
        loop->in_turn = false;
    }
    if (world->turn_fn != NULL)
        world->turn_fn(world->turn_arg);
    return true;
}

void sl_world_run(sl_world *world, slow_time until) {
    while (sl_world_turn(world, until))
        ;
    if (until > world->now)
        world->now = until;
}

void sl_world_on_turn(sl_world *world, sl_call fn, void *arg) {
    world->turn_fn = fn;
    world->turn_arg = arg;
}

/* ---- a junction's loop ---- */

static slow_time virtual_now(sl_loop *loop) {
    return virtual(loop)->world->now;
}

static uint64_t virtual_wall_ms(sl_loop *loop) {
    return WALL_START_MS + virtual(loop)->world->now / SL_MS + (uint64_t) virtual(loop)->wall_shift_ms;
}

static uint64_t virtual_random(sl_loop *loop) {
    return sl_splitmix(&virtual(loop)->random_state);
}

static void virtual_entropy(sl_loop *loop, void *out, size_t size) {
    for (uint8_t *at = out; size > 0;) {
        uint64_t word = sl_splitmix(&virtual(loop)->entropy_state);
        size_t part = size < sizeof word ? size : sizeof word;
        memcpy(at, &word, part);
        at += part;
        size -= part;
    }
}

static sl_timer *virtual_timer_new(sl_loop *loop, sl_call fire, void *arg) {
    virtual_timer *timer = calloc(1, sizeof *timer);
    if (timer == NULL)
        return NULL;
    timer->face.ops = loop->ops;
    timer->event = (event){.loop = virtual(loop), .fn = fire, .arg = arg, .place = NOT_QUEUED, .is_timer = true};
    return &timer->face;
}

static void virtual_timer_stop(sl_timer *face) {
    virtual_timer *timer = (virtual_timer *)face;
    heap_remove(timer->event.loop->world, &timer->event);
}

/* The heap has room for a timer that was armed before; a first arming that finds no memory ends the simulation. */
static void virtual_timer_at(sl_timer *face, slow_time when) {
    virtual_timer *timer = (virtual_timer *)face;
    sl_world *world = timer->event.loop->world;
    virtual_timer_stop(face);
    timer->event.when = when > world->now ? when : world->now;
    if (!heap_add(world, &timer->event))
        abort();
}

static void virtual_timer_free(sl_timer *face) {
    virtual_timer_stop(face);
    free(face);
}

static void empty_event(void *arg) {
    (void)arg; /* the turn that it makes runs what was deferred */
}

static void virtual_defer(sl_loop *face, sl_deferred *deferred) {
    virtual_loop *loop = virtual(face);
    /* Deferred from outside a turn of this loop (a test's call): a turn is needed to run it. */
    if (loop->deferred.first == NULL && !loop->in_turn)
        sl_world_at(loop->world, face, loop->world->now, empty_event, NULL, NULL);
    sl_deferred_push(&loop->deferred, deferred);
}

static void virtual_defer_cancel(sl_loop *face, sl_deferred *deferred) {
    sl_deferred_remove(&virtual(face)->deferred, deferred);
}

static slow_status virtual_post(sl_loop *face, sl_call fn, void *arg) {
    return sl_world_at(virtual(face)->world, face, virtual(face)->world->now, fn, fn, arg) ? SLOW_OK : SLOW_E_NOMEM;
}

static void virtual_free(sl_loop *face) {
    virtual_loop *loop = virtual(face);
    sl_world *world = loop->world;
    uint32_t kept = 0, gone = 0;
    sl_deferred_run(&loop->deferred);
    event **dropped = malloc((world->count + 1) * sizeof *dropped);
    for (uint32_t i = 0; i < world->count; i++)
        if (world->heap[i]->loop != loop)
            heap_set(world, kept++, world->heap[i]);
        else if (dropped != NULL)
            dropped[gone++] = world->heap[i];
    world->count = kept;
    for (uint32_t i = kept / 2; i-- > 0;)
        heap_down(world, i);
    for (uint32_t i = 0; i < gone; i++)
        event_drop(dropped[i]);
    free(dropped);
    free(loop);
}

static const sl_loop_ops virtual_ops = {
    .now = virtual_now,
    .wall_ms = virtual_wall_ms,
    .random = virtual_random,
    .entropy = virtual_entropy,
    .timer_new = virtual_timer_new,
    .timer_at = virtual_timer_at,
    .timer_stop = virtual_timer_stop,
    .timer_free = virtual_timer_free,
    .defer = virtual_defer,
    .defer_cancel = virtual_defer_cancel,
    .post = virtual_post,
    .free = virtual_free,
};

sl_loop *sl_loop_virtual_new(sl_world *world) {
    virtual_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return NULL;
    loop->face.ops = &virtual_ops;
    loop->world = world;
    loop->number = ++world->loop_count;
    uint64_t state = world->seed + loop->number * UINT64_C(0xd1342543de82ef95);
    loop->random_state = sl_splitmix(&state);
    loop->entropy_state = sl_splitmix(&state);
    return &loop->face;
}

void sl_loop_virtual_shift_wall(sl_loop *loop, int64_t shift_ms) {
    virtual(loop)->wall_shift_ms += shift_ms;
}

sl_world *sl_loop_virtual_world(sl_loop *loop) {
    return virtual(loop)->world;
}
