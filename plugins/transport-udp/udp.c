/* udp.c - transport-udp: links over UDP, one datagram a frame.
 *
 * Each listening address is one unconnected socket for IPv4 or IPv6, whose links are told apart by the peer's address
 * (peers.c), until each gets a connected socket beside it (own.c). Each dial is one connected socket with a port of its
 * own: the kernel then filters by peer, finds the route once, and tells which port was closed. There is no handshake
 * here, no keep-alive and no roaming: the core opens links, probes them, and drops what comes from another address. A
 * frame that is lost is lost.
 *
 *   link.c    a link's birth and death        read.c    recvmmsg, GRO
 *   socket.c  a socket's options              write.c   sendmmsg, GSO, falling back by steps
 *   peers.c   address → link                  icmp.c    a closed port, believed only with proof
 *   own.c     a socket for one peer           ../common addresses, binding, dials, carrier
 *
 * Rejected: one socket for dials and listening, whose links would come from the well-known port and so look alike from
 * both ends: then of two links that are dialled at the same moment one would be swallowed by the other's address.
 * SO_REUSEADDR or SO_REUSEPORT before a listener is bound, which would let a second program that was started by mistake
 * take half of the datagrams. */
#include "udp.h"
#include "../common/error.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const slow_option udp_options[] = {
    {.key = "mtu",
     .type = SLOW_OPT_INT,
     .offset = offsetof(udp_config, mtu),
     .default_text = "1400",
     .min = 1280,
     .max = 65000,
     .help = "bytes to which frames are filled: what the path carries in one piece, less 28 (IPv4) or 48 (IPv6)"},
    {.key = "send_buffer",
     .type = SLOW_OPT_INT,
     .offset = offsetof(udp_config, send_buffer),
     .default_text = "1048576",
     .min = 4096,
     .max = 1 << 30,
     .help = "SO_SNDBUF in bytes; the kernel caps it at net.core.wmem_max"},
    {.key = "receive_buffer",
     .type = SLOW_OPT_INT,
     .offset = offsetof(udp_config, receive_buffer),
     .default_text = "4194304",
     .min = 4096,
     .max = 1 << 30,
     .help = "SO_RCVBUF in bytes; the kernel caps it at net.core.rmem_max"},
    {.key = "own_sockets",
     .type = SLOW_OPT_INT,
     .offset = offsetof(udp_config, own_sockets),
     .default_text = "256",
     .min = 0,
     .max = UDP_LINKS_MAX,
     .help = "how many of the links that came to us may have a socket, and so a receive buffer, of their own"},
    {.key = "gso",
     .type = SLOW_OPT_BOOL,
     .offset = offsetof(udp_config, gso),
     .default_text = "true",
     .help = "let the kernel cut trains into datagrams (UDP_SEGMENT) where it can"},
    {.key = "gro",
     .type = SLOW_OPT_BOOL,
     .offset = offsetof(udp_config, gro),
     .default_text = "true",
     .help = "let the kernel join datagrams of one peer (UDP_GRO) where it can"},
    {.key = NULL},
};

static slow_status check(const char *text, bool listen, uint32_t *flags, slow_error *error) {
    return address_check(UDP_SCHEME, text, listen, flags, error);
}

/* ---- listening ---- */

/* An address that was given up while links still lived on its socket, and is wanted again. */
static bool listen_again(udp *u, const char *name, char bound_text[128]) {
    bool found = false;
    for (udp_socket *s = u->sockets; s != NULL; s = s->next) {
        if (!s->listens || !s->retired || (strcmp(s->name, name) != 0 && strcmp(s->text, name) != 0))
            continue;
        s->retired = false;
        snprintf(s->name, sizeof s->name, "%s", name);
        snprintf(bound_text, 128, "%s", s->text);
        found = true;
    }
    return found;
}

static void unlisten(void *self, const char *name) {
    udp *u = self;
    for (udp_socket *s = u->sockets, *next; s != NULL; s = next) {
        next = s->next;
        if (!s->listens || strcmp(s->name, name) != 0)
            continue;
        s->retired = true;
        if (s->peers.count == 0)
            udp_socket_close(s);
    }
}

static slow_status listen_on(void *self, const char *name, char bound_text[128], slow_error *error) {
    udp *u = self;
    udp_socket *opened[BIND_SOCKETS];
    bound b;
    if (listen_again(u, name, bound_text))
        return SLOW_OK;
    slow_status status = bind_open(UDP_SCHEME, name, SOCK_DGRAM, &b, error);
    if (status != SLOW_OK)
        return status;
    size_t count = 0;
    while (count < b.count && status == SLOW_OK) {
        status = udp_socket_open(u, b.fd[count], &b.local[count], &opened[count], error);
        if (status != SLOW_OK)
            break;
        udp_socket *s = opened[count++];
        s->listens = true;
        s->listener = s;
        snprintf(s->name, sizeof s->name, "%s", name);
        snprintf(s->text, sizeof s->text, "%s", b.text);
    }
    if (status == SLOW_OK) {
        snprintf(bound_text, 128, "%s", b.text);
        return SLOW_OK;
    }
    for (size_t i = count; i < b.count; i++)
        close(b.fd[i]);
    while (count > 0)
        udp_socket_close(opened[--count]);
    return status;
}

