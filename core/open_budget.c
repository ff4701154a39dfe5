#include "open_budget.h"
#include <string.h>

enum sl_open_verdict sl_open_budget_take(sl_open_budget *b, uint32_t neighbour_hash, slow_time now) {
    const slow_time second = 1000 * 1000 * 1000;
    uint8_t *of = &b->of[neighbour_hash & 255];
    if (now - b->since >= second) {
        b->since = now;
        b->all = 0;
        memset(b->of, 0, sizeof b->of);
    }
    if (*of >= SL_OPENS_A_LINK)
        return SL_OPEN_OVER_LINK;
    if (b->all >= SL_OPENS)
        return SL_OPEN_OVER_ALL;
    ++*of;
    b->all++;
    return SL_OPEN_WITHIN;
}
