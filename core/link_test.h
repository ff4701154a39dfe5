/* link_test.h - what the tests of openings and of links need: two link layers, and a wire that a test can read and
 * write.
 *
 * The wire holds each frame until the test hands it over, so that a test can lose it, repeat it, change it, or send one
 * of its own from any address. */
#ifndef SL_LINK_TEST_H
#define SL_LINK_TEST_H
#include "id.h"
#include "link.h"
#include "loop_virtual.h"
#include <setjmp.h>
#include <slow/wire.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a security plugin in the clear ---- */

struct slow_session {
    bool initiator;
    int step;
};

static inline slow_status clear_open(void *self, bool initiator, slow_bytes prologue, slow_session **out,
                                     slow_error *error) {
    (void)self;
    (void)error;
    assert_true(prologue.size > 0);
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return SLOW_E_NOMEM;
    (*out)->initiator = initiator;
    return SLOW_OK;
}

static inline slow_status clear_read(slow_session *s, slow_bytes in, slow_bytes *payload, slow_bytes *key, bool *done) {
    if (s->step >= 3 || (s->step % 2 == 0) == s->initiator)
        return SLOW_E_MALFORMED;
    *payload = in;
    *key = (slow_bytes){NULL, 0};
    *done = ++s->step == 3;
    return SLOW_OK;
}

static inline slow_status clear_write(slow_session *s, slow_bytes payload, uint8_t *out, size_t capacity, size_t *size,
                                      bool *done) {
    if (payload.size > capacity)
        return SLOW_E_NOSPACE;
    if (payload.size > 0)
        memcpy(out, payload.data, payload.size);
    *size = payload.size;
    *done = ++s->step == 3;
    return SLOW_OK;
}

static inline void clear_close(slow_session *s) {
    free(s);
}

static const slow_security_ops in_the_clear = {.struct_size = sizeof in_the_clear,
                                               .open = clear_open,
                                               .read = clear_read,
                                               .write = clear_write,
                                               .close = clear_close};

/* ---- an end: its links, and a transport that keeps what is sent ---- */

enum { LINKS = 400, SENT = 64 };

typedef struct end end;
typedef struct wire {
    end *end;
    sl_link *link;
    uint8_t sent[SENT][2048];
    uint32_t sizes[SENT];
    uint32_t count, total; /* frames and bytes that it sent */
} wire;

struct end {
    sl_link_env env;
    sl_claim claim;
    sl_codec codec;
    sl_stats stats;
    sl_log log;
    sl_port port;
    wire *wires; /* LINKS of them */
    uint32_t wire_count;
    unsigned opened, closed, bundles;
    enum sl_close_reason last_reason;
    char line[256]; /* the last of the log */
};

typedef struct rig {
    sl_world *world;
    sl_loop *loop;
    sl_pool *pool;
    end a, b; /* a dials */
} rig;

static inline slow_status port_send(void *self, void *cookie, slow_packet *const *packets, size_t n, size_t *taken) {
    wire *w = cookie;
    (void)self;
    for (*taken = 0; *taken < n; ++*taken) {
        slow_packet *p = packets[*taken];
        assert_true(w->count < SENT && p->size <= sizeof w->sent[0] && p->segment == 0);
        memcpy(w->sent[w->count], slow_packet_data(p), p->size);
        w->sizes[w->count++] = p->size;
        w->total += p->size;
        sl_packet_drop(p);
    }
    return SLOW_OK;
}

static const slow_transport_ops port_ops = {
    .struct_size = sizeof port_ops, .scheme = "test", .max_segments = 1, .send = port_send};

static inline slow_status port_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)config;
    (void)error;
    *self = (void *)(uintptr_t)host;
    return SLOW_OK;
}
static inline void port_destroy(void *self) {
    (void)self;
}
static const slow_plugin port_plugin = {.struct_size = sizeof port_plugin,
                                        .kind = SLOW_TRANSPORT,
                                        .id = "transport-test",
                                        .create = port_create,
                                        .destroy = port_destroy,
                                        .ops = &port_ops};

static inline enum sl_close_reason on_opened(void *arg, sl_link *link) {
    (void)link;
    ((end *)arg)->opened++;
    return 0;
}
static inline void on_closed(void *arg, sl_link *link, enum sl_close_reason reason, bool was_up) {
    end *e = arg;
    (void)link;
    e->closed += was_up;
    e->last_reason = reason;
}
static inline void on_bundle(void *arg, sl_link *link, uint8_t *records, size_t size) {
    (void)link;
    assert_int_equal(size, 5);
    assert_memory_equal(records, "hello", 5);
    ((end *)arg)->bundles++;
}
static inline void on_link(void *arg, sl_link *link) {
    (void)arg;
    (void)link;
}
static inline void on_log(void *arg, int level, const char *who, const char *text) {
    end *e = arg;
    (void)level;
    snprintf(e->line, sizeof e->line, "%s: %s", who, text);
}

