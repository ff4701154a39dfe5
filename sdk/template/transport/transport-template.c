/* transport-template.c - a transport to copy: frames over TCP, IPv4, each behind its size in two bytes.
 *
 *   stream:  size u16, frame, size u16, frame, ...      size 1..FRAME_MAX, big endian
 *
 * It works, and it is small; what it leaves out is in transport-tcp of the same project: names and IPv6, many frames in one
 * system call, carriers that go down, what to do when the process is out of file descriptors.
 *
 * What every transport has, in the order of this file:
 *
 *   1. its state: listeners, and links, of which some are still being connected;
 *   2. addresses;
 *   3. the birth of a link, by link_up(), and its end, by link_down() or close();
 *   4. frames in, as views of a buffer, and frames out, as many as fit: what does not fit stays the core's;
 *   5. listening and connecting, which end in link_up() or dial_failed(), never inside the call;
 *   6. its life, and tables that say all this to the host.
 *
 * All calls come on one thread, and none of them may wait: sockets are non-blocking, and the host says when they are ready. */
#define _GNU_SOURCE 1 /* accept4() */
#include <arpa/inet.h>
#include <errno.h>
#include <slow/transport.h>
#include <slow/wire.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCHEME "template"
#define PREFIX_SIZE 2u
#define FRAME_MAX 8192u /* MUST NOT be below SLOW_FRAME_FLOOR */
#define ADDRESS_SIZE 128u

/* ---- 1. State ---- */

struct listener {
    struct listener *next;
    struct transport *transport;
    int fd;
    slow_watch *watch;
    char address[ADDRESS_SIZE];
};

struct link {
    struct link *next;
    struct transport *transport;
    int fd;
    slow_watch *watch;
    slow_link id;  /* 0 = it is being connected */
    uint64_t dial; /* 0 = the peer came to us */
    struct sockaddr_in remote;
    bool blocked, broken; /* nothing more is written: for now; for ever */
    slow_packet *cut;     /* of which the kernel took a part: cut_at bytes, with the prefix */
    size_t cut_at, in_size;
    uint8_t in[4 * (PREFIX_SIZE + FRAME_MAX)];
};

struct transport {
    const slow_host *host;         /* services for every plugin */
    const slow_io *io;             /* services for file descriptors */
    const slow_transport_host *up; /* what a transport tells the core */
    struct listener *listeners;
    struct link *links;
};

__attribute__((format(printf, 4, 5))) static slow_status fail(slow_error *error, slow_status code, const char *where,
                                                              const char *format, ...) {
    va_list arguments;
    *error = (slow_error){.code = code};
    snprintf(error->where, sizeof error->where, "%s", where);
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return code;
}

/* ---- 2. Addresses: template://A.B.C.D:PORT, numeric and canonical, since the core compares hosts ---- */

static slow_status parse(const char *text, bool listen, struct sockaddr_in *out, slow_error *error) {
    static const char begin[] = SCHEME "://";
    char host[INET_ADDRSTRLEN], *end = NULL;
    const char *colon = strrchr(text, ':'), *at = text + sizeof begin - 1;
    *out = (struct sockaddr_in){.sin_family = AF_INET};
    if (strncmp(text, begin, sizeof begin - 1) == 0 && colon >= at && (size_t)(colon - at) < sizeof host) {
        snprintf(host, sizeof host, "%.*s", (int)(colon - at), at);
        unsigned long port = strtoul(colon + 1, &end, 10);
        out->sin_port = htons((uint16_t)port);
        if (inet_pton(AF_INET, host, &out->sin_addr) == 1 && colon[1] >= '0' && colon[1] <= '9' && *end == '\0' &&
            port <= UINT16_MAX && (listen || port > 0))
            return SLOW_OK;
    }
    return fail(error, SLOW_E_INVAL, text, "expected " SCHEME "://A.B.C.D:PORT, such as " SCHEME "://127.0.0.1:4100");
}

static void print(const struct sockaddr_in *at, char out[ADDRESS_SIZE]) {
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &at->sin_addr, host, sizeof host);
    snprintf(out, ADDRESS_SIZE, SCHEME "://%s:%u", host, (unsigned)ntohs(at->sin_port));
}

