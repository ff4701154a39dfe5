/* transport_host.c - the stand-in for the core above a transport: it writes down what it is told, and answers as
 * bidden. */
#include "transport_suite.h"
#include "core/instance.h"
#include "core/loop_libevent.h"
#include "core/option.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <cmocka.h>

#define PATIENCE (20 * SL_SECOND)

struct world {
    sl_loop *loop;
    sl_pool *pool;
    sl_log log;
    bool lose_names;
};

/* ---- what the transport tells ---- */

static node *node_of(const slow_host *host) {
    return sl_instance_layer(host);
}

static heard_link *link_of(node *n, slow_link id) {
    assert_true(id > 0 && id <= n->link_count);
    heard_link *link = &n->links[id - 1];
    if (link->closed || link->down)
        n->after_close++;
    return link;
}

static slow_link on_link_up(const slow_host *host, void *cookie, const slow_link_info *info) {
    node *n = node_of(host);
    n->ups++;
    if (n->refuse)
        return 0;
    assert_true(n->link_count < NODE_LINKS);
    heard_link *link = &n->links[n->link_count++];
    *link =
        (heard_link){.id = n->link_count, .cookie = cookie, .dial = info->dial, .mtu = info->mtu, .flags = info->flags};
    snprintf(link->local, sizeof link->local, "%s", info->local);
    snprintf(link->remote, sizeof link->remote, "%s", info->remote);
    return link->id;
}

static void on_link_down(const slow_host *host, slow_link id, slow_status why) {
    node *n = node_of(host);
    heard_link *link = link_of(n, id);
    link->down = true;
    link->why = why;
    n->downs++;
}

static void keep_frame(node *n, slow_link link, const slow_slice *slice) {
    if (n->frame_count == n->frame_room) {
        n->frame_room = n->frame_room > 0 ? n->frame_room * 2 : 64;
        n->frames = realloc(n->frames, n->frame_room * sizeof *n->frames);
        assert_non_null(n->frames);
    }
    heard_frame *frame = &n->frames[n->frame_count++];
    *frame = (heard_frame){.link = link, .size = slice->size, .bytes = malloc(slice->size)};
    assert_non_null(frame->bytes);
    memcpy(frame->bytes, slice->data, slice->size);
}

static slow_status on_receive(const slow_host *host, slow_link id, slow_slice *slices, size_t count) {
    node *n = node_of(host);
    heard_link *link = link_of(n, id);
    assert_true(count > 0);
    link->calls++;
    for (size_t i = 0; i < count; i++) {
        link->frames++;
        link->bytes += slices[i].size;
        keep_frame(n, id, &slices[i]);
        memset(slices[i].data, 0xee, slices[i].size); /* frames are opened in place: they are ours to write */
    }
    return n->say_again ? SLOW_E_AGAIN : SLOW_OK;
}

static void on_writable(const slow_host *host, slow_link id) {
    node *n = node_of(host);
    if (id != 0)
        link_of(n, id)->writable++;
    for (uint32_t i = 0; id == 0 && i < n->link_count; i++)
        n->links[i].writable++;
}

static void on_dial_failed(const slow_host *host, uint64_t dial, const slow_error *error) {
    node *n = node_of(host);
    n->failed_dial = dial;
    n->failure = *error;
}

static const slow_transport_host transport_host = {
    .struct_size = sizeof transport_host,
    .link_up = on_link_up,
    .link_down = on_link_down,
    .receive = on_receive,
    .writable = on_writable,
    .dial_failed = on_dial_failed,
};

/* ---- a resolver that finds nothing ---- */

typedef struct lost_name {
    sl_timer *timer;
    void (*done)(void *, const slow_bytes *, size_t, const slow_error *);
    void *arg;
} lost_name;

static void lost_cancel(void *request) {
    lost_name *lost = request;
    sl_timer_free(lost->timer);
    free(lost);
}

static void lost_fired(void *arg) {
    lost_name lost = *(lost_name *)arg;
    slow_error error = {.code = SLOW_E_FAIL, .text = "the name was not found"};
    lost_cancel(arg);
    lost.done(lost.arg, NULL, 0, &error);
}

