/* unix.c - transport-unix: links between processes of one machine, over Unix sockets that keep frames apart.
 *
 *   listener.c  the socket's file, and accepting     link.c  a link's birth and end, frames in and out
 *
 * An application that embeds a junction and the router beside it need no port, no IP stack and no firewall, and who may
 * connect is a matter of the file's permissions. SOCK_SEQPACKET (unix(7)) is a connection, lossless and in order, whose
 * packets keep their boundaries: a frame is a packet, and there is nothing to frame, cut or put together. Rejected:
 * SOCK_STREAM, which needs all that; SOCK_DGRAM, which does not tell of the other end's death.
 *
 * An address is unix:///PATH. It has no port, so for the core all of it is the host. The end that dialled has no file: it
 * is called unix://uid-USER:NAME, where NAME is what the kernel makes up (autobind, unix(7)). So all that one user dials comes
 * from one host, as it is with IP.
 *
 * connect() on such a socket never waits, but for a listener whose backlog is full: then it is tried again until the core
 * gives the dial up. It is made by a timer, since a dial must not end inside the call that begins it.
 *
 * This plugin uses nothing but the installed SDK: `cmake -S . -B build` in a copy of this folder builds it. */
#include "unix.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_NS UINT64_C(20000000)

static const char *const access_choices[] = {"owner", "group", "everyone", NULL};

static const slow_option options[] = {
    {.key = "mtu",
     .type = SLOW_OPT_INT,
     .offset = offsetof(unix_config, mtu),
     .default_text = "16384",
     .min = SLOW_FRAME_FLOOR,
     .max = UNIX_FRAME_MAX,
     .help = "bytes to which frames are filled"},
    {.key = "access",
     .type = SLOW_OPT_ENUM,
     .offset = offsetof(unix_config, access),
     .default_text = "owner",
     .choices = access_choices,
     .help =
         "who may connect to the sockets on which it listens: their owner, his group too, or everyone on this machine"},
    {.key = NULL},
};

slow_status unix_error(slow_error *error, slow_status code, const char *where, const char *format, ...) {
    if (error == NULL)
        return code;
    va_list arguments;
    *error = (slow_error){.code = code};
    snprintf(error->where, sizeof error->where, "%s", where);
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    for (char *c = error->where; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return code;
}

/* ---- addresses */

slow_status unix_parse(const char *address, struct sockaddr_un *out, slow_error *error) {
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    const char *path = address + strlen(UNIX_PREFIX);
    if (strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) != 0 || path[0] != '/')
        return unix_error(error, SLOW_E_INVAL, address,
                          "expected unix:// and the whole path of a socket, as in unix:///run/slow/junction");
    size_t size = strlen(path);
    if (size >= sizeof out->sun_path)
        return unix_error(error, SLOW_E_INVAL, address,
                          "the path of a Unix socket has at most %zu bytes, this one has %zu; choose a shorter one",
                          sizeof out->sun_path - 1, size);
    for (const char *c = path; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || strchr("\x7f:[]", *c) != NULL)
            return unix_error(error, SLOW_E_INVAL, address,
                              "a path with ':', brackets or control characters is no address: they part host and port");
    if (path[size - 1] == '/')
        return unix_error(error, SLOW_E_INVAL, address, "that is a folder; expected the path of a socket in it");
    memcpy(out->sun_path, path, size);
    return SLOW_OK;
}

static slow_status check(const char *address, bool listen, uint32_t *flags, slow_error *error) {
    struct sockaddr_un at;
    (void)listen;
    slow_status status = unix_parse(address, &at, error);
    if (status == SLOW_OK)
        *flags = SLOW_LINK_LOCAL;
    return status;
}

/* ---- dialling */

static void dial_failed(unix_transport *t, const unix_dial *d, const char *address, int failure) {
    slow_error error;
    if (failure == ENOENT)
        unix_error(&error, SLOW_E_FAIL, address, "there is no socket of that name; is the junction running?");
    else if (failure == ECONNREFUSED)
        unix_error(&error, SLOW_E_FAIL, address, "connection refused: nobody listens on that socket any more");
    else if (failure == EACCES || failure == EPERM)
        unix_error(&error, SLOW_E_FAIL, address,
                   "permission denied: who listens there says who may connect (its option \"access\")");
    else if (failure == EPROTOTYPE)
        unix_error(&error, SLOW_E_FAIL, address, "a socket of another kind is there; a junction's is SOCK_SEQPACKET");
    else
        unix_error(&error, failure == ENOMEM ? SLOW_E_NOMEM : SLOW_E_FAIL, address, "cannot connect: %s",
                   strerror(failure));
    t->up->dial_failed(t->host, d->id, &error);
}