static uint32_t local_flag(const struct sockaddr_in *at) {
    return ntohl(at->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET ? SLOW_LINK_LOCAL : 0;
}

/* [any] thread: it looks at nothing but its arguments. */
static slow_status check(const char *address, bool listen, uint32_t *flags, slow_error *error) {
    struct sockaddr_in at;
    slow_status status = parse(address, listen, &at, error);
    if (status == SLOW_OK)
        *flags = local_flag(&at);
    return status;
}

/* ---- 3. Links ---- */

static void link_free(struct link *link) {
    struct transport *t = link->transport;
    for (struct link **at = &t->links; *at != NULL; at = &(*at)->next)
        if (*at == link) {
            *at = link->next;
            break;
        }
    t->io->unwatch(link->watch); /* before close() */
    close(link->fd);
    t->host->packet_drop(link->cut);
    free(link);
}

/* The core is told last: on return the cookie is dead. */
static void link_end(struct link *link, slow_status why) {
    struct transport *t = link->transport;
    slow_link id = link->id;
    link_free(link);
    t->up->link_down(t->host, id, why);
}

/* What the peer said before the connection broke is still read, and then its end: so link_down() has one place, and never
 * comes inside of send(). */
static void link_break(struct link *link) {
    link->broken = true;
    shutdown(link->fd, SHUT_RDWR);
}

static void link_up(struct link *link) {
    struct transport *t = link->transport;
    char local_text[ADDRESS_SIZE], remote_text[ADDRESS_SIZE];
    struct sockaddr_in local = {.sin_family = AF_INET};
    socklen_t size = sizeof local;
    getsockname(link->fd, (struct sockaddr *)&local, &size);
    print(&local, local_text);
    print(&link->remote, remote_text);
    slow_link_info info = {
        .struct_size = sizeof info,
        .dial = link->dial,
        .local = local_text,
        .remote = remote_text,
        .mtu = FRAME_MAX,
        .flags = SLOW_LINK_STREAM | local_flag(&link->remote) | (link->dial == 0 ? SLOW_LINK_INBOUND : 0u),
    };
    link->id = t->up->link_up(t->host, link, &info);
    if (link->id == 0) /* the core does not want it */
        link_free(link);
}

/* Takes the socket, also on failure. */
static struct link *link_new(struct transport *t, int fd, unsigned events, void (*ready)(void *, int, unsigned)) {
    struct link *link = calloc(1, sizeof *link);
    slow_watch *watch = link == NULL ? NULL : t->io->watch(t->host, fd, events, ready, link);
    if (watch == NULL) {
        close(fd);
        free(link);
        return NULL;
    }
    link->transport = t;
    link->fd = fd;
    link->watch = watch;
    link->next = t->links;
    t->links = link;
    return link;
}

/* ---- 4. Frames ---- */

/* Hands up the frames that are whole, and keeps the rest for the next read. */
static slow_status cut_frames(struct link *link, bool *enough) {
    struct transport *t = link->transport;
    slow_slice frames[64];
    size_t at = 0, count = 0;
    for (;;) {
        slow_reader in = slow_reader_of((slow_bytes){link->in + at, link->in_size - at});
        uint16_t size = slow_read_u16(&in);
        if (slow_reader_ok(&in) && (size == 0 || size > FRAME_MAX))
            return SLOW_E_MALFORMED; /* not one of ours: a stream cannot be entered in the middle */
        bool whole = slow_read_bytes(&in, size) != NULL;
        if (count > 0 && (!whole || count == sizeof frames / sizeof frames[0])) {
            *enough = t->up->receive(t->host, link->id, frames, count) == SLOW_E_AGAIN || *enough;
            count = 0;
        }
        if (!whole)
            break;
        frames[count++] = (slow_slice){.data = link->in + at + PREFIX_SIZE, .size = size};
        at += PREFIX_SIZE + size;
    }
    link->in_size -= at;
    memmove(link->in, link->in + at, link->in_size);
    return SLOW_OK;
}

/* Until there is no more, or the core has enough for this turn; a peer that sends without end gets four reads. */
static void read_frames(struct link *link) {
    bool enough = false;
    for (int reads = 0; reads < 4 && !enough; reads++) {
        ssize_t got = recv(link->fd, link->in + link->in_size, sizeof link->in - link->in_size, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            link_end(link, SLOW_E_CLOSED);
            return;
        }
        link->in_size += (size_t)got;
        slow_status status = cut_frames(link, &enough);
        if (status != SLOW_OK) {
            link_end(link, status);
            return;
        }
    }
}

/* Writes the packet on from cut_at; true when it went as a whole. The prefix goes into the headroom, which the host keeps
 * free in front of the frame: so both are one piece. */
static bool write_packet(struct link *link, slow_packet *packet) {
    uint8_t *prefix = slow_packet_data(packet) - PREFIX_SIZE;
    slow_writer writer = slow_writer_of(prefix, PREFIX_SIZE);
    slow_write_u16(&writer, (uint16_t)packet->size);
    size_t size = PREFIX_SIZE + packet->size;
    ssize_t sent = send(link->fd, prefix + link->cut_at, size - link->cut_at, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
        link_break(link);
    link->cut_at += sent > 0 ? (size_t)sent : 0;
    if (link->cut_at < size)
        return false;
    link->cut_at = 0;
    link->transport->host->packet_drop(packet);
    return true;
}

/* Nothing is queued here, but the one packet that the kernel cut in the middle: in the core's own queue what is urgent
 * can overtake. */
static slow_status send_packets(void *self, void *cookie, slow_packet *const *packets, size_t n, size_t *taken) {
    struct transport *t = self;
    struct link *link = cookie;
    *taken = 0;
    while (*taken < n && !link->blocked && !link->broken) {
        slow_packet *packet = packets[*taken];
        bool whole = write_packet(link, packet);
        if (!whole && link->cut_at > 0)
            link->cut = packet;
        *taken += whole || link->cut != NULL ? 1 : 0;
        if (!whole && !link->broken) {
            link->blocked = true;
            t->io->modify(link->watch, SLOW_IO_READ | SLOW_IO_WRITE);
        }
    }
    return link->blocked || link->broken ? SLOW_E_AGAIN : SLOW_OK;
}

/* The core's wish. What was taken is still to arrive: but where bytes of the peer lie unread the kernel resets the connection,
 * and that overtakes what we sent. So they are read, and thrown away. */
static void close_link(void *self, void *cookie) {
    struct link *link = cookie;
    (void)self;
    if (link->cut != NULL && write_packet(link, link->cut))
        link->cut = NULL;
    shutdown(link->fd, SHUT_WR);
    for (int reads = 0; reads < 16 && recv(link->fd, link->in, sizeof link->in, 0) > 0;)
        reads++;
    link_free(link);
}

static void ready(void *arg, int fd, unsigned events) {
    struct link *link = arg;
    struct transport *t = link->transport;
    (void)fd;
    if ((events & SLOW_IO_WRITE) != 0 && link->blocked && !link->broken) {
        if (link->cut != NULL && write_packet(link, link->cut))
            link->cut = NULL;
        if (link->cut == NULL) {
            link->blocked = false;
            t->io->modify(link->watch, SLOW_IO_READ);
            t->up->writable(t->host, link->id);
        }
    }
    if (link->broken)
        t->io->modify(link->watch, SLOW_IO_READ);
    if ((events & SLOW_IO_READ) != 0)
        read_frames(link);
}

/* ---- 5. Listening and connecting ---- */

static void accept_ready(void *arg, int fd, unsigned events) {
    struct listener *listener = arg;
    struct sockaddr_in remote;
    socklen_t size = sizeof remote;
    (void)events;
    int accepted = accept4(fd, (struct sockaddr *)&remote, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0)
        return; /* the peer thought better of it */
    struct link *link = link_new(listener->transport, accepted, SLOW_IO_READ, ready);
    if (link == NULL)
        return;
    link->remote = remote;
    link_up(link);
}

static void listener_free(struct listener *listener) {
    struct transport *t = listener->transport;
    for (struct listener **at = &t->listeners; *at != NULL; at = &(*at)->next)
        if (*at == listener) {
            *at = listener->next;
            break;
        }
    t->io->unwatch(listener->watch);
    if (listener->fd >= 0)
        close(listener->fd);
    free(listener);
}

static slow_status listen_on(void *self, const char *address, char bound[128], slow_error *error) {
    struct transport *t = self;
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    int on = 1;
    slow_status status = parse(address, true, &at, error);
    if (status != SLOW_OK)
        return status;
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        return fail(error, SLOW_E_NOMEM, address, "no memory to listen");
    listener->transport = t;
    listener->next = t->listeners;
    t->listeners = listener;
    snprintf(listener->address, sizeof listener->address, "%s", address);
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0 || setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener->fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener->fd, SOMAXCONN) != 0 ||
        getsockname(listener->fd, (struct sockaddr *)&at, &size) != 0)
        status = fail(error, SLOW_E_FAIL, address, "cannot listen: %s",
                      errno == EADDRINUSE ? "the address is in use" : strerror(errno));
    else if ((listener->watch = t->io->watch(t->host, listener->fd, SLOW_IO_READ, accept_ready, listener)) == NULL)
        status = fail(error, SLOW_E_NOMEM, address, "the socket could not be watched: no memory");
    if (status != SLOW_OK)
        listener_free(listener);
    else
        print(&at, bound); /* with the real port, where 0 was asked for */
    return status;
}

