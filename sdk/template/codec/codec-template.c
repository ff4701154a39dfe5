/* codec-template.c - a codec to copy: a small fixed layout, one byte order, no library.
 *
 *     0  version, 1              1     23  dst: size in one byte, then the bytes
 *     1  type                    1         src: the same
 *     2  priority                1         hint: the same
 *     3  hop limit               1         kind                    2
 *     4  hops                    1         channel                 1
 *     5  flags                   2         message                 8
 *     7  session                 8         offset                  4
 *    15  packet                  8         total                   4
 *                                          payload: all that is left
 *
 * Integers are big endian, as slow/wire.h writes them. What a relay looks at comes first, and `hops`, the only thing that
 * it changes, always lies at the same place: so a package is forwarded without being decoded.
 *
 * What every codec has, in the order of this file:
 *
 *   1. one walker over the bytes, which peek() and decode() share, so that two junctions cannot disagree about a package;
 *   2. peek() and advance(), for relays; decode(); encode();
 *   3. its life, which is nothing: a codec has no state, no sockets, no files, no threads and no clock;
 *   4. tables that say all this to the host. */
#include <slow/codec.h>
#include <slow/limits.h>
#include <slow/wire.h>

#define VERSION 1u
#define HOPS_AT 4u
#define FIXED_SIZE (23u + 3u + 19u) /* all but ids, hint and payload */

/* ---- 1. Walking ----
 *
 * The bytes are a stranger's. The reader of slow/wire.h never leaves them, and remembers whether something did not fit; the
 * limits of slow/limits.h are the same for all codecs, or a package that one link carries would vanish at the next. */

/* What a relay needs to know. */
static bool walk_routing(slow_reader *in, slow_package *p) {
    bool known = slow_read_u8(in) == VERSION;
    p->type = slow_read_u8(in);
    p->priority = slow_read_u8(in);
    p->hop_limit = slow_read_u8(in);
    p->hops = slow_read_u8(in);
    p->flags = slow_read_u16(in);
    p->session = slow_read_u64(in);
    p->packet = slow_read_u64(in);
    p->dst = slow_read_short(in);
    p->src = slow_read_short(in);
    p->hint = slow_read_short(in);
    return known && slow_reader_ok(in) && slow_limits_routing(p);
}

/* What only the destination needs to know. */
static bool walk_rest(slow_reader *in, slow_package *p) {
    p->kind = slow_read_u16(in);
    p->channel = slow_read_u8(in);
    p->message = slow_read_u64(in);
    p->offset = slow_read_u32(in);
    p->total = slow_read_u32(in);
    p->payload.size = slow_reader_left(in);
    p->payload.data = slow_read_bytes(in, p->payload.size);
    return slow_reader_ok(in) && slow_limits_message(p);
}

/* ---- 2. What a codec does ---- */

static slow_span span_of(slow_bytes in, slow_bytes part) {
    if (part.size == 0)
        return (slow_span){0, 0};
    return (slow_span){(uint16_t)(part.data - in.data), (uint16_t)part.size};
}

static slow_status peek(void *self, slow_bytes in, slow_route_view *out) {
    slow_reader reader = slow_reader_of(in);
    slow_package p = {.struct_size = sizeof p};
    (void)self;
    if (!walk_routing(&reader, &p))
        return SLOW_E_MALFORMED;
    *out = (slow_route_view){
        .dst = span_of(in, p.dst),
        .src = span_of(in, p.src),
        .hint = span_of(in, p.hint),
        .patch = HOPS_AT,
        .type = p.type,
        .priority = p.priority,
        .hop_limit = p.hop_limit,
        .hops = p.hops,
        .flags = p.flags,
        .session = p.session,
        .packet = p.packet,
    };
    return SLOW_OK;
}

/* Each relay counts itself, in place. */
static void advance(void *self, uint8_t *package, size_t size, const slow_route_view *view) {
    (void)self;
    if (view->patch < size && package[view->patch] < UINT8_MAX)
        package[view->patch]++;
}

/* The package points into `in`: nothing is copied, so the arena is not needed. A codec whose bytes are not the package's
 * own (base64, compression) takes memory from it. */
static slow_status decode(void *self, slow_bytes in, slow_arena *arena, slow_package *out) {
    slow_reader reader = slow_reader_of(in);
    slow_package p = {.struct_size = out->struct_size};
    (void)self;
    (void)arena;
    if (!walk_routing(&reader, &p) || !walk_rest(&reader, &p))
        return SLOW_E_MALFORMED;
    slow_package_copy(out, &p);
    return SLOW_OK;
}

static slow_status encode(void *self, const slow_package *p, uint8_t *out, size_t capacity, size_t *size) {
    (void)self;
    if (!slow_limits_routing(p) || !slow_limits_message(p))
        return SLOW_E_INVAL;
    *size = FIXED_SIZE + p->dst.size + p->src.size + p->hint.size + p->payload.size;
    if (*size > capacity)
        return SLOW_E_NOSPACE;
    slow_writer writer = slow_writer_of(out, capacity);
    slow_write_u8(&writer, VERSION);
    slow_write_u8(&writer, p->type);
    slow_write_u8(&writer, p->priority);
    slow_write_u8(&writer, p->hop_limit);
    slow_write_u8(&writer, p->hops);
    slow_write_u16(&writer, p->flags);
    slow_write_u64(&writer, p->session);
    slow_write_u64(&writer, p->packet);
    slow_write_short(&writer, p->dst.data, p->dst.size);
    slow_write_short(&writer, p->src.data, p->src.size);
    slow_write_short(&writer, p->hint.data, p->hint.size);
    slow_write_u16(&writer, p->kind);
    slow_write_u8(&writer, p->channel);
    slow_write_u64(&writer, p->message);
    slow_write_u32(&writer, p->offset);
    slow_write_u32(&writer, p->total);
    slow_write_bytes(&writer, p->payload.data, p->payload.size);
    return SLOW_OK;
}

/* ---- 3. Life ---- */

/* `self` must be something that is not NULL, and there is nothing to keep. */
static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)config;
    (void)error;
    *self = (void *)(uintptr_t)host;
    return SLOW_OK;
}

static void destroy(void *self) {
    (void)self;
}

/* ---- 4. Tables ---- */

static const slow_codec_ops ops = {
    .struct_size = sizeof ops, /* so that the host knows which members there are */
    .name =
        "com.example.template", /* on the wire: two junctions use it where both have it. Change it with the layout */
    .media_type = "application/x-slow-template",
    .encode = encode,
    .decode = decode,
    .peek = peek,
    .advance = advance,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_CODEC,
    .id = "codec-template", /* the file's name without .so, and what a config calls it */
    .version = "1.0.0",
    .summary = "Packages in a fixed binary layout: a template to copy",
    .license = "MIT",
    .create = create,
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
SLOW_MODULE(codec_template, &module)
