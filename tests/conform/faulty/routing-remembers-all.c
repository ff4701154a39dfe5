/* It writes down each message that it gets, and never forgets one. */
#include "right_routing.h"

typedef struct memory {
    struct memory *next;
    uint8_t bytes[];
} memory;

static slow_status message(void *self, slow_link from, slow_bytes bytes) {
    right_routing *r = self;
    memory *m = malloc(sizeof *m + bytes.size);
    if (m != NULL) {
        memcpy(m->bytes, bytes.data, bytes.size);
        m->next = r->kept;
        r->kept = m;
    }
    return right_message(self, from, bytes);
}

static void destroy(void *self) {
    right_routing *r = self;
    while (r->kept != NULL) {
        memory *next = ((memory *)r->kept)->next;
        free(r->kept);
        r->kept = next;
    }
    right_destroy(self);
}

RIGHT_ROUTING(routing_remembers_all, "routing-remembers-all", right_create, destroy, right_down, message, NULL)