static void unlisten(void *self, const char *address) {
    struct transport *t = self;
    for (struct listener *l = t->listeners; l != NULL; l = l->next)
        if (strcmp(l->address, address) == 0) {
            listener_free(l);
            return;
        }
}

/* The socket is writable when it is decided. */
static void connect_ready(void *arg, int fd, unsigned events) {
    struct link *link = arg;
    struct transport *t = link->transport;
    int failure = 0;
    socklen_t size = sizeof failure;
    (void)events;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
        failure = errno;
    t->io->unwatch(link->watch);
    link->watch = failure != 0 ? NULL : t->io->watch(t->host, fd, SLOW_IO_READ, ready, link);
    if (link->watch != NULL) {
        link_up(link);
        return;
    }
    char address[ADDRESS_SIZE];
    slow_error error;
    uint64_t dial = link->dial;
    print(&link->remote, address);
    fail(&error, SLOW_E_FAIL, address, "cannot connect: %s",
         failure == ECONNREFUSED ? "connection refused: nobody listens there"
                                 : strerror(failure != 0 ? failure : ENOMEM));
    link_free(link);
    t->up->dial_failed(t->host, dial, &error);
}

static slow_status connect_to(void *self, uint64_t dial, const char *address, slow_error *error) {
    struct transport *t = self;
    struct sockaddr_in to;
    slow_status status = parse(address, false, &to, error);
    if (status != SLOW_OK)
        return status;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        status = fail(error, SLOW_E_FAIL, address, "cannot connect: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return status;
    }
    struct link *link = link_new(t, fd, SLOW_IO_WRITE, connect_ready);
    if (link == NULL)
        return fail(error, SLOW_E_NOMEM, address, "no memory to connect");
    link->dial = dial;
    link->remote = to;
    return SLOW_OK;
}

