/* A junction between a JSON neighbour and a protobuf one translates: no package may change on the way, and none that
 * one of the codecs carries may be refused by the other. slow-conform shows that of any packages, this of strings that
 * break things. The one exception is a whole message of type JSON that is not
 * JSON, which codec-protobuf, not knowing what a payload is, would carry to the end. */
#include "tools/slow-conform/made_package.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* ---- strings that break things ---- */

static void a_text_crosses(const char *text, size_t size, uint8_t type) {
    const slow_codec_ops *codecs[] = {slow_module_v1_codec_json()->plugins[0]->ops,
                                      slow_module_v1_codec_protobuf()->plugins[0]->ops};
    suite_package s;
    suite_arena arenas[2];
    slow_package one, two;
    uint8_t bytes[2][2 * SLOW_PAYLOAD_MAX];
    suite_make(&s, 1);
    s.package.type = type;
    s.package.flags = 0;
    s.package.kind = 0;
    s.package.offset = 0;
    s.package.total = (uint32_t)size;
    s.package.payload = (slow_bytes){(const uint8_t *)text, size};
    for (int first = 0; first < 2; first++)
        if (!hop(codecs[first], &s.package, &one, bytes[0], &arenas[0]) ||
            !hop(codecs[1 - first], &one, &two, bytes[1], &arenas[1]) || !suite_equal(&s.package, &two))
            fail_msg("not carried unchanged, as type %d: %.*s", type, (int)size, text);
}

/* One string a line, as a message of type JSON, with its quotes, and of type binary. Those that are longer than a payload
 * go in pieces of no type that a codec would look into. */
static void naughty_strings_cross_codecs_unchanged(void **state) {
    (void)state;
    char path[1024], line[4096];
    const char *folder = getenv("SLOW_TESTDATA");
    snprintf(path, sizeof path, "%s/corpora/blns.json", folder != NULL ? folder : "");
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        print_message("SKIPPED: no %s; set SLOW_TESTDATA to the folder of test data\n", path);
        skip();
    }
    unsigned json = 0, pieces = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        size_t size = strcspn(line, "\n");
        if (size > 0 && line[size - 1] == ',')
            size--;
        if (size < 2 || line[0] != '"')
            continue;
        if (size <= SLOW_PAYLOAD_MAX) {
            a_text_crosses(line, size, SLOW_JSON);
            json++;
        }
        for (size_t at = 0; at < size; at += SLOW_PAYLOAD_MAX, pieces++)
            a_text_crosses(line + at, size - at < SLOW_PAYLOAD_MAX ? size - at : SLOW_PAYLOAD_MAX, SLOW_BINARY);
    }
    fclose(file);
    print_message("%u strings as JSON, %u pieces as binary\n", json, pieces);
    assert_true(json > 490 && pieces > json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(naughty_strings_cross_codecs_unchanged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
