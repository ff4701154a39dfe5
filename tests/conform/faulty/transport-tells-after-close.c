/* close() ends the connection and nothing else: that is then read, and told by link_down(), as if the core had not known. */
#include "right_transport.h"

static void close_link(void *self, void *cookie) {
    (void)self;
    shutdown(((right_link *)cookie)->fd, SHUT_RDWR);
}

RIGHT_TRANSPORT(transport_tells_after_close, "transport-tells-after-close", right_connect, right_cancel, right_send,
                close_link)
