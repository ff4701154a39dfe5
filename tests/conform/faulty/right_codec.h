/* right_codec.h - a codec that keeps the contract: what the faulty codecs beside it are made of, each with one function of its
 * own in place of one of these. codec-right.c is all of them as they are, and passes: so it is the fault that is found.
 *
 * A package is its members in the order below, big endian, then dst, src and hint, each behind its size in a byte, and the
 * payload behind its size in two. */
#ifndef RIGHT_CODEC_H
#define RIGHT_CODEC_H
#include <slow/limits.h>
#include <slow/codec.h>
#include <slow/wire.h>
#include <stdlib.h>

enum { RIGHT_MAGIC = 0x5c, RIGHT_HOPS_AT = 4, RIGHT_NOTES = 100 };

/* An instance: more than a codec needs, so that there is something to lose. */
typedef struct right_codec {
    const slow_host *host;
    slow_timer *timer;
    char *notes;
} right_codec;

static inline slow_status right_error(slow_error *error, slow_status status, const char *text) {
    *error = (slow_error){.code = status};
    memcpy(error->text, text, strlen(text) + 1);
    return status;
}

static inline void right_fired(void *arg) {
    (void)arg;
}

static inline void right_destroy(void *self) {
    right_codec *codec = self;
    codec->host->timer_free(codec->timer);
    free(codec->notes);
    free(codec);
}

static inline slow_status right_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    right_codec *codec = calloc(1, sizeof *codec);
    (void)config;
    if (codec == NULL)
        return right_error(error, SLOW_E_NOMEM, "no memory for an instance");
    codec->host = host;
    codec->notes = malloc(RIGHT_NOTES);
    codec->timer = host->timer_new(host, right_fired, codec);
    if (codec->notes == NULL || codec->timer == NULL) {
        right_destroy(codec);
        return right_error(error, SLOW_E_NOMEM, "no memory for notes and a timer");
    }
    *self = codec;
    return SLOW_OK;
}

static inline slow_status right_encode(void *self, const slow_package *p, uint8_t *out, size_t capacity, size_t *size) {
    uint8_t room[SLOW_PAYLOAD_MAX + 512];
    slow_writer w = slow_writer_of(room, sizeof room);
    (void)self;
    if (!slow_limits_routing(p) || !slow_limits_message(p))
        return SLOW_E_INVAL;
    slow_write_u8(&w, RIGHT_MAGIC);
    slow_write_u8(&w, p->type);
    slow_write_u8(&w, p->priority);
    slow_write_u8(&w, p->hop_limit);
    slow_write_u8(&w, p->hops);
    slow_write_u16(&w, p->flags);
    slow_write_u64(&w, p->session);
    slow_write_u64(&w, p->packet);
    slow_write_short(&w, p->dst.data, p->dst.size);
    slow_write_short(&w, p->src.data, p->src.size);
    slow_write_short(&w, p->hint.data, p->hint.size);
    slow_write_u16(&w, p->kind);
    slow_write_u8(&w, p->channel);
    slow_write_u64(&w, p->message);
    slow_write_u32(&w, p->offset);
    slow_write_u32(&w, p->total);
    slow_write_u16(&w, (uint16_t)p->payload.size);
    slow_write_bytes(&w, p->payload.data, p->payload.size);
    *size = slow_writer_size(&w);
    if (!slow_writer_ok(&w) || *size > capacity)
        return SLOW_E_NOSPACE;
    memcpy(out, room, *size);
    return SLOW_OK;
}

/* All of it, for decode() and peek() alike. */
static inline bool right_walk(slow_bytes in, slow_package *p) {
    slow_reader r = slow_reader_of(in);
    bool magic = slow_read_u8(&r) == RIGHT_MAGIC;
    p->type = slow_read_u8(&r);
    p->priority = slow_read_u8(&r);
    p->hop_limit = slow_read_u8(&r);
    p->hops = slow_read_u8(&r);
    p->flags = slow_read_u16(&r);
    p->session = slow_read_u64(&r);
    p->packet = slow_read_u64(&r);
    p->dst = slow_read_short(&r);
    p->src = slow_read_short(&r);
    p->hint = slow_read_short(&r);
    p->kind = slow_read_u16(&r);
    p->channel = slow_read_u8(&r);
    p->message = slow_read_u64(&r);
    p->offset = slow_read_u32(&r);
    p->total = slow_read_u32(&r);
    p->payload.size = slow_read_u16(&r);
    p->payload.data = slow_read_bytes(&r, p->payload.size);
    return magic && slow_reader_ok(&r) && slow_reader_left(&r) == 0 && slow_limits_routing(p) && slow_limits_message(p);
}

static inline slow_status right_decode(void *self, slow_bytes in, slow_arena *arena, slow_package *out) {
    slow_package p = {.struct_size = sizeof p};
    (void)self;
    (void)arena;
    if (!right_walk(in, &p))
        return SLOW_E_MALFORMED;
    slow_package_copy(out, &p);
    return SLOW_OK;
}

static inline slow_span right_span(slow_bytes in, slow_bytes part) {
    return part.size == 0 ? (slow_span){0, 0} : (slow_span){(uint16_t)(part.data - in.data), (uint16_t)part.size};
}

static inline slow_status right_peek(void *self, slow_bytes in, slow_route_view *out) {
    slow_package p;
    (void)self;
    if (!right_walk(in, &p))
        return SLOW_E_MALFORMED;
    *out = (slow_route_view){.dst = right_span(in, p.dst),
                             .src = right_span(in, p.src),
                             .hint = right_span(in, p.hint),
                             .patch = RIGHT_HOPS_AT,
                             .type = p.type,
                             .priority = p.priority,
                             .hop_limit = p.hop_limit,
                             .hops = p.hops,
                             .flags = p.flags,
                             .session = p.session,
                             .packet = p.packet};
    return SLOW_OK;
}

static inline void right_advance(void *self, uint8_t *package, size_t size, const slow_route_view *view) {
    (void)self;
    (void)size;
    if (package[view->patch] < UINT8_MAX)
        package[view->patch]++;
}

/* The tables of one: `symbol` is its id with _ for -. */
#define RIGHT_CODEC(symbol, plugin_id, create_fn, destroy_fn, encode_fn, decode_fn, peek_fn, option_table, size) \
    static const slow_codec_ops symbol##_ops = {.struct_size = sizeof symbol##_ops,                              \
                                                .name = "right",                                                 \
                                                .media_type = "application/octet-stream",                        \
                                                .encode = encode_fn,                                             \
                                                .decode = decode_fn,                                             \
                                                .peek = peek_fn,                                                 \
                                                .advance = right_advance};                                       \
    static const slow_plugin symbol##_plugin = {.struct_size = sizeof symbol##_plugin,                           \
                                                .kind = SLOW_CODEC,                                              \
                                                .id = plugin_id,                                                 \
                                                .version = "1.0.0",                                              \
                                                .summary = "a codec for the tests of slow-conform",              \
                                                .license = "MIT",                                                \
                                                .options = option_table,                                         \
                                                .config_size = size,                                             \
                                                .create = create_fn,                                             \
                                                .destroy = destroy_fn,                                           \
                                                .ops = &symbol##_ops};                                           \
    static const slow_plugin *const symbol##_plugins[] = {&symbol##_plugin, NULL};                               \
    static const slow_module symbol##_module = {.struct_size = sizeof symbol##_module,                           \
                                                .abi_major = SLOW_ABI_MAJOR,                                     \
                                                .build = "test",                                                 \
                                                .plugins = symbol##_plugins};                                    \
    SLOW_MODULE(symbol, &symbol##_module)
#endif