static void *lost_start(const slow_host *host, const char *name, uint16_t port,
                        void (*done)(void *, const slow_bytes *, size_t, const slow_error *), void *arg) {
    sl_loop *loop = node_of(host)->world->loop;
    lost_name *lost = calloc(1, sizeof *lost);
    (void)name;
    (void)port;
    assert_non_null(lost);
    *lost = (lost_name){.timer = sl_timer_new(loop, lost_fired, lost), .done = done, .arg = arg};
    assert_non_null(lost->timer);
    sl_timer_at(lost->timer, sl_now(loop));
    return lost;
}

static const slow_resolve lost_resolve = {
    .struct_size = sizeof lost_resolve, .start = lost_start, .cancel = lost_cancel};

static const sl_service services[] = {{SLOW_TRANSPORT_HOST_ID, &transport_host}, {NULL, NULL}};
static const sl_service nameless_services[] = {
    {SLOW_TRANSPORT_HOST_ID, &transport_host}, {SLOW_RESOLVE_ID, &lost_resolve}, {NULL, NULL}};

/* ---- the world ---- */

static void on_log(void *arg, int level, const char *who, const char *text) {
    (void)arg;
    (void)level;
    fprintf(stderr, "%s: %s\n", who, text);
}

world *world_new(void) {
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->loop = sl_loop_libevent_new(NULL);
    w->pool = sl_pool_new();
    w->log = (sl_log){.sink = on_log, .level = SLOW_LOG_WARN};
    assert_non_null(w->loop);
    assert_non_null(w->pool);
    return w;
}

void world_free(world *w) {
    assert_int_equal(sl_pool_bytes(w->pool), 0);
    sl_pool_free(w->pool);
    sl_loop_free(w->loop);
    free(w);
}

void world_lose_names(world *w) {
    w->lose_names = true;
}

void world_turn(world *w) {
    sl_loop_libevent_step(w->loop, 5 * SL_MS);
}

void world_settle(world *w) {
    for (int i = 0; i < 20; i++)
        sl_loop_libevent_step(w->loop, SL_MS);
}

void world_until_true(world *w, bool (*condition)(void *), void *arg, const char *what) {
    slow_time end = sl_now(w->loop) + PATIENCE;
    while (!condition(arg)) {
        if (sl_now(w->loop) > end)
            fail_msg("waited %d s for: %s", (int)(PATIENCE / SL_SECOND), what);
        world_turn(w);
    }
}

/* ---- nodes ---- */

