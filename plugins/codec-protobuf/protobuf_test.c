/* The protobuf codec against packages written by hand, against protobuf-c's own reader as a second opinion, and against
 * bytes from the conformance suite of Protocol Buffers that no reader may accept. Any packages, and hostile bytes, are
 * slow-conform's. */
#include "package.pb-c.h"
#include "tools/slow-conform/made_package.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const slow_module *slow_module_v1_codec_protobuf(void);

static const slow_codec_ops *codec(void) {
    return slow_module_v1_codec_protobuf()->plugins[0]->ops;
}

/* ---- a package written by hand, field by field ---- */

typedef struct hand {
    uint8_t bytes[8192];
    size_t size;
} hand;

static void add(hand *h, const void *bytes, size_t size) {
    assert_true(size <= sizeof h->bytes - h->size);
    memcpy(h->bytes + h->size, bytes, size);
    h->size += size;
}
#define ADD(h, literal) add(h, literal, sizeof(literal) - 1)

#define HEAD "\x0d\x01\x40\x02\x04" /* hops 1, hop_limit 64, binary, priority 4 */
#define DST    \
    "\x12\x03" \
    "bob"
#define SRC    \
    "\x1a\x05" \
    "alice"
#define SESSION "\x21\x08\x07\x06\x05\x04\x03\x02\x01"
#define PACKET "\x28\x07"
#define FLAGS "\x30\x01"
#define HINT   \
    "\x3a\x02" \
    "hh"
#define ROUTING HEAD DST SRC SESSION PACKET FLAGS HINT
#define REST                           \
    "\x48\x02\x50\x03\x60\x02\x6a\x02" \
    "hi"

static slow_status decode(const void *bytes, size_t size, slow_package *out) {
    suite_arena arena;
    return codec()->decode(NULL, (slow_bytes){bytes, size}, suite_arena_open(&arena, 0), out);
}

static slow_status peek(const void *bytes, size_t size) {
    slow_route_view view;
    return codec()->peek(NULL, (slow_bytes){bytes, size}, &view);
}

#define assert_decoded(literal) assert_int_equal(decode(literal, sizeof(literal) - 1, &(slow_package){0}), SLOW_OK)
#define assert_refused(literal) \
    assert_int_equal(decode(literal, sizeof(literal) - 1, &(slow_package){0}), SLOW_E_MALFORMED)
#define assert_not_peeked(literal)                                              \
    do {                                                                        \
        assert_refused(literal);                                                \
        assert_int_equal(peek(literal, sizeof(literal) - 1), SLOW_E_MALFORMED); \
    } while (0)

static void a_package_written_by_hand_is_read(void **state) {
    (void)state;
    slow_package p = {.struct_size = sizeof p};
    assert_int_equal(decode(ROUTING REST, sizeof(ROUTING REST) - 1, &p), SLOW_OK);
    const slow_package expected = {
        .struct_size = sizeof p,
        .type = SLOW_BINARY,
        .priority = 4,
        .hop_limit = 64,
        .hops = 1,
        .flags = SLOW_RELIABLE,
        .channel = 2,
        .src = {(const uint8_t *)"alice", 5},
        .dst = {(const uint8_t *)"bob", 3},
        .session = UINT64_C(0x0102030405060708),
        .packet = 7,
        .message = 3,
        .total = 2,
        .hint = {(const uint8_t *)"hh", 2},
        .payload = {(const uint8_t *)"hi", 2},
    };
    assert_true(suite_equal(&p, &expected));
    uint8_t out[64];
    size_t size = 0;
    assert_int_equal(codec()->encode(NULL, &expected, out, sizeof out, &size), SLOW_OK);
    assert_int_equal(size, sizeof(ROUTING REST) - 1);
    assert_memory_equal(out, ROUTING REST, size);
}