/* ---- dialling ---- */

/* One address of a dial: a socket that is connected is a link at once. */
static slow_status attempt(void *self, dial *d, const address *to, slow_error *error) {
    udp *u = self;
    udp_socket *s;
    char where[ADDRESS_TEXT];
    address local = {.size = sizeof local.at};
    slow_status status;
    address_print(to, UDP_SCHEME, where);
    int fd = socket(to->at.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, &to->at.any, to->size) != 0 || getsockname(fd, &local.at.any, &local.size) != 0)
        status = error_set(error, SLOW_E_FAIL, where, "cannot connect: %s", strerror(errno));
    else if (address_equal(&local, to)) /* the free port that the kernel picked was the very one that is dialled */
        status = error_set(error, SLOW_E_FAIL, where, "nobody listens there");
    else
        status = udp_socket_open(u, fd, &local, &s, error);
    if (status != SLOW_OK) {
        if (fd >= 0)
            close(fd);
        return status;
    }
    udp_link *link = udp_link_new(s, to, &local);
    if (link == NULL) {
        udp_socket_close(s);
        return error_set(error, SLOW_E_NOMEM, where, "no memory for a link, or %u links already", UDP_LINKS_MAX);
    }
    uint64_t id = d->id;
    dial_done(d);
    udp_link_born(link, id);
    return SLOW_OK;
}

static slow_status dial_address(void *self, uint64_t id, const char *text, slow_error *error) {
    return dial_start(&((udp *)self)->dials, id, text, error);
}

static void cancel(void *self, uint64_t id) {
    dial_cancel(&((udp *)self)->dials, id);
}

/* What send() took went to the kernel then and there, but for the rest of a train. */
static void close_link(void *self, void *cookie) {
    udp_link *link = cookie;
    udp_socket *s = link->socket;
    (void)self;
    if (s->cut_link == link)
        udp_write_rest(s);
    udp_link_free(link);
}

/* ---- life ---- */

static void stop(void *self) {
    udp *u = self;
    dials_close(&u->dials);
    while (u->sockets != NULL)
        udp_socket_empty(u->sockets);
    carrier_free(u->carrier);
    u->carrier = NULL;
}

static void destroy(void *self) {
    udp *u = self;
    stop(u);
    u->host->timer_free(u->soon);
    free(u->read_buffer);
    free(u);
}

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    udp *u = calloc(1, sizeof *u);
    if (u == NULL)
        return error_set(error, SLOW_E_NOMEM, "", "no memory for transport-udp");
    u->host = host;
    u->config = config;
    u->io = host->service(host, SLOW_IO_ID);
    u->up = host->service(host, SLOW_TRANSPORT_HOST_ID);
    u->dials = (dials){.host = host,
                       .resolve = host->service(host, SLOW_RESOLVE_ID),
                       .up = u->up,
                       .scheme = UDP_SCHEME,
                       .attempt = attempt,
                       .arg = u};
    slow_status status = SLOW_OK;
    if (u->io == NULL || u->up == NULL)
        status = error_set(error, SLOW_E_UNSUPPORTED, "", "transport-udp needs a host with sockets (slow.io/1)");
    else
        status = dials_open(&u->dials, error);
    if (status == SLOW_OK) {
        u->soon = host->timer_new(host, udp_bury, u);
        u->read_buffer = udp_read_buffer_new();
        if (u->soon == NULL || u->read_buffer == NULL)
            status = error_set(error, SLOW_E_NOMEM, "", "no memory for transport-udp");
    }
    if (status == SLOW_OK)
        *self = u;
    else
        destroy(u);
    return status;
}

static slow_status start(void *self, slow_error *error) {
    udp *u = self;
    u->host->entropy(u->host, u->hash_key, sizeof u->hash_key);
    udp_probe(u);
    u->carrier = carrier_new(u->host, u->io, udp_carrier_changed, u);
    return u->carrier != NULL ? SLOW_OK : error_set(error, SLOW_E_NOMEM, "", "no memory to watch the interfaces");
}

static const slow_transport_ops udp_ops = {
    .struct_size = sizeof udp_ops,
    .scheme = UDP_SCHEME,
    .max_segments = UDP_TRAIN_FRAMES,
    .check = check,
    .listen = listen_on,
    .unlisten = unlisten,
    .connect = dial_address,
    .cancel = cancel,
    .send = udp_send,
    .close = close_link,
};

static const slow_plugin udp_plugin = {
    .struct_size = sizeof udp_plugin,
    .kind = SLOW_TRANSPORT,
    .id = "transport-udp",
    .version = "1.0.0",
    .summary = "Links over UDP (IPv4, IPv6): udp://HOST:PORT",
    .license = "MIT",
    .options = udp_options,
    .config_size = sizeof(udp_config),
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .ops = &udp_ops,
};

static const slow_plugin *const udp_plugins[] = {&udp_plugin, NULL};
static const slow_module udp_module = {
    .struct_size = sizeof udp_module,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor_required = SLOW_ABI_MINOR,
    .build = __VERSION__,
    .plugins = udp_plugins,
};

SLOW_MODULE(transport_udp, &udp_module)
