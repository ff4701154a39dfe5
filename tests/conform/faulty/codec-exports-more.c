/* A function that was forgotten to be static, in a build without -fvisibility=hidden. */
#include "right_codec.h"

__attribute__((visibility("default"))) int codec_helper(int value);

int codec_helper(int value) {
    return value + 1;
}

RIGHT_CODEC(codec_exports_more, "codec-exports-more", right_create, right_destroy, right_encode, right_decode,
            right_peek, NULL, 0)
