/* Virtual time. One heap holds every event of the world; an event knows its place in it, so a timer moves in
 * O(log n). The events of a loop are chained, too, so that a loop is freed without a look at all others'. Rejected: one
 * heap a loop under a heap of loops, which needs no chains, and is slower all else.
 *
 * The heap holds the key beside the pointer: a comparison then reads the heap alone, and not four events all over memory.
 * Each event that moves has to be told its place, though, and that is all over memory: so the heap has four children a
 * node, and half the levels of a binary one. The first place is the fourth entry of the array, so that four children are
 * two lines of cache and not parts of three.
 *
 * In a large mesh each turn is another junction's, of which nothing is in the cache. What will be looked at first is known
 * while the turn before runs, and is fetched then; that is all the order of events has to do with memory.
 *
 * What comes up for a loop that stands still is put by in the order of the heap, and gets numbers below all others' when
 * the loop goes on: so it runs before whatever else is due in that instant, in its own order. */
#include "loop_virtual.h"
#include <stdlib.h>
#include <string.h>

typedef struct virtual_loop virtual_loop;

enum { CHILDREN = 4, FIRST = CHILDREN - 1, LINES = 2 * 64 }; /* FIRST: the root's place; LINES: four entries */
enum { NOT_QUEUED = UINT32_MAX, IS_PUT_BY = UINT32_MAX - 1 };
static const uint64_t ORDER_FIRST = UINT64_C(1) << 40; /* below it: what was put by */

typedef struct event {
    virtual_loop *loop;  /* NULL = the world's own */
    sl_call fn, dropped; /* dropped: instead of fn, when the loop is freed first; may be NULL */
    void *arg;
    struct event *next, **here; /* of its loop */
    uint32_t place;             /* in the heap, or one of the above */
    bool is_timer;              /* part of a timer: not freed when it has run */
} event;

typedef struct entry {
    slow_time when;
    uint64_t order;
    event *event;
    uint32_t loop; /* number */
} entry;

