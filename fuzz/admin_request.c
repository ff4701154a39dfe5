/* Any bytes as requests on the admin socket: a whole junction with its routes, its mailbag and its inbox, on a Unix socket of
 * its own. Who may connect is the operator, and what programs he gives the socket to: they are not hostile, but what they
 * pass on may be anybody's words (ids, addresses, messages).
 *
 * evhttp reads the HTTP, and what comes behind it is ours: path, query, body. So the input is a row of requests, each a byte
 * that chooses the route and whether the connection is cut after it; then the query and the body, each with its size in
 * front. The harness writes a well-formed head around them; one choice is bytes as they are, head and all.
 *
 * The transports have the names of the real ones, and dial nobody: what an input joins must not leave this process. */
#include <fcntl.h>
#include <poll.h>
#include <slow/junction.h>
#include <slow/plugin.h>
#include <slow/transport.h>
#include <slow/wire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS_MAX = 16, TURNS = 4, REQUEST_MAX = 8192, RAW = 0x3f, CUT = 0x80 };

static void must(bool holds, const char *what) {
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

/* ---- transports that reach nobody ---- */

static slow_status deaf_check(const char *address, bool listen, uint32_t *flags, slow_error *error) {
    (void)address;
    (void)listen;
    (void)error;
    *flags = SLOW_LINK_LOCAL;
    return SLOW_OK;
}

static slow_status deaf_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)config;
    (void)error;
    *self = (void *)(uintptr_t)host;
    return SLOW_OK;
}

static void deaf_destroy(void *self) {
    (void)self;
}

static slow_status deaf_listen(void *self, const char *address, char bound[128], slow_error *error) {
    (void)self;
    (void)error;
    snprintf(bound, 128, "%s", address);
    return SLOW_OK;
}

static void deaf_unlisten(void *self, const char *address) {
    (void)self;
    (void)address;
}

static slow_status deaf_connect(void *self, uint64_t dial, const char *address, slow_error *error) {
    (void)self;
    (void)dial;
    (void)address;
    (void)error;
    return SLOW_OK;
}

static void deaf_cancel(void *self, uint64_t dial) {
    (void)self;
    (void)dial;
}

static slow_status deaf_send(void *self, void *cookie, slow_packet *const *packets, size_t n, size_t *taken) {
    (void)self;
    (void)cookie;
    (void)packets;
    (void)n;
    *taken = 0;
    return SLOW_E_AGAIN;
}

static void deaf_close(void *self, void *cookie) {
    (void)self;
    (void)cookie;
}

#define DEAF_OPS(name)                                                                                     \
    {                                                                                                      \
        .struct_size = sizeof(slow_transport_ops), .scheme = name, .max_segments = 1, .check = deaf_check, \
        .listen = deaf_listen, .unlisten = deaf_unlisten, .connect = deaf_connect, .cancel = deaf_cancel,  \
        .send = deaf_send, .close = deaf_close                                                             \
    }
#define DEAF_PLUGIN(name, table)                                                                                    \
    {                                                                                                               \
        .struct_size = sizeof(slow_plugin), .kind = SLOW_TRANSPORT, .id = name, .version = "1",                     \
        .summary = "Reaches nobody", .license = "MIT", .create = deaf_create, .destroy = deaf_destroy, .ops = table \
    }
static const slow_transport_ops udp_ops = DEAF_OPS("udp"), tcp_ops = DEAF_OPS("tcp");
static const slow_plugin udp_plugin = DEAF_PLUGIN("transport-udp", &udp_ops),
                         tcp_plugin = DEAF_PLUGIN("transport-tcp", &tcp_ops);
static const slow_plugin *const deaf_plugins[] = {&udp_plugin, &tcp_plugin, NULL};
static const slow_module deaf_module = {.struct_size = sizeof deaf_module,
                                        .abi_major = SLOW_ABI_MAJOR,
                                        .abi_minor_required = SLOW_ABI_MINOR,
                                        .build = __VERSION__,
                                        .plugins = deaf_plugins};
static const slow_module *deaf_entry(void) {
    return &deaf_module;
}

const slow_module *slow_module_v1_routing_distance_vector(void);
const slow_module *slow_module_v1_routing_flooding(void);
const slow_module *slow_module_v1_codec_json(void);
const slow_module *slow_module_v1_codec_protobuf(void);
const slow_module *slow_module_v1_security_none(void);
const slow_module_fn slow_static_modules[] = {deaf_entry,
                                              slow_module_v1_routing_distance_vector,
                                              slow_module_v1_routing_flooding,
                                              slow_module_v1_codec_json,
                                              slow_module_v1_codec_protobuf,
                                              slow_module_v1_security_none,
                                              NULL};

