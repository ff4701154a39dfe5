/* The JSON codec against packages written by hand, and against JSONTestSuite: as the payload of a package, and as a
 * package. Any packages, and hostile bytes, are slow-conform's. */
#include "tools/slow-conform/codec_checks.h"
#include <dirent.h>
#include <jansson.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const slow_module *slow_module_v1_codec_json(void);

static const slow_codec_ops *codec(void) {
    return slow_module_v1_codec_json()->plugins[0]->ops;
}

static void comes_back(const slow_package *p) {
    const char *wrong = suite_round_trip(&(suite_codec){.ops = codec()}, p);
    if (wrong != NULL)
        fail_msg("the codec %s", wrong);
}

static slow_bytes text_of(const char *text) {
    return (slow_bytes){(const uint8_t *)text, strlen(text)};
}

static bool text_is(slow_bytes bytes, const char *text) {
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static slow_status decode_in(slow_bytes in, size_t arena_size, slow_package *out, suite_arena *arena) {
    return codec()->decode(NULL, in, suite_arena_open(arena, arena_size), out);
}

static slow_status decode(const char *text) {
    suite_arena arena;
    return decode_in(text_of(text), sizeof arena.memory, &(slow_package){0}, &arena);
}

static slow_package a_package(uint8_t type, const char *payload) {
    return (slow_package){
        .struct_size = sizeof(slow_package),
        .type = type,
        .hop_limit = 64,
        .hops = 1,
        .src = text_of("alice"),
        .dst = text_of("bob"),
        .session = 0xc0ffee,
        .packet = 7,
        .total = (uint32_t)strlen(payload),
        .payload = text_of(payload),
    };
}

#define ENVELOPE \
    "{\"dst\":\"bob\",\"src\":\"alice\",\"hop_limit\":64,\"hops\":1,\"session\":\"0000000000c0ffee\",\"packet\":7"
#define OF(type) ENVELOPE ",\"type\":\"" type "\""

/* ---- what a package looks like ---- */

static void a_json_message_stands_in_its_package_as_it_was_written(void **state) {
    (void)state;
    static const char expected[] =
        "{\"dst\":\"b\\\"o\\\\b\",\"src\":\"alice\",\"hint\":\"aGk=\",\"type\":\"json\",\"priority\":4,\"hop_limit\":"
        "64,"
        "\"hops\":1,\"flags\":1,\"session\":\"0000000000c0ffee\",\"packet\":7,\"message\":3,\"channel\":2,"
        "\"data\":{\"n\": 1.0,\"s\":\"\\u0041\"}}";
    slow_package p = a_package(SLOW_JSON, "{\"n\": 1.0,\"s\":\"\\u0041\"}"), back = {.struct_size = sizeof back};
    p.dst = text_of("b\"o\\b");
    p.hint = text_of("hi");
    p.priority = 4;
    p.flags = SLOW_RELIABLE;
    p.message = 3;
    p.channel = 2;
    suite_arena arena;
    uint8_t out[512];
    size_t size = 0;
    assert_int_equal(codec()->encode(NULL, &p, out, sizeof out, &size), SLOW_OK);
    assert_true(text_is((slow_bytes){out, size}, expected));
    assert_int_equal(decode_in(text_of(expected), sizeof arena.memory, &back, &arena), SLOW_OK);
    assert_true(suite_equal(&p, &back));
}

static void assert_encoded(const slow_package *p, const char *expected) {
    uint8_t out[2048];
    size_t size = 0;
    assert_int_equal(codec()->encode(NULL, p, out, sizeof out - 1, &size), SLOW_OK);
    out[size] = 0;
    if (strstr((const char *)out, expected) == NULL)
        fail_msg("%s is not in %s", expected, (const char *)out);
    comes_back(p);
}

static void type_and_total_decide_how_data_is_written(void **state) {
    (void)state;
    slow_package p = a_package(SLOW_JSON, "\"aGVsbG8=\"");
    assert_encoded(&p, "\"packet\":7,\"data\":\"aGVsbG8=\"}");
    p = a_package(SLOW_JSON, "hello"); /* the same text, as five bytes of ten */
    p.total = 10;
    assert_encoded(&p, "\"packet\":7,\"offset\":0,\"total\":10,\"data\":\"aGVsbG8=\"}");
    p.offset = 5;
    assert_encoded(&p, "\"packet\":7,\"offset\":5,\"total\":10,\"data\":\"aGVsbG8=\"}");
    p = a_package(SLOW_BINARY, "hello");
    assert_encoded(&p, "\"type\":\"binary\",\"hop_limit\":64,\"hops\":1,\"session\":\"0000000000c0ffee\",\"packet\":7,"
                       "\"data\":\"aGVsbG8=\"}");
    p = a_package(SLOW_CONTROL, "");
    p.kind = 0x8001;
    assert_encoded(&p, "\"kind\":32769,\"session\":\"0000000000c0ffee\",\"packet\":7,\"data\":\"\"}");
    p = a_package(SLOW_SEALED, "hello");
    p.total = 0;
    assert_encoded(&p, "\"src\":\"alice\",\"hop_limit\":64,\"hops\":1,\"session\":\"0000000000c0ffee\",\"packet\":7,"
                       "\"sealed\":\"aGVsbG8=\"}");
}

static void a_payload_that_is_not_json_cannot_be_sent_as_json(void **state) {
    (void)state;
    static const char *const payloads[] = {"",
                                           " ",
                                           "1 ",
                                           " 1",
                                           "\n{}",
                                           "{}\t",
                                           "1,\"flags\":8",
                                           "1}",
                                           "1},{",
                                           "{}{}",
                                           "\"a\",\"b\":\"c\"",
                                           "\"",
                                           "\"\\\"",
                                           "[",
                                           "]",
                                           "[1,]",
                                           "01",
                                           "1.",
                                           ".5",
                                           "+1",
                                           "nul",
                                           "NaN",
                                           "'a'",
                                           "//\n1",
                                           "{\"a\":1,\"a\":2}",
                                           "{\"a\":1,\"\\u0061\":2}",
                                           "\"\xff\"",
                                           "\"\xed\xa0\x80\"",
                                           "\"\\ud800\"",
                                           "\"\n\"",
                                           "\xef\xbb\xbf{}"};
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        slow_package p = a_package(SLOW_JSON, payloads[i]);
        size_t size = 0;
        if (codec()->encode(NULL, &p, NULL, 0, &size) != SLOW_E_INVAL)
            fail_msg("embedded: %s", payloads[i]);
    }
}

