/* Any bytes as a package of codec-protobuf: what decode() accepts, peek() accepts with the same routing fields, and
 * what was decoded is encoded and decoded to the same again; advance() too. The questions are codec_checks.c's. */
#include "tools/slow-conform/codec_checks.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const slow_module *slow_module_v1_codec_protobuf(void);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    suite_codec codec = {.ops = slow_module_v1_codec_protobuf()->plugins[0]->ops};
    const char *wrong = suite_any_bytes(&codec, (slow_bytes){data, size});
    if (wrong == NULL)
        return 0;
    fprintf(stderr, "does not hold: %s\n", wrong);
    abort();
}
