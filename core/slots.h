/* slots.h - numbers for things that live and die: number -> pointer in O(1), and a number is not given twice.
 *
 * A number is a generation (high 16 bits) and a place (low 16 bits), and never 0. A place that is freed goes to the back of
 * the queue and its generation rises, so a number comes again only after 65,535 lives of its place. */
#ifndef SL_SLOTS_H
#define SL_SLOTS_H
#include <slow/base.h>

typedef struct sl_slot {
    void *thing; /* NULL = free */
    uint16_t generation;
    uint16_t next_free; /* place, while free */
} sl_slot;

typedef struct sl_slots {
    sl_slot *slots;
    uint32_t count, capacity; /* places ever used */
    uint32_t used;
    uint16_t first_free, last_free; /* 0 = none: place 0 is never given */
} sl_slots;

/* 0 = no memory, or 65,535 are in use. */
uint32_t sl_slots_add(sl_slots *, void *thing);
void sl_slots_remove(sl_slots *, uint32_t number);
void sl_slots_free(sl_slots *);

static inline void *sl_slots_get(const sl_slots *slots, uint32_t number) {
    uint32_t place = number & 0xffff;
    if (place == 0 || place >= slots->count || slots->slots[place].generation != number >> 16)
        return NULL;
    return slots->slots[place].thing;
}

/* In the order of places: start with 0, go on with the number returned; 0 = that was the last. */
uint32_t sl_slots_next(const sl_slots *, uint32_t number);
#endif