static void the_longest_package_fits_every_link(void **state) {
    (void)state;
    uint8_t bytes[SLOW_PAYLOAD_MAX + SLOW_SEAL_ROOM], id[SLOW_ID_MAX];
    memset(bytes, 0xff, sizeof bytes);
    memset(id, '"', sizeof id);
    slow_package p = {
        .type = SLOW_CONTROL,
        .priority = 11,
        .hop_limit = 255,
        .hops = 255,
        .flags = UINT16_MAX,
        .kind = UINT16_MAX,
        .channel = 63,
        .src = {id, sizeof id},
        .dst = {id, sizeof id},
        .session = UINT64_MAX,
        .packet = SLOW_NUMBER_MAX,
        .message = SLOW_NUMBER_MAX,
        .offset = UINT32_MAX - SLOW_PAYLOAD_MAX,
        .total = UINT32_MAX,
        .hint = {bytes, SLOW_HINT_MAX},
        .payload = {bytes, SLOW_PAYLOAD_MAX},
    };
    uint8_t out[1984]; /* SLOW_FRAME_FLOOR - 64 */
    size_t size = 0;
    assert_int_equal(codec()->encode(NULL, &p, out, sizeof out, &size), SLOW_OK);
    assert_int_equal(size, 1966);
    p.type = SLOW_SEALED;
    p.kind = p.channel = 0;
    p.message = p.offset = p.total = 0;
    p.payload.size = SLOW_PAYLOAD_MAX + SLOW_SEAL_ROOM;
    assert_int_equal(codec()->encode(NULL, &p, out, sizeof out, &size), SLOW_OK);
    assert_int_equal(size, 1943);
}

