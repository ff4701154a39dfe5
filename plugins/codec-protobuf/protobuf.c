/* codec-protobuf: packages as Protocol Buffers, by the public schema in package.proto. For speed, and for programs in
 * other languages.
 *
 * Writing is protobuf-c's generated code. It is asked for the exact size first: to reserve the worst case instead cuts
 * bundles short and cost nine tenths of the rate of 1 KiB messages over UDP. A package of ours is a struct of borrowed
 * pointers, and so is protobuf-c's, so nothing is copied or allocated on the way.
 *
 * Reading is not protobuf-c's. Its unpack allocates, merges repeated fields (the last one wins), takes fields in any
 * order, and would have forwarding decode the whole package in order to learn where it goes. Here one walker of fields
 * serves both readers: walk_routing() reads fields 1 to 7, where peek() stops, and decode() goes on with walk_rest().
 * Two walkers could disagree about who is `dst`, and then a package passes one junction's check and goes where another
 * junction's says. For the same reason a routing field is legal at one place only: in order, once, before all others,
 * with its shortest tag. (Had the last of two fields counted, as the Protocol Buffers specification has it, peek()
 * would have to read the whole package.) The tests hold the walker against protobuf-c's unpack.
 *
 * `hops` is the low byte of `head`, a fixed32 that shares its four bytes with hop_limit, type and priority. It is the
 * first field and never zero, so hops is byte 1 of every package, and a relay counts a link by one addition in place.
 * As a varint of its own it would change the package's size at 128.
 *
 * Rejected: a table of fields instead of a line for each (peek took twice the time); ids as `string` (protobuf-c then
 * wants terminated copies). Source: https://protobuf.dev/programming-guides/encoding/ */
#include "package.pb-c.h"
#include <endian.h>
#include <slow/codec.h>
#include <slow/limits.h>
#include <slow/wire.h>

#define UNKNOWN_MAX 1024u /* fields that are skipped in one package */
#define HOPS_AT 1u        /* behind the tag of head, lowest byte first */

enum wire_type { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };
enum field { HEAD = 1, DST, SRC, SESSION, PACKET, FLAGS, HINT, KIND, CHANNEL, MESSAGE, OFFSET, TOTAL, PAYLOAD };

/* ---- reading ---- */

static uint32_t read_fixed32(slow_reader *r) {
    uint32_t value = 0;
    const uint8_t *bytes = slow_read_bytes(r, sizeof value);
    if (bytes != NULL)
        memcpy(&value, bytes, sizeof value);
    return le32toh(value);
}

static uint64_t read_fixed64(slow_reader *r) {
    uint64_t value = 0;
    const uint8_t *bytes = slow_read_bytes(r, sizeof value);
    if (bytes != NULL)
        memcpy(&value, bytes, sizeof value);
    return le64toh(value);
}

/* Most are of one byte. */
static uint64_t read_up_to(slow_reader *r, uint64_t max) {
    bool is_short = slow_reader_left(r) > 0 && *r->at < 0x80;
    uint64_t value = is_short ? *r->at++ : slow_read_varint(r);
    if (value > max)
        r->failed = true;
    return value;
}

static slow_bytes read_sized(slow_reader *r, size_t max) {
    size_t size = (size_t)read_up_to(r, max);
    return (slow_bytes){slow_read_bytes(r, size), size};
}

/* Is the next field this one? Then its tag is read. */
static bool next_is(slow_reader *r, enum field field, enum wire_type type) {
    if (slow_reader_left(r) == 0 || *r->at != ((unsigned)field << 3 | type))
        return false;
    r->at++;
    return true;
}

/* Fields 1 to 7, up to the first that is none of them. */
static bool walk_routing(slow_reader *r, slow_package *p) {
    if (!next_is(r, HEAD, FIXED32))
        return false;
    uint32_t head = read_fixed32(r);
    p->hops = (uint8_t)head;
    p->hop_limit = (uint8_t)(head >> 8);
    p->type = (uint8_t)(head >> 16);
    p->priority = (uint8_t)(head >> 24);
    if (!next_is(r, DST, BYTES))
        return false;
    p->dst = read_sized(r, SLOW_ID_MAX);
    if (!next_is(r, SRC, BYTES))
        return false;
    p->src = read_sized(r, SLOW_ID_MAX);
    p->session = next_is(r, SESSION, FIXED64) ? read_fixed64(r) : 0;
    p->packet = next_is(r, PACKET, VARINT) ? read_up_to(r, SLOW_NUMBER_MAX) : 0;
    p->flags = (uint16_t)(next_is(r, FLAGS, VARINT) ? read_up_to(r, UINT16_MAX) : 0);
    p->hint = next_is(r, HINT, BYTES) ? read_sized(r, SLOW_HINT_MAX) : (slow_bytes){NULL, 0};
    return slow_reader_ok(r) && slow_limits_routing(p);
}

/* A field number from 1 to 2^29 - 1, and the wire type. */
static uint32_t read_tag(slow_reader *r) {
    const uint8_t *start = r->at;
    uint32_t tag = (uint32_t)read_up_to(r, UINT32_MAX);
    if (r->at - start > 5 || tag >> 3 == 0)
        r->failed = true;
    return tag;
}

static void skip(slow_reader *r, uint32_t type) {
    switch (type) {
    case VARINT:
        slow_read_varint(r);
        break;
    case FIXED64:
        slow_read_bytes(r, 8);
        break;
    case BYTES:
        read_sized(r, slow_reader_left(r));
        break;
    case FIXED32:
        slow_read_bytes(r, 4);
        break;
    default: /* groups nest, and no schema of ours has any; 6 and 7 are nobody's */
        r->failed = true;
    }
}