/* ---- the junction ---- */

typedef struct harness {
    char folder[64], socket[96];
    slow_junction *junction;
    int fd; /* the client's; -1 = none */
} harness;

static void harness_open(harness *h) {
    char text[256];
    slow_error error = {.text = ""};
    slow_options options = SLOW_OPTIONS_INIT;
    options.thread = SLOW_THREAD_CALLER;
    strcpy(h->folder, "/tmp/slow-fuzz-XXXXXX");
    must(mkdtemp(h->folder) != NULL, "there is room for a socket");
    snprintf(h->socket, sizeof h->socket, "%s/s", h->folder);
    int size = snprintf(text, sizeof text, "{\"id\":\"me\",\"admin\":{\"socket\":\"%s\"}}", h->socket);
    h->fd = -1;
    h->junction = slow_junction_open_text("fuzz", text, (size_t)size, &options, &error);
    must(h->junction != NULL, error.text);
}

static void harness_close(harness *h) {
    if (h->fd >= 0)
        close(h->fd);
    slow_junction_free(h->junction);
    must(rmdir(h->folder) == 0, "the junction takes its socket with it");
}

static void turns(harness *h) {
    char answer[65536];
    for (int i = 0; i < TURNS; i++) {
        slow_junction_step(h->junction, 0);
        while (h->fd >= 0 && recv(h->fd, answer, sizeof answer, MSG_DONTWAIT) > 0)
            ;
    }
}

/* ---- requests ---- */

static void dial(harness *h) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (h->fd >= 0)
        return;
    h->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", h->socket);
    must(h->fd >= 0 && connect(h->fd, (const struct sockaddr *)&to, sizeof to) == 0, "the admin socket answers");
}

static void say(harness *h, const void *bytes, size_t size) {
    if (send(h->fd, bytes, size, MSG_NOSIGNAL) < 0) { /* it hung up on us, or has not read what came before */
        close(h->fd);
        h->fd = -1;
        dial(h);
    }
}

static slow_bytes sized(slow_reader *in) {
    size_t size = slow_read_u16(in), left = slow_reader_left(in);
    size = size < left ? size : left;
    size = size < REQUEST_MAX / 2 ? size : REQUEST_MAX / 2;
    return (slow_bytes){slow_read_bytes(in, size), size};
}

static void say_request(harness *h, uint8_t choice, slow_reader *in) {
    static const char *const routes[] = {
        "GET /v1/status",          "GET /v1/neighbours",      "GET /v1/routes",       "GET /v1/peers",
        "GET /v1/plugins",         "GET /v1/routing",         "POST /v1/routing/add", "POST /v1/routing/prefer",
        "POST /v1/routing/remove", "POST /v1/ping",           "POST /v1/trace",       "POST /v1/send",
        "POST /v1/recv",           "POST /v1/join",           "POST /v1/leave",       "PUT /v1/send",
        "GET /v1/members",         "POST /v1/members/reload",
    };
    char request[REQUEST_MAX + 256];
    slow_bytes query = sized(in), body = sized(in);
    bool has_query = query.size > 0;
    int size = snprintf(request, sizeof request, "%s%s%.*s HTTP/1.1\r\nHost: slow\r\nContent-Length: %zu\r\n\r\n",
                        routes[choice % (sizeof routes / sizeof routes[0])], has_query ? "?" : "",
                        has_query ? (int)query.size : 0, has_query ? (const char *)query.data : "", body.size);
    if (body.size > 0)
        memcpy(request + size, body.data, body.size);
    say(h, request, (size_t)size + body.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    harness h;
    slow_reader in = slow_reader_of((slow_bytes){data, size});
    harness_open(&h);
    for (int i = 0; i < REQUESTS_MAX && slow_reader_left(&in) > 0; i++) {
        uint8_t choice = slow_read_u8(&in);
        dial(&h);
        if ((choice & RAW) == RAW) {
            slow_bytes raw = sized(&in);
            if (raw.size > 0)
                say(&h, raw.data, raw.size);
        } else
            say_request(&h, choice & RAW, &in);
        turns(&h);
        if (choice & CUT) {
            close(h.fd);
            h.fd = -1;
            turns(&h);
        }
    }
    harness_close(&h);
    return 0;
}
