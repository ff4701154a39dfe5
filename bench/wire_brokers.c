/* wire_brokers.c - just enough of three protocols to send, and to count what comes:
 *
 *   NATS   text lines: SUB, PUB, MSG, PING (docs.nats.io, "Client Protocol")
 *   nng    Scalability Protocols over TCP: a greeting of 8 bytes, then messages behind a size u64 (RFC "sp-tcp-mapping-01");
 *          PAIR v0 on both sides, because nng_device() forwards that both ways
 *   zmq    ZMTP 3.0 with the NULL mechanism (rfc.zeromq.org/spec/23); DEALER on both sides, for the same reason */
#include "end.h"
#include <poll.h>
#include <slow/wire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { GREETING_MOST = 64 };

/* Waits for the broker's greeting, reads it and not one byte more, and forgets it. */
static bool skip(end *e, size_t size) {
    uint8_t bytes[GREETING_MOST];
    while (size > 0 && end_wait(e, POLLIN, 5 * BENCH_SECOND)) {
        ssize_t got = recv(e->fd, bytes, size, 0);
        if (got <= 0)
            break;
        size -= (size_t)got;
    }
    if (size > 0)
        bench_error("the broker at port %u does not greet", (unsigned)ntohs(e->relay.sin_port));
    return size == 0;
}

/* ---- NATS ---- */

typedef struct nats_end {
    bool greeted;
    unsigned pongs;
} nats_end;

static size_t nats_parse(end *e, uint8_t *bytes, size_t size, size_t *used) {
    nats_end *n = e->state;
    size_t count = 0, at = 0;
    while (at < size) {
        const uint8_t *line_end = memchr(bytes + at, '\n', size - at);
        if (line_end == NULL)
            break;
        size_t line = (size_t)(line_end - bytes) + 1 - at, payload = 0;
        if (bytes[at] == 'M') { /* MSG subject sid [reply] size */
            size_t i = line - 2, unit = 1;
            for (; i > 0 && bytes[at + i - 1] >= '0' && bytes[at + i - 1] <= '9'; i--, unit *= 10)
                payload += (size_t)(bytes[at + i - 1] - '0') * unit;
            if (size - at - line < payload + 2)
                break;
            payload += 2;
            count++;
        } else if (bytes[at] == 'P' && bytes[at + 1] == 'I') {
            n->pongs++;
        } else if (bytes[at] == 'P') {
            n->greeted = true;
        } else if (bytes[at] == '-') {
            bench_error("nats-server says %.*s", (int)line - 2, (const char *)bytes + at);
            e->broken = true;
        }
        at += line + payload;
    }
    *used = at;
    return count;
}

