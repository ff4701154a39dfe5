/* Packets come in sizes of a power of two, from 2 KiB to 128 KiB, each with a free list. What a free list may keep is
 * bounded, so a burst does not stay resident. A larger packet than the largest class is made to measure and not kept. */
#include "packet.h"
#include <stdlib.h>
#include <string.h>

enum { CLASS_COUNT = 7, MADE_TO_MEASURE = 0xff };
static const uint32_t SMALLEST = 2048;
static const uint32_t KEPT_BYTES = 512 * 1024; /* of each class */

typedef struct pooled {
    slow_packet view; /* first: a slow_packet is a pooled */
    uint32_t references;
    uint8_t class;
    sl_pool *pool;
    sl_packet_owner *owner;
    uint32_t records;
    sl_departure *departures;
    struct pooled *next; /* in a free list or in a queue */
    _Alignas(16) uint8_t bytes[];
} pooled;

struct sl_pool {
    pooled *free[CLASS_COUNT];
    uint32_t kept[CLASS_COUNT]; /* packets in the free list */
    uint64_t bytes_used;
    uint64_t packets_used;
    bool closed;
};

static uint32_t class_size(unsigned class) {
    return SMALLEST << class;
}

sl_pool *sl_pool_new(void) {
    return calloc(1, sizeof(sl_pool));
}

static void pool_release(sl_pool *pool) {
    for (unsigned class = 0; class < CLASS_COUNT; class ++)
        while (pool->free[class] != NULL) {
            pooled *packet = pool->free[class];
            pool->free[class] = packet->next;
            free(packet);
        }
    free(pool);
}

void sl_pool_free(sl_pool *pool) {
    if (pool == NULL)
        return;
    pool->closed = true;
    if (pool->packets_used == 0)
        pool_release(pool);
}

static pooled *packet_allocate(sl_pool *pool, uint32_t size, unsigned class) {
    pooled *packet;
    if (class != MADE_TO_MEASURE && pool->free[class] != NULL) {
        packet = pool->free[class];
        pool->free[class] = packet->next;
        pool->kept[class]--;
        return packet;
    }
    uint32_t capacity = SLOW_PACKET_HEADROOM + (class == MADE_TO_MEASURE ? size : class_size(class));
    packet = malloc(sizeof *packet + capacity);
    if (packet == NULL)
        return NULL;
    packet->view.base = packet->bytes;
    packet->view.capacity = capacity;
    packet->class = (uint8_t) class;
    packet->pool = pool;
    return packet;
}

slow_packet *sl_packet_new(sl_pool *pool, uint32_t size, sl_packet_owner *owner) {
    unsigned class = 0;
    if (size > UINT32_MAX - SLOW_PACKET_HEADROOM)
        return NULL;
    while (class < CLASS_COUNT && class_size(class) < size)
        class ++;
    pooled *packet = packet_allocate(pool, size, class < CLASS_COUNT ? class : MADE_TO_MEASURE);
    if (packet == NULL)
        return NULL;
    packet->view.offset = SLOW_PACKET_HEADROOM;
    packet->view.size = packet->view.segment = 0;
    packet->references = 1;
    packet->records = 0;
    packet->departures = NULL;
    packet->owner = NULL;
    pool->bytes_used += packet->view.capacity;
    pool->packets_used++;
    sl_packet_give(&packet->view, owner);
    return &packet->view;
}

slow_packet *sl_packet_ref(slow_packet *view) {
    ((pooled *)view)->references++;
    return view;
}

void sl_packet_drop(slow_packet *view) {
    pooled *packet = (pooled *)view;
    if (packet == NULL || --packet->references > 0)
        return;
    if (packet->departures != NULL)
        sl_departures_end(sl_packet_departures(view, 0, UINT32_MAX), false);
    sl_pool *pool = packet->pool;
    sl_packet_give(view, NULL);
    pool->bytes_used -= view->capacity;
    pool->packets_used--;
    unsigned class = packet->class;
    if (pool->closed || class == MADE_TO_MEASURE || pool->kept[class] >= KEPT_BYTES / class_size(class))
        free(packet);
    else {
        packet->next = pool->free[class];
        pool->free[class] = packet;
        pool->kept[class]++;
    }
    if (pool->closed && pool->packets_used == 0)
        pool_release(pool);
}