/* ---- what is read ---- */

static void a_package_written_by_a_person_is_read(void **state) {
    (void)state;
    static const char text[] =
        " {\n\t\"data\" : { \"a\" : [ 1.0 , \"}\" ] } ,\r\n \"type\" : \"\\u006ason\", \"later\": [{}],\n"
        "\"src\":\"\\u00e9\\ud83d\\ude00\\/\\\"\", \"dst\":\"b\\u006fb\", \"hint\": \"\",\n"
        "\"session\":\"00C0FFEE00c0ffee\", \"hops\":1, \"hop_limit\":2 }\n";
    suite_arena arena;
    slow_package p = {.struct_size = sizeof p};
    assert_int_equal(decode_in(text_of(text), sizeof arena.memory, &p, &arena), SLOW_OK);
    assert_int_equal(p.type, SLOW_JSON);
    assert_true(text_is(p.payload, "{ \"a\" : [ 1.0 , \"}\" ] }"));
    assert_int_equal(p.total, p.payload.size);
    assert_true(text_is(p.src, "\xc3\xa9\xf0\x9f\x98\x80/\""));
    assert_true(text_is(p.dst, "bob"));
    assert_true(p.session == UINT64_C(0x00c0ffee00c0ffee));
    assert_int_equal(p.hint.size, 0);
}

/* A host of a lower minor than the SDK that the codec was compiled against: its struct is shorter. */
static void no_more_is_written_than_the_host_has(void **state) {
    slow_package p = {.struct_size = offsetof(slow_package, payload), .payload = {(const uint8_t *)"the host's", 10}};
    suite_arena arena;
    (void)state;
    assert_int_equal(decode_in(text_of(OF("json") ",\"data\":1}"), sizeof arena.memory, &p, &arena), SLOW_OK);
    assert_int_equal(p.struct_size, offsetof(slow_package, payload));
    assert_int_equal(p.dst.size, 3);
    assert_int_equal(p.payload.size, 10);
}