node *node_new(world *w, const slow_plugin *plugin, const char *options) {
    slow_error error = {.code = SLOW_OK};
    void *config;
    node *n = calloc(1, sizeof *n);
    assert_non_null(n);
    sl_json_text text = {.text = options != NULL ? options : "{}"};
    text.size = strlen(text.text);
    sl_json *object = sl_json_parse(&text, &error);
    assert_non_null(object);
    sl_json_at at = sl_json_at_root(&text);
    if (sl_option_new(plugin, NULL, object, &at, &config, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    sl_json_free(object);
    sl_instance_env env = {.loop = w->loop,
                           .pool = w->pool,
                           .log = &w->log,
                           .services = w->lose_names ? nameless_services : services,
                           .layer = n};
    n->world = w;
    if (sl_instance_new(plugin, config, sl_option_free, &env, &n->instance, &error) != SLOW_OK ||
        sl_instance_start(n->instance, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    n->ops = sl_instance_ops(n->instance);
    n->self = sl_instance_self(n->instance);
    return n;
}

void node_free(node *n) {
    uint32_t ups = n->ups, downs = n->downs;
    size_t frames = n->frame_count;
    sl_instance_stop(n->instance);
    world_settle(n->world);
    assert_int_equal(n->ups, ups);
    assert_int_equal(n->downs, downs);
    assert_int_equal(n->frame_count, frames);
    assert_int_equal(sl_instance_free(n->instance), 0);
    assert_int_equal(n->after_close, 0);
    for (size_t i = 0; i < n->frame_count; i++)
        free(n->frames[i].bytes);
    free(n->frames);
    free(n);
}

void node_listen(node *n, const char *address, char bound[128]) {
    slow_error error = {.code = SLOW_OK};
    if (n->ops->listen(n->self, address, bound, &error) != SLOW_OK)
        fail_msg("%s: %s", error.where, error.text);
}

typedef struct wanted {
    node *node;
    uint64_t number;
} wanted;

static bool has_links(void *arg) {
    const wanted *w = arg;
    return w->node->link_count >= w->number;
}

heard_link *node_wait_link(node *n, uint32_t count) {
    wanted w = {n, count};
    world_until_true(n->world, has_links, &w, "a link");
    return &n->links[count - 1];
}

static bool is_dialled(void *arg) {
    const wanted *w = arg;
    const node *n = w->node;
    if (n->failed_dial == w->number)
        fail_msg("%s: %s", n->failure.where, n->failure.text);
    return n->link_count > 0 && n->links[n->link_count - 1].dial == w->number;
}

heard_link *node_dial(node *n, const char *address) {
    slow_error error = {.code = SLOW_OK};
    wanted w = {n, 1000 + n->link_count};
    if (n->ops->connect(n->self, w.number, address, &error) != SLOW_OK)
        fail_msg("%s: %s", error.where, error.text);
    world_until_true(n->world, is_dialled, &w, "a link that was dialled");
    return &n->links[n->link_count - 1];
}

static bool has_frames(void *arg) {
    const wanted *w = arg;
    return w->node->frame_count >= w->number;
}

void node_wait_frames(node *n, size_t count) {
    wanted w = {n, count};
    world_until_true(n->world, has_frames, &w, "frames");
}

static bool is_down(void *arg) {
    return ((const heard_link *)arg)->down;
}

void node_wait_down(node *n, heard_link *link) {
    world_until_true(n->world, is_down, link, "link_down()");
}

static bool has_failed(void *arg) {
    const wanted *w = arg;
    return w->node->failed_dial == w->number;
}

void node_wait_failure(node *n, uint64_t dial) {
    wanted w = {n, dial};
    world_until_true(n->world, has_failed, &w, "dial_failed()");
}

static uint8_t pattern(uint32_t index, uint32_t at) {
    return (uint8_t)(at < 4 ? index >> (24 - 8 * at) : index * 31 + at * 7);
}

slow_packet *node_packet(node *n, uint32_t index, uint32_t size, uint32_t segment) {
    slow_packet *packet = sl_packet_new(n->world->pool, size, sl_instance_owner(n->instance));
    assert_non_null(packet);
    packet->size = size;
    packet->segment = segment;
    uint32_t stride = segment > 0 ? segment : size;
    for (uint32_t at = 0; at < size; at++)
        slow_packet_data(packet)[at] = pattern(index + at / stride, at % stride);
    return packet;
}

void node_drop(slow_packet *packet) {
    sl_packet_drop(packet);
}

bool frame_is(const heard_frame *frame, uint32_t size, uint32_t index) {
    for (uint32_t at = 0; frame->size == size && at < size; at++)
        if (frame->bytes[at] != pattern(index, at))
            return false;
    return frame->size == size;
}

static bool is_writable(void *arg) {
    heard_link *link = arg;
    return link->writable > 0 || link->down;
}

void node_send(node *n, heard_link *link, slow_packet *packet) {
    size_t taken = 0;
    while (taken == 0) {
        link->writable = 0;
        slow_status status = n->ops->send(n->self, link->cookie, &packet, 1, &taken);
        assert_true(status == SLOW_OK || status == SLOW_E_AGAIN);
        if (status == SLOW_E_AGAIN)
            world_until_true(n->world, is_writable, link, "writable()");
        assert_false(link->down);
    }
}

void node_close(node *n, heard_link *link) {
    n->ops->close(n->self, link->cookie);
    link->closed = true;
}

/* ---- the machine ---- */

/* The port stays bound, lest it be another test's before it is dialled: no TCP socket listens on it, and the UDP socket,
   connected to itself, takes nothing from others: they are refused as if nobody were there. */
int closed_address(const char *scheme, int type, char out[64]) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, type, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    if (type == SOCK_DGRAM)
        assert_int_equal(connect(fd, (struct sockaddr *)&at, size), 0);
    snprintf(out, 64, "%s://127.0.0.1:%u", scheme, ntohs(at.sin_port));
    return fd;
}

bool machine_has_ipv6(void) {
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}
