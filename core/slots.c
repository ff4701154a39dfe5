#include "slots.h"
#include <stdlib.h>

static bool slots_reserve(sl_slots *slots) {
    if (slots->count < slots->capacity)
        return true;
    uint32_t capacity = slots->capacity == 0 ? 16 : slots->capacity * 2;
    sl_slot *grown = realloc(slots->slots, capacity * sizeof *grown);
    if (grown == NULL)
        return false;
    slots->slots = grown;
    slots->capacity = capacity;
    if (slots->count == 0)
        slots->slots[slots->count++] = (sl_slot){.thing = NULL};
    return true;
}

uint32_t sl_slots_add(sl_slots *slots, void *thing) {
    uint16_t place = slots->first_free;
    if (place != 0) {
        slots->first_free = slots->slots[place].next_free;
        if (slots->first_free == 0)
            slots->last_free = 0;
    } else {
        if (slots->count > UINT16_MAX || !slots_reserve(slots))
            return 0;
        place = (uint16_t)slots->count++;
        slots->slots[place].generation = 0;
    }
    sl_slot *slot = &slots->slots[place];
    slot->generation = (uint16_t)(slot->generation == UINT16_MAX ? 1 : slot->generation + 1);
    slot->thing = thing;
    slots->used++;
    return (uint32_t)slot->generation << 16 | place;
}

void sl_slots_remove(sl_slots *slots, uint32_t number) {
    if (sl_slots_get(slots, number) == NULL)
        return;
    uint16_t place = (uint16_t)number;
    slots->slots[place].thing = NULL;
    slots->slots[place].next_free = 0;
    if (slots->last_free != 0)
        slots->slots[slots->last_free].next_free = place;
    else
        slots->first_free = place;
    slots->last_free = place;
    slots->used--;
}

void sl_slots_free(sl_slots *slots) {
    free(slots->slots);
    *slots = (sl_slots){.slots = NULL};
}

uint32_t sl_slots_next(const sl_slots *slots, uint32_t number) {
    for (uint32_t place = (number & 0xffff) + 1; place < slots->count; place++)
        if (slots->slots[place].thing != NULL)
            return (uint32_t)slots->slots[place].generation << 16 | place;
    return 0;
}
