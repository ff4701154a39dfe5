/* tcp.c - streams: for each connection that comes, one to the other end, and bytes from each to the other as late as asked.
 *
 * A stream loses nothing: where it may hold no more it is not read, and the kernel's windows slow the sender down. In
 * silence nothing is read, written or accepted, ends of streams neither; the bytes come when it is over, as after TCP's own
 * retransmissions. (The handshake of a client in silence is the kernel's and succeeds; no byte comes back.) A reset is
 * handed on at once, and takes with it what was on its way.
 *
 * All connections of a proxy share its cables: the rate is for all of them. */
#include "side.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE_SIZE = 4096, AT_ONCE = 64 };

/* One way of a connection. It is written to the socket of its way, and read from the other. */
typedef struct stream {
    schedule waiting; /* an empty parcel is the end */
    uint64_t due_ns;  /* of the last one: order is kept, whatever the jitter */
    bool ended;       /* its end was read */
    bool finished;    /* and written */
    bool blocked;     /* its socket takes no more for now */
} stream;

typedef struct connection {
    int fds[WAYS]; /* [UP] to the other end, [DOWN] to the client; -1 = there is no connection */
    stream streams[WAYS];
} connection;

typedef struct tcp {
    side side;
    connection connections[SIDE_CLIENTS];
} tcp;

static enum way opposite(enum way way) {
    return way == UP ? DOWN : UP;
}

static bool wants_to_read(const tcp *t, const stream *s, enum way way) {
    return !s->ended && !cable_silent(&t->side.cables[way]) &&
           s->waiting.bytes + sizeof(parcel) + PIECE_SIZE <= t->side.settings->queue_size;
}

/* ---- connections ---- */

static void forget(connection *c) {
    for (int way = UP; way < WAYS; way++) {
        close(c->fds[way]);
        schedule_clear(&c->streams[way].waiting);
    }
    *c = (connection){.fds = {-1, -1}};
}

static void reset(tcp *t, connection *c) {
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    for (int way = UP; way < WAYS; way++)
        setsockopt(c->fds[way], SOL_SOCKET, SO_LINGER, &now, sizeof now);
    forget(c);
    t->side.resets++;
}

static size_t reset_all(side *s) {
    tcp *t = (tcp *)s;
    size_t count = 0;
    for (connection *c = t->connections; c < t->connections + SIDE_CLIENTS; c++)
        if (c->fds[UP] >= 0) {
            reset(t, c);
            count++;
        }
    return count;
}

static connection *free_place(const tcp *t) {
    for (int i = 0; i < SIDE_CLIENTS; i++)
        if (t->connections[i].fds[UP] < 0)
            return (connection *)&t->connections[i];
    return NULL;
}

/* Silent both ways: who comes now waits, and so does who comes when all places are taken. */
static bool may_accept(const tcp *t) {
    return !(cable_silent(&t->side.cables[UP]) && cable_silent(&t->side.cables[DOWN])) && free_place(t) != NULL;
}

