/* The frames of an open link in docs/vectors, through a whole link: the header, the counter and the tag of a frame are
 * written and checked nowhere else. The link is opened by the vectors' own INIT and claim, and is then given the vector's
 * index, counter and tag. */
#include "core/forward.h"
#include "core/id.h"
#include "core/link.h"
#include "core/loop_virtual.h"
#include "support/vectors.h"
#include <slow/wire.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const slow_module *slow_module_v1_codec_json(void);
const slow_module *slow_module_v1_codec_protobuf(void);
const slow_module *slow_module_v1_security_none(void);

/* A link to alice, with what it sent and what it told. */
typedef struct bench {
    sl_world *world;
    sl_link_env env;
    sl_stats stats;
    sl_log log;
    sl_claim claim;
    sl_codec codecs[2];
    sl_port port;
    sl_link *link;
    octets sent, bundle, message;
    enum sl_close_reason closed;
    sl_route_frame route;
    bool routed, acked;
    sl_protocols protocols; /* of a PROTOCOLS_ACK the generation alone */
} bench;

static enum sl_close_reason bench_opened(void *arg, sl_link *link) {
    (void)arg;
    (void)link;
    return 0;
}

static void bench_closed(void *arg, sl_link *link, enum sl_close_reason reason, bool was_up) {
    (void)link;
    (void)was_up;
    ((bench *)arg)->closed = reason;
}

static void bench_bundle(void *arg, sl_link *link, uint8_t *records, size_t size) {
    (void)link;
    octets *bundle = &((bench *)arg)->bundle;
    memcpy(bundle->data, records, size);
    bundle->size = size;
}

static void bench_took_route(bench *b, const sl_route_frame *route) {
    b->route = *route;
    memcpy(b->message.data, route->message.data, route->message.size);
    b->message.size = route->message.size;
}

static void bench_route(void *arg, sl_link *link, const sl_route_frame *route) {
    (void)link;
    bench_took_route(arg, route);
    ((bench *)arg)->routed = true;
}

static void bench_route_ack(void *arg, sl_link *link, const sl_route_frame *route) {
    (void)link;
    bench_took_route(arg, route);
    ((bench *)arg)->acked = true;
}

static void bench_protocols(void *arg, sl_link *link, const sl_protocols *protocols) {
    (void)link;
    ((bench *)arg)->protocols = *protocols;
}

static void bench_protocols_ack(void *arg, sl_link *link, uint32_t generation) {
    (void)link;
    ((bench *)arg)->protocols.generation = generation;
}

static void bench_nothing(void *arg, sl_link *link) {
    (void)arg;
    (void)link;
}

/* A transport that keeps the last bundle, and loses everything else. */
static slow_status bench_send(void *self, void *cookie, slow_packet *const *packets, size_t n, size_t *taken) {
    bench *b = self;
    (void)cookie;
    for (size_t i = 0; i < n; i++) {
        if (slow_packet_data(packets[i])[0] == SL_FRAME_BUNDLE) {
            memcpy(b->sent.data, slow_packet_data(packets[i]), packets[i]->size);
            b->sent.size = packets[i]->size;
        }
        sl_packet_drop(packets[i]);
    }
    *taken = n;
    return SLOW_OK;
}

static slow_status bench_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)config;
    (void)error;
    *self = (void *)(uintptr_t)host;
    return SLOW_OK;
}

static void bench_destroy(void *self) {
    (void)self;
}

static const slow_transport_ops bench_ops = {.struct_size = sizeof bench_ops, .max_segments = 1, .send = bench_send};
static const slow_plugin bench_plugin = {.struct_size = sizeof bench_plugin,
                                         .kind = SLOW_TRANSPORT,
                                         .id = "transport-bench",
                                         .create = bench_create,
                                         .destroy = bench_destroy,
                                         .ops = &bench_ops};

