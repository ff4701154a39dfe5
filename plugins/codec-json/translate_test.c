/* A junction between a JSON neighbour and a protobuf one translates: no package may change on the way, and none that
 * one of the codecs carries may be refused by the other. The one exception is a whole message of type JSON that is not
 * JSON, which codec-protobuf, not knowing what a payload is, would carry to the end. */
#include "tests/support/codec_suite.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

const slow_module *slow_module_v1_codec_json(void);
const slow_module *slow_module_v1_codec_protobuf(void);

/* encode() and decode() by one codec, `in` to `out`, which points into `bytes` and `arena`. */
static bool hop(const slow_codec_ops *codec, const slow_package *in, slow_package *out, uint8_t *bytes,
                suite_arena *arena) {
    size_t size = 0;
    *out = (slow_package){.struct_size = sizeof *out};
    return codec->encode(NULL, in, bytes, SLOW_PAYLOAD_MAX * 2 - 64, &size) == SLOW_OK &&
           codec->decode(NULL, (slow_bytes){bytes, size}, suite_arena_open(arena, sizeof arena->memory), out) ==
               SLOW_OK;
}

static void a_package_crosses_codecs_unchanged(const slow_codec_ops *first, const slow_codec_ops *second) {
    suite_package s;
    suite_arena arenas[3];
    slow_package one, two, three;
    uint8_t bytes[3][2048];
    for (uint64_t seed = 1; seed <= 50000; seed++) {
        suite_make(&s, seed);
        if (!hop(first, &s.package, &one, bytes[0], &arenas[0]) || !hop(second, &one, &two, bytes[1], &arenas[1]) ||
            !hop(first, &two, &three, bytes[2], &arenas[2]))
            fail_msg("refused on the way (seed %llu)", (unsigned long long)seed);
        if (!suite_equal(&s.package, &two) || !suite_equal(&s.package, &three))
            fail_msg("changed on the way (seed %llu)", (unsigned long long)seed);
    }
}

static void from_json_to_protobuf_and_back_nothing_changes(void **state) {
    (void)state;
    a_package_crosses_codecs_unchanged(slow_module_v1_codec_json()->plugins[0]->ops,
                                       slow_module_v1_codec_protobuf()->plugins[0]->ops);
}

static void from_protobuf_to_json_and_back_nothing_changes(void **state) {
    (void)state;
    a_package_crosses_codecs_unchanged(slow_module_v1_codec_protobuf()->plugins[0]->ops,
                                       slow_module_v1_codec_json()->plugins[0]->ops);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_json_to_protobuf_and_back_nothing_changes),
        cmocka_unit_test(from_protobuf_to_json_and_back_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