/* A host of a lower minor than the SDK that the codec was compiled against: its struct is shorter. */
static void no_more_is_written_than_the_host_has(void **state) {
    slow_package p = {.struct_size = offsetof(slow_package, payload), .payload = {(const uint8_t *)"the host's", 10}};
    (void)state;
    assert_int_equal(decode(ROUTING REST, sizeof(ROUTING REST) - 1, &p), SLOW_OK);
    assert_int_equal(p.struct_size, offsetof(slow_package, payload));
    assert_int_equal(p.dst.size, 3);
    assert_int_equal(p.payload.size, 10);
}

static void routing_fields_stand_in_order_once_and_first(void **state) {
    (void)state;
    assert_decoded(HEAD DST SRC);
    assert_decoded(HEAD DST SRC HINT);
    assert_not_peeked(HEAD DST);
    assert_not_peeked(HEAD SRC);
    assert_not_peeked(DST SRC);
    assert_not_peeked(DST HEAD SRC);
    assert_not_peeked(HEAD SRC DST);
    assert_not_peeked(HEAD DST DST SRC);
    assert_not_peeked(HEAD "\x92\x00\x03"
                           "bob" SRC); /* the tag of dst in two bytes */
    assert_refused(HEAD DST SRC DST);
    assert_refused(HEAD DST SRC SESSION SESSION);
    assert_refused(HEAD DST SRC PACKET SESSION);
    assert_refused(HEAD DST SRC HINT FLAGS);
    assert_refused(ROUTING REST DST);
    assert_refused(ROUTING REST HEAD);
    assert_refused(ROUTING "\x92\x00\x03"
                           "eve");
    assert_refused(ROUTING "\x92\x80\x80\x80\x00\x03"
                           "eve");
}

static void other_fields_stand_once_in_any_order(void **state) {
    (void)state;
    assert_decoded(ROUTING "\x60\x09\x48\x02");
    assert_refused(ROUTING "\x48\x02\x48\x02");
    assert_refused(ROUTING "\x60\x09\x6a\x01x\x6a\x01x");
}

static void a_field_of_the_wrong_wire_type_is_refused(void **state) {
    (void)state;
    assert_not_peeked("\x08\x01" DST SRC);
    assert_not_peeked(HEAD "\x10\x03" SRC);
    assert_refused(HEAD DST SRC "\x20\x01");
    assert_refused(ROUTING "\x4a\x01x");
    assert_refused(ROUTING "\x68\x00");
    assert_refused(ROUTING "\x6d\x00\x00\x00\x00");
}

static void values_out_of_range_are_refused(void **state) {
    (void)state;
    assert_not_peeked("\x0d\x00\x40\x02\x04" DST SRC); /* hops 0 */
    assert_not_peeked("\x0d\x01\x00\x02\x04" DST SRC);
    assert_not_peeked("\x0d\x01\x40\x00\x04" DST SRC);
    assert_not_peeked("\x0d\x01\x40\x05\x04" DST SRC);
    assert_not_peeked("\x0d\x01\x40\x02\x0c" DST SRC);
    assert_not_peeked(HEAD "\x12\x00" SRC);
    assert_not_peeked(HEAD "\x12\x03"
                           "b\nb" SRC);
    assert_not_peeked(HEAD DST "\x1a\x01\xff");
    assert_decoded(HEAD DST SRC "\x28\xff\xff\xff\xff\xff\xff\xff\x0f");
    assert_not_peeked(HEAD DST SRC "\x28\x80\x80\x80\x80\x80\x80\x80\x10");         /* packet 2^53 */
    assert_not_peeked(HEAD DST SRC "\x28\x81\x80\x80\x80\x80\x80\x80\x80\x80\x02"); /* more than 64 bits */
    assert_not_peeked(HEAD DST SRC "\x30\x80\x80\x04");                             /* flags 2^16 */
    assert_refused(ROUTING "\x40\x01");                                             /* a kind of no control package */
    assert_refused(ROUTING "\x48\x40");                                             /* channel 64 */
    assert_refused(ROUTING "\x48\x80\x02");                                         /* channel 256 is not channel 0 */
    assert_refused(ROUTING "\x50\x80\x80\x80\x80\x80\x80\x80\x10");                 /* message 2^53 */
    assert_refused(ROUTING "\x60\x81\x80\x80\x80\x10");                             /* total 2^32 + 1 is not 1 */
    assert_refused(ROUTING "\x60\x01\x6a\x02"
                           "hi"); /* a payload longer than its message */
}

