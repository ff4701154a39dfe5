/* It waits in connect(), and tells by dial_failed() inside the call where nobody listens. */
#include "right_transport.h"

static slow_status connect_to(void *self, uint64_t dial, const char *address, slow_error *error) {
    right_transport *t = self;
    struct sockaddr_in at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!right_parse(address, &at) || connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        close(fd);
        right_error(error, SLOW_E_FAIL, "cannot connect");
        t->up->dial_failed(t->host, dial, error);
        return SLOW_OK;
    }
    right_link *link = right_new(self, fd, SLOW_IO_WRITE, right_connected);
    if (link == NULL)
        return right_error(error, SLOW_E_NOMEM, "no memory to connect");
    link->dial = dial;
    return SLOW_OK;
}

RIGHT_TRANSPORT(transport_fails_inside, "transport-fails-inside", connect_to, right_cancel, right_send, right_close)
