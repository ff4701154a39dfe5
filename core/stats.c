#include "stats.h"
#include <stddef.h>

const char *sl_counter_name(enum sl_counter counter) {
    static const char *const names[] = {
#define X(name) #name,
        SL_COUNTERS(X)
#undef X
    };
    return counter < SL_COUNTER_COUNT ? names[counter] : NULL;
}
