/* right_transport.h - a transport that keeps the contract: what the faulty ones beside it are made of, each with one function
 * of its own in place of one of these. transport-right.c is all of them as they are, and passes.
 *
 * Frames over TCP and IPv4, each behind its size in two bytes; right://A.B.C.D:PORT. */
#ifndef RIGHT_TRANSPORT_H
#define RIGHT_TRANSPORT_H
#include <arpa/inet.h>
#include <errno.h>
#include <slow/transport.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RIGHT_PREFIX = 2, RIGHT_FRAME_MAX = 4096, RIGHT_IN = 4 * (RIGHT_PREFIX + RIGHT_FRAME_MAX) };

/* A socket: it listens, or connects, or is a link's. */
typedef struct right_link {
    struct right_link *next;
    struct right_transport *transport;
    int fd;
    slow_watch *watch;
    slow_link id;
    uint64_t dial;
    bool blocked;
    slow_packet *cut; /* of which a part went: cut_at bytes, with the prefix */
    size_t cut_at, in_size;
    char address[128]; /* as given to listen() */
    uint8_t in[RIGHT_IN];
} right_link;

typedef struct right_transport {
    const slow_host *host;
    const slow_io *io;
    const slow_transport_host *up;
    right_link *links;
} right_transport;

static inline slow_status right_error(slow_error *error, slow_status status, const char *text) {
    *error = (slow_error){.code = status};
    snprintf(error->text, sizeof error->text, "%s", text);
    return status;
}

static inline bool right_parse(const char *text, struct sockaddr_in *at) {
    unsigned a, b, c, d, port;
    char end;
    *at = (struct sockaddr_in){.sin_family = AF_INET};
    if (sscanf(text, "right://%3u.%3u.%3u.%3u:%5u%c", &a, &b, &c, &d, &port, &end) != 5 || (a | b | c | d) > 255 ||
        port > 65535)
        return false;
    at->sin_addr.s_addr = htonl(a << 24 | b << 16 | c << 8 | d);
    at->sin_port = htons((uint16_t)port);
    return true;
}

static inline void right_print(const struct sockaddr_in *at, char out[128]) {
    uint32_t ip = ntohl(at->sin_addr.s_addr);
    snprintf(out, 128, "right://%u.%u.%u.%u:%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255,
             (unsigned)ntohs(at->sin_port));
}