static void bench_wire(bench *b, sl_loop *loop) {
    static const char *const texts[] = {"protobuf", "json"};
    b->claim = (sl_claim){.version = SL_LINK_VERSION, .network = "slow", .start = 1, .frame_max = 65535};
    assert_true(sl_id_set(&b->claim.id, (slow_bytes){(const uint8_t *)"bob", 3}));
    for (size_t i = 0; i < 2; i++)
        snprintf(b->claim.codecs.name[b->claim.codecs.count++], SL_NAME_SIZE, "%s", texts[i]);
    b->codecs[0].ops = slow_module_v1_codec_protobuf()->plugins[0]->ops;
    b->codecs[1].ops = slow_module_v1_codec_json()->plugins[0]->ops;
    b->env = (sl_link_env){
        .opening = {.loop = loop, .security = slow_module_v1_security_none()->plugins[0]->ops, .claim = &b->claim},
        .loop = loop,
        .pool = sl_pool_new(),
        .log = &b->log,
        .stats = &b->stats,
        .events = {.arg = b,
                   .opened = bench_opened,
                   .closed = bench_closed,
                   .bundle = bench_bundle,
                   .route = bench_route,
                   .route_ack = bench_route_ack,
                   .protocols = bench_protocols,
                   .protocols_ack = bench_protocols_ack,
                   .fill = bench_nothing,
                   .cost = bench_nothing,
                   .dirty = bench_nothing},
        .codecs = b->codecs,
        .codec_count = 2};
    assert_non_null(b->env.pool);
}

static void bench_receive(bench *b, const octets *frame) {
    uint8_t data[VECTOR_MAX];
    memcpy(data, frame->data, frame->size);
    sl_link_receive(b->link, &(slow_slice){.data = data, .size = (uint32_t)frame->size});
}

/* Opens it with the vectors' INIT and FIN; FIN's echo and index are what the link has just drawn. */
static void bench_open(bench *b) {
    json_t *file = vectors_open("opening"), *vectors = json_object_get(file, "accepted");
    octets init = frame_of(json_array_get(vectors, 0)), fin = frame_of(json_array_get(vectors, 4));
    sl_fin fields;
    bench_receive(b, &init);
    assert_non_null(b->link->opening);
    assert_true(sl_fin_read(bytes_of(&fin), &fields));
    octets echoed;
    fields.peer_index = b->link->opening->index;
    fields.echo = b->link->opening->tag;
    echoed.size = sl_fin_write(&fields, echoed.data, sizeof echoed.data);
    bench_receive(b, &echoed);
    assert_int_equal(b->link->state, SL_LINK_UP);
    json_decref(file);
}

static bench *bench_new(const json_t *vector) {
    bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->world = sl_world_new(1);
    sl_loop *loop = sl_loop_virtual_new(b->world);
    bench_wire(b, loop);
    sl_instance_env env = {.loop = loop, .pool = b->env.pool, .log = &b->log};
    b->port = (sl_port){.ops = &bench_ops, .self = b};
    assert_int_equal(sl_instance_new(&bench_plugin, NULL, NULL, &env, &b->port.instance, &(slow_error){0}), SLOW_OK);
    bool stream = strcmp(text_of(vector, "link"), "stream") == 0;
    slow_link_info info = {.struct_size = sizeof info,
                           .local = "bench://bob",
                           .remote = "bench://alice",
                           .mtu = 1400,
                           .flags = stream ? SLOW_LINK_STREAM : 0};
    b->link = sl_link_new(&b->env, &b->port, 1, b, &info, 1000000, 0);
    assert_non_null(b->link);
    bench_open(b);
    return b;
}

static void bench_free(bench *b) {
    sl_loop *loop = b->env.loop;
    sl_link_free(b->link);
    sl_link_env_end(&b->env);
    assert_int_equal(sl_instance_free(b->port.instance), 0);
    sl_pool_free(b->env.pool);
    sl_loop_free(loop);
    sl_world_free(b->world);
    free(b);
}

/* ---- what is compared ---- */

static void probe_is(bench *b, const json_t *f, const octets *frame, size_t header, const char *name) {
    sl_probe got,
        probe = {(uint16_t)number_of(f, "keep_ms"), (uint16_t)number_of(f, "want_ms"), (uint32_t)number_of(f, "stamp"),
                 (uint32_t)number_of(f, "echo"), (uint32_t)number_of(f, "held")};
    uint8_t body[SL_PROBE_SIZE];
    assert_true(sl_probe_read((slow_bytes){frame->data + header, SL_PROBE_SIZE}, &got));
    is_field(got.keep_ms, f, "keep_ms", name);
    is_field(got.want_ms, f, "want_ms", name);
    is_field(got.stamp, f, "stamp", name);
    is_field(got.echo, f, "echo", name);
    is_field(got.held, f, "held", name);
    is_number(b->link->live.echo, probe.stamp, "the stamp that the link will echo", name);
    sl_probe_write(&probe, body);
    sl_link_control(b->link, SL_FRAME_PROBE, body, sizeof body, NULL, 0);
}

