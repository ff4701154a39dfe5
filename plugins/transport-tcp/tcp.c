/* tcp.c - transport-tcp: links over TCP, each frame behind its size in two bytes.
 *
 *   link.c      a link's birth, death and orderly close     read.c   bytes into frames
 *   listener.c  accepting                                   write.c  frames into bytes
 *   dialler.c   connecting                                  ../common addresses, binding, dials, carrier
 *
 * The MTU is the size to which the core fills frames, 16 KiB unless configured: a stream has none of its own, a larger
 * frame saves a tag and a header, and a smaller one lets what is urgent in sooner.
 *
 * Raw sockets and readiness, no bufferevents: these cost three times as much a message, for their copies and locks. */
#include "tcp.h"
#include "../common/error.h"
#include <stdlib.h>

static const slow_option tcp_options[] = {
    {.key = "mtu",
     .type = SLOW_OPT_INT,
     .offset = offsetof(tcp_config, mtu),
     .default_text = "16384",
     .min = 2048,
     .max = TCP_FRAME_MAX,
     .help = "bytes to which frames are filled"},
    {.key = NULL},
};

static slow_status check(const char *text, bool listen, uint32_t *flags, slow_error *error) {
    return address_check(TCP_SCHEME, text, listen, flags, error);
}

static slow_status connect_to(void *self, uint64_t dial_id, const char *text, slow_error *error) {
    return dial_start(&((tcp *)self)->dials, dial_id, text, error);
}

static void cancel(void *self, uint64_t dial_id) {
    dial_cancel(&((tcp *)self)->dials, dial_id);
}

static void stop(void *self) {
    tcp *t = self;
    dials_close(&t->dials);
    tcp_listeners_close(t);
    while (t->links != NULL)
        tcp_close(t, t->links);
    carrier_free(t->carrier);
    t->carrier = NULL;
}

static void destroy(void *self) {
    tcp *t = self;
    stop(t);
    t->host->timer_free(t->soon);
    t->host->timer_free(t->resume);
    free(t->scratch);
    free(t);
}

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    tcp *t = calloc(1, sizeof *t);
    if (t == NULL)
        return error_set(error, SLOW_E_NOMEM, "", "no memory for transport-tcp");
    t->host = host;
    t->config = config;
    t->io = host->service(host, SLOW_IO_ID);
    t->up = host->service(host, SLOW_TRANSPORT_HOST_ID);
    t->dials = (dials){.host = host,
                       .resolve = host->service(host, SLOW_RESOLVE_ID),
                       .up = t->up,
                       .scheme = TCP_SCHEME,
                       .attempt = tcp_attempt_start,
                       .abandon = tcp_attempt_abandon,
                       .arg = t};
    slow_status status = SLOW_OK;
    if (t->io == NULL || t->up == NULL)
        status = error_set(error, SLOW_E_UNSUPPORTED, "", "transport-tcp needs a host with sockets (slow.io/1)");
    else
        status = dials_open(&t->dials, error);
    if (status == SLOW_OK) {
        t->soon = host->timer_new(host, tcp_bury, t);
        t->resume = host->timer_new(host, tcp_resume, t);
        t->scratch = malloc(1 + TCP_READ_SIZE);
        if (t->soon == NULL || t->resume == NULL || t->scratch == NULL)
            status = error_set(error, SLOW_E_NOMEM, "", "no memory for transport-tcp");
    }
    if (status == SLOW_OK)
        *self = t;
    else
        destroy(t);
    return status;
}

static slow_status start(void *self, slow_error *error) {
    tcp *t = self;
    t->carrier = carrier_new(t->host, t->io, tcp_carrier_changed, t);
    return t->carrier != NULL ? SLOW_OK : error_set(error, SLOW_E_NOMEM, "", "no memory to watch the interfaces");
}

static const slow_transport_ops tcp_ops = {
    .struct_size = sizeof tcp_ops,
    .scheme = TCP_SCHEME,
    .max_segments = 1,
    .check = check,
    .listen = tcp_listen,
    .unlisten = tcp_unlisten,
    .connect = connect_to,
    .cancel = cancel,
    .send = tcp_send,
    .close = tcp_close,
};

static const slow_plugin tcp_plugin = {
    .struct_size = sizeof tcp_plugin,
    .kind = SLOW_TRANSPORT,
    .id = "transport-tcp",
    .version = "1.0.0",
    .summary = "Links over TCP (IPv4, IPv6): tcp://HOST:PORT",
    .license = "MIT",
    .options = tcp_options,
    .config_size = sizeof(tcp_config),
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .ops = &tcp_ops,
};

static const slow_plugin *const tcp_plugins[] = {&tcp_plugin, NULL};
static const slow_module tcp_module = {
    .struct_size = sizeof tcp_module,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor_required = SLOW_ABI_MINOR,
    .build = __VERSION__,
    .plugins = tcp_plugins,
};

SLOW_MODULE(transport_tcp, &tcp_module)