/* A descriptor, or -errno. The name of our end is the kernel's: 5 hexadecimal digits behind a zero byte. */
static int attempt(const unix_dial *d, char local[UNIX_ADDRESS_SIZE]) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    socklen_t size = sizeof at;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&at, sizeof at.sun_family) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0 ||
        connect(fd, (const struct sockaddr *)&d->to, sizeof d->to) != 0) {
        int failure = errno;
        close(fd);
        return -failure;
    }
    snprintf(local, UNIX_ADDRESS_SIZE, UNIX_PREFIX "uid-%lu:%.5s", (unsigned long)geteuid(), at.sun_path + 1);
    return fd;
}

static void dials_due(void *arg) {
    unix_transport *t = arg;
    bool wait = false;
    for (unix_dial **at = &t->dials, *d; (d = *at) != NULL;) {
        char local[UNIX_ADDRESS_SIZE], remote[UNIX_ADDRESS_SIZE];
        int fd = attempt(d, local);
        if (fd == -EAGAIN) {
            wait = true;
            at = &d->next;
            continue;
        }
        *at = d->next;
        snprintf(remote, sizeof remote, UNIX_PREFIX "%s", d->to.sun_path);
        if (fd < 0)
            dial_failed(t, d, remote, -fd);
        else if (!unix_link_open(t, fd, local, remote, d->id))
            dial_failed(t, d, remote, ENOMEM);
        free(d);
    }
    if (wait)
        t->host->timer_at(t->soon, t->host->now(t->host) + RETRY_NS);
}

static slow_status connect_to(void *self, uint64_t id, const char *address, slow_error *error) {
    unix_transport *t = self;
    struct sockaddr_un to;
    slow_status status = unix_parse(address, &to, error);
    if (status != SLOW_OK)
        return status;
    unix_dial *d = calloc(1, sizeof *d), **last = &t->dials;
    if (d == NULL)
        return unix_error(error, SLOW_E_NOMEM, address, "no memory to connect");
    d->id = id;
    d->to = to;
    while (*last != NULL)
        last = &(*last)->next;
    *last = d;
    t->host->timer_at(t->soon, t->host->now(t->host));
    return SLOW_OK;
}

static void cancel(void *self, uint64_t id) {
    unix_transport *t = self;
    for (unix_dial **at = &t->dials, *d; (d = *at) != NULL; at = &d->next)
        if (d->id == id) {
            *at = d->next;
            free(d);
            return;
        }
}

/* ---- life */

static void stop(void *self) {
    unix_transport *t = self;
    while (t->dials != NULL)
        cancel(t, t->dials->id);
    unix_listeners_close(t);
    while (t->links != NULL)
        unix_close(t, t->links);
}

static void destroy(void *self) {
    unix_transport *t = self;
    stop(t);
    t->host->timer_free(t->soon);
    t->host->timer_free(t->resume);
    free(t->buffer);
    free(t);
}

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    const slow_io *io = host->service(host, SLOW_IO_ID);
    const slow_transport_host *up = host->service(host, SLOW_TRANSPORT_HOST_ID);
    if (io == NULL || up == NULL)
        return unix_error(error, SLOW_E_UNSUPPORTED, "", "transport-unix needs a host with sockets (" SLOW_IO_ID ")");
    unix_transport *t = calloc(1, sizeof *t);
    if (t == NULL)
        return unix_error(error, SLOW_E_NOMEM, "", "no memory for transport-unix");
    *t = (unix_transport){.host = host, .io = io, .up = up, .config = config};
    t->soon = host->timer_new(host, dials_due, t);
    t->resume = host->timer_new(host, unix_resume, t);
    t->buffer = unix_buffer_new();
    if (t->soon == NULL || t->resume == NULL || t->buffer == NULL) {
        destroy(t);
        return unix_error(error, SLOW_E_NOMEM, "", "no memory for transport-unix");
    }
    *self = t;
    return SLOW_OK;
}

static const slow_transport_ops ops = {
    .struct_size = sizeof ops,
    .scheme = UNIX_SCHEME,
    .max_segments = 1,
    .check = check,
    .listen = unix_listen,
    .unlisten = unix_unlisten,
    .connect = connect_to,
    .cancel = cancel,
    .send = unix_send,
    .close = unix_close,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_TRANSPORT,
    .id = "transport-unix",
    .version = "1.0.0",
    .summary = "Links between processes of one machine: unix:///PATH",
    .license = "MIT",
    .options = options,
    .config_size = sizeof(unix_config),
    .create = create,
    .stop = stop,
    .destroy = destroy,
    .ops = &ops,
};

static const slow_plugin *const plugins[] = {&plugin, NULL};
static const slow_module module = {
    .struct_size = sizeof module,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor_required = 0,
    .build = __VERSION__,
    .plugins = plugins,
};

SLOW_MODULE(transport_unix, &module)
