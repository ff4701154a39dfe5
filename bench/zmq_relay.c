/* zmq-relay PORT: zmq_proxy() between two DEALER sockets, at PORT and PORT + 1. */
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

int main(int argc, char **argv) {
    void *context = zmq_ctx_new(), *sides[2] = {NULL, NULL};
    int status = argc == 2 ? 0 : -1;
    for (int i = 0; i < 2 && status == 0; i++) {
        char address[64];
        snprintf(address, sizeof address, "tcp://127.0.0.1:%d", atoi(argv[1]) + i);
        sides[i] = zmq_socket(context, ZMQ_DEALER);
        status = zmq_bind(sides[i], address);
    }
    if (status == 0)
        status = zmq_proxy(sides[0], sides[1], NULL);
    fprintf(stderr, "zmq-relay: %s\n", argc == 2 ? zmq_strerror(zmq_errno()) : "usage: zmq-relay PORT");
    return 1;
}