/* Fields from 8 on, to the end: known ones at most once, others skipped. */
static bool walk_rest(slow_reader *r, slow_package *p) {
    unsigned seen = 0, unknown = 0;
    while (slow_reader_left(r) > 0) {
        uint32_t tag = read_tag(r), number = tag >> 3, type = tag & 7;
        if (number > PAYLOAD) {
            skip(r, type);
            if (++unknown > UNKNOWN_MAX)
                return false;
            continue;
        }
        if (number <= HINT || (seen >> number & 1) || type != (number == PAYLOAD ? BYTES : VARINT))
            return false;
        seen |= 1u << number;
        if (number == KIND)
            p->kind = (uint16_t)read_up_to(r, UINT16_MAX);
        else if (number == CHANNEL)
            p->channel = (uint8_t)read_up_to(r, UINT8_MAX);
        else if (number == MESSAGE)
            p->message = read_up_to(r, SLOW_NUMBER_MAX);
        else if (number == OFFSET)
            p->offset = (uint32_t)read_up_to(r, UINT32_MAX);
        else if (number == TOTAL)
            p->total = (uint32_t)read_up_to(r, UINT32_MAX);
        else
            p->payload = read_sized(r, SLOW_PAYLOAD_MAX + SLOW_SEAL_ROOM);
    }
    return slow_reader_ok(r) && slow_limits_message(p);
}

static slow_span span_in(slow_bytes in, slow_bytes part) {
    if (part.size == 0)
        return (slow_span){0, 0};
    return (slow_span){(uint16_t)(part.data - in.data), (uint16_t)part.size};
}

static slow_status protobuf_peek(void *self, slow_bytes in, slow_route_view *out) {
    (void)self;
    slow_reader r = slow_reader_of(in);
    slow_package p; /* walk_routing() fills in what is used of it */
    if (!walk_routing(&r, &p))
        return SLOW_E_MALFORMED;
    *out = (slow_route_view){
        .dst = span_in(in, p.dst),
        .src = span_in(in, p.src),
        .hint = span_in(in, p.hint),
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

static slow_status protobuf_decode(void *self, slow_bytes in, slow_arena *arena, slow_package *out) {
    (void)self;
    (void)arena; /* everything is borrowed from `in` */
    slow_reader r = slow_reader_of(in);
    slow_package p = {.struct_size = sizeof p};
    if (!walk_routing(&r, &p) || !walk_rest(&r, &p))
        return SLOW_E_MALFORMED;
    slow_package_copy(out, &p);
    return SLOW_OK;
}

/* Forwarding stops at hop_limit, so 255 is never passed; if it were, wrapping to 0 would break the package. */
static void protobuf_advance(void *self, uint8_t *package, size_t size, const slow_route_view *view) {
    (void)self;
    if (view->patch < size && package[view->patch] < UINT8_MAX)
        package[view->patch]++;
}

/* ---- writing ---- */

/* protobuf-c's bytes are not const, though packing only reads them. */
static ProtobufCBinaryData borrowed(slow_bytes bytes) {
    return (ProtobufCBinaryData){.len = bytes.size, .data = (uint8_t *)(uintptr_t)bytes.data};
}

static slow_status protobuf_encode(void *self, const slow_package *p, uint8_t *out, size_t capacity, size_t *size) {
    (void)self;
    if (!slow_limits_routing(p) || !slow_limits_message(p))
        return SLOW_E_INVAL;
    Slow__V1__Package message = SLOW__V1__PACKAGE__INIT;
    message.head = p->hops | (uint32_t)p->hop_limit << 8 | (uint32_t)p->type << 16 | (uint32_t)p->priority << 24;
    message.dst = borrowed(p->dst);
    message.src = borrowed(p->src);
    message.session = p->session;
    message.packet = p->packet;
    message.flags = p->flags;
    message.hint = borrowed(p->hint);
    message.kind = p->kind;
    message.channel = p->channel;
    message.message = p->message;
    message.offset = p->offset;
    message.total = p->total;
    message.payload = borrowed(p->payload);
    *size = slow__v1__package__get_packed_size(&message);
    if (*size > capacity)
        return SLOW_E_NOSPACE;
    slow__v1__package__pack(&message, out);
    return SLOW_OK;
}

/* ---- the plugin ---- */

static slow_status protobuf_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)config;
    (void)error;
    *self = (void *)(uintptr_t)host; /* an instance has no state */
    return SLOW_OK;
}

static void protobuf_destroy(void *self) {
    (void)self;
}

static const slow_codec_ops protobuf_ops = {
    .struct_size = sizeof protobuf_ops,
    .name = "protobuf",
    .media_type = "application/protobuf",
    .encode = protobuf_encode,
    .decode = protobuf_decode,
    .peek = protobuf_peek,
    .advance = protobuf_advance,
};

static const slow_plugin protobuf_plugin = {
    .struct_size = sizeof protobuf_plugin,
    .kind = SLOW_CODEC,
    .id = "codec-protobuf",
    .version = "1.0.0",
    .summary = "Packages as Protocol Buffers: fast, and readable from any language",
    .license = "MIT",
    .create = protobuf_create,
    .destroy = protobuf_destroy,
    .ops = &protobuf_ops,
};

static const slow_plugin *const protobuf_plugins[] = {&protobuf_plugin, NULL};
static const slow_module protobuf_module = {
    .struct_size = sizeof protobuf_module,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor_required = SLOW_ABI_MINOR,
    .build = __VERSION__,
    .plugins = protobuf_plugins,
};

SLOW_MODULE(codec_protobuf, &protobuf_module)