struct sl_world {
    entry *heap;
    uint32_t end, capacity; /* end: the place behind the last; nothing is before FIRST */
    slow_time now;
    uint64_t order, early_order, random_state, seed, trace;
    uint32_t loop_count;
    event *unused, *events; /* events: the world's own */
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
    bool in_turn, paused;
    event *events;  /* that are scheduled, or put by */
    event **put_by; /* in order; NULL = cancelled since */
    uint32_t put_by_count, put_by_capacity;
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

static uint32_t loop_number(const virtual_loop *loop) {
    return loop == NULL ? 0 : loop->number;
}

static bool before(const entry *a, const entry *b) {
    if (a->when != b->when)
        return a->when < b->when;
    if (a->loop != b->loop)
        return a->loop < b->loop;
    return a->order < b->order;
}

static void heap_set(sl_world *world, uint32_t place, const entry *at) {
    world->heap[place] = *at;
    at->event->place = place;
}

static uint32_t parent_of(uint32_t place) {
    return place / CHILDREN + FIRST - 1;
}

static uint32_t children_of(uint32_t place) {
    return (place - FIRST + 1) * CHILDREN;
}

static bool heap_is_empty(const sl_world *world) {
    return world->end == FIRST;
}

static void heap_up(sl_world *world, uint32_t place, entry moved) {
    while (place > FIRST && before(&moved, &world->heap[parent_of(place)])) {
        heap_set(world, place, &world->heap[parent_of(place)]);
        place = parent_of(place);
    }
    heap_set(world, place, &moved);
}

static void heap_down(sl_world *world, uint32_t place, entry moved) {
    for (uint32_t first; (first = children_of(place)) < world->end;) {
        for (uint32_t child = first; child < first + CHILDREN && children_of(child) < world->end; child++)
            __builtin_prefetch(&world->heap[children_of(child)]);
        uint32_t end = first + CHILDREN < world->end ? first + CHILDREN : world->end, least = first;
        for (uint32_t child = first + 1; child < end; child++)
            if (before(&world->heap[child], &world->heap[least]))
                least = child;
        if (!before(&world->heap[least], &moved))
            break;
        heap_set(world, place, &world->heap[least]);
        place = least;
    }
    heap_set(world, place, &moved);
}

static void heap_move(sl_world *world, uint32_t place, entry moved) {
    if (place > FIRST && before(&moved, &world->heap[parent_of(place)]))
        heap_up(world, place, moved);
    else
        heap_down(world, place, moved);
}

static bool heap_grow(sl_world *world) {
    uint32_t capacity = world->capacity == 0 ? 1024 : world->capacity * 2;
    entry *heap = aligned_alloc(LINES, capacity * sizeof *heap);
    if (heap == NULL)
        return false;
    for (uint32_t place = FIRST; place < world->end; place++)
        heap[place] = world->heap[place];
    free(world->heap);
    world->heap = heap;
    world->capacity = capacity;
    return true;
}

static bool heap_add(sl_world *world, event *e, slow_time when, uint64_t order) {
    if (world->end >= world->capacity && !heap_grow(world))
        return false;
    heap_up(world, world->end++, (entry){.when = when, .order = order, .event = e, .loop = loop_number(e->loop)});
    return true;
}

static void heap_remove(sl_world *world, event *e) {
    entry last = world->heap[--world->end];
    if (last.event != e)
        heap_move(world, e->place, last);
}

/* ---- events ---- */

static void chain(sl_world *world, event *e) {
    event **first = e->loop == NULL ? &world->events : &e->loop->events;
    e->next = *first;
    e->here = first;
    if (e->next != NULL)
        e->next->here = &e->next;
    *first = e;
}

static void unchain(event *e) {
    *e->here = e->next;
    if (e->next != NULL)
        e->next->here = e->here;
}

static bool schedule(sl_world *world, event *e, slow_time when) {
    if (!heap_add(world, e, when > world->now ? when : world->now, world->order++))
        return false;
    chain(world, e);
    return true;
}

static void unschedule(sl_world *world, event *e) {
    if (e->place == NOT_QUEUED)
        return;
    if (e->place != IS_PUT_BY)
        heap_remove(world, e);
    for (uint32_t i = 0; e->place == IS_PUT_BY && i < e->loop->put_by_count; i++)
        if (e->loop->put_by[i] == e)
            e->loop->put_by[i] = NULL;
    unchain(e);
    e->place = NOT_QUEUED;
}

/* An event that is over; timers' are their own. */
static void event_done(sl_world *world, event *e) {
    if (e->is_timer)
        return;
    e->next = world->unused;
    world->unused = e;
}

static event *event_new(sl_world *world) {
    event *e = world->unused;
    if (e == NULL)
        return malloc(sizeof *e);
    world->unused = e->next;
    return e;
}

static void events_drop(sl_world *world, event **first) {
    for (event *e; (e = *first) != NULL;) {
        sl_call dropped = e->is_timer ? NULL : e->dropped;
        void *arg = e->arg;
        unschedule(world, e);
        event_done(world, e);
        if (dropped != NULL)
            dropped(arg);
    }
}

/* ---- the world ---- */

sl_world *sl_world_new(uint64_t seed) {
    sl_world *world = calloc(1, sizeof *world);
    if (world == NULL)
        return NULL;
    world->seed = world->random_state = seed;
    world->order = ORDER_FIRST;
    world->end = FIRST;
    world->trace = sl_splitmix(&seed);
    return world;
}

void sl_world_free(sl_world *world) {
    if (world == NULL)
        return;
    events_drop(world, &world->events);
    for (event *e; (e = world->unused) != NULL;) {
        world->unused = e->next;
        free(e);
    }
    free(world->heap);
    free(world);
}

slow_time sl_world_now(const sl_world *world) {
    return world->now;
}

static void mix_word(sl_world *world, uint64_t word) {
    world->trace = (world->trace ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    world->trace ^= world->trace >> 29;
}

static uint64_t drawn(sl_world *world, uint64_t *state) {
    uint64_t word = sl_splitmix(state);
    mix_word(world, word);
    return word;
}

uint64_t sl_world_random(sl_world *world) {
    return drawn(world, &world->random_state);
}

uint64_t sl_world_trace(const sl_world *world) {
    return world->trace;
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
    event *e = event_new(world);
    if (e == NULL)
        return false;
    *e = (event){.loop = virtual(loop), .fn = fn, .dropped = dropped, .arg = arg, .place = NOT_QUEUED};
    if (schedule(world, e, when))
        return true;
    event_done(world, e);
    return false;
}

/* The next event has been fetched by now, if it was among the first then; with it comes what it is for. */
static void fetch_next(const sl_world *world) {
    if (heap_is_empty(world))
        return;
    const event *next = world->heap[FIRST].event;
    __builtin_prefetch(next->arg);
    __builtin_prefetch(next->loop);
    for (uint32_t place = FIRST + 1; place <= FIRST + CHILDREN && place < world->end; place++)
        __builtin_prefetch(world->heap[place].event);
}

static void event_run(sl_world *world, event *e) {
    sl_call fn = e->fn;
    void *arg = e->arg;
    unschedule(world, e);
    event_done(world, e);
    fetch_next(world);
    fn(arg);
}

/* The first event's loop stands still: it has to wait. Its time has come all the same. */
static void put_by(sl_world *world, event *e) {
    virtual_loop *loop = e->loop;
    if (loop->put_by_count == loop->put_by_capacity) {
        uint32_t capacity = loop->put_by_capacity == 0 ? 64 : loop->put_by_capacity * 2;
        event **grown = realloc(loop->put_by, capacity * sizeof *grown);
        if (grown == NULL)
            abort();
        loop->put_by = grown;
        loop->put_by_capacity = capacity;
    }
    world->now = world->heap[FIRST].when;
    heap_remove(world, e);
    loop->put_by[loop->put_by_count++] = e;
    e->place = IS_PUT_BY;
}

bool sl_world_turn(sl_world *world, slow_time until) {
    while (!heap_is_empty(world) && world->heap[FIRST].when <= until && world->heap[FIRST].event->loop != NULL &&
           world->heap[FIRST].event->loop->paused)
        put_by(world, world->heap[FIRST].event);
    if (heap_is_empty(world) || world->heap[FIRST].when > until)
        return false;
    virtual_loop *loop = world->heap[FIRST].event->loop;
    world->now = world->heap[FIRST].when;
    mix_word(world, world->now);
    mix_word(world, loop_number(loop));
    if (loop == NULL)
        event_run(world, world->heap[FIRST].event);
    else {
        loop->in_turn = true;
        do
            event_run(world, world->heap[FIRST].event);
        while (!heap_is_empty(world) && world->heap[FIRST].event->loop == loop &&
               world->heap[FIRST].when == world->now);
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

static uint64_t virtual_wall_us(sl_loop *loop) {
    return (WALL_START_MS + (uint64_t) virtual(loop)->wall_shift_ms) * 1000 + virtual(loop)->world->now / SL_US;
}

static uint64_t virtual_random(sl_loop *loop) {
    return drawn(virtual(loop)->world, &virtual(loop)->random_state);
}

static void virtual_entropy(sl_loop *loop, void *out, size_t size) {
    for (uint8_t *at = out; size > 0;) {
        uint64_t word = drawn(virtual(loop)->world, &virtual(loop)->entropy_state);
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
    unschedule(timer->event.loop->world, &timer->event);
}

/* One that is armed already moves within the heap. The heap has room for a timer that was armed before; a first arming
 * that finds no memory ends the simulation. */
static void virtual_timer_at(sl_timer *face, slow_time when) {
    event *e = &((virtual_timer *)face)->event;
    sl_world *world = e->loop->world;
    when = when > world->now ? when : world->now;
    if (e->place == IS_PUT_BY)
        unschedule(world, e);
    if (e->place == NOT_QUEUED) {
        if (!schedule(world, e, when))
            abort();
        return;
    }
    heap_move(world, e->place, (entry){.when = when, .order = world->order++, .event = e, .loop = e->loop->number});
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
    sl_deferred_run(&loop->deferred);
    loop->put_by_count = 0; /* all go: none need be looked for there */
    events_drop(loop->world, &loop->events);
    free(loop->put_by);
    free(loop);
}

static const sl_loop_ops virtual_ops = {
    .now = virtual_now,
    .wall_us = virtual_wall_us,
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

void sl_loop_virtual_pause(sl_loop *face) {
    virtual(face)->paused = true;
}

void sl_loop_virtual_resume(sl_loop *face) {
    virtual_loop *loop = virtual(face);
    loop->paused = false;
    for (uint32_t i = 0; i < loop->put_by_count; i++)
        if (loop->put_by[i] != NULL &&
            !heap_add(loop->world, loop->put_by[i], loop->world->now, loop->world->early_order++))
            abort();
    loop->put_by_count = 0;
}

bool sl_loop_virtual_paused(const sl_loop *face) {
    return ((const virtual_loop *)face)->paused;
}

sl_world *sl_loop_virtual_world(sl_loop *loop) {
    return virtual(loop)->world;
}
