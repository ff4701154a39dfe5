#include "number_set.h"
#include <string.h>

/* The first range that does not lie above the number. */
static uint32_t place_of(const sl_number_set *set, uint64_t number) {
    uint32_t at = 0;
    while (at < set->count && set->ranges[at].first > number)
        at++;
    return at;
}

bool sl_number_set_has(const sl_number_set *set, uint64_t number) {
    uint32_t at = place_of(set, number);
    return at < set->count && number <= set->ranges[at].last;
}

static void move(sl_number_set *set, uint32_t to, uint32_t from) {
    memmove(set->ranges + to, set->ranges + from, (set->count - from) * sizeof *set->ranges);
    set->count = set->count + to - from;
}

void sl_number_set_add(sl_number_set *set, uint64_t number) {
    uint32_t at = place_of(set, number);
    bool joins_above = at > 0 && set->ranges[at - 1].first == number + 1;
    bool joins_below = at < set->count && set->ranges[at].last + 1 == number;
    if (joins_above && joins_below) {
        set->ranges[at - 1].first = set->ranges[at].first;
        move(set, at, at + 1);
    } else if (joins_above) {
        set->ranges[at - 1].first = number;
    } else if (joins_below) {
        set->ranges[at].last = number;
    } else if (at < SL_ACK_RANGES) {
        if (set->count == SL_ACK_RANGES)
            set->count--;
        move(set, at + 1, at);
        set->ranges[at] = (sl_range){number, number};
    }
}