static void unknown_fields_behind_the_routing_are_skipped(void **state) {
    (void)state;
    slow_package plain = {.struct_size = sizeof plain}, more = plain;
    static const char unknown[] =
        ROUTING "\x70\x96\x01\x71........\x7d....\x72\x02xx\x82\x7d\x00" REST "\xf8\xff\xff\xff\x0f\x00";
    assert_int_equal(decode(ROUTING REST, sizeof(ROUTING REST) - 1, &plain), SLOW_OK);
    assert_int_equal(decode(unknown, sizeof unknown - 1, &more), SLOW_OK);
    assert_true(suite_equal(&plain, &more));
    assert_refused(HEAD "\x72\x02xx" DST SRC);
    assert_refused("\x72\x02xx" ROUTING);
}

static void at_most_1024_unknown_fields_are_skipped(void **state) {
    (void)state;
    hand h = {.size = 0};
    ADD(&h, ROUTING);
    for (int i = 0; i < 1024; i++)
        ADD(&h, "\x70\x01");
    assert_int_equal(decode(h.bytes, h.size, &(slow_package){0}), SLOW_OK);
    ADD(&h, "\x70\x01");
    assert_int_equal(decode(h.bytes, h.size, &(slow_package){0}), SLOW_E_MALFORMED);
}

static void groups_and_unknown_wire_types_are_refused(void **state) {
    (void)state;
    assert_refused(ROUTING "\x73\x74"); /* field 14: a group's start and end */
    assert_refused(ROUTING "\x74");
    assert_refused(ROUTING "\x76");
    assert_refused(ROUTING "\x77");
    assert_refused(ROUTING "\x03\x04");                     /* field 0 */
    assert_refused(ROUTING "\xf8\xff\xff\xff\x1f");         /* field 2^29 and more */
    assert_refused(ROUTING "\xf0\x80\x80\x80\x80\x00\x01"); /* a tag of six bytes */
}

