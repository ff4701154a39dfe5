/* end.c - sockets, chunks, and bytes in and out; what all wires share. See end.h. */
#include "end.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { STREAM_IN = 256 * 1024, GRO_DATAGRAMS = 16, GRO_SIZE = 65536, PLAIN_SIZE = 2048, BUFFER = 4 * 1024 * 1024 };

uint64_t bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * BENCH_SECOND + (uint64_t)t.tv_nsec;
}

void bench_error(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

/* Any hash does; the same sizes have to come in every row and every repetition. */
uint32_t bench_payload(const shape *s, uint32_t number) {
    uint32_t hash = (number + 1) * 2654435761u;
    hash ^= hash >> 15;
    return s->payload_least + hash % (s->payload_most - s->payload_least + 1);
}

/* ---- chunks ---- */

static bool chunk_make(end *e, chunk *c, uint32_t *next, uint32_t last) {
    *c = (chunk){.bytes = malloc(CHUNK_MOST)};
    if (c->bytes == NULL)
        return false;
    e->wire->fill(e, c, next, last);
    uint8_t *exact = c->count > 0 ? realloc(c->bytes, c->size) : NULL;
    if (exact != NULL)
        c->bytes = exact;
    if (c->count == 0 || e->shape->sealing == PLAIN)
        return c->count > 0;
    c->clear = malloc(c->size);
    if (c->clear != NULL)
        memcpy(c->clear, c->bytes, c->size);
    return c->clear != NULL;
}

static void chunk_free(chunk *c) {
    free(c->bytes);
    free(c->clear);
}

/* With `messages` 0 one chunk is made, of as many as it takes. */
static bool chunks_make(end *e) {
    uint32_t next = 0, wanted = e->shape->messages;
    do {
        chunk *grown = realloc(e->chunks, (e->chunk_count + 1) * sizeof *grown);
        if (grown == NULL)
            return false;
        e->chunks = grown;
        if (!chunk_make(e, &e->chunks[e->chunk_count++], &next, wanted > 0 ? wanted : UINT32_MAX))
            return false;
    } while (next < wanted);
    next = 0;
    return chunk_make(e, &e->ping, &next, 1);
}

/* ---- opening and closing ---- */

static bool connect_to(end *e, uint16_t port) {
    int one = 1, size = BUFFER, type = e->wire->stream ? SOCK_STREAM : SOCK_DGRAM;
    uint64_t deadline = bench_now() + 5 * BENCH_SECOND;
    e->relay = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    e->relay.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (;;) {
        e->fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
        if (e->fd < 0)
            break;
        if (connect(e->fd, (struct sockaddr *)&e->relay, sizeof e->relay) == 0)
            break;
        close(e->fd);
        e->fd = -1;
        if (errno != ECONNREFUSED || bench_now() > deadline)
            break;
        poll(NULL, 0, 5); /* the relay is still starting */
    }
    if (e->fd < 0) {
        bench_error("cannot connect to 127.0.0.1:%u: %s; did the relay start?", (unsigned)port, strerror(errno));
        return false;
    }
    if (e->wire->stream) {
        setsockopt(e->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    } else {
        setsockopt(e->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        setsockopt(e->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        if (e->shape->trains)
            setsockopt(e->fd, SOL_UDP, UDP_GRO, &one, sizeof one);
    }
    return fcntl(e->fd, F_SETFL, O_NONBLOCK) == 0;
}

bool end_open(end *e, const wire *w, const shape *s, const keys *k, uint16_t port, bool second) {
    *e = (end){.wire = w,
               .shape = s,
               .keys = k,
               .fd = -1,
               .far = second,
               .id = second ? BENCH_BOB : BENCH_ALICE,
               .peer = second ? BENCH_ALICE : BENCH_BOB,
               .in_capacity = w->stream   ? STREAM_IN
                              : s->trains ? GRO_DATAGRAMS * GRO_SIZE
                                          : DATAGRAMS * PLAIN_SIZE};
    e->in = malloc(e->in_capacity);
    e->state = calloc(1, w->state_size + 1);
    if (e->in == NULL || e->state == NULL) {
        bench_error("no memory");
        return false;
    }
    return connect_to(e, (uint16_t)(port + (second && w->two_ports))) && w->greet(e) && chunks_make(e);
}

void end_close(end *e) {
    if (e->fd >= 0)
        close(e->fd);
    if (e->state != NULL && e->wire->close != NULL)
        e->wire->close(e);
    for (size_t i = 0; i < e->chunk_count; i++)
        chunk_free(&e->chunks[i]);
    free(e->chunks);
    chunk_free(&e->ping);
    free(e->in);
    free(e->state);
}

/* ---- out ---- */

bool end_wait(const end *e, short events, uint64_t timeout_ns) {
    struct pollfd p = {.fd = e->fd, .events = events};
    return poll(&p, 1, (int)(timeout_ns / BENCH_MS)) > 0;
}

bool end_write(end *e, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    while (size > 0 && !e->broken) {
        ssize_t sent = send(e->fd, at, size, MSG_NOSIGNAL);
        if (sent > 0) {
            at += sent;
            size -= (size_t)sent;
        } else if (errno != EAGAIN || !end_wait(e, POLLOUT, 5 * BENCH_SECOND)) {
            e->broken = true;
        }
    }
    return !e->broken;
}

static void send_train(end *e, const chunk *c) {
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct iovec part = {c->bytes, c->size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    uint16_t segment = (uint16_t)c->segment;
    head->cmsg_level = SOL_UDP;
    head->cmsg_type = UDP_SEGMENT;
    head->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(head), &segment, sizeof segment);
    while (sendmsg(e->fd, &message, 0) < 0 && !e->broken)
        e->broken = errno != EAGAIN || !end_wait(e, POLLOUT, BENCH_SECOND);
}

static void send_datagrams(end *e, const chunk *c) {
    struct mmsghdr messages[DATAGRAMS] = {0};
    struct iovec parts[DATAGRAMS];
    unsigned count = 0, done = 0;
    for (uint32_t at = 0; at < c->size && count < DATAGRAMS; at += c->segment) {
        parts[count] = (struct iovec){c->bytes + at, c->size - at < c->segment ? c->size - at : c->segment};
        messages[count].msg_hdr = (struct msghdr){.msg_iov = &parts[count], .msg_iovlen = 1};
        count++;
    }
    while (done < count && !e->broken) {
        int sent = sendmmsg(e->fd, messages + done, count - done, 0);
        if (sent > 0)
            done += (unsigned)sent;
        else
            e->broken = errno != EAGAIN || !end_wait(e, POLLOUT, BENCH_SECOND);
    }
}

static size_t chunk_send(end *e, chunk *c) {
    if (e->wire->before_send != NULL && !e->sending)
        e->wire->before_send(e, c);
    e->sending = e->wire->stream;
    if (!e->wire->stream) {
        if (e->shape->trains && c->size > c->segment)
            send_train(e, c);
        else
            send_datagrams(e, c);
        return c->count;
    }
    ssize_t sent = send(e->fd, c->bytes + e->at_bytes, c->size - e->at_bytes, MSG_NOSIGNAL);
    if (sent < 0) {
        e->broken = errno != EAGAIN;
        return 0;
    }
    e->at_bytes += (uint32_t)sent;
    if (e->at_bytes < c->size)
        return 0;
    e->at_bytes = 0;
    e->sending = false;
    return c->count;
}

size_t end_send(end *e) {
    size_t count = chunk_send(e, &e->chunks[e->at]);
    if (count > 0)
        e->at = (e->at + 1) % e->chunk_count;
    return count;
}

bool end_send_ping(end *e) {
    size_t count;
    while ((count = chunk_send(e, &e->ping)) == 0 && !e->broken)
        end_wait(e, POLLOUT, BENCH_SECOND);
    return count > 0;
}

/* ---- in ---- */

static size_t receive_stream(end *e) {
    size_t used = 0;
    ssize_t got = recv(e->fd, e->in + e->in_size, e->in_capacity - e->in_size, 0);
    if (got <= 0) {
        e->broken = got == 0 || errno != EAGAIN;
        return 0;
    }
    e->in_size += (size_t)got;
    size_t count = e->wire->parse(e, e->in, e->in_size, &used);
    memmove(e->in, e->in + used, e->in_size - used);
    e->in_size -= used;
    if (e->in_size == e->in_capacity)
        e->broken = true;
    return count;
}

static uint32_t segment_of(struct msghdr *message) {
    int segment = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
            memcpy(&segment, CMSG_DATA(c), sizeof segment);
    return (uint32_t)segment;
}

static size_t receive_datagrams(end *e) {
    struct mmsghdr messages[DATAGRAMS] = {0};
    struct iovec parts[DATAGRAMS];
    _Alignas(struct cmsghdr) uint8_t control[DATAGRAMS][CMSG_SPACE(sizeof(int))];
    unsigned room = e->shape->trains ? GRO_DATAGRAMS : DATAGRAMS;
    size_t size = e->shape->trains ? GRO_SIZE : PLAIN_SIZE, count = 0, used;
    for (unsigned i = 0; i < room; i++) {
        parts[i] = (struct iovec){e->in + i * size, size};
        messages[i].msg_hdr = (struct msghdr){
            .msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = sizeof control[i]};
    }
    int got = recvmmsg(e->fd, messages, room, 0, NULL);
    if (got < 0)
        e->broken = errno != EAGAIN && errno != ECONNREFUSED; /* refused: an early greeting's echo */
    for (int i = 0; i < got; i++) {
        uint32_t whole = messages[i].msg_len, segment = segment_of(&messages[i].msg_hdr);
        segment = segment > 0 ? segment : whole;
        for (uint32_t at = 0; at < whole; at += segment)
            count += e->wire->parse(e, (uint8_t *)parts[i].iov_base + at, whole - at < segment ? whole - at : segment,
                                    &used);
    }
    return count;
}

size_t end_receive(end *e) {
    return e->wire->stream ? receive_stream(e) : receive_datagrams(e);
}