static void cancel(void *self, uint64_t dial) {
    struct transport *t = self;
    for (struct link *link = t->links; link != NULL; link = link->next)
        if (link->id == 0 && link->dial == dial) {
            link_free(link);
            return;
        }
}

/* ---- 6. Life and tables ---- */

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    const slow_io *io = host->service(host, SLOW_IO_ID);
    const slow_transport_host *up = host->service(host, SLOW_TRANSPORT_HOST_ID);
    (void)config;
    if (io == NULL || up == NULL) /* in the simulator */
        return fail(error, SLOW_E_UNSUPPORTED, "", "transport-template needs a host with sockets (" SLOW_IO_ID ")");
    struct transport *t = calloc(1, sizeof *t);
    if (t == NULL)
        return fail(error, SLOW_E_NOMEM, "", "no memory for transport-template");
    *t = (struct transport){.host = host, .io = io, .up = up};
    *self = t;
    return SLOW_OK;
}

/* Nothing is called after this but destroy(), and the core wants to hear of nothing. */
static void stop(void *self) {
    struct transport *t = self;
    while (t->listeners != NULL)
        listener_free(t->listeners);
    while (t->links != NULL)
        close_link(t, t->links);
}

/* Give back whatever was taken; stop() did not come where start() did not. */
static void destroy(void *self) {
    stop(self);
    free(self);
}

static const slow_transport_ops ops = {
    .struct_size = sizeof ops, /* so that the host knows which members there are */
    .scheme = SCHEME,          /* a junction that joins template://... looks for transport-template */
    .max_segments = 1,         /* no trains of frames: see slow/packet.h */
    .check = check,
    .listen = listen_on,
    .unlisten = unlisten,
    .connect = connect_to,
    .cancel = cancel,
    .send = send_packets,
    .close = close_link,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_TRANSPORT,
    .id = "transport-template", /* the file's name without .so, and what a config calls it */
    .version = "1.0.0",
    .summary = "Frames over TCP and IPv4: a template to copy",
    .license = "MIT",
    .create = create,
    .stop = stop,
    .destroy = destroy,
    .ops = &ops,
};

static const slow_plugin *const plugins[] = {&plugin, NULL};
static const slow_module module = {
    .struct_size = sizeof module,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor_required = 0, /* nothing younger than ABI 1.0 is used */
    .build = __VERSION__,
    .plugins = plugins,
};

/* Defines the one symbol that the shared object exports. */
SLOW_MODULE(transport_template, &module)