static void route_is(bench *b, const json_t *f, bool ack, const char *name) {
    uint8_t head[SL_ROUTE_HEADER];
    octets message = {.size = 0};
    if (!ack)
        message = octets_of(f, "message");
    assert_true(ack ? b->acked : b->routed);
    is_field(b->route.protocol, f, "protocol", name);
    is_field(b->route.epoch, f, "epoch", name);
    is_field(b->route.seq, f, "seq", name);
    is_octets(bytes_of(&b->message), &message, name);
    sl_route_frame route = {.protocol = (uint8_t)number_of(f, "protocol"),
                            .epoch = (uint8_t)number_of(f, "epoch"),
                            .seq = (uint32_t)number_of(f, "seq")};
    sl_route_write(&route, head);
    sl_link_control(b->link, ack ? SL_FRAME_ROUTE_ACK : SL_FRAME_ROUTE, head, sizeof head, message.data, message.size);
}

static void protocols_are(bench *b, const json_t *f, const char *name) {
    const json_t *names = json_object_get(f, "protocols"), *numbers = json_object_get(f, "numbers");
    sl_protocols protocols = {.names.count = (uint8_t)json_array_size(names)};
    uint8_t body[SL_PROTOCOLS_MAX];
    is_field(b->protocols.generation, f, "generation", name);
    is_number(b->protocols.names.count, json_array_size(names), "count of protocols", name);
    for (size_t i = 0; i < json_array_size(names); i++) {
        snprintf(protocols.names.name[i], SL_NAME_SIZE, "%s", json_string_value(json_array_get(names, i)));
        protocols.number[i] = (uint8_t)json_integer_value(json_array_get(numbers, i));
        assert_string_equal(b->protocols.names.name[i], protocols.names.name[i]);
        is_number(b->protocols.number[i], protocols.number[i], "number", name);
    }
    protocols.generation = (uint32_t)number_of(f, "generation");
    sl_link_control(b->link, SL_FRAME_PROTOCOLS, body, sl_protocols_write(&protocols, body), NULL, 0);
}

static void protocols_ack_is(bench *b, const json_t *f, const char *name) {
    uint8_t body[SL_PROTOCOLS_ACK_SIZE];
    is_field(b->protocols.generation, f, "generation", name);
    sl_protocols_ack_write((uint32_t)number_of(f, "generation"), body);
    sl_link_control(b->link, SL_FRAME_PROTOCOLS_ACK, body, sizeof body, NULL, 0);
}

static void forget_package(void *arg, const slow_package *package, const sl_link *from) {
    (void)arg;
    (void)package;
    (void)from;
}

/* As many packages are found in the last bundle as there are, and the end of the reading, where it ends too early. */
static void packages_are_found(bench *b, const json_t *f, const char *name) {
    sl_forward *forward = sl_forward_new(b->env.loop, NULL, &b->stats, &b->claim.id);
    assert_non_null(forward);
    forward->events.local = forget_package;
    octets records = b->bundle;
    sl_forward_bundle(forward, b->link, records.data, records.size);
    is_number(b->stats.count[SL_packages_in], json_array_size(json_object_get(f, "packages")), "packages", name);
    is_number(b->stats.count[SL_drop_bundle_malformed], json_object_get(f, "rest") != NULL, "ends too early", name);
    sl_forward_free(forward);
}

/* False: nothing was written, since padding comes about in trains alone, and this transport takes none. Nor would anybody
 * write a `rest`. */
