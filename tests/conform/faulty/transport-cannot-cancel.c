/* A dial that was begun is ended. */
#include "right_transport.h"

static void cancel(void *self, uint64_t dial) {
    (void)self;
    (void)dial;
}

RIGHT_TRANSPORT(transport_cannot_cancel, "transport-cannot-cancel", right_connect, cancel, right_send, right_close)