static inline slow_status right_check(const char *address, bool listen, uint32_t *flags, slow_error *error) {
    struct sockaddr_in at;
    if (!right_parse(address, &at) || (at.sin_port == 0 && !listen))
        return right_error(error, SLOW_E_INVAL, "expected right://A.B.C.D:PORT");
    *flags = ntohl(at.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET ? SLOW_LINK_LOCAL : 0;
    return SLOW_OK;
}

static inline void right_free(right_link *link) {
    right_transport *t = link->transport;
    for (right_link **at = &t->links; *at != NULL; at = &(*at)->next)
        if (*at == link) {
            *at = link->next;
            break;
        }
    t->io->unwatch(link->watch);
    close(link->fd);
    t->host->packet_drop(link->cut);
    free(link);
}

/* Takes the socket; NULL = no memory. */
static inline right_link *right_new(right_transport *t, int fd, unsigned events, void (*ready)(void *, int, unsigned)) {
    right_link *link = calloc(1, sizeof *link);
    slow_watch *watch = link != NULL ? t->io->watch(t->host, fd, events, ready, link) : NULL;
    if (watch == NULL) {
        free(link);
        close(fd);
        return NULL;
    }
    link->transport = t;
    link->fd = fd;
    link->watch = watch;
    link->next = t->links;
    t->links = link;
    return link;
}

/* ---- frames ---- */

static inline void right_read(right_link *link) {
    right_transport *t = link->transport;
    ssize_t got = recv(link->fd, link->in + link->in_size, sizeof link->in - link->in_size, MSG_DONTWAIT);
    size_t at = 0, size = 0;
    bool good = got > 0 || (got < 0 && errno == EAGAIN);
    link->in_size += got > 0 ? (size_t)got : 0;
    while (good && link->in_size - at >= RIGHT_PREFIX) {
        size = (size_t)(link->in[at] << 8 | link->in[at + 1]);
        good = size > 0 && size <= RIGHT_FRAME_MAX;
        if (!good || link->in_size - at < RIGHT_PREFIX + size)
            break;
        slow_slice frame = {.data = link->in + at + RIGHT_PREFIX, .size = (uint32_t)size};
        t->up->receive(t->host, link->id, &frame, 1);
        at += RIGHT_PREFIX + size;
    }
    link->in_size -= at;
    memmove(link->in, link->in + at, link->in_size);
    if (good)
        return;
    slow_link id = link->id;
    right_free(link);
    t->up->link_down(t->host, id, SLOW_E_CLOSED);
}

/* On from cut_at; true when it went as a whole. */
static inline bool right_put(right_link *link, slow_packet *packet) {
    uint8_t *prefix = slow_packet_data(packet) - RIGHT_PREFIX;
    prefix[0] = (uint8_t)(packet->size >> 8);
    prefix[1] = (uint8_t)packet->size;
    ssize_t sent =
        send(link->fd, prefix + link->cut_at, RIGHT_PREFIX + packet->size - link->cut_at, MSG_DONTWAIT | MSG_NOSIGNAL);
    link->cut_at += sent > 0 ? (size_t)sent : 0;
    if (link->cut_at < RIGHT_PREFIX + packet->size)
        return false;
    link->cut_at = 0;
    link->transport->host->packet_drop(packet);
    return true;
}

static inline void right_block(right_link *link) {
    link->blocked = true;
    link->transport->io->modify(link->watch, SLOW_IO_READ | SLOW_IO_WRITE);
}

static inline slow_status right_send(void *self, void *cookie, slow_packet *const *packets, size_t n, size_t *taken) {
    right_link *link = cookie;
    (void)self;
    *taken = 0;
    while (*taken < n && !link->blocked) {
        bool whole = right_put(link, packets[*taken]);
        if (!whole && link->cut_at > 0)
            link->cut = packets[*taken];
        *taken += whole || link->cut != NULL ? 1 : 0;
        if (!whole)
            right_block(link);
    }
    return link->blocked ? SLOW_E_AGAIN : SLOW_OK;
}

static inline void right_ready(void *arg, int fd, unsigned events) {
    right_link *link = arg;
    right_transport *t = link->transport;
    (void)fd;
    if ((events & SLOW_IO_WRITE) != 0 && link->blocked) {
        if (link->cut != NULL && right_put(link, link->cut))
            link->cut = NULL;
        if (link->cut == NULL) {
            link->blocked = false;
            t->io->modify(link->watch, SLOW_IO_READ);
            t->up->writable(t->host, link->id);
        }
    }
    if ((events & SLOW_IO_READ) != 0)
        right_read(link);
}

/* What lies unread would make the kernel send a reset, which overtakes what we sent. */
static inline void right_close(void *self, void *cookie) {
    right_link *link = cookie;
    (void)self;
    if (link->cut != NULL && right_put(link, link->cut))
        link->cut = NULL;
    shutdown(link->fd, SHUT_WR);
    for (int reads = 0; reads < 16 && recv(link->fd, link->in, sizeof link->in, MSG_DONTWAIT) > 0;)
        reads++;
    right_free(link);
}

/* ---- links ---- */

static inline void right_link_up(right_link *link) {
    right_transport *t = link->transport;
    char local_text[128], remote_text[128];
    struct sockaddr_in local, remote;
    socklen_t size = sizeof local;
    getsockname(link->fd, (struct sockaddr *)&local, &size);
    size = sizeof remote;
    if (getpeername(link->fd, (struct sockaddr *)&remote, &size) != 0)
        remote = local; /* it has gone already, as the first read will tell */
    right_print(&local, local_text);
    right_print(&remote, remote_text);
    slow_link_info info = {.struct_size = sizeof info,
                           .dial = link->dial,
                           .local = local_text,
                           .remote = remote_text,
                           .mtu = RIGHT_FRAME_MAX,
                           .flags = SLOW_LINK_STREAM | (link->dial == 0 ? SLOW_LINK_INBOUND : 0u)};
    link->id = t->up->link_up(t->host, link, &info);
    if (link->id == 0)
        right_free(link);
}

static inline void right_accept(void *arg, int fd, unsigned events) {
    const right_link *listener = arg;
    int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    right_link *link = accepted < 0 ? NULL : right_new(listener->transport, accepted, SLOW_IO_READ, right_ready);
    (void)events;
    if (link != NULL)
        right_link_up(link);
}

static inline slow_status right_listen(void *self, const char *address, char bound[128], slow_error *error) {
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !right_parse(address, &at) || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0) {
        close(fd);
        return right_error(error, SLOW_E_FAIL, "cannot listen there");
    }
    right_link *listener = right_new(self, fd, SLOW_IO_READ, right_accept);
    if (listener == NULL)
        return right_error(error, SLOW_E_NOMEM, "no memory to listen");
    snprintf(listener->address, sizeof listener->address, "%s", address);
    right_print(&at, bound);
    return SLOW_OK;
}