static inline void end_open(rig *g, end *e, const char *id) {
    e->claim = (sl_claim){.version = SL_LINK_VERSION,
                          .network = "net",
                          .start = 1,
                          .codecs = {.count = 1, .name = {"json"}},
                          .frame_max = 65535};
    assert_true(sl_id_set(&e->claim.id, (slow_bytes){(const uint8_t *)id, strlen(id)}));
    e->log = (sl_log){.sink = on_log, .arg = e, .level = SLOW_LOG_DEBUG};
    e->env = (sl_link_env){.opening = {.loop = g->loop, .security = &in_the_clear, .claim = &e->claim},
                           .loop = g->loop,
                           .pool = g->pool,
                           .log = &e->log,
                           .stats = &e->stats,
                           .codecs = &e->codec,
                           .codec_count = 1,
                           .events = {.arg = e,
                                      .opened = on_opened,
                                      .closed = on_closed,
                                      .bundle = on_bundle,
                                      .fill = on_link,
                                      .cost = on_link,
                                      .dirty = on_link}};
    sl_instance_env env = {.loop = g->loop, .pool = g->pool, .log = &e->log};
    assert_int_equal(sl_instance_new(&port_plugin, NULL, NULL, &env, &e->port.instance, NULL), SLOW_OK);
    e->port.ops = &port_ops;
    e->wires = calloc(LINKS, sizeof *e->wires);
    assert_non_null(e->wires);
}

static inline void end_close(end *e) {
    for (uint32_t i = 0; i < e->wire_count; i++)
        if (e->wires[i].link != NULL)
            sl_link_free(e->wires[i].link);
    assert_int_equal(e->env.half_open.count, 0);
    assert_int_equal(e->env.streams.count, 0);
    sl_link_env_end(&e->env);
    assert_int_equal(sl_instance_free(e->port.instance), 0);
    free(e->wires);
}

static inline int set_up(void **state) {
    rig *g = calloc(1, sizeof *g);
    g->world = sl_world_new(1);
    g->loop = sl_loop_virtual_new(g->world);
    g->pool = sl_pool_new();
    sl_world_run(g->world, 1000 * SL_SECOND);
    end_open(g, &g->a, "alice");
    end_open(g, &g->b, "bob");
    *state = g;
    return 0;
}

static inline int tear_down(void **state) {
    rig *g = *state;
    end_close(&g->a);
    end_close(&g->b);
    assert_int_equal(sl_pool_bytes(g->pool), 0);
    sl_pool_free(g->pool);
    sl_loop_free(g->loop);
    sl_world_free(g->world);
    free(g);
    return 0;
}

static inline void wait_for(rig *g, slow_time duration) {
    sl_world_run(g->world, sl_world_now(g->world) + duration);
}

/* A link towards `remote`; dialled when `dial` is not 0. */
static inline wire *link_new(end *e, const char *remote, uint64_t dial, uint32_t flags) {
    assert_true(e->wire_count < LINKS);
    wire *w = &e->wires[e->wire_count++];
    const slow_link_info info = {.struct_size = sizeof info,
                                 .dial = dial,
                                 .local = "test://10.0.0.1:1",
                                 .remote = remote,
                                 .mtu = 1400,
                                 .flags = flags};
    w->end = e;
    w->link = sl_link_new(&e->env, &e->port, e->wire_count, w, &info, 1000000, 0);
    assert_non_null(w->link);
    sl_link_flush(w->link);
    return w;
}

/* One frame comes in; the turn ends. */
static inline void give(wire *to, const uint8_t *bytes, size_t size) {
    uint8_t *copy = malloc(size);
    memcpy(copy, bytes, size);
    sl_link_receive(to->link, &(slow_slice){.data = copy, .size = (uint32_t)size});
    free(copy);
    sl_link_flush(to->link);
}

/* The last frame that `from` sent comes to `to`. */
static inline void pass(const wire *from, wire *to) {
    assert_true(from->count > 0);
    give(to, from->sent[from->count - 1], from->sizes[from->count - 1]);
}

static inline uint8_t last_kind(const wire *w) {
    return w->count == 0 ? 0 : w->sent[w->count - 1][0];
}

/* Dials, and hands all frames over: INIT, RESP, FIN. */
static inline void open_pair(rig *g, wire **a, wire **b) {
    *a = link_new(&g->a, "test://10.0.0.2:2", 1, 0);
    *b = link_new(&g->b, "test://10.0.0.1:1", 0, SLOW_LINK_INBOUND);
    pass(*a, *b);
    pass(*b, *a);
    give(*b, (*a)->sent[1], (*a)->sizes[1]); /* behind FIN there is a probe already */
    assert_int_equal((*a)->link->state, SL_LINK_UP);
    assert_int_equal((*b)->link->state, SL_LINK_UP);
}

/* A frame that the owner of the link's tag could send. */
static inline void give_sealed(wire *to, enum sl_frame_kind kind, uint32_t index, uint64_t number, uint64_t tag) {
    uint8_t frame[64];
    slow_writer w = slow_writer_of(frame, sizeof frame);
    slow_write_u32(&w, (uint32_t)kind << 24);
    slow_write_u32(&w, index);
    slow_write_u64(&w, number);
    slow_write_bytes(&w, "hello", 5);
    slow_write_bytes(&w, &tag, sizeof tag);
    /* The tag is eight bytes as they were chosen: sl_link keeps it as a number in big endian. */
    slow_writer t = slow_writer_of(frame + slow_writer_size(&w) - sizeof tag, sizeof tag);
    slow_write_u64(&t, tag);
    give(to, frame, slow_writer_size(&w));
}

static inline bool carries(wire *to) {
    unsigned before = to->end->bundles;
    give_sealed(to, SL_FRAME_BUNDLE, to->link->index, to->link->highest_number + 1, to->link->tag);
    return to->end->bundles == before + 1;
}

static inline size_t make_init(uint8_t *frame, uint32_t index, uint64_t cookie) {
    uint8_t greeting[SL_GREETING_SIZE];
    sl_greeting_write(&(sl_greeting){.index = index}, greeting);
    sl_init init = {.index = index, .cookie = cookie, .handshake = {greeting, sizeof greeting}};
    return sl_init_write(&init, frame, SL_INIT_SIZE);
}
#endif
