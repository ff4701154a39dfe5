/* nng-relay PORT: nng_device() between two raw PAIR sockets, at PORT and PORT + 1. */
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    nng_socket sides[2];
    int status = 0;
    for (int i = 0; argc == 2 && i < 2 && status == 0; i++) {
        char address[64];
        snprintf(address, sizeof address, "tcp://127.0.0.1:%d", atoi(argv[1]) + i);
        status = nng_pair0_open_raw(&sides[i]);
        if (status == 0)
            status = nng_listen(sides[i], address, NULL, 0);
    }
    if (argc == 2 && status == 0)
        status = nng_device(sides[0], sides[1]);
    fprintf(stderr, "nng-relay: %s\n", argc == 2 ? nng_strerror(status) : "usage: nng-relay PORT");
    return 1;
}
