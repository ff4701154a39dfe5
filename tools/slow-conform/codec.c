/* Codecs. */
#include "conform.h"
#include "tests/support/codec_suite.h"
#include <slow/codec.h>
#include <stdlib.h>

static void exercise(conform *c, conform_instance pair[2]) {
    const slow_codec_ops *codec = pair[0].ops;
    suite_package *made = malloc(sizeof *made);
    uint8_t bytes[SLOW_FRAME_FLOOR];
    if (made == NULL)
        abort();
    for (int i = 0; i < 20; i++) {
        suite_arena arena;
        slow_package back = {.struct_size = sizeof back};
        slow_route_view view;
        size_t size = 0;
        slow_status status;
        suite_make(made, conform_random(c));
        CONFORM_CALL(c, "encode()", status = codec->encode(pair[0].self, &made->package, bytes, sizeof bytes, &size));
        conform_trace(&pair[0], &status, sizeof status);
        if (status != SLOW_OK)
            continue;
        conform_trace(&pair[0], bytes, size);
        slow_bytes in = {bytes, size};
        slow_arena *scratch = suite_arena_open(&arena, sizeof arena.memory);
        CONFORM_CALL(c, "decode()", status = codec->decode(pair[1].self, in, scratch, &back));
        conform_trace(&pair[1], &status, sizeof status);
        if (codec->peek == NULL)
            continue;
        CONFORM_CALL(c, "peek()", status = codec->peek(pair[1].self, in, &view));
        if (status == SLOW_OK)
            CONFORM_CALL(c, "advance()", codec->advance(pair[1].self, bytes, size, &view));
        conform_trace(&pair[1], bytes, size);
    }
    free(made);
}

static const conform_test tests[] = {{.name = NULL}};

const conform_kind conform_codec = {.kind = SLOW_CODEC, .tests = tests, .exercise = exercise};