static void accept_one(tcp *t) {
    connection *c = free_place(t);
    int client = accept4(t->side.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0)
        return;
    int other = socket(t->side.to.at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *c = (connection){.fds = {[UP] = other, [DOWN] = client}};
    if (other < 0 ||
        (connect(other, (const struct sockaddr *)&t->side.to.at, t->side.to.size) != 0 && errno != EINPROGRESS)) {
        t->side.refused++;
        reset(t, c); /* the client sees what it would have seen there, if a little late */
        return;
    }
    const int on = 1; /* what is late is late because it was asked for */
    setsockopt(other, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    t->side.connections++;
}

/* ---- bytes ---- */

/* False when the connection is broken. */
static bool read_stream(tcp *t, connection *c, enum way way, uint64_t now_ns) {
    stream *s = &c->streams[way];
    cable *in = &t->side.cables[way];
    uint8_t data[PIECE_SIZE];
    for (int n = 0; n < AT_ONCE && wants_to_read(t, s, way); n++) {
        ssize_t size = recv(c->fds[opposite(way)], data, sizeof data, 0);
        if (size < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        uint64_t due_ns = cable_arrival(in, now_ns, (size_t)size);
        s->due_ns = due_ns > s->due_ns ? due_ns : s->due_ns;
        if (!schedule_add(&s->waiting, &(parcel){.due_ns = s->due_ns, .size = (size_t)size}, data))
            return false;
        s->ended = size == 0;
    }
    return true;
}

static bool write_stream(tcp *t, connection *c, enum way way, uint64_t now_ns) {
    stream *s = &c->streams[way];
    cable *out = &t->side.cables[way];
    parcel *p;
    while (!s->blocked && !cable_silent(out) && (p = schedule_first(&s->waiting)) != NULL && p->due_ns <= now_ns) {
        if (p->size == 0) {
            s->finished = true;
            if (shutdown(c->fds[way], SHUT_WR) != 0)
                return false;
        }
        while (p->gone < p->size && !s->blocked) {
            ssize_t sent = send(c->fds[way], p->data + p->gone, p->size - p->gone, MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
                return false;
            s->blocked = sent < 0 && errno != EINTR;
            p->gone += sent > 0 ? (size_t)sent : 0;
            out->counts.bytes += sent > 0 ? (uint64_t)sent : 0;
        }
        if (p->gone == p->size) {
            out->counts.passed += p->size > 0;
            free(schedule_take(&s->waiting));
        }
    }
    return true;
}

/* ---- the side ---- */

static size_t watch(const side *base, struct pollfd *fds) {
    const tcp *t = (const tcp *)base;
    fds[0] = (struct pollfd){.fd = may_accept(t) ? base->listener : -1, .events = POLLIN};
    for (int i = 0; i < SIDE_CLIENTS; i++)
        for (int way = UP; way < WAYS; way++) {
            const connection *c = &t->connections[i];
            enum way from = opposite((enum way)way);
            short events = 0;
            if (c->fds[way] >= 0 && wants_to_read(t, &c->streams[from], from))
                events |= POLLIN;
            if (c->streams[way].blocked && !cable_silent(&base->cables[way]))
                events |= POLLOUT;
            /* poll() tells of errors also where nothing is asked: there it is not asked at all. */
            fds[1 + 2 * i + way] = (struct pollfd){.fd = events != 0 ? c->fds[way] : -1, .events = events};
        }
    return 1 + 2 * SIDE_CLIENTS;
}

static bool connection_turn(tcp *t, connection *c, const struct pollfd fds[WAYS], uint64_t now_ns) {
    for (int i = UP; i < WAYS; i++) {
        enum way way = (enum way)i, from = opposite(way);
        if ((fds[way].revents & ~POLLIN) != 0)
            c->streams[way].blocked = false;
        if (((fds[from].revents & ~POLLOUT) != 0 && !read_stream(t, c, way, now_ns)) ||
            !write_stream(t, c, way, now_ns))
            return false;
    }
    return true;
}

static void turn(side *base, const struct pollfd *fds, uint64_t now_ns) {
    tcp *t = (tcp *)base;
    for (int i = 0; i < SIDE_CLIENTS; i++) {
        connection *c = &t->connections[i];
        if (c->fds[UP] < 0)
            continue;
        if (!connection_turn(t, c, fds + 1 + 2 * i, now_ns))
            reset(t, c);
        else if (c->streams[UP].finished && c->streams[DOWN].finished)
            forget(c);
    }
    if (fds[0].revents != 0 && may_accept(t))
        accept_one(t);
}

static uint64_t next_ns(const side *base) {
    const tcp *t = (const tcp *)base;
    uint64_t next = UINT64_MAX;
    for (int i = 0; i < SIDE_CLIENTS; i++)
        for (int way = UP; way < WAYS; way++) {
            const stream *s = &t->connections[i].streams[way];
            const parcel *first = schedule_first(&s->waiting);
            if (first != NULL && !s->blocked && !cable_silent(&base->cables[way]) && first->due_ns < next)
                next = first->due_ns;
        }
    return next;
}

static void free_tcp(side *base) {
    tcp *t = (tcp *)base;
    for (connection *c = t->connections; c < t->connections + SIDE_CLIENTS; c++)
        if (c->fds[UP] >= 0)
            forget(c);
    close(base->listener);
    free(t);
}

side *tcp_open(const settings *all, int listener, const address *to) {
    static const side_ops ops = {
        .watch = watch, .turn = turn, .next_ns = next_ns, .reset = reset_all, .free = free_tcp};
    tcp *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->side = (side){.ops = &ops, .settings = all, .to = *to, .listener = listener};
    cable_init(&t->side.cables[UP], all, UP);
    cable_init(&t->side.cables[DOWN], all, DOWN);
    for (int i = 0; i < SIDE_CLIENTS; i++)
        t->connections[i].fds[UP] = t->connections[i].fds[DOWN] = -1;
    return &t->side;
}