static inline void right_unlisten(void *self, const char *address) {
    right_transport *t = self;
    for (right_link *link = t->links; link != NULL; link = link->next)
        if (strcmp(link->address, address) == 0) {
            right_free(link);
            return;
        }
}

static inline void right_connected(void *arg, int fd, unsigned events) {
    right_link *link = arg;
    right_transport *t = link->transport;
    int failure = 0;
    socklen_t size = sizeof failure;
    (void)events;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size);
    t->io->unwatch(link->watch);
    link->watch = failure == 0 ? t->io->watch(t->host, fd, SLOW_IO_READ, right_ready, link) : NULL;
    if (link->watch != NULL) {
        right_link_up(link);
        return;
    }
    slow_error error;
    uint64_t dial = link->dial;
    right_error(&error, SLOW_E_FAIL, "cannot connect: is anybody listening there?");
    right_free(link);
    t->up->dial_failed(t->host, dial, &error);
}

static inline slow_status right_connect(void *self, uint64_t dial, const char *address, slow_error *error) {
    struct sockaddr_in at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !right_parse(address, &at) ||
        (connect(fd, (struct sockaddr *)&at, sizeof at) != 0 && errno != EINPROGRESS)) {
        close(fd);
        return right_error(error, SLOW_E_FAIL, "cannot connect");
    }
    right_link *link = right_new(self, fd, SLOW_IO_WRITE, right_connected);
    if (link == NULL)
        return right_error(error, SLOW_E_NOMEM, "no memory to connect");
    link->dial = dial;
    return SLOW_OK;
}

static inline void right_cancel(void *self, uint64_t dial) {
    right_transport *t = self;
    for (right_link *link = t->links; link != NULL; link = link->next)
        if (link->id == 0 && link->dial == dial) {
            right_free(link);
            return;
        }
}

/* ---- life ---- */

static inline void right_stop(void *self) {
    right_transport *t = self;
    while (t->links != NULL)
        right_free(t->links);
}

static inline void right_destroy(void *self) {
    right_stop(self);
    free(self);
}

static inline slow_status right_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    right_transport *t = calloc(1, sizeof *t);
    (void)config;
    if (t == NULL)
        return right_error(error, SLOW_E_NOMEM, "no memory for an instance");
    t->host = host;
    t->io = host->service(host, SLOW_IO_ID);
    t->up = host->service(host, SLOW_TRANSPORT_HOST_ID);
    *self = t;
    return SLOW_OK;
}

#define RIGHT_TRANSPORT(symbol, name, connect_fn, cancel_fn, send_fn, close_fn)                               \
    static const slow_transport_ops ops = {.struct_size = sizeof ops,                                         \
                                           .scheme = "right",                                                 \
                                           .max_segments = 1,                                                 \
                                           .check = right_check,                                              \
                                           .listen = right_listen,                                            \
                                           .unlisten = right_unlisten,                                        \
                                           .connect = connect_fn,                                             \
                                           .cancel = cancel_fn,                                               \
                                           .send = send_fn,                                                   \
                                           .close = close_fn};                                                \
    static const slow_plugin plugin = {.struct_size = sizeof plugin,                                          \
                                       .kind = SLOW_TRANSPORT,                                                \
                                       .id = name,                                                            \
                                       .version = "1.0.0",                                                    \
                                       .summary = "Frames over TCP, for tests of slow-conform",               \
                                       .license = "MIT",                                                      \
                                       .create = right_create,                                                \
                                       .stop = right_stop,                                                    \
                                       .destroy = right_destroy,                                              \
                                       .ops = &ops};                                                          \
    static const slow_plugin *const plugins[] = {&plugin, NULL};                                              \
    static const slow_module module = {                                                                       \
        .struct_size = sizeof module, .abi_major = SLOW_ABI_MAJOR, .build = __VERSION__, .plugins = plugins}; \
    SLOW_MODULE(symbol, &module)
#endif
