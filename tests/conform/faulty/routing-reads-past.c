/* It believes the size in front of an id, and reads on where the message has ended. */
#include "right_routing.h"

static slow_status message(void *self, slow_link from, slow_bytes bytes) {
    right_routing *r = self;
    int place = right_place(r, from);
    const uint8_t *at = bytes.data, *end = at + bytes.size;
    while (place >= 0 && at < end) {
        slow_bytes id = {at + 1, *at};
        const uint8_t *hops = id.data + id.size;
        right_heard(r, place, id, (uint32_t)(hops[0] << 24 | hops[1] << 16 | hops[2] << 8 | hops[3]));
        at = hops + 4;
    }
    return SLOW_OK;
}

RIGHT_ROUTING(routing_reads_past, "routing-reads-past", right_create, right_destroy, right_down, message, NULL)