static void a_truncated_varint_is_refused(void **state) {
    (void)state;
    assert_not_peeked(HEAD DST SRC "\x28\x80");
    assert_refused(ROUTING "\x50\x80");
    assert_refused(ROUTING "\xf0");
    assert_refused(ROUTING "\x72\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

/* ---- many packages ---- */

static slow_bytes bytes_of(ProtobufCBinaryData data) {
    return (slow_bytes){data.data, data.len};
}

static bool is_what_protobuf_c_reads(const slow_package *p, const uint8_t *bytes, size_t size) {
    Slow__V1__Package *m = slow__v1__package__unpack(NULL, size, bytes);
    assert_non_null(m);
    const slow_package read = {
        .type = (uint8_t)(m->head >> 16),
        .priority = (uint8_t)(m->head >> 24),
        .hop_limit = (uint8_t)(m->head >> 8),
        .hops = (uint8_t)m->head,
        .flags = (uint16_t)m->flags,
        .kind = (uint16_t)m->kind,
        .channel = (uint8_t)m->channel,
        .src = bytes_of(m->src),
        .dst = bytes_of(m->dst),
        .session = m->session,
        .packet = m->packet,
        .message = m->message,
        .offset = m->offset,
        .total = m->total,
        .hint = bytes_of(m->hint),
        .payload = bytes_of(m->payload),
    };
    bool same = suite_equal(p, &read);
    slow__v1__package__free_unpacked(m, NULL);
    return same;
}

static void protobuf_c_reads_the_same(void **state) {
    (void)state;
    suite_package s;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        uint8_t bytes[2048];
        size_t size = 0;
        suite_make(&s, seed);
        assert_int_equal(codec()->encode(NULL, &s.package, bytes, sizeof bytes, &size), SLOW_OK);
        if (!is_what_protobuf_c_reads(&s.package, bytes, size))
            fail_msg("protobuf-c reads another package (seed %llu)", (unsigned long long)seed);
    }
}

/* Whatever decode() accepts of damaged packages, protobuf-c understands as the same package. */
static void protobuf_c_agrees_about_damaged_packages(void **state) {
    (void)state;
    suite_package s;
    unsigned accepted = 0;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        uint8_t bytes[2048];
        size_t size = 0;
        uint64_t random = ~seed;
        slow_package p = {.struct_size = sizeof p};
        suite_make(&s, seed);
        assert_int_equal(codec()->encode(NULL, &s.package, bytes, sizeof bytes, &size), SLOW_OK);
        for (int i = 0; i < 2; i++)
            bytes[suite_random(&random) % size] = (uint8_t)suite_random(&random);
        if (decode(bytes, size, &p) != SLOW_OK)
            continue;
        accepted++;
        if (!is_what_protobuf_c_reads(&p, bytes, size))
            fail_msg("protobuf-c reads another package (seed %llu)", (unsigned long long)seed);
    }
    assert_in_range(accepted, 1000, 19000);
}

/* ---- the conformance suite's hostile bytes, alone and behind a good package's routing ---- */

static bool from_hex(const char *text, hand *h) {
    unsigned byte;
    int used;
    for (h->size = 0; sscanf(text, "%2x%n", &byte, &used) == 1 && used == 2; text += 2)
        h->bytes[h->size++] = (uint8_t)byte;
    return h->size > 0;
}

static void hostile_bytes_are_refused(void **state) {
    (void)state;
    char path[1024], name[128], hex[512], line[1024];
    const char *folder = getenv("SLOW_TESTDATA");
    snprintf(path, sizeof path, "%s/corpora/protobuf-hostile.txt", folder != NULL ? folder : "");
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        print_message("SKIPPED: no %s; set SLOW_TESTDATA to the folder of test data\n", path);
        skip();
    }
    unsigned count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        hand hostile, behind = {.size = 0};
        if (line[0] == '#' || sscanf(line, "%127s %511s", name, hex) != 2 || !from_hex(hex, &hostile))
            continue;
        count++;
        ADD(&behind, ROUTING);
        add(&behind, hostile.bytes, hostile.size);
        if (decode(hostile.bytes, hostile.size, &(slow_package){0}) != SLOW_E_MALFORMED ||
            decode(behind.bytes, behind.size, &(slow_package){0}) != SLOW_E_MALFORMED)
            fail_msg("accepted: %s", name);
    }
    fclose(file);
    print_message("%u hostile inputs refused, alone and behind a good package's routing\n", count);
    assert_true(count >= 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_package_written_by_hand_is_read),
        cmocka_unit_test(no_more_is_written_than_the_host_has),
        cmocka_unit_test(routing_fields_stand_in_order_once_and_first),
        cmocka_unit_test(other_fields_stand_once_in_any_order),
        cmocka_unit_test(a_field_of_the_wrong_wire_type_is_refused),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(unknown_fields_behind_the_routing_are_skipped),
        cmocka_unit_test(at_most_1024_unknown_fields_are_skipped),
        cmocka_unit_test(groups_and_unknown_wire_types_are_refused),
        cmocka_unit_test(a_truncated_varint_is_refused),
        cmocka_unit_test(protobuf_c_reads_the_same),
        cmocka_unit_test(protobuf_c_agrees_about_damaged_packages),
        cmocka_unit_test(hostile_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
