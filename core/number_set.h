/* number_set.h - which packet numbers came: the highest ranges of them, as a STATE lists them; pure.
 *
 * A set of ranges and not a bitmap (window.h), since that is what is sent, and an honest sender's numbers have few gaps. It
 * forgets the lowest range when it has too many. Then a number that is lower than all may come again as a new one: what it
 * carries is judged by the message's state, so that costs work and nothing else. */
#ifndef SL_NUMBER_SET_H
#define SL_NUMBER_SET_H
#include "delivery_wire.h"

typedef struct sl_number_set {
    uint32_t count;
    sl_range ranges[SL_ACK_RANGES]; /* the highest first, apart */
} sl_number_set;

bool sl_number_set_has(const sl_number_set *, uint64_t number);
/* Adds a number that is not in it. */
void sl_number_set_add(sl_number_set *, uint64_t number);
#endif
