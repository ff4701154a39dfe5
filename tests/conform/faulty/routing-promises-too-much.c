/* It promises freedom of loops, and counts up to 16 as any RIP. */
#include "right_routing.h"

static const slow_routing_inspect inspection = {.struct_size = sizeof inspection, .promises = SLOW_PROMISE_LOOP_FREE};

static const void *extension(void *self, const char *id) {
    (void)self;
    return strcmp(id, SLOW_ROUTING_INSPECT_ID) == 0 ? &inspection : NULL;
}

RIGHT_ROUTING(routing_promises_too_much, "routing-promises-too-much", right_create, right_destroy, right_down,
              right_message, extension)