static slow_packet *packet_copy(const slow_packet *view, uint32_t size) {
    const pooled *packet = (const pooled *)view;
    slow_packet *copy = sl_packet_new(packet->pool, size, packet->owner);
    if (copy == NULL)
        return NULL;
    copy->size = view->size;
    copy->segment = view->segment;
    *sl_packet_records(copy) = packet->records;
    memcpy(slow_packet_data(copy), slow_packet_data(view), view->size);
    return copy;
}

slow_packet *sl_packet_own(slow_packet *view) {
    if (((pooled *)view)->references == 1)
        return view;
    slow_packet *copy = packet_copy(view, view->size);
    sl_packet_drop(view);
    return copy;
}

void sl_packet_give(slow_packet *view, sl_packet_owner *owner) {
    pooled *packet = (pooled *)view;
    if (packet->owner != NULL)
        packet->owner->packets--;
    packet->owner = owner;
    if (owner != NULL)
        owner->packets++;
}

slow_packet *sl_packet_grow(slow_packet *view, uint32_t size) {
    slow_packet *larger = packet_copy(view, size);
    if (larger == NULL)
        return NULL;
    sl_packet_await_again(larger, sl_packet_departures(view, 0, UINT32_MAX));
    sl_packet_drop(view);
    return larger;
}

/* ---- who waits for a package to leave ---- */

void sl_packet_await(slow_packet *view, sl_departure *departure) {
    pooled *packet = (pooled *)view;
    departure->record = packet->records;
    departure->next = packet->departures;
    packet->departures = departure;
}

sl_departure *sl_packet_departures(slow_packet *view, uint32_t first, uint32_t last) {
    sl_departure *taken = NULL, **at = &((pooled *)view)->departures;
    while (*at != NULL) {
        sl_departure *departure = *at;
        if (departure->record <= first || departure->record > last) {
            at = &departure->next;
            continue;
        }
        *at = departure->next;
        departure->next = taken;
        taken = departure;
    }
    return taken;
}

void sl_packet_await_again(slow_packet *view, sl_departure *list) {
    sl_departure **end = &((pooled *)view)->departures;
    while (*end != NULL)
        end = &(*end)->next;
    *end = list;
}

void sl_departures_end(sl_departure *list, bool left) {
    for (sl_departure *next; list != NULL; list = next) {
        next = list->next; /* it may be freed by what it is told */
        list->gone(list, left);
    }
}

/* ---- counting ---- */

uint64_t sl_pool_bytes(const sl_pool *pool) {
    return pool->bytes_used;
}

uint32_t *sl_packet_records(slow_packet *view) {
    return &((pooled *)view)->records;
}

void sl_packet_queue_push(sl_packet_queue *queue, slow_packet *view) {
    ((pooled *)view)->next = NULL;
    if (queue->first == NULL)
        queue->first = view;
    else
        ((pooled *)queue->last)->next = (pooled *)view;
    queue->last = view;
    queue->count++;
}

slow_packet *sl_packet_queue_pop(sl_packet_queue *queue) {
    slow_packet *view = queue->first;
    if (view == NULL)
        return NULL;
    queue->first = (slow_packet *)((pooled *)view)->next;
    queue->count--;
    return view;
}

void sl_packet_queue_clear(sl_packet_queue *queue) {
    for (slow_packet *view; (view = sl_packet_queue_pop(queue)) != NULL;)
        sl_packet_drop(view);
}

uint32_t sl_packet_queue_records(const sl_packet_queue *queue) {
    uint32_t records = 0;
    for (const pooled *packet = (const pooled *)queue->first; packet != NULL; packet = packet->next)
        records += packet->records;
    return records;
}
