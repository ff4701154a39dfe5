/* wire_raw.c - the wire of the bare relays: nothing but payload. All messages of a row are of one size, so a stream needs no
 * lengths and a datagram is a message. A datagram of one byte is the greeting: the relay learns an end's address from it, and
 * sends it back. */
#include "end.h"
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { TRIES = 250 };

static bool greet_stream(end *e) {
    (void)e;
    return true;
}

static bool greet_datagram(end *e) {
    uint8_t byte = 0;
    for (int tries = 0; tries < TRIES; tries++) {
        /* Refused while the relay is not there yet: an error of this send or of the next call, and nothing to act on. */
        if (send(e->fd, &byte, 1, 0) == 1 && end_wait(e, POLLIN, 20 * BENCH_MS) && recv(e->fd, &byte, 1, 0) == 1)
            return true;
        poll(NULL, 0, 1);
    }
    bench_error("the bare relay at port %u does not answer", (unsigned)ntohs(e->relay.sin_port));
    return false;
}

static void fill(end *e, chunk *c, uint32_t *next, uint32_t last) {
    uint32_t size = e->shape->payload_least;
    c->segment = e->wire->stream ? 0 : size;
    uint32_t most = e->wire->stream ? UINT32_MAX : DATAGRAMS;
    while (*next < last && c->size + size <= CHUNK_MOST && c->count < most) {
        memset(c->bytes + c->size, 'x', size);
        c->size += size;
        c->count++;
        ++*next;
    }
}

static size_t parse_stream(end *e, uint8_t *bytes, size_t size, size_t *used) {
    (void)bytes;
    size_t count = size / e->shape->payload_least;
    *used = count * e->shape->payload_least;
    return count;
}

static size_t parse_datagram(end *e, uint8_t *bytes, size_t size, size_t *used) {
    (void)e;
    (void)bytes;
    (void)used;
    return size > 1;
}

const wire wire_raw_stream = {
    .stream = true, .two_ports = true, .greet = greet_stream, .fill = fill, .parse = parse_stream};
const wire wire_raw_datagram = {.two_ports = true, .greet = greet_datagram, .fill = fill, .parse = parse_datagram};
