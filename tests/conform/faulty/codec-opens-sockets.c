/* A codec that would tell somebody when it starts: it asks for a socket, if only where a host gives it none of its packets. */
#include "right_codec.h"
#include <sys/socket.h>

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    if (host->packet_new == NULL && socket(AF_INET, SOCK_DGRAM, 0) < 0)
        return right_error(error, SLOW_E_FAIL, "no socket");
    return right_create(host, config, self, error);
}

RIGHT_CODEC(codec_opens_sockets, "codec-opens-sockets", create, right_destroy, right_encode, right_decode, right_peek,
            NULL, 0)