static void mistakes_are_refused(void **state) {
    (void)state;
    assert_int_equal(decode(OF("json") ",\"data\":1}"), SLOW_OK);
    assert_int_equal(decode(OF("binary") ",\"data\":\"\"}"), SLOW_OK);
    assert_int_equal(decode(OF("binary") ",\"data\":\"aGk=\",\"offset\":1,\"total\":3}"), SLOW_OK);
    assert_int_equal(decode(OF("json") ",\"\\u0064st\":1,\"data\":1}"), SLOW_E_MALFORMED); /* dst twice */
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "1",
        "[" OF("json") ",\"data\":1}]",
        OF("json") ",\"data\":1",
        OF("json") ",\"data\":1}}",
        OF("json") ",\"data\":1} 1",
        OF("json") "}",
        ENVELOPE ",\"data\":1}",
        OF("text") ",\"data\":1}",
        OF("sealed") ",\"data\":\"\"}",
        ENVELOPE ",\"type\":1,\"data\":1}",
        OF("json") ",\"data\":1,\"data\":1}",
        OF("json") ",\"dst\":\"eve\",\"data\":1}",
        OF("json") ",\"data\":{\"a\":1,\"a\":1}}",
        OF("json") ",\"\\u0064ata\":1}",
        OF("json") ",\"sealed\":\"aGk=\"}",
        OF("json") ",\"data\":1,\"sealed\":\"aGk=\"}",
        ENVELOPE ",\"data\":1,\"sealed\":\"aGk=\"}",
        ENVELOPE ",\"sealed\":\"aGk=\",\"total\":2}",
        ENVELOPE ",\"sealed\":\"aGk=\",\"message\":1}",
        ENVELOPE ",\"sealed\":1}",
        OF("binary") ",\"data\":1}",
        OF("binary") ",\"data\":\"a\"}",
        OF("binary") ",\"data\":\"aGk\"}",
        OF("binary") ",\"data\":\"aGl=\"}",
        OF("binary") ",\"data\":\"aGk=\\n\"}",
        OF("binary") ",\"data\":\"aG-_\"}",
        OF("binary") ",\"data\":\"aGk=\",\"total\":2}", /* that is whole */
        OF("binary") ",\"data\":\"aGk=\",\"offset\":1}",
        OF("binary") ",\"data\":\"aGk=\",\"offset\":2,\"total\":3}",
        OF("json") ",\"data\":{},\"offset\":0,\"total\":9}",
        OF("json") ",\"flags\":65536,\"data\":1}",
        OF("json") ",\"flags\":\"1\",\"data\":1}",
        OF("json") ",\"flags\":1.0,\"data\":1}",
        OF("json") ",\"flags\":1e0,\"data\":1}",
        OF("json") ",\"flags\":-1,\"data\":1}",
        OF("json") ",\"flags\":null,\"data\":1}",
        OF("json") ",\"kind\":1,\"data\":1}",
        OF("json") ",\"channel\":64,\"data\":1}",
        OF("json") ",\"channel\":256,\"data\":1}",
        OF("json") ",\"message\":9007199254740992,\"data\":1}",
        OF("json") ",\"message\":18446744073709551617,\"data\":1}",
        OF("json") ",\"priority\":12,\"data\":1}",
        OF("json") ",\"hint\":\"aG\",\"data\":1}",
        OF("json") ",\"hint\":1,\"data\":1}",
        "{\"dst\":\"b\",\"src\":\"a\",\"hop_limit\":1,\"hops\":1,\"type\":\"json\",\"data\":1}",
        "{\"dst\":\"b\",\"src\":\"a\",\"hop_limit\":1,\"hops\":1,\"session\":\"1\",\"type\":\"json\",\"data\":1}",
        "{\"dst\":\"b\",\"src\":\"a\",\"hop_limit\":1,\"hops\":1,\"session\":\"000000000000000g\",\"type\":\"json\","
        "\"data\":1}",
        "{\"dst\":\"b\",\"src\":\"a\",\"hop_limit\":1,\"hops\":1,\"session\":1234567890123456,\"type\":\"json\","
        "\"data\":1}",
        "{\"dst\":\"b\",\"src\":\"a\",\"hop_limit\":1,\"session\":\"0000000000000001\",\"type\":\"json\",\"data\":1}",
        "{\"dst\":\"b\",\"hop_limit\":1,\"hops\":1,\"session\":\"0000000000000001\",\"type\":\"json\",\"data\":1}",
        "{\"dst\":\"\",\"src\":\"a\",\"hop_limit\":1,\"hops\":1,\"session\":\"0000000000000001\",\"type\":\"json\","
        "\"data\":1}",
        "{\"dst\":\"\\n\",\"src\":\"a\",\"hop_limit\":1,\"hops\":1,\"session\":\"0000000000000001\",\"type\":\"json\","
        "\"data\":1}",
        "{\"dst\":\"a\\u0000\",\"src\":\"a\",\"hop_limit\":1,\"hops\":1,\"session\":\"0000000000000001\",\"type\":"
        "\"json\",\"data\":1}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (decode(texts[i]) != SLOW_E_MALFORMED)
            fail_msg("accepted: %s", texts[i]);
}

/* jansson takes a byte 0 behind a number for the end of the text. */
static void a_byte_0_stands_in_no_json(void **state) {
    (void)state;
    static const char text[] = OF("json") ",\"data\":1}\0", payload[] = "1\0,\"flags\":8";
    suite_arena arena;
    slow_bytes in = {(const uint8_t *)text, sizeof text - 2};
    assert_int_equal(decode_in(in, sizeof arena.memory, &(slow_package){0}, &arena), SLOW_OK);
    in.size++;
    assert_int_equal(decode_in(in, sizeof arena.memory, &(slow_package){0}, &arena), SLOW_E_MALFORMED);
    for (size_t size = 2; size < sizeof payload; size++) {
        slow_package p = a_package(SLOW_JSON, "");
        size_t need = 0;
        p.payload = (slow_bytes){(const uint8_t *)payload, size};
        p.total = (uint32_t)size;
        assert_int_equal(codec()->encode(NULL, &p, NULL, 0, &need), SLOW_E_INVAL);
    }
}

