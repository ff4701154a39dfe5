/* Waits for a number that may not come: once in so many lives, create() does not return. */
#include "right_codec.h"

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    uint64_t drawn = host->random(host);
    volatile bool arrived = drawn % 256 != 200;
    while (!arrived)
        continue;
    return right_create(host, config, self, error);
}

RIGHT_CODEC(codec_hangs, "codec-hangs", create, right_destroy, right_encode, right_decode, right_peek, NULL, 0)
