/* udp.c - datagrams: each client has a socket of its own towards the other end, so that answers find their way back.
 *
 * A client that starts anew comes from another port. There are at most SIDE_CLIENTS; the one not heard of for the longest
 * time makes room, and what is on its way for it counts as overflowed. A datagram names its client by a serial number that
 * is never used again. Nothing is known here of trains (UDP_SEGMENT): the kernel cuts them before a plain socket sees them.
 *
 * What ICMP says about a datagram is not handed on: a cable that is cut says nothing. */
#include "side.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AT_ONCE = 256, BIGGEST = 65536, BUFFER_SIZE = 4 << 20 };

typedef struct client {
    int fd;          /* -1 = there is none */
    uint64_t serial; /* never 0 */
    uint64_t heard;  /* the turn in which it was last */
    address from;
} client;

typedef struct udp {
    side side;
    client clients[SIDE_CLIENTS];
    uint64_t turns, serials;
    uint8_t data[BIGGEST];
} udp;

static size_t watch(const side *s, struct pollfd *fds) {
    const udp *u = (const udp *)s;
    fds[0] = (struct pollfd){.fd = s->listener, .events = POLLIN};
    for (int i = 0; i < SIDE_CLIENTS; i++)
        fds[1 + i] = (struct pollfd){.fd = u->clients[i].fd, .events = POLLIN};
    return 1 + SIDE_CLIENTS;
}

static uint64_t next_ns(const side *s) {
    uint64_t next = UINT64_MAX;
    for (int way = UP; way < WAYS; way++) {
        const parcel *first = schedule_first(&s->cables[way].waiting);
        if (first != NULL && first->due_ns < next)
            next = first->due_ns;
    }
    return next;
}

/* ---- clients ---- */

static client *client_by_serial(udp *u, uint64_t serial) {
    for (client *c = u->clients; c < u->clients + SIDE_CLIENTS; c++)
        if (c->fd >= 0 && c->serial == serial)
            return c;
    return NULL;
}

/* The one that comes from there; a new one if need be; NULL when it can have no socket. */
static client *client_from(udp *u, const address *from) {
    client *oldest = u->clients;
    for (client *c = u->clients; c < u->clients + SIDE_CLIENTS; c++) {
        if (c->fd >= 0 && c->from.size == from->size && memcmp(&c->from.at, &from->at, from->size) == 0)
            return c;
        if (oldest->fd >= 0 && (c->fd < 0 || c->heard < oldest->heard))
            oldest = c;
    }
    int fd = socket(u->side.to.at.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), size = BUFFER_SIZE;
    if (fd < 0 || connect(fd, (const struct sockaddr *)&u->side.to.at, u->side.to.size) != 0) {
        if (fd >= 0)
            close(fd);
        u->side.refused++;
        return NULL;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (oldest->fd >= 0)
        close(oldest->fd);
    *oldest = (client){.fd = fd, .serial = ++u->serials, .heard = u->turns, .from = *from};
    u->side.connections++;
    return oldest;
}

/* ---- in and out ---- */

/* False when nothing is there, for now. */
static bool receive(udp *u, int fd, uint64_t now_ns, client *owner) {
    address from = {.size = sizeof from.at};
    ssize_t size = recvfrom(fd, u->data, sizeof u->data, 0, (struct sockaddr *)&from.at, &from.size);
    if (size < 0)
        return errno != EAGAIN && errno != EWOULDBLOCK; /* others are of a datagram that was sent before */
    enum way way = owner == NULL ? UP : DOWN;
    if (owner == NULL && (owner = client_from(u, &from)) == NULL)
        return true;
    owner->heard = u->turns;
    cable_put(&u->side.cables[way], now_ns, owner->serial, u->data, (size_t)size);
    return true;
}

static bool send_on(udp *u, enum way way, const parcel *p) {
    const client *c = client_by_serial(u, p->owner);
    if (c == NULL)
        return false;
    ssize_t sent;
    do {
        sent = way == UP
                   ? send(c->fd, p->data, p->size, 0)
                   : sendto(u->side.listener, p->data, p->size, 0, (const struct sockaddr *)&c->from.at, c->from.size);
    } while (sent < 0 && errno == EINTR);
    /* Refused: nobody is there just now, and ICMP said so of an earlier one. This one went as far as that. */
    return sent >= 0 || errno == ECONNREFUSED;
}

static void deliver(udp *u, enum way way, uint64_t now_ns) {
    cable *c = &u->side.cables[way];
    parcel *p;
    while ((p = cable_take(c, now_ns)) != NULL) {
        if (send_on(u, way, p)) {
            c->counts.passed += !p->copy;
            c->counts.bytes += p->size;
        } else {
            c->counts.overflowed++;
        }
        free(p);
    }
}

static void turn(side *s, const struct pollfd *fds, uint64_t now_ns) {
    udp *u = (udp *)s;
    u->turns++;
    for (int i = 0; i < SIDE_CLIENTS; i++)
        for (int n = 0; fds[1 + i].revents != 0 && n < AT_ONCE; n++)
            if (!receive(u, u->clients[i].fd, now_ns, &u->clients[i]))
                break;
    for (int n = 0; fds[0].revents != 0 && n < AT_ONCE; n++)
        if (!receive(u, s->listener, now_ns, NULL))
            break;
    deliver(u, UP, now_ns);
    deliver(u, DOWN, now_ns);
}

static void free_udp(side *s) {
    udp *u = (udp *)s;
    for (int i = 0; i < SIDE_CLIENTS; i++)
        if (u->clients[i].fd >= 0)
            close(u->clients[i].fd);
    close(s->listener);
    cable_free(&s->cables[UP]);
    cable_free(&s->cables[DOWN]);
    free(u);
}

side *udp_open(const settings *all, int listener, const address *to) {
    static const side_ops ops = {.watch = watch, .turn = turn, .next_ns = next_ns, .free = free_udp};
    udp *u = calloc(1, sizeof *u);
    if (u == NULL)
        return NULL;
    int size = BUFFER_SIZE;
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    u->side = (side){.ops = &ops, .settings = all, .to = *to, .listener = listener};
    cable_init(&u->side.cables[UP], all, UP);
    cable_init(&u->side.cables[DOWN], all, DOWN);
    for (int i = 0; i < SIDE_CLIENTS; i++)
        u->clients[i].fd = -1;
    return &u->side;
}
