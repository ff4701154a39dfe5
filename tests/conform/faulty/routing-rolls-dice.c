/* Which of the neighbours is heard is a matter of rand(). */
#include "right_routing.h"

static slow_status message(void *self, slow_link from, slow_bytes bytes) {
    right_routing *r = self;
    if (rand() % 4 == 0)
        right_soon(r);
    return right_message(self, from, bytes);
}

RIGHT_ROUTING(routing_rolls_dice, "routing-rolls-dice", right_create, right_destroy, right_down, message, NULL)