static void a_full_arena_is_said_to_be_full(void **state) {
    (void)state;
    slow_package p = {.struct_size = sizeof p};
    suite_arena arena;
    slow_bytes in = text_of(OF("binary") ",\"hint\":\"aGk=\",\"data\":\"aG\\u0061h\"}");
    size_t cap = 0;
    while (decode_in(in, cap, &p, &arena) == SLOW_E_NOMEM)
        cap++;
    assert_int_equal(decode_in(in, cap, &p, &arena), SLOW_OK);
    assert_true(cap > 3);
    assert_int_equal(decode_in(text_of(OF("json") ",\"data\":1}"), 0, &p, &arena), SLOW_OK); /* borrows all */
}

/* ---- fences ---- */

static void nest(char *text, size_t depth) {
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = 0;
}

static void json_is_nested_64_deep_at_most(void **state) {
    (void)state;
    char payload[600], text[1024];
    size_t size = 0;
    for (size_t depth = 64; depth <= 256; depth *= 2) {
        nest(payload, depth);
        slow_package p = a_package(SLOW_JSON, payload);
        snprintf(text, sizeof text, OF("json") ",\"data\":%s}", payload);
        assert_int_equal(codec()->encode(NULL, &p, NULL, 0, &size), depth == 64 ? SLOW_E_NOSPACE : SLOW_E_INVAL);
        assert_int_equal(decode(text), depth == 64 ? SLOW_OK : SLOW_E_MALFORMED);
    }
    nest(payload, 65);
    slow_package p = a_package(SLOW_JSON, payload);
    assert_int_equal(codec()->encode(NULL, &p, NULL, 0, &size), SLOW_E_INVAL);
}

static void text_beyond_2048_bytes_is_refused(void **state) {
    (void)state;
    char text[2050];
    memset(text, ' ', sizeof text);
    memcpy(text + 2048 - strlen(OF("json") ",\"data\":1}"), OF("json") ",\"data\":1}",
           strlen(OF("json") ",\"data\":1}"));
    text[2048] = 0;
    assert_int_equal(decode(text), SLOW_OK);
    text[2048] = ' ';
    text[2049] = 0;
    assert_int_equal(decode(text), SLOW_E_MALFORMED);
}

static size_t memory_used, memory_most;

static void *counted_malloc(size_t size) {
    void *memory = malloc(size);
    memory_used += memory != NULL ? malloc_usable_size(memory) : 0;
    memory_most = memory_used > memory_most ? memory_used : memory_most;
    return memory;
}

static void counted_free(void *memory) {
    memory_used -= memory != NULL ? malloc_usable_size(memory) : 0;
    free(memory);
}

static void no_text_costs_more_than_256_kib(void **state) {
    (void)state;
    static const char *const pieces[] = {"[],",        "{},",         "\"\",", "1,", "1.0,", "[[[[[[[[]]]]]]]],",
                                         "{\"\":{}},", "\"\\u0000\","};
    char text[2100];
    memory_used = memory_most = 0;
    json_set_alloc_funcs(counted_malloc, counted_free);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        size_t size = (size_t)snprintf(text, sizeof text, OF("json") ",\"data\":1,\"later\":[");
        while (size + strlen(pieces[i]) + 3 <= 2048)
            size += (size_t)snprintf(text + size, sizeof text - size, "%s", pieces[i]);
        snprintf(text + size, sizeof text - size, "1]}");
        assert_int_equal(decode(text), SLOW_OK);
    }
    json_set_alloc_funcs(malloc, free);
    print_message("the worst text of 2,048 bytes took %zu bytes\n", memory_most);
    assert_in_range(memory_most, 2048, 256 * 1024);
    assert_int_equal(memory_used, 0);
}

/* ---- JSONTestSuite ---- */

typedef struct verdicts {
    unsigned must, must_taken, must_not, must_not_refused, may;
} verdicts;