static bool bundle_is(bench *b, const json_t *f, const char *name) {
    octets records;
    size_t i, count = json_array_size(json_object_get(f, "packages")), padding = (size_t)number_of(f, "padding");
    json_t *package;
    slow_writer w = slow_writer_of(records.data, sizeof records.data);
    json_array_foreach(json_object_get(f, "packages"), i, package) {
        octets bytes = hex(json_string_value(package));
        slow_write_varint(&w, bytes.size);
        slow_write_bytes(&w, bytes.data, bytes.size);
    }
    size_t size = slow_writer_size(&w);
    uint8_t *room = slow_write_room(&w, padding);
    assert_non_null(room);
    memset(room, 0, padding);
    if (json_object_get(f, "rest") != NULL) {
        octets rest = octets_of(f, "rest");
        slow_write_bytes(&w, rest.data, rest.size);
    }
    records.size = slow_writer_size(&w);
    is_octets(bytes_of(&b->bundle), &records, name);
    packages_are_found(b, f, name);
    if (padding > 0 || slow_writer_size(&w) != size || count == 0)
        return false;
    assert_true(sl_link_put(b->link, 0, records.data, size, (uint32_t)count));
    sl_link_flush(b->link);
    return true;
}

static void frame_is(const json_t *vector, const char *name) {
    const json_t *f = json_object_get(vector, "fields");
    octets frame = frame_of(vector);
    bench *b = bench_new(vector);
    bool stream = sl_link_is_stream(b->link), closes = is_frame(vector, "CLOSE"), bundle = is_frame(vector, "BUNDLE");
    size_t header = stream ? SL_STREAM_HEADER : SL_DATAGRAM_HEADER;
    bool writes = true, only_read = json_object_get(vector, "only_read") != NULL;
    b->link->tag = b->link->peer_tag = hex64_of(vector, "tag");
    if (!stream) {
        b->link->index = b->link->peer_index = (uint32_t)number_of(vector, "index");
        b->link->sent_number = number_of(vector, "counter") - 1;
    }
    bench_receive(b, &frame);
    if (!stream)
        is_number(b->link->highest_number, number_of(vector, "counter"), "counter", name);
    if (closes) {
        is_field(b->closed, f, "reason", name);
        uint8_t reason = (uint8_t)number_of(f, "reason");
        sl_link_control(b->link, SL_FRAME_CLOSE, &reason, 1, NULL, 0);
    } else if (bundle)
        writes = bundle_is(b, f, name);
    else if (is_frame(vector, "PROBE"))
        probe_is(b, f, &frame, header, name);
    else if (is_frame(vector, "PROTOCOLS"))
        protocols_are(b, f, name);
    else if (is_frame(vector, "PROTOCOLS_ACK"))
        protocols_ack_is(b, f, name);
    else
        route_is(b, f, is_frame(vector, "ROUTE_ACK"), name);
    const slow_packet *packet = b->link->ready.first;
    if (only_read)
        writes = false;
    if (bundle && writes)
        is_octets(bytes_of(&b->sent), &frame, name);
    else if (writes) {
        assert_non_null(packet);
        is_octets((slow_bytes){slow_packet_data(packet), packet->size}, &frame, name);
    }
    bench_free(b);
}

static void frame_is_refused(const json_t *vector, const char *name) {
    json_t *file = vectors_open("frames"), *first = json_array_get(json_object_get(file, "accepted"), 0);
    octets frame = frame_of(vector);
    bench *b = bench_new(vector);
    b->link->index = (uint32_t)number_of(first, "index");
    b->link->tag = hex64_of(first, "tag");
    bench_receive(b, &frame);
    const uint64_t *count = b->stats.count;
    uint64_t dropped = count[SL_drop_frame_short] + count[SL_drop_frame_kind] + count[SL_drop_frame_index] +
                       count[SL_drop_frame_tag] + count[SL_drop_frame_replayed] + count[SL_drop_route_malformed];
    is_number(dropped, 1, "frames dropped", name);
    is_number(b->link->live.echo, 0, "what was taken of it", name);
    is_number(b->routed + b->acked + b->protocols.generation, 0, "what was told of it", name);
    bench_free(b);
    json_decref(file);
}

static void frames_of_an_open_link_are_as_specified(void **state) {
    (void)state;
    vectors_each("frames", "accepted", frame_is);
    vectors_each("frames", "refused", frame_is_refused);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_an_open_link_are_as_specified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