static bool nats_greet(end *e) {
    nats_end *n = e->state;
    char text[160];
    int size =
        snprintf(text, sizeof text, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB %s 1\r\nPING\r\n", e->id);
    end_write(e, text, (size_t)size);
    while (!n->greeted && !e->broken && end_wait(e, POLLIN, 5 * BENCH_SECOND))
        end_receive(e);
    if (!n->greeted)
        bench_error("nats-server at port %u does not greet", (unsigned)ntohs(e->relay.sin_port));
    return n->greeted;
}

static void nats_tick(end *e, uint64_t now) {
    nats_end *n = e->state;
    (void)now;
    for (; n->pongs > 0; n->pongs--)
        end_write(e, "PONG\r\n", 6);
}

static void nats_fill(end *e, chunk *c, uint32_t *next, uint32_t last) {
    for (; *next < last; ++*next) {
        char head[64];
        uint32_t payload = bench_payload(e->shape, *next);
        size_t line = (size_t)snprintf(head, sizeof head, "PUB %s %u\r\n", e->peer, payload);
        if (c->size + line + payload + 2 > CHUNK_MOST)
            break;
        uint8_t *at = c->bytes + c->size;
        memcpy(at, head, line);
        memset(at + line, 'x', payload);
        memcpy(at + line + payload, "\r\n", 2);
        c->size += (uint32_t)line + payload + 2;
        c->count++;
    }
}

const wire wire_nats = {.stream = true,
                        .state_size = sizeof(nats_end),
                        .greet = nats_greet,
                        .fill = nats_fill,
                        .parse = nats_parse,
                        .tick = nats_tick};

/* ---- what nng and zmq share: messages behind a length ---- */

static void fill_behind(end *e, chunk *c, uint32_t *next, uint32_t last, size_t (*head)(uint8_t *, uint32_t)) {
    for (; *next < last; ++*next) {
        uint32_t payload = bench_payload(e->shape, *next);
        if (c->size + 16 + payload > CHUNK_MOST)
            break;
        c->size += (uint32_t)head(c->bytes + c->size, payload);
        memset(c->bytes + c->size, 'x', payload);
        c->size += payload;
        c->count++;
    }
}

/* ---- nng ---- */

static size_t nng_head(uint8_t *out, uint32_t payload) {
    slow_writer w = slow_writer_of(out, 8);
    slow_write_u64(&w, payload);
    return 8;
}

static void nng_fill(end *e, chunk *c, uint32_t *next, uint32_t last) {
    fill_behind(e, c, next, last, nng_head);
}

static bool nng_greet(end *e) {
    static const uint8_t pair0[8] = {0, 'S', 'P', 0, 0, 0x10, 0, 0};
    return end_write(e, pair0, sizeof pair0) && skip(e, sizeof pair0);
}

static size_t nng_parse(end *e, uint8_t *bytes, size_t size, size_t *used) {
    size_t count = 0;
    slow_reader r = slow_reader_of((slow_bytes){bytes, size});
    (void)e;
    *used = 0;
    while (slow_reader_left(&r) >= 8) {
        uint64_t payload = slow_read_u64(&r);
        if (payload > slow_reader_left(&r))
            break;
        slow_read_bytes(&r, (size_t)payload);
        *used = (size_t)(r.at - bytes);
        count++;
    }
    return count;
}

const wire wire_nng = {.stream = true, .two_ports = true, .greet = nng_greet, .fill = nng_fill, .parse = nng_parse};

/* ---- zmq ---- */

enum { ZMTP_LONG = 2, ZMTP_COMMAND = 4 };
typedef struct zmq_end {
    bool open; /* greetings were exchanged: frames follow */
    bool ready;
} zmq_end;

static size_t zmq_head(uint8_t *out, uint32_t payload) {
    slow_writer w = slow_writer_of(out, 9);
    slow_write_u8(&w, payload > 255 ? ZMTP_LONG : 0);
    slow_write_uint(&w, payload, payload > 255 ? 8 : 1);
    return slow_writer_size(&w);
}

static void zmq_fill(end *e, chunk *c, uint32_t *next, uint32_t last) {
    fill_behind(e, c, next, last, zmq_head);
}

static size_t zmq_parse(end *e, uint8_t *bytes, size_t size, size_t *used) {
    zmq_end *z = e->state;
    size_t count = 0;
    slow_reader r = slow_reader_of((slow_bytes){bytes, size});
    *used = 0;
    while (z->open && slow_reader_left(&r) >= 2) {
        uint8_t flags = slow_read_u8(&r);
        uint64_t body = slow_read_uint(&r, flags & ZMTP_LONG ? 8 : 1);
        if (!slow_reader_ok(&r) || body > slow_reader_left(&r))
            break;
        slow_read_bytes(&r, (size_t)body);
        *used = (size_t)(r.at - bytes);
        if (flags & ZMTP_COMMAND)
            z->ready = true;
        else
            count++;
    }
    return count;
}

static bool zmq_greet(end *e) {
    zmq_end *z = e->state;
    uint8_t greeting[GREETING_MOST] = {0xff, [9] = 0x7f, 3, 0, 'N', 'U', 'L', 'L'}, ready[64];
    slow_writer w = slow_writer_of(ready, sizeof ready);
    slow_write_u8(&w, ZMTP_COMMAND);
    slow_write_u8(&w, 6 + 12 + 4 + 6);
    slow_write_short(&w, "READY", 5);
    slow_write_short(&w, "Socket-Type", 11);
    slow_write_u32(&w, 6);
    slow_write_bytes(&w, "DEALER", 6);
    if (!end_write(e, greeting, sizeof greeting) || !skip(e, GREETING_MOST))
        return false;
    z->open = true;
    end_write(e, ready, slow_writer_size(&w));
    while (!z->ready && !e->broken && end_wait(e, POLLIN, 5 * BENCH_SECOND))
        end_receive(e);
    if (!z->ready)
        bench_error("zmq at port %u is not ready", (unsigned)ntohs(e->relay.sin_port));
    return z->ready;
}

const wire wire_zmq = {.stream = true,
                       .two_ports = true,
                       .state_size = sizeof(zmq_end),
                       .greet = zmq_greet,
                       .fill = zmq_fill,
                       .parse = zmq_parse};