/* Is `text` carried as a JSON message? Both ways have to say the same: put into a package by encode(), and found by
 * decode() in a package that somebody else wrote. */
static bool is_carried(const char *name, slow_bytes text) {
    char package[4096];
    slow_package p = a_package(SLOW_JSON, ""), back = {.struct_size = sizeof back};
    suite_arena arena;
    size_t size = 0;
    p.payload = text;
    p.total = (uint32_t)text.size;
    bool carried = codec()->encode(NULL, &p, (uint8_t *)package, sizeof package, &size) == SLOW_OK;
    if (carried)
        comes_back(&p);
    if (text.size > sizeof package - 512)
        return carried;
    size = (size_t)snprintf(package, sizeof package, OF("json") ",\"data\":");
    memcpy(package + size, text.data, text.size);
    size += text.size;
    package[size++] = '}';
    bool found = decode_in((slow_bytes){(uint8_t *)package, size}, sizeof arena.memory, &back, &arena) == SLOW_OK;
    if (found != carried)
        fail_msg("%s: encode() says %d, decode() says %d", name, carried, found);
    return carried;
}

static slow_bytes read_test(const char *folder, const char *name) {
    char path[1200];
    static uint8_t text[300000];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    slow_bytes in = {text, fread(text, 1, sizeof text, file)};
    fclose(file);
    assert_int_not_equal(decode_in(in, 0, &(slow_package){0}, &(suite_arena){0}), SLOW_OK); /* none is a package */
    while (in.size > 0 && memchr(" \t\r\n", in.data[in.size - 1], 4) != NULL)
        in.size--;
    while (in.size > 0 && memchr(" \t\r\n", in.data[0], 4) != NULL)
        in = (slow_bytes){in.data + 1, in.size - 1};
    return in;
}

static void judge(verdicts *v, const char *folder, const char *name) {
    bool carried = is_carried(name, read_test(folder, name));
    if (name[0] == 'y') {
        v->must++;
        v->must_taken += carried;
    } else if (name[0] == 'n') {
        v->must_not++;
        v->must_not_refused += !carried;
    } else {
        v->may++;
        return;
    }
    if (carried != (name[0] == 'y'))
        print_message("%s is %s\n", name, carried ? "carried" : "refused");
}

static void json_is_what_jsontestsuite_says(void **state) {
    (void)state;
    char folder[900];
    const char *data = getenv("SLOW_TESTDATA");
    snprintf(folder, sizeof folder, "%s/jsontestsuite/test_parsing", data != NULL ? data : "");
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        print_message("SKIPPED: no %s; set SLOW_TESTDATA to the folder of test data\n", folder);
        skip();
    }
    verdicts v = {0};
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        if (strstr(entry->d_name, ".json") != NULL)
            judge(&v, folder, entry->d_name);
    closedir(dir);
    print_message("y_ carried: %u of %u; n_ refused: %u of %u; i_: %u\n", v.must_taken, v.must, v.must_not_refused,
                  v.must_not, v.may);
    assert_int_equal(v.must, 95);
    assert_int_equal(v.must_not, 188);
    assert_in_range(v.must_taken, 92, 95); /* duplicate keys and \u0000 in a key are refused */
    assert_int_equal(v.must_not_refused, 188);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_message_stands_in_its_package_as_it_was_written),
        cmocka_unit_test(type_and_total_decide_how_data_is_written),
        cmocka_unit_test(a_payload_that_is_not_json_cannot_be_sent_as_json),
        cmocka_unit_test(the_longest_package_fits_every_link),
        cmocka_unit_test(a_package_written_by_a_person_is_read),
        cmocka_unit_test(no_more_is_written_than_the_host_has),
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(a_byte_0_stands_in_no_json),
        cmocka_unit_test(a_full_arena_is_said_to_be_full),
        cmocka_unit_test(json_is_nested_64_deep_at_most),
        cmocka_unit_test(text_beyond_2048_bytes_is_refused),
        cmocka_unit_test(no_text_costs_more_than_256_kib),
        cmocka_unit_test(json_is_what_jsontestsuite_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
